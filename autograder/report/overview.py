"""The whole course at a glance: progress by lesson and by student, the hardest exercises, the commonest mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.report.rows import ClassReport, ExerciseRow, StudentRow

SHOWN = 10  # exercises and mistakes


@dataclass(frozen=True)
class Progress:
    """One lesson over the class. ``share`` is the mean share of the points over those graded, None if there are none."""

    lesson: str
    students: int
    handed_in: int
    graded: int
    whole: int
    share: float | None
    to_mark: int


@dataclass(frozen=True)
class Mistake:
    """A misconception, and how many students' answers to this exercise show it."""

    lesson: str
    exercise: str
    name: str
    students: int
    submissions: int

    @property
    def share(self) -> float:
        return self.students / self.submissions


def share_of(row: StudentRow) -> float | None:
    """Which share of the points was earned, from 0 to 1, but for answers still to be marked; None unless graded."""
    marked = row.max_points - row.open_points
    return row.points / marked if row.status == "graded" and marked > 0 else None


def lessons(report: ClassReport) -> list[str]:
    return list(dict.fromkeys(row.lesson for row in report.students))


def progress(report: ClassReport) -> list[Progress]:
    """Lesson by lesson."""
    found = []
    for lesson in lessons(report):
        rows = [row for row in report.students if row.lesson == lesson]
        shares = [share for row in rows if (share := share_of(row)) is not None]
        found.append(
            Progress(
                lesson,
                len(rows),
                sum(row.status != "not submitted" for row in rows),
                sum(row.status == "graded" for row in rows),
                sum(share >= 1 for share in shares),
                sum(shares) / len(shares) if shares else None,
                sum(row.to_mark for row in rows),
            )
        )
    return found


def by_student(report: ClassReport) -> dict[str, dict[str, StudentRow]]:
    """Each student's rows, by lesson."""
    table: dict[str, dict[str, StudentRow]] = {}
    for row in report.students:
        table.setdefault(row.student, {})[row.lesson] = row
    return dict(sorted(table.items()))


def mean_share(rows: Sequence[StudentRow]) -> float | None:
    """The mean share of the points over the lessons that are graded; None if there are none."""
    shares = [share for row in rows if (share := share_of(row)) is not None]
    return sum(shares) / len(shares) if shares else None


def hardest(report: ClassReport, many: int = SHOWN) -> list[ExerciseRow]:
    """The exercises with the smallest share of their points, the hardest first."""
    rows = [row for row in report.exercises if row.max_points and row.mean < row.max_points]
    return sorted(rows, key=lambda row: row.mean / row.max_points)[:many]


def commonest(report: ClassReport, many: int = SHOWN) -> list[Mistake]:
    """The misconceptions that most students show, over all lessons."""
    found = [
        Mistake(row.lesson, row.exercise, name, count, row.submissions)
        for row in report.exercises
        for name, count in row.misconceptions.items()
    ]
    return sorted(found, key=lambda m: (-m.students, -m.share))[:many]
