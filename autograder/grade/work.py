"""The unit of work: a chunk of submissions of one lesson, bytes in and bytes out.

It runs in any process that has this package: a local pool's, or a worker of a Dask cluster that
shares no disk with the instructor.
"""

from __future__ import annotations

import autograder._lean  # noqa: F401  isort: skip

import atexit
import faulthandler
import gc
import json
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograder.errors import Problem
from autograder.grade.assignment import Assignment
from autograder.grade.intake import Refused, bounded, read_notebook
from autograder.grade.records import Record
from autograder.grade.remarks import remarks
from autograder.grade.restore import restore
from autograder.grade.run import Grader


@dataclass(frozen=True)
class Item:
    """One submission: the notebook as it was handed in, and the files beside it."""

    student: str
    notebook: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)
    problem: str = ""  # why it could not be read


@dataclass(frozen=True)
class Done:
    """What became of an item: the autograded notebook and its points, or a reason."""

    student: str
    notebook: bytes = b""
    scores: Mapping[str, float | None] = field(default_factory=dict)
    no_response: Sequence[str] = ()
    record: Record = field(default_factory=Record)
    problem: str = ""


_graders: dict[str, Grader] = {}
_nowhere = os.open(os.devnull, os.O_WRONLY)
_one_at_a_time = threading.Lock()  # a thread of a Dask worker shares its process


def grade_chunk(
    a: Assignment, tier: str, config: Mapping[str, Any], items: Sequence[Item]
) -> list[Done]:
    """Grade ``items``, one after the other; one that fails does not touch the others."""
    with _one_at_a_time:
        if tier not in _graders:
            _graders[tier] = Grader(tier or None)
            atexit.register(_graders[tier].close)
            gc.collect()
            gc.freeze()  # what is loaded by now stays: the collector need not look at it again
        return [_grade(_graders[tier], a, config, item) for item in items]


def _grade(grader: Grader, a: Assignment, config: Mapping[str, Any], item: Item) -> Done:
    from nbgrader import utils
    from nbgrader.preprocessors import IgnorePattern, LimitOutput

    if item.problem:
        return Done(item.student, problem=item.problem)
    # C code that hears no signal ends with its process: a thread of C sees to it
    faulthandler.dump_traceback_later(2 * a.settings.budget + 10, exit=True, file=_nowhere)
    try:
        with bounded():
            nb = read_notebook(item.notebook)
            notes = restore(nb, a)
            found = list(remarks(nb, a))
        record = grader.run(a, nb, item.files, item.student)
        record.notes = notes
        record.evidence = [*found, *record.evidence]
        for step in (IgnorePattern, LimitOutput):
            nb, _ = step(**config.get(step.__name__, {})).preprocess(nb, {})
        scores, empty = {}, []
        for cell in nb.cells:
            if utils.is_grade(cell):
                scores[cell.metadata.nbgrader.grade_id] = utils.determine_grade(cell, _silent())[0]
            if utils.is_solution(cell):
                about = cell.metadata.nbgrader
                if about.get("checksum") == utils.compute_checksum(cell):
                    empty.append(about.grade_id)
        # without indentation json needs a tenth of the time
        data = json.dumps(nb, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        record.size = len(data)
        return Done(item.student, data, scores, empty, record)
    except Refused as reason:
        return Done(item.student, problem=str(reason))
    except (Problem, KeyboardInterrupt):
        raise  # nothing can be graded here
    except BaseException as error:  # SystemExit, too, ends this submission, not the class
        words = str(error).splitlines() or [""]
        return Done(
            item.student, problem=f"grading failed: {type(error).__name__}: {words[0][:200]}"
        )
    finally:
        faulthandler.cancel_dump_traceback_later()


def _silent() -> logging.Logger:
    log = logging.getLogger("dlcourse.grade")
    log.setLevel(logging.CRITICAL)
    return log
