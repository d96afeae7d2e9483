# ruff: noqa: B905  learners write zip without strict
"""Lesson 13: cell-state update, forget bias, LSTM forward and backward, GRU, a loss on the last state."""

from __future__ import annotations

import numpy as np

from autograder.exercises.checks._draw import nonzero, size
from autograder.exercises.checks._row import in_a_row
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore.scratch import lstm_gru as scratch

_HEADER = "import numpy as np\n\nfrom dlcore.scratch.activations import sigmoid"


def _mistake(exercise, name, hint, *changes, pieces=()):
    pieces = [*pieces, getattr(scratch, exercise.function)]
    mistake(exercise, name, hint, *changes, pieces=pieces, header=_HEADER)


def _opened(rng, *shape):
    """Gates: neither open nor closed altogether."""
    return np.round(rng.uniform(0.1, 0.9, shape), 2)


# 1 ---------------------------------------------------------------- cell_state_update


def _cell_state_oracle(torch, c, f, i, g):
    """Each thing that was put on it, times all gates that it has passed since."""
    c, f, i, g = (np.asarray(a) for a in (c, f, i, g))
    put = np.concatenate([c[None], i * g])
    left = [torch.tensor(c[None].copy()).sum(0)]
    for t in range(1, len(put)):
        passed = np.stack([np.prod(f[k:t], axis=0) for k in range(t + 1)])
        left.append((torch.tensor(put[: t + 1].copy()) * torch.tensor(passed)).sum(0))
    return np.stack([to_plain(a) for a in left])


def _cell_state_case(rng, *shape):
    t = size(rng, 3, 5)
    return Case(
        nonzero(rng, *shape),
        _opened(rng, t, *shape),
        _opened(rng, t, *shape),
        nonzero(rng, t, *shape),
    )


_NEWS = (
    np.array(0.0),
    np.array([1.0, 1.0, 0.5]),
    np.array([1.0, 0.0, 0.5]),
    np.array([5.0, 7.0, -1.0]),
)

cell_state_update = Exercise(
    "lstm_gru.cell_state_update",
    twin="dlcore.scratch.lstm_gru.cell_state_update",
    parts=[
        Part("one number", 1, [Case(*_NEWS)], lambda rng: _cell_state_case(rng)),
        Part("many side by side", 1, draw=lambda rng: _cell_state_case(rng, size(rng, 2, 3), size(rng, 2, 3))),
    ],
    oracle=_cell_state_oracle,
)  # fmt: skip

_KEPT = "states.append(keep * states[-1] + take * new)"
_mistake(
    cell_state_update,
    "takes_in_what_it_does_not_keep",
    """What is taken in is 1 - f of the new in your code. The two gates are independent: i says how much.""",
    (_KEPT, "states.append(keep * states[-1] + (1 - keep) * new)"),
)
_mistake(
    cell_state_update,
    "keeps_the_first_alone",
    """Each state is made of the given c. It must be made of the state before it.""",
    (_KEPT, "states.append(keep * c + take * new)"),
)
_mistake(
    cell_state_update,
    "forgets_what_is_new_as_well",
    """The forget gate is for what lies there already. What is put on now does not go through it.""",
    (_KEPT, "states.append(keep * (states[-1] + take * new))"),
)
_mistake(
    cell_state_update,
    "leaves_out_the_first_state",
    """The given state is missing: T times give T + 1 states.""",
    ("return np.stack(states)", "return np.stack(states[1:])"),
)
_mistake(
    cell_state_update,
    "swaps_the_gates",
    """Keeping and taking in are swapped: f is for the old, i for the new.""",
    (_KEPT, "states.append(take * states[-1] + keep * new)"),
)
_mistake(
    cell_state_update,
    "never_forgets",
    """What lies there is kept whole. It is to be multiplied by f.""",
    (_KEPT, "states.append(states[-1] + take * new)"),
)


# 2 ---------------------------------------------------------------- forget_bias


def _drive_bias(student, steps):
    return np.asarray(student(steps))


def _bias_oracle(torch, steps):
    """By bisection: the memory that is left after so many steps grows with the bias."""
    steps = np.asarray(steps, dtype=float)
    low, high = np.full(steps.shape, -60.0), np.full(steps.shape, 60.0)
    for _ in range(100):
        middle = (low + high) / 2
        gate = to_plain(torch.sigmoid(torch.tensor(middle)))
        left = np.power(gate, steps)
        low, high = np.where(left < 0.5, middle, low), np.where(left < 0.5, high, middle)
    return (low + high) / 2


forget_bias = Exercise(
    "lstm_gru.forget_bias",
    twin="dlcore.scratch.lstm_gru.forget_bias",
    parts=[
        Part("a number of steps", 1, [Case(1.0), Case(100.0)], lambda rng: Case(float(size(rng, 2, 50)))),
        Part("an array of them", 1, draw=lambda rng: Case(np.round(rng.uniform(0.5, 60, size(rng, 2, 4)), 1))),
    ],
    oracle=_bias_oracle,
    driver=_drive_bias,
    rtol=1e-6,
    atol=1e-8,
)  # fmt: skip

_BIAS = "return -np.log(np.exp2(1 / np.asarray(steps)) - 1)"
_mistake(
    forget_bias,
    "returns_the_gate",
    """This is the gate itself. The bias is what goes into the sigmoid: solve sigmoid(b) = f for b.""",
    (_BIAS, "return np.exp2(-1 / np.asarray(steps))"),
)
_mistake(
    forget_bias,
    "turns_the_fraction",
    """The sign is wrong: a gate above one half has a positive bias.""",
    (_BIAS, "return np.log(np.exp2(1 / np.asarray(steps)) - 1)"),
)
_mistake(
    forget_bias,
    "divides_the_half",
    """The gate is taken to be 1 - 1 / (2 steps). Each step multiplies: its power with so many steps is one half.""",
    (_BIAS, "f = 1 - 0.5 / np.asarray(steps)\n    return np.log(f / (1 - f))"),
)
_mistake(
    forget_bias,
    "takes_the_logarithm_of_the_gate",
    """This is the logarithm of the gate. The inverse of the sigmoid is the logarithm of f / (1 - f).""",
    (_BIAS, "return -np.log(2) / np.asarray(steps)"),
)
_mistake(
    forget_bias,
    "counts_to_one_over_e",
    """After these steps your memory has fallen to 1 / e, about 37 %. One half is asked for.""",
    (_BIAS, "return -np.log(np.exp(1 / np.asarray(steps)) - 1)"),
)


# 3 ---------------------------------------------------------------- lstm_step


def _layer(torch, x, h, c, w_ih, w_hh, b):
    """The library's own layer: what it shows after each input, its last cell state, and the leaves."""
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in (x, h, c, w_ih, w_hh, b)]
    x, h, c, w_ih, w_hh, b = leaves
    params = (w_ih, w_hh, b, torch.tensor(np.zeros(len(w_hh))))
    states = h.reshape((1, *h.shape)), c.reshape((1, *c.shape))
    out, _, last = torch.lstm(x, states, params, True, 1, 0.0, True, False, False)
    return out, last[0], leaves


def _gates_by_formula(torch, x, h, w_ih, w_hh, b):
    a = x @ w_ih.T + h @ w_hh.T + b
    n = h.shape[1]
    parts = [
        to_plain(torch.sigmoid(torch.tensor(a[:, k * n : (k + 1) * n].copy()))) for k in range(4)
    ]
    parts[2] = to_plain(torch.tanh(torch.tensor(a[:, 2 * n : 3 * n].copy())))
    return np.concatenate(parts, axis=1)


def _drive_step(student, x, h, c, w_ih, w_hh, b):
    new_h, new_c, opened = student(x, h, c, w_ih, w_hh, b)
    return new_h, new_c, opened


def _step_oracle(torch, x, h, c, w_ih, w_hh, b):
    out, last, _ = _layer(torch, x[None], h, c, w_ih, w_hh, b)
    return out[0], last, _gates_by_formula(torch, x, h, w_ih, w_hh, b)


def _sequence(rng, t, n=0, pieces=4):
    """x, h, c and the weights; the three sizes differ, so that nothing fits by chance."""
    d, h = (int(k) for k in rng.permutation([2, 3, 5])[:2])
    n = n or int(rng.choice([k for k in (1, 2, 3, 4) if k not in (d, h)]))
    states = nonzero(rng, n, h, scale=0.6), nonzero(rng, n, h)
    weights = nonzero(rng, pieces * h, d, scale=0.7), nonzero(rng, pieces * h, h, scale=0.7)
    return nonzero(rng, t, n, d), *states, *weights, nonzero(rng, pieces * h, scale=0.7)


def _step_case(rng, n=0):
    x, *rest = _sequence(rng, 1, n)
    return Case(x[0], *rest)


_NOTHING = np.zeros((1, 1))

lstm_step = Exercise(
    "lstm_gru.lstm_step",
    twin="dlcore.scratch.lstm_gru.lstm_step",
    parts=[
        Part("one sequence", 1, [Case(_NOTHING, _NOTHING, np.ones((1, 1)), np.zeros((4, 1)), np.zeros((4, 1)), np.array([0.0, 0.0, 1.0, 0.0]))], lambda rng: _step_case(rng, 1)),
        Part("several side by side", 2, draw=_step_case),
    ],
    oracle=_step_oracle,
    driver=_drive_step,
    returns=("the new h", "the new c", "the gates"),
)  # fmt: skip

_SPLIT = "i, f, g, o = np.split(a, 4, axis=1)"
_ENDS = "i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)"
_SHOW = "return o * np.tanh(c), c, np.concatenate([i, f, g, o], axis=1)"
_mistake(
    lstm_step,
    "orders_the_gates_otherwise",
    """The pieces are cut in another order. In PyTorch, and here, it is i f g o: input, forget, new, output.""",
    (_SPLIT, "f, i, o, g = np.split(a, 4, axis=1)"),
)
_mistake(
    lstm_step,
    "puts_a_sigmoid_on_the_new",
    """What is new, g, goes through tanh, so that it can also be negative. You use a sigmoid.""",
    (_ENDS, "i, f, g, o = sigmoid(i), sigmoid(f), sigmoid(g), sigmoid(o)"),
)
_mistake(
    lstm_step,
    "shows_the_cell_as_it_is",
    """What is shown is o times tanh(c). The tanh is missing.""",
    (_SHOW, "return o * c, c, np.concatenate([i, f, g, o], axis=1)"),
)
_mistake(
    lstm_step,
    "shows_the_old_cell",
    """h must be made of the new cell state. You show the old one.""",
    (
        "    c = f * c + i * g\n",
        "    h = o * np.tanh(c)\n    c = f * c + i * g\n",
    ),
    (_SHOW, "return h, c, np.concatenate([i, f, g, o], axis=1)"),
)
_mistake(
    lstm_step,
    "lets_the_output_gate_into_the_cell_state",
    """The output gate decides what is shown; the cell state keeps everything. You return the cell state multiplied by o.""",
    (_SHOW, "return o * np.tanh(c), o * c, np.concatenate([i, f, g, o], axis=1)"),
)
_mistake(
    lstm_step,
    "returns_what_goes_into_the_gates",
    """The gates are returned as they are before sigmoid and tanh. The backward pass needs them after.""",
    (_SHOW, "return o * np.tanh(c), c, a"),
)
_mistake(
    lstm_step,
    "does_not_look_at_the_state",
    """Your gates do not look at h, the state that was shown.""",
    ("a = x @ w_ih.T + h @ w_hh.T + b", "a = x @ w_ih.T + b"),
)


# 4 ---------------------------------------------------------------- lstm_step_backward


def _drive_step_backward(student, dh, dc, c, c_new, opened):
    da, before = student(dh, dc, c, c_new, opened)
    return da, before


def _step_backward_oracle(torch, dh, dc, c, c_new, opened):
    """The step once more as a graph, from pre-activations that lead to these gates."""
    n = c.shape[1]
    a = [np.log(p / (1 - p)) for p in (opened[:, k * n : (k + 1) * n] for k in (0, 1, 3))]
    a.insert(2, np.arctanh(opened[:, 2 * n : 3 * n]))
    i, f, g, o = leaves = [torch.tensor(np.array(p), requires_grad=True) for p in a]
    cell = torch.tensor(np.array(c), requires_grad=True)
    new = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    new = new - new.detach() + torch.tensor(np.array(c_new))  # that of the case, to the last digit
    shown = torch.sigmoid(o) * torch.tanh(new)
    (shown * torch.tensor(np.array(dh)) + new * torch.tensor(np.array(dc))).sum().backward()
    return np.concatenate([to_plain(leaf.grad) for leaf in leaves], axis=1), cell.grad


def _step_backward_case(rng, column, n=0):
    h, n = size(rng, 2, 4), n or size(rng, 2, 3)
    opened, c = _opened(rng, n, 4 * h), nonzero(rng, n, h)
    i, f, g, _ = np.split(opened, 4, axis=1)
    dh, dc = nonzero(rng, n, h), nonzero(rng, n, h)
    if column == "shown alone":
        dc = np.zeros((n, h))
    elif column == "kept alone":
        dh = np.zeros((n, h))
    return Case(dh, dc, c, f * c + i * g, opened)


_GATES = np.array([[0.5, 0.8, 0.6, 0.9]])
_ONE = np.ones((1, 1))

lstm_step_backward = Exercise(
    "lstm_gru.lstm_step_backward",
    twin="dlcore.scratch.lstm_gru.lstm_step_backward",
    parts=[
        Part("what comes through h alone", 2, [Case(_ONE, _NOTHING, _ONE, np.array([[1.1]]), _GATES)], lambda rng: _step_backward_case(rng, "shown alone")),
        Part("what comes through c alone", 1, draw=lambda rng: _step_backward_case(rng, "kept alone")),
        Part("both", 1, draw=lambda rng: _step_backward_case(rng, "")),
    ],
    oracle=_step_backward_oracle,
    driver=_drive_step_backward,
    returns=("da", "dc"),
)  # fmt: skip

_WHOLE = "dc = dc + dh * o * (1 - bent * bent)"
_mistake(
    lstm_step_backward,
    "forgets_what_is_shown",
    """The new cell state is shown, too: it gets dc plus what comes back through h.""",
    (_WHOLE, "dc = dc + 0 * dh"),
)
_mistake(
    lstm_step_backward,
    "forgets_what_is_kept",
    """What comes from the step after this one, dc, is missing: it is added to what comes through h.""",
    (_WHOLE, "dc = dh * o * (1 - bent * bent)"),
)
_mistake(
    lstm_step_backward,
    "forgets_the_slope_of_tanh",
    """Between the cell state and h stands a tanh: its slope 1 - tanh² is missing.""",
    (_WHOLE, "dc = dc + dh * o"),
)
_mistake(
    lstm_step_backward,
    "forgets_the_slopes_of_the_gates",
    """These are the gradients of the gates themselves. They still have to go through the slopes of sigmoid and tanh.""",
    ("dc * g * i * (1 - i)", "dc * g"),
    ("dc * c * f * (1 - f)", "dc * c"),
    ("dc * i * (1 - g * g)", "dc * i"),
    ("dh * bent * o * (1 - o)", "dh * bent"),
)
_mistake(
    lstm_step_backward,
    "takes_the_sigmoids_slope_for_the_new",
    """g came out of tanh, so its slope is 1 - g², and not g (1 - g).""",
    ("dc * i * (1 - g * g)", "dc * i * g * (1 - g)"),
)
_mistake(
    lstm_step_backward,
    "forgets_with_the_new_cell",
    """The forget gate has multiplied the cell state from before the step, c. You take the one after it.""",
    ("dc * c * f * (1 - f)", "dc * c_new * f * (1 - f)"),
)
_mistake(
    lstm_step_backward,
    "passes_the_whole_on",
    """The cell state before gets the gradient times the forget gate: what was forgotten is not to blame.""",
    ("dc * f\n", "dc\n"),
)
_mistake(
    lstm_step_backward,
    "orders_the_gates_otherwise",
    """The four are right and stand in another order: i f g o is asked for.""",
    (
        "dc * c * f * (1 - f),\n        dc * i * (1 - g * g),\n        dh * bent * o * (1 - o),",
        "dc * c * f * (1 - f),\n        dh * bent * o * (1 - o),\n        dc * i * (1 - g * g),",
    ),
)


# 5 ---------------------------------------------------------------- lstm


def _drive_lstm(student, x, h, c, w_ih, w_hh, b):
    hs, cs, opened = student(x, h, c, w_ih, w_hh, b)
    return hs, cs, opened


def _lstm_oracle(torch, x, h, c, w_ih, w_hh, b):
    hs, cs, opened = [h], [c], []
    for k in range(len(x)):
        out, last, _ = _layer(torch, x[: k + 1], h, c, w_ih, w_hh, b)
        opened.append(_gates_by_formula(torch, x[k], hs[-1], w_ih, w_hh, b))
        hs.append(to_plain(out)[-1])
        cs.append(to_plain(last))
    return np.stack(hs), np.stack(cs), np.stack(opened)


def _lstm_case(rng, t=0, n=0):
    return Case(*_sequence(rng, t or size(rng, 3, 4), n))


lstm = Exercise(
    "lstm_gru.lstm",
    twin="dlcore.scratch.lstm_gru.lstm",
    parts=[
        Part("one time", 1, draw=lambda rng: _lstm_case(rng, 1)),
        Part("a sequence", 1, draw=lambda rng: _lstm_case(rng, 0, 1)),
        Part("several side by side", 1, draw=_lstm_case),
    ],
    oracle=_lstm_oracle,
    driver=_drive_lstm,
    returns=("hs", "cs", "the gates"),
)  # fmt: skip

_STEP = "h, c, opened = lstm_step(at_t, h, c, w_ih, w_hh, b)"


def _lstm_mistake(name, hint, *changes):
    _mistake(lstm, name, hint, *changes, pieces=[scratch.lstm_step])


_lstm_mistake(
    "forgets_the_cell_state",
    """Every step begins with the given cell state. It must begin with the one that the step before it left.""",
    (_STEP, "h, _, opened = lstm_step(at_t, h, c, w_ih, w_hh, b)"),
)
_lstm_mistake(
    "forgets_what_was_shown",
    """Every step looks at the given h. It must look at the one that the step before it has shown.""",
    (_STEP, "_, c, opened = lstm_step(at_t, h, c, w_ih, w_hh, b)\n        new = opened[:, -c.shape[1] :] * np.tanh(c)"),
    ("hs.append(h)", "hs.append(new)"),
)  # fmt: skip
_lstm_mistake(
    "leaves_out_the_first_states",
    """The given states are missing: T inputs give T + 1 of h and of c.""",
    ("np.stack(hs), np.stack(cs)", "np.stack(hs[1:]), np.stack(cs[1:])"),
)
_lstm_mistake(
    "starts_from_nothing",
    """The first states are given, as h and c. You begin with zeros.""",
    ("hs, cs, gates = [h], [c], []", "h, c = np.zeros_like(h), np.zeros_like(c)\n    hs, cs, gates = [h], [c], []"),
)  # fmt: skip
_lstm_mistake(
    "reads_backwards",
    """Your network reads the sequence from its end. x[0] is the first input.""",
    ("for at_t in x:", "for at_t in x[::-1]:"),
)
_lstm_mistake(
    "swaps_the_states",
    """The two states are returned in the wrong order: first those that are shown, hs, then those that are kept, cs.""",
    ("np.stack(hs), np.stack(cs)", "np.stack(cs), np.stack(hs)"),
)


# 6 ---------------------------------------------------------------- lstm_backward

_COLUMNS = ("dx", "dh", "dc", "dw_ih", "dw_hh", "db")


def _drive_backward(student, g, x, h, c, w_ih, w_hh, b, column):
    """Some of the six, in a row. States and gates are those of ``lstm``."""
    hs, cs, opened = scratch.lstm(x, h, c, w_ih, w_hh, b)
    return _chosen(student(g, x, hs, cs, opened, w_ih, w_hh), column)


def _chosen(found, column):
    dx, dh, dc, dw_ih, dw_hh, db = found
    named = dict(zip(_COLUMNS, (dx, dh, dc, dw_ih, dw_hh, db)))
    return in_a_row(named[name] for name in _COLUMNS if column in ("all", name))


def _backward_oracle(torch, g, x, h, c, w_ih, w_hh, b, column):
    out, _, leaves = _layer(torch, x, h, c, w_ih, w_hh, b)
    (out * torch.tensor(np.array(g))).sum().backward()
    return _chosen([to_plain(leaf.grad) for leaf in leaves], column)


def _backward_case(rng, columns, t=0, n=0):
    x, h, *rest = _sequence(rng, t or size(rng, 3, 5), n)
    return Case(nonzero(rng, len(x), *h.shape), x, h, *rest, str(rng.choice(columns)))


lstm_backward = Exercise(
    "lstm_gru.lstm_backward",
    twin="dlcore.scratch.lstm_gru.lstm_backward",
    parts=[
        Part("a single step", 1, draw=lambda rng: _backward_case(rng, ["all"], 1)),
        Part("dx", 1, draw=lambda rng: _backward_case(rng, ["dx"])),
        Part("dh and dc", 1, draw=lambda rng: _backward_case(rng, ["dh", "dc"]), draws=6),
        Part("dw_ih and db", 1, draw=lambda rng: _backward_case(rng, ["dw_ih", "db"]), draws=6),
        Part("dw_hh", 1, draw=lambda rng: _backward_case(rng, ["dw_hh"])),
        Part("one sequence alone", 1, draw=lambda rng: _backward_case(rng, ["all"], 0, 1)),
    ],
    oracle=_backward_oracle,
    driver=_drive_backward,
)  # fmt: skip

_BACK = "da[t], dc = lstm_step_backward(g[t] + dh, dc, cs[t], cs[t + 1], gates[t])"


def _backward_mistake(name, hint, *changes):
    _mistake(lstm_backward, name, hint, *changes, pieces=[scratch.lstm_step_backward])


_backward_mistake(
    "hears_nothing_through_h",
    """What later steps say about h is missing: they looked at it, through w_hh. Add it to g[t].""",
    (_BACK, _BACK.replace("g[t] + dh", "g[t]")),
)
_backward_mistake(
    "hears_nothing_through_c",
    """The gradient of the cell state must go on from step to step. Yours begins at 0 each time.""",
    (_BACK, _BACK.replace("dh, dc, cs[t]", "dh, np.zeros_like(dc), cs[t]")),
)
_backward_mistake(
    "hears_the_last_alone",
    """You use the last time's g only. Every time has its own, and it is added to what comes back from later.""",
    (_BACK, _BACK.replace("g[t] + dh", "g[t] * (t == len(x) - 1) + dh")),
)
_backward_mistake(
    "transposes_the_recurrent_weights",
    """w_hh is (4H, H): in the backward pass, da (N, 4H) is multiplied with it as it is. (A piece of it transposed fits too, and is wrong.)""",
    ("dh = da[t] @ w_hh", "dh = sum(p @ w.T for p, w in zip(np.split(da[t], 4, axis=1), np.split(w_hh, 4)))"),
)  # fmt: skip
_backward_mistake(
    "pairs_with_the_state_after",
    """The gradient of w_hh pairs each time with the h that the step has looked at, hs[t]. You pair it with the one it has shown.""",
    ("np.tensordot(da, hs[:-1]", "np.tensordot(da, hs[1:]"),
)
_backward_mistake(
    "pairs_with_the_cell",
    """The gates look at h and not at the cell state: the gradient of w_hh pairs da with hs.""",
    ("np.tensordot(da, hs[:-1]", "np.tensordot(da, cs[:-1]"),
)
_backward_mistake(
    "averages_the_times",
    """The weights are used at every time: their gradients are sums over the times, not means.""",
    ("axes=([0, 1], [0, 1]))\n    dw_hh", "axes=([0, 1], [0, 1])) / len(x)\n    dw_hh"),
    ("np.tensordot(da, hs[:-1], axes=([0, 1], [0, 1]))", "np.tensordot(da, hs[:-1], axes=([0, 1], [0, 1])) / len(x)"),
    ("da.sum(axis=(0, 1))", "da.sum(axis=1).mean(axis=0)"),
)  # fmt: skip


# 7 ---------------------------------------------------------------- gru_step


def _gru_oracle(torch, x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.gru_cell(*(torch.tensor(np.array(a)) for a in (x, h, w_ih, w_hh, b_ih, b_hh)))


def _gru_case(rng, n=0):
    x, h, _, w_ih, w_hh, b = _sequence(rng, 1, n, pieces=3)
    return Case(x[0], h, w_ih, w_hh, b, nonzero(rng, len(b), scale=0.7))


gru_step = Exercise(
    "lstm_gru.gru_step",
    twin="dlcore.scratch.lstm_gru.gru_step",
    parts=[
        Part("one sequence", 1, [Case(_NOTHING, np.array([[0.5]]), np.zeros((3, 1)), np.zeros((3, 1)), np.array([0.0, 0.0, 1.0]), np.zeros(3))], lambda rng: _gru_case(rng, 1)),
        Part("several side by side", 2, draw=_gru_case),
    ],
    oracle=_gru_oracle,
)  # fmt: skip

_MIX = "return n + z * (h - n)"
_NEW = "n = np.tanh(xn + r * hn)"
_mistake(
    gru_step,
    "mixes_the_other_way_round",
    """z says how much of the old state stays. You let it say how much of the new comes in. (Some papers do; PyTorch does not.)""",
    (_MIX, "return h + z * (n - h)"),
)
_mistake(
    gru_step,
    "resets_the_state_before_its_weights",
    """r multiplies what the weights have made of h, its bias included. You multiply h by r first. (The first paper does; PyTorch does not.)""",
    (_NEW, "units = h.shape[1]\n    n = np.tanh(xn + (r * h) @ w_hh[2 * units :].T + b_hh[2 * units :])"),
)  # fmt: skip
_mistake(
    gru_step,
    "leaves_the_bias_outside",
    """The second bias of n is multiplied by r as well: it stands inside, with what comes from h.""",
    (_NEW, "d = b_hh[2 * h.shape[1] :]\n    n = np.tanh(xn + r * (hn - d) + d)"),
)
_mistake(
    gru_step,
    "does_not_reset",
    """The gate r is missing where the new is made.""",
    (_NEW, "n = np.tanh(xn + hn)"),
)
_mistake(
    gru_step,
    "swaps_the_gates",
    """The order of the pieces is r z n. You have taken z for r.""",
    ("r, z = sigmoid(xr + hr), sigmoid(xz + hz)", "z, r = sigmoid(xr + hr), sigmoid(xz + hz)"),
)
_mistake(
    gru_step,
    "adds_without_mixing",
    """The new comes in whole. It is to be multiplied by 1 - z, so that it takes the place of what has gone.""",
    (_MIX, "return n + z * h"),
)


# 8 ---------------------------------------------------------------- last_state_loss

_GROUPS = {"LSTM": slice(0, 3), "linear layer": slice(3, 5)}


def _drive_last(student, params, x, y, column):
    """The loss, or some gradients in a row."""
    loss, gradients = student(params, x, y)
    return _picked(loss, gradients, column)


def _picked(loss, gradients, column):
    if column == "loss":
        return np.asarray(loss)
    w_ih, w_hh, b, w, c = gradients
    return in_a_row([w_ih, w_hh, b, w, c][_GROUPS[column]])


def _last_oracle(torch, params, x, y, column):
    w_ih, w_hh, b, w, c = params
    nothing = np.zeros((len(y), w_hh.shape[1]))
    out, _, leaves = _layer(torch, x, nothing, nothing, w_ih, w_hh, b)
    last = [torch.tensor(np.array(a), requires_grad=True) for a in (w, c)]
    said = out[len(x) - 1] @ last[0].T + last[1]
    loss = torch.nn.functional.mse_loss(said, torch.tensor(np.array(y)[:, None]))
    loss.backward()
    return _picked(to_plain(loss), [to_plain(leaf.grad) for leaf in (*leaves[3:], *last)], column)


def _last_case(rng, column, n=0):
    x, h, _, *weights = _sequence(rng, size(rng, 3, 5), n)
    params = [*weights, nonzero(rng, 1, h.shape[1]), nonzero(rng, 1)]
    return Case(params, x, nonzero(rng, x.shape[1]), column)


last_state_loss = Exercise(
    "lstm_gru.last_state_loss",
    twin="dlcore.scratch.lstm_gru.last_state_loss",
    parts=[
        Part("the loss", 1, draw=lambda rng: _last_case(rng, "loss")),
        Part("gradients of the linear layer", 1, draw=lambda rng: _last_case(rng, "linear layer")),
        Part("gradients of the LSTM", 1, draw=lambda rng: _last_case(rng, "LSTM")),
        Part("one sequence alone", 1, draw=lambda rng: _last_case(rng, str(rng.choice(["loss", "LSTM"])), 1)),
    ],
    oracle=_last_oracle,
    driver=_drive_last,
    forbidden=("dlcore.losses",),
)  # fmt: skip

_MISS = "miss = hs[-1] @ w.T + c - y[:, None]"


def _last_mistake(name, hint, *changes):
    pieces = [
        scratch.lstm_step,
        scratch.lstm_step_backward,
        scratch.lstm,
        scratch.lstm_backward,
    ]
    _mistake(last_state_loss, name, hint, *changes, pieces=pieces)


_last_mistake(
    "compares_all_with_all",
    """What is said is (N, 1) and y is (N,), so their difference is (N, N): every sum is compared with every answer. Bring them to one
    shape.""",
    (_MISS, "miss = hs[-1] @ w.T + c - y"),
    ("slope = 2 * miss / len(y)", "slope = 2 * miss.mean(axis=1, keepdims=True) / len(y)"),
)
_last_mistake(
    "reads_the_cell_state",
    """The linear layer reads what is shown, the last h. You read the cell state.""",
    (_MISS, "miss = run[1][-1] @ w.T + c - y[:, None]"),
)
_last_mistake(
    "forgets_the_bias",
    """The linear layer has a bias, c. It is missing in what the network says.""",
    (_MISS, "miss = hs[-1] @ w.T - y[:, None]"),
)
_last_mistake(
    "forgets_the_two",
    """The slope of a square has a factor of 2, which is missing in your gradients.""",
    ("slope = 2 * miss / len(y)", "slope = miss / len(y)"),
)
_last_mistake(
    "adds_up_the_squares",
    """The mean over the sequences is asked for, in the loss and in its gradients. You add up.""",
    ("slope = 2 * miss / len(y)", "slope = 2 * miss"),
    ("(miss * miss).mean()", "(miss * miss).sum()"),
)
_last_mistake(
    "hears_it_at_every_time",
    """The gradient of the last h goes to the last time alone. You give it to all times.""",
    ("g[-1] = slope @ w", "g[:] = slope @ w"),
)
