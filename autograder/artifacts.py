"""Trained weights on disk: read what a learner saved, trusting nothing about the file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from autograder.errors import MissingArtifact, SubmissionError

MAX_BYTES = 32 * 2**20


def read_artifact(folder: Path, name: str) -> dict[str, Tensor]:
    """The tensors of `folder/artifacts/name`. Raises SubmissionError saying what is wrong with the file."""
    path = folder / "artifacts" / name
    if (folder / "artifacts").is_symlink() or path.is_symlink():
        raise SubmissionError(f"artifacts/{name} is a symbolic link: hand in the file itself")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise MissingArtifact(
            f"artifacts/{name} is missing: run the training cell, which saves it beside the notebook"
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise SubmissionError(f"artifacts/{name} is not a plain file")
        if info.st_size > MAX_BYTES:
            raise SubmissionError(
                f"artifacts/{name} is {info.st_size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} MiB are read"
            )
        data = file.read(MAX_BYTES + 1)
    try:
        weights: dict[str, Tensor] = load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise SubmissionError(
            f"artifacts/{name} can't be read ({str(error)[:120]}): it is cut off or no safetensors file; "
            "run the training cell again"
        ) from error
    if not weights:
        raise SubmissionError(f"artifacts/{name} holds no tensors: save model.state_dict()")
    return weights
