"""Lesson 03: cells stacked in layers, and a sequence read both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.drive import parts
from autograder.exercise import Case, Exercise, Rng, exercise
from autograder.exercises.gru_lstm import F32, F64, GRU, LESSON, Params, cell, other_layout


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
        yield Case("all sizes equal", stack(rng, 3, 3, 3, 3, 3))
        yield Case("float32 stays float32", stack(rng, 2, 4, 3, 5, 6, dtype=F32))
        yield Case("another layout in memory", other_layout(stack(rng, 2, 3, 5, 2, 4)))
        yield Case("gradients reach every input", stack(rng, 3, 2, 5, 4, 3), weight=2, gradients=True)

    def drive(self, answer: Any, x: Tensor, h_0: Tensor, layers: list[Params]) -> dict[str, Any]:
        return parts(answer(x, h_0, layers), "outputs", "h_last")


@exercise("bidirectional_forward", lesson=LESSON, points=7, difficulty=4, minutes=30)
class BidirectionalForward(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("unsorted lengths", self._inputs(rng, [4, 1, 6, 2, 5], 6, 3, 7), weight=2)
        yield Case("every row is full", self._inputs(rng, [4, 4, 4], 4, 2, 5), weight=2)
        yield Case("no row is full", self._inputs(rng, [2, 5, 3], 7, 2, 4))
        yield Case("every length is one", self._inputs(rng, [1, 1, 1, 1], 5, 3, 2))
        yield Case("one step", self._inputs(rng, [1, 1, 1], 1, 4, 2))
        yield Case("a batch of one", self._inputs(rng, [3], 5, 2, 4))
        yield Case("all sizes equal", self._inputs(rng, [3, 1, 4, 2], 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, [2, 5], 5, 3, 6, dtype=F32))
        yield Case("another layout in memory", other_layout(self._inputs(rng, [5, 2, 3, 1], 5, 3, 2)))
        yield Case("gradients", self._inputs(rng, [2, 5, 1], 5, 4, 3), weight=2, gradients=("x", "cells"))

    def _inputs(
        self, rng: Rng, lengths: list[int], seq: int, d_in: int, d_h: int, dtype: torch.dtype = F64
    ) -> dict[str, Any]:
        cells = [cell(rng, "h", d_in, d_h, dtype=dtype) for _ in range(2)]
        return {
            "x": rng.normal(len(lengths), seq, d_in, dtype=dtype), "lengths": torch.tensor(lengths), "cells": cells,
        }

    def drive(self, answer: Any, x: Tensor, lengths: Tensor, cells: list[Params]) -> dict[str, Any]:
        steps = [step_of(params) for params in cells]
        return {"outputs": answer(x, lengths, steps[0], steps[1], cells[0]["W_hh"].shape[0])}


def step_of(params: Params) -> Any:
    """A step (x_t, h) -> h with these weights, on any number of rows."""

    def step(x_t: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(x_t @ params["W_xh"] + h @ params["W_hh"] + params["b_h"])

    return step
