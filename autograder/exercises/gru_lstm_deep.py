"""Lesson 03: cells stacked in layers, and a sequence read both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.drive import parts
from autograder.exercise import Case, Exercise, Rng, exercise
from autograder.exercises.gru_lstm import F32, F64, GRU, LESSON, Params, cell, other_layout, other_order

Step = Callable[[Tensor, Tensor], Tensor]


def stack(
    rng: Rng, num_layers: int, batch: int, seq: int, d_in: int, d_h: int, gain: float = 1.0, dtype: torch.dtype = F64
) -> dict[str, Any]:
    """Inputs of `deep_gru_forward`."""
    return {
        "x": rng.normal(batch, seq, d_in, dtype=dtype),
        "h_0": rng.normal(num_layers, batch, d_h, dtype=dtype),
        "layers": [cell(rng, GRU, d_h if layer else d_in, d_h, gain, dtype) for layer in range(num_layers)],
    }


@exercise("deep_gru_forward", lesson=LESSON, points=4, difficulty=3, minutes=15, builds_on=("gru_step",))
class DeepGRUForward(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("two layers", stack(rng, 2, 3, 4, 5, 7), weight=2)
        yield Case("three layers", stack(rng, 3, 2, 6, 4, 5), weight=2)
        yield Case("one layer", stack(rng, 1, 3, 5, 2, 4))
        yield Case("one step", stack(rng, 3, 2, 1, 5, 4))
        yield Case("a batch of one", stack(rng, 2, 1, 6, 4, 3))
        yield Case("five layers, one hidden unit", stack(rng, 5, 2, 3, 4, 1))
        yield Case("all sizes equal", stack(rng, 3, 3, 3, 3, 3))
        yield Case("large inputs", stack(rng, 2, 3, 5, 4, 6, gain=4.0))
        yield Case("float32 stays float32", stack(rng, 2, 4, 3, 5, 6, dtype=F32))
        yield Case("another layout in memory", other_layout(stack(rng, 2, 3, 5, 2, 4)))
        shuffled = stack(rng, 2, 3, 2, 4, 5)
        layers = [other_order(params) for params in shuffled["layers"]]
        yield Case("params written down in another order", shuffled | {"layers": layers})
        yield Case("gradients reach every input", stack(rng, 3, 2, 5, 4, 3), weight=2, gradients=True)
        yield Case("a gradient that travels far", self._open(rng, 2, 2, 50, 3, 4), gradients=True)

    def _open(self, rng: Rng, num_layers: int, batch: int, seq: int, d_in: int, d_h: int) -> dict[str, Any]:
        """Update gates near one: the state at the start still counts at the end."""
        inputs = stack(rng, num_layers, batch, seq, d_in, d_h, gain=0.3)
        for params in inputs["layers"]:
            params["b_z"] += 5.0
        return inputs

    def drive(self, answer: Any, x: Tensor, h_0: Tensor, layers: list[Params]) -> dict[str, Any]:
        return parts(answer(x, h_0, layers), "outputs", "h_last")


@exercise("bidirectional_forward", lesson=LESSON, points=7, difficulty=4, minutes=30)
class BidirectionalForward(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("unsorted lengths", self._inputs(rng, [4, 1, 6, 2, 5], 6, 3, 7), weight=2)
        yield Case("every row is full", self._inputs(rng, [4, 4, 4], 4, 2, 5), weight=2)
        yield Case("no row is full", self._inputs(rng, [2, 5, 3], 7, 2, 4))
        yield Case("sorted lengths", self._inputs(rng, [6, 4, 3, 1], 6, 2, 5))
        yield Case("every length is one", self._inputs(rng, [1, 1, 1, 1], 5, 3, 2))
        yield Case("one step", self._inputs(rng, [1, 1, 1], 1, 4, 2))
        yield Case("a batch of one", self._inputs(rng, [3], 5, 2, 4))
        yield Case("one input, one hidden unit", self._inputs(rng, [3, 1, 4], 4, 1, 1))
        yield Case("all sizes equal", self._inputs(rng, [3, 1, 4, 2], 4, 4, 4))
        yield Case("huge numbers in the padding", self._padded(rng, [2, 5, 1, 3], 5, 3, 4, 1e30))
        yield Case("zeros among the real inputs", self._with_zeros(rng, [3, 5, 4], 5, 3, 4))
        yield Case("steps that add up", self._inputs(rng, [5, 2, 6], 7, 3, 4) | {"kind": "sum"})
        yield Case("float32 stays float32", self._inputs(rng, [2, 5], 5, 3, 6, dtype=F32))
        yield Case("another layout in memory", other_layout(self._inputs(rng, [5, 2, 3, 1], 5, 3, 2)))
        learn = ("x", "cells")
        yield Case("gradients", self._inputs(rng, [2, 5, 1], 6, 4, 3), weight=2, gradients=learn)
        yield Case("a gradient that travels far", self._far(rng, [40, 7, 33], 40, 2, 3), gradients=learn)

    def _inputs(
        self, rng: Rng, lengths: list[int], seq: int, d_in: int, d_h: int, dtype: torch.dtype = F64
    ) -> dict[str, Any]:
        cells = [cell(rng, "h", d_in, d_h, dtype=dtype) for _ in range(2)]
        x = rng.normal(len(lengths), seq, d_in, dtype=dtype)
        return {"x": x, "lengths": torch.tensor(lengths), "cells": cells}

    def _padded(self, rng: Rng, lengths: list[int], seq: int, d_in: int, d_h: int, fill: float) -> dict[str, Any]:
        inputs = self._inputs(rng, lengths, seq, d_in, d_h)
        padding = torch.arange(seq) >= inputs["lengths"][:, None]
        return inputs | {"x": torch.where(padding[:, :, None], fill * inputs["x"].sign(), inputs["x"])}

    def _with_zeros(self, rng: Rng, lengths: list[int], seq: int, d_in: int, d_h: int) -> dict[str, Any]:
        inputs = self._inputs(rng, lengths, seq, d_in, d_h)
        for row, length in enumerate(lengths):
            inputs["x"][row, length - 1 - row] = 0.0
        return inputs

    def _far(self, rng: Rng, lengths: list[int], seq: int, d_in: int, d_h: int) -> dict[str, Any]:
        """Small states and orthogonal weights between them: a gradient neither vanishes nor explodes."""
        inputs = self._inputs(rng, lengths, seq, d_in, d_h)
        for params in inputs["cells"]:
            params.update({name: 0.05 * weight for name, weight in params.items()})
            params["W_hh"] = torch.linalg.qr(rng.normal(d_h, d_h))[0]
        return inputs

    def drive(
        self, answer: Any, x: Tensor, lengths: Tensor, cells: list[Params], kind: str = "tanh"
    ) -> dict[str, Any]:
        forward_step, backward_step = (STEPS[kind](params) for params in cells)
        return {"outputs": answer(x, lengths, forward_step, backward_step, cells[0]["W_hh"].shape[0])}


def tanh_step(params: Params) -> Step:
    """An RNN's step, on any number of rows."""

    def step(x_t: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(x_t @ params["W_xh"] + h @ params["W_hh"] + params["b_h"])

    return step


def sum_step(params: Params) -> Step:
    """A step that squashes nothing and forgets nothing: each input, zeros too, moves the state on by the bias."""

    def step(x_t: Tensor, h: Tensor) -> Tensor:
        return h + x_t @ params["W_xh"] + params["b_h"]

    return step


STEPS = {"tanh": tanh_step, "sum": sum_step}
