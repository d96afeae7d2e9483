"""JupyterLab on the course, and all explorers on one page: what ``make lab`` and ``make explore`` start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from autograder.errors import Problem
from autograder.exercises import catalog

# no pause between a slider and its picture
CONNECTION = "kernel_websocket_connection_class=dlcore.explore.connection.PromptConnection"


def put_lessons(folder: Path) -> list[Path]:
    """Copy the notebooks that ``folder`` lacks; one that is there is somebody's work, and stays."""
    copied = []
    for source in sorted((catalog.root() / "course").glob("*/*.ipynb")):
        path = folder / source.parent.name / source.name
        # not a lesson's own place, but a notebook kept beside it
        if source.stem == source.parent.name and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)
            copied.append(path)
    return copied


def lab(folder: Path, options: list[str]) -> int:
    """JupyterLab on the lessons in ``folder``, until it is stopped; its exit code."""
    put_lessons(folder)
    first = catalog.lessons()[0].slug
    return _start(
        "jupyterlab",
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/lab/tree/{first}/{first}.ipynb",
        f"--ServerApp.{CONNECTION}",
        *(["--allow-root"] if hasattr(os, "getuid") and os.getuid() == 0 else []),
        *options,
    )


def explore(options: list[str]) -> int:
    """The page of explorers, until it is stopped; its exit code."""
    import dlcore

    page = Path(dlcore.__file__).parent / "explore" / "page.ipynb"
    return _start("voila", str(page), f"--Voila.{CONNECTION}", *options)


def _start(module: str, *options: str) -> int:
    from dlcore.backend import blas

    # kernels inherit it, whatever they import first
    env = blas.here() | dict(os.environ)
    try:
        return subprocess.call([sys.executable, "-m", module, *options], env=env)
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        raise Problem(f"{module} does not start: {error}", "run `autograder doctor`") from None
