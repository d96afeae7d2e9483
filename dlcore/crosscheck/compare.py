"""Compare a NumPy function with PyTorch's: values, gradients, time; on a GPU if there is one.

``torch_gradients`` has every gradient on the way, ``torch_trajectory`` where an optimizer goes,
``torch_training`` a whole training of the same network;
``from_torch`` and ``to_torch`` copy whole modules with their weights from one library to the other.
The only file of the library that imports torch, and only when one of these is called.
"""

from __future__ import annotations

import importlib
import inspect
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from dlcore.backend.device import to_numpy
from dlcore.errors import extra
from dlcore.tensor import Tensor


@dataclass(frozen=True)
class Row:
    """One device: largest errors (NaN where not compared) and medians of the time in ms.

    Absolute errors, and relative ones: divided by the largest entry of PyTorch's result. Times
    are of the forward function, and of the backward too where there is one.
    """

    device: str
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
                "device   forward error (relative)  backward error     yours ms  PyTorch ms"
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
                f"{row.device:<7}  {errors[0]:<24}  {errors[1]:<17}"
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
    device   forward error (relative)  backward error     yours ms  PyTorch ms
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

        def once(leaves: Any = leaves, gt: Any = gt, device: str = device) -> Any:
            with torch.set_grad_enabled(backward is not None):
                out = call(target, *leaves)
            smooth = [leaf for leaf in leaves if leaf.requires_grad]
            found = torch.autograd.grad(out, smooth, gt) if backward else ()
            if device == "cuda":
                torch.cuda.synchronize()
            return out, found

        out, wanted = once()
        forward_errors = _errors(y, out.detach())
        pairs = [_errors(m, w) for m, w in zip(gradients, wanted, strict=False)]
        backward_errors = tuple(max(e) for e in zip(*pairs, strict=True)) or (np.nan, np.nan)
        there = [place(a) for a in (g, *arrays)]
        ours_ms = _median_ms(lambda there=there: _finished(mine(*there)), repeat)  # type: ignore[misc]
        rows.append(
            Row(
                device,
                forward_errors[0],
                backward_errors[0],
                forward_errors[1],
                backward_errors[1],
                ours_ms,
                _median_ms(once, repeat),
            )
        )
    if len(rows) == 1:
        notes.append("No GPU was found, so this ran on the CPU alone.")
    return Report(reference, rows, "\n".join(notes))


def torch_gradients(forward: Callable[..., dict[str, Any]], **arrays: Any) -> dict[str, np.ndarray]:
    """PyTorch's gradient of every array that goes into ``forward``, and of every tensor on the way.

    ``forward(**tensors)`` returns the tensors on the way by name, the last of them a single number; it
    may use what your tensors and PyTorch's have in common. What the number does not depend on has
    zeros. Empty where PyTorch is not installed.

    >>> def forward(w):
    ...     y = w * w
    ...     return {"y": y, "loss": y.sum()}
    >>> torch_gradients(forward, w=np.array([1.0, 2.0]))
    {'w': array([2., 4.]), 'y': array([1., 1.]), 'loss': array(1.)}
    """
    try:
        import torch
    except ImportError:
        return {}
    tensors = {name: torch.tensor(a, requires_grad=True) for name, a in arrays.items()}
    way = forward(**tensors)
    for tensor in way.values():
        tensor.retain_grad()
    list(way.values())[-1].backward()
    return {
        name: (torch.zeros_like(tensor) if tensor.grad is None else tensor.grad).numpy()
        for name, tensor in (tensors | way).items()
    }


def torch_trajectory(
    optimizer: str, params: Any, gradients: Any, **settings: Any
) -> list[np.ndarray]:
    """Where an optimizer of PyTorch, such as "AdamW", takes ``params`` by these gradients.

    Shapes: params a list of arrays, gradients for every step a list like it -> a list like params.
    Empty where PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        return []
    leaves = [torch.tensor(p, requires_grad=True) for p in params]
    walker = getattr(torch.optim, optimizer)(leaves, **settings)
    for grads in gradients:
        for leaf, g in zip(leaves, grads, strict=True):
            leaf.grad = torch.tensor(g)
        walker.step()
    return [leaf.detach().numpy() for leaf in leaves]


class Training(NamedTuple):
    """What PyTorch made of a network: where it ran, the parameters, the loss of each step, the time."""

    device: str
    params: list[np.ndarray]
    losses: list[float]
    seconds: float


def torch_training(
    params: Any, x: Any, t: Any, batches: Any, optimizer: str = "AdamW", **settings: Any
) -> list[Training]:
    """Train a network of ReLUs in PyTorch, in float64, on the CPU and on a GPU if there is one.

    Shapes: params [w (M, D), b (M,), ...], x (N, D), t (N,) class numbers, batches the row numbers of each
    step. Empty where PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        return []
    done = []
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        leaves = [torch.tensor(p, device=device, requires_grad=True) for p in params]
        walker = getattr(torch.optim, optimizer)(leaves, **settings)
        inputs, targets = (torch.tensor(a, device=device) for a in (x, t))
        steps = [torch.tensor(rows, device=device) for rows in batches]
        losses, start = [], time.perf_counter()
        for rows in steps:
            h = inputs[rows]
            for i in range(0, len(leaves), 2):
                h = torch.nn.functional.linear(h if i == 0 else h.relu(), leaves[i], leaves[i + 1])
            loss = torch.nn.functional.cross_entropy(h, targets[rows])
            walker.zero_grad()
            loss.backward()
            walker.step()
            losses.append(loss.detach())
        numbers = [float(loss) for loss in losses]  # waits for the GPU
        took = time.perf_counter() - start
        done.append(Training(device, [p.detach().cpu().numpy() for p in leaves], numbers, took))
    return done


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
        cupy = importlib.import_module("cupy")
        mine(cupy.asarray(g), *map(cupy.asarray, arrays))
        return cupy.asarray, []
    except Exception as error:  # the student's function may fail in any way
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        return np.asarray, [f"On the GPU yours ran on the CPU ({why})."]


def _finished(result: Any) -> None:
    """Wait for a GPU: copying the last result back is what waits."""
    if hasattr(result[0], "get"):
        to_numpy(result[0].ravel()[:1])


def _errors(mine: Any, theirs: Any) -> tuple[float, float]:
    """Largest absolute error, and the same relative to the largest entry."""
    a = to_numpy(mine)
    b = theirs.cpu().numpy()
    if a.shape != b.shape:
        raise ValueError(f"crosscheck: yours has shape {a.shape}, PyTorch's {b.shape}")
    error = float(np.abs(a - b).max(initial=0.0))
    return error, error / (float(np.abs(b).max(initial=0.0)) or 1.0)


def _median_ms(f: Callable[[], Any], repeat: int) -> float:
    """Of so many calls, or of those that a second has room for: threads that wait for each other can be slow."""
    f()
    times: list[float] = []
    while len(times) < repeat and sum(times) < 1000:
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
    from dlcore import nn

    with extra("torch"):
        import torch
    ours = _convert(module, nn, torch.nn)
    state = {k: v.detach().cpu().numpy() for k, v in module.state_dict().items()}
    ours.to(next((v.dtype for v in state.values() if v.dtype.kind == "f"), np.float32))
    ours.load_state_dict(state)
    return ours.train(module.training)


def to_torch(module: Any) -> Any:
    """A PyTorch module like this one of dlcore, with copies of its weights.

    Raises TypeError for a layer that PyTorch does not have, or that you defined yourself.
    """
    from dlcore import nn

    with extra("torch"):
        import torch
    theirs = _convert(module, torch.nn, nn)
    state = {k: torch.tensor(v) for k, v in module.state_dict().items()}
    floats = [v.dtype for v in state.values() if v.is_floating_point()]
    theirs = theirs.to(floats[0]) if floats else theirs
    theirs.load_state_dict(state)
    return theirs.train(module.training)
