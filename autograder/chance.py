"""Judging random draws by bets that almost only a wrong answer can lose.

A bet starts with one coin and stakes it on every draw at fair odds: where the right answer draws x with probability
p(x) and a rival explanation with q(x), the coin is multiplied by q(x) / p(x). Whatever p depends on, the coin of an
honest game is a martingale, so it ever grows to 1/α with probability at most α (Ville, 1939). The bound needs no normal
approximation and no minimum count, and it holds where the distribution changes with every draw.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

FALSE_ALARM = 1e-8
"""How often, at most, one bet against a right answer is won."""

_TRUST = (0.999, 0.9, 0.01)
"""A rival is believed by this much, and the right answer by the rest: a third of a coin on each, since a rival may be
right at every draw, at most, or at one."""

_OFTEN = (0.9, 0.5, 0.2)

_HANDICAP = 15.0

_EDGES = (0.4, 0.7, 0.9)
"""Ids are put into bins by how much probability lies on likelier ones."""


def better_explanations(drawn: Tensor, log_p: Tensor, rivals: Mapping[str, Tensor]) -> list[str]:
    """Names of the rivals that explain the draws far better than the right distribution does, best first.

    `drawn (n,)` holds ids, `log_p (n, vocab_size)` the right log-probabilities and `rivals` other ones of that shape;
    row t of each may depend on the draws before t alone. One more rival, "something else", learns from the draws as
    they come. A right answer gets any name at all with probability at most `FALSE_ALARM * (len(rivals) + 1)`.
    """
    won = gains(_at(log_p, drawn), {name: _at(log_q, drawn) for name, log_q in rivals.items()})
    won["something else"] = _highest(_learned(drawn, log_p))
    return winners(won)


def gains(log_p: Tensor, rivals: Mapping[str, Tensor]) -> dict[str, float]:
    """The logarithm of the most that each rival's coin ever grew to.

    `log_p (n,)` holds the right log-probability of what came at each draw, and a rival its own for the same, given the
    draws before. A rival of shape `(ways, n)` is one mistake that is made in several ways: they share its coin.
    """
    return {name: _gain(log_q, log_p) for name, log_q in rivals.items()}


def winners(gains: Mapping[str, float], vague: Collection[str] = ()) -> list[str]:
    """Names of the bets that a right answer loses but with probability `FALSE_ALARM` each, best first.

    Those that are `vague` fit more than one mistake: they come behind others that are nearly as good.
    """
    won = {name: gain for name, gain in gains.items() if gain >= -math.log(FALSE_ALARM)}
    return sorted(won, key=lambda name: _HANDICAP * (name in vague) - won[name])


def learned(drawn: Tensor, kinds: int, context: Tensor | None = None) -> Tensor:
    """A rival's log-probability of each draw: its kind's share among the draws before it in the same context.

    `drawn (n,)` and `context (n,)` hold ids; each of the `kinds` starts at one half (Krichevsky, Trofimov, 1981).
    """
    context = torch.zeros_like(drawn) if context is None else context
    alike, all_before = _times_before(context * kinds + drawn), _times_before(context)
    return ((alike + 0.5) / (all_before + kinds / 2)).log()


def copied(drawn: Tensor, log_p: Tensor, before: Tensor) -> Tensor:
    """A rival in three ways, for how often a draw is only what `before (n,)` says; -1 there says nothing."""
    same = (drawn == before).double()
    ways = [torch.logaddexp(log_p + math.log1p(-t), (t * same).log()) for t in _OFTEN]
    return torch.where(before < 0, log_p, torch.stack(ways))


def last_alike(drawn: Tensor, keys: Tensor) -> Tensor:
    """What was drawn the last time that the same key came; -1 where it comes for the first time."""
    order = keys.argsort(stable=True)
    found = torch.full_like(drawn, -1)
    same = keys[order][1:] == keys[order][:-1]
    found[order[1:][same]] = drawn[order[:-1][same]]
    return found


def _times_before(keys: Tensor) -> Tensor:
    order = keys.argsort(stable=True)
    in_order = keys[order].contiguous()
    times = torch.empty_like(keys)
    times[order] = torch.arange(len(keys)) - torch.searchsorted(in_order, in_order)
    return times.double()


def _at(log_p: Tensor, drawn: Tensor) -> Tensor:
    return log_p.gather(1, drawn[:, None])[:, 0]


def _gain(log_q: Tensor, log_p: Tensor) -> float:
    odds = (log_q if log_q.dim() == 2 else log_q[None]) - log_p
    hedged = [torch.logaddexp(odds + math.log(t), torch.full_like(odds, math.log1p(-t))).cumsum(1) for t in _TRUST]
    coins = torch.cat(hedged)
    return _highest(coins.logsumexp(0) - math.log(len(coins)))


def _highest(log_coin: Tensor) -> float:
    return float(log_coin.max()) if len(log_coin) else 0.0


def _learned(drawn: Tensor, log_p: Tensor) -> Tensor:
    """The logarithm of the coin of a bet on how often ids of each bin come, from the most to the least likely ones.

    Frequencies are estimated from the draws before, each bin starting at one half (Krichevsky, Trofimov, 1981).
    """
    p, order = log_p.exp().sort(dim=1, descending=True)
    bins = torch.bucketize((p.cumsum(dim=1) - p).contiguous(), torch.tensor(_EDGES, dtype=p.dtype))
    shares = torch.zeros(len(drawn), len(_EDGES) + 1, dtype=p.dtype).scatter_add_(1, bins, p)
    place = (order == drawn[:, None]).int().argmax(dim=1, keepdim=True)
    mine = bins.gather(1, place)
    seen = F.one_hot(mine[:, 0], len(_EDGES) + 1)
    before = seen.cumsum(0) - seen + 0.5
    odds = (before / before.sum(dim=1, keepdim=True)).log() - shares.log()
    return odds.gather(1, mine)[:, 0].cumsum(0)
