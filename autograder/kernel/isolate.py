"""Put a freshly forked process into namespaces of its own, with nothing left to reach and limits on what it may use.

Runs inside bubblewrap, in the child of the warm process, before any thread starts. The order matters: see `isolate`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Mapping
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)

_NEWUSER, _NEWNS, _NEWPID, _NEWIPC, _NEWNET, _NEWUTS = (
    0x10000000, 0x00020000, 0x20000000, 0x08000000, 0x40000000, 0x04000000,
)
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_PDEATHSIG = 4, 24, 38, 1
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63
HOME = "/home/learner"
SOCKETS = "/s"
OWN_SOCKETS = "/k"


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:  # pragma: no cover
    arguments = (source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _check(_libc.mount(*arguments), f"mount {target}")


def _prctl(option: int, value: int) -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def become_nobody(uid: int = 65534) -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Give up root for good. The kernel exempts root from the limit on processes, so the judge's root must go."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _prctl(_PR_SET_DUMPABLE, 1)


def new_namespaces() -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """New user, mount, pid, ipc, network and host-name namespaces; the pid namespace begins with the next fork."""
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(_NEWUSER | _NEWNS | _NEWPID | _NEWIPC | _NEWNET | _NEWUTS), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)


def cover(kernel_id: str, limits: Mapping[str, Any]) -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Hide every place that another submission could have written to, and `/proc`; give private empty ones."""
    _mount(f"{SOCKETS}/{kernel_id}", OWN_SOCKETS, "", _MS_BIND)
    flags = _MS_NOSUID | _MS_NODEV
    size = f"size={limits['home_bytes']},nr_inodes={limits['files']},mode=0755"
    kept = {path: os.open(path, os.O_PATH) for path in _needed_below("/tmp")}
    for place in (HOME, "/tmp", "/dev/shm"):
        _mount("tmpfs", place, "tmpfs", flags, size)
    for path, descriptor in kept.items():
        os.makedirs(path, exist_ok=True)
        _mount(f"/proc/self/fd/{descriptor}", path, "", _MS_BIND | _MS_REC)
        os.close(descriptor)
    for place in (SOCKETS, "/dev/pts"):
        _mount("tmpfs", place, "tmpfs", flags | _MS_RDONLY, "size=4k")
    _cover_proc(flags)


def _needed_below(place: str) -> list[str]:
    """Folders of Python, the package and the data below a place that is about to be covered."""
    wanted = os.environ.get("COURSE_KEEP", "").split(os.pathsep)
    return [path for path in wanted if path.startswith(f"{place}/")]


def seal_sockets() -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Keep the kernel from changing the folder of its sockets, which the judge looks into. They still work."""
    flags = _MS_BIND | _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _MS_NODEV
    _mount("none", OWN_SOCKETS, "", flags)


def _cover_proc(flags: int) -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    # torch reads cpuinfo at its first operation; everything else in /proc would lead to the warm process.
    kept = {name: _read(f"/proc/{name}") for name in ("cpuinfo", "meminfo")}
    _mount("tmpfs", "/proc", "tmpfs", flags, "size=1m,mode=0755")
    for name, text in kept.items():
        with open(f"/proc/{name}", "w") as file:
            file.write(text)
    _mount("none", "/proc", "", _MS_BIND | _MS_REMOUNT | _MS_RDONLY | flags)


def _read(path: str) -> str:
    with open(path) as file:
        return file.read(200_000)


def limit(limits: Mapping[str, Any]) -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Limits on address space (beyond the present), processes, files, descriptors and processor time."""
    pages = int(_read("/proc/self/statm").split()[0])
    memory = pages * resource.getpagesize() + int(limits["memory_bytes"])
    wanted = {
        resource.RLIMIT_AS: memory, resource.RLIMIT_NPROC: limits["processes"], resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits["home_bytes"], resource.RLIMIT_NOFILE: limits["descriptors"],
        resource.RLIMIT_CPU: limits["cpu_seconds"],
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(kind, (value, value))


def first_to_go() -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Where memory runs out, let the system end this process before any other. Needs `/proc`."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def drop_privileges() -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """No new privileges, no capability in any set. Must come before the first thread: capabilities are per thread."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(_LAST_CAPABILITY + 1):
        if _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) != 0:
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(nothing)), "capset")


def die_with_parent() -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Be killed when the parent goes."""
    _prctl(_PR_SET_PDEATHSIG, 9)
