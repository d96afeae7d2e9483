"""doctor names what is missing, and the command that mends it."""

from __future__ import annotations

import pytest

from autograder import doctor
from autograder.classroom import Classroom
from autograder.errors import Problem
from autograder.sandbox import defenses, tiers
from tests.autograder.conftest import needs


def test_doctor_names_what_is_missing_and_what_mends_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    why = {
        "bubblewrap": "bubblewrap is not installed",
        "landlock": "this kernel has no Landlock",
        "process": "",
    }
    monkeypatch.setattr(tiers, "missing", lambda tier: why[tier])
    report = doctor.run()
    found = {f.what: f for f in report.findings}
    assert not found["grading strangers"].ok and "bubblewrap" in found["grading strangers"].mend
    assert report.verdict[-1] == "Classes cannot be graded here."
    assert found["isolation: bubblewrap"].mend == tiers.INSTALL
    why["bubblewrap"] = "bubblewrap may not make namespaces here (Permission denied)"
    found = {f.what: f for f in doctor.run().findings}
    assert "apparmor" in found["isolation: bubblewrap"].mend
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()")
    found = {f.what: f for f in doctor.run().findings}
    assert not found["class folder"].ok and "unprotected" in found["class folder"].detail


@pytest.mark.parametrize(
    "tier", [pytest.param(t, marks=needs(t)) for t in ("bubblewrap", "landlock")]
)
def test_the_verdict_says_what_grading_uses_and_what_that_leaves_open(tier, monkeypatch):
    monkeypatch.setattr(tiers, "missing", lambda t: "" if t == tier else "not here")
    report = doctor.run()
    last = report.verdict[-1]
    assert report.isolation == tier and f"with isolation {tier}." in last
    assert all(wish in last for wish in defenses.open_in(tier))
    assert ("a submission can" in last) == bool(defenses.open_in(tier))


def test_who_only_learns_misses_nothing(monkeypatch):
    """Without the extra for grading, all that is said of it is how to get it."""
    monkeypatch.setattr(doctor, "_FOR_GRADING", ("no-such-package", "nor-this-one"))
    report = doctor.run()
    assert report.healthy
    missing = [f for f in report.findings if not f.ok]
    assert {f.what for f in missing} >= {"no-such-package", "nor-this-one"}
    assert all("dlcourse[grade]" in f.mend for f in missing if f.what != "torch")
    assert not any("isolation" in f.what for f in report.findings)


def test_a_class_of_an_earlier_version_says_what_to_write(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("from autograder.engine import Engine", "utf-8")
    with pytest.raises(Problem) as problem:
        Classroom(tmp_path).config  # noqa: B018
    assert "earlier version" in problem.value.what
    assert "from autograder.grade.engine import Engine" in problem.value.next
