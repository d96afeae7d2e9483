"""Activations and dropout as modules; the mathematics is in ``activations`` and ``dropout``."""

from __future__ import annotations

from typing import Any

from dlcore import activations as act
from dlcore.dropout import dropout
from dlcore.dtypes import number
from dlcore.init import Rng
from dlcore.nn.module import Module
from dlcore.rng import generator
from dlcore.tensor import Tensor


class ReLU(Module):
    """max(0, x)."""

    def forward(self, input: Any) -> Tensor:
        return act.relu(input)


class LeakyReLU(Module):
    """x if x > 0, else negative_slope x."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, input: Any) -> Tensor:
        return act.leaky_relu(input, self.negative_slope)


class ELU(Module):
    """x if x > 0, else alpha (exp(x) - 1)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, input: Any) -> Tensor:
        return act.elu(input, self.alpha)


class SELU(Module):
    """The self-normalizing ELU."""

    def forward(self, input: Any) -> Tensor:
        return act.selu(input)


class GELU(Module):
    """x P(Z < x); ``approximate`` is "none" or "tanh"."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, input: Any) -> Tensor:
        return act.gelu(input, self.approximate)


class SiLU(Module):
    """x sigmoid(x)."""

    def forward(self, input: Any) -> Tensor:
        return act.silu(input)


class Softplus(Module):
    """log(1 + exp(beta x)) / beta."""

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def forward(self, input: Any) -> Tensor:
        return act.softplus(input, self.beta)


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, input: Any) -> Tensor:
        return act.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Any) -> Tensor:
        return act.tanh(input)


class Hardtanh(Module):
    """x, cut off at both ends."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val, self.max_val = min_val, max_val

    def forward(self, input: Any) -> Tensor:
        return act.hardtanh(input, self.min_val, self.max_val)


class Softmax(Module):
    """Probabilities along ``dim``."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        return act.softmax(input, self.dim)


class LogSoftmax(Module):
    """Log-probabilities along ``dim``."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        return act.log_softmax(input, self.dim)


class Dropout(Module):
    """While training, 0 with probability ``p`` and 1 / (1 - p) times the input otherwise."""

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        self.p = number("Dropout", "p", p)
        if not 0 <= self.p <= 1:
            raise ValueError(f"Dropout: p is the probability of dropping, from 0 to 1, not {p}")
        self.rng = None if rng is None else generator(rng)

    def forward(self, input: Any) -> Tensor:
        return dropout(input, self.p, self.training, self.rng)
