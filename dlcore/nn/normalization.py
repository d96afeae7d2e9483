"""Normalization as modules; the mathematics is in ``normalization``."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore import normalization as norm
from dlcore.dtypes import size
from dlcore.errors import ShapeError
from dlcore.nn.module import Buffer, Module, Parameter
from dlcore.operands import as_tensor
from dlcore.tensor import Tensor


def _ones(shape: Any) -> Any:
    return np.ones(shape, np.float32)


def _shape(op: str, shape: Any) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    return tuple(size(op, "normalized_shape", n) for n in sizes)


class _BatchNorm(Module):
    """Running statistics are what evaluation uses; training moves them by ``momentum``."""

    dims: tuple[int, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        self.num_features = num_features = size(type(self).__name__, "num_features", num_features)
        self.eps, self.momentum = eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(_ones(num_features)) if affine else None
        self.bias = Parameter(0 * _ones(num_features)) if affine else None
        self.running_mean = Buffer(0 * _ones(num_features)) if track_running_stats else None
        self.running_var = Buffer(_ones(num_features)) if track_running_stats else None
        self.num_batches_tracked = Buffer(np.array(0)) if track_running_stats else None

    def forward(self, input: Any) -> Tensor:
        input = as_tensor(type(self).__name__, input)
        if input.ndim not in self.dims:
            rule = f"x must have {' or '.join(map(str, self.dims))} dimensions"
            raise ShapeError(type(self).__name__, rule, x=input.shape)
        momentum = self.momentum or 0.0
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.data += 1
            if self.momentum is None:  # a plain average over all batches
                momentum = 1 / float(self.num_batches_tracked.data)
        return norm.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Each feature over the batch.  Shapes: (N, C) or (N, C, T) -> same."""

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Each channel over the batch and all pixels.  Shapes: (N, C, H, W) -> same."""

    dims = (4,)


class LayerNorm(Module):
    """Each example over its last dimensions.  Shapes: (..., *normalized_shape) -> same."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        self.normalized_shape = _shape(type(self).__name__, normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(_ones(self.normalized_shape)) if elementwise_affine else None
        self.bias = (
            Parameter(0 * _ones(self.normalized_shape)) if elementwise_affine and bias else None
        )

    def forward(self, input: Any) -> Tensor:
        return norm.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)


class RMSNorm(Module):
    """Each example divided by its root mean square.  Shapes: (..., *normalized_shape) -> same."""

    def __init__(
        self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True
    ) -> None:
        self.normalized_shape = _shape(type(self).__name__, normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(_ones(self.normalized_shape)) if elementwise_affine else None

    def forward(self, input: Any) -> Tensor:
        return norm.rms_norm(input, self.normalized_shape, self.weight, self.eps)


class GroupNorm(Module):
    """Each example over groups of channels.  Shapes: (N, num_channels, ...) -> same."""

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True
    ) -> None:
        num_groups = size("GroupNorm", "num_groups", num_groups, 1)
        num_channels = size("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_groups} groups must divide {num_channels} channels")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.affine = affine
        self.weight = Parameter(_ones(num_channels)) if affine else None
        self.bias = Parameter(0 * _ones(num_channels)) if affine else None

    def forward(self, input: Any) -> Tensor:
        return norm.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)
