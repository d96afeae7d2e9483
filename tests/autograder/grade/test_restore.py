"""What accidents do to a notebook is put right before it runs (the demo class runs it all)."""

from __future__ import annotations

import copy

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import classroom
from autograder.author import build
from autograder.exercises import catalog
from autograder.grade import assignment as assignments
from autograder.grade.restore import restore

LESSON = catalog.lessons()[0]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    room = tmp_path_factory.mktemp("room") / "class"
    classroom.init(room, [LESSON])
    return assignments.of_class(classroom.Classroom(room), LESSON.slug)


@pytest.fixture(scope="module")
def released():
    return nbformat.reads(build.release_text(LESSON), as_version=4)


def graded(nb) -> list[str]:
    found = [c.metadata.get("nbgrader", {}) for c in nb.cells]
    return [m["grade_id"] for m in found if m.get("grade") or m.get("task")]


@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_deleted_copied_or_moved_each_test_stands_there_once(data, lesson, released):
    nb = copy.deepcopy(released)
    wanted = graded(nb)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(nb.cells) - 1))
        what = data.draw(st.sampled_from(["delete", "copy", "move"]))
        cell = nb.cells[place]
        if what == "delete":
            del nb.cells[place]
        else:
            to = data.draw(st.integers(0, len(nb.cells)))
            nb.cells.insert(to, copy.deepcopy(cell) if what == "copy" else nb.cells.pop(place))
        if not nb.cells:
            return
    restore(nb, lesson)
    assert sorted(graded(nb)) == sorted(wanted)
    ids = [cell.id for cell in nb.cells]
    assert len(set(ids)) == len(ids)
    nbformat.validate(nb)


def test_a_deleted_test_comes_back_behind_its_answer(lesson, released):
    nb = copy.deepcopy(released)
    nb.cells = [c for c in nb.cells if c.id != "layer"]
    restore(nb, lesson)
    names = [c.metadata.get("nbgrader", {}).get("grade_id") for c in nb.cells]
    assert names.index("layer") == names.index("layer-answer") + 1
    cell = nb.cells[names.index("layer")]
    assert cell.source == 'check("neurons.layer", layer)'
    assert cell.metadata.nbgrader.points == 3


def test_an_untouched_notebook_stays_as_it_is(lesson, released):
    nb = copy.deepcopy(released)
    assert restore(nb, lesson) == []
    tasks = {c.name for c in lesson.cells if c.task}  # their marking scheme comes back
    assert [c.source for c in nb.cells if c.id not in tasks] == [
        c.source for c in released.cells if c.id not in tasks
    ]
    assert [c.id for c in nb.cells] == [c.id for c in released.cells]
