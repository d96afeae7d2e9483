"""Autoencoders by hand, against PyTorch and scikit-learn, and a machine that breaks as it is told."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import decomposition, metrics

from dlcore.data import series
from dlcore.scratch import autoencoders

seeds, sizes = st.integers(0, 10_000), st.integers(1, 5)


@given(seed=seeds, n=st.integers(6, 12), d=st.integers(2, 5), data=st.data())
def test_pca_is_scikit_learns(seed, n, d, data):
    k = data.draw(st.integers(1, d))
    x = np.random.default_rng(seed).standard_normal((n, d)) * (1 + np.arange(d)) + 3
    theirs = decomposition.PCA(k).fit(x)
    mean, directions = autoencoders.pca(x, k)
    np.testing.assert_allclose(mean, theirs.mean_, atol=1e-12)
    np.testing.assert_allclose(np.abs(directions @ theirs.components_.T), np.eye(k), atol=1e-6)
    codes, nearest = autoencoders.project(x, mean, directions)
    np.testing.assert_allclose(nearest, theirs.inverse_transform(theirs.transform(x)), atol=1e-8)
    np.testing.assert_allclose(codes, (nearest - mean) @ directions.T, atol=1e-9)


@given(seed=seeds, widths=st.lists(sizes, min_size=1, max_size=3), n=sizes, d=sizes)
def test_a_network_with_a_narrow_middle_there_and_back(seed, widths, n, d):
    rng = np.random.default_rng(seed)
    sizes_ = [d, *widths, *widths[-2::-1], d]
    params = [
        rng.standard_normal(shape)
        for a, b in itertools.pairwise(sizes_)
        for shape in ((b, a), (b,))
    ]
    seen, x = rng.standard_normal((2, n, d))
    loss, gradients = autoencoders.autoencoder_loss(params, seen, x)
    leaves = [torch.tensor(p, requires_grad=True) for p in params]
    h, layers = torch.tensor(seen), len(params) // 2
    for i in range(layers):
        h = torch.nn.functional.linear(h, leaves[2 * i], leaves[2 * i + 1])
        h = h if i + 1 in (layers // 2, layers) else torch.relu(h)
    wanted = torch.nn.functional.mse_loss(h, torch.tensor(x))
    wanted.backward()
    assert loss == pytest.approx(wanted.item())
    for mine, leaf in zip(gradients, leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, atol=1e-10)


@given(
    seed=seeds,
    n=sizes,
    c=sizes,
    m=sizes,
    h=sizes,
    w=sizes,
    stride=st.integers(1, 3),
    data=st.data(),
)
def test_stamps_are_pytorchs(seed, n, c, m, h, w, stride, data):
    k = data.draw(st.integers(1, 4))
    most = ((min(h, w) - 1) * stride + k - 1) // 2  # so that something is left
    padding = data.draw(st.integers(0, max(most, 0)))
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape) for shape in ((n, c, h, w), (c, m, k, k), (m,))]
    wanted = torch.conv_transpose2d(*map(torch.tensor, arrays), stride=stride, padding=padding)
    found = autoencoders.conv_transpose2d(*arrays, stride, padding)
    np.testing.assert_allclose(found, wanted, atol=1e-11)


@given(seed=seeds, n=st.integers(2, 30), levels=st.integers(1, 40))
def test_the_area_below_the_curve_is_scikit_learns(seed, n, levels):
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, levels, n) / levels, rng.integers(0, 2, n)
    labels[:2] = 0, 1
    false, hits = autoencoders.roc_curve(scores, labels)
    assert len(false) == len(set(scores.tolist())) + 1
    assert (false[0], hits[0], false[-1], hits[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(hits, false) == pytest.approx(metrics.roc_auc_score(labels, scores))


@pytest.mark.parametrize("fault", series.FAULTS)
def test_a_machine_is_healthy_until_the_fault_begins(fault):
    healthy, ill = (
        series.bearing_vibration(3000, np.random.default_rng(7), kind, 1500)
        for kind in (None, fault)
    )
    np.testing.assert_array_equal(healthy[:1500], ill[:1500])
    off = np.abs(healthy - ill)
    assert off[2500:].max() > 0.4  # the noise is 0.08
    if fault != "stuck":
        assert off[1500:1600].mean() < off[2900:].mean() / 5  # it grows
    assert set(ill[1500:].tolist()) == {healthy[1500]} or fault != "stuck"


def test_an_unknown_fault_is_refused_in_words():
    with pytest.raises(ValueError, match="choose one of"):
        series.bearing_vibration(10, np.random.default_rng(0), "rust")
