"""Right answers to lesson 03: layers, both ways, batches of delayed recall. `RIGHT[exercise]` lists them."""

from __future__ import annotations

import random
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.right_answers.gru_lstm import gru_einsum, gru_linear, gru_plain

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Any:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("deep_gru_forward")
def deep_layer_by_layer(x, h_0, layers):
    inputs, last = x, []
    for h, params in zip(h_0, layers, strict=True):
        states = []
        for t in range(x.shape[1]):
            h = gru_plain(inputs[:, t], h, params)
            states.append(h)
        inputs = torch.stack(states, dim=1)
        last.append(h)
    return inputs, torch.stack(last)


@right("deep_gru_forward")
def deep_step_by_step(x, h_0, layers):
    h = list(h_0)
    tops = []
    for t in range(x.shape[1]):
        signal = x[:, t]
        for level, params in enumerate(layers):
            signal = h[level] = gru_einsum(signal, h[level], params)
        tops.append(signal)
    return torch.stack(tops, dim=1), torch.stack(h, dim=0)


@right("deep_gru_forward")
def deep_recursive(x, h_0, layers):
    if not layers:
        return x, h_0
    outputs = x.new_empty(x.shape[0], x.shape[1], h_0.shape[2])
    h = h_0[0].clone()
    for t in range(x.shape[1]):
        h = gru_linear(x[:, t], h, layers[0])
        outputs[:, t] = h
    top, last = deep_recursive(outputs, h_0[1:], layers[1:])
    return top, torch.cat([h[None], last])


@right("deep_gru_forward")
def deep_grid(x, h_0, layers):
    """A table of states, filled by time and layer; time first inside."""
    grid = {(level, -1): h_0[level] for level in range(len(layers))}
    for t, x_t in enumerate(x.transpose(0, 1)):
        grid[-1, t] = x_t
        for level in range(len(layers)):
            grid[level, t] = gru_plain(grid[level - 1, t], grid[level, t - 1], layers[level])
    seq, top = x.size(1), len(layers) - 1
    outputs = torch.cat([grid[top, t][:, None, :] for t in range(seq)], dim=1)
    return [outputs, torch.stack([grid[level, seq - 1] for level in range(top + 1)])]


@right("bidirectional_forward")
def both_held_at_zero(x, lengths, forward_step, backward_step, d_hidden):
    """The state is held at zero wherever there is no real token."""
    batch, seq, _ = x.shape
    real = (torch.arange(seq, device=x.device)[None, :] < lengths[:, None]).unsqueeze(-1)
    results = []
    for step, order in ((forward_step, range(seq)), (backward_step, range(seq - 1, -1, -1))):
        h, states = x.new_zeros(batch, d_hidden), {}
        for t in order:
            h = torch.where(real[:, t], step(x[:, t], h), torch.zeros_like(h))
            states[t] = h
        results.append(torch.stack([states[t] for t in range(seq)], dim=1))
    return torch.cat(results, dim=-1)


@right("bidirectional_forward")
def both_row_by_row(x, lengths, forward_step, backward_step, d_hidden):
    outputs = x.new_zeros(x.shape[0], x.shape[1], 2 * d_hidden)
    for b, n in enumerate(lengths.tolist()):
        h = x.new_zeros(1, d_hidden)
        for t in range(n):
            h = forward_step(x[b : b + 1, t], h)
            outputs[b, t, :d_hidden] = h[0]
        h = x.new_zeros(1, d_hidden)
        for t in reversed(range(n)):
            h = backward_step(x[b : b + 1, t], h)
            outputs[b, t, d_hidden:] = h[0]
    return outputs


@right("bidirectional_forward")
def both_gathered(x, lengths, forward_step, backward_step, d_hidden):
    """Rows mirrored within their lengths, read, and mirrored back; then masked by a product."""
    batch, seq, d_in = x.shape
    t = torch.arange(seq, device=x.device).repeat(batch, 1)
    mirror = (lengths.unsqueeze(1) - 1 - t) % seq

    def run(inputs, step):
        h, out = inputs.new_zeros(batch, d_hidden), []
        for i in range(seq):
            h = step(inputs[:, i], h)
            out.append(h)
        return torch.stack(out, 1)

    forward = run(x, forward_step)
    backward = run(x.gather(1, mirror[..., None].expand(-1, -1, d_in)), backward_step)
    backward = backward.gather(1, mirror[..., None].expand(-1, -1, d_hidden))
    return torch.cat([forward, backward], -1) * (t < lengths[:, None]).unsqueeze(-1).to(x.dtype)


@right("bidirectional_forward")
def both_fewer_and_fewer_rows(x, lengths, forward_step, backward_step, d_hidden):
    """As packed sequences do it: at each time only the rows that are still there."""
    n, order = torch.sort(lengths, descending=True)
    x = x[order]
    sizes = [int((n > t).sum()) for t in range(int(n[0]))]
    forward, backward = x.new_zeros(*x.shape[:2], d_hidden), x.new_zeros(*x.shape[:2], d_hidden)
    h = x.new_zeros(len(x), d_hidden)
    for t, rows in enumerate(sizes):
        h = forward_step(x[:rows, t], h[:rows])
        forward[:rows, t] = h
    h = x.new_zeros(0, d_hidden)
    for t in reversed(range(len(sizes))):
        h = torch.cat([h, x.new_zeros(sizes[t] - len(h), d_hidden)])
        h = backward_step(x[: sizes[t], t], h)
        backward[: sizes[t], t] = h
    return torch.cat([forward, backward], dim=2)[order.argsort()]


@right("bidirectional_forward")
def both_by_length(x, lengths, forward_step, backward_step, d_hidden):
    """Rows of one length together, the rest filled up with zeros."""
    rows = [None] * len(x)
    for n in lengths.unique().tolist():
        group = (lengths == n).nonzero().flatten()
        part, states = x[group, :n], []
        for step, piece in ((forward_step, part), (backward_step, part.flip(1))):
            h, found = piece.new_zeros(len(group), d_hidden), []
            for x_t in piece.unbind(1):
                h = step(x_t, h)
                found.append(h)
            states.append(torch.stack(found, 1))
        both = torch.cat([states[0], states[1].flip(1)], dim=2)
        for place, row in zip(group.tolist(), F.pad(both, (0, 0, 0, x.shape[1] - n)), strict=True):
            rows[place] = row
    return torch.stack(rows)


@right("bidirectional_forward")
def both_padded_afresh(x, lengths, forward_step, backward_step, d_hidden):
    def read(row, step):
        h, states = row.new_zeros(1, d_hidden), []
        for x_t in row.split(1):
            h = step(x_t, h)
            states.append(h)
        return torch.cat(states)

    rows = [x[b, :n] for b, n in enumerate(lengths)]
    both = [torch.hstack([read(row, forward_step), read(row.flip(0), backward_step).flip(0)]) for row in rows]
    padded = nn.utils.rnn.pad_sequence(both, batch_first=True)
    return torch.cat([padded, padded.new_zeros(len(x), x.shape[1] - padded.shape[1], 2 * d_hidden)], dim=1)


@right("bidirectional_forward")
def both_where_they_are(x, lengths, forward_step, backward_step, d_hidden):
    """Only the rows that have a token at this place are stepped, picked by a mask."""
    seq = x.shape[1]
    outputs = torch.zeros(x.shape[0], seq, 2, d_hidden, dtype=x.dtype, device=x.device)
    for side, (step, order) in enumerate([(forward_step, range(seq)), (backward_step, range(seq)[::-1])]):
        h = outputs.new_zeros(x.shape[0], d_hidden)
        for t in order:
            here = t < lengths
            if not here.any():
                continue
            h = h.clone()
            h[here] = step(x[here, t], h[here])
            outputs[here, t, side] = h[here]
    return outputs.flatten(2)


@right("delayed_recall_batch")
def batch_filled(batch, num_symbols, delay, generator):
    inputs = torch.full((batch, delay + 2), num_symbols, dtype=torch.int64, device=generator.device)
    targets = torch.randint(0, num_symbols, (batch,), generator=generator, device=generator.device)
    inputs[:, 0] = targets
    inputs[:, -1] = num_symbols + 1
    return inputs, targets


@right("delayed_recall_batch")
def batch_glued(batch, num_symbols, delay, generator):
    device = generator.device
    symbols = torch.multinomial(torch.ones(num_symbols, device=device), batch, replacement=True, generator=generator)
    blanks = symbols.new_full((batch, delay), num_symbols)
    cue = symbols.new_full((batch, 1), num_symbols + 1)
    return [torch.hstack([symbols[:, None], blanks, cue]), symbols]


@right("delayed_recall_batch")
def batch_of_fractions(batch, num_symbols, delay, generator):
    u = torch.rand(batch, generator=generator, device=generator.device, dtype=torch.float64)
    targets = (u * num_symbols).long()
    return F.pad(F.pad(targets[:, None], (0, delay), value=num_symbols), (0, 1), value=num_symbols + 1), targets


@right("delayed_recall_batch")
def batch_row_by_row(batch, num_symbols, delay, generator):
    rows = []
    for _ in range(batch):
        symbol = int(torch.randperm(num_symbols, generator=generator, device=generator.device)[0])
        rows.append([symbol, *[num_symbols] * delay, num_symbols + 1])
    inputs = torch.tensor(rows, device=generator.device)
    return inputs, inputs[:, 0]


@right("delayed_recall_batch")
def batch_from_a_seed(batch, num_symbols, delay, generator):
    """The generator seeds a random.Random of the function's own."""
    seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
    source = random.Random(seed)
    targets = torch.tensor([source.randrange(num_symbols) for _ in range(batch)], device=generator.device)
    ids = torch.arange(num_symbols, num_symbols + 2, device=generator.device)
    rest = ids.repeat_interleave(torch.tensor([delay, 1], device=generator.device))
    return torch.cat([targets.unsqueeze(1), rest.expand(batch, -1)], dim=1), targets
