"""A Tensor and its tape: values that remember how they were made.

The tape knows no derivative. An operation hands ``Tensor.from_op`` its result, its
parents and one function, the vector-Jacobian product (vjp), that turns the gradient
of the result into the gradients of the parents. ``backward`` calls those functions in
reverse order of creation and adds up what reaches each tensor.

Paper: Baydin et al. (2018), Automatic differentiation in machine learning: a survey, section 3.2.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

Vjp = Callable[[Any], tuple[Any, ...]]

_created = itertools.count()
_recording = True


@contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing while the block runs: results have no history and need no memory."""
    global _recording
    before, _recording = _recording, False
    try:
        yield
    finally:
        _recording = before


class Tensor:
    """An array that can tell how the final number depends on it.

    ``data`` is the array, ``grad`` the gradient that ``backward`` left here (or None).
    Arrays keep their dtype; Python numbers and lists of them become float32.
    """

    __slots__ = ("_order", "_parents", "_vjp", "data", "grad", "requires_grad")
    __array_priority__ = 100  # so that ndarray * Tensor asks Tensor

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        if isinstance(data, Tensor):
            data = data.data
        if not hasattr(data, "dtype"):
            data = np.asarray(data)
            if data.dtype == np.float64:
                data = data.astype(np.float32)
        self.data: Any = data
        self.grad: Tensor | None = None
        self.requires_grad = requires_grad
        self._parents: tuple[Tensor, ...] = ()
        self._vjp: Vjp | None = None
        self._order = next(_created)

    @classmethod
    def from_op(cls, data: Any, parents: Sequence[Any], vjp: Vjp) -> Tensor:
        """Make the result of an operation, one node on the tape.

        ``vjp(g)`` takes the gradient of ``data`` and returns one gradient, or None, for
        each parent. It must close over arrays only: closing over the result would make a
        reference cycle that keeps every intermediate array alive.
        """
        out = cls(data)
        if _recording and any(isinstance(p, Tensor) and p.requires_grad for p in parents):
            out.requires_grad = True
            out._parents = tuple(p if isinstance(p, Tensor) else cls(p) for p in parents)
            out._vjp = vjp
        return out

    def backward(self, gradient: Any = None) -> None:
        """Send the gradient of this tensor back to every leaf that asked for one.

        ``gradient`` has this tensor's shape; it may be left out for a single number.
        Gradients add up over calls, as in PyTorch: set ``grad = None`` to start afresh.
        """
        if not self.requires_grad:
            raise RuntimeError(
                "backward: this tensor has no history\n"
                "  make a leaf with tensor(..., requires_grad=True) and compute from it"
            )
        if gradient is None:
            if self.data.size != 1:
                raise RuntimeError(
                    f"backward: a gradient is needed for shape {self.shape}\n"
                    "  only a single number has an obvious one; did you forget .sum() or .mean()?"
                )
            gradient = np.ones_like(self.data)
        gradient = gradient.data if isinstance(gradient, Tensor) else gradient
        gradient = np.asarray(gradient, dtype=self.data.dtype)
        if gradient.shape != self.shape:
            raise RuntimeError(
                f"backward: the gradient has shape {gradient.shape}, the tensor {self.shape}"
            )
        gradients = {id(self): gradient}
        for node in self._history():
            g = gradients.pop(id(node))
            if node._vjp is None:
                # a copy: two leaves may have been handed the same array
                node.grad = Tensor(np.array(g) if node.grad is None else node.grad.data + g)
                continue
            for parent, gp in zip(node._parents, node._vjp(g), strict=True):
                if gp is not None and parent.requires_grad:
                    seen = gradients.get(id(parent))
                    gradients[id(parent)] = gp if seen is None else seen + gp
            node._parents, node._vjp = (), _used_up

    def _history(self) -> list[Tensor]:
        """Every tensor that this one was made from, newest first.

        A child is always newer than its parents, so sorting by age is a topological order.
        """
        found: dict[int, Tensor] = {id(self): self}
        stack: list[Tensor] = [self]
        while stack:
            for parent in stack.pop()._parents:
                if parent.requires_grad and id(parent) not in found:
                    found[id(parent)] = parent
                    stack.append(parent)
        return sorted(found.values(), key=lambda node: -node._order)

    def detach(self) -> Tensor:
        """The same array without its history."""
        return Tensor(self.data)

    def numpy(self) -> np.ndarray:
        """The array itself. As in PyTorch, detach first if there is a history to lose."""
        if self.requires_grad:
            raise RuntimeError("numpy: this tensor requires grad; use .detach().numpy()")
        return self.data

    def item(self) -> float:
        """The single number inside."""
        return self.data.item()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        body = np.array2string(self.data, precision=4, separator=", ", prefix="tensor(")
        return f"tensor({body}{', requires_grad=True' if self.requires_grad else ''})"


def _used_up(_: Any) -> tuple[Any, ...]:
    raise RuntimeError(
        "backward: this part of the history was used up by an earlier backward\n"
        "  compute the result again before calling backward a second time"
    )


def tensor(data: Any, requires_grad: bool = False) -> Tensor:
    """Copy ``data`` into a new tensor, as ``torch.tensor`` does.

    >>> tensor([1.0, 2.0])
    tensor([1., 2.])
    """
    if hasattr(data, "dtype"):
        return Tensor(data.copy(), requires_grad)
    return Tensor(data, requires_grad)
