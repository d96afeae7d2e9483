"""course/ is built from solutions/: in sync, the same to the byte, with metadata nobody typed."""

from __future__ import annotations

import json
import re

import nbformat
import pytest

from autograder.author import build
from autograder.errors import Problem
from autograder.exercises import catalog
from autograder.exercises.catalog import Lesson
from tests.conftest import ROOT

every_lesson = pytest.mark.parametrize("lesson", catalog.lessons(), ids=lambda x: x.slug)


@every_lesson
def test_course_is_in_sync(lesson):
    path = ROOT / "course" / lesson.slug / f"{lesson.slug}.ipynb"
    assert path.read_text(encoding="utf-8") == build.release_text(lesson), (
        f"stale: run `make build` ({path.name})"
    )


def test_course_holds_nothing_else():
    expected = {f"{x.slug}/{x.slug}.ipynb" for x in catalog.lessons()}
    found = {str(p.relative_to(ROOT / "course")) for p in (ROOT / "course").rglob("*.ipynb")}
    assert {f for f in found if "checkpoint" not in f} == expected


@every_lesson
def test_building_twice_gives_the_same_bytes(lesson):
    assert build.release_text(lesson) == build.release_text(lesson)


@every_lesson
def test_metadata_is_derived(lesson):
    nb = nbformat.reads(build.release_text(lesson), as_version=4)
    nbformat.validate(nb)
    ids = [cell.id for cell in nb.cells]
    assert len(set(ids)) == len(ids)
    by_id = {cell.id: cell for cell in nb.cells}
    for exercise in lesson.exercises:
        test, answer = by_id[exercise.function], by_id[f"{exercise.function}-answer"]
        assert test.metadata.nbgrader.points == exercise.points
        assert test.metadata.nbgrader.locked and not test.metadata.editable
        assert answer.metadata.nbgrader.solution and "raise NotImplementedError()" in answer.source
    assert "jupytext" not in json.dumps(nb.metadata)
    # nothing of this is typed in the source
    typed = lesson.source.read_text()
    assert not re.search("schema_version|grade_id|nbgrader|locked", typed)


def make(tmp_path, text: str) -> Lesson:
    path = tmp_path / "01_neurons.py"
    path.write_text(text)
    return Lesson(1, "neurons", path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "# %%\ndef f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n",
            "never checked",
        ),
        ('# %%\ncheck("neurons.nothing", nothing)\n', "neurons.nothing"),
    ],
)
def test_mistakes_of_authors_are_explained(tmp_path, text, words):
    with pytest.raises(Problem, match=words) as caught:
        build.source_notebook(make(tmp_path, text))
    assert "01_neurons.py" in caught.value.what and caught.value.next


def test_latex_survives(tmp_path):
    lesson = make(tmp_path, '# %% [markdown]\nr"""\n$\\beta \\nabla \\theta$\n"""\n')
    assert build.source_notebook(lesson).cells[0].source == r"$\beta \nabla \theta$"


def test_building_over_somebodys_work_keeps_it(tmp_path):
    lesson = catalog.lessons()[0]
    report = build.run([lesson], tmp_path)
    (path,) = report.written
    assert build.run([lesson], tmp_path).unchanged == [path]
    nb = nbformat.read(path, as_version=4)
    answer = next(c for c in nb.cells if c.id.endswith("-answer"))
    answer.source = "def mine(): return 42"
    nbformat.write(nb, path)
    report = build.run([lesson], tmp_path)
    assert report.written == [path]
    assert "return 42" in report.kept[0].read_text()
