"""Each tier keeps what it promises; where one cannot run, its tests say why they are skipped."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pwd
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from autograder.check.limits import Lost
from autograder.errors import Problem
from autograder.sandbox import defenses, landlock, seccomp, tiers
from autograder.sandbox.client import Zygote
from autograder.sandbox.namespaces import Limits
from autograder.sandbox.session import Session
from tests.autograder.conftest import alive, needs
from tests.conftest import DAY, ROOT

TRIES = f"""
import os, socket, sys
def attempt(act):
    try:
        act()
        return True
    except BaseException as error:
        return False
def read(path): return attempt(lambda: open(path).read(1))
def write(path): return attempt(lambda: open(path, "w").write("x"))
can = {{
    "read the course": read({str(ROOT / "solutions" / "01_neurons.py")!r}),
    "read a home": attempt(lambda: os.listdir("/root") if os.path.exists("/root/.bashrc") or os.path.exists("/root/.profile") else 1 / 0),
    "read passwords": read("/etc/shadow"),
    "write outside": write("/usr/x") or write("/etc/x") or write({str(ROOT / "x")!r}),
    "write at home": write("x.txt"),
    "stat": attempt(lambda: os.stat({str(ROOT / "README.md")!r})),
    "see processes": attempt(lambda: os.stat("/proc/{os.getpid()}")),
    "use the network": attempt(lambda: socket.socket(socket.AF_INET)),
    "signal others": attempt(lambda: os.kill(os.getppid(), 0)),
    "import torch": attempt(lambda: __import__("torch").ones(2)),
    "import the twin": attempt(lambda: __import__("dlcore.scratch.neurons", fromlist=["layer"]).layer(*map(__import__("numpy").ones, [(2, 3), (4, 3), 4]))),
    "read the twin": attempt(lambda: open({str(ROOT / "dlcore" / "scratch" / "neurons.py")!r}).read()),
    "make namespaces": attempt(lambda: __import__("ctypes").CDLL(None).unshare(0x10000000) == 0 or 1 / 0),
    "start threads": attempt(lambda: __import__("threading").Thread(target=int).start()),
    "multiply matrices": attempt(lambda: __import__("numpy").ones((300, 300)) @ __import__("numpy").ones((300, 300))),
    "start a program": attempt(lambda: __import__("subprocess").run(["true"], check=True)),
}}
"""
WANTED = {"write at home", "start threads", "multiply matrices", "start a program"}


def abilities(tier: str) -> set[str]:
    zygote = Zygote(
        tier, imports=["numpy"], twins=["dlcore.scratch.neurons"], withheld=["torch"], lesson="01"
    )
    try:
        session = Session(zygote, timeout=30)
        assert session.run(0, TRIES) == []
        can = session.names(["can"])["can"]
        session.run(1, "import subprocess; subprocess.Popen(['sleep', '4321'])")
        session.close()
        assert not alive("sleep 4321")
        return {name for name, may in can.items() if may}
    finally:
        zygote.close()


def test_what_is_tried_succeeds_outside_of_any_sandbox(tmp_path):
    """Else a probe that can never succeed would look like a sandbox that holds."""
    told = "\nprint({name for name, may in can.items() if may})"
    done = subprocess.run(
        [sys.executable, "-c", TRIES + told],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    can = ast.literal_eval(done.stdout)
    assert can >= {"read the course", "import the twin", "read the twin", "import torch"} | WANTED


@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in tiers.TIERS])
def test_packages_are_found_wherever_python_is_installed(tier, monkeypatch, request):
    """A virtual environment in /tmp: what numpy imports late must still be there."""
    home = tempfile.TemporaryDirectory(dir="/tmp")  # wherever TMPDIR is
    request.addfinalizer(home.cleanup)
    folder = Path(home.name, "site-packages")
    folder.mkdir()
    for path in (folder, *folder.parents[:-2]):
        path.chmod(0o755)
    (folder / "late.py").write_text("answer = 42")
    monkeypatch.syspath_prepend(str(folder))
    zygote = Zygote(tier, imports=[], twins=[], withheld=[], lesson="01")
    try:
        session = Session(zygote, timeout=30)
        given = f"import sys; sys.path.append({str(folder)!r}); import late; n = late.answer"
        assert session.run(0, given) == []
        assert session.names(["n"])["n"] == 42
        if tier != "process":
            [error] = session.run(1, f"open({str(folder / 'x')!r}, 'w')")
            assert error["ename"] in ("OSError", "PermissionError")
        session.close()
    finally:
        zygote.close()


@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in tiers.TIERS])
def test_an_environment_that_is_reached_through_a_link(tier, tmp_path, monkeypatch):
    """A link to a virtual environment elsewhere is not there in the sandbox; where it leads is."""
    own = Path(sys.executable)
    (tmp_path / "env").symlink_to(own.parent.parent)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "env" / "bin" / own.name))
    zygote = Zygote(tier, imports=[], twins=[], withheld=[], lesson="01")
    try:
        session = Session(zygote, timeout=30)
        assert session.run(0, "import numpy; n = int(numpy.ones(3).sum())") == []
        assert session.names(["n"])["n"] == 3
        session.close()
    finally:
        zygote.close()


@needs("bubblewrap")
def test_bubblewrap():
    assert abilities("bubblewrap") <= WANTED | {"signal others"}  # of its own namespace
    assert abilities("bubblewrap") >= WANTED


@needs("landlock")
def test_landlock():
    assert abilities("landlock") == WANTED | {"stat", "see processes"}
    assert landlock.version() > 0


def test_process_keeps_nobody_out_and_has_to_be_asked_for(monkeypatch):
    assert abilities("process") >= WANTED - {"start threads"}
    assert "process" not in (tiers.choose(),)
    monkeypatch.setattr(tiers, "missing", lambda tier: "" if tier == "process" else "not here")
    with pytest.raises(Problem, match="nothing here can keep") as caught:
        tiers.choose()
    assert (
        "apt-get install bubblewrap" in caught.value.next
        and "--isolation process" in caught.value.next
    )
    assert tiers.choose("process") == "process"
    with pytest.raises(Problem, match="not here"):
        tiers.choose("landlock")
    with pytest.raises(Problem, match="no isolation 'docker'"):
        tiers.choose("docker")


def test_when_an_end_is_told_all_are_dead_on_a_busy_machine_too():
    """A killed process goes on existing until the machine finds time to let it die."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    zygote = Zygote("process", imports=[], twins=[], withheld=[], lesson="01")
    many = "import subprocess; [subprocess.Popen(['sleep', '4322']) for _ in range(4)]"
    try:
        left = []
        for _ in range(20):
            session = Session(zygote, timeout=30)
            session.run(0, many)
            session.close()
            left += alive("sleep 4322")
        assert not left
    finally:
        zygote.close()
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in tiers.TIERS])
def test_a_submission_does_not_outlive_its_zygote(tier):
    """When the whole machine runs out of memory, the kernel may choose the zygote as its victim."""
    zygote = Zygote(tier, imports=[], twins=[], withheld=[], lesson="01")
    session = Session(zygote, timeout=30)
    session.run(0, "def f():\n    import subprocess; subprocess.Popen(['sleep', '4323'])\n"
                   "    while True: pass")  # fmt: skip
    running = []

    def kill_the_zygote():
        until = time.monotonic() + 20
        while not alive("sleep 4323") and time.monotonic() < until:
            time.sleep(0.05)
        first = psutil.Process(zygote.process.pid)
        running.extend([first, *first.children(recursive=True)])
        next(p for p in running if p.cmdline()[0] == sys.executable).kill()

    killer = threading.Thread(target=kill_the_zygote)
    killer.start()
    try:
        with pytest.raises(Lost):
            session.names(["f"])["f"]()
        killer.join()
        session.close()
        assert len(running) >= 3  # the zygote, the submission, and what it had started
        assert psutil.wait_procs(running, timeout=5)[1] == []
    finally:
        zygote.close()
        for process in running:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@needs("landlock")
def test_landlock_takes_over_where_namespaces_are_blocked(monkeypatch):
    real = tiers.missing
    blocked = "bubblewrap may not make namespaces here"
    monkeypatch.setattr(tiers, "missing", lambda t: blocked if t == "bubblewrap" else real(t))
    assert tiers.choose() == "landlock"


def test_a_filter_is_compiled_for_this_machine():
    if not seccomp.available():
        pytest.skip("libseccomp is not installed")
    for options in ({}, {"sockets": False, "own_session": False}):
        program = seccomp.compile_filter(**options)
        assert len(program) % 8 == 0 and len(program) > 400


@pytest.fixture(scope="module")
def as_nobody(tmp_path_factory):
    """Runs this Python, with its packages, as the user nobody."""
    if os.getuid() != 0:
        pytest.skip("the other tests run as an ordinary user already")
    system = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    home = Path(tmp_path_factory.mktemp("user"))
    python = Path(sys.executable)
    if not all(p.stat().st_mode & 1 for p in (*python.resolve().parents,)):
        if not system.exists():
            pytest.skip(f"{python.resolve()} may be run by root only, and there is no {system}")
        made = subprocess.run(
            [system, "-m", "venv", "--without-pip", home / "venv"], capture_output=True, text=True
        )
        if made.returncode:
            pytest.skip(f"{system} cannot make an environment: {made.stderr}")
        python = home / "venv" / "bin" / "python"
        packages = next(p for p in sys.path if p.endswith("site-packages"))
        paths = next((home / "venv").glob("lib/python*/site-packages")) / "x.pth"
        paths.write_text(f"{ROOT}\n{packages}\n")
        alembic = python.with_name("alembic")  # nbgrader starts it, to look after its database
        alembic.write_text(f"#!{python}\nfrom alembic.config import main\nmain()\n")
        alembic.chmod(0o755)
    for folder in (home, *home.parents):
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 1:
            folder.chmod(folder.stat().st_mode | 0o011)
    if not all(p.stat().st_mode & 1 for p in (ROOT, *ROOT.parents)):
        pytest.skip("this checkout may be read by root only")
    nobody = pwd.getpwnam("nobody")
    (home / "own").mkdir()
    os.chown(home / "own", nobody.pw_uid, nobody.pw_gid)

    def run(*words: str, **env: str) -> subprocess.CompletedProcess:
        path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
        own = {"HOME": str(home / "own"), "PATH": path, "TMPDIR": str(home / "own")}
        return subprocess.run(
            [python, *words], cwd=ROOT, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
            env=own | env, capture_output=True, text=True,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in tiers.TIERS[:2]])
def test_as_an_ordinary_user(as_nobody, tier):
    """The same sandbox without root: nested user namespaces instead of root's own."""
    done = as_nobody(
        "-c",
        "from tests.autograder.sandbox.test_tiers import abilities\nfrom autograder.sandbox import tiers\n"
        f"assert not tiers.missing({tier!r}), tiers.missing({tier!r})\nprint(sorted(abilities({tier!r})))",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    more = {"signal others"} if tier == "bubblewrap" else {"stat", "see processes"}
    assert set(eval(done.stdout.strip().splitlines()[-1])) - more == WANTED


BUSY = """
import subprocess, sys
from autograder.sandbox.client import Zygote
from autograder.sandbox.session import Session

others = [subprocess.Popen(["sleep", "60"]) for _ in range(90)]
zygote = Zygote(sys.argv[1], imports=[], twins=[], withheld=[], lesson="01")
session = Session(zygote, timeout=30)
start = "import threading" + chr(10) + "for _ in range(5): threading.Thread(target=print).start()"
print(session.run(0, start))
for other in others: other.kill()
"""


@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in tiers.TIERS])
def test_what_else_its_user_runs_is_not_counted_as_the_submission(as_nobody, tier):
    done = as_nobody("-c", BUSY, tier)
    assert done.returncode == 0 and "can't start new thread" not in done.stdout, done.stdout


CHANGING = """
import ctypes, json, os, sys
from pathlib import Path
from autograder.sandbox import landlock, namespaces, tiers
from autograder.sandbox.namespaces import Limits

version = int(sys.argv[1])
real = landlock.version()
landlock.version = lambda: min(real, version)  # of an older kernel
own = Path(os.environ["HOME"])
home, precious, folder = own / f"home{version}", own / f"precious{version}", own / f"readable{version}"
home.mkdir(); folder.mkdir()
inside = folder / "library.py"  # what it may read is the instructor's, too
for path in (precious, inside):
    path.write_text("all grades")
    path.chmod(0o640)
    os.utime(path, (1, 1))
c = ctypes.CDLL(None, use_errno=True)

def attempts():
    for path in map(str, (precious, inside)):
        raw = path.encode()
        yield lambda: os.chmod(path, 0)
        yield lambda: c.syscall(452, -100, raw, 0, 0)  # fchmodat2
        yield lambda: os.chown(path, os.getuid(), os.getgid())
        yield lambda: os.utime(path, (5, 5))
        yield lambda: os.truncate(path, 0)
        yield lambda: os.setxattr(path, "user.x", b"1")
        yield lambda: os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))
        yield lambda: c.open(raw, os.O_RDONLY | os.O_TRUNC)
        yield lambda: c.syscall(437, -100, raw, ctypes.byref((ctypes.c_uint64 * 3)(os.O_TRUNC, 0, 0)), 24)  # openat2
        yield lambda: open(path, "w")
        yield lambda: os.rename(path, path + "x")
        yield lambda: os.link(path, str(home / "link"))
        yield lambda: os.remove(path)
        for flags in (os.O_RDONLY, os.O_PATH):
            def by_descriptor(change):
                fd = os.open(path, flags)
                change(fd)
                change(f"/proc/self/fd/{fd}")
            yield lambda: by_descriptor(lambda x: os.chmod(x, 0))
            yield lambda: by_descriptor(lambda x: os.utime(x, (5, 5)))
            yield lambda: by_descriptor(lambda x: os.truncate(x, 0))
            yield lambda: by_descriptor(lambda x: os.setxattr(x, "user.x", b"1"))

def main():
    tried = 0
    for attempt in attempts():
        tried += 1
        try:
            attempt()
        except OSError:
            pass
    Path("tried").write_text(str(tried))
    Path("copy").write_text("x")
    os.chmod("copy", 0o600)  # as copying does: no error

readable = [*map(str, tiers.python_folders()), "/usr", "/lib", "/lib64", str(folder)]
if len(sys.argv) == 2:
    pid = namespaces.fork_inside("landlock", Limits(), home, readable, main)
    os.waitpid(pid, 0)
else:  # in no sandbox
    os.chdir(home)
    main()
def about(path):
    if not path.exists(): return "gone"
    s = path.stat()
    return [s.st_mode & 0o777, s.st_size, s.st_mtime, os.listxattr(path)]
print(json.dumps([int((home / "tried").read_text()), about(precious), about(inside)]))
"""


@needs("landlock")
@pytest.mark.parametrize("version", [1, 2, 3, 7])
def test_landlock_leaves_the_files_of_its_user_alone(as_nobody, version):
    """Rights, times, attributes, and before its third version, lengths: Landlock itself does not look at them."""
    done = as_nobody("-c", CHANGING, str(version))
    assert done.returncode == 0, done.stderr[-2000:]
    tried, *files = json.loads(done.stdout)
    assert tried >= 40 and files == [[0o640, 10, 1.0, []]] * 2


def test_what_is_tried_on_files_succeeds_outside_of_the_sandbox(as_nobody):
    done = as_nobody("-c", CHANGING, "1001", "outside")
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)[1:] == ["gone", "gone"]


@pytest.mark.daily(2)
@pytest.mark.slow
def test_attacks_on_an_ordinary_user(as_nobody):
    """By both tiers; a sample, in `make test-whole` all."""
    from tests.autograder.grade.test_attacks import _SOME, name_of

    file = "tests/autograder/grade/test_attacks.py"
    which = [f"{file}::test_attack[{name_of(a)}-{t}]" for a in _SOME for t in tiers.TIERS[:2]]
    own = "tests/autograder/sandbox/test_tiers.py::"
    which += [f"{own}test_what_reaches_other_processes[{t}]" for t in tiers.TIERS[:2]]
    which += [
        f"{own}test_what_fills_the_machine_is_counted[{t}-{what}]"
        for t in tiers.TIERS[:2]
        for what in MUCH
    ]
    done = as_nobody("-m", "pytest", *which, "--show-capture=no", DLCOURSE_WHOLE=os.environ.get("DLCOURSE_WHOLE", ""), DLCOURSE_DAY=DAY)  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    assert f"{len(which)} passed" in done.stdout or done.stdout.count(".") >= len(which)


PROBES = {
    "read your files, other submissions or the gradebook, or write there": {"read the course", "write outside"},
    "use SciPy, scikit-learn, pandas, PyTorch, or parts of dlcore from later lessons": {"import torch", "import the twin", "read the twin"},
    "learn whether a file exists, how large it is and whose": {"stat"},
    "use the network": {"use the network"},
    "learn which processes there are": {"see processes"},
}  # fmt: skip


@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in tiers.TIERS])
def test_the_table_of_defenses_is_true(tier):
    """What it calls stopped cannot be done, and what it calls open can."""
    can = abilities(tier)
    if tier != "process":  # there the clone's own paths depend on who runs the tests
        for wish, probes in PROBES.items():
            stopped = wish not in defenses.open_in(tier)
            assert (not probes & can) if stopped else probes <= can, wish
    assert {*PROBES} <= {defense.wish for defense in defenses.DEFENSES}
    assert defenses.markdown() in (ROOT / "autograder" / "INSTRUCTORS.md").read_text("utf-8")


REACHING = """
import ctypes, fcntl, mmap, os, resource, socket, struct
c = ctypes.CDLL(None, use_errno=True)
import subprocess
other = subprocess.Popen(["sleep", "60"]).pid  # of the same user, as another submission's would be

def call(number, *args):
    if c.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def owner(command, value):
    r, w = os.pipe()
    fcntl.fcntl(r, command, value)

long = ctypes.c_long
def high(command): return long(command | 1 << 32)  # the kernel does not look at that bit
def pair(): return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
def ask(act, *args):
    try: act(*args)
    except FileNotFoundError: pass  # it was looked for

def hide(a, b):
    socket.send_fds(a, [b"x"], [b.fileno()])

def locked(command):
    "Whether part of a file has a lock afterwards that another description of it runs into."
    first, second = open("locked", "w"), open("locked", "w")
    part = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 10, 0)
    fcntl.fcntl(first, command, part)
    found = fcntl.fcntl(second, 36, part)  # F_OFD_GETLK
    if struct.unpack("hhqqi", found)[0] == fcntl.F_UNLCK: raise OSError("no lock")

def attempt(f):
    try:
        f()
        return True
    except Exception:
        return False

can = {
    "limits": attempt(lambda: resource.prlimit(other, resource.RLIMIT_NOFILE)),
    "priority": attempt(lambda: os.setpriority(os.PRIO_PROCESS, other, 19)),
    "priority of a user": attempt(lambda: os.setpriority(os.PRIO_USER, 0, 19)),
    "priority of disks": attempt(lambda: call(251, 1, other, 0)),
    "processors": attempt(lambda: os.sched_setaffinity(other, [0])),
    "scheduling": attempt(lambda: os.sched_setscheduler(other, os.SCHED_BATCH, os.sched_param(0))),
    "signals": attempt(lambda: os.kill(other, 0)),
    "signals to a group": attempt(lambda: os.kill(-os.getpgid(other), 0)),
    "signals to all": attempt(lambda: os.kill(-1, 0)),
    "signals to a thread": attempt(lambda: call(200, other, 0)),
    "signals by files": attempt(lambda: owner(fcntl.F_SETOWN, other)),
    "signals by files, in a structure": attempt(lambda: owner(15, struct.pack("ii", 1, other))),
    "which signal": attempt(lambda: owner(fcntl.F_SETSIG, 9)),
    "memory": attempt(lambda: open(f"/proc/{other}/mem", "rb").read(1)),
    "environment": attempt(lambda: open(f"/proc/{other}/environ", "rb").read()),
    "larger pipes": attempt(lambda: owner(1031, 2**20)),
    "larger pipes, with a high bit": attempt(lambda: call(72, os.pipe()[0], high(1031), long(2**20))),
    "signals by files, with a high bit": attempt(lambda: call(72, os.pipe()[0], high(8), long(other))),
    "which signal, with a high bit": attempt(lambda: call(72, os.pipe()[0], high(10), long(9))),
    "not to be looked at": attempt(lambda: call(157, high(4), long(0), long(0), long(0), long(0))),
    "a lease": attempt(lambda: fcntl.fcntl(open("leased", "w"), 1024, fcntl.F_WRLCK)),
    "a named socket": attempt(lambda: pair()[0].bind("x.sock")),
    "send to a named socket": attempt(lambda: ask(pair()[0].sendto, b"x", "/nowhere")),
    "asynchronous reading": attempt(lambda: call(206, 1, ctypes.byref(ctypes.c_ulong(0)))),
    "watch files": attempt(lambda: call(253)),
    "lock parts of files": attempt(lambda: locked(fcntl.F_SETLK)),
    "lock parts of files, and wait": attempt(lambda: locked(fcntl.F_SETLKW)),
    "lock parts of files for a description": attempt(lambda: locked(37)),
    "files in memory": attempt(lambda: os.memfd_create("x")),
    "share pages": attempt(lambda: mmap.mmap(-1, 4096)),
    "share pages of zeros": attempt(lambda: mmap.mmap(os.open("/dev/zero", os.O_RDWR), 4096)),
    "hide descriptors": attempt(lambda: hide(*socket.socketpair())),
}
own = {
    "own limits": attempt(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))),
    "own priority": attempt(lambda: os.nice(1)),
    "own signals": attempt(lambda: os.kill(os.getpid(), 0)),
    "own sockets": attempt(lambda: [s.close() for s in socket.socketpair()]),
}
"""
# where there is a namespace, too
UNCOUNTED = {
    "larger pipes", "larger pipes, with a high bit", "hide descriptors", "asynchronous reading", "watch files", "share pages",
    "share pages of zeros", "files in memory", "lock parts of files", "lock parts of files, and wait", "lock parts of files for a description",
}  # fmt: skip


@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in tiers.TIERS])
def test_what_reaches_other_processes(tier):
    """In the landlock tier there is no namespace: only the filter stands between two submissions."""
    zygote = Zygote(tier, imports=["numpy"], twins=[], withheld=[], lesson="01")
    try:
        session = Session(zygote, timeout=30)
        assert session.run(0, REACHING) == []
        found = session.names(["can", "own"])
        assert all(found["own"].values()), found["own"]
        able = {name for name, may in found["can"].items() if may}
        if tier == "landlock":
            assert not able
        elif tier == "bubblewrap":  # all that it could name is its own
            assert not able & UNCOUNTED
        else:  # the probes do succeed where nothing stops them
            assert able >= UNCOUNTED | {
                "limits", "priority", "processors", "signals", "signals to a thread", "signals by files",
                "which signal", "signals by files, with a high bit", "which signal, with a high bit",
                "not to be looked at", "a lease", "a named socket", "send to a named socket",
            }  # fmt: skip
        session.close()
    finally:
        zygote.close()


MUCH = {
    "sockets": ("""
import os, socket, time
for _ in range(30):
    if os.fork() == 0:
        kept = []
        try:
            while True:
                kept.append(socket.socketpair())
                kept[-1][0].setblocking(False)
                try:
                    while True: kept[-1][0].send(bytes(4096))
                except BlockingIOError: pass
        except OSError: pass
        time.sleep(30)
time.sleep(30)
""", "more memory"),
    "memory of orphans": ("""
import os, time
for _ in range(5):
    if os.fork() == 0:
        if os.fork() == 0:
            x = bytearray(os.urandom(1)) * (200 * 2**20)
            time.sleep(30)
        os._exit(0)
time.sleep(15)
""", "more memory"),
    "memory of a thread whose process has ended": ("""
import ctypes, os, threading, time
def hog():
    time.sleep(0.5)  # until its process has ended
    x = bytearray(os.urandom(1)) * (200 * 2**20)
    time.sleep(30)
for _ in range(5):
    if os.fork() == 0:
        threading.Thread(target=hog).start()
        ctypes.CDLL(None).syscall(60, 0)
time.sleep(15)
""", "more memory"),
    "processes": ("""
import os, time
for _ in range(100):
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
time.sleep(15)
""", "more processes|temporarily unavailable"),
    "files without a name, in memory": ("""
import ctypes, os, time
c = ctypes.CDLL(None)
c.syscall.restype = ctypes.c_long
for n in range(40):
    f = open("x.bin", "wb+")
    f.write(bytes(2**22)); f.flush()
    if c.syscall(9, None, ctypes.c_long(4096), 1, 2, f.fileno(), ctypes.c_long(0)) < 0:  # Python's own mmap keeps it open
        raise OSError("not mapped")
    os.unlink("x.bin")
    f.close()
time.sleep(2)
""", "more files|No space"),
    "files behind a program that may not be looked at": ("""
import os, subprocess, time
with open("/bin/sleep", "rb") as f: code = f.read()
fd = os.open("sleep", os.O_CREAT | os.O_WRONLY, 0o111)
os.write(fd, code); os.close(fd)
for n in range(40):
    fd = os.open("x.bin", os.O_CREAT | os.O_RDWR)
    os.unlink("x.bin")
    os.write(fd, bytes(2**22))
    subprocess.Popen(["./sleep", "1234"], pass_fds=[fd])
    os.close(fd)
time.sleep(4)
""", "more files|No space|from seeing"),
    "files": ("""
n = 0
while True:
    with open(f"{n}.bin", "wb") as f: f.write(bytes(2**20))
    n += 1
""", "more files|No space"),
    "files without a name": ("""
import os, time
kept = []
while True:
    f = open("x.bin", "wb")
    os.unlink("x.bin")
    f.write(bytes(2**22)); f.flush()
    kept.append(f)
""", "more files|No space|Too many open files"),
    "many files": ("""
n = 0
while True:
    open(f"{n}", "w").close()
    n += 1
""", "more files|No space"),
    "folders in folders": ("""
import os, time
for _ in range(3000):
    os.mkdir("d"); os.chdir("d")
time.sleep(2)
""", "more files|^$|File name too long"),
    "files behind a closed door": ("""
import os, time
os.mkdir("d")
for n in range(40):
    with open(f"d/{n}.bin", "wb") as f: f.write(bytes(2**22))
    os.chmod("d", 0o700 if n < 39 else 0)
time.sleep(2)
""", "more files|No space"),
}  # fmt: skip


@pytest.mark.parametrize("what", MUCH)
@pytest.mark.parametrize("tier", [pytest.param(t, marks=needs(t)) for t in tiers.TIERS])
def test_what_fills_the_machine_is_counted(tier, what):
    code, told = MUCH[what]
    limits = Limits(memory=400 * 2**20, disk=64 * 2**20)
    zygote = Zygote(tier, imports=[], twins=[], withheld=[], lesson="01", limits=limits)
    try:
        session = Session(zygote, timeout=20)
        outputs = session.run(0, code)
        text = " ".join(str(o.get("evalue", "")) for o in outputs)
        assert re.search(told, text), outputs
        session.close()
        session = Session(zygote, timeout=20)  # and the next is graded as ever
        assert session.run(0, "n = 1") == [] and session.names(["n"])["n"] == 1
        session.close()
        if tier == "landlock":
            assert not list(zygote.folder.glob("home-*/*"))
    finally:
        folder = zygote.folder
        zygote.close()
    assert not folder.exists()
