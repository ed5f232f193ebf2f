"""Files that learners hand in, trained weights above all: read with no trust in what lies there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from torch import Tensor

from autograder.errors import MissingArtifact, NotPlainData, SubmissionError
from autograder.wire import read_tensors

MAX_BYTES = 32 * 2**20


def read_plain_file(path: Path, what: str, max_bytes: int) -> bytes:
    """The bytes of a plain file: no link, no pipe, not too large. Raises SubmissionError saying what it is instead."""
    if path.is_symlink():
        raise SubmissionError(f"{what} is a symbolic link: hand in the file itself")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise MissingArtifact(f"{what} is missing") from error
    except OSError as error:
        raise SubmissionError(f"{what} can't be opened: {error.strerror}") from error
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise SubmissionError(f"{what} is not a plain file")
        if info.st_size > max_bytes:
            size, most = info.st_size / 2**20, max_bytes // 2**20
            raise SubmissionError(f"{what} has {size:.0f} MiB; at most {most} MiB are read")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(max_bytes + 1)
    finally:
        os.close(descriptor)


def read_artifact(folder: Path, name: str) -> dict[str, Tensor]:
    """The tensors of `folder/artifacts/name`. Raises SubmissionError saying what is wrong with the file."""
    what = f"artifacts/{name}"
    if (folder / "artifacts").is_symlink():
        raise SubmissionError("the folder artifacts is a symbolic link: hand in the folder itself")
    try:
        weights = read_tensors(read_plain_file(folder / "artifacts" / name, what, MAX_BYTES))
    except MissingArtifact as error:
        raise MissingArtifact(f"{error}: run the training cell, which saves it beside the notebook") from error
    except NotPlainData as error:
        raise SubmissionError(f"{what} can't be read: {error}; run the training cell again") from error
    if not weights:
        raise SubmissionError(f"{what} holds no tensors: save model.state_dict()")
    return weights
