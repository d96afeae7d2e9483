"""The class report as data: a row for each student and lesson, a row for each exercise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from autograder.report.integrity import Integrity


@dataclass(frozen=True)
class StudentRow:
    """One student and lesson. ``status`` is graded, not graded, waiting or not submitted.

    Of ``max_points``, ``open_points`` are for written answers that nobody has marked yet.
    """

    student: str
    lesson: str
    status: str
    points: float = 0.0
    max_points: float = 0.0
    to_mark: int = 0
    reason: str = ""
    open_points: float = 0.0
    penalty: float = 0.0  # for handing in late; ``points`` are those after it


@dataclass(frozen=True)
class ExerciseRow:
    """One exercise over all graded submissions."""

    lesson: str
    exercise: str
    submissions: int
    mean: float
    max_points: float
    right: int
    kinds: Counter[str] = field(default_factory=Counter)
    misconceptions: Counter[str] = field(default_factory=Counter)


@dataclass
class ClassReport:
    students: list[StudentRow] = field(default_factory=list)
    exercises: list[ExerciseRow] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    integrity: Integrity = field(default_factory=Integrity)

    @property
    def missing(self) -> dict[str, list[str]]:
        """Who has not submitted, lesson by lesson."""
        table: dict[str, list[str]] = {}
        for row in self.students:
            if row.status == "not submitted":
                table.setdefault(row.lesson, []).append(row.student)
        return table
