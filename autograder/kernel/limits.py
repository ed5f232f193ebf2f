"""What a submission may use. Beyond a limit its code fails; the grader goes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """Bytes, seconds and counts for one kernel."""

    memory_bytes: int = 2 * 2**30
    """Address space beyond what the kernel holds when it starts."""
    home_bytes: int = 64 * 2**20
    """What it may write to disk (kept in memory), in each of its home and /tmp."""
    files: int = 20_000
    """How many files it may have, in each of its home and /tmp."""
    processes: int = 64
    """Processes and threads at one time."""
    descriptors: int = 256
    cpu_seconds: int = 600
    cell_seconds: float = 20.0
    """For one cell."""
    ask_seconds: float = 10.0
    """For all the cases of one exercise."""
    submission_seconds: float = 180.0
    """For one submission, restarts counted."""
    output_bytes: int = 200_000
    """What is kept of one cell's output."""
    restarts: int = 24

    def as_json(self) -> dict[str, Any]:
        """For the warm process."""
        return asdict(self)
