"""Asking for random draws many times over, and whether the generator alone decides them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.errors import AnswerError
from autograder.exercises.language_models_batches import other_randomness

SOURCES = ("same seed", "used again", "another seed")


def drawn_by(
    draw: Callable[[torch.Generator], dict[str, Any]], device: torch.device | str, seed: int, repeat: bool = False
) -> dict[str, Any]:
    """What `draw` gives for a generator of this seed; with `repeat`, also what decides it."""
    device = torch.device(device)

    def fresh(offset: int = 0) -> torch.Generator:
        return torch.Generator(device).manual_seed(seed + offset)

    if not repeat:
        return draw(fresh())
    with other_randomness(device, 1):
        generator = fresh()
        first = draw(generator)
        again = draw(generator)
    with other_randomness(device, 2) as state:
        before = state()
        same = draw(fresh())
        untouched = before == state()
        other = draw(fresh(1))
    found = dict(zip(SOURCES, (same, again, other), strict=True))
    return first | found | {"other randomness untouched": untouched}


def generator_problem(
    outputs: Mapping[str, Any], form_problem: Callable[[Mapping[str, Any]], str | None],
    alike: Callable[[Mapping[str, Any], Mapping[str, Any]], bool],
) -> str | None:
    """What else than the generator decides what is in `outputs`, which `drawn_by` gave with `repeat`; None: nothing."""
    runs: list[Mapping[str, Any]] = []
    for name in SOURCES:
        run = outputs.get(name)
        if not isinstance(run, Mapping):
            return "nothing came back for another generator"
        strange = form_problem(run)
        if strange is not None:
            return strange
        runs.append(run)
    same, again, other = runs
    if outputs.get("other randomness untouched") is not True:
        return "another source of randomness than the generator is used or set"
    if not alike(outputs, same):
        return "two generators of one seed give different results"
    if alike(outputs, other):
        return "generators of different seeds give the same result"
    if alike(outputs, again):
        return "a generator that is used twice gives the same again: it does not move on"
    return None


def stacked(found: Sequence[Any], like: Tensor, dtype: torch.dtype, what: str) -> Tensor:
    """One tensor of several results. Raises AnswerError for anything that is not shaped as `like`, or of this dtype."""
    for value in found:
        if not isinstance(value, Tensor):
            raise AnswerError(f"`{what}`: expected a tensor, got {type(value).__name__}")
        if value.shape != like.shape[1:]:
            raise AnswerError(f"`{what}`: expected shape {tuple(like.shape[1:])}, got {tuple(value.shape)}")
        if value.dtype != dtype:
            raise AnswerError(f"`{what}`: expected {dtype}, got {value.dtype}")
    return torch.stack([value.to(like.device) for value in found]) if found else like.new_empty(like.shape, dtype=dtype)


def table(value: Any, like: Tensor, dtype: torch.dtype) -> Tensor | None:
    """`value` on the CPU where it is a tensor of this dtype with the shape of `like`, None where it isn't."""
    right = isinstance(value, Tensor) and value.dtype == dtype and value.shape == like.shape
    return value.cpu() if right else None
