"""The same work on a Dask cluster: a real scheduler and two workers on loopback."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.classroom import Classroom
from autograder.errors import Problem
from autograder.grade import schedule
from tests.autograder import mini
from tests.autograder.conftest import needs
from tests.autograder.grade.test_equality import rows

pytest.importorskip("distributed")
pytestmark = [needs("bubblewrap"), pytest.mark.slow]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler with two workers that see nothing of the class folder."""
    program = str(Path(sys.executable).parent / "dask")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    common = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    env = {k: v for k, v in os.environ.items() if k != "DLCOURSE_SEED"}
    with contextlib.ExitStack() as stack:

        def run(*args: str) -> None:
            process = subprocess.Popen([program, *args], env=env, **common)
            stack.callback(process.wait)
            stack.callback(process.terminate)

        run("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        for _ in range(2):
            run(
                "worker",
                address,
                "--nthreads",
                "1",
                "--no-dashboard",
                "--local-directory",
                str(tmp_path),
            )
        from distributed import Client

        for attempt in range(60):
            try:
                with Client(address, timeout=2) as client:
                    client.wait_for_workers(2, timeout=60)
                break
            except (OSError, TimeoutError):
                if attempt == 59:
                    raise
                time.sleep(0.5)
        yield address


def test_a_cluster_gives_the_same_gradebook(tmp_path, cluster):
    books = {}
    for name, options in (("here", {"jobs": 2}), ("there", {"scheduler": cluster})):
        room = mini.make(tmp_path / name)
        released = mini.released(room)
        for i in range(12):
            answers = mini.ANSWERS if i % 3 else mini.WRONG
            mini.hand_in(room, f"s{i:02d}", mini.answered(released, answers))
        mini.hand_in(room, "broken", b"{")
        report = schedule.run(Classroom(room.root), **options)
        assert [row.student for row in report.failed] == ["broken"]
        assert report.isolation == {"bubblewrap"} and len(report.rows) == 13
        books[name] = rows(room.root, mini.SLUG)
        again = schedule.run(Classroom(room.root), **options)
        assert {row.status for row in again.rows} == {"unchanged", "not graded"}
    assert books["there"] == books["here"]


def test_no_scheduler_answers(tmp_path):
    room = mini.make(tmp_path / "class")
    mini.hand_in(room, "ada", mini.released(room))
    with pytest.raises(Problem, match="no Dask scheduler answers") as caught:
        schedule.run(Classroom(room.root), scheduler=f"tcp://127.0.0.1:{free_port()}")
    assert "dask scheduler" in caught.value.next
