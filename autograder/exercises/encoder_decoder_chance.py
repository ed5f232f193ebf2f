"""Was every id replaced by a coin of its own? The form of what came back first, then the coins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from autograder.chance import better_explanations

ENOUGH_COINS = 200
LAGS = 12
"""How far apart two draws of one case may be and still be compared."""

RUNS = ("same seed", "same generator again", "another seed")


def problems_of(asked: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[str]:
    """The first problem with the ids that came back; `outputs` may be anything."""
    runs = ["ids", *(RUNS if asked.get("repeat") else ())]
    problem = next(filter(None, (_form_problem(asked, outputs.get(run)) for run in runs)), None)
    if problem:
        return [problem]
    if asked.get("repeat"):
        return _generator_problems(outputs)
    coins = torch.stack([ids[:, 1:].cpu() == asked["predicted"][:, 1:].cpu() for ids in outputs["ids"]])
    return _coin_problems(coins, asked["probability"])


def _form_problem(asked: Mapping[str, Any], calls: Any) -> str | None:
    """What is wrong with the results of the calls, None when nothing is. No id of `gold` is one of `predicted`."""
    gold, predicted = asked["gold"].cpu(), asked["predicted"].cpu()
    if not isinstance(calls, list) or len(calls) != asked.get("calls", 1):
        return "the check got no result"
    for ids in calls:
        if not isinstance(ids, Tensor):
            return f"expected a torch.Tensor of ids, got {type(ids).__name__}"
        if ids.shape != gold.shape:
            return "the result has another shape than gold"
        if ids.dtype != torch.int64:
            return f"expected torch.int64, got {ids.dtype}"
        found = ids.cpu()
        if not torch.equal(found[:, 0], gold[:, 0]):
            return "the first id of a row is not the gold one"
        if not ((found == gold) | (found == predicted)).all():
            return "an id is neither the gold nor the predicted one of its own place"
    return None


def _generator_problems(outputs: Mapping[str, Any]) -> list[str]:
    first, again, moved_on, other = (outputs[run][0].cpu() for run in ("ids", *RUNS))
    if outputs.get("global generator untouched") is not True:
        return ["PyTorch's global generator is used or set: draw from the generator that is given"]
    if not torch.equal(first, again):
        return ["two generators of one seed give different ids"]
    if torch.equal(first, other):
        return ["generators of different seeds give the same ids"]
    if torch.equal(first, moved_on):
        return ["a generator that is used twice gives the same ids again: it does not move on"]
    return []


def _coin_problems(coins: Tensor, probability: float) -> list[str]:
    """`coins (calls, batch, places)`, True where an id was replaced.

    Thirty-five bets at most, each won against a right answer with probability `chance.FALSE_ALARM` at most.
    """
    if probability in (0.0, 1.0):
        wrong = coins.any() if probability == 0 else not coins.all()
        certain = "no id is ever replaced" if probability == 0 else "every id but the first is replaced"
        return [f"with probability {probability:g} {certain}; not here"] if wrong else []
    drawn = coins.flatten().long()
    if len(drawn) < ENOUGH_COINS:
        return []
    level = torch.tensor([1 - probability, probability], dtype=torch.float64).log().expand(len(drawn), 2)
    won = better_explanations(drawn, level, _rivals(coins, probability))
    if not won:
        return []
    manner = next((name for name in won if name != "something else"), "it had another value")
    return [f"the ids are not replaced by independent draws with that probability: it looks as if {manner}"]


def _rivals(coins: Tensor, p: float) -> dict[str, Tensor]:
    """Other ways of drawing: the log-probabilities of each coin, given the coins before it alone."""
    calls, batch, places = coins.shape
    flat = coins.flatten().long()
    last = torch.cat([torch.tensor([2]), flat[:-1]])
    left, above, earlier = (_ago(coins, 1, axis) for axis in (2, 1, 0))
    column = torch.arange(places).repeat(calls * batch)
    row = torch.arange(calls * batch).repeat_interleave(places)
    so_far = (coins.cumsum(2) - coins.long()).flatten()
    rivals = {
        "the probability were that of keeping the gold id": _log(torch.full((len(flat),), 1 - p)),
        "the probability had no effect": _log(torch.full((len(flat),), 0.5)),
        "one draw decided for a whole batch": _copied(last, p),
        "one draw decided for a whole row": _copied(left, p),
        "one draw decided for a whole column": _copied(above, p),
        "every call drew the same": _copied(earlier, p),
        "exactly so many ids were replaced in every row": _counted(coins.flatten(0, 1), p),
        "exactly so many ids were replaced in every batch": _counted(coins.flatten(1), p),
        "the probability changed from place to place": _learned(flat, column),
        "the probability changed from row to row": _learned(flat, row),
        "a draw hung on its neighbours": _learned(flat, left + 3 * above + 9 * earlier),
        "a draw hung on how many came before": _learned(flat, so_far * places + column),
    }
    for lag in range(2, min(LAGS + 1, batch)):
        rivals[f"a draw hung on the one {lag} rows above"] = _learned(flat, _ago(coins, lag, 1))
    for lag in range(2, min(LAGS + 1, places)):
        rivals[f"a draw hung on the one {lag} places before"] = _learned(flat, _ago(coins, lag, 2))
    return rivals


def _ago(coins: Tensor, lag: int, axis: int) -> Tensor:
    """For each coin the one `lag` before it along an axis, 2 where there is none."""
    n, lag = coins.shape[axis], min(lag, coins.shape[axis])
    none = torch.full_like(coins.narrow(axis, 0, lag).long(), 2)
    return torch.cat([none, coins.narrow(axis, 0, n - lag).long()], dim=axis).flatten()


def _log(replaced: Tensor) -> Tensor:
    """Log-probabilities of a gold and of a predicted id, from the probabilities of a predicted one."""
    p = replaced.double()
    return torch.stack([1 - p, p], dim=1).log()


def _copied(others: Tensor, p: float) -> Tensor:
    """Each coin is that other one; a fresh draw where there is no other (2)."""
    return _log(torch.tensor([0.0, 1.0, p], dtype=torch.float64)[others])


def _counted(groups: Tensor, p: float) -> Tensor:
    """In each group, round(p n) of its n coins are 1, all choices alike."""
    n = groups.shape[1]
    wanted = round(p * n) - (groups.cumsum(1) - groups.long())
    return _log((wanted / torch.arange(n, 0, -1)).clamp(0, 1).flatten())


def _learned(coins: Tensor, contexts: Tensor) -> Tensor:
    """As often as among the earlier coins of the same context, each side starting at one half."""
    order = contexts.argsort(stable=True)
    sorted_coins = coins[order]
    opens = torch.cat([torch.tensor([True]), contexts[order].diff() != 0])
    place = torch.arange(len(order))
    first = torch.where(opens, place, 0).cummax(0).values
    ones = sorted_coins.cumsum(0) - sorted_coins
    share = torch.empty(len(order), dtype=torch.float64)
    share[order] = (ones - ones[first] + 0.5).double() / (place - first + 1)
    return _log(share)
