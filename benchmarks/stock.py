"""The same lesson and class in a course folder for nbgrader as it comes: default preprocessors, a gradebook of its own.

The check cells call `check()` in the submission's kernel, and what it returns is the cell's numeric result, which
nbgrader takes for partial credit.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.twenty import CLASS, Student, hand_in, right_answers

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.CourseDirectory.root = {root!r}
"""


def environment(**more: str) -> dict[str, str]:
    """This environment, with this Python's scripts first: nbgrader calls alembic by its bare name."""
    scripts = str(Path(sys.executable).parent)
    path = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "COURSE_BUDGET": "quick", **more}


def without_slow(with_answers: Mapping[str, Any]) -> dict[str, Any]:
    """The lesson's notebook without its training cells."""
    cells = [c for c in with_answers["cells"] if not c["metadata"].get("autograder", {}).get("slow")]
    return {**with_answers, "cells": cells}


def make_course(folder: Path, lesson: str, with_answers: dict[str, Any], weights: Mapping[str, bytes]) -> None:
    """A course folder with the lesson released by nbgrader and the class's submissions."""
    source = without_slow(with_answers)
    write_notebook(folder / "source" / lesson / f"{lesson}.ipynb", source)
    (folder / "nbgrader_config.py").write_text(CONFIG.format(root=str(folder)), encoding="utf-8")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", lesson, "--log-level=WARN"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"nbgrader could not release {lesson}:\n{done.stdout}{done.stderr}")
    released = json.loads((folder / "release" / lesson / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    write_class(folder / "submitted", lesson, released, right_answers(with_answers), weights)


def write_class(
    folder: Path, lesson: str, released: dict[str, Any], right: Mapping[str, str], weights: Mapping[str, bytes]
) -> None:
    """Every student's notebook, and the trained weights of the exercises that they answered."""
    for student in CLASS:
        own = folder / student.name / lesson
        write_notebook(own / f"{lesson}.ipynb", hand_in(student, released, right))
        for name, data in handed_in_weights(student, weights).items():
            (own / "artifacts").mkdir(exist_ok=True)
            (own / "artifacts" / name).write_bytes(data)


def handed_in_weights(student: Student, weights: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of those trained exercises that the student did."""
    return {name: data for name, data in weights.items() if name.removesuffix(".safetensors") not in student.left_out}


def write_notebook(path: Path, notebook: Mapping[str, Any]) -> None:
    """A notebook, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def forget_grades(folder: Path) -> None:
    """Back to before the first autograde of these submissions."""
    shutil.rmtree(folder / "autograded", ignore_errors=True)


def scores(folder: Path, lesson: str) -> dict[str, dict[str, float]]:
    """What the gradebook holds: for each student, the points of each check."""
    from nbgrader.api import Gradebook

    found: dict[str, dict[str, float]] = {}
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", course_id="stock") as gradebook:
        for submission in gradebook.assignment_submissions(lesson):
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            found[submission.student_id] = {
                grade.name.removeprefix("check_"): float(grade.auto_score or 0)
                for grade in grades if grade.name.startswith("check_")
            }
    return found
