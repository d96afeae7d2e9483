"""What an attack is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nbformat import NotebookNode


@dataclass(frozen=True)
class Attack:
    name: str
    wants: str
    first: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[NotebookNode], NotebookNode | bytes] = lambda nb: nb
    files: Mapping[str, bytes] = field(default_factory=dict)
    most: float = 0.0
    told: str = ""  # a pattern; empty: nothing worth telling happened
    wish: str = ""  # the row of the table of defenses, if some tier leaves it open


ATTACKS: list[Attack] = []


def attack(name: str, wants: str, first: str = "", **more: object) -> None:
    ATTACKS.append(Attack(name, wants, first, **more))  # type: ignore[arg-type]
