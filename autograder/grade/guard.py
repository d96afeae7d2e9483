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

from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from autograder.classroom import Classroom
from autograder.grade.intake import Refused, bounded, intake, read_notebook

_start = Autograde.start


def guard() -> None:
    """Put the copies in the place of ``submitted/`` for every ``Autograde`` of this process."""
    Autograde.start = _start_on_copies


def _start_on_copies(self: Any) -> None:
    folder = Path(tempfile.mkdtemp(prefix=".taken-in-", dir=self.coursedir.root))
    before = self.coursedir.submitted_directory
    refused: list[str] = []
    try:
        wanted = 0
        for student, lesson in _wanted(self.coursedir):
            wanted += 1
            if problem := _copy(Classroom(Path(self.coursedir.root)), student, lesson, folder):
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
    """Put what was handed in below ``folder``; why not, if it cannot be graded."""
    try:
        submission = intake(room, student, lesson)
        if submission is None:
            return "there is no folder"
        if submission.problem:
            return submission.problem
        with bounded():
            nb = read_notebook(submission.notebook)
    except Refused as reason:
        return str(reason)
    nb.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    files = dict(submission.files) | {f"{lesson}.ipynb": json.dumps(nb).encode()}
    if room.timestamp(submission.timestamp):
        files["timestamp.txt"] = submission.timestamp.encode()
    try:
        for name, data in files.items():
            path = folder / student / lesson / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        return f"its files cannot be written: {error.strerror}"
    return ""
