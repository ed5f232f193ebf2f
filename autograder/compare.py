"""Is an answer's response right? One ladder of questions, stopping at the first that fails.

runs → type → shape → dtype → finite → values → gradients → inputs untouched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.drive import Response
from autograder.exercise import Tolerance
from autograder.wire import Other


@dataclass(frozen=True)
class Problem:
    """What is wrong. `hidden` tells it without any of the case's numbers."""

    rung: str
    public: str
    hidden: str


def compare(expected: Response, got: Response, tolerance: Tolerance) -> Problem | None:
    """The first thing wrong with `got`, or None."""
    problem = runs(got) or _compare_value(expected.outputs, got.outputs, "", tolerance)
    return problem or _compare_gradients(expected, got, tolerance) or untouched(got)


def runs(got: Response) -> Problem | None:
    """Did the answer come back at all?"""
    if got.failure is None:
        return None
    failure = got.failure
    where = f"\n{failure.where}" if failure.where else ""
    name = failure.message.split(":", 1)[0]
    name = name if name.isidentifier() and len(name) <= 60 else "an error"
    hidden = {"error": f"it raised {name}{where}", "memory": "it ran out of memory"}.get(
        failure.kind, _without_sizes(failure.message)
    )
    public = f"it raised {failure.message}{where}" if failure.kind == "error" else failure.message
    return Problem(failure.kind, public, hidden)


def _without_sizes(message: str) -> str:
    """A message without shapes and fractions: what is wrong stays, a hidden case's numbers go."""
    return re.sub(r"\((?:\d+, ?)+\d*\)|\[(?:-?[\d.e+-]+,? ?)+\]|-?\d+\.\d[\d.e+-]*", "…", message)


def describe(value: Any) -> str:
    """What a value is, in a learner's words."""
    if isinstance(value, Other):
        return value.name.removeprefix("builtins.")
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"{type(value).__name__} {_shown(value)}"[:80]


def _shown(value: Any) -> str:
    """A plain value as Python writes it, not too long; integers of thousands of digits have no such text."""
    if type(value) is int and value.bit_length() > 400:
        return "of very many digits"
    return repr(value)[:120]


def _label(path: str) -> str:
    return f"`{path}`" if path else "the result"


def _type_problem(expected: Any, got: Any, path: str) -> Problem:
    kind = "a torch.Tensor" if isinstance(expected, Tensor) else f"a {type(expected).__name__}"
    kind = "None" if expected is None else kind
    text = f"{_label(path)}: expected {kind}, got {describe(got)}"
    return Problem("type", text, f"{_label(path)} has the wrong type: expected {kind}")


def _compare_value(expected: Any, got: Any, path: str, tolerance: Tolerance) -> Problem | None:
    if isinstance(expected, Tensor):
        return _compare_tensor(expected, got, path, tolerance)
    if isinstance(expected, Mapping):
        return _compare_mapping(expected, got, path, tolerance)
    if isinstance(expected, list | tuple):
        return _compare_sequence(expected, got, path, tolerance)
    if isinstance(expected, float):
        return _compare_float(expected, got, path, tolerance)
    if type(expected) is not type(got):
        return _type_problem(expected, got, path)
    return None if expected == got else _value_problem(path, _shown(expected), _shown(got))


def _value_problem(path: str, expected: str, got: str, extra: str = "") -> Problem:
    return Problem(
        "values", f"{_label(path)}: expected {expected}, got {got}{extra}", f"{_label(path)} has wrong values"
    )


def _compare_float(expected: float, got: Any, path: str, tolerance: Tolerance) -> Problem | None:
    if type(got) not in (float, int):
        return _type_problem(expected, got, path)
    if type(got) is int and got.bit_length() > 1000:  # beyond any float
        return _value_problem(path, f"{expected:.6g}", _shown(got))
    allowed = (tolerance.relative or 1e-6) * max(1.0, abs(expected))
    near = math.isfinite(expected) and abs(expected - got) <= allowed
    if near or expected == got or (math.isnan(expected) and math.isnan(got)):
        return None
    return _value_problem(path, f"{expected:.6g}", f"{got:.6g}")


def _compare_mapping(expected: Mapping[str, Any], got: Any, path: str, tolerance: Tolerance) -> Problem | None:
    if not isinstance(got, Mapping):
        return _type_problem(dict(expected), got, path)
    missing, extra = [k for k in expected if k not in got], [k for k in got if k not in expected]
    if missing or extra:
        have = ", ".join(map(str, got))[:300] or "none"
        text = f"{_label(path)}: expected the keys {', '.join(expected)}; got {have}"
        return Problem("type", text, f"{_label(path)} has the wrong keys")
    problems = (_compare_value(v, got[k], f"{path}.{k}" if path else k, tolerance) for k, v in expected.items())
    return next((p for p in problems if p), None)


def _compare_sequence(expected: Any, got: Any, path: str, tolerance: Tolerance) -> Problem | None:
    if not isinstance(got, list | tuple) or (isinstance(expected, list) and not isinstance(got, list)):
        return _type_problem(expected, got, path)
    if len(expected) != len(got):
        text = f"{_label(path)}: expected {len(expected)} items, got {len(got)}"
        return Problem("shape", text, f"{_label(path)} has the wrong number of items")
    pairs = enumerate(zip(expected, got, strict=True))
    problems = (_compare_value(e, g, f"{path}[{i}]", tolerance) for i, (e, g) in pairs)
    return next((p for p in problems if p), None)


def _compare_tensor(expected: Tensor, got: Any, path: str, tolerance: Tolerance) -> Problem | None:
    label = _label(path)
    if not isinstance(got, Tensor):
        return _type_problem(expected, got, path)
    if expected.shape != got.shape:
        text = f"{label}: expected shape {tuple(expected.shape)}, got {tuple(got.shape)}"
        return Problem("shape", text, f"{label} has the wrong shape")
    if expected.dtype != got.dtype:
        text = f"{label}: expected {expected.dtype}, got {got.dtype}"
        return Problem("dtype", text, text)
    if not expected.is_floating_point():
        return _first_difference(expected != got.to(expected.device), expected, got, path)
    bad = torch.isfinite(expected) & ~torch.isfinite(got.to(expected.device))
    if bad.any():
        text = f"{label}: {int(bad.sum())} of {bad.numel()} values are NaN or infinite"
        return Problem("finite", text, f"{label} has values that are NaN or infinite")
    return _first_difference(_apart(expected, got.to(expected.device), tolerance), expected, got, path)


def _apart(expected: Tensor, got: Tensor, tolerance: Tolerance) -> Tensor:
    """Where two float tensors differ by more than the tolerance; NaN equals NaN, infinity equals itself."""
    wide_e, wide_g = expected.double(), got.double()
    finite = wide_e[torch.isfinite(wide_e)]
    scale = max(float(finite.abs().max()) if finite.numel() else 0.0, 1e-3)
    near = (wide_e - wide_g).abs() <= tolerance.of(expected.dtype) * scale
    return ~(near | (wide_e == wide_g) | (wide_e.isnan() & wide_g.isnan()))


def _first_difference(apart: Tensor, expected: Tensor, got: Tensor, path: str) -> Problem | None:
    if not apart.any():
        return None
    index = tuple(apart.nonzero()[0].tolist())
    place = f" at [{', '.join(map(str, index))}]" if index else ""
    count = f" ({int(apart.sum())} of {apart.numel()} values differ)" if apart.numel() > 1 else ""
    e, g = expected[index].item(), got[index].item()
    texts = (repr(e), repr(g)) if not expected.is_floating_point() else _told_apart(e, g)
    return _value_problem(path, f"{texts[0]}{place}", texts[1], count)


def _told_apart(expected: float, got: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ."""
    for digits in (6, 9, 12, 17):
        pair = f"{expected:.{digits}g}", f"{got:.{digits}g}"
        if pair[0] != pair[1]:
            return pair
    return pair


def _compare_gradients(expected: Response, got: Response, tolerance: Tolerance) -> Problem | None:
    for path, want in expected.gradients.items():
        have = got.gradients.get(path)
        if want is None and have is None:
            continue
        if have is None:
            if want is None or not want.any():
                continue
            text = f"no gradient reaches `{path}`: is the graph cut by detach, .data, .item or a copy?"
            return Problem("gradients", text, text)
        want = torch.zeros_like(have) if want is None else want
        if want.shape != have.shape or want.dtype != have.dtype:
            text = f"the gradient of `{path}` has another shape or dtype than `{path}`"
            return Problem("gradients", text, text)
        loose = Tolerance(10 * tolerance.of(want.dtype))
        apart = _apart(want, have.to(want.device), loose)
        if apart.any():
            problem = _first_difference(apart, want, have, f"gradient of {path}")
            public = problem.public if problem else ""
            return Problem("gradients", public, f"the gradient of `{path}` is wrong")
    return None


def untouched(got: Response) -> Problem | None:
    """Did the answer leave its inputs as they were?"""
    if not got.changed:
        return None
    names = ", ".join(f"`{name}`" for name in got.changed)
    text = f"the answer changed its input {names}: work on a new tensor instead"
    return Problem("inputs", text, text)
