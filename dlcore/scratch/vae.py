"""A variational autoencoder by hand: the KL divergence, the ELBO, the reparameterization trick, the likelihood.

``dlcore.generative`` has the same for the tape.

Papers: Kingma and Welling (2014), Auto-encoding variational Bayes; Rezende, Mohamed and Wierstra (2014); Williams (1992),
Simple statistical gradient-following algorithms; Higgins et al. (2017), beta-VAE; Burda et al. (2016), Importance
weighted autoencoders; Sohn et al. (2015), Learning structured output representation (conditions).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlcore.scratch.activations import sigmoid
from dlcore.scratch.losses import logsumexp


def kl_divergence(mu: Any, logvar: Any) -> Any:
    """KL(N(mu, exp(logvar)) || N(0, 1)) = 1/2 sum (mu^2 + exp(logvar) - 1 - logvar), for each row.

    Shapes: mu, logvar (N, Z) -> (N,).
    """
    return 0.5 * (mu * mu + np.exp(logvar) - 1 - logvar).sum(axis=1)


def gaussian_elbo(x: Any, mu: Any, logvar: Any, w: float, s: float) -> Any:
    """The evidence lower bound where all can be computed: z from N(0, 1), x from N(w z, s^2), q = N(mu, exp(logvar)).

    E_q log p(x | z) - KL(q || p).  Shapes: x, mu, logvar (...) -> (...).
    """
    miss = (x - w * mu) ** 2 + w * w * np.exp(logvar)
    likelihood = -0.5 * (miss / s**2 + np.log(2 * np.pi * s**2))
    return likelihood - 0.5 * (mu * mu + np.exp(logvar) - 1 - logvar)


def reparameterize(mu: Any, logvar: Any, eps: Any) -> Any:
    """z = mu + exp(logvar / 2) eps.  Shapes: three of (N, Z) -> (N, Z)."""
    return mu + np.exp(0.5 * logvar) * eps


def gradient_estimators(
    f: Callable[[Any], Any], derivative: Callable[[Any], Any], mu: float, logvar: float, eps: Any
) -> tuple[Any, Any]:
    """Two estimates of d/dmu E f(z), z from N(mu, exp(logvar)), for each sample: score function and reparameterization.

    f(z) (z - mu) / variance, and f'(z), where f' is ``derivative``.  Shapes: eps (N,) -> (N,), (N,).
    """
    z = reparameterize(mu, logvar, eps)
    return f(z) * (z - mu) / np.exp(logvar), derivative(z)


def latent_backward(g: Any, mu: Any, logvar: Any, eps: Any, beta: float = 1.0) -> tuple[Any, Any]:
    """Gradients of mean and log-variance: from g, the gradient of z, through the reparameterization, plus beta times those of the mean KL.

    Shapes: four of (N, Z) -> (N, Z), (N, Z).
    """
    n, spread = len(mu), np.exp(0.5 * logvar)
    return g + beta * mu / n, 0.5 * (g * spread * eps + beta * (spread * spread - 1) / n)


def vae_loss(
    params: Sequence[Any], x: Any, eps: Any, beta: float = 1.0, c: Any = None
) -> tuple[Any, Any, list[Any]]:
    """The negative evidence lower bound, mean over the batch: reconstruction term plus beta times the KL term; and the gradients.

    One hidden layer of ReLUs on each side; x is between 0 and 1, and the decoder returns its logits. The condition ``c``, if given, is an input of both.
    Shapes: params [w (H, D + C), b, w (2 Z, H), b, w (H', Z + C), b, w (D, H'), b], x (N, D), eps (N, Z), c (N, C)
    -> a number, [reconstruction, KL], a list like params.
    Paper: Kingma and Welling (2014), equation 10; Sohn et al. (2015) for c.
    """
    w1, b1, w2, b2, w3, b3, w4, b4 = params
    told = x[:, :0] if c is None else c
    seen = np.concatenate([x, told], axis=1)
    h = np.maximum(seen @ w1.T + b1, 0)
    mu, logvar = np.split(h @ w2.T + b2, 2, axis=1)
    z = np.concatenate([reparameterize(mu, logvar, eps), told], axis=1)
    k = np.maximum(z @ w3.T + b3, 0)
    logits = k @ w4.T + b4
    said = (np.logaddexp(0, logits) - x * logits).sum(axis=1).mean()
    kl = kl_divergence(mu, logvar).mean()
    g = (sigmoid(logits) - x) / len(x)
    dk = (g @ w4) * (k > 0)
    back = latent_backward((dk @ w3)[:, : eps.shape[1]], mu, logvar, eps, beta)
    da = np.concatenate(back, axis=1)
    dh = (da @ w2) * (h > 0)
    pairs = (dh, seen), (da, h), (dk, z), (g, k)
    grads = [a for out, into in pairs for a in (out.T @ into, out.sum(axis=0))]
    return said + beta * kl, np.stack([said, kl]), grads


def log_likelihood(params: Sequence[Any], x: Any, eps: Any) -> Any:
    """log p(x), estimated by importance sampling with K samples; for K = 1 its expectation is the evidence lower bound.

    Shapes: params as for ``vae_loss`` without c, x (N, D), eps (K, N, Z) -> (N,).
    Paper: Burda, Grosse and Salakhutdinov (2016), equation 8.
    """
    w1, b1, w2, b2, w3, b3, w4, b4 = params
    mu, logvar = np.split(np.maximum(x @ w1.T + b1, 0) @ w2.T + b2, 2, axis=1)
    z = reparameterize(mu, logvar, eps)
    logits = np.maximum(z @ w3.T + b3, 0) @ w4.T + b4
    said = (x * logits - np.logaddexp(0, logits)).sum(axis=2)
    prior, drawn = -0.5 * (z * z).sum(axis=2), -0.5 * (eps * eps + logvar).sum(axis=2)
    return logsumexp(said + prior - drawn, axis=0) - np.log(len(eps))


def slerp(a: Any, b: Any, steps: int) -> Any:
    """Spherical linear interpolation from a to b: an arc about 0 at constant angular speed.

    Shapes: a, b (Z,) -> (steps, Z), a first and b last.  Paper: White (2016), Sampling generative networks.
    """
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    angle, t = np.arccos(np.clip(cosine, -1, 1)), np.linspace(0, 1, steps)[:, None]
    if np.sin(angle) < 1e-9:
        return (1 - t) * a + t * b
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
