"""Modules from one library to the other, with their weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.errors import extra

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
