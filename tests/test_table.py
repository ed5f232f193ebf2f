"""Reports on a terminal."""

from rich.console import Console

from autograder.judge.report import Report
from autograder.judge.table import reasons, table
from autograder.verdict import Verdict


def report(**changes):
    verdicts = (
        Verdict("first", 2.0, 2.0, "passed"),
        Verdict("second", 0.0, 3.0, "missing", "`second` is not defined"),
        Verdict("third", 0.0, 3.0, "missing", "`third` is not defined"),
        Verdict("fourth", 0.5, 1.0, "partial", "one case: wrong shape", "Look at the [bold]axes."),
    )
    usual = {"path": "a.ipynb", "student": "ann", "lesson": "x", "verdicts": verdicts, "seconds": 1.0}
    return Report(**(usual | changes))


def test_equal_reasons_share_a_line_and_a_hint_replaces_the_message():
    assert reasons(report()).splitlines() == ["second, third: missing", "fourth: partial: Look at the [bold]axes."]


def test_notes_that_differ_in_a_name_become_one():
    notes = ("the cell `a` was put back", "the cell `b` was put back", "something else")
    assert reasons(report(verdicts=(), notes=notes)).splitlines() == [
        "the cell `a`, `b` was put back", "something else",
    ]


def test_a_learners_text_is_shown_as_it_is_and_never_read_as_markup():
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(table([report(student="[red]eve")]))
    text = console.export_text()
    assert "[red]eve" in text
    assert "[bold]axes" in text
    assert "2.5/9" in text
