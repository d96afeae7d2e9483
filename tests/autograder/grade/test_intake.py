# ruff: noqa: PTH102, PTH103, PTH120, PTH123, PTH211  names of bytes, descriptors
"""What is handed in: links, special files and oddities are refused with a reason, and never opened."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.grade import schedule
from autograder.grade.intake import Refused, intake, read_notebook
from tests.autograder import mini
from tests.autograder.conftest import needs
from tests.conftest import WHOLE


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return mini.make(tmp_path_factory.mktemp("intake") / "class")


def test_links_and_special_files_are_refused(room, tmp_path):
    good = mini.hand_in(room, "ada", mini.released(room))
    (mini.submitted(room, "link") / f"{mini.SLUG}.ipynb").symlink_to(good)
    (room.root / "submitted" / "linked-student").symlink_to(good.parent.parent)
    place = room.root / "submitted" / "linked-folder"
    place.mkdir()
    (place / mini.SLUG).symlink_to(good.parent)
    os.mkfifo(mini.submitted(room, "fifo") / f"{mini.SLUG}.ipynb")
    (mini.submitted(room, "dangling") / f"{mini.SLUG}.ipynb").symlink_to("/nowhere")
    (mini.submitted(room, "directory") / f"{mini.SLUG}.ipynb").mkdir()
    (mini.submitted(room, "empty"))
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


def test_files_beside_the_notebook(room):
    place = mini.hand_in(room, "bea", mini.released(room)).parent
    (place / "data").mkdir()
    (place / "data" / "x.csv").write_text("1")
    (place / "secret").symlink_to("/etc/passwd")
    (place / "up").symlink_to("..")
    (place / ".ipynb_checkpoints").mkdir()
    (place / ".ipynb_checkpoints" / "old").write_text("x")
    os.mkfifo(place / "pipe")

    def take(seal="seal", known=""):
        return intake(room, "bea", mini.SLUG, seal, known)

    before = take()
    assert before.files == {"data/x.csv": b"1"} and not before.problem
    assert "secret (it is a link" in before.note and "pipe (it is not a file)" in before.note
    assert before.digest == take().digest != take("other").digest
    assert take(known=before.digest).unchanged
    (place / "data" / "x.csv").write_text("2")
    assert take().digest != before.digest and not take(known=before.digest).unchanged
    for i in range(201):
        (place / f"{i}.txt").write_text("")
    assert "more than 200" in take().problem


def odd(place):
    """What strangers, and their machines, put into a folder."""
    os.mkfifo(place / "timestamp.txt")
    (place / ("n" * 248 + ".txt")).write_text("long")
    (place / f".{mini.SLUG}.ipynb.part").mkdir()
    (place / f".{mini.SLUG}.part").write_text("like our draft")
    (place / "\x1b[2J\x1b]0;x\x07.txt").write_text("escape")
    (place / "line\nend.csv").write_text("line")
    Path(os.fsdecode(os.fsencode(place) + b"/\xff\xfe.txt")).write_text("no UTF-8")
    (place / "endless").symlink_to("/dev/zero")
    (place / "loop").symlink_to(place)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
        os.chdir(place)
        sock.bind("socket")
    at = os.open(place, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def cleared(path):
    """shutil.rmtree recurses, 1,200 deep too much for it."""
    subprocess.run(["rm", "-rf", path], check=True)


@needs("bubblewrap")
@pytest.mark.parametrize("how", ["autograder grade", "nbgrader autograde"])
def test_no_tree_of_files_stops_the_class(tmp_path, monkeypatch, how):
    """One hands in everything that is odd; the work counts, the class is graded, and again after a change."""
    room = mini.make(tmp_path / "class")
    monkeypatch.chdir(tmp_path)
    nb = mini.answered(mini.released(room), mini.ANSWERS)
    for student in ("ada", "mallory", "zoe"):
        mini.hand_in(room, student, nb)
    place = room.notebook("submitted", "mallory", mini.SLUG).parent
    odd(place)
    (place / "data").write_text("a file, at first")
    program = Path(sys.executable).with_name(how.split()[0])

    def grade(*more):
        command = [program, how.split()[1], mini.SLUG, *more]
        done = subprocess.run(command, cwd=room.root, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not re.search(rb"\x1b(?!\[[0-9;]*m)", done.stdout + done.stderr)
        with room.gradebook() as book:
            scores = {s.student.id: s.score for s in book.find_assignment(mini.SLUG).submissions}
        assert scores == dict.fromkeys(("ada", "mallory", "zoe"), mini.FULL)

    grade()
    (place / "data").unlink()
    (place / "data").mkdir()
    (place / "data" / "x.csv").write_text("a folder now")
    grade("--force")
    graded = room.notebook("autograded", "mallory", mini.SLUG).parent
    assert (graded / "data" / "x.csv").read_text() == "a folder now"
    assert not (graded / "endless").exists() and not (graded / "loop").exists()
    assert not list(room.root.glob(".taken-in-*"))
    for command in ("report", "feedback"):
        done = subprocess.run(
            [program.with_name("autograder"), command], cwd=room.root, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        assert not re.search(rb"\x1b(?!\[[0-9;]*m)", done.stdout)
    cleared(place)


@needs("bubblewrap")
def test_nbgrader_follows_no_link(tmp_path):
    """Stock nbgrader reads through links before any engine is asked: an instructor's file, another student's work."""
    room = mini.make(tmp_path / "class")
    good = mini.hand_in(room, "ada", mini.answered(mini.released(room), mini.ANSWERS))
    secret = tmp_path / "secret.txt"
    secret.write_text("the instructor's own")
    show = mini.answered(mini.released(room), mini.WRONG)
    show.cells[
        0
    ].source += "\nimport glob\nfor n in glob.glob('**', recursive=True):\n    try: print(n, open(n).read())\n    except OSError: pass"
    place = mini.hand_in(room, "mallory", show).parent
    (place / "data.txt").symlink_to(secret)
    (place / "all").symlink_to(tmp_path)
    (mini.submitted(room, "nina") / f"{mini.SLUG}.ipynb").symlink_to(good)
    (room.root / "submitted" / "olaf").symlink_to(good.parent.parent)
    program = Path(sys.executable).with_name("nbgrader")
    done = subprocess.run(
        [program, "autograde", mini.SLUG], cwd=room.root, capture_output=True, text=True
    )
    assert done.returncode != 0 and "nina" in done.stderr and "olaf" in done.stderr
    assert "a link" in done.stderr
    with room.gradebook() as book:
        scores = {s.student.id: s.score for s in book.find_assignment(mini.SLUG).submissions}
    assert scores == {"ada": mini.FULL, "mallory": 0}
    for path in (room.root / "autograded").rglob("*"):
        assert not path.is_symlink()
        assert not path.is_file() or "the instructor's own" not in path.read_text()


names = st.binary(min_size=1, max_size=12).map(lambda b: b.replace(b"/", b"_").replace(b"\0", b"_"))
names = names.filter(lambda n: n not in (b".", b"..")) | st.sampled_from(
    [
        f"{mini.SLUG}.ipynb".encode(),
        b"timestamp.txt",
        b"a",
        b".git",
        b"n" * 255,
        b"x.ipynb",
        b"=1+1",
        b"\x1b[2J",
    ]
)
trees = st.recursive(
    st.binary(max_size=20) | st.sampled_from(["link", "fifo", "dangling", "hard", "closed"]),
    lambda inner: st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def grow(path: bytes, tree) -> None:
    match tree:
        case dict():
            os.mkdir(path)
            for name, inner in tree.items():
                with contextlib.suppress(OSError):
                    grow(path + b"/" + name, inner)
        case bytes():
            with open(path, "wb") as file:
                file.write(tree)
        case "fifo":
            os.mkfifo(path)
        case "link":
            os.symlink(b"/etc", path)
        case "dangling":
            os.symlink(b"nowhere", path)
        case "hard":
            os.link(b"/proc/self/exe", path)
        case "closed":
            os.mkdir(path, 0)


@settings(max_examples=200 if not WHOLE else 20_000, deadline=None)
@given(tree=st.dictionaries(names, trees, max_size=6))
def test_any_tree_is_taken_in_or_refused_in_words(room, tree):
    place = os.fsencode(room.notebook("submitted", "fuzz", mini.SLUG).parent)
    cleared(place)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    grow(place, tree)
    found = intake(room, "fuzz", mini.SLUG)
    cleared(place)
    assert found is not None
    for text in (found.problem, found.note, *found.files):
        assert text.isprintable() and len(text) < 5000
    assert bool(found.problem) != bool(found.digest)


SWAPS = {
    "the notebook": ("", "mini.ipynb"),
    "a file beside it": ("", "notes.txt"),
    "the folder": (".", ""),
    "a folder in it": ("data", "x.csv"),
}


@pytest.mark.parametrize("what", SWAPS)
def test_a_link_that_takes_the_place_of_what_was_looked_at_leads_nowhere(room, tmp_path, what):
    """A program swaps the thing for a link to another student's, and back, while it is taken in."""
    student = "race-" + what.replace(" ", "-")
    place = mini.hand_in(room, student, mini.released(room)).parent
    other = tmp_path / "other"
    for folder, word in ((place, b"own"), (other, b"stolen")):
        (folder / "data").mkdir(parents=True)
        for name in ("notes.txt", "data/x.csv"):
            (folder / name).write_bytes(word)
    (other / "mini.ipynb").write_bytes((place / "mini.ipynb").read_bytes() + b"  \n" * 50)
    folder, name = SWAPS[what]
    target = place / folder / name
    own, link = tmp_path / "own", tmp_path / "link"
    program = f"""
import os
for path in ({str(link)!r},):
    os.symlink({str(other / folder / name)!r}, path)
print("ready", flush=True)
while True:  # exchange the names, both ways
    os.rename({str(target)!r}, {str(own)!r}); os.rename({str(link)!r}, {str(target)!r})
    os.rename({str(target)!r}, {str(link)!r}); os.rename({str(own)!r}, {str(target)!r})
"""
    seen = set()
    swapping = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        swapping.stdout.readline()
        for _ in range(2000 if WHOLE else 300):
            found = intake(room, student, mini.SLUG)
            if found is None:  # between two names, it is not there
                continue
            seen.add(bool(found.problem or found.note))
            assert b"stolen" not in found.files.values()
            assert not found.notebook.endswith(b"  \n" * 50)
    finally:
        swapping.kill()
        swapping.wait()
    assert seen  # it was there now and then


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
