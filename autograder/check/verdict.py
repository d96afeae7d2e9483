"""What is said of an answer: the kind of each call's outcome, part by part, and the points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autograder.exercises.exercise import Case, Exercise, Misconception, Part


class Kind(StrEnum):
    """What became of one call."""

    RIGHT = "right"
    NOT_WRITTEN = "not written yet"
    FORBIDDEN = "forbidden"
    RAISED = "raised an error"
    TOO_SLOW = "too slow"
    WRONG_TYPE = "wrong type"
    WRONG_SHAPE = "wrong shape"
    WRONG_DTYPE = "wrong dtype"
    NOT_FINITE = "not finite"
    MUTATED = "changed its input"
    WRONG_VALUE = "wrong value"
    NONDETERMINISTIC = "different every time"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Outcome:
    """The kind, a sentence for the student, what came back, and any warning NumPy gave."""

    kind: Kind
    message: str = ""
    got: Any = None
    warning: str = ""

    @property
    def right(self) -> bool:
        return self.kind is Kind.RIGHT


@dataclass(frozen=True)
class PartResult:
    part: Part
    cases: Sequence[Case]
    expected: Sequence[Any]
    outcomes: Sequence[Outcome]
    misconception: Misconception | None = None

    @property
    def passed(self) -> bool:
        return all(outcome.right for outcome in self.outcomes)

    @property
    def points(self) -> float:
        return self.part.points if self.passed else 0.0

    @property
    def failure(self) -> tuple[Case, Any, Outcome] | None:
        """The first case that failed, what it should have given, and what became of it."""
        for case, expected, outcome in zip(self.cases, self.expected, self.outcomes, strict=True):
            if not outcome.right:
                return case, expected, outcome
        return None


@dataclass(frozen=True)
class Verdict:
    exercise: Exercise
    parts: Sequence[PartResult] = field(default_factory=tuple)

    @property
    def points(self) -> float:
        return sum(result.points for result in self.parts)

    @property
    def first_failure(self) -> PartResult | None:
        return next((result for result in self.parts if not result.passed), None)

    @property
    def misconceptions(self) -> list[Misconception]:
        named = [result.misconception for result in self.parts if result.misconception]
        return list({m.name: m for m in named}.values())
