# Right answers to lesson 03, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905

# %% mse: one loop
import numpy as np


def mse(x, t):
    total = 0.0
    for a, b in zip(x.ravel(), t.ravel()):
        total += (a - b) ** 2
    return total / x.size


# %% mse: an inner product
def mse(x, t):
    d = (x - t).reshape(-1)
    return d @ d / len(d)


# %% mse: np functions
def mse(x, t):
    return np.average(np.square(np.subtract(t, x)))


# %% mse_gradient: multiplied out
def mse_gradient(x, t):
    n = np.prod(x.shape)
    return x * (2 / n) - t * (2 / n)


# %% mse_gradient: into an array of zeros
def mse_gradient(x, t):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        g[i] = 2 * (x[i] - t[i]) / x.size
    return g


# %% mse_gradient: in place on a copy
def mse_gradient(x, t):
    g = x.copy()
    g -= t
    g *= 2
    g /= g.size
    return g


# %% logsumexp: keepdims and squeeze
def logsumexp(x, axis=-1):
    m = np.max(x, axis=axis, keepdims=True)
    y = m + np.log(np.sum(np.exp(x - m), axis=axis, keepdims=True))
    return np.squeeze(y, axis=axis)


# %% logsumexp: two at a time
import math


def logsumexp(x, axis=-1):
    def both(a, b):
        return max(a, b) + math.log1p(math.exp(-abs(a - b)))

    def one(row):
        total = row[0]
        for v in row[1:]:
            total = both(total, v)
        return total

    return np.apply_along_axis(one, axis, x)


# %% logsumexp: axis brought to the end
def logsumexp(x, axis=-1):
    rows = np.moveaxis(x, axis, -1)
    top = rows.max(-1)
    return top + np.log(np.exp(rows - top[..., None]).sum(-1))


# %% cross_entropy: a loop over the rows
def cross_entropy(x, t):
    losses = []
    for row, c in zip(x, t):
        m = row.max()
        losses.append(m + np.log(np.sum(np.exp(row - m))) - row[c])
    return np.mean(losses)


# %% cross_entropy: with a one-hot matrix
def cross_entropy(x, t):
    y = np.eye(x.shape[1])[t]
    shifted = x - x.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return -(y * log_p).sum() / len(x)


# %% cross_entropy: differences to the right class
def cross_entropy(x, t):
    d = x - x[np.arange(len(t)), t][:, None]
    m = d.max(1)
    return (m + np.log(np.exp(d - m[:, None]).sum(1))).mean()


# %% cross_entropy_gradient: one entry a row
def cross_entropy_gradient(x, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(len(t)), t] -= 1.0
    return p / len(t)


# %% cross_entropy_gradient: a loop over the rows
def cross_entropy_gradient(x, t):
    g = np.empty_like(x)
    for n in range(len(x)):
        e = np.exp(x[n] - max(x[n]))
        g[n] = e / sum(e)
        g[n, t[n]] -= 1
    g /= len(x)
    return g


# %% cross_entropy_gradient: through the logarithm
def cross_entropy_gradient(x, t):
    m = x.max(1)[:, None]
    log_p = x - m - np.log(np.exp(x - m).sum(1))[:, None]
    hot = (np.arange(x.shape[1]) == t[:, None]).astype(float)
    return np.exp(log_p) / len(x) - hot / len(x)


# %% bce_with_logits: np.logaddexp
def bce_with_logits(x, t):
    return np.mean(np.logaddexp(0, x) - t * x)


# %% bce_with_logits: two softplus terms
def bce_with_logits(x, t):
    def softplus(z):
        return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))

    return (t * softplus(-x) + (1 - t) * softplus(x)).mean()


# %% bce_with_logits: one score at a time
import math


def bce_with_logits(x, t):
    total = 0.0
    for score, answer in zip(x.flat, t.flat):
        if score >= 0:
            total += (1 - answer) * score + math.log1p(math.exp(-score))
        else:
            total += -answer * score + math.log1p(math.exp(score))
    return total / x.size


# %% bce_with_logits_gradient: the textbook sigmoid
def bce_with_logits_gradient(x, t):
    with np.errstate(over="ignore"):
        s = 1 / (1 + np.exp(-x))
    return (s - t) / s.size


# %% bce_with_logits_gradient: through tanh
def bce_with_logits_gradient(x, t):
    return (0.5 + 0.5 * np.tanh(x / 2) - t) / np.size(x)


# %% bce_with_logits_gradient: one score at a time
import math


def bce_with_logits_gradient(x, t):
    g = np.zeros_like(x)
    for i, v in np.ndenumerate(x):
        s = 1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v))
        g[i] = (s - t[i]) / x.size
    return g


# %% gradient_descent_step: example by example
def gradient_descent_step(w, b, x, t, lr=0.1):
    dw, db = np.zeros_like(w), np.zeros_like(b)
    for row, c in zip(x, t):
        z = w @ row + b
        p = np.exp(z - z.max())
        p /= p.sum()
        p[c] -= 1
        dw += np.outer(p, row) / len(x)
        db += p / len(x)
    return w - lr * dw, b - lr * db


# %% gradient_descent_step: einsum
def gradient_descent_step(w, b, x, t, lr=0.1):
    z = np.einsum("nd,kd->nk", x, w) + b
    e = np.exp(z - z.max(1, keepdims=True))
    g = (e / e.sum(1, keepdims=True) - np.eye(len(b))[t]) / len(t)
    return w - lr * np.einsum("nk,nd->kd", g, x), b - lr * np.einsum("nk->k", g)


# %% gradient_descent_step: copies changed in place
def gradient_descent_step(w, b, x, t, lr=0.1):
    w, b = w.copy(), b.copy()
    z = x @ w.T + b
    z -= z.max(axis=1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    p[range(len(t)), t] -= 1
    w -= lr * (x.T @ p).T / len(x)
    b -= lr * p.mean(axis=0)
    return w, b
