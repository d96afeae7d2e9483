"""One neuron, by hand: a weighted sum, a threshold, and the perceptron's learning rule.

Everything here is plain NumPy without gradients: in 1957 the perceptron learned without.

Papers: McCulloch and Pitts (1943), A logical calculus of the ideas immanent in nervous activity;
Rosenblatt (1958), The perceptron: a probabilistic model for information storage and organization
in the brain; Novikoff (1962), On convergence proofs on perceptrons.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def weighted_sum(x: Array, w: Array, b: float) -> Any:
    """Weigh the inputs and add the bias:  z = sum_i w_i x_i + b.

    Shapes: x (D,), w (D,), b a number -> a number.

    >>> float(weighted_sum(np.array([1.0, 2.0]), np.array([3.0, -1.0]), 0.5))
    1.5
    """
    return x @ w + b


def layer(x: Array, w: Array, b: Array) -> Array:
    """M neurons on N inputs at once:  z = x w^T + b.

    Shapes: x (N, D), w (M, D), b (M,) -> (N, M).
    """
    return x @ w.T + b


def predict(x: Array, w: Array, b: float) -> NDArray[np.integer]:
    """Fire (1) where the weighted sum is above zero, stay silent (0) elsewhere.

    Shapes: x (N, D), w (D,), b a number -> (N,) of 0 and 1.
    """
    return (x @ w + b > 0).astype(int)


def decision_boundary(x1: Array, w: Array, b: float) -> Array:
    """The height x2 of the decision line w_1 x_1 + w_2 x_2 + b = 0 above each x1.

    Shapes: x1 (N,), w (2,) with w_2 != 0, b a number -> (N,).
    """
    return -(w[0] * x1 + b) / w[1]


def perceptron_step(x: Array, y: int, w: Array, b: float, lr: float = 1.0) -> tuple[Array, float]:
    """Learn from one example:  w <- w + lr (y - p) x,  b <- b + lr (y - p),  p the prediction.

    Shapes: x (D,), y 0 or 1, w (D,), b a number -> new w (D,), new b.
    Paper: Rosenblatt (1958).
    """
    error = y - float(x @ w + b > 0)
    return w + lr * error * x, b + lr * error


def train_perceptron(
    x: Array, y: NDArray[np.integer], epochs: int = 10
) -> tuple[Array, float, list[int]]:
    """Go through the examples in order, ``epochs`` times, learning from each.

    Starts from zero weights and stops after the first epoch without a mistake.
    Shapes: x (N, D), y (N,) of 0 and 1 -> w (D,), b, mistakes per epoch.
    Converges if a line separates the classes (Novikoff, 1962).
    """
    w, b, mistakes = np.zeros_like(x[0]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for xi, yi in zip(x, y, strict=True):
            wrong += int((xi @ w + b > 0) != yi)
            w, b = perceptron_step(xi, yi, w, b)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


def xor_network() -> tuple[Array, Array, Array, Array]:
    """Weights of two threshold neurons and a third that computes XOR from them.

    The first hidden neuron fires for OR, the second for AND; the output fires for
    "OR but not AND".  Shapes: -> w1 (2, 2), b1 (2,), w2 (1, 2), b2 (1,).
    Paper: Minsky and Papert (1969), Perceptrons, on what a single one cannot do.
    """
    w1, b1 = np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([-0.5, -1.5])
    w2, b2 = np.array([[1.0, -1.0]]), np.array([-0.5])
    return w1, b1, w2, b2
