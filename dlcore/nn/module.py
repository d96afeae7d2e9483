"""Module: parameters, sub-modules and a forward. Never a backward: the tape has that.

Whatever an attribute holds decides what it is: a ``Parameter`` is learned, a ``Buffer`` is saved
but not learned, a ``Module`` is a part. There is no registration to remember.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from dlcore.backend.device import to_device
from dlcore.operands import as_tensor
from dlcore.tensor import Tensor


class Parameter(Tensor):
    """A tensor that an optimizer may change."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)


class Buffer(Tensor):
    """A tensor that belongs to the state but is not learned, such as a running mean."""

    __slots__ = ()


class Module:
    """A part of a model. Subclasses set attributes in ``__init__`` and define ``forward``.

    >>> from dlcore import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)  # 9 parameters
      (1): ReLU()
      (2): Linear(in_features=3, out_features=1, bias=True)  # 4 parameters
    )  # 13 parameters
    """

    training = True
    watch: Callable[[Module, Any], None] | None = None  # told of every output; see train.py

    def __setattr__(self, name: str, value: Any) -> None:
        """Raises TypeError where a parameter, a buffer or a part would be lost to a plain value."""
        before = vars(self).get(name)
        for kind in (Parameter, Buffer, Module):
            if isinstance(before, kind) and value is not None and not isinstance(value, kind):
                raise TypeError(
                    f"{type(self).__name__}.{name} is a {kind.__name__};"
                    f" it would be lost to a {type(value).__name__}\n"
                    f"  write nn.{kind.__name__}(...), or overwrite its numbers:"
                    f" with no_grad(): module.{name}[...] = value"
                )
        object.__setattr__(self, name, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes.  Raises NotImplementedError until a subclass says."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, x) yet")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        out = self.forward(*args, **kwargs)
        if Module.watch is not None:
            Module.watch(self, out)
        return out

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Direct parts, in the order in which they were set."""
        return ((k, v) for k, v in vars(self).items() if isinstance(v, Module))

    def children(self) -> Iterator[Module]:
        """Direct parts without their names."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module (named ""), its parts and theirs, each once."""
        seen: set[int] = set()
        stack = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            dot = f"{name}." if name else ""
            stack += [(dot + key, child) for key, child in module.named_children()][::-1]

    def modules(self) -> Iterator[Module]:
        """``named_modules`` without the names."""
        return (module for _, module in self.named_modules())

    def _check_hidden(self) -> None:
        """Raise a TypeError for what would not be learned, because nobody finds it."""
        for key, value in vars(self).items():
            name = f"{type(self).__name__}.{key}"
            parts = value.values() if isinstance(value, dict) else value
            if isinstance(value, list | tuple | dict) and any(
                isinstance(part, Module | Parameter) for part in parts
            ):
                raise TypeError(
                    f"{name}: parameters in a {type(value).__name__} are not found\n"
                    "  put modules into nn.ModuleList([...]), and each parameter into an attribute"
                )
            if type(value) is Tensor and value.requires_grad and value._vjp is None:
                raise TypeError(
                    f"{name}: a tensor that requires grad is learned only as a parameter\n"
                    "  write nn.Parameter(...) in place of tensor(..., requires_grad=True)"
                )

    def _named(self, kind: type[Tensor]) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for name, module in self.named_modules():
            module._check_hidden()
            for key, value in vars(module).items():
                if isinstance(value, kind) and id(value) not in seen:  # shared weights count once
                    seen.add(id(value))
                    yield f"{name}.{key}" if name else key, value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with its path: "encoder.0.weight"."""
        return self._named(Parameter)

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter once: what an optimizer wants."""
        return (p for _, p in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Every buffer once, with its path."""
        return self._named(Buffer)

    def train(self, mode: bool = True) -> Module:
        """Switch dropout and batch statistics on (or off), here and in all parts."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Switch dropout and batch statistics off."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters():
            p.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Freeze (False) or release all parameters."""
        for p in self.parameters():
            p.requires_grad = requires_grad
        return self

    def _map(self, change: Callable[[Any], Any]) -> Module:
        for kind in (Parameter, Buffer):
            for _, t in self._named(kind):
                t.data, t.grad = change(t.data), None
        return self

    def to(self, like: Any) -> Module:
        """Move to the dtype of ``like``, or to where it lives if it is an array (a CuPy one, say)."""
        if isinstance(like, type | np.dtype | str):
            dtype = np.dtype(like)
            if dtype.kind != "f":
                raise TypeError(f"to: weights are floating-point numbers, not {dtype}")
            return self._map(lambda a: a.astype(dtype) if a.dtype.kind == "f" else a)
        place = as_tensor("to", like).data
        return self._map(lambda a: to_device(a, place))

    def double(self) -> Module:
        """All floating-point state as float64."""
        return self.to(np.float64)

    def float(self) -> Module:
        """All floating-point state as float32."""
        return self.to(np.float32)

    def state_dict(self) -> dict[str, Any]:
        """Copies of all parameters and buffers by path, as arrays, under PyTorch's names."""
        found = {}
        for name, module in self.named_modules():
            for key, value in vars(module).items():
                if isinstance(value, Parameter | Buffer):
                    found[f"{name}.{key}" if name else key] = value.data.copy()
        return found

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Copy arrays (or tensors, PyTorch's too) into the parameters and buffers of those names.

        Raises KeyError that lists what is missing and what is unknown (unless not ``strict``),
        ValueError for a wrong shape. Nothing is changed if anything does not fit.
        """
        own = {
            f"{name}.{key}" if name else key: value
            for name, module in self.named_modules()
            for key, value in vars(module).items()
            if isinstance(value, Parameter | Buffer)
        }
        missing, unknown = own.keys() - state_dict.keys(), state_dict.keys() - own.keys()
        if strict and (missing or unknown):
            raise KeyError(
                f"load_state_dict: missing {sorted(missing)}, unknown {sorted(unknown)}\n"
                "  the model must be built as the one that was saved; or pass strict=False"
            )
        new = {}
        for name in own.keys() & state_dict.keys():
            value = state_dict[name]
            value = value.detach() if hasattr(value, "detach") else value
            value = to_device(as_tensor("load_state_dict", value).data, own[name].data)
            if value.shape != own[name].shape:
                raise ValueError(
                    f"load_state_dict: {name} is {value.shape}, the model has {own[name].shape}"
                )
            new[name] = value
        for name, value in new.items():
            own[name].data[...] = value
            own[name].changed()

    def extra_repr(self) -> str:
        """The constructor's arguments, as far as they are attributes."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        pairs = ((n, getattr(self, n)) for n in names if n in vars(self) and n != "rng")
        return ", ".join(
            f"{n}={v is not None if isinstance(v, Tensor) or (n == 'bias' and v is None) else v!r}"
            for n, v in pairs
            if not isinstance(v, Module)
        )

    def __repr__(self) -> str:
        count = sum(p.data.size for p in self.parameters())
        note = f"  # {count:,} parameters" if count else ""
        head, parts = f"{type(self).__name__}({self.extra_repr()}", list(self.named_children())
        if not parts:
            return f"{head}){note}"
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in parts]
        return "\n  ".join([head, *lines]) + f"\n){note}"
