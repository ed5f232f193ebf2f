"""Gated recurrent networks: GRU and LSTM, one step and many, stacked and read both ways.

Notation follows Zhang et al., Dive into Deep Learning (2023), chapter 10, with row vectors: a state of `d_h` numbers is
a row, and weights multiply from the right. σ is the logistic function, ∘ the product of elements.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

Step = Callable[[Tensor, Tensor], Tensor]


def gru_step(
    x_t: Float[Tensor, "batch d_in"], h_prev: Float[Tensor, "batch d_h"], params: dict[str, Tensor]
) -> Float[Tensor, "batch d_h"]:
    """r = σ(x_t W_xr + h_{t-1} W_hr + b_r)        z = σ(x_t W_xz + h_{t-1} W_hz + b_z)

    h̃ = tanh(x_t W_xh + (r ∘ h_{t-1}) W_hh + b_h)        h_t = z ∘ h_{t-1} + (1 - z) ∘ h̃

    Cho et al. (2014), Learning Phrase Representations, equations 5 to 8; Zhang et al. (2023), section 10.2. PyTorch's
    nn.GRU applies r after the product, to h_{t-1} W_hh and a bias of its own, which is another function.
    """
    reset = torch.sigmoid(_affine(x_t, h_prev, params, "r"))
    update = torch.sigmoid(_affine(x_t, h_prev, params, "z"))
    candidate = torch.tanh(_affine(x_t, reset * h_prev, params, "h"))
    return torch.lerp(candidate, h_prev, update)


def _affine(
    x_t: Float[Tensor, "batch d_in"], h: Float[Tensor, "batch d_h"], params: dict[str, Tensor], gate: str
) -> Float[Tensor, "batch d_h"]:
    return torch.addmm(torch.addmm(params[f"b_{gate}"], x_t, params[f"W_x{gate}"]), h, params[f"W_h{gate}"])


def lstm_step(
    x_t: Float[Tensor, "batch d_in"],
    h_prev: Float[Tensor, "batch d_h"],
    c_prev: Float[Tensor, "batch d_h"],
    params: dict[str, Tensor],
) -> tuple[Float[Tensor, "batch d_h"], Float[Tensor, "batch d_h"]]:
    """i, f, o = σ(x_t W_x· + h_{t-1} W_h· + b_·)        c̃ = tanh(x_t W_xc + h_{t-1} W_hc + b_c)

    c_t = f ∘ c_{t-1} + i ∘ c̃        h_t = o ∘ tanh(c_t)

    Gers, Schmidhuber, Cummins (2000), Learning to Forget, section 3; Zhang et al. (2023), section 10.1.
    """
    w_ih, w_hh, bias = _torch_weights(params)
    h_t, c_t = torch.lstm_cell(x_t, (h_prev, c_prev), w_ih, w_hh, bias, torch.zeros_like(bias))
    return h_t, c_t


def _torch_weights(params: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """PyTorch's weights, (4 d_h, d_in) and (4 d_h, d_h), and one bias: its blocks of rows are i, f, c (called g), o."""
    gates = "ifco"
    w_ih = torch.cat([params[f"W_x{gate}"].T for gate in gates])
    w_hh = torch.cat([params[f"W_h{gate}"].T for gate in gates])
    return w_ih, w_hh, torch.cat([params[f"b_{gate}"] for gate in gates])


def lstm_forward(
    x: Float[Tensor, "batch seq d_in"],
    h_0: Float[Tensor, "batch d_h"],
    c_0: Float[Tensor, "batch d_h"],
    params: dict[str, Tensor],
) -> tuple[Float[Tensor, "batch seq d_h"], tuple[Float[Tensor, "batch d_h"], Float[Tensor, "batch d_h"]]]:
    """`lstm_step` for t = 1 … seq; returns all h_t, and the last h and c. One call of PyTorch's fused operator."""
    w_ih, w_hh, bias = _torch_weights(params)
    start = [h_0.unsqueeze(0).contiguous(), c_0.unsqueeze(0).contiguous()]
    outputs, h_last, c_last = torch.lstm(
        x, start, [w_ih, w_hh, bias, torch.zeros_like(bias)],
        has_biases=True, num_layers=1, dropout=0.0, train=False, bidirectional=False, batch_first=True,
    )
    return outputs, (h_last[0], c_last[0])


def to_torch_lstm(params: dict[str, Tensor]) -> nn.LSTM:
    """The same LSTM as a module: gates in PyTorch's order, weights transposed, the bias split into b and 0."""
    w_ih, w_hh, bias = _torch_weights(params)
    d_in, d_h = params["W_xi"].shape
    module = nn.LSTM(d_in, d_h, batch_first=True, device=bias.device, dtype=bias.dtype)
    weights = {"weight_ih_l0": w_ih, "weight_hh_l0": w_hh, "bias_ih_l0": bias, "bias_hh_l0": torch.zeros_like(bias)}
    module.load_state_dict(weights)
    return module


def deep_gru_forward(
    x: Float[Tensor, "batch seq d_in"], h_0: Float[Tensor, "num_layers batch d_h"], layers: list[dict[str, Tensor]]
) -> tuple[Float[Tensor, "batch seq d_h"], Float[Tensor, "num_layers batch d_h"]]:
    """h_t^l = gru_step(h_t^{l-1}, h_{t-1}^l; θ^l), with h_t^0 = x_t: Zhang et al. (2023), equation 10.3.1."""
    last, read = [], x
    for state, params in zip(h_0, layers, strict=True):
        states = []
        for x_t in read.unbind(dim=1):
            state = gru_step(x_t, state, params)
            states.append(state)
        read = torch.stack(states, dim=1)
        last.append(state)
    return read, torch.stack(last)


def bidirectional_forward(
    x: Float[Tensor, "batch seq d_in"],
    lengths: Int[Tensor, " batch"],
    forward_step: Step,
    backward_step: Step,
    d_hidden: int,
) -> Float[Tensor, "batch seq 2*d_hidden"]:
    """→h_t = f(x_t, →h_{t-1}) and ←h_t = g(x_t, ←h_{t+1}), side by side; 0 where t lies behind the end of its row.

    Schuster, Paliwal (1997), Bidirectional Recurrent Neural Networks; Zhang et al. (2023), equation 10.4.2. The
    backward direction reads each row mirrored within its length, and what it gives is mirrored back.
    """
    places = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
    real = places < lengths[:, None]
    mirrored = torch.where(real, lengths[:, None] - 1 - places, places)
    forward = _read(x, forward_step, d_hidden)
    backward = _take(_read(_take(x, mirrored), backward_step, d_hidden), mirrored)
    return torch.cat([forward, backward], dim=2).masked_fill(~real[:, :, None], 0.0)


def _read(x: Float[Tensor, "batch seq d_in"], step: Step, d_hidden: int) -> Float[Tensor, "batch seq d_hidden"]:
    state, states = x.new_zeros(len(x), d_hidden), []
    for x_t in x.unbind(dim=1):
        state = step(x_t, state)
        states.append(state)
    return torch.stack(states, dim=1)


def _take(x: Float[Tensor, "batch seq d"], places: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq d"]:
    return torch.take_along_dim(x, places[:, :, None], dim=1)


def delayed_recall_batch(
    batch: int, num_symbols: int, delay: int, generator: torch.Generator
) -> tuple[Int[Tensor, "batch delay+2"], Int[Tensor, " batch"]]:
    """Rows s, blank × delay, cue, with s uniform in 0 … num_symbols - 1, blank = num_symbols, cue = num_symbols + 1.

    After the latching tasks of Hochreiter, Schmidhuber (1997), Long Short-Term Memory, section 5.
    """
    targets = torch.randint(num_symbols, (batch,), generator=generator, device=generator.device)
    inputs = torch.full((batch, delay + 2), num_symbols, device=generator.device)
    inputs[:, 0] = targets
    inputs[:, -1] = num_symbols + 1
    return inputs, targets


class RecallModel(nn.Module):
    """An LSTM whose last state gives the logits of the symbol; many another network would do."""

    def __init__(self, num_symbols: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_symbols + 2, 16)
        self.rnn = nn.LSTM(16, 64, batch_first=True)
        self.output = nn.Linear(64, num_symbols)

    def forward(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch num_symbols"]:
        _, (h_last, _) = self.rnn(self.embedding(ids))
        logits: Tensor = self.output(h_last[0])
        return logits
