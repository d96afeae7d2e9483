"""Killed at any moment, run again: the rest is graded, nothing twice, and the gradebook is the same."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from autograder.classroom import Classroom
from autograder.grade import assignment as assignments
from autograder.grade import schedule
from autograder.grade.work import Item
from tests.autograder import mini
from tests.autograder.conftest import needs
from tests.conftest import WHOLE

# one class for all of them, so one process
pytestmark = [needs("bubblewrap"), pytest.mark.slow, pytest.mark.xdist_group("chaos")]
KILLS = 20 if WHOLE else 3
STUDENTS = 60
PROGRAM = [str(Path(sys.executable).parent / "autograder"), "grade"]


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Path:
    """A class in which everybody did something else, and one file is broken."""
    rng = random.Random(1)
    room = mini.make(tmp_path_factory.mktemp("chaos") / "class")
    released = mini.released(room)
    for i in range(STUDENTS):
        done = {k: v for k, v in mini.ANSWERS.items() if rng.random() < 0.7}
        nb = mini.answered(released, done)
        nb.cells[3].source += f"\n# student {i}"
        mini.hand_in(room, f"s{i:02d}", b'{"cells": [' if i == 7 else nb)
    return room.root


def copy(room: Path, name: str) -> Path:
    where = room.parent / name
    shutil.copytree(room, where)
    return where


def start(room: Path, jobs: int = 2) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, "-j", str(jobs)],
        cwd=room,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # whoever runs these tests in the background has Ctrl-C ignored, and hands that down
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(room: Path) -> str:
    """Grade to the end; what was said on stdout."""
    done = subprocess.run([*PROGRAM, "-j", "2"], cwd=room, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr  # the broken file, as ever
    assert "1 could not be graded" in done.stdout
    return done.stdout


def exported(room: Path) -> bytes:
    """The gradebook as nbgrader exports it."""
    program = Path(sys.executable).parent / "nbgrader"
    subprocess.run(
        [program, "export", "--to", "out.csv"], cwd=room, check=True, capture_output=True
    )
    return (room / "out.csv").read_bytes()


def gone(pids: list[psutil.Process]) -> bool:
    _, left = psutil.wait_procs(pids, timeout=20)
    return not left


def graded(room: Path) -> int:
    return len(list(room.glob("autograded/*/*/*.ipynb")))


@pytest.fixture(scope="module")
def undisturbed(room) -> bytes:
    where = copy(room, "undisturbed")
    began = time.monotonic()
    finish(where)
    global TAKES
    TAKES = time.monotonic() - began
    return exported(where)


TAKES = 10.0


@pytest.mark.daily(2)
def test_killed_again_and_again(room, undisturbed):
    rng = random.Random(int(os.environ.get("DLCOURSE_CHAOS", "7")))
    where = copy(room, "killed")
    for _ in range(KILLS):
        process = start(where)
        time.sleep(rng.uniform(0.3, 1.1) * TAKES)
        family = (
            psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        )
        with_group = rng.random() < 0.5
        (os.killpg if with_group else os.kill)(
            process.pid, signal.SIGKILL
        ) if process.poll() is None else None
        process.wait()
        assert gone(family), "the workers outlive the grader"
        assert not list(where.glob("autograded/*/*/*.ipynb.part"))
    before = {p: p.stat().st_mtime_ns for p in where.glob("autograded/*/*/*.ipynb")}
    said = finish(where)
    assert exported(where) == undisturbed
    # what was in the gradebook was not graded again
    after = {p: p.stat().st_mtime_ns for p in where.glob("autograded/*/*/*.ipynb")}
    assert len(after) == STUDENTS - 1
    assert said.count("unchanged") == sum(after[p] == t for p, t in before.items())
    assert "unchanged" in finish(where) and exported(where) == undisturbed


def test_ctrl_c_stops_at_once_and_loses_nothing(room, undisturbed):
    where = copy(room, "interrupted")
    process = start(where, jobs=1)
    until = time.monotonic() + 60
    while graded(where) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1 and b"run the same command again" in said, said
    assert b"Traceback" not in said
    finish(where)
    assert exported(where) == undisturbed


def test_a_worker_that_dies_costs_nothing(room, undisturbed):
    where = copy(room, "bereft")
    process = start(where)
    until = time.monotonic() + 60
    while graded(where) < 5 and time.monotonic() < until:
        time.sleep(0.05)
    workers = [
        p for p in psutil.Process(process.pid).children() if "spawn_main" in " ".join(p.cmdline())
    ]
    assert workers
    workers[0].kill()
    process.communicate(timeout=120)
    assert process.returncode == 1 and graded(where) == STUDENTS - 1
    finish(where)
    assert exported(where) == undisturbed


def test_a_full_disk(room, undisturbed, tmp_path):
    if os.getuid() != 0:
        pytest.skip("a small disk is made by mounting one, which only root may do")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no mounts here: {mounted.stderr.decode()}")
    try:
        where = disk / "class"
        shutil.copytree(room, where)
        ballast = disk / "ballast"
        free = shutil.disk_usage(disk).free
        ballast.write_bytes(b"x" * (free - 200_000))
        done = subprocess.run([*PROGRAM, "-j", "2"], cwd=where, capture_output=True, text=True)
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
        assert "No space left" in done.stderr or "disk is full" in done.stderr, done.stderr
        assert "next:" in done.stderr
        ballast.unlink()
        finish(where)
        assert exported(where) == undisturbed
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def test_a_pool_that_breaks_between_two_looks_at_it_is_made_anew(room):
    """The next chunk is refused then, which once ended the whole run."""
    class_ = Classroom(room)
    a, data = (
        assignments.of_class(class_, mini.SLUG),
        class_.notebook("submitted", "s00", mini.SLUG),
    )
    items = iter([Item(f"s{i}", data.read_bytes()) for i in range(6)])
    with schedule._Pool(1, None) as pool:
        results = pool.map(a, "bubblewrap", {}, items)
        found = [next(results)]
        for process in list(pool.executor._processes.values()):
            process.kill()
        while not pool.executor._broken:
            time.sleep(0.01)
        found += results
    assert sorted(done.student for done in found) == [f"s{i}" for i in range(6)]
    assert not [done.problem for done in found if done.problem]
