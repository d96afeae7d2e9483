# Right answers to lesson 12, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905


# %% rnn_step: one product
import numpy as np


def rnn_step(x, h, w_ih, w_hh, b):
    both = np.concatenate([x, h], axis=1)
    weights = np.concatenate([w_ih, w_hh], axis=1)
    return np.tanh(both @ weights.T + b)


# %% rnn_step: einsum
def rnn_step(x, h, w_ih, w_hh, b):
    a = np.einsum("nd,hd->nh", x, w_ih)
    a += np.einsum("nk,hk->nh", h, w_hh)
    a += b
    return np.tanh(a)


# %% rnn_step: number by number
def rnn_step(x, h, w_ih, w_hh, b):
    new = np.zeros(h.shape)
    for n in range(len(x)):
        for i in range(len(b)):
            total = b[i]
            total += sum(w_ih[i, d] * x[n, d] for d in range(x.shape[1]))
            total += sum(w_hh[i, k] * h[n, k] for k in range(h.shape[1]))
            new[n, i] = (np.exp(2 * total) - 1) / (np.exp(2 * total) + 1)
    return new


# %% rnn_forward: all inputs first
def rnn_forward(x, h, w_ih, w_hh, b):
    from_inputs = x @ w_ih.T + b
    states = [h]
    for a in from_inputs:
        h = np.tanh(a + h @ w_hh.T)
        states.append(h)
    return np.array(states)


# %% rnn_forward: accumulate
from itertools import accumulate


def rnn_forward(x, h, w_ih, w_hh, b):
    def following(state, given):
        return np.tanh(given @ w_ih.T + state @ w_hh.T + b)

    return np.stack(list(accumulate(x, following, initial=h)))


# %% rnn_forward: into an array that is there
def rnn_forward(x, h, w_ih, w_hh, b):
    t, n, _ = x.shape
    out = np.zeros((t + 1, n, h.shape[1]))
    out[0] = h
    for i in range(1, t + 1):
        np.tanh(x[i - 1] @ w_ih.T + out[i - 1] @ w_hh.T + b, out=out[i])
    return out


# %% rnn_forward: by calling itself
def rnn_forward(x, h, w_ih, w_hh, b):
    if len(x) == 0:
        return h[None]
    new = np.tanh(x[0] @ w_ih.T + h @ w_hh.T + b)
    return np.concatenate([h[None], rnn_forward(x[1:], new, w_ih, w_hh, b)])


# %% rnn_backward: all weights at the end
def rnn_backward(g, x, states, w_ih, w_hh):
    slopes = 1 - states[1:] ** 2
    da = np.zeros(g.shape)
    carried = np.zeros(g.shape[1:])
    for t in reversed(range(len(g))):
        da[t] = slopes[t] * (g[t] + carried)
        carried = da[t] @ w_hh
    rows = da.reshape(-1, da.shape[2])
    dw_ih = rows.T @ x.reshape(-1, x.shape[2])
    dw_hh = rows.T @ states[:-1].reshape(-1, states.shape[2])
    return da @ w_ih, carried, dw_ih, dw_hh, rows.sum(axis=0)


# %% rnn_backward: each sequence by itself
def rnn_backward(g, x, states, w_ih, w_hh):
    dx, dh = np.zeros(x.shape), np.zeros(states[0].shape)
    dw_ih, dw_hh, db = np.zeros(w_ih.shape), np.zeros(w_hh.shape), np.zeros(w_hh.shape[0])
    for n in range(x.shape[1]):
        back = np.zeros(w_hh.shape[0])
        for t in range(len(x) - 1, -1, -1):
            da = (g[t, n] + back) * (1 - states[t + 1, n] * states[t + 1, n])
            dx[t, n] = w_ih.T @ da
            dw_ih += np.outer(da, x[t, n])
            dw_hh += np.outer(da, states[t, n])
            db += da
            back = w_hh.T @ da
        dh[n] = back
    return dx, dh, dw_ih, dw_hh, db


# %% rnn_backward: a list that is turned round
def rnn_backward(g, x, states, w_ih, w_hh):
    found, dh = [], 0
    for outside, after in zip(g[::-1], states[:0:-1]):
        found.append((outside + dh) * (1 - after**2))
        dh = found[-1] @ w_hh
    da = np.array(found[::-1])
    dw_ih = sum(a.T @ i for a, i in zip(da, x))
    dw_hh = sum(a.T @ h for a, h in zip(da, states))
    return np.einsum("tnh,hd->tnd", da, w_ih), dh, dw_ih, dw_hh, da.sum((0, 1))


# %% gradient_norms: into an array
def gradient_norms(g, states, w_hh):
    steps = len(states) - 1
    norms = np.zeros(steps + 1)
    for k in range(steps + 1):
        norms[k] = np.sqrt((g**2).sum())
        if k < steps:
            g = ((1 - states[steps - k] ** 2) * g) @ w_hh
    return norms


# %% gradient_norms: slopes first
def gradient_norms(g, states, w_hh):
    backwards = (1 - states**2)[::-1]
    grads = [g]
    for slope in backwards[:-1]:
        grads.append(np.einsum("nh,nh,hk->nk", grads[-1], slope, w_hh))
    return np.sqrt(np.sum(np.square(grads), axis=(1, 2)))


# %% gradient_norms: by the product of the slopes
def gradient_norms(g, states, w_hh):
    products = np.stack([np.eye(len(w_hh))] * g.shape[0])
    norms = [np.linalg.norm(g)]
    for h in reversed(states[1:]):
        products = products @ ((1 - h**2)[:, :, None] * w_hh)
        norms.append(np.linalg.norm(np.einsum("nh,nhk->nk", g, products)))
    return np.array(norms)


# %% clip_grad_norm: one long vector
def clip_grad_norm(grads, max_norm):
    norm = np.linalg.norm(np.concatenate([np.ravel(g) for g in grads]))
    factor = min(1.0, max_norm / norm)
    return [g * factor for g in grads], norm


# %% clip_grad_norm: loops
import math


def clip_grad_norm(grads, max_norm):
    total = 0.0
    for g in grads:
        for number in g.flat:
            total += float(number) ** 2
    norm = math.sqrt(total)
    if norm <= max_norm:
        return [g.copy() for g in grads], norm
    return [g / norm * max_norm for g in grads], norm


# %% clip_grad_norm: a tuple, and the same arrays where they are short
def clip_grad_norm(grads, max_norm):
    norm = sum(float(np.vdot(g, g)) for g in grads) ** 0.5
    if norm > max_norm:
        grads = tuple(g * (max_norm / norm) for g in grads)
    return grads, norm


# %% truncated_bptt: the whole loop, cut
def truncated_bptt(g, x, states, w_ih, w_hh, steps):
    dw_ih, dw_hh, db = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros(len(w_hh))
    later = np.zeros_like(states[0])
    for t in range(len(x) - 1, -1, -1):
        if (t + 1) % steps == 0:
            later = np.zeros_like(later)
        da = (g[t] + later) * (1 - states[t + 1] ** 2)
        dw_ih += da.T @ x[t]
        dw_hh += da.T @ states[t]
        db += da.sum(axis=0)
        later = da @ w_hh
    return dw_ih, dw_hh, db


# %% truncated_bptt: what each time hears
def truncated_bptt(g, x, states, w_ih, w_hh, steps):
    da = np.zeros(g.shape)
    for t in reversed(range(len(x))):
        h = states[t + 1]
        da[t] = g[t] * (1 - h * h)
        if t + 1 < len(x) and (t + 1) % steps:
            da[t] += (da[t + 1] @ w_hh) * (1 - h * h)
    dw_ih = np.einsum("tnh,tnd->hd", da, x)
    dw_hh = np.einsum("tnh,tnk->hk", da, states[:-1])
    return dw_ih, dw_hh, np.einsum("tnh->h", da)


# %% truncated_bptt: pieces cut by NumPy
def truncated_bptt(g, x, states, w_ih, w_hh, steps):
    cuts = list(range(steps, len(x), steps))
    total = [0, 0, 0]
    for times in np.split(np.arange(len(x)), cuts):
        back = np.zeros(states.shape[1:])
        for t in times[::-1]:
            da = (g[t] + back) * (1 - states[t + 1] ** 2)
            back = da @ w_hh
            total[0] = total[0] + da.T @ x[t]
            total[1] = total[1] + da.T @ states[t]
            total[2] = total[2] + da.sum(axis=0)
    return tuple(total)


# %% masked_cross_entropy: everywhere, then masked
def masked_cross_entropy(scores, t, ignore_index=0):
    real = (t != ignore_index).astype(float)
    m = scores.max(axis=2, keepdims=True)
    e = np.exp(scores - m)
    log_sum = m[..., 0] + np.log(e.sum(axis=2))
    p = e / e.sum(axis=2, keepdims=True)
    right = np.eye(scores.shape[2])[t]
    surprise = log_sum - (right * scores).sum(axis=2)
    many = real.sum()
    return (surprise * real).sum() / many, (p - right) * real[..., None] / many


# %% masked_cross_entropy: token by token
def masked_cross_entropy(scores, t, ignore_index=0):
    gradient = np.zeros(scores.shape)
    places = [place for place in np.ndindex(*t.shape) if t[place] != ignore_index]
    total = 0.0
    for place in places:
        s = scores[place] - scores[place].max()
        p = np.exp(s) / np.exp(s).sum()
        total -= np.log(p[t[place]])
        p[t[place]] -= 1
        gradient[place] = p / len(places)
    return total / len(places), gradient


# %% masked_cross_entropy: rows that are real
def masked_cross_entropy(scores, t, ignore_index=0):
    k = scores.shape[2]
    rows, classes = scores.reshape(-1, k), t.reshape(-1)
    real = np.flatnonzero(classes != ignore_index)
    chosen = rows[real]
    logs = chosen - chosen.max(axis=1, keepdims=True)
    logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
    loss = -logs[np.arange(len(real)), classes[real]].mean()
    gradient = np.zeros(rows.shape)
    gradient[real] = np.exp(logs)
    gradient[real, classes[real]] -= 1
    return loss, (gradient / len(real)).reshape(scores.shape)


# %% next_token_loss: the weights' columns
def next_token_loss(params, tokens):
    w_ih, w_hh, b, w, c = params
    read, said = tokens[:-1], tokens[1:]
    h = np.zeros((read.shape[1], len(b)))
    states = [h]
    for row in read:
        h = np.tanh(w_ih.T[row] + h @ w_hh.T + b)
        states.append(h)
    states = np.array(states)
    scores = states[1:] @ w.T + c
    p = np.exp(scores - scores.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)
    real = said > 0
    t, n = np.nonzero(real)
    loss = -np.log(p[t, n, said[t, n]]).mean()
    g = p
    g[t, n, said[t, n]] -= 1
    g = g * real[..., None] / real.sum()
    dw_ih, dw_hh, db, back = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros_like(b), 0
    for i in reversed(range(len(read))):
        da = (g[i] @ w + back) * (1 - states[i + 1] ** 2)
        np.add.at(dw_ih.T, read[i], da)
        dw_hh += da.T @ states[i]
        db += da.sum(axis=0)
        back = da @ w_hh
    dw = sum(g[i].T @ states[i + 1] for i in range(len(read)))
    return loss, [dw_ih, dw_hh, db, dw, g.sum(axis=(0, 1))]


# %% next_token_loss: name by name
def next_token_loss(params, tokens):
    w_ih, w_hh, b, w, c = params
    total, grads, many = 0.0, [np.zeros_like(p) for p in params], int((tokens[1:] != 0).sum())
    for name in tokens.T:
        length = int((name[1:] != 0).sum())
        states, gradients = [np.zeros(len(b))], []
        for k in range(length):
            states.append(np.tanh(w_ih[:, name[k]] + w_hh @ states[-1] + b))
            s = w @ states[-1] + c
            p = np.exp(s - s.max())
            p /= p.sum()
            total -= np.log(p[name[k + 1]])
            p[name[k + 1]] -= 1
            gradients.append(p)
        back = np.zeros(len(b))
        for k in reversed(range(length)):
            grads[3] += np.outer(gradients[k], states[k + 1])
            grads[4] += gradients[k]
            da = (w.T @ gradients[k] + back) * (1 - states[k + 1] ** 2)
            grads[0][:, name[k]] += da
            grads[1] += np.outer(da, states[k])
            grads[2] += da
            back = w_hh.T @ da
    return total / many, [grad / many for grad in grads]


# %% next_token_loss: on the tape of lesson 5
from dlcore.scratch.tensors import Tensor


def next_token_loss(params, tokens):
    w_ih, w_hh, b, w, c = leaves = [Tensor(p) for p in params]
    read, said = tokens[:-1], tokens[1:]
    h = Tensor(np.zeros((read.shape[1], len(b.data))))
    loss, many = 0, (said != 0).sum()
    for t in range(len(read)):
        x = np.eye(len(c.data))[read[t]]
        a = Tensor(x) @ w_ih.T + h @ w_hh.T + b
        bent = np.tanh(a.data)
        h = Tensor(bent, (a,), lambda g, bent=bent: (g * (1 - bent**2),))
        real = np.flatnonzero(said[t])
        if len(real):
            pick = Tensor(np.eye(len(said[t]))[real])
            loss = (pick @ h @ w.T + c).cross_entropy(said[t][real]) * (len(real) / many) + loss
    loss.backward()
    return loss.data, [leaf.grad for leaf in leaves]
