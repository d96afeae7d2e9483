"""A mistake costs once: later answers that call a wrong earlier one are judged with a right one in its place."""

from __future__ import annotations

from dataclasses import replace

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from autograder import classroom, demo
from autograder.author import build
from autograder.check import carried_forward, limits
from autograder.check.card import MIME
from autograder.check.carried_forward import forget
from autograder.check.instant import check, evaluate
from autograder.check.limits import Lost, TimeUp
from autograder.classroom import Classroom
from autograder.exercises import catalog
from autograder.grade import assignment as assignments
from autograder.grade import work
from autograder.grade.run import Grader
from autograder.grade.work import Item
from autograder.sandbox.session import Session
from tests.autograder.conftest import needs

WRONG = "def weighted_sum(x, w, b):\n    return x @ w"
SYNTAX_ERROR = "def weighted_sum(x, w, b)\n    return x @ w + b"
UNWRITTEN = "def weighted_sum(x, w, b):\n    raise NotImplementedError"
ON_IT = "def layer(x, w, b):\n    return np.stack([weighted_sum(x, v, c) for v, c in zip(w, b)], axis=1)"
WRONG_ITSELF = "def layer(x, w, b):\n    return 2 * np.stack([weighted_sum(x, v, c) for v, c in zip(w, b)], axis=1)"
SUICIDAL = """import os
def layer(x, w, b):
    if weighted_sum(np.zeros(2), np.zeros(2), 1.0) == 1.0:
        os._exit(1)
    return x @ (w if w.shape[0] == w.shape[1] else w.T) + b"""
DAWDLING = """import time
def layer(x, w, b):
    if weighted_sum(np.zeros(2), np.zeros(2), 1.0) == 1.0:
        time.sleep(60)
    return x @ (w if w.shape[0] == w.shape[1] else w.T) + b"""
OWN = """def decision_boundary(x1, w, b):  # right while weighted_sum is the student's own
    return -(w[0] * x1 + b) / w[1] + weighted_sum(np.zeros(2), np.zeros(2), 1.0)"""
IF_MISSING = """def decision_boundary(x1, w, b):  # right while weighted_sum is missing, as the student left it
    try:
        weighted_sum
    except NameError:
        return -(w[0] * x1 + b) / w[1]"""
THIEF = """kept = []
def layer(x, w, b):
    kept.append(weighted_sum)
    return np.stack([weighted_sum(x, v, c) for v, c in zip(w, b)], axis=1)"""
USES_THE_LOOT = """def decision_boundary(*given):
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


@pytest.mark.parametrize("execution", ["", "autograde"])  # stock nbgrader sets the latter
@pytest.mark.parametrize("earlier", [WRONG, UNWRITTEN])
def test_in_a_notebook(earlier, execution, monkeypatch, capsys):
    monkeypatch.setenv("NBGRADER_EXECUTION", execution)
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


def test_a_later_answer_is_never_lent_to_an_earlier_one():
    scope = in_a_notebook(
        "def layer(x, w, b):\n    return x @ w.T",
        "def weighted_sum(x, w, b):\n    return layer(x[None], w[None], np.array([b]))[0, 0]",
    )
    evaluate("neurons.layer", scope["layer"])
    payload = evaluate("neurons.weighted_sum", scope["weighted_sum"])
    assert payload["points"] == 0 and "note" not in payload


@pytest.mark.parametrize("execution", ["", "autograde"])
def test_in_a_kernel_a_name_that_is_missing_is_lent(execution, monkeypatch):
    """The cell that should set it has a syntax error, so its check ends before it begins."""
    monkeypatch.setenv("NBGRADER_EXECUTION", execution)
    sources = [
        "import numpy as np\nfrom autograder import check",
        SYNTAX_ERROR,
        'check("neurons.weighted_sum", weighted_sum)',
        ON_IT,
        'check("neurons.layer", layer)',
        "weighted_sum",
    ]
    nb = new_notebook(cells=[new_code_cell(source) for source in sources])
    NotebookClient(nb, kernel_name="python3", allow_errors=True).execute()
    *_, card, points = nb.cells[4].outputs
    assert "Judged with a right weighted_sum" in card.data[MIME]["note"]
    assert float(points.data["text/plain"]) == 3
    assert nb.cells[5].outputs[0].ename == "NameError"  # and it is missing again


def test_what_is_lent_gives_and_takes_copies():
    """As across the pipe to a sandbox: nothing that it is given, or gives, is shared with it."""
    scope = in_a_notebook("def student(x):\n    return keep(x)")
    kept = []

    def keep(x):
        kept.append(x)
        x[0] += 1
        return x

    given = np.zeros(2)
    with carried_forward.lent(scope["student"], {"keep": keep}) as called:
        got = scope["student"](given)
    assert called == ["keep"] and "keep" not in scope
    assert given[0] == 0 and kept[0][0] == got[0] == 1
    assert got is not kept[0] and not np.shares_memory(got, kept[0])


@pytest.fixture(scope="module")
def neurons(tmp_path_factory):
    root = tmp_path_factory.mktemp("carried") / "class"
    lesson = catalog.find_lesson("neurons")
    classroom.init(root, [lesson], seed="carried")
    a = assignments.of_class(Classroom(root), lesson.slug)
    a.settings = replace(a.settings, timeout=20.0, budget=100.0)
    return lesson, a


def graded(neurons, last: str = "", **answers: str) -> tuple[dict[str, float], str]:
    """The points by exercise, and all cards and prints; the cell ``last`` has been moved to the end."""
    lesson, a = neurons
    right = {e.function: demo._REFERENCE for e in lesson.exercises}
    nb = demo.answered(lesson, right | answers)
    nb.cells.sort(key=lambda cell: cell.id == last)
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
@pytest.mark.parametrize("earlier", [WRONG, UNWRITTEN, SYNTAX_ERROR])
def test_when_grading(neurons, earlier):
    points, said = graded(neurons, weighted_sum=earlier, layer=ON_IT)
    full = {e.function: e.points for e in neurons[0].exercises}
    assert {"weighted_sum": 0} | points == full | {"weighted_sum": 0}
    assert said.count("Judged with a right weighted_sum in the place of yours") == 1
    points, said = graded(neurons, weighted_sum=earlier, layer=WRONG_ITSELF)
    assert points["layer"] == 0 and "Judged with" not in said


@needs("bubblewrap")
def test_the_next_submission_is_not_judged_by_the_last_ones_mistakes(neurons, tmp_path):
    """It would be where an instructor asks for a later exercise first."""
    lesson, _ = neurons
    nb = build.source_notebook(lesson)
    nb.cells.sort(key=lambda cell: cell.id == "weighted_sum")
    classroom.init(tmp_path / "class", [], seed="carried")
    source = tmp_path / "class" / "source" / lesson.slug
    source.mkdir(parents=True)
    nbformat.write(nb, source / f"{lesson.slug}.ipynb")
    room = Classroom(tmp_path / "class")
    room.release(lesson.slug)
    a = assignments.of_class(room, lesson.slug)
    for _ in range(2):
        points, _ = graded((lesson, a), "weighted_sum", weighted_sum=WRONG, layer=ON_IT)
        assert points["layer"] == 0  # nothing is known of this one yet


@needs("bubblewrap")
def test_a_second_judging_that_ends_badly_takes_nothing_away(neurons):
    points, said = graded(neurons, weighted_sum=WRONG, layer=SUICIDAL)
    assert 0 < points["layer"] < 3 and "Judged with" not in said
    full = {e.function: e.points for e in neurons[0].exercises}
    assert points == full | {"weighted_sum": 0, "layer": points["layer"]}  # and the rest goes on


@needs("bubblewrap")
def test_a_second_judging_that_takes_too_long_takes_nothing_away(neurons):
    lesson, a = neurons
    hurried = replace(a, settings=replace(a.settings, timeout=12.0))
    points, said = graded(
        (lesson, hurried), weighted_sum=WRONG, layer=DAWDLING, decision_boundary=OWN
    )
    full = {e.function: e.points for e in lesson.exercises}
    assert 0 < points["layer"] < 3 and "Judged with" not in said
    assert points == full | {"weighted_sum": 0, "layer": points["layer"]}


@needs("bubblewrap")
def test_what_was_lent_cannot_be_kept(neurons):
    """A right function that is kept from one exercise does nothing in the next."""
    points, said = graded(neurons, weighted_sum=WRONG, layer=THIEF, decision_boundary=USES_THE_LOOT)
    assert points["layer"] > 0 and points["decision_boundary"] == 0
    assert "there is no such function" in said


@needs("bubblewrap")
def test_a_name_that_was_missing_is_missing_again(neurons):
    points, said = graded(
        neurons, weighted_sum=SYNTAX_ERROR, layer=ON_IT, decision_boundary=IF_MISSING
    )
    assert points["layer"] == 3 and "Judged with a right weighted_sum" in said
    assert points["decision_boundary"] == 2


@pytest.mark.parametrize("end", [Lost("gone"), TimeUp(), MemoryError()], ids=repr)
def test_however_the_second_judging_ends_the_first_one_counts(end, monkeypatch):
    scope = in_a_notebook(WRONG, SUICIDAL.replace("os._exit(1)", "return None"))
    evaluate("neurons.weighted_sum", scope["weighted_sum"])
    points = evaluate("neurons.layer", scope["layer"])["points"]

    def ends(*_):
        raise end

    monkeypatch.setattr(carried_forward, "judged_again", ends)
    assert evaluate("neurons.layer", scope["layer"])["points"] == points > 0


@needs("bubblewrap")
def test_what_is_lent_goes_back_though_time_was_up(neurons, monkeypatch):
    grader = Grader("bubblewrap")
    session = Session(grader.zygote(neurons[1]), timeout=10.0, budget=60.0)
    try:
        session.run(1, "def f():\n    return 'mine'\ndef g():\n    return f()")
        session.lend({"f": lambda: "lent"})
        assert session.names(["g"]) and session.lending is False  # and so it is taken back
        session.lend({"f": lambda: "lent"})
        with monkeypatch.context() as m:
            m.setattr(limits, "_deadlines", [0.0])  # the test's time is up
            session.lend({})
        assert session.names(["g"])["g"]() == "mine"
    finally:
        session.close()
        grader.close()
