"""What is expected: the reference's responses to an exercise's cases, once for an exercise, seed and device."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import torch

from autograder.compare import Problem, compare
from autograder.drive import Response, perform
from autograder.exercise import PUBLIC_SEED, Case, Exercise, Misconception, Rng, get, misconceptions_of, reference_of
from autograder.verdict import Verdict, decide, problem_of
from autograder.wire import pack

_ONE_AT_A_TIME = threading.RLock()
"""Driving an answer goes through switches that the whole process shares: torch's generator, TF32, defaults."""


class Expectation:
    """The cases of one exercise under one seed, what the reference answers, and what each misconception does."""

    def __init__(self, exercise: Exercise, seed: int, device: str = "cpu") -> None:
        self.exercise, self.device = exercise, device
        self.cases: tuple[Case, ...] = tuple(exercise.cases(Rng(seed, exercise.id)))
        self.expected: tuple[Response, ...] = self._expected()
        self._wrong: dict[tuple[str, int], Response] = {}
        self._found: dict[tuple[str, int], str | None] = {}

    def _expected(self) -> tuple[Response, ...]:
        if self.exercise.artifact is not None:
            return tuple(Response() for _ in self.cases)
        responses = self.ask(reference_of(self.exercise))
        broken = [r.failure for r in responses if r.failure is not None]
        if broken:
            raise RuntimeError(f"the reference of {self.exercise.id} fails: {broken[0]}")
        return responses

    def ask(self, answer: Any, weights: Mapping[str, torch.Tensor] | None = None) -> tuple[Response, ...]:
        """Drive an answer that may be trusted (a reference, or the learner's in their own notebook)."""
        return tuple(self._ask_case(case, answer, weights) for case in self.cases)

    def _ask_case(
        self, case: Case, answer: Any, weights: Mapping[str, torch.Tensor] | None = None
    ) -> Response:
        extra = {} if weights is None else {"weights": dict(weights)}
        with _ONE_AT_A_TIME, _exact_matmul():
            inputs = {**case.inputs, **extra}
            return perform(self.exercise, answer, inputs, case.gradients, case.mutable, self.device)

    @cached_property
    def packed(self) -> tuple[str, bytes]:
        """The cases as they are sent to a learner's process, but for weights of the learner's own."""
        return self.packed_with({})

    def packed_with(self, extra: Mapping[str, Any]) -> tuple[str, bytes]:
        """The cases as they are sent, with `extra` inputs in each."""
        return pack([
            {"inputs": {**case.inputs, **extra}, "gradients": case.gradients, "mutable": case.mutable}
            for case in self.cases
        ])

    def decide(self, responses: Sequence[Response], hidden: bool) -> Verdict:
        """The verdict on an answer's responses, with the hint of the misconception it shows."""
        verdict = decide(self.exercise, self.cases, self.expected, responses, hidden)
        if verdict.status == "passed":
            return verdict
        found = self.recognise(responses)
        return verdict.with_hint(found.hint) if found else verdict

    def recognise(self, responses: Sequence[Response]) -> Misconception | None:
        """The misconception whose outputs these are, if there is one."""
        if self.exercise.artifact is not None:
            return self._by_symptom(responses)
        # Cases that fail come first: most misconceptions are told apart by one case, and need not run the others.
        problems = [
            problem_of(self.exercise, *three) for three in zip(self.cases, self.expected, responses, strict=True)
        ]
        order = sorted(range(len(problems)), key=lambda index: problems[index] is None)
        known = misconceptions_of(self.exercise)
        for exact in (True, False):
            for one in known:
                if all(self._agree_on(one, index, responses[index], problems[index], exact) for index in order) and (
                    exact or self._shows_in_outputs(one)
                ):
                    return one
        return None

    def _shows_in_outputs(self, one: Misconception) -> bool:
        """Is it more than a wrong gradient or a changed input? Else, outputs alone don't tell it from what is right."""
        for case, expected, wrong in zip(self.cases, self.expected, self.responses_of(one), strict=True):
            if wrong.outputs is None or self.exercise.verify(case, wrong.outputs) is not None:
                return True
            if compare(Response(expected.outputs), Response(wrong.outputs), case.tolerance) is not None:
                return True
        return False

    def _by_symptom(self, responses: Sequence[Response]) -> Misconception | None:
        """The misconception that a trained model shows where it fails."""
        for case, expected, got in zip(self.cases, self.expected, responses, strict=True):
            if got.outputs is None or problem_of(self.exercise, case, expected, got) is None:
                continue
            name = self.exercise.symptom(case, got.outputs)
            found = next((one for one in misconceptions_of(self.exercise) if one.name == name), None)
            if found is not None:
                return found
        return None

    def responses_of(self, one: Misconception) -> tuple[Response, ...]:
        """What a misconception answers."""
        return tuple(self._response_of(one, index) for index in range(len(self.cases)))

    def _response_of(self, one: Misconception, index: int) -> Response:
        if (one.name, index) not in self._wrong:
            case = self.cases[index]
            trained = self.exercise.artifact is not None
            self._wrong[one.name, index] = Response(one.answer(case)) if trained else self._ask_case(case, one.answer)
        return self._wrong[one.name, index]

    def _agree_on(
        self, one: Misconception, index: int, got: Response, problem: Problem | None, exact: bool
    ) -> bool:
        """Does a misconception answer a case as the learner did, whose problem there is known?"""
        case, wrong = self.cases[index], self._response_of(one, index)
        if wrong.failure or got.failure:
            return _same_failure(wrong, got)
        verified = self._verified(one, index)
        if verified is not None:
            return verified == _shape_of(problem.public if problem else "")
        if exact and wrong.changed != got.changed:
            return False
        known, seen = (Response(each.outputs, each.gradients if exact else {}) for each in (wrong, got))
        return compare(known, seen, case.tolerance) is None

    def _verified(self, one: Misconception, index: int) -> str | None:
        """What `verify` finds wrong with a misconception, without numbers; None where outputs are compared."""
        if (one.name, index) not in self._found:
            case, wrong = self.cases[index], self._response_of(one, index)
            found = None
            if wrong.outputs is not None and self.exercise.verify(case, wrong.outputs) is not None:
                problem = problem_of(self.exercise, case, self.expected[index], wrong)
                found = _shape_of(problem.public if problem else "")
            self._found[one.name, index] = found
        return self._found[one.name, index]


def _same_failure(a: Response, b: Response) -> bool:
    if a.failure is None or b.failure is None:
        return False
    return a.failure.kind == b.failure.kind and _shape_of(a.failure.message) == _shape_of(b.failure.message)


def _shape_of(message: str) -> str:
    """A message without its numbers: two of the same shape mean the same thing."""
    return re.sub(r"-?\d[\d.e+-]*", "#", message)


class _exact_matmul:  # noqa: N801  reads as a statement
    """References never use TF32: its 10-bit mantissa would widen every tolerance."""

    def __enter__(self) -> None:
        self.before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False

    def __exit__(self, *_: object) -> None:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = self.before


@lru_cache(maxsize=512)
def expectation(exercise_id: str, seed: int = PUBLIC_SEED, device: str = "cpu") -> Expectation:
    """The shared expectation of an exercise under a seed."""
    return Expectation(get(exercise_id), seed, device)


def judge_answer(
    exercise: Exercise | str, answer: Any, *, seed: int = PUBLIC_SEED, hidden: bool = False,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> Verdict:
    """Judge a trusted answer in this process: for authors and tests."""
    name = exercise if isinstance(exercise, str) else exercise.id
    found = expectation(name, seed)
    return found.decide(found.ask(answer, weights), hidden)
