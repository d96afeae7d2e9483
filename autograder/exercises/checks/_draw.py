"""Small helpers for drawing cases."""

from __future__ import annotations

import numpy as np


def size(rng: np.random.Generator, low: int = 2, high: int = 6) -> int:
    """A length from ``low`` to ``high``."""
    return int(rng.integers(low, high + 1))


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Normal numbers rounded to hundredths, so that a card is easy to read."""
    return np.round(scale * rng.standard_normal(shape), 2)


def nonzero(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Normal numbers kept at least 0.1 away from zero."""
    x = normal(rng, *shape, scale=scale)
    return np.where(np.abs(x) < 0.1, 0.25, x)
