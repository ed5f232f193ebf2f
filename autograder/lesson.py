"""From a lesson's one source to its notebooks.

    solutions/<lesson>.py  →  build/source/<lesson>/<lesson>.ipynb  →  notebooks/<lesson>/<lesson>.ipynb
    (what authors edit)       (what nbgrader calls the source)          (what learners open)

The last step is nbgrader's own, run without a gradebook: `nbgrader generate_assignment` gives the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat.notebooknode import NotebookNode
from nbgrader import preprocessors as released_by
from traitlets.config import Config

from autograder.cells import Cell, grade_ids, read_cells
from autograder.errors import LessonError, UnknownExercise
from autograder.exercise import Exercise, exercises, get
from autograder.kernel.spec import notebook_metadata

CODE_STUB = '# YOUR CODE HERE\nraise NotImplementedError("Write your answer in place of this line.")'
TEXT_STUB = "*Write your answer in place of this line.*"

# In the order of nbgrader's GenerateAssignment, without SaveCells, which wants a gradebook and changes no cell.
_RELEASE = (
    released_by.IncludeHeaderFooter,
    released_by.InstantiateTests,
    released_by.LockCells,
    released_by.ClearSolutions,
    released_by.ClearOutput,
    released_by.CheckCellMetadata,
    released_by.ComputeChecksums,
    released_by.ClearHiddenTests,
    released_by.ClearMarkScheme,
    released_by.ComputeChecksums,
    released_by.CheckCellMetadata,
)


def release_config() -> Config:
    """The traits that this project sets for releasing; nbgrader_config.py merges the same ones."""
    config = Config()
    config.ClearSolutions.code_stub = {"python": CODE_STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    return config


def lessons(root: Path) -> list[str]:
    """The names of all lessons that have a source, in order."""
    return sorted(path.stem for path in (root / "solutions").glob("*.py") if not path.stem.startswith("_"))


def build_lesson(source: Path) -> tuple[NotebookNode, NotebookNode]:
    """The nbgrader source notebook and the student notebook of one lesson.

    Raises LessonError that lists every problem of the source: where, what was expected, what to do.
    """
    cells = read_cells(source)
    problems = [*_wrong_names(cells, source.stem), *_wrong_pairs(cells), *_forgotten(cells, source)]
    if problems:
        raise LessonError("\n".join(problems))
    with_answers = _notebook(cells)
    return with_answers, nbformat.reads(_release(with_answers), as_version=4)


def build_all(root: Path, check: bool = False) -> list[Path]:
    """Build every lesson below `root`; returns the student notebooks.

    With `check` nothing is written: raises LessonError naming each student notebook that is not what its source gives.
    """
    built = []
    stale = _without_source(root)
    for lesson in lessons(root):
        with_answers, student = build_lesson(root / "solutions" / f"{lesson}.py")
        target = root / "notebooks" / lesson / f"{lesson}.ipynb"
        if check:
            stale += _difference(target, student, root)
        else:
            _write(root / "build" / "source" / lesson / f"{lesson}.ipynb", with_answers)
            _write(target, student)
        built.append(target)
    if check and stale:
        raise LessonError("notebooks/ is not what solutions/ gives. Run: make notebooks\n" + "\n".join(stale))
    return built


def _wrong_names(cells: list[Cell], lesson: str) -> Iterator[str]:
    """Exercises that the registry doesn't know for this lesson, and names used twice."""
    seen: dict[tuple[str, str], str] = {}
    for cell in cells:
        if not cell.word:
            continue
        first = seen.setdefault((cell.word, cell.name), cell.where)
        if first != cell.where:
            yield f"{cell.where}: a second {cell.word}={cell.name!r}; the first is at {first}. Rename or remove one."
        if cell.word == "written":
            continue
        try:
            exercise = get(cell.name)
        except UnknownExercise as error:
            yield f"{cell.where}: {error} Declare it in autograder/exercises/, or correct the name."
            continue
        if exercise.lesson != lesson:
            yield f"{cell.where}: {cell.name!r} belongs to lesson {exercise.lesson}, not {lesson}. Correct one of them."


def _wrong_pairs(cells: list[Cell]) -> Iterator[str]:
    """Card, answer and check come together, in this order."""
    order = ("card", "exercise", "check")
    places: dict[str, dict[str, int]] = {}
    for index, cell in enumerate(cells):
        if cell.word in order:
            places.setdefault(cell.name, {}).setdefault(cell.word, index)
    for name, found in places.items():
        where = cells[min(found.values())].where
        missing = [word for word in order if word not in found]
        if missing:
            have = " and ".join(word for word in order if word in found)
            wanted = " and ".join(f'{word}="{name}"' for word in missing)
            yield f"{where}: {have} of {name!r} without its {' and '.join(missing)}. Add a cell with {wanted}."
        elif not found["card"] < found["exercise"] < found["check"]:
            came = ", ".join(sorted(found, key=found.__getitem__))
            yield f"{where}: {name!r} comes as {came}. The order is card, exercise, check: move the cells."


def _forgotten(cells: list[Cell], source: Path) -> Iterator[str]:
    present = {cell.name for cell in cells if cell.word in ("card", "exercise", "check")}
    for exercise in exercises(source.stem):
        if exercise.id not in present:
            yield f"{source}: exercise {exercise.id!r} is declared but not here. Add its card, answer and check."


def _notebook(cells: list[Cell]) -> NotebookNode:
    cards = [cell.name for cell in cells if cell.word == "card"]
    made = []
    for cell, grade_id in zip(cells, grade_ids(cells), strict=True):
        text = cell.source
        if cell.word == "card":
            text = f"{heading(get(cell.name), cards.index(cell.name) + 1)}\n{text}"
        make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
        metadata: dict[str, Any] = {**(cell.kept or {}), "nbgrader": _nbgrader(cell, grade_id)}
        if cell.slow:
            metadata["autograder"] = {"slow": True}
        made.append(make(text, id=grade_id, metadata=metadata))
    return nbformat.v4.new_notebook(cells=made, metadata=notebook_metadata())


def heading(exercise: Exercise, number: int) -> str:
    """The first line of an exercise's card."""
    points = f"{exercise.points:g} point{'' if exercise.points == 1 else 's'}"
    effort = f"difficulty {exercise.difficulty}/5 · {exercise.minutes} min · {points}"
    return f"### Exercise {number} · `{exercise.id}` · {effort}"


def _nbgrader(cell: Cell, grade_id: str) -> dict[str, Any]:
    """nbgrader's description of a cell; whatever is neither answer nor question can't be edited."""
    grade, solution = cell.word in ("check", "written"), cell.word in ("exercise", "written")
    described: dict[str, Any] = {
        "schema_version": 3, "grade_id": grade_id, "grade": grade, "solution": solution, "locked": not solution,
        "task": False,
    }  # fmt: skip
    if cell.word == "check":
        described["points"] = get(cell.name).points
    elif cell.word == "written":
        described["points"] = cell.points
    return described


def _release(notebook: NotebookNode) -> str:
    exporter = NotebookExporter(config=release_config())
    for preprocessor in _RELEASE:
        exporter.register_preprocessor(preprocessor, enabled=True)
    text, _ = exporter.from_notebook_node(notebook)
    return str(text)


def _text(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook, version=4)).rstrip("\n") + "\n"


def _write(path: Path, notebook: NotebookNode) -> None:
    """Whole or not at all; an unchanged file keeps its time."""
    text = _text(notebook)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _difference(target: Path, student: NotebookNode, root: Path) -> list[str]:
    """One line on what differs, naming the first cell that does."""
    name = target.relative_to(root)
    if not target.is_file():
        return [f"{name}: is missing"]
    text = target.read_text(encoding="utf-8")
    if text == _text(student):
        return []
    try:
        found = nbformat.reads(text, as_version=4).cells
    except (nbformat.reader.NotJSONError, nbformat.ValidationError):
        return [f"{name}: is no notebook"]
    for there, here in zip(found, student.cells, strict=False):
        if there != here:
            return [f"{name}: differs first in the cell {here.id!r}"]
    if len(found) != len(student.cells):
        return [f"{name}: has {len(found)} cells, its source gives {len(student.cells)}"]
    return [f"{name}: differs in its layout or metadata only"]


def _without_source(root: Path) -> list[str]:
    known = set(lessons(root))
    found = sorted((root / "notebooks").glob("*/*.ipynb"))
    return [f"{path.relative_to(root)}: has no source" for path in found if path.parent.name not in known]
