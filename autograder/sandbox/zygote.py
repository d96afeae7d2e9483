"""The program in the sandbox from which every submission is forked.

``python -m autograder.sandbox.zygote '{"tier": ...}'`` with a socket as its standard input.
Imports the heavy packages once; then each request "spawn" brings the student's end of a pipe and
gets a fork that is shut in. Ends processes, and watches over their memory and their files.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import select
import shutil
import signal
import socket
import stat
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from autograder.sandbox import cells, namespaces, worker
from autograder.sandbox.namespaces import Limits

_LOOK = 0.05  # seconds between two looks at memory
_PATIENCE = 4  # looks


class Zygote:
    def __init__(self, control: socket.socket, options: dict[str, Any]) -> None:
        self.control = control
        self.tier: str = options["tier"]
        self.limits = Limits(**options["limits"])
        self.home = Path(options["home"])
        self.readable: list[str] = options["readable"]
        self.children: dict[int, str] = {}  # pid -> why it was ended, if it was
        self.peak: dict[int, int] = {}
        self.own = 0
        self.homes: dict[int, Path] = {}  # where the kernel sets no limit to files, we do
        # how often each may still hide what it has open; 0: it always did
        self.clear: dict[int, int] = {}

    def serve(self) -> None:
        self.control.sendall(b'{"ready": true}\n')
        last = 0.0
        while True:
            wait = _LOOK if self.children else None
            if select.select([self.control], [], [], wait)[0]:
                data, fds, *_ = socket.recv_fds(self.control, 4096, 1)
                if not data:
                    return  # the grader has gone
                self.answer(json.loads(data), fds)
            if self.children and time.monotonic() - last >= _LOOK:
                last = time.monotonic()
                self.look()

    def answer(self, request: dict[str, Any], fds: list[int]) -> None:
        pid = request.get("pid", 0)
        reply: dict[str, Any] = {}
        match request["op"]:
            case "spawn":
                try:
                    reply["pid"] = self.spawn(fds[0], request.get("home"))
                except OSError as error:
                    reply["error"] = str(error)
                os.close(fds[0])
            case "interrupt":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
            case "end":
                reply = self.end(pid, 0.3 if request.get("going") else 0.0)
        self.control.sendall(json.dumps(reply).encode() + b"\n")

    def spawn(self, fd: int, home: str | None) -> int:
        self.own = self.own or _memory(os.getpid())

        def main() -> None:
            self.control.close()
            with socket.socket(fileno=os.dup(fd)) as sock:
                os.close(fd)
                worker.main(sock)

        place = Path(home) if home else self.home
        pid = namespaces.fork_inside(self.tier, self.limits, place, self.readable, main)
        self.children[pid] = ""
        if self.tier != "bubblewrap":
            self.homes[pid] = place
            self.clear[pid] = 0 if _open_files([pid])[1] else _PATIENCE
        return pid

    def end(self, pid: int, patience: float) -> dict[str, Any]:
        """Kill what is left of a submission and say how it had ended before, if it had.

        ``patience`` is for one whose pipe has closed: it may be about to end by itself.
        """
        if pid not in self.children:
            return {"why": "unknown"}
        until = time.monotonic() + patience
        gone, status = os.waitpid(pid, os.WNOHANG)
        while not gone and time.monotonic() < until:
            time.sleep(0.002)
            gone, status = os.waitpid(pid, os.WNOHANG)
        namespaces.kill(pid, self.tier)
        if not gone:
            os.waitpid(pid, 0)
        _gone(pid)
        self._reap()
        self.homes.pop(pid, None)
        self.clear.pop(pid, None)
        why = self.children.pop(pid)
        peak = self.peak.pop(pid, 0)
        code = os.waitstatus_to_exitcode(status) if gone else None
        return {"why": why, "code": code, "peak": peak}

    def look(self) -> None:
        """End whoever uses too much memory, disk or processes, all that they started taken together."""
        orphans = _children(os.getpid()) - self.children.keys()  # they come to us
        for pid in self.children:
            why = self._too_much(pid, [p for p in orphans if _group(p) == pid])
            if why and not self.children[pid]:
                self.children[pid] = why
                namespaces.kill(pid, self.tier)
        self._reap()

    def _too_much(self, pid: int, orphans: list[int]) -> str:
        family = _family([pid, *orphans])
        opened, closed = _open_files(family)
        used = sum(max(0, _memory(p) - self.own) for p in family)
        used += sum(_BUFFERS.get(kind, 0) for kind in opened.values())
        self.peak[pid] = max(self.peak.get(pid, 0), used)
        if used > self.limits.memory:
            return "memory"
        if len(family) > self.limits.processes:  # the kernel sets root no limit
            return "processes"
        if pid not in self.homes:
            return ""
        if not closed:
            self.clear[pid] = self.clear[pid] and _PATIENCE  # as before
        elif self.clear[pid]:  # we could look before, and may not now
            self.clear[pid] -= 1
            if not self.clear[pid]:
                return "hidden"
        disk = _disk(self.homes[pid], self.limits.disk) + _deleted(opened)
        disk += _mapped(family, opened) * self.limits.file
        return "disk" * (disk > self.limits.disk)

    def _reap(self) -> None:
        """Orphans, which come to us."""
        with contextlib.suppress(ChildProcessError):
            while True:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if info is None or info.si_pid in self.children:
                    return
                os.waitpid(info.si_pid, os.WNOHANG)


def _group(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(pid)
    return 0


def _gone(group: int) -> None:
    """Wait until what has been killed of a process group is dead, which on a busy machine takes a while."""
    until = time.monotonic() + 1
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < until:
            found, _ = os.waitpid(-group, os.WNOHANG)
            if not found:
                time.sleep(0.001)


def _memory(pid: int) -> int:
    """Bytes that a process holds in memory which is no file's; its first thread may have gone."""
    most = 0
    with contextlib.suppress(OSError):
        for task in os.scandir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                lines = Path(task.path, "status").read_text().splitlines()
                held = [x.split()[1] for x in lines if x.startswith(_HELD)]
                most = max(most, sum(map(int, held)) * 1024)
    return most


_HELD = ("RssAnon:", "RssShmem:", "VmSwap:", "VmPTE:", "HugetlbPages:")
# bytes that wait in the kernel and count as no process's memory: at most so many for each
_BUFFERS = {"socket": 2 * 212_992, "pipe": 65_536}
_ENTRIES = 4096  # files and folders


def _open_files(pids: list[int]) -> tuple[dict[str, str], bool]:
    """What processes have open that is more than a name: sockets and pipes, by their kind, deleted files, by their
    size; and whether something may not be looked at."""
    found: dict[str, str] = {}
    closed = False
    for pid in pids:
        for task in _entries(f"/proc/{pid}/task"):
            try:
                for entry in os.scandir(f"{task}/fd"):
                    _note(entry, found)
            except PermissionError:
                closed |= _lives(task)
            except OSError:  # it has ended
                continue
    return found, closed


def _lives(task: str) -> bool:
    """Whether it has memory; what ends has none any more, and may not be looked at either."""
    with contextlib.suppress(OSError):
        return "VmSize:" in Path(task, "status").read_text()
    return False


def _note(entry: os.DirEntry[str], found: dict[str, str]) -> None:
    with contextlib.suppress(FileNotFoundError):
        target = str(Path(entry.path).readlink())
        kind, _, number = target.partition(":")
        if number.startswith("["):
            found[target] = kind
        elif target.endswith(" (deleted)"):
            about = entry.stat()
            found[f"deleted {about.st_ino}"] = str(about.st_blocks * 512)


def _deleted(opened: dict[str, str]) -> int:
    """Bytes of files that have no name any more."""
    return sum(int(size) for name, size in opened.items() if name.startswith("deleted "))


def _mapped(pids: list[int], opened: dict[str, str]) -> int:
    """How many files without a name are in memory and not open; their length cannot be seen."""
    found = set()
    for pid in pids:
        for task in _entries(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                for line in Path(task, "maps").read_text(errors="replace").splitlines():
                    if line.endswith(" (deleted)") and "/dev/zero" not in line:
                        found.add(f"deleted {line.split()[4]}")
    return len(found - opened.keys())


def _entries(folder: str) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(folder)]
    except OSError:
        return []


def _disk(home: Path, enough: int) -> int:
    """Bytes of the files below ``home``; more than ``enough`` if they are too many to be counted.

    Nothing is opened but folders: a student's link, or a file that they lock, is not waited for.
    """
    used = count = 0
    waiting: list[int] = []
    try:
        waiting.append(os.open(home, _FOLDER))
        while waiting:
            folder = waiting.pop()
            try:
                for entry in os.scandir(folder):
                    count += 1
                    if count > _ENTRIES or used > enough or len(waiting) > _WAITING:
                        return enough + 1
                    with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # a change
                        about = entry.stat(follow_symlinks=False)
                        used += about.st_blocks * 512
                        if stat.S_ISDIR(about.st_mode):
                            waiting.append(os.open(entry.name, _FOLDER, dir_fd=folder))
            finally:
                os.close(folder)
    except OSError:  # a folder that may not be read
        return enough + 1
    finally:
        for folder in waiting:
            os.close(folder)
    return used


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WAITING = 200  # folders that wait to be looked at, each with a descriptor


def _children(pid: int) -> set[int]:
    found: set[int] = set()
    for task in _entries(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            found.update(map(int, Path(task, "children").read_text().split()))
    return found


def _family(pids: list[int]) -> list[int]:
    """``pids`` and everything below them."""
    found: list[int] = []
    waiting = list(pids)
    while waiting and len(found) < 1000:
        current = waiting.pop()
        found.append(current)
        waiting += _children(current)
    return found


def import_packages(names: list[str]) -> None:
    """Import what the lesson's cells import, quietly; what fails will fail for the student as well."""
    shell = cells.start(as_main=True)
    shell.run("pass")  # first uses are slow: pay them here, once
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name in names:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    if "matplotlib.pyplot" in sys.modules:
        shell.run("import matplotlib.pyplot as p; p.plot([0, 1]); p.title('$x$'); p.show()")
    shell.reset(new_session=True)


def main() -> None:
    options = json.loads(sys.argv[1])
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.set_inheritable(0, True)
    namespaces.prepare(options["tier"])
    fonts, place = Path(options["library"]) / "fonts", Path(os.environ["MPLCONFIGDIR"])
    if fonts.is_dir():
        shutil.copytree(fonts, place, dirs_exist_ok=True)
    import_packages(options["imports"])
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page that it looks at
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the grader's affair
    zygote = Zygote(control, options)
    try:
        zygote.serve()
    finally:
        for pid in list(zygote.children):
            namespaces.kill(pid, zygote.tier)


if __name__ == "__main__":
    main()
