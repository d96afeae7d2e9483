# ruff: noqa: B905  learners write zip without strict
"""Lesson 07: group split, standardization, confusion matrix, batches, He initialization, layer statistics, debugging, the loop."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from autograder.exercises.checks._draw import normal, size
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore import data
from dlcore.scratch import debugging, tensors
from dlcore.scratch import training as scratch
from dlcore.scratch.optimizers import AdamW

_FORBIDDEN = ("dlcore.data.loader", "dlcore.init")


_HEADER = "from itertools import pairwise\n\nimport numpy as np"


def _mistake(exercise, name, hint, *changes, pieces=(), header=_HEADER):
    pieces = [*pieces, getattr(scratch, exercise.function)]
    mistake(exercise, name, hint, *changes, pieces=pieces, header=header)


# 1 ---------------------------------------------------------------- split


def _drive_split(student, groups, share, seed):
    """All rows in order, groups on both sides, groups in the test, and in 40 tests together."""
    train, test = student(groups, share, seed)
    rows = np.sort(np.concatenate([np.asarray(train), np.asarray(test)]))
    known = np.isin(rows, np.arange(len(groups))).all() and rows.dtype.kind == "i"
    sides = [set(groups[np.asarray(side)].tolist()) if known else set() for side in (train, test)]
    drawn = set()
    for other in range(40):
        chosen = np.asarray(student(groups, share, seed + other)[1])
        drawn |= set(groups[chosen].tolist()) if known else set()
    return rows, len(sides[0] & sides[1]), len(sides[1]), len(drawn)


def _split_oracle(torch, groups, share, seed):
    names = len(set(groups.tolist()))
    return (
        np.arange(len(groups)),
        np.asarray(0),
        np.asarray(round(share * names)),
        np.asarray(names),
    )


def _split_case(rng, alone):
    """Groups of any size in any order; shares that make a whole number of them, but not 1/5."""
    count = size(rng, 5, 7)
    names = rng.choice(90, count, replace=False) + 10
    sizes = (
        np.ones(count, int)
        if alone
        else np.roll([9, *rng.integers(1, 4, count - 1)], int(rng.integers(count)))
    )
    return Case(rng.permutation(np.repeat(names, sizes)), int(rng.integers(3, count - 1)) / count, int(rng.integers(1000)))  # fmt: skip


group_split = Exercise(
    "training.group_split",
    twin="dlcore.scratch.training.group_split",
    parts=[
        Part("every row for itself", 1, [Case(np.arange(8), 0.5, 3)], lambda rng: _split_case(rng, True)),
        Part("groups stay together", 2, [Case(np.array([7, 7, 8, 8, 8, 9, 5, 5]), 0.5, 3)], lambda rng: _split_case(rng, False)),
    ],
    oracle=_split_oracle,
    driver=_drive_split,
    returns=("all rows, in order", "groups on both sides", "groups in the test", "groups that were in one of 40 tests"),
    forbidden=_FORBIDDEN,
)  # fmt: skip

_NAMES = "names = rng.permutation(np.unique(groups))"
_CHOSEN = "chosen = np.isin(groups, names[: round(share * len(names))])"
_mistake(
    group_split,
    "takes_the_first",
    """The same groups are in the test whatever rng says. Files are often sorted, so the first ones are special: shuffle.""",
    (_NAMES, "names = np.unique(groups)"),
)
_mistake(
    group_split,
    "splits_rows",
    """You draw rows, so that a group can have some on either side. Draw groups: then a row goes to where its group is.""",
    (_NAMES, "order = rng.permutation(len(groups))"),
    (
        _CHOSEN,
        "chosen = np.zeros(len(groups), bool)\n    chosen[order[: round(share * len(groups))]] = True",
    ),
)
_mistake(
    group_split,
    "swaps_the_sides",
    """The two sides are swapped: share is that of the test, and the training rows come first.""",
    (
        "return np.flatnonzero(~chosen), np.flatnonzero(chosen)",
        "return np.flatnonzero(chosen), np.flatnonzero(~chosen)",
    ),
)
_mistake(
    group_split,
    "ignores_share",
    """The test always has a fifth of the groups. Take the argument share; 0.2 is only its default.""",
    ("round(share * len(names))", "round(0.2 * len(names))"),
)
_mistake(
    group_split,
    "returns_groups",
    """You return the groups. Asked for are the numbers of the rows, 0 to N - 1, that belong to them.""",
    (
        "return np.flatnonzero(~chosen), np.flatnonzero(chosen)",
        "return groups[~chosen], groups[chosen]",
    ),
)
_mistake(
    group_split,
    "throws_a_coin",
    """Every group throws a coin of its own, so the size of the test is left to chance. Shuffle the groups, and take
    round(share * groups) of them.""",
    (_NAMES, "names = np.unique(groups)"),
    (_CHOSEN, "chosen = np.isin(groups, names[rng.random(len(names)) < share])"),
)


# 2 ---------------------------------------------------------------- standardize


def _table(rng, constant):
    """Two tables of the same columns, which differ in place and scale, and from table to table."""
    d = size(rng, 2, 3)
    place, scale = rng.integers(-20, 20, d), rng.integers(1, 9, d)
    train, new = (
        (place + shift + scale * stretch * rng.standard_normal((n, d))).round(1)
        for n, shift, stretch in ((size(rng, 5, 7), 0, 1), (size(rng, 3, 4), 2, 0.5))
    )
    if constant:  # of 0.1 and 0.7 the measured deviation is not 0, but a rounding error
        value = [3.0, 0.1, 0.7][int(rng.integers(3))] if constant is True else constant
        train = np.tile(train, (6, 1))[: 6 * (len(train) // 6 + 1)]
        train[:, int(rng.integers(d))] = value
    return Case(train, new)


def _standardize_oracle(torch, train, new):
    a, b = torch.tensor(train), torch.tensor(new)
    mean = a.mean(0)
    std = ((a - mean) ** 2).mean(0) ** 0.5
    std = std + torch.tensor((np.ptp(train, axis=0) == 0) * 1.0)
    return (a - mean) / std, (b - mean) / std


standardize = Exercise(
    "training.standardize",
    twin="dlcore.scratch.training.standardize",
    parts=[
        Part("columns of any scale", 1, [Case(np.array([[1.0, 100.0], [3.0, 300.0]]), np.array([[5.0, 200.0]]))], lambda rng: _table(rng, False)),
        Part("a constant column", 1, [_table(np.random.default_rng(0), 3.0), _table(np.random.default_rng(1), 0.1)], lambda rng: _table(rng, True)),
    ],
    oracle=_standardize_oracle,
    returns=("train", "new"),
    forbidden=_FORBIDDEN,
)  # fmt: skip

_MEASURED = "mean, std = train.mean(axis=0), train.std(axis=0)"
_VARIES = "    std = np.where(np.ptp(train, axis=0) > 0, std, 1)\n"
_POSITIVE = "    std = np.where(std > 0, std, 1)\n"  # of what is measured otherwise
_mistake(
    standardize,
    "measures_the_new",
    """The new rows are measured by themselves. One new row alone would become all zeros. Use the mean and the deviation of
    the training rows for both.""",
    (
        "(new - mean) / std",
        "(new - new.mean(axis=0)) / np.where(new.std(axis=0) > 0, new.std(axis=0), 1)",
    ),
)
_mistake(
    standardize,
    "measures_both",
    """You measure training and new rows together. Then the training knows something about rows that it must not know: a leak.""",
    (
        _MEASURED,
        "both = np.concatenate([train, new])\n    mean, std = both.mean(axis=0), both.std(axis=0)",
    ),
    (_VARIES, _POSITIVE),
)
_mistake(
    standardize,
    "asks_whether_it_is_zero",
    """A constant column is divided by its measured deviation, which is a rounding error and not 0: that of six times 0.1 is
    1.4e-17. Ask whether the column varies, np.ptp(train, axis=0) > 0, and divide by 1 where it does not.""",
    (_VARIES, _POSITIVE),
)
_mistake(
    standardize,
    "divides_by_zero",
    """A column that is constant in the training rows has the deviation 0, and you divide by it. Divide by 1 there.""",
    (_VARIES, ""),
)
_mistake(
    standardize,
    "forgets_the_root",
    """You divide by the variance. The standard deviation is its root.""",
    (_MEASURED, "mean, std = train.mean(axis=0), train.var(axis=0)"),
)
_mistake(
    standardize,
    "measures_rows",
    """You measure along the rows. Each column has a mean and a deviation of its own: axis=0.""",
    (_MEASURED, "mean, std = train.mean(axis=1)[:, None], train.std(axis=1)[:, None]"),
    (_VARIES, _POSITIVE),
    ("return (train - mean) / std, (new - mean) / std", "return (train - mean) / std, (new - mean[: len(new)]) / std[: len(new)]"),
)  # fmt: skip
_mistake(
    standardize,
    "measures_the_whole_table",
    """You use one mean and one deviation for the whole table. Each column needs its own: they can have different units.""",
    (_MEASURED, "mean, std = train.mean(), train.std()"),
    (_VARIES, _POSITIVE),
)
_mistake(
    standardize,
    "divides_by_one_less",
    """You divide by N - 1 within the deviation (ddof=1). This course divides by N, NumPy's default.""",
    (_MEASURED, "mean, std = train.mean(axis=0), train.std(axis=0, ddof=1)"),
)


# 3 ---------------------------------------------------------------- confusion_matrix


def _confusion_oracle(torch, targets, predictions, classes):
    return np.asarray([[int(((targets == i) & (predictions == j)).sum()) for j in range(classes)] for i in range(classes)])  # fmt: skip


def _confusion_case(rng, k):
    """The last class does not occur among the targets."""
    n = int(rng.integers(8, 15))
    targets = rng.integers(0, k - 1, n)
    predictions = np.where(rng.random(n) < 0.5, targets, rng.integers(0, k, n))
    targets[:3], predictions[:3] = [0, 0, 0], [1, 1, 1]
    return Case(targets, predictions, k)


confusion_matrix = Exercise(
    "training.confusion_matrix",
    twin="dlcore.scratch.training.confusion_matrix",
    parts=[
        Part("two classes", 1, [Case(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)], lambda rng: Case(*rng.permuted([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 1, 1]], axis=1), 2)),
        Part("any number", 1, draw=lambda rng: _confusion_case(rng, size(rng, 3, 5))),
    ],
    oracle=_confusion_oracle,
    forbidden=_FORBIDDEN,
)  # fmt: skip

_COUNT = "np.add.at(counts, (targets, predictions), 1)"
_mistake(
    confusion_matrix,
    "swaps_rows_and_columns",
    """Rows and columns are swapped: the row is the target, the column the prediction.""",
    (_COUNT, "np.add.at(counts, (predictions, targets), 1)"),
)
_mistake(
    confusion_matrix,
    "counts_each_pair_once",
    """counts[targets, predictions] += 1 writes each place once, however often it occurs. You met that in lesson 5, when an index
    was taken twice: np.add.at, or a loop.""",
    (_COUNT, "counts[targets, predictions] += 1"),
)
_mistake(
    confusion_matrix,
    "counts_the_mistakes_alone",
    """The diagonal is 0: you count only the mistakes. Right predictions belong there.""",
    (
        _COUNT,
        "np.add.at(counts, (targets[targets != predictions], predictions[targets != predictions]), 1)",
    ),
)
_mistake(
    confusion_matrix,
    "divides_by_the_row",
    """These are shares of each row. The exercise asks for counts.""",
    ("return counts", "return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)"),
)
_mistake(
    confusion_matrix,
    "counts_the_classes_itself",
    """The table has as many rows as there are classes in the targets. A class can be missing there: take the argument classes.""",
    (
        "counts = np.zeros((classes, classes), dtype=int)",
        "classes = targets.max() + 1\n    targets, predictions = targets[predictions < classes], predictions[predictions < classes]\n    counts = np.zeros((classes, classes), dtype=int)",
    ),
)


# 4 ---------------------------------------------------------------- batches


def _drive_batches(student, n, size, seed):
    """All rows in order, the lengths, and the pairs of rows that met in the first of 100 batches."""
    parts = [np.asarray(rows) for rows in student(n, size, seed)]
    rows = np.sort(np.concatenate(parts))
    met = set()
    for other in range(100 if n < 8 else 0):
        first = np.asarray(next(iter(student(n, size, seed + other)))).ravel().tolist()
        met |= {(i, j) for i in first for j in first if i < j}
    return rows, np.array([len(part) for part in parts]), len(met)


def _batches_oracle(torch, n, size, seed):
    lengths = [min(size, n - start) for start in range(0, n, size)]
    pairs = math.comb(n, 2) if n < 8 else 0
    return np.arange(n), np.asarray(lengths), np.asarray(pairs)


batches = Exercise(
    "training.batches",
    twin="dlcore.scratch.training.batches",
    parts=[
        Part("sizes", 1, [Case(10, 4, 0)], lambda rng: Case(int(rng.integers(10, 40)), int(rng.integers(3, 8)), int(rng.integers(1000)))),
        Part("a random order", 1, [Case(6, 3, 0)], lambda rng: Case(6, 3, int(rng.integers(1000))), draws=1),
    ],
    oracle=_batches_oracle,
    driver=_drive_batches,
    returns=("all rows, in order", "lengths", "pairs that were in one batch, in 100 tries"),
    forbidden=_FORBIDDEN,
)  # fmt: skip

_ORDER = "order = rng.permutation(n)"
_STEPS = "for start in range(0, n, size):"
_mistake(
    batches,
    "drops_the_rest",
    """The last rows are missing: when n is not a multiple of size, the last batch is smaller.""",
    (_STEPS, "for start in range(0, n - size + 1, size):"),
)
_mistake(
    batches,
    "does_not_shuffle",
    """The rows come in the same order every time, so the same ones always meet in a batch. Shuffle them first, with the rng
    that is given.""",
    (_ORDER, "order = np.arange(n)"),
)
_mistake(
    batches,
    "shuffles_the_batches",
    """You shuffle the batches, but the rows within one stay neighbors for ever. Shuffle the rows, then cut.""",
    (_ORDER, "order = np.arange(n)"),
    (_STEPS, "for start in rng.permutation(np.arange(0, n, size)):"),
)
_mistake(
    batches,
    "draws_again_and_again",
    """Every batch is drawn from all rows, so that some come twice and others never. One permutation, cut into pieces, has each
    of them once.""",
    ("yield order[start : start + size]", "yield rng.integers(0, n, min(size, n - start))"),
)
_mistake(
    batches,
    "moves_one_row_at_a_time",
    """Your batches overlap: each begins one row after the last. Begin it size rows later.""",
    (_STEPS, "for start in range(n):"),
)


# 5 ---------------------------------------------------------------- he_init


def _drive_weights(student, sizes, seed):
    """All shapes; for each matrix of at least 10,000 weights its spread and its mean, beside sqrt(2 / inputs)."""
    params, other = student(sizes, seed), student(sizes, seed + 1)
    shapes = np.concatenate([np.shape(p) for p in params])
    large = [i for i in range(0, len(params), 2) if np.size(params[i]) >= 10_000]
    unit = [math.sqrt(2 / np.shape(params[i])[1]) for i in large]
    spread = np.array([params[i].std() / u for i, u in zip(large, unit)])
    mean = np.array([params[i].mean() / u for i, u in zip(large, unit)])
    pairs = [(params[i], other[i]) for i in large]
    pairs += [
        (params[i], params[j])
        for i in large
        for j in large
        if i < j and params[i].shape == params[j].shape
    ]
    alike = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1] if a.std() and b.std() else 1.0 for a, b in pairs
    ]
    biases = np.concatenate([np.ravel(b) for b in params[1::2]])
    return shapes, spread, mean, biases, np.array(alike)  # fmt: skip


def _weights_oracle(torch, sizes, seed):
    layers = list(pairwise(sizes))
    shapes = np.asarray([n for d, m in layers for n in (m, d, m)])
    large = [(m, d) for d, m in layers if m * d >= 10_000]
    pairs = len(large) + sum(a == b for i, a in enumerate(large) for b in large[:i])
    zeros = np.zeros
    return shapes, np.ones(len(large)), zeros(len(large)), zeros(sum(sizes[1:])), zeros(pairs)


he_init = Exercise(
    "training.he_init",
    twin="dlcore.scratch.training.he_init",
    parts=[
        Part("one layer", 1, [Case((300, 100), 0)], lambda rng: Case((int(rng.integers(400, 500)), int(rng.integers(50, 100))), int(rng.integers(1000))), draws=1),
        Part("several layers", 1, [Case((4, 3, 2), 0)], lambda rng: Case((int(rng.integers(80, 90)), 160, 160, 160, int(rng.integers(2, 5))), int(rng.integers(1000))), draws=2),
    ],
    oracle=_weights_oracle,
    driver=_drive_weights,
    returns=("all shapes", "spread / sqrt(2 / inputs)", "mean / sqrt(2 / inputs)", "biases", "how alike matrices are"),
    rtol=0.05,
    atol=0.05,
    forbidden=_FORBIDDEN,
)  # fmt: skip

_DRAWN = "rng.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs)"
_mistake(
    he_init,
    "forgets_the_root",
    """2 / inputs is the variance. The numbers are multiplied with the standard deviation, its root.""",
    (_DRAWN, "rng.standard_normal((outputs, inputs)) * 2 / inputs"),
)
_mistake(
    he_init,
    "keeps_the_size_of_a_line",
    """The variance is 1 / inputs, right for a layer without an activation. ReLU takes away half of the mean square, so He's is
    2 / inputs.""",
    (_DRAWN, "rng.standard_normal((outputs, inputs)) * np.sqrt(1 / inputs)"),
)
_mistake(
    he_init,
    "counts_the_outputs",
    """You divide by the number of outputs. What a sum adds up are its inputs: w has the shape (outputs, inputs).""",
    (_DRAWN, "rng.standard_normal((outputs, inputs)) * np.sqrt(2 / outputs)"),
)
_mistake(
    he_init,
    "transposes",
    """Your matrices are (inputs, outputs). In this course a layer is x @ w.T + b, with w (outputs, inputs).""",
    (_DRAWN, "rng.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)"),
)
_mistake(
    he_init,
    "draws_the_biases",
    """The biases are drawn too. They can all begin at 0: the weights already make the units different.""",
    ("np.zeros(outputs)", "rng.standard_normal(outputs)"),
)
_mistake(
    he_init,
    "draws_positive_numbers",
    """Your weights are all positive: rng.random and rng.uniform go from 0 to 1. Their mean must be 0.""",
    (_DRAWN, "rng.random((outputs, inputs)) * np.sqrt(24 / inputs)"),
)
_mistake(
    he_init,
    "begins_each_layer_alike",
    """Layers of the same shape get the same weights: you make a new generator with the same seed for each. Make one, and go on
    drawing from it.""",
    ("    rng = np.random.default_rng(rng)\n", "    seed = rng\n"),
    (_DRAWN, "np.random.default_rng(seed).standard_normal((outputs, inputs)) * np.sqrt(2 / inputs)"),
)  # fmt: skip


# 6 ---------------------------------------------------------------- layer_statistics


def _drive_examine(student, params, x, t, column):
    names = ("spread", "dead", "slope")
    return np.asarray(student(params, x, t)[names.index(column)])


def _examine_oracle(torch, params, x, t, column):
    """Each layer's output is made a leaf, and the rest of the network is run from there."""
    layers = [(torch.tensor(w), torch.tensor(b)) for w, b in zip(params[::2], params[1::2])]
    linear = torch.nn.functional.linear
    outputs, slopes = [np.array(x)], []
    for i, (w, b) in enumerate(layers):
        h = linear(torch.tensor(outputs[-1]), w, b)
        leaf = torch.tensor(
            np.array(to_plain(h.relu() if i + 1 < len(layers) else h)), requires_grad=True
        )
        outputs.append(np.array(to_plain(leaf)))
        rest = leaf
        for j, (w, b) in enumerate(layers[i + 1 :], i + 1):
            rest = linear(rest, w, b)
            rest = rest.relu() if j + 1 < len(layers) else rest
        torch.nn.functional.cross_entropy(rest, torch.tensor(t)).backward()
        slopes.append(np.std(to_plain(leaf.grad)))
    if column == "slope":
        return np.asarray(slopes)
    if column == "spread":
        return np.asarray([h.std() for h in outputs[1:]])
    return np.asarray([(h.max(0) <= 0).mean() for h in outputs[1:]])  # fmt: skip


def _network_case(rng, column):
    """Two to four layers, with a dead unit in each; halves for the slopes, so that some sums are exactly 0."""
    widths = [*rng.integers(4, 7, size(rng, 2, 4)).tolist(), 3]
    drawn = normal if column != "slope" else _halves
    params = [p for d, m in pairwise(widths) for p in (drawn(rng, m, d), 0.5 * drawn(rng, m))]
    for b in params[1:-1:2]:
        b[int(rng.integers(len(b)))] = -20.0
    n = size(rng, 5, 8)
    return Case(params, drawn(rng, n, widths[0]), rng.integers(0, 3, n), column)


def _halves(rng, *shape):
    return rng.integers(-2, 3, shape) / 2


layer_statistics = Exercise(
    "training.layer_statistics",
    twin="dlcore.scratch.training.layer_statistics",
    parts=[
        Part("spread", 1, draw=lambda rng: _network_case(rng, "spread")),
        Part("dead", 1, draw=lambda rng: _network_case(rng, "dead"), draws=6),
        Part("slope", 1, draw=lambda rng: _network_case(rng, "slope")),
    ],
    oracle=_examine_oracle,
    driver=_drive_examine,
    forbidden=_FORBIDDEN,
)  # fmt: skip


def _examine_mistake(name, hint, *changes):
    _mistake(layer_statistics, name, hint, *changes, header=f"{_HEADER}\n\nfrom dlcore.scratch.tensors import Tensor")  # fmt: skip


_examine_mistake(
    "looks_before_the_relu",
    """You look at each layer before its ReLU. What goes on to the next layer is what comes after it.""",
    (
        "        if i + 2 < len(params):\n            h = h * (h.data > 0)\n        outputs.append(h)\n",
        "        outputs.append(h)\n        if i + 2 < len(params):\n            h = h * (h.data > 0)\n",
    ),
)
_examine_mistake(
    "counts_zeros",
    """This is the share of zeros. A unit is dead only if it gives nothing for any example: .all(axis=0) first, then the share.""",
    ("(h.data <= 0).all(axis=0).mean()", "(h.data <= 0).mean()"),
)
_examine_mistake(
    "asks_for_silent_examples",
    """You count examples for which no unit answers. Dead is a unit, a column of (N, M): all along axis 0.""",
    ("(h.data <= 0).all(axis=0).mean()", "(h.data <= 0).all(axis=1).mean()"),
)
_examine_mistake(
    "bends_the_scores",
    """The last layer goes through a ReLU as well. Its outputs are the scores, and they stay as they are.""",
    (
        "        if i + 2 < len(params):\n            h = h * (h.data > 0)\n",
        "        h = h * (h.data > 0)\n",
    ),
)
_examine_mistake(
    "forgets_backward",
    """All slopes are 0: a gradient is there only after backward was called on the loss.""",
    ("h.cross_entropy(t).backward()", "h.cross_entropy(t)"),
)
_examine_mistake(
    "adds_up_the_losses",
    """The slopes are as many times too large as there are examples. The loss is the mean over the examples.""",
    ("h.cross_entropy(t).backward()", "(h.cross_entropy(t) * len(t)).backward()"),
)
_examine_mistake(
    "counts_from_the_back",
    """The last layer comes first in your list of slopes. The backward pass meets it first, but here layer 1 is at index 0.""",
    ("[h.grad.std() for h in outputs]", "[h.grad.std() for h in outputs[::-1]]"),
)


# 7 ---------------------------------------------------------------- wrong_line


def _drive_line(student, script):
    return student(script)


def _number(script, text):
    """The number of the line of a script that holds ``text``."""
    (found,) = [n for n, line in enumerate(debugging.lines(script), 1) if text in line]
    return found


_GUILTY = {
    "A": "rng.permutation(x), rng.permutation(t)", "B": "scores.exp() / scores.exp()", "C": "np.zeros", "D": "new_x = (new_x",
    "E": "scores = relu(",
}  # fmt: skip
_INNOCENT = {
    "blames_the_rate": (
        """This line only makes the optimizer, and its rate is an ordinary one. Too large a rate makes the loss jump or explode;
        too small a one makes it creep. Is that what you see?""",
        {"A": "AdamW(", "B": "AdamW(", "C": "AdamW(", "D": "AdamW(", "E": "AdamW("},
    ),
    "blames_the_step": (
        """The step is right: it takes the gradients of this batch, and its result becomes the new params. What reaches it is
        another matter.""",
        {"A": ".step(", "B": ".step(", "C": ".step(", "D": ".step(", "E": ".step("},
    ),
    "blames_backward": (
        """backward does its work, on tensors made anew for each batch. It finds the slopes of whatever loss it is called on. Look
        at what goes in.""",
        {"A": "backward()", "B": "backward()", "C": "backward()", "D": "backward()", "E": "backward()"},
    ),
    "blames_the_batches": (
        """The batches are right: all rows are used, each once in a pass. Ask whether a row of x still belongs to its label, and
        look elsewhere.""",
        {"A": "for start in", "B": "array_split(", "C": "array_split(", "D": "for k in", "E": "array_split("},
    ),
    "blames_the_loss": (
        """This line is right for what it is given. Follow its inputs upward: where do they come from?""",
        {"A": "cross_entropy(", "B": "scores = network(", "C": "cross_entropy(", "D": "cross_entropy(", "E": "cross_entropy("},
    ),
    "blames_the_preparation": (
        """Nothing is amiss in this line. Digits may be moved and scaled a little, if the new ones are treated as those that are
        learned from; and random weights of this size are ordinary.""",
        {"A": "new_x = x - ", "B": "params = [", "C": "new_x = x - ", "D": "params = [", "E": "new_x = 2"},
    ),
}  # fmt: skip


_RIGHT = {script: _number(script, text) for script, text in _GUILTY.items()}


wrong_line = Exercise(
    "training.wrong_line",
    twin="dlcore.scratch.training.wrong_line",
    parts=[Part(f"script {script}", 1, [Case(script)]) for script in debugging.SCRIPTS],
    oracle=lambda torch, script: np.asarray(_RIGHT[script]),
    driver=_drive_line,
    secret=True,
    forbidden=_FORBIDDEN,
)


def _answers(name, hint, numbers):
    _mistake(wrong_line, name, hint, tuple(str(n).replace("'", '"') for n in (_RIGHT, numbers)))


for _name, (_hint, _places) in _INNOCENT.items():
    _answers(_name, _hint, {script: _number(script, text) for script, text in _places.items()})
_answers(
    "counts_from_zero",
    """You count from 0, it seems. The numbers stand before the lines; "def" is number 1.""",
    {script: number - 1 for script, number in _RIGHT.items()},
)


# 8 ---------------------------------------------------------------- fit


class _Watched:
    """A model of one number that writes down what the loop does with it: 10 more in every pass."""

    def __init__(self, n, size):
        self.n, self.in_a_pass = n, -(-n // size)
        self.rows, self.given, self.made = [], [], [np.zeros(1)]
        self.apart = 0

    def loss_and_gradients(self, params, x, t):
        rows = np.asarray(x)[:, 0].astype(int)
        self.apart += int((np.asarray(t) != rows + 100).sum())
        self.given.append(float(np.asarray(params[0])[0]))
        passes = len(self.rows) // self.in_a_pass
        self.rows.append(rows)
        return float(rows.mean()) + 10 * passes, [np.full(1, float(len(self.rows)))]

    def step(self, params, gradients):
        return [np.asarray(params[0]) + gradients[0]]


def _drive_fit(student, n, epochs, size, seed, column):
    """One of: "rows" that each pass has seen, "params" at every step and at the end, "losses" of the passes."""
    model = _Watched(n, size)
    x = np.arange(n, dtype=float)[:, None]
    params, losses = student(
        [np.zeros(1)],
        model.loss_and_gradients,
        model.step,
        x,
        np.arange(n) + 100,
        epochs,
        size,
        seed,
    )
    if column == "losses":
        return np.asarray(losses, dtype=float)
    if column == "params":
        return np.array([*model.given, float(np.asarray(params[0])[0])])
    passes = [
        np.concatenate(model.rows[i : i + model.in_a_pass])
        for i in range(0, len(model.rows), model.in_a_pass)
    ]
    orders = len({tuple(p.tolist()) for p in passes})
    return np.array([*np.sort(np.concatenate(passes)), model.apart, orders])  # fmt: skip


def _fit_oracle(torch, n, epochs, size, seed, column):
    if column == "losses":
        return np.asarray([(n - 1) / 2 + 10.0 * e for e in range(epochs)])
    steps = np.arange(epochs * -(-n // size) + 1)
    if column == "params":
        return np.asarray(steps * (steps + 1) / 2)
    return np.asarray([*np.repeat(np.arange(n), epochs), 0, epochs])


def _fit_case(rng, column):
    n = int(rng.integers(10, 20))
    return Case(n, int(rng.integers(2, 4)), int(rng.choice([s for s in (3, 4, 5, 7) if n % s])), int(rng.integers(1000)), column)  # fmt: skip


def _drive_moons(student, n, epochs, size, seed, column):
    """Whether a small network, trained by the student's loop, tells fresh moons apart: 1 for 93 % and more.

    A right loop does in 300 of 300 runs, the worst of them with 96.8 %.
    """
    rng = np.random.default_rng(seed)
    x, t, *_ = data.moons(n, rng)
    new, answers, *_ = data.moons(300, rng)
    begun, step = scratch.he_init([2, 64, 2], seed), AdamW(0.05).step
    params, _ = student(begun, _loss_and_gradients, step, x, t, epochs, size, seed)
    w1, b1, w2, b2 = params
    said = (np.maximum(new @ w1.T + b1, 0) @ w2.T + b2).argmax(1)
    return np.asarray(float((said == answers).mean() >= 0.93))  # fmt: skip


def _loss_and_gradients(params, x, t):
    leaves = [tensors.Tensor(np.asarray(p)) for p in params]
    w1, b1, w2, b2 = leaves
    h = tensors.Tensor(np.asarray(x)) @ w1.T + b1
    loss = (h * (h.data > 0) @ w2.T + b2).cross_entropy(np.asarray(t))
    loss.backward()
    return float(loss.data), [leaf.grad for leaf in leaves]


def _drive_loop(student, n, epochs, size, seed, column):
    drive = _drive_moons if column == "it learns" else _drive_fit
    return drive(student, n, epochs, size, seed, column)


def _loop_oracle(torch, n, epochs, size, seed, column):
    if column == "it learns":
        return np.asarray(1.0)
    return _fit_oracle(torch, n, epochs, size, seed, column)


fit = Exercise(
    "training.fit",
    twin="dlcore.scratch.training.fit",
    parts=[
        Part("every row in every pass", 1, [Case(10, 2, 4, 0, "rows")], lambda rng: _fit_case(rng, "rows")),
        Part("step after step", 1, [Case(10, 2, 4, 0, "params")], lambda rng: _fit_case(rng, "params")),
        Part("the mean loss of each pass", 1, [Case(10, 2, 4, 0, "losses")], lambda rng: _fit_case(rng, "losses")),
        Part("it learns", 1, draw=lambda rng: Case(120, 10, 24, int(rng.integers(10**6)), "it learns"), draws=1, seconds=30.0),
    ],
    oracle=_loop_oracle,
    driver=_drive_loop,
    forbidden=_FORBIDDEN,
)  # fmt: skip


def _fit_mistake(name, hint, *changes):
    _mistake(fit, name, hint, *changes, pieces=[scratch.batches])


_LOSS = "loss, gradients = loss_and_gradients(params, x[rows], t[rows])"
_fit_mistake(
    "throws_the_step_away",
    """step returns new params, and yours are dropped: params = step(...).""",
    ("params = step(params, gradients)", "step(params, gradients)"),
)
_fit_mistake(
    "averages_the_batches",
    """The mean of the batch losses counts the rows of the small last batch more than all others. Weight each with the number of
    its rows, and divide by all rows.""",
    ("total += loss * len(rows)", "total += loss"),
    ("losses.append(total / len(x))", "losses.append(total / (-(-len(x) // size)))"),
)
_fit_mistake(
    "tells_the_last_loss",
    """This is the loss of the last batch of each pass, a few rows by chance. Asked for is the mean over all rows.""",
    ("losses.append(total / len(x))", "losses.append(loss)"),
)
_fit_mistake(
    "never_starts_afresh",
    """The total goes on from pass to pass, so the losses seem to grow. Set it to 0 at the beginning of each.""",
    (
        "    for _ in range(epochs):\n        total = 0.0\n",
        "    total = 0.0\n    for _ in range(epochs):\n",
    ),
)
_fit_mistake(
    "shuffles_once",
    """Every pass has the same batches in the same order. Give batches the generator, not a seed: then it draws a new order each
    time.""",
    ("    rng = np.random.default_rng(rng)\n    losses = []", "    seed = rng\n    losses = []"),
    ("batches(len(x), size, rng)", "batches(len(x), size, seed)"),
)
_fit_mistake(
    "takes_labels_in_their_order",
    """x is taken by rows, t is not: digits and labels no longer belong together. Use the same rows for both.""",
    (_LOSS, "loss, gradients = loss_and_gradients(params, x[rows], t[: len(rows)])"),
)
_fit_mistake(
    "ignores_the_batches",
    """Every step sees all rows. Take those of the batch: x[rows], t[rows].""",
    (_LOSS, "loss, gradients = loss_and_gradients(params, x, t)"),
)
