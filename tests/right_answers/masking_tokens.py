"""Right answers to lesson 07 in several styles: what takes the place of tokens, and pairs of sentences."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


def _ordinary(special_ids, vocab_size):
    return [i for i in range(vocab_size) if i not in special_ids]


@right("mask_tokens")
def mask_in_two_steps(ids, chosen, mask_id, special_ids, vocab_size, generator):
    """Of the chosen, 80 % are masked; of the others, half get a random token."""
    inputs, labels = ids.clone(), torch.full_like(ids, -100)
    labels[chosen] = ids[chosen]
    masked = torch.bernoulli(torch.full(ids.shape, 0.8), generator=generator).bool() & chosen
    random = torch.bernoulli(torch.full(ids.shape, 0.5), generator=generator).bool() & chosen & ~masked
    allowed = torch.tensor(_ordinary(special_ids, vocab_size))
    inputs[masked] = mask_id
    inputs[random] = allowed[torch.randint(len(allowed), (int(random.sum()),), generator=generator)]
    return inputs, labels


@right("mask_tokens")
def mask_token_by_token(ids, chosen, mask_id, special_ids, vocab_size, generator):
    inputs, labels = ids.clone(), torch.full_like(ids, -100)
    allowed = _ordinary(special_ids, vocab_size)
    for i, j in chosen.nonzero().tolist():
        labels[i, j] = ids[i, j]
        u = torch.rand((), generator=generator).item()
        if u < 0.8:
            inputs[i, j] = mask_id
        elif u < 0.9:
            inputs[i, j] = allowed[int(torch.randint(len(allowed), (), generator=generator))]
    return inputs, labels


@right("mask_tokens")
def mask_by_kind(ids, chosen, mask_id, special_ids, vocab_size, generator):
    """The kind of each is a draw from three; random ids from a multinomial over the vocabulary."""
    shares = torch.tensor([0.1, 0.8, 0.1])
    kind = torch.multinomial(shares, ids.numel(), replacement=True, generator=generator).view(ids.shape)
    weights = torch.ones(vocab_size)
    weights[special_ids] = 0.0
    drawn = torch.multinomial(weights, ids.numel(), replacement=True, generator=generator).view(ids.shape)
    masks = torch.full_like(ids, mask_id)
    new = torch.where(kind == 0, drawn, torch.where(kind == 1, masks, ids))
    return torch.where(chosen, new, ids), torch.where(chosen, ids, -100)


@right("mask_tokens")
def mask_redrawing(ids, chosen, mask_id, special_ids, vocab_size, generator):
    """A random id is drawn again until it is none of the specials."""
    number = torch.randint(10, ids.shape, generator=generator)
    inputs = ids.masked_fill(chosen & (number >= 2), mask_id)
    for i, j in (chosen & (number == 0)).nonzero().tolist():
        new = special_ids[0]
        while new in special_ids:
            new = int(torch.randint(vocab_size, (1,), generator=generator))
        inputs[i, j] = new
    return inputs, ids.masked_fill(chosen.logical_not(), -100)


@right("mask_tokens")
def mask_only_chosen(ids, chosen, mask_id, special_ids, vocab_size, generator):
    """Draws for the chosen tokens alone, random ids first, in one long row."""
    allowed = torch.tensor(sorted(set(range(vocab_size)) - set(special_ids)))
    original = ids[chosen]
    other = allowed[(torch.rand(len(original), generator=generator) * len(allowed)).long()]
    u = torch.rand(len(original), generator=generator)
    new = torch.where(u > 0.2, mask_id, torch.where(u > 0.1, other, original))
    labels = torch.full(ids.shape, -100)
    labels[chosen] = original
    return ids.masked_scatter(chosen, new), labels


@right("replace_tokens")
def replace_selected(ids, chosen, generator_logits, generator):
    inputs = ids.clone()
    if chosen.any():
        p = torch.softmax(generator_logits[chosen], dim=-1)
        inputs[chosen] = torch.multinomial(p, 1, generator=generator).squeeze(-1)
    return inputs, inputs.ne(ids)


@right("replace_tokens")
def replace_gumbel(ids, chosen, generator_logits, generator):
    u = torch.rand(generator_logits.shape, generator=generator, dtype=torch.float64).clamp(min=1e-300)
    drawn = (generator_logits - (-u.log()).log()).argmax(dim=-1)
    inputs = torch.where(chosen, drawn, ids)
    return inputs, (inputs != ids) & chosen


@right("replace_tokens")
def replace_exponential(ids, chosen, generator_logits, generator):
    """The first of exponential clocks, whose rates are the probabilities, to ring."""
    waiting = torch.empty_like(generator_logits, dtype=torch.float64).exponential_(generator=generator).log()
    inputs = (waiting - generator_logits.double()).argmin(-1).where(chosen, ids)
    return inputs, ~torch.eq(inputs, ids)


@right("replace_tokens")
def replace_inverse(ids, chosen, generator_logits, generator):
    """Where a uniform number falls among the summed probabilities."""
    total = generator_logits.double().softmax(-1).cumsum(-1)
    u = torch.rand(*ids.shape, 1, generator=generator, dtype=torch.float64)
    drawn = (total < u).sum(-1).clamp(max=total.shape[-1] - 1)
    inputs = drawn * chosen + ids * ~chosen
    return inputs, (drawn != ids) & chosen


@right("replace_tokens")
def replace_token_by_token(ids, chosen, generator_logits, generator):
    inputs, replaced = ids.clone(), torch.zeros_like(chosen)
    for i, j in chosen.nonzero().tolist():
        new = torch.multinomial(generator_logits[i, j].softmax(0), 1, generator=generator)[0]
        replaced[i, j] = new != ids[i, j]
        inputs[i, j] = new
    return inputs, replaced


@right("replace_tokens")
def replace_from_the_last_row(ids, chosen, generator_logits, generator):
    drawn = torch.zeros_like(ids)
    for i in reversed(range(len(ids))):
        drawn[i] = torch.multinomial(generator_logits[i].softmax(-1), 1, generator=generator)[:, 0]
    inputs = torch.where(chosen, drawn, ids)
    return [inputs, inputs != ids]


def _below(n, generator):
    return int(torch.randint(n, (1,), generator=generator))


@right("next_sentence_pairs")
def pairs_by_document(documents, generator):
    """Another document first, each as likely, then one of its sentences."""
    pairs = []
    for d, document in enumerate(documents):
        for i in range(len(document) - 1):
            if torch.rand(1, generator=generator).item() < 0.5:
                pairs.append((document[i], document[i + 1], True))
            else:
                other = _below(len(documents) - 1, generator)
                other += other >= d
                pairs.append((document[i], documents[other][_below(len(documents[other]), generator)], False))
    return pairs


@right("next_sentence_pairs")
def pairs_true_first(documents, generator):
    """The true ones come first, the others behind, then everything is shuffled."""
    true, false = [], []
    for d, document in enumerate(documents):
        others = [s for other in documents[:d] + documents[d + 1 :] for s in other]
        for first, second in pairwise(document):
            if _below(2, generator):
                true.append((first[:], second[:], True))
            else:
                false.append((first[:], others[_below(len(others), generator)][:], False))
    pairs = true + false
    return [pairs[i] for i in torch.randperm(len(pairs), generator=generator).tolist()]


@right("next_sentence_pairs")
def pairs_sorted_by_label(documents, generator):
    return sorted(pairs_by_document(documents, generator), key=lambda pair: pair[2])


@right("next_sentence_pairs")
def pairs_redrawing(documents, generator):
    """Any document is drawn until it is another one."""
    pairs = []
    for d, document in reversed(list(enumerate(documents))):
        coins = torch.bernoulli(torch.full((max(len(document) - 1, 0),), 0.5), generator=generator).tolist()
        for coin, (first, second) in zip(coins, pairwise(document), strict=True):
            if coin:
                pairs.append([first, second, True])
                continue
            other = d
            while other == d:
                other = _below(len(documents), generator)
            pairs.append([first, documents[other][_below(len(documents[other]), generator)], False])
    return pairs


@right("next_sentence_pairs")
def pairs_half_and_half(documents, generator):
    """As many True as False ones, which are which at random; a coin decides about an odd one."""
    places = [(d, i) for d, document in enumerate(documents) for i in range(len(document) - 1)]
    number = (len(places) + _below(2, generator)) // 2
    true = set(torch.randperm(len(places), generator=generator)[:number].tolist())
    pairs = []
    for k, (d, i) in enumerate(places):
        others = [(e, j) for e, document in enumerate(documents) for j in range(len(document)) if e != d]
        e, j = (d, i + 1) if k in true else others[_below(len(others), generator)]
        pairs.append((documents[d][i], documents[e][j], k in true))
    return pairs


@right("next_sentence_pairs")
def pairs_never_the_same_words(documents, generator):
    """A false second sentence is drawn again where it reads like the true one, as long as there is another."""
    pairs = []
    for d, document in enumerate(documents):
        others = [s for e, other in enumerate(documents) if e != d for s in other]
        for first, second in pairwise(document):
            unlike = [s for s in others if s != second] or others
            coin = bool(_below(2, generator))
            pairs.append((first, second if coin else unlike[_below(len(unlike), generator)], coin))
    return pairs
