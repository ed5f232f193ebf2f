"""Lesson 05: attention without parameters, softmax under a mask, and the ways to score a key against a query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from autograder.drive import parts
from autograder.errors import AnswerError
from autograder.exercise import Case, Exercise, Rng, Tolerance, exercise, strided

LESSON = "05_attention"
F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64

NORMALISED = Tolerance(2e-8)
"""For weights in float64: a sum that is kept off zero by 1e-8 or less is as good as none."""


def partial_mask(rng: Rng, *size: int) -> Tensor:
    """A mask that shows some keys of every row, and hides some: at least one of each."""
    order = rng.uniform(*size).argsort(dim=-1).argsort(dim=-1)
    shown = rng.ids(*size[:-1], 1, low=1, high=size[-1])
    return order < shown


def in_other_layout(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The same inputs, every tensor in another order in memory."""
    return {name: strided(value) if isinstance(value, Tensor) else value for name, value in inputs.items()}


def in_quarters(rng: Rng, *size: int, low: int, high: int, dtype: torch.dtype) -> Tensor:
    """Multiples of 1/4: products of few of them are exact even in half precision, whoever adds them up."""
    return (rng.ids(*size, low=low, high=high) / 4).to(dtype)


@exercise("similarity_attention", lesson=LESSON, points=3, difficulty=1, minutes=8)
class SimilarityAttention(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a few words", {"X": rng.normal(3, 5, 4)}, weight=2)
        yield Case("more numbers to a word than words", {"X": rng.normal(2, 3, 7, scale=0.8)})
        yield Case("huge scores stay finite", {"X": rng.normal(2, 6, 3, scale=100.0)})
        yield Case("a batch of one", {"X": rng.normal(1, 4, 3)})
        yield Case("one word", {"X": rng.normal(3, 1, 4)})
        yield Case("one number to a word", {"X": rng.normal(2, 4, 1)})
        yield Case("batch, words and numbers of one size", {"X": rng.normal(4, 4, 4)})
        yield Case("float32 stays float32", {"X": rng.normal(2, 5, 3, dtype=F32)})
        half = in_quarters(rng, 3, 5, 4, low=-16, high=17, dtype=F16)
        yield Case("half precision does not overflow", {"X": half}, tolerance=Tolerance(0.1))
        yield Case("another layout in memory", {"X": strided(rng.normal(3, 4, 2))})
        yield Case("gradients", {"X": rng.normal(3, 4, 5, scale=0.7)}, weight=2, gradients=True)

    def drive(self, answer: Any, X: Tensor) -> dict[str, Any]:
        return parts(answer(X), "outputs", "weights")


@exercise("masked_softmax", lesson=LESSON, points=6, difficulty=3, minutes=20)
class MaskedSoftmax(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield from self._shapes(rng)
        yield from self._rows(rng)
        yield from self._numbers(rng)
        yield from self._gradients(rng)

    def _shapes(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, scores: tuple[int, ...], mask: tuple[int, ...], weight: float = 1.0) -> Case:
            asked = {"scores": rng.normal(*scores, scale=2.0), "mask": partial_mask(rng, *mask)}
            return Case(name, asked, weight, tolerance=NORMALISED)

        yield case("a mask for every query", (3, 4, 5), (3, 4, 5), weight=2)
        yield case("one mask for all sentences", (4, 4, 6), (4, 6))
        yield case("one mask for all queries", (3, 4, 6), (3, 1, 6))
        yield case("scores with heads, a mask for each sentence", (3, 2, 4, 5), (3, 1, 1, 5))
        yield case("scores with heads, a mask for each head", (2, 3, 4, 6), (2, 3, 4, 6))
        yield case("a batch of one", (1, 3, 4), (1, 3, 4))
        yield case("one query", (3, 1, 5), (3, 1, 5))
        yield case("batch, queries and keys of one size", (4, 4, 4), (4, 1, 4))

    def _rows(self, rng: Rng) -> Iterator[Case]:
        scores, some = rng.normal(3, 4, 5, scale=2.0), partial_mask(rng, 3, 4, 5)
        only_one = torch.zeros(3, 4, 5, dtype=torch.bool).scatter_(2, rng.ids(3, 4, 1, high=5), True)
        emptied = some.clone()
        emptied[0, 1], emptied[2, 0], emptied[2, 3] = False, False, False
        masks = {
            "nothing hidden": torch.ones_like(some),
            "one key left in each row": only_one,
            "rows with nothing left": emptied,
            "nothing left anywhere": torch.zeros_like(some),
        }
        for name, mask in masks.items():
            weight = 2.0 if mask is emptied else 1.0
            yield Case(name, {"scores": scores, "mask": mask}, weight, tolerance=NORMALISED)
        single = {"scores": rng.normal(4, 3, 1), "mask": torch.tensor([[True], [False], [True]])}
        yield Case("one key", single, tolerance=NORMALISED)

    def _numbers(self, rng: Rng) -> Iterator[Case]:
        mask = partial_mask(rng, 2, 3, 6)
        huge = rng.normal(2, 3, 6, scale=1e4)
        yield Case("huge scores stay finite", {"scores": huge, "mask": mask}, tolerance=NORMALISED)
        behind = torch.where(mask, rng.normal(2, 3, 6), 1e4 + rng.normal(2, 3, 6))
        yield Case("huge scores behind the mask", {"scores": behind, "mask": mask}, tolerance=NORMALISED)
        low = torch.where(mask, rng.normal(2, 3, 6) - 3e4, rng.normal(2, 3, 6))
        yield Case("very low scores before the mask", {"scores": low, "mask": mask}, tolerance=NORMALISED)
        emptied = mask & torch.tensor([True, False, True])[:, None]
        half = in_quarters(rng, 2, 3, 6, low=400, high=420, dtype=BF16)
        # Near 100 neighbouring numbers lie 0.5 apart, so some right ways to write a softmax are a fifth off.
        yield Case("half precision does not overflow", {"scores": half, "mask": emptied}, tolerance=Tolerance(0.3))
        yield Case("float32 stays float32", {"scores": rng.normal(2, 3, 6, dtype=F32, scale=3.0), "mask": emptied})
        other = {"scores": rng.normal(3, 4, 5), "mask": partial_mask(rng, 3, 4, 5)}
        yield Case("another layout in memory", in_other_layout(other), tolerance=NORMALISED)

    def _gradients(self, rng: Rng) -> Iterator[Case]:
        mask = partial_mask(rng, 3, 4, 5)
        emptied = mask.clone()
        emptied[1, 2], emptied[2, 0] = False, False
        for name, shown in (("gradients", mask), ("gradients, with rows that have nothing left", emptied)):
            asked = {"scores": rng.normal(3, 4, 5, scale=1.5), "mask": shown}
            yield Case(name, asked, weight=2, gradients=("scores",), tolerance=NORMALISED)

    def drive(self, answer: Any, scores: Tensor, mask: Tensor) -> dict[str, Any]:
        weights = answer(scores, mask)
        # Half precision must not overflow; float32 may come back, from a mask that was turned into numbers to add.
        half = isinstance(weights, Tensor) and scores.dtype == BF16
        return {"weights": weights.double() if half else weights}


def pair(
    rng: Rng, batch: int, n_q: int, n_k: int, d_q: int, d_k: int, scale: float = 1.0, dtype: torch.dtype = F64
) -> dict[str, Tensor]:
    """Queries and keys."""
    return {
        "queries": rng.normal(batch, n_q, d_q, dtype=dtype, scale=scale),
        "keys": rng.normal(batch, n_k, d_k, dtype=dtype, scale=scale),
    }


@exercise("dot_score", lesson=LESSON, points=2, difficulty=1, minutes=5)
class DotScore(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a few queries and keys", pair(rng, 3, 4, 5, 6, 6), weight=2)
        yield Case("more queries than keys", pair(rng, 2, 5, 3, 4, 4))
        yield Case("as many queries as keys", pair(rng, 2, 4, 4, 3, 3))
        yield Case("as many keys as numbers in a key", pair(rng, 2, 3, 5, 5, 5))
        yield Case("a batch of one, one query", pair(rng, 1, 1, 3, 4, 4))
        yield Case("one key, one number", pair(rng, 3, 2, 1, 1, 1))
        yield Case("batch, queries, keys and numbers of one size", pair(rng, 4, 4, 4, 4, 4))
        yield Case("float32 stays float32", pair(rng, 2, 3, 4, 5, 5, dtype=F32))
        yield Case("another layout in memory", in_other_layout(pair(rng, 3, 2, 4, 5, 5)))
        yield Case("gradients reach every input", pair(rng, 3, 2, 4, 5, 5), weight=2, gradients=True)

    def drive(self, answer: Any, queries: Tensor, keys: Tensor) -> dict[str, Any]:
        return {"scores": answer(queries, keys)}


@exercise("cosine_score", lesson=LESSON, points=4, difficulty=2, minutes=12)
class CosineScore(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        # Long vectors: then it makes no difference whether 1e-6 is added to a length or not.
        def pairs(batch: int, n_q: int, n_k: int, d: int, dtype: torch.dtype = F64) -> dict[str, Tensor]:
            return pair(rng, batch, n_q, n_k, d, d, 30.0, dtype)

        def case(name: str, inputs: dict[str, Any], weight: float = 1.0, **more: Any) -> Case:
            return Case(name, inputs, weight, tolerance=NORMALISED, **more)

        yield case("a few queries and keys", pairs(3, 4, 5, 6), weight=2)
        yield Case("vectors of very different length", self._lengths(rng), tolerance=Tolerance(1e-3))
        yield case("long vectors", pair(rng, 2, 3, 4, 5, 5, scale=1e6))
        yield case("parallel and opposite vectors", self._parallel(rng))
        yield case("some vectors are zero", self._with_zeros(pairs(3, 4, 5, 6)), weight=2)
        yield case("a batch of one, one query", pairs(1, 1, 3, 7))
        yield case("one number", self._one_number(rng))
        yield case("batch, queries, keys and numbers of one size", pairs(5, 5, 5, 5))
        yield Case("float32 stays float32", self._with_zeros(pairs(3, 4, 5, 6, dtype=F32)))
        yield case("another layout in memory", in_other_layout(pairs(3, 2, 4, 5)))
        yield case("gradients reach every input", pairs(3, 2, 4, 5), weight=2, gradients=True)
        zeros = self._with_zeros(pairs(3, 4, 5, 6)) | {"around_zero": True}
        yield case("gradients where some vectors are zero", zeros, weight=2)

    def _lengths(self, rng: Rng) -> dict[str, Tensor]:
        found = pair(rng, 2, 4, 5, 6, 6, scale=3.0)
        powers = torch.tensor([0.01, 0.1, 1.0, 10.0, 100.0], dtype=F64)[:, None]
        return {"queries": found["queries"] * powers[:4], "keys": found["keys"] * powers}

    def _parallel(self, rng: Rng) -> dict[str, Tensor]:
        found = pair(rng, 2, 3, 4, 5, 5, scale=30.0)
        found["keys"][:, 0], found["keys"][:, 1] = 2.5 * found["queries"][:, 0], -0.3 * found["queries"][:, 2]
        return found

    def _one_number(self, rng: Rng) -> dict[str, Tensor]:
        signs = {name: x.sign() for name, x in pair(rng, 2, 3, 4, 1, 1).items()}
        return {name: x * rng.uniform(*x.shape, low=20.0, high=50.0) for name, x in signs.items()}

    def _with_zeros(self, found: dict[str, Tensor]) -> dict[str, Any]:
        found["queries"][0, 1], found["queries"][2, 3], found["keys"][0, 2], found["keys"][1, 0] = 0.0, 0.0, 0.0, 0.0
        return found

    def drive(self, answer: Any, queries: Tensor, keys: Tensor, around_zero: bool = False) -> dict[str, Any]:
        if not around_zero:
            return {"scores": answer(queries, keys)}
        leaves = [x.detach().clone().requires_grad_() for x in (queries, keys)]
        scores = answer(*leaves)
        if not isinstance(scores, Tensor) or not scores.requires_grad:
            raise AnswerError("no gradient reaches the queries and the keys")
        mixture = torch.cos(1.7 * torch.arange(scores.numel(), device=scores.device)).to(scores).view_as(scores)
        found = torch.autograd.grad(scores, leaves, mixture, materialize_grads=True)
        # Next to zero the score has no slope of its own, so there every finite number is right.
        others = [slope[leaf.detach().any(dim=-1)] for slope, leaf in zip(found, leaves, strict=True)]
        return {
            "scores": scores,
            "every gradient is finite": all(bool(slope.isfinite().all()) for slope in found),
            "gradient of the queries that are not zero": others[0],
            "gradient of the keys that are not zero": others[1],
        }


@exercise("general_score", lesson=LESSON, points=3, difficulty=2, minutes=8)
class GeneralScore(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("queries and keys of different width", self._inputs(rng, 3, 4, 5, 6, 2), weight=2)
        yield Case("keys wider than queries", self._inputs(rng, 2, 5, 3, 4, 7))
        yield Case("queries and keys of one width", self._inputs(rng, 2, 3, 4, 5, 5))
        yield Case("a batch of one, one query", self._inputs(rng, 1, 1, 3, 4, 2))
        yield Case("one key, one number each", self._inputs(rng, 3, 2, 1, 1, 1))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, 2, 3, 4, 5, 6, dtype=F32))
        yield Case("another layout in memory", in_other_layout(self._inputs(rng, 3, 2, 4, 5, 6)))
        yield Case("gradients reach every input", self._inputs(rng, 3, 2, 4, 5, 6), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, n_q: int, n_k: int, d_q: int, d_k: int, dtype: torch.dtype = F64
    ) -> dict[str, Tensor]:
        return pair(rng, batch, n_q, n_k, d_q, d_k, dtype=dtype) | {"W": rng.normal(d_q, d_k, dtype=dtype)}

    def drive(self, answer: Any, queries: Tensor, keys: Tensor, W: Tensor) -> dict[str, Any]:
        return {"scores": answer(queries, keys, W)}


@exercise("additive_score", lesson=LESSON, points=4, difficulty=3, minutes=15)
class AdditiveScore(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("queries and keys of different width", self._inputs(rng, 3, 4, 5, 6, 2, 7), weight=2)
        yield Case("as many queries as keys", self._inputs(rng, 2, 4, 4, 3, 5, 6))
        yield Case("huge inputs stay finite", self._inputs(rng, 2, 3, 5, 4, 6, 7, scale=1000.0))
        yield Case("a batch of one, one query", self._inputs(rng, 1, 1, 3, 4, 2, 5))
        yield Case("one key, one hidden unit", self._inputs(rng, 3, 2, 1, 4, 5, 1))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, 2, 3, 4, 5, 6, 7, dtype=F32))
        yield Case("another layout in memory", in_other_layout(self._inputs(rng, 3, 2, 4, 5, 6, 7)))
        yield Case("gradients reach every input", self._inputs(rng, 3, 2, 4, 5, 6, 7), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, n_q: int, n_k: int, d_q: int, d_k: int, d_h: int, scale: float = 1.0,
        dtype: torch.dtype = F64,
    ) -> dict[str, Tensor]:
        weights = {
            "W_q": rng.normal(d_q, d_h, dtype=dtype, scale=0.8 * d_q**-0.5),
            "W_k": rng.normal(d_k, d_h, dtype=dtype, scale=1.2 * d_k**-0.5),
            "v": rng.normal(d_h, dtype=dtype, scale=1.5),
        }
        return pair(rng, batch, n_q, n_k, d_q, d_k, scale, dtype) | weights

    def drive(
        self, answer: Any, queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor
    ) -> dict[str, Any]:
        return {"scores": answer(queries, keys, W_q, W_k, v)}


@exercise("concat_score", lesson=LESSON, points=4, difficulty=3, minutes=15)
class ConcatScore(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("queries and keys of different width", self._inputs(rng, 3, 4, 5, 6, 2, 7), weight=2)
        yield Case("as many queries as keys", self._inputs(rng, 2, 4, 4, 4, 2, 6))
        yield Case("huge inputs stay finite", self._inputs(rng, 2, 3, 5, 4, 6, 7, scale=1000.0))
        yield Case("a batch of one, one query", self._inputs(rng, 1, 1, 3, 4, 2, 5))
        yield Case("one key, one hidden unit", self._inputs(rng, 3, 2, 1, 4, 5, 1))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, 2, 3, 4, 5, 6, 7, dtype=F32))
        yield Case("another layout in memory", in_other_layout(self._inputs(rng, 3, 2, 4, 5, 6, 7)))
        yield Case("gradients reach every input", self._inputs(rng, 3, 2, 4, 5, 6, 7), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, n_q: int, n_k: int, d_q: int, d_k: int, d_h: int, scale: float = 1.0,
        dtype: torch.dtype = F64,
    ) -> dict[str, Tensor]:
        weights = {
            "W": rng.normal(d_q + d_k, d_h, dtype=dtype, scale=(d_q + d_k) ** -0.5),
            "b": rng.normal(d_h, dtype=dtype, scale=0.7),
        }
        return pair(rng, batch, n_q, n_k, d_q, d_k, scale, dtype) | weights

    def drive(self, answer: Any, queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> dict[str, Any]:
        return {"scores": answer(queries, keys, W, b)}


@exercise("location_score", lesson=LESSON, points=2, difficulty=1, minutes=6)
class LocationScore(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("query and key of different width", self._inputs(rng, 3, 4, 2, 5), weight=2)
        yield Case("more positions than numbers", self._inputs(rng, 2, 3, 4, 11))
        yield Case("a batch of one", self._inputs(rng, 1, 3, 5, 4))
        yield Case("one position, one number each", self._inputs(rng, 3, 1, 1, 1))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4))
        yield Case("as many positions as query and key are wide", self._inputs(rng, 3, 4, 2, 6))
        yield Case("float32 stays float32", self._inputs(rng, 2, 3, 4, 5, dtype=F32))
        yield Case("another layout in memory", in_other_layout(self._inputs(rng, 4, 3, 2, 5)))
        yield Case("gradients reach every input", self._inputs(rng, 3, 2, 4, 5), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, d_q: int, d_k: int, n_k: int, dtype: torch.dtype = F64
    ) -> dict[str, Tensor]:
        rows = {"query": rng.normal(batch, d_q, dtype=dtype), "key": rng.normal(batch, d_k, dtype=dtype)}
        return rows | {"W": rng.normal(d_q + d_k, n_k, dtype=dtype), "b": rng.normal(n_k, dtype=dtype, scale=0.7)}

    def drive(self, answer: Any, query: Tensor, key: Tensor, W: Tensor, b: Tensor) -> dict[str, Any]:
        return {"scores": answer(query, key, W, b)}
