"""Explorer of lesson 03: losses and slopes."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlcore import losses, tensor
from dlcore.explore import _losses


@given(x=st.floats(-4, 4), target=st.floats(-4, 4), delta=st.floats(0.1, 3))
def test_losses_of_a_number_are_the_librarys(x, target, delta):
    found = _losses.regression(np.array([x]), target, delta)
    for name, loss in (
        ("squared", losses.mse_loss),
        ("absolute", losses.l1_loss),
        ("Huber", lambda a, t: losses.huber_loss(a, t, delta=delta)),
    ):
        leaf = tensor(np.array([x]), requires_grad=True)
        value = loss(leaf, np.array([target]))
        value.backward()
        np.testing.assert_allclose(found[name].loss, value.data, atol=1e-12)
        np.testing.assert_allclose(found[name].slope, leaf.grad.data, atol=1e-12)


@given(score=st.floats(-8, 8), yes=st.booleans())
def test_losses_of_a_yes_or_no_have_the_slopes_that_are_measured(score, yes):
    h = 1e-6
    at = _losses.binary(np.array([score]), yes)
    low, high = (_losses.binary(np.array([score + d]), yes) for d in (-h, h))
    for name in at:
        measured = (high[name].loss - low[name].loss) / (2 * h)
        np.testing.assert_allclose(at[name].slope, measured, atol=1e-8)


@given(scores=st.tuples(*[st.floats(-6, 6)] * 3), right=st.integers(0, 2))
def test_slopes_of_a_choice_add_up_to_nothing(scores, right):
    found = _losses.choice(np.array(scores), right)
    assert abs(found.gradient.sum()) < 1e-12 and found.gradient[right] < 0
    assert math.isclose(found.loss, -math.log(found.p[right]), rel_tol=1e-9, abs_tol=1e-12)
