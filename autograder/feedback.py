"""A verdict as a learner reads it: rich in a notebook, plain in a terminal, right in both themes."""

from __future__ import annotations

import re
from html import escape

from autograder.verdict import CaseResult, Verdict

_MARKS = {"passed": "✔", "partial": "◐", "missing": "○"}
_TITLES = {
    "passed": "right", "partial": "partly right", "wrong": "not right yet", "error": "raises an error",
    "timeout": "takes too long", "memory": "runs out of memory", "crashed": "ends the kernel",
    "missing": "not answered yet", "malformed": "gives back something unreadable",
}
# Okabe and Ito's blue, orange and vermilion tell apart for every kind of colour vision; the marks tell without colour.
_COLOURS = {"passed": "#0072B2", "partial": "#E69F00", "missing": "#7F7F7F"}
_FOREGROUND = "var(--jp-content-font-color1, inherit)"


def points_text(points: float) -> str:
    """4.0 as "4", 3.5 as "3.5"."""
    return f"{points:g}"


def headline(verdict: Verdict) -> str:
    """One line: mark, exercise, what it is, points."""
    mark = _MARKS.get(verdict.status, "✘")
    title = _TITLES[verdict.status]
    points = f"{points_text(verdict.points)} of {points_text(verdict.max_points)} points"
    return f"{mark} {verdict.exercise_id}: {title} · {points}"


def as_text(verdict: Verdict) -> str:
    """The verdict in plain text."""
    lines = [headline(verdict)]
    if not verdict.cases or verdict.status == "missing":
        lines += [f"  {verdict.message}"] if verdict.message else []
    else:
        lines += [_case_text(case, shown) for case, shown in _with_repeats(verdict.cases)]
    if verdict.hint:
        lines.append(f"  Hint: {verdict.hint}")
    return "\n".join(lines)


def _with_repeats(cases: tuple[CaseResult, ...]) -> list[tuple[CaseResult, str]]:
    """Each case with its message, told in full only the first time."""
    seen: set[str] = set()
    shown = []
    for case in cases:
        shown.append((case, "the same" if case.message in seen else case.message))
        seen.add(case.message)
    return shown


def _case_text(case: CaseResult, message: str) -> str:
    if case.passed:
        return f"  ✔ {case.name}"
    indented = message.replace("\n", "\n      ")
    return f"  ✘ {case.name}: {indented}"


def as_html(verdict: Verdict) -> str:
    """The verdict as HTML, coloured by the notebook's own theme variables."""
    colour = _COLOURS.get(verdict.status, "#D55E00")
    body = []
    if not verdict.cases or verdict.status == "missing":
        body.append(f"<div>{_inline(verdict.message)}</div>" if verdict.message else "")
    else:
        body += [_case_html(case, shown) for case, shown in _with_repeats(verdict.cases)]
    if verdict.hint:
        body.append(f'<div style="margin-top:.4em"><b>Hint.</b> {_inline(verdict.hint)}</div>')
    return (
        f'<div class="course-check" role="status" style="border-left:.35em solid {colour};padding:.4em .8em;'
        f'color:{_FOREGROUND};font-family:var(--jp-content-font-family, sans-serif);line-height:1.5">'
        f"<div><b>{_inline(headline(verdict))}</b></div>{''.join(body)}</div>"
    )


def _case_html(case: CaseResult, message: str) -> str:
    mark = "✔" if case.passed else "✘"
    text = "" if case.passed else f": {_inline(message)}"
    return f'<div style="padding-left:1em">{mark} {escape(case.name)}{text}</div>'


def _inline(text: str) -> str:
    """Escaped text with `code` marked up and line breaks kept."""
    code = r'<code style="color:inherit;background:transparent;font-weight:600">\1</code>'
    return re.sub(r"`([^`]+)`", code, escape(text)).replace("\n", "<br>")


def show(verdict: Verdict) -> None:
    """Display the verdict where the learner is: in the notebook, or in a terminal."""
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ModuleNotFoundError:
        print(as_text(verdict))
        return
    if get_ipython() is None:
        print(as_text(verdict))
        return
    display({"text/plain": as_text(verdict), "text/html": as_html(verdict)}, raw=True)
