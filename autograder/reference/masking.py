"""Masks that hide padding, the future and the answer; BERT's masked words and pairs, and ELECTRA's replaced words.

Masks are boolean, True where something may be seen. Labels of -100 do not count, as in PyTorch's cross-entropy.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def padding_mask(lengths: Int[Tensor, " batch"], seq: int) -> Bool[Tensor, "batch seq"]:
    """M_ij = (j < length_i). Zhang et al., Dive into Deep Learning (2023), section 11.3.2, the masked softmax."""
    return torch.arange(seq, device=lengths.device) < lengths[:, None]


def causal_mask(seq: int, device: torch.device | str | None = None) -> Bool[Tensor, "seq seq"]:
    """M_ij = (j ≤ i). Vaswani et al. (2017), Attention Is All You Need, section 3.2.3."""
    return torch.ones(seq, seq, dtype=torch.bool, device=device).tril()


def decoder_mask(lengths: Int[Tensor, " batch"], seq: int) -> Bool[Tensor, "batch seq seq"]:
    """M_bij = (j ≤ i) ∧ (j < length_b). Vaswani et al. (2017), section 3.2.3, with padding."""
    return padding_mask(lengths, seq)[:, None, :] & causal_mask(seq, lengths.device)


def choose_positions(
    ids: Int[Tensor, "batch seq"], special_ids: list[int], rate: float, generator: torch.Generator
) -> Bool[Tensor, "batch seq"]:
    """Each ordinary token with probability `rate`; one at random where that leaves a row of ordinary tokens without.

    After Devlin et al. (2019), BERT, section 3.1, task 1, which fixes the number per row instead. Where no number of a
    row falls below the rate, all orders of its numbers are equally likely, so the smallest is a uniform choice.
    """
    ordinary = ~torch.isin(ids, torch.tensor(special_ids, dtype=ids.dtype, device=ids.device))
    numbers = torch.rand(ids.shape, generator=generator, dtype=torch.float64, device=ids.device)
    numbers = numbers.masked_fill(~ordinary, 2.0)
    return ordinary & ((numbers < rate) | (numbers == numbers.amin(dim=1, keepdim=True)))


def mask_tokens(
    ids: Int[Tensor, "batch seq"],
    chosen: Bool[Tensor, "batch seq"],
    mask_id: int,
    special_ids: list[int],
    vocab_size: int,
    generator: torch.Generator,
) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]:
    """80 % of the chosen become `mask_id`, 10 % a random ordinary id, 10 % stay: Devlin et al. (2019), section 3.1."""
    ordinary = torch.tensor([i for i in range(vocab_size) if i not in special_ids], device=ids.device)
    number = torch.rand(ids.shape, generator=generator, device=ids.device)
    drawn = torch.randint(len(ordinary), ids.shape, generator=generator, device=ids.device)
    inputs = torch.where(chosen & (number < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (number >= 0.9), ordinary[drawn], inputs)
    return inputs, ids.masked_fill(~chosen, -100)


def whole_word_positions(
    word_ids: Int[Tensor, "batch seq"], rate: float, generator: torch.Generator
) -> Bool[Tensor, "batch seq"]:
    """One draw for each word of each row, shared by its pieces.

    Cui et al. (2021), Pre-Training with Whole Word Masking for Chinese BERT, section 3.1.
    """
    words, place = torch.unique(word_ids, return_inverse=True)
    drawn = torch.rand(len(word_ids), len(words), generator=generator, device=word_ids.device) < rate
    return drawn.gather(1, place) & (word_ids >= 0)


def dynamic_masks(
    ids: Int[Tensor, "batch seq"], special_ids: list[int], rate: float, num_epochs: int, generator: torch.Generator
) -> Bool[Tensor, "num_epochs batch seq"]:
    """`choose_positions`, drawn anew in each epoch: Liu et al. (2019), RoBERTa, section 4.1."""
    return choose_positions(ids.repeat(num_epochs, 1), special_ids, rate, generator).view(num_epochs, *ids.shape)


def pack_pair(a: list[int], b: list[int], cls_id: int, sep_id: int, max_len: int) -> tuple[list[int], list[int]]:
    """[CLS] a [SEP] b [SEP], segments 0 … 0 1 … 1: Devlin et al. (2019), section 3 and figure 2.

    Tokens leave the end of the longer one, of `b` where both are as long, until all fits (appendix A.2 gives the sum).
    """
    keep_a, keep_b = len(a), len(b)
    while keep_a + keep_b > max_len - 3:
        if keep_a > keep_b:
            keep_a -= 1
        else:
            keep_b -= 1
    ids = [cls_id, *a[:keep_a], sep_id, *b[:keep_b], sep_id]
    return ids, [0] * (keep_a + 2) + [1] * (keep_b + 1)


def next_sentence_pairs(
    documents: list[list[list[int]]], generator: torch.Generator
) -> list[tuple[list[int], list[int], bool]]:
    """A sentence with the next one, or half the time with one of another document: Devlin et al. (2019), section 3.1.

    A sentence stands for another document's where it comes from one, whether or not the same words are here too.
    """
    pairs = []
    for number, document in enumerate(documents):
        others = [sentence for n, other in enumerate(documents) if n != number for sentence in other]
        for first, second in pairwise(document):
            is_next = _below(2, generator) == 1
            pairs.append((first, second if is_next else others[_below(len(others), generator)], is_next))
    return pairs


def _below(end: int, generator: torch.Generator) -> int:
    return int(torch.randint(end, (1,), generator=generator, device=generator.device))


def masked_lm_loss(
    logits: Float[Tensor, "batch seq vocab_size"], labels: Int[Tensor, "batch seq"]
) -> Float[Tensor, ""]:
    """- Σ log softmax(logits)[label] / n over the n positions whose label is not -100; 0 where n = 0.

    Devlin et al. (2019), section 3.1, task 1; the mean as in Zhang et al. (2023), section 15.10.2.
    """
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")
    return total / (labels != -100).sum().clamp(min=1)


def replace_tokens(
    ids: Int[Tensor, "batch seq"],
    chosen: Bool[Tensor, "batch seq"],
    generator_logits: Float[Tensor, "batch seq vocab_size"],
    generator: torch.Generator,
) -> tuple[Int[Tensor, "batch seq"], Bool[Tensor, "batch seq"]]:
    """x̂_t ~ softmax(logits_t) where chosen; replaced where x̂_t ≠ x_t. Clark et al. (2020), ELECTRA, section 2."""
    probabilities = generator_logits.softmax(dim=-1).flatten(0, 1)
    drawn = torch.multinomial(probabilities, 1, generator=generator).view_as(ids)
    inputs = torch.where(chosen, drawn, ids)
    return inputs, inputs != ids
