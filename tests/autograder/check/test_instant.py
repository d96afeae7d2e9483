"""check: tells the kinds of failure apart, shows a card, never raises, never shouts."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from autograder import check
from autograder.check import card, judge
from autograder.check.instant import evaluate
from autograder.exercises import catalog
from autograder.exercises.exercise import Case, Exercise, Part
from dlcore.scratch import training

NAME = "activations.relu"


def right(x):
    return np.maximum(x, 0)


def not_written(x):
    # YOUR CODE HERE
    raise NotImplementedError()


def raises(x):
    return x @ np.ones((7, 7))


def exits(x):
    raise SystemExit


def needs_more_arguments(x, y):
    return x


def returns_nothing(x):
    np.maximum(x, 0)


def returns_a_list(x):
    return list(np.ravel(right(x)))


def returns_text(x):
    return "relu"


def returns_objects(x):
    return right(x).astype(object)


def returns_nones(x):
    return np.full(np.shape(x), None)


def returns_a_subclass(x):
    return right(x).view(np.matrix) if x.ndim == 2 else np.ma.array(right(x))


def flattens(x):
    return right(x).ravel()[:2]


def returns_integers(x):
    return right(x).astype(int)


def loses_precision(x):
    return right(x).astype(np.float32)


def returns_nan(x):
    return np.where(x > 0, x, np.nan)


def returns_inf(x):
    return np.where(x > 0, x, -np.inf)


def mutates(x):
    y = right(x)
    x *= 2
    return y


calls = iter(range(10**9))


def drifts(x):
    return right(x) + next(calls)


def wrong_value(x):
    return 3 * right(x)


def hangs(x):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def uses_torch(x):
    import torch

    return torch.relu(torch.tensor(x)).numpy()


def uses_the_twin(x):
    from dlcore.activations import relu_forward

    return relu_forward(x)


def uses_the_tensor_op(x):
    import dlcore

    return dlcore.relu(dlcore.tensor(x)).data


KINDS = [
    (right, "right"),
    (not_written, "not written yet"),
    (raises, "raised an error"),
    (exits, "raised an error"),
    (needs_more_arguments, "raised an error"),
    (returns_nothing, "wrong type"),
    (returns_a_list, "wrong type"),
    (returns_text, "wrong type"),
    (returns_objects, "wrong dtype"),
    (returns_nones, "wrong dtype"),
    (returns_a_subclass, "wrong type"),
    (flattens, "wrong shape"),
    (returns_integers, "wrong dtype"),
    (loses_precision, "wrong dtype"),
    (returns_nan, "not finite"),
    (returns_inf, "not finite"),
    (mutates, "changed its input"),
    (drifts, "different every time"),
    (wrong_value, "wrong value"),
    (uses_torch, "forbidden"),
    (uses_the_twin, "forbidden"),
    (uses_the_tensor_op, "forbidden"),
    (np.ones(3), "wrong type"),
]


@pytest.mark.parametrize(("student", "kind"), KINDS, ids=lambda v: getattr(v, "__name__", str(v)))
def test_kinds_of_failure_are_told_apart(student, kind):
    payload = evaluate(NAME, student)
    assert payload.get("failure", {}).get("kind", "right") == kind
    assert (payload["points"] == payload["max_points"]) == (kind == "right")
    json.dumps(payload)
    for text in (card.to_text(payload), card.to_html(payload)):
        assert kind in text or kind == "right"


def test_what_stands_in_an_array_of_objects_is_said():
    said = {f: evaluate(NAME, f)["failure"]["message"] for f in (returns_nones, returns_objects)}
    assert "contains None; expected numbers" in said[returns_nones]
    assert "has dtype object; expected numbers" in said[returns_objects]


@pytest.mark.parametrize(
    "change",
    [
        lambda x, scale, by_name, words, shift: x.__setitem__(0, 9.0),
        lambda x, scale, by_name, words, shift: scale[1].__setitem__(0, 9.0),
        lambda x, scale, by_name, words, shift: by_name["w"].__setitem__(0, 9.0),
        lambda x, scale, by_name, words, shift: by_name.pop("w"),
        lambda x, scale, by_name, words, shift: words.__setitem__(0, "z"),
        lambda x, scale, by_name, words, shift: shift.__setitem__(0, 9.0),
        None,
    ],
)
def test_a_change_is_seen_wherever_the_array_is_kept(change):
    arrays = np.ones(2), [np.ones(2), np.ones(2)], {"w": np.ones(2)}, np.array(["a", "b"])
    case = Case(*arrays, shift=np.ones(2))
    exercise = Exercise("activations.sums", NAME, [Part("all", 1, [case])], lambda *_, **__: 2.0)

    def student(x, scale, by_name, words, shift):
        if change is not None:
            change(x, scale, by_name, words, shift)
        return 2.0

    verdict = judge.judge(exercise, student, np, np.random.default_rng(0))
    failure = verdict.first_failure
    assert (failure and str(failure.failure[2].kind)) == (change and "changed its input")


def test_too_slow_is_stopped_and_said(monkeypatch):
    exercise = catalog.find_exercise(NAME)
    monkeypatch.setattr(Part, "seconds", 0.3)
    for part in exercise.parts:
        monkeypatch.setitem(part.__dict__, "seconds", 0.3)
    start = time.perf_counter()
    payload = evaluate(NAME, hangs)
    assert payload["failure"]["kind"] == "too slow"
    # one call was stopped, the others were not even tried
    assert time.perf_counter() - start < 20
    assert payload["parts"][1]["kind"] == "not run"


def test_a_bare_except_does_not_outlive_the_clock(monkeypatch):
    """The alarm rings again after a student's code has swallowed it once."""

    def swallows_once(x):
        try:
            while True:
                pass
        except BaseException:
            end = time.monotonic() + 3
            while time.monotonic() < end:
                pass
        return right(x)

    exercise = catalog.find_exercise(NAME)
    monkeypatch.setattr(Part, "seconds", 0.3)
    for part in exercise.parts:
        monkeypatch.setitem(part.__dict__, "seconds", 0.3)
    assert evaluate(NAME, swallows_once).get("failure", {}).get("kind") == "too slow"


def test_a_global_module_is_found_out_too():
    scope = {"np": np}
    exec("import torch as t\ndef relu(x):\n    return t.relu(t.tensor(x)).numpy()", scope)
    assert evaluate(NAME, scope["relu"])["failure"]["kind"] == "forbidden"
    exec(
        "def helper(x):\n    return t.relu(t.tensor(x))\ndef relu(x):\n    return helper(x).numpy()",
        scope,
    )
    assert evaluate(NAME, scope["relu"])["failure"]["kind"] == "forbidden"


def test_the_students_own_line_is_shown_and_not_ours(tmp_path):
    path = tmp_path / "work.py"
    path.write_text("import numpy as np\ndef relu(x):\n    y = x + undefined_name\n    return y\n")
    scope = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    message = evaluate(NAME, scope["relu"])["failure"]["message"]
    assert "NameError" in message and "y = x + undefined_name" in message and "line 3" in message
    assert "judge" not in message and "exercise.py" not in message


def test_repr_is_the_float_that_nbgrader_reads(capsys):
    score = check(NAME, right)
    assert repr(score) == "2.0" and float(score) == 2.0
    assert repr(check("neurons.layer", lambda x, w, b: x @ w.T)) == "0.0"
    capsys.readouterr()


def test_partial_credit_by_part():
    def only_the_last_axis(x, axis=-1):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    payload = evaluate("activations.softmax", only_the_last_axis)
    assert [part["points"] for part in payload["parts"]] == [1, 0, 1]
    assert payload["points"] == 2 and payload["max_points"] == 3


def test_the_card_in_plain_text_tells_everything(capsys):
    check("activations.softmax", lambda x, axis=-1: np.exp(x) / np.exp(x).sum(axis, keepdims=True))
    text = capsys.readouterr().out
    for words in (
        "2 of 3 points",
        "scores in the thousands",
        "not finite",
        "x ",
        "expected",
        "got",
        "Hint:",
    ):
        assert words in text, words
    assert "shape (1, 3), float64" in text


def test_arrays_of_many_axes_do_not_fill_the_screen():
    for shape in ((3, 4, 2, 3), (3, 4, 5), (40, 40), (2, 2, 2, 2)):
        shown = card.show(np.random.default_rng(0).standard_normal(shape))
        assert len(shown.splitlines()) <= 12 and "\n\n" not in shown, shown


@pytest.mark.parametrize("grading", [False, True])
def test_a_secret_answer_is_on_no_card(monkeypatch, capsys, grading):
    """One of a few answers: who is told it once does not look for it."""
    if grading:
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    answers = {script: training.wrong_line(script) for script in "ABCDE"}
    for first in answers:
        payload = evaluate(
            "training.wrong_line",
            lambda script, first=first: answers[script] if script < first else 77,
        )
        failure = payload["failure"]
        told = json.dumps(failure)
        assert failure["message"] == "That is not it." and first in told and "77" in told
        assert "expected" not in failure
        assert not re.search(rf"\b{answers[first]}\b", told), first
    check("training.wrong_line", lambda script: 77)
    text = capsys.readouterr().out
    assert "That is not it." in text and "expected" not in text


def test_hard_coded_answers_fail():
    table = {}

    def memorized(x):
        return table.get(x.tobytes(), np.zeros_like(x))

    for part in catalog.find_exercise(NAME).parts:
        for case in part.examples:
            table[case.args[0].tobytes()] = right(case.args[0])
    payload = evaluate(NAME, memorized)
    assert payload["parts"][0]["kind"] == "right" and payload["parts"][1]["kind"] == "wrong value"


def test_cases_are_drawn_afresh_and_a_seed_repeats_them():
    seen = []

    def spy(x):
        seen.append(x.copy())
        return right(x)

    for seed in (None, None, 7, 7):
        evaluate(NAME, spy, seed)
    runs = np.array_split(np.arange(len(seen)), 4)
    a, b, c, d = ([seen[i].tobytes() for i in run] for run in runs)
    assert a != b and c == d


def test_never_raises_and_never_writes_to_stderr(capfd):
    def shouts(x):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        warnings.warn("a warning", stacklevel=1)
        return right(x)

    score = check(NAME, shouts)
    assert float(score) == 2.0
    for bad in (None, 3, "text", object()):
        assert float(check(NAME, bad)) == 0.0
    assert float(check("no.such", right)) == 0.0
    captured = capfd.readouterr()
    assert captured.err == "" and "to stdout" not in captured.out
    assert "a warning" in captured.out  # told, and costs nothing


def test_a_wrong_name_is_met_with_the_nearest_right_one(capsys):
    check("activations.sofmax", right)
    assert "activations.softmax" in capsys.readouterr().out


def test_a_fault_in_the_check_itself_is_not_blamed_on_the_student(monkeypatch, capsys):
    monkeypatch.setattr(catalog, "find_exercise", lambda name: 1 / 0)
    assert float(check(NAME, right)) == 0.0
    assert "not your mistake" in capsys.readouterr().out


def test_html_escapes_what_the_student_wrote():
    def evil(x):
        raise ValueError("<script>alert(1)</script>")

    html = card.to_html(evaluate(NAME, evil))
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_when_grading_drawn_inputs_are_not_shown(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")

    def right_only_for_vectors(x):
        return right(x) if x.ndim == 1 else right(x) + 1

    payload = evaluate(NAME, right_only_for_vectors)
    assert payload["oracle"] == "torch" and payload["seed"] is None
    failure = payload["failure"]
    assert failure["part"] == "arrays of any shape"
    assert "expected" not in failure and "got" not in failure
    assert all("shape" in text and "[" not in text for _, text in failure["input"])


def test_when_grading_everybody_gets_the_same_cases(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    seen = {}

    def spy(key):
        return lambda x: (seen.setdefault(key, []).append(x.tobytes()), right(x))[1]

    for key, secret in (("a", "one"), ("b", "one"), ("c", "two")):
        monkeypatch.setenv("DLCOURSE_SEED", secret)
        evaluate(NAME, spy(key))
    assert seen["a"] == seen["b"] != seen["c"]


def test_a_check_in_a_notebook_does_not_import_torch():
    code = (
        "import sys, numpy as np; from autograder import check\n"
        "check('activations.relu', lambda x: np.maximum(x, 0))\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "matplotlib", "sklearn", "nbgrader"} & set(done.stdout.split())


def test_a_learner_does_not_wait_for_slow_wrong_implementations(monkeypatch):
    """Those are tried on large data only if the student's own answer was too slow there."""
    exercise = catalog.find_exercise("neurons.layer")
    tried = []

    def slow(x, w, b):
        tried.append(len(x))
        return x @ w.T + b

    loops = next(m for m in exercise.misconceptions if m.name == "loops_over_everything")
    monkeypatch.setitem(loops.__dict__, "wrong", slow)
    payload = evaluate("neurons.layer", lambda x, w, b: (x @ w.T + b) * 1.5)
    assert payload["points"] == 0 and payload["misconceptions"] == []
    assert tried and max(tried) < 100


def test_a_wrong_first_check_in_a_kernel_imports_no_more_than_a_right_one():
    """It looks at the notebook's history, and needs neither jupytext nor the checks of other lessons for that."""
    loaded = {}
    for kind, body in ("right", "np.maximum(x, 0)"), ("wrong", "np.minimum(x, 0)"):
        cell = new_code_cell(
            "import sys\nimport numpy as np\nfrom autograder import check\n"
            f"points = float(check({NAME!r}, lambda x: {body}))\n"
            "print(points, *sorted(sys.modules))"
        )
        nb = new_notebook(cells=[cell])
        NotebookClient(nb, kernel_name="python3").execute()
        points, *modules = nb.cells[0].outputs[-1].text.split()
        assert (float(points) > 0) == (kind == "right")
        loaded[kind] = set(modules)
    beyond = {
        name for name in loaded["wrong"] - loaded["right"] if not name.startswith("encodings")
    }
    assert {n for n in beyond if not n.startswith("dlcore.scratch")} <= sys.stdlib_module_names


OUT_OF_MEMORY = """
import numpy as np
from autograder.check.limits import memory_limit

x = np.ones((300, 300))
try:
    with memory_limit(2**20):
        x @ x
        np.linalg.inv(x + np.eye(300))
except MemoryError:
    pass
print("alive")
"""


def test_a_product_where_memory_ends_does_not_end_the_process():
    """OpenBLAS ends it where it cannot have its buffers."""
    done = subprocess.run([sys.executable, "-c", OUT_OF_MEMORY], capture_output=True, text=True)
    assert done.stdout == "alive\n", done.stderr
