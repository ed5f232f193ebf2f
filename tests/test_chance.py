"""Bets on random draws: the right answer hardly ever loses one, a wrong one does."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from autograder.chance import FALSE_ALARM, copied, gains, last_alike, learned, winners


def coins(n: int, p: float, seed: int) -> Tensor:
    return (torch.rand(n, generator=torch.Generator().manual_seed(seed)) < p).long()


def log_p_of(drawn: Tensor, p: float) -> Tensor:
    return torch.where(drawn == 1, math.log(p), math.log1p(-p)).double()


def test_an_honest_coin_loses_every_bet() -> None:
    keys = torch.arange(400) % 7
    for seed in range(200):
        drawn = coins(400, 0.3, seed)
        log_p = log_p_of(drawn, 0.3)
        rivals = {
            "another share": learned(drawn, 2),
            "by key": learned(drawn, 2, keys),
            "copied": copied(drawn, log_p, last_alike(drawn, keys)),
            "one of two shares": torch.stack([log_p_of(drawn, 0.25), log_p_of(drawn, 0.35)]),
        }
        assert winners(gains(log_p, rivals)) == []


def test_each_rival_wins_where_it_is_right() -> None:
    keys = torch.arange(400) % 7
    for seed in range(20):
        fair = coins(400, 0.5, seed)
        log_p = log_p_of(fair, 0.3)
        assert winners(gains(log_p, {"another share": learned(fair, 2)})) == ["another share"]
        by_key = coins(7, 0.5, seed)[keys]
        log_p = log_p_of(by_key, 0.5)
        rivals = {"by key": learned(by_key, 2, keys), "copied": copied(by_key, log_p, last_alike(by_key, keys))}
        assert set(winners(gains(log_p, rivals))) == {"by key", "copied"}


@pytest.mark.parametrize("n", [1, 5])
def test_a_coin_is_a_martingale(n: int) -> None:
    """Over all outcomes, every rival's probabilities sum to one (or less): no bet has an edge against the right one."""
    keys, p = torch.tensor([0, 1, 0, 0, 1])[:n], 0.3
    totals = {"learned": 0.0, "by key": 0.0, "copied": torch.zeros(3, dtype=torch.float64)}
    for outcome in product((0, 1), repeat=n):
        drawn = torch.tensor(outcome)
        log_p = log_p_of(drawn, p)
        totals["learned"] += float(learned(drawn, 2).sum().exp())
        totals["by key"] += float(learned(drawn, 2, keys).sum().exp())
        totals["copied"] = totals["copied"] + copied(drawn, log_p, last_alike(drawn, keys)).expand(3, n).sum(1).exp()
    assert totals["learned"] == pytest.approx(1)
    assert totals["by key"] == pytest.approx(1)
    assert totals["copied"].tolist() == pytest.approx([1, 1, 1])


def test_learned_shares_are_those_of_the_draws_before() -> None:
    drawn, context = torch.tensor([2, 0, 2, 2, 0]), torch.tensor([0, 0, 1, 0, 1])
    wanted = [0.5 / 1.5, 0.5 / 2.5, 0.5 / 1.5, 1.5 / 3.5, 0.5 / 2.5]
    torch.testing.assert_close(learned(drawn, 3, context).exp(), torch.tensor(wanted, dtype=torch.float64))
    wanted = [0.5 / 1.5, 0.5 / 2.5, 1.5 / 3.5, 2.5 / 4.5, 1.5 / 5.5]
    torch.testing.assert_close(learned(drawn, 3).exp(), torch.tensor(wanted, dtype=torch.float64))


def test_the_last_draw_of_the_same_key() -> None:
    drawn, keys = torch.tensor([5, 6, 7, 8, 9]), torch.tensor([3, 1, 3, 3, 1])
    assert last_alike(drawn, keys).tolist() == [-1, -1, 5, 7, 6]
    assert last_alike(drawn[:0], keys[:0]).tolist() == []


def test_ways_share_one_coin() -> None:
    drawn = coins(300, 0.7, 0)
    log_p, right = log_p_of(drawn, 0.5), log_p_of(drawn, 0.7)
    alone = gains(log_p, {"one": right})["one"]
    shared = gains(log_p, {"one": torch.stack([log_p_of(drawn, 0.05), right])})["one"]
    assert alone - math.log(2) - 1e-6 <= shared < alone


def test_no_draws_and_impossible_rivals_win_nothing() -> None:
    nothing = torch.empty(0, dtype=torch.float64)
    assert winners(gains(nothing, {"a": nothing, "b": torch.empty(2, 0, dtype=torch.float64)})) == []
    drawn = coins(50, 0.5, 3)
    never = torch.where(drawn == 1, -torch.inf, 0.0).double()
    assert winners(gains(log_p_of(drawn, 0.5), {"never": never})) == []


def test_what_is_vague_comes_behind_what_is_nearly_as_good() -> None:
    least = -math.log(FALSE_ALARM)
    won = {"vague": least + 30, "named": least + 20, "far off": least + 1, "lost": least - 1}
    assert winners(won) == ["vague", "named", "far off"]
    assert winners(won, vague=["vague"]) == ["named", "vague", "far off"]
