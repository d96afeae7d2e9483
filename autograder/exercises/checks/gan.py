"""Lesson 19: a network forward and backward, two losses, gradients of both players, GAN step, mode coverage, memorization."""

from __future__ import annotations

import itertools
import math

import numpy as np

from autograder.exercises.checks._draw import nonzero, size
from autograder.exercises.checks._row import in_a_row
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore.scratch import gan as scratch

_HEADER = """import numpy as np

from dlcore.scratch.activations import sigmoid"""


def _mistake(exercise, name, hint, *changes, pieces=()):
    pieces = [*pieces, getattr(scratch, exercise.function)]
    mistake(exercise, name, hint, *changes, pieces=pieces, header=_HEADER)


def _tensor(torch, a):
    return torch.tensor(np.array(a))


def _leaves(torch, params):
    return [torch.tensor(np.array(p), requires_grad=True) for p in params]


def _sizes(rng, many, low=2):
    """So many sizes, all different, so that nothing fits by chance."""
    return (int(n) for n in rng.permutation(np.arange(low, low + many + 2))[:many])


def _network(rng, *widths):
    return [a for n, m in itertools.pairwise(widths) for a in (nonzero(rng, m, n), nonzero(rng, m))]


def _through(torch, params, x):
    """Of tensors."""
    for n in range(0, len(params), 2):
        x = torch.nn.functional.linear(x, params[n], params[n + 1])
        if n < len(params) - 2:
            x = torch.nn.functional.leaky_relu(x, 0.2)
    return x


# 1 ---------------------------------------------------------------- mlp_backward


def _back_case(rng, layers, column):
    n, *widths = _sizes(rng, layers + 2)
    params, x = _network(rng, *widths), nonzero(rng, n, widths[0])
    outputs = scratch.mlp_outputs(params, x)
    return Case(params, outputs, nonzero(rng, n, widths[-1]), column)


def _picked(grads, dx, column):
    if column == "what went in":
        return np.asarray(dx)
    return in_a_row(list(grads)[::2] if column == "weights" else list(grads)[1::2])


def _drive_back(student, params, outputs, g, column):
    """Some of the gradients, in a row."""
    grads, dx = student(params, outputs, g)
    return _picked(grads, dx, column)


def _back_oracle(torch, params, outputs, g, column):
    leaves = _leaves(torch, params)
    seen = torch.tensor(np.array(outputs[0]), requires_grad=True)
    (_through(torch, leaves, seen) * _tensor(torch, g)).sum().backward()
    return _picked([to_plain(p.grad) for p in leaves], to_plain(seen.grad), column)


_CHAIN = [np.array(a) for a in ([[2.0]], [0.0], [[3.0]], [0.0])]
_LEFT = scratch.mlp_outputs(_CHAIN, np.array([[-1.0]]))

mlp_backward = Exercise(
    "gan.mlp_backward",
    twin="dlcore.scratch.gan.mlp_backward",
    parts=[
        Part("weights", 1, [Case(_CHAIN, _LEFT, np.array([[1.0]]), "weights")], lambda rng: _back_case(rng, size(rng, 2, 3), "weights")),
        Part("biases", 1, draw=lambda rng: _back_case(rng, size(rng, 1, 3), "biases")),
        Part("what went in", 1, [Case(_CHAIN, _LEFT, np.array([[1.0]]), "what went in")], lambda rng: _back_case(rng, size(rng, 1, 3), "what went in")),
    ],
    oracle=_back_oracle,
    driver=_drive_back,
)  # fmt: skip

_BEND = "            g = g * np.where(outputs[n] > 0, 1.0, 0.2)\n"
_BEND_ALL = "        if 2 * n < len(params):\n" + _BEND
_mistake(
    mlp_backward,
    "goes_back_past_the_bends",
    """What goes back must pass through each leaky ReLU, too: where its output was not above 0, only a fifth comes through.""",
    (_BEND_ALL, ""),
)
_mistake(
    mlp_backward,
    "lets_nothing_through_below_zero",
    """You let nothing through where the output was below 0, as with a ReLU. These are leaky ones: there, a fifth goes on.""",
    (_BEND, _BEND.replace("0.2", "0.0")),
)
_mistake(
    mlp_backward,
    "bends_the_last_layer",
    """You treat the last layer as if a leaky ReLU stood after it. There is none.""",
    (_BEND_ALL, _BEND[4:]),
)
_mistake(
    mlp_backward,
    "stops_at_the_first_layer",
    """What goes back to x is missing one step: through the first layer's weights. The forger learns from nothing else.""",
    ("        g = g @ params[2 * n - 2]\n", "        if n > 1:\n            g = g @ params[2 * n - 2]\n"),
)  # fmt: skip
_mistake(
    mlp_backward,
    "pairs_with_what_came_out",
    """The gradient of a weight pairs what arrives with what went into its layer, outputs[n - 1]. You take another layer's output.""",
    ("g.T @ outputs[n - 1]", "g.T @ outputs[max(n - 2, 0)]"),
)
_mistake(
    mlp_backward,
    "averages_over_the_batch",
    """Gradients are summed over the batch. Its mean has been taken in the loss already, and is in g.""",
    ("[g.sum(axis=0), g.T @ outputs[n - 1]]", "[g.mean(axis=0), g.T @ outputs[n - 1] / len(g)]"),
)
_mistake(
    mlp_backward,
    "returns_the_last_layer_first",
    """The gradients stand in the order in which you went, the last layer's first. They must stand as the parameters do.""",
    (
        "return grads[::-1], g",
        "pairs = [grads[i + 1 - j] for i in range(0, len(grads), 2) for j in (0, 1)]\n    return pairs, g",
    ),
)


# 2, 3 ---------------------------------------------------------------- discriminator_loss, generator_loss


def _scores_case(rng, kind, many, scale=1.0):
    return Case(*(nonzero(rng, n, 1, scale=scale) for n in many), *([kind] if kind else []))


def _judge_loss(torch, real, fake, kind):
    if kind == "wasserstein":
        return fake.mean() - real.mean()
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    ones, zeros = (_tensor(torch, make(to_plain(a).shape)) for make, a in ((np.ones, real), (np.zeros, fake)))  # fmt: skip
    return bce(real, ones) + bce(fake, zeros)


def _forger_loss(torch, fake, kind):
    if kind == "wasserstein":
        return fake.mean() * -1.0
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    shape = to_plain(fake).shape
    if kind == "minimax":
        return bce(fake, _tensor(torch, np.zeros(shape))) * -1.0
    return bce(fake, _tensor(torch, np.ones(shape)))


def _judge_oracle(torch, real, fake, kind="non-saturating"):
    one, two = _leaves(torch, [real, fake])
    loss = _judge_loss(torch, one, two, kind)
    loss.backward()
    return to_plain(loss), to_plain(one.grad), to_plain(two.grad)


def _drive_judge(student, *given):
    loss, dreal, dfake = student(*given)
    return loss, dreal, dfake


_SURE = np.array([[math.log(3.0)], [0.0]]), np.array([[-math.log(4.0)]])

discriminator_loss = Exercise(
    "gan.discriminator_loss",
    twin="dlcore.scratch.gan.discriminator_loss",
    parts=[
        Part("real or made", 1, [Case(*_SURE)], lambda rng: _scores_case(rng, "", _sizes(rng, 2))),
        Part("scores of any size", 1, [Case(np.array([[900.0], [-900.0]]), np.array([[-900.0], [900.0], [900.0]]))], lambda rng: _scores_case(rng, "minimax", _sizes(rng, 2), 300.0)),
        Part("wasserstein", 1, draw=lambda rng: _scores_case(rng, "wasserstein", _sizes(rng, 2))),
    ],
    oracle=_judge_oracle,
    driver=_drive_judge,
    returns=("the loss", "the gradient of real", "the gradient of fake"),
)  # fmt: skip

_TOLD = "loss = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()"
_BACK = "return loss, -sigmoid(-real) / n, sigmoid(fake) / m"
_CRITIC = (
    "return fake.mean() - real.mean(), np.full(real.shape, -1 / n), np.full(fake.shape, 1 / m)"
)
_mistake(
    discriminator_loss,
    "takes_the_made_for_real",
    """Real and made have changed places: the loss must be small where the scores of the real are high and those of the made low.""",
    (_TOLD, "loss = np.logaddexp(0, real).mean() + np.logaddexp(0, -fake).mean()"),
    (_BACK, "return loss, sigmoid(real) / n, -sigmoid(-fake) / m"),
)
_mistake(
    discriminator_loss,
    "takes_logs_of_the_sigmoid",
    """For far scores the sigmoid is rounded to 0 or 1, and its logarithm is infinite. -log s(a) is log(1 + exp(-a)): np.logaddexp.""",
    (_TOLD, "loss = -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean()"),
)
_mistake(
    discriminator_loss,
    "wants_both_high",
    """The scores of what was made are to be low: -log(1 - s(fake)), not -log s(fake). That is what the generator wants.""",
    (_TOLD, "loss = np.logaddexp(0, -real).mean() + np.logaddexp(0, -fake).mean()"),
    (_BACK, "return loss, -sigmoid(-real) / n, -sigmoid(-fake) / m"),
)
_mistake(
    discriminator_loss,
    "averages_all_together",
    """The mean is taken over real and made together. It is two means, added up: one over the real, one over the made.""",
    (_TOLD, "loss = (np.logaddexp(0, -real).sum() + np.logaddexp(0, fake).sum()) / (n + m)"),
    (_BACK, "return loss, -sigmoid(-real) / (n + m), sigmoid(fake) / (n + m)"),
)
_mistake(
    discriminator_loss,
    "sums_the_gradients",
    """Each gradient has to be divided by how many scores its mean runs over.""",
    (_BACK, "return loss, -sigmoid(-real), sigmoid(fake)"),
)
_mistake(
    discriminator_loss,
    "divides_both_by_the_same",
    """Both gradients are divided by the number of the real. The made have a number of their own.""",
    (_BACK, "return loss, -sigmoid(-real) / n, sigmoid(fake) / n"),
)
_mistake(
    discriminator_loss,
    "squashes_for_wasserstein",
    """With Wasserstein, the scores are no logits, and nothing squashes them: the loss is mean fake minus mean real.""",
    (_CRITIC, "s = sigmoid\n        return s(fake).mean() - s(real).mean(), -s(real) * s(-real) / n, s(fake) * s(-fake) / m"),
)  # fmt: skip
_mistake(
    discriminator_loss,
    "praises_the_made",
    """With Wasserstein, your loss falls where the made score higher than the real. The judge wants the opposite.""",
    (_CRITIC, "return real.mean() - fake.mean(), np.full(real.shape, 1 / n), np.full(fake.shape, -1 / m)"),
)  # fmt: skip


def _forger_oracle(torch, fake, kind="non-saturating"):
    (leaf,) = _leaves(torch, [fake])
    loss = _forger_loss(torch, leaf, kind)
    loss.backward()
    return to_plain(loss), to_plain(leaf.grad)


def _drive_forger(student, *given):
    loss, dfake = student(*given)
    return loss, dfake


_POOR = np.array([[-math.log(4.0)]])

generator_loss = Exercise(
    "gan.generator_loss",
    twin="dlcore.scratch.gan.generator_loss",
    parts=[
        Part("minimax", 1, [Case(_POOR, "minimax")], lambda rng: _scores_case(rng, "minimax", [size(rng, 3, 6)])),
        Part("non-saturating", 1, [Case(_POOR)], lambda rng: _scores_case(rng, "", [size(rng, 3, 6)], 2.0)),
        Part("wasserstein, and scores of any size", 1, [Case(np.array([[900.0], [-900.0]])), Case(np.array([[900.0], [-900.0]]), "minimax")], lambda rng: _scores_case(rng, "wasserstein", [size(rng, 3, 6)])),
    ],
    oracle=_forger_oracle,
    driver=_drive_forger,
    returns=("the loss", "the gradient"),
)  # fmt: skip

_FLAT = "return -np.logaddexp(0, fake).mean(), -sigmoid(fake) / n"
_STEEP = "return np.logaddexp(0, -fake).mean(), -sigmoid(-fake) / n"
_EVEN = "return -fake.mean(), np.full(fake.shape, -1 / n)"
_mistake(
    generator_loss,
    "swaps_the_two",
    """"minimax" and "non-saturating" have changed places. Minimax is log(1 - s), which is flat where the forger is poor; the other is
    -log s, steep there.""",
    (_FLAT, "return np.logaddexp(0, -fake).mean() + 0.0, -sigmoid(-fake) / n"),
    ("    " + _STEEP, "    return -np.logaddexp(0, fake).mean(), -sigmoid(fake) / n"),
)
_mistake(
    generator_loss,
    "turns_minimax_round",
    """With "minimax" the forger makes log(1 - s) small, so the gradient is negative: a higher score is better for him. You have the
    judge's sign.""",
    (_FLAT, "return np.logaddexp(0, fake).mean(), sigmoid(fake) / n"),
)
_mistake(
    generator_loss,
    "takes_the_judge_s_side",
    """Your loss is small where the scores are low. The forger wants his scores to be high.""",
    (_STEEP, "return np.logaddexp(0, fake).mean(), sigmoid(fake) / n"),
)
_mistake(
    generator_loss,
    "knows_one_loss_alone",
    """kind is not used. "minimax" and "non-saturating" differ: log(1 - s) and -log s.""",
    ('    if kind == "minimax":\n        return -np.logaddexp(0, fake).mean(), -sigmoid(fake) / n\n', ""),
)  # fmt: skip
_mistake(
    generator_loss,
    "takes_logs_of_the_sigmoid",
    """For far scores the sigmoid is rounded to 0 or 1, and its logarithm is infinite. Use np.logaddexp.""",
    (_FLAT, "return np.log(1 - sigmoid(fake)).mean(), -sigmoid(fake) / n"),
    (_STEEP, "return -np.log(sigmoid(fake)).mean(), -sigmoid(-fake) / n"),
)
_mistake(
    generator_loss,
    "sums_the_gradients",
    """The loss is a mean, so the gradient of each score is divided by how many there are.""",
    (_STEEP, "return np.logaddexp(0, -fake).mean(), -sigmoid(-fake)"),
    (_FLAT, "return -np.logaddexp(0, fake).mean(), -sigmoid(fake)"),
    (_EVEN, "return -fake.mean(), np.full(fake.shape, -1.0)"),
)
_mistake(
    generator_loss,
    "lowers_the_critic_s_scores",
    """With Wasserstein the forger wants high scores, so the loss is minus their mean.""",
    (_EVEN, "return fake.mean(), np.full(fake.shape, 1 / n)"),
)


# 4, 5 ---------------------------------------------------------------- discriminator_gradients, generator_gradients


def _pair(rng):
    """A generator and a discriminator of different widths, and what they need."""
    z, d, h, k, n, m = _sizes(rng, 6, low=1)
    return _network(rng, z, h, d), _network(rng, d, k, 1), nonzero(rng, n, d), m, z


def _kind_of(rng):
    return str(rng.choice(["minimax", "non-saturating"]))


def _judged_case(rng, kind, column):
    generator, discriminator, x, m, z = _pair(rng)
    return Case(discriminator, generator, x, nonzero(rng, m, z), kind or _kind_of(rng), column)


def _one_of(loss, grads, column):
    return np.asarray(loss) if column == "loss" else in_a_row(grads)


def _drive_judged(student, discriminator, generator, x, z, kind, column):
    """The loss, or all gradients in a row."""
    loss, grads = student(discriminator, generator, x, z, kind)
    return _one_of(loss, grads, column)


def _judged_oracle(torch, discriminator, generator, x, z, kind, column):
    judge, forger = _leaves(torch, discriminator), [_tensor(torch, p) for p in generator]
    made = _through(torch, forger, _tensor(torch, z))
    loss = _judge_loss(torch, _through(torch, judge, _tensor(torch, x)), _through(torch, judge, made), kind)  # fmt: skip
    loss.backward()
    return _one_of(to_plain(loss), [to_plain(p.grad) for p in judge], column)


discriminator_gradients = Exercise(
    "gan.discriminator_gradients",
    twin="dlcore.scratch.gan.discriminator_gradients",
    parts=[
        Part("the loss", 1, draw=lambda rng: _judged_case(rng, "", "loss")),
        Part("gradients", 1, draw=lambda rng: _judged_case(rng, "", "gradients")),
        Part("wasserstein", 1, draw=lambda rng: _judged_case(rng, "wasserstein", "gradients")),
    ],
    oracle=_judged_oracle,
    driver=_drive_judged,
)  # fmt: skip


def _judged_mistake(name, hint, *changes):
    pieces = [scratch.mlp_outputs, scratch.mlp_backward, scratch.discriminator_loss]
    _mistake(discriminator_gradients, name, hint, *changes, pieces=pieces)


_BOTH = "return loss, [a + b for a, b in zip(of_real, of_made, strict=True)]"
_judged_mistake(
    "learns_from_the_made_alone",
    """Only what was made counts in your gradients. Those of the real rows have to be added.""",
    (_BOTH, "return loss, of_made"),
)
_judged_mistake(
    "learns_from_the_real_alone",
    """Only the real rows count in your gradients. Those of what was made have to be added.""",
    (_BOTH, "return loss, of_real"),
)
_judged_mistake(
    "averages_the_two",
    """The loss is the sum of two means. You halve their gradients.""",
    (_BOTH, _BOTH.replace("a + b for", "(a + b) / 2 for")),
)
_judged_mistake(
    "subtracts_the_made",
    """The gradients of the made are subtracted. The loss is a sum, and its signs are in what discriminator_loss returns.""",
    (_BOTH, _BOTH.replace("a + b for", "a - b for")),
)
_judged_mistake(
    "goes_on_into_the_forger",
    """These are gradients of the generator. The discriminator's turn stops at the discriminator.""",
    ("of_made, _ = mlp_backward(discriminator, on_made, dmade)", "_, back = mlp_backward(discriminator, on_made, dmade)\n    of_made, _ = mlp_backward(generator, mlp_outputs(generator, z), back)"),
    (_BOTH, "return loss, of_made"),
)  # fmt: skip
_judged_mistake(
    "swaps_real_and_made",
    """Real and made have changed places on their way into discriminator_loss: the real scores come first.""",
    ("loss, dreal, dmade = discriminator_loss(on_real[-1], on_made[-1], kind)", "loss, dmade, dreal = discriminator_loss(on_made[-1], on_real[-1], kind)"),
)  # fmt: skip
_judged_mistake(
    "ignores_the_kind",
    """kind is not passed on: with Wasserstein the loss is another one.""",
    ("(on_real[-1], on_made[-1], kind)", "(on_real[-1], on_made[-1])"),
)
_judged_mistake(
    "bends_what_was_made",
    """What the forger makes has gone through another leaky ReLU. His last layer has none.""",
    ("made = mlp_outputs(generator, z)[-1]", "made = mlp_outputs(generator, z)[-1]\n    made = np.where(made > 0, made, 0.2 * made)"),
)  # fmt: skip


def _forged_case(rng, kind, column):
    generator, discriminator, _, m, z = _pair(rng)
    return Case(generator, discriminator, nonzero(rng, m, z), kind or _kind_of(rng), column)


def _drive_forged(student, generator, discriminator, z, kind, column):
    """The loss, or all gradients in a row."""
    loss, grads = student(generator, discriminator, z, kind)
    return _one_of(loss, grads, column)


def _forged_oracle(torch, generator, discriminator, z, kind, column):
    forger, judge = _leaves(torch, generator), [_tensor(torch, p) for p in discriminator]
    made = _through(torch, forger, _tensor(torch, z))
    loss = _forger_loss(torch, _through(torch, judge, made), kind)
    loss.backward()
    return _one_of(to_plain(loss), [to_plain(p.grad) for p in forger], column)


generator_gradients = Exercise(
    "gan.generator_gradients",
    twin="dlcore.scratch.gan.generator_gradients",
    parts=[
        Part("the loss", 1, draw=lambda rng: _forged_case(rng, "", "loss")),
        Part("gradients", 1, draw=lambda rng: _forged_case(rng, "", "gradients")),
        Part("wasserstein", 1, draw=lambda rng: _forged_case(rng, "wasserstein", "gradients")),
    ],
    oracle=_forged_oracle,
    driver=_drive_forged,
)  # fmt: skip


def _forged_mistake(name, hint, *changes):
    pieces = [scratch.mlp_outputs, scratch.mlp_backward, scratch.generator_loss]
    _mistake(generator_gradients, name, hint, *changes, pieces=pieces)


_THROUGH = "    _, dmade = mlp_backward(discriminator, judged, dscores)\n    grads, _ = mlp_backward(generator, made, dmade)\n"
_forged_mistake(
    "moves_the_judge",
    """These are the gradients of the discriminator: so it would learn to be deceived. It only passes on what the generator
    needs, the gradient of what went into it.""",
    (_THROUGH, "    grads, _ = mlp_backward(discriminator, judged, dscores)\n"),
)
_forged_mistake(
    "cuts_off_what_was_made",
    """Nothing arrives at the generator: what it made is taken as given. That is right in the discriminator's turn; here the gradient
    must go through the discriminator into the generator.""",
    (_THROUGH, "    grads = [0 * p for p in generator]\n"),
)
_forged_mistake(
    "takes_the_opposite_of_what_helps",
    """The sign is turned round: the generator would learn to be found out.""",
    ("return loss, grads", "return loss, [-g for g in grads]"),
)
_forged_mistake(
    "passes_on_the_scores",
    """The scores themselves go back instead of their gradient, which generator_loss returns.""",
    ("mlp_backward(discriminator, judged, dscores)", "mlp_backward(discriminator, judged, judged[-1])"),
)  # fmt: skip
_forged_mistake(
    "asks_the_judge_s_loss",
    """The loss is that of the discriminator on what was made. The generator has one of its own.""",
    ("loss, dscores = generator_loss(judged[-1], kind)", "loss, dscores = generator_loss(judged[-1], kind)\n    loss, dscores = -loss, -dscores"),
)  # fmt: skip
_forged_mistake(
    "ignores_the_kind",
    """kind is not passed on: "minimax", "non-saturating" and "wasserstein" are three losses.""",
    ("generator_loss(judged[-1], kind)\n    _", "generator_loss(judged[-1])\n    _"),
)
_forged_mistake(
    "bends_what_was_made",
    """What the generator makes has gone through another leaky ReLU before it is judged. The last layer has none.""",
    ("judged = mlp_outputs(discriminator, made[-1])", "judged = mlp_outputs(discriminator, np.where(made[-1] > 0, made[-1], 0.2 * made[-1]))"),
)  # fmt: skip


# 6 ---------------------------------------------------------------- gan_step


def _descent(rate):
    """Gradient descent, and how it is shown."""

    def move(params, grads):
        return [p - rate * np.asarray(g) for p, g in zip(params, grads, strict=True)]

    move.__name__ = move.__qualname__ = f"params, grads -> params - {rate} grads"
    move.rate = rate
    return move


def _turns_case(rng, which, kind="", clip=None):
    generator, discriminator, x, m, z = _pair(rng)
    rates = rng.permutation([0.1, 0.2, 0.3, 0.4])[:2]
    noise = nonzero(rng, 2, m, z)
    return Case(generator, discriminator, x, noise, *map(_descent, rates.tolist()), kind or _kind_of(rng), clip, which)  # fmt: skip


def _drive_turns(student, generator, discriminator, x, z, move_g, move_d, kind, clip, which):
    """One of the two networks after a turn of each."""
    given = (generator, discriminator, x, z, move_g, move_d, kind)
    forger, judge = student(*given) if clip is None else student(*given, clip)
    return in_a_row(forger if which == "generator" else judge)


def _turns_oracle(torch, generator, discriminator, x, z, move_g, move_d, kind, clip, which):
    forger, judge = [_tensor(torch, p) for p in generator], _leaves(torch, discriminator)
    made = _through(torch, forger, _tensor(torch, np.array(z)[0]))
    loss = _judge_loss(torch, _through(torch, judge, _tensor(torch, x)), _through(torch, judge, made), kind)  # fmt: skip
    loss.backward()
    moved = [to_plain(p) - move_d.rate * to_plain(p.grad) for p in judge]
    if clip is not None:
        moved = [np.minimum(np.maximum(p, -clip), clip) for p in moved]
    if which == "discriminator":
        return in_a_row(moved)
    forger, judge = _leaves(torch, generator), [_tensor(torch, p) for p in moved]
    made = _through(torch, forger, _tensor(torch, np.array(z)[1]))
    _forger_loss(torch, _through(torch, judge, made), kind).backward()
    return in_a_row(to_plain(p) - move_g.rate * to_plain(p.grad) for p in forger)


gan_step = Exercise(
    "gan.gan_step",
    twin="dlcore.scratch.gan.gan_step",
    parts=[
        Part("the discriminator's turn", 1, draw=lambda rng: _turns_case(rng, "discriminator")),
        Part("the generator's turn", 2, draw=lambda rng: _turns_case(rng, "generator")),
        Part("wasserstein, clipped", 1, draw=lambda rng: _turns_case(rng, str(rng.choice(["generator", "discriminator"])), "wasserstein", float(size(rng, 2, 4)) / 10)),
    ],
    oracle=_turns_oracle,
    driver=_drive_turns,
)  # fmt: skip


def _turns_mistake(name, hint, *changes):
    pieces = [
        getattr(scratch, other)
        for other in ("mlp_outputs", "mlp_backward", "discriminator_loss", "generator_loss")
    ]
    pieces += [scratch.discriminator_gradients, scratch.generator_gradients]
    _mistake(gan_step, name, hint, *changes, pieces=pieces)


_JUDGE_MOVES = "discriminator = move_discriminator(discriminator, grads)"
_FORGER_MOVES = "return move_generator(generator, grads), discriminator"
_FORGER_ASKS = "_, grads = generator_gradients(generator, discriminator, z[1], kind)"
_turns_mistake(
    "faces_the_old_judge",
    """The generator learns before the discriminator as it was. It is to face the one that has just learned.""",
    (
        _JUDGE_MOVES,
        "before, discriminator = discriminator, move_discriminator(discriminator, grads)",
    ),
    (_FORGER_ASKS, _FORGER_ASKS.replace("generator, discriminator, z", "generator, before, z")),
)
_turns_mistake(
    "lets_the_forger_move_the_judge",
    """In the generator's turn, your discriminator moves as well, and so learns to be deceived. It has to stay as it is there.""",
    (_FORGER_MOVES, "judged = mlp_outputs(discriminator, mlp_outputs(generator, z[1])[-1])\n    against, _ = mlp_backward(discriminator, judged, generator_loss(judged[-1], kind)[1])\n    return move_generator(generator, grads), move_discriminator(discriminator, against)"),
)  # fmt: skip
_turns_mistake(
    "lets_the_judge_move_the_forger",
    """In the discriminator's turn, your generator moves as well, and so helps to be found out: what it made must be taken as given
    there (in PyTorch: detach).""",
    (_JUDGE_MOVES, "made = mlp_outputs(generator, z[0])\n    judged = mlp_outputs(discriminator, made[-1])\n    _, back = mlp_backward(discriminator, judged, discriminator_loss(judged[-1], judged[-1], kind)[2])\n    generator = move_generator(generator, mlp_backward(generator, made, back)[0])\n    " + _JUDGE_MOVES),
)  # fmt: skip
_turns_mistake(
    "takes_the_same_draws_twice",
    """Both turns use the same draws. The generator's turn has draws of its own, z[1].""",
    (_FORGER_ASKS, _FORGER_ASKS.replace("z[1]", "z[0]")),
)
_turns_mistake(
    "lets_the_forger_begin",
    """The generator moves first, and the discriminator learns from what it makes then. The discriminator's turn comes first.""",
    ("    _, grads = discriminator_gradients(discriminator, generator, x, z[0], kind)\n", "    _, forged = generator_gradients(generator, discriminator, z[1], kind)\n    generator = move_generator(generator, forged)\n    _, grads = discriminator_gradients(discriminator, generator, x, z[0], kind)\n"),
    ("    " + _FORGER_ASKS + "\n    " + _FORGER_MOVES, "    return generator, discriminator"),
)  # fmt: skip
_turns_mistake(
    "clips_before_the_step",
    """The parameters are clipped before they move, and may leave the range again. Clip what the step returns.""",
    (_JUDGE_MOVES, "moved = move_discriminator(discriminator if clip is None else [np.clip(p, -clip, clip) for p in discriminator], grads)"),
    ("        discriminator = [np.clip(p, -clip, clip) for p in discriminator]\n", "        pass\n    discriminator = moved\n"),
)  # fmt: skip
_turns_mistake(
    "does_not_clip",
    """clip is not used: the discriminator's parameters must be kept within [-clip, clip] after its step.""",
    ("    if clip is not None:\n        discriminator = [np.clip(p, -clip, clip) for p in discriminator]\n", ""),
)  # fmt: skip
_turns_mistake(
    "swaps_the_optimizers",
    """Each network has an optimizer of its own, which remembers its way. You have given each the other's.""",
    (_JUDGE_MOVES, _JUDGE_MOVES.replace("move_discriminator", "move_generator")),
    (_FORGER_MOVES, _FORGER_MOVES.replace("move_generator", "move_discriminator")),
)


# 7 ---------------------------------------------------------------- mode_coverage


def _ring_case(rng, rare=False, dimensions=2):
    """Points near some of the centers, and some that are lost."""
    k = size(rng, 3, 5)
    centers = 6.0 * rng.permutation(np.eye(8))[:k, :dimensions] + 12.0 * np.arange(k)[:, None]
    radius = round(float(rng.uniform(1.6, 2.4)), 2)
    counts = rng.integers(20, 60, k)
    counts[rng.permutation(k)[0]] = 0
    away = rng.standard_normal((int(counts.sum()), dimensions))
    away *= rng.uniform(0.7, 0.95, (len(away), 1)) * radius / np.linalg.norm(away, axis=1)[:, None]
    points = [np.repeat(centers, counts, axis=0) + away]
    for axis, many in ((0, size(rng, 8, 14)), (dimensions - 1, size(rng, 15, 24))):
        lost = centers[rng.integers(0, k, many)]
        lost[:, axis] += 1.4 * radius
        points.append(lost)
    points = np.concatenate(points)
    if rare:  # one point at the center that nobody hits: not one in a hundred
        points = np.concatenate([np.tile(points, (3, 1)), centers[counts == 0]])
    return Case(rng.permutation(points).round(3), centers, radius)


def _coverage_oracle(torch, points, centers, radius):
    hit, near = [0] * len(centers), 0
    for point in np.array(points).tolist():
        away = [math.dist(point, center) for center in np.array(centers).tolist()]
        if min(away) <= radius:
            near += 1
            hit[away.index(min(away))] += 1
    return np.array(near / len(points)), np.array(sum(100 * n >= len(points) for n in hit))


def _drive_coverage(student, points, centers, radius):
    share, many = student(points, centers, radius)
    return share, many


_THREE = np.array([[0.0, 0.0], [0.0, 0.5], [4.0, 0.0], [9.0, 9.0]]), np.array([[0.0, 0.0], [4.0, 0.0], [8.0, 0.0]])  # fmt: skip

# of a hundred points, 98 in the middle of the first, one just at its rim, and one at the second
_RIM = Case(np.repeat([[0.0, 0.0], [1.0, 0.0], [4.0, 0.0]], [98, 1, 1], axis=0), _THREE[1], 1.0)

mode_coverage = Exercise(
    "gan.mode_coverage",
    twin="dlcore.scratch.gan.mode_coverage",
    parts=[
        Part("how many are near, and where", 1, [Case(*_THREE, 1.0)], _ring_case),
        Part("a center that is hardly hit", 1, [_RIM], lambda rng: _ring_case(rng, rare=True)),
        Part("in three dimensions", 1, draw=lambda rng: _ring_case(rng, dimensions=3)),
    ],
    oracle=_coverage_oracle,
    driver=_drive_coverage,
    returns=("the share of points that are near", "how many centers are hit"),
)  # fmt: skip

_AWAY = "away = np.sqrt(((points[:, None] - centers) ** 2).sum(axis=2))"
_FOUND = "return near.any(axis=1).mean(), int((near.mean(axis=0) >= 0.01).sum())"
_mistake(
    mode_coverage,
    "compares_squares_with_the_radius",
    """The squared distance is compared with the radius. Take its root first.""",
    (_AWAY, "away = ((points[:, None] - centers) ** 2).sum(axis=2)"),
)
_mistake(
    mode_coverage,
    "counts_lost_points_for_the_nearest",
    """Points that lie far from every center count for the nearest one. They hit none.""",
    ("near = (away <= radius) &", "near = (away < np.inf) &"),
)
_mistake(
    mode_coverage,
    "counts_a_single_point_as_a_hit",
    """A center counts as hit if a single point is near. One in a hundred must be.""",
    (_FOUND, "return near.any(axis=1).mean(), int(near.any(axis=0).sum())"),
)
_mistake(
    mode_coverage,
    "counts_the_points",
    """The first number is how many points are near. Their share is asked for, from 0 to 1.""",
    (_FOUND, _FOUND.replace("near.any(axis=1).mean()", "near.any(axis=1).sum()")),
)
_mistake(
    mode_coverage,
    "measures_along_one_axis",
    """Distances are measured along one axis only. Add up the squares of all differences.""",
    (_AWAY, "away = np.abs(points[:, None] - centers)[..., 0]"),
)
_mistake(
    mode_coverage,
    "returns_the_share_of_the_centres",
    """The second number is a share of the centers. How many of them are hit is asked for.""",
    (_FOUND, "return near.any(axis=1).mean(), (near.mean(axis=0) >= 0.01).mean()"),
)


# 8 ---------------------------------------------------------------- memorized


def _copied_case(rng, repeated=0.0, share=None):
    n, k, m = (int(v) for v in rng.permutation([23, 29, 37]))
    d = size(rng, 2, 4)
    train, held_out, generated = (nonzero(rng, rows, d, scale=2) for rows in (k, m, n))
    some = int(repeated * n)
    generated[:some] = train[rng.integers(0, k, some)] + 1e-4 * rng.standard_normal((some, d))
    return Case(rng.permutation(generated), train, held_out, *([share] if share else []))


def _copied_oracle(torch, generated, train, held_out, share=0.05):
    def nearest(rows):
        return [min(math.dist(row, other) for other in np.array(train).tolist()) for row in np.array(rows).tolist()]  # fmt: skip

    squares = sorted(d * d for d in nearest(held_out))
    place = share * (len(squares) - 1)
    low = int(place)
    high = min(low + 1, len(squares) - 1)
    limit = squares[low] + (place - low) * (squares[high] - squares[low])
    return np.array(np.mean([d * d < limit for d in nearest(generated)]))


_LINE = [np.array(a)[:, None] for a in ([0.0, 1.1, 7.0, 3.5], [0.0, 1.0, 2.0, 3.0], [0.2, 1.3, 2.4, 3.6, 5.0])]  # fmt: skip

memorized = Exercise(
    "gan.memorized",
    twin="dlcore.scratch.gan.memorized",
    parts=[
        Part("some are copies", 1, [Case(*_LINE, 0.25)], lambda rng: _copied_case(rng, 0.5)),
        Part("none is a copy", 1, draw=lambda rng: _copied_case(rng, share=float(size(rng, 2, 5)) / 10)),
        Part("most are copies", 1, draw=lambda rng: _copied_case(rng, float(size(rng, 7, 9)) / 10, 0.1)),
    ],
    oracle=_copied_oracle,
)  # fmt: skip

_NEAREST = "return (squares - 2 * rows @ train.T).min(axis=1)"
_SHARE = "return (nearest(generated) < np.quantile(nearest(held_out), share)).mean()"
_mistake(
    memorized,
    "compares_with_the_mean",
    """You compare with how near the held-out rows come on average. Only a share of them may come as near: take the quantile.""",
    (_SHARE, "return (nearest(generated) < nearest(held_out).mean()).mean()"),
)
_mistake(
    memorized,
    "looks_among_the_new",
    """You look for the nearest of the held-out rows. A copy repeats a training row.""",
    (_SHARE, "squares = ((generated[:, None] - held_out) ** 2).sum(axis=2).min(axis=1)\n    return (squares < np.quantile(nearest(held_out), share)).mean()"),
)  # fmt: skip
_mistake(
    memorized,
    "takes_the_mean_distance",
    """The mean distance to all training rows says nothing about copies. Take the distance to the nearest one.""",
    (_NEAREST, "return (squares - 2 * rows @ train.T).mean(axis=1)"),
)
_mistake(
    memorized,
    "counts_those_that_are_far",
    """You count those that lie farther away. Copies are those that lie nearer.""",
    (_SHARE, _SHARE.replace("<", ">")),
)
_mistake(
    memorized,
    "takes_the_upper_end",
    """The threshold is at the wrong end: only a few held-out rows come nearer than it, not nearly all of them.""",
    (_SHARE, _SHARE.replace("np.quantile(nearest(held_out), share)", "np.quantile(nearest(held_out), 1 - share)")),
)  # fmt: skip
_mistake(
    memorized,
    "counts",
    """This is how many are copies. Which share of them is asked for, from 0 to 1.""",
    (_SHARE, _SHARE.replace(".mean()", ".sum()")),
)
_mistake(
    memorized,
    "measures_each_feature",
    """Distances are measured feature by feature. Add up the squares of the differences over the features first.""",
    ("squares = (rows * rows).sum(axis=1)[:, None] + (train * train).sum(axis=1)", "squares = (rows[:, :1] ** 2) + train[:, 0] ** 2"),
    (_NEAREST, "return (squares - 2 * rows[:, :1] @ train[:, :1].T).min(axis=1)"),
)  # fmt: skip
