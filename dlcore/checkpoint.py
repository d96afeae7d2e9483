"""Checkpoints: arrays and plain data in one file that cannot run code when it is read.

The format is safetensors: a JSON header, then raw bytes. A pickle would be shorter to write, and
whoever hands it to you would decide what your computer does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dlcore.backend.device import to_numpy
from dlcore.errors import extra


def save_checkpoint(path: str | Path, arrays: Mapping[str, Any], plain: Mapping[str, Any]) -> None:
    """Write named arrays and anything that JSON can hold; the old file stays until the new one is whole.

    Raises OSError if it cannot be written (the old file is then untouched).
    """
    with extra("course"):
        from safetensors.numpy import save

    path = Path(path)
    whole = {name: np.asarray(to_numpy(array), order="C") for name, array in arrays.items()}
    header = {"plain": json.dumps(plain)}
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(save(whole, metadata=header))
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def load_checkpoint(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what ``save_checkpoint`` wrote: arrays and plain data.

    Raises FileNotFoundError, ValueError for a file that is damaged or something else.
    """
    with extra("course"):
        from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        plain = json.loads(header.get("plain", "{}"))  # of another library: weights alone
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path.name} is not a checkpoint, or is damaged; delete it to begin again"
        ) from error
    return arrays, plain


def save_model(model: Any, path: str | Path) -> None:
    """Write a model's ``state_dict``; the file can be read by every library that knows safetensors."""
    save_checkpoint(path, model.state_dict(), {})


def load_model(model: Any, path: str | Path) -> None:
    """Read weights written by ``save_model`` into a model built alike.  Raises KeyError, ValueError."""
    model.load_state_dict(load_checkpoint(path)[0])
