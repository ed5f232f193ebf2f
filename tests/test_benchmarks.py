"""The benchmarks measure what they say; how fast anything is, is none of these tests' business."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

from autograder.checking import verdict_on
from autograder.exercise import exercises, get, reference_of
from benchmarks import checks, networks, processes, stock, throughput, timemachine, twenty
from benchmarks.execution import LessonFailed, execute
from benchmarks.figures import Bar, Measured, Row, Section, machine, machine_line, medians
from benchmarks.lessons import what_it_reaches
from benchmarks.readme import markdown_table, put_between_markers

ROOT = Path(__file__).resolve().parent.parent
LETTERS = "abcdefgh ijklmnop qrstuvwxyz"


def book(characters: int) -> str:
    """A text in which each character mostly decides the next."""
    generator = torch.Generator().manual_seed(1)
    jumps = torch.randint(1, 4, (characters,), generator=generator).cumsum(0) % len(LETTERS)
    return "".join(LETTERS[i] for i in jumps)


def test_a_measured_value_shows_its_median_and_its_extremes() -> None:
    assert str(Measured((3.0, 1.0, 200.0), "ms")) == "3 ms (1–200)"
    assert str(Measured((0.123456,), "s")) == "0.123 s"


def test_the_median_row_is_taken_over_the_rows_and_skips_gaps() -> None:
    rows = [Row("a", (Measured((1.0,)), None)), Row("b", (Measured((3.0, 5.0)), Measured((7.0,))))]
    middle = medians(rows, "median")
    assert [cell.median for cell in middle.cells if cell] == [2.5, 7.0]


def test_a_section_as_json_holds_every_value() -> None:
    section = Section("s", "Title", ("x",), (Row("r", (Measured((1.0, 2.0), "s"),)),), (Bar("at most 3", True),))
    figures = section.as_json()
    assert figures["rows"]["r"]["x"] == {"unit": "s", "median": 1.5, "min": 1.0, "max": 2.0, "values": [1.0, 2.0]}
    assert figures["bars"] == [{"text": "at most 3", "holds": True}]
    assert section.table().row_count == 1
    assert [line.plain for line in section.lines()] == ["✔ at most 3"]


def test_the_machine_is_told_in_one_line() -> None:
    line = machine_line(machine())
    assert f"torch {torch.__version__}" in line
    assert "\n" not in line


def test_twenty_students_who_differ() -> None:
    names = {student.name for student in twenty.CLASS}
    assert len(names) == len(twenty.CLASS) == 20
    ids = {one.id for one in exercises(throughput.LESSON)}
    assert set(twenty.EVERYTHING) == ids
    for student in twenty.CLASS:
        assert set(student.answers) | set(student.left_out) <= ids
    assert len({(tuple(s.answers.items()), s.left_out) for s in twenty.CLASS}) >= 12


def test_a_student_hands_in_their_own_answers_and_leaves_gaps() -> None:
    def cell(name: str, source: str) -> dict[str, Any]:
        described = {"grade_id": name, "solution": True}
        return {"cell_type": "code", "source": source, "metadata": {"nbgrader": described}}

    released = {"cells": [cell("rnn_step", "stub"), cell("generate", "stub"), cell("RNNTagger", "stub")]}
    right = {"rnn_step": "right step", "generate": "right generate", "RNNTagger": "right tagger"}
    student = twenty.Student("s", {"rnn_step": "own step"}, left_out=("generate",))
    handed_in = twenty.hand_in(student, released, right)
    assert [c["source"] for c in handed_in["cells"]] == ["own step", "stub", "right tagger"]
    assert released["cells"][0]["source"] == "stub"
    assert twenty.right_answers(handed_in)["rnn_step"] == "own step"


def test_the_stock_course_has_no_training_cells() -> None:
    slow = {"cell_type": "code", "source": "train()", "metadata": {"autograder": {"slow": True}}}
    quick = {"cell_type": "code", "source": "1", "metadata": {}}
    assert stock.without_slow({"cells": [slow, quick], "nbformat": 4})["cells"] == [quick]


def test_weights_go_with_the_exercises_that_were_done() -> None:
    student = twenty.Student("s", left_out=("entities",))
    weights = {"entities.safetensors": b"1", "sentiment.safetensors": b"2"}
    assert stock.handed_in_weights(student, weights) == {"sentiment.safetensors": b"2"}


def test_unequal_scores_are_told_and_equal_ones_are_not() -> None:
    ours = {"a": {"x": 1.0, "y": 2.0}, "b": {"x": 0.0}}
    assert throughput.differences(ours, {"a": {"x": 1.0, "y": 2.001}, "b": {"x": 0.0}}) == []
    told = throughput.differences(ours, {"a": {"x": 1.0, "y": 1.5}})
    assert len(told) == 2
    assert "a, y: 2.0 by grade, 1.5 by nbgrader" in told


def test_a_command_is_measured_and_its_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "EVERY_SECONDS", 0.001)
    finished = processes.run([sys.executable, "-c", "sum(range(10**6))"], tmp_path, os.environ, watch=True)
    assert finished.peak_bytes > 2**20
    assert finished.cpu_seconds > 0
    with pytest.raises(RuntimeError, match="what went wrong"):
        processes.run([sys.executable, "-c", "raise SystemExit('what went wrong')"], tmp_path, os.environ)


def test_an_untrained_model_is_a_full_answer_to_a_trained_exercise(tmp_path: Path) -> None:
    exercise = get("entities")
    checks.save_untrained(exercise, tmp_path)
    verdict = verdict_on(exercise, reference_of(exercise), tmp_path)
    assert verdict is not None
    assert verdict.status in ("wrong", "partial")
    assert "held-out accuracy" in verdict.cases[-1].message
    assert "bars: 70%, 85%, 95%" in what_it_reaches(exercise, tmp_path)


def test_missing_weights_are_told_instead_of_a_measure(tmp_path: Path) -> None:
    assert "is missing" in what_it_reaches(get("entities"), tmp_path)


@pytest.mark.parametrize("content", [None, "another edition"])
def test_without_the_book_the_section_is_skipped_and_says_why(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_CORPORA", str(tmp_path))
    if content is not None:
        (tmp_path / timemachine.BOOK).write_text(content)
    section = timemachine.measure()
    assert timemachine.BOOK in section.skipped
    assert section.as_json().keys() == {"title", "skipped"}
    monkeypatch.delenv("COURSE_CORPORA")
    assert "COURSE_CORPORA" in timemachine.measure().skipped


@pytest.mark.parametrize("network", networks.NETWORKS, ids=lambda network: network.name)
def test_both_models_see_the_same_windows_and_learn(network: networks.Network) -> None:
    data = timemachine.book_data(book(2_100))
    data.num_train, data.num_val = 1_500, 500
    assert data.X.shape[1] == timemachine.NUM_STEPS
    assert torch.equal(data.X[7, 1:], data.Y[7, :-1])
    uniform = len(data.vocab)
    recipe = networks.Recipe(d_embed=8, d_hidden=12, batch=16, steps=40, learning_rate=3e-2)
    ours = timemachine.train_ours(replace(network, recipe=recipe), data, seed=0, budget=60)
    theirs = timemachine.train_theirs(network, data, seed=0, epochs=1)
    assert ours.validation < uniform / 2
    assert theirs.validation < 1.1 * uniform
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[network.name]
    biases = 1 if network.name == "RNN" else 2  # the book's concise versions hold PyTorch's networks
    assert theirs.weights == gates * 32 * (uniform + 32 + biases) + 32 * uniform + uniform
    assert ours.weights == uniform * 8 + gates * 12 * (8 + 12 + 1) + 12 * uniform + uniform


@pytest.mark.parametrize("network", networks.NETWORKS, ids=lambda network: network.name)
def test_our_model_drops_in_training_only_and_never_looks_ahead(network: networks.Network) -> None:
    torch.manual_seed(0)
    model = network.build(vocab_size=9)
    ids = torch.randint(9, (2, 6))
    assert not torch.equal(network.logits(model, ids), network.logits(model, ids))
    model.eval()
    logits = network.logits(model, ids)
    assert logits.shape == (2, 6, 9)
    changed = ids.clone()
    changed[:, 4] = (ids[:, 4] + 1) % 9
    differs = (network.logits(model, changed) - logits).abs().amax(dim=(0, 2)) > 0
    assert differs.tolist() == [False, False, False, False, True, True]


def test_their_networks_are_the_books() -> None:
    kinds = [type(network.theirs(9).rnn.rnn) for network in networks.NETWORKS[1:]]
    assert kinds == [torch.nn.GRU, torch.nn.LSTM]


def test_a_row_and_a_bar_for_every_network_and_a_lost_seed_misses_the_bar() -> None:
    rnn, gru, _ = networks.NETWORKS
    theirs, better, worse = (timemachine.Trained(9.0, 5.0, level, 100) for level in (7.0, 6.0, 8.0))
    section = timemachine.section_of({rnn: [(theirs, better)] * 2, gru: [(theirs, better), (theirs, worse)]})
    assert [row.name for row in section.rows if "validation" in row.name] == [
        "RNN: validation perplexity", "GRU: validation perplexity"
    ]
    assert [bar.holds for bar in section.bars] == [True, True, False, True]
    slower = replace(better, seconds=9.5)
    assert [bar.holds for bar in timemachine.section_of({rnn: [(theirs, slower)]}).bars] == [True, False]


def test_the_learning_rate_rises_and_then_falls_to_zero() -> None:
    recipe = networks.Recipe(warmup=10, steps=100)
    rates = [timemachine.learning_rate(recipe, step, step / 100) for step in range(1, 101)]
    assert rates[0] < rates[8]
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert max(rates) <= recipe.learning_rate


def test_a_table_goes_between_its_markers_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("above\n<!-- lessons -->\nold\n<!-- /lessons -->\nbelow\n")
    table = markdown_table(("a", "b"), [("1", "x|y")])
    assert put_between_markers(page, "lessons", table)
    text = page.read_text()
    assert text.startswith("above\n<!-- lessons -->\n| a | b |\n")
    assert text.endswith("| 1 | x\\|y |\n<!-- /lessons -->\nbelow\n")
    assert "old" not in text
    assert not put_between_markers(page, "bench", table)
    assert page.read_text() == text
    assert not put_between_markers(tmp_path / "none.md", "lessons", table)


def lesson_of(root: Path, *sources: str) -> Path:
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    path = root / "build" / "source" / "00_toy" / "00_toy.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    return root


def test_a_solution_runs_in_its_own_folder_with_the_budget_asked_for(tmp_path: Path) -> None:
    sources = ("import os, pathlib", "pathlib.Path('artifact').write_text(os.environ['COURSE_BUDGET'])")
    started: list[int] = []
    root = lesson_of(tmp_path, *sources)
    folder = execute("00_toy", root, True, told=lambda index, count, name: started.append(index))
    assert (folder / "artifact").read_text() == "quick"
    assert started == [0, 1]
    cells = json.loads((folder / "00_toy.ipynb").read_text())["cells"]
    assert all("seconds" in cell["metadata"] for cell in cells)


@pytest.mark.parametrize("source", ["import sys; print('oh', file=sys.stderr)", "raise ValueError('oh')"])
def test_a_cell_that_raises_or_writes_to_standard_error_fails_the_lesson(source: str, tmp_path: Path) -> None:
    with pytest.raises(LessonFailed, match="oh"):
        execute("00_toy", lesson_of(tmp_path, source), True)
