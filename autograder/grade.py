"""Grade a class: take in, run, write to the gradebook; again at any time, nothing twice.

Running is nbgrader's: each submission goes through ``Autograde`` with the preprocessors of
the class's nbgrader_config.py, so ``nbgrader autograde`` gives the same grades.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from autograder.classroom import Classroom, use_environment
from autograder.intake import Submission, intake


@dataclass(frozen=True)
class Graded:
    """What became of one submission: ``status`` is graded, unchanged or not graded."""

    student: str
    lesson: str
    status: str
    reason: str = ""
    points: float = 0.0
    max_points: float = 0.0
    needs_manual: bool = False


@dataclass
class GradeReport:
    rows: list[Graded] = field(default_factory=list)

    @property
    def failed(self) -> list[Graded]:
        return [row for row in self.rows if row.status == "not graded"]


Progress = Callable[[int, int, str], None]


def run(
    room: Classroom,
    lessons: Sequence[str] = (),
    students: Sequence[str] = (),
    *,
    force: bool = False,
    jobs: int | None = None,
    progress: Progress = lambda done, total, what: None,
) -> GradeReport:
    """Grade what is new or changed (everything with ``force``) in ``jobs`` processes."""
    use_environment(room)
    report, ledger = GradeReport(), Ledger(room)
    waiting: list[Submission] = []
    for lesson in room.choose_lessons(lessons):
        for student in students or room.students():
            submission = intake(room, student, lesson)
            if submission is None:
                continue
            if submission.problem:
                report.rows.append(Graded(student, lesson, "not graded", submission.problem))
            elif force or not ledger.is_done(submission):
                waiting.append(submission)
            else:
                report.rows.append(_read(room, submission, "unchanged"))
    total = len(waiting)
    progress(0, total, "")
    with _workers(jobs or os.cpu_count() or 1) as pool:
        futures = {pool.submit(_autograde, room.root, s.student, s.lesson): s for s in waiting}
        try:
            for done, future in enumerate(as_completed(futures), 1):
                submission = futures[future]
                error = future.result()
                if not error:
                    ledger.record(submission)
                report.rows.append(_finish(room, submission, error))
                progress(done, total, f"{submission.student} {submission.lesson}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    report.rows.sort(key=lambda row: (row.lesson, row.student))
    return report


def _workers(jobs: int) -> Executor:
    # spawn: a fork of a process with threads (Jupyter's, BLAS's) may hang
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_hush)


def _hush() -> None:
    """Kernels greet on stderr, over the progress bar; what matters comes back as a result."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


class Ledger:
    """Which submission was graded against which release, by their content, in one small file.

    A run that is killed has recorded what it finished; the next one does the rest.
    """

    def __init__(self, room: Classroom) -> None:
        self.room = room
        self.path = room.root / ".graded.json"
        self.known: dict[str, str] = {}  # if it is lost, all is graded again, to the same result
        with contextlib.suppress(OSError, ValueError, TypeError):
            self.known = dict(json.loads(self.path.read_text(encoding="utf-8")))

    def is_done(self, s: Submission) -> bool:
        graded = self.room.notebook("autograded", s.student, s.lesson)
        return graded.exists() and self.known.get(f"{s.student}/{s.lesson}") == self._print(s)

    def record(self, s: Submission) -> None:
        self.known[f"{s.student}/{s.lesson}"] = self._print(s)
        draft = self.path.with_suffix(".tmp")
        draft.write_text(json.dumps(self.known, indent=0, sort_keys=True), encoding="utf-8")
        draft.replace(self.path)  # at once or not at all

    def _print(self, s: Submission) -> str:
        digest = hashlib.sha256()
        release = self.room.root / "release" / s.lesson / f"{s.lesson}.ipynb"
        for path in (self.room.notebook("submitted", s.student, s.lesson), release):
            digest.update(path.read_bytes() if path.exists() else b"")
        return digest.hexdigest()


def _autograde(root: Path, student: str, lesson: str) -> str:
    """Run nbgrader on one submission, in a worker process. Returns the error, if any."""
    room = Classroom(root)
    use_environment(room)
    # a kernel's own threads would fight over the cores with the other workers'
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    result = room.api.autograde(lesson, student, force=True, create=True)
    if result["success"]:
        return ""
    return _cause(result.get("log", "") + "\n" + result.get("error", ""))


def _cause(log: str) -> str:
    """The one line of nbgrader's log that says what happened."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for line in lines:
        name = line.split(":")[0]
        if (
            name.endswith(("Error", "Exception"))
            and "NbGraderException" not in name
            and " " not in name
        ):
            return line[:300]
    return lines[-1][:300] if lines else "nbgrader gave no reason"


def _finish(room: Classroom, submission: Submission, error: str) -> Graded:
    if error:
        return Graded(submission.student, submission.lesson, "not graded", error)
    return _read(room, submission, "graded")


def _read(room: Classroom, submission: Submission, status: str) -> Graded:
    with room.gradebook() as book:
        found = book.find_submission(submission.lesson, submission.student)
        return Graded(
            submission.student,
            submission.lesson,
            status,
            submission.note,
            found.score,
            found.max_score,
            found.needs_manual_grade,
        )
