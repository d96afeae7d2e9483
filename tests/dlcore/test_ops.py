"""One battery over the table of ops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore import tensor
from tests.dlcore.ops import OPS, Op

every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
seeds = st.integers(0, 2**32 - 1)


def run(op: Op, arrays: list[np.ndarray], g: np.ndarray | None = None):
    """Output, gradients and the cotangent used, by dlcore."""
    leaves = [tensor(a, requires_grad=True) for a in arrays]
    out = op.ours(*leaves, **op.options)
    g = np.ones(out.shape, out.dtype) if g is None else g
    out.backward(g)
    return out.data, [leaf.grad.data for leaf in leaves]


def run_torch(op: Op, arrays: list[np.ndarray], g: np.ndarray):
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    out = op.theirs(*leaves, **op.options)
    out.backward(torch.tensor(g))
    return out.detach().numpy(), [leaf.grad.numpy() for leaf in leaves]


def cotangent(op: Op, arrays: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    shape, dtype = run(op, arrays)[0].shape, arrays[0].dtype
    return np.asarray(rng.standard_normal(shape)).astype(dtype)


@every_op
@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_equals_pytorch_forward_and_backward(op, seed):
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 1e-5)):
        rng = np.random.default_rng(seed)
        arrays = op.draw(rng, dtype)
        g = cotangent(op, arrays, rng)
        y, gradients = run(op, arrays, g)
        wanted, wanted_gradients = run_torch(op, arrays, g)
        scale = tolerance * max(1.0, float(np.abs(wanted).max(initial=0)))
        np.testing.assert_allclose(y, wanted, rtol=tolerance, atol=scale)
        for found, expected in zip(gradients, wanted_gradients, strict=True):
            scale = 10 * tolerance * max(1.0, float(np.abs(expected).max(initial=0)))
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=scale)


@every_op
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_gradient_is_the_slope_that_can_be_measured(op, seed):
    rng = np.random.default_rng(seed)
    arrays = op.draw(rng)
    g = cotangent(op, arrays, rng)
    _, gradients = run(op, arrays, g)
    h = 1e-6
    for k, found in enumerate(gradients):
        measured = np.zeros_like(found)
        for index in np.ndindex(found.shape):
            up, down = ([a.copy() for a in arrays] for _ in range(2))
            up[k][index] += h
            down[k][index] -= h
            measured[index] = np.sum(g * (run(op, up)[0] - run(op, down)[0])) / (2 * h)
        np.testing.assert_allclose(found, measured, rtol=1e-5, atol=1e-7)


@every_op
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeps_dtype_and_inputs(op, dtype):
    rng = np.random.default_rng(0)
    for _ in range(5):
        arrays = op.draw(rng, dtype)
        before = [a.copy() for a in arrays]
        y, gradients = run(op, arrays)
        assert y.dtype == dtype
        assert all(g.dtype == dtype for g in gradients)
        assert all(g.shape == a.shape for g, a in zip(gradients, arrays, strict=True))
        for a, b in zip(arrays, before, strict=True):
            np.testing.assert_array_equal(a, b)


@every_op
def test_reads_arrays_that_are_not_contiguous(op):
    rng = np.random.default_rng(1)
    for _ in range(5):
        arrays = op.draw(rng)
        twisted = [np.asfortranarray(np.repeat(a, 2, axis=0))[::2] for a in arrays]
        y, gradients = run(op, arrays)
        y2, gradients2 = run(op, twisted)
        np.testing.assert_allclose(y, y2)
        for a, b in zip(gradients, gradients2, strict=True):
            np.testing.assert_allclose(a, b)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "sigmoid", "tanh", "softmax", "gelu"])
def test_extreme_inputs_stay_finite_and_silent(name):
    op = next(op for op in OPS if op.name == name)
    with np.errstate(all="raise", under="ignore"):
        y, (gradient,) = run(op, [np.array([-1e4, -1000.0, 0.0, 1000.0, 1e4])])
    assert np.isfinite(y).all() and np.isfinite(gradient).all()
