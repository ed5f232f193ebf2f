"""The demo: eight submissions through nbgrader and through `grade`, and each gets what it deserves."""

import shutil
from pathlib import Path

import pytest

from autograder.demo import run_demo

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap"),
]


def test_the_eight_get_what_they_deserve_from_nbgrader_and_from_grade_alike(tmp_path, capsys):
    assert run_demo(tmp_path / "class") == 0
    told = capsys.readouterr().out
    assert "agree on all 8" in told
    feedback = sorted(path.parent.parent.name for path in Path(tmp_path, "class", "feedback").rglob("02_rnn.html"))
    assert feedback == ["ada", "ben", "cleo", "dan", "eve", "finn", "gil", "hal"]
