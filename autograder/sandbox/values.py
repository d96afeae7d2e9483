"""Plain data as JSON and .npy, both ways.

What is plain: None, bool, int, float, complex, str, bytes, list, tuple, dict, set, arrays and
scalars of NumPy, slices, ranges, fractions, decimals, dates, and random generators (by their
state). Subclasses become the plain thing. Everything else is handed to ``refer``, which may
give it a number that stands for it, or refuse.
"""

from __future__ import annotations

import builtins
import cmath
import datetime
import decimal
import fractions
import inspect
import io
import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib import format as npy

DEEPEST = 60
MOST_DIGITS = 10_000
MOST_NUMBERS = 100_000_000  # of a range
_BITS = {"PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"}
_KINDS = "?biufcSUMm"
_NOT_FINITE = {repr(x): x for x in (math.inf, -math.inf, math.nan)}
_TYPES = {int, float, complex, bool, str, bytes, list, tuple, dict, set, frozenset}


class NotPlain(Exception):
    """A value that cannot cross the pipe."""


class ForeignArray(np.ndarray):
    """A plain array that was of a subclass on the other side, called ``was`` there."""

    was: str = "ndarray"

    @property
    def _type_name(self) -> str:
        return self.was


Refer = Callable[[Any], Any]


def encode(value: Any, refer: Refer) -> tuple[Any, list[bytes]]:
    """JSON and blobs for ``value``. Raises NotPlain."""
    blobs: list[bytes] = []
    return _encode(value, refer, blobs, 0), blobs


def encode_into(value: Any, refer: Refer, blobs: list[bytes]) -> Any:
    """JSON for ``value``; its blobs are added to ``blobs``. Raises NotPlain."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    return _encode(value, refer, blobs, 0)


def encode_call(
    args: Iterable[Any], kwargs: Mapping[str, Any], refer: Refer
) -> tuple[dict[str, Any], list[bytes]]:
    """JSON and blobs for the arguments of a call. Raises NotPlain."""
    blobs: list[bytes] = []
    head = {
        "args": [encode_into(x, refer, blobs) for x in args],
        "kwargs": {k: encode_into(x, refer, blobs) for k, x in kwargs.items()},
    }
    return head, blobs


def decode_call(
    head: Mapping[str, Any], blobs: list[bytearray], resolve: Callable[[dict[str, Any]], Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that were encoded; what is missing is empty. Raises NotPlain."""
    args, kwargs = head.get("args"), head.get("kwargs")
    plain = [decode(x, blobs, resolve) for x in args] if isinstance(args, list) else []
    named = kwargs.items() if isinstance(kwargs, dict) else ()
    return plain, {k: decode(x, blobs, resolve) for k, x in named}


def _encode(v: Any, refer: Refer, blobs: list[bytes], depth: int) -> Any:
    kind = type(v)
    if v is None or kind is bool or kind is str:
        return v
    if kind is float:
        return v if v - v == 0.0 else {"nf": repr(v)}  # JSON has no infinities
    if kind is int:
        return v if -(2**63) <= v < 2**64 else {"i": hex(v)}
    if depth > DEEPEST:
        raise NotPlain(f"data nested more than {DEEPEST} deep")
    if kind is np.ndarray:
        return _array(v, refer, blobs, depth)
    if isinstance(v, np.generic):
        return _scalar(v, refer, blobs)
    if kind is list:
        if len(v) > 100 and (packed := _packed(v)) is not None:
            return {"lp": _blob(to_npy(packed), blobs)}
        return {"l": [_encode(x, refer, blobs, depth + 1) for x in v]}
    if kind is tuple:
        return {"t": [_encode(x, refer, blobs, depth + 1) for x in v]}
    if kind is dict:
        return {"d": [[_encode(k, refer, blobs, depth + 1), _encode(x, refer, blobs, depth + 1)] for k, x in v.items()]}  # fmt: skip
    if isinstance(v, np.ndarray):
        plain = {"a": _blob(to_npy(np.array(v, copy=True, subok=False)), blobs)}
        return plain | {"was": kind.__name__[:80]}
    return _encode_rare(v, refer, blobs, depth)


def _encode_rare(v: Any, refer: Refer, blobs: list[bytes], depth: int) -> Any:
    def inner(x: Any) -> Any:
        return _encode(x, refer, blobs, depth + 1)

    for plain in (int, float, str):  # subclasses: enumerations and the like
        if isinstance(v, plain):
            return inner(plain(v))
    match v:
        case complex():
            return {"c": [inner(v.real), inner(v.imag)]}
        case bytes() | bytearray():
            return {"b" if isinstance(v, bytes) else "ba": _blob(bytes(v), blobs)}
        case set() | frozenset():
            return {"s" if isinstance(v, set) else "fs": [inner(x) for x in v]}
        case list():
            return {"l": [inner(x) for x in v]}
        case tuple():
            return {"t": [inner(x) for x in v]}
        case dict():
            return {"d": [[inner(k), inner(x)] for k, x in v.items()]}
        case slice():
            return {"sl": [inner(v.start), inner(v.stop), inner(v.step)]}
        case range():
            return {"r": [inner(v.start), inner(v.stop), inner(v.step)]}
        case fractions.Fraction():
            return {"fr": [inner(v.numerator), inner(v.denominator)]}
        case decimal.Decimal():
            return {"de": str(v)}
        case datetime.datetime():
            return {"dt": v.isoformat()}
        case datetime.date():
            return {"da": v.isoformat()}
        case datetime.timedelta():
            return {"td": [v.days, v.seconds, v.microseconds]}
        case np.random.Generator():
            return {"rng": [type(v.bit_generator).__name__, inner(v.bit_generator.state)]}
        case np.dtype() if v.kind in _KINDS:
            return {"dy": v.str}
    if v is Ellipsis:
        return {"el": 0}
    return refer(v)


def _table() -> dict[str, Any]:
    """Types and functions of mathematics that both sides have, by name: nothing that could reach a file.

    Only what is loaded already, so that reading a name can import nothing.
    """
    found: dict[str, Any] = {t.__name__: t for t in _TYPES}
    found |= {k: v for k, v in vars(builtins).items() if _is_type(v, BaseException)}
    found = {f"builtins:{name}": thing for name, thing in found.items()}
    for module in (math, cmath):
        functions = {k: v for k, v in vars(module).items() if inspect.isbuiltin(v)}
        found |= {f"{module.__name__}:{name}": thing for name, thing in functions.items()}
    for name, thing in vars(np).items():
        if isinstance(thing, np.ufunc) or thing is np.ndarray or _is_type(thing, np.generic):
            found[f"numpy:{name}"] = thing
    for module in (np.exceptions, np.linalg):
        errors = {k: v for k, v in vars(module).items() if _is_type(v, Exception)}
        found |= {f"{module.__name__}:{name}": thing for name, thing in errors.items()}
    return found


def _is_type(thing: Any, base: type) -> bool:
    return isinstance(thing, type) and issubclass(thing, base)


_LIBRARY = _table()
_NAMES = {id(thing): name for name, thing in reversed(_LIBRARY.items())}


def library_name(v: Any) -> str | None:
    """ "module:name" of what stands in the table; None for anything else."""
    return _NAMES.get(id(v))


def find(name: str) -> Any:
    """What ``library_name`` named. Raises NotPlain for anything else."""
    if name not in _LIBRARY:
        raise NotPlain(f"the function {name[:100]}")
    return _LIBRARY[name]


def _array(v: np.ndarray, refer: Refer, blobs: list[bytes], depth: int) -> Any:
    if v.dtype.kind in _KINDS and v.dtype.itemsize:
        return {"a": _blob(to_npy(v), blobs)}
    if v.dtype.kind == "O":
        items = [_encode(x, refer, blobs, depth + 1) for x in v.ravel()]
        return {"o": items, "shape": list(v.shape)}
    return refer(v)


def _scalar(v: np.generic, refer: Refer, blobs: list[bytes]) -> Any:
    if v.dtype.kind in _KINDS and v.dtype.itemsize:
        return {"n": _blob(to_npy(np.asarray(v)), blobs)}
    return refer(v)


def _packed(v: list[Any]) -> np.ndarray | None:
    """A long list of floats, or of small integers, as an array."""
    kinds = set(map(type, v))
    if kinds == {float}:
        return np.array(v)
    if kinds == {int} and max(v) < 2**63 and min(v) >= -(2**63):
        return np.array(v, dtype=np.int64)
    return None


def _blob(data: bytes, blobs: list[bytes]) -> int:
    blobs.append(data)
    return len(blobs) - 1


def decode(data: Any, blobs: list[bytearray], resolve: Callable[[dict[str, Any]], Any]) -> Any:
    """The value that was encoded. What ``refer`` made goes to ``resolve``. Raises NotPlain."""
    if type(data) is not dict and type(data) is not list:
        return data
    try:
        return _decode(data, blobs, resolve, 0)
    except NotPlain:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, ArithmeticError, AttributeError, MemoryError) as error:  # fmt: skip
        raise NotPlain(f"a message that cannot be read: {type(error).__name__}") from None


def _decode(
    data: Any, blobs: list[bytearray], resolve: Callable[[dict[str, Any]], Any], depth: int
) -> Any:
    if not isinstance(data, dict):
        if isinstance(data, list):
            raise NotPlain("a bare list")
        return data
    if not data:
        raise NotPlain("an empty message")
    if depth > DEEPEST:
        raise NotPlain(f"data nested more than {DEEPEST} deep")

    def inner(x: Any) -> Any:
        return _decode(x, blobs, resolve, depth + 1)

    tag = next(iter(data))
    x = data[tag]
    match tag:
        case "a":
            array: Any = from_npy(blobs[x])
            if was := data.get("was"):
                array = array.view(ForeignArray)
                array.was = str(was)[:80]
            return array
        case "n":
            return from_npy(blobs[x])[()]
        case "l":
            return [inner(i) for i in x]
        case "lp":
            return from_npy(blobs[x]).tolist()
        case "t":
            return tuple(inner(i) for i in x)
        case "d":
            return {inner(k): inner(i) for k, i in x}
        case "nf":
            return _NOT_FINITE[x]
        case "i":
            return _integer(x)
        case "c":
            return complex(*map(inner, x))
        case "b":
            return bytes(blobs[x])
        case "ba":
            return bytearray(blobs[x])
        case "s":
            return {inner(i) for i in x}
        case "fs":
            return frozenset(inner(i) for i in x)
        case "sl":
            return slice(*map(inner, x))
        case "r":
            return _range(*map(inner, x))
        case "fr":
            return fractions.Fraction(*map(inner, x))
        case "de":
            return _decimal(x)
        case "dt":
            return datetime.datetime.fromisoformat(x)
        case "da":
            return datetime.date.fromisoformat(x)
        case "td":
            return datetime.timedelta(*x)
        case "dy":
            return _plain_dtype(x)
        case "el":
            return Ellipsis
        case "rng":
            return _generator(x[0], inner(x[1]))
        case "o":
            array = np.empty(len(x), dtype=object)
            for i, item in enumerate(x):
                array[i] = inner(item)
            return array.reshape(data["shape"])
    return resolve(data)


# What follows keeps sizes small with which C code would be busy for hours, deaf to any signal.


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise NotPlain(f"an integer of more than {MOST_DIGITS} digits")
    return int(text, 16)


def _decimal(text: str) -> decimal.Decimal:
    if len(text) > MOST_DIGITS:
        raise NotPlain(f"a number of more than {MOST_DIGITS} digits")
    number = decimal.Decimal(text)
    if number.is_finite() and abs(number.adjusted()) > MOST_DIGITS:
        raise NotPlain(f"a number of more than {MOST_DIGITS} digits")
    return number


def _range(start: int, stop: int, step: int) -> range:
    found = range(start, stop, step)
    if found[MOST_NUMBERS:]:
        raise NotPlain(f"a range of more than {MOST_NUMBERS} numbers")
    return found


def _generator(name: str, state: Any) -> np.random.Generator:
    """A random generator in a state that it could have come to by itself.

    NumPy believes what it is given: a position behind the end of the numbers kept reads what lies there.
    """
    if name not in _BITS:
        raise NotPlain("an unknown random generator")
    whole = {"has_uint32": (0, 1), "uinteger": (0, 2**32 - 1)}
    inner = state["state"]
    kept: dict[str, Any] = {"bit_generator": name}
    match name:
        case "MT19937":
            kept["state"] = {
                "key": _words(inner["key"], 624, np.uint32),
                "pos": _within(inner["pos"], 0, 624),
            }
            whole = {}
        case "Philox":
            words = {"counter": _words(inner["counter"], 4), "key": _words(inner["key"], 2)}
            kept |= {"state": words, "buffer": _words(state["buffer"], 4)}
            kept["buffer_pos"] = _within(state["buffer_pos"], 0, 4)
        case "SFC64":
            kept["state"] = {"state": _words(inner["state"], 4)}
        case _:
            odd = {"state": inner["state"], "inc": inner["inc"]}
            kept["state"] = {k: _within(v, 0, 2**128 - 1) for k, v in odd.items()}
    kept |= {k: _within(state[k], *ends) for k, ends in whole.items()}
    bits = getattr(np.random, name)(0)
    bits.state = kept
    return np.random.Generator(bits)


def _within(number: Any, least: int, most: int) -> int:
    if type(number) is not int or not least <= number <= most:
        raise NotPlain("a random generator in an impossible state")
    return number


def _words(found: Any, count: int, dtype: type = np.uint64) -> np.ndarray:
    words = np.asarray(found)
    if words.shape != (count,) or words.dtype != dtype:
        raise NotPlain("a random generator in an impossible state")
    return words.copy()


def _plain_dtype(text: str) -> np.dtype:
    dtype = np.dtype(text)
    if dtype.kind not in _KINDS or not dtype.itemsize:
        raise NotPlain(f"an array of {dtype}")
    return dtype


def to_npy(array: np.ndarray) -> bytes:
    """The bytes of an .npy file (version 1, without pickle)."""
    fortran = bool(array.flags.f_contiguous and not array.flags.c_contiguous)
    return _header(array.dtype.str, fortran, array.shape) + array.tobytes("A" if fortran else "C")


@lru_cache(4096)
def _header(dtype: str, fortran: bool, shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": dtype, "fortran_order": fortran, "shape": shape})
    return file.getvalue()


def from_npy(data: bytearray) -> np.ndarray:
    """The array of an .npy file; it shares memory with ``data``. Raises NotPlain."""
    if len(data) < 10 or data[:8] != b"\x93NUMPY\x01\x00":
        raise NotPlain("not an .npy file")
    start = 10 + int.from_bytes(data[8:10], "little")
    shape, fortran, dtype = _read_header(bytes(data[8:start]))
    count = 1
    for n in shape:
        count *= n
    if count * dtype.itemsize != len(data) - start:
        raise NotPlain("an .npy file of the wrong length")
    if not count:
        return np.empty(shape, dtype)
    return np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if fortran else "C")


@lru_cache(4096)
def _read_header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        shape, fortran, dtype = npy.read_array_header_1_0(io.BytesIO(data))
    except Exception as error:  # a parser of many small steps, fed by an opponent
        raise NotPlain(f"an .npy file with a damaged head: {type(error).__name__}") from None
    if len(shape) > 32 or any(n < 0 for n in shape):
        raise NotPlain("an .npy file with an impossible shape")
    return shape, fortran, _plain_dtype(dtype.str)
