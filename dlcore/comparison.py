"""What all losses share: an input beside its target, and the mean, the sum or none of what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.dtypes import wide
from dlcore.errors import ShapeError
from dlcore.operands import floats
from dlcore.tensor import Tensor

Backward = Callable[[Any], tuple[Any, ...]]


def reduced(
    op: str,
    loss: Any,
    reduction: str,
    parents: tuple[Any, ...],
    backward: Backward,
    count: Any = None,
) -> Tensor:
    """Finish a loss: ``backward`` takes the gradient of each entry of ``loss``."""
    input = parents[0].data if isinstance(parents[0], Tensor) else parents[0]
    shown = np.float16 if getattr(input, "dtype", None) == np.float16 else loss.dtype
    if reduction == "none":
        return Tensor.from_op(loss.astype(shown, copy=False), parents, backward)
    if reduction == "sum":
        return Tensor.from_op(loss.sum().astype(shown), parents, backward)
    if reduction == "mean":
        n = loss.size if count is None else count
        with np.errstate(invalid="ignore", divide="ignore"):  # of nothing: NaN, as in PyTorch
            return Tensor.from_op(
                (loss.sum() / n).astype(shown), parents, lambda g: backward(g / n if n else 0 * g)
            )
    raise ValueError(f'{op}: reduction is {reduction!r}; choose "mean", "sum" or "none"')


def same_shape(op: str, x: Any, t: Any) -> None:
    """Raise a ShapeError unless they are of one shape."""
    if x.shape != t.shape:
        mend = "one of them has an extra dimension of 1; drop it with .squeeze() or x[:, 0]"
        mend = mend if x.size == t.size else ""
        rule = "input and target must have one shape"
        raise ShapeError(op, rule, mend, input=x.shape, target=t.shape)


def pair(op: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Input and target, of one shape, in the dtype of the input (float16 as float32)."""
    x = wide(floats(op, input))
    t = floats(op, target, x)
    same_shape(op, x, t)
    return x, t
