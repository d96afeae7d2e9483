"""The house: which rooms there are, who may import whom, in which order, and what an import costs."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import dlcore
from autograder.exercises import catalog
from autograder.exercises.allowed import contents
from tests.conftest import ROOT

FILES = sorted((ROOT / "dlcore").rglob("*.py"))
OURS = sorted((ROOT / "autograder").rglob("*.py"))


def imports(path: Path) -> set[str]:
    """The modules that a file imports, dotted, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in (*FILES, *OURS)}


def ours(path: Path) -> set[str]:
    """Modules of dlcore and autograder that a file imports."""
    found = set()
    for name in imports(path):
        parts = name.split(".")
        while parts and ".".join(parts) not in MODULES:
            parts.pop()
        if parts:
            found.add(".".join(parts))
    return found


# dlcore: four rooms ----------------------------------------------------------------------------------------------

LIBRARY = contents(dlcore)
SCRATCH = contents(importlib.import_module("dlcore.scratch"))
AROUND = {"nn", "functional", "crosscheck", "plot", "explore", "errors"}
ROOMS = {"scratch", "data", "backend"}
LAST = {"plot", "explore", "crosscheck"}  # may import anything; nothing else imports them
# layers of the library: a file imports from its own layer or those before it
LAYERS = [
    {"backend", "errors", "rng"},
    {"dtypes"},
    {"tensor"},
    {"operands"},
    {"ops", "operators", "positions", "comparison", "reductions", "shaping", "activations", "losses", "conv", "pooling", "normalization", "dropout", "embedding",
     "recurrent", "attention", "data", "gradcheck", "functional", "init"},
    {"nn"},
    {"clipping", "optim", "schedule", "checkpoint", "train", "generative"},
]  # fmt: skip


def room(path: Path) -> str:
    return path.relative_to(ROOT / "dlcore").parts[0].removesuffix(".py")


def rooms_used(path: Path) -> set[str]:
    names = (name.split(".") for name in ours(path) if name.startswith("dlcore."))
    return {parts[1] for parts in names}


def test_everything_in_dlcore_is_in_its_contents_and_has_a_place_in_the_layers():
    listed = {room(path) for path in FILES} - {"__init__"}
    assert listed == set(LIBRARY) | AROUND | ROOMS
    assert listed == {"scratch", *LAST, *(name for layer in LAYERS for name in layer)}


@pytest.mark.parametrize("name", ["scratch", "data", "backend", "recurrent", "crosscheck"])
def test_a_room_lists_its_files(name):
    listed = set(
        re.findall(r"^    (\w+)  +\S", importlib.import_module(f"dlcore.{name}").__doc__, re.M)
    )
    files = {path.stem for path in (ROOT / "dlcore" / name).glob("*.py")} - {"__init__"}
    assert listed == files


def test_lessons_contents_and_files_agree():
    """One file a lesson, named as the lesson; ``debugging`` holds scripts that lesson 07 reads."""
    lessons = {lesson.name: lesson.number for lesson in catalog.lessons()}
    assert {name: n for name, n in SCRATCH.items() if name != "debugging"} == lessons
    assert list(SCRATCH.values()) == sorted(SCRATCH.values())
    assert list(LIBRARY.values()) == sorted(LIBRARY.values())


@pytest.mark.parametrize("name", SCRATCH)
def test_scratch_imports_earlier_lessons_numpy_and_data(name):
    path = ROOT / "dlcore" / "scratch" / f"{name}.py"
    order = list(SCRATCH)
    allowed = {f"dlcore.scratch.{other}" for other in order[: order.index(name)]}
    used = ours(path)
    assert {u for u in used if not u.startswith("dlcore.data")} <= allowed
    others = {n.split(".")[0] for n in imports(path)} - {"dlcore", "numpy"}
    assert others <= sys.stdlib_module_names


def test_twins_are_what_learners_write():
    for exercise in catalog.exercises():
        assert exercise.twin.rpartition(".")[0] == f"dlcore.scratch.{exercise.lesson}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_dlcore_arrows(path):
    names = {name.split(".")[0] for name in imports(path)}
    here, used = room(path), rooms_used(path)
    assert "autograder" not in names
    if here != "crosscheck":
        assert "torch" not in names
    if here not in {"plot", "explore"}:
        assert not names & {"matplotlib", "ipywidgets", "anywidget", "IPython"}
    if here in LAST | {"scratch", "__init__"}:
        return
    assert "scratch" not in used, "the library does not lean on what learners write"
    layer = next(i for i, layer in enumerate(LAYERS) if here in layer)
    assert used <= set().union(*LAYERS[: layer + 1]), f"{here} imports {used}"


def test_the_library_is_written_in_the_order_of_the_lessons():
    """Each file imports what stands above it in the contents; layers come with the models that need them."""
    order = list(LIBRARY)
    for i, name in enumerate(order):
        paths = [path for path in FILES if room(path) == name]
        used = set().union(*map(rooms_used, paths)) - {name}
        allowed = {"backend", "errors"} | ({"nn"} if name in {"train", "generative"} else set())
        assert used <= set(order[:i]) | allowed, f"{name} imports {used}"


@pytest.mark.parametrize("path", [p for p in FILES if room(p) not in ROOMS | LAST], ids=module_of)
def test_new_arrays_are_made_in_row_major_order(path):
    """NumPy's own ``empty_like`` takes over a transposed order, and a flat view of it is then a copy: see backend.arrays."""
    assert (
        not re.search(r"np\.(empty|zeros|ones)_like\(", path.read_text())
        or path.stem == "gradcheck"
    )


def test_the_tensor_knows_no_derivative_and_the_backend_no_tensor():
    assert rooms_used(ROOT / "dlcore" / "tensor.py") == {"dtypes", "backend"}
    for path in (ROOT / "dlcore" / "backend").glob("*.py"):
        assert rooms_used(path) <= {"backend"}


def test_no_circles():
    """Neither between files, imports inside functions included, nor between rooms of autograder."""
    graph = {name: ours(path) - {name, "dlcore", "autograder"} for name, path in MODULES.items()}
    # a package's front page names what stands in it
    graph = {name: used for name, used in graph.items() if MODULES[name].name != "__init__.py"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


# autograder: a pipeline of rooms ---------------------------------------------------------------------------------

PIPELINE = ["errors", "_lean", "exercises", "check", "author", "sandbox", "roster", "classroom", "grade", "report", "lab", "demo", "doctor", "cli", "__main__"]  # fmt: skip


def grader_room(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("path", [p for p in OURS if p.parent != ROOT / "autograder" or p.stem != "__init__"], ids=module_of)  # fmt: skip
def test_a_room_imports_only_rooms_before_it(path):
    here = grader_room(module_of(path))
    before = set(PIPELINE[: PIPELINE.index(here) + 1])
    used = {grader_room(n) for n in ours(path) if n.startswith("autograder.")}
    assert used <= before, f"{here} imports {used - before}"


def test_every_room_of_the_grader_says_what_comes_in_what_goes_out_and_what_is_next():
    rooms = {path.parent.name for path in OURS if path.name == "__init__.py"} - {"autograder"}
    assert rooms == {"exercises", "checks", "check", "author", "sandbox", "grade", "report"}
    for name in rooms - {"checks"}:
        doc = importlib.import_module(f"autograder.{name}").__doc__
        lines = doc.splitlines()
        assert [line.split(":")[0] for line in lines[2:5]] == ["In", "Out", "Next"], name
    summary = importlib.import_module("autograder").__doc__
    named = re.findall(r"^    (\w+)   ", summary, re.M)
    assert [n for n in PIPELINE if n in rooms] == [n for n in named if n in rooms]


@pytest.mark.parametrize("name", ["exercises", "check"])
def test_the_instant_answer_is_free_of_nbgrader(name):
    for path in (ROOT / "autograder" / name).rglob("*.py"):
        if path.stem != "catalog":  # reads alternatives with jupytext, for authors
            heavy = {"nbgrader", "nbformat", "nbconvert", "jupytext", "sqlalchemy", "jinja2"}
            assert not heavy & {n.split(".")[0] for n in imports(path)}, path


def test_tests_mirror_the_rooms():
    for package in ("dlcore", "autograder"):
        folders = {p.name for p in (ROOT / "tests" / package).iterdir() if p.is_dir()}
        rooms = {p.name for p in (ROOT / package).iterdir() if (p / "__init__.py").exists()}
        assert folders - {"__pycache__", "attacks"} <= rooms
        # exercises: tests/solutions; modules and recurrent layers: one battery over all
        assert rooms - folders <= {"exercises", "nn", "recurrent"}


def test_grading_imports_public_names_of_the_library():
    for path in OURS:
        for name in imports(path):
            if name.startswith("dlcore."):
                assert not any(part.startswith("_") for part in name.split(".")), f"{path}: {name}"


# what files look like, and what they cost ------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_kernels_are_pure_functions_on_arrays(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.endswith(("_forward", "_backward")):
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            assert "Tensor" not in names, node.name
            assert node.end_lineno - node.lineno < 40, node.name


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) <= 400


KERNELS = ["activations", "attention", "backend.sliding", "backend.sums", "backend.winograd", "conv", "dropout", "embedding",
           "generative", "losses", "normalization", "ops", "optim", "pooling", "recurrent.gates", "recurrent.gru",
           "recurrent.layers", "recurrent.lstm", "recurrent.rnn", "reductions", "shaping"]  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_never_create_bare_arrays(name):
    """np.zeros(shape) would make a NumPy array where a CuPy one is at work."""
    text = (ROOT / "dlcore" / f"{name.replace('.', '/')}.py").read_text()
    assert not re.search(r"np\.(zeros|ones|empty|full|eye)\(", text)


def fresh(code: str) -> set[str]:
    """Packages in a fresh Python after ``code``."""
    code += "\nimport sys; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_library_imports_numpy_and_nothing_else():
    loaded = fresh("import dlcore, dlcore.nn, dlcore.optim, dlcore.train, dlcore.data")
    own = fresh("import numpy, numpy.random") | {"dlcore"}
    assert loaded - own - sys.stdlib_module_names == set()


def test_importing_the_checks_is_light():
    loaded = fresh("import dlcore, autograder")
    heavy = {"torch", "matplotlib", "sklearn", "scipy", "tqdm", "IPython", "nbgrader", "jupytext"}
    assert not heavy & loaded


def test_every_lazy_name_loads():
    for name in dlcore.__all__:
        assert getattr(dlcore, name) is not None
    with pytest.raises(AttributeError):
        dlcore.no_such_name  # noqa: B018


DOCUMENTED = [name for name in KERNELS if name not in {"ops", "optim"}]


@pytest.mark.parametrize("name", [*(f"scratch.{name}" for name in SCRATCH), *DOCUMENTED])
def test_public_functions_have_docstrings_with_shapes(name):
    module = sys.modules.get(f"dlcore.{name}") or importlib.import_module(f"dlcore.{name}")
    for key, value in vars(module).items():
        own = inspect.isfunction(value) and value.__module__ == module.__name__
        if own and key[0] != "_" and not key.endswith(("_forward", "_backward", "_cdf")):
            assert value.__doc__, key
            if "Tensor" in str(value.__annotations__.get("return")):
                assert "->" in value.__doc__, key


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_everything_public_is_documented(path):
    for node in ast.parse(path.read_text()).body:
        kernel = node.__class__.__name__ == "FunctionDef" and node.name.endswith(
            ("_forward", "_backward")
        )
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_" and not kernel:
            assert ast.get_docstring(node), f"{path.name}: {node.name}"
