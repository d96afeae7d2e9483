"""What a student gets back: one page a lesson, with points, what went wrong, and the hint.

The page is made from the results of the checks, not from the notebook: hidden cases, the
oracle and other students are not in them. Every text is escaped, and a Content-Security-Policy
forbids the page to run or to load anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.check import card
from autograder.classroom import Classroom
from autograder.exercises import catalog
from autograder.grade.intake import intake
from autograder.report import results
from autograder.report.pages import template


@dataclass
class FeedbackReport:
    pages: list[Path] = field(default_factory=list)


def run(
    room: Classroom, lessons: Sequence[str] = (), students: Sequence[str] = ()
) -> FeedbackReport:
    """Write ``feedback/<student>/<lesson>/<lesson>.html``, where nbgrader looks for it too."""
    report = FeedbackReport()
    for lesson in room.choose_lessons(lessons):
        by_student: dict[str, list[results.Result]] = {}
        for result in results.read(room, lesson):
            if not students or result.student in students:
                by_student.setdefault(result.student, []).append(result)
        for student, found in by_student.items():
            text = page(lesson, found, late_penalty(room, lesson, student))
            report.pages.append(_write(room, lesson, student, text))
        for student in students or room.students():
            submission = None if student in by_student else intake(room, student, lesson)
            if submission and submission.problem:
                text = template("not_graded.html").render(
                    title=title(lesson), student=student, problem=submission.problem
                )
                report.pages.append(_write(room, lesson, student, text))
    return report


def _write(room: Classroom, lesson: str, student: str, text: str) -> Path:
    path = room.notebook("feedback", student, lesson).with_suffix(".html")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def title(lesson: str) -> str:
    known = catalog.find_lesson(lesson)
    return f"Lesson {known.number}: {known.name}" if known else lesson


def late_penalty(room: Classroom, lesson: str, student: str) -> float:
    """Points that the course takes off for handing in late."""
    with room.gradebook() as book:
        submission = book.find_submission(lesson, student)
        return sum(notebook.late_submission_penalty or 0.0 for notebook in submission.notebooks)


def page(lesson: str, found: Sequence[results.Result], penalty: float = 0.0) -> str:
    """The feedback page of one student and lesson."""
    return template("feedback.html").render(
        title=title(lesson),
        student=found[0].student,
        points=sum(r.points for r in found) - penalty,
        max_points=sum(r.max_points for r in found),
        penalty=penalty,
        results=found,
        failure_html=card.failure_html,
        explain=explain,
        number=card.number,
    )


def explain(result: results.Result) -> str:
    """Why a check gave no card, in words for the student."""
    if result.error.startswith("NameError"):
        return (
            f"The check did not find {result.name} ({result.error}). Was its cell deleted, renamed, or "
            "did it stop with an error of its own? Choose Run > Restart Kernel and Run All Cells and "
            "look for the first error."
        )
    if result.error.startswith("CellTimeout"):
        return (
            "This test was stopped because it ran too long. Look for a loop that never ends in what "
            "you wrote for it."
        )
    if result.error.startswith("DeadKernel"):
        why = result.error.partition(": ")[2] or "the process that ran it ended"
        return f"This test could not be finished: {why}."
    if result.error == results.HIDDEN:
        return (
            "Your code passes the tests that you can see and fails one that you cannot. Try other inputs: "
            "zero, negative numbers, one element, none, very large ones."
        )
    if result.error:
        return f"The test stopped with {result.error}"
    if result.points == result.max_points:
        return "All tests passed."
    return "The check did not run."


_HIDDEN = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS.*?^[ \t]*### END HIDDEN TESTS[^\n]*\n?", re.M | re.S
)


class HideTests(NbGraderPreprocessor):
    """For pages made by ``nbgrader generate_feedback``: no hidden tests, and no traces of them."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict, cell_index: int
    ) -> tuple[NotebookNode, dict]:
        if utils.is_grade(cell) and cell.cell_type == "code" and _HIDDEN.search(cell.source):
            cell.source = _HIDDEN.sub("# (hidden tests)\n", cell.source)
            for output in cell.outputs:
                if output.output_type == "error":  # its traceback quotes the test
                    output.ename, output.evalue = "hidden test", "failed"
                    output.traceback = ["A hidden test failed."]
        return cell, resources
