"""Landlock: what part of the file system a process may touch, without namespaces.

Linux 5.13 and newer; used where user namespaces are blocked. See landlock(7).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from autograder.sandbox.kernel import check, libc

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_EXECUTE, _WRITE, _READ, _READ_DIR = 1, 2, 4, 8
_DIRECTORIES = _READ_DIR | sum(1 << bit for bit in range(4, 14))  # rights that files have not


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock in this kernel; 0 if there is none."""
    return max(0, libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


LISTED = "/."  # at the end of a path: the names in it alone


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Leave this process, for good, only these files and what lies below them."""
    abi = version()
    fs = (1 << (13 if abi < 2 else 14 if abi < 3 else 15)) - 1
    if abi >= 5:
        fs |= 1 << 15  # ioctl on devices
    rules = _Ruleset(fs, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = check(
        libc.syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), 0), "landlock"
    )
    reading = _EXECUTE | _READ | _READ_DIR
    for paths, rights in ((readable, reading), (writable, fs)):
        for path in paths:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            allowed = (_READ_DIR if path.endswith(LISTED) else rights) & fs
            if not Path(path).is_dir():
                allowed &= ~_DIRECTORIES
            rule = _Beneath(allowed, fd)
            check(libc.syscall(_ADD, ruleset, 1, ctypes.byref(rule), 0), f"landlock {path}")
            os.close(fd)
    check(libc.prctl(38, 1, 0, 0, 0), "no new privileges")
    check(libc.syscall(_RESTRICT, ruleset, 0), "landlock")
    os.close(ruleset)
