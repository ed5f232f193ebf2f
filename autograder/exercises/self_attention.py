"""Lesson 06: queries, keys and values of one sequence, and several heads that share them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.drive import load_weights, parts
from autograder.exercise import Case, Exercise, Rng, exercise, strided

LESSON = "06_self_attention"
F32, F64 = torch.float32, torch.float64


def projections(
    rng: Rng, d_model: int, d_k: int, d_v: int, d_memory: int | None = None, gain: float = 1.5,
    dtype: torch.dtype = F64,
) -> dict[str, Tensor]:
    """W_q, W_k and W_v that give scores of about gain², for inputs of about one."""
    d_memory = d_memory or d_model
    return {
        "W_q": rng.normal(d_model, d_k, dtype=dtype, scale=gain * d_model**-0.5),
        "W_k": rng.normal(d_memory, d_k, dtype=dtype, scale=gain * d_memory**-0.5),
        "W_v": rng.normal(d_memory, d_v, dtype=dtype, scale=d_memory**-0.5),
    }


def visible(rng: Rng, *size: int, share: float = 0.5) -> Tensor:
    """A mask that shows each key with this probability, and to every query at least one."""
    always = rng.uniform(*size)
    return (rng.uniform(*size) < share) | (always == always.amax(dim=-1, keepdim=True))


def blind(mask: Tensor) -> Tensor:
    """The same mask, but that some queries see nothing: one of the first row of the batch, all of the last row."""
    mask = mask.clone()
    mask[0, ..., 1, :] = False
    mask[-1] = False
    return mask


def lowest_only(scores: Tensor, shown: int) -> Tensor:
    """A mask that shows each query the keys of its lowest scores: what it hides would have won."""
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, scores.argsort(dim=-1)[..., :shown], True)


def other_layout(inputs: dict[str, Any]) -> dict[str, Any]:
    """The same inputs with every tensor laid out in another order in memory."""
    return {name: strided(value) if isinstance(value, Tensor) else value for name, value in inputs.items()}


@exercise("project_qkv", lesson=LESSON, points=2, difficulty=1, minutes=5)
class ProjectQKV(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a few sequences", self._inputs(rng, 3, 5, 7, 4, 6), weight=2)
        yield Case("values wider than the input", self._inputs(rng, 2, 4, 3, 5, 8))
        yield Case("one column each", self._inputs(rng, 2, 3, 4, 1, 1))
        yield Case("a batch of one, one position", self._inputs(rng, 1, 1, 5, 3, 2))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4, 4))
        yield Case("large inputs", self._inputs(rng, 2, 3, 4, 5, 6, gain=50.0))
        yield Case("float32 stays float32", self._inputs(rng, 4, 3, 6, 2, 5, dtype=F32))
        yield Case("another layout in memory", other_layout(self._inputs(rng, 3, 5, 4, 2, 6)))
        yield Case("gradients reach every input", self._inputs(rng, 2, 4, 5, 3, 6), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, seq: int, d_model: int, d_k: int, d_v: int, gain: float = 1.5,
        dtype: torch.dtype = F64,
    ) -> dict[str, Tensor]:
        return {"X": rng.normal(batch, seq, d_model, dtype=dtype)} | projections(
            rng, d_model, d_k, d_v, gain=gain, dtype=dtype
        )

    def drive(self, answer: Any, X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> dict[str, Any]:
        return parts(answer(X, W_q, W_k, W_v), "Q", "K", "V")


@exercise("self_attention", lesson=LESSON, points=5, difficulty=2, minutes=15, builds_on=("project_qkv",))
class SelfAttention(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("no mask", self._inputs(rng, 3, 5, 7, 4, 6), weight=2)
        yield Case("one mask for all sequences", self._inputs(rng, 3, 6, 5, 2, 4) | {"mask": visible(rng, 6, 6)})
        many = self._inputs(rng, 5, 5, 3, 4, 6) | {"mask": visible(rng, 5, 5)}
        yield Case("one mask for as many sequences as positions", many)
        own = self._inputs(rng, 4, 5, 3, 6, 2) | {"mask": visible(rng, 4, 5, 5)}
        yield Case("each sequence with a mask of its own", own, weight=2)
        yield Case("padding hidden", self._inputs(rng, 3, 5, 4, 7, 2) | {"mask": visible(rng, 3, 1, 5)})
        unseeing = self._inputs(rng, 3, 4, 6, 5, 7) | {"mask": blind(visible(rng, 3, 4, 4))}
        yield Case("positions that may look nowhere", unseeing, weight=2, gradients=True)
        yield Case("huge scores", self._huge(rng, 3, 6, 5, 4, 2))
        yield Case("a batch of one, one position", self._inputs(rng, 1, 1, 3, 4, 2))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4, 4) | {"mask": visible(rng, 4, 4, 4)})
        yield Case("float32 stays float32", self._inputs(rng, 2, 5, 6, 3, 4, dtype=F32) | {"mask": visible(rng, 5, 5)})
        yield Case("another layout in memory", other_layout(unseeing))
        yield Case("gradients reach every input", self._inputs(rng, 2, 5, 6, 3, 4), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, seq: int, d_model: int, d_k: int, d_v: int, gain: float = 1.5,
        dtype: torch.dtype = F64,
    ) -> dict[str, Tensor]:
        return {"X": rng.normal(batch, seq, d_model, dtype=dtype)} | projections(
            rng, d_model, d_k, d_v, gain=gain, dtype=dtype
        )

    def _huge(self, rng: Rng, batch: int, seq: int, d_model: int, d_k: int, d_v: int) -> dict[str, Tensor]:
        found = self._inputs(rng, batch, seq, d_model, d_k, d_v, gain=300.0)
        scores = found["X"] @ found["W_q"] @ (found["X"] @ found["W_k"]).mT
        return found | {"mask": lowest_only(scores, 2)}

    def drive(
        self, answer: Any, X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Tensor | None = None
    ) -> dict[str, Any]:
        result = answer(X, W_q, W_k, W_v) if mask is None else answer(X, W_q, W_k, W_v, mask)
        return parts(result, "outputs", "weights")


@exercise(
    "cross_attention", lesson=LESSON, points=4, difficulty=2, minutes=10, builds_on=("project_qkv", "self_attention")
)
class CrossAttention(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a memory of another length", self._inputs(rng, 3, 4, 6, 7, 5, 2), weight=2)
        yield Case("a memory of another width", self._inputs(rng, 2, 5, 3, 4, 6, 7, d_memory=8), weight=2)
        yield Case("a memory as long as the input", self._inputs(rng, 3, 5, 5, 6, 4, 2))
        yield Case("one mask for all", self._inputs(rng, 3, 4, 6, 5, 2, 7) | {"mask": visible(rng, 4, 6)})
        many = self._inputs(rng, 4, 4, 5, 3, 2, 6) | {"mask": visible(rng, 4, 5)}
        yield Case("one mask for as many rows as queries", many)
        own = self._inputs(rng, 4, 3, 5, 6, 7, 2) | {"mask": visible(rng, 4, 3, 5)}
        yield Case("each row of the batch with a mask of its own", own, weight=2)
        padded = self._inputs(rng, 3, 4, 5, 2, 6, 7) | {"mask": visible(rng, 3, 1, 5)}
        yield Case("padding of the memory hidden", padded)
        unseeing = self._inputs(rng, 3, 4, 5, 6, 2, 7, d_memory=8) | {"mask": blind(visible(rng, 3, 4, 5))}
        yield Case("queries that may look nowhere", unseeing, gradients=True)
        yield Case("huge scores", self._huge(rng, 2, 4, 6, 5, 3, 7))
        yield Case("one query, many memories", self._inputs(rng, 1, 1, 9, 3, 4, 2))
        yield Case("many queries, one memory", self._inputs(rng, 2, 7, 1, 4, 3, 5))
        yield Case("all sizes equal", self._inputs(rng, 4, 4, 4, 4, 4, 4) | {"mask": visible(rng, 4, 4, 4)})
        yield Case("float32 stays float32", self._inputs(rng, 2, 5, 4, 6, 3, 7, dtype=F32))
        yield Case("another layout in memory", other_layout(unseeing))
        yield Case("gradients reach every input", self._inputs(rng, 2, 5, 4, 6, 3, 7), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, n_q: int, n_k: int, d_model: int, d_k: int, d_v: int, d_memory: int | None = None,
        gain: float = 1.5, dtype: torch.dtype = F64,
    ) -> dict[str, Tensor]:
        return {
            "X": rng.normal(batch, n_q, d_model, dtype=dtype),
            "memory": rng.normal(batch, n_k, d_memory or d_model, dtype=dtype),
        } | projections(rng, d_model, d_k, d_v, d_memory, gain, dtype)

    def _huge(self, rng: Rng, batch: int, n_q: int, n_k: int, d_model: int, d_k: int, d_v: int) -> dict[str, Tensor]:
        found = self._inputs(rng, batch, n_q, n_k, d_model, d_k, d_v, gain=300.0)
        scores = found["X"] @ found["W_q"] @ (found["memory"] @ found["W_k"]).mT
        return found | {"mask": lowest_only(scores, 2)}

    def drive(
        self, answer: Any, X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor,
        mask: Tensor | None = None,
    ) -> dict[str, Any]:
        given = (X, memory, W_q, W_k, W_v) if mask is None else (X, memory, W_q, W_k, W_v, mask)
        return parts(answer(*given), "outputs", "weights")


@exercise("split_heads", lesson=LESSON, points=3, difficulty=2, minutes=8)
class SplitHeads(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield self._case("three heads", rng.normal(2, 5, 12), 3, weight=2)
        yield self._case("two wide heads", rng.normal(3, 4, 10), 2)
        yield self._case("one head", rng.normal(3, 4, 5), 1)
        yield self._case("every column a head", rng.normal(2, 3, 6), 6)
        yield self._case("one position", rng.normal(3, 1, 8), 4)
        yield self._case("a batch of one", rng.normal(1, 5, 6), 3)
        yield self._case("all sizes equal", rng.normal(3, 3, 9), 3)
        yield self._case("float32 stays float32", rng.normal(2, 4, 6, dtype=F32), 2)
        yield self._case("another layout in memory", strided(rng.normal(4, 5, 6)), 2)
        yield self._case("gradients", rng.normal(2, 5, 12), 4, gradients=True)

    def _case(self, name: str, X: Tensor, num_heads: int, weight: float = 1.0, gradients: bool = False) -> Case:
        return Case(name, {"X": X, "num_heads": num_heads}, weight, gradients)

    def drive(self, answer: Any, X: Tensor, num_heads: int) -> dict[str, Any]:
        return {"heads": answer(X, num_heads)}


@exercise("merge_heads", lesson=LESSON, points=2, difficulty=2, minutes=6)
class MergeHeads(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield self._case("three heads", rng.normal(2, 3, 5, 4), weight=2)
        yield self._case("two wide heads", rng.normal(3, 2, 4, 5))
        yield self._case("one head", rng.normal(3, 1, 4, 5))
        yield self._case("every column a head", rng.normal(2, 6, 3, 1))
        yield self._case("one position", rng.normal(3, 4, 1, 2))
        yield self._case("a batch of one", rng.normal(1, 3, 5, 2))
        yield self._case("all sizes equal", rng.normal(3, 3, 3, 3))
        yield self._case("float32 stays float32", rng.normal(2, 2, 4, 3, dtype=F32))
        yield self._case("another layout in memory", strided(rng.normal(4, 2, 5, 3)))
        yield self._case("heads as a split leaves them", rng.normal(2, 5, 3, 4).transpose(1, 2))
        yield self._case("gradients", rng.normal(2, 4, 5, 3), gradients=True)

    def _case(self, name: str, X: Tensor, weight: float = 1.0, gradients: bool = False) -> Case:
        return Case(name, {"X": X, "num_heads": X.shape[1]}, weight, gradients)

    def drive(self, answer: Any, X: Tensor, num_heads: int) -> dict[str, Any]:
        return {"merged": answer(X, num_heads)}


@exercise(
    "MultiHeadAttention", lesson=LESSON, points=8, difficulty=4, minutes=30, builds_on=("split_heads", "merge_heads")
)
class MultiHead(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("no mask", self._inputs(rng, 2, 4, 5, 3, 7), weight=2)
        yield Case("a mask for all", self._inputs(rng, 4, 5, 6, 3, 2) | {"mask": visible(rng, 5, 6)})
        many = self._inputs(rng, 3, 3, 5, 3, 4) | {"mask": visible(rng, 3, 5)}
        yield Case("a mask for as many rows and heads as queries", many)
        each = self._inputs(rng, 4, 3, 6, 2, 5) | {"mask": visible(rng, 4, 3, 6)}
        yield Case("a mask for each row of the batch", each, weight=2)
        same = self._inputs(rng, 3, 4, 5, 3, 2) | {"mask": visible(rng, 3, 4, 5)}
        yield Case("as many heads as rows, a mask for each row", same, weight=2)
        yield Case("masks with an axis of one", self._inputs(rng, 3, 4, 6, 2, 5) | {"mask": visible(rng, 3, 1, 4, 6)})
        heads = self._inputs(rng, 2, 4, 6, 3, 5) | {"mask": visible(rng, 2, 3, 4, 6)}
        yield Case("a mask for each head", heads)
        unseeing = self._inputs(rng, 3, 4, 5, 2, 6) | {"mask": blind(visible(rng, 3, 4, 5))}
        yield Case("queries that may look nowhere", unseeing, weight=2, gradients=True)
        yield Case("huge scores", self._huge(rng, 2, 4, 6, 3, 5))
        yield Case("one head", self._inputs(rng, 3, 4, 2, 1, 5) | {"mask": visible(rng, 3, 4, 2)})
        yield Case("heads of one column", self._inputs(rng, 2, 3, 5, 4, 1))
        yield Case("a batch of one, one query, one key", self._inputs(rng, 1, 1, 1, 3, 2))
        yield Case("one row, several heads", self._inputs(rng, 1, 4, 5, 3, 2) | {"mask": visible(rng, 1, 4, 5)})
        equal = self._inputs(rng, 3, 3, 3, 3, 3) | {"mask": visible(rng, 3, 3, 3)}
        yield Case("batch, positions, heads and head size equal", equal)
        itself = self._inputs(rng, 3, 5, 5, 2, 4) | {"mask": visible(rng, 5, 5)}
        yield Case("a sequence attends to itself", self._itself(itself), gradients=True)
        yield Case("training and evaluation agree", self._inputs(rng, 2, 3, 4, 2, 3) | {"twice": True})
        several = self._inputs(rng, 4, 3, 5, 2, 4) | {"mask": visible(rng, 4, 3, 5), "row_by_row": True}
        yield Case("one row after the other", several)
        single = self._inputs(rng, 2, 5, 4, 3, 2, dtype=F32) | {"mask": visible(rng, 5, 4)}
        yield Case("float32 stays float32", single)
        yield Case("another layout in memory", other_layout(unseeing))
        yield Case("gradients reach every weight", self._inputs(rng, 2, 5, 4, 3, 2), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, n_q: int, n_k: int, num_heads: int, d_head: int, gain: float = 1.5,
        dtype: torch.dtype = F64,
    ) -> dict[str, Any]:
        d_model = num_heads * d_head
        scales = {"W_q": gain, "W_k": gain, "W_v": 1.0, "W_o": 1.0}
        return {
            "weights": {
                f"{name}.weight": rng.normal(d_model, d_model, dtype=dtype, scale=scale * d_model**-0.5)
                for name, scale in scales.items()
            },
            "num_heads": num_heads,
            "queries": rng.normal(batch, n_q, d_model, dtype=dtype),
            "keys": rng.normal(batch, n_k, d_model, dtype=dtype),
            "values": rng.normal(batch, n_k, d_model, dtype=dtype),
        }

    def _huge(self, rng: Rng, batch: int, n_q: int, n_k: int, num_heads: int, d_head: int) -> dict[str, Any]:
        found = self._inputs(rng, batch, n_q, n_k, num_heads, d_head, gain=300.0)
        Q, K = (
            (found[name] @ found["weights"][weight].T).reshape(batch, -1, num_heads, d_head).transpose(1, 2)
            for name, weight in (("queries", "W_q.weight"), ("keys", "W_k.weight"))
        )
        return found | {"mask": lowest_only(Q @ K.mT, 2)}

    def _itself(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in inputs.items() if name not in ("keys", "values")}

    def drive(
        self, answer: Any, weights: dict[str, Tensor], num_heads: int, queries: Tensor, keys: Tensor | None = None,
        values: Tensor | None = None, mask: Tensor | None = None, twice: bool = False, row_by_row: bool = False,
    ) -> dict[str, Any]:
        model = load_weights(answer(queries.shape[2], num_heads), weights)
        given = (queries, queries if keys is None else keys, queries if values is None else values)
        if twice:
            return {"training": model.train()(*given), "evaluation": model.eval()(*given)}
        if row_by_row and mask is not None:
            rows = (tuple(x[i : i + 1] for x in (*given, mask)) for i in range(len(queries)))
            return {f"outputs of row {i}": model(*row) for i, row in enumerate(rows)}
        return {"outputs": model(*given) if mask is None else model(*given, mask)}
