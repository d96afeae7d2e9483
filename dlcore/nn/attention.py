"""Multi-head attention and positions as modules; the mathematics is in ``attention``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlcore import init
from dlcore.activations import softmax
from dlcore.attention import (
    KVCache,
    check_operands,
    join_heads,
    make_mask,
    mask_array,
    scaled_dot_product_attention,
    self_attention,
    split_heads,
)
from dlcore.backend.device import to_device
from dlcore.dropout import dropout
from dlcore.dtypes import size
from dlcore.nn.linear import Embedding, Linear, weights
from dlcore.nn.module import Buffer, Module, Parameter
from dlcore.operands import as_tensor
from dlcore.ops import linear
from dlcore.positions import rotary_embedding, sinusoidal_positions
from dlcore.rng import generator
from dlcore.tensor import Tensor


class MultiheadAttention(Module):
    """Several attentions side by side, between two projections.

    As in PyTorch, a boolean mask here says where one may *not* look (in
    ``scaled_dot_product_attention`` it says where one may). Two additions: ``rotary=True`` turns
    queries and keys by their position, and ``forward(..., cache=KVCache())`` remembers what it read.

    Shapes: query (L, N, E), key and value (S, N, E), or (N, L, E) and (N, S, E) if batch_first;
    attn_mask (L, S) or (N heads, L, S); key_padding_mask (N, S)
    -> output like query, weights (N, L, S) or None.
    Paper: Vaswani et al. (2017), Attention is all you need, section 3.2.2.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = False,
        rotary: bool = False,
        rng: init.Rng = None,
    ) -> None:
        embed_dim = size("MultiheadAttention", "embed_dim", embed_dim)
        num_heads = size("MultiheadAttention", "num_heads", num_heads, 1)
        if embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: {num_heads} heads must divide {embed_dim}")
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        self.bias, self.batch_first, self.rotary = bias, batch_first, rotary
        rng = generator(rng)
        bound = math.sqrt(6 / (4 * embed_dim))  # Xavier's, for the three stacked projections
        self.in_proj_weight = weights((3 * embed_dim, embed_dim), rng, bound)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, np.float32)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, rng)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
        cache: KVCache | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        same = query is key is value
        query, key, value = (as_tensor("MultiheadAttention", x) for x in (query, key, value))
        if not self.batch_first:
            query, key, value = (x.swapaxes(0, 1) for x in (query, key, value))
        mask = self._mask(attn_mask, key_padding_mask, query, key)
        p = self.dropout if self.training else 0.0
        shares = None
        if same and not (need_weights or cache or self.rotary):
            qkv = linear(query, self.in_proj_weight, self.in_proj_bias)
            y = self_attention(qkv, self.num_heads, mask, p, is_causal)
        else:
            q, k, v = self._project(query, key, value)
            start = cache.length if cache is not None else 0
            if self.rotary:
                q, k = rotary_embedding(q, start), rotary_embedding(k, start)
            if cache is not None:
                k, v = cache.append(k, v)
                is_causal = is_causal and q.shape[2] > 1  # the last row may look at everything
                if is_causal and start:
                    raise ValueError("MultiheadAttention: after the first call, feed one token")
            if need_weights:
                y, shares = _explicit(q, k, v, mask, is_causal, p)
                shares = shares.mean(1) if average_attn_weights else shares
            else:
                y = scaled_dot_product_attention(q, k, v, mask, p, is_causal)
            y = join_heads(y)
        y = self.out_proj(y)
        return (y if self.batch_first else y.swapaxes(0, 1)), shares

    def _project(self, *inputs: Tensor) -> list[Tensor]:
        """Queries, keys and values, split into heads: three of (N, heads, T, E / heads)."""
        e, projected = self.embed_dim, []
        for i, x in enumerate(inputs):
            rows = slice(i * e, (i + 1) * e)
            bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
            projected.append(
                split_heads(linear(x, self.in_proj_weight[rows], bias), self.num_heads)
            )
        return projected

    def _mask(self, attn_mask: Any, padding: Any, q: Tensor, k: Tensor) -> Any:
        """Both masks in one, additive, (N or 1, heads or 1, L or 1, S)."""
        total = None
        if attn_mask is not None:
            total = _forbidden(to_device(mask_array(attn_mask), q.data), q.dtype)
            if total.ndim == 3:
                total = total.reshape(-1, self.num_heads, *total.shape[1:])
        if padding is not None:
            hidden = _forbidden(to_device(mask_array(padding), q.data), q.dtype)[:, None, None, :]
            total = hidden if total is None else total + hidden
        return total


def _forbidden(mask: Any, dtype: Any) -> Any:
    return np.where(mask, dtype.type(-np.inf), dtype.type(0)) if mask.dtype == bool else mask


def _explicit(
    q: Tensor, k: Tensor, v: Tensor, mask: Any, is_causal: bool, p: float
) -> tuple[Tensor, Tensor]:
    """Attention with its weights (N, heads, L, S) as a result."""
    check_operands(q.data, k.data, v.data)
    scores = (q * (1 / math.sqrt(q.shape[-1]))) @ k.swapaxes(2, 3)
    added = make_mask(mask, is_causal, scores.shape, scores.data)
    if added is None:
        shares = softmax(scores)
    else:
        nowhere = (added == -np.inf).all(axis=-1, keepdims=True)  # such a query gets zeros
        shares = softmax(scores + Tensor(np.where(nowhere, 0, added))) * Tensor(~nowhere)
    return dropout(shares, p) @ v, shares


class SinusoidalPositions(Module):
    """Add each position's chord of waves.  Shapes: (..., T, dim) -> same."""

    def __init__(self, max_len: int, dim: int) -> None:
        self.max_len, self.dim = max_len, dim
        self.table = Buffer(sinusoidal_positions(max_len, dim))

    def forward(self, input: Tensor, start: int = 0) -> Tensor:
        input = as_tensor("SinusoidalPositions", input)
        _fits(self, input, start)
        return input + Tensor(self.table.data[start : start + input.shape[-2]])


class LearnedPositions(Embedding):
    """Add a learned vector for each position.  Shapes: (..., T, dim) -> same.

    Paper: Gehring et al. (2017), Convolutional sequence to sequence learning, section 3.1.
    """

    def __init__(self, max_len: int, dim: int, rng: init.Rng = None) -> None:
        super().__init__(max_len, dim, rng=rng)
        self.max_len, self.dim = max_len, dim
        init.normal_(self.weight, 0.0, 0.02, generator(rng))

    def forward(self, input: Tensor, start: int = 0) -> Tensor:
        input = as_tensor("LearnedPositions", input)
        _fits(self, input, start)
        return input + self.weight[start : start + input.shape[-2]]


def _fits(module: Any, input: Tensor, start: int) -> None:
    if start + input.shape[-2] > module.max_len:
        raise ValueError(
            f"{type(module).__name__}: {start + input.shape[-2]} positions, but max_len is"
            f" {module.max_len}\n  cut the sequence or build with a larger max_len"
        )
