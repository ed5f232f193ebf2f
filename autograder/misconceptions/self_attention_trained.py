"""Lesson 06, what goes wrong in training: the outputs of models with a known flaw, by case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import Case, misconception
from autograder.exercises.self_attention_trained import MAX_LEN, VOCAB_SIZE

Flaw = Callable[[Tensor], Tensor]


def _noise(*size: int) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(0))


def _outputs(case: Case, flaw: Flaw) -> dict[str, Any]:
    """Logits of a model that makes `flaw(ids)` of its input; under scrambled weights it makes noise."""
    logits = {name: flaw(case.inputs[name]) for name in case.truth["reversed"]}
    return {
        "logits": logits, "alone": logits[f"length_{MAX_LEN}"][:1].clone(),
        "scrambled": _noise(*case.inputs["probe"].shape, VOCAB_SIZE),
    }


def _sure(ids: Tensor) -> Tensor:
    """Logits of a model that is sure of these words."""
    return 8.0 * F.one_hot(ids % VOCAB_SIZE, VOCAB_SIZE).float()


def _counts(ids: Tensor) -> Tensor:
    """How often each word occurs in each row, (batch, 1, vocab_size)."""
    return F.one_hot(ids, VOCAB_SIZE).float().sum(dim=1, keepdim=True)


@misconception(
    "set_of_positions", "places unknown",
    hint="A word gets the same answer wherever it stands in the sentence. To attention, what does a sentence look like "
    "before somebody says where each word stands?",
)
def without_positions(case: Case) -> dict[str, Any]:
    return _outputs(case, lambda ids: _counts(ids) - F.one_hot(ids, VOCAB_SIZE).float())


@misconception(
    "set_of_positions", "one answer for all places",
    hint="Every place of a sentence gets the same logits. Is a mean over the places taken somewhere on the way?",
)
def pooled(case: Case) -> dict[str, Any]:
    return _outputs(case, lambda ids: _counts(ids).expand(-1, ids.shape[1], -1).clone())


@misconception(
    "set_of_positions", "always the same word",
    hint="Whatever is asked, one word is the answer. Does the loss fall at all? Was the trained model saved?",
)
def one_word(case: Case) -> dict[str, Any]:
    return _outputs(case, lambda ids: _sure(torch.full_like(ids, 7)) + 0.1 * _noise(*ids.shape, VOCAB_SIZE))


@misconception(
    "set_of_positions", "copied, not reversed",
    hint="The sentence comes back in its own order. What are the targets that your model was trained with?",
)
def copied(case: Case) -> dict[str, Any]:
    return _outputs(case, _sure)


@misconception(
    "set_of_positions", "one place beside",
    hint="Each word stands one place beside its own. Write down inputs and targets of one short sentence.",
)
def beside(case: Case) -> dict[str, Any]:
    return _outputs(case, lambda ids: _sure(ids.flip(1).roll(1, dims=1)))


@misconception(
    "set_of_positions", "the ends right, the middle not",
    hint="The first and the last words are right, those between are near misses. To find its mirror a place must know "
    "how long the sentence is: who tells it? What could one layer find out for the next?",
)
def near_misses(case: Case) -> dict[str, Any]:
    def flaw(ids: Tensor) -> Tensor:
        found, right = ids.flip(1), ids.flip(1)
        found[::2, 2:-2], found[1::2, 2:-2] = right[::2, 3:-1], right[1::2, 1:-3]
        return _sure(found)

    return _outputs(case, flaw)


@misconception(
    "set_of_positions", "right at one length only",
    hint="At one length all is right, at the lengths beside it far less. Which lengths does your model meet in "
    "training?",
)
def one_length(case: Case) -> dict[str, Any]:
    return _outputs(case, lambda ids: _sure(ids.flip(1) if ids.shape[1] == MAX_LEN else ids.flip(1) + 3))


@misconception(
    "set_of_positions", "right at short lengths only",
    hint="Short sentences come back right, long ones less and less. Did training reach the places far behind?",
)
def short_lengths(case: Case) -> dict[str, Any]:
    return _outputs(case, lambda ids: _sure(ids.flip(1) if ids.shape[1] <= 9 else ids.flip(1) + 3))


@misconception(
    "set_of_positions", "rows depend on each other",
    hint="A sentence is answered in another way when it is asked alone. Which axis does your attention take for the "
    "words, and which for the batch?",
)
def mixed_rows(case: Case) -> dict[str, Any]:
    found = _outputs(case, lambda ids: _sure(ids.roll(1, dims=0)))
    return found | {"alone": _sure(case.inputs[f"length_{MAX_LEN}"][:1])}


@misconception(
    "set_of_positions", "turned by the code",
    hint="Scramble the weights, and each place still answers by the word in its mirror: the order is turned before "
    "attention sees it. Let queries and keys find the mirror.",
)
def flipped(case: Case) -> dict[str, Any]:
    table = _noise(VOCAB_SIZE, VOCAB_SIZE)
    found = _outputs(case, lambda ids: _sure(ids.flip(1)))
    return found | {"scrambled": table[case.inputs["probe"].flip(1)]}


@misconception(
    "set_of_positions", "nothing learned",
    hint="One word in twenty is right, as by chance. Was the trained model saved, and does its loss fall?",
)
def untrained(case: Case) -> dict[str, Any]:
    return _outputs(case, lambda ids: _noise(*ids.shape, VOCAB_SIZE))


@misconception(
    "set_of_positions", "a word of the sentence, but which",
    hint="Nearly every answer is a word of the sentence, yet seldom the one in the mirror. Are the positions loud "
    "enough beside the words, and did training go on until the loss fell far below that of guessing among them?",
)
def guessed_among_words(case: Case) -> dict[str, Any]:
    def flaw(ids: Tensor) -> Tensor:
        order = torch.randperm(ids.shape[1], generator=torch.Generator().manual_seed(ids.shape[1]))
        return _sure(ids[:, order])

    return _outputs(case, flaw)
