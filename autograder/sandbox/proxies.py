"""The student's functions, classes and objects as the grader sees them.

Each stands for something in the sandbox, by a number. Arguments and results cross as plain data;
what a call changed in place in its arguments is written back into them. An object of a class
that the exercise does not ask for is never asked to compare or to calculate: it would learn the
expected value that way, and could say "equal" to anything.
"""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from autograder.sandbox import operations


class Conversation(Protocol):
    """What proxies ask of a session with the sandbox."""

    generation: int
    classes: frozenset[str]

    def release(self, number: int, generation: int) -> None: ...
    def uses(self, thing: Remote, names: Any) -> str | None: ...
    def do(self, what: str, *args: Any, **kwargs: Any) -> Any: ...
    def is_declared(self, number: Any) -> bool: ...
    def lend(self, functions: Any, note: Any) -> None: ...
    def signature(self, thing: Any) -> Any: ...


class StudentExit(Exception):
    """Student code raised SystemExit, KeyboardInterrupt or the like."""


class Remote:
    """Something that lives in the sandbox."""

    __slots__ = (
        "__weakref__",
        "_about",
        "_generation",
        "_made",
        "_number",
        "_owner",
        "_root",
        "_session",
    )
    __array_ufunc__ = None  # NumPy must not make an array of it

    def __init__(
        self, session: Conversation, number: int, about: dict[str, Any], root: str | None = None
    ) -> None:
        set_ = object.__setattr__
        set_(self, "_session", session)
        set_(self, "_number", number)
        set_(self, "_generation", session.generation)
        set_(self, "_about", about)
        set_(self, "_made", False)
        set_(self, "_owner", None)
        set_(self, "_root", root)

    def __del__(self) -> None:
        if self._owner is None:
            self._session.release(self._number, self._generation)

    def _under_another_name(self) -> Remote:
        """Another proxy for the same thing; this one gives it back when both have gone."""
        other = type(self)(self._session, self._number, self._about)
        object.__setattr__(other, "_owner", self._owner or self)
        return other

    @property
    def _type_name(self) -> str:
        return str(self._about.get("type", "object"))

    def _uses(self, names: tuple[str, ...]) -> str | None:
        """The first of the dotted ``names`` that the code uses, as its process says."""
        return self._session.uses(self, names)

    def _do(self, what: str, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return self._session.do(what, self, *args, **kwargs)

    def _may_compare(self, other: Any = None) -> bool:
        """Whether its own comparison decides: of a class that is asked for, and not what a function gave back
        where a plain value is expected, for that could say "equal" to anything."""
        made = self._made or (isinstance(other, Remote) and other._made)
        return made and self._session.is_declared(self._about.get("cls"))

    def _asked_for(self, what: str) -> None:
        if not self._session.is_declared(self._about.get("cls")):
            self._refuse(what)

    def _refuse(self, what: str) -> None:
        raise TypeError(
            f"cannot {what} a {self._type_name} object: the exercise asks for plain numbers, text, "
            "lists or arrays here"
        )

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        if name.startswith(_SHOWN_BY) or (name.startswith("__") and name not in _OPEN):
            raise AttributeError(name)
        return self._do("getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        __tracebackhide__ = True
        self._do("setattr", name, value)

    def __getitem__(self, key: Any) -> Any:
        __tracebackhide__ = True
        return self._do("getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        __tracebackhide__ = True
        self._do("setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        __tracebackhide__ = True
        self._do("delitem", key)

    def __len__(self) -> int:
        __tracebackhide__ = True
        return self._do("len")

    def __contains__(self, item: Any) -> bool:
        __tracebackhide__ = True
        if not self._may_compare():
            self._refuse("look into")
        return bool(self._do("contains", item))

    def __iter__(self) -> Iterator[Any]:
        __tracebackhide__ = True
        source = self._do("iter")
        while True:
            try:
                _, item = self._session.do("next", source)
            except StopIteration:
                return
            yield item

    def __next__(self) -> Any:
        __tracebackhide__ = True
        return self._do("next")[1]

    def __bool__(self) -> bool:
        return self._do("bool") is True if self._may_compare() else True

    def __int__(self) -> int:
        __tracebackhide__ = True
        return self._do("int")

    def __float__(self) -> float:
        __tracebackhide__ = True
        return self._do("float")

    def __str__(self) -> str:
        return str(self._do("str"))

    def __repr__(self) -> str:
        return str(self._do("repr"))

    def __enter__(self) -> Any:
        return self._do("enter")

    def __exit__(self, *error: object) -> bool:
        return self._do("exit") is True

    def __deepcopy__(self, memo: object) -> Any:
        return self._do("deepcopy")

    def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
        raise TypeError(f"a {self._type_name} object is not an array")

    __hash__ = object.__hash__


_SHOWN_BY = ("_repr_", "_ipython_")  # IPython would put what they return into our page
_OPEN = {
    "__name__",
    "__qualname__",
    "__doc__",
    "__dict__",
    "__annotations__",
    "__defaults__",
    "__module__",
}


def _comparison(what: str) -> Callable[[Remote, Any], Any]:
    def compare(self: Remote, other: Any) -> Any:
        __tracebackhide__ = True
        if other is self and what in {"eq", "ne"}:
            return what == "eq"
        if not self._may_compare(other):
            if what in {"eq", "ne"}:
                return what == "ne"
            self._refuse("compare")
        return self._do(what, other)

    return compare


def _operation(what: str) -> Callable[[Remote, Any], Any]:
    def operate(self: Remote, other: Any) -> Any:
        __tracebackhide__ = True
        self._asked_for("calculate with")
        return self._do(what, other)

    return operate


def _single(what: str) -> Callable[[Remote], Any]:
    def operate(self: Remote) -> Any:
        __tracebackhide__ = True
        return self._do(what)

    return operate


for _what in operations.COMPARISONS:
    setattr(Remote, f"__{_what}__", _comparison(_what))
for _what in operations.ARITHMETIC:
    setattr(Remote, f"__{_what.rstrip('_')}__", _operation(_what))
    setattr(Remote, f"__r{_what.rstrip('_')}__", _operation("r" + _what))
for _what in operations.SIGNS:
    setattr(Remote, f"__{_what}__", _single(_what))


class RemoteCallable(Remote):
    """A function, or an object that can be called."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return self._do("call", *args, **kwargs)

    def _lend(self, functions: dict[str, Callable[..., Any]], note: Callable[[str], None]) -> None:
        self._session.lend(functions, note)

    @property
    def __signature__(self) -> inspect.Signature:
        return self._session.signature(self)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self  # a test may keep it in a class


class RemoteClass(RemoteCallable):
    """A class; calling it makes an object over there."""

    __slots__ = ()

    def __instancecheck__(self, thing: Any) -> bool:
        return isinstance(thing, Remote) and self._session.do("isinstance", thing, self) is True

    def __subclasscheck__(self, thing: Any) -> bool:
        return isinstance(thing, Remote) and self._session.do("issubclass", thing, self) is True


_ERROR_MODULES = {
    "builtins": builtins,
    "numpy.linalg": np.linalg,
    "numpy.exceptions": np.exceptions,
}
_errors: dict[tuple[type, str], type] = {}


def error_class(name: str, bases: list[str]) -> type[Exception]:
    """A class of our own for an exception of theirs: called the same, below the same builtin one."""
    base: type = Exception
    for path in bases:
        module, _, base_name = path.partition(":")
        found = getattr(_ERROR_MODULES.get(module), base_name, None)
        if isinstance(found, type) and issubclass(found, BaseException):
            base = found
            break
    if not issubclass(base, Exception):
        base = StudentExit
    name = re.sub(r"\W", "_", name)[:80] or "Error"
    if (base, name) not in _errors:
        if len(_errors) > 1000:
            _errors.clear()

        def init(self: Exception, message: str = "") -> None:
            self.args = (message,)

        def text(self: Exception) -> str:
            return str(self.args[0]) if self.args else ""

        members = {"__init__": init, "__str__": text, "where": None, "__module__": "builtins"}
        try:
            made = type(name, (base,), members)
            made("")
        except TypeError:  # some builtin ones want more than a message
            made = type(name, (ValueError,), members)
        _errors[base, name] = made
    return _errors[base, name]
