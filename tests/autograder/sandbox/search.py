"""Look for an answer among everything that the sandbox of a lesson has: each callable, in every way it may fit.

``python -m tests.autograder.sandbox.search 3 7`` prints what it finds for lessons 3 and 7; with ``3+``, in the whole library.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import itertools
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import dlcore
from autograder.check.compare import run_case
from autograder.check.judge import expect, judge
from autograder.check.verdict import Kind
from autograder.exercises import allowed, catalog
from autograder.exercises.exercise import Exercise
from autograder.sandbox import stubs
from tests.conftest import assignment

SECONDS = 0.5  # what a call may take


def library(twins: list[str], name: str, folder: Path) -> None:
    """The sandbox's dlcore under a name of its own, so that both can be loaded here."""
    stubs.build(folder / "sandbox", twins, "00", [])
    for path in (folder / "sandbox" / "dlcore").rglob("*.py"):
        text = re.sub(r"\bdlcore\b", name, path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
    (folder / "sandbox" / "dlcore").rename(folder / name)


def callables(package: str) -> dict[str, Any]:
    """Every callable in every module of a package, of classes their methods too."""
    home = Path(str(importlib.import_module(package).__file__)).parent
    found: dict[int, tuple[str, Any]] = {}
    for path in sorted(home.rglob("*.py")):
        parts = path.relative_to(home.parent).with_suffix("").parts
        module_name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            module = importlib.import_module(module_name)
        except Exception:
            continue
        for name, thing in list(vars(module).items()):
            if not callable(thing) or not str(getattr(thing, "__module__", "")).startswith(package):
                continue
            found.setdefault(id(thing), (f"{module_name}.{name}", thing))
            if isinstance(thing, type):
                for method, inner in vars(thing).items():
                    inner = getattr(thing, method, inner)
                    if callable(inner) and method != "__class__":
                        found.setdefault(id(inner), (f"{module_name}.{name}.{method}", inner))
    return dict(found.values())


def _numbers(thing: Any, tensor: type) -> Any:
    """Tensors as arrays, inside of tuples and dictionaries too."""
    if isinstance(thing, tensor):
        return thing.numpy() if hasattr(thing, "numpy") else thing.data
    if isinstance(thing, tuple | list):
        inner = [_numbers(x, tensor) for x in thing]
        return inner if isinstance(thing, list) else tuple(inner)
    if isinstance(thing, dict):
        return {key: _numbers(value, tensor) for key, value in thing.items()}
    return thing


def ways(
    f: Any, twin: Callable[..., Any], tensor: type
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """``f`` as an answer that is called as ``twin``: as it is, on Tensors, in other orders, an instance first."""
    signature = inspect.signature(twin)

    def adapted(f: Any, order: tuple[int, ...], wrapped: bool) -> Callable[..., Any]:
        def answer(*args: Any, **options: Any) -> Any:
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            everything = list(bound.arguments.values())
            given = [everything[i] for i in order]
            if wrapped:
                arrays = (np.ndarray, np.floating)
                given = [tensor(x) if isinstance(x, arrays) else x for x in given]
            return _numbers(f(*given), tensor)

        return answer

    yield "as it is", f
    things = {"": f}
    if isinstance(f, type):
        with contextlib.suppress(Exception):
            things["an instance, "] = f()
    for kind, thing in things.items():
        for order, wrapped in itertools.product(_orders(thing, signature), (False, True)):
            yield f"{kind}{order}{' of Tensors' * wrapped}", adapted(thing, order, wrapped)


def _orders(f: Any, called: inspect.Signature) -> list[tuple[int, ...]]:
    """Which of the arguments it may be given, and in which order."""
    parameters = list(called.parameters.values())
    everything = tuple(range(len(parameters)))
    needed = everything[: sum(p.default is p.empty for p in parameters)]
    orders = list(itertools.permutations(needed)) if len(needed) <= 3 else [needed, needed[::-1]]
    orders += [everything[:n] for n in range(1, len(everything) + 1) if n != len(needed)]
    try:
        signature = inspect.signature(f)
    except (ValueError, TypeError):
        return orders
    found = []
    for order in orders:
        with contextlib.suppress(TypeError):
            signature.bind(*order)
            found.append(order)
    return found


def search(
    lesson: catalog.Lesson, *, everything: bool = False
) -> Iterator[tuple[str, str, str, float]]:
    """(exercise, callable, way, points) for what gets any points; of ``everything``, in the whole library."""
    a = assignment(lesson)
    held = f"held_{lesson.number:02d}_{everything}".lower()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        sys.path.insert(0, folder)
        library([] if everything else a.twins, held, Path(folder))
        things = callables(held)
        tensor = importlib.import_module(f"{held}.tensor").Tensor
        for e in a.exercises:
            yield from _found(e, things, tensor)
            plt.close("all")
        sys.path.remove(folder)


def _found(
    e: Exercise, things: dict[str, Any], tensor: type
) -> Iterator[tuple[str, str, str, float]]:
    rng = np.random.default_rng(0)
    cases = [(case, expect(e, case, dlcore)) for part in e.parts for case in part.cases(rng)[-1:]]

    def fits(answer: Callable[..., Any]) -> bool:
        for case, wanted in cases:
            outcome = run_case(e, answer, case, wanted, SECONDS)
            if outcome.right:
                return True
            if outcome.kind is Kind.RAISED and outcome.got in ("TypeError", "RuntimeError"):
                return False  # it takes no such arguments, or it is not there
        return False

    for name, thing in things.items():
        for way, answer in ways(thing, e.right_answer, tensor):
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                if not fits(answer):
                    continue
                points = judge(e, answer, dlcore, np.random.default_rng(1)).points
            if points:
                yield e.name, name, way, points


if __name__ == "__main__":
    for package in allowed.PACKAGES:  # as in the sandbox
        if package not in sys.modules:
            sys.modules[package] = None  # type: ignore[assignment]
    for word in sys.argv[1:]:
        lesson = catalog.find_lesson(word.strip("+"))
        assert lesson, word
        for found in search(lesson, everything=word.endswith("+")):
            print(*found, sep=" | ", flush=True)
    sys.stdout.flush()
    os._exit(0)  # what has been called here may not leave Python fit to end
