"""Look at what was handed in before anything runs: find the notebook, or say why there is none.

Links, special files and oversized ones are never opened. What is refused gets a named reason,
and stays where it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from autograder.classroom import Classroom

LARGEST = 20 * 2**20  # bytes; a lesson with all its pictures is below one million
MOST_CELLS = 2000
LARGEST_FILES = 20 * 2**20  # of everything that lies beside the notebook
MOST_FILES = 200
_SKIPPED = {".ipynb_checkpoints", "__pycache__", ".git", "__MACOSX"}


@dataclass(frozen=True)
class Submission:
    """One student's notebook of one lesson. ``problem`` says why it can't be graded, if it can't."""

    student: str
    lesson: str
    problem: str = ""
    note: str = ""


class Refused(Exception):
    """A notebook that cannot be graded; the text says why."""


def intake(room: Classroom, student: str, lesson: str) -> Submission | None:
    """Examine a submission folder; None if there is none.

    A notebook under another name is recognized by its cells and copied to the right name
    beside the original, which stays as it was handed in.
    """
    wanted = room.notebook("submitted", student, lesson)
    folder = wanted.parent
    if folder.is_symlink() or folder.parent.is_symlink():
        return Submission(student, lesson, problem="the folder is a link, not a folder")
    if not folder.is_dir():
        return None
    ids = room.cell_names(lesson)
    if os.path.lexists(wanted):
        return Submission(student, lesson, problem=_problem(wanted, ids))
    found = sorted(p for p in _files(folder) if p.suffix == ".ipynb")
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


def _files(folder: Path) -> Iterator[Path]:
    """Ordinary files below ``folder``; links are not followed."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED)
        for name in sorted(names):
            path = Path(here) / name
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def _problem(path: Path, ids: set[str]) -> str:
    """Why ``path`` is not a notebook with the cells ``ids``; empty if it is."""
    try:
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode):
            return "it is a link, not a file"
        if not stat.S_ISREG(about.st_mode):
            return "it is not a file"
        if about.st_size > LARGEST:
            return f"it is larger than {LARGEST // 2**20} MB"
        nb = parse(path.read_bytes())
    except Refused as reason:
        return str(reason)
    except OSError as error:
        return f"the file cannot be read: {type(error).__name__}"
    present = {name for cell in nb["cells"] if (name := _grade_id(cell))}
    return "" if present & ids else "it holds none of this lesson's exercises"


def _grade_id(cell: dict) -> str | None:
    metadata = cell.get("metadata")
    about = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = about.get("grade_id") if isinstance(about, dict) else None
    return name if isinstance(name, str) else None


def parse(data: bytes) -> dict:
    """The JSON of a notebook with a list of cells. Raises Refused."""
    try:
        nb = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise Refused(f"the file is damaged: its JSON breaks off in line {error.lineno}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Refused(f"the file cannot be read: {type(error).__name__}") from None
    if isinstance(nb, dict) and "cells" not in nb and isinstance(nb.get("worksheets"), list):
        nb = _upgraded(nb)
    cells = nb.get("cells") if isinstance(nb, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise Refused("the file is not a Jupyter notebook (version 4)")
    if len(cells) > MOST_CELLS:
        raise Refused(f"it has more than {MOST_CELLS} cells")
    return nb


def _upgraded(nb: dict) -> dict:
    """A notebook of IPython's days, before Jupyter."""
    import nbformat

    try:
        return nbformat.convert(nbformat.from_dict(nb), 4)
    except Exception as error:
        raise Refused(f"an old notebook that cannot be converted: {type(error).__name__}") from None


def read_notebook(data: bytes) -> NotebookNode:
    """A notebook that is valid, with what does not matter repaired. Raises Refused.

    Cells get the fields that they must have; outputs are dropped, since the cells will be run.
    """
    raw = parse(data)
    cells = []
    for cell in raw["cells"]:
        kind = cell.get("cell_type")
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(x for x in source if isinstance(x, str))
        if kind not in ("code", "markdown", "raw") or not isinstance(source, str):
            continue
        metadata = cell.get("metadata")
        kept = (
            {k: v for k, v in metadata.items() if k in _KEPT} if isinstance(metadata, dict) else {}
        )
        if not isinstance(kept.get("nbgrader", {}), dict):
            del kept["nbgrader"]
        source = source.encode("utf-8", "replace").decode("utf-8")
        clean = {"cell_type": kind, "id": cell.get("id"), "source": source, "metadata": kept}
        if kind == "code":
            clean |= {"outputs": [], "execution_count": None}
        elif _are_pictures(cell.get("attachments")):
            clean["attachments"] = cell["attachments"]
        cells.append(clean)
    import nbformat

    return nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


_KEPT = ("nbgrader", "deletable", "editable", "collapsed", "scrolled")


def _are_pictures(found: object) -> bool:
    """Pictures that were pasted into a text cell."""
    return isinstance(found, dict) and all(
        isinstance(name, str)
        and isinstance(bundle, dict)
        and all(
            kind in ("image/png", "image/jpeg", "image/gif") and isinstance(x, str)
            for kind, x in bundle.items()
        )
        for name, bundle in found.items()
    )


def extra_files(folder: Path) -> dict[str, bytes]:
    """What else was handed in, by path: data, modules of the student's own. Raises Refused."""
    found: dict[str, bytes] = {}
    total = 0
    for path in _files(folder):
        if path.suffix == ".ipynb" or path.name == "timestamp.txt":
            continue
        total += path.stat().st_size
        if total > LARGEST_FILES or len(found) >= MOST_FILES:
            raise Refused(
                f"beside the notebook lie more than {MOST_FILES} files or {LARGEST_FILES // 2**20} MB"
            )
        found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def beside(handed_in: Mapping[str, bytes], shipped: Mapping[str, bytes]) -> dict[str, bytes]:
    """What lies beside the notebook: the instructor's files, and the student's that leave them room."""

    def in_the_way(name: str) -> bool:  # a file where the other has a folder
        return any(f"{a}/".startswith(f"{b}/") for x in shipped for a, b in ((x, name), (name, x)))

    return {**{k: v for k, v in handed_in.items() if not in_the_way(k)}, **shipped}


def digest(folder: Path, notebook: str, seal: str) -> str:
    """A fingerprint of everything that the grade depends on. ``seal`` stands for the assignment."""
    found = hashlib.sha256(seal.encode())
    for path in sorted(_files(folder)):
        if path.suffix == ".ipynb" and path.name != notebook:
            continue
        about = path.lstat()
        found.update(f"\0{path.relative_to(folder)}\0{about.st_size}\0".encode("utf-8", "replace"))
        if about.st_size <= LARGEST + LARGEST_FILES:
            found.update(path.read_bytes())
    return found.hexdigest()
