"""Value: a scalar that remembers how it was computed. Reverse-mode automatic differentiation in its smallest form.

Each operation is the forward pass, then one line with its local derivatives. ``backward`` visits the
computational graph from the result to the leaves and multiplies them: the chain rule, once a node.

Paper: Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np


class Value:
    """A number, the values it came from, and the derivative of it by each of them.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> c = a * b + a.exp()
    >>> c.backward()
    >>> round(a.grad, 4), b.grad
    (4.3891, 2.0)
    """

    __slots__ = ("data", "grad", "label", "op", "parents", "slopes")

    def __init__(
        self,
        data: float,
        parents: tuple[Value, ...] = (),
        slopes: tuple[float, ...] = (),
        op: str = "",
        label: str = "",
    ) -> None:
        self.data = float(data)
        self.grad = 0.0
        self.parents = parents
        self.slopes = slopes  # d self / d parent, one for each parent
        self.op = op
        self.label = label

    def __add__(self, other: Value | float) -> Value:
        other = _value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0), "+")

    def __mul__(self, other: Value | float) -> Value:
        other = _value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data), "*")

    def __pow__(self, exponent: float) -> Value:
        """self ** exponent, for a number.  Raises TypeError for a Value, ValueError for a root of a negative."""
        if not isinstance(exponent, int | float):
            raise TypeError("Value ** exponent: the exponent must be a number, not a Value")
        if self.data < 0 and exponent != int(exponent):
            raise ValueError(f"{self.data:g} ** {exponent:g} is not a real number")
        # 0 ** -1 would be an error where the derivative of a constant is 0
        slope = exponent * self.data ** (exponent - 1) if exponent else 0.0
        return Value(self.data**exponent, (self,), (slope,), f"**{exponent:g}")

    def __truediv__(self, other: Value | float) -> Value:
        other = _value(other)
        x, y = self.data, other.data
        return Value(x / y, (self, other), (1 / y, -x / (y * y)), "/")

    def exp(self) -> Value:
        y = math.exp(self.data)
        return Value(y, (self,), (y,), "exp")

    def log(self) -> Value:
        return Value(math.log(self.data), (self,), (1 / self.data,), "log")

    def tanh(self) -> Value:
        y = math.tanh(self.data)
        return Value(y, (self,), (1 - y * y,), "tanh")

    def sigmoid(self) -> Value:
        e = math.exp(-abs(self.data))  # of a negative number only: it cannot overflow
        y = (1 if self.data >= 0 else e) / (1 + e)
        return Value(y, (self,), (y * (1 - y),), "sigmoid")

    def relu(self) -> Value:
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),), "relu")

    def __neg__(self) -> Value:
        return self * -1.0

    def __sub__(self, other: Value | float) -> Value:
        return self + -_value(other)

    def __radd__(self, other: float) -> Value:
        return _value(other) + self

    def __rmul__(self, other: float) -> Value:
        return _value(other) * self

    def __rsub__(self, other: float) -> Value:
        return _value(other) - self

    def __rtruediv__(self, other: float) -> Value:
        return _value(other) / self

    def history(self) -> list[Value]:
        """Every value that this one depends on, parents before children, this one last.

        An explicit stack instead of recursion: Python gives up about 1,000 calls deep.
        """
        return _ordered(self, lambda node: node.parents)

    def backward(self) -> None:
        """Add d self / d v to ``grad`` of every value v that self depends on.

        Gradients add up over calls at the leaves; those of intermediate values start afresh.
        """
        order = self.history()
        for node in order:
            if node.parents:
                node.grad = 0.0
        self.grad = 1.0 if self.parents else self.grad + 1.0
        for node in reversed(order):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * node.grad

    def __repr__(self) -> str:
        return f"Value({self.data:g}, grad={self.grad:g})"


def _value(x: Value | float) -> Value:
    return x if isinstance(x, Value) else Value(x)


Node = TypeVar("Node", bound=Hashable)


def _ordered(root: Node, parents: Callable[[Node], Iterable[Node]]) -> list[Node]:
    order: list[Node] = []
    seen: set[Node] = set()
    stack = [(root, False)]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((parent, False) for parent in parents(node))
    return order


def numerical_derivative(f: Callable[[float], float], x: float, h: float = 1e-6) -> float:
    """The slope of f at x, measured on both sides:  (f(x + h) - f(x - h)) / 2h.

    Its error shrinks with h^2; that of a one-sided measurement only with h.

    >>> round(numerical_derivative(lambda x: x**3, 2.0), 6)
    12.0
    """
    return (f(x + h) - f(x - h)) / (2 * h)


def neuron_gradients(w: Any, x: Any, b: float) -> tuple[Any, Any, float]:
    """The slopes of y = tanh(w x + b) with respect to w, x and b, by the chain rule.

    Shapes: w (D,), x (D,), b a number -> dw (D,), dx (D,), db a number.
    """
    y = np.tanh(x @ w + b)
    dz = 1 - y * y
    return dz * x, dz * w, dz


def topological_order(graph: Mapping[str, Sequence[str]], root: str) -> list[str]:
    """The names that ``root`` depends on, itself included, parents before children, each once.

    ``graph`` gives the parents of every name.

    >>> topological_order({"a": [], "b": [], "c": ["a", "b"], "y": ["c", "a"]}, "c")
    ['b', 'a', 'c']
    """
    return _ordered(root, lambda name: graph[name])


def gradients(graph: Mapping[str, Sequence[tuple[str, float]]], root: str) -> dict[str, float]:
    """The slope of ``root`` with respect to every name that it depends on.

    ``graph`` gives each name's parents with the local slopes: d name / d parent.

    >>> gradients({"a": [], "b": [("a", 3.0)], "y": [("b", 2.0), ("a", 1.0)]}, "y")
    {'a': 7.0, 'b': 2.0, 'y': 1.0}
    """
    order = _ordered(root, lambda name: [parent for parent, _ in graph[name]])
    found = dict.fromkeys(order, 0.0)
    found[root] = 1.0
    for name in reversed(order):
        for parent, slope in graph[name]:
            found[parent] += slope * found[name]
    return found


def mlp(x: Sequence[Any], layers: Sequence[Any], activation: Callable[[Any], Any]) -> list[Any]:
    """Send numbers or Values through layers, with ``activation`` after each but the last.

    x: D of them; layers: pairs (w, b) of rows w (M, D) and biases b (M,) -> M of the last layer.
    """
    for depth, (w, b) in enumerate(layers):
        sums = [
            sum((wi * xi for wi, xi in zip(row, x, strict=True)), start=bias)
            for row, bias in zip(w, b, strict=True)
        ]
        x = sums if depth == len(layers) - 1 else [activation(z) for z in sums]
    return list(x)


class Graph(NamedTuple):
    """A computation as nodes (label, op, data, grad) and edges (from index, to index), in order."""

    nodes: list[dict[str, Any]]
    edges: list[tuple[int, int]]


def graph(result: Value) -> Graph:
    """The history of ``result`` as plain data, ready for drawing.

    >>> a = Value(2.0, label="a")
    >>> [node["op"] or node["label"] for node in graph(a * a + 1).nodes]
    ['1', 'a', '*', '+']
    """
    order = result.history()
    index = {id(node): i for i, node in enumerate(order)}
    nodes = [
        {
            "label": node.label or ("" if node.op else f"{node.data:g}"),
            "op": node.op,
            "data": node.data,
            "grad": node.grad,
        }
        for node in order
    ]
    edges = [(index[id(p)], index[id(node)]) for node in order for p in node.parents]
    return Graph(nodes, edges)
