"""One end of a ZeroMQ connection over a Unix socket, by the protocol's description: https://rfc.zeromq.org/spec/23/.

The library would do, but for one thing: it collects a message of any number of parts before it hands it over, so that a
learner's code could fill the judge's memory. Here nothing is read before it is asked for, and nothing beyond a limit.
Once closed, whatever the reason, an end stays closed: what takes a socket's place is never spoken to.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Sequence

_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_MORE, _LONG, _COMMAND = 1, 2, 4
_MAX_PARTS = 64
_CHUNK = 2**18


def frame(body: bytes, flags: int) -> bytes:
    """One part of a message, or a command."""
    if len(body) < 256:
        return struct.pack(">BB", flags, len(body)) + body
    return struct.pack(">BQ", flags | _LONG, len(body)) + body


class Channel:
    """A DEALER or SUB socket, connected to one path. Messages of more than `max_bytes` end it."""

    def __init__(self, path: str, kind: str, max_bytes: int, seconds: float = 5.0) -> None:
        self.max_bytes, self.closed = max_bytes, False
        self._commands = 0
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(seconds)
        try:
            self._socket.connect(path)
            ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind.encode()
            self._socket.sendall(_GREETING + frame(ready, _COMMAND))
            self._read_exactly(len(_GREETING))
            if kind == "SUB":
                self._socket.sendall(frame(b"\x01", 0))
            self._socket.setblocking(False)
        except OSError:
            self.close()

    def _read_exactly(self, count: int) -> None:
        left = count
        while left:
            data = self._socket.recv(left)
            if not data:
                raise ConnectionResetError
            left -= len(data)

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Let go of it. A second call does nothing."""
        self.closed = True
        self._socket.close()
        self._buffer.clear()
        self._parts.clear()

    def send(self, parts: Sequence[bytes], seconds: float) -> bool:
        """Send a message; False, and closed, where the other side does not take it in time."""
        if self.closed:
            return False
        *first, last = parts
        data = b"".join([*(frame(part, _MORE) for part in first), frame(last, 0)])
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(data)
            self._socket.setblocking(False)
        except OSError:
            self.close()
        return not self.closed

    def receive(self) -> list[bytes] | None:
        """The next message, if it is there; without waiting."""
        while not self.closed:
            message = self._next()
            if message is not None:
                return message
            if self.closed or not self._read_more():
                return None
        return None

    def _read_more(self) -> bool:
        data = b""
        with contextlib.suppress(BlockingIOError):
            try:
                data = self._socket.recv(_CHUNK)
            except ConnectionError:
                self.close()
                return False
            if not data:
                self.close()
        self._buffer += data
        return bool(data)

    def _next(self) -> list[bytes] | None:
        """Take frames off the buffer until a message is whole, or the buffer holds no whole frame."""
        while len(self._buffer) >= 2:
            flags = self._buffer[0]
            head = 9 if flags & _LONG else 2
            if len(self._buffer) < head:
                return None
            size = int.from_bytes(self._buffer[1:head], "big")
            if size + sum(map(len, self._parts)) > self.max_bytes or len(self._parts) >= _MAX_PARTS:
                self.close()
                return None
            if len(self._buffer) < head + size:
                return None
            body = bytes(memoryview(self._buffer)[head : head + size])
            del self._buffer[: head + size]
            if flags & _COMMAND:
                self._commands += 1
                if self._commands > 1:  # the first is READY, and this side wants no other
                    self.close()
                    return None
                continue
            self._parts.append(body)
            if not flags & _MORE:
                message, self._parts = self._parts, []
                return message
        return None
