"""Data sets that need no download: scikit-learn's bundled ones, and points drawn in the plane."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Dataset(NamedTuple):
    """Inputs x (N, D) float64, labels y (N,) integers, and what the columns and classes are called."""

    x: NDArray[np.float64]
    y: NDArray[np.integer]
    features: tuple[str, ...]
    classes: tuple[str, ...]


def iris() -> Dataset:
    """150 flowers of three species, four lengths in centimetres (Fisher, 1936)."""
    from sklearn.datasets import load_iris

    bunch: Any = load_iris()
    names = tuple(name.replace(" (cm)", "") for name in bunch.feature_names)
    return Dataset(bunch.data, bunch.target, names, tuple(map(str, bunch.target_names)))


def digits() -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels, grey values scaled to 0..1 (Alpaydin and Kaynak, 1998)."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    names = tuple(f"pixel {i // 8},{i % 8}" for i in range(64))
    return Dataset(bunch.data / 16, bunch.target, names, tuple("0123456789"))


def blobs(n: int, rng: np.random.Generator, distance: float = 3.0, spread: float = 0.8) -> Dataset:
    """Two round clouds in the plane, ``n`` points each, whose centres lie ``distance`` apart."""
    centre = np.array([distance, distance]) / (2 * np.sqrt(2))
    x = np.concatenate([c + spread * rng.standard_normal((n, 2)) for c in (-centre, centre)])
    return Dataset(x, np.repeat([0, 1], n), ("x1", "x2"), ("0", "1"))


def xor(n: int, rng: np.random.Generator, spread: float = 0.25) -> Dataset:
    """Four clouds at the corners of a square, ``n`` points each; opposite corners share a class."""
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], dtype=float)
    x = np.concatenate([c + spread * rng.standard_normal((n, 2)) for c in corners])
    return Dataset(x, np.repeat([0, 1, 1, 0], n), ("x1", "x2"), ("same", "different"))
