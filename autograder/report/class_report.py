"""What an instructor reads: who has what, which exercises are hard, and which mistakes are common."""

from __future__ import annotations

import base64
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from autograder.check.card import number
from autograder.classroom import Classroom
from autograder.exercises import catalog
from autograder.grade import assignment as assignments
from autograder.grade import records
from autograder.grade.intake import intake
from autograder.report import overview, results
from autograder.report.feedback import penalties
from autograder.report.integrity import KINDS, Integrity, examine
from autograder.report.pages import template
from autograder.report.rows import ClassReport, ExerciseRow, StudentRow


def run(room: Classroom, lessons: Sequence[str] = ()) -> ClassReport:
    """Gather the class and write ``reports/``: index and integrity pages, and CSV tables."""
    chosen = room.choose_lessons(lessons)
    report = ClassReport(integrity=examine(room, chosen))
    for lesson in chosen:
        found = list(results.read(room, lesson))
        report.students += _students(room, lesson, found)
        report.exercises += _exercises(lesson, found)
    folder = room.root / "reports"
    folder.mkdir(exist_ok=True)
    report.files = [
        _write_csv(folder / "class.csv", _class_lines(report)),
        _write_csv(folder / "course.csv", _course_lines(report)),
        _write_csv(folder / "exercises.csv", _exercise_lines(report)),
        _write_csv(folder / "integrity.csv", _integrity_lines(report.integrity)),
        _write_html(folder / "index.html", room, report),
        _write_integrity(folder / "integrity.html", room, report.integrity),
    ]
    return report


def _students(room: Classroom, lesson: str, found: list[results.Result]) -> list[StudentRow]:
    graded: dict[str, list[results.Result]] = {}
    for result in found:
        graded.setdefault(result.student, []).append(result)
    rows, late = [], penalties(room, lesson)
    seal = assignments.of_class(room, lesson).seal
    with room.gradebook() as book:
        digests = {s: r.digest for s, r in records.read(book.db.connection(), lesson).items()}
    for student in room.students():
        if student in graded:
            mine = graded[student]
            row = StudentRow(
                student,
                lesson,
                "graded",
                max(0.0, sum(r.points for r in mine) - late.get(student, 0.0)),
                sum(r.max_points for r in mine),
                sum(r.needs_manual for r in mine),
                open_points=sum(r.max_points for r in mine if r.needs_manual),
                penalty=late.get(student, 0.0),
                reason=_since(room, student, lesson, seal, digests.get(student, "")),
            )
        else:
            submission = intake(room, student, lesson)
            if submission is None:
                row = StudentRow(student, lesson, "not submitted")
            else:
                status = "not graded" if submission.problem else "waiting"
                row = StudentRow(student, lesson, status, reason=submission.problem)
        rows.append(row)
    return rows


def _since(room: Classroom, student: str, lesson: str, seal: str, digest: str) -> str:
    """What has been handed in since the grades of this row were given."""
    if not digest:  # graded by nbgrader's own command
        return ""
    submission = intake(room, student, lesson, seal, digest)
    if submission is None:
        return "what was handed in is gone from submitted/"
    if submission.unchanged:
        return ""
    if submission.problem:
        return f"an earlier version: the one in submitted/ cannot be graded, {submission.problem}"
    return "an earlier version, or earlier tests: run `autograder grade`"


def _exercises(lesson: str, found: list[results.Result]) -> list[ExerciseRow]:
    by_name: dict[str, list[results.Result]] = {}
    for result in found:
        if not result.written:
            by_name.setdefault(result.name, []).append(result)
    rows = []
    for name, group in by_name.items():
        named = Counter(
            misconception
            for result in group
            for misconception in (result.payload or {}).get("misconceptions", [])
        )
        rows.append(
            ExerciseRow(
                lesson,
                name,
                len(group),
                sum(r.points for r in group) / len(group),
                group[0].max_points,
                sum(r.full for r in group),
                Counter(r.kind for r in group if r.kind != "right"),
                named,
            )
        )
    return rows


def _class_lines(report: ClassReport) -> Iterable[Sequence[object]]:
    head = ["student", "lesson", "status", "points", "max_points", "late_penalty"]
    yield [*head, "answers_to_mark", "reason"]
    for r in report.students:
        points = [number(x) for x in (r.points, r.max_points, r.penalty)]
        points = points if r.status == "graded" else [""] * 3
        yield [r.student, r.lesson, r.status, *points, r.to_mark, r.reason]


def _course_lines(report: ClassReport) -> Iterable[Sequence[object]]:
    """A line for each student, a column for each lesson: the share of the points, empty where nothing is graded."""
    lessons = overview.lessons(report)
    yield ["student", *lessons, "mean"]
    for student, rows in overview.by_student(report).items():
        shares = [overview.share_of(rows[lesson]) if lesson in rows else None for lesson in lessons]
        shares.append(overview.mean_share(list(rows.values())))
        yield [student, *("" if share is None else f"{share:.3f}" for share in shares)]


def _exercise_lines(report: ClassReport) -> Iterable[Sequence[object]]:
    yield ["lesson", "exercise", "submissions", "mean", "max_points", "right", "what", "share"]
    for r in report.exercises:
        head = [r.lesson, r.exercise, r.submissions, f"{r.mean:.3f}", number(r.max_points), r.right]
        yield [*head, "", ""]
        for name, count in [*r.misconceptions.most_common(), *r.kinds.most_common()]:
            yield [*head, name, f"{count / r.submissions:.3f}"]


def _integrity_lines(found: Integrity) -> Iterable[Sequence[object]]:
    yield ["lesson", "student", "cell", "line", "kind", "detail"]
    for f in found.findings:
        yield [f.lesson, f.student, f.where, f.line or "", KINDS.get(f.kind, f.kind), f.detail]
    for lesson, p in found.pairs:
        yield [
            lesson,
            p.first,
            p.first_lines,
            "",
            "nearly the same",
            f"{p.alike:.0%} as {p.second}",
        ]
        yield [
            lesson,
            p.second,
            p.second_lines,
            "",
            "nearly the same",
            f"{p.alike:.0%} as {p.first}",
        ]


def _write_integrity(path: Path, room: Classroom, found: Integrity) -> Path:
    course = room.api.coursedir.course_id
    text = template("integrity.html").render(course=course, found=found, kinds=KINDS)
    path.write_text(text, encoding="utf-8")
    return path


def _write_csv(path: Path, lines: Iterable[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[_no_formula(cell) for cell in line] for line in lines])
    return path


def _no_formula(cell: object) -> object:
    """A student may be called =HYPERLINK(...): a spreadsheet must read it as text.

    Line ends become spaces: what stands after one is the beginning of a line again for some programs.
    """
    if not isinstance(cell, str):
        return cell
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", cell)
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])  # full-width signs count as well
    return f"'{text}" if first in {"=", "+", "-", "@", "|", "%"} else text


def _write_html(path: Path, room: Classroom, report: ClassReport) -> Path:
    lessons = overview.lessons(report)
    hints = {
        (exercise.function, m.name): m.hint
        for lesson in lessons
        if (known := catalog.find_lesson(lesson))
        for exercise in known.exercises
        for m in exercise.misconceptions
    }
    text = template("report.html").render(
        course=room.api.coursedir.course_id,
        lessons=lessons,
        report=report,
        histograms={lesson: _histogram(report, lesson) for lesson in lessons},
        bars={lesson: _bars(report, lesson) for lesson in lessons},
        overview=overview,
        course_chart=_progress(report) if len(lessons) > 1 else "",
        hints=hints,
        number=number,
    )
    path.write_text(text, encoding="utf-8")
    return path


def _figure(width: float, height: float):
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.subplots()


def _as_data(figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def _histogram(report: ClassReport, lesson: str) -> str:
    """How the points of one lesson are spread."""
    from matplotlib.ticker import MaxNLocator

    from dlcore.plot import COLORS

    rows = [r for r in report.students if r.lesson == lesson and r.status == "graded"]
    # extra credit may go beyond what the tests give
    top = max((x for r in rows for x in (r.points, r.max_points)), default=0.0) or 1.0
    figure, ax = _figure(6, 2.4)
    ax.hist([r.points for r in rows], bins=min(int(top), 12) or 1, range=(0, top), color=COLORS[0])
    ax.set(xlabel="points", ylabel="students", xlim=(0, top))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return _as_data(figure)


def _progress(report: ClassReport) -> str:
    """The mean score of each lesson, and how many have handed it in."""
    from dlcore.plot import COLORS

    rows = overview.progress(report)
    figure, ax = _figure(8, 2.4)
    names, places = [row.lesson.split("-")[0] for row in rows], range(len(rows))
    handed_in = [100 * row.handed_in / max(row.students, 1) for row in rows]
    ax.bar(places, handed_in, width=0.8, color="0.8", label="handed in (% of the class)")
    ax.bar(
        places,
        [100 * (row.share or 0) for row in rows],
        width=0.5,
        color=COLORS[0],
        label="mean score (%)",
    )
    ax.set_xticks(places, names)
    ax.set(xlabel="lesson", ylim=(0, 100))
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    return _as_data(figure)


def _bars(report: ClassReport, lesson: str) -> str:
    """The mean score of each exercise, as a share of its points."""
    from dlcore.plot import COLORS

    rows = [r for r in report.exercises if r.lesson == lesson and r.max_points][::-1]
    figure, ax = _figure(6, 0.6 + 0.3 * max(len(rows), 1))
    ax.barh(
        [r.exercise for r in rows], [100 * r.mean / r.max_points for r in rows], color=COLORS[0]
    )
    ax.set(xlabel="mean score (%)", xlim=(0, 100))
    return _as_data(figure)
