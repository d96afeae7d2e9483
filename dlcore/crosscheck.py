"""Compare a NumPy function with PyTorch's: values, gradients, time; on a GPU if there is one.

The only file of the library that imports torch, and only when ``crosscheck`` is called.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One device: largest absolute errors (NaN where not compared) and medians of the time in ms."""

    device: str
    forward: float
    backward: float
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
            lines.append("device   forward error  backward error  yours (ms)  PyTorch (ms)")
        for row in self.rows:
            backward = "-" if np.isnan(row.backward) else f"{row.backward:.1e}"
            lines.append(
                f"{row.device:<7}  {row.forward:>13.1e}  {backward:>14}  "
                f"{row.ours_ms:>10.3f}  {row.torch_ms:>12.3f}"
            )
        return "\n".join([*lines, self.note] if self.note else lines)


def crosscheck(
    forward: Callable[..., Any],
    reference: str,
    *arrays: Any,
    backward: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    repeat: int = 20,
) -> Report:
    """Compare ``forward(*arrays)`` with ``torch.<reference>(*arrays, **options)``.

    ``backward(g, *arrays)`` returns the gradient with respect to the first array, or a tuple with
    one for each; it is compared with autograd's for a random ``g``. Errors are the largest absolute
    difference. Times are medians over ``repeat`` calls of the forward function.

    Never fails for want of PyTorch: the report's note says what is missing.
    """
    try:
        import torch
    except ImportError:
        return Report(reference, note="PyTorch is not installed here, so nothing was compared.")

    target: Any = torch
    for name in reference.split("."):
        target = getattr(target, name)
    call = lambda *tensors: target(*tensors, **(options or {}))

    y = np.asarray(forward(*arrays))
    g = np.random.default_rng(0).standard_normal(y.shape).astype(y.dtype)
    mine = None if backward is None else backward(g, *arrays)
    gradients = mine if isinstance(mine, tuple) else (mine,)
    ours_ms = _median_ms(lambda: forward(*arrays), repeat)

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    rows = []
    for device in devices:
        leaves = [torch.tensor(a, device=device, requires_grad=True) for a in arrays]
        out = call(*leaves)
        forward_error = _error(y, out.detach().cpu().numpy())
        backward_error = float("nan")
        if backward is not None:
            out.backward(torch.tensor(g, device=device))
            pairs = zip(gradients, leaves, strict=False)
            backward_error = max(_error(m, _gradient(leaf)) for m, leaf in pairs)

        def once(leaves: list[Any] = leaves, device: str = device) -> None:
            with torch.no_grad():
                call(*leaves)
            if device == "cuda":
                torch.cuda.synchronize()

        torch_ms = _median_ms(once, repeat)
        rows.append(Row(device, forward_error, backward_error, ours_ms, torch_ms))
    note = "" if len(devices) > 1 else "No GPU was found, so this ran on the CPU alone."
    return Report(reference, rows, note)


def _gradient(leaf: Any) -> Any:
    return leaf.grad.cpu().numpy()


def _error(a: Any, b: Any) -> float:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"crosscheck: yours has shape {a.shape}, PyTorch's {b.shape}")
    return float(np.abs(a - b).max(initial=0.0))


def _median_ms(f: Callable[[], Any], repeat: int) -> float:
    f()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        f()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)
