# %% [markdown]
# # Lesson 03 · Gates: what to keep, what to forget
#
# **The question.** A reader holds on to some words for a whole story and lets others pass at once. How can a network
# decide, at every step, what to keep of the past and what to let go of? And how can it *learn* to decide, when the
# reason to keep something shows only many steps later?
#
# **What lesson 02 left open.** The recurrent network writes its whole state anew at every step, by the same rule,
# whether the step brings the word that everything hangs on or only a blank. Nothing in its equation can say: *this
# time, leave the state alone*. And on the way back the gradient passes through a matrix and a tanh at every step. It
# vanishes, and the network never learns what it should have kept.
#
# **What you build here.** The two networks that mended this: the gated recurrent unit (GRU) and long short-term memory
# (LSTM). You see which road the gradient takes through them, stack them in layers, and read a sequence in both
# directions. Then you train a network that remembers a symbol over sixty steps, measure which networks can learn this,
# and look into the gates of one that has learned to read stories.
#
# Work from top to bottom. Every exercise has a card, a cell for your answer and a check under it, which tells you at
# once what is right and what is not. The numbers in the lesson come from the cells: read them there.

# %%
import math
import time
from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from autograder import budget, check, course_device, describe_device, progress, save_weights
from autograder import data, real_text

torch.set_num_threads(1)  # the matrices of this lesson are small: more threads would only wait for each other
device = course_device()
print(describe_device())

# Colours that everybody can tell apart (Okabe and Ito), each with a marker and a line of its own for print in grey.
LINES = [
    {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    {"color": "#009E73", "marker": "^", "linestyle": "-."},
    {"color": "#CC79A7", "marker": "D", "linestyle": ":"},
    {"color": "#000000", "marker": "v", "linestyle": "-"},
]
plt.rcParams.update({"figure.figsize": (7, 3.2), "axes.grid": True, "grid.alpha": 0.3})
plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## 1 · A task that asks for memory alone
#
# To see what a network can remember, take everything else away. In **delayed recall** a sequence begins with a symbol.
# Then come blanks, one like the other. At the end comes a cue, and the network has to say which symbol it saw:
#
# | step | 1 | 2 | … | delay + 1 | delay + 2 |
# | --- | --- | --- | --- | --- | --- |
# | input | a symbol | blank | … | blank | cue |
# | wanted after the step | | | | | the symbol |
#
# There is nothing to understand here. The symbol has to survive `delay` steps that say nothing, and that is all.

# %% [markdown] card="delayed_recall_batch"
# Make one batch of the task. The symbols are the ids 0 to `num_symbols` − 1, each equally likely; the blank is the id
# `num_symbols`, the cue is `num_symbols` + 1. Return
#
# - `inputs`, `(batch, delay + 2)`: in each row a symbol, `delay` blanks, the cue;
# - `targets`, `(batch,)`: each row's symbol.
#
# Both are int64 and lie on the generator's device, `generator.device`. Draw with `generator` and with nothing else.
#
# <details><summary>Hint 1</summary>Begin with a tensor full of blanks (<code>torch.full</code>), and write over its
# first and its last column.</details>
# <details><summary>Hint 2</summary><code>torch.randint(high, size, generator=…, device=…)</code> draws whole numbers
# from 0 to high − 1, each equally likely.</details>
# <details><summary>When it goes wrong</summary><b>One symbol never comes, or the blank comes as a symbol:</b> does
# randint include its upper end?<br><b>Wrong width for a delay of 0:</b> what should be left of a row then?<br><b>The
# same seed gives other batches:</b> is every draw given the generator?</details>

# %% exercise="delayed_recall_batch"
def delayed_recall_batch(
    batch: int, num_symbols: int, delay: int, generator: torch.Generator
) -> tuple[Int[Tensor, "batch delay+2"], Int[Tensor, "batch"]]:
    """Rows of a symbol, `delay` blanks and a cue; and the symbols."""
    ### BEGIN SOLUTION
    blank, cue = num_symbols, num_symbols + 1
    targets = torch.randint(num_symbols, (batch,), generator=generator, device=generator.device)
    inputs = torch.full((batch, delay + 2), blank, device=generator.device)
    inputs[:, 0] = targets
    inputs[:, -1] = cue
    return inputs, targets
    ### END SOLUTION


# %% check="delayed_recall_batch"
check("delayed_recall_batch")

# %% [markdown]
# Let the network of lesson 02 try, with 8 symbols. In PyTorch it is called `nn.RNN`; around it stand an embedding,
# which makes a vector of each id, and a linear layer, which makes 8 logits of the last state. We give it the best
# start that lesson 02 knows, an orthogonal $W_{hh}$: all its eigenvalues have absolute value 1.

# %%
NUM_SYMBOLS = 8


class RecallNet(nn.Module):
    """An embedding, one of PyTorch's recurrent networks, and logits from its last output."""

    def __init__(self, kind: type[nn.RNNBase], d_hidden: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(NUM_SYMBOLS + 2, d_hidden)
        self.rnn = kind(d_hidden, d_hidden, batch_first=True)
        self.output = nn.Linear(d_hidden, NUM_SYMBOLS)
        if kind is nn.RNN:
            nn.init.orthogonal_(self.rnn.weight_hh_l0)

    def forward(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch num_symbols"]:
        outputs, _ = self.rnn(self.embedding(ids))
        return self.output(outputs[:, -1])


def fit(model: nn.Module, delays: list[int], num_updates: int, seed: int) -> list[float]:
    """Train on delayed recall, each batch with one of these delays; the loss of every update."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    generator, losses = torch.Generator(device).manual_seed(seed), []
    for number in torch.randint(len(delays), (num_updates,)):
        inputs, targets = delayed_recall_batch(32, NUM_SYMBOLS, delays[number], generator)
        loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def accuracy(model: nn.Module, delay: int) -> float:
    """The share of new rows with this delay whose symbol the model recalls."""
    inputs, targets = delayed_recall_batch(512, NUM_SYMBOLS, delay, torch.Generator(device).manual_seed(99))
    return (model(inputs).argmax(dim=-1) == targets).float().mean().item()


def smooth(values: list[float], width: int = 20) -> Tensor:
    """Means of `width` neighbours."""
    return torch.tensor(values).unfold(0, min(width, len(values)), 1).mean(dim=1)


# %% slow=true
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
for delay, line in zip([2, 10, 30], LINES):
    torch.manual_seed(0)
    model = RecallNet(nn.RNN).to(device)
    losses = fit(model, [delay], budget(full=400, quick=10), seed=0)
    print(f"delay {delay:>2}: {accuracy(model, delay):.0%} of the symbols recalled")
    left.plot(smooth(losses), label=f"delay {delay}", markevery=40, markersize=5, **line)
left.axhline(math.log(NUM_SYMBOLS), color="black", linewidth=1, linestyle="-", label="guessing")
left.set(title="Lesson 02's network learns short delays only", xlabel="update", ylabel="loss (mean of 20 updates)")
left.legend(fontsize=8)

one_row_each = torch.full((NUM_SYMBOLS, 61), NUM_SYMBOLS)
one_row_each[:, 0] = torch.arange(NUM_SYMBOLS)
for seed, line in zip(range(3), LINES):
    torch.manual_seed(seed)
    model = RecallNet(nn.RNN).double()
    with torch.no_grad():
        states, _ = model.rnn(model.embedding(one_row_each))
    spread = torch.stack([torch.pdist(states[:, t]).mean() for t in range(61)])
    right.plot(spread / spread[0], label=f"seed {seed}", markevery=6, markersize=5, **line)
right.set(title="Before training: blanks wash the symbols out", xlabel="blanks read since the symbol", yscale="log")
right.set_ylabel("distance between the states of two\nsymbols, relative (log scale)")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# Left: at the shorter delays the loss falls; at the longest it stays at the level of guessing, $\ln 8$. Right: the
# states of rows that began with different symbols come closer with every blank, until nothing tells them apart. A
# blank brings no news, and still
#
# $$h_t = \tanh(x_t W_{xh} + h_{t-1} W_{hh} + b_h)$$
#
# treats it like any other input: the state is multiplied by $W_{hh}$ and squashed once more. **Every step weighs alike
# what it brings.** What is missing is a way to say that this step does not matter.

# %% [markdown]
# ## 2 · The GRU: two gates and a candidate
#
# A **gate** is a vector of numbers between 0 and 1, one for each unit of the state. It is multiplied in, element by
# element: 0 shuts, 1 lets pass, and all between lets a part pass. The network computes its gates itself, from what it
# reads now and from its state. The sigmoid $\sigma(a) = 1 / (1 + e^{-a})$ brings them between 0 and 1:
#
# $$r_t = \sigma(x_t W_{xr} + h_{t-1} W_{hr} + b_r), \qquad z_t = \sigma(x_t W_{xz} + h_{t-1} W_{hz} + b_z).$$
#
# The gated recurrent unit has these two. First it makes a **candidate** for the new state. It looks like lesson 02's
# new state, but the **reset gate** $r_t$ says how much of the past may take part ($\circ$ multiplies element by
# element):
#
# $$\tilde h_t = \tanh(x_t W_{xh} + (r_t \circ h_{t-1}) W_{hh} + b_h).$$
#
# Then the **update gate** $z_t$ decides, unit by unit, between the old state and the candidate:
#
# $$h_t = z_t \circ h_{t-1} + (1 - z_t) \circ \tilde h_t .$$
#
# So the update gate pays attention: where $z_t$ is near 0 the step is taken in, where it is near 1 the step passes and
# the old value stays, **unsquashed and unmultiplied**. The reset gate forgets: where $r_t$ is near 0 the candidate is
# made as if nothing had come before. Look at the extremes, and you find networks that you know:
#
# | $z_t$ | $r_t$ | then $h_t$ is | which is |
# | --- | --- | --- | --- |
# | 1 | any | $h_{t-1}$ | a step that is skipped |
# | 0 | 1 | $\tanh(x_t W_{xh} + h_{t-1} W_{hh} + b_h)$ | the recurrent network of lesson 02 |
# | 0 | 0 | $\tanh(x_t W_{xh} + b_h)$ | a perceptron, which sees $x_t$ alone |
#
# The weights come as a dictionary. Each of the three, `r`, `z` and `h`, has a matrix for the input, one for the state,
# and a bias:
#
# | in code | shape | belongs to |
# | --- | --- | --- |
# | `params["W_xr"]`, `params["W_hr"]`, `params["b_r"]` | `(d_in, d_h)`, `(d_h, d_h)`, `(d_h,)` | reset gate |
# | `params["W_xz"]`, `params["W_hz"]`, `params["b_z"]` | the same | update gate |
# | `params["W_xh"]`, `params["W_hh"]`, `params["b_h"]` | the same | candidate |

# %% [markdown] card="gru_step"
# Write one step of the GRU:
#
# $$r_t = \sigma(x_t W_{xr} + h_{t-1} W_{hr} + b_r), \qquad z_t = \sigma(x_t W_{xz} + h_{t-1} W_{hz} + b_z),$$
#
# $$\tilde h_t = \tanh(x_t W_{xh} + (r_t \circ h_{t-1}) W_{hh} + b_h), \qquad
# h_t = z_t \circ h_{t-1} + (1 - z_t) \circ \tilde h_t .$$
#
# The reset gate is multiplied into the state **before** the matrix product. Leave `params` as they are.
#
# <details><summary>Hint 1</summary><code>torch.sigmoid</code> and <code>torch.tanh</code> work element by element, and
# so does <code>*</code>. The matrix product is <code>@</code>.</details>
# <details><summary>Hint 2</summary>Four lines, one for each of the four equations, in their order.</details>
# <details><summary>When it goes wrong</summary><b>Right where the gates are near one half, wrong where they are near 0
# or 1:</b> which of the two does z let pass, the old state or the candidate?<br><b>Wrong only a little:</b> in which
# order come the reset gate and the product with W_hh?<br><b>KeyError:</b> the names are W_xr, W_hr, b_r, and so on;
# the candidate's letter is h.</details>

# %% exercise="gru_step"
def gru_step(
    x_t: Float[Tensor, "batch d_in"], h_prev: Float[Tensor, "batch d_h"], params: dict[str, Tensor]
) -> Float[Tensor, "batch d_h"]:
    """One step of a gated recurrent unit: the state after reading x_t."""
    ### BEGIN SOLUTION
    r = torch.sigmoid(x_t @ params["W_xr"] + h_prev @ params["W_hr"] + params["b_r"])
    z = torch.sigmoid(x_t @ params["W_xz"] + h_prev @ params["W_hz"] + params["b_z"])
    h_tilde = torch.tanh(x_t @ params["W_xh"] + (r * h_prev) @ params["W_hh"] + params["b_h"])
    return z * h_prev + (1 - z) * h_tilde
    ### END SOLUTION


# %% check="gru_step"
check("gru_step")

# %% [markdown]
# To get a feeling for the two gates, set them by hand. Both networks below have one unit and read two numbers at each
# step: a *value*, and a *flag* that is 0 or 1. In the first one the flag opens the update gate: without it $z_t$ is
# near 1. In the second one $z_t$ is always near 0, so that the state is made anew at every step, and the flag shuts
# the reset gate.

# %% slow=true
def hand_made(**changes: list) -> dict[str, Tensor]:
    """GRU weights for two inputs and one unit: all zero, but for those that are named."""
    params = {"W_x": [[0.0], [0.0]], "W_h": [[0.0]], "b_": [0.0]}
    params = {f"{name}{gate}": value for gate in "rzh" for name, value in params.items()}
    return {name: torch.tensor(value) for name, value in (params | changes).items()}


update_by_flag = hand_made(W_xz=[[0.0], [-20.0]], b_z=[10.0], b_r=[10.0], W_xh=[[1.0], [0.0]])
reset_by_flag = hand_made(W_xr=[[0.0], [-20.0]], b_r=[10.0], b_z=[-10.0], W_xh=[[1.0], [0.0]], W_hh=[[1.0]])
num_steps = 30
flags = torch.zeros(num_steps)
flags[[4, 12, 21]] = 1
torch.manual_seed(8)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.2))
titles = ["Update gate: the flag says when to write", "Reset gate: the flag says when to begin anew"]
for axis, title, params, values in [
    (axes[0], titles[0], update_by_flag, torch.randn(num_steps)),
    (axes[1], titles[1], reset_by_flag, torch.full((num_steps,), 0.06)),
]:
    h, states = torch.zeros(1, 1), []
    for value, flag in zip(values, flags):
        h = gru_step(torch.stack([value, flag])[None], h, params)
        states.append(h.item())
    for number, t in enumerate(flags.nonzero().flatten().tolist()):
        axis.axvline(t, color="black", linestyle=":", label=None if number else "flag")
    axis.plot(values, label="value (input)", linewidth=0.8, markersize=4, **LINES[1])
    axis.plot(states, label="state", linewidth=2, markersize=4, **LINES[0])
    axis.set(title=title, xlabel="step", ylabel="value")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# Left: at a flag the state takes the value (through the tanh, so a little less of it) and **holds it, flat**, while
# the inputs go on changing. Right: the state adds up its inputs, and at each flag it starts again from the present
# input alone. In a trained network nobody sets flags: the weights of the gates learn what to take as one.

# %% [markdown]
# ### PyTorch's GRU is another function
#
# PyTorch has a GRU, `nn.GRU`, and for one step `nn.GRUCell`. It differs from yours in one place. It multiplies the
# reset gate in **after** the product, and has a second bias there:
#
# $$\tilde h_t = \tanh\left(x_t W_{xh} + b_h + r_t \circ (h_{t-1} W_{hh} + b_{hh})\right).$$
#
# Why? All three matrices that multiply the state now multiply the same thing, $h_{t-1}$, and can be laid side by side
# for a single large product. With your order the third product has to wait for $r_t$. Both are in use and both are
# called GRU; but weights that were trained for one are not right for the other. See how far apart they are:

# %% slow=true
torch.manual_seed(2)
d_in, d_h = 4, 8
torchs = nn.GRUCell(d_in, d_h)
# PyTorch stores its matrices transposed, and those of r, z and the candidate as one block of rows.
params = {}
for gate, W_x, W_h, b_x, b_h in zip(
    "rzh", torchs.weight_ih.chunk(3), torchs.weight_hh.chunk(3), torchs.bias_ih.chunk(3), torchs.bias_hh.chunk(3)
):
    # Our equations have one bias where PyTorch has two, but for the candidate, where the second stands inside r ∘ (…).
    params |= {f"W_x{gate}": W_x.T, f"W_h{gate}": W_h.T, f"b_{gate}": b_x if gate == "h" else b_x + b_h}
b_hh = torchs.bias_hh.chunk(3)[2]


def reset_after(x_t: Tensor, h_prev: Tensor) -> Tensor:
    """One step with PyTorch's order: the product first, then the reset gate."""
    r = torch.sigmoid(x_t @ params["W_xr"] + h_prev @ params["W_hr"] + params["b_r"])
    z = torch.sigmoid(x_t @ params["W_xz"] + h_prev @ params["W_hz"] + params["b_z"])
    h_tilde = torch.tanh(x_t @ params["W_xh"] + params["b_h"] + r * (h_prev @ params["W_hh"] + b_hh))
    return z * h_prev + (1 - z) * h_tilde


with torch.no_grad():
    x_t, h_prev = torch.randn(100, d_in), torch.randn(100, d_h).tanh()
    theirs = torchs(x_t, h_prev)
    size = theirs.abs().mean()
    for name, ours in {"your step": gru_step(x_t, h_prev, params), "reset after": reset_after(x_t, h_prev)}.items():
        print(f"{name:>11}: largest difference to nn.GRUCell {(ours - theirs).abs().max():.1e} (mean state {size:.2f})")

# %% [markdown]
# The second line shows rounding and nothing more; the first shows another function. When you compare a GRU with one of
# a paper, look for two things: where the reset gate stands, and which of the two states $z$ lets pass. Papers differ
# in both.

# %% [markdown]
# ## 3 · The LSTM: one place to remember, another to speak
#
# In a GRU the state has two duties. It has to keep what will be needed, and it is what all other layers read at every
# step. Long short-term memory parts the two. It has a **cell** $c_t$, which remembers, and a **hidden state** $h_t$,
# which speaks. Three gates stand between them: the **forget gate** $f_t$, the **input gate** $i_t$ and the **output
# gate** $o_t$,
#
# $$i_t = \sigma(x_t W_{xi} + h_{t-1} W_{hi} + b_i), \quad f_t = \sigma(x_t W_{xf} + h_{t-1} W_{hf} + b_f), \quad
# o_t = \sigma(x_t W_{xo} + h_{t-1} W_{ho} + b_o),$$
#
# and a candidate, $\tilde c_t = \tanh(x_t W_{xc} + h_{t-1} W_{hc} + b_c)$. The cell keeps a part of what it has, and
# takes in a part of the candidate; the hidden state shows a part of the cell:
#
# $$c_t = f_t \circ c_{t-1} + i_t \circ \tilde c_t, \qquad h_t = o_t \circ \tanh(c_t).$$
#
# | | what it asks | GRU |
# | --- | --- | --- |
# | forget gate $f_t$ | how much of the cell to **keep** (1 keeps, 0 forgets, in spite of its name) | $z_t$ |
# | input gate $i_t$ | how much of the candidate to take in | $1 - z_t$ |
# | output gate $o_t$ | how much of the cell to show now | shows everything |
#
# Two differences to the GRU are worth keeping in mind. A GRU's new state is a mean of the old one and a candidate, so
# it stays between −1 and 1. An LSTM keeps and takes in by two gates, so it can do both at once, and its cell can grow:
# it can count. And nothing squashes the cell: the tanh stands on the way out, not on the way on.

# %% [markdown] card="lstm_step"
# Write one step of the LSTM, and return both states, $(h_t, c_t)$:
#
# $$i_t, f_t, o_t = \sigma(x_t W_{x\cdot} + h_{t-1} W_{h\cdot} + b_\cdot), \qquad
# \tilde c_t = \tanh(x_t W_{xc} + h_{t-1} W_{hc} + b_c),$$
#
# $$c_t = f_t \circ c_{t-1} + i_t \circ \tilde c_t, \qquad h_t = o_t \circ \tanh(c_t).$$
#
# The letters in `params` are `i`, `f`, `o` for the gates and `c` for the candidate: `params["W_xi"]`,
# `params["W_hi"]`, `params["b_i"]`, and so on.
#
# <details><summary>Hint 1</summary>The same linear map comes four times, with another letter each time. A little
# function inside yours, which takes the letter, saves you three copies.</details>
# <details><summary>Hint 2</summary>The gates and the candidate are computed from x_t and h_prev. Where does c_prev
# come in?</details>
# <details><summary>When it goes wrong</summary><b>The cell is right, h is not:</b> what stands between the cell and
# the output gate?<br><b>h is right for small cells only:</b> see the same place.<br><b>The results come in the wrong
# order:</b> first h, then c.</details>

# %% exercise="lstm_step"
def lstm_step(
    x_t: Float[Tensor, "batch d_in"],
    h_prev: Float[Tensor, "batch d_h"],
    c_prev: Float[Tensor, "batch d_h"],
    params: dict[str, Tensor],
) -> tuple[Float[Tensor, "batch d_h"], Float[Tensor, "batch d_h"]]:
    """One step of an LSTM: the hidden state and the cell after reading x_t."""
    ### BEGIN SOLUTION
    def linear(letter: str) -> Float[Tensor, "batch d_h"]:
        return x_t @ params[f"W_x{letter}"] + h_prev @ params[f"W_h{letter}"] + params[f"b_{letter}"]

    i, f, o = torch.sigmoid(linear("i")), torch.sigmoid(linear("f")), torch.sigmoid(linear("o"))
    c_t = f * c_prev + i * torch.tanh(linear("c"))
    return o * torch.tanh(c_t), c_t
    ### END SOLUTION


# %% check="lstm_step"
check("lstm_step")

# %% [markdown]
# Again, set the gates by hand, and let the LSTM solve delayed recall with three symbols. Inputs are one-hot vectors:
# A, B, C, the blank, the cue. There is one unit for each symbol, and
#
# - the input gate opens for symbols and shuts for all else;
# - the forget gate is open all the time;
# - the output gate opens for the cue;
# - the candidate is +1 in the symbol's own unit and −1 in the others.

# %% slow=true
A, B, C, BLANK, CUE = range(5)
big = 10.0
params = {f"W_h{letter}": torch.zeros(3, 3) for letter in "ifoc"}
params |= {"W_xf": torch.zeros(5, 3), "b_f": torch.full((3,), big)}
params |= {"W_xi": torch.tensor([[2 * big]] * 3 + [[0.0]] * 2).repeat(1, 3), "b_i": torch.full((3,), -big)}
params |= {"W_xo": torch.tensor([[0.0]] * 4 + [[2 * big]]).repeat(1, 3), "b_o": torch.full((3,), -big)}
params |= {"W_xc": torch.cat([big * (2 * torch.eye(3) - 1), torch.zeros(2, 3)]), "b_c": torch.zeros(3)}

ids = torch.tensor([B] + [BLANK] * 8 + [CUE])
h, c = torch.zeros(1, 3), torch.zeros(1, 3)
cells, hiddens = [], []
for x_t in F.one_hot(ids, 5).float():
    h, c = lstm_step(x_t[None], h, c, params)
    cells.append(c[0]), hiddens.append(h[0])
figure, axes = plt.subplots(2, 1, figsize=(8, 3.8))
titles = ["cell c: remembers from the first step on", "hidden state h: speaks at the cue"]
for axis, title, values in zip(axes, titles, [torch.stack(cells).T, torch.stack(hiddens).T]):
    shown = axis.imshow(values, cmap="cividis", vmin=-1, vmax=1, aspect="auto")
    for unit, row in enumerate(values):
        for t, value in enumerate(row):
            shade = "black" if value > 0.2 else "white"
            axis.text(t, unit, f"{round(value.item(), 1) + 0.0:g}", ha="center", va="center", color=shade)
    axis.set_xticks(range(len(ids)), ["B"] + ["blank"] * 8 + ["cue"])
    axis.set_yticks(range(3), "ABC")
    axis.set(title=title, ylabel="unit")
    axis.grid(False)
axes[1].set_xlabel("input at each step")
figure.colorbar(shown, ax=axes, label="value")
plt.show()

# %% [markdown]
# In the upper picture unit B is set at the first step and stays as it is, however many blanks follow. In the lower one
# nothing shows until the cue asks. Compare with section 1, where each blank washed away a part.
#
# Now the loop, as in lesson 02. Two things are handed on from step to step.

# %% [markdown] card="lstm_forward"
# Read whole sequences from left to right. `x` is `(batch, seq, d_in)`; start from `h_0` and `c_0` and return
# `(outputs, (h_last, c_last))`:
#
# - `outputs`, `(batch, seq, d_h)`: the hidden states after every step;
# - `h_last` and `c_last`, `(batch, d_h)`: both states after the last step.
#
# You may call your `lstm_step`.
#
# <details><summary>Hint 1</summary>Collect the hidden states in a list, and stack them along the axis that
# <code>seq</code> has in the shape above.</details>
# <details><summary>When it goes wrong</summary><b>Only the first step is right:</b> are both states handed on, the
# cell too?<br><b>Shape (seq, batch, d_h):</b> look at the <code>dim</code> of your stack.<br><b>Expected 2
# results:</b> the second result is itself a pair.</details>

# %% exercise="lstm_forward"
def lstm_forward(
    x: Float[Tensor, "batch seq d_in"],
    h_0: Float[Tensor, "batch d_h"],
    c_0: Float[Tensor, "batch d_h"],
    params: dict[str, Tensor],
) -> tuple[Float[Tensor, "batch seq d_h"], tuple[Float[Tensor, "batch d_h"], Float[Tensor, "batch d_h"]]]:
    """Read sequences from left to right: all hidden states; the last hidden state and the last cell."""
    ### BEGIN SOLUTION
    h, c, outputs = h_0, c_0, []
    for t in range(x.shape[1]):
        h, c = lstm_step(x[:, t], h, c, params)
        outputs.append(h)
    return torch.stack(outputs, dim=1), (h, c)
    ### END SOLUTION


# %% check="lstm_forward"
check("lstm_forward")

# %% [markdown]
# PyTorch's `nn.LSTM` computes exactly this, in one fast call. To use weights of yours in it, and weights of others in
# yours, you have to know how it stores them. Its documentation says so: look up the parameters of `nn.LSTM`. The four
# blocks stand in the order **i, f, g, o**, where g is what we call the candidate c; the matrices are stored
# transposed, for `W @ x`; and there are two biases, which are added. The cell in section 2 unpacked a GRU's.

# %% [markdown] card="to_torch_lstm"
# Make an `nn.LSTM` with one layer and `batch_first=True` that computes the same function as your `lstm_forward` with
# these `params`, in their dtype and on their device.
#
# PyTorch keeps four tensors: `weight_ih_l0`, `(4 d_h, d_in)`; `weight_hh_l0`, `(4 d_h, d_h)`; `bias_ih_l0` and
# `bias_hh_l0`, `(4 d_h,)` each. The blocks of rows are i, f, g (our c), o. What is added at a gate is the **sum** of
# the two biases.
#
# <details><summary>Hint 1</summary>Our matrices multiply from the right, PyTorch's from the left: what is the
# transpose of x W?</details>
# <details><summary>Hint 2</summary><code>torch.cat</code> puts the blocks of the four letters below each other. Mind
# their order; in <code>params</code> they may stand in any.</details>
# <details><summary>Hint 3</summary>To fill a parameter, copy into it without recording: <code>with torch.no_grad():
# module.bias_hh_l0.zero_()</code>, or <code>.copy_(…)</code>.</details>
# <details><summary>When it goes wrong</summary><b>Wrong values, right shapes:</b> look at the order of the blocks, o
# and c above all.<br><b>Wrong only with biases:</b> two biases are added; is one of them counted twice, or left
# random?<br><b>float32 where float64 is expected:</b> give the module the dtype of the params.</details>

# %% exercise="to_torch_lstm"
def to_torch_lstm(params: dict[str, Tensor]) -> nn.LSTM:
    """PyTorch's module that computes what lstm_forward computes with these params."""
    ### BEGIN SOLUTION
    d_in, d_h = params["W_xi"].shape
    module = nn.LSTM(d_in, d_h, batch_first=True).to(params["b_i"])
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.cat([params[f"W_x{letter}"].T for letter in "ifco"]))
        module.weight_hh_l0.copy_(torch.cat([params[f"W_h{letter}"].T for letter in "ifco"]))
        module.bias_ih_l0.copy_(torch.cat([params[f"b_{letter}"] for letter in "ifco"]))
        module.bias_hh_l0.zero_()
    return module
    ### END SOLUTION


# %% check="to_torch_lstm"
check("to_torch_lstm")

# %% [markdown]
# Put the two side by side: the same weights, the same sequences, twenty steps.

# %% slow=true
def random_params(letters: str, d_in: int, d_h: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Random weights for these gates and candidates, biases of zero; in float64, which also holds tiny gradients."""
    params = {}
    for letter in letters:
        params[f"W_x{letter}"] = torch.randn(d_in, d_h, generator=generator, dtype=torch.float64) / d_in**0.5
        params[f"W_h{letter}"] = torch.randn(d_h, d_h, generator=generator, dtype=torch.float64) / d_h**0.5
        params[f"b_{letter}"] = torch.zeros(d_h, dtype=torch.float64)
    return params


generator = torch.Generator().manual_seed(5)
params = random_params("ifoc", 16, 64, generator)
x = torch.randn(8, 20, 16, generator=generator, dtype=torch.float64)
zeros = x.new_zeros(8, 64)
module = to_torch_lstm(params)


def milliseconds(run: Callable[[], object]) -> float:
    """How long run() takes: the fastest of several runs, since the others were disturbed."""
    times = []
    for _ in range(budget(full=20, quick=2)):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


with torch.no_grad():
    ours, theirs = lstm_forward(x, zeros, zeros, params)[0], module(x)[0]
    loop, fused = milliseconds(lambda: lstm_forward(x, zeros, zeros, params)), milliseconds(lambda: module(x))
print(f"largest difference between yours and nn.LSTM: {(ours - theirs).abs().max():.1e}")
print(f"yours takes {loop:.2f} ms, nn.LSTM {fused:.2f} ms: {loop / fused:.1f} times as fast")

# %% [markdown]
# The same numbers, sooner. From here on PyTorch's networks do the heavy work, and you know what is inside.

# %% [markdown]
# ### In words
#
# A GRU is to read a long text and to keep one fact from its beginning, say the name of the hero, for hundreds of
# characters. Which of the two gates does it need for that, and with what values? A colleague holds that the *other*
# gate alone would do. Show from the equations of section 2 what happens to the state when the gate that you named is
# stuck at the value that lets everything be written, **whatever** the other gate does. And say what the other gate is
# good for.

# %% [markdown] written="gates" points=3
# ### BEGIN SOLUTION
# It needs the update gate: $z_t$ near 1, in the units that hold the fact, at every step after it was read. Then
# $h_t \approx h_{t-1}$ in these units, and nothing is multiplied or squashed in between.
#
# With $z_t = 0$ throughout, $h_t = \tilde h_t = \tanh(x_t W_{xh} + (r_t \circ h_{t-1}) W_{hh} + b_h)$. The reset gate
# can only decide how much of the old state enters the product. Even with $r_t = 1$ this is the network of lesson 02:
# the state goes through $W_{hh}$ and a tanh at every step, and so does the gradient. With $r_t$ below 1 still less is
# left. So the fact fades.
#
# The reset gate lets the network drop the past where it would disturb: at the beginning of a new sentence the
# candidate can be made from the present input alone, at once, and need not wait until the old state has been
# overwritten bit by bit.
#
# **Marking**
#
# - 1 point: the update gate, near 1 (in the units concerned, after the fact was read), because then the old value is
#   copied.
# - 1 point: with z = 0 the state is made anew at every step, through W_hh and tanh, whatever r is: at best lesson 02's
#   network.
# - 1 point: what the reset gate is for: to leave the past, or a part of it, out of the candidate. Half a point for
#   “forgets” without saying what is left out of what.
# ### END SOLUTION

# %% [markdown]
# ## 4 · The cell as a road for gradients
#
# Why does an LSTM *learn* to remember, when lesson 02's network does not? Follow the gradient back from $c_t$ to
# $c_{t-1}$. There are two roads.
#
# **Along the cell**, $c_t = f_t \circ c_{t-1} + \dots$: the factor is the forget gate, unit by unit, and no more. Over
# many steps
#
# $$\frac{\partial c_T}{\partial c_k} = \prod_{t=k+1}^{T} \operatorname{diag}(f_t) \qquad \text{along the cell alone}.$$
#
# There is no matrix in it and no slope of a tanh. Where the forget gates are 1, the gradient arrives as it was sent.
#
# **Along the hidden state**: $c_{t-1}$ shows in $h_{t-1}$, and $h_{t-1}$ enters all gates and the candidate of step
# $t$ through the matrices $W_{h\cdot}$. On this road a gradient meets a matrix and slopes at every step, as in lesson
# 02.
#
# Your `lstm_step` lets us close one road at a time: `detach()` gives a tensor's values and lets no gradient through.
# We put a loss on the last hidden state, and ask how much of its gradient arrives at the cell $n$ steps earlier, for
# random weights and three forget biases $b_f$. A bias of 0 means forget gates around $\sigma(0) = 0.5$.

# %% slow=true
def gradient_at_cells(params: dict[str, Tensor], x: Float[Tensor, "batch seq d_in"], roads: str) -> Tensor:
    """Length of the gradient at the cell 0, 1, 2 … steps before the last; `roads` names those that are open."""
    d_h = len(params["b_f"])
    h, c = (x.new_zeros(len(x), d_h, requires_grad=True) for _ in range(2))
    cells = [c]
    for t in range(x.shape[1]):
        h_open, c_open = (h if "h" in roads else h.detach()), (c if "c" in roads else c.detach())
        h, c = lstm_step(x[:, t], h_open, c_open, params)
        cells.append(c)
    gradients = torch.autograd.grad(h.sum(), cells, allow_unused=True)
    return torch.stack([g.norm(dim=1).mean() for g in reversed(gradients) if g is not None])


num_steps, forget_biases = budget(full=60, quick=20), [0.0, 2.0, 5.0]
figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), sharey=True)
for axis, forget_bias in zip(axes, forget_biases):
    generator = torch.Generator().manual_seed(3)
    params = random_params("ifoc", 8, 32, generator)
    params["b_f"] += forget_bias
    x = torch.randn(16, num_steps, 8, generator=generator, dtype=torch.float64)
    for (roads, name), line in zip({"c": "along c alone", "h": "along h alone", "ch": "both"}.items(), LINES):
        lengths = gradient_at_cells(params, x, roads)
        lengths = lengths / lengths[0]
        axis.plot(lengths, label=name, markevery=6, markersize=5, **line)
        factor = (lengths[-1] / lengths[5]).item() ** (1 / (len(lengths) - 6))
        print(f"forget bias {forget_bias:g}, {name:>13}: factor {factor:.3f} per step")
    gate = 1 / (1 + math.exp(-forget_bias))
    axis.set(title=rf"$b_f$ = {forget_bias:g}: gates around {gate:.3f}", xlabel="distance back in time (steps)")
    axis.set(yscale="log", ylim=(1e-13, 10))
axes[0].set_ylabel("length of the gradient at the cell,\nrelative to distance 0 (log scale)")
axes[0].legend(fontsize=8)
figure.suptitle("The cell carries a gradient far, if its forget gates are open")
plt.show()

# %% [markdown]
# The dashed line, along $h$ alone, falls steeply in every panel, whatever the bias. The line along $c$ alone falls as
# the gates command: fast where they are one half, hardly at all where they are nearly open. The printed factors are
# close to the gates. Both roads together carry a little more, because they also cross; in the right panel they carry
# more than was sent. So gradients can still explode here, and clipping stays in use.
#
# An LSTM is not a network in which gradients cannot vanish. It is one that **can choose** not to let them, unit by
# unit and step by step. (The first LSTM, of 1997, had no forget gate. Its factor was always 1, and it could not
# forget.)
#
# From this comes a piece of advice: **start with open gates.** With biases of zero the gates begin near one half. What
# is left after some steps, of a gradient on its way back and of a value on its way forward, is a power of the gate:

# %% slow=true
print("forget bias   gate   what is left after 10, 30 and 60 steps")
for bias in [0.0, 1.0, 2.0, 4.0, 6.0]:
    gate = 1 / (1 + math.exp(-bias))
    print(f"{bias:11g}   {gate:.3f}  " + "".join(f"{gate**n:>10.1e}" for n in (10, 30, 60)))

# %% [markdown]
# In the first line a symbol 60 steps back is out of sight, and gates that never see it can't learn to open for it. The
# GRU has the same road, $h_t = z_t \circ h_{t-1} + \dots$, with the update gate in the place of the forget gate. The
# table holds for it too, with $b_z$ for $b_f$.

# %% [markdown]
# ## 5 · Layers on top of each other
#
# A recurrent layer turns a sequence of vectors into another one, of the same length. So a second layer can read what
# the first one says, a third one what the second says, and so on. Layer $l$ at step $t$ has two neighbours, the layer
# below at the same step and itself a step earlier:
#
# $$h_t^{(l)} = \operatorname{step}\left(h_t^{(l-1)},\ h_{t-1}^{(l)};\ \theta^{(l)}\right), \qquad h_t^{(0)} = x_t .$$
#
# Every layer has weights $\theta^{(l)}$ of its own. What the network shows to the outside is the top layer.

# %% [markdown] card="deep_gru_forward"
# Run GRU layers on top of each other. `layers[l]` holds the params of layer `l`, as `gru_step` takes them; layer 0
# reads `x`, every other layer reads the outputs of the one below. `h_0[l]`, `(batch, d_h)`, is where layer `l` starts.
# Return
#
# - `outputs`, `(batch, seq, d_h)`: the states of the top layer;
# - `h_last`, `(num_layers, batch, d_h)`: the last state of every layer, the lowest first.
#
# You may call your `gru_step`.
#
# <details><summary>Hint 1</summary>Two loops. It does not matter which one is outside: finish one layer for all steps,
# or one step for all layers.</details>
# <details><summary>Hint 2</summary>With the layers outside: what one layer has collected is the input of the
# next.</details>
# <details><summary>When it goes wrong</summary><b>Right for one layer, wrong for two:</b> what does the second layer
# read?<br><b>Shapes cannot be multiplied:</b> the layers above the first have d_h inputs, not d_in. Do they get
# x?<br><b>h_0 has changed:</b> you wrote into the tensor that was given.</details>

# %% exercise="deep_gru_forward"
def deep_gru_forward(
    x: Float[Tensor, "batch seq d_in"], h_0: Float[Tensor, "num_layers batch d_h"], layers: list[dict[str, Tensor]]
) -> tuple[Float[Tensor, "batch seq d_h"], Float[Tensor, "num_layers batch d_h"]]:
    """GRU layers on top of each other: the top layer's states, and the last state of every layer."""
    ### BEGIN SOLUTION
    inputs, last = x, []
    for h, params in zip(h_0, layers):
        states = []
        for t in range(inputs.shape[1]):
            h = gru_step(inputs[:, t], h, params)
            states.append(h)
        inputs = torch.stack(states, dim=1)
        last.append(h)
    return inputs, torch.stack(last)
    ### END SOLUTION


# %% check="deep_gru_forward"
check("deep_gru_forward")

# %% [markdown]
# What does a second layer do that the first does not? Train a language model of two layers, and ask both. It reads the
# stories of lesson 02, character by character: an embedding, `nn.LSTM` with `num_layers=2`, and a linear layer that
# says which character comes next. The text is laid out in long rows and read in windows, each from the state that the
# one before left. (With `COURSE_TEXT=timemachine` in the environment the model reads *The Time Machine* of H. G. Wells
# instead. The remarks below are about the stories.)

# %% slow=true
text, vocabulary = data.stories(), data.story_vocabulary()
new_text = "\n\n".join(data.held_out("stories", seed=1, size=40))
book = real_text.asked("timemachine")
if book is not None:
    text, new_text = book[: len(book) * 9 // 10], book[len(book) * 9 // 10 :]
    vocabulary = data.Vocabulary(tuple(sorted(set(book))))


class LanguageModel(nn.Module):
    """Logits for the next character after every character, from LSTM layers."""

    def __init__(self, vocab_size: int, d_embed: int = 32, d_hidden: int = 96, num_layers: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.lstm = nn.LSTM(d_embed, d_hidden, num_layers, batch_first=True)
        self.output = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids: Int[Tensor, "batch seq"], state: tuple[Tensor, Tensor] | None = None):
        outputs, state = self.lstm(self.embedding(ids), state)
        return self.output(outputs), state


def train_language_model(ids: Int[Tensor, "n"], num_updates: int) -> LanguageModel:
    """32 long rows of text, in windows of 48 characters, each going on where the one before ended."""
    model = LanguageModel(len(vocabulary)).to(device)
    row_length = (len(ids) - 1) // 32
    inputs, targets = (ids[at : at + 32 * row_length].reshape(32, row_length).to(device) for at in (0, 1))
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=num_updates, pct_start=0.1)
    state = None
    for number in progress(range(num_updates), "reading"):
        start = number % (row_length // 48) * 48
        logits, state = model(inputs[:, start : start + 48], state)
        state = tuple(part.detach() for part in state)
        loss = F.cross_entropy(logits.flatten(0, 1), targets[:, start : start + 48].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model


torch.manual_seed(0)
reader = train_language_model(torch.tensor(vocabulary.encode(text)), budget(full=2000, quick=20))
new_ids = torch.tensor(vocabulary.encode(new_text), device=device)
with torch.no_grad():
    logits, _ = reader(new_ids[None, :-1])
print(f"perplexity on new text: {F.cross_entropy(logits[0], new_ids[1:]).exp():.2f}")

# %% [markdown]
# A *probe* is one linear function of a state, fitted to answer a question. We ask the states of each layer: which
# character did you read $n$ steps ago, which one now, and which one comes next? The probes are fitted on one half of
# the new text and tried on the other.

# %% slow=true
@torch.no_grad()
def read_layers(model: LanguageModel, ids: Int[Tensor, "n"]) -> tuple[Tensor, Tensor]:
    """Hidden states (n, num_layers, d_hidden) after every character; and the forget gates of every step.

    A forget gate is what is left of one that is added to its cell: c_t is f ∘ c_{t-1} and something without c_{t-1}.
    """
    num_layers, size = model.lstm.num_layers, model.lstm.hidden_size
    h = c = torch.zeros(num_layers, 1, size, device=ids.device)
    hiddens, gates = [], []
    for x_t in model.embedding(ids):
        after = [model.lstm(x_t[None, None], (h, c + one))[1][1] for one in torch.eye(num_layers)[:, :, None, None]]
        _, (h, c) = model.lstm(x_t[None, None], (h, c))
        gates.append(torch.stack([after[layer][layer, 0] - c[layer, 0] for layer in range(num_layers)]))
        hiddens.append(h[:, 0])
    return torch.stack(hiddens).cpu(), torch.stack(gates).cpu()


hiddens, forget_gates = read_layers(reader, new_ids[: budget(full=12_000, quick=1_500)])
read_ids = new_ids[: len(hiddens)].cpu()
offsets, half = list(range(-8, 2)), len(hiddens) // 2
for layer, line in zip(range(2), LINES):
    found = []
    for offset in offsets:
        first, last = max(0, -offset), len(hiddens) - max(0, offset)
        states = torch.cat([hiddens[first:last, layer], torch.ones(last - first, 1)], dim=1)
        wanted = read_ids[first + offset : last + offset]
        probe = torch.linalg.lstsq(states[:half], F.one_hot(wanted[:half], len(vocabulary)).float()).solution
        found.append(100 * ((states[half:] @ probe).argmax(dim=1) == wanted[half:]).float().mean().item())
    plt.plot(offsets, found, label=f"layer {layer + 1}", **line)
    print(f"layer {layer + 1}: " + ", ".join(f"{n:+d}: {share:.0f} %" for n, share in zip(offsets, found)))
plt.axvline(0, color="black", linewidth=0.8)
plt.title("The lower layer knows what was read, the upper one what comes")
plt.xlabel("which character: steps back (−), just read (0), next (+1)")
plt.ylabel("found by the probe (%)")
plt.legend()
plt.show()

# %% [markdown]
# At 0 and just before, the lower layer's curve lies higher: it is close to the input. At +1 the upper layer's lies
# higher: it is close to the answer. The work is shared, from what stands there to what it means for what follows.
# Layers cost time, since each one is another loop over the steps, and with little text or short training a second one
# may gain nothing.

# %% [markdown]
# ## 6 · Reading both ways
#
# Lesson 02 ended with a sentence that its tagger could not get right: *the apple was what the banker spoke about*.
# Whether this apple is a fruit or a company is told by what comes **after** it, and a network that reads from left to
# right has not seen that yet. If the whole sentence is there before we answer, we can read it from right to left as
# well, with a second network, and put the two states side by side:
#
# $$\overrightarrow{h}_t = f(x_t, \overrightarrow{h}_{t-1}), \qquad
# \overleftarrow{h}_t = g(x_t, \overleftarrow{h}_{t+1}), \qquad
# h_t = [\overrightarrow{h}_t; \overleftarrow{h}_t].$$
#
# The left half of $h_t$ knows everything up to $t$, the right half everything from $t$ on.
#
# Padding needs care. The reader from the right must not begin in the padding: it would arrive at the last real token
# with a state full of nothing. It begins, from zeros, at each row's last real token, wherever that stands.

# %% [markdown] card="bidirectional_forward"
# Read every row both ways. `forward_step(x_t, h)` and `backward_step(x_t, h)` each take inputs `(rows, d_in)` and
# states `(rows, d_hidden)`, for any number of rows, and return the next states. Row `i` has `lengths[i]` real tokens
# (at least 1), then padding. Return `outputs`, `(batch, seq, 2 * d_hidden)`:
#
# - the first `d_hidden` values at a real token: the state of the reader from the left, which starts from zeros;
# - the last `d_hidden`: the state of the reader from the right, which starts from zeros **at the row's last real
#   token**;
# - zeros at all padded positions.
#
# Both halves at position `t` have read the token at `t`. Whatever stands in the padding must change nothing.
#
# <details><summary>Hint 1</summary>Which rows still have a real token at position t? <code>t &lt; lengths</code> says
# so for all rows at once.</details>
# <details><summary>Hint 2</summary>Go through the positions from the right. While a row is in its padding, keep its
# state at zero: <code>torch.where(is_real[:, None], new, zeros)</code>. When it comes to its last real token, its
# state is zero, as it should be.</details>
# <details><summary>Hint 3</summary>The same little loop serves both directions; only the order of the positions
# differs. Where does the state of position t belong in the result?</details>
# <details><summary>When it goes wrong</summary><b>The second half stands in the wrong order:</b> the states come out
# from right to left.<br><b>Right for full rows, wrong for shorter ones:</b> with which state does the reader from the
# right arrive at the last real token?<br><b>Shape (batch, seq, d_hidden):</b> the halves stand side by side, they are
# not added.</details>

# %% exercise="bidirectional_forward"
def bidirectional_forward(
    x: Float[Tensor, "batch seq d_in"],
    lengths: Int[Tensor, "batch"],
    forward_step: Callable[[Tensor, Tensor], Tensor],
    backward_step: Callable[[Tensor, Tensor], Tensor],
    d_hidden: int,
) -> Float[Tensor, "batch seq 2*d_hidden"]:
    """The states of two readers, side by side: one from the left, one from each row's last real token."""
    ### BEGIN SOLUTION
    batch, seq, _ = x.shape

    def read(step: Callable[[Tensor, Tensor], Tensor], order: list[int]) -> Float[Tensor, "batch seq d_hidden"]:
        h, states = x.new_zeros(batch, d_hidden), {}
        for t in order:
            is_real = (t < lengths)[:, None]
            h = torch.where(is_real, step(x[:, t], h), torch.zeros_like(h))
            states[t] = h
        return torch.stack([states[t] for t in range(seq)], dim=1)

    from_left = read(forward_step, list(range(seq)))
    from_right = read(backward_step, list(reversed(range(seq))))
    return torch.cat([from_left, from_right], dim=-1)
    ### END SOLUTION


# %% check="bidirectional_forward"
check("bidirectional_forward")

# %% [markdown]
# Which tokens does an output depend on? Ask the gradient. The sequence below has ten positions, of which the first
# seven are real; the steps are GRU steps with random weights.

# %% slow=true
generator = torch.Generator().manual_seed(4)
seq, d_in, d_h = 10, 5, 12
from_left, from_right = (random_params("rzh", d_in, d_h, generator) for _ in range(2))
x = torch.randn(1, seq, d_in, generator=generator, dtype=torch.float64, requires_grad=True)
outputs = bidirectional_forward(
    x, torch.tensor([7]), lambda x_t, h: gru_step(x_t, h, from_left), lambda x_t, h: gru_step(x_t, h, from_right), d_h
)
depends = torch.zeros(2, seq, seq)
for part in range(2):
    for t in range(seq):
        value = outputs[0, t, part * d_h : (part + 1) * d_h].sum()
        depends[part, t] = torch.autograd.grad(value, x, retain_graph=True)[0][0].norm(dim=-1)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.6))
titles = ["from the left: up to here", "from the right: from here on", "side by side: everything real"]
for axis, title, picture in zip(axes, titles, [depends[0], depends[1], depends.norm(dim=0)]):
    shown = axis.imshow(picture.clamp(min=1e-4), cmap="cividis", norm="log", vmin=1e-4, vmax=1)
    axis.set(title=title, xlabel="input position", xticks=range(0, seq, 2), yticks=range(0, seq, 2))
    axis.grid(False)
axes[0].set_ylabel("output position")
figure.colorbar(shown, ax=axes, label="length of the gradient (log scale)", shrink=0.9)
plt.show()

# %% [markdown]
# A bright square means that the output of this row of the picture depends on the input of that column. The left half
# of an output sees what stands left of it, the right half what stands right of it, and both together see the whole
# sentence. Rows and columns 7 to 9 are padding: nothing depends on them, and they show nothing.
#
# Does it help? In the sentences of lesson 02 what decides always stands **before** the ambiguous word. So turn every
# sentence around, word by word: now it stands after. One tagger reads from left to right, the other both ways; all
# else is the same. `pack_padded_sequence` tells PyTorch's networks where each row ends.

# %% slow=true
words = data.apple_vocabulary()
OTHER = data.TAGS.index("OTHER")


def turned_around(sentences) -> tuple[Tensor, Tensor, Tensor]:
    """Ids and tags (n, seq) of the sentences, last word first, filled up with <pad> and OTHER; and their lengths."""
    ids = [torch.tensor(words.encode(reversed(sentence.words))) for sentence in sentences]
    tags = [torch.tensor(sentence.tag_ids[::-1]) for sentence in sentences]
    lengths = torch.tensor([len(row) for row in ids])
    pad = nn.utils.rnn.pad_sequence
    return pad(ids, batch_first=True), pad(tags, batch_first=True, padding_value=OTHER), lengths


class Tagger(nn.Module):
    """One of three tags for every word; reads from left to right, or both ways."""

    def __init__(self, both_ways: bool, d_hidden: int = 48) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(words), 32)
        self.rnn = nn.GRU(32, d_hidden, batch_first=True, bidirectional=both_ways)
        self.output = nn.Linear(d_hidden * (2 if both_ways else 1), len(data.TAGS))

    def forward(self, ids: Int[Tensor, "batch seq"], lengths: Int[Tensor, "batch"]) -> Float[Tensor, "batch seq tags"]:
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=ids.shape[1])
        return self.output(outputs)


train_ids, train_tags, train_lengths = turned_around(data.apple())
test_ids, test_tags, test_lengths = turned_around(data.held_out("apple", seed=4, size=400))
ambiguous = test_tags != OTHER
tagger_levels = {}
for name, both_ways in {"left to right": False, "both ways": True}.items():
    torch.manual_seed(0)
    tagger = Tagger(both_ways).to(device)
    batches = [rows for _ in range(budget(full=2, quick=1)) for rows in torch.randperm(len(train_ids)).split(64)]
    batches = batches[: budget(full=len(batches), quick=5)]
    optimizer = torch.optim.Adam(tagger.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=len(batches))
    for rows in progress(batches, name):
        longest = train_lengths[rows].max()
        logits = tagger(train_ids[rows, :longest].to(device), train_lengths[rows])
        targets = train_tags[rows, :longest].flatten().to(device)
        importance = torch.tensor([0.05, 1.0, 1.0], device=device)
        loss = F.cross_entropy(logits.flatten(0, 1), targets, weight=importance)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        guesses = tagger(test_ids.to(device), test_lengths).argmax(dim=-1).cpu()
    tagger_levels[name] = (guesses == test_tags)[ambiguous].float().mean().item()
for name, level in tagger_levels.items():
    print(f"{name:>13}: {level:.1%} of the ambiguous words in new sentences right")

# %% [markdown]
# Between two senses, a blind guess is right half of the time. The reader from the left can do no better, however long
# it trains: the word comes before anything that could tell. The one that reads both ways has seen all.

# %% [markdown]
# ### In words
#
# A student has read that networks which read both ways are better, and makes the language model of section 5 read both
# ways. Its training loss falls almost to zero within minutes. “The best language model ever,” says the student, and
# lets it write a story. What comes out is nonsense. Explain **why** the loss falls so low, **why** it cannot write,
# and name one task with text for which reading both ways is right and one more, other than language modelling, for
# which it is impossible.

# %% [markdown] written="both_ways" points=3
# ### BEGIN SOLUTION
# A language model has to say at position $t$ which token stands at $t + 1$. The reader from the right has already read
# $x_{t+1}$ when it comes to $t$: the answer is in the input. So the network learns to copy it, and the loss falls
# towards zero without any knowledge of the language.
#
# When it writes, there is nothing to the right: the text to come does not exist yet. What the network has learned to
# rely on is missing, and what remains has never learned to predict.
#
# Reading both ways is right wherever the whole input is there before the answer is due: tagging words, classifying a
# review, reading a sentence that is to be translated. It is impossible wherever an answer is due before the rest has
# come: captions for live speech, a forecast, the decoder of a translator.
#
# **Marking**
#
# - 1 point: the target at t is an input of the backward reader at t: the answer leaks, the model copies.
# - 1 point: while writing, the right side does not exist, so what it relies on is missing.
# - 1 point: a suitable task and an impossible one, half a point each; the reason must be visible: is the whole input
#   known before the answer is due?
# ### END SOLUTION

# %% [markdown]
# ## 7 · Sixty steps
#
# Now train a network that remembers. You choose it: GRU or LSTM, PyTorch's or made from your own steps, one layer or
# more, with whatever start you like. The section on the road of the gradient has told you what makes learning easy or
# hard.

# %% [markdown] card="recall"
# Write a class `RecallModel` and train it on delayed recall with **8 symbols**, so that it recalls the symbol after
# every delay from 0 to 60.
#
# - `RecallModel(num_symbols)` takes the number of symbols and nothing else; sizes are up to you.
# - `forward(ids)` takes ids `(batch, delay + 2)` and returns logits `(batch, num_symbols)`.
# - `train_recall()` builds the model, trains it and returns it together with the list of losses, one per update. Your
#   `delayed_recall_batch` makes the batches, as many as you want.
#
# The next cell runs your function and saves the weights. The check builds your class, loads them and asks about delays
# up to 60. **Points rise with the delay**; the network of lesson 02, trained as in section 1, gets hardly any. What
# the model knows must have been learned: a class that is right without its weights gets nothing.
#
# <details><summary>Hint 1</summary>From the shortest way: an embedding, <code>nn.LSTM</code> or <code>nn.GRU</code>, a
# linear layer on the last output. 64 hidden units are plenty.</details>
# <details><summary>Hint 2</summary>If every batch has the longest delay, a network that starts with half-open gates
# never gets a hint of what it should do. Draw another delay for each batch, from 0 to 60: what it learns at short ones
# helps at the long ones.</details>
# <details><summary>Hint 3</summary>Or start with open gates. In PyTorch's biases the second block belongs to the gate
# that keeps, in nn.LSTM (f) and in nn.GRU (z): <code>with torch.no_grad(): self.rnn.bias_ih_l0[d_hidden : 2 *
# d_hidden] += 3</code>. Both hints together work best.</details>
# <details><summary>When it goes wrong</summary><b>The loss stays at ln 8, about 2.08:</b> it guesses; see hints 2 and
# 3.<br><b>Right up to some delay, then wrong:</b> did you train with delays up to 60?<br><b>The loss jumps up now and
# then:</b> clip the gradients; let the learning rate fall towards the end.</details>

# %% exercise="recall"
class RecallModel(nn.Module):
    """Logits for the symbol at the start of each row."""

    def __init__(self, num_symbols: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        d_hidden = 64
        self.embedding = nn.Embedding(num_symbols + 2, 16)
        self.rnn = nn.LSTM(16, d_hidden, batch_first=True)
        self.output = nn.Linear(d_hidden, num_symbols)
        with torch.no_grad():
            self.rnn.bias_ih_l0[d_hidden : 2 * d_hidden] += 3
        ### END SOLUTION

    def forward(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch num_symbols"]:
        ### BEGIN SOLUTION
        outputs, _ = self.rnn(self.embedding(ids))
        return self.output(outputs[:, -1])
        ### END SOLUTION


def train_recall() -> tuple[RecallModel, list[float]]:
    """A model trained on delayed recall with 8 symbols, and its losses."""
    num_updates = budget(full=1000, quick=20)
    ### BEGIN SOLUTION
    model = RecallModel(num_symbols=8).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=num_updates)
    generator = torch.Generator(device).manual_seed(0)
    losses = []
    for delay in progress(torch.randint(61, (num_updates,)).tolist(), "recall"):
        inputs, targets = delayed_recall_batch(64, 8, delay, generator)
        loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return model, losses
    ### END SOLUTION


# %% slow=true
torch.manual_seed(0)
recall_model, recall_losses = train_recall()
save_weights(recall_model, "recall")

# %% check="recall"
check("recall")

# %% [markdown]
# How did it learn, and how far does it reach? Nobody trained it beyond a delay of 60.

# %% slow=true
asked_delays = [0, 5, 10, 20, 40, 60, 80, 120, 200, 400]
recalled = [100 * accuracy(recall_model, delay) for delay in asked_delays]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
left.plot(smooth(recall_losses), color="#0072B2")
left.axhline(math.log(NUM_SYMBOLS), color="black", linewidth=1, linestyle="--", label="guessing")
left.set(title="Training with delays from 0 to 60", xlabel="update", ylabel="loss (mean of 20 updates)")
left.legend()
right.plot(asked_delays, recalled, **LINES[0])
right.axvspan(0, 60, color="#009E73", alpha=0.15, label="delays in training")
right.axhline(100 / NUM_SYMBOLS, color="black", linewidth=1, linestyle="--", label="guessing")
right.set(title="Symbols recalled", xlabel="delay (steps)", ylabel="right (%)", ylim=(0, 105))
right.legend()
plt.show()
print("right by delay: " + ", ".join(f"{delay}: {share:.0f} %" for delay, share in zip(asked_delays, recalled)))

# %% [markdown]
# Within the shaded range the model does what it was trained for. Right of it you see whether what it learned is a
# rule, *hold until the cue*, or only a habit of the first sixty steps.

# %% [markdown]
# ## 8 · Experiment: who learns to remember, and for how long?
#
# Three claims were made. The vanilla network fails at long delays. Gated networks succeed. And their gates should
# start open. Measure all three, with everything else equal: 32 hidden units, the same number of updates, the same
# batches, the same optimiser, three seeds each.
#
# **One delay at a time.** Every network is trained on one delay only and then asked at this delay. The *open* ones
# start with a bias of 4 at the gate that keeps, the forget gate or the update gate; the others start as PyTorch starts
# them. The vanilla network has its orthogonal start.
#
# **All delays mixed.** Then one network each is trained on delays from 0 to 60, mixed, as yours was, and asked at all
# of them.

# %% slow=true
def contestant(kind: type[nn.RNNBase], opened: bool) -> RecallNet:
    """A network for delayed recall; `opened`: its keeping gate starts near 1."""
    model = RecallNet(kind).to(device)
    if opened:
        size = model.rnn.hidden_size
        with torch.no_grad():
            model.rnn.bias_ih_l0[size : 2 * size] = 4.0
    return model


CONTESTANTS = {
    "RNN": (nn.RNN, False), "LSTM": (nn.LSTM, False), "GRU": (nn.GRU, False),
    "LSTM, open": (nn.LSTM, True), "GRU, open": (nn.GRU, True),
}
seeds, num_updates = range(budget(full=3, quick=1)), budget(full=300, quick=3)
single_delays = budget(full=[2, 5, 10, 20, 60], quick=[2, 5])
asked_delays = [0, 5, 10, 20, 30, 40, 50, 60]
runs = [(name, delay, seed) for name in CONTESTANTS for delay in single_delays for seed in seeds]
alone: dict[tuple[str, int], list[float]] = {}
for name, delay, seed in progress(runs, "one delay"):
    torch.manual_seed(seed)
    model = contestant(*CONTESTANTS[name])
    fit(model, [delay], num_updates, seed)
    alone.setdefault((name, delay), []).append(100 * accuracy(model, delay))
mixed: dict[tuple[str, int], list[float]] = {}
for name, seed in progress([(name, seed) for name in ("RNN", "LSTM", "GRU") for seed in seeds], "mixed delays"):
    torch.manual_seed(seed)
    model = contestant(*CONTESTANTS[name])
    fit(model, list(range(61)), 2 * num_updates, seed)
    for delay in asked_delays:
        mixed.setdefault((name, delay), []).append(100 * accuracy(model, delay))

# %% slow=true
figure, axes = plt.subplots(1, 2, figsize=(12, 3.8), sharey=True)
for axis, title, found, delays in [
    (axes[0], f"Trained on one delay ({num_updates} updates)", alone, single_delays),
    (axes[1], f"Trained on all delays mixed ({2 * num_updates} updates)", mixed, asked_delays),
]:
    print(title)
    for (name, _), line in zip(CONTESTANTS.items(), LINES):
        if (name, delays[0]) not in found:
            continue
        shares = torch.tensor([found[name, delay] for delay in delays])
        axis.plot(delays, shares.mean(dim=1), label=name, markersize=6, **line)
        axis.fill_between(delays, shares.amin(dim=1), shares.amax(dim=1), color=line["color"], alpha=0.12)
        print(f"  {name:>10}: " + ", ".join(f"{n}: {share:.0f} %" for n, share in zip(delays, shares.mean(dim=1))))
    axis.axhline(100 / NUM_SYMBOLS, color="black", linewidth=1, linestyle=(0, (1, 3)), label="guessing")
    axis.set(title=title, xlabel="delay (steps)", ylim=(0, 105))
axes[0].set_ylabel("symbols recalled (%)")
axes[0].legend(fontsize=8)
figure.suptitle(f"Gates that start open learn to remember (mean of {len(seeds)} seeds, shade: worst to best)")
plt.show()

# %% [markdown]
# Left: the vanilla network and the LSTM as PyTorch starts it break down at the same short delay, though one has a cell
# and the other has none. A cell behind half-open gates is no road. The GRU gets somewhat further, and breaks down too.
# With open gates **the same LSTM and the same GRU reach the far end**; the vanilla network has no gate to open.
#
# Right: with mixed delays even gates that start half open find their way. At the short delays they see what it is good
# for to stay open, and what they learn there serves at the long ones. The vanilla network, from the same batches,
# learns little more than a part of the symbols. It is not that it could not hold a value at all: with several times as
# many updates it often learns the task as well. It learns so slowly because its gradients say so little.

# %% [markdown]
# ### In words
#
# A colleague trains an LSTM on delayed recall with a delay of 60 in every batch. The forget biases start at zero. The
# loss stays at $\ln 8$. “I thought that gradients don't vanish in an LSTM,” says the colleague, and tries a larger
# learning rate, in vain. Explain **from the equation of the cell** what is left of the gradient at the first step
# (work it out), **why** the learning rate does not help, and propose **two different** changes that do, each with its
# reason.

# %% [markdown] written="road" points=3
# ### BEGIN SOLUTION
# Along the cell the gradient is multiplied by the forget gate at every step. With a bias of zero the gate is near
# $\sigma(0) = 0.5$, and after 60 steps $0.5^{60}$ is left, about $10^{-18}$. The symbol itself fades on its way
# forward by the same factor, so the last state hardly depends on it. Gradients don't vanish in an LSTM whose gates are
# open; these are half shut.
#
# A larger learning rate makes the whole step longer. But what the gradient says about the symbol is $10^{-18}$ of what
# it says about the blanks and the cue, far below rounding. Their proportion stays the same, and so the step still goes
# where the blanks and the cue want it to go.
#
# First change: start with open gates, a forget bias of 3 or more. Then enough of the symbol arrives from the first
# update on. Second change: mix in short delays. There the symbol arrives even through half-open gates, the gates learn
# to stay open for blanks, and then it arrives at longer delays as well. (Others that work: lengthen the delay bit by
# bit; a shortcut from early states to the output.)
#
# **Marking**
#
# - 1 point: product of forget gates, 0.5 to the power of 60, about 10⁻¹⁸ (half a point without the number).
# - 1 point: the learning rate scales everything alike; the part that comes from the symbol is lost beside the rest.
# - 1 point: two changes that work, half a point each, with the reason. Clipping, more units or more updates alone get
#   nothing.
# ### END SOLUTION

# %% [markdown]
# ## 9 · What the forget gate does in a sentence
#
# In delayed recall we know what a gate should do. What does it do in a text, where nobody has told it? Look into the
# language model of section 5 while it reads. The function `read_layers` there has measured every forget gate at every
# character, with a trick that needs no weights: since $c_t = f_t \circ c_{t-1} + \dots$, and neither the dots nor
# $f_t$ depend on $c_{t-1}$, **add 1 to the cell before the step, and what arrives of it is the gate**.
#
# Each row below is one unit, each column one character. Of the 96 units of a layer 16 are shown, from the one that
# keeps most to the one that keeps least.

# %% slow=true
start = new_text.index("\n")
excerpt = slice(start, start + 75)
names = [{"\n": "↵", " ": "␣"}.get(character, character) for character in new_text[excerpt]]
figure, axes = plt.subplots(2, 1, figsize=(12, 6.4))
for layer, axis in enumerate(axes):
    order = forget_gates[:, layer].mean(dim=0).argsort(descending=True)
    chosen = order[torch.linspace(0, len(order) - 1, 16).long()]
    shown = axis.imshow(forget_gates[excerpt, layer][:, chosen].T, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(len(names)), names, fontsize=8)
    axis.set_yticks([0, 15], ["keeps\nmost", "keeps\nleast"])
    axis.set(title=f"layer {layer + 1}", ylabel="unit")
    axis.grid(False)
axes[1].set_xlabel("character read (↵ new line, ␣ blank)")
figure.colorbar(shown, ax=axes, label="forget gate (1 keeps, 0 forgets)")
figure.suptitle("Forget gates while the model reads: each unit has a rhythm of its own")
plt.show()

# %% [markdown]
# The upper rows are bright throughout: these units keep. The lowest are dark: they hold the present character and no
# more. The rows between are the interesting ones. Follow a single row, and look at which characters it turns dark:
# some units empty themselves where a word begins, others at a comma or a full stop. Nobody asked for this. Words and
# sentences came out because they help to say which character comes next.
#
# Where do the gates close, and how long does a unit remember? If a unit keeps the share $f$ in each step, half of a
# value is left after $\ln 0.5 / \ln f$ steps. We take the mean of $\ln f$ over the text.

# %% slow=true
kinds = {"letter": str.isalpha, "blank": " ".__eq__, "comma": ",".__eq__, "end of sentence": lambda c: c in ".?"}
kinds |= {"quotation mark": '"'.__eq__, "new line": "\n".__eq__}
read = new_text[: len(forget_gates)]
kinds = {name: kind for name, kind in kinds.items() if any(map(kind, read))}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4))
for layer, line in zip(range(2), LINES):
    gates = forget_gates[:, layer]
    means = [gates[[kind(character) for character in read]].mean().item() for kind in kinds.values()]
    left.bar(torch.arange(len(kinds)) + 0.4 * layer - 0.2, means, 0.38, label=f"layer {layer + 1}", color=line["color"],
             hatch="//" if layer else "", edgecolor="black")
    half_life = math.log(0.5) / gates.clamp(1e-6, 1 - 1e-6).log().mean(dim=0)
    right.plot(half_life.sort().values, label=f"layer {layer + 1}", markevery=8, markersize=5, **line)
    print(f"layer {layer + 1}: " + ", ".join(f"{name} {mean:.2f}" for name, mean in zip(kinds, means)))
    low, middle, high = half_life.quantile(torch.tensor([0.0, 0.5, 1.0])).tolist()
    print(f"         half-lives from {low:.1f} to {high:.0f} characters, median {middle:.1f}")
left.set_xticks(range(len(kinds)), kinds, rotation=20)
left.set(title="In the lower layer gates close at marks", xlabel="character read", ylim=(0, 1.15))
left.set_ylabel("mean forget gate")
right.set(title="Each unit has a memory span of its own", xlabel="units, in order", yscale="log")
right.set_ylabel("half-life (characters, log scale)")
left.legend(loc="upper center", ncols=2)
right.legend()
plt.show()

# %% [markdown]
# Left: in the lower layer the gates close further at commas, stops, quotation marks and line ends than at letters:
# what was needed within a phrase is not needed after it. Right: within one layer the half-lives range from a part of a
# character to tens of characters and more, and the upper layer keeps longer on the whole. In the network of lesson 02
# the same matrix and the same tanh wear everything down; here each unit has learned a span of its own, and each step
# may still overrule it.

# %% [markdown]
# ## What you know now, and what is left open
#
# - A gate is a vector between 0 and 1, computed from input and state, and multiplied in. In a GRU the update gate
#   decides what a step may write, the reset gate how much of the past goes into what is written.
# - An LSTM separates a cell, which remembers, from a hidden state, which speaks. Its three gates keep, take in and
#   show.
# - Along the cell a gradient is multiplied by forget gates only. Open gates make a road; half-open ones do not,
#   whatever the network is called. Start them open, or let short tasks teach them.
# - Layers can be stacked: the lower ones are close to the input, the upper ones to the answer. And a sequence that is
#   there as a whole can be read both ways.
#
# Three things are left. Every answer so far is aligned with the input, or there is one for all of it. A translation
# has another number of words than the original, in another order: lesson 04 joins two networks for that. What the
# first one tells the second must still fit into one state of fixed size; lesson 05 takes that limit away. And the loop
# still takes one step after the other; lesson 06 does without it.
#
# ## Where to read on
#
# - Hochreiter, Schmidhuber (1997), *Long Short-Term Memory*, section 3: why errors vanish, and the cell that carries
#   them; section 5: tasks like our delayed recall, and harder ones.
# - Gers, Schmidhuber, Cummins (2000), *Learning to Forget: Continual Prediction with LSTM*, section 3: the forget
#   gate, and a start that keeps it open.
# - Cho and others (2014), *Learning Phrase Representations using RNN Encoder–Decoder*, section 2.3, equations 5 to 8:
#   the GRU, with the reset gate before the product.
# - Chung, Gulcehre, Cho, Bengio (2014), *Empirical Evaluation of Gated Recurrent Neural Networks on Sequence
#   Modeling*, section 3: both side by side; their $z$ is our $1 - z$.
# - Schuster, Paliwal (1997), *Bidirectional Recurrent Neural Networks*, section II.
# - Greff, Srivastava, Koutník, Steunebrink, Schmidhuber (2017), *LSTM: A Search Space Odyssey*, section V: which parts
#   an LSTM can do without, and which not.
# - Jozefowicz, Zaremba, Sutskever (2015), *An Empirical Exploration of Recurrent Network Architectures*: thousands of
#   cells compared; what a forget bias of 1 does for the LSTM.
# - Karpathy, Johnson, Fei-Fei (2016), *Visualizing and Understanding Recurrent Networks*, section 4.2: what single
#   cells of a character model keep, and how often their gates are open.
# - Zhang, Lipton, Li, Smola, *Dive into Deep Learning*, sections 10.1 to 10.4: LSTM, GRU, deep and bidirectional
#   networks in the book's own code.
