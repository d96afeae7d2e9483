"""Losses: one number for how wrong the model is, and the gradient that says how to be less so.

Each one takes scores or probabilities and what they should have been. ``reduction`` is "mean",
"sum" or "none", as in PyTorch. What is exponentiated is shifted first, so nothing overflows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.activations import (
    in_range,
    log1p,
    logsumexp_forward,
    relu_forward,
    softplus_forward,
)
from dlcore.backend.arrays import empty_like, ones_like, zeros_like
from dlcore.backend.blocks import in_blocks
from dlcore.comparison import pair, reduced, same_shape
from dlcore.dtypes import as_array, number, wide
from dlcore.errors import ShapeError
from dlcore.operands import beside, floats, needs
from dlcore.ops import flat_rows
from dlcore.tensor import Tensor


def _of_difference(
    op: str, input: Any, target: Any, reduction: str, measure: Callable[[Any], tuple[Any, Any]]
) -> Tensor:
    """A loss of d = x - t: ``measure(d)`` gives it and its derivative."""
    x, t = pair(op, input, target)
    loss, slope = measure(x - t)

    def backward(g: Any) -> tuple[Any, Any]:
        dx = g * slope
        return dx, -dx

    return reduced(op, loss, reduction, (input, target), backward)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The mean squared error:  (x - t)^2; derivative 2 (x - t).

    Shapes: input (...), target (...) -> () or (...).  Raises ShapeError unless they are equal: a
    target (N,) beside an input (N, 1) would silently compare everything with everything.
    """
    return _of_difference("mse_loss", input, target, reduction, lambda d: (d * d, 2 * d))


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The mean absolute error:  |x - t|; derivative sign(x - t).

    Shapes: input (...), target (...) -> () or (...).  Raises ShapeError.
    """
    return _of_difference("l1_loss", input, target, reduction, lambda d: (np.abs(d), np.sign(d)))


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Squared near the target, absolute far from it, so that outliers pull with bounded force.

    d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), with d = x - t.
    Shapes: input (...), target (...) -> () or (...).  Raises ShapeError.
    Paper: Huber (1964), Robust estimation of a location parameter.
    """

    delta = number("huber_loss", "delta", delta)

    def measure(d: Any) -> tuple[Any, Any]:
        pull = np.clip(d, -delta, delta)
        return pull * (d - 0.5 * pull), pull  # both cases at once

    return _of_difference("huber_loss", input, target, reduction, measure)


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """Surprise at a yes or no:  -(t log p + (1 - t) log(1 - p)), logs cut off at -100.

    Prefer ``binary_cross_entropy_with_logits``: a p that rounds to 0 or 1 has lost its gradient.
    Shapes: input (...) in [0, 1], target (...) in [0, 1] -> () or (...).
    Raises ShapeError, ValueError for an input outside [0, 1].
    """
    p, t = pair("binary_cross_entropy", input, target)
    w = 1 if weight is None else floats("binary_cross_entropy", weight, p)
    _check_weights("binary_cross_entropy", p, weight=w)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(
            "binary_cross_entropy: input must be probabilities, from 0 to 1\n"
            "  for raw scores use binary_cross_entropy_with_logits"
        )
    with np.errstate(divide="ignore"):
        yes, no = np.maximum(np.log(p), -100), np.maximum(np.log1p(-p), -100)
    loss = -w * (t * yes + (1 - t) * no)
    slope = w * (p - t) / np.maximum(p * (1 - p), 1e-12)
    backward = lambda g: (g * slope, g * w * (no - yes))
    return reduced("binary_cross_entropy", loss, reduction, (input, target), backward)


def _check_weights(op: str, x: Any, **weights: Any) -> None:
    for name, w in weights.items():
        sizes = zip(np.shape(w)[::-1], x.shape[::-1], strict=False)
        if np.ndim(w) > x.ndim or any(m not in (1, n) for m, n in sizes):
            raise ShapeError(op, f"{name} does not broadcast", input=x.shape, **{name: np.shape(w)})


def bce_with_logits_forward(x: Any, t: Any, pos_weight: Any = None) -> tuple[Any, Any]:
    """x (...), t (...), pos_weight () or (K,) or None -> loss (...), cache.

    -t log s(x) - (1 - t) log(1 - s(x)) = max(x, 0) - t x + log(1 + exp(-|x|)): no log of a rounded
    0, and the one exponential is that of s(x), too.
    """
    e = np.exp(-np.abs(x))
    loss = relu_forward(x)
    loss -= t * x
    softplus = log1p(e)  # of -|x|
    loss += softplus
    if pos_weight is not None:  # what a weight of 1 has not counted yet
        loss += (pos_weight - 1) * t * (softplus + np.maximum(-x, 0))
    return loss, (x, t, e, pos_weight)


def bce_with_logits_backward(g: Any, cache: Any) -> Any:
    """g () or (...) -> dx (...).  Without weights this is g (sigmoid(x) - t)."""
    x, t, e, pos_weight = cache
    s = np.maximum(e, x >= 0) / (1 + e)  # 1 or e, as in sigmoid_forward
    slope = s - t
    if pos_weight is not None:
        slope += (pos_weight - 1) * t * (s - 1)
    return g * slope


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """Sigmoid and binary cross-entropy in one, stable for scores of any size.

    l = -w (c t log s(x) + (1 - t) log(1 - s(x))) with c = pos_weight; derivative s(x) - t for w = c = 1.
    Shapes: input (..., K), target (..., K), weight and pos_weight broadcast -> () or (..., K).
    Raises ShapeError.
    """
    op = "binary_cross_entropy_with_logits"
    x, t = pair(op, input, target)
    w, c = (None if v is None else floats(op, v, x) for v in (weight, pos_weight))
    _check_weights(op, x, weight=w, pos_weight=c)
    loss, cache = bce_with_logits_forward(x, t, c)
    loss = loss if w is None else w * loss

    def backward(g: Any) -> tuple[Any, Any]:
        g = g if w is None else g * w
        dt = (
            g * ((0 if c is None else (c - 1) * softplus_forward(-x)) - x)
            if needs(target)
            else None
        )
        return bce_with_logits_backward(g, cache), dt

    return reduced(op, loss, reduction, (input, target), backward)


def _rows(x: Any) -> Any:
    """Classes last, examples in rows: (N, K, d1, ...) -> (N d1 ..., K)."""
    return x if x.ndim == 2 else flat_rows(np.moveaxis(x, 1, -1))


def _unrows(rows: Any, shape: tuple[int, ...]) -> Any:
    return np.moveaxis(rows.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def _check_classes(op: str, x: Any, t: Any, weight: Any, ignore_index: int) -> Any:
    """Targets as one flat row, those to ignore set to class 0, and which are not ignored."""
    if x.ndim < 2 or t.shape != (x.shape[0], *x.shape[2:]):
        mend = "classes are the second dimension of input; did you mean input.swapaxes(1, -1)?"
        mend = mend if t.shape == x.shape[:-1] else "input is (N, K), target (N,) class numbers"
        raise ShapeError(
            op, "target must be input's shape without K", mend, input=x.shape, target=t.shape
        )
    if weight is not None and weight.shape != (x.shape[1],):
        rule = f"weight must be ({x.shape[1]},), one entry a class"
        raise ShapeError(op, rule, input=x.shape, weight=weight.shape)
    if t.dtype.kind not in "iu":
        raise TypeError(f"{op}: class numbers must be integers, not {t.dtype}")
    t = t.reshape(-1)
    used = t != ignore_index
    t = np.where(used, t, 0)
    if t.size and not (t.min() >= 0 and t.max() < x.shape[1]):
        wrong = int(t.min()) if t.min() < 0 else int(t.max())
        raise IndexError(f"{op}: there is no class {wrong}; input has {x.shape[1]} classes")
    return t, used


def _numbers(rows: Any) -> Any:
    """0, 1, ... for the rows: x[numbers, t] is one entry of each, in a third of take_along_axis's time."""
    return np.asarray(np.arange(len(rows)), like=rows)


def _classes(op: str, input: Any, weight: Any, target: Any) -> tuple[Any, Any, Any]:
    """Scores (float16 as float32), class weights in their dtype or None, and the target as an array."""
    x = wide(floats(op, input))
    w = None if weight is None else floats(op, weight, x)
    t = target.data if isinstance(target, Tensor) else as_array(op, target)
    return x, w, beside(op, t, x)


def nll_loss(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The negative log-likelihood of the right class:  -w_t logp_t, averaged with weights w_t.

    Shapes: input (N, K, ...) log-probabilities, target (N, ...) integers, weight (K,) -> () or (N, ...).
    Raises ShapeError, IndexError for a class outside 0..K-1.
    """
    x, class_weight, target = _classes("nll_loss", input, weight, target)
    shape = x.shape
    t, used = _check_classes("nll_loss", x, target, class_weight, ignore_index)
    w = used.astype(x.dtype) if weight is None else class_weight[t] * used
    loss = -w * np.where(used, _rows(x)[_numbers(t), t], 0)  # an ignored class may be impossible

    def backward(g: Any) -> tuple[Any]:
        dx = zeros_like(_rows(x))
        dx[_numbers(t), t] = -w * _flat(g)
        return (_unrows(dx, shape),)

    loss = loss.reshape(shape[0], *shape[2:])
    return reduced("nll_loss", loss, reduction, (input,), backward, w.sum())


def _flat(g: Any) -> Any:
    return g.reshape(-1) if getattr(g, "ndim", 0) else g


def cross_entropy_forward(
    x: Any, t: Any, w: Any, used: Any = True, class_weight: Any = None, smoothing: float = 0.0
) -> tuple[Any, Any]:
    """x (N, K) scores, t (N,) classes, w (N,) weights, class_weight (K,) -> loss (N,), cache.

    ``used`` (N,), or True, is False for examples to ignore, whose weight is 0.

    -log softmax(x)_t = log sum_k exp(x_k - m) - (x_t - m), with m = 0 where exp has room. One
    exponential serves the loss and the gradient. Smoothing moves that part of the target onto all
    classes alike: q_k each.
    """
    e, top, total = empty_like(x), zeros_like(w), empty_like(w)
    ones = ones_like(x, shape=(x.shape[1],))

    def work(rows: slice) -> None:
        part = e[rows]
        with np.errstate(over="ignore"):
            np.exp(x[rows], out=part)
        np.matmul(part, ones, out=total[rows])
        if not in_range(total[rows], 1e8):
            most = x[rows].max(axis=1)
            top[rows] = np.where(np.isfinite(most), most, 0)
            np.subtract(x[rows], top[rows, None], out=part)
            np.exp(part, out=part)
            np.matmul(part, ones, out=total[rows])

    in_blocks(work, x)
    total = np.where(used, total, 1)  # an ignored row may hold anything
    log_total, top = np.log(total), np.where(used, top, 0)
    x_t = np.where(used, x[_numbers(t), t] - top, 0)
    loss = (1 - smoothing) * w * (log_total - x_t)
    if not smoothing:
        return loss, (e, total, t, w, used, None, 0.0)
    q = (ones if class_weight is None else class_weight) * (smoothing / x.shape[1])
    loss += np.where(used, q.sum() * (log_total + top) - x @ q, 0)
    return loss, (e, total, t, w, used, q, smoothing)


def cross_entropy_backward(g: Any, cache: Any) -> Any:
    """g () or (N,) -> dx (N, K): w (softmax(x) - onehot(t)), written over the exponentials."""
    e, total, t, w, used, q, smoothing = cache
    right = g * (1 - smoothing) * w
    spread = None if q is None else (g * used)[:, None]
    mass = right if spread is None else right + spread[:, 0] * q.sum()
    scale = (mass / total)[:, None]

    def work(rows: slice) -> None:
        part = e[rows]
        part *= scale[rows]
        if spread is not None:
            part -= q * spread[rows]

    in_blocks(work, e)
    e[_numbers(t), t] -= right
    return e


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Softmax and negative log-likelihood in one: the loss of classification, from raw scores.

    l = -w_t log softmax(x)_t; derivative w_t (softmax(x) - onehot(t)). The mean is weighted by w_t.
    Shapes: input (N, K, ...), target (N, ...) class numbers or (N, K, ...) probabilities,
    weight (K,) -> () or (N, ...).
    Raises ShapeError, IndexError for a class outside 0..K-1.
    Paper: label smoothing is from Szegedy et al. (2016), Rethinking the Inception architecture, section 7.

    >>> from dlcore import tensor
    >>> cross_entropy(tensor([[0.0, 1000.0]]), tensor([0]))
    tensor(1000.)
    """
    x, class_weight, t = _classes("cross_entropy", input, weight, target)
    shape, label_smoothing = x.shape, number("cross_entropy", "label_smoothing", label_smoothing)
    if t.dtype.kind == "f" and t.ndim == x.ndim - 1 and x.ndim > 1:
        raise TypeError(
            f"cross_entropy: class numbers must be integers, not {t.dtype}\n"
            "  convert them with .astype(int); probabilities have the input's shape"
        )
    if t.dtype.kind == "f":
        return _soft_cross_entropy(input, target, x, t, class_weight, reduction, label_smoothing)
    t, used = _check_classes("cross_entropy", x, t, class_weight, ignore_index)
    w = used.astype(x.dtype) if weight is None else class_weight[t] * used
    loss, cache = cross_entropy_forward(_rows(x), t, w, used, class_weight, label_smoothing)
    return reduced(
        "cross_entropy",
        loss.reshape(shape[0], *shape[2:]),
        reduction,
        (input,),
        lambda g: (_unrows(cross_entropy_backward(_flat(g), cache), shape),),
        w.sum(),
    )


def _soft_cross_entropy(
    input: Any, target: Any, x: Any, q: Any, weight: Any, reduction: str, smoothing: float
) -> Tensor:
    """Cross-entropy with a probability for every class:  -sum_k w_k q_k log softmax(x)_k."""
    shape = x.shape
    same_shape("cross_entropy", x, q)
    weight = 1 if weight is None else weight
    q = (_rows(q.astype(x.dtype, copy=False)) * (1 - smoothing) + smoothing / shape[1]) * weight
    lse, (e, s) = logsumexp_forward(_rows(x), 1)
    surprise = lse - _rows(x)
    loss = (q * surprise).sum(1).reshape(shape[0], *shape[2:])

    def backward(g: Any) -> tuple[Any, Any]:
        g = _flat(g)[:, None] if getattr(g, "ndim", 0) else g
        dx = g * (e / s * q.sum(1, keepdims=True) - q)
        dq = g * surprise * weight * (1 - smoothing) if needs(target) else None
        return _unrows(dx, shape), None if dq is None else _unrows(dq, shape)

    return reduced("cross_entropy", loss, reduction, (input, target), backward)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """How far the distribution t is from the model's:  t (log t - x), x the model's log-probability.

    ``reduction="batchmean"`` divides by N and is the divergence itself; "mean" divides by everything.
    Shapes: input (N, ...) log-probabilities, target (N, ...) -> () or (N, ...).  Raises ShapeError.
    Paper: Kullback and Leibler (1951), On information and sufficiency.
    """
    x, t = pair("kl_div", input, target)
    if log_target:
        p, log_p = np.exp(t), t
    else:
        p, log_p = t, np.log(np.where(t > 0, t, 1))  # 0 log 0 = 0
    factor = p if log_target else 1
    batch = x.shape[0] if reduction == "batchmean" and x.ndim else None
    return reduced(
        "kl_div",
        p * (log_p - x),
        "mean" if batch is not None else reduction,
        (input, target),
        lambda g: (-g * p, g * factor * (log_p - x + 1)),
        batch,
    )
