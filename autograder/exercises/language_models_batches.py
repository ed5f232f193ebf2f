"""Lesson 01: a text cut into windows, and windows put into batches."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.drive import parts
from autograder.errors import AnswerError
from autograder.exercise import Case, Exercise, Rng, exercise, strided
from autograder.exercises.language_models import LESSON
from autograder.exercises.language_models_epochs import problems_of

Batch = tuple[Tensor, Tensor]


def collect(found: Any, most: int) -> list[Batch]:
    """The batches that an iterator, a list or a loader gives. Raises AnswerError for anything but pairs of tensors."""
    if not isinstance(found, Iterable):
        raise AnswerError(f"expected an iterator over pairs (inputs, targets), got {type(found).__name__}")
    batches: list[Batch] = []
    for pair in islice(found, most + 1):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(x, Tensor) for x in pair):
            raise AnswerError(f"expected pairs of tensors (inputs, targets); it gives a {type(pair).__name__}")
        batches.append((pair[0], pair[1]))
    if len(batches) > most:
        raise AnswerError("more batches come than the text has ids: does the iterator ever end?")
    return batches


def joined(batches: list[Batch], num_steps: int, ids: Tensor) -> Batch:
    """All rows of all batches, one below the other. Raises AnswerError for a batch of another form."""
    for inputs, targets in batches:
        if inputs.dim() != 2 or inputs.shape[1] != num_steps or targets.shape != inputs.shape:
            shapes = f"{tuple(inputs.shape)} and {tuple(targets.shape)}"
            raise AnswerError(f"expected inputs and targets of shape (batch_size, num_steps), got {shapes}")
        if inputs.dtype != ids.dtype or targets.dtype != ids.dtype:
            raise AnswerError(f"expected batches of {ids.dtype}, as the ids are, got {inputs.dtype}, {targets.dtype}")
    nothing = ids.new_empty(0, num_steps)
    return torch.cat([nothing, *(x for x, _ in batches)]), torch.cat([nothing, *(y for _, y in batches)])


@contextmanager
def other_randomness(device: torch.device, seed: int) -> Iterator[Callable[[], str]]:
    """Seeds every source of randomness but the generator, gives what tells their states, and puts them back."""
    python, arrays = random.getstate(), np.random.get_state()

    def state() -> str:
        torch_states = [torch.get_rng_state()] + ([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])
        told = [str(s.tolist()) for s in torch_states]
        return "/".join([*told, str(random.getstate()), str(np.random.get_state(legacy=False))])

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield state
        finally:
            random.setstate(python)
            np.random.set_state(arrays)


def token_ids(rng: Rng, n: int, dtype: torch.dtype = torch.int64) -> Tensor:
    """Ids that are all different, so that each place in the text can be told from every other."""
    return (torch.tensor(rng.permutation(n), dtype=torch.int64) + rng.integer(3, 30)).to(dtype)


@exercise("language_model_windows", lesson=LESSON, points=3, difficulty=2, minutes=10)
class Windows(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, n_ids: int, num_steps: int, weight: float = 1.0) -> Case:
            return Case(name, {"ids": token_ids(rng, n_ids), "num_steps": num_steps}, weight)

        steps, n = rng.integer(4, 7), rng.integer(7, 10)
        yield case("some ids are left over", n * steps + 3, steps, weight=2)
        yield case("nothing is left over", n * steps + 1, steps, weight=2)
        yield case("one id short of another window", n * steps, steps, weight=2)
        yield case("one id left over", n * steps + 2, steps)
        yield case("windows of one", n, 1)
        yield case("a single window", steps + 1, steps)
        yield case("as many windows as steps", 5 * 5 + 1, 5)
        yield case("too short for a window", steps, steps)
        yield case("far too short for a window", 2, steps + 1)
        yield case("a single id", 1, 1)
        repeated = rng.ids(40, high=4)
        yield Case("ids that come again", {"ids": repeated, "num_steps": 3})
        yield Case("another layout in memory", {"ids": strided(token_ids(rng, 22)), "num_steps": 4})
        yield Case("int32 stays int32", {"ids": token_ids(rng, 24, torch.int32), "num_steps": 5})

    def drive(self, answer: Any, ids: Tensor, num_steps: int) -> dict[str, Any]:
        return parts(answer(ids, num_steps), "inputs", "targets")


@exercise(
    "random_batches", lesson=LESSON, points=6, difficulty=3, minutes=20, builds_on=("language_model_windows",)
)
class RandomBatches(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, ids: Tensor, num_steps: int, batch_size: int, weight: float = 1.0, **more: Any) -> Case:
            asked = {"ids": ids, "num_steps": num_steps, "batch_size": batch_size, "seed": rng.integer(0, 2**31)}
            return Case(name, asked | more, weight)

        yield case("one epoch", token_ids(rng, 83), 5, 3, weight=2)
        yield case("some windows left over", token_ids(rng, 4 * 11 + 4), 4, 3, epochs=4)
        yield case("windows of one", token_ids(rng, 21), 1, 4, epochs=2)
        yield case("batches of one", token_ids(rng, 34), 6, 1, epochs=2)
        yield case("as many rows as steps", token_ids(rng, 4 * 8 + 4), 4, 4, epochs=3)
        yield case("one batch holds all", token_ids(rng, 5 * 7 + 5), 5, 7, epochs=3)
        yield case("too short for a batch", token_ids(rng, 5 * 3 + 5), 5, 4, epochs=3)
        yield case("too short for a window", token_ids(rng, 4), 4, 2, epochs=3)
        yield case("another layout in memory", strided(token_ids(rng, 40)), 3, 2)
        yield case("int32 stays int32", token_ids(rng, 46, torch.int32), 4, 3)
        # Every offset leaves one window here; it takes many draws to tell uniform offsets from rounded ones.
        yield case("many offsets", token_ids(rng, 3 + 3), 3, 1, weight=2, epochs=750)
        # Every offset leaves four windows here, so an epoch has 3 x 4! outcomes, all alike.
        yield case("many epochs", token_ids(rng, 4 * 3 + 3), 3, 2, weight=3, epochs=160)
        yield case("a long text", token_ids(rng, 48 * 2 + 2), 2, 4, weight=2, epochs=3)
        yield case("the generator alone decides", token_ids(rng, 37), 4, 2, weight=2, epochs=12, repeat=True)

    def drive(
        self, answer: Any, ids: Tensor, num_steps: int, batch_size: int, seed: int, epochs: int = 1,
        repeat: bool = False,
    ) -> dict[str, Any]:
        def draw(offset: int) -> dict[str, Any]:
            generator = torch.Generator(ids.device).manual_seed(seed + offset)
            found = [collect(answer(ids, num_steps, batch_size, generator), len(ids) + 1) for _ in range(epochs)]
            inputs, targets = joined([batch for batches in found for batch in batches], num_steps, ids)
            return {"inputs": inputs, "targets": targets, "sizes": [[len(x) for x, _ in epoch] for epoch in found]}

        if not repeat:
            return draw(0)
        with other_randomness(ids.device, 1):
            first = draw(0)
        with other_randomness(ids.device, 2) as state:
            before = state()
            again = draw(0)
            untouched = before == state()
            other = draw(1)
        return first | {"same seed": again, "another seed": other, "other randomness untouched": untouched}

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str] | None:
        """Each epoch's form is judged by itself, the offsets and the order of the windows by bets over all epochs.

        A right answer is rejected with probability below 1e-6: at most sixteen bets at `chance.FALSE_ALARM` in each
        case that has enough draws for one to be won.
        """
        return problems_of(case.inputs, outputs)


@exercise("sequential_batches", lesson=LESSON, points=4, difficulty=3, minutes=15)
class SequentialBatches(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, ids: Tensor, num_steps: int, batch_size: int, weight: float = 1.0) -> Case:
            return Case(name, {"ids": ids, "num_steps": num_steps, "batch_size": batch_size}, weight)

        steps, rows, turns = rng.integer(4, 6), rng.integer(2, 4), rng.integer(6, 8)
        whole = steps * rows * turns
        yield case("ids and steps are left over", token_ids(rng, whole + 2 * rows + 2), steps, rows, weight=2)
        yield case("nothing is left over", token_ids(rng, whole + 1), steps, rows, weight=2)
        yield case("one id short", token_ids(rng, whole), steps, rows, weight=2)
        yield case("one id left over", token_ids(rng, whole + 2), steps, rows)
        yield case("one row", token_ids(rng, 25), 4, 1)
        yield case("one step at a time", token_ids(rng, 20), 1, 3)
        yield case("one batch", token_ids(rng, 4 * 5 + 3), 5, 4)
        yield case("as many rows as steps and batches", token_ids(rng, 3 * 3 * 3 + 1), 3, 3)
        yield case("rows too short for a step", token_ids(rng, 3 * 4 + 2), 5, 3)
        yield case("fewer ids than rows", token_ids(rng, 3), 2, 4)
        yield case("ids that come again", rng.ids(50, high=4), 4, 3)
        yield case("another layout in memory", strided(token_ids(rng, 43)), 4, 3)
        yield case("int32 stays int32", token_ids(rng, 33, torch.int32), 3, 2)

    def drive(self, answer: Any, ids: Tensor, num_steps: int, batch_size: int) -> dict[str, Any]:
        batches = collect(answer(ids, num_steps, batch_size), len(ids) + 1)
        joined(batches, num_steps, ids)
        inputs, targets = [x for x, _ in batches], [y for _, y in batches]
        return {"number of batches": len(batches), "inputs of each batch": inputs, "targets of each batch": targets}
