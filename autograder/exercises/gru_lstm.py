"""Lesson 03: cells with gates, one step and many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from autograder.drive import parts
from autograder.errors import AnswerError
from autograder.exercise import Case, Exercise, Rng, exercise, strided

LESSON = "03_gru_lstm"
F32, F64 = torch.float32, torch.float64
GRU, LSTM = "rzh", "ifoc"

Params = dict[str, Tensor]


def cell(rng: Rng, gates: str, d_in: int, d_h: int, gain: float = 1.0, dtype: torch.dtype = F64) -> Params:
    """Random weights of a cell with these gates, biases included: `W_xr W_hr b_r` for the gate r, and so on."""
    found = {}
    for gate in gates:
        found[f"W_x{gate}"] = rng.normal(d_in, d_h, dtype=dtype, scale=gain * d_in**-0.5)
        found[f"W_h{gate}"] = rng.normal(d_h, d_h, dtype=dtype, scale=1.5 * gain * d_h**-0.5)
        found[f"b_{gate}"] = rng.normal(d_h, dtype=dtype, scale=0.7)
    return found


def other_layout(value: Any) -> Any:
    """The same plain data with every tensor laid out in another order in memory."""
    if isinstance(value, Tensor):
        return strided(value)
    if isinstance(value, Mapping):
        return {key: other_layout(item) for key, item in value.items()}
    return [other_layout(item) for item in value] if isinstance(value, list) else value


def other_order(params: Params) -> Params:
    """The same params, with the last gate first."""
    gates = [name.removeprefix("b_") for name in params if name.startswith("b_")]
    return {f"{part}{gate}": params[f"{part}{gate}"] for gate in reversed(gates) for part in ("W_x", "W_h", "b_")}


@exercise("gru_step", lesson=LESSON, points=4, difficulty=2, minutes=12)
class GRUStep(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("one step", self._inputs(rng, 3, 5, 7), weight=2)
        yield Case("large inputs", self._inputs(rng, 2, 6, 4, gain=4.0))
        yield Case("huge inputs stay finite", self._inputs(rng, 3, 4, 5, gain=2000.0))
        yield Case("a batch of one", self._inputs(rng, 1, 2, 3))
        yield Case("one input, one hidden unit", self._inputs(rng, 4, 1, 1))
        yield Case("batch, input and state of one size", self._inputs(rng, 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, 4, 3, 6, dtype=F32))
        yield Case("another layout in memory", other_layout(self._inputs(rng, 5, 3, 2)))
        shuffled = self._inputs(rng, 2, 5, 3)
        yield Case("params written down in another order", shuffled | {"params": other_order(shuffled["params"])})
        yield Case("gradients reach every input", self._inputs(rng, 3, 4, 6), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, d_in: int, d_h: int, gain: float = 1.0, dtype: torch.dtype = F64
    ) -> dict[str, Any]:
        rows = {"x_t": rng.normal(batch, d_in, dtype=dtype), "h_prev": rng.normal(batch, d_h, dtype=dtype)}
        return {**rows, "params": cell(rng, GRU, d_in, d_h, gain, dtype)}

    def drive(self, answer: Any, x_t: Tensor, h_prev: Tensor, params: Params) -> dict[str, Any]:
        return {"h_t": answer(x_t, h_prev, params)}


@exercise("lstm_step", lesson=LESSON, points=4, difficulty=2, minutes=12)
class LSTMStep(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("one step", self._inputs(rng, 3, 5, 7), weight=2)
        yield Case("large inputs", self._inputs(rng, 2, 6, 4, gain=4.0))
        yield Case("huge inputs stay finite", self._inputs(rng, 3, 4, 5, gain=2000.0))
        yield Case("a cell far beyond one", self._inputs(rng, 3, 2, 4, cell_scale=3000.0))
        yield Case("a batch of one", self._inputs(rng, 1, 2, 3))
        yield Case("one input, one hidden unit", self._inputs(rng, 4, 1, 1))
        yield Case("batch, input and state of one size", self._inputs(rng, 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, 4, 3, 6, dtype=F32))
        yield Case("another layout in memory", other_layout(self._inputs(rng, 5, 3, 2)))
        shuffled = self._inputs(rng, 2, 5, 3)
        yield Case("params written down in another order", shuffled | {"params": other_order(shuffled["params"])})
        yield Case("gradients reach every input", self._inputs(rng, 3, 4, 6), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, d_in: int, d_h: int, gain: float = 1.0, dtype: torch.dtype = F64,
        cell_scale: float = 2.0,
    ) -> dict[str, Any]:
        rows = {"x_t": rng.normal(batch, d_in, dtype=dtype), "h_prev": rng.normal(batch, d_h, dtype=dtype)}
        c_prev = rng.normal(batch, d_h, dtype=dtype, scale=cell_scale)
        return {**rows, "c_prev": c_prev, "params": cell(rng, LSTM, d_in, d_h, gain, dtype)}

    def drive(self, answer: Any, x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> dict[str, Any]:
        return parts(answer(x_t, h_prev, c_prev, params), "h_t", "c_t")


def lstm_sequence(
    rng: Rng, batch: int, seq: int, d_in: int, d_h: int, gain: float = 1.0, dtype: torch.dtype = F64
) -> dict[str, Any]:
    """Inputs of `lstm_forward`."""
    return {
        "x": rng.normal(batch, seq, d_in, dtype=dtype),
        "h_0": rng.normal(batch, d_h, dtype=dtype),
        "c_0": rng.normal(batch, d_h, dtype=dtype, scale=2.0),
        "params": cell(rng, LSTM, d_in, d_h, gain, dtype),
    }


@exercise("lstm_forward", lesson=LESSON, points=4, difficulty=2, minutes=10, builds_on=("lstm_step",))
class LSTMForward(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a short sequence", lstm_sequence(rng, 3, 4, 5, 7), weight=2)
        yield Case("a long sequence with large weights", lstm_sequence(rng, 2, 30, 3, 6, gain=1.8))
        yield Case("one step", lstm_sequence(rng, 3, 1, 2, 5))
        yield Case("a batch of one", lstm_sequence(rng, 1, 6, 4, 3))
        yield Case("batch, steps, input and state of one size", lstm_sequence(rng, 4, 4, 4, 4))
        yield Case("float32 stays float32", lstm_sequence(rng, 4, 3, 2, 6, dtype=F32))
        yield Case("another layout in memory", other_layout(lstm_sequence(rng, 3, 5, 2, 4)))
        yield Case("gradients reach every input", lstm_sequence(rng, 2, 7, 3, 5, gain=1.2), weight=2, gradients=True)
        yield Case("a gradient that travels far", self._open(rng, 2, 60, 3, 5), gradients=True)

    def _open(self, rng: Rng, batch: int, seq: int, d_in: int, d_h: int) -> dict[str, Any]:
        """Forget gates near one: what the cell held at the start still counts at the end."""
        inputs = lstm_sequence(rng, batch, seq, d_in, d_h, gain=0.3)
        inputs["params"]["b_f"] += 5.0
        return inputs

    def drive(self, answer: Any, x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> dict[str, Any]:
        found = parts(answer(x, h_0, c_0, params), "outputs", "(h_last, c_last)")
        return {"outputs": found["outputs"], **parts(found["(h_last, c_last)"], "h_last", "c_last")}


@exercise("to_torch_lstm", lesson=LESSON, points=5, difficulty=3, minutes=20)
class ToTorchLSTM(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a short sequence", lstm_sequence(rng, 3, 4, 5, 7), weight=2)
        yield Case("a long sequence with large weights", lstm_sequence(rng, 2, 20, 6, 4, gain=1.8))
        yield Case("one step, a batch of one", lstm_sequence(rng, 1, 1, 2, 3))
        yield Case("one input, one hidden unit", lstm_sequence(rng, 2, 3, 1, 1))
        yield Case("batch, steps, input and state of one size", lstm_sequence(rng, 4, 4, 4, 4))
        yield Case("float32 stays float32", lstm_sequence(rng, 4, 3, 2, 6, dtype=F32))
        yield Case("another layout in memory", other_layout(lstm_sequence(rng, 3, 5, 2, 4)))
        shuffled = lstm_sequence(rng, 2, 3, 4, 5)
        yield Case("params written down in another order", shuffled | {"params": other_order(shuffled["params"])})
        yield Case("params that are being trained", lstm_sequence(rng, 2, 4, 5, 3), gradients=("params",))
        others = cell(rng, LSTM, 4, 5)
        yield Case("each module has weights of its own", lstm_sequence(rng, 2, 3, 4, 5) | {"others": others})
        yield Case("the module can be trained", lstm_sequence(rng, 3, 4, 2, 5) | {"train": True}, weight=2)

    def drive(
        self, answer: Any, x: Tensor, h_0: Tensor, c_0: Tensor, params: Params, others: Params | None = None,
        train: bool = False,
    ) -> dict[str, Any]:
        module = formed(answer(params), params)
        if others is not None:
            answer(others)
        start = h_0[None].contiguous(), c_0[None].contiguous()
        outputs, (h_last, c_last) = module(x, start)
        # The weights alone must carry the function: a forward of the module's own would be lost on disk.
        again, _ = plain_copy(module, params["W_xi"])(x, start)
        found = {"outputs": outputs, "h_last": h_last, "c_last": c_last, "outputs of its weights in nn.LSTM": again}
        return found | trained(module, outputs, params) if train else found


def formed(module: Any, params: Params) -> nn.LSTM:
    """The module, when it is an nn.LSTM that could hold these params. Raises AnswerError saying what it is instead."""
    if not isinstance(module, nn.LSTM):
        raise AnswerError(f"expected an nn.LSTM, got {type(module).__name__}")
    wanted = {"num_layers": 1, "bidirectional": False, "proj_size": 0, "batch_first": True, "bias": True}
    for name, value in wanted.items():
        if getattr(module, name) != value:
            raise AnswerError(f"expected an nn.LSTM with {name} = {value}, got {getattr(module, name)}")
    sizes = module.input_size, module.hidden_size
    if sizes != tuple(params["W_xi"].shape):
        raise AnswerError(f"expected (input_size, hidden_size) to be {tuple(params['W_xi'].shape)}, got {sizes}")
    like = params["W_xi"]
    for name, weight in module.named_parameters():
        if weight.dtype != like.dtype or weight.device != like.device:
            raise AnswerError(
                f"{name} of the module is {weight.dtype} on {weight.device}; "
                f"expected {like.dtype} on {like.device}, as the params are"
            )
    return module


def plain_copy(module: nn.LSTM, like: Tensor) -> nn.LSTM:
    """An nn.LSTM with the weights that the module would save. Raises AnswerError where it would save others."""
    copy = nn.LSTM(*like.shape, batch_first=True, device=like.device, dtype=like.dtype)
    weights, own = module.state_dict(), copy.state_dict()
    if {name: w.shape for name, w in own.items()} != {name: w.shape for name, w in weights.items()}:
        raise AnswerError(f"expected the weights {', '.join(own)} in the shapes of an nn.LSTM, and no others")
    copy.load_state_dict(weights)
    return copy


def trained(module: nn.LSTM, outputs: Tensor, params: Params) -> dict[str, Any]:
    """The gradients of the module's weights. Raises AnswerError when there are none, or when `params` move along."""
    own = dict(module.named_parameters())
    learned = {name: weight for name, weight in own.items() if weight.requires_grad}
    found: dict[str, Tensor | None] = {}
    if outputs.requires_grad:
        mixture = torch.arange(outputs.numel(), dtype=outputs.dtype, device=outputs.device).cos()
        total = (outputs * mixture.reshape(outputs.shape)).sum()
        found = dict(zip(learned, torch.autograd.grad(total, list(learned.values()), allow_unused=True), strict=True))
    bias = found.get("bias_ih_l0") if found.get("bias_ih_l0") is not None else found.get("bias_hh_l0")
    wanted = {"weight_ih_l0": found.get("weight_ih_l0"), "weight_hh_l0": found.get("weight_hh_l0"), "the bias": bias}
    for name, gradient in wanted.items():
        if gradient is None:
            raise AnswerError(f"no gradient reaches {name} of the module: is it still a parameter to be trained?")
    before = {name: param.detach().clone() for name, param in params.items()}
    with torch.no_grad():
        for weight in own.values():
            weight.add_(1.0)
    if any(not torch.equal(param, before[name]) for name, param in params.items()):
        raise AnswerError("training the module changes the params: give it copies of the numbers")
    return {f"gradient of {name}": gradient for name, gradient in wanted.items()}
