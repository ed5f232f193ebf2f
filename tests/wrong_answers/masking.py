"""Wrong masks, packings and losses of lesson 07, beyond the misconceptions: `WRONG[exercise]` lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from autograder.reference import masking as right

WRONG: dict[str, list[Any]] = {}


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        WRONG.setdefault(exercise_id, []).append(answer)


def _padding(change: Callable[..., Any]) -> Any:
    return lambda lengths, seq: change(right.padding_mask(lengths, seq), lengths, seq)


def _shortens_the_lengths(lengths, seq):
    found = right.padding_mask(lengths, seq)
    lengths.sub_(1)
    return found


def _sorts_the_lengths(lengths, seq):
    return right.padding_mask(lengths.sort(descending=True).values, seq)


def _padding_by_position(lengths, seq):
    """Right where there are as many rows as tokens and nothing else."""
    return torch.arange(len(lengths), device=lengths.device)[None] < lengths[:, None]


among(
    "padding_mask",
    transposed=_padding(lambda m, n, s: m.T),
    all_true=_padding(lambda m, n, s: torch.ones_like(m)),
    all_false=_padding(lambda m, n, s: torch.zeros_like(m)),
    an_axis_for_queries=_padding(lambda m, n, s: m[:, None]),
    an_axis_behind=_padding(lambda m, n, s: m[..., None]),
    squeezed=_padding(lambda m, n, s: m.squeeze()),
    squeezed_batch=_padding(lambda m, n, s: m.squeeze(0)),
    integers=_padding(lambda m, n, s: m.long()),
    bytes_=_padding(lambda m, n, s: m.byte()),
    a_list=_padding(lambda m, n, s: m.tolist()),
    a_tuple=_padding(lambda m, n, s: (m,)),
    minus_infinity=_padding(lambda m, n, s: torch.zeros(m.shape).masked_fill(~m, -torch.inf)),
    last_one_only=_padding(lambda m, n, s: F.one_hot(n - 1, s).bool()),
    first_never=_padding(lambda m, n, s: m & (torch.arange(s, device=n.device) > 0)),
    last_place_never=_padding(lambda m, n, s: m & (torch.arange(s, device=n.device) < s - 1)),
    last_place_always=_padding(lambda m, n, s: m | (torch.arange(s, device=n.device) == s - 1)),
    one_too_wide=lambda n, s: right.padding_mask(n, s + 1),
    as_wide_as_the_first=lambda n, s: right.padding_mask(n, int(n[0])),
    lengths_by_rank=_sorts_the_lengths,
    shortest_for_all=lambda n, s: right.padding_mask(n.min().expand(len(n)), s),
    mean_for_all=lambda n, s: right.padding_mask(n.double().mean().expand(len(n)), s),
    from_the_position_of_the_row=_padding_by_position,
    modulo_eight=lambda n, s: right.padding_mask(n % 8, s),
    at_most_sixteen=lambda n, s: right.padding_mask(n.clamp(max=16), s),
    lengths_change=_shortens_the_lengths,
    on_the_cpu=lambda n, s: right.padding_mask(n.cpu(), s),
    viewed=lambda n, s: torch.arange(s, device=n.device) < torch.as_strided(n, (len(n), 1), (1, 1)),
    nothing=lambda n, s: None,
)


def _causal(change: Callable[..., Any]) -> Any:
    return lambda seq, device=None: change(right.causal_mask(seq, device))


among(
    "causal_mask",
    anti_diagonal=_causal(lambda m: m.flip(0)),
    turned=_causal(lambda m: m.flip(1)),
    diagonal_only=_causal(lambda m: m & m.T),
    all_true=_causal(lambda m: m | m.T),
    diagonal_never=_causal(lambda m: m & ~m.T),
    diagonal_of_the_first_only=_causal(lambda m: m & (~m.T | (torch.arange(len(m)) == 0))),
    first_column_never=_causal(lambda m: m & (torch.arange(len(m)) > 0)),
    with_a_batch=_causal(lambda m: m[None]),
    with_batch_and_heads=_causal(lambda m: m[None, None]),
    flat=_causal(lambda m: m.flatten()),
    squeezed=_causal(lambda m: m.squeeze()),
    integers=_causal(lambda m: m.int()),
    a_list=_causal(lambda m: m.tolist()),
    window_of_three=_causal(lambda m: m & m.float().triu(-2).bool()),
    window_of_twenty=_causal(lambda m: m.triu(-20)),
    one_larger=lambda seq, device=None: right.causal_mask(seq + 1, device),
    one_smaller=lambda seq, device=None: right.causal_mask(seq - 1, device),
    at_most_sixteen=lambda seq, device=None: right.causal_mask(min(seq, 16), device),
    no_default=lambda seq, device: right.causal_mask(seq, device),
    no_device=lambda seq: right.causal_mask(seq),
    default_device_only=lambda seq, device=None: torch.ones(seq, seq).tril().bool().to(device or "cpu").cpu(),
    names_of_devices_only=lambda seq, device="cpu": right.causal_mask(seq, torch.device(device.lower())),
    cuda_or_cpu=lambda seq, device=None: right.causal_mask(seq, "cpu" if str(device) != "cuda" else device),
    mixed_devices=lambda seq, device=None: torch.arange(seq, device=device)[:, None] >= torch.arange(seq),
    nothing=lambda seq, device=None: None,
)


def _decoder(change: Callable[..., Any]) -> Any:
    return lambda lengths, seq: change(right.decoder_mask(lengths, seq), lengths, seq)


def _real(lengths, seq):
    return right.padding_mask(lengths, seq)


def _decoder_changes_lengths(lengths, seq):
    found = right.decoder_mask(lengths, seq)
    lengths.clamp_(max=1)
    return found


among(
    "decoder_mask",
    transposed=_decoder(lambda m, n, s: m.mT),
    batch_behind=_decoder(lambda m, n, s: m.permute(1, 2, 0)),
    squeezed=_decoder(lambda m, n, s: m.squeeze()),
    squeezed_batch=_decoder(lambda m, n, s: m.squeeze(0)),
    integers=_decoder(lambda m, n, s: m.long()),
    floats=_decoder(lambda m, n, s: m.float()),
    one_for_all=_decoder(lambda m, n, s: m[:1]),
    first_row_for_all=_decoder(lambda m, n, s: m[:1].expand(len(n), s, s)),
    padded_queries_see_themselves=_decoder(
        lambda m, n, s: m | (torch.eye(s, device=n.device).bool() & ~_real(n, s)[:, None])
    ),
    padded_queries_see_all=_decoder(lambda m, n, s: m | ~_real(n, s)[:, :, None]),
    padded_queries_see_the_first=_decoder(
        lambda m, n, s: torch.where(_real(n, s)[:, :, None], m, torch.arange(s, device=n.device) == 0)
    ),
    without_the_token_itself=_decoder(lambda m, n, s: m & ~torch.eye(s, device=n.device).bool()),
    always_the_token_itself=_decoder(lambda m, n, s: m | torch.eye(s, device=n.device).bool()),
    one_key_too_many=lambda n, s: right.decoder_mask((n + 1).clamp(max=s), s),
    one_key_too_few=lambda n, s: right.decoder_mask(n - 1, s),
    one_of_the_future=lambda n, s: _real(n, s)[:, None] & torch.ones(s, s, device=n.device).tril(1).bool(),
    different=lambda n, s: _real(n, s)[:, None] ^ right.causal_mask(s, n.device),
    as_wide_as_the_longest=lambda n, s: right.decoder_mask(n, int(n.max())),
    real_square=lambda n, s: _real(n, s)[:, None] & _real(n, s)[:, :, None],
    broadcast_to_two_axes=lambda n, s: _real(n, s)[: s] & right.causal_mask(s, n.device) if len(n) == s else None,
    counts=lambda n, s: right.causal_mask(s, n.device).long() * _real(n, s)[:, None].long(),
    on_the_cpu=lambda n, s: right.decoder_mask(n.cpu(), s),
    causal_on_the_cpu=lambda n, s: _real(n, s)[:, None] & right.causal_mask(s),
    lengths_change=_decoder_changes_lengths,
    sorted_lengths=lambda n, s: right.decoder_mask(n.sort().values, s),
    nothing=lambda n, s: None,
)


def _pack(change: Callable[..., Any]) -> Any:
    return lambda a, b, cls_id, sep_id, max_len: change(*right.pack_pair(a, b, cls_id, sep_id, max_len))


def _keeping(rule: Callable[[int, int, int], tuple[int, int]]) -> Any:
    """So many tokens of each: what `rule` says for the two lengths and the room."""

    def pack(a, b, cls_id, sep_id, max_len):
        m, n = rule(len(a), len(b), max_len - 3)
        a, b = a[: max(m, 0)], b[: max(n, 0)]
        return [cls_id, *a, sep_id, *b, sep_id], [0] * (len(a) + 2) + [1] * (len(b) + 1)

    return pack


def _by_turns(m, n, room):
    """Each loses one in its turn, whichever is longer."""
    turn = 0
    while m + n > room:
        if (turn == 0 and n > 0) or m == 0:
            n -= 1
        else:
            m -= 1
        turn = 1 - turn
    return m, n


def _in_proportion(m, n, room):
    return (m, n) if m + n <= room else (round(room * m / (m + n)), room - round(room * m / (m + n)))


def _longer_at_first(m, n, room):
    """Who is longer at the start loses all that is too much."""
    over = max(m + n - room, 0)
    return (m - over, n) if m > n else (m, n - over)


def _one_short(m, n, room):
    return (m, n) if m + n < room else _right_rule(m, n, room - 1)


def _right_rule(m, n, room):
    while m + n > room:
        m, n = (m - 1, n) if m > n else (m, n - 1)
    return m, n


def _odd_place_to_b(m, n, room):
    both_lose = m + n > room and min(m, n) > room // 2
    return (room // 2, room - room // 2) if both_lose else _right_rule(m, n, room)


def _never_below_one(m, n, room):
    kept = _right_rule(m, n, room)
    return max(kept[0], min(m, 1)), max(kept[1], min(n, 1))


def _pads(a, b, cls_id, sep_id, max_len):
    ids, segments = right.pack_pair(a, b, cls_id, sep_id, max_len)
    missing = max_len - len(ids)
    return ids + [0] * missing, segments + [0] * missing


def _pack_deletes(a, b, cls_id, sep_id, max_len):
    found = right.pack_pair(a, b, cls_id, sep_id, max_len)
    del b[found[1].count(1) - 1 :]
    return found


def _pack_inserts(a, b, cls_id, sep_id, max_len):
    found = right.pack_pair(a, b, cls_id, sep_id, max_len)
    a.insert(0, cls_id)
    return found


among(
    "pack_pair",
    swapped=_pack(lambda ids, seg: (seg, ids)),
    only_ids=_pack(lambda ids, seg: ids),
    tensors=_pack(lambda ids, seg: (torch.tensor(ids), torch.tensor(seg))),
    tuples=_pack(lambda ids, seg: (tuple(ids), tuple(seg))),
    segments_from_one=_pack(lambda ids, seg: (ids, [s + 1 for s in seg])),
    segments_the_other_way=_pack(lambda ids, seg: (ids, [1 - s for s in seg])),
    segments_one_short=_pack(lambda ids, seg: (ids, seg[:-1])),
    boolean_segments=_pack(lambda ids, seg: (ids, [bool(s) for s in seg])),
    last_separator_in_segment_0=_pack(lambda ids, seg: (ids, [*seg[:-1], 0])),
    cls_in_segment_1=_pack(lambda ids, seg: (ids, [1, *seg[1:]])),
    no_cls=_pack(lambda ids, seg: (ids[1:], seg[1:])),
    separator_for_cls=lambda a, b, cls_id, sep_id, max_len: right.pack_pair(a, b, sep_id, sep_id, max_len),
    specials_swapped=lambda a, b, cls_id, sep_id, max_len: right.pack_pair(a, b, sep_id, cls_id, max_len),
    fixed_specials=lambda a, b, cls_id, sep_id, max_len: right.pack_pair(a, b, 1, 2, max_len),
    sentences_swapped=lambda a, b, cls_id, sep_id, max_len: right.pack_pair(b, a, cls_id, sep_id, max_len),
    one_separator=lambda a, b, cls_id, sep_id, max_len: (
        [cls_id, *a, sep_id, *b][:max_len], ([0] * (len(a) + 2) + [1] * len(b))[:max_len]
    ),
    last_is_overwritten=lambda a, b, cls_id, sep_id, max_len: (
        [*[cls_id, *a, sep_id, *b][: max_len - 1], sep_id], ([0] * (len(a) + 2) + [1] * (len(b) + 1))[:max_len]
    ),
    never_cut=lambda a, b, cls_id, sep_id, max_len: right.pack_pair(a, b, cls_id, sep_id, 1000),
    room_for_four_specials=lambda a, b, cls_id, sep_id, max_len: right.pack_pair(
        a, b, cls_id, sep_id, max(max_len - 1, 3)
    ),
    room_for_two_specials=lambda a, b, cls_id, sep_id, max_len: right.pack_pair(a, b, cls_id, sep_id, max_len + 1),
    full_is_too_full=_keeping(_one_short),
    by_turns=_keeping(_by_turns),
    in_proportion=_keeping(_in_proportion),
    longer_at_first=_keeping(_longer_at_first),
    only_a=_keeping(lambda m, n, room: (min(m, max(room - n, 0)), min(n, room))),
    shorter_loses=_keeping(
        lambda m, n, room: (m, min(n, max(room - m, 0))) if m > n else (min(m, max(room - n, 0)), n)
    ),
    half_each_at_most=_keeping(lambda m, n, room: (min(m, room - room // 2), min(n, room // 2))),
    odd_place_to_b=_keeping(_odd_place_to_b), never_below_one=_keeping(_never_below_one),
    empty_b_without_separator=lambda a, b, cls_id, sep_id, max_len: (
        right.pack_pair(a, b, cls_id, sep_id, max_len) if b else ([cls_id, *a, sep_id], [0] * (len(a) + 2))
    ),
    unique_ids=_pack(lambda ids, seg: ([*dict.fromkeys(ids[:-1]), ids[-1]], seg)),
    padded=_pads,
    deletes_from_b=_pack_deletes,
    inserts_into_a=_pack_inserts,
    nothing=lambda a, b, cls_id, sep_id, max_len: None,
)


def _loss(change: Callable[..., Any]) -> Any:
    return lambda logits, labels: change(right.masked_lm_loss(logits, labels), logits, labels)


def _flat(logits, labels, **more):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, **more)


def _of_chosen(change: Callable[..., Any]) -> Any:
    """Something of the chosen positions' logits and labels; 0 where there are none."""

    def loss(logits, labels):
        chosen = labels != -100
        return change(logits[chosen], labels[chosen]) if chosen.any() else logits.sum() * 0

    return loss


def _loss_marks(logits, labels):
    found = right.masked_lm_loss(logits, labels)
    labels[labels == -100] = 0
    return found


def _loss_shifts(logits, labels):
    with torch.no_grad():
        logits -= logits.amax(-1, keepdim=True)
    return right.masked_lm_loss(logits, labels)


def _loss_of_last_row(logits, labels):
    return right.masked_lm_loss(logits[-1:], labels[-1:])


def _shifted_labels(logits, labels):
    return right.masked_lm_loss(logits[:, :-1], labels[:, 1:])


def _naive_exponentials(logits, labels):
    chosen = labels != -100
    log_p = logits - logits.exp().sum(-1, keepdim=True).log()
    picked = log_p.gather(2, labels.clamp(min=0)[..., None])[..., 0]
    return -torch.where(chosen, picked, 0.0).sum() / chosen.sum().clamp(min=1)


among(
    "masked_lm_loss",
    detached=_loss(lambda x, logits, labels: x.detach()),
    a_float=_loss(lambda x, logits, labels: x.item()),
    with_an_axis=_loss(lambda x, logits, labels: x[None]),
    negative=_loss(lambda x, logits, labels: -x),
    base_two=_loss(lambda x, logits, labels: x / torch.log(torch.tensor(2.0, dtype=x.dtype))),
    perplexity=_loss(lambda x, logits, labels: x.exp()),
    always_float32=_loss(lambda x, logits, labels: x.float()),
    always_float64=_loss(lambda x, logits, labels: x.double()),
    float32_inside=lambda logits, labels: right.masked_lm_loss(logits.float(), labels).to(logits.dtype),
    half_inside=lambda logits, labels: right.masked_lm_loss(logits.bfloat16(), labels).to(logits.dtype),
    one_where_none=lambda logits, labels: _flat(logits, labels).nan_to_num(1.0),
    a_float_where_none=lambda logits, labels: _flat(logits, labels) if (labels != -100).any() else 0.0,
    float32_where_none=lambda logits, labels: _flat(logits, labels) if (labels != -100).any() else torch.tensor(0.0),
    none_where_none=lambda logits, labels: _flat(logits, labels) if (labels != -100).any() else None,
    an_epsilon=lambda logits, labels: _flat(logits, labels, reduction="sum") / ((labels != -100).sum() + 1e-3),
    one_more=lambda logits, labels: _flat(logits, labels, reduction="sum") / ((labels != -100).sum() + 1),
    over_rows=lambda logits, labels: _flat(logits, labels, reduction="sum") / len(logits),
    over_seq=lambda logits, labels: _flat(logits, labels, reduction="sum") / logits.shape[1],
    only_unchosen=lambda logits, labels: (labels == -100).double().mean() * logits.mean(),
    first_id_ignored=lambda logits, labels: right.masked_lm_loss(logits, labels.masked_fill(labels == 0, -100)),
    last_id_ignored=lambda logits, labels: right.masked_lm_loss(
        logits, labels.masked_fill(labels == logits.shape[-1] - 1, -100)
    ),
    ignores_minus_one=lambda logits, labels: F.cross_entropy(
        logits.flatten(0, 1), labels.flatten().clamp(min=-1), ignore_index=-1
    ),
    axes_swapped=lambda logits, labels: F.cross_entropy(logits, labels, ignore_index=-100),
    reshaped_classes=lambda logits, labels: _flat(
        logits.reshape(len(logits), logits.shape[2], -1).transpose(1, 2), labels
    ),
    viewed=lambda logits, labels: right.masked_lm_loss(logits.view(*logits.shape), labels.view(-1).view(labels.shape)),
    smoothed=_of_chosen(lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1)),
    of_the_softmax=_of_chosen(lambda x, y: F.nll_loss(x.softmax(-1), y)),
    nll_of_logits=_of_chosen(lambda x, y: F.nll_loss(x, y)),
    epsilon_inside=_of_chosen(lambda x, y: F.nll_loss((x.softmax(-1) + 1e-8).log(), y)),
    clamped_logits=_of_chosen(lambda x, y: F.cross_entropy(x.clamp(-50, 50), y)),
    the_median=_of_chosen(lambda x, y: F.cross_entropy(x, y, reduction="none").median()),
    squared=_of_chosen(lambda x, y: F.mse_loss(x.softmax(-1), F.one_hot(y, x.shape[-1]).to(x.dtype))),
    naive=_naive_exponentials,
    over_the_batch=_of_chosen(lambda x, y: F.nll_loss(x.log_softmax(0), y)),
    last_row_only=_loss_of_last_row,
    next_labels=_shifted_labels,
    labels_change=_loss_marks,
    logits_change=_loss_shifts,
    nothing=lambda logits, labels: None,
)
