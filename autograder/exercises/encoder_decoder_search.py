"""Lesson 04, from probabilities to a sentence and from sentences to a score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.drive import parts
from autograder.exercise import Case, Exercise, Rng, Tolerance, exercise
from autograder.exercises.encoder_decoder import F32, F64, LESSON
from autograder.exercises.encoder_decoder_speaker import BOS, EOS, Speaker, ending, speaker, storyteller


@exercise("greedy_decode", lesson=LESSON, points=5, difficulty=3, minutes=20)
class GreedyDecode(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, ends: list[int | None], max_len: int, vocab: int, weight: float = 1.0, **more: Any) -> Case:
            tables = speaker(rng, vocab, max_len, len(ends), dtype=more.pop("dtype", F64))
            asked = {"tables": ending(rng, tables, ends, more.get("eos_id", EOS)), "max_len": max_len}
            return Case(name, asked | more, weight)

        yield case("rows end at different words", [4, 2, 7, 5], 9, 11, weight=2)
        yield case("some rows never end", [3, None, 1, None], 6, 8, weight=2)
        yield case("no row ends", [None, None, None], 5, 7)
        yield case("a row that ends at once", [0, 3, 0], 6, 9)
        yield case("every row ends at once", [0, 0], 4, 6)
        yield case("the end comes at the last step", [5, 4, None], 6, 9)
        yield case("room for one word", [0, None, 1], 1, 7)
        yield case("a batch of one", [5], 8, 6)
        yield case("other special ids", [2, 4, None], 6, 9, bos_id=7, eos_id=5)
        yield case("the state is a tuple", [3, 5, 1], 7, 6, kind="tuple")
        yield case("the state is an object", [1, None, 4], 6, 7, kind="object")
        yield case("all sizes equal", [2, 4, 1, None], 4, 4)
        yield case("float32", [3, None, 2], 5, 10, dtype=F32)

    def drive(
        self, answer: Any, tables: dict[str, Tensor], max_len: int, bos_id: int = BOS, eos_id: int = EOS,
        kind: str = "tensor",
    ) -> dict[str, Any]:
        one = Speaker(tables, kind)
        return {"ids": answer(one.step, one.start(), bos_id, eos_id, max_len, len(tables["start"]))}


TRAP = {
    "": {"A": 0.5, "B": 0.4},
    "B": {"C": 0.95},
    "BC": {".": 0.95},
}
"""The likeliest first word leads nowhere."""

CATCH_UP = {
    "": {"A": 0.5, "B": 0.45},
    "A": {"C": 0.9},
    "B": {"D": 0.8},
    "AC": {"E": 0.9},
    "BD": {"F": 0.8},
    "BDF": {".": 0.95},
}
"""The best sentence is second in the beam for three steps."""

FAMILY = {
    "": {"A": 0.5, "B": 0.3},
    "A": {"C": 0.5, "D": 0.45},
    "B": {"E": 0.4},
    "AD": {".": 0.95},
}
"""The best sentence is the second child of the best first word."""

EARLY_END = {
    "": {".": 0.36, "A": 0.34, "B": 0.2},
    "A": {"C": 0.5, "D": 0.45},
    "AD": {"E": 0.97},
    "ADE": {"F": 0.97},
    "ADEF": {".": 0.97},
}
"""A sentence ends at once, and a better one needs its place in a beam of two."""

NO_ROOM = {
    "": {".": 0.4, "A": 0.3, "B": 0.25},
    "A": {"C": 0.3},
    "B": {".": 0.98},
}
"""The best sentence begins with the third best continuation, for which a beam of two has no place."""

CUT_OFF = {
    "": {"A": 0.9, ".": 0.08},
    "A": {"B": 0.9, ".": 0.08},
    "AB": {"C": 0.9, ".": 0.08},
}
"""The best sentence has not ended after three words."""

LONG_OR_SHORT = {
    "": {".": 0.3, "A": 0.6},
    "A": {".": 0.4, "B": 0.55},
    "AB": {".": 0.45, "C": 0.5},
    "ABC": {".": 0.95},
}
"""Four sentences in a row: the shortest is the likeliest, the longest is best for each of its words."""

AT_ONCE = {"": {".": 0.9, "A": 0.05}, "A": {".": 0.9}}
"""The best sentence has no word."""


@exercise("beam_search", lesson=LESSON, points=8, difficulty=5, minutes=40)
class BeamSearch(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, beam: int, max_len: int, penalty: float, tables: dict[str, Tensor], **more: Any) -> Case:
            asked = {"tables": tables, "beam_size": beam, "max_len": max_len, "length_penalty": penalty}
            return Case(name, asked | more)

        def spoken(vocab_size: int, max_len: int, sentences: int, **more: Any) -> dict[str, Tensor]:
            tables = speaker(rng, vocab_size, max_len, sentences, **more)
            tables["bonus"][:, :, EOS] = rng.normal(sentences, max_len).to(tables["bonus"])
            return tables

        def told(tree: dict[str, dict[str, float]], max_len: int, **more: int) -> dict[str, Tensor]:
            return storyteller(rng, tree, 9, max_len, **more)

        yield case("a few sentences", 3, 7, 1.0, spoken(6, 7, 4))
        yield case("the likeliest first word leads nowhere", 2, 5, 0.6, told(TRAP, 5))
        yield case("the second best catches up", 2, 5, 0.8, told(CATCH_UP, 5))
        yield case("two continuations of one hypothesis", 2, 4, 1.0, told(FAMILY, 4))
        yield case("an early end leaves room for others", 2, 6, 0.6, told(EARLY_END, 6))
        yield case("three good beginnings, room for two", 2, 5, 1.0, told(NO_ROOM, 5))
        yield case("cut off at max_len, and still the best", 2, 3, 1.0, told(CUT_OFF, 3))
        yield case("no length penalty", 2, 5, 0.0, told(LONG_OR_SHORT, 5))
        yield case("a weak length penalty", 2, 5, 0.2, told(LONG_OR_SHORT, 5))
        yield case("a strong length penalty", 2, 5, 1.5, told(LONG_OR_SHORT, 5))
        yield case("an end at once", 3, 6, 0.5, told(AT_ONCE, 6))
        yield case("a beam of one is greedy", 1, 5, 0.6, told(TRAP, 5))
        yield case("a beam wider than the vocabulary", 9, 4, 0.8, spoken(5, 4, 2))
        yield case("room for one word", 3, 1, 1.2, spoken(6, 1, 3))
        yield case("every hypothesis ends", 3, 6, 1.3, self._ended(spoken(6, 6, 2)))
        yield case("forbidden words", 4, 5, 1.1, self._forbidden(rng, spoken(8, 5, 2)))
        yield case("huge logits", 2, 5, 0.7, spoken(6, 5, 2, scale=400.0))
        special = {"bos_id": 5, "eos_id": 0}
        yield case("other special ids", 2, 4, 1.4, told(FAMILY, 4, **special), **special)
        yield case("the state is a tuple", 4, 6, 0.9, spoken(6, 6, 2), kind="tuple")
        yield case("the state is an object", 3, 7, 1.5, spoken(5, 7, 2), kind="object")
        single = case("float32", 2, 3, 1.1, spoken(5, 3, 2, dtype=F32))
        yield Case(single.name, single.inputs, tolerance=Tolerance(1e-4))

    def _ended(self, tables: dict[str, Tensor]) -> dict[str, Tensor]:
        """No word but the end after three."""
        tables["bonus"][:, 3, EOS] = 80.0
        return tables

    def _forbidden(self, rng: Rng, tables: dict[str, Tensor]) -> dict[str, Tensor]:
        """At each step only two words and the end are allowed: the beam can't be filled."""
        for step in tables["bonus"].unbind(1):
            step[:, [word for word in rng.permutation(8) if word != EOS][:5]] = -torch.inf
        return tables

    def drive(
        self, answer: Any, tables: dict[str, Tensor], max_len: int, beam_size: int, length_penalty: float,
        bos_id: int = BOS, eos_id: int = EOS, kind: str = "tensor",
    ) -> dict[str, Any]:
        one = Speaker(tables, kind)
        return {
            f"sentence {number}": _hypothesis(
                answer(one.step_all, start, bos_id, eos_id, max_len, beam_size, length_penalty)
            )
            for number, start in enumerate(one.starts(), 1)
        }


def _hypothesis(result: Any) -> dict[str, Any]:
    """The text leaves open whether the score is a number or a tensor of one."""
    found = parts(result, "ids", "score")
    score = found["score"]
    if isinstance(score, Tensor) and score.numel() == 1:
        score = score.item()
    return found | {"score": _plain_float(score)}


def _plain_float(score: Any) -> Any:
    """numpy's float64 is a float of Python's, but of a type of its own."""
    return float(score) if isinstance(score, float) else score


WORDS = ("the", "a", "cat", "dog", "sees", "likes", "small", "red", "house", "in", "garden", "old")
Sentences = list[list[str]]


def noisy(rng: Rng, references: Sentences, every: int, cut: int = 0, grow: int = 0) -> Sentences:
    """Copies with about one word of `every` exchanged, the last `cut` words left out and `grow` words added."""
    found = []
    for reference in references:
        copy = [WORDS[rng.integer(0, len(WORDS))] if rng.integer(0, every) == 0 else word for word in reference]
        found.append([*copy[: len(copy) - cut], *sentence(rng, grow)])
    return found


def sentence(rng: Rng, length: int) -> list[str]:
    return [WORDS[rng.integer(0, len(WORDS))] for _ in range(length)]


@exercise("corpus_bleu", lesson=LESSON, points=6, difficulty=4, minutes=30)
class CorpusBleu(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def text(*lengths: int) -> Sentences:
            return [sentence(rng, length) for length in lengths]

        def case(name: str, candidates: Sentences, references: Sentences, weight: float = 1.0, **more: Any) -> Case:
            return Case(name, {"candidates": candidates, "references": references} | more, weight)

        # Every corpus holds one long sentence that is copied whole, so that n-grams of all orders match.
        whole, *others = text(9, 7, 12, 6, 8)
        yield case("noisy copies", [whole, *noisy(rng, others, 5)], [whole, *others], weight=2)
        yield case("candidates that are too short", [whole, *noisy(rng, others, 6, cut=2)], [whole, *others], weight=2)
        yield case("candidates that are too long", [whole, *noisy(rng, others, 6, grow=3)], [whole, *others])
        mixed = [*noisy(rng, others[:2], 7, cut=4), *noisy(rng, others[2:], 7, grow=2)]
        yield case("some too short, some too long", [whole, *mixed], [whole, *others])
        for max_n in (1, 2, 3, 5):
            candidates = [whole, *noisy(rng, others, 4, cut=1)]
            yield case(f"n-grams of up to {max_n}", candidates, [whole, *others], max_n=max_n)
        yield from self._repeated(rng, case)
        yield from self._edges(rng, case)

    def _repeated(self, rng: Rng, case: Any) -> Iterator[Case]:
        one, two, three = (WORDS[i] for i in rng.permutation(len(WORDS))[:3])
        yield case("a word said too often", [[one] * 5 + [two]], [[one, two, one, three, three, two]], max_n=1)
        yield case("a word said three times, rightly", [[one, two, one, one]], [[one, one, two, one, three]], max_n=1)
        spare = [[one, one, one, two], [three, two, two, three]], [[one, two, three, two], [one, one, two, three]]
        yield case("a word that another sentence has to spare", *spare, max_n=2)
        yield case("the words in another order", [[one, two, three, one, two]], [[two, one, three, two, one]], max_n=2)
        glued = [["a", "aa", "aaa", "a"]], [["aa", "a", "a", "aaa", "a"]]
        yield case("words that look alike when joined", *glued, max_n=2)

    def _edges(self, rng: Rng, case: Any) -> Iterator[Case]:
        whole, short, other = sentence(rng, 8), sentence(rng, 2), sentence(rng, 6)
        yield case("a perfect copy", [whole, other], [list(whole), list(other)])
        yield case("one sentence", [whole[:6]], [whole])
        yield case("a sentence shorter than n", [short, whole[1:], short[:1]], [[*short, "red"], whole, short])
        yield case("an empty candidate", [[], whole], [other, whole])
        yield case("an empty reference", [other, whole], [[], whole])
        yield case("every candidate is empty", [[], []], [whole, other])
        yield case("all sentences shorter than n", [short, other[:3]], [short, other[:3]])
        yield case("no four words in a row match", [["x", *whole[:3], "x", "x"]], [whole])
        yield case("no word matches", [["x", "y", "z", "x", "y"]], [whole])
        yield case("nothing to score", [], [])

    def drive(
        self, answer: Any, candidates: Sentences, references: Sentences, max_n: int | None = None
    ) -> dict[str, Any]:
        score = answer(candidates, references) if max_n is None else answer(candidates, references, max_n)
        return {"bleu": _plain_float(score)}
