"""Right answers to lesson 05 in several styles: attention inside a decoder, and the alignment error."""

from __future__ import annotations

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


class _Skeleton(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden, d_encoder):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.W_q = nn.Linear(d_hidden, d_hidden, bias=False)
        self.W_k = nn.Linear(d_encoder, d_hidden, bias=False)
        self.v = nn.Linear(d_hidden, 1, bias=False)
        self.rnn = nn.GRUCell(d_embed + d_encoder, d_hidden)
        self.output = nn.Linear(d_hidden + d_encoder + d_embed, vocab_size)


@right("BahdanauDecoder")
class PlainDecoder(_Skeleton):
    def step(self, ids, state, encoder_outputs, mask):
        e = self.embedding(ids)
        scores = self.v(torch.tanh(self.W_q(state)[:, None] + self.W_k(encoder_outputs)))[..., 0]
        weights = torch.nan_to_num(scores.masked_fill(~mask, -torch.inf).softmax(dim=-1))
        context = (weights[..., None] * encoder_outputs).sum(dim=1)
        state = self.rnn(torch.cat([e, context], 1), state)
        return self.output(torch.cat([state, context, e], 1)), state, weights


@right("BahdanauDecoder")
class MatrixDecoder(_Skeleton):
    """With products of its own in place of the modules, and parts of the output layer added up."""

    def step(self, ids, state, encoder_outputs, mask):
        embedded = F.embedding(ids, self.embedding.weight)
        hidden = torch.einsum("bh,gh->bg", state, self.W_q.weight).unsqueeze(1) + encoder_outputs @ self.W_k.weight.T
        scores = hidden.tanh() @ self.v.weight[0]
        hidden = scores.masked_fill(~mask, -1e9)
        e = torch.exp(hidden - hidden.amax(dim=1, keepdim=True)) * mask
        weights = e / e.sum(dim=1, keepdim=True).clamp(min=1e-12)
        context = torch.bmm(weights.unsqueeze(1), encoder_outputs).squeeze(1)
        new = self._gru(torch.hstack([embedded, context]), state)
        W_s, W_c, W_e = self.output.weight.split([new.shape[1], context.shape[1], embedded.shape[1]], dim=1)
        return new @ W_s.T + context @ W_c.T + embedded @ W_e.T + self.output.bias, new, weights

    def _gru(self, x, h):
        r, z, n = (x @ self.rnn.weight_ih.T + self.rnn.bias_ih).chunk(3, dim=1)
        r_h, z_h, n_h = (h @ self.rnn.weight_hh.T + self.rnn.bias_hh).chunk(3, dim=1)
        update = torch.sigmoid(z + z_h)
        return update * h + (1 - update) * torch.tanh(n + torch.sigmoid(r + r_h) * n_h)


@right("BahdanauDecoder")
class TwoPartDecoder(_Skeleton):
    """Built otherwise: `padding_idx`, a dropout of nothing, a `forward` that steps, an attention method of its own."""

    def __init__(self, vocab_size, d_embed, d_hidden, d_encoder):
        super().__init__(vocab_size, d_embed, d_hidden, d_encoder)
        self.embedding = nn.Embedding(vocab_size, d_embed, padding_idx=0)
        self.dropout = nn.Dropout(0.0)

    def forward(self, ids, state, encoder_outputs, mask):
        found = []
        for column in ids.unbind(dim=1):
            logits, state, _ = self.step(column, state, encoder_outputs, mask)
            found.append(logits)
        return torch.stack(found, dim=1), state

    def attend(self, state, encoder_outputs, mask):
        features = torch.tanh(self.W_q(state.unsqueeze(1)) + self.W_k(encoder_outputs))
        weights = self.v(features).squeeze(2).masked_fill(~mask, -1e9).softmax(-1) * mask
        return torch.matmul(weights.unsqueeze(-2), encoder_outputs).squeeze(-2), weights

    def step(self, ids, state, encoder_outputs, mask):
        embedded = self.dropout(self.embedding(ids))
        context, weights = self.attend(state, encoder_outputs, mask)
        state = self.rnn(torch.cat((embedded, context), dim=-1), state)
        return [self.output(torch.cat((state, context, embedded), dim=-1)), state, weights]


@right("BahdanauDecoder")
class SentenceDecoder(_Skeleton):
    """Looks at the real words of each sentence alone."""

    def step(self, ids, state, encoder_outputs, mask):
        weights = encoder_outputs.new_zeros(mask.shape)
        for b, shown in enumerate(mask):
            if shown.any():
                words = encoder_outputs[b, shown]
                weights[b, shown] = torch.softmax(self.v(torch.tanh(self.W_q(state[b]) + self.W_k(words)))[:, 0], 0)
        context = torch.einsum("bk,bkd->bd", weights, encoder_outputs)
        embedded = self.embedding(ids)
        new = self.rnn(torch.cat([embedded, context], dim=1), state)
        return self.output(torch.cat([new, context, embedded], dim=1)), new, weights


@right("luong_output")
def luong_concatenated(state, context, W_c):
    return torch.tanh(torch.cat([context, state], dim=1) @ W_c)


@right("luong_output")
def luong_split(state, context, W_c):
    return (context @ W_c[: context.shape[1]] + state @ W_c[context.shape[1] :]).tanh()


@right("luong_output")
def luong_linear(state, context, W_c):
    return F.tanh(F.linear(torch.hstack((context, state)), W_c.T))


@right("luong_output")
def luong_einsum(state, context, W_c):
    a = torch.einsum("bi,ih->bh", torch.cat((context, state), -1), W_c)
    return 2 * torch.sigmoid(2 * a) - 1


@right("alignment_error_rate")
def error_sets(weights, sure, possible):
    A = {(i, int(row.argmax())) for i, row in enumerate(weights)}
    S = {tuple(pair) for pair in sure.nonzero().tolist()}
    P = {tuple(pair) for pair in possible.nonzero().tolist()}
    return 1 - (len(A & S) + len(A & P)) / (len(A) + len(S))


@right("alignment_error_rate")
def error_gathered(weights, sure, possible):
    index = weights.argmax(dim=1, keepdim=True)
    hits = sure.gather(1, index).sum() + possible.gather(1, index).sum()
    return (1.0 - hits / (len(weights) + sure.sum())).item()


@right("alignment_error_rate")
def error_scattered(weights, sure, possible):
    A = torch.zeros_like(sure)
    A[torch.arange(len(weights)), weights.argmax(-1)] = True
    return float(1 - ((A & sure).sum() + (A & possible).sum()).double() / (A.sum() + sure.sum()))


@right("alignment_error_rate")
def error_counted(weights, sure, possible):
    found = 0
    for row, s, p in zip(weights.tolist(), sure.tolist(), possible.tolist(), strict=True):
        j = row.index(max(row))
        found += int(s[j]) + int(p[j])
    return 1 - found / (len(weights) + sum(map(sum, sure.tolist())))


@right("alignment_error_rate")
def error_with_numpy(weights, sure, possible):
    w, s, p = weights.detach().numpy(), sure.numpy(), possible.numpy()
    at = np.arange(len(w)), w.argmax(axis=1)
    return 1 - (s[at].sum() + p[at].sum()) / (len(w) + s.sum())
