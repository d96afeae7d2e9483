"""Run a student's function so that it cannot hang, shout or stop the check."""

from __future__ import annotations

import io
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout


class TimeUp(BaseException):
    """The clock ran out. Not an Exception, so that a student's ``except Exception`` lets it pass."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp in the block after ``seconds``, and again every tenth of a second after.

    Uses the alarm signal, so it works in the main thread on Linux and macOS, which is where
    a kernel runs its cells. Elsewhere there is no limit, and a loop is ended by hand.
    """
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def ring(*_: object) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
