# ruff: noqa: B905  learners write zip without strict
"""Lesson 12: an RNN forward and backward through time, gradient norms, clipping, truncated BPTT, masked cross-entropy."""

from __future__ import annotations

import numpy as np

from autograder.exercises.checks._draw import nonzero, normal, size
from autograder.exercises.checks._row import in_a_row
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore.scratch import rnn as scratch

_HEADER = (
    "import numpy as np\n\nfrom dlcore.scratch.losses import cross_entropy, cross_entropy_gradient"
)


def _mistake(exercise, name, hint, *changes, pieces=()):
    pieces = [*pieces, getattr(scratch, exercise.function)]
    mistake(exercise, name, hint, *changes, pieces=pieces, header=_HEADER)


def _weights(rng, d, h):
    """w_ih, w_hh and b, so small that no tanh is flat."""
    return nonzero(rng, h, d, scale=0.6), nonzero(rng, h, h, scale=0.6), nonzero(rng, h, scale=0.6)


def _sequence(rng, t, n=0):
    """x, h, w_ih, w_hh, b; the three sizes differ, so that nothing fits by chance."""
    d, h = (int(k) for k in rng.permutation([2, 3, 4])[:2])
    n = n or int(rng.choice([k for k in (1, 2, 3, 5) if k not in (d, h)]))
    return nonzero(rng, t, n, d), nonzero(rng, n, h, scale=0.6), *_weights(rng, d, h)


def _layer(torch, x, h, w_ih, w_hh, b):
    """The library's own layer: its states after each input, and the leaves x, h, w_ih, w_hh, b."""
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in (x, h, w_ih, w_hh, b)]
    x, h, w_ih, w_hh, b = leaves
    params = (w_ih, w_hh, b, torch.tensor(np.zeros(len(w_hh))))
    h = h.reshape((1, *h.shape))
    out = torch.rnn_tanh(x, h, params, True, 1, 0.0, True, False, False)[0]
    return out, leaves


# 1 ---------------------------------------------------------------- rnn_step


def _step_oracle(torch, x, h, w_ih, w_hh, b):
    return _layer(torch, x[None], h, w_ih, w_hh, b)[0][0]


def _step_case(rng, n=0):
    x, *rest = _sequence(rng, 1, n)
    return Case(x[0], *rest)


_ONE, _NOTHING = np.array([[1.0]]), np.array([[0.0]])

rnn_step = Exercise(
    "rnn.rnn_step",
    twin="dlcore.scratch.rnn.rnn_step",
    parts=[
        Part("one sequence", 1, [Case(_ONE, _NOTHING, _ONE, np.array([[0.5]]), np.zeros(1))], lambda rng: _step_case(rng, 1)),
        Part("several side by side", 1, draw=_step_case),
    ],
    oracle=_step_oracle,
)  # fmt: skip

_SUM = "np.tanh(x @ w_ih.T + h @ w_hh.T + b)"
_mistake(
    rnn_step,
    "forgets_tanh",
    """This is what goes into tanh. The new state is its tanh: without it, states could grow without end.""",
    (_SUM, "x @ w_ih.T + h @ w_hh.T + b"),
)
_mistake(
    rnn_step,
    "forgets_the_bias",
    """The bias b is missing. It is added before tanh.""",
    (_SUM, "np.tanh(x @ w_ih.T + h @ w_hh.T)"),
)
_mistake(
    rnn_step,
    "forgets_the_state",
    """Your step does not look at h, so it remembers nothing.""",
    (_SUM, "np.tanh(x @ w_ih.T + b)"),
)
_mistake(
    rnn_step,
    "does_not_transpose_the_recurrent_weights",
    """w_hh is square, so both ways round fit. Its rows belong to the new units, as in every layer: it must be transposed.""",
    (_SUM, "np.tanh(x @ w_ih.T + h @ w_hh + b)"),
)
_mistake(
    rnn_step,
    "bends_each_by_itself",
    """One tanh over the whole sum is asked for. You take a tanh of the input's part and one of the state's.""",
    (_SUM, "np.tanh(x @ w_ih.T + b) + np.tanh(h @ w_hh.T)"),
)
_mistake(
    rnn_step,
    "adds_the_old_state",
    """The old state enters through w_hh alone. You add it to the new one as well.""",
    (_SUM, "h + np.tanh(x @ w_ih.T + h @ w_hh.T + b)"),
)


# 2 ---------------------------------------------------------------- rnn_forward


def _forward_oracle(torch, x, h, w_ih, w_hh, b):
    out, leaves = _layer(torch, x, h, w_ih, w_hh, b)
    return np.concatenate([to_plain(leaves[1])[None], to_plain(out)])


def _forward_case(rng, t=0, n=0):
    return Case(*_sequence(rng, t or size(rng, 3, 5), n))


_SHORT = np.array([[[1.0]], [[0.0]]]), _NOTHING, _ONE, np.array([[0.5]]), np.zeros(1)

rnn_forward = Exercise(
    "rnn.rnn_forward",
    twin="dlcore.scratch.rnn.rnn_forward",
    parts=[
        Part("one input", 1, draw=lambda rng: _forward_case(rng, 1)),
        Part("one sequence", 1, [Case(*_SHORT)], lambda rng: _forward_case(rng, 0, 1)),
        Part("several side by side", 1, draw=_forward_case),
    ],
    oracle=_forward_oracle,
)  # fmt: skip

_APPEND = "states.append(rnn_step(at_t, states[-1], w_ih, w_hh, b))"


def _forward_mistake(name, hint, *changes):
    _mistake(rnn_forward, name, hint, *changes, pieces=[scratch.rnn_step])


_forward_mistake(
    "leaves_out_the_first_state",
    """The state from before the first input is missing: T inputs give T + 1 states.""",
    ("return np.stack(states)", "return np.stack(states)[1:]"),
)
_forward_mistake(
    "starts_from_nothing",
    """The first state is given, as h. You begin with zeros.""",
    ("states = [h]", "states = [np.zeros_like(h)]"),
)
_forward_mistake(
    "does_not_carry_the_state_along",
    """Every step begins from h, the state before the first input. It must begin from the state that the step before it left.""",
    (_APPEND, "states.append(rnn_step(at_t, h, w_ih, w_hh, b))"),
)
_forward_mistake(
    "reads_backwards",
    """Your network reads the sequence from its end. x[0] is the first input.""",
    ("for at_t in x:", "for at_t in x[::-1]:"),
)
_forward_mistake(
    "keeps_the_last_state_alone",
    """Only the last state is there. All of them are needed, one after the other.""",
    ("return np.stack(states)", "return states[-1]"),
)
_forward_mistake(
    "puts_the_sequences_first",
    """Times come first: (T + 1, N, H). In your result the sequences do.""",
    ("return np.stack(states)", "return np.stack(states, axis=1)"),
)


# 3 ---------------------------------------------------------------- rnn_backward

_COLUMNS = ("dx", "dh", "dw_ih", "dw_hh", "db")


def _drive_backward(student, g, x, h, w_ih, w_hh, b, column):
    """Some of the five, in a row. The states are those of ``rnn_forward``."""
    states = scratch.rnn_forward(x, h, w_ih, w_hh, b)
    return _chosen(student(g, x, states, w_ih, w_hh), column)


def _chosen(found, column):
    dx, dh, dw_ih, dw_hh, db = found
    named = dict(zip(_COLUMNS, (dx, dh, dw_ih, dw_hh, db)))
    return in_a_row(named[name] for name in _COLUMNS if column in ("all", name))


def _backward_oracle(torch, g, x, h, w_ih, w_hh, b, column):
    out, leaves = _layer(torch, x, h, w_ih, w_hh, b)
    (out * torch.tensor(np.array(g))).sum().backward()
    return _chosen([to_plain(leaf.grad) for leaf in leaves], column)


def _backward_case(rng, column, t=0, n=0):
    x, h, *weights = _sequence(rng, t or size(rng, 3, 5), n)
    return Case(nonzero(rng, len(x), *h.shape), x, h, *weights, column)


_G = np.array([[[0.0]], [[1.0]]])

rnn_backward = Exercise(
    "rnn.rnn_backward",
    twin="dlcore.scratch.rnn.rnn_backward",
    parts=[
        Part("a single step", 1, draw=lambda rng: _backward_case(rng, "all", 1)),
        Part("dx", 1, [Case(_G, *_SHORT, "dx")], lambda rng: _backward_case(rng, "dx")),
        Part("dh", 1, [Case(_G, *_SHORT, "dh")], lambda rng: _backward_case(rng, "dh")),
        Part("dw_ih", 1, [Case(_G, *_SHORT, "dw_ih")], lambda rng: _backward_case(rng, "dw_ih")),
        Part("dw_hh and db", 1, [Case(_G, *_SHORT, "dw_hh"), Case(_G, *_SHORT, "db")], lambda rng: _backward_case(rng, str(rng.choice(["dw_hh", "db"]))), draws=6),
        Part("one sequence alone", 1, draw=lambda rng: _backward_case(rng, "all", 0, 1)),
    ],
    oracle=_backward_oracle,
    driver=_drive_backward,
)  # fmt: skip

_SLOPE = "da[t] = (g[t] + dh) * (1 - states[t + 1] ** 2)"
_mistake(
    rnn_backward,
    "takes_the_slope_before",
    """The slope of tanh is taken at the state from before the step. It is that of what came out of tanh: states[t + 1].""",
    (_SLOPE, "da[t] = (g[t] + dh) * (1 - states[t] ** 2)"),
)
_mistake(
    rnn_backward,
    "forgets_the_slope",
    """The slope of tanh is missing: times 1 - h² on the way from the state to what goes into tanh.""",
    (_SLOPE, "da[t] = g[t] + dh"),
)
_mistake(
    rnn_backward,
    "hears_nothing_from_later",
    """Each time is treated as if nothing came after it. What a state has done to later states must come back too.""",
    (_SLOPE, "da[t] = g[t] * (1 - states[t + 1] ** 2)"),
)
_mistake(
    rnn_backward,
    "hears_the_last_alone",
    """You use the last time's g only. Every time has its own, and it is added to what comes back from later.""",
    (_SLOPE, "da[t] = (g[t] * (t == len(x) - 1) + dh) * (1 - states[t + 1] ** 2)"),
)
_mistake(
    rnn_backward,
    "lets_g_pass_by_the_slope",
    """What comes from later goes through the slope of tanh in your code, and g does not. Add them first, then multiply.""",
    (_SLOPE, "da[t] = g[t] + dh * (1 - states[t + 1] ** 2)"),
)
_mistake(
    rnn_backward,
    "transposes_the_recurrent_weights",
    """Forward, the state was multiplied with w_hh transposed; so in the backward pass it is w_hh as it is.""",
    ("dh = da[t] @ w_hh", "dh = da[t] @ w_hh.T"),
)
_mistake(
    rnn_backward,
    "pairs_with_the_state_after",
    """The gradient of w_hh pairs each time with the state that the step has read, states[t]. You pair it with the one it has made.""",
    ('"tnh,tnk->hk", da, states[:-1]', '"tnh,tnk->hk", da, states[1:]'),
)
_mistake(
    rnn_backward,
    "keeps_one_time",
    """The gradients of the weights are those of the first time alone. They are sums over all times: add up, with +=.""",
    ('"tnh,tnd->hd", da, x', '"tnh,tnd->hd", da[:1], x[:1]'),
    ('"tnh,tnk->hk", da, states[:-1]', '"tnh,tnk->hk", da[:1], states[:1]'),
    ("da.sum(axis=(0, 1))", "da[0].sum(axis=0)"),
)
_mistake(
    rnn_backward,
    "averages_the_sequences",
    """All sequences use the same weights: their gradients are added up, not averaged. The mean is the loss's business, and it is in
    g already.""",
    ('np.einsum("tnh,tnd->hd", da, x)', 'np.einsum("tnh,tnd->hd", da, x) / x.shape[1]'),
    ('np.einsum("tnh,tnk->hk", da, states[:-1])', 'np.einsum("tnh,tnk->hk", da, states[:-1]) / x.shape[1]'),
    ("da.sum(axis=(0, 1))", "da.sum(axis=0).mean(axis=0)"),
)  # fmt: skip


# 4 ---------------------------------------------------------------- gradient_norms


def _norms_oracle(torch, g, states, w_hh):
    """From each state on, the steps once more as a graph: inputs are chosen so that they lead to the same states."""
    w, last = torch.tensor(np.array(w_hh)), torch.tensor(np.array(g))
    given = np.arctanh(states[1:]) - states[:-1] @ w_hh.T
    norms = []
    for start in reversed(range(len(states))):
        leaf = torch.tensor(states[start].copy(), requires_grad=True)
        h = leaf
        for t in range(start, len(given)):
            h = torch.tanh(h @ w.T + torch.tensor(given[t].copy()))
        (h * last).sum().backward()
        norms.append(np.linalg.norm(to_plain(leaf.grad)))
    return np.array(norms)


def _norms_case(rng, still=False):
    n, h, t = size(rng, 2, 4), size(rng, 2, 4), size(rng, 3, 5)
    states = (
        np.zeros((t + 1, n, h)) if still else np.round(rng.uniform(-0.9, 0.9, (t + 1, n, h)), 2)
    )
    return Case(nonzero(rng, n, h), states, nonzero(rng, h, h, scale=0.7))


gradient_norms = Exercise(
    "rnn.gradient_norms",
    twin="dlcore.scratch.rnn.gradient_norms",
    parts=[
        Part("states of 0", 1, [Case(np.array([[2.0]]), np.zeros((3, 1, 1)), np.array([[0.5]]))], lambda rng: _norms_case(rng, True)),
        Part("any states", 2, draw=_norms_case),
    ],
    oracle=_norms_oracle,
)  # fmt: skip

_BACK = "g = (g * (1 - h * h)) @ w_hh"
_mistake(
    gradient_norms,
    "forgets_the_slopes",
    """This is right where all states are 0. Elsewhere each step also multiplies by the slope of tanh, 1 - h².""",
    (_BACK, "g = g @ w_hh"),
)
_mistake(
    gradient_norms,
    "transposes_the_weights",
    """In the backward pass it is w_hh as it is, not transposed: forward it was transposed.""",
    (_BACK, "g = (g * (1 - h * h)) @ w_hh.T"),
)
_mistake(
    gradient_norms,
    "takes_the_slope_before",
    """The slopes are those of the state that a step has *made*, since tanh was its last deed. You take those of the state from before it.""",
    ("for h in states[:0:-1]:", "for h in states[-2::-1]:"),
)
_mistake(
    gradient_norms,
    "goes_forward",
    """You walk from the first state to the last. The gradient comes from the last one.""",
    ("for h in states[:0:-1]:", "for h in states[1:]:"),
)
_mistake(
    gradient_norms,
    "puts_the_earliest_first",
    """The order is turned round: the norm of g itself, 0 steps back, comes first.""",
    ("return np.array(norms)", "return np.array(norms[::-1])"),
)
_mistake(
    gradient_norms,
    "leaves_out_g",
    """The norm of g itself, 0 steps back, is missing: there are T + 1 numbers.""",
    ("norms = [np.linalg.norm(g)]", "norms = []"),
)
_mistake(
    gradient_norms,
    "multiplies_in_the_wrong_order",
    """The slopes stand between the loss and w_hh: first times the slope, then times w_hh. You do it the other way round.""",
    (_BACK, "g = (g @ w_hh) * (1 - h * h)"),
)


# 5 ---------------------------------------------------------------- clip_grad_norm


def _drive_clip(student, grads, max_norm):
    """The clipped gradients, in a row, and the norm."""
    clipped, norm = student(grads, max_norm)
    return in_a_row(clipped), np.asarray(norm)


def _clip_oracle(torch, grads, max_norm):
    row = torch.tensor(in_a_row(grads))
    norm = (row * row).sum() ** 0.5
    scale = min(1.0, float(max_norm) / float(to_plain(norm)))
    return row * scale, norm


def _clip_case(rng, longer):
    grads = [nonzero(rng, *shape, scale=0.7) for shape in ((2, 3), (size(rng, 1, 3),), (2, 2))]
    norm = float(np.linalg.norm(in_a_row(grads)))
    return Case(grads, round(norm * (rng.uniform(0.2, 0.6) if longer else rng.uniform(1.3, 3)), 2))


_LEGS = [np.array([3.0]), np.array([0.0, 4.0])]

clip_grad_norm = Exercise(
    "rnn.clip_grad_norm",
    twin="dlcore.scratch.rnn.clip_grad_norm",
    parts=[
        Part("longer than allowed", 1, [Case(_LEGS, 1.0)], lambda rng: _clip_case(rng, True)),
        Part("short enough", 1, [Case(_LEGS, 10.0)], lambda rng: _clip_case(rng, False)),
    ],
    oracle=_clip_oracle,
    driver=_drive_clip,
    returns=("the gradients in a row", "the norm"),
    forbidden=("dlcore.optim",),
)  # fmt: skip

_NORM = "norm = np.sqrt(sum(np.sum(g * g) for g in grads))"
_SCALED = "return [scale * g for g in grads], norm"
_mistake(
    clip_grad_norm,
    "clips_each_by_itself",
    """Each array is clipped by its own norm, so their proportions change and the step points elsewhere. One norm for all of them.""",
    (_SCALED, "return [g * min(1, max_norm / np.linalg.norm(g)) for g in grads], norm"),
)
_mistake(
    clip_grad_norm,
    "clips_the_numbers",
    """You limit every number by itself. That changes the direction; multiply all of them with the same factor.""",
    (_SCALED, "return [np.clip(g, -max_norm, max_norm) for g in grads], norm"),
)
_mistake(
    clip_grad_norm,
    "lengthens_the_short",
    """Gradients that are short enough must stay as they are. Yours are made longer.""",
    ("scale = max_norm / norm if norm > max_norm else 1.0", "scale = max_norm / norm"),
)
_mistake(
    clip_grad_norm,
    "forgets_the_root",
    """The norm is the root of the sum of squares.""",
    (_NORM, "norm = sum(np.sum(g * g) for g in grads)"),
)
_mistake(
    clip_grad_norm,
    "adds_up_the_norms",
    """The norms of the arrays are added up. It is their squares that add up: 3 and 4 make 5.""",
    (_NORM, "norm = sum(np.linalg.norm(g) for g in grads)"),
)
_mistake(
    clip_grad_norm,
    "tells_the_norm_after",
    """The norm from before the clipping is asked for: it is what one watches in training.""",
    (_SCALED, "return [scale * g for g in grads], scale * norm"),
)
_mistake(
    clip_grad_norm,
    "writes_into_the_gradients",
    """The arrays that were given are changed. g *= ... writes into them; g * ... makes a new one.""",
    (_SCALED, "for g in grads:\n        g *= scale\n    return grads, norm"),
)


# 6 ---------------------------------------------------------------- truncated_bptt


def _drive_truncated(student, g, x, h, w_ih, w_hh, b, steps):
    """The states are those of ``rnn_forward``."""
    dw_ih, dw_hh, db = student(g, x, scratch.rnn_forward(x, h, w_ih, w_hh, b), w_ih, w_hh, steps)
    return dw_ih, dw_hh, db


def _truncated_oracle(torch, g, x, h, w_ih, w_hh, b, steps):
    pieces = []
    for start in range(0, len(x), steps):
        out, leaves = _layer(torch, x[start : start + steps], h, w_ih, w_hh, b)
        (out * torch.tensor(np.array(g[start : start + steps]))).sum().backward()
        pieces.append([to_plain(leaf.grad) for leaf in leaves[2:]])
        h = to_plain(out)[-1]  # the state goes on, the graph does not
    return tuple(sum(found) for found in zip(*pieces))


def _truncated_case(rng, t, steps):
    return Case(*_backward_case(rng, "", t).args[:-1], steps)


truncated_bptt = Exercise(
    "rnn.truncated_bptt",
    twin="dlcore.scratch.rnn.truncated_bptt",
    parts=[
        Part("pieces of one step", 1, [Case(_G, *_SHORT, 1)], lambda rng: _truncated_case(rng, size(rng, 3, 4), 1)),
        Part("pieces that fit", 1, draw=lambda rng: _truncated_case(rng, 6, size(rng, 2, 3))),
        Part("a shorter last piece", 1, draw=lambda rng: _truncated_case(rng, 5, size(rng, 2, 3))),
    ],
    oracle=_truncated_oracle,
    driver=_drive_truncated,
    returns=("dw_ih", "dw_hh", "db"),
)  # fmt: skip

_SUMS = "(sum(found) for found in zip(*pieces, strict=True))"
_PIECE = "piece = g[start:end], x[start:end], states[start : end + 1]"


def _truncated_mistake(name, hint, *changes):
    _mistake(truncated_bptt, name, hint, *changes, pieces=[scratch.rnn_backward])


_truncated_mistake(
    "goes_all_the_way",
    """This is the whole backward pass: the gradient runs on across the cuts.""",
    ("range(0, len(x), steps)", "range(0, len(x), len(x))"),
    ("end = start + steps", "end = start + len(x)"),
)
_truncated_mistake(
    "keeps_the_last_piece",
    """Only the last piece's gradients are left. Those of all pieces are added up.""",
    (_SUMS, "pieces[-1]"),
)
_truncated_mistake(
    "averages_the_pieces",
    """The pieces' gradients are averaged. They are parts of one sum over all times: add them up.""",
    (_SUMS, "(sum(found) / len(found) for found in zip(*pieces, strict=True))"),
)
_truncated_mistake(
    "drops_the_rest",
    """What does not fill a piece is left out. The last piece may be shorter.""",
    ("range(0, len(x), steps)", "range(0, len(x) - steps + 1, steps)"),
)
_truncated_mistake(
    "forgets_the_state_too",
    """Your pieces begin from a state of zeros. Only the gradient ends at a cut; the state is carried on.""",
    (_PIECE, "cut = states[start : end + 1].copy()\n        cut[0] = 0\n        piece = g[start:end], x[start:end], cut"),
)  # fmt: skip
_truncated_mistake(
    "goes_back_so_many_steps_only_at_the_end",
    """Only the last so many steps are gone back through. The pieces before them have gradients of their own, which count too.""",
    ("range(0, len(x), steps)", "[max(0, len(x) - steps)]"),
)


# 7 ---------------------------------------------------------------- masked_cross_entropy


def _drive_masked(student, scores, t, ignore_index):
    loss, gradient = student(scores, t, ignore_index)
    return np.asarray(loss), gradient


def _masked_oracle(torch, scores, t, ignore_index):
    leaf = torch.tensor(np.array(scores), requires_grad=True)
    rows, classes = leaf.reshape((-1, scores.shape[2])), torch.tensor(np.ravel(t))
    loss = torch.nn.functional.cross_entropy(rows, classes, ignore_index=ignore_index)
    loss.backward()
    return loss, leaf.grad


def _masked_case(rng, ends, ignore=0):
    t, n, k = size(rng, 4, 6), size(rng, 2, 3), size(rng, 4, 5)
    real = [c for c in range(k) if c != ignore]
    classes = rng.choice(real, (t, n))
    if ends:
        for i, length in enumerate(rng.choice(np.arange(1, t), n, replace=False)):
            classes[length:, i] = ignore
    return Case(normal(rng, t, n, k), classes, ignore)


masked_cross_entropy = Exercise(
    "rnn.masked_cross_entropy",
    twin="dlcore.scratch.rnn.masked_cross_entropy",
    parts=[
        Part("all are real", 1, draw=lambda rng: _masked_case(rng, False)),
        Part("different lengths", 1, [Case(np.zeros((1, 2, 4)), np.array([[3, 0]]), 0)], lambda rng: _masked_case(rng, True)),
        Part("another class is padding", 1, draw=lambda rng: _masked_case(rng, True, size(rng, 1, 3))),
    ],
    oracle=_masked_oracle,
    driver=_drive_masked,
    returns=("the loss", "the gradient"),
    forbidden=("dlcore.losses",),
)  # fmt: skip

_GRADIENT = "gradient[real] = cross_entropy_gradient(scores[real], t[real])"
_LOSS = "return cross_entropy(scores[real], t[real]), gradient"
_mistake(
    masked_cross_entropy,
    "counts_the_padding",
    """The padding counts as if it were a token to be said.""",
    ("real = t != ignore_index", "real = np.ones(t.shape, dtype=bool)"),
)
_mistake(
    masked_cross_entropy,
    "divides_by_all",
    """The sums are right, but you divide by the number of all places, with the padding. Divide by the number of real tokens.""",
    (_GRADIENT, f"{_GRADIENT} * real.mean()"),
    (_LOSS, "return cross_entropy(scores[real], t[real]) * real.mean(), gradient"),
)
_mistake(
    masked_cross_entropy,
    "lets_the_padding_push",
    """The loss is right, but padding has a gradient: it still pushes its scores.""",
    (_GRADIENT, "gradient[...] = (cross_entropy_gradient(scores.reshape(-1, scores.shape[2]), t.ravel()) * real.size / real.sum()).reshape(scores.shape)"),
)  # fmt: skip
_mistake(
    masked_cross_entropy,
    "always_ignores_0",
    """ignore_index says which class does not count; you take class 0 always.""",
    ("real = t != ignore_index", "real = t != 0"),
)
_mistake(
    masked_cross_entropy,
    "adds_up",
    """The mean over the real tokens is asked for; this is their sum.""",
    (_GRADIENT, f"{_GRADIENT} * real.sum()"),
    (_LOSS, "return cross_entropy(scores[real], t[real]) * real.sum(), gradient"),
)
_mistake(
    masked_cross_entropy,
    "averages_the_sequences",
    """You take a mean for each sequence, and then the mean of these: so a token of a short sequence weighs more. Every token counts
    the same.""",
    (_GRADIENT, "for n in range(t.shape[1]):\n        own = real[:, n]\n        gradient[own, n] = cross_entropy_gradient(scores[own, n], t[own, n]) / t.shape[1]"),
    (_LOSS, "return np.mean([cross_entropy(scores[real[:, n], n], t[real[:, n], n]) for n in range(t.shape[1])]), gradient"),
)  # fmt: skip


# 8 ---------------------------------------------------------------- next_token_loss

_GROUPS = {"recurrent layer": slice(0, 3), "linear layer": slice(3, 5)}


def _drive_next(student, params, tokens, column):
    """The loss, some gradients in a row, or all."""
    loss, gradients = student(params, tokens)
    return _picked(loss, gradients, column)


def _picked(loss, gradients, column):
    if column == "loss":
        return np.asarray(loss)
    w_ih, w_hh, b, w, c = gradients
    return in_a_row([w_ih, w_hh, b, w, c][_GROUPS.get(column, slice(0, 5))])


def _next_oracle(torch, params, tokens, column):
    w_ih, w_hh, b, w, c = params
    x = np.eye(len(c))[tokens[:-1]]
    out, leaves = _layer(torch, x, np.zeros((tokens.shape[1], len(b))), w_ih, w_hh, b)
    last = [torch.tensor(np.array(a), requires_grad=True) for a in (w, c)]
    scores = (out @ last[0].T + last[1]).reshape((-1, len(c)))
    wanted = torch.tensor(np.ravel(tokens[1:]))
    loss = torch.nn.functional.cross_entropy(scores, wanted, ignore_index=0)
    loss.backward()
    return _picked(to_plain(loss), [to_plain(leaf.grad) for leaf in (*leaves[2:], *last)], column)


def _next_case(rng, column, ends=True):
    k, h, n, t = size(rng, 4, 6), size(rng, 2, 3), size(rng, 2, 3), size(rng, 4, 6)
    tokens = rng.integers(1, k, (t + 1, n))
    if ends:
        for i, length in enumerate(rng.choice(np.arange(2, t + 1), n, replace=False)):
            tokens[length:, i] = 0
    params = [*_weights(rng, k, h), nonzero(rng, k, h), nonzero(rng, k)]
    return Case(params, tokens, column)


next_token_loss = Exercise(
    "rnn.next_token_loss",
    twin="dlcore.scratch.rnn.next_token_loss",
    parts=[
        Part("the loss", 1, draw=lambda rng: _next_case(rng, "loss", False)),
        Part("gradients of the linear layer", 1, draw=lambda rng: _next_case(rng, "linear layer", False)),
        Part("gradients of the recurrent layer", 1, draw=lambda rng: _next_case(rng, "recurrent layer", False)),
        Part("different lengths", 1, draw=lambda rng: _next_case(rng, str(rng.choice(["loss", "all"])))),
    ],
    oracle=_next_oracle,
    driver=_drive_next,
    forbidden=("dlcore.losses",),
)  # fmt: skip


def _next_mistake(name, hint, *changes):
    pieces = [scratch.rnn_step, scratch.rnn_forward, scratch.rnn_backward, scratch.masked_cross_entropy]  # fmt: skip
    _mistake(next_token_loss, name, hint, *changes, pieces=pieces)


_MASKED = "masked_cross_entropy(h @ w.T + c, tokens[1:])"
_next_mistake(
    "says_what_it_has_read",
    """Your network is asked for the token that it has just read. The next one is wanted: tokens[1:].""",
    (_MASKED, "masked_cross_entropy(h @ w.T + c, tokens[:-1])"),
)
_next_mistake(
    "speaks_before_it_reads",
    """The scores are made from the states before each token is read, states[:-1]. Read first: states[1:].""",
    ("h = states[1:]", "h = states[:-1]"),
)
_next_mistake(
    "forgets_the_second_bias",
    """The linear layer that makes the scores has a bias, c. It is missing.""",
    (_MASKED, "masked_cross_entropy(h @ w.T, tokens[1:])"),
)
_next_mistake(
    "counts_the_padding",
    """The padding counts. Class 0 is to be ignored.""",
    (_MASKED, "masked_cross_entropy(h @ w.T + c, tokens[1:], ignore_index=-1)"),
)
_next_mistake(
    "pairs_with_the_state_before",
    """The gradient of w pairs the scores' gradient with the states that the scores were made of, states[1:].""",
    ('np.einsum("tnk,tnh->kh", g, h)', 'np.einsum("tnk,tnh->kh", g, states[:-1])'),
)
_next_mistake(
    "learns_from_the_last_alone",
    """Only the last state sends a gradient back. A prediction is made from every one of them.""",
    ("rnn_backward(g @ w, x, states, w_ih, w_hh)", "rnn_backward((g @ w) * (np.arange(len(g)) == len(g) - 1)[:, None, None], x, states, w_ih, w_hh)"),
)  # fmt: skip
_next_mistake(
    "starts_from_the_last_batch",
    """The network must begin from a state of zeros for every batch: these names have nothing to do with what was read before.""",
    ("np.zeros((x.shape[1], len(b)))", "np.ones((x.shape[1], len(b)))"),
)
