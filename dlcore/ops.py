"""Arithmetic on tensors, each operation beside its vector-Jacobian product.

Where NumPy broadcast an operand, its gradient is the sum over the copies: ``unbroadcast``.
Importing this module gives ``Tensor`` its operators.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.errors import ShapeError
from dlcore.tensor import Tensor, tensor

__all__ = [
    "Tensor",
    "add",
    "div",
    "linear",
    "matmul",
    "mean",
    "mul",
    "neg",
    "sub",
    "sum",
    "tensor",
]


def _array(x: Any, like: Any) -> Any:
    """The array of an operand; a bare number takes the dtype of the tensor beside it."""
    if isinstance(x, Tensor):
        return x.data
    return x if hasattr(x, "dtype") else np.asarray(x, dtype=like.dtype)


def _pair(a: Any, b: Any) -> tuple[Any, Any]:
    like = a.data if isinstance(a, Tensor) else b.data
    return _array(a, like), _array(b, like)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` over the axes along which an operand of ``shape`` was repeated."""
    if g.shape == shape:
        return g
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    kept = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=kept, keepdims=True) if kept else g


def add(a: Any, b: Any) -> Tensor:
    """a + b.  Shapes broadcast."""
    x, y = _pair(a, b)
    return Tensor.from_op(
        x + y, (a, b), lambda g: (unbroadcast(g, x.shape), unbroadcast(g, y.shape))
    )


def sub(a: Any, b: Any) -> Tensor:
    """a - b.  Shapes broadcast."""
    x, y = _pair(a, b)
    return Tensor.from_op(
        x - y, (a, b), lambda g: (unbroadcast(g, x.shape), -unbroadcast(g, y.shape))
    )


def mul(a: Any, b: Any) -> Tensor:
    """a * b, entry by entry.  Shapes broadcast."""
    x, y = _pair(a, b)
    return Tensor.from_op(
        x * y,
        (a, b),
        lambda g: (unbroadcast(g * y, x.shape), unbroadcast(g * x, y.shape)),
    )


def div(a: Any, b: Any) -> Tensor:
    """a / b, entry by entry.  Shapes broadcast."""
    x, y = _pair(a, b)
    return Tensor.from_op(
        x / y,
        (a, b),
        lambda g: (unbroadcast(g / y, x.shape), unbroadcast(-g * x / (y * y), y.shape)),
    )


def neg(a: Tensor) -> Tensor:
    """-a."""
    return Tensor.from_op(-a.data, (a,), lambda g: (-g,))


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product a @ b of two vectors or matrices.

    Shapes: (D,) @ (D,) -> (); (N, D) @ (D,) -> (N,); (D,) @ (D, M) -> (M,); (N, D) @ (D, M) -> (N, M).
    """
    x, y = _pair(a, b)
    if x.ndim not in (1, 2) or y.ndim not in (1, 2) or x.shape[-1] != y.shape[0]:
        raise ShapeError(
            "matmul",
            "the last axis of a must be as long as the first of b",
            a=x.shape,
            b=y.shape,
        )

    def vjp(g: Any) -> tuple[Any, Any]:
        rows = np.atleast_2d(x)
        columns = y[:, None] if y.ndim == 1 else y
        g2 = g.reshape(rows.shape[0], columns.shape[1])
        return (g2 @ columns.T).reshape(x.shape), (rows.T @ g2).reshape(y.shape)

    return Tensor.from_op(x @ y, (a, b), vjp)


def sum(a: Tensor, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tensor:
    """The sum over ``dim`` (over everything if None)."""
    x = a.data

    def vjp(g: Any) -> tuple[Any]:
        if dim is not None and not keepdim:
            g = np.expand_dims(g, dim)
        return (np.broadcast_to(g, x.shape),)

    return Tensor.from_op(x.sum(axis=dim, keepdims=keepdim), (a,), vjp)


def mean(a: Tensor, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tensor:
    """The average over ``dim`` (over everything if None)."""
    total = sum(a, dim, keepdim)
    return mul(total, total.data.size / a.data.size)


def linear_forward(x: Any, w: Any, b: Any) -> tuple[Any, Any]:
    """x (N, D), w (M, D), b (M,) -> y (N, M), cache."""
    return x @ w.T + b, (x, w)


def linear_backward(g: Any, cache: Any) -> tuple[Any, Any, Any]:
    """g (N, M) -> dx (N, D), dw (M, D), db (M,)."""
    x, w = cache
    return g @ w, g.T @ x, g.sum(0)


def linear(input: Any, weight: Any, bias: Any) -> Tensor:
    """A layer of M neurons on N inputs:  y = x w^T + b.

    Shapes: input (N, D), weight (M, D), bias (M,) -> (N, M).

    >>> linear(tensor([[1.0, 2.0]]), tensor([[3.0, 4.0]]), tensor([0.5]))
    tensor([[11.5]])
    """
    like = next(t.data for t in (input, weight, bias) if isinstance(t, Tensor))
    x, w, b = (_array(t, like) for t in (input, weight, bias))
    if x.ndim != 2 or w.ndim != 2 or x.shape[1] != w.shape[1]:
        features = f"x has {x.shape[-1]} features" if x.ndim else "x is a single number"
        raise ShapeError(
            "linear",
            f"{features}, weight expects {w.shape[-1]}",
            "x must be (N, D) and weight (M, D): one row an example, one row a neuron",
            x=x.shape,
            weight=w.shape,
        )
    y, cache = linear_forward(x, w, b)
    return Tensor.from_op(y, (input, weight, bias), lambda g: linear_backward(g, cache))


def _give_operators() -> None:
    methods = {
        "__add__": add,
        "__radd__": lambda a, b: add(b, a),
        "__sub__": sub,
        "__rsub__": lambda a, b: sub(b, a),
        "__mul__": mul,
        "__rmul__": lambda a, b: mul(b, a),
        "__truediv__": div,
        "__rtruediv__": lambda a, b: div(b, a),
        "__matmul__": matmul,
        "__rmatmul__": lambda a, b: matmul(b, a),
        "__neg__": neg,
        "sum": sum,
        "mean": mean,
    }
    for name, method in methods.items():
        setattr(Tensor, name, method)


_give_operators()
