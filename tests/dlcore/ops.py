"""The one table of ops: every op with its PyTorch twin and a generator of cases.

The battery in test_ops.py and the benchmarks run over it; a new op is tested by being listed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import dlcore.functional as F
from dlcore import ops

Shapes = Callable[[np.random.Generator], list[tuple[int, ...]]]


@dataclass(frozen=True)
class Op:
    name: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    shapes: Shapes  # of the operands
    options: dict[str, Any] = field(default_factory=dict)
    away_from_zero: bool = False  # where a corner or a pole would spoil a difference quotient

    def draw(self, rng: np.random.Generator, dtype: type = np.float64) -> list[np.ndarray]:
        arrays = [rng.standard_normal(shape) for shape in self.shapes(rng)]
        if self.away_from_zero:
            arrays = [np.where(np.abs(a) < 0.2, a + np.copysign(0.3, a), a) for a in arrays]
        return [a.astype(dtype) for a in arrays]


def _any(rng: np.random.Generator) -> list[tuple[int, ...]]:
    return [tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4)))]


def _broadcasting(rng: np.random.Generator) -> list[tuple[int, ...]]:
    (full,) = _any(rng)
    other = tuple(1 if rng.random() < 0.4 else n for n in full)[int(rng.integers(0, len(full))) :]
    return [full, other] if rng.random() < 0.5 else [other, full]


def _linear(rng: np.random.Generator) -> list[tuple[int, ...]]:
    n, d, m = (int(k) for k in rng.integers(1, 5, 3))
    return [(n, d), (m, d), (m,)]


def _matmul(rng: np.random.Generator) -> list[tuple[int, ...]]:
    n, d, m = (int(k) for k in rng.integers(1, 5, 3))
    choices = [[(n, d), (d, m)], [(n, d), (d,)], [(d,), (d, m)], [(d,), (d,)]]
    return choices[int(rng.integers(4))]


OPS = [
    Op("add", ops.add, torch.add, _broadcasting),
    Op("sub", ops.sub, torch.sub, _broadcasting),
    Op("mul", ops.mul, torch.mul, _broadcasting),
    Op("div", ops.div, torch.div, _broadcasting, away_from_zero=True),
    Op("neg", ops.neg, torch.neg, _any),
    Op("matmul", ops.matmul, torch.matmul, _matmul),
    Op("sum", ops.sum, torch.sum, _any),
    Op("sum over an axis", ops.sum, torch.sum, _any, {"dim": -1}),
    Op("sum, kept", ops.sum, torch.sum, _any, {"dim": 0, "keepdim": True}),
    Op("mean", ops.mean, torch.mean, _any),
    Op("mean over an axis", ops.mean, torch.mean, _any, {"dim": 0}),
    Op("linear", F.linear, torch.nn.functional.linear, _linear),
    Op("relu", F.relu, torch.relu, _any, away_from_zero=True),
    Op(
        "leaky_relu",
        F.leaky_relu,
        torch.nn.functional.leaky_relu,
        _any,
        {"negative_slope": 0.2},
        True,
    ),
    Op("sigmoid", F.sigmoid, torch.sigmoid, _any),
    Op("tanh", F.tanh, torch.tanh, _any),
    Op("gelu", F.gelu, torch.nn.functional.gelu, _any),
    Op("gelu, tanh form", F.gelu, torch.nn.functional.gelu, _any, {"approximate": "tanh"}),
    Op("softmax", F.softmax, torch.softmax, _any, {"dim": -1}),
    Op("softmax, first axis", F.softmax, torch.softmax, _any, {"dim": 0}),
]
