"""Run a student's answer over the cases of an exercise and say what is wrong with it.

The order in which faults are looked for is the order in which a teacher would name them:
not written, forbidden, raised, too slow, wrong type, shape, dtype, not finite, input
changed, wrong value, different every time.
"""

from __future__ import annotations

import copy
import linecache
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograder.exercise import Case, Exercise, Misconception, Part
from autograder.forbidden import forbidden_name
from autograder.library import to_plain
from autograder.limits import Lost, TimeUp, quiet, time_limit
from autograder.sandbox.values import ForeignArray


class Kind(StrEnum):
    """What became of one call."""

    RIGHT = "right"
    NOT_WRITTEN = "not written yet"
    FORBIDDEN = "forbidden"
    RAISED = "raised an error"
    TOO_SLOW = "too slow"
    WRONG_TYPE = "wrong type"
    WRONG_SHAPE = "wrong shape"
    WRONG_DTYPE = "wrong dtype"
    NOT_FINITE = "not finite"
    MUTATED = "changed its input"
    WRONG_VALUE = "wrong value"
    NONDETERMINISTIC = "different every time"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Outcome:
    """The kind, a sentence for the student, what came back, and any warning NumPy gave."""

    kind: Kind
    message: str = ""
    got: Any = None
    warning: str = ""

    @property
    def right(self) -> bool:
        return self.kind is Kind.RIGHT


@dataclass(frozen=True)
class PartResult:
    part: Part
    cases: Sequence[Case]
    expected: Sequence[Any]
    outcomes: Sequence[Outcome]
    misconception: Misconception | None = None

    @property
    def passed(self) -> bool:
        return all(outcome.right for outcome in self.outcomes)

    @property
    def points(self) -> float:
        return self.part.points if self.passed else 0.0

    @property
    def failure(self) -> tuple[Case, Any, Outcome] | None:
        """The first case that failed, what it should have given, and what became of it."""
        for case, expected, outcome in zip(self.cases, self.expected, self.outcomes, strict=True):
            if not outcome.right:
                return case, expected, outcome
        return None


@dataclass(frozen=True)
class Verdict:
    exercise: Exercise
    parts: Sequence[PartResult] = field(default_factory=tuple)

    @property
    def points(self) -> float:
        return sum(result.points for result in self.parts)

    @property
    def first_failure(self) -> PartResult | None:
        return next((result for result in self.parts if not result.passed), None)

    @property
    def misconceptions(self) -> list[Misconception]:
        named = [result.misconception for result in self.parts if result.misconception]
        return list({m.name: m for m in named}.values())


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
            outcomes[0] = _repeat(exercise, student, cases[0], outcomes[0], part.seconds)
        results.append(PartResult(part, cases, expected, outcomes))
    return Verdict(exercise, _diagnose(exercise, results))


def expect(exercise: Exercise, case: Case, library: ModuleType) -> Any:
    """What must come out for ``case``, as arrays."""
    args, kwargs = copy.deepcopy((case.args, case.kwargs))
    return to_plain(exercise.oracle(library, *args, **kwargs))


def run_case(
    exercise: Exercise,
    student: Callable[..., Any],
    case: Case,
    expected: Any,
    seconds: float,
) -> Outcome:
    """Call the student's code on a copy of ``case`` and look at what comes back."""
    args, kwargs = copy.deepcopy((case.args, case.kwargs))
    try:
        with quiet() as caught, time_limit(seconds):
            got = exercise.driver(student, *args, **kwargs)
    except NotImplementedError:
        return Outcome(Kind.NOT_WRITTEN, f"Write the body of {exercise.function}, then run again.")
    except TimeUp:
        return Outcome(Kind.TOO_SLOW, _too_slow(seconds))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Outcome(Kind.RAISED, _describe_error(error), got=type(error).__name__)
    # judged with the default printing and warnings of this process
    outcome = compare(exercise, expected, got)
    given = (case.args, case.kwargs)
    if outcome.kind in {Kind.RIGHT, Kind.WRONG_VALUE} and not _same((args, kwargs), given):
        message = (
            "Your function changed an array that it was given. Whoever called it still needs "
            "the old one: make a new array instead of writing into the argument."
        )
        outcome = Outcome(Kind.MUTATED, message, outcome.got)
    warning = str(caught[0].message) if caught else ""
    return Outcome(outcome.kind, outcome.message, outcome.got, warning)


def compare(exercise: Exercise, expected: Any, got: Any) -> Outcome:
    """Look at what came back: type, shape, dtype, finiteness, values, in this order."""
    if isinstance(expected, tuple):
        return _compare_tuple(exercise, expected, got)
    return _compare_array(exercise, expected, got, "")


def _compare_tuple(exercise: Exercise, expected: tuple[Any, ...], got: Any) -> Outcome:
    names = ", ".join(exercise.returns)
    if not isinstance(got, tuple | list) or len(got) != len(expected):
        found = f"{len(got)} values" if isinstance(got, tuple | list) else _type_name(got)
        message = f"Expected {len(expected)} values, {names}; your function returned {found}."
        return Outcome(Kind.WRONG_TYPE, message + _forgot_return(got), got)
    arrays, worst = [], None
    for name, wanted, item in zip(exercise.returns, expected, got, strict=True):
        outcome = _compare_array(exercise, wanted, item, name)
        arrays.append(outcome.got)
        if worst is None and not outcome.right:
            worst = outcome
    worst = worst or Outcome(Kind.RIGHT)
    return Outcome(worst.kind, worst.message, tuple(arrays))


def _compare_array(exercise: Exercise, expected: np.ndarray, got: Any, name: str) -> Outcome:
    what = f"{name} " if name else "Your result "
    wants_array = expected.ndim > 0
    plain = type(got) is np.ndarray or isinstance(got, np.generic | int | float)
    # a list of plain numbers is as good as an array where integers are counted
    counted = isinstance(got, list) and expected.dtype.kind in "iub"
    if not (plain or counted):
        kind = "an array" if wants_array else "a number"
        return Outcome(
            Kind.WRONG_TYPE,
            f"{what}is {_type_name(got)}; expected {kind}.{_forgot_return(got)}",
            got,
        )
    array = np.asarray(got)
    if array.shape != expected.shape:
        return Outcome(
            Kind.WRONG_SHAPE,
            f"{what}has shape {array.shape}; expected {expected.shape}.",
            array,
        )
    if dtype_fault := _dtype_fault(expected.dtype, array.dtype):
        return Outcome(Kind.WRONG_DTYPE, f"{what}{dtype_fault}", array)
    if not np.isfinite(array).all() and np.isfinite(expected).all():
        bad = "nan" if np.isnan(array).any() else "inf"
        message = f"{what}contains {bad}; every expected value is an ordinary number."
        return Outcome(Kind.NOT_FINITE, message, array)
    if not np.allclose(array, expected, exercise.rtol, exercise.atol, equal_nan=True):
        return Outcome(Kind.WRONG_VALUE, _where_wrong(expected, array, what), array)
    return Outcome(Kind.RIGHT, got=array)


def _dtype_fault(expected: np.dtype, got: np.dtype) -> str:
    if got.kind not in "fiub":
        return f"has dtype {got}; expected numbers ({expected})."
    if expected.kind == "f" and got.kind != "f":
        return f"has dtype {got}; expected {expected}. Integers cannot hold the fractions."
    if expected.kind == "f" and got.itemsize < expected.itemsize:
        return f"has dtype {got}, less precise than its input ({expected})."
    return ""


def _where_wrong(expected: np.ndarray, got: np.ndarray, what: str) -> str:
    if expected.ndim == 0:
        return f"{what}is {got:.6g}; expected {expected:.6g}."
    with np.errstate(invalid="ignore"):
        off = np.abs(got.astype(float) - expected)
    wrong = ~np.isclose(got, expected)
    place = np.unravel_index(np.argmax(np.nan_to_num(off, nan=np.inf)), off.shape)
    index = ", ".join(map(str, place))
    return (
        f"{what}is wrong in {int(wrong.sum()) or 1} of {wrong.size} entries; farthest off at "
        f"[{index}]: {got[place]:.6g} instead of {expected[place]:.6g}."
    )


def _refuse(exercise: Exercise, student: Any) -> Outcome | None:
    if not callable(student):
        message = f"{exercise.function} is {_type_name(student)}; expected a function."
        return Outcome(Kind.WRONG_TYPE, message)
    uses = getattr(type(student), "_uses", None)  # of a proxy: its process is asked
    if name := uses(student, exercise.banned) if uses else forbidden_name(student, exercise.banned):
        message = (
            f"Your function uses {name}, which does the work for you. "
            "This exercise is about writing it yourself, with Python and NumPy."
        )
        return Outcome(Kind.FORBIDDEN, message)
    return None


def _repeat(
    exercise: Exercise, student: Any, case: Case, first: Outcome, seconds: float
) -> Outcome:
    """Call once more with the same input: a function has one answer."""
    if first.kind not in {Kind.RIGHT, Kind.WRONG_VALUE}:
        return first
    second = run_case(exercise, student, case, first.got, seconds)
    if second.right:
        return first
    message = (
        "The same input gave two different results. A global variable that changes between "
        "calls, or a random number, is the usual cause."
    )
    return Outcome(Kind.NONDETERMINISTIC, message, first.got)


def _diagnose(exercise: Exercise, results: list[PartResult]) -> list[PartResult]:
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
    return a.kind is b.kind and _same(a.got, b.got)


def _same(a: Any, b: Any) -> bool:
    """Equal, arrays entry by entry with NaN equal to itself, tuples and dictionaries item by item."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        x, y = np.asarray(a), np.asarray(b)
        if x.dtype.kind in "US" and y.dtype.kind in "US":
            return np.array_equal(x, y)
        if x.shape != y.shape or x.dtype.kind in "OUS" or y.dtype.kind in "OUS":
            return False
        return bool(np.allclose(x, y, rtol=1e-9, atol=1e-12, equal_nan=True))
    if callable(a) and callable(b):
        return True
    return type(a) is type(b) and bool(a == b)


def _type_name(value: Any) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    if isinstance(value, ForeignArray):
        name = value.was
    elif hasattr(type(value), "_type_name"):
        name = value._type_name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _forgot_return(got: Any) -> str:
    return " Is there a return at the end?" if got is None else ""


def _too_slow(seconds: float) -> str:
    return (
        f"Stopped after {seconds:g} seconds without a result. Look for a loop that never ends, "
        "or a Python loop over many numbers where one NumPy operation would do."
    )


def _describe_error(error: BaseException) -> str:
    """The error and the student's own line that it came from, without our frames."""
    if isinstance(error, Lost):
        return f"{str(error)[:1].upper()}{str(error)[1:]}."
    ours = str(Path(__file__).parent)
    text = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}").strip().rstrip(":")
    if where := getattr(error, "where", None):  # it was raised in the sandbox
        return f"{text}\n  in {where[0]}, line {where[1]}: {where[2]}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(ours) and "site-packages" not in frame.filename
    ]
    if not frames:
        return f"{text}. Do the arguments of your function have the names and the order asked for?"
    frame = frames[-1]
    line = linecache.getline(frame.filename, frame.lineno or 0).strip() or frame.line
    return f"{text}\n  in {frame.name}, line {frame.lineno}: {line}"
