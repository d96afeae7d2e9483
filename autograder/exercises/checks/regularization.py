# ruff: noqa: B905  learners write zip without strict
"""Lesson 08: ridge regression, penalties, dropout, batch norm, early stopping, shifted images, loss and gradients."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from autograder.exercises.checks._draw import nonzero, normal, size
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore.scratch import regularization as scratch

_HEADER = "import numpy as np\n\nfrom dlcore.scratch.tensors import Tensor"


def _mistake(exercise, name, hint, *changes, pieces=()):
    pieces = [*pieces, getattr(scratch, exercise.function)]
    mistake(exercise, name, hint, *changes, pieces=pieces, header=_HEADER)


# 1 ---------------------------------------------------------------- ridge


def _drive_ridge(student, x, y, l2):
    """The slope of |x w - y|^2 / 2 + l2 |w|^2 / 2 at the answer, and what of it x does not see."""
    w = student(x, y, l2)
    seen = np.linalg.lstsq(x, x @ w)[0]
    return x.T @ (x @ w - y) + l2 * w, w - seen


def _ridge_case(rng, n, d, penalty=True):
    l2 = round(float(rng.uniform(0.5, 3)), 1) if penalty else 0.0
    return Case(nonzero(rng, n, d), nonzero(rng, n), l2)


ridge = Exercise(
    "regularization.ridge",
    twin="dlcore.scratch.regularization.ridge",
    parts=[
        Part("with a penalty", 1, [Case(np.array([[1.0], [2.0]]), np.array([2.0, 4.0]), 5.0)], lambda rng: _ridge_case(rng, size(rng, 5, 7), size(rng, 2, 4))),
        Part("without, enough examples", 1, draw=lambda rng: _ridge_case(rng, size(rng, 5, 7), size(rng, 2, 4), penalty=False)),
        Part("without, too few examples", 1, draw=lambda rng: _ridge_case(rng, size(rng, 2, 3), size(rng, 5, 6), penalty=False)),
    ],
    oracle=lambda torch, x, y, l2: (np.zeros(x.shape[1]), np.zeros(x.shape[1])),
    driver=_drive_ridge,
    returns=("slope at your w", "the part of your w that x does not see"),
    atol=1e-7,
)  # fmt: skip

_SOLVED = "np.linalg.solve(x.T @ x + l2 * np.eye(x.shape[1]), x.T @ y)"
_mistake(
    ridge,
    "ignores_the_penalty",
    """This fits the points as closely as possible, whatever l2 is. The penalty adds l2 to the diagonal of x.T @ x.""",
    (_SOLVED, "np.linalg.pinv(x) @ y"),
)
_mistake(
    ridge,
    "adds_to_every_entry",
    """You add l2 to all entries of x.T @ x. It belongs on the diagonal alone: l2 times np.eye(D).""",
    ("l2 * np.eye(x.shape[1])", "l2"),
)
_mistake(
    ridge,
    "divides_by_the_examples",
    """You use the mean over the examples, so the penalty counts N times as much as asked. Here the squares are summed.""",
    (_SOLVED, "np.linalg.solve(x.T @ x / len(x) + l2 * np.eye(x.shape[1]), x.T @ y / len(x))"),
)
_mistake(
    ridge,
    "halves_the_penalty",
    """Your penalty is half as strong: both terms have the same factor 2 in their slopes, and it cancels in both.""",
    ("l2 * np.eye", "l2 / 2 * np.eye"),
)
_mistake(
    ridge,
    "subtracts_the_penalty",
    """The sign of the penalty is wrong: this one rewards large weights.""",
    ("x.T @ x + l2", "x.T @ x - l2"),
)
_mistake(
    ridge,
    "takes_any_that_fits",
    """It fits, but among all w that fit it is not the shortest: it goes along a direction that x does not see. np.linalg.pinv and
    np.linalg.lstsq give the shortest.""",
    ("return np.linalg.pinv(x) @ y", "w = np.linalg.pinv(x) @ y\n        return w + np.linalg.svd(x)[2][-1] * (len(x) < x.shape[1])"),
)  # fmt: skip


# 2 ---------------------------------------------------------------- penalty


def _drive_penalty(student, params, l1, l2):
    """|w| has no slope at 0: there, anything from -l1 to l1 is as good as 0."""
    total, gradients = student(params, l1, l2)
    gradients = [np.where((p == 0) & (np.abs(g) <= l1), 0.0, g) for p, g in zip(params, gradients)]
    shapes = np.concatenate([np.shape(g) for g in gradients])
    return total, np.concatenate([np.ravel(g) for g in gradients]), shapes


def _penalty_oracle(torch, params, l1, l2):
    leaves = [torch.tensor(p, requires_grad=True) for p in params]
    total = torch.tensor(np.zeros(()))
    for w in leaves[::2]:
        total = total + l1 * w.abs().sum() + l2 / 2 * (w * w).sum()
    total.backward()
    gradients = [
        to_plain(leaf.grad) if leaf.grad is not None else np.zeros(p.shape)
        for leaf, p in zip(leaves, params)
    ]
    shapes = np.concatenate([p.shape for p in params])
    return to_plain(total), np.concatenate([g.ravel() for g in gradients]), shapes  # fmt: skip


def _penalty_case(rng, l1, l2):
    d, m, k = size(rng, 2, 3), size(rng, 2, 3), size(rng, 2, 3)
    params = [nonzero(rng, m, d), nonzero(rng, m), nonzero(rng, k, m), nonzero(rng, k)]
    params[0][0, 0] = 0.0
    strength = [on * round(float(rng.uniform(0.2, 2)), 1) for on in (l1, l2)]
    return Case(params, *strength)


penalty = Exercise(
    "regularization.penalty",
    twin="dlcore.scratch.regularization.penalty",
    parts=[
        Part("L2", 1, [Case([np.array([[3.0, -1.0]]), np.array([5.0])], 0.0, 0.5)], lambda rng: _penalty_case(rng, 0, 1)),
        Part("L1", 1, draw=lambda rng: _penalty_case(rng, 1, 0)),
        Part("both", 1, draw=lambda rng: _penalty_case(rng, 1, 1)),
    ],
    oracle=_penalty_oracle,
    driver=_drive_penalty,
    returns=("the penalty", "all gradients", "their shapes"),
)  # fmt: skip

_TOTAL = "total += held * (l1 * np.abs(p).sum() + l2 / 2 * (p**2).sum())"
_SLOPES = "gradients.append(held * (l1 * np.sign(p) + l2 * p))"
_mistake(
    penalty,
    "holds_the_biases_too",
    """The biases are held back as well. They do not make a network wild, they only move it: leave them free, with gradients of 0.""",
    ("held = p.ndim > 1", "held = True"),
)
_mistake(
    penalty,
    "forgets_the_half",
    """Without the half, the slope of l2 w^2 would be 2 l2 w. With it, it is l2 w, and your sum is twice too large.""",
    ("l2 / 2 * (p**2).sum()", "l2 * (p**2).sum()"),
)
_mistake(
    penalty,
    "doubles_the_slope",
    """The slope of l2 / 2 times w squared is l2 w. The 2 has gone into the half.""",
    ("l2 * p))", "2 * l2 * p))"),
)
_mistake(
    penalty,
    "forgets_the_sign",
    """The slope of |w| is 1 for positive w and -1 for negative: np.sign(w), and not |w| itself.""",
    ("l1 * np.sign(p)", "l1 * np.abs(p)"),
)
_mistake(
    penalty,
    "averages",
    """You take the mean over the weights of each array. The penalty is a sum over all of them.""",
    (_TOTAL, "total += held * (l1 * np.abs(p).mean() + l2 / 2 * (p**2).mean())"),
    (_SLOPES, "gradients.append(held * (l1 * np.sign(p) + l2 * p) / p.size)"),
)
_mistake(
    penalty,
    "keeps_the_last_alone",
    """The sum has only the last matrix in it. Add up: total += ...""",
    (_TOTAL, "total = held * (l1 * np.abs(p).sum() + l2 / 2 * (p**2).sum()) if held else total"),
)


# 3 ---------------------------------------------------------------- dropout


def _drive_dropout(student, n, d, p, training, seed):
    """What became of an (n, d) array of ones to nines: factors, the share of zeros, rows and columns treated alike."""
    x = 1.0 + np.random.default_rng(seed).integers(0, 9, (n, d))
    y, scale = student(x, p, training, seed)
    factors = np.unique(np.round(y / x, 6))
    zero = y == 0
    alike = (
        int((zero.all(0) | ~zero.any(0)).sum() + (zero.all(1) | ~zero.any(1)).sum())
        if training
        else 0
    )
    again = student(x, p, training, seed + 1)[0]
    agreement = np.mean((again == 0) == zero)
    return factors, zero.mean(), np.abs(y - x * np.asarray(scale)).max(), alike, agreement  # fmt: skip


def _dropout_oracle(torch, n, d, p, training, seed):
    number = np.asarray
    if not training:
        return np.ones(1), number(0.0), number(0.0), number(0), number(1.0)
    return (
        np.array([0, 1 / (1 - p)]),
        number(p),
        number(0.0),
        number(0),
        number(p**2 + (1 - p) ** 2),
    )


def _dropout_case(rng, training):
    return Case(200, 150, round(float(rng.choice([0.2, 0.3, 0.6, 0.7])), 1), training, int(rng.integers(1000)))  # fmt: skip


dropout = Exercise(
    "regularization.dropout",
    twin="dlcore.scratch.regularization.dropout",
    parts=[
        Part("in training", 2, [Case(200, 150, 0.25, True, 0)], lambda rng: _dropout_case(rng, True)),
        Part("afterwards", 1, draw=lambda rng: _dropout_case(rng, False), draws=2),
    ],
    oracle=_dropout_oracle,
    driver=_drive_dropout,
    returns=("y / x, the values that occur", "share of zeros", "largest difference of y and x * scale", "rows and columns dropped or kept as a whole", "agreement with another seed"),
    rtol=0.02,
    atol=0.02,
)  # fmt: skip

_DRAWN = "scale = (rng.random(x.shape) >= p) / (1 - p)"
_mistake(
    dropout,
    "forgets_to_scale",
    """What survives stays as it was, so that the next layer gets less in training than afterwards. Divide by 1 - p.""",
    (_DRAWN, "scale = (rng.random(x.shape) >= p) * 1.0"),
)
_mistake(
    dropout,
    "keeps_with_p",
    """p is the probability of being dropped. You keep with it.""",
    (_DRAWN, "scale = (rng.random(x.shape) < p) / p"),
)
_mistake(
    dropout,
    "divides_by_p",
    """A share of 1 - p survives, so 1 - p is what to divide by, and not p.""",
    (_DRAWN, "scale = (rng.random(x.shape) >= p) / p"),
)
_mistake(
    dropout,
    "drops_for_ever",
    """You drop even when training is over. Then x goes through as it is, and scale is all ones.""",
    ("    if not training:\n        return x, np.ones(x.shape)\n", ""),
)
_mistake(
    dropout,
    "scales_afterwards",
    """You scale by 1 - p when training is over, as the first paper did. This dropout is inverted: it has already made up for it
    in training, so that nothing is left to do.""",
    (_DRAWN, "scale = (rng.random(x.shape) >= p) * 1.0"),
    ("return x, np.ones(x.shape)", "return x * (1 - p), np.full(x.shape, 1 - p)"),
)
_mistake(
    dropout,
    "drops_whole_columns",
    """The same units are dropped for all examples. Draw anew for every entry: rng.random(x.shape).""",
    (_DRAWN, "scale = (rng.random(x.shape[1]) >= p) / (1 - p) * np.ones(x.shape)"),
)
_mistake(
    dropout,
    "drops_the_same_always",
    """Another rng drops the very same entries: you use a generator of your own with a fixed seed. Use the one that is given.""",
    (_DRAWN, "scale = (np.random.default_rng(0).random(x.shape) >= p) / (1 - p)"),
)


# 4 ---------------------------------------------------------------- batch_norm

_OUTCOMES = ("y", "mean", "var")


def _drive_batch_norm(student, x, w, b, mean, var, training, momentum, eps, column):
    """One of y, the running mean and the running variance, or all of them in a row."""
    found = student(x, w, b, mean, var, training, momentum, eps)
    if column == "all":
        return np.concatenate([np.ravel(a) for a in found])
    return np.asarray(found[_OUTCOMES.index(column)])


def _batch_norm_oracle(torch, x, w, b, mean, var, training, momentum, eps, column):
    tensors = {
        name: torch.tensor(np.array(a))
        for name, a in (("x", x), ("w", w), ("b", b), ("mean", mean), ("var", var))
    }
    norm, x = torch.nn.functional.batch_norm, tensors["x"]
    if column == "all":
        y = norm(x, tensors["mean"], tensors["var"], tensors["w"], tensors["b"], False, 0.1, eps)
        return np.concatenate([to_plain(y).ravel(), mean, var])
    if column == "y":
        return norm(x, None, None, tensors["w"], tensors["b"], True, 0.1, eps)
    m = x.mean(0)
    new = m if column == "mean" else ((x - m) ** 2).sum(0) / (x.shape[0] - 1)
    return (1 - momentum) * tensors[column] + momentum * new  # fmt: skip


def _batch_norm_case(rng, training, column):
    n, d = size(rng, 3, 6), size(rng, 2, 3)
    x = normal(rng, n, d, scale=3.0) + rng.integers(-5, 6, d)
    w, b, mean = nonzero(rng, d), nonzero(rng, d), nonzero(rng, d)
    var = np.round(rng.uniform(0.5, 3, d), 1)
    return Case(x, w, b, mean, var, training, round(float(rng.uniform(0.05, 0.4)), 2), float(rng.choice([1e-5, 0.5])), column)  # fmt: skip


batch_norm = Exercise(
    "regularization.batch_norm",
    twin="dlcore.scratch.regularization.batch_norm",
    parts=[
        Part("in training", 1, [Case(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), np.zeros(1), np.ones(1), True, 0.1, 1e-5, "y")], lambda rng: _batch_norm_case(rng, True, "y")),
        Part("the running mean", 1, draw=lambda rng: _batch_norm_case(rng, True, "mean")),
        Part("the running variance", 1, draw=lambda rng: _batch_norm_case(rng, True, "var")),
        Part("afterwards", 1, draw=lambda rng: _batch_norm_case(rng, False, "all")),
    ],
    oracle=_batch_norm_oracle,
    driver=_drive_batch_norm,
)  # fmt: skip

_OWN = "m, v = x.mean(axis=0), x.var(axis=0)"
_mistake(
    batch_norm,
    "measures_rows",
    """You measure along the rows (that would be layer norm). Each column has a mean and a variance of its own: axis=0.""",
    (_OWN, "m, v = x.mean(), x.var()"),
)
_mistake(
    batch_norm,
    "adds_eps_outside",
    """eps belongs to the variance, under the root. With a large eps it shows.""",
    ("y = w * (x - m) / np.sqrt(v + eps) + b", "y = w * (x - m) / (np.sqrt(v) + eps) + b"),
    ("return w * (x - mean) / np.sqrt(var + eps) + b", "return w * (x - mean) / (np.sqrt(var) + eps) + b"),
)  # fmt: skip
_mistake(
    batch_norm,
    "remembers_the_biased_variance",
    """The running variance takes the unbiased one, with N - 1, since it is an estimate for all data, as PyTorch does. The batch
    itself is divided by its own, with N.""",
    ("momentum * unbiased", "momentum * v"),
)
_mistake(
    batch_norm,
    "swaps_old_and_new",
    """The shares are swapped: momentum is that of the new batch, 1 - momentum that of what was known.""",
    ("(1 - momentum) * mean + momentum * m", "momentum * mean + (1 - momentum) * m"),
    ("(1 - momentum) * var + momentum * unbiased", "momentum * var + (1 - momentum) * unbiased"),
)
_mistake(
    batch_norm,
    "trains_on_the_running",
    """In training the batch is to be measured by itself. The running mean and variance are for afterwards.""",
    ("y = w * (x - m) / np.sqrt(v + eps) + b", "y = w * (x - mean) / np.sqrt(var + eps) + b"),
)
_mistake(
    batch_norm,
    "measures_afterwards",
    """When training is over, an example must not depend on who stands beside it: use the running mean and variance, and leave
    them as they are.""",
    (
        "    if not training:\n        return w * (x - mean) / np.sqrt(var + eps) + b, mean, var\n",
        "",
    ),
)
_mistake(
    batch_norm,
    "forgets_scale_and_shift",
    """w and b are missing. They let the network undo the normalizing where that is better.""",
    ("y = w * (x - m) / np.sqrt(v + eps) + b", "y = (x - m) / np.sqrt(v + eps)"),
    ("return w * (x - mean) / np.sqrt(var + eps) + b", "return (x - mean) / np.sqrt(var + eps)"),
)


# 5 ---------------------------------------------------------------- batch_norm_backward


def _backward_oracle(torch, g, x, w, eps=1e-5):
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in (x, w, np.zeros(len(w)))]
    y = torch.nn.functional.batch_norm(leaves[0], None, None, leaves[1], leaves[2], True, 0.1, eps)
    y.backward(torch.tensor(np.array(g)))
    return tuple(to_plain(leaf.grad) for leaf in leaves)


def _backward_case(rng):
    n, d = size(rng, 3, 6), size(rng, 2, 3)
    x = normal(rng, n, d, scale=2.0) + rng.integers(-3, 4, d)
    return Case(nonzero(rng, n, d), x, nonzero(rng, d), float(rng.choice([1e-5, 0.1])))


batch_norm_backward = Exercise(
    "regularization.batch_norm_backward",
    twin="dlcore.scratch.regularization.batch_norm_backward",
    parts=[Part("dx, dw and db", 3, [Case(np.array([[1.0], [0.0], [0.0]]), np.array([[0.0], [1.0], [2.0]]), np.ones(1), 1e-5)], _backward_case)],
    oracle=_backward_oracle,
    returns=("dx", "dw", "db"),
    rtol=1e-5,
    atol=1e-8,
)  # fmt: skip

_DX = "dx = w / std * (g - db / len(x) - z * dw / len(x))"
_mistake(
    batch_norm_backward,
    "takes_the_mean_as_given",
    """You treat mean and variance as constants. They are made of x: every example acts on all others through them.""",
    (_DX, "dx = w / std * g"),
)
_mistake(
    batch_norm_backward,
    "forgets_the_variance",
    """The way through the mean is there, that through the variance is missing: subtract z times the mean of g z, too.""",
    (_DX, "dx = w / std * (g - db / len(x))"),
)
_mistake(
    batch_norm_backward,
    "forgets_the_mean",
    """The way through the variance is there, that through the mean is missing: subtract the mean of g, too.""",
    (_DX, "dx = w / std * (g - z * dw / len(x))"),
)
_mistake(
    batch_norm_backward,
    "forgets_the_scale",
    """In the backward pass g is multiplied with w, since y is w times z.""",
    (_DX, "dx = (g - db / len(x) - z * dw / len(x)) / std"),
)
_mistake(
    batch_norm_backward,
    "multiplies_with_the_raw_input",
    """y is w times the *normalized* x, so it is z that belongs into the gradient of w, and not x.""",
    ("dw, db = (g * z).sum(axis=0), g.sum(axis=0)", "dw, db = (g * x).sum(axis=0), g.sum(axis=0)"),
)
_mistake(
    batch_norm_backward,
    "averages_the_weights_gradient",
    """w and b are used by every example, so their gradients are sums over the examples, and not means.""",
    ("return dx, dw, db", "return dx, dw / len(x), db / len(x)"),
)


# 6 ---------------------------------------------------------------- early_stopping


def _early_oracle(torch, losses, patience=5):
    best = [int(np.argmin(losses[: e + 1])) for e in range(len(losses))]
    old = [e for e, b in enumerate(best) if e - b >= patience]
    stop = old[0] if old else len(losses) - 1
    return np.asarray(stop), np.asarray(best[stop])


def _early_case(rng, ends):
    """Losses that fall unevenly, with equal ones; after a rise that is not the last a new best follows."""
    patience = int(rng.integers(2, 5))
    fall = [
        9 - i + int(j)
        for i in range(4)
        for j in [0, *rng.integers(1, 4, int(rng.integers(0, patience)))]
    ]
    tail = [6 + int(j) for j in rng.integers(0, 4, patience + 3)] if ends else []
    tail = [*tail, 1, 2] if ends else tail
    return Case([float(v) for v in [*fall, *tail]], patience)  # fmt: skip


early_stopping = Exercise(
    "regularization.early_stopping",
    twin="dlcore.scratch.regularization.early_stopping",
    parts=[
        Part("patience ends", 1, [Case([5.0, 3.0, 4.0, 4.0, 2.0, 6.0], 2), Case([4.0, 4.0, 5.0, 6.0], 3)], lambda rng: _early_case(rng, True)),
        Part("patience does not end", 1, [Case([5.0, 6.0, 4.0, 5.0, 3.0], 3)], lambda rng: _early_case(rng, False)),
    ],
    oracle=_early_oracle,
    returns=("the epoch to stop after", "the best epoch"),
)  # fmt: skip

_mistake(
    early_stopping,
    "stops_at_the_first_rise",
    """You stop as soon as the loss rises. It goes up and down by chance: wait for patience epochs without a new best.""",
    ("if epoch - best >= patience:", "if epoch > best:"),
)
_mistake(
    early_stopping,
    "waits_one_too_long",
    """You wait one epoch too long: stop when the best one is patience epochs old, not more.""",
    ("epoch - best >= patience", "epoch - best > patience"),
)
_mistake(
    early_stopping,
    "compares_with_the_last",
    """You compare each loss with the one before it. A small step down from a high place is no new best: compare with the best.""",
    ("if loss < losses[best]:", "if epoch and loss < losses[epoch - 1]:"),
)
_mistake(
    early_stopping,
    "takes_the_latest_of_equals",
    """An equal loss counts as a new best in yours. It must be smaller, or the wait begins again without any gain.""",
    ("loss < losses[best]", "loss <= losses[best]"),
)
_mistake(
    early_stopping,
    "looks_to_the_end",
    """Your best epoch is the best of all. Training would have stopped before: nobody knows what would have come.""",
    ("return epoch, best", "return epoch, min(range(len(losses)), key=losses.__getitem__)"),
)
_mistake(
    early_stopping,
    "swaps_the_two",
    """The two numbers are swapped: first the epoch to stop after, then the best one.""",
    ("return epoch, best", "return best, epoch"),
    ("return len(losses) - 1, best", "return best, len(losses) - 1"),
)


# 7 ---------------------------------------------------------------- shift_images


def _shift_oracle(torch, images, down=0, right=0):
    n, height, width = images.shape
    wide = np.zeros((n, height + 2 * abs(down), width + 2 * abs(right)))
    top, left = abs(down) + down, abs(right) + right
    wide[:, top : top + height, left : left + width] = images
    return wide[:, abs(down) : abs(down) + height, abs(right) : abs(right) + width]


def _shift_case(rng, down, right):
    images = rng.integers(1, 9, (size(rng, 1, 2), size(rng, 4, 5), size(rng, 4, 5))) / 1.0
    return Case(images, down, right)


shift_images = Exercise(
    "regularization.shift_images",
    twin="dlcore.scratch.regularization.shift_images",
    parts=[
        Part("down and right", 1, [Case(np.array([[[1.0, 2.0], [3.0, 4.0]]]), 1, 0)], lambda rng: _shift_case(rng, int(rng.integers(1, 4)), int(rng.integers(1, 4)))),
        Part("any way", 1, draw=lambda rng: _shift_case(rng, int(rng.integers(-3, 4)), int(rng.integers(-3, 0))), draws=8),
    ],
    oracle=_shift_oracle,
)  # fmt: skip


@shift_images.misconception(
    """What leaves on one side comes in on the other: np.roll is a merry-go-round. Set the rows and columns that come in to 0."""
)
def rolls(images, down=0, right=0):
    return np.roll(images, (down, right), axis=(1, 2))


_TO = "to = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))"
_CAME = "came = slice(max(-down, 0), height - max(down, 0)), slice(max(-right, 0), width - max(right, 0))"
_PLACED = "moved[:, to[0], to[1]] = images[:, came[0], came[1]]"
_mistake(
    shift_images,
    "goes_the_other_way",
    """Your pictures go up and left. Down is toward larger row numbers, right toward larger column numbers.""",
    (_PLACED, "moved[:, came[0], came[1]] = images[:, to[0], to[1]]"),
)
_mistake(
    shift_images,
    "swaps_the_directions",
    """Down and right are swapped. The images are (N, H, W): axis 1 goes down, axis 2 to the right.""",
    (
        "    moved = np.zeros_like(images)\n",
        "    down, right = right, down\n    moved = np.zeros_like(images)\n",
    ),
)
_mistake(
    shift_images,
    "goes_forward_only",
    """For negative numbers the picture stays in its place. Up and left are as good as down and right.""",
    ("    moved = np.zeros_like(images)\n", "    down, right = max(down, 0), max(right, 0)\n    moved = np.zeros_like(images)\n"),
)  # fmt: skip
_mistake(
    shift_images,
    "leaves_the_old_edge",
    """What should be empty still holds the old picture: you moved a copy within itself. Begin with zeros.""",
    ("moved = np.zeros_like(images)", "moved = images.copy()"),
)


# 8 ---------------------------------------------------------------- loss_and_gradients


def _drive_loss(student, params, x, t, p, l2, column):
    """The loss, its gradients, or the losses that occur in 40 draws."""
    if column == "losses that occur":
        seen = {round(float(student(params, x, t, p, l2, seed)[0]), 9) for seed in range(40)}
        return np.array(sorted(seen))
    loss, gradients = student(params, x, t, p, l2, 3)
    if column == "loss":
        return loss
    flat = np.concatenate([np.ravel(g) for g in gradients])
    return flat if p == 0 else flat - _measured(student, params, x, t, p, l2)


def _measured(student, params, x, t, p, l2, eps=1e-6):
    """The slope of the student's own loss, with the same seed, in every parameter."""
    slopes = []
    for k, a in enumerate(params):
        for place in np.ndindex(a.shape):
            ends = []
            for step in (eps, -eps):
                moved = [q.copy() for q in params]
                moved[k][place] += step
                ends.append(float(student(moved, x, t, p, l2, 3)[0]))
            slopes.append((ends[0] - ends[1]) / (2 * eps))
    return np.array(slopes)


def _loss_oracle(torch, params, x, t, p, l2, column):
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in params]
    linear, entropy = torch.nn.functional.linear, torch.nn.functional.cross_entropy
    if (
        column == "losses that occur"
    ):  # one hidden unit: it is there, 1 / (1 - p) times as strong, or not
        h = linear(torch.tensor(x), leaves[0], leaves[1]).relu()
        held = l2 / 2 * sum(float((a**2).sum()) for a in params[::2])
        found = [
            entropy(linear(h * factor, leaves[2], leaves[3]), torch.tensor(t))
            for factor in (0.0, 1 / (1 - p))
        ]
        return np.sort([round(float(to_plain(loss)) + held, 9) for loss in found])
    h = torch.tensor(x)
    for i in range(0, len(leaves), 2):
        h = linear(h if i == 0 else h.relu(), leaves[i], leaves[i + 1])
    loss = entropy(h, torch.tensor(t))
    for w in leaves[::2]:
        loss = loss + l2 / 2 * (w * w).sum()
    if column == "loss":
        return loss
    if p > 0:
        return np.zeros(sum(a.size for a in params))
    loss.backward()
    return np.concatenate([to_plain(leaf.grad).ravel() for leaf in leaves])  # fmt: skip


def _loss_case(rng, column, p=0.0, widths=None):
    widths = widths or [size(rng, 2, 3), *rng.integers(2, 5, size(rng, 1, 2)).tolist(), 3]
    drawn = nonzero if column != "gradients" else _halves  # of which some sums are exactly 0
    params = [a for d, m in pairwise(widths) for a in (drawn(rng, m, d), drawn(rng, m))]
    n = 1 if column == "losses that occur" else size(rng, 3, 4)
    x = drawn(rng, n, widths[0])
    if n == 1:  # the one hidden unit answers
        params[1] = np.abs(params[1]) + 0.5
        params[0] = np.sign(x) * np.abs(params[0])
    for unit, w in enumerate(
        params[0]
    ):  # away from the kink of ReLU, where no slope can be measured
        while np.abs(x @ w + params[1][unit]).min() < 0.05:
            params[1][unit] += 0.11
    return Case(params, x, rng.integers(0, 3, n), p, round(float(rng.uniform(0.1, 1)), 1), column)  # fmt: skip


def _halves(rng, *shape):
    return rng.integers(-2, 3, shape) / 2


loss_and_gradients = Exercise(
    "regularization.loss_and_gradients",
    twin="dlcore.scratch.regularization.loss_and_gradients",
    parts=[
        Part("the loss", 1, draw=lambda rng: _loss_case(rng, "loss")),
        Part("its gradients", 1, draw=lambda rng: _loss_case(rng, "gradients")),
        Part("dropout behind the hidden layers", 1, draw=lambda rng: _loss_case(rng, "losses that occur", 0.4, [2, 1, 3]), draws=2),
        Part("gradients with dropout", 1, draw=lambda rng: _loss_case(rng, "gradients minus measured ones", 0.4, [2, 5, 3]), draws=2),
    ],
    oracle=_loss_oracle,
    driver=_drive_loss,
    rtol=1e-6,
    atol=1e-6,
)  # fmt: skip


def _loss_mistake(name, hint, *changes):
    _mistake(loss_and_gradients, name, hint, *changes, pieces=[scratch.penalty, scratch.dropout])  # fmt: skip


_DROPPED = "            h = h * dropout(h.data, p, rng=rng)[1]\n"
_loss_mistake(
    "forgets_the_penalty",
    """The penalty is missing, in the loss and in the gradients.""",
    ("extra, gradients = penalty(params, l2=l2)", "extra, gradients = penalty(params)"),
)
_loss_mistake(
    "punishes_the_loss_alone",
    """The penalty is in the loss, but not in the gradients, so no step will ever feel it. Add its slopes to them.""",
    ("leaf.grad + g for", "leaf.grad + 0 * g for"),
)
_loss_mistake(
    "punishes_the_gradients_alone",
    """The gradients have the penalty, the loss has not. They must belong together, or every slope that you measure disagrees.""",
    ("return float(loss.data) + extra, added", "return float(loss.data), added"),
)
_loss_mistake(
    "never_drops",
    """Nothing is ever dropped. Each hidden layer's output is multiplied with a scale from dropout.""",
    (_DROPPED, ""),
)
_loss_mistake(
    "drops_the_scores",
    """The scores are dropped as well. They are the answer: dropout belongs behind the hidden layers alone.""",
    ("    loss = h.cross_entropy(t)", "    h = h * dropout(h.data, p, rng=rng)[1]\n    loss = h.cross_entropy(t)"),
)  # fmt: skip
_loss_mistake(
    "drops_on_the_way_there_only",
    """The gradient does not know what was dropped: you changed the data of a tensor behind its back. Multiply the tensor with the
    scale; then the tape has it.""",
    (_DROPPED, "            h.data = dropout(h.data, p, rng=rng)[0]\n"),
)
