"""Explorer of lesson 04: formulas and their gradients."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _graph
from dlcore.scratch.backprop import Value

numbers = st.floats(-3, 3).map(lambda x: round(x, 1) or 0.5)


@given(
    formula=st.sampled_from(_graph.FORMULAS),
    a=numbers,
    b=numbers,
    c=numbers,
    step=st.integers(0, 30),
)
def test_a_graphs_steps_lead_to_the_gradients(formula, a, b, c, step):
    leaves = {"a": a, "b": b, "c": c}
    now, end = (_graph.state(formula, leaves, s) for s in (step, 99))
    _graph.parse(formula, leaves).backward()
    values = {name: Value(x) for name, x in leaves.items()}
    functions = {name: operator.methodcaller(name) for name in ("exp", "tanh", "relu")}
    result = eval(formula, functions, values)
    result.backward()
    assert end.data[-1] == pytest.approx(result.data)
    for label, grad in zip(end.labels, end.grads, strict=True):
        if label in leaves:
            assert grad == pytest.approx(values[label].grad, abs=1e-9)
    assert end.known.all() and end.passed.all()
    assert set(np.flatnonzero(now.passed)) <= set(np.flatnonzero(end.passed))
    assert len({tuple(place) for place in now.places}) == len(
        now.labels
    )  # no two boxes in one place
    assert (
        now.places[now.arrows[:, 0], 0] < now.places[now.arrows[:, 1], 0]
    ).all()  # left to right


@pytest.mark.parametrize(
    "formula",
    ["a +", "d * a", "__import__('os')", "a.b", "exp(a", "a ** b", "7", "1 / (a - a)", "exp(exp(exp(a * a)))",
     "a" + " + a" * 40, "lambda: a", "[a]", "", "exp(a, b)", "log(a - a)"],
)  # fmt: skip
def test_a_formula_that_cannot_be_drawn_is_refused_in_words(formula):
    with pytest.raises(ValueError, match=r"[a-z]{2}"):
        _graph.state(formula, {"a": 3.0, "b": 1.0, "c": 1.0}, 0)


def test_a_bad_formula_leaves_the_picture_and_says_why():
    view = _graph._View()
    picture = view.stage.image.value
    view.formula.value = "a +"
    assert view.stage.image.value == picture and "Python" in view.said.value
    view.formula.value = "a <b"
    assert "a &lt;b" in view.said.value
    view.formula.value = "a * b * c + 1"
    assert view.stage.image.value != picture and "step" in view.said.value
