"""Inside a forked kernel: ipykernel over `ipc`, with one message type of its own, `ask_request`.

An ask names an exercise and brings the inputs of its cases; the reply brings what the learner's answer made of them.
Everything in the reply is untrusted: the learner's code owns this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

from autograder.drive import Failure, Response, perform
from autograder.errors import NotPlainData
from autograder.exercise import get
from autograder.wire import pack, unpack


class CourseKernel(IPythonKernel):  # type: ignore[misc]
    """An IPython kernel that can also be asked exercises."""

    def __init__(self, **kwargs: Any) -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
        super().__init__(**kwargs)
        self.shell_handlers["ask_request"] = self.ask_request

    async def ask_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Drive the learner's answer through every case and send back the responses."""
        try:
            blob = bytes(parent["buffers"][0])
            answer = answer_cases(parent["content"], blob, self.shell.user_ns)
        except KeyboardInterrupt:
            answer = {"status": "interrupted"}, b""
        except Exception as error:  # noqa: BLE001  the reply must be sent whatever the learner's code did
            answer = {"status": "failed", "reason": _printable(f"{type(error).__name__}: {error}")}, b""
        content, data = answer
        self.session.send(stream, "ask_reply", content, parent, ident=ident, buffers=[data])


def _printable(text: str) -> str:
    """Text that can be sent: a learner's exception may hold half a surrogate pair."""
    return text[:500].encode("utf-8", "replace").decode("utf-8")


def answer_cases(content: dict[str, Any], blob: bytes, namespace: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The responses of the learner's answer to the cases in `content`, packed."""
    exercise = get(content["exercise"])
    try:
        answer = exercise.answer_in(namespace)
    except KeyError:
        return {"status": "missing"}, b""
    cases = unpack(content["cases"], blob)
    responses: list[dict[str, Any]] = []
    for case in cases:
        # Filling the memory takes a second each time, and an answer that does so once does so again.
        full = bool(responses) and responses[-1].get("kind") == "memory"
        responses.append(responses[-1] if full else _packable(perform(exercise, answer, **case)))
    text, data = pack(responses)
    return {"status": "answered", "responses": text}, data


def _packable(response: Response) -> dict[str, Any]:
    failure = response.failure
    if failure is None:
        try:
            pack([response.outputs, response.gradients])
        except NotPlainData as error:
            failure = Failure("form", str(error))
    if failure is not None:
        return {"kind": failure.kind, "message": failure.message, "where": failure.where}
    return {"outputs": response.outputs, "gradients": response.gradients, "changed": list(response.changed)}


def _show_figures(shell: Any) -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Figures become pictures at a cell's end; matplotlib arranged nothing, as it was imported before this shell."""
    with contextlib.suppress(ImportError):
        from matplotlib_inline.backend_inline import configure_inline_support

        configure_inline_support(shell, "module://matplotlib_inline.backend_inline")  # type: ignore[no-untyped-call]


def serve(connection: dict[str, Any], report: int, home: str) -> int:  # pragma: no cover  in the sandbox
    """Run the kernel until it is told to stop or killed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(home)
    os.environ.pop("JPY_PARENT_PID", None)
    sys.argv = ["kernel"]
    path = os.path.abspath(".kernel.json")
    with open(path, "w") as file:
        json.dump(connection, file)
    app = IPKernelApp.instance(kernel_class=CourseKernel)
    app.connection_file = path
    app.capture_fd_output = False
    app.config.HistoryManager.enabled = False
    app.config.HistoryManager.hist_file = ":memory:"
    app.config.InteractiveShell.colors = "nocolor"
    app.initialize([])
    _show_figures(app.shell)
    os.remove(path)
    os.write(report, b'{"ready": true}\n')
    os.close(report)
    app.start()
    return 0
