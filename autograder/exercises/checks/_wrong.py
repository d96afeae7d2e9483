"""Wrong answers made from the library's right one: its text with a mistake put in."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

from autograder.exercises.exercise import Exercise


def mistake(
    exercise: Exercise,
    name: str,
    hint: str,
    *changes: tuple[str, str],
    pieces: Sequence[Any],
    header: str,
) -> None:
    """Register ``pieces`` (functions and classes), with ``changes`` (old, new), as a learner would type them.

    ``header`` stands before them: imports, and what else they need.
    """
    exercise.register(name, hint, lambda: _made(exercise, changes, pieces, header))


def _made(
    exercise: Exercise, changes: Sequence[tuple[str, str]], pieces: Sequence[Any], header: str
) -> Any:
    source = "\n\n".join(map(inspect.getsource, pieces))
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    source = re.sub(r'\n +"""(?:[^"]|"(?!""))*"""', "", source)
    source = f"from __future__ import annotations\n\n{header}\n\n\n{source}"
    scope: dict[str, Any] = {"__name__": "misconception"}
    exec(compile(source, "<misconception>", "exec"), scope)
    wrong = scope[exercise.function]
    wrong.source = source
    return wrong
