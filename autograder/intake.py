"""Look at what was handed in before anything runs: find the notebook, or say why there is none."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom import Classroom

LARGEST = 20 * 2**20  # bytes; a lesson with all its pictures is below one million


@dataclass(frozen=True)
class Submission:
    """One student's notebook of one lesson. ``problem`` says why it can't be graded, if it can't."""

    student: str
    lesson: str
    problem: str = ""
    note: str = ""


def intake(room: Classroom, student: str, lesson: str) -> Submission | None:
    """Examine a submission folder; None if there is none.

    A notebook under another name is recognised by its cells and copied to the right name
    beside the original, which stays as it was handed in.
    """
    wanted = room.notebook("submitted", student, lesson)
    folder = wanted.parent
    if not folder.is_dir():
        return None
    ids = _lesson_ids(room, lesson)
    if wanted.exists():
        return Submission(student, lesson, problem=_problem(wanted, ids))
    found = sorted(p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    fitting = [p for p in found if not _problem(p, ids)]
    if len(fitting) == 1:
        shutil.copyfile(fitting[0], wanted)
        name = fitting[0].relative_to(folder)
        return Submission(student, lesson, note=f"taken from {name}, which holds this lesson")
    names = ", ".join(p.name for p in found)
    if not found:
        others = ", ".join(sorted(p.name for p in folder.iterdir())) or "nothing"
        return Submission(student, lesson, problem=f"no notebook in the folder, only {others}")
    if not fitting:
        reason = _problem(found[0], ids) if len(found) == 1 else "none of them is this lesson"
        return Submission(student, lesson, problem=f"no {wanted.name}; found {names}: {reason}")
    return Submission(student, lesson, problem=f"no {wanted.name}, and {names} could each be it")


def _problem(path: Path, ids: set[str]) -> str:
    """Why ``path`` is not a notebook with the cells ``ids``; empty if it is."""
    try:
        if path.is_symlink():
            return "it is a link, not a file"
        if path.stat().st_size > LARGEST:
            return f"it is larger than {LARGEST // 2**20} MB"
        nb = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        return f"the file is damaged: its JSON breaks off in line {error.lineno}"
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        return f"the file cannot be read: {type(error).__name__}"
    cells = nb.get("cells") if isinstance(nb, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return "the file is not a Jupyter notebook (version 4)"
    present = {
        metadata["nbgrader"].get("grade_id")
        for cell in cells
        if isinstance(metadata := cell.get("metadata"), dict)
        and isinstance(metadata.get("nbgrader"), dict)
    }
    return "" if present & ids else "it holds none of this lesson's exercises"


def _lesson_ids(room: Classroom, lesson: str) -> set[str]:
    with room.gradebook() as book:
        return {cell.name for cell in book.find_notebook(lesson, lesson).source_cells}
