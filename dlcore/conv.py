"""Convolution as matrix products: gather the windows as columns, multiply once.

Lesson 09 computes one output at a time. This file does the same sums in another order. The
window under each output position is copied into a column, so that *all* outputs of some images
are one matrix product (Chellapilla et al., 2006, High performance convolutional neural networks
for document processing). Some things keep that fast:

- **A few images at a time** (``in_blocks``). The columns repeat each pixel K K times; for the whole
  batch they would not fit into any cache. They are not kept for the backward pass either: gathering
  them again takes less time than fetching them from memory.
- **A small product for each image** (``_each``), where a few kernels look at a few channels: OpenBLAS
  multiplies small matrices as they lie, and copies the factors of larger ones first.
- **Rows that run on** (``sliding.all_windows``). With stride 1, the windows' pixels at one place of the kernel
  are one long stretch of the padded image if one lets it run over the row ends. The few outputs
  computed across two rows are thrown away; copying long stretches is worth that.
- **The gradient of x is a convolution too**, of g with the kernel turned round, or the gathering
  undone, whichever moves less.

With many channels the products themselves take longest; ``winograd`` does 3 x 3 kernels with fewer.

Legend: x (N, C, H, W), w (M, C/groups, K, L), b (M,), y and g (N, M, P, Q).
"""

from __future__ import annotations

import math
from typing import Any

from numpy.lib.stride_tricks import sliding_window_view

from dlcore.backend.arrays import empty_like, zeros_like
from dlcore.backend.blocks import in_blocks
from dlcore.backend.sliding import PLAIN, Window, all_windows, make_pair, make_window, places
from dlcore.backend.sums import channel_sums
from dlcore.backend.winograd import winograd_backward_weight, winograd_forward
from dlcore.dtypes import size
from dlcore.errors import ShapeError
from dlcore.operands import as_tensor, floats, needs
from dlcore.tensor import Tensor

COLUMNS = 1 << 19  # entries of a chunk's columns: 2 MB of float32, what the caches of a core hold
SMALL = 10**6  # multiplications up to which OpenBLAS does not copy the factors of a product first
ENOUGH = 64  # outputs from which on an image may have such a product of its own


def _each(w: Any, outputs: int) -> bool:
    """Whether each image gets a product of its own: up to three times as fast where that is a small one."""
    return ENOUGH <= outputs <= SMALL // max(1, w.size)


def _batches(n: int, each: bool) -> tuple[int, int]:
    """B and n/B: n batches of one image each, or one of all n."""
    return (n, 1) if each else (1, n)


def _columns(windows: Any, groups: int, each: bool) -> Any:
    """Gather windows:  (C, K, L, n, P, width) -> columns (B, G, C/G K L, n/B P width)."""
    *kernel, n, p, width = windows.shape
    batch, many = _batches(n, each)
    seen = windows.reshape(*kernel, batch, many, p, width).transpose(3, 0, 1, 2, 4, 5, 6)
    return seen.copy().reshape(batch, groups, math.prod(kernel) // groups, many * p * width)


def _run_on(g: Any, width: int, groups: int, each: bool) -> Any:
    """Rows of g (n, M, P, Q) filled up with zeros to ``width``: (B, G, M/G, n/B P width)."""
    n, m, p, q = g.shape
    batch, many = _batches(n, each)
    rows = empty_like(g, shape=(batch, m, many, p, width))
    rows[..., :q], rows[..., q:] = g.reshape(batch, many, m, p, q).swapaxes(1, 2), 0
    return rows.reshape(batch, groups, m // groups, many * p * width)


def _many_channels(w: Any, window: Window) -> bool:
    """Whether Winograd's sums cost less than they save: they grow with C + M, the products with C M."""
    plain = window == Window(padding=window.padding) and w.shape[2:] == (3, 3)
    return plain and w.shape[0] * w.shape[1] >= 24 * (w.shape[0] + w.shape[1])


def conv2d_forward(x: Any, w: Any, b: Any = None, window: Window = PLAIN) -> tuple[Any, Any]:
    """x (N, C, H, W), w (M, C/G, K, L), b (M,) or None -> y (N, M, P, Q), cache."""
    if _many_channels(w, window):
        return winograd_forward(x, w, b, window.padding), (x, w, window)
    m, kernel, groups = len(w), w.shape[2:], window.groups
    p, q = out = window.out(x.shape[2:], kernel)
    y = empty_like(x, shape=(len(x), m, p, q))
    rows, windows = w.reshape(groups, m // groups, -1), all_windows(x, kernel, out, window)
    width = windows.shape[5]
    each = _each(w, p * width)

    def work(part: slice) -> None:
        z = rows @ _columns(windows[:, :, :, part], groups, each)
        z = z.reshape(len(z), m, z.shape[3] // (p * width), p, width)
        if b is not None:
            z += b[:, None, None, None]
        y[part] = z[..., :q].swapaxes(1, 2).reshape(y[part].shape)

    in_blocks(work, x, w[0].size * groups * p * width, COLUMNS)
    return y, (x, w, window)


def conv2d_backward_weight(g: Any, x: Any, w: Any, window: Window) -> Any:
    """g (N, M, P, Q), x (N, C, H, W) -> dw (M, C/G, K, L): each g times its window, summed."""
    if _many_channels(w, window):
        return winograd_backward_weight(g, x, window.padding)
    windows, groups = all_windows(x, w.shape[2:], g.shape[2:], window), window.groups
    p, width = windows.shape[4:]
    each = _each(w, p * width)

    def work(part: slice) -> Any:
        columns = _columns(windows[:, :, :, part], groups, each)
        rows = _run_on(g[part], width, groups, each)
        if rows.shape[2] > columns.shape[2]:  # a product is faster with its longer side first
            return (rows @ columns.swapaxes(2, 3)).sum(0)
        return (columns @ rows.swapaxes(2, 3)).sum(0).swapaxes(1, 2)

    entries = w[0].size * groups * p * width
    return sum(in_blocks(work, x, entries, COLUMNS)).reshape(w.shape)


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
    scatters_less = 2 * c * groups * math.prod(g.shape[2:]) < m * math.prod(shape[2:])
    if window.stride != (1, 1) or min(map(min, borders)) < 0 or scatters_less:
        return _scatter(g, w, shape, window)
    turned = w.reshape(groups, m // groups, c, *kernel).swapaxes(1, 2)[..., ::-1, ::-1]
    turned = turned.reshape(groups * c, m // groups, *kernel)
    return conv2d_forward(g, turned, None, window._replace(padding=tuple(borders)))[0]


def _moved_and_added(rows: Any, step: int) -> Any:
    """Row k moved k steps to the right, all added up:  (..., L, X) -> (..., X).

    The last (L - 1) steps of each row must be zeros: they come in from the left where the next one has moved.
    """
    *lead, many, size = rows.shape
    moved = sliding_window_view(rows.reshape(*lead, many * size), size, axis=-1)
    return moved[..., :: max(1, size - step), :][..., :many, :].sum(axis=-2)


def _put_back(shares: Any, dx: Any, window: Window) -> None:
    """shares (B, C, K, L, n, P, width) of what windows gathered, added to dx (B, C, n, H, W), zeros with a border.

    With stride 1, first along the rows, which run on: all rows of the kernel and of the images at once.
    """
    batch, c, rows, columns, *size = shares.shape
    if window.stride == (1, 1):
        lines = shares.reshape(batch, c, rows, columns, math.prod(size))
        lines = _moved_and_added(lines, window.dilation[1]).reshape(batch, c, rows, *size)
        for i in range(rows):
            start = i * window.dilation[0]
            dx[..., start : start + size[1], :] += lines[:, :, i]
    else:
        for i, pixels in enumerate(places(dx, (rows, columns), (size[1], size[2]), window)):
            pixels += shares[:, :, i // columns, i % columns]


def _scatter(g: Any, w: Any, shape: tuple[int, ...], window: Window) -> Any:
    """Gathering undone: each output's share, W^T g, is added back where its window stood."""
    (_, c, h, wide), (m, _, *kernel), (p, q), groups = shape, w.shape, g.shape[2:], window.groups
    (top, bottom), (left, right) = window.padding
    size = h + top + bottom, wide + left + right
    width = size[1] if window.stride == (1, 1) else q
    rows, each = w.reshape(groups, m // groups, -1).swapaxes(1, 2), _each(w, p * width)
    dx = empty_like(g, shape=shape)

    def work(part: slice) -> None:
        n = len(g[part])
        batch, many = _batches(n, each)
        shares = rows @ _run_on(g[part], width, groups, each)
        dxp = zeros_like(g, shape=(batch, c, many, *size))
        _put_back(shares.reshape(batch, c, *kernel, many, p, width), dxp, window)
        inner = dxp[..., top : top + h, left : left + wide]
        dx[part] = inner.swapaxes(1, 2).reshape(n, c, h, wide)

    in_blocks(work, g, c * math.prod(kernel) * p * width, COLUMNS)
    return dx


def conv2d_backward(
    g: Any, cache: Any, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[Any, Any, Any]:
    """g (N, M, P, Q) -> dx (N, C, H, W), dw (M, C/G, K, L), db (M,); None for what nobody needs."""
    x, w, window = cache
    dx = conv2d_backward_input(g, w, x.shape, window) if needs[0] else None
    dw = conv2d_backward_weight(g, x, w, window) if needs[1] else None
    return dx, dw, channel_sums(g) if needs[2] else None


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
    input: Any,
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
    x, w, b = _floats("conv2d", input, weight, bias)
    groups = size("conv2d", "groups", groups)
    _check("conv2d", "x must be (N, C, H, W), weight (M, C/groups, K, L)", x, w, b, groups)
    window = make_window("conv2d", w.shape[2:], stride, padding, dilation, groups)
    if min(window.out(x.shape[2:], w.shape[2:])) < 1:
        rule = "the kernel does not fit on the image"
        raise ShapeError("conv2d", rule, x=x.shape, weight=w.shape)
    return _convolve(input, weight, bias, window)


def _floats(op: str, input: Any, weight: Any, bias: Any) -> tuple[Any, Any, Any]:
    w = floats(op, weight)
    return floats(op, input, w), w, None if bias is None else floats(op, bias, w)


def _convolve(input: Any, weight: Any, bias: Any, window: Window) -> Tensor:
    x, w, b = _floats("conv", input, weight, bias)
    y, cache = conv2d_forward(x, w, b, window)
    wanted = needs(input), needs(weight), needs(bias)
    return Tensor.from_op(
        y, (input, weight, bias), lambda g: conv2d_backward(g, cache, wanted), True
    )


def conv1d(
    input: Any,
    weight: Any,
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
    input, weight = as_tensor("conv1d", input), as_tensor("conv1d", weight)
    groups = size("conv1d", "groups", groups)
    _check("conv1d", form, *_floats("conv1d", input, weight, bias), groups)
    t, k = input.shape[2], weight.shape[2]
    border = padding if isinstance(padding, str) else (0, padding)
    window = make_window("conv1d", (1, k), (1, stride), border, (1, dilation), groups)
    if min(window.out((1, t), (1, k))) < 1:
        rule = "the kernel does not fit on the sequence"
        raise ShapeError("conv1d", rule, x=input.shape, weight=weight.shape)
    return _convolve(input.unsqueeze(2), weight.unsqueeze(2), bias, window).squeeze(2)


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Transposed convolution, which upsamples in a decoder: each input pixel adds a scaled kernel to the output.

    It is the gradient of a convolution with respect to its input, used as a layer. So the two
    exchange their kernels: forward is conv2d's backward, and the other way round.
    Shapes: input (N, C, H, W), weight (C, M/groups, K, L), bias (M,) -> (N, M, P, Q) with
    P = (H - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.
    Raises ShapeError; ValueError for impossible steps.
    Paper: Zeiler et al. (2010), Deconvolutional networks; Dumoulin and Visin (2016), A guide to
    convolution arithmetic for deep learning, chapter 4.
    """
    op = "conv_transpose2d"
    x, w, b = _floats(op, input, weight, bias)
    groups = size(op, "groups", groups)
    _check(op, "x must be (N, C, H, W), weight (C, M/groups, K, L)", x, w, b, groups)
    border = make_pair(op, "padding", padding)
    window = make_window(op, w.shape[2:], stride, border, dilation, groups)
    extra = make_pair(op, "output_padding", output_padding)
    if any(e >= max(s, d) for e, s, d in zip(extra, window.stride, window.dilation, strict=True)):
        raise ValueError(f"{op}: output_padding must be smaller than stride or dilation")
    out = [
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
    if min(out) < 1:
        raise ShapeError(op, f"the output would be {tuple(out)}", x=x.shape, weight=w.shape)
    y = conv2d_backward_input(x, w, (len(x), w.shape[1] * groups, *out), window)
    if b is not None:
        y += b[:, None, None]
    need_x, need_w, need_b = needs(input), needs(weight), needs(bias)

    def vjp(g: Any) -> tuple[Any, Any, Any]:
        dx = conv2d_forward(g, w, None, window)[0] if need_x else None
        # output_padding made room for positions that no pixel painted
        dx = None if dx is None else dx[:, :, : x.shape[2], : x.shape[3]]
        dw = conv2d_backward_weight(x, g, w, window) if need_w else None
        return dx, dw, channel_sums(g) if need_b else None

    return Tensor.from_op(y, (input, weight, bias), vjp, True)
