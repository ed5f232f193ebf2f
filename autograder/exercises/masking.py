"""Lesson 07: masks for padding and for the future, pairs of sentences, and a loss that looks at the hidden words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.drive import parts
from autograder.exercise import Case, Exercise, Rng, exercise, strided
from autograder.exercises.masking_device import Elsewhere

LESSON = "07_masking"
F32, F64 = torch.float32, torch.float64


@exercise("padding_mask", lesson=LESSON, points=2, difficulty=1, minutes=5)
class PaddingMask(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield from _cases_of_lengths(rng)

    def drive(self, answer: Any, lengths: Tensor, seq: int, elsewhere: bool = False) -> dict[str, Any]:
        return _of_lengths(answer, lengths, seq, elsewhere)


def _of_lengths(answer: Any, lengths: Tensor, seq: int, elsewhere: bool) -> dict[str, Any]:
    if not elsewhere:
        return {"mask": answer(lengths, seq)}
    with Elsewhere() as device:
        mask = answer(device.put(lengths), seq)
    return {"mask": mask, "lies on the device of `lengths`": device.holds(mask)}


def _cases_of_lengths(rng: Rng) -> Iterator[Case]:
    def case(name: str, lengths: list[int], seq: int, weight: float = 1.0) -> Case:
        return Case(name, {"lengths": torch.tensor(lengths), "seq": seq}, weight)

    mixed = [length + 1 for length in rng.permutation(6)]
    yield case("unsorted lengths", [mixed[0], 6, *mixed[1:3]], 6, weight=2)
    yield case("no row is full", [2, rng.integer(3, 6), 1], 8, weight=2)
    yield case("every row is full", [5, 5, 5], 5)
    yield case("every length is one", [1, 1, 1, 1], 3)
    yield case("a batch of one", [rng.integer(2, 6)], 7)
    yield case("one token", [1, 1], 1)
    yield case("one row, one token", [1], 1)
    yield case("as many rows as tokens", [mixed[4] % 4 + 1, 4, 1, 3], 4)
    yield case("many long rows", (1 + rng.ids(17, high=40)).tolist(), 40)
    yield Case("another layout in memory", {"lengths": strided(1 + rng.ids(5, high=6)), "seq": 6})
    yield Case("another device", {"lengths": 1 + rng.ids(4, high=5), "seq": 5, "elsewhere": True})


@exercise("causal_mask", lesson=LESSON, points=2, difficulty=1, minutes=5)
class CausalMask(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a few tokens", {"seq": rng.integer(4, 8)}, weight=2)
        yield Case("one token", {"seq": 1})
        yield Case("two tokens", {"seq": 2})
        yield Case("many tokens", {"seq": rng.integer(30, 50)})
        yield Case("no device", {"seq": rng.integer(4, 8), "device": "none"})
        yield Case("the CPU by name", {"seq": rng.integer(4, 8), "device": "cpu"})
        yield Case("another device", {"seq": rng.integer(4, 8), "device": "elsewhere"}, weight=2)

    def drive(self, answer: Any, seq: int, device: str = "") -> dict[str, Any]:
        if device != "elsewhere":
            given = {"": {}, "none": {"device": None}}.get(device, {"device": device})
            return {"mask": answer(seq, **given)}
        with Elsewhere() as other:
            mask = answer(seq, other.device)
        return {"mask": mask, "lies on `device`": other.holds(mask)}


@exercise(
    "decoder_mask", lesson=LESSON, points=3, difficulty=2, minutes=10, builds_on=("padding_mask", "causal_mask")
)
class DecoderMask(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield from _cases_of_lengths(rng)

    def drive(self, answer: Any, lengths: Tensor, seq: int, elsewhere: bool = False) -> dict[str, Any]:
        return _of_lengths(answer, lengths, seq, elsewhere)


@exercise("pack_pair", lesson=LESSON, points=4, difficulty=2, minutes=15)
class PackPair(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, a: int, b: int, max_len: int, weight: float = 1.0) -> Case:
            ids = [5 + i for i in rng.permutation(a + b + 3)]
            return Case(name, {"a": ids[:a], "b": ids[a : a + b], "cls_id": 1, "sep_id": 2, "max_len": max_len}, weight)

        yield case("all fits", 4, 3, 16, weight=2)
        yield case("all just fits", 5, 3, 11)
        yield case("one token too many, a longer", 5, 3, 10)
        yield case("one token too many, b longer", 3, 6, 11)
        yield case("one token too many, both as long", 4, 4, 10)
        yield case("a much longer", 12, 3, 11, weight=2)
        yield case("b much longer", 2, 14, 12, weight=2)
        yield case("both lose, a was longer, an odd place is left", 9, 6, 10)
        yield case("both lose, a was longer, an even place is left", 9, 6, 11)
        yield case("both lose, b was longer", 5, 8, 10)
        yield case("both lose, both as long", 7, 7, 12)
        yield case("room for one token", 3, 3, 4)
        yield case("room for no token", 3, 2, 3)
        yield case("a is empty", 0, 6, 7)
        yield case("b is empty", 7, 0, 8)
        yield case("both are empty", 0, 0, 5)
        inputs = {"a": [7, 9, 7, 7, 30522], "b": [9, 9, 7], "cls_id": 101, "sep_id": 102, "max_len": 9}
        yield Case("ids that come again, other special ids", inputs)

    def drive(self, answer: Any, a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> dict[str, Any]:
        return parts(answer(a, b, cls_id, sep_id, max_len), "ids", "segments")


@exercise("masked_lm_loss", lesson=LESSON, points=4, difficulty=2, minutes=10)
class MaskedLMLoss(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def labels(batch: int, seq: int, vocab_size: int, rate: float = 0.4) -> Tensor:
            ids = rng.ids(batch, seq, high=vocab_size)
            return torch.where(rng.uniform(batch, seq) < rate, ids, -100)

        def case(
            name: str, batch: int, seq: int, vocab_size: int, weight: float = 1.0, rate: float = 0.4,
            scale: float = 2.0, dtype: torch.dtype = F64, gradients: bool = False,
        ) -> Case:
            target = labels(batch, seq, vocab_size, rate)
            if rate > 0:  # id 0 and the last id count as any other, and rows are not all alike
                target[0, 0], target[-1, -1] = 0, vocab_size - 1
            logits = rng.normal(batch, seq, vocab_size, dtype=dtype, scale=scale)
            asked = {"logits": logits, "labels": target}
            return Case(name, asked, weight, gradients=("logits",) if gradients else False)

        uneven = labels(3, 6, 7, 0.0)
        uneven[0, 2], uneven[2] = 4, rng.ids(6, high=7)
        yield case("some positions", 3, 5, 7, weight=2)
        inputs = {"logits": rng.normal(3, 6, 7, scale=3.0), "labels": uneven}
        yield Case("one in a row, all in another", inputs, weight=2)
        yield case("every position", 2, 4, 6, rate=1.1)
        yield case("no position", 3, 4, 5, rate=0.0, weight=2, gradients=True)
        yield case("no position of one", 1, 1, 5, rate=0.0)
        yield case("one row, one position", 1, 1, 6, rate=1.1)
        yield case("huge logits stay finite", 3, 4, 6, scale=1e5, gradients=True)
        yield case("huge logits in float32", 2, 5, 4, scale=1e5, dtype=F32, gradients=True)
        yield case("no position, huge logits in float32", 2, 5, 4, rate=0.0, scale=1e30, dtype=F32, gradients=True)
        yield case("all sizes equal", 4, 4, 4)
        yield case("as many rows as words in the vocabulary", 5, 3, 5)
        yield case("float32 stays float32", 3, 6, 9, dtype=F32)
        inputs = {"logits": strided(rng.normal(4, 5, 6)), "labels": strided(labels(4, 5, 6))}
        yield Case("another layout in memory", inputs)
        none = torch.full((3, 4), -100)
        on_other = {"logits": rng.normal(3, 4, 5, dtype=F32), "labels": none, "elsewhere": True}
        yield Case("no position, another device", on_other)
        yield case("gradients", 3, 5, 7, weight=2, gradients=True)

    def drive(self, answer: Any, logits: Tensor, labels: Tensor, elsewhere: bool = False) -> dict[str, Any]:
        if not elsewhere:
            return {"loss": answer(logits, labels)}
        with Elsewhere() as device:
            loss = answer(device.put(logits), device.put(labels))
        return {"loss": loss, "lies on the device of `logits`": device.holds(loss)}
