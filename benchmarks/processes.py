"""Run a command as a whole process and say how long it took and how much memory it and its children held at most."""

from __future__ import annotations

import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

EVERY_SECONDS = 0.5


@dataclass(frozen=True)
class Finished:
    """Wall and CPU seconds, and bytes: the highest sum seen over the process and all that descend from it, if watched.

    CPU seconds are those of the process and of all below it that were waited for, as the system accounts them.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str], watch: bool = False) -> Finished:
    """Run to the end; `watch` its memory, which slows it down. Raises RuntimeError with its last lines if it fails."""
    with tempfile.TemporaryFile() as log:
        began, cpu_before = time.perf_counter(), _cpu_of_children()
        process = subprocess.Popen(command, cwd=cwd, env=dict(env), stdout=log, stderr=subprocess.STDOUT)
        memory = Memory(process.pid) if watch else None
        try:
            status = process.wait()
            seconds = time.perf_counter() - began
        finally:
            if memory is not None:
                memory.stop()
            if process.poll() is None:
                process.terminate()
                process.wait()
        if status != 0:
            log.seek(0)
            tail = log.read().decode("utf-8", "replace")[-3000:]
            raise RuntimeError(f"`{' '.join(command)}` ended with {status}; it said last:\n{tail}")
    return Finished(seconds, _cpu_of_children() - cpu_before, memory.peak if memory else 0)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Memory:
    """Looks at a process tree every half second, in a thread of its own."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._root = psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            try:
                tree = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.peak = max(self.peak, sum(bytes_of(process) for process in tree))
            if self._done.wait(EVERY_SECONDS):
                return


def bytes_of(process: psutil.Process) -> int:
    """Its memory, pages that it shares counted in parts; where that may not be read, all that is resident."""
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    except psutil.AccessDenied:
        try:
            return int(process.memory_info().rss)
        except psutil.Error:
            return 0
    except (psutil.Error, OSError):
        return 0
