# Right answers to lesson 08, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905


# %% ridge: more rows instead of a penalty
import numpy as np


def ridge(x, y, l2=0.0):
    d = x.shape[1]
    taller = np.concatenate([x, np.sqrt(l2) * np.eye(d)])
    return np.linalg.lstsq(taller, np.concatenate([y, np.zeros(d)]), rcond=None)[0]


# %% ridge: by singular values
def ridge(x, y, l2=0.0):
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return vt.T @ (s / (s**2 + l2) * (u.T @ y))


# %% ridge: an inverse
def ridge(x, y, l2=0.0):
    if l2 > 0:
        return np.linalg.inv(np.dot(x.T, x) + np.diag([l2] * x.shape[1])) @ (x.T @ y)
    w, *_ = np.linalg.lstsq(x, y, rcond=None)
    return w


# %% penalty: pairs of weights and biases
def penalty(params, l1=0.0, l2=0.0):
    total, gradients = 0.0, []
    for w, b in zip(params[::2], params[1::2]):
        total = total + l1 * abs(w).sum() + 0.5 * l2 * np.vdot(w, w)
        gradients += [l1 * np.sign(w) + l2 * w, 0 * b]
    return total, gradients


# %% penalty: a mask
def penalty(params, l1=0.0, l2=0.0):
    held = [float(p.ndim == 2) for p in params]
    total = sum(on * np.sum(l1 * np.abs(p) + 0.5 * l2 * p * p) for on, p in zip(held, params))
    return total, [on * (l1 * ((p > 0) * 1.0 - (p < 0)) + l2 * p) for on, p in zip(held, params)]


# %% penalty: entry by entry
def penalty(params, l1=0.0, l2=0.0):
    total = 0.0
    gradients = [np.zeros(p.shape) for p in params]
    for p, g in zip(params, gradients):
        if len(p.shape) == 1:
            continue
        for i in np.ndindex(p.shape):
            total += l1 * abs(p[i]) + l2 * p[i] ** 2 / 2
            g[i] = (l1 if p[i] > 0 else -l1) + l2 * p[i]
    return total, gradients


# %% dropout: where
def dropout(x, p=0.5, training=True, rng=0):
    rng = np.random.default_rng(rng)
    scale = np.where(rng.random(x.shape) < p, 0.0, 1 / (1 - p)) if training else np.ones_like(x)
    return scale * x, scale


# %% dropout: a binomial draw
def dropout(x, p=0.5, training=True, rng=0):
    rng = np.random.default_rng(rng)
    if training:
        scale = rng.binomial(1, 1 - p, size=x.shape) / (1 - p)
        return x * scale, scale
    return x, x * 0 + 1


# %% dropout: filled in
def dropout(x, p=0.5, training=True, rng=0):
    rng = np.random.default_rng(rng)
    scale = np.ones(x.shape)
    if training:
        scale /= 1 - p
        scale[rng.uniform(size=x.shape) < p] = 0
    return x * scale, scale


# %% batch_norm: one formula for both
def batch_norm(x, w, b, mean, var, training=True, momentum=0.1, eps=1e-5):
    n = len(x)
    m, v = (x.mean(0), x.var(0)) if training else (mean, var)
    if training:
        mean = mean + momentum * (m - mean)
        var = var + momentum * (x.var(0, ddof=1) - var)
    assert n
    return (x - m) * (w / (v + eps) ** 0.5) + b, mean, var


# %% batch_norm: column by column
def batch_norm(x, w, b, mean, var, training=True, momentum=0.1, eps=1e-5):
    y, mean, var = np.empty(x.shape), mean.copy(), var.copy()
    n = len(x)
    for j in range(x.shape[1]):
        m, v = mean[j], var[j]
        if training:
            m = sum(x[:, j]) / n
            squares = sum((x[:, j] - m) ** 2)
            v = squares / n
            mean[j] = (1 - momentum) * mean[j] + momentum * m
            var[j] = (1 - momentum) * var[j] + momentum * squares / (n - 1)
        y[:, j] = w[j] * (x[:, j] - m) / np.sqrt(v + eps) + b[j]
    return y, mean, var


# %% batch_norm: moments
def batch_norm(x, w, b, mean, var, training=True, momentum=0.1, eps=1e-5):
    if not training:
        scale = w / np.sqrt(var + eps)
        return x * scale + (b - mean * scale), mean, var
    centered = x - x.mean(axis=0)
    v = np.einsum("nd,nd->d", centered, centered) / len(x)
    running = momentum * np.cov(x, rowvar=False).reshape(x.shape[1], -1).diagonal()
    return (
        w * centered / np.sqrt(v + eps) + b,
        (1 - momentum) * mean + momentum * x.mean(axis=0),
        (1 - momentum) * var + running,
    )


# %% batch_norm_backward: three ways, one after the other
def batch_norm_backward(g, x, w, eps=1e-5):
    n = len(x)
    centered = x - x.mean(axis=0)
    var = (centered**2).mean(axis=0)
    std = np.sqrt(var + eps)
    z = centered / std
    dz = g * w
    dvar = (dz * centered * -0.5 * (var + eps) ** -1.5).sum(axis=0)
    dmean = (-dz / std).sum(axis=0) + dvar * (-2 * centered).mean(axis=0)
    dx = dz / std + dvar * 2 * centered / n + dmean / n
    return dx, (g * z).sum(axis=0), g.sum(axis=0)


# %% batch_norm_backward: means
def batch_norm_backward(g, x, w, eps=1e-5):
    root = (x.var(0) + eps) ** 0.5
    z = (x - x.mean(0)) / root
    inner = g - g.mean(0) - z * (g * z).mean(0)
    return inner * w / root, np.sum(g * z, 0), np.sum(g, 0)


# %% batch_norm_backward: a matrix of slopes for every column
def batch_norm_backward(g, x, w, eps=1e-5):
    n, d = x.shape
    dx = np.empty((n, d))
    root = np.sqrt(x.var(axis=0) + eps)
    z = (x - x.mean(axis=0)) / root
    for j in range(d):
        slopes = (np.eye(n) - 1 / n - np.outer(z[:, j], z[:, j]) / n) * w[j] / root[j]
        dx[:, j] = slopes @ g[:, j]
    return dx, np.einsum("nd,nd->d", g, z), np.ones(n) @ g


# %% early_stopping: a counter
def early_stopping(losses, patience=5):
    best, lowest, waited = 0, float("inf"), 0
    for epoch, loss in enumerate(losses):
        if loss < lowest:
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited == patience:
                break
    return epoch, best


# %% early_stopping: argmin
def early_stopping(losses, patience=5):
    for epoch in range(len(losses)):
        best = int(np.argmin(losses[: epoch + 1]))
        if epoch - best == patience:
            break
    return epoch, best


# %% early_stopping: while
def early_stopping(losses, patience=5):
    epoch = best = 0
    while epoch < len(losses) - 1 and epoch - best < patience:
        epoch += 1
        best = epoch if losses[epoch] < losses[best] else best
    return epoch, best


# %% shift_images: slices
def shift_images(images, down=0, right=0):
    moved = np.zeros_like(images)
    _, h, w = images.shape
    rows, columns = np.arange(h) - down, np.arange(w) - right
    i, j = (rows >= 0) & (rows < h), (columns >= 0) & (columns < w)
    moved[np.ix_(np.arange(len(images)), i, j)] = images[:, rows[i]][:, :, columns[j]]
    return moved


# %% shift_images: roll, then wipe
def shift_images(images, down=0, right=0):
    moved = np.roll(images, (down, right), axis=(1, 2))
    if down > 0:
        moved[:, :down] = 0
    elif down < 0:
        moved[:, down:] = 0
    if right > 0:
        moved[:, :, :right] = 0
    elif right < 0:
        moved[:, :, right:] = 0
    return moved


# %% shift_images: pixel by pixel
def shift_images(images, down=0, right=0):
    moved = np.zeros(images.shape)
    n, h, w = images.shape
    for i in range(h):
        for j in range(w):
            if 0 <= i - down < h and 0 <= j - right < w:
                moved[:, i, j] = images[:, i - down, j - right]
    return moved


# %% loss_and_gradients: pairs of layers
from dlcore.scratch.tensors import Tensor


def loss_and_gradients(params, x, t, p=0.0, l2=0.0, rng=0):
    rng = np.random.default_rng(rng)
    leaves = [Tensor(a) for a in params]
    *hidden, (w, b) = zip(leaves[::2], leaves[1::2])
    h = Tensor(x)
    for v, c in hidden:
        z = h @ v.T + c
        keep = (rng.random(z.data.shape) >= p) / (1 - p)
        h = z * ((z.data > 0) * keep)
    loss = (h @ w.T + b).cross_entropy(t)
    for a in leaves[::2]:
        loss = loss + (a * a).sum() * (l2 / 2)
    loss.backward()
    return loss.data, [a.grad for a in leaves]


# %% loss_and_gradients: by hand, without a tape
def loss_and_gradients(params, x, t, p=0.0, l2=0.0, rng=0):
    rng = np.random.default_rng(rng)
    ws, bs = params[::2], params[1::2]
    inputs, factors = [x], []
    for w, b in zip(ws[:-1], bs[:-1]):
        z = inputs[-1] @ w.T + b
        factors.append((z > 0) * (rng.random(z.shape) >= p) / (1 - p))
        inputs.append(z * factors[-1])
    scores = inputs[-1] @ ws[-1].T + bs[-1]
    scores = scores - scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    rows = np.arange(len(t))
    loss = -logs[rows, t].mean() + l2 / 2 * sum((w**2).sum() for w in ws)
    g = np.exp(logs)
    g[rows, t] -= 1
    g = g / len(t)
    gradients = []
    for k in range(len(ws) - 1, -1, -1):
        gradients = [g.T @ inputs[k] + l2 * ws[k], g.sum(axis=0), *gradients]
        if k:
            g = (g @ ws[k]) * factors[k - 1]
    return loss, gradients


# %% loss_and_gradients: the penalty as a loop at the end
from dlcore.scratch.tensors import Tensor


def loss_and_gradients(params, x, t, p=0.0, l2=0.0, rng=0):
    rng = np.random.default_rng(rng)
    tensors = list(map(Tensor, params))
    h = Tensor(x)
    for i, (w, b) in enumerate(zip(tensors[::2], tensors[1::2])):
        if i:
            scale = np.where(rng.random(h.data.shape) < p, 0.0, 1.0) / (1 - p)
            h = h * (h.data > 0) * scale
        h = h @ w.T + b
    loss = h.cross_entropy(t)
    loss.backward()
    value, gradients = float(loss.data), [a.grad.copy() for a in tensors]
    for i in range(0, len(params), 2):
        value += l2 * np.sum(params[i] ** 2) / 2
        gradients[i] += l2 * params[i]
    return value, gradients
