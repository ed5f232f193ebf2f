"""Talk to one kernel: run cells, ask exercises. Whatever it sends is untrusted, bounded and waited for only so long."""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import zmq
from jupyter_client.session import Session

MAX_MESSAGE = 80 * 2**20
_SAFE_TYPES = {"text/plain", "image/png"}
_CUT = "\n[the rest of the output was cut off]\n"


@dataclass(frozen=True)
class Reply:
    """How a request ended: `status` is ok, error, timeout or died; `content` and `blob` are what an ask brought."""

    status: str
    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    blob: bytes = b""


class KernelClient:
    """The judge's end of a kernel's shell and iopub channels."""

    def __init__(self, path: str, key: str, alive: Callable[[], bool]) -> None:
        self.context: Any = zmq.Context.instance()
        self.session = Session(key=key.encode(), signature_scheme="hmac-sha256")
        self.alive = alive
        self.shell = self._connect(zmq.SocketType.DEALER, path, 1)
        self.iopub = self._connect(zmq.SocketType.SUB, path, 2)
        self.poller = zmq.Poller()
        for socket in (self.shell, self.iopub):
            self.poller.register(socket, zmq.PollEvent.POLLIN)

    def _connect(self, kind: int, path: str, port: int) -> Any:
        socket = self.context.socket(kind)
        socket.setsockopt(zmq.SocketOption.LINGER, 0)
        socket.setsockopt(zmq.SocketOption.MAXMSGSIZE, MAX_MESSAGE)
        socket.setsockopt(zmq.SocketOption.RECONNECT_IVL, 5)
        socket.setsockopt(zmq.SocketOption.RCVHWM, 2000)
        if kind == zmq.SocketType.SUB:
            socket.setsockopt(zmq.SocketOption.SUBSCRIBE, b"")
        socket.connect(f"ipc://{path}-{port}")
        return socket

    def close(self) -> None:
        """Let go of the sockets."""
        self.shell.close()
        self.iopub.close()

    def wait_ready(self, seconds: float = 10.0) -> bool:
        """Has the kernel answered, on both channels?"""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sent = self.session.send(self.shell, "kernel_info_request", {})
            if self._collect(sent["header"]["msg_id"], "kernel_info_reply", 0.5, 0)[1]:
                return True
            if not self.alive():
                return False
        return False

    def execute(self, code: str, seconds: float, output_bytes: int) -> Reply:
        """Run one cell."""
        content = {
            "code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False,
            "stop_on_error": False,
        }
        sent = self.session.send(self.shell, "execute_request", content)
        reply, _, outputs = self._collect(sent["header"]["msg_id"], "execute_reply", seconds, output_bytes)
        if reply is None:
            return Reply("timeout" if self.alive() else "died", outputs)
        body = reply["content"]
        if body.get("status") == "ok":
            return Reply("ok", outputs)
        error = clean(f"{body.get('ename', 'Error')}: {body.get('evalue', '')}", 500)
        return Reply("error", outputs, error)

    def ask(self, content: dict[str, Any], blob: bytes, seconds: float) -> Reply:
        """Put one exercise's cases to the learner's answer."""
        content = {**content, "nonce": uuid.uuid4().hex}
        sent = self.session.send(self.shell, "ask_request", content, buffers=[blob])
        reply, _, _ = self._collect(sent["header"]["msg_id"], "ask_reply", seconds, 0)
        if reply is None:
            return Reply("timeout" if self.alive() else "died")
        buffers = reply.get("buffers") or [b""]
        body = reply["content"] if isinstance(reply["content"], dict) else {}
        return Reply("ok", content=body, blob=bytes(buffers[0]))

    def _collect(
        self, request: str, kind: str, seconds: float, output_bytes: int
    ) -> tuple[Any, bool, list[dict[str, Any]]]:
        """The reply to `request`, whether iopub told that it is done, and the outputs on the way."""
        end = time.monotonic() + seconds
        reply: Any = None
        outputs: list[dict[str, Any]] = []
        idle, left = False, [output_bytes]
        while (reply is None or not idle) and (now := time.monotonic()) < end:
            events = dict(self.poller.poll(int(min(250.0, 1000 * (end - now))) + 1))
            if not events and not self.alive():
                break
            if self.iopub in events:
                message = self._receive(self.iopub)
                if message is not None and message["parent_header"].get("msg_id") == request:
                    idle = idle or _is_idle(message)
                    _keep_output(message, outputs, left)
            if self.shell in events:
                message = self._receive(self.shell)
                if message is not None and reply is None and _answers(message, request, kind):
                    reply = message
                    end = min(end, time.monotonic() + 1.0)
        return reply, idle, outputs

    def _receive(self, socket: Any) -> dict[str, Any] | None:
        """One message, or None for one that is forged, malformed or not of the protocol."""
        try:
            parts = socket.recv_multipart(zmq.Flag.NOBLOCK)
            _, parts = self.session.feed_identities(parts)
            message: dict[str, Any] = self.session.deserialize(parts)
        except Exception:  # noqa: BLE001  the kernel may send anything at all
            return None
        fine = isinstance(message.get("parent_header"), dict) and isinstance(message.get("content"), dict)
        return message if fine else None


def clean(text: object, length: int) -> str:
    """A learner's text for a terminal or a report: no control characters, not too long."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in str(text)[:length])


def _answers(message: dict[str, Any], request: str, kind: str) -> bool:
    return bool(message["parent_header"].get("msg_id") == request and message.get("msg_type") == kind)


def _is_idle(message: dict[str, Any]) -> bool:
    return message.get("msg_type") == "status" and message["content"].get("execution_state") == "idle"


def _keep_output(message: dict[str, Any], outputs: list[dict[str, Any]], left: list[int]) -> None:
    """Keep text and pictures, up to a size; scripts and markup never reach the instructor's browser."""
    kind, content = message.get("msg_type"), message["content"]
    found: dict[str, Any] | None = None
    if kind == "stream" and isinstance(content.get("text"), str):
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        found = {"output_type": "stream", "name": name, "text": content["text"]}
    elif kind in ("display_data", "execute_result") and isinstance(content.get("data"), dict):
        data = {t: v for t, v in content["data"].items() if t in _SAFE_TYPES and isinstance(v, str) and _is_safe(t, v)}
        found = {"output_type": "display_data", "data": data, "metadata": {}} if data else None
    elif kind == "error":
        lines = content.get("traceback")
        traceback = [str(line) for line in lines[:50]] if isinstance(lines, list) else []
        names = {k: str(content.get(k, ""))[:2000] for k in ("ename", "evalue")}
        found = {"output_type": "error", **names, "traceback": traceback}
    if found is None:
        return
    size = len(repr(found))
    if size <= left[0]:
        left[0] -= size
        _append(outputs, found)
    elif left[0] > 0:
        left[0] = 0
        _append(outputs, {"output_type": "stream", "name": "stdout", "text": _CUT})


def _append(outputs: list[dict[str, Any]], found: dict[str, Any]) -> None:
    last = outputs[-1] if outputs else None
    if last and found["output_type"] == "stream" == last["output_type"] and found["name"] == last["name"]:
        last["text"] += found["text"]
    else:
        outputs.append(found)


def _is_safe(kind: str, value: str) -> bool:
    if kind != "image/png":
        return True
    try:
        return base64.b64decode(value, validate=False)[:8] == b"\x89PNG\r\n\x1a\n"
    except (binascii.Error, ValueError):
        return False
