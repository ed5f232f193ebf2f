"""Words and their opposites, chosen by hand in `words.txt`, parted into training and held-out words.

Run as a script, this writes `pairs.tsv` beside it, the same bytes on every machine: word, opposite, pattern, and
`train` or `held out`. A third of every pattern is held out, and so training shows every pattern but "none", where a
held-out opposite can't be known from the others.
"""

from __future__ import annotations

import random
from pathlib import Path

SPLIT_SEED = 20_140_910
HERE = Path(__file__).resolve().parent
Row = tuple[str, str, str, str]


def read_words() -> dict[str, list[tuple[str, str]]]:
    """Pattern -> pairs of words. Raises ValueError for a word that stands there twice."""
    patterns: dict[str, list[tuple[str, str]]] = {}
    seen: set[str] = set()
    for section in (HERE / "words.txt").read_text(encoding="ascii").split("\n== ")[1:]:
        name, body = section.split("\n", 1)
        patterns[name] = []
        for item in body.replace("\n", " ").split(","):
            word, opposite = item.split()
            if {word, opposite} & seen:
                raise ValueError(f"{word} or {opposite} stands twice in words.txt")
            seen |= {word, opposite}
            patterns[name].append((word, opposite))
    return patterns


def rows() -> list[Row]:
    """Every pair with its pattern and its part."""
    draw, made = random.Random(SPLIT_SEED), []
    for pattern, pairs in read_words().items():
        held_out = draw.sample(range(1, len(pairs)), len(pairs) // 3)  # the first one shows the pattern
        made += [(*pair, pattern, "held out" if i in held_out else "train") for i, pair in enumerate(pairs)]
    return made


def main() -> None:
    """Write the rows, a line each."""
    lines = ["\t".join(row) + "\n" for row in rows()]
    (HERE / "pairs.tsv").write_text("".join(lines), encoding="ascii", newline="\n")


if __name__ == "__main__":
    main()
