"""Plain data to bytes and back: the only thing that crosses between judge and sandbox.

A tree of JSON with tensors taken out into one safetensors blob. Never pickle. `unpack` reads bytes that an adversary
may have written: sizes, depth and kinds are checked before anything is used.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from autograder.errors import NotPlainData

MAX_BYTES = 64 * 2**20
"""Of tensors."""
MAX_TEXT = 4 * 2**20
"""Of JSON: parsing it takes up to twenty times as much memory."""
MAX_HEADER = 2**20
"""Of safetensors' header, which names every tensor: some ten thousand of them."""
MAX_DEPTH = 16
MAX_LEAVES = 200_000
_MAX_BITS = 1024
DTYPES = frozenset({
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
})

_INT = re.compile(r"-?[0-9]{1,400}")


def pack(value: Any) -> tuple[str, bytes]:
    """JSON text and safetensors bytes. Raises NotPlainData for anything that is not plain data."""
    packed = _Packed()
    text = json.dumps(packed.encode(value, 0), allow_nan=False)
    return text, save(packed.tensors)


class _Packed:
    """The tensors met so far; one that occurs twice is kept once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.names: dict[int, str] = {}

    def encode(self, value: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise NotPlainData("the value is nested too deeply")
        if isinstance(value, Tensor):
            return self.encode_tensor(value)
        if value is None or type(value) in (bool, str):
            return value
        if type(value) is int:
            return _encode_int(value)
        if type(value) is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        if isinstance(value, Mapping):
            return {"$map": [[_key(k), self.encode(v, depth + 1)] for k, v in value.items()]}
        if type(value) in (list, tuple):
            return {"$" + type(value).__name__: [self.encode(item, depth + 1) for item in value]}
        return {"$other": f"{type(value).__module__}.{type(value).__qualname__}"[:200]}

    def encode_tensor(self, value: Tensor) -> dict[str, str]:
        if id(value) not in self.names:
            try:
                plain = _plain_tensor(value)
            except Exception:  # noqa: BLE001  a subclass of the learner's may raise anything
                plain = None
            if plain is None:
                return {"$other": f"a tensor of {value.dtype}, {value.layout}, on {value.device}"[:200]}
            name = str(len(self.tensors))
            self.tensors[name], self.names[id(value)] = plain, name
        return {"$tensor": self.names[id(value)]}


def _plain_tensor(value: Tensor) -> Tensor | None:
    if value.dtype not in DTYPES or value.layout != torch.strided:
        return None
    copied = value.detach().to("cpu").contiguous().clone()
    return copied if type(copied) is Tensor else copied.as_subclass(Tensor)


def _encode_int(value: int) -> Any:
    if abs(value) < 2**53:
        return value
    return {"$int": str(value)} if value.bit_length() <= _MAX_BITS else {"$other": "an int of very many digits"}


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotPlainData(f"a dictionary key must be a string, got {type(key).__name__}")
    return key


class Other:
    """Stands for a returned object that may not cross; only its type's name did."""

    def __init__(self, name: str) -> None:
        self.name = name


def unpack(text: str | bytes, blob: bytes) -> Any:
    """The value again. Raises NotPlainData for whatever is malformed, too big or too deep."""
    if len(text) > MAX_TEXT or len(blob) > MAX_BYTES:
        raise NotPlainData(f"too many bytes came back: at most {MAX_TEXT} of text and {MAX_BYTES} of tensors are read")
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotPlainData("what came back can't be read") from error
    return _decode(tree, read_tensors(blob), 0, [MAX_LEAVES])


def read_tensors(blob: bytes) -> dict[str, Tensor]:
    """The tensors in bytes that an adversary may have written. Raises NotPlainData saying what is wrong with them."""
    if int.from_bytes(blob[:8], "little") > MAX_HEADER:
        raise NotPlainData("the tensors' names and sizes take too much room, or this is no safetensors file")
    try:
        tensors: dict[str, Tensor] = load(blob)
    except Exception as error:
        raise NotPlainData("the tensors can't be read: they are cut off or no safetensors file") from error
    strange = next((t.dtype for t in tensors.values() if t.dtype not in DTYPES), None)
    if strange is not None:
        raise NotPlainData(f"tensors of {strange} are not taken")
    return tensors


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
    if kind == "$int" and _INT.fullmatch(body):
        return int(body)
    if kind == "$other":
        return Other(body[:200])
    raise NotPlainData("what came back is malformed")


def _pair(pair: Any, tensors: dict[str, Tensor], depth: int, left: list[int]) -> tuple[str, Any]:
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise NotPlainData("what came back is malformed")
    return pair[0], _decode(pair[1], tensors, depth + 1, left)
