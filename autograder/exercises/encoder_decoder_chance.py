"""Was every id replaced by a coin of its own? The form of what came back first, then the coins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor

from autograder.chance import better_explanations

PROBABILITIES = (0.25, 0.7)
ENOUGH_COINS = 200
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

    Thirteen bets, each won against a right answer with probability `chance.FALSE_ALARM` at most.
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
    places = list(product(*map(range, coins.shape)))
    values = coins.tolist()

    def at(call: int, row: int, place: int) -> int:
        """The coin there, 2 where there is none."""
        return int(values[call][row][place]) if min(call, row, place) >= 0 else 2

    before = [(at(c, r, t - 1), at(c, r - 1, t), at(c - 1, r, t)) for c, r, t in places]
    so_far = (coins.long().cumsum(2) - coins.long()).flatten().tolist()
    flat = coins.flatten().tolist()
    column = [place for _, _, place in places]
    last = [2, *map(int, flat[:-1])]
    return {
        "the probability were that of keeping the gold id": _log([1 - p] * len(flat)),
        "the probability had no effect": _log([0.5] * len(flat)),
        "one draw decided for a whole batch": _copied(last, p),
        "one draw decided for a whole row": _copied([left for left, _, _ in before], p),
        "one draw decided for a whole column": _copied([above for _, above, _ in before], p),
        "every call drew the same": _copied([earlier for _, _, earlier in before], p),
        "exactly so many ids were replaced in every row": _counted(coins.flatten(0, 1), p),
        "exactly so many ids were replaced in every batch": _counted(coins.flatten(1), p),
        "the probability changed from place to place": _learned(flat, column),
        "the probability changed from row to row": _learned(flat, [(c, r) for c, r, _ in places]),
        "a draw hung on its neighbours": _learned(flat, before),
        "a draw hung on how many came before": _learned(flat, list(zip(so_far, column, strict=True))),
    }


def _log(replaced: Sequence[float]) -> Tensor:
    """Log-probabilities of a gold and of a predicted id, from those of a predicted one."""
    p = torch.tensor(replaced, dtype=torch.float64)
    return torch.stack([1 - p, p], dim=1).log()


def _copied(others: Sequence[int], p: float) -> Tensor:
    """Each coin is that other one; a fresh draw where there is no other (2)."""
    return _log([(0.0, 1.0, p)[other] for other in others])


def _counted(groups: Tensor, p: float) -> Tensor:
    """In each group, round(p n) of its n coins are 1, all choices alike."""
    n = groups.shape[1]
    left = torch.arange(n, 0, -1)
    wanted = round(p * n) - (groups.long().cumsum(1) - groups.long())
    share: list[float] = (wanted / left).clamp(0, 1).flatten().tolist()
    return _log(share)


def _learned(coins: Sequence[bool], contexts: Sequence[Hashable]) -> Tensor:
    """As often as among the earlier coins of the same context, each side starting at one half."""
    seen: dict[Hashable, list[float]] = defaultdict(lambda: [0.5, 0.5])
    shares = []
    for coin, context in zip(coins, contexts, strict=True):
        no, yes = seen[context]
        shares.append(yes / (no + yes))
        seen[context][coin] += 1
    return _log(shares)
