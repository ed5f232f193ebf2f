"""Right answers to lesson 04 in other styles than the reference: batches, encoder, decoder, losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence, pad_sequence

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("pad_batch")
def pad_row_by_row(sequences, max_len, pad_id, eos_id):
    ids = torch.full((len(sequences), max_len), pad_id)
    lengths = torch.zeros(len(sequences), dtype=torch.long)
    for i, sequence in enumerate(sequences):
        words = [*sequence[: max_len - 1], eos_id]
        ids[i, : len(words)] = torch.tensor(words)
        lengths[i] = len(words)
    return ids, lengths


@right("pad_batch")
def pad_with_lists(sequences, max_len, pad_id, eos_id):
    rows, lengths = [], []
    for sequence in sequences:
        row = list(sequence)
        row.append(eos_id)
        if len(row) > max_len:
            row = row[:max_len]
            row[-1] = eos_id
        lengths.append(len(row))
        while len(row) < max_len:
            row.append(pad_id)
        rows.append(row)
    return torch.LongTensor(rows), torch.LongTensor(lengths)


@right("pad_batch")
def pad_with_pad_sequence(sequences, max_len, pad_id, eos_id):
    lengths = torch.tensor([min(len(s) + 1, max_len) for s in sequences])
    rows = [torch.tensor([*s[: n - 1], eos_id]) for s, n in zip(sequences, lengths.tolist(), strict=True)]
    wide = torch.full((max_len,), pad_id)
    return pad_sequence([*rows, wide], batch_first=True, padding_value=pad_id)[:-1], lengths


@right("pad_batch")
def pad_by_element(sequences, max_len, pad_id, eos_id):
    lengths = [min(len(s), max_len - 1) + 1 for s in sequences]

    def token(i, t):
        return pad_id if t >= lengths[i] else eos_id if t == lengths[i] - 1 else sequences[i][t]

    ids = torch.tensor([[token(i, t) for t in range(max_len)] for i in range(len(sequences))], dtype=torch.int64)
    return [ids, torch.as_tensor(lengths)]


@right("pad_batch")
def pad_with_functional(sequences, max_len, pad_id, eos_id):
    rows = [torch.tensor([*s[: max_len - 1], eos_id]) for s in sequences]
    ids = torch.stack([F.pad(row, (0, max_len - len(row)), value=pad_id) for row in rows])
    return ids, torch.tensor(list(map(len, rows)))


class _Encoder(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden, num_layers):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.GRU(d_embed, d_hidden, num_layers, batch_first=True)


@right("Seq2SeqEncoder")
class PackedEncoder(_Encoder):
    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.embedding(ids), lengths.cpu(), batch_first=True, enforce_sorted=False)
        outputs, state = self.rnn(packed)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True)
        return F.pad(outputs, (0, 0, 0, ids.shape[1] - outputs.shape[1])), state


@right("Seq2SeqEncoder")
class TimeFirstInsideEncoder(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden, num_layers):
        super().__init__()
        self.rnn = nn.GRU(input_size=d_embed, hidden_size=d_hidden, num_layers=num_layers)
        self.embedding = nn.Embedding(vocab_size, d_embed, padding_idx=0)

    def forward(self, ids, lengths):
        x = self.embedding(ids.T)
        packed = pack_padded_sequence(x, lengths.to("cpu"), enforce_sorted=False)
        outputs, state = self.rnn(packed)
        outputs, _ = pad_packed_sequence(outputs, total_length=len(x))
        return outputs.transpose(0, 1), state


@right("Seq2SeqEncoder")
class SortedEncoder(_Encoder):
    def forward(self, ids, lengths):
        ordered, order = lengths.sort(descending=True)
        back = order.argsort()
        outputs, state = self.rnn(pack_padded_sequence(self.embedding(ids[order]), ordered.cpu(), batch_first=True))
        outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=ids.size(1))
        return outputs[back], state[:, back]


@right("Seq2SeqEncoder")
class StepByStepEncoder(_Encoder):
    """A row's state stays where it is once the row has ended."""

    def forward(self, ids, lengths):
        x = self.embedding(ids)
        state = x.new_zeros(self.rnn.num_layers, len(ids), self.rnn.hidden_size)
        columns = []
        for t in range(ids.shape[1]):
            output, new = self.rnn(x[:, t : t + 1], state)
            going = (t < lengths).view(1, -1, 1)
            state = torch.where(going, new, state)
            columns.append(output[:, 0] * going[0])
        return torch.stack(columns, dim=1), state


@right("Seq2SeqEncoder")
class SentenceBySentenceEncoder(_Encoder):
    def forward(self, ids, lengths):
        outputs, states = [], []
        for row, n in zip(ids, lengths.tolist(), strict=True):
            out, h = self.rnn(self.embedding(row[:n]))
            outputs.append(F.pad(out, (0, 0, 0, ids.shape[1] - n)))
            states.append(h)
        return torch.stack(outputs), torch.stack(states, dim=1)


@right("Seq2SeqEncoder")
class PackedListEncoder(_Encoder):
    def forward(self, ids, lengths):
        rows = [self.embedding(row[:n]) for row, n in zip(ids, lengths.tolist(), strict=True)]
        outputs, state = self.rnn(pack_sequence(rows, enforce_sorted=False))
        full = torch.zeros(*ids.shape, self.rnn.hidden_size, dtype=state.dtype, device=state.device)
        unpacked, _ = pad_packed_sequence(outputs, batch_first=True)
        full[:, : unpacked.shape[1]] = unpacked
        return full, state


@right("Seq2SeqEncoder")
class LayerByLayerEncoder(_Encoder):
    """Reads the state of each layer off that layer's outputs."""

    def forward(self, ids, lengths):
        x, last = self.embedding(ids), []
        rows = torch.arange(len(ids), device=ids.device)
        for layer in range(self.rnn.num_layers):
            names = [f"{name}_l{layer}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            weights = [getattr(self.rnn, name) for name in names]
            h, outputs = x.new_zeros(len(ids), self.rnn.hidden_size), []
            for x_t in x.unbind(1):
                h = torch.gru_cell(x_t, h, *weights)
                outputs.append(h)
            x = torch.stack(outputs, dim=1)
            last.append(x[rows, lengths - 1])
        real = torch.arange(ids.shape[1], device=ids.device) < lengths.unsqueeze(1)
        return x.masked_fill(~real.unsqueeze(2), 0.0), torch.stack(last)


@right("context_vector")
def context_with_mask(outputs, lengths, kind):
    mask = (torch.arange(outputs.size(1), device=outputs.device)[None, :] < lengths[:, None]).unsqueeze(-1)
    if kind == "last":
        index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, outputs.size(2))
        return outputs.gather(1, index).squeeze(1)
    if kind == "mean":
        return (outputs * mask).sum(1) / mask.sum(1)
    return torch.where(mask, outputs, torch.finfo(outputs.dtype).min).max(dim=1).values


@right("context_vector")
def context_row_by_row(outputs, lengths, kind):
    rows = [row[:n] for row, n in zip(outputs, lengths.tolist(), strict=True)]
    summary = {"last": lambda r: r[-1], "mean": lambda r: r.mean(dim=0), "max": lambda r: r.max(dim=0)[0]}
    return torch.stack([summary[kind](row) for row in rows])


@right("context_vector")
def context_by_weights(outputs, lengths, kind):
    steps = torch.arange(outputs.shape[1], device=outputs.device)
    if kind == "max":
        return outputs.masked_fill(steps[:, None] >= lengths[:, None, None], float("-inf")).amax(1)
    last = (steps == lengths[:, None] - 1).to(outputs.dtype)
    mean = (steps < lengths[:, None]).to(outputs.dtype) / lengths[:, None].to(outputs.dtype)
    return torch.einsum("bt,btd->bd", last if kind == "last" else mean, outputs)


@right("context_vector")
def context_by_loop(outputs, lengths, kind):
    found = outputs[:, 0]
    for t in range(1, outputs.shape[1]):
        going = (t < lengths)[:, None]
        nxt = {"last": outputs[:, t], "mean": found + outputs[:, t], "max": torch.maximum(found, outputs[:, t])}[kind]
        found = torch.where(going, nxt, found)
    return found / lengths[:, None] if kind == "mean" else found


@right("context_vector")
def context_without_padding(outputs, lengths, kind):
    """Padding becomes a copy of the first word: it changes no maximum, and is taken out of the sum again."""
    real = torch.arange(outputs.shape[1], device=outputs.device)[None] < lengths[:, None]
    filled = torch.where(real[..., None], outputs, outputs[:, :1])
    if kind == "max":
        return filled.sort(dim=1).values[:, -1]
    if kind == "mean":
        spare = (outputs.shape[1] - lengths)[:, None]
        return (filled.sum(1) - spare * outputs[:, 0]) / lengths[:, None]
    return torch.cat([outputs[i, n - 1][None] for i, n in enumerate(lengths)])


class _Decoder(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden, num_layers):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.GRU(d_embed + d_hidden, d_hidden, num_layers, batch_first=True)
        self.output = nn.Linear(d_hidden, vocab_size)


@right("Seq2SeqDecoder")
class RepeatingDecoder(_Decoder):
    def forward(self, ids, context, state):
        embedded = self.embedding(ids)
        context = context.unsqueeze(1).repeat(1, embedded.shape[1], 1)
        outputs, state = self.rnn(torch.cat((embedded, context), 2), state.clone(memory_format=torch.contiguous_format))
        return self.output(outputs), state


@right("Seq2SeqDecoder")
class TimeFirstInsideDecoder(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden, num_layers):
        super().__init__()
        self.output = nn.Linear(d_hidden, vocab_size)
        self.rnn = nn.GRU(d_embed + d_hidden, d_hidden, num_layers)
        self.embedding = nn.Embedding(vocab_size, d_embed, padding_idx=0)

    def forward(self, ids, context, state):
        x = self.embedding(ids.t())
        x = torch.cat([x, context.expand(len(x), -1, -1)], dim=-1)
        outputs, state = self.rnn(x, state.contiguous())
        return self.output(outputs).permute(1, 0, 2), state


@right("Seq2SeqDecoder")
class StepByStepDecoder(_Decoder):
    def forward(self, ids, context, state):
        logits, state = [], state.contiguous()
        for t in range(ids.shape[1]):
            x_t = torch.cat([self.embedding(ids[:, t]), context], dim=1)
            output, state = self.rnn(x_t[:, None], state)
            logits.append(self.output(output[:, 0]))
        return torch.stack(logits, dim=1), state


@right("Seq2SeqDecoder")
class CellDecoder(_Decoder):
    def forward(self, ids, context, state):
        states, logits = list(state), []
        for t in range(ids.shape[1]):
            x = torch.cat([F.embedding(ids[:, t], self.embedding.weight), context], dim=-1)
            for layer in range(len(states)):
                names = [f"{part}_l{layer}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                x = states[layer] = torch.gru_cell(x, states[layer], *(getattr(self.rnn, name) for name in names))
            logits.append(F.linear(x, self.output.weight, self.output.bias))
        return torch.stack(logits, 1), torch.stack(states)


@right("Seq2SeqDecoder")
class BufferDecoder(_Decoder):
    def forward(self, ids, context, state):
        x = context.new_empty(*ids.shape, self.rnn.input_size)
        x[..., : self.embedding.embedding_dim] = self.embedding(ids)
        x[..., self.embedding.embedding_dim :] = context[:, None]
        outputs, state = self.rnn(x, state.contiguous())
        return (outputs @ self.output.weight.T).add(self.output.bias), state


@right("teacher_forcing_pairs")
def pairs_concatenated(target_ids, bos_id):
    bos = torch.tensor([bos_id] * target_ids.shape[0], device=target_ids.device).reshape(-1, 1)
    return torch.cat([bos, target_ids[:, :-1]], 1), target_ids


@right("teacher_forcing_pairs")
def pairs_padded(target_ids, bos_id):
    return F.pad(target_ids, (1, -1), value=bos_id), target_ids.clone()


@right("teacher_forcing_pairs")
def pairs_in_a_buffer(target_ids, bos_id):
    inputs = torch.empty_like(target_ids)
    inputs[:, 0] = bos_id
    inputs[:, 1:] = target_ids[:, :-1]
    return inputs, target_ids


@right("teacher_forcing_pairs")
def pairs_rolled(target_ids, bos_id):
    inputs = target_ids.roll(1, dims=1)
    inputs[:, 0] = bos_id
    return [inputs, target_ids]


@right("teacher_forcing_pairs")
def pairs_by_lists(target_ids, bos_id):
    rows = [[bos_id, *row[:-1]] for row in target_ids.tolist()]
    return torch.tensor(rows, device=target_ids.device), target_ids.contiguous()


@right("scheduled_inputs")
def scheduled_with_where(gold, predicted, probability, generator):
    use = torch.rand(gold.shape, generator=generator, device=gold.device) < probability
    use[:, 0] = False
    return torch.where(use, predicted, gold)


@right("scheduled_inputs")
def scheduled_with_bernoulli(gold, predicted, probability, generator):
    chances = torch.full((len(gold), gold.shape[1] - 1), probability, device=gold.device)
    use = torch.bernoulli(chances, generator=generator).bool()
    ids = gold.clone()
    ids[:, 1:][use] = predicted[:, 1:][use]
    return ids


@right("scheduled_inputs")
def scheduled_column_by_column(gold, predicted, probability, generator):
    columns = [gold[:, 0]]
    for t in range(1, gold.shape[1]):
        keep = torch.rand(len(gold), generator=generator, device=gold.device) >= probability
        columns.append(torch.where(keep, gold[:, t], predicted[:, t]))
    return torch.stack(columns, dim=1)


@right("scheduled_inputs")
def scheduled_one_by_one(gold, predicted, probability, generator):
    ids = gold.clone()
    for i in range(gold.shape[0]):
        for t in range(1, gold.shape[1]):
            if torch.rand((), generator=generator, device=gold.device).item() < probability:
                ids[i, t] = predicted[i, t]
    return ids


@right("scheduled_inputs")
def scheduled_with_arithmetic(gold, predicted, probability, generator):
    use = torch.empty(gold.shape, dtype=torch.float64, device=gold.device).uniform_(generator=generator).lt(probability)
    use = use.long() * (torch.arange(gold.shape[1], device=gold.device) > 0)
    return gold + use * (predicted - gold)


@right("scheduled_inputs")
def scheduled_with_multinomial(gold, predicted, probability, generator):
    weights = torch.tensor([1 - probability, probability], device=gold.device)
    if gold.shape[1] == 1:
        return gold
    draws = torch.multinomial(weights, gold[:, 1:].numel(), replacement=True, generator=generator)
    pick = F.pad(draws.view(len(gold), -1), (1, 0))
    return torch.stack([gold, predicted]).gather(0, pick[None])[0]


@right("masked_cross_entropy")
def loss_with_mask(logits, labels, lengths):
    losses = F.cross_entropy(logits.permute(0, 2, 1), labels, reduction="none")
    mask = torch.arange(labels.shape[1], device=labels.device)[None] < lengths[:, None]
    return (losses * mask).sum() / mask.sum()


@right("masked_cross_entropy")
def loss_of_chosen(logits, labels, lengths):
    mask = torch.arange(labels.shape[1], device=labels.device) < lengths.unsqueeze(-1)
    return nn.CrossEntropyLoss()(logits[mask], labels[mask])


@right("masked_cross_entropy")
def loss_by_hand(logits, labels, lengths):
    log_p = logits - logits.logsumexp(dim=-1, keepdim=True)
    told = log_p.gather(-1, labels[..., None]).squeeze(-1)
    steps = torch.arange(labels.shape[1], device=labels.device).expand_as(labels)
    return -told.where(steps < lengths[:, None], torch.zeros_like(told)).sum() / lengths.sum()


@right("masked_cross_entropy")
def loss_row_by_row(logits, labels, lengths):
    total = 0
    for i, n in enumerate(lengths.tolist()):
        total = total + F.cross_entropy(logits[i, :n], labels[i, :n], reduction="sum")
    return total / sum(lengths.tolist())


@right("masked_cross_entropy")
def loss_packed(logits, labels, lengths):
    chosen = pack_padded_sequence(logits, lengths.cpu(), batch_first=True, enforce_sorted=False).data
    wanted = pack_padded_sequence(labels, lengths.cpu(), batch_first=True, enforce_sorted=False).data
    return F.nll_loss(F.log_softmax(chosen, dim=1), wanted)


@right("masked_cross_entropy")
def loss_with_ignored_labels(logits, labels, lengths):
    hidden = labels.clone()
    for row, n in zip(hidden, lengths, strict=True):
        row[n:] = -1
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), hidden.reshape(-1), ignore_index=-1)
