"""Pages and tables hold whatever students are called and whatever they wrote."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograder import classroom
from autograder.check import card
from autograder.check.instant import evaluate
from autograder.classroom import Classroom
from autograder.report import class_report, feedback, overview
from autograder.report.results import Result, plain
from autograder.report.rows import ClassReport, ExerciseRow, StudentRow


def result(**changes) -> Result:
    payload = evaluate("activations.relu", lambda x: x)
    values = {
        "student": "ada",
        "lesson": "02-activations",
        "name": "relu",
        "points": 0.0,
        "max_points": 2.0,
        "payload": payload,
    }
    return Result(**(values | changes))


def test_a_page_tells_points_fault_and_hint():
    page = feedback.page("02-activations", [result()])
    assert "Lesson 2: activations" in page and "0 of 2 points" in page
    assert "wrong value" in page


def test_a_page_without_a_card_says_why():
    page = feedback.page("02-activations", [result(payload=None, error="NameError: no relu")])
    assert "did not find relu" in page
    page = feedback.page("02-activations", [result(payload=None, error="CellTimeoutError")])
    assert "ran too long" in page
    page = feedback.page(
        "02-activations",
        [result(payload=None, error="AssertionError: a\n b", line="assert relu(1) == 1")],
    )
    assert "AssertionError: a\n b" in page and "<code>assert relu(1) == 1</code>" in page


def test_late_penalty_and_written_answers_are_told():
    found = [result(), result(name="reflect", payload=None, written=True, needs_manual=True)]
    page = feedback.page("02-activations", found, penalty=1.0)
    whole, waiting = result().max_points, found[1].max_points
    assert "came late" in page and f"of {whole:g} points</b> so far" in page
    assert f"{waiting:g} more points for written answers" in page


def test_a_mark_that_is_kept_until_it_is_given_again_counts_with_its_points():
    kept = result(name="reflect", payload=None, written=True, needs_manual=True, points=1.0)
    whole = kept.max_points + result().max_points
    page = feedback.page("02-activations", [result(), kept])
    assert f"of {whole:g} points</b>" in page and "so far" not in page


@pytest.mark.parametrize("evil", ["<script>x</script>", "<img src=x onerror=y>", "{{ 7 * 7 }}"])
def test_nothing_that_anybody_wrote_becomes_markup(evil):
    payload = evaluate("activations.relu", lambda x: x)
    payload["failure"]["message"] = payload["failure"]["part"] = evil
    payload["parts"][0]["name"] = payload["parts"][1]["kind"] = evil
    found = result(student=evil, comment=evil, payload=payload)
    page = feedback.page("02-activations", [found])
    if evil.startswith("{{"):
        assert page.count(evil) >= 4  # shown as it was written, not evaluated
    else:
        assert evil not in page and evil not in card.to_html(payload)


def test_control_sequences_are_stripped():
    colored = "\x1b[31mred\x1b[0m \x1b]8;;http://bad\x07link\x1b]8;;\x07\x00!"
    assert plain(colored) == "red link!"


@given(
    st.text(st.sampled_from("\r\n\t\0\u2028 '"), max_size=3),
    st.sampled_from("=+-@|%\uff1d\uff0b\uff0d\uff20"),
    st.text(max_size=6),
)
@example("", "=", "HYPERLINK(1)")
@example("x\r", "=", "cmd()")
def test_a_spreadsheet_reads_names_as_text(tmp_path_factory, before, sign, after):
    folder = tmp_path_factory.mktemp("csv")
    path = class_report._write_csv(folder / "x.csv", [[before + sign + after, "ada", 1.5]])
    text = path.read_text(encoding="utf-8")
    [[name, ada, number]] = csv.reader(io.StringIO(text))
    assert (ada, number) == ("ada", "1.5")
    for line in re.split(r"[\r\n\u2028]", name):
        assert not re.match(r"[\s\0]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]", line), name


def course() -> ClassReport:
    """Three students, two lessons: one has all, one has half of the first, one came to nothing."""
    first, second = "01-neurons", "02-activations"
    return ClassReport(
        [
            StudentRow("cy", first, "not submitted"),
            StudentRow("ada", first, "graded", 10.0, 10.0, 1),
            StudentRow("ben", first, "graded", 5.0, 10.0, 2),
            StudentRow("cy", second, "not graded", reason="the file is damaged"),
            StudentRow(
                "ada", second, "graded", 8.0, 12.0, 2, open_points=4.0
            ),  # two answers are not marked yet
            StudentRow("ben", second, "not submitted"),
        ],
        [
            ExerciseRow(first, "layer", 2, 1.5, 3.0, 1, Counter(), Counter({"transposes": 1})),
            ExerciseRow(first, "weighted_sum", 2, 1.0, 1.0, 2),
            ExerciseRow(second, "relu", 1, 0.5, 2.0, 0, Counter(), Counter({"leaks": 1, "<b>": 1})),
            ExerciseRow(second, "gelu", 3, 1.9, 2.0, 2, Counter(), Counter({"leaks": 2})),
        ],
    )


def test_the_course_lesson_by_lesson():
    first, second = overview.progress(course())
    assert (first.handed_in, first.graded, first.whole, first.share, first.to_mark) == (
        2,
        2,
        1,
        0.75,
        3,
    )
    assert (second.students, second.handed_in, second.graded, second.share) == (3, 2, 1, 1.0)
    assert second.to_mark == 2 and second.whole == 1


def test_the_hardest_and_the_commonest_come_first():
    assert [row.exercise for row in overview.hardest(course())] == ["relu", "layer", "gelu"]
    assert [row.exercise for row in overview.hardest(course(), 1)] == ["relu"]
    found = [(m.exercise, m.name, m.students) for m in overview.commonest(course(), 3)]
    assert found[0] == ("gelu", "leaks", 2)
    assert set(found[1:]) == {
        ("relu", "leaks", 1),
        ("relu", "<b>", 1),
    }  # one of one, not one of two


def test_students_are_told_apart_who_have_nothing_and_who_have_none():
    table = overview.by_student(course())
    assert list(table) == ["ada", "ben", "cy"]
    means = {student: overview.mean_share(list(rows.values())) for student, rows in table.items()}
    assert means == {"ada": 1.0, "ben": 0.5, "cy": None}


def test_the_course_on_a_page_and_in_a_table(tmp_path):
    classroom.init(tmp_path / "class", [], seed="course")
    page = class_report._write_html(
        tmp_path / "index.html", Classroom(tmp_path / "class"), course()
    )
    html = page.read_text()
    assert "<h2>The course</h2>" in html and "&lt;b&gt;" in html and "<b>" not in html
    (ben,) = re.findall(r"<tr><td>ben</td>(.*?)</tr>", html.split("Who is where")[1], re.S)[:1]
    assert re.findall(r">([^<\s]+)</td>", ben) == ["50", "–", "50"]
    (cy,) = re.findall(r"<tr><td>cy</td>(.*?)</tr>", html.split("Who is where")[1], re.S)[:1]
    assert re.findall(r">([^<\s]+)</td>", cy) == ["–", "?"]
    path = class_report._write_csv(tmp_path / "course.csv", class_report._course_lines(course()))
    head, ada, ben_line, cy_line = csv.reader(path.open())
    assert head == ["student", "01-neurons", "02-activations", "mean"]
    assert (ada[1:], ben_line[1:], cy_line[1:]) == (
        ["1.000", "1.000", "1.000"],
        ["0.500", "", "0.500"],
        ["", "", ""],
    )


def test_a_single_lesson_has_no_course_to_show(tmp_path):
    classroom.init(tmp_path / "class", [], seed="course")
    whole = course()
    one = ClassReport(whole.students[:3], whole.exercises[:2])
    page = class_report._write_html(tmp_path / "index.html", Classroom(tmp_path / "class"), one)
    assert "The course" not in page.read_text()
