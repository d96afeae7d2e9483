"""Dropout: train a random part of the network at a time, so that no unit can lean on another."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.dtypes import number
from dlcore.operands import as_tensor, floats
from dlcore.rng import generator
from dlcore.tensor import Tensor


def dropout_forward(x: Any, p: float, rng: np.random.Generator) -> tuple[Any, Any]:
    """x (...) -> y (...), cache.  An entry survives with probability 1 - p."""
    # drawn on the CPU whatever x lives on, so that a seed means the same everywhere
    keep = rng.random(x.shape, dtype=np.float32) >= p
    scale = np.asarray(keep, like=x).astype(x.dtype)
    scale *= 1 / (1 - p) if p < 1 else 0.0
    return x * scale, scale


def dropout_backward(g: Any, scale: Any) -> Any:
    """g (...) -> dx (...).  What did not reach the output gets no gradient."""
    return g * scale


def dropout(
    input: Any, p: float = 0.5, training: bool = True, rng: np.random.Generator | None = None
) -> Tensor:
    """Set each entry to 0 with probability ``p``; scale the rest by 1 / (1 - p).

    The scale keeps the expected value, so that nothing needs to change when training is over:
    with ``training=False`` the input comes back as it is.
    Shapes: any -> same.  Raises ValueError unless 0 <= p <= 1.
    Paper: Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from
    overfitting, section 4 (there scaled at test time instead).
    """
    p = number("dropout", "p", p)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is the probability of dropping, from 0 to 1, not {p}")
    if not training or p == 0:
        return as_tensor("dropout", input)
    y, scale = dropout_forward(floats("dropout", input), p, generator(rng))
    return Tensor.from_op(y, (input,), lambda g: (dropout_backward(g, scale),))
