"""Are these batches the windows of a text in random order? Each epoch's form first, then the draws of all epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.chance import better_explanations

ENOUGH_EPOCHS, ENOUGH_DRAWS = 60, 100


@dataclass(frozen=True)
class Epoch:
    """The windows of one epoch in the order of their use, by number from the offset on; no offset where none came."""

    offset: int | None
    windows: tuple[int, ...]


def problems_of(asked: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[str]:
    """The first problem with the epochs that came back; `outputs` may be anything."""
    drawn = epochs_of(asked, outputs)
    if isinstance(drawn, str):
        return [drawn]
    found = _generator_problems(asked, outputs) if asked.get("repeat") else _stuck(drawn)
    found = found or _offset_problems(drawn, asked["num_steps"]) or _order_problems(drawn, asked["batch_size"])
    return found or _shuffle_problems(drawn)


def epochs_of(asked: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[Epoch] | str:
    """The epochs that are in `outputs`, or what is wrong with their form."""
    ids, num_steps, sizes = asked["ids"], asked["num_steps"], outputs.get("sizes")
    inputs, targets = outputs.get("inputs"), outputs.get("targets")
    if not (_is_table(inputs, ids.dtype, num_steps) and _is_table(targets, ids.dtype, num_steps)):
        return "the batches are not two tensors of ids with num_steps columns"
    if not _are_sizes(sizes, asked.get("epochs", 1), len(inputs)) or len(inputs) != len(targets):
        return "the batches have not as many targets as inputs"
    starts = _starts(ids, inputs.cpu())
    place = starts.clamp(min=0)[:, None] + torch.arange(num_steps)
    if (starts < 0).any() or not torch.equal(ids[place], inputs.cpu()):
        return "a row of the inputs is not num_steps neighbours of the text"
    if not torch.equal(ids[place + 1], targets.cpu()):
        return "the targets of a row are not what follows each of its inputs"
    found, first = [], 0
    for batches in sizes:
        last = first + sum(batches)
        epoch = _epoch(asked, starts[first:last].tolist(), batches)
        if isinstance(epoch, str):
            return epoch
        found.append(epoch)
        first = last
    return found


def _is_table(value: Any, dtype: torch.dtype, columns: int) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor) and value.dtype == dtype and value.dim() == 2 and value.shape[1] == columns


def _are_sizes(sizes: Any, epochs: int, rows: int) -> TypeGuard[list[list[int]]]:
    if not isinstance(sizes, list) or len(sizes) != epochs or not all(isinstance(s, list) for s in sizes):
        return False
    flat = [size for batches in sizes for size in batches]
    return all(type(size) is int and 0 <= size <= rows for size in flat) and sum(flat) == rows


def _starts(ids: Tensor, inputs: Tensor) -> Tensor:
    """Where in the text each row begins; -1 where it can't be a window. All ids of the text are different."""
    table = torch.full((int(ids.max()) + 2,), -1)
    table[ids.long()] = torch.arange(len(ids))
    known = (inputs[:, 0] >= 0) & (inputs[:, 0] < len(table))
    starts = torch.where(known, table[inputs[:, 0].long().clamp(0, len(table) - 1)], -1)
    return torch.where(starts + inputs.shape[1] < len(ids), starts, -1)


def _epoch(asked: Mapping[str, Any], starts: list[int], batches: list[int]) -> Epoch | str:
    num_steps, batch_size, n_ids = asked["num_steps"], asked["batch_size"], len(asked["ids"])
    enough = [(n_ids - 1 - offset) // num_steps // batch_size for offset in range(num_steps)]
    offsets = {start % num_steps for start in starts}
    if not starts:
        return Epoch(None, ()) if min(enough) <= 0 else f"no batch came, though every offset leaves {min(enough)}"
    if len(offsets) > 1:
        return "the windows of one epoch do not all lie num_steps apart: they share no offset"
    if len(set(starts)) < len(starts):
        return "a window is used more than once in one epoch"
    strange = next((size for size in batches if size != batch_size), None)
    if strange is not None:
        return f"a batch has {strange} rows; expected batch_size, which is {batch_size}"
    offset = offsets.pop()
    if len(batches) != enough[offset]:
        return f"the offset {offset} leaves windows for {enough[offset]} full batches; got {len(batches)}"
    return Epoch(offset, tuple((start - offset) // num_steps for start in starts))


def _generator_problems(asked: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[str]:
    again, other = outputs.get("same seed"), outputs.get("another seed")
    if not isinstance(again, Mapping) or not isinstance(other, Mapping):
        return ["nothing came back for the second generator"]
    strange = next((form for form in (epochs_of(asked, again), epochs_of(asked, other)) if isinstance(form, str)), None)
    if strange is not None:
        return [strange]
    if outputs.get("other randomness untouched") is not True:
        return ["another source of randomness than the generator is used or set"]
    if not _same(outputs, again):
        return ["two generators of one seed give different batches"]
    if _same(outputs, other):
        return ["generators of different seeds give the same batches"]
    return []


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    pair = one.get("inputs"), other.get("inputs")
    return isinstance(pair[0], Tensor) and isinstance(pair[1], Tensor) and torch.equal(pair[0], pair[1])


def _stuck(epochs: Sequence[Epoch]) -> list[str]:
    if len(epochs) < ENOUGH_EPOCHS or len(set(epochs)) > 1:
        return []
    return ["every epoch is the same as the first: nothing is random, or the generator does not move on"]


def _offset_problems(epochs: Sequence[Epoch], num_steps: int) -> list[str]:
    """Over many epochs every offset is as likely as every other, whatever came before."""
    drawn = torch.tensor([epoch.offset for epoch in epochs if epoch.offset is not None])
    if len(drawn) < ENOUGH_EPOCHS or num_steps == 1:
        return []
    before = torch.cat([torch.zeros(1, dtype=torch.int64), drawn[:-1]])
    rivals = {
        "the offset is always 0": _among([0], len(drawn), num_steps),
        "the offset is always the same": _among([int(drawn[0])], len(drawn), num_steps),
        "the offset is never num_steps - 1": _among(range(num_steps - 1), len(drawn), num_steps),
        "the first and the last offset come half as often": _rounded(len(drawn), num_steps),
        "the offset is never 0": _among(range(1, num_steps), len(drawn), num_steps),
        "one offset depends on the one before": _learned(drawn, num_steps, before),
        "some offsets come more often than others": _learned(drawn, num_steps),
    }
    # The rival that names the first draw has seen it: it may not bet on that one.
    rivals["the offset is always the same"][0] = -math.log(num_steps)
    return _named(better_explanations(drawn, _level(len(drawn), num_steps), rivals), "the offset is not uniform")


def _order_problems(epochs: Sequence[Epoch], batch_size: int) -> list[str]:
    """Over many epochs of few windows, every order is as likely as every other, at every offset."""
    n = max((len(epoch.windows) for epoch in epochs), default=0)
    if len(epochs) < ENOUGH_EPOCHS or not 2 <= n <= 4 or any(len(epoch.windows) != n for epoch in epochs):
        return []
    orders = list(permutations(range(n)))
    drawn = torch.tensor([orders.index(epoch.windows) for epoch in epochs])
    batches = [[order[i : i + batch_size] for i in range(0, n, batch_size)] for order in orders]
    whole = [i for i, b in enumerate(batches) if all(list(x) == list(range(x[0], x[0] + len(x))) for x in b)]
    inside = [i for i, b in enumerate(batches) if [min(x) for x in b] == sorted(range(0, n, batch_size))]
    rivals = {
        "the windows come in their order in the text": _among([0], len(drawn), len(orders)),
        "whole batches are shuffled, not windows": _among(whole, len(drawn), len(orders)),
        "windows are shuffled inside their batch only": _among(inside, len(drawn), len(orders)),
        "some orders come more often than others": _learned(drawn, len(orders)),
    }
    told = "the windows are not shuffled as they should be"
    found = _named(better_explanations(drawn, _level(len(drawn), len(orders)), rivals), told)
    offsets = torch.tensor([epoch.offset or 0 for epoch in epochs])
    return found or _joint_problems(drawn, offsets, len(orders), told)


def _joint_problems(orders: Tensor, offsets: Tensor, num_orders: int, told: str) -> list[str]:
    rivals = {"the order hangs on the offset": _learned(orders, num_orders, offsets)}
    return _named(better_explanations(orders, _level(len(orders), num_orders), rivals), told)


def _shuffle_problems(epochs: Sequence[Epoch]) -> list[str]:
    """Epochs of many windows: is each window drawn from all that are left, near and far alike?"""
    neighbours, quarters = _draws(epochs)
    if len(quarters) < ENOUGH_DRAWS:
        return []
    told = "the windows are not shuffled as they should be"
    is_next = torch.tensor([came for came, _ in neighbours], dtype=torch.int64)
    left = torch.tensor([n for _, n in neighbours], dtype=torch.float64)
    log_p = torch.stack([1 - 1 / left, 1 / left], dim=1).log()
    together = torch.tensor([0.3, 0.7], dtype=torch.float64).log().expand(len(left), 2)
    found = _named(better_explanations(is_next, log_p, {"neighbours in the text stay together": together}), told)
    quarter = torch.tensor([came for came, _ in quarters])
    log_p = torch.tensor([shares for _, shares in quarters], dtype=torch.float64).log()
    rivals = {"windows hardly leave their place": _learned(quarter, 4)}
    return found or _named(better_explanations(quarter, log_p, rivals), told)


def _draws(epochs: Sequence[Epoch]) -> tuple[list[tuple[bool, int]], list[tuple[int, list[float]]]]:
    """For each window drawn: does it follow the last one, of how many; and its quarter of those left, with shares."""
    neighbours, quarters = [], []
    for epoch in epochs:
        left, last = list(range(len(epoch.windows))), None
        for window in epoch.windows:
            if window not in left:  # an epoch that leaves windows out is no draw from these
                return [], []
            n, rank = len(left), left.index(window)
            if n > 1 and last is not None and last + 1 in left:
                neighbours.append((window == last + 1, n))
            if n >= 8:
                counts = torch.bincount(4 * torch.arange(n) // n, minlength=4)
                quarters.append((4 * rank // n, (counts / n).tolist()))
            left.remove(window)
            last = window
    return neighbours, quarters


def _named(won: list[str], told: str) -> list[str]:
    return [f"{told}: it looks as if {won[0]}" if won[0] != "something else" else told] if won else []


def _level(draws: int, kinds: int) -> Tensor:
    return torch.full((draws, kinds), -math.log(kinds), dtype=torch.float64)


def _among(kinds: Sequence[int], draws: int, num_kinds: int) -> Tensor:
    """Uniform over some kinds, impossible for the others."""
    row = torch.full((num_kinds,), -torch.inf, dtype=torch.float64)
    row[list(kinds)] = -math.log(len(kinds))
    return row.repeat(draws, 1)


def _rounded(draws: int, kinds: int) -> Tensor:
    """A uniform number in 0 … kinds - 1, rounded."""
    row = torch.full((kinds,), 1 / (kinds - 1), dtype=torch.float64)
    row[[0, -1]] /= 2
    return row.log().repeat(draws, 1)


def _learned(drawn: Tensor, kinds: int, context: Tensor | None = None) -> Tensor:
    """Shares as they were among the draws before (in the same context), each kind starting at one half."""
    seen = F.one_hot(drawn, kinds).double()
    if context is None:
        before = seen.cumsum(0) - seen
    else:
        same = (context[:, None] == context).tril(-1).double()
        before = same @ seen
    return ((before + 0.5) / (before.sum(dim=1, keepdim=True) + kinds / 2)).log()
