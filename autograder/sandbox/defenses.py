"""What a submission may want, and what each kind of isolation does about it: the table of INSTRUCTORS.md; ``autograder doctor``
names what it leaves open."""

from __future__ import annotations

from typing import NamedTuple

STOPPED, COUNTED, OPEN = "stopped", "counted", "open"


class Defense(NamedTuple):
    """A row. ``counted``: usage is checked twenty times a second, and what is over its limit is killed."""

    wish: str
    how: str
    bubblewrap: str = STOPPED
    landlock: str = STOPPED
    process: str = STOPPED


DEFENSES = (
    Defense("see hidden tests, expected values, solutions, the random cases", "they are in another process, and their files are not in the sandbox", process=OPEN),
    Defense("change how answers are compared, or end the run", "the comparison is not in its process; only plain data comes back: of an object that lies about being equal, its plain value", process=OPEN),
    Defense("use SciPy, scikit-learn, pandas, PyTorch, or parts of dlcore from later lessons", "they cannot be imported; what your own tests import can", process=OPEN),
    Defense("edit tests, points, flags, cell names", "restored from your source, and noted"),
    Defense("read your files, other submissions or the gradebook, or write there", "a file system of its own, read-only but for its home; with landlock, the kernel's rules", process=OPEN),
    Defense("change the rights, owners or times of files", "the same; with landlock, the system calls fail or have no effect", process=OPEN),
    Defense("learn whether a file exists, how large it is and whose", "a file system of its own", landlock=OPEN, process=OPEN),
    Defense("use the network", "sockets are refused", process=OPEN),
    Defense("end, slow or read other processes", "it sees its own alone; with landlock, the system calls are refused", process=OPEN),
    Defense("learn which processes there are", "it sees its own alone", landlock=OPEN, process=OPEN),
    Defense("use up memory, in sockets and pipes too", "all of its processes are counted together", COUNTED, COUNTED, OPEN),
    Defense("use up the disk", "a small file system in memory; with landlock, its files are counted", STOPPED, COUNTED, OPEN),
    Defense("start more than 64 processes", "a limit of the kernel's; outside bubblewrap, they are counted", STOPPED, COUNTED, OPEN),
    Defense("use up processor or time", "a limit on each; the notebook is ended, the class goes on"),
    Defense("keep running after its grading", "at the end, all of its processes are killed", process=OPEN),
    Defense("run in your browser or terminal, or flood it", "what it shows is capped and sanitized, pages carry a strict Content-Security-Policy, control sequences are taken out"),
)  # fmt: skip


def markdown() -> str:
    """The table as it stands in INSTRUCTORS.md."""
    head = ["a submission wants to", "what stops it", "bubblewrap", "landlock", "process"]
    rows = [head, ["---"] * len(head), *DEFENSES]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def open_in(tier: str) -> list[str]:
    """What a tier does not stop."""
    return [defense.wish for defense in DEFENSES if getattr(defense, tier) == OPEN]
