# Right answers to lesson 01, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905

# %% weighted_sum: a loop
import numpy as np


def weighted_sum(x, w, b):
    total = b
    for xi, wi in zip(x, w):
        total += xi * wi
    return total


# %% weighted_sum: einsum
def weighted_sum(x, w, b):
    return np.einsum("i,i->", x, w) + b


# %% weighted_sum: Python's own sum, as a float
def weighted_sum(x, w, b):
    return float(sum(xi * wi for xi, wi in zip(x, w))) + b


# %% weighted_sum: the bias as one more weight
def weighted_sum(x, w, b):
    return np.append(x, 1.0) @ np.append(w, b)


# %% predict: np.where
def predict(x, w, b):
    return np.where(x @ w + b > 0, 1, 0)


# %% predict: a loop that fills an array
def predict(x, w, b):
    answers = np.zeros(len(x), dtype=int)
    for n, row in enumerate(x):
        if sum(row * w) + b > 0:
            answers[n] = 1
    return answers


# %% predict: a list of whole numbers
def predict(x, w, b):
    return [1 if xi @ w + b > 0 else 0 for xi in x]


# %% predict: heaviside, as floats
def predict(x, w, b):
    return np.heaviside(x @ w + b, 0.0)


# %% layer: einsum
def layer(x, w, b):
    return np.einsum("nd,md->nm", x, w) + b


# %% layer: a loop over neurons
def layer(x, w, b):
    z = np.empty((len(x), len(w)))
    for m in range(len(w)):
        z[:, m] = x @ w[m] + b[m]
    return z


# %% layer: np.dot, the bias in place
def layer(x, w, b):
    z = np.dot(x, np.transpose(w))
    z += b
    return z


# %% layer: transposed twice
def layer(x, w, b):
    return (w @ x.T + b[:, None]).T


# %% decision_boundary: names for everything
def decision_boundary(x1, w, b):
    w1, w2 = w
    slope, intercept = -w1 / w2, -b / w2
    return slope * x1 + intercept


# %% decision_boundary: a loop
def decision_boundary(x1, w, b):
    heights = []
    for x in x1:
        heights.append((-b - w[0] * x) / w[1])
    return np.array(heights)


# %% decision_boundary: polyval
def decision_boundary(x1, w, b):
    return np.polyval([-w[0] / w[1], -b / w[1]], x1)


# %% perceptron_step: four cases, one by one
def perceptron_step(x, y, w, b, lr=1.0):
    p = 1 if np.dot(w, x) + b > 0 else 0
    if y == 1 and p == 0:
        return w + lr * x, b + lr
    if y == 0 and p == 1:
        return w - lr * x, b - lr
    return w, b


# %% perceptron_step: on a copy, in place
def perceptron_step(x, y, w, b, lr=1.0):
    w = w.copy()
    error = y - (1 if (w * x).sum() + b > 0 else 0)
    w += lr * error * x
    b = b + lr * error
    return w, b


# %% perceptron_step: a loop over the weights
def perceptron_step(x, y, w, b, lr=1.0):
    z = b
    for i in range(len(x)):
        z = z + w[i] * x[i]
    step = lr * (y - int(z > 0))
    return np.array([w[i] + step * x[i] for i in range(len(x))]), b + step


# %% perceptron_step: returned as a list
def perceptron_step(x, y, w, b, lr=1.0):
    error = int(y) - int(x @ w + b > 0)
    return [w + lr * error * x, b + lr * error]


# %% train_perceptron: a while loop, all in one
def train_perceptron(x, y, epochs=10):
    w, b, mistakes = np.zeros(x.shape[1]), 0, []
    while len(mistakes) < epochs and (not mistakes or mistakes[-1] > 0):
        count = 0
        for n in range(len(x)):
            error = y[n] - (1 if x[n] @ w + b > 0 else 0)
            if error != 0:
                w = w + error * x[n]
                b = b + error
                count += 1
        mistakes.append(count)
    return w, float(b), mistakes


# %% train_perceptron: the bias as one more weight, the counts as an array
def train_perceptron(x, y, epochs=10):
    ones = np.hstack([x, np.ones((len(x), 1))])
    v = np.zeros(ones.shape[1])
    counts = []
    for epoch in range(epochs):
        wrong = 0
        for row, target in zip(ones, y):
            error = target - float(row @ v > 0)
            v += error * row
            wrong += abs(error)
        counts.append(int(wrong))
        if not wrong:
            break
    return v[:-1], v[-1], np.array(counts)


# %% train_perceptron: helper functions of its own
def _step(x, y, w, b):
    error = y - float(np.sum(x * w) + b > 0)
    return w + error * x, b + error, error != 0


def train_perceptron(x, y, epochs=10):
    w, b, mistakes = np.zeros(x.shape[1], dtype=np.float64), 0.0, []
    for _ in range(epochs):
        missed = []
        for xi, yi in zip(x, y):
            w, b, was_wrong = _step(xi, yi, w, b)
            missed.append(was_wrong)
        mistakes.append(sum(missed))
        if not any(missed):
            return w, b, mistakes
    return w, b, mistakes


# %% xor_network: the two corners of "one"
def xor_network():
    # each hidden neuron recognizes one of the two corners, the output is their OR
    w1 = np.array([[1.0, -1.0], [-1.0, 1.0]])
    return w1, np.array([-0.5, -0.5]), np.array([[1.0, 1.0]]), np.array([-0.5])


# %% xor_network: not both, and at least one
def xor_network():
    w1 = np.array([[-1.0, -1.0], [2.0, 2.0]])
    return w1, np.array([1.5, -1.0]), np.array([[1.0, 1.0]]), np.array([-1.5])


# %% xor_network: plain lists of whole numbers
def xor_network():
    return [[2, 2], [2, 2]], [-1, -3], [[2, -2]], [-1]
