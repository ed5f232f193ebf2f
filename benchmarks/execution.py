"""Execute a lesson's solution from top to bottom, as a learner would with every answer right."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from autograder.kernel import spec

CELL_SECONDS = 900


class LessonFailed(Exception):
    """A cell of a solution raised, or wrote to standard error; the text says which and what."""


def execute(
    lesson: str, root: Path, quick: bool, folder: Path | None = None,
    told: Callable[[int, int, str], None] | None = None,
) -> Path:
    """Run build/source/<lesson>/<lesson>.ipynb; returns the folder with the executed notebook and its artifacts.

    `folder` (build/lessons/<lesson> unless given) is made anew. `quick` sets COURSE_BUDGET=quick. `told` hears the
    number of the cell that starts, how many there are, and its name. Raises LessonFailed.
    """
    folder = folder or root / "build" / "lessons" / lesson
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    notebook = nbformat.read(root / "build" / "source" / lesson / f"{lesson}.ipynb", as_version=4)
    try:
        _run(lesson, notebook, folder, quick, told)
    finally:
        nbformat.write(notebook, folder / f"{lesson}.ipynb")
    problems = list(_on_stderr(lesson, notebook))
    if problems:
        raise LessonFailed("\n".join(problems))
    return folder


def _run(
    lesson: str, notebook: NotebookNode, folder: Path, quick: bool, told: Callable[[int, int, str], None] | None
) -> None:
    began: dict[int, float] = {}

    def starts(cell: NotebookNode, cell_index: int) -> None:
        began[cell_index] = time.perf_counter()
        if told is not None:
            told(cell_index, len(notebook.cells), name_of(cell))

    def ends(cell: NotebookNode, cell_index: int, **_: Any) -> None:
        cell.metadata["seconds"] = round(time.perf_counter() - began[cell_index], 2)

    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name=spec.NAME if spec.installed() else "python3",
        resources={"metadata": {"path": str(folder)}}, on_cell_start=starts, on_cell_executed=ends,
    )
    try:
        client.execute(env={**os.environ, "COURSE_BUDGET": "quick" if quick else "full"})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        name = next((name_of(c) for c in notebook.cells if _has_error(c)), "a cell")
        raise LessonFailed(f"{lesson}, {name}: {str(error)[-3000:]}") from error


def name_of(cell: NotebookNode) -> str:
    """What a cell is called in messages."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id") or cell.get("id", "?"))


def _has_error(cell: NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", ()))


def _on_stderr(lesson: str, notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        text = "".join(o.text for o in cell.get("outputs", ()) if o.output_type == "stream" and o.name == "stderr")
        if text:
            yield f"{lesson}, {name_of(cell)} wrote to standard error: {text.strip()[:500]}"
