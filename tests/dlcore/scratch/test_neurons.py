"""The perceptron: converges where a line exists, never where none does."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlcore import data
from dlcore.scratch import neurons


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30)
def test_learns_whatever_a_line_separates(seed):
    rng = np.random.default_rng(seed)
    w, b = rng.standard_normal(3), rng.standard_normal()
    x = rng.standard_normal((40, 3))
    x = x[np.abs(x @ w + b) > 0.3]
    assume(len(x) > 0)
    y = neurons.predict(x, w, b)
    learned, bias, mistakes = neurons.train_perceptron(x, y, epochs=5000)
    assert mistakes[-1] == 0 and 0 not in mistakes[:-1]
    np.testing.assert_array_equal(neurons.predict(x, learned, bias), y)


def test_never_learns_xor():
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert 0 not in neurons.train_perceptron(corners, np.array([0, 1, 1, 0]), 200)[2]


@given(w=st.tuples(st.floats(-5, 5), st.floats(0.1, 5)), b=st.floats(-5, 5), x1=st.floats(-10, 10))
def test_on_the_boundary_the_sum_is_zero(w, b, x1):
    x2 = neurons.decision_boundary(np.array([x1]), np.array(w), b)[0]
    assert abs(neurons.weighted_sum(np.array([x1, x2]), np.array(w), b)) < 1e-9


def test_digits_4_and_9_as_the_lesson_states():
    digits = data.digits()
    chosen = (digits.y == 4) | (digits.y == 9)
    x, y = digits.x[chosen], (digits.y[chosen] == 9).astype(int)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[: 2 * len(order) // 3], order[2 * len(order) // 3 :]
    w, b, mistakes = neurons.train_perceptron(x[train], y[train], 100)
    assert mistakes == [14, 8, 3, 2, 0]
    assert (neurons.predict(x[test], w, b) == y[test]).sum() == 118 and len(test) == 121
