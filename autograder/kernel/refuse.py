"""Refuse the system calls that no lesson needs: they take memory past every limit, or open a way into the system.

A seccomp filter (https://docs.kernel.org/userspace-api/seccomp_filter.html): once set it holds for this process and
all that it starts, and can't be taken back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from dataclasses import dataclass

NUMBERS = {
    # name: (x86_64, aarch64)
    # Memory that no limit counts
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (240, 180),
    # Other namespaces, other mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    # Other processes, and parts of the kernel that are seldom needed and often broken
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "bpf": (321, 280),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "userfaultfd": (323, 282), "perf_event_open": (298, 241), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "kexec_load": (246, 104), "init_module": (175, 105), "finit_module": (313, 273),
}  # fmt: skip
_NEW_NAMESPACES = 0x7E020000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_PR_SET_SECCOMP, _FILTER_MODE = 22, 2


@dataclass(frozen=True)
class Machine:
    """What differs from one processor to the next: its column in NUMBERS, its audit number, its `clone`."""

    column: int
    audit: int
    clone: int


MACHINES = {"x86_64": Machine(0, 0xC000003E, 56), "aarch64": Machine(1, 0xC00000B7, 220)}
_CLONE3 = 435
_OTHER_ABI = 0x40000000  # x86_64 knows its calls by a second set of numbers


def program(machine: Machine) -> list[tuple[int, int, int, int]]:
    """The filter: (operation, jump if true, jump if false, operand)."""
    refuse = (_RETURN, 0, 0, _ERROR | errno.EPERM)
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, machine.audit), refuse, (_LOAD, 0, 0, _NUMBER)]
    steps += [(_AT_LEAST, 0, 1, _OTHER_ABI), refuse]
    for numbers in NUMBERS.values():
        steps += [(_EQUAL, 0, 1, numbers[machine.column]), refuse]
    # clone3 hides its flags behind a pointer; told that it is missing, the C library takes clone.
    steps += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERROR | errno.ENOSYS)]
    steps += [(_EQUAL, 0, 3, machine.clone), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_BIT, 0, 1, _NEW_NAMESPACES), refuse]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def refuse_system_calls() -> None:  # pragma: no cover  in the sandbox: tests/test_sandbox.py
    """Set the filter; needs `no_new_privs`. On a processor that it does not know it changes nothing."""
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        return
    steps = program(machine)
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    header = struct.pack("<HxxxxxxQ", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_FILTER_MODE), header, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
