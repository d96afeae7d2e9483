"""Messages on the pipe between the grader and the sandbox: a JSON head and binary blobs.

    8 bytes  "DLC1" and the number of blobs
    8 bytes  length of the head, then each blob's length, 8 bytes each (little endian)
    head     JSON, UTF-8
    blobs    .npy files or plain bytes

A reader looks at every length before it makes room for anything.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import orjson

MAGIC = b"DLC1"
LONGEST = 64 * 2**20  # bytes in one message, head and blobs together
LONGEST_HEAD = 8 * 2**20  # JSON takes up to 20 times its length when it is read
MOST_BLOBS = 20_000
_SMALL = 65536
_TICK = struct.pack("@ll", 0, 50_000)  # a deadline is looked at so often, in microseconds
_FIRST = struct.Struct("<4sIQ")


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
        self.ticks = False
        self.ahead, self.at = b"", 0  # read already; asked for up to here

    def send(
        self, head: Any, blobs: Sequence[bytes | bytearray] = (), deadline: float | None = None
    ) -> None:
        """Raises TooLong, Closed or Slow."""
        text = _to_json(head)
        if len(text) > LONGEST_HEAD or len(text) + sum(map(len, blobs)) > LONGEST:
            raise TooLong(f"more than {LONGEST // 2**20} MB in one message")
        if len(blobs) > MOST_BLOBS:
            raise TooLong(f"more than {MOST_BLOBS} arrays in one message")
        lengths = struct.pack(f"<{len(blobs)}Q", *map(len, blobs)) if blobs else b""
        self._send(_FIRST.pack(MAGIC, len(blobs), len(text)) + lengths + text, deadline)
        for blob in blobs:
            self._send(blob, deadline)

    def receive(self, deadline: float | None = None) -> tuple[Any, list[bytearray]]:
        """The next message. Raises FrameError, Closed or Slow."""
        if self.at >= len(self.ahead):
            self._more(deadline)
        magic, count, head_length = _FIRST.unpack(self._exactly(16, deadline))
        if magic != MAGIC or count > MOST_BLOBS:
            raise FrameError("not a message of this protocol")
        lengths = struct.unpack(f"<{count}Q", self._exactly(8 * count, deadline)) if count else ()
        if head_length > LONGEST_HEAD or head_length + sum(lengths) > LONGEST:
            raise FrameError(f"a message of more than {LONGEST // 2**20} MB")
        text = self._exactly(head_length, deadline)
        blobs = [self._exactly(length, deadline) for length in lengths]
        try:
            return _from_json(text), blobs
        except (ValueError, RecursionError) as error:
            raise FrameError(f"a head that is not JSON: {error}") from None

    def _send(self, data: bytes | bytearray, deadline: float | None) -> None:
        self._tick(deadline)
        left = memoryview(data)
        while left:
            _in_time(deadline)
            try:
                left = left[self.sock.send(left) :]
            except BlockingIOError:  # the other end does not read
                continue
            except OSError as error:
                raise Closed(str(error)) from None

    def _exactly(self, length: int, deadline: float | None) -> bytearray:
        data = bytearray(self.ahead[self.at : self.at + length])
        self.at += length
        if len(data) == length:
            return data
        have = len(data)
        data.extend(bytes(length - have))
        view = memoryview(data)
        self._tick(deadline)
        while have < length:
            _in_time(deadline)
            try:
                if length - have < _SMALL:
                    self.ahead = self.sock.recv(_SMALL)
                    got = self.at = min(len(self.ahead), length - have)
                    view[have : have + got] = self.ahead[:got]
                else:
                    got = self.sock.recv_into(view[have:])
                    self.ahead, self.at = b"", 0
            except BlockingIOError:
                continue
            except OSError as error:
                raise Closed(str(error)) from None
            if got == 0:
                raise Closed("the other end hung up")
            have += got
        return data

    def _more(self, deadline: float | None) -> None:
        """What has come, at least a byte of it: mostly the whole message."""
        self._tick(deadline)
        while True:
            _in_time(deadline)
            try:
                self.ahead, self.at = self.sock.recv(_SMALL), 0
                break
            except BlockingIOError:
                continue
            except OSError as error:
                raise Closed(str(error)) from None
        if not self.ahead:
            raise Closed("the other end hung up")

    def _tick(self, deadline: float | None) -> None:
        """From the first deadline on, calls of this socket return in time to look at it.

        (A timeout of Python's own costs a ``poll`` before each of them.)
        """
        if deadline is not None and not self.ticks:
            self.sock.setblocking(True)
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self.sock.setsockopt(socket.SOL_SOCKET, option, _TICK)
            self.ticks = True

    def close(self) -> None:
        self.sock.close()


def _in_time(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() >= deadline:
        raise Slow


def _to_json(head: Any) -> bytes:
    try:
        return orjson.dumps(head)
    except TypeError:  # it refuses halves of surrogate pairs, which Python has in its strings
        return json.dumps(head).encode()


def _from_json(text: bytearray) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)
