"""A class with hostile work in it, graded by `autograder grade`, `nbgrader autograde` and the formgrader's button.

However it is graded: the honest get what they earned, the others nothing, and every command comes to its end.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.classroom import Classroom
from tests.autograder import mini
from tests.autograder.attacks import ATTACKS
from tests.autograder.conftest import alive, needs
from tests.autograder.grade.test_attacks import submission
from tests.conftest import DAY, ROOT, WHOLE
from tests.e2e.lab import Browser, Server

pytestmark = [pytest.mark.slow, needs("bubblewrap"), pytest.mark.xdist_group("class")]
CODE = random.Random(DAY).sample(ATTACKS, 30 if WHOLE else 4)
BIN = Path(sys.executable).parent


def hostile_class(root: Path) -> Classroom:
    room = mini.make(root)
    config = room.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.Engine.timeout = 2.0\nc.Engine.budget = 20.0\n")
    released = mini.released(room)
    honest = mini.answered(released, mini.ANSWERS)
    good = mini.hand_in(room, "ada", honest)
    for i, attack in enumerate(CODE):
        work = submission(attack, released)
        (mini.submitted(room, f"code{i:02d}") / f"{mini.SLUG}.ipynb").write_bytes(work)
    # names and trees
    (mini.submitted(room, "link") / f"{mini.SLUG}.ipynb").symlink_to(good)
    (room.root / "submitted" / "linked").symlink_to(good.parent.parent)
    os.mkfifo(mini.submitted(room, "fifo") / f"{mini.SLUG}.ipynb")
    endless = mini.hand_in(room, "timestamp", mini.answered(released, mini.WRONG)).parent
    os.mkfifo(endless / "timestamp.txt")
    secret = mini.hand_in(room, "secret", mini.answered(released, mini.WRONG)).parent
    (secret / "passwd.txt").symlink_to("/etc/passwd")
    deep = mini.hand_in(room, "deep", mini.answered(released, mini.WRONG)).parent
    here = os.open(deep, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    (mini.submitted(room, "folder") / f"{mini.SLUG}.ipynb").mkdir()
    (mini.submitted(room, "broken") / f"{mini.SLUG}.ipynb").write_bytes(b"{" * 100_000)
    mini.hand_in(room, "zoe", honest)  # after all of them
    return room


def command(room: Classroom, *words: str) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if k != "NBGRADER_EXECUTION"}
    return subprocess.run(
        [BIN / words[0], *words[1:]], cwd=room.root, env=env, capture_output=True, text=True, timeout=1200,
    )  # fmt: skip


def by_our_command(room: Classroom, _: Path, __: str) -> str:
    return command(room, "autograder", "grade").stdout


def by_nbgrader(room: Classroom, _: Path, __: str) -> str:
    done = command(room, "nbgrader", "autograde", mini.SLUG)
    return done.stdout + done.stderr


def by_the_button(room: Classroom, home: Path, chromium: str) -> str:
    server = Server(room.root, home)
    browser = Browser(chromium, Path(os.environ.get("DLCOURSE_ARTIFACTS", ROOT / "artifacts")))
    said = []
    try:
        page = browser.page
        page.goto(f"{server.url}/formgrader/manage_submissions/{mini.SLUG}/")
        page.get_by_role("row").filter(has_text="ada").wait_for()
        for row in page.locator("tbody tr").all():
            row.locator("td.autograde a").click()
            page.locator(".modal.in", has_text="utograd").wait_for(timeout=120_000)
            said.append(page.locator(".modal.in").inner_text())
            page.locator(".modal.in .modal-footer button").first.click()
            page.locator(".modal.in").wait_for(state="detached")
    finally:
        browser.stop()
        server.stop()
    return "\n".join(said)


@pytest.mark.browser
@pytest.mark.parametrize("way", [by_our_command, by_nbgrader, by_the_button])
def test_however_it_is_graded(way, chromium, tmp_path, request):
    # what pytest keeps of tests is removed by a function that cannot go so deep
    request.addfinalizer(lambda: subprocess.run(["rm", "-rf", tmp_path / "class"], check=True))
    room = hostile_class(tmp_path / "class")
    said = way(room, tmp_path / "home", chromium)
    most = {f"code{i:02d}": attack.most for i, attack in enumerate(CODE)}
    found = {}
    with room.gradebook() as book:
        for submitted in book.assignment_submissions(mini.SLUG):
            notebooks = submitted.notebooks
            found[submitted.student.id] = sum(
                g.auto_score or 0 for n in notebooks for g in n.grades
            )
    assert found["ada"] == found["zoe"] == mini.FULL, said[-3000:]
    for student, points in found.items():
        if student not in ("ada", "zoe"):
            assert points <= most.get(student, 0.0), (student, points)
    secret = Path("/etc/passwd").read_text().splitlines()[0]
    for path in (room.root / "autograded").rglob("*"):
        assert path.is_dir() or secret not in path.read_text(errors="replace"), path
    assert secret not in said and not alive("sleep 1234")
