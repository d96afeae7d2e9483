"""Errors that teach: the call, the shapes, the rule that was broken, the likely mend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import what only some parts of the library need; if it is missing, say how to install it.

    >>> with extra("course"):
    ...     import no_such_package
    Traceback (most recent call last):
    ImportError: this needs no_such_package, which is not installed
      pip install "dlcourse[course]"
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).split(".")[0]
        raise ImportError(
            f'this needs {package}, which is not installed\n  pip install "dlcourse[{name}]"',
            name=error.name,
        ) from None


class ShapeError(ValueError):
    """Shapes that do not fit together.

    The message names the operation and the rule, then the shapes, then a mend:

    >>> raise ShapeError("linear", "x has 3 features, weight expects 4", x=(8, 3), weight=(2, 4))
    Traceback (most recent call last):
    dlcore.errors.ShapeError: linear: x has 3 features, weight expects 4
      x (8, 3), weight (2, 4)
    """

    def __init__(self, op: str, rule: str, mend: str = "", **shapes: tuple[int, ...]) -> None:
        lines = [f"{op}: {rule}"]
        if shapes:
            lines.append("  " + ", ".join(f"{name} {shape}" for name, shape in shapes.items()))
        if mend:
            lines.append("  " + mend)
        super().__init__("\n".join(lines))


def check_dim(
    op: str, shape: tuple[int, ...], dim: int | Iterable[int] | None, new: int = 0
) -> None:
    """Raise a ShapeError unless ``dim``, one or several (None: all), are dimensions of ``shape``.

    ``new`` counts dimensions that the operation adds.
    """
    if dim is None:
        return
    dims, ndim = list(dim) if isinstance(dim, Iterable) else [dim], len(shape) + new
    for d in dims:
        if not hasattr(d, "__index__"):
            raise TypeError(f"{op}: a dimension must be a whole number, not {d!r}")
        if not -ndim <= d < ndim:
            mend = f"dimensions are 0 to {ndim - 1}, or -1 for the last" if ndim else ""
            raise ShapeError(op, f"there is no dimension {d}", mend, x=shape)
    if len({d % ndim for d in dims}) < len(dims):
        raise ShapeError(op, f"a dimension is named twice in {tuple(dims)}", x=shape)
