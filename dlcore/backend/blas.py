"""Let matrix products use numbers as wide as the processor has, and give its cores back when they are done.

NumPy's wheels hold OpenBLAS for five families of processors (NumPy's pull request 27147). AMD's with AVX-512, Zen 4
and Zen 5, are in none of them and get the kernels of 2013, which take 8 numbers at a time and not 16: measured on one
core of a Zen 5, a product of 512 x 512 matrices runs at 120 GFLOP/s in place of 226. (A Zen 4 does the 16 in two
halves: large products gain nothing there, attention's small ones a tenth.) OPENBLAS_CORETYPE names another family.

After a product OpenBLAS's threads go on spinning, in wait for the next one, for 2^26 cycles: on two cores, beside
the threads of ``blocks``, which have work to do. OPENBLAS_THREAD_TIMEOUT = 20 makes it 2^20, a third of a
millisecond: measured on two cores, a step of ``make bench``'s transformer takes 31 ms in place of 37.

OpenBLAS reads both once, when NumPy is loaded. So they are set here if dlcore comes first, and in the Makefile.
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


def here() -> dict[str, str]:
    """What to ask of OpenBLAS on this machine: environment variables and their values."""
    try:
        family = widest(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:  # not Linux
        family = None
    asked = {"OPENBLAS_CORETYPE": family, "OPENBLAS_THREAD_TIMEOUT": "20"}
    return {name: value for name, value in asked.items() if value}


if __name__ == "__main__":
    print(*(f"{name}={value}" for name, value in here().items()))
elif "numpy" not in sys.modules:
    for name, value in here().items():
        os.environ.setdefault(name, value)
