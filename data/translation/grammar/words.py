"""The lexicon, read from `lexicon.txt`, and the words that sentences are made of.

A word of a sentence carries keys: numbers that say which part of the meaning it expresses. Two words that share a key
are translations of each other, surely where both have it in `sure`, possibly where either has it in `loose`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

KEYS = 100  # a node's parts have the keys node.key + 0 ... 99


class Word(NamedTuple):
    """A word with the keys of what it expresses."""

    text: str
    sure: tuple[int, ...] = ()
    loose: tuple[int, ...] = ()


@dataclass(frozen=True)
class Phrase:
    """A fixed phrase: its words, the number of the part that each expresses, and whether only loosely."""

    words: tuple[tuple[str, tuple[int, ...], bool], ...]

    def say(self, key: int, first: int = 0) -> list[Word]:
        """The words of this phrase, as parts of the node with that key."""
        made = []
        for text, parts, loose in self.words:
            keys = tuple(key + first + part for part in parts)
            made.append(Word(text, (), keys) if loose else Word(text, keys))
        return made

    def __str__(self) -> str:
        return " ".join(text for text, _, _ in self.words)


def phrase(text: str) -> Phrase:
    """`la:2? semaine:2 dernière:1` as a phrase; words without a number express part 1."""
    words = []
    for item in text.split():
        word, _, mark = item.partition(":")
        parts = tuple(int(digit) for digit in mark.rstrip("?")) or (1,)
        words.append((word, parts, mark.endswith("?")))
    return Phrase(tuple(words))


@dataclass(frozen=True, eq=False)
class Noun:
    """A noun or a name in three languages."""

    english: tuple[str, str]
    gender: str
    french: tuple[Phrase, Phrase]
    measure: str
    chinese: str
    kinds: str = ""
    worlds: tuple[str, ...] = ()
    section: str = ""

    @property
    def human(self) -> bool:
        """Whether "he" or "she" stands for it."""
        return self.section in ("names", "kin", "people", "trades")

    @property
    def name(self) -> str:
        """What tells this noun from others that are spelled alike in English."""
        return f"{self.english[0]}/{self.chinese}"


@dataclass(frozen=True, eq=False)
class Adjective:
    english: str
    masculine: tuple[str, str]
    feminine: tuple[str, str]
    before_vowel: str
    before_noun: bool
    attributive: tuple[str, ...]
    predicative: str
    kinds: str
    uses: str


@dataclass(frozen=True, eq=False)
class FrenchVerb:
    infinitive: str
    present: tuple[str, str, str, str]
    participle: str
    future: str
    auxiliary: str = "avoir"
    preposition: str = ""
    tail: tuple[str, ...] = ()

    @property
    def imperfect(self) -> str:
        """The stem of the imparfait: the form of "nous" without its ending."""
        return "ét" if self.infinitive == "être" else self.present[2].removesuffix("ons")


@dataclass(frozen=True, eq=False)
class Verb:
    """A verb; `complement` is what 把 needs after it, `aspect` the particle of the past."""

    english: tuple[str, str, str, str, str]
    particle: str
    french: FrenchVerb
    chinese: str
    aspect: str
    complement: str
    past: Phrase | None
    kinds: str
    tenses: str
    frame: str

    @property
    def name(self) -> str:
        return f"{self.english[0]}/{self.chinese}"


def _english_noun(text: str) -> tuple[str, str]:
    singular, _, plural = text.partition("/")
    if not plural:
        plural = singular[:-1] + "ies" if singular[-1] == "y" and singular[-2] not in "aeiou" else singular + "s"
    return singular, plural


def _noun(section: str, fields: list[str]) -> Noun:
    english, french, chinese, *extra = fields
    kinds, worlds = (extra[0] if extra else ""), tuple(extra[-1].split()) if extra else ()
    gender, _, forms = french.partition(" ")
    singular, _, plural = forms.partition("/")
    measure, _, noun = chinese.rpartition(" ")
    return Noun(_english_noun(english), gender, (phrase(singular), phrase(plural or singular + "s")), measure, noun,
                kinds, worlds, section)


def _adjective(fields: list[str]) -> Adjective:
    english, french, attributive, predicative, kinds, uses = fields
    *forms, place = french.split()
    masculine, feminine = forms[0], forms[1]
    special = forms[2] if len(forms) == 4 else masculine
    plural = forms[3] if len(forms) == 4 else masculine + "s"
    return Adjective(english, (masculine, plural), (feminine, feminine + "s"), special, place == "pre",
                     tuple(attributive.split()), predicative, kinds, uses)


def _english_verb(text: str) -> tuple[tuple[str, str, str, str, str], str]:
    """Base, third person, past, participle, -ing; and the particle, if there is one."""
    words = text.replace(":1", "").replace(":2", "").split()
    particle = words.pop(1) if len(words) > 1 and words[1] in ("for", "at", "about", "of", "to") else ""
    base = words[0]
    sibilant = base.endswith(("s", "sh", "ch", "o"))
    y = base.endswith("y") and base[-2] not in "aeiou"
    third = base[:-1] + "ies" if y else base + ("es" if sibilant else "s")
    regular = base[:-1] + "ied" if y else base + ("d" if base.endswith("e") else "ed")
    past = words[1] if len(words) > 1 else regular
    participle = words[2] if len(words) > 2 else past
    doubled = base + base[-1] if base in ("run", "put", "forget") else base
    ing = doubled[:-1] if doubled.endswith("e") and not doubled.endswith("ee") else doubled
    return (base, third, past, participle, ing + "ing"), particle


def _french_verb(text: str) -> FrenchVerb:
    words, _, tail = text.partition(" _ ")
    forms, extra = words.split(), tail.split()
    preposition = ""
    for rest in (extra, forms):
        if rest and rest[-1] in ("de", "à"):
            preposition = rest.pop()
    auxiliary = "être" if len(forms) > 1 and forms[-1] == "être" else "avoir"
    if auxiliary == "être":
        forms.pop()
    infinitive = forms[0]
    if len(forms) == 1:
        stem = infinitive[:-2]
        present = (stem + "e", stem + "e", stem + "ons", stem + "ent")
        return FrenchVerb(infinitive, present, stem + "é", infinitive, auxiliary, preposition, tuple(extra))
    first, third, we, they, participle, future = forms[1:7]
    return FrenchVerb(infinitive, (first, third, we, they), participle, future, auxiliary, preposition, tuple(extra))


def _verb(frame: str, fields: list[str]) -> Verb:
    english, french, chinese, *extra = fields
    forms, particle = _english_verb(english)
    chinese, _, past = chinese.partition("/")
    base, _, rest = chinese.partition(" ")
    aspect, complement = ("了", rest) if rest not in ("过", "-") else (rest.strip("-"), "")
    kinds, tenses = extra
    return Verb(forms, particle, _french_verb(french), base, aspect, complement, phrase(past) if past else None,
                kinds, tenses, frame)


@dataclass(frozen=True)
class Lexicon:
    """Everything in `lexicon.txt`."""

    nouns: dict[str, tuple[Noun, ...]]
    verbs: dict[str, tuple[Verb, ...]]
    adjectives: tuple[Adjective, ...]
    phrases: dict[str, tuple[tuple[Phrase, Phrase, Phrase], ...]]
    prepositions: dict[str, tuple[Phrase, Phrase, Phrase]]
    conjunctions: dict[str, tuple[Phrase, ...]]  # English, French, Chinese before and, of subordinators, after


NOUNS = ("names", "kin", "people", "trades", "ambiguous", "things", "places", "surfaces", "cities")
VERBS = ("verbs", "giving", "putting", "doing", "going", "living", "saying", "modals")


def _sections() -> dict[str, list[list[str]]]:
    text = (Path(__file__).parent.parent / "lexicon.txt").read_text(encoding="utf-8")
    sections = {}
    for section in text.split("\n== ")[1:]:
        name, *lines = section.strip().split("\n")
        sections[name] = [[field.strip() for field in line.split("|")] for line in lines]
    return sections


def _cities(rows: Iterable[list[str]]) -> tuple[Noun, ...]:
    return tuple(_noun("cities", [english, f"m {french}", chinese]) for english, french, chinese in rows)


@cache
def lexicon() -> Lexicon:
    """The lexicon, read once."""
    sections = _sections()
    nouns = {name: tuple(_noun(name, row) for row in sections.pop(name)) for name in NOUNS if name != "cities"}
    nouns["cities"] = _cities(sections.pop("cities"))
    verbs = {name: tuple(_verb(name, row) for row in sections.pop(name)) for name in VERBS}
    adjectives = tuple(map(_adjective, sections.pop("adjectives")))
    prepositions = {row[0]: (phrase(row[1]), phrase(row[2]), phrase(row[3])) for row in sections.pop("prepositions")}
    rows = sections.pop("conjunctions") + sections.pop("subordinators")
    conjunctions = {name: tuple(map(phrase, forms)) for name, *forms in rows}
    phrases = {name: tuple((phrase(a), phrase(b), phrase(c)) for a, b, c in rows) for name, rows in sections.items()}
    return Lexicon(nouns, verbs, adjectives, phrases, prepositions, conjunctions)
