"""Wrong answers to lesson 05, beyond the named misconceptions: the ways to score a key against a query."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from autograder.reference.attention import (
    additive_score,
    concat_score,
    cosine_score,
    dot_score,
    general_score,
    location_score,
)

WRONG: dict[str, list[Any]] = {}


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        WRONG.setdefault(exercise_id, []).append(answer)


def spoiled(exercise_id: str, right: Any, names: tuple[str, ...]) -> None:
    """Collect what goes wrong around any score: the right function with one input or the result spoiled."""

    def collect(name: str, answer: Any) -> None:
        among(exercise_id, **{name: answer})

    for place, name in enumerate(names):
        collect(f"{name}_detached", lambda *a, i=place: right(*a[:i], a[i].detach(), *a[i + 1 :]))
        if name not in ("v", "b"):  # a single axis can always be viewed as one
            viewed = lambda *a, i=place: right(*a[:i], a[i].view(-1).view(a[i].shape), *a[i + 1 :])  # noqa: E731
            collect(f"{name}_viewed", viewed)
        collect(f"{name}_in_float32", lambda *a, i=place: right(*a[:i], a[i].float().to(a[i].dtype), *a[i + 1 :]))
        collect(f"{name}_negated", lambda *a, i=place: right(*a[:i], -a[i], *a[i + 1 :]))
        collect(f"{name}_of_the_first", lambda *a, i=place: right(*a[:i], a[i][:1].expand_as(a[i]), *a[i + 1 :]))
        collect(f"{name}_doubled_in_place", lambda *a, i=place: right(
            *a[:i], a[i].detach().mul_(2).div(2) if not a[i].requires_grad else a[i], *a[i + 1 :]))
    collect("squeezed", lambda *a: right(*a).squeeze())
    collect("squeezed_batch", lambda *a: right(*a).squeeze(0))
    collect("float32_result", lambda *a: right(*a).float())
    collect("float64_result", lambda *a: right(*a).double())
    collect("halved", lambda *a: right(*a) / 2)
    collect("rounded", lambda *a: right(*a).round(decimals=5))
    collect("over_the_batch", lambda *a: right(*a) - right(*a).mean(0, keepdim=True))
    collect("positive_only", lambda *a: right(*a).relu())
    collect("absolute", lambda *a: right(*a).abs())
    collect("a_pair", lambda *a: (right(*a), a[0]))
    collect("nothing", lambda *a: None)
    collect("numbers", lambda *a: right(*a).tolist())
    collect("detached", lambda *a: right(*a).detach())
    collect("noisy", lambda *a: right(*a) * (1 + 1e-6))
    collect("axis_in_front", lambda *a: right(*a).unsqueeze(0))
    collect("axis_behind", lambda *a: right(*a).unsqueeze(-1))
    collect("transposed_when_square", lambda *a: s.mT if len({*(s := right(*a)).shape[-2:]}) == 1 else s)


spoiled("dot_score", dot_score, ("queries", "keys"))
among(
    "dot_score",
    outer_products=lambda q, k: q.unsqueeze(2) * k.unsqueeze(1),
    distances=lambda q, k: -torch.cdist(q, k),
    scaled_by_keys=lambda q, k: q @ k.mT / k.shape[1] ** 0.5,
    every_sentence_with_every_other=lambda q, k: torch.einsum("bqd,ckd->bqk", q, k),
    keys_not_turned_when_square=lambda q, k: q @ (k if k.shape[1] == k.shape[2] else k.mT),
    all_queries_alike=lambda q, k: (q.mean(1, keepdim=True) @ k.mT).expand(-1, q.shape[1], -1),
    first_number_only=lambda q, k: q[..., :1] @ k[..., :1].mT,
    last_number_left_out=lambda q, k: q[..., :-1] @ k[..., :-1].mT,
    clamped=lambda q, k: (q @ k.mT).clamp(-3, 3),
    self_scores=lambda q, k: q @ q.mT,
    squashed=lambda q, k: torch.tanh(q @ k.mT),
    squared=lambda q, k: (q @ k.mT) ** 2,
)


def _lengths(q, k):
    return q.norm(dim=-1).unsqueeze(2) * k.norm(dim=-1).unsqueeze(1)


spoiled("cosine_score", cosine_score, ("queries", "keys"))
among(
    "cosine_score",
    nan_replaced=lambda q, k: (q @ k.mT / _lengths(q, k)).nan_to_num(0.0),
    small_number_in_the_root=lambda q, k: q @ k.mT / (
        ((q**2).sum(-1) + 1e-2).sqrt().unsqueeze(2) * ((k**2).sum(-1) + 1e-2).sqrt().unsqueeze(1)),
    clamped_at_one=lambda q, k: q @ k.mT / _lengths(q, k).clamp(min=1.0),
    small_number_of_a_ten_thousandth=lambda q, k: q @ k.mT / (_lengths(q, k) + 1e-4),
    query_length_only=lambda q, k: q @ k.mT / q.norm(dim=-1, keepdim=True).clamp(min=1e-8),
    key_length_only=lambda q, k: q @ k.mT / k.norm(dim=-1).unsqueeze(1).clamp(min=1e-8),
    sum_of_absolutes=lambda q, k: F.normalize(q, p=1, dim=-1) @ F.normalize(k, p=1, dim=-1).mT,
    largest_number=lambda q, k: F.normalize(q, p=torch.inf, dim=-1) @ F.normalize(k, p=torch.inf, dim=-1).mT,
    length_of_the_sentence=lambda q, k: q @ k.mT / (q.flatten(1).norm(dim=1) * k.flatten(1).norm(dim=1))[:, None, None],
    length_over_the_batch=lambda q, k: F.normalize(q, dim=0) @ F.normalize(k, dim=0).mT,
    centred=lambda q, k: cosine_score(q - q.mean(-1, keepdim=True), k - k.mean(-1, keepdim=True)),
    one_where_zero=lambda q, k: torch.where(_lengths(q, k) == 0, 1.0, cosine_score(q, k)),
    one_where_both_are_zero=lambda q, k: torch.where(
        (q == 0).all(-1).unsqueeze(2) | (k == 0).all(-1).unsqueeze(1), 0.5, cosine_score(q, k)),
    zero_below_a_tenth=lambda q, k: torch.where(_lengths(q, k) < 1.0, 0.0, cosine_score(q, k)),
    angles=lambda q, k: cosine_score(q, k).clamp(-0.999, 0.999).acos(),
    scaled=lambda q, k: cosine_score(q, k) / q.shape[-1] ** 0.5,
    softmaxed=lambda q, k: cosine_score(q, k).softmax(-1),
    turned=lambda q, k: cosine_score(k, q),
    each_with_one=lambda q, k: F.cosine_similarity(q, k, dim=-1),
    halved_angles=lambda q, k: (1 + cosine_score(q, k)) / 2,
    query_length_detached=lambda q, k: (
        q / q.detach().norm(dim=-1, keepdim=True).clamp(min=1e-8) @ F.normalize(k, dim=-1).mT),
    no_gradient_near_zero=lambda q, k: cosine_score(
        torch.where((q == 0).all(-1, keepdim=True).any(1, keepdim=True), q.detach(), q), k),
    float32_inside=lambda q, k: cosine_score(q.float(), k.float()).to(q.dtype),
)


spoiled("general_score", general_score, ("queries", "keys", "W"))
among(
    "general_score",
    diagonal_only=lambda q, k, W: (q[..., : min(W.shape)] * W.diagonal()) @ k[..., : min(W.shape)].mT,
    turned_when_square=lambda q, k, W: q @ (W.T if W.shape[0] == W.shape[1] else W) @ k.mT,
    scaled_by_queries=lambda q, k, W: general_score(q, k, W) / q.shape[-1] ** 0.5,
    divided_by_width=lambda q, k, W: general_score(q, k, W) / k.shape[-1],
    symmetric=lambda q, k, W: q @ (W + W.T) @ k.mT / 2 if W.shape[0] == W.shape[1] else general_score(q, k, W),
    query_added=lambda q, k, W: general_score(q, k, W) + (q @ k.mT if q.shape[-1] == k.shape[-1] else 0),
    normalised=lambda q, k, W: F.normalize(q @ W, dim=-1) @ k.mT,
    squashed_query=lambda q, k, W: torch.tanh(q @ W) @ k.mT,
    rectified_query=lambda q, k, W: torch.relu(q @ W) @ k.mT,
    squared_weights=lambda q, k, W: q @ W**2 @ k.mT,
    each_with_one=lambda q, k, W: ((q @ W) * k).sum(-1),
    without_batches=lambda q, k, W: (q @ W) @ k.sum(0).T,
    float32_inside=lambda q, k, W: general_score(q.float(), k.float(), W.float()).to(q.dtype),
)


def _hidden(q, k, W_q, W_k):
    return (q @ W_q).unsqueeze(2) + (k @ W_k).unsqueeze(1)


spoiled("additive_score", additive_score, ("queries", "keys", "W_q", "W_k", "v"))
among(
    "additive_score",
    mean_over_hidden=lambda q, k, W_q, W_k, v: (torch.tanh(_hidden(q, k, W_q, W_k)) * v).mean(-1),
    tanh_outside=lambda q, k, W_q, W_k, v: torch.tanh(_hidden(q, k, W_q, W_k) @ v),
    tanh_twice=lambda q, k, W_q, W_k, v: torch.tanh(torch.tanh(_hidden(q, k, W_q, W_k)) @ v),
    v_inside=lambda q, k, W_q, W_k, v: torch.tanh(_hidden(q, k, W_q, W_k) * v).sum(-1),
    scaled=lambda q, k, W_q, W_k, v: additive_score(q, k, W_q, W_k, v) / len(v) ** 0.5,
    subtracted=lambda q, k, W_q, W_k, v: additive_score(q, -k, W_q, W_k, v),
    hardtanh=lambda q, k, W_q, W_k, v: F.hardtanh(_hidden(q, k, W_q, W_k)) @ v,
    softsign=lambda q, k, W_q, W_k, v: F.softsign(_hidden(q, k, W_q, W_k)) @ v,
    overflowing=lambda q, k, W_q, W_k, v: (
        lambda e: (e - 1) / (e + 1))(torch.exp(2 * _hidden(q, k, W_q, W_k))) @ v,
    weights_swapped=lambda q, k, W_q, W_k, v: additive_score(
        q, k, *((W_k, W_q) if W_q.shape == W_k.shape else (W_q, W_k)), v),
    same_weights=lambda q, k, W_q, W_k, v: additive_score(q, k, W_q, W_q, v) if W_q.shape == W_k.shape
    else additive_score(q, k, W_q, W_k, v),
    query_weights_turned=lambda q, k, W_q, W_k, v: additive_score(
        q, k, W_q.T if W_q.shape[0] == W_q.shape[1] else W_q, W_k, v),
    key_weights_turned=lambda q, k, W_q, W_k, v: additive_score(
        q, k, W_q, W_k.T if W_k.shape[0] == W_k.shape[1] else W_k, v),
    turned_in_memory=lambda q, k, W_q, W_k, v: additive_score(q, k, W_q, W_k, v).mT.reshape(
        len(q), q.shape[1], k.shape[1]),
    query_only=lambda q, k, W_q, W_k, v: additive_score(q, 0 * k, W_q, W_k, v),
    key_only=lambda q, k, W_q, W_k, v: additive_score(0 * q, k, W_q, W_k, v),
    first_hidden_unit=lambda q, k, W_q, W_k, v: additive_score(q, k, W_q[:, :1], W_k[:, :1], v[:1]),
    normalised_v=lambda q, k, W_q, W_k, v: additive_score(q, k, W_q, W_k, F.normalize(v, dim=0)),
    diagonal_when_square=lambda q, k, W_q, W_k, v: (torch.tanh(q @ W_q + k @ W_k) @ v).unsqueeze(2).expand(
        -1, -1, k.shape[1]) if q.shape[1] == k.shape[1] else additive_score(q, k, W_q, W_k, v),
    float32_inside=lambda *a: additive_score(*(x.float() for x in a)).to(a[0].dtype),
)


def _pairs(q, k):
    return torch.cat([q.unsqueeze(2).expand(-1, -1, k.shape[1], -1), k.unsqueeze(1).expand(-1, q.shape[1], -1, -1)], -1)


spoiled("concat_score", concat_score, ("queries", "keys", "W", "b"))
among(
    "concat_score",
    bias_outside=lambda q, k, W, b: (torch.tanh(_pairs(q, k) @ W) + b).sum(-1),
    bias_twice=lambda q, k, W, b: concat_score(q, k, W, 2 * b),
    tanh_of_the_parts=lambda q, k, W, b: (
        torch.tanh(q @ W[: q.shape[-1]]).unsqueeze(2) + torch.tanh(k @ W[q.shape[-1] :] + b).unsqueeze(1)).sum(-1),
    sigmoid=lambda q, k, W, b: torch.sigmoid(_pairs(q, k) @ W + b).sum(-1),
    relu=lambda q, k, W, b: torch.relu(_pairs(q, k) @ W + b).sum(-1),
    hardtanh=lambda q, k, W, b: F.hardtanh(_pairs(q, k) @ W + b).sum(-1),
    largest=lambda q, k, W, b: torch.tanh(_pairs(q, k) @ W + b).amax(-1),
    product=lambda q, k, W, b: torch.tanh(_pairs(q, k) @ W + b).prod(-1),
    weighted_by_bias=lambda q, k, W, b: torch.tanh(_pairs(q, k) @ W + b) @ b,
    first_hidden_unit=lambda q, k, W, b: torch.tanh(_pairs(q, k) @ W + b)[..., 0],
    order_when_equal=lambda q, k, W, b: torch.tanh(
        torch.cat(_pairs(q, k).split([q.shape[-1], k.shape[-1]], -1)[::-1], -1) @ W + b).sum(-1)
    if q.shape[-1] == k.shape[-1] else concat_score(q, k, W, b),
    weights_turned_when_square=lambda q, k, W, b: concat_score(q, k, W.T if W.shape[0] == W.shape[1] else W, b),
    query_only=lambda q, k, W, b: concat_score(q, 0 * k, W, b),
    key_only=lambda q, k, W, b: concat_score(0 * q, k, W, b),
    split_in_halves=lambda q, k, W, b: torch.tanh(
        torch.cat(_pairs(q, k).chunk(2, -1)[::-1], -1) @ W + b).sum(-1),
    multiplied=lambda q, k, W, b: torch.tanh(
        (q @ W[: q.shape[-1]]).unsqueeze(2) * (k @ W[q.shape[-1] :]).unsqueeze(1) + b).sum(-1),
    overflowing=lambda q, k, W, b: (
        lambda e: (e - 1) / (e + 1))(torch.exp(2 * (_pairs(q, k) @ W + b))).sum(-1),
    scaled=lambda q, k, W, b: concat_score(q, k, W, b) / len(b) ** 0.5,
    pairs_in_another_order_when_square=lambda q, k, W, b: concat_score(q, k, W, b).mT
    if q.shape[1] == k.shape[1] else concat_score(q, k, W, b),
    each_with_one=lambda q, k, W, b: torch.tanh(torch.cat([q, k], -1) @ W + b).sum(-1),
    float32_inside=lambda *a: concat_score(*(x.float() for x in a)).to(a[0].dtype),
)


def _both(q, k):
    return torch.cat([q, k], dim=-1)


spoiled("location_score", location_score, ("query", "key", "W", "b"))
among(
    "location_score",
    key_only=lambda q, k, W, b: k @ W[q.shape[-1] :] + b,
    weights_turned_when_square=lambda q, k, W, b: _both(q, k) @ (W.T if W.shape[0] == W.shape[1] else W) + b,
    order_when_equal=lambda q, k, W, b: _both(k, q) @ W + b if q.shape == k.shape else location_score(q, k, W, b),
    log_softmaxed=lambda q, k, W, b: location_score(q, k, W, b).log_softmax(-1),
    sigmoid=lambda q, k, W, b: location_score(q, k, W, b).sigmoid(),
    relu=lambda q, k, W, b: location_score(q, k, W, b).relu(),
    centred=lambda q, k, W, b: location_score(q, k, W, b) - location_score(q, k, W, b).mean(-1, keepdim=True),
    scaled=lambda q, k, W, b: location_score(q, k, W, b) / W.shape[0] ** 0.5,
    keys_scored_as_well=lambda q, k, W, b: location_score(q, k, W, b) * (q.sum(-1, keepdim=True)),
    bias_of_the_first_position=lambda q, k, W, b: _both(q, k) @ W + b[0],
    bias_subtracted=lambda q, k, W, b: _both(q, k) @ W - b,
    a_query_axis=lambda q, k, W, b: location_score(q, k, W, b).unsqueeze(1),
    positions_first=lambda q, k, W, b: location_score(q, k, W, b).T,
    positions_reversed=lambda q, k, W, b: location_score(q, k, W, b).flip(-1),
    best_position=lambda q, k, W, b: location_score(q, k, W, b).argmax(-1),
    added=lambda q, k, W, b: (q + k) @ W[: q.shape[-1]] + b if q.shape == k.shape else location_score(q, k, W, b),
    float32_inside=lambda *a: location_score(*(x.float() for x in a)).to(a[0].dtype),
)
