"""Reductions: sum, mean, variance and extremes over chosen axes.

A reduction is broadcasting run backwards, so its gradient is spread out again: ``_spread``.
All raise a ShapeError for a dimension that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dlcore.errors import check_dim
from dlcore.tensor import Tensor

Dim = int | tuple[int, ...] | None

__all__ = ["Extreme", "amax", "amin", "argmax", "max", "mean", "min", "sum", "var"]


def _spread(g: Any, shape: tuple[int, ...], dim: Dim, keepdim: bool) -> Any:
    """Undo a reduction: every entry gets the gradient of the number that it went into."""
    if dim is not None and not keepdim:
        g = np.expand_dims(g, dim)
    return np.broadcast_to(g, shape)


def sum(a: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The sum over ``dim`` (over everything if None).  Shapes: (..., K, ...) -> (..., ...)."""
    shape = a.data.shape
    check_dim("sum", shape, dim)
    return Tensor.from_op(
        a.data.sum(axis=dim, keepdims=keepdim), (a,), lambda g: (_spread(g, shape, dim, keepdim),)
    )


def mean(a: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The average over ``dim`` (over everything if None).  Shapes: (..., K, ...) -> (..., ...)."""
    shape = a.data.shape
    check_dim("mean", shape, dim)
    y = a.data.mean(axis=dim, keepdims=keepdim)
    share = y.size / a.data.size if a.data.size else 1.0
    return Tensor.from_op(y, (a,), lambda g: (_spread(g * share, shape, dim, keepdim),))


def var(a: Tensor, dim: Dim = None, correction: float = 1, keepdim: bool = False) -> Tensor:
    """The variance over ``dim``: squared distances to the mean, summed, over n - correction.

    Shapes: (..., K, ...) -> (..., ...).  ``correction=1`` as in PyTorch (and not as in NumPy).
    """
    x = a.data
    check_dim("var", x.shape, dim)
    centered = x - x.mean(axis=dim, keepdims=True)
    total = (centered * centered).sum(axis=dim, keepdims=keepdim)
    n = x.size // total.size - correction if total.size else 1
    share = 1 / n if n > 0 else float("nan")  # of one number there is none, as in PyTorch
    return Tensor.from_op(
        total * share,
        (a,),
        lambda g: (_spread(g, x.shape, dim, keepdim) * centered * (2 * share),),
    )


def _reduce_extreme(
    op: str, pick: Callable[..., Any], a: Tensor, dim: Dim, keepdim: bool
) -> Tensor:
    x = a.data
    check_dim(op, x.shape, dim)
    y = pick(x, axis=dim, keepdims=keepdim)

    def vjp(g: Any) -> tuple[Any]:
        hit = (x == _spread(y, x.shape, dim, keepdim)).astype(x.dtype)
        hit /= hit.sum(axis=dim, keepdims=True)  # ties share
        return (hit * _spread(g, x.shape, dim, keepdim),)

    return Tensor.from_op(y, (a,), vjp)


def amax(a: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The largest entry over ``dim``; ties share the gradient.  Shapes: (..., K, ...) -> (..., ...)."""
    return _reduce_extreme("amax", np.max, a, dim, keepdim)


def amin(a: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The smallest entry over ``dim``; ties share the gradient.  Shapes: (..., K, ...) -> (..., ...)."""
    return _reduce_extreme("amin", np.min, a, dim, keepdim)


class Extreme(NamedTuple):
    """The entries that won, and where along the dimension they stood."""

    values: Tensor
    indices: Tensor


def _along(op: str, arg: Callable[..., Any], a: Tensor, dim: int, keepdim: bool) -> Extreme:
    x = a.data
    check_dim(op, x.shape, dim)
    index = np.expand_dims(arg(x, axis=dim), dim)
    y = np.take_along_axis(x, index, dim)

    def vjp(g: Any) -> tuple[Any]:
        dx = np.zeros_like(x)
        np.put_along_axis(dx, index, g if keepdim else np.expand_dims(g, dim), dim)
        return (dx,)

    shown, where_ = (y, index) if keepdim else (y.squeeze(dim), index.squeeze(dim))
    return Extreme(Tensor.from_op(shown, (a,), vjp), Tensor(where_))


def max(a: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The largest entry; with ``dim``, PyTorch's pair of values and indices (the first of equals)."""
    return amax(a) if dim is None else _along("max", np.argmax, a, dim, keepdim)


def min(a: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest entry; with ``dim``, PyTorch's pair of values and indices (the first of equals)."""
    return amin(a) if dim is None else _along("min", np.argmin, a, dim, keepdim)


def argmax(a: Tensor, dim: int | None = None) -> Tensor:
    """Where the largest entry stands, the first of equals.  No gradient.  Shapes: (..., K) -> (...)."""
    check_dim("argmax", a.data.shape, dim)
    return Tensor(np.argmax(a.data, axis=dim))


for _name in __all__[1:]:
    setattr(Tensor, _name, globals()[_name])
