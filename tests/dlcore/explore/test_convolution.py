"""Explorer of lesson 09: window, kernel, map."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _convolution

pictures = st.sampled_from(sorted(_convolution._pictures()))


@given(
    name=pictures,
    kernel=st.sampled_from(sorted(_convolution.KERNELS)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 3),
    where=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_the_map_is_pytorchs_and_the_window_adds_up_to_its_number(
    name, kernel, stride, padding, dilation, where
):
    picture, weights = _convolution._pictures()[name], np.array(_convolution.KERNELS[kernel], float)
    x, w = (torch.tensor(a[None, None]) for a in (picture, weights))
    y = torch.nn.functional.conv2d(x, w, stride=stride, padding=padding, dilation=dilation)[0, 0]
    place = tuple(int(share * (side - 1)) for share, side in zip(where, y.shape, strict=True))
    now = _convolution.state(picture, weights, stride, padding, dilation, place)
    np.testing.assert_allclose(now.y, y, atol=1e-12)
    assert now.products.sum() == pytest.approx(float(y[place]), abs=1e-12)
    assert len(y) == _convolution.places(8, stride, padding, dilation)


def test_weights_are_typed_and_pictures_drawn():
    view = _convolution._View()
    view.weights[4].value = 7.0
    assert view.kernel.value == _convolution.OWN and view._matrix()[1, 1] == 7.0
    view.kernel.value = "blur"
    assert view.weights[4].value == pytest.approx(1 / 9, abs=1e-3) and view._matrix().sum() == 1
    view.picture.value = "empty"
    assert view.ink.sum() == 0
    place = (
        (_convolution.LEFT + 60) / _convolution.WIDTH,
        (_convolution.TOP + 60) / _convolution.HEIGHT,
    )
    view.pointer.value = "ink"
    view.stage.image.at = list(place)
    assert view.ink[2, 2] == view.ink.sum() == 1
    view.pointer.value = "eraser"
    view.stage.image.at = [place[0] + 1e-4, place[1]]
    assert view.ink.sum() == 0
    view.picture.value = "dot"
    assert view.ink.sum() == 1


def test_what_the_lesson_asks_of_the_convolution_explorer():
    """An edge kernel adds up to 0; two geometries give 4 by 4; dilation 2 does not see stripes."""
    edges = np.array(_convolution.KERNELS["edges, left to right"], float)
    shown = _convolution._pictures()
    y = _convolution.state(shown["square"], edges).y
    assert edges.sum() == 0 and (y[:, :2] > 0).all() and y[:, 2:4].max() <= 0
    fitting = [(s, p) for s in (1, 2, 3) for p in (0, 1, 2) if _convolution.places(8, s, p, 1) == 4]
    assert fitting == [(2, 1), (3, 2)]
    blur = np.full((3, 3), 1 / 9)
    near, far = (_convolution.state(shown["stripes"], blur, dilation=d).y for d in (1, 2))
    assert np.ptp(near) < 0.34 and np.ptp(far) == pytest.approx(1)
