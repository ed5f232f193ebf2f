"""Wrong windows and batches of lesson 01, beyond the named misconceptions: `WRONG[exercise]` lists them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.reference.language_models import language_model_windows, random_batches, sequential_batches

WRONG: dict[str, list[Any]] = {}


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        WRONG.setdefault(exercise_id, []).append(answer)


def _two(change: Callable[..., Any]) -> Any:
    return lambda ids, num_steps: change(*language_model_windows(ids, num_steps))


def _starting(first: int, second: int) -> Any:
    def windows(ids, num_steps):
        n = (len(ids) - 1 - max(first, second - 1)) // num_steps
        return tuple(ids[s : s + max(n, 0) * num_steps].reshape(-1, num_steps) for s in (first, second))

    return windows


def _unfolded(ids, num_steps):
    return ids[:-1].unfold(0, num_steps, num_steps), ids[1:].unfold(0, num_steps, num_steps)


among(
    "language_model_windows",
    swapped=_two(lambda x, y: (y, x)),
    only_inputs=_two(lambda x, y: x),
    stacked=_two(lambda x, y: torch.stack([x, y])),
    three=_two(lambda x, y: (x, y, x)),
    transposed=_two(lambda x, y: (x.T, y.T)),
    flat=_two(lambda x, y: (x.flatten(), y.flatten())),
    last_targets_only=_two(lambda x, y: (x, y[:, -1])),
    first_window_missing=_two(lambda x, y: (x[1:], y[1:])),
    at_least_one_window=_two(lambda x, y: (x, y) if len(x) else (x.new_zeros(1, x.shape[1]),) * 2),
    one_axis_when_empty=_two(lambda x, y: (x, y) if len(x) else (x.new_empty(0), y.new_empty(0))),
    reversed_windows=_two(lambda x, y: (x.flip(0), y.flip(0))),
    reversed_steps=_two(lambda x, y: (x.flip(1), y.flip(1))),
    squeezed=_two(lambda x, y: (x.squeeze(), y.squeeze())),
    always_int64=_two(lambda x, y: (x.long(), y.long())),
    floats=_two(lambda x, y: (x.float(), y.float())),
    lists=_two(lambda x, y: (x.tolist(), y.tolist())),
    two_ahead=_starting(0, 2),
    one_behind=_starting(1, 0),
    starts_at_one=_starting(1, 2),
    unfolded_without_a_guard=_unfolded,
    rounded=lambda ids, t: language_model_windows(ids[: max(round((len(ids) - 1) / t - 0.01), 0) * t], t),
    needs_two_more=lambda ids, t: language_model_windows(ids[:-1] if len(ids) > 1 else ids, t),
    at_most_eight=_two(lambda x, y: (x[:6], y[:6])),
    nothing=lambda ids, t: None,
)


def _overlap_by_one(ids, num_steps):
    """Windows of num_steps + 1 ids side by side, cut into inputs and targets."""
    n = len(ids) // (num_steps + 1)
    table = ids[: n * (num_steps + 1)].reshape(n, num_steps + 1)
    return table[:, :-1], table[:, 1:]


def _shifts_the_ids(ids, num_steps):
    found = tuple(x.clone() for x in language_model_windows(ids, num_steps))
    ids.copy_(ids.roll(1))
    return found


among("language_model_windows", side_by_side=_overlap_by_one, shifts_the_ids=_shifts_the_ids)


def _draw(high: int, generator: torch.Generator, low: int = 0) -> int:
    return int(torch.randint(low, high, (1,), generator=generator))


def _epoch(
    offset: Any = lambda t, g: _draw(t, g), order: Any = lambda n, b, g: torch.randperm(n, generator=g),
    change: Any = lambda x, y: (x, y),
) -> Any:
    """The reference with one part exchanged."""

    def batches(ids, num_steps, batch_size, generator):
        inputs, targets = language_model_windows(ids[offset(num_steps, generator) :], num_steps)
        rows = order(len(inputs), batch_size, generator)
        for i in range(len(inputs) // batch_size):
            chosen = rows[i * batch_size : (i + 1) * batch_size]
            yield change(inputs[chosen], targets[chosen])

    return batches


def _rotated(n, batch_size, generator):
    return torch.arange(n).roll(_draw(n, generator)) if n else torch.arange(0)


def _sorted_batches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    full = n // batch_size * batch_size
    return torch.cat([order[:full].reshape(-1, batch_size).sort(dim=1).values.flatten(), order[full:]])


def _buffered(size: int) -> Any:
    def order(n, batch_size, generator):
        left, found = list(range(n)), []
        while left:
            found.append(left.pop(_draw(min(size, len(left)), generator)))
        return torch.tensor(found, dtype=torch.int64)

    return order


def _swapped_neighbours(n, batch_size, generator):
    order = torch.arange(n)
    for i in range(0, n - 1, 2):
        if _draw(2, generator):
            order[i : i + 2] = order[i : i + 2].flip(0)
    return order


def _never_in_place(n, batch_size, generator):
    """Sattolo's shuffle: a single cycle, so that no window keeps its place."""
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = _draw(i, generator)
        order[i], order[j] = order[j], order[i]
    return torch.tensor(order, dtype=torch.int64)


def _first_stays(n, batch_size, generator):
    return torch.cat([torch.arange(min(n, 1)), 1 + torch.randperm(max(n - 1, 0), generator=generator)])


def _seeded_order(n, batch_size, generator):
    return torch.randperm(n, generator=torch.Generator().manual_seed(n))


def _python_order(n, batch_size, generator):
    return torch.tensor(random.sample(range(n), n), dtype=torch.int64)


def _numpy_order(n, batch_size, generator):
    return torch.from_numpy(np.random.permutation(n))


def _global_order(n, batch_size, generator):
    return torch.randperm(n)


def _batches_of_other(change: Callable[[list[Any]], Any]) -> Any:
    """Something done to the list of right batches."""
    return lambda ids, t, b, g: change(list(random_batches(ids, t, b, g)))


def _endless(ids, num_steps, batch_size, generator):
    found = list(random_batches(ids, num_steps, batch_size, generator))
    return itertools.cycle(found) if found else iter(())


def _seeds_globally(ids, num_steps, batch_size, generator):
    torch.manual_seed(generator.initial_seed())
    return list(random_batches(ids, num_steps, batch_size, generator))


def _cuts_the_end(ids, num_steps, batch_size, generator):
    """The offset is taken from the end: the windows always begin at 0."""
    offset = _draw(num_steps, generator)
    return random_windows(ids[: len(ids) - offset], num_steps, batch_size, generator)


def random_windows(ids, num_steps, batch_size, generator):
    inputs, targets = language_model_windows(ids, num_steps)
    order = torch.randperm(len(inputs), generator=generator)
    return [
        (inputs[rows], targets[rows])
        for rows in (order[i * batch_size : (i + 1) * batch_size] for i in range(len(inputs) // batch_size))
    ]


def _one_offset_each_row(ids, num_steps, batch_size, generator):
    for x, _ in random_windows(ids[: -num_steps + 1 or None], num_steps, batch_size, generator):
        shifts = torch.randint(num_steps, (len(x), 1), generator=generator)
        table = {int(i): k for k, i in enumerate(ids)}
        place = torch.tensor([[table[int(i)]] for i in x[:, 0]]) + shifts + torch.arange(num_steps)
        yield ids[place], ids[place + 1]


def _multiples(ids, num_steps, batch_size, generator):
    """The offset is a whole number of windows."""
    n = max((len(ids) - 1) // num_steps - 1, 1)
    return random_windows(ids[_draw(n, generator) * num_steps :], num_steps, batch_size, generator)


def _by_turns(t, generator):
    return (generator.initial_seed() + _draw(2**20, generator)) % max(t - 1, 1)


among(
    "random_batches",
    offset_never_zero=_epoch(offset=lambda t, g: _draw(t, g, low=min(1, t - 1))),
    offset_one_to_t=_epoch(offset=lambda t, g: _draw(t + 1, g, low=1)),
    offset_mostly_zero=_epoch(offset=lambda t, g: min(_draw(t, g), _draw(t, g))),
    offset_half=_epoch(offset=lambda t, g: _draw(t, g) // 2),
    offset_short=_epoch(offset=_by_turns),
    offset_rounded=_epoch(offset=lambda t, g: round(float(torch.rand(1, generator=g)) * (t - 1))),
    offset_python=_epoch(offset=lambda t, g: random.randrange(t)),
    offset_numpy=_epoch(offset=lambda t, g: int(np.random.randint(t))),
    offset_global=_epoch(offset=lambda t, g: int(torch.randint(t, (1,)))),
    offset_from_the_seed=_epoch(offset=lambda t, g: g.initial_seed() % t),
    order_python=_epoch(order=_python_order),
    order_numpy=_epoch(order=_numpy_order),
    order_global=_epoch(order=_global_order),
    order_fixed=_epoch(order=_seeded_order),
    reversed_order=_epoch(order=lambda n, b, g: torch.arange(n).flip(0)),
    rotated=_epoch(order=_rotated),
    sorted_in_each_batch=_epoch(order=_sorted_batches),
    buffer_of_two=_epoch(order=_buffered(2)),
    buffer_of_eight=_epoch(order=_buffered(8)),
    neighbours_swapped=_epoch(order=_swapped_neighbours),
    no_window_in_its_place=_epoch(order=_never_in_place),
    first_window_first=_epoch(order=_first_stays),
    one_window_twice=_epoch(order=lambda n, b, g: (r := torch.randperm(n, generator=g)).index_fill(
        0, torch.arange(min(n, 1)), int(r[-1]) if n else 0)),
    swapped=_epoch(change=lambda x, y: (y, x)),
    unshifted=_epoch(change=lambda x, y: (x, x)),
    rolled=_epoch(change=lambda x, y: (x, x.roll(-1, dims=1))),
    last_targets_only=_epoch(change=lambda x, y: (x, y[:, -1])),
    steps_first=_epoch(change=lambda x, y: (x.T, y.T)),
    always_int64=_epoch(change=lambda x, y: (x.long(), y.long())),
    floats=_epoch(change=lambda x, y: (x.double(), y.double())),
    inputs_only=_epoch(change=lambda x, y: x),
    dictionaries=_epoch(change=lambda x, y: {"inputs": x, "targets": y}),
    stacked=_epoch(change=lambda x, y: torch.stack([x, y])),
    flat=_epoch(change=lambda x, y: (x.flatten(), y.flatten())),
    lists=_epoch(change=lambda x, y: (x.tolist(), y.tolist())),
    targets_in_another_order=_epoch(change=lambda x, y: (x, y.flip(0))),
    one_batch_only=_batches_of_other(lambda found: found[:1]),
    two_batches_only=_batches_of_other(lambda found: found[:2]),
    without_the_first=_batches_of_other(lambda found: found[1:]),
    twice=_batches_of_other(lambda found: found + found),
    the_first_again=_batches_of_other(lambda found: found + found[:1]),
    joined=_batches_of_other(lambda found: tuple(map(torch.cat, zip(*found, strict=True))) if found else ()),
    nothing=_batches_of_other(lambda found: None),
    endless=_endless,
    seeds_globally=_seeds_globally,
    cuts_the_end=_cuts_the_end,
    an_offset_for_each_row=_one_offset_each_row,
    offset_in_windows=_multiples,
    sequential=lambda ids, t, b, g: sequential_batches(ids[_draw(t, g) :], t, b),
    seed_zero=lambda ids, t, b, g: random_batches(ids, t, b, torch.Generator().manual_seed(0)),
    at_least_one_batch=lambda ids, t, b, g: list(random_batches(ids, t, b, g)) or random_windows(ids, t, 1, g),
)


def _turns(change: Callable[[list[Any]], Any]) -> Any:
    return lambda ids, t, b: change(list(sequential_batches(ids, t, b)))


def _each(change: Callable[..., Any]) -> Any:
    return _turns(lambda found: [change(x, y) for x, y in found])


def _laid_out(rows: Any = lambda ids, b: (len(ids) - 1) // b, rest: bool = False) -> Any:
    def batches(ids, num_steps, batch_size):
        length = rows(ids, batch_size)
        x = ids[: batch_size * length].reshape(batch_size, length)
        y = ids[1:][: batch_size * length].reshape(batch_size, length)
        for s in range(0, length - num_steps + 1, num_steps):
            yield x[:, s : s + num_steps], y[:, s : s + num_steps]

    return batches


def _whole_windows_first(ids, num_steps, batch_size):
    """Rows of whole windows: L is cut to a multiple of num_steps before the rows are laid out."""
    return _laid_out(lambda ids, b: (len(ids) - 1) // b // num_steps * num_steps)(ids, num_steps, batch_size)


def _last_columns(ids, num_steps, batch_size):
    """The columns that are left over are dropped at the front."""
    length = (len(ids) - 1) // batch_size
    skip = length % num_steps
    x = ids[: batch_size * length].reshape(batch_size, length)[:, skip:]
    y = ids[1 : batch_size * length + 1].reshape(batch_size, length)[:, skip:]
    return [(x[:, s : s + num_steps], y[:, s : s + num_steps]) for s in range(0, length - skip, num_steps)]


def _end_of_the_text(ids, num_steps, batch_size):
    """The ids that are left over are dropped at the front."""
    length = (len(ids) - 1) // batch_size
    return sequential_batches(ids[len(ids) - 1 - batch_size * length :], num_steps, batch_size)


def _endless_rows(ids, num_steps, batch_size):
    found = list(sequential_batches(ids, num_steps, batch_size))
    return itertools.cycle(found) if found else iter(())


def _turns_the_ids(ids, num_steps, batch_size):
    found = [(x.clone(), y.clone()) for x, y in sequential_batches(ids, num_steps, batch_size)]
    ids.copy_(ids.flip(0))
    return found


def _one_buffer(ids, num_steps, batch_size):
    """Every batch is the same tensor, filled anew."""
    x, y = ids.new_empty(batch_size, num_steps), ids.new_empty(batch_size, num_steps)
    for inputs, targets in sequential_batches(ids, num_steps, batch_size):
        yield x.copy_(inputs), y.copy_(targets)


among(
    "sequential_batches",
    swapped=_each(lambda x, y: (y, x)),
    rolled_in_the_window=_each(lambda x, y: (x, x.roll(-1, dims=1))),
    last_targets_only=_each(lambda x, y: (x, y[:, -1:])),
    inputs_only=_each(lambda x, y: x),
    stacked=_each(lambda x, y: torch.stack([x, y])),
    three=_each(lambda x, y: (x, y, None)),
    always_int64=_each(lambda x, y: (x.long(), y.long())),
    rows_reversed=_each(lambda x, y: (x.flip(0), y.flip(0))),
    first_row_only=_each(lambda x, y: (x[:1], y[:1])),
    flat=_each(lambda x, y: (x.flatten(), y.flatten())),
    batches_reversed=_turns(lambda found: found[::-1]),
    without_the_first=_turns(lambda found: found[1:]),
    at_most_three=_turns(lambda found: found[:3]),
    every_second=_turns(lambda found: found[::2]),
    one_of_all=_turns(lambda found: tuple(map(torch.cat, zip(*found, strict=True)))),
    nothing=_turns(lambda found: None),
    twice=_turns(lambda found: found * 2),
    one_more_row=_laid_out(lambda ids, b: (len(ids) - 1) // (b + 1)),
    rounded_up=_laid_out(lambda ids, b: -(-(len(ids) - 1) // b)),
    long_rows=_laid_out(lambda ids, b: len(ids) // b),
    short_rows=_laid_out(lambda ids, b: (len(ids) - 2) // b),
    whole_windows_first=_whole_windows_first,
    last_columns=_last_columns,
    end_of_the_text=_end_of_the_text,
    endless=_endless_rows,
    turns_the_ids=_turns_the_ids,
    one_buffer=_one_buffer,
    as_if_one_row=lambda ids, t, b: [
        (x.reshape(b, t), y.reshape(b, t)) for x, y in sequential_batches(ids, t * b, 1)
    ],
    offset_by_one=lambda ids, t, b: sequential_batches(ids[1:], t, b),
    random=lambda ids, t, b: random_batches(ids, t, b, torch.Generator().manual_seed(0)),
)
