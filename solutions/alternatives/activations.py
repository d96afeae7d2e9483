# Right answers to lesson 02, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905

# %% relu: np.where
import numpy as np


def relu(x):
    return np.where(x > 0, x, 0.0)


# %% relu: a mask
def relu(x):
    return x * (x > 0)


# %% relu: on a copy, in place
def relu(x):
    y = x.copy()
    y[y < 0] = 0
    return y


# %% relu: a loop over the entries
def relu(x):
    y = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        y[index] = max(0.0, x[index])
    return y


# %% relu: with the absolute value
def relu(x):
    return (x + np.abs(x)) / 2


# %% relu_backward: np.where
def relu_backward(g, x):
    return np.where(x > 0, g, 0)


# %% relu_backward: on a copy, in place
def relu_backward(g, x):
    dx = np.array(g)
    dx[x <= 0] = 0.0
    return dx


# %% relu_backward: a loop over the entries
def relu_backward(g, x):
    dx = np.zeros_like(g)
    for index, value in np.ndenumerate(x):
        if value > 0:
            dx[index] = g[index]
    return dx


# %% leaky_relu: two halves
def leaky_relu(x, negative_slope=0.01):
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


# %% leaky_relu: the larger of two lines
def leaky_relu(x, negative_slope=0.01):
    return np.maximum(x, negative_slope * x)


# %% leaky_relu: on a copy, in place
def leaky_relu(x, negative_slope=0.01):
    y = x.copy()
    y[x < 0] *= negative_slope
    return y


# %% leaky_relu: one function for one number
def leaky_relu(x, negative_slope=0.01):
    one = np.vectorize(lambda v: v if v > 0 else negative_slope * v, otypes=[float])
    return one(x)


# %% sigmoid: the textbook form, warnings and all
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# %% sigmoid: through tanh
def sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


# %% sigmoid: two masks
def sigmoid(x):
    y = np.empty_like(x)
    positive = x >= 0
    y[positive] = 1 / (1 + np.exp(-x[positive]))
    e = np.exp(x[~positive])
    y[~positive] = e / (1 + e)
    return y


# %% sigmoid: one number at a time
import math


def sigmoid(x):
    def one(v):
        return 1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v))

    return np.array([one(v) for v in x.ravel()]).reshape(x.shape)


# %% sigmoid_backward: multiplied out
def sigmoid_backward(g, y):
    return g * (y - y**2)


# %% sigmoid_backward: step by step
def sigmoid_backward(g, y):
    slope = y * (1.0 - y)
    dx = np.multiply(slope, g)
    return dx


# %% sigmoid_backward: a loop over the entries
def sigmoid_backward(g, y):
    dx = np.zeros(y.shape)
    for i, (gi, yi) in enumerate(zip(g.flat, y.flat)):
        dx.flat[i] = gi * yi * (1 - yi)
    return dx


# %% gelu: constants spelled out
import math


def gelu(x):
    c = math.sqrt(2.0 / math.pi)
    return x / 2 * (1 + np.tanh(c * x * (1 + 0.044715 * x * x)))


# %% gelu: through a sigmoid
def gelu(x):
    # (1 + tanh(u)) / 2 is sigmoid(2u)
    u = np.sqrt(2 / np.pi) * (x + 0.044715 * np.power(x, 3))
    return x / (1 + np.exp(-2 * u))


# %% gelu: one number at a time
import math


def gelu(x):
    y = np.zeros_like(x)
    for i, v in np.ndenumerate(x):
        y[i] = 0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))
    return y


# %% softmax: through the logarithm of the sum
def softmax(x, axis=-1):
    top = np.max(x, axis=axis, keepdims=True)
    log_sum = top + np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True))
    return np.exp(x - log_sum)


# %% softmax: axis brought to the end
def softmax(x, axis=-1):
    rows = np.moveaxis(x, axis, -1)
    e = np.exp(rows - rows.max(-1)[..., None])
    return np.moveaxis(e / e.sum(-1)[..., None], -1, axis)


# %% softmax: slice by slice
import math


def softmax(x, axis=-1):
    def one(scores):
        shifted = [math.exp(s - max(scores)) for s in scores]
        return [s / sum(shifted) for s in shifted]

    return np.apply_along_axis(one, axis, x)


# %% softmax: function forms throughout
def softmax(x, axis=-1):
    with np.errstate(all="ignore"):
        e = np.exp((x - np.amax(x, axis, keepdims=True)).astype(np.float64))
    return np.divide(e, np.sum(e, axis, keepdims=True))


# %% activation_stds: a list comprehension with an inner function
def activation_stds(x, weights, activation):
    state = {"h": x}

    def step(w):
        state["h"] = activation(np.matmul(state["h"], w.T))
        return np.std(state["h"])

    return [step(w) for w in weights]


# %% activation_stds: all layers kept, then measured
def activation_stds(x, weights, activation):
    layers = [x]
    for w in weights:
        layers.append(activation(np.einsum("nd,md->nm", layers[-1], w)))
    return np.array([np.sqrt(np.mean((h - h.mean()) ** 2)) for h in layers[1:]])


# %% activation_stds: recursion
def activation_stds(x, weights, activation):
    if len(weights) == 0:
        return []
    h = activation(np.dot(x, weights[0].T))
    return [float(h.std())] + activation_stds(h, weights[1:], activation)
