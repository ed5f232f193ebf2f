"""Wrong answers to the models of lesson 02 and to `generate`, beyond the named misconceptions."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.reference.rnn import RNNClassifier, RNNLanguageModel, RNNTagger, generate, last_valid_state, rnn_forward

WRONG: dict[str, list[Any]] = {}


def wrong(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a wrong answer."""

    def collect(answer: Any) -> Any:
        WRONG.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


def _variant(base: type[nn.Module], name: str, forward: Any = None, build: Any = None) -> type[nn.Module]:
    """The right class with another forward, or with something done to it after it is built."""

    def __init__(self: Any, *sizes: int) -> None:  # noqa: N807
        base.__init__(self, *sizes)
        if build is not None:
            build(self, *sizes)

    body: dict[str, Any] = {"__init__": __init__} | ({"forward": forward} if forward else {})
    return type(name, (base,), body)


def models(exercise_id: str, base: type[nn.Module], **forwards: Any) -> None:
    """Collect wrong forwards of a right class: each is a function of (right forward, self, arguments)."""
    for name, change in forwards.items():
        forward = lambda self, *given, change=change: change(lambda *a: base.forward(self, *a), self, *given)  # noqa: E731
        wrong(exercise_id)(_variant(base, name, forward))


def built(exercise_id: str, base: type[nn.Module], **builds: Any) -> None:
    """Collect right classes that something is done to after they are built: functions of (self, sizes)."""
    for name, build in builds.items():
        wrong(exercise_id)(_variant(base, name, build=build))


def _run(model, x, h_0=None):
    h_0 = x.new_zeros(len(x), len(model.b_h)) if h_0 is None else h_0
    return rnn_forward(x, h_0, model.W_xh, model.W_hh, model.b_h)


def _logits(model, outputs, h_last):
    return model.output(outputs), h_last


def _no_tanh(model, ids, h_0=None):
    x = model.embedding(ids)
    h, states = x.new_zeros(len(ids), len(model.b_h)) if h_0 is None else h_0, []
    for t in range(ids.shape[1]):
        h = x[:, t] @ model.W_xh + h @ model.W_hh + model.b_h
        states.append(h)
    return torch.stack(states, dim=1), h


def _before(model, ids, h_0=None):
    """The state before each step."""
    outputs, h_last = _run(model, model.embedding(ids), h_0)
    start = torch.zeros_like(h_last) if h_0 is None else h_0
    return torch.cat([start[:, None], outputs[:, :-1]], dim=1), h_last


def _dropped(right, self, *given):
    logits, h_last = right(*given)
    return F.dropout(logits, 0.5, self.training), h_last


def _first_call(right, self, ids, h_0=None):
    """Keeps the first state it was ever given."""
    if h_0 is not None:
        self.start = getattr(self, "start", h_0)
    return right(ids, None if h_0 is None else self.start)


models(
    "RNNLanguageModel",
    RNNLanguageModel,
    no_tanh=lambda right, self, ids, h=None: _logits(self, *_no_tanh(self, ids, h)),
    state_before=lambda right, self, ids, h=None: _logits(self, *_before(self, ids, h)),
    recurrent_weights_transposed=lambda right, self, ids, h=None: _logits(self, *rnn_forward(
        x := self.embedding(ids), x.new_zeros(len(ids), len(self.b_h)) if h is None else h,
        self.W_xh, self.W_hh.T, self.b_h)),
    no_bias=lambda right, self, ids, h=None: _logits(self, *rnn_forward(
        x := self.embedding(ids), x.new_zeros(len(ids), len(self.b_h)) if h is None else h,
        self.W_xh, self.W_hh, 0 * self.b_h)),
    no_output_bias=lambda right, self, *a: (right(*a)[0] - self.output.bias, right(*a)[1]),
    swapped=lambda right, self, *a: right(*a)[::-1],
    logits_only=lambda right, self, *a: right(*a)[0],
    logits_and_outputs_and_state=lambda right, self, *a: (*right(*a), None),
    log_probabilities=lambda right, self, *a: (right(*a)[0].log_softmax(-1), right(*a)[1]),
    flattened=lambda right, self, *a: (right(*a)[0].flatten(0, 1), right(*a)[1]),
    vocabulary_second=lambda right, self, *a: (right(*a)[0].transpose(1, 2), right(*a)[1]),
    argmax=lambda right, self, *a: (right(*a)[0].argmax(-1), right(*a)[1]),
    last_detached=lambda right, self, *a: (right(*a)[0], right(*a)[1].detach()),
    logits_detached=lambda right, self, *a: (right(*a)[0].detach(), right(*a)[1]),
    embedding_detached=lambda right, self, ids, h=None: _logits(self, *_run(self, self.embedding(ids).detach(), h)),
    embedding_scaled=lambda right, self, ids, h=None: _logits(
        self, *_run(self, self.embedding(ids) * self.embedding.embedding_dim**0.5, h)),
    embedding_squashed=lambda right, self, ids, h=None: _logits(self, *_run(self, self.embedding(ids).tanh(), h)),
    state_doubled=lambda right, self, ids, h=None: right(ids, None if h is None else 2 * h),
    state_of_the_first_row=lambda right, self, ids, h=None: right(ids, None if h is None else h[:1].expand_as(h)),
    state_or_zeros=lambda right, self, ids, h=None: right(ids, h or self.b_h.new_zeros(len(ids), len(self.b_h))),
    starts_from_ones=lambda right, self, ids, h=None: right(
        ids, self.b_h.new_ones(len(ids), len(self.b_h)) if h is None else h),
    starts_at_random=lambda right, self, ids, h=None: right(
        ids, 0.01 * torch.randn(len(ids), len(self.b_h)).to(self.b_h) if h is None else h),
    starts_in_float32=lambda right, self, ids, h=None: right(
        ids, torch.zeros(len(ids), len(self.b_h), dtype=torch.float32) if h is None else h),
    starts_in_float64=lambda right, self, ids, h=None: right(
        ids, torch.zeros(len(ids), len(self.b_h), dtype=torch.float64) if h is None else h),
    state_with_a_layer_axis=lambda right, self, ids, h=None: right(ids, None if h is None else h[0]),
    training_only=lambda right, self, ids, h=None: right(ids, h) if self.training else right(ids.flip(1), h),
    dropped=_dropped,
    dropped_a_little=lambda right, self, *a: (F.dropout(right(*a)[0], 0.01, self.training), right(*a)[1]),
    first_state_for_ever=lambda right, self, ids, h=None: right(ids, None) if ids.shape[1] > 3 and h is not None
    else right(ids, h),
    right_to_left=lambda right, self, ids, h=None: (right(ids.flip(1), h)[0].flip(1), right(ids.flip(1), h)[1]),
    layer_normalised=lambda right, self, ids, h=None: _logits(self, *(
        F.layer_norm(r, r.shape[-1:]) for r in _run(self, self.embedding(ids), h))),
    float32_result=lambda right, self, *a: tuple(r.float() for r in right(*a)),
    squeezed=lambda right, self, *a: tuple(r.squeeze() for r in right(*a)),
    viewed=lambda right, self, ids, h=None: right(ids.view(-1).view(ids.shape), h),
    clamped_ids=lambda right, self, ids, h=None: right(ids.clamp(min=1), h),
)
built(
    "RNNLanguageModel",
    RNNLanguageModel,
    frozen=lambda self, *_: self.requires_grad_(False),
    frozen_embedding=lambda self, *_: self.embedding.requires_grad_(False),
    one_more_bias=lambda self, v, e, h: self.register_parameter("b_x", nn.Parameter(torch.zeros(h))),
    bias_as_a_row=lambda self, v, e, h: setattr(self, "b_h", nn.Parameter(torch.zeros(1, h))),
    input_weights_transposed=lambda self, v, e, h: setattr(self, "W_xh", nn.Parameter(torch.zeros(h, e))),
    output_without_bias=lambda self, v, e, h: setattr(self, "output", nn.Linear(h, v, bias=False)),
    tied=lambda self, v, e, h: setattr(self, "output", self.embedding),
    two_layers=lambda self, v, e, h: setattr(self, "upper", nn.RNN(h, h)),
    another_name=lambda self, v, e, h: (delattr(self, "output"), setattr(self, "linear", nn.Linear(h, v))),
    bias_as_a_buffer=lambda self, v, e, h: (delattr(self, "b_h"), self.register_buffer("b_h", torch.zeros(h))),
    sizes_swapped=lambda self, v, e, h: RNNLanguageModel.__init__(self, v, h, e),
    start_as_a_parameter=lambda self, v, e, h: setattr(self, "h_0", nn.Parameter(torch.zeros(h))),
)
wrong("RNNLanguageModel")(lambda *sizes: None)
wrong("RNNLanguageModel")(lambda *sizes: lambda ids, h_0=None: RNNLanguageModel(*sizes)(ids, h_0))

models(
    "RNNClassifier",
    RNNClassifier,
    whole_rows=lambda right, self, ids, n: right(ids, torch.full_like(n, ids.shape[1])),
    longest=lambda right, self, ids, n: right(ids, n.max().expand_as(n)),
    first_length=lambda right, self, ids, n: right(ids, n[:1].expand_as(n)),
    first_state=lambda right, self, ids, n: right(ids, torch.ones_like(n)),
    sorted_lengths=lambda right, self, ids, n: right(ids, n.sort().values),
    until_the_first_zero=lambda right, self, ids, n: right(ids, (ids == 0).cumsum(1).eq(0).sum(1).clamp(min=1)),
    nonzero_ids=lambda right, self, ids, n: right(ids, (ids != 0).sum(1).clamp(min=1)),
    logits_averaged=lambda right, self, ids, n: _pooled(self, ids, n, "mean", after=True),
    max_pooled=lambda right, self, ids, n: _pooled(self, ids, n, "max"),
    sum_pooled=lambda right, self, ids, n: _pooled(self, ids, n, "sum"),
    mean_of_everything=lambda right, self, ids, n: self.output(self.rnn(self.embedding(ids))[0].mean(1)),
    bag_of_words=lambda right, self, ids, n: right(ids.gather(1, (n - 1)[:, None]), torch.ones_like(n)),
    two_last_averaged=lambda right, self, ids, n: (right(ids, n) + right(ids, (n - 1).clamp(min=1))) / 2,
    squashed_twice=lambda right, self, ids, n: self.output(
        last_valid_state(self.rnn(self.embedding(ids))[0], n).tanh()),
    rectified=lambda right, self, ids, n: self.output(last_valid_state(self.rnn(self.embedding(ids))[0], n).relu()),
    log_probabilities=lambda right, self, *a: right(*a).log_softmax(-1),
    sigmoids=lambda right, self, *a: right(*a).sigmoid(),
    classes=lambda right, self, *a: right(*a).argmax(-1),
    every_step=lambda right, self, ids, n: self.output(self.rnn(self.embedding(ids))[0]),
    step_axis=lambda right, self, *a: right(*a)[:, None],
    squeezed=lambda right, self, *a: right(*a).squeeze(),
    a_pair=lambda right, self, *a: (right(*a), None),
    right_to_left=lambda right, self, ids, n: right(_reversed(ids, n), n),
    right_to_left_with_padding=lambda right, self, ids, n: right(ids.flip(1), n),
    dropped=lambda right, self, *a: F.dropout(right(*a), 0.3, self.training),
    no_output_bias=lambda right, self, *a: right(*a) - self.output.bias,
    no_recurrent_bias=lambda right, self, ids, n: self.output(last_valid_state(torch.rnn_tanh(
        x := self.embedding(ids), x.new_zeros(1, len(ids), self.rnn.hidden_size),
        [self.rnn.weight_ih_l0, self.rnn.weight_hh_l0, self.rnn.bias_ih_l0, torch.zeros_like(self.rnn.bias_hh_l0)],
        True, 1, 0.0, False, False, True)[0], n)),
    detached=lambda right, self, ids, n: self.output(last_valid_state(self.rnn(self.embedding(ids))[0], n).detach()),
    embedding_detached=lambda right, self, ids, n: self.output(
        last_valid_state(self.rnn(self.embedding(ids).detach())[0], n)),
    float32_result=lambda right, self, *a: right(*a).float(),
    sorted_packing=lambda right, self, ids, n: self.output(self.rnn(nn.utils.rnn.pack_padded_sequence(
        self.embedding(ids), n, batch_first=True))[1][-1]),
    zeroed_ids=lambda right, self, ids, n: right(
        ids * (torch.arange(ids.shape[1]) < n[:, None]), torch.full_like(n, ids.shape[1])),
    batch_statistics=lambda right, self, *a: right(*a) - right(*a).mean(0, keepdim=True),
)


def _pooled(model, ids, lengths, kind, after=False):
    states = model.rnn(model.embedding(ids))[0]
    states = model.output(states) if after else states
    real = (torch.arange(ids.shape[1]) < lengths[:, None])[..., None]
    if kind == "max":
        pooled = states.masked_fill(~real, -torch.inf).amax(1)
    else:
        pooled = (states * real).sum(1) / (lengths[:, None] if kind == "mean" else 1)
    return pooled if after else model.output(pooled)


def _reversed(ids, lengths):
    steps = torch.arange(ids.shape[1])
    return ids.gather(1, torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps))


_SHARED_BUILDS: dict[str, Any] = {
    "two_layers": lambda self, v, e, h, c: setattr(self, "rnn", nn.RNN(e, h, num_layers=2, batch_first=True)),
    "two_directions": lambda self, v, e, h, c: setattr(self, "rnn", nn.RNN(e, h, bidirectional=True, batch_first=True)),
    "relu": lambda self, v, e, h, c: setattr(self, "rnn", nn.RNN(e, h, nonlinearity="relu", batch_first=True)),
    "gru": lambda self, v, e, h, c: setattr(self, "rnn", nn.GRU(e, h, batch_first=True)),
    "no_bias": lambda self, v, e, h, c: setattr(self, "rnn", nn.RNN(e, h, bias=False, batch_first=True)),
    "output_without_bias": lambda self, v, e, h, c: setattr(self, "output", nn.Linear(h, c, bias=False)),
    "frozen_embedding": lambda self, *_: self.embedding.requires_grad_(False),
    "another_name": lambda self, v, e, h, c: (delattr(self, "output"), setattr(self, "fc", nn.Linear(h, c))),
    "sizes_swapped": lambda self, v, e, h, c: setattr(self, "rnn", nn.RNN(h, e, batch_first=True)),
    "kept_in_a_list": lambda self, v, e, h, c: (setattr(self, "parts", [self.rnn]), delattr(self, "rnn")),
    "normalised_embedding": lambda self, v, e, h, c: setattr(self, "embedding", nn.Embedding(v, e, max_norm=1.0)),
}
built("RNNClassifier", RNNClassifier, **_SHARED_BUILDS)
built("RNNTagger", RNNTagger, **_SHARED_BUILDS)


def _tags(model, ids, change):
    return model.output(change(model.rnn(model.embedding(ids))[0]))


models(
    "RNNTagger",
    RNNTagger,
    log_probabilities=lambda right, self, ids: right(ids).log_softmax(-1),
    probabilities_over_steps=lambda right, self, ids: right(ids).softmax(1),
    classes=lambda right, self, ids: right(ids).argmax(-1),
    flattened=lambda right, self, ids: right(ids).flatten(0, 1),
    tags_second=lambda right, self, ids: right(ids).transpose(1, 2),
    squashed_twice=lambda right, self, ids: _tags(self, ids, torch.tanh),
    rectified=lambda right, self, ids: _tags(self, ids, torch.relu),
    one_step_late=lambda right, self, ids: _tags(self, ids, lambda s: torch.cat([0 * s[:, :1], s[:, :-1]], 1)),
    one_step_early=lambda right, self, ids: _tags(self, ids, lambda s: torch.cat([s[:, 1:], s[:, -1:]], 1)),
    running_mean=lambda right, self, ids: _tags(
        self, ids, lambda s: s.cumsum(1) / torch.arange(1, s.shape[1] + 1)[:, None]),
    mean_added=lambda right, self, ids: _tags(self, ids, lambda s: s - s.mean(1, keepdim=True)),
    both_ways_averaged=lambda right, self, ids: (right(ids) + right(ids.flip(1)).flip(1)) / 2,
    detached=lambda right, self, ids: _tags(self, ids, torch.detach),
    embedding_detached=lambda right, self, ids: self.output(self.rnn(self.embedding(ids).detach())[0]),
    truncated_at_20=lambda right, self, ids: torch.cat([right(part) for part in ids.split(20, dim=1)], 1),
    dropped=lambda right, self, ids: F.dropout(right(ids), 0.3, self.training),
    no_output_bias=lambda right, self, ids: right(ids) - self.output.bias,
    without_padding=lambda right, self, ids: right(ids) * (ids != 0)[..., None],
    float32_result=lambda right, self, ids: right(ids).float(),
    squeezed=lambda right, self, ids: right(ids).squeeze(),
    a_pair=lambda right, self, ids: (right(ids), None),
    first_step=lambda right, self, ids: right(ids)[:, :1].expand(-1, ids.shape[1], -1),
    viewed=lambda right, self, ids: right(ids.view(-1).view(ids.shape)),
    reshaped_time_first=lambda right, self, ids: right(ids.T.reshape(ids.shape)),
    one_long_sentence=lambda right, self, ids: right(ids.reshape(1, -1)).reshape(*ids.shape, -1),
    batch_first_forgotten_twice=lambda right, self, ids: right(ids.T).reshape(*ids.shape, -1),
)


@wrong("RNNTagger")
class RemembersTheBatchBefore(RNNTagger):
    kept: Tensor | None = None

    def forward(self, ids):
        outputs, h_n = self.rnn(self.embedding(ids), self.kept)
        self.kept = h_n.detach()
        return self.output(outputs)


@wrong("RNNClassifier")
class RemembersTheReviewBefore(RNNClassifier):
    kept: Tensor | None = None

    def forward(self, ids, lengths):
        outputs, h_n = self.rnn(self.embedding(ids), self.kept)
        self.kept = h_n.detach()
        return self.output(last_valid_state(outputs, lengths))


def _chosen(scores: Tensor, generator: Any) -> int:
    return int(torch.multinomial(scores.detach(), 1, generator=generator))


def _tempered(logits: Tensor, temperature: float, generator: Any) -> int:
    if temperature == 0:
        return int(logits.argmax())
    return _chosen((logits / temperature).softmax(-1), generator)


def _speaker(
    draw: Any = _tempered, feed: Any = lambda ids, logits: ids[-1:], read: Any = None, reset: int = 10**9
) -> Any:
    """A right loop with a part replaced: how to draw, what to feed next, what to read first, when to forget."""

    def speak(model, prefix, num_tokens, temperature, generator=None):
        ids = list(prefix)
        logits, state = model(torch.tensor([read(ids) if read else ids]))
        for step in range(num_tokens):
            ids.append(draw(logits[0, -1], temperature, generator))
            logits, state = model(torch.tensor([feed(ids, logits)]), None if (step + 1) % reset == 0 else state)
        return ids

    return speak


def _soft(change: Callable[[Tensor, float], Tensor]) -> Any:
    """Draws from the softmax of changed logits; temperature 0 is right."""

    def draw(logits, temperature, generator):
        if temperature == 0:
            return int(logits.argmax())
        return _chosen(change(logits, temperature).softmax(-1), generator)

    return _speaker(draw)


def _top_p(logits: Tensor, temperature: float, mass: float) -> Tensor:
    p, order = (logits / temperature).softmax(-1).sort(descending=True)
    return (logits / temperature).index_fill(0, order[(p.cumsum(0) - p) > mass], -torch.inf)


def _top_k(logits: Tensor, temperature: float, k: int) -> Tensor:
    kept = logits >= logits.topk(k).values[-1]
    return (logits / temperature).masked_fill(~kept, -torch.inf)


def _after(change: Callable[..., Any]) -> Any:
    """Something done to a right result."""
    return lambda model, prefix, n, *rest: change(generate(model, prefix, n, *rest), prefix, n)


def _own_generator(seed: Callable[[Any], int]) -> Any:
    def speak(model, prefix, n, temperature, generator=None):
        return generate(model, prefix, n, temperature, torch.Generator().manual_seed(seed(generator)))

    return speak


def _seeded_globally(model, prefix, n, temperature, generator=None):
    if generator is not None:
        torch.manual_seed(generator.initial_seed())
    return generate(model, prefix, n, temperature)


def _python_random(logits, temperature, generator):
    if temperature == 0:
        return int(logits.argmax())
    return random.choices(range(len(logits)), (logits / temperature).softmax(-1).tolist())[0]


def _gumbel(sign: float, scale: Callable[[float], float]) -> Any:
    def draw(logits, temperature, generator):
        noise = -torch.log(-torch.log(torch.rand(logits.shape, generator=generator, dtype=torch.float64)))
        return int((logits + sign * scale(temperature) * noise).argmax())

    return _speaker(draw)


def _first_draw_only(temperature_after: float) -> Any:
    """The first new id is drawn, the others are taken at another temperature."""

    def speak(model, prefix, n, temperature, generator=None):
        first = generate(model, prefix, min(n, 1), temperature, generator)
        return generate(model, first, n - 1, temperature_after, generator) if n > 1 else first

    return speak


def _spoils_the_model(model, prefix, n, temperature, generator=None):
    if temperature > 0:
        with torch.no_grad():
            model.output.weight.div_(temperature)
            model.output.bias.div_(temperature)
    return generate(model, prefix, n, float(temperature > 0), generator)


def _zero_divided(logits, temperature, generator):
    return _chosen((logits / temperature).softmax(-1), generator)


def _overflowing(logits, temperature, generator):
    if temperature == 0:
        return int(logits.argmax())
    weights = torch.exp(logits / temperature)
    return _chosen(weights / weights.sum(), generator)


def _never_twice(logits, temperature, generator, last=[-1]):  # noqa: B006  it remembers on purpose
    if temperature > 0:
        logits = logits.index_fill(0, torch.tensor([max(last[0], 0)]), -torch.inf)
    last[0] = _tempered(logits, temperature, generator)
    return last[0]


def _named(**answers: Any) -> None:
    for name, answer in answers.items():
        answer.__name__ = name
        wrong("generate")(answer)


_named(
    root_of_temperature=_soft(lambda z, t: z / t**0.5),
    square_of_temperature=_soft(lambda z, t: z / t**2),
    temperature_plus_one=_soft(lambda z, t: z / (1 + t)),
    temperature_at_least_one=_soft(lambda z, t: z / max(t, 1.0)),
    temperature_at_most_one=_soft(lambda z, t: z / min(t, 1.0)),
    temperature_after_softmax=_soft(lambda z, t: (z.softmax(-1) / t).log()),
    softmax_twice=_soft(lambda z, t: (z / t).softmax(-1)),
    softmax_over_the_wrong_axis=_soft(lambda z, t: 0 * z),
    log_of_absolute=_soft(lambda z, t: (z / t).abs().log()),
    negated=_soft(lambda z, t: -z / t),
    centred_wrongly=_soft(lambda z, t: (z / t).clamp(max=3)),
    probabilities_mixed_with_flat=_soft(lambda z, t: (0.6 * (z / t).softmax(-1) + 0.4 / len(z)).log()),
    five_best=_soft(lambda z, t: _top_k(z, t, 5)),
    seven_best=_soft(lambda z, t: _top_k(z, t, 7)),
    nucleus=_soft(lambda z, t: _top_p(z, t, 0.6)),
    no_best=_soft(lambda z, t: (z / t).masked_fill(z == z.max(), -torch.inf)),
    zero_divided=_speaker(_zero_divided),
    overflowing=_speaker(_overflowing),
    python_random=_speaker(_python_random),
    second_best=_speaker(lambda z, t, g: int(z.topk(2).indices[1]) if t == 0 else _tempered(z, t, g)),
    gumbel_without_temperature=_gumbel(1.0, lambda t: float(t > 0)),
    gumbel_upside_down=_gumbel(-1.0, lambda t: t),
    gumbel_inverse_temperature=_gumbel(1.0, lambda t: 1 / t if t else 0.0),
    greedy_when_cold=_speaker(lambda z, t, g: _tempered(z, t if t > 0.5 else 0.0, g)),
    greedy_without_generator=lambda m, p, n, t, g=None: generate(m, p, n, t if g else 0.0, g),
    needs_a_generator=_speaker(lambda z, t, g: _tempered(z, t, g) if t == 0 or g.device == z.device else 0),
    feeds_the_most_probable=_speaker(feed=lambda ids, logits: [int(logits[0, -1].argmax())]),
    feeds_the_one_before=_speaker(feed=lambda ids, logits: ids[-2:-1] or ids[-1:]),
    feeds_the_two_last=_speaker(feed=lambda ids, logits: ids[-2:]),
    feeds_everything_again=_speaker(feed=lambda ids, logits: ids),
    reads_without_the_first=_speaker(read=lambda ids: ids[1:] or ids),
    reads_without_the_last=_speaker(read=lambda ids: ids[:-1] or ids),
    reads_the_first_three=_speaker(read=lambda ids: ids[:3]),
    reads_the_last_three=_speaker(read=lambda ids: ids[-3:]),
    reads_backwards=_speaker(read=lambda ids: ids[::-1]),
    forgets_every_five=_speaker(reset=5),
    forgets_at_ten=_speaker(reset=10),
    one_more=lambda m, p, n, t, g=None: generate(m, p, n + 1, t, g),
    one_less=lambda m, p, n, t, g=None: generate(m, p, max(n - 1, 0), t, g),
    at_least_one=lambda m, p, n, t, g=None: generate(m, p, max(n, 1), t, g),
    in_all=lambda m, p, n, t, g=None: generate(m, p, max(n - len(p), 0), t, g),
    at_most_sixty=lambda m, p, n, t, g=None: generate(m, p, min(n, 60), t, g),
    a_tuple=_after(lambda ids, *_: tuple(ids)),
    a_tensor=_after(lambda ids, *_: torch.tensor(ids)),
    numpy_ids=_after(lambda ids, *_: list(torch.tensor(ids).numpy())),
    float_ids=_after(lambda ids, *_: [float(i) for i in ids]),
    words=_after(lambda ids, *_: " ".join(map(str, ids))),
    nothing=_after(lambda *_: None),
    prefix_only=_after(lambda ids, prefix, n: list(prefix)),
    nested=_after(lambda ids, *_: [ids]),
    eos_last=_after(lambda ids, prefix, n: [*ids[:-1], 2] if n else ids),
    prefix_last=_after(lambda ids, prefix, n: ids[len(prefix) :] + ids[: len(prefix)]),
    prefix_sorted=_after(lambda ids, prefix, n: sorted(ids)),
    seed_zero=_own_generator(lambda g: 0),
    same_seed_again=_own_generator(lambda g: g.initial_seed() if g else 0),
    seeded_globally=_seeded_globally,
    only_the_first_is_drawn=_first_draw_only(0.0),
    spoils_the_model=_spoils_the_model,
)


@wrong("generate")
def draws_everything_at_once(model, prefix, num_tokens, temperature, generator=None):
    """All new ids from the distribution after the prefix."""
    logits = model(torch.tensor([prefix]))[0][0, -1]
    return prefix + [_tempered(logits, temperature, generator) for _ in range(num_tokens)]


@wrong("generate")
def follows_the_first_position(model, prefix, num_tokens, temperature, generator=None):
    """Reads the logits of the first position of what it fed."""
    ids = list(prefix)
    for _ in range(num_tokens):
        ids.append(_tempered(model(torch.tensor([ids]))[0][0, 0], temperature, generator))
    return ids


@wrong("generate")
def sees_three_ids(model, prefix, num_tokens, temperature, generator=None):
    ids = list(prefix)
    for _ in range(num_tokens):
        ids.append(_tempered(model(torch.tensor([ids[-3:]]))[0][0, -1], temperature, generator))
    return ids


@wrong("generate")
def sees_eight_ids(model, prefix, num_tokens, temperature, generator=None):
    ids = list(prefix)
    for _ in range(num_tokens):
        ids.append(_tempered(model(torch.tensor([ids[-8:]]))[0][0, -1], temperature, generator))
    return ids


@wrong("generate")
def appends_to_the_prefix(model, prefix, num_tokens, temperature, generator=None):
    for i in generate(model, prefix, num_tokens, temperature, generator)[len(prefix) :]:
        prefix.append(i)
    return list(prefix)


@wrong("generate")
def hides_the_eos(model, prefix, num_tokens, temperature, generator=None):
    ids = list(prefix)
    for _ in range(num_tokens):
        logits = model(torch.tensor([ids]))[0][0, -1].index_fill(0, torch.tensor([2]), -1e9)
        ids.append(_tempered(logits, temperature, generator))
    return ids


@wrong("generate")
def drops_the_eos(model, prefix, num_tokens, temperature, generator=None):
    return [i for i in generate(model, prefix, num_tokens, temperature, generator) if i != 2]


@wrong("generate")
def draws_half_of_it_globally(model, prefix, num_tokens, temperature, generator=None):
    half = num_tokens // 2
    first = generate(model, prefix, half, temperature, generator)
    return generate(model, first, num_tokens - half, temperature)


@wrong("generate")
def reads_one_axis(model, prefix, num_tokens, temperature, generator=None):
    """Gives the model ids without a batch axis."""
    return generate(lambda ids, state=None: model(ids[0], state), prefix, num_tokens, temperature, generator)
