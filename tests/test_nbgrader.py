"""nbgrader's own commands, with the judge inside, on the real lesson."""

import csv
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from autograder.demo_class import Student, submission
from autograder.judge.grade import Settings, find_submissions, grade_all
from autograder.lesson import build_all
from tests.servers import jupyter_server

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap"),
]
ROOT = Path(__file__).resolve().parent.parent
LESSON = "02_rnn"
SEED = 91
WRONG = "def rnn_step(x_t, h_prev, W_xh, W_hh, b_h):\n    return torch.tanh(x_t @ W_xh + h_prev @ W_hh)"
CLASS = (
    Student("able", "all but training", trained=False),
    Student("baker", "one wrong, the rest missing", {"rnn_step": WRONG}, answered=("rnn_step",), trained=False),
    Student("forger", "nothing", answered=(), trained=False, forged=True),
)


def nbgrader(course, *arguments):
    environment = {**os.environ, "COURSE_FOLDER": str(course), "COURSE_SEED": str(SEED)}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def hand_in(course, name, text):
    folder = course / "submitted" / name / LESSON
    folder.mkdir(parents=True)
    (folder / f"{LESSON}.ipynb").write_text(text)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    build_all(ROOT)
    course = tmp_path_factory.mktemp("course")
    nbgrader(course, "generate_assignment", LESSON, f"--CourseDirectory.release_directory={course / 'release'}")
    for student in CLASS:
        hand_in(course, student.name, json.dumps(submission(student, LESSON, ROOT)))
    hand_in(course, "torn", '{"cells": [')
    hand_in(course, "empty", "")
    linked = course / "submitted" / "linked" / LESSON
    linked.mkdir(parents=True)
    (linked / f"{LESSON}.ipynb").symlink_to("/etc/hostname")
    nbgrader(course, "autograde", LESSON)
    nbgrader(course, "generate_feedback", LESSON)
    nbgrader(course, "export", f"--to={course / 'grades.csv'}")
    return course


@pytest.fixture(scope="module")
def scores(course):
    with (course / "grades.csv").open() as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def reports(course):
    found = find_submissions([course / "submitted"])
    return {report.student: report for report in grade_all(found, Settings(seed=SEED), 2)}


def gradebook(course):
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{course / 'gradebook.db'}", "sequence-models")


def test_what_nbgrader_releases_is_what_build_wrote(course):
    released = (course / "release" / LESSON / f"{LESSON}.ipynb").read_bytes()
    assert released == (ROOT / "notebooks" / LESSON / f"{LESSON}.ipynb").read_bytes()


def test_the_gradebook_and_grade_give_the_same_scores(scores, reports):
    assert scores == {name: report.score for name, report in reports.items()}


def test_a_right_submission_gets_all_points_but_those_for_training(reports):
    lost = {v.exercise_id: v.status for v in reports["able"].verdicts if v.points < v.max_points}
    assert lost == {"char_language_model": "missing", "sentiment": "missing", "entities": "missing"}


def test_a_forger_and_unreadable_files_get_nothing_and_cost_nobody_anything(scores):
    assert [scores[name] for name in ("forger", "torn", "empty", "linked")] == [0, 0, 0, 0]
    assert scores["able"] > scores["baker"]


def test_feedback_says_why_a_file_could_not_be_read(course):
    text = (course / "feedback" / "torn" / LESSON / f"{LESSON}.html").read_text()
    assert "not JSON" in text


def test_feedback_carries_the_hint_of_a_known_misconception(course, reports):
    hint = next(v.hint for v in reports["baker"].verdicts if v.exercise_id == "rnn_step")
    text = (course / "feedback" / "baker" / LESSON / f"{LESSON}.html").read_text()
    assert hint
    assert hint.split("`")[0][:30] in text


def test_answers_in_words_wait_for_a_person_and_empty_ones_do_not(course):
    with gradebook(course) as book:
        waits = {
            name: {g.name for g in book.find_submission_notebook(LESSON, LESSON, name).grades if g.needs_manual_grade}
            for name in ("able", "baker")
        }
    assert waits["able"]
    assert all(name.startswith("explain_") for name in waits["able"])
    assert waits["baker"] == set()


def test_a_grade_given_by_hand_survives_a_regrade(course):
    with gradebook(course) as book:
        notebook = book.find_submission_notebook(LESSON, LESSON, "able")
        written = next(g.name for g in notebook.grades if g.name.startswith("explain_"))
        for name, score in ((written, 2.0), ("check_rnn_step", 1.5)):
            grade = book.find_grade(name, LESSON, LESSON, "able")
            grade.manual_score = score
            grade.needs_manual_grade = False
        book.db.commit()
    nbgrader(course, "autograde", LESSON, "--student=able", "--force")
    with gradebook(course) as book:
        assert book.find_grade(written, LESSON, LESSON, "able").score == 2.0
        assert book.find_grade("check_rnn_step", LESSON, LESSON, "able").score == 1.5


def test_grading_refuses_without_bubblewrap_and_says_what_helps(course, tmp_path):
    environment = {**os.environ, "COURSE_FOLDER": str(course), "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "nbgrader", "autograde", LESSON, "--force"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "apt-get install bubblewrap" in done.stdout + done.stderr


def test_formgrader_lists_the_lesson_and_its_submissions(course):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "COURSE_FOLDER": str(course), "PATH": path}
    with jupyter_server(ROOT, course, environment, ["nbgrader.server_extensions.formgrader"]) as address:
        assignments = fetch(f"{address}/formgrader/api/assignments")
        mine = next(a for a in assignments if a["name"] == LESSON)
        assert mine["num_submissions"] == 6
        submitted = fetch(f"{address}/formgrader/api/submissions/{LESSON}")
        assert {s["student"]: s["autograded"] for s in submitted}["able"]


def fetch(address):
    with urllib.request.urlopen(address, timeout=60) as reply:
        return json.load(reply)
