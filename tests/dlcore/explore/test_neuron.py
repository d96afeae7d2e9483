"""Explorer of lesson 01: line and weights."""

from __future__ import annotations

import math

import ipywidgets as widgets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcore import explore
from dlcore.explore import _neuron
from tests.dlcore.explore.test_explorers import controls


@given(angle=st.floats(-179, 179), distance=st.floats(-3, 3), steepness=st.floats(0.1, 5))
def test_line_and_weights_are_two_views_of_one_thing(angle, distance, steepness):
    w, b = _neuron.weights_of(angle, distance, steepness)
    back_angle, back_distance = _neuron.line_of(w, b)
    assert math.isclose(back_angle, angle, abs_tol=1e-6)
    assert math.isclose(back_distance, distance, abs_tol=1e-9)


def test_neuron_state_counts_mistakes():
    x, y = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([1, 0])
    assert _neuron.state(x, y, np.array([1.0, 0.0]), 0.0).mistakes == 0
    assert _neuron.state(x, y, np.array([-1.0, 0.0]), 0.0).mistakes == 2


def test_the_learn_button_separates_two_clouds():
    root = explore.neuron()
    (button,) = [w for w in controls(root) if isinstance(w, widgets.Button)]
    said = next(w for w in controls(root) if isinstance(w, widgets.HTML))
    for _ in range(60):
        button.click()
    assert "40 of 40" in said.value


def test_a_line_goes_exactly_where_the_hand_wants_it():
    """The sliders that follow stand on their steps; the neuron does not."""
    view = _neuron._View()
    view.angle.value = 37.0
    direction = view.weights
    assert _neuron.line_of(direction, view.bias)[0] == pytest.approx(37.0, abs=1e-9)
    view.stage.image.at = [0.3, 0.3]
    np.testing.assert_array_equal(view.weights, direction)
    assert view.bias != 0.5 and view.b.value == pytest.approx(view.bias, abs=0.026)
    assert view.b.value != view.bias
