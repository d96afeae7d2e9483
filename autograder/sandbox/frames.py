"""Messages on the pipe between the grader and the sandbox: a JSON head and binary blobs.

    8 bytes  "DLC1" and the number of blobs
    8 bytes  length of the head, then each blob's length, 8 bytes each (little endian)
    head     JSON, UTF-8
    blobs    .npy files or plain bytes

A reader looks at every length before it makes room for anything.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

MAGIC = b"DLC1"
LONGEST = 64 * 2**20  # bytes in one message, head and blobs together
LONGEST_HEAD = 8 * 2**20  # JSON takes up to 20 times its length when it is read
MOST_BLOBS = 20_000
_SMALL = 65536
_to_json = json.JSONEncoder(separators=(",", ":")).encode


class FrameError(Exception):
    """The other end sent something that is not a message, or hung up in the middle of one."""


class TooLong(FrameError):
    """A message of ours that is longer than may be sent; nothing of it was."""


class Closed(FrameError):
    """The other end has gone."""


class Slow(Exception):
    """No complete message came in time."""


class Pipe:
    """One end of the pipe. ``deadline`` is a time of ``time.monotonic``; None waits for ever."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.ahead = b""  # read already, not yet asked for

    def send(
        self, head: Any, blobs: Sequence[bytes | bytearray] = (), deadline: float | None = None
    ) -> None:
        """Raises TooLong, Closed or Slow."""
        text = _to_json(head).encode()
        if len(text) > LONGEST_HEAD or len(text) + sum(map(len, blobs)) > LONGEST:
            raise TooLong(f"more than {LONGEST // 2**20} MB in one message")
        if len(blobs) > MOST_BLOBS:
            raise TooLong(f"more than {MOST_BLOBS} arrays in one message")
        lengths = struct.pack(
            f"<4sI{1 + len(blobs)}Q", MAGIC, len(blobs), len(text), *map(len, blobs)
        )
        try:
            self._wait(deadline)
            self.sock.sendall(b"".join((lengths, text)))
            for blob in blobs:
                self._wait(deadline)
                self.sock.sendall(blob)
        except TimeoutError:
            raise Slow from None
        except OSError as error:
            raise Closed(str(error)) from None

    def receive(self, deadline: float | None = None) -> tuple[Any, list[bytearray]]:
        """The next message. Raises FrameError, Closed or Slow."""
        first = self._exactly(16, deadline)
        magic, count, head_length = struct.unpack("<4sIQ", first)
        if magic != MAGIC or count > MOST_BLOBS:
            raise FrameError("not a message of this protocol")
        lengths = struct.unpack(f"<{count}Q", self._exactly(8 * count, deadline)) if count else ()
        if head_length > LONGEST_HEAD or head_length + sum(lengths) > LONGEST:
            raise FrameError(f"a message of more than {LONGEST // 2**20} MB")
        text = self._exactly(head_length, deadline)
        blobs = [self._exactly(length, deadline) for length in lengths]
        try:
            return json.loads(text), blobs
        except (ValueError, RecursionError) as error:
            raise FrameError(f"a head that is not JSON: {error}") from None

    def _wait(self, deadline: float | None) -> None:
        if deadline is None or deadline == math.inf:
            if self.sock.gettimeout() is not None:
                self.sock.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise Slow
        self.sock.settimeout(left)

    def _exactly(self, length: int, deadline: float | None) -> bytearray:
        data = bytearray(self.ahead[:length])
        self.ahead = self.ahead[length:]
        if len(data) == length:
            return data
        have = len(data)
        data.extend(bytes(length - have))
        view = memoryview(data)
        while have < length:
            try:
                self._wait(deadline)
                if length - have < _SMALL:
                    chunk = self.sock.recv(_SMALL)
                    got = min(len(chunk), length - have)
                    view[have : have + got] = chunk[:got]
                    self.ahead = chunk[got:]
                else:
                    got = self.sock.recv_into(view[have:])
            except TimeoutError:
                raise Slow from None
            except OSError as error:
                raise Closed(str(error)) from None
            if got == 0:
                raise Closed("the other end hung up")
            have += got
        return data

    def close(self) -> None:
        self.sock.close()
