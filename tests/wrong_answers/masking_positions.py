"""Wrong positions of lesson 07, beyond the named misconceptions: `WRONG[exercise]` lists them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.misconceptions.masking_positions import _by_row, _exactly, _mended, _one_of, _ordinary, _rand
from autograder.reference import masking as right

WRONG: dict[str, list[Any]] = {}


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        WRONG.setdefault(exercise_id, []).append(answer)


def _drawn(numbers: Callable[..., Any]) -> Any:
    """Other numbers than independent ones, compared with the rate; rows left with none are mended as they should be."""

    def choose(ids, special_ids, rate, generator):
        ordinary = _ordinary(ids, special_ids)
        return _mended((numbers(ids, generator) < rate) & ordinary, ordinary, generator)

    return choose


def _rated(other: Callable[..., Any]) -> Any:
    """The right way with another rate."""
    return lambda ids, s, rate, g: _drawn(lambda i, g: _rand(i, g))(ids, s, other(rate, ids, s), g)


def _mending(mend: Callable[..., Any]) -> Any:
    """Independent draws, but rows left with none are treated in another way."""

    def choose(ids, special_ids, rate, generator):
        ordinary = _ordinary(ids, special_ids)
        chosen = (_rand(ids, generator) < rate) & ordinary
        return mend(chosen, ordinary, ids, generator)

    return choose


def _after(change: Callable[..., Any]) -> Any:
    """Something done to the right result."""
    return lambda ids, s, rate, g: change(right.choose_positions(ids, s, rate, g), ids, s, g)


def _lone(ordinary, place):
    return ordinary & (ordinary.cumsum(1) == place)


def _none(chosen):
    return ~chosen.any(1, keepdim=True)


def _last(chosen, ordinary, ids, generator):
    return chosen | (_lone(ordinary, ordinary.sum(1, keepdim=True)) & _none(chosen))


def _middle(chosen, ordinary, ids, generator):
    return chosen | (_lone(ordinary, (ordinary.sum(1, keepdim=True) + 1) // 2) & _none(chosen))


def _largest_id(chosen, ordinary, ids, generator):
    largest = ids.masked_fill(~ordinary, -1)
    return chosen | (ordinary & (largest == largest.amax(1, keepdim=True)) & _none(chosen))


def _from_all_places(chosen, ordinary, ids, generator):
    place = torch.randint(ids.shape[1], (len(ids), 1), generator=generator)
    return chosen.scatter(1, place, chosen.gather(1, place) | _none(chosen))


def _from_all_places_if_ordinary(chosen, ordinary, ids, generator):
    return _from_all_places(chosen, ordinary, ids, generator) & ordinary


def _first_or_last(chosen, ordinary, ids, generator):
    coin = torch.rand(len(ids), 1, generator=generator) < 0.5
    end = torch.where(coin, _lone(ordinary, 1), _lone(ordinary, ordinary.sum(1, keepdim=True)))
    return chosen | (end & _none(chosen))


def _never_the_last(chosen, ordinary, ids, generator):
    allowed = ordinary & ~(_lone(ordinary, ordinary.sum(1, keepdim=True)) & (ordinary.sum(1, keepdim=True) > 1))
    return chosen | (_one_of(allowed, generator) & _none(chosen))


def _one_place_for_all(chosen, ordinary, ids, generator):
    """All rows left with none get their token from one number."""
    number = torch.rand((), generator=generator)
    place = (number * ordinary.sum(1, keepdim=True)).long() + 1
    return chosen | (_lone(ordinary, place) & _none(chosen))


def _whole_row(chosen, ordinary, ids, generator):
    return chosen | (ordinary & _none(chosen))


def _two(chosen, ordinary, ids, generator):
    return chosen | (_exactly(ordinary, torch.full((len(ids),), 2), generator) & _none(chosen))


def _only_if_all_are_empty(chosen, ordinary, ids, generator):
    return chosen if chosen.any() else chosen | _one_of(ordinary, generator)


def _first_row_only(chosen, ordinary, ids, generator):
    extra = _one_of(ordinary, generator) & _none(chosen)
    return torch.cat([(chosen | extra)[:1], chosen[1:]])


def _nearest_to_the_rate(ids, special_ids, rate, generator):
    """A row left with none gets its smallest number, others lose their largest, so that the share is kept."""
    ordinary = _ordinary(ids, special_ids)
    chosen = _mended((_rand(ids, generator) < rate) & ordinary, ordinary, generator)
    full = chosen.sum(1) > rate * ordinary.sum(1) + 1
    return chosen & ~(_one_of(chosen, generator) & full[:, None])


def _by_type(ids, generator):
    return torch.rand(int(ids.max()) + 1, generator=generator)[ids]


def _by_pair(ids, generator):
    """Neighbours share a number."""
    numbers = _rand(ids, generator)
    return numbers[:, torch.arange(ids.shape[1]) // 2 * 2]


def _spread(ids, generator):
    """One number a row, stepped along it: chosen tokens keep apart."""
    start = torch.rand(len(ids), 1, generator=generator)
    return (start + 0.618034 * torch.arange(ids.shape[1])) % 1


def _stratified(ids, generator):
    """Every row's numbers are spread evenly over 0 … 1 and then shuffled."""
    order = _rand(ids, generator).argsort(1)
    return (order + torch.rand(len(ids), 1, generator=generator)) / ids.shape[1]


def _sorted(ids, generator):
    return _rand(ids, generator).sort(1).values


def _rows_by_two(ids, generator):
    numbers = _rand(ids, generator)
    return numbers[torch.arange(len(ids)) // 2]


def _mirrored_rows(ids, generator):
    """Every second row has the numbers of the row before, turned round."""
    numbers = _rand(ids, generator)
    numbers[1::2] = 1 - numbers[: len(numbers) // 2 * 2 : 2]
    return numbers


def _later_more_often(ids, generator):
    place = torch.linspace(1.4, 0.6, ids.shape[1])
    return _rand(ids, generator) * place


def _small_ids_more_often(ids, generator):
    return _rand(ids, generator) * torch.where(ids % 2 == 0, 1.5, 0.75)


def _gaussian(ids, generator):
    return torch.randn(ids.shape, generator=generator)


def _batch_share(ids, special_ids, rate, generator):
    ordinary = _ordinary(ids, special_ids)
    flat = ordinary.flatten()[None]
    chosen = _exactly(flat, (rate * flat.sum(1)).round(), generator).view(ids.shape)
    return _mended(chosen, ordinary, generator)


def _floor_of_row(ids, special_ids, rate, generator):
    ordinary = _ordinary(ids, special_ids)
    n = ordinary.sum(1)
    return _exactly(ordinary, (rate * n).floor().clamp(min=1).minimum(n), generator)


def _ceil_of_row(ids, special_ids, rate, generator):
    ordinary = _ordinary(ids, special_ids)
    n = ordinary.sum(1)
    return _exactly(ordinary, (rate * n).ceil().clamp(min=1).minimum(n), generator)


def _rounded_at_random(ids, special_ids, rate, generator):
    """A fixed share, its fraction decided by a coin: the mean is right, the spread is not."""
    ordinary = _ordinary(ids, special_ids)
    n = ordinary.sum(1)
    wanted = (rate * n + torch.rand(len(ids), generator=generator)).floor().clamp(min=1).minimum(n)
    return _exactly(ordinary, wanted, generator)


def _with_replacement(ids, special_ids, rate, generator):
    """As many draws of places as tokens are wanted; the same place may come twice."""
    ordinary = _ordinary(ids, special_ids)
    chosen = torch.zeros_like(ordinary)
    for i, row in enumerate(ordinary):
        if row.any():
            number = max(int(rate * int(row.sum())), 1)
            chosen[i, torch.multinomial(row.float(), number, replacement=True, generator=generator)] = True
    return chosen | (ordinary if rate == 1 else False)


def _reseeded(ids, special_ids, rate, generator):
    return right.choose_positions(ids, special_ids, rate, torch.Generator().manual_seed(generator.initial_seed()))


def _on_a_copy(ids, special_ids, rate, generator):
    copy = torch.Generator()
    copy.set_state(generator.get_state())
    return right.choose_positions(ids, special_ids, rate, copy)


def _fixed_seed(ids, special_ids, rate, generator):
    return right.choose_positions(ids, special_ids, rate, torch.Generator().manual_seed(0))


def _numpy(ids, special_ids, rate, generator):
    ordinary = _ordinary(ids, special_ids)
    return _mended(torch.from_numpy(np.random.random(ids.shape) < rate) & ordinary, ordinary, generator)


def _python(ids, special_ids, rate, generator):
    ordinary = _ordinary(ids, special_ids)
    drawn = torch.tensor([[random.random() < rate for _ in row] for row in ids.tolist()])
    return _mended(drawn & ordinary, ordinary, generator)


def _global_fallback(ids, special_ids, rate, generator):
    ordinary = _ordinary(ids, special_ids)
    chosen = (_rand(ids, generator) < rate) & ordinary
    return chosen | (_one_of(ordinary, None) & _none(chosen))


def _seeds_globally(ids, special_ids, rate, generator):
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    ordinary = _ordinary(ids, special_ids)
    return _mended((torch.rand(ids.shape) < rate) & ordinary, ordinary, generator)


def _marks_the_ids(ids, special_ids, rate, generator):
    chosen = right.choose_positions(ids, special_ids, rate, generator)
    ids[chosen] = -1
    return chosen


def _grows_the_specials(ids, special_ids, rate, generator):
    chosen = right.choose_positions(ids, special_ids, rate, generator)
    special_ids.append(-100)
    return chosen


def _specials_by_largest(ids, special_ids, rate, generator):
    """Right where the specials are the first ids."""
    return right.choose_positions(ids, list(range(max(special_ids) + 1)), rate, generator)


def _no_extra_for_all_special_row(ids, special_ids, rate, generator):
    chosen = right.choose_positions(ids, special_ids, rate, generator)
    empty = ~chosen.any(1)
    chosen[empty, 0] = True
    return chosen


def _viewed(ids, special_ids, rate, generator):
    return right.choose_positions(ids.view(-1).view(ids.shape), special_ids, rate, generator)


def _squeezed(ids, special_ids, rate, generator):
    return right.choose_positions(ids, special_ids, rate, generator).squeeze()


among(
    "choose_positions",
    last=_mending(_last), middle=_mending(_middle), largest_id=_mending(_largest_id),
    from_all_places=_mending(_from_all_places), from_all_places_if_ordinary=_mending(_from_all_places_if_ordinary),
    first_or_last=_mending(_first_or_last), never_the_last=_mending(_never_the_last),
    one_place_for_all=_mending(_one_place_for_all), whole_row=_mending(_whole_row), two=_mending(_two),
    only_if_all_are_empty=_mending(_only_if_all_are_empty), first_row_only=_mending(_first_row_only),
    nearest_to_the_rate=_nearest_to_the_rate,
    by_type=_drawn(_by_type), by_pair=_drawn(_by_pair), spread=_drawn(_spread), stratified=_drawn(_stratified),
    sorted_=_drawn(_sorted), rows_by_two=_drawn(_rows_by_two), mirrored_rows=_drawn(_mirrored_rows),
    later_more_often=_drawn(_later_more_often), small_ids_more_often=_drawn(_small_ids_more_often),
    gaussian=_drawn(_gaussian),
    half_the_rate=_rated(lambda r, ids, s: r / 2), squared_rate=_rated(lambda r, ids, s: r**2),
    rate_over_the_ordinary_share=_rated(lambda r, ids, s: r / (~torch.isin(ids, torch.tensor(s))).double().mean()),
    always_fifteen_percent=_rated(lambda r, ids, s: 0.15), always_half=_rated(lambda r, ids, s: 0.5),
    batch_share=_batch_share, floor_of_row=_floor_of_row, ceil_of_row=_ceil_of_row,
    rounded_at_random=_rounded_at_random, with_replacement=_with_replacement,
    reseeded=_reseeded, on_a_copy=_on_a_copy, fixed_seed=_fixed_seed, numpy_=_numpy, python_=_python,
    global_fallback=_global_fallback, seeds_globally=_seeds_globally,
    marks_the_ids=_marks_the_ids, grows_the_specials=_grows_the_specials, specials_by_largest=_specials_by_largest,
    no_row_without=_no_extra_for_all_special_row, viewed=_viewed, squeezed=_squeezed,
    first_special_only=lambda ids, s, r, g: right.choose_positions(ids, s[:1], r, g),
    all_but_the_last_special=lambda ids, s, r, g: right.choose_positions(ids, s[:-1], r, g),
    padding_only=lambda ids, s, r, g: right.choose_positions(ids, [0], r, g),
    not_chosen=_after(lambda c, ids, s, g: ~c), integers=_after(lambda c, ids, s, g: c.long()),
    floats=_after(lambda c, ids, s, g: c.float()), positions=_after(lambda c, ids, s, g: c.nonzero()),
    chosen_ids=_after(lambda c, ids, s, g: ids[c]), transposed=_after(lambda c, ids, s, g: c.T),
    flat=_after(lambda c, ids, s, g: c.flatten()), a_list=_after(lambda c, ids, s, g: c.tolist()),
    moved=_after(lambda c, ids, s, g: c.roll(1, 1) & _ordinary(ids, s)),
    at_most_two=_after(lambda c, ids, s, g: c & (c.cumsum(1) <= 2)),
    at_most_one=_after(lambda c, ids, s, g: c & (c.cumsum(1) <= 1)),
    no_neighbours=_after(lambda c, ids, s, g: c & ~torch.cat([torch.zeros_like(c[:, :1]), c[:, :-1]], 1)),
    nothing=lambda ids, s, r, g: None,
)


def _words(change: Callable[..., Any]) -> Any:
    return lambda word_ids, rate, g: change(right.whole_word_positions(word_ids, rate, g), word_ids, rate, g)


def _table(numbers: Callable[..., Any]) -> Any:
    """A table of numbers (rows, words) instead of independent ones."""

    def choose(word_ids, rate, generator):
        drawn = numbers((len(word_ids), int(word_ids.max().clamp(min=0)) + 1), generator) < rate
        return drawn.gather(1, word_ids.clamp(min=0)) & (word_ids >= 0)

    return choose


def _all_pieces(word_ids, rate, generator):
    drawn = (_rand(word_ids, generator) < rate) & (word_ids >= 0)
    same = word_ids[:, :, None] == word_ids[:, None, :]
    return (~same | drawn[:, None, :]).all(2) & (word_ids >= 0)


def _most_pieces(word_ids, rate, generator):
    drawn = (_rand(word_ids, generator) < rate) & (word_ids >= 0)
    same = (word_ids[:, :, None] == word_ids[:, None, :]).double()
    return (same * drawn[:, None, :]).sum(2) > 0.5 * same.sum(2)


def _last_piece_only(word_ids, rate, generator):
    ahead = torch.cat([word_ids[:, 1:], torch.full_like(word_ids[:, :1], -1)], dim=1)
    return right.whole_word_positions(word_ids, rate, generator) & (word_ids != ahead)


def _two_pieces_at_most(word_ids, rate, generator):
    found = right.whole_word_positions(word_ids, rate, generator)
    before = torch.cat([torch.full_like(word_ids[:, :2], -1), word_ids[:, :-2]], dim=1)
    return found & (word_ids != before)


def _number_of_words(rounded: Callable[[float], int]) -> Any:
    def choose(word_ids, rate, generator):
        def some(numbers):
            order = torch.randperm(len(numbers), generator=generator).tolist()
            return {numbers[i] for i in order[: rounded(rate * len(numbers))]}

        return _by_row(word_ids, some)

    return choose


def _until_enough_pieces(word_ids, rate, generator):
    """Words are taken as long as they fit into the share of pieces."""

    def choose(row):
        numbers = [n for n in dict.fromkeys(row) if n >= 0]
        room, found = round(rate * sum(n >= 0 for n in row)), set()
        for i in torch.randperm(len(numbers), generator=generator).tolist():
            if row.count(numbers[i]) <= room:
                room -= row.count(numbers[i])
                found.add(numbers[i])
        return found

    return torch.tensor([[n in choose(row) for n in row] for row in word_ids.tolist()])


def _longer_words_first(word_ids, rate, generator):
    pieces = (word_ids[:, :, None] == word_ids[:, None, :]).sum(2).double()
    drawn = torch.rand(len(word_ids), int(word_ids.max().clamp(min=0)) + 1, generator=generator)
    return (drawn.gather(1, word_ids.clamp(min=0)) < rate * pieces / pieces.mean()) & (word_ids >= 0)


def _words_by_turns(word_ids, rate, generator):
    """Words are numbered over the whole batch, by cumsum, and that number is looked up in one row's table."""
    drawn = torch.rand(int(word_ids.max().clamp(min=0)) + 2, generator=generator) < rate
    return drawn[(word_ids + torch.arange(len(word_ids))[:, None] % 2).clamp(min=0)] & (word_ids >= 0)


def _contiguous_numbers(word_ids, rate, generator):
    """Expects the words of a row to be numbered 0, 1, 2, …"""
    n = [len(set(row) - {-1}) for row in word_ids.tolist()]
    drawn = torch.rand(len(word_ids), max([*n, 1]), generator=generator) < rate
    return torch.tensor([
        [0 <= w < n[i] and bool(drawn[i, w]) for w in row] for i, row in enumerate(word_ids.tolist())
    ])


def _word_zero_never(word_ids, rate, generator):
    return right.whole_word_positions(word_ids, rate, generator) & (word_ids > 0)


def _word_copy(word_ids, rate, generator):
    return right.whole_word_positions(word_ids, rate, torch.Generator().manual_seed(generator.initial_seed()))


def _word_global(word_ids, rate, generator):
    return right.whole_word_positions(word_ids, rate, torch.default_generator)


def _word_marks(word_ids, rate, generator):
    found = right.whole_word_positions(word_ids, rate, generator)
    word_ids[found] = -1
    return found


def _mended_words(word_ids, rate, generator):
    chosen = right.whole_word_positions(word_ids, rate, generator)
    first = _by_row(word_ids, lambda numbers: set(numbers[:1]))
    return chosen | (first & ~chosen.any(1, keepdim=True))


def _drawn_again(word_ids, rate, generator):
    chosen = right.whole_word_positions(word_ids, rate, generator)
    for _ in range(50 if rate else 0):
        chosen = torch.where(chosen.any(1, keepdim=True), chosen, right.whole_word_positions(word_ids, rate, generator))
    return chosen


among(
    "whole_word_positions",
    all_pieces=_all_pieces, most_pieces=_most_pieces, last_piece_only=_last_piece_only,
    two_pieces_at_most=_two_pieces_at_most,
    rounded_number=_number_of_words(round), floor_number=_number_of_words(int),
    at_least_one=_number_of_words(lambda x: max(round(x), 1)),
    until_enough_pieces=_until_enough_pieces, longer_words_first=_longer_words_first,
    every_second_row_shared=_words_by_turns, contiguous_numbers=_contiguous_numbers, word_zero_never=_word_zero_never,
    mended=_mended_words, drawn_again=_drawn_again,
    copied_generator=_word_copy, global_generator=_word_global, marks_the_words=_word_marks,
    one_for_a_row=_table(lambda size, g: torch.rand(size[0], 1, generator=g).expand(size)),
    one_for_a_column=_table(lambda size, g: torch.rand(1, size[1], generator=g).expand(size)),
    one_for_all=_table(lambda size, g: torch.rand(1, 1, generator=g).expand(size)),
    sorted_numbers=_table(lambda size, g: torch.rand(size, generator=g).sort(1).values),
    squared_numbers=_table(lambda size, g: torch.rand(size, generator=g) ** 2),
    gaussian_numbers=_table(lambda size, g: torch.randn(size, generator=g)),
    two_rows_shared=_table(lambda size, g: torch.rand(size, generator=g)[torch.arange(size[0]) // 2]),
    neighbours_shared=_table(lambda size, g: torch.rand(size, generator=g)[:, torch.arange(size[1]) // 2]),
    fifteen_percent=lambda w, r, g: right.whole_word_positions(w, 0.15, g),
    rate_of_rows=lambda w, r, g: (torch.rand(len(w), 1, generator=g) < r) & (w >= 0),
    not_chosen=_words(lambda c, w, r, g: ~c & (w >= 0)), with_specials=_words(lambda c, w, r, g: c | (w < 0)),
    integers=_words(lambda c, w, r, g: c.int()), chosen_words=_words(lambda c, w, r, g: w[c]),
    squeezed=_words(lambda c, w, r, g: c.squeeze()), transposed=_words(lambda c, w, r, g: c.T),
    a_list=_words(lambda c, w, r, g: c.tolist()),
    viewed=lambda w, r, g: right.whole_word_positions(w.view(-1).view(w.shape), r, g),
    at_most_one_word=_words(lambda c, w, r, g: c & (w == w.masked_fill(~c, 10**6).amin(1, keepdim=True))),
    nothing=lambda w, r, g: None,
)


def _dynamic(change: Callable[..., Any]) -> Any:
    return lambda ids, s, r, n, g: change(right.dynamic_masks(ids, s, r, n, g), ids, s, r, g)


def _from_one(step: Callable[..., Any]) -> Any:
    """Each epoch made of the one before."""

    def masks(ids, special_ids, rate, num_epochs, generator):
        ordinary = _ordinary(ids, special_ids)
        found = [right.choose_positions(ids, special_ids, rate, generator)]
        while len(found) < num_epochs:
            found.append(_mended(step(found[-1], ordinary, generator) & ordinary, ordinary, generator))
        return torch.stack(found)

    return masks


def _permuted_in_rows(before, ordinary, generator):
    """As many as before in each row, at other places."""
    return _exactly(ordinary, before.sum(1), generator)


def _some_drawn_anew(share: float) -> Any:
    def step(before, ordinary, generator):
        anew = torch.rand(before.shape, generator=generator) < share
        return torch.where(anew, torch.rand(before.shape, generator=generator) < before.double().mean(), before)

    return step


def _by(choose: str) -> Any:
    """Epoch by epoch with a wrong `choose_positions`."""

    def masks(ids, special_ids, rate, num_epochs, generator):
        wrong = next(f for f in WRONG["choose_positions"] if f.__name__ == choose)
        return torch.stack([wrong(ids, special_ids, rate, generator) for _ in range(num_epochs)])

    return masks


def _shared_numbers(ids, special_ids, rate, num_epochs, generator):
    """One table of numbers; each epoch takes the next slice of 0 … 1."""
    ordinary, numbers = _ordinary(ids, special_ids), _rand(ids, generator)
    found = [((numbers - e * rate) % 1 < rate) & ordinary for e in range(num_epochs)]
    return torch.stack([_mended(one, ordinary, generator) for one in found])


def _mended_once(ids, special_ids, rate, num_epochs, generator):
    ordinary = _ordinary(ids, special_ids)
    chosen = (torch.rand(num_epochs, *ids.shape, generator=generator) < rate) & ordinary
    chosen[0] |= _one_of(ordinary, generator) & ~chosen.any(0).any(1, keepdim=True)
    return chosen


def _same_spare(ids, special_ids, rate, num_epochs, generator):
    """Independent draws; the one that is added is the same in every epoch."""
    ordinary = _ordinary(ids, special_ids)
    chosen = (torch.rand(num_epochs, *ids.shape, generator=generator) < rate) & ordinary
    return chosen | (_one_of(ordinary, generator) & ~chosen.any(2, keepdim=True))


def _reseeds(ids, special_ids, rate, num_epochs, generator):
    masks = []
    for _ in range(num_epochs):
        generator.manual_seed(generator.initial_seed())
        masks.append(right.choose_positions(ids, special_ids, rate, generator))
    return torch.stack(masks)


def _seed_plus_epoch(ids, special_ids, rate, num_epochs, generator):
    seeds = [generator.initial_seed() + e for e in range(num_epochs)]
    generators = [torch.Generator().manual_seed(s) for s in seeds]
    return torch.stack([right.choose_positions(ids, special_ids, rate, g) for g in generators])


def _globally(ids, special_ids, rate, num_epochs, generator):
    return right.dynamic_masks(ids, special_ids, rate, num_epochs, torch.default_generator)


def _masks_in_place(ids, special_ids, rate, num_epochs, generator):
    found = right.dynamic_masks(ids, special_ids, rate, num_epochs, generator)
    ids[found[0]] = special_ids[-1]
    return found


def _last_is_the_first(ids, special_ids, rate, num_epochs, generator):
    found = right.dynamic_masks(ids, special_ids, rate, num_epochs, generator)
    found[-1] = found[0]
    return found


def _alternating(ids, special_ids, rate, num_epochs, generator):
    found = right.dynamic_masks(ids, special_ids, rate, num_epochs, generator)
    return found[torch.arange(num_epochs) % 2]


among(
    "dynamic_masks",
    permuted_in_rows=_from_one(_permuted_in_rows),
    rows_moved_down=_from_one(lambda b, o, g: b.roll(1, 0)), moved_back=_from_one(lambda b, o, g: b.roll(-1, 1)),
    moved_to_the_right=_from_one(lambda b, o, g: b.roll(1, 1)), turned_round=_from_one(lambda b, o, g: b.flip(1)),
    the_others=_from_one(lambda b, o, g: ~b), half_drawn_anew=_from_one(_some_drawn_anew(0.5)),
    a_tenth_drawn_anew=_from_one(_some_drawn_anew(0.1)),
    never_again=_from_one(lambda b, o, g: ~b & (torch.rand(b.shape, generator=g) < 0.3)),
    last_fallback=_by("last"), fixed_share=_by("floor_of_row"), whole_row=_by("whole_row"),
    shared_rows=_by("rows_by_two"),
    by_type=_by("by_type"), squared_rate=_by("squared_rate"), half_the_rate=_by("half_the_rate"),
    shared_numbers=_shared_numbers, mended_once=_mended_once, same_spare=_same_spare, reseeds=_reseeds,
    seed_plus_epoch=_seed_plus_epoch, globally=_globally, masks_in_place=_masks_in_place,
    last_is_the_first=_last_is_the_first, alternating=_alternating,
    one_more_epoch=lambda ids, s, r, n, g: right.dynamic_masks(ids, s, r, n + 1, g),
    first_epoch_only=_dynamic(lambda m, ids, s, r, g: m[:1]), no_epochs_axis=_dynamic(lambda m, ids, s, r, g: m[0]),
    flat=_dynamic(lambda m, ids, s, r, g: m.flatten(0, 1)), squeezed=_dynamic(lambda m, ids, s, r, g: m.squeeze()),
    epochs_last=_dynamic(lambda m, ids, s, r, g: m.permute(1, 2, 0)), a_list=_dynamic(lambda m, ids, s, r, g: list(m)),
    integers=_dynamic(lambda m, ids, s, r, g: m.long()), inverted=_dynamic(lambda m, ids, s, r, g: ~m),
    with_specials=_dynamic(lambda m, ids, s, r, g: m | torch.isin(ids, torch.tensor(s))),
    rate_over_epochs=lambda ids, s, r, n, g: right.dynamic_masks(ids, s, r / n if n > 1 else r, n, g),
    growing_rate=lambda ids, s, r, n, g: torch.stack([
        right.choose_positions(ids, s, r * (0.5 + e / max(n - 1, 1)), g) for e in range(n)
    ]),
    viewed=lambda ids, s, r, n, g: right.dynamic_masks(ids.view(-1).view(ids.shape), s, r, n, g),
    nothing=lambda ids, s, r, n, g: None,
)
