"""What holds a network back, by hand, against PyTorch, closed forms and measured slopes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import shift as moved_by_scipy

from dlcore.scratch import regularization as reg
from dlcore.scratch import training

seeds = st.integers(0, 10_000)


@given(seed=seeds, l2=st.floats(0.01, 10))
def test_ridge_is_where_the_slope_is_zero(seed, l2):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((rng.integers(2, 8), rng.integers(1, 8))), rng.standard_normal(8)
    y = y[: len(x)]
    w = reg.ridge(x, y, l2)
    np.testing.assert_allclose(x.T @ (x @ w - y) + l2 * w, 0, atol=1e-10)


def test_ridge_without_a_penalty_is_the_shortest_that_fits():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4, 9)), rng.standard_normal(4)
    w = reg.ridge(x, y)
    np.testing.assert_allclose(x @ w, y)
    np.testing.assert_allclose(w, reg.ridge(x, y, 1e-9), atol=1e-6)
    other = w + np.linalg.svd(x)[2][-1]  # a direction that x does not see
    np.testing.assert_allclose(x @ other, y)
    assert np.linalg.norm(w) < np.linalg.norm(other)


def test_the_penalty_is_pytorchs_and_spares_biases():
    params = training.he_init([5, 4, 3], 1)
    params[1] += 1.0
    leaves = [torch.tensor(p, requires_grad=True) for p in params]
    wanted = sum(0.3 * w.abs().sum() + 0.7 / 2 * (w**2).sum() for w in leaves[::2])
    wanted.backward()
    total, gradients = reg.penalty(params, l1=0.3, l2=0.7)
    assert total == pytest.approx(wanted.item())
    for leaf, g in zip(leaves, gradients, strict=True):
        np.testing.assert_allclose(g, 0 if leaf.grad is None else leaf.grad.numpy())


@given(seed=seeds, p=st.sampled_from([0.0, 0.1, 0.5, 0.9]))
def test_dropout_drops_scales_and_keeps_the_mean(seed, p):
    x = np.random.default_rng(seed).standard_normal((200, 300)) + 3
    y, scale = reg.dropout(x, p, rng=seed)
    np.testing.assert_array_equal(y, x * scale)
    np.testing.assert_allclose(np.unique(scale), [0, 1 / (1 - p)] if p else [1])
    # six standard errors: a right dropout is beyond them once in 500 million draws
    kept = 1 - p
    assert abs((scale == 0).mean() - p) <= 6 * np.sqrt(p * kept / x.size)
    assert abs(y.mean() - x.mean()) <= 6 * np.sqrt((x * x).mean() * p / kept / x.size)
    again, ones = reg.dropout(x, p, training=False)
    np.testing.assert_array_equal(again, x)
    assert (ones == 1).all()


@given(seed=seeds, n=st.integers(2, 9), d=st.integers(1, 5), momentum=st.floats(0, 1))
def test_batch_norm_is_pytorchs(seed, n, d, momentum):
    rng = np.random.default_rng(seed)
    x, g = 3 * rng.standard_normal((2, n, d)) + 1
    w, b, mean, var = rng.uniform(0.5, 2, (4, d))
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    running = [torch.tensor(a.copy()) for a in (mean, var)]
    wanted = torch.nn.functional.batch_norm(
        leaves[0], *running, leaves[1], leaves[2], True, momentum
    )
    wanted.backward(torch.tensor(g))
    found = reg.batch_norm(x, w, b, mean, var, momentum=momentum)
    for a, other in zip(found, (wanted.detach(), *running), strict=True):
        np.testing.assert_allclose(a, other, rtol=1e-9, atol=1e-10)
    for a, leaf in zip(reg.batch_norm_backward(g, x, w), leaves, strict=True):
        np.testing.assert_allclose(a, leaf.grad, rtol=1e-6, atol=1e-8)
    still = torch.nn.functional.batch_norm(
        leaves[0], torch.tensor(mean), torch.tensor(var), leaves[1], leaves[2]
    )
    y, *kept = reg.batch_norm(x, w, b, mean, var, training=False)
    np.testing.assert_allclose(y, still.detach(), rtol=1e-9, atol=1e-10)
    np.testing.assert_array_equal(kept, [mean, var])


@given(losses=st.lists(st.integers(0, 9), min_size=1, max_size=20), patience=st.integers(1, 6))
def test_early_stopping_stops_when_the_best_is_old(losses, patience):
    stop, best = reg.early_stopping(losses, patience)
    assert best == losses.index(min(losses[: stop + 1]))  # the first of the best
    assert stop == len(losses) - 1 or stop - best == patience
    for earlier in range(stop):
        assert earlier - losses.index(min(losses[: earlier + 1])) < patience


@given(seed=seeds, down=st.integers(-3, 3), right=st.integers(-4, 4))
def test_a_shift_is_scipys(seed, down, right):
    images = np.random.default_rng(seed).random((2, 3, 4))
    wanted = [moved_by_scipy(image, (down, right), order=0) for image in images]
    np.testing.assert_allclose(reg.shift_images(images, down, right), wanted)


@pytest.mark.parametrize("p", [0.0, 0.4])
def test_the_whole_loss_has_the_slope_that_is_measured(p):
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((6, 5)), rng.integers(0, 3, 6)
    params = training.he_init([5, 7, 6, 3], 2)
    loss, gradients = reg.loss_and_gradients(params, x, t, p, 0.1, rng=3)
    for k, g in enumerate(gradients):
        direction, eps = rng.standard_normal(g.shape), 1e-6
        moved = [
            reg.loss_and_gradients(
                [q + side * direction if i == k else q for i, q in enumerate(params)], x, t, p, 0.1, 3
            )[0]
            for side in (eps, -eps)
        ]  # fmt: skip
        np.testing.assert_allclose((moved[0] - moved[1]) / (2 * eps), (g * direction).sum(), rtol=1e-5)  # fmt: skip
    assert loss > reg.loss_and_gradients(params, x, t, p, 0.0, rng=3)[0]
