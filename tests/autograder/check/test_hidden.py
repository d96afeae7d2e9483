"""Cases that grading draws stay hidden, whatever an answer does with them: no number of theirs comes back on a card."""

from __future__ import annotations

import inspect
import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from autograder.check import card
from autograder.check.instant import evaluate, grading_seed
from autograder.check.judge import judge
from autograder.exercises import catalog, oracle


def secret(args) -> float | None:
    """A number of the input that nobody guesses."""
    for value in args:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
            return float(np.abs(value).ravel()[0])
        if isinstance(value, float):
            return abs(value)
        if isinstance(value, list | tuple) and (found := secret(value)) is not None:
            return found
    return None


def digits(number: float) -> str:
    """Seven digits of it, as an answer would smuggle them out."""
    return f"{int(abs(number) * 1e6) % 10**7:07d}"


def raises(text, n):
    raise ValueError(text)


def raises_a_class(text, n):
    raise type(f"E{text}", (ValueError,), {})("x")


def warns(text, n):
    warnings.warn(text, stacklevel=1)
    return 0.0


CHANNELS = {
    "text of an exception": raises,
    "class of an exception": raises_a_class,
    "class of a result": lambda text, n: type(f"T{text}", (), {})(),
    "a class": lambda text, n: type(f"T{text}", (), {}),
    "name of a function": lambda text, n: exec(f"def f{text}(): pass") or text,
    "shape": lambda text, n: np.zeros((0, *map(int, text))),
    "one size": lambda text, n: np.zeros(int(text)),
    "dtype": lambda text, n: np.zeros(3, [(f"f{text}", float)]),
    "length of a text": lambda text, n: np.array(["x" * int(text[:4])]),
    "a value": lambda text, n: float(text),
    "a text": lambda text, n: text,
    "number of results": lambda text, n: (0.0,) * int(text[:5]),
    "warning": warns,
    "keys": lambda text, n: {text: text},
}
EXERCISES = [
    e
    for lesson in catalog.lessons()
    for e in lesson.exercises
    if inspect.isfunction(e.right_answer) and any(part.draw for part in e.parts)
]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_no_number_of_a_hidden_case_comes_back(exercise):
    hidden = replace(
        exercise, parts=[replace(p, examples=(), draws=1) for p in exercise.parts if p.draw][:1]
    )
    library = oracle.load_library("dlcore")
    for name, leak in CHANNELS.items():
        said: list[str] = []

        def answer(*args, leak=leak, said=said, **kwargs):
            number = secret([*args, *kwargs.values()])
            if number is None or digits(number) == "0000000":
                return None
            said.append(digits(number))
            return leak(said[-1], number)

        verdict = judge(hidden, answer, library, np.random.default_rng(7))
        payload = card.summarize(verdict, library="dlcore", seed=None, grading=True)
        shown = json.dumps(payload) + card.to_html(payload) + card.to_text(payload)
        for text in said:
            for piece in (text, text[:5], text.lstrip("0"), ", ".join(text), f"{float(text):.6g}"):
                if len(piece) >= 5:
                    assert piece not in shown, (name, piece, payload["failure"])


def test_a_warning_of_a_right_answer_tells_nothing_either(monkeypatch):
    examples = [p.examples for p in catalog.find_exercise("neurons.layer").parts]
    visible = {digits(float(c.args[0].ravel()[0])) for cases in examples for c in cases}
    said = []

    def layer(x, w, b):
        if (text := digits(float(x.ravel()[0]))) not in visible:
            said.append(text)
            warnings.warn(text, stacklevel=1)
        return x @ w.T + b

    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    payload = evaluate("neurons.layer", layer)
    assert payload["points"] == payload["max_points"] and len(said) > 3
    assert not [text for text in said if text in json.dumps(payload)]


def test_an_honest_mistake_is_still_told():
    """Types, shapes and lines that tell nothing of the numbers are named."""
    found = {}
    for name, answer in {
        "shape": lambda x, w, b: (x @ w.T + b)[0],
        "type": lambda x, w, b: None,
        "list": lambda x, w, b: [x],
        "dtype": lambda x, w, b: (x @ w.T + b).astype(int),
        "raises": lambda x, w, b: x @ w + b,
    }.items():
        exercise = catalog.find_exercise("neurons.layer")
        hidden = replace(exercise, parts=[replace(p, examples=()) for p in exercise.parts])
        verdict = judge(hidden, answer, oracle.load_library("dlcore"), np.random.default_rng(0))
        payload = card.summarize(verdict, library="dlcore", seed=None, grading=True)
        found[name] = payload["failure"]["message"]
    assert "has shape (" in found["shape"] and "is None" in found["type"]
    assert "a list" in found["list"] and "int64" in found["dtype"]
    assert found["raises"].startswith("ValueError\n") and "x @ w + b" in found["raises"]


def test_visible_cases_keep_the_text_of_their_exceptions(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")

    def layer(x, w, b):
        raise ValueError("what I wanted to say")

    assert "what I wanted to say" in evaluate("neurons.layer", layer)["failure"]["message"]


def test_each_student_and_exercise_has_cases_of_its_own():
    seeds = {grading_seed(f"class/{s}", e) for s in ("ada", "bob") for e in ("a.b", "a.c")}
    assert len(seeds) == 4
    assert grading_seed("class/ada", "a.b") == grading_seed("class/ada", "a.b")
