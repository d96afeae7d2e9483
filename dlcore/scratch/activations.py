"""Activation functions of plain arrays, and two derivatives.

Papers: Nair and Hinton (2010), ReLU; Maas, Hannun and Ng (2013), leaky ReLU; Hendrycks and Gimpel (2016), GELU;
Bridle (1990), softmax.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def relu(x: Any) -> Any:
    """The rectified linear unit:  max(0, x).

    Shapes: x (...) -> (...).

    >>> relu(np.array([-1.5, 2.0]))
    array([0., 2.])
    """
    return np.maximum(x, 0)


def relu_backward(g: Any, x: Any) -> Any:
    """The derivative of ReLU times the upstream gradient:  g where x > 0, else 0.

    Shapes: g and x (...) -> (...).
    """
    return g * (x > 0)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """x where it is positive, else negative_slope x.

    Shapes: x (...) -> (...).
    """
    return (
        np.maximum(x, negative_slope * x)
        if negative_slope <= 1
        else np.minimum(x, negative_slope * x)
    )


def sigmoid(x: Any) -> Any:
    """The logistic function:  1 / (1 + exp(-x)), without overflow.

    exp is only taken of -|x|, which is e; for x < 0 the fraction becomes e / (1 + e).
    Shapes: x (...) -> (...).

    >>> sigmoid(np.array([0.0, 1000.0, -1000.0]))
    array([0.5, 1. , 0. ])
    """
    e = np.exp(-np.abs(x))
    return np.maximum(e, x >= 0) / (1 + e)  # 1 or e; np.where takes ten times as long


def sigmoid_backward(g: Any, y: Any) -> Any:
    """The derivative of the sigmoid, from its output y, times the upstream gradient:  g y (1 - y).

    Shapes: g and y (...) -> (...).
    """
    return g * y * (1 - y)


def gelu(x: Any) -> Any:
    """The Gaussian error linear unit in its tanh form:  x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).

    Shapes: x (...) -> (...).
    """
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def softmax(x: Any, axis: int = -1) -> Any:
    """Logits into probabilities:  exp(x_i - m) / sum_j exp(x_j - m), m the maximum along ``axis``.

    Shapes: x (..., K, ...) -> (..., K, ...).

    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def activation_stds(
    x: Any, weights: Sequence[Any], activation: Callable[[Any], Any]
) -> list[float]:
    """The standard deviation after each of several layers without biases.

    Shapes: x (N, D0), weights[k] (D_k+1, D_k) -> a list with one number a layer.
    """
    spreads = []
    for w in weights:
        x = activation(x @ w.T)
        spreads.append(float(x.std()))
    return spreads
