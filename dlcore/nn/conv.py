"""Convolution and pooling as modules; the mathematics is in ``conv`` and ``pooling``."""

from __future__ import annotations

import math
from typing import Any

from dlcore import conv, pooling
from dlcore.dtypes import size
from dlcore.init import Rng
from dlcore.nn.linear import weights
from dlcore.nn.module import Module
from dlcore.rng import generator
from dlcore.tensor import Tensor


class _Conv(Module):
    """What the three convolutions share: their arguments and how their weights start."""

    axes = 2
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        op = type(self).__name__
        in_channels = size(op, "in_channels", in_channels)
        out_channels = size(op, "out_channels", out_channels)
        groups = size(op, "groups", groups, 1)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{op}: {groups} groups must divide {in_channels} and {out_channels} channels"
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        sides = kernel_size if isinstance(kernel_size, tuple | list) else (kernel_size,) * self.axes
        self.kernel_size = tuple(size(op, "kernel_size", k, 1) for k in sides)
        if len(self.kernel_size) != self.axes:
            raise ValueError(f"{op}: kernel_size must be a number or {self.axes} of them")
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        first, second = in_channels, out_channels
        first, second = (first, second) if self.transposed else (second, first)
        shape = (first, second // groups, *self.kernel_size)
        rng, bound = generator(rng), 1 / math.sqrt(max(1, math.prod(shape[1:])))
        self.weight = weights(shape, rng, bound)
        self.bias = weights((out_channels,), rng, bound) if bias else None


class Conv2d(_Conv):
    """Slide kernels over images.  Shapes: (N, in_channels, H, W) -> (N, out_channels, P, Q)."""

    def forward(self, input: Any) -> Tensor:
        options = self.stride, self.padding, self.dilation, self.groups
        return conv.conv2d(input, self.weight, self.bias, *options)


class Conv1d(_Conv):
    """Slide kernels along sequences.  Shapes: (N, in_channels, T) -> (N, out_channels, T')."""

    axes = 1

    def forward(self, input: Any) -> Tensor:
        steps = (self.stride, self.padding, self.dilation)
        stride, padding, dilation = (v[0] if isinstance(v, tuple) else v for v in steps)
        return conv.conv1d(input, self.weight, self.bias, stride, padding, dilation, self.groups)


class ConvTranspose2d(_Conv):
    """Paint kernels, the way up in a decoder.  Shapes: (N, in_channels, H, W) -> (N, out_channels, P, Q)."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        rng: Rng = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng
        )
        self.output_padding = output_padding

    def forward(self, input: Any) -> Tensor:
        return conv.conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )


class MaxPool2d(Module):
    """The largest pixel of each patch."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size, self.stride, self.padding = (
            kernel_size,
            kernel_size if stride is None else stride,
            padding,
        )
        self.dilation, self.ceil_mode = dilation, ceil_mode

    def forward(self, input: Any) -> Tensor:
        return pooling.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )


class AvgPool2d(Module):
    """The average of each patch."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size, self.stride, self.padding = (
            kernel_size,
            kernel_size if stride is None else stride,
            padding,
        )
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Any) -> Tensor:
        return pooling.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class AdaptiveAvgPool2d(Module):
    """Averages in a grid of ``output_size``; 1 is global average pooling."""

    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def forward(self, input: Any) -> Tensor:
        return pooling.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool2d(Module):
    """Largest pixels in a grid of ``output_size``."""

    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def forward(self, input: Any) -> Tensor:
        return pooling.adaptive_max_pool2d(input, self.output_size)
