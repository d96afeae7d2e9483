"""New arrays where another one lives: of its kind and dtype, and always in row-major order.

NumPy's own take over the order in memory of the one that they are like. Whoever then writes into
``reshape(-1)`` of a transposed one writes into a copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def empty_like(x: Any, shape: Any = None, dtype: Any = None) -> Any:
    """An array whose entries are yet to be written."""
    return np.empty_like(x, dtype=dtype, order="C", shape=shape)


def zeros_like(x: Any, shape: Any = None, dtype: Any = None) -> Any:
    """An array of zeros."""
    return np.zeros_like(x, dtype=dtype, order="C", shape=shape)


def ones_like(x: Any, shape: Any = None, dtype: Any = None) -> Any:
    """An array of ones."""
    return np.ones_like(x, dtype=dtype, order="C", shape=shape)
