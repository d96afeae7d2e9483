"""Hostile submissions: what each wants, and what must become of it.

``answers`` replace wrong answers of the mini lesson, ``first`` is a cell put on top, ``change`` edits
the notebook (or gives the bytes that are handed in). ``most`` is what an honest reading of the
code would earn. ``told`` has to stand in what the instructor is shown.
"""

from tests.autograder.attacks import (  # noqa: F401  each adds its own
    ending,
    exhausting,
    forging,
    hunting,
    lying,
    piping,
    swelling,
)
from tests.autograder.attacks.attack import ATTACKS, Attack

__all__ = ["ATTACKS", "Attack"]
