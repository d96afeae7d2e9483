"""Keep freed memory for the next array instead of handing it back to the system.

A training step frees and allocates the same large arrays again and again. By default the C
library returns each of them to the operating system at once, and the next one then costs a
page fault for every 4 kB: measured, up to half of the time of a layer norm. Two settings of
glibc's ``malloc`` stop that. Elsewhere (macOS, Windows, musl) nothing is changed.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h


def keep_freed_memory() -> bool:
    """Ask the C library to keep up to 1 GiB; whether it could be asked."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    # the second first: setting it also stops glibc from adapting both by itself
    return bool(mallopt(_MMAP_THRESHOLD, 1 << 30) and mallopt(_TRIM_THRESHOLD, 1 << 30))
