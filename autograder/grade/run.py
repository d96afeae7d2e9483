"""Run one submission: the student's cells in the sandbox, the instructor's tests here.

A graded cell never sees the student's process. The names that it uses are looked up in turn: what
the exercise asks for comes from the student, as proxies or plain copies; imports and read-only
cells are the instructor's own; anything else is asked of the student.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import types
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from nbformat import NotebookNode, from_dict

from autograder.check import carried_forward, instant
from autograder.check.limits import Lost, TimeUp, memory_limit, time_limit
from autograder.exercises import catalog
from autograder.exercises.oracle import load_library
from autograder.grade import assignment as assignments
from autograder.grade.assignment import Assignment
from autograder.grade.clean import clean_outputs, clean_texts, fence_raw_cells
from autograder.grade.intake import beside
from autograder.grade.records import Record
from autograder.sandbox import cells, tiers
from autograder.sandbox.client import Zygote
from autograder.sandbox.namespaces import Limits
from autograder.sandbox.session import Session

_NOT_SHOWN = "(not run when grading: no points depend on it)\n"
KEPT = 2  # zygotes of so many lessons stay ready


class Grader:
    """Grades notebooks in this process, one after the other."""

    def __init__(self, tier: str | None = None) -> None:
        self.tier = tiers.choose(tier)
        self.zygotes: dict[tuple[Any, ...], Zygote] = {}

    def zygote(self, a: Assignment) -> Zygote:
        """The zygote for a lesson, started if need be."""
        limits = Limits(memory=a.settings.memory, cpu=math.ceil(a.settings.budget))
        key = (a.slug, *a.imports, *a.twins, *a.withheld, limits)
        found = self.zygotes.pop(key, None)
        if found is None:
            while len(self.zygotes) >= KEPT:
                self.zygotes.pop(next(iter(self.zygotes))).close()
            found = Zygote(
                self.tier,
                imports=a.imports,
                twins=a.twins,
                withheld=a.withheld,
                lesson=a.slug.split("-")[0],
                limits=limits,
            )
        self.zygotes[key] = found
        return found

    def close(self) -> None:
        for zygote in self.zygotes.values():
            zygote.close()
        self.zygotes.clear()

    def run(
        self,
        a: Assignment,
        nb: NotebookNode,
        files: Mapping[str, bytes] | None = None,
        student: str = "",
    ) -> Record:
        """Run all code cells of ``nb`` and put their outputs in. The notebook has been restored.

        Random cases are drawn for this ``student``: what one learns of them is of no use to another.
        """
        if a.exercises:
            load_library("torch")  # seconds, which no submission's clock should show
        session = Session(
            self.zygote(a),
            timeout=a.settings.timeout,
            budget=a.settings.budget,
            files=beside(files or {}, a.files),
            modules=frozenset(a.modules),
            classes=frozenset(a.classes),
        )
        tests = Tests(a, session)
        carried_forward.forget()
        before = {key: os.environ.get(key) for key in ("DLCOURSE_SEED", "NBGRADER_EXECUTION")}
        secret = a.settings.seed or before["DLCOURSE_SEED"] or ""
        seed = f"{secret}/{student}"
        os.environ |= {"DLCOURSE_SEED": seed, "NBGRADER_EXECUTION": "autograde"}
        given = set(a.open_sources)
        shorter = a.shorter if not _needs(nb, a) else {}
        try:
            count = 0
            for number, cell in enumerate(nb.cells):
                if cell.cell_type != "code":
                    continue
                about = cell.metadata.get("nbgrader", {})
                name = about.get("grade_id", "")
                if not cell.source.strip():
                    cell.outputs, cell.execution_count = [], None
                    continue
                count += 1
                session.where = name or f"cell {number + 1}"
                if about.get("grade") and not about.get("solution") and name in a.by_name:
                    outputs = tests.run(name)
                    if tests.in_students_words:
                        cell.metadata["dlcourse"] = {"error": "in the student's words"}
                elif cell.source in shorter or cell.source in a.without_packages:
                    rest = shorter.get(cell.source, a.without_packages.get(cell.source, ""))
                    outputs = clean_outputs(session.run(number, rest, True)) if rest else []
                    outputs.append({"output_type": "stream", "name": "stdout", "text": _NOT_SHOWN})
                else:
                    outputs = clean_outputs(session.run(number, cell.source, cell.source in given))
                for output in outputs:
                    if output["output_type"] == "execute_result":
                        output["execution_count"] = count
                cell.outputs, cell.execution_count = from_dict(outputs), count
        finally:
            session.close()
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value
        fence_raw_cells(nb)
        return Record(isolation=self.tier, evidence=session.evidence, peak=session.peak)


def _needs(nb: NotebookNode, a: Assignment) -> bool:
    """Whether a cell of the student's own uses what a block of the instructor's sets."""
    given = set(a.open_sources)
    own = [c.source for c in nb.cells if c.cell_type == "code" and c.source not in given]
    return any(a.shown & assignments.used(source) for source in own)


class Tests:
    """The instructor's side of one submission: a namespace of its own for the graded cells."""

    __test__ = False

    def __init__(self, a: Assignment, session: Session) -> None:
        self.a, self.session = a, session
        self.shell = cells.start()
        module = types.ModuleType("__main__")
        self.shell.user_module = module
        self.shell.user_ns = module.__dict__
        self.shell.init_user_ns()
        self.scope: dict[str, Any] = module.__dict__
        self.wanted: set[str] = set()  # names that cells until now have used
        self.borrowed: dict[str, Any] = {}  # names that the student lent
        self.set_at: dict[str, int] = {}  # names that our own cells have set, and where
        self.tests_set: dict[str, int] = {}  # those that tests set, if they come to it
        self.in_students_words = False  # the error that ended the last test came from their code

    def run(self, name: str) -> list[dict[str, Any]]:
        """The outputs of the graded cell ``name``."""
        source, place = self.a.by_name[name].source, self.a.place.get(name, len(self.a.code))
        limit = min(self.a.settings.timeout, max(0.1, self.session.ends_in()))
        memory = self.a.settings.memory
        self.shell.recorder = cells.Recorder()  # what an earlier test showed is not this one's
        wanted_before = self.wanted
        failure: BaseException | None = None
        if exercise := catalog.checked(source):
            carried_forward.passed[exercise] = False  # the cell may end before its check begins
        try:
            instant.worth = self.a.by_name[name].points
            self.session.open_classes = self.a.classes_of(name)
            with _warnings_cost_nothing(), memory_limit(memory), time_limit(limit, again=0):
                self._lend(source, place)
                self.shell.run(source)
        except (TimeUp, Lost, Exception) as error:
            failure = error  # before the test began, or after its end
            self.wanted = wanted_before  # later tests do not stumble over the same name
        finally:
            instant.worth = None
        outputs, raised = self.shell.recorder.outputs, self.shell.recorder.raised
        self.in_students_words = isinstance(getattr(failure or raised, "where", None), tuple)
        match failure or raised:
            case TimeUp():
                outputs = _ended(outputs, "CellTimeoutError", f"stopped after {limit:g} seconds")
            case Lost() as lost:
                outputs = _ended(outputs, "DeadKernelError", str(lost))
            case Exception() as other if other is failure:
                outputs = _ended(outputs, type(other).__name__, str(other))
        for bound in assignments.bound(source):
            self.borrowed.pop(bound, None)
            self.set_at[bound] = self.tests_set[bound] = place
        if catalog.ends_in_check(source) and "autograder" in self.a.imported.get("check", ""):
            outputs = self._decided(outputs, self.a.by_name[name].points)
        return clean_texts(outputs)

    def _decided(self, outputs: list[dict[str, Any]], most: float) -> list[dict[str, Any]]:
        """A check's outputs with one number at the end: nbgrader gives full points where it finds none."""
        if any(o["output_type"] == "error" for o in outputs):
            return outputs
        shown = [o for o in outputs if o["output_type"] != "execute_result"]
        results = [o["data"] for o in outputs if o["output_type"] == "execute_result"]
        points = math.nan
        with contextlib.suppress(ValueError, TypeError, KeyError, IndexError):
            points = float(results[-1]["text/plain"])
        if not 0 <= points <= most:
            self.session.note("check", f"the check gave no points from 0 to {most:g}: 0 are given")
            points = 0.0
        data = (results[-1] if results else {}) | {"text/plain": repr(points)}
        deciding = {"output_type": "execute_result", "data": data, "metadata": {}}
        return [*shown, deciding | {"execution_count": None}]

    def _lend(self, source: str, place: int) -> None:
        """Put the names that a cell uses into its namespace."""
        self.wanted = self.wanted | assignments.used(source)
        ask, bring = [], []
        for name in sorted(self.wanted):
            by_student = [i for i in self.a.declared.get(name, ()) if i < place]
            if by_student and by_student[-1] > self.set_at.get(name, -1):
                ask.append(name)
            elif name in self.scope and name not in self.borrowed:
                continue
            elif self.tests_set.get(name, -1) > self.a.open_places.get(name, -1):
                continue  # a test that failed did not come to set it: it is missing, not the student's
            elif name in self.a.brought:
                bring.append(name)
            elif name in self.a.imported:
                self._import(name)
            elif name in self.a.locked:
                self._run_locked(name)
            elif not assignments.is_builtin(name):
                ask.append(name)
        if not ask and not bring:
            return
        found = self.session.names([*ask, *bring])
        for name in bring:  # the student's import may be of something else; ours is not
            if name in found:
                self._import(name)
        for name in ask:
            self.borrowed.pop(name, None)
            if name in found:
                self.scope[name] = self.borrowed[name] = found[name]
            elif name in self.a.declared and assignments.is_builtin(name):
                # the exercise is to write one's own; the builtin of that name must not answer
                self.scope[name] = self.borrowed[name] = _missing(name)
            else:
                self.scope.pop(name, None)

    def _import(self, name: str) -> None:
        exec(self.a.imported[name], self.scope)
        self.set_at[name] = -1

    def _run_locked(self, name: str) -> None:
        """Run the instructor's read-only cell that defines ``name``, on our side too."""
        cell = self.a.locked[name]
        names = assignments.bound(cell.source)
        for each in names:
            self.set_at[each] = self.a.code.index(cell)
            self.scope.setdefault(each, _unset)  # so that it is not looked for again
        try:
            self._lend(cell.source, self.a.code.index(cell))
            exec(_compiled(cell.source), self.scope)
        except Exception:
            pass  # as in a notebook: what it did not come to set is missing in the cells after it
        finally:
            for each in names:
                if self.scope.get(each) is _unset:
                    del self.scope[each]


_unset = object()


@lru_cache(256)
def _compiled(source: str) -> types.CodeType:
    return compile(assignments.parse(source), "<read-only cell>", "exec")


def _missing(name: str) -> Any:
    def missing(*args: Any, **kwargs: Any) -> Any:
        raise NameError(f"name {name!r} is not defined")

    return missing


def _ended(outputs: list[dict[str, Any]], name: str, words: str) -> list[dict[str, Any]]:
    """What a test showed, with the reason why it did not come to its end; points it has none."""
    shown = [o for o in outputs if o["output_type"] in ("stream", "display_data")]
    return [*shown, cells.error_output(name, words)]


class _warnings_cost_nothing:
    """nbgrader gives 0 to a cell that wrote to stderr; a warning is no mistake."""

    def __enter__(self) -> None:
        self.before = warnings.showwarning

        def show(message, category, filename, lineno, file=None, line=None):
            sys.stdout.write(f"{category.__name__}: {message}\n")

        warnings.showwarning = show

    def __exit__(self, *error: object) -> None:
        warnings.showwarning = self.before
