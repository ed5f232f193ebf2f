"""One source becomes nbgrader's source and the student's notebook; every mistake in it is named where it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder import exercise as registry
from autograder.cells import grade_ids, read_cells
from autograder.errors import LessonError
from autograder.exercise import Case, Exercise, Rng, exercise
from autograder.lesson import CODE_STUB, TEXT_STUB, build_all, build_lesson, lessons

LESSON = '''\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
# ---

# %% [markdown]
# # A toy lesson
# How do two numbers become one?

# %%
import math

# %% [markdown] card="toy_add"
# Add $a$ and $b$.

# %% exercise="toy_add"
def toy_add(a: float, b: float) -> float:
    """
    # %% a line that only looks like a marker
    """
    ### BEGIN SOLUTION
    return a + b
    ### END SOLUTION

# %% check="toy_add"
check("toy_add")

# %% slow=true
model = math.pi

# %% [markdown] card="toy_model"
# Train it.

# %% exercise="toy_model" slow=true
### BEGIN SOLUTION
weights = [model]
### END SOLUTION

# %% check="toy_model"
check("toy_model")

# %% [markdown] written="order" points=3
# Why does the order of the two not matter?
#
# ### BEGIN SOLUTION
# Because addition commutes.
# ### END SOLUTION

# %% tags=["hide"]
print("the end")
'''


class _Toy(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("one", {"a": rng.integer(0, 9), "b": 2})

    def drive(self, answer: Any, **inputs: Any) -> dict[str, Any]:
        return {"sum": answer(**inputs)}


@pytest.fixture(autouse=True)
def _toy_exercises(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.exercises()
    monkeypatch.setattr(registry, "_registry", {})
    exercise("toy_add", lesson="90_toy", points=4, difficulty=2, minutes=10)(type("Add", (_Toy,), {}))
    trained = exercise("toy_model", lesson="90_toy", points=1, difficulty=3, minutes=5, artifact="toy")
    trained(type("Model", (_Toy,), {}))


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "90_toy.py").write_text(LESSON, encoding="utf-8")
    return tmp_path


@pytest.fixture
def source(course: Path) -> Path:
    return course / "solutions" / "90_toy.py"


def cell_of(notebook: Any, grade_id: str) -> Any:
    return next(cell for cell in notebook.cells if cell.metadata.nbgrader.grade_id == grade_id)


def test_the_answer_is_in_the_source_and_not_in_the_student_notebook(source: Path) -> None:
    with_answers, student = build_lesson(source)
    assert "return a + b" in cell_of(with_answers, "toy_add").source
    stub = "\n".join("    " + line for line in CODE_STUB.split("\n"))
    assert cell_of(student, "toy_add").source.endswith(f'"""\n{stub}')
    assert "BEGIN SOLUTION" not in nbformat.writes(student)
    assert "commutes" not in nbformat.writes(student)


def test_an_unanswered_cell_runs_into_not_implemented(source: Path) -> None:
    _, student = build_lesson(source)
    scope: dict[str, Any] = {}
    exec(cell_of(student, "toy_add").source, scope)
    with pytest.raises(NotImplementedError, match="in place of this line"):
        scope["toy_add"](1, 2)


def test_each_word_gets_its_nbgrader_metadata(source: Path) -> None:
    _, student = build_lesson(source)
    kinds = {
        cell.metadata.nbgrader.grade_id: tuple(cell.metadata.nbgrader[k] for k in ("grade", "solution", "locked"))
        for cell in student.cells
    }
    assert kinds["toy_add"] == (False, True, False)
    assert kinds["check_toy_add"] == (True, False, True)
    assert kinds["explain_order"] == (True, True, False)
    others = {name for name in kinds if name not in ("toy_add", "toy_model", "explain_order")}
    assert all(kinds[name][1:] == (False, True) for name in others)


def test_points_come_from_the_registry_and_from_the_question(source: Path) -> None:
    _, student = build_lesson(source)
    assert cell_of(student, "check_toy_add").metadata.nbgrader.points == 4
    assert cell_of(student, "explain_order").metadata.nbgrader.points == 3


def test_a_card_begins_with_what_the_exercise_costs_and_earns(source: Path) -> None:
    _, student = build_lesson(source)
    first, second = (cell_of(student, f"card_{name}").source.split("\n") for name in ("toy_add", "toy_model"))
    assert first == ["### Exercise 1 · `toy_add` · difficulty 2/5 · 10 min · 4 points", "Add $a$ and $b$."]
    assert second[0] == "### Exercise 2 · `toy_model` · difficulty 3/5 · 5 min · 1 point"


def test_a_written_question_keeps_its_question(source: Path) -> None:
    _, student = build_lesson(source)
    assert cell_of(student, "explain_order").source.split("\n") == [
        "Why does the order of the two not matter?", "", TEXT_STUB,
    ]  # fmt: skip


def test_only_answers_and_questions_can_be_edited_and_nothing_be_deleted(source: Path) -> None:
    _, student = build_lesson(source)
    editable = [cell.id for cell in student.cells if cell.metadata.get("editable", True)]
    assert editable == ["toy_add", "toy_model", "explain_order"]
    assert all(cell.metadata.deletable is False for cell in student.cells)


def test_training_cells_are_marked_for_the_grader(source: Path) -> None:
    _, student = build_lesson(source)
    slow = [cell.source for cell in student.cells if cell.metadata.get("autograder", {}).get("slow")]
    assert slow == ["model = math.pi", CODE_STUB]


def test_every_notebook_names_the_kernel_of_the_course(source: Path) -> None:
    for notebook in build_lesson(source):
        assert notebook.metadata.kernelspec == {
            "display_name": "Sequence course (GPU if present)", "language": "python", "name": "sequence-course",
        }  # fmt: skip


def test_both_notebooks_are_valid_and_carry_no_output(source: Path) -> None:
    for notebook in build_lesson(source):
        nbformat.validate(notebook)
        assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if "outputs" in cell)


def test_tags_stay_and_bookkeeping_of_the_reader_goes(source: Path) -> None:
    _, student = build_lesson(source)
    assert student.cells[-1].metadata.tags == ["hide"]
    assert not any("lines_to_next_cell" in cell.metadata for cell in student.cells)


def test_building_twice_gives_the_same_bytes_and_leaves_the_file_alone(course: Path) -> None:
    (notebook,) = build_all(course)
    before, time = notebook.read_bytes(), notebook.stat().st_mtime_ns
    build_all(course)
    assert notebook.read_bytes() == before
    assert notebook.stat().st_mtime_ns == time
    assert before.endswith(b"}\n")
    assert not before.endswith(b"\n\n")


def test_building_leaves_nothing_but_the_notebooks(course: Path) -> None:
    build_all(course)
    found = sorted(str(p.relative_to(course)) for p in course.rglob("*") if p.is_file())
    assert found == [
        "build/source/90_toy/90_toy.ipynb", "notebooks/90_toy/90_toy.ipynb", "solutions/90_toy.py",
    ]  # fmt: skip


def test_a_cell_added_elsewhere_renames_no_other(source: Path) -> None:
    before = grade_ids(read_cells(source))
    added = '# %% [markdown]\n# A new thought.\n\n# %% check="toy_add"'
    source.write_text(LESSON.replace('# %% check="toy_add"', added), encoding="utf-8")
    after = grade_ids(read_cells(source))
    assert [name for name in after if name in before] == before
    assert [name for name in after if name not in before] == [next(n for n in after if n.startswith("a-new-thought-"))]


def test_equal_cells_get_different_names(source: Path) -> None:
    source.write_text(LESSON + '\n# %%\nprint("the end")\n', encoding="utf-8")
    *_, first, second = grade_ids(read_cells(source))
    assert second == f"{first}-2"


@pytest.mark.slow
def test_nbgrader_releases_the_same_bytes(course: Path) -> None:
    (notebook,) = build_all(course)
    release = course / "release"
    config = [
        "from autograder.lesson import release_config",
        "c = get_config()",
        f"c.CourseDirectory.root = {str(course)!r}",
        "c.CourseDirectory.source_directory = 'build/source'",
        f"c.CourseDirectory.release_directory = {str(release)!r}",
        "c.merge(release_config())",
    ]
    (course / "nbgrader_config.py").write_text("\n".join(config) + "\n", encoding="utf-8")
    home = {"HOME": str(course), "JUPYTER_CONFIG_DIR": str(course / "config"), "IPYTHONDIR": str(course / "ipython")}
    # nbgrader calls alembic by its bare name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", "90_toy"],
        cwd=course, env={**os.environ, **home, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (release / "90_toy" / "90_toy.ipynb").read_bytes() == notebook.read_bytes()


def test_a_check_passes_on_what_was_just_built(course: Path) -> None:
    built = build_all(course)
    assert build_all(course, check=True) == built


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda nb: nb.unlink(), "90_toy.ipynb: is missing"),
        (lambda nb: nb.write_text("not json"), "90_toy.ipynb: is no notebook"),
        (lambda nb: nb.write_text(nb.read_text().replace("import math", "import cmath")), "in the cell 'import-math-"),
        (lambda nb: nb.write_text(nb.read_text() + "\n"), "90_toy.ipynb: differs in its layout or metadata only"),
        (lambda nb: (nb.parents[1] / "91_old").mkdir() or nb.rename(nb.parents[1] / "91_old" / "91_old.ipynb"),
         "91_old/91_old.ipynb: has no source"),
    ],
)  # fmt: skip
def test_a_check_names_what_differs_and_the_way_out(course: Path, spoil: Any, said: str) -> None:
    (notebook,) = build_all(course)
    spoil(notebook)
    with pytest.raises(LessonError, match="make notebooks") as caught:
        build_all(course, check=True)
    assert said in str(caught.value)


def test_a_check_sees_cells_that_are_too_many(course: Path) -> None:
    (notebook,) = build_all(course)
    content = json.loads(notebook.read_text())
    content["cells"].append(content["cells"][-1] | {"id": "more"})
    notebook.write_text(json.dumps(content))
    with pytest.raises(LessonError, match="has 12 cells, its source gives 11"):
        build_all(course, check=True)


def test_a_check_writes_nothing(course: Path) -> None:
    with pytest.raises(LessonError):
        build_all(course, check=True)
    assert not (course / "notebooks").exists()
    assert not (course / "build").exists()


def test_lessons_are_listed_in_order_and_drafts_left_out(course: Path) -> None:
    for name in ("02_b", "01_a", "_draft"):
        (course / "solutions" / f"{name}.py").write_text("# %%\nx = 1\n")
    assert lessons(course) == ["01_a", "02_b", "90_toy"]


ANSWER = 'exercise="toy_add"'
MISTAKES = {
    "an unknown exercise": ("toy_model", "toy_modell", "Did you mean 'toy_model'?"),
    "an exercise without its check": (
        '# %% check="toy_add"\ncheck("toy_add")', "# %%", "without its check. Add a cell with check=\"toy_add\""),
    "a check without its exercise": (
        '# %% exercise="toy_model" slow=true\n### BEGIN SOLUTION\nweights = [model]\n### END SOLUTION', "",
        "card and check of 'toy_model' without its exercise"),
    "an exercise without its card": ('card="toy_model"', "", "without its card"),
    "a solution that never ends": (
        "    ### END SOLUTION\n\n# %% ch", "\n# %% ch", "BEGIN SOLUTION without END SOLUTION"),
    "an end that was never begun": (
        "    ### BEGIN SOLUTION\n    ret", "    ret", "END SOLUTION without BEGIN SOLUTION"),
    "a solution inside a solution": (
        "return a + b", "### BEGIN SOLUTION\n    return a + b", "a second BEGIN SOLUTION"),
    "an answer without a solution": (
        "### BEGIN SOLUTION\nweights = [model]\n### END SOLUTION", "1", "no solution in an answer"),
    "a solution outside an answer": ("import math", "### BEGIN SOLUTION\n### END SOLUTION", "outside an answer cell"),
    "two words in one cell": (ANSWER, ANSWER + ' check="toy_add"', "this one exercise and check"),
    "a question without points": (" points=3", "", 'Write written="order" points=3'),
    "a question for nothing": ("points=3", "points=0", "a number above 0"),
    "points in the wrong place": (ANSWER, ANSWER + " points=3", "Remove points"),
    "a card that is code": ('[markdown] card="toy_add"\n# A', 'card="toy_add"\n# A', "a card cell is markdown"),
    "an answer in words": (f"# %% {ANSWER}", f"# %% [markdown] {ANSWER}", "a exercise cell is code"),
    "a raw cell": ('# %% tags=["hide"]\nprint("the end")', "# %% [raw]\n# raw", "this one is raw"),
    "a slow check": ('# %% check="toy_add"', '# %% check="toy_add" slow=true', "slow goes with an exercise"),
    "slow that is not true": ("# %% slow=true", "# %% slow=1", "Write slow=true"),
    "a word that nobody knows": (ANSWER, 'exersise="toy_add"', "no word is called exersise"),
    "a word without quotes": (ANSWER, "exercise=toy_add", "double quotes"),
    "a name that is no name": ('written="order"', 'written="the order"', "takes a Python name"),
    "a check of something else": ('check("toy_add")', 'check("toy_model")', 'Write check("toy_add") in it'),
    "a word without its value": ("# %% slow=true", "# %% exercise", "'exercise' can't be read"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_source_is_named_with_its_place(source: Path, mistake: str) -> None:
    right, wrong, said = MISTAKES[mistake]
    assert right in LESSON
    source.write_text(LESSON.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(LessonError) as caught:
        build_lesson(source)
    assert said in str(caught.value)
    assert "90_toy.py:" in str(caught.value)


def test_a_message_gives_the_line_of_the_cell(source: Path) -> None:
    source.write_text(LESSON.replace("# %% slow=true", "# %% slow=false"), encoding="utf-8")
    line = LESSON.split("\n").index("# %% slow=true") + 1
    with pytest.raises(LessonError, match=rf"90_toy\.py:{line} \(cell 6\): slow is true or absent, not False"):
        build_lesson(source)


def test_a_message_does_without_the_line_where_python_cannot_be_read(source: Path) -> None:
    source.write_text(LESSON.replace("# %% slow=true", "# %% slow=false\n'''"), encoding="utf-8")
    with pytest.raises(LessonError, match=r"90_toy\.py \(cell 6\): slow is true"):
        build_lesson(source)


def test_text_before_the_first_marker_counts_as_a_cell(source: Path) -> None:
    source.write_text("x = 1\n\n# %% slow=2\ny = 2\n", encoding="utf-8")
    with pytest.raises(LessonError, match=r"90_toy\.py:3 \(cell 2\)"):
        build_lesson(source)


def test_a_name_used_twice_is_named_with_both_places(source: Path) -> None:
    again = '\n# %% [markdown] card="toy_add"\n# Again.\n'
    source.write_text(LESSON + again, encoding="utf-8")
    with pytest.raises(LessonError, match=r"a second card='toy_add'; the first is at .*90_toy\.py:15 \(cell 3\)"):
        build_lesson(source)


def test_cells_in_the_wrong_order_are_named(source: Path) -> None:
    check = '# %% check="toy_add"\ncheck("toy_add")\n\n'
    card = '# %% [markdown] card="toy_add"'
    source.write_text(LESSON.replace(check, "").replace(card, check + card), encoding="utf-8")
    with pytest.raises(LessonError, match="'toy_add' comes as check, card, exercise"):
        build_lesson(source)


def test_an_exercise_that_the_lesson_forgot_is_named(source: Path) -> None:
    exercise("toy_new", lesson="90_toy", points=1, difficulty=1, minutes=1)(type("New", (_Toy,), {}))
    with pytest.raises(LessonError, match="exercise 'toy_new' is declared but not here"):
        build_lesson(source)


def test_an_exercise_of_another_lesson_is_named(source: Path) -> None:
    moved = source.rename(source.with_name("91_other.py"))
    with pytest.raises(LessonError, match="'toy_add' belongs to lesson 90_toy, not 91_other"):
        build_lesson(moved)


def test_all_problems_are_told_at_once(source: Path) -> None:
    source.write_text(LESSON.replace("slow=true", "slow=2").replace(" points=3", ""), encoding="utf-8")
    with pytest.raises(LessonError) as caught:
        build_lesson(source)
    assert len(str(caught.value).split("\n")) == 3


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_an_unreadable_source_is_named(source: Path, content: bytes | None) -> None:
    source.unlink()
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(LessonError, match="can't be read"):
        build_lesson(source)
