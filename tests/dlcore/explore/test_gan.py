"""Explorer of lesson 19: a generator and a discriminator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.explore import _gan

settings_ = st.builds(
    _gan.Settings,
    points=st.sampled_from(list(_gan.CENTERS)),
    kind=st.sampled_from(_gan.KINDS),
    forger=st.integers(1, 3),
    judge=st.integers(1, 3),
    rate=st.floats(1e-4, 1e-2),
    momentum=st.floats(0, 0.95),
    seed=st.integers(0, 20),
)


@given(chosen=settings_)
@settings(max_examples=8)
def test_a_training_is_remembered_and_its_field_is_pytorchs(chosen):
    seen = _gan.state(chosen, 2)
    assert seen.made.shape == (_gan.SHOWN, 2) and len(seen.near) == len(seen.hit) == 3
    again = _gan.Run(chosen)
    again.until(2)
    np.testing.assert_array_equal(again.made(2), seen.made)
    np.testing.assert_array_equal(_gan.state(chosen, 1).near, seen.near[:2])  # a look back
    judge = [torch.tensor(p) for p in again.networks[2][1]]
    h = torch.tensor(_gan._PLANE)
    for n in range(0, len(judge), 2):
        h = torch.nn.functional.linear(h, judge[n], judge[n + 1])
        h = h if n + 2 == len(judge) else torch.nn.functional.leaky_relu(h, 0.2)
    if chosen.kind == "wasserstein":
        assert all(float(p.abs().max()) <= _gan.CLIP for p in judge)
        h = 4 * (h - h.mean()) / (h.std(correction=0) + 1e-9)
    wanted = torch.sigmoid(h).reshape(_gan.GRID, _gan.GRID)
    np.testing.assert_allclose(seen.field, wanted, atol=1e-6)


@pytest.mark.daily(3)
def test_what_the_lesson_asks_of_the_gan():
    """A hasty forger collapses; marks hit more centers early; momentum spoils the beginning."""

    def hit(round_, **chosen):
        return [
            float(_gan.state(_gan.Settings(seed=seed, **chosen), round_).hit[-5:].mean())
            for seed in range(3)
        ]

    assert min(hit(200)) > 6
    assert max(hit(80, forger=10)) < 3
    marks = {"kind": "wasserstein", "judge": 3, "momentum": 0.0}
    assert np.mean(hit(40, **marks)) > np.mean(hit(40)) > np.mean(hit(40, momentum=0.9)) + 1
