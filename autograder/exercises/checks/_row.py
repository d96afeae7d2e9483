"""Several arrays judged as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def in_a_row(arrays: Iterable[Any]) -> np.ndarray:
    """All numbers of all arrays, one after the other."""
    return np.concatenate([np.ravel(a) for a in arrays])
