# ruff: noqa: B905  learners write zip without strict
"""Lesson 09: cross-correlation, receptive field, convolution and pooling forward and backward, a LeNet."""

from __future__ import annotations

import numpy as np

from autograder.exercises.checks._draw import nonzero, normal, size
from autograder.exercises.checks._row import in_a_row
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore.scratch import convolution as scratch

_HEADER = "import numpy as np\n\nfrom dlcore.scratch.tensors import Tensor"
_CONV = [scratch.unfold, scratch.conv2d]
_POOL = [scratch._squares, scratch.pool2d]


def _mistake(exercise, name, hint, *changes, pieces=()):
    pieces = [*pieces, getattr(scratch, exercise.function)]
    mistake(exercise, name, hint, *changes, pieces=pieces, header=_HEADER)


# 1 ---------------------------------------------------------------- correlate2d


def _correlate_oracle(torch, image, kernel):
    x, k = (torch.tensor(np.array(a)[None, None]) for a in (image, kernel))
    return to_plain(torch.nn.functional.conv2d(x, k))[0, 0]


def _correlate_case(rng, rows):
    height, width = size(rng, 3, 5), size(rng, 6, 8)
    kernel = nonzero(rng, rows or size(rng, 2, 3), size(rng, 2, 4))
    return Case(normal(rng, height, width), kernel)


_SMALL = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

correlate2d = Exercise(
    "convolution.correlate2d",
    twin="dlcore.scratch.convolution.correlate2d",
    parts=[
        Part("a kernel of one row", 1, [Case(_SMALL, np.array([[1.0, -1.0]]))], lambda rng: _correlate_case(rng, 1)),
        Part("kernels of any shape", 1, draw=lambda rng: _correlate_case(rng, 0)),
    ],
    oracle=_correlate_oracle,
)  # fmt: skip

_PLACE = "np.vdot(image[i : i + rows, j : j + columns], kernel)"
_mistake(
    correlate2d,
    "turns_the_kernel",
    """Your kernel is turned by 180 degrees: that is convolution as mathematicians define it. Here it is laid on as it is.""",
    (_PLACE, "np.vdot(image[i : i + rows, j : j + columns], kernel[::-1, ::-1])"),
)
_mistake(
    correlate2d,
    "misses_the_last_places",
    """The last row and the last column are missing. A kernel of A rows fits in H - A + 1 places: of 3 in 8 rows, 6 times.""",
    (
        "(image.shape[0] - rows + 1, image.shape[1] - columns + 1)",
        "(image.shape[0] - rows, image.shape[1] - columns)",
    ),
)
_mistake(
    correlate2d,
    "swaps_height_and_width",
    """Height and width of the kernel are swapped somewhere: shape gives the number of rows first.""",
    ("rows, columns = kernel.shape", "columns, rows = kernel.shape"),
)
_mistake(
    correlate2d,
    "takes_the_mean",
    """The products are to be added up. You divide by their number as well.""",
    (_PLACE, f"{_PLACE} / kernel.size"),
)
_mistake(
    correlate2d,
    "forgets_where_it_is",
    """Every window begins at the upper left corner. It must begin at row i and column j.""",
    (_PLACE, "np.vdot(image[:rows, :columns], kernel)"),
)


# 2 ---------------------------------------------------------------- receptive_field


def _drive_geometry(student, n, layers, column):
    """How many numbers, or how many pixels each has seen."""
    return np.asarray(student(n, layers)[("how many", "seen").index(column)])


def _geometry_oracle(torch, n, layers, column):
    """Real convolutions with ones: the length of the last, and how far the gradient of its first number reaches."""
    long = n if column == "how many" else 400
    x = torch.tensor(np.zeros((1, 1, long)), requires_grad=True)
    y = x
    for kernel, stride, padding in layers:
        ones = torch.tensor(np.ones((1, 1, kernel)))
        y = torch.nn.functional.conv1d(y, ones, stride=stride, padding=padding if long == n else 0)
    if column == "how many":
        return np.asarray(y.shape[-1])
    (y * torch.tensor(np.eye(1, y.shape[-1])[None])).sum().backward()
    return np.asarray(np.flatnonzero(to_plain(x.grad)).max() + 1)


def _layer(rng):
    kernel = size(rng, 2, 5)
    return (kernel, size(rng, 1, min(3, kernel)), size(rng, 0, 2))


def _geometry_case(rng, depth, column):
    layers = [_layer(rng) for _ in range(depth)]
    if depth > 1:  # so that order counts
        layers[0], layers[-1] = (layers[0][0], 2, layers[0][2]), (3, 3, 1)
    return Case(size(rng, 60, 80) if depth > 1 else size(rng, 8, 30), layers, column)


receptive_field = Exercise(
    "convolution.receptive_field",
    twin="dlcore.scratch.convolution.receptive_field",
    parts=[
        Part("how many, one layer", 1, [Case(8, [(3, 1, 1)], "how many"), Case(8, [(3, 2, 1)], "how many")], lambda rng: _geometry_case(rng, 1, "how many"), draws=6),
        Part("how many, more layers", 1, [Case(8, [(3, 1, 1), (2, 2, 0), (3, 1, 1)], "how many")], lambda rng: _geometry_case(rng, size(rng, 2, 3), "how many")),
        Part("what each has seen", 1, [Case(8, [(3, 1, 1), (2, 2, 0), (3, 1, 1)], "seen")], lambda rng: _geometry_case(rng, size(rng, 2, 4), "seen")),
    ],
    oracle=_geometry_oracle,
    driver=_drive_geometry,
)  # fmt: skip

_HOW_MANY = "n = (n + 2 * padding - kernel) // stride + 1"
_mistake(
    receptive_field,
    "forgets_the_first_place",
    """You count the steps of the window, and not its places: with n steps it stands in n + 1 places.""",
    (_HOW_MANY, "n = (n + 2 * padding - kernel) // stride"),
)
_mistake(
    receptive_field,
    "pads_one_side",
    """Padding is on both sides: n grows by 2 padding.""",
    (_HOW_MANY, "n = (n + padding - kernel) // stride + 1"),
)
_mistake(
    receptive_field,
    "rounds_up",
    """A window that would stand out over the edge does not count: round down.""",
    (_HOW_MANY, "n = -(-(n + 2 * padding - kernel) // stride) + 1"),
)
_mistake(
    receptive_field,
    "forgets_the_distance",
    """After a stride, neighbors in a map are farther apart in the picture. Each of the kernel - 1 steps counts that distance.""",
    ("field += (kernel - 1) * step", "field += kernel - 1"),
)
_mistake(
    receptive_field,
    "strides_too_early",
    """A layer's own stride separates its results, and not what its window sees. Multiply the distance after the field has grown.""",
    (
        "        field += (kernel - 1) * step\n        step *= stride\n",
        "        step *= stride\n        field += (kernel - 1) * step\n",
    ),
)
_mistake(
    receptive_field,
    "adds_the_strides",
    """Distances multiply: after strides of 2 and 3, neighbors stand 6 pixels apart. You have added.""",
    ("step *= stride", "step += stride - 1"),
)


# 3 ---------------------------------------------------------------- conv2d_loops


def _conv_oracle(torch, x, w, b, stride=1, padding=0):
    x, w, b = (torch.tensor(np.array(a)) for a in (x, w, b))
    return torch.nn.functional.conv2d(x, w, b, stride=stride, padding=padding)


def _layer_of(rng, stride, padding):
    """Pictures that are wider than high, with rows and columns left over by a stride."""
    k = size(rng, 2, 3)
    height = k + stride * size(rng, 1, 2) + (stride - 1) - 2 * padding * (padding > 0 and k == 3)
    width = height + stride + (stride > 2)
    x = normal(rng, size(rng, 2, 3), size(rng, 2, 3), max(height, 2), max(width, 3))
    w = nonzero(rng, size(rng, 2, 4), x.shape[1], k, k)
    return x, w


def _conv_case(rng, stride=1, padding=0):
    x, w = _layer_of(rng, stride, padding)
    return Case(x, w, nonzero(rng, len(w)), stride, padding)


_DIAGONAL = np.array([[[[1.0, 0.0], [0.0, -1.0]]]])
_SQUARE = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])

conv2d_loops = Exercise(
    "convolution.conv2d_loops",
    twin="dlcore.scratch.convolution.conv2d_loops",
    parts=[
        Part("stride 1, no padding", 1, [Case(_SQUARE, _DIAGONAL, np.array([10.0]))], _conv_case),
        Part("with padding", 1, draw=lambda rng: _conv_case(rng, 1, size(rng, 1, 2))),
        Part("with a stride", 1, draw=lambda rng: _conv_case(rng, size(rng, 2, 3), size(rng, 0, 1))),
    ],
    oracle=_conv_oracle,
)  # fmt: skip

_PAD = "x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))"
_WINDOW = "np.sum(x[n, :, top : top + k, left : left + k] * w[m]) + b[m]"
_mistake(
    conv2d_loops,
    "forgets_the_bias",
    """The bias b[m] is missing: one number for each channel that comes out.""",
    (_WINDOW, "np.sum(x[n, :, top : top + k, left : left + k] * w[m])"),
)
_mistake(
    conv2d_loops,
    "adds_the_bias_to_each_product",
    """The bias is added once to the sum. You add it to every product of the window.""",
    (_WINDOW, "np.sum(x[n, :, top : top + k, left : left + k] * w[m] + b[m])"),
)
_mistake(
    conv2d_loops,
    "sees_one_channel",
    """Your window sees the first channel only. It is as deep as the picture: sum over all of its channels.""",
    (_WINDOW, "np.sum(x[n, 0, top : top + k, left : left + k] * w[m, 0]) + b[m]"),
)
_mistake(
    conv2d_loops,
    "goes_on_by_one",
    """The number of windows is right, but they stand side by side. Window i begins at pixel i times stride.""",
    ("top, left = i * stride, j * stride", "top, left = i, j"),
)
_mistake(
    conv2d_loops,
    "pads_before_only",
    """All zeros stand above and to the left. Half of them belong below and to the right.""",
    (_PAD, "x = np.pad(x, ((0, 0), (0, 0), (2 * padding, 0), (2 * padding, 0)))"),
)
_mistake(
    conv2d_loops,
    "pads_every_axis",
    """np.pad(x, padding) pads all four axes: there are new pictures and channels of zeros. Only the last two get padding.""",
    (_PAD, "x = np.pad(x, padding)"),
)
_mistake(
    conv2d_loops,
    "turns_the_kernels",
    """The kernels are laid on as they are. Yours are turned by 180 degrees.""",
    (_WINDOW, "np.sum(x[n, :, top : top + k, left : left + k] * w[m, :, ::-1, ::-1]) + b[m]"),
)


# 4 ---------------------------------------------------------------- unfold


def _unfold_oracle(torch, x, kernel_size, stride=1, padding=0):
    """A convolution with kernels of a single 1: each picks one place of the windows."""
    places = x.shape[1] * kernel_size**2
    ones = np.eye(places).reshape(places, x.shape[1], kernel_size, kernel_size)
    y = torch.nn.functional.conv2d(
        torch.tensor(np.array(x)), torch.tensor(ones), stride=stride, padding=padding
    )
    return to_plain(y).reshape(len(x), places, -1)


def _unfold_case(rng, stride=1, padding=0):
    x, w = _layer_of(rng, stride, padding)
    return Case(x, w.shape[-1], stride, padding)


unfold = Exercise(
    "convolution.unfold",
    twin="dlcore.scratch.convolution.unfold",
    parts=[
        Part("stride 1, no padding", 1, [Case(_SMALL[None, None], 2)], _unfold_case),
        Part("with stride and padding", 1, draw=lambda rng: _unfold_case(rng, size(rng, 1, 3), size(rng, 1, 2))),
    ],
    oracle=_unfold_oracle,
)  # fmt: skip

_SEEN = "x[:, :, i::stride, j::stride][:, :, :rows, :columns]"
_LAST = "return seen.reshape(n, c * kernel_size**2, rows * columns)"
_mistake(
    unfold,
    "forgets_the_stride",
    """The number of windows is right, but what they see stands side by side: x[:, :, a::stride, b::stride].""",
    (_SEEN, "x[:, :, i:, j:][:, :, :rows, :columns]"),
)
_mistake(
    unfold,
    "writes_windows_as_rows",
    """Your windows are rows. They are to be columns, so that a matrix of kernels can stand on their left: (N, C K K, L).""",
    (_LAST, "return seen.reshape(n, c * kernel_size**2, rows * columns).swapaxes(1, 2)"),
)
_mistake(
    unfold,
    "writes_channels_last",
    """Within a column, all numbers of the first channel come first, then those of the second: w.reshape(M, -1) has this order.""",
    (
        _LAST,
        "seen = np.moveaxis(seen, 1, 3)\n    return seen.reshape(n, c * kernel_size**2, rows * columns)",
    ),
)
_mistake(
    unfold,
    "goes_down_first",
    """Your windows come column by column of the picture. Row by row, from left to right, is wanted.""",
    (
        _LAST,
        "seen = seen.swapaxes(4, 5)\n    return seen.reshape(n, c * kernel_size**2, rows * columns)",
    ),
)
_mistake(
    unfold,
    "swaps_places",
    """Rows and columns within the window are swapped: the places of the first row come first.""",
    ("seen[:, :, i, j] =", "seen[:, :, j, i] ="),
)
_mistake(
    unfold,
    "forgets_the_padding",
    """The padding is counted, but the zeros are not there.""",
    (f"    {_PAD}\n", "    x = np.pad(x, ((0, 0), (0, 0), (0, 2 * padding), (0, 2 * padding)))\n"),
)


# 5 ---------------------------------------------------------------- conv2d_backward


def _drive_conv_backward(student, g, x, w, stride, padding, column):
    """One of the three, or all of them in a row."""
    return _chosen(student(g, x, w, stride, padding), column)


def _chosen(found, column):
    dx, dw, db = found
    chosen = {"dx": dx, "dw": dw, "db": db}
    return np.asarray(chosen[column]) if column in chosen else in_a_row(found)


def _conv_backward_oracle(torch, g, x, w, stride, padding, column):
    x, w, b = (torch.tensor(np.array(a), requires_grad=True) for a in (x, w, np.zeros(len(w))))
    y = torch.nn.functional.conv2d(x, w, b, stride=stride, padding=padding)
    y.backward(torch.tensor(np.array(g)))
    return _chosen(to_plain((x.grad, w.grad, b.grad)), column)


def _conv_backward_case(rng, column, stride=1, padding=0):
    x, w = _layer_of(rng, stride, padding)
    rows, columns = ((side + 2 * padding - w.shape[-1]) // stride + 1 for side in x.shape[2:])
    return Case(nonzero(rng, len(x), len(w), rows, columns), x, w, stride, padding, column)


conv2d_backward = Exercise(
    "convolution.conv2d_backward",
    twin="dlcore.scratch.convolution.conv2d_backward",
    parts=[
        Part("dw", 1, [Case(np.full((1, 1, 1, 1), 2.0), _SQUARE, _DIAGONAL, 1, 0, "dw")], lambda rng: _conv_backward_case(rng, "dw")),
        Part("db", 1, draw=lambda rng: _conv_backward_case(rng, "db")),
        Part("dx", 1, [Case(np.full((1, 1, 1, 1), 2.0), _SQUARE, _DIAGONAL, 1, 0, "dx")], lambda rng: _conv_backward_case(rng, "dx")),
        Part("with padding", 1, draw=lambda rng: _conv_backward_case(rng, "all", 1, size(rng, 1, 2))),
        Part("with a stride", 1, draw=lambda rng: _conv_backward_case(rng, "all", size(rng, 2, 3), size(rng, 0, 1))),
    ],
    oracle=_conv_backward_oracle,
    driver=_drive_conv_backward,
)  # fmt: skip

_ADDED = "dx[:, :, i::stride, j::stride][:, :, :rows, :columns] += seen[:, :, i, j]"
_CUT = "    dx = dx[:, :, padding : padding + height, padding : padding + width]\n"


def _backward_mistake(name, hint, *changes):
    _mistake(conv2d_backward, name, hint, *changes, pieces=[scratch.unfold])


_backward_mistake(
    "overwrites",
    """A pixel was seen by several windows, and each of them sends something back. You keep only the last: add up, with +=.""",
    (_ADDED, _ADDED.replace("+=", "=")),
)
_backward_mistake(
    "averages_the_pictures",
    """All pictures use the same weights: their gradients are added up, not averaged. The mean is the loss's business, and it is
    in g already.""",
    (".swapaxes(1, 2)).sum(axis=0)", ".swapaxes(1, 2)).mean(axis=0)"),
)
_backward_mistake(
    "keeps_the_padding",
    """Your dx still has its padding. x had none: cut it off.""",
    (_CUT, ""),
)
_backward_mistake(
    "cuts_one_side",
    """The padding is cut off from the far side alone: the picture begins at row and column number padding.""",
    (_CUT, "    dx = dx[:, :, :height, :width]\n"),
)
_backward_mistake(
    "turns_the_kernels",
    """Each window sends back w itself, times g. (Turned kernels are right if you compute dx as a correlation of the padded g.)""",
    ("w.reshape(len(w), -1).T @ g", "w[:, :, ::-1, ::-1].reshape(len(w), -1).T @ g"),
)
_backward_mistake(
    "forgets_the_stride",
    """What comes back lies side by side in your dx. The windows stood stride pixels apart.""",
    (_ADDED, "dx[:, :, i : i + rows, j : j + columns] += seen[:, :, i, j]"),
)
_backward_mistake(
    "forgets_the_windows_of_the_bias",
    """The bias is added in every window of every picture, so its gradient is the sum over all of them. Yours is a mean.""",
    ("g.sum(axis=(0, 2))", "g.mean(axis=(0, 2))"),
)


# 6 ---------------------------------------------------------------- pool2d


def _pooled(torch, x, size, kind):
    pool = torch.nn.functional.max_pool2d if kind == "max" else torch.nn.functional.avg_pool2d
    return pool(x, size)


def _pool_pictures(rng, k, over):
    return normal(rng, size(rng, 2, 3), size(rng, 1, 3), 2 * k + over, 3 * k + (over and k - 1))


def _pool_case(rng, kind, over=0):
    k = size(rng, 2, 3)
    return Case(_pool_pictures(rng, k, over), k, kind)


_FOUR = np.array([[[[1.0, 5.0], [2.0, 3.0]]]])

pool2d = Exercise(
    "convolution.pool2d",
    twin="dlcore.scratch.convolution.pool2d",
    parts=[
        Part("max", 1, [Case(_FOUR)], lambda rng: _pool_case(rng, "max")),
        Part("avg", 1, [Case(_FOUR, 2, "avg")], lambda rng: _pool_case(rng, "avg")),
        Part("rows and columns left over", 1, draw=lambda rng: _pool_case(rng, ("max", "avg")[size(rng, 0, 1)], 1)),
    ],
    oracle=lambda torch, x, size=2, kind="max": _pooled(torch, torch.tensor(np.array(x)), size, kind),
)  # fmt: skip


@pool2d.misconception(
    """You take every second pixel, whatever stands beside it. Look at all of a square, and take the largest or the mean."""
)
def takes_one_of_each(x, size=2, kind="max"):
    rows, columns = x.shape[2] // size, x.shape[3] // size
    return x[:, :, ::size, ::size][:, :, :rows, :columns]


_BOTH = 'return squares.max(axis=-1) if kind == "max" else squares.mean(axis=-1)'


def _pool_mistake(name, hint, *changes):
    _mistake(pool2d, name, hint, *changes, pieces=[scratch._squares])


_pool_mistake(
    "sums",
    """The average is the sum divided by the number of pixels in a square. You have not divided.""",
    (_BOTH, _BOTH.replace("mean", "sum")),
)
_pool_mistake(
    "always_the_largest",
    """kind is not looked at: for "avg" the mean is wanted.""",
    (_BOTH, "return squares.max(axis=-1)"),
)
_pool_mistake(
    "always_two",
    """Your squares are of 2 by 2, whatever size says.""",
    ("    squares = _squares(x, size)\n", "    squares = _squares(x, 2)\n"),
)
_pool_mistake(
    "takes_the_largest_in_size",
    """A large negative number is not a large one: the maximum is the largest, and not the farthest from 0.""",
    (_BOTH, _BOTH.replace("squares.max(axis=-1)", "np.abs(squares).max(axis=-1)")),
)
_pool_mistake(
    "mixes_neighbouring_squares",
    """Your squares are not squares: after the reshape to (N, C, H', size, W', size) the two axes within a square are 3 and 5.""",
    ("whole.swapaxes(3, 4).reshape", "whole.reshape"),
)


# 7 ---------------------------------------------------------------- pool2d_backward


def _drive_pool_backward(student, g, x, size, kind, column):
    """What comes back to each pixel; where two are equally large, what comes back to each square, and to the others."""
    dx = student(g, x, size, kind)
    if column == "each pixel":
        return dx
    rows, columns = g.shape[2:]
    at = (*g.shape[:2], rows, size, columns, size)
    squares, sent = (
        np.reshape(a[:, :, : rows * size, : columns * size], at) for a in (x, np.asarray(dx))
    )
    smaller = squares < squares.max(axis=(3, 5), keepdims=True)
    return np.stack([sent.sum(axis=(3, 5)), np.abs(sent * smaller).sum(axis=(3, 5))])


def _pool_backward_oracle(torch, g, x, size, kind, column):
    if column != "each pixel":
        return np.stack([g, np.zeros(g.shape)])
    x = torch.tensor(np.array(x), requires_grad=True)
    _pooled(torch, x, size, kind).backward(torch.tensor(np.array(g)))
    return x.grad


def _pool_backward_case(rng, kind, ties=False):
    k = size(rng, 2, 3)
    x = _pool_pictures(rng, k, 0 if ties else size(rng, 0, 1))
    if ties:  # among few numbers, many are equal
        x = rng.integers(0, 2, x.shape).astype(float)
    elif kind == "max":  # else no two of them
        x = (rng.permutation(x.size).reshape(x.shape) - x.size // 2) / 10
    g = nonzero(rng, *x.shape[:2], x.shape[2] // k, x.shape[3] // k)
    return Case(g, x, k, kind, "each square" if ties else "each pixel")


pool2d_backward = Exercise(
    "convolution.pool2d_backward",
    twin="dlcore.scratch.convolution.pool2d_backward",
    parts=[
        Part("max", 1, [Case(np.full((1, 1, 1, 1), 8.0), _FOUR, 2, "max", "each pixel")], lambda rng: _pool_backward_case(rng, "max")),
        Part("avg", 1, [Case(np.full((1, 1, 1, 1), 8.0), _FOUR, 2, "avg", "each pixel")], lambda rng: _pool_backward_case(rng, "avg")),
        Part("several are the largest", 1, draw=lambda rng: _pool_backward_case(rng, "max", ties=True)),
    ],
    oracle=_pool_backward_oracle,
    driver=_drive_pool_backward,
)  # fmt: skip

_FIRST = "share = squares.argmax(axis=-1)[..., None] == np.arange(size**2)"


def _pool_backward_mistake(name, hint, *changes):
    _mistake(pool2d_backward, name, hint, *changes, pieces=[scratch._squares])


_pool_backward_mistake(
    "gives_to_all_the_largest",
    """Where two are equally large, both get all of g, so that more comes back than was sent. Give it to one, or let them share.""",
    (_FIRST, "share = squares == squares.max(axis=-1, keepdims=True)"),
)
_pool_backward_mistake(
    "forgets_the_share",
    """Each pixel of a square had a share of 1 / size^2 in the mean, and gets back as much of g. Yours gets all of it.""",
    ("np.full(squares.shape, 1 / size**2)", "np.ones(squares.shape)"),
)
_pool_backward_mistake(
    "spreads_the_maximum",
    """Behind a maximum only the largest made a difference. You give a share to every pixel of the square.""",
    (_FIRST, "share = np.full(squares.shape, 1 / size**2)"),
)
_pool_backward_mistake(
    "gives_to_the_corner",
    """g arrives at the upper left corner of each square. It belongs where the largest number stood.""",
    (_FIRST, "share = (np.arange(size**2) == 0) * np.ones(squares.shape)"),
)
_pool_backward_mistake(
    "multiplies_with_the_largest",
    """y is the largest number itself, so its slope is 1: g comes back as it is. You have multiplied it with the pixel.""",
    (_FIRST, f"{_FIRST}\n        share = share * squares"),
)


# 8 ---------------------------------------------------------------- lenet_loss


_COLUMNS = {"linear layer": slice(4, 6), "convolutions": slice(0, 4)}


def _drive_lenet(student, params, x, t, column):
    loss, gradients, pictures = student(params, x, t)
    if column == "loss":
        return np.asarray(loss)
    if column == "pictures":
        return np.asarray(pictures)
    return in_a_row(list(gradients)[_COLUMNS[column]])


def _lenet_oracle(torch, params, x, t, column):
    f = torch.nn.functional
    leaves = [torch.tensor(np.array(p), requires_grad=True) for p in params]
    pictures = torch.tensor(np.array(x), requires_grad=True)
    h = pictures
    for w, b in zip(leaves[:4:2], leaves[1:4:2]):
        h = f.conv2d(h, w, b, padding=1).relu()
    scores = f.linear(f.max_pool2d(h, 2).reshape(len(x), -1), leaves[4], leaves[5])
    loss = f.cross_entropy(scores, torch.tensor(t))
    if column == "loss":
        return loss
    loss.backward()
    if column == "pictures":
        return pictures.grad
    return in_a_row(to_plain(p.grad) for p in leaves[_COLUMNS[column]])


def _lenet_case(rng, column):
    c, m, k, classes = size(rng, 1, 2), size(rng, 2, 3), size(rng, 2, 3), 3
    height, width = 2 * size(rng, 1, 2), 2 * size(rng, 3, 4)
    shapes = [
        (m, c, 3, 3),
        (m,),
        (k, m, 3, 3),
        (k,),
        (classes, height * width // 4 * k),
        (classes,),
    ]
    params = [0.7 * rng.standard_normal(shape) for shape in shapes]  # no two maxima are equal
    n = size(rng, 3, 4)
    x = normal(rng, n, c, height, width)
    if column in {"convolutions", "pictures"}:  # an empty part without biases: ReLUs at exactly 0
        x[..., 2:] = 0
        params[1][:] = params[3][:] = 0
    return Case(params, x, rng.integers(0, classes, n), column)


lenet_loss = Exercise(
    "convolution.lenet_loss",
    twin="dlcore.scratch.convolution.lenet_loss",
    parts=[
        Part("the loss", 1, draw=lambda rng: _lenet_case(rng, "loss")),
        Part("gradients of the linear layer", 1, draw=lambda rng: _lenet_case(rng, "linear layer")),
        Part("gradients of the convolutions", 1, draw=lambda rng: _lenet_case(rng, "convolutions")),
        Part("gradient of the pictures", 1, draw=lambda rng: _lenet_case(rng, "pictures")),
    ],
    oracle=_lenet_oracle,
    driver=_drive_lenet,
)  # fmt: skip

_LENET = [*_CONV, scratch.conv2d_backward, *_POOL, scratch.pool2d_backward, scratch._convolution, scratch._pooling]  # fmt: skip


def _lenet_mistake(name, hint, *changes):
    _mistake(lenet_loss, name, hint, *changes, pieces=_LENET)


_lenet_mistake(
    "forgets_the_relu",
    """There is no ReLU between the layers. Without one, two convolutions are no more than a larger one.""",
    ("        h = h * (h.data > 0)\n", ""),
)
_lenet_mistake(
    "pools_by_the_mean",
    """The maximum of each square is asked for. You take the mean.""",
    ("return Tensor(pool2d(x.data), (x,), lambda g: (pool2d_backward(g, x.data),))", 'return Tensor(pool2d(x.data, 2, "avg"), (x,), lambda g: (pool2d_backward(g, x.data, 2, "avg"),))'),
)  # fmt: skip
_lenet_mistake(
    "cuts_the_tape",
    """No gradient reaches the first layers: somewhere a Tensor is made of h.data without parents, and the tape ends there.""",
    ("(h,), lambda g: (g.reshape(shape),))", ")"),
)
_lenet_mistake(
    "bends_the_scores",
    """The scores go through a ReLU as well. The last layer has none.""",
    (
        "    loss = (flat @ w.T + b).cross_entropy(t)\n",
        "    s = flat @ w.T + b\n    loss = (s * (s.data > 0)).cross_entropy(t)\n",
    ),
)
_lenet_mistake(
    "forgets_the_pictures",
    """The gradient of the pictures is 0. The first convolution must have the Tensor of the pictures as a parent, the same whose
    gradient you return.""",
    ("pictures = h = Tensor(x)", "pictures, h = Tensor(x), Tensor(x)"),
)
_lenet_mistake(
    "writes_channels_last",
    """The maps are written in a row in another order: channel by channel, each row by row, as reshape does it.""",
    (
        "Tensor(h.data.reshape(len(x), -1), (h,), lambda g: (g.reshape(shape),))",
        "Tensor(np.moveaxis(h.data, 1, 3).reshape(len(x), -1), (h,), lambda g: (np.moveaxis(g.reshape(shape[0], *shape[2:], shape[1]), 3, 1),))",
    ),
)
_lenet_mistake(
    "forgets_the_padding_on_its_way_back",
    """The backward pass must know what the forward pass did: conv2d_backward needs padding=1 as well.""",
    ("conv2d_backward(g, x.data, w.data, padding=1)", "conv2d_backward(g, x.data, w.data)"),
)
