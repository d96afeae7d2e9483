"""An optimizer for small networks that are trained while one watches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from dlcore.scratch.optimizers import AdamW


class FlatAdamW(AdamW):
    """AdamW of all arrays in one: a step costs as much for many small ones as for many large ones."""

    def step(self, params: Sequence[Any], grads: Sequence[Any]) -> list[Any]:
        (new,) = super().step(
            *([np.concatenate([a.ravel() for a in each])] for each in (params, grads))
        )
        ends = [0, *accumulate(p.size for p in params)]
        parts = [new[start:end] for start, end in pairwise(ends)]
        return [part.reshape(p.shape) for part, p in zip(parts, params, strict=True)]
