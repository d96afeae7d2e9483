"""What can go wrong for a user of the command line, each with its next step."""

from __future__ import annotations


class Problem(Exception):
    """``what`` went wrong, in one line, and what to do ``next``."""

    def __init__(self, what: str, next: str) -> None:
        super().__init__(f"{what}\n  next: {next}")
        self.what = what
        self.next = next
