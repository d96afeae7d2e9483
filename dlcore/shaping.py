"""Reshape, transpose, concatenate, split, pad and index: the same numbers, arranged differently.

No arithmetic happens here, so every gradient is the arrangement undone. An entry that was
read twice gets the sum of both gradients. All raise a ShapeError for what does not fit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.errors import ShapeError, check_dim
from dlcore.tensor import Tensor

__all__ = [
    "cat",
    "chunk",
    "concat",
    "expand",
    "flatten",
    "flip",
    "pad",
    "permute",
    "reshape",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "transpose",
    "unsqueeze",
]


def _ints(values: tuple[Any, ...]) -> tuple[int, ...]:
    """x.reshape(2, 3) and x.reshape((2, 3)) mean the same."""
    return tuple(values[0]) if len(values) == 1 and isinstance(values[0], Sequence) else values


def reshape(a: Tensor, *shape: Any) -> Tensor:
    """The same entries in row-major order under a new shape; one size may be -1.

    Shapes: any -> shape.  Raises ShapeError.
    """
    x, new = a.data, _ints(shape)
    try:
        y = x.reshape(new)
    except ValueError:
        raise ShapeError(
            "reshape",
            f"{x.size} entries cannot be arranged as {new}",
            "the sizes must multiply to the number of entries; one of them may be -1",
            x=x.shape,
        ) from None
    return Tensor.from_op(y, (a,), lambda g: (g.reshape(x.shape),))


def flatten(a: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the dimensions from ``start_dim`` to ``end_dim``.  Shapes: (N, C, H, W) -> (N, C H W) from 1."""
    if not a.ndim:
        return reshape(a, (1,))
    check_dim("flatten", a.shape, start_dim)
    check_dim("flatten", a.shape, end_dim)
    first, last = start_dim % a.ndim, end_dim % a.ndim
    if first > last:
        raise ShapeError("flatten", f"{start_dim} comes after {end_dim}", x=a.shape)
    middle = math.prod(a.shape[first : last + 1])
    return reshape(a, (*a.shape[:first], middle, *a.shape[last + 1 :]))


def permute(a: Tensor, *dims: Any) -> Tensor:
    """Reorder the dimensions: axis i of the result is axis dims[i] of ``a``.

    Shapes: (N, H, W, C) -> (N, C, H, W) for dims (0, 3, 1, 2).  Raises ShapeError.
    """
    order = _ints(dims)
    for d in order:
        check_dim("permute", a.shape, d)
    if sorted(d % a.ndim for d in order) != list(range(a.ndim)):
        raise ShapeError("permute", f"dims {order} must name each dimension once", x=a.shape)
    back = tuple(int(i) for i in np.argsort([d % a.ndim for d in order]))
    return Tensor.from_op(a.data.transpose(order), (a,), lambda g: (g.transpose(back),))


def swapaxes(a: Tensor, axis0: int, axis1: int) -> Tensor:
    """Exchange two dimensions.  Shapes: (N, T, D) -> (N, D, T) for 1, 2.  Raises ShapeError."""
    check_dim("swapaxes", a.shape, axis0)
    check_dim("swapaxes", a.shape, axis1)
    return Tensor.from_op(
        a.data.swapaxes(axis0, axis1), (a,), lambda g: (g.swapaxes(axis0, axis1),)
    )


def transpose(a: Tensor, dim0: int, dim1: int, *more: int) -> Tensor:
    """Exchange two dimensions, as PyTorch does; with all of them named, NumPy's reordering.

    Shapes: (N, T, D) -> (N, D, T) for 1, 2; (N, H, W, C) -> (N, C, H, W) for 0, 3, 1, 2.
    """
    return permute(a, dim0, dim1, *more) if more else swapaxes(a, dim0, dim1)


def squeeze(a: Tensor, dim: int | None = None) -> Tensor:
    """Drop dimensions of size 1: all of them, or ``dim`` if it is one.  Shapes: (N, 1) -> (N,)."""
    check_dim("squeeze", a.shape, dim)
    shape = tuple(
        n for i, n in enumerate(a.shape) if n != 1 or (dim is not None and i != dim % a.ndim)
    )
    return reshape(a, shape)


def unsqueeze(a: Tensor, dim: int) -> Tensor:
    """Insert a dimension of size 1 before ``dim``.  Shapes: (N,) -> (N, 1) for 1."""
    check_dim("unsqueeze", a.shape, dim, new=1)
    place = dim % (a.ndim + 1)
    return reshape(a, (*a.shape[:place], 1, *a.shape[place:]))


def expand(a: Tensor, *shape: Any) -> Tensor:
    """Repeat dimensions of size 1 without copying; -1 keeps a size.  Shapes: (N, 1) -> (N, M)."""
    x, wanted = a.data, _ints(shape)
    new_axes = len(wanted) - x.ndim
    if new_axes < 0 or -1 in wanted[:new_axes]:
        rule = f"cannot become {wanted}"
        raise ShapeError("expand", rule, "new dimensions stand in front and need a size", x=x.shape)
    full = tuple(x.shape[i - new_axes] if n == -1 else n for i, n in enumerate(wanted))
    repeated = tuple(
        i for i, n in enumerate(full) if i < new_axes or (n != x.shape[i - new_axes] != n)
    )
    try:
        y = np.broadcast_to(x, full)
    except ValueError:
        rule = f"cannot become {wanted}"
        raise ShapeError("expand", rule, "only sizes of 1 can grow", x=x.shape) from None
    return Tensor.from_op(
        y, (a,), lambda g: (g.sum(axis=repeated, keepdims=True).reshape(x.shape),)
    )


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along an existing dimension.  Shapes: (N, D), (M, D) -> (N + M, D) for 0.

    Raises ShapeError unless all other sizes agree.
    """
    arrays = [t.data for t in tensors]
    _agree("cat", arrays, dim)
    edges = np.cumsum([a.shape[dim] for a in arrays])[:-1].tolist()
    return Tensor.from_op(
        np.concatenate(arrays, axis=dim), tensors, lambda g: tuple(np.split(g, edges, axis=dim))
    )


concat = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along a new dimension.  Shapes: T times (N, D) -> (T, N, D) for 0.

    Raises ShapeError unless all shapes agree.
    """
    arrays = [t.data for t in tensors]
    _agree("stack", arrays, None)
    check_dim("stack", arrays[0].shape, dim, new=1)
    return Tensor.from_op(
        np.stack(arrays, axis=dim), tensors, lambda g: tuple(np.moveaxis(g, dim, 0))
    )


def _agree(op: str, arrays: list[Any], dim: int | None) -> None:
    if not arrays:
        raise ShapeError(op, "there is nothing to join")
    shapes = [a.shape for a in arrays]
    for shape in shapes:
        check_dim(op, shape, dim)
        pairs = enumerate(zip(shape, shapes[0], strict=False))
        same = all(m == n or (dim is not None and i == dim % len(shape)) for i, (m, n) in pairs)
        if not same or len(shape) != len(shapes[0]):
            rule = "all shapes must agree" + ("" if dim is None else f" except along {dim}")
            raise ShapeError(op, rule, first=shapes[0], other=shape)


def split(a: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut into pieces of one size (the last may be smaller) or of the sizes listed.

    Shapes: (N, D) -> (n1, D), (n2, D), ...  Raises ShapeError if a list does not add up.
    """
    check_dim("split", a.shape, dim)
    total, sizes = a.shape[dim], split_size_or_sections
    if isinstance(sizes, int):
        if sizes < 1:
            raise ShapeError("split", f"pieces of {sizes} are too small", x=a.shape)
        sizes = [min(sizes, total - start) for start in range(0, total, sizes)] or [0]
    if sum(sizes) != total:
        raise ShapeError(
            "split", f"sizes {list(sizes)} add up to {sum(sizes)}, not {total}", x=a.shape
        )
    before = (slice(None),) * (dim % a.ndim)
    ends = zip(itertools.accumulate(sizes), sizes, strict=True)
    return tuple(_getitem(a, (*before, slice(end - n, end))) for end, n in ends)


def chunk(a: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut into at most ``chunks`` pieces of one size.  Shapes: (4, D) -> (2, D), (2, D) for 2."""
    check_dim("chunk", a.shape, dim)
    if chunks < 1:
        raise ShapeError("chunk", f"there cannot be {chunks} pieces", x=a.shape)
    return split(a, max(1, -(-a.shape[dim] // chunks)), dim)


def flip(a: Tensor, dims: int | Sequence[int]) -> Tensor:
    """Reverse the order along ``dims``.  Shapes: any -> same."""
    axes = (dims,) if isinstance(dims, int) else tuple(dims)
    check_dim("flip", a.shape, axes)
    return Tensor.from_op(np.flip(a.data, axes), (a,), lambda g: (np.flip(g, axes),))


def pad(input: Tensor, pad: Sequence[int], value: float = 0.0) -> Tensor:
    """Add a border of ``value``; ``pad`` lists (before, after) from the last dimension backwards.

    Shapes: (..., H, W) -> (..., H + top + bottom, W + left + right) for (left, right, top, bottom).
    Raises ShapeError for a list of odd length, of too many dimensions or with negative entries.
    """
    x = input.data
    if len(pad) % 2 or len(pad) > 2 * x.ndim or any(p < 0 for p in pad):
        raise ShapeError("pad", f"{tuple(pad)} is not a list of (before, after) pairs", x=x.shape)
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]
    inner = tuple(slice(low, low + n) for (low, _), n in zip(widths, x.shape, strict=True))
    y = np.empty_like(x, shape=tuple(n + b + e for n, (b, e) in zip(x.shape, widths, strict=True)))
    y[...] = value
    y[inner] = x
    return Tensor.from_op(y, (input,), lambda g: (g[inner],))


def _getitem(a: Tensor, index: Any) -> Tensor:
    """a[index], with slices, numbers, masks and arrays of integers.

    Entries that an array of integers names twice get both gradients.
    """
    x = a.data
    index = tuple(_plain(i) for i in index) if isinstance(index, tuple) else _plain(index)
    try:
        y = x[index]
    except IndexError as error:
        raise ShapeError("x[...]", str(error), x=x.shape) from None
    parts = index if isinstance(index, tuple) else (index,)
    repeats = any(hasattr(i, "dtype") and i.dtype.kind in "iu" and i.ndim for i in parts)

    def vjp(g: Any) -> tuple[Any]:
        dx = np.zeros_like(x)
        if repeats:
            np.add.at(dx, index, g)  # dx[index] += g would keep only the last of equals
        else:
            dx[index] = g
        return (dx,)

    return Tensor.from_op(y, (a,), vjp)


def _plain(i: Any) -> Any:
    return i.data if isinstance(i, Tensor) else np.asarray(i) if isinstance(i, list) else i


for _name in __all__:
    if _name not in {"cat", "concat", "stack", "pad"}:
        setattr(Tensor, _name, globals()[_name])
Tensor.__getitem__ = _getitem  # type: ignore[attr-defined]
Tensor.T = property(lambda a: permute(a, tuple(range(a.ndim))[::-1]))  # type: ignore[attr-defined]
