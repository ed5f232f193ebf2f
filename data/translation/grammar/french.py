"""Meaning into French: gender and number, clitics, negation, participles, elision and contraction."""

from __future__ import annotations

from .meaning import Clause, Place, Sentence, Thing, Unit
from .words import Adjective, FrenchVerb, Word, lexicon

VOWELS = "aeiouhâàéèêëîïôûœ"
ELIDED = {"le": "l'", "la": "l'", "de": "d'", "je": "j'", "ne": "n'", "que": "qu'", "se": "s'"}
CONTRACTED = {("de", "le"): "du", ("de", "les"): "des", ("à", "le"): "au", ("à", "les"): "aux"}
BEFORE_VOWEL = {"ma": "mon", "sa": "son", "ce": "cet"}
AVOIR = FrenchVerb("avoir", ("ai", "a", "avons", "ont"), "eu", "aur")
ETRE = FrenchVerb("être", ("suis", "est", "sommes", "sont"), "été", "ser")
DETERMINERS = {  # masculine, feminine, plural
    "the": ("le", "la", "les"), "a": ("un", "une", "quelques"), "some": ("quelques", "quelques", "quelques"),
    "this": ("ce", "cette", "ces"), "that": ("ce", "cette", "ces"), "my": ("mon", "ma", "mes"),
    "our": ("notre", "notre", "nos"), "his": ("son", "sa", "ses"), "their": ("leur", "leur", "leurs"),
}
NEGATIONS = {"not": "pas", "never": "jamais", "longer": "plus"}
DEGREES = {"very": "très", "too": "trop"}
IMPERFECT, FUTURE = ("ais", "ait", "ions", "aient"), ("ai", "a", "ons", "ont")


def sentence(meaning: Sentence) -> list[Word]:
    """The words of a sentence; elided words end in an apostrophe and stand alone."""
    words: list[Word] = []
    for unit in meaning.units:
        words += _unit(unit, meaning.question)
    words.append(Word("?" if meaning.question else ".", (1,)))
    return join(words)


def _unit(unit: Unit, question: bool) -> list[Word]:
    words: list[Word] = []
    if unit.conjunction:
        words = [Word(",", (unit.key + 9,))] if unit.conjunction in ("but", "so") else []
        words += lexicon().conjunctions[unit.conjunction][1].say(unit.key)
    main = clause(unit.main)
    if question:
        do = unit.main.key + 2
        words += [Word("est-ce", (), (do,)), Word("que", (), (do,))]
    if unit.subordinate is None:
        return words + main
    side = lexicon().conjunctions[unit.subordinator][1].say(unit.key, 3) + clause(unit.subordinate)
    return words + ([*side, Word(",", (unit.key + 8,)), *main] if unit.fronted else main + side)


def vowel(text: str) -> bool:
    return text[0] in VOWELS


def join(words: list[Word]) -> list[Word]:
    """Elide before vowels and contract prepositions with articles, from the right to the left."""
    made: list[Word] = []
    for word in reversed(words):
        text, following = word.text, made[-1].text if made else "."
        if following in ("il", "ils") and text == "si":
            text = "s'"
        elif vowel(following) and text in ELIDED:
            text = ELIDED[text]
        elif vowel(following) and text in BEFORE_VOWEL:
            text = BEFORE_VOWEL[text]
        elif (text, following) in CONTRACTED:
            article = made.pop()
            text = CONTRACTED[text, following]
            word = Word(text, word.sure + article.sure, word.loose + article.loose)
        made.append(word._replace(text=text))
    return made[::-1]


def _agree(adjective: Adjective, thing: Thing) -> str:
    return (adjective.feminine if thing.feminine else adjective.masculine)[thing.plural]


def thing_words(thing: Thing, indefinite: str = "") -> list[Word]:
    """A noun phrase; `indefinite` replaces "un" and "une", as negation does."""
    key = thing.key
    det = [Word(_determiner(thing, indefinite), (key + 2,))] if _determiner(thing, indefinite) else []
    if thing.number is not None:
        det += thing.number[1].say(key, 3)
    noun = [word._replace(sure=(key + 1,)) for word in thing.noun.french[thing.plural].say(key)]
    before, after = [], []
    if (adjective := thing.adjective) is not None:
        text = _agree(adjective, thing)
        if adjective.before_noun and not thing.feminine and not thing.plural and vowel(noun[0].text):
            text = adjective.before_vowel
        (before if adjective.before_noun else after).append(Word(text, (key + 9,)))
    words = det + before + noun + after
    if thing.owner is not None:
        words += [Word("de", (key + 3,)), *thing_words(thing.owner)]
    if thing.relative is not None:
        words += _relative(thing.relative)
    return words


def _determiner(thing: Thing, indefinite: str) -> str:
    if thing.owner is not None:
        return "les" if thing.plural else ("la" if thing.feminine else "le")
    if thing.det in ("none", "number"):
        return ""
    if thing.det == "a" and indefinite:
        return indefinite
    name = thing.det
    if name == "his" and thing.possessor is not None and thing.possessor.plural:
        name = "their"
    return DETERMINERS[name][2 if thing.plural else int(thing.feminine)]


def _relative(meaning: Clause) -> list[Word]:
    return [Word("qui" if meaning.gap == "subject" else "que", (meaning.key + 6,)), *clause(meaning)]


def _subject(thing: Thing) -> list[Word]:
    if thing.person == 1:
        return [Word("nous" if thing.plural else "je", (thing.key + 1,))]
    if thing.pronoun:
        return [Word(("elle" if thing.feminine else "il") + ("s" if thing.plural else ""), (thing.key + 1,))]
    return thing_words(thing)


def place_words(place: Place | None) -> list[Word]:
    if place is None:
        return []
    return place.preposition[1].say(place.key) + thing_words(place.thing)


def _index(subject: Thing) -> int:
    return (0 if subject.person == 1 else 1) + (2 if subject.plural else 0)


def _conjugate(verb: FrenchVerb, tense: str, subject: Thing) -> str:
    index = _index(subject)
    if tense == "future":
        return verb.future + FUTURE[index]
    if tense == "imperfect":
        stem = verb.imperfect
        return (stem[:-1] if stem.endswith("ge") and index == 2 else stem) + IMPERFECT[index]
    return verb.present[index]


def _participle(verb: FrenchVerb, agrees_with: Thing | None) -> str:
    if agrees_with is None:
        return verb.participle
    feminine = verb.participle + ("e" if agrees_with.feminine else "")
    return feminine + ("s" if agrees_with.plural and not feminine.endswith("s") else "")


def _clitic(thing: Thing | None) -> list[Word]:
    if thing is None or not thing.pronoun:
        return []
    return [Word("les" if thing.plural else ("la" if thing.feminine else "le"), (thing.key + 1,))]


def _verb_group(meaning: Clause, verb: FrenchVerb) -> list[Word]:
    """Negation, clitic, finite verb, adverb, participle or infinitive, in their order."""
    key, subject, tense = meaning.key, meaning.subject, meaning.tense
    clitic = _clitic(meaning.object) if not meaning.passive else []
    no = [Word("ne", (key + 3,))] if meaning.polarity else []
    pas = [Word(NEGATIONS[meaning.polarity], (key + 3,))] if meaning.polarity else []
    adverb = [Word("déjà", (key + 7,))] if tense == "perfect" else []
    if meaning.frequency is not None:
        adverb = meaning.frequency[1].say(key, 6)
    if meaning.modal is not None:
        finite = Word(_conjugate(meaning.modal.french, "present", subject), (key + 4,))
        return [*no, finite, *pas, *adverb, *clitic, Word(verb.infinitive, (key + 1,))]
    if meaning.passive:
        past = Word(_participle(verb, subject), (key + 1,))
        return [*no, Word(_conjugate(AVOIR, "present", subject), (key + 2,)), *pas, Word("été", (key + 2,)), past]
    if tense in ("past", "perfect"):
        to_be = verb.auxiliary == "être"
        before = meaning.object if clitic or meaning.gap == "object" else None
        past = Word(_participle(verb, subject if to_be else before), (key + 1,))
        auxiliary = Word(_conjugate(ETRE if to_be else AVOIR, "present", subject), (key + 2,))
        return [*no, *clitic, auxiliary, *pas, *adverb, past]
    if tense == "infinitive":
        return [Word("pour", (key + 5,)), *clitic, Word(verb.infinitive, (key + 1,))]
    name = {"future": "future", "then": "imperfect", "state": "imperfect"}.get(tense, "present")
    finite = Word(_conjugate(verb, name, subject), (key + 1, key + 2))
    return [*no, *clitic, finite, *pas, *adverb]


def _be_clause(meaning: Clause) -> list[Word]:
    key, subject = meaning.key, meaning.subject
    name = {"past": "imperfect", "future": "future"}.get(meaning.tense, "present")
    if meaning.there:
        there = ("il", "y", "avait" if name == "imperfect" else "a")
        return [*(Word(text, (key + 9,)) for text in there), *thing_words(subject), *place_words(meaning.place)]
    words = [Word(_conjugate(ETRE, name, subject), (key + 9,))]
    if meaning.polarity:
        words = [Word("ne", (key + 3,)), *words, Word(NEGATIONS[meaning.polarity], (key + 3,))]
    if meaning.trade is not None:
        return words + [word._replace(sure=(key + 1,)) for word in meaning.trade.french[0].say(key)]
    if meaning.degree:
        words.append(Word(DEGREES[meaning.degree], (key + 8,)))
    if meaning.quality is not None:
        words.append(Word(_agree(meaning.quality, subject), (key + 1,)))
    return words + place_words(meaning.place)


def clause(meaning: Clause) -> list[Word]:
    """A clause; a relative one lacks the thing that it tells about."""
    if meaning.fixed is not None:
        return meaning.fixed[1].say(meaning.key, 40)
    key = meaning.key
    time = meaning.time[1].say(key, 10) if meaning.time else []
    front: list[Word] = []
    if meaning.time_first:
        front, time = [*time, Word(",", (), (key + 10,))], []
    if meaning.unlike is not None:
        front = [*place_words(meaning.unlike), Word(",", (key + 19,)), *front]
    subject = [] if meaning.gap == "subject" or meaning.there else _subject(meaning.subject)
    if meaning.verb is None:
        return front + subject + _be_clause(meaning) + time
    words = front + subject + _verb_group(meaning, meaning.verb.french)
    return words + _after_verb(meaning, meaning.verb.french) + time + _agent(meaning)


def _agent(meaning: Clause) -> list[Word]:
    if not meaning.passive or meaning.object is None:
        return []
    return [Word("par", (meaning.key + 5,)), *thing_words(meaning.object)]


def _after_verb(meaning: Clause, verb: FrenchVerb) -> list[Word]:
    key = meaning.key
    words = [Word(text, (key + 1,)) for text in verb.tail]
    if verb.preposition and meaning.verb is not None:
        words.append(Word(verb.preposition, (key + 30,) if meaning.verb.frame == "going" else (key + 1,)))
    said = meaning.object
    if said is not None and not said.pronoun and not meaning.passive and meaning.gap != "object":
        words += thing_words(said, "de" if meaning.polarity and not verb.preposition else "")
    if meaning.recipient is not None:
        words += [Word("à", (key + 5,)), *thing_words(meaning.recipient)]
    if meaning.content is not None:
        words += [Word("que", (key + 6,)), *clause(meaning.content)]
    words += place_words(meaning.goal)
    if meaning.purpose is not None:
        words += clause(meaning.purpose)
    words += place_words(meaning.companion)
    if meaning.manner is not None:
        words += meaning.manner[1].say(key, 20)
    return words + place_words(meaning.place)
