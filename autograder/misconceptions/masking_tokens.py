"""Named wrong answers to lesson 07: what takes the place of the chosen tokens."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from autograder.exercise import misconception
from autograder.reference import masking as right

Two = tuple[Tensor, Tensor]


def _rand(ids: Tensor, generator: Generator | None) -> Tensor:
    return torch.rand(ids.shape, generator=generator, device=ids.device)


def _random_ids(ids: Tensor, special_ids: list[int], vocab_size: int, generator: Generator) -> Tensor:
    ordinary = torch.tensor([i for i in range(vocab_size) if i not in special_ids], device=ids.device)
    return ordinary[torch.randint(len(ordinary), ids.shape, generator=generator, device=ids.device)]


def _put(ids: Tensor, chosen: Tensor, mask_id: int, masked: Tensor, random: Tensor, random_ids: Tensor) -> Two:
    inputs = torch.where(chosen & random, random_ids, torch.where(chosen & masked, mask_id, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# mask_tokens


@misconception("mask_tokens", "always [MASK]", hint="Fine-tuning never shows `[MASK]`. What are the other 20 % for?")
def mask_always(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    return ids.masked_fill(chosen, mask_id), ids.masked_fill(~chosen, -100)


@misconception("mask_tokens", "labels everywhere", hint="At how many positions should the loss look?")
def mask_all_labels(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    return right.mask_tokens(ids, chosen, mask_id, special_ids, vocab_size, generator)[0], ids.clone()


@misconception(
    "mask_tokens", "no label where unchanged", hint="A chosen token stayed as it is. Is it still to be guessed?"
)
def mask_no_label_when_kept(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    inputs, _ = right.mask_tokens(ids, chosen, mask_id, special_ids, vocab_size, generator)
    return inputs, ids.masked_fill(inputs == ids, -100)


@misconception(
    "mask_tokens", "labels from the inputs", hint="What is the model to guess: what it sees, or what was there?"
)
def mask_labels_of_inputs(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    inputs, _ = right.mask_tokens(ids, chosen, mask_id, special_ids, vocab_size, generator)
    return inputs, inputs.masked_fill(~chosen, -100)


@misconception(
    "mask_tokens", "random specials", hint="Which ids may a random token have? Look for a `[SEP]` amid a sentence."
)
def mask_random_specials(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    number = _rand(ids, generator)
    drawn = torch.randint(vocab_size, ids.shape, generator=generator, device=ids.device)
    return _put(ids, chosen, mask_id, number < 0.8, number >= 0.9, drawn)


@misconception("mask_tokens", "two draws on end", hint="Of the 20 % that are not masked, what share is replaced?")
def mask_tenth_of_rest(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    masked, drawn = _rand(ids, generator) < 0.8, _random_ids(ids, special_ids, vocab_size, generator)
    return _put(ids, chosen, mask_id, masked, ~masked & (_rand(ids, generator) < 0.1), drawn)


@misconception(
    "mask_tokens", "masks overwritten", hint="Count the masks of many tokens. Does a later line take some away?"
)
def mask_overwritten(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    masked, drawn = _rand(ids, generator) < 0.8, _random_ids(ids, special_ids, vocab_size, generator)
    return _put(ids, chosen, mask_id, masked, _rand(ids, generator) < 0.1, drawn)


@misconception(
    "mask_tokens", "nothing kept", hint="Count three kinds among the chosen tokens. How large is each share?"
)
def mask_none_kept(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    number = _rand(ids, generator)
    drawn = _random_ids(ids, special_ids, vocab_size, generator)
    return _put(ids, chosen, mask_id, number < 0.8, number >= 0.8, drawn)


@misconception("mask_tokens", "one draw for a row", hint="Are the chosen tokens of a row all treated in the same way?")
def mask_by_row(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    number = torch.rand(len(ids), 1, generator=generator, device=ids.device)
    drawn = _random_ids(ids, special_ids, vocab_size, generator)
    return _put(ids, chosen, mask_id, number < 0.8, number >= 0.9, drawn)


@misconception(
    "mask_tokens", "the last id never drawn", hint="`torch.randint` gives numbers below its end. Which is yours?"
)
def mask_without_last_id(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    number = _rand(ids, generator)
    ordinary = torch.tensor([i for i in range(vocab_size) if i not in special_ids], device=ids.device)
    place = torch.randint(max(len(ordinary) - 1, 1), ids.shape, generator=generator, device=ids.device)
    return _put(ids, chosen, mask_id, number < 0.8, number >= 0.9, ordinary[place])


@misconception("mask_tokens", "the inputs change", hint="Print `ids` before and after the call.")
def mask_in_place(
    ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int, generator: Generator
) -> Two:
    inputs, labels = right.mask_tokens(ids, chosen, mask_id, special_ids, vocab_size, generator)
    return ids.copy_(inputs), labels


# replace_tokens


def _sampled(probabilities: Tensor, generator: Generator) -> Tensor:
    drawn = torch.multinomial(probabilities.flatten(0, 1), 1, generator=generator)
    return drawn.view(probabilities.shape[:2])


@misconception("replace_tokens", "the likeliest id", hint="Call it twice on the same logits. Should the words differ?")
def replace_argmax(ids: Tensor, chosen: Tensor, generator_logits: Tensor, generator: Generator) -> Two:
    inputs = torch.where(chosen, generator_logits.argmax(-1), ids)
    return inputs, inputs != ids


@misconception(
    "replace_tokens", "chosen is replaced", hint="What if the generator guesses the word that was there?"
)
def replace_all_chosen(ids: Tensor, chosen: Tensor, generator_logits: Tensor, generator: Generator) -> Two:
    inputs, _ = right.replace_tokens(ids, chosen, generator_logits, generator)
    return inputs, chosen.clone()


@misconception(
    "replace_tokens", "every position sampled", hint="Look at a word that is not chosen. Is it still the same?"
)
def replace_everywhere(ids: Tensor, chosen: Tensor, generator_logits: Tensor, generator: Generator) -> Two:
    inputs = _sampled(generator_logits.softmax(-1), generator)
    return inputs, inputs != ids


@misconception("replace_tokens", "uniform ids", hint="What are the logits of the generator for, in your function?")
def replace_uniformly(ids: Tensor, chosen: Tensor, generator_logits: Tensor, generator: Generator) -> Two:
    drawn = torch.randint(generator_logits.shape[-1], ids.shape, generator=generator, device=ids.device)
    inputs = torch.where(chosen, drawn, ids)
    return inputs, inputs != ids


@misconception("replace_tokens", "never the original", hint="May a sample be equal to the original word?")
def replace_never_original(ids: Tensor, chosen: Tensor, generator_logits: Tensor, generator: Generator) -> Two:
    others = generator_logits.scatter(-1, ids[..., None], -torch.inf)
    inputs = torch.where(chosen, _sampled(others.softmax(-1), generator), ids)
    return inputs, inputs != ids


@misconception(
    "replace_tokens", "softmax twice", hint="Is what you sample from a softmax of logits, or of probabilities?"
)
def replace_softmax_twice(ids: Tensor, chosen: Tensor, generator_logits: Tensor, generator: Generator) -> Two:
    inputs = torch.where(chosen, _sampled(generator_logits.softmax(-1).softmax(-1), generator), ids)
    return inputs, inputs != ids


@misconception("replace_tokens", "the other way round", hint="For the discriminator, what does True say about a word?")
def replace_inverted(ids: Tensor, chosen: Tensor, generator_logits: Tensor, generator: Generator) -> Two:
    inputs, replaced = right.replace_tokens(ids, chosen, generator_logits, generator)
    return inputs, ~replaced


@misconception("replace_tokens", "the generator unused", hint="Which of your calls draws, and from which generator?")
def replace_globally(ids: Tensor, chosen: Tensor, generator_logits: Tensor, generator: Generator) -> Two:
    drawn = torch.multinomial(generator_logits.softmax(-1).flatten(0, 1), 1).view_as(ids)
    inputs = torch.where(chosen, drawn, ids)
    return inputs, inputs != ids
