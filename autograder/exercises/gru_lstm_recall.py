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
from autograder.trained_exercise import TrainedExercise, load_all, logits_problem

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
        yield case("a long delay, many symbols", 3, 300, 60)
        yield case("a batch of one", 1, 6, 7)
        yield case("as many rows as symbols and blanks", 4, 4, 4)
        yield case("many rows", 1200, 5, 3, weight=2)
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

        A right answer is rejected with probability below 2e-6: at most eleven bets at `chance.FALSE_ALARM` in each of
        eleven cases, and two seeds that give the same 80 symbols of 7.
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
class Recall(TrainedExercise):
    """The learner's own network, asked after delays that are drawn anew.

    At one delay there are as many inputs as symbols, and each holds its answer: all of them are asked, so accuracy has
    no noise, and a class that is right before its weights are loaded has learned nothing and earns nothing. That an
    untrained network happens to name 7 of 8 symbols is rarer than 1 in 10,000: of all maps from 8 symbols to 8 answers
    a share of 3.4e-6 misses so few, of all that keep the symbols apart one of 8!, 2.5e-5.

    The bars: trained as the lesson trains its LSTM (1000 updates, delays from 0 to 60), a GRU and an LSTM are always
    right, with each of three seeds. The vanilla RNN is right in 56 % after delays up to 5 with the best of three seeds,
    in 50 % after longer ones; with the others it guesses or little more. It learns slowly, not never: 2000 updates at a
    constant rate take two of three seeds past all bars, an orthogonal start takes one of three past them in 1000.
    """

    shapes: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    arguments = ("num_symbols",)
    # The shortest delay, the longest, which is always asked, the accuracy, and the weight.
    bars = ((1, 5, 0.8, 1.0), (10, 20, 0.85, 2.0), (30, 40, 0.9, 2.0), (50, 60, 0.95, 3.0))

    def cases(self, rng: Rng) -> Iterator[Case]:
        probe, known = rows(rng, rng.integer(2, 6), NUM_SYMBOLS)
        drawn = [delay for shortest, longest, *_ in self.bars for delay in (rng.integer(shortest, longest), longest)]
        asked = {delay: rows(rng, delay, ROWS) for delay in drawn}
        symbols = {f"after_{delay}": right for delay, (_, right) in asked.items()}
        inputs = {f"after_{delay}": ids for delay, (ids, _) in asked.items()}
        for shortest, longest, bar, weight in self.bars:
            yield Case(
                f"{bar:.0%} right after delays up to {longest}", weight=weight,
                inputs={"bar": bar, "sizes": {"num_symbols": NUM_SYMBOLS}, "probe": probe, **inputs},
                truth={
                    "symbols": symbols, "known": known,
                    "judged": [f"after_{delay}" for delay in asked if shortest <= delay <= longest],
                },
            )

    def drive(
        self, answer: Any, weights: Mapping[str, Tensor], bar: float, sizes: Mapping[str, int], **asked: Tensor
    ) -> dict[str, Any]:
        if not self.shared.serves(bar, answer, weights, list(asked.values())):
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                torch.manual_seed(0)
                model = self.build(answer, sizes)
                if not isinstance(model, nn.Module):
                    raise AnswerError(f"expected an nn.Module, got {type(model).__name__}")
                model.to(asked["probe"].device).eval()
                untrained = model(asked.pop("probe"))
                load_all(model, weights, self.artifact or "").eval()
                logits = {name: model(ids) for name, ids in asked.items()}
                self.shared.outputs = {"logits": logits, "untrained": untrained}
        return self.shared.outputs

    def malformed(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        logits, symbols = outputs.get("logits"), case.truth["symbols"]
        if not isinstance(logits, Mapping) or set(logits) != set(symbols):
            return "expected logits for every delay"
        named = [(logits[name], len(right)) for name, right in symbols.items()]
        for value, batch in (*named, (outputs.get("untrained"), NUM_SYMBOLS)):
            problem = logits_problem({"logits": value}, (batch, NUM_SYMBOLS))
            if problem is not None:
                return problem
        return None

    def missed(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        if self.untrained(case, outputs) > 0.8:
            return "the class gives the right answers before the weights are loaded: nothing of this was learned"
        level, bar = self.measure(case, outputs), case.inputs["bar"]
        return None if level >= bar else f"accuracy {level:.1%}; this case asks for {bar:.0%} or more"

    def measure(self, case: Case, outputs: Mapping[str, Any]) -> float:
        levels = self.levels(case, outputs)
        judged = case.truth["judged"]
        return sum(levels[name] for name in judged) / len(judged)

    def levels(self, case: Case, outputs: Mapping[str, Any]) -> dict[str, float]:
        """The accuracy after each delay."""
        return {name: share_right(outputs["logits"][name], right) for name, right in case.truth["symbols"].items()}

    def untrained(self, case: Case, outputs: Mapping[str, Any]) -> float:
        """The accuracy of a model of this class that nobody has trained."""
        return share_right(outputs["untrained"], case.truth["known"])

    def diagnosis(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        if self.untrained(case, outputs) > 0.8:
            return "right without training"
        symbols, answers = case.truth["symbols"], {}
        for name, logits in outputs["logits"].items():
            found = answers_by_symbol(logits, symbols[name])
            if found is None:
                return "rows depend on each other"
            answers[name] = found
        levels = self.levels(case, outputs)
        shortest, longest = min(levels, key=_delay), max(levels, key=_delay)
        if levels[shortest] > 0.8:
            return "right after short delays only"
        if levels[longest] > 0.8:
            return "right after long delays only"
        judged = [answers[name] for name in case.truth["judged"]]
        if all(len(set(found)) == 1 for found in judged):
            return "always the same symbol"
        return "symbols under other names" if all(len(set(found)) == NUM_SYMBOLS for found in judged) else None


def _delay(name: str) -> int:
    return int(name.removeprefix("after_"))


def rows(rng: Rng, delay: int, batch: int) -> tuple[Tensor, Tensor]:
    """Ids with this delay and their symbols: every symbol as often as every other, in random order."""
    symbols = torch.tensor(rng.permutation(batch)) % NUM_SYMBOLS
    ids = torch.full((batch, delay + 2), NUM_SYMBOLS)
    ids[:, 0], ids[:, -1] = symbols, NUM_SYMBOLS + 1
    return ids, symbols


def share_right(logits: Tensor, symbols: Tensor) -> float:
    """How many of the symbols have the highest logit, as a share."""
    return (logits.cpu().argmax(dim=-1) == symbols).double().mean().item()


def answers_by_symbol(logits: Tensor, symbols: Tensor) -> list[int] | None:
    """The likeliest answer for each symbol; None where rows of one symbol have different logits."""
    logits = logits.cpu().double()
    groups = [logits[symbols == symbol] for symbol in range(NUM_SYMBOLS)]
    slack = 1e-2 * max(1.0, float(logits.abs().max()))
    if any(bool((group - group[:1]).abs().max() > slack) for group in groups):
        return None
    return [int(group[0].argmax()) for group in groups]
