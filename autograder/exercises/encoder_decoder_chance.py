"""Was each id replaced by its own coin? The form of what came back first, then the coins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

PROBABILITIES = (0.25, 0.7)


def problems_of(asked: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[str]:
    """The first problem with the ids that came back; `outputs` may be anything."""
    gold, predicted, ids = asked["gold"], asked["predicted"], outputs.get("ids")
    if not isinstance(ids, Tensor) or ids.dtype != torch.int64 or ids.shape != gold.shape:
        return ["expected int64 ids in the shape of gold"]
    if not torch.equal(ids[:, 0], gold[:, 0]):
        return ["the first id of a row is not the gold one"]
    if not ((ids == gold) | (ids == predicted)).all():
        return ["an id is neither the gold nor the predicted one of its place"]
    return []
