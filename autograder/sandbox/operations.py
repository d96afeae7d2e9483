"""What the grader may do with a thing in the sandbox: one table, which both ends know."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from typing import Any

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
# as the module ``operator`` calls them; each has a reflected twin, "radd" and so on
ARITHMETIC = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor",
)  # fmt: skip
SIGNS = ("neg", "pos", "abs")

OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda f, /, *args, **kwargs: f(*args, **kwargs),
    "getattr": getattr,
    "setattr": setattr,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "contains": operator.contains,
    "len": len,
    "iter": iter,
    "next": lambda x: (True, next(x)),
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "repr": repr,
    "isinstance": isinstance,
    "issubclass": issubclass,
    "enter": lambda x: x.__enter__(),
    "exit": lambda x: x.__exit__(None, None, None),
    "deepcopy": copy.deepcopy,
}


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: function(b, a)


for _name in (*COMPARISONS, *ARITHMETIC, *SIGNS):
    OPERATIONS[_name] = getattr(operator, _name)
for _name in ARITHMETIC:
    OPERATIONS["r" + _name] = _reflected(OPERATIONS[_name])
