"""Is everything here that the course needs? What is missing, and the one command that fixes it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import Problem
from autograder.exercises import catalog
from autograder.sandbox import defenses, tiers


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``needed`` tells a fault from a remark."""

    what: str
    ok: bool
    detail: str
    mend: str = ""
    needed: bool = True


@dataclass
class DoctorReport:
    findings: list[Finding] = field(default_factory=list)
    isolation: str = ""  # the tier that grading takes by itself

    @property
    def healthy(self) -> bool:
        return all(f.ok or not f.needed for f in self.findings)

    @property
    def verdict(self) -> list[str]:
        """What can be done here, in sentences."""
        missing = ", ".join(f.what for f in self.findings if f.needed and not f.ok)
        learn = (
            f"This machine still needs: {missing}." if missing else "You can take the course here."
        )
        if not self.isolation:
            return [learn, "Classes cannot be graded here."]
        left = defenses.open_in(self.isolation)
        weaker = f" There, a submission can {'; '.join(left)}." if left else ""
        return [learn, f"Classes can be graded here, with isolation {self.isolation}.{weaker}"]


def run() -> DoctorReport:
    """Look at Python, the packages, the kernel, the lessons and the disk."""
    report = DoctorReport([_python()])
    for package in ("numpy", "matplotlib", "ipywidgets", "jupyterlab", "scikit-learn"):
        report.findings.append(_package(package, "course"))
    report.findings += [_torch(), _kernel()]
    # whoever only learns needs nothing of what grading needs
    grading = [_package(package, "grade", needed=False) for package in _FOR_GRADING]
    report.findings += [grading[0], *(finding for finding in grading[1:] if not finding.ok)]
    can_grade = all(finding.ok for finding in grading)
    if can_grade:
        rows, report.isolation = _isolation()
        report.findings += rows
    report.findings += [_lessons(compare=can_grade), _disk()]
    if can_grade:
        report.findings += _class_folder(Path.cwd())
    return report


_FOR_GRADING = ("nbgrader", "jupytext", "nbclient", "nh3", "orjson", "sqlalchemy")


def _isolation() -> tuple[list[Finding], str]:
    """What keeps students' code apart when a class is graded, and which of it grading takes."""
    from autograder.sandbox.client import Zygote

    why = {tier: tiers.missing(tier) for tier in tiers.TIERS}
    rows = []
    for tier, mend in (("bubblewrap", tiers.INSTALL), ("landlock", _NEWER)):
        if "not installed" in why[tier]:
            mend = tiers.INSTALL
        elif "namespaces" in why[tier]:
            mend = _NAMESPACES
        works = "works, but isolates less than bubblewrap" if defenses.open_in(tier) else "works"
        rows.append(
            Finding(f"isolation: {tier}", not why[tier], why[tier] or works, mend, needed=False)
        )
    used = next((t for t in ("bubblewrap", "landlock") if not why[t]), "")
    problem = "" if used else "nothing keeps their code apart: only --isolation process would run"
    if used:
        try:
            Zygote(used).close()
        except Problem as found:
            problem = found.what
    if problem:
        rows.append(Finding("grading strangers", False, problem, tiers.INSTALL, needed=False))
    return rows, "" if problem else used


_NEWER = "a kernel of Linux 5.13 or newer"
_NAMESPACES = "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (or grade with landlock)"


def _class_folder(root: Path) -> list[Finding]:
    """Whether nbgrader's own commands would use the engine, if this is a class."""
    from autograder import classroom

    if not (root / classroom.CONFIG).exists():
        return []
    text = (root / classroom.CONFIG).read_text(encoding="utf-8", errors="replace")
    if "autograder.grade.engine" in text:
        return [Finding("class folder", True, "nbgrader's commands use the sandbox too")]
    detail = "made by an older version: `nbgrader autograde` would run students' code unprotected"
    mend = f"mv {classroom.CONFIG} old_config.py && autograder init . (then copy your changes over)"
    return [Finding("class folder", False, detail, mend, needed=False)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _package(name: str, extra: str, needed: bool = True) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name), needed=needed)
    except importlib.metadata.PackageNotFoundError:
        mend = f'pip install "dlcourse[{extra}]"'
        detail = "not installed" if needed else "not installed: no class can be graded"
        return Finding(name, False, detail, mend, needed)


def _torch() -> Finding:
    if importlib.util.find_spec("torch") is None:
        detail = "not installed: grading will use dlcore as its reference, cross-checks are skipped"
        return Finding("torch", False, detail, 'pip install "dlcourse[torch]"', needed=False)
    return Finding("torch", True, importlib.metadata.version("torch"))


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        mend = "python -m ipykernel install --sys-prefix"
        return Finding("kernel python3", False, "not registered", mend)
    program = spec.argv[0]
    found = shutil.which(program) is not None or Path(program).exists()
    mend = "python -m ipykernel install --sys-prefix"
    return Finding("kernel python3", found, f"runs {program}", mend)


def _lessons(compare: bool) -> Finding:
    try:
        lessons = catalog.lessons()
    except Problem as problem:
        return Finding("lessons", False, problem.what, problem.next)
    found = Finding("lessons", True, ", ".join(lesson.slug for lesson in lessons))
    if not compare:
        return found
    from autograder.author import build

    stale = [
        lesson.slug
        for lesson in lessons
        if not (path := catalog.root() / "course" / lesson.slug / f"{lesson.slug}.ipynb").exists()
        or path.read_text(encoding="utf-8") != build.release_text(lesson)
    ]
    if stale:
        return Finding(
            "lessons", False, f"stale in course/: {', '.join(stale)}", "autograder build"
        )
    return found


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Finding("disk", free > 1, f"{free:.0f} GB free here", "make room: grading keeps copies")
