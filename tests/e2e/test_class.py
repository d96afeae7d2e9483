"""A class, from the command line, as an instructor would: the demo, and nbgrader's own commands on it."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autograder.author import build
from autograder.check.card import MIME
from autograder.exercises import catalog
from tests.conftest import ROOT, WHOLE
from tests.e2e.lab import Browser, Server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("class")]
BIN = Path(sys.executable).parent
LESSONS = catalog.lessons()
# the first lesson and the newest; `make test-whole` takes all
SHOWN = LESSONS if WHOLE else [LESSONS[0], LESSONS[-1]]

# a mistake that nobody can see next to another one of the same student: what is lent for the wrong functions below it
# comes over a pipe, as a copy, and so cannot share an array. By itself it is named: tests/solutions/test_exercises.py
HIDDEN = {("Tensor", "shares_one_array")}


def command(*args: object, cwd: Path, code: int | None = 0, timeout: float = 1500, **extra: Path):
    env = {k: v for k, v in os.environ.items() if k not in {"DLCOURSE_SEED", "NBGRADER_EXECUTION"}}
    # as for somebody who has not activated the environment
    env["PATH"] = os.pathsep.join(p for p in env["PATH"].split(os.pathsep) if Path(p) != BIN)
    for name, path in extra.items():
        path.mkdir(exist_ok=True)
        env[name] = str(path)
    done = subprocess.run(
        [str(BIN / str(args[0])), *map(str, args[1:])],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if code is not None:
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def processes(mark: str) -> set[str]:
    """The command lines that run now and mention ``mark``."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line:
            found.add(line)
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder in which `autograder demo` ran, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    # kernels name their connection file on their command line, so strays can be found by it
    runtime = folder / "runtime"
    chosen = [word for lesson in SHOWN for word in ("--lesson", lesson.slug)]
    done = command("autograder", "demo", "demo-class", *chosen, cwd=folder, TMPDIR=runtime)
    return folder / "demo-class", done.stdout


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_demo_gives_every_submission_the_points_expected(demo):
    _, said = demo
    found = re.search(r"(\d+) of (\d+) submissions got exactly the points expected", said)
    assert found and found[1] == found[2] and int(found[2]) >= 16
    assert "DIFFERS" not in said
    assert ("everything right" in said) == (len(SHOWN) > 1)
    for story in ("in another style", "misconceptions", "first half", "as released", "syntax error",
                  "fails to import", "never returns", "deleted", "copied", "edited", "cut off", "another name"):  # fmt: skip
        assert story in said, story


def test_demo_leaves_nothing_running(demo):
    folder, _ = demo
    assert processes(str(folder.parent)) == set()


def test_report_counts_the_class(demo):
    folder, _ = demo
    table = rows(folder / "reports" / "class.csv")
    full = {lesson.slug: sum(e.points for e in lesson.exercises) for lesson in SHOWN}
    by = {(r["student"], r["lesson"]): r for r in table}
    for lesson in SHOWN:
        assert float(by["ada-perfect", lesson.slug]["points"]) == full[lesson.slug]
        assert float(by["bea-blank", lesson.slug]["points"]) == 0
        assert by["cor-corrupt", lesson.slug]["status"] == "not graded"
        assert "damaged" in by["cor-corrupt", lesson.slug]["reason"]
        assert by["zoe-never-came", lesson.slug]["status"] == "not submitted"
    exercises = rows(folder / "reports" / "exercises.csv")
    named = {(r["exercise"], r["what"]) for r in exercises}
    every = {(e.function, m.name) for x in SHOWN for e in x.exercises for m in e.misconceptions}
    assert every - named <= HIDDEN
    index = (folder / "reports" / "index.html").read_text()
    assert index.count("data:image/svg+xml;base64,") == 2 * len(SHOWN) + (len(SHOWN) > 1)
    course = {r["student"]: r for r in rows(folder / "reports" / "course.csv")}
    assert course["ada-perfect"]["mean"] == "1.000" and course["zoe-never-came"]["mean"] == ""
    assert all(course["bea-blank"][lesson.slug] == "0.000" for lesson in SHOWN)
    assert ("Hardest exercises" in index) == (len(SHOWN) > 1)
    assert "zoe-never-came" in index and "<script" not in index


@pytest.mark.parametrize("lesson", SHOWN, ids=lambda x: x.slug)
def test_feedback_names_the_misconception_and_nobody_else(demo, lesson):
    folder, _ = demo
    students = {r["student"] for r in rows(folder / "reports" / "class.csv")}
    for student in students:
        path = folder / "feedback" / student / lesson.slug / f"{lesson.slug}.html"
        if not path.exists():
            continue
        page = path.read_text()
        assert len(page) < 60_000
        assert "Content-Security-Policy" in page and "<script" not in page
        assert not [s for s in students - {student} if re.search(rf"\b{s}\b", page)]
        for secret in ("BEGIN SOLUTION", "MARK SCHEME", "oracle", "DLCOURSE_SEED", "Traceback"):
            assert secret not in page
    for i, exercise in enumerate(lesson.exercises):
        first = exercise.misconceptions[0]
        page = (folder / "feedback" / "mis-1" / lesson.slug / f"{lesson.slug}.html").read_text()
        assert first.hint.split(".")[0] in html.unescape(page), i
    page = (folder / "feedback" / "cor-corrupt" / lesson.slug / f"{lesson.slug}.html").read_text()
    assert "could not be graded" in page and "JSON breaks off" in page and "What to do" in page
    page = (folder / "feedback" / "sy-syntax" / lesson.slug / f"{lesson.slug}.html").read_text()
    assert (
        "SyntaxError" in page and "cannot be read by Python, so" in page and "NameError" not in page
    )


def test_hidden_inputs_stay_hidden_in_the_graded_notebooks(demo):
    folder, _ = demo
    path = folder / "autograded" / "mis-1" / "01-neurons" / "01-neurons.ipynb"
    nb = nbformat.read(path, as_version=4)
    payloads = [
        o.data[MIME] for c in nb.cells for o in c.get("outputs", []) if MIME in o.get("data", {})
    ]
    assert len(payloads) == len(LESSONS[0].exercises)
    assert {p["oracle"] for p in payloads} == {"torch"} and {p["seed"] for p in payloads} == {None}


def test_grading_again_grades_nothing_twice(demo):
    folder, _ = demo
    before = {p: p.stat().st_mtime_ns for p in folder.glob("autograded/*/*/*.ipynb")}
    done = command("autograder", "grade", "--class", folder, cwd=folder.parent, code=1)
    assert "cor-corrupt" in done.stdout and "could not be graded" in done.stdout
    assert "unchanged" in done.stdout
    assert before == {p: p.stat().st_mtime_ns for p in folder.glob("autograded/*/*/*.ipynb")}


def scores(folder: Path, student: str, lesson: str) -> dict[str, float | None]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        submission = book.find_submission(lesson, student)
        return {g.name: g.auto_score for n in submission.notebooks for g in n.grades}


def test_nbgraders_own_commands_work_in_the_folder(demo):
    """The same grades from `nbgrader autograde`; release, feedback and export as well."""
    folder, _ = demo
    for student in ("mis-2", "dup-doubled", "del-deleted"):
        before = scores(folder, student, "01-neurons")
        command("nbgrader", "autograde", "01-neurons", "--student", student, "--force", cwd=folder)
        assert scores(folder, student, "01-neurons") == before
    command(
        "nbgrader", "generate_feedback", "01-neurons", "--student", "mis-2", "--force", cwd=folder
    )
    command("nbgrader", "export", "--to", "grades.csv", cwd=folder)
    table = {(r["student_id"], r["assignment"]): r for r in rows(folder / "grades.csv")}
    assert float(table["ada-perfect", "01-neurons"]["score"]) == 18
    released = folder / "release" / "01-neurons" / "01-neurons.ipynb"
    assert released.read_text() == build.release_text(LESSONS[0])
    command("nbgrader", "generate_assignment", "01-neurons", "--force", cwd=folder)
    ours = nbformat.reads(build.release_text(LESSONS[0]), as_version=4)
    theirs = nbformat.read(released, as_version=4)
    assert [c.source for c in theirs.cells] == [c.source for c in ours.cells]


@pytest.mark.browser
def test_the_formgrader_shows_the_class(demo, chromium, tmp_path):
    folder, _ = demo
    server = Server(folder, tmp_path / "home")
    browser = Browser(chromium, Path(os.environ.get("DLCOURSE_ARTIFACTS", ROOT / "artifacts")))
    try:
        browser.page.goto(f"{server.url}/formgrader/manage_submissions/01-neurons/")
        browser.page.get_by_text("ada-perfect").first.wait_for()
        line = browser.page.get_by_role("row").filter(has_text="ada-perfect").inner_text()
        assert "18" in line and "22" in line
        browser.shoot("formgrader")
    finally:
        browser.stop()
        server.stop()


def test_a_changed_submission_is_graded_again_and_a_mark_is_kept(demo):
    from nbgrader.api import Gradebook

    folder, _ = demo
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        grade = book.find_grade("reflect-bias", "01-neurons", "01-neurons", "hal-halfway")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        book.db.commit()
    good = folder / "submitted" / "ada-perfect" / "01-neurons" / "01-neurons.ipynb"
    place = folder / "submitted" / "hal-halfway" / "01-neurons" / "01-neurons.ipynb"
    shutil.copyfile(good, place)
    os.utime(place, (0, 0))  # a download may carry an old date: the content counts
    args = ("autograder", "grade", "1", "--class", folder, "--student", "hal-halfway")
    done = command(*args, cwd=folder.parent)
    assert "19.5 / 22" in done.stdout and "graded" in done.stdout


def test_problems_end_with_the_next_command(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "roster.csv").write_text("name\nada\n")
    for args in (
        ("grade", "--class", "nowhere"),
        ("grade",),
        ("init", "full"),
        ("init", "new", "--students", "roster.csv"),
        ("init", "new", "--students", "missing.csv"),
        ("build", "99"),
        ("demo", "full"),
    ):
        done = command("autograder", *args, cwd=tmp_path, code=1)
        assert done.stderr.startswith("error: ") and "next: " in done.stderr, args
        assert "Traceback" not in done.stderr and len(done.stderr) < 600, done.stderr
    assert (tmp_path / "full" / "thesis.txt").exists()
    assert command("autograder", "no-such-verb", cwd=tmp_path, code=2)
    assert command("autograder", "--help", cwd=tmp_path)


def test_init_release_and_doctor(tmp_path):
    (tmp_path / "roster.csv").write_text("id,first_name\nada,Ada\nbob,Bob\n")
    done = command("autograder", "init", "my-class", "--students", "roster.csv", cwd=tmp_path)
    assert f"{len(LESSONS)} lessons, 2 students" in done.stdout
    room = tmp_path / "my-class"
    # once more: nothing is lost, nothing breaks
    config = (room / "nbgrader_config.py").read_text()
    command("autograder", "init", "my-class", cwd=tmp_path)
    assert (room / "nbgrader_config.py").read_text() == config
    # an instructor's own change survives a release, and is put aside, not lost, when renewed
    source = room / "source" / "02-activations" / "02-activations.ipynb"
    source.write_text(source.read_text().replace("# 2 · Activations", "# 2 · Our own title"))
    done = command("autograder", "release", "2", cwd=room)
    assert "02-activations" in done.stdout
    released = room / "release" / "02-activations" / "02-activations.ipynb"
    assert "Our own title" in released.read_text()
    command("autograder", "release", "2", "--renew", cwd=room)
    assert "Our own title" not in released.read_text()
    assert "Our own title" in (room / "replaced" / "02-activations-1.ipynb").read_text()
    # the demo never takes the place of a real class
    done = command("autograder", "demo", "my-class", cwd=tmp_path, code=1)
    assert "something else" in done.stderr and (room / "gradebook.db").exists()
    done = command("autograder", "feedback", cwd=room, code=1)
    assert "autograder grade" in done.stderr
    report = command("autograder", "report", cwd=room)
    assert "not submitted, 01-neurons: ada, bob" in report.stdout
    doctor = command("autograder", "doctor", cwd=tmp_path)
    assert "MISSING" not in doctor.stdout and "torch" in doctor.stdout


def test_intake_names_what_is_wrong(tmp_path):
    command("autograder", "init", "c", cwd=tmp_path)
    room = tmp_path / "c" / "submitted"
    slug = "01-neurons"
    released = tmp_path / "c" / "release" / slug / f"{slug}.ipynb"

    def put(student: str, name: str, content: str | bytes) -> None:
        path = room / student / slug / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    other = (tmp_path / "c" / "release" / "02-activations" / "02-activations.ipynb").read_text()
    put("a-empty", f"{slug}.ipynb", "")
    put("b-list", f"{slug}.ipynb", "[1, 2]")
    put("c-bytes", f"{slug}.ipynb", b"\xff\xfe\x00")
    put("d-deep", f"{slug}.ipynb", "[" * 100_000)
    put("e-other", f"{slug}.ipynb", other)
    put("f-none", "notes.txt", "I was ill")
    put("g-two", "one.ipynb", released.read_text())
    put("g-two", "two.ipynb", released.read_text())
    put("h-bare", f"{slug}.ipynb", json.dumps({"cells": [{"metadata": None}, {}], "nbformat": 4}))
    (room / "i-link" / slug).mkdir(parents=True)
    (room / "i-link" / slug / f"{slug}.ipynb").symlink_to("/etc/hostname")
    done = command("autograder", "grade", "--class", "c", cwd=tmp_path, code=1)
    said = re.sub(r"\s+", " ", done.stdout)
    for words in ("JSON breaks off", "not a Jupyter notebook", "cannot be read", "none of this lesson's exercises",
                  "only notes.txt", "could each be it", "a link", "9 could not be graded"):  # fmt: skip
        assert words in said, (words, said)
