"""How fast is grading? Beside stock nbgrader, on the same class and machine, interleaved.

`python -m tests.bench_grading 10000` grades a class of that size as well.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from autograder import classroom, demo
from autograder.classroom import Classroom
from autograder.exercises import catalog
from autograder.grade import assignment as assignments
from autograder.grade import schedule, work
from autograder.grade.work import Item
from autograder.report import feedback
from autograder.sandbox.client import Zygote
from autograder.sandbox.session import Session
from tests.autograder import mini
from tests.autograder.grade.test_equality import STOCK

console = Console(width=160)
ROUNDS = 3
BIN = Path(sys.executable).parent


def light(root: Path, students: int) -> Classroom:
    """A class with a light lesson: plain tests, no pictures, no PyTorch."""
    source = mini.source()
    source.cells = [c for c in source.cells if not c["id"].startswith("layer")]
    original, mini.source = mini.source, lambda: source
    try:
        room = mini.make(root)
    finally:
        mini.source = original
    nb = mini.answered(mini.released(room), mini.ANSWERS)
    for i in range(students):
        nb.cells[3].source = f"{mini.ANSWERS['square']}\n# {i}"
        mini.hand_in(room, f"s{i:05d}", nb)
    return room


def stock_copy(room: Path, students: int) -> Path:
    """The same class as nbgrader without the engine has it, with fewer students."""
    where = room.with_name("stock")
    shutil.copytree(room, where)
    for folder in sorted((where / "submitted").iterdir())[students:]:
        shutil.rmtree(folder)
    (where / "nbgrader_config.py").write_text(STOCK.format(seed="bench"))
    return where


class Spent(NamedTuple):
    """Seconds by the clock, and of processors: the command's and those of all that it started."""

    wall: float
    cpu: float


def command(room: Path, *args: str) -> Callable[[], Spent]:
    env = {k: v for k, v in os.environ.items() if k not in {"DLCOURSE_SEED", "NBGRADER_EXECUTION"}}

    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def run() -> Spent:
        start, before = time.perf_counter(), cpu()
        subprocess.run(
            [str(BIN / args[0]), *args[1:]], cwd=room, env=env, capture_output=True, check=True
        )
        return Spent(time.perf_counter() - start, cpu() - before)

    return run


def row(
    table: Table,
    title: str,
    ours: Callable[[], Spent],
    many: int,
    theirs: Callable[[], Spent],
    few: int,
) -> None:
    """Both in turns, so that what else the machine does hits both."""
    times: tuple[list[Spent], list[Spent]] = ([], [])
    for _ in range(ROUNDS):
        for spent, act, n in zip(times, (ours, theirs), (many, few), strict=True):
            wall, cpu = act()
            spent.append(Spent(wall / n, cpu / n))
    told = []
    for kind in ("wall", "cpu"):
        mine, stock = ([getattr(x, kind) for x in spent] for spent in times)
        told += [
            spread(stock),
            spread(mine),
            f"{statistics.median(stock) / statistics.median(mine):.1f}",
        ]
    table.add_row(title, f"{few} | {many}", *told)


def spread(seconds: list[float]) -> str:
    """The median, from the least to the most."""
    digits = 2 if statistics.median(seconds) > 0.5 else 4
    return " ".join(
        f"{x:.{digits}f}" for x in (statistics.median(seconds), min(seconds), max(seconds))
    )


def beside_nbgrader() -> None:
    """Whole commands, start to end, as an instructor waits for them."""
    columns = [
        f"{who}, s {kind}" for kind in ("each", "of CPU each") for who in ("nbgrader", "ours")
    ]
    columns.insert(2, "times as fast")
    table = Table("grading", "submissions", *columns, "times less", box=None)
    console.print(
        f"load before: {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} processors"
    )
    with tempfile.TemporaryDirectory() as folder:
        few, many = 6, 300
        room = light(Path(folder) / "class", many).root
        stock = stock_copy(room, few)
        ours = command(room, "autograder", "grade", "--force")
        row(table, "a light lesson", ours, many, command(stock, "nbgrader", "autograde", mini.SLUG, "--force"), few)  # fmt: skip
    lesson = catalog.lessons()[0]
    answers = {e.function: "reference" for e in lesson.exercises}
    with tempfile.TemporaryDirectory() as folder:
        few, many = 3, 24
        classroom.init(Path(folder) / "class", [lesson], seed="bench")
        room = Path(folder) / "class"
        for i in range(many):
            demo.hand_in(Classroom(room), lesson, demo.Plan(f"s{i:02d}", "", answers, 0))
        stock = stock_copy(room, few)
        ours = command(room, "autograder", "grade", "--force")
        theirs = command(stock, "nbgrader", "autograde", lesson.slug, "--force")
        row(table, f"{lesson.slug}, with its pictures", ours, many, theirs, few)
        feedback.run(Classroom(room), students=["s00"])
        page = (room / "feedback" / "s00" / lesson.slug / f"{lesson.slug}.html").stat().st_size
        command(stock, "nbgrader", "generate_feedback", lesson.slug, "--force")()
        theirs_page = (
            (stock / "feedback" / "s00" / lesson.slug / f"{lesson.slug}.html").stat().st_size
        )
    console.print(table)
    console.print(f"median, least, most of {ROUNDS} rounds in turns")
    console.print(f"a feedback page: {page / 1000:.0f} kB; nbgrader's {theirs_page / 1000:.0f} kB")


def starting() -> None:
    """A class with all lessons, from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        times = [command(Path(folder), "autograder", "init", f"class{i}")() for i in range(ROUNDS)]
    told = " | ".join(spread([getattr(x, kind) for x in times]) for kind in ("wall", "cpu"))
    console.print(f"autograder init with {len(catalog.lessons())} lessons, s | s of CPU: {told}")


def parts() -> None:
    """What it is made of, in this process."""
    table = Table("part", "median", "of", box=None)
    ready = []
    for _ in range(5):
        start = time.perf_counter()
        zygote = Zygote("bubblewrap", imports=["numpy"], withheld=["torch"])
        ready.append(time.perf_counter() - start)
        zygote.close()
    table.add_row("a zygote is ready, ms", f"{1000 * statistics.median(ready):.0f}", "5")
    zygote = Zygote("bubblewrap", imports=["numpy"], withheld=["torch"])
    spawn, first = [], []
    for _ in range(50):
        start = time.perf_counter()
        session = Session(zygote)
        session.alive()
        spawn.append(time.perf_counter() - start)
        start = time.perf_counter()
        session.run(0, "def f(x):\n    return x + 1")
        first.append(time.perf_counter() - start)
        session.close()
    table.add_row("a submission's process, ms", f"{1000 * statistics.median(spawn):.1f}", "50")
    table.add_row("its first cell, ms", f"{1000 * statistics.median(first):.1f}", "50")
    zygote.close()
    cores = os.sched_getaffinity(0)
    for title, allowed in (
        ("a proxied call, us", cores),
        ("a proxied call, both ends on one core, us", {min(cores)}),
    ):
        os.sched_setaffinity(0, allowed)
        zygote = Zygote("bubblewrap", imports=["numpy"], withheld=["torch"])
        session = Session(zygote)
        session.run(0, "def f(x):\n    return x + 1")
        f = session.names(["f"])["f"]
        calls = []
        for i in range(3000):
            start = time.perf_counter()
            f(i)
            calls.append(time.perf_counter() - start)
        table.add_row(title, f"{1e6 * statistics.median(calls):.0f}", "3000")
        session.close()
        zygote.close()
    os.sched_setaffinity(0, cores)
    console.print(table)


def memory(first: int = 100, last: int = 1000) -> None:
    """Of one grader, after so many submissions."""
    with tempfile.TemporaryDirectory() as folder:
        room = light(Path(folder) / "class", 1)
        a, data = (
            assignments.of_class(room, mini.SLUG),
            room.notebook("submitted", "s00000", mini.SLUG).read_bytes(),
        )
        process, seen = psutil.Process(), {}
        for i in range(1, last + 1):
            work.grade_chunk(a, "bubblewrap", {}, [Item("s", data)])
            if i in (first, last):
                family = [process, *process.children(recursive=True)]
                seen[i] = [
                    sum(p.memory_info().rss for p in group) / 1e6
                    for group in ([process], family[1:])
                ]
    console.print(
        f"memory of a grader after {first} and {last} submissions: {seen[first][0]:.0f} and {seen[last][0]:.0f} MB; "
        f"of its zygote: {seen[first][1]:.0f} and {seen[last][1]:.0f} MB"
    )


def large(students: int) -> None:
    """A class of that size, through to the gradebook, and again unchanged."""
    with tempfile.TemporaryDirectory() as folder:
        room = light(Path(folder) / "class", students)
        start = time.perf_counter()
        report = schedule.run(room)
        spent = time.perf_counter() - start
        assert len(report.rows) == students and not report.failed
        start = time.perf_counter()
        assert {row.status for row in schedule.run(room).rows} == {"unchanged"}
        again = time.perf_counter() - start
    console.print(
        f"{students} submissions: {spent:.1f} s, {students / spent:.1f} a second through to the gradebook; "
        f"unchanged, again: {again:.1f} s"
    )


def main() -> None:
    for act in (beside_nbgrader, starting, parts, memory):
        act()
        console.print()
    large(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)


if __name__ == "__main__":
    main()
