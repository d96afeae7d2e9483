"""The one table of ops: every op with its PyTorch twin and a generator of cases.

The battery in test_ops.py, the GPU test and the benchmarks run over it; a new op is tested by
being listed. A case is a list of arrays that have gradients, constants that have none (class
numbers, masks, indices) and options.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as TF

import dlcore.functional as F
from dlcore import attention, gated, generative, ops, recurrent, reductions, shaping

Rng = np.random.Generator


@dataclass(frozen=True)
class Case:
    arrays: list[np.ndarray]
    constants: tuple[np.ndarray, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def astype(self, dtype: type) -> Case:
        arrays = [a.astype(dtype) for a in self.arrays]
        constants = tuple(c.astype(dtype) if c.dtype.kind == "f" else c for c in self.constants)
        return Case(arrays, constants, self.options)


@dataclass(frozen=True)
class Op:
    name: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    draw: Callable[[Rng], Case]
    # arrays and constants, by number, whose first axis is the batch; None: nothing is a batch
    batch: Sequence[int] | None = (0,)
    extreme: bool = False  # must be finite and silent for inputs up to 1e4
    slope: bool = True  # the gradient is the derivative, and not something else on purpose
    wrong: Sequence[Case] = field(
        default=(), repr=False
    )  # must raise a ShapeError that names the op


def n(rng: Rng, low: int = 1, high: int = 5) -> int:
    return int(rng.integers(low, high))


def some(rng: Rng, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def any_shape(rng: Rng, least: int = 1) -> tuple[int, ...]:
    return tuple(n(rng) for _ in range(n(rng, least, 4)))


def off_zero(a: np.ndarray) -> np.ndarray:
    """Away from where a corner or a pole would spoil a difference quotient."""
    return np.where(np.abs(a) < 0.2, a + np.copysign(0.3, a), a)


def apart(rng: Rng, *shape: int) -> np.ndarray:
    """Numbers of which no two are closer than 0.1, so that the largest stays the largest."""
    return 0.1 * rng.permutation(int(np.prod(shape))).reshape(shape) - 1.0


def shapes(*all_: tuple[int, ...]) -> Case:
    return Case([np.ones(s) for s in all_])


# ---- cases ----


def unary(make: Callable[[np.ndarray], np.ndarray] = lambda a: a, **options: Any) -> Any:
    return lambda rng: Case([make(some(rng, *any_shape(rng)))], (), options)


def broadcasting(make: Callable[[np.ndarray], np.ndarray] = lambda a: a) -> Any:
    def draw(rng: Rng) -> Case:
        full = any_shape(rng)
        other = tuple(1 if rng.random() < 0.4 else k for k in full)[n(rng, 0, len(full)) :]
        pair = [make(some(rng, *full)), make(some(rng, *other))]
        return Case(pair if rng.random() < 0.5 else pair[::-1])

    return draw


def reduction(apart_: bool = False, dims: bool = True) -> Any:
    def draw(rng: Rng) -> Case:
        shape = any_shape(rng)
        x = apart(rng, *shape) if apart_ else some(rng, *shape)
        choices: list[Any] = [0, -1]
        if dims:
            choices += [tuple(range(len(shape))), (0, -1) if len(shape) > 1 else (0,)]
        options = {"dim": choices[n(rng, 0, len(choices))], "keepdim": bool(rng.random() < 0.5)}
        return Case([x], (), options)

    return draw


def matmul_case(rng: Rng) -> Case:
    a, d, m, b = n(rng), n(rng), n(rng), n(rng)
    pairs = [
        ((a, d), (d, m)),
        ((a, d), (d,)),
        ((d,), (d, m)),
        ((d,), (d,)),
        ((b, a, d), (b, d, m)),
        ((b, a, d), (d, m)),
        ((a, d), (b, d, m)),
        ((b, 1, a, d), (a, d, m)),
        ((b, a, d), (d,)),
        ((d,), (b, d, m)),
    ]
    x, y = pairs[n(rng, 0, len(pairs))]
    return Case([some(rng, *x), some(rng, *y)])


def linear_case(rng: Rng) -> Case:
    d, m = n(rng), n(rng)
    arrays = [some(rng, *any_shape(rng), d), some(rng, m, d), some(rng, m)]
    return Case(arrays[: 2 + (rng.random() < 0.7)])


def where_case(rng: Rng) -> Case:
    case = broadcasting()(rng)
    full = np.broadcast_shapes(*(a.shape for a in case.arrays))
    return Case(case.arrays, (rng.random(full) < 0.5,))


def same_shape(
    k: int, make: Callable[[np.ndarray], np.ndarray] = lambda a: a, **options: Any
) -> Any:
    def draw(rng: Rng) -> Case:
        shape = any_shape(rng)
        return Case([make(some(rng, *shape)) for _ in range(k)], (), options)

    return draw


def residual_case(corner: float, **options: Any) -> Any:
    """Two arrays whose differences stay away from where the loss has a corner."""

    def draw(rng: Rng) -> Case:
        shape = any_shape(rng)
        d, t = some(rng, *shape), some(rng, *shape)
        far = np.abs(np.abs(d) - corner) > 0.05
        return Case([t + np.where(far, d, 2 * corner + 0.3), t], (), options)

    return draw


def index_case(rng: Rng) -> Case:
    a, b, c = n(rng, 2), n(rng, 2), n(rng, 2)
    rows = rng.integers(0, a, (2, 3))
    options: list[Any] = [
        0,
        slice(1, None),
        (slice(None), -1),
        (Ellipsis, slice(None, None, 2)),
        (None, 0),
        rows,
        (rows, rng.integers(0, b, 3)),
        (slice(None), rng.integers(0, b, 4)),
        rng.random((a, b)) < 0.5,
    ]
    return Case([some(rng, a, b, c)], (), {"index": options[n(rng, 0, len(options))]})


def get(x: Any, index: Any) -> Any:
    if isinstance(x, torch.Tensor):
        as_torch = lambda i: torch.tensor(i) if isinstance(i, np.ndarray) else i
        index = tuple(map(as_torch, index)) if isinstance(index, tuple) else as_torch(index)
    return x[index]


def cat_case(rng: Rng) -> Case:
    shape = [n(rng), n(rng), n(rng)]
    dim = n(rng, 0, 3)
    parts = []
    for _ in range(n(rng)):
        shape[dim] = n(rng)
        parts.append(some(rng, *shape))
    return Case(parts, (), {"dim": dim})


def pad_case(rng: Rng) -> Case:
    widths = [n(rng, 0, 3) for _ in range(2 * n(rng, 1, 3))]
    return Case([some(rng, n(rng), n(rng))], (), {"pad": widths, "value": 0.5})


def classes_case(**options: Any) -> Any:
    """Scores (N, K, ...), class numbers (N, ...), perhaps class weights."""

    def draw(rng: Rng) -> Case:
        k, lead = n(rng, 2), (n(rng), *(n(rng) for _ in range(n(rng, 0, 3))))
        target = rng.integers(0, k, lead)
        if "ignore_index" in options and target.size > 1:
            target.flat[0] = options["ignore_index"]
        constants = [target]
        if options.get("weighted"):
            constants.append(rng.random(k) + 0.5)
        x = some(rng, lead[0], k, *lead[1:])
        kept = {name: v for name, v in options.items() if name != "weighted"}
        return Case([x], tuple(constants), kept)

    return draw


def log_probabilities(draw: Any) -> Any:
    def logged(rng: Rng) -> Case:
        case = draw(rng)
        x = case.arrays[0]
        x = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        return Case([x], case.constants, case.options)

    return logged


def soft_target_case(rng: Rng) -> Case:
    x = some(rng, n(rng), n(rng, 2), n(rng))
    q = np.exp(some(rng, *x.shape))
    return Case([x], (q / q.sum(axis=1, keepdims=True),), {"label_smoothing": 0.1})


def bce_case(logits: bool, **options: Any) -> Any:
    def draw(rng: Rng) -> Case:
        shape = any_shape(rng)
        x = some(rng, *shape)
        x = x if logits else 0.1 + 0.8 / (1 + np.exp(-x))
        extra = (rng.random(shape[-1]) + 0.5,) if options.get("pos_weight") else ()
        kept = {name: v for name, v in options.items() if name != "pos_weight"}
        return Case([x], (rng.random(shape), *extra), kept)

    return draw


def kl_case(**options: Any) -> Any:
    def draw(rng: Rng) -> Case:
        x, t = some(rng, n(rng), n(rng, 2)), some(rng, n(rng), n(rng, 2))
        t = np.resize(t, x.shape)
        logged = [a - np.log(np.exp(a).sum(axis=1, keepdims=True)) for a in (x, t)]
        if not options.get("log_target"):
            logged[1] = 0.1 + np.exp(logged[1])
        return Case(logged, (), options)

    return draw


def conv_case(axes: int, transposed: bool = False) -> Any:
    def draw(rng: Rng) -> Case:
        groups = n(rng, 1, 3)
        c, m = groups * n(rng, 1, 3), groups * n(rng, 1, 3)
        kernel = [n(rng, 1, 4) for _ in range(axes)]
        dilation = n(rng, 1, 3)
        size = [dilation * (k - 1) + n(rng, 1, 4) for k in kernel]
        first = (c, m // groups) if transposed else (m, c // groups)
        arrays = [some(rng, n(rng, 1, 3), c, *size), some(rng, *first, *kernel), some(rng, m)]
        options: dict[str, Any] = {"stride": n(rng, 1, 4), "padding": n(rng, 0, 3)}
        if transposed:
            least = min(d * s for d, s in zip(size, [99] * axes, strict=True))
            options["padding"] = 0 if least < 3 else n(rng, 0, 2)
            options["padding"] = min(options["padding"], min(dilation * (k - 1) for k in kernel))
            options["output_padding"] = n(rng, 0, max(options["stride"], dilation))
        elif axes == 2 and rng.random() < 0.3:
            options = {"stride": 1, "padding": "same" if rng.random() < 0.7 else "valid"}
        elif axes == 2 and rng.random() < 0.3:
            options = {"stride": (1, 2), "padding": (2, 1)}
        options |= {"dilation": dilation, "groups": groups}
        return Case(arrays[: 2 + (rng.random() < 0.7)], (), options)

    return draw


def pool_case(average: bool) -> Any:
    def draw(rng: Rng) -> Case:
        k = n(rng, 1, 4)
        options: dict[str, Any] = {"kernel_size": k, "ceil_mode": bool(rng.random() < 0.3)}
        if rng.random() < 0.7:
            options |= {"stride": n(rng, 1, 4), "padding": n(rng, 0, k // 2 + 1)}
        if average:
            options["count_include_pad"] = bool(rng.random() < 0.5)
        shape = n(rng, 1, 3), n(rng, 1, 3), k + n(rng, 0, 4), k + n(rng, 0, 4)
        return Case([some(rng, *shape) if average else apart(rng, *shape)], (), options)

    return draw


def adaptive_case(rng: Rng) -> Case:
    size: Any = (n(rng), n(rng)) if rng.random() < 0.5 else n(rng)
    x = apart(rng, n(rng, 1, 3), n(rng, 1, 3), n(rng), n(rng))
    return Case([x], (), {"output_size": size})


def layer_norm_case(weights: int) -> Any:
    def draw(rng: Rng) -> Case:
        tail = (n(rng, 3, 6),) if rng.random() < 0.7 else (n(rng, 2, 4), n(rng, 2, 4))
        x = some(rng, n(rng), *(n(rng) for _ in range(n(rng, 0, 2))), *tail)
        return Case(
            [x, *(some(rng, *tail) for _ in range(weights))], (), {"normalized_shape": tail}
        )

    return draw


def batch_norm_case(training: bool) -> Any:
    def draw(rng: Rng) -> Case:
        shape = [n(rng, 3, 6), n(rng), *(n(rng) for _ in range(n(rng, 0, 3)))]
        arrays = [some(rng, *shape), some(rng, shape[1]), some(rng, shape[1])]
        running = (some(rng, shape[1]), rng.random(shape[1]) + 0.5)
        return Case(arrays, () if training else running, {"training": training})

    return draw


def batch_norm(library: Any) -> Any:
    def run(x: Any, w: Any, b: Any, *running: Any, training: bool) -> Any:
        mean, var = running or (None, None)
        return library.batch_norm(x, mean, var, w, b, training)

    return run


def group_norm_case(rng: Rng) -> Case:
    groups = n(rng, 1, 4)
    c = groups * n(rng, 1, 4)
    x = some(rng, n(rng), c, n(rng, 2), n(rng, 2))
    return Case([x, some(rng, c), some(rng, c)], (), {"num_groups": groups})


def sequence_case(gates: int) -> Any:
    """Input, initial state(s), then w_ih, w_hh, b_ih, b_hh of every layer and direction."""

    def draw(rng: Rng) -> Case:
        t, batch, d, h = n(rng), n(rng, 1, 4), n(rng, 1, 4), n(rng, 1, 4)
        layers, both, biases = n(rng, 1, 3), bool(rng.random() < 0.4), bool(rng.random() < 0.7)
        first = bool(rng.random() < 0.4)
        runs = layers * (1 + both)
        x = some(rng, batch, t, d) if first else some(rng, t, batch, d)
        arrays = [x, *(some(rng, runs, batch, h) for _ in range(2 if gates == 4 else 1))]
        for run in range(runs):
            wide = d if run < 1 + both else (1 + both) * h
            arrays += [some(rng, gates * h, wide), some(rng, gates * h, h)]
            arrays += [some(rng, gates * h), some(rng, gates * h)] if biases else []
        options = {"layers": layers, "both": both, "biases": biases, "first": first}
        return Case(arrays, (), options)

    return draw


def sequence(f: Callable[..., Any], states: int) -> Any:
    """All results of a recurrent function in one vector, so that every one is differentiated."""

    def run(x: Any, *rest: Any, layers: int, both: bool, biases: bool, first: bool) -> Any:
        hx = rest[0] if states == 1 else rest[:2]
        out = f(x, hx, rest[states:], biases, layers, 0.0, True, both, first)
        join = torch.cat if isinstance(x, torch.Tensor) else shaping.cat
        return join([part.reshape((-1,)) for part in out])

    return run


def cell_case(gates: int) -> Any:
    def draw(rng: Rng) -> Case:
        batch, d, h = n(rng), n(rng), n(rng)
        arrays = [
            some(rng, batch, d),
            *(some(rng, batch, h) for _ in range(2 if gates == 4 else 1)),
        ]
        arrays += [some(rng, gates * h, d), some(rng, gates * h, h)]
        return Case([*arrays, some(rng, gates * h), some(rng, gates * h)])

    return draw


def lstm_cell(library: Any) -> Any:
    def run(x: Any, h: Any, c: Any, *w: Any) -> Any:
        join = torch.cat if library is torch else shaping.cat
        return join(list(library.lstm_cell(x, (h, c), *w)), 1)

    return run


def attention_case(mask: str) -> Any:
    def draw(rng: Rng) -> Case:
        lead = tuple(n(rng, 1, 4) for _ in range(n(rng, 1, 4)))
        queries, keys, e, v = n(rng), n(rng), n(rng), n(rng)
        arrays = [
            some(rng, *lead, queries, e),
            some(rng, *lead, keys, e),
            some(rng, *lead, keys, v),
        ]
        if mask == "boolean":
            return Case(arrays, (rng.random((queries, keys)) < 0.6,))
        if mask == "additive":
            return Case([*arrays, some(rng, *lead[-1:], queries, keys)])
        return Case(arrays, (), {"is_causal": True} if mask == "causal" else {"scale": 0.7})

    return draw


def rotary_by_hand(x: Any) -> Any:
    """Pairs (x_i, x_{i + E/2}) as complex numbers, times exp(i t theta)."""
    t, e = x.shape[-2:]
    theta = 10000.0 ** (-torch.arange(0, e, 2, dtype=torch.float64) / e)
    angle = torch.arange(t, dtype=torch.float64)[:, None] * theta
    z = torch.complex(x[..., : e // 2].double(), x[..., e // 2 :].double())
    z = z * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([z.real, z.imag], -1).to(x.dtype)


def standard_normal_kl(mu: Any, logvar: Any) -> Any:
    q = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(q, p).sum(1)


def with_weight(f: Callable[..., Any]) -> Any:
    """(x, target, weight) for losses that take the weight as an option."""

    def run(x: Any, t: Any, *weight: Any, **options: Any) -> Any:
        return f(x, t, *weight, **options)

    return run


def with_pos_weight(f: Callable[..., Any]) -> Any:
    return lambda x, t, w: f(x, t, pos_weight=w)


def named(f: Callable[..., Any], *names: str) -> Any:
    """Pass what follows x as keywords."""
    return lambda x, *rest, **options: f(x, **dict(zip(names, rest, strict=False)), **options)


def one(f: Callable[..., Any]) -> Any:
    return lambda *tensors, **options: f(list(tensors), **options)


bad_pair = [shapes((2, 3), (4, 3))]
relus = off_zero
positive = lambda a: np.abs(a) + 0.3

OPS = [
    Op("add", ops.add, torch.add, broadcasting(), None, wrong=bad_pair),
    Op("sub", ops.sub, torch.sub, broadcasting(), None, wrong=bad_pair),
    Op("mul", ops.mul, torch.mul, broadcasting(), None, wrong=bad_pair),
    Op("div", ops.div, torch.div, broadcasting(off_zero), None, wrong=bad_pair),
    Op("pow", ops.pow, torch.pow, broadcasting(positive), None, wrong=bad_pair),
    Op("pow, square", lambda x: x**2, lambda x: x**2, unary()),
    Op("pow, root", lambda x: x**0.5, lambda x: x**0.5, unary(positive)),
    Op("pow, of a number", lambda x: 2.0**x, lambda x: 2.0**x, unary()),
    Op("maximum", ops.maximum, torch.maximum, broadcasting(), None, wrong=bad_pair),
    Op("minimum", ops.minimum, torch.minimum, broadcasting(), None, wrong=bad_pair),
    Op(
        "where",
        lambda a, b, c: ops.where(c, a, b),
        lambda a, b, c: torch.where(c, a, b),
        where_case,
        None,
    ),
    Op("neg", ops.neg, torch.neg, unary()),
    Op("exp", ops.exp, torch.exp, unary()),
    Op("log", ops.log, torch.log, unary(positive)),
    Op("sqrt", ops.sqrt, torch.sqrt, unary(positive)),
    Op("abs", ops.abs, torch.abs, unary(off_zero), extreme=True),
    Op("clip", ops.clip, torch.clip, unary(off_zero, min=-0.1, max=0.15), extreme=True),
    Op("matmul", ops.matmul, torch.matmul, matmul_case, None, wrong=bad_pair),
    Op("sum", reductions.sum, torch.sum, unary()),
    Op("sum over axes", reductions.sum, torch.sum, reduction()),
    Op("mean", reductions.mean, torch.mean, unary(), None),
    Op("mean over axes", reductions.mean, torch.mean, reduction(), None),
    Op("var", reductions.var, torch.var, reduction(), None),
    Op("var of everything", reductions.var, torch.var, unary(correction=0), None),
    Op("amax", reductions.amax, torch.amax, reduction(True), None),
    Op("amin", reductions.amin, torch.amin, reduction(True), None),
    Op(
        "max along an axis",
        lambda x, **o: reductions.max(x, **o).values,
        lambda x, **o: torch.max(x, **o).values,
        reduction(True, False),
        None,
    ),
    Op(
        "min along an axis",
        lambda x, **o: reductions.min(x, **o).values,
        lambda x, **o: torch.min(x, **o).values,
        reduction(True, False),
        None,
    ),
    Op(
        "reshape",
        lambda x: shaping.reshape(x, -1, 1),
        lambda x: x.reshape(-1, 1),
        unary(),
        None,
    ),
    Op("flatten", shaping.flatten, torch.flatten, unary(), None),
    Op("swapaxes", shaping.swapaxes, torch.swapaxes, unary(axis0=0, axis1=-1)),
    Op(
        "permute",
        lambda x: shaping.permute(x, 2, 0, 1),
        lambda x: x.permute(2, 0, 1),
        lambda rng: Case([some(rng, n(rng), n(rng), n(rng))]),
        wrong=[shapes((2, 3))],
    ),
    Op("T", lambda x: x.T, lambda x: x.permute(*range(x.ndim)[::-1]), unary()),
    Op("squeeze", shaping.squeeze, torch.squeeze, unary(), None),
    Op("unsqueeze", shaping.unsqueeze, torch.unsqueeze, unary(dim=-1)),
    Op(
        "expand",
        lambda x: shaping.expand(x, 3, -1, 4),
        lambda x: x.expand(3, -1, 4),
        lambda rng: Case([some(rng, n(rng), 1)]),
        wrong=[shapes((2, 3))],
    ),
    Op(
        "cat",
        one(shaping.cat),
        one(torch.cat),
        cat_case,
        None,
        wrong=[Case([np.ones((2, 3)), np.ones((2, 4))])],
    ),
    Op(
        "stack",
        one(shaping.stack),
        one(torch.stack),
        same_shape(3, dim=-1),
        (0, 1, 2),
        wrong=[shapes((2, 3), (2, 4))],
    ),
    Op(
        "split",
        lambda x: shaping.split(x, [1, 2])[1],
        lambda x: x.split([1, 2])[1],
        lambda rng: Case([some(rng, 3, n(rng))]),
        None,
        wrong=[shapes((4, 2))],
    ),
    Op(
        "chunk",
        lambda x: shaping.chunk(x, 2, 1)[0],
        lambda x: x.chunk(2, 1)[0],
        lambda rng: Case([some(rng, n(rng), n(rng, 2))]),
    ),
    Op("flip", shaping.flip, torch.flip, unary(dims=(0,))),
    Op("pad", F.pad, TF.pad, pad_case),
    Op("index", get, get, index_case, None),
    Op(
        "linear",
        F.linear,
        TF.linear,
        linear_case,
        wrong=[shapes((2, 3), (4, 5)), shapes((2, 3), (4, 3), (5,))],
    ),
    Op("relu", F.relu, TF.relu, unary(relus), extreme=True),
    Op("leaky_relu", F.leaky_relu, TF.leaky_relu, unary(relus, negative_slope=0.2), extreme=True),
    Op("elu", F.elu, TF.elu, unary(relus, alpha=1.3), extreme=True),
    Op("selu", F.selu, TF.selu, unary(relus), extreme=True),
    Op("gelu", F.gelu, TF.gelu, unary(), extreme=True),
    Op("gelu, tanh form", F.gelu, TF.gelu, unary(approximate="tanh"), extreme=True),
    Op("silu", F.silu, TF.silu, unary(), extreme=True),
    Op("softplus", F.softplus, TF.softplus, unary(beta=2.0), extreme=True),
    Op("sigmoid", F.sigmoid, torch.sigmoid, unary(), extreme=True),
    Op("tanh", F.tanh, torch.tanh, unary(), extreme=True),
    Op("hardtanh", F.hardtanh, TF.hardtanh, unary(relus, min_val=-0.1, max_val=0.15), extreme=True),
    Op("softmax", F.softmax, torch.softmax, unary(dim=-1), extreme=True),
    Op("softmax, first axis", F.softmax, torch.softmax, unary(dim=0), None, extreme=True),
    Op("log_softmax", F.log_softmax, torch.log_softmax, unary(dim=-1), extreme=True),
    Op("logsumexp", F.logsumexp, torch.logsumexp, reduction(dims=False), None, extreme=True),
    Op(
        "mse_loss",
        F.mse_loss,
        TF.mse_loss,
        same_shape(2),
        None,
        wrong=[shapes((4, 1), (4,))],
        extreme=True,
    ),
    Op("mse_loss, sum", F.mse_loss, TF.mse_loss, same_shape(2, reduction="sum"), (0, 1)),
    Op("mse_loss, none", F.mse_loss, TF.mse_loss, same_shape(2, reduction="none"), (0, 1)),
    Op(
        "l1_loss",
        F.l1_loss,
        TF.l1_loss,
        residual_case(0.0),
        None,
        wrong=[shapes((4, 1), (4,))],
        extreme=True,
    ),
    Op(
        "huber_loss",
        F.huber_loss,
        TF.huber_loss,
        residual_case(0.7, delta=0.7),
        None,
        wrong=[shapes((4, 1), (4,))],
        extreme=True,
    ),
    Op(
        "binary_cross_entropy",
        F.binary_cross_entropy,
        TF.binary_cross_entropy,
        bce_case(False),
        None,
        wrong=[Case([np.full((4, 1), 0.5)], (np.ones(4),))],
    ),
    Op(
        "binary_cross_entropy_with_logits",
        F.binary_cross_entropy_with_logits,
        TF.binary_cross_entropy_with_logits,
        bce_case(True),
        None,
        True,
        [Case([np.ones((4, 1))], (np.ones(4),))],
    ),
    Op(
        "binary_cross_entropy_with_logits, pos_weight",
        with_pos_weight(F.binary_cross_entropy_with_logits),
        with_pos_weight(TF.binary_cross_entropy_with_logits),
        bce_case(True, pos_weight=True),
        None,
    ),
    Op(
        "nll_loss",
        with_weight(F.nll_loss),
        with_weight(TF.nll_loss),
        log_probabilities(classes_case(weighted=True)),
        None,
        wrong=[Case([np.ones((3, 4))], (np.zeros(2, int),))],
    ),
    Op(
        "nll_loss, none",
        F.nll_loss,
        TF.nll_loss,
        log_probabilities(classes_case(reduction="none", ignore_index=1)),
        (0, 1),
    ),
    Op(
        "cross_entropy",
        F.cross_entropy,
        TF.cross_entropy,
        classes_case(),
        None,
        True,
        [
            Case([np.ones((3, 4))], (np.zeros(2, int),)),
            Case([np.ones((3, 5, 4))], (np.zeros((3, 5), int),)),
        ],
    ),
    Op(
        "cross_entropy, weighted",
        with_weight(F.cross_entropy),
        with_weight(TF.cross_entropy),
        classes_case(weighted=True, ignore_index=1),
        None,
    ),
    Op(
        "cross_entropy, smoothed",
        with_weight(F.cross_entropy),
        with_weight(TF.cross_entropy),
        classes_case(weighted=True, ignore_index=1, label_smoothing=0.2),
        None,
    ),
    Op(
        "cross_entropy, none",
        F.cross_entropy,
        TF.cross_entropy,
        classes_case(reduction="none", ignore_index=1, label_smoothing=0.1),
        (0, 1),
    ),
    Op(
        "cross_entropy, sum",
        F.cross_entropy,
        TF.cross_entropy,
        classes_case(reduction="sum"),
        (0, 1),
    ),
    Op("cross_entropy, probabilities", F.cross_entropy, TF.cross_entropy, soft_target_case, None),
    Op(
        "kl_div",
        F.kl_div,
        TF.kl_div,
        kl_case(reduction="batchmean"),
        None,
        wrong=[shapes((2, 3), (3, 2))],
    ),
    Op("kl_div, of logs", F.kl_div, TF.kl_div, kl_case(reduction="sum", log_target=True), None),
    Op(
        "embedding",
        lambda w, i: F.embedding(i, w),
        lambda w, i: TF.embedding(i, w),
        lambda rng: Case([some(rng, 5, n(rng))], (rng.integers(0, 5, any_shape(rng)),)),
        (1,),
    ),
    Op(
        "embedding, padding",
        lambda w, i: F.embedding(i, w, padding_idx=2),
        lambda w, i: TF.embedding(i, w, padding_idx=2),
        lambda rng: Case([some(rng, 5, 2)], (rng.integers(0, 5, any_shape(rng)),)),
        (1,),
        slope=False,
    ),
    Op("conv1d", F.conv1d, TF.conv1d, conv_case(1), wrong=[shapes((2, 3, 5), (4, 2, 3))]),
    Op(
        "conv2d",
        F.conv2d,
        TF.conv2d,
        conv_case(2),
        wrong=[
            shapes((8, 28, 28, 3), (16, 3, 3, 3)),
            shapes((2, 3, 2, 2), (4, 3, 3, 3)),
            shapes((3, 5, 5), (4, 3, 3, 3)),
            shapes((1, 3, 5, 5), (4, 3, 3, 3), (3,)),
        ],
        extreme=True,
    ),
    Op(
        "conv_transpose2d",
        F.conv_transpose2d,
        TF.conv_transpose2d,
        conv_case(2, True),
        wrong=[shapes((2, 3, 5, 5), (4, 2, 3, 3))],
    ),
    Op(
        "max_pool2d",
        F.max_pool2d,
        TF.max_pool2d,
        pool_case(False),
        wrong=[
            Case([np.ones((2, 3, 4))], (), {"kernel_size": 2}),
            Case([np.ones((1, 2, 3, 3))], (), {"kernel_size": 4}),
        ],
        extreme=True,
    ),
    Op(
        "avg_pool2d",
        F.avg_pool2d,
        TF.avg_pool2d,
        pool_case(True),
        wrong=[Case([np.ones((2, 3, 4))], (), {"kernel_size": 2})],
        extreme=True,
    ),
    Op(
        "adaptive_avg_pool2d",
        F.adaptive_avg_pool2d,
        TF.adaptive_avg_pool2d,
        adaptive_case,
        wrong=[Case([np.ones((2, 3))], (), {"output_size": 1})],
    ),
    Op(
        "adaptive_max_pool2d",
        F.adaptive_max_pool2d,
        TF.adaptive_max_pool2d,
        adaptive_case,
        wrong=[Case([np.ones((2, 3))], (), {"output_size": 1})],
    ),
    Op(
        "layer_norm",
        named(F.layer_norm, "weight", "bias"),
        named(TF.layer_norm, "weight", "bias"),
        layer_norm_case(2),
        wrong=[Case([np.ones((2, 3))], (), {"normalized_shape": (4,)})],
        extreme=True,
    ),
    Op(
        "layer_norm, plain",
        F.layer_norm,
        TF.layer_norm,
        layer_norm_case(0),
        extreme=True,
    ),
    Op(
        "rms_norm",
        named(F.rms_norm, "weight"),
        named(TF.rms_norm, "weight"),
        layer_norm_case(1),
        wrong=[Case([np.ones((2, 3))], (), {"normalized_shape": (4,)})],
        extreme=True,
    ),
    Op(
        "batch_norm",
        batch_norm(F),
        batch_norm(TF),
        batch_norm_case(True),
        None,
        wrong=[Case([np.ones((2, 3)), np.ones(4), np.ones(4)], (), {"training": True})],
        extreme=True,
    ),
    Op("batch_norm, evaluation", batch_norm(F), batch_norm(TF), batch_norm_case(False)),
    Op(
        "group_norm",
        named(F.group_norm, "weight", "bias"),
        named(TF.group_norm, "weight", "bias"),
        group_norm_case,
        wrong=[Case([np.ones((2, 3, 4))], (), {"num_groups": 2})],
        extreme=True,
    ),
    Op(
        "rnn_tanh",
        sequence(recurrent.rnn_tanh, 1),
        sequence(torch.rnn_tanh, 1),
        sequence_case(1),
        None,
    ),
    Op(
        "rnn_relu",
        sequence(recurrent.rnn_relu, 1),
        sequence(torch.rnn_relu, 1),
        sequence_case(1),
        None,
    ),
    Op("gru", sequence(gated.gru, 1), sequence(torch.gru, 1), sequence_case(3), None, extreme=True),
    Op(
        "lstm",
        sequence(gated.lstm, 2),
        sequence(torch.lstm, 2),
        sequence_case(4),
        None,
        extreme=True,
    ),
    Op(
        "rnn_tanh_cell",
        recurrent.rnn_tanh_cell,
        torch.rnn_tanh_cell,
        cell_case(1),
        (0, 1),
        extreme=True,
    ),
    Op("rnn_relu_cell", recurrent.rnn_relu_cell, torch.rnn_relu_cell, cell_case(1), (0, 1)),
    Op("gru_cell", gated.gru_cell, torch.gru_cell, cell_case(3), (0, 1), extreme=True),
    Op("lstm_cell", lstm_cell(gated), lstm_cell(torch), cell_case(4), (0, 1, 2), extreme=True),
    Op(
        "scaled_dot_product_attention",
        F.scaled_dot_product_attention,
        TF.scaled_dot_product_attention,
        attention_case("none"),
        (0, 1, 2),
        wrong=[
            shapes((2, 3, 4), (2, 5, 3), (2, 5, 4)),
            shapes((2, 3, 4), (2, 5, 4), (2, 6, 4)),
            shapes((1, 3, 4), (2, 5, 4), (2, 5, 4)),
        ],
        extreme=True,
    ),
    Op(
        "attention, causal",
        F.scaled_dot_product_attention,
        TF.scaled_dot_product_attention,
        attention_case("causal"),
        (0, 1, 2),
        extreme=True,
    ),
    Op(
        "attention, boolean mask",
        F.scaled_dot_product_attention,
        TF.scaled_dot_product_attention,
        attention_case("boolean"),
        (0, 1, 2),
    ),
    Op(
        "attention, additive mask",
        F.scaled_dot_product_attention,
        TF.scaled_dot_product_attention,
        attention_case("additive"),
        None,
    ),
    Op(
        "self_attention",
        lambda x: attention.self_attention(x, 2),
        lambda x: _self_attention(x, 2),
        lambda rng: Case([some(rng, n(rng), n(rng), 12)]),
        wrong=[shapes((2, 3, 10))],
        extreme=True,
    ),
    Op(
        "rotary",
        attention.rotary,
        rotary_by_hand,
        lambda rng: Case([some(rng, n(rng), n(rng), 2 * n(rng))]),
        wrong=[shapes((2, 3))],
    ),
    Op(
        "kl_to_standard_normal",
        generative.kl_to_standard_normal,
        standard_normal_kl,
        lambda rng: Case([some(rng, 3, k := n(rng)), some(rng, 3, k)]),
        (0, 1),
        extreme=True,
    ),
]


def _self_attention(x: torch.Tensor, heads: int) -> torch.Tensor:
    batch, t, width = x.shape
    q, k, v = x.reshape(batch, t, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4)
    y = TF.scaled_dot_product_attention(q, k, v)
    return y.transpose(1, 2).reshape(batch, t, width // 3)
