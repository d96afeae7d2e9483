"""Pooling: one number for each patch of an image, its largest or its average.

A patch is looked at one place of the window at a time: for each of the K L places, *all* patches
at once, as a strided view of the image. That is K L array operations instead of N C P Q loops.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.backend.arrays import empty_like, ones_like, zeros_like
from dlcore.backend.sliding import Pair, Window, make_pair, make_window, places
from dlcore.dtypes import size
from dlcore.errors import ShapeError
from dlcore.operands import floats
from dlcore.tensor import Tensor


def _framed(x: Any, window: Window, value: float) -> Any:
    """x inside a border of ``value``."""
    (top, bottom), (left, right) = window.padding
    if not (top or bottom or left or right):
        return x
    n, c, h, w = x.shape
    xp = empty_like(x, shape=(n, c, h + top + bottom, w + left + right))
    xp[...] = value
    xp[:, :, top : top + h, left : left + w] = x
    return xp


def _frame(g: Any, shape: tuple[int, ...], window: Window) -> Any:
    """Zeros for the gradient of an image of ``shape`` and of its border."""
    (top, bottom), (left, right) = window.padding
    n, c, h, w = shape
    return zeros_like(g, shape=(n, c, h + top + bottom, w + left + right))


def _unframed(dxp: Any, shape: tuple[int, ...], window: Window) -> Any:
    (top, _), (left, _) = window.padding
    return dxp[:, :, top : top + shape[2], left : left + shape[3]]


def max_pool2d_forward(x: Any, kernel: Pair, window: Window) -> tuple[Any, Any]:
    """x (N, C, H, W) -> y (N, C, P, Q), cache: which place of its window each maximum comes from.

    A place is copied first: all that follows runs over numbers that lie side by side.
    """
    first, *others = places(
        _framed(x, window, -np.inf), kernel, window.out(x.shape[2:], kernel), window
    )
    y = first.copy()
    origin = zeros_like(y, dtype=np.min_scalar_type(len(others)))
    for k, seen in enumerate(others, 1):
        pixels = seen.copy()
        origin = np.maximum(origin, (pixels > y) * origin.dtype.type(k))
        np.maximum(y, pixels, out=y)
    return y, (x.shape, origin, kernel, window)


def max_pool2d_backward(g: Any, cache: Any) -> Any:
    """g (N, C, P, Q) -> dx (N, C, H, W): all of g to the first place that holds the maximum."""
    shape, origin, kernel, window = cache
    dxp = _frame(g, shape, window)
    reach = (d * (k - 1) + 1 for d, k in zip(window.dilation, kernel, strict=True))
    apart = all(step >= r for step, r in zip(window.stride, reach, strict=True))
    for k, pixels in enumerate(places(dxp, kernel, g.shape[2:], window)):
        if apart:  # no pixel belongs to two patches
            np.multiply(g, origin == k, out=pixels)
        else:
            pixels += g * (origin == k)
    return _unframed(dxp, shape, window)


def avg_pool2d_forward(x: Any, kernel: Pair, window: Window, share: Any) -> Any:
    """x (N, C, H, W), share () or (P, Q) -> y (N, C, P, Q)."""
    xp = _framed(x, window, 0)
    total = functools.reduce(np.add, places(xp, kernel, window.out(x.shape[2:], kernel), window))
    return total * share


def avg_pool2d_backward(
    g: Any, shape: tuple[int, ...], kernel: Pair, window: Window, share: Any
) -> Any:
    """g (N, C, P, Q) -> dx of ``shape``: an equal part to each place."""
    dxp, g = _frame(g, shape, window), g * share
    for pixels in places(dxp, kernel, g.shape[2:], window):
        pixels += g
    return _unframed(dxp, shape, window)


def _windowed(
    op: str,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    dilation: Any = 1,
) -> tuple[Pair, Window]:
    """Check a pooling's arguments. ``ceil_mode`` grows the far border so that no pixel is left out."""
    kernel = make_pair(op, "kernel_size", kernel_size, 1)
    border = make_pair(op, "padding", padding)
    window = make_window(op, kernel, kernel if stride is None else stride, border, dilation)
    if x.ndim != 4:
        raise ShapeError(op, "x must be (N, C, H, W)", x=x.shape)
    if any(2 * pad[0] > k for pad, k in zip(window.padding, kernel, strict=True)):
        raise ValueError(f"{op}: padding may be at most half of kernel_size")
    image: Any = x.shape[2:]
    if ceil_mode:
        grown = []
        for n, k, s, (before, after), d in zip(image, kernel, *window[:3], strict=True):
            reach = d * (k - 1) + 1
            count = -(-(n + before + after - reach) // s) + 1
            count -= (count - 1) * s >= n + before  # a patch must start on the image
            grown.append((before, max(after, (count - 1) * s + reach - n - before)))
        window = window._replace(padding=tuple(grown))
    if min(window.out(image, kernel)) < 1:
        raise ShapeError(op, f"a window of {kernel} does not fit", x=x.shape)
    return kernel, window


def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The largest pixel of each patch; a border counts as minus infinity.

    ``stride`` defaults to ``kernel_size``: patches side by side.
    Shapes: input (N, C, H, W) -> (N, C, P, Q) with P = (H + 2 padding - K) // stride + 1.
    Raises ShapeError; ValueError for a border wider than half a window.
    Paper: Riesenhuber and Poggio (1999), Hierarchical models of object recognition in cortex.
    """
    x = floats("max_pool2d", input)
    kernel, window = _windowed("max_pool2d", x, kernel_size, stride, padding, ceil_mode, dilation)
    y, cache = max_pool2d_forward(x, kernel, window)
    return Tensor.from_op(y, (input,), lambda g: (max_pool2d_backward(g, cache),))


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The average of each patch; ``count_include_pad`` says whether a border counts as pixels.

    Shapes: input (N, C, H, W) -> (N, C, P, Q) with P = (H + 2 padding - K) // stride + 1.
    Raises ShapeError; ValueError for a border wider than half a window.
    Paper: LeCun et al. (1998), Gradient-based learning applied to document recognition, section II.
    """
    x = floats("avg_pool2d", input)
    kernel, window = _windowed("avg_pool2d", x, kernel_size, stride, padding, ceil_mode)
    plain = tuple((p, p) for p in make_pair("avg_pool2d", "padding", padding))
    count = ones_like(x, shape=(1, 1, *x.shape[2:]))
    if count_include_pad:  # but what ceil_mode added beyond it never counts
        count = _framed(count, Window(padding=plain), 1)
        rest = tuple((0, b[1] - p[1]) for b, p in zip(window.padding, plain, strict=True))
        counted = window._replace(padding=rest)
    else:
        counted = window
    share = 1 / avg_pool2d_forward(count, kernel, counted, 1)[0, 0]
    y = avg_pool2d_forward(x, kernel, window, share)
    shape = x.shape
    return Tensor.from_op(
        y, (input,), lambda g: (avg_pool2d_backward(g, shape, kernel, window, share),)
    )


def _regions(size: int, count: int) -> list[slice]:
    """``count`` patches that cover ``size`` pixels, as equal as can be; they may overlap by one."""
    return [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _adaptive(op: str, x: Any, output_size: Any) -> tuple[Pair, list[tuple[slice, slice]]]:
    if x.ndim != 4 or 0 in x.shape[2:]:
        raise ShapeError(op, "x must be (N, C, H, W)", x=x.shape)
    pair = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(pair) != 2:
        raise ValueError(f"{op}: output_size must be a number or a pair, not {output_size}")
    sides = zip(pair, x.shape[2:], strict=True)
    p, q = (n if o is None else size(op, "output_size", o) for o, n in sides)
    ys, xs = _regions(x.shape[2], p), _regions(x.shape[3], q)
    return (p, q), [(y, x) for y in ys for x in xs]


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """Average whatever patches give an output of this size; (1, 1) is global average pooling.

    Shapes: input (N, C, H, W) -> (N, C, P, Q).  Raises ShapeError.
    Paper: Lin, Chen and Yan (2014), Network in network, section 3.2.
    """
    x = floats("adaptive_avg_pool2d", input)
    (p, q), patches = _adaptive("adaptive_avg_pool2d", x, output_size)
    means = [x[:, :, a, b].mean(axis=(2, 3)) for a, b in patches]

    def vjp(g: Any) -> tuple[Any]:
        dx = zeros_like(x)
        for (a, b), share in zip(
            patches, np.moveaxis(g.reshape(*x.shape[:2], p * q), 2, 0), strict=True
        ):
            patch = dx[:, :, a, b]
            patch += share[:, :, None, None] / (patch.shape[2] * patch.shape[3])
        return (dx,)

    return Tensor.from_op(np.stack(means, axis=2).reshape(*x.shape[:2], p, q), (input,), vjp)


def adaptive_max_pool2d(input: Any, output_size: Any) -> Tensor:
    """The largest pixel of whatever patches give an output of this size.

    Shapes: input (N, C, H, W) -> (N, C, P, Q).  Raises ShapeError.
    """
    x = floats("adaptive_max_pool2d", input)
    (p, q), patches = _adaptive("adaptive_max_pool2d", x, output_size)
    n, c = x.shape[:2]
    pick: Callable[[Any], Any] = lambda patch: patch.reshape(n, c, patch.shape[2] * patch.shape[3])
    where = [pick(x[:, :, a, b]).argmax(axis=2)[:, :, None] for a, b in patches]
    values = [
        np.take_along_axis(pick(x[:, :, a, b]), i, 2)
        for (a, b), i in zip(patches, where, strict=True)
    ]

    def vjp(g: Any) -> tuple[Any]:
        dx, g = zeros_like(x), g.reshape(n, c, p * q)
        for k, (a, b) in enumerate(patches):
            patch = dx[:, :, a, b]
            share = zeros_like(pick(patch))
            np.put_along_axis(share, where[k], g[:, :, k : k + 1], 2)
            patch += share.reshape(patch.shape)
        return (dx,)

    return Tensor.from_op(np.concatenate(values, axis=2).reshape(n, c, p, q), (input,), vjp)
