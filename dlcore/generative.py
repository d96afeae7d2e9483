"""Models that make data: autoencoder, VAE and GAN, each as a loss and a training step.

A model is whatever maps tensors to tensors; nothing here knows layers. A step zeroes gradients,
runs forward and backward, and lets the optimizer move.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dlcore import losses
from dlcore.backend.arrays import ones_like, zeros_like
from dlcore.errors import ShapeError
from dlcore.nn.module import Module
from dlcore.operands import as_tensor, floats
from dlcore.optim import Optimizer
from dlcore.rng import generator
from dlcore.tensor import Tensor, no_grad


def autoencoder_step(
    encoder: Module,
    decoder: Module,
    optimizer: Optimizer,
    x: Tensor,
    noise: float = 0.0,
    rng: Any = None,
) -> float:
    """One step toward decoder(encoder(x)) = x; with ``noise``, from x + noise N(0, 1).

    Returns the mean squared error.
    Paper: Hinton and Salakhutdinov (2006), Reducing the dimensionality of data with neural
    networks; Vincent et al. (2008), Extracting and composing robust features with denoising
    autoencoders.
    """
    seen = x
    if noise:
        drawn = generator(rng).standard_normal(x.shape, dtype=np.float32)
        seen = x + noise * np.asarray(drawn, like=x.data).astype(x.dtype)
    optimizer.zero_grad()
    loss = losses.mse_loss(decoder(encoder(seen)), x)
    loss.backward()
    optimizer.step()
    return loss.item()


def reparameterize(mu: Tensor, logvar: Tensor, rng: Any = None) -> Tensor:
    """Draw from N(mu, exp(logvar)) as  z = mu + exp(logvar / 2) eps,  eps from N(0, 1).

    All chance is in eps, so that the gradient passes to mu and logvar.
    Shapes: (N, Z), (N, Z) -> (N, Z).
    Paper: Kingma and Welling (2014), Auto-encoding variational Bayes, section 2.4.
    """
    mu, logvar = (as_tensor("reparameterize", v) for v in (mu, logvar))
    drawn = generator(rng).standard_normal(mu.shape, dtype=np.float32)
    eps = Tensor(np.asarray(drawn, like=mu.data).astype(mu.dtype))
    return mu + (0.5 * logvar).exp() * eps


def kl_to_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) = 1/2 sum (mu^2 + exp(logvar) - 1 - logvar), one for each row.

    Shapes: (N, Z), (N, Z) -> (N,).  Raises ShapeError.
    Paper: Kingma and Welling (2014), appendix B.
    """
    m = floats("kl_to_standard_normal", mu)
    log = floats("kl_to_standard_normal", logvar, m)
    if m.ndim != 2 or m.shape != log.shape:
        rule = "mu and logvar must both be (N, Z)"
        raise ShapeError("kl_to_standard_normal", rule, mu=m.shape, logvar=log.shape)
    v = np.exp(log)
    loss = 0.5 * (m * m + v - 1 - log).sum(axis=1)
    return Tensor.from_op(
        loss, (mu, logvar), lambda g: (g[:, None] * m, g[:, None] * (0.5 * (v - 1)))
    )


class Elbo(NamedTuple):
    """What a VAE minimizes, and its two parts; each the mean over the batch, summed over pixels."""

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor


def elbo(
    logits: Tensor,
    x: Any,
    mu: Tensor,
    logvar: Tensor,
    beta: float = 1.0,
    likelihood: str = "bernoulli",
) -> Elbo:
    """The negative evidence lower bound:  -log p(x | z) + beta KL(q(z | x) || p(z)).

    ``likelihood`` is "bernoulli" (x in [0, 1], logits before a sigmoid) or "gaussian" (variance 1,
    up to a constant). ``beta`` above 1 asks for simpler codes.
    Shapes: logits and x (N, ...), mu and logvar (N, Z) -> three of ().  Raises ValueError, ShapeError.
    Paper: Kingma and Welling (2014), equation 10; Higgins et al. (2017), beta-VAE, equation 4.
    """
    logits = as_tensor("elbo", logits)
    if likelihood == "bernoulli":
        total = losses.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    elif likelihood == "gaussian":
        total = 0.5 * losses.mse_loss(logits, x, reduction="sum")
    else:
        raise ValueError(f'elbo: likelihood is {likelihood!r}; choose "bernoulli" or "gaussian"')
    reconstruction = total * (1 / len(logits))
    kl = kl_to_standard_normal(mu, logvar).mean()
    return Elbo(reconstruction + beta * kl, reconstruction, kl)


def vae_step(
    encoder: Module,
    decoder: Module,
    optimizer: Optimizer,
    x: Tensor,
    beta: float = 1.0,
    likelihood: str = "bernoulli",
    rng: Any = None,
) -> tuple[float, float]:
    """One step of a VAE.  ``encoder(x)`` gives (N, 2 Z): mu, then logvar.

    Returns the reconstruction loss and the KL divergence.
    """
    optimizer.zero_grad()
    mu, logvar = encoder(x).chunk(2, 1)
    parts = elbo(decoder(reparameterize(mu, logvar, rng)), x, mu, logvar, beta, likelihood)
    parts.loss.backward()
    optimizer.step()
    return parts.reconstruction.item(), parts.kl.item()


def discriminator_loss(real: Tensor, fake: Tensor, kind: str = "minimax") -> Tensor:
    """How badly scores tell real from fake.

    "minimax" and "non-saturating": -log s(real) - log(1 - s(fake)); "wasserstein": fake - real.
    Shapes: scores (N, ...), (M, ...) -> ().  Raises ValueError.
    Paper: Goodfellow et al. (2014), Generative adversarial nets, equation 1; Arjovsky, Chintala and
    Bottou (2017), Wasserstein GAN, algorithm 1.
    """
    real, fake = as_tensor("discriminator_loss", real), as_tensor("discriminator_loss", fake)
    if kind == "wasserstein":
        return fake.mean() - real.mean()
    _check_kind(kind)
    bce = losses.binary_cross_entropy_with_logits
    return bce(real, ones_like(real.data)) + bce(fake, zeros_like(fake.data))


def generator_loss(fake: Tensor, kind: str = "non-saturating") -> Tensor:
    """How badly the fakes deceive.

    "minimax": log(1 - s(fake)), flat where the generator is worst; "non-saturating": -log s(fake),
    steep there; "wasserstein": -fake.
    Shapes: scores (N, ...) -> ().  Raises ValueError.
    Paper: Goodfellow et al. (2014), section 3.
    """
    fake = as_tensor("generator_loss", fake)
    if kind == "wasserstein":
        return -fake.mean()
    _check_kind(kind)
    bce = losses.binary_cross_entropy_with_logits
    if kind == "minimax":
        return -bce(fake, zeros_like(fake.data))
    return bce(fake, ones_like(fake.data))


def _check_kind(kind: str) -> None:
    if kind not in ("minimax", "non-saturating"):
        raise ValueError(
            f'GAN loss: kind is {kind!r}; choose "minimax", "non-saturating" or "wasserstein"'
        )


def clip_weights(module: Module, limit: float = 0.01) -> None:
    """Push every weight into [-limit, limit]: Wasserstein's critic must not be too steep.

    Paper: Arjovsky, Chintala and Bottou (2017), Wasserstein GAN, algorithm 1.
    """
    for p in module.parameters():
        np.clip(p.data, -limit, limit, out=p.data)
        p.changed()


def discriminator_step(
    generator: Module,
    discriminator: Module,
    optimizer: Optimizer,
    x: Tensor,
    z: Tensor,
    kind: str = "minimax",
    clip: float = 0.01,
) -> float:
    """One step of the judge on real ``x`` and fakes made from ``z``; the generator stays as it is.

    With kind "wasserstein" weights are then clipped to +-``clip``.  Returns the loss.
    """
    with no_grad():
        fake = generator(z)
    optimizer.zero_grad()
    loss = discriminator_loss(discriminator(x), discriminator(fake), kind)
    loss.backward()
    optimizer.step()
    if kind == "wasserstein":
        clip_weights(discriminator, clip)
    return loss.item()


def generator_step(
    generator: Module,
    discriminator: Module,
    optimizer: Optimizer,
    z: Tensor,
    kind: str = "non-saturating",
) -> float:
    """One step of the forger against the judge as it stands.  Returns the loss."""
    optimizer.zero_grad()
    discriminator.requires_grad_(False)  # its gradients would be thrown away
    try:
        loss = generator_loss(discriminator(generator(z)), kind)
        loss.backward()
    finally:
        discriminator.requires_grad_(True)
    optimizer.step()
    return loss.item()
