"""What in a student's code an instructor may want to look at: evidence with its line, no verdict.

Reads the code without running it. What the sandbox saw while it ran is added by the session.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from nbformat import NotebookNode

from autograder.grade.assignment import LONGEST_CODE, Assignment, assigned, parse

MOST = 50  # remarks on one notebook

_MODULES = {
    "ctypes": "calls C directly", "subprocess": "starts programs", "multiprocessing": "starts processes",
    "socket": "uses the network", "urllib": "uses the network", "requests": "uses the network",
    "http": "uses the network", "ftplib": "uses the network", "pty": "starts programs",
    "inspect": "looks at other code", "gc": "looks at other objects", "importlib": "loads code by name",
    "builtins": "reaches for builtins", "atexit": "leaves code for later", "signal": "handles signals",
    "resource": "changes limits", "_thread": "starts threads", "pickle": "makes objects from bytes",
    "marshal": "makes objects from bytes", "faulthandler": "handles crashes",
}  # fmt: skip
_NAMES = {
    "eval": "runs text as code", "exec": "runs text as code", "__import__": "loads code by name",
    "__builtins__": "reaches for builtins", "exit": "ends the notebook", "quit": "ends the notebook",
    "get_ipython": "reaches for the notebook's machinery",
}  # fmt: skip
_DOTTED = {
    "os._exit": "ends the notebook", "sys.exit": "ends the notebook", "os.abort": "ends the notebook",
    "os.kill": "ends processes", "os.killpg": "ends processes", "os.fork": "starts processes",
    "os.system": "starts programs", "os.popen": "starts programs", "os.environ": "reads the environment",
    "os.symlink": "makes links", "os.link": "makes links", "os.chmod": "changes rights",
    "os.setuid": "changes rights", "os.listxattr": "looks around", "os.walk": "looks around",
    "os.write": "writes to descriptors", "os.close": "closes descriptors", "os.dup2": "changes descriptors",
    "os.closerange": "closes descriptors", "os.memfd_create": "makes hidden files",
    "sys._getframe": "looks at other code", "sys.modules": "changes what is imported",
    "sys.meta_path": "changes what is imported", "sys.path_hooks": "changes what is imported",
    "sys.settrace": "watches other code", "sys.setprofile": "watches other code",
    "sys.setrecursionlimit": "changes limits", "sys._current_frames": "looks at other code",
    "threading.Thread": "leaves code running", "sys.excepthook": "changes how errors are shown",
    "sys.displayhook": "changes how results are shown", "sys.__stdout__": "writes past the notebook",
}  # fmt: skip
_OS = ("exec", "spawn", "posix_spawn", "fork")
_PATHS = re.compile(r"(^|/)\.\./|^/(proc|etc|root|home|var|sys|dev/(?!null))|solutions|gradebook|submitted|nbgrader_config", re.I)  # fmt: skip
_MAGIC = re.compile(r"^[ \t]*(!|%%?(bash|sh|script|system|sx|run|load|loadpy|writefile|cd|env|set_env|reset|history|pastebin)\b)", re.M)  # fmt: skip
_ESCAPES = re.compile(r"</?(script|iframe|object|embed|form|meta|link|base|svg)\b|javascript:|\bon\w+\s*=", re.I)  # fmt: skip
_LIES = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__array__", "__array_ufunc__",
         "__array_function__", "__array_wrap__", "__instancecheck__", "__class__", "__del__"}  # fmt: skip


def remarks(nb: NotebookNode, a: Assignment) -> Iterator[dict[str, Any]]:
    """``{"where", "kind", "detail", "line"}`` for each, in the order of the notebook."""
    known = {cell.source.strip() for cell in a.code} | {t.strip() for t in a.released.values()}
    known |= {source.strip() for source in a.texts}
    modules: dict[str, str] = {}  # what names stand for, from all cells
    for cell in nb.cells:
        if cell.cell_type == "code":
            modules |= _aliases(cell.source)
    count = 0
    for number, cell in enumerate(nb.cells):
        about = cell.metadata.get("nbgrader", {})
        if cell.source.strip() in known or (about.get("grade") and not about.get("solution")):
            continue
        found = (
            chain(_in_code(cell.source, a, modules), _withheld_by_name(cell.source, a))
            if cell.cell_type == "code"
            else _in_text(cell.source)
        )
        seen: set[tuple[str, int]] = set()
        for why, line in found:
            if (why, line) in seen:
                continue
            seen.add((why, line))
            count += 1
            if count > MOST:
                return
            lines = cell.source.splitlines()
            text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
            where = about.get("grade_id") or f"cell {number + 1}"
            yield {"where": where, "kind": "code", "detail": f"{why}: {text[:160]}", "line": line}


def _in_text(source: str) -> Iterator[tuple[str, int]]:
    for line in _lines(_ESCAPES, source):
        yield "text that a browser would run", line


def _lines(pattern: re.Pattern[str], source: str) -> Iterator[int]:
    """The lines in which ``pattern`` is found, as many as can be told."""
    line, at = 1, 0
    for match in islice(pattern.finditer(source), MOST + 1):
        line += source.count("\n", at, match.start())
        at = match.start()
        yield line


@lru_cache(4096)
def _aliases(source: str) -> dict[str, str]:
    """``{"np": "numpy", "exit": "sys.exit"}`` for the imports in a cell."""
    found: dict[str, str] = {}
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Import):
            found |= {
                x.asname or x.name.split(".")[0]: (x.asname and x.name) or x.name.split(".")[0]
                for x in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {x.asname or x.name: f"{node.module}.{x.name}" for x in node.names}
    return found


def _in_code(source: str, a: Assignment, modules: dict[str, str]) -> Iterator[tuple[str, int]]:
    for line in _lines(_MAGIC, source):
        yield "uses the system from a cell", line
    if len(source) > LONGEST_CODE:
        yield f"a cell of {len(source):,} characters, too long to be looked at", 1
    taught = {name.split(".")[0] for name in a.modules}
    hidden = {*a.twins, *a.withheld}
    for node in ast.walk(parse(source)):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield from _imported(alias.name, line, hidden, taught)
            case ast.ImportFrom(module=str() as module, names=names):
                for alias in names:
                    yield from _imported(f"{module}.{alias.name}", line, hidden, taught)
                    yield from _dotted(f"{module}.{alias.name}", line)
            case ast.Name(id=name) if name in _NAMES:
                yield _NAMES[name], line
            case ast.Attribute() if path := _path(node, modules):
                yield from _dotted(path, line)
                if isinstance(node.ctx, ast.Store | ast.Del) and path.split(".")[0] != "self":
                    root = path.split(".")[0]
                    if root in {m.split(".")[0] for m in modules.values()}:
                        yield "changes a library", line
            case ast.Subscript(value=ast.Attribute() as inner, ctx=ast.Store() | ast.Del()):
                if (path := _path(inner, modules)) and path.startswith("sys."):
                    yield "changes what is imported", line
            case ast.ClassDef(name=name, body=body):
                lies = [n.name for n in body if isinstance(n, ast.FunctionDef) and n.name in _LIES]
                if lies and name not in a.declared:
                    yield f"a class with {', '.join(lies)}", line
            case ast.Constant(value=str() as text) if len(text) < 500 and _PATHS.search(text):
                yield "names a place outside the notebook", line
            case ast.Constant(value=str() as text) if _ESCAPES.search(text):
                yield "text that a browser would run", line
            case ast.Constant(value=str() as text) if "\x1b" in text or "\x9b" in text:
                yield "control sequences for a terminal", line
            case ast.ExceptHandler(type=kind) if kind is None or _catches_all(kind):
                yield "catches every exception, a timeout included", line


def _withheld_by_name(source: str, a: Assignment) -> Iterator[tuple[str, int]]:
    """What an exercise forbids of a package that has to be there, however it is reached.

    Another exercise may ask for it: cells that answer one are passed over.
    """
    own = {e.function for e in a.exercises} & {*assigned(source)}
    for e in a.exercises:
        names = {n.rpartition(".")[2]: n for n in e.forbidden if not n.startswith("dlcore.")}
        if not names or own - {e.function}:
            continue
        for node in ast.walk(parse(source)):
            match node:
                case ast.Attribute(attr=word) | ast.alias(name=word) | ast.Name(id=word):
                    pass
                case ast.Constant(value=str() as word):
                    pass
                case _:
                    continue
            if word in names:
                yield f"uses {names[word]}, which {e.name} forbids", getattr(node, "lineno", 0)


def _imported(
    name: str, line: int, hidden: set[str], taught: set[str]
) -> Iterator[tuple[str, int]]:
    root = name.split(".")[0]
    if any(name == h or name.startswith(h + ".") for h in hidden):
        yield f"imports {name}, which answers may not use", line
    elif root in _MODULES and root not in taught:
        yield _MODULES[root], line


def _dotted(path: str, line: int) -> Iterator[tuple[str, int]]:
    if path in _DOTTED:
        yield _DOTTED[path], line
    elif path.startswith("os.") and path[3:].startswith(_OS):
        yield "starts programs", line


def _path(node: ast.expr, modules: dict[str, str]) -> str:
    """``os.path.join`` for an attribute of an imported name; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in modules:
        return ""
    return ".".join([modules[node.id], *reversed(parts)])


def _catches_all(kind: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) and n.id == "BaseException" for n in ast.walk(kind))
