"""To a GPU and back, where there is one; code of NumPy's functions follows its arrays."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np


def to_gpu(array: Any) -> Any:
    """The array on the GPU (CuPy's); the array itself where there is no GPU, or no CuPy.

    >>> to_numpy(to_gpu(np.arange(3)) + 1)
    array([1, 2, 3])
    """
    cupy = _cupy()
    return array if cupy is None else cupy.asarray(array)


def to_numpy(array: Any) -> np.ndarray:
    """The array as NumPy's, from wherever it lives."""
    return np.asarray(array.get() if hasattr(array, "get") else array)


def to_device(array: Any, like: Any) -> Any:
    """The array where ``like`` lives; itself if it lives there already."""
    here = isinstance(array, np.ndarray | np.generic)
    if isinstance(like, np.ndarray | np.generic):
        return array if here else to_numpy(array)
    return np.asarray(array, like=like) if here else array


def where() -> str:
    """Where ``to_gpu`` takes arrays: "GPU" or "CPU"."""
    return "CPU" if _cupy() is None else "GPU"


@cache
def _cupy() -> Any:
    try:
        cupy = importlib.import_module("cupy")
        return cupy if cupy.cuda.runtime.getDeviceCount() else None
    except Exception:  # not installed, or no driver: CuPy has many ways of saying so
        return None
