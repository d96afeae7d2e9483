"""Recurrent layers: one small network applied again and again, carrying a state along.

Each family is a step (what happens at one time) and a whole sequence (the loop, and
backpropagation through time). Three tricks make the sequence fast: the inputs of *all* times are
multiplied by their weights in one product before the loop starts, the gradients of the weights
are one product after it has ended, and on the way back the slopes, which the way there has fixed,
are made for many times at once. Only what depends on the neighbouring state stays inside.

Legend: x (T, N, D), h (N, H), w_ih (G H, D), w_hh (G H, H), b (G H,) with G = 1 (rnn), 3 (gru:
r z n), 4 (lstm: i f g o); a are pre-activations. States are stacked as (T + 1, N, H), the initial
one first. ``valid`` (T, N, 1) is None or 0 where a sequence is over: there the state stands still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from dlcore.dropout import dropout as drop
from dlcore.errors import ShapeError
from dlcore.shaping import cat, flip, stack
from dlcore.sums import column_sums
from dlcore.tensor import Tensor, array

STEPS = 16  # for which `steps_back` makes slopes at once

# (x, states, weights, valid) -> stacked states
Layer = Callable[[Tensor, Sequence[Tensor], Sequence[Any], Any], Tensor]


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


def steps_back(times: int, valid: Any) -> Iterator[tuple[slice, Any]]:
    """Some times at once, the last first, with their part of ``valid``: what is made for them stays in the cache."""
    for end in range(times, 0, -STEPS):
        part = slice(max(0, end - STEPS), end)
        yield part, None if valid is None else valid[part]


def masked(slopes: Any, valid: Any) -> Any:
    """Where a sequence is over, no gradient goes into the step:  slopes (..., T, N, H), overwritten."""
    if valid is not None:
        slopes *= valid
    return slopes


def kept(keep: Any, valid: Any) -> Any:
    """And all of it goes past the step:  keep (T, N, H), what a gate lets past -> (T, N, H)."""
    return keep if valid is None else np.where(valid == 0, keep.dtype.type(1), keep)


def rnn_forward(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b: Any, nonlinearity: str = "tanh", valid: Any = None
) -> tuple[Any, Any]:
    """x (T, N, D), h (N, H) -> states (T + 1, N, H), cache."""
    a, turned = inputs(x, w_ih, b), w_hh.T.copy()
    states = np.empty_like(x, shape=(len(x) + 1, *h.shape))
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
    da, dh = np.empty_like(slopes), g[-1]
    for t in reversed(range(len(x))):
        np.multiply(dh, slopes[t], out=da[t])
        past = g[t] if valid is None else g[t] + dh * (1 - valid[t])
        dh = da[t] @ w_hh
        dh += past
    dx, dw_ih, db = inputs_backward(da, x, w_ih)
    return dx, dh, dw_ih, hidden_weight(da, states), db


def inputs(x: Any, w: Any, b: Any) -> Any:
    """What the inputs of all times contribute, in one product:  x (T, N, D) -> a (T, N, G H)."""
    a = x.reshape(-1, x.shape[2]) @ w.T
    if b is not None:
        a += b
    return a.reshape(*x.shape[:2], len(w))


def inputs_backward(da: Any, x: Any, w: Any) -> tuple[Any, Any, Any]:
    """da (T, N, G H) -> dx (T, N, D), dw (G H, D), db (G H,)."""
    rows = da.reshape(-1, da.shape[2])
    dx = (rows @ w).reshape(x.shape)
    return dx, rows.T @ x.reshape(-1, x.shape[2]), column_sums(rows)


def hidden_weight(da: Any, states: Any) -> Any:
    """da (T, N, G H), states (T + 1, N, H) -> dw_hh (G H, H), in one product."""
    return da.reshape(-1, da.shape[2]).T @ states[:-1].reshape(-1, states.shape[2])


def _rnn_layer(
    x: Tensor, hx: Sequence[Tensor], w: Sequence[Tensor], valid: Any, nonlinearity: str = "tanh"
) -> Tensor:
    (h,), (w_ih, w_hh, b_ih, b_hh) = hx, with_biases(w)
    b = None if b_ih is None else b_ih.data + b_hh.data
    states, cache = rnn_forward(x.data, h.data, w_ih.data, w_hh.data, b, nonlinearity, valid)

    def vjp(g: Any) -> tuple[Any, ...]:
        *rest, db = rnn_backward(g, cache)
        return (*rest, db, db)

    return Tensor.from_op(states, (x, h, w_ih, w_hh, b_ih, b_hh), vjp)


def with_biases(w: Sequence[Tensor]) -> Sequence[Any]:
    """w_ih, w_hh, b_ih, b_hh, with None for biases that are not there."""
    return w if len(w) == 4 else (*w, None, None)


def run_layers(
    op: str,
    gates: int,
    layer: Layer,
    input: Tensor,
    hx: Sequence[Tensor],
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    lengths: Any,
    rng: Any,
) -> tuple[Tensor, ...]:
    """All layers and directions: what comes out of one goes into the next.

    Shapes and arguments as in ``rnn_tanh`` -> outputs, then one tensor for each kind of state.
    """
    width, runs = 4 if has_biases else 2, num_layers * (2 if bidirectional else 1)
    _check(op, input, hx, params, (runs, width), batch_first)
    x = input.swapaxes(0, 1) if batch_first else input  # type: ignore[attr-defined]
    valid = None if lengths is None else _valid(x, lengths)
    final, k = [], 0
    for depth in range(num_layers):
        sides = []
        for backwards in (False, True) if bidirectional else (False,):
            seen = flip(x, 0) if backwards else x
            mask = valid[::-1] if backwards and valid is not None else valid
            w, h = params[k * width : (k + 1) * width], [h[k] for h in hx]  # type: ignore[index]
            _check_step(op, gates, seen.shape[1:], h, w)
            states = layer(seen, h, w, mask)
            y = states[1 : len(x) + 1]
            final.append([states[len(x) + n] for n in range(len(hx))])
            sides.append(flip(y, 0) if backwards else y)
            k += 1
        x = cat(sides, 2) if bidirectional else sides[0]
        x = x if valid is None else x * valid
        if dropout and depth < num_layers - 1:
            x = drop(x, dropout, train, rng)
    out = x.swapaxes(0, 1) if batch_first else x  # type: ignore[attr-defined]
    return (out, *(stack(states) for states in zip(*final, strict=True)))


def _valid(x: Tensor, lengths: Any) -> Any:
    """(T, N, 1): 1 while a sequence lasts, 0 after its end."""
    lengths = np.asarray(array(lengths))
    if lengths.shape != (x.shape[1],) or lengths.min() < 1 or lengths.max() > x.shape[0]:
        raise ValueError(f"lengths must be {x.shape[1]} numbers from 1 to {x.shape[0]}")
    return np.asarray(np.arange(len(x))[:, None, None] < lengths[:, None], like=x.data).astype(
        x.dtype
    )


def _check(
    op: str,
    x: Tensor,
    hx: Sequence[Tensor],
    params: Sequence[Tensor],
    layers: tuple[int, int],
    batch_first: bool,
) -> None:
    """``layers``: how many runs through the sequence there are, and how many parameters each has."""
    runs, width = layers
    if len(params) != runs * width:
        raise ValueError(f"{op}: {runs} times {width} parameters are needed, not {len(params)}")
    if x.ndim != 3:
        axes = "(N, T, D)" if batch_first else "(T, N, D)"
        mend = "add a batch dimension with .unsqueeze" if x.ndim == 2 else ""
        raise ShapeError(op, f"x must be {axes}", mend, x=x.shape)
    state = (runs, x.shape[0 if batch_first else 1], params[1].shape[-1])
    for h in hx:
        if h.shape != state:
            raise ShapeError(op, f"a state must be {state}", x=x.shape, state=h.shape)


def _check_step(
    op: str, gates: int, x: tuple[int, ...], hx: Sequence[Any], w: Sequence[Any]
) -> None:
    """x of shape (N, D), states (N, H) and the weights of one layer must fit together."""
    w_ih, w_hh, *biases = w
    hidden = w_hh.shape[-1]
    rows = gates * hidden
    if len(x) != 2:
        raise ShapeError(op, "x must be (N, D)", x=x)
    if w_ih.ndim != 2 or x[1] != w_ih.shape[1]:
        rule = f"x has {x[1]} features, w_ih expects {w_ih.shape[-1]}"
        raise ShapeError(op, rule, x=x, w_ih=w_ih.shape)
    if len(w_ih) != rows or w_hh.shape != (rows, hidden):
        rule = f"w_ih must be ({gates} H, D), w_hh ({gates} H, H)"
        raise ShapeError(op, rule, w_ih=w_ih.shape, w_hh=w_hh.shape)
    for b in biases:
        if b is not None and b.shape != (rows,):
            raise ShapeError(op, f"a bias must be ({rows},)", w_hh=w_hh.shape, bias=b.shape)
    for h in hx:
        if h.shape != (x[0], hidden):
            raise ShapeError(op, f"a state must be {(x[0], hidden)}", x=x, state=h.shape)


def rnn_tanh(
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
        has_biases,
        num_layers,
        dropout,
        train,
        bidirectional,
        batch_first,
        lengths,
        rng,
    )


def rnn_relu(*args: Any, **options: Any) -> tuple[Tensor, ...]:
    """``rnn_tanh`` with a ReLU in place of tanh.  Shapes: as there -> as there."""
    options["nonlinearity"] = "relu"
    return rnn_tanh(*args, **options)


def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None
) -> Tensor:
    """One step of ``rnn_tanh``.  Shapes: input (N, D), hx (N, H) -> (N, H)."""
    w = w_ih, w_hh, b_ih, b_hh
    return one_step("rnn_tanh_cell", 1, _rnn_layer, input, (hx,), w)[0]


def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None
) -> Tensor:
    """One step of ``rnn_relu``.  Shapes: input (N, D), hx (N, H) -> (N, H)."""
    layer = partial(_rnn_layer, nonlinearity="relu")
    return one_step("rnn_relu_cell", 1, layer, input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def one_step(
    op: str, gates: int, layer: Layer, x: Tensor, hx: Sequence[Tensor], w: Sequence[Any]
) -> list[Tensor]:
    """A sequence of one step.  Shapes: x (N, D), hx (N, H) each -> new states, (N, H) each."""
    _check_step(op, gates, x.shape, hx, w)
    states = layer(x.reshape((1, *x.shape)), hx, w, None)  # type: ignore[attr-defined]
    return [states[1 + n] for n in range(len(hx))]
