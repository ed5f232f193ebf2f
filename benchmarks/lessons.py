"""`python -m benchmarks.lessons`: every solution run in full: minutes, score of its checks, what its models reach."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from autograder.artifacts import read_artifact
from autograder.errors import CourseError, SubmissionError
from autograder.exercise import PUBLIC_SEED, Exercise, Rng, exercises, reference_of
from autograder.feedback import points_text
from autograder.judge.expect import expectation
from autograder.judge.grade import Settings, grade
from autograder.lesson import build_all, lessons
from benchmarks.execution import LessonFailed, execute
from benchmarks.figures import machine, machine_line
from benchmarks.readme import markdown_table, put_between_markers

ROOT = Path(__file__).resolve().parent.parent
HEADER = ("lesson", "minutes", "score of the checks", "trained models, on data they never saw")
NOBODY_PASSES = (2.0, 0.0)
"""Bars out of reach: of an accuracy, and of a perplexity."""
console = Console(width=None if sys.stdout.isatty() else 120)


@dataclass(frozen=True)
class Ran:
    """One solution, run from top to bottom and judged."""

    lesson: str
    minutes: float
    score: float
    max_score: float
    reached: tuple[str, ...]

    def row(self) -> tuple[str, str, str, str]:
        """As a line of the table."""
        score = f"{points_text(self.score)} of {points_text(self.max_score)}"
        return f"`{self.lesson}`", f"{self.minutes:.1f}", score, "; ".join(self.reached)


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[LESSON]...")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Short trainings; README.md stays as it is.")] = False,
) -> None:
    """Run the solutions. Exit status 1 when a cell raises or writes to standard error, or a check is not passed."""
    known = lessons(ROOT)
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise typer.BadParameter(f"no lesson is called {', '.join(unknown)}; there are {', '.join(known)}")
    found = machine()
    console.print(machine_line(found), highlight=False)
    build_all(ROOT)
    try:
        rows = [run(lesson, quick) for lesson in names or known]
    except (LessonFailed, CourseError) as error:
        console.print(str(error), markup=False, highlight=False)
        raise typer.Exit(1) from error
    console.print(table(rows))
    write(rows, found, quick, complete=not names)
    if not quick and any(row.score < row.max_score for row in rows):
        console.print("A solution does not reach full marks.")
        raise typer.Exit(1)


def run(lesson: str, quick: bool) -> Ran:
    """Execute, judge with the hidden seed, and measure what the trained models reach."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(lesson, total=None)

        def told(index: int, count: int, name: str) -> None:
            progress.update(task, completed=index + 1, total=count, description=f"{lesson} · {name[:40]}")

        began = time.perf_counter()
        folder = execute(lesson, ROOT, quick, told=told)
        minutes = (time.perf_counter() - began) / 60
    report = grade(folder / f"{lesson}.ipynb", lesson=lesson)
    for verdict in report.verdicts:
        if verdict.status != "passed":
            console.print(f"{lesson}, {verdict.exercise_id}: {verdict.status}. {verdict.message}", markup=False)
    seed = Settings().hidden_seed()
    reached = tuple(what_it_reaches(one, folder, seed) for one in exercises(lesson) if one.artifact)
    return Ran(lesson, minutes, report.score, report.max_score, reached)


def what_it_reaches(exercise: Exercise, folder: Path, seed: int = PUBLIC_SEED) -> str:
    """A trained model's measure beside its bars, in the exercise's own words: what it says of a bar out of reach."""
    try:
        weights = read_artifact(folder, str(exercise.artifact))
    except SubmissionError as error:
        return f"{exercise.id}: {error}"
    cases = list(exercise.cases(Rng(seed, exercise.id)))
    response = expectation(exercise.id, seed).ask(reference_of(exercise), weights)[0]
    if response.outputs is None:
        return f"{exercise.id}: {response.failure}"
    for bar in NOBODY_PASSES:
        problems = exercise.verify(replace(cases[0], inputs={**cases[0].inputs, "bar": bar}), response.outputs)
        if problems:
            bars = ", ".join(_bar_text(float(case.inputs["bar"])) for case in cases)
            return f"{exercise.id}: {problems[0].split(';')[0]} (bars: {bars})"
    return exercise.id


def _bar_text(bar: float) -> str:
    return f"{bar:.0%}" if bar <= 1 else f"{bar:g}"


def table(rows: list[Ran]) -> Table:
    """What the terminal shows."""
    shown = Table(title="Solutions, from top to bottom", title_justify="left")
    for name in HEADER:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*(cell.strip("`") for cell in row.row()))
    return shown


def write(rows: list[Ran], found: dict[str, object], quick: bool, complete: bool) -> None:
    """build/lessons.json; and README.md, when every lesson was run in full."""
    figures = {"machine": found, "quick": quick, "lessons": [vars(row) for row in rows]}
    path = ROOT / "build" / "lessons.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if quick or not complete:
        return
    text = f"{markdown_table(HEADER, [row.row() for row in rows])}\n\nMeasured on {machine_line(found)}."
    if put_between_markers(ROOT / "README.md", "lessons", text):
        console.print("README.md has the new table.")


if __name__ == "__main__":
    typer.run(main)
