"""The judge's end of a kernel's channels, against a peer that sends whatever it likes."""

import base64
import json
import socket
import struct
import threading

import pytest
from jupyter_client.session import Session

from autograder.kernel import client as module
from autograder.kernel.client import KernelClient, _keep_output, clean
from autograder.kernel.refuse import MACHINES, NUMBERS, program
from autograder.kernel.zmtp import _GREETING, Channel, frame

READY = frame(b"\x05READY\x0bSocket-Type\0\0\0\x06ROUTER", 4)


class Peer:
    """A listening socket, and what it received."""

    def __init__(self, path):
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        self.greeting = _GREETING + READY

    def accept(self):
        self.connection, _ = self.server.accept()
        self.connection.sendall(self.greeting)

    def close(self):
        self.connection.close()
        self.server.close()


@pytest.fixture
def connect(tmp_path):
    """A channel, and its peer after the greeting."""
    made = []

    def both(kind="DEALER", max_bytes=1000, greeting=None):
        peer = Peer(tmp_path / str(len(made)))
        peer.greeting = peer.greeting if greeting is None else greeting
        thread = threading.Thread(target=peer.accept)
        thread.start()
        channel = Channel(str(tmp_path / str(len(made))), kind, max_bytes, seconds=0.5)
        thread.join()
        made.append((channel, peer))
        return channel, peer

    yield both
    for channel, peer in made:
        channel.close()
        peer.close()


def test_messages_of_several_parts_arrive_whole_and_in_order(connect):
    channel, peer = connect()
    data = frame(b"a", 1) + frame(b"b" * 300, 0) + frame(b"", 0)
    for byte in data[:-3]:
        peer.connection.sendall(bytes([byte]))
        assert channel.receive() is None
    peer.connection.sendall(data[-3:-2])
    assert channel.receive() == [b"a", b"b" * 300]
    assert channel.receive() is None
    peer.connection.sendall(data[-2:])
    assert channel.receive() == [b""]


def test_what_is_sent_is_framed(connect):
    channel, peer = connect()
    assert channel.send([b"x", b"y" * 300], 1.0)
    received = b""
    expected = frame(b"x", 1) + frame(b"y" * 300, 0)
    while not received.endswith(expected):
        received += peer.connection.recv(4096)
    assert received.startswith(_GREETING)


def test_a_listener_subscribes_to_everything(connect):
    _, peer = connect("SUB")
    received = b""
    while not received.endswith(frame(b"\x01", 0)):
        received += peer.connection.recv(4096)


@pytest.mark.parametrize(
    "data",
    [
        frame(bytes(1001), 0), frame(bytes(600), 1) + frame(bytes(600), 0), struct.pack(">BQ", 2, 2**62),
        frame(b"", 1) * 100, frame(b"PING", 4) * 2, struct.pack(">BQ", 3, 2**63),
    ],
    ids=["large", "large in parts", "announced large", "many parts", "commands", "huge with more"],
)
def test_what_goes_beyond_the_limits_ends_the_channel(connect, data):
    channel, peer = connect()
    peer.connection.sendall(data)
    while not channel.closed:
        assert channel.receive() is None
    assert not channel.send([b"x"], 1.0)


def test_a_channel_whose_peer_is_gone_is_closed_and_stays_so(connect):
    channel, peer = connect()
    peer.close()
    while not channel.closed:
        assert channel.receive() is None
    channel.close()
    assert channel.receive() is None


def test_a_peer_that_does_not_greet_is_let_go(connect):
    assert connect(greeting=b"\xff")[0].closed


def test_a_peer_that_hangs_up_is_let_go(tmp_path):
    peer = Peer(tmp_path / "s")
    thread = threading.Thread(target=lambda: peer.server.accept()[0].close())
    thread.start()
    assert Channel(str(tmp_path / "s"), "SUB", 10, 0.5).closed
    thread.join()
    peer.server.close()
    assert Channel(str(tmp_path / "nowhere"), "SUB", 10, 0.5).closed


def test_a_peer_that_never_reads_does_not_hold_the_judge_up(connect):
    channel, _ = connect()
    assert not channel.send([bytes(2**25)], 0.2)
    assert channel.closed


class Talker:
    """A kernel's end of both channels."""

    def __init__(self, folder):
        self.shell, self.iopub = Peer(folder / "k-1"), Peer(folder / "k-2")
        self.session = Session(key=b"key")
        self.alive = True
        threads = [threading.Thread(target=p.accept) for p in (self.shell, self.iopub)]
        for thread in threads:
            thread.start()
        self.client = KernelClient(str(folder / "k"), "key", lambda: self.alive)
        for thread in threads:
            thread.join()

    def say(self, peer, kind, content, parent, session=None, **more):
        session = session or self.session
        parts = session.serialize({**session.msg(kind, content, parent=parent), **more})
        *first, last = parts
        peer.connection.sendall(b"".join([*(frame(p, 1) for p in first), frame(last, 0)]))


@pytest.fixture
def talker(tmp_path):
    made = Talker(tmp_path)
    yield made
    made.client.close()
    made.shell.close()
    made.iopub.close()


@pytest.fixture
def request_id(monkeypatch):
    """Every request has the same id, so that a test can answer before it is asked."""
    monkeypatch.setattr(Session, "msg_id", "fixed")
    return {"msg_id": "fixed", "msg_type": "x", "date": "2026-01-01T00:00:00Z"}


def test_a_reply_is_taken_only_if_it_is_signed_and_answers_this_request(talker, request_id, monkeypatch):
    stranger = Session(key=b"another key")
    other = {**request_id, "msg_id": "other"}
    talker.say(talker.shell, "ask_reply", {"status": "forged"}, request_id, stranger)
    talker.say(talker.shell, "ask_reply", {"status": "stale"}, other)
    talker.say(talker.shell, "execute_reply", {"status": "another kind"}, request_id)
    talker.shell.connection.sendall(frame(b"no message", 0))
    talker.say(talker.shell, "ask_reply", {"status": "answered"}, request_id)
    reply = talker.client.ask({}, b"", 5.0)
    assert (reply.status, reply.content) == ("ok", {"status": "answered"})


def test_a_reply_too_large_to_parse_is_not_parsed(talker, request_id, monkeypatch):
    monkeypatch.setattr(module, "MAX_OUTPUT", 1000)
    talker.say(talker.shell, "ask_reply", {"status": "answered", "x": [[]] * 1000}, request_id)
    assert talker.client.ask({}, b"", 0.3).status == "timeout"


def test_a_kernel_that_died_is_told_from_one_that_is_slow(talker, request_id):
    assert talker.client.execute("1", 0.1, 1000).status == "timeout"
    talker.alive = False
    assert talker.client.execute("1", 5.0, 1000).status == "died"
    talker.shell.connection.close()
    talker.alive = True
    assert talker.client.execute("1", 5.0, 1000).status == "died"
    assert talker.client.execute("1", 5.0, 1000).status == "died"
    assert talker.client.ask({}, b"", 5.0).status == "died"
    assert not talker.client.wait_ready(1.0)


def test_outputs_are_kept_until_the_cell_is_done_and_an_error_is_named(talker, request_id):
    talker.say(talker.iopub, "stream", {"name": "stdout", "text": "hello "}, request_id)
    talker.say(talker.iopub, "stream", {"name": "stdout", "text": "world"}, request_id)
    talker.say(talker.shell, "execute_reply", {"status": "error", "ename": "E\x1b", "evalue": "v"}, request_id)
    talker.say(talker.iopub, "status", {"execution_state": "idle"}, request_id)
    reply = talker.client.execute("1", 5.0, 1000)
    assert reply.error == "E�: v"
    assert [o["text"] for o in reply.outputs] == ["hello world"]


def test_a_kernel_that_is_not_heard_is_not_waited_for(talker, request_id):
    talker.iopub.connection.close()
    assert not talker.client.wait_heard(1.0)
    talker.say(talker.shell, "execute_reply", {"status": "ok"}, request_id)
    assert talker.client.execute("1", 5.0, 1000).status == "ok"


def test_a_quiet_kernel_is_asked_until_it_is_heard(talker):
    assert not talker.client.wait_heard(0.2)
    talker.say(talker.iopub, "status", {"execution_state": "busy"}, {})
    assert talker.client.wait_heard(1.0)


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


@pytest.mark.parametrize(
    ("kind", "content", "kept"),
    [
        ("stream", {"text": "a", "name": "stderr"}, {"output_type": "stream", "name": "stderr", "text": "a"}),
        ("stream", {"text": "a\ud800", "name": []}, {"output_type": "stream", "name": "stdout", "text": "a?"}),
        ("stream", {"text": 5}, None), ("stream", {}, None), ("display_data", {"data": 5}, None),
        ("display_data", {"data": {"text/html": "<b>", "image/svg+xml": "<svg>", "image/png": "no"}}, None),
        ("execute_result", {"data": {"text/plain": "\ud8001", "image/png": PNG}},
         {"output_type": "display_data", "data": {"text/plain": "?1", "image/png": PNG}, "metadata": {}}),
        ("display_data", {"data": {"image/png": "/"}}, None), ("display_data", {"data": {"image/png": "\ud800"}}, None),
        ("error", {"ename": 5, "traceback": "no list"},
         {"output_type": "error", "ename": "5", "evalue": "", "traceback": []}),
        ("error", {"traceback": [5, "x" * 3]},
         {"output_type": "error", "ename": "", "evalue": "", "traceback": ["5", "xxx"]}),
        ("clear_output", {}, None), (None, {}, None),
    ],
)  # fmt: skip
def test_only_text_and_pictures_are_kept(kind, content, kept):
    outputs = []
    _keep_output({"msg_type": kind, "content": content}, outputs, [10_000])
    assert outputs == ([] if kept is None else [kept])
    json.dumps(outputs, ensure_ascii=False).encode()


def test_text_of_learners_has_no_control_characters():
    assert clean("a\x1b[31m\u202eb\nc\x00\ud800", 100) == "a�[31m�b\nc��"
    assert clean(["x"], 3) == "['x"


@pytest.mark.parametrize("name", MACHINES)
def test_the_filter_of_system_calls_refuses_what_it_names_and_allows_the_rest(name):
    machine = MACHINES[name]
    refused = {numbers[machine.column] for numbers in NUMBERS.values()}
    for number in range(500):
        result = run(program(machine), machine.audit, number)
        expected = 0x50026 if number == 435 else 0x50001 if number in refused else 0x7FFF0000
        assert result == expected, number
    assert run(program(machine), machine.audit, machine.clone, 0x10000000 | 17) == 0x50001
    assert run(program(machine), machine.audit, machine.clone, 0x3D0F00) == 0x7FFF0000
    assert run(program(machine), 0x40000003, 0) == 0x50001
    assert run(program(machine), machine.audit, 0x40000000 + 1) == 0x50001


def run(steps, audit, number, first=0):
    """What the filter returns, by an interpreter of its few operations."""
    data, register, at = {0: number, 4: audit, 16: first}, 0, 0
    while True:
        operation, yes, no, operand = steps[at]
        if operation == 0x06:
            return operand
        if operation == 0x20:
            register = data[operand]
            at += 1
            continue
        taken = {0x15: register == operand, 0x35: register >= operand, 0x45: bool(register & operand)}[operation]
        at += 1 + (yes if taken else no)
