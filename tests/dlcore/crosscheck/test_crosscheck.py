"""The cross-check finds a wrong forward, a wrong backward, and survives without torch."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from dlcore import Tensor
from dlcore import activations as act
from dlcore.crosscheck import (
    crosscheck,
    torch_gradients,
    torch_training,
    torch_trajectory,
)
from dlcore.crosscheck.timing import clock, exact_float32, medians_ms
from dlcore.scratch import losses, optimizers, rnn, tensors, training

X = np.random.default_rng(0).standard_normal((20, 5))


def test_right_functions_agree_to_rounding():
    row = crosscheck(
        act.sigmoid_forward,
        "sigmoid",
        X,
        backward=lambda g, x: act.sigmoid_backward(g, act.sigmoid_forward(x)),
    ).rows[0]
    assert row.device == "cpu" and row.forward < 1e-15 and row.backward < 1e-15


def test_wrong_functions_are_seen():
    row = crosscheck(lambda x: np.abs(x), "relu", X, backward=lambda g, x: g).rows[0]
    assert row.forward > 0.1 and row.backward > 0.1


def test_wrong_shape_is_an_error_that_names_both():
    with pytest.raises(ValueError, match=r"\(5, 20\).*\(20, 5\)"):
        crosscheck(lambda x: x.T, "relu", X)


def test_the_table_names_the_device_and_says_when_there_is_no_gpu():
    import torch

    text = str(crosscheck(act.relu_forward, "relu", X))
    assert "cpu" in text
    assert ("cuda" in text) == torch.cuda.is_available()


def test_without_torch_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "not installed" in str(crosscheck(act.relu_forward, "relu", X))


def test_operations_on_the_tape_and_relative_errors():
    from dlcore import functional as F

    w = np.random.default_rng(1).standard_normal((3, 5))
    row = crosscheck(F.linear, "nn.functional.linear", 1e6 * X, w, backward="tape").rows[0]
    assert row.forward_relative < 1e-15 and row.backward_relative < 1e-15
    assert row.forward_relative < row.forward or row.forward == 0
    wrong = lambda x: Tensor.from_op(x.data * x.data, (x,), lambda g: (g * x.data,))
    row = crosscheck(wrong, "square", X, backward="tape").rows[0]
    assert row.forward == 0 and row.backward_relative == pytest.approx(0.5, abs=0.2)


def test_a_gradient_that_is_missing_and_one_for_each_array():
    both = crosscheck(
        lambda x, y: x * y, "mul", X, 2 * X, backward=lambda g, x, y: (g * y, g * x)
    ).rows[0]
    assert both.backward == 0
    one_wrong = crosscheck(
        lambda x, y: x * y, "mul", X, 2 * X, backward=lambda g, x, y: (g * y, g * y)
    ).rows[0]
    assert one_wrong.backward > 0.1


@pytest.mark.parametrize(("sign", "agrees"), [(1, True), (-1, False)])
def test_class_numbers_have_no_gradient_and_the_scores_have(sign, agrees):
    rng = np.random.default_rng(0)
    scores, classes = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    report = crosscheck(
        losses.cross_entropy,
        "nn.functional.cross_entropy",
        scores,
        classes,
        backward=lambda g, x, t: sign * g * losses.cross_entropy_gradient(x, t),
        repeat=1,
    )
    assert report.rows[0].forward < 1e-12
    assert (report.rows[0].backward < 1e-12) is agrees


def test_every_gradient_on_the_way():
    """Of y = w x, a = y^2, loss = sum(a): 2 y, 2 y x and 2 y w, and 0 for what leads nowhere."""

    def forward(w, x, spare):
        y = w * x
        a = y * y
        return {"y": y, "a": a, "aside": y * 3, "loss": a.sum()}

    rng = np.random.default_rng(2)
    w, x = rng.standard_normal((2, 4))
    y = w * x
    found = torch_gradients(forward, w=w, x=x, spare=np.ones(2))
    wanted = {"w": 2 * y * x, "x": 2 * y * w, "spare": np.zeros(2)}
    wanted |= {"y": 2 * y, "a": np.ones(4), "aside": np.zeros(4), "loss": np.array(1.0)}
    assert list(found) == list(wanted)
    for name in wanted:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-12, err_msg=name)


def test_where_an_optimizer_goes():
    """SGD with momentum by hand: v = m v + g, p = p - rate v; the arrays given stay as they were."""
    rng = np.random.default_rng(3)
    params = [rng.standard_normal((2, 3)), rng.standard_normal(3)]
    before = [p.copy() for p in params]
    gradients = [[rng.standard_normal(p.shape) for p in params] for _ in range(5)]
    found = torch_trajectory("SGD", params, gradients, lr=0.1, momentum=0.5)
    for i, p in enumerate(before):
        at, v = p, 0.0
        for step in gradients:
            v = 0.5 * v + step[i]
            at = at - 0.1 * v
        np.testing.assert_allclose(found[i], at, rtol=1e-12)
        np.testing.assert_array_equal(params[i], p)


def test_without_torch_both_are_empty(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert torch_gradients(lambda w: {"loss": w.sum()}, w=np.ones(2)) == {}
    assert torch_trajectory("SGD", [np.ones(2)], [], lr=0.1) == []
    assert torch_training([], np.ones(2), np.ones(2), []) == []


def test_a_whole_training_in_pytorch_is_ours():
    """Two layers, eight steps of AdamW; the loss of each step and the last parameters."""
    rng = np.random.default_rng(4)
    x, t = rng.standard_normal((30, 4)), rng.integers(0, 3, 30)
    order = [rng.integers(0, 30, 10) for _ in range(8)]
    params = begun = training.he_init([4, 6, 3], rng)
    optimizer, losses = optimizers.AdamW(lr=0.02), []
    for rows in order:
        leaves = [tensors.Tensor(p) for p in params]
        w1, b1, w2, b2 = leaves
        h = tensors.Tensor(x[rows]) @ w1.T + b1
        loss = (h * (h.data > 0) @ w2.T + b2).cross_entropy(t[rows])
        loss.backward()
        losses.append(float(loss.data))
        params = optimizer.step(params, [leaf.grad for leaf in leaves])
    found = torch_training(begun, x, t, order, lr=0.02)
    assert found[0].device == "cpu" and found[0].seconds > 0
    for report in found:
        np.testing.assert_allclose(report.losses, losses, rtol=1e-9)
        for a, b in zip(report.params, params, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_pytorch_may_want_its_arguments_otherwise():
    rng = np.random.default_rng(0)
    shapes = (5, 2, 3), (2, 4), (4, 3), (4, 4), (4,)
    arrays = [rng.standard_normal(shape) for shape in shapes]

    def theirs(rnn_tanh, x, h, w_ih, w_hh, b):
        return rnn_tanh(x, h[None], (w_ih, w_hh, b, 0 * b), True, 1, 0.0, False, False, False)[0]

    def forward(*given):
        return rnn.rnn_forward(*given)[1:]

    def backward(g, x, h, w_ih, w_hh, b):
        return rnn.rnn_backward(g, x, rnn.rnn_forward(x, h, w_ih, w_hh, b), w_ih, w_hh)

    report = crosscheck(forward, "rnn_tanh", *arrays, backward=backward, call=theirs, repeat=1)
    assert report.rows[0].forward < 1e-12 and report.rows[0].backward < 1e-10


def test_both_are_warmed_up_and_then_called_in_turn():
    calls = []
    acts = (lambda: calls.append("theirs")), (lambda: calls.append("ours"))
    clocks = (clock(None, False),) * 2
    assert len(medians_ms(acts, clocks, 5)) == 2
    assert calls == ["theirs", "ours"] * 8  # three of each do not count


def test_a_slow_function_is_not_called_twenty_times():
    calls = []
    slow = lambda: calls.append(time.sleep(0.4))
    (took,) = medians_ms([slow], [clock(None, False)], 20)
    assert took >= 400 and len(calls) <= 8  # no more than two seconds have room for, and a warm-up


def test_no_tf32_while_times_are_taken():
    import torch

    before = torch.backends.cudnn.allow_tf32
    with exact_float32(torch):
        assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before


def test_a_gpu_is_timed_by_its_own_clock():
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    a = torch.ones(2000, 2000, device="cuda")
    assert 0 < clock(torch, True)(lambda: a @ a) < 1000
    row = crosscheck(act.relu_forward, "relu", X).rows[1]
    assert row.device == "cuda" and row.ours in ("cpu", "cuda")
