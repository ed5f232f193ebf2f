"""Right answers to lesson 06: pooling, external memories, experts."""

from __future__ import annotations

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


@right("attention_pooling")
def pool_filled(hidden, query, lengths):
    scores = hidden @ query
    real = torch.arange(hidden.shape[1], device=hidden.device)[None] < lengths[:, None]
    weights = torch.softmax(scores.masked_fill(~real, float("-inf")), dim=1)
    return (weights.unsqueeze(-1) * hidden).sum(dim=1), weights


@right("attention_pooling")
def pool_row_by_row(hidden, query, lengths):
    pooled, weights = [], []
    for row, n in zip(hidden, lengths.tolist(), strict=True):
        w = F.softmax(row[:n] @ query, dim=0)
        pooled.append(w @ row[:n])
        weights.append(F.pad(w, (0, len(row) - n)))
    return torch.stack(pooled), torch.stack(weights)


@right("attention_pooling")
def pool_einsum(hidden, query, lengths):
    scores = torch.einsum("bsd,d->bs", hidden, query)
    padding = torch.arange(hidden.size(1), device=hidden.device).expand(scores.shape) >= lengths.unsqueeze(1)
    weights = scores.masked_fill(padding, torch.finfo(scores.dtype).min).softmax(-1)
    return torch.einsum("bs,bsd->bd", weights, hidden), weights


@right("attention_pooling")
def pool_fused(hidden, query, lengths):
    """One query for each row, with the scale set to one."""
    real = (torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None])[:, None]
    asked = query.expand(len(hidden), 1, -1)
    one = torch.eye(hidden.shape[1], dtype=hidden.dtype, device=hidden.device).expand(len(hidden), -1, -1)
    attend = lambda values: F.scaled_dot_product_attention(asked, hidden, values, attn_mask=real, scale=1.0)  # noqa: E731
    return attend(hidden)[:, 0], attend(one)[:, 0]


@right("attention_pooling")
def pool_subtracting(hidden, query, lengths):
    scores = (hidden * query).sum(-1)
    real = (torch.arange(scores.shape[1], device=hidden.device) < lengths.view(-1, 1)).to(scores.dtype)
    weights = (scores - (1 - real) * 1e9).softmax(dim=1) * real
    return torch.bmm(weights.unsqueeze(1), hidden).squeeze(1), weights


@right("external_attention")
def external_plain(X, M_k, M_v):
    weights = torch.softmax(X @ M_k.T, dim=1)
    weights = weights / weights.sum(dim=2, keepdim=True)
    return weights @ M_v


@right("external_attention")
def external_normalised(X, M_k, M_v):
    weights = F.softmax(F.linear(X, M_k), dim=-2)
    return F.linear(F.normalize(weights, p=1.0, dim=-1, eps=0.0), M_v.t())


@right("external_attention")
def external_einsum(X, M_k, M_v):
    scores = torch.einsum("bnd,sd->bns", X, M_k)
    powers = torch.exp(scores - scores.amax(dim=1, keepdim=True))
    shares = powers / powers.sum(dim=1, keepdim=True)
    return torch.einsum("bns,sd->bnd", shares, M_v) / shares.sum(-1, keepdim=True)


@right("external_attention")
def external_logarithms(X, M_k, M_v):
    logs = (X @ M_k.mT).log_softmax(1)
    return torch.exp(logs - logs.logsumexp(2, keepdim=True)) @ M_v


@right("external_attention")
def external_sentence_by_sentence(X, M_k, M_v):
    outputs = []
    for x in X:
        A = torch.stack([column.softmax(0) for column in (x @ M_k.T).unbind(1)], dim=1)
        outputs.append(torch.stack([(row / row.sum()) @ M_v for row in A]))
    return torch.stack(outputs)


def _expert(X, W_q, W_k, W_v, W_o):
    scores = (X @ W_q) @ (X @ W_k).transpose(1, 2) / W_q.shape[1] ** 0.5
    return scores.softmax(-1) @ (X @ W_v) @ W_o


@right("mixture_of_experts_attention")
def mix_masked(X, experts, W_gate, top_k):
    gates = X @ W_gate
    chosen = gates.topk(top_k, dim=-1).indices
    hidden = torch.full_like(gates, float("-inf")).scatter(-1, chosen, 0.0)
    share = (gates + hidden).softmax(-1)
    return sum(share[..., e, None] * _expert(X, *experts[e]) for e in range(len(experts)))


@right("mixture_of_experts_attention")
def mix_gathered(X, experts, W_gate, top_k):
    said = torch.stack([_expert(X, *expert) for expert in experts], dim=2)
    top = torch.topk(X @ W_gate, top_k, dim=2)
    mine = said.gather(2, top.indices[..., None].expand(-1, -1, -1, X.shape[2]))
    return (F.softmax(top.values, dim=2).unsqueeze(-1) * mine).sum(2)


@right("mixture_of_experts_attention")
def mix_position_by_position(X, experts, W_gate, top_k):
    outputs = []
    for x in X:
        rows = []
        for word in x:
            gates = word @ W_gate
            best = sorted(range(len(experts)), key=lambda e: -gates[e].item())[:top_k]
            shares = torch.stack([gates[e] for e in best]).softmax(0)
            row = torch.zeros_like(word)
            for e, share in zip(best, shares, strict=True):
                W_q, W_k, W_v, W_o = experts[e]
                weights = ((x @ W_k) @ (word @ W_q) / W_q.shape[1] ** 0.5).softmax(0)
                row = row + share * (weights @ x @ W_v @ W_o)
            rows.append(row)
        outputs.append(torch.stack(rows))
    return torch.stack(outputs)


@right("mixture_of_experts_attention")
def mix_renormalised(X, experts, W_gate, top_k):
    """A softmax over all gates, cut and divided by what is left: the same shares."""
    gates = (X @ W_gate).softmax(dim=-1)
    kept = gates * (gates >= gates.topk(top_k, dim=-1).values[..., -1:])
    share = kept / kept.sum(dim=-1, keepdim=True)
    outputs = torch.zeros_like(X)
    for e, expert in enumerate(experts):
        outputs = outputs + share[:, :, e : e + 1] * _expert(X, *expert)
    return outputs


@right("mixture_of_experts_attention")
def mix_fused(X, experts, W_gate, top_k):
    gates = torch.einsum("bnd,de->bne", X, W_gate)
    values, indices = torch.sort(gates, dim=-1, descending=True)
    share = torch.zeros_like(gates).scatter_(2, indices[..., :top_k], values[..., :top_k].softmax(-1))
    said = [
        F.scaled_dot_product_attention(X @ W_q, X @ W_k, X @ W_v) @ W_o for W_q, W_k, W_v, W_o in experts
    ]
    return torch.einsum("bne,ebnd->bnd", share, torch.stack(said))


@right("mixture_of_experts_attention")
def mix_where_needed(X, experts, W_gate, top_k):
    """Only the queries of an expert's own positions are computed; its keys are those of all positions."""
    gates = X @ W_gate
    top = gates.topk(top_k, dim=2)
    shares = top.values.softmax(dim=2)
    outputs = torch.zeros_like(X)
    for e, (W_q, W_k, W_v, W_o) in enumerate(experts):
        b, t, place = (top.indices == e).nonzero(as_tuple=True)
        if len(b) == 0:
            continue
        scores = torch.einsum("nk,nsk->ns", X[b, t] @ W_q, (X @ W_k)[b]) / W_k.shape[1] ** 0.5
        said = torch.einsum("ns,nsv->nv", scores.softmax(1), (X @ W_v)[b]) @ W_o
        outputs = outputs.index_put((b, t), shares[b, t, place][:, None] * said, accumulate=True)
    return outputs
