"""What grading needs to know of a lesson: the instructor's cells, and what they mean.

Read once from the gradebook and from ``source/``, then handed to every process that grades; it
holds all they need, so that they share no disk.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import os
import re
import symtable
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from autograder.classroom import Classroom
from autograder.errors import Problem


@dataclass(frozen=True)
class SourceCell:
    """A cell that nbgrader knows, as it must stand in every submission."""

    name: str
    cell_type: str
    source: str
    checksum: str
    locked: bool
    grade: bool = False
    solution: bool = False
    task: bool = False
    points: float = 0.0


@dataclass(frozen=True)
class CodeCell:
    """A code cell of the instructor's notebook, solutions included. ``name`` is its grade_id, if any."""

    source: str
    name: str = ""
    solution: bool = False
    graded: bool = False
    locked: bool = False


@dataclass(frozen=True)
class Settings:
    """How a class is graded."""

    timeout: float = 60.0  # seconds a cell, or a call into it, may take
    budget: float = 600.0  # seconds for one notebook
    memory: int = 2 * 2**30  # bytes for one notebook
    seed: str = ""


@dataclass
class Assignment:
    """One lesson of one class."""

    slug: str
    notebook: str
    cells: list[SourceCell]
    code: list[CodeCell]
    settings: Settings
    kernelspec: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    released: dict[str, str] = field(default_factory=dict)  # as students got them
    texts: list[str] = field(default_factory=list)  # the instructor's text cells

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # nothing that was derived

    @cached_property
    def by_name(self) -> dict[str, SourceCell]:
        return {cell.name: cell for cell in self.cells}

    @cached_property
    def place(self) -> dict[str, int]:
        """Where among the instructor's code cells a named one stands."""
        return {cell.name: i for i, cell in enumerate(self.code) if cell.name}

    @cached_property
    def declared(self) -> dict[str, list[int]]:
        """The names that the exercises ask for, and the cells that define them."""
        found: dict[str, list[int]] = {}
        for i, cell in enumerate(self.code):
            if cell.solution:
                for name in assigned(cell.source):
                    found.setdefault(name, []).append(i)
        return found

    @cached_property
    def classes(self) -> set[str]:
        """The names of the classes that the exercises ask for."""
        return {
            node.name
            for cell in self.code
            if cell.solution
            for node in parse(cell.source).body
            if isinstance(node, ast.ClassDef)
        }

    def classes_of(self, name: str) -> set[str]:
        """Whose objects the test ``name`` calculates with: the classes that it names, itself or in a helper that it uses.

        A check of the course has drivers of its own, which look at plain data in the end.
        """
        from autograder.exercises import catalog

        source = self.by_name[name].source
        if catalog.checked(source):
            return self.classes
        seen, todo = set[str](), {*used(source)}
        while todo:
            seen |= todo
            helpers = [self.locked[n] for n in todo if n in self.locked]
            todo = {n for cell in helpers for n in used(cell.source)} - seen
        return self.classes & seen

    @cached_property
    def open_places(self) -> dict[str, int]:
        """Names that the instructor's open cells set, and the last cell that does."""
        return {
            name: i
            for i, cell in enumerate(self.code)
            if not (cell.solution or cell.graded or cell.locked)
            for name in bound(cell.source)
        }

    @cached_property
    def imported(self) -> dict[str, str]:
        """Names that the instructor's cells import, and the statement that does."""
        return _imports(node for cell in self.code for node in ast.walk(parse(cell.source)))

    @cached_property
    def brought(self) -> set[str]:
        """Names that solutions import and no other cell does: there only if the student has them."""
        cells = [parse(cell.source) for cell in self.code if not cell.solution]
        return set(self.imported) - set(_imports(node for tree in cells for node in ast.walk(tree)))

    @cached_property
    def setup(self) -> dict[str, str]:
        """The imports that stand in the instructor's open cells: students' code relies on them."""
        cells = [c for c in self.code if not c.solution and not c.graded]
        return _imports(node for cell in cells for node in parse(cell.source).body)

    @cached_property
    def locked(self) -> dict[str, CodeCell]:
        """Names that the instructor's read-only cells define."""
        return {
            name: cell
            for cell in self.code
            if cell.locked and not cell.graded and not cell.solution
            for name in bound(cell.source)
        }

    @cached_property
    def shorter(self) -> dict[str, str]:
        """Open cells with ``with when_written`` blocks, and what is left of them without.

        The blocks show what was written, and may take long; no point depends on them. Nothing is left out
        where an answer or a test uses a name that a block sets, or another cell one that only blocks set.
        """
        left = {
            source: without_shows(self.without_packages.get(source, source))
            for source in self.open_sources
        }
        only_shown = self.shown - {name for rest in left.values() for name in bound(rest)}
        if any(only_shown & used(rest) for rest in left.values()):
            return {}
        if any(self.shown & used(c.source) for c in self.code if c.solution or c.graded):
            return {}
        return {source: rest for source, rest in left.items() if rest != source}

    @cached_property
    def shown(self) -> set[str]:
        """Names that ``with when_written`` blocks set."""
        return {name for source in self.open_sources for name in bound(shows(source))}

    @property
    def open_sources(self) -> list[str]:
        """The code that students are given, neither to answer nor as a test."""
        return [c.source for c in self.code if not (c.solution or c.graded)]

    @cached_property
    def modules(self) -> list[str]:
        """Modules that the instructor's cells import, in the order of first use."""
        from autograder.exercises import allowed

        found: dict[str, None] = {}
        for cell in self.code:
            for node in ast.walk(parse(cell.source)):
                if isinstance(node, ast.Import):
                    found.update({alias.name: None for alias in node.names})
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found[node.module] = None
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                    # of dlcore, names that are modules: loaded when first used
                    found.update({name: None for name in names if allowed.is_module(name)})
        return list(found)

    @cached_property
    def exercises(self) -> list[Any]:
        """Those of the course that this lesson checks."""
        from autograder.exercises import catalog

        names = [catalog.checked(cell.source) for cell in self.code if cell.graded]
        found = [catalog.find_exercise(name) for name in names if name]
        return [exercise for exercise in found if exercise is not None]

    @cached_property
    def seal(self) -> str:
        """A fingerprint of all that grades depend on besides the submission."""
        found = repr([getattr(self, f.name) for f in fields(self)])
        return hashlib.sha256(found.encode("utf-8", "replace")).hexdigest()

    @property
    def points(self) -> float:
        return sum(cell.points for cell in self.cells)

    @property
    def twins(self) -> list[str]:
        """The modules of dlcore that hold answers, or what they are built with."""
        from autograder.exercises import allowed

        names = {name for e in self.exercises for name in e.banned if name.startswith("dlcore.")}
        answers = {name for e in self.exercises for name in e.withheld}
        names -= {*self.modules} - answers
        return sorted(names - (allowed.needed(self.modules, names) - answers))

    @cached_property
    def withheld(self) -> list[str]:
        """Packages that are not there, because they would do the work.

        What an instructor's own tests may need is.
        """
        from autograder.exercises import allowed, catalog

        names = allowed.PACKAGES if self.exercises else ("torch",)
        plain = any(cell.graded and not catalog.checked(cell.source) for cell in self.code)
        kept = {name.split(".")[0] for name in self.modules} if plain or not self.exercises else ()
        return [name for name in names if name not in kept]

    @cached_property
    def without_packages(self) -> dict[str, str]:
        """Open cells that use packages that are withheld, and what is left of them without."""
        away = {*self.withheld}
        names = {name for name, line in self.imported.items() if _packages(parse(line)) & away}
        left = {source: _without(source, names) for source in self.open_sources}
        return {source: rest for source, rest in left.items() if rest != source}

    @property
    def imports(self) -> list[str]:
        """What a zygote imports once for all submissions, with what that imports when it is used."""
        hidden = {*self.withheld, "autograder", "dlcore.explore", *self.twins}
        found = dict.fromkeys(["numpy", *self.modules])
        for module in self.modules:
            if module.startswith("dlcore.") and module not in hidden:
                found.update(dict.fromkeys(_heavy(module)))
        return [m for m in found if m not in hidden and m.split(".")[0] not in hidden]


def _imports(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """The names that import statements bind, and the first statement that does."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                found.setdefault(alias.asname or alias.name.split(".")[0], ast.unparse(node))
    return found


def _heavy(module: str) -> list[str]:
    """Other people's packages that a module of dlcore imports, inside functions too."""
    import importlib.util

    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    names = []
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    own = {"dlcore", "__future__", *sys.stdlib_module_names}
    return [name for name in names if name.split(".")[0] not in own]


def settings(room: Classroom) -> Settings:
    """How the class is graded, from its nbgrader_config.py."""
    engine = room.config.get("Engine", {})
    return Settings(
        timeout=float(engine.get("timeout", 60.0)),
        budget=float(engine.get("budget", 600.0)),
        memory=int(engine.get("memory", 2048)) * 2**20,
        seed=os.environ.get("DLCOURSE_SEED", ""),  # set by nbgrader_config.py
    )


def of_class(room: Classroom, lesson: str) -> Assignment:
    """What grading has to know of a lesson of this class."""
    with room.gradebook() as book:
        return read(book, lesson, lesson, room.source(lesson), settings(room))


def read(
    gradebook: Any, assignment: str, notebook: str, source: Path, settings: Settings
) -> Assignment:
    """From an open gradebook, and the instructor's notebook if it is there."""
    found = gradebook.find_notebook(notebook, assignment)
    grades = {c.name: float(c.max_score or 0) for c in found.grade_cells}
    tasks = {c.name: float(c.max_score or 0) for c in found.task_cells}
    solutions = {c.name for c in found.solution_cells}
    cells = [
        SourceCell(
            name=c.name,
            cell_type=c.cell_type,
            source=c.source or "",
            checksum=c.checksum or "",
            locked=bool(c.locked),
            grade=c.name in grades,
            solution=c.name in solutions,
            task=c.name in tasks,
            points=grades.get(c.name, tasks.get(c.name, 0.0)),
        )
        for c in found.source_cells
    ]
    return Assignment(
        slug=assignment,
        notebook=notebook,
        cells=cells,
        code=_code_cells(source, cells),
        settings=settings,
        kernelspec=found.kernelspec or "",
        files=_files(source.parent),
        released=_released(source),
        texts=_texts(source),
    )


def _texts(source: Path) -> list[str]:
    try:
        cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
        return ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _released(source: Path) -> dict[str, str]:
    """The named cells of the students' version, which lies beside the source."""
    path = source.parent.parent.parent / "release" / source.parent.name / source.name
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return {
            cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"])
            for cell in found
            if "nbgrader" in cell["metadata"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _code_cells(source: Path, cells: list[SourceCell]) -> list[CodeCell]:
    """The instructor's code with its solutions; without ``source``, what the gradebook knows."""
    known = {cell.name: cell for cell in cells}
    if not source.exists():
        return [
            CodeCell(c.source, c.name, c.solution, c.grade and not c.solution, c.locked)
            for c in cells
            if c.cell_type == "code"
        ]
    import nbformat

    try:
        nb = nbformat.read(source, as_version=4)
    except Exception as error:
        raise Problem(
            f"{source} cannot be read: {type(error).__name__}",
            "mend it, or run `autograder release`",
        ) from None
    found = []
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        about = cell.metadata.get("nbgrader", {})
        name = about.get("grade_id", "") if about.get("grade_id") in known else ""
        solution, graded = bool(about.get("solution")), bool(about.get("grade"))
        # a graded cell is taken as it was released, not as source/ may have it by now
        text = known[name].source if name and graded and not solution else cell.source
        found.append(
            CodeCell(text, name, solution, graded and not solution, bool(about.get("locked")))
        )
    return found


def _files(folder: Path, most: int = 50 * 2**20) -> dict[str, bytes]:
    """Data that the instructor ships with the notebook."""
    found: dict[str, bytes] = {}
    total = 0
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_symlink() or not path.is_file() or path.suffix == ".ipynb" or hidden:
            continue
        total += path.stat().st_size
        if total > most:
            raise Problem(f"{folder} holds more than {most // 2**20} MB of data", "make it smaller")
        found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


LONGEST_CODE = (
    100_000  # characters of a cell that are looked at: a tree needs 500 times as much memory
)
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[^#'\"\n]*\?[ \t]*)$", re.M)
_ASSIGNED = re.compile(r"^([ \t]*[\w., \t]{1,200}=[ \t]*)[%!].*$", re.M)


def plain_python(source: str) -> str:
    """A cell without IPython's own syntax: what magics do is left out.

    IPython's own transformation begins anew with every magic, which takes minutes for a cell of many.
    """
    if source.lstrip().startswith("%%"):
        return ""
    return _ASSIGNED.sub(r"\1None", _MAGIC.sub(r"\1pass", source))


@lru_cache(4096)
def parse(source: str) -> ast.Module:
    """The syntax tree of a cell, not to be changed; empty if it has none, or is too long to be looked at."""
    if len(source) > LONGEST_CODE:
        return ast.Module([], [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the code of others
        for text in (source, None):
            try:
                return ast.parse(plain_python(source) if text is None else text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return ast.Module([], [])


@lru_cache(4096)
def without_shows(source: str) -> str:
    """A cell without its ``with when_written`` blocks; the cell itself if it has none."""
    body = parse(source).body
    left = [node for node in body if not _is_show(node)]
    return source if len(left) == len(body) else ast.unparse(ast.Module(left, []))


def _without(source: str, names: set[str]) -> str:
    """A cell without the statements that use ``names``, or what such a statement sets; itself if there is none."""
    body, lost = parse(source).body, set(names)
    left = []
    for node in body:
        text = ast.unparse(node)
        if isinstance(node, ast.Import | ast.ImportFrom) and lost.issuperset(bound(text)):
            continue
        if used(text) & lost:
            lost |= {*bound(text)}
        else:
            left.append(node)
    return source if len(left) == len(body) else ast.unparse(ast.Module(left, []))


def _packages(tree: ast.AST) -> set[str]:
    """The packages that a piece of code imports."""
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


@lru_cache(4096)
def shows(source: str) -> str:
    """The ``with when_written`` blocks of a cell."""
    return ast.unparse(ast.Module([node for node in parse(source).body if _is_show(node)], []))


def _is_show(node: ast.stmt) -> bool:
    return isinstance(node, ast.With) and any(
        isinstance(item.context_expr, ast.Name) and item.context_expr.id == "when_written"
        for item in node.items
    )


@lru_cache(4096)
def bound(source: str) -> tuple[str, ...]:
    """The names that a cell binds at its top level."""
    table = _table(source)
    symbols = table.get_symbols() if table else ()
    return tuple(s.get_name() for s in symbols if s.is_assigned() or s.is_imported())


@lru_cache(4096)
def assigned(source: str) -> tuple[str, ...]:
    """The names that a cell binds at its top level, not counting those it only imports."""
    table = _table(source)
    return tuple(s.get_name() for s in table.get_symbols() if s.is_assigned()) if table else ()


@lru_cache(4096)
def used(source: str) -> frozenset[str]:
    """The global names that a cell reads, in its functions too."""
    table = _table(source)
    if table is None:
        return frozenset()
    names = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    names |= {s.get_name() for t in _below(table) for s in t.get_symbols() if s.is_global()}
    return frozenset(name for name in names if not name.startswith("__"))


def _table(source: str) -> symtable.SymbolTable | None:
    try:
        return symtable.symtable(ast.unparse(parse(source)), "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _below(child)


def is_builtin(name: str) -> bool:
    return hasattr(builtins, name) or name in ("display", "get_ipython")  # IPython's own
