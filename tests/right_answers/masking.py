"""Right answers to lesson 07 in several styles: `RIGHT[exercise]` lists them. Here: masks, packing, the loss."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("padding_mask")
def padding_compared(lengths, seq):
    return lengths.unsqueeze(1) > torch.arange(seq, device=lengths.device)


@right("padding_mask")
def padding_row_by_row(lengths, seq):
    mask = torch.zeros(len(lengths), seq, dtype=torch.bool, device=lengths.device)
    for row, length in zip(mask, lengths, strict=True):
        row[:length] = True
    return mask


@right("padding_mask")
def padding_lists(lengths, seq):
    return torch.tensor([[j < n for j in range(seq)] for n in lengths.tolist()], device=lengths.device)


@right("padding_mask")
def padding_summed(lengths, seq):
    """An end is marked in each row; a position is real as long as no end has come."""
    ends = torch.zeros(len(lengths), seq + 1, device=lengths.device)
    ends.scatter_(1, lengths[:, None], 1.0)
    return ends.cumsum(1)[:, :seq] == 0


@right("padding_mask")
def padding_padded(lengths, seq):
    rows = [F.pad(lengths.new_ones(n), (0, seq - n)).bool() for n in lengths.tolist()]
    return torch.stack(rows)


@right("padding_mask")
def padding_moved(lengths, seq):
    return torch.arange(seq).expand(len(lengths), seq).to(lengths.device).lt(lengths.reshape(-1, 1))


@right("causal_mask")
def causal_compared(seq, device=None):
    place = torch.arange(seq, device=device)
    return place[:, None] >= place


@right("causal_mask")
def causal_not_upper(seq, device=None):
    return ~torch.triu(torch.ones((seq, seq), device=device), diagonal=1).bool()


@right("causal_mask")
def causal_loop(seq, device=None):
    mask = torch.zeros(seq, seq, dtype=torch.bool, device=device)
    for i in range(seq):
        mask[i, : i + 1] = True
    return mask


@right("causal_mask")
def causal_lists(seq, device=None):
    return torch.tensor([[j <= i for j in range(seq)] for i in range(seq)], device=device)


@right("causal_mask")
def causal_numpy(seq, device=None):
    return torch.from_numpy(np.tril(np.ones((seq, seq), dtype=bool))).to(device)


@right("causal_mask")
def causal_pytorch(seq, device=None):
    return nn.Transformer.generate_square_subsequent_mask(seq, device=device) == 0


@right("causal_mask")
def causal_indices(seq, device=None):
    mask = torch.full((seq, seq), False, device=device)
    i, j = torch.tril_indices(seq, seq)
    mask[i, j] = True
    return mask


@right("causal_mask")
def causal_moved(seq, device=None):
    mask = torch.tril(torch.ones(seq, seq)) == 1
    return mask if device is None else mask.to(device)


@right("decoder_mask")
def decoder_joined(lengths, seq):
    return padding_compared(lengths, seq).unsqueeze(1) & causal_compared(seq, lengths.device).unsqueeze(0)


@right("decoder_mask")
def decoder_minimum(lengths, seq):
    """Query i sees what lies below the smaller of i + 1 and the length."""
    place = torch.arange(seq, device=lengths.device)
    return place < torch.minimum(place + 1, lengths[:, None])[..., None]


@right("decoder_mask")
def decoder_loops(lengths, seq):
    mask = torch.zeros(len(lengths), seq, seq, dtype=torch.bool, device=lengths.device)
    for b, n in enumerate(lengths.tolist()):
        for i in range(seq):
            mask[b, i, : min(i + 1, n)] = True
    return mask


@right("decoder_mask")
def decoder_cut(lengths, seq):
    mask = torch.ones(seq, seq, device=lengths.device).tril().repeat(len(lengths), 1, 1)
    for one, n in zip(mask, lengths, strict=True):
        one[:, n:] = 0
    return mask > 0


@right("decoder_mask")
def decoder_product(lengths, seq):
    real = padding_compared(lengths, seq).float()
    lower = torch.ones(seq, seq, device=lengths.device).tril()
    return torch.einsum("bj,ij->bij", real, lower).bool()


def _pair(a, b, cls_id, sep_id):
    return [cls_id, *a, sep_id, *b, sep_id], [0] * (len(a) + 2) + [1] * (len(b) + 1)


@right("pack_pair")
def pack_popping_copies(a, b, cls_id, sep_id, max_len):
    a, b = list(a), list(b)
    while len(a) + len(b) + 3 > max_len:
        longer = a if len(a) > len(b) else b
        longer.pop()
    return _pair(a, b, cls_id, sep_id)


@right("pack_pair")
def pack_computed(a, b, cls_id, sep_id, max_len):
    """What is left for each, in closed form: the shorter one keeps all, or both share what there is."""
    room = max_len - 3
    if len(a) + len(b) > room:
        half, other = room // 2, room - room // 2
        if len(b) <= half:
            a = a[: room - len(b)]
        elif len(a) <= other:
            b = b[: room - len(a)]
        else:
            a, b = a[:other], b[:half]
    return _pair(a, b, cls_id, sep_id)


@right("pack_pair")
def pack_sliced(a, b, cls_id, sep_id, max_len):
    while len(a) + len(b) > max_len - 3:
        if len(b) >= len(a):
            b = b[:-1]
        else:
            a = a[:-1]
    ids, segments = [cls_id], [0]
    for segment, part in enumerate((a, b)):
        ids.extend([*part, sep_id])
        segments.extend([segment] * (len(part) + 1))
    return ids, segments


@right("pack_pair")
def pack_queues(a, b, cls_id, sep_id, max_len):
    first, second = deque(a), deque(b)
    for _ in range(len(a) + len(b) + 3 - max_len):
        (second if len(second) >= len(first) else first).pop()
    ids = list(itertools.chain([cls_id], first, [sep_id], second, [sep_id]))
    return [ids, [0 if i < len(first) + 2 else 1 for i in range(len(ids))]]


@right("masked_lm_loss")
def loss_selected(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return (logits * 0).sum() if torch.isfinite(logits.sum()) else logits.new_zeros(())
    return F.cross_entropy(logits[chosen], labels[chosen])


@right("masked_lm_loss")
def loss_gathered(logits, labels):
    chosen = labels.ne(-100)
    log_p = logits.log_softmax(dim=-1)
    picked = log_p.gather(2, labels.masked_fill(~chosen, 0).unsqueeze(2)).squeeze(2)
    return -(picked.masked_fill(~chosen, 0.0)).sum() / max(int(chosen.sum()), 1)


@right("masked_lm_loss")
def loss_weighed(logits, labels):
    weight = (labels != -100).to(logits.dtype)
    each = F.cross_entropy(logits.permute(0, 2, 1), labels, reduction="none")
    return (each * weight).sum() / weight.sum().clamp_min(1.0)


@right("masked_lm_loss")
def loss_early(logits, labels):
    if (labels == -100).all():
        return torch.zeros((), dtype=logits.dtype, device=logits.device)
    return nn.CrossEntropyLoss()(logits.reshape(-1, logits.size(-1)), labels.reshape(-1))


@right("masked_lm_loss")
def loss_word_by_word(logits, labels):
    total, n = logits[0, 0, 0] * 0, 0
    for scores, row in zip(logits, labels, strict=True):
        for score, label in zip(scores, row, strict=True):
            if label != -100:
                total, n = total + torch.logsumexp(score, 0) - score[label], n + 1
    return total / n if n else total


@right("masked_lm_loss")
def loss_nll(logits, labels):
    log_p = F.log_softmax(logits, -1).transpose(1, 2)
    return F.nll_loss(log_p, labels, ignore_index=-100, reduction="sum") / (labels >= 0).sum().clamp(min=1)


@right("masked_lm_loss")
def loss_without_nan(logits, labels):
    return F.cross_entropy(logits.transpose(1, 2), labels).nan_to_num(0.0)
