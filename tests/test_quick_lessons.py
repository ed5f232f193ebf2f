"""Every solution notebook runs from top to bottom, quick, without an error or a word on standard error."""

from pathlib import Path

import pytest

from autograder.lesson import build_all, lessons
from benchmarks.execution import execute

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("lesson", lessons(ROOT))
def test_the_solution_runs_from_top_to_bottom(lesson, tmp_path):
    build_all(ROOT)
    folder = execute(lesson, ROOT, quick=True, folder=tmp_path / lesson)
    assert (folder / f"{lesson}.ipynb").is_file()
