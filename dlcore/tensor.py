"""A Tensor and its tape: arrays that remember how they were computed.

The tape knows no derivative. An operation hands ``Tensor.from_op`` its result, its
parents and one function, the vector-Jacobian product (vjp), that turns the gradient
of the result into the gradients of the parents. ``backward`` calls those functions in
reverse order of creation and adds up what reaches each tensor.

Paper: Baydin et al. (2018), Automatic differentiation in machine learning: a survey, section 3.2.
"""

from __future__ import annotations

import itertools
import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
    """An array that records operations, and gets the gradient of a scalar by ``backward``.

    ``data`` is the array, ``grad`` the gradient that ``backward`` left here (or None).
    Arrays keep their dtype; Python numbers and lists of them become float32.

    Raises TypeError for what is not a number and for ``requires_grad`` on integers.
    """

    __slots__ = (
        "_order",
        "_parents",
        "_pending",
        "_retains",
        "_saved",
        "_seen",
        "_version",
        "_vjp",
        "data",
        "grad",
        "requires_grad",
    )
    __array_priority__ = 100  # so that ndarray * Tensor asks Tensor

    if TYPE_CHECKING:  # given by ops, reductions, shaping and activations
        __add__: Any
        __radd__: Any
        __sub__: Any
        __rsub__: Any
        __mul__: Any
        __rmul__: Any
        __truediv__: Any
        __rtruediv__: Any
        __pow__: Any
        __matmul__: Any
        __neg__: Any
        __getitem__: Any

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        version = None
        if isinstance(data, Tensor):
            data, version = data.data, _shared_version(data)
        if not hasattr(data, "dtype"):
            data = np.asarray(data)
            if data.dtype == np.float64:
                data = data.astype(np.float32)
        if data.dtype.kind not in "fiub":
            raise TypeError(f"tensor: numbers are needed, not {data.dtype}")
        if requires_grad and data.dtype.kind != "f":
            raise TypeError(
                f"tensor: only floating-point numbers have a gradient, not {data.dtype}\n"
                "  write 1.0 for 1, or convert with .astype(np.float32)"
            )
        self.data: Any = data
        self.grad: Tensor | None = None
        self.requires_grad = requires_grad
        self._parents: Sequence[Any] = ()
        self._vjp: Vjp | None = None
        self._retains = False
        self._order = next(_created)
        # how often the array was overwritten: one count for all tensors that share its memory, None
        # while it was not and nobody does
        self._version: list[int] | None = version
        self._saved = 0  # the sum of the parents' counts when this node was made
        self._pending: Any = None  # the gradient that has arrived so far
        self._seen = 0  # the number of the last backward that came by

    @classmethod
    def from_op(cls, data: Any, parents: Sequence[Any], vjp: Vjp) -> Tensor:
        """Make the result of an operation, one node on the tape.

        ``vjp(g)`` takes the gradient of ``data`` and returns one gradient, or None, for
        each parent. It must close over arrays only: closing over the result would make a
        reference cycle that keeps every intermediate array alive.
        """
        out = _new(Tensor)
        out.data = data
        out.grad = out._vjp = out._version = out._pending = None
        out.requires_grad = out._retains = False
        out._parents, out._saved, out._seen = (), 0, 0
        out._order = next(_created)
        if data.base is not None:
            _share_version(out, parents)
        if _recording:
            wanted, saved = False, 0
            for p in parents:
                if isinstance(p, Tensor):
                    wanted = wanted or p.requires_grad
                    if p._version is not None:
                        saved += p._version[0]
            if wanted:
                out.requires_grad = True
                out._parents, out._saved, out._vjp = parents, saved, vjp
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
        if not hasattr(gradient, "astype"):
            gradient = np.asarray(gradient)
        gradient = gradient.astype(self.data.dtype, copy=False)
        if gradient.shape != self.shape:
            raise RuntimeError(
                f"backward: the gradient has shape {gradient.shape}, the tensor {self.shape}"
            )
        history = self._history()
        self._pending = gradient
        try:
            self._send_back(history)
        finally:
            for node in history:
                node._pending = None

    @staticmethod
    def _send_back(history: list[Tensor]) -> None:
        for node in history:
            g = node._pending
            if g is None:
                continue  # every path from here to the result was cut
            node._pending = None
            vjp = node._vjp
            if vjp is None or node._retains:
                if node.grad is not None:
                    node.grad = _plain(node.grad.data + g)
                else:  # 2: the name g, and the argument that asks
                    alone = sys.getrefcount(g) == 2 and vjp is None and _is_whole(g)
                    node.grad = _plain(g if alone else g.copy())
                if vjp is None:
                    continue
            parents, grads = node._parents, vjp(g)
            if len(grads) != len(parents):
                raise ValueError(f"a vjp gave {len(grads)} gradients for {len(parents)} parent(s)")
            saved = node._saved
            # with zip(parents, grads, strict=True) a chain of small steps took a tenth longer
            for k, parent in enumerate(parents):
                if isinstance(parent, Tensor):
                    if parent._version is not None:
                        saved -= parent._version[0]
                    gp = grads[k]
                    if gp is not None and parent.requires_grad:
                        before = parent._pending
                        parent._pending = gp if before is None else before + gp
            if saved:  # counts only grow: the sum is the same only if all are
                raise RuntimeError(_overwritten(parents))
            grads, gp, before = (), None, None  # no name holds on to what a leaf is about to keep
            node._parents, node._vjp = (), _used_up

    def _history(self) -> list[Tensor]:
        """Every tensor that this one was made from, newest first.

        A child is always newer than its parents, so sorting by age is a topological order.
        """
        now = self._seen = next(_created)
        found, stack = [self], [self]
        while stack:
            for parent in stack.pop()._parents:
                if isinstance(parent, Tensor) and parent.requires_grad and parent._seen != now:
                    parent._seen = now
                    found.append(parent)
                    stack.append(parent)
        found.sort(key=_age, reverse=True)
        return found

    def detach(self) -> Tensor:
        """The same array without its history."""
        return Tensor(self)

    def retain_grad(self) -> None:
        """Keep the gradient of this intermediate result in ``grad`` too."""
        self._retains = True

    def changed(self) -> None:
        """Say that ``data`` was overwritten, so that no older node trusts what it remembers.

        In-place operations of the library say it themselves; say it after writing into
        ``data`` by hand.
        """
        _shared_version(self)[0] += 1

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

    @property
    def size(self) -> int:
        return self.data.size

    def __setitem__(self, index: Any, value: Any) -> None:
        """Overwrite entries.  Raises RuntimeError where that would corrupt a gradient."""
        if _recording and self.requires_grad:
            raise RuntimeError(
                "x[...] = value: x requires grad, and its history would not know of the change\n"
                "  compute a new tensor with where(condition, value, x), or write inside no_grad()"
            )
        if isinstance(value, Tensor):
            if _recording and value.requires_grad:
                raise RuntimeError(
                    "x[...] = value: the value's history would be lost\n"
                    "  build x from its parts with stack or cat, or assign value.detach()"
                )
            value = value.data
        self.data[index.data if isinstance(index, Tensor) else index] = value
        self.changed()

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        body = np.array2string(self.data, precision=4, separator=", ", prefix="tensor(")
        return f"tensor({body}{', requires_grad=True' if self.requires_grad else ''})"


def _plain(data: Any) -> Tensor:
    """An array that is known to hold numbers, without a history; ``Tensor(data)`` would look at it first."""
    return Tensor.from_op(data, (), _used_up)


_new = object.__new__
_age = operator.attrgetter("_order")


def _is_whole(g: Any) -> bool:
    """Whether an array that nobody else holds may be kept as a gradient without a copy.

    A view may, too, if nobody else holds what it looks into (3: the attribute, the name, the
    argument) and it is in order.
    """
    base = g.base
    return (base is None or sys.getrefcount(base) == 3) and g.flags.c_contiguous


def _shared_version(t: Tensor) -> list[int]:
    """The count of ``t``, begun if there is none."""
    if t._version is None:
        t._version = [0]
    return t._version


def _share_version(view: Tensor, parents: Sequence[Any]) -> None:
    """A view of a parent's array is overwritten when the parent is, and the other way round."""
    base = view.data.base  # NumPy names the array that owns the memory, however many views deep
    for p in parents:
        if isinstance(p, Tensor) and (base is p.data or base is p.data.base):
            view._version = _shared_version(p)


def _overwritten(parents: Sequence[Any]) -> str:
    shapes = ", ".join(str(p.shape) for p in parents if isinstance(p, Tensor))
    return (
        f"backward: one of the tensors {shapes} was overwritten after the forward pass had used it\n"
        "  its old values are gone, so this gradient would be wrong; call backward before an"
        " optimizer step, or compute the result again"
    )


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


def array(x: Any) -> Any:
    """The array of an operand. A bare number stays one: NumPy fits it to the dtype beside it."""
    return x.data if isinstance(x, Tensor) else x


def needs(x: Any) -> bool:
    """Whether anyone will ask for the gradient of this operand; if not, it is not computed."""
    return isinstance(x, Tensor) and x.requires_grad
