"""Wrong answers to lesson 05, beyond the named misconceptions: attention inside a decoder, and the alignment error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.misconceptions.attention_decoder import _Decoder, _links, _rate
from autograder.reference.attention import BahdanauDecoder, alignment_error_rate, luong_output, masked_softmax

WRONG: dict[str, list[Any]] = {}


def wrong(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a wrong answer."""

    def collect(answer: Any) -> Any:
        WRONG.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        wrong(exercise_id)(answer)


def steps(**changes: Any) -> None:
    """Collect decoders with another step: functions of (right step, self, ids, state, encoder outputs, mask)."""
    for name, change in changes.items():
        def step(self, *given, change=change):
            return change(lambda *a: _Decoder.step(self, *a), self, *given)

        wrong("BahdanauDecoder")(type(name, (_Decoder,), {"step": step}))


def parts_of_steps(**parts: tuple[str, Any]) -> None:
    """Collect decoders one part of which is another: the part's name, and what takes its place."""
    for name, (part, change) in parts.items():
        wrong("BahdanauDecoder")(type(name, (_Decoder,), {part: change}))


def built(**builds: Any) -> None:
    """Collect right decoders that something is done to after they are built: functions of (self, *sizes)."""
    for name, build in builds.items():
        def __init__(self, *sizes, build=build):  # noqa: N807
            _Decoder.__init__(self, *sizes)
            build(self, *sizes)

        wrong("BahdanauDecoder")(type(name, (_Decoder,), {"__init__": __init__}))


def _cat(*rows):
    return torch.cat(rows, dim=-1)


def _keep(self, enc):
    """Projects the first encoder outputs that it ever gets, and keeps them."""
    if not hasattr(self, "kept"):
        self.kept = self.W_k(enc)
    return self.kept


def _unknown(right, self, ids, state, enc, mask):
    """Steps, and overwrites the state that was given."""
    logits, new, weights = right(ids, state, enc, mask)
    state.data.copy_(new.detach())
    return logits, new, weights


def _zeroes_padding(right, self, ids, state, enc, mask):
    enc.data[~mask] = 0.0
    return right(ids, state, enc, mask)


def _fills_mask(right, self, ids, state, enc, mask):
    result = right(ids, state, enc, mask)
    mask[:, 0] = True
    return result


def _own_state(right, self, ids, state, enc, mask):
    """Goes on from the state of its own last call, where it has the same size."""
    kept = getattr(self, "kept", None)
    logits, new, weights = right(ids, state if kept is None or kept.shape != state.shape else kept, enc, mask)
    self.kept = new.detach()
    return logits, new, weights


def _late_context(right, self, ids, state, enc, mask):
    """Looks again with the new state, for the logits alone."""
    _, new, weights = right(ids, state, enc, mask)
    context = self.context(self.look(new, enc, mask), enc)
    return self.output(_cat(new, context, self.embedding(ids))), new, weights


steps(
    logits_only=lambda right, self, *a: right(*a)[0],
    pair=lambda right, self, *a: right(*a)[:2],
    weights_second=lambda right, self, *a: (right(*a)[0], right(*a)[2], right(*a)[1]),
    old_state_returned=lambda right, self, *a: (right(*a)[0], a[1], right(*a)[2]),
    context_for_weights=lambda right, self, *a: (*right(*a)[:2], self.context(right(*a)[2], a[2])),
    scores_for_weights=lambda right, self, *a: (*right(*a)[:2], self.scores(a[1], a[2])),
    weights_with_a_query_axis=lambda right, self, *a: (*right(*a)[:2], right(*a)[2].unsqueeze(1)),
    weights_with_a_last_axis=lambda right, self, *a: (*right(*a)[:2], right(*a)[2].unsqueeze(-1)),
    logits_with_a_step_axis=lambda right, self, *a: (right(*a)[0].unsqueeze(1), *right(*a)[1:]),
    state_with_a_layer_axis=lambda right, self, *a: (right(*a)[0], right(*a)[1].unsqueeze(0), right(*a)[2]),
    log_probabilities=lambda right, self, *a: (right(*a)[0].log_softmax(-1), *right(*a)[1:]),
    chosen_words=lambda right, self, *a: (right(*a)[0].argmax(-1), *right(*a)[1:]),
    squashed_state=lambda right, self, *a: (right(*a)[0], right(*a)[1].tanh(), right(*a)[2]),
    squeezed=lambda right, self, *a: tuple(r.squeeze() for r in right(*a)),
    squeezed_words=lambda right, self, *a: (*right(*a)[:2], right(*a)[2].squeeze(1)),
    float32_result=lambda right, self, *a: tuple(r.float() for r in right(*a)),
    weights_detached=lambda right, self, *a: (*right(*a)[:2], right(*a)[2].detach()),
    returned_state_detached=lambda right, self, *a: (right(*a)[0], right(*a)[1].detach(), right(*a)[2]),
    encoder_detached=lambda right, self, ids, s, enc, m: right(ids, s, enc.detach(), m),
    dropped=lambda right, self, *a: (F.dropout(right(*a)[0], 0.2, self.training), *right(*a)[1:]),
    mask_in_training_only=lambda right, self, ids, s, enc, m: right(ids, s, enc, m if self.training else m | True),
    first_word_always_seen=lambda right, self, ids, s, enc, m: right(ids, s, enc, m | (torch.arange(m.shape[1]) == 0)),
    lengths_only=lambda right, self, ids, s, enc, m: right(
        ids, s, enc, torch.arange(m.shape[1]) < m.sum(1, keepdim=True)),
    first_length=lambda right, self, ids, s, enc, m: right(ids, s, enc, m[:1].expand_as(m)),
    any_length=lambda right, self, ids, s, enc, m: right(ids, s, enc, m.any(0, keepdim=True).expand_as(m)),
    padding_id_is_hidden=lambda right, self, ids, s, enc, m: right(ids, s * (ids != 0).unsqueeze(1), enc, m),
    first_row_of_states=lambda right, self, ids, s, enc, m: right(ids, s[:1].expand_as(s), enc, m),
    first_word_of_all=lambda right, self, ids, s, enc, m: right(ids[:1].expand_as(ids), s, enc, m),
    encoder_viewed=lambda right, self, ids, s, enc, m: right(ids, s, enc.view(-1).view(enc.shape), m),
    state_viewed=lambda right, self, ids, s, enc, m: right(ids, s.view(-1).view(s.shape), enc, m),
    state_overwritten=_unknown,
    padding_zeroed_in_place=_zeroes_padding,
    mask_changed=_fills_mask,
    own_state=_own_state,
    looks_again_for_the_logits=_late_context,
    no_empty_sentences=lambda right, self, ids, s, enc, m: right(ids, s, enc, m) if m.any(1).all() else right(
        ids, s, enc, m | ~m.any(1, keepdim=True)),
)
parts_of_steps(
    sigmoid_scores=("scores", lambda self, s, enc: self.v(torch.sigmoid(self.W_q(s)[:, None] + self.W_k(enc)))[..., 0]),
    relu_scores=("scores", lambda self, s, enc: self.v(torch.relu(self.W_q(s)[:, None] + self.W_k(enc)))[..., 0]),
    tanh_of_the_parts=("scores", lambda self, s, enc: self.v(
        self.W_q(s).tanh().unsqueeze(1) + self.W_k(enc).tanh())[..., 0]),
    dot_scores=("scores", lambda self, s, enc: (self.W_q(s).unsqueeze(1) * self.W_k(enc)).sum(-1)),
    scaled_scores=("scores", lambda self, s, enc: _Decoder.scores(self, s, enc) / s.shape[1] ** 0.5),
    scores_without_the_state=("scores", lambda self, s, enc: _Decoder.scores(self, 0 * s, enc)),
    scores_without_the_words=("scores", lambda self, s, enc: _Decoder.scores(self, s, 0 * enc)),
    scores_of_the_first_sentence=("scores", lambda self, s, enc: _Decoder.scores(self, s, enc[:1].expand_as(enc))),
    scores_squashed=("scores", lambda self, s, enc: _Decoder.scores(self, s, enc).tanh()),
    scores_clamped=("scores", lambda self, s, enc: _Decoder.scores(self, s, enc).clamp(-4, 4)),
    scores_detached=("scores", lambda self, s, enc: _Decoder.scores(self, s.detach(), enc)),
    scores_kept=("scores", lambda self, s, enc: self.v((self.W_q(s).unsqueeze(1) + _keep(self, enc)).tanh())[..., 0]),
    small_fill=("look", lambda self, s, enc, m: self.scores(s, enc).masked_fill(~m, -9.0).softmax(-1) * m),
    renormalised=("look", lambda self, s, enc, m: (w := self.scores(s, enc).softmax(-1) * m) / (
        w.sum(-1, keepdim=True) + 1e-4)),
    nan_in_the_gradient=("look", lambda self, s, enc, m: (self.scores(s, enc) + torch.zeros_like(m).to(s).masked_fill(
        ~m, -torch.inf)).softmax(-1).nan_to_num(0.0)),
    hidden_zero=("look", lambda self, s, enc, m: (self.scores(s, enc) * m).softmax(-1)),
    hard_look=("look", lambda self, s, enc, m: F.one_hot(
        masked_softmax(self.scores(s, enc), m).argmax(-1), m.shape[1]).to(s) * m),
    sigmoid_look=("look", lambda self, s, enc, m: self.scores(s, enc).sigmoid() * m),
    naive_exponential=("look", lambda self, s, enc, m: (e := self.scores(s, enc).exp() * m) / e.sum(
        -1, keepdim=True)),
    mean_context=("context", lambda self, w, enc: enc.mean(1)),
    context_divided=("context", lambda self, w, enc: (w.unsqueeze(-1) * enc).mean(1)),
    context_squashed=("context", lambda self, w, enc: torch.einsum("bk,bkd->bd", w, enc).tanh()),
    best_word_for_context=("context", lambda self, w, enc: enc[torch.arange(len(enc)), w.argmax(-1)]),
    context_detached=("context", lambda self, w, enc: torch.einsum("bk,bkd->bd", w, enc).detach()),
    context_through_weights_only=("context", lambda self, w, enc: torch.einsum("bk,bkd->bd", w, enc.detach())),
    context_mixed=("context", lambda self, w, enc: torch.einsum("bk,bkd->bd", w, enc).mean(0, keepdim=True).expand(
        len(enc), -1)),
    cell_without_context=("reads", lambda self, e, c: _cat(e, 0 * c)),
    cell_without_word=("reads", lambda self, e, c: _cat(0 * e, c)),
    cell_order_when_equal=("reads", lambda self, e, c: _cat(c, e) if c.shape == e.shape else _cat(e, c)),
    cell_reads_squashed=("reads", lambda self, e, c: _cat(e, c).tanh()),
    word_detached=("reads", lambda self, e, c: _cat(e.detach(), c)),
    output_without_context=("says", lambda self, n, c, e, old: _cat(n, 0 * c, e)),
    output_without_word=("says", lambda self, n, c, e, old: _cat(n, c, 0 * e)),
    output_without_state=("says", lambda self, n, c, e, old: _cat(0 * n, c, e)),
    output_reversed=("says", lambda self, n, c, e, old: _cat(e, c, n)),
    output_context_last=("says", lambda self, n, c, e, old: _cat(e, n, c)),
    output_order_when_equal=("says", lambda self, n, c, e, old: _cat(n, e, c) if c.shape == e.shape else _cat(n, c, e)),
    output_squashed=("says", lambda self, n, c, e, old: _cat(n, c, e).tanh()),
    output_of_both_states=("says", lambda self, n, c, e, old: _cat((n + old) / 2, c, e)),
    output_word_detached=("says", lambda self, n, c, e, old: _cat(n, c, e.detach())),
    output_state_detached=("says", lambda self, n, c, e, old: _cat(n.detach(), c, e)),
)
built(
    frozen_embedding=lambda self, *_: self.embedding.requires_grad_(False),
    frozen=lambda self, *_: self.requires_grad_(False),
    query_with_bias=lambda self, v, e, h, d: setattr(self, "W_q", nn.Linear(h, h)),
    v_as_a_vector=lambda self, v, e, h, d: setattr(self, "v", nn.Parameter(torch.zeros(h))),
    output_without_bias=lambda self, v, e, h, d: setattr(self, "output", nn.Linear(h + d + e, v, bias=False)),
    output_of_the_state_alone=lambda self, v, e, h, d: setattr(self, "output", nn.Linear(h, v)),
    cell_without_bias=lambda self, v, e, h, d: setattr(self, "rnn", nn.GRUCell(e + d, h, bias=False)),
    lstm_cell=lambda self, v, e, h, d: setattr(self, "rnn", nn.LSTMCell(e + d, h)),
    plain_cell=lambda self, v, e, h, d: setattr(self, "rnn", nn.RNNCell(e + d, h)),
    gru_of_layers=lambda self, v, e, h, d: setattr(self, "rnn", nn.GRU(e + d, h, batch_first=True)),
    cell_of_the_word_alone=lambda self, v, e, h, d: setattr(self, "rnn", nn.GRUCell(e, h)),
    another_name=lambda self, v, e, h, d: (delattr(self, "rnn"), setattr(self, "cell", nn.GRUCell(e + d, h))),
    a_dropout_that_works=lambda self, *_: setattr(self, "embedding", nn.Sequential(self.embedding, nn.Dropout(0.5))),
    normalised_embedding=lambda self, v, e, h, d: setattr(self, "embedding", nn.Embedding(v, e, max_norm=1.0)),
    one_more_layer=lambda self, v, e, h, d: setattr(self, "combine", nn.Linear(e + d, e + d)),
    sizes_swapped=lambda self, v, e, h, d: _Decoder.__init__(self, v, e, d, h),
    keys_and_queries_in_one=lambda self, v, e, h, d: setattr(self, "W_q", self.W_k),
)
wrong("BahdanauDecoder")(lambda *sizes: None)
wrong("BahdanauDecoder")(type("without_a_step", (nn.Module,), {"__init__": BahdanauDecoder.__init__}))


def _both(state, context):
    return torch.cat([context, state], dim=-1)


def _luong_in_place(state, context, W_c):
    result = luong_output(state, context, W_c)
    state.data.copy_(result)
    return result


among(
    "luong_output",
    order_when_equal=lambda s, c, W: torch.tanh(_both(c, s) @ W) if s.shape == c.shape else luong_output(s, c, W),
    hardtanh=lambda s, c, W: F.hardtanh(_both(s, c) @ W),
    softsign=lambda s, c, W: F.softsign(_both(s, c) @ W),
    sine=lambda s, c, W: torch.sin(_both(s, c) @ W),
    tanh_twice=lambda s, c, W: luong_output(s, c, W).tanh(),
    tanh_inside=lambda s, c, W: torch.tanh(_both(s, c).tanh() @ W),
    tanh_of_the_inputs=lambda s, c, W: _both(s, c).tanh() @ W,
    softmaxed=lambda s, c, W: (_both(s, c) @ W).softmax(-1),
    overflowing=lambda s, c, W: (lambda e: (e - 1) / (e + 1))(torch.exp(2 * (_both(s, c) @ W))),
    state_left_out=lambda s, c, W: torch.tanh(c @ W[: c.shape[1]]),
    context_left_out=lambda s, c, W: torch.tanh(s @ W[c.shape[1] :]),
    both_added=lambda s, c, W: torch.tanh((s + c) @ W[: s.shape[1]]) if s.shape == c.shape else luong_output(s, c, W),
    context_added=lambda s, c, W: luong_output(s, c, W) + (c if s.shape == c.shape else 0),
    scaled=lambda s, c, W: torch.tanh(_both(s, c) @ W / len(W) ** 0.5),
    clamped=lambda s, c, W: torch.tanh((_both(s, c) @ W).clamp(-1, 1)),
    first_state=lambda s, c, W: luong_output(s[:1].expand_as(s), c, W),
    first_context=lambda s, c, W: luong_output(s, c[:1].expand_as(c), W),
    state_detached=lambda s, c, W: luong_output(s.detach(), c, W),
    context_detached=lambda s, c, W: luong_output(s, c.detach(), W),
    weights_detached=lambda s, c, W: luong_output(s, c, W.detach()),
    detached=lambda s, c, W: luong_output(s, c, W).detach(),
    float32_inside=lambda *a: luong_output(*(x.float() for x in a)).to(a[0].dtype),
    float32_result=lambda *a: luong_output(*a).float(),
    float64_result=lambda *a: luong_output(*a).double(),
    squeezed=lambda *a: luong_output(*a).squeeze(),
    squeezed_batch=lambda *a: luong_output(*a).squeeze(0),
    a_step_axis=lambda *a: luong_output(*a).unsqueeze(1),
    state_viewed=lambda s, c, W: luong_output(s.view(-1).view(s.shape), c, W),
    weights_viewed=lambda s, c, W: luong_output(s, c, W.view(-1).view(W.shape)),
    a_pair=lambda s, c, W: (luong_output(s, c, W), c),
    state_changed=_luong_in_place,
    nothing=lambda s, c, W: None,
)


def _counts(change):
    """The parts of the rate: hits among the sure and the possible ones, |A|, |S|, |P|."""

    def answer(weights, sure, possible):
        A = _links(weights)
        parts = ((A & sure).sum(), (A & possible).sum(), A.sum(), sure.sum(), possible.sum())
        return float(change(*(float(part) for part in parts)))

    return answer


def _weights_in_place(weights, sure, possible):
    result = alignment_error_rate(weights, sure, possible)
    weights.data.copy_(_links(weights))
    return result


def _possible_in_place(weights, sure, possible):
    result = alignment_error_rate(weights, sure, possible)
    possible &= ~sure
    return result


def _over(a, b):
    return a / b if b else 0.0


among(
    "alignment_error_rate",
    no_possible_hits=_counts(lambda s, p, a, S, P: 1 - s / (a + S)),
    no_sure_hits=_counts(lambda s, p, a, S, P: 1 - p / (a + S)),
    sure_hits_twice=_counts(lambda s, p, a, S, P: 1 - 2 * s / (a + S)),
    possible_hits_twice=_counts(lambda s, p, a, S, P: 1 - 2 * p / (a + S)),
    only_the_links_below=_counts(lambda s, p, a, S, P: 1 - (s + p) / a),
    twice_the_links_below=_counts(lambda s, p, a, S, P: 1 - (s + p) / (2 * a)),
    sure_and_possible_below=_counts(lambda s, p, a, S, P: 1 - _over(s + p, S + P)),
    everything_below=_counts(lambda s, p, a, S, P: 1 - (s + p) / (a + S + P)),
    recall_of_the_sure=_counts(lambda s, p, a, S, P: 1 - _over(s, S)),
    harmonic_mean=_counts(lambda s, p, a, S, P: 1 - _over(2 * _over(s, S) * p / a, _over(s, S) + p / a)),
    arithmetic_mean=_counts(lambda s, p, a, S, P: 1 - (_over(s, S) + p / a) / 2),
    jaccard=_counts(lambda s, p, a, S, P: 1 - p / (a + P - p)),
    percent=_counts(lambda s, p, a, S, P: 100 * (1 - (s + p) / (a + S))),
    rounded=lambda *g: round(alignment_error_rate(*g), 2),
    never_negative=_counts(lambda s, p, a, S, P: max(1 - (s + p + 1) / (a + S), 0.0)),
    smoothed=_counts(lambda s, p, a, S, P: 1 - (s + p) / (a + S + 1e-3)),
    zero_without_sure_links=_counts(lambda s, p, a, S, P: 0.0 if S == 0 else 1 - (s + p) / (a + S)),
    one_without_sure_links=_counts(lambda s, p, a, S, P: 1.0 if S == 0 else 1 - (s + p) / (a + S)),
    one_when_nothing_is_found=_counts(lambda s, p, a, S, P: 0.0 if s + p == 0 else 1 - (s + p) / (a + S)),
    perfect_only=_counts(lambda s, p, a, S, P: float(s + p < a + S)),
    whole_division=_counts(lambda s, p, a, S, P: 1 - (s + p) // (a + S)),
    rows_with_sure_links_only=lambda w, s, p: (
        r := s.any(1), _rate(_links(w) & r.unsqueeze(1), s, p))[1] if s.any() else 1.0,
    rows_with_possible_links_only=lambda w, s, p: _rate(_links(w) & p.any(1, keepdim=True), s, p),
    links_to_the_smallest=lambda w, s, p: _rate(_links(-w), s, p),
    links_of_both_directions=lambda w, s, p: _rate(_links(w) | _links(w.T).T, s, p),
    links_of_both_agreeing=lambda w, s, p: _rate(_links(w) & _links(w.T).T, s, p),
    links_above_the_mean=lambda w, s, p: _rate(w > w.mean(1, keepdim=True), s, p),
    links_above_a_uniform_share=lambda w, s, p: _rate(w >= 1 / w.shape[1], s, p),
    links_above_a_tenth=lambda w, s, p: _rate(w > 0.1, s, p),
    links_of_the_confident=lambda w, s, p: _rate(_links(w) & (w > 0.3), s, p),
    two_links=lambda w, s, p: _rate(
        torch.zeros_like(s).scatter(1, w.topk(min(2, w.shape[1])).indices, True), s, p),
    one_link_for_all=lambda w, s, p: _rate(_links(w.flatten()[None]).view_as(w), s, p),
    turned_when_square=lambda w, s, p: alignment_error_rate(w.T if len(w) == w.shape[1] else w, s, p),
    sure_and_possible_swapped=lambda w, s, p: alignment_error_rate(w, p, s),
    diagonal=lambda w, s, p: _rate(torch.eye(*w.shape).bool(), s, p),
    kept_as_a_tensor=lambda *g: torch.tensor(alignment_error_rate(*g), dtype=torch.float64),
    kept_as_numpy=lambda *g: np.float32(alignment_error_rate(*g)),
    as_text=lambda *g: f"{alignment_error_rate(*g):.4f}",
    a_pair=lambda *g: (alignment_error_rate(*g), 0),
    not_a_number_when_empty=lambda w, s, p: alignment_error_rate(w, s, p) if p.any() else float("nan"),
    weights_changed=_weights_in_place,
    possible_changed=_possible_in_place,
    weights_viewed=lambda w, s, p: alignment_error_rate(w.view(-1).view(w.shape), s, p),
    nothing=lambda *g: None,
)
