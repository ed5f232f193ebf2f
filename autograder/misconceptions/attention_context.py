"""Named wrong answers to lesson 05: what to look at, and the context that comes of it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import misconception
from autograder.reference import attention as right

Pair = tuple[Tensor, Tensor]
Mask = Tensor | None
Chance = torch.Generator | None


# scaled_dot_product_attention


def _weights(scores: Tensor, mask: Mask, dim: int = -1) -> Tensor:
    if mask is None:
        return torch.softmax(scores, dim=dim)
    return torch.softmax(scores.masked_fill(~mask, -1e9), dim=dim).masked_fill(~mask, 0.0)


def _attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask, scale: float) -> Pair:
    weights = _weights(queries @ keys.mT * scale, mask)
    return weights @ values, weights


@misconception(
    "scaled_dot_product_attention", "not scaled",
    hint="How large is the dot product of two long vectors? What tames it?",
)
def scaled_not(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    return _attend(queries, keys, values, mask, 1.0)


@misconception(
    "scaled_dot_product_attention", "divided by d_k",
    hint="The variance of a dot product grows as d_k. And its usual size?",
)
def scaled_by_width(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    return _attend(queries, keys, values, mask, 1 / keys.shape[-1])


@misconception(
    "scaled_dot_product_attention", "scaled by the values' width", hint="The width of which vectors makes scores grow?"
)
def scaled_by_values(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    return _attend(queries, keys, values, mask, values.shape[-1] ** -0.5)


@misconception(
    "scaled_dot_product_attention", "scaled by the number of keys", hint="Add keys. Should the old scores change?"
)
def scaled_by_keys(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    return _attend(queries, keys, values, mask, keys.shape[1] ** -0.5)


@misconception("scaled_dot_product_attention", "multiplied by the root", hint="Do your scores grow or shrink with d_k?")
def scaled_upwards(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    return _attend(queries, keys, values, mask, keys.shape[-1] ** 0.5)


@misconception("scaled_dot_product_attention", "mask ignored", hint="Hide a key. Does its weight become zero?")
def scaled_unmasked(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    return right.scaled_dot_product_attention(queries, keys, values)


@misconception("scaled_dot_product_attention", "mask inverted", hint="Which keys may be looked at: where it is True?")
def scaled_inverted(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    return right.scaled_dot_product_attention(queries, keys, values, None if mask is None else ~mask)


@misconception(
    "scaled_dot_product_attention", "hidden after the softmax", hint="Hide a key, then add up its row of your weights."
)
def scaled_afterwards(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    weights = right.scaled_dot_product_attention(queries, keys, values)[1]
    weights = weights if mask is None else weights * mask
    return weights @ values, weights


@misconception(
    "scaled_dot_product_attention", "nothing left is uniform", hint="Hide every key of a query. What should it see?"
)
def scaled_uniform(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    scores = queries @ keys.mT / keys.shape[-1] ** 0.5
    weights = torch.softmax(scores if mask is None else scores.masked_fill(~mask, -1e9), dim=-1)
    return weights @ values, weights


@misconception(
    "scaled_dot_product_attention", "nothing left is NaN", hint="Hide every key of a query. What is divided by what?"
)
def scaled_nan(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    scores = queries @ keys.mT / keys.shape[-1] ** 0.5
    weights = torch.softmax(scores if mask is None else scores.masked_fill(~mask, -torch.inf), dim=-1)
    return weights @ values, weights


@misconception(
    "scaled_dot_product_attention", "hidden scores set to 0",
    hint="A score of 0 still gets a weight: e to the power of 0.",
)
def scaled_zeros(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    scores = queries @ keys.mT / keys.shape[-1] ** 0.5
    weights = torch.softmax(scores if mask is None else scores * mask, dim=-1)
    return weights @ values, weights


@misconception(
    "scaled_dot_product_attention", "softmax over the wrong axis",
    hint="Add up your weights along each axis. Which sums are one, and which should be?",
)
def scaled_wrong_axis(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    weights = _weights(queries @ keys.mT / keys.shape[-1] ** 0.5, mask, dim=1)
    return weights @ values, weights


@misconception(
    "scaled_dot_product_attention", "scores for weights", hint="Of score, normalise, weigh: which stage do you return?"
)
def scaled_scores(queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Pair:
    outputs, _ = right.scaled_dot_product_attention(queries, keys, values, mask)
    return outputs, queries @ keys.mT / keys.shape[-1] ** 0.5


# hard_attention


def _chosen(values: Tensor, index: Tensor) -> Tensor:
    return torch.take_along_dim(values, index.unsqueeze(-1), dim=1)


def _draw(p: Tensor, generator: Chance) -> Tensor:
    return torch.multinomial(p.flatten(0, -2), 1, generator=generator).view(p.shape[:-1])


def _hard(scores: Tensor, values: Tensor, generator: Chance, p: Tensor) -> Pair:
    index = scores.argmax(dim=-1) if generator is None else _draw(p, generator)
    return _chosen(values, index), index


@misconception("hard_attention", "soft", hint="How many values should take part in one output? How many do in yours?")
def hard_soft(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    _, index = right.hard_attention(scores, values, generator)
    return torch.softmax(scores, dim=-1) @ values, index


@misconception("hard_attention", "always the largest", hint="What changes when a generator is given?")
def hard_argmax(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    return right.hard_attention(scores, values)


@misconception(
    "hard_attention", "drawn without a generator", hint="Call it twice without a generator. Why the difference?"
)
def hard_always_drawn(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    index = _draw(torch.softmax(scores, dim=-1), generator)
    return _chosen(values, index), index


@misconception("hard_attention", "every key alike", hint="Draw often. Does a key with a high score come more often?")
def hard_uniform(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    return _hard(scores, values, generator, torch.ones_like(scores))


@misconception("hard_attention", "scores for probabilities", hint="What may a probability not be, and a score may?")
def hard_clamped(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    return _hard(scores, values, generator, scores.clamp(min=0) + 1e-6)


@misconception("hard_attention", "softmax over the queries", hint="Between what does one query choose?")
def hard_wrong_axis(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    return _hard(scores, values, generator, torch.softmax(scores, dim=1))


@misconception(
    "hard_attention", "global generator", hint="You were given a source of randomness. Who else draws from yours?"
)
def hard_global(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    index = scores.argmax(dim=-1) if generator is None else _draw(torch.softmax(scores, dim=-1), None)
    return _chosen(values, index), index


@misconception(
    "hard_attention", "one draw for a sentence",
    hint="Draw for a sentence of many queries. May two of them look elsewhere?",
)
def hard_one_draw(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    if generator is None:
        return right.hard_attention(scores, values)
    index = _draw(torch.softmax(scores[:, 0], dim=-1), generator).unsqueeze(1).expand(scores.shape[:2])
    return _chosen(values, index), index


@misconception(
    "hard_attention", "seeded at every call", hint="Call it twice with one generator. Should the draws be the same?"
)
def hard_reseeded(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    if generator is not None:
        generator.manual_seed(generator.initial_seed())
    return right.hard_attention(scores, values, generator)


@misconception("hard_attention", "an axis too many", hint="Print the shape of your index. What is the last axis for?")
def hard_axis(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    outputs, index = right.hard_attention(scores, values, generator)
    return outputs, index.unsqueeze(-1)


@misconception("hard_attention", "values of other sentences", hint="Query and value are of one sentence. Are yours?")
def hard_first_sentence(scores: Tensor, values: Tensor, generator: Chance = None) -> Pair:
    _, index = right.hard_attention(scores, values, generator)
    return values[0][index], index


# local_attention_weights


def _distance(scores: Tensor, centers: Tensor) -> Tensor:
    return torch.arange(scores.shape[-1], device=scores.device, dtype=scores.dtype) - centers.unsqueeze(-1)


def _gaussian(distance: Tensor, sigma: float) -> Tensor:
    return torch.exp(-(distance**2) / (2 * sigma**2))


@misconception("local_attention_weights", "centre rounded", hint="May a window sit between two positions?")
def local_rounded(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    return right.local_attention_weights(scores, centers.round(), window)


@misconception("local_attention_weights", "centre cut off", hint="What does `.long()` make of 3.9, and is it wanted?")
def local_floored(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    return right.local_attention_weights(scores, centers.floor(), window)


@misconception(
    "local_attention_weights", "renormalised", hint="Is the sum of a row one? Should it be, after the Gaussian?"
)
def local_renormalised(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    weights = right.local_attention_weights(scores, centers, window)
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-30)


@misconception("local_attention_weights", "σ = window", hint="How wide is the Gaussian, compared with the window?")
def local_wide(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    distance = _distance(scores, centers)
    return right.masked_softmax(scores, distance.abs() <= window) * _gaussian(distance, window)


@misconception(
    "local_attention_weights", "σ not squared", hint="Read the exponent of the Gaussian again, every power of it."
)
def local_not_squared(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    distance = _distance(scores, centers)
    return right.masked_softmax(scores, distance.abs() <= window) * torch.exp(-(distance**2) / window)


@misconception("local_attention_weights", "no Gaussian", hint="Within the window: does a near position count more?")
def local_flat(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    return right.masked_softmax(scores, _distance(scores, centers).abs() <= window)


@misconception("local_attention_weights", "scores ignored", hint="Change the scores. Do your weights change?")
def local_without_scores(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    distance = _distance(scores, centers)
    return _gaussian(distance, window / 2) * (distance.abs() <= window)


@misconception(
    "local_attention_weights", "no window", hint="How large is a weight far from the centre? Should it be 0?"
)
def local_global(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    return torch.softmax(scores, dim=-1) * _gaussian(_distance(scores, centers), window / 2)


@misconception(
    "local_attention_weights", "window after the softmax",
    hint="Over which positions does the softmax run, and should it?",
)
def local_cut_afterwards(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    distance = _distance(scores, centers)
    return torch.softmax(scores, dim=-1) * (distance.abs() <= window) * _gaussian(distance, window / 2)


@misconception("local_attention_weights", "border left out", hint="Is a position that is `window` away inside?")
def local_strict(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    distance = _distance(scores, centers)
    return right.masked_softmax(scores, distance.abs() < window) * _gaussian(distance, window / 2)


@misconception(
    "local_attention_weights", "Gaussian inside the softmax", hint="In which order: the softmax first, or the Gaussian?"
)
def local_inside(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    distance = _distance(scores, centers)
    return right.masked_softmax(scores * _gaussian(distance, window / 2), distance.abs() <= window)


@misconception(
    "local_attention_weights", "an empty window is NaN", hint="A centre far outside: what is left to divide?"
)
def local_nan(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    distance = _distance(scores, centers)
    inside = scores.masked_fill(distance.abs() > window, -torch.inf)
    return torch.softmax(inside, dim=-1) * _gaussian(distance, window / 2)


@misconception(
    "local_attention_weights", "centre detached",
    hint="The weights are right. Can the centre still learn where to look?",
)
def local_detached(scores: Tensor, centers: Tensor, window: float) -> Tensor:
    return right.local_attention_weights(scores, centers.detach(), window)


# attend_and_combine


def _context(weights: Tensor, values: Tensor) -> Tensor:
    return (weights.unsqueeze(-1) * values).sum(dim=1)


@misconception(
    "attend_and_combine", "[context; query]", hint="Which of the two comes first? The rows of W are in the same order."
)
def combine_order(query: Tensor, attention_weights: Tensor, values: Tensor, W: Tensor, b: Tensor) -> Pair:
    context = _context(attention_weights, values)
    return torch.cat([context, query], dim=-1) @ W + b, context


@misconception("attend_and_combine", "no bias", hint="All zeros in: what should come out?")
def combine_without_bias(query: Tensor, attention_weights: Tensor, values: Tensor, W: Tensor, b: Tensor) -> Pair:
    output, context = right.attend_and_combine(query, attention_weights, values, W, torch.zeros_like(b))
    return output, context


@misconception(
    "attend_and_combine", "normalised again", hint="The weights that you are given: what is the sum of a row already?"
)
def combine_softmaxed(query: Tensor, attention_weights: Tensor, values: Tensor, W: Tensor, b: Tensor) -> Pair:
    return right.attend_and_combine(query, attention_weights.softmax(dim=-1), values, W, b)


@misconception("attend_and_combine", "plain mean", hint="Change the weights. Does your context change?")
def combine_mean(query: Tensor, attention_weights: Tensor, values: Tensor, W: Tensor, b: Tensor) -> Pair:
    return right.attend_and_combine(query, torch.ones_like(attention_weights) / values.shape[1], values, W, b)


@misconception("attend_and_combine", "mean of the weighted", hint="The weights sum to one. Is there more to divide by?")
def combine_divided(query: Tensor, attention_weights: Tensor, values: Tensor, W: Tensor, b: Tensor) -> Pair:
    return right.attend_and_combine(query, attention_weights / values.shape[1], values, W, b)


@misconception("attend_and_combine", "tanh", hint="One linear map: which function do you put on top of it?")
def combine_squashed(query: Tensor, attention_weights: Tensor, values: Tensor, W: Tensor, b: Tensor) -> Pair:
    output, context = right.attend_and_combine(query, attention_weights, values, W, b)
    return torch.tanh(output), context


@misconception("attend_and_combine", "results swapped", hint="In which order are the two results asked for?")
def combine_swapped(query: Tensor, attention_weights: Tensor, values: Tensor, W: Tensor, b: Tensor) -> Pair:
    output, context = right.attend_and_combine(query, attention_weights, values, W, b)
    return context, output


@misconception(
    "attend_and_combine", "the best value only",
    hint="How many values take part in the context? Which weights are lost?",
)
def combine_hard(query: Tensor, attention_weights: Tensor, values: Tensor, W: Tensor, b: Tensor) -> Pair:
    hard = F.one_hot(attention_weights.argmax(dim=-1), values.shape[1]).to(values.dtype)
    return right.attend_and_combine(query, hard, values, W, b)
