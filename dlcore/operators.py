"""How a tensor behaves in Python's syntax and among NumPy's functions: as a number, a list of rows, a mask, an array.

Importing this module gives ``Tensor`` its operators. In place, ``x += y`` writes into x where nothing is
recorded, and makes a new tensor where the tape has to follow.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dlcore.backend.device import to_device, to_numpy
from dlcore.dtypes import as_array
from dlcore.errors import ShapeError
from dlcore.operands import needs, operands, plain_index
from dlcore.ops import abs, add, broadcast, clip, div, matmul, mul, neg, pow, sub, to
from dlcore.reductions import any as any_true
from dlcore.shaping import reshape
from dlcore.tensor import Tensor, is_recording, method

# ---- one number, rows, copies ----


@method
def numpy(x: Tensor) -> np.ndarray:
    """The array itself. As in PyTorch, detach first if there is a history to lose."""
    if x.requires_grad:
        raise RuntimeError("numpy: this tensor requires grad; use .detach().numpy()")
    return x.data


@method
def item(x: Tensor) -> float:
    """The single number inside."""
    _one("item", x)
    return x.data.item()


@method
def tolist(x: Tensor) -> Any:
    """The numbers as nested lists, or as one number."""
    return to_numpy(x.data).tolist()


def _array(data: Any) -> Any:
    """An array that can be written into; a sum, say, is a number of NumPy's."""
    return np.asarray(data) if isinstance(data, np.generic) else data


def _one(op: str, x: Tensor) -> None:
    if x.data.size != 1:
        raise ValueError(
            f"{op}: one number is needed, the tensor has shape {x.shape}\n"
            "  choose one, x[0], or make one of all: x.sum(), x.mean(), (x > 0).all()"
        )


@method
def __float__(x: Tensor) -> float:
    _one("float", x)
    return float(x.data.item())


@method
def __int__(x: Tensor) -> int:
    _one("int", x)
    return int(x.data.item())


@method
def __index__(x: Tensor) -> int:
    _one("index", x)
    return operator.index(x.data.item())


@method
def __bool__(x: Tensor) -> bool:
    _one("bool", x)
    return bool(x.data.item())


@method
def __format__(x: Tensor, spec: str) -> str:
    if not spec:
        return str(x)
    _one("format", x)
    return format(x.data.item(), spec)


@method
def __iter__(x: Tensor) -> Iterator[Tensor]:
    if not x.ndim:
        raise TypeError("for x in tensor: a tensor without dimensions has no rows")
    return (x[i] for i in range(len(x)))


@method
def __contains__(x: Tensor, value: Any) -> bool:
    return bool(any_true(x == value))


@method
def __getstate__(x: Tensor) -> dict[str, Any]:
    """What pickle and deepcopy keep: the array and its gradient.  Raises RuntimeError for a history."""
    if x._vjp is not None and x.requires_grad:
        raise RuntimeError(
            "copy or pickle: this tensor has a history, which cannot be copied\n"
            "  take x.detach(), or copy before computing"
        )
    return {"data": x.data, "requires_grad": x.requires_grad, "grad": x.grad}


@method
def __setstate__(x: Tensor, state: dict[str, Any]) -> None:
    Tensor.__init__(x, state["data"], state["requires_grad"])  # with an age of its own
    x.grad = state["grad"]


@method
def __copy__(x: Tensor) -> Tensor:
    """The same array in another tensor; who writes into one is seen in both."""
    out: Tensor = type(x).__new__(type(x))
    Tensor.__init__(out, x, x.requires_grad)
    return out


@method
def __len__(x: Tensor) -> int:
    if not x.ndim:
        raise TypeError("len: a tensor without dimensions has no length; it is one number")
    return len(x.data)


@method
def __setitem__(x: Tensor, index: Any, value: Any) -> None:
    """Overwrite entries.  Raises RuntimeError where that would corrupt a gradient."""
    if is_recording() and x.requires_grad:
        raise RuntimeError(
            "x[...] = value: x requires grad, and its history would not know of the change\n"
            "  compute a new tensor with where(condition, value, x), or write inside no_grad()"
        )
    if isinstance(value, Tensor):
        if is_recording() and value.requires_grad:
            raise RuntimeError(
                "x[...] = value: the value's history would be lost\n"
                "  build x from its parts with stack or cat, or assign value.detach()"
            )
        value = value.data
    else:
        value = as_array("x[...] = value", value)
    x.data = _array(x.data)
    try:
        x.data[plain_index(index, x.data)] = to_device(value, x.data)
    except (IndexError, ValueError) as error:
        raise ShapeError("x[...] = value", str(error), x=x.shape) from None
    x.changed()


# ---- among NumPy's functions ----

_LEAVES = (
    "numpy: this tensor requires grad, and NumPy's result would have no history\n"
    "  use dlcore's functions (dlcore.exp for np.exp), or x.detach() where no gradient is needed"
)
_ARITHMETIC: dict[Any, Callable[..., Any]] = {}  # NumPy's operators, and the tensor's


def _arrays(x: Any) -> Any:
    """Arguments of a NumPy function, with arrays for tensors."""
    if isinstance(x, Tensor):
        return np.asarray(x)
    if type(x) in (list, tuple):
        return type(x)(map(_arrays, x))
    return {k: _arrays(v) for k, v in x.items()} if type(x) is dict else x


@method
def __array__(x: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    """What np.asarray makes of it, and so what NumPy's functions and Matplotlib see."""
    if x.requires_grad:
        raise RuntimeError(_LEAVES)
    data = x.data if isinstance(x.data, np.ndarray) else np.asarray(x.data)
    data = data if dtype is None else data.astype(dtype, copy=False)
    return data.copy() if copy and data is x.data else data


@method
def __array_ufunc__(x: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """NumPy's arithmetic beside a tensor is the tensor's; its other functions see the array."""
    if ufunc in _ARITHMETIC and method == "__call__" and not options:
        return _ARITHMETIC[ufunc](*inputs)
    arrays = [np.asarray(a) if isinstance(a, Tensor) else a for a in inputs]
    if any(isinstance(a, Tensor) for a in options.get("out", ())):
        return NotImplemented
    return getattr(ufunc, method)(*arrays, **options)


@method
def __array_function__(x: Tensor, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """NumPy's functions see the array."""
    return func(*_arrays(args), **_arrays(kwargs))


# ---- operators ----


def _compare(op: str, ufunc: Any) -> Callable[[Any, Any], Any]:
    def compare(a: Any, b: Any) -> Any:
        if b is None or isinstance(b, str):
            return NotImplemented
        x, y = operands(op, a, b)
        return Tensor(np.asarray(broadcast(op, ufunc, x, y), like=_like(x, y)))

    return compare


def _like(x: Any, y: Any) -> Any:
    return y if isinstance(x, int | float) else x


def _logical(op: str, ufunc: Any) -> Callable[[Any, Any], Tensor]:
    def combine(a: Any, b: Any) -> Tensor:
        x, y = operands(op, a, b)
        if _like(x, y).dtype.kind == "f":
            raise TypeError(f"x {op} y: for masks of True and False, not for {_like(x, y).dtype}")
        return Tensor(broadcast(op, ufunc, x, y))

    return combine


def _in_place(symbol: str, act: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    def change(a: Tensor, b: Any) -> Tensor:
        if _may_write(a, b, symbol):
            return _write(a, act(a, b), symbol)
        return act(a, b)

    return change


def _may_write(x: Tensor, other: Any, symbol: str) -> bool:
    """Whether ``x += other`` may write into x; else it makes a new tensor, which the tape can follow.

    Raises RuntimeError for a leaf that is being recorded: its old value is needed, and the new tensor
    would not be the one that the model holds.
    """
    if not is_recording() or not (x.requires_grad or needs(other)):
        return True
    if x.requires_grad and x._vjp is None:
        raise RuntimeError(
            f"x {symbol}= ...: x requires grad, and its history would not know of the change\n"
            f"  write the update inside no_grad(), or compute a new tensor: y = x {symbol} ..."
        )
    return False


def _write(x: Tensor, value: Tensor, symbol: str) -> Tensor:
    if value.shape != x.shape or (value.dtype.kind == "f") > (x.dtype.kind == "f"):
        raise TypeError(
            f"x {symbol}= ...: the result is {value.shape} {value.dtype},"
            f" which does not fit into {x.shape} {x.dtype}\n"
            f"  compute a new tensor: y = x {symbol} ..."
        )
    if x.data.ndim:
        x.data[...] = value.data
    else:
        x.data = _array(value.data.astype(x.dtype))
    x.changed()
    return x


def _give_operators() -> None:
    binary = {
        "add": (add, "+", np.add),
        "sub": (sub, "-", np.subtract),
        "mul": (mul, "*", np.multiply),
        "truediv": (div, "/", np.divide),
        "pow": (pow, "**", np.power),
        "matmul": (matmul, "@", np.matmul),
    }
    for name, (act, symbol, ufunc) in binary.items():
        setattr(Tensor, f"__{name}__", act)
        setattr(Tensor, f"__r{name}__", lambda a, b, act=act: act(b, a))
        setattr(Tensor, f"__i{name}__", _in_place(symbol, act))
        _ARITHMETIC[ufunc] = act
    comparisons = {
        "eq": ("==", np.equal),
        "ne": ("!=", np.not_equal),
        "lt": ("<", np.less),
        "le": ("<=", np.less_equal),
        "gt": (">", np.greater),
        "ge": (">=", np.greater_equal),
    }
    masks = {
        "and": ("&", np.bitwise_and),
        "or": ("|", np.bitwise_or),
        "xor": ("^", np.bitwise_xor),
    }
    for kind, table in ((_compare, comparisons), (_logical, masks)):
        for name, (symbol, ufunc) in table.items():
            chosen: Any = kind(symbol, ufunc)
            _ARITHMETIC[ufunc] = chosen
            setattr(Tensor, f"__{name}__", chosen)
            if table is masks:  # Python turns comparisons round by itself
                setattr(Tensor, f"__r{name}__", chosen)
    Tensor.__invert__ = lambda a: Tensor(np.invert(a.data))  # type: ignore[attr-defined,operator]
    Tensor.__neg__ = neg
    Tensor.__abs__ = abs  # type: ignore[attr-defined]


_give_operators()

# ---- PyTorch's other names ----

Tensor.view = reshape  # type: ignore[attr-defined]
Tensor.clamp = clip  # type: ignore[attr-defined]
Tensor.astype = to  # type: ignore[attr-defined]


@method
def clone(x: Tensor) -> Tensor:
    """A copy with a memory of its own, through which the gradient passes."""
    return Tensor.from_op(x.data.copy(), (x,), lambda g: (g,))


@method
def requires_grad_(x: Tensor, requires_grad: bool = True) -> Tensor:
    """Ask for a gradient, or no longer.  Raises TypeError for integers."""
    if requires_grad and x.dtype.kind != "f":
        raise TypeError(
            f"requires_grad_: only floating-point numbers have a gradient, not {x.dtype}"
        )
    x.requires_grad = requires_grad
    return x


@method
def zero_(x: Tensor) -> Tensor:
    """Fill with 0.  Raises RuntimeError for what is being recorded."""
    x[...] = 0
    return x
