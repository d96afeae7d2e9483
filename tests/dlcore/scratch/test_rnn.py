"""A recurrent network by hand, against PyTorch, for sequences that hypothesis draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore.data import series
from dlcore.scratch import rnn

F = torch.nn.functional
seeds, lengths, sizes = st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 4)


def drawn(seed, t, n, d, h):
    """x, h, w_ih, w_hh, b as arrays and as tensors, and PyTorch's states after each input."""
    rng = np.random.default_rng(seed)
    shapes = (t, n, d), (n, h), (h, d), (h, h), (h,)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    x, h0, w_ih, w_hh, b = leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    params = w_ih, w_hh, b, torch.zeros_like(b)
    out, _ = torch.rnn_tanh(x, h0[None], params, True, 1, 0.0, True, False, False)
    return arrays, leaves, out, rng.standard_normal(out.shape)


@given(seed=seeds, t=lengths, n=sizes, d=sizes, h=sizes)
def test_there_and_back(seed, t, n, d, h):
    arrays, leaves, out, g = drawn(seed, t, n, d, h)
    states = rnn.rnn_forward(*arrays)
    np.testing.assert_array_equal(states[0], arrays[1])
    np.testing.assert_allclose(states[1:], out.detach(), atol=1e-12)
    step = rnn.rnn_step(arrays[0][0], *arrays[1:])
    np.testing.assert_allclose(states[1], step, atol=1e-15)
    out.backward(torch.tensor(g))
    found = rnn.rnn_backward(g, arrays[0], states, *arrays[2:4])
    for mine, leaf in zip(found, leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, atol=1e-10)


@given(seed=seeds, t=lengths, steps=st.integers(1, 7))
def test_cut_into_pieces(seed, t, steps):
    """PyTorch's own way: detach the state at every cut."""
    (x, h, *weights), _, _, g = drawn(seed, t, 2, 3, 2)
    leaves = [torch.tensor(a, requires_grad=True) for a in weights]
    state, loss = torch.tensor(h), 0.0
    for i in range(t):
        state = state.detach() if i % steps == 0 else state
        state = torch.tanh(torch.tensor(x[i]) @ leaves[0].T + state @ leaves[1].T + leaves[2])
        loss = loss + (state * torch.tensor(g[i])).sum()
    loss.backward()
    states = rnn.rnn_forward(x, h, *weights)
    found = rnn.truncated_bptt(g, x, states, *weights[:2], steps)
    for mine, leaf in zip(found, leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, atol=1e-10)


@given(seed=seeds, t=lengths)
def test_what_arrives(seed, t):
    arrays, leaves, out, g = drawn(seed, t, 3, 2, 4)
    norms = rnn.gradient_norms(g[-1], rnn.rnn_forward(*arrays), arrays[3])
    out[-1].backward(torch.tensor(g[-1]))
    assert len(norms) == t + 1 and norms[0] == pytest.approx(np.linalg.norm(g[-1]))
    assert norms[-1] == pytest.approx(float(leaves[1].grad.norm()))


@given(seed=seeds, most=st.floats(0.1, 10))
def test_clipping_is_pytorchs(seed, most):
    rng = np.random.default_rng(seed)
    grads = [rng.standard_normal(shape) for shape in ((2, 3), (4,), ())]
    leaves = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in grads]
    for leaf, g in zip(leaves, grads, strict=True):
        leaf.grad = torch.tensor(g)
    norm = torch.nn.utils.clip_grad_norm_(leaves, most)
    clipped, found = rnn.clip_grad_norm(grads, most)
    assert found == pytest.approx(float(norm))
    for mine, leaf in zip(clipped, leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, rtol=2e-5)  # PyTorch adds 1e-6 to the norm


@given(seed=seeds, t=lengths, n=sizes, ignore=st.integers(0, 4))
def test_what_does_not_count(seed, t, n, ignore):
    rng = np.random.default_rng(seed)
    scores, classes = rng.standard_normal((t, n, 5)), rng.integers(0, 5, (t, n))
    classes[0, 0] = (ignore + 1) % 5
    leaf = torch.tensor(scores, requires_grad=True)
    wanted = F.cross_entropy(
        leaf.reshape(-1, 5), torch.tensor(classes.ravel()), ignore_index=ignore
    )
    wanted.backward()
    loss, gradient = rnn.masked_cross_entropy(scores, classes, ignore)
    assert loss == pytest.approx(float(wanted.detach()))
    np.testing.assert_allclose(gradient, leaf.grad, atol=1e-12)


def test_padding_changes_nothing():
    """A batch with padding at its end is the batch without."""
    rng = np.random.default_rng(0)
    params = [rng.standard_normal(shape) for shape in ((3, 5), (3, 3), (3,), (5, 3), (5,))]
    tokens = rng.integers(1, 5, (6, 4))
    padded = np.concatenate([tokens, np.zeros((3, 4), int)])
    (loss, grads), (same, others) = (rnn.next_token_loss(params, t) for t in (tokens, padded))
    assert loss == pytest.approx(same)
    for a, b in zip(grads, others, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_the_sun():
    years, spots = series.sunspots()
    assert years[0] == 1700 and (np.diff(years) == 1).all() and len(years) == len(spots) == 309
    assert spots.min() >= 0 and years[spots.argmax()] == 1957
