"""Autoencoder, VAE and GAN: formulas against PyTorch, and steps that learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dlcore
from dlcore import data, nn, optim, tensor
from dlcore import generative as gen

RNG = np.random.default_rng(0)


def digits(n=256):
    return tensor(data.digits().x[:n].astype(np.float32))


def test_elbo_equals_pytorchs_distributions():
    logits, x = RNG.standard_normal((5, 6)), RNG.random((5, 6))
    mu, logvar = RNG.standard_normal((5, 3)), RNG.standard_normal((5, 3))
    t = [torch.tensor(a) for a in (logits, x, mu, logvar)]
    kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(t[2], (0.5 * t[3]).exp()), torch.distributions.Normal(0.0, 1.0)
    ).sum(1)
    bernoulli = (
        torch.nn.functional.binary_cross_entropy_with_logits(t[0], t[1], reduction="sum") / 5
    )
    gaussian = -torch.distributions.Normal(t[0], 1.0).log_prob(t[1]).sum() / 5
    for kind, wanted, constant in (
        ("bernoulli", bernoulli, 0.0),
        ("gaussian", gaussian, 0.5 * np.log(2 * np.pi) * 6),
    ):
        found = gen.elbo(*map(tensor, (logits, x, mu, logvar)), beta=2.5, likelihood=kind)
        assert found.reconstruction.item() + constant == pytest.approx(wanted.item())
        assert found.kl.item() == pytest.approx(kl.mean().item())
        assert found.loss.item() == pytest.approx(
            found.reconstruction.item() + 2.5 * found.kl.item()
        )
    with pytest.raises(ValueError, match='choose "bernoulli" or "gaussian"'):
        gen.elbo(*map(tensor, (logits, x, mu, logvar)), likelihood="cauchy")


def test_samples_have_the_right_spread_and_pass_the_gradient():
    mu = tensor(np.full((20_000, 1), 3.0), requires_grad=True)
    logvar = tensor(np.full((20_000, 1), np.log(4.0)), requires_grad=True)
    z = gen.reparameterize(mu, logvar, rng=0)
    assert z.data.mean() == pytest.approx(3, abs=0.05) and z.data.std() == pytest.approx(
        2, abs=0.05
    )
    z.sum().backward()
    np.testing.assert_array_equal(mu.grad.data, 1)
    np.testing.assert_allclose(logvar.grad.data, (z.data - 3) / 2)


SCORES = RNG.standard_normal((4, 1)), RNG.standard_normal((6, 1))


@pytest.mark.parametrize("kind", ["minimax", "non-saturating", "wasserstein"])
def test_gan_losses_are_the_formulas(kind):
    real, fake = SCORES
    s = lambda v: 1 / (1 + np.exp(-v))
    judge = {
        "wasserstein": fake.mean() - real.mean(),
    }.get(kind, -np.log(s(real)).mean() - np.log(1 - s(fake)).mean())
    forger = {
        "minimax": np.log(1 - s(fake)).mean(),
        "non-saturating": -np.log(s(fake)).mean(),
        "wasserstein": -fake.mean(),
    }[kind]
    assert gen.discriminator_loss(tensor(real), tensor(fake), kind).item() == pytest.approx(judge)
    assert gen.generator_loss(tensor(fake), kind).item() == pytest.approx(forger)
    with pytest.raises(ValueError, match="choose"):
        gen.generator_loss(tensor(fake), "friendly")


def test_an_autoencoder_learns():
    x = digits()
    encoder, decoder = nn.Linear(64, 8, rng=0), nn.Linear(8, 64, rng=1)
    optimizer = optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2)
    for noise in (0.0, 0.1):
        losses = [
            gen.autoencoder_step(encoder, decoder, optimizer, x, noise, rng=0) for _ in range(60)
        ]
        assert losses[-1] < losses[0]
    assert losses[-1] < 0.03


def test_a_vae_learns_and_repeats_for_a_seed():
    x = digits()

    def run():
        dlcore.manual_seed(0)
        encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8))
        decoder = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 64))
        optimizer = optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2)
        return [gen.vae_step(encoder, decoder, optimizer, x) for _ in range(40)]

    first = run()
    assert first == run()
    assert sum(first[-1]) < 0.75 * sum(first[0])


@pytest.mark.parametrize("kind", ["minimax", "non-saturating", "wasserstein"])
def test_a_gan_step_moves_the_right_half(kind):
    x = digits(64)
    generator = nn.Sequential(
        nn.Linear(4, 16, rng=0), nn.ReLU(), nn.Linear(16, 64, rng=1), nn.Sigmoid()
    )
    judge = nn.Sequential(nn.Linear(64, 16, rng=2), nn.LeakyReLU(0.2), nn.Linear(16, 1, rng=3))
    rng = np.random.default_rng(0)
    z = lambda: tensor(rng.standard_normal((64, 4)).astype(np.float32))
    of_judge, of_generator = (
        optim.RMSprop(judge.parameters(), 1e-3),
        optim.RMSprop(generator.parameters(), 1e-3),
    )
    before = generator.state_dict()
    losses = [gen.discriminator_step(generator, judge, of_judge, x, z(), kind) for _ in range(30)]
    assert losses[-1] < losses[1]  # the first one is from before the weights were clipped
    for key, value in generator.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    assert all(p.grad is None for p in generator.parameters())  # nothing computed in vain
    if kind == "wasserstein":
        assert all(np.abs(p.data).max() <= 0.01 for p in judge.parameters())
    before = judge.state_dict()
    losses = [gen.generator_step(generator, judge, of_generator, z(), kind) for _ in range(30)]
    assert losses[-1] < losses[0]
    for key, value in judge.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    assert all(p.requires_grad for p in judge.parameters())
