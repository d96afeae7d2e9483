"""Fixtures that several rooms of the tests share."""

from __future__ import annotations

import os
import random
import shutil
import zlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from autograder.author import build
from autograder.exercises import catalog
from autograder.grade.assignment import Assignment, CodeCell, Settings

# tests share the cores: a second thread of a small matrix product would wait for its turn, spinning
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# a busy machine is no failure: no time is asserted
settings.register_profile("course", deadline=None)
settings.load_profile("course")

ROOT = Path(__file__).resolve().parent.parent
WHOLE = bool(os.environ.get("DLCOURSE_WHOLE"))  # `make test-whole`: no samples
# what `make test` leaves out on one day it draws on another; set it to draw as on that day
DAY = os.environ.setdefault("DLCOURSE_DAY", date.today().isoformat())
Lesson = TypeVar("Lesson")
Thing = TypeVar("Thing")


def one(lessons: Sequence[Lesson]) -> list[Lesson]:
    """A lesson that DLCOURSE_SAMPLE draws; all of them in `make test-whole`."""
    if WHOLE:
        return list(lessons)
    return [random.Random(os.environ.get("DLCOURSE_SAMPLE", "1")).choice(lessons)]


def some(lessons: Sequence[Lesson]) -> list[Lesson]:
    """The first lesson and another one; all of them in `make test-whole`."""
    return [lessons[0], *one(lessons[1:])]


def drawn(things: Sequence[Thing], count: int) -> list[Thing]:
    """So many that the day draws, in their order; all of them in `make test-whole`."""
    if WHOLE:
        return list(things)
    chosen = random.Random(DAY).sample(range(len(things)), count)
    return [things[i] for i in sorted(chosen)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked ``daily(n)`` runs on one day in n."""
    for item in items:
        mark = item.get_closest_marker("daily")
        if mark and not WHOLE:
            name = f"{DAY} {item.nodeid.split('@')[0]}"
            if zlib.crc32(name.encode()) % mark.args[0]:
                why = f"one day in {mark.args[0]}, and in make test-whole"
                item.add_marker(pytest.mark.skip(reason=why))


def assignment(lesson: catalog.Lesson) -> Assignment:
    """What grading knows of a lesson of the course, without a gradebook."""
    code = []
    for cell in build.source_notebook(lesson).cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code":
            solution, grade = bool(about.get("solution")), bool(about.get("grade"))
            code.append(CodeCell(cell.source, "", solution, grade and not solution))
    return Assignment(lesson.slug, lesson.slug, [], code, Settings())


@pytest.fixture(autouse=True)
def _notebook_mode(monkeypatch):
    """Checks behave as in a learner's notebook unless a test says otherwise."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program; a test that needs it skips where it is not installed, except in CI."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("DLCOURSE_REQUIRE_BROWSER"):
        pytest.fail("no browser: apt-get install chromium")
    pytest.skip("no Chromium on this machine (apt-get install chromium)")
