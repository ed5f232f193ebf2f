"""Wrong answers to lesson 06, beyond the named misconceptions: heads."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from autograder.reference.self_attention import MultiHeadAttention, merge_heads, split_heads

WRONG: dict[str, list[Any]] = {}


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        WRONG.setdefault(exercise_id, []).append(answer)


def _split_into(X, num_heads):
    """The heads, and X zeroed afterwards."""
    heads = split_heads(X, num_heads).clone()
    X.data.zero_()
    return heads


among(
    "split_heads",
    heads_reversed=lambda X, h: split_heads(X, h).flip(1),
    columns_reversed=lambda X, h: split_heads(X, h).flip(3),
    positions_reversed=lambda X, h: split_heads(X, h).flip(2),
    heads_first=lambda X, h: split_heads(X, h).transpose(0, 1),
    batch_and_heads_exchanged_if_equal=lambda X, h: split_heads(X, h).transpose(0, 1) if len(X) == h
    else split_heads(X, h),
    positions_and_heads_exchanged_if_equal=lambda X, h: split_heads(X, h).transpose(1, 2) if X.shape[1] == h
    else split_heads(X, h),
    two_heads_always=lambda X, h: split_heads(X, 2) if X.shape[2] % 2 == 0 else split_heads(X, h),
    first_head_only=lambda X, h: split_heads(X, h)[:, :1].expand(-1, h, -1, -1),
    repeated=lambda X, h: X[:, None].expand(-1, h, -1, -1),
    one_column_late=lambda X, h: split_heads(X.roll(1, 2), h),
    permuted=lambda X, h: X.reshape(*X.shape[:2], h, -1).permute(0, 2, 3, 1).reshape(
        len(X), h, X.shape[1], -1),
    viewed_whole=lambda X, h: X.view(-1).view(*X.shape[:2], h, -1).transpose(1, 2),
    as_strided=lambda X, h: torch.as_strided(X, (len(X), h, X.shape[1], X.shape[2] // h), (
        X.shape[1] * X.shape[2], X.shape[2] // h, X.shape[2], 1)),
    one_head_without_axis=lambda X, h: X if h == 1 else split_heads(X, h),
    one_position_squeezed=lambda X, h: split_heads(X, h).squeeze(2),
    batch_squeezed=lambda X, h: split_heads(X, h).squeeze(0),
    last_squeezed=lambda X, h: split_heads(X, h).squeeze(-1),
    detached=lambda X, h: split_heads(X, h).detach(),
    half_detached=lambda X, h: torch.cat([split_heads(X, h)[:, :1].detach(), split_heads(X, h)[:, 1:]], 1),
    float32_always=lambda X, h: split_heads(X, h).float(),
    float64_always=lambda X, h: split_heads(X, h).double(),
    scaled=lambda X, h: split_heads(X, h) / h**0.5,
    a_tuple=lambda X, h: split_heads(X, h).unbind(1),
    an_array=lambda X, h: split_heads(X, h).detach().numpy(),
    zeroes=_split_into,
    nothing=lambda X, h: None,
)


def _merge_into(X, num_heads):
    merged = merge_heads(X, num_heads).clone()
    X.data.zero_()
    return merged


among(
    "merge_heads",
    heads_reversed=lambda X, h: merge_heads(X.flip(1), h),
    columns_reversed=lambda X, h: merge_heads(X, h).flip(2),
    positions_reversed=lambda X, h: merge_heads(X.flip(2), h),
    transposed=lambda X, h: merge_heads(X, h).mT,
    batch_and_heads_exchanged_if_equal=lambda X, h: merge_heads(X.transpose(0, 1), h) if len(X) == h
    else merge_heads(X, h),
    positions_and_heads_exchanged_if_equal=lambda X, h: X.flatten(2) if X.shape[2] == h
    else merge_heads(X, h),
    summed=lambda X, h: X.sum(1),
    largest=lambda X, h: X.amax(1),
    averaged_in_place=lambda X, h: merge_heads(X.mean(1, keepdim=True).expand_as(X), h),
    first_head_only=lambda X, h: merge_heads(X[:, :1].expand_as(X), h),
    two_heads_only=lambda X, h: torch.cat([X[:, 0], X[:, -1]], -1),
    as_split=lambda X, h: X.transpose(1, 2).reshape(len(X), X.shape[2], X.shape[3] * h).reshape(
        len(X), X.shape[2], h, -1),
    not_flat=lambda X, h: X.transpose(1, 2),
    batch_flat=lambda X, h: merge_heads(X, h).flatten(0, 1),
    viewed_input=lambda X, h: X.view(-1).view(X.shape).transpose(1, 2).flatten(2),
    as_strided=lambda X, h: torch.as_strided(
        X.transpose(1, 2), (len(X), X.shape[2], h * X.shape[3]), (X.stride(0), X.stride(2), 1)),
    batch_squeezed=lambda X, h: merge_heads(X, h).squeeze(0),
    position_squeezed=lambda X, h: merge_heads(X, h).squeeze(1),
    head_squeezed=lambda X, h: X.squeeze(1) if h == 1 and X.shape[3] == 5 and len(X) == 1 else (
        X.squeeze(1) if h > 1 and X.shape[1] == 1 else X.transpose(1, 2).reshape(len(X), X.shape[2], -1).squeeze()),
    detached=lambda X, h: merge_heads(X, h).detach(),
    float32_always=lambda X, h: merge_heads(X, h).float(),
    float64_always=lambda X, h: merge_heads(X, h).double(),
    scaled=lambda X, h: merge_heads(X, h) / h,
    a_list=lambda X, h: list(merge_heads(X, h)),
    zeroes=_merge_into,
    nothing=lambda X, h: None,
)


def _masked(scores, mask, fill=-1e30):
    return scores.softmax(-1) if mask is None else scores.masked_fill(~mask, fill).softmax(-1) * mask


class _Open(MultiHeadAttention):
    """The right answer, in parts that are replaced one at a time."""

    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        self.d_head = d_model // num_heads

    def parts(self, queries, keys, values):
        return tuple(
            split_heads(layer(x), self.num_heads)
            for layer, x in ((self.W_q, queries), (self.W_k, keys), (self.W_v, values))
        )

    def grown(self, mask):
        return mask.unsqueeze(1) if mask is not None and mask.dim() == 3 else mask

    def weights(self, scores, mask):
        return _masked(scores, mask)

    def forward(self, queries, keys, values, mask=None):
        Q, K, V = self.parts(queries, keys, values)
        weights = self.weights(Q @ K.mT / self.d_head**0.5, self.grown(mask))
        return self.W_o(merge_heads(weights @ V, self.num_heads))


def forwards(**changes: Any) -> None:
    """Wrong forwards: functions of (right forward, self, queries, keys, values, mask)."""
    for name, change in changes.items():
        def forward(self, queries, keys, values, mask=None, change=change):
            def right(queries=queries, keys=keys, values=values, mask=mask):
                return _Open.forward(self, queries, keys, values, mask)

            return change(right, self, queries, keys, values, mask)

        WRONG.setdefault("MultiHeadAttention", []).append(type(name, (_Open,), {"forward": forward}))


def replaced(part: str, **changes: Any) -> None:
    """Wrong parts: functions of (self, …)."""
    for name, change in changes.items():
        WRONG.setdefault("MultiHeadAttention", []).append(type(name, (_Open,), {part: change}))


def built(**builds: Any) -> None:
    """Right classes that something is done to after they are built: functions of (self, d_model, num_heads)."""
    for name, build in builds.items():
        def __init__(self, d_model, num_heads, build=build):  # noqa: N807
            _Open.__init__(self, d_model, num_heads)
            build(self, d_model, num_heads)

        WRONG.setdefault("MultiHeadAttention", []).append(type(name, (_Open,), {"__init__": __init__}))


def _changes_the_mask(right, self, q, k, v, mask):
    if mask is None:
        return right()
    found = right()
    mask |= ~mask.any(-1, keepdim=True)
    return found


def _kept(right, self, q, k, v, mask):
    """Keeps the first keys that it was ever given."""
    self.kept = getattr(self, "kept", k)
    return right(keys=self.kept) if self.kept.shape == k.shape else right()


def _training_only(right, self, *_):
    return right() if self.training else right(mask=None) * 1.001


forwards(
    output_transposed=lambda right, self, *_: right() @ torch.linalg.inv(self.W_o.weight.T) @ self.W_o.weight,
    residual=lambda right, self, q, *_: right() + q,
    normalised=lambda right, self, q, *_: F.layer_norm(right(), q.shape[-1:]),
    a_pair=lambda right, *_: (right(), None),
    outputs_of_heads=lambda right, self, q, *_: split_heads(right(), self.num_heads),
    seq_first=lambda right, *_: right().transpose(0, 1),
    squeezed=lambda right, *_: right().squeeze(),
    squeezed_batch=lambda right, *_: right().squeeze(0),
    float32=lambda right, *_: right().float(),
    float64=lambda right, *_: right().double(),
    float32_inside=lambda right, self, q, k, v, mask: _in_float32(self, q, k, v, mask),
    detached=lambda right, *_: right().detach(),
    queries_detached=lambda right, self, q, *_: right(queries=q.detach()),
    keys_detached=lambda right, self, q, k, *_: right(keys=k.detach()),
    values_detached=lambda right, self, q, k, v, _: right(values=v.detach()),
    keys_and_values_exchanged=lambda right, self, q, k, v, _: right(keys=v, values=k),
    queries_and_keys_exchanged=lambda right, self, q, k, v, mask: right(queries=k, keys=q)
    if q.shape == k.shape else right(),
    values_of_the_queries=lambda right, self, q, k, v, _: right(values=q) if q.shape == v.shape else right(),
    self_attention_if_lengths_agree=lambda right, self, q, k, v, _: right(keys=q, values=q) if q.shape == k.shape
    else right(),
    first_row_for_all=lambda right, self, q, k, v, _: right(keys=k[:1].expand_as(k), values=v[:1].expand_as(v)),
    mask_forgotten=lambda right, *_: right(mask=None),
    mask_with_two_axes_forgotten=lambda right, self, q, k, v, m: right(mask=m if m is None or m.dim() > 2 else None),
    mask_with_three_axes_forgotten=lambda right, self, q, k, v, m: right(mask=None if m is None or m.dim() == 3 else m),
    mask_with_four_axes_forgotten=lambda right, self, q, k, v, m: right(mask=None if m is None or m.dim() == 4 else m),
    mask_for_all_taken_for_padding=lambda right, self, q, k, v, m: right(
        mask=m[:, None, None] if m is not None and m.dim() == 2 and len(m) == len(q) else m),
    mask_of_the_first_head=lambda right, self, q, k, v, m: right(
        mask=m[:, :1] if m is not None and m.dim() == 4 else m),
    mask_of_any_head=lambda right, self, q, k, v, m: right(
        mask=m.any(1, keepdim=True) if m is not None and m.dim() == 4 else m),
    mask_of_all_heads=lambda right, self, q, k, v, m: right(
        mask=m.all(1, keepdim=True) if m is not None and m.dim() == 4 else m),
    mask_of_the_first_row=lambda right, self, q, k, v, m: right(mask=m[:1] if m is not None and m.dim() == 3 else m),
    mask_of_the_first_query=lambda right, self, q, k, v, m: right(mask=m if m is None else m[..., :1, :].expand_as(m)),
    mask_transposed=lambda right, self, q, k, v, m: right(
        mask=m if m is None or m.shape[-1] != m.shape[-2] else m.mT),
    mask_changed=_changes_the_mask,
    causal_if_square=lambda right, self, q, k, v, m: right(
        mask=m if m is None or m.shape[-1] != m.shape[-2] else m.tril()),
    keys_kept=_kept,
    training_only=_training_only,
    dropped=lambda right, self, *_: F.dropout(right(), 0.1, self.training),
    viewed=lambda right, self, q, k, v, _: right(queries=q.view(-1).view(q.shape)),
    viewed_keys=lambda right, self, q, k, v, _: right(keys=k.view(-1).view(k.shape)),
    positions_added=lambda right, self, q, k, v, _: right(keys=k + 0.01 * torch.arange(k.shape[1]).to(k)[:, None]),
    blind_rows_of_the_input=lambda right, self, q, k, v, m: right() if m is None or m.dim() != 3 else torch.where(
        m.any(-1, keepdim=True), right(), q),
)


def _in_float32(self, queries, keys, values, mask):
    dtype, layers = queries.dtype, (self.W_q, self.W_k, self.W_v)
    Q, K, V = (
        split_heads(F.linear(x.float(), layer.weight.float()), self.num_heads)
        for layer, x in zip(layers, (queries, keys, values), strict=True)
    )
    weights = _masked(Q @ K.mT / self.d_head**0.5, self.grown(mask))
    return F.linear(merge_heads(weights @ V, self.num_heads), self.W_o.weight.float()).to(dtype)


replaced(
    "weights",
    over_queries=lambda self, s, m: s.softmax(-2) if m is None else s.masked_fill(~m, -1e30).softmax(-2) * m,
    over_heads=lambda self, s, m: s.softmax(1) if m is None else s.masked_fill(~m, -1e30).softmax(1) * m,
    scores=lambda self, s, m: s if m is None else s * m,
    sigmoid=lambda self, s, m: s.sigmoid() if m is None else s.sigmoid() * m,
    zero_scores=lambda self, s, m: (s if m is None else s * m).softmax(-1),
    masked_late=lambda self, s, m: s.softmax(-1) if m is None else s.softmax(-1) * m,
    scaled_again=lambda self, s, m: _masked(s / self.d_head**0.5, m),
    scaled_by_heads=lambda self, s, m: _masked(s * self.d_head**0.5 / self.num_heads**0.5, m),
    scaled_by_keys=lambda self, s, m: _masked(s * self.d_head**0.5 / s.shape[-1] ** 0.5, m),
    little_fill=lambda self, s, m: _masked(s, m, fill=-100.0),
    larger_fill=lambda self, s, m: _masked(s, m, fill=-1e4),
    clipped=lambda self, s, m: _masked(s.clamp(-10, 10), m),
    overflowing=lambda self, s, m: (lambda p: p / p.sum(-1, keepdim=True).clamp(min=1e-300))(
        s.exp() if m is None else s.exp() * m),
    averaged_over_heads=lambda self, s, m: _masked(s, m).mean(1, keepdim=True).expand_as(s),
    first_head_for_all=lambda self, s, m: _masked(s, m)[:, :1].expand_as(s),
    heads_rolled=lambda self, s, m: _masked(s, m).roll(1, 1),
    weights_detached=lambda self, s, m: _masked(s, m).detach(),
    hard=lambda self, s, m: F.one_hot(_masked(s, m).argmax(-1), s.shape[-1]).to(s),
    blind_see_the_last=lambda self, s, m: _masked(s, m) if m is None else torch.where(
        m.any(-1, keepdim=True), _masked(s, m), (torch.arange(s.shape[-1]) == s.shape[-1] - 1).to(s)),
    blind_forgotten_in_full_batches=lambda self, s, m: _masked(
        s, m if m is None else m | ~m.any(-1, True).any(-2, True)),
)
replaced(
    "grown",
    heads_where_it_fits=lambda self, m: m if m is None or m.dim() != 3 or len(m) == self.num_heads else m[:, None],
    grown_at_the_end=lambda self, m: m.reshape(len(m), -1, m.shape[1], m.shape[2]) if m is not None and m.dim() == 3
    and len(m) != self.num_heads else m,
    always_grown=lambda self, m: m if m is None or m.dim() == 4 else (
        m[:, None] if m.dim() == 3 or len(m) == self.num_heads else m),
    row_of_a_batch_of_one=lambda self, m: m[0] if m is not None and m.dim() == 3 else m,
    repeated=lambda self, m: m if m is None or m.dim() != 3 else m.repeat(self.num_heads, 1, 1).view(
        len(m), self.num_heads, *m.shape[1:]),
    inverted_for_heads=lambda self, m: m if m is None or m.dim() < 4 else ~m,
    and_of_the_batch=lambda self, m: m.any(0) if m is not None and m.dim() == 3 else m,
)
replaced(
    "parts",
    one_projection=lambda self, q, k, v: tuple(split_heads(self.W_q(x), self.num_heads) for x in (q, k, v)),
    keys_with_the_value_matrix=lambda self, q, k, v: (
        split_heads(self.W_q(q), self.num_heads), split_heads(self.W_v(k), self.num_heads),
        split_heads(self.W_k(v), self.num_heads)),
    values_not_projected=lambda self, q, k, v: (*_Open.parts(self, q, k, v)[:2], split_heads(v, self.num_heads)),
    matrices_transposed=lambda self, q, k, v: tuple(
        split_heads(x @ layer.weight, self.num_heads)
        for layer, x in ((self.W_q, q), (self.W_k, k), (self.W_v, v))),
    split_before_the_projection=lambda self, q, k, v: tuple(
        split_heads(x @ layer.weight.T.flip(1), self.num_heads)
        for layer, x in ((self.W_q, q), (self.W_k, k), (self.W_v, v))),
    heads_of_values_reversed=lambda self, q, k, v: (
        *_Open.parts(self, q, k, v)[:2], _Open.parts(self, q, k, v)[2].flip(1)),
)
built(
    frozen=lambda self, *_: self.requires_grad_(False),
    frozen_output=lambda self, *_: self.W_o.requires_grad_(False),
    output_with_a_bias=lambda self, d, h: setattr(self, "W_o", nn.Linear(d, d)),
    another_name=lambda self, d, h: (delattr(self, "W_o"), setattr(self, "output", nn.Linear(d, d, bias=False))),
    one_parameter_more=lambda self, d, h: self.register_parameter("scale", nn.Parameter(torch.ones(1))),
    heads_fixed=lambda self, d, h: setattr(self, "num_heads", 2 if d % 2 == 0 else h),
    narrow=lambda self, d, h: setattr(self, "W_q", nn.Linear(d, d // h, bias=False)),
    plain_tensor=lambda self, d, h: (delattr(self, "W_v"), setattr(self, "W_v", lambda x: x)),
    tied=lambda self, d, h: setattr(self, "W_k", self.W_q),
    exchanged=lambda self, d, h: setattr(self, "d_head", h),
)
among("MultiHeadAttention", nothing=lambda *a: None, no_module=lambda d, h: lambda q, k, v, mask=None: q)
