"""Wrong answers to lesson 04, beyond the named misconceptions: the encoder and the decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from autograder.reference.encoder_decoder import Seq2SeqDecoder, Seq2SeqEncoder

WRONG: dict[str, list[Any]] = {}


def wrong(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a wrong answer."""

    def collect(answer: Any) -> Any:
        WRONG.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


def models(exercise_id: str, base: type[nn.Module], **forwards: Any) -> None:
    """Collect wrong forwards of a right class: each is a function of (right forward, self, arguments)."""
    for name, change in forwards.items():
        def forward(self, *given, change=change):
            return change(lambda *a: base.forward(self, *a), self, *given)

        wrong(exercise_id)(type(name, (base,), {"forward": forward}))


def built(exercise_id: str, base: type[nn.Module], **builds: Any) -> None:
    """Collect right classes that something is done to after they are built: functions of (self, sizes)."""
    for name, build in builds.items():
        def __init__(self, *sizes, build=build):  # noqa: N807
            base.__init__(self, *sizes)
            build(self, *sizes)

        wrong(exercise_id)(type(name, (base,), {"__init__": __init__}))


def _real(lengths, seq):
    return (torch.arange(seq, device=lengths.device) < lengths[:, None])[..., None]


def _outputs(change):
    """`change(self, outputs, ids, lengths)` of the outputs; the state stays right."""
    return lambda right, self, ids, n: (change(self, right(ids, n)[0], ids, n), right(ids, n)[1])


def _state(change):
    return lambda right, self, ids, n: (right(ids, n)[0], change(self, right(ids, n)[1], ids, n))


def _run(self, x, n, h_0=None):
    """The right answer from embedded words and a first state."""
    outputs, states = [], []
    for row, length, i in zip(x, n.tolist(), range(len(n)), strict=True):
        out, h = self.rnn(row[:length], None if h_0 is None else h_0[:, i].contiguous())
        outputs.append(F.pad(out, (0, 0, 0, x.shape[1] - length)))
        states.append(h)
    return torch.stack(outputs), torch.stack(states, dim=1)


def _fixed(self, batch, value):
    return torch.full((self.rnn.num_layers, batch, self.rnn.hidden_size), value).to(self.embedding.weight)


def _stateful(right, self, ids, n):
    start = getattr(self, "kept", None)
    outputs, state = _run(self, self.embedding(ids), n, start)
    self.kept = state.detach()
    return outputs, state


def _reversed(right, self, ids, n):
    turned = torch.stack([torch.cat([row[:m].flip(0), row[m:]]) for row, m in zip(ids, n.tolist(), strict=True)])
    return right(turned, n)


def _gathered(self, outputs, n):
    return outputs[torch.arange(len(n)), n - 1]


models(
    "Seq2SeqEncoder",
    Seq2SeqEncoder,
    padded_with_the_last_state=_outputs(lambda self, out, ids, n: torch.where(
        _real(n, ids.shape[1]), out, _gathered(self, out, n)[:, None])),
    padded_with_ones=_outputs(lambda self, out, ids, n: out.masked_fill(~_real(n, ids.shape[1]), 1.0)),
    last_word_zeroed=_outputs(lambda self, out, ids, n: out * _real(n - 1, ids.shape[1])),
    mask_one_too_far=_outputs(lambda self, out, ids, n: self.rnn(self.embedding(ids))[0] * _real(n + 1, ids.shape[1])),
    outputs_of_the_first_layer=_outputs(lambda self, out, ids, n: out if self.rnn.num_layers == 1 else out.roll(1, 1)),
    outputs_late=_outputs(lambda self, out, ids, n: F.pad(out, (0, 0, 1, -1))),
    outputs_flipped=_outputs(lambda self, out, ids, n: out.flip(1)),
    outputs_embedded=_outputs(lambda self, out, ids, n: self.embedding(ids)),
    outputs_detached=_outputs(lambda self, out, ids, n: out.detach()),
    outputs_squashed=_outputs(lambda self, out, ids, n: out.tanh()),
    outputs_dropped=_outputs(lambda self, out, ids, n: F.dropout(out, 0.3, self.training)),
    outputs_dropped_a_little=_outputs(lambda self, out, ids, n: F.dropout(out, 0.01, self.training)),
    outputs_trimmed=_outputs(lambda self, out, ids, n: out[:, : n.max()]),
    outputs_squeezed=_outputs(lambda self, out, ids, n: out.squeeze()),
    outputs_in_float32=_outputs(lambda self, out, ids, n: out.float()),
    outputs_last_only=_outputs(lambda self, out, ids, n: _gathered(self, out, n)),
    state_detached=_state(lambda self, h, ids, n: h.detach()),
    state_flipped=_state(lambda self, h, ids, n: h.flip(0)),
    state_batch_first=_state(lambda self, h, ids, n: h.transpose(0, 1)),
    state_flat=_state(lambda self, h, ids, n: h.flatten(0, 1)),
    state_of_the_bottom=_state(lambda self, h, ids, n: h[:1]),
    state_of_the_top_kept=_state(lambda self, h, ids, n: h[-1:]),
    state_mean=_state(lambda self, h, ids, n: h.mean(0, keepdim=True).expand_as(h)),
    state_squeezed=_state(lambda self, h, ids, n: h.squeeze()),
    state_squeezed_in_front=_state(lambda self, h, ids, n: h.squeeze(0)),
    state_in_a_tuple=_state(lambda self, h, ids, n: (h, h)),
    state_unbound=_state(lambda self, h, ids, n: list(h)),
    state_with_zero_layers=_state(lambda self, h, ids, n: torch.cat([0 * h[:-1], h[-1:]])),
    state_late=_state(lambda self, h, ids, n: self.rnn(self.embedding(ids))[1]),
    state_after_the_longest=_state(lambda self, h, ids, n: self.rnn(self.embedding(ids[:, : n.max()]))[1]),
    state_top_gathered=_state(lambda self, h, ids, n: torch.cat([
        self.rnn(self.embedding(ids))[1][:-1], h[-1:]])),
    state_last_column=_state(lambda self, h, ids, n: torch.cat([
        h[:-1], self.rnn(self.embedding(ids))[0][None, :, -1]])),
    state_shuffled=_state(lambda self, h, ids, n: h[:, n.argsort(descending=True)]),
    swapped=lambda right, self, *given: right(*given)[::-1],
    outputs_only=lambda right, self, *given: right(*given)[0],
    state_only=lambda right, self, *given: right(*given)[1],
    lengths_too=lambda right, self, ids, n: (*right(ids, n), n),
    embedding_detached=lambda right, self, ids, n: _run(self, self.embedding(ids).detach(), n),
    embedding_scaled=lambda right, self, ids, n: _run(self, self.embedding(ids) * self.embedding.embedding_dim**0.5, n),
    embedding_squashed=lambda right, self, ids, n: _run(self, self.embedding(ids).tanh(), n),
    embedding_dropped=lambda right, self, ids, n: _run(self, F.dropout(self.embedding(ids), 0.2, self.training), n),
    starts_from_ones=lambda right, self, ids, n: _run(self, self.embedding(ids), n, _fixed(self, len(ids), 1.0)),
    starts_at_random=lambda right, self, ids, n: _run(
        self, self.embedding(ids), n, 0.01 * torch.randn_like(_fixed(self, len(ids), 0.0))),
    stateful=_stateful,
    reversed_words=_reversed,
    lengths_of_the_first=lambda right, self, ids, n: right(ids, n[:1].expand_as(n)),
    lengths_of_the_longest=lambda right, self, ids, n: right(ids, n.max().expand_as(n)),
    lengths_counted=lambda right, self, ids, n: right(ids, (ids != 0).sum(1).clamp(min=1)),
    lengths_one_less=lambda right, self, ids, n: right(ids, (n - 1).clamp(min=1)),
    lengths_one_more=lambda right, self, ids, n: right(ids, (n + 1).clamp(max=ids.shape[1])),
    lengths_sorted=lambda right, self, ids, n: right(ids, n.sort(descending=True).values),
    pad_ids_only_at_zero=lambda right, self, ids, n: (
        self.rnn(self.embedding(ids))[0] * (ids != 0)[..., None], right(ids, n)[1]),
    viewed=lambda right, self, ids, n: right(ids.view(-1).view(ids.shape), n),
    clamped_ids=lambda right, self, ids, n: right(ids.clamp(min=1), n),
    evaluation_only=lambda right, self, ids, n: right(ids.flip(1) if self.training else ids, n),
    without_graph=lambda right, self, ids, n: tuple(r.detach() for r in right(ids, n)),
    float32_inside=lambda right, self, ids, n: tuple(
        r.float().to(self.embedding.weight.dtype) for r in right(ids, n)),
    batches_of_one_squeezed=lambda right, self, ids, n: tuple(
        r.squeeze(i) for i, r in enumerate(right(ids, n))) if len(ids) == 1 else right(ids, n),
)
built(
    "Seq2SeqEncoder",
    Seq2SeqEncoder,
    dropout_between_layers=lambda self, v, e, h, layers: setattr(
        self, "rnn", nn.GRU(e, h, layers, batch_first=True, dropout=0.5)) if layers > 1 else None,
    two_directions=lambda self, v, e, h, layers: setattr(
        self, "rnn", nn.GRU(e, h, layers, batch_first=True, bidirectional=True)),
    always_one_layer=lambda self, v, e, h, layers: setattr(self, "rnn", nn.GRU(e, h, batch_first=True)),
    an_lstm=lambda self, v, e, h, layers: setattr(self, "rnn", nn.LSTM(e, h, layers, batch_first=True)),
    a_plain_rnn=lambda self, v, e, h, layers: setattr(self, "rnn", nn.RNN(e, h, layers, batch_first=True)),
    no_bias=lambda self, v, e, h, layers: setattr(self, "rnn", nn.GRU(e, h, layers, batch_first=True, bias=False)),
    sizes_swapped=lambda self, v, e, h, layers: setattr(self, "rnn", nn.GRU(h, e, layers, batch_first=True)),
    one_word_less=lambda self, v, e, h, layers: setattr(self, "embedding", nn.Embedding(v - 1, e)),
    gradient_by_frequency=lambda self, v, e, h, layers: setattr(
        self, "embedding", nn.Embedding(v, e, scale_grad_by_freq=True)),
    clipped_embedding=lambda self, v, e, h, layers: setattr(self, "embedding", nn.Embedding(v, e, max_norm=1.0)),
    frozen_embedding=lambda self, v, e, h, layers: self.embedding.requires_grad_(False),
    frozen_rnn=lambda self, v, e, h, layers: self.rnn.requires_grad_(False),
    one_layer_more=lambda self, v, e, h, layers: setattr(self, "rnn", nn.GRU(e, h, layers + 1, batch_first=True)),
    a_norm_more=lambda self, v, e, h, layers: setattr(self, "norm", nn.LayerNorm(h)),
    another_name=lambda self, v, e, h, layers: (setattr(self, "gru", self.rnn), delattr(self, "rnn")),
)


@wrong("Seq2SeqEncoder")
class NoSuper(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden, num_layers):
        self.embedding = nn.Embedding(vocab_size, d_embed)


@wrong("Seq2SeqEncoder")
def function_for_a_class(ids, lengths):
    return None


def _logits(change):
    """`change(self, logits, given)`; the state stays right."""
    return lambda right, self, *given: (change(self, right(*given)[0], given), right(*given)[1])


def _new_state(change):
    return lambda right, self, *given: (right(*given)[0], change(self, right(*given)[1], given))


def _decode(self, ids, contexts, state):
    """The right answer with a context for every step, `(batch, seq, d_hidden)`."""
    outputs, state = self.rnn(torch.cat([self.embedding(ids), contexts], dim=-1), state.contiguous())
    return self.output(outputs), state


def _over_time(change):
    """Contexts of every step, changed."""
    def forward(right, self, ids, context, state):
        contexts = context[:, None].expand(-1, ids.shape[1], -1)
        return _decode(self, ids, change(contexts, ids), state)

    return forward


def _joined(join):
    """`join(embedding, context)` for the input of every step."""
    def forward(right, self, ids, context, state):
        x, contexts = self.embedding(ids), context[:, None].expand(-1, ids.shape[1], -1)
        outputs, state = self.rnn(join(x, contexts), state.contiguous())
        return self.output(outputs), state

    return forward


def _own_context(right, self, ids, context, state):
    """The state before each step becomes the context of the next one."""
    logits = []
    for t in range(ids.shape[1]):
        one, state = right(ids[:, t : t + 1], context, state)
        context = state[-1]
        logits.append(one)
    return torch.cat(logits, 1), state


def _restarting(right, self, ids, context, state):
    """Every step starts from the first state."""
    steps = [right(ids[:, t : t + 1], context, state) for t in range(ids.shape[1])]
    return torch.cat([logits for logits, _ in steps], 1), steps[-1][1]


def _into_state(right, self, ids, context, state):
    logits, new = right(ids, context, state)
    with torch.no_grad():
        state.copy_(new)
    return logits, new


def _into_context(right, self, ids, context, state):
    found = right(ids, context, state)
    with torch.no_grad():
        context.mul_(2)
    return found


def _remembering(right, self, ids, context, state):
    """Keeps the first context it was given."""
    self.kept = getattr(self, "kept", context)
    return right(ids, self.kept if self.kept.shape == context.shape else context, state)


def _rnn(**more):
    return lambda self, v, e, h, layers: setattr(self, "rnn", nn.GRU(e + h, h, layers, batch_first=True, **more))


models(
    "Seq2SeqDecoder",
    Seq2SeqDecoder,
    log_probabilities=_logits(lambda self, logits, given: logits.log_softmax(-1)),
    vocabulary_second=_logits(lambda self, logits, given: logits.transpose(1, 2)),
    time_first=_logits(lambda self, logits, given: logits.transpose(0, 1)),
    flattened=_logits(lambda self, logits, given: logits.flatten(0, 1)),
    squeezed=_logits(lambda self, logits, given: logits.squeeze()),
    squeezed_one_step=_logits(lambda self, logits, given: logits.squeeze(1)),
    squeezed_one_row=_logits(lambda self, logits, given: logits.squeeze(0)),
    argmax=_logits(lambda self, logits, given: logits.argmax(-1)),
    rectified=_logits(lambda self, logits, given: logits.relu()),
    no_output_bias=_logits(lambda self, logits, given: logits - self.output.bias),
    logits_detached=_logits(lambda self, logits, given: logits.detach()),
    logits_in_float32=_logits(lambda self, logits, given: logits.float()),
    logits_dropped=_logits(lambda self, logits, given: F.dropout(logits, 0.2, self.training)),
    logits_late=_logits(lambda self, logits, given: logits.roll(1, 1)),
    logits_backwards=_logits(lambda self, logits, given: logits.flip(1)),
    logits_of_the_state=_logits(lambda self, logits, given: self.output(
        Seq2SeqDecoder.forward(self, *given)[1][-1])[:, None].expand_as(logits)),
    state_given_back=_new_state(lambda self, h, given: given[2]),
    state_detached=_new_state(lambda self, h, given: h.detach()),
    state_batch_first=_new_state(lambda self, h, given: h.transpose(0, 1)),
    state_flipped=_new_state(lambda self, h, given: h.flip(0)),
    state_of_the_top=_new_state(lambda self, h, given: h[-1]),
    state_squeezed=_new_state(lambda self, h, given: h.squeeze()),
    state_repeated=_new_state(lambda self, h, given: h[-1:].expand_as(h)),
    state_unbound=_new_state(lambda self, h, given: tuple(h)),
    state_in_float32=_new_state(lambda self, h, given: h.float()),
    state_zero=_new_state(lambda self, h, given: torch.zeros_like(h)),
    context_for_state=_new_state(lambda self, h, given: given[1].expand_as(h)),
    swapped=lambda right, self, *given: right(*given)[::-1],
    logits_only=lambda right, self, *given: right(*given)[0],
    context_too=lambda right, self, *given: (*right(*given), given[1]),
    context_at_the_last_step=_over_time(lambda c, ids: torch.cat([0 * c[:, 1:], c[:, :1]], 1)),
    context_not_at_the_first=_over_time(lambda c, ids: torch.cat([0 * c[:, :1], c[:, 1:]], 1)),
    context_at_the_first_two=_over_time(lambda c, ids: torch.cat([c[:, :2], 0 * c[:, 2:]], 1)),
    context_fading=_over_time(lambda c, ids: c * 0.9 ** torch.arange(ids.shape[1])[:, None].to(c)),
    context_shared_out=_over_time(lambda c, ids: c / ids.shape[1]),
    context_of_the_first_row=_over_time(lambda c, ids: c[:1].expand_as(c)),
    context_of_the_neighbour=_over_time(lambda c, ids: c.roll(1, 0)),
    context_mixed_rows=_over_time(lambda c, ids: c[:, 0].repeat(ids.shape[1], 1).reshape(c.shape)),
    context_mean=_over_time(lambda c, ids: c.mean(0, keepdim=True).expand_as(c)),
    context_squashed=_over_time(lambda c, ids: c.tanh()),
    context_ignored_for_one_step=_over_time(lambda c, ids: 0 * c if ids.shape[1] == 1 else c),
    context_detached=_over_time(lambda c, ids: c.detach()),
    context_dropped=_over_time(lambda c, ids: F.dropout(c, 0.01)),
    context_in_float32=_over_time(lambda c, ids: c.float().to(c.dtype)),
    context_replaced_by_states=_own_context,
    restarting=_restarting,
    state_ignored=lambda right, self, ids, c, h: right(ids, c, torch.zeros_like(h)),
    state_not_in_the_graph=lambda right, self, ids, c, h: right(ids, c, h.detach()),
    state_flipped_in=lambda right, self, ids, c, h: right(ids, c, h.flip(0)),
    state_of_the_top_for_all=lambda right, self, ids, c, h: right(ids, c, h[-1:].expand_as(h)),
    state_of_the_first_row=lambda right, self, ids, c, h: right(ids, c, h[:, :1].expand_as(h)),
    state_from_context=lambda right, self, ids, c, h: right(ids, c, torch.cat([h[:-1], c[None]])),
    state_mixed=lambda right, self, ids, c, h: right(ids, c, h.reshape(len(ids), len(h), -1).transpose(0, 1)),
    state_written=_into_state,
    context_written=_into_context,
    context_kept=_remembering,
    right_to_left=lambda right, self, ids, c, h: right(ids.flip(1), c, h),
    first_word_again=lambda right, self, ids, c, h: right(ids[:, :1].expand_as(ids), c, h),
    embedding_scaled=_joined(lambda x, c: torch.cat([x * x.shape[-1] ** 0.5, c], -1)),
    embedding_detached=_joined(lambda x, c: torch.cat([x.detach(), c], -1)),
    embedding_squashed=_joined(lambda x, c: torch.cat([x.tanh(), c], -1)),
    inputs_rectified=_joined(lambda x, c: torch.cat([x, c], -1).relu()),
    inputs_dropped=_joined(lambda x, c: F.dropout(torch.cat([x, c], -1), 0.1)),
    inputs_interleaved=_joined(lambda x, c: torch.cat([x[..., ::2], c, x[..., 1::2]], -1)),
    viewed=lambda right, self, ids, c, h: right(ids.view(-1).view(ids.shape), c, h),
    viewed_context=lambda right, self, ids, c, h: right(ids, c.view(-1).view(c.shape), h),
    without_graph=lambda right, self, *given: tuple(r.detach() for r in right(*given)),
    float32_inside=lambda right, self, *given: tuple(
        r.float().to(self.embedding.weight.dtype) for r in right(*given)),
    evaluation_differs=lambda right, self, ids, c, h: right(ids, c if self.training else 0 * c, h),
)
built(
    "Seq2SeqDecoder",
    Seq2SeqDecoder,
    dropout_between_layers=lambda self, v, e, h, layers: _rnn(dropout=0.5)(self, v, e, h, layers)
    if layers > 1 else None,
    two_directions=_rnn(bidirectional=True),
    no_bias=_rnn(bias=False),
    batch_second=lambda self, v, e, h, layers: setattr(self.rnn, "batch_first", False),
    always_one_layer=lambda self, v, e, h, layers: setattr(self, "rnn", nn.GRU(e + h, h, batch_first=True)),
    context_of_the_embedding_size=lambda self, v, e, h, layers: setattr(
        self, "rnn", nn.GRU(e + e, h, layers, batch_first=True)),
    an_lstm=lambda self, v, e, h, layers: setattr(self, "rnn", nn.LSTM(e + h, h, layers, batch_first=True)),
    output_without_bias=lambda self, v, e, h, layers: setattr(self, "output", nn.Linear(h, v, bias=False)),
    output_of_three=lambda self, v, e, h, layers: setattr(self, "output", nn.Linear(h + e + h, v)),
    output_to_the_embedding=lambda self, v, e, h, layers: setattr(self, "output", nn.Linear(h, e)),
    gradient_by_frequency=lambda self, v, e, h, layers: setattr(
        self, "embedding", nn.Embedding(v, e, scale_grad_by_freq=True)),
    clipped_embedding=lambda self, v, e, h, layers: setattr(self, "embedding", nn.Embedding(v, e, max_norm=1.0)),
    frozen_output=lambda self, v, e, h, layers: self.output.requires_grad_(False),
    another_name=lambda self, v, e, h, layers: (setattr(self, "dense", self.output), delattr(self, "output")),
    a_layer_more=lambda self, v, e, h, layers: setattr(self, "bridge", nn.Linear(h, h)),
)
