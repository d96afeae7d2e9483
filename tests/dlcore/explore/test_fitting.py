"""Explorer of lesson 08: fits and their errors."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore.explore import _fitting


@pytest.mark.parametrize("kind", _fitting.KINDS)
def test_fits_are_least_squares_and_new_points_show_two_descents(kind):
    chosen = _fitting.Settings(kind=kind)
    now = _fitting.state(chosen)
    rows = _fitting.features(kind, now.x)[:, : chosen.weights]
    w = np.linalg.lstsq(rows, now.y)[0]
    curve = _fitting.features(kind, _fitting.AXIS)[:, : chosen.weights] @ w
    np.testing.assert_allclose(now.curve, curve, atol=1e-4)
    assert now.errors[0, chosen.weights - 1] == pytest.approx(np.mean((rows @ w - now.y) ** 2))
    assert (np.diff(now.errors[0]) < 1e-4).all()  # one more weight never fits worse
    assert now.errors[0, chosen.points :].max() < 1e-4  # by heart


def test_what_is_true_of_the_fit_with_as_many_weights_as_points():
    """The error on new points falls, peaks there, and falls again below its first minimum; a penalty takes the peak."""
    for seed in (1, 2, 3):
        new = _fitting.state(_fitting.Settings(seed=seed)).errors[1]
        held = _fitting.state(_fitting.Settings(seed=seed, l2=1e-3)).errors[1]
        assert new[14] > 100 * new[:10].min() and new[14] > 100 * new[-1]
        assert held.max() < 3 and held[-1] < 1.5 * held.min()
    assert (
        _fitting.state(_fitting.Settings()).errors[1, -1]
        < _fitting.state(_fitting.Settings()).errors[1, :10].min()
    )


def test_without_noise_the_curve_goes_wild_about_nothing():
    """What the lesson's second challenge finds: the peak is the noise's."""
    new = _fitting.state(_fitting.Settings(noise=0.0)).errors[1]
    noisy = _fitting.state(_fitting.Settings()).errors[1]
    assert new[14] < 1e-4 * noisy[14] and new[14] < new[:10].min()


def test_one_point_moves_the_far_end_where_weights_are_as_many_as_points():
    """The first challenge: each point in the middle, dragged by 0.2, and the curve at its ends."""

    def moved(**chosen):
        before = _fitting.state(_fitting.Settings(**chosen))
        for number in (6, 7, 8):
            drag = ((number, before.y[number] + 0.2),)
            after = _fitting.state(_fitting.Settings(**chosen, moved=drag))
            way = np.abs(after.curve - before.curve)
            yield max(way[:30].max(), way[-30:].max())

    assert min(moved(weights=15)) > 100
    assert max(moved(weights=60)) < 0.02
    assert max(moved(weights=15, l2=1e-3)) < 0.5


def test_the_nearest_point_goes_where_it_is_dragged():
    view = _fitting._View()
    before, y = view.stage.image.value, view.now.y.copy()
    view._drag(float(view.now.x[4]) + 0.01, 2.0)
    assert view.now.y[4] == 2.0 and view.stage.image.value != before
    np.testing.assert_array_equal(np.delete(view.now.y, 4), np.delete(y, 4))
    view.seed.value += 1  # other points: nothing is moved any more
    assert not view.moved and 2.0 not in view.now.y
