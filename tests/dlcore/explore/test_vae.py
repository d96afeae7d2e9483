"""Explorer of lesson 18: what a decoder makes of its latent plane."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _vae


@pytest.mark.daily(3)
@given(
    st.sampled_from([("autoencoder", 1.0), ("VAE", 0.25), ("VAE told the digit", 0.25)]),
    st.integers(0, 9),
    st.integers(0, 10_000),
)
def test_what_the_plane_says_is_pytorchs(which, digit, seed):
    model = _vae.trained(*which)
    places = _vae.cloud(np.zeros(2), 1.5, seed)
    code = torch.tensor(places * model.spread + model.middle)
    half = [torch.tensor(p) for p in model.params[len(model.params) // 2 :]]
    if which[0] == "VAE told the digit":
        told = torch.nn.functional.one_hot(torch.full((_vae.DRAWN,), digit), 10)
        code = torch.cat([code, told.double()], 1)
    for w, b in zip(half[:-2:2], half[1:-2:2], strict=True):
        code = torch.relu(torch.nn.functional.linear(code, w, b))
    out = torch.nn.functional.linear(code, half[-2], half[-1])
    wanted = out.clamp(0, 1) if which[0] == "autoencoder" else torch.sigmoid(out)
    np.testing.assert_allclose(_vae.said(model, places, digit), wanted, atol=1e-9)
    seen = _vae.chances(_vae.said(model, places, digit))
    np.testing.assert_allclose(seen.sum(axis=1), 1)


def test_the_plane_is_tiled_from_above():
    places = _vae.everywhere()
    assert len(places) == _vae.MANY**2
    assert places[0, 0] < places[1, 0] and places[0, 1] == places[1, 1] == places[:, 1].max()
    pictures = np.zeros((4, 64))
    pictures[1, 8] = 1.0  # the second picture, its second row, first pixel
    sheet = _vae.tiled(pictures, 2, 3)
    assert sheet.shape == (48, 48, 3)
    assert np.all(sheet[4, 25:27] == 0) and np.all(sheet[10, 25:27] == 255)


def test_a_place_is_dragged():
    view = _vae._View()
    view.stage.image.at = [0.1, 0.4]
    assert view.x.value < -1 and view.y.value > 0
    view.kind.value = "autoencoder"
    assert view.digit.disabled and view.beta.disabled


@pytest.mark.daily(3)
def test_what_the_lesson_asks_of_the_walk_explorer():
    """Where the judge is not sure there is a border of two kinds; beta empties the plane; directions mean nothing."""
    seen = _vae.chances(_vae.said(_vae.trained("VAE", 0.25), _vae.everywhere(), 0))
    sure = (seen.max(axis=1) > 0.95).reshape(_vae.MANY, _vae.MANY)
    kinds, border = seen.argmax(axis=1).reshape(sure.shape), np.zeros(sure.shape, bool)
    for a, b in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
        border[a] |= kinds[a] != kinds[b]
        border[:, a] |= kinds[:, a] != kinds[:, b]
    assert border[~sure].mean() > 0.7 > 0.3 > border[sure].mean()
    assert len(set(kinds[sure].tolist())) >= 6

    told = {beta: _vae.trained("VAE told the digit", beta) for beta in (0.25, 4.0)}
    spread = [_vae.said(model, _vae.everywhere(), 3).std(axis=0).mean() for model in told.values()]
    assert spread[1] < spread[0] / 5

    rows, columns = np.indices((8, 8)).reshape(2, 64)

    def slants(digit: int) -> float:
        """How much farther to the left the foot stands, for each step upwards in the plane."""
        ink = _vae.said(told[0.25], _vae.everywhere(), digit)
        ink = ink / ink.sum(axis=1, keepdims=True)
        down, across = rows - (ink @ rows)[:, None], columns - (ink @ columns)[:, None]
        slant = -(ink * down * across).sum(axis=1) / (ink * down * down).sum(axis=1)
        return float(np.polyfit(_vae.everywhere()[:, 1], slant, 1)[0])

    assert slants(5) < -0.02 < 0.02 < slants(1)
