"""Attention by hand, against PyTorch, for shapes and masks that hypothesis draws."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore import positions
from dlcore.scratch import attention

seeds, sizes = st.integers(0, 10_000), st.integers(1, 5)


@given(seed=seeds, front=st.lists(sizes, max_size=2), length=sizes, s=sizes, e=sizes, v=sizes)
def test_attention_there_and_back(seed, front, length, s, e, v):
    rng = np.random.default_rng(seed)
    shapes = (*front, length, e), (*front, s, e), (*front, s, v)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    mask = rng.random((*front, length, s)) < 0.7
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    wanted = torch.nn.functional.scaled_dot_product_attention(*leaves, attn_mask=torch.tensor(mask))
    y, weights = attention.attention(*arrays, mask)
    np.testing.assert_allclose(y, wanted.detach(), atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=-1), mask.any(axis=-1), atol=1e-12)
    assert not weights[~mask].any()
    g = rng.standard_normal(y.shape)
    wanted.backward(torch.tensor(g))
    for mine, leaf in zip(attention.attention_backward(g, *arrays, weights), leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, atol=1e-10)


@given(seed=seeds, n=sizes, t=sizes, heads=sizes, e=sizes)
def test_heads_are_those_of_pytorch_in_one_matrix(seed, n, t, heads, e):
    """What the lesson says of libraries: all matrices in one, and the result cut."""
    rng = np.random.default_rng(seed)
    d = heads * e
    x, (w_q, w_k, w_v) = rng.standard_normal((n, t, d)), rng.standard_normal((3, heads, d, e))
    w_o = rng.standard_normal((heads, e, d))
    layer = torch.nn.MultiheadAttention(d, heads, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        wide = [w.transpose(0, 2, 1).reshape(d, d) for w in (w_q, w_k, w_v)]
        layer.in_proj_weight.copy_(torch.tensor(np.concatenate(wide)))
        layer.out_proj.weight.copy_(torch.tensor(w_o.reshape(d, d).T.copy()))
        hidden = torch.triu(torch.ones(t, t), 1) > 0  # True: must not look
        wanted, _ = layer(*[torch.tensor(x)] * 3, attn_mask=hidden)
    mask = attention.attention_mask([t] * n, t, causal=True)
    np.testing.assert_allclose(
        attention.multi_head_attention(x, w_q, w_k, w_v, w_o, mask), wanted, atol=1e-9
    )


@given(seed=seeds, t=sizes, pairs=sizes, start=st.integers(0, 50))
def test_turning_is_the_librarys_and_knows_distances_alone(seed, t, pairs, start):
    rng = np.random.default_rng(seed)
    q, k = rng.standard_normal((2, t, 2 * pairs))
    places = start + np.arange(t)
    np.testing.assert_allclose(
        attention.rotary_embedding(q, places), positions.rotary_forward(q, start)[0], atol=1e-12
    )
    here, later = (
        attention.rotary_embedding(q, p) @ attention.rotary_embedding(k, p).T
        for p in (places, places + 9)
    )
    np.testing.assert_allclose(here, later, atol=1e-9)


@given(seed=seeds, t=st.integers(1, 6), window=st.integers(0, 6))
def test_what_depends_on_what_is_found_out(seed, t, window):
    """A running mean over a window, which may look back or ahead."""
    rng = np.random.default_rng(seed)
    i, j = np.indices((t, t))
    reach = (j <= i) & (i - j <= window) if seed % 2 else (j >= i) & (j - i <= window)
    f = lambda x: np.stack([x[row].mean(axis=0) for row in reach])
    np.testing.assert_array_equal(
        attention.dependency_matrix(f, rng.standard_normal((t, 3))), reach
    )


def test_a_network_that_looks_back_alone():
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((2, 4, 3)) for _ in range(3)]
    w_o = rng.standard_normal((2, 3, 5))
    mask = attention.attention_mask([6], 6, causal=True)
    f = lambda x: attention.multi_head_attention(x[None], *weights, w_o, mask)[0]
    found = attention.dependency_matrix(f, rng.standard_normal((6, 4)))
    np.testing.assert_array_equal(found, np.tri(6, dtype=bool))
