"""Gradient check: a numerical gradient against the one of the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlcore.tensor import Tensor


def numerical_gradient(
    f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-3
) -> np.ndarray:
    """The slope of ``f`` in every direction, from four values beside each entry.

    (f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)) / 12h: its error falls with h^4, so that h can
    be large and rounding small. Two values, (f(x + h) - f(x - h)) / 2h, reach about 1e-9; four 1e-12.
    Shapes: x any, f(x) () -> like x.  ``f`` must be smooth within 2h of x.
    Paper: Fornberg (1988), Generation of finite difference formulas on arbitrarily spaced grids.
    """
    x = np.array(x, dtype=np.float64)
    slope = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        middle, total = x[index], 0.0
        for step, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
            x[index] = middle + step * h
            total += weight * float(f(x))
        x[index] = middle
        slope[index] = total / (12 * h)
    return slope


@dataclass(frozen=True)
class GradReport:
    """The worst entry of a gradient check: where it is, what backward said, what was measured."""

    ok: bool
    error: float  # relative to the largest entry of the measured gradient, or to 1
    argument: int
    index: tuple[int, ...]
    found: float
    measured: float

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        verdict = "right" if self.ok else "wrong"
        return (
            f"gradient {verdict}: worst in argument {self.argument} at {self.index}: "
            f"backward says {self.found:.8g}, measured {self.measured:.8g} "
            f"(relative error {self.error:.1e})"
        )


def gradcheck(
    f: Callable[..., Tensor],
    *inputs: Any,
    tolerance: float = 1e-7,
    h: float = 1e-3,
    rng: np.random.Generator | int = 0,
) -> GradReport:
    """Compare the backward of ``f(*tensors)`` with numerical gradients, in float64.

    The output is weighted with a random cotangent first: with all ones, errors that cancel in the
    sum would stay hidden.
    Shapes: floating-point inputs of any shape; other arguments belong into a lambda -> a report.
    Raises TypeError for an input without fractions.

    >>> print(gradcheck(lambda x: x * x, [1.0, 2.0]))  # doctest: +ELLIPSIS
    gradient right: worst in argument 0 at ...
    """
    arrays = [np.asarray(x.data if isinstance(x, Tensor) else x) for x in inputs]
    if any(a.dtype.kind != "f" for a in arrays):
        raise TypeError("gradcheck: inputs must be floating-point; write 1.0 for 1")
    arrays = [a.astype(np.float64) for a in arrays]
    leaves = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    out = f(*leaves)
    g = np.asarray(np.random.default_rng(rng).standard_normal(out.shape))
    if out.requires_grad:
        out.backward(g)
    worst = GradReport(True, 0.0, 0, (), 0.0, 0.0)
    for k, leaf in enumerate(leaves):

        def value(x: np.ndarray, k: int = k) -> float:
            return float(
                (g * f(*(Tensor(x if i == k else a) for i, a in enumerate(arrays))).data).sum()
            )

        measured = numerical_gradient(value, arrays[k], h)
        found = np.zeros_like(measured) if leaf.grad is None else leaf.grad.data
        if not measured.size:
            continue
        distance = np.abs(found - measured) / max(1.0, float(np.abs(measured).max()))
        distance = np.where(np.isnan(distance), np.inf, distance)
        index = tuple(int(i) for i in np.unravel_index(int(distance.argmax()), distance.shape))
        error = float(distance[index])
        if error >= worst.error:
            pair = float(found[index]), float(measured[index])
            worst = GradReport(error <= tolerance, error, k, index, *pair)
    return worst
