"""Activation functions: the nonlinearity without which two layers are no more than one.

Each one is three small functions: ``*_forward`` and ``*_backward`` are kernels, pure
functions on arrays; the function with the plain name is one node on the tape. A backward
takes ``g``, the gradient of the loss with respect to the output, and whatever the forward
kept: the input ``x`` or the output ``y``, whichever makes the derivative cheaper.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlcore.backend.arrays import empty_like, zeros_like
from dlcore.backend.blocks import in_blocks
from dlcore.backend.normal import normal
from dlcore.backend.sums import row_dots, row_sums
from dlcore.dtypes import number, wide
from dlcore.errors import ShapeError, check_dim
from dlcore.operands import as_tensor, floats
from dlcore.tensor import Tensor, method


def relu_forward(x: Any) -> Any:
    return np.maximum(x, zeros_like(x))  # with a number in place of the array: twice as long


def relu_backward(g: Any, x: Any) -> Any:
    return g * (x > 0)


@method
def relu(input: Any) -> Tensor:
    """The rectified linear unit:  relu(x) = max(0, x).

    The derivative is 1 for x > 0 and 0 for x <= 0 (at 0 it is a choice, PyTorch's too).
    Shapes: any -> same.
    Paper: Nair and Hinton (2010), Rectified linear units improve restricted Boltzmann machines.

    >>> from dlcore import tensor
    >>> relu(tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    x = as_tensor("relu", input).data
    return Tensor.from_op(relu_forward(x), (input,), lambda g: (relu_backward(g, x),))


def leaky_relu_forward(x: Any, negative_slope: float = 0.01) -> Any:
    # np.where takes ten times as long: the processor cannot guess a random sign
    return (np.maximum if negative_slope <= 1 else np.minimum)(x, x * negative_slope)


def leaky_relu_backward(g: Any, x: Any, negative_slope: float = 0.01) -> Any:
    return g * (x > 0) + g * negative_slope * (x <= 0)


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Tensor:
    """A ReLU that does not die:  x if x > 0, else negative_slope * x.

    A unit whose input is always negative still gets a gradient, so it can recover.
    Shapes: any -> same.
    Paper: Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models.
    """
    x = floats("leaky_relu", input)
    negative_slope = number("leaky_relu", "negative_slope", negative_slope)
    return Tensor.from_op(
        leaky_relu_forward(x, negative_slope),
        (input,),
        lambda g: (leaky_relu_backward(g, x, negative_slope),),
    )


def sigmoid_forward(x: Any) -> Any:
    # exp of a negative number only: it cannot overflow. The larger of e and (x >= 0) is 1 or e
    e = np.exp(-np.abs(x))
    return np.maximum(e, x >= 0) / (1 + e)


def sigmoid_backward(g: Any, y: Any) -> Any:
    return g * y * (1 - y)


@method
def sigmoid(input: Any) -> Tensor:
    """The logistic function, a logit into a probability:  sigmoid(x) = 1 / (1 + exp(-x)).

    sigmoid'(x) = y (1 - y), at most 1/4.  Shapes: any -> same.

    >>> from dlcore import tensor
    >>> sigmoid(tensor([0.0, 1000.0, -1000.0]))
    tensor([0.5, 1. , 0. ])
    """
    y = sigmoid_forward(floats("sigmoid", input))
    return Tensor.from_op(y, (input,), lambda g: (sigmoid_backward(g, y),), keeps_result=True)


def tanh_forward(x: Any) -> Any:
    return np.tanh(x)


def tanh_backward(g: Any, y: Any) -> Any:
    return g * (1 - y * y)


@method
def tanh(input: Any) -> Tensor:
    """The hyperbolic tangent, from -1 to 1:  tanh(x) = 2 sigmoid(2x) - 1, so tanh'(x) = 1 - y^2.

    Shapes: any -> same.
    """
    y = tanh_forward(floats("tanh", input))
    return Tensor.from_op(y, (input,), lambda g: (tanh_backward(g, y),), keeps_result=True)


def elu_forward(x: Any, alpha: float = 1.0) -> Any:
    return relu_forward(x) + alpha * np.expm1(np.clip(x, -np.inf, 0))


def elu_backward(g: Any, y: Any, alpha: float = 1.0) -> Any:
    return g * np.where(y > 0, 1, y + alpha)


def elu(input: Any, alpha: float = 1.0) -> Tensor:
    """The exponential linear unit:  x if x > 0, else alpha (exp(x) - 1).

    Shapes: any -> same.
    Paper: Clevert, Unterthiner and Hochreiter (2016), Fast and accurate deep network learning by
    exponential linear units, equation 15.
    """
    alpha = number("elu", "alpha", alpha)
    y = elu_forward(floats("elu", input), alpha)
    return Tensor.from_op(y, (input,), lambda g: (elu_backward(g, y, alpha),), keeps_result=True)


SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


def selu(input: Any) -> Tensor:
    """The scaled exponential linear unit: mean 0 and variance 1 are kept from layer to layer.

    selu(x) = 1.0507 elu(x, alpha=1.6733).  Shapes: any -> same.
    Paper: Klambauer et al. (2017), Self-normalizing neural networks, equation 2.
    """
    y = elu_forward(floats("selu", input), SELU_ALPHA)
    return Tensor.from_op(
        SELU_SCALE * y, (input,), lambda g: (elu_backward(SELU_SCALE * g, y, SELU_ALPHA),)
    )


def silu_forward(x: Any) -> tuple[Any, Any]:
    s = sigmoid_forward(x)
    return x * s, (x, s)


def silu_backward(g: Any, cache: Any) -> Any:
    x, s = cache
    return g * s * (1 + x * (1 - s))


def silu(input: Any) -> Tensor:
    """The sigmoid-weighted linear unit, or swish:  silu(x) = x sigmoid(x).

    Shapes: any -> same.
    Paper: Elfwing, Uchibe and Doya (2018), Sigmoid-weighted linear units, equation 2.
    """
    y, cache = silu_forward(floats("silu", input))
    return Tensor.from_op(y, (input,), lambda g: (silu_backward(g, cache),))


def log1p(e: Any) -> Any:
    """log(1 + e) for 0 <= e <= 1, right for tiny e, too.

    What 1 + e has rounded away is put back along the tangent. NumPy's log1p takes four times as long.
    """
    u = 1 + e
    return np.log(u) + (e - (u - 1)) / u


def softplus_forward(x: Any, beta: float = 1.0) -> Any:
    # log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which cannot overflow
    return relu_forward(x) + log1p(np.exp(-beta * np.abs(x))) / beta


def softplus_backward(g: Any, x: Any, beta: float = 1.0) -> Any:
    return g * sigmoid_forward(beta * x)


def softplus(input: Any, beta: float = 1.0) -> Tensor:
    """A smooth ReLU:  log(1 + exp(beta x)) / beta; its derivative is a sigmoid.

    Shapes: any -> same.
    Paper: Dugas et al. (2001), Incorporating second-order functional knowledge, section 3.
    """
    x, beta = floats("softplus", input), number("softplus", "beta", beta)
    return Tensor.from_op(
        softplus_forward(x, beta), (input,), lambda g: (softplus_backward(g, x, beta),)
    )


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Clip x at both ends:  min(max(x, min_val), max_val); derivative 1 strictly between, else 0.

    Shapes: any -> same.
    """
    x = floats("hardtanh", input)
    low, high = number("hardtanh", "min_val", min_val), number("hardtanh", "max_val", max_val)
    return Tensor.from_op(
        np.clip(x, low, high), (input,), lambda g: (g * ((x > low) & (x < high)),)
    )


GELU_SCALE = math.sqrt(2 / math.pi)
GELU_CUBIC = 0.044715


def gelu_forward(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(GELU_SCALE * (x + GELU_CUBIC * x**3)))


def gelu_backward(g: Any, x: Any) -> Any:
    t = np.tanh(GELU_SCALE * (x + GELU_CUBIC * x**3))
    slope = GELU_SCALE * (1 + 3 * GELU_CUBIC * x * x)
    return g * 0.5 * (1 + t + x * (1 - t * t) * slope)


def gelu_erf_forward(x: Any) -> tuple[Any, Any]:
    """x (...) -> y (...), slope (...): the derivative needs the same two functions."""
    y, slope = empty_like(x), empty_like(x)
    flat_x, flat_y, flat_slope = x.reshape(-1), y.reshape(-1), slope.reshape(-1)

    def work(part: slice) -> None:
        x = flat_x[part]
        cdf, density = normal(x)
        np.multiply(x, cdf, out=flat_y[part])
        density *= x
        np.add(cdf, density, out=flat_slope[part])

    in_blocks(work, flat_x, 1, 1 << 17)
    return y, slope


def gelu_erf_backward(g: Any, slope: Any) -> Any:
    return g * slope


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """The Gaussian error linear unit: x times the probability that a standard normal variable is below it.

    gelu(x) = x P(Z < x) ~ x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))

    ``approximate`` is "none" for the first form, "tanh" for the second.
    Shapes: any -> same.  Raises ValueError for any other ``approximate``.
    Paper: Hendrycks and Gimpel (2016), Gaussian error linear units, section 2.
    """
    x = floats("gelu", input)
    if approximate == "none":
        y, slope = gelu_erf_forward(x)
        return Tensor.from_op(y, (input,), lambda g: (gelu_erf_backward(g, slope),))
    if approximate == "tanh":
        return Tensor.from_op(gelu_forward(x), (input,), lambda g: (gelu_backward(g, x),))
    raise ValueError(f'gelu: approximate is {approximate!r}; choose "none" or "tanh"')


def in_range(totals: Any, bound: float) -> bool:
    """Whether sums of exp(x) stay between 1 / bound and bound.

    Then no maximum needed to be subtracted from x, which saves two walks over it: exponentiate
    first, and only if this says no, do it again with care.
    """
    return bool(((totals > 1 / bound) & (totals < bound)).all())


def softmax_forward(x: Any, axis: int = -1) -> Any:
    """x (..., K, ...) -> y alike: e^x over its sum, in blocks of rows; less the maximum where e^x has no room."""
    if axis % x.ndim != x.ndim - 1:
        return np.moveaxis(softmax_forward(np.moveaxis(x, axis, -1)), -1, axis)
    rows, y = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), empty_like(x)
    flat = y.reshape(rows.shape)

    def work(part: slice) -> None:
        e = flat[part]
        with np.errstate(over="ignore"):
            np.exp(rows[part], out=e)
        total = row_sums(e)
        if not in_range(total, 1e20 if e.dtype != np.float16 else 1e4):
            top = rows[part].max(axis=1, keepdims=True)
            np.subtract(rows[part], top, out=e)
            np.exp(e, out=e)
            total = row_sums(e)
        np.divide(1, total, out=total)
        np.multiply(e, total, out=e)

    in_blocks(work, rows, entries=1 << 18)
    return y


def softmax_backward(g: Any, y: Any, axis: int = -1) -> Any:
    """g like y (..., K, ...) -> dx = y (g - sum_k g y)."""
    if axis % y.ndim != y.ndim - 1:
        g, y = np.moveaxis(g, axis, -1), np.moveaxis(y, axis, -1)
        return np.moveaxis(softmax_backward(g, y), -1, axis)
    shape = math.prod(y.shape[:-1]), y.shape[-1]
    dx, g, y_rows = empty_like(y), g.reshape(shape), y.reshape(shape)
    flat = dx.reshape(shape)

    def work(part: slice) -> None:
        np.subtract(g[part], row_dots(g[part], y_rows[part]), out=flat[part])
        flat[part] *= y_rows[part]

    in_blocks(work, y_rows, entries=1 << 18)
    return dx


@method
def softmax(input: Any, dim: int = -1) -> Tensor:
    """Turn logits into probabilities along ``dim``.

    softmax(x)_i = exp(x_i - max x) / sum_j exp(x_j - max x)

    Shapes: x (..., K, ...) -> same.  Subtracting the maximum changes nothing
    mathematically and keeps exp from overflowing.
    Raises ShapeError if there is no such dimension.
    Paper: Bridle (1990), Probabilistic interpretation of feedforward classification network outputs.

    >>> from dlcore import tensor
    >>> softmax(tensor([1000.0, 1000.0]))
    tensor([0.5, 0.5])
    """
    x = floats("softmax", input)
    check_dim("softmax", x.shape, dim)
    y = softmax_forward(wide(x), dim) if x.size else x.copy()
    return Tensor.from_op(
        y.astype(x.dtype, copy=False),
        (input,),
        lambda g: (softmax_backward(g, y, dim),),
        keeps_result=True,
    )


def logsumexp_forward(x: Any, axis: int = -1) -> tuple[Any, Any]:
    """x (..., K, ...) -> y (..., 1, ...), cache."""
    m = x.max(axis=axis, keepdims=True)
    m = np.where(np.isfinite(m), m, 0)  # all -inf stays -inf instead of NaN
    e = np.exp(x - m)
    s = e.sum(axis=axis, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.log(s) + m, (e, s)


def logsumexp_backward(g: Any, cache: Any) -> Any:
    """g (..., 1, ...) -> dx (..., K, ...): the softmax, scaled."""
    e, s = cache
    return g * (e / s)


def logsumexp(input: Any, dim: int, keepdim: bool = False) -> Tensor:
    """A smooth maximum:  log sum_j exp(x_j) = m + log sum_j exp(x_j - m), m the maximum.

    Shapes: (..., K, ...) -> (..., ...), or (..., 1, ...) if ``keepdim``.
    """
    x = floats("logsumexp", input)
    check_dim("logsumexp", x.shape, dim)
    if not x.size and x.shape[dim] == 0:
        raise ShapeError("logsumexp", "of no entries there is none", x=x.shape)
    y, cache = logsumexp_forward(wide(x), dim)
    y = y.astype(x.dtype, copy=False)

    def vjp(g: Any) -> tuple[Any]:
        return (logsumexp_backward(g if keepdim else np.expand_dims(g, dim), cache),)

    return Tensor.from_op(y if keepdim else y.squeeze(dim), (input,), vjp)


def log_softmax(input: Any, dim: int = -1) -> Tensor:
    """The logarithm of softmax, without a softmax that rounds to 0:  x - logsumexp(x).

    Shapes: x (..., K, ...) -> same.  dx = g - softmax(x) sum(g).
    """
    given = floats("log_softmax", input)
    check_dim("log_softmax", given.shape, dim)
    x = wide(given)
    y = x - logsumexp_forward(x, dim)[0] if x.size else x.copy()
    shown = y.astype(given.dtype, copy=False)
    return Tensor.from_op(
        shown,
        (input,),
        lambda g: (g - np.exp(y) * g.sum(axis=dim, keepdims=True),),
        keeps_result=True,
    )
