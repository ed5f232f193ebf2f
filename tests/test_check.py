"""`check(...)` as a learner meets it: in a terminal, in IPython, in a Jupyter kernel, with weights of every sort."""

import inspect
import os
import re
import subprocess
import sys
import warnings
from html.parser import HTMLParser

import jupyter_client.manager
import pytest
import torch

import autograder
from autograder.checking import check, verdict_on
from autograder.errors import UnknownExercise
from autograder.exercise import get
from autograder.feedback import as_html, as_text, headline, points_text
from autograder.reference import rnn
from autograder.verdict import STATUSES, CaseResult, Verdict
from tests.judging import UNTRAINED, sentiment_weights, source_of_answer


def told(capsys, name, answer=None):
    """What a check prints."""
    assert check(name, answer) is None
    out, err = capsys.readouterr()
    assert err == ""
    return out


def wrong_step(x_t, h_prev, W_xh, W_hh, b_h):
    return torch.sigmoid(x_t @ W_xh + h_prev @ W_hh + b_h)


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_right_answer_is_told_so(capsys, name):
    text = told(capsys, name, getattr(rnn, name))
    points = points_text(get(name).points)
    assert text.startswith(f"✔ {name}: right · {points} of {points} points")
    assert "✘" not in text


def test_a_wrong_answer_shows_what_was_expected_what_came_and_a_hint(capsys):
    text = told(capsys, "rnn_step", wrong_step)
    assert text.startswith("✘ rnn_step: not right yet · 0 of 4 points")
    assert re.search(r"✘ one step: `h_t`: expected -?[\d.]+ at \[0, 0\], got [\d.]+ \(21 of 21 values differ\)", text)
    assert "Hint: Which squashing function" in text


def test_a_partly_right_answer_gets_part_of_the_points(capsys):
    def not_for_one(*given):
        return 0.0 if len(given[0]) == 1 else rnn.rnn_step(*given)

    text = told(capsys, "rnn_step", not_for_one)
    assert text.startswith("◐ rnn_step: partly right")
    assert "✘ a batch of one: `h_t`: expected a torch.Tensor, got float 0.0" in text
    assert "✔ one step" in text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda *a: 1 / 0, "raises an error"), (lambda *a: None, "expected a torch.Tensor, got None"),
        (lambda *a: rnn.rnn_step(*a).float(), "expected torch.float64, got torch.float32"),
        (lambda *a: rnn.rnn_step(*a)[0], "expected shape (3, 7), got (7,)"),
        (lambda *a: rnn.rnn_step(*a) * float("nan"), "21 of 21 values are NaN or infinite"),
        (lambda *a: rnn.rnn_step(*a).detach(), "no gradient reaches"),
        (lambda *a: rnn.rnn_step(a[0].mul_(1.0).add_(1), *a[1:]), "the answer changed its input `x_t`"),
        (lambda *a: (_ for _ in ()).throw(SystemExit(2)), "SystemExit: 2"),
        (lambda *a: torch.zeros(2**50), "runs out of memory"), (5, "TypeError: 'int' object is not callable"),
    ],
)
def test_each_rung_of_the_ladder_is_told_in_words(capsys, answer, expected):
    assert expected in told(capsys, "rnn_step", answer)


def test_an_answer_that_was_never_defined_is_missing(capsys):
    text = told(capsys, "rnn_step")
    assert text.startswith("○ rnn_step: not answered yet")
    assert "Define it in the answer cell above" in text


def test_a_stub_is_missing(capsys):
    def rnn_step(*given):
        raise NotImplementedError

    assert "`rnn_step` is not written yet." in told(capsys, "rnn_step", rnn_step)


def test_the_answer_is_found_in_the_calling_notebook(capsys):
    exec("from autograder import check\ncheck('rnn_step')", {"rnn_step": rnn.rnn_step})
    assert "✔ rnn_step: right" in capsys.readouterr().out


def test_an_unknown_name_suggests_near_ones():
    with pytest.raises(UnknownExercise, match="Did you mean 'rnn_step'"):
        check("rnn_stepp")


def test_the_package_exports_what_a_notebook_needs():
    assert autograder.check is check
    with pytest.raises(AttributeError, match="no attribute 'checks'"):
        _ = autograder.checks


def test_nbgrader_gets_the_points(capsys, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check("rnn_step", rnn.rnn_step) == 4


def test_a_check_leaves_the_learners_random_numbers_and_switches_alone(capsys):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with torch.no_grad():
        check("generate", rnn.generate)
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_default_dtype() == torch.float32


def test_an_answer_that_prints_and_warns_does_not_break_its_check(capsys):
    def chatty(*given):
        print("hello")
        return rnn.rnn_step(*given)

    assert "✔ rnn_step: right" in told(capsys, "rnn_step", chatty)

    def warning(*given):
        warnings.warn("careful", stacklevel=2)
        return rnn.rnn_step(*given)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "✔ rnn_step: right" in told(capsys, "rnn_step", warning)


# Trained exercises


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, with a place for weights."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "artifacts").mkdir()
    return tmp_path


def test_weights_that_were_never_saved_are_missing(capsys, folder):
    text = told(capsys, "sentiment", rnn.RNNClassifier)
    assert text.startswith("○ sentiment: not answered yet")
    assert "artifacts/sentiment.safetensors is missing: run the training cell" in text


def test_untrained_weights_miss_every_bar(capsys, folder):
    (folder / "artifacts" / "sentiment.safetensors").write_bytes(sentiment_weights())
    text = told(capsys, "sentiment", rnn.RNNClassifier)
    assert text.startswith("✘ sentiment: not right yet")
    assert "held-out accuracy" in text


def test_weights_of_another_model_are_named(capsys, folder):
    from safetensors.torch import save

    path = folder / "artifacts" / "sentiment.safetensors"
    path.write_bytes(save({"other.weight": torch.zeros(3)}))
    assert "has no tensor 'embedding.weight'; it has: other.weight" in told(capsys, "sentiment", rnn.RNNClassifier)
    weights = dict(rnn.RNNClassifier(7, 4, 5, 2).state_dict())
    path.write_bytes(save(weights))
    assert "'embedding.weight' has shape (7, 4); expected (vocab_size" in told(capsys, "sentiment", rnn.RNNClassifier)
    path.write_bytes(save({**weights, "embedding.weight": torch.zeros(7, 4, dtype=torch.int64)}))
    assert "✘" in told(capsys, "sentiment", rnn.RNNClassifier)


def _linked(path):
    path.with_name("real").write_bytes(sentiment_weights())
    path.symlink_to("real")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda p: p.write_bytes(b""), "can't be read"),
        (lambda p: p.write_bytes(sentiment_weights()[:99]), "can't be read"),
        (lambda p: p.write_bytes(bytes(33 * 2**20)), "33 MiB; at most 32 MiB"),
        (_linked, "symbolic link"), (os.mkfifo, "plain file"), (lambda p: p.mkdir(), "plain file"),
        (lambda p: p.write_bytes(b"\x02" + bytes(7) + b"{}"), "holds no tensors"),
    ],
    ids=["empty", "cut off", "oversized", "a link", "a pipe", "a folder", "no tensors"],
)  # fmt: skip
def test_a_file_of_weights_that_can_not_be_read_is_told_with_its_reason(capsys, folder, make, reason):
    make(folder / "artifacts" / "sentiment.safetensors")
    text = told(capsys, "sentiment", rnn.RNNClassifier)
    assert text.startswith("✘ sentiment: gives back something unreadable")
    assert reason in text


def test_a_folder_of_weights_that_is_a_link_is_not_followed(capsys, folder):
    (folder / "artifacts").rmdir()
    (folder / "real").mkdir()
    (folder / "artifacts").symlink_to("real")
    assert "the folder artifacts is a symbolic link" in told(capsys, "sentiment", rnn.RNNClassifier)


# What the sandbox lacks


def test_where_the_judge_is_absent_the_check_says_who_has_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "autograder.judge.expect", None)
    assert verdict_on(get("rnn_step"), rnn.rnn_step, None) is None
    assert "grader's side" in told(capsys, "rnn_step", rnn.rnn_step)


def test_a_library_that_is_absent_is_not_taken_for_the_sandbox(monkeypatch):
    monkeypatch.delitem(sys.modules, "autograder.judge.expect")
    monkeypatch.setitem(sys.modules, "autograder.compare", None)
    with pytest.raises(ModuleNotFoundError, match=r"autograder\.compare"):
        verdict_on(get("rnn_step"), rnn.rnn_step, None)


# The look


class Text(HTMLParser):
    """Collects a page's text, and every tag and attribute."""

    def __init__(self):
        super().__init__()
        self.text, self.tags, self.open = "", [], 0

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open += tag != "br"

    def handle_endtag(self, tag):
        self.open -= 1


NASTY = '<script>alert("x")</script> & `<b onclick="x">code</b>`\n`second` line'


@pytest.mark.parametrize("status", STATUSES)
def test_text_and_html_say_the_same_and_escape_what_learners_wrote(status):
    cases = (CaseResult("one <i>", True), CaseResult("two", False, NASTY), CaseResult("three", False, NASTY))
    verdict = Verdict("rnn_step", 1.5, 4.0, status, NASTY, hint="use `tanh`", cases=cases)
    page = Text()
    page.feed(as_html(verdict))
    assert page.open == 0
    assert set(page.tags) <= {"div", "b", "code", "br"}
    text = as_text(verdict)
    for each in (headline(verdict), "alert", "tanh"):
        assert each in page.text
        assert each in text
    if status != "missing":
        assert "✔ one <i>" in text
        assert "✔ one <i>" in page.text
        assert text.count("the same") == page.text.count("the same") == 1


def test_a_mark_tells_each_outcome_without_its_colour():
    marks = {s: headline(Verdict("x", 0, 1, s))[0] for s in STATUSES}
    assert (marks["passed"], marks["partial"], marks["missing"], marks["wrong"]) == ("✔", "◐", "○", "✘")


def test_html_takes_its_colours_from_the_theme():
    assert "var(--jp-content-font-color1" in as_html(Verdict("x", 0, 1, "wrong"))


# In Python, IPython and Jupyter


def test_in_plain_python_the_verdict_is_printed():
    source = f"import torch\nfrom jaxtyping import Float\nfrom torch import Tensor\n{source_of_answer('rnn_step')}\n" \
             "from autograder import check\ncheck('rnn_step')"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert "✔ rnn_step: right" in done.stdout
    assert done.stderr == ""


def test_in_ipython_the_verdict_is_readable_text():
    source = "from autograder import check\ncheck('rnn_step')"
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=nocolor", "-c", source],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "○ rnn_step: not answered yet" in done.stdout
    assert done.stderr == ""


@pytest.fixture(scope="module")
def jupyter():
    """Runs a cell in a real Jupyter kernel and collects what it showed."""
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3", startup_timeout=120)

    def run(source):
        shown = []
        client.execute_interactive(source, timeout=120, output_hook=shown.append)
        return [m for m in shown if m["msg_type"] != "status" and m["msg_type"] != "execute_input"]

    with warnings.catch_warnings():
        yield run
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_in_jupyter_the_verdict_is_html_and_text_and_nothing_goes_to_stderr(jupyter):
    assert jupyter("import torch\nfrom torch import Tensor\nfrom jaxtyping import Float") == []
    assert jupyter("from autograder import check\n" + inspect.getsource(wrong_step)) == []
    assert jupyter("rnn_step = wrong_step") == []
    shown, = jupyter("check('rnn_step')")
    assert shown["msg_type"] == "display_data"
    data = shown["content"]["data"]
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"].startswith("✘ rnn_step: not right yet")
    assert "<b>Hint.</b>" in data["text/html"]
    jupyter(source_of_answer("rnn_step"))
    shown, = jupyter("check('rnn_step')")
    assert shown["content"]["data"]["text/plain"].startswith("✔ rnn_step: right · 4 of 4 points")


def test_an_exercise_may_want_several_names():
    exercise = get("rnn_step")
    exercise.answer_names = ("Encoder", "Decoder")
    assert exercise.answer_text == "`Encoder` and `Decoder` are"
    assert exercise.answer_in({"Encoder": 1, "Decoder": 2, "other": 3}) == {"Encoder": 1, "Decoder": 2}
    assert exercise.answer_in({"Encoder": 1, "Decoder": None}) == {"Encoder": 1, "Decoder": None}
    with pytest.raises(KeyError, match="Decoder"):
        exercise.answer_in({"Encoder": 1})
    assert get("rnn_step").answer_in({"rnn_step": len}) is len
