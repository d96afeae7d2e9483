"""A class folder: an ordinary nbgrader course, opened."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograder.errors import Problem
from autograder.exercises import catalog
from autograder.exercises.catalog import Lesson
from autograder.roster import read_roster, why_no_id

CONFIG = "nbgrader_config.py"

_IMPORTS = """\
from autograder.grade.engine import Engine
from autograder.grade.restore import RestoreCells
from autograder.report.feedback import FeedbackPage
"""

_CONFIG_TEXT = '''\
"""An nbgrader course, made by `autograder init`. Change what you like: nbgrader's
documentation lists the options. `nbgrader` and `autograder` commands both read this file."""

import os

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    IgnorePattern,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)

{imports}
c = get_config()  # noqa: F821

c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = {course_id}

# cells that a student deleted or doubled are put right before anything is run
c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    RestoreCells,
    DeduplicateIds,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]

# students' code runs in a sandbox, the tests outside: see the instructors' page of the course
c.Autograde.autograde_preprocessors = [
    Engine,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.Engine.timeout = {timeout}  # seconds that a cell, or a call into it, may take
c.Engine.budget = 600  # seconds for a whole notebook
c.Engine.memory = 2048  # megabytes

# text that students wrote is opened in your browser, by the formgrader: nothing in it may run there
c.HTMLExporter.filters = {{"markdown2html": "autograder.grade.clean.markdown"}}

# `nbgrader generate_feedback` and the formgrader's button write the page of `autograder feedback`
c.GenerateFeedback.exporter_class = FeedbackPage
c.GenerateFeedback.preprocessors = []

# checks draw their random cases from this and the student's id: the same when graded again
os.environ["DLCOURSE_SEED"] = {seed}
'''


@dataclass
class InitReport:
    root: Path
    lessons: list[str] = field(default_factory=list)
    students: int = 0


def init(
    root: Path,
    lessons: Sequence[Lesson] | None = None,
    students: Path | None = None,
    seed: str | None = None,
    timeout: int = 60,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> InitReport:
    """Make a class folder with the lessons released in it, ready for ``submitted/``.

    ``students`` is a CSV file with a column ``id`` and, if you like, ``first_name``, ``last_name`` and
    ``email``. A class that exists keeps its configuration, its grades, and the lessons that it has: one
    that was taken out of ``source/`` does not come back by itself.
    """
    if root.exists() and not root.is_dir():
        raise Problem(f"{root} is a file", "choose a folder that does not exist yet")
    lost_config = (root / "gradebook.db").exists() and (root / "source").is_dir()
    if root.exists() and any(root.iterdir()) and not ((root / CONFIG).exists() or lost_config):
        raise Problem(f"{root} is not empty, and not a class folder", "choose a new folder")
    roster = [] if students is None else read_roster(students)
    root.mkdir(parents=True, exist_ok=True)
    config = root / CONFIG
    if not config.exists():
        course_id = re.sub(r"[^A-Za-z0-9_-]+", "-", root.resolve().name) or "class"
        text = _CONFIG_TEXT.format(
            course_id=json.dumps(course_id),
            imports=_IMPORTS,
            timeout=timeout,
            seed=json.dumps(seed or secrets.token_hex(16)),
        )
        config.write_text(text, encoding="utf-8")
    (root / "submitted").mkdir(exist_ok=True)
    room = Classroom(root)
    with room.gradebook() as book:
        for student in roster:
            book.update_or_create_student(student.pop("id"), **student)
        count = len(book.students)
    report = InitReport(room.root, students=count)
    there = {path.name for path in (root / "source").glob("*")}
    if lessons is None:
        lessons = [x for x in catalog.lessons() if not there or x.slug in there]
    for i, lesson in enumerate(lessons):
        progress(i, len(lessons), lesson.slug)
        room.write_source(lesson)
        room.release(lesson.slug)
        report.lessons.append(lesson.slug)
    return report


class Classroom:
    """The nbgrader course in ``root``."""

    def __init__(self, root: Path) -> None:
        _find_neighbours()
        self.root = root.resolve()
        self._names: dict[str, set[str]] = {}
        if not (self.root / CONFIG).exists():
            raise Problem(
                f"{root} is not a class folder (no {CONFIG} in it)",
                f"run `autograder init {root}`, or name the folder with --class",
            )

    @cached_property
    def config(self) -> Any:
        from traitlets.config.loader import PyFileConfigLoader

        try:
            return PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
        except ImportError as error:
            raise Problem(
                f"{self.root / CONFIG} imports {error.name}, which is not there: was it made by an earlier version?",
                f"write in it {_IMPORTS.strip().replace(chr(10), '; ')}; "
                "and autograder.grade.clean.markdown for the filter",
            ) from None
        except Exception as error:
            raise Problem(
                f"{self.root / CONFIG} cannot be read: {type(error).__name__}: {error}",
                "mend that line, or move the file away and run `autograder init` again",
            ) from None

    @cached_property
    def api(self) -> Any:
        """nbgrader's own programming interface, with this course's configuration."""
        from nbgrader.apps import NbGraderAPI
        from nbgrader.coursedir import CourseDirectory

        logging.getLogger("traitlets").setLevel(logging.ERROR)
        coursedir = CourseDirectory(config=self.config)
        coursedir.root = str(self.root)
        return NbGraderAPI(coursedir=coursedir, config=self.config)

    def gradebook(self) -> Any:
        """nbgrader's gradebook, a context manager."""
        import nbgrader.api

        nbgrader.api.get_alembic_version = _schema_version
        coursedir = self.api.coursedir
        return nbgrader.api.Gradebook(coursedir.db_url, coursedir.course_id)

    @property
    def lessons(self) -> list[str]:
        """Slugs of the lessons of this class that can be graded, in order."""
        return [slug for slug, why in self._lessons.items() if not why]

    @property
    def left_out(self) -> dict[str, str]:
        """What else lies in ``source/``, and why it is not graded here."""
        return {slug: why for slug, why in self._lessons.items() if why}

    def notebooks(self, lesson: str) -> set[str]:
        """The names of a lesson's notebooks, as they were released."""
        return self._released().get(lesson, set())

    def _released(self) -> dict[str, set[str]]:
        with self.gradebook() as book:
            return {a.name: {nb.name for nb in a.notebooks} for a in book.assignments}

    @property
    def _lessons(self) -> dict[str, str]:
        known = self._released()
        found = {}
        for folder in sorted(p for p in self.root.glob("source/*") if p.is_dir()):
            slug = folder.name
            if not any(folder.glob("*.ipynb")):
                continue
            if slug not in known:
                found[slug] = f"it is not released yet (`autograder release {slug}`)"
            elif known[slug] != {slug}:
                names = ", ".join(sorted(known[slug])) or "none"
                found[slug] = (
                    f"its notebooks are {names}: `nbgrader autograde {slug}` grades those, this "
                    f"command an assignment of one notebook, {slug}.ipynb"
                )
            else:
                found[slug] = ""
        return found

    def students(self) -> list[str]:
        """Everybody in the gradebook and everybody who handed something in."""
        with self.gradebook() as book:
            known = {student.id for student in book.students}
        handed_in = {p.name for p in (self.root / "submitted").glob("*") if p.is_dir()}
        return sorted(s for s in known | handed_in if not why_no_id(s))

    def notebook(self, step: str, student: str, lesson: str) -> Path:
        """Where nbgrader keeps a notebook; ``step`` is submitted, autograded or feedback."""
        return self.root / step / student / lesson / f"{lesson}.ipynb"

    def source(self, lesson: str) -> Path:
        """The instructor's notebook of a lesson."""
        return self.root / "source" / lesson / f"{lesson}.ipynb"

    def cell_names(self, lesson: str) -> set[str]:
        """The names of the cells by which a notebook is recognized as this lesson's."""
        if lesson not in self._names:
            with self.gradebook() as book:
                cells = book.find_notebook(lesson, lesson).source_cells
                self._names[lesson] = {cell.name for cell in cells}
        return self._names[lesson]

    def timestamp(self, text: str) -> Any:
        """When a submission was handed in, by the text of its timestamp.txt; None if it does not say."""
        from nbgrader.utils import parse_utc

        # dateutil opens a file where a time zone is the name of one
        if not re.fullmatch(
            r"[0-9T:. +-]{8,40}( ?[A-Za-z][A-Za-z0-9_+-]{0,9}(/[A-Za-z_-]{1,30}){0,2})?",
            text.strip(),
        ):
            return None
        try:
            return parse_utc(text.strip())
        except Exception:  # dateutil's, of many kinds
            return None

    def penalties(self) -> Any:
        """The plugin that says what handing in late costs."""
        from nbgrader.preprocessors import AssignLatePenalties

        step = AssignLatePenalties(config=self.config)
        step.init_plugin()
        return step.plugin_inst

    def write_source(self, lesson: Lesson, *, renew: bool = False) -> None:
        """Write the instructor's notebook of a lesson into ``source/``, unless one is there.

        With ``renew``, one that is there and differs is moved to ``replaced/``.
        """
        path = self.source(lesson.slug)
        if path.exists() and not renew:
            return
        from autograder.author import build  # late: jupytext takes a while to import

        text = build.to_text(build.source_notebook(lesson))
        if path.exists():
            if path.read_text(encoding="utf-8") == text:
                return
            folder = self.root / "replaced"
            folder.mkdir(exist_ok=True)
            number = len(list(folder.glob(f"{lesson.slug}-*.ipynb"))) + 1
            path.rename(folder / f"{lesson.slug}-{number}.ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def release(self, slug: str) -> Path:
        """Register a lesson in the gradebook and write the students' version into ``release/``."""
        with _cells_saved_at_once(), _schema_checked_once():
            result = self.api.generate_assignment(slug, force=True)
        if not result["success"]:
            told = f"{result.get('log') or ''}\n{result.get('error') or ''}"
            cause = re.search(r"^\s*(?:\w+\.)*(\w+(?:Error|Exception): .+)$", told, re.M)
            raise Problem(
                f"nbgrader could not release {slug}: {cause[1] if cause else 'unknown error'}",
                f"run `nbgrader generate_assignment {slug} --force` in {self.root} to see why",
            )
        return self.root / "release" / slug

    def choose_lessons(self, names: Sequence[str]) -> list[str]:
        """The slugs that ``names`` mean; all of this class's if there are none."""
        if not names:
            if not (lessons := self.lessons):
                waiting = "; ".join(f"{slug}: {why}" for slug, why in self.left_out.items())
                more = f" ({waiting})" if waiting else ""
                raise Problem(f"this class has no lessons yet{more}", "run `autograder release`")
            return lessons
        chosen = []
        for name in names:
            lesson = catalog.find_lesson(name)
            slug = lesson.slug if lesson else name
            if why := self.left_out.get(slug):
                raise Problem(f"{slug} cannot be graded: {why}", "do that first, or name another")
            if slug not in self.lessons:
                raise Problem(
                    f"this class has no lesson {name!r}",
                    f"choose one of {', '.join(self.lessons) or 'none yet'}",
                )
            chosen.append(slug)
        return chosen


def _schema_version() -> str:
    """Of nbgrader's database, which nbgrader starts a program to find out."""
    import nbgrader
    from alembic.script import ScriptDirectory

    folder = Path(nbgrader.__file__).parent / "alembic"
    return str(ScriptDirectory(str(folder)).get_current_head())


@contextmanager
def _cells_saved_at_once() -> Iterator[None]:
    """Let nbgrader write the cells of a notebook in one transaction; it makes one for each cell."""
    from nbgrader.preprocessors import SaveCells

    one_by_one = SaveCells._create_notebook

    def at_once(self: Any, nb: Any) -> None:
        session = self.gradebook.db
        session.commit = session.flush
        try:
            one_by_one(self, nb)
        finally:
            del session.commit
        session.commit()

    SaveCells._create_notebook = at_once
    try:
        yield
    finally:
        SaveCells._create_notebook = one_by_one


@contextmanager
def _schema_checked_once() -> Iterator[None]:
    """Let nbgrader validate cells against its schema; it validates the schema itself, too, for each cell."""
    import jsonschema
    from nbgrader.nbgraderformat import common

    known: list[tuple[Any, Any]] = []

    def validate(instance: Any, schema: Any) -> None:
        validator = next((v for s, v in known if s == schema), None)
        if validator is None:
            kind = jsonschema.validators.validator_for(schema)
            kind.check_schema(schema)
            validator = kind(schema)
            known.append((schema, validator))
        if error := jsonschema.exceptions.best_match(validator.iter_errors(instance)):
            raise error

    common.jsonschema = SimpleNamespace(validate=validate)
    try:
        yield
    finally:
        common.jsonschema = jsonschema


def release(room: Classroom, names: Sequence[str] = (), *, renew: bool = False) -> list[Path]:
    """Release lessons of the course, or assignments of one's own, from ``source/``; grades given are kept.

    Without ``names`` all that lie in ``source/``; a lesson of the course that is named is put there.
    """
    there = sorted(p.name for p in room.root.glob("source/*") if any(p.glob("*.ipynb")))
    slugs = []
    for name in names or there:
        lesson = catalog.find_lesson(name)
        slug = lesson.slug if lesson else name
        if lesson is None and slug not in there:
            known = ", ".join([*(x.slug for x in catalog.lessons()), *there])
            raise Problem(
                f"there is no lesson {name!r}, and no folder source/{name} with a notebook in it",
                f"choose one of {known}",
            )
        slugs.append(slug)
        if lesson:
            room.write_source(lesson, renew=renew)
    return [room.release(slug) for slug in slugs]


def _find_neighbours() -> None:
    """Put the programs beside this Python on the PATH: nbgrader calls one of them, alembic, by name."""
    here = str(Path(sys.executable).parent)
    paths = os.environ.get("PATH", "").split(os.pathsep)
    if here not in paths:
        os.environ["PATH"] = os.pathsep.join([here, *paths])
