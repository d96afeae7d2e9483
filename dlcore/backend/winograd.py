"""3 x 3 convolution with 2.25 times fewer multiplications.

Two neighboring outputs of a kernel (w0 w1 w2) on (a b c d) need 6 products, done one by one. But

    y0 = a w0 + b w1 + c w2 = m0 + m1 + m2      m0 = (a - c) w0
    y1 = b w0 + c w1 + d w2 = m1 - m2 - m3      m1 = (b + c) (w0 + w1 + w2) / 2
                                                m2 = (c - b) (w0 - w1 + w2) / 2
                                                m3 = (b - d) w2

takes 4, and the sums of weights are made once. In two dimensions, 2 x 2 outputs from tiles of 4 x 4
pixels take 16 products instead of 36: one matrix product over the channels for each of the 16
places. Sums are cheap beside products if there are channels enough.

Pixels come first in memory here, even ones apart from odd ones, images and channels last: then a b c d
are four long stretches, and every sum runs over them as fast as memory allows.

Paper: Winograd (1980), Arithmetic complexity of computations; Lavin and Gray (2016), Fast algorithms
for convolutional neural networks, section 4.1, F(2x2, 3x3).

Legend: x (N, C, H, W), w (M, C, 3, 3), y and g (N, M, P, Q); t x s tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.backend.arrays import empty_like, zeros_like
from dlcore.backend.blocks import in_blocks

TILES = 7 << 17  # entries of a piece's tiles: 3.7 MB of float32
SUMS = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]])

Border = tuple[tuple[int, int], tuple[int, int]]


def _sums_along_both_axes(like: Any) -> Any:
    """(16, 9): what the 16 places of a tile have of the 9 weights of a kernel."""
    return np.asarray(np.kron(SUMS, SUMS), like=like).astype(like.dtype)


def _kernel_tiles(w: Any) -> Any:
    """The sums of weights:  w (M, C, 3, 3) -> u (16, C, M)."""
    m, c = w.shape[:2]
    weights = w.transpose(2, 3, 1, 0).reshape(9, c * m)
    return (_sums_along_both_axes(w) @ weights).reshape(16, c, m)


def _kernel_tiles_backward(du: Any) -> Any:
    """du (16, C, M) -> dw (M, C, 3, 3)."""
    _, c, m = du.shape
    dw = _sums_along_both_axes(du).T @ du.reshape(16, c * m)
    return dw.reshape(3, 3, c, m).transpose(3, 2, 0, 1)


def _differences(x: Any, out: Any) -> None:
    """a - c, b + c, c - b, b - d along the first two axes:  x (2, t + 1, ...); writes out (4, t, ...)."""
    a, b, c, d = x[0, :-1], x[1, :-1], x[0, 1:], x[1, 1:]
    np.subtract(a, c, out=out[0])
    np.add(b, c, out=out[1])
    np.subtract(c, b, out=out[2])
    np.subtract(b, d, out=out[3])


def _pairs(m: Any, out: Any) -> None:
    """m0 + m1 + m2, m1 - m2 - m3:  m (4, ...); writes out (2, ...)."""
    np.add(m[0], m[1], out=out[0])
    out[0] += m[2]
    np.subtract(m[1], m[2], out=out[1])
    out[1] -= m[3]


def _pairs_backward(g: Any, out: Any) -> None:
    """g (2, ...); writes dm (4, ...)."""
    out[0] = g[0]
    np.add(g[0], g[1], out=out[1])
    np.subtract(g[0], g[1], out=out[2])
    np.negative(g[1], out=out[3])


def _even_and_odd(x: Any, before: tuple[int, int], t: int, s: int) -> Any:
    """x (n, C, H, W) -> (2, t, 2, s, n, C): row 2 k + i stands at [i, k]; columns alike; zeros around."""
    pixels = zeros_like(x, shape=(2, t, 2, s, *x.shape[:2]))
    for i in (0, 1):
        for j in (0, 1):
            row, column = (i - before[0]) % 2, (j - before[1]) % 2
            seen = x[:, :, row::2, column::2].transpose(2, 3, 0, 1)
            k, m = (row + before[0]) // 2, (column + before[1]) // 2
            pixels[i, k : k + seen.shape[0], j, m : m + seen.shape[1]] = seen
    return pixels


def _tiles(x: Any, border: Border, t: int, s: int) -> Any:
    """x (n, C, H, W) -> the differences in all its tiles, (16, t s n, C)."""
    n, c = x.shape[:2]
    pixels = _even_and_odd(x, (border[0][0], border[1][0]), t + 1, s + 1)
    lines = empty_like(x, shape=(4, t, 2, s + 1, n, c))
    _differences(pixels, lines)
    v = empty_like(x, shape=(4, 4, t, s, n, c))
    _differences(lines.transpose(2, 3, 0, 1, 4, 5), v.transpose(1, 3, 0, 2, 4, 5))
    return v.reshape(16, t * s * n, c)


def _count(size: tuple[int, ...]) -> tuple[int, int]:
    """Tiles along each axis of an output; the last may stick out."""
    return -(-size[0] // 2), -(-size[1] // 2)


def winograd_forward(x: Any, w: Any, b: Any, border: Border) -> Any:
    """x (N, C, H, W), w (M, C, 3, 3), b (M,) or None -> y (N, M, P, Q)."""
    m, u = len(w), _kernel_tiles(w)
    size = tuple(n + sum(pad) - 2 for n, pad in zip(x.shape[2:], border, strict=True))
    (t, s), y = _count(size), empty_like(x, shape=(len(x), m, *size))

    def work(part: slice) -> None:
        n, out = len(x[part]), y[part]
        products = (_tiles(x[part], border, t, s) @ u).reshape(4, 4, t, s, n, m)
        if b is not None:
            products[1, 1] += b  # m1 is in both sums, and so in all four outputs
        lines = empty_like(x, shape=(2, 4, t, s, n, m))
        _pairs(products, lines)
        pixels = empty_like(x, shape=(2, 2, t, s, n, m))
        _pairs(lines.swapaxes(0, 1), pixels.swapaxes(0, 1))
        for i in (0, 1):
            for j in (0, 1):
                seen = out[:, :, i::2, j::2]
                seen[...] = pixels[i, j, : seen.shape[2], : seen.shape[3]].transpose(2, 3, 0, 1)

    in_blocks(work, x, 16 * t * s * max(x.shape[1], m), TILES)
    return y


def winograd_backward_weight(g: Any, x: Any, border: Border) -> Any:
    """g (N, M, P, Q), x (N, C, H, W) -> dw (M, C, 3, 3)."""
    m, (t, s) = g.shape[1], _count(g.shape[2:])

    def work(part: slice) -> Any:
        n = len(g[part])
        lines = empty_like(g, shape=(4, t, 2, s, n, m))
        _pairs_backward(_even_and_odd(g[part], (0, 0), t, s), lines)
        dm = empty_like(g, shape=(4, 4, t, s, n, m))
        _pairs_backward(lines.transpose(2, 0, 1, 3, 4, 5), dm.swapaxes(0, 1))
        return _tiles(x[part], border, t, s).swapaxes(1, 2) @ dm.reshape(16, t * s * n, m)

    parts = in_blocks(work, g, 16 * t * s * max(x.shape[1], m), TILES)
    return _kernel_tiles_backward(sum(parts))
