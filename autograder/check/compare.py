"""One call of the student's code, and how its result differs from what must come out."""

from __future__ import annotations

import builtins
import copy
import inspect
import linecache
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autograder.check.limits import Lost, TimeUp, quiet, time_limit
from autograder.check.verdict import Kind, Outcome
from autograder.exercises.exercise import Case, Exercise

_PACKAGE = Path(__file__).resolve().parent.parent


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
        return Outcome(Kind.RAISED, _describe_error(error), got=_known_name(type(error)))
    # judged with the default printing and warnings of this process
    outcome = compare(exercise, expected, got)
    given = (case.args, case.kwargs)
    if outcome.kind in {Kind.RIGHT, Kind.WRONG_VALUE} and not same((args, kwargs), given):
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
        found = f"{len(got)} values" if isinstance(got, tuple | list) else type_name(got)
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
            f"{what}is {type_name(got)}; expected {kind}.{_forgot_return(got)}",
            got,
        )
    try:
        array = np.asarray(got)
    except (ValueError, TypeError, OverflowError, RecursionError):
        message = (
            f"{what}is a list of which NumPy can make no array, as when its rows differ in length."
        )
        return Outcome(Kind.WRONG_TYPE, message, got)
    if array.shape != expected.shape:
        return Outcome(
            Kind.WRONG_SHAPE,
            f"{what}has shape {array.shape}; expected {expected.shape}.",
            array,
        )
    if array.dtype.kind == "O" and any(item is None for item in array.flat):
        message = f"{what}contains None; expected numbers ({expected.dtype})."
        return Outcome(Kind.WRONG_DTYPE, message, array)
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


def same(a: Any, b: Any) -> bool:
    """Equal, arrays entry by entry with NaN equal to itself, tuples and dictionaries item by item."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        x, y = np.asarray(a), np.asarray(b)
        if x.dtype.kind in "US" and y.dtype.kind in "US":
            return np.array_equal(x, y)
        if x.shape != y.shape or not {x.dtype.kind, y.dtype.kind} <= set("fiubc"):
            return False
        return bool(np.allclose(x, y, rtol=1e-9, atol=1e-12, equal_nan=True))
    if callable(a) and callable(b):
        return True
    return type(a) is type(b) and bool(a == b)


def type_name(value: Any) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    if hasattr(type(value), "_type_name"):  # it stands for something in the sandbox
        name = value._type_name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _forgot_return(got: Any) -> str:
    return " Is there a return at the end?" if got is None else ""


def _too_slow(seconds: float) -> str:
    return (
        f"Stopped after {seconds:g} seconds without a result. Look for a loop that never ends, "
        "or a Python loop over many numbers where one NumPy operation would do."
    )


def _known_name(kind: type[BaseException]) -> str:
    """The name of an exception; of one that a learner has made, that of what it is a kind of."""
    if kind is Lost:
        return Lost.__name__
    known = (k for k in kind.__mro__ if getattr(builtins, k.__name__, None) is k or k in _NUMPYS)
    return next(known, Exception).__name__


_NUMPYS = {np.linalg.LinAlgError, *filter(inspect.isclass, vars(np.exceptions).values())}


def _describe_error(error: BaseException) -> str:
    """The error and the student's own line that it came from, without our frames."""
    if isinstance(error, Lost):
        return f"{str(error)[:1].upper()}{str(error)[1:]}."
    ours = str(_PACKAGE)
    text = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}").strip().rstrip(":")
    where = getattr(error, "where", None)
    if isinstance(where, tuple):  # it was raised in the sandbox
        return f"{text}\n  in {where[0]}, line {where[1]}: {where[2]}" if where else text
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(ours) and "site-packages" not in frame.filename
    ]
    if not frames and isinstance(error, TypeError) and re.search(r"\bargument|\bcallable", text):
        return f"{text}. Do the arguments of your function have the names and the order asked for?"
    if not frames:
        text = text.rstrip(".")
        return f"{text}. Your function returned, and the check cannot calculate with what it returned: is it of the type and shape asked for?"
    frame = frames[-1]
    line = linecache.getline(frame.filename, frame.lineno or 0).strip() or frame.line
    return f"{text}\n  in {frame.name}, line {frame.lineno}: {line}"
