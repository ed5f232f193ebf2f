"""The weights that a lesson's solution trains, made once for each version of code and data and kept under build/."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from autograder.exercise import exercises
from autograder.lesson import build_lesson

_SAVES = re.compile(r'save_weights\([^)]*"(\w+)"\)')


def trained_weights(
    lesson: str, root: Path, told: Callable[[str], None] = lambda text: None
) -> dict[str, bytes]:
    """The artifact files of a lesson's trained exercises, by name; trains them when the lesson has changed.

    `told` hears which training begins.
    """
    wanted = [one.artifact for one in exercises(lesson) if one.artifact]
    solved, _ = build_lesson(root / "solutions" / f"{lesson}.py")
    cells = _needed(solved.cells)
    version = _version(cells, root / "data")
    folder = root / "build" / "trained" / lesson / version
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent.with_suffix(".lock")):
        if not all((folder / "artifacts" / name).is_file() for name in wanted):
            shutil.rmtree(folder.parent, ignore_errors=True)
            folder.mkdir(parents=True)
            _train(cells, folder, told)
    return {name: (folder / "artifacts" / name).read_bytes() for name in wanted}


def _version(cells: list[NotebookNode], data: Path) -> str:
    """A name for this code on these data: weights made by others do not fit."""
    digest = hashlib.sha256("\n".join(cell.source for cell in cells).encode())
    for path in sorted(p for p in data.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _train(cells: list[NotebookNode], folder: Path, told: Callable[[str], None]) -> None:
    notebook = new_notebook(cells=cells)

    def starts(cell: NotebookNode, **_: object) -> None:
        for name in _SAVES.findall(cell.source):
            told(f"training {name}")

    client = NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}},
        on_cell_start=starts, extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    client.execute()


def _needed(cells: list[NotebookNode]) -> list[NotebookNode]:
    """All code up to the last cell that saves weights, but for checks."""
    last = max((i for i, cell in enumerate(cells) if _SAVES.search(cell.source)), default=-1)
    code = [cell for cell in cells[: last + 1] if cell.cell_type == "code"]
    return [cell for cell in code if not cell.metadata.get("nbgrader", {}).get("grade")]
