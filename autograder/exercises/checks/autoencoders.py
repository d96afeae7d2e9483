# ruff: noqa: B905  learners write zip without strict
"""Lesson 17: projection, PCA, an autoencoder's loss, principal angles, transposed convolution, ROC curve, anomaly scores."""

from __future__ import annotations

import itertools

import numpy as np

from autograder.exercises.checks._draw import nonzero, size
from autograder.exercises.checks._row import in_a_row
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore.scratch import autoencoders as scratch

_FORBIDDEN = ("dlcore.conv",)
_HEADER = "import numpy as np"


def _mistake(exercise, name, hint, *changes, pieces=()):
    pieces = [*pieces, getattr(scratch, exercise.function)]
    mistake(exercise, name, hint, *changes, pieces=pieces, header=_HEADER)


def _sizes(rng, many, low=2):
    """So many sizes, all different, so that nothing fits by chance."""
    return (int(n) for n in rng.permutation(np.arange(low, low + many + 2))[:many])


def _orthonormal(rng, k, d):
    """k rows of length 1, at right angles."""
    q, _ = np.linalg.qr(rng.standard_normal((d, k)))
    return np.ascontiguousarray(q.T)


# 1 ---------------------------------------------------------------- project


def _project_oracle(torch, x, mean, directions):
    """The place in the plane that is nearest, by least squares: its slope is 0."""
    codes = torch.tensor(np.zeros((len(x), len(directions))), requires_grad=True)
    x, mean, directions = (torch.tensor(np.array(a)) for a in (x, mean, directions))
    (((x - mean - codes @ directions) ** 2).sum() * 0.5).backward()
    best = torch.tensor(-to_plain(codes.grad))  # one step is enough: the curvature is 1
    return best, best @ directions + mean


def _project_case(rng, k=0):
    n, d = _sizes(rng, 2, low=3)
    k = k or 2
    return Case(nonzero(rng, n, d, scale=2), nonzero(rng, d), _orthonormal(rng, k, d))


def _drive_project(student, x, mean, directions):
    codes, points = student(x, mean, directions)
    return codes, points


project = Exercise(
    "autoencoders.project",
    twin="dlcore.scratch.autoencoders.project",
    parts=[
        Part("a single direction", 1, [Case(np.array([[3.0, 2.0]]), np.ones(2), np.array([[0.6, 0.8]]))], lambda rng: _project_case(rng, 1)),
        Part("a plane", 1, draw=_project_case),
    ],
    oracle=_project_oracle,
    driver=_drive_project,
    returns=("the codes", "the nearest points"),
    forbidden=_FORBIDDEN,
)  # fmt: skip

_CODES = "codes = (x - mean) @ directions.T"
_BACK = "return codes, codes @ directions + mean"
_mistake(
    project,
    "forgets_the_mean",
    """The codes are taken from 0, not from the middle of the plane: subtract the mean first.""",
    (_CODES, "codes = x @ directions.T"),
)
_mistake(
    project,
    "does_not_add_the_mean",
    """The nearest points lie about 0. The plane goes through the mean: add it again.""",
    (_BACK, "return codes, codes @ directions"),
)
_mistake(
    project,
    "returns_what_is_lost",
    """This is what is lost, x minus the nearest point. The nearest point itself is asked for.""",
    (_BACK, "return codes, x - mean - codes @ directions"),
)
_mistake(
    project,
    "adds_the_mean_to_what_it_subtracts",
    """The mean is added to x, and it must be subtracted: the code says how far a point lies from the mean.""",
    (_CODES, "codes = (x + mean) @ directions.T"),
)
_mistake(
    project,
    "makes_codes_positive",
    """Your codes have no sign. A point may lie on the other side of the mean, and then its code is negative.""",
    (_CODES, "codes = np.abs((x - mean) @ directions.T)"),
)


# 2 ---------------------------------------------------------------- pca


def _pca_case(rng, k=0, far=0.0):
    """Points whose directions are known, with variances that lie well apart."""
    k = k or size(rng, 2, 3)
    n, d = size(rng, 9, 11), size(rng, 5, 6)
    codes = rng.standard_normal((n, d))
    codes, _ = np.linalg.qr(codes - codes.mean(axis=0))
    codes = codes * (4.0 * 0.6 ** np.arange(d))
    directions = _orthonormal(rng, d, d)
    mean = far + nonzero(rng, d)
    return Case(
        codes @ directions + mean, k, mean, directions[:k], np.sum(codes**2, axis=0)[:k] / n
    )


def _drive_pca(student, x, k, mean, directions, kept):
    """What does not depend on the sign of a direction."""
    found, plane = student(x, k)
    found, plane = np.asarray(found, dtype=float), np.asarray(plane, dtype=float)
    along = (x - x.mean(axis=0)) @ plane.T
    return found, plane.T @ plane, (along * along).mean(axis=0), plane @ plane.T


def _pca_oracle(torch, x, k, mean, directions, kept):
    return mean, directions.T @ directions, kept, np.eye(k)


_FOUR = Case(
    np.array([[2.0, 2.0], [-2.0, -2.0], [1.0, -1.0], [-1.0, 1.0]]),
    1,
    np.zeros(2),
    np.full((1, 2), 0.5**0.5),
    np.array([4.0]),
)

pca = Exercise(
    "autoencoders.pca",
    twin="dlcore.scratch.autoencoders.pca",
    parts=[
        Part("the first direction", 1, [_FOUR], lambda rng: _pca_case(rng, 1)),
        Part("several, in order", 1, draw=_pca_case),
        Part("points far from 0", 1, draw=lambda rng: _pca_case(rng, far=20.0)),
    ],
    oracle=_pca_oracle,
    driver=_drive_pca,
    returns=("the mean", "the plane, directions.T @ directions", "the variance along each direction", "directions @ directions.T"),
    forbidden=_FORBIDDEN,
    rtol=1e-6,
    atol=1e-8,
)  # fmt: skip

_SVD = "_, _, directions = np.linalg.svd(x - mean, full_matrices=False)"
_mistake(
    pca,
    "does_not_subtract_the_mean",
    """The points are taken as they are. Then the first direction is that to the mean: subtract the mean before you look for
    directions.""",
    (_SVD, "_, _, directions = np.linalg.svd(x, full_matrices=False)"),
)
_mistake(
    pca,
    "takes_the_smallest",
    """These are the directions in which the points vary least: eigh gives eigenvalues in rising order. The largest come first.""",
    ("directions[:k]", "directions[::-1][:k]"),
)
_mistake(
    pca,
    "returns_them_in_rising_order",
    """The plane is right, and its directions stand in rising order of variance. The largest comes first.""",
    ("directions[:k]", "directions[:k][::-1]"),
)
_mistake(
    pca,
    "takes_columns",
    """The directions are the rows of svd's third result, or the columns of eigh's second one. You have taken the other ones.""",
    (_SVD, "directions = np.linalg.svd(x - mean, full_matrices=False)[2].T"),
)
_mistake(
    pca,
    "scales_the_directions",
    """Your directions are as long as the points vary along them. Each must have length 1.""",
    (_SVD, "_, lengths, directions = np.linalg.svd(x - mean, full_matrices=False)\n    directions = directions * lengths[:, None]"),
)  # fmt: skip
_mistake(
    pca,
    "divides_by_the_spread",
    """Each feature is divided by its spread first. That is a choice one can make for features of different units; here the
    points are taken as they are.""",
    (_SVD, "_, _, directions = np.linalg.svd((x - mean) / x.std(axis=0), full_matrices=False)"),
)


# 3, 4 ---------------------------------------------------------------- layer_outputs, autoencoder_loss


def _widths(rng, layers):
    """D ... code ... D."""
    d, *inner = (int(n) for n in rng.permutation([2, 3, 4, 5])[: layers // 2 + 1])
    middle = inner[: layers // 2]
    return [d, *middle, *middle[-2::-1], d]


def _network(rng, layers):
    widths = _widths(rng, layers)
    return [a for n, m in itertools.pairwise(widths) for a in (nonzero(rng, m, n), nonzero(rng, m))]


def _network_case(rng, layers=0):
    params = _network(rng, layers or int(rng.choice([4, 6])))
    return Case(params, nonzero(rng, size(rng, 2, 4), params[0].shape[1], scale=1.5))


def _layers(torch, params, x):
    """The outputs of all layers, for tensors."""
    outputs, layers = [x], len(params) // 2
    for n in range(1, layers + 1):
        a = torch.nn.functional.linear(outputs[-1], params[2 * n - 2], params[2 * n - 1])
        outputs.append(a if n in (layers // 2, layers) else torch.relu(a))
    return outputs


def _outputs_oracle(torch, params, x):
    params = [torch.tensor(np.array(p)) for p in params]
    return in_a_row(to_plain(a) for a in _layers(torch, params, torch.tensor(np.array(x))))


def _drive_outputs(student, params, x):
    """All of them in a row."""
    return in_a_row(student(params, x))


_SHOWN = [np.array(a) for a in ([[2.0]], [0.0], [[-1.0]], [0.0], [[-1.0]], [0.0], [[3.0]], [0.0])]
_TWO = np.array([[2.0]])

layer_outputs = Exercise(
    "autoencoders.layer_outputs",
    twin="dlcore.scratch.autoencoders.layer_outputs",
    parts=[
        Part("two layers, no ReLU", 1, draw=lambda rng: _network_case(rng, 2)),
        Part("four and six layers", 1, [Case(_SHOWN, _TWO)], _network_case),
    ],
    oracle=_outputs_oracle,
    driver=_drive_outputs,
    forbidden=_FORBIDDEN,
)  # fmt: skip

_STRAIGHT = "outputs.append(a if n in (layers // 2, layers) else np.maximum(a, 0))"
_mistake(
    layer_outputs,
    "bends_the_code",
    """ReLU stands after the code, too, and throws away all that is negative in it. Only the layers between have one.""",
    (_STRAIGHT, "outputs.append(a if n == layers else np.maximum(a, 0))"),
)
_mistake(
    layer_outputs,
    "bends_the_last",
    """ReLU stands after the last layer. There the pixels are said, and nothing may bend them.""",
    (_STRAIGHT, "outputs.append(a if n == layers // 2 else np.maximum(a, 0))"),
)
_mistake(
    layer_outputs,
    "never_bends",
    """ReLU is missing. Without it all layers together are no more than one plane.""",
    (_STRAIGHT, "outputs.append(a)"),
)
_mistake(
    layer_outputs,
    "forgets_the_biases",
    """The biases are not added: a layer is a product with w, transposed, plus b.""",
    ("a = outputs[-1] @ w.T + b", "a = outputs[-1] @ w.T"),
)
_mistake(
    layer_outputs,
    "returns_the_layers_before_relu",
    """The outputs are kept as they are before ReLU. What comes out of a layer is what has gone through it.""",
    (_STRAIGHT, "outputs.append(a)"),
    ("a = outputs[-1] @ w.T + b", "h = outputs[-1] if n - 1 in (0, layers // 2) else np.maximum(outputs[-1], 0)\n        a = h @ w.T + b"),
)  # fmt: skip
_mistake(
    layer_outputs,
    "leaves_out_x",
    """The first of the outputs is x itself. It is missing, and the backward pass will need it.""",
    ("return outputs", "return outputs[1:]"),
)


def _loss_case(rng, layers, column):
    params = _network(rng, layers or int(rng.choice([4, 6])))
    shape = size(rng, 2, 4), params[0].shape[1]
    return Case(params, nonzero(rng, *shape), nonzero(rng, *shape), column)


def _picked(loss, gradients, column):
    if column == "loss":
        return np.asarray(loss)
    chosen = gradients[::2] if column == "weights" else gradients[1::2]
    return in_a_row(gradients if column == "all" else chosen)


def _drive_loss(student, params, seen, x, column):
    """The loss, or some gradients in a row."""
    loss, gradients = student(params, seen, x)
    return _picked(loss, list(gradients), column)


def _loss_oracle(torch, params, seen, x, column):
    leaves = [torch.tensor(np.array(p), requires_grad=True) for p in params]
    said = _layers(torch, leaves, torch.tensor(np.array(seen)))[-1]
    loss = torch.nn.functional.mse_loss(said, torch.tensor(np.array(x)))
    loss.backward()
    return _picked(to_plain(loss), [to_plain(leaf.grad) for leaf in leaves], column)


autoencoder_loss = Exercise(
    "autoencoders.autoencoder_loss",
    twin="dlcore.scratch.autoencoders.autoencoder_loss",
    parts=[
        Part("the loss", 1, draw=lambda rng: _loss_case(rng, 0, "loss")),
        Part("gradients without ReLU", 1, draw=lambda rng: _loss_case(rng, 2, "all")),
        Part("gradients of the weights", 1, [Case(_SHOWN, _TWO, _TWO, "all")], lambda rng: _loss_case(rng, 0, "weights")),
        Part("gradients of the biases", 1, draw=lambda rng: _loss_case(rng, 0, "biases")),
    ],
    oracle=_loss_oracle,
    driver=_drive_loss,
    forbidden=_FORBIDDEN,
)  # fmt: skip


def _loss_mistake(name, hint, *changes):
    _mistake(autoencoder_loss, name, hint, *changes, pieces=[scratch.layer_outputs])


_THROUGH = "        if n not in (layers // 2, layers):\n            g = g * (outputs[n] > 0)\n"
_loss_mistake(
    "compares_with_what_was_seen",
    """The loss compares with what the network has seen. It is to say x, of which it may have seen a spoilt copy.""",
    ("miss = outputs[-1] - x", "miss = outputs[-1] - seen"),
)
_loss_mistake(
    "divides_by_the_pictures_alone",
    """The mean runs over all numbers, N times D. You divide by the number of pictures.""",
    ("g, grads = 2 * miss / miss.size, []", "g, grads = 2 * miss / len(miss), []"),
    ("(miss * miss).mean()", "(miss * miss).sum() / len(miss)"),
)
_loss_mistake(
    "forgets_the_two",
    """The slope of a square has a factor of 2, which is missing in your gradients.""",
    ("g, grads = 2 * miss / miss.size, []", "g, grads = miss / miss.size, []"),
)
_loss_mistake(
    "goes_back_past_relu",
    """What goes back must pass through ReLU, too: where its output was 0, nothing comes through.""",
    (_THROUGH, ""),
)
_loss_mistake(
    "bends_the_code_on_the_way_back",
    """In the backward pass, the code is treated as if a ReLU stood after it. There is none.""",
    ("        if n not in (layers // 2, layers):\n", "        if n != layers:\n"),
)
_loss_mistake(
    "averages_the_biases",
    """The gradient of a bias is the sum over the pictures; the mean has been taken already, in the loss.""",
    ("g.sum(axis=0)", "g.mean(axis=0)"),
)
_loss_mistake(
    "pairs_the_first_layer_with_x",
    """The gradient of a weight pairs what arrives with what went into the layer. Into the first one went what was seen, not x.""",
    ("g.T @ outputs[n - 1]", "g.T @ (outputs[n - 1] if n > 1 else x)"),
)


# 5 ---------------------------------------------------------------- principal_angles


def _angles_case(rng, k=0):
    """Two planes with known angles, each given by rows that are neither orthonormal nor in order."""
    k = k or size(rng, 2, 3)
    d = 2 * k + size(rng, 0, 2)
    angles = np.sort(rng.permutation(np.arange(5, 86, 7))[:k])
    rows = _orthonormal(rng, 2 * k, d)
    turned = (
        np.cos(np.radians(angles))[:, None] * rows[:k]
        + np.sin(np.radians(angles))[:, None] * rows[k:]
    )
    mixings = (rng.standard_normal((k, k)) + 3 * np.eye(k) for _ in range(2))
    return Case(*(mixing @ plane for mixing, plane in zip(mixings, (rows[:k], turned))), angles)


def _drive_angles(student, a, b, angles):
    return student(a, b)


_XY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_TILTED = np.array([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]])

principal_angles = Exercise(
    "autoencoders.principal_angles",
    twin="dlcore.scratch.autoencoders.principal_angles",
    parts=[
        Part("two lines", 1, draw=lambda rng: _angles_case(rng, 1)),
        Part("two planes", 1, [Case(_XY, _TILTED, np.array([0.0, np.degrees(np.arccos(0.6))]))], _angles_case),
        Part("all directions but one are shared", 1, draw=lambda rng: _shared_case(rng)),
    ],
    oracle=lambda torch, a, b, angles: angles,
    driver=_drive_angles,
    forbidden=_FORBIDDEN,
    rtol=1e-5,
    atol=1e-5,
)  # fmt: skip


def _shared_case(rng):
    """Angles of 0: by rounding, a cosine is now and then above 1."""
    k = size(rng, 3, 5)
    rows, angle = _orthonormal(rng, k + 1, k + size(rng, 1, 2)), size(rng, 5, 85)
    turned = rows[:k].copy()
    turned[-1] = np.cos(np.radians(angle)) * rows[k - 1] + np.sin(np.radians(angle)) * rows[k]
    mixings = (rng.standard_normal((k, k)) + 3 * np.eye(k) for _ in range(2))
    planes = (mixing @ plane for mixing, plane in zip(mixings, (rows[:k], turned)))
    return Case(*planes, np.array([0.0] * (k - 1) + [angle]))


_mistake(
    principal_angles,
    "takes_the_rows_as_they_are",
    """The rows are used as they are. Singular values are cosines only for directions of length 1 at right angles: first make
    such ones that span the same plane (qr).""",
    ("(q, _), (r, _) = np.linalg.qr(a.T), np.linalg.qr(b.T)", "q, r = a.T, b.T"),
)
_mistake(
    principal_angles,
    "compares_row_with_row",
    """You compare the first row with the first, the second with the second. The same plane can be spanned by other rows:
    singular values find the directions that lie nearest to each other.""",
    ("cosines = np.linalg.svd(q.T @ r, compute_uv=False)", "cosines = np.sort(np.abs(np.sum(q * r, axis=0)))[::-1]"),
)  # fmt: skip
_mistake(
    principal_angles,
    "returns_radians",
    """These are radians. Degrees are asked for.""",
    ("np.degrees(np.arccos(np.clip(cosines, -1, 1)))", "np.arccos(np.clip(cosines, -1, 1))"),
)
_mistake(
    principal_angles,
    "returns_the_cosines",
    """These are the cosines. The angles are asked for, in degrees.""",
    ("np.degrees(np.arccos(np.clip(cosines, -1, 1)))", "cosines"),
)
_mistake(
    principal_angles,
    "starts_with_the_largest",
    """The angles stand in falling order. The largest cosine belongs to the smallest angle, which comes first.""",
    (
        "np.degrees(np.arccos(np.clip(cosines, -1, 1)))",
        "np.degrees(np.arccos(np.clip(cosines, -1, 1)))[::-1]",
    ),
)
_mistake(
    principal_angles,
    "scales_the_rows_alone",
    """Each row has been given length 1, but rows of a plane need not stand at right angles: qr makes them do so.""",
    ("(q, _), (r, _) = np.linalg.qr(a.T), np.linalg.qr(b.T)", "q, r = (p.T / np.linalg.norm(p, axis=1) for p in (a, b))"),
)  # fmt: skip


# 6 ---------------------------------------------------------------- conv_transpose2d


def _stamps_case(rng, stride=1, padding=0):
    n, c, m = _sizes(rng, 3, low=1)
    h, w = rng.permutation([2, 3, 4])[:2]
    k = size(rng, 2 + padding, 4)
    given = nonzero(rng, n, c, h, w), nonzero(rng, c, m, k, k), nonzero(rng, m)
    return Case(*given, *([stride, padding] if padding else [stride] if stride > 1 else []))


def _stamps_oracle(torch, x, w, b, stride=1, padding=0):
    tensors = (torch.tensor(np.array(a)) for a in (x, w, b))
    return torch.nn.functional.conv_transpose2d(*tensors, stride=stride, padding=padding)


_STAMP = Case(
    np.array([[[[1.0, 2.0]]]]), np.array([[[[1.0, 3.0], [0.0, 1.0]]]]), np.zeros(1), stride=2
)

conv_transpose2d = Exercise(
    "autoencoders.conv_transpose2d",
    twin="dlcore.scratch.autoencoders.conv_transpose2d",
    parts=[
        Part("stamps that overlap", 1, draw=_stamps_case),
        Part("a stride", 1, [_STAMP], lambda rng: _stamps_case(rng, size(rng, 2, 3))),
        Part("padding", 2, draw=lambda rng: _stamps_case(rng, size(rng, 1, 2), 1)),
    ],
    oracle=_stamps_oracle,
    forbidden=(*_FORBIDDEN, "dlcore.scratch.convolution"),
)  # fmt: skip

_PRESS = "whole[:, :, rows, columns] += stamps[..., i, j]"
_CUT = "return whole[:, :, inner, inner] + b[:, None, None]"
_mistake(
    conv_transpose2d,
    "overwrites_where_stamps_overlap",
    """Where stamps overlap, the last one stands alone in your result. They add up: +=.""",
    (_PRESS, "whole[:, :, rows, columns] = stamps[..., i, j]"),
)
_mistake(
    conv_transpose2d,
    "turns_the_stamp_round",
    """The stamp is pressed turned by half a turn. It is pressed as it is; the turning belongs to another way of computing the same.""",
    (_PRESS, "whole[:, :, rows, columns] += stamps[..., k - 1 - i, k - 1 - j]"),
)
_mistake(
    conv_transpose2d,
    "transposes_the_stamp",
    """Rows and columns of the stamp are exchanged.""",
    (_PRESS, "whole[:, :, rows, columns] += stamps[..., j, i]"),
)
_mistake(
    conv_transpose2d,
    "cuts_one_side_only",
    """Padding is cut off at the upper and left side only. It goes at all four.""",
    (_CUT, "h, w = (a - 2 * padding for a in whole.shape[2:])\n    return whole[:, :, : h, : w] + b[:, None, None]"),
)  # fmt: skip
_mistake(
    conv_transpose2d,
    "adds_the_bias_with_every_stamp",
    """The bias is added once for each place of the result, not with each stamp: where stamps overlap you have it several times.""",
    (_PRESS, "whole[:, :, rows, columns] += stamps[..., i, j] + b[:, None, None]"),
    (_CUT, "return whole[:, :, inner, inner]"),
)
_mistake(
    conv_transpose2d,
    "forgets_the_bias",
    """The bias of each channel is missing: it is added once to every place.""",
    (_CUT, "return whole[:, :, inner, inner]"),
)
_mistake(
    conv_transpose2d,
    "averages_the_channels",
    """What the channels of the small map press is added up, not averaged.""",
    (
        'stamps = np.einsum("nchw,cmij->nmhwij", x, w)',
        'stamps = np.einsum("nchw,cmij->nmhwij", x, w) / len(w)',
    ),
)


# 7 ---------------------------------------------------------------- roc_curve


def _roc_oracle(torch, scores, labels):
    """By counting pairs of a score and a threshold."""
    thresholds = [np.inf, *sorted(set(scores.tolist()), reverse=True)]
    counted = [
        [sum(s >= level for s, kind in zip(scores, labels) if kind == which) / sum(labels == which) for level in thresholds]
        for which in (0, 1)
    ]  # fmt: skip
    return np.array(counted[0]), np.array(counted[1])


def _roc_case(rng, ties=False):
    n = size(rng, 6, 9)
    scores = rng.permutation(np.round(rng.uniform(0, 4, n), 2) + 5 * np.arange(n) / n)
    if ties:
        scores = np.round(scores / 2) / 2
    labels = np.zeros(n, int)
    labels[rng.permutation(n)[: size(rng, 2, n - 3)]] = 1
    if ties:  # a score that both kinds have
        scores[np.flatnonzero(labels == 0)[0]] = scores[np.flatnonzero(labels == 1)[0]]
    return Case(scores, labels)


def _drive_roc(student, scores, labels):
    false, hits = student(scores, labels)
    return false, hits


roc_curve = Exercise(
    "autoencoders.roc_curve",
    twin="dlcore.scratch.autoencoders.roc_curve",
    parts=[
        Part("different scores", 2, [Case(np.array([0.9, 0.6, 0.5, 0.1]), np.array([1, 0, 1, 0]))], _roc_case),
        Part("equal scores", 2, draw=lambda rng: _roc_case(rng, ties=True)),
    ],
    oracle=_roc_oracle,
    driver=_drive_roc,
    returns=("the false alarms", "the hits"),
    forbidden=_FORBIDDEN,
)  # fmt: skip

_ENDS = "ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)"
_SHARES = "return np.append(0, false / false[-1]), np.append(0, true / true[-1])"
_mistake(
    roc_curve,
    "takes_equal_scores_one_by_one",
    """Equal scores make several points in your curve. They cross the threshold together: one point for each different score.""",
    (_ENDS, "ends = np.arange(len(scores))"),
)
_mistake(
    roc_curve,
    "does_not_start_at_nothing",
    """The curve begins with no alarm at all, at (0, 0). This first point is missing.""",
    (_SHARES, "return false / false[-1], true / true[-1]"),
)
_mistake(
    roc_curve,
    "swaps_the_axes",
    """The two are in the wrong order: first the false alarms, then the hits.""",
    (_SHARES, "return np.append(0, true / true[-1]), np.append(0, false / false[-1])"),
)
_mistake(
    roc_curve,
    "starts_with_the_lowest_score",
    """The lowest scores give the first alarms in your curve. A high score is unusual: the threshold comes from above.""",
    ("order = np.argsort(-scores, kind=\"stable\")", "order = np.argsort(scores, kind=\"stable\")"),
)  # fmt: skip
_mistake(
    roc_curve,
    "divides_by_all",
    """You divide by the number of all points. False alarms are a share of the normal ones, hits a share of the unusual ones.""",
    (_SHARES, "n = len(scores)\n    return np.append(0, false / n), np.append(0, true / n)"),
)
_mistake(
    roc_curve,
    "counts",
    """These are counts. Shares are asked for, from 0 to 1.""",
    (_SHARES, "return np.append(0, false), np.append(0, true)"),
)
_mistake(
    roc_curve,
    "asks_how_many_alarms_are_false",
    """You say which share of the alarms is false. The false alarms are counted among the normal, however many alarms there are.""",
    (_SHARES, "return np.append(0, false / (false + true)), np.append(0, true / true[-1])"),
)


# 8 ---------------------------------------------------------------- anomaly_scores


def _scores_oracle(torch, params, series, size):
    params = [torch.tensor(np.array(p)) for p in params]
    found = [0.0] * (size - 1)
    for end in range(size, len(series) + 1):
        window = torch.tensor(np.array(series)[None, end - size : end].copy())
        said = _layers(torch, params, window)[-1]
        found.append(float(to_plain(torch.nn.functional.mse_loss(said, window))))
    return np.array(found)


def _scores_case(rng, layers=4, short=False):
    params = _network(rng, layers)
    width = params[0].shape[1]
    return Case(params, nonzero(rng, width if short else width + size(rng, 3, 6)), width)


_SAYS_NOTHING = [np.array(a) for a in ([[0.0, 0.0]], [0.0], [[0.0], [0.0]], [0.0, 0.0])]

anomaly_scores = Exercise(
    "autoencoders.anomaly_scores",
    twin="dlcore.scratch.autoencoders.anomaly_scores",
    parts=[
        Part("a series", 2, [Case(_SAYS_NOTHING, np.array([1.0, 2.0, 3.0]), 2)], _scores_case),
        Part("a single window", 1, draw=lambda rng: _scores_case(rng, 2, short=True)),
    ],
    oracle=_scores_oracle,
    forbidden=_FORBIDDEN,
)  # fmt: skip

_MEAN = "errors = ((layer_outputs(params, windows)[-1] - windows) ** 2).mean(axis=1)"
_PLACED = "return np.append(np.zeros(size - 1), errors)"


def _scores_mistake(name, hint, *changes):
    _mistake(anomaly_scores, name, hint, *changes, pieces=[scratch.layer_outputs])


_scores_mistake(
    "looks_into_the_future",
    """The score of a window stands at its first time, so that it knows what comes later. It belongs to the last time.""",
    (_PLACED, "return np.append(errors, np.zeros(size - 1))"),
)
_scores_mistake(
    "puts_it_in_the_middle",
    """The score of a window stands in its middle. Half of the window is the future then; it belongs to the last time.""",
    (_PLACED, "before = size // 2\n    return np.concatenate([np.zeros(before), errors, np.zeros(size - 1 - before)])"),
)  # fmt: skip
_scores_mistake(
    "looks_at_the_last_number_alone",
    """Only the last number of each window is compared. The whole window is, and the mean taken.""",
    (_MEAN, "errors = (layer_outputs(params, windows)[-1] - windows)[:, -1] ** 2"),
)
_scores_mistake(
    "adds_up_the_squares",
    """The mean over the window is asked for. You have the sum.""",
    (_MEAN, _MEAN.replace("mean(axis=1)", "sum(axis=1)")),
)
_scores_mistake(
    "takes_absolute_errors",
    """These are mean absolute differences. The squares are to be averaged.""",
    (_MEAN, "errors = np.abs(layer_outputs(params, windows)[-1] - windows).mean(axis=1)"),
)
_scores_mistake(
    "leaves_out_the_first_times",
    """There must be a score for each time of the series: size - 1 zeros stand before the first window's.""",
    (_PLACED, "return errors"),
)
_scores_mistake(
    "compares_with_the_code",
    """The size of the code is taken for a score. How badly the window is said again is asked for.""",
    (_MEAN, "errors = (layer_outputs(params, windows)[len(params) // 4] ** 2).mean(axis=1)"),
)
