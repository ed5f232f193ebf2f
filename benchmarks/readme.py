"""Tables of measured figures in README.md, between a pair of markers: `<!-- name -->` and `<!-- /name -->`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def put_between_markers(path: Path, name: str, content: str) -> bool:
    """Replace what stands between the markers; False where the file or a marker is missing."""
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf-8")
    before, opening, rest = text.partition(f"<!-- {name} -->")
    _, closing, after = rest.partition(f"<!-- /{name} -->")
    if not opening or not closing:
        return False
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(f"{before}{opening}\n{content.strip()}\n{closing}{after}", encoding="utf-8")
    new.replace(path)
    return True
