"""Explorer of lesson 05: which entry meets which."""

from __future__ import annotations

import math
import operator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _shapes

SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)


@given(
    operation=st.sampled_from(_shapes.OPERATIONS),
    a=SHAPES,
    b=SHAPES,
    who=st.sampled_from("AB"),
    data=st.data(),
)
def test_an_entry_is_shown_where_numpy_uses_it(operation, a, b, who, data):
    """Change one entry: what changes in the result is lit, by the weights that are shown."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(1, 2, a), rng.uniform(1, 2, b)
    combine = operator.add if operation == "A + B" else operator.matmul
    mine = x if who == "A" else y
    entry = data.draw(st.integers(0, mine.size - 1))
    found = _shapes.state(operation, a, b, who, entry)
    try:
        before = combine(x, y)
    except ValueError:
        assert found.shape is None and found.problem
        return
    if combine is operator.matmul and min(len(a), len(b)) < 2:
        assert found.problem  # NumPy takes single axes, the lesson does not
        return
    assert found.shape == before.shape and not found.problem
    mine.flat[entry] += 1
    np.testing.assert_array_equal(found.lit, combine(x, y) != before)
    if combine is operator.add:
        assert not found.weights.any()
        for name, shape in (("A", a), ("B", b)):
            g = rng.standard_normal(before.shape).sum(axis=found.summed[name], keepdims=True)
            assert g.size == math.prod(shape)
    else:  # only those weights matter: without the others the change is the same
        change = combine(x, y) - before
        (y if who == "A" else x)[~found.weights] = 0
        after = combine(x, y)
        mine.flat[entry] -= 1
        np.testing.assert_allclose(after - combine(x, y), change)
