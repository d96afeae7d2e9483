# ruff: noqa: B905  learners write zip without strict
"""Lesson 06: gradient descent, its largest learning rate, momentum, RMSprop, cosine schedule, AdamW."""

from __future__ import annotations

import math

import numpy as np

from autograder.exercises.checks._draw import nonzero, size
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from dlcore.scratch import optimizers as scratch

_HEADER = "import math\n\nimport numpy as np"


def _mistake(exercise, name, hint, *changes):
    piece = getattr(scratch, exercise.function)
    mistake(exercise, name, hint, *changes, pieces=[piece], header=_HEADER)


def _positive(rng, d):
    """A symmetric matrix (d, d) with eigenvalues between 0.2 and 5."""
    q, _ = np.linalg.qr(rng.standard_normal((d, d)))
    a = (q * rng.uniform(0.2, 5.0, d)) @ q.T
    return (a + a.T) / 2


# 1 ---------------------------------------------------------------- gradient_descent


def _slope_of(a):
    def gradient(x):
        return a @ x

    gradient.curvature = a
    rows = "; ".join(" ".join(f"{v:.3g}" for v in row) for row in a)
    gradient.__name__ = gradient.__qualname__ = f"x -> [{rows}] @ x"
    return gradient


def _descend_case(rng, d=None):
    a = _positive(rng, d or size(rng, 2, 3)).round(2)
    lr = round(float(rng.uniform(0.02, 0.3)), 2)
    return Case(_slope_of(a), nonzero(rng, len(a)), lr, int(rng.integers(3, 8)))


def _descend_oracle(torch, gradient, x, lr=0.1, steps=100):
    p = torch.tensor(np.array(x), requires_grad=True)
    a = torch.tensor(gradient.curvature)
    optimizer = torch.optim.SGD([p], lr=lr)
    way = [np.array(x)]
    for _ in range(steps):
        optimizer.zero_grad()
        (p @ (a @ p) * 0.5).backward()
        optimizer.step()
        way.append(np.array(p.detach().numpy()))
    return np.stack(way)


_BOWL = _slope_of(np.array([[1.0]]))

gradient_descent = Exercise(
    "optimizers.gradient_descent",
    twin="dlcore.scratch.optimizers.gradient_descent",
    parts=[
        Part("one dimension", 1, [Case(_BOWL, np.array([1.0]), 0.5, 3)], lambda rng: _descend_case(rng, 1)),
        Part("several dimensions", 1, draw=_descend_case),
    ],
    oracle=_descend_oracle,
)  # fmt: skip


_mistake(
    gradient_descent,
    "walks_uphill",
    """The steps go up: the gradient points to where the loss grows. Subtract it.""",
    ("x = x - lr * gradient(x)", "x = x + lr * gradient(x)"),
)
_mistake(
    gradient_descent,
    "writes_into_one_array",
    """All rows of your way are the same: x -= ... writes into the array that is in the list already. Make a new one,
    x = x - ...""",
    ("way = [x]", "x = x.copy()\n    way = [x]"),
    ("x = x - lr * gradient(x)", "x -= lr * gradient(x)"),
)
_mistake(
    gradient_descent,
    "asks_for_the_slope_once",
    """Every step uses the slope at the start. It changes on the way: ask for it anew wherever you are.""",
    ("way = [x]", "way = [x]\n    slope = gradient(x)"),
    ("lr * gradient(x)", "lr * slope"),
)
_mistake(
    gradient_descent,
    "leaves_out_the_start",
    """The way begins with the starting point: steps + 1 rows in all.""",
    ("way = [x]", "way = []"),
)
_mistake(
    gradient_descent,
    "ignores_lr",
    """You use a learning rate of your own. Take the argument lr, of which 0.1 is only the default.""",
    ("x - lr * gradient(x)", "x - 0.1 * gradient(x)"),
)
_mistake(
    gradient_descent,
    "returns_the_end",
    """This is only where the walk ended. Collect every point in a list, and stack them.""",
    ("return np.stack(way)", "return x"),
)


# 2 ---------------------------------------------------------------- max_learning_rate


def _rate_oracle(torch, curvature):
    """Squared again and again, a matrix becomes a multiple of its projection on the steepest direction."""
    power = curvature
    for _ in range(40):
        power = power @ power
        power = power / np.abs(power).max()
    v = power[:, np.abs(power).sum(0).argmax()]
    return np.asarray(2 * (v @ v) / (v @ curvature @ v))


max_learning_rate = Exercise(
    "optimizers.max_learning_rate",
    twin="dlcore.scratch.optimizers.max_learning_rate",
    parts=[
        Part("curvature along the axes", 1, [Case(np.diag([1.0, 10.0]))], lambda rng: Case(np.diag(rng.uniform(0.2, 8.0, size(rng, 2, 4)).round(2)))),
        Part("in any direction", 1, draw=lambda rng: Case(_positive(rng, size(rng, 2, 4)))),
    ],
    oracle=_rate_oracle,
    rtol=1e-6,
)  # fmt: skip


@max_learning_rate.misconception(
    """1 / lambda is the rate that reaches the bottom in one step. It is stable up to twice that."""
)
def takes_one_over_lambda(curvature):
    return 1 / np.linalg.eigvalsh(curvature)[-1]


@max_learning_rate.misconception(
    """The flattest direction allows this rate. The steepest one has run away long before: it is the largest eigenvalue that
    counts."""
)
def takes_the_smallest_eigenvalue(curvature):
    return 2 / np.linalg.eigvalsh(curvature)[0]


@max_learning_rate.misconception(
    """You look at the diagonal only. That is the curvature along the axes; the steepest direction can lie between them."""
)
def takes_the_diagonal(curvature):
    return 2 / np.diag(curvature).max()


@max_learning_rate.misconception(
    """The sum of all curvatures (the trace) is on the safe side, but not the limit. Take the largest eigenvalue alone."""
)
def takes_the_trace(curvature):
    return 2 / np.trace(curvature)


@max_learning_rate.misconception(
    """You average over the directions. The steepest one alone decides whether the walk runs away."""
)
def takes_the_mean(curvature):
    return 2 / np.linalg.eigvalsh(curvature).mean()


# 3, 4 ---------------------------------------------------------------- momentum_step, rmsprop_step


def _drive_momentum(student, x, gradients, lr=0.1, momentum=0.9, nesterov=False):
    """Several steps, from a velocity of 0; the points, and the last velocity."""
    v, way = np.zeros_like(x), []
    for g in gradients:
        x, v = student(x, v, g, lr, momentum, nesterov)
        way.append(x)
    return np.array(way), v


def _steps(torch, optimizer, p, gradients):
    way = []
    for g in gradients:
        p.grad = torch.tensor(np.array(g))
        optimizer.step()
        way.append(np.array(p.detach().numpy()))
    return np.stack(way)


def _momentum_oracle(torch, x, gradients, lr=0.1, momentum=0.9, nesterov=False):
    p = torch.tensor(np.array(x), requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=lr, momentum=momentum, nesterov=nesterov)
    way = _steps(torch, optimizer, p, gradients)
    weights = momentum ** np.arange(len(gradients))[::-1]
    return way, np.tensordot(weights, np.array(gradients), 1)


def _momentum_case(rng, steps, nesterov):
    d = size(rng, 2, 3)
    settings = round(float(rng.uniform(0.02, 0.3)), 2), round(float(rng.uniform(0.5, 0.95)), 2)
    return Case(nonzero(rng, d), nonzero(rng, steps, d), *settings, nesterov)


momentum_step = Exercise(
    "optimizers.momentum_step",
    twin="dlcore.scratch.optimizers.momentum_step",
    parts=[
        Part("a first step", 1, [Case(np.array([1.0, 2.0]), np.array([[0.5, -1.0]]), 0.1, 0.9)], lambda rng: _momentum_case(rng, 1, False)),
        Part("several steps", 1, [Case(np.array([1.0]), np.array([[1.0], [1.0], [0.0]]), 0.1, 0.5)], lambda rng: _momentum_case(rng, 4, False)),
        Part("Nesterov", 1, draw=lambda rng: _momentum_case(rng, 4, True)),
    ],
    oracle=_momentum_oracle,
    driver=_drive_momentum,
    returns=("the points", "the last v"),
)  # fmt: skip

_V = "v = momentum * v + g"
_mistake(
    momentum_step,
    "averages_the_gradients",
    """Your v is an average, with (1 - momentum) before g. In this form v is a sum, which grows to 1 / (1 - momentum) times
    the gradient.""",
    (_V, "v = momentum * v + (1 - momentum) * g"),
)
_mistake(
    momentum_step,
    "forgets_the_past",
    """v is the new gradient alone. Keep momentum times what it was.""",
    (_V, "v = g"),
)
_mistake(
    momentum_step,
    "steps_with_the_old_velocity",
    """The step uses v as it was before this gradient. First v, then x.""",
    (
        "    v = momentum * v + g\n    direction = g + momentum * v if nesterov else v\n    return x - lr * direction, v",
        "    new = momentum * v + g\n    direction = g + momentum * v if nesterov else v\n    return x - lr * direction, new",
    ),
)
_mistake(
    momentum_step,
    "looks_ahead_without_the_gradient",
    """Nesterov's step goes along g + momentum v, with the new v. The g is missing in yours.""",
    ("g + momentum * v if nesterov", "momentum * v if nesterov"),
)
_mistake(
    momentum_step,
    "ignores_nesterov",
    """With nesterov=True the step goes along g + momentum v, instead of v.""",
    ("g + momentum * v if nesterov else v", "v"),
)
_mistake(
    momentum_step,
    "forgets_the_rate",
    """The learning rate is missing: x moves by lr times the velocity.""",
    ("x - lr * direction", "x - direction"),
)


def _drive_rmsprop(student, x, gradients, lr=0.01, alpha=0.99, eps=1e-8):
    """Several steps, from an s of 0; the points, and the last s."""
    s, way = np.zeros_like(x), []
    for g in gradients:
        x, s = student(x, s, g, lr, alpha, eps)
        way.append(x)
    return np.array(way), s


def _rmsprop_oracle(torch, x, gradients, lr=0.01, alpha=0.99, eps=1e-8):
    p = torch.tensor(np.array(x), requires_grad=True)
    optimizer = torch.optim.RMSprop([p], lr=lr, alpha=alpha, eps=eps)
    way = _steps(torch, optimizer, p, gradients)
    weights = (1 - alpha) * alpha ** np.arange(len(gradients))[::-1]
    return way, np.tensordot(weights, np.array(gradients) ** 2, 1)


def _rmsprop_case(rng, steps, eps=1e-8, scale=1.0):
    d = size(rng, 2, 3)
    settings = round(float(rng.uniform(0.02, 0.3)), 2), round(float(rng.uniform(0.5, 0.95)), 2)
    return Case(nonzero(rng, d), scale * nonzero(rng, steps, d), *settings, eps)


rmsprop_step = Exercise(
    "optimizers.rmsprop_step",
    twin="dlcore.scratch.optimizers.rmsprop_step",
    parts=[
        Part("a first step", 1, [Case(np.array([1.0, 2.0]), np.array([[3.0, -0.01]]), 0.1, 0.75)], lambda rng: _rmsprop_case(rng, 1)),
        Part("several steps", 1, draw=lambda rng: _rmsprop_case(rng, 4)),
        Part("a large eps", 1, draw=lambda rng: _rmsprop_case(rng, 3, eps=0.5)),
    ],
    oracle=_rmsprop_oracle,
    driver=_drive_rmsprop,
    returns=("the points", "the last s"),
)  # fmt: skip

_S = "s = alpha * s + (1 - alpha) * g**2"
_mistake(
    rmsprop_step,
    "puts_eps_under_the_root",
    """eps stands under the root. PyTorch, and this course, add it outside: sqrt(s) + eps. With a large eps it shows.""",
    ("(np.sqrt(s) + eps)", "np.sqrt(s + eps)"),
)
_mistake(
    rmsprop_step,
    "forgets_the_root",
    """The root is missing: s is a mean of squares, and g is to be divided by a size like its own.""",
    ("(np.sqrt(s) + eps)", "(s + eps)"),
)
_mistake(
    rmsprop_step,
    "swaps_old_and_new",
    """The two shares are swapped: alpha of the old s, (1 - alpha) of the new square.""",
    (_S, "s = (1 - alpha) * s + alpha * g**2"),
)
_mistake(
    rmsprop_step,
    "adds_up_the_squares",
    """You add up all squares without forgetting any, so that the steps shrink for ever (that is Adagrad). Keep alpha of the old
    and take (1 - alpha) of the new.""",
    (_S, "s = s + g**2"),
)
_mistake(
    rmsprop_step,
    "shares_one_size",
    """All entries are divided by the same size. Each entry has its own s: that is the whole point.""",
    (_S, "s = alpha * s + (1 - alpha) * np.mean(g**2)"),
)
_mistake(
    rmsprop_step,
    "does_not_square",
    """s has to collect the squares of the gradients. Gradients of changing sign would cancel, and a root of a negative number is
    nan.""",
    (_S, "s = alpha * s + (1 - alpha) * g"),
)


# 5 ---------------------------------------------------------------- cosine_schedule


def _cosine_oracle(torch, t, steps, peak=1.0, warmup=0):
    if t < warmup:
        return np.asarray(peak * (t + 1) / warmup)
    done = torch.tensor(np.float64((t - warmup) / (steps - warmup) * math.pi))
    half = np.exp(1j * float(done.detach().numpy())).real
    return np.asarray(peak * (1 + half) / 2)


def _cosine_case(rng, *, warm):
    steps = int(rng.integers(20, 60))
    warmup = int(rng.integers(3, 10)) if warm else 0
    t = (
        int(rng.integers(0, warmup))
        if warm and rng.random() < 0.5
        else int(rng.integers(warmup, steps))
    )
    return Case(t, steps, round(float(rng.uniform(0.1, 3)), 2), warmup)  # fmt: skip


cosine_schedule = Exercise(
    "optimizers.cosine_schedule",
    twin="dlcore.scratch.optimizers.cosine_schedule",
    parts=[
        Part("without warm-up", 1, [Case(0, 10), Case(5, 10, 2.0), Case(10, 10)], lambda rng: _cosine_case(rng, warm=False)),
        Part("with warm-up", 1, [Case(0, 100, 1.0, 10), Case(9, 100, 1.0, 10), Case(55, 100, 1.0, 10)], lambda rng: _cosine_case(rng, warm=True), 6),
    ],
    oracle=_cosine_oracle,
)  # fmt: skip

_mistake(
    cosine_schedule,
    "begins_at_zero",
    """The first step of the warm-up has the rate 0 and is wasted. Step t gets (t + 1) parts of it, so that the last one reaches
    the peak.""",
    ("peak * (t + 1) / warmup", "peak * t / warmup"),
)
_mistake(
    cosine_schedule,
    "counts_the_warmup_in",
    """The cosine must begin when the warm-up ends: it has come (t - warmup) of (steps - warmup) steps.""",
    ("done = (t - warmup) / (steps - warmup)", "done = t / steps"),
)
_mistake(
    cosine_schedule,
    "goes_below_zero",
    """A cosine goes from 1 to -1, so that your rate becomes negative. Add 1 and halve.""",
    ("peak * (1 + math.cos(math.pi * done)) / 2", "peak * math.cos(math.pi * done)"),
)
_mistake(
    cosine_schedule,
    "forgets_to_halve",
    """1 + cos goes from 2 to 0: your schedule begins at twice the peak. Halve it.""",
    ("(1 + math.cos(math.pi * done)) / 2", "(1 + math.cos(math.pi * done))"),
)
_mistake(
    cosine_schedule,
    "goes_a_full_turn",
    """Yours falls and rises again: half a turn, pi, is wanted, not 2 pi.""",
    ("math.pi * done", "2 * math.pi * done"),
)
_mistake(
    cosine_schedule,
    "falls_in_a_line",
    """This is a line. The cosine stays near the peak at first and near 0 at last: (1 + cos(pi done)) / 2.""",
    ("peak * (1 + math.cos(math.pi * done)) / 2", "peak * (1 - done)"),
)


# 6 ---------------------------------------------------------------- AdamW


def _drive_adam(
    student, params, gradients, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01
):
    """Steps with the student's optimizer; all parameters after each, in a row."""
    optimizer = student(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
    other = student(lr=lr)  # a second one, which must not disturb the first
    way = []
    for grads in gradients:
        params = list(optimizer.step(params, grads))
        other.step([np.ones(2)], [np.ones(2)])
        way.append(np.concatenate([np.ravel(p) for p in params]))
    return np.array(way)


def _adam_oracle(
    torch, params, gradients, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01
):
    leaves = [torch.tensor(np.array(p), requires_grad=True) for p in params]
    optimizer = torch.optim.AdamW(leaves, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
    way = []
    for grads in gradients:
        for leaf, g in zip(leaves, grads):
            leaf.grad = torch.tensor(np.array(g))
        optimizer.step()
        way.append(np.concatenate([np.ravel(leaf.detach().numpy()) for leaf in leaves]))
    return np.stack(way)


def _adam_case(rng, steps, decay=0.0, eps=1e-8, shapes=((3,),)):
    params = [nonzero(rng, *shape) for shape in shapes]
    gradients = [[nonzero(rng, *shape) for shape in shapes] for _ in range(steps)]
    lr = round(float(rng.uniform(0.02, 0.2)), 2)
    betas = round(float(rng.uniform(0.5, 0.9)), 2), round(float(rng.uniform(0.92, 0.99)), 3)
    return Case(params, gradients, lr, betas, eps, decay)


_ONE = Case([np.array([1.0, 2.0])], [[np.array([10.0, -0.1])]], 0.1, (0.9, 0.999), 1e-8, 0.0)

AdamW = Exercise(
    "optimizers.AdamW",
    twin="dlcore.scratch.optimizers.AdamW",
    parts=[
        Part("a first step", 1, [_ONE], lambda rng: _adam_case(rng, 1)),
        Part("several steps", 2, draw=lambda rng: _adam_case(rng, 5)),
        Part("a large eps", 1, draw=lambda rng: _adam_case(rng, 3, eps=0.3)),
        Part("weight decay", 2, draw=lambda rng: _adam_case(rng, 3, decay=round(float(rng.uniform(0.1, 0.9)), 2))),
        Part("several parameters", 1, draw=lambda rng: _adam_case(rng, 4, shapes=((2, 3), (2,), ()))),
        Part("50 steps", 2, draw=lambda rng: _adam_case(rng, 50, decay=0.1, shapes=((3, 2), (3,))), draws=2),
    ],
    oracle=_adam_oracle,
    driver=_drive_adam,
)  # fmt: skip


_mistake(
    AdamW,
    "forgets_the_bias_correction",
    """m and s begin at 0 and are much too small at first. Divide them by 1 - beta^t, with t = 1 in the first step.""",
    ("self.m[i] / (1 - first**self.t)", "self.m[i]"),
    ("self.s[i] / (1 - second**self.t)", "self.s[i]"),
)
_mistake(
    AdamW,
    "corrects_the_correction",
    """The corrected m and s are remembered, and corrected again in the next step. Remember them as they are; the correction is
    for this step only.""",
    ("m = self.m[i] / (1 - first**self.t)", "m = self.m[i] = self.m[i] / (1 - first**self.t)"),
    ("s = self.s[i] / (1 - second**self.t)", "s = self.s[i] = self.s[i] / (1 - second**self.t)"),
)
_mistake(
    AdamW,
    "never_counts",
    """The correction is always that of the first step: t has to grow by 1 in every step.""",
    ("first**self.t", "first"),
    ("second**self.t", "second"),
)
_mistake(
    AdamW,
    "counts_every_parameter",
    """t grows with every parameter instead of with every step, so that the second parameter is corrected as if it were a step
    later.""",
    ("        self.t += 1\n", ""),
    ("            self.m[i] = first", "            self.t += 1\n            self.m[i] = first"),
)
_mistake(
    AdamW,
    "puts_eps_under_the_root",
    """eps stands under the root. It belongs outside: sqrt(s) + eps. With a large eps it shows.""",
    ("(np.sqrt(s) + self.eps)", "np.sqrt(s + self.eps)"),
)
_mistake(
    AdamW,
    "forgets_the_root",
    """The root is missing: s holds squares, and m is to be divided by a size like its own.""",
    ("(np.sqrt(s) + self.eps)", "(s + self.eps)"),
)
_mistake(
    AdamW,
    "swaps_the_betas",
    """The two betas are swapped: the first is for m, the mean of the gradients, the second for s, that of their squares.""",
    ("first, second = self.betas", "second, first = self.betas"),
)
_mistake(
    AdamW,
    "decays_through_the_gradient",
    """The weight decay was added to the gradient, so that it goes into m and s and is divided by the root: large gradients switch it
    off. AdamW takes it from the weight itself.""",
    ("            self.m[i] = first", "            g = g + self.weight_decay * p\n            self.m[i] = first"),
    ("            p = p - self.lr * self.weight_decay * p\n", ""),
)  # fmt: skip
_mistake(
    AdamW,
    "decays_without_the_rate",
    """The decay is lr * weight_decay * p: without lr it does not follow the schedule.""",
    ("self.lr * self.weight_decay * p", "self.weight_decay * p"),
)
_mistake(
    AdamW,
    "shares_its_memory",
    """All parameters write into the same m and s. Each one needs its own, of its own shape.""",
    ("self.m[i] = first * self.m[i]", "self.m[0] = self.m[i] = first * self.m[0]"),
    ("self.s[i] = second * self.s[i]", "self.s[0] = self.s[i] = second * self.s[0]"),
)
