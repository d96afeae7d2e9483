"""Gradient descent, momentum, RMSprop, AdamW and a learning-rate schedule, one step at a time on arrays.

``dlcore.optim`` has them as objects that hold a model's parameters, ``dlcore.schedule`` the learning rates.

Papers: Polyak (1964), momentum; Nesterov (1983); Kingma and Ba (2015), Adam; Loshchilov and Hutter (2019), AdamW.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def gradient_descent(
    gradient: Callable[[Any], Any], x: Any, lr: float = 0.1, steps: int = 100
) -> Any:
    """The path of gradient descent from x:  x <- x - lr gradient(x).

    Shapes: x (D,), gradient (D,) -> (D,); the path is (steps + 1, D), with x first.

    >>> gradient_descent(lambda x: x, np.array([1.0]), lr=0.5, steps=2).ravel()
    array([1.  , 0.5 , 0.25])
    """
    way = [x]
    for _ in range(steps):
        x = x - lr * gradient(x)
        way.append(x)
    return np.stack(way)


def max_learning_rate(curvature: Any) -> float:
    """The learning rate above which gradient descent on a quadratic diverges:  2 / largest eigenvalue.

    Shapes: curvature (D, D), symmetric and positive -> a number.
    """
    return float(2 / np.linalg.eigvalsh(curvature)[-1])


def momentum_step(
    x: Any, v: Any, g: Any, lr: float = 0.1, momentum: float = 0.9, nesterov: bool = False
) -> tuple[Any, Any]:
    """A step with momentum:  v <- momentum v + g,  x <- x - lr v;  Nesterov's goes along g + momentum v.

    Shapes: x, v, g (...) -> the new x and v.
    """
    v = momentum * v + g
    direction = g + momentum * v if nesterov else v
    return x - lr * direction, v


def rmsprop_step(
    x: Any, s: Any, g: Any, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8
) -> tuple[Any, Any]:
    """A step of RMSprop:  s <- alpha s + (1 - alpha) g^2,  x <- x - lr g / (sqrt(s) + eps).

    Shapes: x, s, g (...) -> the new x and s.
    """
    s = alpha * s + (1 - alpha) * g**2
    return x - lr * g / (np.sqrt(s) + eps), s


def cosine_schedule(t: int, steps: int, peak: float = 1.0, warmup: int = 0) -> float:
    """The learning rate of step t: linear warm-up to ``peak`` in ``warmup`` steps, then cosine decay to 0.

    >>> [round(cosine_schedule(t, 6, warmup=2), 3) for t in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    if t < warmup:
        return peak * (t + 1) / warmup
    done = (t - warmup) / (steps - warmup)
    return peak * (1 + math.cos(math.pi * done)) / 2


class AdamW:
    """Adam with bias correction and decoupled weight decay.

    ``step(params, grads)`` takes and returns lists of arrays; both moment estimates start at 0.
    """

    def __init__(
        self,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.t = 0
        self.m: list[Any] = []
        self.s: list[Any] = []

    def step(self, params: Sequence[Any], grads: Sequence[Any]) -> list[Any]:
        """The parameters after one more step."""
        if self.t == 0:
            self.m = [np.zeros_like(p) for p in params]
            self.s = [np.zeros_like(p) for p in params]
        self.t += 1
        first, second = self.betas
        new = []
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            self.m[i] = first * self.m[i] + (1 - first) * g
            self.s[i] = second * self.s[i] + (1 - second) * g**2
            m = self.m[i] / (1 - first**self.t)
            s = self.s[i] / (1 - second**self.t)
            p = p - self.lr * self.weight_decay * p
            new.append(p - self.lr * m / (np.sqrt(s) + self.eps))
        return new
