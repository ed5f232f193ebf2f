"""Named wrong answers to lesson 06: positions and windows."""

from __future__ import annotations

import torch
from torch import Tensor

from autograder.exercise import misconception
from autograder.reference import self_attention as right

# sinusoidal_positions


def _waves(num_positions: int, d_model: int, first: int = 0, step: float = 2.0) -> tuple[Tensor, Tensor]:
    """Sines and cosines of every pair of columns."""
    pair = torch.arange((d_model + 1) // 2, dtype=torch.get_default_dtype())
    position = torch.arange(first, first + num_positions, dtype=torch.get_default_dtype())
    angle = position[:, None] / 10000 ** (step * pair / d_model)
    return angle.sin(), angle.cos()


def _woven(even: Tensor, odd: Tensor, d_model: int) -> Tensor:
    return torch.stack([even, odd], dim=2).flatten(1)[:, :d_model]


@misconception(
    "sinusoidal_positions", "sines first, then cosines", hint="Column 1: is it a sine or a cosine? And column 2?"
)
def waves_in_halves(num_positions: int, d_model: int) -> Tensor:
    return torch.cat(_waves(num_positions, d_model), dim=1)[:, :d_model]


@misconception(
    "sinusoidal_positions", "i for 2i",
    hint="How slow is the last pair of columns? The exponent should come close to 1.",
)
def waves_half_exponent(num_positions: int, d_model: int) -> Tensor:
    return _woven(*_waves(num_positions, d_model, step=1.0), d_model)


@misconception(
    "sinusoidal_positions", "a frequency for each column",
    hint="How many different frequencies are there for ten columns?",
)
def waves_unpaired(num_positions: int, d_model: int) -> Tensor:
    column = torch.arange(d_model, dtype=torch.get_default_dtype())
    angle = torch.arange(num_positions)[:, None] / 10000 ** (column / d_model)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


@misconception("sinusoidal_positions", "positions from 1", hint="What are sin 0 and cos 0? Is that your first row?")
def waves_from_one(num_positions: int, d_model: int) -> Tensor:
    return _woven(*_waves(num_positions, d_model, first=1), d_model)


@misconception("sinusoidal_positions", "cosine before sine", hint="Which of the two waves starts at zero?")
def waves_exchanged(num_positions: int, d_model: int) -> Tensor:
    sines, cosines = _waves(num_positions, d_model)
    return _woven(cosines, sines, d_model)


@misconception(
    "sinusoidal_positions", "multiplied, not divided", hint="Should the waves of the later columns be faster or slower?"
)
def waves_multiplied(num_positions: int, d_model: int) -> Tensor:
    return _woven(*_waves(num_positions, d_model, step=-2.0), d_model)


@misconception(
    "sinusoidal_positions", "float32 always",
    hint="Call `torch.set_default_dtype(torch.float64)` first. What comes back?",
)
def waves_in_float32(num_positions: int, d_model: int) -> Tensor:
    return right.sinusoidal_positions(num_positions, d_model).float()


@misconception(
    "sinusoidal_positions", "angles in float32",
    hint="Far out, the last digits are wrong. Which dtype have your angles while the default is float64?",
)
def waves_of_float32_angles(num_positions: int, d_model: int) -> Tensor:
    found = torch.zeros(num_positions, d_model)
    exponent = torch.arange(0, d_model, 2, dtype=torch.float32) / d_model
    angle = torch.arange(num_positions, dtype=torch.float32)[:, None] / torch.pow(10000, exponent)
    found[:, 0::2], found[:, 1::2] = angle.sin(), angle.cos()[:, : d_model // 2]
    return found


@misconception(
    "sinusoidal_positions", "even widths only", hint="With five columns there are three sines. How many cosines?"
)
def waves_even_only(num_positions: int, d_model: int) -> Tensor:
    sines, cosines = _waves(num_positions, d_model)
    found = torch.zeros(num_positions, d_model)
    found[:, 0::2] = sines
    found[:, 1::2] = cosines
    return found


# rotary_embedding


def _angle(x: Tensor, positions: Tensor, base: float, step: float = 2.0) -> Tensor:
    pair = torch.arange(x.shape[-1] // 2, dtype=x.dtype, device=x.device)
    return positions[:, None].to(x.dtype) * base ** (-step * pair / x.shape[-1])


def _turned(x: Tensor, angle: Tensor) -> Tensor:
    a, b, cos, sin = x[..., 0::2], x[..., 1::2], angle.cos(), angle.sin()
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


@misconception(
    "rotary_embedding", "halves for pairs",
    hint="With which column is column 0 turned: with its neighbour, or with another?",
)
def turn_halves(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    (a, b), angle = x.chunk(2, dim=-1), _angle(x, positions, base)
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=-1)


@misconception(
    "rotary_embedding", "the other way round", hint="The pair (1, 0) turned a little: is its second number > 0?"
)
def turn_backwards(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    return _turned(x, -_angle(x, positions, base))


@misconception(
    "rotary_embedding", "places for positions", hint="Is the third word always at position 2? Who tells you?"
)
def turn_by_place(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    return _turned(x, _angle(x, torch.arange(x.shape[2], device=x.device), base))


@misconception("rotary_embedding", "base ignored", hint="Call it with another base. What changes?")
def turn_fixed_base(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    return _turned(x, _angle(x, positions, 10000.0))


@misconception("rotary_embedding", "i for 2i", hint="Write down the exponent of the last pair. How near is it to −1?")
def turn_half_exponent(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    return _turned(x, _angle(x, positions, base, step=1.0))


@misconception(
    "rotary_embedding", "angles in float32", hint="Print the dtype of your angles when x is float64. Who chose it?"
)
def turn_in_float32(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    return _turned(x, _angle(x.detach().float(), positions, base))


@misconception(
    "rotary_embedding", "not woven back", hint="Turn by the angle zero: does every column come back to its own place?"
)
def turn_unwoven(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    turned = _turned(x, _angle(x, positions, base))
    return torch.cat([turned[..., 0::2], turned[..., 1::2]], dim=-1)


@misconception("rotary_embedding", "a sign in the second row", hint="A turn keeps the length of a pair. Does yours?")
def turn_reflected(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    a, b, angle = x[..., 0::2], x[..., 1::2], _angle(x, positions, base)
    pair = [a * angle.cos() - b * angle.sin(), a * angle.sin() - b * angle.cos()]
    return torch.stack(pair, dim=-1).flatten(-2)


@misconception("rotary_embedding", "added, not turned", hint="What becomes of a vector of zeros when it is turned?")
def turn_added(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    angle = _angle(x, positions, base)
    return x + torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)


@misconception(
    "rotary_embedding", "overwritten while in use", hint="The second line reads x: is it still the x of the first?"
)
def turn_overwritten(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    angle, turned = _angle(x, positions, base), x.clone()
    turned[..., 0::2] = turned[..., 0::2] * angle.cos() - turned[..., 1::2] * angle.sin()
    turned[..., 1::2] = turned[..., 0::2] * angle.sin() + turned[..., 1::2] * angle.cos()
    return turned


# sliding_window_mask


def _apart(seq: int) -> Tensor:
    return torch.arange(seq)[:, None] - torch.arange(seq)


@misconception("sliding_window_mask", "one too narrow", hint="A window of 0: does a word see itself?")
def window_strict(seq: int, window: int) -> Tensor:
    return _apart(seq).abs() < window


@misconception("sliding_window_mask", "back only", hint="May a word look ahead here? Read the condition with care.")
def window_behind(seq: int, window: int) -> Tensor:
    return (_apart(seq) >= 0) & (_apart(seq) <= window)


@misconception(
    "sliding_window_mask", "upside down", hint="Does your True stand where a word may look, or where it may not?"
)
def window_inverted(seq: int, window: int) -> Tensor:
    return _apart(seq).abs() > window


@misconception(
    "sliding_window_mask", "the window as a whole", hint="How far may a word look to each side: w, or w / 2?"
)
def window_halved(seq: int, window: int) -> Tensor:
    return _apart(seq).abs() <= window // 2


@misconception("sliding_window_mask", "ones and zeros", hint="What dtype has your mask? Masks here are True and False.")
def window_of_numbers(seq: int, window: int) -> Tensor:
    return (_apart(seq).abs() <= window).to(torch.get_default_dtype())


@misconception("sliding_window_mask", "to be added to scores", hint="A mask here says yes or no. What does yours say?")
def window_added(seq: int, window: int) -> Tensor:
    return torch.zeros(seq, seq).masked_fill(_apart(seq).abs() > window, -torch.inf)


@misconception(
    "sliding_window_mask", "the edge of the window only", hint="Are the words between i and the window's edge in it?"
)
def window_edges(seq: int, window: int) -> Tensor:
    return _apart(seq).abs() == window
