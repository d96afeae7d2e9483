"""Generative adversarial networks by hand: two losses, their gradients, alternating steps, mode collapse, memorization.

``dlcore.generative`` has the same for the tape. Scores are logits: above 0, the discriminator classifies an image as real.

Papers: Goodfellow et al. (2014), Generative adversarial nets; Arjovsky, Chintala and Bottou (2017), Wasserstein GAN; Metz et
al. (2017), Unrolled generative adversarial networks (eight Gaussians in a ring).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlcore.scratch.activations import sigmoid


def mlp_outputs(params: Sequence[Any], x: Any) -> list[Any]:
    """The outputs of every layer, x first; leaky ReLUs (slope 0.2) follow all layers but the last.

    Shapes: params [w, b, w, b ...], w (M, D), b (M,), x (N, D) -> x, (N, M) ...
    """
    outputs = [x]
    for n, (w, b) in enumerate(zip(params[::2], params[1::2], strict=True), 1):
        a = outputs[-1] @ w.T + b
        outputs.append(a if 2 * n == len(params) else np.where(a > 0, a, 0.2 * a))
    return outputs


def mlp_backward(params: Sequence[Any], outputs: Sequence[Any], g: Any) -> tuple[list[Any], Any]:
    """The backward pass of ``mlp_outputs``: gradients of the parameters and of the input.

    Shapes: params and outputs as for ``mlp_outputs``, g (N, M) of the last layer -> a list like params, (N, D).
    """
    grads = []
    for n in range(len(params) // 2, 0, -1):
        if 2 * n < len(params):
            g = g * np.where(outputs[n] > 0, 1.0, 0.2)
        grads += [g.sum(axis=0), g.T @ outputs[n - 1]]
        g = g @ params[2 * n - 2]
    return grads[::-1], g


def discriminator_loss(real: Any, fake: Any, kind: str = "non-saturating") -> tuple[Any, Any, Any]:
    """The discriminator's loss, and the gradients of the scores.

    -mean log s(real) - mean log(1 - s(fake)); for "wasserstein", mean fake - mean real.
    Shapes: real (N, 1), fake (M, 1) -> a number, (N, 1), (M, 1).
    Paper: Goodfellow et al. (2014), equation 1; Arjovsky et al. (2017), algorithm 1.
    """
    n, m = len(real), len(fake)
    if kind == "wasserstein":
        return fake.mean() - real.mean(), np.full(real.shape, -1 / n), np.full(fake.shape, 1 / m)
    loss = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
    return loss, -sigmoid(-real) / n, sigmoid(fake) / m


def generator_loss(fake: Any, kind: str = "non-saturating") -> tuple[Any, Any]:
    """The generator's loss, and the gradient of the scores of its samples.

    "minimax": mean log(1 - s(fake)); "non-saturating": -mean log s(fake); "wasserstein": -mean fake.
    Shapes: fake (N, 1) -> a number, (N, 1).  Paper: Goodfellow et al. (2014), section 3.
    """
    n = len(fake)
    if kind == "wasserstein":
        return -fake.mean(), np.full(fake.shape, -1 / n)
    if kind == "minimax":
        return -np.logaddexp(0, fake).mean(), -sigmoid(fake) / n
    return np.logaddexp(0, -fake).mean(), -sigmoid(-fake) / n


def discriminator_gradients(
    discriminator: Sequence[Any],
    generator: Sequence[Any],
    x: Any,
    z: Any,
    kind: str = "non-saturating",
) -> tuple[Any, list[Any]]:
    """The discriminator's loss on real rows x and on samples generated from z, and the gradients of its own parameters.

    Shapes: parameters as for ``mlp_outputs``, x (N, D), z (M, Z) -> a number, a list like discriminator.
    """
    made = mlp_outputs(generator, z)[-1]
    on_real, on_made = mlp_outputs(discriminator, x), mlp_outputs(discriminator, made)
    loss, dreal, dmade = discriminator_loss(on_real[-1], on_made[-1], kind)
    of_real, _ = mlp_backward(discriminator, on_real, dreal)
    of_made, _ = mlp_backward(discriminator, on_made, dmade)
    return loss, [a + b for a, b in zip(of_real, of_made, strict=True)]


def generator_gradients(
    generator: Sequence[Any], discriminator: Sequence[Any], z: Any, kind: str = "non-saturating"
) -> tuple[Any, list[Any]]:
    """The generator's loss against a fixed discriminator, and the gradients of the generator's own parameters.

    Shapes: parameters as for ``mlp_outputs``, z (N, Z) -> a number, a list like generator.
    """
    made = mlp_outputs(generator, z)
    judged = mlp_outputs(discriminator, made[-1])
    loss, dscores = generator_loss(judged[-1], kind)
    _, dmade = mlp_backward(discriminator, judged, dscores)
    grads, _ = mlp_backward(generator, made, dmade)
    return loss, grads


def gan_step(
    generator: list[Any],
    discriminator: list[Any],
    x: Any,
    z: Any,
    move_generator: Callable[[list[Any], list[Any]], list[Any]],
    move_discriminator: Callable[[list[Any], list[Any]], list[Any]],
    kind: str = "non-saturating",
    clip: float | None = None,
) -> tuple[list[Any], list[Any]]:
    """A step of the discriminator, on x and samples from z[0], then one of the generator, on z[1], against the new discriminator.

    ``move`` takes parameters and gradients and returns parameters, as an optimizer's step does. With ``clip``, the discriminator's
    parameters are then clipped to [-clip, clip].
    Shapes: x (N, D), z (2, M, Z) -> both lists of parameters, the generator's first.
    Paper: Goodfellow et al. (2014), algorithm 1; Arjovsky et al. (2017), algorithm 1.
    """
    _, grads = discriminator_gradients(discriminator, generator, x, z[0], kind)
    discriminator = move_discriminator(discriminator, grads)
    if clip is not None:
        discriminator = [np.clip(p, -clip, clip) for p in discriminator]
    _, grads = generator_gradients(generator, discriminator, z[1], kind)
    return move_generator(generator, grads), discriminator


def mode_coverage(points: Any, centers: Any, radius: float) -> tuple[Any, Any]:
    """The share of points within ``radius`` of their nearest center, and how many centers get at least 1 % of all points so.

    Shapes: points (N, D), centers (K, D) -> a number from 0 to 1, a whole number.
    """
    away = np.sqrt(((points[:, None] - centers) ** 2).sum(axis=2))
    near = (away <= radius) & (away == away.min(axis=1, keepdims=True))
    return near.any(axis=1).mean(), int((near.mean(axis=0) >= 0.01).sum())


def memorized(generated: Any, train: Any, held_out: Any, share: float = 0.05) -> Any:
    """The share of generated rows that lie nearer to a training row than only ``share`` of held-out rows do.

    A generator of new rows gets about ``share``; one that repeats its training rows gets 1.
    Shapes: generated (N, D), train (K, D), held_out (M, D) -> a number from 0 to 1.
    """

    def nearest(rows: Any) -> Any:
        squares = (rows * rows).sum(axis=1)[:, None] + (train * train).sum(axis=1)
        return (squares - 2 * rows @ train.T).min(axis=1)

    return (nearest(generated) < np.quantile(nearest(held_out), share)).mean()
