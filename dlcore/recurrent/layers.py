"""What all recurrent layers share: layers, directions, lengths, and products over all time steps at once.

See the package for the legend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlcore.backend.device import to_numpy
from dlcore.backend.sums import column_sums
from dlcore.dropout import dropout as drop
from dlcore.dtypes import number, size
from dlcore.errors import ShapeError
from dlcore.operands import as_tensor, float_tensor, floats
from dlcore.shaping import cat, flip, stack
from dlcore.tensor import Tensor

STEPS = 16  # for which `steps_back` makes slopes at once

# (x, states, weights, valid) -> stacked states
Layer = Callable[[Tensor, Sequence[Tensor], Sequence[Any], Any], Tensor]


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


def with_biases(w: Sequence[Tensor]) -> Sequence[Any]:
    """w_ih, w_hh, b_ih, b_hh, with None for biases that are not there."""
    return w if len(w) == 4 else (*w, None, None)


@dataclass(frozen=True)
class Options:
    """How layers are run: what all the functions over whole sequences share, as PyTorch names it."""

    has_biases: bool = True
    num_layers: int = 1
    dropout: float = 0.0
    train: bool = True
    bidirectional: bool = False
    batch_first: bool = False
    lengths: Any = None
    rng: Any = None


def run_layers(
    op: str,
    gates: int,
    layer: Layer,
    input: Any,
    hx: Sequence[Any],
    params: Sequence[Any],
    options: Options,
) -> tuple[Tensor, ...]:
    """All layers and directions: what comes out of one goes into the next.

    Shapes and arguments as in ``rnn_tanh`` -> outputs, then one tensor for each kind of state.
    """
    num_layers = size(op, "num_layers", options.num_layers, 1)
    dropout = number(op, "dropout", options.dropout)
    bidirectional, batch_first = options.bidirectional, options.batch_first
    input, hx, params = _tensors(op, input, hx, params)
    lengths = options.lengths
    width, runs = 4 if options.has_biases else 2, num_layers * (2 if bidirectional else 1)
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
            x = drop(x, dropout, options.train, options.rng)
    out = x.swapaxes(0, 1) if batch_first else x  # type: ignore[attr-defined]
    return (out, *(stack(states) for states in zip(*final, strict=True)))


def _tensors(
    op: str, input: Any, hx: Sequence[Any], params: Sequence[Any]
) -> tuple[Tensor, list[Tensor], list[Any]]:
    """All in the dtype of the weights; a bias may be None."""
    if isinstance(params, Tensor) or not isinstance(params, Sequence) or len(params) < 2:
        raise TypeError(f"{op}: params must list w_ih, w_hh and the biases of each layer")
    like = floats(op, params[0])
    weights = [None if p is None else float_tensor(op, p, like) for p in params]
    states = [float_tensor(op, h, like) for h in hx]
    return float_tensor(op, input, like), states, weights


def _valid(x: Tensor, lengths: Any) -> Any:
    """(T, N, 1): 1 while a sequence lasts, 0 after its end."""
    lengths = to_numpy(as_tensor("lengths", lengths).data)
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
    if not x.shape[1 if batch_first else 0]:
        raise ShapeError(op, "there is no time step", x=x.shape)
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


def one_step(
    op: str, gates: int, layer: Layer, x: Any, hx: Sequence[Any], w: Sequence[Any]
) -> list[Tensor]:
    """A sequence of one step.  Shapes: x (N, D), hx (N, H) each -> new states, (N, H) each."""
    x, hx, w = _tensors(op, x, hx, w)
    _check_step(op, gates, x.shape, hx, w)
    states = layer(x.reshape((1, *x.shape)), hx, w, None)  # type: ignore[attr-defined]
    return [states[1 + n] for n in range(len(hx))]
