"""Lesson 04, from probabilities to a sentence and from sentences to a score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from autograder.drive import parts
from autograder.exercise import Case, Exercise, Rng, exercise
from autograder.exercises.encoder_decoder import F32, F64, LESSON
from autograder.exercises.encoder_decoder_speaker import Speaker, ending, speaker

BOS, EOS = 1, 2


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


@exercise("beam_search", lesson=LESSON, points=8, difficulty=5, minutes=40)
class BeamSearch(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, beam_size: int, penalty: float, max_len: int, weight: float = 1.0, **more: Any) -> Case:
            tables = speaker(rng, more.pop("vocab", 6), max_len, 3)
            asked = {"tables": tables, "beam_size": beam_size, "max_len": max_len, "length_penalty": penalty}
            return Case(name, asked | more, weight)

        yield case("a beam of three", 3, 1.0, 6, weight=2)
        yield case("no length penalty", 3, 0.0, 6)
        yield case("a beam of one is greedy", 1, 0.6, 6)

    def drive(
        self, answer: Any, tables: dict[str, Tensor], max_len: int, beam_size: int, length_penalty: float,
        bos_id: int = BOS, eos_id: int = EOS, kind: str = "tensor",
    ) -> dict[str, Any]:
        one = Speaker(tables, kind)
        return {
            f"sentence {number}": _hypothesis(
                answer(one.step_all, start, bos_id, eos_id, max_len, beam_size, length_penalty)
            )
            for number, start in enumerate(one.starts())
        }


def _hypothesis(result: Any) -> dict[str, Any]:
    found = parts(result, "ids", "score")
    score = found["score"]
    return found | {"score": score.item() if isinstance(score, Tensor) and score.numel() == 1 else score}


@exercise("corpus_bleu", lesson=LESSON, points=6, difficulty=4, minutes=30)
class CorpusBleu(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        one = {"candidates": [["a", "b", "c", "d", "e"]], "references": [["a", "b", "c", "d", "f"]]}
        yield Case("a few sentences", one)

    def drive(
        self, answer: Any, candidates: list[list[str]], references: list[list[str]], max_n: int | None = None
    ) -> dict[str, Any]:
        return {"bleu": answer(candidates, references) if max_n is None else answer(candidates, references, max_n)}
