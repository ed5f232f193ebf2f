"""A second device that every machine has: its tensors are ordinary ones, marked as lying elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_READ_DEVICE = Tensor.device.__get__
_MOVES = (Tensor.to, Tensor.type_as)
_ACROSS = (*_MOVES, Tensor.__getitem__, Tensor.__setitem__, Tensor.copy_)
"""What takes tensors of two devices."""


class Elsewhere(TorchFunctionMode):
    """Inside it, `device` can be used like a graphics card's; `holds(x)` tells whether a tensor lies there.

    Its name is that of PyTorch's meta device, whose own tensors have no values, and which takes seconds to import.
    """

    device = torch.device("meta")

    def __init__(self) -> None:
        super().__init__()
        self._there: dict[int, Tensor] = {}

    def holds(self, value: Any) -> bool:
        """Does this tensor lie on the device?"""
        return id(value) in self._there

    def put(self, value: Tensor) -> Tensor:
        """The same numbers, on the device."""
        there = value.detach()
        self._there[id(there)] = there
        return there

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func == _READ_DEVICE:
            return self.device if self.holds(args[0]) else func(*args, **kwargs)
        there = self._lands_there(func, args, kwargs)
        found = func(*map(_here, args), **{name: _here(value) for name, value in kwargs.items()})
        for tensor in _tensors([found]):
            if there:
                self._there[id(tensor)] = tensor
            elif self.holds(tensor):  # moved away, which here gives the very same tensor
                return tensor.detach()
        return found

    def _lands_there(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        named = [*args[1:], *kwargs.values()] if func in _MOVES else [kwargs.get("device")]
        wanted = [torch.device(x) == self.device for x in named if isinstance(x, torch.device | str)]
        wanted += [self.holds(x) for x in named if isinstance(x, Tensor)]
        if wanted or func is Tensor.cpu:
            return any(wanted)
        given = list(_tensors([*args, *kwargs.values()]))
        there = any(map(self.holds, given))
        if there and func not in _ACROSS and not all(self.holds(x) or x.dim() == 0 for x in given):
            raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices")
        return there


def _here(value: Any) -> Any:
    """What is to be computed on the CPU instead."""
    return torch.device("cpu") if isinstance(value, torch.device | str) and str(value) == "meta" else value


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _tensors(value)
        elif isinstance(value, Tensor):
            yield value
