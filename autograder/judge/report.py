"""What the judge writes: one report a submission, as data and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autograder.verdict import Verdict


@dataclass(frozen=True)
class Report:
    """One graded submission. `notes` say what was odd about it; `sandboxed` is False for an unsafe run."""

    path: str
    student: str
    lesson: str | None
    verdicts: tuple[Verdict, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    sandboxed: bool = True
    outputs: tuple[tuple[int, tuple[dict[str, Any], ...]], ...] = ()
    """What each executed cell of the rebuilt notebook printed and drew, by its index."""

    @property
    def score(self) -> float:
        """Points earned."""
        return round(sum(v.points for v in self.verdicts), 2)

    @property
    def max_score(self) -> float:
        """Points there are."""
        return round(sum(v.max_points for v in self.verdicts), 2)

    def as_json(self) -> dict[str, Any]:
        """The report as the command line writes it."""
        return {
            "path": self.path, "student": self.student, "lesson": self.lesson, "score": self.score,
            "max_score": self.max_score, "seconds": round(self.seconds, 3), "sandboxed": self.sandboxed,
            "notes": list(self.notes), "exercises": [_verdict_json(v) for v in self.verdicts],
        }


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.exercise_id, "points": verdict.points, "max_points": verdict.max_points,
        "status": verdict.status, "message": verdict.message, "hint": verdict.hint,
        "cases": [{"name": c.name, "passed": c.passed, "message": c.message} for c in verdict.cases],
    }


def as_json(reports: Sequence[Report]) -> dict[str, Any]:
    """All reports, in the order given."""
    return {"submissions": [report.as_json() for report in reports]}
