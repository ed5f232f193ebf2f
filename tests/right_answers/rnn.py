"""Right answers to lesson 02 in several styles: `RIGHT[exercise]` lists them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("rnn_step")
def step_plain(x_t, h_prev, W_xh, W_hh, b_h):
    return torch.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)


@right("rnn_step")
def step_concatenated(x_t, h_prev, W_xh, W_hh, b_h):
    return torch.tanh(torch.cat([x_t, h_prev], dim=1) @ torch.cat([W_xh, W_hh]) + b_h)


@right("rnn_step")
def step_einsum(x_t, h_prev, W_xh, W_hh, b_h):
    a = torch.einsum("bi,ih->bh", x_t, W_xh) + torch.einsum("bk,kh->bh", h_prev, W_hh) + b_h.unsqueeze(0)
    return 2 * torch.sigmoid(2 * a) - 1


@right("rnn_step")
def step_linear(x_t, h_prev, W_xh, W_hh, b_h):
    return F.linear(x_t, W_xh.t(), b_h).add(F.linear(h_prev, W_hh.t())).tanh()


@right("rnn_step")
def step_row_by_row(x_t, h_prev, W_xh, W_hh, b_h):
    rows = []
    for x, h in zip(x_t, h_prev, strict=True):
        total = torch.addmv(b_h, W_xh.T, x) + W_hh.T.mv(h)
        rows.append(total.tanh())
    return torch.stack(rows)


@right("rnn_step")
def step_module(x_t, h_prev, W_xh, W_hh, b_h):
    cell = nn.RNNCell(*W_xh.shape, device=x_t.device, dtype=x_t.dtype)
    weights = {"weight_ih": W_xh.T, "weight_hh": W_hh.T, "bias_ih": b_h, "bias_hh": torch.zeros_like(b_h)}
    return torch.func.functional_call(cell, weights, (x_t, h_prev))


@right("rnn_forward")
def forward_stacked(x, h_0, W_xh, W_hh, b_h):
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = step_plain(x[:, t, :], h, W_xh, W_hh, b_h)
        states.append(h)
    return torch.stack(states, dim=1), h


@right("rnn_forward")
def forward_buffer(x, h_0, W_xh, W_hh, b_h):
    outputs = x.new_empty(x.size(0), x.size(1), h_0.size(1))
    h = h_0.clone()
    for t, x_t in enumerate(x.transpose(0, 1)):
        h = step_linear(x_t, h, W_xh, W_hh, b_h)
        outputs[:, t] = h
    return outputs, outputs[:, -1]


@right("rnn_forward")
def forward_inputs_first(x, h_0, W_xh, W_hh, b_h):
    drive = x @ W_xh + b_h
    states = [h_0]
    for part in drive.unbind(1):
        states.append(torch.tanh(torch.addmm(part, states[-1], W_hh)))
    return torch.cat([s.unsqueeze(1) for s in states[1:]], dim=1), states[-1].clone()


@right("rnn_forward")
def forward_recursive(x, h_0, W_xh, W_hh, b_h):
    h = step_plain(x[:, 0], h_0, W_xh, W_hh, b_h)
    if x.shape[1] == 1:
        return h[:, None], h
    rest, h_last = forward_recursive(x[:, 1:], h, W_xh, W_hh, b_h)
    return torch.cat([h[:, None], rest], dim=1), h_last


@right("rnn_forward")
def forward_sentence_by_sentence(x, h_0, W_xh, W_hh, b_h):
    outputs = []
    for row, start in zip(x, h_0, strict=True):
        h, states = start, []
        for x_t in row:
            h = torch.tanh(x_t @ W_xh + h @ W_hh + b_h)
            states.append(h)
        outputs.append(torch.stack(states))
    outputs = torch.stack(outputs)
    return [outputs, outputs[:, -1]]


@right("rnn_forward")
def forward_module(x, h_0, W_xh, W_hh, b_h):
    network = nn.RNN(*W_xh.shape, batch_first=True, device=x.device, dtype=x.dtype)
    weights = {
        "weight_ih_l0": W_xh.T, "weight_hh_l0": W_hh.T, "bias_ih_l0": b_h, "bias_hh_l0": torch.zeros_like(b_h)
    }
    outputs, h_n = torch.func.functional_call(network, weights, (x, h_0[None].contiguous()))
    return outputs, h_n.squeeze(0)


@right("rnn_backward")
def backward_accumulating(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    grads = {"x": torch.zeros_like(x), "W_xh": torch.zeros_like(W_xh), "W_hh": torch.zeros_like(W_hh)}
    grads["b_h"] = W_hh.new_zeros(W_hh.shape[0])
    dh_next = torch.zeros_like(h_0)
    for t in range(x.shape[1] - 1, -1, -1):
        h_prev = outputs[:, t - 1] if t > 0 else h_0
        da = (grad_outputs[:, t] + dh_next) * (1 - outputs[:, t] * outputs[:, t])
        grads["x"][:, t] = da @ W_xh.T
        grads["W_xh"] += x[:, t].T @ da
        grads["W_hh"] += h_prev.T @ da
        grads["b_h"] += da.sum(0)
        dh_next = da @ W_hh.T
    grads["h_0"] = dh_next
    return grads


@right("rnn_backward")
def backward_by_jacobians(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    """dL/dh_t as a sum over later losses, each through a product of Jacobians."""
    batch, seq, _ = x.shape
    slope = 1 - outputs**2
    totals = []
    for t in range(seq):
        total = torch.zeros_like(h_0)
        road = torch.eye(W_hh.shape[0], dtype=x.dtype, device=x.device).repeat(batch, 1, 1)
        for s in range(t, seq):
            total = total + torch.einsum("bij,bj->bi", road, grad_outputs[:, s])
            if s + 1 < seq:
                road = road @ (W_hh @ torch.diag_embed(slope[:, s + 1]))
        totals.append(total * slope[:, t])
    da = torch.stack(totals, dim=1)
    before = torch.cat([h_0[:, None], outputs[:, :-1]], dim=1)
    flat = da.reshape(-1, da.shape[-1])
    return {
        "b_h": flat.sum(0),
        "W_hh": before.reshape(len(flat), -1).T @ flat,
        "W_xh": x.reshape(len(flat), -1).T @ flat,
        "h_0": da[:, 0] @ W_hh.T,
        "x": da @ W_xh.T,
    }


@right("rnn_backward")
def backward_sentence_by_sentence(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    found = {"x": [], "h_0": [], "W_xh": 0, "W_hh": 0, "b_h": 0}
    for i in range(len(x)):
        g, dx = torch.zeros_like(h_0[i]), []
        for t in reversed(range(x.shape[1])):
            g = (g + grad_outputs[i, t]) * (1 + outputs[i, t]) * (1 - outputs[i, t])
            dx.insert(0, W_xh @ g)
            found["W_xh"] = found["W_xh"] + torch.outer(x[i, t], g)
            found["W_hh"] = found["W_hh"] + torch.outer(outputs[i, t - 1] if t else h_0[i], g)
            found["b_h"] = found["b_h"] + g
            g = W_hh @ g
        found["x"].append(torch.stack(dx))
        found["h_0"].append(g)
    return found | {"x": torch.stack(found["x"]), "h_0": torch.stack(found["h_0"])}


@right("clip_gradients_")
def clip_flat(gradients, max_norm):
    norm = torch.cat([g.reshape(-1) for g in gradients]).norm()
    if norm > max_norm:
        for g in gradients:
            g *= max_norm / norm
    return norm


@right("clip_gradients_")
def clip_clamped(gradients, max_norm):
    norm = torch.sqrt(sum((g**2).sum() for g in gradients))
    factor = (max_norm / norm).clamp(max=1.0)
    for g in gradients:
        g.mul_(factor)
    return norm


@right("clip_gradients_")
def clip_copied_back(gradients, max_norm):
    norm = torch.stack([torch.linalg.norm(g) for g in gradients]).norm(p=2)
    factor = min(1.0, max_norm / norm.item()) if norm > 0 else 1.0
    for g in gradients:
        g.copy_(g * factor)
    return norm


@right("clip_gradients_")
def clip_foreach(gradients, max_norm):
    norm = torch.nn.utils.get_total_norm(gradients)
    if norm.item() > max_norm:
        torch._foreach_mul_(gradients, max_norm / norm.item())
    return norm


@right("clip_gradients_")
def clip_with_mathematics(gradients, max_norm):
    norm = math.hypot(*(v for g in gradients for v in g.flatten().tolist()))
    if norm > max_norm:
        for g in gradients:
            g[...] = g / norm * max_norm
    return torch.tensor(norm, dtype=gradients[0].dtype, device=gradients[0].device)


@right("clip_gradients_")
def clip_data(gradients, max_norm):
    norm = sum(g.square().sum() for g in gradients) ** 0.5
    for g in gradients:
        g.data = torch.where(norm > max_norm, g * (max_norm / norm), g)
    return norm


@right("last_valid_state")
def state_indexed(outputs, lengths):
    return outputs[torch.arange(outputs.shape[0], device=outputs.device), lengths - 1, :]


@right("last_valid_state")
def state_gathered(outputs, lengths):
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, outputs.shape[2])
    return outputs.gather(1, index).squeeze(1)


@right("last_valid_state")
def state_looped(outputs, lengths):
    return torch.stack([row[n - 1] for row, n in zip(outputs, lengths.tolist(), strict=True)])


@right("last_valid_state")
def state_masked(outputs, lengths):
    return outputs[torch.arange(outputs.shape[1], device=outputs.device) == lengths[:, None] - 1]


@right("last_valid_state")
def state_one_hot(outputs, lengths):
    return torch.einsum("btd,bt->bd", outputs, F.one_hot(lengths - 1, outputs.shape[1]).to(outputs.dtype))


@right("last_valid_state")
def state_flat(outputs, lengths):
    batch, seq, d_h = outputs.shape
    places = torch.arange(batch, device=outputs.device) * seq + lengths - 1
    return outputs.reshape(batch * seq, d_h).index_select(0, places)


@right("last_valid_state")
def state_from_the_end(outputs, lengths):
    return outputs[range(len(outputs)), lengths - 1 - outputs.shape[1]]


class _Named(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.W_xh = nn.Parameter(torch.randn(d_embed, d_hidden) * 0.01)
        self.W_hh = nn.Parameter(torch.randn(d_hidden, d_hidden) * 0.01)
        self.b_h = nn.Parameter(torch.zeros(d_hidden))
        self.output = nn.Linear(d_hidden, vocab_size)


@right("RNNLanguageModel")
class PlainModel(_Named):
    def forward(self, ids, h_0=None):
        h = h_0
        if h is None:
            h = torch.zeros(ids.shape[0], self.W_hh.shape[0], dtype=self.W_hh.dtype, device=ids.device)
        logits = []
        for t in range(ids.shape[1]):
            h = torch.tanh(self.embedding(ids[:, t]) @ self.W_xh + h @ self.W_hh + self.b_h)
            logits.append(self.output(h))
        return torch.stack(logits, dim=1), h


@right("RNNLanguageModel")
class PaddedModel(nn.Module):
    """Parameters declared in another order, an embedding with padding_idx, a buffer, a dropout that drops nothing."""

    def __init__(self, vocab_size, d_embed, d_hidden):
        super().__init__()
        self.output = nn.Linear(d_hidden, vocab_size, bias=True)
        self.b_h = nn.Parameter(torch.empty(d_hidden).uniform_(-0.1, 0.1))
        self.W_hh = nn.Parameter(nn.init.orthogonal_(torch.empty(d_hidden, d_hidden)))
        self.W_xh = nn.Parameter(nn.init.xavier_uniform_(torch.empty(d_embed, d_hidden)))
        self.embedding = nn.Embedding(vocab_size, d_embed, padding_idx=0)
        self.register_buffer("start", torch.zeros(d_hidden))
        self.dropout = nn.Dropout(0.0)

    def forward(self, ids, h_0=None):
        h_0 = self.start.expand(len(ids), -1) if h_0 is None else h_0
        outputs, h_last = forward_inputs_first(self.dropout(self.embedding(ids)), h_0, self.W_xh, self.W_hh, self.b_h)
        return self.output(outputs), h_last


@right("RNNLanguageModel")
class ModuleModel(_Named):
    def forward(self, ids, h_0=None):
        x = F.embedding(ids, self.embedding.weight)
        h_0 = x.new_zeros(len(ids), self.b_h.numel()) if h_0 is None else h_0
        outputs, h_last = forward_module(x, h_0, self.W_xh, self.W_hh, self.b_h)
        return outputs @ self.output.weight.T + self.output.bias, h_last


@right("RNNLanguageModel")
class TimeFirstModel(_Named):
    def forward(self, ids, h_0=None):
        inputs = self.embedding(ids.T)
        state = torch.zeros_like(inputs[0] @ self.W_xh) if h_0 is None else h_0
        outputs = []
        for x in inputs:
            state = step_concatenated(x, state, self.W_xh, self.W_hh, self.b_h)
            outputs += [state]
        return self.output(torch.stack(outputs).transpose(0, 1)), state


def _pick(logits, temperature, generator):
    if temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial(F.softmax(logits / temperature, dim=-1), 1, generator=generator))


@right("generate")
def generate_with_state(model, prefix, num_tokens, temperature, generator=None):
    ids = list(prefix)
    with torch.no_grad():
        logits, state = model(torch.tensor([ids]))
        for _ in range(num_tokens):
            ids.append(_pick(logits[0, -1], temperature, generator))
            logits, state = model(torch.tensor([[ids[-1]]]), state)
    return ids


@right("generate")
def generate_rereading(model, prefix, num_tokens, temperature, generator=None):
    ids = prefix.copy()
    while len(ids) < len(prefix) + num_tokens:
        logits, _ = model(torch.tensor(ids).unsqueeze(0))
        ids.append(_pick(logits[0, -1], temperature, generator))
    return ids


@right("generate")
def generate_id_by_id(model, prefix, num_tokens, temperature, generator=None):
    """The prefix goes in one id at a time, the last one in the loop; noise is Gumbel's."""
    device = model.embedding.weight.device
    ids, h = [*prefix], None
    with torch.inference_mode():
        for i in prefix[:-1]:
            _, h = model(torch.tensor([[i]], device=device), h)
        for _ in range(num_tokens):
            logits, h = model(torch.tensor([[ids[-1]]], device=device), h)
            scores = logits[0, 0]
            if temperature > 0:
                u = torch.rand(scores.shape, generator=generator, dtype=torch.float64, device=device)
                scores = scores - temperature * torch.log(-torch.log(u))
            ids.append(scores.argmax().item())
    return ids


@right("generate")
def generate_inverting(model, prefix, num_tokens, temperature, generator=None):
    """Inverse of the cumulative distribution; temperature 0 as the limit."""
    ids, state, new = list(prefix), None, torch.tensor([prefix])
    for _ in range(num_tokens):
        logits, state = model(new, state)
        p = torch.softmax(logits[0, -1].double() / max(temperature, 1e-9), dim=0)
        u = torch.rand(1, generator=generator, dtype=torch.float64) if temperature else torch.tensor([0.5])
        drawn = torch.searchsorted(p.cumsum(0).detach(), u * p.sum().detach()).clamp(max=len(p) - 1)
        ids += drawn.tolist()
        new = drawn.unsqueeze(0)
    return ids


@right("generate")
def generate_from_parameters(model, prefix, num_tokens, temperature, generator=None):
    """Without calling the model; an exponential race draws."""
    E, (out, bias) = model.embedding.weight.detach(), (model.output.weight, model.output.bias)
    h = torch.zeros(1, model.b_h.shape[0], dtype=E.dtype)
    read = lambda h, i: torch.tanh(E[i : i + 1] @ model.W_xh + h @ model.W_hh + model.b_h)  # noqa: E731
    for i in prefix:
        h = read(h, i)
    ids = prefix[:]
    for _ in range(num_tokens):
        logits = (h @ out.T + bias)[0].detach()
        if temperature != 0.0:
            clocks = torch.empty_like(logits).exponential_(generator=generator)
            logits = torch.log_softmax(logits / temperature, 0) - clocks.log()
        ids.append(int(torch.argmax(logits)))
        h = read(h, ids[-1])
    return ids


class _Network(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden, num_out, batch_first=True, padding_idx=None):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed, padding_idx=padding_idx)
        self.rnn = nn.RNN(d_embed, d_hidden, batch_first=batch_first)
        self.output = nn.Linear(d_hidden, num_out)


@right("RNNClassifier")
class PackedClassifier(_Network):
    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.embedding(ids), lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, h_n = self.rnn(packed)
        return self.output(h_n[-1])


@right("RNNClassifier")
class IndexedClassifier(_Network):
    def forward(self, ids, lengths):
        return self.output(state_gathered(self.rnn(self.embedding(ids))[0], lengths))


@right("RNNClassifier")
class TimeFirstClassifier(_Network):
    def __init__(self, vocab_size, d_embed, d_hidden, num_classes):
        super().__init__(vocab_size, d_embed, d_hidden, num_classes, batch_first=False, padding_idx=0)

    def forward(self, ids, lengths):
        outputs, _ = self.rnn(self.embedding(ids.T))
        return self.output(outputs)[lengths - 1, torch.arange(len(lengths))]


@right("RNNClassifier")
class SentenceBySentenceClassifier(_Network):
    def forward(self, ids, lengths):
        states = [self.rnn(self.embedding(row[:n]))[1] for row, n in zip(ids, lengths.tolist(), strict=True)]
        return self.output(torch.cat(states))


@right("RNNClassifier")
class SortingClassifier(_Network):
    def forward(self, ids, lengths):
        order = lengths.argsort(descending=True)
        packed = pack_padded_sequence(self.embedding(ids[order]), lengths[order].cpu(), batch_first=True)
        outputs, kept = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.output(state_indexed(outputs, kept))[order.argsort()]


@right("RNNTagger")
class PlainTagger(_Network):
    def forward(self, ids):
        outputs, _ = self.rnn(self.embedding(ids))
        return self.output(outputs)


@right("RNNTagger")
class TimeFirstTagger(_Network):
    def __init__(self, vocab_size, d_embed, d_hidden, num_tags):
        super().__init__(vocab_size, d_embed, d_hidden, num_tags, batch_first=False, padding_idx=0)

    def forward(self, ids):
        return self.output(self.rnn(self.embedding(ids.transpose(0, 1)))[0]).permute(1, 0, 2)


@right("RNNTagger")
class StepwiseTagger(_Network):
    def forward(self, ids):
        x = self.embedding(ids)
        h = torch.zeros(1, x.shape[0], self.rnn.hidden_size, dtype=x.dtype, device=x.device)
        tags = []
        for t in range(x.shape[1]):
            out, h = self.rnn(x[:, t : t + 1], h)
            tags.append(self.output(out))
        return torch.cat(tags, dim=1)


@right("RNNTagger")
class ByHandTagger(_Network):
    def forward(self, ids):
        bias = self.rnn.bias_ih_l0 + self.rnn.bias_hh_l0
        h_0 = bias.new_zeros(len(ids), len(bias))
        x = self.embedding(ids)
        outputs, _ = forward_stacked(x, h_0, self.rnn.weight_ih_l0.T, self.rnn.weight_hh_l0.T, bias)
        return outputs @ self.output.weight.T + self.output.bias
