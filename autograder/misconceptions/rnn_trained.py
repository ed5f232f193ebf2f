"""Lesson 02, what goes wrong in training: the outputs of models with a known flaw, by case."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder import data
from autograder.exercise import Case, misconception

NATURE, COMPANY, OTHER = (data.TAGS.index(tag) for tag in ("NATURE", "COMPANY", "OTHER"))


def _sure(ids: Tensor, classes: int) -> dict[str, Any]:
    """Logits of a model that is sure of these classes."""
    return {"logits": 8.0 * F.one_hot(ids, classes).float()}


def _noise(*size: int) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(0))


def _characters(case: Case) -> tuple[Tensor, int]:
    return case.truth["targets"], case.inputs["sizes"]["vocab_size"]


@misconception(
    "char_language_model", "nothing learned",
    hint="A model that knows nothing is as perplexed as if every character were equally likely. Was the trained model "
    "saved, or a fresh one? And does the loss fall while it trains?",
)
def untrained(case: Case) -> dict[str, Any]:
    targets, vocab_size = _characters(case)
    return {"logits": 0.3 * _noise(len(targets), vocab_size)}


@misconception(
    "char_language_model", "the same prediction everywhere",
    hint="Every context gets the same prediction. Does what is read reach the state, and the state the output?",
)
def deaf(case: Case) -> dict[str, Any]:
    targets, vocab_size = _characters(case)
    return {"logits": _noise(1, vocab_size).expand(len(targets), -1).clone()}


@misconception(
    "char_language_model", "a character late",
    hint="The model predicts the character that it has read last. Lay inputs and targets of one window side by side.",
)
def late_character(case: Case) -> dict[str, Any]:
    return _sure(case.inputs["ids"][:, -1], _characters(case)[1])


@misconception(
    "char_language_model", "probabilities for logits",
    hint="The likeliest character is often right, yet all are nearly equally likely. Is softmax taken once too often?",
)
def softmax_twice(case: Case) -> dict[str, Any]:
    targets, vocab_size = _characters(case)
    return {"logits": F.one_hot(targets, vocab_size).float()}


@misconception(
    "char_language_model", "right, or much too sure",
    hint="Most characters are right, but where one is wrong, the right one gets no chance at all. Was it trained for "
    "too long on too little text?",
)
def too_sure(case: Case) -> dict[str, Any]:
    targets, vocab_size = _characters(case)
    half = torch.arange(len(targets)) % 5 < 3
    return {"logits": 80.0 * F.one_hot(torch.where(half, targets, (targets + 7) % vocab_size), vocab_size).float()}


@misconception(
    "sentiment", "the same for every review",
    hint="Every review gets the same logits. Was a trained model saved? Does the state reach the output layer?",
)
def same_review(case: Case) -> dict[str, Any]:
    return {"logits": torch.tensor([[0.2, -0.1]]).repeat(len(case.truth["labels"]), 1)}


@misconception(
    "sentiment", "one class only",
    hint="Every review gets the same verdict. Does the loss fall at all? Try another learning rate, and look at the "
    "labels of one batch.",
)
def one_verdict(case: Case) -> dict[str, Any]:
    first = torch.tensor([3.0, 0.0])
    return {"logits": first + 0.2 * _noise(len(case.truth["labels"]), 2)}


@misconception(
    "sentiment", "upside down",
    hint="It is wrong far more often than a coin. Which label means good?",
)
def upside_down(case: Case) -> dict[str, Any]:
    return _sure(1 - case.truth["labels"], 2)


@misconception(
    "sentiment", "right on long reviews only",
    hint="Long reviews are judged far better than short ones. What does the network still read after the last word "
    "of a short review?",
)
def padding_read(case: Case) -> dict[str, Any]:
    lengths, labels = case.inputs["lengths"], case.truth["labels"]
    guess = torch.arange(len(labels)) % 2
    return _sure(torch.where(lengths > lengths.double().quantile(0.7), labels, guess), 2)


@misconception(
    "entities", "a word late",
    hint="The tags are right, but each stands one word too far to the right. Which logits go with which word?",
)
def late_tag(case: Case) -> dict[str, Any]:
    labels = case.truth["labels"]
    return _sure(torch.cat([torch.full_like(labels[:, :1], OTHER), labels[:, :-1]], dim=1), len(data.TAGS))


@misconception(
    "entities", "never an ambiguous word",
    hint="Almost every word is called OTHER. Most words are: does your loss let a model get away with that?",
)
def always_other(case: Case) -> dict[str, Any]:
    return _sure(torch.full_like(case.truth["labels"], OTHER), len(data.TAGS))


@misconception(
    "entities", "the two senses exchanged",
    hint="It tells the two senses apart and calls each by the other's name. Look at the order of data.TAGS.",
)
def exchanged(case: Case) -> dict[str, Any]:
    labels = case.truth["labels"]
    swapped = torch.where(labels == OTHER, labels, NATURE + COMPANY - labels)
    return _sure(swapped, len(data.TAGS))


@misconception(
    "entities", "one sense only",
    hint="Every ambiguous word gets the same tag. Does the state at the word depend on the words before it?",
)
def one_sense(case: Case) -> dict[str, Any]:
    labels = case.truth["labels"]
    return _sure(torch.where(labels == OTHER, labels, COMPANY), len(data.TAGS))


@misconception(
    "entities", "one sense for each word",
    hint="Each ambiguous word always gets the same tag, whoever acts. What must the state carry to the word?",
)
def by_word(case: Case) -> dict[str, Any]:
    labels, ids = case.truth["labels"], case.inputs["ids"]
    sense = torch.where(ids % 2 == 0, NATURE, COMPANY)
    return _sure(torch.where(labels == OTHER, labels, sense), len(data.TAGS))
