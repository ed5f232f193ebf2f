"""Were these positions chosen as they should be? Rows of yes-or-no draws, judged by bets on how they hang together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from autograder.chance import copied, gains, last_alike, learned, winners

_COUNTS = "what a row gets were not left to chance"

NONE = 2
"""In a context: there was no such draw."""


@dataclass(frozen=True)
class Choices:
    """Draws `(calls, rows, items)` with probability `rate`, made where `valid`; row by row, from left to right.

    `mended`: a row left with none gets one, uniformly. Three maps name mistakes: `rates` gives the probabilities that
    are taken instead, one way or several; `shared` the keys by which draws come out alike; `hangs` the contexts, known
    before each draw, on which it depends.
    """

    drawn: Tensor
    valid: Tensor
    rate: float
    mended: bool
    rates: Mapping[str, Tensor] = field(default_factory=dict)
    shared: Mapping[str, Tensor] = field(default_factory=dict)
    hangs: Mapping[str, Tensor] = field(default_factory=dict)

    def before(self, rows: int = 0, items: int = 0) -> Tensor:
        """The draw of the call before that lies so many rows and items ahead of each; NONE where there was none."""
        known = torch.where(self.valid, self.drawn.long(), NONE).roll((1, rows, items), (0, 1, 2))
        known[:1] = NONE
        return known


def explanations(choices: Choices) -> list[str]:
    """What explains the draws far better than independent draws with probability `rate` do, best first."""
    return winners(_item_bets(choices) | _row_bets(choices), vague=(_COUNTS, *choices.hangs))


def bets(choices: Choices) -> int:
    """How many bets `explanations` makes, each of which a right answer loses but with `chance.FALSE_ALARM`."""
    return len(_item_bets(choices)) + len(_row_bets(choices))


def collision(choices: Choices) -> float:
    """How often two right draws of the first call's rows come out the same, every row and item."""
    n = choices.valid[0].sum(-1).double()[:, None]
    k = torch.arange(int(n.max()) + 1, dtype=torch.float64)
    p = _patterns(k, n, choices.rate)["uniform" if choices.mended else "plain"]
    among = (torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma((n - k).clamp(min=0) + 1)).exp()
    allowed = (k <= n) & (k >= (1 if choices.mended else 0))
    alike = torch.where(allowed, among * p**2, 0.0).sum(1)
    return float(torch.where(n[:, 0] > 0, alike, 1.0).prod())


def rationed(drawn: Tensor, valid: Tensor, share: Tensor) -> Tensor:
    """Probabilities of draws from an urn that holds a fixed number for each row: `share`, rounded in three ways."""
    left_over = valid.long().flip(-1).cumsum(-1).flip(-1).clamp(min=1)
    taken = drawn.long().cumsum(-1) - drawn.long()
    totals = [share.floor(), share.round(), share.ceil()]
    return torch.stack([((t.clamp(min=1)[..., None] - taken) / left_over).clamp(0.01, 0.99) for t in totals])


def conditional(choices: Choices) -> Tensor:
    """The probability that an item is chosen, given the items to its left in its row.

    Let r be the rate, q = 1 - r, and i of n items lie to the left. None of these is chosen with probability
    q^i - i q^n / n, since a row that comes out empty (q^n) is given any one of its items. If one is, it may be that.
    """
    r, shape = choices.rate, choices.valid.shape
    if not choices.mended:
        return torch.full(shape, r, dtype=torch.float64)
    n = choices.valid.sum(-1, keepdim=True).double()
    left = (choices.valid.cumsum(-1) - choices.valid.long()).double()
    taken = choices.drawn.cumsum(-1) - choices.drawn.long()
    q = torch.tensor(1 - r, dtype=torch.float64)
    given = q**n / n
    if_none = (q**left * r + given) / (q**left - left * given)
    alone = r * q ** (left - 1)
    p = torch.where(taken == 0, if_none, torch.where(taken == 1, r * alone / (alone + given), r))
    return torch.where((taken == 0) & (left == n - 1), 1.0, p)


def _item_bets(choices: Choices) -> dict[str, float]:
    p, r = conditional(choices), choices.rate
    chance = choices.valid & (p > 0) & (p < 1)  # elsewhere nothing is left to chance
    drawn = choices.drawn[chance].long()
    rates = {
        "`rate` were the probability of not choosing": torch.full_like(p, 1 - r),
        "every row got a fixed share": rationed(choices.drawn, choices.valid, r * choices.valid.sum(-1)),
        "every batch got a fixed share": _rationed_by_batch(choices),
        **choices.rates,
    }
    rivals = {name: torch.where(choices.drawn, q, 1 - q).log()[..., chance] for name, q in rates.items()}
    contexts = {name: _last(choices, keys) for name, keys in choices.shared.items()} | dict(choices.hangs)
    rivals |= {name: learned(drawn, 2, context[chance]) for name, context in contexts.items()}
    return gains(torch.where(choices.drawn, p, 1 - p)[chance].log(), rivals)


def _rationed_by_batch(choices: Choices) -> Tensor:
    drawn, valid = choices.drawn.flatten(1), choices.valid.flatten(1)
    found = rationed(drawn, valid, choices.rate * valid.sum(1))
    return found.view(len(found), *choices.valid.shape)


def _last(choices: Choices, keys: Tensor) -> Tensor:
    """What came the last time that the key of each draw did; NONE the first time."""
    last = last_alike(choices.drawn[choices.valid].long(), keys[choices.valid])
    found = torch.full(choices.valid.shape, NONE)
    found[choices.valid] = torch.where(last < 0, NONE, last)
    return found


def _row_bets(choices: Choices) -> dict[str, float]:
    """Bets on whole rows: how many a row gets, and what becomes of one that comes out empty."""
    rows, r = choices.valid.any(-1), choices.rate
    drawn, valid = choices.drawn[rows], choices.valid[rows]
    k, n = drawn.sum(-1), valid.sum(-1)
    p = _patterns(k.double(), n.double(), r)
    first = (k == 1) & (drawn & (valid.cumsum(-1) == 1)).any(-1)
    last = (k == 1) & (drawn & (valid.flip(-1).cumsum(-1).flip(-1) == 1)).any(-1)
    to_first, to_last = p["not empty"] + first * p["empty"], p["not empty"] + last * p["empty"]
    rivals = {
        "a row left with none always got its first": to_first,
        "a row left with none always got its last": to_last,
        "every row got one more, not only those left with none": torch.stack([p["one more"], p["another"]]),
        "rows left with none were drawn again": p["drawn again"],
    } if choices.mended else {
        "a row left with none were given one": torch.stack([p["uniform"], to_first, to_last, p["drawn again"]])
    }
    log_p = p["uniform" if choices.mended else "plain"].log()
    logs = {name: rival.log() for name, rival in rivals.items()}
    return gains(log_p, logs | _count_rivals(choices, rows, k, n, log_p))


def _patterns(k: Tensor, n: Tensor, r: float) -> dict[str, Tensor]:
    """Probabilities of one pattern of k among n: independent draws, and what may be done to these afterwards."""
    rate = torch.tensor(r, dtype=torch.float64)
    plain, less = rate**k * (1 - rate) ** (n - k), rate ** (k - 1).clamp(min=0) * (1 - rate) ** (n - k + 1)
    empty = (1 - rate) ** n
    return {
        "plain": plain,
        "empty": empty,
        "not empty": (k > 0) * plain,
        "uniform": (k > 0) * plain + (k == 1) * empty / n,
        "one more": k / n * (plain + less),
        "another": k * less / (n - k + 1) + (k == n) * plain,
        "drawn again": (k > 0) * plain / (1 - empty).clamp(min=1e-300),
    }


def _count_rivals(choices: Choices, rows: Tensor, k: Tensor, n: Tensor, log_p: Tensor) -> dict[str, Tensor]:
    """Rivals for the number that a row gets; every pattern of that number is left as likely as any other."""
    if choices.rate == 0:
        return {}
    among = torch.lgamma(n + 1.0) - torch.lgamma(k + 1.0) - torch.lgamma(n - k + 1.0)
    rivals = {_COUNTS: learned(k, int(n.max()) + 1, n) - among}
    if len(choices.drawn) > 1:
        counts = choices.drawn.sum(-1)
        earlier = torch.cat([torch.full_like(counts[:1], -1), counts[:-1]])[rows]
        rivals["a row got as many as the time before"] = copied(k, log_p + among, earlier) - among
    return rivals
