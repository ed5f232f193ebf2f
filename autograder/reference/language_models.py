"""Sequences before networks: task shapes, vocabularies, byte-pair encoding, windows of text, counts, perplexity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

END_OF_WORD = "</w>"
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")

Pair = tuple[str, str]


def task_shape(num_inputs: int, num_outputs: int, aligned: bool) -> str:
    """Which of the five shapes a sequence task has.

    Karpathy (2015), The Unreasonable Effectiveness of Recurrent Neural Networks, first figure.
    """
    if num_inputs > 1 and num_outputs > 1:
        return "many-to-many aligned" if aligned else "many-to-many unaligned"
    return f"{'many' if num_inputs > 1 else 'one'}-to-{'many' if num_outputs > 1 else 'one'}"


def build_vocab(tokens: list[str], min_freq: int = 1, specials: Sequence[str] = SPECIALS) -> dict[str, int]:
    """Ids by token: the specials, then tokens seen at least `min_freq` times, by (-count, token).

    As Zhang et al. (2023), section 9.2.2, but with ties in code-point order, so that the result does not depend on the
    order of the text.
    """
    counts = Counter(tokens)
    kept = [token for token in counts if counts[token] >= min_freq and token not in specials]
    ordered = [*specials, *sorted(kept, key=lambda token: (-counts[token], token))]
    return {token: i for i, token in enumerate(ordered)}


def encode(tokens: list[str], vocab: dict[str, int]) -> list[int]:
    """Each token's id, and the id of `<unk>` for a token that the vocabulary does not hold."""
    return [vocab.get(token, vocab["<unk>"]) for token in tokens]


def merge_pair(symbols: Sequence[str], pair: Pair) -> tuple[str, ...]:
    """Every place of `pair` made one symbol, from left to right: (a, a, a) becomes (aa, a)."""
    merged: list[str] = []
    place = 0
    while place < len(symbols):
        if tuple(symbols[place : place + 2]) == pair:
            merged.append(pair[0] + pair[1])
            place += 2
        else:
            merged.append(symbols[place])
            place += 1
    return tuple(merged)


def bpe_merges(word_counts: dict[str, int], num_merges: int) -> list[Pair]:
    """Byte-pair encoding: again and again, the most frequent pair of neighbours becomes one symbol.

    Sennrich, Haddow, Birch (2016), Neural Machine Translation of Rare Words with Subword Units, algorithm 1; ties go to
    the smallest pair.
    """
    words = [((*word, END_OF_WORD), count) for word, count in word_counts.items()]
    merges: list[Pair] = []
    for _ in range(num_merges):
        counts: Counter[Pair] = Counter()
        for symbols, count in words:
            for pair in pairwise(symbols):
                counts[pair] += count
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        words = [(merge_pair(symbols, best), count) for symbols, count in words]
    return merges


def bpe_tokenize(word: str, merges: list[Pair]) -> list[str]:
    """A word's symbols after every merge was applied once, in the order in which they were learned.

    Sennrich, Haddow, Birch (2016), section 3.2.
    """
    symbols: tuple[str, ...] = (*word, END_OF_WORD)
    for pair in merges:
        symbols = merge_pair(symbols, pair)
    return list(symbols)


def language_model_windows(
    ids: Int[Tensor, " n_ids"], num_steps: int
) -> tuple[Int[Tensor, "n num_steps"], Int[Tensor, "n num_steps"]]:
    """Inputs ids[kT : (k+1)T] and targets ids[kT+1 : (k+1)T+1] for k = 0 … (n_ids - 1) // T - 1.

    Zhang et al. (2023), section 9.3.4, with windows that do not overlap.
    """
    n = max((len(ids) - 1) // num_steps, 0)
    inputs = ids[: n * num_steps].reshape(n, num_steps)
    targets = ids[1 : n * num_steps + 1].reshape(n, num_steps)
    return inputs, targets


Batches = Iterator[tuple[Tensor, Tensor]]


def random_batches(
    ids: Int[Tensor, " n_ids"], num_steps: int, batch_size: int, generator: torch.Generator
) -> Batches:
    """Batches of windows in random order, from a random offset on, which is uniform in 0 … num_steps - 1.

    Zhang et al. (2021), Dive into Deep Learning, first edition, section 8.3.4.1 ("random sampling").
    """
    device = generator.device
    offset = int(torch.randint(num_steps, (1,), generator=generator, device=device))
    inputs, targets = language_model_windows(ids[offset:], num_steps)
    order = torch.randperm(len(inputs), generator=generator, device=device).to(ids.device)
    for number in range(len(inputs) // batch_size):
        rows = order[number * batch_size : (number + 1) * batch_size]
        yield inputs[rows], targets[rows]


def sequential_batches(ids: Int[Tensor, " n_ids"], num_steps: int, batch_size: int) -> Batches:
    """Batches in which row i goes on where row i of the batch before ended: the text in `batch_size` long rows.

    Zhang et al. (2021), Dive into Deep Learning, first edition, section 8.3.4.2 ("sequential partitioning").
    """
    length = max((len(ids) - 1) // batch_size, 0)
    inputs = ids[: batch_size * length].reshape(batch_size, length)
    targets = ids[1 : batch_size * length + 1].reshape(batch_size, length)
    for start in range(0, length // num_steps * num_steps, num_steps):
        yield inputs[:, start : start + num_steps], targets[:, start : start + num_steps]


def bigram_model(ids: Int[Tensor, " n_ids"], vocab_size: int, alpha: float) -> Float[Tensor, "vocab_size vocab_size"]:
    """P(j | i) = (count(i j) + α) / (count(i ·) + α V), add-α smoothing, in the default dtype.

    Jurafsky, Martin, Speech and Language Processing (3rd edition, draft), chapter 3, smoothing; Lidstone (1920).
    """
    pairs = ids[:-1] * vocab_size + ids[1:]
    counts = torch.bincount(pairs, minlength=vocab_size**2).reshape(vocab_size, vocab_size).to(torch.float64) + alpha
    return (counts / counts.sum(dim=1, keepdim=True)).to(torch.get_default_dtype())


def perplexity(
    logits: Float[Tensor, "*positions vocab_size"], targets: Int[Tensor, "*positions"], ignore_index: int = -100
) -> Float[Tensor, ""]:
    """exp of the mean of -ln softmax(logits)[target] over the targets that are not `ignore_index`.

    Jelinek, Mercer, Bahl, Baker (1977), Perplexity: a measure of the difficulty of speech recognition tasks.
    """
    flat = logits.reshape(-1, logits.shape[-1])
    return F.cross_entropy(flat, targets.reshape(-1), ignore_index=ignore_index).exp()
