"""Convolution, pooling and a LeNet, forward and backward, by hand on arrays.

The library's own, ``dlcore.conv`` and ``dlcore.pooling``, run on the tape, with dilation and groups, and much faster.

Papers: LeCun et al. (1989, 1998), convolutional networks and LeNet; Chellapilla et al. (2006), convolution as a
product of matrices; Dumoulin and Visin (2016), the arithmetic of strides and padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.scratch.tensors import Tensor


def correlate2d(image: Any, kernel: Any) -> Any:
    """The kernel laid on every place of the image where it fits, multiplied with what is below it, and summed.

    Shapes: image (H, W), kernel (KH, KW) -> (H - KH + 1, W - KW + 1).

    >>> correlate2d(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[1.0, -1.0]]))
    array([[-1., -1.],
           [-1., -1.]])
    """
    rows, columns = kernel.shape
    y = np.zeros((image.shape[0] - rows + 1, image.shape[1] - columns + 1))
    for i, j in np.ndindex(y.shape):
        y[i, j] = np.vdot(image[i : i + rows, j : j + columns], kernel)
    return y


def receptive_field(n: int, layers: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
    """How many numbers come out of layers of windows along one axis, and how many pixels each of them has seen.

    ``layers`` are (kernel size, stride, padding), first layer first; padding counts for both sides.

    >>> receptive_field(8, [(3, 1, 1), (2, 2, 0), (3, 1, 1)])
    (4, 8)
    """
    field, step = 1, 1
    for kernel, stride, padding in layers:
        n = (n + 2 * padding - kernel) // stride + 1
        field += (kernel - 1) * step
        step *= stride
    return n, field


def conv2d_loops(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0) -> Any:
    """A convolutional layer, one window after the other.

    Shapes: x (N, C, H, W), w (M, C, K, K), b (M,) -> (N, M, (H + 2 padding - K) // stride + 1, the same for W).
    """
    k = w.shape[-1]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows, columns = ((side - k) // stride + 1 for side in x.shape[2:])
    y = np.zeros((len(x), len(w), rows, columns))
    for n, m, i, j in np.ndindex(y.shape):
        top, left = i * stride, j * stride
        y[n, m, i, j] = np.sum(x[n, :, top : top + k, left : left + k] * w[m]) + b[m]
    return y


def unfold(x: Any, kernel_size: int, stride: int = 1, padding: int = 0) -> Any:
    """All windows as columns: what each of them sees, channel by channel and row by row.

    Shapes: x (N, C, H, W) -> (N, C kernel_size^2, L), with L windows, row by row.
    """
    n, c, height, width = x.shape
    rows, columns = ((side + 2 * padding - kernel_size) // stride + 1 for side in (height, width))
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    seen = np.empty((n, c, kernel_size, kernel_size, rows, columns))
    for i in range(kernel_size):
        for j in range(kernel_size):
            seen[:, :, i, j] = x[:, :, i::stride, j::stride][:, :, :rows, :columns]
    return seen.reshape(n, c * kernel_size**2, rows * columns)


def conv2d(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0) -> Any:
    """As ``conv2d_loops``, in one product of matrices."""
    size = w.shape[-1]
    product = w.reshape(len(w), -1) @ unfold(x, size, stride, padding)
    rows = (x.shape[2] + 2 * padding - size) // stride + 1
    return product.reshape(len(x), len(w), rows, -1) + b[:, None, None]


def conv2d_backward(
    g: Any, x: Any, w: Any, stride: int = 1, padding: int = 0
) -> tuple[Any, Any, Any]:
    """The backward pass of ``conv2d``: each number of a window's column goes back to the pixel that it came from.

    Shapes: g (N, M, H', W') -> dx like x, dw like w, db (M,).
    """
    (n, c, height, width), k = x.shape, w.shape[-1]
    rows, columns = g.shape[2:]
    g = g.reshape(n, len(w), -1)
    dw = (g @ unfold(x, k, stride, padding).swapaxes(1, 2)).sum(axis=0)
    seen = (w.reshape(len(w), -1).T @ g).reshape(n, c, k, k, rows, columns)
    dx = np.zeros((n, c, height + 2 * padding, width + 2 * padding))
    for i in range(k):
        for j in range(k):
            dx[:, :, i::stride, j::stride][:, :, :rows, :columns] += seen[:, :, i, j]
    dx = dx[:, :, padding : padding + height, padding : padding + width]
    return dx, dw.reshape(w.shape), g.sum(axis=(0, 2))


def pool2d(x: Any, size: int = 2, kind: str = "max") -> Any:
    """The largest ("max") or the mean ("avg") of each square of ``size`` by ``size``; what does not fill one is left out.

    Shapes: x (N, C, H, W) -> (N, C, H // size, W // size).
    """
    squares = _squares(x, size)
    return squares.max(axis=-1) if kind == "max" else squares.mean(axis=-1)


def pool2d_backward(g: Any, x: Any, size: int = 2, kind: str = "max") -> Any:
    """The backward pass of ``pool2d``: to the first of the largest, or to all alike.

    Shapes: g (N, C, H // size, W // size), x (N, C, H, W) -> like x.
    """
    n, c, rows, columns = g.shape
    squares = _squares(x, size)
    if kind == "max":
        share = squares.argmax(axis=-1)[..., None] == np.arange(size**2)
    else:
        share = np.full(squares.shape, 1 / size**2)
    dx = np.zeros(x.shape)
    sent = (g[..., None] * share).reshape(n, c, rows, columns, size, size).swapaxes(3, 4)
    dx[:, :, : rows * size, : columns * size] = sent.reshape(n, c, rows * size, columns * size)
    return dx


def _squares(x: Any, size: int) -> Any:
    """Shapes: (N, C, H, W) -> (N, C, H // size, W // size, size^2)."""
    n, c, height, width = x.shape
    rows, columns = height // size, width // size
    whole = x[:, :, : rows * size, : columns * size].reshape(n, c, rows, size, columns, size)
    return whole.swapaxes(3, 4).reshape(n, c, rows, columns, size**2)


def lenet_loss(params: Sequence[Any], x: Any, t: Any) -> tuple[float, list[Any], Any]:
    """The cross-entropy of a small LeNet, and its gradients for the parameters and for the pictures.

    Two convolutions with padding 1, a ReLU behind each; a maximum over 2 by 2; a linear layer.
    Shapes: params [w (M, C, 3, 3), b (M,), w, b, w (K, D), b (K,)], x (N, C, H, W), t (N,) -> a number, a list like
    params, and like x.
    """
    pictures = h = Tensor(x)
    *layers, w, b = leaves = [Tensor(p) for p in params]
    for kernel, bias in zip(layers[::2], layers[1::2], strict=True):
        h = _convolution(h, kernel, bias)
        h = h * (h.data > 0)
    h = _pooling(h)
    shape = h.data.shape
    flat = Tensor(h.data.reshape(len(x), -1), (h,), lambda g: (g.reshape(shape),))
    loss = (flat @ w.T + b).cross_entropy(t)
    loss.backward()
    return float(loss.data), [p.grad for p in leaves], pictures.grad


def _convolution(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    y = conv2d(x.data, w.data, b.data, padding=1)
    return Tensor(y, (x, w, b), lambda g: conv2d_backward(g, x.data, w.data, padding=1))


def _pooling(x: Tensor) -> Tensor:
    return Tensor(pool2d(x.data), (x,), lambda g: (pool2d_backward(g, x.data),))
