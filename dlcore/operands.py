"""Operands: the arrays that an operation computes with, whatever it was given.

The boundary of the library: ``dtypes`` says what may stand for a tensor, and in which dtype it is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.backend.device import to_device
from dlcore.dtypes import as_array, promoted
from dlcore.tensor import Tensor


def array(x: Any) -> Any:
    """The array of an operand. A bare number stays one: NumPy fits it to the dtype beside it."""
    return x.data if isinstance(x, Tensor) else x


def as_tensor(op: str, x: Any) -> Tensor:
    """``x`` itself if it is a tensor, else one made of it, without a copy.  Raises TypeError."""
    return x if isinstance(x, Tensor) else Tensor(as_array(op, x))


def float_tensor(op: str, x: Any, like: Any = None) -> Tensor:
    """``floats`` as a tensor; its gradient finds back to ``x``."""
    data = floats(op, x, like)
    if isinstance(x, Tensor):
        return x if data is x.data else Tensor.from_op(data, (x,), lambda g: (g,))
    return Tensor(data)


def operands(op: str, a: Any, b: Any) -> tuple[Any, Any]:
    """The arrays of two operands, in the dtype of their result; numbers may stay numbers."""
    x = a.data if isinstance(a, Tensor) else a
    y = b.data if isinstance(b, Tensor) else b
    if type(x) is type(y) is np.ndarray and x.dtype is y.dtype and x.dtype.kind in "fib":
        return x, y
    # what stands in a tensor has a dtype of its own, even if it has no dimensions
    x = np.asarray(x) if isinstance(a, Tensor) and isinstance(x, np.generic) else x
    y = np.asarray(y) if isinstance(b, Tensor) and isinstance(y, np.generic) else y
    return promoted(op, x, y)


def floats(op: str, x: Any, like: Any = None) -> Any:
    """The array of an operand as real numbers: of the dtype of the array ``like``, and where that one lives.

    Raises TypeError where that would bring it back from a GPU.
    """
    x = x.data if isinstance(x, Tensor) else as_array(op, x)
    if like is None:
        return x if x.dtype.kind == "f" else x.astype(np.float32)
    if type(x) is not type(like):
        x = beside(op, x, like)
    return x if x.dtype == like.dtype else x.astype(like.dtype)


def beside(op: str, x: Any, like: Any) -> Any:
    """The array ``x`` where ``like`` lives.  Raises TypeError where that would bring it back from a GPU."""
    found = to_device(x, like)
    if found is not x and isinstance(like, np.ndarray | np.generic):
        raise TypeError(
            f"{op}: one array lives on the GPU, another in the computer's memory\n"
            "  move the model there, too: model.to(x)"
        )
    return found


def needs(x: Any) -> bool:
    """Whether anyone will ask for the gradient of this operand; if not, it is not computed."""
    return isinstance(x, Tensor) and x.requires_grad


def plain_index(index: Any, like: Any) -> Any:
    """An index into the array ``like``: arrays, where that one lives, for tensors, lists and columns."""
    if isinstance(index, tuple):
        return tuple(_plain_part(i, like) for i in index)
    return _plain_part(index, like)


def _plain_part(index: Any, like: Any) -> Any:
    if isinstance(index, Tensor):
        index = index.data
    elif isinstance(index, list | tuple | range):
        index = as_array("x[...]", list(index)) if len(index) else np.zeros(0, np.intp)
    elif hasattr(index, "__array__") and not isinstance(index, np.ndarray | np.generic):
        index = as_array("x[...]", index)
    return to_device(index, like) if isinstance(index, np.ndarray) else index
