"""Explorer of lesson 07: a network that learns while one watches."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _playground
from dlcore.scratch import losses

settings = st.builds(
    _playground.Settings,
    points=st.sampled_from(list(_playground.POINTS)),
    noise=st.floats(0, 1),
    layers=st.integers(0, 3),
    units=st.integers(1, 8),
    activation=st.sampled_from(list(_playground.BENDS)),
    rate=st.floats(1e-4, 0.1),
    decay=st.floats(1e-4, 1),
    seed=st.integers(0, 20),
)


@given(chosen=settings)
def test_the_playground_walks_down_its_own_slope(chosen):
    """Its gradients are the slope that the loss has, in a random direction."""
    run = _playground.Run(chosen)
    params = [p + 0.01 for p in run.networks[0]]  # off the kinks where ReLU's outputs are all 0
    x, t = run.known.x[::7], run.known.y[::7]
    rng = np.random.default_rng(1)
    direction = [rng.standard_normal(p.shape) for p in params]

    def loss(step):
        moved = [p + step * d for p, d in zip(params, direction, strict=True)]
        scores = run.outputs(x, moved)[-1]
        return float(losses.cross_entropy(scores, t))

    eps = 1e-6
    measured = (loss(eps) - loss(-eps)) / (2 * eps)
    grads = run._gradients(params, x, t)
    found = sum(np.vdot(g, d) for g, d in zip(grads, direction, strict=True))
    assert math.isclose(found, measured, rel_tol=1e-3, abs_tol=1e-4)


def test_the_playground_learns_and_remembers_its_way():
    chosen = _playground.Settings(points="spirals", units=8, noise=0.0, rate=0.05)
    far = _playground.state(chosen, 400)
    assert far.right[0, -1] > 0.95 and far.losses[0, -1] < far.losses[0, 0] / 5
    assert far.plane.shape == (_playground.GRID,) * 2 and len(far.maps) == 2
    near = _playground.state(chosen, 30)  # a look back does not change what comes
    again = _playground.Run(chosen)
    again.until(30)
    for a, b in zip(again.networks[30], _playground._run(chosen).networks[30], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(near.losses, far.losses[:, :31])


def test_what_the_lesson_says_of_the_playground():
    def right(**chosen):
        return [
            _playground.state(_playground.Settings(seed=seed, **chosen), 400).right[0, -1]
            for seed in range(4)
        ]

    xor = right(points="xor", layers=1, units=2, rate=0.05)
    assert min(xor) < 0.8 and max(xor) > 0.95  # two units: stuck, or not
    spirals = {"points": "spirals", "noise": 0.1, "rate": 0.05}
    assert max(right(layers=1, units=4, **spirals)) < 0.9
    assert min(right(layers=2, units=8, **spirals)) > 0.97
    large = {"points": "moons", "noise": 0.6, "layers": 3, "units": 8, "activation": "ReLU"}
    free, held = (
        _playground.state(_playground.Settings(decay=decay, **large), 400) for decay in (1e-4, 0.5)
    )
    assert held.losses[1, -1] < free.losses[1, -1] and held.losses[0, -1] > free.losses[0, -1]
