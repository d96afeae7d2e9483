# Right answers to lesson 14, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905


# %% soft_lookup: a loop over the keys
import numpy as np


def soft_lookup(query, keys, values):
    scores = [sum(a * b for a, b in zip(key, query)) for key in keys]
    highest = max(scores)
    e = [np.exp(score - highest) for score in scores]
    mixture = np.zeros(values.shape[1])
    for share, value in zip(e, values):
        mixture += share / sum(e) * value
    return mixture, np.array(e) / sum(e)


# %% soft_lookup: through logarithms
def soft_lookup(query, keys, values):
    scores = np.dot(query, keys.T)
    log_weights = scores - np.logaddexp.reduce(scores)
    weights = np.exp(log_weights)
    return (weights[:, None] * values).sum(axis=0), weights


# %% soft_lookup: with the softmax of lesson 2
from dlcore.scratch.activations import softmax


def soft_lookup(query, keys, values):
    weights = softmax(keys.dot(query), -1)
    return np.einsum("s,sv->v", weights, values), weights


# %% attention: einsum, and a mask that is added
import numpy as np


def attention(q, k, v, mask=None):
    scores = np.einsum("...ld,...sd->...ls", q / q.shape[-1] ** 0.5, k)
    if mask is not None:
        with np.errstate(divide="ignore"):
            scores = scores + np.log(np.asarray(mask, dtype=float))
    top = np.max(scores, axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isneginf(top), 0, top))
    total = e.sum(-1, keepdims=True)
    weights = np.divide(e, total, out=np.zeros_like(e), where=total > 0)
    return np.einsum("...ls,...sv->...lv", weights, v), weights


# %% attention: a query at a time
def attention(q, k, v, mask=None):
    if q.ndim > 2:
        masks = [None] * len(q)
        if mask is not None:
            masks = np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2]))
        found = [attention(*each) for each in zip(q, k, v, masks)]
        return np.stack([y for y, _ in found]), np.stack([w for _, w in found])
    weights = np.zeros((len(q), len(k)))
    for i, query in enumerate(q):
        may = np.ones(len(k), bool) if mask is None else np.broadcast_to(mask, weights.shape)[i]
        if may.any():
            scores = k[may] @ query / np.sqrt(len(query))
            e = np.exp(scores - scores.max())
            weights[i, may] = e / e.sum()
    return weights @ v, weights


# %% attention: the mask as a number, and zeros afterwards
def attention(q, k, v, mask=None):
    scores = np.matmul(q, np.moveaxis(k, -1, -2)) * q.shape[-1] ** -0.5
    may = np.ones(scores.shape) if mask is None else np.broadcast_to(mask, scores.shape) * 1.0
    scores = np.where(may > 0, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    weights = weights * may.any(axis=-1, keepdims=True)
    return weights @ v, weights


# %% attention_mask: a triangle
import numpy as np


def attention_mask(lengths, size, causal=False):
    real = np.arange(size)[None] < np.array(lengths)[:, None]
    mask = np.ones((len(lengths), size, size), dtype=bool) & real[:, None, :]
    if causal:
        mask = np.tril(mask)
    return mask


# %% attention_mask: filled in by slices
def attention_mask(lengths, size, causal=False):
    mask = np.zeros((len(lengths), size, size), dtype=bool)
    for n, length in enumerate(lengths):
        for i in range(size):
            mask[n, i, : min(length, i + 1) if causal else length] = True
    return mask


# %% attention_mask: from indices
def attention_mask(lengths, size, causal=False):
    n, i, j = np.indices((len(lengths), size, size))
    mask = j < np.asarray(lengths)[n]
    return np.logical_and(mask, i >= j) if causal else mask


# %% dependency_matrix: changed and put back
import numpy as np


def dependency_matrix(f, x):
    rng = np.random.default_rng()
    x = np.array(x, dtype=float)
    before = f(x.copy())
    columns = []
    for row in x:
        kept = row.copy()
        row += rng.uniform(0.5, 1.5, row.shape)
        columns.append(np.abs(f(x.copy()) - before).max(axis=1) > 1e-9)
        row[:] = kept
    return np.array(columns).T


# %% dependency_matrix: one feature after the other
def dependency_matrix(f, x):
    T, D = x.shape
    reference = f(x)
    found = np.zeros((T, T), dtype=bool)
    for s in range(T):
        for d in range(D):
            other = np.array(x, dtype=float)
            other[s, d] += 0.37 + d
            found[:, s] |= np.any(f(other) != reference, axis=1)
    return found


# %% dependency_matrix: not a number
def dependency_matrix(f, x):
    found = []
    for s in range(len(x)):
        other = np.array(x, dtype=float)
        other[s] = np.nan
        found.append(np.isnan(f(other)).any(axis=1))
    return np.stack(found, axis=1)


# %% attention_backward: einsum
import numpy as np


def attention_backward(g, q, k, v, weights):
    dv = np.einsum("...ls,...lv->...sv", weights, g)
    dw = np.einsum("...lv,...sv->...ls", g, v)
    ds = weights * dw
    ds -= weights * ds.sum(axis=-1, keepdims=True)
    ds *= q.shape[-1] ** -0.5
    return np.einsum("...ls,...se->...le", ds, k), np.einsum("...ls,...le->...se", ds, q), dv


# %% attention_backward: the mean from what came out
def attention_backward(g, q, k, v, weights):
    y = weights @ v
    mean = (g * y).sum(axis=-1, keepdims=True)  # the same number, from fewer terms
    slopes = weights * (np.matmul(g, v.swapaxes(-2, -1)) - mean) / np.sqrt(k.shape[-1])
    return slopes @ k, slopes.swapaxes(-2, -1) @ q, weights.swapaxes(-2, -1) @ g


# %% attention_backward: a query at a time, with the matrix of slopes
def attention_backward(g, q, k, v, weights):
    if q.ndim > 2:
        found = [attention_backward(*each) for each in zip(g, q, k, v, weights)]
        return tuple(np.stack(one) for one in zip(*found))
    dq, dk, dv = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    for i, w in enumerate(weights):
        jacobian = np.diag(w) - np.outer(w, w)
        ds = jacobian @ (v @ g[i]) / np.sqrt(q.shape[1])
        dq[i] = ds @ k
        dk += np.outer(ds, q[i])
        dv += np.outer(w, g[i])
    return dq, dk, dv


# %% multi_head_attention: all heads at once
import numpy as np


def _softly(q, k, v, mask):
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True) @ v


def multi_head_attention(x, w_q, w_k, w_v, w_o, mask=None):
    wide = x[:, None]
    y = _softly(wide @ w_q, wide @ w_k, wide @ w_v, None if mask is None else mask[:, None])
    return (y @ w_o).sum(axis=1)


# %% multi_head_attention: side by side, then one product
def _one_head(q, k, v, mask):
    scores = np.einsum("nle,nse->nls", q, k) / q.shape[2] ** 0.5
    if mask is not None:
        scores[~mask] = -np.inf
    scores -= scores.max(axis=2, keepdims=True)
    e = np.exp(scores)
    return np.einsum("nls,nsv->nlv", e / e.sum(axis=2, keepdims=True), v)


def multi_head_attention(x, w_q, w_k, w_v, w_o, mask=None):
    heads = [_one_head(x @ a, x @ b, x @ c, mask) for a, b, c in zip(w_q, w_k, w_v)]
    return np.concatenate(heads, axis=2) @ np.concatenate(list(w_o), axis=0)


# %% multi_head_attention: queries and keys in one matrix
def multi_head_attention(x, w_q, w_k, w_v, w_o, mask=None):
    total = np.zeros((*x.shape[:2], w_o.shape[2]))
    for a, b, c, d in zip(w_q, w_k, w_v, w_o):
        scores = x @ (a @ b.T / np.sqrt(a.shape[1])) @ x.swapaxes(1, 2)
        if mask is not None:
            scores = np.where(mask, scores, -1e30)
        e = np.exp(scores - scores.max(axis=2, keepdims=True))
        total += e / e.sum(axis=2, keepdims=True) @ (x @ (c @ d))
    return total


# %% rotary_embedding: as complex numbers
import numpy as np


def rotary_embedding(x, positions, base=10000.0):
    half = x.shape[-1] // 2
    speeds = base ** (-2 * np.arange(half) / x.shape[-1])
    z = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * np.asarray(positions)[:, None] * speeds)
    return np.concatenate([z.real, z.imag], axis=-1)


# %% rotary_embedding: both halves at once
def rotary_embedding(x, positions, base=10000.0):
    E = x.shape[-1]
    angles = np.outer(positions, base ** -(np.arange(E // 2) * 2 / E))
    angles = np.concatenate([angles, angles], axis=1)
    crossed = np.concatenate([-x[..., E // 2 :], x[..., : E // 2]], axis=-1)
    return x * np.cos(angles) + crossed * np.sin(angles)


# %% rotary_embedding: a pair and a place at a time
def rotary_embedding(x, positions, base=10000.0):
    y, half = np.array(x, dtype=float), x.shape[-1] // 2
    for i in range(half):
        speed = 1 / base ** (i / half)
        for row, t in enumerate(positions):
            a, b = x[..., row, i], x[..., row, i + half]
            y[..., row, i] = a * np.cos(t * speed) - b * np.sin(t * speed)
            y[..., row, i + half] = a * np.sin(t * speed) + b * np.cos(t * speed)
    return y


# %% next_token_loss: a head at a time
import numpy as np

from dlcore.scratch.rnn import masked_cross_entropy


def _look(q, k, v):
    scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2])
    scores = np.where(np.tri(len(scores[0])) > 0, scores, -np.inf)
    e = np.exp(scores - scores.max(axis=2, keepdims=True))
    weights = e / e.sum(axis=2, keepdims=True)
    return weights @ v, weights


def _look_back(g, q, k, v, weights):
    dw = g @ v.swapaxes(1, 2)
    ds = weights * (dw - (dw * weights).sum(axis=2, keepdims=True)) / np.sqrt(q.shape[2])
    return ds @ k, ds.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ g


def next_token_loss(params, tokens, targets, places):
    table, *first, w_o = params
    x = table[tokens] + places
    kept, scores = [], 0
    for h in range(len(w_o)):
        q, k, v = (x @ w[h] for w in first)
        y, weights = _look(q, k, v)
        kept.append((q, k, v, y, weights))
        scores = scores + y @ w_o[h]
    loss, g = masked_cross_entropy(scores, targets)
    grads = [np.zeros(p.shape) for p in params]
    dx = np.zeros(x.shape)
    for h, (q, k, v, y, weights) in enumerate(kept):
        grads[4][h] = np.tensordot(y, g, axes=([0, 1], [0, 1]))
        for i, d in enumerate(_look_back(g @ w_o[h].T, q, k, v, weights)):
            grads[i + 1][h] = np.tensordot(x, d, axes=([0, 1], [0, 1]))
            dx += d @ first[i][h].T
    for row, slope in zip(tokens.ravel(), dx.reshape(-1, dx.shape[2])):
        grads[0][row] += slope
    return loss, grads


# %% next_token_loss: einsum, and one-hot rows for the table
from dlcore.scratch.rnn import masked_cross_entropy


def next_token_loss(params, tokens, targets, places):
    table, a, b, c, w = params
    one_hot = np.eye(len(table))[tokens]
    x = one_hot @ table + places
    root = np.sqrt(a.shape[2])
    q, k, v = (np.einsum("ntd,hde->hnte", x, m) for m in (a, b, c))
    scores = np.einsum("hnie,hnje->hnij", q, k) / root
    scores = np.where(np.tri(len(places)) == 1, scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p = p / p.sum(-1, keepdims=True)
    y = p @ v
    loss, g = masked_cross_entropy(np.einsum("hnte,hek->ntk", y, w), targets)
    dy = np.einsum("ntk,hek->hnte", g, w)
    dp = np.einsum("hnie,hnje->hnij", dy, v)
    ds = p * (dp - (p * dp).sum(-1, keepdims=True)) / root
    back = ds @ k, np.einsum("hnij,hnie->hnje", ds, q), np.einsum("hnij,hnie->hnje", p, dy)
    dx = sum(np.einsum("hnte,hde->ntd", d, m) for d, m in zip(back, (a, b, c)))
    dtable = np.einsum("ntk,ntd->kd", one_hot, dx)
    inner = [np.einsum("ntd,hnte->hde", x, d) for d in back]
    return loss, [dtable, *inner, np.einsum("hnte,ntk->hek", y, g)]


# %% next_token_loss: the pieces of the library that lesson 5 taught
from dlcore import exp, matmul
from dlcore.scratch.rnn import masked_cross_entropy
from dlcore.tensor import Tensor


def next_token_loss(params, tokens, targets, places):
    leaves = [Tensor(np.array(p), requires_grad=True) for p in params]
    table, w_q, w_k, w_v, w_o = leaves
    n, size = tokens.shape
    x = (table[tokens] + Tensor(np.array(places))).reshape((n, 1, size, places.shape[1]))
    q, k, v = matmul(x, w_q), matmul(x, w_k), matmul(x, w_v)
    scores = matmul(q, k.swapaxes(2, 3)) / np.sqrt(w_q.shape[2])
    hidden = np.where(np.tri(size) > 0, 0.0, -1e30)
    masked = scores + Tensor(hidden)
    e = exp(masked - Tensor(masked.data.max(axis=3, keepdims=True)))
    said = matmul(matmul(e / e.sum(3, True), v), w_o).sum(1)
    loss, g = masked_cross_entropy(said.data, targets)
    said.backward(Tensor(g))
    return loss, [
        leaf.grad if isinstance(leaf.grad, np.ndarray) else leaf.grad.data for leaf in leaves
    ]
