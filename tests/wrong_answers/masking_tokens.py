"""Wrong tokens and pairs of lesson 07, beyond the named misconceptions: `WRONG[exercise]` lists them."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch

from autograder.reference import masking as right

WRONG: dict[str, list[Any]] = {}


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        WRONG.setdefault(exercise_id, []).append(answer)


def _allowed(special_ids, vocab_size):
    return torch.tensor([i for i in range(vocab_size) if i not in special_ids])


def _labels(ids, chosen):
    return ids.masked_fill(~chosen, -100)


def _masking(
    numbers: Any = lambda ids, g: torch.rand(ids.shape, generator=g),
    random_ids: Any = lambda ids, s, v, g: _allowed(s, v)[torch.randint(len(_allowed(s, v)), ids.shape, generator=g)],
    bounds: tuple[float, float] = (0.8, 0.9),
) -> Any:
    """The reference with a part exchanged."""

    def mask(ids, chosen, mask_id, special_ids, vocab_size, generator):
        number = numbers(ids, generator)
        inputs = torch.where(chosen & (number < bounds[0]), mask_id, ids)
        other = random_ids(ids, special_ids, vocab_size, generator)
        inputs = torch.where(chosen & (number >= bounds[0]) & (number < bounds[1]), other, inputs)
        return inputs, _labels(ids, chosen)

    return mask


def _after(change: Callable[..., Any]) -> Any:
    """Something done to the right result."""
    return lambda ids, c, m, s, v, g: change(*right.mask_tokens(ids, c, m, s, v, g), ids, c, m)


def _picked(low: Callable[..., int], high: Callable[..., int]) -> Any:
    """A random ordinary id by its rank, from low to high - 1."""

    def draw(ids, special_ids, vocab_size, generator):
        allowed = _allowed(special_ids, vocab_size)
        first, end = low(len(allowed)), max(high(len(allowed)), low(len(allowed)) + 1)
        first, end = min(first, len(allowed) - 1), min(end, len(allowed))
        return allowed[torch.randint(first, end, ids.shape, generator=generator)]

    return draw


def _never_the_original(ids, special_ids, vocab_size, generator):
    allowed = _allowed(special_ids, vocab_size)
    if len(allowed) == 1:
        return allowed[0].expand(ids.shape)
    rank = torch.searchsorted(allowed, ids).clamp(max=len(allowed) - 1)
    return allowed[(rank + torch.randint(1, len(allowed), ids.shape, generator=generator)) % len(allowed)]


def _the_next_id(ids, special_ids, vocab_size, generator):
    allowed = _allowed(special_ids, vocab_size)
    rank = torch.searchsorted(allowed, ids).clamp(max=len(allowed) - 1)
    return allowed[(rank + 1) % len(allowed)]


def _shuffled_ids(ids, special_ids, vocab_size, generator):
    """Tokens of the batch in another order; where that gives a special, an ordinary one."""
    mixed = ids.flatten()[torch.randperm(ids.numel(), generator=generator)].view(ids.shape)
    return torch.where(torch.isin(mixed, torch.tensor(special_ids)), _allowed(special_ids, vocab_size)[0], mixed)


def _one_id(ids, special_ids, vocab_size, generator):
    allowed = _allowed(special_ids, vocab_size)
    return allowed[torch.randint(len(allowed), (1, 1), generator=generator)].expand(ids.shape)


def _one_id_a_row(ids, special_ids, vocab_size, generator):
    allowed = _allowed(special_ids, vocab_size)
    return allowed[torch.randint(len(allowed), (len(ids), 1), generator=generator)].expand(ids.shape)


def _rounded_ids(ids, special_ids, vocab_size, generator):
    """Both ends come half as often."""
    allowed = _allowed(special_ids, vocab_size)
    return allowed[(torch.rand(ids.shape, generator=generator) * (len(allowed) - 1)).round().long()]


def _clamped_ids(ids, special_ids, vocab_size, generator):
    """Drawn from all ids; specials become the first ordinary one."""
    drawn = torch.randint(vocab_size, ids.shape, generator=generator)
    return torch.where(torch.isin(drawn, torch.tensor(special_ids)), _allowed(special_ids, vocab_size)[0], drawn)


def _behind_the_specials(ids, special_ids, vocab_size, generator):
    """Right where the specials are the first ids."""
    return torch.randint(len(special_ids), vocab_size, ids.shape, generator=generator)


def _behind_the_largest_special(ids, special_ids, vocab_size, generator):
    low = min(max(special_ids) + 1, vocab_size - 1)
    return torch.randint(low, vocab_size, ids.shape, generator=generator)


def _exact_shares(ids, chosen, mask_id, special_ids, vocab_size, generator):
    """Of the chosen, as many as 80 % are masked, and 10 % replaced, rounded down."""
    inputs, places = ids.clone(), chosen.nonzero()
    places = places[torch.randperm(len(places), generator=generator)]
    masked, replaced = int(0.8 * len(places)), int(0.1 * len(places))
    allowed = _allowed(special_ids, vocab_size)
    for k, (i, j) in enumerate(places.tolist()):
        if k < masked:
            inputs[i, j] = mask_id
        elif k < masked + replaced:
            inputs[i, j] = allowed[int(torch.randint(len(allowed), (1,), generator=generator))]
    return inputs, _labels(ids, chosen)


def _in_order(ids, chosen, mask_id, special_ids, vocab_size, generator):
    """The first 80 % of the chosen are masked, then come 10 % random ones, then those that stay."""
    order = (chosen.flatten().cumsum(0).view(ids.shape) - 0.5) / chosen.sum().clamp(min=1)
    allowed = _allowed(special_ids, vocab_size)
    other = allowed[torch.randint(len(allowed), ids.shape, generator=generator)]
    inputs = torch.where(chosen & (order < 0.8), mask_id, torch.where(chosen & (order < 0.9), other, ids))
    return inputs, _labels(ids, chosen)


def _by_turns(ids, chosen, mask_id, special_ids, vocab_size, generator):
    """Of every ten chosen tokens, eight are masked, one is replaced, one stays."""
    turn = (chosen.flatten().cumsum(0).view(ids.shape) + int(torch.randint(10, (1,), generator=generator))) % 10
    allowed = _allowed(special_ids, vocab_size)
    other = allowed[torch.randint(len(allowed), ids.shape, generator=generator)]
    inputs = torch.where(chosen & (turn < 8), mask_id, torch.where(chosen & (turn == 8), other, ids))
    return inputs, _labels(ids, chosen)


def _masks_also_unchosen(ids, chosen, mask_id, special_ids, vocab_size, generator):
    more = chosen | (ids == ids.max())
    return right.mask_tokens(ids, more, mask_id, special_ids, vocab_size, generator)[0], _labels(ids, chosen)


def _stays_where_random_is_equal(ids, chosen, mask_id, special_ids, vocab_size, generator):
    """No label where the input reads as before."""
    inputs, labels = right.mask_tokens(ids, chosen, mask_id, special_ids, vocab_size, generator)
    return inputs, labels.masked_fill(inputs != mask_id, -100)


def _fixed_mask_id(ids, chosen, mask_id, special_ids, vocab_size, generator):
    return right.mask_tokens(ids, chosen, 3, special_ids, vocab_size, generator)


def _first_special_for_mask(ids, chosen, mask_id, special_ids, vocab_size, generator):
    return right.mask_tokens(ids, chosen, special_ids[0], special_ids, vocab_size, generator)


def _numbers_from(source: Callable[..., Any]) -> Any:
    return _masking(numbers=source)


def _copied(ids, chosen, mask_id, special_ids, vocab_size, generator):
    copy = torch.Generator().manual_seed(generator.initial_seed())
    return right.mask_tokens(ids, chosen, mask_id, special_ids, vocab_size, copy)


def _grows_the_specials(ids, chosen, mask_id, special_ids, vocab_size, generator):
    found = right.mask_tokens(ids, chosen, mask_id, special_ids, vocab_size, generator)
    special_ids.sort()
    return found


def _clears_chosen(ids, chosen, mask_id, special_ids, vocab_size, generator):
    inputs, labels = right.mask_tokens(ids, chosen, mask_id, special_ids, vocab_size, generator)
    chosen &= inputs == mask_id
    return inputs, labels


among(
    "mask_tokens",
    never_the_original=_masking(random_ids=_never_the_original), the_next_id=_masking(random_ids=_the_next_id),
    shuffled_ids=_masking(random_ids=_shuffled_ids), one_id=_masking(random_ids=_one_id),
    one_id_a_row=_masking(random_ids=_one_id_a_row), rounded_ids=_masking(random_ids=_rounded_ids),
    clamped_ids=_masking(random_ids=_clamped_ids), behind_the_specials=_masking(random_ids=_behind_the_specials),
    behind_the_largest_special=_masking(random_ids=_behind_the_largest_special),
    first_id_never=_masking(random_ids=_picked(lambda n: 1, lambda n: n)),
    first_half_only=_masking(random_ids=_picked(lambda n: 0, lambda n: n // 2)),
    first_always=_masking(random_ids=_picked(lambda n: 0, lambda n: 1)),
    unknown_for_random=_masking(random_ids=lambda ids, s, v, g: torch.full_like(ids, s[-2] if len(s) > 1 else s[0])),
    zero_for_random=_masking(random_ids=lambda ids, s, v, g: torch.zeros_like(ids)),
    one_past_the_end=_masking(random_ids=lambda ids, s, v, g: torch.randint(1, v + 1, ids.shape, generator=g)),
    global_random_ids=_masking(
        random_ids=lambda ids, s, v, g: _allowed(s, v)[torch.randint(len(_allowed(s, v)), ids.shape)]
    ),
    shares_90_5_5=_masking(bounds=(0.9, 0.95)), shares_80_15_5=_masking(bounds=(0.8, 0.95)),
    shares_80_5_15=_masking(bounds=(0.8, 0.85)), shares_70_15_15=_masking(bounds=(0.7, 0.85)),
    shares_15_70_15=_masking(bounds=(0.15, 0.85)), shares_10_10_80=_masking(bounds=(0.1, 0.2)),
    shares_10_80_10=_masking(bounds=(0.1, 0.9)), shares_80_0_20=_masking(bounds=(0.8, 0.8)),
    shares_thirds=_masking(bounds=(1 / 3, 2 / 3)), shares_0_50_50=_masking(bounds=(0.0, 0.5)),
    one_number_a_batch=_numbers_from(lambda ids, g: torch.rand((), generator=g).expand(ids.shape)),
    one_number_a_column=_numbers_from(lambda ids, g: torch.rand(ids.shape[1], generator=g).expand(ids.shape)),
    one_number_a_type=_numbers_from(lambda ids, g: torch.rand(int(ids.max()) + 1, generator=g)[ids]),
    two_rows_share=_numbers_from(lambda ids, g: torch.rand(ids.shape, generator=g)[torch.arange(len(ids)) // 2]),
    neighbours_share=_numbers_from(
        lambda ids, g: torch.rand(ids.shape, generator=g)[:, torch.arange(ids.shape[1]) // 2]
    ),
    gaussian=_numbers_from(lambda ids, g: torch.randn(ids.shape, generator=g)),
    global_numbers=_numbers_from(lambda ids, g: torch.rand(ids.shape)),
    python_numbers=_numbers_from(
        lambda ids, g: torch.tensor([[random.random() for _ in row] for row in ids.tolist()])
    ),
    by_place=_numbers_from(
        lambda ids, g: torch.rand(ids.shape, generator=g) ** torch.linspace(0.5, 2, ids.shape[1])
    ),
    exact_shares=_exact_shares, in_order=_in_order, by_turns=_by_turns,
    masks_also_unchosen=_masks_also_unchosen, labels_of_masks_only=_stays_where_random_is_equal,
    fixed_mask_id=_fixed_mask_id, first_special_for_mask=_first_special_for_mask, copied_generator=_copied,
    sorts_the_specials=_grows_the_specials, clears_chosen=_clears_chosen,
    labels_zero=_after(lambda x, y, ids, c, m: (x, ids.masked_fill(~c, 0))),
    labels_minus_one=_after(lambda x, y, ids, c, m: (x, ids.masked_fill(~c, -1))),
    labels_swapped=_after(lambda x, y, ids, c, m: (x, ids.masked_fill(c, -100))),
    labels_int32=_after(lambda x, y, ids, c, m: (x, y.int())),
    labels_float=_after(lambda x, y, ids, c, m: (x, y.float())),
    labels_picked=_after(lambda x, y, ids, c, m: (x, ids[c])),
    inputs_float=_after(lambda x, y, ids, c, m: (x.float(), y)),
    swapped=_after(lambda x, y, ids, c, m: (y, x)), only_inputs=_after(lambda x, y, ids, c, m: x),
    three=_after(lambda x, y, ids, c, m: (x, y, c)),
    squeezed=_after(lambda x, y, ids, c, m: (x.squeeze(), y.squeeze())),
    all_but_padding_labelled=_after(lambda x, y, ids, c, m: (x, ids.masked_fill(ids == 0, -100))),
    nothing=lambda ids, c, m, s, v, g: None,
)


def _drawn(p, generator):
    return torch.multinomial(p.double().flatten(0, 1), 1, generator=generator).view(p.shape[:2])


def _sampling(probabilities: Callable[..., Any]) -> Any:
    """Samples from other probabilities; all else is right."""

    def replace(ids, chosen, logits, generator):
        p = probabilities(logits.double(), ids, chosen)
        inputs = torch.where(chosen, _drawn(p, generator), ids)
        return inputs, inputs != ids

    return replace


def _uniforms(numbers: Callable[..., Any]) -> Any:
    """Inverts the summed probabilities at numbers that are not independent."""

    def replace(ids, chosen, logits, generator):
        total = logits.double().softmax(-1).cumsum(-1)
        u = numbers(ids, generator).expand(ids.shape)[..., None]
        inputs = torch.where(chosen, (total < u).sum(-1).clamp(max=logits.shape[-1] - 1), ids)
        return inputs, inputs != ids

    return replace


def _then(change: Callable[..., Any]) -> Any:
    return lambda ids, c, x, g: change(*right.replace_tokens(ids, c, x, g), ids, c, x)


def _top(k: int) -> Any:
    return lambda x, ids, c: x.masked_fill(x < x.topk(min(k, x.shape[-1])).values[..., -1:], -torch.inf).softmax(-1)


def _nucleus(x, ids, c):
    p, order = x.softmax(-1).sort(descending=True)
    kept = torch.where(p.cumsum(-1) - p < 0.8, p, 0.0)
    return torch.zeros_like(p).scatter(-1, order, kept)


def _exp_overflow(x, ids, c):
    p = x.float().exp()
    return (p / p.sum(-1, keepdim=True)).double()


def _replace_in_place(ids, chosen, logits, generator):
    inputs, replaced = right.replace_tokens(ids, chosen, logits, generator)
    return ids.copy_(inputs), replaced


def _replace_late_compare(ids, chosen, logits, generator):
    """Compares with the ids after these have been overwritten."""
    inputs = ids
    drawn = _drawn(logits.softmax(-1), generator)
    inputs[chosen] = drawn[chosen]
    return inputs, inputs != ids


def _scales_the_logits(ids, chosen, logits, generator):
    found = right.replace_tokens(ids, chosen, logits, generator)
    with torch.no_grad():
        logits.sub_(logits.amax(-1, keepdim=True))
    return found


def _copied_sampling(ids, chosen, logits, generator):
    return right.replace_tokens(ids, chosen, logits, torch.Generator().manual_seed(generator.initial_seed()))


def _resampled_once(ids, chosen, logits, generator):
    """Where the sample is the original, one more try."""
    first = _drawn(logits.softmax(-1), generator)
    drawn = torch.where(first == ids, _drawn(logits.softmax(-1), generator), first)
    inputs = torch.where(chosen, drawn, ids)
    return inputs, inputs != ids


def _misplaced(ids, chosen, logits, generator):
    """Samples for the chosen positions are put in from the last to the first."""
    inputs = ids.clone()
    if chosen.any():
        drawn = torch.multinomial(logits[chosen].double().softmax(-1), 1, generator=generator)[:, 0]
        inputs[chosen] = drawn.flip(0)
    return inputs, inputs != ids


def _noisy_argmax(ids, chosen, logits, generator):
    noise = torch.randn(logits.shape, generator=generator, dtype=torch.float64)
    inputs = torch.where(chosen, (logits + noise).argmax(-1), ids)
    return inputs, inputs != ids


among(
    "replace_tokens",
    cooler=_sampling(lambda x, ids, c: (2 * x).softmax(-1)), warmer=_sampling(lambda x, ids, c: (x / 2).softmax(-1)),
    a_little_warmer=_sampling(lambda x, ids, c: (x / 1.4).softmax(-1)),
    negated=_sampling(lambda x, ids, c: (-x).softmax(-1)), sigmoid=_sampling(lambda x, ids, c: x.sigmoid() + 1e-12),
    shifted=_sampling(lambda x, ids, c: x - x.amin(-1, True) + 1e-9),
    top_one=_sampling(_top(1)), top_two=_sampling(_top(2)), top_three=_sampling(_top(3)), nucleus=_sampling(_nucleus),
    overflowing=_sampling(_exp_overflow), over_the_row=_sampling(lambda x, ids, c: x.softmax(1)),
    over_the_batch=_sampling(lambda x, ids, c: x.softmax(0)),
    position_before=_sampling(lambda x, ids, c: x.roll(1, 1).softmax(-1)),
    position_behind=_sampling(lambda x, ids, c: x.roll(-1, 1).softmax(-1)),
    row_before=_sampling(lambda x, ids, c: x.roll(1, 0).softmax(-1)),
    mean_of_the_row=_sampling(lambda x, ids, c: x.mean(1, True).expand(x.shape).softmax(-1)),
    first_of_the_batch=_sampling(lambda x, ids, c: x[:1, :1].expand(x.shape).softmax(-1)),
    first_id_never=_sampling(lambda x, ids, c: x.softmax(-1) * (torch.arange(x.shape[-1]) > 0) + 1e-12),
    last_id_never=_sampling(lambda x, ids, c: x.softmax(-1) * (torch.arange(x.shape[-1]).flip(0) > 0) + 1e-12),
    original_likelier=_sampling(lambda x, ids, c: x.scatter_add(-1, ids[..., None], torch.ones_like(x)).softmax(-1)),
    original_half_as_likely=_sampling(
        lambda x, ids, c: x.scatter_add(-1, ids[..., None], torch.full_like(x, -0.7)).softmax(-1)
    ),
    smoothed=_sampling(lambda x, ids, c: 0.9 * x.softmax(-1) + 0.1 / x.shape[-1]),
    one_number_a_batch=_uniforms(lambda ids, g: torch.rand(1, 1, generator=g)),
    one_number_a_row=_uniforms(lambda ids, g: torch.rand(len(ids), 1, generator=g)),
    one_number_a_column=_uniforms(lambda ids, g: torch.rand(1, ids.shape[1], generator=g)),
    numbers_below_a_half=_uniforms(lambda ids, g: torch.rand(ids.shape, generator=g) / 2),
    global_numbers=_uniforms(lambda ids, g: torch.rand(ids.shape)),
    resampled_once=_resampled_once, misplaced=_misplaced, noisy_argmax=_noisy_argmax,
    copied_generator=_copied_sampling, in_place=_replace_in_place, late_compare=_replace_late_compare,
    scales_the_logits=_scales_the_logits,
    float_labels=_then(lambda i, r, ids, c, x: (i, r.float())),
    int_labels=_then(lambda i, r, ids, c, x: (i, r.long())),
    labels_of_chosen_only=_then(lambda i, r, ids, c, x: (i, r[c])),
    all_replaced=_then(lambda i, r, ids, c, x: (i, torch.ones_like(r))),
    none_replaced=_then(lambda i, r, ids, c, x: (i, torch.zeros_like(r))),
    equal_for_unequal=_then(lambda i, r, ids, c, x: (i, c & ~r)),
    swapped=_then(lambda i, r, ids, c, x: (r, i)), only_inputs=_then(lambda i, r, ids, c, x: i),
    mask_for_samples=_then(lambda i, r, ids, c, x: (ids.masked_fill(c, 3), c & (ids != 3))),
    squeezed=_then(lambda i, r, ids, c, x: (i.squeeze(), r.squeeze())),
    int32=_then(lambda i, r, ids, c, x: (i.int(), r)),
    the_others=lambda ids, c, x, g: right.replace_tokens(ids, ~c, x, g),
    nothing=lambda ids, c, x, g: None,
)


def _below(n, generator):
    return int(torch.randint(n, (1,), generator=generator))


def _others(documents, number):
    return [s for d, document in enumerate(documents) if d != number for s in document]


def _pairs(
    coin: Any = lambda g, d, i: _below(2, g) == 1,
    other: Any = lambda docs, d, i, g: _others(docs, d)[_below(len(_others(docs, d)), g)],
    places: Any = lambda document: range(len(document) - 1),
) -> Any:
    """The reference with a part exchanged."""

    def draw(documents, generator):
        found = []
        for d, document in enumerate(documents):
            for i in places(document):
                yes = bool(coin(generator, d, i))
                second = document[(i + 1) % len(document)] if yes else other(documents, d, i, generator)
                found.append((document[i], second, yes))
        return found

    return draw


def _behind(change: Callable[..., Any]) -> Any:
    return lambda documents, g: change(right.next_sentence_pairs(documents, g), documents, g)


def _same_document(docs, d, i, g):
    return docs[d][_below(len(docs[d]), g)]


def _within(which: Callable[..., int]) -> Any:
    """A sentence of another document, at the place that `which` gives."""

    def other(docs, d, i, g):
        document = docs[(d + 1 + _below(len(docs) - 1, g)) % len(docs)]
        return document[which(document, i, g) % len(document)]

    return other


def _of_documents(which: Callable[..., Any]) -> Any:
    """A random sentence of one of the documents that `which` leaves."""

    def other(docs, d, i, g):
        left = which(docs, d) or [(d + 1) % len(docs)]
        document = docs[left[_below(len(left), g)]]
        return document[_below(len(document), g)]

    return other


def _one_sentence_a_call(documents, generator):
    number = _below(10**6, generator)
    return _pairs(other=lambda docs, d, i, g: _others(docs, d)[number % len(_others(docs, d))])(documents, generator)


def _one_coin_a_call(documents, generator):
    yes = _below(2, generator) == 1
    return _pairs(coin=lambda g, d, i: yes)(documents, generator)


def _floor_half_true(documents, generator):
    n = sum(len(document) - 1 for document in documents)
    true = iter([k in set(torch.randperm(n, generator=generator)[: n // 2].tolist()) for k in range(n)])
    return _pairs(coin=lambda g, d, i: next(true))(documents, generator)


def _shuffles_documents(documents, generator):
    order = torch.randperm(len(documents), generator=generator).tolist()
    found = right.next_sentence_pairs(documents, generator)
    documents[:] = [documents[i] for i in order]
    return found


def _empties_documents(documents, generator):
    found = right.next_sentence_pairs(documents, generator)
    documents[0].pop()
    return found


def _joins_sentences(documents, generator):
    found = right.next_sentence_pairs(documents, generator)
    for first, _, _ in found[:1]:
        first.append(0)
    return found


def _copied_pairs(documents, generator):
    return right.next_sentence_pairs(documents, torch.Generator().manual_seed(generator.initial_seed()))


def _python_coin(documents, generator):
    return _pairs(coin=lambda g, d, i: random.random() < 0.5)(documents, generator)


def _python_sentence(documents, generator):
    return _pairs(other=lambda docs, d, i, g: random.choice(_others(docs, d)))(documents, generator)


def _both_ways(documents, generator):
    return [(b, a, yes) if yes else (a, b, yes) for a, b, yes in right.next_sentence_pairs(documents, generator)]


def _negatives_replace_the_first(documents, generator):
    found = []
    for d, document in enumerate(documents):
        others = _others(documents, d)
        for a, b in pairwise(document):
            found.append((a, b, True) if _below(2, generator) else (others[_below(len(others), generator)], b, False))
    return found


def _skip_one_sentence_documents(documents, generator):
    long = [document for document in documents if len(document) > 1]
    return right.next_sentence_pairs(long if len(long) > 1 else documents, generator)


def _not_overlapping(documents, generator):
    return _pairs(places=lambda document: range(0, len(document) - 1, 2))(documents, generator)


def _one_pair_a_document(documents, generator):
    return _pairs(places=lambda document: range(min(len(document) - 1, 1)))(documents, generator)


among(
    "next_sentence_pairs",
    same_document=_pairs(other=_same_document),
    two_ahead=_pairs(other=lambda docs, d, i, g: docs[d][(i + 2) % len(docs[d])]),
    its_own_sentence=_pairs(other=lambda docs, d, i, g: docs[d][i]),
    last_of_another=_pairs(other=_within(lambda doc, i, g: -1)),
    same_place=_pairs(other=_within(lambda doc, i, g: min(i, len(doc) - 1))),
    first_never=_pairs(other=_within(lambda doc, i, g: 1 + _below(max(len(doc) - 1, 1), g) if len(doc) > 1 else 0)),
    last_never=_pairs(other=_within(lambda doc, i, g: _below(max(len(doc) - 1, 1), g))),
    middle=_pairs(other=_within(lambda doc, i, g: len(doc) // 2)),
    first_or_second=_pairs(other=_within(lambda doc, i, g: _below(min(len(doc), 2), g))),
    last_document_never=_pairs(other=_of_documents(lambda docs, d: [e for e in range(len(docs) - 1) if e != d])),
    first_document_never=_pairs(other=_of_documents(lambda docs, d: [e for e in range(1, len(docs)) if e != d])),
    first_sentence_of_all=_pairs(other=lambda docs, d, i, g: _others(docs, d)[0]),
    last_sentence_of_all=_pairs(other=lambda docs, d, i, g: _others(docs, d)[-1]),
    a_new_sentence=_pairs(other=lambda docs, d, i, g: [9, 9, 9, 9]),
    an_empty_sentence=_pairs(other=lambda docs, d, i, g: []),
    backwards=_pairs(other=lambda docs, d, i, g: _others(docs, d)[_below(len(_others(docs, d)), g)][::-1]),
    three_quarters=_pairs(coin=lambda g, d, i: _below(4, g) > 0),
    a_third=_pairs(coin=lambda g, d, i: _below(3, g) == 0),
    never=_pairs(coin=lambda g, d, i: False),
    gaussian_coin=_pairs(coin=lambda g, d, i: torch.randn((), generator=g) < 0.5),
    by_document_number=_pairs(coin=lambda g, d, i: d % 2 == 0), by_place=_pairs(coin=lambda g, d, i: i % 2 == 0),
    first_true_then_chance=_pairs(coin=lambda g, d, i: i == 0 or _below(2, g)),
    one_sentence_a_call=_one_sentence_a_call, one_coin_a_call=_one_coin_a_call, floor_half_true=_floor_half_true,
    shuffles_documents=_shuffles_documents, empties_documents=_empties_documents, changes_a_sentence=_joins_sentences,
    copied_generator=_copied_pairs, python_coin=_python_coin, python_sentence=_python_sentence,
    both_ways=_both_ways, negatives_replace_the_first=_negatives_replace_the_first,
    without_documents_of_one=_skip_one_sentence_documents, not_overlapping=_not_overlapping,
    one_pair_a_document=_one_pair_a_document,
    with_the_last_sentence=_pairs(places=lambda document: range(len(document))),
    last_pair_missing=_behind(lambda p, docs, g: p[:-1]), first_pair_twice=_behind(lambda p, docs, g: p[:1] + p),
    first_pair_for_the_last=_behind(lambda p, docs, g: p[:-1] + p[:1]),
    tuples_of_ids=_behind(lambda p, docs, g: [(tuple(a), tuple(b), y) for a, b, y in p]),
    tensors=_behind(lambda p, docs, g: [(torch.tensor(a), torch.tensor(b), y) for a, b, y in p]),
    integer_labels=_behind(lambda p, docs, g: [(a, b, int(y)) for a, b, y in p]),
    tensor_labels=_behind(lambda p, docs, g: [(a, b, torch.tensor(y)) for a, b, y in p]),
    joined=_behind(lambda p, docs, g: [(a + b, y) for a, b, y in p]),
    label_first=_behind(lambda p, docs, g: [(y, a, b) for a, b, y in p]),
    three_lists=_behind(lambda p, docs, g: tuple(map(list, zip(*p, strict=True)))),
    an_iterator=_behind(lambda p, docs, g: iter(p)),
    a_set=_behind(lambda p, docs, g: {(tuple(a), tuple(b), y) for a, b, y in p}),
    true_ones_only=_behind(lambda p, docs, g: [x for x in p if x[2]]),
    nothing=lambda documents, g: None,
)
