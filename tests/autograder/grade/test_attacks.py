"""Every attack: no points that the code did not earn, no damage, and the instructor is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.grade import assignment as assignments
from autograder.grade import work
from autograder.grade.assignment import Assignment
from autograder.grade.intake import Refused, parse
from autograder.grade.work import Item
from autograder.sandbox import defenses, tiers
from tests.autograder import mini
from tests.autograder.attacks import ATTACKS, Attack
from tests.autograder.conftest import alive, needs
from tests.conftest import ROOT, drawn

pytestmark = needs("bubblewrap")


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> tuple[Assignment, object]:
    return prepared(tmp_path_factory.mktemp("attacks"))


def prepared(folder: Path) -> tuple[Assignment, object]:
    room = mini.make(folder / "class")
    a = assignments.of_class(room, mini.SLUG)
    a.settings = replace(a.settings, timeout=2.0, budget=15.0, memory=300 * 2**20)
    return a, mini.released(room)


def grade(a: Assignment, notebook: bytes, files=None, tier: str = "bubblewrap") -> work.Done:
    return work.grade_chunk(a, tier, {}, [Item("mallory", notebook, files or {})])[0]


def submission(attack: Attack, released) -> bytes:
    import nbformat
    from nbformat.v4 import new_code_cell

    nb = mini.answered(released, mini.WRONG | dict(attack.answers))
    if attack.first:
        nb.cells.insert(1, new_code_cell(attack.first, id="attack"))
    changed = attack.change(nb)
    return changed if isinstance(changed, bytes) else nbformat.v4.writes(changed).encode()


def points(done: work.Done) -> float:
    return sum(score or 0.0 for score in done.scores.values())


def test_there_are_many_and_each_has_a_name():
    names = [attack.name for attack in ATTACKS]
    assert len(names) >= 50 and len(set(names)) == len(names)
    assert all(attack.wants for attack in ATTACKS)
    open_somewhere = {wish for tier in tiers.TIERS for wish in defenses.open_in(tier)}
    assert {attack.wish for attack in ATTACKS} - {""} <= open_somewhere


def name_of(attack: Attack) -> str:
    return attack.name.replace(" ", "-")


# by landlock a sample, in `make test-whole` all; another one for each day
_SOME = drawn(ATTACKS, 12)


@pytest.mark.parametrize(
    ("attack", "tier"),
    [(attack, "bubblewrap") for attack in ATTACKS]
    + [pytest.param(attack, "landlock", marks=needs("landlock")) for attack in _SOME],
    ids=lambda x: x if isinstance(x, str) else name_of(x),
)
def test_attack(attack: Attack, tier: str, lesson):
    holds(attack, tier, *lesson)


@pytest.mark.parametrize(
    "attack",
    [a for a in drawn(ATTACKS, 5) if a.wish not in defenses.open_in("process")],
    ids=name_of,
)
def test_attack_without_isolation(attack: Attack):
    """What the table does not call open holds by limits alone. Around all of it stands a sandbox: this machine is not to be harmed."""
    python = Path(sys.executable)
    seen = [word for place in (ROOT, sys.prefix, sys.base_prefix) for word in ("--ro-bind", str(place), str(place))]  # fmt: skip
    code = f"from tests.autograder.grade.test_attacks import alone; alone({attack.name!r})"
    done = subprocess.run(
        [
            *("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
            *(*seen, "--unshare-all", "--die-with-parent", "--setenv", "TMPDIR", "/tmp", "--chdir", ROOT),
            *(python, "-c", code),
        ],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.stdout.endswith("held\n"), done.stdout[-1000:] + done.stderr[-3000:]


def alone(name: str) -> None:
    """An attack by the process tier, in this process."""
    attack = next(attack for attack in ATTACKS if attack.name == name)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        holds(attack, "process", *prepared(Path(folder)))
    print("held")


def holds(attack: Attack, tier: str, a: Assignment, released: object) -> None:
    """Nothing was gained, nothing was harmed, and the instructor is told."""
    searches = "print('FOUND'" in attack.first and "os.walk" in attack.first
    if searches:  # let it come to its end, on a slow machine, too
        a = replace(a, settings=replace(a.settings, timeout=60.0, budget=120.0))
    notebook = submission(attack, released)
    refused = ""
    try:
        parse(notebook)
        if len(notebook) > 20 * 2**20:
            raise Refused("larger than 20 MB")  # intake looks at the size before it reads
    except Refused as reason:
        refused = str(reason)
    done = grade(a, notebook, attack.files, tier)
    told = refused or done.problem or json.dumps([done.record.notes, done.record.evidence])
    shown = done.notebook.decode()
    assert points(done) <= attack.most, (done.scores, told)
    assert re.search(attack.told, told), told
    # nothing was found, nothing was written; and the search came to its end
    if searches:
        assert "FOUND" in "\n".join(outputs(done))
    for line in re.findall(r"(?:FOUND|WROTE).*", "\n".join(outputs(done))):
        assert re.fullmatch(r"\w+( (0|False|None|\[\]|-1|\[-1(, -1)*\]))+( 1)?", line), line
    # what is opened in a browser or printed in a terminal does neither harm
    rich = "\n".join(outputs(done))
    for page in outputs(done, "text/html"):
        assert not re.search(r"<script|<[^>]*onerror|<iframe|href=.javascript:", page, re.I), page[
            :2000
        ]
    assert not re.search(r"\x1b[^\[]|\x1b\[[0-9;]*[^0-9;m]|\x9b", rich)
    assert len(shown) < 15_000_000
    # and the next submission is graded as ever
    honest = grade(a, honest_work(released), tier=tier)
    assert points(honest) == mini.FULL and not honest.problem, honest
    assert not alive("sleep 1234")


def outputs(done: work.Done, kind: str = "") -> list[str]:
    """All that the notebook shows (of one ``kind``), without the cells' source."""
    if not done.notebook:
        return []
    found = []
    for cell in json.loads(done.notebook)["cells"]:
        for output in cell.get("outputs", []):
            if not kind:
                found += ["".join(output.get(key, "")) for key in ("text", "evalue", "traceback")]
            for mime, data in output.get("data", {}).items():
                if kind in ("", mime):
                    found.append("".join(data) if isinstance(data, list) else str(data))
    return found


def honest_work(released) -> bytes:
    import nbformat

    return nbformat.v4.writes(mini.answered(released, mini.ANSWERS)).encode()


def test_the_wrong_answers_alone_earn_nothing_and_the_right_ones_everything(lesson):
    a, released = lesson
    import nbformat

    wrong = grade(a, nbformat.v4.writes(mini.answered(released, mini.WRONG)).encode())
    assert points(wrong) == 0 and wrong.record.evidence == []
    right = grade(a, honest_work(released))
    assert points(right) == mini.FULL and right.record.evidence == [] and right.record.notes == []
    assert right.scores["why"] is None or right.scores["why"] == 0
    assert right.record.isolation == "bubblewrap" and tiers.missing("bubblewrap") == ""


def test_attacks_leave_nothing_running_and_nothing_behind(lesson, tmp_path):
    assert not alive("sleep 1234")
    assert not Path("/tmp/late").exists() and not Path("/tmp/big").exists()
