"""What grading left behind, exercise by exercise: points from the gradebook, reasons from the notebook.

Feedback pages and reports are both made from this.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.check.card import MIME
from autograder.classroom import Classroom
from autograder.exercises.allowed import PACKAGES
from autograder.grade.assignment import plain_python

# terminal colors and links: CSI and OSC sequences, and whatever control characters remain
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\].*?(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]")


HIDDEN = "a hidden test failed"


@dataclass(frozen=True)
class Result:
    """One exercise, or one written question, of one student.

    ``payload`` is what the check found (see card.summarize), None for a written question or
    if the check could not run; then ``error`` says why, if there is a reason.
    """

    student: str
    lesson: str
    name: str
    points: float
    max_points: float
    written: bool = False
    needs_manual: bool = False
    comment: str = ""
    payload: dict[str, Any] | None = None
    error: str = ""
    line: str = ""  # of a plain test, where it failed
    by_hand: bool = False  # the instructor has set the points
    answer: str = ""  # what went wrong in the cell of the answer itself, if something did

    @property
    def full(self) -> bool:
        """All points, or more: extra credit."""
        return self.points >= self.max_points - 1e-9

    @property
    def kind(self) -> str:
        """What was wrong first: "right", a kind of failure, or "not run"."""
        if self.payload is not None:
            failure = self.payload.get("failure")
            return failure["kind"] if failure else "right"
        if self.error.startswith("CellTimeout"):
            return "too slow"
        if self.error.startswith("DeadKernel"):
            return "not run"
        if self.error:
            return "failed a test"
        return "right" if self.full else "partly right" if self.points else "failed a test"


def plain(text: str) -> str:
    """Text without colors, links or control characters."""
    return _CONTROL.sub("", text)


def read(room: Classroom, lesson: str, student: str | None = None) -> Iterator[Result]:
    """The results of every graded submission of ``lesson`` (of one student, if named)."""
    from nbgrader.api import MissingEntry

    with room.gradebook() as book:
        try:
            assignment = book.find_assignment(lesson)
        except MissingEntry:
            return
        for submission in sorted(assignment.submissions, key=lambda s: s.student.id):
            who = submission.student.id
            path = room.notebook("autograded", who, lesson)
            if (student and who != student) or not path.exists():
                continue
            cells = _graded_cells(path)
            for notebook in submission.notebooks:
                comments = {c.name: c.comment or "" for c in notebook.comments}
                order = [c.name for c in notebook.notebook.source_cells]
                answers = {c.name for c in notebook.notebook.solution_cells}
                places = {g.name: order.index(g.name) for g in notebook.grades if g.name in order}
                since = 0  # the first cell after the test before
                hidden = False  # whether a test until now was
                for grade in sorted(notebook.grades, key=lambda g: places.get(g.name, len(order))):
                    payload, error, line = _read_outputs(cells.get(grade.name), hidden)
                    hidden |= "BEGIN HIDDEN TESTS" in _source(cells.get(grade.name))
                    written = grade.cell.type == "TaskCell" or grade.name in answers
                    until = places.get(grade.name, len(order) - 1) + 1
                    own = [n for n in order[since:until] if n in answers or n == grade.name]
                    since = until
                    said = [comments.pop(n, "") for n in own]
                    yield Result(
                        student=who,
                        lesson=lesson,
                        name=grade.name,
                        points=grade.score,
                        max_points=grade.max_score,
                        written=written,
                        needs_manual=grade.needs_manual_grade,
                        comment=plain("\n\n".join(filter(None, said))),
                        payload=payload,
                        error=error,
                        line=line,
                        by_hand=grade.manual_score is not None,
                        answer=next(filter(None, map(_stopped, map(cells.get, own[:-1]))), ""),
                    )


def _graded_cells(path: Path) -> dict[str, dict[str, Any]]:
    nb = json.loads(path.read_text(encoding="utf-8"))
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: cell
        for cell in nb["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id")
    }


def _failed_at(source: str, trace: list[str]) -> int:
    """The line of a test, from 1, in which it failed; 0 if that is not known."""
    found = re.search(r"Cell In\[\d+\], line (\d+)", plain("\n".join(map(str, trace))))
    return int(found[1]) if found and int(found[1]) <= len(source.splitlines()) else 0


def _is_hidden(source: str, line: int) -> bool:
    """Whether students do not see that line of a test, or may not if it is not known."""
    if "BEGIN HIDDEN TESTS" not in source:
        return False
    before = source.splitlines()[: line or None]
    opened = sum("BEGIN HIDDEN TESTS" in x for x in before)
    return opened > sum("END HIDDEN TESTS" in x for x in before) or not line


def _stopped(cell: dict[str, Any] | None) -> str:
    """The error with which a student's own cell ended, and its line.

    The text of an error is the student's, and may repeat what a hidden test has shown to their code: a mistake
    of syntax is told as Python tells it of the cell as it stands, of any other error the kind.
    """
    source = _source(cell)
    for output in (cell or {}).get("outputs", []):
        if output.get("output_type") != "error":
            continue
        try:
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
            compile(plain_python(source), "cell", "exec", flags)
        except SyntaxError as error:
            return _at(f"{type(error).__name__}: {error.msg}", source, error.lineno or 0)
        except (ValueError, MemoryError, RecursionError):
            return "SyntaxError"
        trace = plain("\n".join(map(str, output.get("traceback", []))))
        found = re.search(r", line (\d{1,6})\b", trace)
        kind, text = output.get("ename", ""), output.get("evalue", "")
        if kind == "ImportError" and (name := re.split(r"\W", text)[0]) in PACKAGES:
            what = f"{name} is not available when lessons are graded"
        else:
            what = _known(kind)
        return _at(what, source, int(found[1]) if found else 0)
    return ""


def _at(what: str, source: str, line: int) -> str:
    """An error and the student's line where it came up, if the cell has such a line."""
    lines = source.splitlines()
    if not 0 < line <= len(lines):
        return what
    return f"{what}\n  in line {line}: {plain(lines[line - 1]).strip()[:200]}"


def _without_their_words(payload: dict[str, Any]) -> dict[str, Any]:
    """What a check found, without what the student's function returned or raised."""
    failure = payload.get("failure", {})
    if "got" not in failure and failure.get("kind") != "raised an error":
        return payload
    said = "Run the check in your notebook: it shows what your function returned, or raised, here."
    kept = {key: value for key, value in failure.items() if key != "got"}
    return payload | {"failure": kept | {"message": said}}


def _known(name: str) -> str:
    """The name of an exception of Python's; one of the student's own could be called anything."""
    if ours := _ENDS.get(name):
        return ours
    return name if isinstance(getattr(builtins, name, None), type) else "an error of your own"


_ENDS = {"CellTimeoutError": "it ran too long", "DeadKernelError": "it ended Python"}


def _source(cell: dict[str, Any] | None) -> str:
    return "".join((cell or {}).get("source", ""))


def _read_outputs(
    cell: dict[str, Any] | None, hidden: bool
) -> tuple[dict[str, Any] | None, str, str]:
    """What a check found, or the error that stopped the test and the line where it did.

    Once ``hidden`` tests have called a student's functions, what those say may repeat them.
    """
    source = _source(cell)
    theirs = hidden and "dlcourse" in (cell or {}).get("metadata", {})
    for output in (cell or {}).get("outputs", []):
        data = output.get("data", {})
        if MIME in data:
            return _without_their_words(data[MIME]) if hidden else data[MIME], "", ""
        if output.get("output_type") == "error":
            name = output.get("ename", "")
            place = _failed_at(source, output.get("traceback", []))
            ended = name.startswith(("CellTimeout", "DeadKernel"))
            if not ended and _is_hidden(source, place):
                return None, HIDDEN, ""
            line = source.splitlines()[place - 1].strip() if place else ""
            text = "" if theirs else output.get("evalue", "").strip()
            what = ": ".join(filter(None, (_known(name) if theirs else name, text)))
            return None, plain(what), "" if _is_hidden(source, place) else plain(line)
    return None, "", ""
