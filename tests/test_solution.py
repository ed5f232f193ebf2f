"""The lessons' own solutions and released notebooks, graded on the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.exercise import exercises
from autograder.lesson import build_all, lessons
from autograder.trained import trained_weights

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap"),
]
ROOT = Path(__file__).resolve().parent.parent


def grade(path, json_file):
    command = [sys.executable, "-m", "autograder", "grade", str(path), "--seed", "17", "--json", str(json_file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    submission, = json.loads(json_file.read_text())["submissions"]
    return submission


@pytest.fixture(scope="module")
def built():
    build_all(ROOT)


@pytest.mark.parametrize("lesson", lessons(ROOT))
def test_the_solution_gets_full_marks_and_the_same_report_twice(built, lesson, tmp_path):
    shutil.copy(ROOT / "build" / "source" / lesson / f"{lesson}.ipynb", tmp_path)
    if any(one.artifact for one in exercises(lesson)):
        (tmp_path / "artifacts").mkdir()
        for name, data in trained_weights(lesson, ROOT).items():
            (tmp_path / "artifacts" / name).write_bytes(data)
    first, second = (grade(tmp_path / f"{lesson}.ipynb", tmp_path / f"{i}.json") for i in (1, 2))
    assert {e["id"]: e["status"] for e in first["exercises"]} == {e.id: "passed" for e in exercises(lesson)}
    assert first["score"] == first["max_score"] > 0
    assert first | {"seconds": 0} == second | {"seconds": 0}


@pytest.mark.parametrize("lesson", lessons(ROOT))
def test_the_unanswered_notebook_gets_nothing_and_every_exercise_is_missing(built, lesson, tmp_path):
    report = grade(ROOT / "notebooks" / lesson / f"{lesson}.ipynb", tmp_path / "report.json")
    assert report["score"] == 0
    assert {e["status"] for e in report["exercises"]} == {"missing"}
