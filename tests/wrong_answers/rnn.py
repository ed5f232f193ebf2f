"""Wrong answers to the functions of lesson 02, beyond the named misconceptions: `WRONG[exercise]` lists them.

Many are wrong in one place only: one shape, one dtype, one regime, far from the start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.reference.rnn import clip_gradients_, last_valid_state, rnn_backward, rnn_forward, rnn_step

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


def _a(x, h, W, U, b):
    return x @ W + h @ U + b


among(
    "rnn_step",
    bias_twice=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b) + b),
    bias_subtracted=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, -b)),
    bias_of_the_first_unit=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b[0])),
    hardtanh=lambda x, h, W, U, b: torch.nn.functional.hardtanh(_a(x, h, W, U, b)),
    softsign=lambda x, h, W, U, b: torch.nn.functional.softsign(_a(x, h, W, U, b)),
    sine=lambda x, h, W, U, b: torch.sin(_a(x, h, W, U, b)),
    tanh_of_the_state_first=lambda x, h, W, U, b: torch.tanh(_a(x, torch.tanh(h), W, U, b)),
    state_added=lambda x, h, W, U, b: h + torch.tanh(_a(x, h, W, U, b)),
    leaky=lambda x, h, W, U, b: 0.5 * h + 0.5 * torch.tanh(_a(x, h, W, U, b)),
    diagonal_weights=lambda x, h, W, U, b: torch.tanh(x @ W + h * U.diagonal() + b),
    state_of_the_first_row=lambda x, h, W, U, b: torch.tanh(_a(x, h[:1], W, U, b)),
    batch_mean=lambda x, h, W, U, b: torch.tanh(_a(x, h.mean(0, keepdim=True), W, U, b)),
    float32_inside=lambda *five: rnn_step(*(a.float() for a in five)).to(five[0]),
    always_float32=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b)).float(),
    always_float64=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b)).double(),
    squeezed=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b)).squeeze(),
    squeezed_batch=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b)).squeeze(0),
    viewed=lambda x, h, W, U, b: torch.tanh(_a(x, h.view(-1).view(h.shape), W, U, b)),
    input_detached=lambda x, h, W, U, b: torch.tanh(_a(x.detach(), h, W, U, b)),
    weight_detached=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U.detach(), b)),
    bias_detached=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b.data)),
    no_graph=lambda x, h, W, U, b: torch.no_grad()(torch.tanh)(_a(x, h, W, U, b)),
    a_pair=lambda x, h, W, U, b: (torch.tanh(_a(x, h, W, U, b)), h),
    transposed_result=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b)).T,
    square_input_weights_transposed=lambda x, h, W, U, b: rnn_step(x, h, W.T if W.shape[0] == W.shape[1] else W, U, b),
    clipped_sum=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b).clamp(-2, 2)),
    overflowing=lambda x, h, W, U, b: (lambda e: (e - 1) / (e + 1))(torch.exp(2 * _a(x, h, W, U, b))),
    nothing=lambda x, h, W, U, b: None,
    zeros=lambda x, h, W, U, b: torch.zeros_like(h),
    numbers=lambda x, h, W, U, b: torch.tanh(_a(x, h, W, U, b)).tolist(),
)


@wrong("rnn_step")
def step_overwrites_the_state(x_t, h_prev, W_xh, W_hh, b_h):
    result = rnn_step(x_t, h_prev, W_xh, W_hh, b_h)
    h_prev.data.copy_(result)
    return result


@wrong("rnn_step")
def step_adds_into_the_bias(x_t, h_prev, W_xh, W_hh, b_h):
    b_h.data += 0.1
    return rnn_step(x_t, h_prev, W_xh, W_hh, b_h - 0.1)


def _loop(x, h, W, U, b, change: Callable[[int, Tensor], Tensor] = lambda t, h: h):
    states = []
    for t in range(x.shape[1]):
        h = change(t, torch.tanh(_a(x[:, t], h, W, U, b)))
        states.append(h)
    return torch.stack(states, 1), states[-1]


def _detach_each(n: int) -> Callable[[int, Tensor], Tensor]:
    return lambda t, h: h.detach().requires_grad_() * 1 if (t + 1) % n == 0 else h


def _only(index: int):
    return lambda *a: rnn_forward(*a)[index]


among(
    "rnn_forward",
    only_the_outputs=_only(0),
    only_the_last=_only(1),
    swapped=lambda *a: rnn_forward(*a)[::-1],
    three_results=lambda *a: (*rnn_forward(*a), a[1]),
    last_is_first=lambda *a: (rnn_forward(*a)[0], rnn_forward(*a)[0][:, 0]),
    last_is_the_start=lambda *a: (rnn_forward(*a)[0], a[1]),
    last_with_a_layer_axis=lambda *a: (rnn_forward(*a)[0], rnn_forward(*a)[1][None]),
    last_with_a_step_axis=lambda *a: (rnn_forward(*a)[0], rnn_forward(*a)[0][:, -1:]),
    last_detached=lambda *a: (rnn_forward(*a)[0], rnn_forward(*a)[1].detach()),
    outputs_detached=lambda *a: (rnn_forward(*a)[0].detach(), rnn_forward(*a)[1]),
    last_step_missing=lambda x, *a: (rnn_forward(x, *a)[0][:, :-1], rnn_forward(x, *a)[1]),
    start_included=lambda x, h, *a: (torch.cat([h[:, None], rnn_forward(x, h, *a)[0]], 1), rnn_forward(x, h, *a)[1]),
    truncated_after_5=lambda *a: _loop(*a, _detach_each(5)),
    truncated_after_10=lambda *a: _loop(*a, _detach_each(10)),
    truncated_after_35=lambda *a: _loop(*a, _detach_each(35)),
    at_most_20_steps=lambda *a: _loop(*a, lambda t, h: h if t < 20 else 0 * h),
    start_detached=lambda x, h, *a: rnn_forward(x, h.detach(), *a),
    start_of_the_first_row=lambda x, h, *a: rnn_forward(x, h[:1].expand_as(h), *a),
    start_doubled=lambda x, h, *a: rnn_forward(x, 2 * h, *a),
    bias_at_the_first_step=lambda x, h, W, U, b: _loop(
        x[:, 1:], (first := rnn_step(x[:, 0], h, W, U, b)), W, U, 0 * b) if x.shape[1] > 1 else (first[:, None], first),
    recurrent_weights_transposed=lambda x, h, W, U, b: rnn_forward(x, h, W, U.T, b),
    no_tanh=lambda x, h, W, U, b: _linear(x, h, W, U, b),
    running_mean=lambda *a: _loop(*a, lambda t, h: h / (1 + t / 100)),
    float32_outputs=lambda *a: tuple(r.float() for r in rnn_forward(*a)),
    lists=lambda *a: (list(rnn_forward(*a)[0].unbind(1)), rnn_forward(*a)[1]),
    row_to_row=lambda *a: _row_to_row(*a),
    steps_over_the_batch=lambda x, h, W, U, b: rnn_forward(x.transpose(0, 1), h, W, U, b),
    steps_over_the_batch_if_square=lambda x, h, *a: rnn_forward(
        x.transpose(0, 1) if x.shape[0] == x.shape[1] else x, h, *a),
    squeezed_outputs=lambda *a: tuple(r.squeeze() for r in rnn_forward(*a)),
    squeezed_step=lambda *a: (rnn_forward(*a)[0].squeeze(1), rnn_forward(*a)[1]),
    viewed_inputs=lambda x, h, W, U, b: rnn_forward(x.view(-1).view(x.shape), h, W, U, b),
    parallel=lambda x, h, W, U, b: _parallel(x, h, W, U, b),
)


def _linear(x, h, W, U, b):
    states = []
    for t in range(x.shape[1]):
        h = _a(x[:, t], h, W, U, b)
        states.append(h)
    return torch.stack(states, 1), states[-1]


def _row_to_row(x, h_0, W, U, b):
    """The state of one sentence runs on into the next."""
    h, rows = h_0[:1], []
    for row in x:
        states, h = rnn_forward(row[None], h, W, U, b)
        rows.append(states)
    outputs = torch.cat(rows)
    return outputs, outputs[:, -1]


def _parallel(x, h_0, W, U, b):
    """Each step reads what the one before would be without its own past."""
    alone = torch.tanh(x @ W + b)
    before = torch.cat([h_0[:, None], alone[:, :-1]], dim=1)
    outputs = torch.tanh(x @ W + before @ U + b)
    return outputs, outputs[:, -1]


@wrong("rnn_forward")
def forward_one_buffer(x, h_0, W, U, b):
    """Every output is the same tensor, written again and again."""
    h, states = h_0.detach().clone(), []
    for t in range(x.shape[1]):
        h.copy_(torch.tanh(_a(x[:, t], h, W, U, b)).detach())
        states.append(h)
    return torch.stack(states, dim=1), h


@wrong("rnn_forward")
def forward_overwrites_the_start(x, h_0, W, U, b):
    outputs, last = rnn_forward(x, h_0, W, U, b)
    h_0.data.copy_(last)
    return outputs, last


@wrong("rnn_forward")
def forward_default_buffer(x, h_0, W, U, b):
    outputs = torch.zeros(x.shape[0], x.shape[1], h_0.shape[1])
    for t, h in enumerate(rnn_forward(x, h_0, W, U, b)[0].unbind(1)):
        outputs[:, t] = h
    return outputs, outputs[:, -1]


def _with(**changes: Callable[..., Any]) -> Any:
    """The right gradients, some of them changed by a function of (gradient, the six arguments)."""
    return lambda *six: {
        name: changes[name](g, *six) if name in changes else g for name, g in rnn_backward(*six).items()
    }


def _backward(x, h_0, outputs, grad_outputs, W, U, *, slope=None, carry=lambda t, future: future):
    slope = 1 - outputs**2 if slope is None else slope
    grad_a, future = torch.zeros_like(outputs), torch.zeros_like(h_0)
    for t in reversed(range(x.shape[1])):
        grad_a[:, t] = (grad_outputs[:, t] + carry(t, future)) * slope[:, t]
        future = grad_a[:, t] @ U.T
    before = torch.cat([h_0[:, None], outputs[:, :-1]], dim=1)
    return {
        "x": grad_a @ W.T,
        "h_0": future,
        "W_xh": torch.einsum("bti,bth->ih", x, grad_a),
        "W_hh": torch.einsum("bth,btk->hk", before, grad_a),
        "b_h": grad_a.sum(dim=(0, 1)),
    }


def _truncated(n: int) -> Any:
    """Each state's gradient reaches n steps back at most."""
    return lambda *six: _backward(*six, carry=lambda t, future: future * float((t + 1) % n != 0))


def _previous(h_0, outputs):
    return torch.cat([h_0[:, None], outputs[:, :-1]], dim=1)


among(
    "rnn_backward",
    recurrent_gradient_transposed=_with(W_hh=lambda g, *_: g.T),
    input_gradient_transposed=_with(W_xh=lambda g, *_: g.T),
    bias_mean=_with(b_h=lambda g, x, *_: g / x.shape[1]),
    bias_as_a_row=_with(b_h=lambda g, *_: g[None]),
    bias_per_row=_with(b_h=lambda g, x, *_: g.expand(len(x), -1)),
    bias_missing=lambda *six: {k: g for k, g in rnn_backward(*six).items() if k != "b_h"},
    bias_zero=_with(b_h=lambda g, *_: 0 * g),
    start_zero=_with(h_0=lambda g, *_: 0 * g),
    start_transposed=_with(h_0=lambda g, x, h, o, go, W, U: torch.linalg.solve(U, g.T).T @ U),
    start_summed=_with(h_0=lambda g, *_: g.sum(0)),
    inputs_doubled=_with(x=lambda g, *_: 2 * g),
    mean_over_steps=_with(**{k: (lambda g, x, *_: g / x.shape[1]) for k in ("W_xh", "W_hh", "b_h")}),
    clipped=_with(**{k: (lambda g, *_: g.clamp(-1, 1)) for k in ("x", "h_0", "W_xh", "W_hh", "b_h")}),
    clipped_at_five=_with(**{k: (lambda g, *_: g.clamp(-5, 5)) for k in ("W_xh", "W_hh", "b_h")}),
    a_tuple=lambda *six: tuple(rnn_backward(*six).values()),
    other_names=lambda *six: {f"d{k}": g for k, g in rnn_backward(*six).items()},
    truncated_5=_truncated(5),
    truncated_10=_truncated(10),
    truncated_20=_truncated(20),
    truncated_35=_truncated(35),
    truncated_50=_truncated(50),
    nothing_reaches_the_first_step=lambda *six: _backward(*six, carry=lambda t, f: f if t else 0 * f),
    future_halved=lambda *six: _backward(*six, carry=lambda t, f: f / 2),
    future_of_the_batch_mean=lambda *six: _backward(*six, carry=lambda t, f: f.mean(0, keepdim=True)),
    slope_squared=lambda *six: _backward(*six, slope=(1 - six[2] ** 2) ** 2),
    slope_of_the_state_before=lambda *six: _backward(*six, slope=1 - _previous(six[1], six[2]) ** 2),
    slope_with_a_root=lambda *six: _backward(*six, slope=(1 - six[2] ** 2).clamp(min=0).sqrt()),
    slope_linear=lambda *six: _backward(*six, slope=1 - six[2].abs()),
    slope_plus=lambda *six: _backward(*six, slope=1 + six[2] ** 2),
    slope_never_below=lambda *six: _backward(*six, slope=(1 - six[2] ** 2).clamp(min=0.1)),
    last_step_only=lambda x, h, o, go, W, U: _backward(
        x, h, o, torch.cat([0 * go[:, :-1], go[:, -1:]], 1), W, U),
    not_the_last_step=lambda x, h, o, go, W, U: _backward(
        x, h, o, torch.cat([go[:, :-1], 0 * go[:, -1:]], 1), W, U),
    rolled_states=_with(W_hh=lambda g, x, h, o, go, W, U: _rolled(x, h, o, go, W, U)),
    start_of_the_first_row=lambda x, h, o, go, W, U: rnn_backward(x, h[:1].expand_as(h), o, go, W, U),
    float32_inside=lambda *six: {k: g.to(six[0]) for k, g in rnn_backward(*(a.float() for a in six)).items()},
    viewed=lambda x, h, o, *a: rnn_backward(x.view(-1).view(x.shape), h, o.view(-1).view(o.shape), *a),
    square_input_weights=_with(x=lambda g, x, h, o, go, W, U: (
        torch.linalg.solve(W, g.reshape(-1, len(W)).T).T.reshape(g.shape) @ W if W.shape[0] == W.shape[1] else g)),
)


def _rolled(x, h_0, outputs, grad_outputs, W, U):
    """The state before the first step is taken to be the last one."""
    grad_a = torch.zeros_like(outputs)
    future = torch.zeros_like(h_0)
    for t in reversed(range(x.shape[1])):
        grad_a[:, t] = (grad_outputs[:, t] + future) * (1 - outputs[:, t] ** 2)
        future = grad_a[:, t] @ U.T
    return torch.einsum("bth,btk->hk", outputs.roll(1, dims=1), grad_a)


def _replayed(x, h_0, grad_outputs, W, U, b):
    with torch.inference_mode(False), torch.enable_grad():
        leaves = [t.clone().requires_grad_() for t in (x, h_0, W, U, b)]
        replayed, _ = rnn_forward(*leaves)
        found = torch.autograd.grad(replayed, leaves, grad_outputs.clone())
    return dict(zip(("x", "h_0", "W_xh", "W_hh", "b_h"), found, strict=True))


@wrong("rnn_backward")
def backward_replayed_without_bias(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    return _replayed(x, h_0, grad_outputs, W_xh, W_hh, W_hh.new_zeros(len(W_hh)))


@wrong("rnn_backward")
def backward_replayed_with_the_bias_found_out(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    """Leaves inference mode, finds the bias from the first state, and lets autograd do the work."""
    bias = (torch.atanh(outputs[:, 0]) - x[:, 0] @ W_xh - h_0 @ W_hh)[0]
    with torch.inference_mode(False):
        return _replayed(x, h_0, grad_outputs, W_xh, W_hh, bias.clone())


@wrong("rnn_backward")
def backward_accumulates_into_its_input(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    found = rnn_backward(x, h_0, outputs, grad_outputs, W_xh, W_hh)
    grad_outputs[:, 0] += found["h_0"]
    return found


def _norm(gradients):
    return torch.stack([g.norm() for g in gradients]).norm()


def _clip(norm=_norm, factor=lambda limit, n: limit / n if n > limit else 1.0, result=lambda n: n) -> Any:
    """Clipping with a part replaced."""

    def clip(gradients, max_norm):
        n = norm(gradients)
        scale = factor(max_norm, n)
        for g in gradients:
            g.mul_(scale)
        return result(n)

    return clip


among(
    "clip_gradients_",
    infinity_norm=_clip(norm=lambda gs: torch.stack([g.abs().max() for g in gs]).max()),
    one_norm=_clip(norm=lambda gs: torch.stack([g.abs().sum() for g in gs]).sum()),
    largest_norm=_clip(norm=lambda gs: torch.stack([g.norm() for g in gs]).max()),
    mean_norm=_clip(norm=lambda gs: torch.stack([g.norm() for g in gs]).mean()),
    root_mean_square=_clip(norm=lambda gs: torch.cat([g.flatten() for g in gs]).square().mean().sqrt()),
    standard_deviation=_clip(norm=lambda gs: torch.cat([g.flatten() for g in gs]).std()),
    norm_of_the_sums=_clip(norm=lambda gs: torch.stack([g.sum() for g in gs]).norm()),
    norm_of_the_first=_clip(norm=lambda gs: gs[0].norm()),
    norm_of_the_last=_clip(norm=lambda gs: gs[-1].norm()),
    matrices_only=_clip(norm=lambda gs: _norm([g for g in gs if g.dim() > 1] or gs)),
    spectral_norm=_clip(norm=lambda gs: torch.stack(
        [torch.linalg.matrix_norm(g, 2) if g.dim() == 2 else g.norm() for g in gs]).norm()),
    never=_clip(factor=lambda limit, n: 1.0),
    larger_of_the_two=_clip(factor=lambda limit, n: max(1.0, float(limit / n)) if n > 0 else 1.0),
    only_below=_clip(factor=lambda limit, n: limit / n if 0 < n < limit else 1.0),
    only_above_one=_clip(factor=lambda limit, n: limit / n if n > max(limit, 1) else 1.0),
    to_norm_one=_clip(factor=lambda limit, n: 1 / n if n > limit else 1.0),
    squared_factor=_clip(factor=lambda limit, n: (limit / n) ** 2 if n > limit else 1.0),
    factor_of_squares=_clip(factor=lambda limit, n: limit / n**2 if n > limit else 1.0),
    root_factor=_clip(factor=lambda limit, n: (limit / n) ** 0.5 if n > limit else 1.0),
    whole_limit=_clip(factor=lambda limit, n: int(limit) / n if n > int(limit) else 1.0),
    epsilon_small=_clip(factor=lambda limit, n: min(1.0, limit / (float(n) + 1e-8))),
    epsilon_tiny=_clip(factor=lambda limit, n: min(1.0, limit / (float(n) + 1e-12))),
    epsilon_above=_clip(factor=lambda limit, n: limit / (n + 1e-6) if n > limit else 1.0),
    epsilon_in_the_root=_clip(norm=lambda gs: (sum((g**2).sum() for g in gs) + 1e-12).sqrt()),
    floor=_clip(norm=lambda gs: _norm(gs).clamp(min=1e-6)),
    no_guard=_clip(factor=lambda limit, n: min(1.0, limit / float(n))),
    soft=_clip(factor=lambda limit, n: limit / (limit + n)),
    a_little_below=_clip(factor=lambda limit, n: 0.9999 * limit / n if n > limit else 1.0),
    smaller_result=_clip(result=lambda n: n.clamp(max=1.3)),
    one_item_result=_clip(result=lambda n: n.reshape(1)),
    float32_result=_clip(result=lambda n: n.float()),
    float64_result=_clip(result=lambda n: n.double()),
    squared_result=_clip(result=lambda n: n**2),
    no_result=_clip(result=lambda n: None),
    python_result=_clip(result=lambda n: n.item()),
    list_result=lambda gs, limit: (clip_gradients_(gs, limit), gs),
)


@wrong("clip_gradients_")
def clip_new_names(gradients, max_norm):
    norm = _norm(gradients)
    for g in gradients:
        if norm > max_norm:
            g = g * (max_norm / norm)
    return norm


@wrong("clip_gradients_")
def clip_first_only(gradients, max_norm):
    norm = _norm(gradients)
    if norm > max_norm:
        gradients[0].mul_(max_norm / norm)
    return norm


@wrong("clip_gradients_")
def clip_measured_again(gradients, max_norm):
    """The norm is measured anew after each tensor is scaled."""
    before = _norm(gradients)
    for g in gradients:
        if _norm(gradients) > max_norm:
            g.mul_(max_norm / _norm(gradients))
    return before


@wrong("clip_gradients_")
def clip_flattened_copies(gradients, max_norm):
    """Scales `reshape(-1)`, which is a copy where the memory has another order."""
    norm = _norm(gradients)
    if norm > max_norm:
        for g in gradients:
            g.reshape(-1).mul_(max_norm / norm)
    return norm


@wrong("clip_gradients_")
def clip_by_slices(gradients, max_norm):
    """`g[:]` fails for a tensor without axes."""
    norm = _norm(gradients)
    if norm > max_norm:
        for g in gradients:
            g[:] = g[:] * (max_norm / norm)
    return norm


@wrong("clip_gradients_")
def clip_one_matrix(gradients, max_norm):
    """`torch.stack` needs tensors of one shape."""
    norm = torch.stack(gradients).norm()
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


@wrong("clip_gradients_")
def clip_by_torch(gradients, max_norm):
    """PyTorch's own clipping adds an epsilon."""
    parameters = [torch.nn.Parameter(g.clone()) for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g
    return torch.nn.utils.clip_grad_norm_(parameters, max_norm)


@wrong("clip_gradients_")
def clip_each_to_a_share(gradients, max_norm):
    norm = _norm(gradients)
    for g in gradients:
        if norm > max_norm:
            g.mul_(max_norm / (g.norm() * len(gradients) ** 0.5))
    return norm


def _last(place: Callable[[Tensor, Tensor], Tensor]) -> Any:
    """The state at another place of each row."""
    return lambda o, n: o[torch.arange(len(o)), place(o, n)]


among(
    "last_valid_state",
    clamped_one_too_far=_last(lambda o, n: n.clamp(max=o.shape[1] - 1)),
    one_too_early_but_never_negative=_last(lambda o, n: (n - 2).clamp(min=0)),
    middle=_last(lambda o, n: (n - 1) // 2),
    of_the_next_row=_last(lambda o, n: n.roll(1) - 1),
    sorted_lengths=_last(lambda o, n: n.sort().values - 1),
    shortest=_last(lambda o, n: n.min().expand_as(n) - 1),
    first_length=_last(lambda o, n: n[:1].expand_as(n) - 1),
    from_the_end=_last(lambda o, n: -n),
    last_nonzero=_last(lambda o, n: o.shape[1] - 1 - (o != 0).any(-1).flip(1).int().argmax(1)),
    last_nonzero_of_the_real=_last(lambda o, n: (
        (o != 0).all(-1) * torch.arange(1, o.shape[1] + 1) * (torch.arange(o.shape[1]) < n[:, None])).argmax(1)),
    rows_by_length=lambda o, n: last_valid_state(o, n)[n.argsort(descending=True, stable=True)],
    sum_of_real=lambda o, n: (o * (torch.arange(o.shape[1]) < n[:, None])[..., None]).sum(1),
    max_of_real=lambda o, n: o.masked_fill((torch.arange(o.shape[1]) >= n[:, None])[..., None], -1e9).amax(1),
    mean_of_all=lambda o, n: o.mean(1),
    max_of_all=lambda o, n: o.amax(1),
    mean_of_two=lambda o, n: (last_valid_state(o, n) + last_valid_state(o, (n - 1).clamp(min=1))) / 2,
    detached=lambda o, n: last_valid_state(o, n).detach(),
    squeezed=lambda o, n: last_valid_state(o, n).squeeze(),
    squeezed_batch=lambda o, n: last_valid_state(o, n).squeeze(0),
    step_axis_kept=lambda o, n: last_valid_state(o, n)[:, None],
    transposed=lambda o, n: last_valid_state(o, n).T,
    float32_result=lambda o, n: last_valid_state(o, n).float(),
    one_feature=lambda o, n: o.gather(1, (n - 1)[:, None, None])[:, 0],
    steps_times_batch=lambda o, n: o.reshape(-1, o.shape[2])[
        (torch.arange(len(o)) * len(o) + n - 1).clamp(max=o.shape[0] * o.shape[1] - 1)],
    packed_places=lambda o, n: o.reshape(-1, o.shape[2])[n.cumsum(0) - 1],
    time_first=lambda o, n: o.transpose(0, 1).reshape(o.shape)[torch.arange(len(o)), n - 1],
    viewed=lambda o, n: o.view(-1, o.shape[2])[torch.arange(len(o)) * o.shape[1] + n - 1],
    last_row=lambda o, n: o[-1][n - 1],
    last_column_if_any_is_full=lambda o, n: o[:, -1] if bool((n == o.shape[1]).any()) else last_valid_state(o, n),
    diagonal=lambda o, n: torch.diagonal(o[:, n - 1]),
    a_list=lambda o, n: [row[i - 1] for row, i in zip(o, n, strict=True)],
)


@wrong("last_valid_state")
def state_zeroes_the_padding(outputs, lengths):
    result = last_valid_state(outputs, lengths)
    outputs.data[torch.arange(outputs.shape[1]) >= lengths[:, None]] = 0.0
    return result.clone()


@wrong("last_valid_state")
def state_shortens_the_lengths(outputs, lengths):
    lengths -= 1
    return outputs[torch.arange(len(outputs)), lengths]
