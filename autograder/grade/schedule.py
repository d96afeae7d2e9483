"""Grade a class: take in, run, write to the gradebook; again at any time, nothing twice.

Chunks of submissions go to an Executor: processes on this machine, or a Dask cluster. This process
alone writes, first the autograded notebooks, each at once or not at all, then a batch of grades
in one transaction. Killed at any moment and run again, it does what is left.
"""

from __future__ import annotations

import autograder._lean  # noqa: F401  isort: skip

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from autograder.classroom import Classroom
from autograder.errors import Problem
from autograder.grade import assignment as assignments
from autograder.grade.assignment import Assignment
from autograder.grade.book import Book, Marks
from autograder.grade.intake import Submission, beside, intake
from autograder.grade.strays import strays
from autograder.grade.work import Done, Item, grade_chunk
from autograder.sandbox import tiers

COMMIT = 0.5  # seconds between two transactions
CHUNK = 1.0  # seconds of work that a chunk should hold
LARGEST_CHUNK = 32


@dataclass(frozen=True)
class Graded:
    """What became of one submission: ``status`` is graded, unchanged, to grade or not graded."""

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
    left_out: dict[str, str] = field(default_factory=dict)  # of source/, and why
    isolation: set[str] = field(default_factory=set)  # the tiers that were used

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
    isolation: str | None = None,
    scheduler: str | None = None,
    dry_run: bool = False,
    progress: Progress = lambda done, total, what: None,
) -> GradeReport:
    """Grade what is new or changed (everything with ``force``).

    In ``jobs`` processes here, or on the Dask cluster whose scheduler is at ``scheduler``.
    ``isolation`` is a tier of ``autograder.sandbox.tiers``, the strongest one by default.
    """
    chosen = room.choose_lessons(lessons)
    everybody = room.students()
    if unknown := set(students) - set(everybody):
        raise Problem(
            f"there is no student {', '.join(sorted(unknown))}, in the gradebook or in submitted/",
            f"choose of {', '.join(everybody[:10])}{' ...' if len(everybody) > 10 else ''}",
        )
    tier = isolation or "" if scheduler else tiers.choose(isolation)  # a cluster's workers choose
    report = GradeReport()
    if not lessons:
        report.left_out = room.left_out
    if not (lessons or students):
        known = [*chosen, *report.left_out]
        for who, reason in strays(room.root / "submitted", known):
            report.rows.append(Graded(who, "?", "not graded", reason))
    with nullcontext() if dry_run else _alone(room.root):
        batches = []
        for lesson in chosen:
            batch = _Lesson(room, lesson)
            batch.look(students or everybody, force)
            batches.append(batch)
            report.rows += batch.rows
        _grade(batches, report, jobs or os.cpu_count() or 1, tier, scheduler, dry_run, progress)
    report.rows.sort(key=lambda row: (row.lesson, row.student))
    return report


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Two runs in one class would write the same grades. Raises Problem while another one runs."""
    with (root / ".grading.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise Problem(
                f"this class is being graded already (by process {file.read(20).strip() or '?'})",
                "wait until that has ended, then run the same command again",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _grade(
    batches: list[_Lesson],
    report: GradeReport,
    jobs: int,
    tier: str,
    scheduler: str | None,
    dry_run: bool,
    progress: Progress,
) -> None:
    total = sum(len(batch.waiting) for batch in batches)
    if dry_run:
        report.rows += [
            Graded(s.student, b.lesson, "to grade", s.note) for b in batches for s in b.waiting
        ]
    elif total:
        progress(0, total, "")
        done = 0
        with _Pool(jobs, scheduler) as pool:
            for batch in batches:

                def tell(count: int, student: str, start: int = done, b: _Lesson = batch) -> None:
                    progress(start + count, total, f"{student} {b.lesson}")

                report.rows += batch.grade(pool, tier, tell)
                report.isolation |= batch.isolation
                done += len(batch.waiting)


class _Lesson:
    """One lesson's submissions on their way to the gradebook."""

    def __init__(self, room: Classroom, lesson: str) -> None:
        self.room, self.lesson = room, lesson
        self.assignment: Assignment = assignments.of_class(room, lesson)
        self.rows: list[Graded] = []
        self.waiting: list[Submission] = []
        self.taken: dict[str, Submission] = {}  # while it is being graded
        self.isolation: set[str] = set()

    def look(self, students: Sequence[str], force: bool) -> None:
        """Sort the submissions: refused, unchanged, waiting."""
        unchanged = []
        with Book(self.room, self.lesson) as book:
            records = {} if force else book.records()
            for student in students:
                known = records.get(student)
                whole = known is not None and self._is_whole(student, known.size)
                submission = self._take(student, known.digest if known and whole else "")
                if submission is None:
                    continue
                if submission.unchanged:
                    unchanged.append(student)
                elif submission.problem:
                    row = Graded(student, self.lesson, "not graded", submission.problem)
                    self.rows.append(row)
                else:  # a class does not fit into memory: it is read again when its turn comes
                    self.waiting.append(replace(submission, notebook=b"", files={}))
            totals = book.totals(unchanged) if unchanged else {}
        most = self.assignment.points
        self.rows += [
            Graded(s, self.lesson, "unchanged", "", t.points, most, t.needs_manual)
            for s, t in totals.items()
        ]

    def _take(self, student: str, known: str = "") -> Submission | None:
        return intake(self.room, student, self.lesson, self.assignment.seal, known)

    def _is_whole(self, student: str, size: int) -> bool:
        """Whether the autograded notebook is there, as long as it was."""
        try:
            return self.room.notebook("autograded", student, self.lesson).stat().st_size == size
        except OSError:
            return False

    def grade(self, pool: _Pool, tier: str, tell: Callable[[int, str], None]) -> list[Graded]:
        """Grade what waits and write it down."""
        notes = {s.student: s.note for s in self.waiting}
        config = {
            step: dict(self.room.config.get(step, {})) for step in ("LimitOutput", "IgnorePattern")
        }
        count, last = 0, time.monotonic()
        batch: dict[str, Marks] = {}
        rows: list[Graded] = []
        with Book(self.room, self.lesson) as book:
            # in one order whatever order they are graded in: exports list them as they came
            book.enroll(sorted(s.student for s in self.waiting))

            def commit() -> None:
                nonlocal last
                if batch:
                    book.save(batch)
                    totals = book.totals(list(batch))
                    for student, total in totals.items():
                        rows.append(
                            Graded(
                                student,
                                self.lesson,
                                "graded",
                                notes[student],
                                total.points,
                                self.assignment.points,
                                total.needs_manual,
                            )
                        )
                    batch.clear()
                last = time.monotonic()

            try:
                for done in pool.map(self.assignment, tier, config, self._items()):
                    count += 1
                    submission = self.taken.pop(done.student)
                    if changed := self._remarked(done, book.marked.get(done.student, ())):
                        said = (
                            f"graded by you and changed since: {', '.join(changed)}. Grade it again"
                        )
                        notes[done.student] = "; ".join(filter(None, (notes[done.student], said)))
                        done.record.notes.append(said)
                    if problem := done.problem or self._write(done, submission):
                        rows.append(Graded(done.student, self.lesson, "not graded", problem))
                    else:
                        self.isolation.add(done.record.isolation)
                        batch[done.student] = self._marks(done, submission)
                    if time.monotonic() - last > COMMIT:
                        commit()
                    tell(count, done.student)
            except BaseException:
                with contextlib.suppress(Exception):  # keep what is done; the first error counts
                    commit()
                raise
            commit()
        missing = {s.student for s in self.waiting} - {row.student for row in rows}
        why = "the run ended before its turn; grade again"
        return rows + [Graded(s, self.lesson, "not graded", why) for s in sorted(missing)]

    def _remarked(self, done: Done, marked: Collection[str]) -> list[str]:
        """The cells that a person has marked whose text is another now."""
        if done.problem or not marked:
            return []
        path = self.room.notebook("autograded", done.student, self.lesson)
        try:
            before, now = _texts(path.read_bytes()), _texts(done.notebook)
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [name for name in sorted(marked) if before.get(name) != now.get(name)]

    def _items(self) -> Iterator[Item]:
        for waiting in self.waiting:
            gone = Submission(waiting.student, self.lesson, problem="the folder has gone meanwhile")
            taken = self._take(waiting.student, waiting.digest) or gone
            self.taken[waiting.student] = taken
            yield Item(taken.student, taken.notebook, taken.files, taken.problem)

    def _marks(self, done: Done, submission: Submission) -> Marks:
        record = replace(done.record, digest=submission.digest)
        handed_in = self.room.timestamp(submission.timestamp)
        return Marks(dict(done.scores), list(done.no_response), record, handed_in)

    def _write(self, done: Done, submission: Submission) -> str:
        """The autograded notebook and the files beside it, where nbgrader keeps them; why not, if that fails."""
        path = self.room.notebook("autograded", done.student, self.lesson)
        files = beside(submission.files, self.assignment.files)
        if submission.timestamp:
            files["timestamp.txt"] = submission.timestamp.encode()
        try:
            write_folder(path.parent, files | {path.name: done.notebook})
        except OSError as error:
            if error.errno in _FULL:
                raise  # nobody's files could be written
            return f"its files cannot be written: {error.strerror}"
        return ""


def _texts(notebook: bytes) -> dict[str, str]:
    """The text of each cell that nbgrader knows."""
    cells = json.loads(notebook)["cells"]
    known = [(c["metadata"].get("nbgrader", {}).get("grade_id"), c["source"]) for c in cells]
    return {name: "".join(source) for name, source in known if name}


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """A folder of read-only files, as nbgrader makes it, in the place of the one before: at once or not at all."""
    draft, before = (folder.with_name(f".{folder.name}.{word}") for word in ("part", "old"))
    for path in draft, before:
        remove(path)
    try:
        draft.mkdir(parents=True)
        for name, data in files.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o444)
        if os.path.lexists(folder):
            folder.rename(before)
        draft.rename(folder)
    except OSError:
        with contextlib.suppress(OSError):
            remove(draft)
        raise
    remove(before)


def remove(path: Path) -> None:
    """Whatever is there, without following a link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class _Pool:
    """Chunks out, results in; a worker process that dies costs one submission at most."""

    def __init__(self, jobs: int, scheduler: str | None) -> None:
        self.jobs, self.scheduler = jobs, scheduler
        self.client: Any = None
        self.executor: Executor | None = None
        self.pace = 0.0  # seconds a submission has taken lately, in one process

    def __enter__(self) -> _Pool:
        self._start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.client is not None:
            self.client.close()  # with it goes what it still had to do
        elif self.executor is not None:
            # asked before the shutdown, which forgets them
            processes = list((getattr(self.executor, "_processes", None) or {}).values())
            self.executor.shutdown(wait=error[0] is None, cancel_futures=True)
            if error[0] is not None:
                for process in processes:  # nobody wants their chunks any more
                    with contextlib.suppress(Exception):
                        process.terminate()

    def _start(self) -> None:
        if self.scheduler is None:
            # spawn: a fork of a process with threads (Jupyter's, BLAS's) may hang
            self.executor = ProcessPoolExecutor(
                self.jobs, mp_context=get_context("spawn"), initializer=_become_worker
            )
            return
        try:
            from distributed import Client
        except ImportError:
            raise Problem(
                "--scheduler needs Dask, which is not installed", "pip install 'dlcourse[scale]'"
            ) from None
        try:
            self.client = Client(self.scheduler, timeout=10)
        except Exception as error:  # on a busy machine Dask fails by an assertion of its own
            raise Problem(
                f"no Dask scheduler answers at {self.scheduler} ({type(error).__name__})",
                "start one with `dask scheduler`, and workers with `dask worker`",
            ) from None
        self.jobs = max(1, sum(self.client.nthreads().values()))
        self.executor = self.client.get_executor(pure=False)

    def map(
        self, a: Assignment, tier: str, config: dict[str, Any], items: Iterator[Item]
    ) -> Iterator[Done]:
        """The results of ``items``, in the order in which they come."""
        waiting: dict[Future[list[Done]], tuple[list[Item], float]] = {}
        again: deque[Item] = deque()  # were under way when a process died: one by one now
        suspects: set[str] = set()
        exhausted = False
        while True:
            while len(waiting) < self.jobs + 1 and not (exhausted and not again):
                if again:
                    if waiting:
                        break
                    chunk = [again.popleft()]
                else:
                    chunk = self._chunk(items)
                    exhausted = not chunk
                    if exhausted:
                        continue
                assert self.executor is not None
                try:
                    future = self.executor.submit(grade_chunk, a, tier, config, chunk)
                except BrokenProcessPool:  # a process died since the last look at the pool
                    again.extendleft(reversed(chunk))
                    if waiting:
                        break  # they say so, too, and the pool is made anew below
                    self._start()
                    continue
                waiting[future] = chunk, time.monotonic()
            if not waiting:
                return
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            broken: list[Item] = []
            for future in ready:
                chunk, began = waiting.pop(future)
                try:
                    done = future.result()
                except BrokenProcessPool:
                    broken += chunk
                    continue
                except (Problem, KeyboardInterrupt):
                    raise
                except (
                    BaseException
                ) as error:  # a result that could not be sent, or whatever it was
                    if len(chunk) > 1:
                        again.extendleft(reversed(chunk))
                    else:
                        problem = f"grading failed: {type(error).__name__}"
                        yield Done(chunk[0].student, problem=problem)
                    continue
                # some of this time it waited in the queue: the pace errs on the slow side
                self.pace = (time.monotonic() - began) / len(chunk)
                yield from done
            if broken:
                broken += [item for chunk, _ in waiting.values() for item in chunk]
                waiting.clear()
                self._start()
                if len(broken) == 1 and broken[0].student in suspects:
                    yield Done(broken[0].student, problem="the grading process died of it, twice")
                else:
                    suspects |= {item.student for item in broken}
                    again += broken

    def _chunk(self, items: Iterator[Item]) -> list[Item]:
        size = 1 if not self.pace else max(1, min(LARGEST_CHUNK, round(CHUNK / self.pace)))
        found = []
        for item in items:
            found.append(item)
            if len(found) >= size:
                break
        return found


def _become_worker() -> None:
    """A pool's process: quiet, not to be interrupted, gone when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for name in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{name}_NUM_THREADS", "1")
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # when the parent dies
