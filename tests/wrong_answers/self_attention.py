"""Wrong answers to lesson 06, beyond the named misconceptions: projections and one head.

Many are wrong in one place only: one shape, one dtype, one regime, one side effect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from autograder.reference.self_attention import cross_attention, project_qkv, self_attention

WRONG: dict[str, list[Any]] = {}


def wrong(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a wrong answer."""

    def collect(answer: Any) -> Any:
        WRONG.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        wrong(exercise_id)(answer)


def _square(W):
    return W.shape[0] == W.shape[1]


def _overwrite(X, *rest):
    found = tuple(part.clone() for part in project_qkv(X, *rest))
    X.data.zero_()
    return found


def _scale_weights(X, W_q, W_k, W_v):
    W_q.data /= 2
    return X @ W_q * 2, X @ W_k, X @ W_v


among(
    "project_qkv",
    queries_last=lambda X, q, k, v: (X @ k, X @ v, X @ q),
    queries_and_keys_exchanged=lambda X, q, k, v: (X @ k, X @ q, X @ v),
    keys_of_the_value_matrix=lambda X, q, k, v: (X @ q, X @ v, X @ v),
    square_query_matrix_transposed=lambda X, q, k, v: (X @ (q.T if _square(q) else q), X @ k, X @ v),
    square_value_matrix_transposed=lambda X, q, k, v: (X @ q, X @ k, X @ (v.T if _square(v) else v)),
    two_only=lambda X, q, k, v: (X @ q, X @ k),
    four=lambda X, q, k, v: (X @ q, X @ k, X @ v, X),
    a_dict=lambda X, q, k, v: {"Q": X @ q, "K": X @ k, "V": X @ v},
    stacked_if_possible=lambda X, q, k, v: torch.stack(project_qkv(X, q, k, v)) if q.shape == v.shape
    else project_qkv(X, q, k, v),
    softmaxed=lambda X, q, k, v: ((X @ q).softmax(-1), X @ k, X @ v),
    normalised=lambda X, q, k, v: (F.normalize(X @ q, dim=-1), F.normalize(X @ k, dim=-1), X @ v),
    rectified=lambda X, q, k, v: (X @ q, X @ k, (X @ v).relu()),
    squashed_keys=lambda X, q, k, v: (X @ q, (X @ k).tanh(), X @ v),
    clipped=lambda X, q, k, v: tuple(part.clamp(-20, 20) for part in project_qkv(X, q, k, v)),
    residual_values=lambda X, q, k, v: (X @ q, X @ k, X @ v + (X if X.shape[2] == v.shape[1] else 0)),
    transposed_results=lambda X, q, k, v: tuple(part.mT for part in project_qkv(X, q, k, v)),
    keys_transposed=lambda X, q, k, v: (X @ q, (X @ k).mT, X @ v),
    first_row_only=lambda X, q, k, v: project_qkv(X[:1].expand_as(X), q, k, v),
    detached_values=lambda X, q, k, v: (X @ q, X @ k, (X @ v).detach()),
    detached_input=lambda X, q, k, v: (X @ q, X.detach() @ k, X @ v),
    detached_matrix=lambda X, q, k, v: (X @ q.detach(), X @ k, X @ v),
    no_graph=lambda *a: torch.no_grad()(project_qkv)(*a),
    float32_inside=lambda *a: tuple(p.to(a[0].dtype) for p in project_qkv(*(x.float() for x in a))),
    always_float32=lambda *a: tuple(part.float() for part in project_qkv(*a)),
    always_float64=lambda *a: tuple(part.double() for part in project_qkv(*a)),
    squeezed=lambda *a: tuple(part.squeeze() for part in project_qkv(*a)),
    squeezed_batch=lambda *a: tuple(part.squeeze(0) for part in project_qkv(*a)),
    viewed=lambda X, q, k, v: tuple((X.view(-1, X.shape[2]) @ W).view(*X.shape[:2], -1) for W in (q, k, v)),
    flat=lambda X, q, k, v: tuple(X.reshape(-1, X.shape[2]) @ W for W in (q, k, v)),
    new_layers=lambda X, q, k, v: tuple(torch.nn.Linear(*W.shape, bias=False).to(X)(X) for W in (q, k, v)),
    input_zeroed=_overwrite,
    matrix_changed=_scale_weights,
    nothing=lambda *a: None,
)


def _masked(scores, mask, fill=-torch.inf, blind=0.0):
    if mask is None:
        return scores.softmax(-1)
    seen = mask.any(-1, keepdim=True)
    return torch.where(seen, scores.masked_fill(~mask & seen, fill).softmax(-1), blind)


def _self(change=lambda s, m: _masked(s, m), scale=None, outputs=lambda w, v: w @ v):
    """The right answer with a part replaced: what is made of the scores and the mask, the scale, the mixture."""

    def answer(X, W_q, W_k, W_v, mask=None):
        Q, K = X @ W_q, X @ W_k
        weights = change(Q @ K.mT / (K.shape[2] ** 0.5 if scale is None else scale(X, K)), mask)
        return outputs(weights, X @ W_v), weights

    return answer


def _results(change):
    """Something done to the right results."""
    return lambda *a: change(*self_attention(*a))


def _mask(change):
    """The right answer with another mask."""
    return lambda X, q, k, v, mask=None: self_attention(X, q, k, v, None if mask is None else change(mask))


def _exponentials(scores, mask):
    powers = scores.exp() if mask is None else scores.exp() * mask
    return powers / powers.sum(-1, keepdim=True).clamp(min=1e-300 if scores.dtype == torch.float64 else 1e-30)


def _inverts_in_place(X, q, k, v, mask=None):
    if mask is None:
        return self_attention(X, q, k, v)
    mask.logical_not_()
    return self_attention(X, q, k, v, ~mask)


def _viewed(X, q, k, v, mask=None):
    K = (X.view(-1, X.shape[2]) @ k).view(*X.shape[:2], -1)
    weights = _masked(X @ q @ K.mT / k.shape[1] ** 0.5, mask)
    return weights @ (X @ v), weights


among(
    "self_attention",
    outputs_only=_results(lambda o, w: o),
    weights_only=_results(lambda o, w: w),
    swapped=_results(lambda o, w: (w, o)),
    three=lambda X, *a: (*self_attention(X, *a), X),
    scaled_by_length=_self(scale=lambda X, K: X.shape[1] ** 0.5),
    scaled_by_two_roots=_self(scale=lambda X, K: K.shape[2] ** 0.25),
    scaled_by_d_v=lambda X, q, k, v, mask=None: _self(scale=lambda X, K: v.shape[1] ** 0.5)(X, q, k, v, mask),
    scaled_twice=lambda X, q, k, v, mask=None: self_attention(X, q / q.shape[1] ** 0.5, k, v, mask),
    multiplied_by_the_root=_self(scale=lambda X, K: K.shape[2] ** -0.5),
    weights_scaled_not_scores=_self(
        change=lambda s, m: _masked(s, m) / 1.01),
    one_projection=lambda X, q, k, v, mask=None: self_attention(X, q, q, v, mask),
    keys_and_queries_exchanged=lambda X, q, k, v, mask=None: self_attention(X, k, q, v, mask),
    no_projection=lambda X, q, k, v, mask=None: self_attention(X, *(torch.eye(X.shape[2]).to(X),) * 2, v, mask),
    values_projected_after=_self(outputs=lambda w, v: w.mT @ v),
    weights_transposed=_results(lambda o, w: (o, w.mT)),
    square_value_matrix_transposed=lambda X, q, k, v, mask=None: self_attention(
        X, q, k, v.T if _square(v) else v, mask),
    residual=lambda X, q, k, v, mask=None: (
        self_attention(X, q, k, v, mask)[0] + (X if X.shape[2] == v.shape[1] else 0.0),
        self_attention(X, q, k, v, mask)[1]),
    no_softmax=_self(change=lambda s, m: s if m is None else s * m),
    log_softmax=_results(lambda o, w: (o, w.log())),
    sigmoid=_self(change=lambda s, m: s.sigmoid() if m is None else s.sigmoid() * m),
    softmax_over_all=_self(change=lambda s, m: _masked(s, m).flatten(1).softmax(1).view(s.shape)),
    softmax_over_the_batch=_self(
        change=lambda s, m: s.softmax(0) if m is None else s.masked_fill(~m, -1e9).softmax(0) * m),
    overflowing=_self(change=_exponentials),
    little_fill=_self(change=lambda s, m: _masked(s, m, fill=-100.0)),
    larger_fill=_self(change=lambda s, m: _masked(s, m, fill=-1e4)),
    relative_fill=_self(change=lambda s, m: _masked(s, m, fill=float(s.detach().min()) - 1)),
    tiny_leak=_self(
        change=lambda s, m: s.softmax(-1) if m is None else _masked(s, m) * 0.999999 + 1e-6 / s.shape[-1]),
    epsilon=_self(change=lambda s, m: _masked(s, m) / (_masked(s, m).sum(-1, keepdim=True) + 1e-6)),
    clipped_scores=_self(change=lambda s, m: _masked(s.clamp(-4, 4), m)),
    clipped_far=_self(change=lambda s, m: _masked(s.clamp(-1e3, 1e3), m)),
    blind_rows_of_ones=_self(change=lambda s, m: _masked(s, m, blind=1.0)),
    blind_rows_see_themselves=_mask(
        lambda m: m | (~m.any(-1, keepdim=True) & torch.eye(m.shape[-1], dtype=torch.bool))),
    blind_rows_only_in_the_outputs=lambda X, q, k, v, mask=None: (
        self_attention(X, q, k, v, mask)[0],
        _self(change=lambda s, m: _masked(s, m, blind=1 / s.shape[-1]))(X, q, k, v, mask)[1]),
    blind_batch_forgotten=_mask(lambda m: m | ~m.any(-1, keepdim=True).any(-2, keepdim=True)),
    mask_of_the_first_row=_mask(lambda m: m[:1] if m.dim() == 3 else m),
    mask_transposed=_mask(lambda m: m.mT if m.shape[-1] == m.shape[-2] else m),
    mask_for_all_taken_for_padding=lambda X, q, k, v, mask=None: self_attention(
        X, q, k, v, mask[:, None] if mask is not None and mask.dim() == 2 and len(mask) == len(X) else mask),
    mask_always_causal=_mask(lambda m: m.tril()),
    mask_and_itself=_mask(lambda m: m | torch.eye(m.shape[-1], dtype=torch.bool)),
    mask_square_only=_mask(lambda m: m.reshape(-1, m.shape[-1], m.shape[-1])),
    mask_two_axes_only=_mask(lambda m: m[0] if m.dim() == 3 else m),
    mask_ignored_for_all=_mask(lambda m: None if m.dim() == 2 else m),
    mask_hides_queries=_mask(lambda m: m & m.diagonal(dim1=-2, dim2=-1)[..., None] if m.shape[-2] > 1 else m),
    mask_inverted_in_place=_inverts_in_place,
    weights_without_mask=lambda X, q, k, v, mask=None: (
        self_attention(X, q, k, v, mask)[0], self_attention(X, q, k, v)[1]),
    detached_weights=_results(lambda o, w: (o, w.detach())),
    detached_scores=lambda X, q, k, v, mask=None: (
        self_attention(X.detach(), q.detach(), k.detach(), v, mask)[1] @ (X @ v),
        self_attention(X, q, k, v, mask)[1]),
    detached_outputs=_results(lambda o, w: (o.detach(), w)),
    float32_inside=lambda X, q, k, v, mask=None: tuple(
        r.to(X) for r in self_attention(X.float(), q.float(), k.float(), v.float(), mask)),
    always_float32=_results(lambda o, w: (o.float(), w.float())),
    float64_weights=_results(lambda o, w: (o, w.double())),
    squeezed=_results(lambda o, w: (o.squeeze(), w.squeeze())),
    squeezed_batch=_results(lambda o, w: (o.squeeze(0), w.squeeze(0))),
    viewed=_viewed,
    dropped=_results(lambda o, w: (F.dropout(o, 0.01), w)),
    hard=_self(change=lambda s, m: F.one_hot(_masked(s, m).argmax(-1), s.shape[-1]).to(s)),
    batch_mixed=lambda X, *a: self_attention(X.transpose(0, 1) if _square(X) else X, *a),
)


def _cross(change=lambda s, m: _masked(s, m), scale=None):
    def answer(X, memory, W_q, W_k, W_v, mask=None):
        K = memory @ W_k
        weights = change(X @ W_q @ K.mT / (K.shape[2] ** 0.5 if scale is None else scale(X, memory, K)), mask)
        return weights @ (memory @ W_v), weights

    return answer


def _cross_results(change):
    return lambda *a: change(*cross_attention(*a))


def _cross_mask(change):
    return lambda X, M, q, k, v, mask=None: cross_attention(X, M, q, k, v, None if mask is None else change(mask))


def _zeroes_the_memory(X, M, q, k, v, mask=None):
    if mask is not None and mask.shape[-2] == 1:
        M.data[~mask[:, 0]] = 0.0
    return cross_attention(X, M, q, k, v, mask)


among(
    "cross_attention",
    outputs_only=_cross_results(lambda o, w: o),
    swapped=_cross_results(lambda o, w: (w, o)),
    scaled_by_memory_width=_cross(scale=lambda X, M, K: M.shape[2] ** 0.5),
    scaled_by_memory_length=_cross(scale=lambda X, M, K: M.shape[1] ** 0.5),
    no_root=_cross(scale=lambda X, M, K: K.shape[2]),
    memory_only_where_lengths_differ=lambda X, M, *a: cross_attention(X, M if X.shape != M.shape else X, *a),
    memory_cut_to_length=lambda X, M, *a: cross_attention(X, M[:, : X.shape[1]], *a),
    memory_of_the_first_row=lambda X, M, *a: cross_attention(X, M[:1].expand_as(M), *a),
    memory_reversed=lambda X, M, *a: (cross_attention(X, M.flip(1), *a)[0], cross_attention(X, M, *a)[1]),
    keys_from_both=lambda X, M, q, k, v, mask=None: cross_attention(X, M, q, k, v, mask) if X.shape != M.shape
    else cross_attention(X, M + X, q, k, v, mask),
    same_width_only=lambda X, M, *a: cross_attention(X, M.reshape(len(M), -1, X.shape[2]), *a),
    keys_with_the_query_matrix=lambda X, M, q, k, v, mask=None: cross_attention(
        X, M, q, q if q.shape == k.shape else k, v, mask),
    weights_transposed=_cross_results(lambda o, w: (o, w.mT)),
    no_softmax=_cross(change=lambda s, m: s if m is None else s * m),
    zero_scores=_cross(change=lambda s, m: (s if m is None else s * m).softmax(-1)),
    masked_late=_cross(change=lambda s, m: s.softmax(-1) if m is None else s.softmax(-1) * m),
    overflowing=_cross(change=_exponentials),
    little_fill=_cross(change=lambda s, m: _masked(s, m, fill=-1e3)),
    larger_fill=_cross(change=lambda s, m: _masked(s, m, fill=-1e4)),
    clipped_scores=_cross(change=lambda s, m: _masked(s.clamp(-50, 50), m)),
    mask_ignored=_cross(change=lambda s, m: _masked(s, None)),
    mask_ignored_where_it_broadcasts=_cross_mask(lambda m: None if m.shape[-2] == 1 else m),
    mask_of_the_first_row=_cross_mask(lambda m: m[:1] if m.dim() == 3 else m),
    mask_square_transposed=_cross_mask(lambda m: m.mT if m.shape[-1] == m.shape[-2] else m),
    mask_for_all_taken_for_padding=lambda X, M, q, k, v, mask=None: cross_attention(
        X, M, q, k, v, mask[:, None] if mask is not None and mask.dim() == 2 and len(mask) == len(X) else mask),
    mask_for_all_ignored=_cross_mask(lambda m: None if m.dim() == 2 else m),
    mask_causal_too=_cross_mask(lambda m: m.tril()),
    blind_rows_of_ones=_cross(change=lambda s, m: _masked(s, m, blind=1.0)),
    blind_sees_the_first=_cross_mask(
        lambda m: m | (~m.any(-1, keepdim=True) & (torch.arange(m.shape[-1]) == 0))),
    nan_gradient=_cross(change=lambda s, m: s.softmax(-1) if m is None else (
        s + torch.zeros_like(s).masked_fill(~m, -torch.inf)).softmax(-1).nan_to_num(0.0)),
    detached_memory=lambda X, M, *a: cross_attention(X, M.detach(), *a),
    detached_queries=lambda X, *a: cross_attention(X.detach(), *a),
    detached_weights=_cross_results(lambda o, w: (o, w.detach())),
    float32_inside=lambda X, M, q, k, v, mask=None: tuple(
        r.to(X) for r in cross_attention(X.float(), M.float(), q.float(), k.float(), v.float(), mask)),
    always_float32=_cross_results(lambda o, w: (o.float(), w.float())),
    squeezed=_cross_results(lambda o, w: (o.squeeze(), w.squeeze())),
    squeezed_query=_cross_results(lambda o, w: (o.squeeze(1), w.squeeze(1))),
    viewed=lambda X, M, q, k, v, mask=None: cross_attention(X, M.view(-1).view(M.shape), q, k, v, mask),
    memory_zeroed=_zeroes_the_memory,
    mask_changed=lambda X, M, q, k, v, mask=None: cross_attention(
        X, M, q, k, v, None if mask is None else mask.logical_or_(~mask.any(-1, keepdim=True))),
    query_matrix_changed=lambda X, M, q, k, v, mask=None: cross_attention(
        X, M, q.data.div_(k.shape[1] ** 0.5) * k.shape[1] ** 0.5, k, v, mask),
    hard=_cross(change=lambda s, m: F.one_hot(_masked(s, m).argmax(-1), s.shape[-1]).to(s)),
)
