"""Wrong answers to lesson 03: batches of delayed recall, beyond the named misconceptions."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.reference.gru_lstm import delayed_recall_batch

WRONG: dict[str, list[Any]] = {}


def wrong(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a wrong answer."""

    def collect(answer: Any) -> Any:
        WRONG.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        wrong(exercise_id)(answer)


def _rows(targets, num_symbols, delay):
    inputs = torch.full((len(targets), delay + 2), num_symbols)
    inputs[:, 0], inputs[:, -1] = targets, num_symbols + 1
    return inputs, targets


def _drawn(draw):
    """The right form, with symbols that are drawn in another way: a function of (batch, num_symbols, generator)."""
    return lambda batch, k, delay, g: _rows(draw(batch, k, g).long(), k, delay)


def _changed(change):
    """The right batch, changed by a function of (inputs, targets, num_symbols, delay)."""
    return lambda batch, k, delay, g: change(*delayed_recall_batch(batch, k, delay, g), k, delay)


def _put(inputs, column, value):
    inputs = inputs.clone()
    inputs[:, column] = value
    return inputs


def _uniform(batch, k, g):
    return torch.randint(k, (batch,), generator=g)


def _walk(batch, k, g):
    steps = torch.randint(3, (batch,), generator=g) - 1
    return (steps.cumsum(0) + torch.randint(k, (1,), generator=g)) % k


among(
    "delayed_recall_batch",
    only_inputs=_changed(lambda x, y, k, d: x),
    only_targets=_changed(lambda x, y, k, d: y),
    exchanged=_changed(lambda x, y, k, d: (y, x)),
    three_results=_changed(lambda x, y, k, d: (x, y, d)),
    targets_as_a_column=_changed(lambda x, y, k, d: (x, y[:, None])),
    targets_one_hot=_changed(lambda x, y, k, d: (x, torch.nn.functional.one_hot(y, k))),
    targets_are_blanks=_changed(lambda x, y, k, d: (x, torch.full_like(y, k))),
    targets_are_cues=_changed(lambda x, y, k, d: (x, x[:, -1])),
    targets_of_the_row_before=_changed(lambda x, y, k, d: (x, y.roll(1))),
    targets_from_one=_changed(lambda x, y, k, d: (x, y + 1)),
    targets_int32=_changed(lambda x, y, k, d: (x, y.int())),
    targets_float=_changed(lambda x, y, k, d: (x, y.float())),
    inputs_int32=_changed(lambda x, y, k, d: (x.int(), y)),
    inputs_uint8=_changed(lambda x, y, k, d: (x.to(torch.uint8), y)),
    inputs_as_lists=_changed(lambda x, y, k, d: (x.tolist(), y)),
    inputs_time_first=_changed(lambda x, y, k, d: (x.T, y)),
    inputs_flat=_changed(lambda x, y, k, d: (x.flatten(), y)),
    inputs_one_hot=_changed(lambda x, y, k, d: (torch.nn.functional.one_hot(x, k + 2), y)),
    squeezed=_changed(lambda x, y, k, d: (x.squeeze(), y.squeeze())),
    squeezed_batch=_changed(lambda x, y, k, d: (x.squeeze(0), y)),
    two_cues=_changed(lambda x, y, k, d: (_put(x, -2, k + 1), y)),
    cue_first=_changed(lambda x, y, k, d: (x.roll(1, 1), y)),
    symbol_last=_changed(lambda x, y, k, d: (x.flip(1), y)),
    symbol_again_at_the_end=_changed(lambda x, y, k, d: (_put(x, -1, y), y)),
    symbol_all_the_way=_changed(lambda x, y, k, d: (_put(_put(x, slice(None), y[:, None]), -1, k + 1), y)),
    symbol_second=_changed(lambda x, y, k, d: (x[:, [1, 0, *range(2, d + 2)]], y)),
    blanks_of_zero=_changed(lambda x, y, k, d: (_put(x, slice(1, -1), 0), y)),
    blanks_of_minus_one=_changed(lambda x, y, k, d: (_put(x, slice(1, -1), -1), y)),
    one_blank_short=_changed(lambda x, y, k, d: (x[:, [0, *range(2, d + 2)]], y)),
    one_blank_more=_changed(lambda x, y, k, d: (x[:, [0, 0, *range(1, d + 2)]], y)),
    no_cue_and_shorter=_changed(lambda x, y, k, d: (x[:, :-1], y)),
    cue_two_above=_changed(lambda x, y, k, d: (_put(x, -1, k + 2), y)),
    cue_like_the_last_symbol=_changed(lambda x, y, k, d: (_put(x, -1, k - 1), y)),
    a_row_more=lambda b, k, d, g: delayed_recall_batch(b + 1, k, d, g),
    a_delay_of_one_at_least=lambda b, k, d, g: delayed_recall_batch(b, k, max(d, 1), g),
    a_delay_of_fifty_at_most=lambda b, k, d, g: delayed_recall_batch(b, k, min(d, 50), g),
    one_symbol_for_small_batches=_drawn(lambda b, k, g: _uniform(b, k, g) if b > 3 else _uniform(1, k, g).repeat(b)),
    always_zero=_drawn(lambda b, k, g: torch.zeros(b)),
    in_order=_drawn(lambda b, k, g: torch.arange(b) % k),
    in_order_from_a_random_one=_drawn(lambda b, k, g: (torch.arange(b) + _uniform(1, k, g)) % k),
    sorted_symbols=_drawn(lambda b, k, g: _uniform(b, k, g).sort().values),
    rounded=_drawn(lambda b, k, g: (torch.rand(b, generator=g) * (k - 1)).round()),
    normal=_drawn(lambda b, k, g: (torch.randn(b, generator=g) + k / 2).clamp(0, k - 1)),
    squared=_drawn(lambda b, k, g: torch.rand(b, generator=g).square() * k),
    truncated_towards_zero=_drawn(lambda b, k, g: (torch.rand(b, generator=g) * (k + 1) - 1).clamp(0, k - 1)),
    zero_more_often=_drawn(lambda b, k, g: torch.where(torch.rand(b, generator=g) < 0.15, 0, _uniform(b, k, g))),
    zero_less_often=_drawn(lambda b, k, g: torch.maximum(_uniform(b, k, g), (torch.rand(b, generator=g) < 0.5).long())),
    every_second_row_repeats=_drawn(lambda b, k, g: _uniform(b, k, g)[torch.arange(b) // 2 * 2]),
    halves_alike=_drawn(lambda b, k, g: _uniform(b, k, g)[torch.arange(b) % max(b // 2, 1)]),
    never_twice_in_a_row=_drawn(lambda b, k, g: (torch.randint(1, k, (b,), generator=g).cumsum(0)) % k),
    a_walk=_drawn(_walk),
    of_the_whole_pack=_drawn(lambda b, k, g: torch.arange(-(-b // k) * k)[torch.randperm(b, generator=g)] % k),
    own_generator=lambda b, k, d, g: delayed_recall_batch(b, k, d, torch.Generator().manual_seed(0)),
    own_generator_of_the_same_seed=lambda b, k, d, g: delayed_recall_batch(
        b, k, d, torch.Generator().manual_seed(g.initial_seed())),
    seeds_the_global_one=lambda b, k, d, g: (
        torch.manual_seed(g.initial_seed()), _rows(torch.randint(k, (b,)), k, d))[1],
    draws_from_both=_drawn(lambda b, k, g: (_uniform(b, k, g) + torch.randint(k, (b,))) % k),
    draws_from_the_global_one_too=_drawn(lambda b, k, g: _uniform(b, k, g) + 0 * torch.randint(k, (b,))),
    draws_from_numpy=_drawn(lambda b, k, g: torch.from_numpy(np.random.randint(0, k, b))),
    draws_from_python=_drawn(lambda b, k, g: torch.tensor([random.randrange(k) for _ in range(b)])),
    seeds_anew=lambda b, k, d, g: (g.seed(), delayed_recall_batch(b, k, d, g))[1],
    nothing=lambda *a: None,
)


@wrong("delayed_recall_batch")
def batch_kept(batch, num_symbols, delay, generator, kept={}):  # noqa: B006
    """Remembers the first batch of each size."""
    return kept.setdefault((batch, num_symbols, delay), delayed_recall_batch(batch, num_symbols, delay, generator))
