"""Gated memories by hand, against PyTorch, for sequences that hypothesis draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore.scratch import lstm_gru

seeds, lengths, sizes = st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 4)


@given(seed=seeds, t=lengths, n=sizes, d=sizes, h=sizes)
def test_an_lstm_there_and_back(seed, t, n, d, h):
    rng = np.random.default_rng(seed)
    shapes = (t, n, d), (n, h), (n, h), (4 * h, d), (4 * h, h), (4 * h,)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    x, h0, c0, w_ih, w_hh, b = leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    params = w_ih, w_hh, b, torch.zeros_like(b)
    out, _, last = torch.lstm(x, (h0[None], c0[None]), params, True, 1, 0.0, True, False, False)
    hs, cs, opened = lstm_gru.lstm(*arrays)
    np.testing.assert_array_equal(hs[0], arrays[1])
    np.testing.assert_array_equal(cs[0], arrays[2])
    np.testing.assert_allclose(hs[1:], out.detach(), atol=1e-12)
    np.testing.assert_allclose(cs[-1], last[0].detach(), atol=1e-12)
    g = rng.standard_normal(out.shape)
    out.backward(torch.tensor(g))
    found = lstm_gru.lstm_backward(g, arrays[0], hs, cs, opened, *arrays[3:5])
    for mine, leaf in zip(found, leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, atol=1e-10)


@given(seed=seeds, n=sizes, d=sizes, h=sizes)
def test_a_step_of_a_gru(seed, n, d, h):
    rng = np.random.default_rng(seed)
    shapes = (n, d), (n, h), (3 * h, d), (3 * h, h), (3 * h,), (3 * h,)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    wanted = torch.gru_cell(*map(torch.tensor, arrays))
    np.testing.assert_allclose(lstm_gru.gru_step(*arrays), wanted, atol=1e-12)


@given(seed=seeds, t=lengths)
def test_a_conveyor_is_the_middle_of_an_lstm(seed, t):
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape) for shape in ((12, 2), (12, 3), (12,))]
    h, c = rng.standard_normal((2, 4, 3))
    _, cs, opened = lstm_gru.lstm(rng.standard_normal((t, 4, 2)), h, c, *weights)
    i, f, g, _ = np.split(opened, 4, axis=2)
    np.testing.assert_allclose(lstm_gru.cell_state_update(c, f, i, g), cs, atol=1e-12)


@given(steps=st.floats(0.2, 1000))
def test_half_is_left_after_so_many_steps(steps):
    gate = 1 / (1 + np.exp(-lstm_gru.forget_bias(steps)))
    assert gate**steps == pytest.approx(0.5)
