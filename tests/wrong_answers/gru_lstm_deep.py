"""Wrong answers to lesson 03: PyTorch's module, layers, and both ways, beyond the named misconceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from autograder.reference.gru_lstm import (
    bidirectional_forward,
    deep_gru_forward,
    gru_step,
    lstm_forward,
    to_torch_lstm,
)

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


def _with(params, change, *prefixes):
    return {k: change(p) if k.startswith(prefixes) else p for k, p in params.items()}


def _weights(module_change):
    """The right module, with its weights changed by a function of (name, weight)."""

    def answer(params):
        module = to_torch_lstm(params)
        with torch.no_grad():
            for name, weight in module.named_parameters():
                weight.copy_(module_change(name, weight.clone()))
        return module

    return answer


def _ordered(order):
    def answer(params):
        module = to_torch_lstm(params)
        with torch.no_grad():
            for name, part in (("weight_ih_l0", "W_x"), ("weight_hh_l0", "W_h"), ("bias_ih_l0", "b_")):
                stacked = torch.cat([params[part + g] if part == "b_" else params[part + g].T for g in order])
                getattr(module, name).copy_(stacked)
        return module

    return answer


def _only(name, change):
    return _weights(lambda n, w: change(w) if n == name else w)


def _after(change):
    """The right module that something is done to before it is returned."""

    def answer(params):
        module = to_torch_lstm(params)
        return change(module, params) or module

    return answer


def _freeze(*weights):
    for weight in weights:
        weight.requires_grad_(False)


def _double(module):
    module.register_forward_hook(lambda m, given, found: (found[0] * 2, found[1]))


def _module(params, **more):
    like = params["W_xi"]
    return nn.LSTM(*like.shape, dtype=like.dtype, device=like.device, **{"batch_first": True, **more})


def _per_gate_transposed(w):
    d_h = w.shape[0] // 4
    return torch.cat([block.T if block.shape[0] == block.shape[1] else block for block in w.split(d_h)])


_shared: list[nn.LSTM] = []


def _always_the_same(module, params):
    """One module for all; its weights are laid in anew at each call."""
    fits = [m for m in _shared if m.weight_ih_l0.shape == module.weight_ih_l0.shape
            and m.weight_ih_l0.dtype == module.weight_ih_l0.dtype]
    if not fits:
        _shared.append(module)
        return module
    fits[0].load_state_dict(module.state_dict())
    return fits[0]


def _params_follow(module, params):
    """The params become views of the module's weights."""
    d_h = module.hidden_size
    for k, g in enumerate("ifco"):
        rows = slice(k * d_h, (k + 1) * d_h)
        params[f"W_x{g}"] = module.weight_ih_l0.detach()[rows].T
        params[f"W_h{g}"] = module.weight_hh_l0.detach()[rows].T


class _OwnForward(nn.LSTM):
    """Random weights, and a forward that computes with the params."""

    def forward(self, x, start=None):
        outputs, (h, c) = lstm_forward(x, start[0][0], start[1][0], self.params)
        return outputs, (h[None], c[None])


def _own_forward(params):
    module = _OwnForward(*params["W_xi"].shape, batch_first=True, dtype=params["b_i"].dtype)
    module.params = params
    return module


class _Wrapped(nn.Module):
    def __init__(self, params):
        super().__init__()
        self.lstm = to_torch_lstm(params)

    def forward(self, *given):
        return self.lstm(*given)


def _functional(params):
    """The module's weights are plain tensors in the place of parameters."""
    module = to_torch_lstm(params)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        value = getattr(module, name).detach()
        delattr(module, name)
        setattr(module, name, value)
    return module


def _changes_params(params):
    module = to_torch_lstm(params)
    params["b_f"].data += 1.0
    return module


def _pops_params(params):
    return to_torch_lstm({name: params.pop(name) for name in list(params)})


def _by_place(params):
    names = [f"{part}{g}" for g in "ifoc" for part in ("W_x", "W_h", "b_")]
    return to_torch_lstm(dict(zip(names, params.values(), strict=True)))


among(
    "to_torch_lstm",
    order_iofc=_ordered("iofc"), order_fico=_ordered("fico"), order_icfo=_ordered("icfo"), order_ofic=_ordered("ofic"),
    order_cifo=_ordered("cifo"), order_reversed=_ordered("ocfi"),
    untrained=_module,
    input_weights_random=_only("weight_ih_l0", torch.rand_like),
    recurrent_weights_zero=_only("weight_hh_l0", torch.zeros_like),
    second_bias_random=_only("bias_hh_l0", lambda b: 0.1 * torch.rand_like(b)),
    second_bias_of_one=_only("bias_hh_l0", torch.ones_like),
    bias_halved=_only("bias_ih_l0", lambda b: b / 2),
    bias_reversed=_only("bias_ih_l0", lambda b: b.flip(0)),
    bias_of_the_first_gate=_only("bias_ih_l0", lambda b: b[: len(b) // 4].repeat(4)),
    forget_bias_of_one=_only("bias_hh_l0", lambda b: torch.cat([b[:1] * 0 + (k == 1) for k in range(4)]
        ).repeat_interleave(len(b) // 4)),
    input_blocks_reshaped=_only("weight_ih_l0", lambda w: torch.cat(
        [block.T.reshape(block.shape) for block in w.chunk(4)])),
    square_input_blocks_transposed=_only("weight_ih_l0", _per_gate_transposed),
    recurrent_of_the_first_gate=_only("weight_hh_l0", lambda w: w[: len(w) // 4].repeat(4, 1)),
    weights_rounded=_weights(lambda n, w: w.float().to(w)),
    weights_normalised=_weights(lambda n, w: w / 1.000001),
    frozen_inputs=_after(lambda m, p: _freeze(m.weight_ih_l0)),
    frozen_recurrence=_after(lambda m, p: _freeze(m.weight_hh_l0)),
    frozen_biases=_after(lambda m, p: _freeze(m.bias_ih_l0, m.bias_hh_l0)),
    always_float64=_after(lambda m, p: m.double()),
    time_first=_after(lambda m, p: setattr(m, "batch_first", False)),
    bidirectional=lambda p: _module(p, bidirectional=True),
    three_layers=lambda p: _module(p, num_layers=3),
    projected=lambda p: _module(p, proj_size=1) if p["W_hi"].shape[0] > 1 else _module(p),
    sizes_exchanged=lambda p: nn.LSTM(*p["W_xi"].shape[::-1], batch_first=True, dtype=p["b_i"].dtype),
    a_gru=lambda p: nn.GRU(*p["W_xi"].shape, batch_first=True, dtype=p["b_i"].dtype),
    a_cell=lambda p: nn.LSTMCell(*p["W_xi"].shape, dtype=p["b_i"].dtype),
    a_wrapper=lambda p: _Wrapped(p),
    the_class=lambda p: nn.LSTM,
    a_state_dict=lambda p: to_torch_lstm(p).state_dict(),
    nothing=lambda p: None,
    own_forward=_own_forward,
    plain_tensors=_functional,
    always_the_same=_after(_always_the_same),
    params_follow=_after(_params_follow),
    changes_params=_changes_params,
    pops_params=_pops_params,
    by_place=_by_place,
    viewed=lambda p: to_torch_lstm(_with(p, lambda w: w.view(-1).view(w.shape), "W_x")),
    hooked=_after(lambda m, p: _double(m)),
)


def _loop(x, h, p, step=gru_step, carry=lambda t, h: h):
    states = []
    for t in range(x.shape[1]):
        h = step(x[:, t], h, p)
        states.append(h)
        h = carry(t, h)
    return torch.stack(states, 1)


def _stack(x, h_0, layers, between=lambda level, states, below: states, **loop):
    """The states of every layer; `between` changes what the layer above reads."""
    found = []
    for level, (h, p) in enumerate(zip(h_0, layers, strict=True)):
        found.append(_loop(x, h, p, **loop))
        x = between(level, found[-1], x)
    return found[-1], torch.stack([states[:, -1] for states in found])


def _cut_each(n):
    return lambda t, h: h.detach() if (t + 1) % n == 0 else h


def _results(change):
    return lambda *given: change(*deep_gru_forward(*given))


def _layers(change):
    return lambda x, h, layers: deep_gru_forward(x, h, change(layers))


def _residual(level, states, below):
    return states + below if states.shape == below.shape else states


among(
    "deep_gru_forward",
    outputs_only=_results(lambda o, h: o),
    last_only=_results(lambda o, h: h),
    exchanged=_results(lambda o, h: (h, o)),
    three_results=_results(lambda o, h: (o, h, h)),
    last_of_the_top_for_all=_results(lambda o, h: (o, h[-1:].expand_as(h))),
    last_of_the_top_with_an_axis=_results(lambda o, h: (o, h[-1:])),
    last_in_reverse=_results(lambda o, h: (o, h.flip(0))),
    last_as_a_list=_results(lambda o, h: (o, list(h))),
    last_concatenated=_results(lambda o, h: (o, torch.cat(list(h), dim=-1))),
    last_detached=_results(lambda o, h: (o, h.detach())),
    outputs_detached=_results(lambda o, h: (o.detach(), h)),
    outputs_reversed=_results(lambda o, h: (o.flip(1), h)),
    outputs_time_first=_results(lambda o, h: (o.transpose(0, 1), h)),
    outputs_with_a_layer_axis=_results(lambda o, h: (o[None], h)),
    last_output_only=_results(lambda o, h: (o[:, -1], h)),
    squeezed=_results(lambda o, h: (o.squeeze(), h.squeeze())),
    squeezed_layers=_results(lambda o, h: (o, h.squeeze(0))),
    squeezed_batch=_results(lambda o, h: (o, h.squeeze(1))),
    squeezed_steps=_results(lambda o, h: (o.squeeze(1), h)),
    float32_results=_results(lambda o, h: (o.float(), h.float())),
    float64_results=_results(lambda o, h: (o.double(), h.double())),
    layers_in_reverse=_layers(lambda layers: [layers[0], *layers[:0:-1]]),
    two_layers_at_most=lambda x, h, layers: deep_gru_forward(x, h[:2], layers[:2]),
    last_layer_left_out=lambda x, h, layers: deep_gru_forward(x, h[:-1], layers[:-1]) if len(layers) > 1
    else deep_gru_forward(x, h, layers),
    second_layer_again=_layers(lambda layers: layers[:2] + [layers[1]] * (len(layers) - 2)),
    starts_in_reverse=lambda x, h, layers: deep_gru_forward(x, h.flip(0), layers),
    starts_of_the_top=lambda x, h, layers: deep_gru_forward(x, h[-1:].expand_as(h), layers),
    start_of_the_first_row=lambda x, h, layers: deep_gru_forward(x, h[:, :1].expand_as(h), layers),
    upper_layers_start_from_zeros=lambda x, h, layers: deep_gru_forward(x, torch.cat([h[:1], 0 * h[1:]]), layers),
    first_layer_starts_from_zeros=lambda x, h, layers: deep_gru_forward(x, torch.cat([0 * h[:1], h[1:]]), layers),
    start_detached=lambda x, h, layers: deep_gru_forward(x, h.detach(), layers),
    input_detached=lambda x, h, layers: deep_gru_forward(x.detach(), h, layers),
    top_weights_detached=_layers(lambda layers: [*layers[:-1], {k: v.detach() for k, v in layers[-1].items()}]),
    biases_left_out=_layers(lambda layers: [_with(p, torch.zeros_like, "b_") for p in layers]),
    biases_of_upper_layers_left_out=_layers(
        lambda layers: [p if not k else _with(p, torch.zeros_like, "b_") for k, p in enumerate(layers)]),
    residual=lambda *a: _stack(*a, between=_residual),
    squashed_between=lambda *a: _stack(*a, between=lambda level, states, below: states.tanh()),
    reversed_between=lambda *a: _stack(*a, between=lambda level, states, below: states.flip(1)),
    last_state_between=lambda *a: _stack(*a, between=lambda level, states, below: states[:, -1:].expand_as(states)),
    dropped_between=lambda *a: _stack(*a, between=lambda level, states, below: nn.functional.dropout(states, 0.1)),
    detached_above_the_second=lambda *a: _stack(
        *a, between=lambda level, states, below: states.detach() if level else states),
    truncated_after_5=lambda *a: _stack(*a, carry=_cut_each(5)),
    truncated_after_20=lambda *a: _stack(*a, carry=_cut_each(20)),
    truncated_after_35=lambda *a: _stack(*a, carry=_cut_each(35)),
    at_most_20_steps=lambda *a: _stack(*a, carry=lambda t, h: h if t < 20 else 0 * h),
    pytorch_network=lambda *a: _pytorch_network(*a),
    viewed=lambda x, h, layers: deep_gru_forward(x.view(-1).view(x.shape), h, layers),
    steps_over_the_batch_if_square=lambda x, h, layers: deep_gru_forward(
        x.transpose(0, 1) if x.shape[0] == x.shape[1] else x, h, layers),
    batch_first_start_if_square=lambda x, h, layers: deep_gru_forward(
        x, h.transpose(0, 1) if h.shape[0] == h.shape[1] else h, layers),
    no_graph=lambda *a: torch.no_grad()(deep_gru_forward)(*a),
    nothing=lambda *a: None,
)


def _pytorch_network(x, h_0, layers):
    d_in, d_h = layers[0]["W_xr"].shape
    network = nn.GRU(d_in, d_h, len(layers), batch_first=True, dtype=x.dtype)
    weights = {}
    for level, p in enumerate(layers):
        bias = torch.cat([p[f"b_{g}"] for g in "rzh"])
        weights[f"weight_ih_l{level}"] = torch.cat([p[f"W_x{g}"].T for g in "rzh"])
        weights[f"weight_hh_l{level}"] = torch.cat([p[f"W_h{g}"].T for g in "rzh"])
        weights |= {f"bias_ih_l{level}": bias, f"bias_hh_l{level}": torch.zeros_like(bias)}
    return torch.func.functional_call(network, weights, (x, h_0.contiguous()))


@wrong("deep_gru_forward")
def deep_pops_layers(x, h_0, layers):
    last = []
    for h in h_0:
        x = _loop(x, h, layers.pop(0))
        last.append(x[:, -1])
    return x, torch.stack(last)


@wrong("deep_gru_forward")
def deep_overwrites_the_start(x, h_0, layers):
    outputs, last = deep_gru_forward(x, h_0, layers)
    h_0.data.copy_(last)
    return outputs, last


@wrong("deep_gru_forward")
def deep_writes_into_the_start(x, h_0, layers):
    """Time first; each layer's state is kept in h_0 itself."""
    tops = []
    with torch.no_grad():
        for t in range(x.shape[1]):
            signal = x[:, t]
            for level, p in enumerate(layers):
                signal = h_0[level] = gru_step(signal, h_0[level], p)
            tops.append(signal)
    return torch.stack(tops, 1), h_0


@wrong("deep_gru_forward")
def deep_default_buffer(x, h_0, layers):
    outputs, last = deep_gru_forward(x, h_0, layers)
    return torch.zeros(outputs.shape).copy_(outputs), last


def _halves(x, n, f, b, d):
    outputs = bidirectional_forward(x, n, f, b, d)
    return outputs[..., :d], outputs[..., d:]


def _real(x, n):
    return (torch.arange(x.shape[1], device=x.device) < n[:, None])[..., None]


def _both(forward=lambda f, b, x, n: f, backward=lambda f, b, x, n: b):
    """The right halves, each changed by a function of (forward half, backward half, x, lengths)."""

    def answer(x, n, f, b, d):
        one, other = _halves(x, n, f, b, d)
        return torch.cat([forward(one, other, x, n), backward(one, other, x, n)], dim=2)

    return answer


def _read(x, n, step, d, order, start=None, keep=lambda new, old, here: torch.where(here, new, old)):
    """One direction; where there is no real token the state stays as `keep` says. Not zeroed."""
    h = x.new_zeros(len(x), d) if start is None else start
    real, states = _real(x, n), {}
    for t in order:
        h = keep(step(x[:, t], h), h, real[:, t])
        states[t] = h
    return torch.stack([states[t] for t in range(x.shape[1])], dim=1)


def _masked(x, n, f, b, d, **more):
    seq = x.shape[1]
    both = [_read(x, n, f, d, range(seq), **more), _read(x, n, b, d, range(seq - 1, -1, -1), **more)]
    return torch.cat(both, dim=2) * _real(x, n)


def _mirrored(x, n):
    return torch.stack([torch.cat([row[:k].flip(0), row[k:]]) for row, k in zip(x, n.tolist(), strict=True)])


def _mirrored_one_late(x, n):
    """The backward direction leaves out the last real token."""
    return (n - 1).clamp(min=1)


def _lengths(change):
    return lambda x, n, f, b, d: bidirectional_forward(x, change(x, n), f, b, d)


def _outputs(change):
    return lambda x, n, f, b, d: change(bidirectional_forward(x, n, f, b, d), x, n)


def _cut(step, t=None):
    return lambda x_t, h: step(x_t, h.detach())


def _cut_every(step, every):
    count = iter(range(10**6))
    return lambda x_t, h: step(x_t, h.detach() if next(count) % every == every - 1 else h)


among(
    "bidirectional_forward",
    every_row_full=_lengths(lambda x, n: torch.full_like(n, x.shape[1])),
    longest_for_all=_lengths(lambda x, n: n.max().expand_as(n)),
    first_length_for_all=_lengths(lambda x, n: n[:1].expand_as(n)),
    lengths_sorted=_lengths(lambda x, n: n.sort(descending=True).values),
    lengths_one_short=_lengths(lambda x, n: (n - 1).clamp(min=1)),
    lengths_one_long=_lengths(lambda x, n: (n + 1).clamp(max=x.shape[1])),
    lengths_counted_from_zeros=_lengths(lambda x, n: (x != 0).any(-1).sum(1).clamp(min=1)),
    until_a_zero=_lengths(lambda x, n: (x != 0).any(-1).int().cumprod(1).sum(1).clamp(min=1)),
    backward_without_the_last_token=lambda x, n, f, b, d: torch.cat([
        _halves(x, n, f, b, d)[0], _halves(x, _mirrored_one_late(x, n), f, b, d)[1]], 2),
    backward_reads_the_forward_states=lambda x, n, f, b, d: torch.cat([
        (one := _halves(x, n, f, b, d)[0]),
        _halves(one, n, f, b, d)[1] if one.shape[2] == x.shape[2] else 0 * one], 2),
    backward_one_step_late=_both(backward=lambda f, b, x, n: torch.cat([b[:, 1:], 0 * b[:, :1]], 1)),
    backward_one_step_early=_both(backward=lambda f, b, x, n: torch.cat([0 * b[:, :1], b[:, :-1]], 1) * _real(x, n)),
    forward_one_step_late=_both(forward=lambda f, b, x, n: torch.cat([0 * f[:, :1], f[:, :-1]], 1) * _real(x, n)),
    backward_flipped_whole=_both(backward=lambda f, b, x, n: b.flip(1)),
    backward_missing=_both(backward=lambda f, b, x, n: 0 * b),
    forward_missing=_both(forward=lambda f, b, x, n: 0 * f),
    forward_twice=_both(backward=lambda f, b, x, n: f),
    backward_left_to_right=lambda x, n, f, b, d: torch.cat([
        _halves(x, n, f, b, d)[0], _halves(x, n, b, f, d)[0]], 2),
    steps_exchanged=lambda x, n, f, b, d: bidirectional_forward(x, n, b, f, d),
    forward_padding_kept=lambda x, n, f, b, d: torch.cat([
        _read(x, n, f, d, range(x.shape[1])), _halves(x, n, f, b, d)[1]], 2),
    backward_padding_kept=lambda x, n, f, b, d: torch.cat([
        _halves(x, n, f, b, d)[0], _read(x, n, b, d, range(x.shape[1] - 1, -1, -1),
        keep=lambda new, old, here: new)], 2),
    padding_holds_the_last_state=lambda x, n, f, b, d: torch.cat([
        _read(x, n, f, d, range(x.shape[1])), _halves(x, n, f, b, d)[1]], 2),
    padding_of_minus_one=_outputs(lambda o, x, n: torch.where(_real(x, n), o, -1.0)),
    padding_nan=_outputs(lambda o, x, n: torch.where(_real(x, n), o, float("nan"))),
    padding_masked_one_too_long=lambda x, n, f, b, d: torch.cat([
        torch.where(_real(x, n + 1), _read(x, n, f, d, range(x.shape[1])), 0.0), _halves(x, n, f, b, d)[1]], 2),
    states_faded=lambda *a: _masked(*a, keep=lambda new, old, here: torch.where(here, new, 0.5 * old) * 0.999),
    states_from_ones=lambda x, n, f, b, d: _masked(x, n, f, b, d, start=x.new_ones(len(x), d)),
    multiplied_by_the_lengths=_outputs(lambda o, x, n: o * n[:, None, None]),
    interleaved=_outputs(lambda o, x, n: torch.stack(o.chunk(2, -1), -1).flatten(2)),
    with_an_axis_of_directions=_outputs(lambda o, x, n: torch.stack(o.chunk(2, -1), 2)),
    a_pair_of_halves=_outputs(lambda o, x, n: tuple(o.chunk(2, -1))),
    mean_of_both=_outputs(lambda o, x, n: sum(o.chunk(2, -1)) / 2),
    product_of_both=_outputs(lambda o, x, n: o.chunk(2, -1)[0] * o.chunk(2, -1)[1]),
    first_half_only=_outputs(lambda o, x, n: o.chunk(2, -1)[0]),
    time_first=_outputs(lambda o, x, n: o.transpose(0, 1)),
    packed=_outputs(lambda o, x, n: o[_real(x, n)[..., 0]]),
    a_list_of_rows=_outputs(lambda o, x, n: list(o)),
    squeezed=_outputs(lambda o, x, n: o.squeeze()),
    squeezed_steps=_outputs(lambda o, x, n: o.squeeze(1)),
    squeezed_batch=_outputs(lambda o, x, n: o.squeeze(0)),
    float32_result=_outputs(lambda o, x, n: o.float()),
    float64_result=_outputs(lambda o, x, n: o.double()),
    detached=_outputs(lambda o, x, n: o.detach()),
    input_detached=lambda x, n, f, b, d: bidirectional_forward(x.detach(), n, f, b, d),
    backward_detached=_both(backward=lambda f, b, x, n: b.detach()),
    forward_detached=_both(forward=lambda f, b, x, n: f.detach()),
    backward_states_detached=lambda x, n, f, b, d: bidirectional_forward(x, n, f, _cut(b), d),
    forward_truncated_after_20=lambda x, n, f, b, d: bidirectional_forward(x, n, _cut_every(f, 20), b, d),
    backward_truncated_after_30=lambda x, n, f, b, d: bidirectional_forward(x, n, f, _cut_every(b, 30), d),
    at_most_30_steps=lambda x, n, f, b, d: torch.cat([
        bidirectional_forward(x[:, :30], n.clamp(max=30), f, b, d),
        x.new_zeros(len(x), max(x.shape[1] - 30, 0), 2 * d)], 1),
    viewed=lambda x, n, f, b, d: bidirectional_forward(x.view(-1).view(x.shape), n, f, b, d),
    viewed_lengths=lambda x, n, f, b, d: bidirectional_forward(x, n.view(torch.int64), f, b, x.shape[2]),
    default_start=lambda x, n, f, b, d: _masked(x, n, f, b, d, start=torch.zeros(len(x), d)),
    padded_rows_at_the_wrong_end=lambda x, n, f, b, d: _rolled(bidirectional_forward(x, n, f, b, d), n),
    no_graph=lambda *a: torch.no_grad()(bidirectional_forward)(*a),
    nothing=lambda *a: None,
)


def _rolled(outputs, n):
    return torch.stack([row.roll(row.shape[0] - k, 0) for row, k in zip(outputs, n.tolist(), strict=True)])


@wrong("bidirectional_forward")
def both_zero_the_padding_of_x(x, lengths, forward_step, backward_step, d_hidden):
    found = bidirectional_forward(x, lengths, forward_step, backward_step, d_hidden)
    x.data.mul_(_real(x, lengths))
    return found


@wrong("bidirectional_forward")
def both_count_the_lengths_down(x, lengths, forward_step, backward_step, d_hidden):
    found = bidirectional_forward(x, lengths, forward_step, backward_step, d_hidden)
    lengths -= 1
    return found


@wrong("bidirectional_forward")
def both_sort_with_the_wrong_way_back(x, lengths, forward_step, backward_step, d_hidden):
    order = lengths.argsort(descending=True, stable=True)
    return bidirectional_forward(x[order], lengths[order], forward_step, backward_step, d_hidden)[order]


@wrong("bidirectional_forward")
def both_one_state_for_all_rows(x, lengths, forward_step, backward_step, d_hidden):
    """The state runs on from row to row."""
    rows, h, g = [], x.new_zeros(1, d_hidden), x.new_zeros(1, d_hidden)
    for b, n in enumerate(lengths.tolist()):
        row = x.new_zeros(x.shape[1], 2 * d_hidden)
        for t in range(n):
            h = forward_step(x[b : b + 1, t], h)
            row[t, :d_hidden] = h
        for t in reversed(range(n)):
            g = backward_step(x[b : b + 1, t], g)
            row[t, d_hidden:] = g
        rows.append(row)
    return torch.stack(rows)


@wrong("bidirectional_forward")
def both_states_only_zeroed_at_the_end(x, lengths, forward_step, backward_step, d_hidden):
    """The backward state grows over the padding, and is set to zero just for the rows that are full."""
    seq, real = x.shape[1], _real(x, lengths)
    full = (lengths == seq)[:, None]
    h, states = x.new_zeros(len(x), d_hidden), [None] * seq
    for t in reversed(range(seq)):
        h = backward_step(x[:, t], torch.where(full & (t == seq - 1), 0 * h, h))
        states[t] = h
    forward = _halves(x, lengths, forward_step, backward_step, d_hidden)[0]
    return torch.cat([forward, torch.stack(states, 1)], dim=2) * real
