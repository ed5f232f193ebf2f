"""A class of twenty on lesson 02, graded by `python -m autograder grade` and by nbgrader as it comes.

Both are whole processes, start-up counted, and judge the same answers on the same inputs: no training cells, the same
trained weights, the public seed.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.exercise import PUBLIC_SEED
from autograder.judge.grade import Settings
from autograder.lesson import build_all
from autograder.trained import trained_weights
from benchmarks import processes, stock
from benchmarks.figures import Bar, Measured, Row, Section
from benchmarks.processes import Finished
from benchmarks.twenty import CLASS, right_answers

LESSON = "02_rnn"
BAR_RATIO = 10
JOBS = 2
COLUMNS = ("stock nbgrader autograde", "grade --jobs 1", f"grade --jobs {JOBS}")


@dataclass(frozen=True)
class Class:
    """The class, prepared for both: a checkout of the lesson alone, our submissions, a course folder for nbgrader."""

    root: Path
    submitted: Path
    course: Path


def measure(quick: bool = False) -> Section:
    """One column a way of grading; the bar is the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        found = prepare(Path(folder), Settings().root)
        ours: dict[int, list[Finished]] = {1: [], JOBS: []}
        theirs = []
        for _ in range(1 if quick else 3):
            for jobs, runs in ours.items():
                runs.append(grade(found, jobs))
            theirs.append(autograde(found))
        judged = our_scores(found)
        differ = differences(judged, stock.scores(found.course, LESSON))
        watched = [autograde(found, watch=True), *(grade(found, jobs, watch=True) for jobs in ours)]
    return _section([theirs, ours[1], ours[JOBS]], watched, judged, differ)


def prepare(folder: Path, root: Path) -> Class:
    """Copy the lesson's source aside, so that nobody's edit comes between the two; build, release, hand in."""
    own = folder / "checkout"
    (own / "solutions").mkdir(parents=True)
    shutil.copy(root / "solutions" / f"{LESSON}.py", own / "solutions")
    weights = trained_weights(LESSON, root)
    build_all(own)
    found = Class(own, folder / "submitted", folder / "course")
    name = Path(LESSON, f"{LESSON}.ipynb")
    with_answers, released = (_read(own / part / name) for part in ("build/source", "notebooks"))
    stock.write_class(found.submitted, LESSON, released, right_answers(with_answers), weights)
    stock.make_course(found.course, LESSON, with_answers, weights)
    return found


def grade(found: Class, jobs: int, watch: bool = False) -> Finished:
    """Our grader, as on the command line."""
    command = [
        sys.executable, "-m", "autograder", "grade", str(found.submitted), "--jobs", str(jobs),
        "--seed", str(PUBLIC_SEED), "--device", "cpu", "--json", str(_reports(found)),
    ]  # fmt: skip
    return processes.run(command, found.root, stock.environment(COURSE_ROOT=str(found.root)), watch)


def autograde(found: Class, watch: bool = False) -> Finished:
    """nbgrader, as on the command line, on submissions that it has not yet graded."""
    stock.forget_grades(found.course)
    command = [sys.executable, "-m", "nbgrader", "autograde", LESSON, "--log-level=WARN"]
    return processes.run(command, found.course, stock.environment(), watch)


def our_scores(found: Class) -> dict[str, dict[str, float]]:
    """For each student, the points of each exercise, as the last run of our grader reported them."""
    reports = _read(_reports(found))["submissions"]
    return {r["student"]: {e["id"]: float(e["points"]) for e in r["exercises"]} for r in reports}


def differences(ours: dict[str, dict[str, float]], theirs: dict[str, dict[str, float]]) -> list[str]:
    """Where the two give other points, in words."""
    told = []
    for student in sorted(set(ours) | set(theirs)):
        a, b = ours.get(student, {}), theirs.get(student, {})
        told += [
            f"{student}, {name}: {a.get(name)} by grade, {b.get(name)} by nbgrader"
            for name in sorted(set(a) | set(b)) if abs(a.get(name, -1) - b.get(name, -1)) > 0.005
        ]
    return told


def _section(
    runs: Sequence[Sequence[Finished]], watched: Sequence[Finished], judged: dict[str, dict[str, float]],
    differ: list[str],
) -> Section:
    seconds = [Measured(tuple(r.seconds for r in column), "s") for column in runs]
    rate = [Measured(tuple(60 * len(CLASS) / r.seconds for r in column), "/min") for column in runs]
    each = [Measured(tuple(r.seconds / len(CLASS) for r in column), "s") for column in runs]
    memory = [Measured((r.peak_bytes / 2**30,), "GiB") for r in watched]
    faster = [Measured((column.median / rate[0].median,), "times") for column in rate]
    named = (
        ("whole run", seconds), ("submissions per minute", rate), ("per submission", each),
        ("peak memory", memory), ("against stock", faster),
    )
    totals = [sum(points.values()) for points in judged.values()]
    equal = f"equal scores for all {len(judged)}" if not differ else f"scores differ: {'; '.join(differ)}"
    bars = (
        Bar(
            f"{COLUMNS[-1]} is {faster[-1].median:.1f} times as fast as stock nbgrader; at least {BAR_RATIO} asked for",
            faster[-1].median >= BAR_RATIO,
        ),
        Bar(f"{equal} ({min(totals):g} to {max(totals):g} points)", not differ and len(judged) == len(CLASS)),
    )
    note = "Memory: in a run of its own, the highest sum over all processes, twice a second; shared pages count once."
    return Section("throughput", f"Grading a class of {len(CLASS)}", COLUMNS, tuple(
        Row(name, tuple(cells)) for name, cells in named
    ), bars, (f"Medians and extremes of {len(runs[0])} runs each, taken in turn.", note))


def _reports(found: Class) -> Path:
    return found.root / "reports.json"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
