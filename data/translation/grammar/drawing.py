"""Drawing sentences: clauses that hang together. Reasons and conditions are states; what happens then is an event."""

from __future__ import annotations

from .clauses import Clauses
from .joins import unseen
from .meaning import Clause, Sentence, Thing, Unit

FRAMES = ("past", "past", "past", "past", "past", "present", "present", "present", "future")


class Speaker(Clauses):
    """Draws meanings of sentences."""

    @staticmethod
    def it(clause: Clause) -> Thing | None:
        """The thing that "it" means after this clause, if there is one."""
        thing = clause.subject if clause.passive or clause.there else clause.object
        if thing is None or thing.noun.human or "N" in thing.noun.kinds:
            return None
        return thing

    @staticmethod
    def he(clause: Clause) -> Thing | None:
        """The person that "he" or "she" means after this clause, if there is one."""
        person = clause.object if clause.passive else clause.subject
        if person is None or person.person == 1 or not person.noun.human or clause.fixed is not None:
            return None
        return person if clause.content is None else None

    def again(self, before: Clause, room: int) -> Clause:
        """The same person once more, perhaps with the same thing."""
        person, thing = self.he(before), self.it(before)
        assert person is not None
        if thing is not None and self.chance(0.6):
            clause = self.with_it(self.refer(person), thing, room)
            if clause is not None:
                return clause
        return self.event(self.refer(person), room)

    # two clauses in a unit

    def reason(self, main: Clause) -> Clause | None:
        """A state that explains an event."""
        kind, thing, person = self.random(), self.it(main), self.he(main)
        if thing is not None and thing.key not in self.described and kind < 0.5:
            self.described.add(thing.key)
            return self.state(self.refer(thing))
        if person is not None and kind < 0.7:
            return self.state(self.refer(person), "s")
        if person is not None and kind < 0.85:
            return self.attitude(self.refer(person), 4)
        return self.weather() if self.frame != "future" else None

    def subordinate(self, unit: Unit, room: int) -> bool:
        """Add a reason, a condition or a time; what Chinese puts first names people of its own. Whether it fits."""
        main, kind = unit.main, self.random()
        if main.verb is None or "s" in main.verb.tenses or main.content is not None or main.there:
            return False
        if kind < 0.4:
            unit.subordinator, unit.subordinate = "because", self.reason(main)
        elif kind < 0.55 and unit.conjunction != "but":
            unit.subordinator = "though"
            bare = self.frame != "future" and self.chance(0.4)
            unit.subordinate = self.weather() if bare else self.state(self.person(5), "s")
        elif self.frame == "past" and not main.passive:
            unit.subordinator, unit.subordinate = self.meanwhile(main, room)
            self.timeless(main)
        elif self.frame == "future" or main.modal is not None:
            unit.subordinator = "if"
            rain = self.frame == "future" and self.chance(0.5)
            unit.subordinate = self.weather() if rain else self.state(self.person(5), "s")
        return unit.subordinate is not None

    def meanwhile(self, main: Clause, room: int) -> tuple[str, Clause]:
        """What somebody else was doing, or did before."""
        return self.side(self.event(self.person(room, avoid=main.subject.noun), room))

    def side(self, clause: Clause) -> tuple[str, Clause]:
        """The clause as one of time, and what joins it to the main one."""
        clause.time, clause.polarity, clause.unlike = None, "", None
        if clause.verb is not None and "s" in clause.verb.tenses:
            return "though", clause
        lasts = clause.verb is not None and "g" in clause.verb.tenses
        if clause.tense == "then" or (lasts and not clause.subject.plural and self.chance(0.7)):
            clause.tense = "then"
            return ("when" if self.chance(0.25) else "while"), clause
        clause.tense = "past"
        return "after" if lasts else self.pick(("when", "after")), clause

    @staticmethod
    def timeless(main: Clause) -> None:
        """What happened at a time that another clause tells."""
        main.time, main.time_first = None, False
        main.tense = "past" if main.tense == "perfect" else main.tense

    def fronted(self, room: int) -> Unit:
        """A unit that begins with a time, a condition or a concession, and goes on with the same person."""
        person = self.person(room)
        if self.frame == "past" and self.chance(0.7):
            name, side = self.side(self.event(person, room))
        else:
            name = "if" if self.frame == "future" else "though"
            side = self.state(person, "s") if self.chance(0.6) else self.weather()
        if side.fixed is not None or self.he(side) is None:
            main = self.event(person, room)
        elif name == "after" and self.it(side) is not None and self.chance(0.5):
            main = self.again(side, room)
        else:
            main = self.event(self.refer(person), room)
        main.time_first, main.unlike = False, None
        if name in ("when", "while", "after"):
            self.timeless(main)
        return Unit(self.key(), main, subordinator=name, subordinate=side, fronted=True)

    # units in a row

    def opening(self, room: int) -> Unit:
        """The first unit."""
        kind = self.random()
        if self.frame != "future":
            if kind < 0.06 and room > 3:
                return Unit(self.key(), self.there(room))
            if kind < 0.075:
                return Unit(self.key(), self.weather())
        if kind < 0.14 and room > 4 and self.frame == "past":
            return Unit(self.key(), self.passive(room))
        subject = self.person(room)
        if kind < 0.19 and self.frame == "past":
            return Unit(self.key(), self.event(self.me(), room))
        if kind < 0.24 and self.frame != "future":
            return Unit(self.key(), self.state(subject))
        if kind < 0.29 and self.frame != "future" and room > 3:
            return Unit(self.key(), self.attitude(subject, room))
        if subject.noun.section in ("names", "kin") and not subject.pronoun and self.chance(0.75) and room > 2:
            return Unit(self.key(), self.intro(subject))
        if kind > 0.9 and room > 8 and not subject.plural:
            return Unit(self.key(), self.saying(subject, room))
        return Unit(self.key(), self.event(subject, room - (4 if subject.relative else 0)))

    def saying(self, subject: Thing, room: int) -> Clause:
        """Somebody says, thinks, knows or hopes something."""
        clause = Clause(self.key(), subject, self.pick(self.lexicon.verbs["saying"]), "present")
        who = self.refer(subject) if self.chance(0.5) else self.person(room - 5, avoid=subject.noun)
        clause.content = self.event(who, room - 4)
        clause.content.unlike = None
        return clause

    def follow(self, before: Unit, room: int) -> Unit:
        """A unit after another one: about the same person, the same thing, or somebody else."""
        main, kind = before.main, self.random()
        joints = ("and",) if before.conjunction == "but" or before.subordinator == "though" else ("and", "but")
        thing = self.it(main)
        if self.he(main) is not None and kind < 0.6:
            clause = self.again(main, room)
            if main.quality is not None and not main.polarity:
                joints = ("so", *joints)
            elif main.tense == clause.tense == "past" and clause.polarity != "never" and main.verb is not None:
                joints = ("and", "then", "then", *joints)
            return Unit(self.key(), clause, self.pick(joints))
        if kind < 0.75 and thing is not None and thing.key not in self.described and self.frame != "future":
            self.described.add(thing.key)
            return Unit(self.key(), self.state(self.refer(thing)), self.pick(joints))
        if main.object is not None and main.object.noun.section == "ambiguous" and not main.object.pronoun:
            clause = self.other_sense(main.object, room) if self.chance(0.5) else None
            if clause is not None:
                return Unit(self.key(), clause, self.pick(joints))
        other = self.person(room, avoid=main.subject.noun)
        return Unit(self.key(), self.event(other, room), self.pick(joints))

    def sentence(self, words: int) -> Sentence:
        """A sentence of about so many words."""
        self.frame = self.pick(FRAMES)
        self.described: set[int] = set()
        count = 1 if words < 10 else 2 if words < 17 else 3 if words < 25 else 4 if words < 33 else 5
        if 10 <= words < 14 and self.chance(0.4):
            count = 1
        room = max(2, words // count - 2)
        self.near = 0.7 if count == 1 else 0.4
        if count > 1 and self.chance(0.2):
            units, made = [self.fronted(room)], 2
        else:
            units, made = [self.opening(room)], 1
        if count == 1 and self.chance(0.08) and self.askable(units[0].main):
            return Sentence(units, question=True)
        while made < count:
            last = units[-1]
            if last.subordinate is not None or not self.chance(0.45) or not self.subordinate(last, room):
                last.subordinator = last.subordinator if last.subordinate is not None else ""
                units.append(self.follow(last, room))
            made += 1
        return Sentence(units)

    @staticmethod
    def askable(clause: Clause) -> bool:
        simple = clause.tense == "past" and clause.verb is not None and not clause.polarity and not clause.passive
        return simple and clause.content is None and not clause.time_first and clause.unlike is None


__all__ = ["Speaker", "unseen"]
