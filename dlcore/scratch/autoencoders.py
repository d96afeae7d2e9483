"""PCA, autoencoders, transposed convolution, ROC curves and anomaly scores, by hand on arrays.

``dlcore.generative`` has a training step for the tape.

Papers: Baldi and Hornik (1989), Neural networks and principal component analysis; Hinton and Salakhutdinov (2006),
Reducing the dimensionality of data with neural networks; Fawcett (2006), An introduction to ROC analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def project(x: Any, mean: Any, directions: Any) -> tuple[Any, Any]:
    """Orthogonal projection on a hyperplane: the coordinates of each point (its code), and the nearest point of the hyperplane.

    Shapes: x (N, D), mean (D,), directions (K, D) orthonormal rows -> codes (N, K), (N, D).
    """
    codes = (x - mean) @ directions.T
    return codes, codes @ directions + mean


def pca(x: Any, k: int) -> tuple[Any, Any]:
    """Principal component analysis: the mean, and the ``k`` directions of largest variance, the largest first.

    Shapes: x (N, D) -> (D,), (k, D) orthonormal rows.
    """
    mean = x.mean(axis=0)
    _, _, directions = np.linalg.svd(x - mean, full_matrices=False)
    return mean, directions[:k]


def layer_outputs(params: Sequence[Any], x: Any) -> list[Any]:
    """The outputs of every layer of an autoencoder, x first.

    A ReLU follows every layer but the middle one, whose output is the latent code, and the last.
    Shapes: params [w, b, w, b ...] of an even number of layers, w (M, D), b (M,), x (N, D) -> x, (N, M) ...
    """
    outputs, layers = [x], len(params) // 2
    for n, (w, b) in enumerate(zip(params[::2], params[1::2], strict=True), 1):
        a = outputs[-1] @ w.T + b
        outputs.append(a if n in (layers // 2, layers) else np.maximum(a, 0))
    return outputs


def autoencoder_loss(params: Sequence[Any], seen: Any, x: Any) -> tuple[Any, list[Any]]:
    """The mean squared error between x and the reconstruction from ``seen``, and the gradients.

    Shapes: params as for ``layer_outputs``, seen and x (N, D) -> a number, a list like params.
    """
    outputs, layers = layer_outputs(params, seen), len(params) // 2
    miss = outputs[-1] - x
    g, grads = 2 * miss / miss.size, []
    for n in range(layers, 0, -1):
        if n not in (layers // 2, layers):
            g = g * (outputs[n] > 0)
        grads += [g.sum(axis=0), g.T @ outputs[n - 1]]
        g = g @ params[2 * n - 2]
    return (miss * miss).mean(), grads[::-1]


def principal_angles(a: Any, b: Any) -> Any:
    """The principal angles between two subspaces, in degrees, the smallest first.

    Shapes: a, b (K, D), rows that span a subspace each -> (K,).
    Paper: Björck and Golub (1973), Numerical methods for computing angles between linear subspaces.
    """
    (q, _), (r, _) = np.linalg.qr(a.T), np.linalg.qr(b.T)
    cosines = np.linalg.svd(q.T @ r, compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def conv_transpose2d(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0) -> Any:
    """Transposed convolution: every input adds its multiple of the kernel to the output, ``stride`` pixels apart.

    Shapes: x (N, C, H, W), w (C, M, K, K), b (M,) -> (N, M, (H - 1) stride + K - 2 padding, the same for W).
    """
    n, _, height, width = x.shape
    k = w.shape[2]
    whole = np.zeros(
        (n, w.shape[1], (height - 1) * stride + k, (width - 1) * stride + k), dtype=x.dtype
    )
    stamps = np.einsum("nchw,cmij->nmhwij", x, w)
    for i in range(k):
        for j in range(k):
            rows = slice(i, i + (height - 1) * stride + 1, stride)
            columns = slice(j, j + (width - 1) * stride + 1, stride)
            whole[:, :, rows, columns] += stamps[..., i, j]
    inner = slice(padding, -padding or None)
    return whole[:, :, inner, inner] + b[:, None, None]


def roc_curve(scores: Any, labels: Any) -> tuple[Any, Any]:
    """False-positive and true-positive rate for every threshold, the highest first; equal scores share one threshold.

    Shapes: scores (N,), labels (N,), 1 for an anomaly, else 0 -> (M,), (M,), both from 0 to 1.
    """
    order = np.argsort(-scores, kind="stable")
    sorted_scores, hit = scores[order], np.asarray(labels)[order] > 0
    ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)
    true, false = np.cumsum(hit)[ends], np.cumsum(~hit)[ends]
    return np.append(0, false / false[-1]), np.append(0, true / true[-1])


def anomaly_scores(params: Sequence[Any], series: Any, size: int) -> Any:
    """The reconstruction error of the last ``size`` numbers at each time step; 0 before there are that many.

    Shapes: params as for ``layer_outputs``, series (T,) -> (T,).
    """
    windows = np.lib.stride_tricks.sliding_window_view(series, size)
    errors = ((layer_outputs(params, windows)[-1] - windows) ** 2).mean(axis=1)
    return np.append(np.zeros(size - 1), errors)
