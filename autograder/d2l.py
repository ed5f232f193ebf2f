"""`d2l.torch`, imported safely beside a torch of another build.

d2l 1.0.3 imports torchvision. torchvision from PyPI beside a CPU-only torch has no compiled operators and fails on
`torchvision::nms`; declaring the two missing schemas first mends the import. Nothing here calls those operators.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import torch

_SCHEMAS = ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
            "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_libraries: list[torch.library.Library] = []


def _declare_missing_operators() -> None:
    for schema in _SCHEMAS:
        name = schema.split("(", 1)[0]
        if not hasattr(torch.ops.torchvision, name):
            library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
            library.define(schema)  # type: ignore[no-untyped-call]
            _libraries.append(library)


def load() -> Any:
    """The module `d2l.torch`. Raises ImportError saying how to install it where it is missing."""
    _declare_missing_operators()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("d2l.torch")
        except ModuleNotFoundError as error:
            raise ImportError(
                f"d2l can't be imported ({error}). Run `make setup`; it installs d2l without its outdated pins."
            ) from error


def __getattr__(name: str) -> Any:
    if name == "d2l":
        return load()
    raise AttributeError(name)
