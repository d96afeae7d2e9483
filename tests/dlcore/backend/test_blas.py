"""Which of OpenBLAS's kernels multiply."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from dlcore.backend import blas
from tests.conftest import ROOT

ZEN_5 = """processor\t: 0
vendor_id\t: AuthenticAMD
flags\t\t: fpu sse4_2 avx2 avx512f avx512dq avx512ifma avx512cd avx512bw avx512vl avx512_vnni
"""


@pytest.mark.parametrize(
    ("processor", "family"),
    [
        (ZEN_5, "SkylakeX"),
        (ZEN_5.replace(" avx512vl", ""), None),  # such a kernel would be an illegal instruction
        (ZEN_5.replace("AuthenticAMD", "GenuineIntel"), None),  # is found
        ("processor\t: 0\nFeatures\t: fp asimd\n", None),
        ("", None),
    ],
)
def test_another_family_is_asked_for_where_openblas_knows_no_better(processor, family):
    assert blas.widest(processor) == family


def started(program: str, **env: str) -> str:
    """What a fresh Python prints."""
    rest = {name: value for name, value in os.environ.items() if name not in blas.here()}
    done = subprocess.run(
        [sys.executable, "-c", program], env=rest | env, cwd=ROOT, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


FAMILY = """
import numpy, threadpoolctl
print({x.get("architecture") for x in threadpoolctl.threadpool_info() if x["internal_api"] == "openblas"})
"""


def test_numpy_multiplies_with_the_kernels_that_were_asked_for():
    plain, ours = started(FAMILY), started("import dlcore" + FAMILY)
    family = blas.here().get("OPENBLAS_CORETYPE")
    assert ours == (str({family}) if family and plain != "set()" else plain)
    assert started("import numpy, dlcore" + FAMILY) == plain  # too late, and nothing is broken


def test_who_has_chosen_a_family_keeps_it():
    assert started("import dlcore" + FAMILY, OPENBLAS_CORETYPE="Sandybridge") == started(
        FAMILY, OPENBLAS_CORETYPE="Sandybridge"
    )


IDLE = """
import time, numpy
a = numpy.ones((600, 600))
a @ a
time.sleep(0.01)
start = time.process_time()
time.sleep(0.2)
print(time.process_time() - start)
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_after_a_product_nobody_goes_on_spinning():
    if started(FAMILY) == "set()":
        pytest.skip("NumPy multiplies without OpenBLAS")
    spun = float(started(IDLE, OPENBLAS_NUM_THREADS="2", OPENBLAS_THREAD_TIMEOUT="30"))
    ours = float(started("import dlcore" + IDLE, OPENBLAS_NUM_THREADS="2"))
    assert ours < spun / 3  # seconds of processor time while nothing is asked for


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize(
    "chosen", [{}, {"OPENBLAS_CORETYPE": "Haswell"}, {"OPENBLAS_THREAD_TIMEOUT": "9"}]
)
def test_make_asks_for_the_same(chosen):
    env = {name: value for name, value in os.environ.items() if name not in blas.here()}
    told = subprocess.run(
        ["make", "-s", "-f", "-", "told"],
        input="include Makefile\ntold:\n\t@env\n",
        cwd=ROOT, env=env | chosen, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = dict(line.split("=", 1) for line in told.stdout.splitlines() if "=" in line)
    names = ("OPENBLAS_CORETYPE", "OPENBLAS_THREAD_TIMEOUT")
    assert {name: told.get(name) for name in names} == dict.fromkeys(names) | blas.here() | chosen
