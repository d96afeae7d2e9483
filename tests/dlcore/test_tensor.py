"""The tape: accumulation, reuse, depth, memory, and errors that teach."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import dlcore
from dlcore import Tensor, tensor


def test_a_tensor_used_twice_gets_both_gradients():
    x = tensor([2.0, 3.0], requires_grad=True)
    (x * x + x).sum().backward()
    np.testing.assert_allclose(x.grad.data, [5.0, 7.0])


def test_gradients_add_up_over_calls_and_leaves_do_not_share_memory():
    a, b = (tensor([1.0], requires_grad=True) for _ in range(2))
    for _ in range(2):
        (a + b).backward(np.array([1.0]))
    a.grad.data[:] = 99
    np.testing.assert_allclose(b.grad.data, [2.0])


def test_a_chain_of_100_000_nodes_does_not_overflow_the_stack():
    x = tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 0.0
    y.backward()
    assert x.grad.item() == 1.0


def test_history_is_freed_without_the_garbage_collector():
    gc.disable()
    try:
        x = tensor(np.ones(10), requires_grad=True)
        middle = x * 2.0
        gone = weakref.ref(middle.data)
        middle.sum().backward()
        del middle
        assert gone() is None
    finally:
        gc.enable()


def test_no_grad_records_nothing():
    x = tensor([1.0], requires_grad=True)
    with dlcore.no_grad():
        y = x * 2.0
    assert not y.requires_grad


def test_numbers_are_float32_and_arrays_keep_their_dtype():
    assert tensor([1.0, 2.0]).dtype == np.float32
    assert tensor(np.array([1.0])).dtype == np.float64
    assert (tensor(np.ones(2, np.float32)) * 2).dtype == np.float32
    assert (np.ones(2) * tensor(np.ones(2))).__class__ is Tensor


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: tensor([1.0]).backward(), "requires_grad=True"),
        (lambda: (tensor([1.0, 2.0], True) * 1).backward(), "did you forget .sum()"),
        (lambda: (tensor([1.0, 2.0], True) * 1).backward(np.ones(3)), "(3,)"),
        (lambda: tensor([1.0], True).numpy(), "detach"),
    ],
)
def test_errors_say_what_to_do(act, words):
    with pytest.raises(RuntimeError, match=words.replace("(", r"\(").replace(")", r"\)")):
        act()


def test_a_second_backward_says_that_the_history_is_used_up():
    y = (tensor([1.0], True) * 2.0).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="used up"):
        y.backward()


def test_shape_errors_name_the_op_and_the_shapes():
    x, w, b = tensor(np.ones((2, 3))), tensor(np.ones((4, 5))), tensor(np.ones(4))
    with pytest.raises(dlcore.errors.ShapeError) as caught:
        dlcore.functional.linear(x, w, b)
    assert "linear" in str(caught.value) and "(2, 3)" in str(caught.value)
