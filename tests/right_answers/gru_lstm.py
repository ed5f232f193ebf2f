"""Right answers to lesson 03 in several styles, single steps and the LSTM: `RIGHT[exercise]` lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("gru_step")
def gru_plain(x_t, h_prev, params):
    r = torch.sigmoid(x_t @ params["W_xr"] + h_prev @ params["W_hr"] + params["b_r"])
    z = torch.sigmoid(x_t @ params["W_xz"] + h_prev @ params["W_hz"] + params["b_z"])
    h_tilde = torch.tanh(x_t @ params["W_xh"] + (r * h_prev) @ params["W_hh"] + params["b_h"])
    return z * h_prev + (1 - z) * h_tilde


@right("gru_step")
def gru_one_product_for_both_gates(x_t, h_prev, params):
    joint = torch.cat([x_t, h_prev], dim=-1)
    weights = torch.cat([
        torch.cat([params["W_xr"], params["W_xz"]], dim=1), torch.cat([params["W_hr"], params["W_hz"]], dim=1)
    ])
    r, z = torch.sigmoid(joint @ weights + torch.cat([params["b_r"], params["b_z"]])).chunk(2, dim=-1)
    kept = torch.cat([x_t, r * h_prev], dim=-1) @ torch.cat([params["W_xh"], params["W_hh"]])
    return h_prev + (1 - z) * (torch.tanh(kept + params["b_h"]) - h_prev)


@right("gru_step")
def gru_einsum(x_t, h_prev, params):
    def total(gate, h):
        x_part = torch.einsum("bi,ih->bh", x_t, params["W_x" + gate])
        return x_part + torch.einsum("bk,kh->bh", h, params["W_h" + gate]) + params["b_" + gate][None, :]

    r, z = (0.5 * (1 + torch.tanh(0.5 * total(gate, h_prev))) for gate in ("r", "z"))
    return torch.lerp(torch.tanh(total("h", r.mul(h_prev))), h_prev, z)


@right("gru_step")
def gru_linear(x_t, h_prev, params):
    p = dict(params)
    gate = {g: F.linear(x_t, p[f"W_x{g}"].t(), p[f"b_{g}"]) + F.linear(h_prev, p[f"W_h{g}"].t()) for g in "rz"}
    new = F.linear(x_t, p["W_xh"].t(), p["b_h"]) + F.linear(gate["r"].sigmoid() * h_prev, p.pop("W_hh").t())
    return gate["z"].sigmoid() * h_prev + torch.sigmoid(-gate["z"]) * new.tanh()


@right("gru_step")
def gru_row_by_row(x_t, h_prev, params):
    rows = []
    for x, h in zip(x_t, h_prev, strict=True):
        r, z = (torch.sigmoid(x @ params[f"W_x{g}"] + h @ params[f"W_h{g}"] + params[f"b_{g}"]) for g in "rz")
        rows.append(z * h + (1 - z) * torch.tanh(x @ params["W_xh"] + (r * h) @ params["W_hh"] + params["b_h"]))
    return torch.stack(rows)


@right("gru_step")
def gru_in_own_buffers(x_t, h_prev, params):
    r = torch.addmm(params["b_r"], x_t, params["W_xr"])
    r += h_prev @ params["W_hr"]
    r = r.sigmoid_()
    z = torch.addmm(params["b_z"], x_t, params["W_xz"]).add_(h_prev @ params["W_hz"]).sigmoid_()
    new = torch.addmm(params["b_h"], x_t, params["W_xh"]).add_((r * h_prev) @ params["W_hh"]).tanh_()
    return z * h_prev + (1.0 - z) * new


@right("lstm_step")
def lstm_plain(x_t, h_prev, c_prev, params):
    i = torch.sigmoid(x_t @ params["W_xi"] + h_prev @ params["W_hi"] + params["b_i"])
    f = torch.sigmoid(x_t @ params["W_xf"] + h_prev @ params["W_hf"] + params["b_f"])
    o = torch.sigmoid(x_t @ params["W_xo"] + h_prev @ params["W_ho"] + params["b_o"])
    c_tilde = torch.tanh(x_t @ params["W_xc"] + h_prev @ params["W_hc"] + params["b_c"])
    c_t = f * c_prev + i * c_tilde
    return o * torch.tanh(c_t), c_t


@right("lstm_step")
def lstm_one_product(x_t, h_prev, c_prev, params):
    W = torch.vstack([torch.hstack([params[f"W_{part}{g}"] for g in "cofi"]) for part in "xh"])
    total = torch.hstack([x_t, h_prev]) @ W + torch.hstack([params[f"b_{g}"] for g in "cofi"])
    c_tilde, o, f, i = total.tensor_split(4, dim=1)
    c_t = torch.addcmul(f.sigmoid() * c_prev, i.sigmoid(), c_tilde.tanh())
    return [o.sigmoid() * c_t.tanh(), c_t]


@right("lstm_step")
def lstm_cell_module(x_t, h_prev, c_prev, params):
    cell = nn.LSTMCell(*params["W_xi"].shape, dtype=x_t.dtype, device=x_t.device)
    weights = {
        "weight_ih": torch.cat([params[f"W_x{g}"] for g in "ifco"], dim=1).T,
        "weight_hh": torch.cat([params[f"W_h{g}"] for g in "ifco"], dim=1).T,
        "bias_ih": torch.cat([params[f"b_{g}"] for g in "ifco"]) / 4,
        "bias_hh": torch.cat([params[f"b_{g}"] for g in "ifco"]) * 3 / 4,
    }
    return torch.func.functional_call(cell, weights, (x_t, (h_prev, c_prev)))


@right("lstm_step")
def lstm_einsum(x_t, h_prev, c_prev, params):
    stack = {part: torch.stack([params[f"{part}{g}"] for g in "ifoc"]) for part in ("W_x", "W_h", "b_")}
    total = torch.einsum("bd,gdh->gbh", x_t, stack["W_x"]) + torch.einsum("bd,gdh->gbh", h_prev, stack["W_h"])
    total = total + stack["b_"][:, None]
    i, f, o = total[:3].sigmoid()
    c = f * c_prev + i * total[3].tanh()
    return o * c.tanh(), c


@right("lstm_step")
def lstm_row_by_row(x_t, h_prev, c_prev, params):
    pairs = []
    for x, h, c in zip(x_t, h_prev, c_prev, strict=True):
        gate = {g: params[f"W_x{g}"].T @ x + params[f"W_h{g}"].T @ h + params[f"b_{g}"] for g in "ifoc"}
        new = gate["f"].sigmoid() * c + gate["i"].sigmoid() * gate["c"].tanh()
        pairs.append((gate["o"].sigmoid() * new.tanh(), new))
    return torch.stack([h for h, _ in pairs]), torch.stack([c for _, c in pairs])


@right("lstm_forward")
def forward_stacked(x, h_0, c_0, params):
    h, c, outputs = h_0, c_0, []
    for t in range(x.shape[1]):
        h, c = lstm_plain(x[:, t], h, c, params)
        outputs.append(h)
    return torch.stack(outputs, dim=1), (h, c)


@right("lstm_forward")
def forward_buffer(x, h_0, c_0, params):
    outputs = torch.empty(*x.shape[:2], h_0.shape[1], dtype=x.dtype, device=x.device)
    h, c = h_0.clone(), c_0.clone()
    for t, x_t in enumerate(x.unbind(1)):
        h, c = lstm_one_product(x_t, h, c, params)
        outputs[:, t] = h
    return [outputs, [outputs[:, -1], c]]


@right("lstm_forward")
def forward_inputs_first(x, h_0, c_0, params):
    """All products with the inputs at once, gate by gate; the loop adds what the state gives."""
    inputs = {g: torch.einsum("bti,ih->tbh", x, params[f"W_x{g}"]) + params[f"b_{g}"] for g in "ifoc"}
    hs, cs = [h_0], [c_0]
    for t in range(x.size(1)):
        i, f, o, new = (inputs[g][t] + hs[-1] @ params[f"W_h{g}"] for g in "ifoc")
        cs.append(torch.sigmoid(f) * cs[-1] + torch.sigmoid(i) * torch.tanh(new))
        hs.append(torch.sigmoid(o) * torch.tanh(cs[-1]))
    return torch.stack(hs[1:]).transpose(0, 1), (hs[-1], cs[-1])


@right("lstm_forward")
def forward_recursive(x, h_0, c_0, params):
    h, c = lstm_einsum(x[:, 0], h_0, c_0, params)
    if x.shape[1] == 1:
        return h.unsqueeze(1), (h, c)
    rest, last = forward_recursive(x[:, 1:], h, c, params)
    return torch.cat([h.unsqueeze(1), rest], dim=1), last


def _weights(params, split=0.0):
    order = "ifco"
    bias = torch.cat([params[f"b_{g}"] for g in order])
    return {
        "weight_ih_l0": torch.cat([params[f"W_x{g}"].T for g in order]),
        "weight_hh_l0": torch.cat([params[f"W_h{g}"].T for g in order]),
        "bias_ih_l0": (1 - split) * bias,
        "bias_hh_l0": split * bias,
    }


@right("lstm_forward")
def forward_module(x, h_0, c_0, params):
    network = nn.LSTM(*params["W_xi"].shape, batch_first=True, device=x.device, dtype=x.dtype)
    start = h_0[None].contiguous(), c_0[None].contiguous()
    outputs, (h, c) = torch.func.functional_call(network, _weights(params), (x, start))
    return outputs, (h.squeeze(0), c.squeeze(0))


@right("lstm_forward")
def forward_sentence_by_sentence(x, h_0, c_0, params):
    found = []
    for row, h, c in zip(x.split(1), h_0.split(1), c_0.split(1), strict=True):
        states = []
        for x_t in row[0]:
            h, c = lstm_plain(x_t[None], h, c, params)
            states.append(h)
        found.append((torch.cat(states), h[0], c[0]))
    outputs, h_last, c_last = (torch.stack(part) for part in zip(*found, strict=True))
    return outputs, (h_last, c_last)


@right("to_torch_lstm")
def torch_copied(params):
    d_in, d_h = params["W_xi"].shape
    module = nn.LSTM(d_in, d_h, batch_first=True).to(params["b_i"])
    with torch.no_grad():
        for k, g in enumerate("ifco"):
            rows = slice(k * d_h, (k + 1) * d_h)
            module.weight_ih_l0[rows] = params[f"W_x{g}"].T
            module.weight_hh_l0[rows] = params[f"W_h{g}"].T
            module.bias_ih_l0[rows] = params[f"b_{g}"]
        module.bias_hh_l0.zero_()
    return module


@right("to_torch_lstm")
def torch_loaded(params):
    like = params["W_xi"]
    module = nn.LSTM(like.size(0), like.size(1), num_layers=1, batch_first=True, dtype=like.dtype, device=like.device)
    module.load_state_dict(_weights(params, split=0.5))
    return module.eval()


@right("to_torch_lstm")
def torch_new_parameters(params):
    module = nn.LSTM(*params["W_xc"].shape, batch_first=True)
    for name, weight in _weights(params, split=1.0).items():
        setattr(module, name, nn.Parameter(weight.detach()))
    return module


@right("to_torch_lstm")
def torch_data(params):
    module = nn.LSTM(*params["W_xc"].shape, batch_first=True, dropout=0.0, bidirectional=False)
    module = module.to(device=params["b_c"].device, dtype=params["b_c"].dtype)
    for name, weight in _weights(params, split=-2.0).items():
        getattr(module, name).data = weight.data.contiguous()
    module.flatten_parameters()
    return module


@right("to_torch_lstm")
def torch_as_one_vector(params):
    weights = _weights(params, split=0.25)
    module = nn.LSTM(*params["W_xf"].shape, batch_first=True, dtype=params["b_f"].dtype, device=params["b_f"].device)
    flat = torch.cat([weights[name].reshape(-1) for name, _ in module.named_parameters()])
    nn.utils.vector_to_parameters(flat, module.parameters())
    return module.requires_grad_()


@right("to_torch_lstm")
class TorchSubclass(nn.LSTM):
    """An nn.LSTM that lays in its weights itself."""

    def __init__(self, params):
        like = params["W_xi"]
        super().__init__(*like.shape, batch_first=True, dtype=like.dtype, device=like.device)
        with torch.no_grad():
            for name, weight in _weights(params).items():
                self.get_parameter(name).copy_(weight)
