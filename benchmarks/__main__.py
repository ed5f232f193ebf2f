"""`python -m benchmarks`: every section, or those that are named; a table each, and all figures as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import checks, throughput, timemachine, translation
from benchmarks.figures import Section, machine, machine_line
from benchmarks.readme import put_between_markers

ROOT = Path(__file__).resolve().parent.parent
SECTIONS: dict[str, Callable[[bool], Section]] = {
    "checks": checks.measure, "throughput": throughput.measure, "timemachine": timemachine.measure,
    "translation": translation.measure,
}
console = Console(width=None if sys.stdout.isatty() else 120)


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[checks|throughput|timemachine|translation]...")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repetitions and epochs: a trial of the code.")] = False,
    readme: Annotated[bool, typer.Option("--readme", help="Put what was found into README.md.")] = False,
    json_file: Annotated[Path, typer.Option("--json", help="Where the figures go.")] = ROOT / "build" / "bench.json",
) -> None:
    """Measure the course on this machine. Exit status 1 where a bar is missed."""
    unknown = [name for name in names or () if name not in SECTIONS]
    if unknown:
        raise typer.BadParameter(f"no section is called {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    found = machine()
    console.print(machine_line(found), highlight=False)
    missed = False
    for name in names or SECTIONS:
        console.rule(name)
        section = SECTIONS[name](quick)
        show(section)
        write(json_file, found, section, quick)
        missed |= not all(bar.holds for bar in section.bars)
    console.print(f"All figures: {json_file}", highlight=False, soft_wrap=True)
    if readme and put_between_markers(ROOT / "README.md", "bench", summary(json_file)):
        console.print("README.md has the new figures.")
    if missed:
        raise typer.Exit(1)


def show(section: Section) -> None:
    """Print a section."""
    if section.skipped:
        console.print(f"{section.title}: skipped. {section.skipped}", highlight=False)
        return
    console.print(section.table())
    for line in section.lines():
        console.print(line, soft_wrap=True)


def write(path: Path, found: dict[str, object], section: Section, quick: bool) -> None:
    """Put a section into the file; sections measured earlier stay, each with the machine it was measured on."""
    figures = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    figures[section.name] = {"machine": found, "quick": quick, **section.as_json()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def summary(path: Path) -> str:
    """Every section's bars as a list in Markdown, each section with its machine."""
    parts = []
    for section in json.loads(path.read_text(encoding="utf-8")).values():
        bars = [f"- {'' if bar['holds'] else 'missed: '}{bar['text']}" for bar in section.get("bars", ())]
        if bars and not section["quick"]:
            where = machine_line(section["machine"])
            parts.append("\n".join([f"{section['title']} ({where}):", "", *bars]))
    return "\n\n".join(parts)


if __name__ == "__main__":
    typer.run(main)
