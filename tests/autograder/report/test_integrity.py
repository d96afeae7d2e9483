"""Evidence is shown with its lines, copied work is found, and honest work is left in peace."""

from __future__ import annotations

import ast
import re

import pytest

from autograder.exercises import catalog
from autograder.grade import schedule
from autograder.report import class_report, feedback, similarity
from tests.autograder import mini
from tests.autograder.conftest import needs

LONG = '''
def normalize(v):
    """Length one."""
    total = 0.0
    largest = max(abs(float(x)) for x in v)
    if largest == 0:
        raise ValueError("no direction")
    for x in v:
        scaled = float(x) / largest
        total += scaled * scaled
    length = largest * total ** 0.5
    result = np.empty(len(v))
    for i, x in enumerate(v):
        result[i] = x / length
    return result
'''
COPIED = """
# my very own idea
def normalize(vec):
    s, big = 0, max(abs(float(q)) for q in vec)
    s = 0.0
    if big == 0:
        raise ValueError("zero!")
    for q in vec:
        r = float(q) / big
        s += r * r
    n = big * s ** 0.5
    out = np.empty(len(vec))

    for j, q in enumerate(vec):
        out[j] = q / n
    return out
"""


def test_renaming_and_comments_hide_nothing():
    found = list(
        similarity.pairs({"a": {"x": LONG}, "b": {"x": COPIED}, "c": {"x": mini.ANSWERS["Stack"]}})
    )
    assert [(p.first, p.second) for p in found] == [("a", "b")]
    assert found[0].alike > 0.7 and re.match(r"x lines \d+-1\d", found[0].first_lines)


def test_what_everybody_has_does_not_count():
    class_ = {f"s{i}": {"x": LONG} for i in range(60)}
    assert not list(similarity.pairs(class_))
    assert not list(similarity.pairs({"a": {"x": LONG}, "b": {"x": COPIED}}, [LONG]))
    short = {"a": {"x": mini.ANSWERS["layer"]}, "b": {"x": mini.ANSWERS["layer"]}}
    assert not list(similarity.pairs(short))


def test_different_right_answers_of_the_course_are_not_taken_for_copies():
    for lesson in catalog.lessons():
        answers = {f"{a.exercise} {a.style}": {"x": a.source} for a in catalog.alternatives(lesson)}
        assert len(answers) > 10 and not list(similarity.pairs(answers))


@pytest.mark.parametrize(
    "source", ["", "def f(:", "1" * 5000, "(" * 500, "x = " + "-" * 3000 + "1"]
)
def test_nothing_upsets_the_comparison(source):
    assert similarity.pairs({"a": {"x": source}, "b": {"x": source}}) is not None
    list(similarity.pairs({"a": {"x": source}, "b": {"x": source}}))


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = mini.make(tmp_path_factory.mktemp("integrity") / "class")
    released = mini.released(room)
    right = mini.ANSWERS
    sly = right | {
        "square": "import ctypes, os\ndef square(x):\n    os.listdir('/proc/1')\n    return x * x"
    }
    hidden = right | {"square": "def square(x):\n    return abs(x) * x if x != 77 else 0"}
    for name, answers in {
        "ada": right, "bob": right | {"normalize": LONG}, "cy": right | {"normalize": COPIED}, "dan": sly, "eve": hidden,
        "<b>fay": right | {"layer": "x = '<script>alert(1)</script>'\ndef layer(x, w, b): return x"},
    }.items():  # fmt: skip
        nb = mini.answered(released, answers)
        if name == "ada":
            nb.cells = [
                c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") != "square"
            ]
        mini.hand_in(room, name, nb)
    assert not schedule.run(room, jobs=1).failed
    return room


@needs("bubblewrap")
def test_the_report_shows_evidence_with_its_lines_and_changes_no_grade(room):
    found = class_report.run(room)
    page = (room.root / "reports" / "integrity.html").read_text()
    by = {(f.student, f.kind): f for f in found.integrity.findings[::-1]}
    assert "ctypes" in by["dan", "code"].detail and by["dan", "code"].line == 1
    assert "missing" in by["ada", "restored"].detail
    assert [(p.first, p.second) for _, p in found.integrity.pairs] == [("bob", "cy")]
    assert "bob" not in found.integrity.students  # alike is said once, of the pair
    assert "calls C directly" in page and "bubblewrap" in page and "normalize-answer lines" in page
    assert "<script" not in page and "&lt;b&gt;fay" in page and "Content-Security-Policy" in page
    points = {r.student: r.points for r in found.students}
    assert points["dan"] == points["bob"] == points["cy"] == points["ada"] == mini.FULL
    table = (room.root / "reports" / "integrity.csv").read_text()
    assert "nearly the same" in table and "ctypes" in table


@needs("bubblewrap")
def test_hidden_tests_stay_hidden_in_every_page(room):
    from tests.e2e.test_class import command

    feedback.run(room)
    page = (room.root / "feedback" / "eve" / mini.SLUG / f"{mini.SLUG}.html").read_text()
    assert "fails one that you cannot" in page and "0 of 2" in page
    command("nbgrader", "generate_feedback", mini.SLUG, "--force", cwd=room.root)
    stock = (room.root / "feedback" / "eve" / mini.SLUG / f"{mini.SLUG}.html").read_text()
    for text in (page, stock):
        for secret in (
            "secret_number",
            "5929",
            "secret scheme",
            "HIDDEN TESTS",
            "ada",
            "DLCOURSE_SEED",
        ):
            assert not re.search(rf"\b{secret}\b", re.sub(r"data:[^\"]*", "", text)), secret
    assert len(page) < 60_000
    assert "Nothing was written here" in page and "All tests passed" in page
    page = (room.root / "feedback" / "<b>fay" / mini.SLUG / f"{mini.SLUG}.html").read_text()
    assert ("0 of 3" in page and "wrong value" in page) or "wrong shape" in page


def test_tree_shapes_are_of_real_code():
    assert similarity.shape(LONG)[0][0] == "FunctionDef"
    assert ast.parse(LONG) and not similarity.shape("def f(:")
