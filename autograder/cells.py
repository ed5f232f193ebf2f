"""A lesson's source file, read into cells: what each one is, and what is wrong with it.

A source is py:percent, read by jupytext. A cell carries at most one word:

    # %% exercise="rnn_step"                    an answer; with slow=true also a trained one, which the grader skips
    # %% check="rnn_step"                       its check
    # %% [markdown] card="rnn_step"             its card
    # %% [markdown] written="gates" points=3    a question answered in words
    # %% slow=true                              training that belongs to no exercise; the grader skips it

Every problem is a sentence that says where it is, what was expected and what to do.
"""

from __future__ import annotations

import hashlib
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext

from autograder.errors import LessonError

WORDS = ("exercise", "check", "card", "written")
BEGIN, END = "BEGIN SOLUTION", "END SOLUTION"
_KEPT = ("tags", "jupyter")
_BOOKKEEPING = ("title", "lines_to_next_cell", "incorrectly_encoded_metadata")
_KNOWN = (*WORDS, "points", "slow", *_KEPT)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MARKER = re.compile(r"#\s*%%(\s|$)")


@dataclass(frozen=True)
class Cell:
    """One cell of a source. `word` is one of WORDS, or empty; `name` is the value of that word."""

    kind: str
    source: str
    where: str
    word: str = ""
    name: str = ""
    points: float | None = None
    slow: bool = False
    kept: Mapping[str, Any] | None = None


def read_cells(path: Path) -> list[Cell]:
    """The cells of a source file. Raises LessonError with all problems that one cell shows by itself."""
    try:
        text = path.read_text(encoding="utf-8")
        notebook = jupytext.reads(text, fmt="py:percent")
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError) as error:
        raise LessonError(f"{path}: can't be read as py:percent: {error}") from error
    lines = _first_lines(text, len(notebook.cells))
    cells, problems = [], []
    for number, raw in enumerate(notebook.cells, start=1):
        line = f":{lines[number - 1]}" if lines else ""
        cell = _cell_of(raw, f"{path}{line} (cell {number})")
        problems += [f"{cell.where}: {problem}" for problem in _problems(cell, raw.metadata)]
        if cell.source or cell.word:
            cells.append(cell)
    if problems:
        raise LessonError("\n".join(problems))
    return cells


def _first_lines(text: str, count: int) -> list[int]:
    """The line each cell begins at; empty when it can't be told (only messages lose by that)."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    found = [t.start[0] for t in tokens if t.type == tokenize.COMMENT and t.start[1] == 0 and _MARKER.match(t.string)]
    if len(found) == count - 1:
        found = [1, *found]
    return found if len(found) == count else []


def _cell_of(raw: Any, where: str) -> Cell:
    meta = raw.metadata
    word = next((w for w in WORDS if w in meta), "")
    points = meta.get("points")
    return Cell(
        kind=raw.cell_type,
        source=raw.source.strip("\n"),
        where=where,
        word=word,
        name=str(meta.get(word, "")),
        points=points if isinstance(points, int | float) and not isinstance(points, bool) else None,
        slow=meta.get("slow") is True,
        kept={key: meta[key] for key in _KEPT if key in meta},
    )


def _problems(cell: Cell, meta: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one cell, seen alone."""
    yield from _wrong_words(cell, meta)
    if cell.word:
        if not _NAME.fullmatch(cell.name):
            yield f'{cell.word}= takes a Python name in double quotes, not {cell.name!r}. Write {cell.word}="rnn_step".'
        wanted = "markdown" if cell.word in ("card", "written") else "code"
        if cell.kind != wanted:
            marker = "# %% [markdown]" if wanted == "markdown" else "# %%"
            yield f"a {cell.word} cell is {wanted}, this one is {cell.kind}. Begin it with {marker} {cell.word}=…"
    elif cell.kind not in ("code", "markdown"):
        yield f"a cell is code or markdown, this one is {cell.kind}. Begin it with # %% or # %% [markdown]."
    if cell.word == "written" and (cell.points is None or cell.points <= 0):
        yield f'a written question carries its points, a number above 0. Write written="{cell.name}" points=3.'
    if cell.word != "written" and "points" in meta:
        yield "only a written question carries points here; an exercise declares its own. Remove points."
    if cell.word == "check" and not re.search(rf"""check\(\s*["']{re.escape(cell.name)}["']""", cell.source):
        yield f'a check cell calls its own check. Write check("{cell.name}") in it.'
    yield from _wrong_regions(cell)


def _wrong_words(cell: Cell, meta: Mapping[str, Any]) -> Iterator[str]:
    found = [word for word in WORDS if word in meta]
    if len(found) > 1:
        yield f"a cell carries one word, this one {' and '.join(found)}. Make two cells of it."
    if "slow" in meta and meta["slow"] is not True:
        yield f"slow is true or absent, not {meta['slow']!r}. Write slow=true."
    if "slow" in meta and found and found != ["exercise"]:
        yield f"slow goes with an exercise or stands alone, not with {found[0]}. Remove slow."
    unread = str(meta.get("incorrectly_encoded_metadata", ""))
    title = str(meta.get("title", ""))
    if title.split("=")[0].split(" ")[0] in _KNOWN:
        unread = title
    if unread:
        yield f'{unread!r} can\'t be read. Write word="value": the value in double quotes, but for numbers and true.'
    unknown = sorted(set(meta) - {*_KNOWN, *_BOOKKEEPING})
    if unknown:
        yield f"no word is called {', '.join(unknown)}; there are {', '.join(_KNOWN)}. Correct or remove it."


def _wrong_regions(cell: Cell) -> Iterator[str]:
    """Solution marks: in pairs, and only where an answer is; without them the whole cell would be emptied."""
    is_open, regions = False, 0
    for offset, line in enumerate(cell.source.split("\n")):
        if BEGIN in line:
            if is_open:
                yield f"line {offset + 1} of the cell: a second {BEGIN} before {END}. Close the first one."
                return
            is_open, regions = True, regions + 1
        elif END in line:
            if not is_open:
                yield f"line {offset + 1} of the cell: {END} without {BEGIN}. Open the region, or remove the mark."
                return
            is_open = False
    if is_open:
        yield f"{BEGIN} without {END}. Close the region with ### {END}."
    answers = cell.word in ("exercise", "written")
    if regions and not answers:
        yield f"a solution outside an answer cell. Give the cell exercise= or written=, or remove the {BEGIN} mark."
    if answers and not regions:
        yield f"no solution in an answer cell. Put it between ### {BEGIN} and ### {END}; what is outside stays."


def grade_ids(cells: list[Cell]) -> list[str]:
    """A stable name for each cell: from its word, else from its first words and its content.

    Adding a cell renames none but its own exact copies further down.
    """
    seen: dict[str, int] = {}
    ids = []
    for cell in cells:
        name = _grade_id(cell)
        seen[name] = seen.get(name, 0) + 1
        ids.append(name if cell.word or seen[name] == 1 else f"{name}-{seen[name]}")
    return ids


def _grade_id(cell: Cell) -> str:
    if cell.word:
        return {"exercise": "", "check": "check_", "card": "card_", "written": "explain_"}[cell.word] + cell.name
    first = next(line for line in cell.source.split("\n") if line.strip())
    slug = "-".join(re.findall(r"[a-z0-9]+", first.lower())[:5])[:40].strip("-")
    digest = hashlib.sha256(f"{cell.kind}\n{cell.source}".encode()).hexdigest()
    return f"{slug or cell.kind}-{digest[:6]}"
