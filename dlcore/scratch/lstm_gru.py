"""LSTM and GRU, a step and whole sequences, forward and backward, by hand on arrays.

The library's own, ``dlcore.recurrent``, runs on the tape, with more layers, both directions, sequences of different lengths, and faster.

Papers: Hochreiter and Schmidhuber (1997), Long short-term memory; Gers, Schmidhuber and Cummins (2000), the forget
gate; Cho et al. (2014), the GRU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.scratch.activations import sigmoid


def cell_state_update(c: Any, f: Any, i: Any, g: Any) -> Any:
    """All cell states under  c <- f c + i g,  with forget gate f, input gate i and candidate g.

    Shapes: c (...), f, i, g (T, ...) -> (T + 1, ...), the first state first.
    """
    states = [c]
    for keep, take, new in zip(f, i, g, strict=True):
        states.append(keep * states[-1] + take * new)
    return np.stack(states)


def forget_bias(steps: float) -> Any:
    """The bias of a forget gate, without input, at which the cell state halves in ``steps`` time steps.

    sigmoid(b)^steps = 1 / 2.  Shapes: a number or (...) above 0 -> same.

    >>> print(round(float(forget_bias(2.0)), 4), round(float(forget_bias(100.0)), 4))
    0.8814 4.9682
    """
    return -np.log(np.exp2(1 / np.asarray(steps)) - 1)


def lstm_step(x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b: Any) -> tuple[Any, Any, Any]:
    """One step of an LSTM:  c' = f c + i g,  h' = o tanh c',  with the gates i f g o from x and h.

    Shapes: x (N, D), h, c (N, H), w_ih (4 H, D), w_hh (4 H, H), b (4 H,) -> h', c' (N, H), gates (N, 4 H).
    """
    a = x @ w_ih.T + h @ w_hh.T + b
    i, f, g, o = np.split(a, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c + i * g
    return o * np.tanh(c), c, np.concatenate([i, f, g, o], axis=1)


def lstm_step_backward(dh: Any, dc: Any, c: Any, c_new: Any, gates: Any) -> tuple[Any, Any]:
    """The backward pass of one step: gradients of the gates' pre-activations and of the previous cell state.

    dh, dc: gradients of the new h and of the new cell state ``c_new``, the latter without what h passes on to it.
    Shapes: dh, dc, c, c_new (N, H), gates (N, 4 H) -> da (N, 4 H), dc (N, H).
    """
    i, f, g, o = np.split(gates, 4, axis=1)
    bent = np.tanh(c_new)
    dc = dc + dh * o * (1 - bent * bent)
    parts = [
        dc * g * i * (1 - i),
        dc * c * f * (1 - f),
        dc * i * (1 - g * g),
        dh * bent * o * (1 - o),
    ]
    return np.concatenate(parts, axis=1), dc * f


def lstm(x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b: Any) -> tuple[Any, Any, Any]:
    """An LSTM over a sequence: all hidden and cell states, the initial ones first, and the gates.

    Shapes: x (T, N, D), h, c (N, H), w_ih (4 H, D), w_hh (4 H, H), b (4 H,)
    -> hs, cs (T + 1, N, H), gates (T, N, 4 H).
    """
    hs, cs, gates = [h], [c], []
    for at_t in x:
        h, c, opened = lstm_step(at_t, h, c, w_ih, w_hh, b)
        hs.append(h)
        cs.append(c)
        gates.append(opened)
    return np.stack(hs), np.stack(cs), np.stack(gates)


def lstm_backward(
    g: Any, x: Any, hs: Any, cs: Any, gates: Any, w_ih: Any, w_hh: Any
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Backpropagation through time: the backward pass of ``lstm``.

    g[t] is the gradient that the h after x[t] gets from outside.
    Shapes: g (T, N, H), x (T, N, D), hs, cs (T + 1, N, H), gates (T, N, 4 H), w_ih (4 H, D), w_hh (4 H, H)
    -> dx (T, N, D), dh, dc (N, H), dw_ih (4 H, D), dw_hh (4 H, H), db (4 H,).
    """
    da = np.empty_like(gates)
    dh, dc = np.zeros_like(hs[0]), np.zeros_like(cs[0])
    for t in reversed(range(len(x))):
        da[t], dc = lstm_step_backward(g[t] + dh, dc, cs[t], cs[t + 1], gates[t])
        dh = da[t] @ w_hh
    dw_ih = np.tensordot(da, x, axes=([0, 1], [0, 1]))
    dw_hh = np.tensordot(da, hs[:-1], axes=([0, 1], [0, 1]))
    return da @ w_ih, dh, dc, dw_ih, dw_hh, da.sum(axis=(0, 1))


def gru_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """One step of a GRU:  n = tanh(W_n x + b_n + r (U_n h + d_n)),  h' = (1 - z) n + z h,  gates r and z from x and h.

    Shapes: x (N, D), h (N, H), w_ih (3 H, D), w_hh (3 H, H), b_ih, b_hh (3 H,), each in the order r z n -> (N, H).
    """
    from_x, from_h = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    xr, xz, xn = np.split(from_x, 3, axis=1)
    hr, hz, hn = np.split(from_h, 3, axis=1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    return n + z * (h - n)


def last_state_loss(params: Sequence[Any], x: Any, y: Any) -> tuple[Any, list[Any]]:
    """The mean squared error of a linear output on an LSTM's last hidden state, and the gradients.

    Shapes: params [w_ih (4 H, D), w_hh (4 H, H), b (4 H,), w (1, H), c (1,)], x (T, N, D), y (N,)
    -> a number, a list like params.
    """
    w_ih, w_hh, b, w, c = params
    nothing = np.zeros((x.shape[1], w.shape[1]))
    hs, _, _ = run = lstm(x, nothing, nothing, w_ih, w_hh, b)
    miss = hs[-1] @ w.T + c - y[:, None]
    slope = 2 * miss / len(y)
    g = np.zeros_like(hs[1:])
    g[-1] = slope @ w
    _, _, _, dw_ih, dw_hh, db = lstm_backward(g, x, *run, *params[:2])
    return (miss * miss).mean(), [dw_ih, dw_hh, db, slope.T @ hs[-1], slope.sum(axis=0)]
