"""A class is made faster than nbgrader alone would make it, and is the same class."""

from __future__ import annotations

import contextlib
import sqlite3

import nbformat
import nbgrader.api
import pytest

from autograder import classroom
from autograder.classroom import Classroom
from autograder.errors import Problem
from autograder.exercises import catalog

STOCK_VERSION = nbgrader.api.get_alembic_version  # before a class patches it


def rows(room: Classroom) -> dict[str, list[tuple]]:
    """The gradebook without its random keys."""
    found = {}
    with sqlite3.connect(room.root / "gradebook.db") as db:
        for (table,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall():
            names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            kept = [n for n in names if not n.endswith("id") or n == "course_id"]
            found[table] = sorted(
                map(repr, db.execute(f"SELECT {', '.join(kept) or '1'} FROM {table}"))
            )
    return found


def test_the_gradebook_is_that_of_nbgrader(tmp_path, monkeypatch):
    lessons = catalog.lessons()[:1]
    seen = []
    fast = classroom.init(
        tmp_path / "fast" / "class", lessons, progress=lambda *told: seen.append(told)
    )
    assert seen == [(0, 1, "01-neurons")]
    with monkeypatch.context() as patch:
        patch.setattr(classroom, "_cells_saved_at_once", contextlib.nullcontext)
        patch.setattr(classroom, "_schema_checked_once", contextlib.nullcontext)
        patch.setattr(classroom, "_schema_version", STOCK_VERSION)
        stock = classroom.init(tmp_path / "stock" / "class", lessons)
    ours, theirs = (rows(Classroom(report.root)) for report in (fast, stock))
    assert ours == theirs and sum(map(len, ours.values())) > 40
    slug = lessons[0].slug
    one, other = (r.root / "release" / slug / f"{slug}.ipynb" for r in (fast, stock))
    assert one.read_text() == other.read_text()


def test_a_release_that_fails_leaves_the_gradebook_as_it_was(tmp_path, monkeypatch):
    room = Classroom(classroom.init(tmp_path / "class", catalog.lessons()[:1]).root)
    before = rows(room)

    def broken(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(nbgrader.api.Gradebook, "update_or_create_source_cell", broken)
    with pytest.raises(Problem, match="could not release"):
        room.release("01-neurons")
    assert rows(room) == before


def test_a_cell_that_nbgrader_refuses_is_refused(tmp_path, monkeypatch):
    room = Classroom(classroom.init(tmp_path / "class", catalog.lessons()[:1]).root)
    path = room.source("01-neurons")
    nb = nbformat.read(path, as_version=4)
    cell = next(c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade"))
    cell.metadata["nbgrader"]["points"] = -1
    nbformat.write(nb, path)
    said = []
    for _ in range(2):
        with pytest.raises(Problem) as problem:
            room.release("01-neurons")
        said.append(problem.value.what)
        monkeypatch.setattr(classroom, "_schema_checked_once", contextlib.nullcontext)
    assert said[0] == said[1] and "-1 is less than the minimum of 0" in said[0]
