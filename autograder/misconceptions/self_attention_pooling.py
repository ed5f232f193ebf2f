"""Named wrong answers to lesson 06: pooling, external memories, experts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import misconception
from autograder.reference import self_attention as right

Pair = tuple[Tensor, Tensor]
Experts = list[tuple[Tensor, ...]]


# attention_pooling


def _real(hidden: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]


def _pooled(hidden: Tensor, weights: Tensor) -> Pair:
    return torch.einsum("bs,bsd->bd", weights, hidden), weights


@misconception("attention_pooling", "scaled", hint="This score is the plain dot product. Is yours?")
def pool_scaled(hidden: Tensor, query: Tensor, lengths: Tensor) -> Pair:
    return right.attention_pooling(hidden, query / len(query) ** 0.5, lengths)


@misconception(
    "attention_pooling", "padding counts", hint="What is the weight of a position behind the end of its row?"
)
def pool_padding(hidden: Tensor, query: Tensor, lengths: Tensor) -> Pair:
    return _pooled(hidden, (hidden @ query).softmax(dim=1))


@misconception("attention_pooling", "padding removed too late", hint="Add up the weights of a short row.")
def pool_masked_late(hidden: Tensor, query: Tensor, lengths: Tensor) -> Pair:
    return _pooled(hidden, (hidden @ query).softmax(dim=1) * _real(hidden, lengths))


@misconception("attention_pooling", "a score of zero for padding", hint="Is the exponential of zero zero?")
def pool_zero_scores(hidden: Tensor, query: Tensor, lengths: Tensor) -> Pair:
    return _pooled(hidden, ((hidden @ query) * _real(hidden, lengths)).softmax(dim=1))


@misconception("attention_pooling", "the mean of the real tokens", hint="Do your weights depend on the query at all?")
def pool_mean(hidden: Tensor, query: Tensor, lengths: Tensor) -> Pair:
    return right.attention_pooling(hidden, 0 * query, lengths)


@misconception("attention_pooling", "softmax over the batch", hint="Between which places is the attention shared out?")
def pool_over_batch(hidden: Tensor, query: Tensor, lengths: Tensor) -> Pair:
    scores = (hidden @ query).masked_fill(~_real(hidden, lengths), -1e30)
    return _pooled(hidden, scores.softmax(dim=0) * _real(hidden, lengths))


@misconception("attention_pooling", "one length for all", hint="Rows end at different places. Does each row of yours?")
def pool_longest(hidden: Tensor, query: Tensor, lengths: Tensor) -> Pair:
    return right.attention_pooling(hidden, query, lengths.max().expand_as(lengths))


@misconception("attention_pooling", "one position too far", hint="A row of length 3 has positions 0, 1, 2. And yours?")
def pool_too_far(hidden: Tensor, query: Tensor, lengths: Tensor) -> Pair:
    return right.attention_pooling(hidden, query, lengths + 1)


@misconception("attention_pooling", "the best position alone", hint="How many positions have a weight above zero?")
def pool_hard(hidden: Tensor, query: Tensor, lengths: Tensor) -> Pair:
    weights = right.attention_pooling(hidden, query, lengths)[1]
    return _pooled(hidden, F.one_hot(weights.argmax(dim=1), hidden.shape[1]).to(hidden.dtype))


# external_attention


@misconception("external_attention", "softmax over the slots", hint="Over which axis goes the first normalisation?")
def external_over_slots(X: Tensor, M_k: Tensor, M_v: Tensor) -> Tensor:
    return (X @ M_k.T).softmax(dim=2) @ M_v


@misconception("external_attention", "the second division missing", hint="Does a position's row of weights sum to one?")
def external_once(X: Tensor, M_k: Tensor, M_v: Tensor) -> Tensor:
    return (X @ M_k.T).softmax(dim=1) @ M_v


@misconception("external_attention", "slots first, then positions", hint="Which of your two normalisations comes last?")
def external_swapped(X: Tensor, M_k: Tensor, M_v: Tensor) -> Tensor:
    weights = (X @ M_k.T).softmax(dim=2)
    return weights / weights.sum(dim=1, keepdim=True) @ M_v


@misconception("external_attention", "scaled", hint="Are the scores of this layer divided by anything?")
def external_scaled(X: Tensor, M_k: Tensor, M_v: Tensor) -> Tensor:
    return right.external_attention(X, M_k / M_k.shape[1] ** 0.5, M_v)


@misconception("external_attention", "two softmaxes", hint="The second step divides. Does it take exponentials again?")
def external_softmax_twice(X: Tensor, M_k: Tensor, M_v: Tensor) -> Tensor:
    return (X @ M_k.T).softmax(dim=1).softmax(dim=2) @ M_v


@misconception(
    "external_attention", "an epsilon", hint="A row may sum to very little. What does the number you added do then?"
)
def external_epsilon(X: Tensor, M_k: Tensor, M_v: Tensor) -> Tensor:
    weights = (X @ M_k.T).softmax(dim=1)
    return weights / (weights.sum(dim=2, keepdim=True) + 1e-9) @ M_v


@misconception(
    "external_attention", "softmax over the batch", hint="Does a sentence's result change with its neighbours?"
)
def external_over_batch(X: Tensor, M_k: Tensor, M_v: Tensor) -> Tensor:
    weights = (X @ M_k.T).softmax(dim=0)
    return weights / weights.sum(dim=2, keepdim=True) @ M_v


@misconception(
    "external_attention", "one memory for both", hint="Two memories are given. Which of them do you never use?"
)
def external_one_memory(X: Tensor, M_k: Tensor, M_v: Tensor) -> Tensor:
    return right.external_attention(X, M_k, M_k)


# mixture_of_experts_attention


def _each(X: Tensor, experts: Experts, scale: float | None = None) -> Tensor:
    """What every expert says, (batch, seq, d_model, num_experts); its scores times another scale than 1/√d_k."""
    said = []
    for W_q, W_k, W_v, W_o in experts:
        scores = X @ W_q @ (X @ W_k).mT * (W_k.shape[1] ** -0.5 if scale is None else scale)
        said.append(scores.softmax(dim=-1) @ (X @ W_v) @ W_o)
    return torch.stack(said, dim=3)


def _share(gates: Tensor, top_k: int, largest: bool = True) -> Tensor:
    chosen = gates.topk(top_k, dim=-1, largest=largest)
    return torch.zeros_like(gates).scatter(-1, chosen.indices, chosen.values.softmax(dim=-1))


def _mixed(said: Tensor, share: Tensor) -> Tensor:
    return torch.einsum("bsde,bse->bsd", said, share)


@misconception(
    "mixture_of_experts_attention", "softmax before the choice", hint="Do the shares of the chosen experts sum to one?"
)
def mix_not_renormalised(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    gates = (X @ W_gate).softmax(dim=2)
    chosen = gates.topk(top_k, dim=2)
    return _mixed(_each(X, experts), torch.zeros_like(gates).scatter(2, chosen.indices, chosen.values))


@misconception("mixture_of_experts_attention", "all experts", hint="How many experts may speak at one position?")
def mix_all(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    return _mixed(_each(X, experts), (X @ W_gate).softmax(dim=2))


@misconception(
    "mixture_of_experts_attention", "equal shares", hint="Two experts are chosen. Does the better one count more?"
)
def mix_equal(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    return _mixed(_each(X, experts), (_share(X @ W_gate, top_k) > 0).to(X.dtype) / top_k)


@misconception("mixture_of_experts_attention", "gates as they are", hint="A gate can be negative. Can a share?")
def mix_raw_gates(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    gates = X @ W_gate
    chosen = gates.topk(top_k, dim=2)
    return _mixed(_each(X, experts), torch.zeros_like(gates).scatter(2, chosen.indices, chosen.values))


@misconception(
    "mixture_of_experts_attention", "the lowest gates", hint="Is the expert you take the one with the best gate?"
)
def mix_lowest(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    return _mixed(_each(X, experts), _share(X @ W_gate, top_k, largest=False))


@misconception(
    "mixture_of_experts_attention", "the first experts", hint="Place 0 of the chosen ones: is that always expert 0?"
)
def mix_by_rank(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    share = (X @ W_gate).topk(top_k, dim=2).values.softmax(dim=2)
    return _mixed(_each(X, experts[:top_k]), share)


@misconception(
    "mixture_of_experts_attention", "one choice for a whole sequence",
    hint="May two words of a sentence differ in experts?",
)
def mix_by_sequence(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    gates = (X @ W_gate).mean(dim=1, keepdim=True)
    return _mixed(_each(X, experts), _share(gates, top_k).expand(-1, X.shape[1], -1))


@misconception(
    "mixture_of_experts_attention", "experts see their own positions only",
    hint="An expert answers for some positions. Which positions may it look at?",
)
def mix_routed(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    share = _share(X @ W_gate, top_k)
    said = [
        right.self_attention(X, W_q, W_k, W_v, (share[:, None, :, e] > 0).expand(-1, X.shape[1], -1))[0] @ W_o
        for e, (W_q, W_k, W_v, W_o) in enumerate(experts)
    ]
    return _mixed(torch.stack(said, dim=3), share)


@misconception(
    "mixture_of_experts_attention", "not scaled", hint="Each expert is an attention like any other. Its scores?"
)
def mix_unscaled(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    return _mixed(_each(X, experts, scale=1.0), _share(X @ W_gate, top_k))


@misconception(
    "mixture_of_experts_attention", "scaled by d_model",
    hint="Experts may be of different size. By what is each scaled?",
)
def mix_scaled_by_model(X: Tensor, experts: Experts, W_gate: Tensor, top_k: int) -> Tensor:
    return _mixed(_each(X, experts, scale=X.shape[2] ** -0.5), _share(X @ W_gate, top_k))
