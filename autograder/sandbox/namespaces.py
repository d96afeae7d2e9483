"""Shut a fork in: namespaces, a file system and limits of its own, then the kernel's filters.

``fork_inside`` is called by the zygote, which has one thread. The new process is the first
of its pid namespace: when it is killed, whatever it started dies with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from autograder.sandbox import landlock, seccomp
from autograder.sandbox.kernel import check, libc

# user, pid, mount, ipc, uts, cgroup; the network was cut off when bubblewrap started, and what
# came before in there is dead
_NEW = 0x10000000 | 0x20000000 | 0x00020000 | 0x08000000 | 0x04000000 | 0x02000000
_NOSUID, _NODEV, _BIND, _RECURSIVE = 2, 4, 4096, 16384
INSIDE = 1000  # the student's uid and gid in there
NOBODY = 65534  # who that is outside, where the grader is root


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Memory and files in bytes, processor time in seconds."""

    memory: int = 2 * 2**30
    cpu: int = 600
    file: int = 64 * 2**20
    disk: int = 128 * 2**20  # an instructor's files and a student's need 70 MB of it
    processes: int = 64
    open_files: int = 256


def fork_inside(
    tier: str, limits: Limits, home: Path, readable: Sequence[str], main: Callable[[], None]
) -> int:
    """Fork a process that is shut in and calls ``main``. Returns its pid, as seen from here."""
    if tier != "bubblewrap":
        zygote = os.getpid()
        # the kernel counts all that a user runs
        limits = replace(limits, processes=limits.processes + _running())
        return _fork(lambda: _enter_plain(tier, limits, home, readable, zygote), main)
    ready, go = os.pipe()
    told, tell = os.pipe()
    between = os.fork()
    if between == 0:
        with _last_words():
            check(libc.unshare(_NEW), "unshare")
            os.write(tell, b"unshared\n")
            os.read(ready, 1)
            os.close(ready)
            os.close(go)
            # bind the identity before the fork, so that /proc belongs to it
            libc.setgroups(0, None)
            check(libc.setresgid(INSIDE, INSIDE, INSIDE), "setgid")
            check(libc.setresuid(INSIDE, INSIDE, INSIDE), "setuid")
            libc.prctl(4, 1, 0, 0, 0)  # dumpable again: its /proc entries are its own
            child = _fork(
                lambda: _enter_namespaces(limits, home, readable), main, close=(told, tell)
            )
            os.write(tell, f"{child}\n".encode())
            os._exit(0)
    os.close(tell)
    os.close(ready)
    try:
        with os.fdopen(told, "rb") as answers:
            if answers.readline() != b"unshared\n":
                raise OSError("the namespaces could not be made")
            _map_identity(between)
            os.write(go, b"!")
            child = int(answers.readline() or b"0")
    finally:
        os.close(go)
        os.waitpid(between, 0)
    if not child:
        raise OSError("the process in the namespaces could not be made")
    return child


@contextlib.contextmanager
def _last_words():
    """A failure before student code runs must not come back into the zygote's own program."""
    try:
        yield
    except BaseException as error:
        os.write(2, f"sandbox: {error}\n".encode())
    finally:
        os._exit(70)


def _fork(enter: Callable[[], None], main: Callable[[], None], close: Sequence[int] = ()) -> int:
    pid = os.fork()
    if pid == 0:
        with _last_words():
            for fd in close:
                os.close(fd)
            enter()
            main()
            os._exit(0)
    return pid


def _map_identity(pid: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    folder = Path(f"/proc/{pid}")
    with contextlib.suppress(OSError):
        (folder / "setgroups").write_text("deny")
    (folder / "gid_map").write_text(f"{INSIDE} {NOBODY if uid == 0 else gid} 1")
    (folder / "uid_map").write_text(f"{INSIDE} {NOBODY if uid == 0 else uid} 1")


def _mount(kind: str, where: str, options: str = "") -> None:
    check(
        libc.mount(
            kind.encode(), where.encode(), kind.encode(), _NOSUID | _NODEV, options.encode()
        ),
        f"mount {where}",
    )


def _enter_namespaces(limits: Limits, home: Path, readable: Sequence[str]) -> None:
    empty = {
        "/tmp": "nr_inodes=4096,mode=1777",
        str(home): "nr_inodes=4096,mode=700",
        "/dev/shm": "nr_inodes=1024,mode=1777",
    }
    # a Python that lives there, say a virtual environment in /tmp, must still find its modules
    under = [f for f in readable if any(Path(f).is_relative_to(e) for e in empty)]
    held = {folder: os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in under}
    for where, options in empty.items():
        _mount("tmpfs", where, f"size={limits.disk},{options}")
    for folder, fd in held.items():
        Path(folder).mkdir(parents=True, exist_ok=True)
        source = f"/proc/self/fd/{fd}".encode()
        flags = _NOSUID | _NODEV | _BIND | _RECURSIVE
        check(libc.mount(source, folder.encode(), None, flags, None), f"mount {folder}")
        os.close(fd)
    _mount("proc", "/proc")
    os.chdir(home)
    os.setsid()
    _limit(limits)
    _drop_capabilities()
    seccomp.install(compiled("bubblewrap"))


def _enter_plain(
    tier: str, limits: Limits, home: Path, readable: Sequence[str], zygote: int
) -> None:
    os.setsid()
    os.chdir(home)
    if os.getuid() == 0:
        if all(map(_open_to_all, (sys.prefix, sys.base_prefix, str(home)))):
            _become_nobody()
        elif tier == "landlock" and _has(_READ_ANYTHING):  # of what Landlock lets it see
            libc.prctl(8, 1, 0, 0, 0)  # a change of user takes powers away, unless told otherwise
            _become_nobody()
            _drop_capabilities(but=_READ_ANYTHING)
        else:  # nobody could not even read Python here: root, then, without a root's powers
            _drop_capabilities()
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # die with the zygote; a change of user forgets this
    if os.getppid() != zygote:
        raise OSError("the zygote has gone")
    _limit(limits)
    if tier == "landlock":
        # not /dev/zero: what one maps of it to share is nobody's memory
        landlock.restrict(readable, [str(home), "/dev/null"])
        own = seccomp.deny_reaching_others(os.getpid())
        seccomp.install(compiled("landlock"))
        seccomp.install(own)


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


@cache
def _running() -> int:
    """How many processes and threads the user has whose rights submissions get."""
    user, count = os.getuid() or NOBODY, 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == user:
                count += sum(1 for _ in os.scandir(f"{entry.path}/task"))
    return count


def _open_to_all(path: str) -> bool:
    """Whether everybody may pass through the folders above ``path``."""
    return all(p.stat().st_mode & 0o001 for p in (Path(path), *Path(path).resolve().parents))


_filters: dict[str, bytes] = {}


def compiled(tier: str) -> bytes:
    if tier not in _filters:
        inside = tier == "bubblewrap"
        _filters[tier] = seccomp.compile_filter(sockets=inside, own_session=inside)
    return _filters[tier]


def prepare(tier: str) -> None:
    """What is done once, in the zygote: be told of orphans, compile the filter, uncover /proc."""
    libc.prctl(36, 1, 0, 0, 0)  # orphans come to us
    if tier != "process":
        compiled(tier)
    if tier == "bubblewrap":
        # bubblewrap, as root, covers these; a mount of /proc inside needs them open. They are
        # covered for students all the same, who are not root in there.
        for name in ("sys", "sysrq-trigger", "irq", "bus"):
            libc.umount2(f"/proc/{name}".encode(), 2)


def _limit(limits: Limits) -> None:
    own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for what, amount in (
        (resource.RLIMIT_AS, own + limits.memory),
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (_SIGPENDING, 256),  # timers count as well
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        soft_hard = (amount, amount + 5) if what == resource.RLIMIT_CPU else (amount, amount)
        with contextlib.suppress(ValueError):  # a lower limit holds already
            resource.setrlimit(what, soft_hard)


_SIGPENDING = 11  # RLIMIT_SIGPENDING, which Python has no name for


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


_READ_ANYTHING = 2  # CAP_DAC_READ_SEARCH


def _has(capability: int) -> bool:
    """Whether this process may use it: a container's root may not have everything."""
    status = Path("/proc/self/status").read_text().splitlines()
    effective = next(line.split()[1] for line in status if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> capability & 1)


def _drop_capabilities(but: int | None = None) -> None:
    header, kept = _CapHeader(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if but is not None:
        kept[0] = kept[1] = kept[2] = 1 << but  # effective, permitted, inheritable
    check(libc.prctl(38, 1, 0, 0, 0), "no new privileges")
    check(libc.capset(ctypes.byref(header), ctypes.byref(kept)), "capset")
    if but is not None:
        check(libc.prctl(47, 2, but, 0, 0), "ambient capability")  # programs keep it, too


def kill(pid: int, tier: str) -> None:
    """End ``pid`` and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    if tier != "bubblewrap":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
