"""Lesson 04, what goes wrong in training: the outputs of encoders and decoders with a known flaw, by case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from autograder import pairs
from autograder.exercise import Case, misconception
from autograder.exercises.encoder_decoder_trained import EOS, Opposites, Translator, words_before_the_end

Rows = Sequence[Sequence[int]]


def _said(rows: Rows, max_steps: int, ends: bool = True) -> dict[str, Any]:
    """What a decoder returns that says these rows."""
    cut = [list(row)[:max_steps] + [EOS] * max(0, max_steps - len(row)) for row in rows]
    return {"ids": torch.tensor(cut if ends else [[4 if i == EOS else i for i in row] for row in cut])}


def _sources(case: Case) -> Rows:
    return words_before_the_end(case.inputs["ids"])


def _right(case: Case) -> Rows:
    """What would be right."""
    if "answers" in case.truth:
        answers: Rows = case.truth["answers"]
        return answers
    vocabulary = pairs.target_vocabulary("fra")
    return [vocabulary.encode(words) for words in case.truth["references"]]


def _steps(case: Case) -> int:
    return Opposites.max_steps if "answers" in case.truth else Translator.max_steps


def both(name: str, opposites: str, translator: str) -> Callable[[Any], Any]:
    """A flaw that either model can have, with a hint for each."""

    def register(answer: Any) -> Any:
        misconception("opposites", name, opposites)(answer)
        return misconception("translator", name, translator)(answer)

    return register


@both(
    "it ends at once",
    "Every answer is empty: the first thing that the decoder says is <eos>. What stands first in the labels of a word?",
    "Every translation is empty: the first thing that the decoder says is <eos>. Print one row of decoder inputs and "
    "one of labels side by side. Does padding count in the loss?",
)
def ends_at_once(case: Case) -> dict[str, Any]:
    return _said([[] for _ in _right(case)], _steps(case))


@both(
    "one token over and over",
    "It says one letter over and over, as a decoder does that learned to say what it reads, or nothing. At the step "
    "where it should say a letter, may it already read that letter?",
    "It says one word over and over, as a decoder does that learned to say what it reads, or nothing. At the step "
    "where it should say a word, may it already read that word? And was the trained model saved?",
)
def stuck(case: Case) -> dict[str, Any]:
    return _said([[5 + i % 7] * _steps(case) for i, _ in enumerate(_right(case))], _steps(case))


@both(
    "always the same",
    "Every word gets the same answer. What of the word reaches the decoder, and by which two ways could it?",
    "Every sentence gets the same translation, so the decoder is a language model that knows nothing of the source. "
    "Which context and which state does it get while you train?",
)
def deaf(case: Case) -> dict[str, Any]:
    return _said([_right(case)[0] for _ in _right(case)], _steps(case))


@both(
    "it says what it read",
    "The answer is the word itself. Which of the two words of a pair are your labels?",
    "The ids that it says are those of the English sentence. Which side of a pair are your labels, and which "
    "vocabulary made them?",
)
def parrot(case: Case) -> dict[str, Any]:
    return _said(_sources(case), _steps(case))


@both(
    "it never ends",
    "It begins well and doesn't stop. Which label tells the decoder that a word is over? Is it counted in the loss?",
    "It doesn't stop after the last word. Which label tells the decoder that a sentence is over, and is it counted in "
    "the loss?",
)
def endless(case: Case) -> dict[str, Any]:
    rows = [[*row, *range(6, 6 + _steps(case) - len(row))] for row in _right(case)]
    return _said(rows, _steps(case), ends=False)


@misconception(
    "opposites", "learned by heart",
    hint="The lesson's words are right and new ones are not: the network keeps 300 answers and has no need to copy a "
    "letter. What would it have to be shown so that copying pays?",
)
def by_heart(case: Case) -> dict[str, Any]:
    wrong = [row if known else row[::-1] for row, known in zip(_right(case), case.truth["lesson"], strict=True)]
    return _said(wrong, _steps(case))


@misconception(
    "translator", "far too short",
    hint="The translations are much shorter than the sentences that people wrote. How long may a target be in training "
    "before it is cut?",
)
def cut_short(case: Case) -> dict[str, Any]:
    return _said([row[:5] for row in _right(case)], _steps(case))


@misconception(
    "translator", "right on short sentences only",
    hint="Short sentences are right and long ones are not. A state of fixed size fills up: would more units, more "
    "passes through the data or a longer look at long sentences help? See whether the loss still falls.",
)
def fades(case: Case) -> dict[str, Any]:
    rows = _right(case)
    middle = sorted(map(len, rows))[len(rows) // 2]
    return _said([row if len(row) <= middle else [*row[:3], *row[:2:-1]] for row in rows], _steps(case))
