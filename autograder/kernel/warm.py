"""The warm process: torch and ipykernel imported once, one isolated kernel forked for each submission.

It reads one JSON command a line from standard input and writes one JSON event a line to standard output:

    {"op": "fork", "id", "connection", "limits"}   -> {"event": "ready", "id", "pid"} or {"event": "exit", ...}
    {"op": "signal", "id", "signal"}               -> nothing; a kernel's end is {"event": "exit", "id", "status"}

It never holds a secret: no seed, no reference, no submission but the ones that its kernels are sent.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import selectors
import shutil
import signal
from typing import Any

from autograder.kernel import isolate
from autograder.kernel.refuse import refuse_system_calls


def preload() -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Import what lessons import. Nothing here may start a thread: a fork would lose it."""
    import matplotlib

    matplotlib.use("module://matplotlib_inline.backend_inline")
    import ipykernel.debugger
    import ipykernel.ipkernel
    import ipykernel.kernelapp
    import IPython.core.completerlib
    import IPython.core.debugger
    import IPython.extensions.storemagic
    import jaxtyping
    import matplotlib.pyplot as plt
    import torch
    import tornado.locks
    import tornado.platform.asyncio
    import tqdm

    import autograder.checking
    import autograder.exercise
    import autograder.kernel.inside
    from autograder.d2l import load

    torch.set_num_threads(1)
    torch.ones(2, 2) @ torch.ones(2, 2)
    autograder.exercise.exercises()
    with contextlib.suppress(ImportError):
        load()
    figure = plt.figure()
    figure.add_subplot().plot([0, 1])
    figure.canvas.draw()
    plt.close(figure)
    del IPython, ipykernel, jaxtyping, tornado, tqdm


class Warm:
    """Forks kernels on command and tells when they end."""

    def __init__(self, events: int, sockets: str, sandboxed: bool, commands: int = 0) -> None:
        self.commands, self.events, self.sockets, self.sandboxed = commands, events, sockets, sandboxed
        self.kernels: dict[str, int] = {}
        self.pipes: dict[int, tuple[str, bytes]] = {}
        self.selector = selectors.DefaultSelector()

    def tell(self, **event: Any) -> None:
        """Write one event."""
        os.write(self.events, json.dumps(event).encode() + b"\n")

    def run(self) -> None:
        """Serve until no command can come any more."""
        self.selector.register(self.commands, selectors.EVENT_READ)
        self.tell(event="warm", threads=_threads())
        pending = b""
        while True:
            for key, _ in self.selector.select():
                if key.fd != self.commands:
                    self.hear(key.fd)
                    continue
                data = os.read(self.commands, 65536)
                if not data:
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self.obey(json.loads(line))

    def obey(self, command: dict[str, Any]) -> None:
        """Carry out one command."""
        if command["op"] == "fork":
            self.fork(command)
        elif command["id"] in self.kernels:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.kernels[command["id"]], command["signal"])

    def fork(self, command: dict[str, Any]) -> None:
        """Start a kernel: a child that isolates itself and, in a sandbox, forks once more."""
        os.makedirs(f"{self.sockets}/{command['id']}", exist_ok=True)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            self.become_kernel(command, writing)
        os.close(writing)
        self.pipes[reading] = (command["id"], b"")
        self.kernels[command["id"]] = child
        self.selector.register(reading, selectors.EVENT_READ)

    def become_kernel(self, command: dict[str, Any], report: int) -> None:  # pragma: no cover  in the sandbox
        """In the child: never returns."""
        status = 70
        try:
            self.selector.close()
            _keep_only(report)
            isolate.die_with_parent()
            if self.sandboxed:
                isolate.new_namespaces()
            told, telling = os.pipe()
            kernel = os.fork()
            if kernel:
                os.close(telling)
                guard(kernel, told, report, self.sandboxed)
            os.close(told)
            os.close(report)
            report = telling
            isolate.die_with_parent()
            if self.sandboxed:
                isolate.first_to_go()
                isolate.limit(command["limits"])
                isolate.cover(command["id"], command["limits"])
                isolate.drop_privileges()
                refuse_system_calls()
            from autograder.kernel.inside import serve

            home = isolate.HOME if self.sandboxed else f"{self.sockets}/{command['id']}"
            status = serve(command["connection"], report, home)
        except BaseException as error:  # noqa: BLE001  a child must never fall back into the parent's loop
            with contextlib.suppress(OSError):
                os.write(report, json.dumps({"failed": f"{type(error).__name__}: {error}"[:500]}).encode() + b"\n")
        finally:
            os._exit(status)

    def hear(self, pipe: int) -> None:
        """Pass on what a kernel's guardian reports; its end of file is the kernel's end."""
        kernel_id, pending = self.pipes[pipe]
        data = os.read(pipe, 65536)
        *lines, pending = (pending + data).split(b"\n")
        self.pipes[pipe] = (kernel_id, pending)
        for line in lines:
            report = _report(line)
            if "pid" in report:
                self.kernels[kernel_id] = report["pid"]
            elif "ready" in report:
                self.tell(event="ready", id=kernel_id, pid=self.kernels[kernel_id])
            elif "failed" in report:
                self.tell(event="failed", id=kernel_id, reason=report["failed"])
            elif "status" in report:
                self.kernels.pop(kernel_id, None)  # its number may go to another process
                self.tell(event="exit", id=kernel_id, status=report["status"])
        if not data:
            self.bury(pipe, kernel_id)

    def bury(self, pipe: int, kernel_id: str) -> None:
        """Forget a kernel that ended, and reap every child."""
        self.selector.unregister(pipe)
        os.close(pipe)
        del self.pipes[pipe]
        self.kernels.pop(kernel_id, None)
        shutil.rmtree(f"{self.sockets}/{kernel_id}", ignore_errors=True)
        self.tell(event="gone", id=kernel_id)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _report(line: bytes) -> dict[str, Any]:
    """One line of a report; empty for one that is none, so that nothing a kernel could write ends the warm process."""
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def guard(kernel: int, told: int, report: int, sandboxed: bool) -> None:  # pragma: no cover  in the sandbox
    """Tell the kernel's pid; pass on that it is ready, once nothing is left that it could change; tell its end.

    Never returns. The kernel holds no descriptor of the report, and closes its own before any code of a learner's runs.
    """
    os.write(report, json.dumps({"pid": kernel}).encode() + b"\n")
    with os.fdopen(told, "rb") as kernels:
        line = kernels.readline()
    if sandboxed and b"ready" in line:
        isolate.seal_sockets()
    os.write(report, line)
    _, code = os.waitpid(kernel, 0)
    os.write(report, json.dumps({"status": os.waitstatus_to_exitcode(code)}).encode() + b"\n")
    os._exit(0)


def _keep_only(descriptor: int) -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Close every descriptor but one; standard streams become the null device."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 65536 else 65536)


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def main() -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Start: keep standard output for events, become nobody if root, preload, serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sockets", default=isolate.SOCKETS)
    parser.add_argument("--unsafe", action="store_true")
    options = parser.parse_args()
    events = os.dup(1)
    os.dup2(2, 1)
    if os.getuid() == 0 and not options.unsafe:
        isolate.become_nobody()
    if not options.unsafe:
        isolate.die_with_parent()  # becoming somebody else undid what bubblewrap had asked for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    Warm(events, options.sockets, not options.unsafe).run()


if __name__ == "__main__":  # pragma: no cover
    main()
