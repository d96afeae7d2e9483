"""One battery over every exercise; a new one is tested by being listed in checks/."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import json
import math
import re
from fractions import Fraction

import numpy as np
import pytest

import dlcore
from autograder.author import build
from autograder.check import card
from autograder.check.compare import run_case
from autograder.check.judge import expect, judge
from autograder.check.verdict import PartResult, Verdict
from autograder.exercises import catalog, oracle
from autograder.exercises.exercise import Exercise, call

EXERCISES = [e for lesson in catalog.lessons() for e in lesson.exercises]
MISCONCEPTIONS = [(e, m) for e in EXERCISES for m in e.misconceptions]
ALTERNATIVES = [a for lesson in catalog.lessons() for a in catalog.alternatives(lesson)]
SEEDS = range(3)

every_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)


def library_for(seed: int):
    return oracle.load_library(("dlcore", "torch")[seed % 2])


@functools.cache
def reference(lesson_name: str) -> dict:
    """The names that a lesson's solution cells define, with its first cell's imports and the functions it gives."""
    lesson = catalog.find_lesson(lesson_name)
    scope = {"__name__": "reference"}
    cells = build.source_notebook(lesson).cells
    first = next(cell for cell in cells if cell.cell_type == "code")
    imports = [
        n for n in ast.parse(first.source).body if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    exec("\n".join(map(ast.unparse, imports)), scope)
    for cell in cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            exec(compile(cell.source, cell.id, "exec"), scope)
        elif cell.cell_type == "code" and not cell.source.startswith("%"):
            given = [n for n in ast.parse(cell.source).body if isinstance(n, ast.FunctionDef)]
            exec(compile(ast.Module(given, []), cell.id, "exec"), scope)
    return scope


def full_marks(exercise: Exercise, student, seed: int) -> None:
    verdict = judge(exercise, student, library_for(seed), np.random.default_rng(seed))
    failed = verdict.first_failure
    assert failed is None, (failed.part.name, failed.failure)
    assert verdict.points == exercise.points


@every_exercise
@pytest.mark.parametrize("seed", SEEDS)
def test_reference_gets_full_marks(exercise, seed):
    full_marks(exercise, reference(exercise.lesson)[exercise.function], seed)


@pytest.mark.parametrize("answer", ALTERNATIVES, ids=lambda a: f"{a.exercise}: {a.style}")
@pytest.mark.parametrize("seed", SEEDS)
def test_right_answers_in_other_styles_get_full_marks(answer, seed):
    exercise = catalog.find_exercise(answer.exercise)
    scope = {"np": np}
    exec(compile(answer.source, answer.style, "exec"), scope)
    full_marks(exercise, scope[exercise.function], seed)


@pytest.mark.parametrize(("exercise", "misconception"), MISCONCEPTIONS, ids=lambda x: x.name)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_misconception_fails_with_its_own_hint(exercise, misconception, seed):
    verdict = judge(exercise, misconception.wrong, library_for(seed), np.random.default_rng(seed))
    assert verdict.points < exercise.points
    assert verdict.first_failure.misconception is misconception
    payload = card.summarize(verdict, library="", seed=seed, grading=False)
    assert misconception.hint in card.to_text(payload)


@pytest.mark.parametrize(("exercise", "misconception"), MISCONCEPTIONS, ids=lambda x: x.name)
def test_every_misconception_can_be_typed_into_a_notebook(exercise, misconception):
    scope = {"np": np}
    exec(catalog.misconception_source(exercise, misconception.wrong), scope)
    verdict = judge(exercise, scope[exercise.function], dlcore, np.random.default_rng(0))
    assert verdict.first_failure.misconception is misconception


@every_exercise
def test_an_answer_that_is_not_written_scores_nothing(exercise):
    def stub(*args, **kwargs):
        raise NotImplementedError

    verdict = judge(exercise, stub, dlcore, np.random.default_rng(0))
    assert verdict.points == 0
    assert verdict.first_failure.failure[2].kind == "not written yet"


@every_exercise
def test_empty_answers_score_nothing(exercise):
    verdict = judge(exercise, lambda *args, **kwargs: None, dlcore, np.random.default_rng(0))
    assert verdict.points == 0


class Shy:
    def __repr__(self):
        raise ValueError("on purpose")


def nested(depth: int) -> list:
    found: list = []
    for _ in range(depth):
        found = [found]
    return found


ODD = (
    *(-1, 0, 1, 3, 10**400, -1.0, 0.0, 0.5, 1.0, np.inf, np.nan, True, np.int8(3), np.float16(1), np.longdouble(1)),
    *("a text", b"abc", 1j, Fraction(1, 3), range(3), {1}, {"a": 1}, len, Shy, Shy(), np.void(b"ab")),
    *([[]], [None], ["a"], [1, "a"], [object()], [Shy()], [math.nan], [10**400], [[1], [1, 2]], nested(3000)),
    *((0.0, 0.0), (1.0, 1.0), ([[1], [1, 2]],) * 2, (None,) * 3, (10**400,) * 2, ([Shy()],) * 2),
    *(np.zeros((0, 3)), np.array(None), np.array([None, 1]), np.array([1j]), np.array(["a" * 100])),
    *(np.zeros(2, dtype=[("a", int)]), np.array(["2020"], "M8[D]"), np.ma.array([1, 2])),
)  # fmt: skip
_LAZY = {
    "as it is": lambda x: x,
    "zeros": lambda x: np.zeros(np.shape(x)),
    "ones": lambda x: np.ones(np.shape(x)),
    "negative": lambda x: -np.asarray(x),
    "sum": np.sum,
    "mean": np.mean,
    "as many zeros": lambda x: np.zeros(len(x)),
}


def prepared(exercise):
    """The cases of each part, with what must come out: made once for many answers."""
    rng, found = np.random.default_rng(0), []
    for part in exercise.parts:
        cases = part.cases(rng)
        found.append((part, cases, [expect(exercise, case, dlcore) for case in cases]))
    return found


def score_nothing(exercise, answers):
    parts = prepared(exercise)
    for what, answer in answers:
        results = []
        for part, cases, wanted in parts:
            outcomes: list = []
            for case, value in zip(cases, wanted, strict=True):
                if not outcomes or outcomes[-1].right:  # the first that is wrong decides
                    outcomes.append(run_case(exercise, answer, case, value, 1.0))
            assert not all(outcome.right for outcome in outcomes), (what, part.name)
            n = len(outcomes)
            results.append(PartResult(part, cases[:n], wanted[:n], outcomes))
        payload = card.summarize(
            Verdict(exercise, results), library="dlcore", seed=0, grading=False
        )
        json.dumps(payload)
        assert card.to_text(payload) and card.to_html(payload)  # whatever came back can be told


@every_exercise
def test_whatever_an_answer_returns_the_card_can_tell_and_a_constant_scores_nothing(exercise):
    answers = ((type(thing), lambda *_, thing=thing, **__: thing) for thing in ODD)
    score_nothing(exercise, answers)


@every_exercise
def test_what_was_given_scores_nothing(exercise):
    several = (slice(0, 2), slice(0, 3), slice(1, None))
    one = (
        ((what, i), lambda *args, i=i, f=f, **_: f(args[i]))
        for i in range(4)
        for what, f in _LAZY.items()
    )
    many = (
        ((what, s), lambda *args, s=s, f=f, **_: tuple(map(f, args[s])))
        for s in several
        for what, f in _LAZY.items()
    )
    score_nothing(exercise, itertools.chain(one, many))


@every_exercise
@pytest.mark.parametrize("seed", range(5))
def test_both_libraries_say_the_same(exercise, seed):
    """dlcore answers in notebooks, PyTorch when grading: the same cases, the same results."""
    torch = oracle.load_library("torch")
    for part in exercise.parts:
        for case in part.cases(np.random.default_rng(seed)):
            ours, theirs = expect(exercise, case, dlcore), expect(exercise, case, torch)
            if not isinstance(ours, tuple):
                ours, theirs = (ours,), (theirs,)
            for a, b in zip(ours, theirs, strict=True):
                assert a.shape == b.shape and a.dtype == b.dtype
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@every_exercise
def test_twin_has_the_same_signature(exercise):
    student = reference(exercise.lesson)[exercise.function]

    def shape(f):
        return [(p.name, p.default) for p in inspect.signature(f).parameters.values()]

    wanted, found = shape(exercise.right_answer), shape(student)
    assert found == (wanted[: len(found)] if isinstance(exercise.right_answer, type) else wanted)


@every_exercise
@pytest.mark.parametrize("seed", SEEDS)
def test_the_twin_is_right_too(exercise, seed):
    torch = oracle.load_library("torch")
    for part in exercise.parts:
        for case in part.cases(np.random.default_rng(seed)):
            expected = expect(exercise, case, torch)
            assert run_case(exercise, exercise.right_answer, case, expected, part.seconds).right, (
                part.name
            )


@every_exercise
def test_handing_in_the_twin_is_noticed(exercise):
    twin = exercise.right_answer
    scope = {"twin": twin}
    exec("def student(*args, **kwargs):\n    return twin(*args, **kwargs)", scope)
    for student in (twin, scope["student"]):
        verdict = judge(exercise, student, dlcore, np.random.default_rng(0))
        assert verdict.points == 0
        assert verdict.first_failure.failure[2].kind == "forbidden"


@pytest.mark.parametrize("seed", range(100))
def test_the_perceptron_is_trained_on_numbers_whose_sums_are_exact(seed):
    """A neuron at exactly 0 fires or not by how its sum was rounded, which differs from machine to machine."""
    exercise = catalog.find_exercise("neurons.train_perceptron")
    for part in exercise.parts:
        for case in part.cases(np.random.default_rng(seed)):
            x, y, epochs = case.args
            w, b, mistakes = [Fraction(0)] * x.shape[1], Fraction(0), []
            while len(mistakes) < epochs and 0 not in mistakes:
                mistakes.append(0)
                for row, wanted in zip(x.tolist(), y.tolist(), strict=True):
                    xi = [Fraction(value).limit_denominator(1000) for value in row]
                    fires = sum(p * q for p, q in zip(xi, w, strict=True)) + b > 0
                    error = wanted - int(fires)
                    mistakes[-1] += abs(error)
                    w, b = [q + error * p for p, q in zip(xi, w, strict=True)], b + error
            found = expect(exercise, case, dlcore)
            assert found[0].tolist() == [float(q) for q in w] and found[1] == b
            assert found[2].tolist() == mistakes


@every_exercise
def test_is_complete(exercise):
    assert len(exercise.misconceptions) >= 4
    assert len({m.hint for m in exercise.misconceptions}) == len(exercise.misconceptions)
    styles = [a for a in ALTERNATIVES if a.exercise == exercise.name]
    assert len(styles) >= 3
    assert any(part.draw for part in exercise.parts) or exercise.driver is not call
    for misconception in exercise.misconceptions:
        assert 40 < len(misconception.hint) < 320, misconception.name


@every_exercise
def test_drawn_cases_differ_and_a_seed_repeats_them(exercise):
    for part in exercise.parts:
        if part.draw:
            a, b, c = (
                [
                    re.sub(" at 0x[0-9a-f]+", "", repr((c.args, c.kwargs)))
                    for c in part.cases(np.random.default_rng(s))
                ]
                for s in (1, 2, 1)
            )
            assert a == c and a != b


@every_exercise
def test_the_judge_leaves_cases_as_they_were(exercise):
    def vandal(*args, **kwargs):
        for a in args:
            if isinstance(a, np.ndarray):
                a[...] = -1
        return 0.0

    for part in exercise.parts:
        for case in part.cases(np.random.default_rng(0)):
            before = repr((case.args, case.kwargs))
            run_case(exercise, vandal, case, np.asarray(0.0), 2.0)
            assert repr((case.args, case.kwargs)) == before


def test_every_lesson_has_five_to_eight_exercises():
    for lesson in catalog.lessons():
        assert 5 <= len(lesson.exercises) <= 8, lesson.slug


def spoilt(function, change):
    """``function`` with its results, or each part of them, changed."""

    @functools.wraps(function)
    def student(*args, **kwargs):
        result = function(*args, **kwargs)
        return tuple(map(change, result)) if isinstance(result, tuple) else change(result)

    return student


def _fails(value):
    raise ValueError("on purpose")


_noise = np.random.default_rng()
SPOILT = {
    "raised an error": _fails,
    "wrong type": lambda value: "a text",
    "wrong shape": lambda value: np.asarray(value)[None],
    "wrong dtype": lambda value: np.asarray(value, dtype=complex),
    "not finite": lambda value: np.asarray(value) * np.nan,
    "wrong value": lambda value: np.asarray(value) * 1.001 + 0.01,
    "different every time": lambda value: np.asarray(value) + _noise.random(),
}


# other drivers turn the answer into something else before it is looked at
called_plainly = pytest.mark.parametrize(
    "exercise", [e for e in EXERCISES if e.driver is call], ids=lambda e: e.name
)


@called_plainly
@pytest.mark.parametrize("kind", SPOILT)
def test_kinds_of_failure_are_told_apart(exercise, kind):
    student = spoilt(reference(exercise.lesson)[exercise.function], SPOILT[kind])
    verdict = judge(exercise, student, dlcore, np.random.default_rng(0))
    assert verdict.first_failure.failure[2].kind == kind
    assert verdict.points == 0


def arrays_in(argument):
    """The arrays of an argument, of the lists and dictionaries in it too."""
    if isinstance(argument, np.ndarray):
        yield argument
    elif isinstance(argument, dict):
        yield from arrays_in(list(argument.values()))
    elif isinstance(argument, list | tuple):
        for each in argument:
            yield from arrays_in(each)


@pytest.mark.parametrize(
    "exercise",
    [
        e
        for e in EXERCISES
        if e.driver is call
        and any(
            True
            for c in e.parts[0].cases(np.random.default_rng(0))
            for _ in arrays_in((c.args, c.kwargs))
        )
    ],
    ids=lambda e: e.name,
)
def test_a_changed_argument_is_seen(exercise):
    function = reference(exercise.lesson)[exercise.function]

    def student(*args, **kwargs):
        result = function(*args, **kwargs)
        next(arrays_in((args, kwargs)))[...] += 1
        return result

    verdict = judge(exercise, student, dlcore, np.random.default_rng(0))
    assert verdict.first_failure.failure[2].kind == "changed its input"
