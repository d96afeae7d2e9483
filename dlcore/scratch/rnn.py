"""A recurrent network, backpropagation through time, clipping and truncation, by hand on arrays.

The library's own, ``dlcore.recurrent``, runs on the tape, with more layers, both directions, sequences of different lengths, and faster.

Papers: Elman (1990), Finding structure in time; Werbos (1990), backpropagation through time; Bengio, Simard and
Frasconi (1994), vanishing gradients; Pascanu, Mikolov and Bengio (2013), clipping by the norm; Williams and Peng
(1990), truncation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.scratch.losses import cross_entropy, cross_entropy_gradient


def rnn_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b: Any) -> Any:
    """One step of Elman's network:  tanh(x w_ih^T + h w_hh^T + b).

    Shapes: x (N, D), h (N, H), w_ih (H, D), w_hh (H, H), b (H,) -> (N, H).
    """
    return np.tanh(x @ w_ih.T + h @ w_hh.T + b)


def rnn_forward(x: Any, h: Any, w_ih: Any, w_hh: Any, b: Any) -> Any:
    """All hidden states of a sequence, the initial one first.

    Shapes: x (T, N, D), h (N, H), w_ih (H, D), w_hh (H, H), b (H,) -> (T + 1, N, H).
    """
    states = [h]
    for at_t in x:
        states.append(rnn_step(at_t, states[-1], w_ih, w_hh, b))
    return np.stack(states)


def rnn_backward(
    g: Any, x: Any, states: Any, w_ih: Any, w_hh: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Backpropagation through time: the backward pass of ``rnn_forward``.

    g[t] is the gradient that the state after x[t] gets from outside, not through later states.
    Shapes: g (T, N, H), x (T, N, D), states (T + 1, N, H), w_ih (H, D), w_hh (H, H)
    -> dx (T, N, D), dh (N, H), dw_ih (H, D), dw_hh (H, H), db (H,).
    """
    da, dh = np.empty_like(g), np.zeros_like(states[0])
    for t in reversed(range(len(x))):
        da[t] = (g[t] + dh) * (1 - states[t + 1] ** 2)
        dh = da[t] @ w_hh
    dw_ih = np.einsum("tnh,tnd->hd", da, x)
    dw_hh = np.einsum("tnh,tnk->hk", da, states[:-1])
    return da @ w_ih, dh, dw_ih, dw_hh, da.sum(axis=(0, 1))


def gradient_norms(g: Any, states: Any, w_hh: Any) -> Any:
    """The norm of the last state's gradient after 0, 1, 2 ... T steps back through time.

    Shapes: g (N, H), states (T + 1, N, H), w_hh (H, H) -> (T + 1,), the last state's own first.
    """
    norms = [np.linalg.norm(g)]
    for h in states[:0:-1]:
        g = (g * (1 - h * h)) @ w_hh
        norms.append(np.linalg.norm(g))
    return np.array(norms)


def clip_grad_norm(grads: Sequence[Any], max_norm: float) -> tuple[list[Any], Any]:
    """The gradients, scaled down together to ``max_norm`` where their common norm is larger; and that norm.

    Shapes: a list of arrays of any shape -> a list of the same, a number.
    """
    norm = np.sqrt(sum(np.sum(g * g) for g in grads))
    scale = max_norm / norm if norm > max_norm else 1.0
    return [scale * g for g in grads], norm


def truncated_bptt(
    g: Any, x: Any, states: Any, w_ih: Any, w_hh: Any, steps: int
) -> tuple[Any, Any, Any]:
    """Truncated backpropagation through time: no gradient leaves a chunk of ``steps`` time steps for the chunk before it.

    Shapes: g (T, N, H), x (T, N, D), states (T + 1, N, H), w_ih (H, D), w_hh (H, H)
    -> dw_ih (H, D), dw_hh (H, H), db (H,).
    """
    pieces = []
    for start in range(0, len(x), steps):
        end = start + steps
        piece = g[start:end], x[start:end], states[start : end + 1]
        pieces.append(rnn_backward(*piece, w_ih, w_hh)[2:])
    dw_ih, dw_hh, db = (sum(found) for found in zip(*pieces, strict=True))
    return dw_ih, dw_hh, db


def masked_cross_entropy(scores: Any, t: Any, ignore_index: int = 0) -> tuple[Any, Any]:
    """The mean cross-entropy where the class is not ``ignore_index``, and its gradient, 0 elsewhere.

    Shapes: scores (T, N, K), classes t (T, N) -> a number, (T, N, K).
    """
    real = t != ignore_index
    gradient = np.zeros_like(scores)
    gradient[real] = cross_entropy_gradient(scores[real], t[real])
    return cross_entropy(scores[real], t[real]), gradient


def next_token_loss(params: Sequence[Any], tokens: Any) -> tuple[Any, list[Any]]:
    """The mean cross-entropy of each next token, and the gradients: an RNN that starts from 0 reads all but the last.

    Shapes: params [w_ih (H, K), w_hh (H, H), b (H,), w (K, H), c (K,)], tokens (T + 1, N), 0 after the end
    -> a number, a list like params.
    """
    w_ih, w_hh, b, w, c = params
    x = np.eye(len(c))[tokens[:-1]]
    states = rnn_forward(x, np.zeros((x.shape[1], len(b))), w_ih, w_hh, b)
    h = states[1:]
    loss, g = masked_cross_entropy(h @ w.T + c, tokens[1:])
    _, _, dw_ih, dw_hh, db = rnn_backward(g @ w, x, states, w_ih, w_hh)
    dw = np.einsum("tnk,tnh->kh", g, h)
    return loss, [dw_ih, dw_hh, db, dw, g.sum(axis=(0, 1))]
