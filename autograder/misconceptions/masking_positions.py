"""Named wrong answers to lesson 07: positions drawn at random."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from autograder.exercise import misconception
from autograder.reference import masking as right


def _ordinary(ids: Tensor, special_ids: list[int]) -> Tensor:
    return ~torch.isin(ids, torch.tensor(special_ids, device=ids.device))


def _rand(like: Tensor, generator: Generator | None) -> Tensor:
    return torch.rand(like.shape, generator=generator, device=like.device)


def _one_of(allowed: Tensor, generator: Generator) -> Tensor:
    """One True in each row, uniformly among those allowed; none where none is."""
    numbers = _rand(allowed, generator).masked_fill(~allowed, 2.0)
    return allowed & (numbers == numbers.amin(1, keepdim=True))


def _mended(chosen: Tensor, ordinary: Tensor, generator: Generator) -> Tensor:
    return chosen | (_one_of(ordinary, generator) & ~chosen.any(1, keepdim=True))


def _exactly(ordinary: Tensor, counts: Tensor, generator: Generator) -> Tensor:
    """So many ordinary tokens of each row, all sets of them alike."""
    numbers = _rand(ordinary, generator).masked_fill(~ordinary, 2.0)
    return ordinary & (numbers.argsort(1).argsort(1) < counts[:, None])


# choose_positions


@misconception(
    "choose_positions", "a row left with none", hint="Take a short row and a small rate. Is one always chosen?"
)
def choose_unmended(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    return (_rand(ids, generator) < rate) & _ordinary(ids, special_ids)


@misconception("choose_positions", "specials chosen", hint="Should a model ever have to guess `[CLS]` or padding?")
def choose_specials(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    return _mended(_rand(ids, generator) < rate, _ordinary(ids, special_ids), generator)


@misconception(
    "choose_positions", "a fixed number per row", hint="Draw one row ten times. Does it always get as many? Should it?"
)
def choose_fixed_number(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    n = ordinary.sum(1)
    return _exactly(ordinary, (rate * n).round().clamp(min=1).minimum(n), generator)


@misconception(
    "choose_positions", "a share of all tokens", hint="Which tokens does the rate speak of? Is padding one of them?"
)
def choose_share_of_all(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    wanted = max(1, round(rate * ids.shape[1]))
    return _exactly(ordinary, ordinary.sum(1).clamp(max=wanted), generator)


@misconception(
    "choose_positions", "one draw for all rows", hint="Print the result for a batch: how do its rows differ?"
)
def choose_shared(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    numbers = torch.rand(ids.shape[1], generator=generator, device=ids.device)
    return _mended((numbers < rate) & ordinary, ordinary, generator)


@misconception("choose_positions", "one draw for a row", hint="Can a row have some of its tokens chosen, and some not?")
def choose_whole_rows(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    numbers = torch.rand(len(ids), 1, generator=generator, device=ids.device)
    return _mended((numbers < rate) & ordinary, ordinary, generator)


@misconception(
    "choose_positions", "always the first", hint="A row is left with none: which of its tokens gets chosen, every time?"
)
def choose_first(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    chosen = (_rand(ids, generator) < rate) & ordinary
    first = ordinary & (ordinary.cumsum(1) == 1)
    return chosen | (first & ~chosen.any(1, keepdim=True))


@misconception("choose_positions", "one more for every row", hint="Which rows get one in addition? Try a rate of 0.9.")
def choose_one_more(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    return ((_rand(ids, generator) < rate) & ordinary) | _one_of(ordinary, generator)


@misconception(
    "choose_positions", "drawn until it fits", hint="Drawing a row again gives it two tokens more often. Should it?"
)
def choose_again(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    chosen = (_rand(ids, generator) < rate) & ordinary
    for _ in range(100 if rate > 0 else 0):
        empty = ~chosen.any(1, keepdim=True)
        chosen |= empty & ordinary & (_rand(ids, generator) < rate)
    return _mended(chosen, ordinary, generator)


@misconception("choose_positions", "the rate the wrong way", hint="Give a rate of 1. Is every ordinary token chosen?")
def choose_inverted(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    return _mended((_rand(ids, generator) > rate) & ordinary, ordinary, generator)


@misconception(
    "choose_positions", "the generator unused", hint="Where do your random numbers come from?"
)
def choose_global(ids: Tensor, special_ids: list[int], rate: float, generator: Generator) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    return _mended((_rand(ids, None) < rate) & ordinary, ordinary, generator)


# whole_word_positions


def _by_row(word_ids: Tensor, of_row: Callable[[list[int]], set[int]]) -> Tensor:
    """True at the words that `of_row` gives for each row's list of words."""
    rows = []
    for row in word_ids.tolist():
        found = of_row(list(dict.fromkeys(number for number in row if number >= 0)))
        rows.append([number in found for number in row])
    return torch.tensor(rows, device=word_ids.device).reshape(word_ids.shape)


@misconception("whole_word_positions", "piece by piece", hint="Look at one word of three pieces. Are all three chosen?")
def words_by_piece(word_ids: Tensor, rate: float, generator: Generator) -> Tensor:
    return (_rand(word_ids, generator) < rate) & (word_ids >= 0)


@misconception(
    "whole_word_positions", "any piece is enough", hint="Is a word of five pieces chosen more often than one of one?"
)
def words_by_any_piece(word_ids: Tensor, rate: float, generator: Generator) -> Tensor:
    drawn = words_by_piece(word_ids, rate, generator)
    same = word_ids[:, :, None] == word_ids[:, None, :]
    found: Tensor = (same & drawn[:, None, :]).any(2)
    return found


@misconception(
    "whole_word_positions", "one draw for a number", hint="Word 0 of the first row and word 0 of the second: one word?"
)
def words_by_number(word_ids: Tensor, rate: float, generator: Generator) -> Tensor:
    drawn = torch.rand(int(word_ids.max()) + 2, generator=generator, device=word_ids.device) < rate
    return drawn[word_ids] & (word_ids >= 0)


@misconception(
    "whole_word_positions", "-1 is a word", hint="What does -1 say about a position? Look at the end of a row."
)
def words_with_specials(word_ids: Tensor, rate: float, generator: Generator) -> Tensor:
    numbers = torch.rand(len(word_ids), int(word_ids.max()) + 2, generator=generator, device=word_ids.device)
    return numbers.gather(1, word_ids + 1) < rate


@misconception(
    "whole_word_positions", "a fixed number of words", hint="Draw one row ten times: does its number of words vary?"
)
def words_fixed_number(word_ids: Tensor, rate: float, generator: Generator) -> Tensor:
    def some(numbers: list[int]) -> set[int]:
        order = torch.randperm(len(numbers), generator=generator, device=word_ids.device).tolist()
        return {numbers[i] for i in order[: round(rate * len(numbers))]}

    return _by_row(word_ids, some)


@misconception("whole_word_positions", "a row must have one", hint="May a row be left without a chosen word, here?")
def words_mended(word_ids: Tensor, rate: float, generator: Generator) -> Tensor:
    chosen = right.whole_word_positions(word_ids, rate, generator)

    def one(numbers: list[int]) -> set[int]:
        return {numbers[int(torch.randint(len(numbers), (1,), generator=generator))]} if numbers else set()

    return chosen | (_by_row(word_ids, one) & ~chosen.any(1, keepdim=True))


@misconception("whole_word_positions", "a share of the pieces", hint="Does the rate count words, or pieces of words?")
def words_by_budget(word_ids: Tensor, rate: float, generator: Generator) -> Tensor:
    drawn = torch.zeros_like(word_ids, dtype=torch.bool)
    for i, row in enumerate(word_ids):
        numbers = row[row >= 0].unique()
        order = torch.randperm(len(numbers), generator=generator, device=word_ids.device)
        for number in numbers[order]:
            if drawn[i].sum() < rate * (row >= 0).sum():
                drawn[i] |= row == number
    return drawn


@misconception(
    "whole_word_positions", "the first piece only", hint="The first piece is hidden, the rest is there. Easy to guess?"
)
def words_first_piece(word_ids: Tensor, rate: float, generator: Generator) -> Tensor:
    behind = torch.cat([torch.full_like(word_ids[:, :1], -1), word_ids[:, :-1]], dim=1)
    return right.whole_word_positions(word_ids, rate, generator) & (word_ids != behind)


# dynamic_masks


@misconception(
    "dynamic_masks", "one mask for all epochs", hint="Compare the masks of two epochs. What is dynamic about them?"
)
def dynamic_static(
    ids: Tensor, special_ids: list[int], rate: float, num_epochs: int, generator: Generator
) -> Tensor:
    return right.choose_positions(ids, special_ids, rate, generator).expand(num_epochs, *ids.shape).clone()


@misconception(
    "dynamic_masks", "one mask that moves", hint="Write two epochs side by side. Can you foresee the second?"
)
def dynamic_moving(
    ids: Tensor, special_ids: list[int], rate: float, num_epochs: int, generator: Generator
) -> Tensor:
    ordinary = _ordinary(ids, special_ids)
    chosen = _rand(ids, generator) < rate
    moved = [chosen.roll(epoch, 1) & ordinary for epoch in range(num_epochs)]
    return torch.stack([_mended(one, ordinary, generator) for one in moved])


@misconception("dynamic_masks", "a few masks by turns", hint="How many different masks does a long training run see?")
def dynamic_by_turns(
    ids: Tensor, special_ids: list[int], rate: float, num_epochs: int, generator: Generator
) -> Tensor:
    masks = right.dynamic_masks(ids, special_ids, rate, min(num_epochs, 10), generator)
    return masks[torch.arange(num_epochs, device=ids.device) % 10]


@misconception("dynamic_masks", "no token twice", hint="May a token be chosen in two epochs in a row? How often?")
def dynamic_partition(
    ids: Tensor, special_ids: list[int], rate: float, num_epochs: int, generator: Generator
) -> Tensor:
    ordinary, masks = _ordinary(ids, special_ids), []
    before = torch.zeros_like(ordinary)
    for _ in range(num_epochs):
        before = _mended((_rand(ids, generator) < rate) & ordinary & ~before, ordinary, generator)
        masks.append(before)
    return torch.stack(masks)


@misconception(
    "dynamic_masks", "epochs behind the batch", hint="Print the shape of the result. Which axis comes first?"
)
def dynamic_last_axis(
    ids: Tensor, special_ids: list[int], rate: float, num_epochs: int, generator: Generator
) -> Tensor:
    return right.dynamic_masks(ids, special_ids, rate, num_epochs, generator).transpose(0, 1)


@misconception("dynamic_masks", "a row left with none", hint="In each epoch, does each row have a chosen token?")
def dynamic_unmended(
    ids: Tensor, special_ids: list[int], rate: float, num_epochs: int, generator: Generator
) -> Tensor:
    numbers = torch.rand(num_epochs, *ids.shape, generator=generator, device=ids.device)
    return (numbers < rate) & _ordinary(ids, special_ids)
