"""Do these draws follow softmax(scores), each independent of the others, and are the outputs the values drawn?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.chance import better_explanations

_HALF = 0.5
"""How much a rival trusts that a draw is the same as another one, or never the same; the rest is as it should be."""


def problems_of(asked: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[str]:
    """The first problem with what came back, which may be anything.

    A right answer is rejected with probability below 1e-5 in all cases together: at most 20 bets at
    `chance.FALSE_ALARM` for each of a dozen sets of draws, and two generators that agree by chance on 72 draws.
    """
    scores, values = asked["scores"], asked["values"]
    calls = asked.get("calls", 1)
    found = _form_problem(outputs.get("outputs"), outputs.get("index"), scores, values, calls)
    if found:
        return [found]
    index = outputs["index"] if calls == 1 else torch.cat(outputs["index"])
    found = draws_problem(index.cpu(), scores.cpu().double(), calls)
    if found is None and asked.get("repeat"):
        found = _generator_problem(outputs, scores, values)
    if found is None and asked.get("slopes"):
        found = _slope_problem(outputs.get("gradient of values"), index.cpu(), values.cpu())
    return [] if found is None else [found]


def _form_problem(outputs: Any, index: Any, scores: Tensor, values: Tensor, calls: int) -> str | None:
    """What keeps this from being one value for each query, or None."""
    if calls > 1:
        lists = isinstance(outputs, list) and isinstance(index, list) and len(outputs) == len(index) == calls
        each = zip(outputs, index, strict=True) if lists else [(None, None)]
        return next((p for p in (_form_problem(o, i, scores, values, 1) for o, i in each) if p), None)
    if not isinstance(index, Tensor) or index.dtype != torch.int64:
        return "`index` is not a tensor of int64"
    if index.shape != scores.shape[:2]:
        return "`index` has the wrong shape: expected (batch, n_q)"
    if bool(((index < 0) | (index >= scores.shape[2])).any()):
        return "`index` points beyond the values: expected numbers in 0 … n_k - 1"
    if not isinstance(outputs, Tensor) or outputs.dtype != values.dtype:
        return "`outputs` is not a tensor of the values' dtype"
    if outputs.shape != (*index.shape, values.shape[2]):
        return "`outputs` has the wrong shape: expected (batch, n_q, d_v)"
    rows = values.cpu()[torch.arange(len(values))[:, None], index.cpu()]
    near = bool(((outputs.cpu() - rows).abs() <= 1e-5 * values.cpu().abs().max()).all())
    return None if near else "`outputs` does not hold the values at `index`, one for each query of each sentence"


def draws_problem(index: Tensor, scores: Tensor, calls: int = 1) -> str | None:
    """What explains the draws far better than softmax(scores), None when nothing does.

    `index (calls * batch, n_q)` holds the draws of all calls, one below the other; all of them had the same scores.
    """
    batch = len(scores)
    scores = scores.repeat(calls, 1, 1)
    log_p = scores.log_softmax(dim=-1)
    rivals = _rivals(scores) | _copies(index, log_p, batch)
    if bool((scores == scores[:1, :1]).all()):
        rivals |= _habits(index, scores.shape[-1])
    flat = {name: rival.flatten(0, 1) for name, rival in rivals.items()}
    won = better_explanations(index.flatten(), log_p.flatten(0, 1), flat)
    if not won:
        return None
    told = "these draws do not follow softmax(scores), each independent of the others"
    manner = next((name for name in won if name != "something else"), None)
    return told if manner is None else f"{told}: they look {manner}"


def _rivals(scores: Tensor) -> dict[str, Tensor]:
    largest = torch.where(scores == scores.amax(-1, keepdim=True), 0.0, -torch.inf)
    kept = scores.clamp(min=0) + 1e-6
    rivals = {
        "as if the largest score were always taken": largest,
        "as if every key were as likely as any other": torch.zeros_like(scores),
        "as if large scores counted more": 1.3 * scores,
        "as if large scores counted less": scores / 1.3,
        "as if large scores counted far more": 2 * scores,
        "as if large scores counted far less": scores / 2,
        "as if small scores were preferred": -scores,
        "as if the scores themselves were probabilities": kept.log(),
        "as if all queries used the scores of the first": scores[:, :1].expand_as(scores),
        "as if all sentences used the scores of the first": scores[:1].expand_as(scores),
        "as if the softmax ran over the queries": scores.log_softmax(dim=1),
    }
    return {name: rival.log_softmax(dim=-1) for name, rival in rivals.items()}


def _copies(index: Tensor, log_p: Tensor, batch: int) -> dict[str, Tensor]:
    """Rivals that expect a draw to be the same as an earlier one, or another."""
    nothing = torch.full_like(index[:1], -1)
    query = _query_before(index)
    above = torch.cat([nothing, index[:-1]])
    sentence = torch.where((torch.arange(len(index)) % batch > 0).unsqueeze(1), above, -1)
    call = torch.cat([nothing.expand(batch, -1), index[:-batch]])
    return {
        "as if all queries of a sentence shared one draw": _like(query, log_p),
        "as if all sentences shared one draw": _like(sentence, log_p),
        "as if every call gave the same draws": _like(call, log_p),
        "as if a query never looked where the one before it does": _unlike(query, log_p),
        "as if a sentence never looked where the one before it does": _unlike(sentence, log_p),
    }


def _query_before(index: Tensor) -> Tensor:
    return torch.cat([torch.full_like(index[:, :1], -1), index[:, :-1]], dim=1)


def _like(other: Tensor, log_p: Tensor) -> Tensor:
    """As likely as not the same as another draw; as it should be where there is no other (-1)."""
    same = F.one_hot(other.clamp(min=0), log_p.shape[-1]).to(log_p)
    mixed = torch.logaddexp(same.log() + math.log(_HALF), log_p + math.log(1 - _HALF))
    return torch.where((other < 0).unsqueeze(-1), log_p, mixed)


def _unlike(other: Tensor, log_p: Tensor) -> Tensor:
    """Less likely than it should be the same as another draw."""
    same = F.one_hot(other.clamp(min=0), log_p.shape[-1]).to(log_p)
    fewer = (log_p + torch.log1p(-_HALF * same)).log_softmax(dim=-1)
    return torch.where((other < 0).unsqueeze(-1), log_p, fewer)


def _habits(index: Tensor, n_k: int) -> dict[str, Tensor]:
    """Where all queries have the same scores: rivals that learn from the draws before how the next one will be."""
    above = torch.cat([torch.full_like(index[:1], -1), index[:-1]])
    contexts = {
        "as if some keys came more often than they should": torch.zeros_like(index),
        "as if a draw depended on the one before": _query_before(index),
        "as if a draw depended on the sentence before": above,
    }
    found = {name: _learned(index.flatten(), n_k, context.flatten()) for name, context in contexts.items()}
    return {name: rival.view(*index.shape, n_k) for name, rival in found.items()}


def _learned(drawn: Tensor, kinds: int, context: Tensor) -> Tensor:
    """Shares as they were among the draws before in the same context, each kind starting at one half."""
    seen = F.one_hot(drawn, kinds).double()
    before = (context[:, None] == context).tril(-1).double() @ seen
    return ((before + 0.5) / (before.sum(dim=1, keepdim=True) + kinds / 2)).log()


def _generator_problem(outputs: Mapping[str, Any], scores: Tensor, values: Tensor) -> str | None:
    same = {}
    for name in ("same seed", "same generator again", "another seed"):
        run = outputs.get(name)
        if not isinstance(run, Mapping):
            return "nothing came back for the second generator"
        found = _form_problem(run.get("outputs"), run.get("index"), scores, values, 1)
        if found:
            return found
        same[name] = torch.equal(run["index"], outputs["index"])
    if outputs.get("other randomness untouched") is not True:
        return "another source of randomness than the generator is used or set"
    if not same["same seed"]:
        return "two generators of one seed give different draws"
    if same["another seed"]:
        return "generators of different seeds give the same draws"
    if same["same generator again"]:
        return "a generator that is used twice gives the same draws again: it does not move on"
    return None


def _slope_problem(slope: Any, index: Tensor, values: Tensor) -> str | None:
    """The gradient of the sum of all outputs: how often each value was drawn."""
    if not isinstance(slope, Tensor) or slope.shape != values.shape:
        return "no gradient reaches `values`: is the graph cut by detach, .data, .item or a copy?"
    counts = F.one_hot(index, values.shape[1]).sum(dim=1).to(slope.dtype)
    near = bool(((slope.cpu() - counts.unsqueeze(-1)).abs() <= 1e-5).all())
    return None if near else "the gradient of `values` is wrong"
