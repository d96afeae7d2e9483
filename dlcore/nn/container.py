"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dlcore.nn.module import Module


def must_be_module(op: str, x: Any) -> Module:
    """``x``.  Raises TypeError where a part would be left out without a word."""
    if isinstance(x, Module):
        return x
    if isinstance(x, type):
        what, mend = f"the class {x.__name__}", f"make an object of it: {x.__name__}(...)"
    elif isinstance(x, list | tuple):
        what, mend = f"a {type(x).__name__}", f"unpack it: {op}(*modules)"
    elif callable(x):
        what = f"the function {getattr(x, '__name__', x)}"
        mend = "use its module: nn.ReLU() for relu; or write a Module that calls it in forward"
    else:
        what, mend = "None" if x is None else type(x).__name__, "leave it out"
    raise TypeError(f"{op}: each part must be a module, not {what}\n  {mend}")


class ModuleList(Module):
    """A list of modules whose parameters are found."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        if isinstance(modules, Module):
            raise TypeError(f"{type(self).__name__}: a list of modules is needed: [module]")
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> ModuleList:
        """Add one at the end."""
        setattr(self, str(len(self)), must_be_module(type(self).__name__, module))
        return self

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: Any) -> Any:
        parts = list(self.children())
        if isinstance(index, slice):
            return (
                type(self)(*parts[index])
                if isinstance(self, Sequential)
                else ModuleList(parts[index])
            )
        return parts[index]


class Sequential(ModuleList):
    """One module after the other:  f_n(... f_2(f_1(x))).  Shapes: as the parts say."""

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input


class Residual(Module):
    """A shortcut past ``body``:  x + body(x), so that a gradient always has a way through.

    ``shortcut`` brings x to the shape of body(x) where that differs.
    Paper: He et al. (2016), Deep residual learning for image recognition, equations 1 and 2.
    """

    def __init__(self, body: Module, shortcut: Module | None = None) -> None:
        self.body = must_be_module("Residual", body)
        self.shortcut = None if shortcut is None else must_be_module("Residual", shortcut)

    def forward(self, input: Any) -> Any:
        return (input if self.shortcut is None else self.shortcut(input)) + self.body(input)
