"""Gated recurrent units (GRU): a reset and an update gate, and no cell state beside the hidden one.

Paper: Cho et al. (2014), Learning phrase representations using RNN encoder-decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.backend.arrays import empty_like
from dlcore.backend.sums import column_sums
from dlcore.operands import array
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

GRU_FACTORS = 0.5, 0.5, 1.0  # r z n


def new_first(rows: Any) -> Any:
    """Rows of r z n, as parameters have them, to n r z, as ``gates`` has them:  (3H, ...) -> (3H, ...)."""
    width = len(rows) // 3
    return np.concatenate([rows[2 * width :], rows[: 2 * width]])


def new_last(rows: Any) -> Any:
    """The inverse of ``new_first``."""
    width = len(rows) // 3
    return np.concatenate([rows[width:], rows[:width]])


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
    slopes = empty_like(gates)
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
    gates = empty_like(x, shape=(4, len(x), *h.shape))
    b = None if b_ih is None else new_first(b_ih[:, None] * rows)
    inputs_by_gate(x, new_first(w_ih * rows), b, gates[:3])
    scaled = turned_by_gate(w_hh * rows, 3)
    offset = None if b_hh is None else (b_hh[:, None] * rows).reshape(3, 1, h.shape[1])
    states = empty_like(x, shape=(len(x) + 1, *h.shape))
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
    d, dh = empty_like(x, shape=(*x.shape[:2], 4 * width)), g[-1]
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


def _gru_layer(x: Tensor, hx: Sequence[Tensor], w: Sequence[Tensor], valid: Any) -> Tensor:
    (h,), (w_ih, w_hh, b_ih, b_hh) = hx, with_biases(w)
    states, cache = gru_forward(
        x.data, h.data, w_ih.data, w_hh.data, array(b_ih), array(b_hh), valid
    )
    return Tensor.from_op(
        states, (x, h, w_ih, w_hh, b_ih, b_hh), lambda g: gru_backward(g, cache), True
    )


def gru(
    input: Any,
    hx: Any,
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
        Options(has_biases, num_layers, dropout, train, bidirectional, batch_first, lengths, rng),
    )


def gru_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Tensor:
    """One step of ``gru``.  Shapes: input (N, D), hx (N, H) -> (N, H)."""
    return one_step("gru_cell", 3, _gru_layer, input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]
