"""A plane of probabilities as pixels: blue for one class, orange for the other."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb

from dlcore.plot import COLORS


def _tints() -> np.ndarray:
    """256 colors from blue, class 0, by white to orange, class 1."""
    low, high = (np.array(to_rgb(COLORS[k])) for k in (0, 1))
    share = np.linspace(-1, 1, 256)[:, None]
    strength = 0.75 * np.abs(share)
    return (255 * (1 - strength * (1 - np.where(share < 0, low, high)))).astype(np.uint8)


_TINTS = _tints()


def tinted(values: np.ndarray, zoom: int = 1) -> np.ndarray:
    """Values (H, W) from 0 to 1, the first row below -> pixels (zoom H, zoom W, 3)."""
    index = (255 * np.clip(values[::-1], 0, 1)).astype(np.uint8)
    return _TINTS[index].repeat(zoom, 0).repeat(zoom, 1)
