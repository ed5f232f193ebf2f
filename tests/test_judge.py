"""The judge: every status, every way to cheat or to break, and that one exercise's end is never another's."""

import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from autograder.drive import Failure, Response
from autograder.errors import GradingImpossible, NoSandbox, NotPlainData
from autograder.exercise import get
from autograder.judge import grade as grading
from autograder.judge.expect import Expectation, expectation, judge_answer
from autograder.judge.grade import Grader, Settings, grade_all, secret_seed
from autograder.judge.report import Report, as_json
from autograder.judge.run import read_responses
from autograder.judge.table import Progress, reasons, table
from autograder.kernel.client import Reply
from autograder.reference import rnn
from autograder.verdict import STATUSES
from autograder.wire import pack
from tests.judging import (
    LESSON,
    LIMITS,
    NEEDS_BWRAP,
    SEED,
    UNTRAINED,
    code,
    expected_statuses,
    hand_in,
    place_of,
    sentiment_weights,
    source_of_answer,
    statuses,
    verdict,
)

pytest_plugins = ["tests.judging"]


def sandboxed(test):
    for mark in NEEDS_BWRAP:
        test = mark(test)
    return test


def with_extra(notebook, before, source):
    notebook["cells"].insert(place_of(notebook, before), code(source))
    return notebook


WRONG = "def rnn_step(x_t, h_prev, W_xh, W_hh, b_h):\n    return torch.sigmoid(x_t @ W_xh + h_prev @ W_hh + b_h)"
PARTIAL = source_of_answer("rnn_step").replace("return torch", "return 1.0 if len(x_t) == 1 else torch")


@sandboxed
@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("", "missing", "`rnn_step` is not defined"), ("# later", "missing", "`rnn_step` is not defined"),
        ("def rnn_step(*a):\n    raise NotImplementedError", "missing", "`rnn_step` is not written yet"),
        ("raise NotImplementedError", "missing", "`rnn_step` is not written yet"),
        (WRONG, "wrong", "one step: `h_t` has wrong values"),
        (PARTIAL, "partial", "a batch of one: `h_t` has the wrong type"),
        ("def rnn_step(*a):\n    return a[99]", "error", "one step: it raised IndexError\nline 2: return a[99]"),
        ("rnn_step = 5", "error", "one step: it raised TypeError"), ("def rnn_step(:", "error", "raised SyntaxError"),
        ("1 / 0", "error", "the answer cell `rnn_step` raised ZeroDivisionError"),
        ("def rnn_step(*a):\n    while True: pass", "timeout", "no answer within 8 s"),
        ("while True: pass", "timeout", "the answer cell `rnn_step` did not end within 3 s"),
        ("def rnn_step(*a):\n    return torch.zeros(2**40)", "memory", "it ran out of memory"),
        ("x = bytearray(2**40)", "memory", "ran out of memory"),
        ("import os\ndef rnn_step(*a):\n    os._exit(0)", "crashed", "the answer ended the kernel"),
        ("import os\nos.kill(os.getpid(), 9)\nimport ctypes\nctypes.string_at(0)", "crashed", "ended the kernel"),
        ("def rnn_step(*a):\n    raise SystemExit", "error", "it raised SystemExit"),
        ("def rnn_step(*a):\n    return {1: 2}", "wrong", "a dictionary key must be a string"),
    ],
)  # fmt: skip
def test_every_way_to_fail_has_its_status_and_costs_no_other_exercise(course, grade, source, status, message):
    report = grade(course.answered(rnn_step=source))
    found = verdict(report, "rnn_step")
    assert found.status == status
    assert message in found.message
    assert found.points == (pytest.approx(4 * 10 / 11, abs=0.5) if status == "partial" else 0)
    assert statuses(report) == expected_statuses(rnn_step=status)


def test_the_statuses_tested_here_are_all_there_are():
    tested = {"passed", "partial", "wrong", "error", "timeout", "memory", "crashed", "missing", "malformed"}
    assert set(STATUSES) == tested


@sandboxed
def test_a_loop_a_crash_and_a_memory_bomb_together_cost_three_exercises(course, grade):
    report = grade(
        course.answered(
            rnn_step="while True: pass", rnn_backward="import os\nos._exit(1)",
            generate="def generate(*a):\n    x = []\n    while True: x.append(bytearray(10**7))",
        )
    )
    assert statuses(report) == expected_statuses(rnn_step="timeout", rnn_backward="crashed", generate="memory")


@sandboxed
def test_a_thread_that_ends_the_kernel_later_does_not_cost_the_rest(course, grade):
    later = "import os, threading\nthreading.Timer(0.05, os._exit, [1]).start()\nimport time\ntime.sleep(1)"
    report = grade(with_extra(course.solution, "rnn_forward", later))
    assert statuses(report) == expected_statuses()


@sandboxed
def test_a_learners_own_cell_that_never_ends_is_left_out(course, grade):
    report = grade(with_extra(course.solution, "rnn_forward", "while True: pass"))
    assert statuses(report) == expected_statuses()


@sandboxed
def test_an_answer_counts_as_it_was_when_its_check_came(course, grade):
    report = grade(with_extra(course.solution, "rnn_forward", "rnn_step = None"))
    assert statuses(report) == expected_statuses()


@sandboxed
def test_endless_kernel_deaths_end_with_the_submissions_time_or_restarts(course, grader, tmp_path):
    notebook = course.answered(rnn_step="import os\ndef rnn_step(*a): os._exit(1)")
    for name in UNTRAINED[1:]:
        notebook = course.answered(notebook, **{name: f"def {name}(*a, **b): os._exit(1)"})
    report = grader.grade(hand_in(tmp_path / "ann", notebook))
    assert statuses(report) == expected_statuses(**dict.fromkeys(UNTRAINED, "crashed"))


@sandboxed
def test_the_same_seed_gives_the_same_report_but_for_seconds(course, grader, tmp_path):
    submission = hand_in(tmp_path / "ann", course.answered(rnn_step=WRONG, rnn_forward=""))
    first, second = (as_json([grader.grade(submission)])["submissions"][0] for _ in range(2))
    first.pop("seconds"), second.pop("seconds")
    assert first == second
    assert json.loads(json.dumps(first)) == first


@sandboxed
def test_a_known_mistake_gets_its_hint(course, grade):
    found = verdict(grade(course.answered(rnn_step=WRONG)), "rnn_step")
    assert found.hint == "Which squashing function can also give negative numbers?"


FORGERY = """
import json, os, sys, torch
from IPython.display import display, HTML
kernel = get_ipython().kernel
full = {"status": "answered", "points": 100, "score": 100, "max_score": 100, "passed": True, "responses": "[]"}

async def forged(stream, ident, parent):
    kernel.session.send(stream, "ask_reply", full, parent, ident=ident)

kernel.shell_handlers["ask_request"] = forged
import autograder.checking, autograder.compare, autograder.drive, autograder.exercise, autograder.verdict
autograder.compare.compare = lambda *a, **b: None
autograder.verdict.decide = lambda *a, **b: 100
autograder.drive.perform = lambda *a, **b: autograder.drive.Response({})
autograder.checking.check = lambda *a: 100
torch.Tensor.__eq__ = lambda *a: True
torch.equal = torch.allclose = lambda *a, **b: True
display(HTML("<script>document.title = 'full marks'</script>"))
display({"text/plain": "44.0"}, raw=True)
print("44.0")
44.0
"""


@sandboxed
def test_a_forger_gets_no_more_than_an_unanswered_notebook(course, grade):
    report = grade(with_extra(course.unanswered, "rnn_step", FORGERY))
    assert report.score == 0
    assert set(statuses(report).values()) <= {"malformed", "missing"}
    assert "script" not in repr(report.outputs)


def reply(responses=None, blob=None, **content):
    if responses is not None:
        text, data = pack(responses)
        return Reply("ok", content={"status": "answered", "responses": text, **content}, blob=data)
    return Reply("ok", content=content, blob=blob or b"")


CASE = expectation("rnn_step", SEED).cases[0]
GOOD = {"outputs": {"h_t": torch.zeros(2)}, "gradients": {}, "changed": []}


@pytest.mark.parametrize(
    "forged",
    [
        reply(), reply(status="answered"), reply(status="answered", responses=None), reply(status="failed", reason=5),
        reply(status=["answered"], responses="[]"), reply(status="answered", responses="[]"),
        reply(status="answered", responses="not json"), reply(status="passed", points=4),
        reply([]), reply([GOOD, GOOD]), reply(GOOD), reply([5]), reply([None]), reply([{}]), reply(["answered"]),
        reply([{**GOOD, "outputs": 5}]), reply([{**GOOD, "gradients": []}]), reply([{**GOOD, "changed": None}]),
        reply([{**GOOD, "gradients": {"x_t": 5}}]), reply([{**GOOD, "changed": [{"a": []}]}]),
        reply([{**GOOD, "changed": ["the secret"]}]),
        Reply("ok", content={"status": "answered", "responses": '{"$list": []}'}, blob=b"\xff" * 100),
    ],
)
def test_no_reply_but_a_whole_one_is_taken(forged):
    if forged.content.get("responses") is None:
        forged.content.pop("responses", None)
    with pytest.raises(NotPlainData):
        read_responses(forged, [CASE])


def test_a_whole_reply_is_taken():
    got, = read_responses(reply([{**GOOD, "changed": ["x_t"]}]), [CASE])
    assert got.changed == ("x_t",)
    failed, = read_responses(reply([{"kind": "nonsense", "message": ["\x1b[2J"], "where": None}]), [CASE])
    assert failed.failure == Failure("error", "['\\x1b[2J']", "None")
    failed, = read_responses(reply([{"kind": "error", "message": "a\x1b[2Jb", "where": "x"}]), [CASE])
    assert failed.failure.message == "a�[2Jb"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["outputs", "error", "h_t"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["outputs", "gradients", "changed", "kind", "message", "h_t", "x"]), inner),
    max_leaves=15,
)


@given(anything)
@settings(max_examples=150, deadline=None)
def test_no_answer_makes_the_judge_fail_or_earns_points(value):
    found = expectation("rnn_step", SEED)
    try:
        responses = read_responses(reply([value] * len(found.cases)), found.cases)
    except NotPlainData:
        return
    assert found.decide(responses, hidden=True).points == 0


@given(anything)
@settings(max_examples=12, deadline=None)
@pytest.mark.parametrize("name", ["generate", "sentiment", "char_language_model", "entities", "rnn_backward"])
def test_no_outputs_make_a_check_fail_or_earn_points(name, value):
    found = expectation(name, SEED)
    for outputs in ({"ids": value}, {"logits": value}, {"anything": value}):
        responses = [Response(outputs)] * len(found.cases)
        assert found.decide(responses, hidden=True).points == 0


@pytest.mark.parametrize("logits", [torch.zeros(0), torch.full((800, 2), float("nan")), torch.zeros(800, 2).long()])
def test_hostile_logits_earn_nothing(logits):
    found = expectation("sentiment", SEED)
    assert found.decide([Response({"logits": logits})] * len(found.cases), hidden=True).points == 0


@pytest.mark.parametrize("exercise_id", UNTRAINED)
def test_hidden_messages_hold_no_long_number(exercise_id):
    """Wrong answers of many kinds: nothing with a fraction, and no shape, is told of a hidden case."""
    found = expectation(exercise_id, SEED)
    for one in found.cases:
        for got in (Response({}), Response(dict.fromkeys(_names(found), 0.123456)), Response(changed=("x",))):
            verdict_ = found.decide([got] * len(found.cases), hidden=True)
            for case in verdict_.cases:
                assert not re.search(r"\d\.\d{3}|\(\d+, \d*\)", case.message), (one.name, case.message)


def _names(found):
    return list((found.expected[0].outputs or {"ids": 0}).keys())


@pytest.mark.parametrize("exercise_id", UNTRAINED)
def test_the_reference_is_right_and_the_misconceptions_are_not(exercise_id):
    found = Expectation(get(exercise_id), SEED)
    assert found.decide(found.expected, hidden=True).status == "passed"
    assert judge_answer(exercise_id, getattr(rnn, exercise_id), seed=SEED).status == "passed"


def test_a_reference_that_fails_is_the_authors_to_mend(monkeypatch):
    monkeypatch.setattr(rnn, "rnn_step", lambda *a: 1 / 0)
    with pytest.raises(RuntimeError, match="the reference of rnn_step fails"):
        Expectation(get("rnn_step"), SEED)


HOSTILE = {
    "prints without end": "import threading\ndef f():\n    while True: print('x' * 100)\n"
    "threading.Thread(target=f, daemon=True).start()",
    "prints a lot at once": "print('x' * 10**8)",
    "closes every socket": "import os\nos.closerange(3, 300)",
    "stops its own process": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "removes the ask handler": "get_ipython().kernel.shell_handlers.clear()",
    "replies nonsense": "k = get_ipython().kernel\nasync def f(s, i, p):\n"
    "    k.session.send(s, 'ask_reply', {'status': 'answered', 'responses': '{}'}, p, ident=i)\n"
    "k.shell_handlers['ask_request'] = f",
    "replies a hundred megabytes": "k = get_ipython().kernel\nasync def f(s, i, p):\n"
    "    k.session.send(s, 'ask_reply', {'status': 'answered'}, p, ident=i, buffers=[bytes(10**8)])\n"
    "k.shell_handlers['ask_request'] = f",
    "replies a forest of lists": "k = get_ipython().kernel\nasync def f(s, i, p):\n"
    "    k.session.send(s, 'ask_reply', {'status': 'answered', 'x': [[]] * 3_000_000}, p, ident=i)\n"
    "k.shell_handlers['ask_request'] = f",
    "signs with another key": "get_ipython().kernel.session.key = b'another'",
    "ignores interrupts": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    "never becomes idle": "k = get_ipython().kernel\nk._publish_status = lambda *a, **b: None",
    "changes torch": "import torch\ntorch.Tensor.__add__ = None\ntorch.set_default_dtype(torch.float64)",
}


@sandboxed
@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_cell_ends_in_time_and_the_next_submission_is_graded(course, grader, tmp_path, attack):
    notebook = with_extra(course.unanswered, "check_RNNTagger", HOSTILE[attack])
    began = time.monotonic()
    hostile = grader.grade(hand_in(tmp_path / "mallory", notebook))
    assert time.monotonic() - began < LIMITS.submission_seconds + 20
    assert hostile.score == 0
    simple = course.answered(course.unanswered, rnn_step=source_of_answer("rnn_step"))
    assert verdict(grader.grade(hand_in(tmp_path / "ann", simple)), "rnn_step").status == "passed"


@sandboxed
def test_honest_answers_in_odd_styles_are_right(course, grade):
    report = grade(
        course.answered(
            rnn_step="torch.set_default_dtype(torch.float64)\n" + source_of_answer("rnn_step").replace(
                "return", "print('hello')\n    torch.manual_seed(3)\n    return nn.Parameter(") + ")"
        )
    )
    # nn.Parameter cuts the graph: all but the gradients are right.
    assert verdict(report, "rnn_step").status == "partial"
    lambda_ = "rnn_step = lambda *a: torch.tanh(a[0] @ a[2] + a[1] @ a[3] + a[4]).T.contiguous().T"
    assert statuses(grade(course.answered(rnn_step=lambda_))) == expected_statuses()


@sandboxed
def test_weights_are_judged_by_the_learners_class(course, grade):
    weights = {"sentiment": sentiment_weights()}
    found = verdict(grade(course.solution, weights), "sentiment")
    assert found.status == "wrong"
    assert "held-out accuracy" in found.message
    absent = verdict(grade(course.unanswered, weights), "sentiment")
    assert (absent.status, absent.message) == ("missing", "`RNNClassifier` is not defined: the answer is missing")
    crashed = verdict(grade(course.answered(RNNClassifier="import os\nos._exit(1)"), weights), "sentiment")
    assert (crashed.exercise_id, crashed.status) == ("sentiment", "crashed")


@sandboxed
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "can't be read"), (sentiment_weights()[:1000], "can't be read"), (b"\x80\x04pickled", "can't be read"),
        (bytes(33 * 2**20), "at most 32 MiB"), (b"\x02\0\0\0\0\0\0\0{}", "holds no tensors"),
    ],
    ids=["empty", "cut off", "pickled", "oversized", "no tensors"],
)
def test_a_broken_file_of_weights_is_malformed_with_its_reason(course, grade, data, message):
    found = verdict(grade(course.unanswered, {"sentiment": data}), "sentiment")
    assert found.status == "malformed"
    assert message in found.message


@sandboxed
def test_a_sandbox_that_dies_is_replaced_and_a_submission_that_ends_it_twice_gets_nothing(course, tmp_path):
    with Grader(Settings(seed=SEED, root=course.root, limits=LIMITS)) as grader:
        grader.sandbox.wait_warm()
        grader.sandbox._process.kill()
        grader.sandbox._process.wait()
        simple = course.answered(course.unanswered, rnn_step=source_of_answer("rnn_step"))
        submission = hand_in(tmp_path / "ann", simple)
        assert verdict(grader.grade(submission), "rnn_step").status == "passed"


class DyingRun:
    """A run that ends the sandbox."""

    def __init__(self, rebuilt, sandbox, *_):
        self.sandbox = sandbox

    def verdicts(self):
        raise GradingImpossible("it died")


@sandboxed
def test_who_ends_the_sandbox_twice_has_crashed_and_the_grading_goes_on(course, tmp_path, monkeypatch):
    submission = hand_in(tmp_path / "ann", course.solution)
    with Grader(Settings(seed=SEED, root=course.root, limits=LIMITS)) as grader:
        monkeypatch.setattr(grading, "Run", DyingRun)
        assert set(statuses(grader.grade(submission)).values()) == {"crashed"}
        monkeypatch.undo()
        assert statuses(grader.grade(submission)) == expected_statuses()


@sandboxed
def test_many_are_graded_in_their_order_and_one_that_breaks_the_judge_costs_no_other(course, tmp_path, monkeypatch):
    made = [hand_in(tmp_path / name, course.unanswered) for name in ("ann", "bob", "carl")]
    really = Grader.rebuild

    def rebuild(self, lesson, submitted):
        if submitted.get("metadata", {}).get("breaks"):
            raise RuntimeError("a fault in the judge")
        return really(self, lesson, submitted)

    monkeypatch.setattr(Grader, "rebuild", rebuild)
    hand_in(tmp_path / "bob", {**course.unanswered, "metadata": {"breaks": True}})
    heard = []
    settings_ = Settings(seed=SEED, root=course.root, limits=LIMITS)
    reports = grade_all(made, settings_, jobs=2, told=heard.append)
    assert [r.student for r in reports] == ["ann", "bob", "carl"]
    assert sorted(r.student for r in heard) == ["ann", "bob", "carl"]
    assert set(statuses(reports[1]).values()) == {"malformed"}
    assert "RuntimeError" in reports[1].notes[0]
    assert table(reports).row_count == 3
    assert "missing" in reasons(reports[0])


@sandboxed
def test_who_uses_up_the_time_is_judged_on_what_came_before(course, grader, tmp_path, monkeypatch):
    notebook = with_extra(course.solution, "rnn_forward", "while True: pass")
    monkeypatch.setattr(grader.sandbox, "limits", replace(LIMITS, submission_seconds=2.0))
    report = grader.grade(hand_in(tmp_path / "ann", notebook))
    assert verdict(report, "rnn_step").status == "passed"
    late = verdict(report, "RNNTagger")
    assert (late.status, late.message) == ("timeout", "not judged: the submission's time was used up by other cells")


@sandboxed
def test_whose_kernel_ends_too_often_is_judged_on_what_came_before(course, grader, tmp_path, monkeypatch):
    deadly = {name: f"import os\ndef {name}(*a, **b): os._exit(1)" for name in UNTRAINED}
    monkeypatch.setattr(grader.sandbox, "limits", replace(LIMITS, restarts=1))
    report = grader.grade(hand_in(tmp_path / "ann", course.answered(**deadly)))
    assert verdict(report, "rnn_forward").status == "crashed"
    assert verdict(report, "RNNTagger").message == "not judged: its kernel ended too often by other cells"


@sandboxed
def test_a_check_that_breaks_on_hostile_outputs_gives_nothing(course, grade, monkeypatch):
    monkeypatch.setattr(type(get("generate")), "verify", lambda *a: 1 / 0)
    found = verdict(grade(course.solution), "generate")
    assert (found.status, found.points) == ("malformed", 0)


@sandboxed
def test_weights_that_were_not_handed_in_are_missing(course, grader):
    rebuilt = grader.rebuild(LESSON, course.solution)
    verdicts, _ = grader.run(rebuilt, None)
    assert {v.status for v in verdicts if v.exercise_id == "sentiment"} == {"missing"}


def test_progress_tells_of_each_report(capsys):
    console = Console(force_terminal=False)
    with Progress(console, 1) as progress:
        progress.told(Report("x", "[bold]ann", LESSON, (), 0.5))
    assert "[bold]ann: 0 of 0 in 0.5 s" in capsys.readouterr().out


def test_without_bubblewrap_grading_refuses_with_the_command_that_helps(course, tmp_path, monkeypatch):
    submission = hand_in(tmp_path / "ann", course.unanswered)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoSandbox, match="apt-get install bubblewrap"):
        grading.grade(submission.path, settings=Settings(seed=SEED, root=course.root))


def test_an_unsafe_run_grades_alike_and_says_so_in_every_report(course, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "12345")
    looking = "import os\ndef generate(*a):\n    raise KeyError(os.environ.get('COURSE_SEED'))"
    notebook = course.answered(generate=looking, rnn_backward="import os\nos._exit(3)")
    submission = hand_in(tmp_path / "ann", notebook)
    report = grading.grade(submission.path, settings=Settings(seed=SEED, root=course.root, unsafe=True, limits=LIMITS))
    assert statuses(report) == expected_statuses(generate="error", rnn_backward="crashed")
    assert as_json([report])["submissions"][0]["sandboxed"] is False
    assert "12345" not in json.dumps(as_json([report]))


def test_the_secret_seed_is_made_once_and_is_its_owners_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_SEED", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    seed = secret_seed()
    assert seed == secret_seed()
    path, = (tmp_path / "sequence-course").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("")
    with pytest.raises(GradingImpossible, match="delete it"):
        secret_seed()


def test_the_seed_can_be_named(monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "77")
    assert Settings().hidden_seed() == 77
    assert Settings(seed=5).hidden_seed() == 5
    monkeypatch.setenv("COURSE_SEED", "seven")
    with pytest.raises(GradingImpossible, match="whole number"):
        secret_seed()


def test_seed_files_of_two_graders_do_not_clash(tmp_path):
    path = tmp_path / "seed"
    grading._write_new_seed(path)
    first = path.read_text()
    grading._write_new_seed(path)
    assert path.read_text() == first
    assert os.listdir(tmp_path) == ["seed"]


def test_the_lesson_under_test_is_the_course_s(course):
    assert (course.root / "notebooks" / LESSON).is_dir()
    assert Path(course.root, "solutions").is_dir()
