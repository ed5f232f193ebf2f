"""Drawing people, things and places to speak about."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from .joins import kept_out, sense_kept_out
from .meaning import Clause, Fixed, Place, Thing
from .words import KEYS, Adjective, Noun, Verb, lexicon

T = TypeVar("T")
PEOPLE = ("names", "kin", "people", "trades")


@cache
def senses(noun: Noun) -> tuple[Noun, ...]:
    """The nouns that are spelled like this one."""
    return tuple(other for other in lexicon().nouns["ambiguous"] if other.english == noun.english)


@cache
def ambiguous_objects(kinds: str, trade: Noun) -> tuple[Noun, ...]:
    """Ambiguous nouns of which this trade settles the sense, where the verb itself would allow every sense."""
    return tuple(
        noun for noun in lexicon().nouns["ambiguous"]
        if set(noun.worlds) & set(trade.worlds) and all(set(sense.kinds) & set(kinds) for sense in senses(noun))
    )


@cache
def plain_objects(kinds: str) -> tuple[Noun, ...]:
    return tuple(noun for noun in lexicon().nouns["things"] if set(noun.kinds) & set(kinds))


@cache
def verbs_for(noun: Noun, tense: str) -> tuple[Verb, ...]:
    """Verbs that any sense of the noun allows, in that tense, and that French gives a plain object."""
    kinds = [set(sense.kinds) for sense in senses(noun) or (noun,)]
    return tuple(
        verb for verb in lexicon().verbs["verbs"]
        if tense in verb.tenses and not verb.french.preposition and all(k & set(verb.kinds) for k in kinds)
    )


@cache
def qualities(noun: Noun, use: str) -> tuple[Adjective, ...]:
    """Adjectives for the noun, in one of the uses a, p, v, t and s; those for ambiguous nouns fit every sense."""
    kinds = "P" if noun.human else noun.kinds
    fits = "" if noun.section == "ambiguous" else kinds
    return tuple(
        a for a in lexicon().adjectives
        if use in a.uses and (set(a.kinds) & set(fits) or (a.kinds == "*" and not noun.human and "N" not in kinds))
    )


class Things:
    """Draws noun phrases from one stream of random numbers; training gets no words that are kept apart."""

    def __init__(self, draw: random.Random, held_out: bool) -> None:
        self.random = draw.random
        self.held_out = held_out
        self.keys = 0
        self.frame = "past"
        self.near = 0.7  # how often an ambiguous word stands in the clause that names the trade
        self.said: set[Noun] = set()  # things that the sentence has spoken of already
        self.lexicon = lexicon()

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def key(self) -> int:
        self.keys += KEYS
        return self.keys

    def joined(self, options: Sequence[T], partner: str, name: str = "name") -> T:
        """One of the options; in training one that may stand with the partner, if there is one."""
        option = self.pick(options)
        if self.held_out or not kept_out(partner, getattr(option, name)):
            return option
        return self.pick([other for other in options if not kept_out(partner, getattr(other, name))] or options)

    def phrase(self, section: str) -> Fixed:
        return self.pick(self.lexicon.phrases[section])

    # people

    def named(self, section: str, det: str = "the") -> Thing:
        noun = self.pick(self.lexicon.nouns[section])
        det = {"names": "none", "kin": "our" if self.chance(0.2) else "my"}.get(section, det)
        return Thing(self.key(), noun, det, trade=noun if section == "trades" else None)

    def person(self, room: int, avoid: Noun | None = None) -> Thing:
        """A person to speak about, mostly somebody with a trade."""
        kind = self.random()
        if room < 3 and kind < 0.15:
            return Thing(self.key(), self.pick(self.lexicon.nouns["kin"]), pronoun=True)
        if kind < 0.68:
            thing = self.named("trades", self.pick(("the", "the", "the", "the", "a", "that", "this")))
            thing.plural = thing.det == "the" and self.frame != "future" and self.chance(0.12)
        elif kind < 0.82:
            thing = self.named("names")
        elif kind < 0.93:
            thing = self.named("kin")
        else:
            dets = ("the", "the", "this", "a") if self.frame == "future" else ("the", "the", "this", "a", "some")
            thing = self.named("people", self.pick(dets))
            thing.plural = thing.det == "some" or (thing.det != "a" and self.frame != "future" and self.chance(0.2))
        if thing.noun is avoid:
            return self.person(room, avoid)
        if room > 7 and thing.det in ("the", "a", "this", "that") and self.chance(0.3):
            self.describe(thing)
        if room > 9 and thing.det in ("the", "my") and self.chance(0.5):
            thing.relative = self.who(thing)
        return thing

    def somebody(self, avoid: Noun | None = None) -> Thing:
        """A person in a few words, who does not act."""
        thing = self.named(self.pick(("trades", "trades", "kin", "names", "people")))
        return self.somebody(avoid) if thing.noun is avoid else thing

    def me(self) -> Thing:
        """Who speaks: a man, alone or with others."""
        return Thing(self.key(), self.lexicon.nouns["kin"][0], person=1, plural=self.chance(0.4))

    def describe(self, thing: Thing) -> None:
        options = qualities(thing.noun, "a")
        if options:
            thing.adjective = self.pick(options)

    def who(self, thing: Thing) -> Clause:
        """A relative clause about a person."""
        kind = self.random()
        if kind < 0.2:
            quality = self.pick(qualities(thing.noun, "v"))
            return Clause(self.key(), thing, None, "present", gap="subject", quality=quality,
                          degree=self.pick(("", "very")))
        if kind < 0.4:
            verb = self.joined(self.lexicon.verbs["doing"], thing.noun.name)
            return Clause(self.key(), thing, verb, "past", gap="subject", place=self.place())
        if kind < 0.7 or thing.plural:
            verb = self.pick(self.lexicon.verbs["living"])
            city = self.chance(0.7)
            where = self.city() if city else self.place("near", "behind", "front")
            return Clause(self.key(), thing, verb, "present", gap="subject", goal=where)
        verbs = [v for v in self.lexicon.verbs["verbs"] if v.kinds == "P" and "p" in v.tenses]
        clause = Clause(self.key(), self.me(), self.joined(verbs, thing.noun.name), "past", gap="object", object=thing)
        if self.chance(0.5):
            clause.time = self.phrase("times past")
        else:
            clause.place = self.place()
        return clause

    # things

    def new(self, options: Sequence[Noun], partner: str) -> Noun:
        """One that the sentence has not spoken of yet, if possible."""
        noun = self.joined(options, partner)
        if noun in self.said:
            noun = self.joined([other for other in options if other not in self.said] or options, partner)
        self.said.add(noun)
        return noun

    def thing(self, verb: Verb, subject: Thing, room: int, kinds: str = "") -> Thing:
        """An object for the verb; where the subject's trade settles a sense, mostly an ambiguous word."""
        kinds = kinds or verb.kinds
        if subject.trade is not None and self.chance(0.9 if subject.pronoun else self.near):
            options = ambiguous_objects(kinds, subject.trade)
            if not self.held_out:
                options = tuple(n for n in options if not sense_kept_out(subject.trade, n))
            options = tuple(n for n in options if n not in self.said)
            if options:
                noun = self.new(options, verb.name)
                thing = Thing(self.key(), noun, self.pick(("the", "the", "the", "the", "a", "this", "his")))
                return self.finish(thing, verb, subject, room)
        if kinds == "P" or ("P" in kinds and self.chance(0.2)):
            noun = self.joined(self.lexicon.nouns[self.pick(("trades", "trades", "people"))], verb.name)
            return Thing(self.key(), noun, self.pick(("the", "the", "a", "this")))
        noun = self.new(plain_objects(kinds), verb.name)
        thing = Thing(self.key(), noun, self.pick(("the", "the", "the", "a", "a", "this", "that", "my", "his", "our")))
        if "U" in noun.kinds:
            thing.det = "the" if thing.det == "a" else thing.det
        elif self.chance(0.25):
            thing.plural = True
            if thing.det == "a" or self.chance(0.4):
                thing.det, thing.number = "number", self.phrase("numbers")
        elif thing.det == "the" and room > 5 and self.chance(0.4):
            thing.owner = self.named(self.pick(("kin", "trades", "names")))
        return self.finish(thing, verb, subject, room)

    def finish(self, thing: Thing, verb: Verb, subject: Thing, room: int) -> Thing:
        """Whose it is, what it is like, and what is told about it."""
        if thing.det == "a" and (verb.complement or verb.aspect == "" or verb.frame != "verbs"):
            thing.det = "the"
        if thing.det == "his":
            if subject.person == 1:
                thing.det = "our" if subject.plural else "my"
            else:
                thing.possessor = subject
        if room > 4 and self.chance(0.5):
            self.describe(thing)
        if room > 9 and thing.det in ("the", "number") and thing.owner is None and self.chance(0.4):
            thing.relative = self.which(thing, subject)
        return thing

    def which(self, thing: Thing, subject: Thing) -> Clause | None:
        """A relative clause about a thing."""
        if thing.noun.section == "things" and "E" not in thing.noun.kinds and self.chance(0.35):
            spots = "S" in thing.noun.kinds or "F" in thing.noun.kinds
            return Clause(self.key(), thing, None, "past", gap="subject",
                          place=self.spot() if spots else self.place("near", "behind", "front"))
        if thing.plural:  # rare forms of the French participle
            return None
        verbs = verbs_for(thing.noun, "p")
        if thing.noun.section == "ambiguous" or self.chance(0.5):
            if subject.person != 3:
                return None
            who = self.refer(subject)
        else:
            who = self.named("names")
        clause = Clause(self.key(), who, self.joined(verbs, thing.noun.name), "past", gap="object", object=thing)
        if self.chance(0.6):
            clause.time = self.phrase("times past")
        return clause

    def refer(self, thing: Thing) -> Thing:
        """A pronoun for it."""
        return Thing(self.key(), thing.noun, pronoun=True, plural=thing.plural, trade=thing.trade)

    # places

    def place(self, *names: str) -> Place:
        """Where something is or happens."""
        places = self.lexicon.nouns["places"]
        noun = self.pick(places)
        options = [name for name in noun.worlds if not names or name in names]
        if not options:
            return self.place(*names)
        name = self.pick(options)
        thing = Thing(self.key(), noun)
        if name != "at" and self.chance(0.25):
            thing.adjective = self.pick(self.old_or_new())
        return Place(self.key(), self.lexicon.prepositions[name], thing)

    @staticmethod
    @cache
    def old_or_new() -> tuple[Adjective, ...]:
        names = ("old", "new", "big", "small", "beautiful")
        return tuple(a for a in lexicon().adjectives if a.english in names and "P" not in a.kinds)

    def city(self) -> Place:
        thing = Thing(self.key(), self.pick(self.lexicon.nouns["cities"]), "none")
        return Place(self.key(), self.lexicon.prepositions["city"], thing)

    def spot(self) -> Place:
        """Where one puts things."""
        thing = Thing(self.key(), self.pick(self.lexicon.nouns["surfaces"]))
        return Place(self.key(), self.lexicon.prepositions[self.pick(("on", "on", "under", "behind"))], thing)
