"""Convolution as matrix products: gather the windows as columns, multiply once.

Lesson 09 computes one output at a time. This file does the same sums in another order. The
window under each output position is copied into a column, so that *all* outputs of some images
are one matrix product (Chellapilla et al., 2006, High performance convolutional neural networks
for document processing). Three things keep that fast:

- **A few images at a time** (``in_pieces``). The columns repeat each pixel K K times; for the whole
  batch they would not fit into any cache.
- **Rows that run on** (``_columns``). With stride 1, the windows' pixels at one place of the kernel
  are one long stretch of the padded image if one lets it run over the row ends. The few outputs
  computed across two rows are thrown away; copying long stretches is worth that.
- **The gradient of x is a convolution too**, of g with the kernel turned round, so it is as fast.

With many channels the products themselves take longest; ``winograd`` does 3 x 3 kernels with fewer.

Legend: x (N, C, H, W), w (M, C/groups, K, L), b (M,), y and g (N, M, P, Q).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from dlcore.errors import ShapeError
from dlcore.pieces import in_pieces
from dlcore.tensor import Tensor, array, needs
from dlcore.winograd import winograd_backward_weight, winograd_forward

COLUMNS = 1 << 19  # entries of a chunk's columns: 2 MB of float32, what the caches of a core hold
WORTH = 1 << 21  # entries of all columns from which on a second thread is worth waking
KEEP = 1 << 21  # up to so many entries in all (8 MB) are kept for the gradient of w

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


def _padded(x: Any, window: Window) -> Any:
    """x with its border of zeros, and one row more for the last row to run on into."""
    (top, bottom), (left, right) = window.padding
    n, c, h, w = x.shape
    xp = np.zeros_like(x, shape=(n, c, h + top + bottom + 1, w + left + right))
    xp[:, :, top : top + h, left : left + w] = x
    return xp


def places(xp: Any, kernel: Pair, out: Pair, window: Window) -> Iterator[Any]:
    """For each place in the kernel, the pixels (n, C, P, Q) that it meets: views of xp (n, C, H, W)."""
    (p, q), (sh, sw), (dh, dw) = out, window.stride, window.dilation
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            y, x = i * dh, j * dw
            yield xp[:, :, y : y + sh * (p - 1) + 1 : sh, x : x + sw * (q - 1) + 1 : sw]


def _running(xp: Any, kernel: Pair, out: Pair, window: Window) -> Iterator[Any]:
    """``places`` for stride 1, running on over the row ends: (n, C, P W) views of xp."""
    n, c, _, width = xp.shape
    flat, dilation = xp.reshape(n, c, xp.shape[2] * width), window.dilation
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            start = i * dilation[0] * width + j * dilation[1]
            yield flat[:, :, start : start + out[0] * width]


def _columns(xp: Any, kernel: Pair, out: Pair, window: Window) -> tuple[Any, int]:
    """Gather windows:  xp (n, C, H+1, W) -> columns (G, C/G K L, n P width), width.

    Width is W where rows run on, else Q; only the first Q of each row count.
    """
    n, c = xp.shape[:2]
    runs_on = window.stride == (1, 1)
    width = xp.shape[3] if runs_on else out[1]
    columns = np.empty_like(xp, shape=(c, kernel[0] * kernel[1], n, out[0] * width))
    seen = (_running if runs_on else places)(xp, kernel, out, window)
    for k, pixels in enumerate(seen):
        columns[:, k] = pixels.reshape(n, c, out[0] * width).swapaxes(0, 1)
    entries = c // window.groups * kernel[0] * kernel[1]
    return columns.reshape(window.groups, entries, n * out[0] * width), width


def _run_on(g: Any, width: int) -> Any:
    """Rows of g (n, M, P, Q) filled up with zeros to ``width``: (M, n P width)."""
    n, m, p, q = g.shape
    rows = np.empty_like(g, shape=(m, n, p, width))
    rows[..., :q], rows[..., q:] = g.swapaxes(0, 1), 0
    return rows.reshape(m, n * p * width)


def _many_channels(w: Any, window: Window) -> bool:
    """Whether Winograd's sums cost less than they save: they grow with C + M, the products with C M."""
    plain = window == Window(padding=window.padding) and w.shape[2:] == (3, 3)
    return plain and w.shape[0] * w.shape[1] >= 24 * (w.shape[0] + w.shape[1])


def conv2d_forward(x: Any, w: Any, b: Any = None, window: Window = PLAIN) -> tuple[Any, Any]:
    """x (N, C, H, W), w (M, C/G, K, L), b (M,) or None -> y (N, M, P, Q), cache."""
    if _many_channels(w, window):
        return winograd_forward(x, w, b, window.padding), (x, w, window, None)
    m, kernel, groups = len(w), w.shape[2:], window.groups
    p, q = out = window.out(x.shape[2:], kernel)
    y = np.empty_like(x, shape=(len(x), m, p, q))
    rows = w.reshape(groups, m // groups, -1)
    entries = w[0].size * groups * p * q
    kept: dict[int, Any] | None = {} if len(x) * entries <= KEEP else None

    def work(part: slice) -> None:
        columns, width = _columns(_padded(x[part], window), kernel, out, window)
        z = (rows @ columns).reshape(m, len(x[part]), p, width)
        if b is not None:
            z += b[:, None, None, None]
        y[part] = z[..., :q].swapaxes(0, 1)
        if kept is not None:
            kept[part.start] = columns, width

    in_pieces(work, x, entries, COLUMNS, WORTH)
    return y, (x, w, window, kept)


def conv2d_backward_weight(g: Any, x: Any, w: Any, window: Window, kept: Any = None) -> Any:
    """g (N, M, P, Q), x (N, C, H, W) -> dw (M, C/G, K, L): each g times its window, summed."""
    if _many_channels(w, window):
        return winograd_backward_weight(g, x, window.padding)
    m, kernel, out, groups = len(w), w.shape[2:], g.shape[2:], window.groups

    def work(part: slice) -> Any:
        gathered = kept[part.start] if kept else None
        columns, width = gathered or _columns(_padded(x[part], window), kernel, out, window)
        rows = _run_on(g[part], width).reshape(groups, m // groups, columns.shape[2])
        if rows.shape[1] > columns.shape[1]:  # a product is faster with its longer side first
            return rows @ columns.swapaxes(1, 2)
        return (columns @ rows.swapaxes(1, 2)).swapaxes(1, 2)

    entries = w[0].size * groups * math.prod(out)
    return sum(in_pieces(work, x, entries, COLUMNS, WORTH)).reshape(w.shape)


def conv2d_backward_input(g: Any, w: Any, shape: tuple[int, ...], window: Window) -> Any:
    """g (N, M, P, Q), w (M, C/G, K, L) -> dx of ``shape`` (N, C, H, W).

    Each pixel went into the outputs around it, through the kernel's entries in reverse order.
    With stride 1 that is a convolution of g with the turned kernel; else see ``_scatter``.
    """
    groups, (m, c, *kernel) = window.groups, w.shape
    borders = []
    for axis in (0, 1):  # so wide that the convolution has the size of dx
        reach = window.dilation[axis] * (kernel[axis] - 1)
        before = reach - window.padding[axis][0]
        borders.append((before, shape[axis + 2] + reach - g.shape[axis + 2] - before))
    # ... which gathers M entries for each pixel of x; scattering moves C for each of g
    scatters_less = 1.2 * c * groups * math.prod(g.shape[2:]) < m * math.prod(shape[2:])
    if window.stride != (1, 1) or min(map(min, borders)) < 0 or scatters_less:
        return _scatter(g, w, shape, window)
    turned = w.reshape(groups, m // groups, c, *kernel).swapaxes(1, 2)[..., ::-1, ::-1]
    turned = turned.reshape(groups * c, m // groups, *kernel)
    return conv2d_forward(g, turned, None, window._replace(padding=tuple(borders)))[0]


def _scatter(g: Any, w: Any, shape: tuple[int, ...], window: Window) -> Any:
    """Gathering undone: each output's share, W^T g, is added back where its window stood."""
    (_, c, h, wide), (m, _, *kernel), out = shape, w.shape, g.shape[2:]
    (top, bottom), (left, right) = window.padding
    dx = np.empty_like(g, shape=shape)
    rows = w.reshape(window.groups, m // window.groups, -1).swapaxes(1, 2)
    runs_on = window.stride == (1, 1)
    width = wide + left + right if runs_on else out[1]

    def work(part: slice) -> None:
        n = len(g[part])
        gs = _run_on(g[part], width).reshape(window.groups, m // window.groups, n * out[0] * width)
        shares = (rows @ gs).reshape(c, math.prod(kernel), n, out[0], width)
        dxp = np.zeros_like(g, shape=(n, c, h + top + bottom + 1, wide + left + right))
        views = (_running if runs_on else places)(dxp, kernel, out, window)
        for k, pixels in enumerate(views):
            pixels += shares[:, k].swapaxes(0, 1).reshape(pixels.shape)
        dx[part] = dxp[:, :, top : top + h, left : left + wide]

    in_pieces(work, g, c * math.prod(kernel) * out[0] * width, COLUMNS, WORTH)
    return dx


def conv2d_backward(
    g: Any, cache: Any, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[Any, Any, Any]:
    """g (N, M, P, Q) -> dx (N, C, H, W), dw (M, C/G, K, L), db (M,); None for what nobody needs."""
    x, w, window, kept = cache
    dx = conv2d_backward_input(g, w, x.shape, window) if needs[0] else None
    dw = conv2d_backward_weight(g, x, w, window, kept) if needs[1] else None
    return dx, dw, g.sum(axis=(0, 2, 3)) if needs[2] else None


def make_pair(op: str, name: str, value: Any, least: int = 0) -> Pair:
    """An int for both axes, or one for each.  Raises ValueError for anything below ``least``."""
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or any(not isinstance(v, int) or v < least for v in pair):
        raise ValueError(f"{op}: {name} must be an int >= {least} or a pair of them, not {value!r}")
    return pair[0], pair[1]


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


def _check(op: str, form: str, x: Any, w: Any, b: Any, groups: int) -> None:
    """Raise a ShapeError that names what does not fit; ``form`` is what x and w should look like."""
    axes = 3 if op == "conv1d" else 4
    if x.ndim != axes or w.ndim != axes:
        raise ShapeError(op, form, x=x.shape, weight=w.shape)
    channels, outputs = w.shape[1] * groups, len(w)
    if op == "conv_transpose2d":
        channels, outputs = outputs, channels
    if x.shape[1] != channels:
        rule = f"x has {x.shape[1]} channels, weight expects {channels}"
        order = (0, axes - 1, *range(1, axes - 1))
        mend = f"dlcore is channels-first; did you mean x.permute{order}?"
        mend = mend if x.shape[-1] == channels else ""
        raise ShapeError(op, rule, mend, x=x.shape, weight=w.shape)
    if groups < 1 or channels % groups or outputs % groups:
        raise ShapeError(op, f"{groups} groups must divide the channels", x=x.shape, weight=w.shape)
    if b is not None and b.shape != (outputs,):
        raise ShapeError(op, f"bias must be ({outputs},)", weight=w.shape, bias=b.shape)


def conv2d(
    input: Tensor,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Slide a kernel over images:  y_nmpq = b_m + sum_ckl w_mckl x_nc(p+k)(q+l).

    (Strictly a cross-correlation: the kernel is not turned.) ``padding`` is an int, a pair,
    "same" or "valid"; ``groups`` cuts the channels into parts that do not see each other.
    Shapes: input (N, C, H, W), weight (M, C/groups, K, L), bias (M,) -> (N, M, P, Q) with
    P = (H + 2 padding - dilation (K - 1) - 1) // stride + 1.
    Raises ShapeError; ValueError for impossible steps.
    Paper: LeCun et al. (1998), Gradient-based learning applied to document recognition, section II.
    """
    x, w, b = input.data, array(weight), array(bias)
    _check("conv2d", "x must be (N, C, H, W), weight (M, C/groups, K, L)", x, w, b, groups)
    window = make_window("conv2d", w.shape[2:], stride, padding, dilation, groups)
    if min(window.out(x.shape[2:], w.shape[2:])) < 1:
        rule = "the kernel does not fit on the image"
        raise ShapeError("conv2d", rule, x=x.shape, weight=w.shape)
    return _convolve(input, weight, bias, window)


def _convolve(input: Tensor, weight: Any, bias: Any, window: Window) -> Tensor:
    x, w, b = input.data, array(weight), array(bias)
    y, cache = conv2d_forward(x, w, b, window)
    wanted = needs(input), needs(weight), needs(bias)
    return Tensor.from_op(y, (input, weight, bias), lambda g: conv2d_backward(g, cache, wanted))


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Any = None,
    stride: int = 1,
    padding: Any = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """Slide a kernel along sequences: ``conv2d`` on images one pixel high.

    Shapes: input (N, C, T), weight (M, C/groups, K), bias (M,) -> (N, M, T').  Raises ShapeError.
    """
    form = "x must be (N, C, T), weight (M, C/groups, K)"
    _check("conv1d", form, input.data, weight.data, array(bias), groups)
    t, k = input.shape[2], weight.shape[2]
    border = padding if isinstance(padding, str) else (0, padding)
    window = make_window("conv1d", (1, k), (1, stride), border, (1, dilation), groups)
    if min(window.out((1, t), (1, k))) < 1:
        rule = "the kernel does not fit on the sequence"
        raise ShapeError("conv1d", rule, x=input.shape, weight=weight.shape)
    return _convolve(input.unsqueeze(2), weight.unsqueeze(2), bias, window).squeeze(2)


def conv_transpose2d(
    input: Tensor,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of ``conv2d``: each pixel paints a kernel; the way up in a decoder.

    It is the gradient of a convolution with respect to its input, used as a layer. So the two
    exchange their kernels: forward is conv2d's backward, and the other way round.
    Shapes: input (N, C, H, W), weight (C, M/groups, K, L), bias (M,) -> (N, M, P, Q) with
    P = (H - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.
    Raises ShapeError; ValueError for impossible steps.
    Paper: Zeiler et al. (2010), Deconvolutional networks; Dumoulin and Visin (2016), A guide to
    convolution arithmetic for deep learning, chapter 4.
    """
    x, w, b = input.data, array(weight), array(bias)
    op = "conv_transpose2d"
    _check(op, "x must be (N, C, H, W), weight (C, M/groups, K, L)", x, w, b, groups)
    border = make_pair(op, "padding", padding)
    window = make_window(op, w.shape[2:], stride, border, dilation, groups)
    extra = make_pair(op, "output_padding", output_padding)
    if any(e >= max(s, d) for e, s, d in zip(extra, window.stride, window.dilation, strict=True)):
        raise ValueError(f"{op}: output_padding must be smaller than stride or dilation")
    size = [
        (n - 1) * s - sum(pad) + d * (k - 1) + e + 1
        for n, s, pad, d, k, e in zip(
            x.shape[2:],
            window.stride,
            window.padding,
            window.dilation,
            w.shape[2:],
            extra,
            strict=True,
        )
    ]
    if min(size) < 1:
        raise ShapeError(op, f"the output would be {tuple(size)}", x=x.shape, weight=w.shape)
    y = conv2d_backward_input(x, w, (len(x), w.shape[1] * groups, *size), window)
    if b is not None:
        y += b[:, None, None]
    need_x, need_w, need_b = needs(input), needs(weight), needs(bias)

    def vjp(g: Any) -> tuple[Any, Any, Any]:
        dx = conv2d_forward(g, w, None, window)[0] if need_x else None
        # output_padding made room for positions that no pixel painted
        dx = None if dx is None else dx[:, :, : x.shape[2], : x.shape[3]]
        dw = conv2d_backward_weight(x, g, w, window) if need_w else None
        return dx, dw, g.sum(axis=(0, 2, 3)) if need_b else None

    return Tensor.from_op(y, (input, weight, bias), vjp)
