"""Five training scripts that run to the end, with one wrong line in each. Lesson 07 asks which.

Every script takes digits x (N, 64), their labels t (N,), and new digits (M, 64). It returns the loss of each of its
steps, the accuracy on the digits that it was trained on, and its predictions for the new ones (M,).
What is imported here, and ``relu``, ``network``, ``predict`` and ``accuracy``, are right.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.scratch.optimizers import AdamW
from dlcore.scratch.tensors import Tensor

Result = tuple[list[float], float, Any]


def relu(x: Tensor) -> Tensor:
    """max(0, x).  Shapes: any -> same."""
    return x * (x.data > 0)


def network(params: Any, x: Any) -> Tensor:
    """The logits of digits: two layers, a ReLU between them.

    Shapes: ``params`` are four tensors or arrays, x (N, 64) -> (N, 10).
    """
    w1, b1, w2, b2 = (p if isinstance(p, Tensor) else Tensor(p) for p in params)
    return relu(Tensor(x) @ w1.T + b1) @ w2.T + b2


def predict(params: Any, x: Any) -> Any:
    """The class with the largest score.  Shapes: x (N, 64) -> (N,)."""
    return network(params, x).data.argmax(axis=1)


def accuracy(params: Any, x: Any, t: Any) -> float:
    """The share of digits x (N, 64) that are taken for what they are, t (N,)."""
    return float((predict(params, x) == t).mean())


def script_a(x: Any, t: Any, new_x: Any) -> Result:
    """One line of it is wrong; its loss stays that of a guess."""
    x, new_x = x - 0.3, new_x - 0.3
    rng, adam, losses = np.random.default_rng(0), AdamW(lr=0.01), []
    params = [rng.normal(0, 0.2, shape) for shape in ((32, 64), (32,), (10, 32), (10,))]
    for _ in range(8):
        x, t = rng.permutation(x), rng.permutation(t)
        for start in range(0, len(x), 40):
            part = slice(start, start + 40)
            tensors = [Tensor(p) for p in params]
            loss = network(tensors, x[part]).cross_entropy(t[part])
            loss.backward()
            params = adam.step(params, [p.grad for p in tensors])
            losses.append(float(loss.data))
    return losses, accuracy(params, x, t), predict(params, new_x)


def script_b(x: Any, t: Any, new_x: Any) -> Result:
    """One line of it is wrong; its loss stays high though its answers are right."""
    rng, losses = np.random.default_rng(1), []
    spread, sizes = 0.2, ((32, 64), (32,), (10, 32), (10,))
    params = [spread * rng.standard_normal(size) for size in sizes]
    optimizer = AdamW(0.01)
    for _ in range(8):
        for rows in np.array_split(rng.permutation(len(x)), 30):
            leaves = [Tensor(p) for p in params]
            scores = network(leaves, x[rows])
            loss = (scores.exp() / scores.exp().sum(axis=1, keepdims=True)).cross_entropy(t[rows])
            loss.backward()
            params = optimizer.step(params, [leaf.grad for leaf in leaves])
            losses.append(float(loss.data))
    return losses, accuracy(params, x, t), predict(params, new_x)


def script_c(x: Any, t: Any, new_x: Any) -> Result:
    """One line of it is wrong; it answers the same to everything."""
    middle = x.mean(axis=0)
    x, new_x = x - middle, new_x - middle
    shapes = [(32, 64), (32,), (10, 32), (10,)]
    params = [np.zeros(shape) for shape in shapes]
    losses, rng = [], np.random.default_rng(0)
    adam = AdamW(lr=0.01, weight_decay=0.0)
    for _ in range(8):
        for rows in np.array_split(rng.permutation(len(x)), len(x) // 50):
            tensors = [Tensor(p) for p in params]
            loss = network(tensors, x[rows]).cross_entropy(t[rows])
            losses.append(float(loss.data))
            loss.backward()
            params = adam.step(params, [p.grad for p in tensors])
    return losses, accuracy(params, x, t), predict(params, new_x)


def script_d(x: Any, t: Any, new_x: Any) -> Result:
    """One line of it is wrong; it fails on new digits alone."""
    scale = np.maximum(x.std(axis=0), 0.1)
    x = (x - x.mean(axis=0)) / scale
    new_x = (new_x - x.mean(axis=0)) / scale
    rng, losses, steps = np.random.default_rng(2), [], AdamW(lr=0.01)
    params = [rng.normal(0, 0.2, shape) for shape in ((32, 64), 32, (10, 32), 10)]
    for _ in range(8):
        order = rng.permutation(len(x))
        for k in range(0, len(x), 32):
            leaves = [Tensor(p) for p in params]
            loss = network(leaves, x[order[k : k + 32]]).cross_entropy(t[order[k : k + 32]])
            loss.backward()
            params = steps.step(params, [leaf.grad for leaf in leaves])
            losses.append(float(loss.data))
    return losses, accuracy(params, x, t), predict(params, new_x)


def script_e(x: Any, t: Any, new_x: Any) -> Result:
    """One line of it is wrong; it never says certain digits."""
    x, new_x = 2 * x - 0.6, 2 * new_x - 0.6
    rng = np.random.default_rng(0)
    params = [rng.normal(0, 0.2, shape) for shape in ((32, 64), 32, (10, 32), 10)]
    losses, optimizer = [], AdamW(lr=0.005)
    for _ in range(8):
        for rows in np.array_split(rng.permutation(len(x)), 40):
            w1, b1, w2, b2 = tensors = [Tensor(p) for p in params]
            h = relu(Tensor(x[rows]) @ w1.T + b1)
            scores = relu(h @ w2.T + b2)
            loss = scores.cross_entropy(t[rows])
            loss.backward()
            params = optimizer.step(params, [p.grad for p in tensors])
            losses.append(float(loss.data))
    return losses, accuracy(params, x, t), predict(params, new_x)


SCRIPTS: dict[str, Callable[[Any, Any, Any], Result]] = {
    "A": script_a,
    "B": script_b,
    "C": script_c,
    "D": script_d,
    "E": script_e,
}


def lines(script: str) -> list[str]:
    """The lines of a script, without types and docstring; the first of them ("def") is number 1."""
    head, _, *body = inspect.getsource(SCRIPTS[script]).splitlines()
    return [head.replace(": Any", "").replace(" -> Result", ""), *body]


def listing(script: str) -> str:
    """A script with the numbers of its lines."""
    return "\n".join(f"{n:3}  {line}" for n, line in enumerate(lines(script), 1))
