"""Which of OpenBLAS's kernels multiply."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from dlcore import kernels
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
    assert kernels.widest(processor) == family


def started(program: str, **env: str) -> str:
    """What a fresh Python prints."""
    rest = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
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
    assert ours == (str({kernels.here()}) if kernels.here() and plain != "set()" else plain)
    assert started("import numpy, dlcore" + FAMILY) == plain  # too late, and nothing is broken


def test_who_has_chosen_a_family_keeps_it():
    assert started("import dlcore" + FAMILY, OPENBLAS_CORETYPE="Sandybridge") == started(
        FAMILY, OPENBLAS_CORETYPE="Sandybridge"
    )


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("chosen", [None, "Haswell"])
def test_make_asks_for_the_same(chosen):
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    env |= {"OPENBLAS_CORETYPE": chosen} if chosen else {}
    told = subprocess.run(
        ["make", "-s", "-f", "-", "told"],
        input="include Makefile\ntold:\n\t@echo $$OPENBLAS_CORETYPE\n",
        cwd=ROOT, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == (chosen or kernels.here() or "")
