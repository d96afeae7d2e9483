"""Mean squared error and cross-entropy from logits, as one number for plain arrays, and their gradients.

The library's own, ``dlcore.losses``, are nodes of the tape, with weights, reductions and label smoothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.scratch.activations import sigmoid, softmax


def mse(x: Any, t: Any) -> Any:
    """The mean squared error:  mean (x - t)^2.

    Shapes: x, t (...) -> a number.

    >>> print(mse(np.array([1.0, 5.0]), np.array([1.0, 2.0])))
    4.5
    """
    difference = x - t
    return (difference * difference).mean()


def mse_gradient(x: Any, t: Any) -> Any:
    """The gradient of the mean squared error:  2 (x - t) / n, n the number of entries.

    Shapes: x, t (...) -> (...).
    """
    return 2 / x.size * (x - t)


def logsumexp(x: Any, axis: int = -1) -> Any:
    """A smooth maximum:  log sum_j exp(x_j) = m + log sum_j exp(x_j - m), m the maximum.

    Shapes: x (..., K, ...) -> (..., ...), without the axis.
    """
    m = x.max(axis=axis, keepdims=True)
    m = np.where(np.isfinite(m), m, 0)  # all -inf stays -inf instead of NaN
    return (np.log(np.exp(x - m).sum(axis=axis, keepdims=True)) + m).squeeze(axis)


def cross_entropy(x: Any, t: Any) -> Any:
    """The mean negative log-likelihood of the right class, in nats:  mean over n of logsumexp(x_n) - x_n[t_n].

    Shapes: logits x (N, K), classes t (N,) -> a number.
    """
    return (logsumexp(x, 1) - np.take_along_axis(x, t[:, None], 1)[:, 0]).mean()


def cross_entropy_gradient(x: Any, t: Any) -> Any:
    """The gradient of the cross-entropy with respect to the scores:  (p - onehot(t)) / N, with p = softmax(x).

    Shapes: logits x (N, K), classes t (N,) -> (N, K).
    """
    right = t[:, None] == np.arange(x.shape[1])
    return (softmax(x, 1) - right) / len(x)


def bce_with_logits(x: Any, t: Any) -> Any:
    """Binary cross-entropy from logits, in nats:  mean of max(x, 0) - t x + log(1 + exp(-|x|)).

    Shapes: logits x (...), targets t (...) from 0 to 1 -> a number.
    """
    return (np.logaddexp(0, x) - t * x).mean()


def bce_with_logits_gradient(x: Any, t: Any) -> Any:
    """The gradient of the binary cross-entropy:  (sigmoid(x) - t) / n, n the number of entries.

    Shapes: logits x (...), targets t (...) from 0 to 1 -> (...).
    """
    return (sigmoid(x) - t) / x.size


def gradient_descent_step(w: Any, b: Any, x: Any, t: Any, lr: float = 0.1) -> tuple[Any, Any]:
    """One step of gradient descent for a layer under the cross-entropy: softmax regression.

    The gradient of the scores is g = cross_entropy_gradient(x w^T + b, t); that of w is g^T x, of b
    the sum of g over the examples.

    Shapes: w (K, D), b (K,), x (N, D), classes t (N,) -> w, b.
    """
    g = cross_entropy_gradient(x @ w.T + b, t)
    return w - lr * (g.T @ x), b - lr * g.sum(0)
