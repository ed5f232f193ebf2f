"""`python -m autograder kernel doctor`: what this machine has, what is missing, how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from autograder.errors import CourseError

LEARNING, GRADING, TESTS, SPEED = "learning", "grading", "tests", "speed"
_LIBRARIES = ("torch", "numpy", "matplotlib", "jupyterlab", "ipykernel", "nbgrader", "safetensors", "rich")
_FREE_GIB = 1.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `help` is empty where it is there; `needed_for` says what it would hold up."""

    name: str
    needed_for: str
    found: str
    help: str = ""

    @property
    def missing(self) -> bool:
        """Is there something to do?"""
        return bool(self.help)


def examine() -> list[Finding]:
    """Look at everything; changes nothing and needs no network."""
    return [_look(probe) for probe in _PROBES]


def _look(probe: Callable[[], Finding]) -> Finding:
    """A probe that can't import what it looks with is itself a finding."""
    try:
        return probe()
    except ImportError as error:
        name = probe.__name__.strip("_")
        return Finding(name, LEARNING, str(error), "A package is missing or broken. Run: make setup")


def main() -> int:
    """Print what `examine` finds. 1 only where something is missing that learning needs."""
    from rich.console import Console
    from rich.table import Table

    findings = examine()
    table = Table(box=None, pad_edge=False)
    for column in ("", "what", "for", "found"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark = "[yellow]![/yellow]" if finding.missing else "[green]✓[/green]"
        table.add_row(mark, finding.name, finding.needed_for, finding.found)
    console = Console()
    console.print(table)
    for finding in findings:
        if finding.missing:
            console.print(f"\n[bold]{finding.name}[/bold] ({finding.needed_for}): {finding.help}", highlight=False)
    blocked = sorted({f.needed_for for f in findings if f.missing} - {SPEED})
    console.print(f"\n{'Something is missing for ' + ', '.join(blocked) if blocked else 'All is there'}.")
    return int(LEARNING in blocked)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    wrong = sys.version_info[:2] != (3, 11)
    help_ = "The course runs on Python 3.11. Install it and run: make setup PYTHON=/path/to/python3.11"
    return Finding("Python", LEARNING, f"{version} at {sys.executable}", help_ if wrong else "")


def _libraries() -> Finding:
    versions, absent = {}, []
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            absent.append(name)
    found = ", ".join(f"{name} {version}" for name, version in versions.items())
    help_ = f"Not installed: {', '.join(absent)}. Run: make setup" if absent else ""
    return Finding("packages", LEARNING, found, help_)


def _d2l() -> Finding:
    from autograder.d2l import load

    try:
        load()
    except ImportError as error:
        return Finding("d2l", LEARNING, "can't be imported", str(error))
    return Finding("d2l", LEARNING, metadata.version("d2l"))


def _data() -> Finding:
    from autograder.data import data_folder

    try:
        folder = data_folder()
    except (CourseError, OSError) as error:
        return Finding("data", LEARNING, "not found", str(error))
    sets = [path.parent for path in sorted(folder.glob("*/prepare.py"))]
    empty = [path.name for path in sets if not any(path.glob("train.*"))]
    help_ = "".join(f"Run: python data/{name}/prepare.py\n" for name in empty).rstrip()
    return Finding("data", LEARNING, ", ".join(path.name for path in sets if path.name not in empty), help_)


def _lessons() -> Finding:
    folder = Path(__file__).resolve().parent.parent / "notebooks"
    built = [path.stem for path in sorted(folder.glob("*/*.ipynb"))]
    return Finding("notebooks", LEARNING, ", ".join(built) or "none", "" if built else "Build them: make notebooks")


def _kernelspec() -> Finding:
    from autograder.kernel.spec import NAME, installed

    found = installed()
    help_ = "Install it into this environment: python -m autograder kernel install"
    return Finding("kernelspec", LEARNING, str(found or f"no {NAME} that starts this Python"), "" if found else help_)


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    low = free < _FREE_GIB
    help_ = f"Trained weights and gradebooks want {_FREE_GIB:.0f} GiB here. Free some, or work in another folder."
    return Finding("disk", LEARNING, f"{free:.1f} GiB free", help_ if low else "")


def _device() -> Finding:
    from autograder.device import describe_device, gpus

    sentence = describe_device()
    unused = "GPU" not in sentence.split(".")[0] and bool(gpus()) and os.environ.get("COURSE_DEVICE") != "cpu"
    help_ = "Install a torch with CUDA of the version that constraints.txt names. All lessons run without it."
    return Finding("device", SPEED, sentence, help_ if unused else "")


def _bubblewrap() -> Finding:
    from autograder.kernel.sandbox import HOW_TO_INSTALL

    tool = shutil.which("bwrap")
    if tool is None:
        return Finding("bubblewrap", GRADING, "not found", HOW_TO_INSTALL[0].upper() + HOW_TO_INSTALL[1:] + ".")
    return Finding("bubblewrap", GRADING, _output([tool, "--version"]) or tool)


def _namespaces() -> Finding:
    """Run `true` with the very arguments that grading uses: versions and switches alone don't tell."""
    from autograder.kernel.visible import bwrap_arguments

    tool = shutil.which("bwrap")
    if tool is None:
        return Finding("sandbox", GRADING, "not tried", "It needs bubblewrap first.")
    command = [*bwrap_arguments(tool, privileged=os.geteuid() == 0), "--", "/bin/true"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("sandbox", GRADING, str(error), "See what it says: bwrap --unshare-all --ro-bind / / true")
    if tried.returncode == 0:
        return Finding("sandbox", GRADING, "starts, with namespaces of its own")
    help_ = (
        "User namespaces may be switched off. As root, one of these switches them on: "
        "sysctl kernel.unprivileged_userns_clone=1 · sysctl kernel.apparmor_restrict_unprivileged_userns=0 · "
        "sysctl user.max_user_namespaces=15000. In a container, the host decides."
    )
    return Finding("sandbox", GRADING, tried.stderr.strip() or "does not start", help_)


def _gradebook() -> Finding:
    tool = shutil.which("alembic")
    help_ = "nbgrader calls alembic by its bare name. Activate the environment: . .venv/bin/activate"
    return Finding("gradebook", GRADING, tool or "alembic is not on PATH", "" if tool else help_)


def _chromium() -> Finding:
    tool = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if tool is None:
        return Finding("Chromium", TESTS, "not found", "Install it: sudo apt-get install chromium")
    return Finding("Chromium", TESTS, _output([tool, "--version"]) or tool)


def _output(command: list[str]) -> str:
    """The first line that a tool prints; empty where it can't be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().split("\n")[0]


_PROBES: tuple[Callable[[], Finding], ...] = (
    _python, _libraries, _d2l, _data, _lessons, _kernelspec, _disk, _device, _bubblewrap, _namespaces, _gradebook,
    _chromium,
)  # fmt: skip
