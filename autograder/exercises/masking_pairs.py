"""Lesson 07: pairs of sentences, half of them neighbours, half of them from two documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from torch import Tensor

from autograder.chance import copied, gains, last_alike, learned, winners
from autograder.errors import AnswerError
from autograder.exercise import Case, Exercise, Rng, exercise
from autograder.exercises.masking import LESSON
from autograder.exercises.masking_draws import drawn_by, generator_problem

Sentence = list[int]
Document = list[Sentence]
Pair = tuple[Sentence, Sentence, bool]

ENOUGH_PAIRS = 60

_VAGUE = (
    "true pairs did not come half the time",
    "the coin of a pair hung on the time before",
    "some sentences came more often than others",
)
"""Rivals that learn from the draws."""


@dataclass(frozen=True)
class Place:
    """Two neighbours in a document: its number, and the first one's place in it."""

    document: int
    number: int


def documents_of(rng: Rng, *lengths: int) -> list[Document]:
    """Documents of so many sentences, no two of them alike."""
    names = [10 + n for n in rng.permutation(sum(lengths))]
    sentences = [[name, *rng.ids(rng.integer(0, 3), high=10).tolist()] for name in names]
    return [[sentences.pop() for _ in range(length)] for length in lengths]


@exercise("next_sentence_pairs", lesson=LESSON, points=6, difficulty=4, minutes=25)
class NextSentencePairs(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, documents: list[Document], calls: int, weight: float = 1.0, **more: Any) -> Case:
            asked = {"documents": documents, "calls": calls, "seed": rng.integer(0, 2**31)}
            return Case(name, asked | more, weight)

        said_again = documents_of(rng, 4, 3, 2)
        said_again[0][2] = list(said_again[1][1])
        said_again[2][0] = list(said_again[0][0])
        refrain = documents_of(rng, 5, 4, 3)
        refrain[0][2] = list(refrain[0][0])
        refrain[1][1] = list(refrain[0][1])
        yield case("three documents", documents_of(rng, 3, 4, 2), 4, weight=2)
        yield case("two documents", documents_of(rng, 3, 5), 4)
        yield case("documents of one sentence", documents_of(rng, 1, 4, 1, 1), 6)
        yield case("no neighbours at all", documents_of(rng, 1, 1, 1), 2)
        yield case("a sentence that other documents have too", said_again, 8)
        yield case("a sentence that comes twice in a document", refrain, 8)
        yield case("many times", documents_of(rng, 4, 5, 3, 1, 4), 60, weight=3)
        yield case("a single pair, many times", documents_of(rng, 2, 1), 80, weight=2)
        yield case("the generator alone decides", documents_of(rng, 5, 4, 5), 4, weight=2, repeat=True)

    def drive(
        self, answer: Any, documents: list[Document], calls: int, seed: int, repeat: bool = False
    ) -> dict[str, Any]:
        def draw(generator: torch.Generator) -> dict[str, Any]:
            found = [answer(documents, generator) for _ in range(calls)]
            strange = next((pairs for pairs in found if type(pairs) is not list), found)
            if strange is not found:
                raise AnswerError(f"expected a list of pairs, got {type(strange).__name__}")
            return {"pairs": [list(pairs) for pairs in found]}

        return drawn_by(draw, "cpu", seed, repeat)

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        """Each list of pairs by itself first, then bets on the coins and on the sentences, then the generator.

        A right answer is rejected with probability below 1e-5: at most 25 bets at `chance.FALSE_ALARM` in each of two
        cases, and the same pairs twice by chance: 0.375 to the power of 44 pairs, even where two documents are as
        likely and have few sentences.
        """
        problem = _form_problem(case, outputs) or _pairs_problem(case, outputs)
        if problem is None and case.inputs.get("repeat"):
            problem = generator_problem(outputs, lambda run: _form_problem(case, run), _alike)
        return [] if problem is None else [problem]


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["pairs"] == other["pairs"])


def _form_problem(case: Case, outputs: Mapping[str, Any]) -> str | None:
    drawn = outputs.get("pairs")
    if type(drawn) is not list or len(drawn) != case.inputs["calls"]:
        return "expected a list of pairs"
    for pair in (pair for pairs in drawn if type(pairs) is list for pair in pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 3:
            return "expected every pair to hold three things: two sentences and whether one follows the other"
        if not _is_sentence(pair[0]) or not _is_sentence(pair[1]):
            return "expected every sentence to be a list of Python ints"
        if type(pair[2]) is not bool:
            return "expected True or False at the end of every pair"
    return None if all(type(pairs) is list for pairs in drawn) else "expected a list of pairs"


def _is_sentence(value: Any) -> TypeGuard[Sentence]:
    return type(value) is list and all(type(i) is int for i in value)


def _pairs_problem(case: Case, outputs: Mapping[str, Any]) -> str | None:
    documents, drawn = case.inputs["documents"], outputs["pairs"]
    for pairs in drawn:
        problem = _list_problem(documents, pairs)
        if problem:
            return problem
    places = places_of(documents)
    if len(drawn) * len(places) < ENOUGH_PAIRS or case.inputs.get("repeat"):
        return None
    sentences = [tuple(sentence) for document in documents for sentence in document]
    if len(set(sentences)) < len(sentences):
        return None
    won = winners(_bets(documents, places, drawn), vague=_VAGUE)
    return f"the pairs are not drawn as they should be: it looks as if {won[0]}" if won else None


def places_of(documents: Sequence[Document]) -> list[Place]:
    """Where two sentences are neighbours."""
    return [Place(d, n) for d, document in enumerate(documents) for n in range(len(document) - 1)]


def _list_problem(documents: Sequence[Document], pairs: Sequence[Pair]) -> str | None:
    """What is wrong with one list of pairs, whatever chance did."""
    places = places_of(documents)
    firsts = Counter(tuple(documents[p.document][p.number]) for p in places)
    came = Counter(tuple(first) for first, _, _ in pairs)
    if len(pairs) != len(places):
        return "there are not as many pairs as there are neighbours in the documents"
    if came != firsts:
        return "the first sentences of the pairs are not those that have a next one, each as often as it stands there"
    known = {tuple(sentence) for document in documents for sentence in document}
    for first, second, is_next in pairs:
        mine = [p for p in places if documents[p.document][p.number] == first]
        follows = any(documents[p.document][p.number + 1] == second for p in mine)
        if is_next and not follows:
            return "a pair says True, but its second sentence is not the next one"
        if tuple(second) not in known:
            return "a second sentence is in none of the documents"
        if not is_next and not any(_fits(documents, p, second, is_next) for p in mine):
            same = "although its second sentence is the next one" if follows else "but both come from one document"
            return f"a pair says False, {same}"
    told = "the pairs can't be told to the places that they come from: is one place used twice, and another never?"
    return None if _all_placed(documents, places, pairs) else told


def _fits(documents: Sequence[Document], place: Place, second: Sentence, is_next: bool) -> bool:
    """May this be the second sentence of the pair at this place?"""
    if is_next:
        return documents[place.document][place.number + 1] == second
    return any(second in document for d, document in enumerate(documents) if d != place.document)


def _all_placed(documents: Sequence[Document], places: Sequence[Place], pairs: Sequence[Pair]) -> bool:
    """Can every pair have a place of its own? Equal sentences leave a choice; paths are augmented (Kuhn, 1955)."""
    options = [
        [
            i for i, p in enumerate(places)
            if documents[p.document][p.number] == first and _fits(documents, p, second, is_next)
        ]
        for first, second, is_next in pairs
    ]
    owner: dict[int, int] = {}

    def settle(pair: int, seen: set[int]) -> bool:
        for place in options[pair]:
            if place not in seen:
                seen.add(place)
                if place not in owner or settle(owner[place], seen):
                    owner[place] = pair
                    return True
        return False

    return all(settle(pair, set()) for pair in range(len(pairs)))


def _bets(documents: Sequence[Document], places: Sequence[Place], drawn: Sequence[Sequence[Pair]]) -> dict[str, float]:
    """Bets on all draws in the order of the places, whatever the order of the pairs was; no two sentences are alike."""
    place_of = {tuple(documents[p.document][p.number]): i for i, p in enumerate(places)}
    at = {tuple(sentence): (d, n) for d, document in enumerate(documents) for n, sentence in enumerate(document)}
    rows = []
    for call, pairs in enumerate(drawn):
        in_order = sorted((place_of[tuple(first)], tuple(second), is_next) for first, second, is_next in pairs)
        rows += [[call, i, places[i].document, places[i].number, *at[second], yes] for i, second, yes in in_order]
    table = torch.tensor(rows)
    return _coin_bets(table) | _sentence_bets(documents, table[table[:, 6] == 0])


def _coin_bets(table: Tensor) -> dict[str, float]:
    call, place, document, _, _, _, is_next = table.T
    log_p = torch.full(is_next.shape, 0.5, dtype=torch.float64).log()
    before, in_document = last_alike(is_next, call), last_alike(is_next, call * (int(document.max()) + 1) + document)
    before_there = last_alike(is_next, place)
    return gains(log_p, {
        "every pair were a true one": is_next.double().log(),
        "no pair were a true one": (1 - is_next).double().log(),
        _VAGUE[0]: learned(is_next, 2),
        "one coin served a whole document": copied(is_next, log_p, in_document),
        "one coin served all documents": copied(is_next, log_p, before),
        "true and false pairs took turns": copied(is_next, log_p, torch.where(before < 0, before, 1 - before)),
        _VAGUE[1]: learned(is_next, 2, before_there % 3),
    })


def _sentence_bets(documents: Sequence[Document], table: Tensor) -> dict[str, float]:
    """Bets on the false pairs: which sentence of its document is taken, and is there a document that is never taken?

    Any rule for the document is right that can give each of them; the bets on a sentence take the document as given.
    """
    call, _, home, number, other, taken, _ = table.T
    sizes = torch.tensor([len(document) for document in documents])
    size = sizes[other]
    log_p = size.double().log().neg()
    inner = torch.where(size > 1, 1 / (size - 1).clamp(min=1).double(), 1.0)

    def never(n: Tensor) -> Tensor:
        return torch.where((taken == n) & (size > 1), 0.0, inner).log()

    won = gains(log_p, {
        "a false pair always took the first sentence of a document": (taken == 0).double().log(),
        "a false pair always took the last sentence of a document": (taken == size - 1).double().log(),
        "a false pair never took the first sentence of a document": never(torch.zeros_like(size)),
        "a false pair never took the last sentence of a document": never(size - 1),
        "one sentence stood for its whole document": copied(taken, log_p, last_alike(taken, other)),
        "one random sentence served many pairs": copied(taken, log_p, last_alike(taken, call * len(sizes) + other)),
        "a false pair took the sentence at the same place of another document": copied(taken, log_p, number),
        _VAGUE[2]: learned(taken, int(sizes.max()), other),
    })
    names = {
        "no false pair ever took a sentence of the first document": 0,
        "no false pair ever took a sentence of the last document": len(sizes) - 1,
        "no false pair ever took the sentence of a document of one": int(sizes.argmin()),
    }
    for name, document in names.items():
        asked = home != document
        # Whether each other document is as likely, or each of their sentences, it is at least as likely as this.
        by_sentence = sizes[document] / (sizes.sum() - sizes[home[asked]]).double()
        least = by_sentence.clamp(max=1 / (len(sizes) - 1))
        other_one = other[asked] != document
        won |= gains(torch.where(other_one, 1 - least, least).log(), {name: other_one.double().log()})
    return won
