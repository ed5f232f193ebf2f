"""What a sentence means: nodes without words of any language. Every node has keys of its own, from which links come."""

from __future__ import annotations

from dataclasses import dataclass

from .words import Adjective, Noun, Phrase, Verb

Fixed = tuple[Phrase, Phrase, Phrase]  # English, French, Chinese


@dataclass(slots=True)
class Thing:
    """A noun phrase; with `pronoun`, a pronoun that stands for a noun phrase said before."""

    key: int
    noun: Noun
    det: str = "the"  # the, a, this, that, my, our, his, some, number, none
    plural: bool = False
    number: Fixed | None = None
    adjective: Adjective | None = None
    owner: Thing | None = None
    relative: Clause | None = None
    pronoun: bool = False
    person: int = 3
    trade: Noun | None = None  # what the person is, whether or not it is said here
    possessor: Thing | None = None  # whose it is, where det is "his"

    @property
    def feminine(self) -> bool:
        return self.noun.gender == "f"


@dataclass(slots=True)
class Place:
    """A preposition and a noun phrase."""

    key: int
    preposition: Fixed
    thing: Thing


@dataclass(slots=True)
class Clause:
    """Who does what, when and where. `gap` says what a relative clause leaves out."""

    key: int
    subject: Thing
    verb: Verb | None = None
    tense: str = "past"  # past, state (was, in the past), present, future, now, then (was doing), perfect (has already)
    polarity: str = ""  # not, never, longer
    modal: Verb | None = None
    object: Thing | None = None
    recipient: Thing | None = None
    goal: Place | None = None
    companion: Place | None = None
    unlike: Place | None = None
    purpose: Clause | None = None
    place: Place | None = None
    time: Fixed | None = None
    time_first: bool = False
    frequency: Fixed | None = None
    manner: Fixed | None = None
    content: Clause | None = None
    quality: Adjective | None = None
    degree: str = ""  # very, too
    trade: Noun | None = None
    fixed: Fixed | None = None
    passive: bool = False
    there: bool = False
    gap: str = ""  # subject, object, all but the verb and its object ("infinitive")


@dataclass(slots=True)
class Unit:
    """A main clause, perhaps with a subordinate one; `conjunction` joins it to the unit before."""

    key: int
    main: Clause
    conjunction: str = ""
    subordinator: str = ""
    subordinate: Clause | None = None
    fronted: bool = False


@dataclass(slots=True)
class Sentence:
    """Units in a row; a question has one."""

    units: list[Unit]
    question: bool = False
