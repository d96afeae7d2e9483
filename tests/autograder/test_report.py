"""Pages and tables hold whatever students are called and whatever they wrote."""

from __future__ import annotations

import csv

import pytest

from autograder import card, feedback, report
from autograder.check import evaluate
from autograder.results import Result, plain


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
    assert "came late" in page and "still to be read" in page


@pytest.mark.parametrize("evil", ["<script>x</script>", "<img src=x onerror=y>", "{{ 7 * 7 }}"])
def test_nothing_that_anybody_wrote_becomes_markup(evil):
    payload = evaluate("activations.relu", lambda x: x)
    payload["failure"]["message"] = payload["failure"]["part"] = evil
    payload["parts"][0]["name"] = evil
    found = result(student=evil, comment=evil, payload=payload)
    page = feedback.page("02-activations", [found])
    if evil.startswith("{{"):
        assert page.count(evil) >= 4  # shown as it was written, not evaluated
    else:
        assert evil not in page and evil not in card.to_html(payload)


def test_control_sequences_are_stripped():
    coloured = "\x1b[31mred\x1b[0m \x1b]8;;http://bad\x07link\x1b]8;;\x07\x00!"
    assert plain(coloured) == "red link!"


def test_a_spreadsheet_reads_names_as_text(tmp_path):
    path = report._write_csv(tmp_path / "x.csv", [["=HYPERLINK(1)", "-2+3", "ada", 1.5]])
    assert next(csv.reader(path.open())) == ["'=HYPERLINK(1)", "'-2+3", "ada", "1.5"]
