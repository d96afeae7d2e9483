"""nbgrader's own ``autograde``, and the formgrader's button, take in submissions as ``autograder grade`` does.

nbgrader copies what it finds in ``submitted/``, through links too, and reads notebooks that may be damaged. Here it
is given copies that intake has made: ordinary files under clean names, a notebook that is valid.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from autograder.classroom import Classroom
from autograder.grade.intake import (
    Refused,
    bounded,
    handed_in_at,
    intake,
    notebooks_of,
    read_notebook,
)

_start = Autograde.start


def guard() -> None:
    """Put the copies in the place of ``submitted/`` for every ``Autograde`` of this process.

    The formgrader's list of submissions reads every timestamp.txt, were it a pipe on which nobody writes.
    """
    Autograde.start = _start_on_copies
    NbGraderAPI.get_submitted_timestamp = _submitted_timestamp


def _submitted_timestamp(self: Any, assignment_id: str, student_id: str) -> Any:
    return handed_in_at(Classroom(Path(self.coursedir.root)), student_id, assignment_id)


def _start_on_copies(self: Any) -> None:
    folder = Path(tempfile.mkdtemp(prefix=".taken-in-", dir=self.coursedir.root))
    before = self.coursedir.submitted_directory
    refused: list[str] = []
    try:
        room, wanted = Classroom(Path(self.coursedir.root)), 0
        for student, lesson in _wanted(self.coursedir):
            wanted += 1
            if problem := _copy(room, student, lesson, folder / student / lesson):
                refused.append(f"{student}, {lesson}: {problem}")
                self.log.error("Not graded: %s", refused[-1])
        if wanted > len(refused) or not refused:
            self.coursedir.submitted_directory = folder.name
            _start(self)
    finally:
        self.coursedir.submitted_directory = before
        shutil.rmtree(folder, ignore_errors=True)
    if refused:
        raise NbGraderException("not graded: " + "; ".join(refused))


def _wanted(coursedir: Any) -> Iterator[tuple[str, str]]:
    """The students and lessons that nbgrader was asked for."""
    folder = Path(coursedir.root) / "submitted"
    for path in sorted(folder.glob(f"{coursedir.student_id or '*'}/{coursedir.assignment_id}")):
        yield path.parent.name, path.name


def _copy(room: Classroom, student: str, lesson: str, folder: Path) -> str:
    """Fill ``folder`` with what was handed in; why not, if it cannot be graded."""
    try:
        files = _several(room, student, lesson) or _one(room, student, lesson)
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except Refused as reason:
        return str(reason)
    except OSError as error:
        return f"its files cannot be written: {error.strerror}"
    return ""


def _one(room: Classroom, student: str, lesson: str) -> dict[str, bytes]:
    submission = intake(room, student, lesson)
    if submission is None or submission.problem:
        raise Refused(submission.problem if submission else "there is no folder")
    notebook = {f"{lesson}.ipynb": _valid(submission.notebook)}
    return {**submission.files, **notebook, **_stamp(room, submission.timestamp)}


def _several(room: Classroom, student: str, lesson: str) -> dict[str, bytes]:
    """The files of an assignment that has other notebooks than one of its own name; nothing for one that has not."""
    names = room.notebooks(lesson)
    if names in (set(), {lesson}):
        return {}
    found, files, stamp = notebooks_of(room, student, lesson, sorted(names))
    if not found:
        raise Refused(f"none of {', '.join(sorted(names))} is there")
    return {**files, **{k: _valid(v) for k, v in found.items()}, **_stamp(room, stamp)}


def _valid(notebook: bytes) -> bytes:
    """As nbgrader can read it, whatever was handed in."""
    with bounded():
        nb = read_notebook(notebook)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb.metadata["kernelspec"] = kernel
    return json.dumps(nb).encode()


def _stamp(room: Classroom, text: str) -> dict[str, bytes]:
    return {"timestamp.txt": text.encode()} if room.timestamp(text) else {}
