# %% [markdown]
# # Lesson 01 · Sequences, tokens, and how well we predict the next one
#
# **The question.** A sentence is not a row of a table: it has as many words as it likes, and their order matters. What
# does a machine have to deal with when its data are sequences, and how do we measure whether it deals with them well?
#
# **What you need.** Python, a little PyTorch, and some probability: a conditional probability, a logarithm, a mean. No
# network is trained here. What this lesson builds is the ground that the networks of the next lessons stand on.
#
# **What you build here.** A vocabulary, and byte-pair encoding, which makes one from parts of words. Windows and
# batches, which turn a text into examples. A bigram model, the smallest language model there is. And perplexity, the
# number by which all language models are measured. At the end you measure four models on text that they have never
# seen.
#
# Work from top to bottom. Every exercise has a card, a cell for your answer and a check under it, which tells you at
# once what is right and what is not. The numbers in the lesson come from the cells: read them there.

# %%
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from autograder import budget, check
from autograder import data, real_text

torch.set_num_threads(1)

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
# The text of this lesson is a collection of short stories about people, places and things, written by a grammar. It is
# shipped with the course. `text` is what we learn from; `new_text` are other stories, which nothing here learns from.
#
# The lesson runs on a real book as well, *The Time Machine* of H. G. Wells: set the environment variable
# `COURSE_TEXT=timemachine` before you start the notebook. It is fetched by the downloader of *Dive into Deep Learning*
# and checked by its SHA-1; its last tenth is then the new text.

# %% slow=true
text = data.stories()[: budget(full=1_000_000, quick=150_000)]
new_text = "\n\n".join(data.held_out("stories", seed=1, size=budget(full=200, quick=40)))
book = real_text.asked("timemachine")
reads_the_book = book is not None
if reads_the_book:
    text, new_text = book[: len(book) * 9 // 10], book[len(book) * 9 // 10 :]
print(f"{len(text):,} characters to learn from, {len(new_text):,} new ones\n")
print(text[:400])

# %% [markdown]
# ## 1 · Why a fixed-size network can't read sentences
#
# A multilayer perceptron has a weight for each of its inputs, so the number of inputs is fixed on the day it is built.
# Sentences have no fixed number of words. Look:

# %% slow=true
WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*|[^\sA-Za-z]")


def split_words(some_text: str) -> list[str]:
    """Words and marks: hyphens and apostrophes inside a word belong to it."""
    return WORD.findall(some_text)


sentences = [split_words(sentence) for sentence in re.split(r"(?<=[.?!])\"?\s+", text)]
lengths = [len(sentence) for sentence in sentences]
room = sorted(lengths)[len(lengths) * 9 // 10]
plt.hist(lengths, bins=range(1, 40), color="#0072B2", edgecolor="white")
plt.axvline(room, color="#D55E00", linestyle="--", label="nine in ten fit left of this line")
plt.title("Sentences have all lengths")
plt.xlabel("words and marks in the sentence")
plt.ylabel("number of sentences")
plt.legend()
plt.show()
padding = 1 - sum(min(n, room) for n in lengths) / (room * len(lengths))
print(f"with {room} inputs: {sum(n > room for n in lengths) / len(lengths):.0%} of the sentences are cut, "
      f"and {padding:.0%} of all inputs are padding")

# %% [markdown]
# The usual way out is to choose a size, to fill up what is shorter and to cut what is longer. The dashed line is one
# choice, and the printed numbers are its price: much of what the network reads is filling, and it still never sees how
# the longest sentences end. There is a second price, and it is the higher one. **Each place has weights of its own.**
# What the network learns about a word in the third place says nothing about the same word in the seventh:

# %% slow=true
words = split_words(text)
places_of = {}
for sentence in sentences:
    for place, word in enumerate(sentence, start=1):
        if len(word) > 5:
            places_of.setdefault(word, Counter())[place] += 1
some_word = max(places_of, key=lambda word: len(places_of[word]))
places = places_of[some_word]
plt.bar(places.keys(), places.values(), color="#0072B2", edgecolor="black")
plt.xlim(0, 30)
plt.title(f"The word “{some_word}” comes in many places")
plt.xlabel("place in the sentence")
plt.ylabel("sentences")
plt.show()
print(f"“{some_word}” comes in {len(places)} different places: a perceptron would learn it {len(places)} times")

# %% [markdown]
# Every bar is a place at which the perceptron would have to learn the same word again, from the few sentences that
# have it there. And if we give up the places and add up the words, *the dog bit the man* and *the man bit the dog*
# become the same input. So we want a reader that
#
# 1. takes any number of items,
# 2. reads them in order,
# 3. uses what it has learned in one place in every other.
#
# Lesson 02 builds one. First we need to know what it shall read, and what it shall answer.

# %% [markdown]
# ## 2 · The five shapes of a task
#
# Sequences can stand on the side of the input, of the output, or of both. Two counts and one question sort all tasks
# into five shapes. The question is only asked where both sides are sequences: are they **aligned**, that is, does
# output $t$ belong to input $t$?

# %% slow=true
shapes = [
    ("one-to-one", 1, 1, "an image → its class"),
    ("one-to-many", 1, 4, "an image → its caption"),
    ("many-to-one", 4, 1, "a review → good or bad"),
    ("many-to-many\naligned", 4, 4, "words → parts of speech"),
    ("many-to-many\nunaligned", 4, 3, "English → French"),
]
figure, axes = plt.subplots(1, 5, figsize=(12, 3), width_ratios=[3, 4, 4, 4, 7])
for axis, (name, num_inputs, num_outputs, example) in zip(axes, shapes):
    unaligned = "unaligned" in name
    steps = num_inputs + num_outputs if unaligned else max(num_inputs, num_outputs)
    reads = range(num_inputs)
    says = range(steps - num_outputs, steps)
    for t in range(steps):
        axis.add_patch(plt.Rectangle((t, 1.0), 0.7, 0.7, facecolor="#DDDDDD", edgecolor="black"))
        if t:
            axis.annotate("", (t, 1.35), (t - 0.3, 1.35), arrowprops={"arrowstyle": "->"})
    for t in reads:
        axis.add_patch(plt.Rectangle((t, -0.4), 0.7, 0.7, facecolor="#56B4E9", edgecolor="black", hatch=".."))
        axis.annotate("", (t + 0.35, 1.0), (t + 0.35, 0.3), arrowprops={"arrowstyle": "->"})
    for t in says:
        axis.add_patch(plt.Rectangle((t, 2.4), 0.7, 0.7, facecolor="#E69F00", edgecolor="black", hatch="//"))
        axis.annotate("", (t + 0.35, 2.4), (t + 0.35, 1.7), arrowprops={"arrowstyle": "->"})
    axis.set(xlim=(-0.4, max(steps, 3) + 0.1), ylim=(-0.6, 3.3), aspect="equal")
    axis.set_title(name, fontsize=9)
    axis.set_xlabel(example, fontsize=8)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.grid(False)
figure.suptitle("Inputs below (dotted), outputs above (striped), the network between; time runs right", fontsize=10)
plt.show()

# %% [markdown]
# | shape | inputs | outputs | other examples |
# | --- | --- | --- | --- |
# | one-to-one | one | one | house → price; patient → risk |
# | one-to-many | one | many | genre → melody; topic → poem |
# | many-to-one | many | one | mail → spam or not; heartbeats → diagnosis |
# | many-to-many aligned | many | as many | word → name or not; video frame → what happens in it |
# | many-to-many unaligned | many | many, any number | question → answer; speech → text |
#
# In the fifth picture nothing is said before all is read: the first word of a translation may need the last word of
# the sentence. The two sides may happen to be equally long all the same. Counts alone don't make an alignment.

# %% [markdown] card="task_shape"
# Return the name of a task's shape, exactly as in the table: `"one-to-one"`, `"one-to-many"`, `"many-to-one"`,
# `"many-to-many aligned"` or `"many-to-many unaligned"`. “Many” is more than one. `aligned` tells the last two apart,
# and matters nowhere else; it is never True where the counts differ.
#
# <details><summary>Hint 1</summary>First settle whether both sides are many. Only then look at
# <code>aligned</code>.</details>
# <details><summary>When it goes wrong</summary><b>Equal counts, wrong name:</b> do you conclude from the counts that
# they are aligned?<br><b>A single input and output:</b> what does your function say when <code>aligned</code> is
# True?</details>

# %% exercise="task_shape"
def task_shape(num_inputs: int, num_outputs: int, aligned: bool) -> str:
    """The name of the shape of a sequence task."""
    ### BEGIN SOLUTION
    if num_inputs > 1 and num_outputs > 1:
        return "many-to-many aligned" if aligned else "many-to-many unaligned"
    if num_inputs > 1:
        return "many-to-one"
    return "one-to-many" if num_outputs > 1 else "one-to-one"
    ### END SOLUTION


# %% check="task_shape"
check("task_shape")

# %% [markdown]
# A **language model** is the aligned case: the input is a text, and output $t$ says which token comes after input $t$.

# %% [markdown]
# ## 3 · Tokens: what is an item?
#
# A network computes with numbers, so a text becomes a list of **tokens**, and each token an integer, its **id**. The
# list of all tokens with their ids is the **vocabulary**. The simplest tokens are words.
#
# Which word gets which id does not matter to a network. It matters to us that the same text always gives the same ids,
# so we fix an order: frequent tokens first, and among equally frequent ones the order in which Python sorts text. Four
# *specials* come before all others. They stand for what is no word: filling (`<pad>`), the beginning and the end of a
# text (`<bos>`, `<eos>`), and any token that the vocabulary does not know (`<unk>`).

# %% [markdown] card="build_vocab"
# Return a dictionary from token to id, with ids 0, 1, 2, … in this order:
#
# 1. the `specials`, as they are given;
# 2. every token of the text that occurs at least `min_freq` times, the most frequent first; equally frequent ones in
#    the order of `sorted` (capitals before small letters, accents and other alphabets behind them).
#
# A special that happens to stand in the text keeps its place in front, and gets no second id.
#
# <details><summary>Hint 1</summary><code>collections.Counter</code> counts.</details>
# <details><summary>Hint 2</summary><code>sorted(…, key=lambda token: …)</code> may return a pair as key: pairs are
# compared by their first items, and by the second where the first are equal. How do you make large counts come
# first?</details>
# <details><summary>When it goes wrong</summary><b>Right tokens, wrong order:</b> which token comes first among equally
# frequent ones, and does that hang on the text's order?<br><b>An id is missing, or one too large:</b> let
# <code>&lt;unk&gt;</code> stand in the text, and count.<br><b>One token too few:</b> “at least”, or “more
# than”?</details>

# %% exercise="build_vocab"
def build_vocab(
    tokens: list[str], min_freq: int = 1, specials: tuple[str, ...] = ("<pad>", "<bos>", "<eos>", "<unk>")
) -> dict[str, int]:
    """Ids by token: specials first, then by falling frequency, ties in code-point order."""
    ### BEGIN SOLUTION
    counts = Counter(tokens)
    kept = [token for token in counts if counts[token] >= min_freq and token not in specials]
    kept.sort(key=lambda token: (-counts[token], token))
    return {token: i for i, token in enumerate([*specials, *kept])}
    ### END SOLUTION


# %% check="build_vocab"
check("build_vocab")

# %% [markdown] card="encode"
# Turn tokens into ids. A token that is not in the vocabulary gets the id of `"<unk>"`, wherever that one stands. Return
# a list of Python's ints, and leave the vocabulary as it is.
#
# <details><summary>Hint 1</summary>What does <code>dict.get</code> do with its second argument?</details>
# <details><summary>When it goes wrong</summary><b>The token of id 0 comes out as unknown:</b> <code>or</code> takes 0
# for false.<br><b>KeyError:</b> which token was it, and is it in the vocabulary?</details>

# %% exercise="encode"
def encode(tokens: list[str], vocab: dict[str, int]) -> list[int]:
    """The id of every token; the id of <unk> for those that the vocabulary does not hold."""
    ### BEGIN SOLUTION
    return [vocab.get(token, vocab["<unk>"]) for token in tokens]
    ### END SOLUTION


# %% check="encode"
check("encode")

# %% [markdown]
# Now look at the words of our text. How many are there, how often does each come, and what happens when we keep only
# the frequent ones?

# %% slow=true
new_words = split_words(new_text)
vocab = build_vocab(words, min_freq=2)  # a word seen once counts as <unk>: then a model meets <unk> while it learns
counts = Counter(words)
print(f"{len(words):,} words and marks, {len(counts):,} different ones")
print("the most frequent:", " ".join(list(vocab)[4:16]))
print("the rarest:", " ".join(list(vocab)[-8:]), "\n")
for min_freq in [1, 5, 20, 100, 500]:
    smaller = build_vocab(words, min_freq)
    unknown = encode(new_words, smaller).count(smaller["<unk>"]) / len(new_words)
    print(f"min_freq {min_freq:>3}: vocabulary of {len(smaller):>5,}, {unknown:6.2%} of the new words are <unk>")

frequencies = sorted(counts.values(), reverse=True)
plt.plot(range(1, len(frequencies) + 1), frequencies, color="#0072B2")
plt.xscale("log")
plt.yscale("log")
plt.title("A few words make up most of the text, most words are rare")
plt.xlabel("rank of the word (log scale)")
plt.ylabel("times it occurs (log scale)")
plt.show()

# %% [markdown]
# The curve falls over several orders of magnitude: that is how words are in every language (Zipf's law), and it leaves
# two bad choices. Keep all words, and the vocabulary is huge, most of its entries seen too rarely to learn anything
# from. Drop the rare ones, and `<unk>` eats the words that matter most: names, places, things.
#
# **Characters** are the other end. There are few of them and none is ever unknown. But a text becomes several times as
# long, and each token says very little: a model has to learn how to spell before it can learn anything else.

# %% [markdown]
# ### Between characters and words: byte-pair encoding
#
# Frequent words should be one token. Rare words should fall into parts, and the parts should be frequent. **Byte-pair
# encoding** (BPE) finds such parts by counting, with one rule, used again and again:
#
# > Find the pair of neighbouring symbols that occurs most often. From now on, it is one symbol.
#
# At the start every word is a list of characters with one more symbol at its end, `</w>`, so that an *s* at the end of
# a word can be told from an *s* inside. A word that occurs $c$ times counts $c$ times. With the words
# *low* (5 times), *lower* (2), *newest* (6) and *widest* (3), each pair's count is the sum over the words that hold it:
#
# | pair | in | count |
# | --- | --- | --- |
# | `e s` | newest, widest | 6 + 3 = 9 |
# | `s t` | newest, widest | 6 + 3 = 9 |
# | `t </w>` | newest, widest | 6 + 3 = 9 |
# | `w e` | lower, newest | 2 + 6 = 8 |
# | `l o` | low, lower | 5 + 2 = 7 |
#
# The highest count is 9, three times. We agree to take the smallest pair, as Python compares tuples: `('e', 's')`. It
# becomes the symbol `es`, the words are now `n e w es t </w>` and so on, and the pairs are counted anew.
#
# Two details for words like *aaa*. **Every place counts**: `a a a` holds the pair `a a` twice, although the two places
# share a letter. **Merging goes from left to right**, and a symbol that was just merged is used up: `a a a` becomes
# `aa a`.

# %% [markdown] card="bpe_merges"
# Learn the merges. `word_counts` says how often each word occurs. Return the merged pairs in the order in which they
# were learned, as tuples `(left, right)`: at most `num_merges`, fewer when no pair is left. Equally frequent pairs: the
# smallest tuple first.
#
# <details><summary>Hint 1</summary>Write a helper first: a list of symbols and a pair go in, the list with that pair
# merged comes out. A <code>while</code> loop with an index that moves on by one or by two.</details>
# <details><summary>Hint 2</summary><code>itertools.pairwise(symbols)</code> gives all neighbours, overlapping ones
# too. Add the word's count to each.</details>
# <details><summary>Hint 3</summary><code>min(counts, key=lambda pair: (-counts[pair], pair))</code>: why min, and why
# the minus?</details>
# <details><summary>When it goes wrong</summary><b>The first merge is right, the second is not:</b> are the pairs
# counted anew in the merged words?<br><b>Wrong only for ties:</b> <code>max</code> keeps the first it meets, or the
# largest.<br><b>Strange joins:</b> if you join symbols by blanks and call <code>replace</code>, what happens to
# “ca b” when you merge a and b?<br><b>ValueError on an empty sequence:</b> what if all words are single symbols
# already?</details>

# %% exercise="bpe_merges"
def bpe_merges(word_counts: dict[str, int], num_merges: int) -> list[tuple[str, str]]:
    """Learn byte-pair encoding: the pairs that were merged, in order."""
    ### BEGIN SOLUTION
    words = [([*word, "</w>"], count) for word, count in word_counts.items()]
    merges = []
    for _ in range(num_merges):
        counts = Counter()
        for symbols, count in words:
            for pair in pairwise(symbols):
                counts[pair] += count
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        words = [(merge_pair(symbols, best), count) for symbols, count in words]
    return merges


def merge_pair(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """The symbols with every place of the pair made one symbol, from left to right."""
    merged, place = [], 0
    while place < len(symbols):
        size = 2 if tuple(symbols[place : place + 2]) == pair else 1
        merged.append("".join(symbols[place : place + size]))
        place += size
    return merged
    ### END SOLUTION


# %% check="bpe_merges"
check("bpe_merges")

# %% [markdown]
# To cut a new word into tokens, do what was done to the words of the training text: start from its characters and
# `</w>`, and apply the merges **in the order in which they were learned**, each to the whole word. One pass over the
# list is enough, and nothing is counted any more.

# %% [markdown] card="bpe_tokenize"
# Cut `word` into symbols: its characters and `</w>`, then each merge once, in order, at every place from left to
# right. `</w>`, alone or at the end of a longer symbol, stays in the result.
#
# <details><summary>Hint 1</summary>The helper that you wrote for <code>bpe_merges</code> does nearly all of it. (A cell
# is graded with the cells before it, so you may call it.)</details>
# <details><summary>When it goes wrong</summary><b>Symbols that are too long:</b> do you start again at the first merge
# after each success?<br><b>The last letter never merges:</b> where is <code>&lt;/w&gt;</code>, and is it one
# symbol?</details>

# %% exercise="bpe_tokenize"
def bpe_tokenize(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """The symbols of a word, by merges that were learned before."""
    ### BEGIN SOLUTION
    symbols = [*word, "</w>"]
    for pair in merges:
        symbols = merge_pair(symbols, pair)
    return symbols
    ### END SOLUTION


# %% check="bpe_tokenize"
check("bpe_tokenize")

# %% [markdown]
# Watch it learn from the four words of the table above, and cut a fifth word that it has never seen.

# %% slow=true
toy_counts = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
toy_merges = bpe_merges(toy_counts, 10)
shown_words = [*toy_counts, "lowest"]
figure, axes = plt.subplots(1, len(shown_words), figsize=(12, 3.6), sharey=True)
for axis, word in zip(axes, shown_words):
    for k in range(len(toy_merges) + 1):
        left = 0
        for symbol in bpe_tokenize(word, toy_merges[:k]):
            width = len(symbol.replace("</w>", "_"))
            axis.add_patch(plt.Rectangle((left, k - 0.4), width, 0.8, edgecolor="black",
                                         facecolor="#56B4E9" if width > 1 else "#EEEEEE"))
            axis.text(left + width / 2, k, symbol.replace("</w>", "_"), ha="center", va="center", fontsize=8)
            left += width
    axis.set(xlim=(-0.2, 7.2), ylim=(len(toy_merges) + 0.6, -0.6), xticks=[])
    axis.set_yticks(range(len(toy_merges) + 1),
                    ["start", *(f"{k}: {a} + {b}".replace("</w>", "_") for k, (a, b) in enumerate(toy_merges, 1))])
    axis.set_title(f"{word}, {toy_counts[word]} times" if word in toy_counts else f"{word}, never seen", fontsize=9)
    axis.grid(False)
figure.suptitle("Merge by merge, from top to bottom (_ stands for </w>)", fontsize=10)
plt.show()

# %% [markdown]
# Follow *newest* downwards: its ending *est* becomes one symbol because *widest* has it too. The new word *lowest* then
# falls into *low* and *est*, a stem and an ending, although nobody spoke of stems and endings. That is what subwords
# are for.
#
# On the real text the number of merges is a dial between characters and words:

# %% slow=true
num_merges = budget(full=1000, quick=60)
merges = bpe_merges(dict(counts), num_merges)
print("first merges:", ", ".join("".join(pair) for pair in merges[:12]))
for word in ["the", "winter", "gardener", "Pinefield", "nevermore", "unhappily"]:
    print(f"{word:>10}:", " ".join(bpe_tokenize(word, merges[:300])))


def bpe_text(some_words: list[str], some_merges: list[tuple[str, str]]) -> list[str]:
    """The symbols of a text; each different word is cut only once."""
    cut = {word: bpe_tokenize(word, some_merges) for word in set(some_words)}
    return [symbol for word in some_words for symbol in cut[word]]


sizes, symbols_per_word = [], []
for k in [k for k in [0, 10, 30, 60, 100, 200, 300, 500, 700, 1000] if k <= num_merges]:
    symbols = bpe_text(words[:50_000], merges[:k])
    sizes.append(len(set(symbols)))
    symbols_per_word.append(len(symbols) / 50_000)
plt.plot(sizes, symbols_per_word, label="byte-pair encoding, 0 to 1000 merges", **LINES[0])
plt.axhline(1, color="#D55E00", linestyle="--", label="whole words")
plt.title("The more merges, the larger the vocabulary and the shorter the text")
plt.xlabel("symbols in use")
plt.ylabel("tokens per word")
plt.legend()
plt.show()

# %% [markdown]
# At the left end are the characters, with several tokens to a word. The first few hundred merges take the curve most of
# the way down to one token per word; later ones make tokens of single rare words. In the list above, frequent words
# are one symbol or two, and words that no story knows still come out in parts that the stories know.
#
# How do the three kinds of tokens fare when there is little text to learn from? Take only the first $n$ words of the
# text, make the vocabularies from these, and look at new stories.

# %% slow=true
parts = budget(full=[500, 1000, 2000, 5000, 10_000, 30_000, 100_000, 225_000], quick=[500, 5000])
vocab_sizes = {"words": [], "BPE, 300 merges": [], "characters": []}
unknown_rates = {kind: [] for kind in vocab_sizes}
for n in parts:
    few = words[:n]
    some_merges = bpe_merges(dict(Counter(few)), budget(full=300, quick=30))
    some_new = new_words[:20_000]
    kinds = {
        "words": (few, some_new),
        "BPE, 300 merges": (bpe_text(few, some_merges), bpe_text(some_new, some_merges)),
        "characters": (list(" ".join(few)), list(" ".join(some_new))),
    }
    for kind, (known_tokens, met_tokens) in kinds.items():
        small_vocab = build_vocab(known_tokens)
        ids = encode(met_tokens, small_vocab)
        vocab_sizes[kind].append(len(small_vocab))
        unknown_rates[kind].append(100 * ids.count(small_vocab["<unk>"]) / len(ids))

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
for (kind, values), line in zip(vocab_sizes.items(), LINES):
    left.plot(parts, values, label=kind, **line)
    right.plot(parts, unknown_rates[kind], label=kind, **line)
left.set(title="Size of the vocabulary", xlabel="words of text to learn from (log scale)", ylabel="tokens (log scale)")
right.set(title="Unknown tokens in new stories", xlabel="words of text to learn from (log scale)", ylabel="unknown (%)")
left.set_xscale("log")
left.set_yscale("log")
right.set_xscale("log")
right.legend()
plt.show()
for kind in vocab_sizes:
    print(f"{kind:>16}: " + ", ".join(f"{n:,} words: {v:,} tokens, {u:.2f} % unknown"
                                      for n, v, u in list(zip(parts, vocab_sizes[kind], unknown_rates[kind]))[::3]))

# %% [markdown]
# Right: with little text, many words of new stories are unknown; parts of words and characters hardly ever are. Left:
# the vocabulary of words grows with the text. Our stories come from a grammar with a limited stock of words, so both
# curves come to rest. In real language they do not: however long the text, the next page has a word that was never
# there.

# %% [markdown]
# ### In words
#
# A shop sorts letters from its customers. They are in Finnish, a language in which a noun can take hundreds of endings,
# and they hold article numbers such as `KX-4471b`, which have never been seen before. You may choose words, characters
# or byte-pair encoding as tokens. Choose, and defend your choice against **both** others: say for each of them what
# goes wrong with these letters. Then name **one** price that your choice has.

# %% [markdown] written="tokens" points=3
# ### BEGIN SOLUTION
# Byte-pair encoding. With words, every noun takes up hundreds of entries, each of them seen too rarely to learn from,
# and forms that were not in the training text, like all article numbers, become `<unk>`: just what the letter is about
# is lost. With characters nothing is unknown, but each letter becomes several times as long, and the model has to learn
# from single characters what a stem or an ending is. With byte-pair encoding frequent stems and endings are tokens, a
# new form is a stem and an ending that are known, and an article number falls into characters and short pieces.
#
# Prices: the text is longer than in words; where words are cut depends on the text that the merges were learned from
# and need not fit the grammar; one more thing must be trained, kept and shipped with the model; an article number is
# many tokens.
#
# **Marking**
#
# - 1 point: against words: huge vocabulary of rare forms, *and* unknown words (half a point for one of the two).
# - 1 point: against characters: long sequences, little meaning in each token. (Whoever chooses characters argues
#   against byte-pair encoding instead: cuts that depend on the training text, odd pieces for article numbers.)
# - 1 point: names a real price of the own choice.
# ### END SOLUTION

# %% [markdown]
# ## 4 · From a text to examples: windows and batches
#
# A language model learns from pairs: what was read, and what came next. One long text gives such pairs for nothing, for
# every place has a next token. No labels need to be written by hand.
#
# We cut the ids into windows of $T$ tokens. The **inputs** of window $k$ are the ids from place $kT$ on; its
# **targets** are the same, **one place later**:
#
# $$\text{inputs}_k = x_{kT}, \dots, x_{kT+T-1} \qquad \text{targets}_k = x_{kT+1}, \dots, x_{kT+T}$$
#
# So each input has the token that follows it as its target, the last one of a window too: its target is the first
# input of the next window. The very last id of the text can be a target but no input, for nothing follows it.

# %% [markdown] card="language_model_windows"
# Return the inputs and the targets of all windows, each a tensor `(n, num_steps)`. There are
# $n = \lfloor (\text{len} - 1) / T \rfloor$ of them, and that may be zero: then both have the shape `(0, num_steps)`.
# What is left over at the end is dropped.
#
# <details><summary>Hint 1</summary>Both are slices of <code>ids</code> of the same length, brought into rows by
# <code>reshape(n, num_steps)</code>.</details>
# <details><summary>When it goes wrong</summary><b>One window too many or too few:</b> take a text of exactly
# <code>num_steps</code> ids. Which target would the last input have?<br><b>The last target of a window is wrong:</b> it
# lies outside the window's inputs. Cut the targets out of the text, not out of the inputs.</details>

# %% exercise="language_model_windows"
def language_model_windows(
    ids: Int[Tensor, "len"], num_steps: int
) -> tuple[Int[Tensor, "n num_steps"], Int[Tensor, "n num_steps"]]:
    """A text cut into windows that don't overlap: inputs, and targets one place later."""
    ### BEGIN SOLUTION
    n = (len(ids) - 1) // num_steps
    inputs = ids[: n * num_steps].reshape(n, num_steps)
    targets = ids[1 : n * num_steps + 1].reshape(n, num_steps)
    return inputs, targets
    ### END SOLUTION


# %% check="language_model_windows"
check("language_model_windows")

# %% slow=true
word_ids = torch.tensor(encode(words, vocab))
tokens = list(vocab)
inputs, targets = language_model_windows(word_ids, num_steps=6)
for row in range(2):
    print("inputs: ", " | ".join(f"{tokens[i]:>8}" for i in inputs[row]))
    print("targets:", " | ".join(f"{tokens[i]:>8}" for i in targets[row]), "\n")

# %% [markdown]
# Read the columns from top to bottom: the target is always what comes after the input.
#
# A network reads several windows at once, a **batch**. Which ones? There are two ways, and each is right for another
# purpose.
#
# ### At random
#
# Shuffle the windows. The windows of a batch then come from all over the text, so that a batch is a fair sample of it.
# But with the cuts always at $0, T, 2T, \dots$ the model would see the same windows in every epoch, and some tokens
# would always stand first, with nothing read before them. So in each epoch we first skip a random number of tokens, the
# **offset**, and cut the rest.

# %% [markdown] card="random_batches"
# Yield `(inputs, targets)`, each `(batch_size, num_steps)`, for **one epoch**:
#
# 1. draw an offset, each of 0, 1, …, `num_steps` − 1 as likely as every other;
# 2. cut `ids[offset:]` into windows;
# 3. put the windows into random order, each order as likely as every other;
# 4. yield full batches until fewer than `batch_size` windows are left. No window is used twice in an epoch.
#
# All randomness comes from `generator`, a `torch.Generator`, on its device: two generators of one seed give the same
# batches, and one generator gives another epoch at each call.
#
# <details><summary>Hint 1</summary><code>torch.randint(n, (1,), generator=…, device=…)</code> gives one of 0 …
# n − 1; <code>.item()</code> makes a number of it. <code>torch.randperm(n, generator=…, device=…)</code> gives a random
# order.</details>
# <details><summary>Hint 2</summary>A function with <code>yield</code> in it returns an iterator. (A list of pairs will
# do, too.)</details>
# <details><summary>When it goes wrong</summary><b>“The offset is not uniform”:</b> which number can your draw never
# give?<br><b>“Whole batches are shuffled”:</b> two windows that are neighbours in the text may well be in different
# batches.<br><b>The targets don't belong to the inputs:</b> both must be picked by the same rows.</details>

# %% exercise="random_batches"
def random_batches(
    ids: Int[Tensor, "len"], num_steps: int, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Int[Tensor, "batch_size num_steps"], Int[Tensor, "batch_size num_steps"]]]:
    """One epoch of shuffled windows, from a random offset on."""
    ### BEGIN SOLUTION
    offset = torch.randint(num_steps, (1,), generator=generator, device=generator.device).item()
    inputs, targets = language_model_windows(ids[offset:], num_steps)
    order = torch.randperm(len(inputs), generator=generator, device=generator.device)
    for first in range(0, len(order) - batch_size + 1, batch_size):
        rows = order[first : first + batch_size].to(ids.device)
        yield inputs[rows], targets[rows]
    ### END SOLUTION


# %% check="random_batches"
check("random_batches")

# %% [markdown]
# ### In sequence
#
# A network with a memory reads a window and remembers something of it. If the next window is the continuation, that
# memory is worth keeping. So lay the text out in `batch_size` long rows, and let each batch be the next `num_steps`
# columns of all of them. With the row length $L = \lfloor (\text{len} - 1) / \text{batch size} \rfloor$, row $i$ reads
# $x_{iL}, \dots, x_{(i+1)L - 1}$. **Row $i$ of each batch continues row $i$ of the batch before.**

# %% [markdown] card="sequential_batches"
# Yield `(inputs, targets)`, each `(batch_size, num_steps)`. Row $i$ goes through `ids[i*L : (i+1)*L]` from left to
# right, `num_steps` at a time; the targets are one place later in the text, also at the end of a row. There are
# $\lfloor L / T \rfloor$ batches, and what is left over is dropped: columns at the end of the rows, and ids at the end
# of the text.
#
# <details><summary>Hint 1</summary>Make two tables of shape <code>(batch_size, L)</code>, one of the inputs and one of
# the targets, and cut both by columns.</details>
# <details><summary>When it goes wrong</summary><b>Row 0 jumps from batch to batch:</b> windows that follow each other
# in the text belong below each other in time, not into one batch.<br><b>The last target of a row is wrong:</b> it is
# the first input of the next row.<br><b>Shape errors for some lengths:</b> is it L = (len − 1) // batch_size?</details>

# %% exercise="sequential_batches"
def sequential_batches(
    ids: Int[Tensor, "len"], num_steps: int, batch_size: int
) -> Iterator[tuple[Int[Tensor, "batch_size num_steps"], Int[Tensor, "batch_size num_steps"]]]:
    """Batches whose rows go on where the rows of the batch before ended."""
    ### BEGIN SOLUTION
    length = (len(ids) - 1) // batch_size
    inputs = ids[: batch_size * length].reshape(batch_size, length)
    targets = ids[1 : batch_size * length + 1].reshape(batch_size, length)
    for start in range(0, length - num_steps + 1, num_steps):
        yield inputs[:, start : start + num_steps], targets[:, start : start + num_steps]
    ### END SOLUTION


# %% check="sequential_batches"
check("sequential_batches")

# %% [markdown]
# Here is where the batches of each kind lie in a text of 66 tokens, with 5 steps and 3 rows. Each bar is one window.

# %% slow=true
places = torch.arange(66)
generator = torch.Generator().manual_seed(1)
kinds = {
    "at random, epoch 1": list(random_batches(places, 5, 3, generator)),
    "at random, epoch 2": list(random_batches(places, 5, 3, generator)),
    "in sequence": list(sequential_batches(places, 5, 3)),
}
figure, axes = plt.subplots(1, 3, figsize=(12, 2.8), sharey=True)
for axis, (kind, batches) in zip(axes, kinds.items()):
    for number, (batch, _) in enumerate(batches):
        for row, line in enumerate(LINES[:3]):
            axis.barh(number, 5, left=int(batch[row, 0]), height=0.7, color=line["color"], edgecolor="black",
                      hatch=["", "//", ".."][row], label=f"row {row}" if number == 0 else None)
    axis.set(title=kind, xlabel="place in the text (tokens)", xlim=(0, 66), yticks=range(4))
axes[0].set_ylabel("batch")
axes[0].invert_yaxis()
axes[2].legend(fontsize=8)
plt.show()

# %% [markdown]
# On the right follow one colour from batch to batch: it goes on where it ended. In the two pictures on the left the
# colours jump, and the second epoch cuts the text at other places than the first: compare where the leftmost bars
# begin.

# %% [markdown]
# ### In words
#
# Two networks are trained on a long novel. Network A carries its memory over from each batch to the next. Network B
# starts every batch with an empty memory. For **each** of them, say which kind of batches you give it and what goes
# wrong with the other kind. Then say what the random offset is good for: what would a model never learn without it?

# %% [markdown] written="batches" points=3
# ### BEGIN SOLUTION
# A gets batches in sequence: row i of the next batch continues row i of this one, so the memory belongs to what is read
# next. With random batches its memory would be of some other page; it would be misled, or would have to learn to ignore
# its memory.
#
# B gets random batches. In sequence it would run, but windows would come in the same order and at the same cuts in
# every epoch, and neighbouring batches are from neighbouring pages: each update is made from a one-sided sample, and
# the model drifts with the chapter it is in.
#
# Without the offset the cuts are the same in every epoch. A token that stands at the beginning of a window is always
# predicted from, and followed, with nothing before it: the model never learns what the tokens before it would have
# told about what comes after a cut.
#
# **Marking**
#
# - 1 point: A in sequence, because the memory must belong to what is read next; at random, the memory is of another
#   place.
# - 1 point: B at random, with a reason: fair samples, another order in each epoch.
# - 1 point: the offset: otherwise the same cuts in all epochs, and predictions right after a cut never have a context.
# ### END SOLUTION

# %% [markdown]
# ## 5 · The smallest language model: counting
#
# A language model gives every text a probability. By the chain rule, that is a product of predictions:
#
# $$P(x_1, \dots, x_n) = \prod_{t=1}^{n} P(x_t \mid x_1, \dots, x_{t-1}).$$
#
# How do we get at $P(x_t \mid \dots)$? By counting how often it happened. But nearly every long beginning occurs only
# once, so there is nothing to count. An **n-gram model** looks back over $n - 1$ tokens only: the unigram model
# ($n = 1$) over none, the bigram model over one, the trigram model over two. For bigrams:
#
# $$P(j \mid i) = \frac{\text{how often } i \text{ is followed by } j}{\text{how often } i \text{ is followed by
# anything}}.$$
#
# What was never seen gets probability zero by this, and one such pair makes the probability of a whole text zero. A new
# text always has one. So we pretend that we saw every pair $\alpha$ times more than we did (**add-α smoothing**, $V$ is
# the size of the vocabulary):
#
# $$P(j \mid i) = \frac{\text{count}(i, j) + \alpha}{\sum_{k} \text{count}(i, k) + \alpha V}.$$

# %% [markdown] card="bigram_model"
# Return the table of all $P(j \mid i)$, `(vocab_size, vocab_size)`, in PyTorch's default dtype: row $i$ for the current
# token, column $j$ for the next. Each row adds up to one, also the row of a token that never occurs. `alpha` is above
# zero.
#
# <details><summary>Hint 1</summary>The pairs are <code>ids[:-1]</code> and <code>ids[1:]</code>.</details>
# <details><summary>Hint 2</summary><code>table[rows, columns] += 1</code> counts a pair that comes twice only once.
# <code>table.index_put_((rows, columns), values, accumulate=True)</code> does not; nor does a
# <code>bincount</code> of <code>rows * vocab_size + columns</code>.</details>
# <details><summary>When it goes wrong</summary><b>Rows don't add up to one:</b> how often is α added to the counts of
# one row?<br><b>The table is on its side:</b> which axis must the sum run over, and did you keep it with
# <code>keepdim=True</code>?<br><b>The last token's row is too small:</b> nothing follows the end of the text, so the
# last token has been seen once more than it has been followed.</details>

# %% exercise="bigram_model"
def bigram_model(ids: Int[Tensor, "len"], vocab_size: int, alpha: float) -> Float[Tensor, "vocab_size vocab_size"]:
    """P(next | current) for all pairs of tokens, with add-alpha smoothing."""
    ### BEGIN SOLUTION
    counts = torch.full((vocab_size, vocab_size), float(alpha), device=ids.device)
    counts.index_put_((ids[:-1], ids[1:]), torch.ones(len(ids) - 1, device=ids.device), accumulate=True)
    return counts / counts.sum(dim=1, keepdim=True)
    ### END SOLUTION


# %% check="bigram_model"
check("bigram_model")

# %% [markdown]
# Look at the table of the letters of our text: what follows what?

# %% slow=true
letters = "_abcdefghijklmnopqrstuvwxyz"
letter_text = re.sub("[^a-z]+", "_", text.lower())
letter_vocab = {letter: i for i, letter in enumerate(letters)}
letter_ids = torch.tensor([letter_vocab[letter] for letter in letter_text])
table = bigram_model(letter_ids, len(letters), alpha=0.1)
figure, axis = plt.subplots(figsize=(7.2, 6))
image = axis.imshow(table, cmap="cividis", vmin=0, vmax=0.6)
axis.set_xticks(range(27), letters)
axis.set_yticks(range(27), letters)
axis.set(title="P(next letter | letter), _ is a gap between words", xlabel="next letter", ylabel="letter")
axis.grid(False)
figure.colorbar(image, label="probability")
plt.show()
for letter in "qzt":
    best = table[letter_vocab[letter]].topk(3)
    print(f"after {letter}:", ", ".join(f"{letters[i]} {p:.0%}" for p, i in zip(best.values, best.indices)))

# %% [markdown]
# Go along the row of *q*: nearly all of its light is in one column. The column of the gap is bright for the letters in
# which words end. Whole words can be predicted in the same way, and with a longer look back. This is what models of
# words write when we draw from them, one word after the other:

# %% slow=true
def write(n: int, num_words: int, generator: torch.Generator) -> str:
    """Words drawn from an n-gram model without smoothing; n = 0 draws every word of the vocabulary alike."""
    written = list(words[: max(n - 1, 0)])
    for _ in range(num_words):
        if n == 0:
            candidates = tokens[4:]
        elif n == 1:
            candidates = words
        else:
            candidates = followers[n].get(tuple(written[-(n - 1) :]), words)
        written.append(candidates[torch.randint(len(candidates), (1,), generator=generator).item()])
    return " ".join(written)


followers = {n: {} for n in (2, 3, 4)}
for n, table_of_n in followers.items():
    for i in range(len(words) - n + 1):
        table_of_n.setdefault(tuple(words[i : i + n - 1]), []).append(words[i + n - 1])
generator = torch.Generator().manual_seed(2)
for n, name in enumerate(["uniform", "unigram", "bigram", "trigram", "4-gram"]):
    print(f"{name:>8}: {write(n, 32, generator)}\n")

# %% [markdown]
# With every step back it sounds more like a story. Why not look back ten words, then? Because of what a table can't
# know. Take the n-grams of the new stories, and ask of each: was it ever in the text that we learned from?

# %% slow=true
orders = [1, 2, 3, 4, 5, 6, 8, 10]
seen_share, different = [], []
for n in orders:
    seen = set(zip(*(words[i:] for i in range(n))))
    new_ngrams = list(zip(*(new_words[i:] for i in range(n))))
    seen_share.append(100 * sum(ngram in seen for ngram in new_ngrams) / len(new_ngrams))
    different.append(len(seen))
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
left.plot(orders, different, label="different n-grams in the text", **LINES[0])
left.plot(orders[:5], [float(len(counts)) ** n for n in orders[:5]], label="possible n-grams", **LINES[1])
left.axhline(len(words), color="black", linewidth=0.8, linestyle=":", label="length of the text")
left.set(title="Possible n-grams explode, seen ones can't", xlabel="n (words)", ylabel="number (log scale)")
left.set_yscale("log")
left.legend(fontsize=8)
right.plot(orders, seen_share, **LINES[2])
right.set(title="n-grams of new stories that were seen before", xlabel="n (words)", ylabel="seen (%)", ylim=(0, 103))
plt.show()
for n, found, share in zip(orders, different, seen_share):
    print(f"n = {n:>2}: {found:>7,} different, {share:5.1f} % of those in new stories were seen")

# %% [markdown]
# Left: the number of possible n-grams grows like $V^n$, and a text of a certain length can't hold more different ones
# than it has places. Right: so the longer the n-gram, the fewer of those that we meet were ever seen. This is
# **sparsity**. A table knows nothing about a context that it has not counted, however much it resembles others: having
# seen *the grey cat slept*, it knows nothing about *the grey dog slept*.

# %% [markdown]
# ## 6 · Perplexity: how well do we predict?
#
# A good model gives the text that really comes a high probability. Take $-\ln P$ of each token that came, the
# model's *surprise*; average it over the tokens, so that long and short texts compare; and undo the logarithm:
#
# $$\text{perplexity} = \exp\left(-\frac{1}{n} \sum_{t=1}^{n} \ln P(x_t \mid x_1, \dots, x_{t-1})\right).$$
#
# How to read it: **a perplexity of $k$ means to be as unsure, on average, as between $k$ equally likely tokens.** A
# model that always gives the right token probability 1 has perplexity 1. One that takes all $V$ tokens for equally
# likely has perplexity $V$. One that ever gives the right token probability 0 has an infinite perplexity, and that is
# why we smooth.
#
# Networks don't return probabilities but **logits**: any real numbers, of which softmax makes probabilities,
# $P(k) = e^{z_k} / \sum_j e^{z_j}$. And in a batch of texts of different lengths, some targets are mere padding and
# must not count.

# %% [markdown] card="perplexity"
# `logits` has the shape `(..., V)` with any number of axes before the last, also none; `targets` has the shape `(...)`.
# Return the perplexity over all targets that are not `ignore_index` (there is at least one), as a tensor without
# dimensions, in the dtype of the logits. It is one mean over all of these targets, not a mean of means. A loss is
# built on this in the next lesson, so gradients must get through.
#
# <details><summary>Hint 1</summary>Flatten all axes but the last: <code>logits.reshape(-1, V)</code> and
# <code>targets.reshape(-1)</code>.</details>
# <details><summary>Hint 2</summary>The exponential of a score of 4000 is infinite. <code>torch.log_softmax</code> and
# <code>F.cross_entropy</code> never compute it; look up what <code>F.cross_entropy</code> averages over, and its
# argument <code>ignore_index</code>.</details>
# <details><summary>When it goes wrong</summary><b>NaN or infinity for large scores:</b> see hint 2.<br><b>Too low with
# padding:</b> by how many targets do you divide?<br><b>Index out of range:</b> you can't look up the probability of
# token −100.<br><b>Far too high:</b> first the mean, then the exponential.</details>

# %% exercise="perplexity"
def perplexity(
    logits: Float[Tensor, "*positions V"], targets: Int[Tensor, "*positions"], ignore_index: int = -100
) -> Float[Tensor, ""]:
    """exp of the mean negative log-likelihood of the targets that count."""
    ### BEGIN SOLUTION
    scores = logits.reshape(-1, logits.shape[-1])
    return F.cross_entropy(scores, targets.reshape(-1), ignore_index=ignore_index).exp()
    ### END SOLUTION


# %% check="perplexity"
check("perplexity")

# %% [markdown]
# Logarithms of probabilities are logits too: softmax gives back the probabilities that they were taken from. So your
# function can measure your bigram model, here on the first few thousand words of new stories. A uniform model is the
# test that we know the answer to.

# %% slow=true
new_ids = torch.tensor(encode(new_words, vocab))
few = new_ids[:4000]
print(f"uniform model: perplexity {perplexity(torch.zeros(len(few), len(vocab)), few):,.1f}, "
      f"vocabulary of {len(vocab):,}")
log_table = bigram_model(word_ids, len(vocab), alpha=0.01).log()
print(f"bigram model:  perplexity {perplexity(log_table[few[:-1]], few[1:]):.1f}")

# %% [markdown]
# ## 7 · Experiment: how far does counting get?
#
# Measure four models on new stories: uniform, unigram, bigram and trigram. All are smoothed by adding $\alpha$. A table
# for trigrams would have $V^3$ places, so we only look up what we need: how often the whole n-gram was seen, and how
# often its context.
#
# Which $\alpha$? We try several on some new stories, and then measure the best one **on others**. If we chose it on the
# stories that we report, our result would be better than the truth.

# %% slow=true
def seen_counts(ngrams: Int[Tensor, "m n"], wanted: Int[Tensor, "k n"]) -> Int[Tensor, "k"]:
    """How often each wanted row is among the n-grams."""
    if ngrams.shape[1] == 0:
        return torch.full((len(wanted),), len(ngrams))
    weights = len(vocab) ** torch.arange(ngrams.shape[1])  # a row of ids becomes one number
    kinds, times = (ngrams * weights).sum(dim=1).unique(return_counts=True)
    numbers = (wanted * weights).sum(dim=1)
    place = torch.searchsorted(kinds, numbers).clamp(max=len(kinds) - 1)
    return times[place] * (kinds[place] == numbers)


def ngram_counts(train: Int[Tensor, "m"], test: Int[Tensor, "k"], n: int) -> tuple[Tensor, Tensor]:
    """For every token of `test` but the first three: how often its n-gram, and its context, are in `train`."""
    seen, wanted = train.unfold(0, n, 1), test.unfold(0, n, 1)[4 - n :]
    return seen_counts(seen, wanted).double(), seen_counts(seen[:, :-1], wanted[:, :-1]).double()


def smoothed(found: tuple[Tensor, Tensor], alpha: float) -> float:
    """Perplexity of an n-gram model with add-alpha smoothing."""
    whole, context = found
    return (-((whole + alpha) / (context + alpha * len(vocab))).log().mean()).exp().item()


if reads_the_book:
    choosing_ids, reporting_ids = new_ids[: len(new_ids) // 2], new_ids[len(new_ids) // 2 :]
else:
    choosing = split_words("\n\n".join(data.held_out("stories", seed=2, size=budget(full=100, quick=20))))
    choosing_ids, reporting_ids = torch.tensor(encode(choosing, vocab)), new_ids
names = {1: "unigram", 2: "bigram", 3: "trigram"}
alphas = [10.0**k for k in range(-5, 2)]
curves = {n: [smoothed(ngram_counts(word_ids, choosing_ids, n), a) for a in alphas] for n in names}
for (n, curve), line in zip(curves.items(), LINES):
    plt.plot(alphas, curve, label=names[n], **line)
plt.xscale("log")
plt.yscale("log")
plt.title("How much to smooth: neither too little nor too much")
plt.xlabel("α (log scale)")
plt.ylabel("perplexity (log scale)")
plt.legend()
plt.show()

best_alpha = {n: alphas[torch.tensor(curve).argmin()] for n, curve in curves.items()}
levels = {"uniform": float(len(vocab))}
print(f"{'uniform':>8}: perplexity {len(vocab):8,.1f}")
for n, name in names.items():
    found = ngram_counts(word_ids, reporting_ids, n)
    levels[name] = smoothed(found, best_alpha[n])
    print(f"{name:>8}: perplexity {levels[name]:8,.1f} with α = {best_alpha[n]:g}; "
          f"with α = 1 {smoothed(found, 1.0):8,.1f}")

# %% [markdown]
# Each token further back helps, if $\alpha$ is chosen well. Look at $\alpha = 1$: there the trigram model is **worse**
# than the bigram model, although it sees more. Most of its contexts were seen a few times only, and adding one to each
# of all the words of the vocabulary drowns what was counted. (Our stories are long and like to repeat their phrases. On
# *The Time Machine*, shorter and freer, the trigram model stays behind the bigram model at every $\alpha$: try it.)
#
# How much text does it take until the longer look back pays off?

# %% slow=true
text_sizes = budget(full=[1000, 3000, 10_000, 30_000, 100_000, 225_000], quick=[1000, 10_000])
for n, line in zip(names, LINES):
    by_size = []
    for size in text_sizes:
        part = word_ids[:size]
        chosen = ngram_counts(part, choosing_ids, n)
        alpha = min(alphas, key=lambda a: smoothed(chosen, a))
        by_size.append(smoothed(ngram_counts(part, reporting_ids, n), alpha))
    plt.plot(text_sizes, by_size, label=names[n], **line)
plt.xscale("log")
plt.yscale("log")
plt.title("The longer the look back, the more text it takes")
plt.xlabel("words of text to learn from (log scale)")
plt.ylabel("perplexity on new stories (log scale)")
plt.legend()
plt.show()

# %% [markdown]
# With little text, the model that looks back least is as good as any. Look where the curves cross: the bigram model
# comes ahead first, and the trigram model needs several times as much text to overtake it. Its curve is still falling
# at the right end. No text is long enough for tables of 10-grams.
#
# ### Do the tokens matter?
#
# One more measurement, and a trap. Build three bigram models of the same stories: over characters, over BPE symbols,
# over words. So that all three read and predict the very same text, it is written with one blank between two tokens.

# %% slow=true
joined, new_joined = " ".join(words), " ".join(new_words)
some_merges = merges[:300]
kinds = {
    "characters": (list(joined), list(new_joined)),
    "BPE symbols": (bpe_text(words, some_merges), bpe_text(new_words, some_merges)),
    "words": (words, new_words),
}
print(f"{'':>12}  vocabulary  tokens per word  perplexity per token  bits per character")
for kind, (train_tokens, test_tokens) in kinds.items():
    own_vocab = build_vocab(train_tokens, min_freq=2)
    train_ids, test_ids = (torch.tensor(encode(some, own_vocab)) for some in (train_tokens, test_tokens))
    log_p = bigram_model(train_ids, len(own_vocab), alpha=0.01).log()[test_ids[:-1], test_ids[1:]]
    bits = -log_p.double().sum() / torch.log(torch.tensor(2.0)) / len(new_joined)
    print(f"{kind:>12}  {len(own_vocab):>10,}  {len(test_tokens) / len(new_words):>15.2f}  "
          f"{(-log_p.mean()).exp():>20.2f}  {bits:>18.3f}")

# %% [markdown]
# By the perplexity per token, characters win by far. But a character is less to predict than a word: being unsure
# between a few characters, several times per word, is a lot of doubt per word. Divide all the surprise by something
# that is the same for all three, the number of characters, and the order is the other way round. **Perplexities
# compare only over the same tokens.** (Where a text has unknown words, even this flatters the model of words: it says
# `<unk>` and is spared the spelling.)

# %% [markdown]
# ### In words
#
# A report says: “Our model has a perplexity of 3 per character. Theirs has 60 per word. Ours is twenty times better.” A
# word has five characters on average, and a blank follows it. Explain what is wrong, **work out** the perplexity per
# word of the first model, and say how the two can be compared fairly.

# %% [markdown] written="comparing" points=3
# ### BEGIN SOLUTION
# Perplexity is a mean per token, and the two models have different tokens. The first one predicts six times per word,
# and its doubts multiply: to be as unsure as between 3 characters, six times in a row, is to be as unsure as between
# 3⁶ = 729 words. (The surprise adds up: 6 · ln 3, and exp of it is 3⁶.) Theirs, with 60, is much better.
#
# A fair comparison divides the total surprise over the same text by the same number for both: per character, per byte
# or per word; for example in bits per character. Theirs: log₂ 60 / 6 ≈ 0.98 bits per character, ours log₂ 3 ≈ 1.58.
# The text must be the same, it must be new to both, and unknown words must not be had for nothing: a model that may
# say `<unk>` does not predict the word.
#
# **Marking**
#
# - 1 point: perplexities over different tokens don't compare, with the reason (per-token mean, more tokens per word).
# - 1 point: 3⁶ = 729 (half a point for 3⁵ = 243, the blank forgotten), so theirs is better.
# - 1 point: a fair measure: the same text and the same unit, such as bits per character, or perplexity per word for
#   both.
# ### END SOLUTION

# %% [markdown]
# ## What you know now, and what is left open
#
# - Sequences have any length, and order matters; a network with fixed inputs handles neither. Tasks on sequences come
#   in five shapes.
# - A text becomes tokens. Words are many and never enough, characters are few and say little, byte-pair encoding lies
#   between them and is learned by counting.
# - Windows and batches turn one text into examples, at random or in sequence.
# - An n-gram model predicts by counting. It can't look far back: nearly all long contexts are new.
# - Perplexity says how many equally likely tokens a model is unsure between, and compares only over the same tokens.
#
# Counting knows nothing of a context that it has not seen. We need a model that **sums up** what it has read in a fixed
# number of values, so that contexts which resemble each other get similar sums. Lesson 02 builds it: the recurrent
# network.
#
# ## Where to read on
#
# - Shannon (1948), *A Mathematical Theory of Communication*, section 3: text drawn from n-gram models, letters first,
#   words then.
# - Jurafsky, Martin, *Speech and Language Processing* (3rd edition, draft), chapter 3: n-grams, smoothing, perplexity;
#   chapter 2, section on byte-pair encoding.
# - Chen, Goodman (1999), *An Empirical Study of Smoothing Techniques for Language Modeling*, section 2: what is better
#   than adding α.
# - Sennrich, Haddow, Birch (2016), *Neural Machine Translation of Rare Words with Subword Units*, section 3: byte-pair
#   encoding for words.
# - Kudo (2018), *Subword Regularization*, section 3: other ways to cut a word, and why to use more than one.
# - Bengio, Ducharme, Vincent, Jauvin (2003), *A Neural Probabilistic Language Model*, section 1: what counting can't
#   do, and the first neural answer.
# - Karpathy (2015), *The Unreasonable Effectiveness of Recurrent Neural Networks*: the shapes of section 2, in one
#   picture.
# - Zhang, Lipton, Li, Smola, *Dive into Deep Learning*, sections 9.1 to 9.3: the same ground in the book's own code.
