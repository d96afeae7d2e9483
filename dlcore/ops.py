"""Arithmetic on tensors, each operation beside its vector-Jacobian product.

Where NumPy broadcast an operand, its gradient is the sum over the copies: ``unbroadcast``.
Importing this module gives ``Tensor`` its operators and most of its methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.backend.sums import column_sums
from dlcore.errors import ShapeError
from dlcore.tensor import Tensor, array, needs, tensor

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
    "where",
]


def _broadcast(op: str, compute: Callable[..., Any], *operands: Any) -> Any:
    try:
        return compute(*operands)
    except ValueError:
        a, b = (np.shape(x) for x in operands[-2:])
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


def add(a: Any, b: Any) -> Tensor:
    """a + b.  Shapes broadcast."""
    if type(b) in _NUMBERS:  # the short way for what is most common in a formula
        return Tensor.from_op(a.data + b, (a,), lambda g: (g,))
    x, y = array(a), array(b)
    return Tensor.from_op(
        _broadcast("add", np.add, x, y), (a, b), lambda g: (unbroadcast(g, x), unbroadcast(g, y))
    )


def sub(a: Any, b: Any) -> Tensor:
    """a - b.  Shapes broadcast."""
    x, y = array(a), array(b)
    return Tensor.from_op(
        _broadcast("sub", np.subtract, x, y),
        (a, b),
        lambda g: (unbroadcast(g, x), unbroadcast(-g, y)),
    )


def mul(a: Any, b: Any) -> Tensor:
    """a * b, entry by entry.  Shapes broadcast."""
    if type(b) in _NUMBERS:
        x = a.data
        if type(x) is np.ndarray and x.dtype.kind == "f":  # once for both ways: it takes 0.2 us
            b = np.asarray(b, x.dtype)
        return Tensor.from_op(x * b, (a,), lambda g: (g * b,))
    x, y = array(a), array(b)
    need_a, need_b = needs(a), needs(b)
    return Tensor.from_op(
        _broadcast("mul", np.multiply, x, y),
        (a, b),
        lambda g: (
            unbroadcast(g * y, x) if need_a else None,
            unbroadcast(g * x, y) if need_b else None,
        ),
    )


def div(a: Any, b: Any) -> Tensor:
    """a / b, entry by entry.  Shapes broadcast."""
    x, y = array(a), array(b)
    need_a, need_b = needs(a), needs(b)
    return Tensor.from_op(
        _broadcast("div", np.divide, x, y),
        (a, b),
        lambda g: (
            unbroadcast(g / y, x) if need_a else None,
            unbroadcast(-g * x / (y * y), y) if need_b else None,
        ),
    )


def neg(a: Tensor) -> Tensor:
    """-a."""
    return Tensor.from_op(-a.data, (a,), lambda g: (-g,))


def pow(a: Any, b: Any) -> Tensor:
    """a ** b, entry by entry.  Shapes broadcast; b may be a number.

    d a^b / da = b a^(b-1);  d a^b / db = a^b log a, taken as 0 where a is 0.
    """
    x, y = array(a), array(b)
    z = _broadcast("pow", np.power, x, y)
    need_a, need_b = needs(a), needs(b)

    def vjp(g: Any) -> tuple[Any, Any]:
        da = unbroadcast(g * y * x ** np.where(y == 0, 1, y - 1).astype(z.dtype), x)
        if not need_b:
            return da, None
        log_x = np.log(np.where(x == 0, 1, x)).astype(z.dtype)
        return (da if need_a else None), unbroadcast(g * z * log_x, y)

    return Tensor.from_op(z, (a, b), vjp)


def exp(a: Tensor) -> Tensor:
    """e ** a.  Its own derivative."""
    y = np.exp(a.data)
    return Tensor.from_op(y, (a,), lambda g: (g * y,))


def log(a: Tensor) -> Tensor:
    """The natural logarithm.  Derivative 1 / a."""
    x = a.data
    return Tensor.from_op(np.log(x), (a,), lambda g: (g / x,))


def sqrt(a: Tensor) -> Tensor:
    """The square root.  Derivative 1 / (2 sqrt a)."""
    y = np.sqrt(a.data)
    return Tensor.from_op(y, (a,), lambda g: (g / (2 * y),))


def abs(a: Tensor) -> Tensor:
    """The absolute value.  Derivative sign(a), 0 at 0."""
    x = a.data
    return Tensor.from_op(np.abs(x), (a,), lambda g: (g * np.sign(x),))


def clip(a: Tensor, min: float | None = None, max: float | None = None) -> Tensor:
    """Push a into [min, max].  The gradient passes only where nothing was pushed."""
    x = a.data
    low = -np.inf if min is None else min
    high = np.inf if max is None else max
    return Tensor.from_op(np.clip(x, min, max), (a,), lambda g: (g * ((x >= low) & (x <= high)),))


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where ``condition`` holds, else b.  Shapes broadcast."""
    c, x, y = array(condition), array(a), array(b)
    return Tensor.from_op(
        _broadcast("where", np.where, c, x, y),
        (None, a, b),
        lambda g: (None, unbroadcast(np.where(c, g, 0), x), unbroadcast(np.where(c, 0, g), y)),
    )


def _extreme(name: str, pick: Callable[..., Any], a: Any, b: Any) -> Tensor:
    x, y = array(a), array(b)
    z = _broadcast(name, pick, x, y)

    def vjp(g: Any) -> tuple[Any, Any]:
        half = np.where(x == y, g / 2, g)  # a tie is shared, as PyTorch does
        return (
            unbroadcast(np.where(x == z, half, 0), x),
            unbroadcast(np.where(y == z, half, 0), y),
        )

    return Tensor.from_op(z, (a, b), vjp)


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of a and b, entry by entry; a tie shares the gradient.  Shapes broadcast."""
    return _extreme("maximum", np.maximum, a, b)


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of a and b, entry by entry; a tie shares the gradient.  Shapes broadcast."""
    return _extreme("minimum", np.minimum, a, b)


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product a @ b; leading axes are a batch of matrices and broadcast.

    Shapes: (D,) @ (D,) -> (); (..., N, D) @ (D,) -> (..., N); (D,) @ (..., D, M) -> (..., M);
    (..., N, D) @ (..., D, M) -> (..., N, M).  Raises ShapeError.
    """
    x, y = array(a), array(b)
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
            db = rows.reshape(-1, rows.shape[-1]).T @ g.reshape(-1, g.shape[-1])
        elif need_b:
            db = unbroadcast(rows.swapaxes(-1, -2) @ g, columns)
        return da, db if db is None else db.reshape(y.shape)

    return Tensor.from_op(_broadcast("matmul", np.matmul, x, y), (a, b), vjp)


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
    x, w, b = array(input), array(weight), array(bias)
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
        return Tensor.from_op(y, (input, weight, bias), lambda g: linear_backward(g, cache, wanted))
    y, cache = linear_forward(x.reshape(-1, x.shape[-1]), w, b)

    def vjp(g: Any) -> tuple[Any, Any, Any]:
        dx, dw, db = linear_backward(g.reshape(-1, w.shape[0]), cache, wanted)
        return None if dx is None else dx.reshape(x.shape), dw, db

    return Tensor.from_op(y.reshape(*x.shape[:-1], w.shape[0]), (input, weight, bias), vjp)


def _give_operators() -> None:
    names = "exp log sqrt abs clip pow matmul maximum minimum"
    methods: dict[str, Any] = {name: globals()[name] for name in names.split()}
    methods |= {
        "__add__": add,
        "__radd__": lambda a, b: add(b, a),
        "__sub__": sub,
        "__rsub__": lambda a, b: sub(b, a),
        "__mul__": mul,
        "__rmul__": lambda a, b: mul(b, a),
        "__truediv__": div,
        "__rtruediv__": lambda a, b: div(b, a),
        "__pow__": pow,
        "__rpow__": lambda a, b: pow(b, a),
        "__matmul__": matmul,
        "__rmatmul__": lambda a, b: matmul(b, a),
        "__neg__": neg,
        "__abs__": abs,
    }
    for name, method in methods.items():
        setattr(Tensor, name, method)


_give_operators()
