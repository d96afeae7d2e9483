"""The stage: what is drawn once, what moves, and where the pointer is."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from dlcore.explore._stage import Stage


def test_a_drag_is_told_in_the_coordinates_of_the_axes():
    """Pictures count from the upper left corner, axes from the lower left of their own box."""
    figure = Figure(figsize=(4, 2))
    axes = figure.add_axes((0.1, 0.2, 0.8, 0.4))
    axes.set(xlim=(0, 10), ylim=(-1, 1))
    stage, told = Stage(figure, [], "a box"), []
    stage.on_drag(axes, lambda x, y: told.append((x, y)))
    stage.update()
    stage.image.at = [0.3, 0.5]  # a quarter from the left of the box, three from its bottom
    stage.image.at = [0.3, 0.3]  # above the box
    stage.image.at = [0.95, 0.5]  # to the right of it
    assert stage.image.answers and told == [pytest.approx((2.5, 0.5))]


def test_what_does_not_move_is_drawn_anew_when_asked_for():
    figure = Figure(figsize=(2, 1))
    word = figure.text(0.5, 0.5, "before")
    stage = Stage(figure, [], "a word")
    pictures = []
    for step in (lambda: None, lambda: word.set_text("after"), stage.renew):
        step()
        stage.update()
        pictures.append(stage.image.value)
    assert pictures[0] == pictures[1] != pictures[2]
