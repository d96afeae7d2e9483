"""Plain data crosses unchanged; anything else, and any nonsense, is refused."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import enum
import fractions
import itertools
import math
import socket
import struct
import threading
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandbox import values
from autograder.sandbox.frames import LONGEST, Closed, FrameError, Pipe, Slow
from autograder.sandbox.values import ForeignArray, NotPlain, decode, encode


def refuse(thing):
    raise NotPlain(type(thing).__name__)


def there_and_back(value):
    data, blobs = encode(value, refuse)
    ours, theirs = map(Pipe, socket.socketpair())
    ours.send(data, blobs)
    head, received = theirs.receive()
    return decode(head, received, refuse)


numbers = st.integers() | st.floats() | st.booleans() | st.none() | st.complex_numbers()
leaves = (
    numbers
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.fractions()
)
arrays = hnp.arrays(
    hnp.boolean_dtypes()
    | hnp.integer_dtypes()
    | hnp.floating_dtypes(sizes=(32, 64))
    | hnp.complex_number_dtypes(sizes=(64, 128)),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)
plain = st.recursive(
    leaves | arrays,
    lambda inner: st.lists(inner, max_size=5) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def same(a, b) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return (
            type(a) is type(b)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and a.tobytes() == np.ascontiguousarray(b).tobytes()
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float | complex):
        return repr(a) == repr(b)
    return a == b


@given(plain)
@settings(max_examples=150)
def test_what_is_plain_comes_back_the_same(value):
    assert same(value, there_and_back(value))


@pytest.mark.parametrize(
    "value",
    [
        decimal.Decimal("1.50"), fractions.Fraction(1, 3), slice(1, None, 2), range(0, 9, 2), ..., {1, 2}, frozenset({3}),
        bytearray(b"x"), np.float32(1.5), np.int8(-3), np.bool_(True), np.dtype("float32"), np.sin, np.float64, int, ValueError,
        [1.5] * 500, list(range(500)), 10**40, -(10**5000), math.pi, np.array(["a", "bc"]), np.array([1, None], dtype=object),
        np.zeros((0, 3)), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(10.0)[::2], datetime.date(2020, 1, 1),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_rarer_things_come_back_too(value):
    def by_name(thing):
        if name := values.library_name(thing):
            return {"g": name}
        raise NotPlain

    data, blobs = encode(value, by_name)
    back = decode(data, [bytearray(b) for b in blobs], lambda d: values.find(d["g"]))
    if isinstance(value, np.ndarray):
        assert back.dtype == value.dtype and back.shape == value.shape
        assert back.tolist() == value.tolist()
    else:
        assert back == value and type(back) is type(value)


def test_subclasses_become_plain():
    class Color(enum.IntEnum):
        RED = 3

    class Liar(np.ndarray):
        def __eq__(self, other):
            return True

    class Words(list):
        pass

    assert type(there_and_back(Color.RED)) is int
    assert type(there_and_back(Words([1]))) is list
    array = there_and_back(np.arange(3.0).view(Liar))
    assert type(array) is ForeignArray and array.was == "Liar"
    assert not (array == np.zeros(3)).all()
    assert type(there_and_back(np.matrix([[1]]))) is ForeignArray


BITS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


@pytest.mark.parametrize("kind", BITS)
@given(seed=st.integers(0, 2**32), drawn=st.integers(0, 700))
def test_a_generator_goes_on_where_it_was(kind, seed, drawn):
    rng = np.random.Generator(getattr(np.random, kind)(seed))
    rng.integers(0, 2**31, drawn, dtype=np.uint32)
    other = there_and_back(rng)
    assert np.array_equal(rng.standard_normal(9), other.standard_normal(9))
    assert np.array_equal(rng.integers(0, 9, 9), other.integers(0, 9, 9))


odd = st.sampled_from([-1, -5000, 5, 625, 2**31 - 1, 2**63, 2**200, None, "x", 1.5, True, []])


@pytest.mark.parametrize("kind", BITS)
@given(data=st.data())
def test_a_generator_in_an_impossible_state_is_refused_or_harmless(kind, data):
    """NumPy takes any position: behind the end it draws from whatever memory lies there."""
    state = getattr(np.random, kind)(1).state
    inner = state["state"]
    place, key = data.draw(
        st.sampled_from([(state, k) for k in state] + [(inner, k) for k in inner])
    )
    was = place[key]
    place[key] = data.draw(
        odd
        | arrays
        | st.sampled_from(
            [np.zeros(n, t) for n in (1, 4, 623, 625) for t in (np.uint32, np.uint64)]
        )
    )
    sent, blobs = encode(state, refuse)
    message = {"rng": [kind, sent]}
    try:
        rng = decode(message, [bytearray(b) for b in blobs], refuse)
    except NotPlain:
        return
    now = rng.bit_generator.state
    if kind == "MT19937":
        assert 0 <= now["state"]["pos"] <= 624
    if kind == "Philox":
        assert 0 <= now["buffer_pos"] <= 4
    assert type(place[key]) is type(was) or key == "bit_generator"
    assert rng.random(1000).max() < 1


def test_what_is_not_plain_is_refused():
    loop: list = []
    loop.append(loop)
    deep: list = []
    for _ in range(100):
        deep = [deep]
    for value in (object(), loop, deep, np.array([(1, 2.0)], dtype="i,f"), lambda: 0, [open]):
        with pytest.raises(NotPlain):
            encode(value, refuse)


@pytest.mark.parametrize(
    "data", [{"i": "0x1" + "0" * 20_000}, {"de": "1e999999999"}, {"de": "9" * 20_000}, {"r": [0, 10**15, 1]},
             {"fr": [1, {"i": "0x1" + "0" * 20_000}]}, {"l": [{"r": [0, {"i": hex(10**30)}, 3]}]}],
    ids=lambda data: next(iter(data)),
)  # fmt: skip
def test_numbers_that_would_keep_the_machine_busy_are_refused(data):
    with pytest.raises(NotPlain, match="more than"):
        decode(data, [], refuse)


nonsense = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["a", "n", "l", "lp", "t", "d", "i", "c", "b", "ba", "s", "fs", "sl", "r", "fr", "de", "dt", "da",
                         "td", "dy", "el", "rng", "o", "shape", "h", "f", "g", "m", "was"]),
        inner, max_size=3),
    max_leaves=15,
)  # fmt: skip


@given(nonsense, st.lists(st.binary(max_size=200), max_size=3))
@example({"t": [{}]}, [])
@settings(max_examples=300)
def test_no_message_does_worse_than_be_refused(data, blobs):
    with contextlib.suppress(NotPlain):
        decode(data, [bytearray(b) for b in blobs], refuse)


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_no_file_does_worse_than_be_refused(data):
    for file in (data, b"\x93NUMPY\x01\x00" + data):
        with contextlib.suppress(NotPlain):
            values.from_npy(bytearray(file))


def test_files_with_false_heads_are_refused():
    good = bytearray(values.to_npy(np.arange(4.0)))
    assert values.from_npy(bytearray(good)).tolist() == [0, 1, 2, 3]
    for wrong in (
        good[:-1], good + b"x", good.replace(b"(4,)", b"(5,)"), good.replace(b"(4,)", b"(-1"), good.replace(b"<f8", b"|O "),
        good.replace(b"'<f8'", b"'|O8'"), good.replace(b"False", b"Fals("), b"", b"\x93NUMPY\x02\x00" + good[8:],
    ):  # fmt: skip
        with pytest.raises(NotPlain):
            values.from_npy(bytearray(wrong))


@pytest.mark.parametrize(
    "data",
    [
        b"hello world, hello world", b"DLC1" + b"\xff" * 30, struct.pack("<4sIQ", b"DLC1", 0, 2**63),
        struct.pack("<4sIQ", b"DLC1", 2**30, 1), struct.pack("<4sIQQ", b"DLC1", 1, 2, LONGEST) + b"{}",
        struct.pack("<4sIQ", b"DLC1", 0, 2) + b"\xff\xff", struct.pack("<4sIQ", b"DLC1", 0, 100_000) + b"[" * 100_000,
    ],
)  # fmt: skip
def test_malformed_messages(data):
    ours, theirs = socket.socketpair()
    theirs.sendall(data)
    with pytest.raises(FrameError):
        Pipe(ours).receive(deadline=_soon())


def _soon() -> float:
    return time.monotonic() + 0.3


def test_half_a_message_is_not_waited_for_and_a_hang_up_is_told():
    ours, theirs = socket.socketpair()
    theirs.sendall(b"DLC1\0\0")
    with pytest.raises(Slow):
        Pipe(ours).receive(deadline=_soon())
    theirs.close()
    with pytest.raises(Closed):
        Pipe(ours).receive(deadline=_soon())
    ours, _keep = socket.socketpair()
    with pytest.raises(FrameError, match="64 MB"):
        Pipe(ours).send({}, [bytes(LONGEST)])
    with pytest.raises(Slow):
        Pipe(ours).send({}, [bytes(LONGEST // 2)], deadline=_soon())


@pytest.mark.parametrize("blobs", [0, 1000])
def test_who_sends_drop_by_drop_does_not_keep_us(blobs):
    ours, theirs = socket.socketpair()
    message = struct.pack("<4sIQ", b"DLC1", blobs, 1000) + struct.pack("<1000Q", *[1] * 1000)
    stop = threading.Event()

    def drip() -> None:
        for byte in itertools.cycle(message):
            if stop.wait(0.01):
                return
            theirs.sendall(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        began = time.monotonic()
        with pytest.raises(Slow):
            Pipe(ours).receive(deadline=_soon())
        assert time.monotonic() - began < 5
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("head", ["\ud800", {"\udcff": [1.5, None]}, {"é": "\U0001f600"}, 2**70])
def test_every_text_arrives_as_it_was_sent(head):
    ours, theirs = map(Pipe, socket.socketpair())
    ours.send(head)
    assert theirs.receive(deadline=_soon()) == (head, [])
