"""Named wrong answers to lesson 06, each with a hint that points and does not tell."""

from __future__ import annotations

import torch
from torch import Tensor

from autograder.exercise import misconception
from autograder.misconceptions import self_attention_heads as self_attention_heads
from autograder.misconceptions import self_attention_pooling as self_attention_pooling
from autograder.misconceptions import self_attention_positions as self_attention_positions
from autograder.misconceptions import self_attention_trained as self_attention_trained

Mask = Tensor | None
Pair = tuple[Tensor, Tensor]
Triple = tuple[Tensor, Tensor, Tensor]


def weights_of(scores: Tensor, mask: Mask, dim: int = -1) -> Tensor:
    """Softmax over what the mask allows, zeros where it allows nothing."""
    if mask is None:
        return scores.softmax(dim)
    return uniform_where_blind(scores, mask, dim) * mask


def uniform_where_blind(scores: Tensor, mask: Mask, dim: int = -1) -> Tensor:
    """The same, but that a query which may look nowhere looks everywhere."""
    return scores.softmax(dim) if mask is None else scores.masked_fill(~mask, -1e30).softmax(dim)


# project_qkv


@misconception("project_qkv", "keys and values exchanged", hint="In which order are the three asked for?")
def project_exchanged(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> Triple:
    return X @ W_q, X @ W_v, X @ W_k


@misconception("project_qkv", "one matrix for queries and keys", hint="How many of the three matrices do you use?")
def project_twice(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> Triple:
    return X @ W_q, X @ W_q, X @ W_v


@misconception("project_qkv", "values not projected", hint="Which of the three results has no matrix of its own?")
def project_two(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> Triple:
    return X @ W_q, X @ W_k, X.clone()


@misconception("project_qkv", "one after the other", hint="Each of the three is made from what?")
def project_chained(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> Triple:
    Q = X @ W_q
    K = Q @ W_k
    return Q, K, K @ W_v


@misconception(
    "project_qkv", "matrices transposed", hint="From which side does a matrix act, and along which of its axes?"
)
def project_transposed(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> Triple:
    return X @ W_q.T, X @ W_k.T, X @ W_v.T


@misconception("project_qkv", "queries scaled already", hint="Nothing is divided here. Where does the scale belong?")
def project_scaled(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> Triple:
    return X @ W_q / W_q.shape[1] ** 0.5, X @ W_k, X @ W_v


@misconception("project_qkv", "all in one tensor", hint="How many results does the signature promise?")
def project_joined(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> Tensor:
    return X @ torch.cat([W_q, W_k, W_v], dim=1)


# self_attention


def _cross(X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor) -> Tensor:
    scores: Tensor = X @ W_q @ (memory @ W_k).mT / W_k.shape[1] ** 0.5
    return scores


def _scores(X: Tensor, W_q: Tensor, W_k: Tensor) -> Tensor:
    return _cross(X, X, W_q, W_k)


def _weighted(weights: Tensor, V: Tensor) -> Pair:
    return weights @ V, weights


@misconception("self_attention", "not scaled", hint="What stands under the fraction bar in the equation?")
def self_unscaled(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    return _weighted(weights_of(_scores(X, W_q, W_k) * W_k.shape[1] ** 0.5, mask), X @ W_v)


@misconception("self_attention", "scaled by the width of X", hint="Vectors of which length are multiplied in a score?")
def self_scaled_by_model(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    scores = _scores(X, W_q, W_k) * (W_k.shape[1] / X.shape[2]) ** 0.5
    return _weighted(weights_of(scores, mask), X @ W_v)


@misconception("self_attention", "no square root", hint="The variance of a score grows with d_k. And its size?")
def self_without_root(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    return _weighted(weights_of(_scores(X, W_q, W_k) / W_k.shape[1] ** 0.5, mask), X @ W_v)


@misconception("self_attention", "values not projected", hint="What is W_v there for in your answer?")
def self_plain_values(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    return _weighted(weights_of(_scores(X, W_q, W_k), mask), X)


@misconception("self_attention", "keys ask queries", hint="Row i holds the scores of which word's query: i's or j's?")
def self_turned(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    return _weighted(weights_of(_scores(X, W_q, W_k).mT, mask), X @ W_v)


@misconception("self_attention", "softmax over the queries", hint="Which sum is one: that of a row, or of a column?")
def self_over_queries(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    return _weighted(weights_of(_scores(X, W_q, W_k), mask, dim=1), X @ W_v)


@misconception("self_attention", "the mask upside down", hint="Does True in this course mean: hide, or may be seen?")
def self_inverted(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    return _weighted(weights_of(_scores(X, W_q, W_k), None if mask is None else ~mask), X @ W_v)


@misconception("self_attention", "hidden scores of zero", hint="What weight does a softmax give to a score of zero?")
def self_zero_scores(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    scores = _scores(X, W_q, W_k)
    return _weighted((scores if mask is None else scores * mask).softmax(dim=-1), X @ W_v)


@misconception("self_attention", "masked after the softmax", hint="Add up the weights of one row. Is it one?")
def self_masked_late(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    weights = _scores(X, W_q, W_k).softmax(dim=-1)
    return _weighted(weights if mask is None else weights * mask, X @ W_v)


@misconception(
    "self_attention", "a blind word sees all", hint="A row of the mask is False throughout: what is asked for?"
)
def self_blind_uniform(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    return _weighted(uniform_where_blind(_scores(X, W_q, W_k), mask), X @ W_v)


@misconception(
    "self_attention", "NaN for a blind word",
    hint="Softmax of nothing but −∞ divides zero by zero. Which rows are these?",
)
def self_blind_nan(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    scores = _scores(X, W_q, W_k)
    scores = scores if mask is None else scores.masked_fill(~mask, -torch.inf)
    return _weighted(scores.softmax(dim=-1), X @ W_v)


@misconception(
    "self_attention", "NaN in the gradient",
    hint="The numbers are right: the NaN of a blind row is replaced too late. What does its gradient pass on "
    "the way back?",
)
def self_nan_gradient(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    scores = _scores(X, W_q, W_k)
    if mask is not None:
        scores = scores + torch.zeros_like(scores).masked_fill(~mask, -torch.inf)
    return _weighted(scores.softmax(dim=-1).nan_to_num(0.0), X @ W_v)


@misconception(
    "self_attention", "scores for weights", hint="Is each row of your second result something that sums to one?"
)
def self_scores_returned(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    scores = _scores(X, W_q, W_k)
    return weights_of(scores, mask) @ (X @ W_v), scores


@misconception("self_attention", "mask ignored", hint="Five arguments come in. Which of them changes nothing?")
def self_unmasked(X: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None) -> Pair:
    return _weighted(_scores(X, W_q, W_k).softmax(dim=-1), X @ W_v)


# cross_attention


@misconception("cross_attention", "the memory asks", hint="Who asks and who answers? Which one makes the queries?")
def cross_reversed(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    return _weighted(weights_of(_cross(memory, X, W_q, W_k), mask), X @ W_v)


@misconception("cross_attention", "the memory unused", hint="Give another memory. What changes in your result?")
def cross_self(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    return _weighted(weights_of(_scores(X, W_q, W_k), mask), X @ W_v)


@misconception("cross_attention", "values from X", hint="What you find and where you look for it: two places, or one?")
def cross_own_values(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    return _weighted(weights_of(_cross(X, memory, W_q, W_k), mask), X @ W_v)


@misconception("cross_attention", "values not projected", hint="Your outputs are mixtures of what? And W_v?")
def cross_plain_values(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    return _weighted(weights_of(_cross(X, memory, W_q, W_k), mask), memory)


@misconception("cross_attention", "not scaled", hint="Are longer vectors allowed to give larger scores?")
def cross_unscaled(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    return _weighted(weights_of(_cross(X, memory, W_q, W_k) * W_k.shape[1] ** 0.5, mask), memory @ W_v)


@misconception("cross_attention", "scaled by the width of X", hint="How long are the two vectors in one score?")
def cross_scaled_by_model(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    scores = _cross(X, memory, W_q, W_k) * (W_k.shape[1] / X.shape[2]) ** 0.5
    return _weighted(weights_of(scores, mask), memory @ W_v)


@misconception("cross_attention", "softmax over the queries", hint="Do all queries share one place of the memory out?")
def cross_over_queries(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    return _weighted(weights_of(_cross(X, memory, W_q, W_k), mask, dim=1), memory @ W_v)


@misconception("cross_attention", "the mask upside down", hint="Which places does your answer hide: True or False?")
def cross_inverted(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    return _weighted(weights_of(_cross(X, memory, W_q, W_k), None if mask is None else ~mask), memory @ W_v)


@misconception("cross_attention", "a blind query sees all", hint="What should a query get that may look nowhere?")
def cross_blind_uniform(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    return _weighted(uniform_where_blind(_cross(X, memory, W_q, W_k), mask), memory @ W_v)


@misconception(
    "cross_attention", "NaN for a blind query", hint="Which rows hold NaN, and what does their mask look like?"
)
def cross_blind_nan(
    X: Tensor, memory: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor, mask: Mask = None
) -> Pair:
    scores = _cross(X, memory, W_q, W_k)
    scores = scores if mask is None else scores.masked_fill(~mask, -torch.inf)
    return _weighted(scores.softmax(dim=-1), memory @ W_v)
