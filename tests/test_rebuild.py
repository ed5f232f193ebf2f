"""What bad input gets: every submission is graded for what it holds, with a reason for the rest."""

import json
import os

import pytest

from autograder.errors import GradingImpossible, SubmissionError
from autograder.judge import rebuild as module
from autograder.judge.grade import find_submissions
from autograder.judge.rebuild import instructor_notebook, parse_notebook, read_notebook, rebuild, source_of
from tests.judging import (
    LESSON,
    NEEDS_BWRAP,
    SEED,
    UNTRAINED,
    cell_of,
    code,
    expected_statuses,
    hand_in,
    place_of,
    statuses,
)

pytest_plugins = ["tests.judging"]


def sandboxed(test):
    for mark in NEEDS_BWRAP:
        test = mark(test)
    return test


@pytest.fixture
def put_back(course):
    """Rebuild a notebook against the released one."""
    frame = instructor_notebook(LESSON, course.root)
    return lambda notebook: rebuild(LESSON, frame, notebook)


def named(rebuilt, name):
    found, = (c for c in rebuilt.cells if c.name == name)
    return found


def extras(rebuilt):
    return [c.source for c in rebuilt.cells if c.kind == "extra"]


def test_an_untouched_notebook_comes_back_as_it_was(course, put_back):
    rebuilt = put_back(course.unanswered)
    assert [c.source for c in rebuilt.cells] == [source_of(c) for c in course.unanswered["cells"]]
    assert not any(c.answered for c in rebuilt.cells)
    assert rebuilt.notes == ()


def test_answers_are_taken_and_marked_as_answered(course, put_back):
    rebuilt = put_back(course.answered(course.unanswered, rnn_step="rnn_step = 1"))
    assert named(rebuilt, "rnn_step").source == "rnn_step = 1"
    assert [c.name for c in rebuilt.cells if c.answered] == ["rnn_step"]


def test_a_cell_that_is_not_the_learners_keeps_its_source_and_the_edit_is_noted(course, put_back):
    rebuilt = put_back(course.answered(check_rnn_step="print('4.0')"))
    assert named(rebuilt, "check_rnn_step").source == 'check("rnn_step")'
    assert "the cell `check_rnn_step` is not the learner's to edit: the original counts" in rebuilt.notes
    assert extras(rebuilt) == []


def test_cells_in_any_order_come_back_in_the_lessons(course, put_back):
    notebook = course.solution
    notebook["cells"].reverse()
    assert put_back(notebook).cells == put_back(course.solution).cells


def test_of_two_answers_the_first_counts_and_the_report_says_so(course, put_back):
    notebook = course.answered(course.unanswered, rnn_step="first = 1")
    twin = {**cell_of(notebook, "rnn_step"), "source": "second = 2"}
    notebook["cells"].append(twin)
    rebuilt = put_back(notebook)
    assert named(rebuilt, "rnn_step").source == "first = 1"
    assert "`rnn_step` was handed in more than once: the first one counts" in rebuilt.notes


def test_a_deleted_answer_is_an_unanswered_one(course, put_back):
    notebook = course.solution
    del notebook["cells"][place_of(notebook, "rnn_step")]
    rebuilt = put_back(notebook)
    assert not named(rebuilt, "rnn_step").answered
    assert "the answer cell `rnn_step` is missing" in rebuilt.notes


@pytest.mark.parametrize("kind", ["markdown", "raw", "nonsense", None, 5])
def test_a_retyped_cell_is_what_the_lesson_says_that_it_is(course, put_back, kind):
    notebook = course.solution
    cell_of(notebook, "rnn_step")["cell_type"] = kind
    assert named(put_back(notebook), "rnn_step").code


def test_tags_metadata_and_outputs_of_a_submission_are_not_taken(course, put_back):
    notebook = course.solution
    for cell in notebook["cells"]:
        cell["metadata"]["tags"] = ["raises-exception", "skip-execution"]
        cell["metadata"]["autograder"] = {"slow": True}
        cell["metadata"].get("nbgrader", {}).update(points=1000, grade=True, solution=False, locked=False)
        cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "1000"}}]
    assert put_back(notebook) == put_back(course.solution)


def test_an_answer_is_known_by_its_cell_id_where_its_metadata_are_gone(course, put_back):
    notebook = course.solution
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    assert named(put_back(notebook), "rnn_step").answered


def test_an_answer_is_known_by_its_metadata_where_cell_ids_are_gone(course, put_back):
    notebook = course.solution
    for cell in notebook["cells"]:
        del cell["id"]
    assert put_back(notebook).cells == put_back(course.solution).cells


def test_a_learners_own_cells_run_where_they_stand(course, put_back):
    notebook = course.unanswered
    notebook["cells"].insert(place_of(notebook, "check_rnn_step"), code("mine = 1"))
    notebook["cells"].insert(0, code("early = 1"))
    notebook["cells"].append(cell_of(notebook, "check_rnn_step"))
    notebook["cells"].append({"cell_type": "code", "source": 'check("rnn_step")', "metadata": {}})
    rebuilt = put_back(notebook)
    assert extras(rebuilt) == ["early = 1", "mine = 1"]
    names = [c.name for c in rebuilt.cells]
    assert rebuilt.cells[0].source == "early = 1"
    assert rebuilt.cells[names.index("rnn_step") + 1].source == "mine = 1"


def test_there_is_an_end_to_a_learners_own_cells(course, put_back):
    notebook = course.unanswered
    notebook["cells"] += [code(f"x = {i}") for i in range(module.MAX_CELLS)]
    rebuilt = put_back(notebook)
    assert len(extras(rebuilt)) == module.MAX_EXTRA_CELLS
    assert any("more than" in note for note in rebuilt.notes)


@pytest.mark.parametrize(
    "cell",
    [
        None, 5, "text", [], {}, {"cell_type": "code"}, {"source": 5}, {"source": [1, 2, None]}, {"metadata": []},
        {"metadata": {"nbgrader": []}}, {"metadata": {"nbgrader": {"grade_id": []}}}, {"id": {}},
        {"metadata": {"nbgrader": {"grade_id": "rnn_step"}}}, {"cell_type": [], "source": "x"},
    ],
)
def test_cells_that_are_no_cells_do_no_harm(course, put_back, cell):
    notebook = course.solution
    notebook["cells"].insert(0, cell)
    assert len(put_back(notebook).cells) == len(put_back(course.solution).cells)


def test_text_that_no_kernel_could_read_is_replaced():
    assert source_of({"source": "a = '\ud800'"}) == "a = '?'"
    assert source_of({"source": ["a = 1\n", 5, "b = 2"]}) == "a = 1\nb = 2"
    assert len(source_of({"source": "x" * 10**6})) == module.MAX_SOURCE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "empty"), (b" \n", "empty"), (b"not json", "not JSON"), (b'{"cells": [', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"), (b"[" * 100_000, "not JSON"), (b'{"n": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "no list of cells"), (b"{}", "no list of cells"), (b'{"cells": {}}', "no list of cells"),
        (b'{"worksheets": [{"cells": []}], "nbformat": 3}', "old format 3"), (b"null", "no list of cells"),
        (b'{"cells": [' + b"[]," * 2_100_000 + b"0]}", "far too many lists"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_notebook_is_refused_with_its_reason(text, reason):
    with pytest.raises(SubmissionError, match=reason):
        parse_notebook(text)


def test_brackets_in_a_large_output_are_only_text(monkeypatch):
    monkeypatch.setattr(module, "MAX_BRACKETS", 100)
    printed = '[[1, 2], "three \\" {"]' * 50
    assert parse_notebook(json.dumps({"cells": [{"outputs": [{"text": printed}]}]}).encode())


def test_a_lesson_that_was_never_built_says_what_to_run(tmp_path):
    with pytest.raises(GradingImpossible, match="python -m autograder build"):
        instructor_notebook(LESSON, tmp_path)


def _link(path):
    path.with_name("other.ipynb").write_text('{"cells": []}')
    path.symlink_to("other.ipynb")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_link, "symbolic link"), (os.mkfifo, "not a plain file"), (lambda path: path.mkdir(), "not a plain file"),
        (lambda path: path.symlink_to("nowhere"), "symbolic link"), (lambda path: None, "is missing"),
        (lambda path: os.truncate(_touched(path), module.MAX_NOTEBOOK_BYTES + 1), "MiB; at most"),
    ],
)
def test_what_is_no_plain_file_is_refused_with_its_reason(tmp_path, make, reason):
    path = tmp_path / f"{LESSON}.ipynb"
    make(path)
    with pytest.raises(SubmissionError, match=reason):
        read_notebook(path)


def _touched(path):
    path.touch()
    return path


def test_folders_are_searched_for_notebooks_and_their_owners_named(tmp_path):
    for student in ("bob", "ann"):
        hand_in(tmp_path / student, {"cells": []})
        hand_in(tmp_path / student / ".ipynb_checkpoints", {"cells": []})
    (tmp_path / "carl.ipynb").write_text("{}")
    found = find_submissions([tmp_path])
    assert [s.student for s in found] == ["carl", "ann", "bob"]
    assert {s.lesson for s in found[1:]} == {LESSON}
    assert {s.lesson for s in find_submissions([tmp_path], LESSON)} == {LESSON}


def test_a_name_with_control_characters_is_told_without_them(tmp_path):
    hand_in(tmp_path / "\x1b[31mred\u202e", {"cells": []})
    found, = find_submissions([tmp_path])
    assert found.student == "�[31mred�"


def test_a_path_that_is_not_there_and_one_without_notebooks_stop_the_grading(tmp_path):
    with pytest.raises(GradingImpossible, match="There is no"):
        find_submissions([tmp_path / "nowhere"])
    with pytest.raises(GradingImpossible, match="No notebook"):
        find_submissions([tmp_path])
    with pytest.raises(GradingImpossible, match="There is no lesson"):
        find_submissions([tmp_path], "99_dreams")


# Graded: in the sandbox.


@sandboxed
def test_the_solution_gets_all_points_but_those_of_training(course, grade):
    report = grade(course.solution)
    assert statuses(report) == expected_statuses()
    assert report.notes == ()


@sandboxed
def test_an_unanswered_notebook_gets_nothing_and_every_exercise_is_missing(course, grade):
    report = grade(course.unanswered)
    assert report.score == 0
    assert set(statuses(report).values()) == {"missing"}
    assert report.max_score == sum(v.max_points for v in report.verdicts)


@sandboxed
@pytest.mark.parametrize("text", ["", "not json", "[]", '{"cells": 5}', '{"worksheets": []}'])
def test_an_unreadable_notebook_gets_nothing_and_the_reason_in_every_exercise(grade, text):
    report = grade(text)
    assert report.score == 0
    assert set(statuses(report).values()) == {"malformed"}
    assert report.notes[0] in report.verdicts[0].message


@sandboxed
@pytest.mark.parametrize("cells", [[], [None, 5], [{"cell_type": "markdown", "source": "# hello"}]])
def test_a_notebook_without_answers_gets_nothing(grade, cells):
    report = grade({"cells": cells})
    assert set(statuses(report).values()) == {"missing"}
    assert "the answer cell `rnn_step` is missing" in report.notes


@sandboxed
def test_a_notebook_of_another_lesson_gets_what_fits(grade):
    other = [{**code("gru_step = 1"), "metadata": {"nbgrader": {"grade_id": "gru_step"}}}]
    assert grade({"cells": other}).score == 0


@sandboxed
def test_a_broken_notebook_still_gets_what_it_holds(course, grade):
    notebook = course.answered(check_rnn_step="raise SystemExit")
    for cell in notebook["cells"]:
        cell.pop("id")
        cell["metadata"]["tags"] = ["skip-execution"]
    cell_of(notebook, "rnn_backward")["cell_type"] = "markdown"
    del notebook["cells"][place_of(notebook, "generate")]
    del notebook["cells"][place_of(notebook, "check_RNNTagger")]
    notebook["cells"].append({**cell_of(notebook, "rnn_step"), "source": "rnn_step = None"})
    notebook["cells"].reverse()
    notebook["cells"].insert(0, "no cell")
    notebook["nbformat"] = 4.2
    report = grade(notebook)
    # Reversed, the second `rnn_step` comes first.
    assert statuses(report) == expected_statuses(rnn_step="error", generate="missing")
    assert any("more than once" in note for note in report.notes)


@sandboxed
def test_fifty_megabytes_of_output_cost_nothing(course, grade):
    notebook = course.solution
    printed = {"output_type": "stream", "name": "stdout", "text": "[x]," * 13_000_000}
    cell_of(notebook, "rnn_step")["outputs"] = [printed]
    assert statuses(grade(notebook)) == expected_statuses()


@sandboxed
def test_lone_surrogates_and_zero_bytes_in_answers_are_errors_of_those_answers(course, grade):
    notebook = course.answered(rnn_step="rnn_step = '\ud800'\x00", rnn_forward="rnn_forward = \ud800")
    assert statuses(grade(notebook)) == expected_statuses(
        rnn_step="error", rnn_forward="error", RNNLanguageModel="error"
    )


@sandboxed
def test_a_symbolic_link_and_a_pipe_cost_their_owner_alone(course, grader, tmp_path):
    good = hand_in(tmp_path / "good", course.solution)
    link = hand_in(tmp_path / "link", {})
    link.path.unlink()
    link.path.symlink_to(good.path)
    pipe = hand_in(tmp_path / "pipe", {})
    pipe.path.unlink()
    os.mkfifo(pipe.path)
    reports = [grader.grade(s) for s in (link, pipe, good)]
    assert [r.score for r in reports[:2]] == [0, 0]
    assert "symbolic link" in reports[0].notes[0]
    assert "plain file" in reports[1].notes[0]
    assert statuses(reports[2]) == expected_statuses()


@sandboxed
def test_a_notebook_of_no_known_lesson_says_how_to_name_it(grader, tmp_path):
    submission = hand_in(tmp_path / "ann", {"cells": []})
    report = grader.grade(type(submission)(submission.path, "ann", None))
    assert report.verdicts == ()
    assert "--lesson" in report.notes[0]


def test_the_seed_of_these_tests_is_not_the_public_one():
    assert SEED != 0
    assert len(UNTRAINED) == 9
