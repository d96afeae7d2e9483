# Right answers to lesson 13, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905


# %% cell_state_update: a list
import numpy as np


def cell_state_update(c, f, i, g):
    states = [c]
    for t in range(len(f)):
        c = f[t] * c + i[t] * g[t]
        states.append(c)
    return np.array(states)


# %% cell_state_update: accumulate
from itertools import accumulate


def cell_state_update(c, f, i, g):
    put = i * g
    return np.stack(list(accumulate(zip(f, put), lambda old, at: old * at[0] + at[1], initial=c)))


# %% cell_state_update: by calling itself
def cell_state_update(c, f, i, g):
    if len(g) == 0:
        return np.asarray(c)[None]
    rest = cell_state_update(c * f[0] + g[0] * i[0], f[1:], i[1:], g[1:])
    return np.concatenate([np.asarray(c)[None], rest])


# %% forget_bias: the shortest formula
def forget_bias(steps):
    return -np.log(2 ** (1 / np.asarray(steps)) - 1)


# %% forget_bias: through the odds
def forget_bias(steps):
    keep = np.power(0.5, 1.0 / np.array(steps))
    return np.log(keep) - np.log1p(-keep)


# %% forget_bias: by search
def forget_bias(steps):
    steps = np.asarray(steps, dtype=float)
    low, high = np.full(steps.shape, -50.0), np.full(steps.shape, 50.0)
    for _ in range(80):
        b = (low + high) / 2
        enough = (1 / (1 + np.exp(-b))) ** steps > 0.5
        low, high = np.where(enough, low, b), np.where(enough, b, high)
    return (low + high) / 2


# %% lstm_step: four slices
from dlcore.scratch.activations import sigmoid


def lstm_step(x, h, c, w_ih, w_hh, b):
    n = c.shape[1]
    a = x @ w_ih.T + h @ w_hh.T + b
    i = sigmoid(a[:, :n])
    f = sigmoid(a[:, n : 2 * n])
    g = np.tanh(a[:, 2 * n : 3 * n])
    o = sigmoid(a[:, 3 * n :])
    c = c * f + g * i
    return np.tanh(c) * o, c, np.hstack([i, f, g, o])


# %% lstm_step: a gate at a time, each with its own weights
from dlcore.scratch.activations import sigmoid


def lstm_step(x, h, c, w_ih, w_hh, b):
    n = c.shape[1]
    opened = []
    for k, end in enumerate((sigmoid, sigmoid, np.tanh, sigmoid)):
        rows = slice(k * n, k * n + n)
        opened.append(end(x @ w_ih[rows].T + h @ w_hh[rows].T + b[rows]))
    i, f, g, o = opened
    new = f * c + i * g
    return o * np.tanh(new), new, np.concatenate(opened, axis=1)


# %% lstm_step: an axis for the gates
def lstm_step(x, h, c, w_ih, w_hh, b):
    both = np.concatenate([x, h], axis=1) @ np.concatenate([w_ih, w_hh], axis=1).T + b
    a = both.reshape(len(x), 4, -1)
    gates = 1 / (1 + np.exp(-a))
    gates[:, 2] = np.tanh(a[:, 2])
    c = gates[:, 1] * c + gates[:, 0] * gates[:, 2]
    return gates[:, 3] * np.tanh(c), c, gates.reshape(len(x), -1)


# %% lstm_step_backward: slices of one array
def lstm_step_backward(dh, dc, c, c_new, gates):
    n = c.shape[1]
    i, f, g, o = (gates[:, k * n : k * n + n] for k in range(4))
    t = np.tanh(c_new)
    d = dh * o * (1 - t * t) + dc
    da = np.zeros(gates.shape)
    da[:, :n] = d * g * (i - i**2)
    da[:, n : 2 * n] = d * c * (f - f**2)
    da[:, 2 * n : 3 * n] = d * i * (1 - g) * (1 + g)
    da[:, 3 * n :] = dh * t * (o - o**2)
    return da, d * f


# %% lstm_step_backward: an axis for the gates
def lstm_step_backward(dh, dc, c, c_new, gates):
    n, h = c.shape
    i, f, g, o = gates.reshape(n, 4, h).swapaxes(0, 1)
    shown = np.tanh(c_new)
    dc = dc + (1 - shown**2) * o * dh
    others = np.stack([g * dc, c * dc, i * dc, shown * dh], axis=1)
    slopes = np.stack([i * (1 - i), f * (1 - f), 1 - g**2, o * (1 - o)], axis=1)
    return (others * slopes).reshape(n, 4 * h), f * dc


# %% lstm_step_backward: number by number
def lstm_step_backward(dh, dc, c, c_new, gates):
    n, h = c.shape
    da, before = np.zeros((n, 4 * h)), np.zeros((n, h))
    for row in range(n):
        for k in range(h):
            i, f, g, o = (
                gates[row, k],
                gates[row, h + k],
                gates[row, 2 * h + k],
                gates[row, 3 * h + k],
            )
            t = np.tanh(c_new[row, k])
            d = dc[row, k] + dh[row, k] * o * (1 - t**2)
            da[row, k] = d * g * i * (1 - i)
            da[row, h + k] = d * c[row, k] * f * (1 - f)
            da[row, 2 * h + k] = d * i * (1 - g**2)
            da[row, 3 * h + k] = dh[row, k] * t * o * (1 - o)
            before[row, k] = d * f
    return da, before


# %% lstm: all inputs first
from dlcore.scratch.activations import sigmoid


def lstm(x, h, c, w_ih, w_hh, b):
    n = h.shape[1]
    hs, cs, opened = [h], [c], []
    for at in x @ w_ih.T + b:
        a = at + hs[-1] @ w_hh.T
        gates = sigmoid(a)
        gates[:, 2 * n : -n] = np.tanh(a[:, 2 * n : -n])
        i, f, g, o = np.split(gates, 4, axis=1)
        cs.append(f * cs[-1] + i * g)
        hs.append(o * np.tanh(cs[-1]))
        opened.append(gates)
    return np.array(hs), np.array(cs), np.array(opened)


# %% lstm: the step inside
from dlcore.scratch.activations import sigmoid


def lstm(x, h, c, w_ih, w_hh, b):
    def step(at, h, c):
        i, f, g, o = np.split(at @ w_ih.T + h @ w_hh.T + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        return o * np.tanh(c), c, np.concatenate([i, f, g, o], axis=1)

    rows = [(h, c, None)]
    for at in x:
        rows.append(step(at, *rows[-1][:2]))
    return (
        np.stack([row[0] for row in rows]),
        np.stack([row[1] for row in rows]),
        np.stack([row[2] for row in rows[1:]]),
    )


# %% lstm: by calling itself
from dlcore.scratch.activations import sigmoid


def lstm(x, h, c, w_ih, w_hh, b):
    if len(x) == 0:
        return h[None], c[None], np.zeros((0, len(h), len(b)))
    i, f, g, o = np.split(x[0] @ w_ih.T + h @ w_hh.T + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    new = f * c + i * g
    hs, cs, gates = lstm(x[1:], o * np.tanh(new), new, w_ih, w_hh, b)
    own = np.concatenate([i, f, g, o], axis=1)
    return (
        np.concatenate([h[None], hs]),
        np.concatenate([c[None], cs]),
        np.concatenate([own[None], gates]),
    )


# %% lstm_backward: all weights at the end
def lstm_backward(g, x, hs, cs, gates, w_ih, w_hh):
    das, dh, dc = [], 0, 0
    for t in range(len(x))[::-1]:
        i, f, new, o = np.split(gates[t], 4, axis=1)
        shown = np.tanh(cs[t + 1])
        dh = dh + g[t]
        dc = dc + dh * o * (1 - shown**2)
        parts = [
            dc * new * i * (1 - i),
            dc * cs[t] * f * (1 - f),
            dc * i * (1 - new**2),
            dh * shown * o * (1 - o),
        ]
        das.append(np.concatenate(parts, axis=1))
        dh, dc = das[-1] @ w_hh, dc * f
    da = np.array(das[::-1])
    dw_ih = np.einsum("tna,tnd->ad", da, x)
    dw_hh = np.einsum("tna,tnh->ah", da, hs[:-1])
    return da @ w_ih, dh, dc, dw_ih, dw_hh, da.sum((0, 1))


# %% lstm_backward: into arrays
def lstm_backward(g, x, hs, cs, gates, w_ih, w_hh):
    n = hs.shape[2]
    da = np.zeros(gates.shape)
    back_h, back_c = np.zeros(hs.shape), np.zeros(cs.shape)
    back_h[1:] = g
    for t in reversed(range(len(x))):
        i, f, new, o = (gates[t][:, k * n : k * n + n] for k in range(4))
        shown = np.tanh(cs[t + 1])
        back_c[t + 1] += back_h[t + 1] * o * (1 - shown**2)
        da[t, :, :n] = back_c[t + 1] * new * i * (1 - i)
        da[t, :, n : 2 * n] = back_c[t + 1] * cs[t] * f * (1 - f)
        da[t, :, 2 * n : 3 * n] = back_c[t + 1] * i * (1 - new**2)
        da[t, :, 3 * n :] = back_h[t + 1] * shown * o * (1 - o)
        back_h[t] += da[t] @ w_hh
        back_c[t] = back_c[t + 1] * f
    rows = da.reshape(-1, 4 * n)
    dw_ih = rows.T @ x.reshape(len(rows), -1)
    dw_hh = rows.T @ hs[:-1].reshape(len(rows), -1)
    return (rows @ w_ih).reshape(x.shape), back_h[0], back_c[0], dw_ih, dw_hh, rows.sum(axis=0)


# %% lstm_backward: each sequence by itself
def lstm_backward(g, x, hs, cs, gates, w_ih, w_hh):
    dx, dh, dc = np.zeros_like(x), np.zeros_like(hs[0]), np.zeros_like(cs[0])
    dw_ih, dw_hh, db = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros(len(w_ih))
    for n in range(x.shape[1]):
        back_h, back_c = np.zeros(hs.shape[2]), np.zeros(hs.shape[2])
        for t in range(len(x) - 1, -1, -1):
            i, f, new, o = np.split(gates[t, n], 4)
            shown = np.tanh(cs[t + 1, n])
            back_h = back_h + g[t, n]
            back_c = back_c + back_h * o * (1 - shown**2)
            da = np.concatenate(
                [
                    back_c * new * i * (1 - i),
                    back_c * cs[t, n] * f * (1 - f),
                    back_c * i * (1 - new**2),
                    back_h * shown * o * (1 - o),
                ]
            )
            dx[t, n] = w_ih.T @ da
            dw_ih += np.outer(da, x[t, n])
            dw_hh += np.outer(da, hs[t, n])
            db += da
            back_h, back_c = w_hh.T @ da, back_c * f
        dh[n], dc[n] = back_h, back_c
    return dx, dh, dc, dw_ih, dw_hh, db


# %% gru_step: slices
from dlcore.scratch.activations import sigmoid


def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    k = h.shape[1]
    a, b = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    r = sigmoid(a[:, :k] + b[:, :k])
    z = sigmoid(a[:, k : 2 * k] + b[:, k : 2 * k])
    n = np.tanh(a[:, 2 * k :] + r * b[:, 2 * k :])
    return h * z + n - n * z


# %% gru_step: both gates at once
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    k = h.shape[1]
    from_x, from_h = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    gates = 1 / (1 + np.exp(-(from_x + from_h)[:, : 2 * k]))
    r, z = np.split(gates, 2, axis=1)
    new = np.tanh(from_x[:, -k:] + r * from_h[:, -k:])
    return new + z * (h - new)


# %% gru_step: a gate at a time, each with its own weights
from dlcore.scratch.activations import sigmoid


def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    (ur, uz, un), (vr, vz, vn) = np.split(w_ih, 3), np.split(w_hh, 3)
    (br, bz, bn), (dr, dz, dn) = np.split(b_ih, 3), np.split(b_hh, 3)
    r = sigmoid(x @ ur.T + br + h @ vr.T + dr)
    z = sigmoid(x @ uz.T + bz + h @ vz.T + dz)
    n = np.tanh(x @ un.T + bn + r * (h @ vn.T + dn))
    return (1 - z) * n + z * h


# %% last_state_loss: all in one loop
from dlcore.scratch.activations import sigmoid


def last_state_loss(params, x, y):
    w_ih, w_hh, b, w, c = params
    h = cell = np.zeros((len(y), w.shape[1]))
    kept = []
    for at in x:
        i, f, g, o = np.split(at @ w_ih.T + h @ w_hh.T + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        new = f * cell + i * g
        kept.append((at, h, cell, i, f, g, o, np.tanh(new)))
        h, cell = o * np.tanh(new), new
    miss = h @ w[0] + c[0] - y
    slope = 2 * miss / len(y)
    grads = [
        np.zeros_like(w_ih),
        np.zeros_like(w_hh),
        np.zeros_like(b),
        slope[None] @ h,
        slope.sum(keepdims=True),
    ]
    dh, dc = np.outer(slope, w[0]), 0
    for at, before, old, i, f, g, o, shown in kept[::-1]:
        dc = dc + dh * o * (1 - shown**2)
        parts = [
            dc * g * i * (1 - i),
            dc * old * f * (1 - f),
            dc * i * (1 - g**2),
            dh * shown * o * (1 - o),
        ]
        da = np.concatenate(parts, axis=1)
        grads[0] += da.T @ at
        grads[1] += da.T @ before
        grads[2] += da.sum(axis=0)
        dh, dc = da @ w_hh, dc * f
    return (miss**2).mean(), grads


# %% last_state_loss: on the tape of lesson 5
from dlcore.scratch.activations import sigmoid
from dlcore.scratch.tensors import Tensor


def last_state_loss(params, x, y):
    w_ih, w_hh, b, w, c = leaves = [Tensor(p) for p in params]
    n = w.data.shape[1]

    def bend(a, end, slope):
        out = end(a.data)
        return Tensor(out, (a,), lambda g: (g * slope(out),))

    h = cell = Tensor(np.zeros((len(y), n)))
    picks = [np.eye(4 * n)[:, k * n : k * n + n] for k in range(4)]
    for at in x:
        a = Tensor(at) @ w_ih.T + h @ w_hh.T + b
        i, f, g, o = (a @ Tensor(pick) for pick in picks)
        i, f, o = (bend(gate, sigmoid, lambda s: s * (1 - s)) for gate in (i, f, o))
        g = bend(g, np.tanh, lambda s: 1 - s**2)
        cell = f * cell + i * g
        h = o * bend(cell, np.tanh, lambda s: 1 - s**2)
    miss = h @ w.T + c + Tensor(-y[:, None])
    loss = (miss * miss).sum() * (1 / len(y))
    loss.backward()
    return loss.data, [leaf.grad for leaf in leaves]


# %% last_state_loss: sequence by sequence
from dlcore.scratch.activations import sigmoid


def last_state_loss(params, x, y):
    w_ih, w_hh, b, w, c = params
    n = w.shape[1]
    loss, grads = 0.0, [np.zeros_like(p) for p in params]
    for k in range(len(y)):
        h, cell, kept = np.zeros(n), np.zeros(n), []
        for at in x[:, k]:
            a = w_ih @ at + w_hh @ h + b
            i, f, o = sigmoid(a[:n]), sigmoid(a[n : 2 * n]), sigmoid(a[3 * n :])
            g = np.tanh(a[2 * n : 3 * n])
            kept.append((at, h, cell, i, f, g, o))
            cell = f * cell + i * g
            h = o * np.tanh(cell)
            kept[-1] += (np.tanh(cell),)
        miss = w[0] @ h + c[0] - y[k]
        loss += miss**2 / len(y)
        slope = 2 * miss / len(y)
        grads[3] += slope * h
        grads[4] += slope
        dh, dc = slope * w[0], np.zeros(n)
        for at, before, old, i, f, g, o, shown in reversed(kept):
            dc = dc + dh * o * (1 - shown**2)
            da = np.concatenate(
                [
                    dc * g * i * (1 - i),
                    dc * old * f * (1 - f),
                    dc * i * (1 - g**2),
                    dh * shown * o * (1 - o),
                ]
            )
            grads[0] += np.outer(da, at)
            grads[1] += np.outer(da, before)
            grads[2] += da
            dh, dc = w_hh.T @ da, dc * f
    return loss, grads
