"""Explorer of lesson 01: line and weights."""

from __future__ import annotations

import math

import ipywidgets as widgets
import numpy as np
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
