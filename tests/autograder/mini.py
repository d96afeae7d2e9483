"""A small class for the engine's tests: plain nbgrader cells with hidden tests, and a check of the course."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder import classroom
from autograder.classroom import Classroom

SLUG = "mini"
FULL = 10.0  # points that code can earn; the written answer is worth 1 more

ANSWERS = {
    "square": "def square(x):\n    return x * x",
    "normalize": "def normalize(v):\n    return v / np.sqrt((v * v).sum())",
    "Stack": (
        "class Stack:\n    def __init__(self):\n        self.items = []\n\n"
        "    def push(self, x):\n        self.items.append(x)\n\n"
        "    def pop(self):\n        if not self.items:\n            raise IndexError('empty')\n"
        "        return self.items.pop()\n\n    def __len__(self):\n        return len(self.items)"
    ),
    "layer": "def layer(x, w, b):\n    return x @ w.T + b",
}
WRONG = {
    "square": "def square(x):\n    return x + x",
    "normalize": "def normalize(v):\n    return v",
    "Stack": "class Stack:\n    pass",
    "layer": "def layer(x, w, b):\n    return x @ w.T",
}
TESTS = {
    "square": (
        "assert square(2) == 4\nassert abs(square(1.5) - 2.25) < 1e-12\n"
        "### BEGIN HIDDEN TESTS\nsecret_number = 77\nassert square(secret_number) == 5929\n"
        "assert square(-3) == 9\n### END HIDDEN TESTS"
    ),
    "normalize": (
        "np.testing.assert_allclose(normalize(np.array([3.0, 4.0])), [0.6, 0.8])\n"
        "assert np.allclose(normalize(np.array([0.0, 2.0])), [0, 1])\n"
        "assert normalize(np.ones(4)).shape == (4,)\n"
        "assert_close(normalize(np.array([1.0, 0.0])), np.array([1.0, 0.0]))"
    ),
    "Stack": (
        "s = Stack()\ns.push(1)\ns.push([2, 3])\nassert len(s) == 2\nassert s.pop() == [2, 3]\n"
        "assert s.pop() == 1\n"
        "try:\n    s.pop()\nexcept IndexError:\n    pass\nelse:\n    raise AssertionError('no IndexError')"
    ),
    "layer": 'check("neurons.layer", layer)',
}
POINTS = {"square": 2, "normalize": 2, "Stack": 3, "layer": 3}
_STUBS = {
    "square": "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION",
    "normalize": "def normalize(v):\n    ### BEGIN SOLUTION\n    return v / np.sqrt((v * v).sum())\n    ### END SOLUTION",
    "Stack": "### BEGIN SOLUTION\n" + ANSWERS["Stack"] + "\n### END SOLUTION",
    "layer": "def layer(x, w, b):\n    ### BEGIN SOLUTION\n    return x @ w.T + b\n    ### END SOLUTION",
}
HELPER = (
    "def assert_close(a, b):\n    if not np.max(np.abs(a - b)) < 1e-9:\n"
    "        raise AssertionError('not close')"
)


def source() -> NotebookNode:
    """The instructor's notebook."""

    def mark(cell: NotebookNode, name: str, **kind: object) -> NotebookNode:
        about = {
            "grade": False,
            "solution": False,
            "task": False,
            "locked": False,
            "schema_version": 3,
        }
        cell.metadata["nbgrader"] = about | {"grade_id": name} | kind
        cell["id"] = name
        return cell

    cells = [
        new_code_cell("import numpy as np\nfrom autograder import check", id="imports"),
        mark(new_code_cell(HELPER), "helper", locked=True),
    ]
    for name in ANSWERS:
        cells.append(mark(new_code_cell(_STUBS[name]), f"{name}-answer", solution=True))
        cells.append(
            mark(new_code_cell(TESTS[name]), name, grade=True, locked=True, points=POINTS[name])
        )
    written = new_markdown_cell("Why? ### BEGIN MARK SCHEME\nsecret scheme\n### END MARK SCHEME")
    cells.append(mark(written, "why", grade=True, solution=True, points=1))
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def make(root: Path, **options: object) -> Classroom:
    """A class with the mini lesson released."""
    classroom.init(root, [], seed="mini", **options)  # type: ignore[arg-type]
    place = root / "source" / SLUG / f"{SLUG}.ipynb"
    place.parent.mkdir(parents=True)
    nbformat.write(source(), place)
    room = Classroom(root)
    room.release(SLUG)
    return room


def released(room: Classroom) -> NotebookNode:
    return nbformat.read(room.root / "release" / SLUG / f"{SLUG}.ipynb", as_version=4)


def answered(nb: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """The released notebook with answers filled in."""
    nb = copy.deepcopy(nb)
    for cell in nb.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("-answer")
        if cell.metadata.get("nbgrader", {}).get("solution") and name in answers:
            cell.source = answers[name]
    return nb


def submitted(room: Classroom, student: str) -> Path:
    """The folder for what a student hands in, made if need be."""
    place = room.notebook("submitted", student, SLUG).parent
    place.mkdir(parents=True, exist_ok=True)
    return place


def hand_in(room: Classroom, student: str, nb: NotebookNode | bytes) -> Path:
    path = submitted(room, student) / f"{SLUG}.ipynb"
    data = nb if isinstance(nb, bytes) else nbformat.v4.writes(nb).encode()
    path.write_bytes(data)
    return path
