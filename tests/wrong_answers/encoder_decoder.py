"""Wrong answers to lesson 04, beyond the named misconceptions: batches, contexts, inputs, losses."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from autograder.reference import encoder_decoder as reference

WRONG: dict[str, list[Any]] = {}


def wrong(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a wrong answer."""

    def collect(answer: Any) -> Any:
        WRONG.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


def functions(exercise_id: str, **changes: Any) -> None:
    """Collect wrong functions: each is a function of (right function, arguments)."""
    right = getattr(reference, exercise_id)
    for name, change in changes.items():
        def answer(*given, change=change):
            return change(right, *given)

        answer.__name__ = name
        wrong(exercise_id)(answer)


def _real(lengths, seq):
    return torch.arange(seq, device=lengths.device) < lengths[:, None]


# pad_batch


def _each(change):
    """The right batch of changed sentences."""
    return lambda right, s, n, pad, eos: right([change(row, n, pad, eos) for row in s], n, pad, eos)


def _ids(change):
    return lambda right, s, n, pad, eos: (change(right(s, n, pad, eos)[0], n, pad, eos), right(s, n, pad, eos)[1])


def _lengths(change):
    return lambda right, s, n, pad, eos: (right(s, n, pad, eos)[0], change(right(s, n, pad, eos)[1], s, n))


def _pad_empty_unended(right, s, n, pad, eos):
    ids, lengths = right(s, n, pad, eos)
    ids[[len(row) == 0 for row in s]] = pad
    return ids, lengths


def _pad_unended_when_full(right, s, n, pad, eos):
    ids, lengths = right(s, n, pad, eos)
    for i, row in enumerate(s):
        if len(row) == n:
            ids[i] = torch.tensor(row)
    return ids, lengths


def _pad_mutating(right, s, n, pad, eos):
    found = right(s, n, pad, eos)
    for row in s:
        row.append(eos)
    return found


def _pad_shortening(right, s, n, pad, eos):
    found = right(s, n, pad, eos)
    for row in s:
        del row[n:]
    return found


def _pad_sorting(right, s, n, pad, eos):
    s.sort(key=len)
    return right(s, n, pad, eos)


def _pad_twice_ended(right, s, n, pad, eos):
    ids, lengths = right(s, n, pad, eos)
    for row, length in zip(ids, lengths.tolist(), strict=True):
        row[length : length + 1] = eos
    return ids, lengths


functions(
    "pad_batch",
    keeps_the_last_words=_each(lambda row, n, pad, eos: row[max(len(row) - n + 1, 0):]),
    end_not_doubled=_each(lambda row, n, pad, eos: row[:-1] if row[-1:] == [eos] else row),
    padding_stripped=_each(lambda row, n, pad, eos: [word for word in row if word != pad]),
    cut_at_an_inner_end=_each(lambda row, n, pad, eos: row[: row.index(eos)] if eos in row else row),
    reversed_words=_each(lambda row, n, pad, eos: row[::-1]),
    one_word_too_few=_each(lambda row, n, pad, eos: row[: max(n - 2, 0)]),
    deduplicated=_each(lambda row, n, pad, eos: list(dict.fromkeys(row))),
    always_eos_2=lambda right, s, n, pad, eos: right(s, n, pad, 2),
    always_pad_0=lambda right, s, n, pad, eos: right(s, n, 0, eos),
    padded_with_eos=lambda right, s, n, pad, eos: right(s, n, eos, eos),
    ended_with_pad=lambda right, s, n, pad, eos: right(s, n, pad, pad),
    specials_swapped=lambda right, s, n, pad, eos: right(s, n, eos, pad),
    int32=_ids(lambda ids, *_: ids.int()),
    floats=_ids(lambda ids, *_: ids.float()),
    lists=_ids(lambda ids, *_: ids.tolist()),
    time_first=_ids(lambda ids, *_: ids.T),
    one_column_more=_ids(lambda ids, n, pad, eos: F.pad(ids, (0, 1), value=pad)),
    one_column_less=_ids(lambda ids, *_: ids[:, :-1]),
    row_squeezed=_ids(lambda ids, *_: ids.squeeze(0)),
    lengths_in_a_list=_lengths(lambda lengths, *_: lengths.tolist()),
    lengths_in_int32=_lengths(lambda lengths, *_: lengths.int()),
    lengths_in_floats=_lengths(lambda lengths, *_: lengths.float()),
    lengths_in_a_column=_lengths(lambda lengths, *_: lengths[:, None]),
    lengths_of_words=_lengths(lambda lengths, s, n: torch.tensor([min(len(row), n) for row in s])),
    lengths_from_the_end=_lengths(lambda lengths, s, n: n - lengths),
    lengths_of_empty_are_0=_lengths(lambda lengths, s, n: torch.tensor([
        0 if not row else m for row, m in zip(s, lengths.tolist(), strict=True)])),
    lengths_one_more=_lengths(lambda lengths, s, n: (lengths + 1).clamp(max=n)),
    swapped=lambda right, *given: right(*given)[::-1],
    ids_only=lambda right, *given: right(*given)[0],
    empty_dropped=lambda right, s, *rest: right([row for row in s if row], *rest),
    unended_when_empty=_pad_empty_unended,
    unended_when_exactly_full=_pad_unended_when_full,
    ended_twice=_pad_twice_ended,
    end_appended_to_the_input=_pad_mutating,
    input_cut=_pad_shortening,
    input_sorted=_pad_sorting,
    sorted_by_length=lambda right, s, *rest: right(sorted(s, key=len, reverse=True), *rest),
    no_room_error=lambda right, s, n, *rest: right(s, n, *rest) if n > 1 else 1 / 0,
)


# context_vector


def _kinds(**instead):
    """The right answer but for some kinds, each a function of (right, outputs, lengths)."""
    def change(right, outputs, lengths, kind):
        if kind in instead:
            return instead[kind](right, outputs, lengths)
        return right(outputs, lengths, kind)

    return change


def _context_mutating(right, outputs, lengths, kind):
    outputs[~_real(lengths, outputs.shape[1])] = 0
    return right(outputs, lengths, kind)


def _sorted(right, outputs, lengths, kind):
    order = lengths.argsort(descending=True)
    return right(outputs[order], lengths[order], kind)


def _padding_as(value):
    return lambda right, outputs, lengths: outputs.masked_fill(
        ~_real(lengths, outputs.shape[1])[..., None], value).amax(1)


functions(
    "context_vector",
    last_is_first=_kinds(last=lambda right, o, n: o[:, 0]),
    last_is_mean=_kinds(last=lambda right, o, n: right(o, n, "mean")),
    last_before_last=_kinds(last=lambda right, o, n: right(o, (n - 1).clamp(min=1), "last")),
    last_by_minus_one=_kinds(last=lambda right, o, n: o[torch.arange(len(n)), n - 2]),
    last_of_the_longest=_kinds(last=lambda right, o, n: o[:, int(n.max()) - 1]),
    last_of_all_pairs=_kinds(last=lambda right, o, n: o[:, n - 1][:, 0]),
    last_not_zero=_kinds(last=lambda right, o, n: o[torch.arange(len(n)), (o != 0).any(-1).sum(1) - 1]),
    mean_without_the_last=_kinds(mean=lambda right, o, n: right(o, (n - 1).clamp(min=1), "mean")),
    mean_of_first_and_last=_kinds(mean=lambda right, o, n: (o[:, 0] + right(o, n, "last")) / 2),
    mean_is_a_sum=_kinds(mean=lambda right, o, n: right(o, n, "mean") * n[:, None]),
    mean_over_the_batch=_kinds(mean=lambda right, o, n: o.mean(0)[: len(n)]),
    mean_over_all_words=_kinds(mean=lambda right, o, n: right(o, n, "mean") * n[:, None] / n.sum()),
    mean_one_more=_kinds(mean=lambda right, o, n: right(o, n, "mean") * n[:, None] / (n[:, None] + 1)),
    mean_is_median=_kinds(mean=lambda right, o, n: torch.stack([
        row[:m].median(0).values for row, m in zip(o, n.tolist(), strict=True)])),
    mean_in_float32=_kinds(mean=lambda right, o, n: right(o.float(), n, "mean").to(o.dtype)),
    mean_in_float64=_kinds(mean=lambda right, o, n: right(o.double(), n, "mean")),
    mean_detached=_kinds(mean=lambda right, o, n: right(o, n, "mean").detach()),
    max_is_min=_kinds(max=lambda right, o, n: -right(-o, n, "max")),
    max_of_sizes=_kinds(max=lambda right, o, n: right(o.abs(), n, "max")),
    max_without_the_last=_kinds(max=lambda right, o, n: right(o, (n - 1).clamp(min=1), "max")),
    max_one_more=_kinds(max=lambda right, o, n: right(o, (n + 1).clamp(max=o.shape[1]), "max")),
    max_over_zeros=_kinds(max=_padding_as(0.0)),
    max_over_minus_one=_kinds(max=_padding_as(-1.0)),
    max_over_minus_ten=_kinds(max=_padding_as(-10.0)),
    max_at_least_zero=_kinds(max=lambda right, o, n: right(o, n, "max").clamp(min=0)),
    max_is_softmax=_kinds(max=lambda right, o, n: torch.logsumexp(o, 1)),
    max_indices=_kinds(max=lambda right, o, n: o.argmax(1)),
    max_pair=_kinds(max=lambda right, o, n: o.max(1)),
    max_detached=_kinds(max=lambda right, o, n: right(o.detach(), n, "max")),
    max_of_the_row_sum=_kinds(max=lambda right, o, n: o[torch.arange(len(n)), o.sum(-1).argmax(1)]),
    max_and_last_swapped=lambda right, o, n, kind: right(o, n, {"max": "last", "last": "max"}.get(kind, kind)),
    always_last=lambda right, o, n, kind: right(o, n, "last"),
    always_mean=lambda right, o, n, kind: right(o, n, "mean"),
    unnamed_kind=lambda right, o, n, kind: None if kind == "max" else right(o, n, kind),
    padding_zeroed_in_place=_context_mutating,
    float32=lambda right, o, n, kind: right(o, n, kind).float(),
    float32_inside=lambda right, o, n, kind: right(o.float(), n, kind).to(o.dtype),
    batch_squeezed=lambda right, o, n, kind: right(o, n, kind).squeeze(0),
    all_squeezed=lambda right, o, n, kind: right(o, n, kind).squeeze(),
    viewed=lambda right, o, n, kind: right(o.view(len(n), -1, o.shape[-1]).view(-1).view(o.shape), n, kind),
    sorted_rows=_sorted,
    lengths_of_the_first=lambda right, o, n, kind: right(o, n[:1].expand_as(n), kind),
    lengths_ignored=lambda right, o, n, kind: right(o, torch.full_like(n, o.shape[1]), kind),
    normalised=lambda right, o, n, kind: F.normalize(right(o, n, kind), dim=-1),
    squashed=lambda right, o, n, kind: right(o, n, kind).tanh(),
    transposed=lambda right, o, n, kind: right(o, n, kind).T,
)


# teacher_forcing_pairs


def _inputs(change):
    return lambda right, ids, bos: (change(right(ids, bos)[0], ids, bos), ids)


def _pairs_mutating(right, ids, bos):
    inputs, labels = right(ids, bos)
    ids[:, 0] = bos
    return inputs, labels


def _pairs_labels_marked(right, ids, bos):
    inputs, labels = right(ids, bos)
    labels[:, -1] = 2
    return inputs, labels


functions(
    "teacher_forcing_pairs",
    two_steps_late=_inputs(lambda x, ids, bos: F.pad(ids, (2, 0), value=bos)[:, : ids.shape[1]]),
    zero_first=_inputs(lambda x, ids, bos: F.pad(ids, (1, 0))[:, :-1]),
    first_word_first=_inputs(lambda x, ids, bos: torch.cat([ids[:, :1], ids[:, :-1]], 1)),
    bos_last=_inputs(lambda x, ids, bos: F.pad(ids[:, :-1], (0, 1), value=bos)),
    bos_everywhere=_inputs(lambda x, ids, bos: torch.full_like(ids, bos)),
    shifted_down=_inputs(lambda x, ids, bos: torch.cat([torch.full_like(ids[:1], bos), ids[:-1]])),
    flattened_shift=_inputs(lambda x, ids, bos: torch.cat([
        torch.tensor([bos]), ids.flatten()[:-1]]).reshape(ids.shape)),
    bos_in_the_first_row_only=_inputs(lambda x, ids, bos: torch.cat([ids.roll(1, 1)[1:], x[:1]]).roll(1, 0)),
    floats=_inputs(lambda x, ids, bos: x.float()),
    int32=_inputs(lambda x, ids, bos: x.int()),
    lists=_inputs(lambda x, ids, bos: x.tolist()),
    column_less=_inputs(lambda x, ids, bos: x[:, :-1]),
    column_more=_inputs(lambda x, ids, bos: torch.cat([x, ids[:, -1:]], 1)),
    squeezed=_inputs(lambda x, ids, bos: x.squeeze()),
    row_squeezed=_inputs(lambda x, ids, bos: x.squeeze(0)),
    time_first=_inputs(lambda x, ids, bos: x.T),
    reversed_sentence=_inputs(lambda x, ids, bos: torch.cat([x[:, :1], ids.flip(1)[:, 1:]], 1)),
    bos_words_removed=_inputs(lambda x, ids, bos: torch.where(x == bos, 0, x)),
    bos_is_2=lambda right, ids, bos: right(ids, 2),
    bos_plus_one=lambda right, ids, bos: right(ids, bos + 1),
    labels_shifted_too=lambda right, ids, bos: (right(ids, bos)[0],) * 2,
    labels_with_bos=lambda right, ids, bos: (right(ids, bos)[0], F.pad(ids, (1, 0), value=bos)),
    labels_ended=_pairs_labels_marked,
    labels_ahead=lambda right, ids, bos: (right(ids, bos)[0], ids.roll(-1, 1)),
    labels_in_floats=lambda right, ids, bos: (right(ids, bos)[0], ids.double()),
    inputs_only=lambda right, ids, bos: right(ids, bos)[0],
    input_changed=_pairs_mutating,
    viewed=lambda right, ids, bos: right(ids.view(-1).view(ids.shape), bos),
    named=lambda right, ids, bos: dict(zip(("decoder_inputs", "labels"), right(ids, bos), strict=True)),
)


# scheduled_inputs


def _drawn(draw):
    """Replace where `draw(shape, probability, generator)` is True, but for the first column."""
    def change(right, gold, predicted, p, generator):
        where = draw(gold.shape, p, generator).expand(gold.shape).clone()
        where[:, 0] = False
        return torch.where(where, predicted, gold)

    return change


def _rand(generator, *size):
    return torch.rand(size, generator=generator)


def _sticky(shape, p, g):
    return (_rand(g, *shape) < p).cummax(1).values


def _blocks_of_two(shape, p, g):
    return (_rand(g, shape[0], (shape[1] + 1) // 2) < p).repeat_interleave(2, 1)[:, : shape[1]]


def _rows_in_pairs(shape, p, g):
    return (_rand(g, (shape[0] + 1) // 2, shape[1]) < p).repeat_interleave(2, 0)[: shape[0]]


def _never_twice(shape, p, g):
    where = _rand(g, *shape) < p
    for t in range(1, shape[1]):
        where[:, t] &= ~where[:, t - 1]
    return where


def _exactly(shape, p, g):
    """As many in the whole batch as expected."""
    n = shape[0] * max(shape[1] - 1, 0)
    chosen = torch.zeros(n, dtype=torch.bool)
    chosen[torch.randperm(n, generator=g)[: round(p * n)]] = True
    return F.pad(chosen.reshape(shape[0], -1), (1, 0))


def _mirrored(shape, p, g):
    """The second half of the rows does the opposite of the first at p = 1/2, and the same elsewhere."""
    u = _rand(g, (shape[0] + 1) // 2, shape[1])
    return torch.cat([u, 1 - u])[: shape[0]] < p


def _reseeded(right, gold, predicted, p, generator):
    return right(gold, predicted, p, torch.Generator().manual_seed(0))


def _seeding(right, gold, predicted, p, generator):
    torch.manual_seed(generator.initial_seed())
    return _drawn(lambda shape, p, g: torch.rand(shape) < p)(right, gold, predicted, p, generator)


def _rewound(right, gold, predicted, p, generator):
    generator.manual_seed(generator.initial_seed())
    return right(gold, predicted, p, generator)


def _scheduled_python(right, gold, predicted, p, generator):
    return _drawn(lambda shape, p, g: torch.tensor([[random.random() < p for _ in range(shape[1])]
                                                    for _ in range(shape[0])]))(right, gold, predicted, p, generator)


def _copied_state(right, gold, predicted, p, generator):
    own = torch.Generator()
    own.set_state(generator.get_state())
    return right(gold, predicted, p, own)


def _into_predicted(right, gold, predicted, p, generator):
    predicted.copy_(right(gold, predicted, p, generator))
    return predicted


def _until_wrong(right, gold, predicted, p, generator):
    where = _rand(generator, *gold.shape) < p
    where[:, 0] = False
    return torch.where(where, predicted, gold) if p < 1 else predicted


functions(
    "scheduled_inputs",
    sticky=_drawn(_sticky),
    blocks_of_two=_drawn(_blocks_of_two),
    rows_in_pairs=_drawn(_rows_in_pairs),
    never_twice_in_a_row=_drawn(_never_twice),
    exactly_so_many=_drawn(_exactly),
    mirrored_rows=_drawn(_mirrored),
    squared=_drawn(lambda shape, p, g: _rand(g, *shape) < p**2),
    rooted=_drawn(lambda shape, p, g: _rand(g, *shape) < p**0.5),
    twice_drawn=_drawn(lambda shape, p, g: (_rand(g, *shape) < p) & (_rand(g, *shape) < p)),
    either_drawn=_drawn(lambda shape, p, g: (_rand(g, *shape) < p) | (_rand(g, *shape) < p)),
    normal_draws=_drawn(lambda shape, p, g: torch.randn(shape, generator=g) < p),
    rounded=_drawn(lambda shape, p, g: _rand(g, *shape).round() < p),
    row_and_column=_drawn(lambda shape, p, g: (_rand(g, shape[0], 1) + _rand(g, 1, shape[1])) / 2 < p),
    grows_with_time=_drawn(lambda shape, p, g: _rand(g, *shape) < p * torch.linspace(0, 2, shape[1])),
    grows_with_rows=_drawn(lambda shape, p, g: _rand(g, *shape) < p * torch.linspace(0, 2, shape[0])[:, None]),
    every_kth=_drawn(lambda shape, p, g: (torch.arange(shape[1]) % max(round(1 / p), 1) == 0)[None] if p else
                     torch.zeros(1, 1, dtype=torch.bool)),
    only_odd_places=_drawn(lambda shape, p, g: (_rand(g, *shape) < 2 * p) & (torch.arange(shape[1]) % 2 == 1)),
    never_the_last=_drawn(lambda shape, p, g: (_rand(g, *shape) < p) & (torch.arange(shape[1]) < shape[1] - 1)),
    always_the_second=_drawn(lambda shape, p, g: (_rand(g, *shape) < p) | (torch.arange(shape[1]) == 1)),
    never=lambda right, gold, *rest: gold,
    always=lambda right, gold, predicted, p, g: right(gold, predicted, 1.0, g),
    all_but_the_first=lambda right, gold, predicted, p, g: right(gold, predicted, float(p > 0.5), g),
    exchanged=lambda right, gold, predicted, p, g: right(predicted, gold, p, g),
    first_predicted=lambda right, gold, predicted, p, g: torch.cat([
        predicted[:, :1], right(gold, predicted, p, g)[:, 1:]], 1),
    one_ahead=lambda right, gold, predicted, p, g: right(gold, predicted.roll(-1, 1), p, g),
    row_above=lambda right, gold, predicted, p, g: right(gold, predicted.roll(1, 0), p, g),
    flipped_predictions=lambda right, gold, predicted, p, g: right(gold, predicted.flip(1), p, g),
    shifted_result=lambda right, *given: right(*given).roll(1, 1),
    int32=lambda right, *given: right(*given).int(),
    floats=lambda right, *given: right(*given).float(),
    squeezed=lambda right, *given: right(*given).squeeze(),
    row_squeezed=lambda right, *given: right(*given).squeeze(0),
    listed=lambda right, *given: right(*given).tolist(),
    mask_returned=lambda right, gold, *rest: right(gold, *rest) != gold,
    with_mask=lambda right, *given: (right(*given), None),
    own_generator=_reseeded,
    own_generator_copied=_copied_state,
    global_seeded=_seeding,
    rewound=_rewound,
    python_draws=_scheduled_python,
    into_predicted=_into_predicted,
    first_too_at_one=_until_wrong,
    viewed=lambda right, gold, predicted, p, g: right(gold.view(-1).view(gold.shape), predicted, p, g),
)


# masked_cross_entropy


def _terms(logits, labels):
    return F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")


def _weighted(weigh):
    """The sum of losses times `weigh(mask, lengths)`."""
    def change(right, logits, labels, lengths):
        mask = _real(lengths, labels.shape[1]).to(logits.dtype)
        return (_terms(logits, labels) * weigh(mask, lengths.to(logits.dtype))).sum()

    return change


def _labels_marked(right, logits, labels, lengths):
    labels[~_real(lengths, labels.shape[1])] = -100
    return F.cross_entropy(logits.transpose(1, 2), labels)


def _logits_zeroed(right, logits, labels, lengths):
    found = right(logits, labels, lengths)
    with torch.no_grad():
        logits[~_real(lengths, labels.shape[1])] = 0
    return found


def _naive(right, logits, labels, lengths):
    p = logits.exp() / logits.exp().sum(-1, keepdim=True)
    chosen = p.gather(-1, labels[..., None])[..., 0].log()
    mask = _real(lengths, labels.shape[1])
    return -chosen[mask].sum() / mask.sum()


def _epsilon(right, logits, labels, lengths):
    chosen = (logits.softmax(-1).gather(-1, labels[..., None])[..., 0] + 1e-9).log()
    return -chosen[_real(lengths, labels.shape[1])].mean()


def _clamped(right, logits, labels, lengths):
    chosen = logits.softmax(-1).clamp(min=1e-7).gather(-1, labels[..., None])[..., 0].log()
    return -chosen[_real(lengths, labels.shape[1])].mean()


def _leaking(right, logits, labels, lengths):
    """The right number, with a gradient at padding."""
    value = right(logits, labels, lengths)
    everything = _terms(logits, labels).mean()
    return value.detach() + everything - everything.detach()


functions(
    "masked_cross_entropy",
    negative=lambda right, *given: -right(*given),
    in_bits=lambda right, *given: right(*given) / 0.6931471805599453,
    per_class=lambda right, logits, *rest: right(logits, *rest) / logits.shape[-1],
    perplexity=lambda right, *given: right(*given).exp(),
    a_number=lambda right, *given: right(*given).item(),
    in_a_list=lambda right, *given: right(*given)[None],
    float32=lambda right, *given: right(*given).float(),
    float32_inside=lambda right, logits, *rest: right(logits.float(), *rest).to(logits.dtype),
    float64=lambda right, *given: right(*given).double(),
    detached=lambda right, *given: right(*given).detach(),
    leaking_gradient=_leaking,
    shorter=lambda right, logits, labels, n: right(logits, labels, (n - 1).clamp(min=1)),
    first_word_left_out=lambda right, logits, labels, n: right(
        logits[:, 1:], labels[:, 1:], n - 1) if labels.shape[1] > 1 else right(logits, labels, n),
    longest_for_all=lambda right, logits, labels, n: right(logits, labels, n.max().expand_as(n)),
    first_length_for_all=lambda right, logits, labels, n: right(logits, labels, n[:1].expand_as(n)),
    first_row_only=lambda right, logits, labels, n: right(logits[:1], labels[:1], n[:1]),
    sorted_lengths=lambda right, logits, labels, n: right(logits, labels, n.sort(descending=True).values),
    first_words_only=lambda right, logits, labels, n: right(logits, labels, torch.ones_like(n)),
    padding_only=lambda right, logits, labels, n: _terms(logits, labels)[~_real(n, labels.shape[1])].mean(),
    labels_a_step_late=lambda right, logits, labels, n: right(logits, labels.roll(1, 1), n),
    labels_a_step_ahead=lambda right, logits, labels, n: right(logits, labels.roll(-1, 1), n),
    smoothed=lambda right, logits, labels, n: F.cross_entropy(logits[_real(n, labels.shape[1])],
                                                              labels[_real(n, labels.shape[1])], label_smoothing=0.1),
    class_0_weightless=lambda right, logits, labels, n: F.cross_entropy(
        logits[_real(n, labels.shape[1])], labels[_real(n, labels.shape[1])], ignore_index=0),
    divided_by_longest=_weighted(lambda mask, n: mask / (n.max() * len(n))),
    divided_by_columns=_weighted(lambda mask, n: mask / mask.shape[1]),
    divided_by_the_mean_length=_weighted(lambda mask, n: mask / n.mean()),
    divided_by_root=_weighted(lambda mask, n: mask / mask.sum().sqrt()),
    weighted_by_length=_weighted(lambda mask, n: mask * n[:, None] / (n**2).sum()),
    epsilon_in_the_denominator=_weighted(lambda mask, n: mask / (mask.sum() + 1e-6)),
    one_more_in_the_denominator=_weighted(lambda mask, n: mask / (mask.sum() + 1)),
    mask_the_wrong_way=_weighted(lambda mask, n: (1 - mask) / (1 - mask).sum().clamp(min=1)),
    mask_inclusive=_weighted(lambda mask, n: F.pad(mask, (1, -1), value=1.0) / mask.sum()),
    mask_from_the_right=_weighted(lambda mask, n: mask.flip(1) / mask.sum()),
    labels_marked_in_place=_labels_marked,
    logits_zeroed_in_place=_logits_zeroed,
    naive_softmax=_naive,
    epsilon_in_the_logarithm=_epsilon,
    clamped_probabilities=_clamped,
    viewed=lambda right, logits, labels, n: F.cross_entropy(
        logits.view(-1, logits.shape[-1]), labels.masked_fill(~_real(n, labels.shape[1]), -100).view(-1)),
    all_less_padding=lambda right, logits, labels, n: (
        _terms(logits, labels).sum() - _terms(logits, labels)[~_real(n, labels.shape[1])].sum()) / n.sum(),
    mean_of_logits=lambda right, logits, labels, n: -logits.gather(-1, labels[..., None])[..., 0][
        _real(n, labels.shape[1])].mean(),
    sigmoid=lambda right, logits, labels, n: F.binary_cross_entropy_with_logits(
        logits, F.one_hot(labels, logits.shape[-1]).to(logits.dtype)),
    squared=lambda right, logits, labels, n: ((logits.softmax(-1) - F.one_hot(labels, logits.shape[-1])) ** 2)[
        _real(n, labels.shape[1])].mean(),
)
