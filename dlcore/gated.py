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
    inputs,
    inputs_backward,
    one_step,
    run_layers,
    with_biases,
)
from dlcore.tensor import Tensor, array


def signs(h: Any, *each: float) -> Any:
    """h (N, H) -> (G H,): one factor for all rows of a gate.

    sigmoid(a) = 1 / (1 + exp(-a)) and tanh(a) = 2 sigmoid(2a) - 1; so with the weights of a sigmoid
    times -1 and those of a tanh times -2 beforehand, one exponential serves all gates.
    """
    return np.concatenate([factor * np.ones_like(h, shape=(h.shape[1],)) for factor in each])


def by_gate(a: Any, gates: int) -> Any:
    """a (N, G H) as (G, N, H), a view.

    Products want the gates side by side. Everything else wants each gate in one piece: NumPy takes
    more than twice as long for a quarter of each row.
    """
    return a.reshape(len(a), gates, a.shape[1] // gates).swapaxes(0, 1)


def sigmoids(a: Any, out: Any) -> None:
    """out (...) = sigmoid(-a (...)); exp may overflow to infinity, whose reciprocal is the right 0."""
    np.exp(a, out=out)
    out += 1
    np.reciprocal(out, out=out)


def lstm_step_forward(a: Any, c: Any, gates: Any, h: Any) -> tuple[Any, Any]:
    """a (N, 4H) times ``signs``, c (N, H) -> c (N, H), tanh(c) (N, H); writes gates (4, N, H), h (N, H).

    c' = f c + i g,  h = o tanh(c').  Paper: Hochreiter and Schmidhuber (1997), Long short-term
    memory; the forget gate f is from Gers, Schmidhuber and Cummins (2000), Learning to forget.
    """
    sigmoids(by_gate(a, 4), gates)
    i, f, g, o = gates
    g *= 2
    g -= 1
    c = f * c
    c += i * g
    tanh_c = np.tanh(c)
    np.multiply(o, tanh_c, out=h)
    return c, tanh_c


def lstm_step_backward(dh: Any, dc: Any, gates: Any, c: Any, tanh_c: Any, da: Any) -> Any:
    """dh and dc (N, H), gates (4, N, H), previous c (N, H) -> dc (N, H); writes da (N, 4H).

    Each gate's gradient is the other factor of its product, times the gate's own slope.
    """
    i, f, g, o = gates
    d, slope = np.empty_like(gates), 1 - gates
    np.multiply(dh, tanh_c, out=d[3])
    through = tanh_c * tanh_c
    np.subtract(1, through, out=through)
    through *= o
    through *= dh
    dc = dc + through
    np.multiply(dc, g, out=d[0])
    np.multiply(dc, c, out=d[1])
    np.multiply(dc, i, out=d[2])
    slope[:2] *= gates[:2]  # s (1 - s) for a sigmoid,
    slope[3] *= o
    slope[2] *= 1 + g  # (1 + g) (1 - g) for a tanh
    np.multiply(d, slope, out=by_gate(da, 4))
    dc *= f
    return dc


def lstm_forward(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b: Any, valid: Any = None
) -> tuple[Any, Any]:
    """x (T, N, D), h and c (N, H) -> states (T + 2, N, H), the last one c, cache."""
    sign = signs(h, -1, -1, -2, -1)
    a = inputs(x, w_ih * sign[:, None], None if b is None else b * sign)
    scaled = (w_hh * sign[:, None]).T.copy()
    states = np.empty_like(x, shape=(len(x) + 2, *h.shape))
    gates = np.empty_like(x, shape=(len(x), 4, *h.shape))
    states[0] = h
    cells, tanhs = [c], []
    with np.errstate(over="ignore"):
        for t in range(len(x)):
            a[t] += states[t] @ scaled
            c, tanh_c = lstm_step_forward(a[t], cells[t], gates[t], states[t + 1])
            if valid is not None:
                np.copyto(states[t + 1], states[t], where=valid[t] == 0)
                np.copyto(c, cells[t], where=valid[t] == 0)
            cells.append(c)
            tanhs.append(tanh_c)
    states[-1] = c
    return states, (x, states, cells, tanhs, gates, w_ih, w_hh, valid)


def lstm_backward(g: Any, cache: Any) -> tuple[Any, ...]:
    """g (T + 2, N, H) -> dx (T, N, D), dh, dc (N, H), dw_ih (4H, D), dw_hh (4H, H), db (4H,)."""
    x, states, cells, tanhs, gates, w_ih, w_hh, valid = cache
    da = np.empty_like(x, shape=(*x.shape[:2], len(w_hh)))
    dh, dc = g[-2], g[-1]
    for t in reversed(range(len(x))):
        if valid is None:
            dc = lstm_step_backward(dh, dc, gates[t], cells[t], tanhs[t], da[t])
            dh = da[t] @ w_hh
        else:
            on, off = valid[t], 1 - valid[t]
            inner = lstm_step_backward(dh * on, dc * on, gates[t], cells[t], tanhs[t], da[t])
            dh, dc = da[t] @ w_hh + dh * off, inner + dc * off
        dh += g[t]
    dx, dw_ih, db = inputs_backward(da, x, w_ih)
    return dx, dh, dc, dw_ih, hidden_weight(da, states[:-1]), db


def gru_step_forward(a: Any, r: Any, h: Any, gates: Any, out: Any) -> None:
    """a and r (N, 3H), what input and state contribute, times ``signs``; h (N, H) -> h' (N, H) in out.

    Writes gates (4, N, H): r z n, and what the state adds to n before r lets it pass.
    h' = n + z (h - n) with n = tanh(a_n + r r_n).  Paper: Cho et al. (2014), Learning phrase
    representations using RNN encoder-decoder, equations 5 to 8 (r applied after the product).
    """
    by_input, by_state = by_gate(a, 3), by_gate(r, 3)
    reset, update, new, inner = gates
    np.add(by_input[:2], by_state[:2], out=gates[:2])
    sigmoids(gates[:2], gates[:2])
    inner[...] = by_state[2]
    np.multiply(reset, inner, out=new)
    new += by_input[2]
    np.tanh(new, out=new)
    np.subtract(h, new, out=out)
    out *= update
    out += new


def gru_step_backward(dh: Any, gates: Any, h: Any, da: Any, dr: Any) -> Any:
    """dh (N, H), gates (4, N, H), h (N, H) -> dh (N, H); writes da and dr (N, 3H)."""
    reset, update, new, inner = gates
    d, through = np.empty_like(gates), dh * update
    d_reset, d_update, d_new, d_inner = d
    np.subtract(1, new * new, out=d_new)
    d_new *= dh - through
    np.multiply(d_new, reset, out=d_inner)
    np.multiply(d_new, inner, out=d_reset)
    np.multiply(dh, h - new, out=d_update)
    slope = 1 - gates[:2]
    slope *= gates[:2]
    d[:2] *= slope
    by_gate(da, 3)[...] = d[:3]
    by_state = by_gate(dr, 3)
    by_state[:2], by_state[2] = d[:2], d_inner
    return through


def gru_forward(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, valid: Any = None
) -> tuple[Any, Any]:
    """x (T, N, D), h (N, H) -> states (T + 1, N, H), cache."""
    sign = signs(h, -1, -1, 1)
    a = inputs(x, w_ih * sign[:, None], None if b_ih is None else b_ih * sign)
    scaled, offset = (w_hh * sign[:, None]).T.copy(), None if b_hh is None else b_hh * sign
    states = np.empty_like(x, shape=(len(x) + 1, *h.shape))
    gates = np.empty_like(x, shape=(len(x), 4, *h.shape))
    states[0] = h
    with np.errstate(over="ignore"):
        for t in range(len(x)):
            r = states[t] @ scaled
            if offset is not None:
                r += offset
            gru_step_forward(a[t], r, states[t], gates[t], states[t + 1])
            if valid is not None:
                np.copyto(states[t + 1], states[t], where=valid[t] == 0)
    return states, (x, states, gates, w_ih, w_hh, valid)


def gru_backward(g: Any, cache: Any) -> tuple[Any, ...]:
    """g (T + 1, N, H) -> dx (T, N, D), dh (N, H), dw_ih (3H, D), dw_hh (3H, H), db_ih, db_hh (3H,)."""
    x, states, gates, w_ih, w_hh, valid = cache
    da = np.empty_like(x, shape=(*x.shape[:2], len(w_hh)))
    dr, dh = np.empty_like(da), g[-1]
    for t in reversed(range(len(x))):
        on = 1 if valid is None else valid[t]
        over = None if valid is None else dh * (1 - on)
        dh = dh if valid is None else dh * on
        through = gru_step_backward(dh, gates[t], states[t], da[t], dr[t])
        dh = dr[t] @ w_hh
        dh += through
        dh += g[t]
        if over is not None:
            dh += over
    dx, dw_ih, db_ih = inputs_backward(da, x, w_ih)
    return dx, dh, dw_ih, hidden_weight(dr, states), db_ih, dr.sum(axis=(0, 1))


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
