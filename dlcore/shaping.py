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

from dlcore.backend.arrays import empty_like, zeros_like
from dlcore.backend.sums import sums_by_number
from dlcore.dtypes import number, result_dtype, size
from dlcore.errors import ShapeError, check_dim
from dlcore.operands import as_tensor, plain_index
from dlcore.tensor import Tensor, method

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


def _ints(op: str, values: tuple[Any, ...]) -> tuple[int, ...]:
    """x.reshape(2, 3) and x.reshape((2, 3)) mean the same."""
    if len(values) == 1 and isinstance(values[0], Sequence | np.ndarray):
        values = tuple(values[0])
    if all(type(v) is int for v in values):
        return tuple(values)
    return tuple(size(op, "a size or dimension", v, least=-(1 << 62)) for v in values)


@method
def reshape(a: Tensor, *shape: Any) -> Tensor:
    """The same entries in row-major order under a new shape; one size may be -1.

    Shapes: any -> shape.  Raises ShapeError.
    """
    x, new = as_tensor("reshape", a).data, _ints("reshape", shape)
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


@method
def flatten(a: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the dimensions from ``start_dim`` to ``end_dim``.  Shapes: (N, C, H, W) -> (N, C H W) from 1."""
    a = as_tensor("flatten", a)
    if not a.ndim:
        return reshape(a, (1,))
    check_dim("flatten", a.shape, start_dim)
    check_dim("flatten", a.shape, end_dim)
    first, last = start_dim % a.ndim, end_dim % a.ndim
    if first > last:
        raise ShapeError("flatten", f"{start_dim} comes after {end_dim}", x=a.shape)
    middle = math.prod(a.shape[first : last + 1])
    return reshape(a, (*a.shape[:first], middle, *a.shape[last + 1 :]))


@method
def permute(a: Any, *dims: Any) -> Tensor:
    """Reorder the dimensions: axis i of the result is axis dims[i] of ``a``.

    Shapes: (N, H, W, C) -> (N, C, H, W) for dims (0, 3, 1, 2).  Raises ShapeError.
    """
    a, order = as_tensor("permute", a), _ints("permute", dims)
    for d in order:
        check_dim("permute", a.shape, d)
    if sorted(d % a.ndim for d in order) != list(range(a.ndim)):
        raise ShapeError("permute", f"dims {order} must name each dimension once", x=a.shape)
    back = tuple(int(i) for i in np.argsort([d % a.ndim for d in order]))
    return Tensor.from_op(a.data.transpose(order), (a,), lambda g: (g.transpose(back),))


@method
def swapaxes(a: Any, axis0: int, axis1: int) -> Tensor:
    """Exchange two dimensions.  Shapes: (N, T, D) -> (N, D, T) for 1, 2.  Raises ShapeError."""
    a = as_tensor("swapaxes", a)
    check_dim("swapaxes", a.shape, axis0)
    check_dim("swapaxes", a.shape, axis1)
    return Tensor.from_op(
        a.data.swapaxes(axis0, axis1), (a,), lambda g: (g.swapaxes(axis0, axis1),)
    )


@method
def transpose(a: Any, dim0: int, dim1: int, *more: int) -> Tensor:
    """Exchange two dimensions, as PyTorch does; with all of them named, NumPy's reordering.

    Shapes: (N, T, D) -> (N, D, T) for 1, 2; (N, H, W, C) -> (N, C, H, W) for 0, 3, 1, 2.
    """
    return permute(a, dim0, dim1, *more) if more else swapaxes(a, dim0, dim1)


@method
def squeeze(a: Any, dim: int | None = None) -> Tensor:
    """Drop dimensions of size 1: all of them, or ``dim`` if it is one.  Shapes: (N, 1) -> (N,)."""
    a = as_tensor("squeeze", a)
    check_dim("squeeze", a.shape, dim)
    shape = tuple(
        n for i, n in enumerate(a.shape) if n != 1 or (dim is not None and i != dim % a.ndim)
    )
    return reshape(a, shape)


@method
def unsqueeze(a: Any, dim: int) -> Tensor:
    """Insert a dimension of size 1 before ``dim``.  Shapes: (N,) -> (N, 1) for 1."""
    a = as_tensor("unsqueeze", a)
    check_dim("unsqueeze", a.shape, dim, new=1)
    place = dim % (a.ndim + 1)
    return reshape(a, (*a.shape[:place], 1, *a.shape[place:]))


@method
def expand(a: Any, *shape: Any) -> Tensor:
    """Repeat dimensions of size 1 without copying; -1 keeps a size.  Shapes: (N, 1) -> (N, M)."""
    x, wanted = as_tensor("expand", a).data, _ints("expand", shape)
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


def _together(op: str, tensors: Any) -> tuple[Sequence[Any], list[Any]]:
    """What is to be joined, and its arrays in one dtype."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, Sequence):
        raise TypeError(
            f"{op}: a list of tensors is needed, not {type(tensors).__name__}\n"
            f"  write {op}([a, b]); the rows of one tensor are already together"
        )
    arrays = [as_tensor(op, t).data for t in tensors]
    if len({a.dtype for a in arrays}) > 1:
        dtype = result_dtype(*arrays)
        arrays = [a.astype(dtype, copy=False) for a in arrays]
    return tensors, arrays


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join tensors along an existing dimension.  Shapes: (N, D), (M, D) -> (N + M, D) for 0.

    Raises ShapeError unless all other sizes agree.
    """
    tensors, arrays = _together("cat", tensors)
    _agree("cat", arrays, dim)
    edges = np.cumsum([a.shape[dim] for a in arrays])[:-1].tolist()
    return Tensor.from_op(
        np.concatenate(arrays, axis=dim), tensors, lambda g: tuple(np.split(g, edges, axis=dim))
    )


concat = cat


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join tensors along a new dimension.  Shapes: T times (N, D) -> (T, N, D) for 0.

    Raises ShapeError unless all shapes agree.
    """
    tensors, arrays = _together("stack", tensors)
    _agree("stack", arrays, None)
    check_dim("stack", arrays[0].shape, dim, new=1)
    return Tensor.from_op(
        np.stack(arrays, axis=dim), tensors, lambda g: tuple(np.moveaxis(g, dim, 0))
    )


def _agree(op: str, arrays: list[Any], dim: int | None) -> None:
    if not arrays:
        raise ShapeError(op, "there is nothing to join")
    shapes = [a.shape for a in arrays]
    if not shapes[0] and dim is not None:
        raise ShapeError(op, "tensors without dimensions cannot be joined along one", "use stack")
    for shape in shapes:
        check_dim(op, shape, dim)
        pairs = enumerate(zip(shape, shapes[0], strict=False))
        same = all(m == n or (dim is not None and i == dim % len(shape)) for i, (m, n) in pairs)
        if not same or len(shape) != len(shapes[0]):
            rule = "all shapes must agree" + ("" if dim is None else f" except along {dim}")
            raise ShapeError(op, rule, first=shapes[0], other=shape)


@method
def split(a: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut into pieces of one size (the last may be smaller) or of the sizes listed.

    Shapes: (N, D) -> (n1, D), (n2, D), ...  Raises ShapeError if a list does not add up.
    """
    a = as_tensor("split", a)
    check_dim("split", a.shape, dim)
    if not a.ndim:
        raise ShapeError("split", "one number cannot be cut", x=a.shape)
    total, sizes = a.shape[dim], split_size_or_sections
    if not isinstance(sizes, Sequence | np.ndarray):
        sizes = size("split", "the size of a piece", sizes)
        if sizes < 1:
            raise ShapeError("split", f"pieces of {sizes} are too small", x=a.shape)
        sizes = [min(sizes, total - start) for start in range(0, total, sizes)] or [0]
    sizes = [size("split", "a piece", n) for n in sizes]
    if sum(sizes) != total:
        raise ShapeError("split", f"sizes {sizes} add up to {sum(sizes)}, not {total}", x=a.shape)
    before = (slice(None),) * (dim % a.ndim)
    ends = zip(itertools.accumulate(sizes), sizes, strict=True)
    return tuple(_getitem(a, (*before, slice(end - n, end))) for end, n in ends)


@method
def chunk(a: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut into at most ``chunks`` pieces of one size.  Shapes: (4, D) -> (2, D), (2, D) for 2."""
    a, chunks = as_tensor("chunk", a), size("chunk", "chunks", chunks)
    check_dim("chunk", a.shape, dim)
    if chunks < 1:
        raise ShapeError("chunk", f"there cannot be {chunks} pieces", x=a.shape)
    return split(a, max(1, -(-a.shape[dim] // chunks)), dim)


@method
def flip(a: Any, dims: int | Sequence[int]) -> Tensor:
    """Reverse the order along ``dims``.  Shapes: any -> same."""
    x = as_tensor("flip", a).data
    axes = tuple(dims) if isinstance(dims, Sequence) else (dims,)
    check_dim("flip", x.shape, axes)
    return Tensor.from_op(np.flip(x, axes), (a,), lambda g: (np.flip(g, axes),))


def pad(input: Any, pad: Sequence[int], value: float = 0.0) -> Tensor:
    """Add a border of ``value``; ``pad`` lists (before, after) from the last dimension backwards.

    Shapes: (..., H, W) -> (..., H + top + bottom, W + left + right) for (left, right, top, bottom).
    Raises ShapeError for a list of odd length, of too many dimensions or with negative entries.
    """
    x, pad = as_tensor("pad", input).data, _ints("pad", tuple(pad))
    value = number("pad", "value", value)
    if len(pad) % 2 or len(pad) > 2 * x.ndim or any(p < 0 for p in pad):
        raise ShapeError("pad", f"{tuple(pad)} is not a list of (before, after) pairs", x=x.shape)
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]
    inner = tuple(slice(low, low + n) for (low, _), n in zip(widths, x.shape, strict=True))
    if x.dtype.kind != "f" and value != int(value):
        x = x.astype(np.float32)
    y = empty_like(x, shape=tuple(n + b + e for n, (b, e) in zip(x.shape, widths, strict=True)))
    y[...] = value
    y[inner] = x
    return Tensor.from_op(y, (input,), lambda g: (g[inner],))


def _getitem(a: Tensor, index: Any) -> Tensor:
    """a[index], with slices, numbers, masks and arrays of integers.

    Entries that an array of integers names twice get both gradients.
    """
    x = a.data
    index = plain_index(index, x)
    if isinstance(index, tuple) and (first := _numbers_first(index)):
        return _getitem(_getitem(a, first), tuple(i for i in index if not _is_number(i)))
    try:
        y = x[index]
    except IndexError as error:
        raise ShapeError("x[...]", str(error), x=x.shape) from None
    parts = index if isinstance(index, tuple) else (index,)
    repeats = any(hasattr(i, "dtype") and i.dtype.kind in "iu" and i.ndim for i in parts)
    rows = len(parts) == 1 and repeats and x.ndim > 0  # whole rows, as of an embedding
    if rows:
        numbers = parts[0].astype(np.intp).reshape(-1) % max(1, x.shape[0])  # -1 is the last one

    def vjp(g: Any) -> tuple[Any]:
        if rows:
            n, d = x.shape[0], math.prod(x.shape[1:])
            flat = g.reshape(parts[0].size, d)
            return (sums_by_number(flat, numbers, x.reshape(n, d)).reshape(x.shape),)
        dx = zeros_like(x)
        if repeats:
            np.add.at(dx, index, g)  # dx[index] += g would keep only the last of equals
        else:
            dx[index] = g
        return (dx,)

    return Tensor.from_op(y, (a,), vjp)


def _is_number(i: Any) -> bool:
    return (
        hasattr(i, "__index__") and not getattr(i, "ndim", 0) and not isinstance(i, bool | np.bool_)
    )


def _numbers_first(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """What to index with before arrays: their axes stay where they are then, as in PyTorch.

    NumPy takes a number beside an array for an array, and moves the axes of x[0, :, [1, 2]] to the front.
    """
    if not any(map(_is_number, index)) or not any(getattr(i, "ndim", 0) for i in index):
        return ()
    first: list[Any] = []
    for i in index:
        if _is_number(i) or i is Ellipsis:
            first.append(i)
        elif i is not None:
            mask = getattr(i, "ndim", 0) and i.dtype == bool
            first += [slice(None)] * (i.ndim if mask else 1)
    return tuple(first)


Tensor.__getitem__ = _getitem  # type: ignore[method-assign]
Tensor.T = property(lambda a: permute(a, tuple(range(a.ndim))[::-1]))  # type: ignore[attr-defined]
