"""The eight of the demo: what each hands in, and how each exercise of theirs must end."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.judge.rebuild import grade_id, source_of


@dataclass(frozen=True)
class Student:
    """`answers` maps an exercise to the source handed in instead of the right one; `status` says how those end.

    `answered` None means that all other exercises are answered right; else only those named.
    """

    name: str
    story: str
    answers: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    answered: tuple[str, ...] | None = None
    trained: bool = True
    forged: bool = False

    def expected(self, exercise_id: str) -> tuple[str, ...]:
        """The statuses with which that exercise may end."""
        if exercise_id in self.status:
            return self.status[exercise_id]
        if self.answered is not None and exercise_id not in self.answered:
            return ("missing",)
        return ("passed",)


FORGETS_THE_FUTURE = """
def rnn_backward(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    grad_a = grad_outputs * (1 - outputs**2)
    before = torch.cat([h_0[:, None], outputs[:, :-1]], dim=1)
    return {
        "x": grad_a @ W_xh.T, "h_0": grad_a[:, 0] @ W_hh.T, "b_h": grad_a.sum(dim=(0, 1)),
        "W_xh": torch.einsum("bti,btj->ij", x, grad_a), "W_hh": torch.einsum("bti,btj->ij", before, grad_a),
    }
"""

CLIPS_EACH = """
def clip_gradients_(gradients, max_norm):
    total = torch.stack([gradient.norm() for gradient in gradients]).norm()
    for gradient in gradients:
        norm = gradient.norm()
        if norm > max_norm:
            gradient.mul_(max_norm / norm)
    return total
"""

MULTIPLIES_TEMPERATURE = """
def generate(model, prefix, num_tokens, temperature, generator=None):
    ids = list(prefix)
    with torch.no_grad():
        logits, h = model(torch.tensor([ids]))
        for _ in range(num_tokens):
            last = logits[0, -1]
            if temperature == 0:
                token = int(last.argmax())
            else:
                token = int(torch.multinomial(torch.softmax(last * temperature, -1), 1, generator=generator))
            ids.append(token)
            logits, h = model(torch.tensor([[token]]), h)
    return ids
"""

_LOOPS = """
def generate(model, prefix, num_tokens, temperature, generator=None):
    ids = list(prefix)
    while ids[-1] != -1:
        logits, _ = model(torch.tensor([ids]))
        ids = ids[:-1] + [int(logits[0, -1].argmax())]
    return ids
"""

_KILLS = """
import os
def clip_gradients_(gradients, max_norm):
    os._exit(1)
"""

_BOMBS = """
def rnn_backward(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    jacobians = []
    while True:
        jacobians.append(torch.zeros(4096, 4096) + W_hh[0, 0])
"""

_FORGES = """
import builtins, torch
from IPython import get_ipython
class Same(float):
    __eq__ = __le__ = __lt__ = __ge__ = __gt__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = float.__hash__
torch.equal = torch.allclose = lambda *args, **kwargs: True
builtins.float = Same
import autograder
autograder.check = lambda *args, **kwargs: print("all tests passed")
get_ipython().display_formatter.formatters["text/plain"].for_type(object, lambda value, p, cycle: p.text("100"))
def rnn_step(*args): return Same(4.0)
"""

STUDENTS = (
    Student("ada", "everything, trained too"),
    Student(
        "ben", "the first half", answered=("rnn_step", "rnn_forward", "rnn_backward", "clip_gradients_"), trained=False,
    ),
    Student(
        "cleo", "a misconception: the gradient from later steps forgotten",
        {"rnn_backward": FORGETS_THE_FUTURE}, {"rnn_backward": ("wrong", "partial")},
    ),
    Student(
        "dan", "two others: each tensor clipped alone, and the temperature multiplied",
        {"clip_gradients_": CLIPS_EACH, "generate": MULTIPLIES_TEMPERATURE},
        {"clip_gradients_": ("wrong", "partial"), "generate": ("wrong", "partial")},
    ),
    Student("eve", "an endless loop", {"generate": _LOOPS}, {"generate": ("timeout",)}),
    Student("finn", "an answer that kills its kernel", {"clip_gradients_": _KILLS}, {"clip_gradients_": ("crashed",)}),
    Student("gil", "a memory bomb", {"rnn_backward": _BOMBS}, {"rnn_backward": ("memory",)}),
    Student(
        "hal", "no answers, and an attempt to forge the score", {"rnn_step": _FORGES},
        {"rnn_step": ("wrong", "error", "malformed")}, answered=("rnn_step",), trained=False, forged=True,
    ),
)


def submission(student: Student, lesson: str, root: Path) -> dict[str, Any]:
    """The notebook that a student hands in: the released one with answers in it."""
    released = _read(root / "notebooks" / lesson / f"{lesson}.ipynb")
    solved = _read(root / "build" / "source" / lesson / f"{lesson}.ipynb")
    right = {grade_id(cell): source_of(cell) for cell in solved["cells"]}
    notebook = copy.deepcopy(released)
    for cell in notebook["cells"]:
        nbgrader = cell["metadata"].get("nbgrader", {})
        name = nbgrader.get("grade_id")
        if nbgrader.get("solution") and cell["cell_type"] == "code":
            if name in student.answers:
                cell["source"] = student.answers[name].strip()
            elif student.answered is None or name in student.answered:
                cell["source"] = right[name]
        if nbgrader.get("solution") and cell["cell_type"] == "markdown" and student.answered is None:
            cell["source"] = "The gradient is a product of many factors; below one they vanish."
        if student.forged:
            _forge(cell)
    return notebook


def _forge(cell: dict[str, Any]) -> None:
    """Claim points in every way that a notebook offers."""
    nbgrader = cell["metadata"].get("nbgrader", {})
    if nbgrader.get("grade") and cell["cell_type"] == "code":
        points = nbgrader.get("points", 0)
        cell["source"] = str(points)
        cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": str(points)}, "metadata": {},
                            "execution_count": 1}]
        nbgrader |= {"points": 1000, "locked": False, "checksum": "0" * 32}
        cell["metadata"]["tags"] = ["skip-execution"]


def _read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook
