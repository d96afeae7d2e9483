"""A slider's value is what a browser makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _neuron
from dlcore.explore._slider import FloatSlider


@given(
    low=st.integers(-20, 0), steps=st.integers(1, 300), step=st.sampled_from([0.02, 0.05, 0.1, 1]),
    share=st.floats(-0.1, 1.1),
)  # fmt: skip
def test_a_float_slider_stands_on_a_step_and_stays_there(low, steps, step, share):
    slider = FloatSlider(low, min=low, max=low + steps * step, step=step)
    wanted = low + share * steps * step
    slider.value = wanted
    there = slider.value
    assert slider.min <= there <= slider.max
    if 0 <= share <= 1:
        assert abs(there - wanted) <= step * 0.5001
    assert (there - low) / step == pytest.approx(round((there - low) / step), abs=1e-6)
    slider.value = there
    assert slider.value == there


def test_the_browsers_rounding_is_not_taken_for_a_hand():
    """A browser sends a value back as it counts it, a little beside; from a shared page, one that it has rounded."""
    view = _neuron._View()
    view.angle.value = 37.0
    weights, picture = view.weights, view.stage.image.value
    for _ in range(3):
        for slider in (view.w1, view.w2, view.b, view.angle, view.distance):
            slider.value = round(slider.value / slider.step) * slider.step + 1e-13
    np.testing.assert_array_equal(view.weights, weights)
    assert view.stage.image.value == picture
    assert abs(_neuron.line_of(view.weights, view.bias)[0] - 37.0) < 1e-9
    view.w1.value += view.w1.step  # one step is a hand
    assert view.stage.image.value != picture
