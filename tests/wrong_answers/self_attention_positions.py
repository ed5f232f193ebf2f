"""Wrong answers to lesson 06, beyond the named misconceptions: positions and windows."""

from __future__ import annotations

import math
from typing import Any

import torch

from autograder.reference.self_attention import rotary_embedding, sinusoidal_positions, sliding_window_mask

WRONG: dict[str, list[Any]] = {}


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        WRONG.setdefault(exercise_id, []).append(answer)


def _waves(exponent=lambda c, d: (c - c % 2) / d, base=10000.0, even=torch.sin, odd=torch.cos, first=0, step=1.0):
    """The right answer with a part replaced."""

    def answer(num_positions, d_model):
        column = torch.arange(d_model, dtype=torch.float64)
        position = first + step * torch.arange(num_positions, dtype=torch.float64)
        angle = position[:, None] / base ** exponent(column, d_model)
        return torch.where(column % 2 == 0, even(angle), odd(angle)).to(torch.get_default_dtype())

    return answer


def _on_even_widths(answer):
    return lambda n, d: answer(n, d) if d % 2 == 0 else sinusoidal_positions(n, d)


def _on_odd_widths(answer):
    return lambda n, d: answer(n, d) if d % 2 else sinusoidal_positions(n, d)


def _sets_the_default(n, d):
    torch.set_default_dtype(torch.float32)
    return sinusoidal_positions(n, d)


among(
    "sinusoidal_positions",
    base_1000=_waves(base=1000.0),
    base_10001=_waves(base=10001.0),
    base_100000=_waves(base=100000.0),
    base_e=_waves(base=math.e),
    exponent_of_next_pair=_waves(lambda c, d: (c - c % 2 + 2) / d),
    exponent_over_even_width=_waves(lambda c, d: (c - c % 2) / (d + d % 2)),
    exponent_over_lower_width=_waves(lambda c, d: (c - c % 2) / max(d - d % 2, 1)),
    exponent_to_one=_waves(lambda c, d: (c - c % 2) / max(d - 2, 1)),
    exponent_doubled=_waves(lambda c, d: 2 * (c - c % 2) / d),
    exponent_of_half=_waves(lambda c, d: (c // 2) / max(d // 2 - 1, 1)),
    exponent_of_the_column=_waves(lambda c, d: (c + c % 2) / d),
    no_exponent=_waves(lambda c, d: 0 * c),
    not_divided_by_width=_waves(lambda c, d: c - c % 2),
    sines_only=_waves(odd=torch.sin),
    cosines_only=_waves(even=torch.cos),
    cosines_turned=_waves(odd=lambda a: -a.cos()),
    sines_turned=_waves(even=lambda a: -a.sin()),
    tangents=_waves(even=lambda a: a.sin() / a.cos()),
    degrees=_waves(step=math.pi / 180),
    half_turns=_waves(step=math.pi),
    positions_from_minus_one=_waves(first=-1),
    positions_reversed=lambda n, d: sinusoidal_positions(n, d).flip(0),
    columns_reversed=lambda n, d: sinusoidal_positions(n, d).flip(1),
    positions_to_one=lambda n, d: _waves(step=1 / max(n - 1, 1))(n, d),
    halves_on_even_widths=_on_even_widths(lambda n, d: torch.cat(
        [sinusoidal_positions(n, d)[:, ::2], sinusoidal_positions(n, d)[:, 1::2]], 1)),
    halves_on_odd_widths=_on_odd_widths(lambda n, d: torch.cat(
        [sinusoidal_positions(n, d)[:, ::2], sinusoidal_positions(n, d)[:, 1::2]], 1)),
    odd_width_cut=_on_odd_widths(lambda n, d: sinusoidal_positions(n, d - 1)),
    odd_width_padded=_on_odd_widths(lambda n, d: torch.nn.functional.pad(sinusoidal_positions(n, d)[:, :-1], (0, 1))),
    odd_width_from_the_next=_on_odd_widths(lambda n, d: sinusoidal_positions(n, d + 1)[:, :d]),
    odd_width_refused=_on_odd_widths(lambda n, d: (_ for _ in ()).throw(ValueError("d_model must be even"))),
    odd_width_ends_with_cosine=_on_odd_widths(lambda n, d: torch.cat(
        [sinusoidal_positions(n, d)[:, :-1], (1 - sinusoidal_positions(n, d)[:, -1:] ** 2).sqrt()], 1)),
    transposed=lambda n, d: sinusoidal_positions(n, d).T,
    sizes_exchanged=lambda n, d: sinusoidal_positions(d, n),
    one_position_more=lambda n, d: sinusoidal_positions(n + 1, d),
    a_batch_axis=lambda n, d: sinusoidal_positions(n, d)[None],
    squeezed=lambda n, d: sinusoidal_positions(n, d).squeeze(),
    squeezed_position=lambda n, d: sinusoidal_positions(n, d).squeeze(0),
    always_float64=lambda n, d: sinusoidal_positions(n, d).double(),
    float32_inside=lambda n, d: sinusoidal_positions(n, d).float().to(torch.get_default_dtype()),
    float32_angles=lambda n, d: torch.where(
        torch.arange(d) % 2 == 0,
        (a := torch.arange(n, dtype=torch.float32)[:, None] / 10000 ** ((torch.arange(d) // 2 * 2).float() / d)).sin(),
        a.cos()).to(torch.get_default_dtype()),
    rounded=lambda n, d: (sinusoidal_positions(n, d) * 1000).round() / 1000,
    up_to_position_1000=lambda n, d: sinusoidal_positions(min(n, 1000), d).repeat(n // 1000 + 1, 1)[:n],
    default_set=_sets_the_default,
    scaled=lambda n, d: sinusoidal_positions(n, d) / d**0.5,
    random=lambda n, d: torch.randn(n, d),
    a_list=lambda n, d: sinusoidal_positions(n, d).tolist(),
    nothing=lambda n, d: None,
)


def _turned(x, angle):
    a, b = x[..., ::2], x[..., 1::2]
    return torch.stack([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1).flatten(-2)


def _turn(exponent=lambda i, d: -2 * i / d, position=lambda p: p, shape=lambda a: a):
    """The right answer with a part of its angles replaced."""

    def answer(x, positions, base=10000.0):
        pair = torch.arange(x.shape[-1] // 2, dtype=torch.float64)
        angle = position(positions.double())[:, None] * base ** exponent(pair, x.shape[-1])
        return _turned(x, shape(angle).to(x.dtype))

    return answer


def _results(change):
    return lambda x, p, base=10000.0: change(rotary_embedding(x, p, base), x)


def _in_place(x, p, base=10000.0):
    found = rotary_embedding(x, p, base)
    x.data.copy_(found)
    return found


def _positions_changed(x, p, base=10000.0):
    found = rotary_embedding(x, p, base)
    p -= p[0].clone()
    return found


among(
    "rotary_embedding",
    exponent_positive=_turn(lambda i, d: 2 * i / d),
    exponent_of_next_pair=_turn(lambda i, d: -2 * (i + 1) / d),
    exponent_doubled=_turn(lambda i, d: -4 * i / d),
    exponent_over_pairs=_turn(lambda i, d: -2 * i / max(d - 2, 1)),
    exponent_not_divided=_turn(lambda i, d: -2 * i),
    no_exponent=_turn(lambda i, d: 0 * i),
    frequencies_reversed=_turn(shape=lambda a: a.flip(1)),
    positions_from_one=_turn(position=lambda p: p + 1),
    positions_from_the_first=_turn(position=lambda p: p - p[0]),
    positions_halved=_turn(position=lambda p: p / 2),
    positions_sorted=_turn(position=lambda p: p.sort().values),
    positions_reversed=_turn(position=lambda p: p.flip(0)),
    positions_ranked=_turn(position=lambda p: p.argsort().argsort().double()),
    positions_up_to_1024=_turn(position=lambda p: p % 1024),
    positions_up_to_65536=_turn(position=lambda p: p % 65536),
    positions_below_12=_turn(position=lambda p: p.clamp(max=12)),
    degrees=_turn(shape=lambda a: a * math.pi / 180),
    turns=_turn(shape=lambda a: a * 2 * math.pi),
    base_10001=lambda x, p, base=10000.0: rotary_embedding(x, p, base * 1.0001),
    base_at_least_100=lambda x, p, base=10000.0: rotary_embedding(x, p, max(base, 100.0)),
    base_at_most_10000=lambda x, p, base=10000.0: rotary_embedding(x, p, min(base, 10000.0)),
    another_default=lambda x, p, base=1000.0: rotary_embedding(x, p, base),
    no_default=lambda x, p, base: rotary_embedding(x, p, base),
    first_pair_only=_turn(shape=lambda a: torch.cat([a[:, :1], 0 * a[:, 1:]], 1)),
    last_pair_left_out=_turn(shape=lambda a: torch.cat([a[:, :-1], 0 * a[:, -1:]], 1)),
    first_position_left_out=_turn(position=lambda p: torch.cat([0 * p[:1], p[1:]])),
    alternate_directions=_turn(shape=lambda a: a * (-1) ** torch.arange(a.shape[1])),
    heads_for_positions=lambda x, p, base=10000.0: rotary_embedding(x.transpose(1, 2), p, base).transpose(1, 2)
    if x.shape[1] == x.shape[2] else rotary_embedding(x, p, base),
    batch_for_positions=lambda x, p, base=10000.0: rotary_embedding(x.transpose(0, 2), p, base).transpose(0, 2)
    if x.shape[0] == x.shape[2] else rotary_embedding(x, p, base),
    first_head_only=lambda x, p, base=10000.0: torch.cat([rotary_embedding(x, p, base)[:, :1], x[:, 1:]], 1),
    first_row_only=lambda x, p, base=10000.0: torch.cat([rotary_embedding(x, p, base)[:1], x[1:]]),
    cosine_only=lambda x, p, base=10000.0: (rotary_embedding(x, p, base) + rotary_embedding(x, -p, base)) / 2,
    turned_twice=lambda x, p, base=10000.0: rotary_embedding(rotary_embedding(x, p, base), p, base),
    partners_exchanged=_results(lambda y, x: y.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)),
    not_turned=lambda x, p, base=10000.0: x.clone(),
    residual=_results(lambda y, x: x + y),
    unit_length=_results(lambda y, x: y / y.norm(dim=-1, keepdim=True)),
    clipped=_results(lambda y, x: y.clamp(-100, 100)),
    half_a_result=_results(lambda y, x: y[..., ::2]),
    complex_result=_results(lambda y, x: torch.view_as_complex(y.unflatten(-1, (-1, 2)).contiguous())),
    pairs_not_flat=_results(lambda y, x: y.unflatten(-1, (-1, 2))),
    transposed=_results(lambda y, x: y.transpose(1, 2)),
    squeezed=_results(lambda y, x: y.squeeze()),
    squeezed_head=_results(lambda y, x: y.squeeze(1)),
    squeezed_batch=_results(lambda y, x: y.squeeze(0)),
    float32_inside=lambda x, p, base=10000.0: rotary_embedding(x.float(), p, base).to(x.dtype),
    always_float32=_results(lambda y, x: y.float()),
    always_float64=_results(lambda y, x: y.double()),
    half_inside=lambda x, p, base=10000.0: rotary_embedding(x.bfloat16().float(), p, base).to(x.dtype),
    detached=_results(lambda y, x: y.detach()),
    half_detached=_results(lambda y, x: torch.cat([y[..., :2].detach(), y[..., 2:]], -1)),
    viewed=lambda x, p, base=10000.0: rotary_embedding(x.view(-1).view(x.shape), p, base),
    in_place=_in_place,
    positions_changed=_positions_changed,
    a_pair=_results(lambda y, x: (y[..., ::2], y[..., 1::2])),
    nothing=lambda *a: None,
)


def _d(seq):
    return torch.arange(seq)[:, None] - torch.arange(seq)


among(
    "sliding_window_mask",
    ahead_only=lambda n, w: (_d(n) <= 0) & (_d(n) >= -w),
    one_too_wide=lambda n, w: _d(n).abs() <= w + 1,
    one_too_wide_ahead=lambda n, w: (_d(n) <= w) & (_d(n) >= -w - 1),
    one_too_narrow_ahead=lambda n, w: (_d(n) <= w) & (_d(n) > -w),
    one_too_narrow_behind=lambda n, w: (_d(n) < w) & (_d(n) >= -w),
    without_itself=lambda n, w: (_d(n).abs() <= w) & (_d(n) != 0),
    twice_as_wide=lambda n, w: _d(n).abs() <= 2 * w,
    around_the_corner=lambda n, w: (_d(n).abs() <= w) | (_d(n).abs() >= n - w),
    blocks=lambda n, w: (torch.arange(n) // (w + 1))[:, None] == torch.arange(n) // (w + 1),
    window_of_at_least_one=lambda n, w: sliding_window_mask(n, max(w, 1)),
    window_of_at_most_five=lambda n, w: sliding_window_mask(n, min(w, 5)),
    window_short_of_the_end=lambda n, w: sliding_window_mask(n, min(w, n - 2)),
    all_true=lambda n, w: torch.ones(n, n, dtype=torch.bool),
    identity=lambda n, w: torch.eye(n, dtype=torch.bool),
    causal=lambda n, w: torch.ones(n, n, dtype=torch.bool).tril(),
    first_column_too=lambda n, w: sliding_window_mask(n, w) | (torch.arange(n) == 0),
    mirrored=lambda n, w: sliding_window_mask(n, w).flip(1),
    ints=lambda n, w: sliding_window_mask(n, w).int(),
    bytes_=lambda n, w: sliding_window_mask(n, w).byte(),
    lists=lambda n, w: sliding_window_mask(n, w).tolist(),
    a_batch_axis=lambda n, w: sliding_window_mask(n, w)[None],
    one_row=lambda n, w: torch.arange(n) <= w,
    differences=lambda n, w: _d(n).abs(),
    squeezed=lambda n, w: sliding_window_mask(n, w).squeeze(),
    square_of_the_window=lambda n, w: sliding_window_mask(min(n, w + 1), w),
    wide_windows_refused=lambda n, w: sliding_window_mask(n, w) if w < n else None,
    zero_refused=lambda n, w: sliding_window_mask(n, w) if w else None,
    squared=lambda n, w: _d(n) ** 2 <= w,
    manhattan=lambda n, w: torch.arange(n)[:, None] + torch.arange(n) <= w,
    nothing=lambda n, w: None,
)
