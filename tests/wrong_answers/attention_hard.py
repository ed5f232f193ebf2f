"""Wrong answers to `hard_attention`, beyond the named misconceptions: wrong draws, and wrong ways to draw."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from autograder.reference.attention import hard_attention

WRONG: dict[str, list[Any]] = {}


def wrong(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Collect a wrong answer."""
    WRONG.setdefault("hard_attention", []).append(answer)
    return answer


def among(**answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        wrong(answer)


def _at(values, index):
    return torch.take_along_dim(values, index.unsqueeze(-1), dim=1), index


def _multinomial(p, generator):
    return torch.multinomial(p.flatten(0, -2), 1, generator=generator).view(p.shape[:-1])


def _drawn(weigh):
    """Draws from other probabilities than the softmax."""

    def answer(scores, values, generator=None):
        index = scores.argmax(-1) if generator is None else _multinomial(weigh(scores), generator)
        return _at(values, index)

    return answer


def _noisy(noise):
    """The argmax of the scores and some noise."""
    return lambda s, v, generator=None: _at(v, (s if generator is None else s + noise(s, generator)).argmax(-1))


def _rand(size, scores, generator):
    return torch.rand(size, dtype=scores.dtype, generator=generator)


def _gumbel(u):
    return -torch.log(-torch.log(u))


def _inverse(pick):
    """The inverse of the cumulative probabilities at uniform numbers of another shape."""

    def answer(scores, values, generator=None):
        if generator is None:
            return hard_attention(scores, values)
        u = pick(scores, generator).expand(scores.shape[:2]).unsqueeze(-1)
        index = (scores.softmax(-1).cumsum(-1) <= u).sum(-1).clamp(max=scores.shape[-1] - 1)
        return _at(values, index)

    return answer


def _result(change):
    return lambda s, v, generator=None: change(s, v, *hard_attention(s, v, generator))


among(
    sharper=_drawn(lambda s: (2 * s).softmax(-1)),
    a_little_sharper=_drawn(lambda s: (1.5 * s).softmax(-1)),
    flatter=_drawn(lambda s: (s / 2).softmax(-1)),
    scaled=_drawn(lambda s: (s / s.shape[-1] ** 0.5).softmax(-1)),
    squared=_drawn(lambda s: s.softmax(-1) ** 2),
    absolute=_drawn(lambda s: s.abs() + 1e-9),
    shifted=_drawn(lambda s: s - s.amin(-1, keepdim=True) + 1e-9),
    sigmoids=_drawn(lambda s: s.sigmoid()),
    the_softmax_twice=_drawn(lambda s: s.softmax(-1).softmax(-1)),
    smallest=_drawn(lambda s: (-s).softmax(-1)),
    top_two=_drawn(lambda s: s.masked_fill(s < s.topk(min(2, s.shape[-1])).values[..., -1:], -torch.inf).softmax(-1)),
    never_the_largest=_drawn(lambda s: (s.softmax(-1) + 1e-30) * ((s < s.amax(-1, keepdim=True)) | (s.shape[-1] == 1))),
    never_the_last=_drawn(lambda s: s.softmax(-1) * (torch.arange(s.shape[-1]) < max(s.shape[-1] - 1, 1)) + 1e-30),
    mixed_with_the_uniform=_drawn(lambda s: 0.5 * s.softmax(-1) + 0.5 / s.shape[-1]),
    over_the_batch=_drawn(lambda s: s.softmax(0)),
    over_everything=_drawn(lambda s: s.flatten(1).softmax(-1).view_as(s)),
    mean_of_the_queries=_drawn(lambda s: s.softmax(-1).mean(1, keepdim=True).expand_as(s).contiguous()),
    first_sentence=_drawn(lambda s: s[:1].expand_as(s).softmax(-1)),
    queries_reversed=_drawn(lambda s: s.flip(1).softmax(-1)),
    mixed_up_in_memory=lambda s, v, generator=None: _at(v, s.argmax(-1) if generator is None else torch.multinomial(
        s.transpose(0, 1).flatten(0, 1).softmax(-1), 1, generator=generator).view(s.shape[:2])),
    gaussian_noise=_noisy(lambda s, g: torch.randn(s.shape, dtype=s.dtype, generator=g)),
    uniform_noise=_noisy(lambda s, g: _rand(s.shape, s, g)),
    gumbel_with_the_wrong_sign=_noisy(lambda s, g: -_gumbel(_rand(s.shape, s, g))),
    gumbel_without_the_outer_sign=_noisy(lambda s, g: torch.log(-torch.log(_rand(s.shape, s, g)))),
    one_noise_for_all_queries=_noisy(lambda s, g: _gumbel(_rand((len(s), 1, s.shape[2]), s, g))),
    one_noise_for_all_sentences=_noisy(lambda s, g: _gumbel(_rand((1, *s.shape[1:]), s, g))),
    one_noise_for_all=_noisy(lambda s, g: _gumbel(_rand(s.shape[2:], s, g))),
    one_noise_for_all_keys=_noisy(lambda s, g: _gumbel(_rand((*s.shape[:2], 1), s, g))),
    one_number_for_all_queries=_inverse(lambda s, g: _rand((len(s), 1), s, g)),
    one_number_for_all_sentences=_inverse(lambda s, g: _rand((1, s.shape[1]), s, g)),
    one_number_for_all=_inverse(lambda s, g: _rand((1, 1), s, g)),
    pairs_of_queries_alike=_inverse(
        lambda s, g: _rand((len(s), s.shape[1] // 2 + 1), s, g).repeat_interleave(2, 1)[:, : s.shape[1]]),
    half_of_the_numbers=_inverse(lambda s, g: 0.5 * _rand(s.shape[:2], s, g)),
    numbers_in_order=_inverse(lambda s, g: _rand(s.shape[:2], s, g).sort(dim=1).values),
    evenly_spread=_inverse(lambda s, g: (
        torch.linspace(0, 1, s.shape[1] + 1, dtype=s.dtype)[:-1] + _rand((len(s), 1), s, g)) % 1),
    index_one_too_far=_result(lambda s, v, o, i: _at(v, (i + 1) % s.shape[2])),
    index_from_one=_result(lambda s, v, o, i: (o, i + 1)),
    index_in_int32=_result(lambda s, v, o, i: (o, i.int())),
    index_as_floats=_result(lambda s, v, o, i: (o, i.double())),
    index_one_hot=_result(lambda s, v, o, i: (o, F.one_hot(i, s.shape[2]))),
    index_flat=_result(lambda s, v, o, i: (o, i.flatten())),
    index_squeezed=_result(lambda s, v, o, i: (o, i.squeeze())),
    index_of_the_batch=_result(lambda s, v, o, i: (o, i + s.shape[2] * torch.arange(len(i))[:, None])),
    index_as_a_list=_result(lambda s, v, o, i: (o, i.tolist())),
    outputs_squeezed=_result(lambda s, v, o, i: (o.squeeze(), i)),
    outputs_scaled=_result(lambda s, v, o, i: (o * s.softmax(-1).gather(2, i.unsqueeze(-1)), i)),
    outputs_soft=_result(lambda s, v, o, i: (s.softmax(-1) @ v, i)),
    outputs_summed=_result(lambda s, v, o, i: (o.sum(1), i)),
    outputs_of_queries=_result(lambda s, v, o, i: (o.flip(1), i)),
    outputs_detached=_result(lambda s, v, o, i: (o.detach(), i)),
    outputs_with_an_axis=_result(lambda s, v, o, i: (o.unsqueeze(2), i)),
    outputs_float32=_result(lambda s, v, o, i: (o.float(), i)),
    outputs_float64=_result(lambda s, v, o, i: (o.double(), i)),
    swapped=_result(lambda s, v, o, i: (i, o)),
    three_results=_result(lambda s, v, o, i: (o, i, s)),
    outputs_only=_result(lambda s, v, o, i: o),
    values_viewed=lambda s, v, generator=None: hard_attention(s, v.view(-1).view(v.shape), generator),
    scores_viewed=lambda s, v, generator=None: hard_attention(s.view(-1).view(s.shape), v, generator),
    float32_values=lambda s, v, generator=None: _result(lambda s, v, o, i: (o.to(torch.float64), i))(
        s, v.float(), generator),
    generator_ignored=lambda s, v, generator=None: hard_attention(
        s, v, None if generator is None else torch.Generator().manual_seed(0)),
    seeded_from_the_generator=lambda s, v, generator=None: hard_attention(
        s, v, None if generator is None else torch.Generator().manual_seed(generator.initial_seed())),
    generator_needed=lambda s, v, generator: hard_attention(s, v, generator),
    smallest_without_a_generator=lambda s, v, generator=None: hard_attention(
        -s if generator is None else s, v, generator),
    naive_exponential=lambda s, v, generator=None: _at(v, (e := s.exp()).argmax(-1) if generator is None
                                                        else _multinomial(e / e.sum(-1, keepdim=True), generator)),
    argmax_over_queries=lambda s, v, generator=None: hard_attention(s, v, generator) if generator else _at(
        v, s.argmax(1)[:, :1].expand(s.shape[:2]) % s.shape[2]),
    fresh_seed_for_all=lambda s, v, generator=None: hard_attention(
        s, v, None if generator is None else torch.manual_seed(torch.randint(9, (1,), generator=generator).item())),
    nothing=lambda s, v, generator=None: None,
)


@wrong
def draws_with_numpy(scores, values, generator=None):
    if generator is None:
        return hard_attention(scores, values)
    p = scores.softmax(-1).flatten(0, 1).double()
    index = [np.random.choice(len(row), p=(row / row.sum()).numpy()) for row in p]
    return _at(values, torch.tensor(index).view(scores.shape[:2]))


@wrong
def draws_with_python(scores, values, generator=None):
    if generator is None:
        return hard_attention(scores, values)
    index = [random.choices(range(len(row)), weights=row)[0] for row in scores.softmax(-1).flatten(0, 1).tolist()]
    return _at(values, torch.tensor(index).view(scores.shape[:2]))


@wrong
def seeds_the_global_generator(scores, values, generator=None):
    """Draws well, and leaves another trace."""
    if generator is not None:
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    return hard_attention(scores, values, generator)


@wrong
def scores_changed(scores, values, generator=None):
    result = hard_attention(scores, values, generator)
    scores.data.copy_(scores.softmax(-1))
    return result


@wrong
def values_changed(scores, values, generator=None):
    outputs, index = hard_attention(scores, values, generator)
    values.data.mul_(2)
    return outputs, index


@wrong
def keys_without_replacement(scores, values, generator=None):
    """Neighbouring queries never look at the same key."""
    if generator is None:
        return hard_attention(scores, values)
    p, index = scores.softmax(-1), []
    for i in range(scores.shape[1]):
        here = p[:, i].clone()
        if index and scores.shape[2] > 1:
            here.scatter_(1, index[-1].unsqueeze(1), 1e-30)
        index.append(torch.multinomial(here, 1, generator=generator)[:, 0])
    return _at(values, torch.stack(index, dim=1))


@wrong
def no_gradient_for_draws(scores, values, generator=None):
    return hard_attention(scores, values if generator is None else values.detach(), generator)


@wrong
def argmax_for_single_queries(scores, values, generator=None):
    return hard_attention(scores, values, None if scores.shape[:2] == (1, 1) else generator)


@wrong
def argmax_in_float32(scores, values, generator=None):
    return hard_attention(scores, values, None if scores.dtype == torch.float32 else generator)
