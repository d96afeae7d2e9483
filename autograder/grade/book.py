"""The one writer to the gradebook: many submissions in one transaction.

Writes what nbgrader's ``Autograde`` with ``SaveAutoGrades`` and ``AssignLatePenalties`` would
write, a batch at a time. A test compares the two databases, table by table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import OperationalError

from autograder.classroom import Classroom
from autograder.errors import Problem
from autograder.grade import records
from autograder.grade.records import Record


@dataclass
class Marks:
    """What grading found in one notebook: points by cell, None where a person has to mark."""

    scores: dict[str, float | None] = field(default_factory=dict)
    no_response: list[str] = field(default_factory=list)  # answers left as they were released
    record: Record = field(default_factory=Record)
    timestamp: datetime | None = None


@dataclass(frozen=True)
class Total:
    """What a student has for a lesson, after any penalty for handing in late."""

    points: float
    needs_manual: bool


class Book:
    """The gradebook of a class, open for writing one lesson's grades."""

    def __init__(self, room: Classroom, lesson: str) -> None:
        from nbgrader import api

        self.api = api
        self.room, self.lesson = room, lesson
        self.gradebook = room.gradebook()
        self.db = self.gradebook.db
        self.assignment = self.gradebook.find_assignment(lesson)
        self.notebooks = {nb.name: nb for nb in self.assignment.notebooks}
        nb = self.notebooks[lesson]
        self.graded = {c.name: c.id for c in [*nb.grade_cells, *nb.task_cells]}
        self.commented = {c.name: c.id for c in [*nb.solution_cells, *nb.task_cells]}
        self.tasks = {c.name for c in nb.task_cells}
        self.id, self.notebook_id = self.assignment.id, nb.id
        self.duedate = self.assignment.duedate
        self.students = set(self.db.scalars(select(api.Student.id)))
        self.penalties = room.penalties()
        self.marked = self._marked()

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *error: object) -> None:
        self.gradebook.close()

    def records(self) -> dict[str, Record]:
        return records.read(self.db.connection(), self.lesson)

    def _marked(self) -> dict[str, set[str]]:
        """The answers that a person has marked, by student."""
        api, answers = self.api, {c: name for name, c in self.commented.items()}
        sub, nb, grade = api.SubmittedAssignment, api.SubmittedNotebook, api.Grade
        columns = (
            select(sub.student_id, grade.cell_id)
            .join(nb, nb.assignment_id == sub.id)
            .join(grade, grade.notebook_id == nb.id)
            .where(sub.assignment_id == self.id, grade.manual_score.is_not(None))
        )
        names = {c: name for name, c in self.graded.items()}
        found: dict[str, set[str]] = {}
        for student, cell in self.db.execute(columns):
            if names.get(cell) in set(answers.values()):
                found.setdefault(student, set()).add(names[cell])
        return found

    def save(self, batch: dict[str, Marks]) -> None:
        """Write the marks of ``{student: marks}`` and commit: all of them, or none."""
        with self._transaction():
            self._save(batch)

    def enroll(self, students: Sequence[str]) -> None:
        """Put those who are not in the gradebook yet into it, in this order."""
        new = [s for s in students if s not in self.students]
        if new:
            with self._transaction():
                self.db.execute(insert(self.api.Student), [{"id": s} for s in new])
            self.students.update(new)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            yield
            self.db.commit()
        except BaseException as error:
            self.db.rollback()
            if isinstance(error, OperationalError):
                raise Problem(
                    f"the gradebook cannot be written: {error.orig}",
                    "mend that (is the disk full? is it open elsewhere?), then run the same command "
                    "again: what was written is kept",
                ) from None
            raise

    def _save(self, batch: dict[str, Marks]) -> None:
        api = self.api
        notebooks = self._submissions(batch)
        scores = {
            (notebooks[s], cell): (marks, name)
            for s, marks in batch.items()
            for name, cell in self.graded.items()
        }
        self._grades(scores, list(notebooks.values()))
        self._comments(batch, notebooks)
        self.db.execute(
            update(api.SubmittedNotebook)
            .where(api.SubmittedNotebook.id.in_(list(notebooks.values())))
            .values(late_submission_penalty=None)
            .execution_options(synchronize_session=False)
        )
        if self.duedate is not None:
            self._late(batch, notebooks)
        records.write(self.db.connection(), self.lesson, {s: m.record for s, m in batch.items()})

    def _submissions(self, batch: dict[str, Marks]) -> dict[str, str]:
        """The ids of the students' submitted notebooks; what is not there is made."""
        api, db = self.api, self.db
        sub, nb = api.SubmittedAssignment, api.SubmittedNotebook
        where = (sub.assignment_id == self.id) & sub.student_id.in_(list(batch))
        there = dict(db.execute(select(sub.student_id, sub.id).where(where)).all())
        new = [s for s in batch if s not in there]
        if new:
            rows = [
                {"id": api.new_uuid(), "assignment_id": self.id, "student_id": s, "timestamp": batch[s].timestamp}
                for s in new
            ]  # fmt: skip
            db.execute(insert(sub), rows)
            there |= {row["student_id"]: row["id"] for row in rows}
            db.execute(
                insert(nb),
                [
                    {"id": api.new_uuid(), "assignment_id": row["id"], "notebook_id": each.id}
                    for row in rows
                    for each in self.notebooks.values()
                ],
            )
        for student, submission in there.items():
            if student not in new and batch[student].timestamp is not None:
                db.execute(
                    update(sub)
                    .where(sub.id == submission)
                    .values(timestamp=batch[student].timestamp)
                    .execution_options(synchronize_session=False)
                )
        who = {i: s for s, i in there.items()}
        wanted = nb.assignment_id.in_(list(who)) & (nb.notebook_id == self.notebook_id)
        return {who[a]: i for a, i in db.execute(select(nb.assignment_id, nb.id).where(wanted))}

    def _grades(self, scores: dict[tuple[str, str], tuple[Marks, str]], ids: list[str]) -> None:
        table = self.api.Grade
        wanted = table.notebook_id.in_(ids)
        columns = select(table.notebook_id, table.cell_id, table.id, table.manual_score)
        there = {(n, c): (i, manual) for n, c, i, manual in self.db.execute(columns.where(wanted))}
        new, changed = [], []
        for key, (marks, name) in scores.items():
            grade_id, manual = there.get(key, (None, None))
            row: dict[str, Any] = {}
            if name not in self.tasks:
                score = marks.scores.get(name)
                row = {
                    "auto_score": score,
                    "needs_manual_grade": manual is not None or score is None,
                }
            if grade_id is None:
                row = {"auto_score": None, "needs_manual_grade": True} | row
                new.append(
                    {"id": self.api.new_uuid(), "notebook_id": key[0], "cell_id": key[1]} | row
                )
            elif row:
                changed.append({"id": grade_id} | row)
        if new:
            self.db.execute(insert(table), new)
        if changed:
            self.db.execute(update(table), changed)

    def _comments(self, batch: dict[str, Marks], notebooks: dict[str, str]) -> None:
        table = self.api.Comment
        wanted = table.notebook_id.in_(list(notebooks.values()))
        columns = select(table.notebook_id, table.cell_id, table.id)
        there = {(n, c): i for n, c, i in self.db.execute(columns.where(wanted))}
        new, changed = [], []
        for student, marks in batch.items():
            for name, cell in self.commented.items():
                empty = name in marks.no_response and name not in self.tasks
                row = {"auto_comment": "No response." if empty else None}
                key = (notebooks[student], cell)
                if key in there:
                    changed.append({"id": there[key]} | row)
                else:
                    new.append(
                        {"id": self.api.new_uuid(), "notebook_id": key[0], "cell_id": cell} | row
                    )
        if new:
            self.db.execute(insert(table), new)
        if changed:
            self.db.execute(update(table), changed)

    def _late(self, batch: dict[str, Marks], notebooks: dict[str, str]) -> None:
        """Penalties, by the plugin that the class has configured."""
        self.db.expire_all()
        for student in batch:
            submission = self.gradebook.find_submission(self.lesson, student)
            late = submission.total_seconds_late
            if late <= 0:
                continue
            notebook = self.gradebook.find_submission_notebook(self.lesson, self.lesson, student)
            penalty = self.penalties.late_submission_penalty(student, notebook.score, late)
            if penalty is not None:
                notebook.late_submission_penalty = min(max(penalty, 0), notebook.score)
        self.db.flush()

    def totals(self, students: Sequence[str]) -> dict[str, Total]:
        """Points so far, and whether something is left to mark."""
        api = self.api
        sub, nb, grade = api.SubmittedAssignment, api.SubmittedNotebook, api.Grade
        columns = (
            select(sub.student_id, func.sum(grade.score), func.max(grade.needs_manual_grade))
            .join(nb, nb.assignment_id == sub.id)
            .join(grade, grade.notebook_id == nb.id)
            .where(sub.assignment_id == self.id)
            .group_by(sub.student_id)
        )
        late = dict(
            self.db.execute(
                select(sub.student_id, func.sum(nb.late_submission_penalty))
                .join(nb, nb.assignment_id == sub.id)
                .where(sub.assignment_id == self.id)
                .group_by(sub.student_id)
            ).all()
        )
        found = {
            s: Total(max(0.0, float(p or 0) - (late.get(s) or 0.0)), bool(m))
            for s, p, m in self.db.execute(columns)
        }
        return {s: found.get(s, Total(0.0, False)) for s in students}
