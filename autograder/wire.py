"""Plain data to bytes and back: the only thing that crosses between judge and sandbox.

A tree of JSON with tensors taken out into one safetensors blob. Never pickle. `unpack` reads bytes that an adversary
may have written: sizes, depth and kinds are checked before anything is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from autograder.errors import NotPlainData

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 16
MAX_LEAVES = 200_000
DTYPES = frozenset({
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
})


def pack(value: Any) -> tuple[str, bytes]:
    """JSON text and safetensors bytes. Raises NotPlainData for anything that is not plain data."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_encode(value, tensors, 0), allow_nan=False)
    return text, save(tensors)


def _encode(value: Any, tensors: dict[str, Tensor], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotPlainData("the value is nested too deeply")
    if isinstance(value, Tensor):
        return _encode_tensor(value, tensors)
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        return value if abs(value) < 2**53 else {"$int": str(value)[:400]}
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, Mapping):
        return {"$map": [[_key(k), _encode(v, tensors, depth + 1)] for k, v in value.items()]}
    if type(value) in (list, tuple):
        return {"$" + type(value).__name__: [_encode(item, tensors, depth + 1) for item in value]}
    return {"$other": f"{type(value).__module__}.{type(value).__qualname__}"[:200]}


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotPlainData(f"a dictionary key must be a string, got {type(key).__name__}")
    return key


def _encode_tensor(value: Tensor, tensors: dict[str, Tensor]) -> dict[str, str]:
    if value.dtype not in DTYPES or value.layout != torch.strided:
        return {"$other": f"a tensor of {value.dtype}, {value.layout}"}
    name = str(len(tensors))
    tensors[name] = value.detach().to("cpu").contiguous().clone()
    return {"$tensor": name}


class Other:
    """Stands for a returned object that may not cross; only its type's name did."""

    def __init__(self, name: str) -> None:
        self.name = name


def unpack(text: str | bytes, blob: bytes) -> Any:
    """The value again. Raises NotPlainData for whatever is malformed, too big or too deep."""
    if len(text) > MAX_BYTES or len(blob) > MAX_BYTES:
        raise NotPlainData(f"more than {MAX_BYTES} bytes came back")
    try:
        tree = json.loads(text)
        tensors = load(blob)
    except (ValueError, RecursionError, SafetensorError, KeyError, RuntimeError) as error:
        raise NotPlainData("what came back can't be read") from error
    left = [MAX_LEAVES]
    return _decode(tree, tensors, 0, left)


def _decode(node: Any, tensors: dict[str, Tensor], depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if depth > MAX_DEPTH or left[0] < 0:
        raise NotPlainData("what came back is too deep or too large")
    if node is None or type(node) in (bool, str, int, float):
        return node
    if not isinstance(node, dict) or len(node) != 1:
        raise NotPlainData("what came back is malformed")
    (kind, body), = node.items()
    if kind in ("$list", "$tuple") and isinstance(body, list):
        items = [_decode(item, tensors, depth + 1, left) for item in body]
        return items if kind == "$list" else tuple(items)
    if kind == "$map" and isinstance(body, list):
        return dict(_pair(pair, tensors, depth, left) for pair in body)
    if not isinstance(body, str):
        raise NotPlainData("what came back is malformed")
    if kind == "$tensor" and body in tensors:
        return tensors[body]
    if kind == "$float" and body in ("nan", "inf", "-inf"):
        return float(body)
    if kind == "$int" and body.lstrip("-").isdigit():
        return int(body[:400])
    if kind == "$other":
        return Other(body[:200])
    raise NotPlainData("what came back is malformed")


def _pair(pair: Any, tensors: dict[str, Tensor], depth: int, left: list[int]) -> tuple[str, Any]:
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise NotPlainData("what came back is malformed")
    return pair[0], _decode(pair[1], tensors, depth + 1, left)
