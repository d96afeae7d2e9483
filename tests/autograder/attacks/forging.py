"""Notebooks that are not what was handed out."""

from __future__ import annotations

import copy
import json

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from tests.autograder.attacks.attack import attack

# ---------------------------------------------------------------- the file

attack(
    "edited points",
    "a hundred points a cell",
    change=lambda nb: _each_test(nb, points=100),
    told="points of the cell",
)
attack(
    "edited tests",
    "tests that always pass",
    change=lambda nb: _each_test(nb, source="assert True"),
    told="text of the cell",
)
attack(
    "tests that give points",
    "a number as the result of the test",
    change=lambda nb: _each_test(nb, source="100.0"),
    told="text of the cell",
)
attack(
    "tests made text", "a text cell cannot fail", change=lambda nb: _retype(nb), told="had become"
)
attack(
    "tests deleted", "what is not there cannot fail", change=lambda nb: _delete(nb), told="missing"
)
attack(
    "tests doubled",
    "a second test of the same name that passes",
    change=lambda nb: _double(nb),
    told="several copies",
)
attack(
    "forged name",
    "own code under the name of a test",
    change=lambda nb: _forge(nb),
    told="several copies|text of the cell",
)
attack(
    "tests made answers",
    "a solution cell is not overwritten",
    change=lambda nb: _each_test(nb, solution=True, locked=False, source="pass"),
    told="text of the cell",
)
attack(
    "tests unmarked",
    "without its mark a test is no test",
    change=lambda nb: _each_test(nb, grade=False, locked=False, source="pass"),
    told="text of the cell",
)
attack(
    "helper edited",
    "the instructor's read-only helper",
    change=lambda nb: _helper(nb),
    told="text of the cell helper",
)
attack(
    "script in a text cell",
    "runs in the instructor's browser",
    change=lambda nb: _text(nb),
    told="browser would run",
)
attack(
    "script in an output",
    "the same by display",
    """\
from IPython.display import HTML, Javascript, SVG, display
display(HTML('<script>steal()</script><img src=x onerror=steal()><iframe src=//evil.example></iframe>'))
display(Javascript('steal()'))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg"><script>steal()</script></svg>'))
display({'application/vnd.evil+json': {'a': 1}, 'text/html': ['<script>steal()</script>']}, raw=True)""",
    told="browser would run",
)
attack(
    "terminal codes",
    "colors, links and titles in the instructor's terminal",
    "print('\\x1b]8;;http://evil.example\\x07click\\x1b]8;;\\x07 \\x1b]0;title\\x07 \\x1b[2J \\x9b31m')\nraise ValueError('\\x1b]52;c;ZXZpbA==\\x07')",
    told="control sequences",
)
attack(
    "nested JSON", "the parser overflows", change=lambda nb: b"[" * 200000, told="cannot be read"
)
attack(
    "huge notebook",
    "more than fits",
    change=lambda nb: b'{"cells": [' + b" " * (21 * 2**20) + b"]}",
    told="larger than",
)
attack(
    "many cells",
    "thousands of cells",
    change=lambda nb: json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "source": "1",
                    "metadata": {"nbgrader": {"grade_id": "square"}},
                }
            ]
            * 5000,
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ).encode(),
    told="more than 2000 cells",
)
attack("wrong types everywhere", "fields that are no text", change=lambda nb: _odd(nb))
attack(
    "number of 5000 digits",
    "the parser trips over an integer",
    change=lambda nb: (
        nbformat.v4.writes(nb).replace('"nbformat": 4', '"nbformat": ' + "4" * 5000).encode()
    ),
    told="cannot be read|not a",
)
attack("surrogates", "text that cannot be written", change=lambda nb: _surrogates(nb))


def _tests(nb: NotebookNode) -> list[NotebookNode]:
    return [
        c
        for c in nb.cells
        if (m := c.metadata.get("nbgrader", {})).get("grade") and not m.get("solution")
    ]


def _each_test(nb: NotebookNode, source: str | None = None, **about: object) -> NotebookNode:
    for cell in _tests(nb):
        cell.metadata.nbgrader.update(about)
        if source is not None:
            cell.source = source
    return nb


def _retype(nb: NotebookNode) -> NotebookNode:
    for cell in _tests(nb):
        cell.cell_type = "markdown"
        del cell["outputs"], cell["execution_count"]
    return nb


def _delete(nb: NotebookNode) -> NotebookNode:
    tests = _tests(nb)
    nb.cells = [c for c in nb.cells if c not in tests]
    return nb


def _double(nb: NotebookNode) -> NotebookNode:
    for cell in _tests(nb):
        twin = copy.deepcopy(cell)
        twin.source = "100.0"
        nb.cells.append(twin)
    return nb


def _forge(nb: NotebookNode) -> NotebookNode:
    for i, cell in enumerate(_tests(nb)):
        forged = new_code_cell("pass", id=f"forged-{i}")
        forged.metadata["nbgrader"] = {
            "grade": False,
            "solution": True,
            "locked": False,
            "task": False,
            "schema_version": 3,
            "grade_id": cell.metadata.nbgrader.grade_id,
        }
        nb.cells.append(forged)
    return nb


def _helper(nb: NotebookNode) -> NotebookNode:
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "helper":
            cell.source = "def assert_close(a, b):\n    pass"
    return nb


def _text(nb: NotebookNode) -> NotebookNode:
    nb.cells.append(
        new_markdown_cell(
            "<script>steal()</script> <img src=x onerror='steal()'> [x](javascript:steal())",
            id="evil",
        )
    )
    return nb


def _odd(nb: NotebookNode) -> bytes:
    raw = json.loads(nbformat.v4.writes(nb))
    raw["cells"] += [
        {},
        {"cell_type": 3},
        {"cell_type": "code", "source": {"a": 1}},
        {"cell_type": "code", "source": "1", "metadata": []},
        {"cell_type": "markdown", "source": "x", "attachments": [1], "metadata": {"nbgrader": 7}},
        {"cell_type": "code", "source": ["a", 1, None], "id": 5},
    ]
    raw["metadata"] = {"kernelspec": {"name": "; rm -rf /"}, "language_info": 5}
    raw["nbformat_minor"] = -3
    return json.dumps(raw).encode()


def _surrogates(nb: NotebookNode) -> bytes:
    raw = json.loads(nbformat.v4.writes(nb))
    raw["cells"].append({"cell_type": "code", "source": "print('\ud800')", "metadata": {}})
    raw["cells"].append({"cell_type": "markdown", "source": "\ud800 \x00", "metadata": {}})
    return json.dumps(raw).encode()
