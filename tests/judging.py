"""A small course to judge: one synthetic lesson, answered by the reference's own source text, in a root of its own.

A plugin of pytest's, so that all modules share one sandbox; it has no assertions: PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from autograder.exercise import exercises
from autograder.judge.grade import Grader, Settings, Submission
from autograder.judge.report import Report
from autograder.kernel.limits import Limits
from autograder.lesson import build_all
from autograder.reference import rnn
from autograder.verdict import Verdict

LESSON = "02_rnn"
SEED = 20_240_229
NEEDS_BWRAP = [
    pytest.mark.sandbox,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap: apt-get install bubblewrap"),
]
LIMITS = Limits(
    memory_bytes=512 * 2**20, home_bytes=16 * 2**20, cell_seconds=3.0, ask_seconds=8.0, submission_seconds=90.0
)
_PRIVATE = {"generate": (rnn._choose,)}


def source_of_answer(exercise_id: str) -> str:
    """The reference's source text for an exercise, with what it calls."""
    parts = (*_PRIVATE.get(exercise_id, ()), getattr(rnn, exercise_id))
    return "\n\n".join(inspect.getsource(part) for part in parts)


def _lesson_source() -> str:
    cells = [
        "# %% [markdown]\n# # A lesson",
        "# %%\nimport torch\nfrom jaxtyping import Float, Int\nfrom torch import Tensor, nn\n"
        "from autograder import check",
    ]
    for one in exercises(LESSON):
        slow = " slow=true" if one.artifact else ""
        answer = "trained = True" if one.artifact else source_of_answer(one.id)
        cells.append(f'# %% [markdown] card="{one.id}"\n# Write `{one.id}`.')
        cells.append(f'# %% exercise="{one.id}"{slow}\n### BEGIN SOLUTION\n{answer}\n### END SOLUTION')
        cells.append(f'# %% check="{one.id}"\ncheck("{one.id}")')
    cells.append('# %% [markdown] written="gates" points=3\n# ### BEGIN SOLUTION\n# Because.\n# ### END SOLUTION')
    return "\n\n".join(cells) + "\n"


@dataclass(frozen=True)
class Course:
    """A root with one lesson, built; and notebooks as a learner could hand them in."""

    root: Path

    @property
    def unanswered(self) -> dict[str, Any]:
        """The notebook as it was released."""
        return _read(self.root / "notebooks" / LESSON / f"{LESSON}.ipynb")

    @property
    def solution(self) -> dict[str, Any]:
        """The instructor's source, complete."""
        return _read(self.root / "build" / "source" / LESSON / f"{LESSON}.ipynb")

    def answered(self, base: dict[str, Any] | None = None, **sources: str) -> dict[str, Any]:
        """The solution, or `base`, with other source text in the named answer cells."""
        notebook = deepcopy(self.solution if base is None else base)
        for name, source in sources.items():
            cell_of(notebook, name)["source"] = source
        return notebook


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def cell_of(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """The cell of that grade id."""
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == name)


def place_of(notebook: dict[str, Any], name: str) -> int:
    """Where the cell of that grade id stands."""
    return notebook["cells"].index(cell_of(notebook, name))


def code(source: str) -> dict[str, Any]:
    """A code cell as a learner adds it."""
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def hand_in(folder: Path, notebook: Any, weights: dict[str, bytes] | None = None) -> Submission:
    """Lay a notebook, and files of weights, into a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{LESSON}.ipynb"
    path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook))
    for name, data in (weights or {}).items():
        (folder / "artifacts").mkdir(exist_ok=True)
        (folder / "artifacts" / f"{name}.safetensors").write_bytes(data)
    return Submission(path, folder.name, LESSON)


def sentiment_weights() -> bytes:
    """Untrained weights that fit `sentiment`."""
    from autograder.data import review_vocabulary

    torch.manual_seed(0)
    return save(dict(rnn.RNNClassifier(len(review_vocabulary()), 4, 5, 2).state_dict()))


def verdict(report: Report, exercise_id: str) -> Verdict:
    """The verdict on one exercise."""
    found, = (v for v in report.verdicts if v.exercise_id == exercise_id)
    return found


def statuses(report: Report) -> dict[str, str]:
    """Every exercise's status."""
    return {v.exercise_id: v.status for v in report.verdicts}


UNTRAINED = tuple(one.id for one in exercises(LESSON) if not one.artifact)
TRAINED = tuple(one.id for one in exercises(LESSON) if one.artifact)


def expected_statuses(**others: str) -> dict[str, str]:
    """All right, nothing trained, but for what is named."""
    return {**dict.fromkeys(UNTRAINED, "passed"), **dict.fromkeys(TRAINED, "missing"), **others}


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """One root for all tests; nothing writes to it."""
    root = tmp_path_factory.mktemp("course")
    (root / "solutions").mkdir()
    (root / "solutions" / f"{LESSON}.py").write_text(_lesson_source())
    build_all(root)
    return Course(root)


@pytest.fixture(scope="session")
def grader(course: Course) -> Iterator[Grader]:
    """One warm sandbox for all tests."""
    with Grader(Settings(seed=SEED, root=course.root, limits=LIMITS)) as made:
        yield made


@pytest.fixture
def grade(grader: Grader, tmp_path: Path) -> Callable[..., Report]:
    """Grade a notebook, given as JSON, text or Python."""

    def run(notebook: Any, weights: dict[str, bytes] | None = None) -> Report:
        return grader.grade(hand_in(tmp_path / "ann", notebook, weights))

    return run
