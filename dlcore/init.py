"""Weight initialization: variances such that signals and gradients neither vanish nor explode.

A sum of D products of independent numbers has D times their variance; so weights of variance
1 / D keep the size of what passes. The recipes differ in whose D they take, and in what they
add for the activation. As in PyTorch, names end in _ because they overwrite the tensor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlcore.errors import ShapeError
from dlcore.rng import generator
from dlcore.tensor import Tensor

Rng = np.random.Generator | int | None


def _fill(t: Tensor, values: Any) -> Tensor:
    t.data[...] = np.asarray(values, like=t.data)
    t.changed()
    return t


def fans(t: Tensor) -> tuple[int, int]:
    """How many inputs an output has, and outputs an input.  Shapes: (M, D) -> D, M; (M, C, K, L) -> C K L, M K L."""
    if t.ndim < 2:
        raise ShapeError("init", "fan in and fan out need at least two dimensions", weight=t.shape)
    places = math.prod(t.shape[2:])
    return t.shape[1] * places, t.shape[0] * places


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much larger weights must be to make up for what the activation swallows.

    >>> round(calculate_gain("relu") ** 2, 6)
    2.0
    """
    slope = 0.01 if param is None else param
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: choose one of {', '.join(gains)}, not {nonlinearity!r}")
    return gains[nonlinearity]


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number.  Shapes: any -> same."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0.  Right for biases; for weights it makes all units alike for ever.  Shapes: any -> same."""
    return _fill(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1.  Shapes: any -> same."""
    return _fill(tensor, 1.0)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, rng: Rng = None) -> Tensor:
    """Draw evenly from [a, b).  Shapes: any -> same."""
    return _fill(tensor, generator(rng).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, rng: Rng = None) -> Tensor:
    """Draw from a normal distribution.  Shapes: any -> same."""
    return _fill(tensor, generator(rng).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    rng: Rng = None,
) -> Tensor:
    """Draw from a normal distribution, again whatever falls outside [a, b].  Shapes: any -> same."""
    rng = generator(rng)
    values = rng.normal(mean, std, tensor.shape)
    while (outside := (values < a) | (values > b)).any():
        values[outside] = rng.normal(mean, std, int(outside.sum()))
    return _fill(tensor, values)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, rng: Rng = None) -> Tensor:
    """Variance gain^2 2 / (fan in + fan out): a compromise between signal and gradient.

    Shapes: (M, D, ...) -> same.
    Paper: Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward
    neural networks, equation 16.
    """
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, rng)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, rng: Rng = None) -> Tensor:
    """``xavier_uniform_`` with a normal distribution of the same variance.  Shapes: (M, D, ...) -> same."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), rng)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'init: mode is {mode!r}; choose "fan_in" or "fan_out"')
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
) -> Tensor:
    """Variance gain^2 / fan: made for ReLU, which swallows half of the signal.

    ``a`` is the slope of a leaky ReLU; ``mode`` keeps the signal ("fan_in") or the gradient.
    Shapes: (M, D, ...) -> same.
    Paper: He et al. (2015), Delving deep into rectifiers, equation 10.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
) -> Tensor:
    """``kaiming_uniform_`` with a normal distribution of the same variance.  Shapes: (M, D, ...) -> same."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), rng)


def orthogonal_(tensor: Tensor, gain: float = 1.0, rng: Rng = None) -> Tensor:
    """A matrix that turns and mirrors but does not stretch: all singular values are ``gain``.

    Shapes: (M, D, ...) -> same.
    Paper: Saxe, McClelland and Ganguli (2014), Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks.
    """
    fans(tensor)
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = generator(rng).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.sign(np.diag(r))  # without this, QR's choice of signs would favor some rotations
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))
