"""A class of eight on lesson 02, through nbgrader from release to feedback, and through `grade` for comparison."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.demo_class import STUDENTS, Student, submission
from autograder.feedback import points_text
from autograder.judge.grade import Settings, find_submissions, grade_all
from autograder.judge.report import Report
from autograder.judge.table import Progress, reasons
from autograder.kernel.sandbox import find_bwrap
from autograder.lesson import build_all
from autograder.trained import trained_weights

LESSON = "02_rnn"
SEED = 20_02
console = Console()


def run_demo(folder: Path) -> int:
    """Release, answer, grade, feed back, compare; returns the exit status."""
    began = time.monotonic()
    find_bwrap()
    root, course = Settings().root, folder.resolve()
    _step("Building the lesson and the class")
    build_all(root)
    weights = trained_weights(LESSON, root, lambda text: _step(f"  {text}"))
    shutil.rmtree(course, ignore_errors=True)
    release = course / "release"
    _nbgrader(root, course, "generate_assignment", LESSON, f"--CourseDirectory.release_directory={release}")
    write_class(course, root, weights)
    _step("Grading with nbgrader, in the sandbox")
    _nbgrader(root, course, "autograde", LESSON)
    _nbgrader(root, course, "generate_feedback", LESSON)
    _nbgrader(root, course, "export", f"--to={course / 'grades.csv'}")
    _step("Grading the same class with `python -m autograder grade`")
    reports = grade_class(course)
    scores = gradebook_scores(course / "grades.csv")
    print_scores(reports)
    return _conclude(reports, scores, course, time.monotonic() - began)


def _step(text: str) -> None:
    console.print(f"[bold]{text}[/bold]")


def environment(course: Path) -> dict[str, str]:
    """What nbgrader needs to find the course folder and the demo's seed."""
    return {**os.environ, "COURSE_FOLDER": str(course), "COURSE_SEED": str(SEED)}


def _nbgrader(root: Path, course: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "nbgrader", *arguments, "--log-level=WARN"]
    done = subprocess.run(command, cwd=root, env=environment(course), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        console.print(escape(done.stdout + done.stderr))
        raise SystemExit(f"`nbgrader {' '.join(arguments)}` ended with {done.returncode}; its log is above")


def write_class(course: Path, root: Path, weights: Mapping[str, bytes]) -> None:
    """Hand in the eight submissions under `submitted/`."""
    for student in STUDENTS:
        folder = course / "submitted" / student.name / LESSON
        folder.mkdir(parents=True)
        notebook = submission(student, LESSON, root)
        (folder / f"{LESSON}.ipynb").write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")
        for name, data in weights.items():
            if student.trained:
                (folder / "artifacts").mkdir(exist_ok=True)
                (folder / "artifacts" / name).write_bytes(data)


def grade_class(course: Path, told: Callable[[Report], None] | None = None) -> list[Report]:
    """The reports of `grade` on the same submissions."""
    found = find_submissions([course / "submitted"])
    with Progress(console, len(found)) as progress:
        return grade_all(found, Settings(seed=SEED), 2, told or progress.told)


def gradebook_scores(path: Path) -> dict[str, float]:
    """Each student's score in nbgrader's own export."""
    with path.open(encoding="utf-8") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def print_scores(reports: list[Report]) -> None:
    """Two tables: points by exercise, and what cost points."""
    points: Any = Table(title="Points by exercise")
    points.add_column("exercise")
    for report in reports:
        points.add_column(report.student, justify="right")
    for row in zip(*(report.verdicts for report in reports), strict=True):
        label = f"{row[0].exercise_id} ({points_text(row[0].max_points)})"
        points.add_row(label, *(points_text(v.points) for v in row))
    points.add_section()
    points.add_row(f"sum ({points_text(reports[0].max_score)})", *(points_text(r.score) for r in reports))
    console.print(points)
    why = Table(title="What cost points", show_lines=True)
    why.add_column("student")
    why.add_column("what they handed in")
    why.add_column("what the judge says", overflow="fold")
    told = {student.name: student.story for student in STUDENTS}
    for report in reports:
        why.add_row(report.student, told[report.student], escape(reasons(report)) or "nothing: full marks")
    console.print(why)


def _conclude(reports: list[Report], scores: dict[str, float], course: Path, seconds: float) -> int:
    differ = [r.student for r in reports if abs(scores.get(r.student, -1.0) - r.score) > 1e-6]
    deserved = {student.name: student for student in STUDENTS}
    unfair = [r.student for r in reports if not is_deserved(deserved[r.student], r)]
    if differ or unfair:
        for text, names in (("nbgrader and grade differ on", differ), ("not what was deserved:", unfair)):
            if names:
                console.print(f"[bold]{text}[/bold] {', '.join(names)}")
        return 1
    shown = os.path.relpath(course)
    console.print(
        f"nbgrader's gradebook and `grade` agree on all {len(reports)}; each got what it deserved. {seconds:.0f} s.\n"
        f"Look at   {shown}/feedback/*/{LESSON}/{LESSON}.html   the feedback that each of them reads\n"
        f"          {shown}/grades.csv and gradebook.db   the gradebook\n"
        f"Run next  COURSE_FOLDER={shown} .venv/bin/jupyter lab   and open Formgrader\n"
        f"          .venv/bin/python -m autograder grade {shown}/submitted --jobs 2\n"
        "          make lab   to take the course yourself", highlight=False, soft_wrap=True,
    )
    return 0


def is_deserved(student: Student, report: Report) -> bool:
    """Did every exercise end as the student's story says?"""
    for verdict in report.verdicts:
        status = student.expected(verdict.exercise_id)
        if verdict.status not in status:
            return False
        if verdict.status == "passed" and verdict.points != verdict.max_points:
            return False
        if verdict.status not in ("passed", "partial", "wrong") and verdict.points != 0:
            return False
    return True
