"""What an answer may use: Python, NumPy, and what the lessons before have built.

The rest is named here, for the check in the notebook, which tells it, and for the sandbox, in which it is not there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType

import dlcore.scratch

# Packages that hold what some exercise asks for; most of them are not installed with the course.
PACKAGES = (
    *("torch", "torchgen", "functorch", "torchvision", "torchaudio", "lightning", "transformers", "timm"),
    *("tensorflow", "keras", "jax", "jaxlib", "flax", "optax", "paddle", "mxnet", "theano", "tinygrad", "mygrad"),
    *("autograd", "cupy", "numba", "numexpr", "scipy", "sklearn", "skimage", "cv2", "statsmodels", "pandas"),
    *("polars", "sympy", "mpmath", "xgboost", "lightgbm", "networkx", "patsy", "formulaic", "dask"),
)  # fmt: skip
# of dlcore, what every lesson may use; `rng` is in lesson 6's part of the library, and `data` needs it
ALWAYS = {"data", "plot", "explore", "crosscheck", "errors", "rng", "backend.blas", "backend.device", "backend.memory"}  # fmt: skip
# what gathers the library under PyTorch's names comes with the Tensor; what is not built yet is a stub in there
_GATHERED = {"functional": 5, "nn": 5}
_HOME = Path(dlcore.__file__).parent


def contents(package: ModuleType) -> dict[str, int]:
    """The files that a package's docstring lists, with the lesson that each belongs to."""
    rows = re.findall(r"^    (\w+) .*lesson (\d\d)$", package.__doc__ or "", re.M)
    return {name: int(number) for name, number in rows}


@cache
def _lessons() -> dict[str, int]:
    """By lesson's name, its number: each writes one file of ``dlcore.scratch``."""
    return contents(dlcore.scratch)


@cache
def _built() -> dict[str, int]:
    """For each module of dlcore that not every lesson may use, the lesson that builds it; 0 for its inner parts."""
    found = contents(dlcore) | _GATHERED
    found |= {f"scratch.{name}": n for name, n in _lessons().items()}
    for path in (*_HOME.glob("*"), *_HOME.glob("scratch/*.py"), *_HOME.glob("backend/*.py")):
        name = ".".join(path.relative_to(_HOME).with_suffix("").parts)
        if not path.name.startswith("_") and name not in ("scratch", "backend"):
            found.setdefault(name, 0)
    return {f"dlcore.{name}": n for name, n in found.items() if name not in ALWAYS}


@cache
def forbidden(lesson: str) -> tuple[str, ...]:
    """Dotted names that no answer of ``lesson`` may use; its exercises may add to them."""
    number = _lessons().get(lesson, 100)
    return (*PACKAGES, *(name for name, built in _built().items() if built >= number or not built))


def needed(imported: Iterable[str], banned: Iterable[str]) -> set[str]:
    """Inner parts of dlcore that must be there, because what is allowed, or ``imported``, rests upon them.

    What ``banned`` holds besides inner parts stays away, and so does what only that needs.
    """
    inner = {name for name, built in _built().items() if not built}
    # explorers stand still while a notebook is graded, and there is no PyTorch to compare with
    away = {*banned, "dlcore.explore", "dlcore.crosscheck"} - inner
    found: set[str] = set()
    todo = ["dlcore", *_built().keys() - inner]
    todo += [name for name in imported if name.startswith("dlcore.")]
    while todo:
        name = todo.pop()
        if name in found or name in away:
            continue
        found.add(name)
        todo += _imports(name)
    return {name for name in inner if any(f"{f}.".startswith(f"{name}.") for f in found)}


def is_module(name: str) -> bool:
    """Whether ``name`` is a module of dlcore."""
    return name.split(".")[0] == "dlcore" and _file(name).exists()


def _file(module: str) -> Path:
    place = _HOME.joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@cache
def _imports(module: str) -> list[str]:
    """What a module of dlcore imports of dlcore."""
    names: list[str] = []
    if not is_module(module):
        return names
    for node in ast.walk(ast.parse(_file(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if is_module(name)]
