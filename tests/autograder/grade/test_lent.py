"""A right answer that is lent to a student runs in a process of its own: what they ask of it cannot hold up the grader."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import nbformat
import numpy as np
import pytest

from autograder import classroom, demo
from autograder.check.limits import TimeUp
from autograder.classroom import Classroom
from autograder.exercises import catalog
from autograder.grade import assignment as assignments
from autograder.grade import work
from autograder.grade.work import Item
from autograder.sandbox.client import Zygote
from autograder.sandbox.session import Session
from tests.autograder.conftest import alive, needs

pytestmark = needs("bubblewrap")

WRONG = "def train_perceptron(x, y, epochs=10, lr=1.0):\n    return x[0] * 0, 0.0"
GREEDY = {
    "epochs without end": "train_perceptron(np.array([[1., 1.], [1., 1.]]), np.array([1, 0]), 10**15)",
    "rows without end": "train_perceptron(np.ones((10**6, 2)), np.ones(10**6, int), 10**9)",
    "memory without end": "train_perceptron(np.ones((10**6, 4)), np.array([0, 1] * 500_000), 10**12)",
    "numbers without end": "train_perceptron(np.ones((2, 2)), np.array([0, 1]), 10**3000)",
    "again and again": "[train_perceptron(np.ones((2, 2)), np.array([0, 1]), 100) for _ in range(10**9)]",
}


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    root = tmp_path_factory.mktemp("lent") / "class"
    classroom.init(root, [catalog.find_lesson("1")], seed="lent")
    a = assignments.of_class(Classroom(root), "01-neurons")
    return replace(a, settings=replace(a.settings, timeout=4.0, budget=20.0))


def submission(**answers: str) -> bytes:
    lesson = catalog.find_lesson("1")
    right = dict(demo.perfect(lesson).answers) | answers
    return nbformat.v4.writes(demo.answered(lesson, right)).encode()


@pytest.mark.parametrize("what", GREEDY)
def test_greed_costs_the_greedy(lesson, what):
    greedy = f"def xor_network():\n    {GREEDY[what]}\n    return 1"
    began = time.monotonic()
    items = [
        Item("mallory", submission(train_perceptron=WRONG, xor_network=greedy)),
        Item("ada", submission()),
    ]
    mallory, ada = work.grade_chunk(lesson, "bubblewrap", {}, items)
    assert time.monotonic() - began < 2 * lesson.settings.budget
    assert not mallory.problem and mallory.scores["xor_network"] == 0, mallory
    assert mallory.scores["layer"] > 0
    assert sum(v or 0 for v in ada.scores.values()) == sum(e.points for e in catalog.find_lesson("1").exercises)  # fmt: skip
    assert not alive("zombie")


def test_what_is_lent_may_call_back_and_the_right_one_stays_out_of_reach():
    zygote = Zygote("bubblewrap", imports=["numpy"], twins=[], withheld=[], lesson="01")
    code = """\
class V:
    def __init__(self, n): self.n = n
    def __mul__(self, k): return V(self.n * k)
def f(x): return x * 10
def student(x): return mean([x, x + 2]), apply(f, x), apply(V(3), 2).n if x else 0, seen()
def fails(): return apply(fails, 1) if 0 else apply(f, None)
def seen(): return [type(mean).__name__, [n for n in dir(mean) if 'code' in n or 'globals' in n or 'closure' in n]]
"""
    session = Session(zygote, timeout=20, classes=frozenset({"V"}))
    session.open_classes = {"V"}
    try:
        assert session.run(0, code) == []
        called = []
        functions = {
            "mean": lambda xs: sum(xs) / len(xs),
            "apply": lambda g, x: g(x) if callable(g) else g * x,
        }
        found = session.names(["student", "fails", "V"])
        session.lend(functions, called.append)
        assert found["student"](1) == (2.0, 10, 6, ["Callback", []])
        assert called == ["mean", "apply", "apply"]
        with pytest.raises(TypeError):
            found["fails"]()
        assert found["student"](0)[0] == 1.0  # it goes on after an error
        pid = session.helper.pid
        session.lend({})
        with pytest.raises(NameError):
            found["student"](1)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    finally:
        session.close()
        zygote.close()


NESTED = """\
class V:
    def __init__(self, n): self.n = n
def deep(n): return n if n < 1 else twice(deep, n - 1)
def wants(n): return big(n)
def after(): return twice(lambda n: n + 1, 1)
def stuck(n): return twice(hang, n)
def hang(n):
    while True: pass
def odd(n): return twice(lambda n: V(n), n)
def fails(n): return twice(lambda n: 1 / 0, n)
"""


def test_calls_within_calls_greed_and_errors_leave_the_helper_usable():
    zygote = Zygote("bubblewrap", imports=["numpy"], twins=[], withheld=[], lesson="01")
    zygote.limits = replace(zygote.limits, memory=300 * 2**20)
    session = Session(zygote, timeout=3)
    functions = {
        "twice": lambda f, n: [f(n), f(n)][1],
        "big": lambda n: float(np.ones(n).sum()),
    }
    try:
        assert session.run(0, NESTED) == []
        student = session.names(["deep", "wants", "after", "stuck", "odd", "fails"])
        session.lend(functions)
        assert student["deep"](4) == 0 and student["after"]() == 2
        assert student["wants"](1000) == 1000
        with pytest.raises(MemoryError):
            student["wants"](10**8)  # 800 MB
        with pytest.raises(ZeroDivisionError):
            student["fails"](1)
        assert student["odd"](3).n == 3
        assert student["after"]() == 2 and student["deep"](3) == 0
        with pytest.raises(TimeUp):
            student["stuck"](1)
    finally:
        session.close()
        zygote.close()
