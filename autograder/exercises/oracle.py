"""The library that an oracle is handed: PyTorch when grading, dlcore in a notebook.

Both answer to the names that oracles use (``tensor``, ``softmax``, ``nn.functional`` ...),
so one oracle serves both and a check in a notebook costs no import of torch.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any

import numpy as np


def load_library(name: str) -> ModuleType:
    """Import "torch" or "dlcore"; falls back to dlcore where torch is not installed."""
    if name == "torch" and importlib.util.find_spec("torch") is None:
        name = "dlcore"
    return importlib.import_module(name)


def to_plain(value: Any) -> Any:
    """Arrays for tensors, all the way down through tuples and lists of tensors."""
    if isinstance(value, tuple):
        return tuple(to_plain(item) for item in value)
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    return np.asarray(value)
