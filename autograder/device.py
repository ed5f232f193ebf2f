"""The device of the course: the GPU with most free memory where there is one, else the CPU.

`COURSE_DEVICE` decides where it is set: `cpu`, `cuda`, or `auto` (the default). torch is imported on use only, so that
the kernel can choose before it exists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_QUERY = "uuid,name,memory.free,memory.total"
_ANSWER_SECONDS = 10


@dataclass(frozen=True)
class Gpu:
    """One GPU as its driver describes it; memory in MiB."""

    uuid: str
    name: str
    free: int
    total: int


def gpus() -> list[Gpu]:
    """The GPUs of this machine, most free memory first.

    Asks the driver's own tool, in a process of its own: asking CUDA in this one would make later forks useless.
    """
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return sorted(_read_gpus(answer.stdout), key=lambda gpu: (-gpu.free, gpu.uuid))


def _read_gpus(table: str) -> list[Gpu]:
    """A row whose memory is not a number (a GPU cut into slices, or no permission) is left out."""
    found = []
    for line in table.splitlines():
        row = [field.strip() for field in line.split(",")]
        if len(row) == 4 and row[2].isdigit() and row[3].isdigit():
            found.append(Gpu(row[0], row[1], int(row[2]), int(row[3])))
    return found


def claim_gpu(environ: MutableMapping[str, str]) -> Gpu | None:
    """Let `environ` show CUDA only the GPU with most free memory, before anything has started CUDA.

    A choice that is already there (`CUDA_VISIBLE_DEVICES`, or `COURSE_DEVICE=cpu`) is respected. TF32 is switched off,
    so that a GPU rounds as a CPU does, and torch is told to count GPUs without starting CUDA.
    """
    environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
    environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    if environ.get("COURSE_DEVICE") == "cpu" or "CUDA_VISIBLE_DEVICES" in environ:
        return None
    best = next(iter(gpus()), None)
    if best is not None:
        environ["CUDA_VISIBLE_DEVICES"] = best.uuid
        environ["COURSE_DEVICE"] = "cuda"
    return best


def course_device() -> torch.device:
    """The device to compute on, with TF32 switched off. A GPU that was asked for and isn't there gives the CPU."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if os.environ.get("COURSE_DEVICE") != "cpu" and torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("cpu")


def describe_device() -> str:
    """One sentence on what the course computes on, and why not on a GPU where one might be expected."""
    import torch

    if course_device().type == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory / 2**30
        return f"Computing on the GPU {torch.cuda.get_device_name(0)} ({total:.0f} GiB)."
    wanted = os.environ.get("COURSE_DEVICE", "auto")
    threads = f"{torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"
    cpu = f"Computing on the CPU ({threads})."
    if wanted == "cpu":
        return cpu
    if torch.version.cuda is None and torch.version.hip is None and gpus():
        return f"{cpu} There is a GPU, but this torch was built without CUDA."
    if wanted == "cuda":
        return f"{cpu} COURSE_DEVICE asks for a GPU; torch finds none."
    return cpu
