"""Sequences of different lengths, and memory over time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlcore import nn, tensor
from dlcore.crosscheck import to_torch
from dlcore.errors import ShapeError


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_lengths_equal_pytorchs_packed_sequences(kind, both, batch_first):
    rng = np.random.default_rng(0)
    ours = kind(3, 4, 2, bidirectional=both, batch_first=batch_first, rng=0).double()
    theirs = to_torch(ours)
    x = rng.standard_normal((4, 6, 3) if batch_first else (6, 4, 3))
    lengths = np.array([3, 6, 1, 5])
    a, b = tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, state = ours(a, lengths=lengths)
    packed, their_state = theirs(
        pack_padded_sequence(b, lengths, batch_first=batch_first, enforce_sorted=False)
    )
    z, _ = pad_packed_sequence(packed, batch_first=batch_first)
    pairs = [(y, z)]
    pairs += zip(state, their_state, strict=True) if kind is nn.LSTM else [(state, their_state)]
    total, their_total = 0, 0
    for found, wanted in pairs:
        np.testing.assert_allclose(found.data, wanted.detach().numpy(), atol=1e-12)
        g = rng.standard_normal(found.shape)
        total, their_total = (
            total + (found * g).sum(),
            their_total + (wanted * torch.tensor(g)).sum(),
        )
    total.backward()
    their_total.backward()
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), atol=1e-12)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), atol=1e-11)


@pytest.mark.parametrize("lengths", [[3, 6], [0, 1, 1, 1], [7, 1, 1, 1]])
def test_wrong_lengths(lengths):
    with pytest.raises(ValueError, match="lengths must be 4 numbers from 1 to 6"):
        nn.RNN(3, 4)(tensor(np.ones((6, 4, 3))), lengths=lengths)


def test_shapes_are_explained():
    with pytest.raises(ShapeError, match="lstm: x has 5 features, w_ih expects 3"):
        nn.LSTM(3, 4)(tensor(np.ones((6, 4, 5))))
    with pytest.raises(ShapeError, match="add a batch dimension"):
        nn.GRU(3, 4)(tensor(np.ones((6, 3))), tensor(np.ones((1, 1, 4))))
    with pytest.raises(ShapeError, match=r"a state must be \(1, 4, 4\)"):
        nn.GRU(3, 4)(tensor(np.ones((6, 4, 3))), tensor(np.ones((1, 3, 4))))


def test_a_cell_repeated_is_the_layer():
    layer, cell = nn.LSTM(3, 4, rng=0), nn.LSTMCell(3, 4)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = tensor(np.random.default_rng(0).standard_normal((5, 2, 3)).astype(np.float32))
    state, rows = None, []
    for t in range(5):
        state = cell(x[t], state)
        rows.append(state[0].data)
    y, (h, c) = layer(x)
    np.testing.assert_allclose(np.stack(rows), y.data, atol=1e-6)
    np.testing.assert_allclose(h.data[0], state[0].data, atol=1e-6)
    np.testing.assert_allclose(c.data[0], state[1].data, atol=1e-6)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_dropout_stands_between_the_layers_and_nowhere_else(kind):
    x = np.random.default_rng(0).standard_normal((5, 2, 3)).astype(np.float32)
    one = kind(3, 4, 1, dropout=1.0, rng=0)
    assert np.array_equal(one(tensor(x))[0].data, kind(3, 4, 1, rng=0)(tensor(x))[0].data)
    two = kind(3, 4, 2, dropout=1.0, rng=0)  # the second layer sees nothing but zeros
    found, wanted = two(tensor(x))[0].data, to_torch(two).train()(torch.tensor(x))[0]
    np.testing.assert_allclose(found, wanted.detach().numpy(), atol=1e-6)
    assert not np.allclose(found, two.eval()(tensor(x))[0].data, atol=1e-3)
