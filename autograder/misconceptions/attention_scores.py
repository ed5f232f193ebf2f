"""Named wrong answers to lesson 05: the ways to score a key against a query."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import misconception
from autograder.reference import attention as right

SOFTMAXED = "A score may be any number. Which stage comes after scoring, and is it asked for here?"
TURNED = "Print the shape of your scores. Which axis counts the queries?"


# dot_score


@misconception("dot_score", "scaled", hint="Which score divides by something, this one or another?")
def dot_scaled(queries: Tensor, keys: Tensor) -> Tensor:
    return queries @ keys.mT / math.sqrt(queries.shape[-1])


@misconception("dot_score", "softmaxed", hint=SOFTMAXED)
def dot_softmaxed(queries: Tensor, keys: Tensor) -> Tensor:
    return torch.softmax(queries @ keys.mT, dim=-1)


@misconception("dot_score", "turned", hint=TURNED)
def dot_turned(queries: Tensor, keys: Tensor) -> Tensor:
    return keys @ queries.mT


@misconception("dot_score", "keys reshaped", hint="Turning a table over is not the same as reading it in other rows.")
def dot_reshaped(queries: Tensor, keys: Tensor) -> Tensor:
    return queries @ keys.reshape(keys.shape[0], keys.shape[2], keys.shape[1])


@misconception(
    "dot_score", "each query with one key",
    hint="How many scores do four queries and five keys have? How many have you?",
)
def dot_one_key(queries: Tensor, keys: Tensor) -> Tensor:
    return (queries * keys).sum(dim=-1)


@misconception(
    "dot_score", "mean of the products", hint="How many numbers does a vector have, and who divides by that?"
)
def dot_mean(queries: Tensor, keys: Tensor) -> Tensor:
    return queries @ keys.mT / queries.shape[-1]


@misconception("dot_score", "cosines", hint="Make a key twice as long. What should happen to its score?")
def dot_cosines(queries: Tensor, keys: Tensor) -> Tensor:
    return F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).mT


@misconception(
    "dot_score", "keys of another sentence",
    hint="Shuffle the sentences of a batch. Does a score change with its neighbours?",
)
def dot_across_sentences(queries: Tensor, keys: Tensor) -> Tensor:
    return queries @ keys.sum(dim=0).T


# cosine_score


def _norms(x: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(x, dim=-1)
    return norms


@misconception("cosine_score", "0 / 0", hint="A vector of zeros has length zero. What do you divide by then?")
def cosine_nan(queries: Tensor, keys: Tensor) -> Tensor:
    return queries @ keys.mT / (_norms(queries).unsqueeze(2) * _norms(keys).unsqueeze(1))


@misconception(
    "cosine_score", "NaN in the gradient",
    hint="The scores are right. What is the slope of a root at zero, and of what you replaced afterwards?",
)
def cosine_nan_gradient(queries: Tensor, keys: Tensor) -> Tensor:
    lengths = (queries**2).sum(-1).sqrt().unsqueeze(2) * (keys**2).sum(-1).sqrt().unsqueeze(1)
    return torch.where(lengths > 0, queries @ keys.mT / lengths, 0.0)


@misconception("cosine_score", "not divided", hint="Make a key twice as long. Does its angle to the query change?")
def cosine_dot(queries: Tensor, keys: Tensor) -> Tensor:
    return queries @ keys.mT


@misconception("cosine_score", "one length only", hint="Make a query twice as long, then a key. Which scores change?")
def cosine_one_length(queries: Tensor, keys: Tensor) -> Tensor:
    return F.normalize(queries, dim=-1) @ keys.mT


@misconception("cosine_score", "squared lengths", hint="A vector with itself: its cosine should be one. What is yours?")
def cosine_squared(queries: Tensor, keys: Tensor) -> Tensor:
    lengths = (queries**2).sum(-1).unsqueeze(2) * (keys**2).sum(-1).unsqueeze(1)
    return queries @ keys.mT / lengths.masked_fill(lengths == 0, 1.0)


@misconception(
    "cosine_score", "length over the wrong axis", hint="Of what is the length: of one vector, or one column?"
)
def cosine_wrong_axis(queries: Tensor, keys: Tensor) -> Tensor:
    return F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).mT


@misconception(
    "cosine_score", "kept off zero by too much",
    hint="Score two short vectors that are parallel. How far from one are you?",
)
def cosine_kept_off(queries: Tensor, keys: Tensor) -> Tensor:
    return queries @ keys.mT / (_norms(queries).unsqueeze(2) * _norms(keys).unsqueeze(1) + 1e-3)


@misconception("cosine_score", "a distance", hint="The best key for a query should have the highest score. Has it?")
def cosine_distance(queries: Tensor, keys: Tensor) -> Tensor:
    return 1 - right.cosine_score(queries, keys)


@misconception(
    "cosine_score", "lengths detached", hint="The scores are right. Does the length take part when the vectors learn?"
)
def cosine_detached(queries: Tensor, keys: Tensor) -> Tensor:
    lengths = _norms(queries).unsqueeze(2) * _norms(keys).unsqueeze(1)
    return queries @ keys.mT / lengths.masked_fill(lengths == 0, 1.0).detach()


# general_score


@misconception(
    "general_score", "W from the other side", hint="W is d_q by d_k. Which of the two does it meet with which side?"
)
def general_transposed(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    return queries @ W.T @ keys.mT


@misconception("general_score", "W ignored", hint="Change W. Do your scores change?")
def general_without(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    return queries @ keys.mT + 0 * W.sum()


@misconception("general_score", "W on both sides", hint="How often does W stand in the equation?")
def general_twice(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    return (queries @ W) @ (keys @ W).mT


@misconception("general_score", "scaled", hint="Which score divides by something, this one or another?")
def general_scaled(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    return right.general_score(queries, keys, W) / math.sqrt(keys.shape[-1])


@misconception("general_score", "softmaxed", hint=SOFTMAXED)
def general_softmaxed(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    return right.general_score(queries, keys, W).softmax(dim=-1)


@misconception("general_score", "turned", hint=TURNED)
def general_turned(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    return right.general_score(queries, keys, W).mT


@misconception(
    "general_score", "squashed", hint="Look for a function around the product in the equation. Is there one?"
)
def general_squashed(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    return torch.tanh(right.general_score(queries, keys, W))


# additive_score


def _hidden(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor) -> Tensor:
    return (queries @ W_q).unsqueeze(2) + (keys @ W_k).unsqueeze(1)


@misconception("additive_score", "no tanh", hint="What keeps each hidden number between minus one and one?")
def additive_linear(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return _hidden(queries, keys, W_q, W_k) @ v


@misconception(
    "additive_score", "tanh of the parts", hint="How often does tanh stand in the equation, and around what?"
)
def additive_parts(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return (torch.tanh(queries @ W_q).unsqueeze(2) + torch.tanh(keys @ W_k).unsqueeze(1)) @ v


@misconception("additive_score", "v ignored", hint="Change v. Do your scores change?")
def additive_without_v(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return torch.tanh(_hidden(queries, keys, W_q, W_k)).sum(dim=-1) + 0 * v.sum()


@misconception("additive_score", "not added up", hint="How many numbers is one score? What does v do with the rest?")
def additive_not_summed(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return torch.tanh(_hidden(queries, keys, W_q, W_k)) * v


@misconception("additive_score", "ReLU for tanh", hint="Look again at the name of the function around the sum.")
def additive_relu(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return torch.relu(_hidden(queries, keys, W_q, W_k)) @ v


@misconception("additive_score", "sigmoid for tanh", hint="Which squashing function can also give negative numbers?")
def additive_sigmoid(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return torch.sigmoid(_hidden(queries, keys, W_q, W_k)) @ v


@misconception("additive_score", "softmaxed", hint=SOFTMAXED)
def additive_softmaxed(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return right.additive_score(queries, keys, W_q, W_k, v).softmax(dim=-1)


@misconception("additive_score", "turned", hint=TURNED)
def additive_turned(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return right.additive_score(queries, keys, W_q, W_k, v).mT


@misconception(
    "additive_score", "each query with one key", hint="How many sums do four queries and five keys give? Add an axis."
)
def additive_one_key(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return torch.tanh(queries @ W_q + keys @ W_k) @ v


@misconception("additive_score", "multiplied", hint="What stands between the two parts: a product or a sum?")
def additive_multiplied(queries: Tensor, keys: Tensor, W_q: Tensor, W_k: Tensor, v: Tensor) -> Tensor:
    return torch.tanh((queries @ W_q).unsqueeze(2) * (keys @ W_k).unsqueeze(1)) @ v


# concat_score


def _pairs(queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    n_q, n_k = queries.shape[1], keys.shape[1]
    return queries.unsqueeze(2).expand(-1, -1, n_k, -1), keys.unsqueeze(1).expand(-1, n_q, -1, -1)


def _sums(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    return torch.cat(_pairs(queries, keys), dim=-1) @ W


@misconception("concat_score", "[k; q]", hint="Which of the two comes first? The rows of W are in the same order.")
def concat_order(queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return torch.tanh(torch.cat(_pairs(queries, keys)[::-1], dim=-1) @ W + b).sum(dim=-1)


@misconception("concat_score", "no bias", hint="Score a query and a key that are all zeros: what should come out?")
def concat_without_bias(queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return torch.tanh(_sums(queries, keys, W)).sum(dim=-1)


@misconception("concat_score", "no tanh", hint="What keeps each hidden number between minus one and one?")
def concat_linear(queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return (_sums(queries, keys, W) + b).sum(dim=-1)


@misconception(
    "concat_score", "mean for sum", hint="What is done with the hidden numbers of a pair, and what do you do?"
)
def concat_mean(queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return torch.tanh(_sums(queries, keys, W) + b).mean(dim=-1)


@misconception("concat_score", "tanh of the sum", hint="Which comes first, tanh or the sum? Can your score pass one?")
def concat_tanh_last(queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return torch.tanh((_sums(queries, keys, W) + b).sum(dim=-1))


@misconception("concat_score", "not added up", hint="How many numbers is one score?")
def concat_not_summed(queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return torch.tanh(_sums(queries, keys, W) + b)


@misconception("concat_score", "softmaxed", hint=SOFTMAXED)
def concat_softmaxed(queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return right.concat_score(queries, keys, W, b).softmax(dim=-1)


@misconception("concat_score", "turned", hint=TURNED)
def concat_turned(queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return right.concat_score(queries, keys, W, b).mT


@misconception(
    "concat_score", "pairs in another order",
    hint="Number your pairs. Does pair (i, j) of the result hold query i, key j?",
)
def concat_repeated(queries: Tensor, keys: Tensor, W: Tensor, b: Tensor) -> Tensor:
    n_q, n_k = queries.shape[1], keys.shape[1]
    together = torch.cat([queries.repeat(1, n_k, 1), keys.repeat_interleave(n_q, dim=1)], dim=-1)
    return torch.tanh(together @ W + b).sum(dim=-1).reshape(-1, n_q, n_k)


# location_score


@misconception("location_score", "[k; q]", hint="Which of the two comes first? The rows of W are in the same order.")
def location_order(query: Tensor, key: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return torch.cat([key, query], dim=-1) @ W + b


@misconception("location_score", "no bias", hint="Score a query and a key that are all zeros: what should come out?")
def location_without_bias(query: Tensor, key: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return torch.cat([query, key], dim=-1) @ W


@misconception("location_score", "softmaxed", hint="Raw scores are asked for. What is the sum of a row of yours?")
def location_softmaxed(query: Tensor, key: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return right.location_score(query, key, W, b).softmax(dim=-1)


@misconception("location_score", "tanh", hint="One linear map: which function do you put on top of it?")
def location_squashed(query: Tensor, key: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return torch.tanh(right.location_score(query, key, W, b))


@misconception("location_score", "query only", hint="Change the key. Do your scores change?")
def location_query_only(query: Tensor, key: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return query @ W[: query.shape[-1]] + b + 0 * key.sum()


@misconception("location_score", "added up", hint="How many scores has a sentence of n_k positions?")
def location_summed(query: Tensor, key: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return right.location_score(query, key, W, b).sum(dim=-1)


@misconception("location_score", "bias added twice", hint="Score two zero vectors, and look at b beside the result.")
def location_bias_twice(query: Tensor, key: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return (query @ W[: query.shape[-1]] + b) + (key @ W[query.shape[-1] :] + b)
