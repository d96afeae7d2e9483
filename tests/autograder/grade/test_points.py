"""Points are the instructor's: other points than the lesson's own, extra credit, marks by hand, penalties for being late.

Every place that shows a student's points shows the same.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import nbformat
import pytest

from autograder import classroom
from autograder.classroom import Classroom
from autograder.grade import schedule
from autograder.report import class_report, feedback
from tests.autograder import mini
from tests.autograder.conftest import needs

pytestmark = [needs("bubblewrap"), pytest.mark.slow]


def hand_in(room: Classroom, student: str, answers: dict[str, str]) -> Path:
    folder = room.root / "submitted" / student / mini.SLUG
    folder.mkdir(parents=True)
    nb = mini.answered(mini.released(room), answers)
    nbformat.write(nb, folder / f"{mini.SLUG}.ipynb")
    return folder


def points_of(room: Classroom, layer: float, **others: float) -> None:
    """Release the lesson again, with other points."""
    path = room.source(mini.SLUG)
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade_id") in (given := {"layer": layer} | others):
            about["points"] = given[about["grade_id"]]
    nbformat.write(nb, path)
    room.release(mini.SLUG)


PART = "def layer(x, w, b):\n    return x @ w.T if x.ndim > 1 else x @ w.T + b"


@pytest.mark.parametrize("worth", [1.0, 2.0, 5.0, 0.5, 0.0, 1 / 3])
def test_a_check_gives_its_share_of_what_the_instructor_wants_it_to_be_worth(tmp_path, worth):
    room = mini.make(tmp_path / "class")
    points_of(room, worth)
    hand_in(room, "all", mini.ANSWERS)
    hand_in(room, "part", mini.ANSWERS | {"layer": mini.WRONG["layer"]})
    hand_in(room, "none", mini.WRONG)
    report = schedule.run(room, jobs=1)
    assert not report.failed
    points = {row.student: row.points for row in report.rows}
    most = mini.FULL - mini.POINTS["layer"] + worth
    assert points["all"] == pytest.approx(most) and points["none"] == 0
    assert most - worth <= points["part"] < most or not worth
    assert report.rows[0].max_points == pytest.approx(most + 1)  # a written answer
    result = class_report.run(room)
    (layer,) = [e for e in result.exercises if e.exercise == "layer"]
    assert layer.max_points == pytest.approx(worth) and layer.right == (1 if worth else 3)
    page = feedback.run(room, students=["all"]).pages[0].read_text()
    assert f"{worth:g} of {worth:g}" in page
    feedback.run(room)


def everywhere(room: Classroom, student: str) -> dict[str, float]:
    """The student's points, in every place where they are shown."""
    found = {}
    (row,) = [r for r in schedule.run(room, jobs=1).rows if r.student == student]
    found["grade"] = row.points
    result = class_report.run(room)
    (line,) = [r for r in result.students if r.student == student]
    found["report"] = line.points
    folder = room.root / "reports"
    (cells,) = [r for r in csv.DictReader((folder / "class.csv").open()) if r["student"] == student]
    found["class.csv"] = float(cells["points"])
    (cells,) = [
        r for r in csv.DictReader((folder / "course.csv").open()) if r["student"] == student
    ]
    marked = line.max_points - line.open_points
    found["course.csv"] = round(float(cells[mini.SLUG]) * marked, 1)
    page = re.sub(r"\s+", " ", (folder / "index.html").read_text())
    found["index.html"] = float(re.search(rf"<td>{student}</td>.*?>([0-9.]+) ?/ ", page)[1])
    text = feedback.run(room, students=[student]).pages[0].read_text()
    found["feedback"] = float(re.search(r"<b>([0-9.]+) of ", text)[1])
    program = Path(sys.executable).with_name("nbgrader")
    subprocess.run([program, "export"], cwd=room.root, check=True, capture_output=True)
    rows = csv.DictReader((room.root / "grades.csv").open())
    (cells,) = [r for r in rows if r["student_id"] == student and r["assignment"] == mini.SLUG]
    found["nbgrader export"] = float(cells["score"])
    shown = subprocess.run(
        [program.with_name("autograder"), "grade"], cwd=room.root, capture_output=True, text=True
    )
    found["grade, printed"] = float(re.search(rf"{student} +\w+ +([0-9.]+) /", shown.stdout)[1])
    return found


def test_the_same_points_everywhere(tmp_path):
    room = mini.make(tmp_path / "class")
    config = room.root / "nbgrader_config.py"
    config.write_text(
        config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n"
        "import nbgrader.plugins\n"
        "class Four(nbgrader.plugins.LateSubmissionPlugin):\n"
        "    def late_submission_penalty(self, student, score, late): return 4\n"
        "c.AssignLatePenalties.plugin_class = Four\n"
    )
    room = Classroom(room.root)
    with room.gradebook() as book:
        book.update_or_create_assignment(mini.SLUG, duedate=datetime(2026, 1, 1))
    for student in ("ada", "late", "extra", "marked"):
        folder = hand_in(room, student, mini.ANSWERS)
        if student == "late":
            (folder / "timestamp.txt").write_text("2026-01-02 10:00:00 UTC")
    schedule.run(room, jobs=1)
    with room.gradebook() as book:
        grade = book.find_grade("layer", mini.SLUG, mini.SLUG, "extra")
        grade.extra_credit = 1.5
        for name, score in ("why", 1.0), ("square", 0.5):
            grade = book.find_grade(name, mini.SLUG, mini.SLUG, "marked")
            grade.manual_score, grade.needs_manual_grade = score, False
        book.db.commit()
    for student, points in {"ada": 10, "late": 6, "extra": 11.5, "marked": 9.5}.items():
        found = everywhere(room, student)
        assert set(found.values()) == {points}, (student, found)
    result = class_report.run(room)
    (layer,) = [e for e in result.exercises if e.exercise == "layer"]
    assert layer.right == layer.submissions == 4 and not layer.kinds
    (square,) = [e for e in result.exercises if e.exercise == "square"]
    assert square.right == 3
    assert "4 points were taken off" in feedback.run(room, students=["late"]).pages[0].read_text()


def test_plain_tests_are_told_as_what_they_are(tmp_path):
    """Right: passed, not "not run"; wrong: what failed; and the comments that an instructor wrote, in Markdown."""
    students = tmp_path / "students.csv"
    students.write_text("id,first_name,last_name\nada,Ada,Lovelace\nbob,Bob,<b>\n")
    classroom.init(tmp_path / "class", [], students=students)
    room = mini.make(tmp_path / "class")
    hand_in(room, "ada", mini.ANSWERS)
    hand_in(room, "bob", mini.ANSWERS | {"square": "def square(x)\n    return x", "Stack": mini.WRONG["Stack"]})  # fmt: skip
    schedule.run(room, jobs=1)
    with room.gradebook() as book:
        comment = book.find_comment("square-answer", mini.SLUG, mini.SLUG, "ada")
        comment.manual_comment = "Nice, *but* see `pow`. <script>x</script>"
        book.db.commit()
    result = class_report.run(room)
    rows = {e.exercise: e for e in result.exercises}
    assert rows["square"].right == 1 and dict(rows["square"].kinds) == {"failed a test": 1}
    assert rows["normalize"].right == 2 and not rows["normalize"].kinds
    page = feedback.run(room, students=["ada"]).pages[0].read_text()
    assert "Ada Lovelace (ada)" in page and "All tests passed" in page
    assert "did not run" not in page and "<em>but</em>" in page and "<script" not in page
    page = feedback.run(room, students=["bob"]).pages[0].read_text()
    assert "SyntaxError" in page and "NameError" not in page.split("Stack")[0]
    assert "Bob &lt;b&gt; (bob)" in page


STEALS = "stolen = []\ndef square(x):\n    stolen.append(int(x) ** 3)\n    return x * x"
SMUGGLES = {
    "text of an error in an answer": {"normalize": "raise ValueError(str(stolen))"},
    "class of an error in an answer": {"normalize": "raise type(f'E{stolen}', (ValueError,), {})"},
    "false mistake of syntax": {"normalize": "raise SyntaxError(str(stolen))"},
    "line that there is not": {"normalize": "exec('\\n' * stolen[2] + '1 / 0')"},
    "text in a test that is shown": {
        "normalize": "def normalize(v): raise ValueError(str(stolen))"
    },
    "class in a test that is shown": {
        "normalize": "def normalize(v): raise type(f'E{stolen}', (KeyError,), {})"
    },
    "line of code": {"normalize": "def normalize(v): exec(f'raise ValueError  # {stolen}')"},
    "name of a function": {
        "normalize": "def normalize(v):\n    s = {}\n    exec(f'def f{stolen[2]}(): 1 / 0', s)\n    s[f'f{stolen[2]}']()"
    },
    "print": {"normalize": "print(stolen)\ndef normalize(v):\n    print(stolen)\n    return v"},
    "result in a check": {"layer": "def layer(x, w, b): return np.array(stolen, float)"},
    "check": {"layer": "def layer(x, w, b): raise type(f'E{stolen}', (KeyError,), {})"},
}


@pytest.mark.parametrize("how", SMUGGLES)
def test_what_hidden_tests_hand_to_an_answer_does_not_come_back_on_the_page(tmp_path, how):
    """77 is the number of the hidden test, and 456533 its cube."""
    room = mini.make(tmp_path / "class")
    hand_in(room, "eve", mini.ANSWERS | {"square": STEALS} | SMUGGLES[how])
    schedule.run(room, jobs=1)
    page = feedback.run(room).pages[0].read_text()
    notebook = room.notebook("autograded", "eve", mini.SLUG).read_text()
    assert "square" in page and "456533" not in page and "4.565" not in page
    quiet = ("line that there is not", "name of a function", "line of code", "result in a check")
    assert "456533" in notebook or how in quiet


def test_a_test_without_hidden_ones_before_it_tells_the_text(tmp_path, monkeypatch):
    monkeypatch.setitem(mini.TESTS, "square", "assert square(2) == 4")
    room = mini.make(tmp_path / "class")
    hand_in(
        room,
        "ada",
        mini.ANSWERS | {"normalize": "def normalize(v): raise ValueError('my own words')"},
    )
    schedule.run(room, jobs=1)
    assert "my own words" in feedback.run(room).pages[0].read_text()
