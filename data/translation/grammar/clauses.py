"""Drawing clauses: what people do, what they are like, what is done to things.

A sentence keeps to one time, its frame. The letters of tenses and of uses are those of the lexicon.
"""

from __future__ import annotations

import random
from functools import cache

from .meaning import Clause, Fixed, Place, Thing
from .things import Things, ambiguous_objects, qualities, senses, verbs_for
from .words import Noun, Verb, lexicon, phrase

NOTHING: Fixed = (phrase(""), phrase(""), phrase(""))
WANTED = {"past": "ppppppg", "present": "rrggm", "future": "fffm"}
GOALS = ("school", "station", "market", "museum", "hospital", "hotel", "library", "theatre", "airport", "church",
         "castle", "village", "office", "park")
PASSIVE = ("find", "sell", "buy", "draw", "clean", "photograph", "examine", "describe", "choose")
NO_PURPOSE = ("forget", "lose", "find", "hide")


@cache
def verbs_in(frame: str, tenses: str = "") -> tuple[Verb, ...]:
    """Verbs with an object that have a tense for the frame, or one of `tenses`."""
    return tuple(verb for verb in lexicon().verbs["verbs"] if set(tenses or WANTED[frame]) & set(verb.tenses))


@cache
def goals() -> tuple[Noun, ...]:
    return tuple(noun for noun in lexicon().nouns["places"] if noun.english[0] in GOALS)


class Clauses(Things):
    """Draws clauses that fit the frame: past, present or future."""

    def __init__(self, draw: random.Random, held_out: bool) -> None:
        super().__init__(draw, held_out)
        self.done: set[Verb] = set()
        self.times: set[int] = set()  # of the adverbials of time that the sentence has already

    # tense and adverbials

    def deed(self, subject: Thing, verb: Verb, room: int) -> Clause:
        """A verb with its tense, negation and adverbials; objects come later."""
        letters = [letter for letter in WANTED[self.frame] if letter in verb.tenses]
        if subject.plural and self.frame == "past":  # rare forms of the French imparfait
            letters = [letter for letter in letters if letter != "g"] or ["p"]
        letter = "p" if subject.person == 1 else self.pick(letters)
        self.done.add(verb)
        clause = Clause(self.key(), subject, verb)
        if letter == "p":
            self.past(clause, room)
        elif letter == "r":
            self.habit(clause, room)
        elif letter == "m":
            clause.tense, clause.modal = "present", self.pick(self.lexicon.verbs["modals"])
            clause.polarity = "not" if self.chance(0.25) else ""
        else:
            clause.tense = "future" if letter == "f" else "then" if self.frame == "past" else "now"
            clause.polarity = "not" if self.chance(0.2) else ""
        if letter in "pfg" and clause.tense not in ("then", "perfect") and clause.polarity != "never" and room > 4:
            self.when(clause, {"p": "past", "f": "future", "g": "now"}[letter])
        if room > 5 and "+" in verb.tenses and not clause.polarity and self.chance(0.7):
            clause.manner = self.phrase("manners")
        return clause

    def past(self, clause: Clause, room: int) -> None:
        kind = self.random()
        if kind < 0.22:
            clause.polarity = self.pick(("not", "not", "never"))
        elif kind < 0.34 and room > 3 and clause.subject.person == 3:
            clause.tense = "perfect"

    def habit(self, clause: Clause, room: int) -> None:
        """What somebody often, never or no longer does, or does every day."""
        clause.tense = "present"
        kind = self.random()
        if kind < 0.5 or room < 4:
            clause.frequency = self.phrase("frequencies")
        elif kind < 0.65:
            clause.polarity = "longer" if clause.subject.plural else self.pick(("never", "longer"))
        else:
            self.when(clause, "present")
            clause.frequency = None if clause.time is not None else self.phrase("frequencies")

    def when(self, clause: Clause, name: str) -> None:
        """Say when, once in a sentence; of somebody else perhaps another time."""
        again = bool(self.times) and (clause.subject.pronoun or self.chance(0.5))
        if again or self.chance(0.45 if name != "present" else 0):
            return
        number = int(self.random() * len(self.lexicon.phrases[f"times {name}"]))
        if number not in self.times:
            self.times.add(number)
            clause.time = self.lexicon.phrases[f"times {name}"][number]
            clause.time_first = self.chance(0.25)

    # events

    def event(self, subject: Thing, room: int) -> Clause:
        """Somebody does something, in about `room` words."""
        kind = self.random()
        if room < 3 or kind < 0.14:
            clause = self.doing(subject, room)
        elif kind < 0.26:
            clause = self.going(subject, room)
        elif kind < 0.36 and room > 6 and self.frame != "present":
            clause = self.putting(subject, room)
        elif kind < 0.5 and room > 6 and not (subject.plural and self.frame == "present"):
            clause = self.giving(subject, room)
        else:
            clause = self.acting(subject, room)
        if room > 7 and subject.person == 3 and not subject.pronoun and not subject.plural and not clause.time_first \
                and self.chance(0.12):
            other = self.somebody(subject.noun)
            clause.unlike = Place(self.key(), self.lexicon.phrases["comparisons"][0], other)
        return clause

    def acting(self, subject: Thing, room: int) -> Clause:
        """A verb with an object; for people with a trade often one that goes with an ambiguous word."""
        name = subject.noun.name
        verbs = [verb for verb in verbs_in(self.frame, "p" if subject.person == 1 else "") if verb not in self.done]
        verb = self.joined(verbs, name)
        if subject.trade is not None and not ambiguous_objects(verb.kinds, subject.trade) and self.chance(0.7):
            verb = self.joined([other for other in verbs if "Y" in other.kinds] or verbs, name)
        clause = self.deed(subject, verb, room)
        clause.object = self.thing(verb, subject, room)
        if room > 8 and clause.manner is None and self.chance(0.4):
            clause.place = self.place()
        return clause

    def doing(self, subject: Thing, room: int) -> Clause:
        verbs = [verb for verb in self.lexicon.verbs["doing"] if verb not in self.done]
        clause = self.deed(subject, self.joined(verbs, subject.noun.name), room)
        if room > 4 and self.chance(0.7):
            clause.place = self.place()
        self.together(clause, room)
        return clause

    def together(self, clause: Clause, room: int) -> None:
        if room > 5 and self.chance(0.35) and not clause.polarity:
            other = self.somebody(clause.subject.noun)
            clause.companion = Place(self.key(), self.lexicon.phrases["companions"][0], other)

    def going(self, subject: Thing, room: int) -> Clause:
        verb = self.joined(self.lexicon.verbs["going"], subject.noun.name)
        clause = self.deed(subject, verb, room)
        clause.goal = Place(self.key(), NOTHING, Thing(self.key(), self.pick(goals())))
        if verb.english[0] != "arrive" and self.chance(0.35):
            clause.goal.thing = self.city().thing
        if verb.english[0] == "go" and clause.tense != "perfect" and room > 6 and self.chance(0.5):
            clause.purpose = self.purpose(subject, room)
        else:
            self.together(clause, room)
        return clause

    def purpose(self, subject: Thing, room: int) -> Clause:
        """What somebody goes somewhere for."""
        verbs = [verb for verb in verbs_in("future", "f") if verb.english[0] not in NO_PURPOSE
                 and not verb.french.preposition]
        verb = self.joined(verbs, subject.noun.name)
        thing = self.thing(verb, subject, room - 5)
        return Clause(self.key(), subject, verb, "infinitive", gap="subject", object=thing)

    def putting(self, subject: Thing, room: int) -> Clause:
        verb = self.joined(self.lexicon.verbs["putting"], subject.noun.name)
        clause = self.deed(subject, verb, room)
        clause.object = self.thing(verb, subject, room, "S")
        clause.goal = self.spot()
        return clause

    def giving(self, subject: Thing, room: int) -> Clause:
        verb = self.joined(self.lexicon.verbs["giving"], subject.noun.name)
        clause = self.deed(subject, verb, room)
        clause.object = self.thing(verb, subject, room, "S")
        clause.recipient = self.somebody(subject.noun)
        return clause

    def passive(self, room: int) -> Clause:
        """What was done to something, and last by whom: the end settles what the beginning means."""
        agent = self.named("trades", self.pick(("the", "the", "a")))
        verb = self.pick([verb for verb in verbs_in("past") if verb.english[0] in PASSIVE])
        patient = self.thing(verb, agent, min(room, 6))
        if patient.noun.human or "N" in patient.noun.kinds:
            return self.passive(room)
        if patient.det in ("his", "a", "number"):
            patient.det, patient.possessor, patient.number = "the", None, None
        patient.plural = False
        clause = Clause(self.key(), patient, verb, "past", passive=True, object=agent)
        clause.polarity = "not" if self.chance(0.15) else ""
        clause.place = self.place() if room > 7 and self.chance(0.7) else None
        self.when(clause, "past")
        return clause

    def with_it(self, who: Thing, thing: Thing, room: int) -> Clause | None:
        """Somebody does something with the thing that was spoken of."""
        rare = thing.plural and self.frame == "past"  # rare forms of the French participle
        verbs = [] if rare else list(verbs_for(thing.noun, WANTED[self.frame][0]))
        if all("S" in sense.kinds for sense in senses(thing.noun) or (thing.noun,)):
            verbs += 3 * self.lexicon.verbs["giving"]
            verbs += 3 * self.lexicon.verbs["putting"] if self.frame != "present" else ()
        if not verbs:
            return None
        verb = self.pick(verbs)
        clause = self.deed(who, verb, room)
        clause.object = self.refer(thing)
        if verb.frame == "putting":
            clause.goal = self.spot()
        elif verb.frame == "giving":
            clause.recipient = self.somebody(who.noun)
        return clause

    def other_sense(self, thing: Thing, room: int) -> Clause | None:
        """Somebody to whom an ambiguous word means something else, and that word again."""
        noun = self.pick([sense for sense in senses(thing.noun) if sense is not thing.noun])
        trades = [trade for trade in self.lexicon.nouns["trades"] if set(trade.worlds) & set(noun.worlds)]
        verbs = verbs_for(noun, WANTED[self.frame][0])
        if not verbs:
            return None
        trade = self.pick(trades)
        subject = Thing(self.key(), trade, self.pick(("the", "the", "this", "a")), trade=trade)
        clause = self.deed(subject, self.joined(verbs, trade.name), room)
        clause.object = Thing(self.key(), noun, "the")
        return clause

    # states

    def attitude(self, subject: Thing, room: int) -> Clause:
        """What somebody likes, hates, needs or knows."""
        verb = self.joined([verb for verb in self.lexicon.verbs["verbs"] if "s" in verb.tenses], subject.noun.name)
        clause = Clause(self.key(), subject, verb, "state" if self.frame == "past" else "present")
        clause.polarity = self.pick(("not", "longer")) if self.chance(0.25) else ""
        clause.object = self.thing(verb, subject, room)
        return clause

    def state(self, subject: Thing, use: str = "p") -> Clause:
        """What somebody or something is like: a quality, perhaps with "very", "too" or "not"."""
        noun, kind = subject.noun, self.random()
        clause = Clause(self.key(), subject, None, "past" if self.frame == "past" else "present")
        clause.quality = self.joined(qualities(noun, use), noun.name, "predicative")
        if kind < 0.3 and "v" in clause.quality.uses:
            clause.degree = "very"
        elif kind < 0.5 and "t" in clause.quality.uses:
            clause.degree = "too"
        elif kind > 0.85:
            clause.polarity = "not"
        return clause

    def weather(self) -> Clause:
        nobody = Thing(self.key(), self.lexicon.nouns["kin"][0], pronoun=True)
        return Clause(self.key(), nobody, fixed=self.phrase(f"weather {self.frame}"))

    def there(self, room: int) -> Clause:
        """There is something somewhere."""
        things = [n for n in self.lexicon.nouns["things"] if set("SA") & set(n.kinds) and not set("DC") & set(n.kinds)]
        thing = Thing(self.key(), self.pick(things), self.pick(("a", "some", "number")))
        thing.plural = thing.det != "a"
        if thing.det == "number":
            thing.number = self.phrase("numbers")
        if room > 5 and self.chance(0.4):
            self.describe(thing)
        place = self.place("in", "near", "behind", "front") if "A" in thing.noun.kinds else self.spot()
        return Clause(self.key(), thing, None, "past" if self.frame == "past" else "present", there=True, place=place)

    def intro(self, subject: Thing) -> Clause:
        """What somebody is by trade; what comes after depends on it."""
        subject.trade = self.pick([t for t in self.lexicon.nouns["trades"] if t.gender == subject.noun.gender])
        return Clause(self.key(), subject, None, "present", trade=subject.trade)
