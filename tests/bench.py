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
from typing import Any

import nbformat
from nbclient import NotebookClient
from rich.console import Console
from rich.table import Table

from autograder.author import build
from autograder.exercises import catalog
from dlcore.explore import EXPLORERS

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

    from autograder.check.instant import evaluate

    table = Table("one check, warm", "right (ms)", "wrong, with its hint (ms)", box=None)
    for lesson in catalog.lessons():
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


FIRST = """
import time
import numpy as np
from autograder import check
start = time.process_time()
_ = check({name!r}, {function})
print(time.process_time() - start)
"""


def first_check(rounds: int = 5) -> None:
    """The first check in a fresh kernel: what a wrong answer costs beyond a right one, in CPU seconds."""
    answers = {
        "right": "lambda x, axis=-1: np.exp(x - x.max(axis, keepdims=True))"
        " / np.exp(x - x.max(axis, keepdims=True)).sum(axis, keepdims=True)",
        "wrong": "lambda x, axis=-1: np.exp(x)",
    }
    found: dict[str, list[float]] = {kind: [] for kind in answers}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for _ in range(rounds):
        for kind, function in answers.items():
            cell = nbformat.v4.new_code_cell(
                FIRST.format(name="activations.softmax", function=function)
            )
            nb = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
            NotebookClient(nb).execute()
            found[kind].append(float(nb.cells[0].outputs[-1].text))
    table = Table("first check in a kernel", "median (CPU s)", "fastest", "slowest", box=None)
    for kind, times in found.items():
        row = statistics.median(times), min(times), max(times)
        table.add_row(kind, *(f"{x:.3f}" for x in row))
    console.print(table)
    beyond = statistics.median(found["wrong"]) - statistics.median(found["right"])
    console.print(f"a wrong one beyond a right one: {beyond:+.3f} s (aim 0.2)")


PAGE = """
import io
import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from dlcore import explore

def empty():
    slider, image = widgets.IntSlider(50), widgets.Image(format="png")
    dots = []
    for gray in (0, 255):
        dots.append(io.BytesIO())
        Image.new("L", (1, 1), gray).save(dots[-1], "png")
    def show(_=None):
        image.value = dots[slider.value % 2].getvalue()
    slider.observe(show, "value")
    show()
    return widgets.VBox([slider, image])

def redrawn():
    slider, place = widgets.IntSlider(50), widgets.Output()
    x = np.linspace(-4, 4, 200)
    def show(_=None):
        with place:
            place.clear_output(wait=True)
            figure, axes = plt.subplots(1, 2, figsize=(9.4, 3.5))
            for ax in axes:
                ax.plot(x, np.tanh(x * slider.value / 50))
            plt.show()
    slider.observe(show, "value")
    show()
    return widgets.VBox([slider, place])
"""
WATCH = """(cell) => {
    window.samples = []; window.count = 0; window.start = null; window.last = 0; window.cell = cell;
    if (window.watching) return;
    window.watching = true;
    document.addEventListener('keydown', () => window.start = performance.now(), true);
    document.addEventListener('load', (e) => {
        if (!['IMG', 'CANVAS'].includes(e.target.tagName) || !window.cell.contains(e.target)) return;
        window.count += 1;
        window.last = performance.now();
        if (window.start !== null) window.samples.push(performance.now() - window.start);
        window.start = null;
    }, true);
}"""


def sliders(rounds: int = 3) -> None:
    """From a key press on a slider to a new picture on the page; pictures a second while dragged, and while playing.

    Each explorer stands in a notebook of its own, as in its lesson, beside an empty round trip.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        console.print("no browser here, so sliders are not measured (apt-get install chromium)")
        return
    columns = "slider to picture", "median (ms)", "fastest", "slowest", "a second", "playing"
    table = Table(*columns, "an empty round trip beside it (ms, a second)", box=None)
    for name in ("Output, drawn anew", *EXPLORERS):
        found = _slid(
            program,
            f"explore.{name}()" if name in EXPLORERS else "redrawn()",
            "empty()",
            rounds=rounds,
        )
        (times, rate, played), (empty, its_rate, _) = found
        row = statistics.median(times), min(times), max(times), rate
        beside = f"{statistics.median(empty):.0f}, {its_rate:.0f}"
        table.add_row(name, *(f"{x:.0f}" for x in row), f"{played:.0f}" if played else "", beside)
    console.print(table)


def _slid(program: str, *shown: str, rounds: int) -> list[tuple[list[float], float, float]]:
    """For what each cell shows: the times (ms) from key to picture, and pictures a second; by turns.

    The last number is pictures a second while it plays, 0 where nothing plays.
    """
    from tests.e2e.lab import Browser, Notebook, Server

    cells = [nbformat.v4.new_code_cell(code) for code in (PAGE, *shown)]
    times: list[list[float]] = [[] for _ in shown]
    rates: list[list[float]] = [[] for _ in shown]
    played: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "course").mkdir()
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, home / "course" / "page.ipynb")
        server = Server(home / "course", home / "home")
        browser = Browser(program, home / "shots")
        try:
            opened = Notebook(server, browser, "page.ipynb")
            opened.run_all()
            page = opened.page
            for _ in range(rounds):
                for k in range(len(shown)):
                    cell = page.locator(".jp-CodeCell").nth(k + 1)
                    handle = cell.locator(".noUi-handle:not([disabled])").first
                    handle.scroll_into_view_if_needed()
                    page.evaluate(WATCH, cell.element_handle())
                    handle.focus()
                    for i in range(11):
                        now, most = (
                            float(handle.get_attribute(f"aria-value{what}") or 0)
                            for what in ("now", "max")
                        )
                        page.keyboard.press("ArrowRight" if now < most else "ArrowLeft")
                        page.wait_for_function("n => window.samples.length === n", arg=i + 1)
                        # pictures that follow by themselves are no answers to the next key
                        page.wait_for_function("() => performance.now() - window.last > 150")
                    times[k] += page.evaluate("window.samples")[1:]
                    rates[k].append(_dragged(page, handle))
            played = [
                _played(page, page.locator(".jp-CodeCell").nth(k + 1)) for k in range(len(shown))
            ]
        finally:
            browser.stop()
            server.stop()
    return [
        (found, statistics.median(rate), plays)
        for found, rate, plays in zip(times, rates, played, strict=True)
    ]


STREAM = """async ([handle, ms]) => {
    const start = performance.now();
    window.count = 0;
    const value = (what) => Number(handle.getAttribute('aria-value' + what));
    let key = 'ArrowRight';
    for (let i = 0; performance.now() - start < ms; i++) {
        if (value('now') >= value('max')) key = 'ArrowLeft';
        else if (value('now') <= value('min') || i % 40 === 0) key = 'ArrowRight';
        else if (i % 40 === 20) key = 'ArrowLeft';
        handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
        await new Promise(done => setTimeout(done, 10));
    }
    return 1000 * window.count / (performance.now() - start);
}"""


def _dragged(page: Any, handle: Any) -> float:
    """New pictures a second while changes arrive as fast as from a mouse, 100 a second.

    Sent from within the page: a mouse that is moved from outside waits for each frame of this browser.
    """
    found = page.evaluate(STREAM, [handle.element_handle(), 2000])
    page.wait_for_timeout(500)
    return found


def _played(page: Any, cell: Any) -> float:
    """New pictures a second while an animation plays."""
    buttons = cell.locator(".widget-play button")
    if not buttons.count():
        return 0.0
    page.evaluate(WATCH, cell.element_handle())
    buttons.nth(0).click()
    page.wait_for_timeout(500)
    start, first = page.evaluate("[performance.now(), window.count]")
    page.wait_for_timeout(3000)
    end, last = page.evaluate("[performance.now(), window.count]")
    buttons.nth(1).click()  # stop
    return 1000 * (last - first) / (end - start)


if __name__ == "__main__":
    for part in (start_up, first_check, sliders):
        part()
        console.print()
