"""One battery over modules: PyTorch's numbers with copied weights, and the same names."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch

import dlcore
from dlcore import Tensor, nn, tensor
from dlcore.crosscheck import from_torch, to_torch
from tests.dlcore.test_ops import LAYOUTS, repeated

T = torch.nn
RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.standard_normal(shape)


# PyTorch's module, and its inputs
MODULES = {
    "Linear": (T.Linear(3, 4), [floats(5, 2, 3)]),
    "Linear, no bias": (T.Linear(3, 4, bias=False), [floats(5, 3)]),
    "Embedding": (T.Embedding(7, 3, padding_idx=2), [RNG.integers(0, 7, (4, 5))]),
    "Flatten": (T.Flatten(), [floats(2, 3, 4)]),
    "Unflatten": (T.Unflatten(1, (2, 3)), [floats(2, 6)]),
    "Identity": (T.Identity(), [floats(2, 3)]),
    "ReLU": (T.ReLU(), [floats(2, 3)]),
    "LeakyReLU": (T.LeakyReLU(0.2), [floats(2, 3)]),
    "ELU": (T.ELU(0.7), [floats(2, 3)]),
    "SELU": (T.SELU(), [floats(2, 3)]),
    "GELU": (T.GELU("tanh"), [floats(2, 3)]),
    "SiLU": (T.SiLU(), [floats(2, 3)]),
    "Softplus": (T.Softplus(2.0), [floats(2, 3)]),
    "Sigmoid": (T.Sigmoid(), [floats(2, 3)]),
    "Tanh": (T.Tanh(), [floats(2, 3)]),
    "Hardtanh": (T.Hardtanh(-0.5, 0.6), [floats(2, 3)]),
    "Softmax": (T.Softmax(1), [floats(2, 3)]),
    "LogSoftmax": (T.LogSoftmax(0), [floats(2, 3)]),
    "Dropout, evaluation": (T.Dropout(0.3).eval(), [floats(2, 3)]),
    "Conv1d": (T.Conv1d(4, 6, 3, 2, 1, 2, 2), [floats(2, 4, 11)]),
    "Conv2d": (T.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), 1, 2), [floats(2, 4, 7, 6)]),
    "Conv2d, same": (T.Conv2d(2, 3, 3, padding="same"), [floats(2, 2, 5, 6)]),
    "ConvTranspose2d": (T.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2), [floats(2, 4, 5, 4)]),
    "MaxPool2d": (T.MaxPool2d(3, 2, 1), [floats(2, 3, 7, 6)]),
    "AvgPool2d": (T.AvgPool2d(2, count_include_pad=False, padding=1), [floats(2, 3, 6, 6)]),
    "AdaptiveAvgPool2d": (T.AdaptiveAvgPool2d((2, 3)), [floats(2, 3, 7, 6)]),
    "AdaptiveMaxPool2d": (T.AdaptiveMaxPool2d(1), [floats(2, 3, 7, 6)]),
    "BatchNorm1d": (T.BatchNorm1d(3), [floats(5, 3)]),
    "BatchNorm1d, sequences": (T.BatchNorm1d(3, momentum=None), [floats(5, 3, 4)]),
    "BatchNorm2d": (T.BatchNorm2d(3, momentum=0.3), [floats(4, 3, 2, 5)]),
    "BatchNorm2d, evaluation": (T.BatchNorm2d(3).eval(), [floats(4, 3, 2, 5)]),
    "BatchNorm2d, no statistics": (
        T.BatchNorm2d(3, track_running_stats=False).eval(),
        [floats(4, 3, 2, 5)],
    ),
    "LayerNorm": (T.LayerNorm((3, 4)), [floats(2, 3, 4)]),
    "RMSNorm": (T.RMSNorm(4), [floats(2, 3, 4)]),
    "GroupNorm": (T.GroupNorm(2, 4), [floats(3, 4, 5)]),
    "RNN": (T.RNN(3, 4, 2, bidirectional=True), [floats(5, 2, 3)]),
    "RNN, relu": (T.RNN(3, 4, nonlinearity="relu", batch_first=True), [floats(2, 5, 3)]),
    "GRU": (T.GRU(3, 4, 2, batch_first=True), [floats(2, 5, 3), floats(2, 2, 4)]),
    "LSTM": (T.LSTM(3, 4, 2, bidirectional=True, bias=False), [floats(5, 2, 3)]),
    "RNNCell": (T.RNNCell(3, 4), [floats(2, 3), floats(2, 4)]),
    "GRUCell": (T.GRUCell(3, 4), [floats(2, 3)]),
    "LSTMCell": (T.LSTMCell(3, 4), [floats(2, 3)]),
    "MultiheadAttention": (
        T.MultiheadAttention(8, 2),
        [floats(5, 3, 8), floats(4, 3, 8), floats(4, 3, 8)],
    ),
    "MultiheadAttention, self": (
        T.MultiheadAttention(8, 2, batch_first=True),
        ["x", floats(3, 5, 8)],
    ),
    "TransformerEncoderLayer": (
        T.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True),
        [floats(3, 5, 8)],
    ),
    "TransformerDecoderLayer": (
        T.TransformerDecoderLayer(8, 2, 16, 0.0),
        [floats(5, 3, 8), floats(4, 3, 8)],
    ),
    "TransformerEncoder": (
        T.TransformerEncoder(T.TransformerEncoderLayer(8, 2, 16, 0.0), 2, T.LayerNorm(8), False),
        [floats(5, 3, 8)],
    ),
    "TransformerDecoder": (
        T.TransformerDecoder(T.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True), 2),
        [floats(3, 5, 8), floats(3, 4, 8)],
    ),
    "Transformer": (
        T.Transformer(8, 2, 2, 1, 16, 0.0, batch_first=True),
        [floats(3, 4, 8), floats(3, 5, 8)],
    ),
    "Sequential": (
        T.Sequential(T.Conv2d(1, 2, 3), T.ReLU(), T.Flatten(), T.Linear(8, 3)),
        [floats(2, 1, 4, 4)],
    ),
    "ModuleList": (T.ModuleList([T.Linear(2, 3), T.Linear(3, 2)]), None),
    "MSELoss": (T.MSELoss(reduction="sum"), [floats(3, 4), floats(3, 4)]),
    "L1Loss": (T.L1Loss(), [floats(3, 4), floats(3, 4)]),
    "HuberLoss": (T.HuberLoss(delta=0.5), [floats(3, 4), floats(3, 4)]),
    "BCELoss": (T.BCELoss(), [RNG.random((3, 4)), RNG.random((3, 4))]),
    "BCEWithLogitsLoss": (T.BCEWithLogitsLoss(), [floats(3, 4), RNG.random((3, 4))]),
    "NLLLoss": (T.NLLLoss(), [floats(3, 4), RNG.integers(0, 4, 3)]),
    "CrossEntropyLoss": (
        T.CrossEntropyLoss(label_smoothing=0.1),
        [floats(3, 4), RNG.integers(0, 4, 3)],
    ),
    "KLDivLoss": (T.KLDivLoss(reduction="batchmean"), [floats(3, 4), RNG.random((3, 4))]),
}
every_module = pytest.mark.parametrize("name", MODULES)


def made(name):
    theirs, inputs = MODULES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # PyTorch's, of its nested tensors
        theirs = copy.deepcopy(theirs).double()
        return from_torch(theirs), theirs, inputs


def leaves(inputs, make):
    """The inputs as tensors; after "x", one tensor in all three places."""
    if isinstance(inputs[0], str):
        return [make(inputs[1])] * 3
    return [make(a) for a in inputs]


def parts(out):
    if isinstance(out, tuple):
        return [t for item in out if item is not None for t in parts(item)]
    return [out]


@every_module
def test_equals_pytorch_with_copied_weights(name):
    ours, theirs, inputs = made(name)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    if inputs is None:
        return
    wants = lambda a: a.dtype.kind == "f"
    x = leaves(inputs, lambda a: tensor(a, requires_grad=wants(a)))
    y = leaves(inputs, lambda a: torch.tensor(a, requires_grad=wants(a)))
    target_has_no_gradient = name.startswith("B") and name.endswith("Loss")
    found, wanted = parts(ours(*x)), parts(theirs(*y))
    assert len(found) == len(wanted)
    total_ours, total_theirs = 0, 0
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-9, atol=1e-11)
        g = np.random.default_rng(1).standard_normal(a.shape)
        total_ours, total_theirs = (
            total_ours + (a * g).sum(),
            total_theirs + (b * torch.tensor(g)).sum(),
        )
    if not total_theirs.requires_grad:
        return
    total_ours.backward()
    total_theirs.backward()
    for a, b in zip(x[: 1 if target_has_no_gradient else None], y, strict=False):
        if wants(a.data):
            np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-8, atol=1e-10)
    for (path, p), (other, q) in zip(
        sorted(ours.named_parameters()), sorted(theirs.named_parameters()), strict=True
    ):
        assert path == other
        if q.grad is not None:
            np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-8, atol=1e-10)
    for (path, p), (other, q) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
        assert path == other
        np.testing.assert_allclose(p.data, q.numpy(), rtol=1e-10)


@every_module
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
def test_the_layout_of_inputs_and_weights_does_not_matter(name, layout):
    ours, _, inputs = made(name)
    if inputs is None:
        return
    other = copy.deepcopy(ours)
    for p in other.parameters():
        p.data = p.data if layout is repeated else layout(p.data)
    given = [a if isinstance(a, str) else layout(a) for a in inputs]
    results = []
    for module, make in ((ours, np.copy), (other, lambda a: a)):
        x = leaves(given, lambda a, make=make: Tensor(make(a), requires_grad=a.dtype.kind == "f"))
        out = [y for y in parts(module(*x)) if y.requires_grad]
        rng = np.random.default_rng(1)
        if out:
            sum((y * rng.standard_normal(y.shape)).sum() for y in out).backward()
        grads = [t.grad for t in (*x, *module.parameters()) if t.grad is not None]
        results.append([t.data for t in (*out, *grads)])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


@every_module
def test_goes_to_pytorch_and_back(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        ours, _, inputs = made(name)
        back = to_torch(ours)
        again = from_torch(back)
    assert repr(again) == repr(ours)
    for key, value in ours.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[key], value)
    if inputs is not None:
        for a, b in zip(
            parts(ours(*leaves(inputs, tensor))),
            parts(back(*leaves(inputs, torch.tensor))),
            strict=True,
        ):
            np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-9, atol=1e-11)


def test_every_module_is_in_the_table():
    own = {"Module", "Parameter", "Buffer", "Residual", "LearnedPositions", "SinusoidalPositions"}
    classes = {name for name in nn.__all__ if name[0].isupper()}
    assert classes - own == {name.split(",")[0] for name in MODULES}


@every_module
def test_new_ones_start_in_float32_and_alike_for_one_seed(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        ours, _, _ = made(name)
    if not hasattr(ours, "in_features"):
        return
    one, two = (nn.Linear(3, 4, rng=7) for _ in range(2))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_array_equal(a.data, b.data)


def test_masks_of_multihead_attention_are_pytorchs():
    theirs = T.MultiheadAttention(8, 2, batch_first=True).double()
    ours = from_torch(theirs)
    x = RNG.standard_normal((3, 4, 8))
    padding = np.array([[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]], dtype=bool)
    later = np.triu(np.ones((4, 4), bool), 1)
    for needed in (True, False):
        a = tensor(x, requires_grad=True)
        b = torch.tensor(x, requires_grad=True)
        y, w = ours(a, a, a, padding, needed, later)
        z, v = theirs(b, b, b, torch.tensor(padding), needed, torch.tensor(later))
        np.testing.assert_allclose(y.data, z.detach().numpy(), atol=1e-12)
        assert (w is None) == (v is None)
        if needed:
            np.testing.assert_allclose(w.data, v.detach().numpy(), atol=1e-12)
        y.sum().backward()
        z.sum().backward()
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), atol=1e-12)


def test_decoding_with_a_cache_equals_reading_all_at_once():
    for rotary in (False, True):
        layer = nn.MultiheadAttention(8, 2, batch_first=True, rotary=rotary, rng=0)
        x = tensor(RNG.standard_normal((2, 6, 8)).astype(np.float32))
        with dlcore.no_grad():
            whole, _ = layer(x, x, x, need_weights=False, is_causal=True)
            cache = dlcore.attention.KVCache()
            steps = [(0, 3), (3, 4), (4, 5), (5, 6)]
            rows = []
            for start, end in steps:
                part = x[:, start:end]
                rows.append(
                    layer(part, part, part, None, False, None, is_causal=True, cache=cache)[0]
                )
        np.testing.assert_allclose(dlcore.cat(rows, 1).data, whole.data, atol=1e-6)


def test_a_causal_decoder_does_not_see_the_future():
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True, rng=0)
    x = RNG.standard_normal((1, 5, 8)).astype(np.float32)
    changed = x.copy()
    changed[:, 3:] += 1
    a, b = (layer(tensor(v), is_causal=True).data for v in (x, changed))
    np.testing.assert_allclose(a[:, :3], b[:, :3], atol=1e-6)
    assert np.abs(a[:, 3:] - b[:, 3:]).max() > 0.1


def test_positions():
    waves = nn.SinusoidalPositions(10, 4)
    x = tensor(np.zeros((2, 3, 4), np.float32))
    np.testing.assert_allclose(waves(x).data[0, 0], [0, 1, 0, 1])
    np.testing.assert_allclose(waves(x, start=2).data[0, 0], waves(x).data[0, 2])
    learned = nn.LearnedPositions(10, 4, rng=0)
    learned(x).sum().backward()
    assert learned.weight.grad.data[:3].sum() == 24 and not learned.weight.grad.data[3:].any()
    with pytest.raises(ValueError, match="11 positions, but max_len is 10"):
        learned(tensor(np.zeros((1, 11, 4))))


def test_rotary_scores_depend_on_the_distance_only():
    q, k = (RNG.standard_normal((1, 1, 8)) for _ in range(2))
    score = lambda i, j: float(
        (
            dlcore.positions.rotary_embedding(tensor(q), i).data
            * dlcore.positions.rotary_embedding(tensor(k), j).data
        ).sum()
    )
    assert score(5, 2) == pytest.approx(score(13, 10)) and score(5, 2) != pytest.approx(score(5, 3))


def test_residual_block():
    block = nn.Residual(nn.Linear(4, 4, rng=0))
    x = tensor(np.ones((2, 4), np.float32), requires_grad=True)
    np.testing.assert_allclose(block(x).data, 1 + block.body(x).data)
    assert nn.Residual(nn.Linear(4, 2, rng=0), nn.Linear(4, 2, rng=1))(x).shape == (2, 2)


def test_dropout_keeps_the_mean_and_follows_its_seed():
    layer = nn.Dropout(0.25, rng=0)
    x = tensor(np.ones(100_000, np.float32), requires_grad=True)
    y = layer(x)
    kept = y.data != 0
    assert abs(kept.mean() - 0.75) < 0.01 and abs(y.data.mean() - 1) < 0.01
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, y.data)
    np.testing.assert_array_equal(nn.Dropout(0.25, rng=0)(x).data, y.data)
    assert layer.eval()(x) is x
    assert not dlcore.functional.dropout(x, 1.0).data.any()
    with pytest.raises(ValueError, match="from 0 to 1"):
        dlcore.functional.dropout(x, 1.5)


def test_dropout_in_recurrent_layers_and_attention_follows_the_shared_seed():
    lstm = nn.LSTM(3, 4, 2, dropout=0.5, rng=0)
    attention = nn.MultiheadAttention(4, 2, dropout=0.5, rng=0)
    x = tensor(RNG.standard_normal((5, 2, 3)).astype(np.float32))

    def run():
        dlcore.manual_seed(1)
        y, _ = lstm(x)
        return attention(y, y, y, need_weights=False)[0].data

    first = run()
    np.testing.assert_array_equal(first, run())
    assert np.abs(first - (attention.eval(), lstm.eval(), run())[2]).max() > 1e-3


class Shared(nn.Module):
    def __init__(self):
        self.a = nn.Linear(2, 2, rng=0)
        self.b = nn.Linear(2, 2, rng=1)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(self.a(x))


def test_shared_weights_count_once_and_are_saved_under_both_names():
    m = Shared()
    assert [name for name, _ in m.named_parameters()] == ["a.weight", "a.bias", "b.bias"]
    assert set(m.state_dict()) == {"a.weight", "a.bias", "b.weight", "b.bias"}
    assert "# 8 parameters" in repr(m)


def test_loading_is_all_or_nothing_and_says_what_is_wrong():
    m = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=0))
    before = m.state_dict()
    state = {k: v + 1 for k, v in before.items()}
    with pytest.raises(KeyError, match=r"missing \['1.bias'\], unknown \['2.bias'\]"):
        m.load_state_dict({**{k: v for k, v in state.items() if k != "1.bias"}, "2.bias": 0})
    with pytest.raises(ValueError, match=r"0.weight is \(3, 3\), the model has \(3, 2\)"):
        m.load_state_dict({**state, "0.weight": np.ones((3, 3))})
    for k, v in before.items():
        np.testing.assert_array_equal(m.state_dict()[k], v)
    m.load_state_dict({"1.bias": np.array([5.0])}, strict=False)
    assert m[1].bias.data == [5.0]


def test_moving_between_dtypes_and_freezing():
    m = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3))
    assert {p.dtype for p in m.double().parameters()} == {np.dtype(np.float64)}
    assert m[1].num_batches_tracked.dtype.kind == "i"
    assert {p.dtype for p in m.float().parameters()} == {np.dtype(np.float32)}
    m.requires_grad_(False)
    assert not m(tensor(np.ones((4, 2)))).requires_grad


def test_errors_that_a_learner_meets():
    with pytest.raises(NotImplementedError, match=r"Module has no forward"):
        nn.Module()(1)
    with pytest.raises(ValueError, match="3 heads must divide 8"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(ValueError, match="groups must divide"):
        nn.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(dlcore.errors.ShapeError, match="BatchNorm2d: x must have 4 dimensions"):
        nn.BatchNorm2d(3)(tensor(np.ones((2, 3))))
    with pytest.raises(TypeError, match="Shared is not a layer that both libraries have"):
        to_torch(Shared())
    cache = dlcore.attention.KVCache()
    k = Tensor(np.ones((1, 1, 1, 2)), requires_grad=True)
    with pytest.raises(RuntimeError, match="no_grad"):
        cache.append(k, k)


def test_every_layer_family_has_one_name_and_its_matter_in_one_place():
    m = nn.Sequential(nn.Linear(2, 2, rng=0), nn.ReLU())
    assert [name for name, _ in m.named_modules()] == ["", "0", "1"]
    assert len(m) == 2 and m[0] is next(iter(m))


@pytest.mark.parametrize(
    "value", [tensor(np.ones((3, 2))), np.ones((3, 2)), 1.0], ids=["tensor", "array", "number"]
)
def test_a_parameter_is_not_lost_to_a_plain_value(value):
    layer = nn.Linear(2, 3)
    with pytest.raises(TypeError, match=r"Linear\.weight is a Parameter; it would be lost"):
        layer.weight = value
    layer.weight = nn.Parameter(np.ones((3, 2)))
    layer.bias = None
    model = nn.Sequential(layer, nn.ReLU())
    with pytest.raises(TypeError, match="is a Module"):
        setattr(model, "1", dlcore.relu)
    assert len(model[:1]) == 1 and isinstance(model[:1], nn.Sequential)


def test_an_empty_batch_teaches_batch_norm_nothing():
    layer = nn.BatchNorm1d(2)
    layer(np.zeros((0, 2), np.float32))
    assert layer.running_mean.tolist() == [0, 0] and layer.running_var.tolist() == [1, 1]


def test_a_query_that_may_look_nowhere_gets_zeros_with_weights_and_without():
    """PyTorch gives NaN here, so the comparison with it does not see this."""
    layer = nn.MultiheadAttention(4, 2, batch_first=True, rng=0).double()
    mask = np.zeros((3, 3), bool)
    mask[1] = True
    results = []
    for weights in (True, False):
        x = tensor(np.random.default_rng(0).standard_normal((2, 3, 4)), requires_grad=True)
        y, shares = layer(x, x, x, attn_mask=mask, need_weights=weights)
        (y * y).sum().backward()
        assert shares is None or not shares.data[:, 1].any()
        results.append((y.data, x.grad.data))
    for one, other in zip(*results, strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    nothing = np.zeros((1, 0, 2))
    found = dlcore.functional.scaled_dot_product_attention(np.ones((1, 3, 2)), nothing, nothing)
    assert found.shape == (1, 3, 2) and not found.data.any()
