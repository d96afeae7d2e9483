"""One submission's conversation with the sandbox.

Runs the student's cells, fetches the student's names, calls the student's functions. If
the process dies or has to be ended, a new one runs the earlier cells again, without the one that
brought it down.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import inspect
import re
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.check.limits import Lost, TimeUp, deadline, released
from autograder.sandbox import operations, values
from autograder.sandbox.cells import error_output
from autograder.sandbox.client import Worker, Zygote
from autograder.sandbox.frames import TooLong
from autograder.sandbox.helper import Helper
from autograder.sandbox.proxies import Remote, RemoteCallable, RemoteClass, error_class

REVIVALS = 5  # so often may one notebook bring its process down


@dataclass
class Cell:
    """A student's cell that was run, and whether it may be run again."""

    number: int
    source: str
    given: bool = False  # by the instructor
    harmless: bool = True


@dataclass
class Session:
    """``timeout`` seconds for a cell or a call, ``budget`` seconds for everything."""

    zygote: Zygote
    timeout: float = 60.0
    budget: float = 600.0
    files: Mapping[str, bytes] = field(default_factory=dict)
    modules: frozenset[str] = frozenset()  # that names may stand for
    generation: int = 0
    evidence: list[dict[str, Any]] = field(default_factory=list)
    classes: frozenset[str] = frozenset()  # that the exercises ask for

    def __post_init__(self) -> None:
        self.worker: Worker | None = None
        self.cells: list[Cell] = []
        self.revivals = 0
        self.ends = time.monotonic() + self.budget
        self.callbacks: dict[int, Any] = {}
        self.lent: list[int] = []
        self.lending = False  # names of the student's mean functions of ours
        self.helper: Helper | None = None  # that runs them
        self.proxies: weakref.WeakValueDictionary[int, Remote] = weakref.WeakValueDictionary()
        self.class_names: dict[object, str] = {}  # what the process says of classes
        self.open_classes: set[str] = set()  # whose objects the test of now may calculate with
        self.making = False  # whether the reply being read holds objects that a test has made
        self.peak = 0
        self.where = ""  # the cell that is being run or graded, for the evidence

    # -- processes

    def alive(self) -> Worker:
        """A process in which the student's cells have been run. Raises Lost."""
        if self.worker is not None and not self.worker.lost:
            return self.worker
        if time.monotonic() >= self.ends:
            raise Lost("the time for the whole notebook is used up")
        while True:
            if self.revivals > REVIVALS:
                raise Lost("the notebook brought its process down too often")
            if self.generation:
                self.revivals += 1
            self.generation += 1
            self.proxies.clear()
            self.class_names.clear()
            self.worker = self.zygote.spawn()
            for path, data in self.files.items():  # one by one: a message has a greatest length
                reply, _ = self.worker.ask({"op": "file", "path": path}, [data], self.timeout)
                if "error" in reply:
                    self.note("files", f"{path} could not be put beside the notebook")
            if all(self._again(cell) for cell in self.cells):
                return self.worker

    def _again(self, cell: Cell) -> bool:
        """Run an earlier cell again; whether the process survived it."""
        assert self.worker is not None
        if not cell.harmless:
            return True
        try:
            head = {"op": "run", "source": cell.source, "given": cell.given}
            self.worker.ask(head, (), self._seconds(), self._call_back)
        except TimeUp:
            cell.harmless = not self.worker.lost
        except Lost:
            cell.harmless = False
        self._collect()
        return not self.worker.lost

    def ends_in(self) -> float:
        """Seconds left for the whole notebook."""
        return self.ends - time.monotonic()

    def _seconds(self) -> float:
        return max(0.0, min(self.timeout, self.ends - time.monotonic()))

    def note(self, kind: str, detail: str) -> None:
        """Something for the instructor to look at."""
        detail = detail.replace("your code", "the code")[:300]  # it is the instructor who reads it
        found = {"where": self.where, "kind": kind, "detail": detail}
        if len(self.evidence) < 200 and found not in self.evidence:
            self.evidence.append(found)

    def _collect(self) -> None:
        """Take over what the process reported, and how it ended if it did."""
        worker = self.worker
        if worker is None:
            return
        for event in worker.events:
            self.note("event", event)
        worker.events.clear()
        if worker.lost and worker.ended is not None:
            self.peak = max(self.peak, int(worker.ended.get("peak", 0) or 0))

    def close(self) -> None:
        if self.helper is not None:
            self.helper.close()
            self.helper = None
        if self.worker is not None:
            self._collect()
            ended = self.worker.end("the notebook has been graded")
            self.peak = max(self.peak, int(ended.get("peak", 0) or 0))
            self.worker = None
        self.ends = 0.0

    # -- cells

    def run(self, number: int, source: str, given: bool = False) -> list[dict[str, Any]]:
        """The outputs of a student's cell, as its process gave them: not to be trusted.

        What a cell does that was ``given`` by the instructor is nothing to remark on.
        """
        cell = Cell(number, source, given)
        try:
            self.take_back()
            worker = self.alive()
            head = {"op": "run", "source": source, "given": given}
            reply, _ = worker.ask(head, (), self._seconds(), self._call_back)
        except TimeUp:
            assert self.worker is not None
            self.note("time", "the cell ran too long and was stopped")
            cell.harmless = False
            outputs = [error_output("CellTimeoutError", f"stopped after {self.timeout:g} seconds")]
        except TooLong as error:
            cell.harmless = False
            outputs = [error_output("ValueError", f"the cell is too long: {error}")]
        except Lost as lost:
            if self.worker is not None and self.worker.lost:
                self.note("ended", str(lost))
            cell.harmless = False
            outputs = [error_output("DeadKernelError", str(lost))]
        else:
            if reply.get("cut"):
                self.note("flood", "printed or showed more than is kept")
            outputs = reply.get("outputs")  # type: ignore[assignment]
            if not isinstance(outputs, list):
                outputs = []
        self._collect()
        self.cells.append(cell)
        return outputs

    # -- names

    def names(self, wanted: Iterable[str]) -> dict[str, Any]:
        """The student's values of global names; those that are not there are left out."""
        self.take_back()
        asked = list(wanted)
        reply, blobs = self._ask({"op": "get", "names": asked})
        raw = reply.get("values")
        found: dict[str, Any] = {}
        for name in asked:
            if not isinstance(raw, dict) or name not in raw:
                continue
            data = raw[name]
            if isinstance(data, dict) and "not plain" in data:
                found[name] = Unreadable(str(data["not plain"])[:200])
                continue
            try:
                value = values.decode(data, blobs, self._resolve)
            except values.NotPlain as error:  # the names beside it are none the worse
                found[name] = Unreadable(str(error)[:200])
                continue
            if isinstance(value, Remote):
                if value._root not in (None, name):  # two names for one thing
                    value = value._under_another_name()
                object.__setattr__(value, "_root", name)
                if name in self.classes and isinstance(value, RemoteClass):
                    self.class_names[value._about.get("cls")] = name
            found[name] = value
        return found

    def lend(
        self,
        functions: Mapping[str, Callable[..., Any]],
        note: Callable[[str], None] = lambda name: None,
    ) -> None:
        """Let global names of the student mean functions of ours, until this is called again.

        They run in a process of their own; ``note`` hears the name of each that is called. If the time of a
        test is up, the names go back before the next thing that is asked for.
        """
        for number in self.lent:
            self.callbacks.pop(number, None)  # who has kept one can no longer call it
        if self.helper is not None:
            self.helper.close()
            self.helper = None
        if functions:
            limits = self.zygote.limits
            self.helper = Helper(functions, self, limits.memory, limits.cpu)
        names = {name: self._stand_in(name, note) for name in functions}
        self.lent = [id(function) for function in names.values()]
        if deadline() <= time.monotonic():
            return
        self.lending = True
        self._ask({"op": "lend", "names": {name: self._refer(f) for name, f in names.items()}})
        self.lending = bool(names)

    def _stand_in(self, name: str, note: Callable[[str], None]) -> Callable[..., Any]:
        helper = self.helper

        def call(*args: Any, **kwargs: Any) -> Any:
            note(name)
            assert helper is not None
            until = min(deadline(), time.monotonic() + self._seconds())
            return helper.call(name, args, kwargs, until)

        return call

    def take_back(self) -> None:
        """What was lent goes back, if that is still to be done."""
        if self.lending:
            self.lend({})

    def is_declared(self, class_id: object) -> bool:
        return self.class_names.get(class_id) in self.open_classes

    # -- operations

    def _number(self, remote: Remote) -> int:
        """The number of a proxy's object in the process of today."""
        self.alive()
        if remote._session is not self:
            raise Lost("this belongs to another notebook")
        if remote._generation != self.generation:
            if remote._root is None:
                raise Lost("an object was lost when the process that held it ended")
            found = self.names([remote._root]).get(remote._root)
            if not isinstance(found, Remote):
                raise Lost(f"{remote._root} was lost when the process that held it ended")
            for name in ("_number", "_about", "_generation", "_owner"):
                object.__setattr__(remote, name, getattr(found, name))
            object.__setattr__(found, "_generation", -1)  # it hands its number over
            self.proxies[remote._number] = remote
        return remote._number

    def release(self, number: int, generation: int) -> None:
        """Nobody holds the proxy any more."""
        if self.worker is not None and generation == self.generation and not self.worker.lost:
            self.worker.released.append(number)

    def _refer(self, thing: Any) -> dict[str, Any]:
        if isinstance(thing, Remote):
            return {"h": self._number(thing)}
        if name := values.library_name(thing):
            return {"g": name}
        if callable(thing) and (inspect.isroutine(thing) or inspect.isfunction(thing)):
            number = id(thing)
            self.callbacks[number] = thing  # kept, so that the id stays its own
            return {"f": number}
        raise values.NotPlain(
            f"a {type(thing).__name__} object cannot be passed to student code: only numbers, text, "
            "lists, dictionaries, arrays and functions can"
        )

    def _resolve(self, data: dict[str, Any]) -> Any:
        if data.get("m") in self.modules:
            return importlib.import_module(data["m"])  # as the instructor's cells do
        if "h" in data:
            number = data["h"]
            if type(number) is not int:
                raise values.NotPlain("a number that is none")
            known = self.proxies.get(number)
            if known is None or known._generation != self.generation:
                kinds = {"class": RemoteClass, "exception": RemoteClass, "callable": RemoteCallable}
                about = {
                    k: v[:100] if isinstance(v, str) else v
                    for k, v in data.items()
                    if isinstance(v, str | int | list)
                }
                if about.get("k") == "exception":
                    return error_class(str(about.get("name")), _strings(about.get("bases")))
                known = kinds.get(str(about.get("k")), Remote)(self, number, about)
                self.proxies[number] = known
                object.__setattr__(known, "_made", self.making)
            elif not self.making:  # a function may return what a test has made
                object.__setattr__(known, "_made", False)
            return known
        if "g" in data:
            return values.find(str(data["g"]))
        raise values.NotPlain("something unknown")

    def _decode(self, data: Any, blobs: list[bytearray]) -> Any:
        try:
            return values.decode(data, blobs, self._resolve)
        except values.NotPlain as error:
            raise TypeError(f"student code returned what cannot be read: {error}") from None

    def do(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """One operation in the sandbox on ``args``, the first of which is usually a proxy."""
        __tracebackhide__ = True
        try:
            call, blobs = values.encode_call(args, kwargs, self._refer)
        except values.NotPlain as error:
            raise TypeError(str(error)) from None
        try:
            reply, more = self._ask({"op": "do", "what": what} | call, blobs)
        except TooLong as error:
            raise ValueError(f"the arguments are too long to be sent: {error}") from None
        if len(reply) > 2 or "value" not in reply:
            self._aside(reply, more, args, kwargs)
        if not (isinstance(reply["value"], dict) and "h" in reply["value"]):
            return self._decode(reply["value"], more)
        self.making = _makes(what, args)
        try:
            return self._decode(reply["value"], more)
        finally:
            self.making = False

    def _aside(
        self, reply: dict[str, Any], blobs: list[bytearray], args: Any, kwargs: dict[str, Any]
    ) -> None:
        """What came beside a result: prints, warnings, changed arguments, or an error instead."""
        __tracebackhide__ = True
        if isinstance(said := reply.get("said"), str):
            sys.stdout.write(said)
        for item in reply.get("warnings") or ():
            if isinstance(item, list) and len(item) == 2:
                kind = getattr(builtins, str(item[0]), UserWarning)
                known = isinstance(kind, type) and issubclass(kind, Warning)
                warnings.warn(str(item[1]), kind if known else UserWarning, stacklevel=4)
        match reply.get("changed"):
            case [list() as now, dict() as named]:
                for old, data in zip(args, now, strict=False):
                    write_back(old, self._decode(data, blobs))
                for key, data in named.items():
                    if key in kwargs:
                        write_back(kwargs[key], self._decode(data, blobs))
        if isinstance(problem := reply.get("error"), dict):
            kind = error_class(str(problem.get("name")), _strings(problem.get("bases")))
            error = kind(str(problem.get("message"))[:5000])
            error.where = self._where(problem.get("where"))  # type: ignore[attr-defined]
            if error.where:  # type: ignore[attr-defined]
                function, line, text = error.where  # type: ignore[attr-defined]
                error.add_note(f"in {function}, line {line}: {text}")
            raise error
        if "value" not in reply:
            raise TypeError("student code answered with nothing that can be read")

    def _where(self, found: Any) -> tuple[str, int, str] | tuple[()]:
        """The function and the line that an error came from, if they stand in the notebook: the process could name
        anything, an input that is to stay hidden among it."""
        match found:
            case [str() as function, int() as line, str() as text] if 0 < line < 10_000:
                lines = [x.strip() for cell in self.cells for x in cell.source.splitlines()]
                known = function in (
                    "<module>",
                    "<lambda>",
                    "<listcomp>",
                    "<genexpr>",
                    "<dictcomp>",
                ) or (
                    function.isidentifier() and any(re.search(rf"\b{function}\b", x) for x in lines)
                )
                if known and (not text or text in lines):
                    return function, line, text
        return ()

    def _ask(
        self, head: dict[str, Any], blobs: list[bytes] | None = None
    ) -> tuple[dict[str, Any], list[bytearray]]:
        worker = self.alive()
        try:
            return worker.ask(head, blobs or (), self._seconds(), self._call_back)
        except Lost as lost:
            self.note("ended", str(lost))
            raise
        except TimeUp:
            if worker.lost:
                self.note("ended", worker.lost)
            raise
        finally:
            if worker.events or worker.lost:
                self._collect()

    def _call_back(
        self, request: dict[str, Any], blobs: list[bytearray]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Student code calls a function that it was given."""
        function = self.callbacks.get(request.get("callback"))  # type: ignore[arg-type]
        out: list[bytes] = []
        try:
            if function is None:
                raise TypeError("there is no such function")
            try:
                plain, kwargs = values.decode_call(request, blobs, self._resolve)
            except values.NotPlain as error:
                raise TypeError(f"an argument cannot be read: {error}") from None
            with released():  # what a student has us calculate can be stopped
                found = function(*plain, **kwargs)
            return {"value": values.encode_into(found, self._refer, out)}, out
        except (Exception, TimeUp) as error:
            return {"error": {"name": type(error).__name__, "message": str(error)[:1000]}}, []

    # -- questions about code

    def uses(self, remote: Remote, names: tuple[str, ...]) -> str | None:
        reply, _ = self._ask({"op": "uses", "target": self._number(remote), "names": list(names)})
        found = reply.get("value")
        if not isinstance(found, str):
            return None
        banned = next((n for n in names if f"{found}.".startswith(f"{n}.")), None)
        return found if banned and _exists(found) else banned

    def signature(self, remote: Remote) -> inspect.Signature:
        reply, blobs = self._ask({"op": "signature", "target": self._number(remote)})
        found = self._decode(reply.get("value"), blobs)
        try:
            return inspect.Signature(
                [
                    inspect.Parameter(
                        str(name),
                        inspect._ParameterKind(kind),
                        default=default if has else inspect.Parameter.empty,
                    )
                    for name, kind, has, default in found
                ]
            )
        except (TypeError, ValueError):
            raise ValueError("no signature found") from None


class Unreadable:
    """A student's value that cannot cross; whoever uses it is told so."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __getattr__(self, name: str) -> Any:
        raise TypeError(f"this value of the student's cannot be read: {self._why}")


def _makes(what: str, args: tuple[Any, ...]) -> bool:
    """Whether a test makes an object with this: calls a class, or calculates with objects that it has made."""
    if what == "call":
        return isinstance(args[0], RemoteClass) and args[0]._root in args[0]._session.classes
    return what in _CALCULATES and all(x._made for x in args if isinstance(x, Remote))


_CALCULATES = {*operations.ARITHMETIC, *operations.SIGNS, *(f"r{w}" for w in operations.ARITHMETIC)}


def write_back(old: Any, new: Any) -> None:
    """Give a container of ours the content that the call left in its copy."""
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        if old.shape == new.shape and old.dtype == new.dtype and old.flags.writeable:
            old[...] = new
    elif type(old) is list and type(new) is list:
        if len(old) == len(new):
            for i, (a, b) in enumerate(zip(old, new, strict=True)):
                if _container(a) and type(a) is type(b):
                    write_back(a, b)
                else:
                    old[i] = b
        else:
            old[:] = new
    elif type(old) is dict and type(new) is dict:
        kept = {k: old[k] for k in new if k in old and _container(old[k])}
        old.clear()
        for key, value in new.items():
            if key in kept and type(kept[key]) is type(value):
                write_back(kept[key], value)
                old[key] = kept[key]
            else:
                old[key] = value
    elif type(old) is set and type(new) is set:
        old.clear()
        old.update(new)
    elif type(old) is bytearray and type(new) is bytearray:
        old[:] = new
    elif type(old) is tuple and type(new) is tuple:
        for a, b in zip(old, new, strict=False):
            write_back(a, b)
    elif isinstance(old, np.random.Generator) and isinstance(new, np.random.Generator):
        with contextlib.suppress(ValueError, TypeError):
            old.bit_generator.state = new.bit_generator.state


def _container(value: Any) -> bool:
    return isinstance(value, list | dict | set | np.ndarray | bytearray)


def _exists(name: str) -> bool:
    """Whether a dotted name means something that is loaded here."""
    module, _, path = name.partition(".")
    thing: Any = sys.modules.get(module)
    for part in filter(None, path.split(".")):
        thing = getattr(thing, "__dict__", {}).get(part)
    return thing is not None


def _strings(found: Any) -> list[str]:
    texts = [x[:200] for x in found if isinstance(x, str)] if isinstance(found, list) else []
    return texts[:20]
