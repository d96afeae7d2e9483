"""Compare a NumPy function with PyTorch's: values, gradients, time; on a GPU if there is one.

``from_torch`` and ``to_torch`` copy whole modules with their weights from one library to the other.
The only file of the library that imports torch, and only when one of these is called.
"""

from __future__ import annotations

import inspect
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


# constructor arguments that a module does not keep as an attribute of that name
_READ: dict[str, Callable[[Any], Any]] = {
    "dropout": lambda m: getattr(_layer(m).dropout, "p", _layer(m).dropout),
    "activation": lambda m: getattr(_layer(m).activation, "__name__", _layer(m).activation),
    "d_model": lambda m: _layer(m).self_attn.embed_dim,
    "nhead": lambda m: _layer(m).self_attn.num_heads,
    "dim_feedforward": lambda m: _layer(m).linear1.out_features,
    "layer_norm_eps": lambda m: _layer(m).norm1.eps,
    "norm_first": lambda m: _layer(m).norm_first,
    "encoder_layer": lambda m: m.layers[0],
    "decoder_layer": lambda m: m.layers[0],
    "batch_first": lambda m: getattr(_layer(m), "self_attn", m).batch_first,
    "num_encoder_layers": lambda m: m.encoder.num_layers,
    "num_decoder_layers": lambda m: m.decoder.num_layers,
}
_OWN = {"rng", "rotary"}  # arguments that PyTorch's layers do not have


def _layer(module: Any) -> Any:
    """A transformer's first layer, or the module itself."""
    return module.encoder.layers[0] if hasattr(module, "encoder") else module


def _has_bias(module: Any) -> bool:
    """Whether a layer was built with biases, wherever it keeps them."""
    module = _layer(module)
    module = module.linear1 if hasattr(module, "linear1") else module
    names = [n for n in ("bias", "bias_ih", "in_proj_bias") if hasattr(module, n)]
    value = getattr(module, names[0])
    return value if isinstance(value, bool) else value is not None


def _convert(module: Any, library: Any, other: Any) -> Any:
    """The same module built with the classes of ``library``; weights are not copied yet."""
    from dlcore import nn

    name = type(module).__name__
    cls = getattr(library, name, None)
    if cls is None or getattr(other, name, None) is not type(module):
        raise TypeError(
            f"{name} is not a layer that both libraries have\n"
            "  build it yourself, then copy weights with ours.load_state_dict(theirs.state_dict())"
        )
    if name in ("Sequential", "ModuleList"):
        parts = [_convert(child, library, other) for child in module.children()]
        return cls(*parts) if name == "Sequential" else cls(parts)
    found = {}
    for key in inspect.signature(getattr(nn, name)).parameters:
        if key == "bias":
            found[key] = _has_bias(module)
        elif key not in _OWN and (key in _READ or hasattr(module, key)):
            value = _READ[key](module) if key in _READ else getattr(module, key)
            is_layer = hasattr(value, "state_dict")
            found[key] = _convert(value, library, other) if is_layer else value
    return cls(**found)


def from_torch(module: Any) -> Any:
    """A dlcore module like this one of PyTorch, with copies of its weights.

    Raises TypeError for a layer that dlcore does not have, or that you defined yourself.
    """
    import torch

    from dlcore import nn

    ours = _convert(module, nn, torch.nn)
    state = {k: v.detach().cpu().numpy() for k, v in module.state_dict().items()}
    ours.to(next((v.dtype for v in state.values() if v.dtype.kind == "f"), np.float32))
    ours.load_state_dict(state)
    return ours.train(module.training)


def to_torch(module: Any) -> Any:
    """A PyTorch module like this one of dlcore, with copies of its weights.

    Raises TypeError for a layer that PyTorch does not have, or that you defined yourself.
    """
    import torch

    from dlcore import nn

    theirs = _convert(module, torch.nn, nn)
    state = {k: torch.tensor(v) for k, v in module.state_dict().items()}
    if state:
        floats = [v.dtype for v in state.values() if v.is_floating_point()]
        theirs = theirs.to(floats[0]) if floats else theirs
    theirs.load_state_dict(state)
    return theirs.train(module.training)
