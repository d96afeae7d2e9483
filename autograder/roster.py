"""Who is in a class: the roster that an instructor exports from anywhere, and what an id may be."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from autograder.errors import Problem

COLUMNS = {
    "id": {"id", "student id", "studentid", "student", "user", "username", "user name", "login", "login id", "sis login id"},
    "first_name": {"first name", "firstname", "first", "given name", "forename"},
    "last_name": {"last name", "lastname", "last", "surname", "family name"},
    "email": {"email", "e mail", "email address", "mail"},
}  # fmt: skip


def why_no_id(text: str) -> str:
    """Why ``text`` cannot be a student's id, which is the name of a folder; empty if it can."""
    if not text.strip():
        return "it is empty"
    if text != text.strip() or not text.isprintable():
        return "it begins or ends with a space, or holds control characters"
    if re.search(r"[/\\*?\[\]]", text) or text.startswith("."):
        return "it would not be the name of one folder: / \\ * ? [ ] and a dot in front are not allowed"
    return "it is longer than 100 characters" if len(text) > 100 else ""


def read_roster(path: Path) -> list[dict[str, str]]:
    """The students of a CSV file, one dictionary each.

    Commas, semicolons or tabs; UTF-8, UTF-16 or what Windows writes; the columns as other systems call them.
    """
    try:
        text = _decoded(path.read_bytes())
        lines = text.splitlines()
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(lines)))
    except (OSError, UnicodeError, csv.Error) as error:
        raise Problem(
            f"cannot read {path}: {error}", "check the path; save it as CSV, UTF-8"
        ) from None
    head, found = (rows[0] if rows else []), list[dict[str, str]]()
    places = _columns(head)
    if "id" not in places:
        names = ", ".join(h.strip() for h in head if h.strip()) or "nothing"
        raise Problem(
            f"{path} has no column called id; its first line names {names}",
            "call the column of your students' ids `id`; commas, semicolons and tabs all do",
        )
    seen: dict[str, int] = {}
    for number, row in enumerate(rows[1:], 2):
        student = {k: row[i].strip() if i < len(row) else "" for k, i in places.items()}
        if not any(cell.strip() for cell in row):
            continue
        if why := why_no_id(student["id"]):
            raise Problem(
                f"{path}, line {number}: {student['id']!r} cannot be an id: {why}", "mend that line"
            )
        if before := seen.get(student["id"]):
            raise Problem(
                f"{path}: the id {student['id']} stands in lines {before} and {number}",
                "give each student an id of their own",
            )
        seen[student["id"]] = number
        found.append(student)
    return found


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def _delimiter(lines: list[str]) -> str:
    first = next((line for line in lines if line.strip()), "")
    return max(",;\t", key=first.count)


def _columns(head: list[str]) -> dict[str, int]:
    """Where each column that we know stands; one that is called exactly so comes before one alike."""
    plain = [re.sub(r"[\s_-]+", " ", name).strip().lower() for name in head]
    found: dict[str, int] = {}
    for column, names in COLUMNS.items():
        exact = [i for i, name in enumerate(plain) if name == column.replace("_", " ")]
        alike = [i for i, name in enumerate(plain) if name in names]
        if places := exact or alike:
            found[column] = places[0]
    return found
