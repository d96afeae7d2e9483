"""What PyTorch makes of the same numbers: gradients on the way, an optimizer's path, a whole training."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


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
