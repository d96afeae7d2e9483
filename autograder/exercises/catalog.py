"""The lessons and their exercises, discovered from ``solutions/`` and ``checks/``."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autograder.errors import Problem
from autograder.exercises import checks
from autograder.exercises.exercise import Exercise

_PACKAGE = Path(__file__).resolve().parent.parent
_LESSON = re.compile(r"(\d\d)_([a-z_]+)")


@dataclass(frozen=True)
class Lesson:
    """``number`` 2, ``name`` "activations", ``slug`` "02-activations", ``source`` its .py file."""

    number: int
    name: str
    source: Path

    @property
    def slug(self) -> str:
        return f"{self.number:02d}-{self.name.replace('_', '-')}"

    @property
    def exercises(self) -> list[Exercise]:
        return lesson_exercises(self.name)


def root() -> Path:
    """The folder that holds ``solutions/`` and ``course/``: a clone, or their copy in an installed package."""
    for place in (_PACKAGE / "lessons", _PACKAGE.parent):
        if (place / "solutions").is_dir():
            return place
    raise Problem(
        f"the lessons are missing from {_PACKAGE}",
        "install dlcourse again, or clone the repository",
    )


def installed() -> bool:
    """Whether the lessons are those of an installed package, which nobody edits."""
    return root() == _PACKAGE / "lessons"


def lessons() -> list[Lesson]:
    """Every lesson that has a source, in order."""
    found = []
    for path in sorted((root() / "solutions").glob("*.py")):
        if match := _LESSON.fullmatch(path.stem):
            found.append(Lesson(int(match[1]), match[2], path))
    return found


def find_lesson(name: str) -> Lesson | None:
    """By slug ("02-activations"), name ("activations") or number ("2", "02")."""
    for lesson in lessons():
        if name in {lesson.slug, lesson.name} or (name.isdigit() and int(name) == lesson.number):
            return lesson
    return None


@cache
def _lesson_exercises(lesson: str) -> dict[str, Exercise]:
    module = importlib.import_module(f"autograder.exercises.checks.{lesson}")
    found = [value for value in vars(module).values() if isinstance(value, Exercise)]
    return {exercise.name: exercise for exercise in found}


def _check_modules() -> list[str]:
    return [m.name for m in pkgutil.iter_modules(checks.__path__) if not m.name.startswith("_")]


def lesson_exercises(lesson: str) -> list[Exercise]:
    """The exercises of the lesson called ``lesson``, in the order of definition; imports its checks alone."""
    return list(_lesson_exercises(lesson).values()) if lesson in _check_modules() else []


def exercises() -> list[Exercise]:
    """Every exercise, lesson by lesson, in the order of definition."""
    return [e for name in _check_modules() for e in _lesson_exercises(name).values()]


def exercise_names() -> list[str]:
    return [exercise.name for exercise in exercises()]


def find_exercise(name: str) -> Exercise | None:
    """The exercise called ``name``; imports the checks of its lesson alone."""
    lesson = name.split(".")[0]
    return _lesson_exercises(lesson).get(name) if lesson in _check_modules() else None


def checked(source: str) -> str | None:
    """The exercise that a cell checks, if checking it is all that the cell does."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return None
    match statements:
        case [
            ast.Expr(
                value=ast.Call(
                    func=ast.Name(id="check"), args=[ast.Constant(value=str(name)), *_], keywords=[]
                )
            )
        ]:
            return name
    return None


def ends_in_check(source: str) -> bool:
    """Whether the value of a cell is what ``check`` returns."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return False
    match statements:
        case [*_, ast.Expr(value=ast.Call(func=ast.Name(id="check")))]:
            return True
    return False


@dataclass(frozen=True)
class Answer:
    """An answer to an exercise, as source code that defines the function."""

    exercise: str
    style: str
    source: str


def alternatives(lesson: Lesson) -> list[Answer]:
    """Right answers in other styles, from ``solutions/alternatives/<lesson>.py``."""
    import jupytext

    path = lesson.source.parent / "alternatives" / f"{lesson.name}.py"
    if not path.exists():
        return []
    answers = []
    for cell in jupytext.read(path, fmt="py:percent").cells:
        if title := cell.metadata.get("title"):
            function, _, style = title.partition(": ")
            answers.append(Answer(f"{lesson.name}.{function}", style, cell.source))
    return answers


def misconception_source(exercise: Exercise, wrong: Callable[..., object]) -> str:
    """A wrong implementation as a learner would type it: its body under the exercise's name."""
    if source := getattr(wrong, "source", None):
        return str(source)
    tree = ast.parse(textwrap.dedent(inspect.getsource(wrong)))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.decorator_list = []
    function.name = exercise.function
    return ast.unparse(tree)
