# Right answers to lesson 07, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905


# %% group_split: sets and a comprehension
import numpy as np


def group_split(groups, share=0.2, rng=0):
    rng = np.random.default_rng(rng)
    names = list(set(groups.tolist()))
    rng.shuffle(names)
    tested = set(names[: round(share * len(names))])
    train = [i for i, g in enumerate(groups) if g not in tested]
    test = [i for i, g in enumerate(groups) if g in tested]
    return train, test


# %% group_split: a choice without replacement
def group_split(groups, share=0.2, rng=0):
    rng = np.random.default_rng(rng)
    names, number = np.unique(groups, return_inverse=True)
    chosen = rng.choice(len(names), size=round(share * len(names)), replace=False)
    mask = np.zeros(len(names), dtype=bool)
    mask[chosen] = True
    return np.where(~mask[number])[0], np.where(mask[number])[0]


# %% group_split: sorted by random numbers
def group_split(groups, share=0.2, rng=0):
    rng = np.random.default_rng(rng)
    names = np.unique(groups)
    order = np.argsort(rng.random(len(names)))
    count = round(share * len(names))
    rows = {name: np.flatnonzero(groups == name) for name in names}
    test = np.concatenate([rows[names[i]] for i in order[:count]])
    train = np.concatenate([rows[names[i]] for i in order[count:]])
    return train, test


# %% standardize: in a function of its own
def standardize(train, new):
    mean = train.mean(0)
    std = train.std(0)
    std[np.ptp(train, 0) == 0] = 1.0

    def apply(table):
        return (table - mean) / std

    return apply(train), apply(new)


# %% standardize: column by column
def standardize(train, new):
    a, b = train.copy(), new.copy()
    for j in range(train.shape[1]):
        m = sum(train[:, j]) / len(train)
        s = (sum((v - m) ** 2 for v in train[:, j]) / len(train)) ** 0.5
        a[:, j] -= m
        b[:, j] -= m
        if s > 1e-12:
            a[:, j] /= s
            b[:, j] /= s
    return a, b


# %% standardize: by moments
def standardize(train, new):
    mean = np.einsum("nd->d", train) / len(train)
    centered = train - mean
    std = np.sqrt(np.einsum("nd,nd->d", centered, centered) / len(train))
    std = std + (train.max(0) == train.min(0))
    return centered / std, (new - mean) / std


# %% confusion_matrix: a loop
def confusion_matrix(targets, predictions, classes):
    table = np.zeros((classes, classes), dtype=int)
    for a, b in zip(targets, predictions):
        table[a, b] += 1
    return table


# %% confusion_matrix: bincount of pairs
def confusion_matrix(targets, predictions, classes):
    return np.bincount(targets * classes + predictions, minlength=classes**2).reshape(
        classes, classes
    )


# %% confusion_matrix: a product of one-hot rows
def confusion_matrix(targets, predictions, classes):
    eye = np.eye(classes)
    return eye[targets].T @ eye[predictions]


# %% batches: a list
def batches(n, size=32, rng=0):
    order = np.random.default_rng(rng).permutation(n)
    return [order[i : i + size] for i in range(0, n, size)]


# %% batches: cut at places
def batches(n, size=32, rng=0):
    rng = np.random.default_rng(rng)
    rows = np.arange(n)
    rng.shuffle(rows)
    return np.split(rows, np.arange(size, n, size))


# %% batches: taken from what is left
def batches(n, size=32, rng=0):
    rng = np.random.default_rng(rng)
    left = np.argsort(rng.random(n))
    while len(left):
        yield left[:size]
        left = left[size:]


# %% he_init: a normal distribution with its spread
def he_init(sizes, rng=0):
    rng = np.random.default_rng(rng)
    params = []
    for k in range(1, len(sizes)):
        params.append(rng.normal(0.0, (2 / sizes[k - 1]) ** 0.5, (sizes[k], sizes[k - 1])))
        params.append(np.zeros(sizes[k]))
    return params


# %% he_init: a uniform distribution
def he_init(sizes, rng=0):
    rng = np.random.default_rng(rng)
    params = []
    for d, m in zip(sizes, sizes[1:]):
        bound = np.sqrt(6 / d)
        params += [rng.uniform(-bound, bound, size=(m, d)), np.zeros((m,))]
    return params


# %% he_init: all layers in one expression
def he_init(sizes, rng=0):
    rng = np.random.default_rng(rng)
    return [
        p
        for d, m in zip(sizes, sizes[1:])
        for p in (rng.standard_normal((d, m)).T * np.sqrt(2 / d), np.zeros(m))
    ]


# %% layer_statistics: by hand, without a tape
def layer_statistics(params, x, t):
    layers = list(zip(params[::2], params[1::2]))
    outputs = [x]
    for i, (w, b) in enumerate(layers):
        z = outputs[-1] @ w.T + b
        outputs.append(np.maximum(z, 0) if i + 1 < len(layers) else z)
    scores = outputs.pop()
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    g = e / e.sum(axis=1, keepdims=True)
    g[np.arange(len(t)), t] -= 1
    g /= len(t)
    slope = [g.std()]
    for (w, _), h in zip(layers[:0:-1], outputs[:0:-1]):
        g = g @ w
        slope.append(g.std())
        g = g * (h > 0)
    outputs = [*outputs[1:], scores]
    spread = np.array([h.std() for h in outputs])
    dead = np.array([np.mean(h.max(axis=0) <= 0) for h in outputs])
    return spread, dead, np.array(slope[::-1])


# %% layer_statistics: arrays made beforehand
from dlcore.scratch.tensors import Tensor


def layer_statistics(params, x, t):
    depth = len(params) // 2
    result = np.zeros((3, depth))
    h, layers = Tensor(x), []
    for k in range(depth):
        w, b = params[2 * k], params[2 * k + 1]
        h = h @ w.T + b
        if k < depth - 1:
            h = h * (h.data > 0)
        layers.append(h)
    layers[-1].cross_entropy(t).backward()
    for k, h in enumerate(layers):
        result[0, k] = np.sqrt(np.mean((h.data - h.data.mean()) ** 2))
        result[1, k] = 1 - np.any(h.data > 0, axis=0).mean()
        result[2, k] = np.sqrt(np.mean((h.grad - h.grad.mean()) ** 2))
    return result[0], result[1], result[2]


# %% layer_statistics: rows of a table
from dlcore.scratch.tensors import Tensor


def layer_statistics(params, x, t):
    seen = []
    h = Tensor(x)
    rest = list(params)
    while rest:
        w, b, *rest = rest
        h = h @ Tensor(w).T + Tensor(b)
        if rest:
            before = h
            y = np.maximum(before.data, 0)
            h = Tensor(y, (before,), lambda g, y=y: (g * np.sign(y),))
        seen.append(h)
    h.cross_entropy(t).backward()
    table = [
        (h.data.std(), sum((h.data <= 0).all(0)) / h.data.shape[1], h.grad.std()) for h in seen
    ]
    return tuple(np.array(table).T)


# %% wrong_line: a chain of questions
def wrong_line(script):
    if script in "BE":
        return 10
    if script == "A":
        return 6
    return 5 if script == "C" else 4


# %% wrong_line: a table
def wrong_line(script):
    return (6, 10, 5, 4, 10)["ABCDE".index(script)]


# %% wrong_line: match
def wrong_line(script):
    match script:
        case "A":
            return 6
        case "C":
            return 5
        case "D":
            return 4
    return 10


# %% fit: a list of losses for each epoch
def fit(params, loss_and_gradients, step, x, t, epochs=10, size=32, rng=0):
    rng = np.random.default_rng(rng)
    history = []
    for _ in range(epochs):
        losses, weights = [], []
        order = rng.permutation(len(x))
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            loss, gradients = loss_and_gradients(params, x[rows], t[rows])
            params = step(params, gradients)
            losses.append(loss)
            weights.append(len(rows))
        history.append(np.average(losses, weights=weights))
    return params, history


# %% fit: a loop over steps
def fit(params, loss_and_gradients, step, x, t, epochs=10, size=32, rng=0):
    rng = np.random.default_rng(rng)
    n = len(x)
    steps = -(-n // size)
    losses = np.zeros(epochs)
    for i in range(epochs * steps):
        epoch, k = divmod(i, steps)
        if k == 0:
            order = rng.permutation(n)
        rows = order[k * size : (k + 1) * size]
        loss, gradients = loss_and_gradients(params, x[rows], t[rows])
        losses[epoch] += loss * len(rows) / n
        params = step(params, gradients)
    return params, losses


# %% fit: shuffled copies
def fit(params, loss_and_gradients, step, x, t, epochs=10, size=32, rng=0):
    rng = np.random.default_rng(rng)
    means = []
    while len(means) < epochs:
        order = rng.permutation(len(x))
        xs, ts = x[order], t[order]
        seen = 0.0
        while len(xs):
            loss, gradients = loss_and_gradients(params, xs[:size], ts[:size])
            params = step(params, gradients)
            seen += loss * min(size, len(xs))
            xs, ts = xs[size:], ts[size:]
        means.append(seen / len(x))
    return params, means
