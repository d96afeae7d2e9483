"""What is handed in: links, special files and oddities are refused with a reason, and never opened."""

from __future__ import annotations

import os

import pytest

from autograder.grade import schedule
from autograder.grade.intake import Refused, digest, extra_files, intake, read_notebook
from tests.autograder import mini
from tests.autograder.conftest import needs


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return mini.make(tmp_path_factory.mktemp("intake") / "class")


def folder(room, student):
    place = room.notebook("submitted", student, mini.SLUG).parent
    place.mkdir(parents=True)
    return place


def test_links_and_special_files_are_refused(room, tmp_path):
    good = mini.hand_in(room, "ada", mini.released(room))
    (folder(room, "link") / f"{mini.SLUG}.ipynb").symlink_to(good)
    (room.root / "submitted" / "linked-student").symlink_to(good.parent.parent)
    place = room.root / "submitted" / "linked-folder"
    place.mkdir()
    (place / mini.SLUG).symlink_to(good.parent)
    os.mkfifo(folder(room, "fifo") / f"{mini.SLUG}.ipynb")
    (folder(room, "dangling") / f"{mini.SLUG}.ipynb").symlink_to("/nowhere")
    (folder(room, "directory") / f"{mini.SLUG}.ipynb").mkdir()
    (folder(room, "empty"))
    for student, words in {
        "link": "a link", "linked-student": "a link", "linked-folder": "a link", "fifo": "not a file", "dangling": "a link",
        "directory": "not a file", "empty": "no notebook in the folder, only nothing",
    }.items():  # fmt: skip
        found = intake(room, student, mini.SLUG)
        assert found is not None and words in found.problem, (student, found)
    assert intake(room, "nobody", mini.SLUG) is None
    rows = {row.student: row for row in schedule.run(room, dry_run=True).rows}
    assert rows["ada"].status == "to grade" and rows["fifo"].status == "not graded"
    assert not (room.root / "autograded").exists()


def test_files_beside_the_notebook(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_text("1")
    (tmp_path / "secret").symlink_to("/etc/passwd")
    (tmp_path / "up").symlink_to("..")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "old").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    assert extra_files(tmp_path) == {"data/x.csv": b"1"}
    before = digest(tmp_path, "mini.ipynb", "seal")
    assert (
        before == digest(tmp_path, "mini.ipynb", "seal") != digest(tmp_path, "mini.ipynb", "other")
    )
    (tmp_path / "data" / "x.csv").write_text("2")
    assert digest(tmp_path, "mini.ipynb", "seal") != before
    for i in range(201):
        (tmp_path / f"{i}.txt").write_text("")
    with pytest.raises(Refused, match="more than 200"):
        extra_files(tmp_path)


@needs("bubblewrap")
def test_files_beside_the_notebook_are_there_when_it_runs(tmp_path):
    room = mini.make(tmp_path / "class")
    (room.root / "source" / mini.SLUG / "given.csv").write_text("5")
    own = "from helper import double\ndef square(x):\n    return x * x * int(open('given.csv').read()) / 5 + double(0)"
    path = mini.hand_in(
        room, "ada", mini.answered(mini.released(room), mini.ANSWERS | {"square": own})
    )
    path.with_name("helper.py").write_text("def double(x): return 2 * x")
    path.with_name("given.csv").write_text("7")  # the instructor's stands
    report = schedule.run(room, jobs=1)
    assert report.rows[0].points == mini.FULL, report.rows
    assert (room.root / "autograded" / "ada" / mini.SLUG / "helper.py").exists()
    assert (room.root / "autograded" / "ada" / mini.SLUG / "given.csv").read_text() == "5"


@needs("bubblewrap")
def test_a_file_in_the_way_of_the_instructors_stops_nobody(tmp_path):
    """One student handed in a file called as the instructor's folder, another a folder called as a file."""
    room = mini.make(tmp_path / "class")
    data = room.root / "source" / mini.SLUG / "data"
    data.mkdir()
    (data / "train.csv").write_text("77")
    nb = mini.answered(mini.released(room), mini.ANSWERS)
    nb.cells[0].source += "\nprint('read', open('data/train.csv').read())"
    for student, name in {"ada": "data", "bob": "data/train.csv/x", "cyd": "data/own.txt"}.items():
        place = mini.hand_in(room, student, nb).parent / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("in the way")
    report = schedule.run(room, jobs=1)
    assert {row.student: row.points for row in report.rows} == dict.fromkeys(
        ("ada", "bob", "cyd"), mini.FULL
    )
    for student in ("ada", "bob", "cyd"):
        notebook = room.notebook("autograded", student, mini.SLUG)
        assert "read 77" in notebook.read_text()
        assert (notebook.parent / "data" / "train.csv").read_text() == "77"
    assert (notebook.parent / "data" / "own.txt").exists()


def test_nonsense_is_refused_in_words():
    for data in (
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b'{"cells": 3}',
        b'{"cells": [1]}',
        b'{"worksheets": [1]}',
    ):
        with pytest.raises(Refused):
            read_notebook(data)
