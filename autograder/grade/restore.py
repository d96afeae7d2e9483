"""Put a submitted notebook right before it is run.

Students delete, copy, move, split and retype cells, by accident or not. What the instructor
released comes back as it was: each graded cell once, with its text, type and points, behind the
answers that it tests; what students wrote stays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.grade import assignment as assignments
from autograder.grade.assignment import Assignment, Settings, SourceCell
from autograder.grade.intake import CELL_ID, bounded


class RestoreCells(NbGraderPreprocessor):
    """``restore`` for nbgrader's list of sanitizing preprocessors."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        a = read_assignment(resources, self)
        about = resources["nbgrader"]
        with bounded():
            notes = restore(nb, a)
        remembered[about["assignment"], about["student"]] = notes
        for note in notes:
            self.log.warning("%s", note)
        return nb, resources


# by assignment and student: nbgrader reads the notebook anew between this step and the engine's
remembered: dict[tuple[str, str], list[str]] = {}


def read_assignment(resources: dict, preprocessor: NbGraderPreprocessor) -> Assignment:
    """The assignment that a preprocessor of nbgrader is working on."""
    from nbgrader.api import Gradebook

    about = resources["nbgrader"]
    source = Path("/nowhere")
    converter = getattr(preprocessor.parent, "parent", None)
    if coursedir := getattr(converter, "coursedir", None):
        folder = coursedir.format_path(coursedir.source_directory, ".", about["assignment"])
        source = Path(folder) / f"{about['notebook']}.ipynb"
    with Gradebook(about["db_url"]) as book:
        return assignments.read(book, about["assignment"], about["notebook"], source, Settings())


def restore(nb: NotebookNode, a: Assignment) -> list[str]:
    """Restore ``nb`` in place; what was put right, in words."""
    notes: list[str] = []
    for cell in nb.cells:
        _tidy(cell, a)
    nb.cells = _without_copies(nb.cells, a, notes)
    for number, source in enumerate(a.cells):
        place = _place(nb.cells, source.name)
        if place is not None:
            _overwrite(nb.cells[place], source, a.released.get(source.name), notes)
        elif source.grade or source.task or source.locked:
            notes.append(f"the cell {source.name} was missing and has been brought back")
            before = [c.name for c in a.cells[:number]]
            nb.cells.insert(_after(nb.cells, before), _new_cell(source))
    _order(nb, a, notes)
    _imports(nb, a, notes)
    _unique_ids(nb)
    if a.kernelspec:
        nb.metadata["kernelspec"] = NotebookNode(json.loads(a.kernelspec))
    return notes


def _grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _tidy(cell: NotebookNode, a: Assignment) -> None:
    """Unix line ends, no old outputs, no grading metadata of cells that we do not know."""
    cell.source = cell.source.replace("\r\n", "\n").replace("\r", "\n")
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if "nbgrader" in cell.metadata:
        about = cell.metadata["nbgrader"]
        if not isinstance(about, dict) or about.get("grade_id") not in a.by_name:
            del cell.metadata["nbgrader"]


def _without_copies(
    cells: list[NotebookNode], a: Assignment, notes: list[str]
) -> list[NotebookNode]:
    """Keep the last copy of each cell of the instructor's; copies of answers stay, as ordinary cells."""
    kept, seen = [], set()
    for cell in reversed(cells):
        name = _grade_id(cell)
        if name is not None and name in seen:
            source = a.by_name[name]
            if source.locked or (source.grade and not source.solution) or source.task:
                notes.append(f"there were several copies of the cell {name}: the last was kept")
                continue
            notes.append(
                f"there were several copies of the cell {name}: the last was graded, the others stay as ordinary cells"
            )
            del cell.metadata["nbgrader"]
        elif name is not None:
            seen.add(name)
        kept.append(cell)
    return kept[::-1]


def _overwrite(
    cell: NotebookNode, source: SourceCell, released: str | None, notes: list[str]
) -> None:
    """Give a cell the type, the flags, the points and, if it is not an answer, the text that it was released with."""
    if cell.cell_type != source.cell_type:
        notes.append(
            f"the {source.cell_type} cell {source.name} had become a {cell.cell_type} cell"
        )
        cell.cell_type = source.cell_type
        if source.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.pop("attachments", None)
        else:
            cell.pop("outputs", None)
            cell.pop("execution_count", None)
    was = cell.metadata["nbgrader"]
    if source.grade and was.get("points") != source.points:
        theirs = str(was.get("points", "none"))[:20]
        notes.append(f"the points of the cell {source.name} had been changed to {theirs}")
    cell.metadata["nbgrader"] = _metadata(source)
    if source.locked and cell.source != source.source:
        if released is not None and cell.source.strip() != released.strip():
            notes.append(f"the text of the cell {source.name} had been changed")
        cell.source = source.source


def _metadata(source: SourceCell) -> NotebookNode:
    about = NotebookNode(
        grade=source.grade,
        grade_id=source.name,
        locked=source.locked,
        schema_version=3,
        solution=source.solution,
        task=source.task,
        cell_type=source.cell_type,
        checksum=source.checksum,
    )
    if source.grade or source.task:
        about["points"] = source.points
    return about


def _new_cell(source: SourceCell) -> NotebookNode:
    make = new_code_cell if source.cell_type == "code" else new_markdown_cell
    about = {"deletable": False, "editable": False}
    cell = make(source.source, metadata=about, id=f"restored-{source.name}"[:64])
    cell.metadata["nbgrader"] = _metadata(source)
    if not source.checksum:
        cell.metadata["nbgrader"]["checksum"] = utils.compute_checksum(cell)
    return cell


def _place(cells: Sequence[NotebookNode], name: str) -> int | None:
    return next((i for i, cell in enumerate(cells) if _grade_id(cell) == name), None)


def _after(cells: list[NotebookNode], before: list[str]) -> int:
    """Right after the nearest cell that stood before, or at the end if none is left."""
    for name in reversed(before):
        place = _place(cells, name)
        if place is not None:
            return place + 1
    return len(cells)


def _order(nb: NotebookNode, a: Assignment, notes: list[str]) -> None:
    """A test that has come to stand above an answer of before it goes behind that answer."""
    answers: list[str] = []
    for source in a.cells:
        if source.solution:
            answers.append(source.name)
        if not source.grade or source.solution:
            continue
        place = _place(nb.cells, source.name)
        behind = max((p for n in answers if (p := _place(nb.cells, n)) is not None), default=-1)
        if place is not None and behind > place:
            notes.append(f"the cell {source.name} stood above what it tests")
            nb.cells.insert(behind, nb.cells.pop(place))


def _imports(nb: NotebookNode, a: Assignment, notes: list[str]) -> None:
    """Bring back imports of the instructor's whose cell was deleted."""
    there: set[str] = set()
    for cell in nb.cells:
        known = a.by_name.get(_grade_id(cell) or "")
        if cell.cell_type == "code" and not (known and known.grade):
            there |= set(assignments.bound(cell.source))
    gone = {n: s for n, s in a.setup.items() if n not in there}
    if gone:
        notes.append(f"the import of {', '.join(gone)} was missing and has been brought back")
        text = "\n".join(dict.fromkeys(gone.values()))
        nb.cells.insert(0, new_code_cell(text, id="restored-imports"))


def _unique_ids(nb: NotebookNode) -> None:
    seen: set[str] = set()
    for i, cell in enumerate(nb.cells):
        wanted = cell.get("id")
        if (nb.nbformat, nb.nbformat_minor) < (4, 5):
            cell.pop("id", None)
        elif not isinstance(wanted, str) or wanted in seen or not CELL_ID.fullmatch(wanted):
            cell["id"] = f"restored-{i}"
        seen.add(cell.get("id", ""))
