"""Grade notebooks and folders of them: find the submissions, share out the work, one report each.

`grade(path)` is the call for other programs; `grade_all` is behind the command line.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from autograder.errors import CourseError, GradingImpossible, NoSandbox, SubmissionError
from autograder.exercise import exercises, get
from autograder.judge.rebuild import Rebuilt, instructor_notebook, read_notebook, rebuild
from autograder.judge.report import Report
from autograder.judge.run import CHECK_PREFIX, Run
from autograder.kernel.client import clean
from autograder.kernel.limits import Limits
from autograder.kernel.sandbox import Sandbox
from autograder.kernel.visible import PACKAGE
from autograder.verdict import Verdict, no_answer

_log = logging.getLogger(__name__)

ROOT = Path(os.environ.get("COURSE_ROOT", PACKAGE.parent))
"""The checkout: solutions/, notebooks/ and data/ lie in it."""


@dataclass(frozen=True)
class Submission:
    """One notebook to grade. `lesson` is None where nothing tells which it belongs to."""

    path: Path
    student: str
    lesson: str | None


@dataclass(frozen=True)
class Settings:
    """How to grade. `seed` None takes the instructor's secret one."""

    seed: int | None = None
    device: str = "cpu"
    unsafe: bool = False
    limits: Limits = field(default_factory=Limits)
    root: Path = ROOT

    def hidden_seed(self) -> int:
        """The seed of the hidden cases."""
        return secret_seed() if self.seed is None else self.seed


def secret_seed() -> int:
    """The instructor's secret: COURSE_SEED, else a file in the user's configuration made at first need."""
    given = os.environ.get("COURSE_SEED")
    if given:
        try:
            return int(given)
        except ValueError as error:
            raise GradingImpossible(f"COURSE_SEED must be a whole number, got {given!r}") from error
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = home / "sequence-course" / "seed"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new_seed(path)
    try:
        return int(path.read_text())
    except (OSError, ValueError) as error:
        raise GradingImpossible(f"{path} holds no seed: delete it, and a new one is made") from error


def _write_new_seed(path: Path) -> None:
    """Whole or not at all, and never over another's: several graders may start at once."""
    part = path.with_name(f"seed.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(str(secrets.randbits(48)))
    with contextlib.suppress(FileExistsError):
        os.link(part, path)
    os.unlink(part)


@lru_cache(maxsize=1)
def lesson_names() -> tuple[str, ...]:
    """Every lesson that has exercises."""
    return tuple(dict.fromkeys(one.lesson for one in exercises()))


def find_submissions(paths: Sequence[Path], lesson: str | None = None) -> list[Submission]:
    """The notebooks under `paths`, sorted. Raises GradingImpossible for a path that is not there or holds none."""
    if lesson is not None and lesson not in lesson_names():
        raise GradingImpossible(f"There is no lesson {lesson!r}; there are: {', '.join(lesson_names())}")
    found: list[Submission] = []
    for path in paths:
        if not os.path.lexists(path):
            raise GradingImpossible(f"There is no {path}: give notebooks, or folders that hold them")
        found += [_submission(file, lesson) for file in _notebooks(path)]
    if not found:
        raise GradingImpossible(f"No notebook (*.ipynb) under {', '.join(map(str, paths))}")
    return found


def _notebooks(path: Path) -> Iterator[Path]:
    if not path.is_dir() or path.is_symlink():
        yield path
        return
    for folder, folders, names in os.walk(path, followlinks=False):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".ipynb"))


def _submission(path: Path, lesson: str | None) -> Submission:
    parents = [p for p in reversed(path.absolute().parent.parts) if p not in lesson_names()]
    own = path.stem in lesson_names()
    student = (parents[0] if parents else path.stem) if own else path.stem
    guessed = path.stem if own else next((p for p in reversed(path.parts) if p in lesson_names()), None)
    return Submission(path, clean(student, 100), lesson or guessed or _only_lesson())


def _only_lesson() -> str | None:
    return lesson_names()[0] if len(lesson_names()) == 1 else None


class SharedSandbox:
    """The one sandbox that several graders fork from, replaced when it breaks. Use as a context manager."""

    def __init__(self, settings: Settings, sandbox: Sandbox | None = None) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._sandbox = sandbox or self.another()

    def another(self) -> Sandbox:
        """A fresh sandbox of the same kind."""
        return Sandbox(self._settings.limits, unsafe=self._settings.unsafe)

    def get(self) -> Sandbox:
        """The present one."""
        with self._lock:
            return self._sandbox

    def replace(self, broken: Sandbox) -> None:
        """Put a fresh one in the place of `broken`, unless another thread has done so."""
        with self._lock:
            if self._sandbox is broken:
                broken.close()
                self._sandbox = self.another()

    def __enter__(self) -> SharedSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self._sandbox.close()


class Grader:
    """Grades submissions one after another. Use as a context manager; without `shared` it has a sandbox of its own."""

    def __init__(self, settings: Settings, shared: SharedSandbox | None = None) -> None:
        # The judge's tensors are small: a second thread would only wait for the first, and take a core from a kernel.
        torch.set_num_threads(1)
        self.settings, self.seed = settings, settings.hidden_seed()
        self._instructor: dict[str, dict[str, Any]] = {}
        self._own = None if shared else SharedSandbox(settings)
        self._shared = shared or self._own or SharedSandbox(settings)

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox in use."""
        return self._shared.get()

    def close(self) -> None:
        """End the sandbox, if it is this grader's own."""
        if self._own is not None:
            self._own.get().close()

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def grade(self, submission: Submission) -> Report:
        """The report on one submission. Raises only GradingImpossible: what it holds can't make grading fail."""
        began = time.monotonic()
        try:
            return self._grade(submission, began)
        except CourseError:
            raise
        except Exception as error:  # noqa: BLE001  a fault of ours on one submission must not cost the others theirs
            reason = f"the judge failed on this submission ({type(error).__name__}): please report it"
            _log.exception("%s: %s", submission.path, reason)
            verdicts = tuple(no_answer(one, "malformed", reason) for one in exercises(submission.lesson))
            return self._report(submission, verdicts, began, (reason,))

    def _grade(self, submission: Submission, began: float) -> Report:
        if submission.lesson is None:
            names = ", ".join(lesson_names())
            note = f"the file's name tells no lesson: call it <lesson>.ipynb or give --lesson (lessons: {names})"
            return self._report(submission, (), began, (note,))
        try:
            submitted = read_notebook(submission.path)
        except SubmissionError as error:
            verdicts = tuple(no_answer(one, "malformed", str(error)) for one in exercises(submission.lesson))
            return self._report(submission, verdicts, began, (str(error),))
        rebuilt = self.rebuild(submission.lesson, submitted)
        run = self.run(rebuilt, submission.path.parent)
        return self._report(submission, run[0], began, rebuilt.notes, run[1])

    def rebuild(self, lesson: str, submitted: dict[str, Any]) -> Rebuilt:
        """The submission in the instructor's frame."""
        if lesson not in self._instructor:
            self._instructor[lesson] = instructor_notebook(lesson, self.settings.root)
        return rebuild(lesson, self._instructor[lesson], submitted)

    def run(self, rebuilt: Rebuilt, folder: Path | None) -> tuple[tuple[Verdict, ...], dict[int, Any]]:
        """Judge. Where the warm process dies, it is replaced and the submission tried again, in a sandbox of its own.

        One that ends this too gets nothing. Raises GradingImpossible where a sandbox fails without a submission.
        """
        sandbox = self.sandbox
        try:
            return self._run_in(sandbox, rebuilt, folder)
        except NoSandbox:
            raise
        except GradingImpossible:
            self._shared.replace(sandbox)
        with self._shared.another() as alone:
            alone.fork().close()
            try:
                return self._run_in(alone, rebuilt, folder)
            except GradingImpossible:
                checks = (cell.name.removeprefix(CHECK_PREFIX) for cell in rebuilt.cells if cell.kind == "check")
                reason = "this submission ended the sandbox, twice"
                return tuple(no_answer(get(name), "crashed", reason) for name in checks), {}

    def _run_in(
        self, sandbox: Sandbox, rebuilt: Rebuilt, folder: Path | None
    ) -> tuple[tuple[Verdict, ...], dict[int, Any]]:
        run = Run(rebuilt, sandbox, self.seed, self.settings.device, folder)
        return run.verdicts(), run.outputs

    def _report(
        self, submission: Submission, verdicts: tuple[Verdict, ...], began: float, notes: tuple[str, ...],
        outputs: dict[int, Any] | None = None,
    ) -> Report:
        return Report(
            str(submission.path), submission.student, submission.lesson, verdicts, time.monotonic() - began, notes,
            not self.settings.unsafe, tuple(sorted((outputs or {}).items())),
        )


def grade_all(
    submissions: Sequence[Submission], settings: Settings, jobs: int = 1,
    told: Callable[[Report], None] = lambda report: None, sandbox: Sandbox | None = None,
) -> list[Report]:
    """Reports in the order of `submissions`; `told` hears of each as it comes, from one thread at a time.

    A `sandbox` that was started before is used, and ended at last.
    """
    lock = threading.Lock()
    with SharedSandbox(settings, sandbox) as shared:
        shared.get().wait_warm()
        grader = Grader(settings, shared)

        def one(submission: Submission) -> Report:
            report = grader.grade(submission)
            with lock:
                told(report)
            return report

        with ThreadPoolExecutor(max(1, min(jobs, len(submissions)))) as pool:
            return list(pool.map(one, submissions))


def grade(path: str | Path, *, lesson: str | None = None, settings: Settings | None = None) -> Report:
    """Grade one notebook. Raises GradingImpossible when there is no such file or no sandbox."""
    submission, = find_submissions([Path(path)], lesson)
    with Grader(settings or Settings()) as grader:
        return grader.grade(submission)
