"""Right answers to lesson 05 in several styles: what to look at, and the context that comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("scaled_dot_product_attention")
def scaled_plain(queries, keys, values, mask=None):
    scores = torch.bmm(queries, keys.transpose(1, 2)) / math.sqrt(queries.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.nan_to_num(F.softmax(scores, dim=-1))
    return torch.bmm(weights, values), weights


@right("scaled_dot_product_attention")
def scaled_fused(queries, keys, values, mask=None):
    outputs = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    eye = torch.eye(keys.shape[1], dtype=keys.dtype, device=keys.device).expand(len(keys), -1, -1)
    return outputs, F.scaled_dot_product_attention(queries, keys, eye, attn_mask=mask)


@right("scaled_dot_product_attention")
def scaled_beforehand(queries, keys, values, mask=None):
    scores = torch.einsum("bqd,bkd->bqk", queries * keys.size(-1) ** -0.5, keys)
    mask = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask
    weights = torch.softmax(scores + torch.where(mask, 0.0, -1e9).to(scores.dtype), dim=-1) * mask
    return torch.einsum("bqk,bkv->bqv", weights, values), weights


@right("scaled_dot_product_attention")
def scaled_half_each(queries, keys, values, mask=None):
    root = torch.tensor(float(keys.shape[-1]), dtype=torch.float64).sqrt().sqrt().to(keys)
    scores = (queries / root) @ (keys / root).mT
    if mask is None:
        weights = scores.softmax(-1)
    else:
        weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1).masked_fill(~mask, 0)
    return weights @ values, weights


@right("scaled_dot_product_attention")
def scaled_query_by_query(queries, keys, values, mask=None):
    shown = torch.tensor(True) if mask is None else mask
    shown = shown.to(keys.device).expand(len(queries), queries.shape[1], keys.shape[1])
    rows = []
    for i in range(queries.shape[1]):
        scores = (keys @ queries[:, i, :, None]).squeeze(-1) / keys.shape[-1] ** 0.5
        weights = scores.masked_fill(~shown[:, i], -1e9).softmax(dim=-1)
        rows.append(torch.where(shown[:, i], weights, torch.zeros_like(weights)))
    weights = torch.stack(rows, dim=1)
    return (weights.unsqueeze(-1) * values.unsqueeze(1)).sum(dim=2), weights


def _argmax(scores, values):
    index = scores.argmax(dim=-1)
    return values.gather(1, index.unsqueeze(-1).expand(-1, -1, values.shape[-1])), index


def _at(values, index):
    return values[torch.arange(len(values), device=values.device).unsqueeze(1), index], index


@right("hard_attention")
def hard_multinomial(scores, values, generator=None):
    if generator is None:
        return _argmax(scores, values)
    batch, n_q, n_k = scores.shape
    p = F.softmax(scores, dim=-1).view(-1, n_k)
    return _at(values, torch.multinomial(p, num_samples=1, generator=generator).squeeze(-1).view(batch, n_q))


@right("hard_attention")
def hard_gumbel(scores, values, generator=None):
    noise = 0.0
    if generator is not None:
        u = torch.rand(scores.shape, dtype=scores.dtype, device=scores.device, generator=generator)
        noise = -torch.log(-torch.log(u))
    return _at(values, (scores + noise).argmax(dim=-1))


@right("hard_attention")
def hard_inverse(scores, values, generator=None):
    if generator is None:
        index = torch.max(scores, dim=-1).indices
    else:
        u = torch.rand(scores.shape[:2], dtype=scores.dtype, device=scores.device, generator=generator)
        cumulative = torch.softmax(scores, dim=-1).cumsum(dim=-1)
        index = (cumulative <= u.unsqueeze(-1)).sum(dim=-1).clamp(max=scores.shape[-1] - 1)
    one_hot = F.one_hot(index, scores.shape[-1]).to(values.dtype)
    return one_hot @ values, index


@right("hard_attention")
def hard_loops(scores, values, generator=None):
    index = torch.zeros(scores.shape[:2], dtype=torch.int64, device=scores.device)
    for b in range(scores.shape[0]):
        for i in range(scores.shape[1]):
            p = scores[b, i].softmax(dim=0)
            index[b, i] = p.argmax() if generator is None else torch.multinomial(p, 1, generator=generator)[0]
    return torch.stack([v[i] for v, i in zip(values, index, strict=True)]), index


@right("hard_attention")
def hard_race(scores, values, generator=None):
    """The first of n clocks, each as fast as it is probable; and the gradient of the soft weights, straight through."""
    p = torch.softmax(scores, dim=-1)
    clocks = p if generator is None else p / torch.empty_like(p).exponential_(generator=generator)
    index = clocks.argmax(dim=-1)
    one_hot = F.one_hot(index, p.shape[-1]).to(p.dtype)
    return torch.bmm(one_hot + p - p.detach(), values), index


def _masked_softmax(scores, mask):
    return scores.masked_fill(~mask, -1e9).softmax(dim=-1) * mask


@right("local_attention_weights")
def local_plain(scores, centers, window):
    positions = torch.arange(scores.shape[-1], device=scores.device, dtype=scores.dtype)
    distance = positions - centers[..., None]
    return _masked_softmax(scores, distance.abs() <= window) * torch.exp(-2 * (distance / window) ** 2)


@right("local_attention_weights")
def local_borders(scores, centers, window):
    j = torch.arange(scores.shape[-1], device=scores.device)[None, None]
    c = centers.unsqueeze(2)
    inside = (j >= c - window) & (j <= c + window)
    weights = torch.nan_to_num(torch.where(inside, scores, -torch.inf).softmax(dim=-1))
    sigma = window / 2
    return weights * torch.exp(-0.5 * ((j - c) / sigma).square())


@right("local_attention_weights")
def local_loops(scores, centers, window):
    weights = torch.zeros_like(scores)
    for b, i in torch.cartesian_prod(torch.arange(scores.shape[0]), torch.arange(scores.shape[1])).tolist():
        c = centers[b, i]
        near = [j for j in range(scores.shape[2]) if abs(j - float(c.detach())) <= window]
        if near:
            at = torch.tensor(near, device=scores.device)
            weights[b, i, at] = scores[b, i, at].softmax(0) * torch.exp(-((at - c) ** 2) / (2 * (window / 2) ** 2))
    return weights


@right("local_attention_weights")
def local_slices(scores, centers, window):
    rows = []
    for row, center in zip(scores.flatten(0, 1), centers.flatten(), strict=True):
        at = float(center.detach())
        first, last = max(math.ceil(at - window), 0), min(math.floor(at + window), len(row) - 1)
        if first > last:
            rows.append(torch.zeros_like(row))
            continue
        near = torch.arange(first, last + 1, device=row.device)
        peak = torch.distributions.Normal(center, torch.as_tensor(window / 2).to(center))
        shape = torch.exp(peak.log_prob(near.to(center)) - peak.log_prob(center))
        rows.append(F.pad(row[first : last + 1].softmax(0) * shape, (first, len(row) - 1 - last)))
    return torch.stack(rows).view(scores.shape)


@right("local_attention_weights")
def local_in_logarithms(scores, centers, window):
    distance = torch.arange(scores.shape[-1]).to(scores) - centers.unsqueeze(-1)
    far = distance.abs() > window
    hidden = scores.masked_fill(far, torch.finfo(scores.dtype).min)
    logs = hidden.log_softmax(dim=-1) - distance.pow(2) * 2 / window**2
    return logs.exp().masked_fill(far, 0.0)


@right("attend_and_combine")
def combine_bmm(query, attention_weights, values, W, b):
    context = torch.bmm(attention_weights.unsqueeze(1), values).squeeze(1)
    return torch.cat([query, context], dim=1) @ W + b, context


@right("attend_and_combine")
def combine_einsum(query, attention_weights, values, W, b):
    context = torch.einsum("bk,bkd->bd", attention_weights, values)
    return F.linear(torch.cat((query, context), -1), W.T, b), context


@right("attend_and_combine")
def combine_split(query, attention_weights, values, W, b):
    context = (attention_weights[..., None] * values).sum(1)
    return query @ W[: query.shape[1]] + context @ W[query.shape[1] :] + b, context


@right("attend_and_combine")
def combine_loop(query, attention_weights, values, W, b):
    context = torch.zeros_like(values[:, 0])
    for j in range(values.shape[1]):
        context = context + attention_weights[:, j : j + 1] * values[:, j]
    return [torch.addmm(b, torch.hstack((query, context)), W), context]
