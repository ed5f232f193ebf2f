"""Wrong answers to lesson 03, single steps and the LSTM's loop, beyond the named misconceptions.

`WRONG[exercise]` lists them. Many are wrong in one place only: one shape, one dtype, one regime, far from the start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from autograder.reference.gru_lstm import gru_step, lstm_forward, lstm_step

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
    """Params, some of them changed."""
    return {k: change(p) if k.startswith(prefixes) else p for k, p in params.items()}


def _a(x, h, p, g):
    return x @ p[f"W_x{g}"] + h @ p[f"W_h{g}"] + p[f"b_{g}"]


def _gru(
    reset=lambda a: a.sigmoid(), update=lambda a: a.sigmoid(), new=lambda a: a.tanh(),
    mixed=lambda z, h, n: z * h + (1 - z) * n, kept=lambda r, h: r * h,
):
    """A step with a part replaced."""

    def step(x, h, p):
        r, z = reset(_a(x, h, p, "r")), update(_a(x, h, p, "z"))
        return mixed(z, h, new(_a(x, kept(r, h), p, "h")))

    return step


def _exp_tanh(a):
    e = torch.exp(2 * a)
    return (e - 1) / (e + 1)


def _exp_sigmoid(a):
    e = torch.exp(a)
    return e / (1 + e)


def _of_square(p, change):
    return {k: change(v) if v.dim() == 2 and v.shape[0] == v.shape[1] and k[2] == "x" else v for k, v in p.items()}


among(
    "gru_step",
    hard_sigmoid=_gru(reset=nn.functional.hardsigmoid, update=nn.functional.hardsigmoid),
    hard_update=_gru(update=nn.functional.hardsigmoid),
    hard_tanh=_gru(new=nn.functional.hardtanh),
    softsign=_gru(new=nn.functional.softsign),
    rectified=_gru(new=nn.functional.relu),
    sigmoid_of_a_sigmoid=_gru(update=lambda a: a.sigmoid().sigmoid()),
    softmax_over_units=_gru(update=lambda a: a.softmax(-1)),
    rounded_gates=_gru(reset=lambda a: a.sigmoid().round(), update=lambda a: a.sigmoid().round()),
    overflowing_tanh=_gru(new=_exp_tanh),
    overflowing_sigmoid=_gru(reset=_exp_sigmoid, update=_exp_sigmoid),
    clipped_gates=_gru(update=lambda a: a.clamp(-3, 3).sigmoid()),
    clipped_candidate=_gru(new=lambda a: a.clamp(-1, 1).tanh()),
    reset_the_wrong_way_round=_gru(kept=lambda r, h: (1 - r) * h),
    reset_squared=_gru(kept=lambda r, h: r * r * h),
    reset_added=_gru(kept=lambda r, h: r + h),
    reset_without_the_state=_gru(kept=lambda r, h: r),
    reset_of_the_first_row=_gru(kept=lambda r, h: r[:1] * h),
    mixture_added=_gru(mixed=lambda z, h, n: z * h + n),
    mixture_of_halves=_gru(mixed=lambda z, h, n: 0.5 * h + 0.5 * n),
    mixture_of_products=_gru(mixed=lambda z, h, n: z * h + (1 - z) * h * n),
    update_of_the_first_unit=_gru(mixed=lambda z, h, n: z[:, :1] * h + (1 - z[:, :1]) * n),
    squashed_result=_gru(mixed=lambda z, h, n: torch.tanh(z * h + (1 - z) * n)),
    candidate_from_the_update_gate=lambda x, h, p: _gru()(x, h, p | {"W_xh": p["W_xz"]}),
    gates_without_the_input=lambda x, h, p: gru_step(x, h, _with(p, torch.zeros_like, "W_xr", "W_xz")),
    gates_without_the_state=lambda x, h, p: gru_step(x, h, _with(p, torch.zeros_like, "W_hr", "W_hz")),
    candidate_without_the_state=lambda x, h, p: gru_step(x, h, _with(p, torch.zeros_like, "W_hh")),
    no_bias_in_the_reset_gate=lambda x, h, p: gru_step(x, h, _with(p, torch.zeros_like, "b_r")),
    no_bias_in_the_update_gate=lambda x, h, p: gru_step(x, h, _with(p, torch.zeros_like, "b_z")),
    no_bias_in_the_candidate=lambda x, h, p: gru_step(x, h, _with(p, torch.zeros_like, "b_h")),
    reset_bias_for_all=lambda x, h, p: gru_step(x, h, p | {"b_z": p["b_r"], "b_h": p["b_r"]}),
    bias_twice=lambda x, h, p: gru_step(x, h, _with(p, lambda b: 2 * b, "b_")),
    bias_of_the_first_unit=lambda x, h, p: gru_step(x, h, _with(p, lambda b: b[:1].expand_as(b), "b_")),
    candidate_weights_transposed=lambda x, h, p: gru_step(x, h, _with(p, lambda w: w.T, "W_hh")),
    square_input_weights_transposed=lambda x, h, p: gru_step(x, h, _of_square(p, lambda w: w.T)),
    batch_mean=lambda x, h, p: gru_step(x, h.mean(0, keepdim=True).expand_as(h), p),
    state_of_the_first_row=lambda x, h, p: gru_step(x, h[:1].expand_as(h), p),
    float32_inside=lambda x, h, p: gru_step(x.float(), h.float(), _with(p, lambda w: w.float(), "")).to(x),
    always_float32=lambda x, h, p: gru_step(x, h, p).float(),
    always_float64=lambda x, h, p: gru_step(x, h, p).double(),
    squeezed=lambda x, h, p: gru_step(x, h, p).squeeze(),
    squeezed_batch=lambda x, h, p: gru_step(x, h, p).squeeze(0),
    transposed_result=lambda x, h, p: gru_step(x, h, p).T,
    viewed=lambda x, h, p: gru_step(x.view(-1).view(x.shape), h, p),
    viewed_weights=lambda x, h, p: gru_step(x, h, _with(p, lambda w: w.view(-1).view(w.shape), "W_h")),
    input_detached=lambda x, h, p: gru_step(x.detach(), h, p),
    weights_detached=lambda x, h, p: gru_step(x, h, _with(p, lambda w: w.detach(), "W_hr")),
    bias_detached=lambda x, h, p: gru_step(x, h, _with(p, lambda w: w.detach(), "b_z")),
    gates_detached=_gru(update=lambda a: a.sigmoid().detach()),
    reset_detached=_gru(kept=lambda r, h: r.detach() * h),
    mixture_detached=_gru(mixed=lambda z, h, n: z * h.detach() + (1 - z) * n),
    no_graph=lambda x, h, p: torch.no_grad()(gru_step)(x, h, p),
    a_pair=lambda x, h, p: (gru_step(x, h, p), h),
    twice=lambda x, h, p: gru_step(x, gru_step(x, h, p), p),
    nothing=lambda x, h, p: None,
    the_state_itself=lambda x, h, p: h,
    numbers=lambda x, h, p: gru_step(x, h, p).tolist(),
)


@wrong("gru_step")
def gru_of_pytorch(x_t, h_prev, params):
    cell = nn.GRUCell(*params["W_xr"].shape, dtype=x_t.dtype)
    weights = {
        "weight_ih": torch.cat([params[f"W_x{g}"].T for g in "rzh"]),
        "weight_hh": torch.cat([params[f"W_h{g}"].T for g in "rzh"]),
        "bias_ih": torch.cat([params[f"b_{g}"] for g in "rzh"]),
        "bias_hh": torch.zeros_like(torch.cat([params[f"b_{g}"] for g in "rzh"])),
    }
    return torch.func.functional_call(cell, weights, (x_t, h_prev))


@wrong("gru_step")
def gru_adds_a_key(x_t, h_prev, params):
    result = gru_step(x_t, h_prev, params)
    params["h_t"] = result.detach()
    return result


@wrong("gru_step")
def gru_takes_keys_away(x_t, h_prev, params):
    weights = {name: params.pop(name) for name in list(params)}
    return gru_step(x_t, h_prev, weights)


@wrong("gru_step")
def gru_overwrites_the_state(x_t, h_prev, params):
    result = gru_step(x_t, h_prev, params)
    h_prev.data.copy_(result)
    return result


@wrong("gru_step")
def gru_resets_in_place(x_t, h_prev, params):
    r, z = _a(x_t, h_prev, params, "r").sigmoid(), _a(x_t, h_prev, params, "z").sigmoid()
    before = h_prev.detach().clone()
    h_prev.data.mul_(r.detach())
    return z * before + (1 - z) * _a(x_t, h_prev, params, "h").tanh()


@wrong("gru_step")
def gru_adds_into_a_bias(x_t, h_prev, params):
    params["b_h"].data += 0.1
    return gru_step(x_t, h_prev, _with(params, lambda b: b - 0.1, "b_h"))


@wrong("gru_step")
def gru_in_place_on_a_product(x_t, h_prev, params):
    """The buffer of the sum is the bias itself, broadcast by the first addition only where there is one row."""
    total = params["b_r"] if len(x_t) == 1 else params["b_r"].expand(len(x_t), -1).clone()
    with torch.no_grad():
        total += (x_t @ params["W_xr"] + h_prev @ params["W_hr"]).reshape(total.shape)
    return gru_step(x_t, h_prev, params)


def _lstm(
    gate=lambda a: a.sigmoid(), new=lambda a: a.tanh(), cell=lambda i, f, c, n: f * c + i * n,
    out=lambda o, c: o * c.tanh(),
):
    """A step with a part replaced."""

    def step(x, h, c, p):
        i, f, o = (gate(_a(x, h, p, g)) for g in "ifo")
        c_t = cell(i, f, c, new(_a(x, h, p, "c")))
        return out(o, c_t), c_t

    return step


def _renamed(**names):
    """A step in which gates have the weights of others."""

    def step(x, h, c, p):
        other = {f"{part}{g}": p[f"{part}{s}"] for g, s in names.items() for part in ("W_x", "W_h", "b_")}
        return lstm_step(x, h, c, p | other)

    return step


def _lstm_with(change, *prefixes):
    return lambda x, h, c, p: lstm_step(x, h, c, _with(p, change, *prefixes))


def _results(change):
    return lambda *given: change(*lstm_step(*given))


among(
    "lstm_step",
    output_and_forget_exchanged=_renamed(o="f", f="o"),
    output_and_input_exchanged=_renamed(o="i", i="o"),
    pytorch_order_of_names=_renamed(o="c", c="o"),
    turned_round=_renamed(i="f", f="o", o="i"),
    hard_sigmoid=_lstm(gate=nn.functional.hardsigmoid),
    hard_tanh=_lstm(new=nn.functional.hardtanh),
    softsign_out=_lstm(out=lambda o, c: o * nn.functional.softsign(c)),
    sigmoid_out=_lstm(out=lambda o, c: o * c.sigmoid()),
    hardtanh_out=_lstm(out=lambda o, c: o * nn.functional.hardtanh(c)),
    tanh_of_the_product=_lstm(out=lambda o, c: torch.tanh(o * c)),
    overflowing_tanh=_lstm(new=_exp_tanh),
    overflowing_tanh_out=_lstm(out=lambda o, c: o * _exp_tanh(c)),
    overflowing_sigmoid=_lstm(gate=_exp_sigmoid),
    clipped_gates=_lstm(gate=lambda a: a.clamp(-3, 3).sigmoid()),
    clipped_cell=_lstm(cell=lambda i, f, c, n: (f * c + i * n).clamp(-10, 10)),
    clipped_cell_at_three=_lstm(cell=lambda i, f, c, n: (f * c + i * n).clamp(-3, 3)),
    squashed_old_cell=_lstm(cell=lambda i, f, c, n: f * c.tanh() + i * n),
    forgotten_the_wrong_way_round=_lstm(cell=lambda i, f, c, n: (1 - f) * c + i * n),
    coupled_to_the_forget_gate=_lstm(cell=lambda i, f, c, n: f * c + (1 - f) * n),
    input_gate_ignored=_lstm(cell=lambda i, f, c, n: f * c + n),
    candidate_forgotten_too=_lstm(cell=lambda i, f, c, n: f * (c + i * n)),
    product_of_both=_lstm(cell=lambda i, f, c, n: f * c * i * n),
    cell_from_nothing=_lstm(cell=lambda i, f, c, n: i * n),
    output_gate_ignored=_lstm(out=lambda o, c: c.tanh()),
    forget_bias_of_one=_lstm_with(lambda b: b + 1, "b_f"),
    no_bias_in_the_forget_gate=_lstm_with(torch.zeros_like, "b_f"),
    no_bias_in_the_candidate=_lstm_with(torch.zeros_like, "b_c"),
    no_bias_in_the_output_gate=_lstm_with(torch.zeros_like, "b_o"),
    bias_twice=_lstm_with(lambda b: 2 * b, "b_"),
    one_bias_for_all=lambda x, h, c, p: lstm_step(x, h, c, p | dict.fromkeys(("b_i", "b_f", "b_o", "b_c"), p["b_i"])),
    recurrent_weights_transposed=_lstm_with(lambda w: w.T, "W_h"),
    one_weight_transposed=_lstm_with(lambda w: w.T, "W_hc"),
    square_input_weights_transposed=lambda x, h, c, p: lstm_step(x, h, c, _of_square(p, lambda w: w.T)),
    gates_without_the_state=_lstm_with(torch.zeros_like, "W_hi", "W_hf", "W_ho"),
    gates_see_the_cell=lambda x, h, c, p: lstm_step(x, h + c, c, p),
    state_of_the_first_row=lambda x, h, c, p: lstm_step(x, h[:1].expand_as(h), c, p),
    cell_of_the_first_row=lambda x, h, c, p: lstm_step(x, h, c[:1].expand_as(c), p),
    cell_as_a_state=lambda x, h, c, p: lstm_step(x, c, h, p),
    state_and_cell_the_same=_results(lambda h, c: (h, h)),
    cell_squashed_on_return=_results(lambda h, c: (h, c.tanh())),
    three_results=_results(lambda h, c: (h, c, h)),
    a_dict=_results(lambda h, c: {"h_t": h, "c_t": c}),
    stacked=_results(lambda h, c: torch.stack([h, c])),
    float32_inside=lambda x, h, c, p: tuple(
        r.to(x) for r in lstm_step(x.float(), h.float(), c.float(), _with(p, lambda w: w.float(), ""))),
    always_float64=_results(lambda h, c: (h.double(), c.double())),
    float32_cell=_results(lambda h, c: (h, c.float())),
    squeezed=_results(lambda h, c: (h.squeeze(), c.squeeze())),
    squeezed_units=_results(lambda h, c: (h.squeeze(1), c.squeeze(1))),
    viewed=lambda x, h, c, p: lstm_step(x, h, c.view(-1).view(c.shape), p),
    state_detached=lambda x, h, c, p: lstm_step(x, h.detach(), c, p),
    input_detached=lambda x, h, c, p: lstm_step(x.detach(), h, c, p),
    weights_detached=_lstm_with(lambda w: w.detach(), "W_xo"),
    bias_detached=_lstm_with(lambda w: w.detach(), "b_i"),
    forget_gate_detached=_lstm(cell=lambda i, f, c, n: f.detach() * c + i * n),
    cell_detached_in_the_state=_lstm(out=lambda o, c: o * c.detach().tanh()),
    new_cell_detached=_results(lambda h, c: (h, c.detach())),
    no_graph=lambda *given: torch.no_grad()(lstm_step)(*given),
    nothing=lambda *given: None,
)


@wrong("lstm_step")
def lstm_overwrites_the_cell(x_t, h_prev, c_prev, params):
    h_t, c_t = lstm_step(x_t, h_prev, c_prev, params)
    c_prev.data.copy_(c_t)
    return h_t, c_t


@wrong("lstm_step")
def lstm_overwrites_the_state(x_t, h_prev, c_prev, params):
    h_t, c_t = lstm_step(x_t, h_prev, c_prev, params)
    h_prev.data.copy_(h_t)
    return h_t, c_t


@wrong("lstm_step")
def lstm_adds_a_key(x_t, h_prev, c_prev, params):
    params.setdefault("gates", torch.zeros(1))
    return lstm_step(x_t, h_prev, c_prev, params)


@wrong("lstm_step")
def lstm_takes_a_key_away(x_t, h_prev, c_prev, params):
    found = lstm_step(x_t, h_prev, c_prev, params)
    del params["b_c"]
    return found


def _loop(x, h, c, p, carry=lambda t, h, c: (h, c), step=lstm_step):
    """The loop; `carry` changes what the next step is given."""
    states = []
    for t in range(x.shape[1]):
        h, c = step(x[:, t], h, c, p)
        states.append(h)
        last = h, c
        h, c = carry(t, h, c)
    return torch.stack(states, 1), last


def _cut_each(n, both=True):
    def carry(t, h, c):
        return (h.detach() if both else h, c.detach()) if (t + 1) % n == 0 else (h, c)

    return carry


def _with_last(change):
    def answer(*given):
        outputs, (h, c) = lstm_forward(*given)
        return change(outputs, h, c)

    return answer


among(
    "lstm_forward",
    outputs_only=_with_last(lambda o, h, c: o),
    last_only=_with_last(lambda o, h, c: (h, c)),
    outputs_and_state=_with_last(lambda o, h, c: (o, h)),
    outputs_and_cell=_with_last(lambda o, h, c: (o, c)),
    last_first=_with_last(lambda o, h, c: ((h, c), o)),
    last_is_the_state_twice=_with_last(lambda o, h, c: (o, (h, h))),
    last_stacked=_with_last(lambda o, h, c: (o, torch.stack([h, c, c]))),
    last_with_a_layer_axis=_with_last(lambda o, h, c: (o, (h[None], c[None]))),
    last_with_a_step_axis=_with_last(lambda o, h, c: (o, (h[:, None], c[:, None]))),
    last_is_first=_with_last(lambda o, h, c: (o, (o[:, 0], c))),
    last_detached=_with_last(lambda o, h, c: (o, (h.detach(), c))),
    last_cell_detached=_with_last(lambda o, h, c: (o, (h, c.detach()))),
    outputs_detached=_with_last(lambda o, h, c: (o.detach(), (h, c))),
    last_step_missing=_with_last(lambda o, h, c: (o[:, :-1], (h, c))),
    first_step_missing=_with_last(lambda o, h, c: (o[:, 1:], (h, c))),
    outputs_reversed=_with_last(lambda o, h, c: (o.flip(1), (h, c))),
    a_list_of_outputs=_with_last(lambda o, h, c: (list(o.unbind(1)), (h, c))),
    flattened=_with_last(lambda o, h, c: (o.flatten(1), (h, c))),
    float32_results=_with_last(lambda o, h, c: (o.float(), (h.float(), c.float()))),
    float32_cell=_with_last(lambda o, h, c: (o, (h, c.float()))),
    squeezed=_with_last(lambda o, h, c: (o.squeeze(), (h.squeeze(), c.squeeze()))),
    squeezed_steps=_with_last(lambda o, h, c: (o.squeeze(1), (h, c))),
    squeezed_batch=_with_last(lambda o, h, c: (o.squeeze(0), (h, c))),
    start_included=lambda x, h, c, p: (torch.cat([h[:, None], lstm_forward(x, h, c, p)[0]], 1),
        lstm_forward(x, h, c, p)[1]),
    state_from_zeros=lambda x, h, c, p: lstm_forward(x, 0 * h, c, p),
    cell_from_zeros=lambda x, h, c, p: lstm_forward(x, h, 0 * c, p),
    cell_from_the_state=lambda x, h, c, p: lstm_forward(x, h, h, p),
    starts_exchanged=lambda x, h, c, p: lstm_forward(x, c, h, p),
    start_of_the_first_row=lambda x, h, c, p: lstm_forward(x, h[:1].expand_as(h), c[:1].expand_as(c), p),
    start_detached=lambda x, h, c, p: lstm_forward(x, h.detach(), c, p),
    start_cell_detached=lambda x, h, c, p: lstm_forward(x, h, c.detach(), p),
    truncated_after_5=lambda *a: _loop(*a, _cut_each(5)),
    truncated_after_10=lambda *a: _loop(*a, _cut_each(10)),
    truncated_after_35=lambda *a: _loop(*a, _cut_each(35)),
    truncated_after_50=lambda *a: _loop(*a, _cut_each(50)),
    cell_truncated_after_35=lambda *a: _loop(*a, _cut_each(35, both=False)),
    at_most_20_steps=lambda *a: _loop(*a, lambda t, h, c: (h, c) if t < 20 else (0 * h, 0 * c)),
    cell_fades=lambda *a: _loop(*a, lambda t, h, c: (h, c * 0.999)),
    cell_clipped=lambda *a: _loop(*a, lambda t, h, c: (h, c.clamp(-2, 2))),
    cell_set_back=lambda x, h, c, p: _loop(x, h, c, p, lambda t, h_t, c_t: (h_t, 0 * c_t)),
    memories_exchanged=lambda *a: _loop(*a, lambda t, h, c: (c, h)),
    rows_of_the_batch_as_steps=lambda x, h, c, p: lstm_forward(x.transpose(0, 1), h, c, p),
    steps_over_the_batch_if_square=lambda x, *a: lstm_forward(
        x.transpose(0, 1) if x.shape[0] == x.shape[1] else x, *a),
    first_step_for_ever=lambda x, *a: lstm_forward(x[:, :1].expand_as(x), *a),
    viewed=lambda x, *a: lstm_forward(x.view(-1).view(x.shape), *a),
    weights_transposed=lambda x, h, c, p: lstm_forward(x, h, c, _with(p, lambda w: w.T, "W_h")),
    bias_at_the_first_step=lambda x, h, c, p: _bias_once(x, h, c, p),
    no_graph=lambda *a: torch.no_grad()(lstm_forward)(*a),
    nothing=lambda *a: None,
)


def _bias_once(x, h, c, p):
    bare, states = _with(p, torch.zeros_like, "b_"), []
    for t in range(x.shape[1]):
        h, c = lstm_step(x[:, t], h, c, bare if t else p)
        states.append(h)
    return torch.stack(states, 1), (h, c)


@wrong("lstm_forward")
def forward_row_to_row(x, h_0, c_0, params):
    """The memories of one sentence run on into the next."""
    h, c, rows = h_0[:1], c_0[:1], []
    for row in x:
        states, (h, c) = lstm_forward(row[None], h, c, params)
        rows.append(states)
    outputs = torch.cat(rows)
    return outputs, (outputs[:, -1], c.expand_as(c_0))


@wrong("lstm_forward")
def forward_overwrites_the_start(x, h_0, c_0, params):
    outputs, (h, c) = lstm_forward(x, h_0, c_0, params)
    c_0.data.copy_(c)
    return outputs, (h, c)


@wrong("lstm_forward")
def forward_one_buffer(x, h_0, c_0, params):
    """Every output is the same tensor, written again and again."""
    h, c, states = h_0.detach().clone(), c_0, []
    for t in range(x.shape[1]):
        new, c = lstm_step(x[:, t], h.clone(), c, params)
        h.copy_(new.detach())
        states.append(h)
    return torch.stack(states, dim=1), (h, c)


@wrong("lstm_forward")
def forward_default_buffer(x, h_0, c_0, params):
    outputs = torch.zeros(x.shape[0], x.shape[1], h_0.shape[1])
    right, last = lstm_forward(x, h_0, c_0, params)
    for t in range(x.shape[1]):
        outputs[:, t] = right[:, t]
    return outputs, last


@wrong("lstm_forward")
def forward_adds_to_the_input(x, h_0, c_0, params):
    found = lstm_forward(x, h_0, c_0, params)
    x.data[:, 0] += 1.0
    return found
