"""Look for an answer among everything that the sandbox of a lesson has: each callable, in every way it may fit.

``python -m tests.autograder.sandbox.search 3 7`` prints what it finds for lessons 3 and 7.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import itertools
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import dlcore
from autograder.author import build
from autograder.check.compare import run_case
from autograder.check.judge import expect, judge
from autograder.exercises import catalog
from autograder.grade.assignment import Assignment, CodeCell, Settings
from autograder.sandbox import stubs

SECONDS = 0.5  # what a call may take


def assignment(lesson: catalog.Lesson) -> Assignment:
    """As grading reads it from the gradebook."""
    code = []
    for cell in build.source_notebook(lesson).cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code":
            solution, grade = bool(about.get("solution")), bool(about.get("grade"))
            code.append(CodeCell(cell.source, "", solution, grade and not solution))
    return Assignment(lesson.slug, lesson.slug, [], code, Settings())


def library(a: Assignment, name: str, folder: Path) -> str:
    """The sandbox's dlcore under a name of its own, so that both can be loaded here."""
    stubs.build(folder / "sandbox", a.twins, "00", [])
    for path in (folder / "sandbox" / "dlcore").rglob("*.py"):
        text = re.sub(r"\bdlcore\b", name, path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
    (folder / "sandbox" / "dlcore").rename(folder / name)
    return name


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
        return (
            type(thing)(_numbers(x, tensor) for x in thing)
            if type(thing) in (tuple, list)
            else tuple(_numbers(x, tensor) for x in thing)
        )
    if isinstance(thing, dict):
        return {key: _numbers(value, tensor) for key, value in thing.items()}
    return thing


def ways(f: Callable[..., Any], many: int, tensor: type) -> Iterator[tuple[str, Any]]:
    """``f`` as an answer with ``many`` arguments: as it is, or with Tensors, other orders, an instance first."""
    orders = (
        list(itertools.permutations(range(many)))
        if many <= 3
        else [tuple(range(many)), tuple(reversed(range(many)))]
    )
    orders += [tuple(range(n)) for n in range(1, many)]
    with contextlib.suppress(ValueError, TypeError):
        signature = inspect.signature(f)
        orders = [o for o in orders if _binds(signature, len(o))]
    yield "as it is", f
    for order, wrapped in itertools.product(orders, (False, True)):

        def answer(
            *args: Any, order: tuple[int, ...] = order, wrapped: bool = wrapped, **options: Any
        ) -> Any:
            given = [args[i] for i in order] if max(order) < len(args) else list(args)
            if wrapped:
                given = [
                    tensor(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
                    for x in given
                ]
            return _numbers(f(*given, **options), tensor)

        yield f"{order}{' of Tensors' * wrapped}", answer
    if isinstance(f, type):
        with contextlib.suppress(Exception):
            made = f()
            if callable(made):
                yield (
                    "an instance",
                    lambda *args, **options: _numbers(made(*args, **options), tensor),
                )
                yield (
                    "an instance, of Tensors",
                    lambda *args, **options: _numbers(
                        made(
                            *[
                                tensor(x)
                                if isinstance(x, np.ndarray) and x.dtype.kind == "f"
                                else x
                                for x in args
                            ],
                            **options,
                        ),
                        tensor,
                    ),
                )


def _binds(signature: inspect.Signature, many: int) -> bool:
    try:
        signature.bind(*[None] * many)
    except TypeError:
        return False
    return True


def search(lesson: catalog.Lesson) -> Iterator[tuple[str, str, str, float]]:
    """(exercise, callable, way, points) for what gets any points."""
    a = assignment(lesson)
    held = f"held_{lesson.number:02d}"
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        sys.path.insert(0, folder)
        try:
            library(a, held, Path(folder))
            things = callables(held)
            yield from _tried(a, things, importlib.import_module(f"{held}.tensor").Tensor)
        finally:
            sys.path.remove(folder)
            for name in [n for n in sys.modules if n.split(".")[0] == held]:
                del sys.modules[name]


def _tried(
    a: Assignment, things: dict[str, Any], tensor: type
) -> Iterator[tuple[str, str, str, float]]:
    for e in a.exercises:
        rng = np.random.default_rng(0)
        cases = [
            (part, case, expect(e, case, dlcore))
            for part in e.parts
            for case in part.cases(rng)[-1:]
        ]
        many = len(
            [
                p
                for p in inspect.signature(e.right_answer).parameters.values()
                if p.default is p.empty
            ]
        )
        for name, thing in things.items():
            for way, answer in ways(thing, many, tensor):
                with (
                    warnings.catch_warnings(),
                    contextlib.redirect_stdout(io.StringIO()),
                    np.errstate(all="ignore"),
                ):
                    warnings.simplefilter("ignore")
                    if any(
                        run_case(e, answer, case, wanted, SECONDS).right
                        for part, case, wanted in cases
                    ):
                        points = judge(e, answer, dlcore, np.random.default_rng(1)).points
                        if points:
                            yield e.name, name, way, points
        plt.close("all")


if __name__ == "__main__":
    for word in sys.argv[1:]:
        lesson = catalog.find_lesson(word)
        began = time.monotonic()
        for found in search(lesson):
            print(*found, sep=" | ", flush=True)
        print(f"{lesson.slug}: {time.monotonic() - began:.0f} s", flush=True)
