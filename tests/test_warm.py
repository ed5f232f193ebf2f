"""The warm process and the kernel's own handler, in parts that run anywhere; what they do inside is in test_sandbox."""

import asyncio
import json
import os
import signal
from types import SimpleNamespace

import pytest
import torch

from autograder.judge.expect import expectation
from autograder.kernel import inside, isolate, warm
from autograder.kernel.inside import CourseKernel, answer_cases
from autograder.kernel.warm import Warm
from autograder.reference import rnn
from autograder.wire import unpack


class Pipes:
    """Pipes of which every end is closed once."""

    def __init__(self):
        self.open = set()

    def __call__(self):
        pair = os.pipe()
        self.open |= set(pair)
        return pair

    def close(self, descriptor):
        self.open.remove(descriptor)
        os.close(descriptor)


@pytest.fixture
def pipes():
    made = Pipes()
    yield made
    for descriptor in tuple(made.open):
        made.close(descriptor)


@pytest.fixture
def warmed(tmp_path, pipes):
    """A warm process that forks nothing, and how to read what it tells."""
    reading, writing = pipes()
    commands, tell = pipes()
    made = Warm(writing, str(tmp_path), sandboxed=False, commands=commands)
    made.tell_it = lambda line: os.write(tell, line)
    made.stop = lambda: pipes.close(tell)

    def told():
        os.set_blocking(reading, False)
        try:
            return [json.loads(line) for line in os.read(reading, 65536).splitlines()]
        except BlockingIOError:
            return []

    made.told = told
    yield made
    made.selector.close()
    for descriptor in made.pipes:
        os.close(descriptor)


FORK = b'{"op": "fork", "id": "7", "connection": {}, "limits": {}}\n'


def forked(warmed, monkeypatch, pipes):
    """Let it believe that it forked kernel 7; the end into which the kernel's guardian would write."""
    pair = pipes()
    monkeypatch.setattr(warm.os, "fork", lambda: 4_000_000)
    monkeypatch.setattr(warm.os, "pipe", lambda: (os.dup(pair[0]), os.dup(pair[1])))
    warmed.fork(json.loads(FORK))
    pipes.close(pair[0])
    return pair[1]


def test_it_tells_what_a_kernels_guardian_reports(warmed, monkeypatch, pipes):
    report = forked(warmed, monkeypatch, pipes)
    pipe, = warmed.pipes
    os.write(report, b'{"pid": 4000001}\n{"ready": true}\n{"fail')
    warmed.hear(pipe)
    assert warmed.told() == [{"event": "ready", "id": "7", "pid": 4_000_001}]
    os.write(report, b'ed": "why"}\n{"status": -9}\n')
    warmed.hear(pipe)
    failed, over = warmed.told()
    assert failed == {"event": "failed", "id": "7", "reason": "why"}
    assert over == {"event": "exit", "id": "7", "status": -9}
    pipes.close(report)
    warmed.hear(pipe)
    assert warmed.told() == [{"event": "gone", "id": "7"}]
    assert not warmed.pipes
    assert not warmed.kernels
    assert not os.listdir(warmed.sockets)


@pytest.mark.parametrize("line", [b"", b"not json", b"5", b"[]", b"[" * 50_000, b"\xff", b'{"unknown": 1}'])
def test_a_line_that_is_no_report_tells_nothing_and_ends_nothing(warmed, monkeypatch, pipes, line):
    report = forked(warmed, monkeypatch, pipes)
    pipe, = warmed.pipes
    os.write(report, line + b"\n")
    warmed.hear(pipe)
    assert warmed.told() == []


def test_signals_go_to_kernels_that_there_are(warmed, monkeypatch, pipes):
    forked(warmed, monkeypatch, pipes)
    sent = []
    monkeypatch.setattr(warm.os, "kill", lambda *what: sent.append(what))
    warmed.obey({"op": "signal", "id": "7", "signal": signal.SIGINT})
    warmed.obey({"op": "signal", "id": "8", "signal": signal.SIGINT})
    assert sent == [(4_000_000, signal.SIGINT)]


def test_it_serves_until_no_command_can_come(warmed, monkeypatch, pipes):
    commands = []
    monkeypatch.setattr(warmed, "obey", commands.append)
    report = forked(warmed, monkeypatch, pipes)
    os.write(report, b'{"status": 0}\n')
    pipes.close(report)
    warmed.tell_it(FORK[:10])
    warmed.tell_it(FORK[10:] + FORK)
    warmed.stop()
    warmed.run()
    events = [e["event"] for e in warmed.told()]
    assert events[0] == "warm"
    assert len(commands) == 2


def test_threads_are_counted():
    assert warm._threads() >= 1


# The kernel's own handler


def asked(exercise_id, namespace):
    found = expectation(exercise_id)
    text, blob = found.packed
    return answer_cases({"exercise": exercise_id, "cases": text}, blob, namespace)


def test_an_answer_is_found_in_the_namespace_and_asked_every_case():
    content, blob = asked("rnn_step", {"rnn_step": rnn.rnn_step})
    responses = unpack(content["responses"], blob)
    assert content["status"] == "answered"
    assert len(responses) == len(expectation("rnn_step").cases)
    assert all(set(r) == {"outputs", "gradients", "changed"} for r in responses)


def test_an_answer_that_is_not_there_is_missing():
    assert asked("rnn_step", {}) == ({"status": "missing"}, b"")


def test_failures_and_forms_that_can_not_cross_are_told():
    content, blob = asked("rnn_step", {"rnn_step": lambda *a: {5: 6}})
    assert {r["kind"] for r in unpack(content["responses"], blob)} == {"form"}
    content, blob = asked("rnn_step", {"rnn_step": lambda *a: 1 / 0})
    assert {r["kind"] for r in unpack(content["responses"], blob)} == {"error"}


def test_memory_is_filled_once():
    calls = []

    def bomb(*given):
        calls.append(1)
        raise MemoryError

    content, blob = asked("rnn_step", {"rnn_step": bomb})
    assert {r["kind"] for r in unpack(content["responses"], blob)} == {"memory"}
    assert len(calls) == 1


class Interrupted(dict):
    def __contains__(self, key):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("parent", "namespace", "status"),
    [
        ({"content": {"exercise": "rnn_step"}, "buffers": []}, {}, "failed"),
        ({"content": {"exercise": "no\ud800such"}, "buffers": [b""]}, {}, "failed"),
        ({"content": {"exercise": "rnn_step"}, "buffers": [b""]}, {}, "missing"),
        ({"content": {"exercise": "rnn_step"}, "buffers": [b""]}, Interrupted(), "interrupted"),
    ],
)
def test_every_ask_gets_a_reply(parent, namespace, status):
    sent = []
    session = SimpleNamespace(send=lambda *given, **more: sent.append((given, more)))
    kernel = SimpleNamespace(shell=SimpleNamespace(user_ns=namespace), session=session)
    asyncio.run(CourseKernel.ask_request(kernel, "stream", "ident", parent))
    ((_, kind, content, _), _), = sent
    assert (kind, content["status"]) == ("ask_reply", status)
    json.dumps(content, ensure_ascii=False).encode()


# What isolates a kernel


def test_a_failed_system_call_is_named():
    with pytest.raises(OSError, match="mount"):
        isolate._check(-1, "mount /tmp")
    isolate._check(0, "nothing")


def test_only_folders_below_a_covered_place_are_kept(monkeypatch):
    monkeypatch.setenv("COURSE_KEEP", os.pathsep.join(["/tmp/checkout", "/opt/python", "/tmpfs"]))
    assert isolate._needed_below("/tmp") == ["/tmp/checkout"]


def test_the_kernel_and_the_notebook_ask_alike():
    """The same answer, asked through the wire and directly, gives the same outputs."""
    found = expectation("rnn_forward")
    content, blob = asked("rnn_forward", {"rnn_forward": rnn.rnn_forward})
    through = [r["outputs"] for r in unpack(content["responses"], blob)]
    for one, other in zip(through, found.ask(rnn.rnn_forward), strict=True):
        assert all(torch.equal(one[k], other.outputs[k]) for k in one)
    assert inside.get("rnn_forward").id == "rnn_forward"
