"""Right or wrong: run a student's answer over the cases of an exercise.

The order in which faults are looked for is the order in which a teacher would name them:
not written, forbidden, raised, too slow, wrong type, shape, dtype, not finite, input
changed, wrong value, different every time.
"""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any

import numpy as np

from autograder.check.compare import run_case, same, type_name
from autograder.check.diagnose import diagnose
from autograder.check.forbidden import forbidden_name
from autograder.check.limits import Lost
from autograder.check.verdict import Kind, Outcome, PartResult, Verdict
from autograder.exercises.exercise import Case, Exercise
from autograder.exercises.oracle import to_plain


def judge(
    exercise: Exercise, student: Any, library: ModuleType, rng: np.random.Generator
) -> Verdict:
    """Judge ``student`` on fresh cases, with the oracle computed by ``library``."""
    prepared = []
    for part in exercise.parts:
        cases = part.cases(rng)
        expected = [expect(exercise, case, library) for case in cases]
        prepared.append((part, cases, expected))

    if refusal := _refuse(exercise, student):
        return Verdict(
            exercise,
            [PartResult(p, cases, exp, [refusal] * len(cases)) for p, cases, exp in prepared],
        )

    results: list[PartResult] = []
    stop: Outcome | None = None
    for part, cases, expected in prepared:
        outcomes = []
        for case, wanted in zip(cases, expected, strict=True):
            outcome = stop or run_case(exercise, student, case, wanted, part.seconds)
            if outcome.kind is Kind.TOO_SLOW and not part.for_speed:
                stop = Outcome(Kind.NOT_RUN, "Not tried, because an earlier call never came back.")
            elif outcome.kind is Kind.RAISED and outcome.got == Lost.__name__:
                stop = Outcome(Kind.NOT_RUN, "Not tried, because an earlier call ended Python.")
            outcomes.append(outcome)
        if not results and not stop:
            outcomes[0] = _repeat(
                exercise, student, cases[0], expected[0], outcomes[0], part.seconds
            )
        results.append(PartResult(part, cases, expected, outcomes))
    return Verdict(exercise, diagnose(exercise, results))


def expect(exercise: Exercise, case: Case, library: ModuleType) -> Any:
    """What must come out for ``case``, as arrays."""
    args, kwargs = copy.deepcopy((case.args, case.kwargs))
    return to_plain(exercise.oracle(library, *args, **kwargs))


def _refuse(exercise: Exercise, student: Any) -> Outcome | None:
    if not callable(student):
        message = f"{exercise.function} is {type_name(student)}; expected a function."
        return Outcome(Kind.WRONG_TYPE, message)
    uses = getattr(type(student), "_uses", None)  # of a proxy: its process is asked
    if name := uses(student, exercise.banned) if uses else forbidden_name(student, exercise.banned):
        message = (
            f"Your function uses {name}, which is not allowed here. Write this exercise yourself, "
            "with Python, NumPy and what you have written in earlier lessons."
        )
        return Outcome(Kind.FORBIDDEN, message)
    return None


def _repeat(
    exercise: Exercise, student: Any, case: Case, expected: Any, first: Outcome, seconds: float
) -> Outcome:
    """Call once more with the same input: a function has one answer."""
    if first.kind not in {Kind.RIGHT, Kind.WRONG_VALUE}:
        return first
    second = run_case(exercise, student, case, expected, seconds)
    if second.kind is first.kind and same(second.got, first.got):
        return first
    message = (
        "The same input gave two different results. A global variable that changes between "
        "calls, or a random number, is the usual cause."
    )
    return Outcome(Kind.NONDETERMINISTIC, message, first.got)
