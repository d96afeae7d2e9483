"""Find out whether a function leans on a library that would do its work.

Reads the compiled code of the function, and of the functions of the notebook that it calls,
without running it. It keeps honest people honest; keeping others out is the sandbox's work.
"""

from __future__ import annotations

import dis
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any


def forbidden_name(student: Any, forbidden: Sequence[str]) -> str | None:
    """The first forbidden dotted name that ``student`` uses, or None."""
    for used in _used(student, seen=set()):
        if any(used == name or used.startswith(name + ".") for name in forbidden):
            return used
    return None


def _used(thing: Any, seen: set[int]) -> Iterator[str]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, types.ModuleType):
        yield thing.__name__
    elif isinstance(thing, type) and thing.__module__ == "__main__":
        for member in vars(thing).values():
            yield from _used(member, seen)
    elif isinstance(thing, types.FunctionType) and not _in_package(thing.__module__):
        for code in _codes(thing.__code__):
            yield from _names(code, thing.__globals__, seen)
    elif callable(thing) and (module := getattr(thing, "__module__", None)):
        name = getattr(thing, "__qualname__", "")
        yield f"{module}.{name}" if isinstance(name, str) else str(module)


def _in_package(module: str | None) -> bool:
    return bool(module) and str(module).split(".")[0] in {
        "dlcore",
        "torch",
        "numpy",
        "scipy",
    }


def _module(name: str) -> types.ModuleType | None:
    """The module called ``name``, if it is loaded or ours to load."""
    if name.split(".")[0] == "dlcore" and importlib.util.find_spec(name):
        return importlib.import_module(name)
    return sys.modules.get(name)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _names(code: types.CodeType, scope: dict[str, Any], seen: set[int]) -> Iterator[str]:
    """The dotted names in one code object: imports, and modules with the attributes read off them."""
    local: dict[str, Any] = {}
    chain = imported = None
    for instruction in dis.get_instructions(code):
        name, op = instruction.argval, instruction.opname
        if op == "IMPORT_NAME":
            yield name
            chain = imported = _module(name)
        elif op == "IMPORT_FROM":
            chain = getattr(imported, name, None)
        elif op.startswith("STORE_FAST"):
            local[name], chain = chain, None
            continue
        elif op.startswith("LOAD_FAST"):
            chain = local.get(name)
        elif op in {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"}:
            chain = local.get(name) or scope.get(name)
        elif op in {"LOAD_ATTR", "LOAD_METHOD"} and isinstance(chain, types.ModuleType):
            chain = getattr(chain, name, None)
        elif op not in {"PUSH_NULL", "CACHE", "PRECALL", "RESUME", "NOP"}:
            chain = None
        if chain is not None:
            yield from _used(chain, seen)
