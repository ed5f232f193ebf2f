"""Named wrong answers to lesson 01, each with a hint that points and does not tell."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import misconception
from autograder.reference import language_models as right
from autograder.reference.language_models import END_OF_WORD, SPECIALS, Batches, Pair, merge_pair

Vocab = dict[str, int]


# task_shape


@misconception("task_shape", "aligned ignored", hint="Two tasks with as many outputs as inputs: which flag parts them?")
def shape_always_aligned(num_inputs: int, num_outputs: int, aligned: bool) -> str:
    return right.task_shape(num_inputs, num_outputs, True)


@misconception(
    "task_shape", "equal counts mean aligned", hint="A translation can have as many words as its source by chance."
)
def shape_by_counts(num_inputs: int, num_outputs: int, aligned: bool) -> str:
    return right.task_shape(num_inputs, num_outputs, num_inputs == num_outputs)


@misconception("task_shape", "the sides exchanged", hint="Which count stands before “to”, and which after?")
def shape_exchanged(num_inputs: int, num_outputs: int, aligned: bool) -> str:
    return right.task_shape(num_outputs, num_inputs, aligned)


@misconception(
    "task_shape", "aligned looked at first", hint="A single input and a single output: does the flag matter there?"
)
def shape_flag_first(num_inputs: int, num_outputs: int, aligned: bool) -> str:
    return "many-to-many aligned" if aligned else right.task_shape(num_inputs, num_outputs, aligned)


@misconception("task_shape", "many means more than two", hint="From which number on is it “many”?")
def shape_many_from_three(num_inputs: int, num_outputs: int, aligned: bool) -> str:
    return right.task_shape(num_inputs - (num_inputs == 2), num_outputs - (num_outputs == 2), aligned)


@misconception("task_shape", "many-to-many without its kind", hint="How many different names does the card list?")
def shape_without_kind(num_inputs: int, num_outputs: int, aligned: bool) -> str:
    return right.task_shape(num_inputs, num_outputs, aligned).split(" ")[0]


# build_vocab


def _vocab(tokens: Sequence[str], specials: Sequence[str]) -> Vocab:
    return {token: i for i, token in enumerate([*specials, *tokens])}


def _kept(tokens: list[str], min_freq: int, specials: Sequence[str] = ()) -> dict[str, int]:
    return {token: n for token, n in Counter(tokens).items() if n >= min_freq and token not in specials}


@misconception(
    "build_vocab", "ties as they came", hint="Two tokens are equally frequent. Does their order hang on the text's?"
)
def vocab_ties_by_appearance(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    kept = _kept(tokens, min_freq, specials)
    return _vocab(sorted(kept, key=lambda token: -kept[token]), specials)


@misconception("build_vocab", "min_freq above, not from", hint="A token seen exactly min_freq times: in or out?")
def vocab_strictly_above(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    return right.build_vocab(tokens, min_freq + 1, specials)


@misconception("build_vocab", "min_freq ignored", hint="What happens in your function to a token that is too rare?")
def vocab_keeps_rare(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    return right.build_vocab(tokens, 1, specials)


@misconception(
    "build_vocab", "specials counted again", hint="Let <unk> stand in the text. How many ids are given, how many used?"
)
def vocab_specials_twice(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    kept = _kept(tokens, min_freq)
    return _vocab(sorted(kept, key=lambda token: (-kept[token], token)), specials)


@misconception("build_vocab", "specials last", hint="Which token must have id 0?")
def vocab_specials_last(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    ordinary = [token for token in right.build_vocab(tokens, min_freq, specials) if token not in specials]
    return _vocab([*ordinary, *specials], ())


@misconception("build_vocab", "by the alphabet alone", hint="Which ordinary token is to have the smallest id?")
def vocab_alphabetical(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    return _vocab(sorted(_kept(tokens, min_freq, specials)), specials)


@misconception("build_vocab", "rarest first", hint="In which direction does `sorted` sort counts?")
def vocab_rarest_first(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    kept = _kept(tokens, min_freq, specials)
    return _vocab(sorted(kept, key=lambda token: (kept[token], token)), specials)


@misconception(
    "build_vocab", "ties reversed too", hint="`reverse=True` turns the order of everything: of what did you want it?"
)
def vocab_all_reversed(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    kept = _kept(tokens, min_freq, specials)
    return _vocab(sorted(kept, key=lambda token: (kept[token], token), reverse=True), specials)


@misconception("build_vocab", "capitals folded in ties", hint="Ask Python which is smaller: 'Z' or 'a'. Do you agree?")
def vocab_ties_without_case(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    kept = _kept(tokens, min_freq, specials)
    return _vocab(sorted(kept, key=lambda token: (-kept[token], token.lower(), token)), specials)


@misconception("build_vocab", "its own specials", hint="Call it with other specials. Which ones are in the result?")
def vocab_fixed_specials(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> Vocab:
    return right.build_vocab(tokens, min_freq, SPECIALS)


# encode


@misconception("encode", "unknown is 3", hint="Print the id of <unk> in the vocabulary that you were given.")
def encode_with_three(tokens: list[str], vocab: Vocab) -> list[int]:
    return [vocab.get(token, 3) for token in tokens]


@misconception("encode", "unknown is 0", hint="Which id do your unknown tokens get, and what stands there?")
def encode_with_zero(tokens: list[str], vocab: Vocab) -> list[int]:
    return [vocab.get(token, 0) for token in tokens]


@misconception("encode", "unknown left out", hint="How many ids does a text of ten tokens have?")
def encode_without_unknown(tokens: list[str], vocab: Vocab) -> list[int]:
    return [vocab[token] for token in tokens if token in vocab]


@misconception("encode", "id 0 taken for missing", hint="Is the number 0 true or false in Python?")
def encode_falsy(tokens: list[str], vocab: Vocab) -> list[int]:
    return [vocab.get(token) or vocab["<unk>"] for token in tokens]


@misconception("encode", "unknown raises", hint="What does `vocab[token]` do for a token that is not there?")
def encode_strict(tokens: list[str], vocab: Vocab) -> list[int]:
    return [vocab[token] for token in tokens]


@misconception("encode", "the vocabulary grows", hint="Print the vocabulary's length before and after the call.")
def encode_growing(tokens: list[str], vocab: Vocab) -> list[int]:
    return [vocab.setdefault(token, len(vocab)) for token in tokens]


@misconception("encode", "lower case", hint="The vocabulary holds the token as it is. What do you look up?")
def encode_lowered(tokens: list[str], vocab: Vocab) -> list[int]:
    return right.encode([token.lower() for token in tokens], vocab)


@misconception("encode", "a tensor", hint="What is asked for: a tensor, or a list of Python's ints?")
def encode_tensor(tokens: list[str], vocab: Vocab) -> Tensor:
    return torch.tensor(right.encode(tokens, vocab))


# bpe_merges


def _merges(
    word_counts: dict[str, int], num_merges: int, places: Any = pairwise, weigh: bool = True, end: bool = True,
    choose: Any = lambda counts: min(counts, key=lambda pair: (-counts[pair], pair)), merge: Any = merge_pair,
) -> list[Pair]:
    """The reference with one part exchanged."""
    words = [((*word, END_OF_WORD) if end else tuple(word), n) for word, n in word_counts.items()]
    merges: list[Pair] = []
    for _ in range(num_merges):
        counts: Counter[Pair] = Counter()
        for symbols, n in words:
            for pair in places(symbols):
                counts[pair] += n if weigh else 1
        if not counts:
            break
        merges.append(choose(counts))
        words = [(tuple(merge(symbols, merges[-1])), n) for symbols, n in words]
    return merges


def _apart(symbols: Sequence[str]) -> Iterator[Pair]:
    """Neighbours, but places of one pair never overlap."""
    last: tuple[Pair, int] | None = None
    for i, pair in enumerate(pairwise(symbols)):
        if last == (pair, i - 1):
            last = None
            continue
        last = (pair, i)
        yield pair


@misconception("bpe_merges", "words counted once", hint="A word that occurs six times brings its pairs how often?")
def bpe_unweighted(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    return _merges(word_counts, num_merges, weigh=False)


@misconception("bpe_merges", "overlaps counted once", hint="Write out the neighbours in a, a, a. How many pairs?")
def bpe_apart(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    return _merges(word_counts, num_merges, places=_apart)


@misconception("bpe_merges", "once per word", hint="A pair stands twice in one word. How much does the word add?")
def bpe_once_per_word(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    return _merges(word_counts, num_merges, places=lambda symbols: set(pairwise(symbols)))


@misconception("bpe_merges", "ties as they came", hint="Shuffle the words. Do equally frequent pairs change places?")
def bpe_ties_by_appearance(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    return _merges(word_counts, num_merges, choose=lambda counts: max(counts, key=counts.__getitem__))


@misconception("bpe_merges", "ties to the largest", hint="Two pairs are equally frequent: which one does `max` prefer?")
def bpe_ties_to_largest(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    return _merges(word_counts, num_merges, choose=lambda counts: max(counts, key=lambda p: (counts[p], p)))


@misconception("bpe_merges", "no end of word", hint="What is the last symbol of every word at the start?")
def bpe_without_end(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    return _merges(word_counts, num_merges, end=False)


@misconception("bpe_merges", "counted once and for all", hint="After the first merge, which new pairs are there?")
def bpe_counted_once(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    counts: Counter[Pair] = Counter()
    for word, n in word_counts.items():
        for pair in pairwise([*word, END_OF_WORD]):
            counts[pair] += n
    return sorted(counts, key=lambda pair: (-counts[pair], pair))[:num_merges]


@misconception(
    "bpe_merges", "replaced in the joined text", hint="Join ca and b by a blank. Is every “a b” in it a pair?"
)
def bpe_by_replace(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    return _merges(word_counts, num_merges, merge=_replace)


def _replace(symbols: Sequence[str], pair: Pair) -> list[str]:
    return " ".join(symbols).replace(" ".join(pair), "".join(pair)).split(" ")


@misconception(
    "bpe_merges", "only the first place in a word", hint="A pair stands twice in a word. How often is it merged?"
)
def bpe_first_place(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    return _merges(word_counts, num_merges, merge=_merge_first)


def _merge_first(symbols: Sequence[str], pair: Pair) -> list[str]:
    for i, found in enumerate(pairwise(symbols)):
        if found == pair:
            return [*symbols[:i], "".join(pair), *symbols[i + 2 :]]
    return list(symbols)


@misconception("bpe_merges", "fails when nothing is left", hint="Ask for more merges than there can be. What happens?")
def bpe_never_stops(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    found = right.bpe_merges(word_counts, num_merges)
    if len(found) < num_merges:
        raise ValueError("max() iterable argument is empty")
    return found


@misconception("bpe_merges", "symbols, not pairs", hint="Does one item of your list say which two symbols were joined?")
def bpe_joined(word_counts: dict[str, int], num_merges: int) -> list[str]:
    return ["".join(pair) for pair in right.bpe_merges(word_counts, num_merges)]


# bpe_tokenize


@misconception("bpe_tokenize", "the end dropped", hint="How would you tell where the next word begins?")
def tokenize_without_end(word: str, merges: list[Pair]) -> list[str]:
    symbols = [symbol.removesuffix(END_OF_WORD) for symbol in right.bpe_tokenize(word, merges)]
    return [symbol for symbol in symbols if symbol]


@misconception("bpe_tokenize", "no end at all", hint="Some merges join a letter with the end. Do yours ever apply?")
def tokenize_letters_only(word: str, merges: list[Pair]) -> list[str]:
    symbols: Sequence[str] = list(word)
    for pair in merges:
        symbols = merge_pair(symbols, pair)
    return list(symbols)


@misconception(
    "bpe_tokenize", "again from the first merge", hint="How often is each merge tried, and may you go back to one?"
)
def tokenize_greedily(word: str, merges: list[Pair]) -> list[str]:
    symbols: tuple[str, ...] = (*word, END_OF_WORD)
    while True:
        found = [pair for pair in merges if pair in set(pairwise(symbols))]
        if not found:
            return list(symbols)
        symbols = merge_pair(symbols, found[0])


@misconception("bpe_tokenize", "each merge at one place", hint="Spell “banana”: in how many places is (a, n)?")
def tokenize_first_place(word: str, merges: list[Pair]) -> list[str]:
    symbols: list[str] = [*word, END_OF_WORD]
    for pair in merges:
        symbols = _merge_first(symbols, pair)
    return symbols


@misconception(
    "bpe_tokenize", "replaced in the joined text", hint="Is the “a b” in “ca b” really the symbol a and the symbol b?"
)
def tokenize_by_replace(word: str, merges: list[Pair]) -> list[str]:
    symbols: list[str] = [*word, END_OF_WORD]
    for pair in merges:
        symbols = _replace(symbols, pair)
    return symbols


@misconception("bpe_tokenize", "longest symbols first", hint="Does your function look at the order of the merges?")
def tokenize_longest_match(word: str, merges: list[Pair]) -> list[str]:
    known = {"".join(pair) for pair in merges}
    rest, found = word + END_OF_WORD, []
    while rest:
        ends = [n for n in range(len(rest), 0, -1) if rest[:n] in known]
        size = ends[0] if ends else (len(END_OF_WORD) if rest == END_OF_WORD else 1)
        found.append(rest[:size])
        rest = rest[size:]
    return found


@misconception("bpe_tokenize", "last merge first", hint="Which merge was learned first, and which one is tried first?")
def tokenize_backwards(word: str, merges: list[Pair]) -> list[str]:
    return right.bpe_tokenize(word, merges[::-1])


@misconception("bpe_tokenize", "the end in letters", hint="Print your list before the first merge. How long is it?")
def tokenize_end_in_letters(word: str, merges: list[Pair]) -> list[str]:
    symbols: Sequence[str] = list(word + END_OF_WORD)
    for pair in merges:
        symbols = merge_pair(symbols, pair)
    return list(symbols)


@misconception(
    "bpe_tokenize", "patterns not escaped", hint="What does a full stop, or a bracket, mean in a regular expression?"
)
def tokenize_by_pattern(word: str, merges: list[Pair]) -> list[str]:
    joined = " ".join([*word, END_OF_WORD])
    for left, second in merges:
        joined = re.sub(rf"(?<!\S){left} {second}(?!\S)", lambda found: found[0].replace(" ", ""), joined)
    return joined.split(" ")


# language_model_windows


Two = tuple[Tensor, Tensor]


def _windows(ids: Tensor, num_steps: int, n: int, inputs_from: int = 0, targets_from: int = 1) -> Two:
    first, second = ids[inputs_from : inputs_from + n * num_steps], ids[targets_from : targets_from + n * num_steps]
    return first.reshape(n, num_steps), second.reshape(n, num_steps)


@misconception("language_model_windows", "targets are the inputs", hint="What is to be predicted at the first place?")
def windows_unshifted(ids: Tensor, num_steps: int) -> Two:
    return _windows(ids, num_steps, (len(ids) - 1) // num_steps, targets_from=0)


@misconception(
    "language_model_windows", "the last target forgotten", hint="Ids just fill the windows: what is the last target?"
)
def windows_without_last_target(ids: Tensor, num_steps: int) -> Two:
    return _windows(ids, num_steps, len(ids) // num_steps)


@misconception(
    "language_model_windows", "shifted inside each window", hint="What follows the last input of a window, in the text?"
)
def windows_rolled(ids: Tensor, num_steps: int) -> Two:
    inputs, _ = right.language_model_windows(ids, num_steps)
    return inputs, inputs.roll(-1, dims=1)


@misconception("language_model_windows", "windows that overlap", hint="How far apart do two windows begin?")
def windows_overlapping(ids: Tensor, num_steps: int) -> Two:
    starts = range(max(len(ids) - num_steps, 0))
    rows = [ids[i : i + num_steps + 1] for i in starts]
    table = torch.stack(rows) if rows else ids.new_empty(0, num_steps + 1)
    return table[:, :-1], table[:, 1:]


@misconception("language_model_windows", "text down the columns", hint="Read the first row of your inputs aloud.")
def windows_in_columns(ids: Tensor, num_steps: int) -> Two:
    inputs, targets = right.language_model_windows(ids, num_steps)
    return inputs.reshape(num_steps, -1).T, targets.reshape(num_steps, -1).T


@misconception(
    "language_model_windows", "one window for the next", hint="By how many places do targets run ahead of inputs?"
)
def windows_next_window(ids: Tensor, num_steps: int) -> Two:
    inputs, _ = right.language_model_windows(ids, num_steps)
    return inputs[:-1], inputs[1:]


@misconception("language_model_windows", "one window too few", hint="Count the windows in a text of num_steps + 1 ids.")
def windows_one_less(ids: Tensor, num_steps: int) -> Two:
    return _windows(ids, num_steps, max((len(ids) - 1) // num_steps - 1, 0))


# random_batches


def _random(
    ids: Tensor, num_steps: int, batch_size: int, offset: int, order: Tensor, last: bool = False, short: int = 0
) -> Batches:
    inputs, targets = right.language_model_windows(ids[offset:], num_steps)
    number = -(-len(order) // batch_size) if last else len(order) // batch_size - short
    for rows in (order[i * batch_size : (i + 1) * batch_size] for i in range(number)):
        yield inputs[rows], targets[rows]


def _offset(low: int, high: int, generator: torch.Generator | None) -> int:
    return int(torch.randint(low, high, (1,), generator=generator))


def _n(ids: Tensor, num_steps: int, offset: int) -> int:
    return max((len(ids) - offset - 1) // num_steps, 0)


@misconception("random_batches", "no offset", hint="In every epoch, where does the first window of the text begin?")
def random_without_offset(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    order = torch.randperm(_n(ids, num_steps, 0), generator=generator)
    return _random(ids, num_steps, batch_size, 0, order)


@misconception(
    "random_batches", "the last offset never comes", hint="`torch.randint` gives numbers below its end. Which is yours?"
)
def random_offset_short(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = _offset(0, max(num_steps - 1, 1), generator)
    return _random(ids, num_steps, batch_size, offset, torch.randperm(_n(ids, num_steps, offset), generator=generator))


@misconception("random_batches", "an offset of num_steps", hint="Is an offset of num_steps other than one of 0?")
def random_offset_long(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = _offset(0, num_steps + 1, generator)
    return _random(ids, num_steps, batch_size, offset, torch.randperm(_n(ids, num_steps, offset), generator=generator))


@misconception("random_batches", "not shuffled", hint="Draw two epochs. Does the order of the windows ever change?")
def random_in_order(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = _offset(0, num_steps, generator)
    return _random(ids, num_steps, batch_size, offset, torch.arange(_n(ids, num_steps, offset)))


@misconception(
    "random_batches", "whole batches shuffled", hint="Are two windows of one batch ever far apart in the text?"
)
def random_whole_batches(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = _offset(0, num_steps, generator)
    number = _n(ids, num_steps, offset) // batch_size
    order = torch.arange(number * batch_size).reshape(number, batch_size)
    return _random(ids, num_steps, batch_size, offset, order[torch.randperm(number, generator=generator)].flatten())


@misconception(
    "random_batches", "shuffled inside each batch", hint="Can the last window of the text be in the first batch?"
)
def random_inside_batches(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = _offset(0, num_steps, generator)
    n = _n(ids, num_steps, offset) // batch_size * batch_size
    order = [i + torch.randperm(batch_size, generator=generator) for i in range(0, n, batch_size)]
    return _random(ids, num_steps, batch_size, offset, torch.cat([torch.arange(0), *order]))


@misconception("random_batches", "windows drawn with return", hint="May the same window come twice in one epoch?")
def random_with_return(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = _offset(0, num_steps, generator)
    n = _n(ids, num_steps, offset)
    return _random(ids, num_steps, batch_size, offset, torch.randint(max(n, 1), (n,), generator=generator))


@misconception("random_batches", "windows anywhere", hint="Do all windows of an epoch lie on one grid?")
def random_anywhere(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    starts = torch.randperm(max(len(ids) - num_steps, 0), generator=generator)
    starts = starts[: _n(ids, num_steps, 0) // batch_size * batch_size]
    for rows in starts.reshape(-1, batch_size):
        place = rows[:, None] + torch.arange(num_steps)
        yield ids[place], ids[place + 1]


@misconception("random_batches", "the short last batch", hint="How many rows has your last batch?")
def random_short_last(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = _offset(0, num_steps, generator)
    order = torch.randperm(_n(ids, num_steps, offset), generator=generator)
    return _random(ids, num_steps, batch_size, offset, order, last=True)


@misconception("random_batches", "one batch too few", hint="Windows for exactly two batches: how many do you give?")
def random_one_less(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = _offset(0, num_steps, generator)
    order = torch.randperm(_n(ids, num_steps, offset), generator=generator)
    return _random(ids, num_steps, batch_size, offset, order, short=1)


@misconception(
    "random_batches", "another source of randomness", hint="You were given a source of randomness. Who else draws?"
)
def random_globally(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = random.randrange(num_steps)
    return _random(ids, num_steps, batch_size, offset, torch.randperm(_n(ids, num_steps, offset)))


@misconception(
    "random_batches", "the same epoch again", hint="Draw two epochs from one generator. Are they different?"
)
def random_reseeded(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    own = torch.Generator().manual_seed(generator.initial_seed())
    return right.random_batches(ids, num_steps, batch_size, own)


@misconception("random_batches", "targets of the wrong rows", hint="Print a row of the inputs above its targets.")
def random_targets_unshuffled(ids: Tensor, num_steps: int, batch_size: int, generator: torch.Generator) -> Batches:
    offset = _offset(0, num_steps, generator)
    inputs, targets = right.language_model_windows(ids[offset:], num_steps)
    order = torch.randperm(len(inputs), generator=generator)
    for i in range(len(order) // batch_size):
        rows = slice(i * batch_size, (i + 1) * batch_size)
        yield inputs[order[rows]], targets[rows]


# sequential_batches


@misconception(
    "sequential_batches", "windows in order", hint="What stands in row 0 of the second batch, and what should?"
)
def sequential_windows(ids: Tensor, num_steps: int, batch_size: int) -> Batches:
    n = _n(ids, num_steps, 0)
    return _random(ids, num_steps, batch_size, 0, torch.arange(n))


def _rows(ids: Tensor, batch_size: int, length: int) -> Two:
    return ids[: batch_size * length].reshape(batch_size, -1), ids[1 : batch_size * length + 1].reshape(batch_size, -1)


def _steps(inputs: Tensor, targets: Tensor, num_steps: int, keep_rest: bool = False) -> Batches:
    seq = inputs.shape[1]
    for start in range(0, seq if keep_rest else seq // num_steps * num_steps, num_steps):
        yield inputs[:, start : start + num_steps], targets[:, start : start + num_steps]


@misconception("sequential_batches", "the last target forgotten", hint="Ids that just fill the rows: what comes last?")
def sequential_long_rows(ids: Tensor, num_steps: int, batch_size: int) -> Batches:
    return _steps(*_rows(ids, batch_size, len(ids) // batch_size), num_steps)


@misconception("sequential_batches", "the rest as a narrow batch", hint="How many columns has your last batch?")
def sequential_with_rest(ids: Tensor, num_steps: int, batch_size: int) -> Batches:
    inputs, targets = _rows(ids, batch_size, max((len(ids) - 1) // batch_size, 0))
    return _steps(inputs, targets, num_steps, keep_rest=True)


@misconception("sequential_batches", "text down the columns", hint="Read row 0 of the first batch. Is it the text?")
def sequential_columns(ids: Tensor, num_steps: int, batch_size: int) -> Batches:
    length = max((len(ids) - 1) // batch_size, 0)
    inputs, targets = ids[: batch_size * length], ids[1 : batch_size * length + 1]
    return _steps(inputs.reshape(length, batch_size).T, targets.reshape(length, batch_size).T, num_steps)


@misconception("sequential_batches", "steps first", hint="Print the shape of a batch. Which axis is the batch?")
def sequential_steps_first(ids: Tensor, num_steps: int, batch_size: int) -> Batches:
    return ((x.T, y.T) for x, y in right.sequential_batches(ids, num_steps, batch_size))


@misconception(
    "sequential_batches", "shifted inside the row", hint="Row 0 ends where row 1 begins. What is row 0's last target?"
)
def sequential_rolled(ids: Tensor, num_steps: int, batch_size: int) -> Batches:
    inputs, _ = _rows(ids, batch_size, max((len(ids) - 1) // batch_size, 0))
    return _steps(inputs, inputs.roll(-1, dims=1), num_steps)


@misconception("sequential_batches", "targets are the inputs", hint="What is to be predicted at the first place?")
def sequential_unshifted(ids: Tensor, num_steps: int, batch_size: int) -> Batches:
    return ((x, x) for x, _ in right.sequential_batches(ids, num_steps, batch_size))


@misconception("sequential_batches", "one batch too few", hint="A row of exactly three windows: how many batches?")
def sequential_one_less(ids: Tensor, num_steps: int, batch_size: int) -> Batches:
    return iter(list(right.sequential_batches(ids, num_steps, batch_size))[:-1])


@misconception("sequential_batches", "batches that overlap", hint="How far does each batch begin behind the last one?")
def sequential_sliding(ids: Tensor, num_steps: int, batch_size: int) -> Batches:
    inputs, targets = _rows(ids, batch_size, max((len(ids) - 1) // batch_size, 0))
    for start in range(max(inputs.shape[1] - num_steps + 1, 0)):
        yield inputs[:, start : start + num_steps], targets[:, start : start + num_steps]


# bigram_model


def _counts(ids: Tensor, vocab_size: int) -> Tensor:
    counts = torch.zeros(vocab_size, vocab_size)
    return counts.index_put((ids[:-1], ids[1:]), torch.ones(len(ids) - 1), accumulate=True)


@misconception("bigram_model", "columns for rows", hint="Which sums are one: those of the rows, or of the columns?")
def bigram_transposed(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    return right.bigram_model(ids, vocab_size, alpha).T


@misconception("bigram_model", "previous given current", hint="Row “q”: which letters should be likely there?")
def bigram_backwards(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    return right.bigram_model(ids.flip(0), vocab_size, alpha)


@misconception("bigram_model", "not smoothed", hint="What does an id that never came say about the next one?")
def bigram_unsmoothed(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    counts = _counts(ids, vocab_size)
    return counts / counts.sum(dim=1, keepdim=True)


@misconception("bigram_model", "always one added", hint="Try alpha = 0.1 and alpha = 3. Does anything change?")
def bigram_add_one(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    return right.bigram_model(ids, vocab_size, 1.0)


@misconception("bigram_model", "alpha missing below", hint="Add up one row of your table. What should it give?")
def bigram_sum_of_counts(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    counts = _counts(ids, vocab_size)
    return (counts + alpha) / counts.sum(dim=1, keepdim=True).clamp(min=1)


@misconception("bigram_model", "alpha once below", hint="How often is alpha added to the counts of one row, in all?")
def bigram_alpha_once(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    counts = _counts(ids, vocab_size)
    return (counts + alpha) / (counts.sum(dim=1, keepdim=True) + alpha)


@misconception("bigram_model", "pairs, not conditions", hint="Given the current id, what do the chances add up to?")
def bigram_joint(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    counts = _counts(ids, vocab_size) + alpha
    return counts / counts.sum()


@misconception("bigram_model", "a softmax of counts", hint="A pair seen twice as often: how much likelier is it?")
def bigram_softmax(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    return torch.softmax(_counts(ids, vocab_size) + alpha, dim=1)


@misconception(
    "bigram_model", "divided by the unigram count", hint="The text's last id has no next one. Does it count below?"
)
def bigram_by_unigrams(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    singles = torch.bincount(ids, minlength=vocab_size).to(torch.get_default_dtype())
    return (_counts(ids, vocab_size) + alpha) / (singles + alpha * vocab_size)[:, None]


@misconception(
    "bigram_model", "a pair counted once", hint="`counts[i, j] += 1` with lists of indices: what if a pair comes twice?"
)
def bigram_seen_or_not(ids: Tensor, vocab_size: int, alpha: float) -> Tensor:
    counts = torch.zeros(vocab_size, vocab_size)
    counts[ids[:-1], ids[1:]] += 1
    return (counts + alpha) / (counts + alpha).sum(dim=1, keepdim=True)


# perplexity


def _losses(logits: Tensor, targets: Tensor, ignore_index: int, reduction: str = "none") -> Tensor:
    flat = logits.reshape(-1, logits.shape[-1])
    return F.cross_entropy(flat, targets.reshape(-1), ignore_index=ignore_index, reduction=reduction)


@misconception("perplexity", "the loss itself", hint="A model that is always sure and right: what is its perplexity?")
def perplexity_loss(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    return _losses(logits, targets, ignore_index, "mean")


@misconception("perplexity", "two to the power", hint="Your logarithm has one base. Does your power have the same?")
def perplexity_base_two(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    return 2 ** _losses(logits, targets, ignore_index, "mean")


@misconception("perplexity", "the sum, not the mean", hint="Say a text twice. Should its perplexity change?")
def perplexity_sum(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    return _losses(logits, targets, ignore_index, "sum").exp()


@misconception("perplexity", "mean of exponentials", hint="First the mean, or first the exponential?")
def perplexity_mean_last(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    return _losses(logits, targets, ignore_index)[targets.reshape(-1) != ignore_index].exp().mean()


@misconception("perplexity", "ignored targets divide", hint="By how many targets do you divide: by all of them?")
def perplexity_divided_by_all(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    return _losses(logits, targets, ignore_index).mean().exp()


@misconception("perplexity", "ignore_index fixed", hint="Call it with another ignore_index. Does the result change?")
def perplexity_fixed_ignore(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    return _losses(logits, targets, -100, "mean").exp()


@misconception("perplexity", "logits for probabilities", hint="Do the numbers whose logarithm you take add up to one?")
def perplexity_of_logits(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    counted = targets != ignore_index
    picked = logits[counted].gather(-1, targets[counted].unsqueeze(-1))
    return (-picked.mean()).exp()


@misconception("perplexity", "softmax twice", hint="`F.cross_entropy` takes scores. What do you give it?")
def perplexity_softmax_twice(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    return _losses(logits.softmax(dim=-1), targets, ignore_index, "mean").exp()


@misconception("perplexity", "exponentials overflow", hint="What is `torch.exp` of 4000, and of −4000?")
def perplexity_overflowing(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    counted = targets != ignore_index
    weights = logits[counted].exp()
    p = weights / weights.sum(dim=-1, keepdim=True)
    return (-p.gather(-1, targets[counted].unsqueeze(-1)).log().mean()).exp()


@misconception(
    "perplexity", "mean of the rows", hint="Rows with fewer real tokens: should each of their tokens weigh more?"
)
def perplexity_per_row(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    if targets.dim() < 2:
        return _losses(logits, targets, ignore_index, "mean").exp()
    rows = [_losses(x, t, ignore_index, "mean").exp() for x, t in zip(logits, targets, strict=True)]
    return torch.stack(rows).nanmean()


@misconception("perplexity", "a number without a graph", hint="The value is right. Can anything be learned from it?")
def perplexity_detached(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    return _losses(logits, targets, ignore_index, "mean").exp().detach()
