"""`check("rnn_step")` in a notebook: ask the learner's answer, compare, explain, at once.

The reference and the misconceptions are imported when a check first runs: the sandbox has neither of them.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from autograder.errors import MissingArtifact, SubmissionError
from autograder.exercise import Exercise, get
from autograder.feedback import show
from autograder.verdict import Verdict, no_answer


def check(name: str, answer: Any = None) -> float | None:
    """Judge the learner's answer to exercise `name` and show what is right and what is not.

    The answer is looked up under its name in the calling notebook, or given. Returns the points where nbgrader grades,
    which reads them as partial credit, and None elsewhere. Raises UnknownExercise for a name that is none.
    """
    exercise = get(name)
    namespace = sys._getframe(1).f_globals
    found = answer
    if answer is None and all(namespace.get(name) is not None for name in exercise.answer_names):
        found = exercise.answer_in(namespace)
    verdict = verdict_on(exercise, found, Path.cwd())
    if verdict is None:
        print(f"The check of {name} runs on the grader's side.")
        return None
    show(verdict)
    return verdict.points if os.environ.get("NBGRADER_EXECUTION") else None


def verdict_on(exercise: Exercise, answer: Any, folder: Path) -> Verdict | None:
    """The public verdict on an answer; None inside the sandbox, where there is nothing to compare with."""
    try:
        from autograder.judge.expect import expectation
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("autograder.judge"):
            raise
        return None
    if answer is None:
        what = "Define it in the answer cell above, run that cell, then run this one again."
        return no_answer(exercise, "missing", f"{exercise.answer_text} not defined yet. {what}")
    weights: Mapping[str, Any] | None = None
    if exercise.artifact is not None:
        from autograder.artifacts import read_artifact

        try:
            weights = read_artifact(folder, exercise.artifact)
        except MissingArtifact as error:
            return no_answer(exercise, "missing", str(error))
        except SubmissionError as error:
            return no_answer(exercise, "malformed", str(error))
    # A check must not change what the learner's next cell draws.
    with _one_thread(), torch.random.fork_rng(devices=[]):
        expected = expectation(exercise.id)
        responses = expected.ask(answer, weights)
        if all(r.failure and r.failure.message.startswith("NotImplementedError") for r in responses):
            return no_answer(exercise, "missing", f"{exercise.answer_text} not written yet.", expected.cases)
        return expected.decide(responses, hidden=False)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Small tensors are faster on one thread, far faster where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
