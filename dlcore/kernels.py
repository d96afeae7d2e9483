"""Let matrix products use numbers as wide as the processor has.

NumPy's wheels hold OpenBLAS for five families of processors (NumPy's pull request 27147). AMD's with AVX-512, Zen 4
and Zen 5, are in none of them and get the kernels of 2013, which take 8 numbers at a time and not 16: measured on one
core of a Zen 5, a product of 512 x 512 matrices runs at 120 GFLOP/s in place of 226. OPENBLAS_CORETYPE names another
family; OpenBLAS reads it once, when NumPy is loaded. So it is set here if dlcore comes first, and in the Makefile.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NEEDED = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}  # by the family SkylakeX


def widest(processor: str) -> str | None:
    """The family to ask for on a ``processor``, a text like /proc/cpuinfo; None if OpenBLAS finds it by itself."""
    flags = next((line for line in processor.splitlines() if line.startswith("flags")), "")
    unknown = "AuthenticAMD" in processor and set(flags.split()) >= _NEEDED
    return "SkylakeX" if unknown else None


def here() -> str | None:
    """``widest`` on this machine."""
    try:
        return widest(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:  # not Linux
        return None


if __name__ == "__main__":
    print(here() or "")
elif "numpy" not in sys.modules and (family := here()):
    os.environ.setdefault("OPENBLAS_CORETYPE", family)
