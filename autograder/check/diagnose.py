"""Why an answer is wrong: the registered misconception whose wrong results are the student's wrong results."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from autograder.check.compare import run_case, same
from autograder.check.verdict import Kind, Outcome, PartResult
from autograder.exercises.exercise import Case, Exercise


def diagnose(exercise: Exercise, results: list[PartResult]) -> list[PartResult]:
    """Name the misconception whose wrong answers are the student's wrong answers.

    One that explains several parts beats one that explains a failing part alone. Speed is of
    the essence, since a learner waits: a wrong implementation is run only until its first reply
    that differs from the student's, and on large data only if it was named before or if the
    student's own answer was too slow.
    """

    @cache
    def explains(number: int, i: int) -> bool:
        wrong, result = exercise.misconceptions[number].wrong, results[i]

        def reply(case: Case, expected: Any, outcome: Outcome) -> Outcome:
            hurry = 0.25 if outcome.kind is Kind.TOO_SLOW else 1.0
            return run_case(exercise, wrong, case, expected, hurry * result.part.seconds)

        triples = zip(result.cases, result.expected, result.outcomes, strict=True)
        return all(_alike(outcome, reply(c, wanted, outcome)) for c, wanted, outcome in triples)

    def reach(number: int) -> int:
        return sum(explains(number, i) for i in range(len(results)))

    diagnosed: list[PartResult] = []
    named: list[int] = []
    for i, result in enumerate(results):
        best = None
        if not result.passed:
            slow = any(outcome.kind is Kind.TOO_SLOW for outcome in result.outcomes)
            best = next((n for n in named if explains(n, i)), None)
            if best is None and (slow or not result.part.for_speed):
                numbers = range(len(exercise.misconceptions))
                best = max((n for n in numbers if explains(n, i)), key=reach, default=None)
        if best is not None:
            named.append(best)
        found = None if best is None else exercise.misconceptions[best]
        diagnosed.append(replace(result, misconception=found))
    return diagnosed


def _alike(a: Outcome, b: Outcome) -> bool:
    return a.kind is b.kind and same(a.got, b.got)
