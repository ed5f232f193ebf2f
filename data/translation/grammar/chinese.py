"""Meaning into Chinese: measure words, aspect, time and place before the verb, relative clauses before the noun."""

from __future__ import annotations

from .meaning import Clause, Place, Sentence, Thing, Unit
from .words import Phrase, Word, lexicon

DEMONSTRATIVES = {"this": "这", "that": "那"}
OWNERS = {"my": "我", "our": "我们"}


def sentence(meaning: Sentence) -> list[Word]:
    """The words of a sentence, segmented."""
    words: list[Word] = []
    for unit in meaning.units:
        words += _unit(unit)
    if meaning.question:
        words.append(Word("吗", (), (1, meaning.units[0].main.key + 2)))
    words.append(Word("？" if meaning.question else "。", (1,)))
    return words


def _unit(unit: Unit) -> list[Word]:
    words: list[Word] = []
    if unit.conjunction:
        words = [Word("，", (unit.key + 9,), (unit.key + 1,) if unit.conjunction == "and" else ())]
        words += lexicon().conjunctions[unit.conjunction][2].say(unit.key)
    if unit.subordinate is None:
        return words + clause(unit.main)
    if unit.subordinator == "because":
        words += [*clause(unit.main), Word("，", (), (unit.key + 4,))]
        return words + lexicon().conjunctions["because"][2].say(unit.key, 3) + clause(unit.subordinate)
    _, _, before, after = lexicon().conjunctions[unit.subordinator]
    whole = unit.subordinator in ("if", "though")
    words += before.say(unit.key, 3) + clause(unit.subordinate, bare=not whole) + after.say(unit.key, 3)
    words.append(Word("，", (unit.key + 8,), (unit.key + 4,)))
    if unit.subordinator == "though":
        words.append(Word("但是", (unit.key + 4,)))
    return words + clause(unit.main)


def _pronoun(thing: Thing) -> str:
    if thing.person == 1:
        return "我们" if thing.plural else "我"
    one = ("她" if thing.feminine else "他") if thing.noun.human else "它"
    return one + ("们" if thing.plural else "")


def thing_words(thing: Thing, none: bool = False) -> list[Word]:
    """A noun phrase: owner, relative clause, determiner, number, measure word, adjective, noun.

    With `none` "a" is not said: it would mean "one" after a negation.
    """
    key, noun = thing.key, thing.noun
    if thing.pronoun or thing.person == 1:
        return [Word(_pronoun(thing), (key + 1,))]
    words = _possessor(thing)
    if thing.relative is not None:
        words += [*clause(thing.relative, bare=True), Word("的", (), (thing.relative.key + 6,))]
    if not (none and thing.det == "a"):
        words += _counted(thing)
    if (adjective := thing.adjective) is not None:
        words.append(Word(adjective.attributive[0], (key + 9,)))
        words += [Word(de, (), (key + 9,)) for de in adjective.attributive[1:]]
    words.append(Word(noun.chinese, (key + 1,), (key + 2,) if thing.det == "the" else ()))
    if thing.plural and noun.human and thing.number is None and thing.det not in ("some", "this", "that"):
        words.append(Word("们", (key + 1,)))
    return words


def noun_is_kin(thing: Thing) -> bool:
    return thing.noun.section == "kin"


def _possessor(thing: Thing) -> list[Word]:
    key = thing.key
    if thing.owner is not None:
        return [*thing_words(thing.owner), Word("的", (key + 3,))]
    if thing.det in OWNERS and noun_is_kin(thing):
        return [Word(OWNERS[thing.det], (key + 2,))]
    if thing.det in OWNERS:
        return [Word(OWNERS[thing.det], (key + 2,)), Word("的", (), (key + 2,))]
    if thing.det == "his" and thing.possessor is not None:
        return [Word(_pronoun(thing.possessor), (key + 2,)), Word("的", (), (key + 2,))]
    return []


def _counted(thing: Thing) -> list[Word]:
    key = thing.key
    words = []
    measure = Word(thing.noun.measure, (key + 1,), (key + 2,))
    if thing.det in DEMONSTRATIVES:
        words.append(Word(DEMONSTRATIVES[thing.det], (key + 2,)))
        if thing.plural:
            return [*words, Word("些", (key + 2,), (key + 1,))]
        return [*words, measure]
    if thing.det == "some":
        return [Word("一些", (key + 2,))]
    if thing.det == "a":
        return [Word("一", (key + 2,)), measure]
    if thing.number is not None:
        return [*thing.number[2].say(key, 3), measure]
    return []


def place_words(place: Place | None) -> list[Word]:
    """在 before, a word of position after the noun."""
    if place is None:
        return []
    before, *after = place.preposition[2].say(place.key)
    return [before, *thing_words(place.thing), *after]


def _negation(meaning: Clause) -> list[Word]:
    key = meaning.key + 3
    past = meaning.tense in ("past", "perfect") and meaning.modal is None
    no = "没有" if past or meaning.tense in ("now", "then") else "不"
    if meaning.verb is not None and meaning.verb.aspect == "":
        no = "不"
    if meaning.polarity == "never":
        first = "永远" if meaning.tense == "future" else "从来"
        return [Word(first, (key,)), Word(no, (key,))]
    return [Word("不再" if meaning.polarity == "longer" else no, (key,))] if meaning.polarity else []


def _before_verb(meaning: Clause, bare: bool) -> list[Word]:
    """Adverbs, negation and auxiliaries."""
    key = meaning.key
    words = []
    if meaning.frequency is not None:
        words += meaning.frequency[2].say(key, 6)
    if meaning.tense == "perfect":
        words.append(Word("已经", (key + 7,)))
    words += _negation(meaning)
    if meaning.modal is not None:
        must_not = meaning.polarity and meaning.modal.chinese == "必须"
        words.append(Word("能" if must_not else meaning.modal.chinese, (key + 4,)))
    elif meaning.tense == "future":
        words.append(Word("会", (key + 2,), (key + 1,)))
    elif meaning.tense in ("now", "then") and not bare:
        progress = "在" if meaning.polarity else "正在"
        if meaning.place is not None and meaning.companion is None:  # 在 stands once
            progress = progress.removesuffix("在")
        words += [Word(progress, (), (key + 1, key + 2))] if progress else []
    return words


def _marker(meaning: Clause, bare: bool) -> str:
    """The particle of aspect after the verb."""
    assert meaning.verb is not None
    if meaning.verb.aspect == "" or meaning.modal is not None or meaning.tense not in ("past", "perfect"):
        return ""
    if meaning.polarity:
        return "过" if meaning.polarity == "never" else ""
    return "" if bare else meaning.verb.aspect


def _be_clause(meaning: Clause) -> list[Word]:
    key = meaning.key
    no = [Word("不再" if meaning.polarity == "longer" else "不", (key + 3,))] if meaning.polarity else []
    if meaning.trade is not None:
        trade = meaning.trade
        return [*no, Word("是", (key + 9,)), Word("一", (), (key + 1,)), Word(trade.measure, (), (key + 1,)),
                Word(trade.chinese, (key + 1,))]
    if meaning.there and meaning.place is not None:
        return [*place_words(meaning.place)[1:], Word("有", (key + 9,)), *thing_words(meaning.subject)]
    if meaning.place is not None:
        return no + place_words(meaning.place)
    words = no
    if meaning.degree:
        words.append(Word({"very": "非常", "too": "太"}[meaning.degree], (key + 8,)))
    elif not meaning.polarity:
        words.append(Word("很", (), (key + 9,)))
    assert meaning.quality is not None
    words.append(Word(meaning.quality.predicative, (key + 1,), (key + 9,)))
    return words + ([Word("了", (), (key + 8,))] if meaning.degree == "too" else [])


def clause(meaning: Clause, bare: bool = False) -> list[Word]:
    """A clause; bare ones, before a noun or 时候, carry no particle of aspect."""
    if meaning.fixed is not None:
        return meaning.fixed[2].say(meaning.key, 40)
    key = meaning.key
    time = meaning.time[2].say(key, 10) if meaning.time else []
    subject = [] if meaning.gap == "subject" or meaning.there else thing_words(meaning.subject)
    words = time + subject if meaning.time_first else subject + time
    if meaning.unlike is not None:
        words = [*place_words(meaning.unlike), Word("，", (key + 19,)), *words]
    if meaning.verb is None:
        return words + _be_clause(meaning)
    words += _before_verb(meaning, bare) + place_words(meaning.companion) + place_words(meaning.place)
    if meaning.manner is not None:
        words += meaning.manner[2].say(key, 20)
    return words + _verb_group(meaning, bare)


def _verb_group(meaning: Clause, bare: bool) -> list[Word]:
    key, verb = meaning.key, meaning.verb
    assert verb is not None
    marker = _marker(meaning, bare)
    aspect = [Word(marker, (), (key + 1, key + 2))] if marker else []
    if verb.past is not None and meaning.tense == "perfect":
        return [Word(verb.chinese, (key + 1,)), *aspect]
    if verb.past is not None and marker:
        return [aspect[0] if word.text == "了" else word for word in verb.past.say(key)]
    head = Word(verb.chinese, (key + 1,))
    thing: list[Word] = []
    if meaning.object is not None and meaning.gap != "object":
        thing = thing_words(meaning.object, none=bool(meaning.polarity))
    if meaning.passive:
        assert meaning.object is not None
        tail = [Word(verb.complement, (key + 1,))] if verb.complement else []
        return [Word("被", (key + 5,), (key + 2,)), *thing, head, *tail, *aspect]
    if meaning.recipient is not None:
        to = [Word("给", (key + 5,)), *aspect, *thing_words(meaning.recipient)]
        return [Word("把", (), (key + 1,)), *thing, head, *to] if thing else [head, *to]
    ba = [Word("把", (), (key + 1,)), *thing] if thing else []
    if verb.frame in ("putting", "living"):
        return [*ba, head, *place_words(meaning.goal)]
    if verb.complement:
        return [*ba, head, *aspect, Word(verb.complement, (key + 1,))]
    if meaning.content is not None:
        return [head, *clause(meaning.content)]
    if verb.frame == "going":
        assert meaning.goal is not None
        if meaning.purpose is not None:
            return [head, *thing_words(meaning.goal.thing), *_verb_group(meaning.purpose, bare=True)]
        return [head, *aspect, *thing_words(meaning.goal.thing)]
    return [head, *aspect, *thing]


__all__ = ["Phrase", "clause", "sentence"]
