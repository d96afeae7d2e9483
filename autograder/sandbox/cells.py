"""Run a cell as Jupyter would and record its outputs in nbformat's words.

An IPython shell without a kernel: display, rich results, magics, top-level await and inline
figures work. Both processes use it, the sandbox for the student's cells and the grader for the
instructor's. What a cell may print and show is capped.
"""

from __future__ import annotations

import io
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

MOST_TEXT = 200_000  # characters that one cell may print
MOST_DATA = 6_000_000  # characters that one cell may show: pictures and the like


class Recorder:
    """The outputs of one cell, in order. ``cut`` tells that some were dropped."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.text = self.data = 0
        self.cut = False
        self.raised: BaseException | None = None  # what ended the cell

    def stream(self, name: str, text: str) -> None:
        room = MOST_TEXT - self.text
        self.text += len(text)
        if len(text) > room:
            self.cut = True
            text = text[: max(room, 0)] + ("\n... the rest was cut off ...\n" if room > 0 else "")
        if not text:
            return
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self.outputs.append({"output_type": "stream", "name": name, "text": text})

    def show(self, kind: str, data: dict[str, Any], metadata: dict[str, Any], **more: Any) -> None:
        size = sum(len(x) if isinstance(x, str | bytes) else 1000 for x in data.values())
        self.data += size
        if self.data > MOST_DATA or len(self.outputs) > 1000:
            self.cut = True
            if kind != "execute_result":
                return
            # the value of the cell stays: in a test it decides over the points
            data, metadata = {"text/plain": str(data.get("text/plain", ""))[:10_000]}, {}
        self.outputs.append({"output_type": kind, "data": data, "metadata": metadata, **more})

    def error(self, name: str, value: str, trace: list[str]) -> None:
        self.outputs.append(error_output(name, value, trace))


def error_output(name: str, value: str, trace: list[str] | None = None) -> dict[str, Any]:
    """An error as nbformat has it."""
    return {
        "output_type": "error",
        "ename": name[:200],
        "evalue": value[:10_000],
        "traceback": [line[:10_000] for line in (trace or [f"{name}: {value}"])[:100]],
    }


class Stream(io.TextIOBase):
    """``sys.stdout`` while a cell runs."""

    encoding = "utf-8"  # type: ignore[assignment]

    def __init__(self, shell: CellShell, name: str) -> None:
        self.shell, self.name = shell, name

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.shell.recorder.stream(self.name, text)
        return len(text)

    def writable(self) -> bool:
        return True


class _Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, *, transient=None, update=False, **kwargs):  # type: ignore[override]
        if not update:
            shell.recorder.show("display_data", jsonable(data), jsonable(metadata or {}))

    def clear_output(self, wait=False):
        shell.recorder.outputs.clear()


class _Result(DisplayHook):
    def start_displayhook(self):
        pass

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        shell.recorder.show(
            "execute_result",
            jsonable(format_dict),
            jsonable(md_dict or {}),
            execution_count=self.prompt_count,
        )

    def finish_displayhook(self):
        pass


class CellShell(InteractiveShell):
    """A shell whose outputs go to a Recorder. There is one in a process: ``start()``."""

    shows_outputs = True  # what `check` asks before it shows its card
    display_pub_class = _Publisher
    displayhook_class = _Result
    recorder = Recorder()
    as_main = False

    def enable_gui(self, gui=None):
        pass  # no event loops here

    def _showtraceback(self, etype, evalue, stb):
        self.recorder.raised = evalue
        self.recorder.error(etype.__name__, safe_str(evalue), list(stb))

    def showindentationerror(self):
        pass

    def run(self, source: str) -> list[dict[str, Any]]:
        """The outputs of ``source``, run in this shell's namespace."""
        self.recorder = Recorder()
        stdout, stderr = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = Stream(self, "stdout"), Stream(self, "stderr")
        _install(self)
        try:
            with _inputs_fail():
                self.run_cell(source, store_history=True)
        finally:
            sys.stdout, sys.stderr = stdout, stderr
            if not self.as_main:
                CellShell.clear_instance()
        return self.recorder.outputs


@contextmanager
def _inputs_fail() -> Iterator[None]:
    """There is nobody to answer ``input()``; say so as Jupyter does."""
    import builtins

    def no_input(prompt: object = "") -> str:
        raise RuntimeError("input() cannot be answered while a notebook is graded")

    before, builtins.input = builtins.input, no_input
    try:
        yield
    finally:
        builtins.input = before


def _install(shell: CellShell) -> None:
    """Let ``get_ipython()`` find the shell: in a grader only while a cell runs."""
    for cls in CellShell._walk_mro():
        cls._instance = shell  # type: ignore[assignment]


shell: CellShell
_started = False


def start(*, as_main: bool = False) -> CellShell:
    """The shell of this process, made at the first call.

    With ``as_main`` what cells define is the module ``__main__``, as in a kernel; a grader
    has a program of its own there.
    """
    global shell, _started
    if _started:
        return shell
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hook, program = sys.displayhook, sys.modules["__main__"]
        shell = CellShell.instance(config=config)
        formatter: Any = shell.display_formatter
        formatter.active_types = formatter.format_types
        sys.displayhook = hook
        if not as_main:
            sys.modules["__main__"] = program
            CellShell.clear_instance()
    shell.as_main, _started = as_main, True
    return shell


def jsonable(data: Any, depth: int = 0) -> Any:
    """Display data as JSON can carry it: bytes in base64, everything odd as text."""
    if data is None or isinstance(data, bool):
        return data
    if isinstance(data, int):
        return int(data) if -(2**63) <= data < 2**63 else str(data)
    if isinstance(data, float):
        return float(data) if data == data and abs(data) != float("inf") else str(data)
    if isinstance(data, str):
        return str(data)
    if isinstance(data, bytes):
        import base64

        return base64.b64encode(data).decode("ascii")
    if depth < 20 and isinstance(data, dict):
        return {str(k): jsonable(v, depth + 1) for k, v in data.items()}
    if depth < 20 and isinstance(data, list | tuple):
        return [jsonable(v, depth + 1) for v in data]
    return safe_str(data)


def safe_str(value: object) -> str:
    """``str(value)``, whatever the value's own method does."""
    try:
        return re.sub(r"[\ud800-\udfff]", "\ufffd", str(value))
    except BaseException as error:
        return f"<{type(value).__name__}: its text failed with {type(error).__name__}>"
