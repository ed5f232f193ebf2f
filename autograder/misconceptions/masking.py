"""Named wrong answers to lesson 07, each with a hint that points and does not tell."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import misconception
from autograder.misconceptions import masking_pairs as masking_pairs
from autograder.misconceptions import masking_positions as masking_positions
from autograder.misconceptions import masking_tokens as masking_tokens
from autograder.reference import masking as right

Device = torch.device | str | None
Packed = tuple[list[int], list[int]]


# padding_mask


@misconception("padding_mask", "True at padding", hint="In this course, what does True in a mask say?")
def padding_inverted(lengths: Tensor, seq: int) -> Tensor:
    return ~right.padding_mask(lengths, seq)


@misconception(
    "padding_mask", "one too many", hint="Positions count from 0. Which is the last one of a row of length 1?"
)
def padding_one_more(lengths: Tensor, seq: int) -> Tensor:
    return torch.arange(seq, device=lengths.device) <= lengths[:, None]


@misconception("padding_mask", "one too few", hint="Count the True values of a row: how many should there be?")
def padding_one_less(lengths: Tensor, seq: int) -> Tensor:
    return torch.arange(seq, device=lengths.device) < lengths[:, None] - 1


@misconception(
    "padding_mask", "as wide as the longest row", hint="Give a `seq` above every length: how wide is the mask?"
)
def padding_narrow(lengths: Tensor, seq: int) -> Tensor:
    return right.padding_mask(lengths, int(lengths.max()))


@misconception("padding_mask", "zeros and ones", hint="Print the mask's dtype.")
def padding_numbers(lengths: Tensor, seq: int) -> Tensor:
    return right.padding_mask(lengths, seq).float()


@misconception("padding_mask", "padding in front", hint="On which side of a row does its padding lie?")
def padding_left(lengths: Tensor, seq: int) -> Tensor:
    return right.padding_mask(lengths, seq).flip(1)


@misconception("padding_mask", "one row for all", hint="Do two rows of different lengths get different masks?")
def padding_of_longest(lengths: Tensor, seq: int) -> Tensor:
    return right.padding_mask(lengths.max().expand(len(lengths)), seq)


@misconception("padding_mask", "positions on the CPU", hint="Where do the lengths lie, and where the tensor you made?")
def padding_on_cpu(lengths: Tensor, seq: int) -> Tensor:
    return torch.arange(seq) < lengths[:, None]


# causal_mask


@misconception("causal_mask", "True at the future", hint="Which way round is this course's True: to see, or to hide?")
def causal_inverted(seq: int, device: Device = None) -> Tensor:
    return ~right.causal_mask(seq, device)


@misconception("causal_mask", "without the token itself", hint="What does the first token see in your mask?")
def causal_strict(seq: int, device: Device = None) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.bool, device=device).tril(-1)


@misconception(
    "causal_mask", "the upper triangle", hint="Read a row of your mask: the query is the row, the key the column."
)
def causal_transposed(seq: int, device: Device = None) -> Tensor:
    return right.causal_mask(seq, device).T


@misconception("causal_mask", "one step of the future", hint="May a token see the one that it is to predict?")
def causal_leaking(seq: int, device: Device = None) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.bool, device=device).tril(1)


@misconception("causal_mask", "zeros and ones", hint="Print the mask's dtype: can `masked_fill` and `~` use it?")
def causal_numbers(seq: int, device: Device = None) -> Tensor:
    return right.causal_mask(seq, device).float()


@misconception("causal_mask", "zeros and minus infinity", hint="Is that a mask, or something to be added to scores?")
def causal_additive(seq: int, device: Device = None) -> Tensor:
    return torch.zeros(seq, seq, device=device).masked_fill(~right.causal_mask(seq, device), -torch.inf)


@misconception("causal_mask", "the device forgotten", hint="Where does your mask lie when a device is given?")
def causal_on_cpu(seq: int, device: Device = None) -> Tensor:
    return right.causal_mask(seq)


# decoder_mask


@misconception("decoder_mask", "only the future hidden", hint="May a short sentence's last word see padding? Try it.")
def decoder_causal_only(lengths: Tensor, seq: int) -> Tensor:
    return right.causal_mask(seq, lengths.device).repeat(len(lengths), 1, 1)


@misconception("decoder_mask", "only padding hidden", hint="May the first word see the second?")
def decoder_padding_only(lengths: Tensor, seq: int) -> Tensor:
    return right.padding_mask(lengths, seq)[:, None, :].repeat(1, seq, 1)


@misconception("decoder_mask", "either is enough", hint="A key must pass two tests. Is one of them enough?")
def decoder_or(lengths: Tensor, seq: int) -> Tensor:
    return right.padding_mask(lengths, seq)[:, None, :] | right.causal_mask(seq, lengths.device)


@misconception(
    "decoder_mask", "an axis for heads", hint="Print the shape of your mask, and the shape that is asked for."
)
def decoder_four_axes(lengths: Tensor, seq: int) -> Tensor:
    return right.decoder_mask(lengths, seq)[:, None]


@misconception("decoder_mask", "padded queries see nothing", hint="Which does padding hide: queries, keys, or both?")
def decoder_square(lengths: Tensor, seq: int) -> Tensor:
    return right.decoder_mask(lengths, seq) & right.padding_mask(lengths, seq)[:, :, None]


@misconception("decoder_mask", "True where hidden", hint="Count the True values: the first word's row should have one.")
def decoder_inverted(lengths: Tensor, seq: int) -> Tensor:
    return ~right.decoder_mask(lengths, seq)


@misconception(
    "decoder_mask", "the past hidden", hint="Take one row of one sentence: which side of the diagonal is True?"
)
def decoder_transposed(lengths: Tensor, seq: int) -> Tensor:
    return right.padding_mask(lengths, seq)[:, None, :] & right.causal_mask(seq, lengths.device).T


# pack_pair


def _packed(a: list[int], b: list[int], cls_id: int, sep_id: int) -> Packed:
    return [cls_id, *a, sep_id, *b, sep_id], [0] * (len(a) + 2) + [1] * (len(b) + 1)


@misconception("pack_pair", "all cut at the end", hint="Truncate a long pair: is the last id still the separator?")
def pack_cut_end(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> Packed:
    ids, segments = _packed(a, b, cls_id, sep_id)
    return ids[:max_len], segments[:max_len]


@misconception("pack_pair", "only b loses", hint="Give a long `a` and a short `b`. Which one loses tokens?")
def pack_cut_b(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> Packed:
    room = max_len - 3
    return _packed(a[:room], b[: max(room - len(a), 0)], cls_id, sep_id)


@misconception("pack_pair", "half the room each", hint="One is short. Must the other still keep to half of the room?")
def pack_halves(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> Packed:
    room = max_len - 3
    if len(a) + len(b) > room:
        a, b = a[: room - room // 2], b[: room // 2]
    return _packed(a, b, cls_id, sep_id)


@misconception("pack_pair", "a loses on a tie", hint="Both are as long and one token is too many: whose is it?")
def pack_tie_a(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> Packed:
    _, segments = right.pack_pair(b, a, cls_id, sep_id, max_len)
    return _packed(a[: segments.count(1) - 1], b[: segments.count(0) - 2], cls_id, sep_id)


@misconception("pack_pair", "the front lost", hint="Which end of a sentence goes: does it still begin as it did?")
def pack_cut_front(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> Packed:
    ids, segments = right.pack_pair(a[::-1], b[::-1], cls_id, sep_id, max_len)
    first = segments.count(0) - 2
    return [cls_id, *ids[1 : 1 + first][::-1], sep_id, *ids[2 + first : -1][::-1], sep_id], segments


@misconception("pack_pair", "specials not counted", hint="How long is the result: are the three specials in `max_len`?")
def pack_specials_free(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> Packed:
    return right.pack_pair(a, b, cls_id, sep_id, max_len + 3)


@misconception(
    "pack_pair", "the separator in segment 1", hint="To which sentence does the separator behind `a` belong?"
)
def pack_segment_early(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> Packed:
    ids, segments = right.pack_pair(a, b, cls_id, sep_id, max_len)
    first = segments.count(0) - 1
    return ids, [0] * first + [1] * (len(ids) - first)


@misconception("pack_pair", "the last separator forgotten", hint="Count the separators in your result.")
def pack_one_separator(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> Packed:
    ids, segments = right.pack_pair(a, b, cls_id, sep_id, max_len)
    return ids[:-1], segments[:-1]


@misconception("pack_pair", "the lists change", hint="Print `a` before and after the call.")
def pack_popping(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> Packed:
    while len(a) + len(b) > max_len - 3:
        (a if len(a) > len(b) else b).pop()
    return _packed(a, b, cls_id, sep_id)


# masked_lm_loss


def _each(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none")


@misconception("masked_lm_loss", "nothing for nothing", hint="What is 0 / 0? Try labels that are all -100.")
def loss_nan(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


@misconception(
    "masked_lm_loss", "divided by all positions", hint="Choose fewer words: should the loss shrink for that?"
)
def loss_over_all(logits: Tensor, labels: Tensor) -> Tensor:
    return _each(logits, labels).mean()


@misconception("masked_lm_loss", "a sum", hint="Double the batch by repeating it. Should the loss double?")
def loss_sum(logits: Tensor, labels: Tensor) -> Tensor:
    return _each(logits, labels).sum()


@misconception(
    "masked_lm_loss", "a mean of rows", hint="One row has one chosen word, another six. Which word weighs more?"
)
def loss_of_rows(logits: Tensor, labels: Tensor) -> Tensor:
    counts = (labels != -100).sum(1)
    return (_each(logits, labels).sum(1) / counts.clamp(min=1)).sum() / (counts > 0).sum().clamp(min=1)


@misconception("masked_lm_loss", "every position counts", hint="What does a label of -100 ask the model to predict?")
def loss_unmasked(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten().clamp(min=0))


@misconception("masked_lm_loss", "id 0 ignored", hint="Which number marks the positions that don't count?")
def loss_ignoring_zero(logits: Tensor, labels: Tensor) -> Tensor:
    kept = labels > 0
    return _each(logits, labels)[kept].sum() / kept.sum().clamp(min=1)


@misconception(
    "masked_lm_loss", "the log of a softmax", hint="A probability can be so small that it becomes 0. Its log?"
)
def loss_overflowing(logits: Tensor, labels: Tensor) -> Tensor:
    kept = labels != -100
    p = logits.softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return -p[kept].log().sum() / kept.sum().clamp(min=1)


@misconception("masked_lm_loss", "probabilities for logits", hint="What does `F.cross_entropy` do to its input first?")
def loss_of_softmax(logits: Tensor, labels: Tensor) -> Tensor:
    return right.masked_lm_loss(logits.softmax(-1), labels)
