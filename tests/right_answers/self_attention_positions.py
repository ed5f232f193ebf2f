"""Right answers to lesson 06: positions and windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("sinusoidal_positions")
def waves_sliced(num_positions, d_model):
    P = torch.zeros(num_positions, d_model)
    position = torch.arange(num_positions).unsqueeze(1)
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    P[:, 0::2] = torch.sin(angle)
    P[:, 1::2] = torch.cos(angle)[:, : d_model // 2]
    return P


@right("sinusoidal_positions")
def waves_by_exponential(num_positions, d_model):
    """As the common code has it: the exponential of a logarithm."""
    dtype = torch.get_default_dtype()
    position = torch.arange(num_positions, dtype=dtype)[:, None]
    frequency = torch.exp(torch.arange(0, d_model, 2, dtype=dtype) * (-math.log(10000.0) / d_model))
    P = torch.empty(num_positions, d_model)
    P[:, ::2] = torch.sin(position * frequency)
    P[:, 1::2] = torch.cos(position * frequency[: P[:, 1::2].shape[1]])
    return P


@right("sinusoidal_positions")
def waves_number_by_number(num_positions, d_model):
    def wave(p, column):
        angle = p / 10000 ** (2 * (column // 2) / d_model)
        return math.cos(angle) if column % 2 else math.sin(angle)

    return torch.tensor([[wave(p, column) for column in range(d_model)] for p in range(num_positions)])


@right("sinusoidal_positions")
def waves_stacked(num_positions, d_model):
    i = torch.arange((d_model + 1) // 2)
    angle = torch.outer(torch.arange(num_positions, dtype=torch.double), 10000 ** (-2 * i.double() / d_model))
    both = torch.stack([angle.sin(), angle.cos()], dim=-1).reshape(num_positions, -1)
    return both[:, :d_model].to(torch.get_default_dtype())


@right("sinusoidal_positions")
def waves_shifted(num_positions, d_model):
    """A cosine is a sine a quarter of a turn ahead."""
    column = torch.arange(d_model)
    frequency = torch.pow(10000.0, -(column - column % 2) / d_model)
    return torch.sin(torch.arange(num_positions)[:, None] * frequency + (column % 2) * (math.pi / 2))


@right("sinusoidal_positions")
def waves_numpy(num_positions, d_model):
    angle = np.arange(num_positions)[:, None] / np.power(10000, 2 * (np.arange(d_model) // 2) / d_model)
    angle[:, 0::2] = np.sin(angle[:, 0::2])
    angle[:, 1::2] = np.cos(angle[:, 1::2])
    return torch.as_tensor(angle, dtype=torch.get_default_dtype())


def _angle(x, positions, base):
    d = x.shape[-1]
    frequency = base ** (-torch.arange(0, d, 2, dtype=x.dtype, device=x.device) / d)
    return positions.to(x.dtype)[:, None] * frequency


@right("rotary_embedding")
def turn_stacked(x, positions, base=10000.0):
    angle = _angle(x, positions, base)
    a, b = x[..., ::2], x[..., 1::2]
    return torch.stack((a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()), dim=-1).flatten(-2)


@right("rotary_embedding")
def turn_into_a_buffer(x, positions, base=10000.0):
    d, turned = x.shape[-1], torch.empty_like(x)
    for i in range(d // 2):
        angle = positions.to(x.dtype) * base ** (-2 * i / d)
        cos, sin = torch.cos(angle), torch.sin(angle)
        turned[..., 2 * i] = x[..., 2 * i] * cos - x[..., 2 * i + 1] * sin
        turned[..., 2 * i + 1] = x[..., 2 * i] * sin + x[..., 2 * i + 1] * cos
    return turned


@right("rotary_embedding")
def turn_with_a_crossed_copy(x, positions, base=10000.0):
    """x cos + (−y, x) sin, with every cosine twice."""
    angle = _angle(x, positions, base).repeat_interleave(2, dim=-1)
    crossed = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1).reshape(x.shape)
    return x * torch.cos(angle) + crossed * torch.sin(angle)


@right("rotary_embedding")
def turn_complex(x, positions, base=10000.0):
    angle = _angle(x, positions, base)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
    return torch.view_as_real(pairs * torch.exp(1j * angle)).reshape(x.shape)


@right("rotary_embedding")
def turn_by_matrices(x, positions, base=10000.0):
    angle = _angle(x, positions, base)
    cos, sin = angle.cos(), angle.sin()
    matrix = torch.stack([torch.stack([cos, -sin], dim=-1), torch.stack([sin, cos], dim=-1)], dim=-2)
    return torch.einsum("sipq,bhsiq->bhsip", matrix, x.reshape(*x.shape[:-1], -1, 2)).flatten(-2)


@right("rotary_embedding")
def turn_from_a_table(x, positions, base=10000.0):
    """Sines and cosines of all positions up to the last, then a look-up."""
    table = torch.arange(int(positions.max()) + 1, dtype=torch.float64, device=x.device)[:, None] / torch.pow(
        torch.tensor(base, dtype=torch.float64, device=x.device),
        torch.arange(0, x.shape[-1], 2, dtype=torch.float64, device=x.device) / x.shape[-1],
    )
    cos, sin = table.cos()[positions].to(x.dtype), table.sin()[positions].to(x.dtype)
    turned = x.clone()
    turned[..., ::2] = x[..., ::2] * cos - x[..., 1::2] * sin
    turned[..., 1::2] = x[..., ::2] * sin + x[..., 1::2] * cos
    return turned


@right("sliding_window_mask")
def window_of_differences(seq, window):
    i = torch.arange(seq)
    return (i[:, None] - i[None, :]).abs() <= window


@right("sliding_window_mask")
def window_of_triangles(seq, window):
    return torch.ones(seq, seq).triu(-window).tril(window).bool()


@right("sliding_window_mask")
def window_row_by_row(seq, window):
    mask = torch.zeros(seq, seq, dtype=torch.bool)
    for i in range(seq):
        mask[i, max(0, i - window) : i + window + 1] = True
    return mask


@right("sliding_window_mask")
def window_listed(seq, window):
    return torch.tensor([[abs(i - j) <= window for j in range(seq)] for i in range(seq)])


@right("sliding_window_mask")
def window_of_diagonals(seq, window):
    mask = torch.zeros(seq, seq, dtype=torch.bool)
    for offset in range(-min(window, seq - 1), min(window, seq - 1) + 1):
        torch.diagonal(mask, offset).fill_(True)
    return mask
