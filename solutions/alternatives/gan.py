# Right answers to lesson 19, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905


# %% discriminator_loss: score by score
import math

import numpy as np


def discriminator_loss(real, fake, kind="non-saturating"):
    n, m = len(real), len(fake)
    if kind == "wasserstein":
        return sum(fake[:, 0]) / m - sum(real[:, 0]) / n, 0 * real - 1 / n, 0 * fake + 1 / m

    def softplus(a):
        return max(a, 0.0) + math.log1p(math.exp(-abs(a)))

    loss = sum(softplus(-a) for a in real[:, 0]) / n + sum(softplus(a) for a in fake[:, 0]) / m
    dreal = [[-(1 - math.tanh(a / 2)) / 2 / n] for a in real[:, 0]]
    dfake = [[(1 + math.tanh(a / 2)) / 2 / m] for a in fake[:, 0]]
    return loss, np.array(dreal), np.array(dfake)


# %% discriminator_loss: one long array, with targets and weights
def discriminator_loss(real, fake, kind="non-saturating"):
    n, m = len(real), len(fake)
    scores = np.concatenate([real, fake])
    target = np.repeat([1.0, 0.0], [n, m])[:, None]
    weight = np.repeat([1 / n, 1 / m], [n, m])[:, None]
    if kind == "wasserstein":
        slope = weight * (1 - 2 * target)
        return (slope * scores).sum(), slope[:n], slope[n:]
    loss = weight * (np.maximum(scores, 0) - target * scores + np.log1p(np.exp(-np.abs(scores))))
    slope = weight * ((1 + np.tanh(scores / 2)) / 2 - target)
    return loss.sum(), slope[:n], slope[n:]


# %% discriminator_loss: with the losses of lesson 3
from dlcore.scratch.losses import bce_with_logits, bce_with_logits_gradient


def discriminator_loss(real, fake, kind="non-saturating"):
    if kind != "wasserstein":
        ones, zeros = np.ones_like(real), np.zeros_like(fake)
        loss = bce_with_logits(real, ones) + bce_with_logits(fake, zeros)
        return loss, bce_with_logits_gradient(real, ones), bce_with_logits_gradient(fake, zeros)
    slopes = np.full_like(real, -1 / real.size), np.full_like(fake, 1 / fake.size)
    return np.mean(fake) - np.mean(real), *slopes


# %% mlp_backward: pairs from behind
import numpy as np


def mlp_backward(params, outputs, g):
    ws, found = params[::2], []
    for layer in reversed(range(len(ws))):
        if layer < len(ws) - 1:
            g = g * (0.2 + 0.8 * (outputs[layer + 1] > 0))
        found = [np.einsum("nm,nd->md", g, outputs[layer]), np.einsum("nm->m", g), *found]
        g = np.einsum("nm,md->nd", g, ws[layer])
    return found, g


# %% mlp_backward: calling itself
def mlp_backward(params, outputs, g):
    *before, w, _ = params
    own = [g.T @ outputs[-2], g.sum(0)]
    back = g @ w
    if not before:
        return own, back
    back = np.where(outputs[-2] > 0, back, 0.2 * back)
    rest, dx = mlp_backward(before, outputs[:-1], back)
    return rest + own, dx


# %% mlp_backward: row by row
def mlp_backward(params, outputs, g):
    grads = [np.zeros(np.shape(p)) for p in params]
    dx = []
    for n in range(len(g)):
        back = g[n]
        for layer in range(len(params) // 2 - 1, -1, -1):
            if 2 * layer + 2 < len(params):
                back = np.array(
                    [b if y > 0 else 0.2 * b for b, y in zip(back, outputs[layer + 1][n])]
                )
            grads[2 * layer] += np.outer(back, outputs[layer][n])
            grads[2 * layer + 1] += back
            back = params[2 * layer].T @ back
        dx.append(back)
    return grads, np.array(dx)


# %% discriminator_gradients: one batch of both sorts
import numpy as np


def _forwards(params, h):
    found = [h]
    for w, b in zip(params[:-2:2], params[1:-2:2]):
        h = h @ w.T + b
        h = np.maximum(h, h / 5)
        found.append(h)
    return [*found, h @ params[-2].T + params[-1]]


def discriminator_gradients(discriminator, generator, x, z, kind="non-saturating"):
    rows = np.concatenate([x, _forwards(generator, z)[-1]])
    outputs = _forwards(discriminator, rows)
    scores, n, m = outputs[-1], len(x), len(z)
    sign = np.repeat([-1 / n, 1 / m], [n, m])[:, None]  # down for the real, up for the made
    if kind == "wasserstein":
        loss, g = (sign * scores).sum(), sign
    else:
        wrong = np.repeat([-1, 1], [n, m])[:, None] * scores
        loss = (np.abs(sign) * np.logaddexp(0, wrong)).sum()
        g = sign * (1 + np.tanh(wrong / 2)) / 2
    grads = []
    for i in range(len(discriminator) - 2, -1, -2):
        grads = [g.T @ outputs[i // 2], g.sum(axis=0), *grads]
        g = g @ discriminator[i] * np.where(outputs[i // 2] > 0, 1, 0.2)
    return loss, grads


# %% discriminator_gradients: by automatic differentiation
from dlcore import functional as F
from dlcore import tensor


def discriminator_gradients(discriminator, generator, x, z, kind="non-saturating"):
    def through(params, h):
        for n in range(0, len(params), 2):
            h = h @ params[n].T + params[n + 1]
            if n + 2 < len(params):
                h = F.leaky_relu(h, 0.2)
        return h

    leaves = [tensor(p, requires_grad=True) for p in discriminator]
    made = through([tensor(p) for p in generator], tensor(z)).detach()
    real, fake = through(leaves, tensor(x)), through(leaves, made)
    if kind == "wasserstein":
        loss = fake.mean() - real.mean()
    else:
        bce = F.binary_cross_entropy_with_logits
        loss = bce(real, np.ones(real.shape)) + bce(fake, np.zeros(fake.shape))
    loss.backward()
    return loss.item(), [leaf.grad.data for leaf in leaves]


# %% discriminator_gradients: row by row
def _row(params, h):
    found = [h]
    for i in range(0, len(params), 2):
        h = params[i] @ h + params[i + 1]
        if i + 2 < len(params):
            h = np.array([v if v > 0 else 0.2 * v for v in h])
        found.append(h)
    return found


def discriminator_gradients(discriminator, generator, x, z, kind="non-saturating"):
    loss, grads = 0.0, [np.zeros(np.shape(p)) for p in discriminator]
    rows = [(row, -1, len(x)) for row in x] + [(_row(generator, one)[-1], 1, len(z)) for one in z]
    for row, sign, many in rows:
        outputs = _row(discriminator, row)
        score = sign * outputs[-1][0]
        if kind == "wasserstein":
            loss, g = loss + score / many, np.array([sign / many])
        else:
            loss += np.logaddexp(0, score) / many
            g = np.array([sign * (1 + np.tanh(score / 2)) / 2 / many])
        for i in range(len(discriminator) - 2, -1, -2):
            grads[i] += np.outer(g, outputs[i // 2])
            grads[i + 1] += g
            g = (discriminator[i].T @ g) * np.where(outputs[i // 2] > 0, 1, 0.2)
    return loss, grads


# %% generator_loss: one formula with a sign
import numpy as np


def generator_loss(fake, kind="non-saturating"):
    n = fake.shape[0]
    if kind == "wasserstein":
        return -np.sum(fake) / n, -np.ones((n, 1)) / n
    sign = 1 if kind == "minimax" else -1
    soft = np.maximum(sign * fake, 0) + np.log1p(np.exp(-np.abs(fake)))
    return -sign * np.sum(soft) / n, -(1 + np.tanh(sign * fake / 2)) / 2 / n


# %% generator_loss: score by score
def generator_loss(fake, kind="non-saturating"):
    total, slopes = 0.0, []
    for (a,) in fake:
        e = np.exp(-abs(a))
        s = 1 / (1 + e) if a >= 0 else e / (1 + e)
        if kind == "minimax":
            total, slope = total - max(a, 0) - np.log1p(e), -s
        elif kind == "wasserstein":
            total, slope = total - a, -1.0
        else:
            total, slope = total + max(-a, 0) + np.log1p(e), s - 1
        slopes.append([slope / len(fake)])
    return total / len(fake), np.array(slopes)


# %% generator_loss: a table of losses
from dlcore.scratch.activations import sigmoid


def generator_loss(fake, kind="non-saturating"):
    value, slope = {
        "minimax": lambda a: (-np.logaddexp(a, 0), -sigmoid(a)),
        "wasserstein": lambda a: (-a, -np.ones(a.shape)),
        "non-saturating": lambda a: (np.logaddexp(-a, 0), -sigmoid(-a)),
    }[kind](fake)
    return value.mean(), slope / fake.size


# %% generator_gradients: one long network
import numpy as np


def generator_gradients(generator, discriminator, z, kind="non-saturating"):
    both = [*generator, *discriminator]
    linear = {len(generator) - 2, len(both) - 2}
    outputs = [z]
    for i in range(0, len(both), 2):
        a = outputs[-1] @ both[i].T + both[i + 1]
        outputs.append(a if i in linear else np.where(a > 0, a, a / 5))
    a, n = outputs[-1], len(z)
    s = (1 + np.tanh(a / 2)) / 2
    loss, g = {
        "minimax": (-np.logaddexp(0, a).mean(), -s / n),
        "non-saturating": (np.logaddexp(0, -a).mean(), (s - 1) / n),
        "wasserstein": (-a.mean(), np.full(a.shape, -1 / n)),
    }[kind]
    grads = []
    for i in range(len(both) - 2, -1, -2):
        if i not in linear:
            g = g * np.where(outputs[i // 2 + 1] > 0, 1, 1 / 5)
        if i < len(generator):
            grads = [g.T @ outputs[i // 2], g.sum(0), *grads]
        g = g @ both[i]
    return loss, grads


# %% generator_gradients: row by row
def _row(params, h):
    found = [h]
    for i in range(0, len(params), 2):
        h = params[i] @ h + params[i + 1]
        found.append(np.maximum(h, 0.2 * h) if i + 2 < len(params) else h)
        h = found[-1]
    return found


def _slopes(params, outputs, g):
    found = []
    for i in range(len(params) - 2, -1, -2):
        if i + 2 < len(params):
            g = g * np.where(outputs[i // 2 + 1] > 0, 1, 0.2)
        found = [np.outer(g, outputs[i // 2]), g, *found]
        g = params[i].T @ g
    return found, g


def generator_gradients(generator, discriminator, z, kind="non-saturating"):
    loss, total = 0.0, [np.zeros(np.shape(p)) for p in generator]
    for one in z:
        made = _row(generator, one)
        judged = _row(discriminator, made[-1])
        a = judged[-1]
        if kind == "wasserstein":
            each, g = -a, -np.ones(1)
        elif kind == "minimax":
            each, g = -np.logaddexp(0, a), -(1 + np.tanh(a / 2)) / 2
        else:
            each, g = np.logaddexp(0, -a), -(1 - np.tanh(a / 2)) / 2
        loss += each[0] / len(z)
        _, back = _slopes(discriminator, judged, g / len(z))
        for sum_, more in zip(total, _slopes(generator, made, back)[0]):
            sum_ += more
    return loss, total


# %% generator_gradients: by automatic differentiation
from dlcore import functional as F
from dlcore import tensor


def generator_gradients(generator, discriminator, z, kind="non-saturating"):
    leaves = [tensor(p, requires_grad=True) for p in generator]

    def through(params, h):
        for n in range(0, len(params), 2):
            h = h @ params[n].T + params[n + 1]
            h = h if n + 2 == len(params) else F.leaky_relu(h, 0.2)
        return h

    scores = through([tensor(p) for p in discriminator], through(leaves, tensor(z)))
    if kind == "wasserstein":
        loss = scores.mean() * -1.0
    elif kind == "minimax":
        loss = F.binary_cross_entropy_with_logits(scores, np.zeros(scores.shape)) * -1.0
    else:
        loss = F.binary_cross_entropy_with_logits(scores, np.ones(scores.shape))
    loss.backward()
    return loss.item(), [leaf.grad.data for leaf in leaves]


# %% gan_step: by automatic differentiation
import numpy as np

from dlcore import functional as F
from dlcore import tensor


def _net(params, h):
    for n in range(0, len(params), 2):
        h = h @ params[n].T + params[n + 1]
        h = h if n + 2 == len(params) else F.leaky_relu(h, 0.2)
    return h


def _bce(scores, target):
    return F.binary_cross_entropy_with_logits(scores, np.full(scores.shape, target))


def gan_step(
    generator,
    discriminator,
    x,
    z,
    move_generator,
    move_discriminator,
    kind="non-saturating",
    clip=None,
):
    forger = [tensor(p, requires_grad=True) for p in generator]
    judge = [tensor(p, requires_grad=True) for p in discriminator]
    real, fake = _net(judge, tensor(x)), _net(judge, _net(forger, tensor(z[0])).detach())
    loss = fake.mean() - real.mean() if kind == "wasserstein" else _bce(real, 1.0) + _bce(fake, 0.0)
    loss.backward()
    discriminator = move_discriminator(discriminator, [p.grad.data for p in judge])
    if clip is not None:
        discriminator = [np.clip(p, -clip, clip) for p in discriminator]
    fake = _net([tensor(p) for p in discriminator], _net(forger, tensor(z[1])))
    if kind == "wasserstein":
        loss = fake.mean() * -1.0
    elif kind == "minimax":
        loss = _bce(fake, 0.0) * -1.0
    else:
        loss = _bce(fake, 1.0)
    loss.backward()
    return move_generator(generator, [p.grad.data for p in forger]), discriminator


# %% gan_step: two functions, and a clip that is endless if there is none
from dlcore import functional as F
from dlcore import tensor


def _net(params, h):
    for n in range(0, len(params), 2):
        h = h @ params[n].T + params[n + 1]
        h = h if n + 2 == len(params) else F.leaky_relu(h, 0.2)
    return h


def _bce(scores, target):
    return F.binary_cross_entropy_with_logits(scores, np.full(scores.shape, target))


def _judge_learns(judge, made, x, kind):
    leaves = [tensor(p, requires_grad=True) for p in judge]
    real, fake = _net(leaves, tensor(x)), _net(leaves, tensor(made))
    (
        fake.mean() - real.mean() if kind == "wasserstein" else _bce(real, 1.0) + _bce(fake, 0.0)
    ).backward()
    return [leaf.grad.data for leaf in leaves]


def _forger_learns(forger, judge, z, kind):
    leaves = [tensor(p, requires_grad=True) for p in forger]
    fake = _net([tensor(p) for p in judge], _net(leaves, tensor(z)))
    target = 0.0 if kind == "minimax" else 1.0
    sign = -1.0 if kind == "minimax" else 1.0
    (fake.mean() * -1.0 if kind == "wasserstein" else _bce(fake, target) * sign).backward()
    return [leaf.grad.data for leaf in leaves]


def gan_step(
    generator,
    discriminator,
    x,
    z,
    move_generator,
    move_discriminator,
    kind="non-saturating",
    clip=None,
):
    limit = np.inf if clip is None else clip
    made = _net([tensor(p) for p in generator], tensor(z[0])).data
    judge = move_discriminator(discriminator, _judge_learns(discriminator, made, x, kind))
    judge = [np.maximum(-limit, np.minimum(p, limit)) for p in judge]
    return move_generator(generator, _forger_learns(generator, judge, z[1], kind)), judge


# %% gan_step: by hand, with one function for both ways
def _there(params, h):
    found = [h]
    for i in range(0, len(params), 2):
        h = h @ params[i].T + params[i + 1]
        h = h if i + 2 == len(params) else np.where(h > 0, h, 0.2 * h)
        found.append(h)
    return found


def _back(params, outputs, g):
    grads = []
    for i in range(len(params) - 2, -1, -2):
        if i + 2 < len(params):
            g = g * np.where(outputs[i // 2 + 1] > 0, 1, 0.2)
        grads = [g.T @ outputs[i // 2], g.sum(0), *grads]
        g = g @ params[i]
    return grads, g


def _s(a):
    return (1 + np.tanh(a / 2)) / 2


def gan_step(
    generator,
    discriminator,
    x,
    z,
    move_generator,
    move_discriminator,
    kind="non-saturating",
    clip=None,
):
    flat = kind == "wasserstein"
    made = _there(generator, z[0])[-1]
    real, fake = _there(discriminator, x), _there(discriminator, made)
    up = np.ones_like(real[-1]) if flat else _s(-real[-1])
    down = np.ones_like(fake[-1]) if flat else _s(fake[-1])
    of_real, _ = _back(discriminator, real, -up / len(x))
    of_fake, _ = _back(discriminator, fake, down / len(made))
    judge = move_discriminator(discriminator, [a + b for a, b in zip(of_real, of_fake)])
    if clip is not None:
        judge = [np.sign(p) * np.minimum(np.abs(p), clip) for p in judge]

    made = _there(generator, z[1])
    fake = _there(judge, made[-1])
    steep = {"minimax": _s(fake[-1]), "wasserstein": 1 + 0 * fake[-1]}.get(kind, _s(-fake[-1]))
    _, wanted = _back(judge, fake, -steep / len(z[1]))
    return move_generator(generator, _back(generator, made, wanted)[0]), judge


# %% mode_coverage: point by point
import math

import numpy as np


def mode_coverage(points, centers, radius):
    counts = [0] * len(centers)
    for point in points:
        away = [math.dist(point, center) for center in centers]
        nearest = away.index(min(away))
        if away[nearest] <= radius:
            counts[nearest] += 1
    return sum(counts) / len(points), sum(count / len(points) >= 0.01 for count in counts)


# %% mode_coverage: center by center, with squares
def mode_coverage(points, centers, radius):
    squares = np.stack([((points - center) ** 2).sum(1) for center in centers])
    nearest, close = squares.argmin(0), squares.min(0) <= radius * radius
    many = sum(np.sum(close & (nearest == k)) * 100 >= len(points) for k in range(len(centers)))
    return close.mean(), int(many)


# %% mode_coverage: complex einsum
def mode_coverage(points, centers, radius):
    gaps = points[:, None, :] - centers[None, :, :]
    away = np.sqrt(np.einsum("nkd,nkd->nk", gaps, gaps))
    rows = np.flatnonzero(away.min(1) <= radius)
    found, counts = np.unique(away[rows].argmin(1), return_counts=True)
    return len(rows) / len(points), np.count_nonzero(counts >= 0.01 * len(points))


# %% memorized: all pairs at once
import numpy as np


def memorized(generated, train, held_out, share=0.05):
    def gap(rows):
        return ((rows[:, None] - train[None]) ** 2).sum(axis=-1).min(axis=1)

    limit = np.quantile(gap(held_out), share)
    return np.mean(gap(generated) < limit)


# %% memorized: row by row
def memorized(generated, train, held_out, share=0.05):
    def gap(row):
        return min(float((row - other) @ (row - other)) for other in train)

    limit = np.quantile([gap(row) for row in held_out], share)
    return sum(gap(row) < limit for row in generated) / len(generated)


# %% memorized: a product instead of differences
def memorized(generated, train, held_out, share=0.05):
    lengths = np.einsum("kd,kd->k", train, train)

    def gap(rows):
        return np.min(np.einsum("nd,nd->n", rows, rows)[:, None] + lengths - 2 * rows @ train.T, 1)

    return float((gap(generated) < np.percentile(gap(held_out), 100 * share)).mean())
