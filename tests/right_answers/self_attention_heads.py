"""Right answers to lesson 06: heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.right_answers.self_attention import softmax_added, softmax_by_hand, softmax_filled, softmax_infinite

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("split_heads")
def split_reshaped(X, num_heads):
    batch, seq, d_model = X.shape
    return X.reshape(batch, seq, num_heads, d_model // num_heads).transpose(1, 2)


@right("split_heads")
def split_viewed(X, num_heads):
    """Cutting up the last axis never needs another order in memory."""
    return X.view(*X.shape[:-1], num_heads, -1).permute(0, 2, 1, 3).contiguous()


@right("split_heads")
def split_chunked(X, num_heads):
    return torch.stack(X.chunk(num_heads, dim=-1), dim=1)


@right("split_heads")
def split_sliced(X, num_heads):
    d_head = X.shape[2] // num_heads
    heads = X.new_empty(X.shape[0], num_heads, X.shape[1], d_head)
    for h in range(num_heads):
        heads[:, h] = X[:, :, h * d_head : (h + 1) * d_head]
    return heads


@right("split_heads")
def split_indexed(X, num_heads):
    columns = torch.arange(X.shape[2], device=X.device).view(num_heads, 1, -1)
    rows = torch.arange(X.shape[1], device=X.device).view(1, -1, 1)
    return X[:, rows, columns]


@right("split_heads")
def split_unfolded(X, num_heads):
    d_head = X.shape[2] // num_heads
    return X.unfold(2, d_head, d_head).movedim(2, 1)


@right("merge_heads")
def merge_reshaped(X, num_heads):
    batch, _, seq, d_head = X.shape
    return X.transpose(1, 2).reshape(batch, seq, num_heads * d_head)


@right("merge_heads")
def merge_contiguous(X, num_heads):
    return X.permute(0, 2, 1, 3).contiguous().view(X.shape[0], X.shape[2], -1)


@right("merge_heads")
def merge_concatenated(X, num_heads):
    return torch.cat([X[:, h] for h in range(num_heads)], dim=-1)


@right("merge_heads")
def merge_unbound(X, num_heads):
    return torch.cat(X.unbind(1), dim=2)


@right("merge_heads")
def merge_into_a_buffer(X, num_heads):
    d_head = X.shape[-1]
    merged = torch.empty(X.shape[0], X.shape[2], d_head * num_heads, dtype=X.dtype, device=X.device)
    for h, head in enumerate(X.transpose(0, 1)):
        merged[..., h * d_head : (h + 1) * d_head] = head
    return merged


@right("merge_heads")
def merge_with_unit_matrices(X, num_heads):
    d_head = X.shape[-1]
    place = torch.eye(num_heads * d_head, dtype=X.dtype, device=X.device).view(num_heads, d_head, -1)
    return torch.einsum("bhsd,hdm->bsm", X, place)


class _Named(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)
        self.num_heads, self.d_head = num_heads, d_model // num_heads


@right("MultiHeadAttention")
class Plain(_Named):
    def forward(self, queries, keys, values, mask=None):
        Q = split_reshaped(self.W_q(queries), self.num_heads)
        K = split_reshaped(self.W_k(keys), self.num_heads)
        V = split_reshaped(self.W_v(values), self.num_heads)
        if mask is not None and mask.ndim == 3:
            mask = mask[:, None]
        weights = softmax_filled(Q @ K.transpose(-1, -2) / self.d_head**0.5, mask)
        return self.W_o(merge_reshaped(weights @ V, self.num_heads))


@right("MultiHeadAttention")
class Fused(_Named):
    """PyTorch's operator gives zeros where a query may look nowhere."""

    def forward(self, queries, keys, values, mask=None):
        mask = mask.unsqueeze(1) if mask is not None and mask.dim() == 3 else mask
        Q, K, V = (
            layer(x).unflatten(-1, (self.num_heads, self.d_head)).transpose(1, 2)
            for layer, x in zip((self.W_q, self.W_k, self.W_v), (queries, keys, values), strict=True)
        )
        return self.W_o(F.scaled_dot_product_attention(Q, K, V, attn_mask=mask).transpose(1, 2).flatten(-2))


@right("MultiHeadAttention")
class HeadByHead(_Named):
    """A loop over heads, each with its rows of the matrices; W_o's columns head by head, summed."""

    def forward(self, queries, keys, values, mask=None):
        total = 0
        for h in range(self.num_heads):
            mine = slice(h * self.d_head, (h + 1) * self.d_head)
            Q, K, V = (
                x @ layer.weight[mine].T for layer, x in ((self.W_q, queries), (self.W_k, keys), (self.W_v, values))
            )
            own = mask[:, h if mask.shape[1] > 1 else 0] if mask is not None and mask.dim() == 4 else mask
            weights = softmax_infinite(Q @ K.mT / self.d_head**0.5, own)
            total = total + weights @ V @ self.W_o.weight[:, mine].T
        return total


@right("MultiHeadAttention")
class FoldedIntoTheBatch(_Named):
    """Heads and batch on one axis, as in Dive into Deep Learning; masks repeat in that order."""

    def _fold(self, x):
        return x.reshape(*x.shape[:2], self.num_heads, -1).permute(0, 2, 1, 3).reshape(-1, x.shape[1], self.d_head)

    def forward(self, queries, keys, values, mask=None):
        batch, n_q = queries.shape[:2]
        Q, K, V = self._fold(self.W_q(queries)), self._fold(self.W_k(keys)), self._fold(self.W_v(values))
        if mask is not None:
            if mask.dim() == 2:
                mask = mask.expand(batch * self.num_heads, -1, -1)
            elif mask.dim() == 3:
                mask = torch.repeat_interleave(mask, self.num_heads, dim=0)
            else:
                mask = mask.expand(-1, self.num_heads, -1, -1).reshape(batch * self.num_heads, *mask.shape[2:])
        weights = softmax_added(torch.bmm(Q, K.transpose(1, 2)) / Q.shape[-1] ** 0.5, mask)
        heads = torch.bmm(weights, V).reshape(batch, self.num_heads, n_q, -1)
        return self.W_o(heads.permute(0, 2, 1, 3).reshape(batch, n_q, -1))


@right("MultiHeadAttention")
class Einsum(nn.Module):
    """Attributes in another order, a dropout that drops nothing, and the last weights kept to look at."""

    def __init__(self, d_model, num_heads):
        super().__init__()
        for name in ("W_o", "W_v", "W_k", "W_q"):
            setattr(self, name, nn.Linear(d_model, d_model, bias=False))
        self.heads, self.dropout, self.weights = num_heads, nn.Dropout(0.0), None
        self.register_buffer("scale", torch.tensor((d_model // num_heads) ** -0.5, dtype=torch.float64))

    def forward(self, queries, keys, values, mask=None):
        def cut(x):
            return x.view(x.shape[0], x.shape[1], self.heads, -1)

        q, k, v = cut(self.W_q(queries)), cut(self.W_k(keys)), cut(self.W_v(values))
        scores = torch.einsum("bihd,bjhd->bhij", q, k) * (q.shape[-1] ** -0.5)
        if mask is not None and mask.dim() < 4:
            mask = mask.view(-1, 1, *mask.shape[-2:])
        weights = softmax_by_hand(scores, mask)
        self.weights = weights.detach()
        mixed = torch.einsum("bhij,bjhd->bihd", self.dropout(weights), v)
        return self.W_o(mixed.reshape(*queries.shape))


@right("MultiHeadAttention")
class Functional(_Named):
    """PyTorch's own multi-head attention, with these weights; its NaN where a query may look nowhere is avoided."""

    def forward(self, queries, keys, values, mask=None):
        d_model, seen = queries.shape[-1], None
        if mask is not None:
            mask = mask.reshape(-1, *mask.shape[-2:]) if mask.dim() == 2 else mask
            mask = mask.unsqueeze(1) if mask.dim() == 3 else mask
            mask = mask.expand(len(queries), self.num_heads, -1, -1)
            seen = mask.any(-1)
            mask = ~(mask | ~seen[..., None]).reshape(-1, *mask.shape[-2:])
        one = torch.eye(d_model, dtype=queries.dtype, device=queries.device)
        outputs, _ = F.multi_head_attention_forward(
            queries.transpose(0, 1), keys.transpose(0, 1), values.transpose(0, 1), d_model, self.num_heads, None, None,
            None, None, False, 0.0, one, None, training=False, attn_mask=mask, need_weights=False,
            use_separate_proj_weight=True, q_proj_weight=self.W_q.weight, k_proj_weight=self.W_k.weight,
            v_proj_weight=self.W_v.weight,
        )
        outputs = outputs.transpose(0, 1)
        if seen is not None:
            outputs = outputs * seen.transpose(1, 2).repeat_interleave(self.d_head, dim=2).to(outputs)
        return self.W_o(outputs)
