"""Blocks of ``with when_written`` show something and earn nothing: grading leaves them out where nobody needs them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder import classroom
from autograder.classroom import Classroom
from autograder.grade import assignment as assignments
from autograder.grade import work
from autograder.grade.assignment import without_shows
from autograder.grade.work import Item
from tests.autograder.conftest import needs

ANSWER = "def answer(): return given()"
GIVEN = """def given():
    return 3

total = 0
with when_written:
    total = 100 * answer()
    print("it was run:", total)"""
number = itertools.count()
ABOUT = {"task": False, "schema_version": 3}


def test_only_whole_blocks_are_taken_out():
    assert without_shows("x = 1\nwith when_written:\n    y = x\nz = 2") == "x = 1\nz = 2"
    assert without_shows("with when_written:\n    y = 1") == ""
    for source in (
        "with open('a') as f:\n    pass",
        "f()  # with when_written",
        "%pip list",
        "x =",
    ):
        assert without_shows(source) == source


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    root = tmp_path_factory.mktemp("shows") / "class"
    classroom.init(root, [], seed="shows")
    return Classroom(root)


def graded(room, test: str, *own: str, given: str = GIVEN) -> tuple[float, str]:
    """The points of a submission with the cells ``own`` before the test, and all that was printed."""
    slug = f"lesson-{next(number)}"
    stub = new_code_cell(f"### BEGIN SOLUTION\n{ANSWER}\n### END SOLUTION", id="answer")
    check = new_code_cell(test, id="test")
    about = ABOUT | {"grade_id": "answer", "solution": True, "grade": False, "locked": False}
    stub.metadata["nbgrader"] = about
    about = ABOUT | {"grade_id": "test", "solution": False, "grade": True, "locked": True}
    check.metadata["nbgrader"] = about | {"points": 1}
    start = new_code_cell("from autograder import when_written", id="start")
    cells = [start, stub, new_code_cell(GIVEN, id="given"), check]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nb = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    (room.root / "source" / slug).mkdir(parents=True)
    nbformat.write(nb, room.root / "source" / slug / f"{slug}.ipynb")
    room.release(slug)
    a = assignments.of_class(room, slug)
    a.settings = replace(a.settings, timeout=5.0, budget=30.0)
    handed_in = nbformat.read(room.root / "release" / slug / f"{slug}.ipynb", as_version=4)
    handed_in.cells[1].source = ANSWER
    handed_in.cells[2].source = given
    handed_in.cells[3:3] = [new_code_cell(source) for source in own]
    item = Item("ada", nbformat.v4.writes(handed_in).encode())
    done = work.grade_chunk(a, "bubblewrap", {}, [item])[0]
    assert not done.problem
    found = nbformat.reads(done.notebook.decode(), as_version=4)
    outputs = [o for c in found.cells for o in c.get("outputs", [])]
    return done.scores["test"], "".join(o.get("text", "") for o in outputs)


@needs("bubblewrap")
def test_a_block_is_left_out_and_what_stands_beside_it_is_not(room):
    points, printed = graded(room, "assert answer() == 3")
    assert points == 1 and "it was run" not in printed
    assert "not run when grading" in printed


@needs("bubblewrap")
@pytest.mark.parametrize(
    ("test", "own", "given"),
    [
        ("assert answer() == 3", ("bonus = total + 1\nprint(bonus)",), GIVEN),
        ("assert total == 300", (), GIVEN),
        ("assert answer() == 3", (), GIVEN.replace("print(", "print('mine', ")),
    ],
    ids=["the student uses it", "the test uses it", "the student changed it"],
)
def test_a_block_is_run_where_somebody_needs_it(room, test, own, given):
    points, printed = graded(room, test, *own, given=given)
    assert points == 1 and "it was run: 300" in printed
