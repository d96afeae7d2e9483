"""The files that student code may import from us: the course without its answers.

A folder is built for each lesson: ``dlcore`` with the twins of the lesson's exercises
and of later ones replaced by stubs, a stand-in for ``autograder`` without checks, and stubs for packages
that would do the work. The sandbox sees this folder and nothing else of the project.
"""

from __future__ import annotations

import ast
import contextlib
import py_compile
import shutil
from collections.abc import Iterable
from importlib.util import cache_from_source, find_spec
from pathlib import Path

import autograder
import dlcore

_INSIDE = {
    "check": ["waiting", "forbidden"],
    "sandbox": ["cells", "frames", "kernel", "landlock", "namespaces", "operations",
                "seccomp", "values", "worker", "zygote"],
}  # fmt: skip
# files of a package that `dlcore.data` reads
_TABLES = {"sklearn": ["datasets/data", "datasets/descr"], "statsmodels": ["datasets/sunspots"]}

_STAND_IN = '''\
"""What a notebook imports from the course while it is graded: the checks run elsewhere."""

from autograder.check.waiting import when_written


class Score(float):
    """No points: those are given by the check that the instructor released."""


def check(name, student=None, *, seed=None):
    """Say that the graded check runs elsewhere."""
    print(f"{name}: this cell is not part of the graded notebook, so it gives no points.")
    return Score(0.0)
'''

_EXPLORE = '''\
"""Explorers are for a person with a mouse; while a notebook is graded they stand still."""


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)

    def explorer(*args, **kwargs):
        print(f"(explorer {name}: not shown while a notebook is graded)")

    return explorer
'''


# An import that is never used costs nobody anything: what is refused is the use.
_PACKAGE = '''\
"""Not here while a lesson is graded: answers are written with Python and NumPy."""

import sys
from importlib.machinery import ModuleSpec


class _Withheld:
    def __init__(self, module, name):
        self.__module__, self.__name__, self.__qualname__ = module, name, name

    def __call__(self, *args, **kwargs):
        raise ImportError(
            f"{self.__module__}.{self.__name__} is not here while a lesson is graded: "
            "answers are written with Python and NumPy"
        )

    def __getattr__(self, name):
        return _name(f"{self.__module__}.{self.__name__}")(name)

    def __mro_entries__(self, bases):  # a class that is only defined
        return ()


def _name(module):
    def find(name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Withheld(module, name)

    return find


class _Inside:
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self, is_package=True) if name.startswith(f"{__name__}.") else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__getattr__ = _name(module.__name__)


__getattr__ = _name(__name__)
sys.meta_path.insert(0, _Inside())
'''


def build(target: Path, twins: Iterable[str], lesson: str, withheld: Iterable[str]) -> None:
    """Write the folder. ``twins`` are modules of dlcore that hold what answers may not use."""
    package = Path(autograder.__file__).parent
    stand_in = target / "autograder"
    for room, names in _INSIDE.items():
        (stand_in / room).mkdir(parents=True)
        (stand_in / room / "__init__.py").write_text("", encoding="utf-8")
        for name in names:
            _copy(package / room / f"{name}.py", stand_in / room)
    (stand_in / "__init__.py").write_text(_STAND_IN, encoding="utf-8")
    _copy_dlcore(target / "dlcore", set(twins), lesson)
    for name in withheld:
        folder = target / "withheld" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(_PACKAGE, encoding="utf-8")
        if name in _TABLES and (spec := find_spec(name)) and spec.origin:
            for place in _TABLES[name]:
                shutil.copytree(
                    Path(spec.origin).parent / place, folder / place, ignore=_all_but_tables
                )


def _all_but_tables(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith((".csv", ".gz", ".rst"))}


def _copy(source: Path, folder: Path) -> None:
    """A module with its bytecode: the sandbox's folders are read-only, each start would compile it again."""
    shutil.copy2(source, folder)
    compiled = Path(cache_from_source(str(source)))
    with contextlib.suppress(OSError):  # the package's own folder may be read-only, too
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            py_compile.compile(str(source), quiet=2)
        (folder / "__pycache__").mkdir(exist_ok=True)
        shutil.copy(compiled, folder / "__pycache__")


def _copy_dlcore(target: Path, twins: set[str], lesson: str) -> None:
    home = Path(dlcore.__file__).parent
    for source in home.rglob("*.py"):
        place = source.relative_to(home)
        modules = [
            ".".join(["dlcore", *place.with_suffix("").parts[:n]])
            for n in range(len(place.parts) + 1)
        ]
        copy = target / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        if place.parts[0] == "explore":
            if place.name == "__init__.py":
                copy.write_text(_EXPLORE, encoding="utf-8")
        elif twins.intersection(modules) and place.name != "__init__.py":
            copy.write_text(stub(source.read_text(encoding="utf-8"), lesson), encoding="utf-8")
        else:
            shutil.copy(source, copy)


def stub(source: str, lesson: str) -> str:
    """A module with the same names, each of which says that the lesson asks for it."""
    lines = [
        f'"""Withheld while lesson {lesson} is graded: answers use what lessons before have built."""\n',
        "def _withheld(name):",
        f'    raise RuntimeError(f"{{name}} is not here while lesson {lesson} is graded: write it yourself")\n',
    ]
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(name=name):
                lines.append(f"def {name}(*args, **kwargs):\n    _withheld({name!r})\n")
            case ast.ClassDef(name=name):
                lines.append(
                    f"class {name}:\n    def __init__(self, *args, **kwargs):\n        _withheld({name!r})\n"
                )
            case ast.Assign(targets=targets):
                lines += [f"{t.id} = None" for t in targets if isinstance(t, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                lines.append(f"{name} = None")
    return "\n".join(lines) + "\n"
