"""Arithmetic on tensors, each operation beside its vector-Jacobian product.

Where NumPy broadcast an operand, its gradient is the sum over the copies: ``unbroadcast``.
Which dtypes meet how: ``dtypes``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.backend.device import to_device, to_gpu, to_numpy
from dlcore.backend.sums import column_sums
from dlcore.dtypes import number
from dlcore.errors import ShapeError
from dlcore.operands import as_tensor, floats, needs, operands
from dlcore.tensor import Tensor, method, tensor

__all__ = [
    "Tensor",
    "abs",
    "add",
    "clip",
    "div",
    "exp",
    "linear",
    "log",
    "matmul",
    "maximum",
    "minimum",
    "mul",
    "neg",
    "pow",
    "sqrt",
    "sub",
    "tensor",
    "to",
    "where",
]


def broadcast(op: str, compute: Callable[..., Any], *arrays: Any) -> Any:
    """``compute(*arrays)``; where the shapes of the last two do not fit, a ShapeError of ``op``."""
    try:
        return compute(*arrays)
    except ValueError as error:
        a, b = (np.shape(x) for x in arrays[-2:])
        if (
            all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))
            and op != "matmul"
        ):
            raise ValueError(f"{op}: {error}") from None
        raise ShapeError(
            op,
            "the shapes do not broadcast",
            "aligned from the right, each pair of sizes must be equal or contain a 1",
            a=a,
            b=b,
        ) from None


def unbroadcast(g: Any, like: Any) -> Any:
    """Sum ``g`` over the axes along which the operand ``like`` was repeated; None for a bare number."""
    shape = getattr(like, "shape", None)
    if shape is None or g.shape == shape:
        return None if shape is None else g
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    kept = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=kept, keepdims=True) if kept else g


_NUMBERS = {int, float}


def _short(a: Any, b: Any) -> bool:
    """Whether the short way will do, for what is most common in a formula: real numbers and one of Python's."""
    return type(b) in _NUMBERS and isinstance(a, Tensor) and a.data.dtype.kind == "f"


def add(a: Any, b: Any) -> Tensor:
    """a + b.  Shapes broadcast."""
    if _short(a, b):
        return Tensor.from_op(a.data + b, (a,), lambda g: (g,))
    x, y = operands("add", a, b)
    return Tensor.from_op(
        broadcast("add", np.add, x, y), (a, b), lambda g: (unbroadcast(g, x), unbroadcast(g, y))
    )


def sub(a: Any, b: Any) -> Tensor:
    """a - b.  Shapes broadcast."""
    x, y = operands("sub", a, b)
    return Tensor.from_op(
        broadcast("sub", np.subtract, x, y),
        (a, b),
        lambda g: (unbroadcast(g, x), unbroadcast(-g, y)),
    )


def mul(a: Any, b: Any) -> Tensor:
    """a * b, entry by entry.  Shapes broadcast."""
    if _short(a, b):
        x = a.data
        if type(x) is np.ndarray:  # once for both ways: it takes 0.2 us
            b = np.asarray(b, x.dtype)
        return Tensor.from_op(x * b, (a,), lambda g: (g * b,))
    x, y = operands("mul", a, b)
    need_a, need_b = needs(a), needs(b)
    return Tensor.from_op(
        broadcast("mul", np.multiply, x, y),
        (a, b),
        lambda g: (
            unbroadcast(g * y, x) if need_a else None,
            unbroadcast(g * x, y) if need_b else None,
        ),
    )


def div(a: Any, b: Any) -> Tensor:
    """a / b, entry by entry; of integers, too, a real number.  Shapes broadcast."""
    x, y = operands("div", a, b)
    if not any(type(v) not in _NUMBERS and v.dtype.kind == "f" for v in (x, y)):
        x, y = (v if type(v) in _NUMBERS else v.astype(np.float32) for v in (x, y))
    need_a, need_b = needs(a), needs(b)
    return Tensor.from_op(
        broadcast("div", np.divide, x, y),
        (a, b),
        lambda g: (
            unbroadcast(g / y, x) if need_a else None,
            unbroadcast(-g * x / (y * y), y) if need_b else None,
        ),
    )


@method
def to(a: Any, like: Any) -> Tensor:
    """``a`` in another dtype (np.float64, "float32"), or where the array or tensor ``like`` lives."""
    a = as_tensor("to", a)
    if isinstance(like, str) and like in ("cpu", "cuda"):
        y = to_numpy(a.data) if like == "cpu" else to_gpu(a.data)
    elif isinstance(like, type | np.dtype | str):
        y = a.data.astype(like)
        if y.dtype.kind not in "fiub":
            raise TypeError(f"to: a dtype of numbers is needed, not {y.dtype}")
    else:
        y = to_device(a.data, as_tensor("to", like).data)
    if y.dtype.kind != "f":
        return Tensor(y)
    return Tensor.from_op(y, (a,), lambda g: (to_device(g, a.data),))


def neg(a: Any) -> Tensor:
    """-a."""
    a = as_tensor("neg", a)
    return Tensor.from_op(-a.data, (a,), lambda g: (-g,))


@method
def pow(a: Any, b: Any) -> Tensor:
    """a ** b, entry by entry.  Shapes broadcast; b may be a number.

    d a^b / da = b a^(b-1);  d a^b / db = a^b log a, taken as 0 where a is 0.
    """
    x, y = operands("pow", a, b)
    z = broadcast("pow", np.power, x, y)
    need_a, need_b = needs(a), needs(b)

    def vjp(g: Any) -> tuple[Any, Any]:
        da = unbroadcast(g * y * x ** np.where(y == 0, 1, y - 1).astype(z.dtype), x)
        if not need_b:
            return da, None
        log_x = np.log(np.where(x == 0, 1, x)).astype(z.dtype)
        return (da if need_a else None), unbroadcast(g * z * log_x, y)

    return Tensor.from_op(z, (a, b), vjp, keeps_result=True)


@method
def exp(a: Any) -> Tensor:
    """e ** a.  Its own derivative."""
    y = np.exp(floats("exp", a))
    return Tensor.from_op(y, (a,), lambda g: (g * y,), keeps_result=True)


@method
def log(a: Any) -> Tensor:
    """The natural logarithm.  Derivative 1 / a."""
    x = floats("log", a)
    return Tensor.from_op(np.log(x), (a,), lambda g: (g / x,))


@method
def sqrt(a: Any) -> Tensor:
    """The square root.  Derivative 1 / (2 sqrt a)."""
    y = np.sqrt(floats("sqrt", a))
    return Tensor.from_op(y, (a,), lambda g: (g / (2 * y),), keeps_result=True)


@method
def abs(a: Any) -> Tensor:
    """The absolute value.  Derivative sign(a), 0 at 0."""
    x = as_tensor("abs", a).data
    return Tensor.from_op(np.abs(x), (a,), lambda g: (g * np.sign(x),))


@method
def clip(a: Any, min: float | None = None, max: float | None = None) -> Tensor:
    """Push a into [min, max].  The gradient passes only where nothing was pushed."""
    x = as_tensor("clip", a).data
    if min is None and max is None:
        raise ValueError("clip: give min, max, or both")
    low = -np.inf if min is None else number("clip", "min", min)
    high = np.inf if max is None else number("clip", "max", max)
    if x.dtype.kind != "f" and any(v not in (-np.inf, np.inf, int(v)) for v in (low, high) if np.isfinite(v)):  # fmt: skip
        x = x.astype(np.float32)
    kept = (x >= low) & (x <= high)
    y = x
    for bound, push in ((min, np.maximum), (max, np.minimum)):
        y = y if bound is None else push(y, x.dtype.type(bound))
    return Tensor.from_op(y if y is not x else x.copy(), (a,), lambda g: (g * kept,))


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where ``condition`` holds, else b.  Shapes broadcast."""
    c = as_tensor("where", condition).data
    x, y = operands("where", a, b)
    c = to_device(c, x if hasattr(x, "dtype") else y)
    return Tensor.from_op(
        broadcast("where", np.where, c, x, y),
        (None, a, b),
        lambda g: (None, unbroadcast(np.where(c, g, 0), x), unbroadcast(np.where(c, 0, g), y)),
    )


def _extreme(name: str, pick: Callable[..., Any], a: Any, b: Any) -> Tensor:
    x, y = operands(name, a, b)
    z = broadcast(name, pick, x, y)

    def vjp(g: Any) -> tuple[Any, Any]:
        half = np.where(x == y, g / 2, g)  # a tie is shared, as PyTorch does
        return (
            unbroadcast(np.where(x == z, half, 0), x),
            unbroadcast(np.where(y == z, half, 0), y),
        )

    return Tensor.from_op(z, (a, b), vjp, keeps_result=True)


@method
def maximum(a: Any, b: Any) -> Tensor:
    """The larger of a and b, entry by entry; a tie shares the gradient.  Shapes broadcast."""
    return _extreme("maximum", np.maximum, a, b)


@method
def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of a and b, entry by entry; a tie shares the gradient.  Shapes broadcast."""
    return _extreme("minimum", np.minimum, a, b)


@method
def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product a @ b; leading axes are a batch of matrices and broadcast.

    Shapes: (D,) @ (D,) -> (); (..., N, D) @ (D,) -> (..., N); (D,) @ (..., D, M) -> (..., M);
    (..., N, D) @ (..., D, M) -> (..., N, M).  Raises ShapeError.
    """
    x, y = (as_tensor("matmul", v).data for v in (a, b))
    x, y = operands("matmul", x, y) if x.ndim and y.ndim else (x, y)
    need_a, need_b = needs(a), needs(b)
    if x.ndim == 0 or y.ndim == 0 or x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ShapeError(
            "matmul",
            "the last axis of a must be as long as the second-to-last of b",
            a=x.shape,
            b=y.shape,
        )

    def vjp(g: Any) -> tuple[Any, Any]:
        rows = x[None, :] if x.ndim == 1 else x
        columns = y[:, None] if y.ndim == 1 else y
        if x.ndim == 1:
            g = g[..., None, :] if y.ndim > 1 else g[..., None]
        if y.ndim == 1:
            g = g[..., None]
        da = db = None
        if need_a:
            da = unbroadcast(g @ columns.swapaxes(-1, -2), rows).reshape(x.shape)
        if need_b and columns.ndim == 2:  # one matrix for the whole batch: one product
            db = flat_rows(rows).T @ flat_rows(g)
        elif need_b:
            db = unbroadcast(rows.swapaxes(-1, -2) @ g, columns)
        return da, db if db is None else db.reshape(y.shape)

    return Tensor.from_op(broadcast("matmul", np.matmul, x, y), (a, b), vjp)


def flat_rows(x: Any) -> Any:
    """x (..., D) -> (N, D); of nothing, too, where -1 would not know."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def linear_forward(x: Any, w: Any, b: Any = None) -> tuple[Any, Any]:
    """x (N, D), w (M, D), b (M,) or None -> y (N, M), cache."""
    y = x @ w.T
    if b is not None:
        y += b
    return y, (x, w, b is not None)


def linear_backward(
    g: Any, cache: Any, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[Any, Any, Any]:
    """g (N, M) -> dx (N, D), dw (M, D), db (M,); None for what nobody needs."""
    x, w, biased = cache
    dx = g @ w if needs[0] else None
    dw = g.T @ x if needs[1] else None
    db = column_sums(g) if biased and needs[2] else None
    return dx, dw, db


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """A layer of M neurons on N inputs:  y = x w^T + b.

    Shapes: input (..., D), weight (M, D), bias (M,) -> (..., M).  Raises ShapeError.

    >>> linear(tensor([[1.0, 2.0]]), tensor([[3.0, 4.0]]), tensor([0.5]))
    tensor([[11.5]])
    """
    w = floats("linear", weight)
    x = floats("linear", input, w)
    b = None if bias is None else floats("linear", bias, w)
    if x.ndim < 1 or w.ndim != 2 or x.shape[-1] != w.shape[1]:
        features = f"x has {x.shape[-1]} features" if x.ndim else "x is a single number"
        raise ShapeError(
            "linear",
            f"{features}, weight expects {w.shape[-1]}",
            "x must be (N, D) and weight (M, D): one row an example, one row a neuron",
            x=x.shape,
            weight=w.shape,
        )
    if b is not None and b.shape != (w.shape[0],):
        raise ShapeError("linear", f"bias must be ({w.shape[0]},)", weight=w.shape, bias=b.shape)
    wanted = needs(input), needs(weight), needs(bias)
    if x.ndim == 2:
        y, cache = linear_forward(x, w, b)
        return Tensor.from_op(
            y, (input, weight, bias), lambda g: linear_backward(g, cache, wanted), True
        )
    y, cache = linear_forward(flat_rows(x), w, b)

    def vjp(g: Any) -> tuple[Any, Any, Any]:
        dx, dw, db = linear_backward(flat_rows(g), cache, wanted)
        return None if dx is None else dx.reshape(x.shape), dw, db

    return Tensor.from_op(y.reshape(*x.shape[:-1], w.shape[0]), (input, weight, bias), vjp, True)
