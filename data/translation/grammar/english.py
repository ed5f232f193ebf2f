"""Meaning into English: agreement of the verb, auxiliaries, "a" and "an"."""

from __future__ import annotations

from .meaning import Clause, Place, Sentence, Thing, Unit
from .words import Word, lexicon

PRONOUNS = {"subject": ("he", "she", "it", "they"), "object": ("him", "her", "it", "them"),
            "possessive": ("his", "her", "its", "their")}
NEVER = {"not": (("not", False),), "never": (("never", False),), "longer": (("no", False), ("longer", False))}


def sentence(meaning: Sentence) -> list[Word]:
    """The words of a sentence, lower-cased, with the marks as words of their own."""
    words: list[Word] = []
    for unit in meaning.units:
        words += _unit(unit, meaning.question)
    words.append(Word("?" if meaning.question else ".", (1,)))
    return _articles(words)


def _unit(unit: Unit, question: bool) -> list[Word]:
    words = []
    if unit.conjunction:
        words = [Word(",", (unit.key + 9,))]
        words += lexicon().conjunctions[unit.conjunction][0].say(unit.key)
    main = clause(unit.main, question)
    if unit.subordinate is None:
        return words + main
    side = lexicon().conjunctions[unit.subordinator][0].say(unit.key, 3) + clause(unit.subordinate)
    return words + ([*side, Word(",", (unit.key + 8,)), *main] if unit.fronted else main + side)


def _articles(words: list[Word]) -> list[Word]:
    for i, word in enumerate(words[:-1]):
        if word.text == "a" and words[i + 1].text[0] in "aeiou":
            words[i] = word._replace(text="an")
    return words


def _form(thing: Thing) -> int:
    if thing.plural:
        return 3
    return (1 if thing.feminine else 0) if thing.noun.human else 2


def thing_words(thing: Thing, case: str = "object") -> list[Word]:
    """A noun phrase or a pronoun."""
    key, noun = thing.key, thing.noun
    if thing.person == 1:
        return [Word("we" if thing.plural else "i", (key + 1,))]
    if thing.pronoun:
        return [Word(PRONOUNS[case][_form(thing)], (key + 1,))]
    words = []
    if thing.owner is not None:
        words += [*thing_words(thing.owner), Word("'s", (key + 3,))]
    elif thing.det == "his" and thing.possessor is not None:
        words.append(Word(PRONOUNS["possessive"][_form(thing.possessor)], (key + 2,)))
    elif thing.det in ("this", "that") and thing.plural:
        words.append(Word({"this": "these", "that": "those"}[thing.det], (key + 2,)))
    elif thing.det not in ("none", "number"):
        words.append(Word(thing.det, (key + 2,)))
    if thing.number is not None:
        words += thing.number[0].say(key, 3)
    if thing.adjective is not None:
        words.append(Word(thing.adjective.english, (key + 9,)))
    words.append(Word(noun.english[thing.plural], (key + 1,)))
    if thing.relative is not None:
        words += _relative(thing.relative, noun.human)
    return words


def _relative(meaning: Clause, human: bool) -> list[Word]:
    pronoun = ("who" if meaning.gap == "subject" else "whom") if human else "that"
    return [Word(pronoun, (meaning.key + 6,)), *clause(meaning)]


def place_words(place: Place | None) -> list[Word]:
    return [] if place is None else place.preposition[0].say(place.key) + thing_words(place.thing)


def _third(subject: Thing) -> bool:
    return subject.person == 3 and not subject.plural


def _be(subject: Thing, past: bool) -> str:
    if past:
        return "were" if subject.plural else "was"
    return "is" if _third(subject) else ("are" if subject.plural else "am")


def _negation(meaning: Clause) -> list[Word]:
    words = {"": (), "longer": ("no", "longer")}.get(meaning.polarity, (meaning.polarity,))
    return [Word(text, (meaning.key + 3,)) for text in words]


def _finite(meaning: Clause, question: bool) -> tuple[list[Word], list[Word]]:
    """What stands before the verb and its adverb, and the verb itself."""
    key, subject, tense = meaning.key, meaning.subject, meaning.tense
    assert meaning.verb is not None
    base, third, past, participle, ing = meaning.verb.english
    if meaning.passive:
        be = Word(_be(subject, past=True), (key + 2,))
        return [be, *_negation(meaning)], [Word(participle, (key + 1,))]
    if meaning.modal is not None:
        return _modal(meaning), [Word(base, (key + 1,))]
    if tense == "infinitive":
        return [Word("to", (key + 5,))], [Word(base, (key + 1,))]
    if tense in ("now", "then"):
        be = Word(_be(subject, tense == "then"), (), (key + 1, key + 2))
        return [be, *_negation(meaning)], [Word(ing, (key + 1,))]
    if tense == "future":
        return [Word("will", (key + 2,), (key + 1,)), *_negation(meaning)], [Word(base, (key + 1,))]
    if tense == "perfect":
        return [Word("has" if _third(subject) else "have", (key + 2,))], [Word(participle, (key + 1,))]
    in_past = tense in ("past", "state")
    do = "did" if in_past else ("does" if _third(subject) else "do")
    if meaning.polarity == "not" or question:
        return [Word(do, (), (key + 2, key + 3)), *_negation(meaning)], [Word(base, (key + 1,))]
    verb = past if in_past else (third if _third(subject) else base)
    return _negation(meaning), [Word(verb, (key + 1, key + 2))]


def _modal(meaning: Clause) -> list[Word]:
    key = meaning.key
    assert meaning.modal is not None
    base, third, *_ = meaning.modal.english
    if base != "want":
        return [Word(base, (key + 4,)), *_negation(meaning)]
    to = Word("to", (), (key + 4,))
    if meaning.polarity == "not":
        do = Word("does" if _third(meaning.subject) else "do", (), (key + 3,))
        return [do, *_negation(meaning), Word(base, (key + 4,)), to]
    return [*_negation(meaning), Word(third if _third(meaning.subject) else base, (key + 4,)), to]


def _be_clause(meaning: Clause) -> list[Word]:
    key = meaning.key
    words = [Word(_be(meaning.subject, meaning.tense == "past"), (key + 9,)), *_negation(meaning)]
    if meaning.there:
        return [Word("there", (key + 9,)), *words, *thing_words(meaning.subject), *place_words(meaning.place)]
    if meaning.trade is not None:
        return [*words, Word("a", (), (key + 1,)), Word(meaning.trade.english[0], (key + 1,))]
    if meaning.degree:
        words.append(Word(meaning.degree, (key + 8,)))
    if meaning.quality is not None:
        words.append(Word(meaning.quality.english, (key + 1,)))
    return words + place_words(meaning.place)


def clause(meaning: Clause, question: bool = False) -> list[Word]:
    """A clause; a relative one lacks the thing that it tells about."""
    if meaning.fixed is not None:
        return meaning.fixed[0].say(meaning.key, 40)
    key = meaning.key
    subject = [] if meaning.gap == "subject" or meaning.there else thing_words(meaning.subject, "subject")
    time = meaning.time[0].say(key, 10) if meaning.time else []
    front, time = (time, []) if meaning.time_first else ([], time)
    if meaning.unlike is not None:
        front = [*place_words(meaning.unlike), Word(",", (key + 19,)), *front]
    if meaning.verb is None:
        return front + subject + _be_clause(meaning) + time
    before, verb = _finite(meaning, question)
    adverb = [Word("already", (key + 7,))] if meaning.tense == "perfect" else []
    if meaning.frequency is not None:
        adverb = meaning.frequency[0].say(key, 6)
    head = front + before[:1] + subject + before[1:] if question else front + subject + before
    return head + adverb + verb + _after_verb(meaning) + time + _agent(meaning)


def _agent(meaning: Clause) -> list[Word]:
    if not meaning.passive or meaning.object is None:
        return []
    return [Word("by", (meaning.key + 5,)), *thing_words(meaning.object)]


def _after_verb(meaning: Clause) -> list[Word]:
    key, verb = meaning.key, meaning.verb
    assert verb is not None
    words = []
    if verb.particle:
        going = verb.frame == "going"
        words.append(Word(verb.particle, (key + 30 if going else key + 1,), (key + 1,) if going else ()))
    if meaning.object is not None and not meaning.passive and meaning.gap != "object":
        words += thing_words(meaning.object)
    if meaning.recipient is not None:
        words += [Word("to", (key + 5,)), *thing_words(meaning.recipient)]
    if meaning.content is not None:
        words += [Word("that", (key + 6,)), *clause(meaning.content)]
    words += place_words(meaning.goal)
    if meaning.purpose is not None:
        words += clause(meaning.purpose)
    words += place_words(meaning.companion)
    if meaning.manner is not None:
        words += meaning.manner[0].say(key, 20)
    return words + place_words(meaning.place)
