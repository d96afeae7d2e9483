"""The command ``autograder``: each verb a thin face over a function that returns a report.

Data goes to stdout, progress and errors to stderr. Exit code 0: done; 1: something could not
be done; 2: wrong usage. Every error ends with the next thing to do.
"""

from __future__ import annotations

import autograder._lean  # noqa: F401  isort: skip

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder.errors import Problem

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Build, release and grade the course. A class lives in a folder of its own: "
    "`autograder init my-class`, then work in it.",
)
# no markup: names and messages come from students and may hold [brackets]
_WIDTH = None if sys.stdout.isatty() else 140  # wide enough for a log file
out = Console(width=_WIDTH, markup=False, highlight=False)
err = Console(stderr=True, markup=False, highlight=False)

Class = Annotated[Path, typer.Option("--class", "-c", help="The class folder.")]
Lessons = Annotated[
    list[str] | None, typer.Argument(help='Lessons, as "2", "activations" or "02-activations".')
]


@contextmanager
def problems() -> Iterator[None]:
    """Turn what can go wrong into two lines and an exit code."""
    try:
        yield
    except Problem as problem:
        err.print(f"error: {problem.what}", style="bold red", soft_wrap=True)
        err.print(f"next:  {problem.next}", soft_wrap=True)
        raise typer.Exit(1) from None
    except OSError as error:
        err.print(f"error: {error}", style="bold red", soft_wrap=True)
        err.print("next:  mend that, then run the same command again: nothing is lost")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        err.print("stopped. next: run the same command again, it goes on where it was")
        raise typer.Exit(1) from None


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr, with the rate and the time that remains."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    rate = TextColumn("{task.fields[rate]}")
    all_columns = (*columns, rate, TimeRemainingColumn())
    shown = err.is_terminal  # a log file would get an empty line
    with Progress(*all_columns, console=err, transient=True, disable=not shown) as progress:
        task = progress.add_task(title, total=None, rate="")

        def update(done: int, total: int, what: str) -> None:
            speed = progress.tasks[0].speed
            progress.update(
                task,
                completed=done,
                total=total,
                description=f"{title} {what}",
                rate=f"{speed:.1f} a second" if speed else "",
            )

        yield update


@app.command()
def doctor() -> None:
    """Say what is missing on this machine, and the command that fixes it."""
    from autograder import doctor as doctor_

    with problems():
        report = doctor_.run()
    table = Table("", "what", "found", "fix", box=None)
    for f in report.findings:
        mark = "ok" if f.ok else "MISSING" if f.needed else "note"
        table.add_row(mark, f.what, f.detail, "" if f.ok else f.mend)
    out.print(table)
    for line in report.verdict:
        out.print(line, soft_wrap=True)
    raise typer.Exit(0 if report.healthy else 1)


_SERVER = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=_SERVER)
def lab(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where the notebooks are, or shall be.")] = Path(
        "course"
    ),
) -> None:
    """Open the lessons in JupyterLab; notebooks that are not there yet are put there first.

    Options that are not known here go on to JupyterLab (--no-browser, --port 8890).
    """
    from autograder import lab as lab_

    with problems():
        code = lab_.lab(directory, context.args)
    raise typer.Exit(code)


@app.command(context_settings=_SERVER)
def explore(context: typer.Context) -> None:
    """Open all explorers on one page, without notebooks."""
    from autograder import lab as lab_

    with problems():
        code = lab_.explore(context.args)
    raise typer.Exit(code)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A new folder for the class.")],
    students: Annotated[
        Path | None, typer.Option(help="A CSV file with a column `id` (and names, e-mail).")
    ] = None,
) -> None:
    """Make a class folder: an nbgrader course with all lessons released in it."""
    from autograder import classroom

    with problems(), bar("lessons") as progress:
        report = classroom.init(directory, students=students, progress=progress)
    out.print(f"{directory}: {len(report.lessons)} lessons, {report.students} students")
    out.print(f"give to students   {directory}/release/")
    out.print(f"put what they send {directory}/submitted/STUDENT/LESSON/LESSON.ipynb")
    out.print(f"then               autograder grade --class {directory}", soft_wrap=True)


@app.command()
def build(lessons: Lessons = None) -> None:
    """Build course/ from solutions/."""
    from autograder.author import build as build_
    from autograder.exercises import catalog

    with problems():
        chosen = [_lesson(name) for name in lessons] if lessons else catalog.lessons()
        report = build_.run(chosen)
    for path in report.written:
        out.print(f"written    {path}", soft_wrap=True)
    for path in report.kept:
        out.print(f"your work is kept in {path}", soft_wrap=True)
    for path in report.unchanged:
        out.print(f"unchanged  {path}", soft_wrap=True)


def _lesson(name: str):
    from autograder.exercises import catalog

    lesson = catalog.find_lesson(name)
    if lesson is None:
        known = ", ".join(known.slug for known in catalog.lessons())
        raise Problem(f"there is no lesson {name!r}", f"choose one of {known}")
    return lesson


@app.command()
def release(
    lessons: Lessons = None,
    where: Class = Path(),
    renew: Annotated[
        bool, typer.Option(help="Take the lessons anew from the course; yours go to replaced/.")
    ] = False,
) -> None:
    """Write the students' notebooks into release/, from the class folder's source/.

    What you changed in source/ (a test of your own, other points, an assignment of your own) is released as it
    stands. Without a name: all that lies in source/.
    """
    from autograder import classroom

    with problems():
        room = classroom.Classroom(where)
        folders = classroom.release(room, lessons or (), renew=renew)
    for folder in folders:
        out.print(f"released   {folder}", soft_wrap=True)


@app.command()
def grade(
    lessons: Lessons = None,
    where: Class = Path(),
    student: Annotated[list[str] | None, typer.Option(help="Only this student.")] = None,
    lesson: Annotated[
        list[str] | None, typer.Option(help="Only this lesson, as an argument.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Grade again what is graded already.")] = False,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=0, help="Processes; 0: one a core.")] = 0,
    isolation: Annotated[
        str | None,
        typer.Option(
            help="bubblewrap, landlock or process. By default the strongest that works here, "
            "and never process, which keeps nobody out."
        ),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask scheduler, as tcp://host:8786.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would be graded, and stop.")] = False,
) -> None:
    """Grade what is new or changed in submitted/.

    Students' code runs in a sandbox, the tests outside it. Stop whenever you like: the same command
    goes on where it was.
    """
    from autograder.classroom import Classroom
    from autograder.grade import schedule as grade_

    with problems():
        room = Classroom(where)
        with bar("grading") as progress:
            report = grade_.run(
                room,
                [*(lessons or ()), *(lesson or ())],
                student or (),
                force=force,
                jobs=jobs or None,
                isolation=isolation,
                scheduler=scheduler,
                dry_run=dry_run,
                progress=progress,
            )
        _show_grades(report)
        for name, why in report.left_out.items():
            err.print(f"left out   source/{name}: {why}", soft_wrap=True)
        for tier in sorted(report.isolation & _WEAKER.keys()):
            err.print(f"isolation: {tier}, {_WEAKER[tier]}", soft_wrap=True)
        if not report.rows:
            where_to = f"{room.root}/submitted/STUDENT/LESSON/"
            err.print(f"next: put notebooks into {where_to}", soft_wrap=True)
    raise typer.Exit(1 if report.failed else 0)


_WEAKER = {
    "landlock": "because user namespaces are blocked here; `autograder doctor` says more",
    "process": "as you asked: students' code ran with your rights and could have read your files",
}


def _show_grades(report) -> None:
    table = Table("lesson", "student", "status", "points", "", box=None)
    for row in report.rows:
        points = (
            ""
            if row.status in {"not graded", "to grade"}
            else f"{row.points:g} / {row.max_points:g}"
        )
        remarks = [row.reason, "written answers to mark" if row.needs_manual else ""]
        table.add_row(row.lesson, row.student, row.status, points, "; ".join(filter(None, remarks)))
    out.print(table)
    waiting = sum(row.status == "to grade" for row in report.rows)
    done = len(report.rows) - len(report.failed) - waiting
    if waiting:
        out.print(f"{waiting} to grade, {done} are graded, {len(report.failed)} cannot be graded")
        return
    out.print(f"{done} graded, {len(report.failed)} could not be graded")


@app.command()
def feedback(
    lessons: Lessons = None,
    where: Class = Path(),
    student: Annotated[list[str] | None, typer.Option(help="Only this student.")] = None,
) -> None:
    """Write a page for each student and lesson: points, what went wrong, the hint."""
    from autograder.classroom import Classroom
    from autograder.report import feedback as feedback_

    with problems():
        room = Classroom(where)
        report = feedback_.run(room, lessons or (), student or ())
    out.print(f"{len(report.pages)} pages in {room.root / 'feedback'}", soft_wrap=True)
    if not report.pages:
        err.print("next: run `autograder grade` first")
        raise typer.Exit(1)


@app.command()
def report(lessons: Lessons = None, where: Class = Path()) -> None:
    """Print and write the class table and, exercise by exercise, the common mistakes."""
    from autograder.classroom import Classroom
    from autograder.report import class_report as report_

    with problems():
        result = report_.run(Classroom(where), lessons or ())
    show_report(result)


def show_report(result) -> None:
    """The class report as tables: of one lesson by student and exercise, of several the course."""
    from autograder.report import overview

    lessons = overview.progress(result)
    if len(lessons) > 1:
        _show_course(result, lessons)
    else:
        _show_lesson(result)
    found = result.integrity
    if found.findings or found.pairs:
        pairs = f", pairs nearly the same: {len(found.pairs)}" if found.pairs else ""
        out.print(
            f"to look at: {len(found.findings)} remarks on {len(found.students)} students{pairs} "
            "(reports/integrity.html)",
            soft_wrap=True,
        )
    for lesson, missing in result.missing.items():
        out.print(f"not submitted, {lesson}: {', '.join(missing)}", soft_wrap=True)
    for path in result.files:
        out.print(f"written  {path}", soft_wrap=True)


def _show_lesson(result) -> None:
    people = Table("student", "status", "points", "", title="students", box=None)
    for r in result.students:
        points = f"{r.points:g} / {r.max_points:g}" if r.status == "graded" else ""
        people.add_row(r.student, r.status, points, r.reason)
    table = Table(
        "exercise", "mean", "right", "commonest misconceptions", title="exercises", box=None
    )
    for e in result.exercises:
        named = [
            f"{name.replace('_', ' ')} {100 * count / e.submissions:.0f} %"
            for name, count in e.misconceptions.most_common(2)
        ]
        right = f"{e.right} / {e.submissions}"
        table.add_row(e.exercise, f"{e.mean:.2f} / {e.max_points:g}", right, ", ".join(named))
    out.print(people)
    out.print(table)


def _show_course(result, lessons) -> None:
    from autograder.report import overview

    heads = "lesson", "handed in", "graded", "everything right", "mean", "to mark"
    table = Table(*heads, title="the course", box=None)
    for p in lessons:
        mean = "" if p.share is None else f"{100 * p.share:.0f} %"
        handed_in = f"{p.handed_in} / {p.students}"
        table.add_row(p.lesson, handed_in, str(p.graded), str(p.whole), mean, str(p.to_mark or ""))
    out.print(table)
    hard = [
        f"{e.lesson[:2]} {e.exercise} {100 * e.mean / e.max_points:.0f} %"
        for e in overview.hardest(result, 3)
    ]
    common = [
        f"{m.name.replace('_', ' ')} ({m.lesson[:2]} {m.exercise}, {m.students} of {m.submissions})"
        for m in overview.commonest(result, 3)
    ]
    for title, found in ("hardest", hard), ("commonest misconceptions", common):
        if found:
            out.print(f"{title}: {', '.join(found)}", soft_wrap=True)
    for r in result.students:
        if r.status == "not graded":
            out.print(f"not graded, {r.lesson}: {r.student} ({r.reason})", soft_wrap=True)
    out.print("by student and exercise: reports/index.html, or name a single lesson")


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(help="Where to make the class.")] = Path(
        "demo-class"
    ),
    lessons: Annotated[
        list[str] | None, typer.Option("--lesson", help="Which lessons, instead of all.")
    ] = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=0, help="Processes; 0: one a core.")] = 0,
) -> None:
    """Make a class with submissions of every kind, grade it, compare with what must come out."""
    from autograder import demo as demo_
    from autograder.exercises import catalog

    with problems():
        chosen = [_lesson(name) for name in lessons] if lessons else catalog.lessons()
        demo_.remove(directory)
        with bar("grading") as progress:
            result = demo_.run(directory, chosen, jobs=jobs or None, progress=progress)
    assert result.summary is not None
    table = Table("lesson", "student", "what was handed in", "expected", "given", "", box=None)
    for line in result.lines:
        if line.agrees and line.lesson != chosen[0].slug:
            continue  # the same kinds again
        expected, given = (
            "not graded" if p is None else f"{p:g}" for p in (line.expected, line.given)
        )
        mark = "ok" if line.agrees else "DIFFERS"
        table.add_row(line.lesson, line.student, line.story, expected, given, mark)
    out.print(table)
    show_report(result.summary)
    agree = sum(line.agrees for line in result.lines)
    out.print(
        f"\n{agree} of {len(result.lines)} submissions got exactly the points expected, "
        f"in {result.seconds:.0f} s; {result.pages} feedback pages"
    )
    out.print(f"look at  {directory}/reports/index.html", soft_wrap=True)
    slug = chosen[0].slug
    out.print(f"and at   {directory}/feedback/mis-1/{slug}/{slug}.html", soft_wrap=True)
    raise typer.Exit(0 if result.agrees else 1)
