"""Named wrong answers to lesson 06: heads."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from autograder.exercise import misconception
from autograder.reference import self_attention as right

Mask = Tensor | None


# split_heads


@misconception(
    "split_heads", "cut up without moving an axis", hint="Does head 0 of your result hold columns, or whole rows of X?"
)
def split_by_reshape(X: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = X.shape
    return X.reshape(batch, num_heads, seq, d_model // num_heads)


@misconception("split_heads", "every so-many-th column", hint="Are the columns of one head neighbours in X?")
def split_interleaved(X: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = X.shape
    return X.reshape(batch, seq, d_model // num_heads, num_heads).permute(0, 3, 1, 2)


@misconception("split_heads", "positions before heads", hint="Which axis comes second in the shape that is asked for?")
def split_positions_first(X: Tensor, num_heads: int) -> Tensor:
    return X.reshape(*X.shape[:2], num_heads, -1)


@misconception(
    "split_heads", "heads folded into the batch", hint="How many axes has your result, and how many are asked?"
)
def split_into_batch(X: Tensor, num_heads: int) -> Tensor:
    return right.split_heads(X, num_heads).flatten(0, 1)


@misconception(
    "split_heads", "number and size exchanged", hint="Three heads of four columns are not four heads of three."
)
def split_exchanged(X: Tensor, num_heads: int) -> Tensor:
    return X.reshape(*X.shape[:2], -1, num_heads).transpose(1, 2)


@misconception("split_heads", "a list of heads", hint="One tensor is asked for. Which function makes one of several?")
def split_listed(X: Tensor, num_heads: int) -> list[Tensor]:
    return list(X.chunk(num_heads, dim=2))


@misconception("split_heads", "columns before positions", hint="Each head should be a small X: which axis is its last?")
def split_transposed(X: Tensor, num_heads: int) -> Tensor:
    return right.split_heads(X, num_heads).transpose(2, 3)


# merge_heads


@misconception(
    "merge_heads", "joined without moving an axis", hint="Whose columns stand side by side in one row of your result?"
)
def merge_by_reshape(X: Tensor, num_heads: int) -> Tensor:
    return X.reshape(X.shape[0], X.shape[2], -1)


@misconception(
    "merge_heads", "view of a transposed tensor",
    hint="A transposed tensor is no longer in order in memory; `view` minds.",
)
def merge_by_view(X: Tensor, num_heads: int) -> Tensor:
    return X.transpose(1, 2).view(X.shape[0], X.shape[2], num_heads * X.shape[3])


@misconception("merge_heads", "columns interleaved", hint="Split, then merge: do you get back what you began with?")
def merge_interleaved(X: Tensor, num_heads: int) -> Tensor:
    return X.permute(0, 2, 3, 1).flatten(2)


@misconception("merge_heads", "mean of the heads", hint="How many columns has your result? Nothing should get lost.")
def merge_mean(X: Tensor, num_heads: int) -> Tensor:
    return X.mean(dim=1)


@misconception("merge_heads", "heads behind each other", hint="Which axis grew: the positions, or the columns?")
def merge_along_positions(X: Tensor, num_heads: int) -> Tensor:
    return X.flatten(1, 2)


@misconception(
    "merge_heads", "positions and columns exchanged", hint="Follow one row of one head: where does it end up?"
)
def merge_exchanged(X: Tensor, num_heads: int) -> Tensor:
    return X.transpose(2, 3).reshape(X.shape[0], X.shape[2], -1)


# MultiHeadAttention


class _Heads(right.MultiHeadAttention):
    """The right answer in parts, each to be replaced."""

    def split(self, X: Tensor) -> Tensor:
        return right.split_heads(X, self.num_heads)

    def merge(self, X: Tensor) -> Tensor:
        return right.merge_heads(X, self.num_heads)

    def scale(self, Q: Tensor) -> float:
        return float(Q.shape[-1] ** -0.5)

    def per_head(self, mask: Tensor) -> Tensor:
        return mask.unsqueeze(1) if mask.dim() == 3 else mask

    def weigh(self, scores: Tensor, mask: Mask) -> Tensor:
        if mask is None:
            return scores.softmax(-1)
        return scores.masked_fill(~mask, -1e30).softmax(-1) * mask

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Tensor:
        Q, K, V = self.split(self.W_q(queries)), self.split(self.W_k(keys)), self.split(self.W_v(values))
        weights = self.weigh(Q @ K.mT * self.scale(Q), None if mask is None else self.per_head(mask))
        return self.mix(self.merge(weights @ V))

    def mix(self, X: Tensor) -> Tensor:
        return cast(Tensor, self.W_o(X))


@misconception("MultiHeadAttention", "scaled by d_model", hint="How long are the vectors that one head multiplies?")
class ModelScaled(_Heads):
    def scale(self, Q: Tensor) -> float:
        return float(self.W_q.in_features**-0.5)


@misconception(
    "MultiHeadAttention", "not scaled", hint="Compare your scores with the equation of one head. What is missing?"
)
class Unscaled(_Heads):
    def scale(self, Q: Tensor) -> float:
        return 1.0


@misconception(
    "MultiHeadAttention", "one head only", hint="Change the number of heads. Should the result stay the same?"
)
class OneHead(_Heads):
    def __init__(self, d_model: int, num_heads: int) -> None:
        super().__init__(d_model, 1)


@misconception("MultiHeadAttention", "no W_o", hint="Four matrices are declared. How many of them does `forward` use?")
class WithoutOutput(_Heads):
    def mix(self, X: Tensor) -> Tensor:
        return X


@misconception(
    "MultiHeadAttention", "split without moving an axis", hint="Head 0: does it see all words, or all columns of some?"
)
class SplitByReshape(_Heads):
    def split(self, X: Tensor) -> Tensor:
        return X.reshape(len(X), self.num_heads, X.shape[1], -1)


@misconception(
    "MultiHeadAttention", "merged without moving an axis", hint="After the heads: whose results meet in one row again?"
)
class MergeByReshape(_Heads):
    def merge(self, X: Tensor) -> Tensor:
        return X.reshape(len(X), X.shape[2], -1)


@misconception(
    "MultiHeadAttention", "interleaved heads", hint="Which columns belong to head 0: neighbours, or every so many?"
)
class Interleaved(_Heads):
    def split(self, X: Tensor) -> Tensor:
        return X.reshape(*X.shape[:2], -1, self.num_heads).permute(0, 3, 1, 2)

    def merge(self, X: Tensor) -> Tensor:
        return X.permute(0, 2, 3, 1).flatten(2)


@misconception(
    "MultiHeadAttention", "a row's mask given to a head",
    hint="Scores have an axis for heads, your mask has none. With which axis does its first one line up?",
)
class MaskOfHeads(_Heads):
    def per_head(self, mask: Tensor) -> Tensor:
        return mask


@misconception(
    "MultiHeadAttention", "masks in another order than heads",
    hint="Batch and heads lie on one axis now. Does the mask repeat in the same order as the rows?",
)
class MasksRepeated(_Heads):
    def per_head(self, mask: Tensor) -> Tensor:
        if mask.dim() != 3:
            return mask
        return mask.repeat(self.num_heads, 1, 1).reshape(len(mask), self.num_heads, *mask.shape[1:])


@misconception("MultiHeadAttention", "the mask upside down", hint="Is a key whose place is True shown, or hidden?")
class Inverted(_Heads):
    def per_head(self, mask: Tensor) -> Tensor:
        return ~super().per_head(mask)


@misconception(
    "MultiHeadAttention", "a blind query sees all", hint="All places of a query are False. What should it get?"
)
class BlindUniform(_Heads):
    def weigh(self, scores: Tensor, mask: Mask) -> Tensor:
        return scores.softmax(-1) if mask is None else scores.masked_fill(~mask, -1e30).softmax(-1)


@misconception(
    "MultiHeadAttention", "NaN for a blind query", hint="Which queries give NaN? Look at their rows of the mask."
)
class BlindNaN(_Heads):
    def weigh(self, scores: Tensor, mask: Mask) -> Tensor:
        return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1)


@misconception(
    "MultiHeadAttention", "NaN in the gradient",
    hint="The outputs are right: NaN was replaced after the softmax. On the way back, what does it multiply?",
)
class GradientNaN(_Heads):
    def weigh(self, scores: Tensor, mask: Mask) -> Tensor:
        if mask is None:
            return scores.softmax(-1)
        return (scores + torch.zeros_like(scores).masked_fill(~mask, -torch.inf)).softmax(-1).nan_to_num(0.0)


@misconception("MultiHeadAttention", "keys ignored", hint="Three inputs arrive. Whose projection are your keys?")
class OnlyQueries(_Heads):
    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Tensor:
        return super().forward(queries, queries, values, mask)


@misconception(
    "MultiHeadAttention", "values ignored", hint="Give other values with the same keys. Does the result change?"
)
class OnlyKeys(_Heads):
    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Tensor:
        return super().forward(queries, keys, keys, mask)


@misconception("MultiHeadAttention", "biases", hint="Count the parameters: how many has a layer without an offset?")
class Biased(_Heads):
    def __init__(self, d_model: int, num_heads: int) -> None:
        super().__init__(d_model, num_heads)
        for name in ("W_q", "W_k", "W_v", "W_o"):
            setattr(self, name, nn.Linear(d_model, d_model))
