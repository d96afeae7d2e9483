"""The one table of ops: every op with its PyTorch twin and a generator of cases.

The battery in test_ops.py and the GPU test run over it; a new op is tested by being listed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as TF

import dlcore.functional as F
from dlcore import attention, generative, ops, positions, recurrent, reductions, shaping
from tests.dlcore.cases import (
    Case,
    Rng,
    adaptive_case,
    any_shape,
    apart,
    attention_case,
    batch_norm_case,
    bce_case,
    broadcasting,
    cat_case,
    cell_case,
    classes_case,
    conv_case,
    group_norm_case,
    index_case,
    kl_case,
    layer_norm_case,
    layer_of,
    linear_case,
    log_probabilities,
    many_channels_case,
    matmul_case,
    n,
    no_dim,
    off_zero,
    pad_case,
    pool_case,
    reduction,
    residual_case,
    same_shape,
    sequence_case,
    shapes,
    soft_target_case,
    some,
    step_of,
    unary,
    where_case,
)


@dataclass(frozen=True)
class Op:
    name: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    draw: Callable[[Rng], Case]
    # arrays and constants, by number, whose first axis is the batch; None: nothing is a batch
    batch: Sequence[int] | None = (0,)
    _: KW_ONLY
    extreme: bool = False  # must be finite and silent for inputs up to 1e4
    corners: bool = False  # ties and corners have PyTorch's gradient
    slope: bool = True  # the gradient is the derivative, and not something else on purpose
    # each must raise a ShapeError that names the op
    wrong: Sequence[Case] = field(default=(), repr=False)


def get(x: Any, index: Any) -> Any:
    if isinstance(x, torch.Tensor):
        as_torch = lambda i: torch.tensor(i) if isinstance(i, np.ndarray) else i
        index = tuple(map(as_torch, index)) if isinstance(index, tuple) else as_torch(index)
    return x[index]


def batch_norm(library: Any) -> Any:
    def run(x: Any, w: Any, b: Any, *running: Any, training: bool) -> Any:
        mean, var = running or (None, None)
        return library.batch_norm(x, mean, var, w, b, training)

    return run


def sequence(f: Callable[..., Any], states: int) -> Any:
    """All results of a recurrent function in one vector, so that every one is differentiated."""

    def run(x: Any, *rest: Any, layers: int, both: bool, biases: bool, first: bool) -> Any:
        hx = rest[0] if states == 1 else rest[:2]
        out = f(x, hx, rest[states:], biases, layers, 0.0, True, both, first)
        join = torch.cat if isinstance(x, torch.Tensor) else shaping.cat
        return join([part.reshape((-1,)) for part in out])

    return run


def lstm_cell(library: Any) -> Any:
    def run(x: Any, h: Any, c: Any, *w: Any) -> Any:
        join = torch.cat if library is torch else shaping.cat
        return join(list(library.lstm_cell(x, (h, c), *w)), 1)

    return run


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


def self_attention_by_hand(x: torch.Tensor, heads: int) -> torch.Tensor:
    batch, t, width = x.shape
    q, k, v = x.reshape(batch, t, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4)
    y = TF.scaled_dot_product_attention(q, k, v)
    return y.transpose(1, 2).reshape(batch, t, width // 3)


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
    Op("maximum", ops.maximum, torch.maximum, broadcasting(), None, wrong=bad_pair, corners=True),
    Op("minimum", ops.minimum, torch.minimum, broadcasting(), None, wrong=bad_pair, corners=True),
    Op(
        "where",
        lambda a, b, c: ops.where(c, a, b),
        lambda a, b, c: torch.where(c, a, b),
        where_case,
        None,
        wrong=[Case([np.ones((2, 3)), np.ones((4, 3))], (np.ones((2, 3), bool),))],
    ),
    Op("neg", ops.neg, torch.neg, unary()),
    Op("exp", ops.exp, torch.exp, unary()),
    Op("log", ops.log, torch.log, unary(positive)),
    Op("sqrt", ops.sqrt, torch.sqrt, unary(positive)),
    Op("abs", ops.abs, torch.abs, unary(off_zero), extreme=True, corners=True),
    Op(
        "clip",
        ops.clip,
        torch.clip,
        unary(off_zero, min=-0.1, max=0.15),
        extreme=True,
        corners=True,
    ),
    Op("matmul", ops.matmul, torch.matmul, matmul_case, None, wrong=bad_pair),
    Op("sum", reductions.sum, torch.sum, unary()),
    Op(
        "sum over axes",
        reductions.sum,
        torch.sum,
        reduction(),
        wrong=no_dim(dim=2) + no_dim(dim=(0, -3)) + no_dim(dim=(1, -1)),
    ),
    Op("mean", reductions.mean, torch.mean, unary(), None),
    Op(
        "mean over axes",
        reductions.mean,
        torch.mean,
        reduction(),
        None,
        wrong=no_dim(dim=2) + no_dim(dim=(0, 0)),
    ),
    Op("var", reductions.var, torch.var, reduction(), None, wrong=no_dim(dim=-3)),
    Op("var of everything", reductions.var, torch.var, unary(correction=0), None),
    Op(
        "amax",
        reductions.amax,
        torch.amax,
        reduction(True),
        None,
        wrong=no_dim(dim=2),
        corners=True,
    ),
    Op(
        "amin",
        reductions.amin,
        torch.amin,
        reduction(True),
        None,
        wrong=no_dim(dim=2),
        corners=True,
    ),
    Op(
        "max along an axis",
        lambda x, **o: reductions.max(x, **o).values,
        lambda x, **o: torch.max(x, **o).values,
        reduction(True, False),
        None,
        wrong=no_dim(dim=2),
        corners=True,
    ),
    Op(
        "min along an axis",
        lambda x, **o: reductions.min(x, **o).values,
        lambda x, **o: torch.min(x, **o).values,
        reduction(True, False),
        None,
        wrong=no_dim(dim=-3),
        corners=True,
    ),
    Op(
        "reshape",
        lambda x, shape: shaping.reshape(x, *shape),
        lambda x, shape: x.reshape(*shape),
        unary(shape=(-1, 1)),
        None,
        wrong=no_dim(shape=(4, 2)),
    ),
    Op(
        "flatten",
        shaping.flatten,
        torch.flatten,
        unary(),
        None,
        wrong=[
            *no_dim(start_dim=2, end_dim=-3),
            Case([np.ones((2, 3))], (), {"start_dim": 1, "end_dim": 0}),
        ],
    ),
    Op(
        "swapaxes",
        shaping.swapaxes,
        torch.swapaxes,
        unary(axis0=0, axis1=-1),
        wrong=[Case([np.ones((2, 3))], (), {"axis0": 0, "axis1": 2})],
    ),
    Op(
        "permute",
        lambda x: shaping.permute(x, 2, 0, 1),
        lambda x: x.permute(2, 0, 1),
        lambda rng: Case([some(rng, n(rng), n(rng), n(rng))]),
        wrong=[shapes((2, 3))],
    ),
    Op("T", lambda x: x.T, lambda x: x.permute(*range(x.ndim)[::-1]), unary()),
    Op("squeeze", shaping.squeeze, torch.squeeze, unary(), None, wrong=no_dim(dim=2)),
    Op(
        "unsqueeze",
        shaping.unsqueeze,
        torch.unsqueeze,
        unary(dim=-1),
        wrong=no_dim(dim=3) + no_dim(dim=-4),
    ),
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
        wrong=[shapes((3,))],
    ),
    Op(
        "flip",
        shaping.flip,
        torch.flip,
        unary(dims=(0,)),
        wrong=no_dim(dims=2) + no_dim(dims=(0, 0)),
    ),
    Op(
        "pad",
        F.pad,
        TF.pad,
        pad_case,
        wrong=no_dim(pad=(1,)) + no_dim(pad=(1, -1)) + no_dim(pad=(1, 1, 1, 1, 1, 1)),
    ),
    Op("x[...]", get, get, index_case, None, wrong=no_dim(index=2) + no_dim(index=(0, 0, 0))),
    Op(
        "linear",
        F.linear,
        TF.linear,
        linear_case,
        wrong=[shapes((2, 3), (4, 5)), shapes((2, 3), (4, 3), (5,))],
    ),
    Op("relu", F.relu, TF.relu, unary(relus), extreme=True, corners=True),
    Op(
        "leaky_relu",
        F.leaky_relu,
        TF.leaky_relu,
        unary(relus, negative_slope=0.2),
        extreme=True,
        corners=True,
    ),
    Op("elu", F.elu, TF.elu, unary(relus, alpha=1.3), extreme=True, corners=True),
    Op("selu", F.selu, TF.selu, unary(relus), extreme=True, corners=True),
    Op("gelu", F.gelu, TF.gelu, unary(), extreme=True),
    Op("gelu, tanh form", F.gelu, TF.gelu, unary(approximate="tanh"), extreme=True),
    Op("silu", F.silu, TF.silu, unary(), extreme=True),
    Op("softplus", F.softplus, TF.softplus, unary(beta=2.0), extreme=True),
    Op("sigmoid", F.sigmoid, torch.sigmoid, unary(), extreme=True),
    Op("tanh", F.tanh, torch.tanh, unary(), extreme=True),
    Op(
        "hardtanh",
        F.hardtanh,
        TF.hardtanh,
        unary(relus, min_val=-0.1, max_val=0.15),
        extreme=True,
        corners=True,
    ),
    Op("softmax", F.softmax, torch.softmax, unary(dim=-1), extreme=True, wrong=no_dim(dim=2)),
    Op("softmax, first axis", F.softmax, torch.softmax, unary(dim=0), None, extreme=True),
    Op(
        "log_softmax",
        F.log_softmax,
        torch.log_softmax,
        unary(dim=-1),
        extreme=True,
        wrong=no_dim(dim=-3),
    ),
    Op(
        "logsumexp",
        F.logsumexp,
        torch.logsumexp,
        reduction(dims=False),
        None,
        extreme=True,
        wrong=no_dim(dim=2),
    ),
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
        corners=True,
    ),
    Op(
        "huber_loss",
        F.huber_loss,
        TF.huber_loss,
        residual_case(0.7, delta=0.7),
        None,
        wrong=[shapes((4, 1), (4,))],
        extreme=True,
        corners=True,
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
        extreme=True,
        wrong=[Case([np.ones((4, 1))], (np.ones(4),))],
    ),
    Op(
        "binary_cross_entropy_with_logits, pos_weight",
        with_pos_weight(F.binary_cross_entropy_with_logits),
        with_pos_weight(TF.binary_cross_entropy_with_logits),
        bce_case(True, pos_weight=True),
        None,
        wrong=[Case([np.ones((4, 3))], (np.ones((4, 3)), np.ones(4)))],
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
        extreme=True,
        wrong=[
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
        wrong=[Case([np.ones((4, 3))], (np.zeros(4, int), np.ones(4)))],
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
        wrong=[Case([np.ones(5)], (np.zeros(2, int),))],
    ),
    Op(
        "embedding, padding",
        lambda w, i: F.embedding(i, w, padding_idx=2),
        lambda w, i: TF.embedding(i, w, padding_idx=2),
        lambda rng: Case([some(rng, 5, 2)], (rng.integers(0, 5, any_shape(rng)),)),
        (1,),
        slope=False,
    ),
    Op(
        "conv1d",
        F.conv1d,
        TF.conv1d,
        conv_case(1),
        wrong=[
            shapes((2, 3, 5), (4, 2, 3)),
            shapes((2, 5, 3), (4, 3, 3)),
            shapes((2, 3), (4, 3, 3)),
            shapes((2, 3, 2), (4, 3, 3)),
            shapes((2, 3, 5), (4, 3, 3), (3,)),
        ],
    ),
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
    # (without slopes: it would measure those of 20,000 weights)
    Op("conv2d, many channels", F.conv2d, TF.conv2d, many_channels_case, slope=False, extreme=True),
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
        corners=True,
    ),
    Op(
        "max_pool2d, more places than a byte counts",
        F.max_pool2d,
        TF.max_pool2d,
        lambda rng: Case([apart(rng, n(rng), n(rng), 17, 18)], (), {"kernel_size": 17}),
        slope=False,  # of thousands of pixels
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
        corners=True,
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
        wrong=layer_of(1, 1),
    ),
    Op(
        "rnn_relu",
        sequence(recurrent.rnn_relu, 1),
        sequence(torch.rnn_relu, 1),
        sequence_case(1),
        None,
        wrong=layer_of(1, 1),
    ),
    Op(
        "gru",
        sequence(recurrent.gru, 1),
        sequence(torch.gru, 1),
        sequence_case(3),
        None,
        extreme=True,
        wrong=layer_of(3, 1),
    ),
    Op(
        "lstm",
        sequence(recurrent.lstm, 2),
        sequence(torch.lstm, 2),
        sequence_case(4),
        None,
        extreme=True,
        wrong=layer_of(4, 2),
    ),
    Op(
        "rnn_tanh_cell",
        recurrent.rnn_tanh_cell,
        torch.rnn_tanh_cell,
        cell_case(1),
        (0, 1),
        extreme=True,
        wrong=step_of(1, 1),
    ),
    Op(
        "rnn_relu_cell",
        recurrent.rnn_relu_cell,
        torch.rnn_relu_cell,
        cell_case(1),
        (0, 1),
        wrong=step_of(1, 1),
    ),
    Op(
        "gru_cell",
        recurrent.gru_cell,
        torch.gru_cell,
        cell_case(3),
        (0, 1),
        extreme=True,
        wrong=step_of(3, 1),
    ),
    Op(
        "lstm_cell",
        lstm_cell(recurrent),
        lstm_cell(torch),
        cell_case(4),
        (0, 1, 2),
        extreme=True,
        wrong=step_of(4, 2),
    ),
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
        "scaled_dot_product_attention, causal",
        F.scaled_dot_product_attention,
        TF.scaled_dot_product_attention,
        attention_case("causal"),
        (0, 1, 2),
        extreme=True,
    ),
    Op(
        "scaled_dot_product_attention, boolean mask",
        F.scaled_dot_product_attention,
        TF.scaled_dot_product_attention,
        attention_case("boolean"),
        (0, 1, 2),
        extreme=True,
    ),
    Op(
        "scaled_dot_product_attention, additive mask",
        F.scaled_dot_product_attention,
        TF.scaled_dot_product_attention,
        attention_case("additive"),
        None,
        extreme=True,
    ),
    Op(
        "self_attention",
        lambda x: attention.self_attention(x, 2),
        lambda x: self_attention_by_hand(x, 2),
        lambda rng: Case([some(rng, n(rng), n(rng), 12)]),
        wrong=[shapes((2, 3, 10))],
        extreme=True,
    ),
    Op(
        "rotary_embedding",
        positions.rotary_embedding,
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
        wrong=[shapes((2, 3), (3, 3))],
    ),
]
