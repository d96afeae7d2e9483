"""How a window slides over an image: its steps, the border around the image, and what it sees.

What ``conv`` multiplies and ``pooling`` compares. Nothing is computed here.

Paper: Dumoulin and Visin (2016), A guide to convolution arithmetic for deep learning.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, NamedTuple

from numpy.lib.stride_tricks import sliding_window_view

from dlcore.backend.arrays import zeros_like

Pair = tuple[int, int]


class Window(NamedTuple):
    """How the kernel moves: steps, border (before, after) for each axis, spacing, channel groups."""

    stride: Pair = (1, 1)
    padding: Any = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1

    def out(self, size: Pair, kernel: Pair) -> Pair:
        """How many positions the kernel has on an image of ``size``."""
        p, q = (
            (n + sum(pad) - d * (k - 1) - 1) // s + 1
            for n, k, s, pad, d in zip(
                size, kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return p, q


PLAIN = Window()


def make_pair(op: str, name: str, value: Any, least: int = 0) -> Pair:
    """An int for both axes, or one for each.  Raises ValueError for anything below ``least``."""
    pair = value if isinstance(value, tuple | list) else (value, value)
    try:
        first, second = map(operator.index, pair)
    except (TypeError, ValueError):
        first = second = least - 1
    if min(first, second) < least:
        raise ValueError(f"{op}: {name} must be an int >= {least} or a pair of them, not {value!r}")
    return first, second


def make_window(
    op: str, kernel: Pair, stride: Any, padding: Any, dilation: Any, groups: int = 1
) -> Window:
    """PyTorch's arguments as a ``Window``; "same" puts the odd pixel of a border behind."""
    steps, spacing = make_pair(op, "stride", stride, 1), make_pair(op, "dilation", dilation, 1)
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f'{op}: padding is {padding!r}; choose "same", "valid" or numbers')
        if padding == "same" and steps != (1, 1):
            raise ValueError(f'{op}: padding="same" needs stride 1; give the border in numbers')
        total = [d * (k - 1) * (padding == "same") for d, k in zip(spacing, kernel, strict=True)]
        borders = tuple((t // 2, t - t // 2) for t in total)
    else:
        borders = tuple((p, p) for p in make_pair(op, "padding", padding))
    return Window(steps, borders, spacing, groups)


def places(xp: Any, kernel: Pair, out: Pair, window: Window) -> Iterator[Any]:
    """For each place in the kernel, the pixels (..., P, Q) that it meets: views of xp (..., H, W)."""
    (p, q), (sh, sw), (dh, dw) = out, window.stride, window.dilation
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            y, x = i * dh, j * dw
            yield xp[..., y : y + sh * (p - 1) + 1 : sh, x : x + sw * (q - 1) + 1 : sw]


def _padded(x: Any, window: Window) -> Any:
    """x with its border of zeros, and one row more for the last row to run on into."""
    (top, bottom), (left, right) = window.padding
    n, c, h, w = x.shape
    xp = zeros_like(x, shape=(n, c, h + top + bottom + 1, w + left + right))
    xp[:, :, top : top + h, left : left + w] = x
    return xp


def all_windows(x: Any, kernel: Pair, out: Pair, window: Window) -> Any:
    """All windows, as a view:  x (N, C, H, W) -> (C, K, L, N, P, width).

    The width is Q; with stride 1, where rows run on, it is that of the border, and only the first Q count.
    """
    xp, (dh, dw), (sh, sw) = _padded(x, window), window.dilation, window.stride
    n, c, h, w = xp.shape
    rows, columns = dh * (kernel[0] - 1) + 1, dw * (kernel[1] - 1) + 1
    if window.stride != (1, 1):
        seen = sliding_window_view(xp[:, :, :-1], (rows, columns), axis=(2, 3))
        seen = seen[:, :, : out[0] * sh : sh, : out[1] * sw : sw, ::dh, ::dw]
        return seen.transpose(1, 4, 5, 0, 2, 3)
    seen = sliding_window_view(xp.reshape(n, c, h * w), out[0] * w, axis=2)
    seen = seen[:, :, : rows * w].reshape(n, c, rows, w, out[0], w)
    return seen[:, :, ::dh, :columns:dw].transpose(1, 2, 3, 0, 4, 5)
