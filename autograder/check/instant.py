"""``check``: judge an answer, show the card, return the points."""

from __future__ import annotations

import difflib
import hashlib
import os
import secrets
from typing import Any

import numpy as np

from autograder.check import carried_forward
from autograder.check.card import MIME, heading, share_of, summarize, to_html, to_text
from autograder.check.limits import Lost, TimeUp


class Score:
    """The result of a check.

    Its ``repr`` is the float that nbgrader reads as partial credit. The card has been shown
    by then, as an output of its own, so that every front end sees it and the points stand alone.
    """

    def __init__(self, payload: dict[str, Any]) -> None:
        self.payload = payload
        self.points: float = payload["points"]
        self.max_points: float = payload["max_points"]

    def __float__(self) -> float:
        return float(self.points)

    def __repr__(self) -> str:
        return repr(float(self.points))

    def _repr_html_(self) -> str:
        return f"<span hidden>{heading(self.payload)}</span>"  # the card above says it already


worth: float | None = None  # points of the graded cell that checks, as its instructor set them


def check(name: str, student: Any, *, seed: int | None = None) -> Score:
    """Check the answer ``student`` to the exercise ``name``, as in ``check("neurons.layer", layer)``.

    Shows a card (plain text where there is no notebook) and returns the points. Never
    raises, never writes to stderr. ``seed`` repeats the random cases of an earlier check.
    """
    try:
        payload = evaluate(name, student, seed)
    except KeyboardInterrupt:
        payload = _problem(name, "The check was interrupted. Run the cell again.")
    except Exception as error:
        payload = _problem(
            name,
            f"The check itself failed ({type(error).__name__}: {error}). "
            "This is not your mistake: please report it with the exercise's name.",
        )
    return _present(payload)


def evaluate(name: str, student: Any, seed: int | None = None) -> dict[str, Any]:
    """Judge without showing: the payload of ``card.summarize``."""
    from autograder.check.judge import judge
    from autograder.exercises import catalog
    from autograder.exercises.oracle import load_library

    exercise = catalog.find_exercise(name)
    if exercise is None:
        close = difflib.get_close_matches(name, catalog.exercise_names(), 1)
        mend = f" Did you mean {close[0]!r}?" if close else ""
        return _problem(name, f"There is no exercise called {name!r}.{mend}")
    grading = os.environ.get("NBGRADER_EXECUTION") == "autograde"
    oracle = load_library("torch" if grading else "dlcore")
    if seed is None:
        secret = os.environ.get("DLCOURSE_SEED", "")
        seed = grading_seed(secret, name) if grading else secrets.randbits(32)
    verdict = judge(exercise, student, oracle, np.random.default_rng(seed))
    shown = None if grading else seed
    note = ""
    if verdict.points < exercise.points and (paid := carried_forward.failed_before(exercise)):
        try:
            again, called = carried_forward.judged_again(verdict, student, oracle, seed, paid)
        except (Lost, TimeUp, MemoryError):  # what was earned before stays
            again, called = verdict, []
        if again.points > verdict.points:
            verdict = again
            note = (
                f"Judged with a right {' and '.join(called)} in the place of yours, "
                "whose mistake counts once."
            )
    payload = summarize(verdict, library=oracle.__name__, seed=shown, grading=grading)
    if note:
        payload["note"] = note
    carried_forward.passed[name] = payload["points"] == payload["max_points"]
    return payload if worth is None or not grading else share_of(payload, worth)


def grading_seed(secret: str, name: str) -> int:
    """One seed for an exercise of a student, for whom ``secret`` stands: a second run gives the same grade."""
    return int.from_bytes(hashlib.sha256(f"{secret}/{name}".encode()).digest()[:4], "big")


def _problem(name: str, text: str) -> dict[str, Any]:
    return {
        "exercise": name,
        "points": 0.0,
        "max_points": 0.0,
        "parts": [],
        "misconceptions": [],
        "problem": text,
    }


def _present(payload: dict[str, Any]) -> Score:
    try:
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
    except ImportError:
        shell = None
    if not (hasattr(shell, "kernel") or hasattr(shell, "shows_outputs")):
        print(to_text(payload))
        return Score(payload)
    from IPython.display import display

    display(
        {"text/html": to_html(payload), "text/plain": to_text(payload), MIME: payload},
        raw=True,
    )
    return Score(payload)
