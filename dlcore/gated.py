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


def gates(a: Any) -> Any:
    """Sigmoid in place, as (1 + tanh(a / 2)) / 2: no overflow, no test of the sign, one pass less."""
    a *= 0.5
    np.tanh(a, out=a)
    a *= 0.5
    a += 0.5
    return a


def halves(h: Any) -> Any:
    """h (N, H) -> (4H,): 1/2 for the gates i f o, 1 for g.

    sigmoid(a) = 1/2 tanh(a / 2) + 1/2, so with the weights of three gates halved beforehand, one
    tanh, one product and one sum over all four parts together make three sigmoids and a tanh.
    """
    one = np.ones_like(h, shape=(h.shape[1],))
    return np.concatenate([0.5 * one, 0.5 * one, one, 0.5 * one])


def lstm_step_forward(a: Any, c: Any, half: Any) -> tuple[Any, Any, Any]:
    """a (N, 4H), overwritten, c (N, H), half (4H,) -> h (N, H), c (N, H), tanh(c) (N, H).

    c' = f c + i g,  h = o tanh(c').  Paper: Hochreiter and Schmidhuber (1997), Long short-term
    memory; the forget gate f is from Gers, Schmidhuber and Cummins (2000), Learning to forget.
    """
    n = c.shape[1]
    np.tanh(a, out=a)  # of half the pre-activation for i f o: see ``halves``
    a *= half
    a += 1 - half
    i, f, g, o = (a[:, k * n : (k + 1) * n] for k in range(4))
    c = f * c
    c += i * g
    tanh_c = np.tanh(c)
    return o * tanh_c, c, tanh_c


def lstm_step_backward(dh: Any, dc: Any, a: Any, c: Any, tanh_c: Any, da: Any, half: Any) -> Any:
    """dh and dc (N, H), gates a (N, 4H), previous c (N, H) -> dc (N, H); writes da (N, 4H).

    Each gate's gradient is the other factor of its product, times the gate's own slope.
    """
    n = c.shape[1]
    i, f, g, o = (a[:, k * n : (k + 1) * n] for k in range(4))
    di, df, dg, do = (da[:, k * n : (k + 1) * n] for k in range(4))
    np.multiply(dh, tanh_c, out=do)
    through = tanh_c * tanh_c
    np.subtract(1, through, out=through)
    through *= o
    through *= dh
    dc = dc + through
    np.multiply(dc, g, out=di)
    np.multiply(dc, c, out=df)
    np.multiply(dc, i, out=dg)
    da *= 1 - a  # the slopes: s (1 - s) of the sigmoids, (1 + g) (1 - g) of the tanh
    da *= a + (2 * half - 1)
    dc *= f
    return dc


def lstm_forward(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b: Any, valid: Any = None
) -> tuple[Any, Any]:
    """x (T, N, D), h and c (N, H) -> states (T + 2, N, H), the last one c, cache."""
    half = halves(h)
    a = inputs(x, w_ih * half[:, None], None if b is None else b * half)
    scaled = (w_hh * half[:, None]).T.copy()
    states = np.empty_like(x, shape=(len(x) + 2, *h.shape))
    states[0] = h
    cells, tanhs = [c], []
    for t in range(len(x)):
        a[t] += states[t] @ scaled
        states[t + 1], c, tanh_c = lstm_step_forward(a[t], cells[t], half)
        if valid is not None:
            np.copyto(states[t + 1], states[t], where=valid[t] == 0)
            np.copyto(c, cells[t], where=valid[t] == 0)
        cells.append(c)
        tanhs.append(tanh_c)
    states[-1] = c
    return states, (x, states, cells, tanhs, a, w_ih, w_hh, half, valid)


def lstm_backward(g: Any, cache: Any) -> tuple[Any, ...]:
    """g (T + 2, N, H) -> dx (T, N, D), dh, dc (N, H), dw_ih (4H, D), dw_hh (4H, H), db (4H,)."""
    x, states, cells, tanhs, a, w_ih, w_hh, half, valid = cache
    da = np.empty_like(a)
    dh, dc = g[-2], g[-1]
    for t in reversed(range(len(x))):
        if valid is None:
            dc = lstm_step_backward(dh, dc, a[t], cells[t], tanhs[t], da[t], half)
            dh = da[t] @ w_hh
        else:
            on, off = valid[t], 1 - valid[t]
            inner = lstm_step_backward(dh * on, dc * on, a[t], cells[t], tanhs[t], da[t], half)
            dh, dc = da[t] @ w_hh + dh * off, inner + dc * off
        dh += g[t]
    dx, dw_ih, db = inputs_backward(da, x, w_ih)
    return dx, dh, dc, dw_ih, hidden_weight(da, states[:-1]), db


def gru_step_forward(a: Any, r: Any, h: Any) -> Any:
    """a and r (N, 3H), what input and state contribute; a is overwritten; h (N, H) -> h' (N, H).

    h' = n + z (h - n) with n = tanh(a_n + r r_n).  Paper: Cho et al. (2014), Learning phrase
    representations using RNN encoder-decoder, equations 5 to 8 (r applied after the product).
    """
    n = h.shape[1]
    opened = a[:, : 2 * n]
    opened += r[:, : 2 * n]
    gates(opened)
    new = a[:, 2 * n :]
    new += a[:, :n] * r[:, 2 * n :]
    np.tanh(new, out=new)
    out = h - new
    out *= a[:, n : 2 * n]
    out += new
    return out


def gru_step_backward(dh: Any, a: Any, r_n: Any, h: Any, da: Any, dr: Any) -> Any:
    """dh (N, H), gates a (N, 3H), r_n and h (N, H) -> dh (N, H); writes da and dr (N, 3H)."""
    n = h.shape[1]
    r, z, new = (a[:, k * n : (k + 1) * n] for k in range(3))
    through = dh * z
    rest = dh - through
    rest *= 1 - new * new
    da[:, 2 * n :] = rest
    np.multiply(rest, r, out=dr[:, 2 * n :])
    rest *= r_n
    da[:, :n] = rest
    np.multiply(dh, h - new, out=da[:, n : 2 * n])
    opened = a[:, : 2 * n]
    slope = opened * opened
    np.subtract(opened, slope, out=slope)
    da[:, : 2 * n] *= slope
    dr[:, : 2 * n] = da[:, : 2 * n]
    return through


def gru_forward(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, valid: Any = None
) -> tuple[Any, Any]:
    """x (T, N, D), h (N, H) -> states (T + 1, N, H), cache."""
    a = inputs(x, w_ih, b_ih)
    states = np.empty_like(x, shape=(len(x) + 1, *h.shape))
    states[0] = h
    inner = []
    for t in range(len(x)):
        r = states[t] @ w_hh.T
        if b_hh is not None:
            r += b_hh
        states[t + 1] = gru_step_forward(a[t], r, states[t])
        if valid is not None:
            np.copyto(states[t + 1], states[t], where=valid[t] == 0)
        inner.append(r[:, 2 * h.shape[1] :])
    return states, (x, states, inner, a, w_ih, w_hh, valid)


def gru_backward(g: Any, cache: Any) -> tuple[Any, ...]:
    """g (T + 1, N, H) -> dx (T, N, D), dh (N, H), dw_ih (3H, D), dw_hh (3H, H), db_ih, db_hh (3H,)."""
    x, states, inner, a, w_ih, w_hh, valid = cache
    da, dr = np.empty_like(a), np.empty_like(a)
    dh = g[-1]
    for t in reversed(range(len(x))):
        on = 1 if valid is None else valid[t]
        over = None if valid is None else dh * (1 - on)
        dh = dh if valid is None else dh * on
        through = gru_step_backward(dh, a[t], inner[t], states[t], da[t], dr[t])
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
