# %% [markdown]
# # Lesson 03 · Gates: what to keep, what to forget
#
# **The question.** A reader holds on to some words for a whole story and lets others pass at once. How can a network
# decide, at every step, what to keep of the past and what of it to let go? And how can it *learn* to decide, when the
# reason to keep something comes many steps later?
#
# **What lesson 02 left open.** The recurrent network writes its whole state anew at every step, by the same rule,
# whether the step brings the word that everything hangs on or a blank. Nothing in its equation can say: *this time,
# leave the state alone*. And its gradient passes through a matrix and a tanh at every step, so it vanishes on the way
# back, and the network never learns what it should have kept.
#
# **What you build here.** The two networks that mended this: the gated recurrent unit (GRU) and long short-term memory
# (LSTM), from their equations on. You see which road the gradient takes through them, stack them in layers, and read a
# sequence in both directions. At the end you train a network that remembers a symbol over sixty steps, measure which
# networks can, and look into the gates of one that has learned to read stories.
#
# Work from top to bottom. Every exercise has a card, a cell for your answer and a check under it, which tells you at
# once what is right and what is not. The numbers in the lesson come from the cells: read them there.

# %%
from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from autograder import budget, check, course_device, describe_device, progress, save_weights

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
# Then come blanks, all the same. At the end comes a cue, and the network has to say which symbol it saw:
#
# | step | 1 | 2 | 3 | … | delay + 1 | delay + 2 |
# | --- | --- | --- | --- | --- | --- | --- |
# | input | a symbol | blank | blank | … | blank | cue |
# | answer | | | | | | the symbol |
#
# Nothing is to be understood here. The symbol has to survive `delay` steps that say nothing, and that is all.

# %% [markdown] card="delayed_recall_batch"
# Make one batch of the task. The symbols are the ids 0 to `num_symbols` − 1, each equally likely; the blank is the id
# `num_symbols`, the cue `num_symbols` + 1. Return
#
# - `inputs`, `(batch, delay + 2)`: in each row a symbol, `delay` blanks, the cue,
# - `targets`, `(batch,)`: each row's symbol.
#
# Both are int64. All random numbers come from `generator`, and both tensors lie on its device (`generator.device`).
#
# <details><summary>Hint 1</summary>Begin with a tensor full of blanks and write the first and the last column over it.
# </details>
# <details><summary>Hint 2</summary><code>torch.randint(high, size, generator=…, device=…)</code> draws integers from 0
# to high − 1, each equally likely.</details>
# <details><summary>When it goes wrong</summary><b>A symbol never comes, or the blank comes as a symbol:</b> does
# <code>randint</code> include its upper end?<br><b>Wrong width for a delay of 0:</b> what is left of the row
# then?<br><b>Other batches for the same seed:</b> is every draw given the generator?</details>

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
# ## 2 · GRU
#

# %% [markdown] card="gru_step"
# Write one step of the network.

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

# %% [markdown] card="lstm_step"
# Write one step of the LSTM.

# %% exercise="lstm_step"
def lstm_step(
    x_t: Float[Tensor, "batch d_in"],
    h_prev: Float[Tensor, "batch d_h"],
    c_prev: Float[Tensor, "batch d_h"],
    params: dict[str, Tensor],
) -> tuple[Float[Tensor, "batch d_h"], Float[Tensor, "batch d_h"]]:
    """One step of an LSTM: the hidden state and the cell after reading x_t."""
    ### BEGIN SOLUTION
    def affine(gate: str) -> Float[Tensor, "batch d_h"]:
        return x_t @ params[f"W_x{gate}"] + h_prev @ params[f"W_h{gate}"] + params[f"b_{gate}"]

    i, f, o = torch.sigmoid(affine("i")), torch.sigmoid(affine("f")), torch.sigmoid(affine("o"))
    c_tilde = torch.tanh(affine("c"))
    c_t = f * c_prev + i * c_tilde
    h_t = o * torch.tanh(c_t)
    return h_t, c_t
    ### END SOLUTION


# %% check="lstm_step"
check("lstm_step")

# %% [markdown] card="lstm_forward"
# Write the loop.

# %% exercise="lstm_forward"
def lstm_forward(
    x: Float[Tensor, "batch seq d_in"],
    h_0: Float[Tensor, "batch d_h"],
    c_0: Float[Tensor, "batch d_h"],
    params: dict[str, Tensor],
) -> tuple[Float[Tensor, "batch seq d_h"], tuple[Float[Tensor, "batch d_h"], Float[Tensor, "batch d_h"]]]:
    """Read sequences from left to right: all hidden states, and the last one with the last cell."""
    ### BEGIN SOLUTION
    h, c, outputs = h_0, c_0, []
    for t in range(x.shape[1]):
        h, c = lstm_step(x[:, t], h, c, params)
        outputs.append(h)
    return torch.stack(outputs, dim=1), (h, c)
    ### END SOLUTION


# %% check="lstm_forward"
check("lstm_forward")

# %% [markdown] card="to_torch_lstm"
# Make a module of it.

# %% exercise="to_torch_lstm"
def to_torch_lstm(params: dict[str, Tensor]) -> nn.LSTM:
    """PyTorch's module that computes what lstm_forward computes with these params."""
    ### BEGIN SOLUTION
    d_in, d_h = params["W_xi"].shape
    module = nn.LSTM(d_in, d_h, batch_first=True).to(params["b_i"])
    gates = "ifco"
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.cat([params[f"W_x{gate}"].T for gate in gates]))
        module.weight_hh_l0.copy_(torch.cat([params[f"W_h{gate}"].T for gate in gates]))
        module.bias_ih_l0.copy_(torch.cat([params[f"b_{gate}"] for gate in gates]))
        module.bias_hh_l0.zero_()
    return module
    ### END SOLUTION


# %% check="to_torch_lstm"
check("to_torch_lstm")

# %% [markdown] card="deep_gru_forward"
# Stack.

# %% exercise="deep_gru_forward"
def deep_gru_forward(
    x: Float[Tensor, "batch seq d_in"], h_0: Float[Tensor, "num_layers batch d_h"], layers: list[dict[str, Tensor]]
) -> tuple[Float[Tensor, "batch seq d_h"], Float[Tensor, "num_layers batch d_h"]]:
    """GRU layers on top of each other: the top layer's states, and the last state of every layer."""
    ### BEGIN SOLUTION
    inputs, last = x, []
    for h, params in zip(h_0, layers):
        states = []
        for t in range(x.shape[1]):
            h = gru_step(inputs[:, t], h, params)
            states.append(h)
        inputs = torch.stack(states, dim=1)
        last.append(h)
    return inputs, torch.stack(last)
    ### END SOLUTION


# %% check="deep_gru_forward"
check("deep_gru_forward")

# %% [markdown] card="bidirectional_forward"
# Read both ways.

# %% exercise="bidirectional_forward"
def bidirectional_forward(
    x: Float[Tensor, "batch seq d_in"],
    lengths: Int[Tensor, "batch"],
    forward_step: Callable[[Tensor, Tensor], Tensor],
    backward_step: Callable[[Tensor, Tensor], Tensor],
    d_hidden: int,
) -> Float[Tensor, "batch seq 2*d_hidden"]:
    """The states of two readers, side by side: one reads from the left, the other from each row's last real token."""
    ### BEGIN SOLUTION
    batch, seq, _ = x.shape
    is_real = torch.arange(seq, device=x.device) < lengths[:, None]

    def read(step: Callable[[Tensor, Tensor], Tensor], order: list[int]) -> Float[Tensor, "batch seq d_hidden"]:
        h, states = x.new_zeros(batch, d_hidden), [x.new_zeros(0)] * seq
        for t in order:
            h = torch.where(is_real[:, t, None], step(x[:, t], h), torch.zeros_like(h))
            states[t] = h
        return torch.stack(states, dim=1)

    from_left = read(forward_step, list(range(seq)))
    from_right = read(backward_step, list(reversed(range(seq))))
    return torch.cat([from_left, from_right], dim=-1)
    ### END SOLUTION


# %% check="bidirectional_forward"
check("bidirectional_forward")

# %% [markdown] card="recall"
# Train.

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
    for _ in progress(range(num_updates), "recall"):
        delay = int(torch.randint(61, (1,)))
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
