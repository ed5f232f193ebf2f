"""Judging random draws by bets that almost only a wrong answer can lose.

A bet starts with one coin and stakes it on every draw at fair odds: where the right answer draws x with probability
p(x) and a rival explanation with q(x), the coin is multiplied by q(x) / p(x). Whatever p depends on, the coin of an
honest game is a martingale, so it ever grows to 1/α with probability at most α (Ville, 1939). The bound needs no normal
approximation and no minimum count, and it holds where the distribution changes with every draw.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

FALSE_ALARM = 1e-8
"""How often, at most, one bet against a right answer is won."""

_TRUST = (0.9, 0.01)
"""A rival is believed by this much, and the right answer by the rest: half a coin on each, since a rival may be right
at every draw or at one."""

_EDGES = (0.4, 0.7, 0.9)
"""Ids are put into bins by how much probability lies on likelier ones."""


def better_explanations(drawn: Tensor, log_p: Tensor, rivals: Mapping[str, Tensor]) -> list[str]:
    """Names of the rivals that explain the draws far better than the right distribution does, best first.

    `drawn (n,)` holds ids, `log_p (n, vocab_size)` the right log-probabilities and `rivals` other ones of that shape;
    row t of each may depend on the draws before t alone. One more rival, "something else", learns from the draws as
    they come. A right answer gets any name at all with probability at most `FALSE_ALARM * (len(rivals) + 1)`.
    """
    gains = {name: _gain(_at(log_q, drawn), _at(log_p, drawn)) for name, log_q in rivals.items()}
    gains["something else"] = _highest(_learned(drawn, log_p))
    won = [name for name, gain in gains.items() if gain >= -math.log(FALSE_ALARM)]
    return sorted(won, key=lambda name: -gains[name])


def _at(log_p: Tensor, drawn: Tensor) -> Tensor:
    return log_p.gather(1, drawn[:, None])[:, 0]


def _gain(log_q: Tensor, log_p: Tensor) -> float:
    odds = log_q - log_p
    hedged = [torch.logaddexp(odds + math.log(t), torch.full_like(odds, math.log1p(-t))).cumsum(0) for t in _TRUST]
    return _highest(torch.stack(hedged).logsumexp(0) - math.log(len(_TRUST)))


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
