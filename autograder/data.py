"""The course's data sets, read from the data folder: training text as it is committed, held-out text as it is drawn.

A set is a folder with `prepare.py` (the generator), and the small file it wrote. Held-out data come from the same
generator, with another seed and with combinations that the training file does not show.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, overload

from autograder.errors import DataMissing

PAD, UNK = 0, 3
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
STORY_CHARACTERS = "\n \"',-.;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TAGS = ("OTHER", "NATURE", "COMPANY")
AMBIGUOUS = ("apple", "orange", "blackberry", "shell", "amazon")


@dataclass(frozen=True)
class Review:
    """A review, as words parted by blanks, and its verdict: 1 for good, 0 for bad."""

    text: str
    label: int

    @property
    def words(self) -> list[str]:
        return self.text.split()


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence and, for each of its words, one of `TAGS`."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def tag_ids(self) -> list[int]:
        return [TAGS.index(tag) for tag in self.tags]


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id. Unknown tokens get the id of `<unk>` or `[UNK]`, or KeyError where there is neither."""

    tokens: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        ids = _ids(self.tokens)
        unknown = ids.get("<unk>", ids.get("[UNK]"))
        if unknown is not None:
            return [ids.get(token, unknown) for token in tokens]
        return [ids[token] for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        return [self.tokens[i] for i in ids]


@cache
def _ids(tokens: tuple[str, ...]) -> dict[str, int]:
    return {token: i for i, token in enumerate(tokens)}


def data_folder() -> Path:
    """Where the data are: `COURSE_DATA`, else beside the package, else `./data`. Raises DataMissing."""
    named = os.environ.get("COURSE_DATA")
    places = [Path(named)] if named else [Path(__file__).resolve().parent.parent / "data", Path.cwd() / "data"]
    for place in places:
        if (place / "stories" / "prepare.py").is_file():
            return place
    looked = " and ".join(str(place) for place in places)
    raise DataMissing(
        f"The course's data folder was not found; looked in {looked}. Start from the course's own folder, or set "
        "COURSE_DATA to the folder that holds stories/, reviews/ and apple/."
    )


def _read(*parts: str) -> str:
    path = data_folder().joinpath(*parts)
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        name = "/".join(parts)
        raise DataMissing(f"data/{name} is missing: python data/{parts[0]}/prepare.py writes it again.") from None


@cache
def stories() -> str:
    """The training stories, about a million characters; an empty line stands between two stories."""
    return _read("stories", "train.txt")


@cache
def reviews() -> tuple[Review, ...]:
    """The training reviews."""
    rows = (line.split("\t", 1) for line in _read("reviews", "train.tsv").splitlines())
    return tuple(Review(text, int(label)) for label, text in rows)


@cache
def apple() -> tuple[TaggedSentence, ...]:
    """The training sentences with "apple" and other words of two senses."""
    return tuple(_tagged(line) for line in _read("apple", "train.txt").splitlines())


def _tagged(line: str) -> TaggedSentence:
    pairs = [word.partition("/")[::2] for word in line.split()]
    return TaggedSentence(tuple(word for word, _ in pairs), tuple(tag or "OTHER" for _, tag in pairs))


def story_vocabulary() -> Vocabulary:
    """The characters that stories are made of, without specials: fixed, so that weights keep their meaning."""
    return Vocabulary(tuple(STORY_CHARACTERS))


@cache
def review_vocabulary() -> Vocabulary:
    """The specials, then the words of the training reviews."""
    return word_vocabulary(review.words for review in reviews())


@cache
def apple_vocabulary() -> Vocabulary:
    """The specials, then the words of the training sentences."""
    return word_vocabulary(sentence.words for sentence in apple())


def word_vocabulary(texts: Iterable[Sequence[str]]) -> Vocabulary:
    """The specials, then every word: the most frequent first, ties in code-point order."""
    counts = Counter(word for words in texts for word in words)
    return Vocabulary(SPECIALS + tuple(sorted(counts, key=lambda word: (-counts[word], word))))


@overload
def held_out(name: Literal["stories"], seed: int, size: int) -> tuple[str, ...]: ...
@overload
def held_out(name: Literal["reviews"], seed: int, size: int) -> tuple[Review, ...]: ...
@overload
def held_out(name: Literal["apple"], seed: int, size: int) -> tuple[TaggedSentence, ...]: ...
@lru_cache(maxsize=8)
def held_out(name: str, seed: int, size: int) -> tuple[Any, ...]:
    """`size` stories, reviews or sentences that no training file holds; the same for the same arguments."""
    items = _generator(name).generate(seed, size, held_out=True)
    if name == "reviews":
        return tuple(Review(text, label) for text, label in items)
    if name == "apple":
        return tuple(TaggedSentence(tuple(words), tuple(tags)) for words, tags in items)
    return tuple(items)


@cache
def _generator(name: str) -> ModuleType:
    """The generator of a data set, imported from its file without leaving bytecode beside it."""
    path = data_folder() / name / "prepare.py"
    spec = importlib.util.spec_from_file_location(f"course_data_{name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise DataMissing(f"data/{name}/prepare.py is missing: take it from the course's repository.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module
