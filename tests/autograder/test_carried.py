"""A mistake costs once: later answers that call a wrong earlier one are judged with a right one in its place."""

from __future__ import annotations

from dataclasses import replace

import nbformat
import numpy as np
import pytest

from autograder import build, catalogue, classroom, demo, work
from autograder.card import MIME
from autograder.check import check, evaluate, forget
from autograder.classroom import Classroom
from autograder.work import Item
from tests.autograder.conftest import needs

WRONG = "def weighted_sum(x, w, b):\n    return x @ w"
UNWRITTEN = "def weighted_sum(x, w, b):\n    raise NotImplementedError"
ON_IT = "def layer(x, w, b):\n    return np.stack([weighted_sum(x, v, c) for v, c in zip(w, b)], axis=1)"
WRONG_ITSELF = "def layer(x, w, b):\n    return 2 * np.stack([weighted_sum(x, v, c) for v, c in zip(w, b)], axis=1)"
SUICIDAL = """import os
def layer(x, w, b):
    if weighted_sum(np.zeros(2), np.zeros(2), 1.0) == 1.0:
        os._exit(1)
    return x @ (w if w.shape[0] == w.shape[1] else w.T) + b"""
THIEF = """kept = []
def layer(x, w, b):
    kept.append(weighted_sum)
    return np.stack([weighted_sum(x, v, c) for v, c in zip(w, b)], axis=1)"""
USES_THE_LOOT = """def boundary(*given):
    return kept[-1](np.ones(2), np.ones(2), 0.0)"""


@pytest.fixture(autouse=True)
def _a_fresh_notebook():
    forget()
    yield
    forget()


def in_a_notebook(*sources: str) -> dict:
    scope = {"np": np}
    for source in sources:
        exec(source, scope)
    return scope


@pytest.mark.parametrize("earlier", [WRONG, UNWRITTEN])
def test_in_a_notebook(earlier, capsys):
    scope = in_a_notebook(earlier, ON_IT)
    mine = scope["weighted_sum"]
    assert evaluate("neurons.layer", scope["layer"])["points"] == 0  # nothing is known of it yet
    assert evaluate("neurons.weighted_sum", mine)["points"] == 0
    score = check("neurons.layer", scope["layer"])
    assert score.points == score.max_points
    assert "Judged with a right weighted_sum in the place of yours" in capsys.readouterr().out
    assert scope["weighted_sum"] is mine  # and everything is as it was


def test_its_own_mistake_still_costs():
    scope = in_a_notebook(WRONG, WRONG_ITSELF)
    evaluate("neurons.weighted_sum", scope["weighted_sum"])
    payload = evaluate("neurons.layer", scope["layer"])
    assert payload["points"] == 0 and "note" not in payload


def test_once_it_is_mended_nothing_is_lent():
    scope = in_a_notebook(WRONG, ON_IT)
    evaluate("neurons.weighted_sum", scope["weighted_sum"])
    exec("def weighted_sum(x, w, b):\n    return x @ w + b", scope)
    evaluate("neurons.weighted_sum", scope["weighted_sum"])
    assert "note" not in evaluate("neurons.layer", scope["layer"])


def test_what_does_not_call_it_is_not_excused():
    scope = in_a_notebook(WRONG, "def layer(x, w, b):\n    return x @ w.T")
    evaluate("neurons.weighted_sum", scope["weighted_sum"])
    payload = evaluate("neurons.layer", scope["layer"])
    assert payload["points"] == 0 and "note" not in payload


@pytest.fixture(scope="module")
def neurons(tmp_path_factory):
    root = tmp_path_factory.mktemp("carried") / "class"
    lesson = catalogue.find_lesson("neurons")
    classroom.init(root, [lesson], seed="carried")
    a = Classroom(root).assignment(lesson.slug)
    a.settings = replace(a.settings, timeout=20.0, budget=100.0)
    return lesson, a


def graded(neurons, **answers: str) -> tuple[dict[str, float], str]:
    """The points by exercise, and all cards and prints."""
    lesson, a = neurons
    right = {e.function: demo._REFERENCE for e in lesson.exercises}
    nb = demo.answered(lesson, right | answers)
    item = Item("ada", build.to_text(nb).encode())
    done = work.grade_chunk(a, "bubblewrap", {}, [item])[0]
    assert not done.problem
    found = nbformat.reads(done.notebook.decode(), as_version=4)
    outputs = [o for cell in found.cells for o in cell.get("outputs", [])]
    cards = [o.data[MIME] for o in outputs if MIME in o.get("data", {})]
    said = "".join(o.get("text", "") for o in outputs)
    for card in cards:
        said += card.get("note", "") + card.get("failure", {}).get("message", "")
    return {card["exercise"].split(".")[1]: card["points"] for card in cards}, said


@needs("bubblewrap")
@pytest.mark.parametrize("earlier", [WRONG, UNWRITTEN])
def test_when_grading(neurons, earlier):
    points, said = graded(neurons, weighted_sum=earlier, layer=ON_IT)
    full = {e.function: e.points for e in neurons[0].exercises}
    assert points == full | {"weighted_sum": 0}
    assert said.count("Judged with a right weighted_sum in the place of yours") == 1
    points, said = graded(neurons, weighted_sum=earlier, layer=WRONG_ITSELF)
    assert points["layer"] == 0 and "Judged with" not in said


@needs("bubblewrap")
def test_the_next_submission_is_not_judged_by_the_last_ones_mistakes(neurons):
    graded(neurons, weighted_sum=WRONG)
    points, said = graded(neurons, layer="def layer(x, w, b):\n    return x @ w.T")
    assert points["layer"] == 0 and "Judged with" not in said


@needs("bubblewrap")
def test_a_second_judging_that_ends_badly_takes_nothing_away(neurons):
    points, said = graded(neurons, weighted_sum=WRONG, layer=SUICIDAL)
    assert 0 < points["layer"] < 3 and "Judged with" not in said
    full = {e.function: e.points for e in neurons[0].exercises}
    assert points == full | {"weighted_sum": 0, "layer": points["layer"]}  # and the rest goes on


@needs("bubblewrap")
def test_what_was_lent_cannot_be_kept(neurons):
    """A right function that is kept from one exercise does nothing in the next."""
    points, said = graded(neurons, weighted_sum=WRONG, layer=THIEF, boundary=USES_THE_LOOT)
    assert points["layer"] > 0 and points["boundary"] == 0
    assert "there is no such function" in said
