"""All options of an operation or a module, drawn together, against PyTorch.

What PyTorch refuses must be refused here, in words; what it computes must be computed. In `make test-whole`
200 draws for each.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore import functional as F
from dlcore import nn, reductions, shaping, tensor
from dlcore import ops as arithmetic
from dlcore.crosscheck import from_torch
from tests.conftest import WHOLE

DRAWS = 200 if WHOLE else 25
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
few = st.integers(1, 4)
real = st.sampled_from([0.1, 0.5, 1.0, 1.7])
yes = st.booleans()


class Draw:
    """Numbers by a seed, everything that may shrink by hypothesis."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.rng = np.random.default_rng(data.draw(st.integers(0, 999)))

    def __call__(self, strategy: Any) -> Any:
        return self.data.draw(strategy)

    def array(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape)

    def apart(self, *shape: int) -> np.ndarray:
        return 0.1 * self.rng.permutation(int(np.prod(shape))).reshape(shape) - 1.0

    def maybe(self, make: Callable[[], Any]) -> Any:
        return make() if self(yes) else None

    def shape(self, least: int = 1, most: int = 3) -> tuple[int, ...]:
        return tuple(self(st.lists(few, min_size=least, max_size=most)))


# each gives the arguments that have gradients, by name, and the others
Spec = Callable[[Draw], tuple[dict[str, Any], dict[str, Any]]]


def elementwise(**options: Any) -> Spec:
    return lambda d: ({"input": d.array(*d.shape(0))}, {k: d(v) for k, v in options.items()})


def along(**options: Any) -> Spec:
    def spec(d: Draw) -> Any:
        x = d.array(*d.shape())
        return {"input": x}, {
            "dim": d(st.integers(-x.ndim, x.ndim - 1)),
            **{k: d(v) for k, v in options.items()},
        }

    return spec


def difference(**options: Any) -> Spec:
    def spec(d: Draw) -> Any:
        x = d.array(*d.shape(0))
        return {"input": x, "target": d.array(*x.shape)}, {
            "reduction": d(REDUCTIONS),
            **{k: d(v) for k, v in options.items()},
        }

    return spec


def bce(d: Draw) -> Any:
    x = d.array(*d.shape())
    weight = d.maybe(lambda: d.rng.random(x.shape[d(st.integers(0, x.ndim - 1)) :]))
    return {"input": 1 / (1 + np.exp(-x))}, {
        "target": d.rng.random(x.shape),
        "weight": weight,
        "reduction": d(REDUCTIONS),
    }


def bce_logits(d: Draw) -> Any:
    x = d.array(*d.shape())
    some = lambda: d.maybe(lambda: d.rng.random(x.shape[-1:]))
    return {"input": x}, {
        "target": d.rng.random(x.shape),
        "weight": some(),
        "reduction": d(REDUCTIONS),
        "pos_weight": some(),
    }


def classes(d: Draw) -> tuple[np.ndarray, dict[str, Any]]:
    lead, k = d.shape(1, 3), d(st.integers(2, 4))
    x = d.array(lead[0], k, *lead[1:])
    target = d.rng.integers(0, k, lead)
    ignore = d(st.sampled_from([-100, 0, 1]))
    if d(yes):
        target.flat[0] = ignore
    weight = d.maybe(lambda: d.rng.random(k) * (d.rng.random(k) < 0.7))  # some are 0
    return x, {
        "target": target,
        "weight": weight,
        "ignore_index": ignore,
        "reduction": d(REDUCTIONS),
    }


def nll(d: Draw) -> Any:
    x, options = classes(d)
    return {"input": x - np.log(np.exp(x).sum(1, keepdims=True))}, options


def cross_entropy(d: Draw) -> Any:
    x, options = classes(d)
    options["label_smoothing"] = d(st.sampled_from([0.0, 0.1, 0.6]))
    if d(yes):  # a probability for every class
        q = d.rng.random(x.shape)
        options |= {"target": q / q.sum(1, keepdims=True), "ignore_index": -100}
    return {"input": x}, options


def kl(d: Draw) -> Any:
    x, logged = d.array(*d.shape()), d(yes)
    t = d.array(*x.shape) if logged else d.rng.random(x.shape) + 0.1
    kinds = st.sampled_from(["mean", "sum", "none", "batchmean"])
    return {"input": x, "target": t}, {"log_target": logged, "reduction": d(kinds)}


def scale(d: Draw, *shape: int) -> Any:
    return d.maybe(lambda: d.array(*shape))


def batch_norm(d: Draw) -> Any:
    shape = (d(st.integers(2, 4)), d(few), *d.shape(0, 2))
    c, training = shape[1], d(yes)
    kept = not training or d(yes)
    running = (
        {"running_mean": d.array(c), "running_var": d.rng.random(c) + 0.5}
        if kept
        else {"running_mean": None, "running_var": None}
    )
    leaves = {"input": d.array(*shape), "weight": scale(d, c), "bias": scale(d, c)}
    return leaves, {
        **running,
        "training": training,
        "momentum": d(st.sampled_from([0.0, 0.1, 1.0])),
        "eps": d(st.sampled_from([1e-5, 0.1])),
    }


def layer_norm(d: Draw) -> Any:
    tail = d.shape(1, 2)
    leaves = {
        "input": d.array(*d.shape(0, 2), *tail),
        "weight": scale(d, *tail),
        "bias": scale(d, *tail),
    }
    return leaves, {"normalized_shape": tail, "eps": d(st.sampled_from([1e-5, 0.1]))}


def rms_norm(d: Draw) -> Any:
    leaves, options = layer_norm(d)
    del leaves["bias"]
    return leaves, options | {"eps": d(st.sampled_from([None, 0.1]))}


def group_norm(d: Draw) -> Any:
    groups = d(few)
    c = groups * d(few)
    x, weight = d.array(d(few), c, d(st.integers(2, 4)), *d.shape(0, 1)), scale(d, c)
    bias = None if weight is None else scale(d, c)  # a bias alone crashes PyTorch
    return {"input": x, "weight": weight, "bias": bias}, {
        "num_groups": groups,
        "eps": d(st.sampled_from([1e-5, 0.1])),
    }


def pair(d: Draw, low: int, high: int, axes: int = 2) -> Any:
    number = st.integers(low, high)
    return d(number) if axes == 1 or d(yes) else tuple(d(number) for _ in range(axes))


def conv(axes: int, transposed: bool = False) -> Spec:
    def spec(d: Draw) -> Any:
        groups = d(st.integers(1, 2))
        c, m = groups * d(st.integers(1, 3)), groups * d(st.integers(1, 3))
        if d(yes) and d(yes):  # each channel by itself
            groups = c = m = d(few)
        kernel = [d(st.integers(1, 3)) for _ in range(axes)]
        size = [d(st.integers(1, 8)) for _ in range(axes)]
        first = (c, m // groups) if transposed else (m, c // groups)
        leaves = {
            "input": d.array(d(st.integers(1, 2)), c, *size),
            "weight": d.array(*first, *kernel),
            "bias": scale(d, m),
        }
        options = {"stride": pair(d, 1, 3, axes), "dilation": pair(d, 1, 3, axes), "groups": groups}
        options["padding"] = pair(d, 0, 3, axes)
        if transposed:
            options["output_padding"] = pair(d, 0, 2, axes)
        elif d(yes):
            options["padding"] = d(st.sampled_from(["same", "valid"]))
        return leaves, options

    return spec


def pool(average: bool) -> Spec:
    def spec(d: Draw) -> Any:
        shape = [
            d(st.integers(1, 2)),
            d(st.integers(1, 2)),
            d(st.integers(1, 9)),
            d(st.integers(1, 9)),
        ]
        options = {"kernel_size": pair(d, 1, 4), "padding": pair(d, 0, 2), "ceil_mode": d(yes)}
        options["stride"] = pair(d, 1, 4) if d(yes) else None
        if average:
            return {"input": d.array(*shape)}, options | {"count_include_pad": d(yes)}
        return {"input": d.apart(*shape)}, options | {"dilation": pair(d, 1, 3)}

    return spec


def adaptive(d: Draw) -> Any:
    size = d(st.one_of(few, st.tuples(st.one_of(few, st.none()), st.one_of(few, st.none()))))
    return {"input": d.apart(d(few), d(few), d(st.integers(1, 7)), d(st.integers(1, 7)))}, {
        "output_size": size
    }


def attention(d: Draw) -> Any:
    lead, causal = d.shape(1, 2), d(yes)
    queries, keys, e, v = d(few), d(st.integers(0, 4)), d(few), d(few)
    leaves = {
        "query": d.array(*lead, queries, e),
        "key": d.array(*lead, keys, e),
        "value": d.array(*lead, keys, v),
    }
    mask = None
    if not causal and d(yes):
        full = (*lead, queries, keys)
        shape = full[d(st.integers(0, len(lead))) :]
        # rows that may look nowhere are among them
        mask = d.rng.random(shape) < 0.5 if d(yes) else d.array(*shape)
    options = {
        "attn_mask": mask,
        "is_causal": causal,
        "scale": d(st.sampled_from([None, 0.3, 2.0])),
    }
    return leaves, options | {"dropout_p": 0.0}


def embedding(d: Draw) -> Any:
    rows = d(few)
    ids = d.rng.integers(0, rows, d.shape(0))
    padding = d(st.one_of(st.none(), st.integers(-rows, rows - 1)))
    return {"weight": d.array(rows, d(few))}, {"input": ids, "padding_idx": padding}


def padded(d: Draw) -> Any:
    x = d.array(*d.shape())
    widths = [d(st.integers(0, 2)) for _ in range(2 * d(st.integers(0, x.ndim)))]
    return {"input": x}, {"pad": widths, "value": d(real)}


def linear(d: Draw) -> Any:
    k, m = d(st.integers(0, 3)), d(st.integers(0, 3))
    return {"input": d.array(*d.shape(0, 3), k), "weight": d.array(m, k), "bias": scale(d, m)}, {}


def dropout(d: Draw) -> Any:
    training = d(yes)  # chance is tested elsewhere
    p = d(st.sampled_from([0.0, 1.0] if training else [0.0, 0.3, 1.0]))
    return {"input": d.array(*d.shape(0))}, {"p": p, "training": training}


plain = elementwise()
FUNCTIONS: dict[str, Spec] = {
    **dict.fromkeys(["relu", "selu", "silu", "sigmoid", "tanh"], plain),
    "leaky_relu": elementwise(negative_slope=st.sampled_from([0.0, 0.2, 1.5, -0.5])),
    "elu": elementwise(alpha=real),
    "gelu": elementwise(approximate=st.sampled_from(["none", "tanh", "erf"])),
    "softplus": elementwise(beta=real),
    "hardtanh": elementwise(min_val=st.sampled_from([-1.0, -0.3]), max_val=real),
    "softmax": along(),
    "log_softmax": along(),
    "logsumexp": along(keepdim=yes),
    "mse_loss": difference(),
    "l1_loss": difference(),
    "huber_loss": difference(delta=real),
    "binary_cross_entropy": bce,
    "binary_cross_entropy_with_logits": bce_logits,
    "nll_loss": nll,
    "cross_entropy": cross_entropy,
    "kl_div": kl,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "conv1d": conv(1),
    "conv2d": conv(2),
    "conv_transpose2d": conv(2, True),
    "max_pool2d": pool(False),
    "avg_pool2d": pool(True),
    "adaptive_avg_pool2d": adaptive,
    "adaptive_max_pool2d": adaptive,
    "scaled_dot_product_attention": attention,
    "embedding": embedding,
    "pad": padded,
    "linear": linear,
    "dropout": dropout,
}
# PyTorch has them under another name, or elsewhere
THEIRS: dict[str, Any] = {
    "logsumexp": torch.logsumexp,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


def as_torch(x: Any) -> Any:
    return torch.tensor(x) if isinstance(x, np.ndarray) else x


REFUSALS = (ValueError, TypeError, IndexError)  # ShapeError is a ValueError


def compare(
    ours: Any, theirs: Any, leaves: dict[str, Any], options: dict[str, Any], rng: Any
) -> None:
    """Both agree, in results and gradients, or both refuse."""
    there = {
        k: None if a is None else torch.tensor(a, requires_grad=True) for k, a in leaves.items()
    }
    here = {k: None if a is None else tensor(a, requires_grad=True) for k, a in leaves.items()}
    options = {k: copy.copy(v) for k, v in options.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            wanted = theirs(**there, **{k: as_torch(v) for k, v in options.items()})
        except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):
            with pytest.raises(REFUSALS):
                ours(**here, **options)
            return
    with np.errstate(all="ignore"):
        found = ours(**here, **options)
    flat = [t for t in parts(wanted) if t.dtype.is_floating_point]
    own = [t for t in parts(found) if t.dtype.kind == "f"]
    assert len(flat) == len(own)
    for a, b in zip(own, flat, strict=True):
        agree(a.data, b.detach().numpy())
    # where all of a window is border, PyTorch sends the gradient of -inf to some pixel
    pairs = [
        (a, b, rng.standard_normal(a.shape) * np.isfinite(a.data))
        for a, b in zip(own, flat, strict=True)
        if b.requires_grad
    ]
    if pairs:
        with np.errstate(all="ignore"):
            sum((a[g != 0] * g[g != 0]).sum() for a, _, g in pairs).backward()
        sum(
            (b[torch.tensor(g != 0)] * torch.tensor(g[g != 0])).sum() for _, b, g in pairs
        ).backward()
    for name, leaf in there.items():
        if leaf is not None and leaf.grad is not None:
            mine = here[name].grad
            agree(np.zeros(leaf.shape) if mine is None else mine.data, leaf.grad.numpy(), name)


def parts(out: Any) -> list[Any]:
    if isinstance(out, tuple | list):
        return [t for item in out if item is not None for t in parts(item)]
    return [out]


def agree(found: Any, wanted: Any, name: str = "") -> None:
    assert found.shape == wanted.shape, name
    known = ~np.isnan(wanted)  # where PyTorch has no answer, any will do
    top = float(np.abs(wanted[known & np.isfinite(wanted)]).max(initial=1))
    np.testing.assert_allclose(
        found[known], wanted[known], rtol=1e-8, atol=1e-9 * top, err_msg=name
    )


@pytest.mark.parametrize("name", FUNCTIONS)
@given(data=st.data())
@settings(max_examples=DRAWS)
def test_a_function_with_all_its_options(name, data):
    d = Draw(data)
    leaves, options = FUNCTIONS[name](d)
    theirs = THEIRS.get(name) or getattr(TF, name)
    compare(getattr(F, name), theirs, leaves, options, d.rng)


def drawn_by(spec: Spec) -> set[str]:
    names: set[str] = set()

    @given(data=st.data())
    @settings(max_examples=10, database=None)
    def look(data):
        leaves, options = spec(Draw(data))
        names.update(leaves, options)

    look()
    return names


def test_every_function_and_every_option_is_drawn():
    assert set(FUNCTIONS) == set(F.__all__) - {"one_hot"}  # it has no gradient
    for name, spec in FUNCTIONS.items():
        drawn = drawn_by(spec)
        assert set(inspect.signature(getattr(F, name)).parameters) - {"rng"} == drawn, name


# ---- what only arranges or reduces ----


def reduced(d: Draw) -> Any:
    x = d.apart(*d.shape(1, 3))
    dims = st.integers(-x.ndim, x.ndim - 1)
    dim = d(st.one_of(dims, st.lists(dims, min_size=1, unique_by=lambda i: i % x.ndim).map(tuple)))
    return {"input": x}, {"dim": dim, "keepdim": d(yes)}


def one_dim(d: Draw) -> Any:
    leaves, options = reduced(d)
    if isinstance(options["dim"], tuple):
        options["dim"] = options["dim"][0]
    return leaves, options


def variance(d: Draw) -> Any:
    leaves, options = reduced(d)
    return leaves, options | {"correction": d(st.sampled_from([0, 1, 0.5]))}


def clipped(d: Draw) -> Any:
    low, high = d(st.sampled_from([None, -0.5, 0.2])), d(st.sampled_from([None, 0.1, 0.7]))
    return {"input": d.array(*d.shape(0))}, {"min": low, "max": high}


def flattened(d: Draw) -> Any:
    x = d.array(*d.shape(0, 3))
    dims = st.integers(-max(1, x.ndim), max(1, x.ndim) - 1)
    return {"input": x}, {"start_dim": d(dims), "end_dim": d(dims)}


def squeezed(d: Draw) -> Any:
    x = d.array(*d(st.lists(st.integers(1, 2), min_size=1, max_size=3)))
    return {"input": x}, {"dim": d(st.integers(-x.ndim, x.ndim - 1))}


def cut(d: Draw) -> Any:
    x = d.array(*d.shape(1, 3))
    dim = d(st.integers(-x.ndim, x.ndim - 1))
    return {"input": x}, {
        "split_size_or_sections": d(st.one_of(few, st.lists(few, min_size=1, max_size=2))),
        "dim": dim,
    }


def chunked(d: Draw) -> Any:
    x = d.array(*d.shape(1, 3))
    return {"input": x}, {"chunks": d(few), "dim": d(st.integers(-x.ndim, x.ndim - 1))}


def flipped(d: Draw) -> Any:
    leaves, options = reduced(d)
    dim = options["dim"]
    return leaves, {"dims": dim if isinstance(dim, tuple) else (dim,)}


OTHERS: dict[str, tuple[Any, Any, Spec]] = {
    **{name: (getattr(reductions, name), getattr(torch, name), reduced) for name in ("sum", "mean", "amax", "amin")},
    **{name: (getattr(reductions, name), getattr(torch, name), one_dim) for name in ("max", "min")},
    "var": (reductions.var, torch.var, variance),
    "clip": (arithmetic.clip, torch.clip, clipped),
    "flatten": (shaping.flatten, torch.flatten, flattened),
    "squeeze": (shaping.squeeze, torch.squeeze, squeezed),
    "split": (shaping.split, torch.split, cut),
    "chunk": (shaping.chunk, torch.chunk, chunked),
    "flip": (shaping.flip, torch.flip, flipped),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
@given(data=st.data())
@settings(max_examples=DRAWS)
def test_a_reduction_or_arrangement_with_all_its_options(name, data):
    ours, theirs, spec = OTHERS[name]
    d = Draw(data)
    leaves, options = spec(d)
    first = "tensor" if name == "split" else "input"
    compare(
        lambda input, **o: ours(input, **o),
        lambda input, **o: theirs(**{first: input}, **o),
        leaves,
        options,
        d.rng,
    )


# ---- modules ----

T = torch.nn


def masks(d: Draw, n: int, heads: int, queries: int, keys: int) -> dict[str, Any]:
    shape = d(st.sampled_from([(queries, keys), (n * heads, queries, keys)]))
    mask = d.maybe(lambda: d.rng.random(shape) < 0.4 if d(yes) else d.array(*shape))
    padding = d.maybe(lambda: d.rng.random((n, keys)) < 0.4)
    if mask is not None and padding is not None and mask.dtype != bool:
        mask = mask > 0  # PyTorch wants both of one kind
    return {"attn_mask": mask, "key_padding_mask": padding}


def heads(d: Draw) -> Any:
    count, first = d(st.integers(1, 2)), d(yes)
    e, n, queries, keys = count * d(few), d(few), d(few), d(few)
    module = T.MultiheadAttention(e, count, bias=d(yes), batch_first=first)
    form = lambda t: (n, t, e) if first else (t, n, e)
    leaves = {
        "query": d.array(*form(queries)),
        "key": d.array(*form(keys)),
        "value": d.array(*form(keys)),
    }
    options = masks(d, n, count, queries, keys)
    return module, leaves, options | {"need_weights": d(yes), "average_attn_weights": d(yes)}


def recurrent(kind: Any, states: int) -> Any:
    def spec(d: Draw) -> Any:
        size, hidden, layers, both, first = d(few), d(few), d(st.integers(1, 2)), d(yes), d(yes)
        extra = {"nonlinearity": d(st.sampled_from(["tanh", "relu"]))} if kind is T.RNN else {}
        module = kind(
            size, hidden, layers, bias=d(yes), batch_first=first, bidirectional=both, **extra
        )
        t, n = d(few), d(few)
        leaves = {"input": d.array(n, t, size) if first else d.array(t, n, size)}
        shape = (layers * (1 + both), n, hidden)
        if states == 1:
            leaves["hx"] = d.maybe(lambda: d.array(*shape))
        return module, leaves, {}

    return spec


def layer(kind: Any, d: Draw, width: int, count: int, first: bool) -> Any:
    """A transformer's layer with drawn options."""
    activation, options = (
        d(st.sampled_from(["relu", "gelu"])),
        {"norm_first": d(yes), "bias": d(yes)},
    )
    return kind(width, count, d(few), 0.0, activation, batch_first=first, **options)


def encoder(d: Draw) -> Any:
    count, first = d(st.integers(1, 2)), d(yes)
    e, n, t = count * d(few), d(few), d(few)
    module = layer(T.TransformerEncoderLayer, d, e, count, first)
    options = masks(d, n, count, t, t)
    named = {"src_mask": options["attn_mask"], "src_key_padding_mask": options["key_padding_mask"]}
    return module, {"src": d.array(n, t, e) if first else d.array(t, n, e)}, named


def decoder(d: Draw) -> Any:
    count, first = d(st.integers(1, 2)), d(yes)
    e, n, t, s = count * d(few), d(few), d(few), d(few)
    module = layer(T.TransformerDecoderLayer, d, e, count, first)
    form = lambda length: (n, length, e) if first else (length, n, e)
    own, cross = masks(d, n, count, t, t), masks(d, n, count, t, s)
    options = {"tgt_mask": own["attn_mask"], "tgt_key_padding_mask": own["key_padding_mask"]}
    options |= {
        "memory_mask": cross["attn_mask"],
        "memory_key_padding_mask": cross["key_padding_mask"],
    }
    return module, {"tgt": d.array(*form(t)), "memory": d.array(*form(s))}, options


def batch_norms(axes: int) -> Any:
    def spec(d: Draw) -> Any:
        kind = T.BatchNorm2d if axes == 2 else T.BatchNorm1d
        c = d(few)
        module = kind(
            c, d(st.sampled_from([1e-5, 0.1])), d(st.sampled_from([None, 0.1, 1.0])), d(yes), d(yes)
        )
        shape = (d(st.integers(2, 4)), c, *([d(few), d(few)] if axes == 2 else d.shape(0, 1)))
        return module.train(d(yes)), {"input": d.array(*shape)}, {}

    return spec


def norm(d: Draw) -> Any:
    tail = d.shape(1, 2)
    module = T.LayerNorm(tail, d(st.sampled_from([1e-5, 0.1])), d(yes), d(yes))
    return module, {"input": d.array(*d.shape(0, 2), *tail)}, {}


def convolution(d: Draw) -> Any:
    groups = d(st.integers(1, 2))
    c, m = groups * d(few), groups * d(few)
    kernel, padding = pair(d, 1, 3), d(st.sampled_from([0, 1, (1, 2), "same"]))
    stride = 1 if padding == "same" else pair(d, 1, 2)
    module = T.Conv2d(c, m, kernel, stride, padding, pair(d, 1, 2), groups, d(yes))
    return module, {"input": d.array(d(few), c, d(st.integers(5, 8)), d(st.integers(5, 8)))}, {}


def table(d: Draw) -> Any:
    rows = d(few)
    module = T.Embedding(rows, d(few), d(st.one_of(st.none(), st.integers(-rows, rows - 1))))
    return module, {}, {"input": d.rng.integers(0, rows, d.shape(0))}


MODULES = {
    "MultiheadAttention": heads,
    "RNN": recurrent(T.RNN, 1),
    "GRU": recurrent(T.GRU, 1),
    "LSTM": recurrent(T.LSTM, 2),
    "TransformerEncoderLayer": encoder,
    "TransformerDecoderLayer": decoder,
    "BatchNorm1d": batch_norms(1),
    "BatchNorm2d": batch_norms(2),
    "LayerNorm": norm,
    "Conv2d": convolution,
    "Embedding": table,
}


@pytest.mark.parametrize("name", MODULES)
@given(data=st.data())
@settings(max_examples=DRAWS)
def test_a_module_with_all_its_options(name, data):
    d = Draw(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        theirs, leaves, options = MODULES[name](d)
        theirs = theirs.double()
        ours = from_torch(theirs)
    assert isinstance(ours, getattr(nn, name))
    compare(ours, theirs, leaves, options, d.rng)
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if q.grad is not None:
            agree(np.zeros(q.shape) if p.grad is None else p.grad.data, q.grad.numpy(), key)
