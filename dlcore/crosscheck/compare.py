"""Compare a NumPy function with PyTorch's: values, gradients, time; on a GPU if there is one."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlcore.backend.device import to_numpy
from dlcore.crosscheck.timing import clock, exact_float32, medians_ms
from dlcore.tensor import Tensor


@dataclass(frozen=True)
class Row:
    """One device: largest errors (NaN where not compared) and medians of the time in ms.

    Absolute errors, and relative ones: divided by the largest entry of PyTorch's result. Times
    are of the forward function, and of the backward too where there is one. ``ours`` says where your function
    really ran.
    """

    device: str
    ours: str
    forward: float
    backward: float
    forward_relative: float
    backward_relative: float
    ours_ms: float
    torch_ms: float


@dataclass(frozen=True)
class Report:
    """A table of rows, one a device; ``note`` says what could not be compared."""

    reference: str
    rows: list[Row] = field(default_factory=list)
    note: str = ""

    def __str__(self) -> str:
        lines = [f"against torch.{self.reference}"]
        if self.rows:
            lines.append(
                "device   yours on  forward error (relative)  backward error     yours ms  PyTorch ms"
            )
        for row in self.rows:
            errors = [
                "-" if np.isnan(e) else f"{e:.1e} ({r:.1e})"
                for e, r in (
                    (row.forward, row.forward_relative),
                    (row.backward, row.backward_relative),
                )
            ]
            lines.append(
                f"{row.device:<7}  {row.ours:<8}  {errors[0]:<24}  {errors[1]:<17}"
                f"  {row.ours_ms:>8.3f}  {row.torch_ms:>10.3f}"
            )
        return "\n".join([*lines, self.note] if self.note else lines)


def crosscheck(
    forward: Callable[..., Any],
    reference: str,
    *arrays: Any,
    backward: Callable[..., Any] | str | None = None,
    options: dict[str, Any] | None = None,
    call: Callable[..., Any] | None = None,
    repeat: int = 20,
) -> Report:
    """Compare ``forward(*arrays)`` with ``torch.<reference>(*arrays, **options)``, on a GPU too if there is one.

    ``backward(g, *arrays)`` returns the gradient with respect to the first array, or a tuple with
    one for each; it is compared with autograd's for a random ``g``. (Integers, such as class numbers,
    have no gradient and come last.) With ``backward="tape"``,
    ``forward`` is an operation of dlcore on tensors, called with the same options.

    Where PyTorch wants its arguments otherwise, or gives back more, ``call(reference, *tensors)`` says how.

    On a GPU your function is given CuPy's arrays; if it cannot take them, it runs on the CPU there.
    Never fails for want of PyTorch: the report's note says what is missing.

    >>> from dlcore import functional as F
    >>> print(crosscheck(F.softmax, "softmax", np.ones((2, 3)), backward="tape",
    ...     options={"dim": 1}))  # doctest: +ELLIPSIS
    against torch.softmax
    device   yours on  forward error (relative)  backward error     yours ms  PyTorch ms
    cpu      ...
    """
    try:
        import torch
    except ImportError:
        return Report(reference, note="PyTorch is not installed here, so nothing was compared.")

    target: Any = torch
    for name in reference.split("."):
        target = getattr(target, name)
    call = call or (lambda target, *tensors: target(*tensors, **(options or {})))
    mine = _on_tape(forward, options) if backward == "tape" else _by_hand(forward, backward)
    g = np.asarray(mine(None, *arrays)[0])
    g = np.random.default_rng(0).standard_normal(g.shape).astype(g.dtype)

    rows, notes = [], []
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        place, note = _place(device, mine, arrays, g)
        notes += note
        y, gradients = mine(place(g), *map(place, arrays))
        leaves = [
            torch.tensor(a, device=device, requires_grad=np.asarray(a).dtype.kind == "f")
            for a in arrays
        ]
        gt = torch.tensor(g, device=device)

        def theirs(leaves: Any = leaves, gt: Any = gt) -> Any:
            with torch.set_grad_enabled(backward is not None):
                out = call(target, *leaves)
            smooth = [leaf for leaf in leaves if leaf.requires_grad]
            return out, torch.autograd.grad(out, smooth, gt) if backward else ()

        there = [place(a) for a in (g, *arrays)]
        ours = lambda there=there: mine(*there)
        with exact_float32(torch):
            out, wanted = theirs()
            on_gpu = not isinstance(there[0], np.ndarray)
            clocks = clock(torch, device == "cuda"), clock(_cupy() if on_gpu else None, on_gpu)
            theirs_ms, ours_ms = medians_ms((theirs, ours), clocks, repeat)
        errors = _errors(y, out.detach())
        pairs = [_errors(m, w) for m, w in zip(gradients, wanted, strict=False)]
        back = tuple(max(e) for e in zip(*pairs, strict=True)) or (np.nan, np.nan)
        where = "cuda" if on_gpu else "cpu"
        rows.append(Row(device, where, errors[0], back[0], errors[1], back[1], ours_ms, theirs_ms))
    if len(rows) == 1:
        notes.append("No GPU was found, so this ran on the CPU alone.")
    return Report(reference, rows, "\n".join(notes))


Both = Callable[..., tuple[Any, tuple[Any, ...]]]  # (g or None, *arrays) -> output, gradients


def _by_hand(forward: Callable[..., Any], backward: Any) -> Both:
    def run(g: Any, *arrays: Any) -> tuple[Any, tuple[Any, ...]]:
        y = forward(*arrays)
        if backward is None or g is None:
            return y, ()
        found = backward(g, *arrays)
        return y, found if isinstance(found, tuple) else (found,)

    return run


def _on_tape(op: Callable[..., Any], options: dict[str, Any] | None) -> Both:
    def run(g: Any, *arrays: Any) -> tuple[Any, tuple[Any, ...]]:
        leaves = [Tensor(a, requires_grad=True) for a in arrays]
        y = op(*leaves, **(options or {}))
        if g is None:
            return y.data, ()
        y.backward(g)
        return y.data, tuple(None if x.grad is None else x.grad.data for x in leaves)

    return run


def _place(device: str, mine: Both, arrays: Any, g: Any) -> tuple[Callable[[Any], Any], list[str]]:
    """How to bring an array to the device, if the function can work there; else why it cannot."""
    if device == "cpu":
        return np.asarray, []
    try:
        cupy = _cupy()
        mine(cupy.asarray(g), *map(cupy.asarray, arrays))
        return cupy.asarray, []
    except Exception as error:  # the student's function may fail in any way
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        return np.asarray, [f"On the GPU yours ran on the CPU ({why})."]


def _cupy() -> Any:
    return importlib.import_module("cupy")


def _errors(mine: Any, theirs: Any) -> tuple[float, float]:
    """Largest absolute error, and the same relative to the largest entry."""
    a = to_numpy(mine)
    b = theirs.cpu().numpy()
    if a.shape != b.shape:
        raise ValueError(f"crosscheck: yours has shape {a.shape}, PyTorch's {b.shape}")
    error = float(np.abs(a - b).max(initial=0.0))
    return error, error / (float(np.abs(b).max(initial=0.0)) or 1.0)
