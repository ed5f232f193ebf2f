"""Right answers to lesson 06 in several styles: `RIGHT[exercise]` lists them. Projections and one head."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("project_qkv")
def project_plain(X, W_q, W_k, W_v):
    return X @ W_q, X @ W_k, X @ W_v


@right("project_qkv")
def project_einsum(X, W_q, W_k, W_v):
    return tuple(torch.einsum("bnd,dk->bnk", X, W) for W in (W_q, W_k, W_v))


@right("project_qkv")
def project_joined(X, W_q, W_k, W_v):
    joined = torch.matmul(X, torch.cat([W_q, W_k, W_v], dim=-1))
    return joined.split([W_q.shape[1], W_k.shape[1], W_v.shape[1]], dim=-1)


@right("project_qkv")
def project_linear(X, W_q, W_k, W_v):
    return [F.linear(X, W.t()) for W in (W_q, W_k, W_v)]


@right("project_qkv")
def project_flat(X, W_q, W_k, W_v):
    batch, seq, _ = X.shape
    rows = X.reshape(batch * seq, -1)
    return tuple(rows.mm(W).view(batch, seq, -1) for W in (W_q, W_k, W_v))


@right("project_qkv")
def project_word_by_word(X, W_q, W_k, W_v):
    def project(W):
        return torch.stack([torch.stack([W.T.mv(word) for word in sentence]) for sentence in X])

    return project(W_q), project(W_k), project(W_v)


@right("project_qkv")
def project_module(X, W_q, W_k, W_v):
    found = []
    for W in (W_q, W_k, W_v):
        layer = nn.Linear(*W.shape, bias=False, device=X.device, dtype=X.dtype)
        found.append(torch.func.functional_call(layer, {"weight": W.T}, (X,)))
    return tuple(found)


def softmax_filled(scores, mask):
    """A large negative number, then zeros."""
    if mask is None:
        return F.softmax(scores, dim=-1)
    return F.softmax(scores.masked_fill(mask == 0, -1e9), dim=-1) * mask


def softmax_infinite(scores, mask):
    """Minus infinity, NaN replaced; the gradient is cut where the mask is False."""
    if mask is None:
        return torch.softmax(scores, -1)
    return torch.nan_to_num(torch.softmax(scores.masked_fill(mask.logical_not(), float("-inf")), -1))


def softmax_by_hand(scores, mask):
    mask = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask.expand_as(scores)
    top = torch.where(mask, scores, torch.full_like(scores, -torch.inf)).amax(-1, keepdim=True)
    top = torch.where(top.isfinite(), top, torch.zeros_like(top)).detach()
    powers = torch.exp(torch.where(mask, scores - top, torch.full_like(scores, -torch.inf)))
    total = powers.sum(-1, keepdim=True)
    return powers / torch.where(total > 0, total, torch.ones_like(total))


def softmax_where(scores, mask):
    if mask is None:
        return scores.softmax(-1)
    any_seen = mask.any(-1, keepdim=True)
    weights = torch.where(mask | ~any_seen, scores, -torch.inf).softmax(-1)
    return torch.where(any_seen, weights, 0.0)


def softmax_added(scores, mask):
    """A bias of the lowest number is added; rows that see nothing are multiplied by zero."""
    if mask is None:
        return scores.softmax(dim=-1)
    bias = torch.zeros(mask.shape, dtype=scores.dtype, device=scores.device)
    bias[~mask] = -1e30
    return (scores + bias).softmax(dim=-1) * mask.any(dim=-1, keepdim=True).to(scores.dtype)


@right("self_attention")
def self_filled(X, W_q, W_k, W_v, mask=None):
    Q, K, V = X @ W_q, X @ W_k, X @ W_v
    weights = softmax_filled(Q @ K.transpose(-2, -1) / math.sqrt(K.size(-1)), mask)
    return weights @ V, weights


@right("self_attention")
def self_bmm(X, W_q, W_k, W_v, mask=None):
    Q, K, V = project_joined(X, W_q, W_k, W_v)
    weights = softmax_infinite(torch.bmm(Q, K.mT) * W_q.shape[-1] ** -0.5, mask)
    return torch.bmm(weights, V), weights


@right("self_attention")
def self_einsum(X, W_q, W_k, W_v, mask=None):
    scores = torch.einsum("bid,dk,ek,bje->bij", X, W_q, W_k, X) / W_k.shape[1] ** 0.5
    weights = softmax_by_hand(scores, mask)
    return torch.einsum("bij,bjd,dv->biv", weights, X, W_v), weights


@right("self_attention")
def self_fused(X, W_q, W_k, W_v, mask=None):
    """The weights are what attention makes of the unit matrix."""
    Q, K, V = X @ W_q, X @ W_k, X @ W_v
    one = torch.eye(X.shape[1], dtype=X.dtype, device=X.device).expand(len(X), -1, -1)
    return tuple(F.scaled_dot_product_attention(Q, K, value, attn_mask=mask) for value in (V, one))


@right("self_attention")
def self_word_by_word(X, W_q, W_k, W_v, mask=None):
    batch, seq, _ = X.shape
    mask = None if mask is None else mask.expand(batch, seq, seq)
    outputs, weights = [], []
    for b in range(batch):
        K, V = X[b] @ W_k, X[b] @ W_v
        for i in range(seq):
            scores = K @ (X[b, i] @ W_q) / len(K[0]) ** 0.5
            row = torch.zeros_like(scores)
            seen = range(seq) if mask is None else mask[b, i].nonzero()[:, 0].tolist()
            if len(seen):
                places = torch.tensor(list(seen))
                row = row.index_copy(0, places, scores[places].softmax(0))
            weights.append(row)
            outputs.append(row @ V)
    return torch.stack(outputs).view(batch, seq, -1), torch.stack(weights).view(batch, seq, seq)


@right("self_attention")
def self_into_a_buffer(X, W_q, W_k, W_v, mask=None):
    scores = (X @ W_q) @ (X @ W_k).transpose(1, 2)
    scores /= W_q.size(1) ** 0.5
    if mask is not None:
        scores.masked_fill_(~mask, -1e15)
    weights = torch.softmax(scores, 2)
    weights = weights if mask is None else weights.masked_fill(~mask, 0)
    return weights.matmul(X @ W_v), weights


@right("cross_attention")
def cross_filled(X, memory, W_q, W_k, W_v, mask=None):
    Q, K, V = X @ W_q, memory @ W_k, memory @ W_v
    weights = softmax_filled((Q / K.shape[-1] ** 0.5) @ K.mT, mask)
    return weights @ V, weights


@right("cross_attention")
def cross_added(X, memory, W_q, W_k, W_v, mask=None):
    weights = softmax_added(torch.baddbmm(
        torch.zeros(1, dtype=X.dtype, device=X.device), X @ W_q, (memory @ W_k).mT, alpha=W_k.shape[1] ** -0.5), mask)
    return weights.bmm(memory).matmul(W_v), weights


@right("cross_attention")
def cross_fused(X, memory, W_q, W_k, W_v, mask=None):
    Q, K, V = X @ W_q, memory @ W_k, memory @ W_v
    one = torch.eye(memory.shape[1], dtype=X.dtype, device=X.device).expand(len(X), -1, -1)
    both = F.scaled_dot_product_attention(Q, K, torch.cat([V, one], dim=2), attn_mask=mask)
    return list(both.split([V.shape[2], one.shape[2]], dim=2))


@right("cross_attention")
def cross_where(X, memory, W_q, W_k, W_v, mask=None):
    scores = torch.einsum("bik,bjk->bij", X @ W_q, memory @ W_k).div(math.sqrt(W_q.shape[1]))
    weights = softmax_where(scores, mask)
    return torch.einsum("bij,bjv->biv", weights, memory @ W_v), weights


@right("cross_attention")
def cross_row_by_row(X, memory, W_q, W_k, W_v, mask=None):
    full = None if mask is None else torch.broadcast_to(mask, (len(X), X.shape[1], memory.shape[1]))
    pairs = []
    for b, (x, m) in enumerate(zip(X, memory, strict=True)):
        scores = (x @ W_q) @ (m @ W_k).T * (1 / W_k.shape[1] ** 0.5)
        weights = softmax_by_hand(scores, None if full is None else full[b])
        pairs.append((weights @ (m @ W_v), weights))
    return tuple(torch.stack(part) for part in zip(*pairs, strict=True))
