"""``when_written``: let a notebook run to its end while exercises are still open."""

from __future__ import annotations

import html
import sys
import traceback
from types import TracebackType
from typing import Any


class Waiting:
    """A block that needs the learner's own functions, and says so if one is not written yet.

    with when_written:
        plot(my_function)

    If ``my_function`` still raises NotImplementedError, the rest of the block is skipped
    and one line tells which exercise it waits for. Every other error is shown as usual.
    """

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        if kind is None or not issubclass(kind, NotImplementedError):
            return False
        frames = traceback.extract_tb(tb)
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close("all")  # a half-drawn picture would only puzzle
        _say(frames[-1].name)
        return True


def _say(name: str) -> None:
    text = f"This cell waits for {name}. Write it above, run its check, then run this cell again."
    shown = text.replace(name, f"<code>{html.escape(name)}</code>", 1)
    _display({"text/plain": text, "text/html": f"<p><i>{shown}</i></p>"})


def _display(bundle: dict[str, Any]) -> None:
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        print(bundle["text/plain"])
        return
    if get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display(bundle, raw=True)


when_written = Waiting()
