"""Lesson 02: ReLU, leaky ReLU, sigmoid, GELU, softmax, two derivatives, a deep stack."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from autograder.exercises.checks._draw import nonzero, normal, size
from autograder.exercises.exercise import Case, Exercise, Part


def _any_shape(rng, scale=2.0):
    """An array of one, two or three axes."""
    shape = [size(rng, 2, 4) for _ in range(size(rng, 1, 3))]
    return nonzero(rng, *shape, scale=scale)


def _slope_oracle(function):
    """The gradient that PyTorch's autograd finds for ``function(torch, x)``, scaled by g."""

    def oracle(torch, g, x, **options):
        leaf = torch.tensor(x, requires_grad=True)
        function(torch, leaf, **options).backward(torch.tensor(g))
        return leaf.grad

    return oracle


# 1 ---------------------------------------------------------------- relu

relu = Exercise(
    "activations.relu",
    twin="dlcore.scratch.activations.relu",
    parts=[
        Part("a few numbers", 1, [Case(np.array([-2.0, -0.5, 0.0, 0.5, 2.0]))]),
        Part("arrays of any shape", 1, draw=lambda rng: Case(_any_shape(rng))),
    ],
    oracle=lambda torch, x: torch.relu(torch.tensor(x)),
)


@relu.misconception(
    """This is the absolute value: negative numbers come back positive. ReLU sends them to 0."""
)
def takes_the_absolute_value(x):
    return np.abs(x)


@relu.misconception(
    """You return whether the unit is on (1 or 0). ReLU lets the value itself through when it is
    positive."""
)
def returns_on_or_off(x):
    return np.where(x > 0, 1.0, 0.0)


@relu.misconception(
    """The kept half is the negative one. ReLU takes the larger of 0 and x: a maximum."""
)
def keeps_the_negative_half(x):
    return np.minimum(x, 0)


@relu.misconception(
    """Values above 1 are cut off. ReLU has no upper limit: that is what keeps its gradient at 1."""
)
def cuts_off_at_one(x):
    return np.clip(x, 0, 1)


@relu.misconception(
    """x[x < 0] = 0 writes into the caller's array. The backward pass still needs the old x: make a
    new array (np.maximum, np.where, or x.copy() first)."""
)
def writes_into_x(x):
    x[x < 0] = 0
    return x


@relu.misconception(
    """np.max looks for the one largest number of a whole array. np.maximum compares entry by entry
    and keeps the shape."""
)
def takes_one_maximum(x):
    return np.max(np.append(x, 0))


# 2 ---------------------------------------------------------------- relu_backward


def _backward_case(rng):
    x = _any_shape(rng)
    return Case(nonzero(rng, *x.shape), x)


relu_backward = Exercise(
    "activations.relu_backward",
    twin="dlcore.scratch.activations.relu_backward",
    parts=[
        Part(
            "a few numbers",
            1,
            [Case(np.array([0.5, -1.0, 2.0, -3.0]), np.array([-2.0, -1.0, 1.0, 3.0]))],
            draw=_backward_case,
        ),
        Part(
            "the slope at exactly zero is 0",
            1,
            [Case(np.array([1.5, -2.5, 0.5]), np.array([0.0, 0.0, 1.0]))],
        ),
    ],
    oracle=_slope_oracle(lambda torch, x: torch.relu(x)),
)


@relu_backward.misconception(
    """You return ReLU's own slope and leave out g. Slopes multiply along a chain: scale each entry
    by the g that arrives from above."""
)
def leaves_out_g(g, x):
    return np.where(x > 0, 1.0, 0.0)


@relu_backward.misconception(
    """You looked at the sign of g. Whether the gate is open was decided on the way forward: by x."""
)
def gates_by_g(g, x):
    return np.where(g > 0, g, 0.0)


@relu_backward.misconception(
    """You multiplied by ReLU's value. The chain rule wants its slope, which is 1 where x is positive,
    however large x is."""
)
def multiplies_by_the_value(g, x):
    return g * np.maximum(x, 0)


@relu_backward.misconception(
    """Nothing is held back: for negative x the output does not change at all when x does, so the
    slope there is 0."""
)
def lets_everything_through(g, x):
    return g.copy()


@relu_backward.misconception(
    """At x = 0 exactly the slope is a matter of choice; PyTorch and this course choose 0, so the gate
    opens for x > 0, not for x >= 0."""
)
def opens_at_zero(g, x):
    return g * (x >= 0)


# 3 ---------------------------------------------------------------- leaky_relu


def _leaky_case(rng):
    return Case(_any_shape(rng), round(float(rng.uniform(0.05, 0.4)), 2))


leaky_relu = Exercise(
    "activations.leaky_relu",
    twin="dlcore.scratch.activations.leaky_relu",
    parts=[
        Part("the usual slope, 0.01", 1, [Case(np.array([-3.0, -1.0, 0.0, 2.0]))]),
        Part("any slope", 1, [Case(np.array([-2.0, 4.0]), 0.25)], draw=_leaky_case),
    ],
    oracle=lambda torch, x, negative_slope=0.01: torch.nn.functional.leaky_relu(
        torch.tensor(x), negative_slope
    ),
)


@leaky_relu.misconception(
    """Negative inputs all give the same number. The leak is a slope: multiply it by x."""
)
def returns_the_slope_itself(x, negative_slope=0.01):
    return np.where(x > 0, x, negative_slope)


@leaky_relu.misconception(
    """Your slope is fixed at 0.01. Use the argument negative_slope, of which 0.01 is only the default."""
)
def ignores_the_argument(x, negative_slope=0.01):
    return np.where(x > 0, x, 0.01 * x)


@leaky_relu.misconception(
    """The positive side is scaled too. Only negative inputs are multiplied by the slope."""
)
def scales_everything(x, negative_slope=0.01):
    return negative_slope * x


@leaky_relu.misconception(
    """The negative side comes back positive. The leak keeps the sign: negative_slope * x with x < 0
    is below zero."""
)
def turns_the_leak_upwards(x, negative_slope=0.01):
    return np.where(x > 0, x, -negative_slope * x)


@leaky_relu.misconception(
    """This is plain ReLU: the negative side is shut. Let negative_slope * x through."""
)
def shuts_the_leak(x, negative_slope=0.01):
    return np.where(x > 0, x, 0.0)


@leaky_relu.misconception(
    """The two sides are swapped: positive inputs pass unchanged, negative ones are scaled."""
)
def swaps_the_sides(x, negative_slope=0.01):
    return np.where(x > 0, negative_slope * x, x)


# 4 ---------------------------------------------------------------- sigmoid


def _extreme_scores(rng):
    return Case(rng.permutation([-1000.0, 1000.0, -800.0, 750.0, -30.0, 25.0, 0.0]))


sigmoid = Exercise(
    "activations.sigmoid",
    twin="dlcore.scratch.activations.sigmoid",
    parts=[
        Part(
            "ordinary scores",
            1,
            [Case(np.array([-2.0, 0.0, 2.0]))],
            draw=lambda rng: Case(_any_shape(rng)),
        ),
        Part(
            "scores of a thousand",
            1,
            [Case(np.array([-1000.0, 1000.0]))],
            draw=_extreme_scores,
        ),
    ],
    oracle=lambda torch, x: torch.sigmoid(torch.tensor(x)),
)


@sigmoid.misconception(
    """exp(1000) is infinite for a computer, and inf / inf is nan. Write the function so that exp only
    ever sees numbers below zero: 1 / (1 + exp(-x)) for x >= 0, exp(x) / (1 + exp(x)) for x < 0."""
)
def divides_infinity_by_infinity(x):
    return np.exp(x) / (1 + np.exp(x))


@sigmoid.misconception(
    """The curve is mirrored: large scores must give values near 1. The exponent is -x."""
)
def loses_the_minus(x):
    return 1 / (1 + np.exp(x))


@sigmoid.misconception(
    """Without brackets, 1 / 1 + exp(-x) is (1 / 1) + exp(-x). Put 1 + exp(-x) in brackets."""
)
def forgets_the_brackets(x):
    return 1 / 1 + np.exp(-x)


@sigmoid.misconception(
    """Clipping the score changes the answer: far out, the sigmoid goes on falling (at -30 it is about
    1e-13). No clipping is needed if exp never sees a large positive number."""
)
def clips_the_score(x):
    return 1 / (1 + np.exp(-np.clip(x, -10, 10)))


@sigmoid.misconception(
    """This is tanh, which runs from -1 to 1. The sigmoid runs from 0 to 1 and is 0.5 at zero."""
)
def returns_tanh(x):
    return np.tanh(x)


# 5 ---------------------------------------------------------------- sigmoid_backward


def _probability_case(rng):
    y = np.round(rng.uniform(0.05, 0.95, [size(rng), size(rng)]), 3)
    return Case(nonzero(rng, *y.shape), y)


def _sigmoid_backward_oracle(torch, g, y):
    score = np.log(y / (1 - y))  # the x whose sigmoid is y
    return _slope_oracle(lambda torch, x: torch.sigmoid(x))(torch, g, score)


sigmoid_backward = Exercise(
    "activations.sigmoid_backward",
    twin="dlcore.scratch.activations.sigmoid_backward",
    parts=[
        Part(
            "with g = 1: the slope itself",
            1,
            [Case(np.array([1.0, 1.0, 1.0]), np.array([0.1, 0.5, 0.8]))],
        ),
        Part("with any g", 1, draw=_probability_case),
    ],
    oracle=_sigmoid_backward_oracle,
)


@sigmoid_backward.misconception(
    """You applied the sigmoid again. y is its output already, so the slope is y (1 - y) as it stands."""
)
def applies_the_sigmoid_again(g, y):
    s = 1 / (1 + np.exp(-y))
    return g * s * (1 - s)


@sigmoid_backward.misconception(
    """The slope is right, but g is missing. Slopes multiply along a chain: scale by what arrives from
    above."""
)
def leaves_out_the_gradient(g, y):
    return y * (1 - y)


@sigmoid_backward.misconception(
    """1 - y^2 is the slope of tanh. The sigmoid's is y (1 - y), largest (1/4) at y = 1/2."""
)
def uses_the_slope_of_tanh(g, y):
    return g * (1 - y * y)


@sigmoid_backward.misconception(
    """One factor is missing. The slope falls to zero at both ends, so it needs y (zero on the left)
    and 1 - y (zero on the right)."""
)
def uses_one_factor(g, y):
    return g * (1 - y)


@sigmoid_backward.misconception(
    """The sign is turned round: y (y - 1) is below zero everywhere. The sigmoid rises, so its slope is
    positive: y (1 - y)."""
)
def turns_the_sign(g, y):
    return g * y * (y - 1)


# 6 ---------------------------------------------------------------- gelu

gelu = Exercise(
    "activations.gelu",
    twin="dlcore.scratch.activations.gelu",
    parts=[
        Part("a few numbers", 1, [Case(np.array([-3.0, -1.0, 0.0, 1.0, 3.0]))]),
        Part("arrays of any shape", 1, draw=lambda rng: Case(_any_shape(rng))),
    ],
    oracle=lambda torch, x: torch.nn.functional.gelu(torch.tensor(x), approximate="tanh"),
)


@gelu.misconception(
    """The cubic term is missing: the argument of tanh is sqrt(2/pi) (x + 0.044715 x^3)."""
)
def drops_the_cubic_term(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * x))


@gelu.misconception("""Your values are exactly twice too large: the formula starts with x / 2.""")
def drops_the_half(x):
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@gelu.misconception("""This is the gate alone, a number from 0 to 1. GELU multiplies x by it.""")
def returns_the_gate(x):
    return 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@gelu.misconception(
    """The fraction under the root is turned round: it is sqrt(2/pi), about 0.798."""
)
def turns_the_fraction(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(np.pi / 2) * (x + 0.044715 * x**3)))


@gelu.misconception(
    """You squared where the formula has a cube: 0.044715 x^3 keeps the sign of x."""
)
def squares_instead_of_cubing(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**2)))


@gelu.misconception(
    """sqrt(2/pi) multiplies the whole bracket. In yours the cubic term stands outside it."""
)
def scales_only_x(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * x + 0.044715 * x**3))


@gelu.misconception(
    """x sigmoid(1.702 x) is another approximation of GELU, off by up to 0.02. Write the tanh form."""
)
def uses_the_quick_form(x):
    return x / (1 + np.exp(-1.702 * x))


# 7 ---------------------------------------------------------------- softmax


def _softmax_rows(rng):
    return Case(nonzero(rng, size(rng, 3, 5), 2, scale=2.0))


def _softmax_axis(rng):
    return Case(nonzero(rng, 3, 3, 3, scale=2.0), int(rng.integers(0, 2)))


def _softmax_extreme(rng):
    """Scores in the thousands, in rows that are thousands apart."""
    rows = rng.permutation([[0.0], [-9000.0], [4000.0]])
    return Case(3000 * rng.permutation([1.0, 0.999, 0.5, -1.0])[None] + normal(rng, 3, 1) + rows)


softmax = Exercise(
    "activations.softmax",
    twin="dlcore.scratch.activations.softmax",
    parts=[
        Part(
            "rows of scores",
            1,
            [Case(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]]))],
            _softmax_rows,
        ),
        Part("along any axis", 1, draw=_softmax_axis),
        Part(
            "scores in the thousands",
            1,
            [Case(np.array([[1000.0, 1000.0, 998.0]]))],
            _softmax_extreme,
        ),
    ],
    oracle=lambda torch, x, axis=-1: torch.softmax(torch.tensor(x), axis),
)


@softmax.misconception(
    """exp(1000) is infinite for a computer, and inf / inf is nan. Subtract the largest score first: the
    fraction stays the same, and every exponent is then 0 or below."""
)
def lets_exp_overflow(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


@softmax.misconception(
    """The numbers add up to 1 over the whole array. Each row is a distribution of its own: sum along
    axis only, with keepdims=True so that the result still lines up."""
)
def normalises_the_whole_array(x, axis=-1):
    e = np.exp(x - x.max())
    return e / e.sum()


@softmax.misconception(
    """You always work along the last axis. Use the argument axis, for the maximum and for the sum."""
)
def ignores_the_axis(x, axis=-1):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@softmax.misconception(
    """Without keepdims=True the sums lose an axis and no longer line up with the rows: the shapes do
    not fit, or worse, they fit the wrong way."""
)
def forgets_keepdims(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis)


@softmax.misconception(
    """You divide the scores themselves by their sum. Exponentiate first: it makes every share
    positive, also for negative scores."""
)
def forgets_exp(x, axis=-1):
    return x / x.sum(axis=axis, keepdims=True)


@softmax.misconception(
    """The exponentials are not divided by their sum, so they do not add up to 1."""
)
def forgets_to_normalise(x, axis=-1):
    return np.exp(x - x.max(axis=axis, keepdims=True))


@softmax.misconception(
    """Subtracting the mean is allowed, but the largest score may still lie hundreds above it, and exp
    overflows. Subtract the maximum."""
)
def subtracts_the_mean(x, axis=-1):
    e = np.exp(x - x.mean(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


# 8 ---------------------------------------------------------------- activation_stds


def _bent(z):
    """A function of nobody's library, so that the activation handed in must be used."""
    return np.where(z > 0, z, 0.3 * z) + 0.05


def _signal_case(rng):
    x = rng.standard_normal((40, 6))
    weights = [rng.standard_normal((6, 6)) * 0.6 for _ in range(size(rng, 2, 4))]
    return Case(x, weights, [np.tanh, _bent][int(rng.integers(2))])


def _widths_case(rng):
    widths = [5, 3, 7, 4]
    weights = [rng.standard_normal((m, d)) for d, m in pairwise(widths)]
    return Case(rng.standard_normal((30, 5)), weights, _bent)


def _signal_oracle(torch, x, weights, activation):
    h, stds = torch.tensor(x), []
    for w in weights:
        z = torch.nn.functional.linear(h, torch.tensor(w), torch.tensor(np.zeros(len(w))))
        h = torch.tensor(activation(z.detach().numpy()))
        stds.append(h.detach().numpy().std())
    return np.array(stds)


def _drive_signal(student, x, weights, activation):
    return np.asarray(student(x, weights, activation), dtype=float)


activation_stds = Exercise(
    "activations.activation_stds",
    twin="dlcore.scratch.activations.activation_stds",
    parts=[
        Part(
            "one layer",
            1,
            [
                Case(
                    np.array([[1.0, -1.0], [2.0, 0.5]]),
                    [np.array([[0.5, 1.0], [-1.0, 0.2]])],
                    np.tanh,
                )
            ],
        ),
        Part("several layers", 1, draw=_signal_case),
        Part("layers of different widths", 1, draw=_widths_case, draws=2),
    ],
    oracle=_signal_oracle,
    driver=_drive_signal,
)


@activation_stds.misconception(
    """Every layer was fed the original input. Feed each layer what the one before it sent out."""
)
def feeds_every_layer_the_input(x, weights, activation):
    return [activation(x @ w.T).std() for w in weights]


@activation_stds.misconception(
    """You measured before the bend. The signal that travels on is the activation's output: measure
    that."""
)
def measures_before_the_activation(x, weights, activation):
    h, stds = x, []
    for w in weights:
        z = h @ w.T
        stds.append(z.std())
        h = activation(z)
    return stds


@activation_stds.misconception(
    """Your list starts with the input's own spread. One number for each layer, after its activation."""
)
def counts_the_input_too(x, weights, activation):
    h, stds = x, [x.std()]
    for w in weights:
        h = activation(h @ w.T)
        stds.append(h.std())
    return stds


@activation_stds.misconception(
    """This is the variance. Its square root, the standard deviation, has the signal's own scale."""
)
def returns_the_variance(x, weights, activation):
    h, variances = x, []
    for w in weights:
        h = activation(h @ w.T)
        variances.append(h.var())
    return variances


@activation_stds.misconception(
    """The transpose is missing: row j of w holds the weights of neuron j, as in lesson 01, so a layer
    is h @ w.T."""
)
def multiplies_without_the_transpose(x, weights, activation):
    h, stds = x, []
    for w in weights:
        h = activation(h @ w)
        stds.append(h.std())
    return stds


@activation_stds.misconception(
    """The activation is applied only once, at the end. Without a bend between them, all the layers
    before are one single matrix."""
)
def bends_only_at_the_end(x, weights, activation):
    h, stds = x, []
    for i, w in enumerate(weights):
        h = h @ w.T
        if i == len(weights) - 1:
            h = activation(h)
        stds.append(h.std())
    return stds
