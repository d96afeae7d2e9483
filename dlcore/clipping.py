"""Gradient clipping: a step that would be too long is made shorter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from dlcore.dtypes import number, wide
from dlcore.operands import as_tensor
from dlcore.tensor import Tensor


def listed(op: str, params: Any) -> list[Any]:
    """Parameters as a list.  Raises TypeError for what is none."""
    if isinstance(params, Tensor) or not isinstance(params, Iterable):
        what = "one tensor" if isinstance(params, Tensor) else f"a {type(params).__name__}"
        raise TypeError(
            f"{op}: a list of parameters is needed, not {what}\n"
            "  write model.parameters(), or [tensor]"
        )
    return list(params)


def _gradients(op: str, parameters: Any) -> list[Tensor]:
    found = []
    for p in listed(op, parameters):
        if p.grad is not None:
            p.grad = as_tensor(op, p.grad)
            found.append(p.grad)
    return found


def clip_grad_norm_(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Scale all gradients together so that their common length is at most ``max_norm``.

    Returns the length before.  Direction stays, so this is a shorter step and not another one.
    Paper: Pascanu, Mikolov and Bengio (2013), On the difficulty of training recurrent neural
    networks, algorithm 1.
    """
    gradients = _gradients("clip_grad_norm_", parameters)
    norm = math.sqrt(sum(_square(g.data) for g in gradients))
    factor = number("clip_grad_norm_", "max_norm", max_norm) / (norm + 1e-6)
    if factor < 1:
        for g in gradients:
            g.data = g.data * g.dtype.type(factor)
    return norm


def _square(g: Any) -> float:
    """The squared length; float16 would overflow at 65,504."""
    g = wide(g.reshape(-1))
    return float(g @ g)


def clip_grad_value_(parameters: Iterable[Tensor], clip_value: float) -> None:
    """Push every gradient entry into [-clip_value, clip_value].  This may turn the direction."""
    for g in _gradients("clip_grad_value_", parameters):
        g.data = np.clip(g.data, -clip_value, clip_value)
