"""The options of `autograder grade`, as an instructor types them."""

from __future__ import annotations

import pytest

from tests.autograder import mini
from tests.autograder.conftest import needs
from tests.e2e.test_class import command


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = mini.make(tmp_path_factory.mktemp("cli") / "class")
    for name in ("ada", "bob"):
        mini.hand_in(room, name, mini.answered(mini.released(room), mini.ANSWERS))
    return room.root


def test_a_dry_run_says_what_it_would_do_and_does_nothing(room):
    done = command("autograder", "grade", "--dry-run", "--student", "ada", cwd=room)
    assert (
        "to grade" in done.stdout
        and "1 to grade, 0 are graded" in done.stdout
        and "bob" not in done.stdout
    )
    assert not (room / "autograded").exists()


@needs("bubblewrap")
def test_choosing_and_forcing(room):
    done = command(
        "autograder", "grade", "--lesson", mini.SLUG, "--student", "ada", "-j", "1", cwd=room
    )
    assert "10 / 11" in done.stdout and "bob" not in done.stdout and "isolation" not in done.stderr
    done = command("autograder", "grade", mini.SLUG, cwd=room)
    assert done.stdout.count("unchanged") == 1 and "bob" in done.stdout
    done = command("autograder", "grade", "--force", "--student", "bob", cwd=room)
    assert "unchanged" not in done.stdout
    # what the instructor changes in a test counts: everybody is graded again after the release
    path = room / "source" / mini.SLUG / f"{mini.SLUG}.ipynb"
    path.write_text(path.read_text().replace("assert square(2) == 4", "assert square(3) == 9"))
    command("autograder", "release", cwd=room)
    command("nbgrader", "generate_assignment", mini.SLUG, "--force", cwd=room)
    assert "unchanged" not in command("autograder", "grade", cwd=room).stdout


def test_weaker_isolation_is_said_and_nothing_is_chosen_silently(room):
    done = command(
        "autograder", "grade", "--isolation", "process", "--force", "--student", "ada", cwd=room
    )
    assert "as you asked" in done.stderr and "could have read your files" in done.stderr
    done = command("autograder", "grade", "--isolation", "docker", cwd=room, code=1)
    assert "there is no isolation 'docker'" in done.stderr and "choose one of" in done.stderr
    done = command(
        "autograder", "grade", "--scheduler", "tcp://127.0.0.1:1", "--force", cwd=room, code=1
    )
    assert (
        "no Dask scheduler answers" in done.stderr
        and "next:" in done.stderr
        and "Traceback" not in done.stderr
    )
