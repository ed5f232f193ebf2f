"""English with French and with Chinese, from one synchronous grammar, with the true word alignment.

What a sentence means is drawn once, and each language says it in its own way: `lexicon.txt` has the words, `grammar/`
the rules. Two words are linked where they say the same part of the meaning.

A line of the file has three columns, parted by tabs: the English words, the words of the other language, and for each
of these, in order, the English words that it translates, as positions from 0 parted by commas: `2` is a sure link, `2?`
a possible one, `-` no link.
Run as a script, this writes `train.fra.tsv` and `train.cmn.tsv` beside it, the same bytes on every machine.
"""

from __future__ import annotations

import importlib
import importlib.util
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

TRAIN_SEED = 20_140_901
TRAIN_SIZE, TRAIN_DRAWS = 20_000, 120_000
LANGUAGES = {"fra": "french", "cmn": "chinese"}
HERE = Path(__file__).resolve().parent
LENGTHS = ((3, 8), (3, 8), (3, 8), (3, 8), (8, 13), (8, 13), (12, 18), (12, 18), (18, 26), (18, 26), (26, 40))
"""Spans of lengths to aim at, each as often as it stands here."""
PATIENCE = 20_000  # draws without a new sentence
Pair = tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


def _grammar(name: str) -> Any:
    """A module of the folder `grammar`, wherever this file lies and whatever it was imported as."""
    package = f"{__name__}_grammar"
    if package not in sys.modules:
        place = HERE / "grammar"
        spec = importlib.util.spec_from_file_location(package, place / "__init__.py",
                                                      submodule_search_locations=[str(place)])
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[package] = module
        spec.loader.exec_module(module)
    return importlib.import_module(f"{package}.{name}")


drawing, english = _grammar("drawing"), _grammar("english")
SAY = {language: _grammar(name).sentence for language, name in LANGUAGES.items()}


def draws(seed: int, held_out: bool, min_words: int, max_words: int) -> Iterator[tuple[Any, list[Any]] | None]:
    """What is said, and how English says it, for ever; None for a draw that does not fit."""
    draw = random.Random(seed)
    spans = [(max(low, min_words), min(high, max_words)) for low, high in LENGTHS]
    spans = [span for span in spans if span[0] <= span[1]]
    while True:
        low, high = spans[int(draw.random() * len(spans))]
        speaker = drawing.Speaker(draw, held_out)
        meaning = speaker.sentence(low + int(draw.random() * (high - low + 1)))
        words = english.sentence(meaning) if drawing.unseen(meaning) == held_out else []
        yield (meaning, words) if min_words <= len(words) <= max_words else None


def links(source: Sequence[Any], target: Sequence[Any]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The sure links, and the possible ones (which hold the sure ones), as (source position, target position)."""
    surely, loosely = defaultdict(list), defaultdict(list)
    for i, word in enumerate(source):
        for key in word.sure:
            surely[key].append(i)
        for key in word.loose:
            loosely[key].append(i)
    sure, possible = set(), set()
    for j, word in enumerate(target):
        for key in word.sure:
            sure.update((i, j) for i in surely.get(key, ()))
            possible.update((i, j) for i in loosely.get(key, ()))
        for key in word.loose:
            possible.update((i, j) for i in surely.get(key, []) + loosely.get(key, []))
    return tuple(sorted(sure)), tuple(sorted(sure | possible))


def generate(seed: int, size: int, *, held_out: bool = False, language: str = "fra", min_words: int = 3,
             max_words: int = 40) -> list[Pair]:
    """`size` pairs, as source, target, sure and possible links; the same for the same arguments, none twice.

    The English side has `min_words` to `max_words` words, marks counted. Every held-out pair joins words that training
    never joins.
    """
    say, pairs, seen, vain = SAY[language], [], set(), 0
    for drawn in draws(seed, held_out, min_words, max_words):
        if len(pairs) == size:
            break
        meaning, source = drawn or (None, [])
        text = tuple(word.text for word in source)
        if drawn is None or text in seen:
            vain += 1
            if vain == PATIENCE:
                raise ValueError(f"there are hardly {size} such sentences of {min_words} to {max_words} words")
            continue
        vain = 0
        seen.add(text)
        target = say(meaning)
        pairs.append((text, tuple(word.text for word in target), *links(source, target)))
    return pairs


def line(pair: Pair) -> str:
    """A pair as a line of the file."""
    source, target, sure, possible = pair
    entries: list[list[str]] = [[] for _ in target]
    for i, j in possible:
        entries[j].append(f"{i}" if (i, j) in sure else f"{i}?")
    return "\t".join((" ".join(source), " ".join(target), " ".join(",".join(entry) or "-" for entry in entries)))


def training() -> Iterator[dict[str, Pair]]:
    """The training pairs by language: the first sentences, and then those with a word that none before them has."""
    seen, words = set(), set()
    for drawn in islice(draws(TRAIN_SEED, False, 3, 40), TRAIN_DRAWS):
        meaning, source = drawn or (None, [])
        text = tuple(word.text for word in source)
        if drawn is None or text in seen:
            continue
        said = {language: say(meaning) for language, say in SAY.items()}
        new = set(text).union(*((word.text for word in target) for target in said.values())) - words
        if len(seen) < TRAIN_SIZE or new:
            seen.add(text)
            words |= new
            yield {
                language: (text, tuple(word.text for word in target), *links(source, target))
                for language, target in said.items()
            }


def main() -> None:
    """Write the training pairs, a line each; both files say the same in the same lines."""
    pairs = list(training())
    for language in LANGUAGES:
        lines = [line(pair[language]) + "\n" for pair in pairs]
        (HERE / f"train.{language}.tsv").write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
