# %% [markdown]
# # Lesson 02 · The recurrent network
#
# **The question.** A network has a fixed number of inputs. A sentence has as many words as it likes. How can one
# network read sentences of every length, and still know at the end how they began?
#
# **What lesson 01 left open.** Counting answered a part of it: a bigram model looks one token back, a trigram model
# two. Look further back, and almost every context is one that the training text never showed. Nothing is known about a
# context that was never counted, however much it resembles others.
#
# **What you build here.** A recurrent network from its first multiplication on: one step, the loop over steps, the
# gradient by hand, a cure for gradients that grow too large. Then three models on top of it: one that writes stories
# character by character, one that tells whether a review is good or bad, and one that tells whether this *apple* is a
# fruit or a company. Each is trained by you, here.
#
# Work from top to bottom. Every exercise has a card, a cell for your answer and a check under it, which tells you at
# once what is right and what is not. The numbers in the lesson come from the cells: read them there.

# %%
import math
import time

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from autograder import budget, check, course_device, describe_device, progress, save_weights
from autograder import data
from autograder.d2l import d2l

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
# ## 1 · Why counting is not enough
#
# The text of this lesson is a collection of short stories. We read it character by character: the vocabulary is small,
# and no word is ever unknown. `data.stories()` is one long string; an empty line stands between two stories.

# %%
stories = data.stories()
vocabulary = data.story_vocabulary()
print(f"{len(stories):,} characters, {len(vocabulary)} different ones\n")
print(stories[: stories.index("\n\n")])

# %% [markdown]
# How far back can a counting model look? A context of $n$ characters is useful only if the training text showed it at
# least once. So take new stories, which are not in the training text, and ask of every context of length $n$: was it
# ever there?

# %% slow=true
new_text = "\n\n".join(data.held_out("stories", seed=1, size=20))
training_text = stories[: budget(full=len(stories), quick=100_000)]
context_lengths = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64]
seen_share = []
for n in context_lengths:
    seen = {training_text[i : i + n] for i in range(len(training_text) - n + 1)}
    contexts = [new_text[i : i + n] for i in range(len(new_text) - n + 1)]
    seen_share.append(100 * sum(context in seen for context in contexts) / len(contexts))

plt.plot(context_lengths, seen_share, **LINES[0])
plt.title("The longer the context, the fewer were ever seen")
plt.xlabel("context length (characters)")
plt.ylabel("contexts seen in training (%)")
plt.ylim(0, 103)
plt.show()

# %% [markdown]
# Follow the curve to the right: a context of a whole sentence is almost always new, so a table of counts has no row
# for it. We need something that does not look a context *up* but *sums it up*: a fixed number of values that keep what
# matters of everything read so far.

# %% [markdown]
# ## 2 · One step: a network with a memory
#
# Start from what you know. A multilayer perceptron with one hidden layer turns an input $x$ into hidden values
#
# $$h = \tanh(x W_{xh} + b_h).$$
#
# It has no memory: the same $x$ gives the same $h$, whatever came before. The recurrent network changes one thing. It
# reads the sequence one item at a time, and beside the item $x_t$ it also sees **its own hidden values from the step
# before**:
#
# $$h_t = \tanh(x_t W_{xh} + h_{t-1} W_{hh} + b_h).$$
#
# The row vector $h_t$ is called the **hidden state** after step $t$. Everything that the network knows of the past is
# in it.
#
# | symbol | in code | shape | what it is |
# | --- | --- | --- | --- |
# | $x_t$ | `x_t` | `(batch, d_in)` | the inputs at step $t$, one row for each sequence of the batch |
# | $h_{t-1}$, $h_t$ | `h_prev`, `h_t` | `(batch, d_h)` | the hidden state before and after the step |
# | $W_{xh}$ | `W_xh` | `(d_in, d_h)` | from input to state |
# | $W_{hh}$ | `W_hh` | `(d_h, d_h)` | from state to state |
# | $b_h$ | `b_h` | `(d_h,)` | the bias of the state |
#
# The index says from where to where: $W_{xh}$ leads from $x$ to $h$. Weights multiply from the right, `x @ W`. `tanh`
# keeps every value between −1 and 1, so the state stays bounded however long the sequence is.

# %% [markdown] card="rnn_step"
# Write one step of the network:
#
# $$h_t = \tanh(x_t W_{xh} + h_{t-1} W_{hh} + b_h).$$
#
# All rows of the batch are computed at once. The bias has one row only; PyTorch adds it to every row by itself.
#
# <details><summary>Hint 1</summary>In PyTorch, <code>a @ b</code> is the matrix product and <code>torch.tanh</code>
# works element by element.</details>
# <details><summary>Hint 2</summary>Write down the shapes: (batch, d_in) times (d_in, d_h) gives (batch, d_h). Does
# each of the three terms have this shape?</details>
# <details><summary>When it goes wrong</summary><b>“mat1 and mat2 shapes cannot be multiplied”:</b> the order in the
# product matters. Which factor stands left in the equation?<br><b>Large values where −1 … 1 is expected:</b> is
# everything inside the tanh?</details>

# %% exercise="rnn_step"
def rnn_step(
    x_t: Float[Tensor, "batch d_in"],
    h_prev: Float[Tensor, "batch d_h"],
    W_xh: Float[Tensor, "d_in d_h"],
    W_hh: Float[Tensor, "d_h d_h"],
    b_h: Float[Tensor, "d_h"],
) -> Float[Tensor, "batch d_h"]:
    """One step of a recurrent network: the state after reading x_t."""
    ### BEGIN SOLUTION
    return torch.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)
    ### END SOLUTION


# %% check="rnn_step"
check("rnn_step")

# %% [markdown]
# Does the memory work? Feed a network of random weights the same input twice, after different pasts, and look at its
# states.

# %% slow=true
torch.manual_seed(1)
d_in, d_h = 4, 8
W_xh, W_hh, b_h = torch.randn(d_in, d_h) / 2, torch.randn(d_h, d_h) / 3, torch.randn(d_h) / 4
same_input = torch.randn(1, d_in)
two_pasts = torch.randn(2, d_h).tanh()
after = [rnn_step(same_input, past[None], W_xh, W_hh, b_h) for past in two_pasts]
d2l.show_heatmaps(
    torch.stack([*two_pasts[:, None], *after])[None], "unit", "", cmap="cividis", figsize=(9, 1.6),
    titles=["past A", "past B", "x after past A", "x after past B"],
)
plt.gcf().suptitle("One input, two pasts: two states (colour: value of the state)", fontsize=10)
plt.yticks([])
plt.show()

# %% [markdown]
# The two strips on the right come from the same input and the same weights. They differ because the pasts on the left
# differ.

# %% [markdown]
# ## 3 · The loop: the same weights at every step
#
# To read a sequence of `seq` items, take `seq` steps. Each state is handed to the next step:
#
# $$h_0 \xrightarrow{x_1} h_1 \xrightarrow{x_2} h_2 \xrightarrow{x_3} \cdots \xrightarrow{x_{seq}} h_{seq}.$$
#
# The start $h_0$ is given, mostly zeros. What a model says at step $t$ is read off the state by one more layer, with
# $W_{hq}$ of shape `(d_h, d_out)` and a bias $b_q$ of `d_out` values:
#
# $$o_t = h_t W_{hq} + b_q.$$
#
# So the whole network has **three weight matrices and two biases**, $W_{xh}, W_{hh}, W_{hq}$ and $b_h, b_q$, and
# **uses them again at every step**. A longer sentence needs more steps, not more weights. And what is learned at one
# position holds at every other.
#
# Where the answers are read decides what the network does. All five shapes of lesson 01 are this one loop:
#
# | shape | read the output $o_t$ | in this lesson |
# | --- | --- | --- |
# | many-to-one | after the last step only | good or bad review |
# | many-to-many, aligned | after every step | fruit or company |
# | one-to-many | after every step, and feed it back as the next input | writing stories |

# %% [markdown] card="rnn_forward"
# Write the loop. `x` holds whole sequences, `(batch, seq, d_in)`; `x[:, t]` is what all of them show at step `t`
# (counted from 0, as Python does). Start from `h_0` and return two things:
#
# - `outputs`, `(batch, seq, d_h)`: the states after every step, in order,
# - `h_last`, `(batch, d_h)`: the state after the last one.
#
# You may call your `rnn_step`.
#
# <details><summary>Hint 1</summary>Keep one variable for the current state. Each turn of the loop replaces it and
# stores it in a list.</details>
# <details><summary>Hint 2</summary><code>torch.stack(states, dim=…)</code> makes one tensor of a list. Which place
# does <code>seq</code> have in the shape that is asked for?</details>
# <details><summary>When it goes wrong</summary><b>Shape (seq, batch, d_h):</b> look at the <code>dim</code> of your
# stack.<br> <b>Only the first step is right:</b> which state does your second step start from?<br><b>No gradient
# reaches an input:</b> did you copy the states into a tensor made of zeros, or take <code>.data</code> of
# something?</details>

# %% exercise="rnn_forward"
def rnn_forward(
    x: Float[Tensor, "batch seq d_in"],
    h_0: Float[Tensor, "batch d_h"],
    W_xh: Float[Tensor, "d_in d_h"],
    W_hh: Float[Tensor, "d_h d_h"],
    b_h: Float[Tensor, "d_h"],
) -> tuple[Float[Tensor, "batch seq d_h"], Float[Tensor, "batch d_h"]]:
    """Read sequences from left to right: all states, and the last one."""
    ### BEGIN SOLUTION
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, W_xh, W_hh, b_h)
        states.append(h)
    return torch.stack(states, dim=1), h
    ### END SOLUTION


# %% check="rnn_forward"
check("rnn_forward")

# %% [markdown]
# A second witness: the book *Dive into Deep Learning* has a recurrent network of its own, `d2l.RNNScratch`. It wants
# the steps first, `(seq, batch, d_in)`. Give it the same weights and it should say the same as yours.

# %% slow=true
torch.manual_seed(2)
x = torch.randn(3, 10, d_in)
outputs, h_last = rnn_forward(x, torch.zeros(3, d_h), W_xh, W_hh, b_h)
witness = d2l.RNNScratch(num_inputs=d_in, num_hiddens=d_h)
with torch.no_grad():
    witness.W_xh.copy_(W_xh), witness.W_hh.copy_(W_hh), witness.b_h.copy_(b_h)
    theirs, _ = witness(x.transpose(0, 1))
print(f"largest difference between yours and d2l's: {(outputs - torch.stack(theirs, dim=1)).abs().max():.1e}")

# %% [markdown]
# Now look at the states while a network with random weights reads. Two sentences differ in their first word only.
# Every character is a one-hot vector: all zeros but for a one at the character's id.

# %% slow=true
torch.manual_seed(3)
d_state, num_chars = 24, len(vocabulary)
random_W_xh = torch.randn(num_chars, d_state) / 2
random_W_hh = torch.randn(d_state, d_state) / d_state**0.5 * 0.9
sentences = ["Clara waited by the old bridge until noon.", "Bruno waited by the old bridge until noon."]
one_hot = F.one_hot(torch.tensor([vocabulary.encode(sentence) for sentence in sentences]), num_chars).float()
states, _ = rnn_forward(one_hot, torch.zeros(2, d_state), random_W_xh, random_W_hh, torch.zeros(d_state))
difference = (states[0] - states[1]).abs()
d2l.show_heatmaps(
    torch.stack([states[0].T, states[1].T, difference.T])[:, None], "position in the sentence (characters)", "unit",
    cmap="cividis", figsize=(8, 6.5),
)
for axis, title in zip(plt.gcf().axes, [*sentences, "difference of the two (absolute)"]):
    axis.set_title(title, fontsize=9)
    axis.grid(False)
plt.show()

# %% [markdown]
# In the lowest picture the two sentences part in the first characters, and then the difference pales, although nobody
# told the network to forget. Keep this picture in mind: **the first words fade**. Section 5 finds out why, and the
# experiment at the end measures it.

# %% [markdown]
# ### In words
#
# Suppose somebody gives every step a matrix of its own: $W_{hh}^{(1)}$ for the first step, $W_{hh}^{(2)}$ for the
# second, and so on up to the longest sentence in the training text. Name **two** things that go wrong with this
# network, and say for each why sharing one $W_{hh}$ over all steps avoids it.

# %% [markdown] written="sharing" points=3
# ### BEGIN SOLUTION
# First, the number of weights grows with the longest sentence, and a sentence that is longer than all in training has
# steps for which no weights exist. With one shared matrix the number of weights does not depend on the length, and one
# more step is always possible.
#
# Second, each matrix learns only from what stands at its own position. A phrase learned at positions 3 to 5 is unknown
# at positions 7 to 9, and late positions, which few sentences reach, are hardly trained at all. Shared weights learn
# from every position at once, so what is learned in one place holds everywhere.
#
# **Marking**
#
# - 1 point: the number of weights depends on the length, or longer sentences cannot be read.
# - 1 point: what is learned at one position does not carry over to others, or late positions see too few examples.
# - 1 point: says for both how sharing avoids it. Half a point where this is said for one only.
# ### END SOLUTION

# %% [markdown]
# ## 4 · The gradient: back through time
#
# To train the network we need the gradient of a loss $L$ with respect to every weight. PyTorch can compute it, and
# will from the next section on. Do it once by hand and you will see where the trouble with recurrent networks comes
# from.
#
# **Draw the loop unrolled.** After unrolling, a recurrent network is an ordinary deep network with one layer per step.
# It is special in one point only: all layers have the same weights. So the chain rule applies as ever, from the last
# step back to the first. This is called *back-propagation through time*.
#
# **Give names to the parts.** Split a step in two, with $a_t$ for what goes into the tanh:
#
# $$a_t = x_t W_{xh} + h_{t-1} W_{hh} + b_h, \qquad h_t = \tanh(a_t).$$
#
# For any value $v$, write $\bar v$ for the gradient $\partial L / \partial v$; it has the same shape as $v$.
#
# **The state $h_t$ is used in two places**: the output of step $t$ reads it, and step $t+1$ reads it. Gradients of two
# uses add up. Call what comes from the outputs $g_t$; it is given to us, as `grad_outputs[:, t]`. Then
#
# $$\bar h_t = g_t + \bar a_{t+1} W_{hh}^\top, \qquad \bar h_{seq} = g_{seq},$$
#
# since nothing comes back after the last step.
#
# Why the transpose: $h_t$ went forward through $W_{hh}$ by multiplication from the right, so its gradient comes back
# through the transpose.
#
# **Through the tanh.** The slope of tanh at $a$ is $1 - \tanh(a)^2$, and $\tanh(a_t)$ is the state that we already
# have. Element by element:
#
# $$\bar a_t = \bar h_t \circ (1 - h_t^2).$$
#
# **The weights are used at every step**, so their gradients add up over all steps (and over the rows of the batch):
#
# $$\bar W_{xh} = \sum_t x_t^\top \bar a_t, \quad \bar W_{hh} = \sum_t h_{t-1}^\top \bar a_t,
# \quad \bar b_h = \sum_t \bar a_t .$$
#
# In the sum for the bias, rows are added too: $\bar b_h$ has shape `(d_h,)`. And each input is used once:
#
# $$\bar x_t = \bar a_t W_{xh}^\top, \qquad \bar h_0 = \bar a_1 W_{hh}^\top .$$
#
# Read it again from the end to the start, and it is an algorithm: one loop, from the last step to the first, that
# carries one thing along.

# %% [markdown] card="rnn_backward"
# Write the gradient by hand, without `backward()`. You get what the forward pass read and computed (`x`, `h_0`,
# `outputs`, where `outputs[:, t]` is the state after step `t`), and `grad_outputs`, which is $g_t$ for every step.
# Return a dictionary with the gradients of `"x"`, `"h_0"`, `"W_xh"`, `"W_hh"` and `"b_h"`, each with the shape of its
# value.
#
# The check runs your function without autograd. Use `outputs` as they are given; don't compute them again (you are not
# given $b_h$).
#
# <details><summary>Hint 1</summary>What the loop carries from step t + 1 back to step t is the gradient that arrives
# at h<sub>t</sub> from the future. Before the first turn it is zero.</details>
# <details><summary>Hint 2</summary>The state before step <code>t</code> is <code>outputs[:, t - 1]</code>, but for the
# first step it is <code>h_0</code>. In Python, index −1 is the last item: no error will warn you.</details>
# <details><summary>Hint 3</summary>x<sub>t</sub><sup>⊤</sup> times the gradient of a<sub>t</sub>: (d_in, batch) times
# (batch, d_h). The product itself adds up the rows of the batch.</details>
# <details><summary>When it goes wrong</summary><b>Only the gradients of the last step are right:</b> does the future
# arrive at every earlier step?<br><b>W_hh alone is wrong:</b> which state does it multiply, the one before or after
# the step?<br><b>All but h_0 are right:</b> what is left in your carried variable after the loop?</details>

# %% exercise="rnn_backward"
def rnn_backward(
    x: Float[Tensor, "batch seq d_in"],
    h_0: Float[Tensor, "batch d_h"],
    outputs: Float[Tensor, "batch seq d_h"],
    grad_outputs: Float[Tensor, "batch seq d_h"],
    W_xh: Float[Tensor, "d_in d_h"],
    W_hh: Float[Tensor, "d_h d_h"],
) -> dict[str, Tensor]:
    """Back-propagation through time: the gradients of x, h_0, W_xh, W_hh and b_h, by name."""
    ### BEGIN SOLUTION
    grad_x, grad_W_xh, grad_W_hh = torch.zeros_like(x), torch.zeros_like(W_xh), torch.zeros_like(W_hh)
    grad_b_h = torch.zeros_like(W_hh[0])
    from_future = torch.zeros_like(h_0)
    for t in reversed(range(x.shape[1])):
        before = outputs[:, t - 1] if t > 0 else h_0
        grad_h = grad_outputs[:, t] + from_future
        grad_a = grad_h * (1 - outputs[:, t] ** 2)
        grad_x[:, t] = grad_a @ W_xh.T
        grad_W_xh += x[:, t].T @ grad_a
        grad_W_hh += before.T @ grad_a
        grad_b_h += grad_a.sum(dim=0)
        from_future = grad_a @ W_hh.T
    return {"x": grad_x, "h_0": from_future, "W_xh": grad_W_xh, "W_hh": grad_W_hh, "b_h": grad_b_h}
    ### END SOLUTION


# %% check="rnn_backward"
check("rnn_backward")

# %% [markdown]
# PyTorch's autograd is the second witness. The loss is the sum of all states, each times a random number; then those
# numbers are the `grad_outputs`.

# %% slow=true
torch.manual_seed(4)
inputs = {
    "x": torch.randn(3, 12, d_in), "h_0": torch.randn(3, d_h).tanh(),
    "W_xh": W_xh.clone(), "W_hh": W_hh.clone(), "b_h": b_h.clone(),
}
for tensor in inputs.values():
    tensor.requires_grad_(True)
outputs, _ = rnn_forward(**inputs)
grad_outputs = torch.randn_like(outputs)
(outputs * grad_outputs).sum().backward()
with torch.no_grad():
    by_hand = rnn_backward(inputs["x"], inputs["h_0"], outputs, grad_outputs, inputs["W_xh"], inputs["W_hh"])
for name, tensor in inputs.items():
    print(f"{name:>5}: largest difference to autograd {(by_hand[name] - tensor.grad).abs().max():.1e}")

# %% [markdown]
# ## 5 · Gradients that vanish, gradients that explode
#
# Look at how the gradient travels. From step $t$ back to step $t-1$ it takes a factor, and from step $T$ back to step
# $k$ it takes all of them:
#
# $$\bar h_{k} = \bar h_T \prod_{t=T}^{k+1} D_t\, W_{hh}^\top, \qquad D_t = \text{the diagonal matrix of } 1 - h_t^2$$
#
# (for a loss that reads $h_T$ only). The same matrix is multiplied in again and again. Two things pull in opposite
# directions:
#
# - $1 - h_t^2$ is at most 1, and close to 0 where the state is close to ±1. It can only **shrink** the gradient.
# - $W_{hh}^\top$ stretches or shrinks. Its **spectral radius** $\rho$, the largest absolute value among its
#   eigenvalues, says by how much in the long run: about $\rho^n$ after $n$ products.
#
# If one step shrinks the gradient, many steps make it **vanish**: the loss at the end says nothing about the
# beginning, and the network cannot learn to remember. If one step stretches it, many steps make it **explode**: one
# unlucky batch throws all weights far away. Watch it happen: the network below has a large spectral radius, and every
# dot is one batch of random inputs.

# %% slow=true
def with_spectral_radius(rho: float, size: int, generator: torch.Generator) -> Float[Tensor, "size size"]:
    """A random square matrix, scaled so that its largest absolute eigenvalue is rho."""
    W = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return W * (rho / torch.linalg.eigvals(W).abs().max())


generator = torch.Generator().manual_seed(5)
wild_W_hh = with_spectral_radius(2.0, 32, generator)
wild_W_xh = 0.1 * torch.randn(8, 32, generator=generator, dtype=torch.float64)
norms = []
for _ in range(budget(full=150, quick=30)):
    x = torch.randn(1, 100, 8, generator=generator, dtype=torch.float64)
    h_0, bias = torch.zeros(1, 32, dtype=torch.float64), torch.zeros(32, dtype=torch.float64)
    outputs, _ = rnn_forward(x, h_0, wild_W_xh, wild_W_hh, bias)
    only_last = torch.zeros_like(outputs)
    only_last[:, -1] = 1
    norms.append(rnn_backward(x, h_0, outputs, only_last, wild_W_xh, wild_W_hh)["W_hh"].norm().item())

plt.plot(norms, color="#0072B2", marker="o", linestyle="none", markersize=4)
plt.axhline(torch.tensor(norms).median(), color="#D55E00", linestyle="--", label="median")
plt.yscale("log")
plt.title("The gradient's length differs from batch to batch by orders of magnitude")
plt.xlabel("batch (one sequence of 100 steps each)")
plt.ylabel(r"length of $\bar W_{hh}$ (log scale)")
plt.legend()
plt.show()
print(f"longest / median: {max(norms) / torch.tensor(norms).median():.0f}")

# %% [markdown]
# A step of gradient descent is as long as the gradient. With a learning rate that suits the median, the highest dots
# are steps that many times too long (the number is printed under the figure), and one is enough to undo what was
# learned before.
#
# The cure for explosion is blunt and works: **clip**. If the gradient is longer than a limit $\theta$, keep its
# direction and cut its length to $\theta$. There is no such cure for vanishing, because a gradient that is gone has no
# direction left. Lesson 03 builds another network for that.

# %% [markdown] card="clip_gradients_"
# One bad batch can throw the weights far away. Measure all gradients together, as one long vector $g$, with its 2-norm
# $\lVert g \rVert = \sqrt{\sum_i g_i^2}$ over all numbers of all tensors. If it is longer than $\theta$ (`max_norm`),
# scale it back:
#
# $$g \leftarrow \min\left(1, \frac{\theta}{\lVert g \rVert}\right) g.$$
#
# Change the tensors of the list in place (the name ends in `_`: by PyTorch's custom, such a function changes its
# input), all by the same factor, and return the norm from before, as a tensor without dimensions.
#
# <details><summary>Hint 1</summary>The norm of a list of tensors is the norm of their norms.</details>
# <details><summary>Hint 2</summary><code>g.mul_(factor)</code> changes the tensor g; <code>g = g * factor</code> makes
# a new one and leaves the old as it was.</details>
# <details><summary>When it goes wrong</summary><b>Small gradients change too:</b> what is the factor when θ is larger
# than the norm?<br><b>The gradients don't change at all:</b> is what you change the tensor of the list, or a
# copy?<br><b>NaN for gradients of zero:</b> what is 0 times θ / 0?</details>

# %% exercise="clip_gradients_"
def clip_gradients_(gradients: list[Tensor], max_norm: float) -> Float[Tensor, ""]:
    """Cut the joint length of all gradients to max_norm, in place; returns the length from before."""
    ### BEGIN SOLUTION
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    if norm > max_norm:
        for gradient in gradients:
            gradient.mul_(max_norm / norm)
    return norm
    ### END SOLUTION


# %% check="clip_gradients_"
check("clip_gradients_")

# %% [markdown]
# ## 6 · A model that writes
#
# A **language model** says, for every position, how probable each token is as the next one. With a recurrent network
# it is natural: the state after step $t$ sums up everything read so far, and the output layer turns it into one score
# for each token of the vocabulary. Such scores are called *logits*; softmax makes probabilities of them:
#
# $$P(\text{next token} = k \mid \text{all so far}) = \operatorname{softmax}(o_t)_k, \qquad o_t = h_t W_{hq} + b_q .$$
#
# The input $x_t$ is a row of an **embedding** table: each token id has a vector of `d_embed` numbers, and they are
# learned like all other weights. (A one-hot vector times $W_{xh}$ picks a row of $W_{xh}$; an embedding picks a row
# directly, and may be shorter than the vocabulary.)

# %% [markdown] card="RNNLanguageModel"
# Put it together in a module with exactly these attributes, so that weights can be loaded by name:
#
# | attribute | what |
# | --- | --- |
# | `embedding` | `nn.Embedding(vocab_size, d_embed)` |
# | `W_xh`, `W_hh`, `b_h` | each an `nn.Parameter`, as in section 2 (`d_in` is `d_embed`, `d_h` is `d_hidden`) |
# | `output` | `nn.Linear(d_hidden, vocab_size)`: its weight and bias are $W_{hq}$ (transposed) and $b_q$ |
#
# `forward(ids, h_0=None)` takes ids `(batch, seq)` and returns the logits after every step, `(batch, seq,
# vocab_size)`, and the last state. Without `h_0` it starts from zeros, on the device and in the dtype of the weights.
#
# How you fill the weights at the start is up to you; the check brings its own. Good for training: `W_xh` random with
# standard deviation $1/\sqrt{d_{embed}}$, `W_hh` orthogonal (all its eigenvalues have absolute value 1, so nothing
# vanishes or explodes at first), `b_h` zero.
#
# <details><summary>Hint 1</summary><code>nn.Parameter(torch.empty(…))</code> registers a weight.
# <code>nn.init.orthogonal_(W)</code> and <code>nn.init.normal_(W, std=…)</code> fill it.</details>
# <details><summary>Hint 2</summary>Your <code>rnn_forward</code> does the middle part. <code>self.output</code> works
# on all positions at once.</details>
# <details><summary>When it goes wrong</summary><b>“has no parameter called W_hh”:</b> a plain tensor is no parameter;
# wrap it in nn.Parameter.<br> <b>A given state has no effect:</b> do you replace h_0 always, or only when it is
# None?<br><b>Expected Double, got Float:</b> zeros of which dtype? Try <code>x.new_zeros</code>.</details>

# %% exercise="RNNLanguageModel"
class RNNLanguageModel(nn.Module):
    """Logits for the next token after every token, from a recurrent network."""

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.W_xh = nn.Parameter(torch.randn(d_embed, d_hidden) / math.sqrt(d_embed))
        self.W_hh = nn.Parameter(nn.init.orthogonal_(torch.empty(d_hidden, d_hidden)))
        self.b_h = nn.Parameter(torch.zeros(d_hidden))
        self.output = nn.Linear(d_hidden, vocab_size)
        ### END SOLUTION

    def forward(
        self, ids: Int[Tensor, "batch seq"], h_0: Float[Tensor, "batch d_hidden"] | None = None
    ) -> tuple[Float[Tensor, "batch seq vocab_size"], Float[Tensor, "batch d_hidden"]]:
        ### BEGIN SOLUTION
        x = self.embedding(ids)
        if h_0 is None:
            h_0 = x.new_zeros(len(ids), len(self.b_h))
        outputs, h_last = rnn_forward(x, h_0, self.W_xh, self.W_hh, self.b_h)
        return self.output(outputs), h_last
        ### END SOLUTION


# %% check="RNNLanguageModel"
check("RNNLanguageModel")

# %% [markdown]
# ### Writing: what it said is what it reads next
#
# A model that predicts the next token can write. Let it read a beginning, the *prefix*. Draw a token from its
# prediction. **Feed that token back as the next input**, draw again, and so on. A model that goes on from its own
# output is called *autoregressive*.
#
# How to draw? Taking the most probable token every time is safe and dull, and often ends in a loop. Drawing from the
# softmax gives variety. A **temperature** $\tau$ lies between the two:
#
# $$P(k) = \operatorname{softmax}(o / \tau)_k .$$
#
# A small $\tau$ makes large scores win more often, a large one makes all tokens alike. $\tau = 0$ would divide by
# zero; we let it stand for the most probable token. See what it does to five scores:

# %% slow=true
scores = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0])
for temperature, line in zip([0.3, 1.0, 3.0], LINES):
    plt.plot(range(5), torch.softmax(scores / temperature, dim=0), label=rf"$\tau$ = {temperature}", **line)
plt.xticks(range(5), [f"{s:g}" for s in scores])
plt.title("A low temperature sharpens the choice, a high one levels it")
plt.xlabel("score of the token")
plt.ylabel("probability")
plt.legend()
plt.show()

# %% [markdown]
# All three curves come from the same scores; only the temperature differs.

# %% [markdown] card="generate"
# Write the loop. `model` is an `RNNLanguageModel`: `model(ids, state)` returns `(logits, state)`. First read the whole
# `prefix` (at least one id). Then, `num_tokens` times, choose the next id from the logits **at the last position** and
# let the model read it, going on from its state. Return a list of Python ints: the prefix and exactly `num_tokens` new
# ids, not stopping early for any token.
#
# - `temperature == 0`: the id with the largest logit.
# - otherwise: draw from $\operatorname{softmax}(o / \tau)$ with `torch.multinomial`, using `generator` for the draw.
#
# <details><summary>Hint 1</summary>The model reads tensors of shape (batch, seq). Here the batch is 1: the prefix has
# shape (1, length), and each new id (1, 1).</details>
# <details><summary>Hint 2</summary>No gradient is needed: <code>torch.no_grad()</code>. New tensors belong on the
# model's device: <code>next(model.parameters()).device</code>.</details>
# <details><summary>When it goes wrong</summary><b>The first new id is wrong:</b> which position of the logits belongs
# to the end of the prefix?<br> <b>Later ones are wrong:</b> do you pass the state on? Do you read a token
# twice?<br><b>Two runs with the same generator differ:</b> does the draw use the generator that was given?</details>

# %% exercise="generate"
def generate(
    model: nn.Module,
    prefix: list[int],
    num_tokens: int,
    temperature: float,
    generator: torch.Generator | None = None,
) -> list[int]:
    """Continue the prefix by num_tokens ids, each drawn from the model's own prediction."""
    ### BEGIN SOLUTION
    device = next(model.parameters()).device
    ids = list(prefix)
    unread, state = torch.tensor([ids], device=device), None
    with torch.no_grad():
        for _ in range(num_tokens):
            logits, state = model(unread, state)
            last = logits[:, -1]
            if temperature == 0:
                unread = last.argmax(dim=-1, keepdim=True)
            else:
                probabilities = torch.softmax(last / temperature, dim=-1)
                unread = torch.multinomial(probabilities, 1, generator=generator)
            ids.append(unread.item())
    return ids
    ### END SOLUTION


# %% check="generate"
check("generate")

# %% [markdown]
# A model that has learned nothing writes like this:

# %% slow=true
torch.manual_seed(6)
untrained = RNNLanguageModel(len(vocabulary), 16, 32)
print("".join(vocabulary.decode(generate(untrained, vocabulary.encode("Once "), 120, 1.0))))

# %% [markdown]
# ### Training it
#
# How well does a model predict? By its **perplexity**: $\exp$ of the mean of $-\ln P(\text{the token that came})$. A
# perplexity of 10 means: on average as unsure as between 10 equally likely tokens. The baseline is the bigram model of
# lesson 01. It only knows which character follows which:

# %% slow=true
def bigram_perplexity(train: Int[Tensor, "n"], test: Int[Tensor, "m"], vocab_size: int) -> float:
    """Perplexity on `test` of a bigram model with add-one-tenth smoothing, counted on `train`."""
    counts = torch.full((vocab_size, vocab_size), 0.1)
    counts.index_put_((train[:-1], train[1:]), torch.ones(len(train) - 1), accumulate=True)
    probabilities = counts / counts.sum(dim=1, keepdim=True)
    return probabilities[test[:-1], test[1:]].log().mean().neg().exp().item()


story_ids = torch.tensor(vocabulary.encode(stories))
new_ids = torch.tensor(vocabulary.encode(new_text))
bigram_level = bigram_perplexity(story_ids, new_ids, len(vocabulary))
print(f"bigram model: perplexity {bigram_level:.2f} on new stories")

# %% [markdown]
# The whole text is one sequence of a million steps. Unrolling it whole would take too much memory, and gradients would
# not travel that far anyway. So we cut. The text is laid out in `batch_size` long rows, and a batch is a window of
# `num_steps` columns. **The next batch goes on where this one ended**: the last state of one is the right first state
# of the next. We pass the state on but cut the gradient there, with `state.detach()`. This is *truncated
# back-propagation through time*.

# %% slow=true
def story_batches(ids: Int[Tensor, "n"], batch_size: int, num_steps: int, num_batches: int):
    """Windows (inputs, targets), each (batch_size, num_steps), each going on where the one before ended."""
    row_length = (len(ids) - 1) // batch_size
    inputs = ids[: batch_size * row_length].reshape(batch_size, row_length)
    targets = ids[1 : batch_size * row_length + 1].reshape(batch_size, row_length)
    windows_per_row = row_length // num_steps
    for number in range(num_batches):
        start = number % windows_per_row * num_steps
        yield inputs[:, start : start + num_steps], targets[:, start : start + num_steps]


first, _ = next(story_batches(story_ids, batch_size=4, num_steps=30, num_batches=1))
for row in first:
    print(repr("".join(vocabulary.decode(row.tolist()))))

# %% [markdown] card="char_language_model"
# Train your language model on the stories. Write a function that builds an `RNNLanguageModel` of a size that you
# choose, trains it, and returns it together with the list of losses, one per update. One update is:
#
# 1. take the next batch, and read it from the state that the last batch left, detached (at first: `None`);
# 2. the loss: `F.cross_entropy` of the logits against the targets, over all positions;
# 3. `backward()`, then clip the gradients, then a step of the optimiser.
#
# Take `torch.optim.Adam`. The check looks at characters that your model has never seen, in new stories about people in
# places that the training text does not combine. **Points rise as the perplexity falls**; the bigram model gets none.
# The next cell runs your function and saves the weights.
#
# `budget(full=…, quick=…)` returns `full` for you and `quick` where only a trial run is wanted; `progress(…, "name")`
# goes around the batches and shows the speed and the time left.
#
# <details><summary>Hint 1</summary>A start that works: d_embed 32, d_hidden 256, 32 rows of 48 steps, a learning rate
# of 0.003, a limit of 1 for the norm.</details>
# <details><summary>Hint 2</summary><code>F.cross_entropy</code> wants scores (n, vocab_size) and targets (n,): flatten
# batch and steps into one axis, <code>logits.flatten(0, 1)</code>.</details>
# <details><summary>Hint 3</summary>Better still: let the learning rate fall to zero towards the end.
# <code>torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=…, total_steps=…)</code>, one <code>step()</code> per
# update, does so.</details>
# <details><summary>When it goes wrong</summary><b>“Trying to backward through the graph a second time”:</b> the state
# still carries the graph of the last batch: detach it.<br><b>The loss jumps up now and then:</b> is the gradient
# clipped between backward() and step()?<br><b>The loss doesn't fall at all:</b> who sets the old gradients to
# zero?</details>

# %% exercise="char_language_model"
def train_char_language_model() -> tuple[RNNLanguageModel, list[float]]:
    """A language model trained on the stories, and its losses."""
    num_updates = budget(full=2400, quick=40)
    ### BEGIN SOLUTION
    model = RNNLanguageModel(len(vocabulary), d_embed=32, d_hidden=256).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=num_updates, pct_start=0.1)
    batches = story_batches(story_ids.to(device), 32, 48, num_updates)
    state, losses = None, []
    for inputs, targets in progress(batches, "stories", num_updates):
        logits, state = model(inputs, state)
        state = state.detach()
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        clip_gradients_([p.grad for p in model.parameters()], 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return model, losses
    ### END SOLUTION


# %% slow=true
torch.manual_seed(0)
char_model, char_losses = train_char_language_model()
save_weights(char_model, "char_language_model")

# %% check="char_language_model"
check("char_language_model")

# %% [markdown]
# How did the training go, and how far back does the trained model look? For the second picture it reads the end of one
# new story, and then, without warning, the $n$ characters that stand before some place in **another** one. Only these
# $n$ help to predict what comes at that place.

# %% slow=true
def smooth(values: list[float], width: int = 25) -> Tensor:
    """Means of `width` neighbours."""
    return torch.tensor(values).unfold(0, min(width, len(values)), 1).mean(dim=1)


windows = new_ids[: len(new_ids) // 65 * 65].reshape(-1, 65).to(device)
contexts, nexts, elsewhere = windows[:, :-1], windows[:, -1], windows[:, :-1].roll(len(windows) // 2, dims=0)
lengths_tried = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
levels = []
for n in lengths_tried:
    with torch.no_grad():
        logits, _ = char_model(torch.cat([elsewhere, contexts[:, -n:]], dim=1))
    levels.append(F.cross_entropy(logits[:, -1], nexts).exp().item())

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
left.plot(smooth(char_losses).exp(), color="#0072B2")
left.set(title="Training: the perplexity falls", xlabel="update", ylabel="perplexity (mean of 25, log scale)")
left.set_yscale("log")
right.plot(lengths_tried, levels, label="your network", **LINES[0])
right.axhline(bigram_level, color="#D55E00", linestyle="--", label="bigram model")
right.set(title="More context, better predictions, up to a point", ylabel="perplexity on new stories (log scale)")
right.set_xlabel("right context given (characters, log scale)")
right.set_xscale("log", base=2)
right.set_yscale("log")
right.legend()
plt.show()
print("perplexity by context:", ", ".join(f"{n}: {level:.2f}" for n, level in zip(lengths_tried, levels)))

# %% [markdown]
# Left of the picture the network is misled by the story that it read before, which is not the one it is asked about.
# Each further right character helps, then less and less. Where the curve becomes flat, the network either needs no
# more or remembers no more. The experiment at the end tells which is to be expected.
#
# Now let it write, at three temperatures.

# %% slow=true
generator = torch.Generator(device).manual_seed(7)
for temperature in [0.0, 0.5, 1.0]:
    prefix = vocabulary.encode(stories[: stories.index(".") + 2])
    written = generate(char_model, prefix, budget(full=450, quick=60), temperature, generator)
    print(f"--- temperature {temperature} ---\n{''.join(vocabulary.decode(written))}\n")

# %% [markdown]
# The first sentence was given. At temperature 0 the model keeps to its likeliest phrases and comes back to them. At 1
# every unlikely letter gets its chance, and one wrong letter leads to the next: the model reads its own mistakes. In
# between it writes words, phrases and quotation marks in their places. Read whether a sentence still knows how it
# began, and whether the hero of the first sentence is still there at the end. What must be kept for long is what it
# loses first.
#
# How long does the state keep a character? Ask the state itself. A *probe* is one linear function of the state, fitted
# to answer a question; here: **which character did you read $n$ steps ago?** It is fitted on some new stories and
# tried on others. What a probe can't find, the output layer, which is linear too, can't find either.

# %% slow=true
def states_of(text: str) -> Float[Tensor, "n d_hidden"]:
    """The state of the trained model after every character."""
    ids = torch.tensor([vocabulary.encode(text)], device=device)
    with torch.no_grad():
        x = char_model.embedding(ids)
        h_0 = x.new_zeros(1, len(char_model.b_h))
        found, _ = rnn_forward(x, h_0, char_model.W_xh, char_model.W_hh, char_model.b_h)
    return found[0].cpu()


fit_text, try_text = ("\n\n".join(data.held_out("stories", seed, size=25)) for seed in (2, 3))
fit_states, try_states = states_of(fit_text), states_of(try_text)
fit_ids, try_ids = (torch.tensor(vocabulary.encode(text)) for text in (fit_text, try_text))
distances = list(range(0, 25, 2))
found_again = []
for n in distances:
    wanted = F.one_hot(fit_ids[: len(fit_ids) - n], len(vocabulary)).float()
    probe = torch.linalg.lstsq(fit_states[n:], wanted).solution
    guesses = (try_states[n:] @ probe).argmax(dim=1)
    found_again.append(100 * (guesses == try_ids[: len(try_ids) - n]).float().mean().item())
commonest = 100 * (try_ids == fit_ids.mode().values).float().mean().item()

plt.plot(distances, found_again, label="probe", **LINES[0])
plt.axhline(commonest, color="#D55E00", linestyle="--", label="always the commonest character")
plt.title("The state forgets: what it read is overwritten within a few words")
plt.xlabel("distance back (characters)")
plt.ylabel("characters found again (%)")
plt.ylim(0, 103)
plt.legend()
plt.show()
print("found again by distance:", ", ".join(f"{n}: {share:.0f} %" for n, share in zip(distances, found_again)))

# %% [markdown]
# The last character is there in full. With every step a part of what came before is written over, and where the curve
# meets the dashed line, nothing that a linear layer could use is left of the single characters.

# %% [markdown]
# ## 7 · Many to one: is the review good?
#
# To classify a whole text, read it all and look at the **last state**. It has seen everything:
#
# $$\text{logits} = h_{n} W_{hq} + b_q, \qquad n = \text{the number of words of this text}.$$
#
# Order matters here. Look at the reviews of this lesson:

# %% slow=true
reviews = data.reviews()
review_words = data.review_vocabulary()
for review in [r for r in reviews if len(r.words) < 16][:8]:
    print("good" if review.label else "bad ", "|", review.text)

# %% [markdown]
# *Not at all bad* is praise. *I expected it to be dull, but it never was* is praise as well, and *the music was
# lovely, but the film was not* is none. A model that only counts words, a **bag of words**, sees none of this. How far
# does it get? This is logistic regression on word counts, trained until it does not improve any more; it is your
# baseline.

# %% slow=true
def padded(rows: list[list[int]]) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch"]]:
    """Rows of ids, filled up with <pad> (id 0) to one length; and their true lengths."""
    longest = max(len(row) for row in rows)
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows]), torch.tensor([len(row) for row in rows])


review_ids, review_lengths = padded([review_words.encode(review.words) for review in reviews])
review_labels = torch.tensor([review.label for review in reviews])
new_reviews = data.held_out("reviews", seed=3, size=800)
new_review_ids, new_review_lengths = padded([review_words.encode(review.words) for review in new_reviews])
new_review_labels = torch.tensor([review.label for review in new_reviews])


def word_counts(ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch vocab_size"]:
    """How often each word occurs in each row; <pad> does not count."""
    counts = torch.zeros(len(ids), len(review_words))
    counts.scatter_add_(1, ids, torch.ones(ids.shape))
    counts[:, 0] = 0
    return counts


weight, bias = torch.zeros(len(review_words), requires_grad=True), torch.zeros(1, requires_grad=True)
optimizer = torch.optim.LBFGS([weight, bias], max_iter=budget(full=200, quick=20))
counts = word_counts(review_ids)


def closure() -> Tensor:
    optimizer.zero_grad()
    loss = F.binary_cross_entropy_with_logits(counts @ weight + bias, review_labels.float())
    loss = loss + 1e-3 * weight.square().sum()
    loss.backward()
    return loss


optimizer.step(closure)
with torch.no_grad():
    bag_train = ((counts @ weight + bias > 0) == review_labels).float().mean().item()
    bag_level = ((word_counts(new_review_ids) @ weight + bias > 0) == new_review_labels).float().mean().item()
print(f"bag of words: {bag_train:.1%} of the training reviews right, {bag_level:.1%} of new ones")

# %% [markdown]
# Half of the reviews would be right by guessing. Counting words hardly helps, even on the reviews that it was trained
# on.
#
# ### Padding
#
# Texts of one batch have different lengths, and a tensor has only one. Short rows are filled up with `<pad>`, id 0.
# But the network reads the padding as if it were words, and the state at the end of the tensor is the state after all
# that padding. What we want is the state **at each row's last real word**. `lengths[i]` says how many words of row `i`
# are real; it is at least 1.

# %% [markdown] card="last_valid_state"
# `outputs` holds the states after every step, `(batch, seq, d_h)`. Pick for row $i$ the state at its last real token:
#
# $$\text{result}_i = \text{outputs}_{i,\; \text{lengths}_i - 1} .$$
#
# Counting starts at 0, so the last of 3 tokens stands at index 2. Write it without a loop over the rows.
#
# <details><summary>Hint 1</summary>Two lists of indices of the same length pick pairs: <code>a[[0, 1], [4, 2]]</code>
# is a[0, 4] and a[1, 2].</details>
# <details><summary>Hint 2</summary>The row numbers are <code>torch.arange(len(lengths))</code>, on the device of the
# lengths.</details>
# <details><summary>When it goes wrong</summary><b>Shape (batch, batch, d_h):</b> a colon for the rows takes all rows
# for every length. <br><b>Index out of range:</b> which index has the last token of a full row?</details>

# %% exercise="last_valid_state"
def last_valid_state(
    outputs: Float[Tensor, "batch seq d_h"], lengths: Int[Tensor, "batch"]
) -> Float[Tensor, "batch d_h"]:
    """The state at each row's last real token."""
    ### BEGIN SOLUTION
    rows = torch.arange(len(lengths), device=lengths.device)
    return outputs[rows, lengths - 1]
    ### END SOLUTION


# %% check="last_valid_state"
check("last_valid_state")

# %% [markdown]
# From here on PyTorch's own loop, `nn.RNN`, takes over from `rnn_forward`. It computes the same, with two biases where
# you have one, and it is faster. With `batch_first=True` it takes `(batch, seq, d_in)` and returns `(outputs,
# h_last)`; `outputs` is as you know it.

# %% [markdown] card="RNNClassifier"
# Write a classifier with the attributes `embedding` (`nn.Embedding(vocab_size, d_embed)`), `rnn` (`nn.RNN`, one layer,
# one direction, tanh) and `output` (`nn.Linear(d_hidden, num_classes)`).
#
# `forward(ids, lengths)` takes ids `(batch, seq)` and the true lengths, and returns logits `(batch, num_classes)` from
# the state at each row's last real token. Whatever stands in the padding, the result must be the same.
#
# <details><summary>Hint 1</summary>Embed, read, pick with <code>last_valid_state</code>, then the output layer: four
# lines.</details>
# <details><summary>When it goes wrong</summary><b>Padding changes the result:</b> do you take the second value that
# nn.RNN returns? It is the state after the padding.<br><b>Shapes with batch and seq exchanged:</b>
# batch_first=True.</details>

# %% exercise="RNNClassifier"
class RNNClassifier(nn.Module):
    """Many to one: logits for a whole text."""

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_classes: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.RNN(d_embed, d_hidden, batch_first=True)
        self.output = nn.Linear(d_hidden, num_classes)
        ### END SOLUTION

    def forward(
        self, ids: Int[Tensor, "batch seq"], lengths: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch num_classes"]:
        ### BEGIN SOLUTION
        outputs, _ = self.rnn(self.embedding(ids))
        return self.output(last_valid_state(outputs, lengths))
        ### END SOLUTION


# %% check="RNNClassifier"
check("RNNClassifier")

# %% [markdown] card="sentiment"
# Train your classifier on `review_ids`, `review_lengths` and `review_labels`, which the cells above made (1 means
# good). Write a function that returns the trained model and the list of losses, one per update. Shuffle the reviews in
# every epoch: `torch.randperm(n).split(64)` gives shuffled batches of row numbers.
#
# The check asks about new reviews, in which turns of phrase meet adjectives that they never met in training. **Points
# rise with accuracy**; the bag of words gets none.
#
# <details><summary>Hint 1</summary>A start that works: d_embed 32, d_hidden 64, batches of 64, Adam with a learning
# rate of 0.003, gradients clipped to 1, some 24 epochs.</details>
# <details><summary>Hint 2</summary>A batch of short reviews need not be as wide as the longest review of all:
# <code>ids[:, :lengths.max()]</code>.</details>
# <details><summary>When it goes wrong</summary><b>The accuracy stays at one half for some epochs, then rises:</b> that
# is as it should be. The network first has to find that <i>not</i> turns a verdict around.<br><b>It never rises:</b>
# is the learning rate too high, or the gradient not clipped?</details>

# %% exercise="sentiment"
def train_sentiment() -> tuple[RNNClassifier, list[float]]:
    """A classifier trained on the reviews, and its losses."""
    num_epochs = budget(full=24, quick=1)
    ### BEGIN SOLUTION
    model = RNNClassifier(len(review_words), d_embed=32, d_hidden=64, num_classes=2).to(device)
    ids, lengths, labels = (t.to(device) for t in (review_ids, review_lengths, review_labels))
    batches = [rows for _ in range(num_epochs) for rows in torch.randperm(len(ids)).split(64)]
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=len(batches))
    losses = []
    for rows in progress(batches, "reviews"):
        longest = lengths[rows].max()
        loss = F.cross_entropy(model(ids[rows, :longest], lengths[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        clip_gradients_([p.grad for p in model.parameters()], 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return model, losses
    ### END SOLUTION


# %% slow=true
torch.manual_seed(0)
review_model, review_losses = train_sentiment()
save_weights(review_model, "sentiment")

# %% check="sentiment"
check("sentiment")

# %% [markdown]
# A many-to-one network has an opinion after every word; we only ask for the last one. Ask for all of them, and watch
# it change its mind.

# %% slow=true
texts = [
    "the music was not at all bad",
    "i expected the plot to be dull , but it never was",
    "the acting was lovely , but the ending was far from clever",
]
figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), sharey=True)
for axis, text in zip(axes, texts):
    words = text.split()
    ids = torch.tensor([review_words.encode(words)], device=device)
    with torch.no_grad():
        every_state, _ = review_model.rnn(review_model.embedding(ids))
        good = review_model.output(every_state)[0].softmax(dim=-1)[:, 1].cpu()
    axis.plot(range(len(words)), good, **LINES[0])
    axis.axhline(0.5, color="black", linewidth=0.8, linestyle=":")
    axis.set_xticks(range(len(words)), words, rotation=60, ha="right", fontsize=8)
    axis.set(xlabel="read so far", ylim=(-0.03, 1.03), title=f"in the end: {'good' if good[-1] > 0.5 else 'bad'}")
axes[0].set_ylabel("probability of “good”")
figure.suptitle("The verdict after every word")
plt.show()
with torch.no_grad():
    verdicts = review_model(new_review_ids.to(device), new_review_lengths.to(device)).argmax(dim=1).cpu()
review_level = (verdicts == new_review_labels).float().mean()
print(f"new reviews right: network {review_level:.1%}, bag of words {bag_level:.1%}")

# %% [markdown]
# Each curve moves where an adjective, a negation or a *but* is read. The model was trained on whole reviews only; what
# it says in the middle of one is its guess about how the review will end.

# %% [markdown]
# ## 8 · Many to many, in step: which apple is it?
#
# To say something about **every** token, read the output after every step: the label for token $t$ comes from $h_t$.
# Input and output have the same length and are aligned. This is *tagging*.
#
# Our task: *apple* is a fruit or a company. So is *orange*, and *blackberry*; a *shell* lies on the beach or sells
# petrol, the *Amazon* carries water or parcels. Each word gets one of three tags, and the two that we care about are
# NATURE and COMPANY.

# %% slow=true
apple_sentences = data.apple()
apple_words = data.apple_vocabulary()
for sentence in apple_sentences[:5]:
    pairs = zip(sentence.words, sentence.tags)
    print(" ".join(word if tag == "OTHER" else f"[{word}: {tag}]" for word, tag in pairs), "\n")

# %% [markdown]
# The baseline knows the word and nothing else: for every ambiguous word it says what that word meant more often in
# training.

# %% slow=true
tag_ids, _ = padded([sentence.tag_ids for sentence in apple_sentences])
apple_ids, apple_lengths = padded([apple_words.encode(sentence.words) for sentence in apple_sentences])
new_sentences = data.held_out("apple", seed=4, size=400)
new_apple_ids, _ = padded([apple_words.encode(sentence.words) for sentence in new_sentences])
new_tag_ids, _ = padded([sentence.tag_ids for sentence in new_sentences])
OTHER = data.TAGS.index("OTHER")

majority = {}
for word in data.AMBIGUOUS:
    majority[word] = tag_ids[apple_ids == apple_words.encode([word])[0]].bincount(minlength=3).argmax().item()
guesses = torch.full_like(new_tag_ids, OTHER)
for word, tag in majority.items():
    guesses[new_apple_ids == apple_words.encode([word])[0]] = tag
ambiguous = new_tag_ids != OTHER
majority_level = (guesses == new_tag_ids)[ambiguous].float().mean().item()
print({word: data.TAGS[tag] for word, tag in majority.items()})
print(f"majority by word: {majority_level:.1%} of the ambiguous words in new sentences right")
print(f"share of ambiguous words among all words: {(tag_ids != OTHER).sum() / apple_lengths.sum():.1%}")

# %% [markdown] card="RNNTagger"
# Write a tagger with the attributes `embedding` (`nn.Embedding(vocab_size, d_embed)`), `rnn` (`nn.RNN`, one layer, one
# direction, tanh) and `output` (`nn.Linear(d_hidden, num_tags)`).
#
# `forward(ids)` takes `(batch, seq)` and returns logits for every token, `(batch, seq, num_tags)`.
#
# <details><summary>Hint 1</summary>Compare with your classifier: what does it throw away that you keep here?</details>
# <details><summary>When it goes wrong</summary><b>Shape (batch, num_tags):</b> that is one answer per sentence; all
# states are wanted.<br><b>Later words change the tags of earlier ones:</b> is the network bidirectional, or are batch
# and seq exchanged?</details>

# %% exercise="RNNTagger"
class RNNTagger(nn.Module):
    """Aligned many to many: logits for every token."""

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_tags: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.RNN(d_embed, d_hidden, batch_first=True)
        self.output = nn.Linear(d_hidden, num_tags)
        ### END SOLUTION

    def forward(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq num_tags"]:
        ### BEGIN SOLUTION
        outputs, _ = self.rnn(self.embedding(ids))
        return self.output(outputs)
        ### END SOLUTION


# %% check="RNNTagger"
check("RNNTagger")

# %% [markdown] card="entities"
# Train your tagger on `apple_ids`, `tag_ids` and `apple_lengths` from the cells above. Return the trained model and
# the list of losses, one per update.
#
# Mind the share that the last cell printed: nearly every word is OTHER. A mean over all words is small as soon as the
# model has learned which words are never ambiguous, and that is not what we want to know. Let the ambiguous words
# count for more: `F.cross_entropy(…, weight=w)` takes one weight per tag.
#
# The check asks about new sentences, where people speak about things that they never spoke about in training, and
# counts the ambiguous words only. **Points rise with accuracy**; the majority by word gets none.
#
# <details><summary>Hint 1</summary>The sizes and the learning rate that worked for the reviews work here. A weight of
# 0.05 for OTHER and 1 for the other two is a start, and some 20 epochs.</details>
# <details><summary>Hint 2</summary>Scores (n, 3) and targets (n,): flatten batch and words into one axis. Padding has
# the tag OTHER, and counts as little.</details>
# <details><summary>Hint 3</summary>What decides stands many words before. Section 5 says which W_hh lets a gradient
# pass over many steps: start there, with <code>nn.init.orthogonal_(model.rnn.weight_hh_l0)</code>.</details>
# <details><summary>When it goes wrong</summary><b>The loss falls at once and the accuracy stays at one half:</b> it
# has learned OTHER only; see the weight.<br> <b>Nothing happens for many epochs:</b> see hint 3.</details>

# %% exercise="entities"
def train_entities() -> tuple[RNNTagger, list[float]]:
    """A tagger trained on the sentences with words of two senses, and its losses."""
    num_epochs = budget(full=20, quick=1)
    ### BEGIN SOLUTION
    model = RNNTagger(len(apple_words), d_embed=32, d_hidden=64, num_tags=3).to(device)
    ids, tags = apple_ids.to(device), tag_ids.to(device)
    importance = torch.tensor([0.05, 1.0, 1.0], device=device)
    nn.init.orthogonal_(model.rnn.weight_hh_l0)
    batches = [rows for _ in range(num_epochs) for rows in torch.randperm(len(ids)).split(64)]
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=len(batches))
    losses = []
    for rows in progress(batches, "apple"):
        longest = apple_lengths[rows].max()
        logits = model(ids[rows, :longest])
        loss = F.cross_entropy(logits.flatten(0, 1), tags[rows, :longest].flatten(), weight=importance)
        optimizer.zero_grad()
        loss.backward()
        clip_gradients_([p.grad for p in model.parameters()], 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return model, losses
    ### END SOLUTION


# %% slow=true
torch.manual_seed(0)
apple_model, apple_losses = train_entities()
save_weights(apple_model, "entities")

# %% check="entities"
check("entities")

# %% [markdown]
# Let it read some sentences. The last two are traps: somebody of the wrong trade stands between the one who acts and
# the word; and one word comes too early.

# %% slow=true
sentences = [
    "the cook spoke about the apple .",
    "the banker spoke about the apple .",
    "the gardener dreamed of the new apple , whereas the lawyer wrote about the new orange .",
    "our diver , unlike the broker nearby , was thinking of shell every day .",
    "the apple was what the banker spoke about .",
]
for text in sentences:
    words = text.split()
    with torch.no_grad():
        chances = apple_model(torch.tensor([apple_words.encode(words)], device=device))[0].softmax(dim=-1).cpu()
    print(text)
    for word, chance in zip(words, chances):
        if word in data.AMBIGUOUS:
            print(f"    {word:>10}: " + ", ".join(f"{tag} {p:.0%}" for tag, p in zip(data.TAGS, chance)))
with torch.no_grad():
    found = apple_model(new_apple_ids.to(device)).argmax(dim=-1).cpu()
level = (found == new_tag_ids)[ambiguous].float().mean().item()
print(f"\nambiguous words in new sentences right: network {level:.1%}, majority by word {majority_level:.1%}")

# %% [markdown]
# Where does it get its answer from? Take a sentence, replace one word by other words of the vocabulary, chosen at
# random, and see by how much the probability of the right sense changes. Then the next word, and so on.

# %% slow=true
texts = [
    "our diver , unlike the broker nearby , was thinking of the shell",
    "the banker on that rainy afternoon told us about the apple",
]
generator = torch.Generator().manual_seed(9)
figure, axes = plt.subplots(1, 2, figsize=(11, 3), sharey=True)
for axis, text in zip(axes, texts):
    words = text.split()
    ids = torch.tensor(apple_words.encode(words))
    replaced = ids.repeat(len(words) - 1, 200, 1)
    for position in range(len(words) - 1):
        replaced[position, :, position] = torch.randint(4, len(apple_words), (200,), generator=generator)
    with torch.no_grad():
        before = apple_model(ids[None].to(device))[0, -1].softmax(dim=-1)
        after = apple_model(replaced.flatten(0, 1).to(device))[:, -1].softmax(dim=-1)
    sense = before.argmax()
    change = (after[:, sense] - before[sense]).abs().reshape(len(words) - 1, 200).mean(dim=1).cpu()
    axis.bar(range(len(words) - 1), change, color="#0072B2", edgecolor="black")
    axis.set_xticks(range(len(words) - 1), words[:-1], rotation=45, ha="right")
    axis.set_title(f"“{words[-1]}” is read as {data.TAGS[sense]}")
axes[0].set_ylabel("mean change of the probability")
figure.suptitle("Which earlier words the decision hangs on")
plt.show()

# %% [markdown]
# The tall bars are the words on which the answer hangs. They stand far from the end, and the state carried them here.
# Look also at *broker*, which is mentioned but decides nothing, and at what else the model leans on: it has found
# rules of its own that work most of the time.

# %% [markdown]
# ### In words
#
# In *the apple was what the banker spoke about* the words that decide come after *apple*. Your tagger cannot get this
# right other than by luck. Explain **why**, from the equations of section 2; say whether training it longer or making
# it larger would help; and propose a change to the network that would.

# %% [markdown] written="direction" points=3
# ### BEGIN SOLUTION
# The tag of *apple* is computed from the state after *apple*. This state depends on the words up to *apple* only: each
# state is a function of the current input and the state before, and nothing in the equations leads from later words
# back. For every sentence that begins with *the apple*, the state and so the answer is the same.
#
# More training or more units don't help, since the information is not in the input of the computation. What helps is
# to read the sentence in the other direction as well, with a second network, and to compute the tag from both states;
# or to give the tag only after a delay of some words, or after the whole sentence was read.
#
# **Marking**
#
# - 1 point: the state at a word depends on earlier words only (argued from the recurrence, not just stated as a fact
#   about taggers).
# - 1 point: neither longer training nor a larger network helps, because the information is missing; “it would need
#   more data” gets nothing.
# - 1 point: a change that works: a second direction, a delayed output, two passes, attention over the whole sentence.
# ### END SOLUTION

# %% [markdown]
# ## 9 · Experiment: what the loop costs
#
# Two claims were made: the first words fade, and the loop cannot be run in parallel. Measure both.
#
# ### How far does a gradient travel?
#
# We take random networks with a given spectral radius $\rho$ of $W_{hh}$, let them read random inputs, and put a loss
# on the last state only. Your `rnn_backward` then says how strongly the loss depends on the input $n$ steps earlier:
# the length of $\bar x_{T-n}$, where $T$ is the last step. By section 5 it should change by a factor of about $\rho$
# with every step, and by less where the tanh saturates. To see both, we do it twice: with inputs so tiny that
# every $1 - h_t^2$ is practically 1, and with ordinary ones.

# %% slow=true
def gradient_by_distance(rho: float, input_scale: float, seq: int, generator: torch.Generator) -> Float[Tensor, "seq"]:
    """Length of the gradient at the input 0, 1, 2 … steps before the last, as a share of the first."""
    batch, d_x, d_state = 16, 8, 64
    W_hh = with_spectral_radius(rho, d_state, generator)
    W_xh = torch.randn(d_x, d_state, generator=generator, dtype=torch.float64) / d_x**0.5
    x = input_scale * torch.randn(batch, seq, d_x, generator=generator, dtype=torch.float64)
    h_0, bias = x.new_zeros(batch, d_state), x.new_zeros(d_state)
    outputs, _ = rnn_forward(x, h_0, W_xh, W_hh, bias)
    only_last = torch.zeros_like(outputs)
    only_last[:, -1] = torch.randn(batch, d_state, generator=generator, dtype=torch.float64)
    grad_x = rnn_backward(x, h_0, outputs, only_last, W_xh, W_hh)["x"]
    lengths = grad_x.norm(dim=-1).mean(dim=0).flip(0)
    return lengths / lengths[0]


generator = torch.Generator().manual_seed(8)
radii, seq = [0.5, 0.9, 1.0, 1.1, 1.3], budget(full=60, quick=20)
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
for axis, (name, scale) in zip(axes, {"tiny inputs": 1e-9, "ordinary inputs": 0.5}.items()):
    for rho, line in zip(radii, LINES):
        relative = gradient_by_distance(rho, scale, seq, generator)
        axis.plot(relative, label=rf"$\rho$ = {rho}", markevery=6, markersize=5, **line)
        half = seq // 2
        factor = (relative[-1] / relative[half]).item() ** (1 / (seq - 1 - half))
        print(f"{name}, spectral radius {rho}: factor {factor:.3f} per step, {factor**50:.1e} in 50 steps")
    axis.set(title=name, xlabel="distance back in time (steps)", yscale="log", ylim=(1e-13, 1e9))
axes[0].set_ylabel("length of the gradient at the input,\nrelative to distance 0 (log scale)")
axes[0].legend(ncols=2, fontsize=8)
figure.suptitle("A gradient changes by a nearly constant factor per step")
plt.show()

# %% [markdown]
# On the logarithmic axis most curves are nearly straight: a constant factor per step, as the product of section 5
# says. Compare the printed factors with $\rho$. On the left they are close to it, and above 1 the gradient explodes.
# On the right the tanh bends: its slope takes away a part at every step, so the gradient shrinks sooner. Only a narrow
# range of radii lets a gradient pass over many steps unharmed, and nothing in training keeps the network there.
#
# ### How long does a token take?
#
# Compare two ways to process a sequence of `seq` vectors. The recurrent network must wait for $h_{t-1}$ before it can
# begin with $h_t$. A perceptron that looks at each position alone has nothing to wait for, and does all positions in
# one product.

# %% slow=true
def perceptron(x: Float[Tensor, "batch seq d_in"], W: Float[Tensor, "d_in d_h"], b: Float[Tensor, "d_h"]) -> Tensor:
    """One layer at every position, each by itself."""
    return torch.tanh(x @ W + b)


def microseconds(run, *inputs: Tensor) -> float:
    """How long run(*inputs) takes: the fastest of several runs, since the others were disturbed."""
    times = []
    for _ in range(budget(full=7, quick=2)):
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        run(*inputs)
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 1e6 * min(times)


width = 64
W_in, W_rec, b_rec = (torch.randn(size, device=device) / 8 for size in [(width, width), (width, width), (width,)])
seqs = budget(full=[8, 32, 128, 512, 2048], quick=[8, 32, 128])
in_turn, at_once = [], []
for n in seqs:
    x, h_0 = torch.randn(1, n, width, device=device), torch.zeros(1, width, device=device)
    with torch.no_grad():
        in_turn.append(microseconds(rnn_forward, x, h_0, W_in, W_rec, b_rec) / n)
        at_once.append(microseconds(perceptron, x, W_in, b_rec) / n)

plt.plot(seqs, in_turn, label="recurrent: one position after the other", **LINES[0])
plt.plot(seqs, at_once, label="position by position alone: all at once", **LINES[1])
plt.xscale("log", base=2)
plt.yscale("log")
plt.title("Per token, the loop never gets cheaper; parallel work does")
plt.xlabel("sequence length (tokens, log scale)")
plt.ylabel("time per token (µs, log scale)")
plt.legend()
plt.show()
print(f"at {seqs[-1]} tokens: {in_turn[-1]:.2f} µs per token in turn, {at_once[-1]:.3f} µs at once: "
      f"{in_turn[-1] / at_once[-1]:.0f} times faster")

# %% [markdown]
# The upper curve is flat: twice the tokens take twice the time, however many processors are idle. The lower one falls
# until the hardware is busy. On a GPU, which can do thousands of things at once, the distance is larger still. The
# perceptron has no memory, of course. Lesson 06 shows a layer that has one and still needs no loop.

# %% [markdown]
# ### In words
#
# A colleague trains a recurrent network on sequences of 200 steps. The loss has become NaN twice. The colleague now
# clips the gradient, and the NaN is gone, but the network still ignores the first hundred steps. “Then I shall clip at
# a larger norm,” says the colleague. Explain **what** clipping mends and what it does not, using the product of
# section 5, and say what the two factors of that product have to do with it.

# %% [markdown] written="fading" points=3
# ### BEGIN SOLUTION
# The gradient over n steps is a product of n factors $D_t W_{hh}^\top$. Where these stretch on average, it grows like
# a power of n and explodes: one such batch gives a step so long that the loss becomes NaN. Clipping bounds the length
# of the step and keeps its direction. That mends the NaN.
#
# Where the factors shrink on average, the gradient that comes from far back vanishes. $1 - h_t^2$ is never above 1 and
# small where states are saturated, so it only shrinks; $W_{hh}$ would have to make up for it exactly, at every step.
# Clipping only ever makes gradients shorter, all by the same factor, so it cannot bring back what is lost, and a
# larger limit merely clips less often: near and far parts keep their ratio. What helps against vanishing is another
# architecture, whose state passes on without being squashed at every step, or a start with a radius near 1.
#
# **Marking**
#
# - 1 point: clipping bounds the length of an update and so mends explosion (and why: a product of many stretching
#   factors).
# - 1 point: it can't mend vanishing: it only shortens, and scales near and far parts alike; a larger limit changes
#   nothing about that.
# - 1 point: names the roles of both factors: 1 − h² never above 1, small when saturated; the spectral radius of W_hh
#   decides between shrinking and growing.
# ### END SOLUTION

# %% [markdown]
# ## What you know now, and what is left open
#
# - A recurrent network is a perceptron with a hidden state. Its weights are the same at every step, so it reads
#   sequences of any length.
# - Where you read the outputs decides the task: at the end, at every step, or fed back as input.
# - Its gradient is a product over the steps, so it explodes, which clipping mends, or vanishes, which clipping does
#   not.
# - It must read in order, so training cannot use a parallel machine well.
#
# Every step weighs its input alike: the network cannot decide to keep one word and let another pass. Lesson 03 gives
# it **gates** to do so.
#
# ## Where to read on
#
# - Elman (1990), *Finding Structure in Time*: the network of this lesson; the section on discovering word classes is
#   still a pleasure.
# - Werbos (1990), *Backpropagation Through Time: What It Does and How to Do It*, section III: the algorithm of section
#   4.
# - Bengio, Simard, Frasconi (1994), *Learning Long-Term Dependencies with Gradient Descent is Difficult*, section IV:
#   why remembering and learning are at odds.
# - Pascanu, Mikolov, Bengio (2013), *On the Difficulty of Training Recurrent Neural Networks*, sections 2 and 3: the
#   product of section 5, and clipping (algorithm 1).
# - Mikolov and others (2010), *Recurrent Neural Network Based Language Model*, section 2.
# - Graves (2013), *Generating Sequences With Recurrent Neural Networks*, sections 2 and 3: writing character by
#   character.
# - Zhang, Lipton, Li, Smola, *Dive into Deep Learning*, sections 9.4 to 9.7: the same ground in the book's own code.
