"""``when_written``: let a notebook run to its end while exercises are still open."""

from __future__ import annotations

import dis
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
    and one line tells which exercise it waits for; so does a later block that needs a name which
    this one would have set. Every other error is shown as usual.
    """

    def __init__(self) -> None:
        # names that blocks would have set, and the function that each waits for
        self.owed: dict[str, str] = {}

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        if tb is None:
            return False
        if isinstance(error, NotImplementedError):
            function = traceback.extract_tb(tb)[-1].name
        elif isinstance(error, NameError) and error.name in self.owed:
            function = self.owed[error.name]
        else:
            return False
        for step in dis.get_instructions(tb.tb_frame.f_code):
            if step.opname == "STORE_NAME":
                self.owed[step.argval] = function
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close("all")  # a half-drawn picture would only puzzle
        _say(function)
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
