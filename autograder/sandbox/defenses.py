"""What each kind of isolation stops, for instructors: the table of INSTRUCTORS.md and of ``autograder doctor``."""

from __future__ import annotations

from typing import NamedTuple

STOPPED, COUNTED, OPEN = "stopped", "counted", "open"


class Defense(NamedTuple):
    """What a submission may want, and what becomes of it in each tier.

    ``counted``: looked at twenty times a second, and the notebook is ended when it is too much.
    """

    wish: str
    bubblewrap: str
    landlock: str
    process: str


DEFENSES = (
    Defense("read your files, other submissions or the gradebook, or write there", STOPPED, STOPPED, OPEN),
    Defense("change the rights, owners or times of files", STOPPED, STOPPED, OPEN),
    Defense("see hidden tests or the random cases, or change a result", STOPPED, STOPPED, OPEN),
    Defense("use a package or a file of the course that is withheld", STOPPED, STOPPED, OPEN),
    Defense("learn whether a file exists, how large it is and whose", STOPPED, OPEN, OPEN),
    Defense("use the network", STOPPED, STOPPED, OPEN),
    Defense("end, slow or watch other processes", STOPPED, STOPPED, OPEN),
    Defense("learn which processes there are", STOPPED, OPEN, OPEN),
    Defense("use up memory", COUNTED, COUNTED, COUNTED),
    Defense("use up memory in sockets and pipes", COUNTED, COUNTED, COUNTED),
    Defense("use up the disk", STOPPED, COUNTED, COUNTED),
    Defense("start more processes than 64", STOPPED, "stopped; the 64 are shared by all that its user runs", "stopped; shared as well"),
    Defense("use up time", STOPPED, STOPPED, STOPPED),
    Defense("go on running after its grading", STOPPED, STOPPED, OPEN),
    Defense("run in your browser or terminal", STOPPED, STOPPED, STOPPED),
)  # fmt: skip


def markdown() -> str:
    """The table as it stands in INSTRUCTORS.md."""
    rows = ["| a submission wants to | bubblewrap | landlock | process |", "|---|---|---|---|"]
    return "\n".join([*rows, *(f"| {' | '.join(defense)} |" for defense in DEFENSES)])


def open_in(tier: str) -> list[str]:
    """What a tier does not stop."""
    return [defense.wish for defense in DEFENSES if getattr(defense, tier) == OPEN]
