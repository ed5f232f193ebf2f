"""Lesson 03: the delayed-recall task, and a model that solves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from autograder.drive import parts
from autograder.errors import AnswerError
from autograder.exercise import Case, Exercise, Rng, exercise
from autograder.exercises.gru_lstm import LESSON
from autograder.exercises.gru_lstm_symbols import recall_problems
from autograder.exercises.language_models_batches import other_randomness

NUM_SYMBOLS = 8
"""In the trained exercise."""
ROWS = 2 * NUM_SYMBOLS


@exercise("delayed_recall_batch", lesson=LESSON, points=3, difficulty=2, minutes=10)
class DelayedRecallBatch(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, batch: int, num_symbols: int, delay: int, weight: float = 1.0, **more: Any) -> Case:
            asked = {"batch": batch, "num_symbols": num_symbols, "delay": delay, "seed": rng.ids(high=2**31)}
            return Case(name, asked | more, weight)

        yield case("a few rows", 3, 5, 4, weight=2)
        yield case("no delay", 4, 3, 0)
        yield case("a delay of one", 5, 2, 1)
        yield case("a long delay", 2, 9, 60)
        yield case("a batch of one", 1, 6, 7)
        yield case("as many rows as symbols and blanks", 4, 4, 4)
        yield case("many rows", 400, 5, 3, weight=2)
        yield case("many rows, two symbols", 300, 2, 2)
        yield case("many batches of one generator", 3, 4, 2, weight=2, calls=100)
        yield case("many batches of one row", 1, 3, 1, calls=150)
        yield case("the generator alone decides", 40, 7, 3, weight=2, calls=2, repeat=True)

    def drive(
        self, answer: Any, batch: int, num_symbols: int, delay: int, seed: Tensor, calls: int = 1,
        repeat: bool = False,
    ) -> dict[str, Any]:
        """`seed` is a tensor, so that it tells the device of the generator."""

        def draw(offset: int) -> dict[str, Any]:
            generator = torch.Generator(seed.device).manual_seed(int(seed) + offset)
            return joined([answer(batch, num_symbols, delay, generator) for _ in range(calls)], seed.device)

        if not repeat:
            return draw(0)
        with other_randomness(seed.device, 1):
            first = draw(0)
        with other_randomness(seed.device, 2) as state:
            before = state()
            again = draw(0)
            untouched = before == state()
            other = draw(1)
        return first | {"same seed": again, "another seed": other, "other randomness untouched": untouched}

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        """Form first, then bets that the symbols of all rows and calls are uniform and independent.

        A right answer is rejected with probability below 1e-5: at most eleven bets at `chance.FALSE_ALARM` in each of
        eleven cases, and 80 symbols among 7 that agree under two seeds.
        """
        return recall_problems(case.inputs, outputs)


def joined(batches: Sequence[Any], device: torch.device) -> dict[str, Any]:
    """The batches of several calls, stacked. Raises AnswerError where they are not pairs of like tensors."""
    pairs = [parts(batch, "inputs", "targets") for batch in batches]
    found = {}
    for name in ("inputs", "targets"):
        tensors = [pair[name] for pair in pairs]
        if not all(isinstance(tensor, Tensor) for tensor in tensors):
            raise AnswerError(f"expected `{name}` to be a tensor, got {type(tensors[0]).__name__}")
        if any(tensor.device != device for tensor in tensors):
            raise AnswerError(f"expected `{name}` on the device of the generator, {device}; got {tensors[0].device}")
        if any(tensor.shape != tensors[0].shape or tensor.dtype != tensors[0].dtype for tensor in tensors):
            raise AnswerError(f"`{name}` changes its shape or dtype from call to call")
        found[name] = torch.stack(tensors)
    return found


@exercise(
    "recall", lesson=LESSON, points=8, difficulty=3, minutes=25, answer="RecallModel", artifact="recall.safetensors"
)
class Recall(Exercise):
    """The learner's own network, asked after delays that are drawn anew.

    At one delay there are as many inputs as symbols, and the input holds the answer: what is judged is the model, not
    luck. A class that is right before its weights are loaded has read the answer off the input and learned nothing; it
    earns nothing. An untrained network that happens to name 7 of 8 symbols is rarer than 1 in 10,000: of all maps from
    8 symbols to 8 answers a share of 3.4e-6 has so few misses, of all that keep the symbols apart one of 8!, 2.5e-5.
    """

    bars: ClassVar[tuple[tuple[int, int, float, float], ...]] = (
        (1, 5, 0.9, 1.0), (10, 20, 0.9, 2.0), (30, 40, 0.9, 2.0), (50, 60, 0.9, 3.0),
    )
    """The shortest delay, the longest delay (always asked), the accuracy, the weight."""

    def cases(self, rng: Rng) -> Iterator[Case]:
        probe, known = rows(rng, rng.integer(2, 6), NUM_SYMBOLS)
        for shortest, longest, bar, weight in self.bars:
            asked = [rows(rng, delay, ROWS) for delay in (rng.integer(shortest, longest), longest)]
            yield Case(
                f"{bar:.0%} right after delays up to {longest}", weight=weight,
                inputs={"ids": [ids for ids, _ in asked], "probe": probe, "bar": bar, "num_symbols": NUM_SYMBOLS},
                truth={"symbols": [symbols for _, symbols in asked], "probe": known},
            )

    def drive(
        self, answer: Any, weights: Mapping[str, Tensor], ids: list[Tensor], probe: Tensor, bar: float,
        num_symbols: int,
    ) -> dict[str, Any]:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            model = answer(num_symbols)
            if not isinstance(model, nn.Module):
                raise AnswerError(f"expected an nn.Module, got {type(model).__name__}")
            model.to(probe.device).eval()
            untrained = model(probe)
            load_all(model, weights, self.artifact or "")
            model.eval()
            return {"logits": [model(rows) for rows in ids], "untrained": untrained}

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        logits, symbols = outputs.get("logits"), case.truth["symbols"]
        if not isinstance(logits, list) or len(logits) != len(symbols):
            return ["expected logits for every delay"]
        found = [share_right(*pair) for pair in zip(logits, symbols, strict=True)]
        strange = next((problem for problem in found if isinstance(problem, str)), None)
        if strange is not None:
            return [strange]
        untrained = share_right(outputs.get("untrained"), case.truth["probe"])
        if isinstance(untrained, float) and untrained > 0.8:
            return [
                "the class gives the right answers before it has any weights of yours: "
                "what it knows must come from training"
            ]
        accuracy = sum(share for share in found if isinstance(share, float)) / len(found)
        bar = case.inputs["bar"]
        return [] if accuracy >= bar else [f"accuracy {accuracy:.1%}; this case asks for {bar:.0%} or more"]


def rows(rng: Rng, delay: int, batch: int) -> tuple[Tensor, Tensor]:
    """Ids with this delay and their symbols: every symbol as often as every other, in random order."""
    symbols = torch.tensor(rng.permutation(batch)) % NUM_SYMBOLS
    ids = torch.full((batch, delay + 2), NUM_SYMBOLS)
    ids[:, 0], ids[:, -1] = symbols, NUM_SYMBOLS + 1
    return ids, symbols


def load_all(model: nn.Module, weights: Mapping[str, Tensor], file: str) -> None:
    """Load the weights, buffers included, by name. Raises AnswerError where the file and the class do not fit."""
    own = model.state_dict()
    missing, unknown = sorted(set(own) - set(weights)), sorted(set(weights) - set(own))
    again = "Has the class changed since? Then train and save again."
    if missing:
        raise AnswerError(f"artifacts/{file} has no tensor {missing[0]!r}, which the model has. {again}")
    if unknown:
        raise AnswerError(f"artifacts/{file} has a tensor {unknown[0]!r}, which the model has not. {again}")
    for name, weight in weights.items():
        if own[name].shape != weight.shape:
            shapes = f"{tuple(weight.shape)} in artifacts/{file} and {tuple(own[name].shape)} in the model"
            raise AnswerError(f"{name!r} has shape {shapes}. {again}")
    floating = {weight.dtype for weight in weights.values() if weight.is_floating_point()}
    if len(floating) == 1:
        model.to(dtype=floating.pop())
    model.load_state_dict(dict(weights))


def share_right(logits: Any, symbols: Tensor) -> float | str:
    """How many of the symbols have the highest logit; or what keeps the logits from being graded."""
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        return "expected a floating-point tensor of logits"
    if tuple(logits.shape) != (len(symbols), NUM_SYMBOLS):
        return "expected logits of shape (batch, num_symbols)"
    if not bool(torch.isfinite(logits).all()):
        return "the logits hold NaN or infinite values"
    return (logits.cpu().argmax(dim=-1) == symbols).double().mean().item()
