"""Explorer of lesson 13: gates by hand and learned ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _gates


@given(st.text(alphabet="() abc", min_size=1, max_size=_gates.MOST))
def test_the_trained_gates_know_where_brackets_are(text):
    units, sure = _gates.read(text)
    np.testing.assert_array_equal(sure > 0.5, _gates.inside(text))
    for unit in units:  # what is shown is what is kept, through tanh and the output gate
        np.testing.assert_allclose(unit.h, unit.gates[2] * np.tanh(unit.c), atol=1e-12)


def test_gates_are_held_by_hand_or_watched():
    view = _gates._View()
    view.time.value = 5
    view.sliders[1].value = 0.25
    view.time.value = 1
    assert view.sliders[1].value == 1  # the sliders show the gates of the time
    view.sliders[0].value = 0.5
    view.time.value = 5
    assert view.sliders[1].value == 0.25
    assert view.held[:, [0, 4]].T.tolist() == [[0.5, 1, 1], [0, 0.25, 1]]  # to look changes nothing
    view.who.value = "trained"
    assert view.time.max == len(view.text.value) and view.sliders[0].disabled
    view.text.value = "x" * 40  # too long for the picture
    assert len(view.text.value) == view.time.max == _gates.MOST
    view.text.value = ""
    assert "Type" in view.said.value
    view.who.value = "by hand"
    assert view.time.max == len(_gates.NEWS) and view.held[1, 4] == 0.25


def test_what_the_lesson_asks_of_the_gates_explorer():
    """5 + 2 from two gates; an output gate that shows nothing; a unit that forgets at brackets, and keeps in between."""
    gates = np.repeat([[0.0], [1.0], [1.0]], len(_gates.NEWS), axis=1)  # as it begins
    gates[0, [2, 8]] = 1
    gates[2, -1] = 0
    now = _gates.by_hand(gates)
    assert list(_gates.NEWS[[2, 8]]) == [5, 2] and now.c[-1] == 7 and now.h[-1] == 0
    text = _gates._View().text.value
    units, _ = _gates.read(text)
    where = _gates.inside(text)
    keeper = max(units, key=lambda unit: abs(np.corrcoef(unit.c, where)[0, 1]))
    brackets = [text.index("("), text.index(")")]
    assert abs(np.corrcoef(keeper.c, where)[0, 1]) > 0.9
    assert keeper.gates[1, brackets].max() < 0.2
    assert np.delete(keeper.gates[1], brackets).min() > 0.3
