"""Named wrong answers to lesson 04, each with a hint that points and does not tell."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder.exercise import misconception
from autograder.misconceptions import encoder_decoder_search as encoder_decoder_search
from autograder.misconceptions import encoder_decoder_trained as encoder_decoder_trained
from autograder.reference import encoder_decoder as right

Pair = tuple[Tensor, Tensor]
Ids = list[list[int]]


def _real(lengths: Tensor, seq: int) -> Tensor:
    return torch.arange(seq, device=lengths.device) < lengths[:, None]


# pad_batch


def _padded(rows: Ids, max_len: int, pad_id: int, lengths: list[int] | None = None) -> Pair:
    """Rows filled up with `pad_id`; their own lengths, unless others are given."""
    full = [row + [pad_id] * (max_len - len(row)) for row in rows]
    return torch.tensor(full), torch.tensor(lengths or [len(row) for row in rows])


def _ended(sequences: Ids, max_len: int, eos_id: int) -> Ids:
    return [[*ids[: max_len - 1], eos_id] for ids in sequences]


@misconception(
    "pad_batch", "the end cut off", hint="A sentence is too long: with which id does its row end?"
)
def pad_cut_end(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    return _padded([[*ids, eos_id][:max_len] for ids in sequences], max_len, pad_id)


@misconception("pad_batch", "eos not counted", hint="How many ids of a row are real? Is the `eos` one of them?")
def pad_short_lengths(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    ids, lengths = right.pad_batch(sequences, max_len, pad_id, eos_id)
    return ids, lengths - 1


@misconception("pad_batch", "lengths before the cut", hint="Can a row have more real ids than columns?")
def pad_uncut_lengths(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    return _padded(_ended(sequences, max_len, eos_id), max_len, pad_id, [len(ids) + 1 for ids in sequences])


@misconception("pad_batch", "every row is full", hint="What tells the lengths of a padded row and of a full one apart?")
def pad_full_lengths(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    return _padded(_ended(sequences, max_len, eos_id), max_len, pad_id, [max_len] * len(sequences))


@misconception("pad_batch", "no eos", hint="How will the decoder learn where a sentence ends?")
def pad_without_eos(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    return _padded([ids[:max_len] for ids in sequences], max_len, pad_id)


@misconception("pad_batch", "eos in the last column", hint="What comes first in a short row: the end, or the padding?")
def pad_eos_last(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    ids, lengths = _padded([ids[: max_len - 1] for ids in sequences], max_len, pad_id)
    ids[:, -1] = eos_id
    return ids, lengths + 1


@misconception("pad_batch", "padded in front", hint="At which index does a row hold its first word?")
def pad_in_front(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    rows = _ended(sequences, max_len, eos_id)
    lengths = torch.tensor([len(row) for row in rows])
    return torch.tensor([[pad_id] * (max_len - len(row)) + row for row in rows]), lengths


@misconception("pad_batch", "as wide as the longest", hint="All sentences are short. How many columns are asked for?")
def pad_to_longest(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    rows = _ended(sequences, max_len, eos_id)
    return _padded(rows, max(map(len, rows)), pad_id)


@misconception(
    "pad_batch", "lengths by counting", hint="A sentence may hold the padding's id. What does your counting make of it?"
)
def pad_counted(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    ids, _ = right.pad_batch(sequences, max_len, pad_id, eos_id)
    return ids, (ids != pad_id).sum(dim=1)


@misconception("pad_batch", "sentences changed", hint="Print the sentences before and after the call.")
def pad_in_place(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    for ids in sequences:
        ids[max_len - 1 :] = []
        ids.append(eos_id)
    return _padded(sequences, max_len, pad_id)


@misconception("pad_batch", "always padded with 0", hint="One of the four arguments is never used. Which?")
def pad_with_zero(sequences: Ids, max_len: int, pad_id: int, eos_id: int) -> Pair:
    return _padded(_ended(sequences, max_len, eos_id), max_len, 0)


# Seq2SeqEncoder


class _Encoder(right.Seq2SeqEncoder):
    def run(self, x: Tensor) -> Pair:
        return cast(Pair, self.rnn(x))

    def real(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return _real(lengths, ids.shape[1])[..., None]


@misconception(
    "Seq2SeqEncoder", "padding is read", hint="Change the ids after the end of a sentence. Does its state change?"
)
class ReadingEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        return self.run(self.embedding(ids))


@misconception(
    "Seq2SeqEncoder", "outputs masked, state not", hint="The outputs are right. How many steps did the state go?"
)
class LateStateEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        outputs, state = self.run(self.embedding(ids))
        return outputs * self.real(ids, lengths), state


@misconception(
    "Seq2SeqEncoder", "padding not zeroed", hint="The state is right. What do your outputs hold after the end of a row?"
)
class LoudPaddingEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        outputs, _ = self.run(self.embedding(ids))
        return outputs, super().forward(ids, lengths)[1]


@misconception(
    "Seq2SeqEncoder", "padding embedded as zeros", hint="A zero vector is still a step: what does it do to the state?"
)
class ZeroedEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        outputs, state = self.run(self.embedding(ids) * self.real(ids, lengths))
        return outputs * self.real(ids, lengths), state


@misconception(
    "Seq2SeqEncoder", "as wide as the longest row", hint="Unpacking stops at the longest length. How wide were the ids?"
)
class NarrowEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        outputs, state = super().forward(ids, lengths)
        return outputs[:, : int(lengths.max())], state


@misconception(
    "Seq2SeqEncoder", "sorted lengths expected", hint="Which argument tells PyTorch that the rows come in any order?"
)
class SortedOnlyEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        packed = pack_padded_sequence(self.embedding(ids), lengths.cpu(), batch_first=True)
        outputs, state = self.rnn(packed)
        return pad_packed_sequence(outputs, batch_first=True, total_length=ids.shape[1])[0], state


@misconception(
    "Seq2SeqEncoder", "sorted, never put back", hint="Is row 0 of the outputs about row 0 of the ids?"
)
class ReorderedEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        order = lengths.argsort(descending=True, stable=True)
        return super().forward(ids[order], lengths[order])


@misconception("Seq2SeqEncoder", "top layer's state only", hint="How many states does the decoder need to start from?")
class TopStateEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        outputs, state = super().forward(ids, lengths)
        return outputs, state[-1]


@misconception(
    "Seq2SeqEncoder", "the top layer for every layer", hint="Each layer has a state of its own. Are yours different?"
)
class RepeatedStateEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        outputs, state = super().forward(ids, lengths)
        return outputs, state[-1:].expand_as(state)


@misconception(
    "Seq2SeqEncoder", "batch and time mixed up", hint="Does a sentence's state change with its neighbours?"
)
class MixedEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        self.rnn.batch_first = False
        outputs, _ = self.run(self.embedding(ids))
        _, state = super().forward(ids, lengths)
        return outputs * self.real(ids, lengths), state


@misconception("Seq2SeqEncoder", "time first", hint="Print the shape of the ids and of the outputs side by side.")
class TimeFirstEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        outputs, state = super().forward(ids, lengths)
        return outputs.transpose(0, 1), state


@misconception("Seq2SeqEncoder", "one too early", hint="A sentence of one word: which state do you read?")
class EarlyEncoder(_Encoder):
    def forward(self, ids: Tensor, lengths: Tensor) -> Pair:
        outputs, _ = super().forward(ids, lengths)
        return outputs, super().forward(ids, (lengths - 1).clamp(min=1))[1]


# context_vector


def _context(outputs: Tensor, lengths: Tensor, kind: str, **instead: Any) -> Tensor:
    """The right context, with one kind replaced."""
    return cast(Tensor, instead[kind]()) if kind in instead else right.context_vector(outputs, lengths, kind)


@misconception("context_vector", "last column", hint="Is the last column of a short row a word, or padding?")
def context_last_column(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    return _context(outputs, lengths, kind, last=lambda: outputs[:, -1])


@misconception("context_vector", "one too far", hint="The first word is at index 0. Where is the third?")
def context_one_too_far(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    rows = torch.arange(len(lengths), device=outputs.device)
    return _context(outputs, lengths, kind, last=lambda: outputs[rows, lengths.clamp(max=outputs.shape[1] - 1)])


@misconception(
    "context_vector", "mean over the padded length", hint="By how many words do you divide the sum of a short row?"
)
def context_padded_mean(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    real = _real(lengths, outputs.shape[1])[..., None]
    return _context(outputs, lengths, kind, mean=lambda: (outputs * real).mean(dim=1))


@misconception(
    "context_vector", "padding in the sum", hint="You divide by the right number. Which vectors are in the sum?"
)
def context_padding_summed(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    return _context(outputs, lengths, kind, mean=lambda: outputs.sum(dim=1) / lengths[:, None].to(outputs.dtype))


@misconception("context_vector", "padding not left out", hint="Which of the three arguments does your code never use?")
def context_of_everything(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    return _context(
        outputs, lengths, kind,
        last=lambda: outputs[:, -1], mean=lambda: outputs.mean(dim=1), max=lambda: outputs.amax(dim=1),
    )


@misconception(
    "context_vector", "maximum over padding", hint="Put 1000 at every padded position. Does your maximum change?"
)
def context_padded_max(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    return _context(outputs, lengths, kind, max=lambda: outputs.amax(dim=1))


@misconception(
    "context_vector", "zeros take part in the maximum", hint="Every real value is negative. Can 0 be their maximum?"
)
def context_zeroed_max(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    real = _real(lengths, outputs.shape[1])[..., None]
    return _context(outputs, lengths, kind, max=lambda: (outputs * real).amax(dim=1))


@misconception(
    "context_vector", "maximum of a state", hint="Which axis is gone from your result: the one of words or of features?"
)
def context_max_feature(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    return _context(outputs, lengths, kind, max=lambda: outputs.amax(dim=-1))


@misconception(
    "context_vector", "the longest state", hint="Each feature has its own maximum. Do all of yours come from one word?"
)
def context_longest_state(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    def longest() -> Tensor:
        norms = outputs.norm(dim=-1).masked_fill(~_real(lengths, outputs.shape[1]), -1.0)
        return outputs[torch.arange(len(lengths), device=outputs.device), norms.argmax(dim=1)]

    return _context(outputs, lengths, kind, max=longest)


@misconception("context_vector", "an axis too many", hint="Print the shape of your result beside the one asked for.")
def context_kept_axis(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
    return right.context_vector(outputs, lengths, kind)[:, None]


# Seq2SeqDecoder


class _Decoder(right.Seq2SeqDecoder):
    def run(self, ids: Tensor, contexts: Tensor, state: Tensor) -> Pair:
        """Contexts `(batch, seq, d_hidden)`, one for each step."""
        outputs, state = self.rnn(torch.cat([self.embedding(ids), contexts], dim=-1), state.contiguous())
        return self.output(outputs), state


def _repeated(context: Tensor, ids: Tensor) -> Tensor:
    return context[:, None].expand(-1, ids.shape[1], -1)


@misconception(
    "Seq2SeqDecoder", "context at the first step only", hint="What does the fifth step still see of the source?"
)
class FirstStepDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        later = torch.zeros_like(_repeated(context, ids[:, 1:]))
        return self.run(ids, torch.cat([context[:, None], later], dim=1), state)


@misconception(
    "Seq2SeqDecoder", "[context; embedding]", hint="The input has two parts. Which of them do the first weights expect?"
)
class SwappedInputDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        inputs = torch.cat([_repeated(context, ids), self.embedding(ids)], dim=-1)
        outputs, state = self.rnn(inputs, state.contiguous())
        return self.output(outputs), state


@misconception("Seq2SeqDecoder", "no context", hint="The rnn reads d_embed + d_hidden numbers. Which are the last?")
class DeafDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        return self.run(ids, torch.zeros_like(_repeated(context, ids)), state)


@misconception(
    "Seq2SeqDecoder", "the rnn reads words only", hint="How many numbers does the rnn read at each step? Add them up."
)
class NarrowDecoder(nn.Module):
    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.GRU(d_embed, d_hidden, num_layers, batch_first=True)
        self.output = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        outputs, state = self.rnn(self.embedding(ids), state)
        return self.output(outputs), state


@misconception(
    "Seq2SeqDecoder", "the state as context", hint="Two arguments look alike. Which one stays the same at every step?"
)
class StateContextDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        return self.run(ids, _repeated(state[-1], ids), state)


@misconception(
    "Seq2SeqDecoder", "the context as state", hint="Decode a sentence in two halves. Where does the second one start?"
)
class ContextStateDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        return self.run(ids, _repeated(context, ids), context.expand_as(state))


@misconception(
    "Seq2SeqDecoder", "the state from before comes back", hint="Which state must the next call start from?"
)
class StuckDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        return self.run(ids, _repeated(context, ids), state)[0], state


@misconception("Seq2SeqDecoder", "last step only", hint="For how many positions is a next word to be predicted?")
class LastStepDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        logits, state = self.run(ids, _repeated(context, ids), state)
        return logits[:, -1], state


@misconception("Seq2SeqDecoder", "probabilities", hint="Logits are scores before they are made to sum to one.")
class ProbabilityDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        logits, state = self.run(ids, _repeated(context, ids), state)
        return logits.softmax(dim=-1), state


@misconception(
    "Seq2SeqDecoder", "batch and time mixed up", hint="Do a sentence's logits change with its neighbours?"
)
class MixedDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        inputs = torch.cat([self.embedding(ids), _repeated(context, ids)], dim=-1)
        self.rnn.batch_first = False
        start = state[:, :1].expand(-1, ids.shape[1], -1).contiguous()
        outputs, _ = self.rnn(inputs, start)
        return self.output(outputs), state


@misconception(
    "Seq2SeqDecoder", "state of the top layer only", hint="Each layer goes on from its own state. How many come back?"
)
class TopLayerDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        logits, state = self.run(ids, _repeated(context, ids), state)
        return logits, state[-1:]


@misconception(
    "Seq2SeqDecoder", "context detached", hint="The numbers are right. Can the loss still teach the encoder?"
)
class DetachedDecoder(_Decoder):
    def forward(self, ids: Tensor, context: Tensor, state: Tensor) -> Pair:
        return self.run(ids, _repeated(context.detach(), ids), state)


# teacher_forcing_pairs


@misconception("teacher_forcing_pairs", "no shift", hint="May the decoder read the very word that it is to say?")
def pairs_unshifted(target_ids: Tensor, bos_id: int) -> Pair:
    return target_ids, target_ids


@misconception("teacher_forcing_pairs", "shifted the wrong way", hint="Which word does the decoder read at step 3?")
def pairs_ahead(target_ids: Tensor, bos_id: int) -> Pair:
    last = torch.full_like(target_ids[:, :1], bos_id)
    return torch.cat([target_ids[:, 1:], last], dim=1), target_ids


@misconception(
    "teacher_forcing_pairs", "one column too many", hint="As many inputs as labels: which input is never needed?"
)
def pairs_too_wide(target_ids: Tensor, bos_id: int) -> Pair:
    return torch.cat([torch.full_like(target_ids[:, :1], bos_id), target_ids], dim=1), target_ids


@misconception(
    "teacher_forcing_pairs", "labels cut as well", hint="The targets here have no `bos`. Which words must be said?"
)
def pairs_of_a_text(target_ids: Tensor, bos_id: int) -> Pair:
    return target_ids[:, :-1], target_ids[:, 1:]


@misconception("teacher_forcing_pairs", "first word overwritten", hint="Where in your inputs is the first word?")
def pairs_overwritten(target_ids: Tensor, bos_id: int) -> Pair:
    inputs = target_ids.clone()
    inputs[:, 0] = bos_id
    return inputs, target_ids


@misconception("teacher_forcing_pairs", "rolled round", hint="What stands first in your inputs, and where is it from?")
def pairs_rolled(target_ids: Tensor, bos_id: int) -> Pair:
    return target_ids.roll(1, dims=1), target_ids


@misconception("teacher_forcing_pairs", "the wrong way round", hint="Which of the two results begins with `bos`?")
def pairs_swapped(target_ids: Tensor, bos_id: int) -> Pair:
    inputs, labels = right.teacher_forcing_pairs(target_ids, bos_id)
    return labels, inputs


@misconception("teacher_forcing_pairs", "bos is always 1", hint="One of the two arguments is never used.")
def pairs_fixed_bos(target_ids: Tensor, bos_id: int) -> Pair:
    return right.teacher_forcing_pairs(target_ids, 1)


@misconception(
    "teacher_forcing_pairs", "targets changed", hint="Print the targets before and after the call."
)
def pairs_in_place(target_ids: Tensor, bos_id: int) -> Pair:
    labels = target_ids.clone()
    target_ids[:, 1:] = labels[:, :-1]
    target_ids[:, 0] = bos_id
    return target_ids, labels


# scheduled_inputs


def _replaced(gold: Tensor, predicted: Tensor, where: Tensor) -> Tensor:
    where = where.to(gold.device).expand_as(gold).clone()
    where[:, 0] = False
    return torch.where(where, predicted, gold)


def _uniform(generator: torch.Generator, *size: int) -> Tensor:
    return torch.rand(size, generator=generator, device=generator.device)


@misconception("scheduled_inputs", "one draw for a row", hint="Is a whole row replaced, or none of it? Print two rows.")
def scheduled_rows(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    return _replaced(gold, predicted, _uniform(generator, len(gold), 1) < probability)


@misconception(
    "scheduled_inputs", "one draw for a position", hint="Compare two rows of one result. Where are they replaced?"
)
def scheduled_columns(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    return _replaced(gold, predicted, _uniform(generator, 1, gold.shape[1]) < probability)


@misconception("scheduled_inputs", "one draw for a batch", hint="How many random numbers do you draw in one call?")
def scheduled_batches(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    return _replaced(gold, predicted, _uniform(generator, 1, 1) < probability)


@misconception(
    "scheduled_inputs", "the probability of gold", hint="With probability 1, whose words does the decoder read?"
)
def scheduled_reversed(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    return _replaced(gold, predicted, _uniform(generator, *gold.shape) >= probability)


@misconception(
    "scheduled_inputs", "a fair coin", hint="Try probability 0 and probability 1. Does your result follow?"
)
def scheduled_fair(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    return _replaced(gold, predicted, _uniform(generator, *gold.shape) < 0.5)


@misconception("scheduled_inputs", "the first one too", hint="What does a sentence always begin with?")
def scheduled_first(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    return torch.where((_uniform(generator, *gold.shape) < probability).to(gold.device), predicted, gold)


@misconception(
    "scheduled_inputs", "predictions one step off", hint="Which of the predicted ids takes the place of `gold[:, 3]`?"
)
def scheduled_shifted(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    return _replaced(gold, predicted.roll(1, dims=1), _uniform(generator, *gold.shape) < probability)


@misconception(
    "scheduled_inputs", "the global generator", hint="You were given a source of randomness. Who else draws from yours?"
)
def scheduled_globally(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    return _replaced(gold, predicted, torch.rand(gold.shape) < probability)


@misconception(
    "scheduled_inputs", "a fixed number of places", hint="Count the replaced ids of many rows. Should they all agree?"
)
def scheduled_counted(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    order = _uniform(generator, len(gold), gold.shape[1] - 1).argsort(dim=1).argsort(dim=1)
    where = F.pad(order < round(probability * order.shape[1]), (1, 0))
    return _replaced(gold, predicted, where)


@misconception("scheduled_inputs", "a mixture of ids", hint="Is the id halfway between two words a word of its own?")
def scheduled_mixed(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    return (1 - probability) * gold + probability * predicted


@misconception("scheduled_inputs", "written into gold", hint="Print `gold` before and after the call.")
def scheduled_in_place(gold: Tensor, predicted: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    gold.copy_(right.scheduled_inputs(gold, predicted, probability, generator))
    return gold


# masked_cross_entropy


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")


@misconception("masked_cross_entropy", "padding counts", hint="Which of the three arguments does your loss never use?")
def loss_of_everything(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    return _losses(logits, labels).mean()


@misconception(
    "masked_cross_entropy", "divided by all positions", hint="The sum is right. By how many words is it divided?"
)
def loss_diluted(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    return (_losses(logits, labels) * _real(lengths, labels.shape[1])).mean()


@misconception(
    "masked_cross_entropy", "a mean of means", hint="Does a word of a short sentence weigh more than one of a long one?"
)
def loss_per_sentence(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    sums = (_losses(logits, labels) * _real(lengths, labels.shape[1])).sum(dim=1)
    return (sums / lengths.to(sums.dtype)).mean()


@misconception("masked_cross_entropy", "a sum", hint="Twice as many sentences: should the loss be twice as large?")
def loss_summed(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    return (_losses(logits, labels) * _real(lengths, labels.shape[1])).sum()


@misconception(
    "masked_cross_entropy", "divided by the sentences", hint="The mean over what: sentences, or words? Count them."
)
def loss_per_batch(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    return (_losses(logits, labels) * _real(lengths, labels.shape[1])).sum() / len(labels)


@misconception(
    "masked_cross_entropy", "label 0 is left out", hint="What tells you where padding is: the labels, or the lengths?"
)
def loss_by_label(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    return F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=0)


@misconception(
    "masked_cross_entropy", "one word too many", hint="A sentence of three words: which positions are real?"
)
def loss_one_too_many(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    return right.masked_cross_entropy(logits, labels, (lengths + 1).clamp(max=labels.shape[1]))


@misconception(
    "masked_cross_entropy", "logits of zero at padding", hint="What is the cross-entropy of a row of zeros? Is it zero?"
)
def loss_of_zeros(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    real = _real(lengths, labels.shape[1])
    return _losses(logits * real[..., None], labels).sum() / real.sum()


@misconception(
    "masked_cross_entropy", "softmax twice", hint="`F.cross_entropy` takes scores. What does it do with them first?"
)
def loss_of_probabilities(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    return right.masked_cross_entropy(logits.softmax(dim=-1), labels, lengths)


@misconception("masked_cross_entropy", "a loss for each sentence", hint="How many numbers does one batch give?")
def losses_of_sentences(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    sums = (_losses(logits, labels) * _real(lengths, labels.shape[1])).sum(dim=1)
    return sums / lengths.to(sums.dtype)


@misconception(
    "masked_cross_entropy", "a view that mixes", hint="A reshape does not move axes. Which logits meet which label?"
)
def loss_mixed_view(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    batch, seq, vocab_size = logits.shape
    return right.masked_cross_entropy(
        logits.transpose(1, 2).reshape(batch, seq, vocab_size), labels, lengths
    )
