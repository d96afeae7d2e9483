"""Find out whether a function leans on a library that would do its work.

Reads the compiled code of the function, and of the functions of the notebook that it calls,
without running it. It keeps honest people honest; keeping others out is the sandbox's work.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np


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
        for member in (*thing.__mro__[1:], *vars(thing).values()):
            yield from _used(member, seen)
    elif isinstance(thing, types.FunctionType) and not _in_package(thing.__module__):
        scope = thing.__globals__ | _closed_over(thing)
        for code in _codes(thing.__code__):
            yield from _names(code, scope, seen)
        for value in (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()):
            yield from _used(value, seen)
    elif isinstance(thing, list | tuple | set | dict):
        for item in islice(thing.values() if isinstance(thing, dict) else thing, 100):
            yield from _used(item, seen)
    elif isinstance(thing, functools.partial):
        yield from _used((thing.func, *thing.args), seen)
    elif isinstance(thing, types.MethodType):
        yield from _used((thing.__self__, thing.__func__), seen)
    elif callable(thing) and (modules := _homes(thing)):
        name = getattr(thing, "__qualname__", getattr(thing, "__name__", ""))
        for module in modules:
            yield f"{module}.{name}" if isinstance(name, str) else module
    else:  # an object of a library's class
        yield f"{type(thing).__module__}.{type(thing).__qualname__}"


def _closed_over(function: types.FunctionType) -> dict[str, Any]:
    """What the function has of the functions around it."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        with contextlib.suppress(ValueError):  # nothing in it yet
            found[name] = cell.cell_contents
    return found


def _homes(thing: Any) -> list[str]:
    """The module that a callable is from. A ufunc does not know: those in which it stands, or NumPy, whose functions
    stand in other libraries too."""
    if (module := getattr(thing, "__module__", None)) and not isinstance(thing, np.ufunc):
        return [str(module)]
    name = getattr(thing, "__name__", "")
    there = [
        module
        for module, found in list(sys.modules.items())
        if isinstance(found, types.ModuleType) and vars(found).get(name) is thing
    ]
    return ["numpy"] if any(module.startswith("numpy") for module in there) else there


def _in_package(module: str | None) -> bool:
    return bool(module) and str(module).split(".")[0] in {
        "autograder",
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
