"""Looking at a notebook takes bounded time and memory, whatever text it holds."""

from __future__ import annotations

import json
import resource
import time

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.grade import assignment as assignments
from autograder.grade import clean, remarks, work
from autograder.grade.intake import Refused, read_notebook
from autograder.grade.restore import restore
from autograder.grade.work import Item
from tests.autograder import mini
from tests.autograder.conftest import needs
from tests.conftest import WHOLE

CODE = {
    "blank lines": "\n" * 300_000,
    "magics": "%pip x\n" * 600,
    "many magics": "%pip x\n" * 8_000,
    "questions": "a?\n" * 20_000,
    "one long line": "x = " + "1 + " * 75_000 + "1",
    "a list": "x = [" + "1," * 1_000_000 + "]",
    "brackets": "(" * 30_000 + ")" * 30_000,
    "signs": "-" * 59_000 + "1",
    "attributes": "x" + ".a" * 29_000,
    "an f-string": "f'" + "{x}" * 19_000 + "'",
    "lambdas": "lambda:" * 8_000 + "1",
    "strings with paths": "'/proc/x'\n" * 6_000,
    "decorators": "@x\n" * 19_000 + "def f(): pass",
    "comprehensions": "[x for x in " * 500 + "y" + "]" * 500,
    "null": "x = 1\0",
    "half a pair": "x = '\ud800'",
}
PAGES = {
    "tags in tags": "<b>" * 130_000,
    "formats": "".join(f"<b title={i}>" for i in range(58)) + "<p>" * 29_000,
    "cells": "<table><tr>" + "<td>1" * 29_000,
    "signs": "<" * 400_000,
    "entities": "&amp;" * 400_000,
    "comments": "<!--" * 400_000,
}


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    room = mini.make(tmp_path_factory.mktemp("reading") / "class")
    return assignments.of_class(room, mini.SLUG), mini.released(room)


LONGEST = {"questions", "many magics"}  # a minute each


def spent(act) -> float:
    """Seconds of processor time."""
    before = time.process_time()
    act()
    return time.process_time() - before


@needs("bubblewrap")
@pytest.mark.parametrize(
    "what",
    [pytest.param(w, marks=pytest.mark.daily(3) if w in LONGEST else ()) for w in CODE],
)
def test_a_cell_of_any_text_costs_only_itself(lesson, what):
    """As code and as text; the answers beside it get their points."""
    a, released = lesson
    nb = mini.answered(released, mini.ANSWERS)
    nb.cells.insert(1, nbformat.v4.new_code_cell(CODE[what], id="odd"))
    nb.cells.insert(1, nbformat.v4.new_markdown_cell(CODE[what], id="text"))
    data = json.dumps(nb).encode()
    done = work.grade_chunk(a, "bubblewrap", {}, [Item("ada", data)])[0]
    assert not done.problem and sum(v or 0 for v in done.scores.values()) == mini.FULL


@pytest.mark.parametrize("what", PAGES)
def test_a_page_of_any_text_is_cleaned(what):
    page = clean.html(PAGES[what])
    assert len(page) < 20_000_000


def test_growth_is_not_quadratic(lesson):
    """Ten times the text takes less than 40 times as long; both well above what the clock can tell."""
    a, released = lesson
    for piece in ("\n", "%pip x\n", "a?\n", "'/proc/x'\n", "x = 1\n", "<script>", "$ "):

        def read(times: int, piece: str = piece) -> None:
            nb = mini.answered(released, {})
            nb.cells += [
                nbformat.v4.new_code_cell(piece * times),
                nbformat.v4.new_markdown_cell(piece * times),
            ]
            for cell in nb.cells:
                cell.pop("id", None)
            restore(nb, a)
            list(remarks.remarks(nb, a))
            assignments.parse.cache_clear()

        once = max(min(spent(lambda: read(500)) for _ in range(3)), 0.02)
        assert min(spent(lambda: read(5_000)) for _ in range(2)) < 40 * once, piece


json_ = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
fields = {
    "cell_type": st.sampled_from(["code", "markdown", "raw"]) | json_,
    "id": st.sampled_from(["a", "square", "x" * 999]) | json_,
    "source": st.text(max_size=30) | st.lists(st.text(max_size=9) | json_, max_size=3) | json_,
    "metadata": json_
    | st.fixed_dictionaries(
        {"nbgrader": json_ | st.dictionaries(
            st.sampled_from(["grade_id", "points", "locked", "solution", "grade", "task", "checksum", "schema_version"]),
            st.sampled_from([*mini.ANSWERS, *(f"{n}-answer" for n in mini.ANSWERS), "helper", "why", True, False, 3]) | json_,
        )}
    ),
    "outputs": json_, "attachments": json_, "execution_count": json_,
}  # fmt: skip
cells = st.lists(st.fixed_dictionaries({}, optional=fields) | json_, max_size=5)


@settings(max_examples=300 if not WHOLE else 50_000, deadline=None)
@given(cells=cells | json_, kind=st.sampled_from([3, 4, 5, "4", None]), metadata=json_)
def test_any_notebook_is_restored_or_refused_in_words(lesson, cells, kind, metadata):
    a, _ = lesson
    data = json.dumps({"cells": cells, "nbformat": kind, "metadata": metadata, "nbformat_minor": 5})
    try:
        nb = read_notebook(data.encode("utf-8", "surrogatepass"))
    except Refused as reason:
        assert str(reason).isprintable()
        return
    restore(nb, a)
    list(remarks.remarks(nb, a))
    nbformat.validate(nb)
    graded = [
        c.metadata.nbgrader.grade_id
        for c in nb.cells
        if c.metadata.get("nbgrader", {}).get("grade")
    ]
    assert sorted(graded) == sorted([*mini.ANSWERS, "why"])


def test_memory_stays_small():
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for source in CODE.values():
        assignments.parse(source)
        assignments.used(source)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 500_000  # kilobytes
