"""Explorer of lesson 17: a plane of codes."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _autoencoder


@given(st.sampled_from(_autoencoder.KINDS), st.integers(0, 500))
def test_what_is_said_of_a_picture_is_what_its_place_says(kind, n):
    model, picture = _autoencoder.trained(kind), _autoencoder.digits()[2][n % 539]
    (place,) = _autoencoder.encode(model, picture[None])
    (said,) = _autoencoder.decode(model, place[None])
    if kind == "PCA":
        mean, directions = (torch.tensor(p) for p in model.params)
        wanted = mean + directions.T @ (directions @ (torch.tensor(picture) - mean))
    else:
        h = torch.tensor(picture)
        for i in range(0, len(model.params), 2):
            h = torch.nn.functional.linear(h, *(torch.tensor(p) for p in model.params[i : i + 2]))
            h = h if i in (4, 10) else torch.relu(h)
        wanted = h
    np.testing.assert_allclose(said, wanted, atol=1e-9)


def test_the_plane_of_codes_keeps_kinds_apart():
    """Most new digits land among digits of their kind; with PCA, fewer do."""
    _, _, new, kinds = _autoencoder.digits()
    right = {}
    for kind in _autoencoder.KINDS:
        model = _autoencoder.trained(kind)
        found = [_autoencoder.nearest(model, place) for place in _autoencoder.encode(model, new)]
        right[kind] = np.mean(found == kinds)
        inside = np.abs(model.places).max(axis=1) < _autoencoder.REACH
        assert inside.mean() > 0.97  # what the plane shows
    assert right["autoencoder"] > right["PCA"] + 0.1 > 0.5


def test_a_place_is_chosen_and_a_sheet_is_drawn():
    view = _autoencoder._View()
    before = view.sheet.copy()
    corner = (
        (_autoencoder.DRAWN + 5) / _autoencoder.WIDTH,
        (_autoencoder.ABOVE + 5) / _autoencoder.HEIGHT,
    )
    view.stage.image.at = list(corner)
    assert view.sheet[0] == 1 != before[0] and np.array_equal(view.sheet[1:], before[1:])
    view.ink.value = 0.0
    view.stage.image.at = [corner[0], corner[1] + _autoencoder.CELL / _autoencoder.HEIGHT]
    assert view.sheet[8] == 0
    view.clear.click()
    assert not view.sheet.any()
    view.stage.image.at = [0.2, 0.2]
    assert view.x.value < -0.3 and view.y.value > 0.5
    assert "error" in view.said.value


def test_what_the_lesson_asks_of_the_latent_explorer():
    """Between a 0 and a 1 lie places that are no digit; what is no digit is said badly."""
    model = _autoencoder.trained("autoencoder")
    known, kinds, *_ = _autoencoder.digits()
    zero, one = (model.places[kinds == digit].mean(axis=0) for digit in (0, 1))
    way = zero + np.linspace(0, 1, 21)[:, None] * (one - zero)
    said = _autoencoder.decode(model, way)
    off = np.min(
        ((said[:, None] - known) ** 2).mean(axis=2), axis=1
    )  # to the known digit that is nearest
    assert off[5:16].max() > 1.2 * max(off[0], off[-1])
    chequered = (np.indices((8, 8)).sum(axis=0) % 2).reshape(1, 64).astype(float)
    said = _autoencoder.decode(model, _autoencoder.encode(model, chequered))
    assert np.mean((said - chequered) ** 2) > 4 * model.usual
