"""Explorer of lesson 02: the stack."""

from __future__ import annotations

import math

from dlcore.explore import _activations


def test_stack_shows_what_the_lesson_says():
    sigmoid = _activations.state("sigmoid", 0.0, 20, 1.0, 0.0)
    assert sigmoid.slope == 0.25
    assert sigmoid.backward[0] < 1e-9 * sigmoid.backward[-1]
    relu = _activations.state("ReLU", 1.0, 20, math.sqrt(2), 0.0)
    assert 0.2 < relu.forward[-1] / relu.forward[0] < 5
    dead = _activations.state("ReLU", 1.0, 5, 1.0, -3.0)
    assert dead.dead[-1] == 1.0 and dead.backward[0] == 0
    leaky = _activations.state("leaky ReLU", 1.0, 5, 1.0, -3.0)
    assert leaky.backward[0] > 0
