"""Read a folder that somebody else fills: by descriptor, through no link, and nothing but ordinary files.

What has been looked at and what is graded are the same bytes: each file is opened once, and never by its path again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DEEPEST = 12  # folders within folders
MOST_ENTRIES = 2000  # files and folders that are looked at
LONGEST_PATH = 1000  # bytes
SKIPPED = {".ipynb_checkpoints", "__pycache__", ".git", "__MACOSX"}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class NotAFile(OSError):
    """A link, a pipe, a device: whatever is not an ordinary file."""


class TooLarge(OSError):
    """More bytes than are read."""


@dataclass
class Listing:
    """What lies in a folder: ordinary files by path, folders, and what is passed over with the reason."""

    files: dict[str, int] = field(default_factory=dict)  # path: bytes
    folders: set[str] = field(default_factory=set)
    passed_over: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # there was more than MOST_ENTRIES


def open_folder(root: Path, *names: str) -> int:
    """A descriptor of ``root/name/name``; ``root`` may be a link, what lies below may not."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in names:
        try:
            below = os.open(name, _FOLDER, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd


def look(folder: int) -> Listing:
    """All that lies below the folder with this descriptor."""
    found = Listing()
    _look(folder, "", 0, found)
    return found


def _look(folder: int, above: str, depth: int, found: Listing) -> None:
    with os.scandir(folder) as entries:
        names = []
        for entry in entries:
            names.append(entry.name)
            if len(names) > MOST_ENTRIES:
                break
    for name in sorted(names):
        if len(found.files) + len(found.folders) + len(found.passed_over) >= MOST_ENTRIES:
            found.cut = True
            return
        path = above + name
        if why := _unfit(path):
            found.passed_over[printable(path)[:200]] = why
            continue
        try:
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            found.passed_over[path] = type(error).__name__
            continue
        if stat.S_ISREG(about.st_mode):
            found.files[path] = about.st_size
        elif stat.S_ISLNK(about.st_mode):
            found.passed_over[path] = "it is a link, not a file"
        elif not stat.S_ISDIR(about.st_mode):
            found.passed_over[path] = "it is not a file"
        elif name in SKIPPED:
            continue
        elif depth >= DEEPEST:
            found.passed_over[path] = f"it lies more than {DEEPEST} folders deep"
        else:
            found.folders.add(path)
            try:
                below = os.open(name, _FOLDER, dir_fd=folder)
            except OSError as error:
                found.passed_over[path] = type(error).__name__
                continue
            try:
                _look(below, f"{path}/", depth + 1, found)
            finally:
                os.close(below)


def _unfit(path: str) -> str:
    """Why a file of this name is passed over; empty if it is not."""
    try:
        if len(path.encode("utf-8")) > LONGEST_PATH:
            return "its name is too long"
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    return "" if path.isprintable() else "its name holds control characters"


def read(folder: int, path: str, most: int) -> bytes:
    """The bytes of an ordinary file below ``folder``.

    Raises NotAFile, TooLarge where there are more than ``most``, or another OSError.
    """
    with _opened(folder, path) as fd, os.fdopen(os.dup(fd), "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise NotAFile(path)
        parts, left = [], most + 1  # it may grow while it is read
        while left and (part := file.read(min(left, 2**20))):
            parts.append(part)
            left -= len(part)
        if not left:
            raise TooLarge(path)
        return b"".join(parts)


class _opened:
    """A descriptor of a file, reached folder by folder."""

    def __init__(self, folder: int, path: str) -> None:
        self.folder, self.path = folder, path

    def __enter__(self) -> int:
        *above, name = self.path.split("/")
        at = os.dup(self.folder)
        try:
            for step in above:
                below = os.open(step, _FOLDER, dir_fd=at)
                os.close(at)
                at = below
            self.fd = os.open(name, _FILE, dir_fd=at)
        finally:
            os.close(at)
        return self.fd

    def __exit__(self, *error: object) -> None:
        os.close(self.fd)


def printable(text: str) -> str:
    """A name as it may be printed: control characters, and bytes that are no text, as escapes."""
    return "".join(_escaped(text))


def _escaped(text: str) -> Iterator[str]:
    for c in text:
        yield c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode()
