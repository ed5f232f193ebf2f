"""A measured value with its spread, a bar it should hold, and a section of both: as a table and as JSON."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Measured:
    """One quantity, measured once or several times."""

    values: tuple[float, ...]
    unit: str = ""

    @property
    def median(self) -> float:
        """The middle of the values."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        middle = f"{_short(self.median)} {self.unit}".rstrip()
        if len(self.values) == 1:
            return middle
        return f"{middle} ({_short(min(self.values))}–{_short(max(self.values))})"

    def as_json(self) -> dict[str, Any]:
        """Median, extremes and every value."""
        return {
            "unit": self.unit, "median": self.median, "min": min(self.values), "max": max(self.values),
            "values": list(self.values),
        }


def _short(value: float) -> str:
    """Three significant digits, whole numbers from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@dataclass(frozen=True)
class Row:
    """One line of a section's table; None where there is nothing to measure."""

    name: str
    cells: tuple[Measured | None, ...]


@dataclass(frozen=True)
class Bar:
    """What a section should show, and whether it did."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Section:
    """One table. `skipped` says why it is empty, where it is."""

    name: str
    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    bars: tuple[Bar, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: str = ""

    def table(self) -> Table:
        """The rows; medians, with the extremes in brackets where there are several values."""
        result = Table(title=self.title, title_justify="left")
        result.add_column("")
        for column in self.columns:
            result.add_column(column, justify="right")
        for row in self.rows:
            result.add_row(row.name, *("" if cell is None else str(cell) for cell in row.cells))
        return result

    def lines(self) -> list[Text]:
        """What goes under the table: bars, then notes."""
        marks = {True: Text("✔ ", "green"), False: Text("✘ ", "red")}
        return [*(marks[bar.holds] + bar.text for bar in self.bars), *(Text(f"  {note}") for note in self.notes)]

    def as_json(self) -> dict[str, Any]:
        """Every figure, by row and column."""
        if self.skipped:
            return {"title": self.title, "skipped": self.skipped}
        return {
            "title": self.title,
            "rows": {
                row.name: {c: m.as_json() for c, m in zip(self.columns, row.cells, strict=True) if m is not None}
                for row in self.rows
            },
            "bars": [{"text": bar.text, "holds": bar.holds} for bar in self.bars],
            "notes": list(self.notes),
        }


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def medians(rows: Sequence[Row], name: str) -> Row:
    """One row with, in each column, the medians of the rows above: its extremes are those among the rows."""
    columns = [[cell for cell in column if cell is not None] for column in zip(*(r.cells for r in rows), strict=True)]
    return Row(name, tuple(
        Measured(tuple(cell.median for cell in column), column[0].unit) if column else None for column in columns
    ))


def machine() -> dict[str, Any]:
    """What these figures were measured on, and how busy it was with other work."""
    import torch

    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu": _cpu_model(), "system": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
        "torch": torch.__version__, "load": round(os.getloadavg()[0], 1),
    }


def machine_line(found: dict[str, Any]) -> str:
    """The machine in one line."""
    return (
        f"{found['cores']} cores · {found['cpu']} · {found['system']} · Python {found['python']} · "
        f"torch {found['torch']} · load at the start {found['load']}"
    )


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
