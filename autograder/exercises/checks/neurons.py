"""Lesson 01: weighted sum, step, layer, decision boundary, perceptron rule, XOR."""

from __future__ import annotations

import numpy as np

from autograder.exercises.checks._draw import nonzero, size
from autograder.exercises.exercise import Case, Exercise, Part

# 1 ---------------------------------------------------------------- weighted_sum


def _weighted_sum_case(rng):
    d = size(rng)
    return Case(nonzero(rng, d), nonzero(rng, d), float(nonzero(rng)))


weighted_sum = Exercise(
    "neurons.weighted_sum",
    twin="dlcore.scratch.neurons.weighted_sum",
    parts=[
        Part(
            "two and three inputs",
            1,
            [
                Case(np.array([1.0, 2.0]), np.array([3.0, -1.0]), 0.5),
                Case(np.array([2.0, -1.0, 0.5]), np.array([0.5, 1.5, -2.0]), -1.0),
            ],
        ),
        Part("any number of inputs", 1, draw=_weighted_sum_case),
    ],
    oracle=lambda torch, x, w, b: torch.tensor(x) @ torch.tensor(w) + b,
)


@weighted_sum.misconception(
    """Your result is off by exactly the bias. The bias b is added once, after the products
    have been summed: it lets the neuron fire even when every input is zero."""
)
def forgets_the_bias(x, w, b):
    return np.sum(w * x)


@weighted_sum.misconception(
    """You return one product for each input. A neuron puts them together: add the products up
    to a single number."""
)
def forgets_the_sum(x, w, b):
    return w * x + b


@weighted_sum.misconception(
    """The bias was added to every product before summing, so it counts once for each input.
    Sum first, then add b once."""
)
def adds_the_bias_to_every_product(x, w, b):
    return np.sum(w * x + b)


@weighted_sum.misconception(
    """You added weights and inputs. A weight says how much its input counts: multiply each
    input by its weight."""
)
def adds_instead_of_multiplying(x, w, b):
    return np.sum(w + x) + b


@weighted_sum.misconception(
    """The sign of the bias is turned round. The course adds it: z = sum of w_i x_i, plus b.
    (A threshold that is subtracted is the same thing with the other sign.)"""
)
def subtracts_the_bias(x, w, b):
    return np.sum(w * x) - b


@weighted_sum.misconception(
    """This is the average of the products. Use their sum: a neuron with more inputs may reach a
    larger total."""
)
def averages_the_products(x, w, b):
    return np.mean(w * x) + b


# 2 ---------------------------------------------------------------- predict


def _predict_case(rng):
    n, d = size(rng, 4, 8), size(rng)
    return Case(nonzero(rng, n, d), nonzero(rng, d), float(nonzero(rng)))


def _predict_edge(rng):
    """Some points lie exactly on the boundary: small whole numbers, so no rounding decides."""
    w = rng.integers(1, 4, 2).astype(float)
    on = np.stack([w[::-1] * [1, -1], w[::-1] * [-1, 1], w, -w])
    return Case(rng.permutation(on), w, 0.0)


predict = Exercise(
    "neurons.predict",
    twin="dlcore.scratch.neurons.predict",
    parts=[
        Part(
            "clear cases",
            1,
            [
                Case(
                    np.array([[2.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [1.0, 1.0]]),
                    np.array([1.0, -1.0]),
                    0.5,
                )
            ],
            draw=_predict_case,
        ),
        Part("a sum of exactly zero stays silent", 1, draw=_predict_edge),
    ],
    oracle=lambda torch, x, w, b: (
        (torch.tensor(x) @ torch.tensor(w) + b).detach().numpy() > 0
    ).astype(int),
)


@predict.misconception(
    """You return the weighted sums themselves. The neuron answers yes or no: compare the sum
    with zero and return 1 or 0."""
)
def returns_the_sum(x, w, b):
    return x @ w + b


@predict.misconception(
    """A sum of exactly zero must give 0: the rule is "fires above zero", so use > and not >=."""
)
def fires_at_zero(x, w, b):
    return (x @ w + b >= 0).astype(int)


@predict.misconception(
    """You answer -1 and 1. Both conventions exist; this course counts silence as 0."""
)
def answers_minus_one_and_one(x, w, b):
    return np.where(x @ w + b > 0, 1, -1)


@predict.misconception(
    """The threshold sits at zero only after the bias has been added. Your comparison leaves b out,
    so the boundary always runs through the origin."""
)
def compares_without_the_bias(x, w, b):
    return (x @ w > 0).astype(int)


@predict.misconception(
    """The answers are turned round: 1 where the sum is below zero. The neuron fires (1) above zero."""
)
def fires_below_zero(x, w, b):
    return (x @ w + b < 0).astype(int)


# 3 ---------------------------------------------------------------- layer


def _layer_case(rng):
    # all three sizes differ, so that a transposed answer cannot pass by its shape
    n, d, m = (int(k) for k in rng.permutation([2, 3, 4, 5])[:3])
    return Case(nonzero(rng, n, d), nonzero(rng, m, d), nonzero(rng, m))


def _square_layer_case(rng):
    k = size(rng, 2, 4)
    return Case(nonzero(rng, k, k), nonzero(rng, k, k), nonzero(rng, k))


def _large_layer_case(rng):
    return Case(
        rng.standard_normal((20_000, 60)),
        rng.standard_normal((50, 60)),
        rng.standard_normal(50),
    )


layer = Exercise(
    "neurons.layer",
    twin="dlcore.scratch.neurons.layer",
    parts=[
        Part(
            "shapes and values",
            1,
            [
                Case(
                    np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]]),
                    np.array([[1.0, 0.5], [-2.0, 1.0]]),
                    np.array([0.1, 0.2]),
                )
            ],
            draw=_layer_case,
        ),
        Part("as many neurons as inputs", 1, draw=_square_layer_case),
        Part(
            "20,000 examples within 2 seconds",
            1,
            draw=_large_layer_case,
            draws=1,
            seconds=2.0,
        ),
    ],
    oracle=lambda torch, x, w, b: torch.nn.functional.linear(
        torch.tensor(x), torch.tensor(w), torch.tensor(b)
    ),
)


@layer.misconception(
    """The matrix product is missing its transpose. Row j of w holds the weights of neuron j, and
    each row of x must meet each row of w: that is x @ w.T."""
)
def forgets_the_transpose(x, w, b):
    return x @ w + b


@layer.misconception(
    """The result is turned on its side. One row for each example, one column for each neuron:
    shape (N, M)."""
)
def returns_the_transpose(x, w, b):
    return (x @ w.T + b).T


@layer.misconception(
    """Every neuron has a bias of its own, and yours adds none. Add b to each row."""
)
def leaves_out_the_biases(x, w, b):
    return x @ w.T


@layer.misconception(
    """Every neuron got the sum of all biases. b has one entry for each neuron: let b (M,) broadcast
    over the rows of the (N, M) result."""
)
def adds_up_the_biases(x, w, b):
    return x @ w.T + b.sum()


@layer.misconception(
    """Right numbers, far too slow. Loops over every example and neuron run in Python, one
    multiplication at a time; a matrix product does the same work in compiled code."""
)
def loops_over_everything(x, w, b):
    y = np.zeros((len(x), len(w)))
    for n in range(len(x)):
        for m in range(len(w)):
            y[n, m] = b[m]
            for d in range(x.shape[1]):
                y[n, m] += x[n, d] * w[m, d]
    return y


# 4 ---------------------------------------------------------------- decision_boundary


def _boundary_case(rng):
    w = np.array([nonzero(rng), nonzero(rng)], dtype=float)
    if abs(abs(w[0]) - abs(w[1])) < 0.1:  # a line at 45 degrees hides swapped weights
        w[0] *= 2
    return Case(nonzero(rng, size(rng)), w, float(nonzero(rng)))


decision_boundary = Exercise(
    "neurons.decision_boundary",
    twin="dlcore.scratch.neurons.decision_boundary",
    parts=[
        Part(
            "two lines by hand",
            1,
            [
                Case(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0]), -2.0),
                Case(np.array([-1.0, 0.0, 1.0]), np.array([3.0, -1.0]), 0.5),
            ],
        ),
        Part("any line", 1, draw=_boundary_case),
    ],
    # on the line the weighted sum is zero, and it is linear in x2: two values give the root
    oracle=lambda torch, x1, w, b: _root(torch, x1, w, b),
)


def _root(torch, x1, w, b):
    def z(x2):
        points = np.stack([x1, np.full_like(x1, x2)], axis=1)
        return (torch.tensor(points) @ torch.tensor(w) + b).detach().numpy()

    return z(0.0) / (z(0.0) - z(1.0))


@decision_boundary.misconception(
    """The line is mirrored: a sign is lost. Solving w1 x1 + w2 x2 + b = 0 for x2 brings
    both other terms to the other side."""
)
def loses_the_sign(x1, w, b):
    return (w[0] * x1 + b) / w[1]


@decision_boundary.misconception(
    """The two weights are swapped. w[0] belongs to x1 and w[1] to x2; you solve for x2, so w[1]
    ends up below the fraction bar."""
)
def swaps_the_weights(x1, w, b):
    return -(w[1] * x1 + b) / w[0]


@decision_boundary.misconception(
    """Your line has the right slope but runs through the origin. Without b it cannot lie
    anywhere else."""
)
def ignores_the_bias(x1, w, b):
    return -(w[0] * x1) / w[1]


@decision_boundary.misconception(
    """The bias was not divided by w[1]. Everything that moved to the other side is divided by
    the weight of x2, the bias too."""
)
def divides_only_one_term(x1, w, b):
    return -(w[0] * x1) / w[1] - b


@decision_boundary.misconception(
    """Only one of the two terms changed its sign when it moved to the other side; both must."""
)
def changes_one_sign_only(x1, w, b):
    return (b - w[0] * x1) / w[1]


# 5 ---------------------------------------------------------------- perceptron_step


def _score(torch, x, w, b):
    return (torch.tensor(x) @ torch.tensor(w)).detach().numpy() + b


def _step_oracle(torch, x, y, w, b, lr=1.0):
    """One step of gradient descent on (p - y) z, with the prediction p held fixed.

    Its gradient is (p - y) x with respect to w and (p - y) with respect to b.
    """
    weights, bias = (
        torch.tensor(w, requires_grad=True),
        torch.tensor(b, requires_grad=True),
    )
    p = float(_score(torch, x, w, b) > 0)
    ((torch.tensor(x) @ weights + bias) * (p - y)).backward()
    step = lr * weights.grad.numpy(), lr * bias.grad.numpy()
    return w - step[0], np.asarray(b - step[1])


def _mistake(rng, y):
    """An example that the neuron gets wrong, with a learning rate other than 1."""
    x, w = nonzero(rng, 3), nonzero(rng, 3)
    z, lr = float(x @ w), float(rng.choice([0.1, 0.5, 2.0]))
    b = round(-z + (0.75 if y == 0 else -0.75), 2)
    return Case(x, y, w, np.float64(b), lr)


def _no_mistake(rng):
    case = _mistake(rng, 0)
    x, _, w, b, lr = case.args
    return Case(x, 1, w, b, lr)


perceptron_step = Exercise(
    "neurons.perceptron_step",
    twin="dlcore.scratch.neurons.perceptron_step",
    parts=[
        Part(
            "silent when it should fire",
            1,
            [
                Case(np.array([1.0, 2.0]), 1, np.array([0.5, -1.0]), np.float64(0.0), 1.0),
                # a sum of exactly 0 does not fire
                Case(np.array([2.0, -1.0]), 1, np.zeros(2), np.float64(0.0), 1.0),
            ],
            draw=lambda rng: _mistake(rng, 1),
        ),
        Part("fires when it should be silent", 1, draw=lambda rng: _mistake(rng, 0)),
        Part("leaves a right answer alone", 1, draw=_no_mistake),
    ],
    oracle=_step_oracle,
    returns=("w", "b"),
)


@perceptron_step.misconception(
    """The step goes the wrong way, so each mistake makes the next one worse. The error is the
    wanted answer minus the given one: y - p."""
)
def steps_the_wrong_way(x, y, w, b, lr=1.0):
    error = float(x @ w + b > 0) - y
    return w + lr * error * x, b + lr * error


@perceptron_step.misconception(
    """The bias never changes. It is a weight on a constant input of 1, so it moves too:
    by lr times the error."""
)
def leaves_the_bias(x, y, w, b, lr=1.0):
    error = y - float(x @ w + b > 0)
    return w + lr * error * x, b


@perceptron_step.misconception(
    """Your step ignores the prediction: it moves by y even when the answer was right already, and
    never moves for y = 0. The rule uses the error y - p."""
)
def steps_by_the_label(x, y, w, b, lr=1.0):
    return w + lr * y * x, b + lr * y


@perceptron_step.misconception(
    """You subtract the weighted sum from y. The perceptron's error compares answers: y minus the
    prediction p, which is 0 or 1. (With the sum itself it is another rule, Widrow and Hoff's.)"""
)
def uses_the_sum_as_prediction(x, y, w, b, lr=1.0):
    error = y - (x @ w + b)
    return w + lr * error * x, b + lr * error


@perceptron_step.misconception(
    """The learning rate is not used: every step is as long as with lr = 1."""
)
def ignores_the_learning_rate(x, y, w, b, lr=1.0):
    error = y - float(x @ w + b > 0)
    return w + error * x, b + error


@perceptron_step.misconception(
    """w += ... writes into the caller's array, so the old weights are lost. w = w + ... makes a
    new array and leaves the old one as it was."""
)
def writes_into_the_weights(x, y, w, b, lr=1.0):
    error = y - float(x @ w + b > 0)
    w += lr * error * x
    return w, b + lr * error


# 6 ---------------------------------------------------------------- train_perceptron


def _train_oracle(torch, x, y, epochs=10):
    w, b, mistakes = np.zeros(x.shape[1]), np.float64(0.0), []
    while len(mistakes) < epochs and 0 not in mistakes:
        wrong = 0
        for xi, yi in zip(x, y, strict=True):
            new_w, new_b = _step_oracle(torch, xi, int(yi), w, b)
            wrong += int(new_b != b)  # the bias moves at every mistake and at no other time
            w, b = new_w, new_b
        mistakes.append(wrong)
    return w, np.asarray(b), np.asarray(mistakes)


def _drive_training(student, x, y, epochs):
    w, b, mistakes = student(x, y, epochs)
    return w, b, np.asarray(mistakes)


def _mixed(rng, wanted):
    """Twelve points whose training has the property ``wanted(mistakes)``, drawn until one has it.

    In quarters: sums of them are exact in any order, so a neuron that stands at 0 does so for everybody.
    """
    import dlcore

    while True:
        x = np.round(rng.standard_normal((12, 2)) * 8) / 4
        flip = rng.random(12) < (0.0 if rng.random() < 0.5 else 0.3)
        y = ((x @ np.array([1.0, 0.6]) - 0.7 > 0) ^ flip).astype(int)
        mistakes = _train_oracle(dlcore, x, y, 6)[2]
        if wanted(mistakes):
            return Case(x, y, 6)


train_perceptron = Exercise(
    "neurons.train_perceptron",
    twin="dlcore.scratch.neurons.train_perceptron",
    parts=[
        Part(
            "learns OR",
            1,
            [
                Case(
                    np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
                    np.array([0, 1, 1, 1]),
                    10,
                )
            ],
        ),
        Part(
            "stops after an epoch without a mistake",
            1,
            draw=lambda rng: _mixed(rng, lambda m: m[-1] == 0 and len(m) > 2),
            draws=3,
        ),
        Part(
            "stops after the last epoch",
            1,
            draw=lambda rng: _mixed(rng, lambda m: m[-1] > 0 and len(set(m.tolist())) > 1),
            draws=3,
        ),
    ],
    oracle=_train_oracle,
    driver=_drive_training,
    returns=("w", "b", "mistakes"),
)


@train_perceptron.misconception(
    """The weights start afresh in every epoch, so nothing is carried over. Set them to zero once,
    before the loop over epochs."""
)
def starts_afresh_every_epoch(x, y, epochs=10):
    mistakes = []
    for _ in range(epochs):
        w, b, wrong = np.zeros(x.shape[1]), 0.0, 0
        for xi, yi in zip(x, y, strict=True):
            error = yi - float(xi @ w + b > 0)
            w, b, wrong = w + error * xi, b + error, wrong + int(error != 0)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


@train_perceptron.misconception(
    """You always run all epochs. Once an epoch has passed without a mistake nothing can change
    any more: stop there, with that 0 as the last entry of mistakes."""
)
def never_stops_early(x, y, epochs=10):
    w, b, mistakes = np.zeros(x.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for xi, yi in zip(x, y, strict=True):
            error = yi - float(xi @ w + b > 0)
            w, b, wrong = w + error * xi, b + error, wrong + int(error != 0)
        mistakes.append(wrong)
    return w, b, mistakes


@train_perceptron.misconception(
    """You stop at the first example that is right. Only a whole epoch without a mistake says that
    all examples are right."""
)
def stops_at_the_first_right_example(x, y, epochs=10):
    w, b, mistakes = np.zeros(x.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for xi, yi in zip(x, y, strict=True):
            error = yi - float(xi @ w + b > 0)
            if error == 0:
                break
            w, b, wrong = w + error * xi, b + error, wrong + 1
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


@train_perceptron.misconception(
    """All examples were judged with the weights from the start of the epoch. The perceptron learns
    as it goes: each example sees the weights that the one before it left."""
)
def learns_once_an_epoch(x, y, epochs=10):
    w, b, mistakes = np.zeros(x.shape[1]), 0.0, []
    for _ in range(epochs):
        errors = y - (x @ w + b > 0)
        w, b = w + errors @ x, b + float(errors.sum())
        mistakes.append(int(np.abs(errors).sum()))
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


@train_perceptron.misconception(
    """mistakes must count each epoch on its own. Your counter keeps running: set it to zero at the
    start of every epoch."""
)
def counts_over_all_epochs(x, y, epochs=10):
    w, b, mistakes, wrong = np.zeros(x.shape[1]), 0.0, [], 0
    for _ in range(epochs):
        before = wrong
        for xi, yi in zip(x, y, strict=True):
            error = yi - float(xi @ w + b > 0)
            w, b, wrong = w + error * xi, b + error, wrong + int(error != 0)
        mistakes.append(wrong)
        if wrong == before:
            break
    return w, b, mistakes


@train_perceptron.misconception(
    """You sum the errors with their signs, so a +1 and a -1 cancel and an epoch with mistakes can
    look perfect. Count each mistake as 1."""
)
def lets_errors_cancel(x, y, epochs=10):
    w, b, mistakes = np.zeros(x.shape[1]), 0.0, []
    for _ in range(epochs):
        total = 0
        for xi, yi in zip(x, y, strict=True):
            error = yi - int(xi @ w + b > 0)
            w, b, total = w + error * xi, b + float(error), total + int(error)
        mistakes.append(total)
        if total == 0:
            break
    return w, b, mistakes


# 7 ---------------------------------------------------------------- xor_network


def _drive_xor(student, x):
    """Run the student's two-layer threshold network on x (N, 2)."""
    w1, b1, w2, b2 = (np.asarray(part, dtype=float) for part in student())
    if (w1.shape, b1.shape, w2.shape, b2.shape) != ((2, 2), (2,), (1, 2), (1,)):
        raise ValueError(
            "shapes must be w1 (2, 2), b1 (2,), w2 (1, 2), b2 (1,); "
            f"found w1 {w1.shape}, b1 {b1.shape}, w2 {w2.shape}, b2 {b2.shape}"
        )
    hidden = (x @ w1.T + b1 > 0).astype(float)
    return (hidden @ w2.T + b2 > 0).astype(int)[:, 0]


_CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])

xor_network = Exercise(
    "neurons.xor_network",
    twin="dlcore.scratch.neurons.xor_network",
    parts=[
        Part("(0, 0) and (1, 1) give 0", 1, [Case(_CORNERS[[0, 3]])]),
        Part("(0, 1) and (1, 0) give 1", 1, [Case(_CORNERS[[1, 2]])]),
        Part("all four corners", 1, [Case(_CORNERS)]),
    ],
    oracle=lambda torch, x: (x.sum(1) == 1).astype(int),
    driver=_drive_xor,
)


@xor_network.misconception(
    """This network computes OR: it also fires for (1, 1). The second hidden neuron should notice
    that both inputs are on, and its weight in the output must be negative."""
)
def builds_or():
    return (
        np.ones((2, 2)),
        np.array([-0.5, -1.5]),
        np.array([[1.0, 1.0]]),
        np.array([-0.5]),
    )


@xor_network.misconception(
    """This network computes AND: it fires only for (1, 1). XOR is "one of them, but not both"."""
)
def builds_and():
    return (
        np.ones((2, 2)),
        np.array([-0.5, -1.5]),
        np.array([[1.0, 1.0]]),
        np.array([-1.5]),
    )


@xor_network.misconception(
    """The answers are turned round: this is "both equal". Turn the signs of the output's
    weights and of its bias."""
)
def builds_equality():
    return (
        np.ones((2, 2)),
        np.array([-0.5, -1.5]),
        np.array([[-1.0, 1.0]]),
        np.array([0.5]),
    )


@xor_network.misconception(
    """This network is silent everywhere: the output never rises above zero. Follow (1, 0) by
    hand: which hidden neurons fire, what does the output sum up to, and is that above zero?"""
)
def never_fires():
    return (
        np.ones((2, 2)),
        np.array([-0.5, -1.5]),
        np.array([[1.0, -1.0]]),
        np.array([-1.0]),
    )


@xor_network.misconception(
    """This network fires for every input, (0, 0) too. With all inputs zero only the biases are
    left: make sure the output's sum is not above zero then."""
)
def always_fires():
    return (
        np.ones((2, 2)),
        np.array([-0.5, -1.5]),
        np.array([[1.0, -1.0]]),
        np.array([1.5]),
    )


@xor_network.misconception(
    """This network computes "not both": it also fires for (0, 0). When neither hidden neuron
    fires, the output's bias alone decides, so it must not be above zero."""
)
def builds_not_both():
    return (
        np.ones((2, 2)),
        np.array([-0.5, -1.5]),
        np.array([[1.0, -2.0]]),
        np.array([0.5]),
    )
