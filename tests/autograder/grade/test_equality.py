"""The same grades as stock nbgrader gives on honest work: by our command, and by nbgrader's with our engine.

Compared are the gradebooks, row by row: scores, comments, what is left to mark, late penalties.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autograder import classroom, demo
from autograder.classroom import Classroom
from autograder.exercises import catalog
from autograder.grade import assignment as assignments
from autograder.grade import records, schedule
from tests.autograder import mini
from tests.autograder.conftest import needs
from tests.conftest import WHOLE, some

pytestmark = [needs("bubblewrap"), pytest.mark.slow]

STOCK = """
import os
c = get_config()
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "class"
c.Execute.timeout = 60

from nbgrader.converters import Autograde
from nbgrader.preprocessors import NbGraderPreprocessor

class Drawn(NbGraderPreprocessor):  # the same random cases as our engine draws for each student
    def preprocess(self, nb, resources):
        os.environ["DLCOURSE_SEED"] = {seed!r} + "/" + resources["nbgrader"]["student"]
        return nb, resources

c.Autograde.autograde_preprocessors = [Drawn, *Autograde.autograde_preprocessors.default()]
"""
LATE = '\nc.LateSubmissionPlugin.penalty_method = "zero"\n'


def nbgrader(root: Path, lesson: str) -> None:
    env = {k: v for k, v in os.environ.items() if k not in {"DLCOURSE_SEED", "NBGRADER_EXECUTION"}}
    program = Path(sys.executable).parent / "nbgrader"
    done = subprocess.run(
        [program, "autograde", lesson, "--force"], cwd=root, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


def rows(root: Path, lesson: str) -> dict[tuple[str, str], tuple]:
    """Everything that the gradebook says about each student's cells."""
    found: dict[tuple[str, str], tuple] = {}
    with Classroom(root).gradebook() as book:
        assignment = book.find_assignment(lesson)
        for submission in assignment.submissions:
            for nb in submission.notebooks:
                key = submission.student.id
                found[key, "late"] = (submission.timestamp, nb.late_submission_penalty)
                for g in nb.grades:
                    found[key, g.name] = (
                        g.auto_score,
                        g.manual_score,
                        g.needs_manual_grade,
                        g.score,
                    )
                for c in nb.comments:
                    found[key, f"{c.name} comment"] = (c.auto_comment, c.manual_comment)
    return found


def copies(room: Path, seed: str, extra: str = "") -> dict[str, Path]:
    """The class three times: for stock nbgrader, for nbgrader with the engine, for our command."""
    (room / "nbgrader_config.py").open("a").write(extra)
    found = {}
    for name in ("stock", "engine", "ours"):
        found[name] = room.parent / name
        shutil.copytree(room, found[name])
    (found["stock"] / "nbgrader_config.py").write_text(STOCK.format(seed=seed) + extra)
    return found


def submissions(released) -> dict[str, nbformat.NotebookNode]:
    right = mini.ANSWERS
    found = {
        "all-right": mini.answered(released, right),
        "blank": released,
        "all-wrong": mini.answered(released, mini.WRONG),
        "half": mini.answered(released, {k: right[k] for k in list(right)[:2]}),
        "raises": mini.answered(released, right | {"square": "def square(x):\n    raise ValueError('no')"}),
        "syntax": mini.answered(released, right | {"Stack": "class Stack(:"}),
        "prints": mini.answered(released, right | {"square": "def square(x):\n    print('hi')\n    return x * x"}),
        "returns-none": mini.answered(released, right | {"normalize": "def normalize(v): pass"}),
        "lists": mini.answered(released, right | {"normalize": "def normalize(v):\n    n = sum(x * x for x in v) ** 0.5\n    return np.array([x / n for x in v])"}),
        "globals": mini.answered(released, right | {"square": "factor = 1\ndef square(x):\n    global factor\n    factor = x\n    return x * factor"}),
    }  # fmt: skip
    written = mini.answered(released, right)
    written.cells[-1].source = "Because."
    return found | {"wrote": written}


def test_the_mini_class_is_graded_alike_three_ways(tmp_path):
    room = mini.make(tmp_path / "class")
    for name, nb in submissions(mini.released(room)).items():
        mini.hand_in(room, name, nb)
    for student, when in (
        ("all-right", "2030-01-02 10:00:00 UTC"),
        ("half", "2029-12-31 10:00:00 UTC"),
    ):
        stamp = room.notebook("submitted", student, mini.SLUG).with_name("timestamp.txt")
        stamp.write_text(when)
    with room.gradebook() as book:
        book.update_or_create_assignment(mini.SLUG, duedate="2030-01-01 00:00:00 UTC")
        submission = book.add_submission(mini.SLUG, book.add_student("raises").id)
        marked = next(g for g in submission.notebooks[0].grades if g.name == "square")
        marked.manual_score, marked.extra_credit = 1.5, 0.5
        book.db.commit()
    where = copies(room.root, "mini", LATE)
    nbgrader(where["stock"], mini.SLUG)
    nbgrader(where["engine"], mini.SLUG)
    report = schedule.run(Classroom(where["ours"]), [mini.SLUG], jobs=1)
    assert not report.failed
    stock = rows(where["stock"], mini.SLUG)
    assert rows(where["engine"], mini.SLUG) == stock
    with Classroom(where["engine"]).gradebook() as book:
        kept = records.read(book.db.connection(), mini.SLUG)
    assert {r.isolation for r in kept.values()} == {"bubblewrap"} and set(kept) == {
        s for s, _ in stock
    }
    assert rows(where["ours"], mini.SLUG) == stock
    assert stock["all-right", "late"][1] == mini.FULL  # late: everything is taken off
    assert stock["blank", "normalize-answer comment"][0] == "No response."
    assert stock["wrote", "why"][2] and not stock["blank", "why"][2]
    assert stock["raises", "square"] == (0, 1.5, True, 2.0)
    # once more, by force: nothing changes
    schedule.run(Classroom(where["ours"]), [mini.SLUG], jobs=1, force=True)
    assert rows(where["ours"], mini.SLUG) == stock
    totals = {row.student: row.points for row in report.rows}
    assert totals["half"] == 4 and totals["syntax"] == 7 and totals["prints"] == mini.FULL


def plans(lessons):
    """Who hands in what, where stock nbgrader grades it at all."""
    for lesson in lessons:
        for plan in demo.plan(lesson):
            if plan.expected is None or plan.filename:
                continue
            # stock nbgrader stops at these two; what becomes of them is tested elsewhere
            if not plan.student.startswith(("dup-", "del-")):
                yield lesson, plan


def leave_out_shows(room: Classroom, lesson: str) -> None:
    """Take from submissions what the engine does not run either, and stock nbgrader runs for half a minute each.

    The first one stays as it is: with such blocks or without, the grades are the same.
    """
    shorter = assignments.of_class(room, lesson).shorter
    assert shorter
    for path in sorted(room.root.glob(f"submitted/*/{lesson}/{lesson}.ipynb"))[1:]:
        nb = nbformat.read(path, as_version=4)
        for cell in nb.cells:
            cell.source = shorter.get(cell.source, cell.source)
        nbformat.write(nb, path)


SAMPLE = [[lesson] for lesson in catalog.lessons()] if WHOLE else [some(catalog.lessons())]


@pytest.mark.daily(2)
@pytest.mark.parametrize(
    "lessons", SAMPLE, ids=lambda found: "-".join(str(x.number) for x in found)
)
def test_the_demo_class_is_graded_alike(tmp_path, lessons):
    """All of it with DLCOURSE_WHOLE (`make test-whole`), a few of two lessons otherwise."""
    classroom.init(tmp_path / "class", seed=demo.SEED, timeout=60)
    room = Classroom(tmp_path / "class")
    honest = list(plans(lessons))
    chosen = honest if WHOLE else random.Random(0).sample(honest, 3)
    for lesson, plan in chosen:
        demo.hand_in(room, lesson, plan)
    where = copies(room.root, demo.SEED)
    slugs = sorted({lesson.slug for lesson, _ in chosen})
    report = schedule.run(Classroom(where["ours"]), slugs)
    assert not report.failed and len(report.rows) == len(chosen)
    for slug in slugs:
        leave_out_shows(Classroom(where["stock"]), slug)
        nbgrader(where["stock"], slug)
        stock = rows(where["stock"], slug)
        assert len(stock) > 10
        assert rows(where["ours"], slug) == stock
