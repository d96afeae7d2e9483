"""L1 and L2 penalties, dropout, batch normalization, early stopping and data augmentation, by hand on arrays.

The library's own, ``dlcore.normalization`` and ``dlcore.dropout``, run on the tape, for any number of axes.

Papers: Hoerl and Kennard (1970), ridge regression; Srivastava et al. (2014), dropout; Ioffe and Szegedy (2015),
batch normalization; Prechelt (1998), early stopping.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.scratch.tensors import Tensor


def ridge(x: Any, y: Any, l2: float = 0.0) -> Any:
    """Ridge regression: the w with the smallest  |x w - y|^2 + l2 |w|^2;  for l2 = 0 the minimum-norm least-squares solution.

    Shapes: x (N, D), y (N,) -> (D,).

    >>> ridge(np.array([[1.0], [2.0]]), np.array([2.0, 4.0]), l2=5.0)
    array([1.])
    """
    if l2 == 0:
        return np.linalg.pinv(x) @ y
    return np.linalg.solve(x.T @ x + l2 * np.eye(x.shape[1]), x.T @ y)


def penalty(params: Sequence[Any], l1: float = 0.0, l2: float = 0.0) -> tuple[float, list[Any]]:
    """l1 sum |w| + l2 / 2 sum w^2 over all weights, and its gradient for each parameter; biases are not penalized.

    Shapes: params [w (M, D), b (M,), ...] -> a number, a list like params.
    """
    total, gradients = 0.0, []
    for p in params:
        held = p.ndim > 1
        total += held * (l1 * np.abs(p).sum() + l2 / 2 * (p**2).sum())
        gradients.append(held * (l1 * np.sign(p) + l2 * p))
    return float(total), gradients


def dropout(x: Any, p: float = 0.5, training: bool = True, rng: Any = 0) -> tuple[Any, Any]:
    """x with each entry set to 0 with probability p and the others divided by 1 - p, and the factors.

    Shapes: x (...) -> two of the same. Without ``training`` x stays as it is.
    """
    rng = np.random.default_rng(rng)
    if not training:
        return x, np.ones(x.shape)
    scale = (rng.random(x.shape) >= p) / (1 - p)
    return x * scale, scale


def batch_norm(
    x: Any,
    w: Any,
    b: Any,
    mean: Any,
    var: Any,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Any, Any, Any]:
    """w (x - mean) / sqrt(var + eps) + b for each feature, and the running mean and variance.

    In training with the batch's own mean and variance, of which ``momentum`` goes into the running ones (the
    variance there with N - 1); otherwise with the running ones.
    Shapes: x (N, D); w, b, mean, var (D,) -> (N, D), (D,), (D,).
    """
    if not training:
        return w * (x - mean) / np.sqrt(var + eps) + b, mean, var
    m, v = x.mean(axis=0), x.var(axis=0)
    y = w * (x - m) / np.sqrt(v + eps) + b
    unbiased = v * len(x) / (len(x) - 1)
    mean = (1 - momentum) * mean + momentum * m
    var = (1 - momentum) * var + momentum * unbiased
    return y, mean, var


def batch_norm_backward(g: Any, x: Any, w: Any, eps: float = 1e-5) -> tuple[Any, Any, Any]:
    """The backward pass of ``batch_norm`` in training: mean and variance depend on x too.

    Shapes: g, x (N, D), w (D,) -> dx (N, D), dw (D,), db (D,).
    """
    std = np.sqrt(x.var(axis=0) + eps)
    z = (x - x.mean(axis=0)) / std
    dw, db = (g * z).sum(axis=0), g.sum(axis=0)
    dx = w / std * (g - db / len(x) - z * dw / len(x))
    return dx, dw, db


def early_stopping(losses: Sequence[float], patience: int = 5) -> tuple[int, int]:
    """The epoch after which to stop, because the best loss is ``patience`` epochs old, and the best epoch.

    Shapes: losses, one for each epoch, from 0 -> two epochs; the last one where patience never ends.

    >>> early_stopping([5, 3, 4, 4, 2, 6], patience=2)
    (3, 1)
    """
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            return epoch, best
    return len(losses) - 1, best


def shift_images(images: Any, down: int = 0, right: int = 0) -> Any:
    """Images shifted by whole pixels, up and left if negative; pixels that enter at the edge are 0.

    Shapes: images (N, H, W) -> same.

    >>> shift_images(np.array([[[1, 2], [3, 4]]]), down=1, right=1)
    array([[[0, 0],
            [0, 1]]])
    """
    moved = np.zeros_like(images)
    height, width = images.shape[1:]
    to = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))
    came = slice(max(-down, 0), height - max(down, 0)), slice(max(-right, 0), width - max(right, 0))
    moved[:, to[0], to[1]] = images[:, came[0], came[1]]
    return moved


def loss_and_gradients(
    params: Sequence[Any], x: Any, t: Any, p: float = 0.0, l2: float = 0.0, rng: Any = 0
) -> tuple[float, list[Any]]:
    """The cross-entropy of a network of ReLUs with dropout after each of them, plus the penalty; and all gradients.

    Shapes: params [w (M, D), b (M,), ...], x (N, D), t (N,) class numbers -> a number, a list like params.
    """
    rng = np.random.default_rng(rng)
    leaves, h = [Tensor(a) for a in params], Tensor(x)
    for i in range(0, len(leaves), 2):
        h = h @ leaves[i].T + leaves[i + 1]
        if i + 2 < len(leaves):
            h = h * (h.data > 0)
            h = h * dropout(h.data, p, rng=rng)[1]
    loss = h.cross_entropy(t)
    loss.backward()
    extra, gradients = penalty(params, l2=l2)
    added = [leaf.grad + g for leaf, g in zip(leaves, gradients, strict=True)]
    return float(loss.data) + extra, added
