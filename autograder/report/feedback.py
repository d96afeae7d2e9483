"""What a student gets back: one page a lesson, with points, what went wrong, and the hint.

The page is made from the results of the checks, not from the notebook: hidden cases, the
oracle and other students are not in them. Every text is escaped, and a Content-Security-Policy
forbids the page to run or to load anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter

from autograder.check import card
from autograder.classroom import Classroom
from autograder.exercises import catalog
from autograder.grade.clean import html
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
            text = _page_of(room, lesson, student, found)
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
    _for_the_exchange(path.parent, room.notebook("autograded", student, lesson).parent)
    return path


def _for_the_exchange(folder: Path, autograded: Path) -> None:
    """The files without which ``nbgrader release_feedback`` stops, for the whole class.

    Whoever handed in through nbgrader's exchange has them; for the others nobody will ask.
    """
    for name, instead in ("timestamp.txt", ""), ("submission_secret.txt", secrets.token_hex(32)):
        theirs, ours = autograded / name, folder / name
        if theirs.is_file():
            ours.unlink(missing_ok=True)
            ours.write_bytes(theirs.read_bytes())
        elif not ours.is_file():
            ours.write_text(instead, encoding="utf-8")


def _page_of(room: Classroom, lesson: str, student: str, found: Sequence[results.Result]) -> str:
    with room.gradebook() as book:
        person = book.find_student(student)
        name = " ".join(filter(None, (person.first_name, person.last_name)))
    return page(lesson, found, late_penalty(room, lesson, student), name)


def title(lesson: str) -> str:
    known = catalog.find_lesson(lesson)
    return f"Lesson {known.number}: {known.name}" if known else lesson


def late_penalty(room: Classroom, lesson: str, student: str) -> float:
    """Points that the course takes off for handing in late."""
    return penalties(room, lesson).get(student, 0.0)


def penalties(room: Classroom, lesson: str) -> dict[str, float]:
    """The points taken off for handing in late, by student."""
    with room.gradebook() as book:
        return {
            submission.student.id: penalty
            for submission in book.find_assignment(lesson).submissions
            if (penalty := sum(nb.late_submission_penalty or 0.0 for nb in submission.notebooks))
        }


def page(lesson: str, found: Sequence[results.Result], penalty: float = 0.0, name: str = "") -> str:
    """The feedback page of one student and lesson; ``name`` is the person's, if it is known."""
    student = found[0].student
    return template("feedback.html").render(
        title=title(lesson),
        student=f"{name} ({student})" if name else student,
        points=max(0.0, sum(r.points for r in found) - penalty),
        max_points=sum(r.max_points for r in found),
        penalty=penalty,
        results=found,
        failure_html=card.failure_html,
        parts_html=card.parts_html,
        explain=explain,
        comment=comment,
        number=card.number,
    )


def comment(text: str) -> str:
    """An instructor's comment, written in Markdown, as HTML that runs nothing."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    return html(MarkdownWithMath(renderer=IPythonRenderer(escape=True)).render(text))


def explain(result: results.Result) -> str:
    """Why a check gave no card, in words for the student."""
    if result.answer and (result.error.startswith("NameError") or result.payload is None):
        unread = result.answer.startswith(("SyntaxError", "IndentationError", "TabError"))
        what = "cannot be read by Python" if unread else "stopped with an error"
        return (
            f"The cell with your answer {what}, so there was nothing to test.\n"
            f"{result.answer}\n"
            "Open the notebook, choose Kernel > Restart Kernel and Run All Cells, and fix the first error."
        )
    if result.error.startswith("NameError"):
        return (
            f"The check did not find {result.name} ({result.error}). Was its cell deleted, renamed, or "
            "did it stop with an error of its own? Choose Kernel > Restart Kernel and Run All Cells, and fix "
            "the first error."
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
    if result.by_hand:
        return "Your instructor has set these points."
    if result.full:
        return "All tests passed."
    return f"The test gave {card.number(result.points)} of {card.number(result.max_points)} points."


class FeedbackPage(Exporter):
    """This page for ``nbgrader generate_feedback`` and the formgrader's button, in the place of the whole notebook."""

    file_extension = ".html"

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        about, converter = resources["nbgrader"], self.parent
        room = Classroom(Path(converter.coursedir.root))  # type: ignore[union-attr]
        lesson, student = about["assignment"], about["student"]
        found = list(results.read(room, lesson, student))
        resources["output_extension"] = self.file_extension
        place, autograded = (
            room.notebook(x, student, lesson).parent for x in ("feedback", "autograded")
        )
        place.mkdir(parents=True, exist_ok=True)
        _for_the_exchange(place, autograded)
        return _page_of(room, lesson, student, found), resources
