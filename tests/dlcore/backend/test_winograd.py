"""Fewer multiplications, the same numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.backend.sliding import Window
from dlcore.backend.winograd import winograd_backward_weight, winograd_forward
from dlcore.conv import conv2d_backward_weight, conv2d_forward
from dlcore.gradcheck import numerical_gradient

small, border = st.integers(1, 4), st.tuples(st.integers(0, 3), st.integers(0, 3))


@given(
    n=small,
    c=small,
    m=small,
    size=st.tuples(*[st.integers(3, 8)] * 2),
    pad=st.tuples(border, border),
)
@settings(max_examples=60)
def test_equals_gathering_for_any_shape_and_border(n, c, m, size, pad):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((n, c, *size)), rng.standard_normal((m, c, 3, 3))
    b, window = rng.standard_normal(m), Window(padding=pad)
    wanted, _ = conv2d_forward(x, w, b, window)
    np.testing.assert_allclose(winograd_forward(x, w, b, pad), wanted, atol=1e-12)
    g = rng.standard_normal(wanted.shape)
    wanted = conv2d_backward_weight(g, x, w, window)
    np.testing.assert_allclose(winograd_backward_weight(g, x, pad), wanted, atol=1e-11)


def test_the_gradient_of_the_weights_is_the_slope_that_can_be_measured():
    rng = np.random.default_rng(0)
    x, w, pad = (
        rng.standard_normal((2, 2, 4, 5)),
        rng.standard_normal((3, 2, 3, 3)),
        ((1, 0), (0, 1)),
    )
    g = rng.standard_normal(winograd_forward(x, w, None, pad).shape)
    slope = numerical_gradient(lambda w: (g * winograd_forward(x, w, None, pad)).sum(), w)
    np.testing.assert_allclose(winograd_backward_weight(g, x, pad), slope, atol=1e-8)
