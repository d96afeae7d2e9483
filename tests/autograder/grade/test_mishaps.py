"""What happens to classes in a semester: nothing is passed over in silence, and nothing odd stops the others."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder import classroom
from autograder.classroom import Classroom
from autograder.errors import Problem
from autograder.exercises import catalog
from autograder.grade import schedule
from autograder.report import class_report, feedback
from autograder.sandbox.tiers import TIERS
from tests.autograder import mini
from tests.autograder.conftest import needs

pytestmark = [needs("bubblewrap"), pytest.mark.slow]
AUTOGRADER = Path(sys.executable).with_name("autograder")


@pytest.fixture
def room(tmp_path):
    return mini.make(tmp_path / "class")


def right(room: Classroom):
    return mini.answered(mini.released(room), mini.ANSWERS)


def command(room: Classroom, *words: str, code: int = 0) -> str:
    done = subprocess.run([AUTOGRADER, *words], cwd=room.root, capture_output=True, text=True, env={"COLUMNS": "250", "PATH": ""})  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "sqlalche" not in done.stderr
    return done.stdout + done.stderr


def own_assignment(room: Classroom, slug: str, *notebooks: str) -> None:
    for name in notebooks:
        cell = new_code_cell("assert 1", id="t")
        cell.metadata["nbgrader"] = {"grade": True, "grade_id": "t", "locked": True, "points": 1, "schema_version": 3, "solution": False, "task": False}  # fmt: skip
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        nb = new_notebook(cells=[cell], metadata={"kernelspec": kernel})
        path = room.root / "source" / slug / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(nb, path)


def test_odd_folders_in_source_stop_nothing(room):
    mini.hand_in(room, "ada", right(room))
    own_assignment(room, "draft", "draft")
    own_assignment(room, "two", "first", "second")
    own_assignment(room, "own", "own")
    (room.root / "source" / "empty").mkdir()
    (room.root / "source" / "notes.txt").write_text("x")
    assert "released" in command(room, "release", "own")
    assert "released" in command(room, "release", "two")
    said = command(room, "grade")
    assert "ada" in said and "draft: it is not released yet" in said
    assert "two: its notebooks are first, second" in said and "empty" not in said
    for words in (["report"], ["feedback"]):
        command(room, *words)
    assert "autograder release draft" in command(room, "grade", "draft", code=1)
    assert "no folder source/nothing" in command(room, "release", "nothing", code=1)


def test_notebooks_in_the_wrong_place_are_named(room):
    nb = right(room)
    mini.hand_in(room, "ada", nb)
    for place in (
        "mini.ipynb",
        "flat/mini.ipynb",
        "spelled/Mini/mini.ipynb",
        "mini/turned/mini.ipynb",
        "other/week 3/x.ipynb",
    ):
        path = room.root / "submitted" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nb, path)
    said = command(room, "grade", code=1)
    for words in (
        "submitted/mini.ipynb",
        "submitted/flat/mini/",
        "spelled/Mini",
        "submitted/spelled/mini/",
        "mini/turned",
        "week 3",
    ):
        assert words in said, (words, said)
    report = schedule.run(room, jobs=1)
    assert [r.status for r in report.rows if r.student == "ada"] == ["unchanged"]
    assert len(report.failed) == 5


def test_a_student_who_is_not_there(room):
    mini.hand_in(room, "ada", right(room))
    assert "no student nobody" in command(room, "grade", "--student", "nobody", code=1)


def test_a_broken_resubmission_is_told_and_the_old_grade_kept(room):
    path = mini.hand_in(room, "ada", right(room))
    schedule.run(room, jobs=1)
    assert class_report.run(room).students[0].reason == ""
    path.write_text("{broken")
    report = schedule.run(room, jobs=1)
    assert report.failed[0].student == "ada"
    (row,) = class_report.run(room).students
    assert (
        row.points == mini.FULL and "an earlier version" in row.reason and "damaged" in row.reason
    )
    assert "an earlier version" in (room.root / "reports" / "index.html").read_text()
    assert "an earlier version" in (room.root / "reports" / "class.csv").read_text()
    nbformat.write(mini.answered(mini.released(room), mini.WRONG), path)
    assert "run `autograder grade`" in class_report.run(room).students[0].reason


def test_a_marked_answer_that_was_replaced_is_to_be_marked_again(room):
    nb = right(room)
    (why,) = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "why"]
    why.source = "Because."
    path = mini.hand_in(room, "ada", nb)
    schedule.run(room, jobs=1)
    with room.gradebook() as book:
        grade = book.find_grade("why", mini.SLUG, mini.SLUG, "ada")
        grade.manual_score, grade.needs_manual_grade = 1.0, False
        book.db.commit()
    nb.cells[0].source += "\n# the same answer"
    nbformat.write(nb, path)
    assert schedule.run(room, jobs=1).rows[0].reason == ""
    why.source = "Something else."
    nbformat.write(nb, path)
    (row,) = schedule.run(room, jobs=1).rows
    assert row.needs_manual and "changed since: why" in row.reason


def test_a_lesson_that_was_removed_stays_away(tmp_path):
    lessons = catalog.lessons()[:3]
    classroom.init(tmp_path / "class", lessons)
    room = Classroom(tmp_path / "class")
    for folder in ("source", "release"):
        shutil.rmtree(room.root / folder / lessons[1].slug)
    classroom.init(room.root)
    classroom.release(room)
    assert room.lessons == [lessons[0].slug, lessons[2].slug]
    classroom.release(room, ["2"])  # by name it comes back
    assert lessons[1].slug in room.lessons


def test_two_runs_at_once(room):
    for i in range(12):
        mini.hand_in(room, f"s{i:02}", right(room))
    runs = [subprocess.Popen([AUTOGRADER, "grade"], cwd=room.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]  # fmt: skip
    said = [run.communicate(timeout=180)[0] for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes in ([0, 0], [0, 1]) and not any("Traceback" in s for s in said), said
    if codes == [0, 1]:
        assert any("graded already (by process" in s for s in said)
    assert {r.status for r in schedule.run(room, jobs=1).rows} == {"unchanged"}


def state(root: Path) -> dict[str, str]:
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in root.rglob("*")
        if p.is_file()
    }


def test_a_dry_run_writes_nothing(room):
    mini.hand_in(room, "ada", right(room))
    other = room.root / "submitted" / "bea" / mini.SLUG / "my name.ipynb"
    other.parent.mkdir(parents=True)
    nbformat.write(right(room), other)
    before = state(room.root)
    said = command(room, "grade", "--dry-run")
    assert "2 to grade" in said and state(room.root) == before
    command(room, "grade")
    assert (
        state(room.root)["submitted/bea/mini/my name.ipynb"]
        and not other.with_name("mini.ipynb").exists()
    )


def test_who_graded_fewer_than_it_took_in_says_so(room, monkeypatch):
    for student in ("ada", "bea", "cyd"):
        mini.hand_in(room, student, right(room))
    map_ = schedule._Pool.map
    monkeypatch.setattr(
        schedule._Pool, "map", lambda self, *a: (d for d in map_(self, *a) if d.student != "bea")
    )
    report = schedule.run(room, jobs=1)
    assert [r.student for r in report.failed] == [
        "bea"
    ] and "ended before its turn" in report.failed[0].reason


def test_feedback_is_nbgraders_too_and_can_be_released(room, tmp_path):
    """Without a timestamp.txt, `nbgrader release_feedback` stops for the whole class; the formgrader's own page shows the tests."""
    for student in ("ada", "bea"):
        mini.hand_in(room, student, mini.answered(mini.released(room), mini.WRONG))
    schedule.run(room, jobs=1)
    pages = feedback.run(room).pages
    ours = pages[0].read_text()
    exchange = tmp_path / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    config = room.root / "nbgrader_config.py"
    config.write_text(config.read_text() + f"\nc.Exchange.root = {str(exchange)!r}\n")
    program = AUTOGRADER.with_name("nbgrader")

    def nbgrader(*words: str) -> None:
        done = subprocess.run([program, *words], cwd=room.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    nbgrader("release_feedback", mini.SLUG)
    assert len(list(exchange.rglob("*.html"))) == 2
    began = time.time()
    nbgrader("generate_feedback", mini.SLUG, "--force")
    assert pages[0].stat().st_mtime >= began - 1
    assert pages[0].read_text() == ours and "BEGIN HIDDEN" not in ours and "5929" not in ours
    nbgrader("release_feedback", mini.SLUG)


@pytest.mark.parametrize(
    "data",
    [
        b"id,first_name,last_name\nada,Ada,M\xc3\xbcller\n",
        b"\xef\xbb\xbfid;first_name;last_name\r\nada;Ada;M\xc3\xbcller\r\n",
        b"ID\tFirst Name\tLast name\nada\tAda\tM\xc3\xbcller\n",
        "id;Vorname;last name\nada;x;Müller\n".encode("cp1252"),
        "id,first_name,last_name\nada,Ada,Müller\n".encode("utf-16"),
        b'"Surname","Student ID","Email"\n"M\xc3\xbcller"," ada ","a@b"\n\n,,\n',
    ],
)
def test_rosters_as_other_programs_write_them(tmp_path, data):
    path = tmp_path / "roster.csv"
    path.write_bytes(data)
    (student,) = classroom.read_roster(path)
    assert student["id"] == "ada" and student["last_name"] == "Müller"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,mail\nada,x\n", "no column called id; its first line names name, mail"),
        ("", "no column called id"),
        ("id\nada\nbob\nada\n", "the id ada stands in lines 2 and 4"),
        ("id\n../evil\n", "line 2: '../evil' cannot be an id"),
        ("id\na/b\n", "cannot be an id"),
        ("id,first_name\n,Ada\n", "line 2: '' cannot be an id: it is empty"),
        ("id\n.hidden\n", "cannot be an id"),
        ("id\n*\n", "cannot be an id"),
        ("id\na\x1b[2Jb\n", "control characters"),
    ],
)
def test_rosters_that_are_refused_say_why(tmp_path, text, words):
    path = tmp_path / "roster.csv"
    path.write_text(text)
    with pytest.raises(Problem) as caught:
        classroom.init(tmp_path / "class", [], students=path)
    assert words in caught.value.what and not (tmp_path / "class").exists()


def nbgrader(room: Classroom, *words: str) -> None:
    program = AUTOGRADER.with_name("nbgrader")
    done = subprocess.run([program, *words], cwd=room.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def scores(room: Classroom, slug: str) -> dict[str, float]:
    with room.gradebook() as book:
        return {s.student.id: s.score for s in book.find_assignment(slug).submissions}


def test_nbgraders_command_grades_what_it_stumbled_over(room):
    """No kernelspec, 600 magics, a list as a cell's id, an old notebook format, no metadata at all."""
    import json

    changes = {
        "ada": lambda nb: nb["metadata"].clear(),
        "bea": lambda nb: nb["cells"].insert(1, new_code_cell("%pwd\n" * 600)),
        "cyd": lambda nb: nb["cells"][0].update(id=["x"]),
        "dan": lambda nb: nb.update(nbformat_minor=0),
        "eva": lambda nb: nb["cells"][0].update(metadata={"nbgrader": {"grade_id": ["x"]}}),
    }
    for student, change in changes.items():
        path = mini.hand_in(room, student, right(room))
        nb = json.loads(path.read_text())
        change(nb)
        path.write_text(json.dumps(nb))
    nbgrader(room, "autograde", mini.SLUG)
    assert scores(room, mini.SLUG) == dict.fromkeys(changes, mini.FULL)
    assert {r.points for r in schedule.run(room, jobs=1, force=True).rows} == {mini.FULL}


def test_nbgraders_command_grades_an_assignment_of_several_notebooks(room):
    own_assignment(room, "two", "first", "second")
    command(room, "release", "two")
    for student in ("ada", "bea"):
        folder = room.root / "submitted" / student / "two"
        shutil.copytree(room.root / "release" / "two", folder)
    (folder / "second.ipynb").unlink()
    nbgrader(room, "autograde", "two")
    assert scores(room, "two") == {"ada": 2, "bea": 1}


HABITS = """\
import pandas as pd, torch
import scipy.stats as stats
import torch.nn.functional as F
from scipy.special import expit, softmax
from sklearn import *
from sklearn.linear_model import LogisticRegression
from torch import nn
try:
    import tensorflow as tf
except ImportError:
    tf = None

class Net(nn.Module):
    size = 3

def loaded(path):
    return pd.read_csv(path)
"""


@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in TIERS])
def test_an_import_out_of_habit_costs_nothing_and_a_use_is_told(room, tier):
    """As in the notebook: there, too, what counts is what the function uses."""
    released = mini.released(room)
    layer = mini.ANSWERS["layer"]
    used = "from scipy.special import expit\n" + layer.replace("return ", "return 0 * expit(b) + ")
    at_once = "import pandas as pd\ntable = pd.DataFrame()\n" + layer
    for student, answer in {"ada": HABITS + layer, "bob": used, "cyd": at_once}.items():
        mini.hand_in(room, student, mini.answered(released, mini.ANSWERS | {"layer": answer}))
    rows = {row.student: row for row in schedule.run(room, jobs=1, isolation=tier).rows}
    assert rows["ada"].points == mini.FULL
    assert rows["bob"].points == rows["cyd"].points == mini.FULL - mini.POINTS["layer"]
    feedback.run(room)
    pages = {
        s: (room.root / "feedback" / s / mini.SLUG / f"{mini.SLUG}.html").read_text()
        for s in ("bob", "cyd")
    }
    assert "uses scipy, which is not allowed here" in pages["bob"]
    assert "pandas is not available when lessons are graded" in pages["cyd"]
    assert "in line 2: table = pd.DataFrame()" in pages["cyd"]


def test_whatever_ends_the_grading_of_one_ends_no_other(room, monkeypatch):
    from autograder.grade import assignment, work
    from autograder.grade.run import Grader
    from autograder.grade.work import Item

    a = assignment.of_class(room, mini.SLUG)
    data = nbformat.v4.writes(right(room)).encode()
    run = Grader.run
    for error in (
        SystemExit(0),
        GeneratorExit(),
        MemoryError(),
        RecursionError(),
        type("Odd", (BaseException,), {})(),
    ):

        def fails(self, a, nb, files, student, error=error):
            if student == "eve":
                raise error
            return run(self, a, nb, files, student)

        monkeypatch.setattr(Grader, "run", fails)
        eve, ada = work.grade_chunk(a, "bubblewrap", {}, [Item("eve", data), Item("ada", data)])
        assert type(error).__name__ in eve.problem and not ada.problem
