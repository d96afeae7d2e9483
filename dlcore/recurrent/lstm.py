"""Gated recurrent layers: LSTM and GRU, whose states can stand still for as long as it takes.

A plain recurrent network multiplies its state by a matrix at every step, so what it knew a
hundred steps ago has faded or exploded. A gate is a sigmoid that decides how much of the old
state to keep; where it is 1, state and gradient pass unchanged.

The legend and the machinery for layers and directions are those of ``recurrent``. Gate order is
PyTorch's: i f g o for the LSTM, r z n for the GRU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.recurrent import (
    hidden_weight,
    inputs_backward,
    kept,
    masked,
    one_step,
    run_layers,
    steps_back,
    with_biases,
)
from dlcore.sums import column_sums
from dlcore.tensor import Tensor, array

LSTM_FACTORS = 0.5, 0.5, 1.0, 0.5  # i f g o: a half for a sigmoid, 1 for a tanh
GRU_FACTORS = 0.5, 0.5, 1.0  # r z n


def each_row(h: Any, factors: Sequence[float]) -> Any:
    """h (N, H), for its dtype -> (G H, 1): a factor for all rows of a gate's weights.

    sigmoid(a) = tanh(a / 2) / 2 + 1 / 2: with the weights of a sigmoid halved beforehand, one tanh serves
    all gates, and takes half as long as an exponential and a quotient.
    """
    return np.concatenate([f * np.ones_like(h, shape=(h.shape[1], 1)) for f in factors])


def by_gate(a: Any, gates: int) -> Any:
    """a (N, G H) as (G, N, H), a view.

    Products over all times want the gates side by side. Everything else wants each gate in one piece:
    NumPy takes more than twice as long for a quarter of each row.
    """
    return a.reshape(len(a), gates, a.shape[1] // gates).swapaxes(0, 1)


def turned_by_gate(w: Any, gates: int) -> Any:
    """w (G H, D) -> (G, D, H): h @ this is (G, N, H), each gate in one piece."""
    return w.reshape(gates, len(w) // gates, w.shape[1]).swapaxes(1, 2).copy()


def inputs_by_gate(x: Any, w: Any, b: Any, out: Any) -> None:
    """What the inputs of all times contribute:  x (T, N, D), w (G H, D), b (G H, 1); writes out (G, T, N, H)."""
    gates, t, n, h = out.shape
    rows = out.reshape(gates, t * n, h)
    np.matmul(x.reshape(t * n, x.shape[2]), turned_by_gate(w, gates), out=rows)
    if b is not None:
        rows += b.reshape(gates, 1, h)


def new_first(rows: Any) -> Any:
    """Rows of r z n, as parameters have them, to n r z, as ``gates`` has them:  (3H, ...) -> (3H, ...)."""
    width = len(rows) // 3
    return np.concatenate([rows[2 * width :], rows[: 2 * width]])


def new_last(rows: Any) -> Any:
    """The way back from ``new_first``."""
    width = len(rows) // 3
    return np.concatenate([rows[width:], rows[:width]])


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
    gates = np.empty_like(x, shape=(4, times, *h.shape))
    inputs_by_gate(x, w_ih * rows, None if b is None else b[:, None] * rows, gates)
    scaled = turned_by_gate(w_hh * rows, 4)
    states = np.empty_like(x, shape=(times + 2, *h.shape))
    cells = np.empty_like(states[1:])
    tanhs = np.empty_like(cells[1:])
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
    da = np.empty_like(x, shape=(*x.shape[:2], len(w_hh)))
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


def gru_step_forward(gates: Any, r: Any, h: Any, out: Any) -> None:
    """gates (4, N, H) with what the input contributes to n r z, and r (3, N, H) what the state does to r z n;
    both halved for r and z; h (N, H) -> h' (N, H) in out.

    gates become n r z, and what the state adds to n before r lets it pass.
    h' = n + z (h - n) with n = tanh(a_n + r r_n).  Paper: Cho et al. (2014), Learning phrase
    representations using RNN encoder-decoder, equations 5 to 8 (r applied after the product).
    """
    new, reset, update, inner = gates
    both = gates[1:3]
    both += r[:2]
    np.tanh(both, out=both)
    both *= 0.5
    both += 0.5
    inner[...] = r[2]
    np.multiply(reset, inner, out=out)
    new += out
    np.tanh(new, out=new)
    np.subtract(h, new, out=out)
    out *= update
    out += new


def gru_slopes(gates: Any, h: Any, valid: Any) -> tuple[Any, Any]:
    """As ``lstm_slopes``:  gates (4, T, N, H), h (T, N, H) before each step -> slopes (4, T, N, H), which make
    the gradients of n r z inner of dh'; keep (T, N, H), which makes dh of dh'."""
    new, reset, update, inner = gates
    slopes = np.empty_like(gates)
    d_new, d_reset, d_update, d_inner = slopes
    np.subtract(1, gates[1:3], out=slopes[1:3])
    np.multiply(new, new, out=d_new)
    np.subtract(1, d_new, out=d_new)
    d_new *= d_update  # 1 - z
    np.multiply(d_new, reset, out=d_inner)
    d_reset *= d_inner
    d_reset *= inner
    d_update *= update
    d_update *= h - new
    return masked(slopes, valid), kept(update, valid)


def gru_forward(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, valid: Any = None
) -> tuple[Any, Any]:
    """x (T, N, D), h (N, H) -> states (T + 1, N, H), cache."""
    rows = each_row(h, GRU_FACTORS)
    gates = np.empty_like(x, shape=(4, len(x), *h.shape))
    b = None if b_ih is None else new_first(b_ih[:, None] * rows)
    inputs_by_gate(x, new_first(w_ih * rows), b, gates[:3])
    scaled = turned_by_gate(w_hh * rows, 3)
    offset = None if b_hh is None else (b_hh[:, None] * rows).reshape(3, 1, h.shape[1])
    states = np.empty_like(x, shape=(len(x) + 1, *h.shape))
    states[0] = h
    for t in range(len(x)):
        r = states[t] @ scaled
        if offset is not None:
            r += offset
        gru_step_forward(gates[:, t], r, states[t], states[t + 1])
        if valid is not None:
            np.copyto(states[t + 1], states[t], where=valid[t] == 0)
    return states, (x, states, gates, w_ih, w_hh, valid)


def gru_backward(g: Any, cache: Any) -> tuple[Any, ...]:
    """g (T + 1, N, H) -> dx (T, N, D), dh (N, H), dw_ih (3H, D), dw_hh (3H, H), db_ih, db_hh (3H,).

    The gradients of n r z inner stand side by side: the first three are those of what the inputs
    contribute, the last three of what the state does.
    """
    x, states, gates, w_ih, w_hh, valid = cache
    width = states.shape[2]
    d, dh = np.empty_like(x, shape=(*x.shape[:2], 4 * width)), g[-1]
    for part, on in steps_back(len(x), valid):
        slopes, keep = gru_slopes(gates[:, part], states[part], on)
        d_part, g_part = d[part], g[part]
        for t in reversed(range(len(keep))):
            np.multiply(dh, slopes[:, t], out=by_gate(d_part[t], 4))
            past = dh * keep[t]
            past += g_part[t]
            dh = d_part[t, :, width:] @ w_hh
            dh += past
    da, dr = d[:, :, : 3 * width], d[:, :, width:]
    dx, dw_ih, db_ih = inputs_backward(da, x, new_first(w_ih))
    db_hh = column_sums(dr.reshape(-1, 3 * width))
    return dx, dh, new_last(dw_ih), hidden_weight(dr, states), new_last(db_ih), db_hh


def _lstm_layer(x: Tensor, hx: Sequence[Tensor], w: Sequence[Tensor], valid: Any) -> Tensor:
    (h, c), (w_ih, w_hh, b_ih, b_hh) = hx, with_biases(w)
    b = None if b_ih is None else b_ih.data + b_hh.data
    states, cache = lstm_forward(x.data, h.data, c.data, w_ih.data, w_hh.data, b, valid)

    def vjp(g: Any) -> tuple[Any, ...]:
        *rest, db = lstm_backward(g, cache)
        return (*rest, db, db)

    return Tensor.from_op(states, (x, h, c, w_ih, w_hh, b_ih, b_hh), vjp)


def _gru_layer(x: Tensor, hx: Sequence[Tensor], w: Sequence[Tensor], valid: Any) -> Tensor:
    (h,), (w_ih, w_hh, b_ih, b_hh) = hx, with_biases(w)
    states, cache = gru_forward(
        x.data, h.data, w_ih.data, w_hh.data, array(b_ih), array(b_hh), valid
    )
    return Tensor.from_op(states, (x, h, w_ih, w_hh, b_ih, b_hh), lambda g: gru_backward(g, cache))


def gru(
    input: Tensor,
    hx: Tensor,
    params: Sequence[Tensor],
    has_biases: bool = True,
    num_layers: int = 1,
    dropout: float = 0.0,
    train: bool = True,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
    rng: Any = None,
) -> tuple[Tensor, ...]:
    """Gated recurrent units over whole sequences; the step is ``gru_step_forward``.

    Arguments as for ``rnn_tanh``, with weights of 3 H rows in the order r z n.
    Shapes: input (T, N, D), hx (layers directions, N, H) -> outputs (T, N, directions H),
    last states like hx.  Raises ShapeError.
    """
    return run_layers(
        "gru",
        3,
        _gru_layer,
        input,
        (hx,),
        params,
        has_biases,
        num_layers,
        dropout,
        train,
        bidirectional,
        batch_first,
        lengths,
        rng,
    )


def lstm(
    input: Tensor,
    hx: Sequence[Tensor],
    params: Sequence[Tensor],
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
        has_biases,
        num_layers,
        dropout,
        train,
        bidirectional,
        batch_first,
        lengths,
        rng,
    )


def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None
) -> Tensor:
    """One step of ``gru``.  Shapes: input (N, D), hx (N, H) -> (N, H)."""
    return one_step("gru_cell", 3, _gru_layer, input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Any = None,
    b_hh: Any = None,
) -> tuple[Tensor, Tensor]:
    """One step of ``lstm``.  Shapes: input (N, D), hx two of (N, H) -> h (N, H), c (N, H)."""
    h, c = one_step("lstm_cell", 4, _lstm_layer, input, tuple(hx), (w_ih, w_hh, b_ih, b_hh))
    return h, c
