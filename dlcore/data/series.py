"""Time series: yearly sunspots, and the simulated vibration of a machine that wears out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlcore.data.bundled import bundled


def sunspots() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The years 1700 to 2008, and the mean number of sunspots in each (NOAA, as statsmodels bundles it).

    Shapes: (309,), (309,).
    """
    path = bundled("statsmodels", "datasets/sunspots/sunspots.csv")
    years, spots = np.loadtxt(path, delimiter=",", skiprows=1, unpack=True)
    return years.astype(np.int64), spots


FAULTS = ("bearing", "gear", "stuck", "loose")


def bearing_vibration(
    n: int, rng: np.random.Generator, fault: str | None = None, onset: int = 0
) -> NDArray[np.float64]:
    """The vibration of a machine whose speed and load drift, about 20 numbers a turn; from ``onset`` on it wears out.

    A fault grows from nothing at ``onset`` to its full size at the end: a "bearing" knocks 3.57 times a turn, a worn
    "gear" adds to the third harmonic, a "loose" mount lets the upper half swing farther. A "stuck" sensor repeats its
    last number at once. Simulated.  Shapes: (n,).  Raises ValueError for another fault.
    """
    if fault is not None and fault not in FAULTS:
        raise ValueError(f"bearing_vibration: no fault is called {fault!r}; choose one of {FAULTS}")
    time = np.arange(n)

    def drift(scale: int) -> NDArray[np.float64]:
        """Something between -1 and 1 that changes over ``scale`` numbers."""
        corners = rng.standard_normal(n // scale + 2)
        return np.tanh(np.interp(time / scale, np.arange(len(corners)), corners))

    angle = 2 * np.pi * np.cumsum((1 + 0.25 * drift(400)) / 20)
    load = 1 + 0.3 * drift(250)
    x = load * (np.sin(angle) + 0.5 * np.sin(2 * angle + 1) + 0.25 * np.sin(3 * angle + 2))
    x += 0.08 * rng.standard_normal(n)
    size = np.clip((time - onset) / max(n - onset, 1), 0, 1)
    if fault == "bearing":
        knocks = np.diff(np.floor(3.57 * angle / (2 * np.pi)), prepend=0) > 0
        ring = np.exp(-np.arange(12) / 3) * np.cos(2.2 * np.arange(12))
        x += 1.5 * size * np.convolve(knocks, ring)[:n]
    elif fault == "gear":
        x += size * load * np.sin(3 * angle + 0.3)
    elif fault == "loose":
        x += 0.75 * size * np.maximum(x, 0) ** 2
    elif fault == "stuck":
        x[onset:] = x[onset]
    return x
