"""Are these batches of delayed recall? Their form first, then whether the symbols are uniform and independent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.chance import FALSE_ALARM, better_explanations


def recall_problems(asked: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[str]:
    """The first problem with the batches that came back; `outputs` may be anything."""
    symbols = symbols_of(asked, outputs)
    if isinstance(symbols, str):
        return [symbols]
    found = _generator_problem(asked, symbols, outputs) if asked.get("repeat") else None
    found = found or _chance_problem(symbols, asked["num_symbols"])
    return [found] if found else []


def symbols_of(asked: Mapping[str, Any], outputs: Mapping[str, Any]) -> Tensor | str:
    """The symbols `(calls, batch)` that were drawn, or what is wrong with the form of the batches."""
    inputs, targets = outputs.get("inputs"), outputs.get("targets")
    calls, batch, num_symbols, delay = asked.get("calls", 1), asked["batch"], asked["num_symbols"], asked["delay"]
    if not isinstance(inputs, Tensor) or not isinstance(targets, Tensor):
        return "expected two tensors, `inputs` and `targets`"
    if inputs.shape != (calls, batch, delay + 2):
        return "expected `inputs` of shape (batch, delay + 2)"
    if targets.shape != (calls, batch):
        return "expected `targets` of shape (batch,)"
    if inputs.dtype != torch.int64 or targets.dtype != torch.int64:
        return "expected `inputs` and `targets` of torch.int64"
    inputs, targets = inputs.cpu(), targets.cpu()
    if not torch.equal(inputs[..., 0], targets):
        return "the first id of a row is not its target"
    if (targets < 0).any() or (targets >= num_symbols).any():
        return "a symbol is not among 0 … num_symbols - 1"
    if (inputs[..., 1:-1] != num_symbols).any():
        return "between the first and the last id of a row, not every id is the blank"
    if (inputs[..., -1] != num_symbols + 1).any():
        return "the last id of a row is not the cue"
    return targets


def _generator_problem(asked: Mapping[str, Any], symbols: Tensor, outputs: Mapping[str, Any]) -> str | None:
    again, other = outputs.get("same seed"), outputs.get("another seed")
    if not isinstance(again, Mapping) or not isinstance(other, Mapping):
        return "nothing came back for the second generator"
    found = symbols_of(asked, again), symbols_of(asked, other)
    strange = next((form for form in found if isinstance(form, str)), None)
    if strange is not None:
        return strange
    if outputs.get("other randomness untouched") is not True:
        return "another source of randomness than the generator is used or set"
    if not isinstance(found[0], Tensor) or not torch.equal(symbols, found[0]):
        return "two generators of one seed give different batches"
    if isinstance(found[1], Tensor) and torch.equal(symbols, found[1]):
        return "generators of different seeds give the same batches"
    return None


def _chance_problem(symbols: Tensor, kinds: int) -> str | None:
    """What explains the symbols far better than uniform and independent draws do: the first that does, in this order.

    Each rival of row t knows the draws before t alone: rows in their order, one call after the other.
    """
    drawn, (calls, batch) = symbols.flatten(), symbols.shape
    if len(drawn) * math.log(kinds) < -math.log(FALSE_ALARM):
        return None  # even who foresees every draw can't win a bet on so few
    again = {"every call gives the same symbols": _repeated(symbols, kinds).flatten(0, 1)}
    call_before = torch.cat([torch.zeros_like(symbols[:1]), symbols[:-1]]).flatten()
    among_calls = {
        "a symbol depends on its row": _learned(drawn, kinds, torch.arange(len(drawn)) % batch),
        "a symbol depends on its row in the call before": _learned(drawn, kinds, call_before),
    } if calls > 1 else {}
    rivals = {
        "all rows of a batch have the same symbol": _repeated(symbols.T, kinds).transpose(0, 1).flatten(0, 1),
        **(again if calls > 1 else {}),
        "the last symbol never comes": _among(range(kinds - 1), len(drawn), kinds),
        "symbol 0 never comes": _among(range(1, kinds), len(drawn), kinds),
        "the first and the last symbol come half as often": _rounded(len(drawn), kinds),
        "every symbol comes equally often in a batch": _dealt(symbols, kinds).flatten(0, 1),
        "some symbols come more often than others": _learned(drawn, kinds, torch.zeros_like(drawn)),
        "a symbol depends on the one before": _learned(drawn, kinds, F.pad(drawn[:-1], (1, 0))),
        **among_calls,
    }
    level = torch.full((len(drawn), kinds), -math.log(kinds), dtype=torch.float64)
    won = better_explanations(drawn, level, rivals)
    if not won:
        return None
    told = "the symbols are not uniform and independent"
    named = next((name for name in rivals if name in won), None)
    return told if named is None else f"{told}: it looks as if {named}"


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


def _repeated(symbols: Tensor, kinds: int) -> Tensor:
    """Certain that a line of symbols is the one before; uniform in the first line."""
    first = torch.full((1, symbols.shape[1], kinds), 1 / kinds, dtype=torch.float64)
    return torch.cat([first, F.one_hot(symbols[:-1], kinds).double()]).log()


def _dealt(symbols: Tensor, kinds: int) -> Tensor:
    """Each batch is dealt from a pack that holds every symbol equally often, as often as it takes."""
    seen = F.one_hot(symbols, kinds).double()
    left = (-(-symbols.shape[1] // kinds) - (seen.cumsum(1) - seen)).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total.clamp(min=1), 1 / kinds).log()


def _learned(drawn: Tensor, kinds: int, context: Tensor) -> Tensor:
    """Shares as they were among the draws before in the same context, each kind starting at one half."""
    here = F.one_hot(context).double()
    seen = here[:, :, None] * F.one_hot(drawn, kinds).double()[:, None, :]
    before = torch.einsum("nck,nc->nk", seen.cumsum(0) - seen, here)
    return ((before + 0.5) / (before.sum(dim=1, keepdim=True) + kinds / 2)).log()
