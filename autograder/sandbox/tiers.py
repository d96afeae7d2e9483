"""What this machine can isolate with, and the command that starts the zygote so.

bubblewrap  namespaces, a file system of its own, seccomp, limits
landlock    where user namespaces are blocked: Landlock, seccomp, limits
process     a process with limits and nothing more; has to be asked for by name
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from autograder.errors import Problem
from autograder.sandbox import landlock, seccomp

TIERS = ("bubblewrap", "landlock", "process")
COURSE = "/course"  # the library's place inside a bubblewrap
INSTALL = "apt-get install bubblewrap libseccomp2"


@cache
def missing(tier: str) -> str:
    """Why ``tier`` cannot be used here; empty if it can."""
    if not sys.platform.startswith("linux"):
        return f"needs Linux, this is {sys.platform}"
    if tier == "process":
        return ""
    if not seccomp.available():
        return "libseccomp is not installed"
    if tier == "landlock":
        return "" if landlock.version() else "this kernel has no Landlock (Linux 5.13 and newer)"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    probe = ["bwrap", *_unshare(), "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--"]
    nested = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if os.getuid() and shutil.which("unshare"):  # every submission gets a /proc of its own
        probe += nested
    probe += ["/bin/true"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError) as error:
        return f"bubblewrap does not start: {error}"
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"bubblewrap may not make namespaces here ({why})"
    return ""


def choose(wanted: str | None = None) -> str:
    """The strongest tier that works here, or the one asked for. Raises Problem."""
    if wanted is not None and wanted not in TIERS:
        raise Problem(f"there is no isolation {wanted!r}", f"choose one of {', '.join(TIERS)}")
    for tier in (wanted,) if wanted else TIERS[:2]:
        if not missing(tier):
            return tier
    reasons = "; ".join(f"{t}: {missing(t)}" for t in ((wanted,) if wanted else TIERS[:2]))
    if not sys.platform.startswith("linux"):
        raise Problem(
            f"grading needs Linux, this is {sys.platform}",
            "grade in a Linux container or virtual machine (lessons and checks run everywhere)",
        )
    raise Problem(
        f"nothing here can keep students' code apart ({reasons})",
        f"{INSTALL}; or, for work of people you trust, add --isolation process",
    )


def _unshare() -> list[str]:
    spaces = [
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
    ]
    # root needs no user namespace yet: each submission gets one of its own
    return spaces if os.getuid() == 0 else ["--unshare-user", *spaces]


def python() -> Path:
    """This Python by a path that the sandbox has: its folder may be reached through a link."""
    own = Path(sys.executable)
    return own.parent.resolve() / own.name


def python_folders() -> list[Path]:
    """Where this Python and its packages live."""
    folders = [sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent.parent)]
    folders += [*map(str, package_folders()), sysconfig.get_paths()["stdlib"]]
    found: list[Path] = []
    for folder in sorted({Path(f).resolve() for f in folders}, key=lambda p: len(p.parts)):
        if (
            folder.is_dir()
            and len(folder.parts) > 1
            and not any(folder.is_relative_to(f) for f in found)
        ):
            found.append(folder)
    return found


def package_folders() -> list[Path]:
    """The folders in which packages are installed."""
    found = [*site.getsitepackages(), site.getusersitepackages()]
    found += [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]
    return [Path(p).resolve() for p in dict.fromkeys(found) if Path(p).is_dir()]


_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "fonts", "localtime", "alternatives")


def elsewhere() -> list[Path]:
    """Folders of packages that are not this Python's: of the one that a virtual environment was made with, of the
    system's, of conda's other environments."""
    bases = {Path(p).resolve() for p in (sys.base_prefix, sys.prefix, "/usr", "/usr/local")}
    bases |= {folder for folder in python_folders() if (folder / "lib").is_dir()}
    patterns = ("lib*/python3*/site-packages", "lib*/python3*/dist-packages", "envs/*", "pkgs")
    found = {path.resolve() for base in bases for p in patterns for path in base.glob(p)}
    own = [*package_folders(), Path(sys.prefix).resolve()]
    return sorted(f for f in found if f.is_dir() and not any(o.is_relative_to(f) for o in own))


def masks(library: Path) -> list[tuple[Path, Path]]:
    """(what the sandbox sees, where): our stand-ins over installed packages, nothing over those of others."""
    (library / "empty").mkdir(exist_ok=True)
    found = [(library / "empty", where) for where in elsewhere()]
    for folder in package_folders():
        for stand_in in [
            *(library / "withheld").glob("*"),
            library / "dlcore",
            library / "autograder",
        ]:
            if (folder / stand_in.name).is_dir():
                found.append((stand_in, folder / stand_in.name))
    return found


def readable(tier: str, library: Path) -> list[str]:
    """What a submission must find: in the landlock tier all that it may read, without what is masked;
    in the bubblewrap tier the folders of Python, wherever they lie."""
    if tier == "process":
        return []
    if tier == "bubblewrap":
        return list(map(str, python_folders()))
    hidden = {where for _, where in masks(library)}
    paths = (
        [Path(p) for p in _SYSTEM] + [Path("/etc") / n for n in _ETC] + [library, *python_folders()]
    )
    found: list[str] = []
    for path in paths:
        found += _without(path, hidden)
    return [
        *found,
        "/dev/zero",
        "/dev/urandom",
        "/dev/random",
        "/proc/self",
        "/proc/meminfo",
        "/proc/cpuinfo",
    ]


def _without(path: Path, hidden: set[Path]) -> list[str]:
    real = path.resolve()
    if real in hidden or not real.exists():
        return []
    if not any(h.is_relative_to(real) for h in hidden):
        return [str(real)]
    # modules are found by the list of their folder, in which a hidden one may stand
    return [
        f"{real}{landlock.LISTED}",
        *(p for child in real.iterdir() for p in _without(child, hidden)),
    ]


def command(tier: str, library: Path, home: Path) -> list[str]:
    """What to put in front of ``python -m autograder.sandbox.zygote``."""
    if tier != "bubblewrap":
        return []
    # the zygote is the first process in there: when it dies, for whatever reason, all die
    args = ["bwrap", *_unshare(), "--as-pid-1", "--new-session", "--hostname", "sandbox"]
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            args += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            args += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        args += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    args += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", str(home)]
    # what one maps of it to share is nobody's memory
    args += ["--dev-bind", "/dev/null", "/dev/zero"]
    args += ["--ro-bind", str(library), COURSE]
    for folder in python_folders():
        if folder.is_relative_to("/usr"):
            continue
        for parent in reversed(folder.parents[:-1]):
            args += ["--dir", str(parent)]  # open to all; made by --ro-bind they would not be
        args += ["--ro-bind", str(folder), str(folder)]
    for stand_in, where in masks(library):
        args += ["--ro-bind", str(stand_in), str(where)]
    return [*args, "--remount-ro", "/", "--chdir", str(home), "--"]


def environment(tier: str, library: Path, home: Path) -> dict[str, str]:
    """All that student code learns from the environment."""
    course = Path(COURSE) if tier == "bubblewrap" else library
    paths: Sequence[Path] = (course, course / "withheld")
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": os.pathsep.join([str(python().parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "" if site.ENABLE_USER_SITE else "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": "/tmp/matplotlib" if tier == "bubblewrap" else str(home / "matplotlib"),
        "IPYTHONDIR": str(home / ".ipython"),
        "NBGRADER_EXECUTION": "autograde",
        **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")},
    }
