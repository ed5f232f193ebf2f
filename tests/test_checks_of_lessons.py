"""Every lesson: its references are right, its checks accept what is right and reject what is wrong."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

from autograder.drive import Response
from autograder.exercise import Exercise, Rng, exercises, get, misconceptions_of, reference_of
from autograder.judge.expect import expectation, judge_answer
from autograder.verdict import decide
from tests import right_answers, wrong_answers

SEEDS = (0, 1, 2)
ASKED = [one for one in exercises() if one.artifact is None]
TRAINED = [one for one in exercises() if one.artifact is not None]


def modules_of(lesson: str, package: ModuleType) -> Iterator[ModuleType]:
    """The modules of a package that are named after the lesson: `rnn`, `rnn_models`."""
    word = lesson.split("_", 1)[1]
    for info in pkgutil.iter_modules(package.__path__):
        if info.name == word or info.name.startswith(f"{word}_"):
            yield importlib.import_module(f"{package.__name__}.{info.name}")


def answers_to(one: Exercise, package: ModuleType, name: str) -> list[Any]:
    return [answer for module in modules_of(one.lesson, package) for answer in getattr(module, name).get(one.id, ())]


def of_lesson(one: Exercise, *values: Any, id: str) -> Any:
    """A parameter that runs in the same process as the others of its lesson: they share what is expected."""
    return pytest.param(*values, id=f"{one.lesson}-{id}", marks=pytest.mark.xdist_group(one.lesson))


def every(package: ModuleType, name: str) -> list[Any]:
    return [
        of_lesson(one, one.id, answer, id=f"{one.id}-{answer.__name__}")
        for one in ASKED
        for answer in answers_to(one, package, name)
    ]


def each(chosen: list[Exercise]) -> list[Any]:
    return [of_lesson(one, one, id=one.id) for one in chosen]


def failures(verdict: Any) -> list[str]:
    return [f"{case.name}: {case.message}" for case in verdict.cases if not case.passed]


@pytest.mark.parametrize("one", each(ASKED))
def test_the_reference_passes(one: Exercise) -> None:
    for seed in SEEDS:
        assert failures(judge_answer(one, reference_of(one), seed=seed)) == []


@pytest.mark.parametrize(("exercise", "answer"), every(right_answers, "RIGHT"))
def test_a_right_answer_passes_in_any_style(exercise: str, answer: Any) -> None:
    for seed in SEEDS:
        verdict = judge_answer(exercise, answer, seed=seed)
        assert failures(verdict) == []
        assert verdict.points == get(exercise).points


@pytest.mark.parametrize("one", each(ASKED))
def test_there_are_enough_answers_of_every_kind(one: Exercise) -> None:
    assert len(answers_to(one, right_answers, "RIGHT")) >= 3
    assert len(misconceptions_of(one)) >= 5
    assert len(answers_to(one, wrong_answers, "WRONG")) >= 8


@pytest.mark.parametrize("one", each(ASKED))
def test_a_misconception_is_rejected_with_its_own_hint(one: Exercise) -> None:
    for seed in SEEDS:
        for known in misconceptions_of(one):
            verdict = judge_answer(one, known.answer, seed=seed)
            assert verdict.status != "passed", known.name
            assert verdict.hint == known.hint, known.name


@pytest.mark.parametrize("one", each(TRAINED))
def test_what_goes_wrong_in_training_is_rejected_with_its_own_hint(one: Exercise) -> None:
    assert len(misconceptions_of(one)) >= 4
    for seed in SEEDS:
        asked = expectation(one.id, seed)
        for known in misconceptions_of(one):
            verdict = asked.decide([Response(known.answer(case)) for case in asked.cases], hidden=True)
            assert verdict.points < one.points, known.name
            assert verdict.hint == known.hint, known.name


@pytest.mark.parametrize("one", each([*ASKED, *TRAINED]))
def test_hints_of_an_exercise_differ(one: Exercise) -> None:
    hints = [known.hint for known in misconceptions_of(one)]
    assert len(set(hints)) == len(hints)
    assert len({known.name for known in misconceptions_of(one)}) == len(hints)


@pytest.mark.parametrize(("exercise", "answer"), every(wrong_answers, "WRONG"))
def test_a_wrong_answer_is_rejected(exercise: str, answer: Any) -> None:
    for seed in SEEDS:
        asked = expectation(exercise, seed)
        verdict = decide(asked.exercise, asked.cases, asked.expected, asked.ask(answer), hidden=True)
        assert verdict.status != "passed"
        assert verdict.points < get(exercise).points


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and bool(torch.equal(a.nan_to_num(), b.nan_to_num()))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return isinstance(b, type(a)) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


@pytest.mark.parametrize("one", each([*ASKED, *TRAINED]))
def test_cases_are_drawn_from_the_seed_alone(one: Exercise) -> None:
    first, again = list(one.cases(Rng(7, one.id))), list(one.cases(Rng(7, one.id)))
    assert [case.name for case in first] == [case.name for case in again]
    assert len({case.name for case in first}) == len(first)
    for a, b in zip(first, again, strict=True):
        assert same(dict(a.inputs), dict(b.inputs))
        assert same(dict(a.truth), dict(b.truth))
