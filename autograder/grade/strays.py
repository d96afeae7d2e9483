"""Notebooks that lie anywhere else under ``submitted/`` than STUDENT/LESSON/LESSON.ipynb: named, not passed over."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.grade.files import SKIPPED, printable
from autograder.roster import why_no_id

MOST = 100  # that are named


def strays(submitted: Path, lessons: Sequence[str]) -> list[tuple[str, str]]:
    """Who (as far as the place tells) and why, for every notebook that no lesson's grading looks at."""
    found = []
    for who, path, guess in _strays(submitted, lessons):
        where = (
            f"STUDENT/{guess or 'LESSON'}/" if who in ("", "?") else f"{who}/{guess or 'LESSON'}/"
        )
        reason = f"submitted/{printable(path)} is not where it is looked for: put it into submitted/{where}"
        found.append((printable(who or "?"), reason))
        if len(found) >= MOST:
            break
    return found


def _strays(submitted: Path, lessons: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for name, is_folder in _entries(submitted):
        if not is_folder:
            if name.endswith(".ipynb"):
                yield "?", name, _lesson(name.removesuffix(".ipynb"), lessons)
        elif why_no_id(name):
            yield "?", name, ""
        else:
            for inner, below in _entries(submitted / name):
                if not below and inner.endswith(".ipynb"):
                    yield name, f"{name}/{inner}", _lesson(inner.removesuffix(".ipynb"), lessons)
                elif below and inner not in lessons and _holds_notebook(submitted / name / inner):
                    guess = _lesson(inner, lessons)
                    yield ("?" if name in lessons else name), f"{name}/{inner}", guess


def _entries(folder: Path) -> list[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (e.name, e.is_dir(follow_symlinks=False))
                for e in entries
                if not e.name.startswith(".") and e.name not in SKIPPED
            )
    except OSError:
        return []


def _holds_notebook(folder: Path) -> bool:
    return any(name.endswith(".ipynb") for name, below in _entries(folder) if not below)


def _lesson(name: str, lessons: Sequence[str]) -> str:
    """The lesson that is meant, if one is like it."""
    alike = difflib.get_close_matches(name.lower(), lessons, 1, 0.75)
    return alike[0] if alike else ""
