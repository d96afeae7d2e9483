"""The trusted end: start a zygote, get a worker for a submission, ask it, end it."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder.check import limits
from autograder.check.limits import Lost, TimeUp
from autograder.errors import Problem
from autograder.sandbox import stubs, tiers
from autograder.sandbox.frames import Closed, FrameError, Pipe, Slow, TooLong
from autograder.sandbox.namespaces import Limits, kill

START = 60.0  # seconds that a zygote may take to get ready
GRACE = 0.7  # seconds between asking code to stop and stopping it


class Zygote:
    """A zygote for one lesson. ``imports`` are loaded once; ``twins`` and ``withheld`` are not there."""

    def __init__(
        self,
        tier: str,
        *,
        imports: Sequence[str] = (),
        twins: Sequence[str] = (),
        withheld: Sequence[str] = (),
        lesson: str = "",
        limits: Limits | None = None,
    ) -> None:
        self.tier = tier
        self.folder = Path(tempfile.mkdtemp(prefix="dlcourse-"))
        self.folder.chmod(0o755)
        self.library = self.folder / "library"
        self.limits = limits or Limits()
        self.imports = list(imports)
        self.process: subprocess.Popen[bytes] | None = None
        self.broken = False
        stubs.build(self.library, twins, lesson, withheld)
        self._share_fonts()
        self._start()

    def _share_fonts(self) -> None:
        """Matplotlib's list of fonts, which takes seconds to make."""
        if not any(
            name.split(".")[0] == "matplotlib" or name == "dlcore.plot" for name in self.imports
        ):
            return
        import matplotlib.font_manager  # writes the list

        for path in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
            (self.library / "fonts").mkdir(exist_ok=True)
            shutil.copy(path, self.library / "fonts")

    def _start(self) -> None:
        home = Path("/home/student") if self.tier == "bubblewrap" else self.folder / "zygote"
        if self.tier != "bubblewrap":
            home.mkdir(exist_ok=True)
        options = {
            "tier": self.tier,
            "imports": self.imports,
            "limits": asdict(self.limits),
            "home": str(home),
            "library": tiers.COURSE if self.tier == "bubblewrap" else str(self.library),
            "readable": tiers.readable(self.tier, self.library),
        }
        ours, theirs = socket.socketpair()
        self.words = (self.folder / "stderr").open("w+b")
        self.process = subprocess.Popen(
            [
                *tiers.command(self.tier, self.library, home),
                str(tiers.python()),
                "-P",
                "-m",
                "autograder.sandbox.zygote",
                json.dumps(options),
            ],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=self.words,
            env=tiers.environment(self.tier, self.library, home),
            cwd=None if self.tier == "bubblewrap" else home,
        )
        theirs.close()
        self.control = ours
        self.control.settimeout(START)
        self.buffer = b""
        try:
            if not self._line().get("ready"):
                raise OSError("no greeting")
        except (OSError, ValueError):
            self.words.seek(0)
            said = self.words.read().decode(errors="replace").strip().splitlines()
            self.close()
            raise Problem(
                f"the sandbox did not start: {said[-1] if said else 'it said nothing'}",
                "run `autograder doctor`",
            ) from None

    def _line(self) -> dict[str, Any]:
        while b"\n" not in self.buffer:
            data = self.control.recv(65536)
            if not data:
                raise OSError("the zygote has gone")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def ask(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> dict[str, Any]:
        with limits.held():
            try:
                socket.send_fds(self.control, [json.dumps(request).encode()], list(fds))
                return self._line()
            except (OSError, ValueError) as error:
                self.broken = True
                raise Lost(f"the sandbox ended ({error})") from None

    def spawn(self) -> Worker:
        """A fresh fork, shut in, that has run nothing."""
        if self.broken:
            self._stop()
            self._start()
            self.broken = False
        home = ""
        if self.tier != "bubblewrap":
            place = Path(tempfile.mkdtemp(prefix="home-", dir=self.folder))
            place.chmod(0o777)
            home = str(place)
        ours, theirs = socket.socketpair()
        with theirs:
            reply = self.ask({"op": "spawn", "home": home}, [theirs.fileno()])
        if "error" in reply:
            ours.close()
            raise Problem(
                f"the sandbox could not be made: {reply['error']}", "run `autograder doctor`"
            )
        return Worker(self, Pipe(ours), reply["pid"], home)

    def _stop(self) -> None:
        self.control.close()
        if self.process is not None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.words.close()

    def close(self) -> None:
        """End everything and remove its files."""
        self._stop()
        _remove(self.folder)


class Worker:
    """One submission's process, asked one thing at a time."""

    def __init__(self, zygote: Zygote, pipe: Pipe, pid: int, home: str) -> None:
        self.zygote, self.pipe, self.pid, self.home = zygote, pipe, pid, home
        self.number = 0
        self.lost = ""  # why it has gone, when it has
        self.ended: dict[str, Any] = {}
        self.released: list[int] = []
        self.events: dict[str, None] = {}
        self.depth = 0

    def ask(
        self,
        head: dict[str, Any],
        blobs: Sequence[bytes] = (),
        seconds: float | None = None,
        call_back: Callable[[dict[str, Any], list[bytearray]], tuple[dict[str, Any], list[bytes]]]
        | None = None,
    ) -> tuple[dict[str, Any], list[bytearray]]:
        """Send a request, return the reply. Raises Lost if the process has gone or is ended for
        what it sends; TimeUp if it does not answer in ``seconds`` (then it may still be alive);
        TooLong if the request cannot be sent."""
        if self.lost:
            raise Lost(self.lost)
        self.number += 1
        number = head["id"] = self.number
        if self.released:
            head["release"], self.released = self.released, []
        deadline = limits.deadline()
        if seconds is not None:
            deadline = min(deadline, time.monotonic() + seconds)
        with limits.held():
            try:
                self.pipe.send(head, blobs, deadline)
                while True:
                    reply, more = self.pipe.receive(deadline)
                    if not isinstance(reply, dict):
                        raise FrameError("not an answer")
                    if "callback" not in reply:
                        break
                    if call_back is None or self.depth > 20:
                        raise FrameError("a call that nobody asked for")
                    self.depth += 1
                    try:
                        back, out = call_back(reply, more)
                    finally:
                        self.depth -= 1
                    self._send_back(back, out, deadline)
                if reply.get("id") != number:
                    raise FrameError("an answer to something else")
            except Slow:
                self._interrupt(number)
                raise TimeUp from None
            except TooLong:
                raise  # nothing was sent: the process is as it was
            except Closed:
                self.end(going=True)
                raise Lost(self.lost) from None
            except FrameError as error:
                self.end(f"your code wrote into the grader's pipe ({error})")
                raise Lost(self.lost) from None
        for event in _texts(reply.get("events")):
            if len(self.events) < 200:
                self.events[event] = None
        return reply, more

    def _send_back(self, back: dict[str, Any], out: list[bytes], deadline: float) -> None:
        """The answer to a call back."""
        try:
            self.pipe.send({"op": "return"} | back, out, deadline)
        except TooLong as error:
            problem = {"name": "ValueError", "message": str(error)}
            self.pipe.send({"op": "return", "error": problem}, (), deadline)

    def _interrupt(self, number: int) -> None:
        """Ask the code to stop, as a press on the notebook's stop button does; if it will not, end it."""
        try:
            self.zygote.ask({"op": "interrupt", "pid": self.pid})
            deadline = time.monotonic() + GRACE
            while True:
                reply, _ = self.pipe.receive(deadline)
                if isinstance(reply, dict) and reply.get("id") == number:
                    return
        except (Slow, FrameError, Lost):
            self.end("your code did not stop when its time was up")

    def end(self, why: str = "", *, going: bool = False) -> dict[str, Any]:
        """Kill whatever is left of the submission; ``going``: its pipe has closed already."""
        if not self.ended:
            self.lost = why or "the process has ended"
            self.pipe.close()
            try:
                self.ended = self.zygote.ask({"op": "end", "pid": self.pid, "going": going})
            except Lost:
                if self.zygote.tier != "bubblewrap":  # there, all have died with the zygote
                    kill(self.pid, self.zygote.tier)
            self.ended = self.ended or {"why": "sandbox"}
            self.lost = why or _how(self.ended)
            if self.home:
                _remove(Path(self.home))
        return self.ended


def _remove(folder: Path) -> None:
    """A folder in which a student's code could make what it liked: doors without a key, a thousand of them in a row."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, str(folder)], stderr=subprocess.DEVNULL, check=False)


def _how(ended: Mapping[str, Any]) -> str:
    """How a process came to its end, for its author."""
    if ended.get("why") == "memory":
        return "your code used more memory than there is for one notebook"
    if ended.get("why") == "hidden":
        return "your code kept the grader from seeing what it has open"
    if ended.get("why") == "processes":
        return "your code started more processes than one notebook may"
    if ended.get("why") == "disk":
        return "your code wrote more files than there is room for in one notebook"
    code = ended.get("code")
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "your code used up its processor time or memory"
    if isinstance(code, int) and code < 0:
        with contextlib.suppress(ValueError):
            return f"your code crashed Python ({signal.Signals(-code).name})"
    return "your code ended Python itself (os._exit, or the like)"


def _texts(found: Any) -> Iterator[str]:
    for text in found if isinstance(found, list) else ():
        if isinstance(text, str):
            yield text[:200]
