# Right answers to lesson 18, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905, E741


# %% kl_divergence: number by number
import math

import numpy as np


def kl_divergence(mu, logvar):
    found = []
    for means, logs in zip(mu, logvar):
        found.append(sum((m**2 + math.exp(l) - 1 - l) / 2 for m, l in zip(means, logs)))
    return np.array(found)


# %% kl_divergence: with standard deviations
def kl_divergence(mu, logvar):
    sigma = np.sqrt(np.exp(logvar))
    return np.sum((sigma**2 + mu**2 - 1) / 2 - np.log(sigma), axis=-1)


# %% kl_divergence: einsum and expm1
def kl_divergence(mu, logvar):
    return 0.5 * (np.einsum("nz,nz->n", mu, mu) + (np.expm1(logvar) - logvar).sum(1))


# %% gaussian_elbo: cross entropy and entropy
import numpy as np


def gaussian_elbo(x, mu, logvar, w, s):
    # E log p(x | z) + E log p(z) + the entropy of q
    v = np.exp(logvar)
    said = -((x - w * mu) ** 2 + w**2 * v) / (2 * s**2) - np.log(s) - np.log(2 * np.pi) / 2
    prior = -(mu**2 + v) / 2 - np.log(2 * np.pi) / 2
    entropy = (np.log(2 * np.pi) + 1 + logvar) / 2
    return said + prior + entropy


# %% gaussian_elbo: the true logarithm less the divergence from the posterior
def gaussian_elbo(x, mu, logvar, w, s):
    whole = w * w + s * s
    evidence = -(x * x / whole + np.log(2 * np.pi * whole)) / 2
    mean, variance = w * x / whole, s * s / whole
    ratio = np.exp(logvar) / variance
    return evidence - ((mu - mean) ** 2 / variance + ratio - 1 - np.log(ratio)) / 2


# %% gaussian_elbo: an integral over the draw
def gaussian_elbo(x, mu, logvar, w, s):
    nodes, weights = np.polynomial.hermite.hermgauss(5)
    sigma = np.exp(logvar / 2)
    total = 0.0
    for node, weight in zip(nodes, weights):
        z = mu + np.sqrt(2) * sigma * node
        inside = -(((x - w * z) / s) ** 2) / 2 - np.log(s) - z**2 / 2 + node**2 + logvar / 2
        total = total + weight / np.sqrt(np.pi) * inside
    return total - np.log(2 * np.pi) / 2


# %% gradient_estimators: with eps itself
import numpy as np


def gradient_estimators(f, derivative, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    z = mu + sigma * eps
    return f(z) * eps / sigma, derivative(z)


# %% gradient_estimators: draw by draw
def gradient_estimators(f, derivative, mu, logvar, eps):
    variance = np.exp(logvar)
    by_score, through = [], []
    for e in eps:
        z = mu + variance**0.5 * e
        by_score.append(f(z) * (z - mu) / variance)
        through.append(derivative(z))
    return np.array(by_score), np.array(through)


# %% gradient_estimators: the derivative of the log density by finite differences
def gradient_estimators(f, derivative, mu, logvar, eps):
    def log_density(z, mean):
        return -((z - mean) ** 2) / (2 * np.exp(logvar))

    z = np.asarray(eps) * np.sqrt(np.exp(logvar)) + mu
    h = 1e-4  # exact for a square, but for rounding
    score = (log_density(z, mu + h) - log_density(z, mu - h)) / (2 * h)
    return f(z) * score, derivative(z)


# %% latent_backward: two ways, added up
import numpy as np


def latent_backward(g, mu, logvar, eps, beta=1.0):
    n = mu.shape[0]
    through = g, g * eps * np.exp(logvar / 2) / 2
    cost = mu / n, (np.exp(logvar) - 1) / (2 * n)
    return through[0] + beta * cost[0], through[1] + beta * cost[1]


# %% latent_backward: by way of the standard deviation
def latent_backward(g, mu, logvar, eps, beta=1.0):
    sigma = np.exp(0.5 * logvar)
    dsigma = g * eps + beta / len(mu) * (sigma - 1 / sigma)
    return g + beta / len(mu) * mu, dsigma * sigma / 2


# %% latent_backward: with z, and in place
def latent_backward(g, mu, logvar, eps, beta=1.0):
    z = mu + np.sqrt(np.exp(logvar)) * eps
    dmu, dlogvar = g.copy(), g * (z - mu) / 2
    dmu += beta * mu / len(mu)
    dlogvar += beta * np.expm1(logvar) / 2 / len(mu)
    return dmu, dlogvar


# %% vae_loss: columns of the matrices instead of joined arrays
import numpy as np


def vae_loss(params, x, eps, beta=1.0, c=None):
    w1, b1, w2, b2, w3, b3, w4, b4 = params
    N, D = x.shape
    Z = eps.shape[1]
    if c is None:
        c = np.zeros((N, 0))
    h = x @ w1[:, :D].T + c @ w1[:, D:].T + b1
    h = np.where(h > 0, h, 0)
    code = h @ w2.T + b2
    mu, logvar = code[:, :Z], code[:, Z:]
    sigma = np.exp(logvar / 2)
    z = mu + sigma * eps
    k = z @ w3[:, :Z].T + c @ w3[:, Z:].T + b3
    k = np.where(k > 0, k, 0)
    a = k @ w4.T + b4
    reconstruction = np.sum(np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a))) - x * a) / N
    kl = np.sum(mu**2 + sigma**2 - 1 - logvar) / 2 / N
    e = np.exp(-np.abs(a))
    y = np.where(a >= 0, 1 / (1 + e), e / (1 + e))
    da = (y - x) / N
    dk = da @ w4 * (k > 0)
    dz = dk @ w3[:, :Z]
    dcode = np.empty_like(code)
    dcode[:, :Z] = dz + beta * mu / N
    dcode[:, Z:] = dz * eps * sigma / 2 + beta * (sigma**2 - 1) / (2 * N)
    dh = dcode @ w2 * (h > 0)
    dw1 = np.column_stack([dh.T @ x, dh.T @ c])
    dw3 = np.column_stack([dk.T @ z, dk.T @ c])
    grads = [dw1, dh.sum(0), dcode.T @ h, dcode.sum(0), dw3, dk.sum(0), da.T @ k, da.sum(0)]
    return reconstruction + beta * kl, [reconstruction, kl], grads


# %% vae_loss: picture by picture
def vae_loss(params, x, eps, beta=1.0, c=None):
    w1, b1, w2, b2, w3, b3, w4, b4 = params
    n, size = len(x), eps.shape[1]
    reconstruction = kl = 0.0
    grads = [np.zeros(np.shape(p)) for p in params]
    for i in range(n):
        told = [] if c is None else c[i]
        seen = np.append(x[i], told)
        h = np.maximum(w1 @ seen + b1, 0)
        mu, logvar = (w2 @ h + b2).reshape(2, size)
        sigma = np.exp(logvar / 2)
        z = np.append(mu + sigma * eps[i], told)
        k = np.maximum(w3 @ z + b3, 0)
        a = w4 @ k + b4
        reconstruction += (np.logaddexp(0, a) - x[i] * a).sum()
        kl += (mu**2 + np.exp(logvar) - 1 - logvar).sum() / 2
        da = (1 + np.tanh(a / 2)) / 2 - x[i]
        dk = da @ w4 * (k > 0)
        dz = (dk @ w3)[:size]
        dcode = np.append(dz + beta * mu, dz * eps[i] * sigma / 2 + beta * np.expm1(logvar) / 2)
        dh = dcode @ w2 * (h > 0)
        outs, ins = (dh, dcode, dk, da), (seen, h, z, k)
        for j in range(4):
            grads[2 * j] += np.outer(outs[j], ins[j]) / n
            grads[2 * j + 1] += outs[j] / n
    return (reconstruction + beta * kl) / n, (reconstruction / n, kl / n), grads


# %% vae_loss: by automatic differentiation
from dlcore import functional as F
from dlcore import tensor


def vae_loss(params, x, eps, beta=1.0, c=None):
    leaves = [tensor(p, requires_grad=True) for p in params]
    w1, b1, w2, b2, w3, b3, w4, b4 = leaves
    n, size = eps.shape
    seen = x if c is None else np.hstack([x, c])
    code = (tensor(seen) @ w1.T + b1).relu() @ w2.T + b2
    mu, logvar = code[:, :size], code[:, size:]
    k = (mu + (0.5 * logvar).exp() * tensor(eps)) @ w3[:, :size].T + b3
    if c is not None:
        k = k + tensor(c) @ w3[:, size:].T
    a = k.relu() @ w4.T + b4
    said = F.binary_cross_entropy_with_logits(a, tensor(x), reduction="sum") * (1 / n)
    kl = (mu * mu + logvar.exp() - 1 - logvar).sum() * (0.5 / n)
    loss = said + beta * kl
    loss.backward()
    return loss.item(), np.array([said.item(), kl.item()]), [p.grad.data for p in leaves]


# %% log_likelihood: draw by draw, with all constants
import numpy as np


def log_likelihood(params, x, eps):
    w1, b1, w2, b2, w3, b3, w4, b4 = params
    half = eps.shape[-1]
    code = np.maximum(x @ w1.T + b1, 0) @ w2.T + b2
    mu, logvar = code[:, :half], code[:, half:]
    logs = []
    for e in eps:
        z = mu + np.exp(logvar / 2) * e
        a = np.maximum(z @ w3.T + b3, 0) @ w4.T + b4
        said = np.sum(x * a - np.logaddexp(0, a), axis=1)
        prior = np.sum(-(z**2) / 2 - np.log(2 * np.pi) / 2, axis=1)
        cloud = np.sum(-(e**2) / 2 - np.log(2 * np.pi) / 2 - logvar / 2, axis=1)
        logs.append(said + prior - cloud)
    top = np.max(logs, axis=0)
    return top + np.log(np.mean(np.exp(np.array(logs) - top), axis=0))


# %% log_likelihood: adding up in logarithms
def log_likelihood(params, x, eps):
    ws, bs = params[::2], params[1::2]
    mu, logvar = np.hsplit(np.maximum(x @ ws[0].T + bs[0], 0) @ ws[1].T + bs[1], 2)
    total = np.full(len(x), -np.inf)
    for e in eps:
        z = mu + np.exp(logvar / 2) * e
        a = np.maximum(z @ ws[2].T + bs[2], 0) @ ws[3].T + bs[3]
        log_weight = (e**2 - z**2 + logvar).sum(axis=1) / 2
        total = np.logaddexp(total, (x * a - np.logaddexp(a, 0)).sum(axis=1) + log_weight)
    return total - np.log(eps.shape[0])


# %% log_likelihood: all draws as one long batch
from dlcore.scratch.losses import logsumexp


def log_likelihood(params, x, eps):
    w1, b1, w2, b2, w3, b3, w4, b4 = params
    K, N, Z = eps.shape
    code = np.maximum(x @ w1.T + b1, 0) @ w2.T + b2
    many = np.tile(code, (K, 1))
    mu, logvar = many[:, :Z], many[:, Z:]
    e = eps.reshape(K * N, Z)
    z = mu + np.exp(logvar / 2) * e
    a = np.maximum(z @ w3.T + b3, 0) @ w4.T + b4
    xs = np.tile(x, (K, 1))
    terms = (xs * a - np.logaddexp(0, a)).sum(1) + 0.5 * (e**2 + logvar - z**2).sum(1)
    return logsumexp(terms.reshape(K, N).T, axis=1) - np.log(K)


# %% slerp: a point at a time
import math

import numpy as np


def slerp(a, b, steps):
    cosine = a.dot(b) / math.sqrt(a.dot(a) * b.dot(b))
    angle = math.acos(max(-1.0, min(1.0, cosine)))
    way = []
    for i in range(steps):
        t = i / (steps - 1)
        if angle < 1e-7:
            way.append((1 - t) * a + t * b)
        else:
            p, q = math.sin((1 - t) * angle), math.sin(t * angle)
            way.append((p * a + q * b) / math.sin(angle))
    return np.array(way)


# %% slerp: with unit vectors, and sinc for angles near 0
def slerp(a, b, steps):
    u, v = a / np.linalg.norm(a), b / np.linalg.norm(b)
    angle = 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))
    t = np.linspace(0, 1, steps)
    whole = np.sinc(angle / np.pi)
    p, q = (1 - t) * np.sinc((1 - t) * angle / np.pi), t * np.sinc(t * angle / np.pi)
    return np.outer(p / whole, a) + np.outer(q / whole, b)


# %% slerp: from both ends, with outer products
def slerp(a, b, steps):
    t = np.arange(steps) / (steps - 1)
    angle = np.arccos(np.clip(np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2)), -1.0, 1.0))
    share = t if np.isclose(angle, 0, atol=1e-6) else np.sin(t * angle) / np.sin(angle)
    return np.multiply.outer(share[::-1], a) + np.multiply.outer(share, b)
