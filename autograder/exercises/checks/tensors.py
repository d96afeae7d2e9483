# ruff: noqa: B905  learners write zip without strict
"""Lesson 05: vector-Jacobian products, Tensor, finding a wrong gradient, a training step."""

from __future__ import annotations

import itertools

import numpy as np

from autograder.exercises.checks._draw import nonzero, normal, size
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore.scratch import tensors as scratch

_BACKWARDS = [
    scratch.matmul_backward,
    scratch.unbroadcast,
    scratch.sum_backward,
    scratch.index_backward,
]
_TENSOR = [*_BACKWARDS, scratch.Tensor, scratch._tensor, scratch._history]
_HEADER = "import itertools\n\nimport numpy as np\n\n_ages = itertools.count()"


def _sent_back(torch, f, g, *arrays):
    """The gradients that autograd finds for f(*arrays) when g arrives."""
    leaves = [torch.tensor(np.array(a, dtype=float), requires_grad=True) for a in arrays]
    f(*leaves).backward(torch.tensor(np.asarray(g, dtype=float)))
    return tuple(leaf.grad for leaf in leaves)


# 1 ---------------------------------------------------------------- matmul_backward


def _matmul_case(rng, n=None, k=None, m=None):
    n, k, m = (rng.permutation([2, 3, 4]) if n is None else (n, k, m)).tolist()
    return Case(nonzero(rng, n, m), nonzero(rng, n, k), nonzero(rng, k, m))


_SQUARE = Case(
    np.array([[1.0, 10.0], [0.0, 2.0]]),
    np.array([[1.0, 2.0], [0.0, -1.0]]),
    np.array([[3.0, 0.5], [1.0, 4.0]]),
)

matmul_backward = Exercise(
    "tensors.matmul_backward",
    twin="dlcore.scratch.tensors.matmul_backward",
    parts=[
        Part("two by two", 1, [_SQUARE]),
        Part("any shapes", 1, draw=_matmul_case),
    ],
    oracle=lambda torch, g, a, b: _sent_back(torch, lambda a, b: a @ b, g, a, b),
    returns=("da", "db"),
)


@matmul_backward.misconception(
    """Both are right, in the wrong order: first the gradient of a, then that of b."""
)
def returns_b_first(g, a, b):
    return a.T @ g, g @ b.T


@matmul_backward.misconception(
    """The transposes are missing. a_nk goes into y_nm with the factor b_km, so the sum over m is a product with the
    transpose of b."""
)
def forgets_the_transposes(g, a, b):
    return g @ b, a @ g


@matmul_backward.misconception(
    """The order of the factors is turned round: matrices do not commute. da has the rows of g, so g stands on the left;
    db has the columns of g, so g stands on the right."""
)
def turns_the_products_round(g, a, b):
    return b.T @ g, g @ a.T


@matmul_backward.misconception(
    """These are sums of slopes, without what arrives from above. Every slope is to be multiplied by the g of the entry
    that it leads to."""
)
def leaves_out_g(g, a, b):
    ones = np.ones_like(g)
    return ones @ b.T, a.T @ ones


@matmul_backward.misconception(
    """This is the backward pass of the product entry by entry. In a matrix product an entry of a goes into a whole row of the
    result, and its gradient is a sum."""
)
def multiplies_entry_by_entry(g, a, b):
    return g * b, g * a


# 2 ---------------------------------------------------------------- unbroadcast


def _stretched(rng, *, missing, ones):
    """A shape, and a gradient of one that it broadcasts to."""
    full = rng.permutation([2, 3, 4])[: 2 + missing] if missing < 2 else rng.permutation([2, 3, 4])
    shape = [int(n) for n in full[missing:]]
    for i in rng.permutation(len(shape))[:ones]:
        shape[i] = 1
    return Case(nonzero(rng, *full), tuple(shape))


def _any_stretch(rng):
    missing = int(rng.integers(0, 3))
    return _stretched(rng, missing=missing, ones=int(rng.integers(0, 2)))


_GRADIENT = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

unbroadcast = Exercise(
    "tensors.unbroadcast",
    twin="dlcore.scratch.tensors.unbroadcast",
    parts=[
        Part(
            "an axis that was missing",
            1,
            [Case(_GRADIENT, (2,))],
            lambda rng: _stretched(rng, missing=1, ones=0),
        ),
        Part(
            "an axis of length 1",
            1,
            [Case(_GRADIENT, (3, 1))],
            lambda rng: _stretched(rng, missing=0, ones=1),
        ),
        Part(
            "both, and neither", 1, [Case(_GRADIENT, (3, 2)), Case(_GRADIENT, ())], _any_stretch, 6
        ),
    ],
    oracle=lambda torch, g, shape: _sent_back(
        torch, lambda x: x + torch.tensor(np.zeros(g.shape)), g, np.zeros(shape)
    )[0],
)


@unbroadcast.misconception(
    """The gradient still has the shape of the result. Sum over the axes along which the array was repeated."""
)
def sums_nothing(g, shape):
    return g


@unbroadcast.misconception(
    """The axes that were missing in front are summed. Those of length 1 that were stretched are still to be summed:
    wherever the shape says 1."""
)
def sums_only_the_missing_axes(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    return g


@unbroadcast.misconception(
    """A stretched axis is summed, but it must stay as an axis of length 1: the gradient has exactly the shape of the array.
    keepdims=True."""
)
def loses_the_stretched_axes(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1))


@unbroadcast.misconception(
    """You take the mean over the copies. Each copy acts on the result on its own, so their gradients are added, not
    averaged."""
)
def takes_the_mean(g, shape):
    g = g.mean(axis=tuple(range(g.ndim - len(shape))))
    return g.mean(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


@unbroadcast.misconception(
    """You keep the gradient of the first copy and drop the others. All of them act on the result: add them up."""
)
def keeps_the_first_copy(g, shape):
    while g.ndim > len(shape):
        g = g[0]
    for i, n in enumerate(shape):
        g = g.take(range(n), axis=i)
    return g


@unbroadcast.misconception(
    """You line the shapes up from the left. NumPy lines them up from the right: axes that are missing are missing in front."""
)
def lines_up_from_the_left(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=-1)
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


# 3 ---------------------------------------------------------------- sum_backward


def _sum_case(rng, *, axis, keepdims):
    shape = tuple(rng.permutation([2, 3, 4])[: int(rng.integers(2, 4))].tolist())
    axis = int(rng.integers(len(shape))) if axis else None
    total = np.zeros(shape).sum(axis=axis, keepdims=keepdims)
    return Case(nonzero(rng, *total.shape), shape, axis, keepdims)


sum_backward = Exercise(
    "tensors.sum_backward",
    twin="dlcore.scratch.tensors.sum_backward",
    parts=[
        Part(
            "the sum of everything",
            1,
            [Case(np.array(5.0), (2, 3))],
            lambda rng: _sum_case(rng, axis=False, keepdims=False),
        ),
        Part(
            "along one axis",
            1,
            [Case(np.array([5.0, 7.0]), (2, 3), 1)],
            lambda rng: _sum_case(rng, axis=True, keepdims=False),
            6,
        ),
        Part(
            "the axis kept",
            1,
            [Case(np.array([[5.0], [7.0]]), (2, 3), 1, True)],
            lambda rng: _sum_case(rng, axis=bool(rng.integers(3)), keepdims=True),
            6,
        ),
    ],
    oracle=lambda torch, g, shape, axis=None, keepdims=False: _sent_back(
        torch,
        lambda x: x.sum() if axis is None else x.sum(axis, keepdims),
        np.reshape(g, ()) if axis is None else g,
        np.zeros(shape),
    )[0],
)


@sum_backward.misconception(
    """The gradient still has the shape of the sum. Every entry that was added gets a copy of it: spread it over the shape
    of x."""
)
def spreads_nothing(g, shape, axis=None, keepdims=False):
    return np.asarray(g)


@sum_backward.misconception(
    """You divide by the number of terms, as if it were a mean. An entry that grows by 1 makes the sum grow by 1."""
)
def divides_as_for_a_mean(g, shape, axis=None, keepdims=False):
    count = np.prod(shape) if axis is None else shape[axis]
    g = g if axis is None or keepdims else np.expand_dims(g, axis)
    return np.broadcast_to(g, shape) / count


@sum_backward.misconception(
    """All slopes of a sum are 1, but they are still to be multiplied by g, the gradient that arrives."""
)
def returns_ones(g, shape, axis=None, keepdims=False):
    return np.ones(shape)


@sum_backward.misconception(
    """The axis that was summed away is put back in front, wherever it was. Put it back at its own place:
    np.expand_dims(g, axis)."""
)
def puts_the_axis_in_front(g, shape, axis=None, keepdims=False):
    g = g if axis is None or keepdims else g[None]
    return np.broadcast_to(g, shape).copy()


@sum_backward.misconception(
    """The axis that was summed away is put back at the end, wherever it was. Put it back at its own place:
    np.expand_dims(g, axis)."""
)
def puts_the_axis_at_the_end(g, shape, axis=None, keepdims=False):
    g = g if axis is None or keepdims else g[..., None]
    return np.broadcast_to(g, shape).copy()


@sum_backward.misconception(
    """With keepdims=True the summed axis is still there, with length 1. It must not be put back a second time."""
)
def puts_back_an_axis_that_was_kept(g, shape, axis=None, keepdims=False):
    g = g if axis is None else np.expand_dims(g, axis)
    while g.ndim > len(shape):
        g = g[0]
    return np.broadcast_to(g, shape).copy()


# 4 ---------------------------------------------------------------- index_backward


def _rows_case(rng, *, repeated):
    n, d = size(rng, 4, 6), size(rng, 2, 3)
    count = n + 2 if repeated else n - 1
    rows = rng.integers(0, n, count) if repeated else rng.permutation(n)[:count]
    return Case(nonzero(rng, count, d), (n, d), rows)


def _pairs_case(rng):
    n, d = size(rng, 4, 6), size(rng, 2, 3)
    count = n + 2
    pair = rng.integers(0, n, count), rng.integers(0, d, count)
    return Case(nonzero(rng, count), (n, d), pair)


index_backward = Exercise(
    "tensors.index_backward",
    twin="dlcore.scratch.tensors.index_backward",
    parts=[
        Part(
            "rows taken once",
            1,
            [Case(np.array([[1.0, 2.0], [3.0, 4.0]]), (3, 2), np.array([2, 0]))],
            lambda rng: _rows_case(rng, repeated=False),
        ),
        Part(
            "rows taken again",
            1,
            [Case(np.array([1.0, 2.0, 3.0]), (3,), np.array([2, 0, 2]))],
            lambda rng: _rows_case(rng, repeated=True),
        ),
        Part("one entry of each row", 1, draw=_pairs_case),
    ],
    oracle=lambda torch, g, shape, index: _sent_back(torch, lambda x: x[index], g, np.zeros(shape))[
        0
    ],
)


@index_backward.misconception(
    """What was taken several times keeps only its last gradient. total[index] += g does that too: NumPy reads all entries first,
    then writes each. np.add.at(total, index, g) adds one after the other."""
)
def trusts_plus_equals(g, shape, index):
    total = np.zeros(shape)
    total[index] += g
    return total


@index_backward.misconception(
    """The gradient has the shape of what was taken. It should have that of x: begin with zeros of that shape, and add g at the
    places it was taken from."""
)
def returns_g(g, shape, index):
    return g.copy()


@index_backward.misconception(
    """Entries that were not taken do not act on the result, so their gradient is 0. Begin with zeros."""
)
def begins_with_ones(g, shape, index):
    total = np.ones(shape)
    np.add.at(total, index, g)
    return total


@index_backward.misconception(
    """You count how often each place was taken. Add the gradient that arrives there instead of 1."""
)
def counts_instead_of_adding(g, shape, index):
    total = np.zeros(shape)
    np.add.at(total, index, 1.0)
    return total


@index_backward.misconception(
    """You average what arrives at a place that was taken several times. Every copy acts on the result, so add."""
)
def averages_what_was_taken_again(g, shape, index):
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, index, g)
    np.add.at(count, index, 1.0)
    return total / np.maximum(count, 1)


# 5 ---------------------------------------------------------------- Tensor


def _drive_tensor(
    student, expression, g, a=None, b=None, c=None, d=None, e=None, rows=None, cols=None
):
    """Build the expression from the student's tensors; its result, and the gradients of the leaves."""
    arrays = {"a": a, "b": b, "c": c, "d": d, "e": e}
    leaves = {name: student(x) for name, x in arrays.items() if x is not None}
    y = _built(expression, leaves, rows, cols)
    y.backward(g)
    found = [leaves[name].grad if name in leaves else 0.0 for name in arrays]
    return y.data, *(np.zeros(()) if grad is None else grad for grad in found)


def _built(expression, leaves, rows, cols):
    if expression.startswith("a + b + b + ..."):
        y = leaves["a"]
        for _ in range(int(expression.split("(")[1].split()[0])):
            y = y + leaves["b"]
        return y
    names = {**leaves, "rows": rows, "cols": cols}
    return eval(expression, {"__builtins__": {}}, names)  # the expression is our own


def _tensor_oracle(torch, expression, g, rows=None, cols=None, **arrays):
    leaves = {n: torch.tensor(x, requires_grad=True) for n, x in arrays.items()}
    expression = expression.replace("axis=", "dim=").replace("keepdims=", "keepdim=")
    y = _built(expression, leaves, rows, cols)
    y.backward(torch.tensor(g))
    zero = np.zeros(())
    found = [leaves[n].grad if n in leaves else zero for n in "abcde"]
    return y.detach(), *found


def _expression(rng, expression):
    """The expression with arrays of its own: a, e (N, D), b (D,), c (D, M), d (N, 1); e is positive."""
    n, d, m = (int(k) for k in rng.permutation([2, 3, 4]))
    arrays = {
        "a": nonzero(rng, n, d),
        "b": nonzero(rng, d),
        "c": nonzero(rng, d, m),
        "d": nonzero(rng, n, 1),
        "e": np.abs(nonzero(rng, n, d)) + 0.5,
    }
    rows, cols = rng.integers(0, n, n), rng.integers(0, d, n)
    rows[-1], cols[-1] = rows[0], cols[0]  # something is always taken twice
    names = set(compile(expression.split("...")[0].rstrip(" +"), "", "eval").co_names)
    given = {name: x for name, x in arrays.items() if name in names}
    picks = {name: x for name, x in (("rows", rows), ("cols", cols)) if name in names}
    shape = np.shape(
        _built(expression, {k: scratch.Tensor(x) for k, x in given.items()}, rows, cols).data
    )
    return Case(expression, np.asarray(nonzero(rng, *shape), dtype=float), **given, **picks)


def _part(name, points, *expressions):
    """Every expression once, with arrays that everybody sees, and some with others."""
    shown = np.random.default_rng(5)
    given = [_expression(shown, e) for e in expressions]
    draw = lambda rng: _expression(rng, expressions[int(rng.integers(len(expressions)))])
    return Part(name, points, given, draw)


_FORMS = (
    "({0} * {1} + b)", "({0} - d * {1})", "(({0} @ c) @ c.T)", "({0} * {1}).tanh()", "({0} / e)", "({0} + {1}.sum(axis=0))",
    "({0} - {0}.sum(axis=1, keepdims=True))", "({0}.tanh()).exp()", "{0}[rows]", "({0} * {0} + 1).log()",
)  # fmt: skip


def _random_expression(rng):
    """Three statements deep; every part of it is used, some twice."""
    names, made = ["a", "e"], []
    for name in "pqr":
        form = _FORMS[int(rng.integers(len(_FORMS)))]
        made.append(f"({name} := {form.format(*rng.permutation([*names, *names])[:2])})")
        names = [*names, name]
    return _expression(rng, f"{made[0]} * {made[1]} + {made[2]} * a - e * p")


Tensor = Exercise(
    "tensors.Tensor",
    twin="dlcore.scratch.tensors.Tensor",
    parts=[
        _part("+", 1, "a + e", "a + 2", "2 + a"),
        _part("*", 1, "a * e", "a * 3 * e"),
        _part("broadcast", 2, "a + b", "d + a", "a * b", "a * d", "b * d", "b * 2 + a"),
        _part("@ and T", 2, "a @ c", "a.T", "c.T @ a.T", "(a @ c).T @ e"),
        _part("**, - and /", 1, "a ** 3", "e ** -1", "e ** 0.5", "a - b", "1 - a", "b / e", "2 / e"),
        _part("exp, log and tanh", 1, "a.exp()", "e.log()", "a.tanh()"),
        _part("sum", 1, "a.sum()", "a.sum(axis=0)", "a.sum(axis=1)", "a.sum(axis=1, keepdims=True)"),
        _part("[ ]", 1, "a[rows]", "a[rows, cols]", "b[cols]"),
        _part("used twice", 2, "a * a", "a.tanh() + (a + e)", "(a + e) + a.tanh()", "(p := a * e) * p + a", "a @ c + (a @ c) * (p := a + b).sum()"),
        Part("whole expressions", 2, draw=_random_expression, draws=6),
        Part("a chain of thousands", 1, draw=lambda rng: _expression(rng, f"a + b + b + ... ({int(rng.integers(1500, 1600))} times)"), draws=1),
    ],
    oracle=_tensor_oracle,
    driver=_drive_tensor,
    returns=("data", "a.grad", "b.grad", "c.grad", "d.grad", "e.grad"),
)  # fmt: skip


def _tensor_mistake(name, hint, *changes):
    mistake(Tensor, name, hint, *changes, pieces=_TENSOR, header=_HEADER)


_tensor_mistake(
    "forgets_the_broadcast",
    """A gradient has another shape than its array. Where + or * has broadcast an operand, sum its gradient back with
    unbroadcast.""",
    ("return unbroadcast(g, x.shape), unbroadcast(g, y.shape)", "return g, g"),
    ("return unbroadcast(g * y, x.shape), unbroadcast(g * x, y.shape)", "return g * y, g * x"),
)
_tensor_mistake(
    "swaps_the_factors",
    """The gradients of the product are swapped: that of a is g times b, the other factor.""",
    (
        "unbroadcast(g * y, x.shape), unbroadcast(g * x, y.shape)",
        "unbroadcast(g * x, x.shape), unbroadcast(g * y, y.shape)",
    ),
)
_tensor_mistake(
    "assigns_instead_of_adding",
    """A tensor that is used twice gets a gradient along each way, and they add up: grad + gradient, where you only keep the
    last.""",
    ("parent.grad = parent.grad + gradient", "parent.grad = gradient"),
)
_tensor_mistake(
    "shares_one_array",
    """Two tensors hold the same array as their gradient (the sum hands g to both), and += wrote into both. Make a new one:
    parent.grad = parent.grad + gradient.""",
    ("self.grad = np.zeros_like(self.data)", "self.grad = None"),
    ("self.grad = self.grad + g", "self.grad = np.zeros_like(self.data) + g"),
    (
        "parent.grad = parent.grad + gradient",
        "if parent.grad is None:\n                        parent.grad = gradient\n                    else:\n"
        "                        parent.grad += gradient",
    ),
)
_tensor_mistake(
    "begins_with_ones",
    """backward does not use its argument: the walk begins with g, which is 1 only where nothing is said.""",
    ("self.grad = self.grad + g", "self.grad = self.grad + 1.0"),
)
_tensor_mistake(
    "walks_from_the_leaves",
    """backward begins at the leaves. Gradients come from the result, the youngest tensor: it must be first.""",
    ("for node in _history(self):", "for node in reversed(_history(self)):"),
)
_tensor_mistake(
    "leaves_out_what_comes_from_above",
    """The gradient of a power is its slope alone: multiply n x^(n-1) by the g that arrives.""",
    ("(g * n * x ** (n - 1),)", "(n * x ** (n - 1),)"),
)
_tensor_mistake(
    "keeps_the_exponent",
    """The slope of x^n is n x^(n-1): the exponent goes down by one.""",
    ("(g * n * x ** (n - 1),)", "(g * n * x**n,)"),
)
_tensor_mistake(
    "gives_exp_its_input",
    """The slope of exp is its own output, not its input.""",
    ("lambda g: (g * y,))", "lambda g: (g * self.data,))"),
)
_tensor_mistake(
    "squares_tanhs_input",
    """The slope of tanh is 1 - y^2, with its output y, not with its input.""",
    ("(g * (1 - y * y),)", "(g * (1 - self.data**2),)"),
)
_tensor_mistake(
    "multiplies_instead_of_dividing",
    """The slope of log is 1 / x: divide the gradient by the input.""",
    ("lambda g: (g / x,)", "lambda g: (g * x,)"),
)
_tensor_mistake(
    "does_not_turn_the_gradient",
    """The gradient of a transpose arrives transposed, and has to be turned back: g.T.""",
    ("lambda g: (g.T,)", "lambda g: (g,)"),
)
_tensor_mistake(
    "forgets_keepdims_on_the_way_back",
    """The backward pass of a sum has to know whether the axis was kept: hand keepdims on to sum_backward.""",
    ("sum_backward(g, x.shape, axis, keepdims)", "sum_backward(g, x.shape, axis)"),
)
_tensor_mistake(
    "loses_what_was_taken_again",
    """x[index] with an index that repeats: the gradients of the copies add up. Your index_backward does that; += on an index
    does not.""",
    ("np.add.at(total, index, g)", "total[index] += g"),
)
_tensor_mistake(
    "calls_itself_for_every_tensor",
    """Right, until the graph gets deep: Python gives up after about 1,000 calls inside each other. The list from history() needs
    no calls.""",
    (
        "    found = {root.age: root}\n    waiting = [root]\n    while waiting:\n        for parent in waiting.pop().parents:\n"
        "            if parent.age not in found:\n                found[parent.age] = parent\n                waiting.append(parent)\n",
        "    found = {}\n\n    def visit(node):\n        if node.age not in found:\n            found[node.age] = node\n"
        "            for parent in node.parents:\n                visit(parent)\n\n    visit(root)\n",
    ),
)


# 6 ---------------------------------------------------------------- compare_gradients


def _gradients(rng):
    """Gradients of every size, a reference, and what may be wrong: in no order, each with its own fault or none."""
    faults = [
        "none",
        "rounding",
        "sign",
        "one entry",
        "shape",
        "nan",
        "small",
        "large",
        "zero",
        "zeros",
    ]
    mine, reference = {}, {}
    for name, fault in zip(
        ["w1", "b1", "z1", "h1", "w2", "b2", "z2", "h2", "w3", "b3"],
        map(str, rng.permutation(faults)),
    ):
        wanted = nonzero(rng, size(rng, 2, 3), 4)
        found = wanted.copy()
        if fault == "rounding":
            found = wanted * (1 + 1e-9)
        elif fault == "sign":
            found = np.where(wanted == np.abs(wanted).max(), 0.9, 1.0) * wanted - 0.1 * np.abs(
                wanted
            )
        elif fault == "one entry":
            found[0, 1] += 1e-5 * np.abs(wanted).max()
        elif fault == "shape":
            wanted, found = wanted[:, :1] * np.ones(4), wanted[:, :1].copy()
        elif fault == "nan":
            found[1, 0] = np.nan
        elif fault == "small":
            wanted, found = 1e-8 * wanted, 1e-8 * wanted * np.linspace(0.5, 1, 4)
        elif fault == "large":
            wanted, found = 1e6 * wanted, 1e6 * wanted + 1e-2
        elif fault == "zero":
            wanted[0, 0], found[0, 0] = 1e-12, 0.0
        elif fault == "zeros":
            wanted, found = 0 * wanted, 0 * wanted
        mine[name], reference[name] = found, wanted
    return mine, dict(reversed(reference.items()))


def _drive_names(student, mine, reference, tolerance=1e-6):
    """For each name that is returned, its place in ``mine``; then -1 for the names that are not."""
    found = [str(name) for name in student(mine, reference, tolerance)]
    places = [list(mine).index(name) for name in found]
    return np.array([*places, *[-1] * (len(mine) - len(places))])


def _differs(found, wanted, tolerance):
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return True
    return float(np.abs(found - wanted).max()) > tolerance * float(np.abs(wanted).max())


def _names_oracle(torch, mine, reference, tolerance=1e-6):
    wrong = [_differs(found, reference[name], tolerance) for name, found in mine.items()]
    places = np.flatnonzero(wrong)
    return np.concatenate([places, np.full(len(mine) - len(places), -1)])


def _wrong_at(rng, *, tolerance):
    """Right, within the tolerance and beyond it, each with positive and with negative entries."""
    mine, reference = {}, {}
    for name, off in zip("abcdef", rng.permutation([0.0, 0.5, 2.0, -0.0, -0.5, -2.0])):
        wanted = np.copysign(nonzero(rng, 2, 3), off)
        found = wanted.copy()
        found[tuple(rng.integers(0, [2, 3]))] += off * tolerance * np.abs(wanted).max()
        mine[name], reference[name] = found, wanted
    return Case(mine, reference, tolerance)


_PLAIN = {"w": np.array([1.0, 2.0]), "h": np.array([3.0, -1.0]), "b": np.array([0.5])}

compare_gradients = Exercise(
    "tensors.compare_gradients",
    twin="dlcore.scratch.tensors.compare_gradients",
    parts=[
        Part(
            "two of three",
            1,
            [Case(_PLAIN, {**_PLAIN, "w": np.array([1.0, 2.5]), "b": np.array([-0.5])})],
        ),
        Part("at the tolerance", 1, draw=lambda rng: _wrong_at(rng, tolerance=10.0 ** -float(rng.integers(2, 6)))),
        Part("small, large, not a number", 2, draw=lambda rng: Case(*_gradients(rng))),
    ],
    oracle=_names_oracle,
    driver=_drive_names,
)  # fmt: skip


def _names_mistake(name, hint, *changes):
    mistake(
        compare_gradients, name, hint, *changes, pieces=[scratch.compare_gradients], header=_HEADER
    )


_TEST = "np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()"
_SAME = "not (same and"
_names_mistake(
    "lets_nan_pass",
    """A gradient of nan passes, because every comparison with nan is false, that with > too. Ask whether the error is small
    enough, not whether it is too large.""",
    (f"{_SAME} {_TEST})", f"not same or {_TEST.replace('<=', '>')}"),
)
_names_mistake(
    "measures_the_same_for_all",
    """You compare errors with the tolerance itself. Gradients can be tiny or huge: 1e-9 is nothing beside 1000, and all
    wrong beside 1e-9. Measure by the largest entry of the reference.""",
    (_TEST, "np.abs(found - wanted).max() <= tolerance"),
)
_names_mistake(
    "forgets_the_absolute_value",
    """An entry that is too small passes, because its difference is negative. Take the absolute value first.""",
    (_TEST, "(found - wanted).max() <= tolerance * np.abs(wanted).max()"),
)
_names_mistake(
    "lets_other_shapes_pass",
    """A gradient with the wrong shape passes: NumPy broadcasts it against the right one. Compare the shapes as well.""",
    (_SAME, "not ("),
)
_names_mistake(
    "averages_the_errors",
    """You average the errors, so that one wrong entry hides among many right ones. Take the largest.""",
    (_TEST, _TEST.replace("- wanted).max()", "- wanted).mean()")),
)
_names_mistake(
    "measures_entry_by_entry",
    """You divide each error by its own entry, so that rounding in an entry near 0 looks like a mistake. Measure by the largest
    entry of the array.""",
    (_TEST, "(np.abs(found - wanted) <= tolerance * np.abs(wanted)).all()"),
)
_names_mistake(
    "returns_those_that_agree",
    """These are the names that agree. Return the others.""",
    (_SAME, "(same and"),
)


# 7 ---------------------------------------------------------------- training_step


def _drive_step(student, layers, x, t, lr=0.1):
    """The loss, and all new weights and biases in one row each."""
    loss, new = student(layers, x, t, lr)
    weights, biases = zip(*new)
    for (w, b), (v, c) in zip(layers, new):
        assert np.shape(w) == np.shape(v) and np.shape(b) == np.shape(c), (
            "new layers have new shapes"
        )
    return loss, *(np.concatenate([np.ravel(p) for p in part]) for part in (weights, biases))


def _step_oracle(torch, layers, x, t, lr=0.1):
    leaves = [torch.tensor(np.array(p), requires_grad=True) for layer in layers for p in layer]
    h = torch.tensor(np.array(x))
    for depth, (w, b) in enumerate(zip(leaves[::2], leaves[1::2])):
        h = torch.nn.functional.linear(h if depth == 0 else h.tanh(), w, b)
    loss = torch.nn.functional.cross_entropy(h, torch.tensor(t))
    loss.backward()
    new = [p.detach() - lr * p.grad for p in leaves]
    rows = [np.concatenate([np.ravel(to_plain(p)) for p in new[i::2]]) for i in (0, 1)]
    return loss.detach(), *rows


def _step_case(rng, widths):
    n = size(rng, 4, 6)
    layers = [(normal(rng, m, d), normal(rng, m)) for d, m in itertools.pairwise(widths)]
    rate = round(float(rng.uniform(0.1, 2.0)), 2)
    return Case(layers, normal(rng, n, widths[0]), rng.integers(0, widths[-1], n), rate)


training_step = Exercise(
    "tensors.training_step",
    twin="dlcore.scratch.tensors.training_step",
    parts=[
        Part("one layer", 1, draw=lambda rng: _step_case(rng, [3, 4])),
        Part("two layers", 2, draw=lambda rng: _step_case(rng, [4, 3, 2])),
        Part("any number of layers", 1, draw=lambda rng: _step_case(rng, [2, *rng.integers(2, 5, 3).tolist(), 3])),
    ],
    oracle=_step_oracle,
    driver=_drive_step,
    returns=("loss", "new weights", "new biases"),
)  # fmt: skip


def _step_mistake(name, hint, *changes):
    mistake(
        training_step,
        name,
        hint,
        *changes,
        pieces=[*_TENSOR, scratch.training_step],
        header=_HEADER,
    )


_step_mistake(
    "walks_uphill",
    """The weights go up the gradient, so the loss grows. Subtract.""",
    ("w.data - lr * w.grad", "w.data + lr * w.grad"),
    ("b.data - lr * b.grad", "b.data + lr * b.grad"),
)
_step_mistake(
    "bends_the_last_layer",
    """The scores of the last layer are bent as well. The cross-entropy wants them raw; tanh stands between layers only.""",
    ("h = z.tanh() if depth < len(tensors) - 1 else z", "h = z.tanh()"),
)
_step_mistake(
    "never_bends",
    """There is no tanh between the layers, so together they are one single layer.""",
    ("h = z.tanh() if depth < len(tensors) - 1 else z", "h = z"),
)
_step_mistake(
    "ignores_lr",
    """You use a learning rate of your own. Take the argument lr; 0.1 is only its default.""",
    ("w.data - lr * w.grad", "w.data - 0.1 * w.grad"),
    ("b.data - lr * b.grad", "b.data - 0.1 * b.grad"),
)
_step_mistake(
    "leaves_the_biases_behind",
    """The weights move, the biases do not. They have a gradient too.""",
    ("b.data - lr * b.grad)", "b.data)"),
)
_step_mistake(
    "adds_up_the_losses",
    """Loss and gradients are as many times too large as there are examples: take the mean of the surprises, not their sum.""",
    ("loss = h.cross_entropy(t)", "loss = h.cross_entropy(t) * len(t)"),
)
_step_mistake(
    "steps_before_backward",
    """The new weights are the old ones: all gradients were still 0. Call backward on the loss before you use them.""",
    ("    loss.backward()\n", ""),
)
_step_mistake(
    "moves_the_last_layer_alone",
    """Only the last layer moves. Every layer has a gradient; that is what backward is for.""",
    (
        "for w, b in tensors]\n    return",
        "for w, b in tensors]\n    new[:-1] = [(w.data, b.data) for w, b in tensors[:-1]]\n    return",
    ),
)
