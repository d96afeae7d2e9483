"""Functions of ours that student code may call, run in a process of their own.

Whoever calls chooses the arguments, and with them how long a call takes and how much memory it wants: the process
that grades must not pay for that. The helper is a fork of it that reads nothing but the packages, writes nothing, and has no network (where the
kernel has Landlock); it is killed when the time is up. What it runs is as far out of the student's reach as before: only arguments and
results cross.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autograder.check.limits import TimeUp, memory_limit
from autograder.sandbox import landlock, namespaces, seccomp, tiers, values
from autograder.sandbox.frames import FrameError, Pipe, Slow
from autograder.sandbox.kernel import libc
from autograder.sandbox.proxies import (
    Conversation,
    Remote,
    RemoteCallable,
    RemoteClass,
    error_class,
)

_KINDS = {"thing": Remote, "callable": RemoteCallable, "class": RemoteClass}


class Helper:
    """Runs ``functions``, by name, until it is closed."""

    def __init__(
        self,
        functions: Mapping[str, Callable[..., Any]],
        session: Conversation,
        memory: int,
        seconds: float,
    ) -> None:
        namespaces.compiled("landlock")  # once, before the fork
        ours, theirs = socket.socketpair()
        self.session, self.things = session, list[Remote]()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                with memory_limit(memory):
                    _shut_in(theirs, seconds)
                    _serve(Pipe(theirs), functions, session)
            finally:
                os._exit(0)
        theirs.close()
        self.pipe: Pipe | None = Pipe(ours)

    def call(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], deadline: float
    ) -> Any:
        """What the function returns. Raises what it raises, and TimeUp at ``deadline``."""
        if self.pipe is None:
            raise TimeUp
        head, out = values.encode_call(args, kwargs, self._refer)
        try:
            self.pipe.send({"call": name} | head, out, deadline)
            while True:
                reply, blobs = self.pipe.receive(deadline)
                if "do" not in reply:
                    break
                self.pipe.send(*self._done(reply, blobs), deadline)
        except Slow:
            self.close()
            raise TimeUp from None
        except FrameError:
            self.close()
            raise MemoryError("it needed more memory or time than there is") from None
        except BaseException:  # it waits for an answer that it will not get
            self.close()
            raise
        if problem := reply.get("error"):
            raise error_class(problem["name"], problem["bases"])(problem["message"])
        return values.decode(reply["value"], blobs, self._resolve)

    def _done(
        self, request: dict[str, Any], blobs: list[bytearray]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """What an operation on a thing of the student's gave, which may call another function of ours meanwhile."""
        args, kwargs = values.decode_call(request, blobs, self._resolve)
        try:
            value, out = values.encode(self.session.do(request["do"], *args, **kwargs), self._refer)
        except Exception as error:
            return {"error": _described(error)}, []
        return {"value": value}, out

    def _refer(self, thing: Any) -> dict[str, Any]:
        if name := values.library_name(thing):
            return {"g": name}
        if not isinstance(thing, Remote):
            raise values.NotPlain(f"a {type(thing).__name__} object cannot be lent")
        self.things.append(thing)
        kind = next(k for k, cls in reversed(_KINDS.items()) if isinstance(thing, cls))
        return {"h": len(self.things) - 1, "k": kind, "about": thing._about, "made": thing._made}

    def _resolve(self, data: dict[str, Any]) -> Any:
        return values.find(data["g"]) if "g" in data else self.things[data["h"]]

    def close(self) -> None:
        """End it."""
        if self.pipe is None:
            return
        self.pipe.close()
        self.pipe = None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _shut_in(sock: socket.socket, seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # die with the grader
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.dup2(1, 2)
    os.dup2(1, 0)
    os.closerange(3, sock.fileno())
    os.closerange(sock.fileno() + 1, 4096)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds) + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if landlock.version():
        ours = Path(__file__).parents[2]  # modules are loaded when they are first used
        folders = [*tiers.python_folders(), ours / "dlcore", ours / "autograder"]
        landlock.restrict(map(str, folders), [])
        with contextlib.suppress(OSError):
            seccomp.install(namespaces.compiled("landlock"))


def _serve(pipe: Pipe, functions: Mapping[str, Callable[..., Any]], session: Conversation) -> None:
    there = _There(pipe, functions, session)
    while True:
        there.answer(*pipe.receive())


class _There:
    """The student's things as the helper sees them: every operation is the grader's to pass on."""

    def __init__(
        self, pipe: Pipe, functions: Mapping[str, Callable[..., Any]], session: Conversation
    ) -> None:
        self.pipe, self.functions, self.session = pipe, functions, session
        self.generation, self.classes = 0, session.classes

    def answer(self, request: dict[str, Any], blobs: list[bytearray]) -> None:
        """Run the function that is asked for and send what it returns."""
        args, kwargs = values.decode_call(request, blobs, self.resolve)
        reply: dict[str, Any]
        try:
            value, out = values.encode(self.functions[request["call"]](*args, **kwargs), self.refer)
            reply = {"value": value}
        except Exception as error:
            reply, out = {"error": _described(error)}, []
        self.pipe.send(reply, out)

    def release(self, number: int, generation: int) -> None:
        pass

    def is_declared(self, number: Any) -> bool:
        return self.session.is_declared(number)  # as it was at the fork

    def uses(self, thing: Remote, names: Any) -> str | None:
        return None

    def lend(self, names: Any, note: Any) -> None:
        raise TypeError("what is lent cannot be lent on")

    def signature(self, thing: Any) -> Any:
        raise ValueError("no signature found")

    def do(self, what: str, *args: Any, **kwargs: Any) -> Any:
        head, out = values.encode_call(args, kwargs, self.refer)
        self.pipe.send({"do": what} | head, out)
        while "call" in (message := self.pipe.receive())[0]:
            self.answer(*message)  # the student's function calls one of ours
        reply, blobs = message
        if problem := reply.get("error"):
            raise error_class(problem["name"], problem["bases"])(problem["message"])
        return values.decode(reply["value"], blobs, self.resolve)

    def refer(self, thing: Any) -> dict[str, Any]:
        if name := values.library_name(thing):
            return {"g": name}
        if isinstance(thing, Remote):
            return {"h": thing._number}
        raise values.NotPlain(f"a {type(thing).__name__} object cannot be passed to student code")

    def resolve(self, data: dict[str, Any]) -> Any:
        if "g" in data:
            return values.find(data["g"])
        found = _KINDS[data["k"]](self, data["h"], data["about"])
        object.__setattr__(found, "_made", data["made"])
        return found


def _described(error: Exception) -> dict[str, Any]:
    bases = [f"{c.__module__}:{c.__qualname__}" for c in type(error).__mro__]
    return {"name": type(error).__name__, "bases": bases, "message": str(error)[:1000]}
