"""Adversarial networks by hand, against PyTorch, and against rows whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore.scratch import gan

seeds, sizes = st.integers(0, 10_000), st.integers(1, 5)
kinds = st.sampled_from(["minimax", "non-saturating", "wasserstein"])


def network(rng, *widths):
    return [a for n, m in itertools.pairwise(widths) for a in (rng.standard_normal((m, n)), rng.standard_normal(m))]  # fmt: skip


def through(params, x):
    for n in range(0, len(params), 2):
        x = torch.nn.functional.linear(x, params[n], params[n + 1])
        x = x if n == len(params) - 2 else torch.nn.functional.leaky_relu(x, 0.2)
    return x


def leaves(params):
    return [torch.tensor(p, requires_grad=True) for p in params]


def judge_loss(real, fake, kind):
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    if kind == "wasserstein":
        return fake.mean() - real.mean()
    return bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))


def forger_loss(fake, kind):
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    if kind == "wasserstein":
        return -fake.mean()
    if kind == "minimax":
        return -bce(fake, torch.zeros_like(fake))
    return bce(fake, torch.ones_like(fake))


@given(seed=seeds, n=sizes, widths=st.lists(sizes, min_size=2, max_size=4))
def test_there_and_back_to_what_went_in(seed, n, widths):
    rng = np.random.default_rng(seed)
    params, x = network(rng, *widths), rng.standard_normal((n, widths[0]))
    tensors, seen = leaves(params), torch.tensor(x, requires_grad=True)
    out = through(tensors, seen)
    g = rng.standard_normal(out.shape)
    out.backward(torch.tensor(g))
    outputs = gan.mlp_outputs(params, x)
    np.testing.assert_allclose(outputs[-1], out.detach(), atol=1e-9)
    grads, dx = gan.mlp_backward(params, outputs, g)
    for mine, leaf in zip([*grads, dx], [*tensors, seen], strict=True):
        np.testing.assert_allclose(mine, leaf.grad, atol=1e-9)


@given(seed=seeds, n=sizes, m=sizes, kind=kinds, scale=st.sampled_from([1.0, 1000.0]))
def test_the_losses_and_what_goes_back(seed, n, m, kind, scale):
    rng = np.random.default_rng(seed)
    real, fake = (scale * rng.standard_normal((k, 1)) for k in (n, m))
    one, two = (torch.tensor(a, requires_grad=True) for a in (real, fake))
    judge_loss(one, two, kind).backward()
    loss, dreal, dfake = gan.discriminator_loss(real, fake, kind)
    assert loss == pytest.approx(judge_loss(one, two, kind).item())
    np.testing.assert_allclose(dreal, one.grad, atol=1e-12)
    np.testing.assert_allclose(dfake, two.grad, atol=1e-12)
    two.grad = None
    forger_loss(two, kind).backward()
    loss, dfake = gan.generator_loss(fake, kind)
    assert loss == pytest.approx(forger_loss(two, kind).item())
    np.testing.assert_allclose(dfake, two.grad, atol=1e-12)


@given(
    seed=seeds, n=sizes, m=sizes, d=sizes, z=sizes, kind=kinds, clip=st.sampled_from([None, 0.5])
)
def test_a_turn_of_each(seed, n, m, d, z, kind, clip):
    """As PyTorch does it, with the judge detached from the forger and frozen for him."""
    rng = np.random.default_rng(seed)
    forger, judge = network(rng, z, 4, d), network(rng, d, 3, 1)
    x, noise = rng.standard_normal((n, d)), rng.standard_normal((2, m, z))
    f, j = leaves(forger), leaves(judge)
    step_j, step_f = torch.optim.SGD(j, 0.1), torch.optim.SGD(f, 0.2)
    made = through(f, torch.tensor(noise[0])).detach()
    loss_j = judge_loss(through(j, torch.tensor(x)), through(j, made), kind)
    loss_j.backward()
    mine, _ = gan.discriminator_gradients(judge, forger, x, noise[0], kind)
    assert mine == pytest.approx(loss_j.item())
    step_j.step()
    if clip:
        with torch.no_grad():
            for p in j:
                p.clamp_(-clip, clip)
    forger_loss(through(j, through(f, torch.tensor(noise[1]))), kind).backward()
    step_f.step()

    def descent(rate):
        return lambda params, grads: [p - rate * g for p, g in zip(params, grads, strict=True)]

    before = [p.copy() for p in [*forger, *judge]]
    moved = gan.gan_step(forger, judge, x, noise, descent(0.2), descent(0.1), kind, clip)
    for mine, theirs in zip([*moved[0], *moved[1]], [*f, *j], strict=True):
        np.testing.assert_allclose(mine, theirs.detach(), atol=1e-9)
    assert all(np.array_equal(a, b) for a, b in zip(before, [*forger, *judge], strict=True))


def test_centres_that_are_hit_and_those_that_are_not():
    centers = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
    points = np.concatenate([np.zeros((150, 2)), [[10.5, 0.0]], np.full((49, 2), 5.0)])
    share, hit = gan.mode_coverage(points, centers, 1.0)
    assert (share, hit) == (151 / 200, 1)  # one point in 200 is not enough
    assert gan.mode_coverage(points[:101], centers, 1.0) == (1.0, 1)
    assert gan.mode_coverage(np.repeat(points[149:151], 50, axis=0), centers, 0.5)[1] == 2


def test_who_repeats_and_who_makes():
    rng = np.random.default_rng(0)
    known, new, made = rng.standard_normal((3, 400, 6))
    assert gan.memorized(known + 1e-6, known, new) == 1
    assert abs(gan.memorized(made, known, new) - 0.05) < 0.05
    assert gan.memorized(made + 50, known, new) == 0
