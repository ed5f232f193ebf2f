"""How an answer is asked: fresh inputs, the exercise's `drive`, gradients, and whether inputs were changed.

The same code runs for the learner's answer (in the notebook, or in the sandbox) and for the reference.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from autograder.errors import AnswerError
from autograder.exercise import Exercise

_parameters: ContextVar[dict[int, Tensor]] = ContextVar("_parameters")


@dataclass(frozen=True)
class Failure:
    """Why an answer gave nothing: `kind` is error, form, memory or timeout."""

    kind: str
    message: str
    where: str = ""


@dataclass(frozen=True)
class Response:
    """What came back for one case. `gradients` maps the path of an input to its gradient, None where there is none."""

    outputs: dict[str, Any] | None = None
    gradients: dict[str, Tensor | None] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    failure: Failure | None = None


def load_weights(model: Any, weights: Mapping[str, Tensor]) -> Any:
    """Copy `weights` into the module's parameters by name, in the weights' dtype and on their device.

    Raises AnswerError naming what is missing, misshapen or not registered as a parameter.
    """
    if not isinstance(model, nn.Module):
        raise AnswerError(f"expected an nn.Module, got {type(model).__name__}")
    if not weights or not all(isinstance(weight, Tensor) for weight in weights.values()):
        raise AnswerError("expected tensors as weights")
    first = next(iter(weights.values()))
    model.to(device=first.device, dtype=first.dtype)
    own = dict(model.named_parameters())
    for name, weight in weights.items():
        if name not in own:
            raise AnswerError(_missing_parameter(model, name, own))
        if own[name].shape != weight.shape:
            raise AnswerError(
                f"the parameter {name!r} has shape {tuple(own[name].shape)}; expected {tuple(weight.shape)}"
            )
    unknown = sorted(set(own) - set(weights))
    if unknown:
        raise AnswerError(f"the module has parameters that the exercise does not name: {', '.join(unknown)}")
    links = _parameters.get({})
    with torch.no_grad():
        for name, weight in weights.items():
            own[name].copy_(weight)
            links[id(weight)] = own[name]
    return model


def _missing_parameter(model: nn.Module, name: str, own: Mapping[str, Tensor]) -> str:
    holder: Any = model
    for part in name.split("."):
        holder = getattr(holder, part, None)
    if isinstance(holder, Tensor):
        return f"{name!r} is a plain tensor: wrap it in nn.Parameter, so that an optimiser finds it"
    found = ", ".join(sorted(own)) or "none"
    return f"the module has no parameter called {name!r}; its parameters are: {found}"


def parts(result: Any, *names: str) -> dict[str, Any]:
    """Name the parts of a returned tuple. Raises AnswerError when there are not that many."""
    if not isinstance(result, tuple | list) or len(result) != len(names):
        got = f"{len(result)} values" if isinstance(result, tuple | list) else type(result).__name__
        raise AnswerError(f"expected {len(names)} results ({', '.join(names)}), got {got}")
    return dict(zip(names, result, strict=True))


def perform(
    exercise: Exercise, answer: Any, inputs: Mapping[str, Any], gradients: bool | tuple[str, ...] = False,
    mutable: tuple[str, ...] = (), device: torch.device | str = "cpu",
) -> Response:
    """Drive `answer` with fresh copies of `inputs`. Never raises for what the answer does, but for interrupts."""
    fresh = {name: _copy(value, torch.device(device)) for name, value in inputs.items()}
    pristine = {name: _copy(value, torch.device(device)) for name, value in inputs.items()}
    leaves = dict(_wanted(fresh, gradients))
    for leaf in leaves.values():
        leaf.requires_grad_(True)
    try:
        with _usual_torch(), _linked_parameters() as links:
            outputs = exercise.drive(answer, **fresh)
            found = _gradients(outputs, {path: links.get(id(leaf), leaf) for path, leaf in leaves.items()})
        changed = tuple(n for n in fresh if n not in mutable and not _same(fresh[n], pristine[n]))
        return Response(_plain(outputs), found, changed)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  the learner's code may raise anything, `exit()` included
        return Response(failure=_failure_of(error))


@contextmanager
def _usual_torch() -> Iterator[None]:
    """Gradients on; and whatever an answer does to torch's switches, the next one finds them as they were."""
    grad_mode, dtype, device = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device()
    torch.set_grad_enabled(True)
    try:
        yield
    finally:
        torch.set_grad_enabled(grad_mode)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(None if device.type == "cpu" else device)


@contextmanager
def _linked_parameters() -> Iterator[dict[int, Tensor]]:
    """Where `load_weights` notes which parameter took the place of which weight."""
    links: dict[int, Tensor] = {}
    token = _parameters.set(links)
    try:
        yield links
    finally:
        _parameters.reset(token)


def _failure_of(error: BaseException) -> Failure:
    if isinstance(error, AnswerError):
        return Failure("form", str(error))
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  an exception of the learner's may not even print
        text = f"{type(error).__name__}: (its text can't be shown)"
    if isinstance(error, MemoryError):
        return Failure("memory", "it ran out of memory")
    kind = "memory" if "allocate memory" in text else "error"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "autograder" not in f.filename]
    where = next((f"line {f.lineno}: {f.line}" for f in reversed(frames) if "site-packages" not in f.filename), "")
    return Failure(kind, text[:2000], where[:300])


def _copy(value: Any, device: torch.device) -> Any:
    """A copy that keeps strides: a non-contiguous input stays one."""
    if isinstance(value, Tensor):
        return torch.empty_strided(
            value.shape, value.stride(), dtype=value.dtype, device=device
        ).copy_(value) if value.numel() else value.to(device).clone()
    if isinstance(value, Mapping):
        return {key: _copy(item, device) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copy(item, device) for item in value)
    return value


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested plain data, with its dotted path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from walk(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from walk(item, f"{path}[{index}]")
    else:
        yield path, value


def _wanted(inputs: Mapping[str, Any], gradients: bool | tuple[str, ...]) -> Iterator[tuple[str, Tensor]]:
    if gradients is False:
        return
    for path, leaf in walk(inputs):
        named = gradients is True or any(path == n or path.startswith((n + ".", n + "[")) for n in gradients)
        if named and isinstance(leaf, Tensor) and leaf.is_floating_point():
            yield path, leaf


def _gradients(outputs: Any, leaves: dict[str, Tensor]) -> dict[str, Tensor | None]:
    """Gradients of one fixed mixture of all outputs, so that no output and no element goes unnoticed."""
    if not leaves:
        return {}
    total: Tensor | None = None
    for index, (_, value) in enumerate(sorted(walk(outputs), key=lambda pair: pair[0])):
        if isinstance(value, Tensor) and value.is_floating_point() and value.requires_grad:
            steps = torch.arange(value.numel(), dtype=torch.float64, device=value.device)
            mixture = torch.cos(1.7 * steps + index).to(value.dtype).reshape(value.shape)
            part = (value * mixture).sum()
            total = part if total is None else total + part
    if total is None:
        return dict.fromkeys(leaves, None)
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    return dict(zip(leaves, (None if g is None else g.detach() for g in found), strict=True))


def _plain(value: Any) -> Any:
    """Outputs without their graph, detached from what later code may change."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value) if type(value) in (list, tuple) else list(value)
    return value


def _same(a: Any, b: Any) -> bool:
    """Equal in structure, type and value; NaN equals NaN."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        a = a.detach()
        return torch.equal(a, b) or (a.is_floating_point() and torch.equal(a.isnan(), b.isnan()) and torch.equal(
            a.nan_to_num(), b.nan_to_num()
        ))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return bool(type(a) is type(b) and (a == b or (a != a and b != b)))
