"""Sliding windows by hand, against PyTorch, for shapes that hypothesis draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.signal import correlate2d as by_scipy

from dlcore.scratch import convolution

F = torch.nn.functional
seeds = st.integers(0, 10_000)
geometry = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2))


@given(seed=seeds, kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_correlate2d_is_scipys(seed, kernel):
    rng = np.random.default_rng(seed)
    image = rng.standard_normal((kernel[0] + rng.integers(0, 4), kernel[1] + rng.integers(0, 4)))
    k = rng.standard_normal(kernel)
    np.testing.assert_allclose(
        convolution.correlate2d(image, k), by_scipy(image, k, mode="valid"), atol=1e-12
    )


@given(n=st.integers(1, 60), layers=st.lists(geometry, min_size=1, max_size=4))
def test_receptive_field_is_that_of_real_convolutions(n, layers):
    x = torch.zeros(1, 1, n)
    for kernel, stride, padding in layers:
        assume(x.shape[-1] + 2 * padding >= kernel)
        x = F.conv1d(x, torch.ones(1, 1, kernel), stride=stride, padding=padding)
    many, seen = convolution.receptive_field(n, layers)
    assert many == x.shape[-1]
    long = torch.zeros(1, 1, 400, dtype=torch.float64, requires_grad=True)
    y = long
    for kernel, stride, _ in layers:  # the first number's gradient reaches as far as it has seen
        y = F.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)
    y[0, 0, 0].backward()
    assert seen == long.grad.nonzero()[-1, -1] + 1


def drawn(seed, shape):
    """A picture, kernels, biases, and a gradient, for a geometry in which a window fits."""
    kernel, stride, padding = shape
    rng = np.random.default_rng(seed)
    height, width = rng.integers(max(1, kernel - 2 * padding), 8, 2)
    n, c, m = rng.integers(1, 4, 3)
    x, w, b = (rng.standard_normal(s) for s in ((n, c, height, width), (m, c, kernel, kernel), m))
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    y = F.conv2d(*tensors, stride=stride, padding=padding)
    g = rng.standard_normal(y.shape)
    return x, w, b, g, y, tensors


@given(seed=seeds, shape=geometry)
def test_convolution_both_ways_and_back(seed, shape):
    kernel, stride, padding = shape
    x, w, b, g, y, tensors = drawn(seed, shape)
    for layer in (convolution.conv2d_loops, convolution.conv2d):
        np.testing.assert_allclose(layer(x, w, b, stride, padding), y.detach(), atol=1e-12)
    columns = F.unfold(torch.tensor(x), kernel, stride=stride, padding=padding)
    np.testing.assert_array_equal(convolution.unfold(x, kernel, stride, padding), columns)
    y.backward(torch.tensor(g))
    found = convolution.conv2d_backward(g, x, w, stride, padding)
    for mine, theirs in zip(found, tensors, strict=True):
        np.testing.assert_allclose(mine, theirs.grad, atol=1e-12)


@pytest.mark.parametrize(("kind", "pool"), [("max", F.max_pool2d), ("avg", F.avg_pool2d)])
@given(seed=seeds, size=st.integers(1, 3), whole=st.booleans())
def test_pooling_and_its_way_back(kind, pool, seed, size, whole):
    """Whole numbers: many are equal, and PyTorch gives the gradient to the first of the largest, as we do."""
    rng = np.random.default_rng(seed)
    shape = (2, 2, *(size * rng.integers(1, 4, 2) + rng.integers(0, size, 2)))
    x = rng.integers(0, 3, shape).astype(float) if whole else rng.standard_normal(shape)
    t = torch.tensor(x, requires_grad=True)
    y = pool(t, size)
    g = rng.standard_normal(y.shape)
    y.backward(torch.tensor(g))
    np.testing.assert_allclose(convolution.pool2d(x, size, kind), y.detach(), atol=1e-12)
    np.testing.assert_allclose(convolution.pool2d_backward(g, x, size, kind), t.grad, atol=1e-12)


def test_a_lenet_is_that_of_pytorch():
    rng = np.random.default_rng(2)
    shapes = [(4, 1, 3, 3), (4,), (6, 4, 3, 3), (6,), (10, 96), (10,)]
    params = [0.5 * rng.standard_normal(shape) for shape in shapes]
    x, t = rng.standard_normal((5, 1, 8, 8)), rng.integers(0, 10, 5)
    leaves = [torch.tensor(a, requires_grad=True) for a in (*params, x)]
    w1, b1, w2, b2, w, b, pictures = leaves
    h = F.conv2d(F.conv2d(pictures, w1, b1, padding=1).relu(), w2, b2, padding=1).relu()
    loss = F.cross_entropy(F.linear(F.max_pool2d(h, 2).flatten(1), w, b), torch.tensor(t))
    loss.backward()
    found, gradients, for_pictures = convolution.lenet_loss(params, x, t)
    assert found == pytest.approx(loss.item())
    for mine, leaf in zip((*gradients, for_pictures), leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, atol=1e-12)
