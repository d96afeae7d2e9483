"""Explorer of lesson 12: what arrives of a gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _unrolled


@given(
    text=st.text(max_size=8),
    radius=st.floats(0, 2),
    strength=st.floats(0, 3),
    share=st.floats(0, 1),
    orthogonal=st.booleans(),
)
def test_what_arrives_is_pytorchs_gradient(text, radius, strength, share, orthogonal):
    """Checked by autograd: from each state the network reads on to the last as a graph."""
    at = int(share * len(text))
    now = _unrolled.state(text, radius, strength, at, orthogonal)
    assert now.states.shape == (len(text) + 1, _unrolled.UNITS) and now.arrives.shape == (at + 1,)
    assert not now.states[0].any() and now.arrives[-1] == pytest.approx(1)
    if not text:
        return
    rng = np.random.default_rng(3)
    mixing, letters = (rng.standard_normal((n, _unrolled.UNITS)) for n in (_unrolled.UNITS, 64))
    g = torch.tensor(rng.standard_normal(_unrolled.UNITS))
    mixing = np.linalg.qr(mixing)[0] if orthogonal else mixing
    w = torch.tensor(mixing * radius / np.abs(np.linalg.eigvals(mixing)).max())
    h = start = torch.zeros(_unrolled.UNITS, dtype=torch.float64, requires_grad=True)
    for letter, expected in zip(text[:at], now.states[1:], strict=False):
        x = torch.tensor(letters[ord(letter) % 64]) * strength / _unrolled.UNITS**0.5
        h = torch.tanh(x + w @ h)
        np.testing.assert_allclose(h.detach(), expected, atol=1e-10)
    (h @ g / g.norm()).backward()
    assert now.arrives[0] == pytest.approx(float(start.grad.norm()), rel=1e-6, abs=1e-12)


def test_a_text_is_typed_and_a_letter_chosen():
    view = _unrolled._View()
    view.text.value = "abc"
    assert view.at.value == view.at.max == 3
    view.at.value = 1
    view.text.value = "x" * 40  # too long for the picture
    assert len(view.text.value) == view.at.value == _unrolled.MOST
    view.text.value = ""
    assert view.at.max == 0 and "Type" in view.said.value


def test_what_the_lesson_asks_of_the_unrolled_explorer():
    """At a radius of 1 the bars are level while inputs are small; at 0 a letter is all there is; a gradient can be blind."""
    text = _unrolled._View().text.value

    def per_step(radius, strength):
        arrives = _unrolled.state(text, radius, strength).arrives
        return (arrives[0] / arrives[10]) ** (1 / 10)

    assert per_step(0.9, 0.1) < 0.93 and per_step(1.1, 0.1) > 1.06
    assert per_step(1.0, 0.1) == pytest.approx(1, abs=0.03) and per_step(1.0, 3) < 0.6
    assert np.abs(_unrolled.state(text, 1.0, 3).states).max() > 0.97  # tanh is flat there
    forgetful, other = (_unrolled.state("three", r).states for r in (0, 0.5))
    np.testing.assert_array_equal(forgetful[4], forgetful[5])
    assert np.abs(other[4] - other[5]).max() > 0.1
    blind = _unrolled.state(text, 2, 0.5)
    assert blind.arrives[1] < 0.1 and blind.moved[-1] > 5 * blind.moved[1]
