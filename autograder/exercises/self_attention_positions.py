"""Lesson 06: where a word stands, told by waves and by turns, and how far it may look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Case, Exercise, Rng, Tolerance, exercise, strided
from autograder.exercises.self_attention import F32, F64, LESSON

ROUGH, EXACT = Tolerance(2e-5), Tolerance()
"""Angles are easily made in float32, which is off by a millionth at position 15. Where precision is not the point, a
case does not ask for more."""


@exercise("sinusoidal_positions", lesson=LESSON, points=4, difficulty=3, minutes=15)
class SinusoidalPositions(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield self._case("a few positions", rng.integer(6, 10), 2 * rng.integer(5, 9), weight=2)
        yield self._case("more columns than positions", 3, 2 * rng.integer(12, 20))
        yield self._case("more positions than columns", rng.integer(12, 18), 2 * rng.integer(2, 5))
        yield self._case("an odd width", rng.integer(5, 9), 2 * rng.integer(2, 6) + 1, weight=2)
        yield self._case("one column", 6, 1)
        yield self._case("two columns", 5, 2)
        yield self._case("three columns", 4, 3)
        yield self._case("one position", 1, 2 * rng.integer(3, 6))
        yield self._case("as many positions as columns", 8, 8)
        yield self._case("float64 where that is the default", rng.integer(6, 10), 10, double=True)
        yield self._case("far positions in float64", rng.integer(2000, 2500), 7, double=True, tolerance=EXACT)

    def _case(
        self, name: str, num_positions: int, d_model: int, weight: float = 1.0, double: bool = False,
        tolerance: Tolerance = ROUGH,
    ) -> Case:
        asked = {"num_positions": num_positions, "d_model": d_model, "double": double}
        return Case(name, asked, weight, tolerance=tolerance)

    def drive(self, answer: Any, num_positions: int, d_model: int, double: bool) -> dict[str, Any]:
        before = torch.get_default_dtype()
        torch.set_default_dtype(F64 if double else F32)
        try:
            return {"positions": answer(num_positions, d_model)}
        finally:
            torch.set_default_dtype(before)


@exercise("rotary_embedding", lesson=LESSON, points=5, difficulty=4, minutes=20)
class RotaryEmbedding(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield self._case("positions from 0", rng.normal(2, 3, 5, 8), list(range(5)), weight=2)
        yield self._case("positions that skip", rng.normal(3, 2, 4, 6), [3, 7, 8, 14], weight=2)
        yield self._case("positions out of order, one twice", rng.normal(2, 3, 5, 4), [6, 1, 9, 1, 4])
        yield self._case("a small base", rng.normal(2, 3, 4, 10), [0, 2, 5, 6], base=50.0)
        yield self._case("a large base", rng.normal(3, 2, 5, 8), [1, 2, 10, 11, 12], base=500_000.0)
        yield self._case("one pair", rng.normal(3, 4, 5, 2), [0, 1, 2, 5, 6])
        yield self._case("one position", rng.normal(1, 2, 1, 6), [9])
        yield self._case("one head, a batch of one", rng.normal(1, 1, 4, 6), [2, 3, 4, 5])
        yield self._case("all sizes equal", rng.normal(4, 4, 4, 4), [3, 5, 6, 11])
        yield self._case("large inputs keep their length", rng.normal(2, 3, 4, 6, scale=1e4), [1, 4, 5, 9])
        yield self._case("float32 stays float32", rng.normal(2, 3, 4, 6, dtype=F32), [0, 3, 4, 7])
        yield self._case("another layout in memory", strided(rng.normal(3, 2, 5, 4)), [1, 2, 4, 8, 9])
        yield self._case("gradients", rng.normal(2, 3, 4, 6), [2, 3, 7, 8], gradients=True)
        far = rng.normal(2, 1, 3, 8)
        yield self._case("far positions, every digit of float64", far, [1500, 1501, 70_000], tolerance=EXACT)

    def _case(
        self, name: str, x: Tensor, positions: list[int], weight: float = 1.0, base: float | None = None,
        gradients: bool = False, tolerance: Tolerance = ROUGH,
    ) -> Case:
        asked: dict[str, Any] = {"x": x, "positions": torch.tensor(positions)}
        asked |= {} if base is None else {"base": base}
        return Case(name, asked, weight, gradients, tolerance=tolerance)

    def drive(self, answer: Any, x: Tensor, positions: Tensor, base: float | None = None) -> dict[str, Any]:
        return {"turned": answer(x, positions) if base is None else answer(x, positions, base)}


@exercise("sliding_window_mask", lesson=LESSON, points=2, difficulty=1, minutes=5)
class SlidingWindowMask(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, seq: int, window: int, weight: float = 1.0) -> Case:
            return Case(name, {"seq": seq, "window": window}, weight)

        yield case("a narrow window", rng.integer(7, 10), 2, weight=2)
        yield case("a wide window", rng.integer(10, 14), 6)
        yield case("one neighbour on each side", rng.integer(5, 9), 1)
        yield case("a window of 0", rng.integer(4, 7), 0)
        last = rng.integer(4, 8)
        yield case("a window that reaches the last position", last, last - 1)
        yield case("a window that leaves two corners", last, last - 2)
        yield case("a window wider than the sequence", 4, rng.integer(6, 12))
        yield case("one position", 1, 0)
        yield case("one position, a wide window", 1, 3)

    def drive(self, answer: Any, seq: int, window: int) -> dict[str, Any]:
        return {"mask": answer(seq, window)}
