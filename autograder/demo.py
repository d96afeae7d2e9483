"""A class like a real one, graded from beginning to end, with the points that must come out.

Right answers in several styles, every misconception, and the accidents that happen to
notebooks. What is expected is known before grading: full points for a right answer, and for
a misconception what the checks of a notebook say here, in this process, against dlcore;
grading itself runs nbgrader, kernels and PyTorch.
"""

from __future__ import annotations

import ast
import copy
import inspect
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbformat.warnings import DuplicateCellId

from autograder import classroom
from autograder.author import build
from autograder.check.carried_forward import forget
from autograder.check.instant import evaluate, grading_seed
from autograder.classroom import Classroom
from autograder.errors import Problem
from autograder.exercises import catalog
from autograder.exercises.catalog import Lesson
from autograder.exercises.exercise import Exercise
from autograder.grade import schedule
from autograder.report import class_report, feedback, results

SEED = "demo"


@dataclass(frozen=True)
class Plan:
    """What one student hands in: answers by exercise (None: left blank), then an accident."""

    student: str
    story: str
    answers: Mapping[str, str | None]
    expected: float | None  # None: cannot be graded
    misconceptions: frozenset[str] = frozenset()  # "exercise: name", to be named in the feedback
    accident: Callable[[NotebookNode], NotebookNode | str | None] = lambda nb: nb
    filename: str = ""


@dataclass(frozen=True)
class Line:
    """Expected against given, and the misconceptions that grading failed to name."""

    lesson: str
    student: str
    story: str
    expected: float | None
    given: float | None
    unnamed: frozenset[str] = frozenset()

    @property
    def agrees(self) -> bool:
        if self.unnamed:
            return False
        if self.expected is None or self.given is None:
            return self.expected is self.given
        return abs(self.expected - self.given) < 1e-9


@dataclass
class DemoReport:
    room: Classroom
    lines: list[Line] = field(default_factory=list)
    seconds: float = 0.0
    graded: schedule.GradeReport | None = None
    pages: int = 0
    summary: class_report.ClassReport | None = None

    @property
    def agrees(self) -> bool:
        return bool(self.lines) and all(line.agrees for line in self.lines)


def run(
    root: Path,
    lessons: list[Lesson],
    *,
    jobs: int | None = None,
    progress: schedule.Progress = lambda done, total, what: None,
) -> DemoReport:
    """Make the class in ``root`` (or take the one there), grade it, write feedback and report."""
    start = time.perf_counter()
    classroom.init(root, lessons, seed=SEED, timeout=20)
    room = Classroom(root)
    plans = {lesson.slug: plan(lesson) for lesson in lessons}
    for lesson in lessons:
        for each in plans[lesson.slug]:
            hand_in(room, lesson, each)
    with room.gradebook() as book:
        for student in ("zoe-never-came", *(p.student for ps in plans.values() for p in ps)):
            first, _, last = student.title().partition("-")
            book.update_or_create_student(student, first_name=first, last_name=last)
    slugs = list(plans)
    result = DemoReport(room)
    result.graded = schedule.run(room, slugs, jobs=jobs, progress=progress)
    given = {
        (row.lesson, row.student): None if row.status == "not graded" else row.points
        for row in result.graded.rows
    }
    for slug, each_plan in plans.items():
        named = _named(room, slug)
        for each in each_plan:
            points = given.get((slug, each.student))
            unnamed = each.misconceptions - named.get(each.student, set())
            result.lines.append(
                Line(slug, each.student, each.story, each.expected, points, unnamed)
            )
    result.pages = len(feedback.run(room, slugs).pages)
    result.summary = class_report.run(room, slugs)
    result.seconds = time.perf_counter() - start
    return result


def _named(room: Classroom, slug: str) -> dict[str, set[str]]:
    """The misconceptions that grading named, by student."""
    named: dict[str, set[str]] = {}
    for r in results.read(room, slug):
        for name in (r.payload or {}).get("misconceptions", []):
            named.setdefault(r.student, set()).add(f"{r.name}: {name}")
    return named


def remove(root: Path) -> None:
    """Remove an earlier demo; anything else that stands in the folder is refused."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return
    config = root / classroom.CONFIG
    made_here = f'os.environ["DLCOURSE_SEED"] = "{SEED}"'
    if not config.exists() or made_here not in config.read_text(encoding="utf-8"):
        raise Problem(f"{root} holds something else than a demo", "name another folder")
    shutil.rmtree(root)


def perfect(lesson: Lesson) -> Plan:
    """Everything right, as the solved lesson has it."""
    right = {e.function: _REFERENCE for e in lesson.exercises}
    return Plan("ada-perfect", "everything right", right, sum(e.points for e in lesson.exercises))


def plan(lesson: Lesson) -> list[Plan]:
    """Who hands in what for ``lesson``."""
    exercises = lesson.exercises
    right = {e.function: _REFERENCE for e in exercises}
    full = sum(e.points for e in exercises)
    first = next(e for e in exercises if inspect.isfunction(e.right_answer))
    last = exercises[-1]
    plans = [perfect(lesson)]
    plans += _other_styles(lesson, right, full)
    plans += _misconceptions(lesson)
    half = exercises[: len(exercises) // 2]
    done = {e.function for e in half}
    plans += [
        Plan(
            "hal-halfway",
            "the first half only",
            {f: a if f in done else None for f, a in right.items()},
            sum(e.points for e in half),
        ),
        Plan("bea-blank", "handed in as released", dict.fromkeys(right), 0.0),
        Plan(
            "sy-syntax",
            "a syntax error in an early answer, on which others rest",
            right | {first.function: f"def {first.function}(:\n    return 1"},
            full - first.points,
        ),
        Plan("imo-import", "a cell of her own fails to import", right, full, accident=_bad_import),
        Plan(
            "lou-loop",
            "one answer never returns",
            right | {last.function: _endless(last)},
            full - last.points,
        ),
        Plan("del-deleted", "test cells deleted", right, full, accident=_delete_tests),
        Plan("dup-doubled", "cells copied", right, full, accident=_double_cells),
        Plan(
            "poi-points",
            "points and a test edited, nothing answered",
            dict.fromkeys(right),
            0.0,
            accident=_edit_points,
        ),
        Plan("cor-corrupt", "the file is cut off", right, None, accident=_cut_off),
        Plan(
            "mia-misnamed", "the notebook has another name", right, full, filename="my work.ipynb"
        ),
    ]
    return plans


_REFERENCE = "reference"


def _other_styles(lesson: Lesson, right: Mapping[str, str | None], full: float) -> list[Plan]:
    by_exercise: dict[str, list[str]] = {}
    for answer in catalog.alternatives(lesson):
        by_exercise.setdefault(answer.exercise.split(".")[1], []).append(answer.source)
    plans = []
    for i, sources in enumerate(zip_longest(*by_exercise.values())):
        answers = dict(right) | {
            f: source for f, source in zip(by_exercise, sources, strict=True) if source
        }
        name = f"{'uvwxyz'[i % 6]}-style-{i + 1}"
        plans.append(Plan(name, "right, in another style", answers, full))
    return plans


def _misconceptions(lesson: Lesson) -> list[Plan]:
    exercises = lesson.exercises
    plans = []
    for i, row in enumerate(zip_longest(*(e.misconceptions for e in exercises))):
        answers: dict[str, str | None] = {}
        for exercise, misconception in zip(exercises, row, strict=True):
            answers[exercise.function] = (
                catalog.misconception_source(exercise, misconception.wrong)
                if misconception
                else _REFERENCE
            )
        student = f"mis-{i + 1}"
        expected, names = _at_home(lesson, answers, student)
        story = f"{sum(m is not None for m in row)} misconceptions"
        plans.append(Plan(student, story, answers, expected, names))
    return plans


def _at_home(
    lesson: Lesson, answers: Mapping[str, str | None], student: str
) -> tuple[float, frozenset[str]]:
    """Points and named misconceptions by the checks of a student's own notebook, since mistakes may rest on each other."""
    forget()
    scope: dict[str, Any] = {}
    points, names = 0.0, set[str]()
    for cell in answered(lesson, answers).cells:
        if cell.cell_type != "code":
            continue
        name = catalog.checked(cell.source)
        if name and (exercise := catalog.find_exercise(name)):
            seed = grading_seed(f"{SEED}/{student}", name)
            found = evaluate(name, scope[exercise.function], seed)
            points += found["points"]
            names |= {f"{exercise.function}: {m}" for m in found["misconceptions"]}
            continue
        body = ast.parse(cell.source).body
        if not cell.metadata.get("nbgrader", {}).get("solution"):  # only what answers may use
            kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
            body = [node for node in body if isinstance(node, kinds)]
        exec(compile(ast.Module(body, []), cell.id, "exec"), scope)
    forget()
    return points, frozenset(names)


def _endless(exercise: Exercise) -> str:
    return f"def {exercise.function}(*args, **kwargs):\n    while True:\n        pass"


def hand_in(room: Classroom, lesson: Lesson, each: Plan) -> None:
    """Write what ``each`` submits; a file that is there already with the same content stays."""
    nb = answered(lesson, each.answers)
    result = each.accident(nb)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DuplicateCellId)  # doubled on purpose
        text = result if isinstance(result, str) else build.to_text(result or nb)
    path = room.notebook("submitted", each.student, lesson.slug)
    if each.filename:
        path = path.with_name(each.filename)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def answered(lesson: Lesson, answers: Mapping[str, str | None]) -> NotebookNode:
    """The released notebook with the answers filled in, as a student would save it."""
    nb = nbformat.reads(build.release_text(lesson), as_version=4)
    reference = {cell.id: cell.source for cell in build.source_notebook(lesson).cells}
    for cell in nb.cells:
        name = cell.id.removesuffix("-answer")
        if cell.id.endswith("-answer") and (answer := answers.get(name)) is not None:
            cell.source = reference[cell.id] if answer == _REFERENCE else answer
    return nb


def _bad_import(nb: NotebookNode) -> NotebookNode:
    nb.cells.insert(1, new_code_cell("import my_own_helpers_at_home", id="my-imports"))
    return nb


def _tests(nb: NotebookNode) -> list[int]:
    return [i for i, c in enumerate(nb.cells) if c.metadata.get("nbgrader", {}).get("grade")]


def _delete_tests(nb: NotebookNode) -> NotebookNode:
    gone = set(_tests(nb)[::2])
    nb.cells = [cell for i, cell in enumerate(nb.cells) if i not in gone]
    return nb


def _double_cells(nb: NotebookNode) -> NotebookNode:
    first, *_, final = _tests(nb)
    for place in (final, final - 1, first):  # a test, the answer before it, another test
        nb.cells.insert(place, copy.deepcopy(nb.cells[place]))
    return nb


def _edit_points(nb: NotebookNode) -> NotebookNode:
    for i in _tests(nb):
        nb.cells[i].metadata["nbgrader"]["points"] = 100
        nb.cells[i].source = "100.0"
    return nb


def _cut_off(nb: NotebookNode) -> str:
    return build.to_text(nb)[:4000]
