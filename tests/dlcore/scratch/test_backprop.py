"""Value: PyTorch's scalar gradients, depth, and the graph for drawing."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore.scratch.backprop import Value, graph

numbers = st.floats(0.2, 3) | st.floats(-3, -0.2)
positive = st.floats(0.2, 3)

BINARY = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "both": lambda a, b: (a * b + a) / (b * b + 1) - a * a,
}
UNARY = {
    "neg": lambda a: -a,
    "tanh": lambda a: a.tanh(),
    "sigmoid": lambda a: a.sigmoid(),
    "relu": lambda a: a.relu(),
    "exp": lambda a: a.exp(),
    "square": lambda a: a**2,
    "cube": lambda a: a**-3,
    "power 0": lambda a: a**0,
    "reflected": lambda a: 2 + (3 - (4 * (5 / a))),
}
POSITIVE = {"log": lambda a: a.log(), "root": lambda a: a**0.5, "power": lambda a: a**2.7}


def compare(f, *xs):
    ours = [Value(x) for x in xs]
    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in xs]
    y, z = f(*ours), f(*theirs)
    y.backward()
    z.backward()
    assert y.data == pytest.approx(z.item(), rel=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad == pytest.approx(b.grad.item(), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("name", BINARY)
@given(a=numbers, b=numbers)
def test_two_values(name, a, b):
    compare(BINARY[name], a, b)


@pytest.mark.parametrize("name", UNARY)
@given(a=numbers)
def test_one_value(name, a):
    compare(UNARY[name], a)


@pytest.mark.parametrize("name", POSITIVE)
@given(a=positive)
def test_one_positive_value(name, a):
    compare(POSITIVE[name], a)


def test_a_chain_of_100_000_nodes():
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y + 0.0
    y.backward()
    assert x.grad == 1.0


def test_gradients_add_up_at_leaves_over_calls_and_are_fresh_in_between():
    a = Value(3.0)
    b = a * a
    c = b * 2
    c.backward()
    c.backward()
    assert (a.grad, b.grad, c.grad) == (24.0, 2.0, 1.0)


def test_a_diamond_is_visited_once_a_node():
    a = Value(2.0)
    y = a
    for _ in range(40):  # without marking what was seen: 2^40 visits
        y = y + y
    y.backward()
    assert a.grad == 2.0**40 and len(y.history()) == 41


def test_extremes_do_not_overflow():
    assert Value(-1000).sigmoid().data == 0.0 and Value(1000).sigmoid().data == 1.0
    assert Value(1000).tanh().data == 1.0


def test_powers_of_values_are_refused_and_zero_to_the_zero_is_flat():
    with pytest.raises(TypeError, match="must be a number"):
        Value(2.0) ** Value(3.0)
    with pytest.raises(ValueError, match="not a real number"):
        Value(-2.0) ** 0.5
    a = Value(0.0)
    (a**0).backward()
    assert a.grad == 0.0


def test_the_graph_is_plain_data():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    y = (a * b + a).tanh()
    y.backward()
    nodes, edges = graph(y)
    assert [n["op"] or n["label"] for n in nodes][-1] == "tanh"
    assert {n["label"] for n in nodes} == {"a", "b", ""}
    assert len(edges) == 5 and all(i < j for i, j in edges)
    assert nodes[-1]["grad"] == 1.0 and math.isclose(nodes[-1]["data"], math.tanh(8))
