"""Lesson 03: squared error, log-sum-exp, cross-entropy and binary cross-entropy, their gradients, a step."""

from __future__ import annotations

import numpy as np

from autograder.exercises.checks._draw import nonzero, normal, size
from autograder.exercises.exercise import Case, Exercise, Part


def _pair(rng):
    """Predictions and targets of one shape, of one, two or three axes."""
    shape = [size(rng, 2, 4) for _ in range(size(rng, 2, 3))]
    x = normal(rng, *shape, scale=2.0)
    return Case(x, x + nonzero(rng, *shape))


def _gradient_oracle(loss):
    """The gradient that PyTorch's autograd finds for ``loss(F, x, t)`` with respect to x."""

    def oracle(torch, x, t):
        leaf = torch.tensor(x, requires_grad=True)
        loss(torch.nn.functional, leaf, torch.tensor(t)).backward()
        return leaf.grad

    return oracle


# 1 ---------------------------------------------------------------- mse

mse = Exercise(
    "losses.mse",
    twin="dlcore.scratch.losses.mse",
    parts=[
        Part("a few numbers", 1, [Case(np.array([1.0, 5.0, -2.0]), np.array([1.0, 2.0, 0.0]))]),
        Part("arrays of any shape", 1, draw=_pair),
    ],
    oracle=lambda torch, x, t: torch.nn.functional.mse_loss(torch.tensor(x), torch.tensor(t)),
)


@mse.misconception(
    """You add the squares up without dividing. A mean does not grow with the number of examples, so
    losses of a small and a large data set can be compared."""
)
def adds_without_dividing(x, t):
    return np.sum((x - t) ** 2)


@mse.misconception(
    """The differences are not squared, so an error of +3 and one of -3 cancel and look like none."""
)
def lets_errors_cancel(x, t):
    return np.mean(x - t)


@mse.misconception(
    """This is the mean absolute error. Square each difference instead of dropping its sign."""
)
def takes_absolute_values(x, t):
    return np.mean(np.abs(x - t))


@mse.misconception(
    """You take the mean first and square it then. Errors cancel in that mean: square each one, then
    average."""
)
def squares_the_mean(x, t):
    return np.mean(x - t) ** 2


@mse.misconception(
    """There is a square root at the end: that is the root mean square. The mean squared error stops
    before it."""
)
def takes_the_root(x, t):
    return np.sqrt(np.mean((x - t) ** 2))


@mse.misconception(
    """Your result is half of what was asked for. Some books put 1/2 in front, so that the 2 of the
    slope goes away; PyTorch and this course do not."""
)
def puts_a_half_in_front(x, t):
    return np.mean((x - t) ** 2) / 2


@mse.misconception(
    """You average over the first axis only and return one number for each column. A loss is a single
    number: the mean over all entries."""
)
def averages_each_column(x, t):
    return ((x - t) ** 2).mean(axis=0)


# 2 ---------------------------------------------------------------- mse_gradient

mse_gradient = Exercise(
    "losses.mse_gradient",
    twin="dlcore.scratch.losses.mse_gradient",
    parts=[
        Part("a few numbers", 1, [Case(np.array([1.0, 5.0, -2.0]), np.array([1.5, 2.0, 0.0]))]),
        Part("arrays of any shape", 1, draw=_pair),
    ],
    oracle=_gradient_oracle(lambda F, x, t: F.mse_loss(x, t)),
)


@mse_gradient.misconception(
    """The mean is missing: each entry is one of n, so its slope is divided by n as well."""
)
def forgets_the_mean(x, t):
    return 2 * (x - t)


@mse_gradient.misconception(
    """You divide by the number of rows. The mean runs over all entries: divide by x.size."""
)
def divides_by_the_rows(x, t):
    return 2 * (x - t) / len(x)


@mse_gradient.misconception("""A factor 2 is missing: the slope of d^2 is 2 d.""")
def forgets_the_two(x, t):
    return (x - t) / x.size


@mse_gradient.misconception(
    """The sign is turned round. Where the prediction is too large, a larger one makes the loss grow:
    the slope is positive there. So x - t."""
)
def turns_the_sign(x, t):
    return 2 * (t - x) / x.size


@mse_gradient.misconception(
    """You average the slopes into one number. Each prediction has a slope of its own: return an array
    of x's shape."""
)
def averages_the_slopes(x, t):
    return np.mean(2 * (x - t))


@mse_gradient.misconception(
    """This is each entry's share of the loss, d^2 / n. Its slope is 2 d / n, with d to the power one."""
)
def returns_the_share_of_the_loss(x, t):
    return (x - t) ** 2 / x.size


# 3 ---------------------------------------------------------------- logsumexp


def _rows(rng):
    """Rows of scores; or many such tables at once, the axis still the last."""
    shape = [(size(rng, 3, 5), 3), (2, 1, 3), (2, 4, 3)][int(rng.integers(3))]
    return Case(nonzero(rng, *shape, scale=2.0))


def _axis(rng):
    return Case(nonzero(rng, 3, 3, 3, scale=2.0), int(rng.integers(0, 2)))


def _far_apart(rng):
    """Rows of scores in the thousands, some of them a few thousand below the others."""
    rows = np.array([[3000.0], [-2500.0], [900.0]])
    return Case(rng.permutation(rows) + nonzero(rng, 3, 4, scale=2.0))


logsumexp = Exercise(
    "losses.logsumexp",
    twin="dlcore.scratch.losses.logsumexp",
    parts=[
        Part(
            "rows of scores",
            1,
            [Case(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0], [-1.0, 0.5, 0.25]]))],
            _rows,
        ),
        Part("along any axis", 1, draw=_axis),
        Part("scores in the thousands", 1, [Case(np.array([[1000.0, 1000.0, 0.0]]))], _far_apart),
    ],
    oracle=lambda torch, x, axis=-1: torch.logsumexp(torch.tensor(x), axis),
    forbidden=("numpy.logaddexp",),
)


@logsumexp.misconception(
    """exp(1000) is infinite for a computer. Take the largest score m out first: log sum exp(x) =
    m + log sum exp(x - m), and nothing overflows."""
)
def overflows(x, axis=-1):
    return np.log(np.exp(x).sum(axis=axis))


@logsumexp.misconception(
    """You subtract the largest score and do not give it back. Outside the logarithm it must be added
    again."""
)
def does_not_give_back(x, axis=-1):
    return np.log(np.exp(x - x.max(axis=axis, keepdims=True)).sum(axis=axis))


@logsumexp.misconception(
    """One maximum serves all rows. A row that lies far below it becomes exp(-thousands) = 0, and the
    logarithm of 0 is -inf. Each row needs its own maximum."""
)
def takes_one_maximum(x, axis=-1):
    m = x.max()
    return m + np.log(np.exp(x - m).sum(axis=axis))


@logsumexp.misconception(
    """This is the maximum itself. The logarithm of the sum lies a little above it, by log 2 when two
    scores share the lead."""
)
def returns_the_maximum(x, axis=-1):
    return x.max(axis=axis)


@logsumexp.misconception(
    """You always work along the last axis. Use the argument axis, for the maximum and for the sum."""
)
def ignores_the_axis(x, axis=-1):
    m = x.max(axis=-1)
    return m + np.log(np.exp(x - m[..., None]).sum(axis=-1))


@logsumexp.misconception(
    """The axis is still there, with length 1. keepdims=True helps in between; in the result the axis
    is gone."""
)
def keeps_the_axis(x, axis=-1):
    m = x.max(axis=axis, keepdims=True)
    return m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True))


@logsumexp.misconception(
    """You average the exponentials instead of adding them: the result is too small by log K."""
)
def takes_the_mean(x, axis=-1):
    m = x.max(axis=axis, keepdims=True)
    return (m + np.log(np.exp(x - m).mean(axis=axis, keepdims=True))).squeeze(axis)


# 4 ---------------------------------------------------------------- cross_entropy


def _scores(rng):
    n, k = size(rng, 4, 6), 3
    return Case(nonzero(rng, n, k, scale=2.0), rng.integers(0, k, n))


def _extreme_scores(rng):
    """Most rows right by thousands, one of them wrong by a thousand."""
    n, k = size(rng, 4, 6), 4
    t = rng.integers(0, k, n)
    x = nonzero(rng, n, k)
    x[np.arange(n), t] += 2000.0
    x[0, (t[0] + 1) % k] += 3000.0
    return Case(x, t)


_SMALL = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0], [2.0, 2.0, -1.0], [0.0, 1.0, 0.5]])

cross_entropy = Exercise(
    "losses.cross_entropy",
    twin="dlcore.scratch.losses.cross_entropy",
    parts=[
        Part("a few rows of scores", 1, [Case(_SMALL, np.array([2, 0, 1, 0]))], _scores),
        Part(
            "scores in the thousands",
            1,
            [Case(np.array([[1000.0, 0.0], [0.0, 1000.0]]), np.array([0, 0]))],
            _extreme_scores,
        ),
    ],
    oracle=lambda torch, x, t: torch.nn.functional.cross_entropy(torch.tensor(x), torch.tensor(t)),
)


@cross_entropy.misconception(
    """You take the softmax first and its logarithm then. A share of exp(-1000) has already been
    rounded to 0, and log 0 is -inf. Use log-sum-exp: logsumexp of the row minus the right class's
    score."""
)
def takes_the_log_of_a_rounded_zero(x, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(t)), t]))


@cross_entropy.misconception(
    """exp(1000) is infinite for a computer, and inf / inf is nan. Let log-sum-exp do the work: it never
    sees a large exponent."""
)
def divides_infinities(x, t):
    e = np.exp(x)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(t)), t]))


@cross_entropy.misconception(
    """x[:, t] picks column t[0], t[1], ... of every row: N x N numbers. One score a row is wanted:
    x[np.arange(N), t]."""
)
def picks_columns(x, t):
    m = x.max(axis=1, keepdims=True)
    log_p = x - m - np.log(np.exp(x - m).sum(axis=1, keepdims=True))
    return -np.mean(log_p[:, t])


@cross_entropy.misconception(
    """The sign is turned round. The logarithm of a probability is below zero; the loss is minus that,
    and never negative."""
)
def loses_the_minus(x, t):
    m = x.max(axis=1, keepdims=True)
    log_p = x - m - np.log(np.exp(x - m).sum(axis=1, keepdims=True))
    return np.mean(log_p[np.arange(len(t)), t])


@cross_entropy.misconception(
    """You add the examples up. The loss is their mean, so that it does not grow with N."""
)
def adds_the_examples_up(x, t):
    m = x.max(axis=1, keepdims=True)
    log_p = x - m - np.log(np.exp(x - m).sum(axis=1, keepdims=True))
    return -np.sum(log_p[np.arange(len(t)), t])


@cross_entropy.misconception(
    """You divide by all N x K entries. Only one entry a row counts, so there are N numbers to average."""
)
def divides_by_all_entries(x, t):
    m = x.max(axis=1, keepdims=True)
    log_p = x - m - np.log(np.exp(x - m).sum(axis=1, keepdims=True))
    return -np.sum(log_p[np.arange(len(t)), t]) / x.size


@cross_entropy.misconception(
    """This is the average of 1 - p. The loss of one example is -log p: small for p near 1, and without
    limit as p goes to 0."""
)
def leaves_out_the_logarithm(x, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return np.mean(1 - p[np.arange(len(t)), t])


# 5 ---------------------------------------------------------------- cross_entropy_gradient

cross_entropy_gradient = Exercise(
    "losses.cross_entropy_gradient",
    twin="dlcore.scratch.losses.cross_entropy_gradient",
    parts=[
        Part("a few rows of scores", 1, [Case(_SMALL, np.array([2, 0, 1, 0]))], _scores),
        Part(
            "scores in the thousands",
            1,
            [Case(np.array([[1000.0, 0.0], [0.0, 1000.0]]), np.array([0, 0]))],
            _extreme_scores,
        ),
    ],
    oracle=_gradient_oracle(lambda F, x, t: F.cross_entropy(x, t)),
)


@cross_entropy_gradient.misconception(
    """The mean is missing: each row is one of N, so its slope is divided by N."""
)
def forgets_to_average(x, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p - np.eye(x.shape[1])[t]


@cross_entropy_gradient.misconception(
    """You divide by all N x K entries. The loss is a mean over N examples: divide by N, the number of
    rows."""
)
def divides_by_rows_and_columns(x, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return (p - np.eye(x.shape[1])[t]) / x.size


@cross_entropy_gradient.misconception(
    """This is p alone. Subtract 1 at the right class of each row: there the score should rise, so its
    slope is negative."""
)
def forgets_the_right_class(x, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p / len(x)


@cross_entropy_gradient.misconception(
    """The sign is turned round: y - p is the way downhill. The gradient points uphill, p - y; the step
    will subtract it."""
)
def points_downhill(x, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return (np.eye(x.shape[1])[t] - p) / len(x)


@cross_entropy_gradient.misconception(
    """You subtract the class numbers themselves. y is a row of zeros with a single 1 at the right
    class, not the number t."""
)
def subtracts_the_class_number(x, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return (p - t[:, None]) / len(x)


@cross_entropy_gradient.misconception(
    """p[:, t] -= 1 goes through all the columns that t names, in every row. One entry a row is meant:
    p[np.arange(N), t] -= 1."""
)
def subtracts_in_every_row(x, t):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[:, t] -= 1
    return p / len(x)


@cross_entropy_gradient.misconception(
    """exp(1000) is infinite for a computer, and inf / inf is nan. Use a softmax that subtracts the
    largest score of each row first."""
)
def lets_exp_overflow(x, t):
    e = np.exp(x)
    return (e / e.sum(axis=1, keepdims=True) - np.eye(x.shape[1])[t]) / len(x)


# 6 ---------------------------------------------------------------- bce_with_logits


def _answers(rng):
    """Scores of any shape, and answers: yes, no, or a probability."""
    shape = [size(rng, 2, 4) for _ in range(size(rng, 1, 2))]
    t = np.round(rng.choice([0.0, 1.0, rng.uniform(0.1, 0.9)], shape), 2)
    t.flat[0], t.flat[1] = 1.0, 0.0
    return Case(nonzero(rng, *shape, scale=2.0), t)


def _extreme_answers(rng):
    order = rng.permutation(6)
    x = np.array([1000.0, -1000.0, 800.0, -750.0, 30.0, -25.0])
    return Case(x[order], np.array([0.0, 1.0, 1.0, 0.0, 0.0, 1.0])[order])


_YES_NO = Case(np.array([2.0, -1.0, 0.5]), np.array([1.0, 1.0, 0.0]))
_LOUD = Case(np.array([1000.0, -1000.0]), np.array([0.0, 0.0]))

bce_with_logits = Exercise(
    "losses.bce_with_logits",
    twin="dlcore.scratch.losses.bce_with_logits",
    parts=[
        Part("a few scores", 1, [_YES_NO], _answers),
        Part("scores of a thousand", 1, [_LOUD], _extreme_answers),
    ],
    oracle=lambda torch, x, t: torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(x), torch.tensor(t)
    ),
)


@bce_with_logits.misconception(
    """You take the sigmoid first and logarithms then. For a score of 1000 the sigmoid is exactly 1 in a
    computer, and log(1 - 1) is -inf. Work with the score: max(x, 0) - t x + log(1 + exp(-|x|))."""
)
def takes_logs_of_the_sigmoid(x, t):
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1.0, e) / (1 + e)
    return -np.mean(t * np.log(s) + (1 - t) * np.log(1 - s))


@bce_with_logits.misconception(
    """The logs are cut off at a small number, so a score of 1000 on the wrong side costs no more than
    one of 20. The true loss goes on growing with the score: 1000."""
)
def cuts_the_logs_off(x, t):
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1.0, e) / (1 + e)
    s = np.clip(s, 1e-9, 1 - 1e-9)
    return -np.mean(t * np.log(s) + (1 - t) * np.log(1 - s))


@bce_with_logits.misconception(
    """Only the examples with the answer yes count in yours. For t = 0 the loss is -log(1 - sigmoid(x))."""
)
def forgets_the_noes(x, t):
    return np.mean(t * np.logaddexp(0, -x))


@bce_with_logits.misconception(
    """Yes and no are swapped: a high score with the answer yes should cost almost nothing."""
)
def swaps_yes_and_no(x, t):
    return np.mean(np.logaddexp(0, x) - (1 - t) * x)


@bce_with_logits.misconception(
    """exp(x) overflows for x = 1000. Let exp see only -|x|, which is never above zero:
    max(x, 0) - t x + log(1 + exp(-|x|))."""
)
def overflows_in_exp(x, t):
    return np.mean(np.log(1 + np.exp(x)) - t * x)


@bce_with_logits.misconception(
    """You add the examples up. The loss is the mean over all of them."""
)
def adds_all_up(x, t):
    return np.sum(np.logaddexp(0, x) - t * x)


@bce_with_logits.misconception(
    """This is the squared error of the probabilities. The loss here is -log of the probability that was
    given to what really happened."""
)
def takes_the_squared_error(x, t):
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1.0, e) / (1 + e)
    return np.mean((s - t) ** 2)


# 7 ---------------------------------------------------------------- bce_with_logits_gradient

bce_with_logits_gradient = Exercise(
    "losses.bce_with_logits_gradient",
    twin="dlcore.scratch.losses.bce_with_logits_gradient",
    parts=[
        Part("a few scores", 1, [_YES_NO], _answers),
        Part("scores of a thousand", 1, [_LOUD], _extreme_answers),
    ],
    oracle=_gradient_oracle(lambda F, x, t: F.binary_cross_entropy_with_logits(x, t)),
)


@bce_with_logits_gradient.misconception(
    """There is a factor s (1 - s) too many: it belongs to the squared error. Here the logarithm's slope
    cancels it, and s - t is left."""
)
def multiplies_by_the_slope_of_the_sigmoid(x, t):
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1.0, e) / (1 + e)
    return (s - t) * s * (1 - s) / x.size


@bce_with_logits_gradient.misconception("""The mean is missing: divide by the number of entries.""")
def leaves_out_the_mean(x, t):
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1.0, e) / (1 + e)
    return s - t


@bce_with_logits_gradient.misconception(
    """You subtract the answer from the score itself. Turn the score into a probability first: sigmoid."""
)
def leaves_out_the_sigmoid(x, t):
    return (x - t) / x.size


@bce_with_logits_gradient.misconception(
    """The sign is turned round. With the answer yes (t = 1) a larger score makes the loss smaller, so
    the slope is negative there: s - t."""
)
def goes_the_wrong_way(x, t):
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1.0, e) / (1 + e)
    return (t - s) / x.size


@bce_with_logits_gradient.misconception(
    """Your sigmoid divides infinity by infinity at a score of 1000. Let exp see only numbers below
    zero, as in lesson 2."""
)
def uses_a_sigmoid_that_breaks(x, t):
    return (np.exp(x) / (1 + np.exp(x)) - t) / x.size


@bce_with_logits_gradient.misconception(
    """You average the slopes into one number. Each score has a slope of its own: return an array of x's
    shape."""
)
def averages_all_slopes(x, t):
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1.0, e) / (1 + e)
    return np.mean(s - t)


# 8 ---------------------------------------------------------------- gradient_descent_step


def _step_case(rng):
    n, d, k = size(rng, 4, 7), 3, 4
    return Case(
        normal(rng, k, d),
        normal(rng, k),
        normal(rng, n, d, scale=1.5),
        rng.integers(0, k, n),
        round(float(rng.uniform(0.2, 0.9)), 2),
    )


def _step_oracle(torch, w, b, x, t, lr=0.1):
    weights = torch.tensor(w, requires_grad=True)
    bias = torch.tensor(b, requires_grad=True)
    scores = torch.nn.functional.linear(torch.tensor(x), weights, bias)
    torch.nn.functional.cross_entropy(scores, torch.tensor(t)).backward()
    return w - lr * weights.grad.numpy(), b - lr * bias.grad.numpy()


gradient_descent_step = Exercise(
    "losses.gradient_descent_step",
    twin="dlcore.scratch.losses.gradient_descent_step",
    parts=[
        Part(
            "from zero weights",
            1,
            [
                Case(
                    np.zeros((2, 2)),
                    np.zeros(2),
                    np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]),
                    np.array([0, 1, 1]),
                )
            ],
        ),
        Part("from anywhere", 2, draw=_step_case),
    ],
    oracle=_step_oracle,
    returns=("w", "b"),
)


@gradient_descent_step.misconception(
    """You step uphill: the loss grows. The gradient points to where the loss rises, so subtract it."""
)
def steps_uphill(w, b, x, t, lr=0.1):
    z = x @ w.T + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    g = (p - np.eye(len(w))[t]) / len(x)
    return w + lr * g.T @ x, b + lr * g.sum(axis=0)


@gradient_descent_step.misconception(
    """The learning rate is missing: the step is lr times the gradient."""
)
def ignores_the_learning_rate(w, b, x, t, lr=0.1):
    z = x @ w.T + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    g = (p - np.eye(len(w))[t]) / len(x)
    return w - g.T @ x, b - g.sum(axis=0)


@gradient_descent_step.misconception(
    """The biases stay where they were. They move by lr times the sum of the scores' gradients over
    the examples."""
)
def leaves_the_biases(w, b, x, t, lr=0.1):
    z = x @ w.T + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    g = (p - np.eye(len(w))[t]) / len(x)
    return w - lr * g.T @ x, b.copy()


@gradient_descent_step.misconception(
    """You average the biases' gradients over the examples. The mean is in the gradient already, from the
    loss: add them up."""
)
def averages_twice(w, b, x, t, lr=0.1):
    z = x @ w.T + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    g = (p - np.eye(len(w))[t]) / len(x)
    return w - lr * g.T @ x, b - lr * g.mean(axis=0)


@gradient_descent_step.misconception(
    """The gradient of the scores is not divided by N here: the loss is a mean over the examples, so its
    gradient is one too."""
)
def forgets_the_examples_number(w, b, x, t, lr=0.1):
    z = x @ w.T + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    g = p - np.eye(len(w))[t]
    return w - lr * g.T @ x, b - lr * g.sum(axis=0)


@gradient_descent_step.misconception(
    """You step by the scores' shares p and forget the right classes: the gradient of the scores is
    (p - y) / N."""
)
def forgets_the_targets(w, b, x, t, lr=0.1):
    z = x @ w.T + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    g = p / len(x)
    return w - lr * g.T @ x, b - lr * g.sum(axis=0)


@gradient_descent_step.misconception(
    """The scores were computed without the biases. A layer is x @ w.T + b."""
)
def computes_scores_without_biases(w, b, x, t, lr=0.1):
    z = x @ w.T
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    g = (p - np.eye(len(w))[t]) / len(x)
    return w - lr * g.T @ x, b - lr * g.sum(axis=0)


@gradient_descent_step.misconception(
    """w -= ... writes into the caller's array. Make a new one: w = w - ..."""
)
def writes_into_the_weights(w, b, x, t, lr=0.1):
    z = x @ w.T + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    g = (p - np.eye(len(w))[t]) / len(x)
    w -= lr * g.T @ x
    b -= lr * g.sum(axis=0)
    return w, b
