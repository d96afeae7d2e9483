"""One battery over the table of ops."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dlcore
from dlcore import Tensor, attention, tensor
from dlcore.backend import arrays, sums
from dlcore.errors import ShapeError
from dlcore.gradcheck import gradcheck
from tests.dlcore.ops import OPS, Case, Op

every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
seeds = st.integers(0, 2**32 - 1)


def base(op: Op) -> str:
    """Which function a row is about."""
    return op.name.split(",")[0].split()[0]


def run(op: Op, case: Case, g: np.ndarray | None = None):
    """Output and gradients by dlcore."""
    leaves = [tensor(a, requires_grad=True) for a in case.arrays]
    out = op.ours(*leaves, *case.constants, **case.options)
    g = np.ones(out.shape, out.dtype) if g is None else g
    out.backward(g)
    return out.data, [leaf.grad.data for leaf in leaves]


def run_torch(op: Op, case: Case, g: np.ndarray):
    leaves = [torch.tensor(a, requires_grad=True) for a in case.arrays]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of variances of one number, of slow padding
        out = op.theirs(*leaves, *(torch.tensor(c) for c in case.constants), **case.options)
    out.backward(torch.tensor(g))
    return out.detach().numpy(), [leaf.grad.numpy() for leaf in leaves]


def cotangent(op: Op, case: Case, rng: np.random.Generator) -> np.ndarray:
    with dlcore.no_grad():
        out = op.ours(*map(tensor, case.arrays), *case.constants, **case.options)
    return np.asarray(rng.standard_normal(out.shape)).astype(out.dtype)


def agree(found, wanted, tolerance: float) -> None:
    assert found.shape == wanted.shape
    scale = tolerance * max(1.0, float(np.abs(wanted).max(initial=0)))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=scale)


@every_op
@given(seed=seeds)
@settings(max_examples=30)
def test_equals_pytorch_forward_and_backward(op, seed):
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 1e-5)):
        rng = np.random.default_rng(seed)
        case = op.draw(rng).astype(dtype)
        g = cotangent(op, case, rng)
        y, gradients = run(op, case, g)
        wanted, wanted_gradients = run_torch(op, case, g)
        agree(y, wanted, tolerance)
        for found, expected in zip(gradients, wanted_gradients, strict=True):
            agree(found, expected, 10 * tolerance if dtype is np.float32 else tolerance)


@pytest.mark.parametrize("op", [op for op in OPS if op.corners], ids=lambda op: op.name)
@given(seed=seeds)
@settings(max_examples=30)
def test_ties_and_corners_have_pytorchs_gradient(op, seed):
    """Every entry stands on a corner: -1, 0, 1 or a number that the options name."""
    rng = np.random.default_rng(seed)
    case = op.draw(rng)
    numbers = [-1.0, 0.0, 1.0, *(v for v in case.options.values() if type(v) is float)]
    case = Case([rng.choice(numbers, a.shape) for a in case.arrays], (), case.options)
    g = cotangent(op, case, rng)
    y, gradients = run(op, case, g)
    wanted, wanted_gradients = run_torch(op, case, g)
    agree(y, wanted, 1e-12)
    for found, expected in zip(gradients, wanted_gradients, strict=True):
        agree(found, expected, 1e-12)


@pytest.mark.parametrize("op", [op for op in OPS if op.slope], ids=lambda op: op.name)
@given(seed=seeds)
@settings(max_examples=5, derandomize=True)  # a drawn corner would have no slope
def test_gradient_is_the_slope_that_can_be_measured(op, seed):
    rng = np.random.default_rng(seed)
    case = op.draw(rng)
    report = gradcheck(
        lambda *x: op.ours(*x, *case.constants, **case.options), *case.arrays, rng=rng
    )
    if np.isfinite(report.measured):  # a variance of one number has no slope, nor has PyTorch's
        assert report, str(report)


@every_op
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeps_dtype_and_inputs(op, dtype):
    rng = np.random.default_rng(0)
    for _ in range(5):
        case = op.draw(rng).astype(dtype)
        g = cotangent(op, case, rng)
        everything = [*case.arrays, *case.constants, g]
        before = [a.copy() for a in everything]
        leaves = [
            Tensor(a, requires_grad=True) for a in case.arrays
        ]  # no copy: the arrays themselves
        out = op.ours(*leaves, *case.constants, **case.options)
        out.backward(g)
        assert out.dtype == dtype
        assert all(x.grad.dtype == dtype and x.grad.shape == x.shape for x in leaves)
        for a, b in zip(everything, before, strict=True):
            np.testing.assert_array_equal(a, b)
        # clipping writes into gradients: each must have memory of its own
        kept = [*everything, out.data, *(x.grad.data for x in leaves)]
        for i, x in enumerate(leaves):
            others = [a for k, a in enumerate(kept) if k != len(everything) + 1 + i]
            assert not any(np.shares_memory(x.grad.data, other) for other in others)


def fortran(a: np.ndarray) -> np.ndarray:
    return np.array(a, order="F")


ATTENTIONS = [op for op in OPS if "attention" in op.name]
NUMBERED = [op for op in OPS if base(op) in ("embedding", "x[...]")]


@pytest.mark.parametrize("op", ATTENTIONS, ids=lambda op: op.name)
@pytest.mark.parametrize("scores", [1, 7, 1 << 18])
@pytest.mark.parametrize("keep", [0, 1 << 22])
def test_attention_in_parts_of_any_size_is_the_same(op, scores, keep, monkeypatch):
    """Of long sequences, some queries of one head at a time; their gradients of keys and values add up."""
    monkeypatch.setattr(attention, "SCORES", scores)
    monkeypatch.setattr(attention, "KEEP", keep)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        case = op.draw(rng)
        g = cotangent(op, case, rng)
        for found, wanted in zip(flat(run(op, case, g)), flat(run_torch(op, case, g)), strict=True):
            agree(found, wanted, 1e-10)


@pytest.mark.parametrize("op", NUMBERED, ids=lambda op: op.name)
@pytest.mark.parametrize("many", [1, 1 << 30])
@pytest.mark.parametrize("scipy", [True, False])
def test_rows_by_number_add_up_however_they_are_added(op, many, scipy, monkeypatch):
    """By a sparse product, or sorted where there are few or no SciPy."""
    monkeypatch.setattr(sums, "MANY", many)
    if not scipy:
        monkeypatch.setattr(sums, "_sparse", lambda: None)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        case = op.draw(rng)
        g = cotangent(op, case, rng)
        for found, wanted in zip(flat(run(op, case, g)), flat(run_torch(op, case, g)), strict=True):
            agree(found, wanted, 1e-10)


def flat(results) -> list[np.ndarray]:
    return [results[0], *results[1]]


def strided(a: np.ndarray) -> np.ndarray:
    """Neither C- nor F-contiguous."""
    return np.repeat(np.asfortranarray(a), 2, axis=0)[::2] if a.ndim else a


def turned(a: np.ndarray) -> np.ndarray:
    """As after swapaxes: what an attention or a sequence with its batch first hands on."""
    return a.swapaxes(0, -1).copy().swapaxes(0, -1) if a.ndim else a


def backwards(a: np.ndarray) -> np.ndarray:
    """Negative strides along every axis."""
    return np.flip(np.flip(a).copy())


def repeated(a: np.ndarray) -> np.ndarray:
    """One row for all: as expand gives it, read-only and with a stride of 0."""
    return np.broadcast_to(a[:1], a.shape) if a.ndim else a


LAYOUTS = [fortran, strided, turned, backwards, repeated]


@pytest.fixture
def nothing_is_left_over(monkeypatch):
    """New memory holds no numbers by chance, let alone the right ones."""

    def empty_like(x, shape=None, dtype=None):
        out = arrays.empty_like(x, shape, dtype)  # the library's own, whose order is on trial
        out[...] = np.nan if out.dtype.kind == "f" else 1
        return out

    for name, module in list(sys.modules.items()):
        if (
            name.startswith("dlcore.")
            and name != "dlcore.backend.arrays"
            and hasattr(module, "empty_like")
        ):
            monkeypatch.setattr(module, "empty_like", empty_like)


@every_op
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
def test_the_layout_in_memory_does_not_matter(op, layout, nothing_is_left_over):
    rng = np.random.default_rng(1)
    for _ in range(5):
        case = op.draw(rng)
        arrays, constants = list(map(layout, case.arrays)), tuple(map(layout, case.constants))
        whole = Case([a.copy() for a in arrays], tuple(c.copy() for c in constants), case.options)
        g = layout(cotangent(op, whole, rng))
        y, gradients = run(op, whole, g.copy())
        leaves = [Tensor(a, requires_grad=True) for a in arrays]
        out = op.ours(*leaves, *constants, **case.options)
        out.backward(g)
        agree(out.data, y, 1e-12)
        for a, b in zip(leaves, gradients, strict=True):
            agree(a.grad.data, b, 1e-11)


@pytest.mark.parametrize("op", [op for op in OPS if op.batch is not None], ids=lambda op: op.name)
@pytest.mark.parametrize("rows", [0, 1])
def test_batches_of_nothing_and_of_one(op, rows):
    rng = np.random.default_rng(2)
    for _ in range(5):
        case = op.draw(rng)
        parts = [
            a[:rows] if i in op.batch else a for i, a in enumerate([*case.arrays, *case.constants])
        ]
        k = len(case.arrays)
        cut = Case(parts[:k], tuple(parts[k:]), case.options)
        g = cotangent(op, cut, rng)
        y, gradients = run(op, cut, g)
        wanted, wanted_gradients = run_torch(op, cut, g)
        agree(y, wanted, 1e-10)
        for found, expected in zip(gradients, wanted_gradients, strict=True):
            agree(found, expected, 1e-10)


@pytest.mark.parametrize("op", [op for op in OPS if op.extreme], ids=lambda op: op.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_inputs_stay_finite_and_silent(op, dtype):
    case = op.draw(np.random.default_rng(3)).astype(dtype)
    x = np.resize(np.array([-1e4, 0.0, 1e4, -1000.0, 1000.0, 88.0, -88.0]), case.arrays[0].shape)
    with np.errstate(all="raise", under="ignore"):
        y, gradients = run(
            op, Case([x.astype(dtype), *case.arrays[1:]], case.constants, case.options)
        )
    assert np.isfinite(y).all() and all(np.isfinite(a).all() for a in gradients)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "group_norm"])
@pytest.mark.parametrize("offset", [0.0, 2.5, 3.5, 30.0, 1000.0])
def test_norms_keep_their_digits_where_the_mean_outweighs_the_spread(name, offset):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((16, 12, 5)) + offset, rng.random(12) + 0.5, rng.random(12)]
    options = {"batch_norm": {"training": True}, "group_norm": {"num_groups": 3}}
    if name == "layer_norm":
        arrays[1:] = [rng.random(5) + 0.5, rng.random(5)]
        options["layer_norm"] = {"normalized_shape": (5,)}
    op = next(op for op in OPS if op.name == name)
    case = Case(arrays, (), options[name]).astype(np.float32)
    g = rng.standard_normal(arrays[0].shape).astype(np.float32)
    y, gradients = run(op, case, g)
    wanted, wanted_gradients = run_torch(op, case.astype(np.float64), g.astype(np.float64))
    for found, exact in zip([y, *gradients], [wanted, *wanted_gradients], strict=True):
        agree(found, exact, 2e-6 * (1 + offset))


@pytest.mark.parametrize("op", [op for op in OPS if op.wrong], ids=lambda op: op.name)
def test_shapes_that_do_not_fit_are_named(op):
    for case in op.wrong:
        with pytest.raises(ShapeError) as caught:
            op.ours(*map(tensor, case.arrays), *case.constants, **case.options)
        words = str(caught.value)
        assert words.startswith(base(op) + ":")
        assert str(case.arrays[0].shape) in words or len(case.arrays) > 1


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("conv1d", {"stride": 0}, "stride must be an int >= 1"),
        ("conv1d", {"padding": -1}, "padding must be an int >= 0"),
        ("conv2d", {"padding": "same", "stride": 2}, 'padding="same" needs stride 1'),
        ("conv2d", {"padding": "full"}, 'choose "same", "valid" or numbers'),
        ("conv2d", {"dilation": (1, 1, 1)}, "dilation must be an int >= 1 or a pair"),
        ("conv_transpose2d", {"output_padding": 1}, "output_padding must be smaller"),
        ("conv_transpose2d", {"padding": "same"}, "padding must be an int"),
        ("max_pool2d", {"kernel_size": 0}, "kernel_size must be an int >= 1"),
        ("max_pool2d", {"kernel_size": 2, "padding": 2}, "padding may be at most half"),
        ("avg_pool2d", {"kernel_size": 2, "stride": 0}, "stride must be an int >= 1"),
        ("avg_pool2d", {"kernel_size": 2, "padding": "same"}, "padding must be an int"),
    ],
)
def test_steps_that_cannot_be_are_named(name, options, words):
    op = next(op for op in OPS if op.name == name)
    case = op.draw(np.random.default_rng(0))
    groups = {name: n for name, n in case.options.items() if name == "groups"}
    with pytest.raises(ValueError, match=f"^{name}: .*{words}"):
        op.ours(*map(tensor, case.arrays), **groups, **options)


ELEMENTWISE = [
    "neg",
    "exp",
    "log",
    "sqrt",
    "abs",
    "clip",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "sigmoid",
    "tanh",
    "hardtanh",
    "T",
]


def test_every_op_has_shapes_that_do_not_fit_unless_all_do():
    """Some row of its name lists one; so a new op cannot forget its error."""
    tested = {base(op) for op in OPS if op.wrong}
    assert {base(op) for op in OPS} - tested == set(ELEMENTWISE)


def test_every_function_of_the_library_is_in_the_table():
    import dlcore.functional as F

    listed = {base(op) for op in OPS}
    by_other_tests = {"dropout", "one_hot"}
    assert set(F.__all__) - by_other_tests <= listed
