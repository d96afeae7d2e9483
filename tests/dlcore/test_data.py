"""Data sets: shapes, ranges, the same numbers for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore import data


def test_bundled_sets_have_the_published_sizes():
    assert data.iris().x.shape == (150, 4) and set(data.iris().y) == {0, 1, 2}
    digits = data.digits()
    assert digits.x.shape == (1797, 64) and digits.x.min() == 0 and digits.x.max() == 1


@pytest.mark.parametrize(("make", "n"), [(data.blobs, 40), (data.xor, 80)])
def test_drawn_sets_repeat_with_the_seed(make, n):
    a, b = (make(20, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(a.x, b.x)
    assert len(a.x) == n and set(a.y) == {0, 1}
