"""Generators of cases: what an op of the table is fed with.

A case is a list of arrays that have gradients, constants that have none (class numbers, masks,
indices) and options. A generator takes a random generator and draws one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
        if rng.random() < 0.2:  # each channel by itself
            groups = c = m = n(rng, 2, 5)
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


def many_channels_case(rng: Rng) -> Case:
    """3 x 3 kernels on tiny images, with channels enough for Winograd's algorithm: it must know when not."""
    others = [{}, {}, {"stride": 2}, {"dilation": 2}, {"groups": 2}]
    other = others[n(rng, 0, len(others))]
    groups = other.get("groups", 1)
    c, m = n(rng, 48, 52), groups * n(rng, 48, 52)
    shape = n(rng, 1, 3), groups * c, n(rng, 5, 8), n(rng, 5, 8)
    arrays = [some(rng, *shape), some(rng, m, c, 3, 3), some(rng, m)]
    return Case(arrays[: 2 + (rng.random() < 0.7)], (), {"padding": n(rng, 0, 3), **other})


def pool_case(average: bool) -> Any:
    def draw(rng: Rng) -> Case:
        k = n(rng, 1, 4)
        options: dict[str, Any] = {"kernel_size": k, "ceil_mode": bool(rng.random() < 0.3)}
        if rng.random() < 0.7:
            options |= {"stride": n(rng, 1, 4), "padding": n(rng, 0, k // 2 + 1)}
        if not average and rng.random() < 0.5:  # windows may share pixels without overlapping
            options["dilation"] = n(rng, 2, 4)
        if average:
            options["count_include_pad"] = bool(rng.random() < 0.5)
        reach = options.get("dilation", 1) * (k - 1) + 1
        shape = n(rng, 1, 3), n(rng, 1, 3), reach + n(rng, 0, 4), reach + n(rng, 0, 4)
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


# ---- shapes that do not fit ----


def no_dim(**options: Any) -> list[Case]:
    """For a matrix: each option by itself, as a number or numbers of dimensions that do not fit."""
    return [Case([np.ones((2, 3))], (), {name: value}) for name, value in options.items()]


def sizes(case: Case, *changes: tuple[int, tuple[int, ...]]) -> list[Case]:
    """``case`` with one array at a time in another shape."""
    return [
        Case([np.ones(shape) if i == k else a for i, a in enumerate(case.arrays)], (), case.options)
        for k, shape in changes
    ]


def layer_of(gates: int, states: int) -> list[Case]:
    """T 2, N 3, D 4, H 5: each array once in a shape that does not fit."""
    rows, plain = gates * 5, {"layers": 1, "both": False, "biases": True, "first": False}
    state = [(1, 3, 5)] * states
    right = shapes((2, 3, 4), *state, (rows, 4), (rows, 5), (rows,), (rows,))
    wrong = [(0, (3, 4)), (0, (2, 3, 5)), (1, (1, 2, 5)), (1, (2, 3, 5))]
    wrong += [(states + 1, (rows + 1, 4)), (states + 2, (rows, 4)), (states + 4, (5 * rows,))]
    return sizes(Case(right.arrays, (), plain), *wrong)


def step_of(gates: int, states: int) -> list[Case]:
    """N 3, D 4, H 5: each array once in a shape that does not fit."""
    rows = gates * 5
    right = shapes((3, 4), *[(3, 5)] * states, (rows, 4), (rows, 5), (rows,), (rows,))
    wrong = [(0, (4,)), (0, (3, 5)), (1, (2, 5)), (states, (3, 4)), (states + 1, (rows + 1, 4))]
    return sizes(right, *wrong, (states + 2, (rows, 4)), (states + 3, (1, rows)))
