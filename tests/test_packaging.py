"""The wheel, installed outside the clone: dlcore on NumPy alone, the course with its extras, and with the oldest versions allowed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from autograder.exercises import catalog
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HERE = Path(sysconfig.get_path("purelib"))


def run(*command: object, cwd: Path, code: int = 0, timeout: float = 300) -> str:
    """What a program prints, far from the clone and from this environment."""
    ours = {"PYTHONPATH", "VIRTUAL_ENV", "DLCOURSE_SEED", "NBGRADER_EXECUTION"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if k not in ours},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of what git would clone, so that nothing lies in it by accident."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("dlcore", "autograder", "solutions", "course"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    run(*PIP, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, folder, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def environment(folder: Path, wheel: Path) -> tuple[Path, Path]:
    """A virtual environment with nothing but the wheel; its Python, and where its packages lie."""
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    run(*PIP, "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=folder)
    where = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    return python, Path(where.strip())


@pytest.fixture(scope="module")
def alone(wheel, tmp_path_factory):
    """An environment with NumPy and the wheel."""
    folder = tmp_path_factory.mktemp("alone")
    python, packages = environment(folder, wheel)
    for name in ("numpy", "numpy.libs"):
        if (HERE / name).exists():
            (packages / name).symlink_to(HERE / name)
    return python


@pytest.fixture(scope="module")
def full(wheel, tmp_path_factory):
    """An environment with the wheel, and the packages of this one."""
    folder = tmp_path_factory.mktemp("full")
    python, packages = environment(folder, wheel)
    (packages / "others.pth").write_text(str(HERE), encoding="utf-8")
    return python


def test_everything_that_a_clone_has_travels_in_the_wheel(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    for package in ("dlcore", "autograder"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in inside
    for lesson in catalog.lessons():
        assert f"autograder/lessons/solutions/{lesson.source.name}" in inside
        assert f"autograder/lessons/solutions/alternatives/{lesson.name}.py" in inside
        assert f"autograder/lessons/course/{lesson.slug}/{lesson.slug}.ipynb" in inside
    assert not {name.split("/")[0] for name in inside if "dist-info" not in name} - {"dlcore", "autograder"}  # fmt: skip


TRAINS = """
import numpy as np
import dlcore
from dlcore import data, functional as F, nn, optim, train

rng = np.random.default_rng(0)
points = data.moons(100, rng)
dlcore.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 16), nn.GELU(), nn.Linear(16, 2))
rows = data.DataLoader(data.TensorDataset(points.x, points.y), 20, shuffle=True, rng=0)
adam = optim.Adam(model.parameters(), lr=0.02)
train.fit(model, F.cross_entropy, adam, rows, epochs=60, metrics={"accuracy": train.accuracy})
print(train.evaluate(model, rows, F.cross_entropy, {"accuracy": train.accuracy})["accuracy"])
dlcore.set_num_threads(1)
print(F.gelu(dlcore.tensor(np.array([1.0, -2.0]))).data)
"""
WITHOUT = """
from dlcore import checkpoint, crosscheck, data, explore, plot
from dlcore.data import series, text
for act in (data.digits, series.sunspots, text.names, plot.axes, explore.neuron,
            lambda: checkpoint.save_checkpoint("x", {}, {}), lambda: crosscheck.to_torch(None)):
    try:
        act()
    except ImportError as error:
        print(error)
"""


def test_dlcore_trains_on_numpy_alone(alone, tmp_path):
    accuracy, gelu = run(alone, "-c", TRAINS, cwd=tmp_path).splitlines()[-2:]
    assert float(accuracy) > 0.95
    # x P(Z < x) by the tables of the normal distribution
    assert gelu == "[ 0.84134475 -0.04550026]"
    loaded = run(alone, "-c", "import sys\n" + TRAINS + "print(*sys.modules)", cwd=tmp_path)
    found = {name.split(".")[0] for name in loaded.splitlines()[-1].split()}
    others = {n for n in found - sys.stdlib_module_names if not n.startswith(("_", "cython"))}
    assert others == {"dlcore", "numpy"}


def test_what_needs_more_says_which_extra_brings_it(alone, tmp_path):
    said = run(alone, "-c", WITHOUT, cwd=tmp_path)
    assert said.count('pip install "dlcourse[course]"') == 6
    assert said.count('pip install "dlcourse[torch]"') == 1
    said = run(alone.with_name("autograder"), "--help", cwd=tmp_path, code=1)
    assert 'next:  pip install "dlcourse[course]"' in said and "Traceback" not in said


def test_a_check_needs_neither_torch_nor_anything_for_grading(alone, tmp_path):
    code = "import numpy as np; from autograder import check; print(check('neurons.layer', lambda x, w, b: x @ w.T))"
    assert "bias" in run(alone, "-c", code, cwd=tmp_path)


def test_from_a_wheel_the_command_does_what_it_does_in_a_clone(full, tmp_path):
    command = full.with_name("autograder")
    said = run(command, "doctor", cwd=tmp_path)
    assert all(lesson.slug in re.sub(r"\s+", " ", said) for lesson in catalog.lessons())
    where = run(full, "-c", "import autograder; print(autograder.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where
    said = run(command, "build", cwd=tmp_path, code=1)
    assert "clone the repository" in said
    put = "from pathlib import Path; from autograder.lab import put_lessons; print(len(put_lessons(Path('mine'))))"
    assert run(full, "-c", put, cwd=tmp_path).split() == [str(len(catalog.lessons()))]
    changed = tmp_path / "mine" / "01-neurons" / "01-neurons.ipynb"
    changed.write_text("my work", encoding="utf-8")
    assert run(full, "-c", put, cwd=tmp_path).split() == ["0"]
    assert changed.read_text(encoding="utf-8") == "my work"


def oldest() -> list[str]:
    """The lowest versions that pyproject.toml allows, of what a learner and an instructor need."""
    wanted = list(PROJECT["dependencies"])
    for extra in ("course", "grade"):
        wanted += [w for w in PROJECT["optional-dependencies"][extra] if "dlcourse" not in w]
    return [re.sub(r">=", "==", w) for w in wanted]


SOLVED = """
from nbclient import NotebookClient
from autograder.author import build
from autograder.exercises import catalog

for name in ("neurons", "rnn"):
    nb = build.source_notebook(catalog.find_lesson(name))
    NotebookClient(nb, timeout=300, kernel_name="python3", allow_errors=True).execute()
    outputs = [o for c in nb.cells if c.cell_type == "code" for o in c.outputs]
    bad = [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    points = sum(
        float(o.data["text/plain"])
        for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade") and c.cell_type == "code"
        for o in c.outputs if o.output_type == "execute_result"
    )
    print(name, len(bad), points == sum(e.points for e in catalog.find_lesson(name).exercises))
"""


@pytest.mark.daily(2)
@pytest.mark.skipif(
    not os.environ.get("DLCOURSE_OLDEST"), reason="installs packages; `make test-oldest` does"
)
def test_with_the_oldest_versions_allowed_the_course_runs(wheel, tmp_path):
    """As pyproject.toml promises: the command line, two solved lessons, and a class; all of it without torch."""
    run(sys.executable, "-m", "venv", tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run(*pip, *oldest(), cwd=tmp_path, timeout=900)
    run(*pip, "--no-deps", wheel, cwd=tmp_path)
    command = python.with_name("autograder")
    assert "grade" in run(command, "--help", cwd=tmp_path)
    assert "MISSING" not in run(command, "doctor", cwd=tmp_path)
    solved = run(python, "-c", SOLVED, cwd=tmp_path, timeout=600)
    assert "neurons 0 True" in solved and "rnn 0 True" in solved
    assert "got exactly the points expected" in run(
        command, "demo", "class", "--lesson", "1", cwd=tmp_path, timeout=600
    )


LEARNS = """
import numpy as np
from dlcore import Tensor, functional as F, nn, optim, tensor
rng = np.random.default_rng(0)
held = np.ones(2)
x, y = (tensor([1.0, 1.0], requires_grad=True) for _ in range(2))
Tensor.from_op(x.data + y.data, (x, y), lambda g: (held, held)).backward(np.ones(2))
x.grad.data[:] = 0
assert held.tolist() == [1, 1] and y.grad.data.tolist() == [1, 1], "gradients are shared"
from dlcore.gradcheck import gradcheck
assert gradcheck(F.gelu, rng.standard_normal((2, 3)), rng=rng)
assert gradcheck(F.linear, rng.standard_normal((2, 3)), rng.standard_normal((4, 3)), rng=rng)
model = nn.Sequential(nn.Linear(2, 16, rng=0), nn.Tanh(), nn.Linear(16, 2, rng=1))
points = rng.standard_normal((200, 2)).astype(np.float32)
labels = (points[:, 0] * points[:, 1] > 0).astype(int)
opt = optim.Adam(model.parameters(), lr=0.02)
for _ in range(150):
    opt.zero_grad()
    loss = F.cross_entropy(model(points), labels)
    loss.backward()
    grads = [p.grad.data for p in model.parameters()]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(grads) for b in grads[:i])
    opt.step()
assert loss.item() < 0.25, loss
print("learned")
"""


def newest_python() -> Path | None:
    """The newest one that starts, on the path or among pyenv's, if it is newer than this one."""
    roots = [os.environ.get("PYENV_ROOT"), Path.home() / ".pyenv", "/opt/pyenv"]
    for minor in range(30, sys.version_info.minor, -1):
        found = [shutil.which(f"python3.{minor}")]
        found += [p for r in roots if r for p in Path(r).glob(f"versions/*/bin/python3.{minor}")]
        for python in filter(None, found):
            done = subprocess.run([python, "-c", "import venv"], capture_output=True, check=False)
            if not done.returncode:
                return Path(python)
    return None


def test_it_learns_on_the_newest_python_that_is_here(wheel, tmp_path):
    """Newer ones count references otherwise; no gradient may depend on that."""
    if not os.environ.get("DLCOURSE_OLDEST"):
        pytest.skip("installs NumPy for another Python: make test-oldest")
    newest = newest_python()
    if newest is None:
        pytest.skip(f"there is no Python newer than {sys.version.split()[0]}")
    run(newest, "-m", "venv", "--without-pip", tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    run(*PIP, "--python", python, "install", "-q", "--prefer-binary", "numpy", cwd=tmp_path)
    run(*PIP, "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    (tmp_path / "learns.py").write_text(LEARNS)
    assert "learned" in run(python, tmp_path / "learns.py", cwd=tmp_path)


def test_what_the_newest_python_runs_holds_on_this_one(tmp_path):
    (tmp_path / "learns.py").write_text(LEARNS)
    assert "learned" in run(sys.executable, tmp_path / "learns.py", cwd=ROOT)
