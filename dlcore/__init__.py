"""Deep learning from scratch, in NumPy, in the order in which the course teaches it.

    neuron        one unit, by hand: weighted sum, layer, perceptron           lesson 01
    activations   ReLU, sigmoid, tanh, GELU, softmax: kernels and tape nodes   lesson 02
    tensor        Tensor and the tape that remembers how it was made           lesson 05
    ops           arithmetic, matmul, reductions, with their derivatives       lesson 05
    data          data sets that need no download                              lesson 07

Around the lessons: ``functional`` gathers every function under PyTorch's names,
``crosscheck`` compares yours with PyTorch, ``plot`` draws, ``explore`` holds the
widgets. Beyond the tensor itself, names load on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

# at once, because the function ``tensor`` must win over the file of that name
from dlcore import ops, reductions, shaping  # noqa: F401
from dlcore.memory import keep_freed_memory
from dlcore.tensor import Tensor as Tensor
from dlcore.tensor import tensor as tensor

keep_freed_memory()

_HOME = {
    "no_grad": "tensor",
    "relu": "activations",
    "sigmoid": "activations",
    "tanh": "activations",
    "softmax": "activations",
    "Perceptron": "neuron",
}
_MODULES = [
    "neuron",
    "activations",
    "tensor",
    "ops",
    "data",
    "functional",
    "nn",
    "crosscheck",
    "plot",
    "explore",
    "errors",
]

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"dlcore.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"dlcore.{name}")
    else:
        raise AttributeError(f"module 'dlcore' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
