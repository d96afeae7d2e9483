"""Linear, Embedding, and the modules that only rearrange."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlcore import init
from dlcore.dtypes import size
from dlcore.embedding import embedding
from dlcore.errors import check_dim
from dlcore.nn.module import Module, Parameter
from dlcore.operands import as_tensor
from dlcore.ops import linear
from dlcore.rng import generator
from dlcore.shaping import flatten
from dlcore.tensor import Tensor


def weights(shape: tuple[int, ...], rng: init.Rng, bound: float) -> Parameter:
    """A parameter drawn evenly from (-bound, bound), float32."""
    drawn = generator(rng).uniform(-bound, bound, shape)
    return Parameter(drawn.astype(np.float32))


class Linear(Module):
    """y = x W^T + b.

    Shapes: (..., in_features) -> (..., out_features); weight (out_features, in_features).
    Both start evenly in +-1 / sqrt(in_features), as in PyTorch.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, rng: init.Rng = None
    ) -> None:
        self.in_features = in_features = size("Linear", "in_features", in_features)
        self.out_features = out_features = size("Linear", "out_features", out_features)
        rng, bound = generator(rng), 1 / math.sqrt(max(1, in_features))
        self.weight = weights((out_features, in_features), rng, bound)
        self.bias = weights((out_features,), rng, bound) if bias else None

    def forward(self, input: Any) -> Tensor:
        return linear(input, self.weight, self.bias)


class Embedding(Module):
    """A learned vector for each of ``num_embeddings`` tokens.

    Shapes: (...) integers -> (..., embedding_dim).  Starts normal; row ``padding_idx`` is and stays 0.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        rng: init.Rng = None,
    ) -> None:
        self.num_embeddings = num_embeddings = size("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = embedding_dim = size("Embedding", "embedding_dim", embedding_dim)
        self.padding_idx = padding_idx
        drawn = generator(rng).standard_normal((num_embeddings, embedding_dim), dtype=np.float32)
        if padding_idx is not None:
            drawn[padding_idx] = 0
        self.weight = Parameter(drawn)

    def forward(self, input: Any) -> Tensor:
        return embedding(input, self.weight, self.padding_idx)


class Flatten(Module):
    """Merge all dimensions from ``start_dim`` on.  Shapes: (N, C, H, W) -> (N, C H W)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Tensor:
        return flatten(input, self.start_dim, self.end_dim)


class Unflatten(Module):
    """Spread one dimension over several.  Shapes: (N, C H W) -> (N, C, H, W)."""

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Any) -> Tensor:
        input = as_tensor("Unflatten", input)
        check_dim("Unflatten", input.shape, self.dim)
        dim = self.dim % input.ndim
        return input.reshape((*input.shape[:dim], *self.unflattened_size, *input.shape[dim + 1 :]))


class Identity(Module):
    """What comes in goes out."""

    def forward(self, input: Any) -> Tensor:
        return as_tensor("Identity", input)
