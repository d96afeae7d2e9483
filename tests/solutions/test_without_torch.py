"""Every solved lesson gets every point, and no remark, where PyTorch is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autograder import classroom, demo
from autograder.classroom import Classroom
from autograder.exercises import catalog
from autograder.grade import records
from tests.autograder.conftest import needs
from tests.conftest import ROOT, some

HIDE = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *args: None if name.split(".")[0] == "torch" else find(name, *args)
"""


@pytest.mark.slow
@needs("bubblewrap")
def test_every_solved_lesson_gets_every_point_without_torch(tmp_path):
    lessons = some(catalog.lessons())
    classroom.init(tmp_path / "class", lessons, seed="torchless")
    room = Classroom(tmp_path / "class")
    for lesson in lessons:
        demo.hand_in(room, lesson, demo.perfect(lesson))
    (tmp_path / "sitecustomize.py").write_text(HIDE)
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    absent = [sys.executable, "-c", "import torch"]
    assert "No module named 'torch'" in subprocess.run(absent, env=env, capture_output=True, text=True).stderr  # fmt: skip
    command = [Path(sys.executable).with_name("autograder"), "grade", "--jobs", "1"]
    done = subprocess.run(command, cwd=room.root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with room.gradebook() as book:
        for lesson in lessons:
            submission = book.find_submission(lesson.slug, "ada-perfect")
            auto = sum(g.auto_score or 0 for nb in submission.notebooks for g in nb.grades)
            assert auto == sum(e.points for e in lesson.exercises), lesson.slug
            # a lesson's own cells are nothing to remark on
            record = records.read(book.db.connection(), lesson.slug)["ada-perfect"]
            assert record.evidence == [] and record.notes == [], lesson.slug
            path = room.root / "autograded" / "ada-perfect" / lesson.slug / f"{lesson.slug}.ipynb"
            for cell in nbformat.read(path, as_version=4).cells:  # all that it needs is there
                for output in cell.get("outputs", []):
                    assert output.output_type != "error", (lesson.slug, output.evalue)
