"""Named wrong answers to lesson 05, each with a hint that points and does not tell."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import misconception
from autograder.misconceptions import attention_context as attention_context
from autograder.misconceptions import attention_decoder as attention_decoder
from autograder.misconceptions import attention_scores as attention_scores
from autograder.reference import attention as right

Pair = tuple[Tensor, Tensor]


# similarity_attention


def _weigh(weights: Tensor, X: Tensor) -> Pair:
    return weights @ X, weights


@misconception(
    "similarity_attention", "scaled", hint="Read the equation again: what happens to the scores before the softmax?"
)
def similarity_scaled(X: Tensor) -> Pair:
    return _weigh(torch.softmax(X @ X.mT / X.shape[-1] ** 0.5, dim=-1), X)


@misconception(
    "similarity_attention", "softmax over the wrong axis",
    hint="Add up your weights along each axis. Which sums are one, and which should be?"
)
def similarity_wrong_axis(X: Tensor) -> Pair:
    return _weigh(torch.softmax(X @ X.mT, dim=-2), X)


@misconception(
    "similarity_attention", "one softmax for the whole table", hint="Each word has a row of weights. What is its sum?"
)
def similarity_flattened(X: Tensor) -> Pair:
    scores = X @ X.mT
    return _weigh(torch.softmax(scores.flatten(1), dim=-1).view_as(scores), X)


@misconception("similarity_attention", "no softmax", hint="Are your weights all positive? What is the sum of a row?")
def similarity_without_softmax(X: Tensor) -> Pair:
    return _weigh(X @ X.mT, X)


@misconception(
    "similarity_attention", "scores for weights", hint="Of the stages score, normalise, weigh: which do you return?"
)
def similarity_returns_scores(X: Tensor) -> Pair:
    return right.similarity_attention(X)[0], X @ X.mT


@misconception("similarity_attention", "results swapped", hint="In which order are the two results asked for?")
def similarity_swapped(X: Tensor) -> Pair:
    outputs, weights = right.similarity_attention(X)
    return weights, outputs


@misconception("similarity_attention", "no look at oneself", hint="May a word look at itself? What do you forbid?")
def similarity_without_oneself(X: Tensor) -> Pair:
    others = ~torch.eye(X.shape[1], dtype=torch.bool, device=X.device)
    return _weigh(right.masked_softmax(X @ X.mT, others), X)


@misconception("similarity_attention", "cosines", hint="Do long words, as vectors, score higher than short ones here?")
def similarity_cosines(X: Tensor) -> Pair:
    unit = F.normalize(X, dim=-1)
    return _weigh(torch.softmax(unit @ unit.mT, dim=-1), X)


@misconception(
    "similarity_attention", "exponential overflows",
    hint="Print the largest score, and e to its power. What may be taken off a row?",
)
def similarity_overflows(X: Tensor) -> Pair:
    e = torch.exp(X @ X.mT)
    return _weigh(e / e.sum(dim=-1, keepdim=True), X)


@misconception(
    "similarity_attention", "weights detached", hint="The numbers are right. In how many places does X act, and learn?"
)
def similarity_detached(X: Tensor) -> Pair:
    return _weigh(torch.softmax(X @ X.mT, dim=-1).detach(), X)


# masked_softmax


@misconception("masked_softmax", "scores overwritten", hint="Print `scores` before and after the call.")
def masked_in_place(scores: Tensor, mask: Tensor) -> Tensor:
    scores[~mask.expand_as(scores)] = -1e6
    return torch.softmax(scores, dim=-1).masked_fill(~mask, 0.0)


@misconception(
    "masked_softmax", "scores overwritten, and nothing left is uniform",
    hint="Two things: print `scores` before and after the call; then look at a row in which every key is hidden.",
)
def masked_as_in_the_book(scores: Tensor, mask: Tensor) -> Tensor:
    scores[~mask.expand_as(scores)] = -1e6
    return torch.softmax(scores, dim=-1)


@misconception(
    "masked_softmax", "nothing left is uniform",
    hint="Hide every key of a row. Which weights does it get, and should it?",
)
def masked_uniform(scores: Tensor, mask: Tensor) -> Tensor:
    return torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=-1)


@misconception("masked_softmax", "nothing left is NaN", hint="Hide every key of a row. What is divided by what there?")
def masked_nan(scores: Tensor, mask: Tensor) -> Tensor:
    return torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)


@misconception(
    "masked_softmax", "hidden afterwards", hint="Add up a row of your weights. Who had a share before you took it away?"
)
def masked_afterwards(scores: Tensor, mask: Tensor) -> Tensor:
    return torch.softmax(scores, dim=-1) * mask


@misconception(
    "masked_softmax", "hidden and divided afterwards",
    hint="A hidden score is far above all others. What does the softmax leave of them before you hide it?",
)
def masked_and_divided(scores: Tensor, mask: Tensor) -> Tensor:
    weights = torch.softmax(scores, dim=-1) * mask
    return weights / (weights.sum(dim=-1, keepdim=True) + 1e-12)


@misconception("masked_softmax", "mask inverted", hint="Which positions may be looked at: where the mask is True?")
def masked_inverted(scores: Tensor, mask: Tensor) -> Tensor:
    return right.masked_softmax(scores, ~mask)


@misconception(
    "masked_softmax", "hidden scores set to 0", hint="A score of 0 still gets a weight: e to the power of 0."
)
def masked_with_zeros(scores: Tensor, mask: Tensor) -> Tensor:
    return torch.softmax(scores * mask, dim=-1)


@misconception(
    "masked_softmax", "NaN in the gradient",
    hint="The weights are right. Print the gradient of a row that has nothing left: where does a NaN still take part?",
)
def masked_nan_gradient(scores: Tensor, mask: Tensor) -> Tensor:
    hidden = scores + torch.zeros_like(scores).masked_fill(~mask, -torch.inf)
    return torch.softmax(hidden, dim=-1).nan_to_num(0.0)


@misconception(
    "masked_softmax", "exponential overflows", hint="What is e to the power of 1000? What may you subtract from a row?"
)
def masked_overflows(scores: Tensor, mask: Tensor) -> Tensor:
    e = torch.exp(scores) * mask
    total = e.sum(dim=-1, keepdim=True)
    return e / total.masked_fill(total == 0, 1.0)


@misconception(
    "masked_softmax", "softmax over the wrong axis", hint="Add up your weights along each axis. Which should be one?"
)
def masked_wrong_axis(scores: Tensor, mask: Tensor) -> Tensor:
    return torch.softmax(scores.masked_fill(~mask, -1e9), dim=-2).masked_fill(~mask, 0.0)
