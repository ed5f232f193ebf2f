"""Run one rebuilt submission in the sandbox and judge it, check by check, whatever its code does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from autograder.artifacts import read_artifact
from autograder.drive import Failure, Response
from autograder.errors import MissingArtifact, NotPlainData, SubmissionError
from autograder.exercise import Case, Exercise, get
from autograder.judge.expect import Expectation, expectation
from autograder.judge.rebuild import Cell, Rebuilt
from autograder.kernel.client import Reply, clean
from autograder.kernel.sandbox import Kernel, Sandbox
from autograder.verdict import Verdict, no_answer
from autograder.wire import unpack

CHECK_PREFIX = "check_"


class Run:
    """One submission on its way through the sandbox."""

    def __init__(self, rebuilt: Rebuilt, sandbox: Sandbox, seed: int, device: str, folder: Path | None) -> None:
        self.rebuilt, self.sandbox, self.seed, self.device, self.folder = rebuilt, sandbox, seed, device, folder
        self.kernel: Kernel | None = None
        self.done = 0
        self.avoid: set[int] = set()
        self.restarts = 0
        self.trouble: dict[str, tuple[str, str]] = {}
        self.outputs: dict[int, tuple[dict[str, Any], ...]] = {}
        self.end = time.monotonic() + sandbox.limits.submission_seconds

    def verdicts(self) -> tuple[Verdict, ...]:
        """Judge every check of the notebook, in its order."""
        try:
            return tuple(
                self._judge(get(cell.name.removeprefix(CHECK_PREFIX)), index)
                for index, cell in enumerate(self.rebuilt.cells) if cell.kind == "check"
            )
        finally:
            if self.kernel is not None:
                self.kernel.close()
                self.sandbox.forget(self.kernel.id)

    def _judge(self, exercise: Exercise, index: int) -> Verdict:
        expected = expectation(exercise.id, self.seed, self.device)
        weights: Mapping[str, Tensor] | None = None
        if exercise.artifact is not None:
            try:
                weights = self._weights(exercise.artifact)
            except MissingArtifact as error:
                return no_answer(exercise, "missing", str(error), expected.cases)
            except SubmissionError as error:
                return no_answer(exercise, "malformed", str(error), expected.cases)
        kernel = self._kernel_at(index)
        if kernel is None:
            return self._unfinished(exercise, expected)
        return self._ask(exercise, expected, weights, kernel)

    def _weights(self, name: str) -> dict[str, Tensor]:
        if self.folder is None:
            raise MissingArtifact(f"artifacts/{name} was not handed in")
        return read_artifact(self.folder, name)

    def _unfinished(self, exercise: Exercise, expected: Expectation) -> Verdict:
        why = "the submission's time was used up" if time.monotonic() >= self.end else "its kernel ended too often"
        return no_answer(exercise, "timeout", f"not judged: {why} by other cells", expected.cases)

    def _kernel_at(self, index: int) -> Kernel | None:
        """A kernel that has run every cell before `index`; a fresh one replays them after a crash."""
        while time.monotonic() < self.end and self.restarts <= self.sandbox.limits.restarts:
            if self.kernel is None or not self.kernel.alive:
                self._restart()
            elif self.done >= index:
                return self.kernel
            else:
                self._run_cell(self.kernel, self.done)
        return None

    def _restart(self) -> None:
        if self.kernel is not None:
            self.kernel.close()
            self.sandbox.forget(self.kernel.id)
            self.restarts += 1
        self.kernel, self.done = self.sandbox.fork(), 0

    def _run_cell(self, kernel: Kernel, index: int) -> None:
        cell = self.rebuilt.cells[index]
        self.done = index + 1
        if not _is_run(cell) or index in self.avoid:
            return
        seconds = max(0.1, min(self.sandbox.limits.cell_seconds, self.end - time.monotonic()))
        reply = kernel.execute(cell.source, seconds)
        self.outputs[index] = tuple(reply.outputs)
        if reply.status in ("timeout", "died"):
            self.avoid.add(index)
        if cell.kind == "answer" and reply.status != "ok":
            self.trouble.update(dict.fromkeys(get(cell.name).answer_names, _trouble(cell.name, reply, seconds)))

    def _ask(
        self, exercise: Exercise, expected: Expectation, weights: Mapping[str, Tensor] | None, kernel: Kernel
    ) -> Verdict:
        text, blob = expected.packed if weights is None else expected.packed_with({"weights": dict(weights)})
        limits = self.sandbox.limits
        seconds = max(0.1, min(limits.ask_seconds, self.end - time.monotonic()))
        reply = kernel.ask({"exercise": exercise.id, "cases": text}, blob, seconds)
        if reply.status == "timeout" or reply.content.get("status") == "interrupted":
            message = f"no answer within {seconds:.0f} s: is there a loop that does not end?"
            return no_answer(exercise, "timeout", message, expected.cases)
        if reply.status == "died":
            return no_answer(exercise, "crashed", "the answer ended the kernel that ran it", expected.cases)
        return self._decide(exercise, expected, reply)

    def _decide(self, exercise: Exercise, expected: Expectation, reply: Reply) -> Verdict:
        if reply.content.get("status") == "missing":
            absent = "missing", f"{exercise.answer_text} not defined: the answer is missing"
            known = (self.trouble[name] for name in exercise.answer_names if name in self.trouble)
            return no_answer(exercise, *next(known, absent), expected.cases)
        try:
            responses = read_responses(reply, expected.cases)
            if all(r.failure and r.failure.message.startswith("NotImplementedError") for r in responses):
                return no_answer(exercise, "missing", f"{exercise.answer_text} not written yet", expected.cases)
            return expected.decide(responses, hidden=True)
        except NotPlainData as error:
            return no_answer(exercise, "malformed", str(error), expected.cases)
        except Exception as error:  # noqa: BLE001  what came back is an adversary's; a check that breaks on it gives nothing
            reason = f"what came back could not be compared ({type(error).__name__})"
            return no_answer(exercise, "malformed", reason, expected.cases)


def _is_run(cell: Cell) -> bool:
    """Does the grader run this cell? Not prose, not training, not checks, not an answer that was left as it came."""
    if not cell.code or cell.slow or cell.kind == "check" or not cell.source.strip():
        return False
    return cell.kind != "answer" or cell.answered


def _trouble(name: str, reply: Reply, seconds: float) -> tuple[str, str]:
    """Why an answer cell defined nothing: status and message."""
    if reply.status == "timeout":
        return "timeout", f"the answer cell `{name}` did not end within {seconds:.0f} s"
    if reply.status == "died":
        return "crashed", f"the answer cell `{name}` ended the kernel that ran it"
    if "MemoryError" in reply.error or "allocate memory" in reply.error:
        return "memory", f"the answer cell `{name}` ran out of memory"
    if reply.error.startswith("NotImplementedError"):
        return "missing", f"`{name}` is not written yet"
    return "error", f"the answer cell `{name}` raised {reply.error[:300]}"


def read_responses(reply: Reply, cases: Sequence[Case]) -> list[Response]:
    """The responses in an untrusted reply. Raises NotPlainData for anything but a valid one for each case."""
    if reply.content.get("status") != "answered" or not isinstance(reply.content.get("responses"), str):
        reason = reply.content.get("reason")
        told = f": {clean(reason, 300)}" if isinstance(reason, str) else ""
        raise NotPlainData(f"the kernel gave no valid reply{told}")
    items = unpack(reply.content["responses"], reply.blob)
    if not isinstance(items, list) or len(items) != len(cases):
        raise NotPlainData("the kernel gave no valid reply: it answered another number of cases")
    return [_response(item, case) for item, case in zip(items, cases, strict=True)]


def _response(item: Any, case: Case) -> Response:
    if not isinstance(item, dict):
        raise NotPlainData("the kernel gave no valid reply")
    if "kind" in item:
        kind = item["kind"] if item["kind"] in ("error", "form", "memory", "timeout") else "error"
        return Response(failure=Failure(kind, clean(item.get("message"), 2000), clean(item.get("where", ""), 300)))
    outputs, gradients, changed = item.get("outputs"), item.get("gradients"), item.get("changed")
    if not isinstance(outputs, dict) or not isinstance(gradients, dict) or not isinstance(changed, list):
        raise NotPlainData("the kernel gave no valid reply")
    if not all(g is None or isinstance(g, Tensor) for g in gradients.values()):
        raise NotPlainData("the kernel gave no valid reply")
    named = tuple(name for name in case.inputs if name in changed)
    if changed and not named:
        raise NotPlainData("the kernel gave no valid reply")
    return Response(outputs, gradients, named)
