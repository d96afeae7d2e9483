"""Embeddings: a learned vector for each token, looked up by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.backend.sums import sums_by_number
from dlcore.dtypes import size
from dlcore.errors import ShapeError
from dlcore.operands import as_tensor, beside, floats
from dlcore.tensor import Tensor


def embedding_forward(ids: Any, w: Any) -> Any:
    """ids (...) integers, w (V, D) -> y (..., D)."""
    return w[ids]


def embedding_backward(g: Any, ids: Any, w: Any) -> Any:
    """g (..., D) -> dw (V, D): each row is the sum over the places where its token stood."""
    return sums_by_number(g.reshape(ids.size, w.shape[1]), ids.reshape(-1), w)


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """Row ``input[...]`` of a table:  y = weight[input].

    A matrix product with one-hot vectors, without the multiplications. The row ``padding_idx``
    gets no gradient.
    Shapes: input (...) integers, weight (V, D) -> (..., D).
    Raises ShapeError unless weight is a matrix, IndexError for a number outside 0..V-1.
    Paper: Bengio et al. (2003), A neural probabilistic language model, section 2.
    """
    w = floats("embedding", weight)
    ids = beside("embedding", as_tensor("embedding", input).data, w)
    if w.ndim != 2:
        raise ShapeError("embedding", "weight must be (V, D), one row a token", weight=w.shape)
    _check_range("embedding", ids, len(w))

    def vjp(g: Any) -> tuple[None, Any]:
        dw = embedding_backward(g, ids, w)
        if padding_idx is not None:
            dw[padding_idx] = 0
        return None, dw

    return Tensor.from_op(embedding_forward(ids, w), (None, weight), vjp, True)


def one_hot(input: Any, num_classes: int = -1) -> Tensor:
    """A 1 at each number's place, 0 elsewhere.  Shapes: (...) integers -> (..., K) integers.

    K is ``num_classes``, or one more than the largest number if -1.
    Raises IndexError for a number outside 0..K-1.
    """
    ids, k = as_tensor("one_hot", input).data, size("one_hot", "num_classes", num_classes, -1)
    if k == -1:
        if not ids.size:
            raise ValueError("one_hot: of no numbers there is no largest; give num_classes")
        k = int(ids.max()) + 1
    _check_range("one_hot", ids, k)
    return Tensor(np.equal(ids[..., None], np.arange(k, like=ids)).astype(ids.dtype))


def _check_range(op: str, ids: Any, size: int) -> None:
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{op}: integers are needed, not {ids.dtype}")
    if ids.size and not (ids.min() >= 0 and ids.max() < size):
        wrong = int(ids.min()) if ids.min() < 0 else int(ids.max())
        raise IndexError(f"{op}: there is no row {wrong}; the numbers must be in 0..{size - 1}")
