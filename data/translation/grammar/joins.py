"""Which words a sentence joins, and which joins training never shows."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cache

from .meaning import Clause, Sentence, Thing
from .words import Noun, lexicon


@cache
def kept_out(first: str, second: str) -> bool:
    """Whether training never joins these two: a person and a deed, a verb and its object, a noun and a quality."""
    return zlib.crc32("+".join(sorted((first, second))).encode()) % 8 == 0


@cache
def sense_kept_out(trade: Noun, noun: Noun) -> bool:
    """Whether training never shows somebody of this trade with this ambiguous word.

    At most one of three: else nothing would tell what the word means to them.
    """
    trades = [other for other in lexicon().nouns["trades"] if set(other.worlds) & set(noun.worlds)]
    return trade in [other for other in trades if kept_out(other.name, noun.name)][: len(trades) // 3]


def unseen(meaning: Sentence) -> bool:
    """Whether the sentence joins words that training never joins."""
    clauses = [unit.main for unit in meaning.units]
    clauses += [unit.subordinate for unit in meaning.units if unit.subordinate is not None]
    return any(_joined_anew(clause) for clause in clauses)


def _joined_anew(clause: Clause) -> bool:
    if any(kept_out(*pair) for pair in _pairs(clause)):
        return True
    if (thing := clause.object) is not None and not thing.pronoun and thing.noun.section == "ambiguous":
        agent = clause.object if clause.passive else clause.subject
        if agent.trade is not None and sense_kept_out(agent.trade, thing.noun):
            return True
    if clause.passive and clause.subject.noun.section == "ambiguous" and clause.object is not None:
        trade = clause.object.trade
        if trade is not None and sense_kept_out(trade, clause.subject.noun):
            return True
    return any(_joined_anew(inner) for inner in _inner(clause))


def _pairs(clause: Clause) -> Iterator[tuple[str, str]]:
    subject, thing, verb = clause.subject, clause.object, clause.verb
    if clause.fixed is not None:
        return
    spoken = subject.person == 3 and not subject.pronoun
    if verb is not None and clause.modal is None and spoken:
        yield verb.name, subject.noun.name
    if clause.quality is not None and spoken:
        yield subject.noun.name, clause.quality.predicative
    if verb is not None and thing is not None and not thing.pronoun:
        yield verb.name, thing.noun.name


def _inner(clause: Clause) -> Iterator[Clause]:
    """Clauses within a clause: what is said, what for, and what is told about the things."""
    yield from (inner for inner in (clause.content, clause.purpose) if inner is not None)
    things: list[Thing | None] = [clause.recipient]
    things += [clause.subject] if clause.gap != "subject" else []
    things += [clause.object] if clause.gap != "object" else []
    yield from (thing.relative for thing in things if thing is not None and thing.relative is not None)
