"""What LSTM and GRU share: how weights and inputs are arranged so that each gate lies in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.backend.arrays import ones_like


def each_row(h: Any, factors: Sequence[float]) -> Any:
    """h (N, H), for its dtype -> (G H, 1): a factor for all rows of a gate's weights.

    sigmoid(a) = tanh(a / 2) / 2 + 1 / 2: with the weights of a sigmoid halved beforehand, one tanh serves
    all gates, and takes half as long as an exponential and a quotient.
    """
    return np.concatenate([f * ones_like(h, shape=(h.shape[1], 1)) for f in factors])


def by_gate(a: Any, gates: int) -> Any:
    """a (N, G H) as (G, N, H), a view.

    Products over all times want the gates side by side. Everything else wants each gate in one piece:
    NumPy takes more than twice as long for a quarter of each row.
    """
    return a.reshape(len(a), gates, a.shape[1] // gates).swapaxes(0, 1)


def turned_by_gate(w: Any, gates: int) -> Any:
    """w (G H, D) -> (G, D, H): h @ this is (G, N, H), each gate in one piece."""
    return w.reshape(gates, len(w) // gates, w.shape[1]).swapaxes(1, 2).copy()


def inputs_by_gate(x: Any, w: Any, b: Any, out: Any) -> None:
    """What the inputs of all times contribute:  x (T, N, D), w (G H, D), b (G H, 1); writes out (G, T, N, H)."""
    gates, t, n, h = out.shape
    rows = out.reshape(gates, t * n, h)
    np.matmul(x.reshape(t * n, x.shape[2]), turned_by_gate(w, gates), out=rows)
    if b is not None:
        rows += b.reshape(gates, 1, h)
