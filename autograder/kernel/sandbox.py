"""The sandbox from outside: start the warm process inside bubblewrap, fork kernels in it, end them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from autograder.errors import GradingImpossible, NoSandbox
from autograder.kernel.client import KernelClient, Reply
from autograder.kernel.limits import Limits
from autograder.kernel.visible import bwrap_arguments

HOW_TO_INSTALL = (
    "install bubblewrap: `sudo apt-get install bubblewrap` (Debian, Ubuntu), `sudo dnf install bubblewrap` (Fedora) "
    "or `conda install -c conda-forge bubblewrap`"
)


_SECRET = ("COURSE_SEED",)


def find_bwrap() -> str:
    """The path of bubblewrap. Raises NoSandbox with the command that helps where it is missing."""
    found = shutil.which("bwrap")
    if found is None:
        raise NoSandbox(
            "Bubblewrap is not on this machine, so learners' code can't be run safely: nothing was graded. To go on, "
            f"{HOW_TO_INSTALL}. `--unsafe-no-sandbox` grades without protection and says so in every report."
        )
    return found


class Sandbox:
    """One warm process, sandboxed unless `unsafe`. Use as a context manager; several threads may share it."""

    def __init__(self, limits: Limits | None = None, *, unsafe: bool = False) -> None:
        self.limits, self.unsafe = limits or Limits(), unsafe
        self._ids = itertools.count()
        self._lock = threading.RLock()
        self._pending = b""
        self._seen: list[dict[str, Any]] = []
        self._known: set[str] = set()
        self._root: str | None = None
        self._folder = tempfile.mkdtemp(prefix="course-") if unsafe else ""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        try:
            self._process = self._start()
        except BaseException:
            self._errors.close()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        bwrap = "" if self.unsafe else find_bwrap()
        self._info_read, info_write = os.pipe()
        module = [sys.executable, "-m", "autograder.kernel.warm"]
        environment = {name: value for name, value in os.environ.items() if name not in _SECRET}
        if self.unsafe:
            command = [*module, "--unsafe", "--sockets", self._folder]
            environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "COURSE_BUDGET": "quick"}
        else:
            prefix = bwrap_arguments(bwrap, privileged=os.geteuid() == 0)
            command = [*prefix, "--info-fd", str(info_write), "--", *module]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=environment,
            pass_fds=() if self.unsafe else (info_write,), start_new_session=True,
        )
        os.close(info_write)
        return process

    def wait_warm(self, seconds: float = 120.0) -> None:
        """Wait until kernels can be forked. Raises NoSandbox saying why where the sandbox can't start."""
        with self._lock:
            if self._root is None:
                self._wait_warm(seconds)

    def _wait_warm(self, seconds: float) -> None:
        event = self._next(lambda e: e["event"] == "warm", seconds)
        if event is None:
            why = self._why()
            self.close()
            raise NoSandbox(f"The sandbox did not start: {why}")
        if event["threads"] != 1:
            raise GradingImpossible(f"the warm process started {event['threads']} threads; a fork would lose them")
        if self.unsafe:
            self._root = self._folder
        else:
            info = json.loads(os.read(self._info_read, 65536))
            self._root = f"/proc/{info['child-pid']}/root/s"

    def _why(self) -> str:
        if self._errors.closed:
            return "it was closed"
        self._errors.seek(0)
        text = self._errors.read()[-2000:].decode(errors="replace").strip()
        if "bwrap:" in text or "unshare" in text:
            return (
                f"{text}. User namespaces may be switched off: as root, `sysctl kernel.unprivileged_userns_clone=1` or "
                "`sysctl kernel.apparmor_restrict_unprivileged_userns=0` switches them on."
            )
        return text or "it gave no reason"

    def fork(self) -> Kernel:
        """A fresh kernel. Raises GradingImpossible when the warm process has died."""
        self.wait_warm()
        kernel_id, key = str(next(self._ids)), uuid.uuid4().hex
        inside = f"{self._folder}/{kernel_id}/k" if self.unsafe else "/k/k"
        connection: dict[str, Any] = {"transport": "ipc", "ip": inside, "key": key, "signature_scheme": "hmac-sha256"}
        connection |= {f"{n}_port": i for i, n in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
        with self._lock:
            self._known.add(kernel_id)
        self._tell(op="fork", id=kernel_id, connection=connection, limits=self.limits.as_json())
        event = self._next(lambda e: e.get("id") == kernel_id and e["event"] != "exit", 30.0)
        if event is None or event["event"] != "ready":
            reason = (event or {}).get("reason") or "it did not start in time"
            raise GradingImpossible(f"A kernel could not be started: {reason} {self._why() if event is None else ''}")
        return Kernel(self, kernel_id, f"{self._root}/{kernel_id}/k", key)

    def ended(self, kernel_id: str) -> bool:
        """Has that kernel ended?"""
        with self._lock:
            while self._read_event():
                pass
            return self._process.poll() is not None or any(
                e["event"] in ("exit", "gone") and e.get("id") == kernel_id for e in self._seen
            )

    def signal(self, kernel_id: str, number: int) -> None:
        """Send a signal to a kernel."""
        with contextlib.suppress(OSError, GradingImpossible):
            self._tell(op="signal", id=kernel_id, signal=number)

    def forget(self, kernel_id: str) -> None:
        """Drop the events of a kernel that is over."""
        with self._lock:
            self._known.discard(kernel_id)
            self._seen = [e for e in self._seen if e.get("id") != kernel_id]

    def _tell(self, **command: Any) -> None:
        assert self._process.stdin is not None
        if self._process.poll() is not None:
            raise GradingImpossible(f"the warm process has ended: {self._why()}")
        try:
            with self._lock:
                self._process.stdin.write(json.dumps(command).encode() + b"\n")
                self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise GradingImpossible(f"the warm process has died: {self._why()}") from error

    def _next(self, wanted: Any, seconds: float) -> dict[str, Any] | None:
        end = time.monotonic() + seconds
        while True:
            with self._lock:
                over = self._is_over()
                while self._read_event():
                    pass
                for event in self._seen:
                    if wanted(event):
                        self._seen.remove(event)
                        return event
            left = end - time.monotonic()
            if left <= 0 or over:
                return None
            # In short turns and without the lock: whichever thread wakes first reads for all.
            self._wait_event(min(left, 0.02))

    def _is_over(self) -> bool:
        return self._process.poll() is not None or self._errors.closed

    def _wait_event(self, seconds: float) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            select.select([self._process.stdout.fileno()], [], [], seconds)

    def _read_event(self) -> bool:
        """Read what the warm process has told; False when there is nothing, or it has ended."""
        assert self._process.stdout is not None
        if self._process.stdout.closed:
            return False
        descriptor = self._process.stdout.fileno()
        if not select.select([descriptor], [], [], 0)[0]:
            return False
        data = os.read(descriptor, 65536)
        *lines, self._pending = (self._pending + data).split(b"\n")
        events = (json.loads(line) for line in lines)
        self._seen += [e for e in events if "id" not in e or e["id"] in self._known]
        return bool(data)

    def close(self) -> None:
        """End the warm process and every kernel in it. A second call does nothing."""
        with self._lock:
            if not self._errors.closed:
                self._close()

    def _close(self) -> None:
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        # Bubblewrap takes everything inside with it; but while it still sets up, its child does not yet die with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with contextlib.suppress(OSError):
            os.close(self._info_read)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._errors.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Kernel:
    """One kernel: run cells, ask exercises, end it."""

    def __init__(self, sandbox: Sandbox, kernel_id: str, path: str, key: str) -> None:
        self.sandbox, self.id, self.path, self.key = sandbox, kernel_id, path, key
        self.client = KernelClient(path, key, lambda: not sandbox.ended(kernel_id))
        if not self.client.wait_heard():
            self.close()
            raise GradingImpossible("a kernel started and did not answer")

    def execute(self, code: str, seconds: float | None = None) -> Reply:
        """Run one cell within its time; one that overruns is interrupted, then killed."""
        limits = self.sandbox.limits
        reply = self.client.execute(code, seconds or limits.cell_seconds, limits.output_bytes)
        return self._stop_if_late(reply)

    def ask(self, content: dict[str, Any], blob: bytes, seconds: float | None = None) -> Reply:
        """Put an exercise's cases to the answer within its time."""
        return self._stop_if_late(self.client.ask(content, blob, seconds or self.sandbox.limits.ask_seconds))

    def _stop_if_late(self, reply: Reply) -> Reply:
        """After a timeout the kernel must answer again at once, or it is ended."""
        if reply.status == "timeout":
            self.sandbox.signal(self.id, signal.SIGINT)
            if not self.client.wait_ready(2.0):
                self.close()
        return reply

    @property
    def alive(self) -> bool:
        """Can it still be used?"""
        return not self.client.closed and not self.sandbox.ended(self.id)

    def close(self) -> None:
        """Kill it."""
        self.client.close()
        self.sandbox.signal(self.id, signal.SIGKILL)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def socket_folder(kernel: Kernel) -> Path:
    """Where a kernel's sockets lie, seen from outside."""
    return Path(kernel.path).parent
