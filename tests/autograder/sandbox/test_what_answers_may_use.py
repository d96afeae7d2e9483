"""What an exercise forbids is not there: nothing that a lesson's sandbox has is an answer."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.exercises import allowed, catalog
from autograder.grade import remarks
from autograder.sandbox import tiers
from autograder.sandbox.client import Zygote
from autograder.sandbox.session import Session
from tests.autograder.conftest import needs
from tests.conftest import ROOT, assignment, one

LESSONS = catalog.lessons()


def search(word: str) -> list[list[str]]:
    command = [sys.executable, "-m", "tests.autograder.sandbox.search", word]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    return [line.split(" | ") for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("lesson", one(LESSONS), ids=lambda x: x.slug)
def test_no_callable_of_the_library_is_an_answer(lesson):
    """Each callable as the answer to each exercise, with Tensors, other orders of arguments, fewer of them."""
    assert search(str(lesson.number)) == []


@pytest.mark.slow
def test_the_search_finds_what_is_there():
    """In the whole library: every twin, the library's own function, and one that takes Tensors."""
    found = search("3+")
    names = {row[0]: {r[1].partition(".")[2] for r in found if r[0] == row[0]} for row in found}
    for exercise in catalog.find_lesson("3").exercises:
        assert exercise.twin.partition(".")[2] in names[exercise.name], exercise.name
    assert {"functional.cross_entropy", "nn.CrossEntropyLoss"} <= names["losses.cross_entropy"]
    assert {"activations.logsumexp"} <= names["losses.logsumexp"]
    assert any(way.endswith("of Tensors") for _, _, way, _ in found)


@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in tiers.TIERS[:2]])
def test_packages_that_would_do_the_work_are_not_there(tier):
    """However they are looked for."""
    a = assignment(LESSONS[6])  # training, whose own cells import scikit-learn
    here = [name for name in allowed.PACKAGES if importlib.util.find_spec(name)]
    assert {"torch", "scipy", "sklearn", "pandas"} <= {*here} and {*here} <= {*a.withheld}
    zygote = Zygote(tier, imports=a.imports, twins=a.twins, withheld=a.withheld, lesson="07")
    others = [str(next(f.rglob("*.py"), "/nowhere")) for f in tiers.elsewhere()]
    code = f"""
import glob, importlib, importlib.util, sys
found = {{}}
places = [*sys.path, *glob.glob(sys.base_prefix + "/lib*/python3*/*-packages"), *glob.glob("/usr/lib*/python3*/*-packages")]
def can(path):
    try:
        return bool(open(path, "rb").read(1))
    except OSError:
        return False
def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
for name in {here}:
    ways = [lambda: importlib.import_module(name)]
    ways += [lambda p=p: load(name, f"{{p}}/{{name}}/__init__.py") for p in places]
    for way in ways:
        try:
            module = way()
            if "Not here while" not in module.__doc__:
                found[name] = True
        except (ImportError, OSError):
            pass
    inside = [p for folder in places for p in glob.glob(f"{{folder}}/{{name}}/**/*.so", recursive=True) if can(p)]
    if inside:
        found[name + " compiled"] = inside
found |= {{path: True for path in {others} if can(path)}}  # of the Python that the environment was made with
import babel, colorsys, wave, matplotlib.pyplot  # what is loaded late is found
data = importlib.import_module("dlcore.data").digits().x.shape  # what the lesson needs is
"""
    try:
        session = Session(zygote, timeout=60)
        assert session.run(0, code) == []
        names = session.names(["found", "data"])
        assert names["found"] == {} and tuple(names["data"]) == (1797, 64)
        session.close()
    finally:
        zygote.close()


def test_every_module_of_the_library_is_allowed_or_has_its_lesson():
    """Else nobody has decided who may use it."""
    from autograder.exercises.allowed import ALWAYS, _built

    inner = {name for name, lesson in _built().items() if not lesson}
    parts = ("arrays", "blocks", "normal", "sliding", "sums", "winograd")
    assert inner == {f"dlcore.backend.{name}" for name in parts}
    assert all(allowed.is_module(f"dlcore.{name}") for name in ALWAYS)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda x: x.slug)
def test_what_a_lesson_imports_is_there_and_what_it_asks_for_is_not(lesson):
    a = assignment(lesson)
    asked = {name for e in lesson.exercises for name in e.forbidden}
    assert {*a.modules} & {*a.twins} <= asked
    for exercise in lesson.exercises:
        assert exercise.twin.rpartition(".")[0] in a.twins
        # what the check in a notebook refuses is what is missing when grading
        refused = {n for n in exercise.banned if n.startswith("dlcore.")}
        assert refused - {*a.twins} <= allowed.needed(a.modules, a.twins) | {*a.modules}


HIDDEN = "box = [np.logaddexp]\n\ndef logsumexp(x, axis=-1):\n    return box[0].reduce(x, axis)"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (HIDDEN, True),
        (HIDDEN.replace("np.logaddexp", "getattr(np, 'logaddexp')"), True),
        ("from numpy import logaddexp as f", True),
        ("def bce_with_logits(x, t):\n    return np.mean(np.logaddexp(0, x) - t * x)", False),
        ("def logsumexp(x, axis=-1):\n    return np.log(np.exp(x).sum(axis))", False),
    ],
)
def test_what_numpy_has_and_an_exercise_forbids_is_remarked(source, told):
    """NumPy has to be there: another exercise of the lesson asks for this very function."""
    nb = new_notebook(cells=[new_code_cell(source)])
    found = list(remarks.remarks(nb, assignment(catalog.find_lesson("losses"))))
    assert any("losses.logsumexp forbids" in remark["detail"] for remark in found) == told, found
