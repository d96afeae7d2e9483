# Right answers to lesson 17, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905


# %% project: a point at a time
import numpy as np


def project(x, mean, directions):
    codes, points = [], []
    for row in x:
        code = [np.dot(u, row - mean) for u in directions]
        codes.append(code)
        points.append(mean + sum(c * u for c, u in zip(code, directions)))
    return np.array(codes), np.array(points)


# %% project: einsum
def project(x, mean, directions):
    codes = np.einsum("nd,kd->nk", x - mean, directions)
    return codes, np.einsum("nk,kd->nd", codes, directions) + mean


# %% project: one matrix that projects
def project(x, mean, directions):
    nearest = (x - mean).dot(directions.T.dot(directions)) + mean
    return np.matmul(nearest - mean, directions.T), nearest


# %% pca: svd
import numpy as np


def pca(x, k):
    mean = np.mean(x, axis=0)
    u, s, vt = np.linalg.svd(x - mean)
    return mean, vt[:k]


# %% pca: the covariance matrix, sorted
def pca(x, k):
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
    order = np.argsort(values)[::-1][:k]
    return x.mean(0), -vectors[:, order].T


# %% pca: one direction after the other
def pca(x, k):
    mean = x.sum(axis=0) / len(x)
    rest, directions = x - mean, []
    for _ in range(k):
        _, _, vt = np.linalg.svd(rest, full_matrices=False)
        directions.append(vt[0])
        rest = rest - np.outer(rest @ vt[0], vt[0])
    return mean, np.array(directions)


# %% layer_outputs: pairs
import numpy as np


def layer_outputs(params, x):
    pairs = list(zip(params[::2], params[1::2]))
    found = [x]
    for i, (w, b) in enumerate(pairs):
        a = found[-1] @ w.T + b
        is_code, is_last = i == len(pairs) // 2 - 1, i == len(pairs) - 1
        found.append(a if is_code or is_last else a * (a > 0))
    return found


# %% layer_outputs: encoder and decoder apart
def layer_outputs(params, x):
    def half(params, h):
        found = []
        for i in range(0, len(params), 2):
            h = np.einsum("nd,md->nm", h, params[i]) + params[i + 1]
            if i < len(params) - 2:
                h = np.clip(h, 0, None)
            found.append(h)
        return found

    encoder = half(params[: len(params) // 2], x)
    return [x, *encoder, *half(params[len(params) // 2 :], encoder[-1])]


# %% layer_outputs: with the layer of lesson 1 and the ReLU of lesson 2
from dlcore.scratch.activations import relu
from dlcore.scratch.neurons import layer


def layer_outputs(params, x):
    outputs, last = [x], len(params) // 2
    for n in range(last):
        a = layer(outputs[n], params[2 * n], params[2 * n + 1])
        outputs.append(a if n + 1 in {last, last // 2} else relu(a))
    return outputs


# %% autoencoder_loss: encoder and decoder as one list of layers
import numpy as np


def autoencoder_loss(params, seen, x):
    ws, bs = params[::2], params[1::2]
    L = len(ws)
    inputs, masks, h = [], [], seen
    for n in range(L):
        inputs.append(h)
        h = h @ ws[n].T + bs[n]
        mask = np.ones(h.shape) if n + 1 in (L // 2, L) else (h > 0).astype(float)
        masks.append(mask)
        h = h * mask
    d = h - x
    loss = (d**2).mean()
    g, grads = 2 * d / d.shape[0] / d.shape[1], []
    for n in reversed(range(L)):
        g = g * masks[n]
        grads.insert(0, g.sum(axis=0))
        grads.insert(0, np.einsum("nm,nd->md", g, inputs[n]))
        g = g @ ws[n]
    return loss, grads


# %% autoencoder_loss: the tape of lesson 5
from dlcore.scratch.losses import mse, mse_gradient
from dlcore.tensor import Tensor


def autoencoder_loss(params, seen, x):
    leaves = [Tensor(np.array(p), requires_grad=True) for p in params]
    h, L = Tensor(np.array(seen)), len(params) // 2
    for n in range(L):
        h = h @ leaves[2 * n].swapaxes(0, 1) + leaves[2 * n + 1]
        if n + 1 not in (L // 2, L):
            h = h * Tensor((h.data > 0).astype(float))
    h.backward(Tensor(mse_gradient(h.data, x)))
    grads = [leaf.grad.data if isinstance(leaf.grad, Tensor) else leaf.grad for leaf in leaves]
    return mse(h.data, x), grads


# %% autoencoder_loss: by calling itself
def autoencoder_loss(params, seen, x):
    layers = len(params) // 2

    def rest(n, h):
        """The loss from layer n on, the gradient of h, and those of the parameters."""
        if n == layers:
            return np.mean((h - x) ** 2), 2 * (h - x) / h.size, []
        w, b = params[2 * n], params[2 * n + 1]
        a = h @ w.T + b
        bent = n + 1 != layers and n + 1 != layers // 2
        loss, g, grads = rest(n + 1, np.maximum(a, 0) if bent else a)
        if bent:
            g = g * (a > 0)
        return loss, g @ w, [g.T @ h, g.sum(0), *grads]

    loss, _, grads = rest(0, seen)
    return loss, grads


# %% principal_angles: svd for the bases
import numpy as np


def principal_angles(a, b):
    first = np.linalg.svd(a, full_matrices=False)[2]
    second = np.linalg.svd(b, full_matrices=False)[2]
    values = np.linalg.svd(first @ second.T)[1]
    return np.arccos(np.clip(values, 0, 1)) * 180 / np.pi


# %% principal_angles: eigenvalues
def principal_angles(a, b):
    p, q = (np.linalg.pinv(m) @ m for m in (a, b))
    k = len(a)
    squares = np.sort(np.linalg.eigvalsh(p @ q @ p))[::-1][:k]
    return np.rad2deg(np.arccos(np.sqrt(np.clip(squares, 0, 1))))


# %% principal_angles: by Gram and Schmidt
def principal_angles(a, b):
    def basis(rows):
        found = []
        for row in rows:
            for u in found:
                row = row - (row @ u) * u
            found.append(row / np.linalg.norm(row))
        return np.array(found)

    cosines = np.linalg.svd(basis(a) @ basis(b).T, compute_uv=False)
    return np.degrees(np.arccos(np.where(cosines > 1, 1, cosines)))


# %% conv_transpose2d: loops over the stamp
import numpy as np


def conv_transpose2d(x, w, b, stride=1, padding=0):
    n, c, h, wide = x.shape
    k = w.shape[2]
    rows, columns = (h - 1) * stride + k, (wide - 1) * stride + k
    y = np.zeros((n, w.shape[1], rows, columns))
    for p in range(k):
        for q in range(k):
            y[:, :, p : p + h * stride : stride, q : q + wide * stride : stride][
                :, :, :h, :wide
            ] += np.einsum("nchw,cm->nmhw", x, w[:, :, p, q])
    y += b.reshape(1, -1, 1, 1)
    return y[:, :, padding : rows - padding, padding : columns - padding]


# %% conv_transpose2d: a convolution of a map with holes
def conv_transpose2d(x, w, b, stride=1, padding=0):
    n, c, h, wide = x.shape
    k = w.shape[-1]
    edge = k - 1
    holes = np.zeros((n, c, (h - 1) * stride + 1 + 2 * edge, (wide - 1) * stride + 1 + 2 * edge))
    holes[
        :,
        :,
        edge : edge + (h - 1) * stride + 1 : stride,
        edge : edge + (wide - 1) * stride + 1 : stride,
    ] = x
    views = np.lib.stride_tricks.sliding_window_view(holes, (k, k), axis=(2, 3))
    y = np.einsum("nchwij,cmij->nmhw", views, w[:, :, ::-1, ::-1])
    if padding:
        y = y[:, :, padding:-padding, padding:-padding]
    return y + b[None, :, None, None]


# %% conv_transpose2d: a picture and a number at a time
def conv_transpose2d(x, w, b, stride=1, padding=0):
    pictures = []
    for maps in x:
        c, h, wide = maps.shape
        k = w.shape[3]
        whole = np.zeros((len(b), (h - 1) * stride + k, (wide - 1) * stride + k))
        for channel, i, j in np.ndindex(c, h, wide):
            here = whole[:, i * stride : i * stride + k, j * stride : j * stride + k]
            here += maps[channel, i, j] * w[channel]
        size = whole.shape
        pictures.append(whole[:, padding : size[1] - padding, padding : size[2] - padding])
    return np.array(pictures) + np.reshape(b, (-1, 1, 1))


# %% roc_curve: all thresholds at once
import numpy as np


def roc_curve(scores, labels):
    thresholds = np.append(np.inf, np.unique(scores)[::-1])
    alarms = scores >= thresholds[:, None]
    bad = np.asarray(labels).astype(bool)
    return alarms[:, ~bad].mean(axis=1), alarms[:, bad].mean(axis=1)


# %% roc_curve: walking down
def roc_curve(scores, labels):
    by_score = sorted(zip(scores, labels), key=lambda pair: -pair[0])
    many, few = sum(labels == 0), sum(labels == 1)
    false, hits, points, last = 0, 0, [(0.0, 0.0)], None
    for score, kind in by_score:
        if last is not None and score != last:
            points.append((false / many, hits / few))
        false, hits, last = false + (kind == 0), hits + (kind == 1), score
    points.append((false / many, hits / few))
    return np.array([p[0] for p in points]), np.array([p[1] for p in points])


# %% roc_curve: counts of each score
def roc_curve(scores, labels):
    levels, which = np.unique(scores, return_inverse=True)
    counted = [np.bincount(which[labels == kind], minlength=len(levels))[::-1] for kind in (0, 1)]
    return tuple(np.concatenate([[0], np.cumsum(c)]) / c.sum() for c in counted)


# %% anomaly_scores: a window at a time
import numpy as np


def _said(params, h):
    L = len(params) // 2
    for n in range(L):
        h = params[2 * n] @ h + params[2 * n + 1]
        if n + 1 not in (L // 2, L):
            h = np.maximum(h, 0)
    return h


def anomaly_scores(params, series, size):
    found = np.zeros(len(series))
    for t in range(size - 1, len(series)):
        window = series[t - size + 1 : t + 1]
        found[t] = np.mean((_said(params, window) - window) ** 2)
    return found


# %% anomaly_scores: from indices
def _again(params, h):
    middle, last = len(params) // 4, len(params) // 2
    for n, (w, b) in enumerate(zip(params[::2], params[1::2]), 1):
        h = h @ w.T + b
        h = h if n == middle or n == last else np.where(h > 0, h, 0)
    return h


def anomaly_scores(params, series, size):
    ends = np.arange(size - 1, len(series))
    windows = series[ends[:, None] - np.arange(size)[::-1]]
    errors = np.square(_again(params, windows) - windows).sum(axis=1) / size
    return np.concatenate([[0.0] * (size - 1), errors])


# %% anomaly_scores: padded
def _through(params, h):
    for n in range(1, len(params) // 2 + 1):
        h = h @ params[2 * n - 2].T + params[2 * n - 1]
        if n != len(params) // 4 and n != len(params) // 2:
            h = (np.abs(h) + h) / 2
    return h


def anomaly_scores(params, series, size):
    before = np.concatenate([np.zeros(size - 1), series])
    windows = np.lib.stride_tricks.sliding_window_view(before, size)
    scores = ((_through(params, windows) - windows) ** 2).mean(axis=1)
    scores[: size - 1] = 0
    return scores
