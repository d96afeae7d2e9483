"""A mistake costs once: an answer that calls an earlier one is judged with a right one in its place.

Teachers call it an error carried forward. A learner's network that rests on the learner's own
convolution would lose its points for a mistake that the convolution has paid for.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import takewhile
from types import ModuleType
from typing import Any

import numpy as np

from autograder.check.judge import judge
from autograder.check.verdict import Kind, Outcome, PartResult, Verdict
from autograder.exercises import catalog
from autograder.exercises.exercise import Exercise

passed: dict[str, bool] = {}  # by exercise: whether its last check in this notebook passed


def forget() -> None:
    """Another notebook begins: nothing is known of its answers."""
    passed.clear()


def failed_before(exercise: Exercise) -> list[Exercise]:
    """The earlier exercises of the lesson that were checked in this notebook and did not pass."""
    known = dict.fromkeys(_checks_in_history(), False) | passed
    lesson = catalog.lesson_exercises(exercise.lesson)
    earlier = takewhile(lambda e: e.name != exercise.name, lesson)
    return [e for e in earlier if not known.get(e.name, True)]


def _checks_in_history() -> list[str]:
    """The exercises whose check was run in this kernel, though a missing name may have ended it at once."""
    ipython = sys.modules.get("IPython.core.getipython")  # a kernel has loaded it
    kernel = getattr(ipython.get_ipython(), "kernel", None) if ipython else None
    cells = kernel.shell.user_ns.get("In") if kernel else None
    sources = [c for c in cells if isinstance(c, str)] if isinstance(cells, list) else []
    return [name for source in sources if (name := catalog.checked(source))]


def judged_again(
    verdict: Verdict, student: Any, library: ModuleType, seed: int, paid: Iterable[Exercise]
) -> tuple[Verdict, list[str]]:
    """The verdict with right answers to the exercises ``paid``, and those of their names that were called.

    A part that asks for speed is not run: what is lent may be slow, since it is called across a pipe when grading.
    It is passed if all others are, and the answer was not too slow on its own functions.
    """
    exercise = verdict.exercise
    ordinary = replace(exercise, parts=[p for p in exercise.parts if not p.for_speed])
    with lent(student, right_ones(paid)) as called:
        again = judge(ordinary, student, library, np.random.default_rng(seed))
    found = {result.part.name: result for result in again.parts}
    right = all(result.passed for result in again.parts)
    results = [found.get(old.part.name) or _quick(old, right) for old in verdict.parts]
    return Verdict(exercise, results), called


def _quick(old: PartResult, right: bool) -> PartResult:
    """A part that asks for speed."""
    if not right or any(outcome.kind is Kind.TOO_SLOW for outcome in old.outcomes):
        return old
    return replace(old, outcomes=[Outcome(Kind.RIGHT)] * len(old.outcomes), misconception=None)


def right_ones(exercises: Iterable[Exercise]) -> dict[str, Callable[..., Any]]:
    """The library's function for each exercise that asks for one, by the name that learners give it."""
    found: dict[str, Callable[..., Any]] = {}
    for exercise in exercises:
        if inspect.isfunction(right := exercise.right_answer):
            found[exercise.function] = right
    return found


@contextmanager
def lent(student: Any, functions: dict[str, Callable[..., Any]]) -> Iterator[list[str]]:
    """For a while the names mean ``functions`` in the student's notebook; those that are called are listed."""
    called: list[str] = []

    def note(name: str) -> None:
        if name not in called:
            called.append(name)

    lend = getattr(student, "_lend", None) or _in_globals(student)
    lend(functions, note)
    try:
        yield called
    finally:
        lend({}, note)


def _copied(value: Any) -> Any:
    """What crosses a pipe when grading is a copy; it is one in a notebook, too, so that both judge alike."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(map(_copied, value))
    return value


_missing = object()


def _in_globals(
    student: Any,
) -> Callable[[dict[str, Callable[..., Any]], Callable[[str], None]], None]:
    """For a function, or a class, of this process."""
    functions = vars(student).values() if inspect.isclass(student) else [student]
    scopes = [f.__globals__ for f in functions if inspect.isfunction(f)]
    scope = scopes[0] if scopes else {}
    kept: dict[str, Any] = {}

    def noted(
        name: str, function: Callable[..., Any], note: Callable[[str], None]
    ) -> Callable[..., Any]:
        def right(*args: Any, **kwargs: Any) -> Any:
            note(name)
            named = {key: _copied(value) for key, value in kwargs.items()}
            return _copied(function(*map(_copied, args), **named))

        return right

    def lend(functions: dict[str, Callable[..., Any]], note: Callable[[str], None]) -> None:
        names = {name: noted(name, function, note) for name, function in functions.items()}
        for name, value in kept.items():
            if value is _missing:
                scope.pop(name, None)
            else:
                scope[name] = value
        kept.clear()
        kept.update((name, scope.get(name, _missing)) for name in names)
        scope.update(names)

    return lend
