"""From ``solutions/NN_name.py`` to the nbgrader source notebook, and on to ``course/``.

A source file is plain jupytext percent format, with no grading metadata to type. The build
reads it off the cells:

    a cell with ``### BEGIN SOLUTION``          is the answer to the exercise checked next
    a cell that only calls ``check("a.b", b)``  is its test, worth the exercise's points
    ``# %% [markdown] task="name" points=2``    is a written question, marked by hand

The release is made by nbgrader's own GenerateAssignment, without its database steps.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from autograder.errors import Problem
from autograder.exercises import catalog
from autograder.exercises.catalog import Lesson, checked

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_PLAIN = {"language_info": {"name": "python"}, "kernelspec": KERNEL}


@dataclass
class BuildReport:
    """The notebooks that were written, and those that were up to date already."""

    written: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)  # somebody's work, moved out of the way


def run(lessons: Sequence[Lesson] | None = None, target: Path | None = None) -> BuildReport:
    """Build ``lessons`` (all by default) into ``target`` (``course/`` by default)."""
    if target is None and catalog.installed():
        raise Problem(
            "the lessons of an installed package are built already",
            "clone the repository to change them, or open them with `autograder lab`",
        )
    target = target or catalog.root() / "course"
    report = BuildReport()
    for lesson in catalog.lessons() if lessons is None else lessons:
        path = target / lesson.slug / f"{lesson.slug}.ipynb"
        text = release_text(lesson)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            report.unchanged.append(path)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and worked_on(path):
            report.kept.append(_move_aside(path))
        path.write_text(text, encoding="utf-8")
        report.written.append(path)
    return report


def worked_on(path: Path) -> bool:
    """Whether a notebook in course/ holds what somebody typed or ran."""
    try:
        nb = nbformat.read(path, as_version=4)
    except Exception:
        return True  # unreadable, so not ours to delete
    answers = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("solution")]
    return any(c.get("outputs") for c in nb.cells) or any(
        "raise NotImplementedError()" not in c.source for c in answers
    )


def _move_aside(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(f"{path.stem}-yours-{number}.ipynb")).exists():
        number += 1
    return path.rename(kept)


def source_notebook(lesson: Lesson) -> NotebookNode:
    """The instructor's notebook: solutions, checks and marking schemes, with nbgrader metadata."""
    nb = jupytext.read(lesson.source, fmt="py:percent")
    nb.metadata = nbformat.from_dict(_PLAIN)
    nb.nbformat, nb.nbformat_minor = 4, 5
    answer: NotebookNode | None = None
    running = 0
    for cell in nb.cells:
        options = {k: v for k, v in cell.metadata.items() if k in {"task", "points"}}
        cell.metadata = NotebookNode()
        grading = None
        if cell.cell_type == "code" and "### BEGIN SOLUTION" in cell.source:
            if answer is not None:
                raise _error(lesson, answer, "is never checked", 'add a cell check("...", ...)')
            answer = cell
            continue  # named by the check that follows
        if cell.cell_type == "code" and (name := checked(cell.source)):
            exercise = catalog.find_exercise(name)
            if exercise is None:
                raise _error(lesson, cell, f"checks {name!r}, which is not in checks/", "define it")
            grading = _grading(exercise.function, grade=True, points=exercise.points)
            if answer is not None:
                _mark(answer, _grading(f"{exercise.function}-answer", solution=True))
                answer = None
        elif "task" in options:
            grading = _grading(options["task"], task=True, points=float(options.get("points", 1)))
        if grading is not None:
            _mark(cell, grading)
        else:
            running += 1
            cell.id = f"cell-{running:03d}"
    if answer is not None:
        raise _error(lesson, answer, "is never checked", 'add a cell check("...", ...)')
    return nb


def _grading(
    grade_id: str,
    *,
    grade: bool = False,
    solution: bool = False,
    task: bool = False,
    points: float | None = None,
) -> NotebookNode:
    metadata = NotebookNode(
        grade=grade,
        grade_id=grade_id,
        locked=grade or task,
        schema_version=3,
        solution=solution,
        task=task,
    )
    if points is not None:
        metadata["points"] = int(points) if float(points).is_integer() else points
    return metadata


def _mark(cell: NotebookNode, grading: NotebookNode) -> None:
    cell.metadata = NotebookNode(nbgrader=grading)
    cell.id = grading["grade_id"]


def _error(lesson: Lesson, cell: NotebookNode, what: str, mend: str) -> Problem:
    head = cell.source.strip().splitlines()[0]
    return Problem(f"{lesson.source.name}: the cell {head!r} {what}", f"{mend}, then build again")


def to_text(nb: NotebookNode) -> str:
    """The notebook as text, the same bytes every time."""
    return nbformat.writes(nb, version=nbformat.NO_CONVERT) + "\n"


def release_text(lesson: Lesson) -> str:
    """What the student opens: solutions, marking schemes and outputs taken out by nbgrader."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import SaveCells

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source" / lesson.slug / f"{lesson.slug}.ipynb"
        source.parent.mkdir(parents=True)
        source.write_text(to_text(source_notebook(lesson)), encoding="utf-8")
        coursedir = CourseDirectory(root=folder)
        coursedir.assignment_id = lesson.slug
        converter = GenerateAssignment(coursedir=coursedir)
        converter.no_database = True
        converter.create_assignment = False
        converter.preprocessors = [p for p in converter.preprocessors if p is not SaveCells]
        converter.log = quiet_log()
        converter.start()
        released = Path(folder) / "release" / lesson.slug / source.name
        return to_text(tidy(nbformat.read(released, as_version=4)))


def tidy(nb: NotebookNode) -> NotebookNode:
    """Take out what differs between machines and versions of nbconvert."""
    nb.metadata = nbformat.from_dict(_PLAIN)
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
    return nb


def quiet_log() -> logging.Logger:
    """A logger for nbgrader that keeps its chatter to itself."""
    log = logging.getLogger("dlcourse.nbgrader")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log
