"""Reports on a terminal: a bar while grading, a table of scores with reasons after it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from autograder.feedback import points_text
from autograder.judge.report import Report
from autograder.verdict import Verdict

_NAME = re.compile(r"`[^`]*`")


class Progress:
    """Tells of each report as it comes, with rate and time left. Use as a context manager."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (TextColumn("Grading"), BarColumn(), MofNCompleteColumn(), TaskProgressColumn(show_speed=True))
        self.bar = Bar(*columns, TimeRemainingColumn(), console=console, transient=True)
        self.task = self.bar.add_task("grading", total=total)

    def told(self, report: Report) -> None:
        """One more is done."""
        self.bar.console.print(
            f"{escape(report.student)}: {points_text(report.score)} of {points_text(report.max_score)} "
            f"in {report.seconds:.1f} s", highlight=False,
        )
        self.bar.advance(self.task)

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


def table(reports: Sequence[Report]) -> Table:
    """A row for every submission: its score, and a reason for every exercise that lost points."""
    result = Table(show_lines=True, title="Scores")
    for name in ("student", "lesson", "score", "what lost points"):
        result.add_column(name, justify="right" if name == "score" else "left", overflow="fold")
    for report in reports:
        score = f"{points_text(report.score)}/{points_text(report.max_score)}"
        result.add_row(escape(report.student), report.lesson or "?", score, escape(reasons(report)))
    return result


def reasons(report: Report) -> str:
    """Why points were lost, a line an exercise; equal reasons of several exercises share a line."""
    grouped: dict[str, list[Verdict]] = {}
    for verdict in report.verdicts:
        if verdict.status != "passed":
            told = "" if verdict.status == "missing" else verdict.hint or verdict.message
            grouped.setdefault(f"{verdict.status}: {told}".rstrip(": "), []).append(verdict)
    lines = [f"{', '.join(v.exercise_id for v in group)}: {reason}" for reason, group in grouped.items()]
    return "\n".join([*_joined(report.notes), *lines])


def _joined(notes: Sequence[str]) -> list[str]:
    """Notes that differ in one name only become one."""
    names: dict[str, list[str]] = {}
    for note in notes:
        named = _NAME.search(note)
        names.setdefault(_NAME.sub("{}", note, count=1), []).append(named.group(0) if named else "")
    return [note.replace("{}", ", ".join(group), 1) for note, group in names.items()]
