"""Named wrong answers to lesson 05: attention inside a decoder, and the alignment error."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autograder.exercise import misconception
from autograder.reference import attention as right

Step = tuple[Tensor, Tensor, Tensor]


# BahdanauDecoder


class _Decoder(right.BahdanauDecoder):
    """The right decoder in parts, for the wrong ones to change one of them."""

    def step(self, ids: Tensor, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Step:
        embedded = self.embedding(ids)
        weights = self.look(state, encoder_outputs, mask)
        context = self.context(weights, encoder_outputs)
        new = self.rnn(self.reads(embedded, context), state)
        return self.output(self.says(new, context, embedded, state)), new, weights

    def scores(self, state: Tensor, encoder_outputs: Tensor) -> Tensor:
        found: Tensor = self.v(torch.tanh(self.W_q(state).unsqueeze(1) + self.W_k(encoder_outputs))).squeeze(-1)
        return found

    def look(self, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Tensor:
        return right.masked_softmax(self.scores(state, encoder_outputs), mask)

    def context(self, weights: Tensor, encoder_outputs: Tensor) -> Tensor:
        return torch.einsum("bk,bkd->bd", weights, encoder_outputs)

    def reads(self, embedded: Tensor, context: Tensor) -> Tensor:
        return torch.cat([embedded, context], dim=-1)

    def says(self, new: Tensor, context: Tensor, embedded: Tensor, old: Tensor) -> Tensor:
        return torch.cat([new, context, embedded], dim=-1)


@misconception(
    "BahdanauDecoder", "looks with the new state", hint="Which state is known before the step, when it has to look?"
)
class LateDecoder(_Decoder):
    def step(self, ids: Tensor, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Step:
        embedded = self.embedding(ids)
        first = self.context(self.look(state, encoder_outputs, mask), encoder_outputs)
        new = self.rnn(self.reads(embedded, first), state)
        weights = self.look(new, encoder_outputs, mask)
        context = self.context(weights, encoder_outputs)
        return self.output(self.says(new, context, embedded, state)), new, weights


@misconception(
    "BahdanauDecoder", "cell reads [context; embedding]", hint="In which order does the cell read its two parts?"
)
class CellOrderDecoder(_Decoder):
    def reads(self, embedded: Tensor, context: Tensor) -> Tensor:
        return torch.cat([context, embedded], dim=-1)


@misconception(
    "BahdanauDecoder", "output reads [state; embedding; context]", hint="In which order does the output read its parts?"
)
class OutputOrderDecoder(_Decoder):
    def says(self, new: Tensor, context: Tensor, embedded: Tensor, old: Tensor) -> Tensor:
        return torch.cat([new, embedded, context], dim=-1)


@misconception(
    "BahdanauDecoder", "output reads [context; state; embedding]",
    hint="The output reads three parts. Which one comes first?",
)
class OutputOtherOrderDecoder(_Decoder):
    def says(self, new: Tensor, context: Tensor, embedded: Tensor, old: Tensor) -> Tensor:
        return torch.cat([context, new, embedded], dim=-1)


@misconception(
    "BahdanauDecoder", "output reads the old state",
    hint="Does the word just read have a say, through the state, in the next?",
)
class OldStateDecoder(_Decoder):
    def says(self, new: Tensor, context: Tensor, embedded: Tensor, old: Tensor) -> Tensor:
        return torch.cat([old, context, embedded], dim=-1)


@misconception("BahdanauDecoder", "mask ignored", hint="Change what stands at the padding. Why do your logits change?")
class UnmaskedDecoder(_Decoder):
    def look(self, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Tensor:
        return self.scores(state, encoder_outputs).softmax(dim=-1)


@misconception("BahdanauDecoder", "mask inverted", hint="Does True in the mask mean a word or padding?")
class InvertedDecoder(_Decoder):
    def look(self, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Tensor:
        return right.masked_softmax(self.scores(state, encoder_outputs), ~mask)


@misconception(
    "BahdanauDecoder", "hidden after the softmax", hint="Pad a sentence, then add up the weights of its words."
)
class LateMaskDecoder(_Decoder):
    def look(self, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Tensor:
        return self.scores(state, encoder_outputs).softmax(dim=-1) * mask


@misconception("BahdanauDecoder", "padding alone is NaN", hint="A sentence of padding alone: what is divided by what?")
class NaNDecoder(_Decoder):
    def look(self, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Tensor:
        return self.scores(state, encoder_outputs).masked_fill(~mask, -torch.inf).softmax(dim=-1)


@misconception(
    "BahdanauDecoder", "padding alone is uniform", hint="A sentence of padding alone: where does your decoder look?"
)
class UniformDecoder(_Decoder):
    def look(self, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Tensor:
        return self.scores(state, encoder_outputs).masked_fill(~mask, -1e9).softmax(dim=-1)


@misconception("BahdanauDecoder", "no tanh in the score", hint="Which function stands between v and the sum?")
class LinearDecoder(_Decoder):
    def scores(self, state: Tensor, encoder_outputs: Tensor) -> Tensor:
        found: Tensor = self.v(self.W_q(state).unsqueeze(1) + self.W_k(encoder_outputs)).squeeze(-1)
        return found


@misconception("BahdanauDecoder", "softmax over the batch", hint="Add up the weights of one sentence. Is it one?")
class BatchDecoder(_Decoder):
    def look(self, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Tensor:
        hidden = self.scores(state, encoder_outputs).masked_fill(~mask, -1e9)
        return hidden.softmax(dim=0).masked_fill(~mask, 0.0)


@misconception("BahdanauDecoder", "probabilities", hint="Logits are scores before they are made to sum to one.")
class ProbabilityDecoder(_Decoder):
    def step(self, ids: Tensor, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Step:
        logits, new, weights = super().step(ids, state, encoder_outputs, mask)
        return logits.softmax(dim=-1), new, weights


@misconception(
    "BahdanauDecoder", "scores have biases", hint="Print the names of your parameters. Which are not asked for?"
)
class BiasedDecoder(_Decoder):
    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, d_encoder: int) -> None:
        super().__init__(vocab_size, d_embed, d_hidden, d_encoder)
        self.W_q = nn.Linear(d_hidden, d_hidden)
        self.W_k = nn.Linear(d_encoder, d_hidden)
        self.v = nn.Linear(d_hidden, 1)


@misconception(
    "BahdanauDecoder", "state detached", hint="The numbers are right. Can a loss at this step reach the step before?"
)
class DetachedDecoder(_Decoder):
    def step(self, ids: Tensor, state: Tensor, encoder_outputs: Tensor, mask: Tensor) -> Step:
        return super().step(ids, state.detach(), encoder_outputs, mask)


# luong_output


@misconception("luong_output", "[state; context]", hint="Which comes first? The rows of W_c are in the same order.")
def luong_order(state: Tensor, context: Tensor, W_c: Tensor) -> Tensor:
    return torch.tanh(torch.cat([state, context], dim=-1) @ W_c)


@misconception("luong_output", "no tanh", hint="Every number of the result lies in a fixed range. Do yours?")
def luong_linear(state: Tensor, context: Tensor, W_c: Tensor) -> Tensor:
    return torch.cat([context, state], dim=-1) @ W_c


@misconception("luong_output", "sigmoid for tanh", hint="Which squashing function can also give negative numbers?")
def luong_sigmoid(state: Tensor, context: Tensor, W_c: Tensor) -> Tensor:
    return torch.sigmoid(torch.cat([context, state], dim=-1) @ W_c)


@misconception("luong_output", "ReLU for tanh", hint="Look again at the name of the function in the equation.")
def luong_relu(state: Tensor, context: Tensor, W_c: Tensor) -> Tensor:
    return torch.relu(torch.cat([context, state], dim=-1) @ W_c)


@misconception("luong_output", "tanh of the parts", hint="How often does tanh stand in the equation, and around what?")
def luong_parts(state: Tensor, context: Tensor, W_c: Tensor) -> Tensor:
    d_c = context.shape[-1]
    return torch.tanh(context @ W_c[:d_c]) + torch.tanh(state @ W_c[d_c:])


@misconception("luong_output", "state added", hint="Set W_c to zero. What should be left, and what is left?")
def luong_residual(state: Tensor, context: Tensor, W_c: Tensor) -> Tensor:
    return state + right.luong_output(state, context, W_c)


# alignment_error_rate


def _links(weights: Tensor) -> Tensor:
    return nn.functional.one_hot(weights.argmax(dim=-1), weights.shape[-1]).bool()


def _rate(links: Tensor, sure: Tensor, possible: Tensor) -> float:
    found = int((links & sure).sum()) + int((links & possible).sum())
    return 1 - found / max(int(links.sum()) + int(sure.sum()), 1)


@misconception("alignment_error_rate", "the rate of success", hint="What is the rate of a perfect alignment?")
def error_turned(weights: Tensor, sure: Tensor, possible: Tensor) -> float:
    return 1 - _rate(_links(weights), sure, possible)


@misconception(
    "alignment_error_rate", "possible without sure",
    hint="Is every sure link a possible one too? Count it where it counts.",
)
def error_possible_only(weights: Tensor, sure: Tensor, possible: Tensor) -> float:
    return _rate(_links(weights), sure, possible & ~sure)


@misconception("alignment_error_rate", "sure links only", hint="Is a link that is only possible a mistake?")
def error_sure_only(weights: Tensor, sure: Tensor, possible: Tensor) -> float:
    return _rate(_links(weights), sure, sure)


@misconception("alignment_error_rate", "possible links only", hint="Sure links count twice above the line. Do yours?")
def error_precision(weights: Tensor, sure: Tensor, possible: Tensor) -> float:
    links = _links(weights)
    return 1 - int((links & possible).sum()) / int(links.sum())


@misconception(
    "alignment_error_rate", "|P| below the line", hint="Which set must be found whole, the sure or the possible links?"
)
def error_all_possible(weights: Tensor, sure: Tensor, possible: Tensor) -> float:
    links = _links(weights)
    found = int((links & sure).sum()) + int((links & possible).sum())
    return 1 - found / (int(links.sum()) + int(possible.sum()))


@misconception(
    "alignment_error_rate", "links of the input words", hint="Which words have one link each: rows or columns?"
)
def error_columns(weights: Tensor, sure: Tensor, possible: Tensor) -> float:
    return _rate(_links(weights.T).T, sure, possible)


@misconception(
    "alignment_error_rate", "weights above one half", hint="How many links has an output word that hesitates?"
)
def error_threshold(weights: Tensor, sure: Tensor, possible: Tensor) -> float:
    return _rate(weights > 0.5, sure, possible)


@misconception("alignment_error_rate", "weights for links", hint="Is a link there or not there, or is it there by 0.4?")
def error_soft(weights: Tensor, sure: Tensor, possible: Tensor) -> float:
    found = float((weights * sure).sum() + (weights * possible).sum())
    return 1 - found / float(weights.sum() + sure.sum())


@misconception("alignment_error_rate", "a tensor", hint="Print the type of your result.")
def error_tensor(weights: Tensor, sure: Tensor, possible: Tensor) -> Tensor:
    return torch.tensor(_rate(_links(weights), sure, possible))
