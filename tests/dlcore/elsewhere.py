"""An array that lives elsewhere: a stand-in for CuPy's on machines without a GPU.

It computes with NumPy inside, but behaves as strictly as a GPU array does: it never turns into a
NumPy array by itself, does not mix with one, and is made only from another one of its kind
(``empty_like``, ``like=``). Reductions give arrays of no dimensions, and the methods take only
the arguments that CuPy's take. So code that creates bare arrays fails here as it would there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

# the functions of NumPy that CuPy 14.2 dispatches (those of NumPy's namespace that are in its own)
DISPATCHED = {
    "all",
    "allclose",
    "amax",
    "amin",
    "angle",
    "any",
    "append",
    "apply_along_axis",
    "apply_over_axes",
    "arange",
    "argmax",
    "argmin",
    "argpartition",
    "argsort",
    "argwhere",
    "around",
    "array2string",
    "array_equal",
    "array_equiv",
    "array_repr",
    "array_split",
    "array_str",
    "asarray",
    "astype",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "average",
    "bincount",
    "broadcast_arrays",
    "broadcast_to",
    "can_cast",
    "choose",
    "clip",
    "column_stack",
    "common_type",
    "compress",
    "concatenate",
    "convolve",
    "copy",
    "copyto",
    "corrcoef",
    "correlate",
    "count_nonzero",
    "cov",
    "cross",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "delete",
    "diag",
    "diag_indices_from",
    "diagflat",
    "diagonal",
    "diff",
    "digitize",
    "dot",
    "dsplit",
    "dstack",
    "ediff1d",
    "einsum",
    "empty_like",
    "expand_dims",
    "extract",
    "fill_diagonal",
    "fix",
    "flatnonzero",
    "flip",
    "fliplr",
    "flipud",
    "full_like",
    "gradient",
    "histogram",
    "histogram2d",
    "histogramdd",
    "hsplit",
    "hstack",
    "i0",
    "imag",
    "inner",
    "interp",
    "intersect1d",
    "isclose",
    "iscomplex",
    "iscomplexobj",
    "isin",
    "isneginf",
    "isposinf",
    "isreal",
    "isrealobj",
    "ix_",
    "kron",
    "lexsort",
    "linspace",
    "logspace",
    "matrix_transpose",
    "max",
    "may_share_memory",
    "mean",
    "median",
    "meshgrid",
    "min",
    "min_scalar_type",
    "moveaxis",
    "nan_to_num",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "ndim",
    "nonzero",
    "ones_like",
    "outer",
    "packbits",
    "pad",
    "partition",
    "percentile",
    "piecewise",
    "place",
    "poly",
    "polyadd",
    "polyfit",
    "polymul",
    "polysub",
    "polyval",
    "prod",
    "ptp",
    "put",
    "put_along_axis",
    "putmask",
    "quantile",
    "ravel",
    "ravel_multi_index",
    "real",
    "real_if_close",
    "repeat",
    "reshape",
    "resize",
    "result_type",
    "roll",
    "rollaxis",
    "roots",
    "rot90",
    "round",
    "save",
    "savetxt",
    "savez",
    "savez_compressed",
    "searchsorted",
    "select",
    "setdiff1d",
    "setxor1d",
    "shape",
    "shares_memory",
    "sinc",
    "size",
    "sort",
    "sort_complex",
    "split",
    "squeeze",
    "stack",
    "std",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tensordot",
    "tile",
    "trace",
    "transpose",
    "trapezoid",
    "tril",
    "tril_indices_from",
    "trim_zeros",
    "triu",
    "triu_indices_from",
    "union1d",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unpackbits",
    "unravel_index",
    "unwrap",
    "vander",
    "var",
    "vdot",
    "vsplit",
    "vstack",
    "where",
    "zeros_like",
    "sliding_window_view",
}
METHODS = {"__call__", "at"}  # of ufuncs; reduce and accumulate only for some


class Elsewhere(NDArrayOperatorsMixin):
    __array_priority__ = 50

    def __init__(self, inner: Any) -> None:
        self._inner = np.asarray(inner)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("implicit conversion to a NumPy array is not allowed")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method not in METHODS:
            raise TypeError(f"{ufunc.__name__}.{method} does not exist elsewhere")
        out = kwargs.get("out")
        result = getattr(ufunc, method)(*map(down, inputs), **down(kwargs))
        return up(result) if out is None else out[0]

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func.__name__ not in DISPATCHED:
            raise TypeError(f"CuPy has no {func.__name__}")
        if func is np.asarray:  # np.asarray(x, like=elsewhere): the way in
            return Elsewhere(
                args[0]._inner if isinstance(args[0], Elsewhere) else np.array(args[0])
            )
        if func is np.arange:
            return Elsewhere(np.arange(*args))
        if not hasattr(self, "_inner"):
            raise TypeError("broken array")
        return up(func(*down(args), **down(kwargs)))

    def __getitem__(self, index: Any) -> Any:
        return Elsewhere(self._inner[down(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._inner[down(index)] = down(value)

    def __len__(self) -> int:
        return len(self._inner)

    def __iter__(self) -> Any:
        return (Elsewhere(row) for row in self._inner)

    def __bool__(self) -> bool:
        return bool(self._inner)

    def __int__(self) -> int:
        return int(self._inner)

    def __float__(self) -> float:
        return float(self._inner)

    base = property(lambda self: None if self._inner.base is None else self)
    shape = property(lambda self: self._inner.shape)
    dtype = property(lambda self: self._inner.dtype)
    ndim = property(lambda self: self._inner.ndim)
    size = property(lambda self: self._inner.size)
    flags = property(lambda self: self._inner.flags)
    T = property(lambda self: Elsewhere(self._inner.T))

    def get(self) -> np.ndarray:
        """The way out, as in CuPy."""
        return self._inner

    def item(self) -> Any:
        return self._inner.item()

    def astype(self, dtype: Any, copy: bool = True) -> Elsewhere:
        return Elsewhere(self._inner.astype(dtype, copy=copy))

    def copy(self) -> Elsewhere:
        return Elsewhere(self._inner.copy())

    def reshape(self, *shape: Any) -> Elsewhere:
        return Elsewhere(self._inner.reshape(*shape))

    def transpose(self, *axes: Any) -> Elsewhere:
        return Elsewhere(self._inner.transpose(*axes))

    def swapaxes(self, a: int, b: int) -> Elsewhere:
        return Elsewhere(self._inner.swapaxes(a, b))

    def squeeze(self, axis: Any = None) -> Elsewhere:
        return Elsewhere(self._inner.squeeze(axis))

    def sum(self, axis: Any = None, keepdims: bool = False) -> Elsewhere:
        return Elsewhere(self._inner.sum(axis=axis, keepdims=keepdims))

    def mean(self, axis: Any = None, keepdims: bool = False) -> Elsewhere:
        return Elsewhere(self._inner.mean(axis=axis, keepdims=keepdims))

    def max(self, axis: Any = None, keepdims: bool = False) -> Elsewhere:
        return Elsewhere(self._inner.max(axis=axis, keepdims=keepdims))

    def min(self, axis: Any = None, keepdims: bool = False) -> Elsewhere:
        return Elsewhere(self._inner.min(axis=axis, keepdims=keepdims))

    def all(self) -> Elsewhere:
        return Elsewhere(self._inner.all())

    def any(self) -> Elsewhere:
        return Elsewhere(self._inner.any())

    def argmax(self, axis: Any = None) -> Elsewhere:
        return Elsewhere(self._inner.argmax(axis=axis))


def down(x: Any) -> Any:
    """What is inside; a NumPy array has no business here."""
    if isinstance(x, Elsewhere):
        return x._inner
    if isinstance(x, np.ndarray) and x.ndim:
        raise TypeError("a NumPy array beside one that lives elsewhere")
    if isinstance(x, tuple | list):
        return type(x)(map(down, x))
    if isinstance(x, dict):
        return {k: down(v) for k, v in x.items()}
    return x


def up(x: Any) -> Any:
    if isinstance(x, np.ndarray | np.generic) and not isinstance(x, np.bool_):
        return Elsewhere(x)
    if isinstance(x, tuple | list):
        return type(x)(map(up, x))
    return x
