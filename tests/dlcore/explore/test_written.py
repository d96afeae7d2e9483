"""Texts that are put back as pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from dlcore.explore._stage import Stage


@given(
    words=st.sampled_from(["0.25 × −1", "slope 3", "two\nlines", "$10^{-3}$", " "]),
    place=st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1)),
    ha=st.sampled_from(["left", "center", "right"]),
    va=st.sampled_from(["center", "top", "baseline"]),
    color=st.sampled_from(["black", "#D55E00", "0.7"]),
    alpha=st.sampled_from([None, 0.35]),
    boxed=st.booleans(),
    rotation=st.sampled_from([0, 45]),
)
@example("two\nlines", (0.25, 1.0), "left", "top", "#D55E00", None, False, 0)  # letters that touch
def test_a_text_that_is_put_back_looks_as_if_it_were_drawn(
    words, place, ha, va, color, alpha, boxed, rotation
):
    figure = Figure(figsize=(3, 2))
    figure.add_axes((0, 0, 1, 1)).imshow(np.eye(4))
    stage = Stage(figure, [], "words")
    stage.update()
    place = tuple(np.floor(np.multiply(place, stage.canvas.get_width_height())))  # whole pixels
    box = {"bbox": {"boxstyle": "round", "fc": "white", "ec": "0.4"}} if boxed else {}
    style = {"ha": ha, "va": va, "color": color, "alpha": alpha, "rotation": rotation, **box}
    text = figure.text(*place, words, transform=None, **style)
    below = np.asarray(stage.canvas.buffer_rgba()).copy()
    looks = {"ha": "right", "va": "bottom", "color": "white", "alpha": 0.9, "rotation": 90}
    looks |= {"size": 20, "weight": "bold", "bbox": {"boxstyle": "round", "fc": "red"}}
    for what, how in looks.items():  # the same words, of which one thing looks otherwise
        stage.moving = [figure.text(150, 100, words, transform=None, **style | {what: how})]
        stage.update()
    stage.moving = [text]
    for _ in range(2):  # as it is first drawn, and as it is put back
        stage.update()
        found = np.asarray(stage.canvas.buffer_rgba()).astype(int)
        stage.canvas.restore_region(stage._still)
        text.draw(stage.canvas.get_renderer())
        wanted = np.asarray(stage.canvas.buffer_rgba()).astype(int)
        assert np.abs(found - wanted)[..., :3].max() <= 2
    if 20 < place[0] < 280 and 20 < place[1] < 180 and words != " ":
        assert (wanted != below).any()
