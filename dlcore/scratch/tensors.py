"""Vector-Jacobian products of single operations, and the smallest Tensor that chains them.

A vector-Jacobian product takes the gradient of an operation's result and returns those of its operands.
The library's own are in ``dlcore.tensor`` and ``dlcore.ops``.

Paper: Giles (2008), Collected matrix derivative results for forward and reverse mode AD.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


def matmul_backward(g: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """The backward pass of a @ b.

    Shapes: g (N, M), a (N, K), b (K, M) -> da (N, K), db (K, M).
    """
    return g @ b.T, a.T @ g


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """The backward pass of broadcasting an array of ``shape``: the sum over its copies.

    Shapes: g any that ``shape`` broadcasts to -> shape.

    >>> unbroadcast(np.ones((3, 2)), (2,))
    array([3., 3.])
    """
    if g.shape == shape:
        return g
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=stretched, keepdims=True)


def sum_backward(
    g: Any, shape: tuple[int, ...], axis: int | None = None, keepdims: bool = False
) -> Any:
    """The backward pass of x.sum(axis, keepdims) for an x of ``shape``: a copy for every term.

    Shapes: g that of the sum -> shape.

    >>> sum_backward(np.array([5.0, 7.0]), (2, 3), axis=1)
    array([[5., 5., 5.],
           [7., 7., 7.]])
    """
    if axis is not None and not keepdims:
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, shape).copy()


def index_backward(g: Any, shape: tuple[int, ...], index: Any) -> Any:
    """The backward pass of x[index] for an x of ``shape``: what was taken several times collects a sum.

    Shapes: g that of x[index] -> shape.

    >>> index_backward(np.array([1.0, 2.0, 3.0]), (3,), [2, 0, 2])
    array([2., 0., 4.])
    """
    total = np.zeros(shape)
    np.add.at(total, index, g)
    return total


_ages = itertools.count()


class Tensor:
    """An array, the tensors it came from, and the function that sends its gradient back to them.

    ``vjp(g)`` takes the gradient of this tensor and returns one for each parent.

    >>> w = Tensor([1.0, 2.0])
    >>> (w * w).sum().backward()
    >>> w.grad
    array([2., 4.])
    """

    __array_ufunc__ = None  # so that array * Tensor asks Tensor

    def __init__(
        self,
        data: Any,
        parents: Sequence[Tensor] = (),
        vjp: Callable[[Any], Sequence[Any]] | None = None,
    ) -> None:
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents = parents
        self.vjp = vjp
        self.age = next(_ages)

    def __add__(self, other: Any) -> Tensor:
        other = _tensor(other)
        x, y = self.data, other.data

        def vjp(g: Any) -> tuple[Any, Any]:
            return unbroadcast(g, x.shape), unbroadcast(g, y.shape)

        return Tensor(x + y, (self, other), vjp)

    def __mul__(self, other: Any) -> Tensor:
        other = _tensor(other)
        x, y = self.data, other.data

        def vjp(g: Any) -> tuple[Any, Any]:
            return unbroadcast(g * y, x.shape), unbroadcast(g * x, y.shape)

        return Tensor(x * y, (self, other), vjp)

    def __matmul__(self, other: Any) -> Tensor:
        other = _tensor(other)
        x, y = self.data, other.data
        return Tensor(x @ y, (self, other), lambda g: matmul_backward(g, x, y))

    def __pow__(self, n: float) -> Tensor:
        x = self.data
        return Tensor(x**n, (self,), lambda g: (g * n * x ** (n - 1),))

    def exp(self) -> Tensor:
        y = np.exp(self.data)
        return Tensor(y, (self,), lambda g: (g * y,))

    def log(self) -> Tensor:
        x = self.data
        return Tensor(np.log(x), (self,), lambda g: (g / x,))

    def tanh(self) -> Tensor:
        y = np.tanh(self.data)
        return Tensor(y, (self,), lambda g: (g * (1 - y * y),))

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        x = self.data
        total = x.sum(axis=axis, keepdims=keepdims)
        return Tensor(total, (self,), lambda g: (sum_backward(g, x.shape, axis, keepdims),))

    def __getitem__(self, index: Any) -> Tensor:
        x = self.data
        return Tensor(x[index], (self,), lambda g: (index_backward(g, x.shape, index),))

    @property
    def T(self) -> Tensor:
        return Tensor(self.data.T, (self,), lambda g: (g.T,))

    def backward(self, g: Any = 1.0) -> None:
        """Send the gradient g (this tensor's shape, or a number) back; gradients add up."""
        self.grad = self.grad + g
        for node in _history(self):
            if node.vjp:
                for parent, gradient in zip(node.parents, node.vjp(node.grad), strict=True):
                    parent.grad = parent.grad + gradient

    def __neg__(self) -> Tensor:
        return self * -1

    def __sub__(self, other: Any) -> Tensor:
        return self + -_tensor(other)

    def __truediv__(self, other: Any) -> Tensor:
        return self * _tensor(other) ** -1

    def __radd__(self, other: Any) -> Tensor:
        return self + other

    def __rmul__(self, other: Any) -> Tensor:
        return self * other

    def __rsub__(self, other: Any) -> Tensor:
        return -self + other

    def __rtruediv__(self, other: Any) -> Tensor:
        return self**-1 * other

    def mean(self, axis: int | None = None) -> Tensor:
        total = self.sum(axis)
        return total * (total.data.size / self.data.size)

    def cross_entropy(self, t: Any) -> Tensor:
        """The mean surprise at classes t (N,), from scores (N, K)."""
        largest = self.data.max(1)[:, None]
        surprise = (self - largest).exp().sum(1).log() + largest[:, 0] - self[range(len(t)), t]
        return surprise.mean()


def _tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(x)


def _history(root: Tensor) -> list[Tensor]:
    """All that root was made of, the youngest first: no tensor is older than its parents."""
    found = {root.age: root}
    waiting = [root]
    while waiting:
        for parent in waiting.pop().parents:
            if parent.age not in found:
                found[parent.age] = parent
                waiting.append(parent)
    return [found[age] for age in sorted(found, reverse=True)]


def compare_gradients(
    mine: Mapping[str, Any], reference: Mapping[str, Any], tolerance: float = 1e-6
) -> list[str]:
    """The names whose arrays differ, in the order of ``mine``.

    Two arrays agree if their shapes are equal and no entry is farther off than ``tolerance`` times the
    largest entry of the reference. What is not a number disagrees.
    """
    wrong = []
    for name, found in mine.items():
        wanted = reference[name]
        same = np.shape(found) == np.shape(wanted)
        if not (same and np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()):
            wrong.append(name)
    return wrong


def training_step(
    layers: Sequence[tuple[Any, Any]], x: Any, t: Any, lr: float = 0.1
) -> tuple[float, list[tuple[Any, Any]]]:
    """One step of gradient descent on the cross-entropy of a network with tanh between its layers.

    Shapes: layers pairs of w (M, D) and b (M,), x (N, D), t (N,) -> the loss before, new layers.
    """
    tensors = [(Tensor(w), Tensor(b)) for w, b in layers]
    h = Tensor(x)
    for depth, (w, b) in enumerate(tensors):
        z = h @ w.T + b
        h = z.tanh() if depth < len(tensors) - 1 else z
    loss = h.cross_entropy(t)
    loss.backward()
    new = [(w.data - lr * w.grad, b.data - lr * b.grad) for w, b in tensors]
    return float(loss.data), new
