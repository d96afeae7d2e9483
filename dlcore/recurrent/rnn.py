"""Elman's recurrent network: one step, and whole sequences.

Paper: Elman (1990), Finding structure in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dlcore.backend.arrays import empty_like
from dlcore.recurrent.layers import (
    Options,
    hidden_weight,
    inputs,
    inputs_backward,
    masked,
    one_step,
    run_layers,
    with_biases,
)
from dlcore.tensor import Tensor


def rnn_step_forward(a: Any, nonlinearity: str, h: Any) -> None:
    """a (N, H); writes h (N, H)."""
    if nonlinearity == "tanh":
        np.tanh(a, out=h)
    else:
        np.clip(a, 0, np.inf, out=h)


def rnn_slopes(states: Any, nonlinearity: str, valid: Any) -> Any:
    """states (T, N, H) -> slopes (T, N, H), which make da of dh: for all times, before the loop begins."""
    if nonlinearity == "tanh":
        slopes = states * states
        np.subtract(1, slopes, out=slopes)
    else:
        slopes = (states > 0).astype(states.dtype)
    return masked(slopes, valid)


def rnn_forward(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b: Any, nonlinearity: str = "tanh", valid: Any = None
) -> tuple[Any, Any]:
    """x (T, N, D), h (N, H) -> states (T + 1, N, H), cache."""
    a, turned = inputs(x, w_ih, b), w_hh.T.copy()
    states = empty_like(x, shape=(len(x) + 1, *h.shape))
    states[0] = h
    for t in range(len(x)):
        a[t] += states[t] @ turned
        rnn_step_forward(a[t], nonlinearity, states[t + 1])
        if valid is not None:
            np.copyto(states[t + 1], states[t], where=valid[t] == 0)
    return states, (x, states, w_ih, w_hh, nonlinearity, valid)


def rnn_backward(g: Any, cache: Any) -> tuple[Any, ...]:
    """g (T + 1, N, H) -> dx (T, N, D), dh (N, H), dw_ih (H, D), dw_hh (H, H), db (H,)."""
    x, states, w_ih, w_hh, nonlinearity, valid = cache
    slopes = rnn_slopes(states[1:], nonlinearity, valid)
    da, dh = empty_like(slopes), g[-1]
    for t in reversed(range(len(x))):
        np.multiply(dh, slopes[t], out=da[t])
        past = g[t] if valid is None else g[t] + dh * (1 - valid[t])
        dh = da[t] @ w_hh
        dh += past
    dx, dw_ih, db = inputs_backward(da, x, w_ih)
    return dx, dh, dw_ih, hidden_weight(da, states), db


def _rnn_layer(
    x: Tensor, hx: Sequence[Tensor], w: Sequence[Tensor], valid: Any, nonlinearity: str = "tanh"
) -> Tensor:
    (h,), (w_ih, w_hh, b_ih, b_hh) = hx, with_biases(w)
    b = None if b_ih is None else b_ih.data + b_hh.data
    states, cache = rnn_forward(x.data, h.data, w_ih.data, w_hh.data, b, nonlinearity, valid)

    def vjp(g: Any) -> tuple[Any, ...]:
        *rest, db = rnn_backward(g, cache)
        return (*rest, db, db.copy())

    return Tensor.from_op(states, (x, h, w_ih, w_hh, b_ih, b_hh), vjp, True)


def rnn_tanh(
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
    nonlinearity: str = "tanh",
) -> tuple[Tensor, ...]:
    """Elman's network over whole sequences:  h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh).

    ``params`` lists w_ih, w_hh, b_ih, b_hh of each layer and direction. Past its entry in
    ``lengths`` (N,) a sequence's outputs are 0 and its state stands still.
    Shapes: input (T, N, D), hx (layers directions, N, H) -> outputs (T, N, directions H),
    last states like hx.  Raises ShapeError.
    Paper: Elman (1990), Finding structure in time.
    """
    return run_layers(
        f"rnn_{nonlinearity}",
        1,
        partial(_rnn_layer, nonlinearity=nonlinearity),
        input,
        (hx,),
        params,
        Options(has_biases, num_layers, dropout, train, bidirectional, batch_first, lengths, rng),
    )


def rnn_relu(*args: Any, **options: Any) -> tuple[Tensor, ...]:
    """``rnn_tanh`` with a ReLU in place of tanh.  Shapes: as there -> as there."""
    options["nonlinearity"] = "relu"
    return rnn_tanh(*args, **options)


def rnn_tanh_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Tensor:
    """One step of ``rnn_tanh``.  Shapes: input (N, D), hx (N, H) -> (N, H)."""
    w = w_ih, w_hh, b_ih, b_hh
    return one_step("rnn_tanh_cell", 1, _rnn_layer, input, (hx,), w)[0]


def rnn_relu_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Tensor:
    """One step of ``rnn_relu``.  Shapes: input (N, D), hx (N, H) -> (N, H)."""
    layer = partial(_rnn_layer, nonlinearity="relu")
    return one_step("rnn_relu_cell", 1, layer, input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]
