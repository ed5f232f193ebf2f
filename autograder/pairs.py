"""Pairs to translate: English with French or Chinese, with the true word alignment, and words with their opposites.

Like `autograder.data`: training pairs as they are committed, held-out pairs as they are drawn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from autograder.data import SPECIALS, Vocabulary, _generator, data_folder, word_vocabulary
from autograder.errors import DataMissing

Language = Literal["fra", "cmn"]
Links = tuple[tuple[int, int], ...]
MIN_WORDS, MAX_WORDS = 3, 40
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class SentencePair:
    """A sentence and its translation, as words, and which word translates which.

    A link is (position in the source, position in the target), both from 0. `possible` holds every sure link, and those
    between words that correspond only loosely, such as "does" and "ne".
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    sure: Links = ()
    possible: Links = ()


@dataclass(frozen=True)
class OppositePair:
    """A word and its opposite. `pattern` names what changes, such as "un-"; it is "none" where nothing regular does."""

    word: str
    opposite: str
    pattern: str


def _lines(*parts: str) -> list[str]:
    path = data_folder().joinpath(*parts)
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        name = "/".join(parts)
        raise DataMissing(
            f"data/{name} is missing: take it from the course's repository, or write it again by "
            f"python data/{parts[0]}/prepare.py."
        ) from None


@cache
def translation(language: Language) -> tuple[SentencePair, ...]:
    """The training pairs, English with French ("fra") or Chinese ("cmn"); row i of both is the same sentence."""
    return tuple(_pair(line) for line in _training_lines(language))


def _training_lines(language: str) -> list[str]:
    return _lines("translation", f"train.{_known(language)}.tsv")


def _known(language: str) -> str:
    if language not in ("fra", "cmn"):
        raise ValueError(f'language must be "fra" (French) or "cmn" (Chinese), not {language!r}')
    return language


def _pair(line: str) -> SentencePair:
    source, target, entries = line.split("\t")
    links = [
        (int(entry.rstrip("?")), j, not entry.endswith("?"))
        for j, cell in enumerate(entries.split(" ")) if cell != "-" for entry in cell.split(",")
    ]
    links.sort()
    return SentencePair(
        tuple(source.split(" ")), tuple(target.split(" ")), tuple((i, j) for i, j, sure in links if sure),
        tuple((i, j) for i, j, _ in links),
    )


@lru_cache(maxsize=8)
def held_out_translation(
    language: Language, seed: int, size: int, min_words: int = MIN_WORDS, max_words: int = MAX_WORDS
) -> tuple[SentencePair, ...]:
    """`size` different pairs that training never shows, each joining words that training never joins.

    Their English side has `min_words` to `max_words` words, marks counted. The same for the same arguments.
    """
    if not MIN_WORDS <= min_words <= max_words <= MAX_WORDS:
        raise ValueError(
            f"expected {MIN_WORDS} ≤ min_words ≤ max_words ≤ {MAX_WORDS}, got min_words={min_words} and "
            f"max_words={max_words}"
        )
    drawn = _generator("translation").generate(
        seed, size, held_out=True, language=_known(language), min_words=min_words, max_words=max_words
    )
    return tuple(SentencePair(*pair) for pair in drawn)


@cache
def source_vocabulary(language: Language) -> Vocabulary:
    """The specials, then the English words of the training pairs."""
    return word_vocabulary(line.split("\t")[0].split(" ") for line in _training_lines(language))


@cache
def target_vocabulary(language: Language) -> Vocabulary:
    """The specials, then the French or Chinese words of the training pairs."""
    return word_vocabulary(line.split("\t")[1].split(" ") for line in _training_lines(language))


@cache
def word_dictionary(language: Language) -> dict[str, tuple[str, ...]]:
    """For each English word what most often translates it in training, by the sure links: no word, one or several."""
    counts: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for pair in translation(language):
        found: list[list[str]] = [[] for _ in pair.source]
        for i, j in pair.sure:
            found[i].append(pair.target[j])
        for word, targets in zip(pair.source, found, strict=True):
            counts[word][tuple(targets)] += 1
    return {word: min(counter, key=lambda targets: (-counter[targets], targets)) for word, counter in counts.items()}


def translate_word_by_word(words: Iterable[str], dictionary: Mapping[str, Sequence[str]]) -> list[str]:
    """Each word looked up on its own, in the order of the source; unknown words stay as they are."""
    return [target for word in words for target in dictionary.get(word, (word,))]


@cache
def _opposites() -> tuple[tuple[OppositePair, ...], tuple[OppositePair, ...]]:
    train: list[OppositePair] = []
    held_out: list[OppositePair] = []
    for line in _lines("opposites", "pairs.tsv"):
        word, opposite, pattern, part = line.split("\t")
        pairs = held_out if part == "held out" else train
        pairs += [OppositePair(word, opposite, pattern), OppositePair(opposite, word, pattern)]
    return tuple(train), tuple(held_out)


def opposites() -> tuple[OppositePair, ...]:
    """The words to learn from, each with its opposite, in both directions."""
    return _opposites()[0]


def held_out_opposites() -> tuple[OppositePair, ...]:
    """The words to judge by. Where `pattern` is "none", nothing in the training words tells the opposite."""
    return _opposites()[1]


def opposite_vocabulary() -> Vocabulary:
    """The specials, then the letters from a to z."""
    return Vocabulary(SPECIALS + tuple(LETTERS))
