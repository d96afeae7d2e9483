"""Explorer of lesson 14: who looks at whom."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlcore.explore import _attention

sentences = st.lists(st.sampled_from([*_attention.KNOWN, "zebra", "Cat."]), min_size=1, max_size=9)
temperatures = st.floats(0.1, 5)
in_the_plane = st.floats(-7, 7)


@given(
    sentences,
    st.sampled_from(_attention.HEADS),
    temperatures,
    st.sampled_from(_attention.MASKS),
    st.integers(0, 3),
    st.tuples(in_the_plane, in_the_plane),
    st.data(),
)
def test_who_looks_at_whom_is_pytorchs(sentence, head, temperature, mask, pads, query, data):
    at = data.draw(st.integers(0, len(sentence) - 1))
    now = _attention.state(sentence, head, temperature, mask, pads, (at, *query))
    size = len(sentence) + pads
    assert now.keys.shape == now.queries.shape == (size, 2)
    np.testing.assert_array_equal(now.queries[at], query)
    may = torch.ones(size, size, dtype=torch.bool)
    if mask in ("causal", "both"):
        may &= torch.tril(may)
    if mask in ("padding", "both"):
        may[:, len(sentence) :] = False
    q, k = torch.tensor(now.queries), torch.tensor(now.keys)
    scores = (q @ k.T / (2**0.5 * temperature)).masked_fill(~may, -torch.inf)
    np.testing.assert_allclose(now.weights, torch.softmax(scores, 1), atol=1e-9)


def test_a_sentence_is_typed_a_row_pointed_at_and_a_query_dragged():
    view = _attention._View()
    view.stage.image.over = [
        (_attention.LEFT + 5) / _attention.WIDTH,
        (_attention.TOP + 1) / _attention.HEIGHT,
    ]
    assert view.at.value == 1
    own = view.x.value, view.y.value
    view.stage.image.over = [0.9, 0.9]  # not over the weights
    assert view.at.value == 1
    view.temperature.value = 2.0
    assert view.query is None  # nobody gave it one
    view.stage.image.at = [0.6, 0.3]
    assert (view.x.value, view.y.value) != own
    view.text.value = " ".join(["word"] * 30)
    assert len(view.sentence) == view.at.max == _attention.MOST and view.pads.max == 0
    view.text.value = "the cat was here"
    view.pads.value, view.at.value = 8, 4  # the last word is watched
    view.text.value = "one more word " * 4  # its padding must make room first
    assert (view.pads.value, view.at.max) == (0, 12)
    view.text.value = ""
    assert "Type" in view.said.value
    view.text.value = "<b>bold</b> words"
    for word in range(1, view.at.max + 1):
        view.at.value = word
        assert "&lt;b&gt;bold" in view.said.value and "<b>bold" not in view.said.value
    view.text.value = "the dog was hungry"
    assert view.at.max == 4 and view.pads.max == _attention.MOST - 4


def test_what_the_lesson_asks_of_the_attention_explorer():
    sentence = _attention._View().sentence
    for what, noun in (("broken", "sofa"), ("hungry", "cat")):
        (*_, last) = _attention.state([*sentence[:-1], what]).weights
        assert last[sentence.index(noun)] > 0.95
    _, keys = _attention.arrows(
        ["cat", "dog", "queen", "sofa", "tree", "lamp"], _attention.HEADS[0]
    )
    beings, things = keys[:3].mean(axis=0), keys[3:].mean(axis=0)
    assert np.linalg.norm(beings - things) > 4 * np.abs(keys[:3] - beings).max()

    at = sentence.index("it")
    it = _attention.state(sentence).weights[at]
    assert min(it[[1, 4]]) > 0.3 and it[[1, 4]].sum() > 0.95  # it cannot know
    cat = _attention.state(sentence, own=(at, -3.5, -1.0))
    warm = _attention.state(sentence, temperature=5.0, own=(at, -3.5, -1.0))
    assert cat.weights[at, 1] > 0.95 > 0.6 > warm.weights[at, 1]
    np.testing.assert_array_equal(cat.queries, warm.queries)  # the arrow stays as it is

    before, causal = (
        _attention.state(sentence, _attention.HEADS[1], mask=m).weights for m in ("none", "causal")
    )
    twice = [i for i, row in enumerate(before) if np.sum(row > 0.4) == 2]
    assert twice == [1, 2, 8]
    assert causal[1, 0] > 0.9 and causal[2, 1] > 0.9 and np.sum(causal[8] > 0.4) == 2

    padded, hidden = (
        _attention.state(sentence, mask=m, pads=3).weights for m in ("none", "padding")
    )
    was = sentence.index("was")
    assert padded[was, 9:].sum() > 0.15 and not hidden[:, 9:].any()
    np.testing.assert_allclose(hidden[was, :9], _attention.state(sentence).weights[was])
