"""What is kept beside nbgrader's grades, in a table of the same database.

Which content was graded, how students' code was kept apart, and what an instructor may want to
look at. It is written in the transaction that writes the grades: both are there, or neither.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, Text, inspect, select

_TABLE = Table(
    "dlcourse_run",
    MetaData(),
    Column("assignment", String(128), primary_key=True),
    Column("student", String(128), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("size", Integer, nullable=False),  # of the autograded notebook, in bytes
    Column("isolation", String(32), nullable=False),
    Column("peak", Integer, nullable=False),
    Column("details", Text, nullable=False),
)


@dataclass
class Record:
    """One submission as it was graded."""

    digest: str = ""
    size: int = 0
    isolation: str = ""
    peak: int = 0  # bytes of memory
    notes: list[str] = field(default_factory=list)  # what was put right before
    evidence: list[dict[str, Any]] = field(default_factory=list)


def write(connection: Connection, assignment: str, records: dict[str, Record]) -> None:
    """Put in or replace the records of ``{student: record}``; the caller commits."""
    if not records:
        return
    _TABLE.create(connection, checkfirst=True)
    where = (_TABLE.c.assignment == assignment) & _TABLE.c.student.in_(list(records))
    connection.execute(_TABLE.delete().where(where))
    rows = [
        {
            "assignment": assignment,
            "student": student,
            "digest": r.digest,
            "size": r.size,
            "isolation": r.isolation,
            "peak": r.peak,
            "details": json.dumps({"notes": r.notes, "evidence": r.evidence}),
        }
        for student, r in records.items()
    ]
    connection.execute(_TABLE.insert(), rows)


def read(connection: Connection, assignment: str) -> dict[str, Record]:
    """All records of an assignment, by student."""
    if not inspect(connection).has_table(_TABLE.name):
        return {}
    found = {}
    for row in connection.execute(select(_TABLE).where(_TABLE.c.assignment == assignment)):
        details = json.loads(row.details)
        found[row.student] = Record(
            row.digest, row.size, row.isolation, row.peak, details["notes"], details["evidence"]
        )
    return found
