"""Talk to one kernel: run cells, ask exercises. Whatever it sends is untrusted, bounded and waited for only so long."""

from __future__ import annotations

import base64
import binascii
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.session import Session

from autograder.kernel.zmtp import Channel

MAX_REPLY = 72 * 2**20
"""Bytes of one reply."""
MAX_OUTPUT = 8 * 2**20
"""Bytes of one message of output; and of a reply without its tensors."""
_SEND_SECONDS = 2.0
_OUTPUT_SECONDS = 0.5
"""How long to wait, after a cell's reply, for outputs that are still on their way."""
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
        self.session = Session(key=key.encode(), signature_scheme="hmac-sha256")
        self.alive = alive
        self.shell = Channel(f"{path}-1", "DEALER", MAX_REPLY)
        self.iopub = Channel(f"{path}-2", "SUB", MAX_OUTPUT)

    @property
    def closed(self) -> bool:
        """Nothing can be asked any more: this side, or the kernel, closed the channel."""
        return self.shell.closed

    def close(self) -> None:
        """Let go of the sockets."""
        self.shell.close()
        self.iopub.close()

    def wait_heard(self, seconds: float = 10.0) -> bool:
        """Do the kernel's outputs reach us? It welcomes a listener; where it overlooked us, a question wakes it."""
        end = time.monotonic() + seconds
        while not self.iopub.closed and time.monotonic() < end:
            if self.iopub.receive() is not None:
                return True
            self.shell.receive()
            if not self._wait(min(end, time.monotonic() + 0.05)):
                self._send("kernel_info_request", {})
        return False

    def wait_ready(self, seconds: float) -> bool:
        """Does the kernel answer?"""
        sent = self._send("kernel_info_request", {})
        return sent is not None and self._collect(sent, "kernel_info_reply", seconds, None)[0] is not None

    def _send(self, kind: str, content: dict[str, Any], blob: bytes | None = None) -> str | None:
        """Send a request; its id, or None where the kernel takes none any more."""
        message = self.session.msg(kind, content)
        parts = self.session.serialize(message)
        if not self.shell.send(parts if blob is None else [*parts, blob], _SEND_SECONDS):
            return None
        identity: str = message["header"]["msg_id"]
        return identity

    def execute(self, code: str, seconds: float, output_bytes: int) -> Reply:
        """Run one cell."""
        content = {
            "code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False,
            "stop_on_error": False,
        }
        sent = self._send("execute_request", content)
        if sent is None:
            return Reply("died")
        reply, outputs = self._collect(sent, "execute_reply", seconds, output_bytes)
        if reply is None:
            return Reply(self._why_silent(), outputs)
        body = reply["content"]
        if body.get("status") == "ok":
            return Reply("ok", outputs)
        error = clean(f"{body.get('ename', 'Error')}: {body.get('evalue', '')}", 500)
        return Reply("error", outputs, error)

    def ask(self, content: dict[str, Any], blob: bytes, seconds: float) -> Reply:
        """Put one exercise's cases to the learner's answer."""
        sent = self._send("ask_request", content, blob)
        reply = None if sent is None else self._collect(sent, "ask_reply", seconds, None)[0]
        if reply is None:
            return Reply(self._why_silent())
        buffers = reply.get("buffers") or [b""]
        return Reply("ok", content=reply["content"], blob=bytes(buffers[0]))

    def _why_silent(self) -> str:
        return "timeout" if self.alive() and not self.closed else "died"

    def _collect(
        self, request: str, kind: str, seconds: float, output_bytes: int | None
    ) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        """The reply to `request`, if it comes, and the outputs on the way (None: they are not wanted)."""
        end = time.monotonic() + seconds
        reply: dict[str, Any] | None = None
        outputs: list[dict[str, Any]] = []
        idle, left = output_bytes is None, [output_bytes or 0]
        while (reply is None or not (idle or self.iopub.closed)) and not self.closed and time.monotonic() < end:
            told, answered = self.iopub.receive(), self.shell.receive()
            if told is None and answered is None and not self._wait(end) and not self.alive():
                break
            if told is not None and not (idle and reply is not None):
                message = self._read(told)
                if message is not None and message["parent_header"].get("msg_id") == request:
                    idle = idle or _is_idle(message)
                    _keep_output(message, outputs, left)
            if answered is not None:
                message = self._read(answered)
                if message is not None and reply is None and _answers(message, request, kind):
                    reply = message
                    end = min(end, time.monotonic() + _OUTPUT_SECONDS)
        return reply, outputs

    def _wait(self, end: float) -> bool:
        """Wait until something can be read, a quarter of a second at most; False where nothing can."""
        channels = [channel for channel in (self.shell, self.iopub) if not channel.closed]
        seconds = max(0.0, min(0.25, end - time.monotonic()))
        return bool(select.select(channels, [], [], seconds)[0]) if channels else False

    def _read(self, parts: list[bytes]) -> dict[str, Any] | None:
        """A message, or None for one that is forged, malformed, too large to parse or not of the protocol."""
        try:
            _, parts = self.session.feed_identities(parts)
            if sum(map(len, parts[:5])) > MAX_OUTPUT:  # parsing JSON takes many times the memory
                return None
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
        found = {"output_type": "stream", "name": name, "text": _text(content["text"])}
    elif kind in ("display_data", "execute_result") and isinstance(content.get("data"), dict):
        data = {t: _text(v) for t, v in content["data"].items() if t in _SAFE_TYPES and _is_safe(t, v)}
        found = {"output_type": "display_data", "data": data, "metadata": {}} if data else None
    elif kind == "error":
        lines = content.get("traceback")
        traceback = [_text(line) for line in lines[:50]] if isinstance(lines, list) else []
        names = {k: _text(content.get(k, ""))[:2000] for k in ("ename", "evalue")}
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


def _text(value: object) -> str:
    """Text that can be written to a file: a learner can print half a surrogate pair."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _is_safe(kind: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    if kind != "image/png":
        return True
    try:
        return base64.b64decode(value, validate=False)[:8] == b"\x89PNG\r\n\x1a\n"
    except (binascii.Error, ValueError):
        return False
