"""Explorer of lesson 06: surfaces and racers."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore import optim, tensor
from dlcore.explore import _optimizers


@pytest.mark.parametrize("name", _optimizers.SURFACES)
def test_surfaces_have_the_slopes_that_are_measured(name):
    surface = _optimizers.SURFACES[name]
    points, h = np.random.default_rng(0).uniform(-3, 3, (50, 2)), 1e-6
    measured = np.stack(
        [(surface.loss(points + e) - surface.loss(points - e)) / (2 * h) for e in h * np.eye(2)],
        axis=-1,
    )
    np.testing.assert_allclose(surface.gradient(points), measured, rtol=1e-5, atol=1e-6)
    assert (surface.loss(points) >= surface.lowest).all()


@pytest.mark.parametrize("name", _optimizers.SURFACES)
def test_the_racers_are_the_librarys_optimizers(name):
    surface, start = _optimizers.SURFACES[name], (1.5, -0.7)
    ways = _optimizers.state(name, start, 0.02, 0.8)
    makers = {
        "SGD": lambda p: optim.SGD(p, lr=0.02),
        "momentum": lambda p: optim.SGD(p, lr=0.02, momentum=0.8),
        "RMSprop": lambda p: optim.RMSprop(p, lr=0.02, alpha=0.9),
        "Adam": lambda p: optim.Adam(p, lr=0.02),
    }
    for k, racer in enumerate(_optimizers.RACERS):
        p = tensor(np.array(start), requires_grad=True)
        optimizer = makers[racer]([p])
        for t in range(_optimizers.STEPS):
            np.testing.assert_allclose(ways[k, t], p.data, rtol=1e-9, atol=1e-11)
            p.grad = tensor(surface.gradient(p.data))
            optimizer.step()


def test_what_the_lesson_says_of_the_race():
    lost = np.isnan(_optimizers.state("ravine", (-3.5, 1.0), 0.13, 0.9)[:, -1, 0])
    assert lost.tolist() == [True, False, False, False]  # beyond 2 / 20, within 2 (1 + 0.9) / 20
    ridge = _optimizers.state("saddle", (3.0, 0.0), 0.1, 0.9)
    assert (ridge[..., 1] == 0).all()
    assert (np.abs(_optimizers.state("saddle", (3.0, 0.1), 0.1, 0.9)[:, -1, 1]) > 1.5).all()
