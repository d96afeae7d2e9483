"""What an exercise is: cases, a driver, an oracle, and the ways in which people get it wrong.

An exercise is data, defined once in ``autograder/checks`` and used by the instant check in
the notebook, the grading of a class, the feedback page and the test suite.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from autograder.exercises import allowed


class Case:
    """One call of the student's code: ``Case(x, w, b=0.5)`` means ``student(x, w, b=0.5)``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs
        self.hidden = False


@dataclass(frozen=True)
class Part:
    """Something an answer can get right or wrong on its own, worth ``points``.

    ``examples`` are shown to everybody; ``draw(rng)`` makes a case of its own each time, so
    that an answer copied from a card passes nothing. All cases must hold for the points.
    """

    name: str
    points: float
    examples: Sequence[Case] = ()
    draw: Callable[[np.random.Generator], Case] | None = None
    draws: int = 4
    seconds: float = 5.0  # what one call may take

    @property
    def for_speed(self) -> bool:
        """Whether it asks for speed: its calls may take less than usual."""
        return self.seconds < Part.seconds

    def cases(self, rng: np.random.Generator) -> list[Case]:
        drawn = [self.draw(rng) for _ in range(self.draws)] if self.draw else []
        for case in drawn:
            case.hidden = True
        return [*self.examples, *drawn]


@dataclass(frozen=True)
class Misconception:
    """A wrong implementation that real learners write, and what a good teacher would say."""

    name: str
    hint: str
    make: Callable[[], Callable[..., Any]]

    @cached_property
    def wrong(self) -> Callable[..., Any]:
        """Made when it is first needed: there are hundreds. If it was made from text, that is its ``source``."""
        return self.make()


def call(student: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The usual driver: call the student's function."""
    return student(*args, **kwargs)


@dataclass(frozen=True)
class Exercise:
    """An exercise of the course.

    ``name``     "lesson.function", as in ``check("activations.softmax", softmax)``
    ``twin``     the dlcore function with the same job and the same signature, as a dotted name
    ``oracle``   ``oracle(torch, *case)``: what must come out, written against PyTorch's API
                 and handed either ``torch`` or ``dlcore``
    ``driver``   ``driver(student, *case)``: exercises the student's code, returns plain arrays
    ``returns``  what the parts of a tuple are called
    ``secret``   the card does not tell what is expected, because the answer is one of a few
    ``forbidden`` dotted names that would do the work, besides those of ``allowed`` and the twin's module
    """

    name: str
    twin: str
    parts: Sequence[Part]
    oracle: Callable[..., Any]
    driver: Callable[..., Any] = call
    returns: Sequence[str] = ("result",)
    secret: bool = False
    forbidden: Sequence[str] = ()
    rtol: float = 1e-7
    atol: float = 1e-9
    misconceptions: list[Misconception] = field(default_factory=list)

    @property
    def lesson(self) -> str:
        return self.name.split(".")[0]

    @property
    def function(self) -> str:
        return self.name.split(".")[1]

    @property
    def right_answer(self) -> Callable[..., Any]:
        """The twin itself."""
        module, _, name = self.twin.rpartition(".")
        twin: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return twin

    @property
    def banned(self) -> tuple[str, ...]:
        """Dotted names that an answer may not use."""
        return (*allowed.forbidden(self.lesson), *self.withheld)

    @property
    def withheld(self) -> tuple[str, ...]:
        """Those that no lesson may bring back, whatever its own cells import."""
        return (*self.forbidden, self.twin.rpartition(".")[0])

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    def misconception(self, hint: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register the decorated wrong implementation, with the hint that belongs to it."""

        def decorate(wrong: Callable[..., Any]) -> Callable[..., Any]:
            self.register(wrong.__name__, hint, lambda: wrong)
            return wrong

        return decorate

    def register(self, name: str, hint: str, make: Callable[[], Callable[..., Any]]) -> None:
        """Register the wrong implementation that ``make()`` gives."""
        self.misconceptions.append(Misconception(name, " ".join(hint.split()), make))
