"""Errors that teach: the call, the shapes, the rule that was broken, the likely mend."""

from __future__ import annotations


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
