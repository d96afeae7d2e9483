"""The preprocessor that takes the place of nbgrader's ``Execute``.

With it in ``Autograde.autograde_preprocessors``, ``nbgrader autograde`` and the formgrader's button
run submissions as ``autograder grade`` does: students' cells in the sandbox, the tests outside.
"""

from __future__ import annotations

import atexit
import os
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Float, Integer, Unicode

from autograder.grade import records
from autograder.grade.assignment import Settings
from autograder.grade.guard import guard
from autograder.grade.intake import bounded, lying_beside
from autograder.grade.remarks import remarks
from autograder.grade.restore import read_assignment, remembered
from autograder.grade.run import Grader

guard()  # a class's configuration imports this

_graders: dict[str, Grader] = {}


class Engine(NbGraderPreprocessor):
    """Run a submission, apart from the instructor's own process and rights."""

    timeout = Float(60.0, help="Seconds that a cell, or a call into it, may take.").tag(config=True)
    budget = Float(600.0, help="Seconds that a whole notebook may take.").tag(config=True)
    memory = Integer(2048, help="Megabytes that a notebook may use.").tag(config=True)
    isolation = Unicode(
        "", help="bubblewrap, landlock or process; the strongest that works if empty."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        from nbgrader.api import Gradebook

        a = read_assignment(resources, self)
        a.settings = Settings(
            timeout=self.timeout,
            budget=self.budget,
            memory=self.memory * 2**20,
            seed=os.environ.get("DLCOURSE_SEED", ""),
        )
        folder = Path(resources.get("metadata", {}).get("path") or ".")
        about = resources["nbgrader"]
        with bounded():
            found = list(remarks(nb, a))
        record = _grader(self.isolation).run(a, nb, lying_beside(folder), about["student"])
        record.evidence = [*found, *record.evidence]
        record.notes = remembered.pop((about["assignment"], about["student"]), [])
        with Gradebook(about["db_url"]) as book:
            # no digest: `autograder grade` cannot know what this was made from, and looks anew
            records.write(book.db.connection(), a.slug, {about["student"]: record})
            book.db.commit()
        return nb, resources


def _grader(isolation: str) -> Grader:
    """One grader for the process: its zygotes serve one submission after the other."""
    if isolation not in _graders:
        _graders[isolation] = Grader(isolation or None)
        atexit.register(_graders[isolation].close)
    return _graders[isolation]
