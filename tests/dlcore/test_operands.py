"""The boundary of the library: every public entry is tried with what people hand over in place of a tensor."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest
import torch

import dlcore
from dlcore import Tensor, nn, ops, optim, reductions, schedule, shaping, tensor
from dlcore import functional as F
from dlcore.data.loader import DataLoader, Scaler, TensorDataset, split
from tests.dlcore.ops import OPS
from tests.dlcore.test_ops import base

pd = pytest.importorskip("pandas")

DTYPES = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"]
NUMBERS = [True, 2, 2.5]


# ---- one promotion rule ----


def operands_of(dtype, ndim):
    a = np.ones((2,) * ndim, dtype)
    return a, torch.tensor(a)


@pytest.mark.parametrize("dims", [(1, 1), (1, 0), (0, 1), (0, 0)])
@pytest.mark.parametrize(("left", "right"), list(itertools.product(DTYPES, DTYPES)))
def test_two_tensors_have_pytorchs_dtype(left, right, dims):
    (a, ta), (b, tb) = operands_of(left, dims[0]), operands_of(right, dims[1])
    wanted = str(torch.result_type(ta, tb)).removeprefix("torch.")
    real = wanted if wanted.startswith("float") else "float32"
    for x, y in ((tensor(a), tensor(b)), (a, tensor(b)), (tensor(a), b)):
        # a number of NumPy's alone is Python's number; as a tensor it has its own dtype
        if any(isinstance(v, np.ndarray) and not v.ndim for v in (x, y)):
            continue
        assert ops.add(x, y).dtype == ops.mul(x, y).dtype == wanted
        assert ops.maximum(x, y).dtype == ops.where(np.ones(2, bool), x, y).dtype == wanted
        assert ops.div(x, y).dtype == real
        assert (x == y).dtype == (x < y).dtype == bool
    if all(dims):
        assert dlcore.cat([tensor(a), tensor(b)]).dtype == wanted


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ndim", [0, 1])
@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_numbers_have_no_width_whoever_made_them(dtype, ndim, number):
    a, ta = operands_of(dtype, ndim)
    wanted = str(torch.result_type(ta, number)).removeprefix("torch.")
    for same in (number, np.array(number)[()]):  # Python's, and NumPy's
        for result in (tensor(a) + same, same * tensor(a), ops.maximum(tensor(a), same)):
            assert result.dtype == wanted, (type(same), result.dtype)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_options_do_not_widen(op):
    """A rate or a slope that NumPy has computed is float64; what it is used on stays float32, and so does its gradient."""
    case = op.draw(np.random.default_rng(0)).astype(np.float32)
    options = {
        k: np.float64(v) if type(v) is float else np.int64(v) if type(v) is int else v
        for k, v in case.options.items()
    }
    leaves = [tensor(a, requires_grad=True) for a in case.arrays]
    out = op.ours(*leaves, *case.constants, **options)
    out.backward(np.ones(out.shape))
    assert out.dtype == np.float32 and all(x.grad.dtype == np.float32 for x in leaves)
    plain = op.ours(*map(tensor, case.arrays), *case.constants, **case.options)
    np.testing.assert_array_equal(out.data, plain.data)


REAL = [op for op in OPS if op.name.split(",")[0] in F.__all__ and op.name.split(",")[0] != "pad"]


@pytest.mark.parametrize("op", REAL, ids=lambda op: op.name)
def test_a_layer_computes_in_the_dtype_of_its_weight_and_a_loss_in_that_of_its_input(op):
    """float64 data beside float32 weights: float32 stays, up to the gradients."""
    case = op.draw(np.random.default_rng(0))
    first = 1 if base(op) in ("linear", "conv1d", "conv2d", "conv_transpose2d") else 0
    if len(case.arrays) <= first or (base(op).endswith("norm") and len(case.arrays) > 1):
        first = min(1, len(case.arrays) - 1)
    leaves = [
        tensor(a.astype(np.float32) if i == first else a, requires_grad=True)
        for i, a in enumerate(case.arrays)
    ]
    constants = [c.astype(np.float64) if c.dtype.kind == "f" else c for c in case.constants]
    out = op.ours(*leaves, *constants, **case.options)
    out.backward(np.ones(out.shape))
    assert out.dtype == np.float32
    assert all(x.grad.dtype == x.dtype for x in leaves)


HALF = ["layer_norm", "rms_norm", "batch_norm", "group_norm", "softmax", "log_softmax", "mse_loss"]


@pytest.mark.parametrize("name", [*HALF, "cross_entropy", "mean over axes"])
def test_float16_does_not_overflow_on_its_way(name):
    """Squares of 300, or 4,000 numbers of 30, leave its range; what they are needed for does not."""
    op = next(op for op in OPS if op.name == name)
    case = op.draw(np.random.default_rng(1))
    x = np.resize(np.array([300.0, -300.0, 200.0, 7.0, -90.0, 0.0, 150.0]), case.arrays[0].shape)
    arrays = [x, *case.arrays[1:]]
    results = []
    for dtype in (np.float16, np.float64):
        leaves = [tensor(a.astype(dtype), requires_grad=True) for a in arrays]
        out = op.ours(*leaves, *case.constants, **case.options)
        assert out.dtype == dtype
        out.backward(np.ones(out.shape))
        results.append([out.data, *(leaf.grad.data for leaf in leaves)])
    for found, wanted in zip(*results, strict=True):
        scale = 1 + np.abs(wanted).max()
        np.testing.assert_allclose(found, wanted, rtol=2e-2, atol=2e-2 * scale)


def test_the_length_of_float16_gradients_is_right():
    p = nn.Parameter(np.zeros(4, np.float16))
    p.grad = tensor(np.full(4, 300, np.float16))
    assert optim.clip_grad_norm_([p], 1.0) == pytest.approx(600)
    np.testing.assert_allclose(p.grad.data, 0.5, rtol=1e-3)


# ---- whatever is handed over ----

# what looks at its argument's own methods first: x.T, x[...], x ** 2
METHODS = {"T", "x[...]", "pow, square", "pow, root", "pow, of a number", "max along an axis", "min along an axis"}  # fmt: skip
ENTRIES = [op for op in OPS if op.name not in METHODS]
KINDS = {
    "list": lambda a: a.tolist(),
    "int64": lambda a: a.astype(np.int64),
    "uint8": lambda a: np.abs(a).astype(np.uint8),
    "bool": lambda a: a > 0,
    "float16": lambda a: a.astype(np.float16),
    "float64": lambda a: a,
    "big-endian": lambda a: a.astype(">f4"),
    "torch": torch.tensor,
}
NUMBERED = {"neg", "sub"}  # of uint8 and bool NumPy has its own opinion


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("op", ENTRIES, ids=lambda op: op.name)
def test_what_can_be_meant_is_taken_for_a_tensor(op, kind):
    """The result is that of a tensor of the same numbers; where those make no sense, the same error."""
    if kind in ("uint8", "bool") and base(op) in NUMBERED:
        pytest.skip("arithmetic of bytes wraps around")
    if kind == "torch" and "layers" in op.draw(np.random.default_rng(0)).options:
        pytest.skip("the table would take it for PyTorch's turn")
    case = op.draw(np.random.default_rng(3))
    given = KINDS[kind](np.round(2 * case.arrays[0]) if kind != "float64" else case.arrays[0])
    meant = tensor(np.asarray(given).astype(np.float64))
    rest = [tensor(a) for a in case.arrays[1:]]

    def outcome(x):
        try:
            with np.errstate(all="ignore"):
                return np.asarray(op.ours(x, *rest, *case.constants, **case.options), np.float64)
        except (ValueError, TypeError, IndexError) as error:
            return type(error)

    found, wanted = outcome(given), outcome(meant)
    if isinstance(wanted, type):
        assert found == wanted
    else:
        loose = 2e-2 if kind == "float16" else 1e-4
        np.testing.assert_allclose(found, wanted, rtol=loose, atol=loose)


NOT_MEANT = {
    "None": (None, "None"),
    "class": (nn.ReLU, "the class ReLU"),
    "module": (nn.ReLU(), "ReLU"),
    "function": (F.relu, "the function relu"),
    "text": ("1.0", "str '1.0'"),
    "objects": (np.array([None, 1]), "object"),
    "complex": (np.array([1j]), "complex"),
    "masked": (np.ma.masked_equal([1.0, 2.0], 2.0), "masked array"),
    "ragged": ([[1.0], [1.0, 2.0]], "cannot be made into an array"),
}


@pytest.mark.parametrize("kind", NOT_MEANT)
@pytest.mark.parametrize("op", ENTRIES, ids=lambda op: op.name)
def test_what_cannot_be_meant_is_refused_in_words(op, kind):
    case = op.draw(np.random.default_rng(4))
    x, what = NOT_MEANT[kind]
    arrays = [tensor(a) for a in case.arrays]
    with pytest.raises((TypeError, ValueError)) as caught:
        op.ours(x, *arrays[1:], *case.constants, **case.options)
    words = str(caught.value)
    assert what in words and "\n" not in words.split(":")[0]
    assert words.startswith(base(op)) or words.split(":")[0] in ("gru", "lstm", "rnn_tanh"), words


def test_a_column_of_pandas_is_an_array_of_its_dtype():
    table = pd.DataFrame({"x": [1.0, 2.0, 4.0], "n": [1, 2, 3], "word": ["a", "b", "c"]})
    assert type(tensor(table["x"]).data) is np.ndarray and tensor(table["x"]).dtype == np.float64
    y = tensor(table["n"]) * table["x"]
    assert type(y.data) is np.ndarray and y.data.tolist() == [1, 4, 12]
    assert nn.Linear(2, 1)(table[["x", "n"]]).shape == (3, 1)
    loss = F.mse_loss(nn.Linear(2, 1)(table[["x", "n"]]).squeeze(1), table["x"])
    assert loss.dtype == np.float32
    assert len(TensorDataset(table["x"], table["n"])) == 3
    assert F.one_hot(table["n"]).shape == (3, 4)
    with pytest.raises(TypeError, match=r"numbers are needed, not (object|str)"):
        tensor(table["word"])
    copied = tensor(table["x"])
    copied[0] = 9.0
    assert table["x"][0] == 1.0


def test_a_list_of_tensors_is_refused_where_its_history_would_be_lost():
    x = tensor([1.0], requires_grad=True)
    with pytest.raises((TypeError, ValueError, RuntimeError), match=r"stack|detach"):
        tensor([x * 2, x * 3])
    for join in (dlcore.cat, dlcore.stack):
        with pytest.raises(TypeError, match="a list of tensors is needed"):
            join(tensor([[1.0], [2.0]]))


@pytest.mark.parametrize("module", [ops, reductions, shaping], ids=lambda m: m.__name__)
def test_every_function_is_among_those_tried(module):
    """So a new one cannot stay outside."""
    functions = {
        name
        for name in module.__all__
        if inspect.isfunction(getattr(module, name)) and name not in ("tensor", "max", "min")
    }
    elsewhere = {"all", "any", "argmax", "argmin", "std", "concat", "to", "transpose", "reshape"}
    assert functions - elsewhere <= {base(op) for op in OPS}


# ---- modules ----

LAYERS = {
    "Linear": {"in_features": 3, "out_features": 2},
    "Embedding": {"num_embeddings": 5, "embedding_dim": 2},
    "Conv1d": {"in_channels": 2, "out_channels": 4, "kernel_size": 3},
    "Conv2d": {"in_channels": 2, "out_channels": 4, "kernel_size": 3},
    "ConvTranspose2d": {"in_channels": 2, "out_channels": 4, "kernel_size": 3},
    "BatchNorm1d": {"num_features": 3},
    "BatchNorm2d": {"num_features": 3},
    "LayerNorm": {"normalized_shape": 3},
    "RMSNorm": {"normalized_shape": 3},
    "GroupNorm": {"num_groups": 2, "num_channels": 4},
    "RNN": {"input_size": 3, "hidden_size": 2, "num_layers": 1},
    "GRU": {"input_size": 3, "hidden_size": 2, "num_layers": 2},
    "LSTM": {"input_size": 3, "hidden_size": 2},
    "RNNCell": {"input_size": 3, "hidden_size": 2},
    "GRUCell": {"input_size": 3, "hidden_size": 2},
    "LSTMCell": {"input_size": 3, "hidden_size": 2},
    "MultiheadAttention": {"embed_dim": 4, "num_heads": 2},
}
SIZED = [(name, size) for name, sizes in LAYERS.items() for size in sizes]


@pytest.mark.parametrize(("name", "size"), SIZED)
def test_sizes_are_whole_numbers_of_python_or_numpy(name, size):
    make, sizes = getattr(nn, name), LAYERS[name]
    again = make(**{k: np.int64(v) for k, v in sizes.items()}, rng=0) if "rng" in inspect.signature(make).parameters else make(**{k: np.int64(v) for k, v in sizes.items()})  # fmt: skip
    assert "int64" not in repr(again)
    for wrong in (None, "3", 2.5, [1.5], nn.ReLU, True, -1):
        with pytest.raises((TypeError, ValueError)) as caught:
            make(**sizes | {size: wrong})
        assert str(caught.value).startswith(name), (wrong, caught.value)


def test_every_layer_with_sizes_is_tried():
    sized = {
        name
        for name in nn.__all__
        if inspect.isclass(getattr(nn, name))
        and not name.endswith("Loss")
        and any(
            p.annotation == "int"
            for p in list(inspect.signature(getattr(nn, name)).parameters.values())[:2]
        )
    }
    others = {"Flatten", "Unflatten", "Softmax", "LogSoftmax", "LearnedPositions", "SinusoidalPositions"}  # fmt: skip
    others |= {name for name in sized if name.startswith("Transformer")}  # made of those above
    assert sized - others <= set(LAYERS)


NO_MODULE = [nn.ReLU, F.relu, [nn.Linear(2, 2)], None, "relu", tensor([1.0])]


@pytest.mark.parametrize("wrong", NO_MODULE, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize(
    "make",
    [
        lambda m: nn.Sequential(nn.Linear(2, 2), m),
        lambda m: nn.ModuleList([m]),
        lambda m: nn.ModuleList().append(m),
        lambda m: nn.Residual(m),
        lambda m: nn.TransformerEncoder(m, 2),
        lambda m: nn.TransformerDecoder(m, 2),
    ],
    ids=["Sequential", "ModuleList", "append", "Residual", "TransformerEncoder", "TransformerDecoder"],
)  # fmt: skip
def test_what_is_no_module_is_no_part_of_one(make, wrong):
    with pytest.raises(TypeError, match="each part must be a module, not"):
        make(wrong)


@pytest.mark.parametrize(
    "hide",
    [
        lambda: [nn.Linear(2, 2)],
        lambda: (nn.Linear(2, 2),),
        lambda: {"first": nn.Linear(2, 2)},
        lambda: [nn.Parameter([1.0])],
        lambda: tensor([1.0], requires_grad=True),
    ],
)
def test_what_would_never_be_learned_is_named(hide):
    class Net(nn.Module):
        def __init__(self):
            self.out = nn.Linear(2, 1)
            self.hidden = hide()

    with pytest.raises(TypeError, match=r"Net\.hidden: .*\n.*(nn\.ModuleList|nn\.Parameter)"):
        optim.SGD(Net().parameters(), lr=0.1)


# ---- optimizers, schedules, data ----

w = lambda: nn.Parameter([1.0, 2.0])


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        (lambda: w(), TypeError, "not one tensor"),
        (lambda: nn.Linear(1, 1), TypeError, r"write model\.parameters\(\)"),
        (lambda: nn.Sequential(nn.Linear(1, 1)), TypeError, r"parameters must be tensors, not Linear"),
        (lambda: [np.ones(2)], TypeError, "must be tensors, not ndarray"),
        (lambda: [w() * 2.0], ValueError, "was computed from others"),
        (lambda: [w()] * 2, ValueError, "given twice"),
        (lambda: (lambda p: [{"params": [p]}, {"params": [p], "lr": 1.0}])(w()), ValueError, "given twice"),
        (lambda: [tensor([1, 2])], TypeError, "only floating-point numbers can be learned"),
        (lambda: [], ValueError, "there are no parameters"),
        (lambda: None, TypeError, "a list of parameters is needed"),
        (lambda: [{"params": [w()], "lr": -1.0}], ValueError, "lr must not be negative"),
        (lambda: [{"params": [w()], "lr": "fast"}], TypeError, "lr must be a number, not str"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("make", [optim.SGD, optim.Adam, optim.RMSprop, optim.Adagrad])
def test_what_cannot_be_optimized_is_said(make, params, error, words):
    with pytest.raises(error, match=words):
        make(params(), lr=0.1)


def test_a_rate_of_numpys_does_not_widen_a_step():
    for make in (optim.SGD, optim.Adam, optim.RMSprop, optim.Adagrad):
        p = w()
        opt = make([p], lr=np.float64(0.1))
        p.grad = tensor([1.0, 1.0])
        opt.step()
        assert p.dtype == np.float32 and type(opt.param_groups[0]["lr"]) is float


def test_two_schedules_at_a_time_work_one_after_the_other_as_pytorchs_do():
    def rates(library, schedules, p):
        o = library.SGD([p], lr=1.0)
        both = [schedules.StepLR(o, 2, 0.5), schedules.ExponentialLR(o, 0.9)]
        found = []
        for _ in range(6):
            found.append(o.param_groups[0]["lr"])
            o.step()
            for s in both:
                s.step()
        return found

    theirs = rates(torch.optim, torch.optim.lr_scheduler, torch.ones(1, requires_grad=True))
    np.testing.assert_allclose(rates(optim, schedule, w()), theirs)


def test_a_schedule_begins_with_the_rate_that_is_set_and_a_plateaus_cut_stays():
    o = optim.SGD([w()], lr=1.0)
    s = schedule.CosineAnnealingLR(o, 4)
    for _ in range(4):
        s.step()
    o.param_groups[0]["lr"] = 0.01
    second = schedule.StepLR(o, 1, 0.1)
    assert o.param_groups[0]["lr"] == 0.01
    second.step()
    assert o.param_groups[0]["lr"] == pytest.approx(0.001)

    o = optim.SGD([w()], lr=1.0)
    s = schedule.ExponentialLR(o, 0.5)
    s.step()
    o.param_groups[0]["lr"] *= 0.1  # by hand, or by ReduceLROnPlateau
    s.step()
    assert o.param_groups[0]["lr"] == pytest.approx(0.025)
    with pytest.raises(TypeError, match="an optimizer is needed, not Linear"):
        schedule.StepLR(nn.Linear(1, 1), 2)


def test_schedules_go_on_from_a_checkpoint_with_a_rate_that_was_set_by_hand():
    def run(steps, resume_at=None):
        o = optim.SGD([w()], lr=1.0)
        s = schedule.StepLR(o, 2, 0.5)
        for k in range(steps):
            if k == 3:
                o.param_groups[0]["lr"] = 0.3
            if k == resume_at:
                saved = o.state_dict(), s.state_dict()
                o = optim.SGD([w()], lr=7.0)
                s = schedule.StepLR(o, 2, 0.5)
                o.load_state_dict(saved[0])
                s.load_state_dict(saved[1])
            s.step()
        return o.param_groups[0]["lr"]

    assert run(7) == pytest.approx(run(7, resume_at=5)) and run(7) > 0


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e6 + 0.1, -7.3e-5, 0.0])
@pytest.mark.parametrize("rows", [3, 1000])
def test_a_constant_column_is_only_shifted(dtype, value, rows):
    """The standard deviation of equal numbers is a rounding error, seldom 0."""
    x = np.stack([np.linspace(0, 1, rows), np.full(rows, value)], 1).astype(dtype)
    new = np.array([[0.5, value + 0.01]], dtype)
    found = Scaler.fit(x)(new)
    assert found[0, 1] == pytest.approx(new[0, 1] - x[0, 1]) and found.dtype == np.dtype(dtype)
    assert (Scaler.fit(x)(x)[:, 1] == 0).all()


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda: DataLoader((np.ones(3), np.ones(3))), TypeError, r"write TensorDataset\(x, y\)"),
        (lambda: DataLoader(nn.ReLU()), TypeError, "a dataset is needed, not a ReLU"),
        (lambda: DataLoader(None), TypeError, "a dataset is needed, not a NoneType"),
        (lambda: DataLoader(TensorDataset([1.0]), batch_size=2.0), TypeError, "batch_size must be a whole number"),
        (lambda: DataLoader(TensorDataset([1.0]), batch_size=0), ValueError, "batch_size must be at least 1"),
        (lambda: TensorDataset([1.0, 2.0], None), TypeError, "a tensor is needed, not None"),
        (lambda: TensorDataset(3.0), ValueError, "one number has no rows"),
        (lambda: Scaler.fit(np.ones((0, 2))), ValueError, "no rows to measure"),
        (lambda: split(None), TypeError, "a tensor is needed, not None"),
        (lambda: F.scaled_dot_product_attention(*[np.ones((1, 2, 2))] * 3, np.ones((2, 2), int)), TypeError, r"mask\.astype\(bool\)"),
        (lambda: nn.MultiheadAttention(2, 1)(*[np.ones((2, 1, 2))] * 3, key_padding_mask=np.ones((1, 2), int)), TypeError, r"mask\.astype\(bool\)"),
        (lambda: F.cross_entropy([[1.0, 2.0]], [1.0]), TypeError, "class numbers must be integers"),
        (lambda: F.dropout([1.0], "half"), TypeError, "p must be a number, not str 'half'"),
        (lambda: nn.Linear(2, 1).to(np.int32), TypeError, "weights are floating-point numbers"),
    ],
)  # fmt: skip
def test_other_entries_refuse_in_words(act, error, words):
    with pytest.raises(error, match=words):
        act()


@pytest.mark.parametrize(
    "rows", [np.arange(6.0), tensor(np.arange(6.0)), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]
)
def test_a_loader_takes_rows_of_any_kind(rows):
    batches = list(DataLoader(rows, batch_size=4))
    assert all(isinstance(b, Tensor) for b in batches)
    assert [b.tolist() for b in batches] == [[0, 1, 2, 3], [4, 5]]


def test_integer_pixels_are_convolved_as_numbers():
    pixels = np.arange(200, 232, dtype=np.uint8).reshape(1, 2, 4, 4)
    layer = nn.Conv2d(2, 3, 2, rng=0)
    wanted = layer(pixels.astype(np.float32)).data
    for same in (pixels, pixels.astype(np.int64), pixels.tolist(), Tensor(pixels)):
        np.testing.assert_array_equal(layer(same).data, wanted)
    assert F.l1_loss(np.array([1], np.uint8), np.array([3], np.uint8)).item() == 2
    assert F.max_pool2d(pixels, 2).data.max() == 231


def test_matplotlib_draws_a_tensor():
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, axes = plt.subplots()
    (line,) = axes.plot(tensor([1.0, 2.0, 4.0]), tensor([0.0, 1.0, 0.0]))
    assert line.get_xdata().tolist() == [1, 2, 4]
    axes.imshow(tensor(np.ones((2, 2))))
    plt.close(figure)


def test_an_ignored_row_may_hold_anything():
    scores = np.array([[-np.inf, -0.7, -0.7], [-1.6, -1.2, np.log(0.5)]], np.float32)
    scores[1, :2] = np.log([0.2, 0.3])
    x = tensor(scores, requires_grad=True)
    loss = F.cross_entropy(x, [-100, 2])
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2), rel=1e-5) and x.grad.data[0].tolist() == [
        0,
        0,
        0,
    ]
    assert F.nll_loss(scores, [0, 2], ignore_index=0).item() == pytest.approx(np.log(2), rel=1e-5)
    nothing = F.cross_entropy([[-np.inf, -np.inf], [0.0, 0.0]], [-100, 0], label_smoothing=0.1)
    assert nothing.item() == pytest.approx(np.log(2), rel=1e-5)


@pytest.mark.parametrize(
    "name", ["cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits"]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_target_that_is_learned_gets_its_gradient(name, weighted):
    """As where a student learns from a teacher that learns, too."""
    rng = np.random.default_rng(0)
    x, q = rng.random((4, 3)), rng.random((4, 3))
    options = {"weight": rng.random(3)} if weighted else {}
    if name == "cross_entropy":
        options["label_smoothing"] = 0.2
    if name.endswith("logits"):
        options["pos_weight"] = rng.random(3) + 0.5
    a, t = tensor(x, requires_grad=True), tensor(q, requires_grad=True)
    getattr(F, name)(a, t, **options).backward()
    b, u = torch.tensor(x, requires_grad=True), torch.tensor(q, requires_grad=True)
    there = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    getattr(torch.nn.functional, name)(b, u, **there).backward()
    np.testing.assert_allclose(t.grad.data, u.grad.numpy(), rtol=1e-9)
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-9)


def test_a_schedule_goes_on_in_whichever_order_it_is_loaded():
    o = optim.SGD([w()], lr=1.0)
    s = schedule.StepLR(o, 1, 0.5)
    for _ in range(3):
        s.step()
    other = optim.SGD([w()], lr=1.0)
    other.load_state_dict(o.state_dict())
    again = schedule.StepLR(other, 1, 0.5)
    again.load_state_dict(s.state_dict())
    assert again.get_last_lr() == [0.125]


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda: Scaler.fit(np.array([[1.0, 2.0], [np.nan, 5.0]])), ValueError, r"columns \[0\] hold NaN"),
        (lambda: split(np.ones((3, 1)), y=[0.1, 0.2, 0.3]), ValueError, "y must be classes"),
        (lambda: tensor([1, 2]) ** -1, ValueError, "negative"),
        (lambda: schedule.StepLR(optim.SGD([w()], lr=1.0), 0), ValueError, "step_size must be at least 1"),
        (lambda: optim.SGD([w()]).load_state_dict(optim.Adam([w(), w()]).state_dict() | {"state": {1: {"m": np.ones(2)}}}), ValueError, "does not fit"),
    ],
)  # fmt: skip
def test_what_would_go_wrong_later_is_refused_at_once(act, error, words):
    with pytest.raises(error, match=words):
        act()


def test_a_gradient_that_is_an_array_is_taken():
    p = w()
    p.grad = np.ones(2)
    optim.clip_grad_norm_([p], 1.0)
    optim.SGD([p], lr=1.0).step()
    np.testing.assert_allclose(p.data, [1 - 0.5**0.5, 2 - 0.5**0.5], rtol=1e-5)
