"""The normal distribution, for which NumPy has no function."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np


def normal(x: Any) -> tuple[Any, Any]:
    """P(Z < x) for a standard normal Z, and its density exp(-x^2 / 2) / sqrt(2 pi).

    NumPy has no erf. float64 takes SciPy's, or where it is not installed Python's, one by one. For float32 formula 7.1.26 of Abramowitz and Stegun
    (1964), Handbook of mathematical functions, is as exact as the numbers are (2e-7), takes
    less than half of the time, and shares its exponential with the density.
    """
    density = x * x
    density *= -0.5
    np.exp(density, out=density)
    if x.dtype == np.float64:
        cdf = _ndtr(x)
    else:
        t = np.abs(x)
        t *= 0.3275911 / math.sqrt(2)
        t += 1
        np.divide(1, t, out=t)
        tail = t * 1.061405429  # half of erfc(|x| / sqrt 2) = density * polynomial(t) / 2
        for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            tail += coefficient
            tail *= t
        tail *= density
        right = (x > 0).astype(x.dtype)
        cdf = 0.5 - right  # tail / 2 on the left, 1 - tail / 2 on the right
        cdf *= tail
        cdf += right
    density *= 1 / math.sqrt(2 * math.pi)
    return cdf, density


def _ndtr(x: Any) -> Any:
    home = "cupyx.scipy" if type(x).__module__.startswith("cupy") else "scipy"
    try:
        return importlib.import_module(f"{home}.special").ndtr(x)
    except ImportError:
        erfc = np.frompyfunc(math.erfc, 1, 1)
        return 0.5 * erfc(x / -math.sqrt(2)).astype(x.dtype)
