"""Batch, layer, group and RMS normalization: mean 0 and variance 1, then a learned scale and shift.

All four differ only in which entries share a mean. Batch norm: one channel over the batch.
Layer norm: one example over its features. Group norm: one example, a group of channels.
RMS norm: like layer norm, without subtracting the mean.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlcore.backend.arrays import empty_like, ones_like
from dlcore.backend.blocks import in_blocks
from dlcore.backend.sums import channel_dots, channel_sums, row_dots, row_sums
from dlcore.dtypes import number, size, wide
from dlcore.errors import ShapeError
from dlcore.operands import array, floats, needs
from dlcore.tensor import Tensor


def _must_be(op: str, x: Any, shape: tuple[int, ...], **params: Any) -> None:
    """Raise a ShapeError for a parameter that is neither None nor of this shape."""
    for name, p in params.items():
        if p is not None and p.shape != shape:
            raise ShapeError(op, f"{name} must be {shape}", x=x.shape, **{name: p.shape})


def _tail(op: str, x: Any, normalized_shape: Any, **params: Any) -> tuple[int, ...]:
    """The last dimensions, over which an example is normalized."""
    sizes = normalized_shape if isinstance(normalized_shape, tuple | list) else [normalized_shape]
    tail = tuple(size(op, "normalized_shape", n) for n in sizes)
    if x.shape[max(0, x.ndim - len(tail)) :] != tail or not tail:
        raise ShapeError(op, f"x must end in the dimensions {tail}", x=x.shape)
    _must_be(op, x, tail, **params)
    return tail


def _floats(op: str, input: Any, weight: Any, bias: Any) -> tuple[Any, Any, Any, Any]:
    """Input, weight and bias in one dtype (float16 as float32), and the dtype that the result has."""
    x = floats(op, input, None if weight is None else floats(op, weight))
    shown, x = x.dtype, wide(x)
    w, b = (None if p is None else floats(op, p, x) for p in (weight, bias))
    return x, w, b, shown


def rows_norm_forward(x: Any, eps: float, xhat: Any, scale: Any) -> None:
    """Each row to mean 0 and variance 1:  x (N, D); writes xhat (N, D) and scale (N, 1) = 1 / std."""
    n = x.shape[1]
    np.subtract(x, row_sums(x) / n, out=xhat)
    np.divide(row_dots(xhat, xhat), n, out=scale)
    scale += eps
    np.sqrt(scale, out=scale)
    np.divide(1, scale, out=scale)
    xhat *= scale


def rows_norm_backward(dxhat: Any, xhat: Any, scale: Any) -> Any:
    """dxhat (N, D), owned by the caller and overwritten -> dx (N, D).

    dx = scale (dxhat - mean(dxhat) - xhat mean(dxhat xhat)): moving all of a row, or stretching
    it, changes nothing, so the gradient has no part in those two directions.
    """
    n = xhat.shape[1]
    along = row_dots(dxhat, xhat)
    along /= n
    dxhat -= row_sums(dxhat) / n
    dxhat -= xhat * along
    dxhat *= scale
    return dxhat


def _each_row(act: Any, x: Any, p: Any, out: Any) -> None:
    """act(x, p) for each row:  x (N, D), p (D,); writes out (N, D), which lies in one stretch.

    Up to 64 rows are taken as one, beside as many p: NumPy needs as long to begin a row as for 50 of its entries.
    """
    many = math.gcd(len(x), 64)
    shape = len(x) // many, many * x.shape[1]
    beside = np.repeat(p[None], many, axis=0).reshape(shape[1])
    act(x.reshape(shape), beside, out=out.reshape(shape))


def layer_norm_forward(x: Any, w: Any, b: Any, eps: float = 1e-5) -> tuple[Any, Any]:
    """x (N, D), w (D,) or None, b (D,) or None -> y (N, D), cache."""
    y, xhat = empty_like(x), empty_like(x)
    scale = empty_like(x, shape=(len(x), 1))

    def work(rows: slice) -> None:
        rows_norm_forward(x[rows], eps, xhat[rows], scale[rows])
        if w is None:
            y[rows] = xhat[rows]
        else:
            _each_row(np.multiply, xhat[rows], w, y[rows])
        if b is not None:
            _each_row(np.add, y[rows], b, y[rows])

    in_blocks(work, x)
    return y, (xhat, scale, w)


def layer_norm_backward(g: Any, cache: Any) -> tuple[Any, Any, Any]:
    """g (N, D) -> dx (N, D), dw (D,), db (D,).

    As in ``rows_norm_backward`` with dxhat = g w, whose row means are products with w.
    """
    xhat, scale, w = cache
    dx = empty_like(g)
    w = ones_like(g, shape=g.shape[1:]) if w is None else w
    share = w / g.shape[1]

    def work(rows: slice) -> tuple[Any, Any]:
        part, out = g[rows], dx[rows]
        _each_row(np.multiply, part, w, out)
        gx = part * xhat[rows]
        along, mean = gx @ share, part @ share
        ones = ones_like(g, shape=(len(part),))
        dw, db = ones @ gx, ones @ part
        np.multiply(xhat[rows], along[:, None], out=gx)
        gx += mean[:, None]
        out -= gx
        out *= scale[rows]
        return dw, db

    dw, db = (sum(parts) for parts in zip(*in_blocks(work, g), strict=True))
    return dx, dw, db


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Normalize each example over its last dimensions:  y = w (x - mean) / sqrt(var + eps) + b.

    Shapes: input (..., *normalized_shape), weight and bias normalized_shape -> same as input.
    Raises ShapeError.
    Paper: Ba, Kiros and Hinton (2016), Layer normalization, equation 4.
    """
    x, w, b, shown = _floats("layer_norm", input, weight, bias)
    eps = number("layer_norm", "eps", eps)
    tail = _tail("layer_norm", x, normalized_shape, weight=w, bias=b)
    flat_w, flat_b = (None if p is None else p.reshape(-1) for p in (w, b))
    rows = x.reshape(math.prod(x.shape[: x.ndim - len(tail)]), math.prod(tail))
    y, cache = layer_norm_forward(rows, flat_w, flat_b, eps)

    def vjp(g: Any) -> tuple[Any, Any, Any]:
        g = g.reshape(rows.shape).astype(x.dtype, copy=False)
        dx, dw, db = layer_norm_backward(g, cache)
        return dx.reshape(x.shape), dw.reshape(tail), db.reshape(tail)

    y = y.reshape(x.shape).astype(shown, copy=False)
    return Tensor.from_op(y, (input, weight, bias), vjp, True)


def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Tensor:
    """Divide each example by its root mean square:  y = w x / sqrt(mean(x^2) + eps).

    ``eps=None`` is the dtype's machine epsilon, as in PyTorch.
    Shapes: input (..., *normalized_shape), weight normalized_shape -> same as input.
    Raises ShapeError.
    Paper: Zhang and Sennrich (2019), Root mean square layer normalization, equation 4.
    """
    x, w, _, shown = _floats("rms_norm", input, weight, None)
    tail = _tail("rms_norm", x, normalized_shape, weight=w)
    rows = x.reshape(math.prod(x.shape[: x.ndim - len(tail)]), math.prod(tail))
    flat = None if w is None else w.reshape(-1)
    eps = float(np.finfo(shown).eps) if eps is None else number("rms_norm", "eps", eps)
    y, cache = rms_norm_forward(rows, flat, eps)

    def vjp(g: Any) -> tuple[Any, Any]:
        dx, dw = rms_norm_backward(g.reshape(rows.shape).astype(x.dtype, copy=False), cache)
        return dx.reshape(x.shape), dw.reshape(tail)

    y = y.reshape(x.shape).astype(shown, copy=False)
    return Tensor.from_op(y, (input, weight), vjp, True, True)


def rms_norm_forward(x: Any, w: Any, eps: float) -> tuple[Any, Any]:
    """x (N, D), w (D,) or None -> y (N, D), cache."""
    scale = 1 / np.sqrt(row_dots(x, x) / x.shape[1] + x.dtype.type(eps))
    xhat = x * scale
    return (xhat if w is None else xhat * w), (xhat, scale, w)


def rms_norm_backward(g: Any, cache: Any) -> tuple[Any, Any]:
    """g (N, D) -> dx (N, D), dw (D,)."""
    xhat, scale, w = cache
    dw = (g * xhat).sum(0)
    dxhat = g if w is None else g * w
    return scale * (dxhat - xhat * (row_dots(dxhat, xhat) / xhat.shape[1])), dw


def far_from_0(mean: Any, var: Any) -> bool:
    """Whether a mean so outweighs the spread that E[x^2] - E[x]^2 would have lost its digits."""
    return bool((mean * mean > 9 * var).any())


def batch_statistics(x: Any) -> tuple[Any, Any]:
    """Mean and (biased) variance of each channel:  x (N, C, L) -> (C,), (C,).

    The variance is E[x^2] - E[x]^2, one look at x, unless that is too rough: then x is centered first.
    """
    size = x.shape[0] * x.shape[2]

    def sums(part: slice) -> tuple[Any, Any]:
        return channel_sums(x[part]), channel_dots(x[part], x[part])

    mean, square = (sum(parts) / size for parts in zip(*in_blocks(sums, x), strict=True))
    var = square - mean * mean
    if not far_from_0(mean, var):
        return mean, var

    def squares(part: slice) -> Any:
        centered = x[part] - mean[:, None]
        return channel_dots(centered, centered)

    return mean, sum(in_blocks(squares, x)) / size


def batch_norm_forward(
    x: Any, w: Any, b: Any, eps: float, mean: Any = None, var: Any = None
) -> tuple[Any, Any]:
    """x (N, C, L), w (C,), b (C,) -> y (N, C, L), cache.

    Without ``mean`` and ``var`` (C,) those of the batch are used; they stand in the cache.
    """
    learn = mean is None
    if learn:
        mean, var = batch_statistics(x)
    scale = 1 / np.sqrt(var + x.dtype.type(eps))
    slope = (scale if w is None else scale * w)[:, None]
    offset = (0 if b is None else b[:, None]) - mean[:, None] * slope
    y = empty_like(x)

    def work(part: slice) -> None:
        out = np.multiply(x[part], slope, out=y[part])
        out += offset

    in_blocks(work, x)
    return y, (x, scale, slope, learn, mean, var)


def batch_norm_backward(g: Any, cache: Any) -> tuple[Any, Any, Any]:
    """g (N, C, L) -> dx (N, C, L), dw (C,), db (C,).

    dw and db are also what the mean and the variance send back:
    dx = slope (g - db / size - xhat dw / size), with xhat = (x - mean) scale.
    """
    x, scale, slope, learn, mean, var = cache
    center = mean[:, None] if far_from_0(mean, var) else None

    def sums(part: slice) -> tuple[Any, Any]:
        seen = x[part] if center is None else x[part] - center
        return channel_dots(g[part], seen), channel_sums(g[part])

    dw, db = (sum(parts) for parts in zip(*in_blocks(sums, g), strict=True))
    dw = (dw - mean * db if center is None else dw) * scale
    if not learn:
        return g * slope, dw, db
    size = g.shape[0] * g.shape[2]
    dx = empty_like(g)
    along = (-dw * scale / size)[:, None]
    offset = (-db / size)[:, None] - along * mean[:, None]

    def work(part: slice) -> None:
        out = np.multiply(x[part], along, out=dx[part])
        out += offset
        out += g[part]
        out *= slope

    in_blocks(work, g)
    return dx, dw, db


def batch_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel over the batch:  y = w (x - mean) / sqrt(var + eps) + b.

    In training the statistics are the batch's, and the running ones move toward them by
    ``momentum`` (the running variance toward the unbiased one); otherwise the running ones serve.
    Shapes: input (N, C) or (N, C, ...), all others (C,) -> same as input.
    Raises ShapeError; ValueError for a batch of one value a channel in training.
    Paper: Ioffe and Szegedy (2015), Batch normalization, algorithm 1.
    """
    x, w, b, shown = _floats("batch_norm", input, weight, bias)
    eps, momentum = number("batch_norm", "eps", eps), number("batch_norm", "momentum", momentum)
    if x.ndim < 2:
        raise ShapeError("batch_norm", "x must be (N, C) or (N, C, ...)", x=x.shape)
    for v in (running_mean, running_var):
        if v is not None and not hasattr(v, "shape"):
            raise TypeError(
                "batch_norm: running statistics must be tensors or arrays, to be moved in place"
            )
    _must_be("batch_norm", x, x.shape[1:2], weight=w, bias=b, running_mean=array(running_mean))
    count = x.size // x.shape[1] if x.shape[1] else 0
    if training and count == 1:
        raise ValueError(
            "batch_norm: one value a channel has no variance\n  train on batches of at least 2"
        )
    rows = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    if training or running_mean is None:
        y, cache = batch_norm_forward(rows, w, b, eps)
        mean, var = cache[4], cache[5]
        if running_mean is not None and count:  # nothing was seen in an empty batch
            _move(running_mean, mean, momentum)
            _move(running_var, var * (count / max(1, count - 1)), momentum)
    else:
        seen = (floats("batch_norm", v, x) for v in (running_mean, running_var))
        y, cache = batch_norm_forward(rows, w, b, eps, *seen)

    def vjp(g: Any) -> tuple[Any, Any, Any]:
        g = g.reshape(rows.shape).astype(x.dtype, copy=False)
        dx, dw, db = batch_norm_backward(g, cache)
        return dx.reshape(x.shape), dw, db

    y = y.reshape(x.shape).astype(shown, copy=False)
    return Tensor.from_op(y, (input, weight, bias), vjp, True)


def _move(running: Any, toward: Any, momentum: float) -> None:
    running = array(running)
    running += momentum * (toward - running)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Normalize each example over groups of channels, whatever the batch holds.

    Shapes: input (N, C, ...), weight and bias (C,) -> same as input.
    Raises ShapeError unless ``num_groups`` divides C.
    Paper: Wu and He (2018), Group normalization, section 3.
    """
    x, w, b, shown = _floats("group_norm", input, weight, bias)
    num_groups = size("group_norm", "num_groups", num_groups, 1)
    eps = number("group_norm", "eps", eps)
    if x.ndim < 2 or x.shape[1] % num_groups:
        raise ShapeError("group_norm", f"{num_groups} groups must divide the channels", x=x.shape)
    n, c = x.shape[:2]
    _must_be("group_norm", x, (c,), weight=w, bias=b)
    groups = x.reshape(n * num_groups, c // num_groups * math.prod(x.shape[2:]))
    xhat, scale = empty_like(groups), empty_like(groups, shape=(len(groups), 1))
    rows_norm_forward(groups, eps, xhat, scale)
    channels = xhat.reshape(n, c, math.prod(x.shape[2:]))
    y = channels if w is None else channels * w[:, None]
    y = y if b is None else y + b[:, None]
    wanted = needs(weight) or needs(bias)

    def vjp(g: Any) -> tuple[Any, Any, Any]:
        g = g.reshape(channels.shape).astype(x.dtype, copy=False)
        dw, db = (channel_dots(g, channels), channel_sums(g)) if wanted else (None, None)
        dxhat = (g * (1 if w is None else w[:, None])).reshape(groups.shape)
        return rows_norm_backward(dxhat, xhat, scale).reshape(x.shape), dw, db

    y = y.reshape(x.shape).astype(shown, copy=False)
    return Tensor.from_op(y, (input, weight, bias), vjp, True, True)
