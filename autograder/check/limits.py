"""Run a student's function so that it cannot hang, shout or stop the check."""

from __future__ import annotations

import io
import math
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np


class TimeUp(BaseException):
    """The clock ran out. Not an Exception, so that a student's ``except Exception`` lets it pass."""


class Lost(BaseException):
    """The process that ran the student's code has ended; the text says why, to the student."""


_deadlines: list[float] = []
_held = 0  # blocks in which the alarm waits
_rang = False  # it did, meanwhile


def deadline() -> float:
    """When the innermost ``time_limit`` ends, in the time of ``time.monotonic``."""
    return min(_deadlines, default=math.inf)


@contextmanager
def time_limit(seconds: float, again: float = 0.1) -> Iterator[None]:
    """Raise TimeUp in the block after ``seconds``, and every ``again`` seconds after that (0: once).

    Uses the alarm signal, so it works in the main thread on Linux and macOS, which is where
    a kernel runs its cells. Elsewhere a loop is ended by hand; calls into the sandbox end in
    time everywhere.
    """
    global _rang
    _rang = False
    _deadlines.append(time.monotonic() + seconds)
    try:
        if (
            not hasattr(signal, "setitimer")
            or threading.current_thread() is not threading.main_thread()
        ):
            yield
            return

        def ring(*_: object) -> None:
            global _rang
            _rang = True
            if not _held:
                raise TimeUp

        before = signal.signal(signal.SIGALRM, ring)
        outer, outer_again = signal.setitimer(signal.ITIMER_REAL, seconds, again)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if outer:  # the limit around this one goes on
                left = _deadlines[-2] - time.monotonic() if len(_deadlines) > 1 else outer
                signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), outer_again)
    finally:
        _deadlines.pop()
        _rang = False


@contextmanager
def memory_limit(more: int) -> Iterator[None]:
    """Let the block use ``more`` bytes than now; then a MemoryError. Nothing where there is no Linux."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource

    _reserve_buffers()
    pages = int(Path("/proc/self/statm").read_bytes().split()[5])
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = pages * resource.getpagesize() + more
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@cache
def _reserve_buffers() -> None:
    """OpenBLAS takes its memory with the first large product, and ends the process if there is none."""
    square = np.ones((512, 512))
    np.linalg.solve(square @ square + 512 * np.eye(512), square)


class held:
    """Put the alarm off to the end of the block: half a message would be the end of a pipe.

    (Masking the signal would not do: another thread of the process takes it then, and Python
    runs the handler here all the same.)
    """

    def __enter__(self) -> None:
        global _held
        _held += 1

    def __exit__(self, kind: object, *error: object) -> None:
        global _held
        _held -= 1
        if _rang and not _held and _deadlines and kind is None:
            raise TimeUp


class released:
    """Within ``held``: let the alarm ring in this block, where no message is under way."""

    def __enter__(self) -> None:
        global _held
        self.before, _held = _held, 0
        if _rang and _deadlines:
            _held = self.before
            raise TimeUp

    def __exit__(self, *error: object) -> None:
        global _held
        _held = self.before


@contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Swallow prints and collect warnings: nbgrader gives 0 to a cell that wrote to stderr."""
    with (
        warnings.catch_warnings(record=True) as caught,
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("always")
        yield caught
