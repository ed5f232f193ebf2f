"""Where the bars of the trained exercises come from: baselines, three seeds of the lesson's own training, and the bars.

    python -m benchmarks.bars [--seeds 3] [EXERCISE ...]

Runs the function `train_<exercise>` of the lesson's solution. Every score is on the same three samples of new data,
each as large as the check's.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import matplotlib
import torch

from autograder.cells import read_cells
from autograder.drive import perform
from autograder.exercise import Case, Rng, exercises, get
from autograder.trained_exercise import TrainedExercise
from benchmarks.baselines import BASELINES

SOLUTIONS = Path(__file__).resolve().parent.parent / "solutions"
SAMPLES = 3


def definitions(lesson: str) -> dict[str, Any]:
    """What the lesson's cells define, without the checks and without what needs a trained model."""
    matplotlib.use("Agg")
    namespace: dict[str, Any] = {"__name__": "lesson"}
    cells = [c for c in read_cells(SOLUTIONS / f"{lesson}.py") if c.kind == "code" and c.word != "check"]
    last = max(i for i, cell in enumerate(cells) if "save_weights(" in cell.source)
    absent: set[str] = set()
    for cell in cells[:last]:
        needed, made = names_in(cell.source)
        if "save_weights(" in cell.source or needed & absent:
            absent |= made
        else:
            exec(compile(cell.source, cell.where, "exec"), namespace)
            absent -= made
    return namespace


def names_in(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell takes from earlier ones, and those that it makes itself."""
    used, made = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
    return used - made, made


def samples(exercise: TrainedExercise) -> list[list[Case]]:
    """The cases of several draws; all cases of one draw look at the same data."""
    return [list(exercise.cases(Rng(1000 + k, exercise.id))) for k in range(SAMPLES)]


def trained_outputs(exercise: TrainedExercise, namespace: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """What the lesson's own model, trained with this seed, answers to every sample."""
    torch.manual_seed(seed)
    with contextlib.redirect_stdout(io.StringIO()):
        model, _ = namespace[f"train_{exercise.id}"]()
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    answer, found = exercise.answer_in(namespace), []
    for cases in samples(exercise):
        response = perform(exercise, answer, {**cases[0].inputs, "weights": weights})
        if response.outputs is None:
            raise RuntimeError(f"{exercise.id}: {response.failure}")
        found.append(response.outputs)
    return found


def levels(exercise: TrainedExercise, outputs: list[dict[str, Any]]) -> str:
    """The measure in every case, over the samples; once where it is the same for all cases."""
    by_case = zip(*(
        [exercise.measure(case, found) for case in cases]
        for cases, found in zip(samples(exercise), outputs, strict=True)
    ), strict=True)
    return ", ".join(dict.fromkeys(f"{mean(values):.3f} ± {stdev(values):.3f}" for values in by_case))


def blocks(exercise: TrainedExercise, seeds: int) -> Iterator[str]:
    """Bars, baseline and trainings of one exercise, line by line."""
    cases = samples(exercise)
    yield f"{exercise.id}: bars {', '.join(str(case.inputs['bar']) for case in cases[0])}"
    name, baseline = BASELINES[exercise.id]
    yield f"  {name}: {levels(exercise, [baseline(drawn[0]) for drawn in cases])}"
    with contextlib.redirect_stdout(io.StringIO()):
        namespace = definitions(exercise.lesson)
    for seed in range(seeds):
        start = time.perf_counter()
        reached = levels(exercise, trained_outputs(exercise, namespace, seed))
        yield f"  seed {seed}: {reached} ({time.perf_counter() - start:.0f} s)"


def main() -> None:
    """Print one block per exercise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("exercises", nargs="*", help="all of them when none is named")
    asked = parser.parse_args()
    for one in [get(name) for name in asked.exercises] or exercises():
        if isinstance(one, TrainedExercise) and one.id in BASELINES:
            for line in blocks(one, asked.seeds):
                print(line, flush=True)


if __name__ == "__main__":
    main()
