"""Where in a sequence a token stands: attention alone would not know.

Waves are added to embeddings; rotations are applied to queries and keys.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.dtypes import number, size
from dlcore.errors import ShapeError
from dlcore.operands import floats
from dlcore.tensor import Tensor


def sinusoidal_positions(length: int, dim: int, like: Any = None) -> Any:
    """Sinusoidal positional encoding:  -> (length, dim) array.

    Column 2i is sin(t / 10000^(2i / dim)), column 2i + 1 the cosine.  Raises ValueError for odd dim.
    Paper: Vaswani et al. (2017), Attention is all you need, section 3.5.
    """
    if dim % 2:
        raise ValueError(f"sinusoidal_positions: dim must be even, not {dim}")
    angles = np.arange(length)[:, None] / 10000 ** (np.arange(0, dim, 2) / dim)
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(length, dim)
    return (
        waves.astype(np.float32)
        if like is None
        else np.asarray(waves, like=like).astype(like.dtype)
    )


def rotary_forward(x: Any, start: int = 0, base: float = 10000.0) -> tuple[Any, Any]:
    """x (..., T, E) -> y (..., T, E), cache.  Pairs of features (i, i + E/2) turn by t base^(-2i/E)."""
    t, e = x.shape[-2:]
    angles = np.arange(start, start + t)[:, None] / base ** (np.arange(0, e, 2) / e)
    cos, sin = (np.asarray(f(angles), like=x).astype(x.dtype) for f in (np.cos, np.sin))
    return _turn(x, cos, sin), (cos, sin)


def rotary_backward(g: Any, cache: Any) -> Any:
    """g (..., T, E) -> dx (..., T, E): turn back."""
    cos, sin = cache
    return _turn(g, cos, -sin)


def _turn(x: Any, cos: Any, sin: Any) -> Any:
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def rotary_embedding(input: Any, start: int = 0, base: float = 10000.0) -> Tensor:
    """Rotary position embedding: rotate queries and keys by position, so that their dot product depends on the distance only.

    ``start`` is the position of the first row (a KV cache's length).
    Shapes: input (..., T, E) -> same.  Raises ShapeError for odd E.
    Paper: Su et al. (2021), RoFormer: enhanced transformer with rotary position embedding, equation 15.
    """
    x = floats("rotary_embedding", input)
    start = size("rotary_embedding", "start", start)
    if x.ndim < 2 or x.shape[-1] % 2:
        raise ShapeError("rotary_embedding", "x must be (..., T, E) with even E", x=x.shape)
    y, cache = rotary_forward(x, start, number("rotary_embedding", "base", base))
    return Tensor.from_op(y, (input,), lambda g: (rotary_backward(g, cache),))
