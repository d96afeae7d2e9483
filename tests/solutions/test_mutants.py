"""Mutation test of the checks: a right answer with one small mistake must lose points.

`make mutants` tries all of them; `make test` a sample, seeded.
"""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

import dlcore
from autograder.author import build
from autograder.check.compare import run_case
from autograder.check.judge import expect
from autograder.exercises import catalog
from autograder.exercises.exercise import Exercise
from tests.conftest import WHOLE
from tests.solutions.equivalent import EQUIVALENT
from tests.solutions.mutants import Mutant, mutants
from tests.solutions.test_exercises import EXERCISES, reference

SAMPLE = 6


def answer(exercise: Exercise) -> str:
    """The cell with the reference solution of an exercise."""
    lesson = catalog.find_lesson(exercise.lesson)
    (cell,) = [
        c for c in build.source_notebook(lesson).cells if c.id == f"{exercise.function}-answer"
    ]
    return cell.source


def survives(exercise: Exercise, mutant: Mutant) -> bool:
    """Whether a mutant gets full points, with each of two seeds."""
    scope = dict(reference(exercise.lesson))
    try:
        exec(compile(mutant.source, "<mutant>", "exec"), scope)
    except Exception:
        return False  # not even a program
    student = scope[exercise.function]
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        for part in exercise.parts:
            for case in part.cases(rng):
                wanted = expect(exercise, case, dlcore)
                if not run_case(exercise, student, case, wanted, min(part.seconds, 2.0)).right:
                    return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_a_small_mistake_loses_points(exercise):
    everything = mutants(answer(exercise))
    assert everything
    chosen = everything
    if not WHOLE:
        seed = os.environ.get("DLCOURSE_MUTANTS", "1")
        chosen = random.Random(seed + exercise.name).sample(
            everything, min(SAMPLE, len(everything))
        )
    same = EQUIVALENT.get(exercise.name, {})
    survivors = [m.what for m in chosen if m.what not in same and survives(exercise, m)]
    assert not survivors, f"full points for {survivors}"
    stale = set(same) - {m.what for m in everything}
    assert not stale, f"recorded as equivalent, but not made any more: {stale}"


def test_reasons_are_given_for_what_is_let_pass():
    assert set(EQUIVALENT) <= {e.name for e in EXERCISES}
    for table in EQUIVALENT.values():
        assert all(len(reason) > 15 for reason in table.values())


def test_mutants_are_made_of_everything():
    source = "def f(x, axis=0):\n    y = 2.0\n    for i in range(3):\n        y += x[i:] * -x.T @ y\n    return np.max(x - y, axis=axis), y if y > 0 else 1"
    what = {m.what for m in mutants(source)}
    for wanted in ("y += x[i:] * -x.T @ y -> y = x[i:] * -x.T @ y", "x.T -> x", "x - y -> x + y", "x - y -> y - x", "y > 0 -> y >= 0",
                   "y = 2.0 -> nothing", "-x.T -> x.T", "np.max -> np.min", "3 -> 4", "x - y -> x"):  # fmt: skip
        assert wanted in what, (wanted, what)
    assert len({m.source for m in mutants(source)}) == len(mutants(source))
