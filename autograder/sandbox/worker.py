"""Inside the fork: run the student's cells and call the student's functions, as asked.

Nothing here is trusted by the other end. Student code shares this process and can change any of
it; what it can reach that way is what it could have answered anyway.
"""

from __future__ import annotations

import builtins
import linecache
import os
import signal
import socket
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy.random

from autograder.check.forbidden import forbidden_name
from autograder.sandbox import cells, values
from autograder.sandbox.frames import Pipe, TooLong
from autograder.sandbox.operations import OPERATIONS

MOST_OBJECTS = 100_000
_MISSING = object()
_WATCHED = {
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.kill", "os.killpg",
    "subprocess.Popen", "pty.spawn", "socket.__new__", "socket.connect", "socket.getaddrinfo", "socket.bind",
    "ctypes.dlopen", "ctypes.dlsym", "ctypes.string_at", "gc.get_objects", "gc.get_referrers",
    "gc.get_referents", "sys._current_frames", "sys.settrace", "sys.setprofile", "urllib.Request",
    "signal.pthread_kill", "os.symlink", "os.link",
}  # fmt: skip
_PRIVATE = ("/proc/", "/etc/passwd", "/etc/shadow", "/root", "/home", "/var", "/sys", "/dev/")
_OPEN_TO_ALL = ("/dev/null", "/dev/urandom", sys.prefix, sys.base_prefix)


class Events:
    """What the interpreter reported while student code ran: evidence for the instructor."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.seen: dict[str, None] = {}
        self.on = False
        self.given: set[str] = set()  # cells of the instructor's, by their number
        folders = [Path(p) for p in sys.path if p.endswith("/withheld")]
        self.withheld = {path.name for folder in folders for path in folder.glob("*")}

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on or len(self.seen) >= 100:
            return
        if (detail := self._detail(event, args)) and not self._is_the_lessons():
            self.seen[detail[:200]] = None

    def _is_the_lessons(self) -> bool:
        """Whether a cell of the instructor's does it, not a function of the student's that the cell calls."""
        frame: Any = sys._getframe(2)
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith("<ipython-input-"):
                return name.split("-")[2] in self.given
            frame = frame.f_back
        return False

    def _detail(self, event: str, args: tuple[Any, ...]) -> str:
        if event in _WATCHED:
            detail = event
            if args and isinstance(args[0], str | bytes):
                detail += f" {args[0]!r}"
            if event == "os.kill":
                detail += f" {args[0]}"
            return detail
        if event == "import" and str(args[0]).split(".")[0] in self.withheld:
            return f"import {args[0]}"
        if event == "open" and isinstance(path := args[0] if args else None, str):
            outside = path.startswith(_PRIVATE) or ".." in path or "solutions" in path
            if outside and not path.startswith((*_OPEN_TO_ALL, self.home)):
                return f"open {path!r}"
        return ""

    def take(self) -> list[str]:
        found, self.seen = list(self.seen), {}
        return found


class Worker:
    """Answers requests until the pipe closes."""

    def __init__(self, sock: socket.socket) -> None:
        self.pipe = Pipe(sock)
        self.shell = cells.start()
        self.objects: dict[int, Any] = {}
        self.handles: dict[int, int] = {}  # id of an object -> its number
        self.last = 0
        self.kept: dict[str, Any] = {}  # what names meant before functions were lent
        self.events = Events(str(Path.cwd()))
        self.stream = cells.Stream(self.shell, "stdout")
        sys.addaudithook(self.events.hook)

    def serve(self) -> None:
        while True:
            request, blobs = self.pipe.receive()
            self.answer(request, blobs)

    def answer(self, request: dict[str, Any], blobs: list[bytearray]) -> None:
        for number in request.get("release", ()):
            self.handles.pop(id(self.objects.pop(number, None)), None)
        reply: dict[str, Any]
        try:
            match request["op"]:
                case "do":
                    reply, out = self.do(request, blobs)
                case "run":
                    reply, out = self.run(request["source"], bool(request.get("given"))), []
                case "get":
                    reply, out = self.get(request["names"])
                case "lend":
                    reply, out = self.lend(request["names"]), []
                case "signature":
                    reply, out = self.signature(request["target"])
                case "uses":
                    target = self.objects[request["target"]]
                    reply, out = {"value": forbidden_name(target, request["names"])}, []
                case "file":
                    reply, out = self.file(request["path"], blobs[0]), []
                case other:
                    reply, out = {"unknown": other}, []
        except KeyboardInterrupt:
            reply, out = {"interrupted": True}, []
        except Exception as error:  # a request that cannot be met is no reason to end
            reply, out = {"error": describe(error)}, []
        reply["id"] = request["id"]
        if events := self.events.take():
            reply["events"] = events
        try:
            self.pipe.send(reply, out)
        except TooLong as error:
            problem = {
                "name": "ValueError",
                "bases": ["builtins:ValueError"],
                "message": f"the result is too long: {error}",
            }
            self.pipe.send({"id": request["id"], "cut": True, "error": problem})

    # -- cells

    def run(self, source: str, given: bool) -> dict[str, Any]:
        if given:
            self.events.given.add(str(self.shell.execution_count))
        fds = _capture_descriptors(self.events.home)
        self.events.on = True
        try:
            outputs = self.shell.run(source)
        finally:
            self.events.on = False
            said = _captured(fds)
        recorder = self.shell.recorder
        if said:
            recorder.stream("stdout", said)
        return {"outputs": outputs, "cut": recorder.cut}

    def file(self, path: str, data: bytearray) -> dict[str, Any]:
        place = Path.cwd() / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return {}

    # -- values

    def refer(self, thing: Any) -> dict[str, Any]:
        """A number for an object that stays here."""
        number = self.handles.get(id(thing))
        if number is None:
            if name := values.library_name(thing):
                return {"g": name}
            if len(self.objects) >= MOST_OBJECTS:
                raise values.NotPlain(f"more than {MOST_OBJECTS} objects")
            self.last += 1
            number = self.last
            self.objects[number], self.handles[id(thing)] = thing, number
        return {"h": number} | _about(thing)

    def resolve(self, data: dict[str, Any]) -> Any:
        if "h" in data:
            return self.objects[data["h"]]
        if "f" in data:
            return Callback(self, data["f"])
        if "g" in data:
            return values.find(data["g"])
        raise values.NotPlain("something unknown")

    def get(self, names: list[str]) -> tuple[dict[str, Any], list[bytes]]:
        """The values of global names; those that are not there are left out."""
        scope, found = self.shell.user_ns, {}
        blobs: list[bytes] = []
        for name in names:
            if name in scope:
                value = scope[name]
                try:
                    found[name] = values.encode_into(value, self.refer, blobs)
                    if type(value) is type(sys):
                        found[name] |= {"m": value.__name__}
                except Exception as error:  # NotPlain, or what the value's own methods raised
                    found[name] = {"not plain": cells.safe_str(error)[:200]}
        return {"values": found}, blobs

    def lend(self, names: dict[str, Any]) -> dict[str, Any]:
        """Let global names mean functions of the grader; what was lent before goes back."""
        scope = self.shell.user_ns
        for name, value in self.kept.items():
            if value is _MISSING:
                scope.pop(name, None)
            else:
                scope[name] = value
        self.kept = {name: scope.get(name, _MISSING) for name in names}
        scope.update((name, self.resolve(function)) for name, function in names.items())
        return {}

    def do(
        self, request: dict[str, Any], blobs: list[bytearray]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Call, read an attribute, add ...: one operation on values of this side."""
        data, named = request["args"], request.get("kwargs") or {}
        originals = [bytes(blob) for blob in blobs]
        args, kwargs = values.decode_call(request, blobs, self.resolve)
        recorder = self.shell.recorder = cells.Recorder()
        before = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = self.stream
        reply: dict[str, Any] = {}
        out: list[bytes] = []
        self.events.on = True
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = OPERATIONS[request["what"]](*args, **kwargs)
            reply["value"], out = values.encode(result, self.refer)
        except BaseException as error:
            reply["error"] = describe(error)
        finally:
            self.events.on = False
            sys.stdout, sys.stderr = before
        if caught:
            reply["warnings"] = [
                [w.category.__name__, cells.safe_str(w.message)[:500]] for w in caught[:5]
            ]
        if recorder.outputs:
            texts = [o["text"] for o in recorder.outputs if o["output_type"] == "stream"]
            reply["said"] = "".join(texts)
        if request["what"] == "call" and any(map(_mutable, (*data, *named.values()))):
            self._changed(data, named, originals, (args, kwargs), reply, out)
        return reply, out

    def _changed(
        self,
        data: list[Any],
        named: dict[str, Any],
        originals: list[bytes],
        now: tuple[list[Any], dict[str, Any]],
        reply: dict[str, Any],
        out: list[bytes],
    ) -> None:
        """Send arguments back that the call changed in place."""
        try:
            after, blobs = values.encode_call(*now, self._no_new)
        except values.NotPlain:
            return
        args, kwargs = after["args"], after["kwargs"]
        if (args, kwargs, blobs) == (data, named, originals):
            return
        reply["changed"] = [
            [_shifted(x, len(out)) for x in args],
            {k: _shifted(x, len(out)) for k, x in kwargs.items()},
        ]
        out += blobs

    def _no_new(self, thing: Any) -> dict[str, Any]:
        if isinstance(thing, Callback):
            return {"f": thing.number}
        number = self.handles.get(id(thing))
        if number is None:
            if name := values.library_name(thing):
                return {"g": name}
            raise values.NotPlain("a new object")
        return {"h": number}

    def signature(self, number: int) -> tuple[dict[str, Any], list[bytes]]:
        import inspect

        try:
            signature = inspect.signature(self.objects[number])
        except (TypeError, ValueError):
            return {"value": None}, []
        found = [
            (
                p.name,
                int(p.kind),
                p.default is not p.empty,
                None if p.default is p.empty else p.default,
            )
            for p in signature.parameters.values()
        ]
        data, blobs = values.encode(found, self.refer)
        return {"value": data}, blobs

    # -- calls back

    def call_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        head, blobs = values.encode_call(args, kwargs, self.refer)
        self.pipe.send({"callback": number} | head, blobs)
        while True:
            request, more = self.pipe.receive()
            if request["op"] != "return":
                self.answer(request, more)
                continue
            if problem := request.get("error"):
                kind = getattr(builtins, problem["name"], RuntimeError)
                raise (kind if issubclass(kind, Exception) else RuntimeError)(problem["message"])
            return values.decode(request["value"], more, self.resolve)


class Callback:
    """A function of the grader, as student code sees it."""

    def __init__(self, worker: Worker, number: int) -> None:
        self.worker, self.number = worker, number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.worker.call_back(self.number, args, kwargs)


def _mutable(data: Any) -> bool:
    """Whether encoded data is, or holds, something that a call could change in place."""
    if type(data) is not dict:
        return False
    tag = next(iter(data))
    return tag in {"a", "l", "lp", "d", "s", "ba", "o", "rng"} or (
        tag == "t" and any(map(_mutable, data[tag]))
    )


def _shifted(data: Any, by: int) -> Any:
    """The same data with its blob numbers moved up by ``by``."""
    if by == 0 or not isinstance(data, dict):
        return data
    tag = next(iter(data))
    x = data[tag]
    if tag in {"a", "n", "lp", "b", "ba"}:
        return data | {tag: x + by}
    if tag in {"l", "t", "s", "fs", "o", "sl", "r", "fr"}:
        return data | {tag: [_shifted(i, by) for i in x]}
    if tag == "d":
        return {tag: [[_shifted(k, by), _shifted(i, by)] for k, i in x]}
    if tag == "rng":
        return {tag: [x[0], _shifted(x[1], by)]}
    return data


def _about(thing: Any) -> dict[str, Any]:
    """What the grader may know of an object."""
    kind = type(thing)
    if isinstance(thing, type):
        about: dict[str, Any] = {"k": "class", "name": str(thing.__name__)[:100], "cls": id(thing)}
        if issubclass(thing, BaseException):
            about |= {"k": "exception", "bases": _bases(thing)}
        return about
    about = {"k": "object", "type": str(kind.__name__)[:100], "cls": id(kind)}
    if callable(thing):
        about |= {"k": "callable", "name": str(getattr(thing, "__name__", kind.__name__))[:100]}
    return about


def _bases(kind: type) -> list[str]:
    return [f"{c.__module__}:{c.__qualname__}" for c in kind.__mro__][:20]


def describe(error: BaseException) -> dict[str, Any]:
    """An exception in words, with the student's own line that it came from."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/autograder/" not in frame.filename and "site-packages" not in frame.filename
    ]
    where = None
    if frames:
        last = frames[-1]
        line = linecache.getline(last.filename, last.lineno or 0).strip() or last.line or ""
        where = [last.name, last.lineno, line[:500]]
    return {
        "name": type(error).__name__[:100],
        "bases": _bases(type(error)),
        "cls": id(type(error)),
        "message": cells.safe_str(error)[:5000],
        "where": where,
    }


def _capture_descriptors(home: str) -> int:
    """Send what C code and child processes print to a file without a name; there is no terminal here."""
    try:
        fd = os.open(home, os.O_TMPFILE | os.O_RDWR)
    except OSError:  # the disk is full, or there is no such thing here
        fd = os.open(os.devnull, os.O_RDWR)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    return fd


def _captured(fd: int) -> str:
    try:
        said = os.pread(fd, cells.MOST_TEXT + 1, 0).decode("utf-8", "replace")
    except OSError:
        said = ""
    null = os.open(os.devnull, os.O_RDWR)
    for place in (1, 2):
        os.dup2(null, place)
    os.close(null)
    os.close(fd)
    return said


def main(sock: socket.socket) -> None:
    """The whole life of a worker."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    numpy.random.seed()  # noqa: NPY002  forks of one zygote must not share their random numbers
    os.environ["HOME"] = str(Path.cwd())
    sys.path.insert(0, os.environ["HOME"])  # modules beside the notebook, as in Jupyter
    worker = Worker(sock)
    while True:
        try:
            worker.serve()
        except KeyboardInterrupt:  # came too late: what it was meant for has ended
            continue
