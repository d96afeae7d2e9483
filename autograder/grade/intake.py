"""Take in what was handed in: find the notebook, or say why there is none.

All of it is read once, by descriptor; nothing after this looks into ``submitted/`` again. What is refused
gets a named reason, and stays where it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.check.limits import TimeUp, memory_limit, time_limit
from autograder.classroom import Classroom
from autograder.grade import files as disk
from autograder.grade.files import Listing, NotAFile, TooLarge

LARGEST = 20 * 2**20  # bytes; a lesson with all its pictures is below one million
MOST_CELLS = 2000
LARGEST_FILES = 20 * 2**20  # of everything that lies beside the notebook
MOST_FILES = 200
_STAMP = "timestamp.txt"
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
READING, MOST_MEMORY = 60.0, 2 * 2**30  # seconds and bytes that looking at a notebook may take


@dataclass(frozen=True)
class Submission:
    """One student's work on one lesson. ``problem`` says why it can't be graded, if it can't."""

    student: str
    lesson: str
    problem: str = ""
    note: str = ""
    notebook: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)  # beside the notebook, by path
    timestamp: str = ""  # the text of timestamp.txt
    digest: str = ""  # of all that the grade depends on
    unchanged: bool = False


class Refused(Exception):
    """A notebook that cannot be graded; the text says why."""


@contextmanager
def bounded() -> Iterator[None]:
    """What reads a notebook, however it is made, comes to an end. Raises Refused."""
    try:
        with memory_limit(MOST_MEMORY), time_limit(READING, again=0):
            yield
    except TimeUp:
        raise Refused(f"it takes more than {READING:g} seconds to be read") from None
    except (MemoryError, RecursionError) as error:
        raise Refused(f"it cannot be read: {type(error).__name__}") from None


def intake(
    room: Classroom, student: str, lesson: str, seal: str = "", known: str = ""
) -> Submission | None:
    """Read a submission folder; None if there is none.

    ``seal`` stands for the assignment in the digest. If that comes out as ``known``, the notebook is not
    examined again. One under another name is recognized by its cells.
    """
    try:
        folder = disk.open_folder(room.root / "submitted", student, lesson)
    except OSError:
        return _without_folder(room, student, lesson)
    try:
        return _take(folder, room, student, lesson, seal, known)
    except Refused as reason:
        return Submission(student, lesson, problem=str(reason))
    except OSError as error:
        problem = f"the folder cannot be read: {type(error).__name__}"
        return Submission(student, lesson, problem=problem)
    finally:
        os.close(folder)


def notebooks_of(
    room: Classroom, student: str, lesson: str, names: Iterable[str]
) -> tuple[dict[str, bytes], Mapping[str, bytes], str]:
    """For an assignment of several notebooks: those of ``names`` that are there, the files beside them, and the
    text of timestamp.txt. Raises Refused."""
    try:
        folder = disk.open_folder(room.root / "submitted", student, lesson)
    except OSError:
        found = _without_folder(room, student, lesson)
        raise Refused(found.problem if found else "there is no folder") from None
    try:
        there = disk.look(folder)
        stamp = _read(folder, _STAMP, 1000) if _STAMP in there.files else b""
        paths = [p for name in names if (p := f"{name}.ipynb") in there.files]
        notebooks = {path: _read(folder, path, LARGEST) for path in paths}
        return notebooks, _beside(folder, there), stamp.decode("utf-8", "replace")
    finally:
        os.close(folder)


def handed_in_at(room: Classroom, student: str, lesson: str) -> Any:
    """When, by timestamp.txt; None if there is none that can be read."""
    try:
        folder = disk.open_folder(room.root / "submitted", student, lesson)
    except OSError:
        return None
    try:
        return room.timestamp(disk.read(folder, _STAMP, 1000).decode("utf-8", "replace"))
    except OSError:
        return None
    finally:
        os.close(folder)


def _without_folder(room: Classroom, student: str, lesson: str) -> Submission | None:
    here = room.root / "submitted" / student / lesson
    if here.is_symlink() or here.parent.is_symlink():
        return Submission(student, lesson, problem="the folder is a link, not a folder")
    if not os.path.lexists(here):
        return None
    why = "the folder cannot be read" if here.is_dir() else "it is not a folder"
    return Submission(student, lesson, problem=why)


def _take(
    folder: int, room: Classroom, student: str, lesson: str, seal: str, known: str
) -> Submission:
    wanted = f"{lesson}.ipynb"
    there = disk.look(folder)
    notebooks = [path for path in there.files if path.endswith(".ipynb")]
    others = _beside(folder, there)
    stamp = _read(folder, _STAMP, 1000) if _STAMP in there.files else b""
    note = _passed_over(there)
    if wanted in there.files:
        notebook = _read(folder, wanted, LARGEST)
    elif wanted in there.passed_over or wanted in there.folders:
        raise Refused(there.passed_over.get(wanted, "it is not a file"))
    else:
        name, notebook = _under_another_name(
            folder, wanted, notebooks, room.cell_names(lesson), there
        )
        note = "; ".join(filter(None, (f"taken from {name}, which holds this lesson", note)))
    digest = _digest(seal, {wanted: notebook, _STAMP: stamp, **others})
    unchanged = bool(known) and digest == known
    if not unchanged:
        _require_lesson(notebook, room.cell_names(lesson))
    at = stamp.decode("utf-8", "replace")
    return Submission(student, lesson, "", note, notebook, others, at, digest, unchanged)


def _read(folder: int, path: str, most: int) -> bytes:
    """Raises Refused, in words."""
    try:
        return disk.read(folder, path, most)
    except TooLarge:
        raise Refused(f"{path} is larger than {max(1, most // 2**20)} MB") from None
    except NotAFile:
        raise Refused(f"{path} is not a file") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {type(error).__name__}") from None


def _beside(folder: int, there: Listing) -> dict[str, bytes]:
    """What else was handed in, by path: data, modules of the student's own. Raises Refused."""
    paths = [p for p in there.files if not p.endswith(".ipynb") and p != _STAMP]
    left = LARGEST_FILES
    if there.cut or len(paths) > MOST_FILES or sum(there.files[p] for p in paths) > left:
        raise Refused(f"beside the notebook lie more than {MOST_FILES} files or {left // 2**20} MB")
    found = {}
    for path in paths:
        found[path] = _read(folder, path, left)
        left -= len(found[path])
    return found


def lying_beside(place: Path) -> dict[str, bytes]:
    """What lies beside a notebook in a folder of our own. Raises Refused."""
    folder = disk.open_folder(place)
    try:
        return _beside(folder, disk.look(folder))
    finally:
        os.close(folder)


def _passed_over(there: Listing) -> str:
    shown = [f"{path} ({why})" for path, why in there.passed_over.items()]
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return f"passed over: {', '.join(shown[:3])}{more}" if shown else ""


def _under_another_name(
    folder: int, wanted: str, notebooks: list[str], ids: set[str], there: Listing
) -> tuple[str, bytes]:
    """The one notebook that holds this lesson. Raises Refused."""
    if not notebooks:
        others = sorted({p.split("/")[0] for p in [*there.files, *there.folders]})
        listed = ", ".join(others[:10]) or ", ".join(there.passed_over) or "nothing"
        raise Refused(f"no notebook in the folder, only {listed}")
    fitting: tuple[str, bytes] | None = None
    reason = ""
    names = ", ".join(path.rpartition("/")[2] for path in notebooks[:20])
    for path in notebooks[:20]:
        try:
            data = _read(folder, path, LARGEST)
            _require_lesson(data, ids)
        except Refused as refusal:
            reason = str(refusal)
            continue
        if fitting:
            raise Refused(f"no {wanted}, and {names} could each be it")
        fitting = path, data
    if fitting is None:
        reason = reason if len(notebooks) == 1 else "none of them is this lesson"
        raise Refused(f"no {wanted}; found {names}: {reason}")
    return fitting


def _require_lesson(data: bytes, ids: set[str]) -> None:
    with bounded():
        present = {name for cell in parse(data)["cells"] if (name := _grade_id(cell))}
    if not present & ids:
        raise Refused("it holds none of this lesson's exercises")


def _digest(seal: str, files: Mapping[str, bytes]) -> str:
    found = hashlib.sha256(seal.encode())
    for path, data in sorted(files.items()):
        found.update(f"\0{path}\0{len(data)}\0".encode())
        found.update(data)
    return found.hexdigest()


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
    cells: list[dict[str, Any]] = []
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
        about = kept.get("nbgrader")
        if not (isinstance(about, dict) and isinstance(about.get("grade_id"), str)):
            kept.pop("nbgrader", None)
        source = source.encode("utf-8", "replace").decode("utf-8")
        name = cell.get("id")
        valid = isinstance(name, str) and CELL_ID.fullmatch(name)
        clean = {"cell_type": kind, "id": name if valid else f"cell-{len(cells)}"}
        clean |= {"source": source, "metadata": kept}
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


def beside(handed_in: Mapping[str, bytes], shipped: Mapping[str, bytes]) -> dict[str, bytes]:
    """What lies beside the notebook: the instructor's files, and the student's that leave them room."""

    def in_the_way(name: str) -> bool:  # a file where the other has a folder
        return any(f"{a}/".startswith(f"{b}/") for x in shipped for a, b in ((x, name), (name, x)))

    return {**{k: v for k, v in handed_in.items() if not in_the_way(k)}, **shipped}
