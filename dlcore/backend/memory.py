"""Keep freed memory for the next array instead of handing it back to the system.

A training step frees and allocates the same large arrays again and again. By default the C
library returns each of them to the operating system at once, and the next one then costs a
page fault for every 4 kB: measured, up to half of the time of a layer norm. Three settings of
glibc's ``malloc`` stop that. Elsewhere (macOS, Windows, musl) nothing is changed.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # from glibc's malloc.h


def keep_freed_memory() -> bool:
    """Ask the C library to keep up to 1 GiB; whether it could be asked."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    # one store for all threads: those of other threads are given back whenever they run empty
    settings = (_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, 1 << 30), (_ARENA_MAX, 1)
    return all(mallopt(name, value) for name, value in settings)
