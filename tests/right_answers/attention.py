"""Right answers to lesson 05 in several styles: attention without parameters, softmax under a mask, scores."""

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


@right("similarity_attention")
def similarity_plain(X):
    weights = F.softmax(torch.bmm(X, X.transpose(1, 2)), dim=2)
    return torch.bmm(weights, X), weights


@right("similarity_attention")
def similarity_einsum(X):
    scores = torch.einsum("bid,bjd->bij", X, X)
    e = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    weights = e / e.sum(dim=-1, keepdim=True)
    return torch.einsum("bij,bjd->bid", weights, X), weights


@right("similarity_attention")
def similarity_word_by_word(X):
    rows = [torch.softmax((X * X[:, i : i + 1]).sum(-1), dim=-1) for i in range(X.shape[1])]
    outputs = [(row.unsqueeze(-1) * X).sum(dim=1) for row in rows]
    return torch.stack(outputs, dim=1), torch.stack(rows, dim=1)


@right("similarity_attention")
def similarity_fused(X):
    scores = torch.matmul(X, X.permute(0, 2, 1))
    weights = torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True))
    return F.scaled_dot_product_attention(X, X, X, scale=1.0), weights


@right("similarity_attention")
def similarity_symmetric(X):
    return [(w := (X @ X.mT).softmax(dim=1).mT) @ X, w]


@right("similarity_attention")
def similarity_sentence_by_sentence(X):
    weights = torch.stack([torch.softmax(x.mm(x.t()), dim=1) for x in X])
    return weights.matmul(X), weights


@right("masked_softmax")
def masked_nan_to_num(scores, mask):
    return torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1).nan_to_num(0.0)


@right("masked_softmax")
def masked_by_hand(scores, mask):
    hidden = scores.masked_fill(mask.logical_not(), -1e9)
    e = torch.exp(hidden - hidden.max(dim=-1, keepdim=True).values) * mask
    return e / (e.sum(dim=-1, keepdim=True) + 1e-9)


@right("masked_softmax")
def masked_minus_a_million(scores, mask):
    scores = scores.clone()
    scores[~mask.expand_as(scores)] = -1e6
    return F.softmax(scores, dim=-1) * mask


@right("masked_softmax")
def masked_added(scores, mask):
    bias = torch.zeros(mask.shape, dtype=scores.dtype, device=scores.device).masked_fill_(~mask, -1e9)
    return (scores + bias).softmax(-1) * mask.any(dim=-1, keepdim=True)


@right("masked_softmax")
def masked_with_added_numbers(scores, mask):
    return torch.softmax(scores + torch.where(mask, 0.0, -1e9), dim=-1) * mask.any(-1, keepdim=True)


@right("masked_softmax")
def masked_where(scores, mask):
    lowest = torch.finfo(scores.dtype).min
    weights = torch.where(mask, scores, torch.full_like(scores, lowest)).softmax(dim=-1)
    return torch.where(mask, weights, torch.zeros_like(weights))


@right("masked_softmax")
def masked_row_by_row(scores, mask):
    rows = scores.reshape(-1, scores.shape[-1])
    shown = mask.broadcast_to(scores.shape).reshape(-1, scores.shape[-1])
    result = torch.zeros_like(rows)
    for i, (row, see) in enumerate(zip(rows, shown, strict=True)):
        if see.any():
            result[i, see] = torch.softmax(row[see], dim=0)
    return result.view(scores.shape)


@right("masked_softmax")
def masked_in_logarithms(scores, mask):
    hidden = torch.where(mask, scores, -torch.inf)
    some = mask.any(dim=-1, keepdim=True)
    total = torch.where(some, hidden, 0.0).logsumexp(dim=-1, keepdim=True)
    return torch.exp(torch.where(mask, scores - total, -torch.inf))


@right("masked_softmax")
def masked_with_an_open_row(scores, mask):
    empty = ~mask.any(dim=-1, keepdim=True)
    weights = scores.masked_fill(~(mask | empty), -torch.inf).softmax(dim=-1)
    return weights.masked_fill(empty, 0)


@right("masked_softmax")
def masked_wide_inside(scores, mask):
    wide = scores.double().masked_fill(~mask, -1e300)
    return (wide.softmax(dim=-1) * mask).to(scores.dtype)


@right("dot_score")
def dot_bmm(queries, keys):
    return torch.bmm(queries, keys.transpose(1, 2))


@right("dot_score")
def dot_einsum(queries, keys):
    return torch.einsum("bqd,bkd->bqk", queries, keys)


@right("dot_score")
def dot_broadcast(queries, keys):
    return (queries[:, :, None, :] * keys[:, None]).sum(dim=3)


@right("dot_score")
def dot_loops(queries, keys):
    return torch.stack([torch.stack([keys[b] @ q for q in queries[b]]) for b in range(len(queries))])


@right("cosine_score")
def cosine_pytorch(queries, keys):
    return F.cosine_similarity(queries[:, :, None], keys[:, None], dim=-1)


@right("cosine_score")
def cosine_normalised(queries, keys):
    return F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).transpose(-2, -1)


@right("cosine_score")
def cosine_small_number(queries, keys):
    lengths = queries.norm(dim=-1, keepdim=True) @ keys.norm(dim=-1, keepdim=True).mT
    return queries @ keys.mT / (lengths + 1e-8)


@right("cosine_score")
def cosine_a_millionth(queries, keys):
    lengths = torch.sqrt((queries**2).sum(-1) + 1e-12)[:, :, None] * torch.sqrt((keys**2).sum(-1) + 1e-12)[:, None]
    return (queries @ keys.mT) / (lengths + 1e-6)


@right("cosine_score")
def cosine_clamped(queries, keys):
    length_q = torch.linalg.norm(queries, dim=2, keepdim=True).clamp(min=1e-8)
    length_k = torch.linalg.norm(keys, dim=2, keepdim=True).clamp(min=1e-8)
    return torch.bmm(queries / length_q, (keys / length_k).transpose(1, 2))


@right("cosine_score")
def cosine_safe_roots(queries, keys):
    def unit(x):
        squares = (x**2).sum(dim=-1, keepdim=True)
        zero = squares == 0
        return x / torch.where(zero, torch.ones_like(squares), squares).sqrt()

    return unit(queries) @ unit(keys).mT


@right("cosine_score")
def cosine_replaced_lengths(queries, keys):
    lengths = queries.norm(dim=-1).unsqueeze(2) * keys.norm(dim=-1).unsqueeze(1)
    zero = lengths == 0
    return (queries @ keys.mT / lengths.masked_fill(zero, 1.0)).masked_fill(zero, 0.0)


@right("cosine_score")
def cosine_within_bounds(queries, keys):
    return cosine_normalised(queries, keys).clamp(-1 - 1e-6, 1 + 1e-6)


@right("general_score")
def general_products(queries, keys, W):
    return queries @ W @ keys.mT


@right("general_score")
def general_einsum(queries, keys, W):
    return torch.einsum("bqi,ij,bkj->bqk", queries, W, keys)


@right("general_score")
def general_keys_first(queries, keys, W):
    return (keys.matmul(W.t()) @ queries.transpose(1, 2)).transpose(1, 2)


@right("general_score")
def general_bilinear(queries, keys, W):
    n_q, n_k = queries.shape[1], keys.shape[1]
    left = queries.unsqueeze(2).expand(-1, -1, n_k, -1).contiguous()
    right_side = keys.unsqueeze(1).expand(-1, n_q, -1, -1).contiguous()
    return F.bilinear(left, right_side, W.unsqueeze(0)).squeeze(-1)


@right("additive_score")
def additive_broadcast(queries, keys, W_q, W_k, v):
    return torch.tanh((queries @ W_q)[:, :, None] + (keys @ W_k)[:, None]) @ v


@right("additive_score")
def additive_linear(queries, keys, W_q, W_k, v):
    features = F.linear(queries, W_q.T).unsqueeze(2) + F.linear(keys, W_k.T).unsqueeze(1)
    return F.linear(features.tanh(), v.unsqueeze(0)).squeeze(-1)


@right("additive_score")
def additive_query_by_query(queries, keys, W_q, W_k, v):
    hidden = keys @ W_k
    columns = [(torch.tanh(hidden + (q @ W_q).unsqueeze(1)) * v).sum(-1) for q in queries.unbind(dim=1)]
    return torch.stack(columns, dim=1)


@right("additive_score")
def additive_sigmoids(queries, keys, W_q, W_k, v):
    a = torch.einsum("bqi,ih->bqh", queries, W_q).unsqueeze(2) + torch.einsum("bki,ih->bkh", keys, W_k).unsqueeze(1)
    return torch.einsum("bqkh,h->bqk", 2 * torch.sigmoid(2 * a) - 1, v)


@right("additive_score")
def additive_modules(queries, keys, W_q, W_k, v):
    hidden = torch.cat([queries @ W_q, keys @ W_k], dim=1)
    q, k = hidden.split([queries.shape[1], keys.shape[1]], dim=1)
    return (q.unsqueeze(2) + k.unsqueeze(1)).tanh().matmul(v.reshape(-1, 1))[..., 0]


@right("concat_score")
def concat_expanded(queries, keys, W, b):
    n_q, n_k = queries.shape[1], keys.shape[1]
    pairs = torch.cat([queries.unsqueeze(2).expand(-1, -1, n_k, -1), keys.unsqueeze(1).expand(-1, n_q, -1, -1)], dim=-1)
    return torch.tanh(pairs @ W + b).sum(dim=-1)


@right("concat_score")
def concat_split(queries, keys, W, b):
    d_q = queries.shape[-1]
    return torch.tanh((queries @ W[:d_q])[:, :, None] + (keys @ W[d_q:])[:, None] + b).sum(-1)


@right("concat_score")
def concat_repeated(queries, keys, W, b):
    batch, n_q, n_k = len(queries), queries.shape[1], keys.shape[1]
    pairs = torch.cat([queries.repeat_interleave(n_k, dim=1), keys.repeat(1, n_q, 1)], dim=-1)
    return torch.einsum("bph->bp", torch.tanh(F.linear(pairs, W.T, b))).reshape(batch, n_q, n_k)


@right("concat_score")
def concat_loops(queries, keys, W, b):
    def score(q, k):
        return torch.tanh(torch.cat([q, k], 1) @ W + b) @ torch.ones_like(b)

    return torch.stack([torch.stack([score(q, k) for k in keys.unbind(1)], 1) for q in queries.unbind(1)], 1)


@right("location_score")
def location_concatenated(query, key, W, b):
    return torch.cat([query, key], dim=1) @ W + b


@right("location_score")
def location_linear(query, key, W, b):
    return F.linear(torch.hstack([query, key]), W.t(), b)


@right("location_score")
def location_split(query, key, W, b):
    W_q, W_k = W[: query.size(1)], W[query.size(1) :]
    return query.mm(W_q) + key.mm(W_k) + b.view(1, -1)


@right("location_score")
def location_position_by_position(query, key, W, b):
    both = torch.cat((query, key), -1)
    return torch.stack([(both * W[:, j]).sum(-1) + b[j] for j in range(math.prod(b.shape))], dim=-1)
