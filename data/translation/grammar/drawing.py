"""Drawing what to say: clauses about a few people, and a choice of everything that a sentence leaves open."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from typing import TypeVar

from .meaning import Clause, Fixed, Place, Sentence, Thing, Unit
from .words import KEYS, Adjective, Noun, Verb, lexicon, phrase

T = TypeVar("T")
NOTHING: Fixed = (phrase(""), phrase(""), phrase(""))
ANYTHING = "*"
LIVING = ("names", "kin", "people", "trades")


def kept_out(first: str, second: str) -> bool:
    """Words that training never joins: verb and object, trade and ambiguous word, person and deed."""
    return zlib.crc32(f"{first}+{second}".encode()) % 8 == 0


class Speaker:
    """Draws meanings from one stream of random numbers. `unseen` counts the joined words that training never shows."""

    def __init__(self, draw: random.Random, held_out: bool) -> None:
        self.draw = draw
        self.held_out = held_out
        self.unseen = 0
        self.keys = KEYS
        self.lexicon = lexicon()
        self.worlds: dict[int, str] = {}  # key of a person -> the person's trade

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.draw.random() * len(options))]

    def chance(self, probability: float) -> bool:
        return self.draw.random() < probability

    def key(self) -> int:
        self.keys += KEYS
        return self.keys

    def joined(self, options: Sequence[T], partner: str, name: str = "name") -> T:
        """One of the options that may stand with the partner: in training none that is kept out."""
        for _ in range(30):
            option = self.pick(options)
            out = kept_out(partner, str(getattr(option, name)))
            if not out or self.held_out:
                self.unseen += out
                return option
        seen = [option for option in options if not kept_out(partner, str(getattr(option, name)))]
        return self.pick(seen or options)

    # people

    def person(self, room: int) -> Thing:
        """A person to speak about; mostly somebody with a trade."""
        if self.chance(0.72):
            noun = self.pick(self.lexicon.nouns["trades"])
            det = self.pick(("the", "the", "the", "the", "a", "that", "this"))
            thing = Thing(self.key(), noun, det, plural=det == "the" and self.chance(0.12))
            self.worlds[thing.key] = noun.name
        elif self.chance(0.35):
            thing = Thing(self.key(), self.pick(self.lexicon.nouns["names"]), "none")
        elif self.chance(0.5):
            thing = Thing(self.key(), self.pick(self.lexicon.nouns["kin"]), self.pick(("my", "my", "our")))
        else:
            thing = Thing(self.key(), self.pick(self.lexicon.nouns["people"]), self.pick(("the", "the", "this", "a")))
            if self.chance(0.3):
                thing.det, thing.plural = self.pick(("the", "some", "these")), True
                thing.det = "this" if thing.det == "these" else thing.det
        if room > 7 and thing.noun.section != "names" and thing.det not in ("my", "our") and self.chance(0.3):
            self.describe(thing, "P")
        if room > 9 and thing.det in ("the", "that", "my") and self.chance(0.45):
            thing.relative = self.who(thing)
        return thing

    def describe(self, thing: Thing, kinds: str) -> None:
        options = [a for a in self.lexicon.adjectives if self.fits(a, kinds, thing.noun)]
        if options:
            thing.adjectives.append((self.key(), self.joined(options, thing.noun.name, "predicative")))

    @staticmethod
    def fits(adjective: Adjective, kinds: str, noun: Noun) -> bool:
        if adjective.kinds == ANYTHING:
            return "P" not in kinds
        return noun.section != "ambiguous" and bool(set(adjective.kinds) & set(kinds))

    def who(self, thing: Thing) -> Clause:
        """A relative clause about a person."""
        pick, kind = self.pick, self.draw.random()
        if kind < 0.25:
            return Clause(self.key(), thing, None, self.pick(("past", "present")), gap="subject",
                          quality=self.quality("P"), degree=pick(("", "very")))
        if kind < 0.6:
            verb = self.joined(self.lexicon.verbs["doing"], thing.noun.name)
            return Clause(self.key(), thing, verb, self.pick(("past", "present")), gap="subject", place=self.place())
        verb = pick([v for v in self.lexicon.verbs["verbs"] if v.kinds == "P" and "p" in v.tenses and not v.particle])
        subject = Thing(self.key(), thing.noun, person=1, plural=self.chance(0.5))
        clause = Clause(self.key(), subject, verb, "past", gap="object", object=thing)
        if self.chance(0.5):
            clause.time = pick(self.lexicon.phrases["times past"])
        else:
            clause.place = self.place()
        return clause

    def quality(self, kinds: str) -> Adjective:
        return self.pick([a for a in self.lexicon.adjectives if set(a.kinds) & set(kinds)])

    # things and places

    def place(self) -> Place:
        noun = self.pick(self.lexicon.nouns["places"])
        name = self.pick(noun.worlds)
        thing = Thing(self.key(), noun)
        if name != "at" and self.chance(0.2):
            adjective = self.pick([a for a in self.lexicon.adjectives
                                   if a.english in ("old", "small", "big", "beautiful") and "P" not in a.kinds])
            thing.adjectives.append((self.key(), adjective))
        return Place(self.key(), self.lexicon.prepositions[name], thing)

    def spot(self) -> Place:
        """Where one puts things."""
        thing = Thing(self.key(), self.pick(self.lexicon.nouns["surfaces"]))
        return Place(self.key(), self.lexicon.prepositions[self.pick(("on", "on", "under", "behind"))], thing)

    def thing(self, verb: Verb, subject: Thing, room: int, kinds: str = "") -> Thing:
        """An object for the verb; where the subject's trade decides a sense, often an ambiguous word."""
        kinds = kinds or verb.kinds
        trade = self.trade_of(subject)
        if trade is not None and self.chance(0.6):
            options = [n for n in self.lexicon.nouns["ambiguous"] if set(n.kinds) & set(kinds)
                       and set(n.worlds) & set(trade.worlds)]
            if options:
                noun = self.joined(options, trade.name)
                thing = Thing(self.key(), noun, self.pick(("the", "the", "the", "a", "this", "his")))
                return self.finish(thing, subject, room)
        if "P" in kinds and self.chance(1 if kinds == "P" else 0.2):
            section = self.pick(("trades", "trades", "people"))
            noun = self.joined(self.lexicon.nouns[section], verb.name)
            return Thing(self.key(), noun, self.pick(("the", "the", "a", "this")))
        options = [n for n in self.lexicon.nouns["things"] if set(n.kinds) & set(kinds)]
        noun = self.joined(options, verb.name)
        thing = Thing(self.key(), noun, self.pick(("the", "the", "the", "a", "a", "this", "that", "my", "his", "our")))
        if self.chance(0.25):
            thing.plural = True
            if thing.det == "a" or self.chance(0.4):
                thing.det, thing.number = "number", self.pick(self.lexicon.phrases["numbers"])
        elif thing.det == "the" and room > 8 and self.chance(0.15):
            owner = self.pick(self.lexicon.nouns[self.pick(("kin", "trades", "names"))])
            thing.owner = Thing(self.key(), owner, {"kin": "my", "names": "none"}.get(owner.section, "the"))
        return self.finish(thing, subject, room)

    def finish(self, thing: Thing, subject: Thing, room: int) -> Thing:
        """Whose it is, what it is like, and what is told about it."""
        if thing.det == "his":
            if subject.person == 1:
                thing.det = "our" if subject.plural else "my"
            else:
                thing.possessor = subject
        if room > 5 and self.chance(0.4):
            self.describe(thing, thing.noun.kinds)
        if room > 9 and thing.det in ("the", "number") and thing.owner is None and subject.person == 3 \
                and thing.noun.section == "things" and self.chance(0.5):
            thing.relative = self.which(thing, subject)
        return thing

    def which(self, thing: Thing, subject: Thing) -> Clause:
        """A relative clause about a thing."""
        if self.chance(0.35):
            return Clause(self.key(), thing, None, "present" if self.chance(0.3) else "past", gap="subject",
                          place=self.pick((self.place, self.spot))())
        verbs = [v for v in self.lexicon.verbs["verbs"] if "p" in v.tenses and not v.french.preposition
                 and not v.french.tail and not v.particle and set(v.kinds) & set(thing.noun.kinds)]
        who = self.refer(subject) if self.chance(0.6) else \
            Thing(self.key(), self.pick(self.lexicon.nouns["names"]), "none")
        clause = Clause(self.key(), who, self.joined(verbs, thing.noun.name), "past", gap="object", object=thing)
        if self.chance(0.6):
            clause.time = self.pick(self.lexicon.phrases["times past"])
        return clause

    def refer(self, thing: Thing) -> Thing:
        """A pronoun for it."""
        made = Thing(self.key(), thing.noun, pronoun=True, plural=thing.plural)
        if thing.key in self.trades_by_key:
            self.trades_by_key[made.key] = self.trades_by_key[thing.key]
        return made

    @property
    def trades_by_key(self) -> dict[int, str]:
        return self.worlds

    def trade_of(self, subject: Thing) -> Noun | None:
        name = self.worlds.get(subject.key)
        return next((n for n in self.lexicon.nouns["trades"] if n.name == name), None)

    # clauses

    def tense(self, verb: Verb) -> str:
        letters = verb.tenses or "ppprrfgm"
        letter = self.pick(letters.replace("+", "") + ("p" if "p" in letters else ""))
        return {"p": "past", "r": "present", "f": "future", "g": self.pick(("now", "then")), "m": "modal"}[letter]

    def verb_clause(self, subject: Thing, verb: Verb, room: int) -> Clause:
        """A clause with its tense, negation and adverbials; objects come later."""
        tense = self.tense(verb)
        clause = Clause(self.key(), subject, verb, tense)
        if tense == "modal":
            clause.tense, clause.modal = "present", self.pick(self.lexicon.verbs["modals"])
        if self.chance(0.18):
            clause.polarity = self.pick(("not", "not", "never"))
            if tense == "present" and self.chance(0.4):
                clause.polarity = "longer"
            if tense in ("now", "then", "modal", "future"):
                clause.polarity = "not"
        elif tense == "past" and self.chance(0.1) and verb.aspect == "了":
            clause.tense = "perfect"
        elif tense == "present" and verb.aspect != "" and self.chance(0.4):
            clause.frequency = self.pick(self.lexicon.phrases["frequencies"])
        self.when(clause, room, tense)
        if room > 6 and "+" in verb.tenses and not clause.polarity and self.chance(0.4):
            clause.manner = self.pick(self.lexicon.phrases["manners"])
        return clause

    def when(self, clause: Clause, room: int, tense: str) -> None:
        name = {"past": "past", "present": "present", "future": "future", "now": "now"}.get(tense)
        ok = clause.tense != "perfect" and clause.polarity != "never" and clause.frequency is clause.modal is None
        stative = clause.verb is not None and clause.verb.aspect == ""
        if name and ok and room > 4 and not stative and self.chance(0.55):
            clause.time = self.pick(self.lexicon.phrases["times " + name])
            clause.time_first = self.chance(0.25)

    def clause(self, subject: Thing, room: int) -> Clause:
        """A clause of about `room` words, without those of the subject."""
        kind = self.draw.random()
        name = subject.noun.name if subject.person == 3 else "i"
        if room < 3 or kind < 0.14:
            clause = self.verb_clause(subject, self.joined(self.lexicon.verbs["doing"], name), room)
            clause.place = self.place() if room > 4 and self.chance(0.7) else None
        elif kind < 0.24:
            clause = self.verb_clause(subject, self.pick(self.lexicon.verbs["going"]), room)
            where = self.pick([n for n in self.lexicon.nouns["places"] if "at" in n.worlds or n.english[0] == "market"])
            clause.goal = Place(self.key(), NOTHING, Thing(self.key(), where))
        elif kind < 0.32 and subject.person == 3:
            clause = Clause(self.key(), subject, None, self.pick(("past", "present")), quality=self.quality("P"),
                            degree=self.pick(("", "", "very", "too")))
            clause.polarity = "not" if not clause.degree and self.chance(0.25) else ""
        elif kind < 0.42 and room > 6:
            clause = self.putting(subject, room)
        elif kind < 0.54 and room > 6:
            clause = self.giving(subject, room)
        else:
            verb = self.joined(self.lexicon.verbs["verbs"], name)
            clause = self.verb_clause(subject, verb, room)
            clause.object = self.thing(verb, subject, room)
            if room > 8 and clause.manner is None and verb.aspect != "" and self.chance(0.4):
                clause.place = self.place()
        return clause

    def putting(self, subject: Thing, room: int) -> Clause:
        verb = self.pick(self.lexicon.verbs["putting"])
        clause = self.verb_clause(subject, verb, room)
        clause.object = self.thing(verb, subject, room, "S")
        clause.goal = self.spot()
        return clause

    def giving(self, subject: Thing, room: int) -> Clause:
        verb = self.pick(self.lexicon.verbs["giving"])
        clause = self.verb_clause(subject, verb, room)
        clause.object = self.thing(verb, subject, room, "S")
        noun = self.joined(self.lexicon.nouns[self.pick(("trades", "kin", "people"))], verb.name)
        clause.recipient = Thing(self.key(), noun, "my" if noun.section == "kin" else self.pick(("the", "the", "a")))
        return clause

    # sentences

    def intro(self, subject: Thing) -> Clause:
        """What somebody is by trade, which later clauses need."""
        trade = self.pick([t for t in self.lexicon.nouns["trades"] if t.gender == subject.noun.gender])
        self.worlds[subject.key] = trade.name
        return Clause(self.key(), subject, None, "present", trade=trade)

    def follow(self, before: Clause, room: int) -> Clause:
        """A clause after another one: about the same person, the same thing, or somebody else."""
        kind = self.draw.random()
        thing = before.object
        fit = thing is not None and not thing.noun.human and not thing.pronoun and "N" not in thing.noun.kinds
        if fit and thing is not None and kind < 0.2:
            return self.about(thing)
        if kind < 0.75 and before.subject.person == 3 and before.subject.noun.human:
            return self.again(before, thing if fit else None, room)
        if kind < 0.82:
            return self.clause(Thing(self.key(), before.subject.noun, person=1, plural=self.chance(0.4)), room)
        return self.clause(self.person(room), room)

    def about(self, thing: Thing) -> Clause:
        it = self.refer(thing)
        options = [a for a in self.lexicon.adjectives if self.fits(a, thing.noun.kinds, thing.noun)]
        clause = Clause(self.key(), it, None, self.pick(("past", "present")), quality=self.pick(options),
                        degree=self.pick(("", "very", "too")))
        if not clause.degree and self.chance(0.3):
            clause.polarity = "not"
        return clause

    def again(self, before: Clause, thing: Thing | None, room: int) -> Clause:
        """The same person once more, perhaps with the same thing."""
        he = self.refer(before.subject)
        if thing is None or self.chance(0.6):
            return self.clause(he, room)
        kinds = set(thing.noun.kinds)
        verbs = [v for v in self.lexicon.verbs["verbs"] if kinds & set(v.kinds) and not v.french.preposition]
        if "S" in kinds:
            verbs += [v for name in ("giving", "putting") for v in self.lexicon.verbs[name]] * 2
        verb = self.pick(verbs)
        clause = self.verb_clause(he, verb, room)
        clause.object = self.refer(thing)
        if verb.frame == "putting":
            clause.goal = self.spot()
        if verb.frame == "giving":
            noun = self.pick(self.lexicon.nouns[self.pick(("trades", "kin", "people"))])
            clause.recipient = Thing(self.key(), noun, "my" if noun.section == "kin" else "the")
        return clause

    def first(self, room: int) -> Clause:
        """The first clause: somebody does something, is something by trade, or says something."""
        subject = self.person(room)
        if subject.noun.section in ("names", "kin") and self.chance(0.7) and room > 3:
            return self.intro(subject)
        if room > 9 and self.chance(0.18):
            clause = self.verb_clause(subject, self.pick(self.lexicon.verbs["saying"]), 0)
            clause.tense, clause.polarity, clause.modal, clause.manner = "present", "", None, None
            clause.frequency = clause.time = None
            clause.content = self.clause(self.refer(subject) if self.chance(0.6) else self.person(room - 5), room - 5)
            return clause
        if subject.noun.section == "trades" and room > 7 and self.chance(0.12):
            return self.found_by(subject, room)
        return self.clause(subject, room - (4 if subject.relative else 0))

    def found_by(self, agent: Thing, room: int) -> Clause:
        """A passive clause: who did it comes last."""
        verb = self.pick([v for v in self.lexicon.verbs["verbs"]
                          if v.english[0] in ("find", "sell", "buy", "draw", "clean", "photograph", "examine")])
        patient = self.thing(verb, agent, 5)
        patient.det, patient.possessor = ("the" if patient.det in ("his", "a") else patient.det), None
        clause = Clause(self.key(), patient, verb, "past", passive=True, object=agent)
        if patient.noun.human or "N" in patient.noun.kinds:
            return self.found_by(agent, room)
        if self.chance(0.2):
            clause.polarity = "not"
        clause.place = self.place() if self.chance(0.6) else None
        self.when(clause, room, "past")
        return clause

    def sentence(self, words: int) -> Sentence:
        """A sentence of about so many words."""
        count = 1 if words < 9 else 2 if words < 20 else 3 if words < 29 else self.pick((4, 4, 5))
        if words < 12 and count == 2 and self.chance(0.4):
            count = 1
        room = max(2, words // count - 2)
        clause = self.first(room)
        if count == 1 and self.chance(0.06) and clause.tense in ("past", "present") and clause.verb is not None \
                and not clause.polarity and clause.content is None and not clause.time_first and not clause.passive:
            return Sentence([Unit(self.key(), clause)], question=True)
        units = [Unit(self.key(), clause)]
        made = 1
        while made < count:
            clause = self.follow(clause, room)
            kind = self.draw.random()
            last = units[-1]
            free = last.subordinate is None and last.main.trade is None and last.conjunction != "because"
            if kind < 0.35 and free:
                last.subordinator = self.subordinator(last.main, clause)
                last.subordinate = clause
            else:
                units.append(Unit(self.key(), clause, self.pick(("and", "and", "but", "so", "then", "because"))))
            made += 1
        return Sentence(units)

    def subordinator(self, main: Clause, side: Clause) -> str:
        if side.verb is not None and side.tense == "then":
            return "while"
        if side.verb is not None and side.tense == "past" and not side.polarity and main.tense == "past":
            return self.pick(("when", "after"))
        if side.tense == "present" and main.tense in ("present", "future"):
            return self.pick(("if", "though"))
        return "though"


__all__ = ["LIVING", "Speaker", "kept_out"]
