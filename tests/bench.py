"""How fast is it? `make bench` prints; nothing here asserts, since machines differ and are noisy.

Every figure is a median; whatever is compared ran interleaved in this same run.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder import build, catalogue
from dlcore.explore import EXPLORERS
from tests.conftest import ROOT

console = Console(width=100)
BIN = Path(sys.executable).parent


def seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def interleaved(rounds: int, **acts: Callable[[], object]) -> dict[str, list[float]]:
    """Run the acts in turn, A B C A B C ..., after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in acts}
    for i in range(rounds + 1):
        for name, act in acts.items():
            spent = seconds(act)
            if i:
                times[name].append(spent)
    return times


def start_up() -> None:
    """Whole Python processes that import, or import and check."""
    check = (
        "import numpy as np; from autograder import check; "
        "check('activations.softmax', lambda x, axis=-1: np.exp(x))"
    )
    programs = {
        "import numpy": "import numpy",
        "import dlcore": "import dlcore",
        "a failing check": check,
        "import torch": "import torch",
    }

    def run(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    times = interleaved(7, **{name: run(code) for name, code in programs.items()})
    base = statistics.median(times["import numpy"])
    table = Table("start-up of a process", "median (s)", "over import numpy (s)", box=None)
    for name, found in times.items():
        middle = statistics.median(found)
        table.add_row(name, f"{middle:.3f}", f"{middle - base:+.3f}")
    console.print(table)

    from autograder.check import evaluate

    table = Table("one check, warm", "right (ms)", "wrong, with its hint (ms)", box=None)
    for lesson in catalogue.lessons():
        scope: dict = {}
        exec("import numpy as np", scope)
        for cell in build.source_notebook(lesson).cells:
            if cell.metadata.get("nbgrader", {}).get("solution"):
                exec(cell.source, scope)
        for exercise in lesson.exercises:
            wrong = exercise.misconceptions[0].wrong
            times = interleaved(
                5,
                right=lambda e=exercise, s=scope: evaluate(e.name, s[e.function]),
                wrong=lambda e=exercise, w=wrong: evaluate(e.name, w),
            )
            right_ms, wrong_ms = (1000 * statistics.median(t) for t in times.values())
            table.add_row(exercise.name, f"{right_ms:.1f}", f"{wrong_ms:.1f}")
    console.print(table)


def sliders() -> None:
    """From a key press on a slider to a new picture on the page."""
    from tests.e2e.lab import Browser, Notebook, Server, copy_course

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        console.print("no browser here, so sliders are not measured (apt-get install chromium)")
        return
    table = Table("slider to picture, ms", "median of 30", "fastest", "slowest", box=None)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = Server(copy_course(ROOT / "course", home / "course"), home / "home")
        browser = Browser(program, home / "shots")
        try:
            for lesson in catalogue.lessons():
                notebook = Notebook(server, browser, f"{lesson.slug}/{lesson.slug}.ipynb")
                notebook.run_all()
                page = notebook.page
                page.evaluate(
                    "() => { const img = document.querySelector('.dlcourse-explorer img');"
                    "window.samples = []; let start = null;"
                    "document.addEventListener('keydown', () => start = performance.now(), true);"
                    "img.addEventListener('load', () => { if (start !== null) {"
                    "window.samples.push(performance.now() - start); start = null; } }); }"
                )
                page.locator(".dlcourse-explorer .noUi-handle").first.focus()
                for i in range(31):
                    page.keyboard.press("ArrowRight" if i % 2 else "ArrowLeft")
                    page.wait_for_function("n => window.samples.length === n", arg=i + 1)
                    page.wait_for_timeout(60)
                found = page.evaluate("window.samples")[1:]
                row = statistics.median(found), min(found), max(found)
                table.add_row(lesson.name, *(f"{x:.0f}" for x in row))
        finally:
            browser.stop()
            server.stop()
    assert len(EXPLORERS) == table.row_count
    console.print(table)


if __name__ == "__main__":
    for part in (start_up, sliders):
        part()
        console.print()
