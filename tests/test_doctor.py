"""The doctor finds what is there and what is missing, and says how to get it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import namedtuple
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from autograder import d2l, data, device, doctor
from autograder.doctor import Finding, examine
from autograder.errors import CourseError
from autograder.kernel import spec


def finding(name: str) -> Finding:
    return next(f for f in examine() if f.name == name)


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)


def _raise(error: Exception) -> Any:
    raise error


def test_every_finding_says_what_it_is_for() -> None:
    assert {f.needed_for for f in examine()} == {"learning", "grading", "tests", "speed"}
    assert all(f.name and f.found for f in examine() if not f.missing)


def test_this_python_and_its_packages_are_found() -> None:
    assert sys.executable in finding("Python").found
    assert f"torch {metadata.version('torch')}" in finding("packages").found
    assert not finding("packages").missing


@pytest.mark.usefixtures("no_tools")
def test_missing_tools_come_with_the_command_that_installs_them() -> None:
    assert "apt-get install bubblewrap" in finding("bubblewrap").help
    assert "bubblewrap first" in finding("sandbox").help
    assert "apt-get install chromium" in finding("Chromium").help
    assert "activate" in finding("gradebook").help


def test_another_python_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 1))
    assert "Python 3.11" in doctor._python().help


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda n: _raise(metadata.PackageNotFoundError()) if n == "safetensors" else real(n)
    )
    assert finding("packages").help == "Not installed: safetensors. Run: make setup"


def test_a_broken_package_does_not_stop_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "describe_device", lambda: _raise(ImportError("no torch here")))
    found = finding("device")
    assert (found.needed_for, found.found) == ("learning", "no torch here")
    assert "make setup" in found.help


def test_d2l_that_cannot_be_imported_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(d2l, "load", lambda: _raise(ImportError("run this")))
    assert finding("d2l").help == "run this"


def test_data_that_is_not_there_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories" / "prepare.py").touch()
    monkeypatch.setattr(data, "data_folder", lambda: tmp_path)
    assert finding("data").help == "Run: python data/stories/prepare.py"
    monkeypatch.setattr(data, "data_folder", lambda: _raise(CourseError("nowhere")))
    assert finding("data").help == "nowhere"


def test_a_kernelspec_of_another_python_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spec.sys, "executable", str(tmp_path / "python"))
    assert "kernel install" in finding("kernelspec").help


def test_a_full_disk_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(free=2**20))
    assert "1 GiB" in finding("disk").help


def test_a_gpu_that_torch_cannot_use_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "gpus", lambda: [device.Gpu("GPU-1", "H", 9, 10)])
    monkeypatch.setattr(device, "describe_device", lambda: "Computing on the CPU (2 threads).")
    assert "torch with CUDA" in finding("device").help


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (subprocess.CompletedProcess([], 1, "", "bwrap: No permissions"), "bwrap: No permissions"),
        (OSError("not executable"), "not executable"),
    ],
)
def test_a_sandbox_that_does_not_start_is_told_of(monkeypatch: pytest.MonkeyPatch, outcome: Any, said: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/bwrap")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: _raise(outcome) if isinstance(outcome, OSError) else outcome)
    found = doctor._namespaces()
    assert found.found == said
    assert found.missing


@pytest.mark.parametrize(
    ("findings", "code", "said"),
    [
        ([Finding("a", "learning", "1")], 0, "All is there."),
        ([Finding("a", "grading", "", "do this")], 0, "Something is missing for grading."),
        ([Finding("a", "learning", "", "do this"), Finding("b", "tests", "", "x")], 1, "for learning, tests."),
        ([Finding("a", "speed", "", "do this")], 0, "All is there."),
    ],
)
def test_only_what_learning_needs_makes_it_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], findings: list[Finding], code: int, said: str
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    assert doctor.main() == code
    printed = capsys.readouterr().out
    assert said in printed
    assert ("do this" in printed) == any(f.missing for f in findings)
