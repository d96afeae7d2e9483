# Right answers to lesson 06, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905


# %% gradient_descent: an array made beforehand
import numpy as np


def gradient_descent(gradient, x, lr=0.1, steps=100):
    points = np.empty((steps + 1, len(x)))
    points[0] = x
    for t in range(steps):
        points[t + 1] = points[t] - lr * gradient(points[t])
    return points


# %% gradient_descent: accumulate
from itertools import accumulate


def gradient_descent(gradient, x, lr=0.1, steps=100):
    return np.array(list(accumulate([x] * (steps + 1), lambda p, _: p - lr * gradient(p))))


# %% gradient_descent: a copy is changed in place
def gradient_descent(gradient, x, lr=0.1, steps=100):
    here = x.copy()
    seen = [x.tolist()]
    while len(seen) <= steps:
        here -= lr * gradient(here)
        seen.append(here.tolist())
    return np.array(seen)


# %% max_learning_rate: the norm of the matrix
def max_learning_rate(curvature):
    return 2 / np.linalg.norm(curvature, 2)


# %% max_learning_rate: eigenvalues in no order
def max_learning_rate(curvature):
    values, _ = np.linalg.eig(curvature)
    return 2.0 / max(values.real)


# %% max_learning_rate: singular values
def max_learning_rate(curvature):
    return 1 / (0.5 * np.linalg.svd(curvature)[1][0])


# %% momentum_step: the direction first
def momentum_step(x, v, g, lr=0.1, momentum=0.9, nesterov=False):
    velocity = g + momentum * v
    direction = momentum * velocity + g if nesterov else velocity
    return x - direction * lr, velocity


# %% momentum_step: entry by entry
def momentum_step(x, v, g, lr=0.1, momentum=0.9, nesterov=False):
    new_x, new_v = np.zeros(x.shape), np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        new_v[i] = momentum * v[i] + g[i]
        new_x[i] = x[i] - lr * ((g[i] + momentum * new_v[i]) if nesterov else new_v[i])
    return new_x, new_v


# %% momentum_step: copies changed in place
def momentum_step(x, v, g, lr=0.1, momentum=0.9, nesterov=False):
    v = v.copy()
    v *= momentum
    v += g
    x = x.copy()
    if nesterov:
        x -= lr * g
        x -= lr * momentum * v
    else:
        x -= lr * v
    return x, v


# %% rmsprop_step: a mixture of old and new
def rmsprop_step(x, s, g, lr=0.01, alpha=0.99, eps=1e-8):
    s = s + (1 - alpha) * (g * g - s)
    return x - g * (lr / (s**0.5 + eps)), s


# %% rmsprop_step: a weighted average
def rmsprop_step(x, s, g, lr=0.01, alpha=0.99, eps=1e-8):
    mean = np.average([s, np.square(g)], axis=0, weights=[alpha, 1 - alpha])
    return np.subtract(x, lr * np.divide(g, np.sqrt(mean) + eps)), mean


# %% rmsprop_step: entry by entry
def rmsprop_step(x, s, g, lr=0.01, alpha=0.99, eps=1e-8):
    both = []
    for xi, si, gi in zip(x, s, g):
        si = alpha * si + (1 - alpha) * gi**2
        both.append((xi - lr * gi / (si**0.5 + eps), si))
    points, means = np.array(both).T
    return points, means


# %% cosine_schedule: NumPy
def cosine_schedule(t, steps, peak=1.0, warmup=0):
    if t >= warmup:
        return peak / 2 * (1 + np.cos(np.pi * (t - warmup) / (steps - warmup)))
    return peak / warmup * (t + 1)


# %% cosine_schedule: the square of half the angle
import math


def cosine_schedule(t, steps, peak=1.0, warmup=0):
    if t < warmup:
        return peak * (t + 1) / warmup
    angle = math.pi * (t - warmup) / (steps - warmup)
    return peak * math.cos(angle / 2) ** 2


# %% cosine_schedule: in degrees
import math


def cosine_schedule(t, steps, peak=1.0, warmup=0):
    left = 180 * (t - warmup) / (steps - warmup)
    falling = peak * 0.5 * (1 + math.cos(math.radians(left)))
    return falling if t >= warmup else peak * (t + 1) / warmup


# %% AdamW: a memory for each parameter
class AdamW:
    def __init__(self, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.lr, self.eps, self.decay = lr, eps, weight_decay
        self.b1, self.b2 = betas
        self.memory = {}

    def step(self, params, grads):
        return [self.one(i, p, g) for i, (p, g) in enumerate(zip(params, grads))]

    def one(self, i, p, g):
        t, m, s = self.memory.get(i, (0, 0.0, 0.0))
        t += 1
        m = self.b1 * m + (1 - self.b1) * g
        s = self.b2 * s + (1 - self.b2) * g * g
        self.memory[i] = t, m, s
        direction = (m / (1 - self.b1**t)) / (np.sqrt(s / (1 - self.b2**t)) + self.eps)
        return p - self.lr * (direction + self.decay * p)


# %% AdamW: changed in place, the correction in the rate
class AdamW:
    def __init__(self, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.settings = lr, betas, eps, weight_decay
        self.count = 0

    def step(self, params, grads):
        lr, (b1, b2), eps, decay = self.settings
        if not self.count:
            self.first = [np.zeros(np.shape(p)) for p in params]
            self.second = [np.zeros(np.shape(p)) for p in params]
        self.count += 1
        root = (1 - b2**self.count) ** 0.5
        rate = lr * root / (1 - b1**self.count)
        result = []
        for k in range(len(params)):
            self.first[k] = self.first[k] + (1 - b1) * (grads[k] - self.first[k])
            self.second[k] = self.second[k] + (1 - b2) * (grads[k] ** 2 - self.second[k])
            change = rate * self.first[k] / (np.sqrt(self.second[k]) + eps * root)
            result.append((1 - lr * decay) * params[k] - change)
        return result


# %% AdamW: everything in one long row
class AdamW:
    def __init__(self, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.grads = []

    def step(self, params, grads):
        sizes = [np.size(p) for p in params]
        row = np.concatenate([np.ravel(p) for p in params])
        self.grads.append(np.concatenate([np.ravel(g) for g in grads]))
        ages = np.arange(len(self.grads))[::-1, None]
        history = np.array(self.grads)
        (b1, b2), t = self.betas, len(history)
        m = ((1 - b1) * b1**ages * history).sum(axis=0) / (1 - b1**t)
        s = ((1 - b2) * b2**ages * history**2).sum(axis=0) / (1 - b2**t)
        row = row - self.lr * self.weight_decay * row - self.lr * m / (np.sqrt(s) + self.eps)
        parts = np.split(row, np.cumsum(sizes)[:-1])
        return [part.reshape(np.shape(p)) for part, p in zip(parts, params)]
