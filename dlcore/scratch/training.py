"""Splits, standardization, mini-batches, He initialization and the training loop, by hand on arrays.

``dlcore.data.loader`` has splits and batches that handle more (duplicates, classes, any objects), ``dlcore.init`` other
initializations, ``dlcore.train`` a loop that can stop and resume.

Papers: He, Zhang, Ren and Sun (2015), Delving deep into rectifiers, for the size of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dlcore.scratch.tensors import Tensor


def group_split(groups: Any, share: float = 0.2, rng: Any = 0) -> tuple[Any, Any]:
    """Row numbers for training and for testing; rows of one group stay on one side.

    Shapes: groups (N,) -> training rows (A,), test rows (N - A,). round(share * groups) groups go to the test.

    >>> train, test = group_split(np.array([7, 7, 8, 8, 9, 9]), share=1 / 3)
    >>> len(train), len(test), len(set(test // 2))
    (4, 2, 1)
    """
    rng = np.random.default_rng(rng)
    names = rng.permutation(np.unique(groups))
    chosen = np.isin(groups, names[: round(share * len(names))])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def standardize(train: Any, new: Any) -> tuple[Any, Any]:
    """Both arrays with the columns shifted and scaled by the mean and the deviation of ``train``.

    Shapes: train (N, D), new (M, D) -> the same. A column that is constant in ``train`` is only shifted.
    """
    mean, std = train.mean(axis=0), train.std(axis=0)
    std = np.where(np.ptp(train, axis=0) > 0, std, 1)
    return (train - mean) / std, (new - mean) / std


def confusion_matrix(targets: Any, predictions: Any, classes: int) -> Any:
    """How often each class (row) was predicted as each class (column).

    Shapes: targets and predictions (N,) class numbers -> (classes, classes).

    >>> confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)
    array([[1, 1],
           [0, 2]])
    """
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (targets, predictions), 1)
    return counts


def batches(n: int, size: int = 32, rng: Any = 0) -> Iterator[Any]:
    """The row numbers 0 to n - 1 in a random order, ``size`` at a time; the last batch may be smaller.

    >>> sorted(len(rows) for rows in batches(7, 3))
    [1, 3, 3]
    """
    rng = np.random.default_rng(rng)
    order = rng.permutation(n)
    for start in range(0, n, size):
        yield order[start : start + size]


def he_init(sizes: Sequence[int], rng: Any = 0) -> list[Any]:
    """Weights of variance 2 / inputs and biases of 0 for every layer.

    Shapes: sizes (64, 32, 10) -> [(32, 64), (32,), (10, 32), (10,)].
    """
    rng = np.random.default_rng(rng)
    params = []
    for inputs, outputs in pairwise(sizes):
        params += [
            rng.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs),
            np.zeros(outputs),
        ]
    return params


def layer_statistics(params: Sequence[Any], x: Any, t: Any) -> tuple[Any, Any, Any]:
    """Layer by layer in a network of ReLUs: spread of the outputs, share of dead units, spread of the gradients.

    Shapes: params [w (M, D), b (M,), ...] of L layers, x (N, D), t (N,) class numbers -> three of (L,):
    the spread of each layer's outputs; the share of units whose output is not above 0 for any example; the spread
    of the cross-entropy's gradient with respect to the outputs.
    """
    h, outputs = Tensor(x), []
    for i in range(0, len(params), 2):
        h = h @ Tensor(params[i]).T + params[i + 1]
        if i + 2 < len(params):
            h = h * (h.data > 0)
        outputs.append(h)
    h.cross_entropy(t).backward()
    spread = np.array([h.data.std() for h in outputs])
    dead = np.array([(h.data <= 0).all(axis=0).mean() for h in outputs])
    slope = np.array([h.grad.std() for h in outputs])
    return spread, dead, slope


def wrong_line(script: str) -> int:
    """The number of the line that is wrong in a script of ``debugging``, "A" to "E"."""
    return {"A": 6, "B": 10, "C": 5, "D": 4, "E": 10}[script]


def fit(
    params: Sequence[Any],
    loss_and_gradients: Callable[..., Any],
    step: Callable[..., Any],
    x: Any,
    t: Any,
    epochs: int = 10,
    size: int = 32,
    rng: Any = 0,
) -> tuple[Any, list[float]]:
    """The training loop: the parameters after ``epochs`` passes, and the mean loss of each pass.

    ``loss_and_gradients(params, x, t)`` returns the mean loss of a batch and a list of gradients,
    ``step(params, gradients)`` the new parameters, as the method of an optimizer does.
    Shapes: x (N, ...), t (N, ...) -> the loss of every example counts once in every pass.
    """
    rng = np.random.default_rng(rng)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in batches(len(x), size, rng):
            loss, gradients = loss_and_gradients(params, x[rows], t[rows])
            params = step(params, gradients)
            total += loss * len(rows)
        losses.append(total / len(x))
    return params, losses
