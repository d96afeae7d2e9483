"""Reductions: sum, mean, variance and extremes over chosen axes.

A reduction is broadcasting run backwards, so its gradient is spread out again: ``_spread``.
All raise a ShapeError for a dimension that is not there.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dlcore.backend.arrays import zeros_like
from dlcore.dtypes import wide
from dlcore.errors import ShapeError, check_dim
from dlcore.operands import as_tensor, floats
from dlcore.ops import maximum, minimum, neg, sqrt
from dlcore.tensor import Tensor, method

Dim = int | tuple[int, ...] | None

__all__ = [
    "Extreme",
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "max",
    "mean",
    "min",
    "std",
    "sum",
    "var",
]


def _spread(g: Any, shape: tuple[int, ...], dim: Dim, keepdim: bool) -> Any:
    """Undo a reduction: every entry gets the gradient of the number that it went into."""
    if dim is not None and not keepdim:
        g = np.expand_dims(g, dim)
    return np.broadcast_to(g, shape)


def _dim(dim: Any) -> Dim:
    """Python's numbers for NumPy's; what is none, ``check_dim`` will name."""
    if isinstance(dim, tuple | list):
        return tuple(_dim(d) for d in dim)  # type: ignore[misc]
    return operator.index(dim) if hasattr(dim, "__index__") else dim


@method
def sum(a: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The sum over ``dim`` (over everything if None).  Shapes: (..., K, ...) -> (..., ...)."""
    x, dim = as_tensor("sum", a).data, _dim(dim)
    check_dim("sum", x.shape, dim)
    y = wide(x).sum(axis=dim, keepdims=keepdim)
    y = y.astype(x.dtype if x.dtype.kind == "f" else np.int64)
    return Tensor.from_op(y, (a,), lambda g: (_spread(g, x.shape, dim, keepdim),))


@method
def mean(a: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The average over ``dim`` (over everything if None).  Shapes: (..., K, ...) -> (..., ...)."""
    x, dim = floats("mean", a), _dim(dim)
    check_dim("mean", x.shape, dim)
    y = wide(x).mean(axis=dim, keepdims=keepdim).astype(x.dtype)
    share = y.size / x.size if x.size else 1.0
    return Tensor.from_op(y, (a,), lambda g: (_spread(g * share, x.shape, dim, keepdim),))


@method
def var(a: Any, dim: Dim = None, correction: float = 1, keepdim: bool = False) -> Tensor:
    """The variance over ``dim``: squared distances to the mean, summed, over n - correction.

    Shapes: (..., K, ...) -> (..., ...).  ``correction=1`` as in PyTorch (and not as in NumPy).
    """
    given, dim = floats("var", a), _dim(dim)
    x = wide(given)
    check_dim("var", x.shape, dim)
    centered = x - x.mean(axis=dim, keepdims=True)
    total = (centered * centered).sum(axis=dim, keepdims=keepdim)
    n = x.size // total.size - correction if total.size else 1
    share = float(1 / n) if n > 0 else float("nan")  # of one number there is none, as in PyTorch
    return Tensor.from_op(
        (total * share).astype(given.dtype),
        (a,),
        lambda g: (_spread(g, x.shape, dim, keepdim) * centered * (2 * share),),
    )


@method
def all(a: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether every entry is true, or not 0.  No gradient.  Shapes: (..., K, ...) -> (..., ...)."""
    return _count("all", np.all, a, _dim(dim), keepdim)


@method
def any(a: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether some entry is true, or not 0.  No gradient.  Shapes: (..., K, ...) -> (..., ...)."""
    return _count("any", np.any, a, _dim(dim), keepdim)


def _count(op: str, pick: Callable[..., Any], a: Any, dim: Dim, keepdim: bool) -> Tensor:
    x = as_tensor(op, a).data
    check_dim(op, x.shape, dim)
    return Tensor(pick(x, axis=dim, keepdims=keepdim))


def _some(op: str, x: Any, dim: Dim) -> None:
    """Raise a ShapeError where an extreme would be one of no entries."""
    axes = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    if x.size == 0 and 0 in (x.shape[d] for d in axes):
        raise ShapeError(op, "of no entries there is none", x=x.shape)


def _reduce_extreme(op: str, pick: Callable[..., Any], a: Any, dim: Dim, keepdim: bool) -> Tensor:
    x, dim = as_tensor(op, a).data, _dim(dim)
    check_dim(op, x.shape, dim)
    _some(op, x, dim)
    y = pick(x, axis=dim, keepdims=keepdim)

    def vjp(g: Any) -> tuple[Any]:
        hit = (x == _spread(y, x.shape, dim, keepdim)).astype(x.dtype)
        hit /= hit.sum(axis=dim, keepdims=True)  # ties share
        return (hit * _spread(g, x.shape, dim, keepdim),)

    return Tensor.from_op(y, (a,), vjp, keeps_result=True)


@method
def amax(a: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The largest entry over ``dim``; ties share the gradient.  Shapes: (..., K, ...) -> (..., ...)."""
    return _reduce_extreme("amax", np.max, a, dim, keepdim)


@method
def amin(a: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The smallest entry over ``dim``; ties share the gradient.  Shapes: (..., K, ...) -> (..., ...)."""
    return _reduce_extreme("amin", np.min, a, dim, keepdim)


class Extreme(NamedTuple):
    """The entries that won, and where along the dimension they stood."""

    values: Tensor
    indices: Tensor


def _along(op: str, arg: Callable[..., Any], a: Any, dim: int, keepdim: bool) -> Extreme:
    x, dim = as_tensor(op, a).data, _dim(dim)  # type: ignore[assignment]
    check_dim(op, x.shape, dim)
    _some(op, x, dim)
    if not x.ndim:  # one number stands at 0
        return Extreme(as_tensor(op, a), Tensor(zeros_like(x, dtype=np.intp)))
    index = np.expand_dims(arg(x, axis=dim), dim)
    y = np.take_along_axis(x, index, dim)

    def vjp(g: Any) -> tuple[Any]:
        dx = zeros_like(x)
        np.put_along_axis(dx, index, g if keepdim else np.expand_dims(g, dim), dim)
        return (dx,)

    shown, where_ = (y, index) if keepdim else (y.squeeze(dim), index.squeeze(dim))
    return Extreme(Tensor.from_op(shown, (a,), vjp), Tensor(where_))


@method
def max(a: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The largest entry; with ``dim``, PyTorch's pair of values and indices (the first of equals)."""
    if isinstance(dim, Tensor):  # PyTorch's third meaning
        return maximum(a, dim)
    return amax(a) if dim is None else _along("max", np.argmax, a, dim, keepdim)


@method
def min(a: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest entry; with ``dim``, PyTorch's pair of values and indices (the first of equals)."""
    if isinstance(dim, Tensor):
        return minimum(a, dim)
    return amin(a) if dim is None else _along("min", np.argmin, a, dim, keepdim)


@method
def argmax(a: Any, dim: int | None = None) -> Tensor:
    """Where the largest entry stands, the first of equals.  No gradient.  Shapes: (..., K) -> (...)."""
    x = as_tensor("argmax", a).data
    check_dim("argmax", x.shape, dim)
    _some("argmax", x, dim)
    return Tensor(np.argmax(x, axis=dim))


@method
def argmin(a: Any, dim: int | None = None) -> Tensor:
    """Where the smallest entry stands, the first of equals.  No gradient.  Shapes: (..., K) -> (...)."""
    return argmax(neg(a), dim)


@method
def std(a: Any, dim: Dim = None, correction: float = 1, keepdim: bool = False) -> Tensor:
    """The standard deviation over ``dim``: the root of ``var``.  Shapes: (..., K, ...) -> (..., ...)."""
    return sqrt(var(a, dim, correction, keepdim))
