"""What an instructor may want to look at: evidence with its lines, never a verdict or a penalty.

Three kinds: what stands in the code, what happened while it ran, and pairs of submissions that are
nearly the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from autograder.classroom import Classroom
from autograder.grade import assignment as assignments
from autograder.grade.records import read
from autograder.report import similarity
from autograder.report.similarity import Pair

KINDS = {
    "code": "in the code",
    "event": "while it ran",
    "time": "ran too long",
    "ended": "ended its process",
    "flood": "flooded the output",
    "restored": "restored before grading",
}


@dataclass(frozen=True)
class Finding:
    student: str
    lesson: str
    where: str  # a cell
    kind: str  # of KINDS
    detail: str
    line: int = 0


@dataclass
class Integrity:
    findings: list[Finding] = field(default_factory=list)
    pairs: list[tuple[str, Pair]] = field(default_factory=list)  # with their lesson
    isolation: dict[str, int] = field(default_factory=dict)  # how many were graded in each tier

    @property
    def students(self) -> list[str]:
        return sorted({f.student for f in self.findings})


def examine(room: Classroom, lessons: Sequence[str]) -> Integrity:
    """Gather what grading recorded, and compare the answers of each lesson with each other."""
    found = Integrity()
    for lesson in lessons:
        with room.gradebook() as book:
            records = read(book.db.connection(), lesson)
        for student, record in sorted(records.items()):
            found.isolation[record.isolation] = found.isolation.get(record.isolation, 0) + 1
            if record.notes:
                notes = "\n".join(record.notes)
                found.findings.append(Finding(student, lesson, "", "restored", notes))
            for item in record.evidence:
                found.findings.append(
                    Finding(
                        student,
                        lesson,
                        item["where"],
                        item["kind"],
                        item["detail"],
                        item.get("line", 0),
                    )
                )
        a = assignments.of_class(room, lesson)
        texts = [cell.source for cell in a.code] + list(a.released.values())
        answers = {student: _answers(room, student, lesson) for student in records}
        found.pairs += [(lesson, pair) for pair in similarity.pairs(answers, texts)]
    return found


def _answers(room: Classroom, student: str, lesson: str) -> dict[str, str]:
    """What the student wrote in code cells, by the name or the number of the cell."""
    path = room.notebook("autograded", student, lesson)
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return {}
    found = {}
    for number, cell in enumerate(cells, 1):
        about = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "code" and not (about.get("grade") and not about.get("solution")):
            found[about.get("grade_id") or f"cell {number}"] = "".join(cell["source"])
    return found
