"""Lesson 05: what to look at: everything softly, one place, or a window; and the context that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from autograder.drive import parts
from autograder.exercise import Case, Exercise, Rng, Tolerance, exercise
from autograder.exercises.attention import (
    BF16,
    F32,
    F64,
    LESSON,
    NORMALISED,
    in_other_layout,
    pair,
    partial_mask,
)
from autograder.exercises.attention_draws import problems_of
from autograder.exercises.language_models_batches import other_randomness


@exercise(
    "scaled_dot_product_attention", lesson=LESSON, points=5, difficulty=2, minutes=15, builds_on=("masked_softmax",)
)
class ScaledDotProductAttention(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("no mask", self._inputs(rng, 3, 4, 5, 6, 2), weight=2)
        yield Case("mask=None", self._inputs(rng, 2, 5, 3, 4, 7) | {"mask": None})
        yield from self._masks(rng)
        yield Case("wide queries and keys", self._inputs(rng, 2, 3, 4, 50, 3))
        yield Case("one number to a key", self._inputs(rng, 2, 3, 4, 1, 5, scale=1.5))
        yield Case("huge scores stay finite", self._inputs(rng, 2, 3, 4, 5, 6, scale=100.0))
        yield Case("half precision does not overflow", self._half(rng, 2, 4, 5, 3))
        yield Case("a batch of one, one query", self._inputs(rng, 1, 1, 5, 4, 3))
        yield Case("one key", self._inputs(rng, 3, 4, 1, 5, 2))
        yield Case("batch, queries, keys and numbers of one size", self._inputs(rng, 4, 4, 4, 4, 4, mask=(4, 4)))
        yield Case("float32 stays float32", self._inputs(rng, 2, 3, 4, 5, 6, mask=(2, 3, 4), dtype=F32))
        layout = in_other_layout(self._inputs(rng, 3, 2, 4, 5, 6, mask=(3, 2, 4)))
        yield Case("another layout in memory", layout, tolerance=NORMALISED)
        yield Case("gradients reach every input", self._inputs(rng, 3, 2, 4, 5, 6), weight=2, gradients=True)
        emptied = self._inputs(rng, 3, 4, 5, 6, 2, mask=(3, 4, 5))
        emptied["mask"][0, 2], emptied["mask"][2] = False, False
        name = "gradients, with rows that have nothing left"
        yield Case(name, emptied, weight=2, gradients=True, tolerance=NORMALISED)

    def _masks(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, *mask: int, weight: float = 1.0) -> Case:
            return Case(name, self._inputs(rng, 3, 3, 5, 6, 4, mask), weight, tolerance=NORMALISED)

        yield case("a mask for every query", 3, 3, 5, weight=2)
        yield case("one mask for all sentences", 3, 5)
        yield case("one mask for all queries", 3, 1, 5)
        emptied = case("rows with nothing left", 3, 3, 5, weight=2)
        emptied.inputs["mask"][0, 1], emptied.inputs["mask"][2, 0] = False, False
        yield emptied
        behind = case("huge keys and values behind the mask", 3, 1, 5)
        hidden = ~behind.inputs["mask"][:, 0]
        behind.inputs["keys"][hidden] *= 1e4
        behind.inputs["values"][hidden] *= 1e12
        yield behind

    def _inputs(
        self, rng: Rng, batch: int, n_q: int, n_k: int, d_k: int, d_v: int, mask: tuple[int, ...] = (),
        scale: float = 1.3, dtype: torch.dtype = F64,
    ) -> dict[str, Any]:
        found = pair(rng, batch, n_q, n_k, d_k, d_k, scale, dtype)
        found["values"] = rng.normal(batch, n_k, d_v, dtype=dtype)
        return found | ({"mask": partial_mask(rng, *mask)} if mask else {})

    def _half(self, rng: Rng, batch: int, n_q: int, n_k: int, d_v: int) -> dict[str, Any]:
        """One whole number to a query and to a key, so that the scores, above 100, are exact even in half precision."""
        keys = torch.tensor([rng.permutation(n_k) for _ in range(batch)]).unsqueeze(-1) + 8
        found = {"queries": rng.ids(batch, n_q, 1, low=9, high=13), "keys": keys, "values": rng.normal(batch, n_k, d_v)}
        return {name: value.to(BF16) for name, value in found.items()}

    def drive(self, answer: Any, queries: Tensor, keys: Tensor, values: Tensor, **mask: Any) -> dict[str, Any]:
        return parts(answer(queries, keys, values, *mask.values()), "outputs", "weights")


@exercise("hard_attention", lesson=LESSON, points=6, difficulty=3, minutes=20)
class HardAttention(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield from self._argmax(rng)
        yield from self._draws(rng)

    def _argmax(self, rng: Rng) -> Iterator[Case]:
        yield Case("the largest score", self._inputs(rng, 3, 4, 5, 2), weight=2)
        below = self._inputs(rng, 3, 2, 6, 4)
        below["scores"] -= 10.0
        yield Case("scores below zero", below)
        yield Case("a batch of one, one query", self._inputs(rng, 1, 1, 5, 3))
        yield Case("one key, one number", self._inputs(rng, 3, 4, 1, 1))
        yield Case("batch, queries, keys and numbers of one size", self._inputs(rng, 4, 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, 2, 3, 5, 4, dtype=F32))
        yield Case("another layout in memory", in_other_layout(self._inputs(rng, 3, 4, 5, 2)))
        yield Case("gradients reach the values", self._inputs(rng, 3, 4, 5, 2), gradients=("values",))

    def _draws(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, batch: int, n_q: int, n_k: int, d_v: int, weight: float = 1.0, **more: Any) -> Case:
            inputs = self._inputs(rng, batch, n_q, n_k, d_v) | {"seed": rng.integer(0, 2**31)}
            return Case(name, inputs | more, weight)

        yield case("draws, many queries", 10, 25, 6, 3, weight=2)
        poor = rng.normal(8, 60, 20, scale=0.5)
        poor.scatter_add_(2, rng.ids(8, 60, 1, high=20), torch.full((8, 60, 1), 4.0, dtype=F64))
        yield case("draws, one good key among many poor ones", 8, 60, 20, 3, weight=2, scores=poor)
        alike = rng.normal(1, 1, 4, scale=0.6).expand(20, 30, 4).contiguous()
        yield case("draws from the same scores again and again", 20, 30, 4, 2, weight=2, scores=alike)
        yield case("draws of one generator, call after call", 2, 3, 5, 4, weight=2, calls=40)
        single = rng.normal(1, 1, 4, scale=0.5)
        yield case("draws, a batch of one, one query", 1, 1, 4, 3, scores=single, calls=120)
        yield case("draws, one key", 3, 4, 1, 2)
        yield case("draws from huge scores", 3, 4, 5, 2, scores=rng.normal(3, 4, 5, scale=1e5))
        yield case("draws, batch, queries, keys and numbers of one size", 4, 4, 4, 4, calls=12)
        yield case("draws in float32", 9, 20, 5, 3, **self._inputs(rng, 9, 20, 5, 3, dtype=F32))
        scattered = in_other_layout(self._inputs(rng, 9, 20, 5, 3))
        yield case("draws, another layout in memory", 9, 20, 5, 3, **scattered)
        yield case("the generator alone decides", 6, 12, 5, 2, weight=2, repeat=True)
        yield case("gradients of draws reach the values", 3, 4, 5, 2, slopes=True)

    def _inputs(
        self, rng: Rng, batch: int, n_q: int, n_k: int, d_v: int, dtype: torch.dtype = F64
    ) -> dict[str, Any]:
        scores = rng.normal(batch, n_q, n_k, dtype=dtype, scale=1.3)
        return {"scores": scores, "values": rng.normal(batch, n_k, d_v, dtype=dtype)}

    def drive(
        self, answer: Any, scores: Tensor, values: Tensor, seed: int | None = None, calls: int = 1,
        repeat: bool = False, slopes: bool = False,
    ) -> dict[str, Any]:
        if seed is None:
            # Nothing should be drawn here; what is drawn all the same is the same each time.
            with other_randomness(scores.device, 1):
                return parts(answer(scores, values), "outputs", "index")

        def fresh(offset: int = 0) -> torch.Generator:
            return torch.Generator(scores.device).manual_seed(seed + offset)

        def ask(generator: torch.Generator) -> dict[str, Any]:
            return parts(answer(scores, values, generator), "outputs", "index")

        if repeat:
            return self._repeated(ask, fresh, scores.device)
        if slopes:
            values = values.detach().clone().requires_grad_()
        generator = fresh()
        drawn = [ask(generator) for _ in range(calls)]
        found = drawn[0] if calls == 1 else {name: [one[name] for one in drawn] for name in drawn[0]}
        return found | ({"gradient of values": _slope(found["outputs"], values)} if slopes else {})

    def _repeated(
        self, ask: Callable[[torch.Generator], dict[str, Any]], fresh: Callable[..., torch.Generator],
        device: torch.device,
    ) -> dict[str, Any]:
        with other_randomness(device, 1):
            generator = fresh()
            first, after = ask(generator), ask(generator)
        with other_randomness(device, 2) as state:
            before = state()
            again = ask(fresh())
            untouched = before == state()
            other = ask(fresh(1))
        more = {"same seed": again, "same generator again": after, "another seed": other}
        return first | more | {"other randomness untouched": untouched}

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str] | None:
        """Draws are judged by bets, see `attention_draws`; without a generator there is one right answer."""
        return problems_of(case.inputs, outputs) if "seed" in case.inputs else None


def _slope(outputs: Any, values: Tensor) -> Tensor | None:
    """The gradient of the sum of all outputs."""
    if not isinstance(outputs, Tensor) or not outputs.requires_grad:
        return None
    found, = torch.autograd.grad(outputs.sum(), values, allow_unused=True)
    return found


@exercise("local_attention_weights", lesson=LESSON, points=6, difficulty=4, minutes=25, builds_on=("masked_softmax",))
class LocalAttentionWeights(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def between(*size: int, low: int, high: int, dtype: torch.dtype = F64) -> Tensor:
            """Centres between the positions, not so near one that rounding could move it across a border."""
            return (rng.ids(*size, low=low, high=high) + rng.uniform(*size, low=0.1, high=0.9)).to(dtype)

        def case(name: str, centers: Tensor, n_k: int, window: int, weight: float = 1.0, **more: Any) -> Case:
            scores = rng.normal(*centers.shape, n_k, dtype=centers.dtype, scale=more.pop("scale", 1.5))
            tolerance = NORMALISED if centers.dtype == F64 else Tolerance()
            asked = {"scores": scores, "centers": centers, "window": window}
            return Case(name, asked, weight, tolerance=tolerance, **more)

        yield case("windows inside the sequence", between(3, 4, low=2, high=7), 10, 2, weight=2)
        yield case("windows that reach over an end", between(3, 4, low=-1, high=8), 8, 3)
        yield case("centres at positions", rng.ids(3, 5, low=2, high=6).to(F64), 9, 2, weight=2)
        yield case("centres halfway between positions", rng.ids(2, 5, low=1, high=7).to(F64) + 0.5, 9, 2)
        yield case("a window of one", between(3, 4, low=1, high=6), 8, 1)
        yield case("a wide window", between(2, 3, low=6, high=9), 15, 5)
        yield case("a window wider than the sequence", between(3, 4, low=0, high=4), 5, 8)
        outside = torch.cat([between(2, 2, low=1, high=5), rng.uniform(2, 1, low=-9, high=-4),
                             rng.uniform(2, 1, low=11, high=15)], dim=1)
        yield case("empty windows", outside, 7, 3, weight=2)
        yield case("huge scores stay finite", between(2, 3, low=1, high=6), 8, 2, scale=1e4)
        yield case("a batch of one, one query", between(1, 1, low=2, high=4), 6, 2)
        yield case("one key", torch.tensor([[0.0, 0.4, -0.7], [1.3, 0.9, -1.2]], dtype=F64), 1, 1)
        yield case("batch, queries, keys and window of one size", between(4, 4, low=0, high=4), 4, 4)
        yield case("as many queries as keys", between(3, 7, low=0, high=7), 7, 2)
        yield case("float32 stays float32", between(2, 4, low=0, high=7, dtype=F32), 8, 2)
        layout = case("another layout in memory", between(3, 4, low=1, high=6), 8, 2)
        yield Case(layout.name, in_other_layout(layout.inputs), tolerance=NORMALISED)
        yield case("gradients", between(3, 4, low=-1, high=7), 8, 3, weight=2, gradients=True)
        yield case("gradients, with empty windows", outside.clone(), 7, 2, weight=2, gradients=True)

    def drive(self, answer: Any, scores: Tensor, centers: Tensor, window: int) -> dict[str, Any]:
        return {"weights": answer(scores, centers, window)}


@exercise("attend_and_combine", lesson=LESSON, points=3, difficulty=2, minutes=10)
class AttendAndCombine(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("query and values of different width", self._inputs(rng, 3, 5, 4, 2, 6), weight=2)
        yield Case("values wider than the query", self._inputs(rng, 2, 4, 3, 7, 5))
        yield Case("as many numbers out as in", self._inputs(rng, 2, 3, 4, 2, 6))
        yield Case("one weight is 1", self._inputs(rng, 3, 4, 5, 2, 6, sharp=True))
        yield Case("a batch of one", self._inputs(rng, 1, 3, 4, 5, 2))
        yield Case("one key, one number each", self._inputs(rng, 3, 1, 1, 1, 1))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, 2, 3, 4, 5, 6, dtype=F32))
        yield Case("another layout in memory", in_other_layout(self._inputs(rng, 3, 4, 5, 2, 6)))
        yield Case("gradients reach every input", self._inputs(rng, 3, 4, 5, 2, 6), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, n_k: int, d_q: int, d_v: int, d_out: int, sharp: bool = False,
        dtype: torch.dtype = F64,
    ) -> dict[str, Tensor]:
        scores = rng.normal(batch, n_k, dtype=dtype, scale=1e4 if sharp else 1.5)
        return {
            "query": rng.normal(batch, d_q, dtype=dtype),
            "attention_weights": scores.softmax(dim=-1),
            "values": rng.normal(batch, n_k, d_v, dtype=dtype, scale=2.0),
            "W": rng.normal(d_q + d_v, d_out, dtype=dtype),
            "b": rng.normal(d_out, dtype=dtype, scale=0.7),
        }

    def drive(self, answer: Any, **inputs: Mapping[str, Tensor]) -> dict[str, Any]:
        names = ("query", "attention_weights", "values", "W", "b")
        return parts(answer(*(inputs[name] for name in names)), "output", "context")
