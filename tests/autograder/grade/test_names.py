"""Whose name is it? What a graded cell sees: the student's answers, the instructor's everything else."""

from __future__ import annotations

import json
from dataclasses import replace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder import classroom
from autograder.classroom import Classroom
from autograder.grade import assignment as assignments
from autograder.grade import schedule as grade_class
from autograder.grade import work
from autograder.grade.work import Item
from tests.autograder import mini
from tests.autograder.conftest import needs

pytestmark = needs("bubblewrap")

# name of the test -> (the solution, the test)
CELLS = {
    "deaf": ("def count(): return 3", "assert sum(range(count())) == 3"),
    "shadow": ("def sum(xs):\n    total = 0\n    for x in xs: total += x\n    return total", "assert sum([1, 2]) == 3\nassert sum([]) == 0"),
    "bring": ("import math\nfrom numpy.testing import assert_allclose\ndef half(x): return x / 2",
              "assert math.isclose(half(3), 1.5)\nassert_allclose(half(np.ones(2)), [0.5, 0.5])"),
    "helper": ("def inc(x): return x + 1", "def twice(x):\n    return inc(inc(x))\nresult = twice(1)\nassert result == 3\nlist_of = [1, 2]"),
    "later": ("result = 7", "assert result == 7\nassert twice(5) == 7\nassert list_of == [1, 2]"),
    "partial": ("def score(): return 1", "points = 0.5 if score() == 1 else 0.0\npoints"),
    "stuck": ("def slow(): return 1", "assert slow() == 1"),
    "room": ("def column(): return np.ones((3, 1))", "x = column()\nassert (x - x.T).shape == (3, 3)\nassert column().sum() == 3"),
    "shown": ("def thing(): return 3", "display(thing())\nassert thing() == 3"),
}  # fmt: skip


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    root = tmp_path_factory.mktemp("names") / "class"
    classroom.init(root, [], seed="names")
    cells = [new_code_cell("import numpy as np", id="imports")]
    for name, (solution, test) in CELLS.items():
        stub = new_code_cell(
            f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION", id=f"{name}-answer"
        )
        graded = new_code_cell(test, id=name)
        about = {"task": False, "schema_version": 3}
        stub.metadata["nbgrader"] = about | {
            "grade_id": f"{name}-answer",
            "solution": True,
            "grade": False,
            "locked": False,
        }
        graded.metadata["nbgrader"] = about | {
            "grade_id": name,
            "solution": False,
            "grade": True,
            "locked": True,
            "points": 1,
        }
        cells += [stub, graded]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nb = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    (root / "source" / "names").mkdir(parents=True)
    nbformat.write(nb, root / "source" / "names" / "names.ipynb")
    room = Classroom(root)
    room.release("names")
    a = assignments.of_class(room, "names")
    a.settings = replace(a.settings, timeout=3.0, budget=30.0)
    return a, nbformat.read(root / "release" / "names" / "names.ipynb", as_version=4)


def grade(lesson, **answers: str) -> dict[str, float]:
    done = run(lesson, **answers)
    assert not done.problem
    return dict(done.scores)


def run(lesson, **answers: str) -> work.Done:
    item = Item("ada", notebook(lesson, **answers))
    return work.grade_chunk(lesson[0], "bubblewrap", {}, [item])[0]


def notebook(lesson, **answers: str) -> bytes:
    right = {name: solution for name, (solution, _) in CELLS.items()}
    return nbformat.v4.writes(mini.answered(lesson[1], right | answers)).encode()


def test_right_answers_earn_what_the_tests_give(lesson):
    assert grade(lesson) == {
        "shadow": 1,
        "bring": 1,
        "helper": 1,
        "later": 1,
        "partial": 0.5,
        "room": 1,
        "deaf": 1,
        "stuck": 1,
        "shown": 1,
    }


def test_a_builtin_does_not_answer_for_a_student_who_wrote_nothing(lesson):
    assert grade(lesson, shadow="pass")["shadow"] == 0
    assert grade(lesson, shadow="def sum(xs): return 3")["shadow"] == 0


def test_what_a_solution_imports_is_the_instructors_own(lesson):
    liar = "class math:\n    isclose = staticmethod(lambda *a, **k: True)\ndef assert_allclose(*a, **k): pass\ndef half(x): return 0"
    assert grade(lesson, bring=liar)["bring"] == 0
    # as with nbgrader alone: a test that uses what its solution imports needs the import
    assert grade(lesson, bring="def half(x): return x / 2")["bring"] == 0


def test_the_latest_setting_of_a_name_counts(lesson):
    assert grade(lesson, later="result = 8")["later"] == 0
    assert grade(lesson, later="pass")["later"] == 0  # not the 3 that an earlier test left
    # a helper of an earlier test sees the student's function of today, and is not the student's
    assert (
        grade(lesson, later="result = 7\ndef twice(x): return 7\ninc = lambda x: x + 5")["later"]
        == 0
    )
    assert grade(lesson, helper="def inc(x): return x + 2")["later"] == 0


POISON = """class Meta(type):
    @property
    def __module__(cls): {}
    @property
    def __mro__(cls): {}
class slow(metaclass=Meta): pass
slow = type.__call__(slow) if {} else slow"""


@pytest.mark.parametrize(
    "body", ["\n        while True: pass", "raise SystemExit", "1 / 0", "raise BaseException"]
)
@pytest.mark.parametrize("instance", [0, 1])
def test_a_name_that_cannot_be_fetched_costs_its_own_test(lesson, body, instance):
    scores = grade(lesson, stuck=POISON.format(body, body, instance))
    assert scores["stuck"] == 0
    assert sum(scores.values()) == 7.5, scores


def test_a_value_that_cannot_cross_hurts_only_who_uses_it(lesson):
    deep = "inc = lambda x: x + 1\nresult = []\nfor _ in range(100): result = [result]"
    scores = grade(lesson, later=deep)
    assert scores["later"] == 0 and sum(scores.values()) == 7.5, scores


def test_memory_that_a_test_would_need_for_a_wrong_shape_is_not_there(lesson):
    done = run(lesson, room="def column(): return np.ones((50_000, 1))")  # 20 GB of differences
    assert done.scores["room"] == 0 and sum(done.scores.values()) == 7.5
    assert "Unable to allocate" in done.notebook.decode()


def test_what_a_student_object_shows_is_text(lesson):
    loud = """class T:
    def __eq__(self, other): return True
    def _repr_html_(self): return "<script>alert(1)</script>"
    def _ipython_display_(self): print("FOUND")
    def __repr__(self): return "\\x1b]0;title\\x07plain"
def thing(): return T()"""
    done = run(lesson, shown=loud)
    (cell,) = [c for c in json.loads(done.notebook)["cells"] if c["id"] == "shown"]
    assert cell["outputs"][0]["data"] == {"text/plain": "plain"}, cell["outputs"]
    assert "FOUND" not in json.dumps(cell) and done.scores["shown"] == 0


WARNS = "import warnings\ndef count():\n    warnings.warn('careful')\n    return 3"


@pytest.mark.daily(2)
@pytest.mark.slow
def test_a_test_that_hears_no_signal_ends_with_its_process(lesson):
    """A sum is C code; how long it takes may be in what a student returns."""
    a = replace(lesson[0], settings=replace(lesson[0].settings, timeout=1.0, budget=4.0))
    items = [
        Item("eve", notebook(lesson, deaf="def count(): return 10**13")),
        Item("ada", notebook(lesson)),
        Item("bob", notebook(lesson, deaf=WARNS)),
    ]
    with grade_class._Pool(1, None) as pool:
        done = {d.student: d for d in pool.map(a, "bubblewrap", {}, iter(items))}
    assert done["eve"].problem == "the grading process died of it, twice"
    assert done["ada"].scores["deaf"] == 1 and not done["ada"].problem
    # in a process of its own, where pytest does not catch it: a warning costs nothing
    assert done["bob"].scores["deaf"] == 1 and "careful" in done["bob"].notebook.decode()


def test_what_a_failed_test_did_not_come_to_set_is_not_asked_of_the_student(lesson):
    once = "calls = []\ndef inc(x):\n    calls.append(x)\n    if len(calls) < 2: raise ValueError\n    return x + 1\nlist_of = [1, 2]"
    scores = grade(lesson, helper=once)
    assert scores["helper"] == 0 and scores["later"] == 0
