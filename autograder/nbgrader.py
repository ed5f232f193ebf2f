"""The judge inside nbgrader: an exporter that reads anything, a preprocessor that rebuilds, one that judges.

`nbgrader_config.py` puts them into `nbgrader autograde`; everything else of nbgrader stays as it is.
"""

from __future__ import annotations

import atexit
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Integer, Unicode

from autograder.errors import CourseError, SubmissionError
from autograder.exercise import get
from autograder.feedback import as_html, as_text
from autograder.judge.grade import Grader, Settings
from autograder.judge.rebuild import Cell, Rebuilt, grade_id, instructor_notebook, read_notebook, rebuild, source_of
from autograder.judge.run import CHECK_PREFIX
from autograder.kernel.sandbox import find_bwrap
from autograder.verdict import Verdict, no_answer

_UNREADABLE = "autograder_unreadable"


@cache
def _grader(seed: int | None, device: str, unsafe: bool) -> Grader:
    """One grader with one warm process for all the submissions of a run."""
    grader = Grader(Settings(seed=seed, device=device, unsafe=unsafe))
    atexit.register(grader.close)
    return grader


class SubmissionExporter(NotebookExporter):  # type: ignore[misc]
    """Reads a submitted notebook whatever it is: an unreadable one becomes an empty one that carries the reason."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        try:
            if not JudgeSubmission(parent=self).unsafe_no_sandbox:
                find_bwrap()
        except CourseError as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from error

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> tuple[str, Any]:
        """Convert a notebook, reading it without trust."""
        try:
            submitted = read_notebook(Path(filename))
            notebook = plain_notebook(submitted)
        except SubmissionError as error:
            notebook = new_notebook(metadata={_UNREADABLE: str(error)})
        result: tuple[str, Any] = self.from_notebook_node(notebook, resources=resources, **kwargs)
        return result


def plain_notebook(submitted: dict[str, Any]) -> NotebookNode:
    """A valid notebook with what counts of `submitted`: kinds, source text and ids of its cells."""
    makers = {"code": new_code_cell, "markdown": new_markdown_cell}
    notebook = new_notebook()
    metadata = submitted.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get(_UNREADABLE), str):
        notebook.metadata[_UNREADABLE] = metadata[_UNREADABLE][:500]
    for index, cell in enumerate(submitted["cells"]):
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        made = makers.get(kind if isinstance(kind, str) else "", new_raw_cell)(source_of(cell))
        made.id = f"submitted-{index}"
        name = grade_id(cell)
        own = cell.get("id") if isinstance(cell, dict) else None
        made.metadata["autograder_cell_id"] = own if isinstance(own, str) else ""
        if name is not None:
            made.metadata["nbgrader"] = cell["metadata"]["nbgrader"]
        if isinstance(cell, dict) and isinstance(cell.get("outputs"), list) and kind == "code":
            made.outputs = []
        notebook.cells.append(made)
    return notebook


class RebuildSubmission(NbGraderPreprocessor):  # type: ignore[misc]
    """The instructor's notebook with the learner's answers: nothing else of the submission is kept."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Rebuild one submission."""
        lesson = resources["nbgrader"]["notebook"]
        instructor = instructor_notebook(lesson, Settings().root)
        for cell in nb.cells:
            cell["id"] = cell.metadata.pop("autograder_cell_id", "") or cell["id"]
        rebuilt = rebuild(lesson, instructor, nb)
        result = notebook_of(rebuilt, instructor)
        unreadable = nb.metadata.get(_UNREADABLE)
        notes = rebuilt.notes if unreadable is None else (str(unreadable),)
        if unreadable is not None:
            result.metadata[_UNREADABLE] = unreadable
        for note in notes:
            self.log.warning("%s: %s", resources["nbgrader"]["student"], note)
        return result, resources


def notebook_of(rebuilt: Rebuilt, instructor: dict[str, Any]) -> NotebookNode:
    """The rebuilt submission as a notebook."""
    frame = {grade_id(cell) or cell.get("id", ""): cell for cell in instructor["cells"]}
    notebook = new_notebook(metadata=deepcopy(instructor.get("metadata", {})))
    for index, cell in enumerate(rebuilt.cells):
        if cell.kind == "extra":
            made = new_code_cell(cell.source)
            made.id = f"extra-{index}"
        else:
            made = NotebookNode(deepcopy(frame[cell.name]))
            made.metadata = _node(made.metadata)
            made.source = cell.source
        notebook.cells.append(made)
    return notebook


def _node(value: Any) -> Any:
    """Nested dictionaries as nbformat's nodes."""
    return NotebookNode({k: _node(v) for k, v in value.items()}) if isinstance(value, dict) else value


class JudgeSubmission(NbGraderPreprocessor):  # type: ignore[misc]
    """Runs the rebuilt submission in the sandbox, judges every check, writes the scores where nbgrader reads them."""

    seed = Integer(None, allow_none=True, help="Seed of the hidden cases; None takes your secret one.").tag(config=True)
    device = Unicode("cpu", help="Where the references run: cpu or cuda.").tag(config=True)
    unsafe_no_sandbox = Bool(False, help="Run learners' code unprotected.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Judge one submission. Every check cell gets a score; without a verdict it is 0."""
        lesson = resources["nbgrader"]["notebook"]
        grader = _grader(self.seed, self.device, self.unsafe_no_sandbox)
        rebuilt = grader.rebuild(lesson, nb)
        if [cell.name for cell in rebuilt.cells if cell.kind != "extra"] != [_own_name(cell) for cell in nb.cells
                                                                            if not cell["id"].startswith("extra-")]:
            raise SubmissionError("the rebuilt notebook is not the instructor's: autograde again from the submission")
        verdicts, outputs = self._verdicts(grader, rebuilt, nb, resources)
        by_name = {f"{CHECK_PREFIX}{v.exercise_id}": v for v in verdicts}
        for index, (cell, source) in enumerate(zip(nb.cells, rebuilt.cells, strict=True)):
            if source.kind == "check":
                write_score(cell, by_name.get(source.name), source)
            elif source.code:
                cell.outputs = [NotebookNode(_node(output)) for output in outputs.get(index, ())]
        return nb, resources

    def _verdicts(
        self, grader: Grader, rebuilt: Rebuilt, nb: NotebookNode, resources: Any
    ) -> tuple[tuple[Verdict, ...], dict[int, Any]]:
        unreadable = nb.metadata.get(_UNREADABLE)
        if unreadable:
            checks = [cell.name for cell in rebuilt.cells if cell.kind == "check"]
            return tuple(no_answer(get(n.removeprefix(CHECK_PREFIX)), "malformed", unreadable) for n in checks), {}
        return grader.run(rebuilt, self._folder(resources))

    def _folder(self, resources: Any) -> Path:
        """Where the submission lies, for the weights that were handed in with it."""
        coursedir = self.parent.parent.coursedir
        names = resources["nbgrader"]
        return Path(coursedir.format_path(coursedir.submitted_directory, names["student"], names["assignment"]))


def _own_name(cell: NotebookNode) -> str:
    return grade_id(cell) or str(cell.get("id", ""))


def write_score(cell: NotebookNode, verdict: Verdict | None, source: Cell) -> None:
    """Write feedback, and last the score as the numeric result that nbgrader takes for partial credit."""
    if verdict is None:
        verdict = no_answer(get(source.name.removeprefix(CHECK_PREFIX)), "malformed", "it was not judged")
    share = verdict.points / verdict.max_points if verdict.max_points else 0.0
    points = round(share * float(cell.metadata.nbgrader.points), 2)
    feedback = {"text/plain": as_text(verdict), "text/html": as_html(verdict)}
    cell.outputs = [
        new_output("display_data", data=feedback),
        new_output("execute_result", data={"text/plain": repr(points)}, execution_count=None),
    ]
