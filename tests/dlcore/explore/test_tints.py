"""Pixels of a plane of probabilities."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb

from dlcore.explore._tints import tinted
from dlcore.plot import COLORS


def test_the_first_row_is_below_and_classes_have_their_colors():
    pixels = tinted(np.array([[0.0, 1.0], [0.5, 7.0]]), 3)
    assert pixels.shape == (6, 6, 3) and pixels.dtype == np.uint8
    assert (pixels[:3, :3] > 250).all()  # nobody's
    np.testing.assert_array_equal(pixels[:3, 3:], pixels[3:, 3:])  # more than sure is sure
    for tint, color in ((pixels[5, 0], COLORS[0]), (pixels[5, 5], COLORS[1])):
        ink, whole = 255.0 - tint, 255 * (1 - np.array(to_rgb(color)))
        np.testing.assert_allclose(ink, 0.75 * whole, atol=1)
