"""Tables and texts that installed packages bring along, read without importing the packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from dlcore.errors import extra


def bundled(package: str, file: str) -> Path:
    """Where ``file`` of ``package`` is. Raises ImportError, with what to install, if it is not there."""
    with extra("course"):
        if not (spec := find_spec(package)):
            raise ModuleNotFoundError(name=package)
    for folder in spec.submodule_search_locations or ():
        if (path := Path(folder) / file).is_file():
            return path
    raise ImportError(f"{package} is installed, but its {file} is missing; install {package} again")
