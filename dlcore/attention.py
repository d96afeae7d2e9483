"""Scaled dot-product attention: each query takes an average of the values, weighted by how well their keys match it.

Scores of S queries against S keys make an S x S matrix for each head, by far the largest array of
a transformer. Three things keep that in bounds (the second and third are from Dao et al., 2022,
FlashAttention, section 3.1):

- **Some examples at a time**, or of long sequences some queries of one head (``_in_parts``), so that the
  scores are still in the cache when the softmax and the second product want them.
- **Weights are computed again** in the backward pass where keeping them would take too much memory.
- **Rows are divided where they are short.** y = (e v) / sum(e) divides E numbers a query instead of
  S; in the backward pass g is divided, and sum_s(dp p) is the same as sum_v(g y).

Legend: q (B, H, L, E), k (B, H, S, E), v (B, H, S, V), e = exp(scores - max) (B, H, L, S); the heads
of q, k and v may be views into one array: a matrix product needs only its last axis in one piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.activations import in_range
from dlcore.backend.arrays import empty_like, ones_like
from dlcore.backend.blocks import in_blocks
from dlcore.backend.device import to_device
from dlcore.dtypes import as_array, number, size, wide
from dlcore.errors import ShapeError
from dlcore.operands import array, as_tensor, floats
from dlcore.ops import unbroadcast
from dlcore.rng import generator
from dlcore.tensor import Tensor

SCORES = 1 << 18  # entries of scores in one block: 1 MB of float32
KEEP = 1 << 22  # up to so many entries in all (16 MB) are kept for the backward pass


def _exponentials(q: Any, k: Any, mask: Any, scale: float) -> tuple[Any, Any]:
    """e = exp(scale q k^T + mask) (b, H, L, S) and its sums over S (b, H, L, 1).

    If a sum leaves the range of numbers, all rows are done again, less their maximum. Where
    everything is masked, e is 0.
    """
    ones = ones_like(k, shape=(k.shape[2],))
    for careful in (False, True):
        e = (q * scale) @ k.swapaxes(2, 3)
        if mask is not None:
            e += mask
        if careful:
            top = e.max(axis=3, keepdims=True) if e.size else e[..., :1]
            e -= np.maximum(top, np.finfo(e.dtype).min)  # finite, even where all are -inf
        with np.errstate(over="ignore"):
            np.exp(e, out=e)
        total = (e @ ones)[..., None]
        if in_range(total, 1e20):
            break
    return e, total


At = tuple[slice, slice]  # some examples, some heads


def _in_parts(act: Callable[[At, list[slice]], None], q: Any, keys: int) -> None:
    """Call ``act(at, blocks)`` for all scores: of whole examples where these fit into the cache, else of one
    head, with ``blocks`` of queries that do."""
    b, heads, length, _ = q.shape
    one = length * keys
    if heads * one <= SCORES or not isinstance(q, np.ndarray):
        whole = [slice(None)]
        in_blocks(lambda n: act((n, slice(None)), whole), q, heads * one, SCORES, SCORES)
        return
    step = max(1, SCORES // keys)
    blocks = [slice(i, i + step) for i in range(0, length, step)]

    def some(part: slice) -> None:
        for i in range(part.start, part.stop):
            n, h = divmod(i, heads)
            act((slice(n, n + 1), slice(h, h + 1)), blocks)

    in_blocks(some, empty_like(q, shape=(b * heads, 0)), one, SCORES, SCORES)


def attention_forward(
    q: Any, k: Any, v: Any, mask: Any, scale: float, keep: Any = None
) -> tuple[Any, Any]:
    """q (B, H, L, E), k (B, H, S, E), v (B, H, S, V), mask (B or 1, H or 1, L, S) -> y (B, H, L, V), cache.

    ``keep`` (B, H, L, S) is dropout's: 0 or 1 / (1 - p). y lies in memory as (B, L, H, V), so that
    joining the heads costs nothing.
    """
    b, heads, length, _ = q.shape
    y = empty_like(v, shape=(b, length, heads, v.shape[3])).swapaxes(1, 2)
    inverse = empty_like(q, shape=(b, heads, length, 1))
    kept: dict[Any, Any] | None = {} if inverse.size * k.shape[2] <= KEEP else None

    def act(at: At, blocks: list[slice]) -> None:
        for rows in blocks:
            part = *at, rows
            e, total = _exponentials(q[part], k[at], _cut(mask, part), scale)
            if mask is not None or not k.shape[2]:
                total += total == 0  # a query that may look nowhere gets 0, not 0 / 0
            np.divide(1, total, out=inverse[part])
            used = e if keep is None else e * keep[part]
            np.multiply(used @ v[at], inverse[part], out=y[part])
            if kept is not None:
                kept[_name(part)] = e

    _in_parts(act, q, k.shape[2])
    return y, (q, k, v, mask, scale, keep, y, inverse, kept)


def attention_backward(g: Any, cache: Any, out: Any = None, need_mask: bool = False) -> Any:
    """g (B, H, L, V) -> dq, dk, dv like q, k, v (written into ``out`` if given), dmask or None.

    With p = e / sum(e): dv = p^T g, dp = g v^T, dscores = p (dp - sum_v g y), then q and k. With
    g / sum(e) in place of g, e stands for p. A last column joins the subtraction to the product.
    """
    q, k, v, mask, scale, keep, y, inverse, kept = cache
    dq, dk, dv = out or (empty_like(x) for x in (q, k, v))
    dmask = empty_like(q, shape=(*q.shape[:3], k.shape[2])) if need_mask else None
    ones = ones_like(v, shape=(v.shape[3],))

    def act(at: At, blocks: list[slice]) -> None:
        wide = np.concatenate([v[at], ones_like(v[at][..., :1])], axis=3).swapaxes(2, 3)
        for rows in blocks:
            part = *at, rows
            if kept is None:
                e, _ = _exponentials(q[part], k[at], _cut(mask, part), scale)
            else:
                e = kept[_name(part)]
            share = g[part] * inverse[part]
            along = ((share * y[part]) @ ones)[..., None]
            add = rows is not blocks[0]
            if keep is None:
                _product(e.swapaxes(2, 3), share, dv[at], add)
                dp = np.concatenate([share, -along], axis=3) @ wide
            else:
                _product((e * keep[part]).swapaxes(2, 3), share, dv[at], add)
                dp = share @ v[at].swapaxes(2, 3)
                dp *= keep[part]
                dp -= along
            dp *= e
            if dmask is not None:
                dmask[part] = dp
            np.multiply(dp @ k[at], scale, out=dq[part])
            _product(dp.swapaxes(2, 3), q[part] * scale, dk[at], add)

    _in_parts(act, q, k.shape[2])
    return dq, dk, dv, dmask


def _product(a: Any, b: Any, out: Any, add: bool) -> None:
    """out = a @ b, or out + a @ b."""
    if add:
        out += a @ b
    else:
        np.matmul(a, b, out=out)


def _name(part: tuple[slice, ...]) -> tuple[int | None, ...]:
    return tuple(s.start for s in part)


def _cut(mask: Any, part: tuple[slice, slice, slice]) -> Any:
    """The mask (B or 1, H or 1, L, S) of some examples, heads and queries."""
    if mask is None:
        return None
    at = tuple(slice(None) if n == 1 else s for n, s in zip(mask.shape, part[:2], strict=False))
    return mask[(*at, part[2])]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Average the values, weighted by how well their keys match the query:  softmax(q k^T / sqrt(E) + mask) v.

    ``attn_mask`` is boolean (True: may look) or added to the scores; ``is_causal`` lets position
    i look at positions up to i only. A query that may look nowhere gets zeros. ``scale`` replaces
    1 / sqrt(E), which keeps the scores of random vectors at variance 1.
    Shapes: query (..., L, E), key (..., S, E), value (..., S, V), attn_mask broadcasts to
    (..., L, S) -> (..., L, V).  Raises ShapeError.
    Paper: Vaswani et al. (2017), Attention is all you need, equation 1.
    """
    op = "scaled_dot_product_attention"
    given = floats(op, query)
    q, k, v = (wide(floats(op, x, given)) for x in (query, key, value))
    check_operands(q, k, v)
    full = (*q.shape[:-1], k.shape[-2])
    mask = make_mask(attn_mask, is_causal, full, q)
    dropout_p = _probability(op, dropout_p)
    scale = 1 / math.sqrt(max(1, q.shape[-1])) if scale is None else number(op, "scale", scale)
    four = [_four(x) for x in (q, k, v)]
    keep = _keep(dropout_p, (*four[0].shape[:3], k.shape[-2]), q, rng)
    y, cache = attention_forward(four[0], four[1], four[2], mask, scale, keep)
    need_mask = isinstance(attn_mask, Tensor) and attn_mask.requires_grad

    def vjp(g: Any) -> tuple[Any, Any, Any, Any]:
        g = _four(g).astype(q.dtype, copy=False)
        dq, dk, dv, dmask = attention_backward(g, cache, None, need_mask)
        dmask = unbroadcast(dmask.reshape(full), array(attn_mask)) if need_mask else None
        return dq.reshape(q.shape), dk.reshape(k.shape), dv.reshape(v.shape), dmask

    y = y.reshape(*full[:-1], v.shape[-1]).astype(given.dtype, copy=False)
    return Tensor.from_op(y, (query, key, value, attn_mask), vjp, True, True)


def self_attention(
    qkv: Any,
    num_heads: int,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """All heads of self-attention, from queries, keys and values that lie side by side.

    The same as cutting ``qkv`` in three, splitting the heads, attending and joining them, as one
    node: nothing is copied, and the three gradients are written into one array.
    Shapes: qkv (N, T, 3 D), attn_mask broadcasts to (N, num_heads, T, T) -> (N, T, D).
    Raises ShapeError unless ``num_heads`` divides D.
    Paper: Vaswani et al. (2017), Attention is all you need, section 3.2.2.
    """
    given = floats("self_attention", qkv)
    x, num_heads = wide(given), size("self_attention", "num_heads", num_heads, 1)
    dropout_p = _probability("self_attention", dropout_p)
    if x.ndim != 3 or x.shape[2] % (3 * num_heads):
        rule = f"qkv must be (N, T, 3 D), with {num_heads} heads dividing D"
        raise ShapeError("self_attention", rule, qkv=x.shape)
    n, t, width = x.shape
    heads = lambda a: np.moveaxis(a.reshape(n, t, 3, num_heads, width // 3 // num_heads), 2, 0)
    q, k, v = (part.swapaxes(1, 2) for part in heads(x))
    mask = make_mask(attn_mask, is_causal, (n, num_heads, t, t), x)
    keep = _keep(dropout_p, (n, num_heads, t, t), x, rng)
    y, cache = attention_forward(q, k, v, mask, 1 / math.sqrt(q.shape[3]), keep)

    def vjp(g: Any) -> tuple[Any]:
        dx, g = empty_like(x), g.astype(x.dtype, copy=False)
        out = tuple(part.swapaxes(1, 2) for part in heads(dx))
        attention_backward(
            g.reshape(n, t, num_heads, width // 3 // num_heads).swapaxes(1, 2), cache, out
        )
        return (dx,)

    y = y.swapaxes(1, 2).reshape(n, t, width // 3).astype(given.dtype, copy=False)
    return Tensor.from_op(y, (qkv,), vjp, True, True)


def make_mask(attn_mask: Any, is_causal: bool, full: tuple[int, ...], like: Any) -> Any:
    """One additive mask of four dimensions, or None: 0 where attention is allowed, -inf elsewhere."""
    mask = (
        None if attn_mask is None else _additive(to_device(mask_array(attn_mask), like), like.dtype)
    )
    if mask is not None:
        try:
            mask = np.broadcast_to(mask, full)
        except ValueError:
            raise ShapeError(
                "scaled_dot_product_attention",
                f"attn_mask must broadcast to {full}",
                mask=mask.shape,
            ) from None
        mask = _four(mask)
    if is_causal:
        past = np.tril(ones_like(like, shape=(1, 1, *full[-2:]))) > 0
        mask = _additive(past, like.dtype) + (0 if mask is None else mask)
    return mask


def mask_array(mask: Any) -> Any:
    """A mask's array: of booleans, or of numbers to add.  Raises TypeError for integers, which could mean either."""
    found = mask.data if isinstance(mask, Tensor) else as_array("attn_mask", mask)
    if found.dtype.kind in "iu":
        raise TypeError(
            f"attn_mask: booleans or numbers to add are needed, not {found.dtype}\n"
            "  for 0 and 1 write mask.astype(bool)"
        )
    return found


def _probability(op: str, p: Any) -> float:
    p = number(op, "dropout_p", p)
    if not 0 <= p < 1:
        raise ValueError(
            f"{op}: dropout_p is the probability of dropping, from 0 to below 1, not {p}"
        )
    return p


def _keep(p: float, shape: tuple[int, ...], like: Any, rng: Any) -> Any:
    if not p:
        return None
    drawn = generator(rng).random(shape, dtype=np.float32) >= p
    return np.asarray(drawn, like=like).astype(like.dtype) * (1 / (1 - p))


def _four(x: Any) -> Any:
    """(..., L, E) as (B, H, L, E)."""
    return x if x.ndim == 4 else x.reshape(math.prod(x.shape[:-2]), 1, *x.shape[-2:])


def _additive(mask: Any, dtype: Any) -> Any:
    """A boolean mask as numbers to add: 0 where it is True, minus infinity elsewhere."""
    if mask.dtype != bool:
        return mask.astype(dtype, copy=False)
    return np.where(mask, dtype.type(0), dtype.type(-np.inf))


def check_operands(q: Any, k: Any, v: Any) -> None:
    """Raise a ShapeError unless queries, keys and values fit together."""
    op, shapes = "scaled_dot_product_attention", {"q": q.shape, "k": k.shape, "v": v.shape}
    if min(q.ndim, k.ndim, v.ndim) < 2 or not q.shape[:-2] == k.shape[:-2] == v.shape[:-2]:
        raise ShapeError(op, "q, k and v must have the same leading dimensions", **shapes)
    if q.shape[-1] != k.shape[-1]:
        raise ShapeError(op, "q and k must have the same last dimension", **shapes)
    if k.shape[-2] != v.shape[-2]:
        raise ShapeError(op, "there must be one value for each key", **shapes)


def split_heads(x: Any, heads: int) -> Tensor:
    """Give each head its part of the features:  (N, T, D) -> (N, heads, T, D / heads)."""
    x, heads = as_tensor("split_heads", x), size("split_heads", "heads", heads, 1)
    n, t, d = x.shape
    if d % heads:
        raise ShapeError("split_heads", f"{heads} heads must divide the {d} features", x=x.shape)
    return x.reshape((n, t, heads, d // heads)).swapaxes(1, 2)


def join_heads(x: Any) -> Tensor:
    """Put the heads side by side again:  (N, heads, T, E) -> (N, T, heads E)."""
    x = as_tensor("join_heads", x)
    n, heads, t, e = x.shape
    return x.swapaxes(1, 2).reshape((n, t, heads * e))


class KVCache:
    """The keys and values of what has been read, so that each new token costs one row, not all.

    Grows by doubling, so that n tokens are copied 2 n times in all and not n^2 / 2 times.
    """

    def __init__(self) -> None:
        self.length = 0
        self._store: tuple[Any, Any] | None = None

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add rows (N, heads, T, E); return all so far (N, heads, length, E).  No gradient."""
        if key.requires_grad or value.requires_grad:
            raise RuntimeError(
                "KVCache: what requires grad cannot be cached\n  generate inside no_grad()"
            )
        new = self.length + key.shape[2]
        self._store = self._room(key, value, new)
        for kept, rows in zip(self._store, (key.data, value.data), strict=True):
            kept[:, :, self.length : new] = rows
        self.length = new
        return self._all()

    def _all(self) -> tuple[Tensor, Tensor]:
        assert self._store is not None
        k, v = (Tensor(kept[:, :, : self.length]) for kept in self._store)
        return k, v

    def _room(self, key: Tensor, value: Tensor, needed: int) -> tuple[Any, Any]:
        if self._store is not None and self._store[0].shape[2] >= needed:
            return self._store
        grown = []
        for i, rows in enumerate((key.data, value.data)):
            n, h, _, e = rows.shape
            room = empty_like(rows, shape=(n, h, 2 * needed, e))
            if self._store is not None:
                room[:, :, : self.length] = self._store[i][:, :, : self.length]
            grown.append(room)
        return grown[0], grown[1]
