"""The gradient check finds what is wrong and says where."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore import Tensor, tensor
from dlcore import functional as F
from dlcore.gradcheck import gradcheck, numerical_gradient

X = np.random.default_rng(0).standard_normal((3, 4))


def test_measures_to_twelve_digits():
    found = numerical_gradient(lambda x: float(np.sin(x).sum()), X)
    np.testing.assert_allclose(found, np.cos(X), atol=3e-12)


def test_a_right_gradient_passes():
    report = gradcheck(lambda x, w: F.softmax(x @ w.T), X, X[:2])
    assert report and report.error < 1e-9 and "right" in str(report)


def test_the_worst_entry_is_named():
    def wrong(x):
        def vjp(g):
            dx = 2 * g * x.data
            dx[2, 1] += 0.5
            return (dx,)

        return Tensor.from_op(x.data**2, (x,), vjp)

    report = gradcheck(wrong, X)
    assert not report and (report.argument, report.index) == (0, (2, 1))
    assert report.found - report.measured == pytest.approx(0.5)
    assert "(2, 1)" in str(report) and "wrong" in str(report)


def test_errors_that_cancel_in_a_sum_are_found():
    def wrong(x):  # the gradient, with two columns exchanged
        return Tensor.from_op(x.data * 1.0, (x,), lambda g: (g[:, ::-1],))

    assert not gradcheck(wrong, X)


def test_a_forgotten_argument_and_nan_are_wrong():
    assert not gradcheck(lambda x, y: x * y.detach(), X, X)
    assert not gradcheck(lambda x: Tensor.from_op(x.data, (x,), lambda g: (g * np.nan,)), X)


def test_integers_are_refused():
    with pytest.raises(TypeError, match=r"write 1\.0 for 1"):
        gradcheck(lambda x: x, [1, 2])
    assert gradcheck(lambda x: x * tensor(2.0), tensor([1.0, 2.0]))
