"""The rooms of dlcore: who may import whom, in which order, and what an import costs."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dlcore
from tests.conftest import ROOT

FILES = sorted((ROOT / "dlcore").rglob("*.py"))
LESSON_MODULES = re.findall(r"^    (\w+) .*lesson (\d\d)$", dlcore.__doc__ or "", re.M)
LAST = {"plot", "explore", "crosscheck"}  # may import anything; nothing above imports them


def imports(path: Path) -> set[str]:
    """The modules that a file imports, dotted."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(path: Path) -> str:
    return path.relative_to(ROOT / "dlcore").parts[0].removesuffix(".py")


def dlcore_rooms(path: Path) -> set[str]:
    parts = (name.split(".") for name in imports(path) if name.startswith("dlcore."))
    return {
        p[1]
        for p in parts
        if (ROOT / "dlcore" / p[1]).exists() or (ROOT / "dlcore" / f"{p[1]}.py").exists()
    }


def test_contents_lesson_order_and_import_order_agree():
    modules = [name for name, _ in LESSON_MODULES]
    lessons = [int(number) for _, number in LESSON_MODULES]
    assert lessons == sorted(lessons)
    for name in modules:
        assert (ROOT / "dlcore" / f"{name}.py").exists(), name
    # the tensor knows no derivative and imports nothing; the kernels may import it
    allowed_early = {"tensor", "errors", "pieces", "sums"}
    for i, name in enumerate(modules):
        used = dlcore_rooms(ROOT / "dlcore" / f"{name}.py") - {name}
        # models and how to train them need layers, and layers need every kernel
        allowed = allowed_early | ({"nn"} if name in {"train", "generative"} else set())
        assert used <= set(modules[:i]) | allowed, f"{name} imports {used}"


def test_every_file_of_the_library_is_in_the_contents():
    listed = {name for name, _ in LESSON_MODULES}
    around = {
        "__init__",
        "crosscheck",
        "device",
        "errors",
        "explore",
        "functional",
        "kernels",
        "memory",
        "nn",
        "pieces",
        "plot",
        "sabotaged",
        "sums",
    }
    assert {room(path) for path in FILES} == listed | around


def test_tensor_imports_nothing_of_the_library():
    assert dlcore_rooms(ROOT / "dlcore" / "tensor.py") == set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_import_arrows(path):
    names = {name.split(".")[0] for name in imports(path)}
    assert "autograder" not in names
    if room(path) != "crosscheck":
        assert "torch" not in names
    if room(path) not in {"plot", "explore"}:
        assert not names & {"matplotlib", "ipywidgets"}
    if room(path) not in LAST | {"__init__"}:
        assert not dlcore_rooms(path) & LAST


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_kernels_are_pure_functions_on_arrays(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.endswith(("_forward", "_backward")):
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            assert "Tensor" not in names, node.name
            assert node.end_lineno - node.lineno < 40, node.name


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) <= 400


KERNELS = [
    "activations",
    "attention",
    "conv",
    "dropout",
    "embedding",
    "gated",
    "generative",
    "losses",
    "normalization",
    "ops",
    "optim",
    "pooling",
    "recurrent",
    "reductions",
    "shaping",
    "sliding",
    "sums",
    "winograd",
]


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_never_create_bare_arrays(name):
    """np.zeros(shape) would make a NumPy array where a CuPy one is at work."""
    text = (ROOT / "dlcore" / f"{name}.py").read_text()
    assert not re.search(r"np\.(zeros|ones|empty|full|eye)\(", text)


def test_importing_loads_neither_torch_nor_matplotlib():
    code = "import dlcore, autograder, sys; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"torch", "matplotlib", "sklearn", "scipy", "tqdm", "IPython", "nbgrader"} & set(
        loaded.stdout.split()
    )


def test_every_lazy_name_loads():
    for name in dlcore.__all__:
        assert getattr(dlcore, name) is not None
    with pytest.raises(AttributeError):
        dlcore.no_such_name  # noqa: B018


DOCUMENTED = [name for name in KERNELS if name not in {"ops", "optim"}]


@pytest.mark.parametrize("name", ["neuron", *DOCUMENTED])
def test_public_functions_have_docstrings_with_shapes(name):
    module = getattr(dlcore, name)
    for key, value in vars(module).items():
        own = inspect.isfunction(value) and value.__module__ == module.__name__
        if own and key[0] != "_" and not key.endswith(("_forward", "_backward", "_cdf")):
            assert value.__doc__, key
            if "Tensor" in str(value.__annotations__.get("return")):
                assert "->" in value.__doc__, key


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_everything_public_is_documented(path):
    for node in ast.parse(path.read_text()).body:
        kernel = node.__class__.__name__ == "FunctionDef" and node.name.endswith(
            ("_forward", "_backward")
        )
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_" and not kernel:
            assert ast.get_docstring(node), f"{path.name}: {node.name}"
