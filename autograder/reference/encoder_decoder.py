"""Right answers to lesson 04."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def pad_batch(
    sequences: list[list[int]], max_len: int, pad_id: int, eos_id: int
) -> tuple[Int[Tensor, "batch max_len"], Int[Tensor, " batch"]]:
    """Each row is a sentence, its `eos_id`, then `pad_id`; a sentence too long keeps its first max_len - 1 ids.

    The length counts the `eos_id`. Zhang et al. (2023), section 10.5.3.
    """
    kept = [[*ids[: max_len - 1], eos_id] for ids in sequences]
    rows = [ids + [pad_id] * (max_len - len(ids)) for ids in kept]
    return torch.tensor(rows), torch.tensor([len(ids) for ids in kept])


class Seq2SeqEncoder(nn.Module):
    """h_t = GRU(embedding(x_t), h_{t-1}); the state is the one at each row's last real token, in every layer.

    Cho et al. (2014), section 2.2; Zhang et al. (2023), section 10.7.2.
    """

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.GRU(d_embed, d_hidden, num_layers, batch_first=True)

    def forward(
        self, ids: Int[Tensor, "batch seq"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch seq d_hidden"], Float[Tensor, "num_layers batch d_hidden"]]:
        packed = pack_padded_sequence(self.embedding(ids), lengths.cpu(), batch_first=True, enforce_sorted=False)
        packed_outputs, state = self.rnn(packed)
        outputs, _ = pad_packed_sequence(packed_outputs, batch_first=True, total_length=ids.shape[1])
        return outputs, state


def _is_real(lengths: Int[Tensor, " batch"], seq: int) -> Tensor:
    """True where a position holds a token, False where it holds padding: `(batch, seq)`."""
    return torch.arange(seq, device=lengths.device) < lengths[:, None]


def context_vector(
    outputs: Float[Tensor, "batch seq d"], lengths: Int[Tensor, " batch"], kind: str
) -> Float[Tensor, "batch d"]:
    """c = q(h_1 … h_n): the last of the real states, their mean, or the maximum of each feature.

    Sutskever, Vinyals, Le (2014), section 2, for the last; Cho et al. (2014), section 2.2, for c in general.
    """
    if kind == "last":
        return outputs[torch.arange(len(lengths), device=outputs.device), lengths - 1]
    padding = ~_is_real(lengths, outputs.shape[1])[..., None]
    if kind == "mean":
        return outputs.masked_fill(padding, 0).sum(dim=1) / lengths[:, None].to(outputs.dtype)
    if kind == "max":
        return outputs.masked_fill(padding, -math.inf).amax(dim=1)
    raise ValueError(f'kind is "last", "mean" or "max"; got {kind!r}')


class Seq2SeqDecoder(nn.Module):
    """s_t = GRU([embedding(y_{t-1}); c], s_{t-1}), logits_t = output(s_t of the top layer).

    Cho et al. (2014), section 2.2, where c enters every step; Zhang et al. (2023), section 10.7.3.
    """

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.GRU(d_embed + d_hidden, d_hidden, num_layers, batch_first=True)
        self.output = nn.Linear(d_hidden, vocab_size)

    def forward(
        self,
        ids: Int[Tensor, "batch seq"],
        context: Float[Tensor, "batch d_hidden"],
        state: Float[Tensor, "num_layers batch d_hidden"],
    ) -> tuple[Float[Tensor, "batch seq vocab_size"], Float[Tensor, "num_layers batch d_hidden"]]:
        at_every_step = context[:, None].expand(-1, ids.shape[1], -1)
        inputs = torch.cat([self.embedding(ids), at_every_step], dim=-1)
        outputs, state = self.rnn(inputs, state.contiguous())
        return self.output(outputs), state


def teacher_forcing_pairs(
    target_ids: Int[Tensor, "batch seq"], bos_id: int
) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]:
    """The decoder reads `bos_id` and all labels but the last, and at each step is to say the label.

    Williams, Zipser (1989), section 2, on teacher forcing; Zhang et al. (2023), section 10.7.1.
    """
    first = torch.full_like(target_ids[:, :1], bos_id)
    return torch.cat([first, target_ids[:, :-1]], dim=1), target_ids.clone()


def scheduled_inputs(
    gold: Int[Tensor, "batch seq"], predicted: Int[Tensor, "batch seq"], probability: float, generator: torch.Generator
) -> Int[Tensor, "batch seq"]:
    """Each id but the first is the predicted one with `probability`, independently, else the gold one.

    Bengio et al. (2015), section 2.4: `probability` is their 1 - ε.
    """
    drawn = torch.rand(gold.shape, generator=generator, device=generator.device).to(gold.device) < probability
    drawn[:, 0] = False
    return torch.where(drawn, predicted, gold)


def masked_cross_entropy(
    logits: Float[Tensor, "batch seq vocab_size"], labels: Int[Tensor, "batch seq"], lengths: Int[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """-1/N Σ log softmax(logits)[label], over the N real tokens of the whole batch, in nats.

    Zhang et al. (2023), section 10.7.4.
    """
    padding = ~_is_real(lengths, labels.shape[1])
    return F.cross_entropy(logits.flatten(0, 1), labels.masked_fill(padding, -100).flatten(), ignore_index=-100)


State = Any
GreedyStep = Callable[[Int[Tensor, " batch"], State], tuple[Float[Tensor, "batch vocab_size"], State]]


@torch.no_grad()
def greedy_decode(
    step: GreedyStep, state: State, bos_id: int, eos_id: int, max_len: int, batch: int
) -> list[list[int]]:
    """y_t = argmax p(y | y_1 … y_{t-1}), row by row until `eos_id`, which is left out.

    Zhang et al. (2023), section 10.8.1.
    """
    ids = torch.full((batch,), bos_id)
    said = []
    ended = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        logits, state = step(ids, state)
        ids = logits.argmax(dim=-1)
        said.append(ids)
        ended = ended.to(ids.device) | (ids == eos_id)
        if ended.all():
            break
    rows = torch.stack(said, dim=1).tolist()
    return [row[: row.index(eos_id)] if eos_id in row else row for row in rows]


BeamStep = Callable[[Int[Tensor, " n"], list[State]], tuple[Float[Tensor, "n vocab_size"], list[State]]]


@dataclass(frozen=True)
class _Hypothesis:
    """An unfinished sentence: its words, their summed log-probability, and the decoder's state before the last one."""

    ids: list[int]
    total: float
    state: State


@torch.no_grad()
def beam_search(
    step: BeamStep, state: State, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> tuple[list[int], float]:
    """argmax over the sentences found of log p(y) / |y|^length_penalty, |y| counting the `eos_id` where it has one.

    Sutskever, Vinyals, Le (2014), section 3.2, for the beam; Wu et al. (2016), section 7, for the penalty.
    """
    beam, found = [_Hypothesis([], 0.0, state)], []
    for length in range(1, max_len + 1):
        kept = _continuations(step, beam, bos_id, beam_size)
        found += [(one.ids[:-1], one.total / length**length_penalty) for one in kept if one.ids[-1] == eos_id]
        beam = [one for one in kept if one.ids[-1] != eos_id]
        if not beam:
            break
    found += [(one.ids, one.total / len(one.ids) ** length_penalty) for one in beam]
    return max(found, key=lambda pair: pair[1])


def _continuations(step: BeamStep, beam: list[_Hypothesis], bos_id: int, beam_size: int) -> list[_Hypothesis]:
    """The `beam_size` most probable of all sentences that are one word longer than those in the beam."""
    last = torch.tensor([one.ids[-1] if one.ids else bos_id for one in beam])
    logits, states = step(last, [one.state for one in beam])
    log_p = torch.log_softmax(logits, dim=-1)
    totals = log_p + torch.tensor([one.total for one in beam], dtype=log_p.dtype, device=log_p.device)[:, None]
    best = totals.flatten().topk(min(beam_size, totals.numel()))
    kept = []
    for total, place in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        row, word = divmod(place, totals.shape[1])
        kept.append(_Hypothesis([*beam[row].ids, word], total, states[row]))
    return kept


def _ngrams(tokens: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def corpus_bleu(candidates: list[list[str]], references: list[list[str]], max_n: int = 4) -> float:
    """BLEU = min(1, exp(1 - r/c)) · (p_1 … p_max_n)^(1/max_n), p_n the share of candidate n-grams that match.

    Matches of a sentence are clipped at their count in its reference, then summed over sentences; r and c are the
    lengths of all references and of all candidates. Papineni et al. (2002), sections 2.1 to 2.3.
    """
    log_precisions = []
    for n in range(1, max_n + 1):
        pairs = [(_ngrams(c, n), _ngrams(r, n)) for c, r in zip(candidates, references, strict=True)]
        matches = sum((candidate & reference).total() for candidate, reference in pairs)
        if matches == 0:
            return 0.0
        log_precisions.append(math.log(matches / sum(candidate.total() for candidate, _ in pairs)))
    c, r = sum(map(len, candidates)), sum(map(len, references))
    return min(1.0, math.exp(1 - r / c)) * math.exp(sum(log_precisions) / max_n)
