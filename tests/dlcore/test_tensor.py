"""The tape: accumulation, reuse, depth, memory, and errors that teach."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import threading
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


def test_a_backward_that_failed_leaves_nothing_behind():
    x = tensor([1.0], requires_grad=True)
    used = x * 2.0
    used.sum().backward()
    with pytest.raises(RuntimeError, match="used up"):
        (used + x * 5.0).sum().backward()
    x.grad = None
    (x * 3.0).sum().backward()
    assert x.grad.item() == 3.0


@pytest.mark.parametrize("gradients", [(), (1.0, 2.0)])
def test_a_vjp_gives_a_gradient_for_each_parent(gradients):
    x = tensor(1.0, requires_grad=True)
    y = Tensor.from_op(2 * x.data, (x,), lambda g: gradients)
    with pytest.raises(ValueError, match=f"{len(gradients)} gradients for 1 parent"):
        y.backward()


def test_shape_errors_name_the_op_and_the_shapes():
    x, w, b = tensor(np.ones((2, 3))), tensor(np.ones((4, 5))), tensor(np.ones(4))
    with pytest.raises(dlcore.errors.ShapeError) as caught:
        dlcore.functional.linear(x, w, b)
    assert "linear" in str(caught.value) and "(2, 3)" in str(caught.value)


def test_writing_into_a_tensor_that_backward_needs_is_an_error_not_a_wrong_number():
    w, x = tensor([2.0, 3.0], requires_grad=True), tensor([1.0, 1.0])
    y = (w * x).sum()
    x[0] = 100.0
    with pytest.raises(RuntimeError, match="overwritten after the forward pass"):
        y.backward()
    x.data[:] = 1
    y = (w * x).sum()
    y.backward()
    np.testing.assert_array_equal(w.grad.data, [1, 1])


@pytest.mark.parametrize(
    "view",
    [
        lambda t: t.reshape(1, 2),
        lambda t: t[0:1],
        lambda t: t.reshape(1, 2)[0][:1],
        lambda t: t.T,
        lambda t: t.detach(),
    ],
)
def test_writing_through_a_view_is_noticed_too(view):
    w, x = tensor([2.0, 3.0], requires_grad=True), tensor([1.0, 1.0])
    y = (w * x).sum()
    view(x)[...] = 5.0
    with pytest.raises(RuntimeError, match="overwritten"):
        y.backward()


def test_an_optimizer_step_before_backward_is_noticed():
    w = tensor([2.0], requires_grad=True)
    y = (w * w).sum()
    w.grad = tensor([1.0])
    dlcore.optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="call backward before an optimizer step"):
        y.backward()


def test_assigning_where_the_tape_would_not_see_it_is_refused():
    w = tensor([2.0, 3.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="its history would not know"):
        w[0] = 1.0
    with pytest.raises(RuntimeError, match="build x from its parts"):
        tensor([0.0, 0.0])[0:2] = w
    with dlcore.no_grad():
        w[0] = 1.0
    assert w.data[0] == 1.0


@pytest.mark.parametrize(
    "act", [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow]
)
def test_in_place_operators_write_where_nothing_is_recorded(act):
    w = x = tensor([[2.0, 3.0]], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"write the update inside no_grad\(\)"):
        act(x, 2.0)
    used = (w * w).sum()
    with dlcore.no_grad():
        x = act(x, np.array([[2.0, 4.0]]))
    assert x is w and w.dtype == np.float32 and w.requires_grad
    np.testing.assert_allclose(w.data, act(np.array([[2.0, 3.0]]), np.array([[2.0, 4.0]])))
    with pytest.raises(RuntimeError, match="overwritten"):
        used.backward()


def test_in_place_operators_beside_a_history_make_a_new_tensor():
    total, loss = tensor(0.0), tensor([2.0], requires_grad=True)
    before = total
    total += (loss * 3.0).sum()
    assert total is not before and before.item() == 0
    total += 1
    total.backward()
    assert total.item() == 7 and loss.grad.item() == 3
    plain = same = tensor([1, 2])
    plain += 1
    assert plain is same and same.data.tolist() == [2, 3]
    with pytest.raises(TypeError, match="does not fit into"):
        plain /= 2
    with pytest.raises(TypeError, match="does not fit into"):
        plain += np.ones((3, 2), int)


def test_gradients_of_intermediate_results_can_be_kept():
    x = tensor([2.0], requires_grad=True)
    y = x * 3.0
    y.retain_grad()
    (y * y).backward(np.array([1.0]))
    assert y.grad.item() == 12.0 and x.grad.item() == 36.0


def test_backward_takes_a_seed_and_accumulates():
    x = tensor([1.0, 2.0], requires_grad=True)
    (x * x).backward(tensor([1.0, 10.0]))
    (x * x).backward(np.array([1.0, 0.0]))
    np.testing.assert_allclose(x.grad.data, [4.0, 40.0])


def test_repeated_indices_add_up():
    x = tensor(np.zeros(3), requires_grad=True)
    x[np.array([0, 0, 2])].sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2, 0, 1])
    rows = dlcore.functional.embedding(
        np.array([[1, 1], [0, 1]]), w := tensor(np.ones((3, 2)), True)
    )
    rows.sum().backward()
    np.testing.assert_array_equal(w.grad.data[:, 0], [1, 3, 0])


def test_what_is_no_number_and_integers_that_want_a_gradient_are_refused():
    with pytest.raises(TypeError, match="numbers are needed"):
        tensor(["a"])
    with pytest.raises(TypeError, match=r"write 1\.0 for 1"):
        tensor([1, 2], requires_grad=True)


def test_max_and_argmax_know_where():
    x = tensor([[1.0, 5.0], [7.0, 2.0]])
    values, indices = x.max(1)
    assert values.data.tolist() == [5, 7] and indices.data.tolist() == [1, 0]
    assert (
        x.max().item() == 7
        and x.argmax().item() == 2
        and x.min(0, keepdim=True).values.shape == (1, 2)
    )


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda x: x.reshape(4, 2), "6 entries cannot be arranged"),
        (lambda x: x.permute(0, 0), "name each dimension once"),
        (lambda x: x.swapaxes(0, 5), "swapaxes: there is no dimension 5"),
        (lambda x: x.expand(5, 3), "only sizes of 1 can grow"),
        (lambda x: x.split([1, 2]), "add up to 3, not 2"),
        (lambda x: x[7], "index 7 is out of bounds"),
        (lambda x: dlcore.cat([x, x.T]), "all shapes must agree except along 0"),
        (lambda x: dlcore.stack([]), "nothing to join"),
        (lambda x: dlcore.functional.pad(x, [1]), "pairs"),
        (lambda x: dlcore.functional.softmax(x, 3), "no dimension 3"),
    ],
)
def test_arrangements_that_do_not_fit_are_explained(act, words):
    with pytest.raises(dlcore.errors.ShapeError, match=words):
        act(tensor(np.ones((2, 3))))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda F, x: F.gelu(x, "erf"), 'choose "none" or "tanh"'),
        (lambda F, x: F.mse_loss(x, x, "avg"), 'choose "mean", "sum" or "none"'),
        (lambda F, x: F.binary_cross_entropy(x + 1, x), "from 0 to 1"),
        (lambda F, x: F.batch_norm(x, training=True), "batches of at least 2"),
    ],
)
def test_options_that_make_no_sense_are_explained(act, words):
    with pytest.raises(ValueError, match=words):
        act(dlcore.functional, tensor(np.ones((1, 1, 1, 1))))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda F: F.cross_entropy(tensor([[1.0, 2.0]]), tensor([2])), "no class 2; input has 2"),
        (lambda F: F.nll_loss(tensor([[1.0, 2.0]]), tensor([-1])), "no class -1"),
        (lambda F: F.embedding(tensor([5]), tensor([[1.0], [2.0]])), r"no row 5; .* 0\.\.1"),
        (lambda F: F.one_hot(tensor([3]), 3), "no row 3"),
    ],
)
def test_numbers_out_of_range_are_named(act, words):
    with pytest.raises(IndexError, match=words):
        act(dlcore.functional)


def test_relu_of_integers_stays_among_integers():
    x = tensor(np.array([-2, 0, 3]))
    y = dlcore.functional.relu(x)
    assert y.dtype == x.dtype and y.data.tolist() == [0, 0, 3]


def test_where_a_formula_ends_the_numbers_are_pytorchs():
    import torch

    certain = [[0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0]]  # the logarithm is cut off at -100
    x, t = (np.array(row) for row in certain)
    ours = dlcore.functional.binary_cross_entropy(tensor(x), t, reduction="none")
    theirs = torch.nn.functional.binary_cross_entropy(*map(torch.tensor, (x, t)), reduction="none")
    np.testing.assert_allclose(ours.data, theirs.numpy())
    for dtype in (np.float32, np.float64):  # a loss too small for 1 + e is not 0
        surprise = tensor(np.array([30.0, 17.0, 9.0, 1.0, 0.0], dtype))
        for found in (
            dlcore.functional.softplus(-surprise),
            dlcore.functional.binary_cross_entropy_with_logits(
                surprise, np.ones(5, dtype), reduction="none"
            ),
        ):
            exact = np.log1p(np.exp(-surprise.data.astype(np.float64)))
            np.testing.assert_allclose(found.data, exact, rtol=5 * np.finfo(dtype).eps)
    for correction in (0, 1, 2):  # nothing is left to divide by
        assert np.isfinite(tensor([2.0]).var(correction=correction).item()) == (correction == 0)


def test_one_hot_equals_pytorchs():
    import torch

    ids = np.array([[0, 2], [1, 1]])
    for k in (-1, 5):
        wanted = torch.nn.functional.one_hot(torch.tensor(ids), k).numpy()
        np.testing.assert_array_equal(dlcore.functional.one_hot(ids, k).data, wanted)


def test_python_numbers_do_not_change_the_dtype():
    x = tensor(np.ones(2, np.float32), requires_grad=True)
    for y in (x * 2, 2 - x, x / 3, 1 / x, x**2, 2**x, x + 0.5, dlcore.maximum(x, 0.5), x.clip(0.1)):
        assert y.dtype == np.float32
        y.sum().backward()
    assert x.grad.dtype == np.float32


def test_no_grad_holds_for_one_thread():
    """Two blocks that overlap: each ends its own."""
    inside, other, left = (threading.Event() for _ in range(3))
    seen = []

    def first():
        with dlcore.no_grad():
            inside.set()
            other.wait(10)
        left.set()

    def second():
        inside.wait(10)
        seen.append((tensor([1.0], True) * 2).requires_grad)
        with dlcore.no_grad():
            other.set()
            left.wait(10)
        seen.append((tensor([1.0], True) * 2).requires_grad)

    threads = [threading.Thread(target=f) for f in (first, second)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert seen == [True, True] and (tensor([1.0], True) * 2).requires_grad


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_a_copied_model_learns(again, monkeypatch):
    """It is as old as its copy: a tape that sorted it by the age of the first one would go astray."""
    model = dlcore.nn.Sequential(dlcore.nn.Linear(3, 2), dlcore.nn.ReLU(), dlcore.nn.Linear(2, 1))
    model(tensor(np.ones((4, 3)))).sum().backward()
    data = again(model)
    assert all(
        (p.grad.data == q.grad.data).all()
        for p, q in zip(data.parameters(), model.parameters(), strict=True)
    )
    x = tensor(np.ones((4, 3), np.float32), requires_grad=True)  # made before the copy is
    data = again(model)
    data.zero_grad()
    (data(x) ** 2).mean().backward()
    assert all(p.grad is not None for p in data.parameters()) and x.grad is not None
    assert type(data[0].weight) is dlcore.nn.Parameter


def test_a_history_cannot_be_copied():
    y = tensor([1.0], requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="has a history, which cannot be copied"):
        copy.deepcopy(y)
    assert copy.deepcopy(y.detach()).item() == 2


def test_a_tensor_as_people_use_it():
    t = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert [row.data.tolist() for row in t] == [[1, 2], [3, 4]]
    a, b = t
    assert (a + b).data.tolist() == [4, 6] and len(t) == 2
    one = t.sum()
    assert float(one) == 10 and int(one) == 10 and f"{one:.2f}" == "10.00" and bool(one)
    assert f"{t}" == repr(t) and [10, 20, 30][tensor(1)] == 20
    assert (t > 2).data.tolist() == [[False, False], [True, True]] and (t == t).all()
    assert (t != 1).any() and 3.0 in t and 7 not in t and not bool(tensor([0.0]))
    assert ((t > 1) & ~(t >= 4)).data.sum() == 2 and ((t == None) is False)  # noqa: E711
    assert np.asarray(t) is t.data and np.allclose(t, t.data) and np.mean(t) == 2.5
    assert np.concatenate([t, t]).shape == (4, 2) and np.exp(t).shape == (2, 2)
    assert isinstance(np.float64(2) * t, Tensor) and isinstance(t.data @ t, Tensor)
    assert len({t, t, tensor([1.0])}) == 2
    assert t[[]].shape == (0, 2) and t[()].shape == (2, 2) and t[[1]].data.tolist() == [[3, 4]]
    assert (tensor(np.ones((0, 3))) @ tensor(np.ones((3, 0)))).shape == (0, 0)


def test_gradients_go_through_rows_numpys_products_and_nothing():
    x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    sum((row * k).sum() for k, row in enumerate(x)).backward()
    np.testing.assert_array_equal(x.grad.data, [[0, 0], [1, 1]])
    x.grad = None
    (np.ones((1, 2)) @ x * np.float64(3)).sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.full((2, 2), 3))
    w = tensor(np.ones((0, 2)), requires_grad=True)
    (tensor(np.ones((4, 0))) @ w).sum().backward()
    dlcore.functional.linear(np.ones((2, 3, 0)), np.ones((5, 0))).sum()
    assert w.grad.shape == (0, 2)


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda t: bool(t), ValueError, r"\(x > 0\).all\(\)"),
        (lambda t: float(t), ValueError, "one number is needed"),
        (lambda t: t.item(), ValueError, "one number is needed"),
        (lambda t: f"{t:.2f}", ValueError, "one number is needed"),
        (lambda t: list(t.sum()), TypeError, "has no rows"),
        (lambda t: len(t.sum()), TypeError, "has no length"),
        (lambda t: np.exp(t), RuntimeError, r"dlcore.exp for np.exp"),
        (lambda t: np.asarray(t), RuntimeError, r"x.detach\(\)"),
        (lambda t: np.concatenate([t, t]), RuntimeError, r"x.detach\(\)"),
        (lambda t: t & t, TypeError, "for masks of True and False"),
        (lambda t: t + None, TypeError, "add: a tensor is needed, not None"),
        (lambda t: t < "a", TypeError, "not supported"),
        (lambda t: t == tensor([1.0, 2.0, 3.0]), ValueError, "do not broadcast"),
        (lambda t: t.sum(dim="rows"), (TypeError, ValueError), "dim"),
    ],
)
def test_what_a_tensor_cannot_do_is_said(act, error, words):
    with pytest.raises(error, match=words):
        act(tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True))


def test_a_gradient_is_shared_with_nobody_whatever_references_there_are():
    """No count of references decides (on Python 3.14 they are other ones): kept is only what an operation has made for it."""
    held = np.array([2.0, 3.0])
    x, y = (tensor([1.0, 1.0], requires_grad=True) for _ in range(2))
    out = Tensor.from_op(x.data + y.data, (x, y), lambda g: (held, held))
    out.backward(np.ones(2))
    x.grad.data[:] = 0
    assert held.tolist() == [2, 3] and y.grad.data.tolist() == [2, 3]


def test_a_gradient_has_the_dtype_of_its_tensor():
    w = tensor(np.ones(2, np.float32), requires_grad=True)
    (w * np.ones(2)).sum().backward()
    assert w.grad.dtype == np.float32
    half = tensor(np.ones(2, np.float16), requires_grad=True)
    (half * w.detach()).sum().backward()
    assert half.grad.dtype == np.float16
    counts = tensor([1, 2])
    counts.requires_grad = True
    with pytest.raises(TypeError, match="only floating-point numbers have a gradient"):
        (counts * 2.0).sum().backward()


SAVES_ITS_RESULT = {
    "exp": lambda x: x.exp(),
    "sqrt": lambda x: (x * x + 1.0).sqrt(),
    "sigmoid": lambda x: x.sigmoid(),
    "tanh": lambda x: x.tanh(),
    "softmax": lambda x: x.softmax(),
    "log_softmax": lambda x: dlcore.log_softmax(x),
    "elu": lambda x: dlcore.functional.elu(x),
    "amax": lambda x: x.amax(0, True),
    "maximum": lambda x: dlcore.maximum(x, 0.5),
    "attention": lambda x: dlcore.functional.scaled_dot_product_attention(x, x, x),
    "rms_norm": lambda x: dlcore.functional.rms_norm(x, 2),
    "group_norm": lambda x: dlcore.functional.group_norm(x, 1),
}


@pytest.mark.parametrize("name", SAVES_ITS_RESULT)
def test_a_result_that_is_overwritten_and_was_needed_is_an_error(name):
    x = tensor([[3.0, -8.0], [1.0, 0.5]], requires_grad=True)
    y = SAVES_ITS_RESULT[name](x)
    with dlcore.no_grad():
        y[0] = 0.01
    with pytest.raises(RuntimeError, match="overwritten"):
        y.sum().backward()
    z = x + 1.0  # this one is not needed
    with dlcore.no_grad():
        z[0] = 0.0
    z.sum().backward()


INDICES = [
    (slice(None), (0, 0, 1)),
    (0, slice(None), [1, 0]),
    (0, slice(None), np.array([True, False, True])),
    (slice(None), [0, 0], None, 1),
    (1, None, [2, 2]),
    (..., [0, 1], 0),
    np.array([0, 0, -1], np.int8),
    (range(2),),
]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_what_an_index_takes_and_sends_back_is_pytorchs(index):
    import torch

    a = np.random.default_rng(0).standard_normal((2, 3, 3))
    fit = lambda i: (
        torch.tensor(np.asarray(i)) if isinstance(i, np.ndarray | list | tuple | range) else i
    )
    there = tuple(map(fit, index)) if isinstance(index, tuple) else torch.tensor(index).long()
    x, y = tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    out, wanted = x[index], y[there]
    np.testing.assert_array_equal(out.data, wanted.detach().numpy())
    g = np.random.default_rng(1).standard_normal(out.shape)
    out.backward(g)
    wanted.backward(torch.tensor(g))
    np.testing.assert_allclose(x.grad.data, y.grad.numpy())


def test_small_index_numbers_reach_far_rows():
    x = tensor(np.ones((300, 2)), requires_grad=True)
    x[np.array([1, 1], np.uint8)].sum().backward()
    assert x.grad.data[1].tolist() == [2, 2]


def test_a_parameter_without_dimensions_learns_whatever_happened_to_it():
    for change in ("in place", "data"):
        p = dlcore.nn.Parameter(1.0)
        if change == "data":
            p.data = np.clip(p.data * 2, 0, 2)
        else:
            with dlcore.no_grad():
                p *= 2.0
        (p * 1.0).backward()
        dlcore.optim.clip_grad_value_([p], 0.5)
        dlcore.optim.SGD([p], lr=0.1).step()
        assert p.item() == pytest.approx(1.95)
        with dlcore.no_grad():
            p[()] = 5.0
        assert p.item() == 5


def test_a_tensor_in_the_place_of_an_array_is_named():
    w = tensor([1.0, 2.0], requires_grad=True)
    (w * w).sum().backward()
    w.data = w.data - 0.1 * w.grad
    with pytest.raises(TypeError, match=r"x\.data holds a tensor, where an array is needed"):
        w * 2.0


def test_pytorchs_common_names():
    x = tensor([[1.0, 2.0], [3.0, 6.0]], requires_grad=True)
    assert x.view(4).shape == (4,) and x.clamp(max=2.0).tolist() == [[1, 2], [2, 2]]
    assert x.std().item() == pytest.approx(np.std(x.data, ddof=1)) and x.argmin().item() == 0
    x.clone().sum().backward()
    x.grad.zero_()
    spoilt = tensor([np.nan, np.inf])
    assert spoilt.zero_() is spoilt and spoilt.tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="its history would not know"):
        x.zero_()
    assert not x.grad.data.any() and x.astype(np.float64).dtype == np.float64
    assert x.detach().requires_grad_().requires_grad and x.to("cpu").shape == (2, 2)
    assert dlcore.max(x, tensor(2.5)).tolist() == [[2.5, 2.5], [3, 6]]
    small = tensor(np.array([1, 2], np.uint8))
    assert (small.sum() - 200).item() == -197
