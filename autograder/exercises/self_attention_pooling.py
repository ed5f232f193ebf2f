"""Lesson 06: attention with one query, with a memory that is learned, and with experts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.drive import parts
from autograder.exercise import Case, Exercise, Rng, exercise, strided
from autograder.exercises.self_attention import F32, F64, LESSON, other_layout

Expert = tuple[Tensor, Tensor, Tensor, Tensor]


@exercise("attention_pooling", lesson=LESSON, points=4, difficulty=2, minutes=12)
class AttentionPooling(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield self._case("unsorted lengths", rng.normal(5, 6, 3), [4, 1, 6, 2, 5], rng.normal(3), weight=2)
        yield self._case("every row is full", rng.normal(3, 4, 5), [4, 4, 4], rng.normal(5))
        yield self._case("no row is full", rng.normal(3, 7, 2), [2, 5, 3], rng.normal(2))
        yield self._case("every length is one", rng.normal(4, 5, 2), [1, 1, 1, 1], rng.normal(2))
        yield self._case("large values at the padding", self._padded(rng), [3, 6, 1, 4], rng.normal(5), weight=2)
        yield self._case("zeros among the real states", self._with_zeros(rng), [3, 2, 5], rng.normal(4))
        query = rng.normal(4)
        high, low = (rng.normal(3, 5, 4) + sign * 2000 * query / query.norm() for sign in (1, -1))
        yield self._case("scores far above zero", high, [5, 2, 4], query)
        yield self._case("scores far below zero", 50 * low, [3, 5, 2], query)
        yield self._case("a wide state", rng.normal(2, 4, 30), [3, 4], rng.normal(30))
        yield self._case("a batch of one", rng.normal(1, 5, 3), [3], rng.normal(3))
        yield self._case("one position", rng.normal(3, 1, 4), [1, 1, 1], rng.normal(4))
        yield self._case("one feature", rng.normal(3, 4, 1), [2, 4, 3], rng.normal(1))
        yield self._case("all sizes equal", rng.normal(4, 4, 4), [3, 1, 4, 2], rng.normal(4))
        single = rng.normal(2, 5, 3, dtype=F32), [2, 5], rng.normal(3, dtype=F32)
        yield self._case("float32 stays float32", *single)
        yield self._case("another layout in memory", strided(rng.normal(4, 5, 3)), [5, 2, 3, 1], strided(rng.normal(3)))
        learn = self._case("gradients", rng.normal(3, 5, 4), [2, 5, 1], rng.normal(4), weight=2)
        yield Case(learn.name, learn.inputs, learn.weight, gradients=True)

    def _case(self, name: str, hidden: Tensor, lengths: list[int], query: Tensor, weight: float = 1.0) -> Case:
        return Case(name, {"hidden": hidden, "query": query, "lengths": torch.tensor(lengths)}, weight)

    def _padded(self, rng: Rng) -> Tensor:
        hidden = rng.normal(4, 7, 5)
        for row, length in enumerate([3, 6, 1, 4]):
            hidden[row, length:] *= 1e3
        return hidden

    def _with_zeros(self, rng: Rng) -> Tensor:
        hidden = rng.normal(3, 5, 4)
        hidden[0, 2], hidden[1, 0], hidden[2, 4, 1:] = 0.0, 0.0, 0.0
        return hidden

    def drive(self, answer: Any, hidden: Tensor, query: Tensor, lengths: Tensor) -> dict[str, Any]:
        return parts(answer(hidden, query, lengths), "pooled", "weights")


@exercise("external_attention", lesson=LESSON, points=4, difficulty=3, minutes=12)
class ExternalAttention(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a few sequences", self._inputs(rng, 3, 5, 4, 6), weight=2)
        yield Case("more positions than slots", self._inputs(rng, 2, 9, 5, 3))
        yield Case("one slot", self._inputs(rng, 3, 4, 5, 1))
        yield Case("one position", self._inputs(rng, 3, 1, 4, 5))
        yield Case("a batch of one", self._inputs(rng, 1, 5, 3, 4))
        yield Case("one column", self._inputs(rng, 2, 4, 1, 3))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4))
        shifted = self._inputs(rng, 2, 5, 6, 4)
        yield Case("scores far from zero", shifted | {"X": shifted["X"] + 3000 * rng.normal(6)})
        yield Case("a position that every slot overlooks", self._overlooked(rng, 3, 5, 4, 6))
        yield Case("float32 stays float32", self._inputs(rng, 2, 6, 3, 5, dtype=F32))
        yield Case("another layout in memory", other_layout(self._inputs(rng, 4, 5, 3, 6)))
        yield Case("gradients reach every input", self._inputs(rng, 2, 5, 3, 4), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, seq: int, d: int, slots: int, dtype: torch.dtype = F64
    ) -> dict[str, Tensor]:
        return {
            "X": rng.normal(batch, seq, d, dtype=dtype), "M_k": rng.normal(slots, d, dtype=dtype),
            "M_v": rng.normal(slots, d, dtype=dtype),
        }

    def _overlooked(self, rng: Rng, batch: int, seq: int, d: int, slots: int) -> dict[str, Tensor]:
        """All slots share a direction, and the first position lies far down it: its row sums to next to nothing."""
        found, common = self._inputs(rng, batch, seq, d, slots), rng.normal(d)
        common = common / common.norm()
        found["X"][:, 0] -= 8 * common
        return found | {"M_k": found["M_k"] + (3 - found["M_k"] @ common)[:, None] * common}

    def drive(self, answer: Any, X: Tensor, M_k: Tensor, M_v: Tensor) -> dict[str, Any]:
        return {"outputs": answer(X, M_k, M_v)}


@exercise(
    "mixture_of_experts_attention", lesson=LESSON, points=7, difficulty=5, minutes=30, builds_on=("self_attention",)
)
class MixtureOfExperts(Exercise):
    sizes = ((3, 4), (5, 2), (4, 7), (2, 3), (6, 5))
    """d_k and d_v of each expert: no two are alike."""

    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("two of four experts", self._inputs(rng, 3, 5, 6, 4, 2), weight=2)
        yield Case("three of five experts", self._inputs(rng, 2, 4, 7, 5, 3), weight=2)
        yield Case("the best expert alone", self._inputs(rng, 2, 6, 5, 3, 1))
        yield Case("all experts", self._inputs(rng, 3, 4, 5, 3, 3))
        yield Case("there is one expert only", self._inputs(rng, 2, 4, 5, 1, 1))
        yield Case("sharp attention", self._inputs(rng, 2, 5, 4, 3, 2, gain=30.0))
        bold = self._inputs(rng, 2, 5, 6, 4, 2)
        yield Case("gates far from zero", bold | {"W_gate": 900.0 * bold["W_gate"]})
        yield Case("a batch of one, one position", self._inputs(rng, 1, 1, 5, 3, 2))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4, 2, sizes=((4, 4),) * 4))
        yield Case("float32 stays float32", self._inputs(rng, 2, 5, 6, 3, 2, dtype=F32))
        layout = self._inputs(rng, 3, 4, 5, 3, 2)
        experts = [tuple(strided(weight) for weight in expert) for expert in layout["experts"]]
        yield Case("another layout in memory", other_layout(layout) | {"experts": experts})
        yield Case("gradients reach every input", self._inputs(rng, 2, 5, 4, 4, 2), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, seq: int, d_model: int, num_experts: int, top_k: int, gain: float = 1.5,
        dtype: torch.dtype = F64, sizes: tuple[tuple[int, int], ...] = sizes,
    ) -> dict[str, Any]:
        X, W_gate = self._told_apart(rng, batch, seq, d_model, num_experts)
        experts = [self._expert(rng, d_model, d_k, d_v, gain, dtype) for d_k, d_v in sizes[:num_experts]]
        return {"X": X.to(dtype), "experts": experts, "W_gate": W_gate.to(dtype), "top_k": top_k}

    def _told_apart(self, rng: Rng, batch: int, seq: int, d_model: int, num_experts: int) -> tuple[Tensor, Tensor]:
        """Inputs and gates without ties: how a tie is broken is nobody's mistake."""
        while True:
            X, W_gate = rng.normal(batch, seq, d_model), rng.normal(d_model, num_experts, scale=1.5 * d_model**-0.5)
            gaps = (X @ W_gate).sort(dim=2).values.diff(dim=2)
            if gaps.numel() == 0 or float(gaps.min()) > 1e-3:
                return X, W_gate

    def _expert(self, rng: Rng, d_model: int, d_k: int, d_v: int, gain: float, dtype: torch.dtype) -> Expert:
        return (
            rng.normal(d_model, d_k, dtype=dtype, scale=gain * d_model**-0.5),
            rng.normal(d_model, d_k, dtype=dtype, scale=gain * d_model**-0.5),
            rng.normal(d_model, d_v, dtype=dtype, scale=d_model**-0.5),
            rng.normal(d_v, d_model, dtype=dtype, scale=d_v**-0.5),
        )

    def drive(self, answer: Any, X: Tensor, experts: list[Expert], W_gate: Tensor, top_k: int) -> dict[str, Any]:
        return {"outputs": answer(X, experts, W_gate, top_k)}
