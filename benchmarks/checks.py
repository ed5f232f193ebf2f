"""How long a learner waits for `check()`: each exercise, answered right and wrong, at first and later.

The first check of an exercise draws its inputs and asks the reference; later ones find both made. The first wrong
answer asks every known misconception too. Drawing the verdict is part of each.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from autograder.checking import verdict_on
from autograder.exercise import PUBLIC_SEED, Exercise, Rng, exercises, misconceptions_of, reference_of
from autograder.feedback import as_html, as_text
from autograder.judge.expect import expectation
from autograder.trained_exercise import TrainedExercise
from benchmarks.figures import Bar, Measured, Row, Section, medians, seconds_of

BAR_MS = 100
SIZES = {"d_embed": 32, "d_hidden": 256, "num_layers": 1}
"""What an untrained model gets for the sizes that the learner chooses."""
COLUMNS = ("first", "later", "wrong, first", "wrong, later")


def measure(quick: bool = False) -> Section:
    """One row an exercise, and the medians over each lesson's exercises."""
    repetitions = 3 if quick else 7
    rows, bars = [], []
    with tempfile.TemporaryDirectory() as folder:
        for lesson in dict.fromkeys(one.lesson for one in exercises()):
            own = [_row(one, Path(folder), repetitions) for one in exercises(lesson)]
            middle = medians(own, f"median of {lesson}")
            rows += [*own, middle]
            bars += list(_bars(lesson, middle))
    note = f"Medians and extremes of {repetitions} repetitions, on the CPU; in the median row, extremes are exercises."
    return Section("checks", "Time of check()", COLUMNS, tuple(rows), tuple(bars), (note,))


def _bars(lesson: str, middle: Row) -> Iterator[Bar]:
    for name, cell in zip(COLUMNS, middle.cells, strict=True):
        if cell is not None:
            text = f"{lesson}, {name}: {cell.median:.1f} ms; at most {BAR_MS} ms asked for"
            yield Bar(text, cell.median <= BAR_MS)


def _row(exercise: Exercise, folder: Path, repetitions: int) -> Row:
    if isinstance(exercise, TrainedExercise):
        save_untrained(exercise, folder)
    wrong = [] if exercise.artifact else misconceptions_of(exercise)[-1:]
    answers = [reference_of(exercise), *(one.answer for one in wrong)]
    cells: list[Measured | None] = []
    for answer in answers:
        cells += _first_and_later(exercise, answer, folder, repetitions)
    return Row(exercise.id, (*cells, *[None] * (len(COLUMNS) - len(cells))))


def _first_and_later(exercise: Exercise, answer: Any, folder: Path, repetitions: int) -> tuple[Measured, Measured]:
    def once() -> None:
        verdict = verdict_on(exercise, answer, folder)
        if verdict is None:
            raise RuntimeError("the judge's side of the package is missing: checks can't be timed")
        as_html(verdict)
        as_text(verdict)

    def first() -> float:
        expectation.cache_clear()
        return 1000 * seconds_of(once)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some known mistakes broadcast where PyTorch warns
        once()
        firsts = tuple(first() for _ in range(repetitions))
        return Measured(firsts, "ms"), Measured(tuple(1000 * seconds_of(once) for _ in range(repetitions)), "ms")


def save_untrained(exercise: TrainedExercise, folder: Path) -> None:
    """Put the weights of a fresh model where the check of a trained exercise looks for them."""
    case = next(iter(exercise.cases(Rng(PUBLIC_SEED, exercise.id))))
    torch.manual_seed(0)
    model = exercise.build(reference_of(exercise), SIZES | dict(case.inputs["sizes"]))
    (folder / "artifacts").mkdir(exist_ok=True)
    save_file(model.state_dict(), folder / "artifacts" / str(exercise.artifact))
