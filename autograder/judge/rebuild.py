"""Rebuild a submission: the instructor's notebook with the learner's answers in it.

From the submission only source text is taken: that of answer cells, by id, and of code cells that the learner added.
Tags, metadata, outputs, locked cells and their order are the instructor's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.artifacts import read_plain_file
from autograder.errors import GradingImpossible, MissingArtifact, SubmissionError

MAX_NOTEBOOK_BYTES = 128 * 2**20
MAX_SOURCE = 200_000
MAX_EXTRA_CELLS = 500
MAX_CELLS = 5000
MAX_BRACKETS = 2_000_000
"""Of JSON's lists and objects: an empty one takes three bytes in the file and sixty in memory."""


@dataclass(frozen=True)
class Cell:
    """One cell of the rebuilt notebook.

    `kind` is answer, check, written, locked or extra; `name` is its grade id; `answered` tells whether the learner
    changed an answer; `slow` cells are not run by the grader.
    """

    kind: str
    name: str
    source: str
    code: bool = True
    slow: bool = False
    answered: bool = False


@dataclass(frozen=True)
class Rebuilt:
    """A submission put back into the instructor's frame, and what was found to be odd on the way."""

    lesson: str
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = field(default_factory=tuple)


def read_notebook(path: Path) -> dict[str, Any]:
    """The notebook as JSON, trusting nothing. Raises SubmissionError saying what is wrong with the file."""
    try:
        data = read_plain_file(path, "the notebook", MAX_NOTEBOOK_BYTES)
    except MissingArtifact as error:
        raise SubmissionError(str(error)) from error
    return parse_notebook(data)


def parse_notebook(data: bytes) -> dict[str, Any]:
    """The notebook in `data`. Raises SubmissionError when it is none."""
    if not data.strip():
        raise SubmissionError("the notebook is empty: save it in JupyterLab and hand it in again")
    if _brackets(data) > MAX_BRACKETS:
        raise SubmissionError("the notebook holds far too many lists: clear its outputs and hand it in again")
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SubmissionError(
            "the notebook is not JSON: it is cut off or not a notebook; save it in JupyterLab and hand it in again"
        ) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        old = isinstance(notebook, dict) and "worksheets" in notebook
        why = "is of the old format 3: open and save it in JupyterLab" if old else "has no list of cells"
        raise SubmissionError(f"the notebook {why}")
    return notebook


def _brackets(data: bytes) -> int:
    """How many lists and objects JSON would make; those within strings are not counted where it would matter."""
    found = data.count(b"[") + data.count(b"{")
    if found > MAX_BRACKETS:
        bare = re.sub(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', b"", data, flags=re.DOTALL)
        found = bare.count(b"[") + bare.count(b"{")
    return found


def instructor_notebook(lesson: str, root: Path) -> dict[str, Any]:
    """The released notebook of a lesson. Raises GradingImpossible where it was never built."""
    path = root / "notebooks" / lesson / f"{lesson}.ipynb"
    if not path.is_file():
        raise GradingImpossible(f"There is no {path.name} under notebooks/{lesson}: run `python -m autograder build`")
    return parse_notebook(path.read_bytes())


def source_of(cell: Any) -> str:
    """A cell's source text, whichever of its two spellings, without what no kernel could read."""
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    text = source if isinstance(source, str) else ""
    return text.encode("utf-8", "replace").decode("utf-8")[:MAX_SOURCE]


def grade_id(cell: Any) -> str | None:
    """The nbgrader id that a cell claims."""
    metadata = cell.get("metadata") if isinstance(cell, dict) else None
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    claimed = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return claimed if isinstance(claimed, str) else None


def rebuild(lesson: str, instructor: dict[str, Any], submitted: dict[str, Any]) -> Rebuilt:
    """Put the learner's answers and extra code into the instructor's notebook."""
    frame = [_frame_cell(cell) for cell in instructor["cells"]]
    answers = {cell.name for cell in frame if cell.kind in ("answer", "written")}
    known = {cell.name for cell in frame}
    by_cell_id = {c.get("id"): f.name for c, f in zip(instructor["cells"], frame, strict=True) if c.get("id")}
    locked_sources = {cell.source.strip() for cell in frame if cell.kind in ("locked", "check")}
    own_sources = {cell.name: cell.source.strip() for cell in frame}
    found: dict[str, str] = {}
    extras: dict[str, list[Cell]] = {}
    notes: list[str] = []
    if len(submitted["cells"]) > MAX_CELLS:
        notes.append(f"the notebook has more than {MAX_CELLS} cells: the rest was not read")
    before = ""
    for cell in submitted["cells"][:MAX_CELLS]:
        name = _name_in_frame(cell, known, by_cell_id)
        if name is None:
            if _is_extra(cell, locked_sources) and sum(map(len, extras.values())) < MAX_EXTRA_CELLS:
                extras.setdefault(before, []).append(Cell("extra", "", source_of(cell)))
            continue
        before = name
        if name in answers and name in found:
            notes.append(f"`{name}` was handed in more than once: the first one counts")
        elif name in answers:
            found[name] = source_of(cell)
        elif source_of(cell).strip() != own_sources[name]:
            notes.append(f"the cell `{name}` is not the learner's to edit: the original counts")
    notes += [f"the answer cell `{name}` is missing" for name in sorted(answers - set(found))]
    return Rebuilt(lesson, tuple(_assemble(frame, found, extras)), tuple(dict.fromkeys(notes)))


def _name_in_frame(cell: Any, known: set[str], by_cell_id: dict[str, str]) -> str | None:
    claimed = grade_id(cell)
    if claimed in known:
        return claimed
    own = cell.get("id") if isinstance(cell, dict) else None
    return by_cell_id.get(own) if isinstance(own, str) else None


def _is_extra(cell: Any, locked_sources: set[str]) -> bool:
    source = source_of(cell).strip()
    return isinstance(cell, dict) and cell.get("cell_type") == "code" and bool(source) and source not in locked_sources


def _assemble(frame: list[Cell], found: dict[str, str], extras: dict[str, list[Cell]]) -> Iterator[Cell]:
    yield from extras.get("", [])
    for cell in frame:
        if cell.kind in ("answer", "written"):
            source = found.get(cell.name, cell.source)
            answered = source.strip() != cell.source.strip()
            yield Cell(cell.kind, cell.name, source, cell.code, cell.slow, answered)
        else:
            yield cell
        yield from extras.get(cell.name, [])


def _frame_cell(cell: dict[str, Any]) -> Cell:
    """One of the instructor's cells; its metadata is trusted."""
    metadata = cell.get("metadata", {})
    nbgrader = metadata.get("nbgrader", {})
    slow = bool(metadata.get("autograder", {}).get("slow"))
    code = cell.get("cell_type") == "code"
    name = nbgrader.get("grade_id") or cell.get("id", "")
    if nbgrader.get("solution"):
        kind = "answer" if code else "written"
    else:
        kind = "check" if nbgrader.get("grade") else "locked"
    return Cell(kind, name, source_of(cell), code, slow)
