"""Put a submitted notebook's graded cells right before it is run.

Students delete, copy and retype cells by accident. nbgrader restores the text and the points
of cells that it finds; this preprocessor first makes sure that it finds each of them once.
"""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor


class RestoreCells(NbGraderPreprocessor):
    """Drop surplus copies of graded cells, bring deleted ones back, make cell ids unique."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as book:
            source = book.find_notebook(about["notebook"], about["assignment"])
            points = {c.name: c.max_score for c in [*source.grade_cells, *source.task_cells]}
            tasks = {c.name for c in source.task_cells}
            cells = [(c.name, c.cell_type, c.source) for c in source.source_cells]
        nb.cells = _without_copies(nb.cells, set(points))
        for number, (name, cell_type, text) in enumerate(cells):
            if name in points and _place(nb.cells, name) is None:
                self.log.warning("Cell %s was missing and has been brought back", name)
                cell = _graded_cell(name, cell_type, text, points[name], name in tasks)
                nb.cells.insert(_after(nb.cells, [c[0] for c in cells[:number]]), cell)
        _unique_ids(nb)
        return nb, resources


def _grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _place(cells: list[NotebookNode], name: str) -> int | None:
    return next((i for i, cell in enumerate(cells) if _grade_id(cell) == name), None)


def _after(cells: list[NotebookNode], before: list[str]) -> int:
    """Right after the nearest cell that stood before, or at the end if none is left."""
    for name in reversed(before):
        place = _place(cells, name)
        if place is not None:
            return place + 1
    return len(cells)


def _without_copies(cells: list[NotebookNode], graded: set[str]) -> list[NotebookNode]:
    """Keep the last copy of each graded cell; other copied cells stay, as ordinary cells."""
    kept, seen = [], set()
    for cell in reversed(cells):
        name = _grade_id(cell)
        if name in seen:
            if name in graded:
                continue
            del cell.metadata["nbgrader"]
        elif name is not None:
            seen.add(name)
        kept.append(cell)
    return kept[::-1]


def _graded_cell(
    name: str, cell_type: str, text: str, points: float, is_task: bool
) -> NotebookNode:
    make = new_code_cell if cell_type == "code" else new_markdown_cell
    cell = make(text, metadata={"deletable": False, "editable": False})
    cell.metadata["nbgrader"] = NotebookNode(
        grade=not is_task,
        grade_id=name,
        locked=True,
        points=points,
        schema_version=3,
        solution=False,
        task=is_task,
        cell_type=cell_type,
    )
    cell.metadata["nbgrader"]["checksum"] = utils.compute_checksum(cell)
    return cell


def _unique_ids(nb: NotebookNode) -> None:
    seen: set[str] = set()
    for i, cell in enumerate(nb.cells):
        wanted = cell.get("id")
        if (nb.nbformat, nb.nbformat_minor) < (4, 5):
            cell.pop("id", None)
        elif not wanted or wanted in seen:
            cell["id"] = f"restored-{i}"
        seen.add(cell.get("id", ""))
