# %% [markdown]
# # Lesson 04 · From M words to N words
#
# **The question.** A translation may have more words than its source, or fewer, and they may stand in another order.
# How can one network read M words and write N?
#
# **What lesson 03 left open.** A gated network carries what it read over long distances. But it still answers in one
# of two ways only: once, at the end, or once for every word that comes in. A translation is neither.
#
# **What you build here.** Two recurrent networks: an *encoder*, which reads, and a *decoder*, which writes, with one
# vector between them. Around them: batches of sentences with different lengths, a way to train the decoder that does
# not wait for it to be right, two ways to get a sentence out of it, and a number that says how good a translation is.
# First your network learns opposites, letter by letter: *man* becomes *woman*. Then it translates English into French,
# and you measure where it fails: on long sentences.
#
# Work from top to bottom. Every exercise has a card, a cell for your answer and a check under it. The numbers in the
# lesson come from the cells: read them there.

# %%
import math
import time
from collections import Counter
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder import budget, check, course_device, describe_device, progress, save_weights
from autograder import data, pairs, real_text
from autograder.d2l import d2l

torch.set_num_threads(1)  # the matrices of this lesson are small: more threads would mostly wait for each other
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
# ## 1 · Why the shapes so far do not reach
#
# The data of this lesson are English sentences with their French translations. Every pair also says which word
# translates which; a model never sees that, but you can look.

# %% slow=true
french = pairs.translation("fra")
print(f"{len(french):,} pairs\n")
for pair in [p for p in french if 7 <= len(p.source) <= 14][:5]:
    print(" ".join(pair.source), "\n    " + " ".join(pair.target))

# %% [markdown]
# Lesson 01 named five shapes of a task. Try the first four on a translation:
#
# | shape | how it would translate | why that fails |
# | --- | --- | --- |
# | one to one | sentences are numbered: one goes in, one comes out | almost every sentence is new and has no number |
# | one to many | a numbered sentence goes in, words come out in turn | the same: it reads no words |
# | many to one | all words are read, then one answer is given | a translation is not one of a few classes |
# | many to many, aligned | for every word that comes in, one goes out | the lengths differ, and so does the order |
#
# How bad is the last one? A tagger has to say its $t$-th word when it has read $t$ words. Look at one pair, with a
# line from every word to its translation, and then count over the training pairs. The Chinese translations of the same
# sentences are a second witness, for a language further away; under each Chinese word stands what it says in English.

# %% slow=true
def moved(pair: pairs.SentencePair) -> set[int]:
    """Places of source words that change their order with another one in the translation."""
    spans = {}
    for i, j in pair.sure:
        first, last = spans.get(i, (j, j))
        spans[i] = min(first, j), max(last, j)
    return {place for i in spans for k in spans if i < k and spans[i][0] > spans[k][1] for place in (i, k)}


def draw_links(axis, pair: pairs.SentencePair, lower: list[str], title: str) -> None:
    """The source above, the translation below, a line for every link; thick where the order changes."""
    above, below = ([(k + 0.5) / len(words) for k in range(len(words))] for words in (pair.source, lower))
    for i, j in pair.sure:
        colour, width = ("#D55E00", 2.5) if i in moved(pair) else ("#0072B2", 1)
        axis.plot([above[i], below[j]], [1, 0], color=colour, linewidth=width)
    for words, places, y, side in ((pair.source, above, 1.06, "bottom"), (lower, below, -0.06, "top")):
        for word, x in zip(words, places):
            axis.text(x, y, word, ha="center", va=side, fontsize=8)
    axis.set(title=title, ylim=(-0.45, 1.35), xlim=(0, 1))
    axis.axis("off")


chinese = pairs.translation("cmn")
both = next(
    (one, other) for one, other in zip(french, chinese)
    if len(one.source) < 12 and len(other.target) < 14 and len(moved(one)) > 3 and len(moved(other)) > 3
)
figure, axes = plt.subplots(2, 1, figsize=(11, 4.2))
draw_links(axes[0], both[0], list(both[0].target), "English to French: thick lines change the order")
said = [" ".join(both[1].source[i] for i, k in both[1].sure if k == j) or "·" for j in range(len(both[1].target))]
said = ["″" if word == before and word != "·" else word for before, word in zip(["", *said], said)]
draw_links(axes[1], both[1], said, "English to Chinese: below, what each Chinese word says (″: the same, ·: nothing)")
plt.show()
print("Chinese:", " ".join(both[1].target), "\n")


def percent(holds: list[bool]) -> float:
    return 100 * sum(holds) / len(holds)


print("share of the pairs …                           French  Chinese")
some = slice(budget(full=5000, quick=500))
for text, test in {
    "with another number of words": lambda pair: len(pair.source) != len(pair.target),
    "with another order of words": lambda pair: bool(moved(pair)),
    "with a word due before its source is read": lambda pair: any(i > j for i, j in pair.sure),
}.items():
    shares = [percent([test(pair) for pair in language[some]]) for language in (french, chinese)]
    print(f"  {text:<42}", *(f"{share:6.0f} %" for share in shares))

# %% [markdown]
# The last line is the one that counts: in so many pairs the tagger would have to say a word whose source it has not
# read yet. We need a network that **reads everything first** and then writes, at its own pace, until it says that it
# is done. That is the fifth shape: many to many, not aligned.

# %% [markdown]
# ## 2 · Two networks and what passes between them
#
# Cut the task in two:
#
# $$c = \operatorname{encode}(x_1, \ldots, x_M),$$
#
# $$P(y_1, \ldots, y_N \mid x) = \prod_{t=1}^{N} P(y_t \mid y_1, \ldots, y_{t-1}, c).$$
#
# - The **encoder** reads the source $x_1, \ldots, x_M$ and sums it up in a **context** $c$, of a size that does not
#   depend on $M$.
# - The **decoder** is a language model, as in lesson 02: it says the next word from the words before. It differs in
#   one point: it also sees $c$.
# - The decoder speaks until it says a special word, `<eos>`, the end of the sequence. Nobody has to know $N$ before.
#
# The equation says nothing about what is *inside* the two. Encoder and decoder are an idea, and networks are ways to
# fill it in. Each of these is one:
#
# | encoder | decoder | task |
# | --- | --- | --- |
# | a recurrent network over words | a recurrent network over words | translation: this lesson |
# | a recurrent network over letters | a recurrent network over letters | *man* to *woman*: this lesson too |
# | a convolutional network over an image | a recurrent network over words | captions for pictures: lesson 11 |
# | self-attention over words | self-attention over words | the Transformer: lesson 08 |
#
# What passes from one to the other is all that the decoder ever learns of the source. Remember this sentence; the end
# of the lesson comes back to it.

# %% [markdown]
# ### In words
#
# A colleague says: “Encoder-decoder means two recurrent networks. My task is to read a *photo* of a bus timetable and
# say aloud the departures, so it can't be an encoder-decoder.” Explain why the colleague is mistaken. Say **what** an
# encoder has to give and **what** a decoder has to do, whatever is inside them, and name for this task one possible
# encoder, one possible decoder, and what passes between them.

# %% [markdown] written="idea" points=3
# ### BEGIN SOLUTION
# Encoder and decoder are roles, not kinds of network. An encoder turns the input, whatever it is, into a
# representation that the decoder can use. A decoder produces the output one part after the other, each from the parts
# before and from that representation, and says itself when it ends.
#
# Here the encoder could be a convolutional network over the photo; the decoder a recurrent network that says words (or
# pieces of sound); between them passes a vector, or a grid of vectors, of numbers that sum up the photo.
#
# **Marking**
#
# - 1 point: separates the roles from the networks inside (a statement about roles, not only “other networks work
#   too”).
# - 1 point: the encoder gives a representation of the whole input; the decoder produces outputs one after the other,
#   each given those before and the representation, and decides where it ends. Half a point where one of the two is
#   missing.
# - 1 point: a sensible encoder, decoder and what passes between them for the timetable.
# ### END SOLUTION

# %% [markdown]
# ## 3 · Batches of sentences
#
# Words become ids. Both vocabularies begin with the same four special words: `<pad>` 0, `<bos>` 1, `<eos>` 2 and
# `<unk>` 3.

# %%
PAD, BOS, EOS, UNK = (data.SPECIALS.index(name) for name in ("<pad>", "<bos>", "<eos>", "<unk>"))

# %% slow=true
english_words, french_words = pairs.source_vocabulary("fra"), pairs.target_vocabulary("fra")
print(f"{len(english_words)} English and {len(french_words)} French words; the first: {french_words.tokens[:12]}")

# %% [markdown]
# A tensor has one width, and sentences have many lengths. So each sentence is closed by `<eos>` and then filled up
# with `<pad>`. The `<eos>` is a word like any other: the decoder has to learn to say it, and the encoder reads it as
# the sign that nothing more comes. The padding is nothing: no result may depend on it. `lengths` says where it begins.

# %% [markdown] card="pad_batch"
# Turn a list of sentences (lists of ids) into a tensor `ids` of shape `(batch, max_len)` and a tensor `lengths` of
# shape `(batch,)`, both int64.
#
# - Every row is the sentence, then `eos_id`, then `pad_id` up to `max_len`.
# - A sentence that is too long loses its end, but **never its `eos_id`**: without it the decoder would learn that long
#   sentences have no end.
# - The length counts the `eos_id`, so it is at least 1, even for an empty sentence.
#
# The lists that are given stay as they are.
#
# <details><summary>Hint 1</summary>How many ids of a sentence fit when one place is reserved?</details>
# <details><summary>Hint 2</summary>Make a list of lists of equal lengths first; <code>torch.tensor</code> turns it
# into a tensor of int64.</details>
# <details><summary>When it goes wrong</summary><b>The longest rows have no eos:</b> cut first, then
# append.<br><b>Lengths one too small:</b> the eos counts.<br><b>Lengths wrong where a sentence holds the id of the
# padding:</b> count what you put in, not what differs from pad_id.</details>

# %% exercise="pad_batch"
def pad_batch(
    sequences: list[list[int]], max_len: int, pad_id: int, eos_id: int
) -> tuple[Int[Tensor, "batch max_len"], Int[Tensor, "batch"]]:
    """Sentences as one tensor, each closed by eos_id and filled up; and their lengths, the eos_id counted."""
    ### BEGIN SOLUTION
    closed = [[*sentence[: max_len - 1], eos_id] for sentence in sequences]
    rows = [sentence + [pad_id] * (max_len - len(sentence)) for sentence in closed]
    return torch.tensor(rows), torch.tensor([len(sentence) for sentence in closed])
    ### END SOLUTION


# %% check="pad_batch"
check("pad_batch")

# %% slow=true
sentences = [pair.source for pair in french if len(pair.source) in (4, 6, 8)][20:26]
ids, lengths = pad_batch([english_words.encode(words) for words in sentences], 9, PAD, EOS)
for row, length in zip(ids, lengths):
    print(f"length {length}:", " ".join(english_words.decode(row.tolist())))

# %% [markdown]
# ## 4 · The encoder
#
# The encoder is the recurrent network that you know: embed, read, keep a state. We take a GRU (lesson 03), in
# `num_layers` layers. It gives two things:
#
# | | shape | what it is |
# | --- | --- | --- |
# | `outputs` | `(batch, seq, d_hidden)` | the top layer's state after every word |
# | `state` | `(num_layers, batch, d_hidden)` | the state of every layer after the **last real** word |
#
# The second is the trap. `nn.GRU` returns the state after the last *column*, and for short sentences that is the state
# after many `<pad>`. PyTorch has a remedy: `pack_padded_sequence` takes the lengths and lays the real words one after
# the other, so that the network never meets the padding; `pad_packed_sequence` puts the outputs back into a tensor,
# with zeros where there was padding.

# %% [markdown] card="Seq2SeqEncoder"
# Write the encoder, with the attributes `embedding` (`nn.Embedding(vocab_size, d_embed)`) and `rnn` (`nn.GRU` with
# `num_layers` layers, one direction, batch first).
#
# `forward(ids, lengths)` returns `outputs`, as wide as `ids` and **zero at the padding**, and `state`, the state of
# every layer **at each row's last real word**. Whatever ids stand in the padding, both must be the same.
#
# <details><summary>Hint 1</summary><code>pack_padded_sequence(x, lengths, batch_first=True,
# enforce_sorted=False)</code> goes before the GRU; it wants the lengths on the CPU:
# <code>lengths.cpu()</code>.</details>
# <details><summary>Hint 2</summary><code>pad_packed_sequence</code> makes its tensor as wide as the longest row of the
# batch, unless it is told another width: <code>total_length</code>.</details>
# <details><summary>When it goes wrong</summary><b>outputs too narrow when no row is full:</b> see hint 2.<br><b>The
# state is wrong for short rows only:</b> did the GRU read the packed sequence, or the padded one?<br><b>“expected
# sorted lengths”:</b> enforce_sorted=False.<br><b>Rows exchanged:</b> packing without enforce_sorted=False sorts, and
# you have to sort back; let PyTorch do it.</details>

# %% exercise="Seq2SeqEncoder"
class Seq2SeqEncoder(nn.Module):
    """Reads a batch of sentences: the state after every word, and the state at the end of each."""

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_layers: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.GRU(d_embed, d_hidden, num_layers, batch_first=True)
        ### END SOLUTION

    def forward(
        self, ids: Int[Tensor, "batch seq"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch seq d_hidden"], Float[Tensor, "num_layers batch d_hidden"]]:
        ### BEGIN SOLUTION
        x = self.embedding(ids)  # (batch, seq, d_embed)
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        outputs, state = self.rnn(packed)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=ids.shape[1])
        return outputs, state
        ### END SOLUTION


# %% check="Seq2SeqEncoder"
check("Seq2SeqEncoder")

# %% [markdown]
# A second witness: the book *Dive into Deep Learning* has an encoder too. It wants the steps first and knows nothing
# of lengths, so give both the same weights and rows that are full. Then look at what an untrained encoder of yours
# makes of a short and a long sentence.

# %% slow=true
torch.manual_seed(1)
encoder = Seq2SeqEncoder(len(english_words), d_embed=12, d_hidden=16, num_layers=2)
witness = d2l.Seq2SeqEncoder(len(english_words), 12, 16, 2)
witness.load_state_dict({name.replace("rnn.", "rnn.rnn."): value for name, value in encoder.state_dict().items()})
full = torch.randint(4, len(english_words), (3, 7))
with torch.no_grad():
    yours, book = encoder(full, torch.tensor([7, 7, 7])), witness(full)
print(f"largest difference between your outputs and d2l's: {(yours[0] - book[0].transpose(0, 1)).abs().max():.1e}")

with torch.no_grad():
    outputs, state = encoder(ids, lengths)
short, long = lengths.argmin().item(), lengths.argmax().item()
d2l.show_heatmaps(
    torch.stack([outputs[short].T, outputs[long].T])[None], "position in the row (words)", "unit", cmap="cividis",
    figsize=(7, 3), titles=[f"length {lengths[short]}", f"length {lengths[long]}"],
)
for axis in plt.gcf().axes:
    axis.grid(False)
plt.gcf().suptitle("States of the top layer: zero where there is padding (colour: value)", fontsize=10)
plt.show()
last = outputs[torch.arange(len(ids)), lengths - 1]
print("the top layer's state is the output at the last real word:", torch.equal(last, state[-1]))

# %% [markdown]
# Left, the columns after the sentence have one colour, that of zero. Right, the sentence fills the row.

# %% [markdown]
# ## 5 · Three ways to make the context
#
# What is $c$? Cho and others (2014) leave it open: some function $q$ of the states,
#
# $$c = q(h_1, \ldots, h_M).$$
#
# Three choices come up again and again:
#
# 1. **The last state**, $c = h_M$. It has read everything. But it also is the only one that has read the end well, and
#    the beginning lies furthest back.
# 2. **A function of the last state**, $c = f(h_M)$: for instance a linear layer, where the encoder and the decoder
#    have different sizes.
# 3. **A function of all states**: their mean, or in each unit the maximum. Now every word has a short way into $c$,
#    and what stood where is lost in the sum unless the states carry it.
#
# You write the first and two of the third kind. With all of them padding must not count: it is no state.

# %% [markdown] card="context_vector"
# From `outputs` `(batch, seq, d)` and `lengths` make one vector for each row, `(batch, d)`, over the **real** words
# only:
#
# - `kind == "last"`: the output at the last real word,
# - `kind == "mean"`: the mean of the real outputs, $\frac{1}{n_i} \sum_{t < n_i} \text{outputs}_{i,t}$ with $n_i$ the
#   length,
# - `kind == "max"`: in each of the `d` places the largest value among the real outputs.
#
# Do not trust that the padding is zero: here it may hold anything.
#
# <details><summary>Hint 1</summary>A boolean mask of shape (batch, seq) that is True at real words:
# <code>torch.arange(seq) &lt; lengths[:, None]</code>, with the arange on the right device.</details>
# <details><summary>Hint 2</summary><code>masked_fill</code> replaces what must not count. Which value changes no sum,
# and which no maximum?</details>
# <details><summary>When it goes wrong</summary><b>max is wrong where all values are negative:</b> zero is not the
# smallest number.<br><b>mean is too small for short rows:</b> by what do you divide?<br><b>last gives (batch, batch,
# d):</b> pick pairs of row and position, <code>outputs[rows, lengths - 1]</code>.</details>

# %% exercise="context_vector"
def context_vector(
    outputs: Float[Tensor, "batch seq d"], lengths: Int[Tensor, "batch"], kind: str
) -> Float[Tensor, "batch d"]:
    """One vector that sums up each row: the last real output, the mean or the maximum of the real ones."""
    ### BEGIN SOLUTION
    batch, seq, _ = outputs.shape
    if kind == "last":
        return outputs[torch.arange(batch, device=outputs.device), lengths - 1]
    padding = (torch.arange(seq, device=outputs.device) >= lengths[:, None])[..., None]  # (batch, seq, 1)
    if kind == "mean":
        return outputs.masked_fill(padding, 0.0).sum(dim=1) / lengths[:, None].to(outputs.dtype)
    return outputs.masked_fill(padding, -math.inf).amax(dim=1)
    ### END SOLUTION


# %% check="context_vector"
check("context_vector")

# %% [markdown]
# Do the three keep the order of the words? Take two sentences with the same words in another order, read them with
# many untrained encoders, and measure how far apart the two contexts lie, as a share of their length. For comparison:
# the mean of the *embeddings*, where no network has read anything.

# %% slow=true
twins = ["the king saw the queen .", "the queen saw the king ."]
twin_ids, twin_lengths = pad_batch([english_words.encode(text.split()) for text in twins], 8, PAD, EOS)
apart = {"mean of embeddings": [], "last": [], "mean": [], "max": []}
for seed in range(20):
    torch.manual_seed(seed)
    reader = Seq2SeqEncoder(len(english_words), d_embed=32, d_hidden=64, num_layers=1)
    with torch.no_grad():
        states, _ = reader(twin_ids, twin_lengths)
        contexts = {kind: context_vector(states, twin_lengths, kind) for kind in ("last", "mean", "max")}
        contexts["mean of embeddings"] = context_vector(reader.embedding(twin_ids), twin_lengths, "mean")
    for kind, (a, b) in contexts.items():
        apart[kind].append(100 * ((a - b).norm() / a.norm()).item())
for kind, shares in apart.items():
    print(f"{kind:<20} {sum(shares) / len(shares):5.1f} % apart")

# %% [markdown]
# A sum of embeddings can't tell who saw whom: its difference is zero up to rounding. All three contexts can, because
# each state has read the words before it.
#
# From here on the context is the **last state**, unless a cell says otherwise: it is what Sutskever and others (2014)
# took, and the checks of the trained models take it too.

# %% [markdown]
# ## 6 · The decoder
#
# The decoder is a language model with a second input. At step $t$ it reads the word that it has said last, $y_{t-1}$,
# beside the context, and both go into the GRU together:
#
# $$s_t = \operatorname{GRU}\bigl([\,\operatorname{embed}(y_{t-1});\, c\,],\ s_{t-1}\bigr),$$
#
# $$\text{logits}_t = s_t W_{sq} + b_q .$$
#
# Here $[a; b]$ is one vector, $a$ followed by $b$. Three things are to be settled:
#
# - **Where does it start?** Its first state $s_0$ is the encoder's last one, layer by layer. So the source reaches the
#   decoder on two ways: as the state that it begins with, which every step writes over a little, and as the context,
#   which every step sees afresh.
# - **What does it read first?** Nothing was said yet, so it reads a special word: `<bos>`, the beginning of the
#   sequence.
# - **When does it stop?** When it says `<eos>`.
#
# A model that reads its own words is called **autoregressive**.

# %% [markdown] card="Seq2SeqDecoder"
# Write the decoder, with the attributes `embedding` (`nn.Embedding(vocab_size, d_embed)`), `rnn` (`nn.GRU`, input size
# `d_embed + d_hidden`, `num_layers` layers, batch first) and `output` (`nn.Linear(d_hidden, vocab_size)`).
#
# `forward(ids, context, state)` takes ids `(batch, seq)`, one context for each row, `(batch, d_hidden)`, and the state
# to start from. The input of **every** step is [embedding; context], in this order. It returns logits for every step,
# from the top layer, and the new state. Reading in two parts, with the state passed on, must give the same as reading
# at once.
#
# <details><summary>Hint 1</summary>The context has no axis for steps. <code>context[:, None]</code> gives it one, and
# <code>expand</code> repeats it there without copying.</details>
# <details><summary>Hint 2</summary>Embed, concatenate along the last axis, run the GRU from the state, apply the
# output layer: four lines.</details>
# <details><summary>When it goes wrong</summary><b>Right shapes, wrong values:</b> which of the two stands first in the
# concatenation?<br><b>Wrong from the first step:</b> does the GRU get the state that was given?<br><b>“Expected hidden
# size”:</b> the state is (num_layers, batch, d_hidden), although everything else is batch first.<br><b>“rnn: hx is not
# contiguous”:</b> <code>state.contiguous()</code>.</details>

# %% exercise="Seq2SeqDecoder"
class Seq2SeqDecoder(nn.Module):
    """A language model that sees a context at every step."""

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_layers: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.GRU(d_embed + d_hidden, d_hidden, num_layers, batch_first=True)
        self.output = nn.Linear(d_hidden, vocab_size)
        ### END SOLUTION

    def forward(
        self,
        ids: Int[Tensor, "batch seq"],
        context: Float[Tensor, "batch d_hidden"],
        state: Float[Tensor, "num_layers batch d_hidden"],
    ) -> tuple[Float[Tensor, "batch seq vocab_size"], Float[Tensor, "num_layers batch d_hidden"]]:
        ### BEGIN SOLUTION
        repeated = context[:, None].expand(-1, ids.shape[1], -1)  # (batch, seq, d_hidden)
        inputs = torch.cat([self.embedding(ids), repeated], dim=-1)  # (batch, seq, d_embed + d_hidden)
        outputs, state = self.rnn(inputs, state.contiguous())
        return self.output(outputs), state
        ### END SOLUTION


# %% check="Seq2SeqDecoder"
check("Seq2SeqDecoder")

# %% [markdown]
# ## 7 · Training: teacher forcing
#
# How does one train a model that reads its own words? At the beginning every word that it says is wrong. If it went on
# from there, it would train on how to continue nonsense.
#
# So in training we do not let it read what it said, but what it **should** have said. Its inputs are the right words,
# one step late, with `<bos>` in front; its labels are the right words:
#
# | step | 1 | 2 | 3 | 4 | 5 |
# | --- | --- | --- | --- | --- | --- |
# | reads | `<bos>` | le | roi | a | dormi |
# | should say | le | roi | a | dormi | `<eos>` |
#
# This is **teacher forcing**. All inputs are known before, so the decoder reads the whole row in one call, as a
# language model does.

# %% [markdown] card="teacher_forcing_pairs"
# `target_ids` `(batch, seq)` are right translations, closed by `<eos>` and padded, without `<bos>`. Return two tensors
# of the same shape: what the decoder reads, and the labels.
#
# <details><summary>Hint 1</summary>Nothing is added at the end, so something has to drop out there.</details>
# <details><summary>When it goes wrong</summary><b>One column too many:</b> both results are as wide as
# target_ids.<br><b>The inputs are one step early:</b> at each step the decoder reads what came <i>before</i> its
# label.</details>

# %% exercise="teacher_forcing_pairs"
def teacher_forcing_pairs(
    target_ids: Int[Tensor, "batch seq"], bos_id: int
) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]:
    """What the decoder reads, and what it should say at the same step."""
    ### BEGIN SOLUTION
    first = torch.full_like(target_ids[:, :1], bos_id)
    return torch.cat([first, target_ids[:, :-1]], dim=1), target_ids
    ### END SOLUTION


# %% check="teacher_forcing_pairs"
check("teacher_forcing_pairs")

# %% [markdown]
# The loss is the cross-entropy between logits and labels, and padding must not count. A mean over all positions would
# be wrong in two ways: it would ask the decoder to say `<pad>`, and a batch with much padding would look easy.
#
# There is a choice to make. Is the mean over **sentences**, each with the mean over its words? Or over **words**? We
# take words: every word weighs the same, and the loss is the logarithm of the perplexity.

# %% [markdown] card="masked_cross_entropy"
# For logits `(batch, seq, vocab_size)`, labels `(batch, seq)` and lengths `(batch,)` return
#
# $$L = -\frac{1}{\sum_i n_i} \sum_i \sum_{t < n_i} \ln P(\text{label}_{i,t}),$$
#
# the mean over the real words of the whole batch, $n_i$ being the lengths. It is a 0-d tensor that gradients flow
# through. Very large logits must not give infinity.
#
# <details><summary>Hint 1</summary><code>F.cross_entropy(…, reduction="none")</code> gives one loss for each position.
# It wants the classes in axis 1, or everything flattened.</details>
# <details><summary>Hint 2</summary>Or mark what must not count: labels of −100 are left out of the mean by
# <code>F.cross_entropy</code>. Do not change the labels that were given.</details>
# <details><summary>When it goes wrong</summary><b>Right where all rows are full, else too small:</b> by how many do
# you divide?<br><b>Only short sentences differ:</b> a mean of means gives every sentence the same weight.</details>

# %% exercise="masked_cross_entropy"
def masked_cross_entropy(
    logits: Float[Tensor, "batch seq vocab_size"], labels: Int[Tensor, "batch seq"], lengths: Int[Tensor, "batch"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy over the real words of a batch."""
    ### BEGIN SOLUTION
    real = torch.arange(labels.shape[1], device=labels.device) < lengths[:, None]  # (batch, seq)
    return F.cross_entropy(logits[real], labels[real])
    ### END SOLUTION


# %% check="masked_cross_entropy"
check("masked_cross_entropy")

# %% [markdown]
# How much padding is there? That depends on how batches are made. Sentences drawn at random leave a good part of each
# batch empty; sentences of like length leave little, and every padded place costs the decoder as much time as a word.

# %% slow=true
def batches_by_length(lengths: Int[Tensor, "n"], batch_size: int, num_batches: int):
    """Row numbers, batch by batch: rows of like length together, in another order in every round."""
    made = 0
    while True:
        noise = 1.0 + 0.2 * torch.rand(len(lengths))
        batches = (lengths * noise).argsort().split(batch_size)
        for k in torch.randperm(len(batches)).tolist():
            if made == num_batches:
                return
            made += 1
            yield batches[k]


target_lengths = torch.tensor([len(pair.target) + 1 for pair in french])
random_batches = torch.randperm(len(french)).split(64)
for name, batches in {
    "at random": random_batches, "by length": batches_by_length(target_lengths, 64, len(random_batches)),
}.items():
    wasted = [1 - (target_lengths[rows].sum() / (len(rows) * target_lengths[rows].max())).item() for rows in batches]
    print(f"batches of 64 {name}: {100 * sum(wasted) / len(wasted):.0f} % of the places are padding")

# %% [markdown]
# ## 8 · Getting a sentence out: greedy decoding
#
# Now the decoder is on its own. It reads `<bos>`, gives logits for the first word, and we have to choose one. The
# simplest way is **greedy**: take the likeliest word, feed it back, and go on until `<eos>` comes.
#
# Write it so that it knows nothing of networks. It gets a function `step`: ids of the last words, `(batch,)`, and a
# state go in; logits for the next words, `(batch, vocab_size)`, and a new state come out. What the state is, greedy
# decoding need not know. Any model with such a step can be decoded: a GRU, a Transformer, or the toy below the check.

# %% [markdown] card="greedy_decode"
# Decode a batch of `batch` sentences. Start from `bos_id` in every row and the `state` that is given. At each step
# take the word with the largest logit.
#
# - A row ends at `eos_id`; what comes after is not part of it, and the `eos_id` is not returned.
# - At most `max_len` steps, so at most `max_len` words in each row; a row that never ends is cut there.
# - Stop early when every row has ended.
# - Return a list of `batch` lists of ints.
#
# The state belongs to the whole batch, and `step` expects ids for all rows every time, also for those that have ended.
#
# <details><summary>Hint 1</summary>Collect the ids of every step in a list and note which rows have ended. Cut the
# rows when the loop is over.</details>
# <details><summary>Hint 2</summary><code>tensor.tolist()</code> gives lists of ints; <code>row[:
# row.index(eos_id)]</code> is what stands before the first one.</details>
# <details><summary>When it goes wrong</summary><b>A row goes on after its end:</b> the other rows are not done yet;
# what it says meanwhile must not count.<br><b>Every row has the same length:</b> each has its own end.<br><b>One word
# too many at the limit:</b> max_len counts steps, and the eos takes one, too.</details>

# %% exercise="greedy_decode"
def greedy_decode(step, state, bos_id: int, eos_id: int, max_len: int, batch: int) -> list[list[int]]:
    """The likeliest next word at every step, for every row, until it ends."""
    ### BEGIN SOLUTION
    last = torch.full((batch,), bos_id)
    ended = torch.zeros(batch, dtype=torch.bool)
    said = []
    with torch.no_grad():
        for _ in range(max_len):
            logits, state = step(last, state)
            last = logits.argmax(dim=-1)
            said.append(last)
            ended = ended.to(last.device) | (last == eos_id)
            if ended.all():
                break
    rows = torch.stack(said, dim=1).tolist()
    return [row[: row.index(eos_id)] if eos_id in row else row for row in rows]
    ### END SOLUTION


# %% check="greedy_decode"
check("greedy_decode")

# %% [markdown]
# To see that the idea needs no network, here is an encoder-decoder in which nothing is learned. The encoder turns a
# word around; the state is what is still to be said; a step says its first letter. Your greedy decoding does the rest.

# %% slow=true
letters = pairs.opposite_vocabulary()


def encode_backwards(words: list[str]) -> list[list[int]]:
    return [[*letters.encode(reversed(word)), EOS] for word in words]


def say_the_first(ids: Int[Tensor, "batch"], state: list[list[int]]):
    logits = F.one_hot(torch.tensor([rest[0] for rest in state]), len(letters)).float()
    return logits, [rest[1:] or [EOS] for rest in state]


words = ["stressed", "on", "drawer"]
for row in greedy_decode(say_the_first, encode_backwards(words), BOS, EOS, 20, len(words)):
    print("".join(letters.decode(row)))

# %% [markdown]
# ## 9 · First training: opposites, letter by letter
#
# The first task is small enough to train in seconds: *man* becomes *woman*, *happy* becomes *unhappy*, *upstairs*
# becomes *downstairs*. The sequences are words, the tokens letters; both sides share one vocabulary.

# %% slow=true
lesson_pairs = pairs.opposites()
print(f"{len(lesson_pairs)} words with their opposites; letters: {letters.tokens[4]} to {letters.tokens[-1]}\n")
for pattern in ["man/woman", "un-", "up/down", "-ful/-less", "none"]:
    examples = [f"{p.word} → {p.opposite}" for p in lesson_pairs if p.pattern == pattern][:4]
    print(f"{pattern:<12}", ",  ".join(examples))

# %% [markdown]
# Two kinds of pairs are mixed here. Some follow a **pattern**, and somebody who knows the pattern can find opposites
# of words that were never in the list: *firewoman* from *fireman*. Others follow none: that *black* goes with *white*
# can only be learned by heart. And some are in between. That *unkind* becomes *kind* follows a pattern, but in the
# other direction nothing in the word *polite* says whether it takes *un-*, *dis-* or *im-*.
#
# So ask two questions, and keep them apart. Does the network **remember** the words of the lesson? And does it find
# the opposite of **new** words, where a pattern tells it? The check asks both.
#
# One thing makes the second question hard. A few hundred words are few enough to keep each of them as it is; nothing
# in them forces the network to *copy* a word's other letters. The next cell makes what does: nonsense. It takes
# English words from the sentences of this lesson and puts both sides of a pattern on them, *uplamp* and *downlamp*.
# Words that occur in the words that you are tested on are left out.

# %% slow=true
PATTERNS = [
    ("un{}", "{}"), ("dis{}", "{}"), ("im{}", "{}"), ("up{}", "down{}"), ("in{}", "out{}"), ("over{}", "under{}"),
    ("in{}", "ex{}"), ("{}man", "{}woman"), ("{}boy", "{}girl"), ("{}son", "{}daughter"), ("{}father", "{}mother"),
    ("{}brother", "{}sister"), ("{}ful", "{}less"), ("{}ess", "{}"),
]
tested = [text for p in pairs.held_out_opposites() for text in (p.word, p.opposite)]
stems = [w for w in english_words.tokens if w.isalpha() and 3 <= len(w) <= 9 and not any(w in text for text in tested)]


def nonsense_pairs(n: int, generator: torch.Generator) -> list[tuple[str, str]]:
    """Made-up words and their opposites: a pattern of the lesson on a stem that has nothing to do with it."""
    made = []
    for stem, pattern, turn in torch.randint(2**30, (n, 3), generator=generator).tolist():
        one, other = PATTERNS[pattern % len(PATTERNS)]
        # Which prefix a word takes can't be known: such pairs go in one direction only.
        if other != "{}" and turn % 2:
            one, other = other, one
        stem = stems[stem % len(stems)]
        made.append((one.format(stem), other.format(stem)))
    return made


generator = torch.Generator().manual_seed(0)
print(f"{len(stems)} stems;", ",  ".join(f"{a} → {b}" for a, b in nonsense_pairs(8, generator)))

# %% [markdown]
# The two networks live together in an `nn.ModuleDict`, so that they are trained and saved as one model.
#
# You write the training in two functions: the loss of one batch, which you use again for the translator, and the loop.

# %% [markdown] card="opposites"
# **`translation_loss`** puts the parts together: encode the source; the context is the last state; teacher forcing for
# the target; decode from the encoder's state; the masked cross-entropy.
#
# **`train_opposites`** builds an encoder and a decoder of sizes that you choose, trains them, and returns the model
# and the list of losses, one per update. Every batch holds some pairs of the lesson and `made_up` nonsense pairs.
# `letter_tensors` below turns a list of words into ids and lengths on the right device.
#
# **The points:** most are for the words of the lesson, the last one for new words whose pattern shows in the word
# itself. Without nonsense your network will hardly get that one.
#
# <details><summary>Hint 1</summary>A start that works: one layer, d_embed 32, d_hidden 128, 32 pairs of the lesson and
# 32 nonsense pairs in each batch, Adam with OneCycleLR up to 0.005, gradients clipped to a norm of 1.</details>
# <details><summary>Hint 2</summary>The model is <code>nn.ModuleDict({"encoder": …, "decoder": …}).to(device)</code>;
# it is trained by one optimiser over <code>model.parameters()</code>. <code>nn.utils.clip_grad_norm_</code>
# clips.</details>
# <details><summary>When it goes wrong</summary><b>It says one letter over and over:</b> may the decoder read the
# letter that it should say? Look at teacher_forcing_pairs.<br><b>Every word gets the same answer:</b> do context and
# state come from the encoder of this batch?<br><b>The loss is far below 0.1 and the words are wrong:</b> is every row
# decoded with its own length?<br><b>Old words right, new ones wrong:</b> how large is the nonsense part of a
# batch?</details>

# %% exercise="opposites"
def letter_tensors(words: list[str]) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch"]]:
    """Words as ids of their letters, closed by <eos>, and their lengths."""
    width = max(len(word) for word in words) + 1
    ids, lengths = pad_batch([letters.encode(word) for word in words], width, PAD, EOS)
    return ids.to(device), lengths.to(device)


def translation_loss(
    model: nn.ModuleDict,
    source: Int[Tensor, "batch src"],
    source_lengths: Int[Tensor, "batch"],
    target: Int[Tensor, "batch tgt"],
    target_lengths: Int[Tensor, "batch"],
) -> Float[Tensor, ""]:
    """The loss of a batch under teacher forcing."""
    ### BEGIN SOLUTION
    outputs, state = model["encoder"](source, source_lengths)
    context = context_vector(outputs, source_lengths, "last")
    inputs, labels = teacher_forcing_pairs(target, BOS)
    logits, _ = model["decoder"](inputs, context, state)
    return masked_cross_entropy(logits, labels, target_lengths)
    ### END SOLUTION


def train_opposites(made_up: int = 32) -> tuple[nn.ModuleDict, list[float]]:
    """A model trained on the words of the lesson and on nonsense, and its losses."""
    num_updates = budget(full=900, quick=15)
    generator = torch.Generator().manual_seed(1)
    ### BEGIN SOLUTION
    sizes = len(letters), 32, 128, 1
    model = nn.ModuleDict({"encoder": Seq2SeqEncoder(*sizes), "decoder": Seq2SeqDecoder(*sizes)}).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=num_updates, pct_start=0.1)
    losses = []
    for _ in progress(range(num_updates), "opposites"):
        rows = torch.randint(len(lesson_pairs), (32,), generator=generator).tolist()
        batch = [(lesson_pairs[k].word, lesson_pairs[k].opposite) for k in rows]
        batch += nonsense_pairs(made_up, generator)
        words, opposites = zip(*batch)
        loss = translation_loss(model, *letter_tensors(words), *letter_tensors(opposites))
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
opposites_model, opposites_losses = train_opposites()
save_weights(opposites_model, "opposites")

# %% check="opposites"
check("opposites")

# %% [markdown]
# Which new words does it get right? For comparison, train the same network without nonsense, and ask both for the
# words of the lesson and for three kinds of new ones.

# %% slow=true
def greedy_translations(
    model: nn.ModuleDict, ids: Int[Tensor, "batch seq"], lengths: Int[Tensor, "batch"], max_len: int
) -> list[list[int]]:
    """What the model says for each row, greedily."""
    with torch.no_grad():
        outputs, state = model["encoder"](ids, lengths)
        context = context_vector(outputs, lengths, "last")

    def step(words, state):
        logits, state = model["decoder"](words.to(device)[:, None], context, state)
        return logits[:, -1], state

    return greedy_decode(step, state, BOS, EOS, max_len, len(ids))


def opposites_by(model: nn.ModuleDict, words: list[str]) -> list[str]:
    return ["".join(letters.decode(row)) for row in greedy_translations(model, *letter_tensors(words), max_len=20)]


def kind_of(pair: pairs.OppositePair) -> str:
    if pair.pattern == "none":
        return "new: no pattern"
    hidden = pair.pattern in ("un-", "dis-", "im-", "-ess", "-or/-ress") and len(pair.opposite) > len(pair.word)
    return "new: pattern can't be seen" if hidden else "new: pattern shows"


torch.manual_seed(0)
by_heart, _ = train_opposites(made_up=0)
models = {"lesson's words only": by_heart, "with nonsense words": opposites_model}
groups = {"the lesson's words": list(lesson_pairs)}
for kind in ("new: pattern shows", "new: pattern can't be seen", "new: no pattern"):
    groups[kind] = [pair for pair in pairs.held_out_opposites() if kind_of(pair) == kind]
for place, (name, model) in enumerate(models.items()):
    right = [percent([said == p.opposite for said, p in zip(opposites_by(model, [p.word for p in group]), group)])
             for group in groups.values()]
    hatch, colour = ("", "#0072B2") if place else ("//", "#E69F00")
    bars = plt.barh([k - 0.2 + 0.4 * place for k in range(len(groups))], right, 0.38, label=name, color=colour,
                    hatch=hatch, edgecolor="black")
    plt.bar_label(bars, fmt="%.0f %%", padding=3, fontsize=8)
plt.yticks(range(len(groups)), [f"{name} ({len(group)})" for name, group in groups.items()])
plt.gca().invert_yaxis()
plt.xlim(0, 112)
plt.xlabel("right from the first letter to the last (%)")
plt.title("Learned by heart, and learned as a rule")
plt.legend(loc="lower right")
plt.show()
shown = groups["new: pattern shows"][::7] + groups["new: no pattern"][::12]
for pair, a, b in zip(shown, *(opposites_by(model, [p.word for p in shown]) for model in models.values())):
    print(f"{pair.word:>12}: {a} | {b}" + ("  ✓" if b == pair.opposite else f"   (right: {pair.opposite})"))

# %% [markdown]
# Both networks know the lesson's words. On new words the first one says something that looks like English, and mostly
# like a word of the lesson: it never had a reason to copy. The second one has, and where the pattern shows in the
# word, it gets some through; where it fails, it often turns the pattern right and copies the other letters wrongly. No
# network can know the last two groups: what is not in the word can't be read from it. A bar that asked for them would
# ask for luck.

# %% [markdown]
# ## 10 · How good is a translation? BLEU
#
# For opposites, exactly right was the right question. For a sentence it is too strict: one other word, and all is
# lost. Nor can we compare place by place: one word more at the beginning, and every later place is wrong.
#
# **BLEU** (Papineni and others, 2002) asks: how many of the short pieces of the translation occur in the one that a
# person wrote? The pieces are $n$-grams: single words, pairs of neighbours, up to four in a row. For each $n$,
#
# $$p_n = \frac{\sum_i \sum_g \min(C_i(g), R_i(g))}{\sum_i \sum_g C_i(g)},$$
#
# where $C_i(g)$ says how often the $n$-gram $g$ occurs in candidate $i$, and $R_i(g)$ how often in its reference. The
# minimum *clips*: a candidate “le le le le” is not right four times because the reference has one “le”. The sums go
# over the whole corpus **before** the division. Then
#
# $$\text{BLEU} = \min\left(1,\ e^{1 - r/c}\right) \cdot \left(p_1\, p_2\, p_3\, p_4\right)^{1/4},$$
#
# with $c$ the number of words in all candidates and $r$ in all references. The first factor, the *brevity penalty*, is
# for those who say only what they are sure of. BLEU lies between 0 and 1, and is often given in percent.

# %% [markdown] card="corpus_bleu"
# Write BLEU for a corpus: lists of candidates and of references, one reference each, as lists of words; `max_n` is the
# longest $n$-gram, and the exponent $1/4$ becomes $1/\text{max\_n}$.
#
# No smoothing: where some order has no match at all, or no $n$-gram, the result is 0. It is a Python float.
#
# <details><summary>Hint 1</summary><code>collections.Counter</code> counts tuples, and <code>a &amp; b</code> of two
# counters takes the smaller count of each.</details>
# <details><summary>Hint 2</summary>Two numbers for each n, matches and n-grams, both summed over all sentences; the
# fractions come last.</details>
# <details><summary>When it goes wrong</summary><b>Too high where a word is repeated:</b> is it clipped?<br><b>Too high
# for short candidates:</b> which of the two lengths stands above the other in the exponent?<br><b>Near, but not
# right:</b> a mean over sentences is not the BLEU of the corpus.<br><b>Fails for a sentence of two words:</b> it has
# no 4-gram; that is no mistake, it adds nothing.</details>

# %% exercise="corpus_bleu"
def corpus_bleu(candidates: list[list[str]], references: list[list[str]], max_n: int = 4) -> float:
    """BLEU of a corpus, with one reference for each candidate."""
    ### BEGIN SOLUTION
    def ngrams(words: list[str], n: int) -> Counter:
        return Counter(tuple(words[k : k + n]) for k in range(len(words) - n + 1))

    log_precisions = 0.0
    for n in range(1, max_n + 1):
        matches = total = 0
        for candidate, reference in zip(candidates, references):
            found = ngrams(candidate, n)
            matches += (found & ngrams(reference, n)).total()
            total += found.total()
        if matches == 0:
            return 0.0
        log_precisions += math.log(matches / total)
    c, r = sum(map(len, candidates)), sum(map(len, references))
    return min(1.0, math.exp(1 - r / c)) * math.exp(log_precisions / max_n)
    ### END SOLUTION


# %% check="corpus_bleu"
check("corpus_bleu")

# %% [markdown]
# What does it cost to be wrong in different ways? Take one sentence and damage it.

# %% slow=true
right = ["le", "roi", "a", "vu", "une", "petite", "maison", "près", "de", "la", "grande", "route", "."]
damaged = {
    "as it is": right,
    "one word wrong": [*right[:5], "jolie", *right[6:]],
    "two neighbours exchanged": [*right[:4], right[5], right[4], *right[6:]],
    "the last five words missing": right[:-5],
    "all words, shuffled": [right[k] for k in (5, 0, 11, 3, 8, 2, 10, 6, 1, 9, 4, 7, 12)],
    "one word, over and over": ["le"] * len(right),
}
print("BLEU    p1    p2    p3    p4")
for name, candidate in damaged.items():
    precisions = []
    for n in (1, 2, 3, 4):
        said, wanted = ([tuple(words[k : k + n]) for k in range(len(words) - n + 1)] for words in (candidate, right))
        precisions.append(sum(min(said.count(g), wanted.count(g)) for g in set(said)) / len(said))
    print(f"{corpus_bleu([candidate], [right]):.2f} ", *(f"{p:.2f} " for p in precisions), name)

# %% [markdown]
# A wrong word in the middle costs four $n$-grams of order four; a shuffled sentence keeps all its words and loses
# everything else. BLEU sees words and their neighbours. It sees no meaning: a good translation in other words gets
# little.
#
# ### The baseline
#
# The simplest translator looks up every word in a dictionary, in the order in which they come. This one was made from
# the true alignment of the training pairs: for every English word its most frequent translation. The sentences are
# new: they join words that no training pair joins.

# %% slow=true
dictionary = pairs.word_dictionary("fra")
new_pairs = pairs.held_out_translation("fra", 1, 200, min_words=3, max_words=15)
references = [list(pair.target) for pair in new_pairs]
by_word = [pairs.translate_word_by_word(pair.source, dictionary) for pair in new_pairs]
dictionary_level = corpus_bleu(by_word, references)
for pair, found in list(zip(new_pairs, by_word))[:4]:
    print(" ".join(pair.source), "\n    word by word:", " ".join(found), "\n    right:       ", " ".join(pair.target))
print(f"\nword by word: BLEU {dictionary_level:.3f} on {len(new_pairs)} new sentences of up to 15 words")

# %% [markdown]
# It gets many words right and does not know what a neighbour needs: *le* or *la*, *n'* or *ne*, which order.

# %% [markdown]
# ## 11 · The translator
#
# Now the same two classes with words for letters. Everything that a training needs lies in one place, on the device:

# %% slow=true
class Corpus(NamedTuple):
    """Sentence pairs as tensors, with their vocabularies."""

    source: Int[Tensor, "n src"]
    source_lengths: Int[Tensor, "n"]
    target: Int[Tensor, "n tgt"]
    target_lengths: Int[Tensor, "n"]
    source_words: data.Vocabulary
    target_words: data.Vocabulary


def corpus_of(sentence_pairs, source_words: data.Vocabulary, target_words: data.Vocabulary) -> Corpus:
    """Pairs as ids, closed by <eos> and padded."""
    tensors = []
    for side, words in (("source", source_words), ("target", target_words)):
        rows = [words.encode(getattr(pair, side)) for pair in sentence_pairs]
        tensors += pad_batch(rows, max(map(len, rows)) + 1, PAD, EOS)
    return Corpus(*(t.to(device) for t in tensors), source_words, target_words)


training = corpus_of(french, english_words, french_words)
print("source", tuple(training.source.shape), "target", tuple(training.target.shape))

# %% [markdown] card="translator"
# Train an encoder and a decoder on a corpus, `training` unless another is given, with your `translation_loss`. Return
# the model, again an `nn.ModuleDict` with `"encoder"` and `"decoder"`, and the list of losses, one per update.
#
# `batches_by_length(corpus.target_lengths.cpu(), 64, num_updates)` gives row numbers. Cut the tensors of a batch to
# its longest row: every column of padding costs time.
#
# The check asks for new sentences of 3 to 15 words, which join words that training never joins, and decodes greedily.
# **Points rise with BLEU**; the dictionary gets none.
#
# This is the longest training of the lesson; the bar says how long. Begin with fewer updates until the loss falls as
# it should.
#
# <details><summary>Hint 1</summary>A start that works: one layer, d_embed 128, d_hidden 256, batches of 64, Adam with
# OneCycleLR up to 0.004, gradients clipped to 1.</details>
# <details><summary>Hint 2</summary>Units cost time, but fewer cost quality: at equal time a smaller network with more
# updates does worse here. Why? See the last question of this lesson.</details>
# <details><summary>When it goes wrong</summary><b>Every sentence gets the same translation:</b> the decoder ignores
# its context, or gets that of another row.<br><b>Translations end too early:</b> were targets cut?<br><b>The loss
# falls and BLEU stays near 0:</b> does the decoder read at step t what it should say at step t?<br><b>NaN:</b> is the
# gradient clipped?</details>

# %% exercise="translator"
def train_translator(
    corpus: "Corpus | None" = None, num_updates: int = budget(full=1900, quick=8)
) -> tuple[nn.ModuleDict, list[float]]:
    """An encoder and a decoder trained on a corpus, and their losses."""
    corpus = corpus or training
    ### BEGIN SOLUTION
    sizes = 128, 256, 1
    encoder = Seq2SeqEncoder(len(corpus.source_words), *sizes)
    model = nn.ModuleDict({"encoder": encoder, "decoder": Seq2SeqDecoder(len(corpus.target_words), *sizes)}).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=num_updates, pct_start=0.1)
    batches = batches_by_length(corpus.target_lengths.cpu(), 64, num_updates)
    losses = []
    for rows in progress(batches, "translator", num_updates):
        source_lengths, target_lengths = corpus.source_lengths[rows], corpus.target_lengths[rows]
        source = corpus.source[rows, : source_lengths.max()]
        target = corpus.target[rows, : target_lengths.max()]
        loss = translation_loss(model, source, source_lengths, target, target_lengths)
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
translator, translator_losses = train_translator()
save_weights(translator, "translator")

# %% check="translator"
check("translator")

# %% [markdown]
# How did it go, and what does it say?

# %% slow=true
def translate(model: nn.ModuleDict, corpus: Corpus, sentence_pairs) -> list[list[str]]:
    """Greedy translations, as words."""
    rows = [corpus.source_words.encode(pair.source) for pair in sentence_pairs]
    ids, lengths = pad_batch(rows, max(map(len, rows)) + 1, PAD, EOS)
    said = greedy_translations(model, ids.to(device), lengths.to(device), max_len=60)
    return [corpus.target_words.decode(row) for row in said]


def smooth(values: list[float], width: int = 25) -> Tensor:
    """Means of `width` neighbours."""
    return torch.tensor(values).unfold(0, min(width, len(values)), 1).mean(dim=1)


plt.plot(smooth(translator_losses), color="#0072B2")
plt.title("Training the translator: the loss falls")
plt.xlabel("update")
plt.ylabel("loss (nats per word, mean of 25)")
plt.ylim(bottom=0)
plt.show()
candidates = translate(translator, training, new_pairs)
translator_level = corpus_bleu(candidates, references)
for pair, found in list(zip(new_pairs, candidates))[:8]:
    mark = "✓" if found == list(pair.target) else "✗"
    print(" ".join(pair.source), f"\n  {mark}", " ".join(found))
    if mark == "✗":
        print("    right:", " ".join(pair.target))
exact = percent([found == right for found, right in zip(candidates, references)])
print(f"\nnew sentences of up to 15 words: BLEU {translator_level:.3f}, exactly right {exact:.0f} %; "
      f"word by word: BLEU {dictionary_level:.3f}")

# %% [markdown]
# It has learned what the dictionary lacks: that *le* becomes *l'* before a vowel, that an adjective agrees with its
# noun and mostly follows it, that *did not* goes around the verb. Where it fails, look how: the French is mostly good
# French, and says something else. The decoder is a language model first.

# %% [markdown]
# ## 12 · Exposure bias: it never saw its own mistakes
#
# Teacher forcing has a price. In training the decoder only ever read right words. On its own it reads what it said,
# and after the first mistake it stands in a place where training never was. This gap is called **exposure bias**.
#
# To measure it we need something in between: inputs of which a part is right and a part is the model's own. Bengio and
# others (2015) proposed such a mixture for training, *scheduled sampling*: at each place a coin decides whether the
# decoder reads the right word or the predicted one, and over the training the coin turns from “always right” towards
# “always predicted”.

# %% [markdown] card="scheduled_inputs"
# `gold` and `predicted` are two rows of decoder inputs of the same shape `(batch, seq)`. Return a new tensor that
# holds `predicted[:, t]` in place of `gold[:, t]` with the given `probability`, decided by **one independent draw for
# each row and place** from `generator`. The first input, `<bos>`, is always the gold one.
#
# <details><summary>Hint 1</summary><code>torch.rand(shape, generator=generator)</code> draws numbers in [0, 1). For
# which share of them is it below <code>probability</code>?</details>
# <details><summary>Hint 2</summary><code>torch.where(condition, a, b)</code> takes from a where the condition
# holds.</details>
# <details><summary>When it goes wrong</summary><b>Whole rows or whole columns are replaced:</b> how many numbers do
# you draw?<br><b>Probability 1 leaves some gold words:</b> is it “below” or “above”?<br><b>gold has changed:</b> do
# you write into it?<br><b>Two runs differ:</b> does the draw use the generator that was given?</details>

# %% exercise="scheduled_inputs"
def scheduled_inputs(
    gold: Int[Tensor, "batch seq"],
    predicted: Int[Tensor, "batch seq"],
    probability: float,
    generator: torch.Generator,
) -> Int[Tensor, "batch seq"]:
    """Decoder inputs of which each, but the first, is the predicted one with the given probability."""
    ### BEGIN SOLUTION
    drawn = torch.rand(gold.shape, generator=generator, device=generator.device).to(gold.device)
    own = drawn < probability
    own[:, 0] = False
    return torch.where(own, predicted, gold)
    ### END SOLUTION


# %% check="scheduled_inputs"
check("scheduled_inputs")

# %% [markdown]
# Now measure. The translator reads new sentences of 8 to 15 words. Its inputs are right, but for a share of the
# places, where it reads what it predicted itself. Does it still find the next word? Where prediction and right word
# agree, replacing changes nothing; so the table also says how many inputs are really wrong. The last column looks at
# the same places in every line: those just after a word that the translator gets wrong.

# %% slow=true
long_pairs = pairs.held_out_translation("fra", 2, 300, min_words=8, max_words=15)
test = corpus_of(long_pairs, english_words, french_words)
gold_inputs, labels = teacher_forcing_pairs(test.target, BOS)
real = torch.arange(labels.shape[1], device=device) < test.target_lengths[:, None]
with torch.no_grad():
    test_outputs, test_state = translator["encoder"](test.source, test.source_lengths)
    test_context = context_vector(test_outputs, test.source_lengths, "last")


def next_words(inputs: Int[Tensor, "batch seq"]) -> Int[Tensor, "batch seq"]:
    """The likeliest next word at every place, if the decoder reads these inputs."""
    with torch.no_grad():
        logits, _ = translator["decoder"](inputs, test_context, test_state)
    return logits.argmax(dim=-1)


predicted_inputs = torch.cat([gold_inputs[:, :1], next_words(gold_inputs)[:, :-1]], dim=1)
hard = real & (predicted_inputs != gold_inputs)
generator = torch.Generator().manual_seed(3)
print("replaced  wrong inputs  next word right  right after a word that it gets wrong")
for probability in [0.0, 0.25, 0.5, 0.75, 1.0]:
    inputs = scheduled_inputs(gold_inputs, predicted_inputs, probability, generator)
    hits = next_words(inputs) == labels
    wrong = (inputs != gold_inputs)[real].float().mean()
    print(f"{probability:8.0%}  {wrong:12.1%}  {hits[real].float().mean():15.1%}  {hits[hard].float().mean():15.1%}")

# %% [markdown]
# Follow the last column downwards. These places are hard in every line. But where the decoder still reads the right
# word there, as in training, it often finds the next one; where it reads its own wrong word, much less often. So one
# mistake makes the next one likelier, and not because the sentence is hard: because of what was read.
#
# The table mixes mistakes in. On its own the decoder collects them. The next picture follows the sentences from left
# to right: how often is the word at place $t$ the right one, when the decoder reads the right words before, and when
# it reads what it said itself?

# %% slow=true
hits = next_words(gold_inputs) == labels
own = greedy_translations(translator, test.source, test.source_lengths, max_len=40)
own_hits = torch.zeros_like(hits)
for row, said in enumerate(own):
    closed = torch.tensor([*said, EOS], device=device)[: labels.shape[1]]
    own_hits[row, : len(closed)] = closed == labels[row, : len(closed)]
places = range(12)
for (name, found), line in zip({"reads the right words": hits, "reads its own words": own_hits}.items(), LINES):
    shares = [100 * found[real[:, t], t].float().mean().item() for t in places]
    plt.plot([t + 1 for t in places], shares, label=name, **line)
plt.title("Reading its own words, the decoder loses its way")
plt.xlabel("place in the translation (words)")
plt.ylabel("right word (%)")
plt.ylim(0, 103)
plt.legend()
plt.show()

# %% [markdown]
# Both curves start at the same height, since the first word is said from `<bos>` in either case. Then they part. A
# part of the gap is only a shift: one word more or less, and every later place counts as wrong. The rest is exposure
# bias.
#
# Note what the upper curve is: the accuracy that the *training loss* knows about. A decoder may look good there and
# still write badly.

# %% [markdown]
# ### In words
#
# “Then why don't we let the decoder read its own words from the very first update?” asks a colleague. “Training would
# be the same as use.” Give **two** reasons why teacher forcing is used all the same, and explain how scheduled
# sampling tries to have both. What is still not quite right about its mixture: think of a predicted word that is a
# good one, standing one place later than in the reference.

# %% [markdown] written="exposure" points=3
# ### BEGIN SOLUTION
# First, an untrained decoder says nonsense. With its own words as inputs it would learn how to go on from nonsense,
# and the labels would not fit what stands before them: training would start very slowly or not at all. Second, with
# right inputs all steps of a sentence are known before, so the decoder reads the row in one call; its own words have
# to be found one after the other. (Also: the loss of each step is then a plain prediction problem, without a choice of
# words in between through which no gradient flows.)
#
# Scheduled sampling begins with right inputs, while the model is bad, and mixes in more and more of its own words as
# it gets better, so that in the end it has seen states like those it meets in use.
#
# The labels stay those of the reference, place by place. If the model says a good word one place later, the label asks
# for the word of the reference at that place, whatever was said: it may be asked to say a word twice or to leave one
# out. The mixture trains it towards a target that is wrong for the words that it has read.
#
# **Marking**
#
# - 1 point: two of the reasons: nonsense inputs with labels that do not fit at the beginning; all steps at once; no
#   gradient through the choice of a word. Half a point for one.
# - 1 point: scheduled sampling: mixture by chance, from right words to own words as training goes on.
# - 1 point: labels stay aligned with the reference by place, so they can contradict the inputs.
# ### END SOLUTION

# %% [markdown]
# ## 13 · Beam search
#
# Greedy decoding can't take a word back. Suppose these are the probabilities of a decoder for the next word:

# %% slow=true
TREE = {
    (): {"le": 0.5, "il": 0.4, ".": 0.1},
    ("le",): {"roi": 0.4, "chat": 0.35, ".": 0.25},
    ("le", "roi"): {"dort": 0.4, "rit": 0.35, ".": 0.25},
    ("le", "chat"): {"dort": 0.5, "rit": 0.3, ".": 0.2},
    ("il",): {"pleut": 0.9, ".": 0.1},
    ("il", "pleut"): {".": 0.95, "roi": 0.05},
}


def likelihoods(words: tuple[str, ...], probability: float = 1.0):
    """All sentences of the tree with their probabilities; after three words only the end is left."""
    for word, share in TREE.get(words, {".": 1.0}).items():
        if word == ".":
            yield probability * share, words
        else:
            yield from likelihoods((*words, word), probability * share)


for probability, words in sorted(likelihoods(()), reverse=True)[:5]:
    print(f"{probability:.3f}", " ".join(words))

# %% [markdown]
# Greedy says *le*, because it is the likeliest first word, and can't reach the likeliest sentence any more, which
# begins with *il*.
#
# Trying all sentences is out of the question: with $V$ words and $N$ places there are $V^N$. **Beam search** keeps a
# few: the $k$ best beginnings. At each step every beginning is continued by every word, and of all these continuations
# the $k$ with the largest probability stay. Those that end with `<eos>` are complete and leave the beam. With $k = 1$
# it is greedy.
#
# Which of the complete sentences is best? The sum of log-probabilities falls with every word, so it prefers short
# sentences. Wu and others (2016) divide it by a power of the length:
#
# $$\text{score}(y) = \frac{1}{|y|^{\alpha}} \sum_{t} \ln P(y_t \mid y_1, \ldots, y_{t-1}, c), \qquad \alpha \ge 0.$$
#
# With $\alpha = 0$ it is the sum, with $\alpha = 1$ the mean per word. (Theirs has constants in the power; the idea is
# the same.)

# %% [markdown] card="beam_search"
# Search for **one** sentence. `state` is that of one hypothesis. `step` takes ids `(n,)` and a list of `n` states, one
# for each hypothesis, and returns logits `(n, vocab_size)` and a list of `n` new states.
#
# - Each step keeps the `beam_size` best continuations of all hypotheses together, by summed log-probability. Those
#   that end in `eos_id` leave the beam and are complete: they take up a place in this step, and not in the next.
# - Go on until no hypothesis is open, or for `max_len` steps; then the open ones compete, too.
# - The score is the summed log-probability, the eos counted, divided by `length ** length_penalty`. The length counts
#   the eos; open hypotheses have only their words.
# - Return the best one's ids, without `bos_id` and `eos_id`, and its score.
#
# <details><summary>Hint 1</summary>A hypothesis is three things: its ids, its sum, its state. Keep a list of them, and
# another list for those that are complete.</details>
# <details><summary>Hint 2</summary>Add the sums to the log-probabilities as a column, flatten, take <code>topk</code>;
# <code>divmod(place, vocab_size)</code> gives the hypothesis and the word.</details>
# <details><summary>Hint 3</summary>There may be fewer continuations than the beam is wide: <code>min(beam_size,
# …)</code>.</details>
# <details><summary>When it goes wrong</summary><b>Probabilities above 1:</b> logits are not log-probabilities.<br>
# <b>Right with a beam of 1 only:</b> does each new hypothesis get the state of the one that it continues?<br><b>Too
# short:</b> do you stop at the first complete sentence? The search goes on while others are open.<br><b>The score is a
# little off:</b> does the length count the eos, and the sum its log-probability?</details>

# %% exercise="beam_search"
def beam_search(
    step, state, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> tuple[list[int], float]:
    """The best sentence that a beam of this size finds, and its score."""
    ### BEGIN SOLUTION
    open_ones = [([], 0.0, state)]
    complete = []
    with torch.no_grad():
        for _ in range(max_len):
            last = torch.tensor([ids[-1] if ids else bos_id for ids, _, _ in open_ones])
            logits, states = step(last, [state for _, _, state in open_ones])
            log_p = torch.log_softmax(logits, dim=-1).cpu()  # (n, vocab_size)
            sums = log_p + torch.tensor([[total] for _, total, _ in open_ones], dtype=log_p.dtype)
            best = sums.flatten().topk(min(beam_size, sums.numel()))
            continued = []
            for total, place in zip(best.values.tolist(), best.indices.tolist()):
                row, word = divmod(place, log_p.shape[1])
                ids = [*open_ones[row][0], word]
                if word == eos_id:
                    complete.append((ids[:-1], total / len(ids) ** length_penalty))
                else:
                    continued.append((ids, total, states[row]))
            open_ones = continued
            if not open_ones:
                break
    complete += [(ids, total / len(ids) ** length_penalty) for ids, total, _ in open_ones]
    return max(complete, key=lambda found: found[1])
    ### END SOLUTION


# %% check="beam_search"
check("beam_search")

# %% [markdown]
# First the tree above. Its state is the words so far.

# %% slow=true
tree_words = ["<bos>", ".", "le", "il", "roi", "chat", "dort", "rit", "pleut"]


def tree_step(ids: Int[Tensor, "n"], states: list[tuple[str, ...]]):
    states = [(*state, tree_words[i]) if i else state for i, state in zip(ids.tolist(), states)]
    logits = torch.full((len(states), len(tree_words)), -torch.inf)
    for row, words in enumerate(states):
        for word, probability in TREE.get(words, {".": 1.0}).items():
            logits[row, tree_words.index(word)] = math.log(probability)
    return logits, states


for beam_size in (1, 2):
    for penalty in (0.0, 1.0):
        ids, score = beam_search(tree_step, (), 0, 1, 4, beam_size, penalty)
        print(f"beam {beam_size}, penalty {penalty}: score {score:6.2f}", " ".join(tree_words[i] for i in ids))

# %% [markdown]
# A beam of two finds the sentence that greedy missed.
#
# ## 14 · Experiment: greedy against beam
#
# Now the translator, sentence by sentence, with several beams and penalties. Besides BLEU the table says how likely
# the model itself finds what the search returned, how long the translations are beside the references, and how long
# one sentence takes.

# %% slow=true
def search_translation(model: nn.ModuleDict, ids: list[int], beam_size: int, penalty: float) -> tuple[list[int], float]:
    """The translation of one sentence by beam search, and its score."""
    source = torch.tensor([[*ids, EOS]], device=device)
    lengths = torch.tensor([source.shape[1]], device=device)
    with torch.no_grad():
        outputs, state = model["encoder"](source, lengths)
    context = context_vector(outputs, lengths, "last")

    def step(words, states):
        logits, state = model["decoder"](
            words.to(device)[:, None], context.expand(len(words), -1), torch.cat(states, dim=1)
        )
        return logits[:, -1], list(state.split(1, dim=1))

    return beam_search(step, state, BOS, EOS, 60, beam_size, penalty)


beam_pairs = pairs.held_out_translation("fra", 4, budget(full=80, quick=2), min_words=6, max_words=20)
beam_references = [list(pair.target) for pair in beam_pairs]
searched = {}
print("beam  penalty   BLEU  log-probability  length  milliseconds per sentence")
settings = [(1, 0.0), (2, 0.0), (4, 0.0), (8, 0.0), (4, 0.6), (4, 1.0)]
for beam_size, penalty in budget(full=settings, quick=settings[:2]):
    start = time.perf_counter()
    found = [search_translation(translator, english_words.encode(p.source), beam_size, penalty) for p in beam_pairs]
    taken = time.perf_counter() - start
    words = [french_words.decode(ids) for ids, _ in found]
    searched[beam_size, penalty] = words
    sums = [score * (len(ids) + 1) ** penalty for ids, score in found]
    print(f"{beam_size:4}  {penalty:7.1f}  {corpus_bleu(words, beam_references):.3f}  {sum(sums) / len(sums):15.2f}  "
          f"{sum(map(len, words)) / sum(map(len, beam_references)):6.2f}  {1000 * taken / len(found):10.1f}")

# %% [markdown]
# Look at the log-probability: the wider the beam, the likelier the model finds what comes out. BLEU hardly moves. The
# likelier sentence is not always the better one, and what the state has lost no search brings back. Wider beams also
# make shorter translations, since every further word costs probability; the penalty takes some of that back. The time
# grows with the beam.

# %% [markdown]
# ## 15 · Experiment: long sentences fade
#
# Everything that the decoder knows of the source is one state and one context of the same 256 numbers, for three words
# as for forty. Measure what that does: BLEU of new sentences by their length, beside the dictionary, which does not
# care for length.

# %% slow=true
length_groups = [(3, 5), (6, 8), (9, 11), (12, 15), (16, 20), (21, 25), (26, 30), (31, 40)]
by_length = {"encoder-decoder": [], "word by word": []}
exact_by_length = []
for low, high in length_groups:
    group = pairs.held_out_translation("fra", 5, budget(full=100, quick=10), min_words=low, max_words=high)
    right = [list(pair.target) for pair in group]
    found = translate(translator, training, group)
    by_length["encoder-decoder"].append(corpus_bleu(found, right))
    looked_up = [pairs.translate_word_by_word(pair.source, dictionary) for pair in group]
    by_length["word by word"].append(corpus_bleu(looked_up, right))
    exact_by_length.append(percent([a == b for a, b in zip(found, right)]))
middles = [(low + high) / 2 for low, high in length_groups]
for (name, levels), line in zip(by_length.items(), LINES):
    plt.plot(middles, levels, label=name, **line)
plt.title("One state for every length: BLEU falls as sentences grow")
plt.xlabel("length of the English sentence (words)")
plt.ylabel("BLEU on new sentences")
plt.ylim(0, 1.03)
plt.legend()
plt.show()
for (low, high), level, whole in zip(length_groups, by_length["encoder-decoder"], exact_by_length):
    print(f"{low:2} to {high:2} words: BLEU {level:.2f}, exactly right {whole:.0f} %")

# %% [markdown]
# The network is far ahead on short sentences, and its curve falls all the way. The dictionary's curve goes up and down
# a little but does not fall, and on the longest sentences the network is no better any more. This is the
# **bottleneck**: more words, but no more room. Cho and others (2014b) drew this curve for the first networks of this
# kind.
#
# How does it look from inside a sentence? Read some long ones.

# %% slow=true
group = pairs.held_out_translation("fra", 6, 40, min_words=24, max_words=30)
for pair, found in list(zip(group, translate(translator, training, group)))[:4]:
    print(" ".join(pair.source), "\n  says: ", " ".join(found), "\n  right:", " ".join(pair.target))
    both = set(found) & set(pair.target)
    print(f"  of the {len(set(pair.target))} different words of the reference it says {len(both)}\n")

# %% [markdown]
# The first words are often right, and so is the grammar. Then nouns and verbs change into others of their kind: the
# decoder still knows that *somebody* did *something somewhere* and says something likely. What it has lost are the
# details, and it has no way to look again.
#
# ### Words that hang on other words far away
#
# Some English words have two translations, and what decides stands elsewhere: at the *bank* a banker sees a *banque*,
# a sailor a *rive*. Take new sentences with such words and ask what the translation says: the right sense, the other
# one, or neither. Sentences with both senses are left out.

# %% slow=true
SENSES = {
    "bank": ("banque", "rive"), "file": ("dossier", "lime"), "seal": ("sceau", "phoque"), "pen": ("stylo", "enclos"),
    "bow": ("arc", "archet"), "magazine": ("chargeur", "revue"), "match": ("allumette", "match"),
    "ring": ("bague", "ring"), "bat": ("batte", "chauve-souris"), "bug": ("bogue", "insecte"),
    "scale": ("balance", "écaille"), "spring": ("ressort", "source"), "key": ("clé", "touche"),
    "organ": ("orgue", "organe"), "star": ("étoile", "vedette"), "nail": ("clou", "ongle"), "horn": ("klaxon", "corne"),
    "bill": ("facture", "bec"), "tank": ("char", "réservoir"), "date": ("date", "datte"), "plant": ("plante", "usine"),
    "note": ("billet", "note"), "pitcher": ("carafe", "lanceur"), "court": ("tribunal", "court"),
}


def senses_said(group, translations: list[list[str]]) -> list[str]:
    """For every sentence with one ambiguous word: what its translation makes of it."""
    found = []
    for pair, said in zip(group, translations):
        words = [word for word in pair.source if word in SENSES]
        if len(words) != 1:
            continue
        first, second = SENSES[words[0]]
        if (first in pair.target) == (second in pair.target):
            continue
        right, other = (first, second) if first in pair.target else (second, first)
        found.append("right" if right in said else "other" if other in said else "neither")
    return found


outcomes = {"right sense": [], "other sense": [], "neither": []}
ambiguous_groups = [(6, 10), (11, 15), (16, 22), (23, 30), (31, 40)]
for low, high in ambiguous_groups:
    group = pairs.held_out_translation("fra", 7, budget(full=250, quick=20), min_words=low, max_words=high)
    found = senses_said(group, translate(translator, training, group))
    for name, outcome in zip(outcomes, ("right", "other", "neither")):
        outcomes[name].append(100 * found.count(outcome) / max(len(found), 1))
bottom = [0.0] * len(ambiguous_groups)
for (name, shares), colour, hatch in zip(outcomes.items(), ("#0072B2", "#E69F00", "#DDDDDD"), ("", "//", "..")):
    plt.bar(range(len(shares)), shares, bottom=bottom, label=name, color=colour, hatch=hatch, edgecolor="black")
    bottom = [a + b for a, b in zip(bottom, shares)]
plt.xticks(range(len(ambiguous_groups)), [f"{low} to {high}" for low, high in ambiguous_groups])
plt.title("The longer the sentence, the more ambiguous words get lost")
plt.xlabel("length of the English sentence (words)")
plt.ylabel("sentences with one\nambiguous word (%)")
plt.legend(bbox_to_anchor=(1.01, 1), loc="upper left")
plt.show()

# %% [markdown]
# In short sentences the state knows who acts, and mostly picks the right sense. In long ones the lowest bars shrink,
# and what grows most is *neither*: the word itself is gone, and something else stands in its place.

# %% [markdown]
# ### In words
#
# A colleague sees the falling curve and says: “The state is too small. I'll double `d_hidden`.” Explain **what** this
# would change and what it would not, at which cost. Then look at the equation of the decoder in section 6: **every**
# step sees the same $c$. Say why that is a waste, and describe in one or two sentences what a decoder would need
# instead to translate the tenth word of a long sentence.

# %% [markdown] written="bottleneck" points=3
# ### BEGIN SOLUTION
# A larger state holds more, so the curve would fall later. But it stays one vector of fixed size: for every size there
# is a length at which it is full, and all of a short sentence's room is unused. The cost of a step grows with the
# square of d_hidden, in time and weights, for short sentences too, and more weights need more data. The way from the
# first words to the state also stays as long as it was: they are overwritten by everything that comes after.
#
# The context is the same at every step, although each word of the translation depends mostly on a few words of the
# source. The decoder gets everything at once, mixed together, and has to sort it out itself at each step.
#
# It needs a context of its own for each step: access to all the encoder's outputs, with a weight for each source word
# that depends on what is to be said now. (Attention, lesson 05.)
#
# **Marking**
#
# - 1 point: more room shifts the limit and does not remove it: still a fixed size for every length.
# - 1 point: a cost: time and weights grow with the square of d_hidden (or more data needed), or the long way of the
#   first words stays.
# - 1 point: a context for each step, chosen among the encoder's states by what is needed now. “A better context”
#   without saying that it changes from step to step gets nothing.
# ### END SOLUTION

# %% [markdown]
# ## 16 · On text that people wrote
#
# The sentences of this lesson come from a grammar, so that there can be as many as we like and all are right. Does the
# same recipe work on sentences from life? The book *Dive into Deep Learning* uses English–French pairs that people
# wrote. The course does not ship them. Where the environment variable `COURSE_TEXT` names `fra-eng` when Jupyter
# starts (`COURSE_TEXT=fra-eng make lab`), d2l's downloader fetches them, and the next cell trains on short ones for
# some minutes; else it says so and goes on.

# %% slow=true
def frequent_words(sentences: list[tuple[str, ...]]) -> data.Vocabulary:
    """The special words, then all words that occur three times or more."""
    counts = Counter(word for words in sentences for word in words)
    return data.Vocabulary((*data.SPECIALS, *(word for word, count in counts.most_common() if count > 2)))


real_pairs = real_text.asked("fra-eng")
if real_pairs is None:
    print("This time the lesson stays with the sentences of the course.")
else:
    short_ones = [pair for pair in real_pairs if len(pair.source) <= 8 and len(pair.target) <= 10]
    chosen = short_ones[: budget(full=20_000, quick=500)]
    kept_out = set(sorted({pair.source for pair in chosen})[::50])  # with all their translations
    seen, unseen = ([pair for pair in chosen if (pair.source in kept_out) == out] for out in (False, True))
    real_corpus = corpus_of(seen, *(frequent_words([getattr(p, side) for p in seen]) for side in ("source", "target")))
    torch.manual_seed(0)
    real_translator, _ = train_translator(real_corpus, budget(full=900, quick=8))
    found = translate(real_translator, real_corpus, unseen)
    for pair, said in list(zip(unseen, found))[:: len(unseen) // 8 + 1]:
        print(" ".join(pair.source), "\n    says: ", " ".join(said), "\n    right:", " ".join(pair.target))
    level = corpus_bleu(found, [list(pair.target) for pair in unseen])
    print(f"\n{len(seen):,} pairs trained on; BLEU {level:.3f} on {len(unseen)} with other English sentences")

# %% [markdown]
# Words from life are many and rare, and one sentence has many good translations, of which BLEU knows one. So expect a
# far lower number than on the sentences of the course.

# %% [markdown]
# ## What you know now, and what is left open
#
# - An encoder sums a sequence up; a decoder says another one from that summary, word by word, until it says that it is
#   done. What is inside the two is another question.
# - Teacher forcing makes training fast and stable, and hides from the decoder its own mistakes.
# - Greedy decoding takes the likeliest next word; a beam keeps several beginnings and finds likelier sentences, not
#   always better ones.
# - BLEU counts $n$-grams that a reference shares, over the whole corpus, with a penalty for being short.
# - One vector of fixed size is a bottleneck. Short sentences fit; long ones lose their details.
#
# Every step of the decoder sees the same context, whatever it has to say. Lesson 05 lets it **look back** at the words
# of the source, and choose where.
#
# ## Where to read on
#
# - Cho and others (2014a), *Learning Phrase Representations using RNN Encoder–Decoder for Statistical Machine
#   Translation*, section 2.2: the encoder and decoder of this lesson, with the context at every step; section 2.3: the
#   gated unit.
# - Sutskever, Vinyals, Le (2014), *Sequence to Sequence Learning with Neural Networks*, section 2: the last state as
#   context; section 3.3: why they read the source backwards; section 3.7: their sentences by length.
# - Cho and others (2014b), *On the Properties of Neural Machine Translation: Encoder–Decoder Approaches*, section 4.2:
#   quality falls with length.
# - Bengio, Vinyals, Jaitly, Shazeer (2015), *Scheduled Sampling for Sequence Prediction with Recurrent Neural
#   Networks*, section 2.4.
# - Papineni and others (2002), *BLEU: a Method for Automatic Evaluation of Machine Translation*, sections 2.1 to 2.3.
# - Post (2018), *A Call for Clarity in Reporting BLEU Scores*: why two BLEU numbers can often not be compared.
# - Wu and others (2016), *Google's Neural Machine Translation System*, section 7: beam search and the penalty,
#   equation 14.
# - Zhang, Lipton, Li, Smola, *Dive into Deep Learning*, sections 10.5 to 10.8: the same ground in the book's own code.
