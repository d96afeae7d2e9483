"""Explorer of lesson 19: a forger and a judge."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.explore import _duel

duels = st.builds(
    _duel.Settings,
    points=st.sampled_from(list(_duel.CENTERS)),
    kind=st.sampled_from(_duel.KINDS),
    forger=st.integers(1, 3),
    judge=st.integers(1, 3),
    rate=st.floats(1e-4, 1e-2),
    momentum=st.floats(0, 0.95),
    seed=st.integers(0, 20),
)


@given(chosen=duels)
@settings(max_examples=8)
def test_a_duel_is_remembered_and_its_field_is_pytorchs(chosen):
    seen = _duel.state(chosen, 2)
    assert seen.made.shape == (_duel.SHOWN, 2) and len(seen.near) == len(seen.hit) == 3
    again = _duel.Run(chosen)
    again.until(2)
    np.testing.assert_array_equal(again.made(2), seen.made)
    np.testing.assert_array_equal(_duel.state(chosen, 1).near, seen.near[:2])  # a look back
    judge = [torch.tensor(p) for p in again.networks[2][1]]
    h = torch.tensor(_duel._PLANE)
    for n in range(0, len(judge), 2):
        h = torch.nn.functional.linear(h, judge[n], judge[n + 1])
        h = h if n + 2 == len(judge) else torch.nn.functional.leaky_relu(h, 0.2)
    if chosen.kind == "wasserstein":
        assert all(float(p.abs().max()) <= _duel.CLIP for p in judge)
        h = 4 * (h - h.mean()) / (h.std(correction=0) + 1e-9)
    wanted = torch.sigmoid(h).reshape(_duel.GRID, _duel.GRID)
    np.testing.assert_allclose(seen.field, wanted, atol=1e-6)


def test_what_the_lesson_asks_of_the_duel():
    """A hasty forger collapses; marks hit more centers early; momentum spoils the beginning."""

    def hit(round_, **chosen):
        return [
            float(_duel.state(_duel.Settings(seed=seed, **chosen), round_).hit[-5:].mean())
            for seed in range(3)
        ]

    assert min(hit(200)) > 6
    assert max(hit(80, forger=10)) < 3
    marks = {"kind": "wasserstein", "judge": 3, "momentum": 0.0}
    assert np.mean(hit(40, **marks)) > np.mean(hit(40)) > np.mean(hit(40, momentum=0.9)) + 1
