"""What an exercise is: its cases, how an answer to it is driven, and the registry of all of them."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from autograder.errors import UnknownExercise

PUBLIC_SEED = 0


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may lie apart, as a share of the largest expected one; `None` follows the dtype."""

    relative: float | None = None

    def of(self, dtype: torch.dtype) -> float:
        """The relative tolerance for tensors of this dtype."""
        if self.relative is not None:
            return self.relative
        return {torch.float64: 1e-9, torch.float32: 2e-5, torch.float16: 5e-3, torch.bfloat16: 4e-2}.get(dtype, 0.0)


@dataclass(frozen=True)
class Case:
    """One question put to an answer.

    `inputs` is plain data (tensors, numbers, strings, lists, dicts) and goes to the learner's process, as keyword
    arguments of `Exercise.drive`. `truth` stays with the judge, for `Exercise.verify`. `gradients` asks for the
    gradient with respect to every floating tensor in `inputs`, or to those whose path starts with a given name.
    `mutable` names the inputs that the answer may change.
    """

    name: str
    inputs: Mapping[str, Any]
    weight: float = 1.0
    gradients: bool | tuple[str, ...] = False
    mutable: tuple[str, ...] = ()
    truth: Mapping[str, Any] = field(default_factory=dict)
    tolerance: Tolerance = field(default_factory=Tolerance)


class Rng:
    """Draws the inputs of cases, reproducibly: the same seed and exercise give the same inputs on every machine."""

    def __init__(self, seed: int, exercise_id: str) -> None:
        digest = hashlib.sha256(f"{seed}/{exercise_id}".encode()).digest()
        self.generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def normal(self, *size: int, dtype: torch.dtype = torch.float64, scale: float = 1.0) -> Tensor:
        """Gaussian numbers, drawn in float64 so that every dtype gets the same ones up to rounding."""
        return (torch.randn(size, generator=self.generator, dtype=torch.float64) * scale).to(dtype)

    def uniform(self, *size: int, low: float = 0.0, high: float = 1.0, dtype: torch.dtype = torch.float64) -> Tensor:
        """Uniform numbers in [low, high)."""
        return (low + (high - low) * torch.rand(size, generator=self.generator, dtype=torch.float64)).to(dtype)

    def ids(self, *size: int, high: int, low: int = 0) -> Tensor:
        """int64 ids in low … high - 1."""
        return torch.randint(low, high, size, generator=self.generator)

    def integer(self, low: int, high: int) -> int:
        """One int in low … high - 1."""
        return int(torch.randint(low, high, (1,), generator=self.generator))

    def permutation(self, n: int) -> list[int]:
        """0 … n - 1 in random order."""
        return list(torch.randperm(n, generator=self.generator).tolist())


def strided(x: Tensor) -> Tensor:
    """The same values laid out in another order, so that `x.view` on it fails: a non-contiguous input."""
    if x.dim() < 2:
        return torch.stack([x, x + 1], dim=-1)[..., 0]
    order = list(range(x.dim()))[::-1]
    return x.permute(order).contiguous().permute(order)


class Exercise(ABC):
    """One exercise. Subclasses are registered by `@exercise`, which fills the class variables."""

    id: ClassVar[str]
    lesson: ClassVar[str]
    points: ClassVar[float]
    difficulty: ClassVar[int]
    minutes: ClassVar[int]
    builds_on: ClassVar[tuple[str, ...]]
    artifact: ClassVar[str | None] = None
    """Trained exercises: the file in `artifacts/` whose tensors arrive in `drive` as the input `weights`."""

    answer_names: ClassVar[tuple[str, ...]]
    """What the learner defines; the id, but for trained exercises, which load weights into one class or several."""

    @abstractmethod
    def cases(self, rng: Rng) -> Iterator[Case]:
        """The questions, drawn from `rng` alone."""

    @abstractmethod
    def drive(self, answer: Any, *args: Any, **inputs: Any) -> dict[str, Any]:
        """Ask `answer` one question; runs in the learner's process. Plain data in, plain data out."""

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str] | None:
        """For random and open-ended answers: the problems with `outputs`, empty when there are none.

        None (the default) means: compare with the reference's outputs. Runs on the judge's side, on untrusted
        outputs: it must check types and shapes itself (see `autograder.expect_form`) and may not raise.
        """
        return None

    def symptom(self, case: Case, outputs: dict[str, Any]) -> str | None:
        """Trained exercises: the name of the misconception that explains outputs that fail this case, if one does.

        A trained model is recognised by what it does, since no two are alike. Such a misconception's answer is a
        function from a case to the outputs of a model with that flaw. Outputs are untrusted, as in `verify`.
        """
        return None

    @property
    def answer_text(self) -> str:
        """The names that the learner defines with their verb: the beginning of a sentence."""
        names = " and ".join(f"`{name}`" for name in self.answer_names)
        return f"{names} {'is' if len(self.answer_names) == 1 else 'are'}"

    def answer_in(self, namespace: Mapping[str, Any]) -> Any:
        """What the learner defined: one object, or a dict of them where there are several names.

        Raises KeyError with the first name that is not there.
        """
        absent = next((name for name in self.answer_names if name not in namespace), None)
        if absent is not None:
            raise KeyError(absent)
        found = {name: namespace[name] for name in self.answer_names}
        return found[self.answer_names[0]] if len(found) == 1 else found


E_ = TypeVar("E_", bound=type[Exercise])
_registry: dict[str, type[Exercise]] = {}


def exercise(
    id: str,
    *,
    lesson: str,
    points: float,
    difficulty: int,
    minutes: int,
    builds_on: Sequence[str] = (),
    answer: str | Sequence[str] | None = None,
    artifact: str | None = None,
) -> Callable[[E_], E_]:
    """Register an exercise under its id. Raises ValueError when the id is taken."""

    def register(cls: E_) -> E_:
        taken = _registry.get(id)
        if taken is not None and taken.__module__ != cls.__module__:
            raise ValueError(f"exercise {id!r} is declared in {taken.__module__} and in {cls.__module__}")
        cls.id, cls.lesson, cls.points = id, lesson, points
        cls.difficulty, cls.minutes, cls.builds_on = difficulty, minutes, tuple(builds_on)
        cls.answer_names = (answer or id,) if answer is None or isinstance(answer, str) else tuple(answer)
        cls.artifact = artifact
        _registry[id] = cls
        return cls

    return register


@cache
def _load_all() -> None:
    package = importlib.import_module("autograder.exercises")
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"autograder.exercises.{module}")


def exercises(lesson: str | None = None) -> list[Exercise]:
    """Every exercise, in the order of its declaration; of one lesson, if named."""
    _load_all()
    return [cls() for cls in _registry.values() if lesson is None or cls.lesson == lesson]


def get(exercise_id: str) -> Exercise:
    """The exercise of that id. Raises UnknownExercise, naming near ones."""
    _load_all()
    if exercise_id not in _registry:
        import difflib

        near = difflib.get_close_matches(exercise_id, _registry, n=3)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise UnknownExercise(f"No exercise is called {exercise_id!r}.{hint}")
    return _registry[exercise_id]()


@dataclass(frozen=True)
class Misconception:
    """A complete wrong answer that learners really give, and the hint that points at it without telling.

    Of a trained exercise, `answer` maps a case to the outputs of a model with that flaw; see `Exercise.symptom`.
    """

    exercise_id: str
    name: str
    hint: str
    answer: Any


_misconceptions: dict[str, list[Misconception]] = {}


def misconception(exercise_id: str, name: str, hint: str) -> Callable[[Any], Any]:
    """Register a named wrong answer to an exercise; the decorated function or class is that answer."""

    def register(answer: Any) -> Any:
        _misconceptions.setdefault(exercise_id, []).append(Misconception(exercise_id, name, hint, answer))
        return answer

    return register


def misconceptions_of(one: Exercise) -> list[Misconception]:
    """The named wrong answers to an exercise; imports the lesson's module of them on first use."""
    importlib.import_module(f"autograder.misconceptions.{one.lesson.split('_', 1)[1]}")
    return list(_misconceptions.get(one.id, []))


def reference_of(one: Exercise) -> Any:
    """The right answer to an exercise; imports the lesson's module of references on first use."""
    module = importlib.import_module(f"autograder.reference.{one.lesson.split('_', 1)[1]}")
    return one.answer_in(vars(module))
