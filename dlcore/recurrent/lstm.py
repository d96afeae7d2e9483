"""Long short-term memory (LSTM): gates decide what the cell state forgets, takes in and gives out.

A plain recurrent network multiplies its hidden state by a matrix at every step, so what it knew a
hundred steps ago has vanished or exploded. A gate is a sigmoid that decides how much of the old
state to keep; where it is 1, state and gradient pass unchanged.

Papers: Hochreiter and Schmidhuber (1997), Long short-term memory; Gers, Schmidhuber and Cummins (2000), Learning to forget.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.backend.arrays import empty_like
from dlcore.recurrent.gates import by_gate, each_row, inputs_by_gate, turned_by_gate
from dlcore.recurrent.layers import (
    Options,
    hidden_weight,
    inputs_backward,
    kept,
    masked,
    one_step,
    run_layers,
    steps_back,
    with_biases,
)
from dlcore.tensor import Tensor

LSTM_FACTORS = 0.5, 0.5, 1.0, 0.5  # i f g o: a half for a sigmoid, 1 for a tanh


def lstm_step_forward(
    gates: Any, half: Any, rest: Any, c: Any, h: Any, c_new: Any, tanh_c: Any
) -> None:
    """gates (4, N, H), sums times half (4, 1, 1), become the gates; c (N, H); writes h, c_new, tanh_c (N, H).

    c' = f c + i g,  h = o tanh(c').  Paper: Hochreiter and Schmidhuber (1997), Long short-term
    memory; the forget gate f is from Gers, Schmidhuber and Cummins (2000), Learning to forget.
    """
    np.tanh(gates, out=gates)
    gates *= half
    gates += rest
    i, f, g, o = gates
    np.multiply(f, c, out=c_new)
    np.multiply(i, g, out=tanh_c)
    c_new += tanh_c
    np.tanh(c_new, out=tanh_c)
    np.multiply(o, tanh_c, out=h)


def lstm_slopes(gates: Any, cells: Any, tanhs: Any, valid: Any) -> tuple[Any, Any, Any]:
    """What gradients are multiplied with on their way back through some steps, beforehand for all of them.

    gates (4, T, N, H), c (T, N, H) before each step, tanh(c') (T, N, H) -> slopes (4, T, N, H), which make da of
    dc' (of dh for o); through (T, N, H), which makes dc' of dh; keep (T, N, H), which makes dc of dc'.
    Each gate's slope is the other factor of its product, times that of the gate itself.
    """
    i, f, g, o = gates
    slopes = 1 - gates
    slopes[:2] *= gates[:2]  # s (1 - s) for a sigmoid,
    slopes[3] *= o
    slopes[2] *= 1 + g  # (1 + g) (1 - g) for a tanh
    for slope, other in zip(slopes, (g, cells, i, tanhs), strict=True):
        slope *= other
    through = tanhs * tanhs
    np.subtract(1, through, out=through)
    through *= o
    return masked(slopes, valid), masked(through, valid), kept(f, valid)


def lstm_forward(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b: Any, valid: Any = None
) -> tuple[Any, Any]:
    """x (T, N, D), h and c (N, H) -> states (T + 2, N, H), the last one c, cache."""
    times, rows = len(x), each_row(h, LSTM_FACTORS)
    half = rows[:: h.shape[1], :, None]
    rest = 1 - half
    gates = empty_like(x, shape=(4, times, *h.shape))
    inputs_by_gate(x, w_ih * rows, None if b is None else b[:, None] * rows, gates)
    scaled = turned_by_gate(w_hh * rows, 4)
    states = empty_like(x, shape=(times + 2, *h.shape))
    cells = empty_like(states[1:])
    tanhs = empty_like(cells[1:])
    states[0], cells[0] = h, c
    for t in range(times):
        now = gates[:, t]
        now += states[t] @ scaled
        lstm_step_forward(now, half, rest, cells[t], states[t + 1], cells[t + 1], tanhs[t])
        if valid is not None:
            np.copyto(states[t + 1], states[t], where=valid[t] == 0)
            np.copyto(cells[t + 1], cells[t], where=valid[t] == 0)
    states[-1] = cells[-1]
    return states, (x, states, cells, tanhs, gates, w_ih, w_hh, valid)


def lstm_backward(g: Any, cache: Any) -> tuple[Any, ...]:
    """g (T + 2, N, H) -> dx (T, N, D), dh, dc (N, H), dw_ih (4H, D), dw_hh (4H, H), db (4H,)."""
    x, states, cells, tanhs, gates, w_ih, w_hh, valid = cache
    da = empty_like(x, shape=(*x.shape[:2], len(w_hh)))
    dh, dc = g[-2], g[-1]
    for part, on in steps_back(len(x), valid):
        slopes, through, keep = lstm_slopes(gates[:, part], cells[part], tanhs[part], on)
        da_part, g_part = da[part], g[part]
        for t in reversed(range(len(keep))):
            out = by_gate(da_part[t], 4)
            dc = dc + dh * through[t]
            np.multiply(dc, slopes[:3, t], out=out[:3])
            np.multiply(dh, slopes[3, t], out=out[3])
            dc *= keep[t]
            past = g_part[t] if on is None else g_part[t] + dh * (1 - on[t])
            dh = da_part[t] @ w_hh
            dh += past
    dx, dw_ih, db = inputs_backward(da, x, w_ih)
    return dx, dh, dc, dw_ih, hidden_weight(da, states[:-1]), db


def _lstm_layer(x: Tensor, hx: Sequence[Tensor], w: Sequence[Tensor], valid: Any) -> Tensor:
    (h, c), (w_ih, w_hh, b_ih, b_hh) = hx, with_biases(w)
    b = None if b_ih is None else b_ih.data + b_hh.data
    states, cache = lstm_forward(x.data, h.data, c.data, w_ih.data, w_hh.data, b, valid)

    def vjp(g: Any) -> tuple[Any, ...]:
        *rest, db = lstm_backward(g, cache)
        return (*rest, db, db.copy())

    return Tensor.from_op(states, (x, h, c, w_ih, w_hh, b_ih, b_hh), vjp, True)


def lstm(
    input: Any,
    hx: Sequence[Any],
    params: Sequence[Any],
    has_biases: bool = True,
    num_layers: int = 1,
    dropout: float = 0.0,
    train: bool = True,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
    rng: Any = None,
) -> tuple[Tensor, ...]:
    """Long short-term memory over whole sequences; the step is ``lstm_step_forward``.

    Arguments as for ``rnn_tanh``, with weights of 4 H rows in the order i f g o.
    Shapes: input (T, N, D), hx two of (layers directions, N, H) -> outputs (T, N, directions H),
    last h and last c like hx.  Raises ShapeError.
    """
    return run_layers(
        "lstm",
        4,
        _lstm_layer,
        input,
        tuple(hx),
        params,
        Options(has_biases, num_layers, dropout, train, bidirectional, batch_first, lengths, rng),
    )


def lstm_cell(
    input: Any,
    hx: Sequence[Any],
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
) -> tuple[Tensor, Tensor]:
    """One step of ``lstm``.  Shapes: input (N, D), hx two of (N, H) -> h (N, H), c (N, H)."""
    h, c = one_step("lstm_cell", 4, _lstm_layer, input, tuple(hx), (w_ih, w_hh, b_ih, b_hh))
    return h, c
