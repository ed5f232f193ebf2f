"""Right answers to lesson 07 in several styles: positions drawn at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("choose_positions")
def choose_multinomial(ids, special_ids, rate, generator):
    """One multinomial draw for each row that is left with none."""
    ordinary = torch.ones_like(ids, dtype=torch.bool)
    for special in special_ids:
        ordinary &= ids != special
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ordinary
    for i in range(len(ids)):
        if ordinary[i].any() and not chosen[i].any():
            chosen[i, torch.multinomial(ordinary[i].float(), 1, generator=generator)] = True
    return chosen


@right("choose_positions")
def choose_token_by_token(ids, special_ids, rate, generator):
    chosen = torch.zeros(ids.shape, dtype=torch.bool)
    for i, row in enumerate(ids.tolist()):
        places = [j for j, token in enumerate(row) if token not in special_ids]
        for j in places:
            chosen[i, j] = bool(torch.rand((), generator=generator) < rate)
        if places and not chosen[i].any():
            chosen[i, places[int(torch.randint(len(places), (1,), generator=generator))]] = True
    return chosen


@right("choose_positions")
def choose_bernoulli(ids, special_ids, rate, generator):
    """Bernoulli draws at specials with probability 0; the one that is added comes from a random order."""
    ordinary = ~(ids[..., None] == torch.tensor(special_ids, device=ids.device)).any(-1)
    chosen = torch.bernoulli(ordinary.double() * rate, generator=generator).bool()
    for i in torch.arange(len(ids))[~chosen.any(1)].tolist():
        places = ordinary[i].nonzero()[:, 0]
        if len(places):
            chosen[i, places[torch.randperm(len(places), generator=generator)[0]]] = True
    return chosen


@right("choose_positions")
def choose_fallback_first(ids, special_ids, rate, generator):
    """The one to be added is drawn for every row beforehand, and used where it is needed."""
    ordinary = torch.from_numpy(~np.isin(ids.numpy(), special_ids))
    spare = torch.multinomial(ordinary.double() + 1e-12, 1, generator=generator)
    chosen = ordinary & (torch.rand(ids.size(), dtype=torch.float64, generator=generator) < rate)
    need = ordinary.any(1) & ~chosen.any(1)
    return chosen.scatter(1, spare, chosen.gather(1, spare) | need[:, None])


@right("choose_positions")
def choose_binomial(ids, special_ids, rate, generator):
    """The number first, from a binomial distribution, then that many of the row's ordinary tokens."""
    chosen = torch.zeros_like(ids, dtype=torch.bool)
    for i, row in enumerate(ids):
        places = torch.tensor([j for j, token in enumerate(row.tolist()) if token not in set(special_ids)])
        if len(places):
            draws = torch.rand(len(places), generator=generator)
            number = max(int((draws < rate).sum()), 1)
            chosen[i, places[torch.randperm(len(places), generator=generator)[:number]]] = True
    return chosen


@right("choose_positions")
def choose_columns(ids, special_ids, rate, generator):
    """Drawn column by column, from the last to the first."""
    ordinary = torch.isin(ids, torch.tensor(special_ids), invert=True)
    columns = [torch.rand(len(ids), generator=generator) for _ in range(ids.shape[1])][::-1]
    numbers = torch.stack(columns, dim=1).where(ordinary, torch.tensor(float("inf")))
    chosen = numbers < rate
    lonely = ordinary.any(1) & ~chosen.any(1)
    chosen[lonely, numbers.argmin(1)[lonely]] = True
    return chosen


@right("choose_positions")
def choose_python_seeded(ids, special_ids, rate, generator):
    """Python's generator, seeded by a draw of the generator that is given."""
    draw = random.Random(int(torch.randint(2**62, (1,), generator=generator)))
    rows = []
    for row in ids.tolist():
        places = [j for j, token in enumerate(row) if token not in special_ids]
        found = [j for j in places if draw.random() < rate] or ([draw.choice(places)] if places else [])
        rows.append([j in found for j in range(len(row))])
    return torch.tensor(rows)


@right("whole_word_positions")
def words_row_by_row(word_ids, rate, generator):
    chosen = torch.zeros_like(word_ids, dtype=torch.bool)
    for i, row in enumerate(word_ids):
        for word in row.unique():
            if word >= 0 and torch.rand(1, generator=generator) < rate:
                chosen[i] |= row == word
    return chosen


@right("whole_word_positions")
def words_by_table(word_ids, rate, generator):
    table = torch.rand(word_ids.shape[0], int(word_ids.max().clamp(min=0)) + 1, generator=generator) < rate
    return torch.take_along_dim(table, word_ids.clamp(min=0), dim=1) & (word_ids != -1)


@right("whole_word_positions")
def words_first_piece_decides(word_ids, rate, generator):
    """A draw for every piece; that of a word's first piece counts."""
    numbers = torch.rand(word_ids.shape, generator=generator)
    first = (word_ids[:, :, None] == word_ids[:, None, :]).int().argmax(dim=2)
    return (numbers.gather(1, first) < rate) & (word_ids >= 0)


@right("whole_word_positions")
def words_by_runs(word_ids, rate, generator):
    """Words are runs of one number: a new draw wherever the number changes."""
    rows = []
    for row in word_ids.tolist():
        last, hit, marks = -1, False, []
        for word in row:
            if word != last and word >= 0:
                hit = bool(torch.bernoulli(torch.tensor(rate), generator=generator))
            marks.append(hit and word >= 0)
            last = word
        rows.append(marks)
    return torch.tensor(rows)


@right("whole_word_positions")
def words_dictionary(word_ids, rate, generator):
    hits = {}
    for i, row in enumerate(word_ids.tolist()):
        for word in row:
            if (i, word) not in hits:
                hits[i, word] = word != -1 and torch.rand((), generator=generator).item() < rate
    return torch.tensor([[hits[i, word] for word in row] for i, row in enumerate(word_ids.tolist())])


@right("dynamic_masks")
def dynamic_stacked(ids, special_ids, rate, num_epochs, generator):
    return torch.stack([choose_columns(ids, special_ids, rate, generator) for _ in range(num_epochs)])


@right("dynamic_masks")
def dynamic_buffer(ids, special_ids, rate, num_epochs, generator):
    masks = torch.empty(num_epochs, *ids.shape, dtype=torch.bool)
    for epoch in range(num_epochs):
        masks[epoch] = choose_multinomial(ids, special_ids, rate, generator)
    return masks


@right("dynamic_masks")
def dynamic_row_first(ids, special_ids, rate, num_epochs, generator):
    """All epochs of a row at once."""
    rows = [
        choose_bernoulli(row.expand(num_epochs, len(row)).contiguous(), special_ids, rate, generator) for row in ids
    ]
    return torch.stack(rows, dim=1)


@right("dynamic_masks")
def dynamic_at_once(ids, special_ids, rate, num_epochs, generator):
    ordinary = ~torch.isin(ids, torch.tensor(special_ids))
    numbers = torch.rand(num_epochs, *ids.shape, generator=generator).masked_fill(~ordinary, 2.0)
    chosen = numbers < rate
    least = torch.zeros_like(chosen).scatter(2, numbers.argmin(2, keepdim=True), True) & ordinary
    return chosen | (least & ~chosen.any(2, keepdim=True)) if rate < 1 else ordinary.repeat(num_epochs, 1, 1)


@right("dynamic_masks")
def dynamic_seeds(ids, special_ids, rate, num_epochs, generator):
    """Every epoch has a generator of its own, seeded by a draw."""
    seeds = torch.randint(2**31, (num_epochs,), generator=generator).tolist()
    masks = [choose_token_by_token(ids, special_ids, rate, torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(masks)
