"""What a sandboxed kernel can see of this machine, as bubblewrap's arguments.

The system read-only; this Python and its packages read-only; of this package the student's side only; the lessons'
data. No home folder, no network, nothing writable but memory.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterator
from pathlib import Path

from autograder.kernel import isolate

STUDENT_SIDE = (
    "__init__.py", "artifacts.py", "chance.py", "checking.py", "compare.py", "d2l.py", "data.py", "device.py",
    "drive.py", "errors.py", "exercise.py", "exercises", "feedback.py", "pairs.py", "real_text.py", "story_words.py",
    "trained_exercise.py", "training.py", "verdict.py", "wire.py",
    "kernel/__init__.py", "kernel/inside.py", "kernel/isolate.py", "kernel/refuse.py", "kernel/warm.py",
)
PACKAGE = Path(__file__).resolve().parent.parent
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime")


def data_folder() -> Path:
    """The folder of the course's data sets."""
    return Path(os.environ.get("COURSE_DATA", PACKAGE.parent / "data")).resolve()


def bwrap_arguments(bwrap: str, privileged: bool, devices: tuple[str, ...] = ()) -> list[str]:
    """The command line that puts what follows it into the sandbox."""
    arguments = [bwrap, "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
    if privileged:
        arguments += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        arguments += ["--unshare-all"]
    arguments += ["--hostname", "sandbox", "--proc", "/proc", "--dev", "/dev"]
    for device in devices:
        arguments += ["--dev-bind-try", device, device]
    for place in ("/tmp", isolate.SOCKETS):
        arguments += ["--perms", "0777", "--size", str(16 * 2**20), "--tmpfs", place]
    arguments += ["--perms", "0777", "--dir", isolate.HOME, "--dir", isolate.OWN_SOCKETS]
    arguments += [part for group in _binds() for part in group]
    # Where nobody is root, the kernels own these folders: what one leaves there, the next would find.
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return arguments + [part for pair in _environment().items() for part in ("--setenv", *pair)]


def _binds() -> Iterator[list[str]]:
    for path in _SYSTEM:
        if os.path.islink(path):
            yield ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            yield ["--ro-bind", path, path]
    yield ["--perms", "0755", "--dir", "/etc"]
    for path in _ETC:
        yield ["--ro-bind-try", path, path]
    for path in (*python_folders(), str(PACKAGE), str(data_folder())):
        # bubblewrap makes missing parents for their owner alone, and the warm process is nobody
        for parent in reversed(Path(path).parents):
            if str(parent) != "/" and str(parent) not in _SYSTEM:
                yield ["--perms", "0755", "--dir", str(parent)]
    for path in python_folders():
        yield ["--ro-bind", path, path]
    yield ["--perms", "0755", "--tmpfs", str(PACKAGE)]
    yield ["--perms", "0755", "--dir", str(PACKAGE / "kernel")]
    for name in STUDENT_SIDE:
        yield ["--ro-bind-try", str(PACKAGE / name), str(PACKAGE / name)]
    yield ["--remount-ro", str(PACKAGE)]
    yield ["--ro-bind-try", str(data_folder()), str(data_folder())]


def python_folders() -> list[str]:
    """Where this interpreter and its packages live, outside the system's folders; none inside another."""
    found = {sys.prefix, sys.base_prefix, *site.getsitepackages()}
    found |= {os.path.dirname(os.path.realpath(sys.executable))}
    outside = sorted(p for p in found if os.path.isdir(p) and not p.startswith("/usr/") and p != "/usr")
    return [p for p in outside if not any(p != q and p.startswith(q.rstrip("/") + "/") for q in outside)]


def _environment() -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin", "HOME": isolate.HOME, "USER": "learner", "LOGNAME": "learner", "LANG": "C.UTF-8",
        "PYTHONPATH": str(PACKAGE.parent), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",  # each arena takes 64 MiB of the address space, which is limited
        "MPLCONFIGDIR": "/tmp/matplotlib", "IPYTHONDIR": f"{isolate.HOME}/.ipython", "COURSE_BUDGET": "quick",
        "COURSE_DATA": str(data_folder()), "COURSE_SANDBOX": "1",
        "COURSE_KEEP": os.pathsep.join([*python_folders(), str(PACKAGE), str(data_folder())]),
    }
