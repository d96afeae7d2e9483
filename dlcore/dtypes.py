"""What may stand where a tensor is meant, and in which dtype it is computed: the library's boundary.

Every public function takes tensors, arrays, numbers, lists of numbers, and whatever NumPy can make an
array from (a pandas column). What cannot be meant (None, a class, a function, text, a masked array) is refused by name.

Dtypes follow one rule, PyTorch's where it has one:

1. Lists become float32 (or integers); arrays keep their dtype.
2. Arithmetic on two arrays takes the wider floating dtype. Numbers, NumPy's too, and arrays without
   dimensions never widen one, nor do integers and booleans.
3. Where real numbers are needed, integers and booleans become float32.
4. A layer computes in the dtype of its weight, a loss in the dtype of its input, attention in that of its query.
5. What adds up many float16 numbers (sums, norms, softmax, losses) computes in float32.
6. A gradient has the dtype of the tensor that it belongs to.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

FLOAT = np.dtype(np.float32)  # what is not yet a floating-point number becomes one of these
_NUMBERS = bool, int, float


def as_array(op: str, x: Any) -> Any:
    """The array that ``x`` is, or can be made into.  Raises TypeError, ValueError."""
    if type(x) is not np.ndarray and not _elsewhere(x):
        known = hasattr(x, "dtype")  # a pandas column, a number of NumPy's
        x = _made(op, x)
        if not known and x.dtype == np.float64:
            x = x.astype(FLOAT)
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{op}: numbers are needed, not {x.dtype}")
    return x


def _elsewhere(x: Any) -> bool:
    """Whether it is an array on a device, such as CuPy's."""
    return hasattr(type(x), "__array_function__") and not isinstance(x, np.ndarray)


def _made(op: str, x: Any) -> np.ndarray:
    if isinstance(x, type):
        raise TypeError(
            f"{op}: a tensor is needed, not the class {x.__name__}\n"
            "  did you forget the parentheses that make an object of it?"
        )
    if x is None or isinstance(x, str | bytes | dict | set) or callable(x):
        what = f"the function {x.__name__}" if hasattr(x, "__name__") else _a(x)
        raise TypeError(f"{op}: a tensor is needed, not {what}")
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise TypeError(
            f"{op}: a masked array has entries without a value\n"
            "  fill them first, with x.filled(number), or choose rows that have none"
        )
    try:
        return np.asarray(x)
    except (ValueError, TypeError) as error:
        if isinstance(x, list | tuple):
            raise ValueError(
                f"{op}: this list cannot be made into an array: {error}\n"
                "  its rows must be of one length; to join tensors, use stack or cat"
            ) from None
        raise TypeError(f"{op}: a tensor is needed, not {_a(x)}: {error}") from None


def _a(x: Any) -> str:
    return "None" if x is None else f"{type(x).__name__} {str(x)[:40]!r}" if isinstance(x, str) else type(x).__name__  # fmt: skip


def promoted(op: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Both operands in the dtype of their result. Numbers stay numbers: NumPy fits them to an array."""
    x, y = _operand(op, x), _operand(op, y)
    if isinstance(x, _NUMBERS) and isinstance(y, _NUMBERS):
        return as_array(op, x), as_array(op, y)
    dtype = result_dtype(x, y)
    return _cast(x, dtype), _cast(y, dtype)


def _operand(op: str, x: Any) -> Any:
    if isinstance(x, np.generic) or (type(x) not in _NUMBERS and isinstance(x, _NUMBERS)):
        return x.item() if isinstance(x, np.generic) else x
    return x if isinstance(x, _NUMBERS) else as_array(op, x)


def _cast(x: Any, dtype: np.dtype) -> Any:
    return x if isinstance(x, _NUMBERS) or x.dtype == dtype else x.astype(dtype)


def result_dtype(*operands: Any) -> np.dtype:
    """The dtype of arithmetic on numbers and arrays, at least one of which is an array."""
    many = [x.dtype for x in operands if not isinstance(x, _NUMBERS) and x.ndim]
    single = [x.dtype for x in operands if not isinstance(x, _NUMBERS) and not x.ndim]
    found = _widest(many) if many else None
    for group in (single, [np.dtype(type(x)) for x in operands if isinstance(x, _NUMBERS)]):
        if group:
            other = _widest(group)
            if group is not single and other.kind == "f":
                other = FLOAT  # Python's numbers have no width of their own
            if found is None or _kind(other) > _kind(found):
                found = other
    assert found is not None
    return found


def _kind(dtype: np.dtype) -> int:
    return {"b": 0, "u": 1, "i": 1, "f": 2}[dtype.kind]


def _widest(dtypes: list[np.dtype]) -> np.dtype:
    top = max(map(_kind, dtypes))
    found, *others = [d for d in dtypes if _kind(d) == top]
    for other in others:
        found = np.promote_types(found, other)
    if top == 1 and found.kind == "f":  # NumPy has no integer for uint64 and int64
        return np.dtype(np.int64)
    return found


def wide(x: Any) -> Any:
    """What is added up must not overflow on the way: float16 as float32, all else as it is."""
    return x.astype(FLOAT) if x.dtype == np.float16 else x


def number(op: str, name: str, value: Any) -> float:
    """An option that is one number, as Python's: NumPy's float64 would make arrays wider."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{op}: {name} must be a number, not {_a(value)}") from None


def size(op: str, name: str, value: Any, least: int = 0) -> int:
    """An option that is a whole number, as Python's.  Raises TypeError, ValueError."""
    try:
        found = operator.index(value)
    except TypeError:
        raise TypeError(f"{op}: {name} must be a whole number, not {_a(value)}") from None
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{op}: {name} must be a whole number, not {value}")
    if found < least:
        raise ValueError(f"{op}: {name} must be at least {least}, not {found}")
    return found
