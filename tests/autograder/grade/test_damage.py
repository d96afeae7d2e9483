"""Accidents cost nothing that the code earned: each of them, on the notebook as a student would save it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.grade import assignment as assignments
from autograder.grade import work
from autograder.grade.work import Item
from tests.autograder import mini
from tests.autograder.conftest import needs

pytestmark = needs("bubblewrap")

Damage = Callable[[NotebookNode], NotebookNode | bytes]
DAMAGES: dict[str, Damage] = {}


def damage(act: Damage) -> Damage:
    DAMAGES[act.__name__] = act
    return act


def place(nb: NotebookNode, name: str) -> int:
    names = [c.metadata.get("nbgrader", {}).get("grade_id") for c in nb.cells]
    return names.index(name)


def dump(nb: NotebookNode) -> dict:
    return json.loads(nbformat.v4.writes(nb))


@damage
def nothing(nb):
    return nb


@damage
def a_duplicated_test(nb):
    nb.cells.insert(0, copy.deepcopy(nb.cells[place(nb, "square")]))
    return nb


@damage
def a_duplicated_answer(nb):
    i = place(nb, "normalize-answer")
    nb.cells.insert(i, copy.deepcopy(nb.cells[i]))
    return nb


@damage
def an_answer_copied_and_the_copy_emptied(nb):
    i = place(nb, "square-answer")
    nb.cells.insert(i + 1, copy.deepcopy(nb.cells[i]))
    nb.cells[i + 1].source = ""
    return nb


@damage
def deleted_tests(nb):
    nb.cells = [c for c in nb.cells if not c.metadata.get("nbgrader", {}).get("grade")]
    return nb


@damage
def a_deleted_helper_and_import(nb):
    del nb.cells[place(nb, "helper")]
    del nb.cells[0]
    return nb


@damage
def an_answer_retyped_in_a_new_cell(nb):
    i = place(nb, "layer-answer")
    nb.cells[i] = new_code_cell(nb.cells[i].source, id="new-one")
    return nb


@damage
def an_answer_split_in_two(nb):
    i = place(nb, "Stack-answer")
    nb.cells[i].source = "limit = 10"
    second = copy.deepcopy(nb.cells[i])
    second.source = mini.ANSWERS["Stack"]
    nb.cells.insert(i + 1, second)
    return nb


@damage
def a_test_split_in_two(nb):
    i = place(nb, "square")
    second = copy.deepcopy(nb.cells[i])
    nb.cells[i].source, second.source = "assert square(2) == 4", "assert abs("
    nb.cells.insert(i + 1, second)
    return nb


@damage
def a_test_moved_to_the_top(nb):
    nb.cells.insert(0, nb.cells.pop(place(nb, "layer")))
    return nb


@damage
def an_answer_moved_to_the_end(nb):
    nb.cells.append(nb.cells.pop(place(nb, "square-answer")))
    return nb


@damage
def all_cells_in_reverse(nb):
    nb.cells = nb.cells[:2] + nb.cells[2:][::-1]
    return nb


@damage
def an_answer_turned_into_text(nb):
    cell = nb.cells[place(nb, "square-answer")]
    cell.cell_type = "markdown"
    del cell["outputs"], cell["execution_count"]
    return nb


@damage
def a_test_turned_into_raw_text(nb):
    cell = nb.cells[place(nb, "layer")]
    cell.cell_type = "raw"
    del cell["outputs"], cell["execution_count"]
    return nb


@damage
def edited_flags_and_points(nb):
    for cell in nb.cells:
        if about := cell.metadata.get("nbgrader"):
            about.update(points=0, locked=not about["locked"], task=False, schema_version=1)
    nb.cells[place(nb, "square")].metadata.nbgrader.update(grade=False, solution=True)
    nb.cells[place(nb, "layer-answer")].metadata.nbgrader.update(grade=True, solution=False)
    return nb


@damage
def warnings_on_stderr(nb):
    cell = nb.cells[place(nb, "normalize-answer")]
    cell.source = (
        "def normalize(v):\n    import sys, warnings\n    warnings.warn('careful')\n"
        "    print('to stderr', file=sys.stderr)\n    np.float64(1) / np.float64(0)\n"
        "    return v / np.sqrt((v * v).sum())"
    )
    layer = nb.cells[place(nb, "layer-answer")]
    layer.source = "def layer(x, w, b):\n    np.log(np.zeros(2))\n    return x @ w.T + b"
    return nb


@damage
def a_print_that_floods(nb):
    cell = nb.cells[place(nb, "square-answer")]
    cell.source = "def square(x):\n    print('x' * 3_000_000)\n    return x * x\nfor i in range(50000): print('a line')"
    return nb


@damage
def an_extra_cell_that_fails(nb):
    nb.cells.insert(2, new_code_cell("1 / 0", id="bad"))
    nb.cells.insert(4, new_code_cell("this is no Python", id="worse"))
    nb.cells.insert(0, new_code_cell("import pandas_of_mine", id="mine"))
    return nb


@damage
def an_extra_cell_that_hangs(nb):
    nb.cells.insert(2, new_code_cell("while True: pass", id="hang"))
    return nb


@damage
def an_extra_cell_that_ends_python(nb):
    nb.cells.insert(6, new_code_cell("import os; os._exit(1)", id="end"))
    return nb


@damage
def one_answer_that_hangs(nb):
    cell = nb.cells[place(nb, "square-answer")]
    cell.source = "def square(x):\n    while True: pass"
    return nb


@damage
def one_answer_that_ends_python(nb):
    cell = nb.cells[place(nb, "square-answer")]
    cell.source = "import os\ndef square(x): os._exit(0)"
    return nb


@damage
def another_kernel_name(nb):
    nb.metadata["kernelspec"] = {"name": "my-env", "display_name": "Mine", "language": "python"}
    nb.metadata["language_info"] = {"name": "python", "version": "3.9"}
    return nb


@damage
def windows_line_ends(nb):
    for cell in nb.cells:
        cell.source = cell.source.replace("\n", "\r\n")
    return nb


@damage
def outputs_left_in(nb):
    from nbformat.v4 import new_output

    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                new_output("stream", name="stderr", text="old"),
                new_output("error", ename="E", evalue="", traceback=[]),
            ]
            cell.execution_count = 7
    return nb


@damage
def magics_and_await(nb):
    nb.cells.insert(
        1,
        new_code_cell(
            "%matplotlib inline\n%config InlineBackend.figure_format = 'retina'\n!echo hello\nsquare?",
            id="m",
        ),
    )
    nb.cells.insert(1, new_code_cell("import asyncio\nawait asyncio.sleep(0)", id="a"))
    nb.cells.insert(1, new_code_cell("%%time\ntotal = sum(range(10))", id="t"))
    return nb


@damage
def input_is_asked_for(nb):
    nb.cells.insert(1, new_code_cell("name = input('who? ')", id="in"))
    return nb


@damage
def a_byte_order_mark(nb):
    return b"\xef\xbb\xbf" + nbformat.v4.writes(nb).encode()


@damage
def an_old_notebook(nb):
    """nbformat 4.2 without ids, sources as lists, from another Jupyter."""
    raw = dump(nb)
    for cell in raw["cells"]:
        cell.pop("id", None)
        cell["source"] = (
            cell["source"] if isinstance(cell["source"], list) else cell["source"].splitlines(True)
        )
        cell["metadata"]["collapsed"] = False
        cell["metadata"]["id"] = "colab"
    raw["nbformat_minor"] = 2
    raw["metadata"]["colab"] = {"provenance": []}
    return json.dumps(raw).encode()


@damage
def missing_fields(nb):
    raw = dump(nb)
    for cell in raw["cells"]:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
        cell.pop("id", None)
    raw["cells"].append({"cell_type": "code"})
    raw["cells"].append({"cell_type": "markdown", "source": "x", "metadata": None})
    del raw["metadata"]
    return json.dumps(raw).encode()


@damage
def repeated_and_illegal_ids(nb):
    raw = dump(nb)
    for i, cell in enumerate(raw["cells"]):
        cell["id"] = ["same", "with spaces and ü", "x" * 100, None, 7][i % 5]
    return json.dumps(raw).encode()


@damage
def notes_and_pictures(nb):
    picture = {"a.png": {"image/png": "iVBORw0KGgo="}}
    nb.cells.append(
        new_markdown_cell("![a](attachment:a.png) <b>mine</b>", attachments=picture, id="pic")
    )
    return nb


LOST = {"one_answer_that_hangs": 2, "one_answer_that_ends_python": 2}  # points of that answer alone


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    room = mini.make(tmp_path_factory.mktemp("damage") / "class")
    a = assignments.of_class(room, mini.SLUG)
    a.settings = replace(a.settings, timeout=3.0, budget=30.0)
    return a, mini.answered(mini.released(room), mini.ANSWERS)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_costs_nothing(name, lesson):
    a, nb = lesson
    changed = DAMAGES[name](copy.deepcopy(nb))
    data = changed if isinstance(changed, bytes) else nbformat.v4.writes(changed).encode()
    done = work.grade_chunk(a, "bubblewrap", {}, [Item("ada", data)])[0]
    assert not done.problem
    wanted: dict[str, float] = dict(mini.POINTS)
    if name in LOST:
        wanted["square"] = 0
    assert {k: done.scores[k] for k in wanted} == wanted, done.record
    assert set(done.scores) == {*wanted, "why"}
    graded = nbformat.reads(done.notebook.decode(), as_version=4)
    nbformat.validate(graded)
    assert len(done.notebook) < 2_000_000


def test_what_was_put_right_is_said(lesson):
    a, nb = lesson
    for name, words in {
        "deleted_tests": "missing", "a_duplicated_test": "copies", "edited_flags_and_points": "points",
        "a_test_moved_to_the_top": "stood above", "an_answer_turned_into_text": "had become",
        "a_deleted_helper_and_import": "import",
    }.items():  # fmt: skip
        data = nbformat.v4.writes(DAMAGES[name](copy.deepcopy(nb))).encode()
        done = work.grade_chunk(a, "bubblewrap", {}, [Item("ada", data)])[0]
        assert any(words in note for note in done.record.notes), (name, done.record.notes)
