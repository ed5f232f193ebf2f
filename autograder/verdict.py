"""From responses to a verdict: status, points, message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autograder.compare import Problem, compare, runs, untouched
from autograder.drive import Response
from autograder.exercise import Case, Exercise

STATUSES = ("passed", "partial", "wrong", "error", "timeout", "memory", "crashed", "missing", "malformed")


@dataclass(frozen=True)
class CaseResult:
    """How one case went; `message` says what is wrong and is empty when it passed."""

    name: str
    passed: bool
    message: str = ""
    rung: str = ""


@dataclass(frozen=True)
class Verdict:
    """What an answer to one exercise is worth, and why. `status` is one of STATUSES."""

    exercise_id: str
    points: float
    max_points: float
    status: str
    message: str = ""
    hint: str = ""
    cases: tuple[CaseResult, ...] = ()

    def with_hint(self, hint: str) -> Verdict:
        """The same verdict with a hint."""
        return replace(self, hint=hint)


def no_answer(exercise: Exercise, status: str, message: str, cases: Sequence[Case] = ()) -> Verdict:
    """A verdict for an answer that could not be asked: no points."""
    results = tuple(CaseResult(case.name, False) for case in cases)
    return Verdict(exercise.id, 0.0, exercise.points, status, message, cases=results)


def problem_of(exercise: Exercise, case: Case, expected: Response | None, got: Response) -> Problem | None:
    """What is wrong with one response: by the exercise's own `verify`, else compared with what was expected."""
    broken = runs(got)
    if broken or got.outputs is None:
        return broken or Problem("malformed", "nothing came back", "nothing came back")
    found = exercise.verify(case, got.outputs)
    if found is None:
        if expected is None:
            return Problem("malformed", "the check has no expected result", "the check has no expected result")
        return compare(expected, got, case.tolerance)
    if found:
        return Problem("values", found[0], found[0])
    return untouched(got)


def decide(
    exercise: Exercise, cases: Sequence[Case], expected: Sequence[Response], responses: Sequence[Response],
    hidden: bool,
) -> Verdict:
    """Judge all cases of an exercise. `hidden` keeps the cases' numbers out of every message.

    Raises ValueError where there are no cases, or not as many responses: nothing asked is nothing earned.
    """
    if not cases:
        raise ValueError(f"{exercise.id} has no case")
    problems = [
        problem_of(exercise, case, want, got) for case, want, got in zip(cases, expected, responses, strict=True)
    ]
    results = tuple(
        CaseResult(case.name, p is None, "" if p is None else (p.hidden if hidden else p.public), p.rung if p else "")
        for case, p in zip(cases, problems, strict=True)
    )
    total = sum(case.weight for case in cases)
    earned = sum(case.weight for case, p in zip(cases, problems, strict=True) if p is None)
    points = exercise.points if earned == total else round(exercise.points * earned / total, 2)
    first = next((r for r in results if not r.passed), None)
    message = "" if first is None else f"{first.name}: {first.message}"
    return Verdict(exercise.id, points, exercise.points, _status(results), message, cases=results)


def _status(results: Sequence[CaseResult]) -> str:
    failed = [r for r in results if not r.passed]
    if not failed:
        return "passed"
    if len(failed) < len(results):
        return "partial"
    rungs = {r.rung for r in failed}
    for kind in ("timeout", "memory", "malformed", "error"):
        if rungs == {kind}:
            return kind
    return "wrong"
