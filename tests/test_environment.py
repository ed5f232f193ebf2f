"""Set-up: one list of versions, one command, nothing to do the second time; the kernel and its device."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from jupyter_client.manager import KernelManager
from traitlets.config import PyFileConfigLoader

from autograder import device
from autograder.kernel import launch, spec
from autograder.lesson import release_config

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [*PROJECT["dependencies"], *(name for group in PROJECT["optional-dependencies"].values() for name in group)]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> dict[str, str]:
    found = (re.fullmatch(r"\s*(?:- )?([\w.-]+)==([\w.]+)\s*", line) for line in lines)
    return {plain(match[1]): match[2] for match in found if match}


CONSTRAINTS = pins((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
CONDA = (ROOT / "environment.yml").read_text(encoding="utf-8")


def test_every_package_that_is_asked_for_has_one_exact_version() -> None:
    assert [name for name in DIRECT if plain(name) not in CONSTRAINTS] == []


def test_every_line_of_the_list_is_a_version_or_a_comment() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    assert len(pins(rows)) == len(rows)
    assert rows == sorted(rows, key=str.upper)


def test_conda_gets_the_same_versions() -> None:
    asked = pins(CONDA.splitlines())
    assert asked == {name: CONSTRAINTS[name] for name in asked}
    assert set(asked) == {*map(plain, DIRECT), "setuptools"}
    unpinned = pins(re.findall(r"[\w.-]+==[\w.]+", CONDA.partition("name:")[0]))
    assert unpinned == {name: CONSTRAINTS[name] for name in ("d2l", "torchvision")}
    assert "python=3.11\n" in CONDA
    assert "- bubblewrap\n" in CONDA


def test_what_is_installed_here_is_what_the_list_says() -> None:
    installed = {plain(name): metadata.version(name).partition("+")[0] for name in (*DIRECT, "d2l", "torchvision")}
    assert installed == {name: CONSTRAINTS[name] for name in installed}


def test_nbgrader_releases_with_the_same_words_as_the_builder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COURSE_FOLDER", str(tmp_path))
    config = PyFileConfigLoader("nbgrader_config.py", str(ROOT)).load_config()
    assert config.ClearSolutions == release_config().ClearSolutions


class Machine:
    """A machine that has what the test gives it: a folder for PATH, and a .venv whose Python writes down its calls."""

    TOOLS = ("sh", "dirname", "cat", "grep", "uname", "rm", "env", "chmod")

    def __init__(self, folder: Path) -> None:
        self.root, self.bin, self.log = folder / "course", folder / "bin", folder / "calls"
        (self.root / ".venv" / "bin").mkdir(parents=True)
        self.bin.mkdir()
        for name in ("scripts/setup.sh", "constraints.txt", "pyproject.toml"):
            (self.root / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        for name in self.TOOLS:
            (self.bin / name).symlink_to(str(shutil.which(name)))
        self.tool("id", "echo 1000")
        self.tool("uname", "echo Linux")
        (self.bin / "python3.11").symlink_to(os.path.realpath(sys.executable))
        self.write(self.root / ".venv" / "bin" / "python", f'echo "$@" >> {self.log}')
        (self.root / ".venv" / "pyvenv.cfg").write_text(f"command = python -m venv {self.root}/.venv\n")

    def write(self, path: Path, body: str) -> None:
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def tool(self, name: str, body: str) -> None:
        self.write(self.bin / name, body)

    def setup(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.bin / "sh"), "scripts/setup.sh"], cwd=self.root, env={"PATH": str(self.bin), **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def calls(self) -> list[str]:
        """What was called since the last look."""
        found = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [line for line in found if not line.startswith("-c")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_setup_installs_by_the_list_and_then_the_kernelspec(machine: Machine) -> None:
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    calls = machine.calls()
    pip = [call for call in calls if " pip " in f" {call} "]
    assert all("-c constraints.txt" in call for call in pip)
    assert [call for call in pip if "d2l torchvision" in call and "--no-deps" in call]
    assert calls[-1] == "-m autograder.kernel.spec"


def test_setting_up_again_calls_neither_pip_nor_apt(machine: Machine) -> None:
    machine.setup()
    machine.calls()
    machine.tool("apt-get", f"echo apt-get >> {machine.log}")
    assert machine.setup().returncode == 0
    assert machine.calls() == []


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml", "scripts/setup.sh"])
def test_setup_runs_again_when_what_it_reads_has_changed(machine: Machine, name: str) -> None:
    machine.setup()
    machine.calls()
    with (machine.root / name).open("a") as file:
        file.write("\n# changed\n")
    machine.setup()
    assert machine.calls() != []


def test_a_setup_that_failed_is_not_taken_for_done(machine: Machine) -> None:
    python = machine.root / ".venv" / "bin" / "python"
    body = python.read_text()
    machine.write(python, 'case "$*" in *editable*) exit 1;; esac')
    assert machine.setup().returncode != 0
    python.write_text(body)
    assert machine.setup().returncode == 0
    assert machine.calls() != []


def test_without_python_311_setup_says_how_to_get_it(machine: Machine) -> None:
    (machine.bin / "python3.11").unlink()
    machine.tool("python3", "exit 1")
    done = machine.setup()
    assert done.returncode == 1
    assert "apt-get install -y python3.11" in done.stderr
    assert "conda env create" in done.stderr
    assert "make setup PYTHON=" in done.stderr


def test_without_the_venv_module_setup_gives_the_command(machine: Machine) -> None:
    shutil.rmtree(machine.root / ".venv")
    (machine.root / "ensurepip.py").write_text("raise ImportError('not packaged')\n")
    done = machine.setup(PYTHONPATH=str(machine.root))
    assert done.returncode == 1
    assert "Type: sudo apt-get install -y python3.11-venv" in done.stderr


def test_bubblewrap_is_installed_where_root_can(machine: Machine) -> None:
    machine.tool("id", "echo 0")
    bwrap = machine.bin / "bwrap"
    machine.tool("apt-get", f'echo "apt-get $*" >> {machine.log}; echo > {bwrap}; chmod 755 {bwrap}')
    done = machine.setup()
    assert "apt-get install -y -q bubblewrap" in machine.calls()
    assert "grading needs bubblewrap" not in done.stdout


def test_bubblewrap_is_installed_where_sudo_asks_no_password(machine: Machine) -> None:
    machine.tool("apt-get", "exit 1")
    machine.tool("sudo", f'echo "sudo $*" >> {machine.log}')
    machine.setup()
    assert "sudo -n apt-get install -y -q bubblewrap" in machine.calls()


@pytest.mark.parametrize(
    ("tool", "said"),
    [("apt-get", "Type: sudo apt-get install -y bubblewrap"), ("dnf", "conda install -c conda-forge bubblewrap")],
)
def test_else_the_exact_command_is_told_each_time(machine: Machine, tool: str, said: str) -> None:
    machine.tool(tool, f"echo {tool} >> {machine.log}")
    assert said in machine.setup().stdout
    assert tool not in machine.calls()
    assert said in machine.setup().stdout


def test_every_target_sets_up_first() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    needs = dict(re.findall(r"^([a-z]+):[ ]?([a-z]*)$", text, flags=re.MULTILINE))
    targets = {"demo", "test", "lab", "notebooks", "lessons", "check", "bench", "constraints"}
    assert targets <= needs.keys()
    assert all(needs[target] == "setup" or needs[needs[target]] == "setup" for target in targets)


SMI = "GPU-a, Small, 1000, 24000\nGPU-b, Large, 70000, 81000\nGPU-c, Sliced, [N/A], [N/A]\nnonsense\n"


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 0, SMI, "")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: done)


@pytest.mark.usefixtures("two_gpus")
def test_the_gpu_with_most_free_memory_is_claimed() -> None:
    environ: dict[str, str] = {}
    gpu = device.claim_gpu(environ)
    assert gpu == device.Gpu("GPU-b", "Large", 70000, 81000)
    assert environ["CUDA_VISIBLE_DEVICES"] == "GPU-b"
    assert environ["COURSE_DEVICE"] == "cuda"
    assert environ["NVIDIA_TF32_OVERRIDE"] == "0"


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize("chosen", [{"CUDA_VISIBLE_DEVICES": "1"}, {"COURSE_DEVICE": "cpu"}])
def test_a_choice_that_was_made_is_respected(chosen: dict[str, str]) -> None:
    environ = dict(chosen)
    assert device.claim_gpu(environ) is None
    assert {key: environ.get(key) for key in ("CUDA_VISIBLE_DEVICES", "COURSE_DEVICE")} == {
        "CUDA_VISIBLE_DEVICES": chosen.get("CUDA_VISIBLE_DEVICES"), "COURSE_DEVICE": chosen.get("COURSE_DEVICE"),
    }  # fmt: skip


@pytest.mark.parametrize("failure", [OSError("gone"), subprocess.TimeoutExpired("nvidia-smi", 1)])
def test_a_driver_that_does_not_answer_means_no_gpu(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise failure

    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(subprocess, "run", fail)
    assert device.gpus() == []


def test_without_the_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert device.gpus() == []


def test_the_course_computes_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("COURSE_DEVICE", raising=False)
    assert device.course_device() == torch.device("cuda")
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert device.course_device() == torch.device("cpu")
    assert device.describe_device().startswith("Computing on the CPU (")


def test_tf32_is_off_wherever_the_course_computes() -> None:
    device.course_device()
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


def test_a_gpu_that_is_missing_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device, "gpus", list)
    monkeypatch.setenv("COURSE_DEVICE", "cuda")
    assert device.describe_device().endswith("COURSE_DEVICE asks for a GPU; torch finds none.")
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(device, "gpus", lambda: [device.Gpu("GPU-a", "Small", 1, 2)])
    assert device.describe_device().endswith("this torch was built without CUDA.")


@pytest.mark.gpu
def test_a_gpu_is_described_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    monkeypatch.delenv("COURSE_DEVICE", raising=False)
    assert torch.cuda.get_device_name(0) in device.describe_device()


def test_the_kernel_says_what_it_computes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    environ: dict[str, str] = {}
    monkeypatch.setattr(launch.os, "environ", environ)
    monkeypatch.setattr(device, "gpus", list)
    assert launch.announce() == "Sequence course on the CPU: no GPU found."
    environ["CUDA_VISIBLE_DEVICES"] = "1"
    assert launch.announce() == "Sequence course on CUDA_VISIBLE_DEVICES=1."
    environ["COURSE_DEVICE"] = "cpu"
    assert launch.announce() == "Sequence course on the CPU."
    environ.clear()
    monkeypatch.setattr(device, "gpus", lambda: [device.Gpu("GPU-a", "Small", 1, 2)])
    assert launch.announce() == "Sequence course on the GPU Small, 1 of 2 MiB free."


def test_the_kernelspec_is_installed_with_its_name(tmp_path: Path) -> None:
    folder = spec.install(str(tmp_path))
    content = json.loads((folder / "kernel.json").read_text())
    assert folder == tmp_path / "share" / "jupyter" / "kernels" / "sequence-course"
    assert content["display_name"] == "Sequence course (GPU if present)"
    assert content["argv"][0] == sys.executable


def test_a_kernel_of_the_course_starts_and_imports_what_lies_beside_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.install(str(tmp_path / "prefix"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "prefix" / "share" / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    work = tmp_path / "work"
    work.mkdir()
    (work / "beside.py").write_text("word = 'found'\n")
    (work / "json.py").write_text("raise SystemExit('a learner shadowed the library')\n")
    manager = KernelManager(kernel_name="sequence-course")
    manager.start_kernel(cwd=str(work), stderr=subprocess.DEVNULL)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        said: list[str] = []
        client.execute_interactive(
            "import os, sys, beside; print(beside.word, os.environ['NVIDIA_TF32_OVERRIDE'], 'torch' in sys.modules)",
            timeout=60, output_hook=lambda message: said.append(str(message["content"].get("text", ""))),
        )  # fmt: skip
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "".join(said) == "found 0 False\n"
