"""Scaled dot-product attention, masks, multi-head attention and rotary position embeddings, by hand on arrays.

The library's own, ``dlcore.attention``, runs on the tape, with dropout, a KV cache, and scores that are never kept all at once.

Papers: Bahdanau, Cho and Bengio (2015), Neural machine translation by jointly learning to align and translate; Vaswani
et al. (2017), Attention is all you need; Su et al. (2021), RoFormer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlcore.scratch.rnn import masked_cross_entropy


def soft_lookup(query: Any, keys: Any, values: Any) -> tuple[Any, Any]:
    """A weighted mean of the values, with weights from the dot products of query and keys:  softmax(keys query) values.

    Shapes: query (E,), keys (S, E), values (S, V) -> (V,), weights (S,).
    """
    scores = keys @ query
    e = np.exp(scores - scores.max())
    weights = e / e.sum()
    return weights @ values, weights


def attention(q: Any, k: Any, v: Any, mask: Any = None) -> tuple[Any, Any]:
    """Scaled dot-product attention:  softmax(q k^T / sqrt(E)) v,  over the keys that ``mask`` allows.

    A query without any allowed key gets zeros.
    Shapes: q (..., L, E), k (..., S, E), v (..., S, V), mask boolean, broadcast to (..., L, S), True: allowed
    -> (..., L, V), weights (..., L, S).
    """
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis=-1, keepdims=True)
    weights = e / np.where(total == 0, 1, total)
    return weights @ v, weights


def attention_mask(lengths: Any, size: int, causal: bool = False) -> Any:
    """Padding mask and, if ``causal``, causal mask: which of ``size`` positions may attend to which.

    Shapes: lengths (N,) -> boolean (N, size, size), [n, i, j] says whether i may attend to j.
    """
    j = np.arange(size)
    real = j < np.asarray(lengths)[:, None, None]
    return real & (j <= j[:, None]) if causal else np.repeat(real, size, axis=1)


def dependency_matrix(f: Callable[[Any], Any], x: Any) -> Any:
    """Which output positions depend on which input positions, found by changing one input after the other.

    Shapes: f takes (T, D) to (T, M), x (T, D) -> boolean (T, T), [t, s] says whether output t changes with input s.
    """
    rng, before = np.random.default_rng(0), f(x)
    moved = np.zeros((len(x), len(x)), dtype=bool)
    for s in range(len(x)):
        other = np.array(x, dtype=float)
        other[s] += rng.standard_normal(other[s].shape)
        moved[:, s] = np.any(f(other) != before, axis=1)
    return moved


def attention_backward(g: Any, q: Any, k: Any, v: Any, weights: Any) -> tuple[Any, Any, Any]:
    """The backward pass of ``attention``:  dscores = weights (g v^T - its weighted mean).

    Shapes: g (..., L, V), q (..., L, E), k (..., S, E), v (..., S, V), weights (..., L, S)
    -> dq (..., L, E), dk (..., S, E), dv (..., S, V).
    """
    fits = g @ np.swapaxes(v, -1, -2)
    ds = weights * (fits - (weights * fits).sum(axis=-1, keepdims=True))
    ds = ds / np.sqrt(q.shape[-1])
    return ds @ k, np.swapaxes(ds, -1, -2) @ q, np.swapaxes(weights, -1, -2) @ g


def multi_head_attention(x: Any, w_q: Any, w_k: Any, w_v: Any, w_o: Any, mask: Any = None) -> Any:
    """Multi-head self-attention: heads with projections of their own, whose outputs are projected and added.

    Shapes: x (N, T, D), w_q, w_k, w_v (H, D, E), w_o (H, E, M), mask boolean (N, T, T) -> (N, T, M).
    """
    q, k, v = (np.einsum("ntd,hde->nhte", x, w) for w in (w_q, w_k, w_v))
    y, _ = attention(q, k, v, None if mask is None else mask[:, None])
    return np.einsum("nhte,hem->ntm", y, w_o)


def rotary_embedding(x: Any, positions: Any, base: float = 10000.0) -> Any:
    """Rotary position embedding: rotates each pair of features (i, i + E/2) by position times base^(-2i/E).

    Shapes: x (..., T, E), positions (T,) -> (..., T, E).
    """
    half = x.shape[-1] // 2
    angles = np.asarray(positions)[:, None] / base ** (np.arange(half) / half)
    cos, sin = np.cos(angles), np.sin(angles)
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


def next_token_loss(
    params: Sequence[Any], tokens: Any, targets: Any, places: Any
) -> tuple[Any, list[Any]]:
    """The mean cross-entropy of the targets under causal multi-head attention, and the gradients.

    A target of 0 does not count.
    Shapes: params [table (K, D), w_q, w_k, w_v (H, D, E), w_o (H, E, K)], tokens, targets (N, T), places (T, D)
    -> a number, a list like params.
    """
    table, w_q, w_k, w_v, w_o = params
    x = table[tokens] + places
    q, k, v = (np.einsum("ntd,hde->nhte", x, w) for w in (w_q, w_k, w_v))
    y, weights = attention(q, k, v, np.tri(len(places), dtype=bool))
    loss, g = masked_cross_entropy(np.einsum("nhte,hek->ntk", y, w_o), targets)
    back = attention_backward(np.einsum("ntk,hek->nhte", g, w_o), q, k, v, weights)
    dx = sum(np.einsum("nhte,hde->ntd", d, w) for d, w in zip(back, (w_q, w_k, w_v), strict=True))
    dtable = np.zeros_like(table)
    np.add.at(dtable, tokens, dx)
    inner = [np.einsum("ntd,nhte->hde", x, d) for d in back]
    return loss, [dtable, *inner, np.einsum("nhte,ntk->hek", y, g)]
