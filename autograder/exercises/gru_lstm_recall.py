"""Lesson 03: the delayed-recall task, and a model that solves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from autograder.drive import parts
from autograder.errors import AnswerError
from autograder.exercise import Case, Exercise, Rng, exercise
from autograder.exercises.gru_lstm import LESSON

NUM_SYMBOLS = 8
"""In the trained exercise."""
ROWS = 400


@exercise("delayed_recall_batch", lesson=LESSON, points=3, difficulty=2, minutes=10)
class DelayedRecallBatch(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, batch: int, num_symbols: int, delay: int, weight: float = 1.0) -> Case:
            asked = {"batch": batch, "num_symbols": num_symbols, "delay": delay}
            return Case(name, asked | {"seed": rng.ids(1, high=2**31)}, weight)

        yield case("a few rows", 3, 5, 4, weight=2)
        yield case("no delay", 4, 3, 0)
        yield case("a batch of one", 1, 6, 7)
        yield case("many rows", 200, 5, 3, weight=2)

    def drive(self, answer: Any, batch: int, num_symbols: int, delay: int, seed: Tensor) -> dict[str, Any]:
        generator = torch.Generator(seed.device).manual_seed(int(seed))
        return parts(answer(batch, num_symbols, delay, generator), "inputs", "targets")

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        inputs, targets = outputs.get("inputs"), outputs.get("targets")
        batch, num_symbols, delay = (case.inputs[name] for name in ("batch", "num_symbols", "delay"))
        if not isinstance(inputs, Tensor) or inputs.dtype != torch.int64:
            return ["expected `inputs` to be a tensor of int64"]
        if not isinstance(targets, Tensor) or targets.dtype != torch.int64:
            return ["expected `targets` to be a tensor of int64"]
        if inputs.shape != (batch, delay + 2) or targets.shape != (batch,):
            return ["expected `inputs` of shape (batch, delay + 2) and `targets` of shape (batch,)"]
        blank = torch.full((batch, delay), num_symbols)
        wanted = torch.cat([targets[:, None], blank, torch.full((batch, 1), num_symbols + 1)], dim=1)
        return [] if torch.equal(inputs, wanted) else ["a row is not its symbol, the blanks, and the cue"]


@exercise(
    "recall", lesson=LESSON, points=8, difficulty=3, minutes=25, answer="RecallModel", artifact="recall.safetensors"
)
class Recall(Exercise):
    bars = ((5, 0.95), (20, 0.9), (40, 0.9), (60, 0.9))

    def cases(self, rng: Rng) -> Iterator[Case]:
        for delay, bar in self.bars:
            targets = rng.ids(ROWS, high=NUM_SYMBOLS)
            ids = torch.full((ROWS, delay + 2), NUM_SYMBOLS)
            ids[:, 0], ids[:, -1] = targets, NUM_SYMBOLS + 1
            yield Case(
                f"{bar:.0%} right after a delay of {delay}", weight=2,
                inputs={"bar": bar, "ids": ids, "num_symbols": NUM_SYMBOLS}, truth={"labels": targets},
            )

    def drive(
        self, answer: Any, weights: Mapping[str, Tensor], bar: float, ids: Tensor, num_symbols: int
    ) -> dict[str, Any]:
        model = answer(num_symbols)
        if not isinstance(model, nn.Module):
            raise AnswerError(f"expected an nn.Module, got {type(model).__name__}")
        model.load_state_dict(dict(weights))
        model.to(ids.device).eval()
        with torch.no_grad():
            return {"logits": model(ids)}

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        logits, labels = outputs.get("logits"), case.truth["labels"]
        if not isinstance(logits, Tensor) or tuple(logits.shape) != (len(labels), NUM_SYMBOLS):
            return ["expected logits of shape (batch, num_symbols)"]
        right = (logits.argmax(dim=-1) == labels).double().mean().item()
        bar = case.inputs["bar"]
        return [] if right >= bar else [f"accuracy {right:.1%}; this case asks for {bar:.0%} or more"]
