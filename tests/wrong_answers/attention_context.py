"""Wrong answers to lesson 05, beyond the named misconceptions: what to look at, and the context that comes of it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from autograder.reference.attention import (
    attend_and_combine,
    local_attention_weights,
    masked_softmax,
    scaled_dot_product_attention,
)

WRONG: dict[str, list[Any]] = {}


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        WRONG.setdefault(exercise_id, []).append(answer)


def _attend(weigh):
    """A wrong way from scores and a mask to weights, made a whole answer."""

    def answer(q, k, v, mask=None):
        weights = weigh(q @ k.mT / k.shape[-1] ** 0.5, mask)
        return weights @ v, weights

    return answer


def _scaled(change):
    """A wrong use of the right function."""
    return lambda q, k, v, mask=None: change(q, k, v, mask)


_right = scaled_dot_product_attention


def _fill(value):
    return _attend(
        lambda s, m: s.softmax(-1) if m is None else s.masked_fill(~m, value).softmax(-1).masked_fill(~m, 0.0))


def _nan_gradient(s, m):
    if m is None:
        return s.softmax(-1)
    return (s + torch.zeros_like(s).masked_fill(~m, -torch.inf)).softmax(-1).nan_to_num(0.0)


def _renormalised(s, m):
    weights = s.softmax(-1) * (1.0 if m is None else m)
    return weights / (weights.sum(-1, keepdim=True) + 1e-12)


def _square(q, k, v):
    return len({*q.shape, *k.shape, *v.shape}) == 1


def _in_place(name):
    def answer(q, k, v, mask=None):
        result = _right(q, k, v, mask)
        given = {"queries": q, "keys": k, "values": v}[name]
        given.data.mul_(1.5)
        return result

    return answer


def _mask_in_place(q, k, v, mask=None):
    result = _right(q, k, v, mask)
    if mask is not None:
        mask.fill_(True)
    return result


def _values_zeroed(q, k, v, mask=None):
    if mask is not None:
        v.data[~mask.expand(len(q), q.shape[1], k.shape[1]).any(1)] = 0.0
    return _right(q, k, v, mask)


def _maximum(s, m):
    """Subtracts the largest score, hidden or not."""
    e = torch.exp(s - s.amax(-1, keepdim=True)) * (1.0 if m is None else m)
    return e / (e.sum(-1, keepdim=True) + 1e-30)


among(
    "scaled_dot_product_attention",
    outputs_only=lambda *a: _right(*a)[0],
    swapped=lambda *a: _right(*a)[::-1],
    three_results=lambda *a: (*_right(*a), a[0]),
    no_mask_argument=lambda q, k, v: _right(q, k, v),
    mask_needed=lambda q, k, v, mask: _right(q, k, v, mask),
    small_fill=_fill(-20.0),
    tiny_fill=_fill(1e-9),
    hidden_uniform=_attend(lambda s, m: s.softmax(-1) if m is None else s.masked_fill(~m, -1e9).softmax(-1)),
    nan_in_the_gradient=_attend(_nan_gradient),
    renormalised=_attend(_renormalised),
    naive_exponential=_attend(lambda s, m: (e := s.exp() * (1.0 if m is None else m)) / (
        e.sum(-1, keepdim=True).clamp(min=1e-300 if s.dtype == torch.float64 else 1e-30))),
    maximum_of_all=_attend(_maximum),
    over_the_batch=_attend(lambda s, m: s.softmax(0) if m is None else masked_softmax(s.mT, m.expand_as(s).mT).mT),
    over_the_queries_without_mask=_attend(lambda s, m: s.softmax(1) if m is None else masked_softmax(s, m)),
    sigmoids=_attend(lambda s, m: s.sigmoid() if m is None else s.sigmoid() * m),
    hard=_attend(lambda s, m: F.one_hot((s if m is None else s.masked_fill(~m, -1e9)).argmax(-1), s.shape[-1]).to(s)),
    lengths_only=_attend(lambda s, m: masked_softmax(s, torch.ones_like(s).bool() if m is None else (
        torch.arange(s.shape[-1]) < m.expand_as(s).sum(-1, keepdim=True)))),
    first_mask_row=_attend(lambda s, m: masked_softmax(s, torch.ones_like(s).bool() if m is None else m[..., :1, :])),
    any_query=_attend(lambda s, m: masked_softmax(
        s, torch.ones_like(s).bool() if m is None else m.any(-2, keepdim=True))),
    mask_of_the_batch=_scaled(lambda q, k, v, m: _right(q, k, v, m.unsqueeze(1) if m is not None and m.dim() == 2
                                                      and len(m) == len(q) else m)),
    mask_needs_three_axes=_scaled(lambda q, k, v, m: _right(q, k, v, m if m is None else m.masked_fill(
        torch.tensor(m.dim() < 3), True))),
    no_mask_for_all_queries=_scaled(
        lambda q, k, v, m: _right(q, k, v, None if m is not None and m.shape[-2] == 1 else m)),
    unscaled_with_a_mask=_scaled(lambda q, k, v, m: _right(q if m is None else q * k.shape[-1] ** 0.5, k, v, m)),
    unscaled_without_a_mask=_scaled(lambda q, k, v, m: _right(q * k.shape[-1] ** 0.5 if m is None else q, k, v, m)),
    scaled_twice=_scaled(lambda q, k, v, m: _right(q / k.shape[-1] ** 0.5, k, v, m)),
    scaled_by_eight=_scaled(lambda q, k, v, m: _right(q * k.shape[-1] ** 0.5 / 8, k, v, m)),
    scaled_by_the_batch=_scaled(lambda q, k, v, m: _right(q * k.shape[-1] ** 0.5 / len(q) ** 0.5, k, v, m)),
    scaled_by_queries=_scaled(lambda q, k, v, m: _right(q * k.shape[-1] ** 0.5 / q.shape[1] ** 0.5, k, v, m)),
    scaled_by_one_less=_scaled(lambda q, k, v, m: _right(q * (k.shape[-1] / max(k.shape[-1] - 1, 1)) ** 0.5, k, v, m)),
    scaled_by_a_whole_number=_scaled(
        lambda q, k, v, m: _right(q * k.shape[-1] ** 0.5 / max(int(k.shape[-1] ** 0.5), 1), k, v, m)),
    scaled_after_the_softmax=_attend(lambda s, m: (s.softmax(-1) if m is None else masked_softmax(s, m)) / 2),
    scaled_outputs=_scaled(lambda q, k, v, m: (_right(q, k, v, m)[0] / k.shape[-1] ** 0.5, _right(q, k, v, m)[1])),
    normalised_queries=_scaled(lambda q, k, v, m: _right(F.normalize(q, dim=-1), k, v, m)),
    keys_as_values=_scaled(lambda q, k, v, m: _right(q, k, k if k.shape == v.shape else v, m)),
    values_as_keys=_scaled(lambda q, k, v, m: _right(q, v if k.shape == v.shape else k, v, m)),
    queries_as_keys=_scaled(lambda q, k, v, m: _right(k, q, v, m) if _square(q, k, v) else _right(q, k, v, m)),
    weights_turned_when_square=_scaled(lambda q, k, v, m: (
        _right(q, k, v, m)[0], w.mT if len({*(w := _right(q, k, v, m)[1]).shape[1:]}) == 1 else w)),
    first_sentence=_scaled(lambda q, k, v, m: _right(q, k[:1].expand_as(k), v, m)),
    values_of_the_first_sentence=_scaled(lambda q, k, v, m: _right(q, k, v[:1].expand_as(v), m)),
    residual=_scaled(lambda q, k, v, m: (
        _right(q, k, v, m)[0] + (q if q.shape[-1] == v.shape[-1] else 0), _right(q, k, v, m)[1])),
    clamped=_attend(lambda s, m: (s.clamp(-30, 30).softmax(-1) if m is None else masked_softmax(s.clamp(-30, 30), m))),
    dropped=_attend(lambda s, m: F.dropout(s.softmax(-1) if m is None else masked_softmax(s, m), 0.1)),
    outputs_unmasked=_scaled(lambda q, k, v, m: (_right(q, k, v)[0], _right(q, k, v, m)[1])),
    returned_weights_unmasked=_scaled(lambda q, k, v, m: (_right(q, k, v, m)[0], _right(q, k, v)[1])),
    returned_weights_unscaled=_scaled(lambda q, k, v, m: (
        _right(q, k, v, m)[0], _right(q * k.shape[-1] ** 0.5, k, v, m)[1])),
    weights_detached=_scaled(lambda q, k, v, m: (_right(q, k, v, m)[1].detach() @ v, _right(q, k, v, m)[1].detach())),
    outputs_detached=_scaled(lambda q, k, v, m: (_right(q, k, v, m)[0].detach(), _right(q, k, v, m)[1])),
    returned_weights_detached=_scaled(lambda q, k, v, m: (_right(q, k, v, m)[0], _right(q, k, v, m)[1].detach())),
    values_detached=_scaled(lambda q, k, v, m: _right(q, k, v.detach(), m)),
    keys_detached=_scaled(lambda q, k, v, m: _right(q, k.detach(), v, m)),
    detached_under_a_mask=_scaled(lambda q, k, v, m: _right(q if m is None else q.detach(), k, v, m)),
    float32_inside=_scaled(lambda q, k, v, m: tuple(
        r.to(q.dtype) for r in _right(q.float(), k.float(), v.float(), m))),
    float32_result=_scaled(lambda q, k, v, m: tuple(r.float() for r in _right(q, k, v, m))),
    float64_result=_scaled(lambda q, k, v, m: tuple(r.double() for r in _right(q, k, v, m))),
    squeezed=_scaled(lambda q, k, v, m: tuple(r.squeeze() for r in _right(q, k, v, m))),
    squeezed_query=_scaled(lambda q, k, v, m: tuple(r.squeeze(1) for r in _right(q, k, v, m))),
    squeezed_key=_scaled(lambda q, k, v, m: (_right(q, k, v, m)[0], _right(q, k, v, m)[1].squeeze(2))),
    keys_viewed=_scaled(lambda q, k, v, m: _right(q, k.view(-1).view(k.shape), v, m)),
    values_viewed=_scaled(lambda q, k, v, m: _right(q, k, v.view(-1).view(v.shape), m)),
    mask_viewed=_scaled(lambda q, k, v, m: _right(q, k, v, m if m is None else m.view(-1).view(m.shape))),
    hidden_values_zeroed=_values_zeroed,
    queries_changed=_in_place("queries"),
    keys_changed=_in_place("keys"),
    values_changed=_in_place("values"),
    mask_changed=_mask_in_place,
    nothing=_scaled(lambda q, k, v, m: None),
)


def _window(scores, centers, window, inside=None, sigma=None, shift=0.0, power=2.0, distance=None):
    d = torch.arange(scores.shape[-1]).to(scores) + shift - centers.unsqueeze(-1) if distance is None else distance
    near = d.abs() <= window if inside is None else inside(d)
    sigma = window / 2 if sigma is None else sigma
    return masked_softmax(scores, near) * torch.exp(-(d.abs() ** power) / (2 * sigma**power))


def _local_in_place(scores, centers, window):
    result = local_attention_weights(scores, centers, window)
    scores.data.masked_fill_(result == 0, -torch.inf)
    return result


def _centers_in_place(scores, centers, window):
    result = local_attention_weights(scores, centers, window)
    centers.data.round_()
    return result


def _never_empty(scores, centers, window):
    """Pulls centres into the sequence."""
    return local_attention_weights(scores, centers.clamp(0, scores.shape[-1] - 1), window)


def _nan_slope(scores, centers, window):
    near = (torch.arange(scores.shape[-1]).to(scores) - centers.unsqueeze(-1)).abs() <= window
    weights = (scores + torch.zeros_like(scores).masked_fill(~near, -torch.inf)).softmax(-1).nan_to_num(0.0)
    return weights * _window(torch.zeros_like(scores), centers, window, lambda d: d == d) * scores.shape[-1]


_local = local_attention_weights
among(
    "local_attention_weights",
    centre_ceiled=lambda s, c, w: _local(s, c.ceil(), w),
    gaussian_of_the_rounded_centre=lambda s, c, w: _window(
        s, c, w, distance=(d := torch.arange(s.shape[-1]).to(s) - c.round().unsqueeze(-1)), inside=lambda _: (
            torch.arange(s.shape[-1]).to(s) - c.unsqueeze(-1)).abs() <= w) + 0 * d,
    window_of_the_rounded_centre=lambda s, c, w: _window(
        s, c, w, inside=lambda d: (torch.arange(s.shape[-1]).to(s) - c.round().unsqueeze(-1)).abs() <= w),
    positions_from_one=lambda s, c, w: _window(s, c, w, shift=1.0),
    whole_sigma=lambda s, c, w: _window(s, c, w, sigma=max(w // 2, 1)),
    whole_sigma_above_one=lambda s, c, w: _window(s, c, w, sigma=w // 2 if w > 1 else 0.5),
    sigma_of_a_quarter=lambda s, c, w: _window(s, c, w, sigma=w / 4),
    sigma_of_one=lambda s, c, w: _window(s, c, w, sigma=1.0),
    sigma_root=lambda s, c, w: _window(s, c, w, sigma=(w / 2) ** 0.5),
    laplacian=lambda s, c, w: _window(s, c, w, power=1.0),
    no_two_in_the_exponent=lambda s, c, w: _window(s, c, w, sigma=w / 2 / 2**0.5),
    density=lambda s, c, w: _local(s, c, w) / (w / 2 * (2 * torch.pi) ** 0.5),
    half_the_window=lambda s, c, w: _window(s, c, w, inside=lambda d: d.abs() <= w / 2),
    twice_the_window=lambda s, c, w: _window(s, c, w, inside=lambda d: d.abs() <= 2 * w),
    looks_back_only=lambda s, c, w: _window(s, c, w, inside=lambda d: (d <= 0) & (d >= -w)),
    looks_ahead_only=lambda s, c, w: _window(s, c, w, inside=lambda d: (d >= 0) & (d <= w)),
    left_border_out=lambda s, c, w: _window(s, c, w, inside=lambda d: (d > -w) & (d <= w)),
    right_border_out=lambda s, c, w: _window(s, c, w, inside=lambda d: (d >= -w) & (d < w)),
    border_with_slack=lambda s, c, w: _window(s, c, w, inside=lambda d: d.abs() <= w + 0.5),
    whole_window=lambda s, c, w: _window(s, c, w, inside=lambda d: d.abs().floor() <= w),
    always_inside=lambda s, c, w: _window(s, c, w, inside=lambda d: d == d),
    wraps_around=lambda s, c, w: _window(s, c, w, distance=torch.remainder(
        torch.arange(s.shape[-1]).to(s) - c.unsqueeze(-1) + s.shape[-1] / 2, s.shape[-1]) - s.shape[-1] / 2),
    never_empty=_never_empty,
    empty_uniform=lambda s, c, w: torch.where(
        (_local(s, c, w) == 0).all(-1, keepdim=True), 1 / s.shape[-1], _local(s, c, w)),
    empty_nan=lambda s, c, w: torch.where((_local(s, c, w) == 0).all(-1, keepdim=True), torch.nan, _local(s, c, w)),
    empty_keeps_the_nearest=lambda s, c, w: _window(s, c, w, inside=lambda d: (d.abs() <= w) | (
        (d.abs() > w).all(-1, keepdim=True) & (d.abs() == d.abs().amin(-1, keepdim=True)))),
    nan_in_the_gradient=_nan_slope,
    small_fill=lambda s, c, w: torch.where(
        (torch.arange(s.shape[-1]).to(s) - c.unsqueeze(-1)).abs() <= w, s, -20.0).softmax(-1) * _window(
            torch.zeros_like(s), c, w, lambda d: d == d) * s.shape[-1],
    naive_exponential=lambda s, c, w: (e := s.exp() * ((
        d := torch.arange(s.shape[-1]).to(s) - c.unsqueeze(-1)).abs() <= w)) / e.sum(-1, keepdim=True).clamp(
            min=1e-30) * torch.exp(-(d**2) / (2 * (w / 2) ** 2)),
    gaussian_added=lambda s, c, w: masked_softmax(s - 2 * (
        d := torch.arange(s.shape[-1]).to(s) - c.unsqueeze(-1)) ** 2 / w**2, d.abs() <= w),
    renormalised_when_full=lambda s, c, w: (g := _local(s, c, w)) / g.sum(-1, keepdim=True) if w >= s.shape[-1]
    else _local(s, c, w),
    first_centre=lambda s, c, w: _local(s, c[:, :1].expand_as(c), w),
    centres_of_the_first_sentence=lambda s, c, w: _local(s, c[:1].expand_as(c), w),
    centres_turned_when_square=lambda s, c, w: _local(s, c.T if len(c) == c.shape[1] else c, w),
    over_the_queries=lambda s, c, w: masked_softmax(s.mT, ((
        d := torch.arange(s.shape[-1]).to(s) - c.unsqueeze(-1)).abs() <= w).mT).mT * torch.exp(-2 * (d / w) ** 2),
    scores_detached=lambda s, c, w: _local(s.detach(), c, w),
    gaussian_detached=lambda s, c, w: _local(s, c.detach(), w),
    detached=lambda s, c, w: _local(s, c, w).detach(),
    float32_inside=lambda s, c, w: _local(s.float(), c.float(), w).to(s.dtype),
    float32_positions=lambda s, c, w: _window(
        s, c, w, distance=(torch.arange(s.shape[-1]).float() - c.float().unsqueeze(-1)).to(s)),
    float64_result=lambda s, c, w: _local(s, c, w).double(),
    float32_result=lambda s, c, w: _local(s, c, w).float(),
    squeezed=lambda s, c, w: _local(s, c, w).squeeze(),
    squeezed_batch=lambda s, c, w: _local(s, c, w).squeeze(0),
    viewed=lambda s, c, w: _local(s.view(-1).view(s.shape), c, w),
    centres_viewed=lambda s, c, w: _local(s, c.view(-1).view(c.shape), w),
    scores_changed=_local_in_place,
    centres_changed=_centers_in_place,
    clamped=lambda s, c, w: _local(s.clamp(-50, 50), c, w),
    a_pair=lambda s, c, w: (_local(s, c, w), c),
    nothing=lambda s, c, w: None,
)


_combine = attend_and_combine


def _combined(change):
    return lambda q, a, v, W, b: change(q, a, v, W, b, *_combine(q, a, v, W, b))


def _combine_in_place(q, a, v, W, b):
    result = _combine(q, a, v, W, b)
    v.data.mul_(a.data.unsqueeze(-1))
    return result


among(
    "attend_and_combine",
    output_only=_combined(lambda q, a, v, W, b, o, c: o),
    three_results=_combined(lambda q, a, v, W, b, o, c: (o, c, a)),
    weights_for_context=_combined(lambda q, a, v, W, b, o, c: (o, a)),
    context_for_output=_combined(lambda q, a, v, W, b, o, c: (c, c)),
    context_with_an_axis=_combined(lambda q, a, v, W, b, o, c: (o, c.unsqueeze(1))),
    output_with_an_axis=_combined(lambda q, a, v, W, b, o, c: (o.unsqueeze(1), c)),
    both_together=_combined(lambda q, a, v, W, b, o, c: (o, torch.cat([q, c], -1))),
    bias_twice=_combined(lambda q, a, v, W, b, o, c: (o + b, c)),
    bias_subtracted=_combined(lambda q, a, v, W, b, o, c: (o - 2 * b, c)),
    relu=_combined(lambda q, a, v, W, b, o, c: (o.relu(), c)),
    softmaxed=_combined(lambda q, a, v, W, b, o, c: (o.softmax(-1), c)),
    context_squashed=_combined(lambda q, a, v, W, b, o, c: (
        torch.cat([q, c.tanh()], -1) @ W + b, c.tanh())),
    query_left_out=_combined(lambda q, a, v, W, b, o, c: (c @ W[q.shape[1] :] + b, c)),
    context_left_out=_combined(lambda q, a, v, W, b, o, c: (q @ W[: q.shape[1]] + b, c)),
    order_when_equal=_combined(lambda q, a, v, W, b, o, c: (
        torch.cat([c, q], -1) @ W + b if c.shape == q.shape else o, c)),
    weights_turned_when_square=_combined(lambda q, a, v, W, b, o, c: (
        torch.cat([q, c], -1) @ W.T + b if W.shape[0] == W.shape[1] else o, c)),
    query_added=_combined(lambda q, a, v, W, b, o, c: (o + q if o.shape == q.shape else o, c)),
    renormalised=lambda q, a, v, W, b: _combine(q, a / (a.sum(-1, keepdim=True) + 0.1), v, W, b),
    largest_value=lambda q, a, v, W, b: (
        torch.cat([q, c := (a.unsqueeze(-1) * v).amax(1)], -1) @ W + b, c),
    unweighted_sum=lambda q, a, v, W, b: _combine(q, torch.ones_like(a), v, W, b),
    weights_of_the_first=lambda q, a, v, W, b: _combine(q, a[:1].expand_as(a), v, W, b),
    values_of_the_first=lambda q, a, v, W, b: _combine(q, a, v[:1].expand_as(v), W, b),
    weights_squared=lambda q, a, v, W, b: _combine(q, a**2, v, W, b),
    first_value_left_out=lambda q, a, v, W, b: _combine(q, a * (torch.arange(a.shape[1]) > 0), v, W, b),
    small_weights_dropped=lambda q, a, v, W, b: _combine(q, a * (a > 0.01), v, W, b),
    values_turned_when_square=lambda q, a, v, W, b: _combine(q, a, v.mT if v.shape[1] == v.shape[2] else v, W, b),
    weights_turned_when_square_batch=lambda q, a, v, W, b: _combine(q, a.T if len(a) == a.shape[1] else a, v, W, b),
    context_detached=_combined(lambda q, a, v, W, b, o, c: (o, c.detach())),
    output_detached=_combined(lambda q, a, v, W, b, o, c: (o.detach(), c)),
    weights_detached=lambda q, a, v, W, b: _combine(q, a.detach(), v, W, b),
    values_detached=lambda q, a, v, W, b: _combine(q, a, v.detach(), W, b),
    query_detached=lambda q, a, v, W, b: _combine(q.detach(), a, v, W, b),
    bias_detached=lambda q, a, v, W, b: _combine(q, a, v, W, b.detach()),
    float32_inside=lambda *a: tuple(r.to(a[0].dtype) for r in _combine(*(x.float() for x in a))),
    float32_result=lambda *a: tuple(r.float() for r in _combine(*a)),
    float64_result=lambda *a: tuple(r.double() for r in _combine(*a)),
    squeezed=lambda *a: tuple(r.squeeze() for r in _combine(*a)),
    squeezed_batch=lambda *a: tuple(r.squeeze(0) for r in _combine(*a)),
    values_viewed=lambda q, a, v, W, b: _combine(q, a, v.view(-1).view(v.shape), W, b),
    weights_viewed=lambda q, a, v, W, b: _combine(q, a, v, W.view(-1).view(W.shape), b),
    values_changed=_combine_in_place,
    nothing=lambda *a: None,
)
