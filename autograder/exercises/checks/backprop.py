# ruff: noqa: B905  learners write zip without strict
"""Lesson 04: numerical derivative, a neuron's gradients, topological order, Value, a network."""

from __future__ import annotations

import re

import numpy as np

from autograder.exercises.checks._draw import nonzero, normal, size
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from dlcore.scratch import backprop as scratch


def _mistake(exercise, name, hint, old, new):
    pieces = [exercise.function, *(["_value"] if exercise.function == "Value" else []), "_ordered"]
    found = [getattr(scratch, piece) for piece in pieces]
    mistake(exercise, name, hint, (old, new), pieces=found, header="import math")


_LOOP = """    stack = [(root, False)]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((parent, False) for parent in parents(node))
"""
_CALLS = """
    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in parents(node):
                visit(parent)
            order.append(node)

    visit(root)
"""


# 1 ---------------------------------------------------------------- numerical_derivative


def _cubic(a, b, c):
    def f(x):
        return a * x**3 + b * x**2 + c * x + 1

    f.coefficients = a, b, c
    f.__name__ = f.__qualname__ = f"x -> {a:g} x^3 + {b:g} x^2 + {c:g} x + 1"
    return f


def _slope_case(rng):
    a, b, c = nonzero(rng, 3)
    return Case(_cubic(a, b, c), round(float(rng.uniform(-2, 2)), 2))


def _wide_case(rng):
    a, b, c = nonzero(rng, 3)
    return Case(_cubic(a, b, c), round(float(rng.uniform(-2, 2)), 2), 0.5)


def _slope_oracle(torch, f, x, h=1e-6):
    """Autograd's slope; measured over a distance h that of a cubic is off by exactly a h^2."""
    a, b, c = f.coefficients
    leaf = torch.tensor(np.float64(x), requires_grad=True)
    (a * leaf**3 + b * leaf**2 + c * leaf).backward()
    return leaf.grad.numpy() + a * h * h


numerical_derivative = Exercise(
    "backprop.numerical_derivative",
    twin="dlcore.scratch.backprop.numerical_derivative",
    parts=[
        Part("a tiny h", 1, [Case(_cubic(1.0, 0.0, 0.0), 2.0)], _slope_case),
        Part("on both sides, at any h", 1, [Case(_cubic(0.0, 1.0, 0.0), 3.0, 0.5)], _wide_case),
    ],
    oracle=_slope_oracle,
    rtol=1e-6,
    atol=1e-7,
)


@numerical_derivative.misconception(
    """Your slope is twice too large. From x - h to x + h the distance is 2h."""
)
def divides_by_one_h(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / h


@numerical_derivative.misconception(
    """You look to the right only. That is off by about h times the curvature; with a step to each side
    the errors cancel, and what is left shrinks with h squared."""
)
def looks_to_one_side(f, x, h=1e-6):
    return (f(x + h) - f(x)) / h


@numerical_derivative.misconception(
    """This is the difference of the values. A slope is the difference divided by the distance, 2h."""
)
def forgets_to_divide(f, x, h=1e-6):
    return f(x + h) - f(x - h)


@numerical_derivative.misconception("""The sign is turned round: right minus left, over 2h.""")
def takes_left_minus_right(f, x, h=1e-6):
    return (f(x - h) - f(x + h)) / (2 * h)


@numerical_derivative.misconception(
    """You use a step of your own. Use the argument h, of which 1e-6 is only the default."""
)
def ignores_h(f, x, h=1e-6):
    return (f(x + 1e-6) - f(x - 1e-6)) / 2e-6


# 2 ---------------------------------------------------------------- neuron_gradients


def _neuron_case(rng):
    d = size(rng, 2, 4)
    return Case(
        nonzero(rng, d, scale=0.6), nonzero(rng, d, scale=0.6), float(normal(rng, scale=0.4))
    )


def _neuron_oracle(torch, w, x, b):
    leaves = [torch.tensor(np.asarray(v, dtype=float), requires_grad=True) for v in (w, x, b)]
    weights, inputs, bias = leaves
    ((weights * inputs).sum() + bias).tanh().backward()
    return tuple(leaf.grad for leaf in leaves)


neuron_gradients = Exercise(
    "backprop.neuron_gradients",
    twin="dlcore.scratch.backprop.neuron_gradients",
    parts=[
        Part("two inputs", 1, [Case(np.array([0.5, -1.0]), np.array([2.0, 1.0]), 0.25)]),
        Part("any number of inputs", 1, draw=_neuron_case),
    ],
    oracle=_neuron_oracle,
    returns=("dw", "dx", "db"),
)


@neuron_gradients.misconception(
    """The bend is missing: these are the slopes of z = w x + b. Multiply each by tanh's own slope,
    1 - y^2."""
)
def forgets_the_bend(w, x, b):
    return x.copy(), w.copy(), 1.0


@neuron_gradients.misconception(
    """You wrote 1 - z^2, with the sum before the bend. The slope of tanh is 1 - y^2, with its output y."""
)
def squares_the_sum(w, x, b):
    dz = 1 - (w @ x + b) ** 2
    return dz * x, dz * w, dz


@neuron_gradients.misconception(
    """dw and dx are swapped. The product w_i x_i grows by x_i when w_i grows by 1, so dw holds the x."""
)
def swaps_weights_and_inputs(w, x, b):
    dz = 1 - np.tanh(w @ x + b) ** 2
    return dz * w, dz * x, dz


@neuron_gradients.misconception(
    """The bias passes through the bend like all the rest: its slope is 1 - y^2 too, not 1."""
)
def gives_the_bias_a_one(w, x, b):
    dz = 1 - np.tanh(w @ x + b) ** 2
    return dz * x, dz * w, 1.0


@neuron_gradients.misconception(
    """y (1 - y) is the slope of the sigmoid. That of tanh is 1 - y^2."""
)
def uses_the_sigmoids_slope(w, x, b):
    y = np.tanh(w @ x + b)
    dz = y * (1 - y)
    return dz * x, dz * w, dz


# 3 ---------------------------------------------------------------- topological_order


def _random_graph(rng, slopes=False):
    """Names in no particular order, some of which the root does not depend on."""
    names = [str(n) for n in rng.permutation(list("abcdefgh"))]
    graph, made = {}, []
    for i, name in enumerate(names):
        parents = []
        if i >= 2:
            wanted = int(rng.integers(1, 4))
            parents = [made[-1], *(str(p) for p in rng.choice(made, wanted))][:wanted]
        if slopes:
            parents = [(p, float(nonzero(rng))) for p in parents]
        graph[name] = parents
        made.append(name)
    order = sorted(graph)  # the alphabet knows nothing of parents
    return {name: graph[name] for name in order}, names[-2]


def _topological_case(rng):
    return Case(*_random_graph(rng))


def _chain(rng):
    """A long chain, its links in no order."""
    names = [f"v{i}" for i in rng.permutation(int(rng.integers(5000, 5100)))]
    parents = {name: names[i - 1 : i] for i, name in enumerate(names)}
    return {name: parents[name] for name in sorted(names)}, names[-1]


def _drive_order(student, graph, root):
    """What is wrong with an order, in four numbers: many orders are right."""
    found = [str(name) for name in student(graph, root)]
    place = {name: i for i, name in enumerate(found)}
    late = sum(place.get(p, len(found)) > i for i, n in enumerate(found) for p in graph.get(n, ()))
    numbers = (len(set(found)), len(found) - len(place), late, place.get(root, -1))
    return tuple(map(np.array, numbers))


def _order_oracle(torch, graph, root):
    known, waiting = {root}, [root]
    while waiting:
        fresh = set(graph[waiting.pop()]) - known
        known |= fresh
        waiting += fresh
    return tuple(map(np.array, (len(known), 0, 0, len(known) - 1)))


_DIAMOND = {"y": ["p", "q"], "q": ["a"], "p": ["a", "b"], "b": [], "a": [], "z": ["y"]}

topological_order = Exercise(
    "backprop.topological_order",
    twin="dlcore.scratch.backprop.topological_order",
    parts=[
        Part("a diamond", 1, [Case(_DIAMOND, "y")]),
        Part("any graph", 2, draw=_topological_case),
        Part(
            "a chain of 5,000",
            1,
            draw=lambda rng: Case(*_chain(rng)),
            draws=1,
        ),
    ],
    oracle=_order_oracle,
    driver=_drive_order,
    returns=(
        "the number of different names",
        "the number of repeated names",
        "the number of names that come before one of their parents",
        "the index of the root (-1: missing)",
    ),
)


_mistake(
    topological_order,
    "puts_children_first",
    """The order is the wrong way round: children come before their parents. A value can be computed
    only after those it is made of.""",
    "return order",
    "return order[::-1]",
)


_mistake(
    topological_order,
    "visits_twice",
    """A name that is reached on two ways stands in your list twice. Keep a set of those you have seen.""",
    "elif node not in seen:",
    "else:",
)


@topological_order.misconception(
    """You return every name of the graph. Only those that the root depends on are wanted: start at the
    root and follow the parents."""
)
def returns_every_name(graph, root):
    order = {}
    while len(order) < len(graph):
        for name in graph:
            if name not in order and all(p in order for p in graph[name]):
                order[name] = True
    return list(order)


@topological_order.misconception(
    """You list names in the order in which you meet them, nearest first, and turn that round. A name
    that is near on one way may be far on another: its parents can still come too late."""
)
def turns_a_breadth_first_search_round(graph, root):
    order, queue = {root: True}, [root]
    while queue:
        for p in graph[queue.pop(0)]:
            if p not in order:
                order[p] = True
                queue.append(p)
    return list(order)[::-1]


_mistake(
    topological_order,
    "calls_itself",
    """Right, until the graph gets deep: Python gives up after about 1,000 calls inside each other. Keep a
    list of what is still to be visited, and a loop.""",
    _LOOP,
    _CALLS,
)


# 4 ---------------------------------------------------------------- gradients


def _gradients_case(rng):
    return Case(*_random_graph(rng, slopes=True))


def _drive_gradients(student, graph, root):
    found = student(graph, root)
    names = sorted(_order(graph, root))
    return np.array([float(found.get(name, np.nan)) for name in names])


def _order(graph, root):
    known, waiting = {root}, [root]
    while waiting:
        fresh = {p for p, _ in graph[waiting.pop()]} - known
        known |= fresh
        waiting += fresh
    return known


def _gradients_oracle(torch, graph, root):
    """Each name as a tensor with a leaf of its own added, whose gradient is the name's."""
    leaves, made = {}, {}

    def make(name):
        if name not in made:
            leaves[name] = torch.tensor(np.float64(0.0), requires_grad=True)
            total = leaves[name]
            for parent, slope in graph[name]:
                total = total + slope * make(parent)
            made[name] = total
        return made[name]

    make(root).backward()
    return np.array([leaves[name].grad.numpy() for name in sorted(leaves)])


_SLOPES = {
    "y": [("a", 5.0), ("p", 2.0)],
    "p": [("a", 3.0), ("b", -1.0)],
    "a": [("b", 4.0)],
    "b": [],
}

gradients = Exercise(
    "backprop.gradients",
    twin="dlcore.scratch.backprop.gradients",
    parts=[
        Part("two ways from a to y", 1, [Case(_SLOPES, "y")]),
        Part("any graph", 2, draw=_gradients_case, draws=6),
    ],
    oracle=_gradients_oracle,
    driver=_drive_gradients,
)


_mistake(
    gradients,
    "overwrites_the_other_way",
    """You overwrite what came along another way. A name that is used twice acts on the result twice:
    its gradient is the sum, so += and not =.""",
    "found[parent] += slope * found[name]",
    "found[parent] = slope * found[name]",
)


_mistake(
    gradients,
    "leaves_out_what_comes_from_above",
    """You add the local slopes and leave out what comes from above. The chain rule multiplies: slope
    times the gradient of the name itself.""",
    "found[parent] += slope * found[name]",
    "found[parent] += slope",
)


_mistake(
    gradients,
    "forgets_the_first_one",
    """All gradients are zero: nothing was there to be passed on. The result's slope with respect to
    itself is 1; set that before the loop.""",
    "found[root] = 1.0",
    "pass",
)


@gradients.misconception(
    """You pass a gradient on before it is complete. A name may do so only after all that use it have:
    go through a topological order backwards."""
)
def passes_on_too_early(graph, root):
    order, queue = [root], [root]
    while queue:
        for p, _ in graph[queue.pop(0)]:
            if p not in order:
                order.append(p)
                queue.append(p)
    grad = dict.fromkeys(order, 0.0)
    grad[root] = 1.0
    for name in order:
        for parent, slope in graph[name]:
            grad[parent] += slope * grad[name]
    return grad


_mistake(
    gradients,
    "walks_forwards",
    """You walk forwards, from the leaves to the result, so their gradients are still 0 when they are
    used. Begin at the result.""",
    "for name in reversed(order):",
    "for name in order:",
)


# 5 ---------------------------------------------------------------- Value


def _drive_value(student, expression, leaves):
    """Build the expression from the student's values; its result, and the leaves' gradients."""
    values = {name: student(x) for name, x in leaves.items()}
    y = _built(expression, values)
    y.backward()
    return float(y.data), np.array([float(values[name].grad) for name in leaves])


def _built(expression, values):
    if match := re.fullmatch(r"a \+ b \+ b \+ \.\.\. \((\d+) times\)", expression):
        y = values["a"]
        for _ in range(int(match[1])):
            y = y + values["b"]
        return y
    return eval(expression, {"__builtins__": {}}, dict(values))  # the expression is our own


def _value_oracle(torch, expression, leaves):
    values = {n: torch.tensor(np.float64(x), requires_grad=True) for n, x in leaves.items()}
    y = _built(expression, values)
    y.backward()
    grads = [0.0 if v.grad is None else float(v.grad.numpy()) for v in values.values()]
    return y.detach().numpy(), np.array(grads)


def _leaves(rng):
    return dict(zip("abc", map(float, nonzero(rng, 3)), strict=True))


def _part(name, points, *expressions):
    """Every expression with leaves that are given, one of them with others: a positive, a negative, a zero."""
    given = [{"a": 2.0, "b": -3.0, "c": 0.0 if "relu" in e else 1.0} for e in expressions]

    def draw(rng):
        return Case(expressions[int(rng.integers(len(expressions)))], _leaves(rng))

    return Part(name, points, [Case(e, x) for e, x in zip(expressions, given, strict=True)], draw)


def _random_expression(rng):
    """Three statements deep; every part of it is used at least once, some twice."""
    names = ["a", "b", "c"]
    forms = ["({0} * {1} + {2})", "({0} - {1} * {2})", "({0} * {1}).tanh()", "({0} + {1}).relu()",
             "({0} / ({1} ** 2 + 1))", "({0} * 0.5).exp()", "(1 - {0}) * {1}"]  # fmt: skip
    made = []
    for name in "pqr":
        form = forms[int(rng.integers(len(forms)))]
        made.append(f"({name} := {form.format(*rng.permutation(names)[:3])})")
        names = [*names, name]
    return Case(f"{made[0]} * {made[1]} + {made[2]} * a + b * c - p", _leaves(rng))


Value = Exercise(
    "backprop.Value",
    twin="dlcore.scratch.backprop.Value",
    parts=[
        _part("+", 1, "a + b", "a + b + c", "a + (b + c)"),
        _part("*", 1, "a * b", "a * b * c", "a * (b + c)"),
        _part("used twice", 2, "a * a", "(d := a * b) * d + a", "a + a * b", "(d := a * b) + d * (e := d + c) * e"),
        _part("**", 1, "a ** 3", "a ** 2 * b", "a ** -1", "((a * b) ** 2) ** 1.5"),
        _part("- and /", 1, "a - b", "-a * b", "a - b * c", "a / b - c / a"),
        _part("beside plain numbers", 1, "2 * a + 1", "3 - a", "a - 1.5 * b", "1 / a + b / 2"),
        _part("exp and tanh", 1, "a.exp()", "a.tanh()", "(a * b).tanh()", "a.exp() * b.tanh()"),
        _part("relu", 1, "a.relu() + b.relu() + c.relu()", "(a * b).relu() + c", "(a + b * c).relu() * b"),
        Part("whole expressions", 2, draw=_random_expression, draws=6),
        Part("a chain of thousands", 1, draw=lambda rng: Case(f"a + b + b + ... ({int(rng.integers(3000, 3100))} times)", _leaves(rng)), draws=1),
    ],
    oracle=_value_oracle,
    driver=_drive_value,
    returns=("data", "grads"),
)  # fmt: skip


_mistake(
    Value,
    "assigns_instead_of_adding",
    """A value that is used twice acts on the result twice, and its gradient is the sum of both: += where
    you have =.""",
    "parent.grad += slope * node.grad",
    "parent.grad = slope * node.grad",
)
_mistake(
    Value,
    "never_starts",
    """All gradients are 0: nothing is passed on because nothing is there. The slope of the result with
    respect to itself is 1; backward begins with it.""",
    "self.grad = 1.0 if self.parents else self.grad + 1.0",
    "pass",
)
_mistake(
    Value,
    "swaps_the_factors_slopes",
    """The slopes of the product are swapped: if a grows by 1, a b grows by b, the other factor.""",
    "(other.data, self.data)",
    "(self.data, other.data)",
)
_mistake(
    Value,
    "forgets_the_chain",
    """You add up local slopes and leave out what comes from above. The chain rule multiplies the local slope
    by the gradient of the result of the operation.""",
    "parent.grad += slope * node.grad",
    "parent.grad += slope",
)
_mistake(
    Value,
    "walks_from_the_leaves",
    """backward goes through the values in the order in which they were computed. The slopes travel the other
    way: from the result to the leaves.""",
    "for node in reversed(order):",
    "for node in order:",
)
_mistake(
    Value,
    "forgets_the_exponent",
    """The slope of x^n is n x^(n-1). The factor n is missing in yours.""",
    "slope = exponent * self.data ** (exponent - 1) if exponent else 0.0",
    "slope = self.data ** (exponent - 1)",
)
_mistake(
    Value,
    "keeps_the_exponent",
    """The slope of x^n is n x^(n-1): the exponent goes down by one.""",
    "slope = exponent * self.data ** (exponent - 1) if exponent else 0.0",
    "slope = exponent * self.data**exponent",
)
_mistake(
    Value,
    "subtracts_the_wrong_way_round",
    """a - b comes out as b - a. Write it as a + (-b).""",
    "return self + -_value(other)",
    "return _value(other) + -self",
)
_mistake(
    Value,
    "squares_tanhs_input",
    """The slope of tanh is 1 - y^2, with its output y, not with its input.""",
    "(1 - y * y,)",
    "(1 - self.data * self.data,)",
)
_mistake(
    Value,
    "gives_exp_its_input_as_slope",
    """The slope of exp is exp itself: its own output, not its input.""",
    '(y,), "exp")',
    '(self.data,), "exp")',
)
_mistake(
    Value,
    "lets_everything_through_relu",
    """relu passes no slope back where its input is negative: 1 for x > 0, otherwise 0.""",
    "(float(self.data > 0),)",
    "(1.0,)",
)
_mistake(
    Value,
    "calls_itself_for_every_value",
    """Right, until the graph gets deep: Python gives up after about 1,000 calls inside each other. Keep a list
    of what is still to be visited, and a loop.""",
    _LOOP,
    _CALLS,
)


# 6 ---------------------------------------------------------------- mlp


def _bent(z):
    """A function of nobody's library, so that the activation handed in must be used."""
    return z * z + 0.5 * z if z > 0 else 0.3 * z


_bent.__name__ = "z -> z * z + 0.5 * z if z > 0 else 0.3 * z"


def _network(rng, widths):
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    layers = [(nonzero(rng, m, d).tolist(), nonzero(rng, m).tolist()) for m, d in shapes]
    return Case(nonzero(rng, widths[0]).tolist(), layers, _bent)


def _mlp_oracle(torch, x, layers, activation):
    h = np.array(x)
    for depth, (w, b) in enumerate(layers):
        z = torch.nn.functional.linear(*(torch.tensor(np.array(v)) for v in (h, w, b)))
        h = z.detach().numpy()
        if depth < len(layers) - 1:
            h = np.array([activation(float(v)) for v in h])
    return h


def _drive_mlp(student, x, layers, activation):
    return np.array([float(v) for v in student(x, layers, activation)])


mlp = Exercise(
    "backprop.mlp",
    twin="dlcore.scratch.backprop.mlp",
    parts=[
        Part("one layer", 1, [Case([1.0, 2.0], [([[3.0, -1.0], [0.5, 0.5]], [0.5, -1.0])], _bent)]),
        Part("two layers", 1, draw=lambda rng: _network(rng, [2, 3, 1])),
        Part(
            "any number of layers",
            1,
            draw=lambda rng: _network(rng, [3, *rng.integers(2, 5, 3), 2]),
        ),
    ],
    oracle=_mlp_oracle,
    driver=_drive_mlp,
)


@mlp.misconception(
    """The last layer is bent too. Its sums are the network's scores and leave as they are: the loss
    decides what to do with them."""
)
def bends_the_last_layer(x, layers, activation):
    for w, b in layers:
        x = [activation(sum(p * q for p, q in zip(row, x)) + bias) for row, bias in zip(w, b)]
    return x


@mlp.misconception(
    """There is no bend between your layers, so together they are one single layer, as lesson 2 showed. Apply
    the activation to every sum but the last layer's."""
)
def never_bends(x, layers, activation):
    for w, b in layers:
        x = [sum(p * q for p, q in zip(row, x)) + bias for row, bias in zip(w, b)]
    return x


@mlp.misconception("""The biases are missing: each neuron adds its own to its sum.""")
def forgets_the_biases(x, layers, activation):
    for depth, (w, _b) in enumerate(layers):
        z = [sum(p * q for p, q in zip(row, x)) for row in w]
        x = z if depth == len(layers) - 1 else [activation(v) for v in z]
    return x


@mlp.misconception(
    """Every layer is given the network's input. Feed it what the layer before has sent out."""
)
def feeds_the_input_to_every_layer(x, layers, activation):
    h = x
    for depth, (w, b) in enumerate(layers):
        h = [sum(p * q for p, q in zip(row, x)) + bias for row, bias in zip(w, b)]
        if depth < len(layers) - 1:
            h = [activation(v) for v in h]
    return h


@mlp.misconception(
    """You bend the inputs of a neuron before they are weighted. First the weighted sum with its bias, then
    the bend."""
)
def bends_before_the_sum(x, layers, activation):
    for w, b in layers:
        x = [sum(p * activation(q) for p, q in zip(row, x)) + bias for row, bias in zip(w, b)]
    return x
