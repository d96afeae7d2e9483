"""Work in pieces: the same numbers for any number of threads, and safe where there can be none."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlcore
from dlcore import conv, tensor
from dlcore import functional as F
from dlcore.backend import blocks
from dlcore.backend.blocks import in_blocks
from dlcore.backend.memory import keep_freed_memory
from dlcore.backend.sliding import Window


@pytest.fixture(autouse=True)
def threads():
    before = dlcore.get_num_threads()
    yield
    dlcore.set_num_threads(before)


def big():
    """Ops whose work is cut and shared out: their results in one list."""
    rng = np.random.default_rng(0)
    x = tensor(rng.standard_normal((700, 4000)).astype(np.float32), requires_grad=True)
    t = rng.integers(0, 4000, 700)
    image = tensor(rng.standard_normal((24, 32, 28, 28)).astype(np.float32), requires_grad=True)
    w = tensor(rng.standard_normal((32, 32, 3, 3)).astype(np.float32), requires_grad=True)
    q, k, v = (
        tensor(rng.standard_normal((8, 4, 96, 16)).astype(np.float32), True) for _ in range(3)
    )
    digits, few = (
        tensor(rng.standard_normal(shape).astype(np.float32), requires_grad=True)
        for shape in ((64, 1, 28, 28), (6, 1, 5, 5))
    )
    found = [F.cross_entropy(x, t), F.gelu(x), F.layer_norm(x, (4000,))]
    found += [F.conv2d(image, w, padding=1), F.batch_norm(image, training=True)]
    found += [F.conv2d(digits, few, padding=2)]
    found += [F.scaled_dot_product_attention(q, k, v, is_causal=True)]
    for y in found:
        y.backward(np.ones_like(y.data))
    return [t.data for t in found] + [
        leaf.grad.data for leaf in (x, image, w, digits, few, q, k, v)
    ]


def test_the_number_of_threads_does_not_change_a_bit():
    results = []
    for n in (1, 2, 3):
        dlcore.set_num_threads(n)
        assert dlcore.get_num_threads() == n
        results.append(big())
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_results_come_in_order_and_cover_every_row_once():
    dlcore.set_num_threads(2)
    for n in (0, 1, 7, 1000):
        parts = in_blocks(lambda part: part, np.zeros((n, 3000)), entries=9000, worth=1)
        assert [i for part in parts for i in range(n)[part]] == list(range(n))


@given(st.data())
def test_images_in_chunks_give_what_all_at_once_give(data):
    draw = lambda low, high: data.draw(st.integers(low, high))
    groups, stride, dilation = draw(1, 2), draw(1, 3), draw(1, 2)
    kernel, (c, m) = (draw(1, 4), draw(1, 4)), (groups * draw(1, 3), groups * draw(1, 3))
    window = Window((stride, draw(1, 3)), ((2, draw(0, 2)), (draw(0, 2), 1)), (dilation, 1), groups)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((draw(1, 7), c, 6 + draw(0, 3), 6 + draw(0, 3)))
    w, b = rng.standard_normal((m, c // groups, *kernel)), rng.standard_normal(m)

    def run():
        y, cache = conv.conv2d_forward(x, w, b, window)
        return y, *conv.conv2d_backward(np.cos(np.arange(y.size)).reshape(y.shape), cache)

    whole = run()
    for columns, enough in ((1, 1), (500, 1), (10**6, 1), (1, 10**6), (500, 10**6)):
        with mock.patch.multiple(conv, COLUMNS=columns, ENOUGH=enough):
            for a, e in zip(run(), whole, strict=True):
                np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-12)


def test_a_slice_has_no_more_entries_than_asked_for():
    for n, entries in ((64, 166_666), (10, 22_400), (3, 5)):
        for part in in_blocks(lambda part: part, np.zeros((n, 1)), width=22_400, entries=entries):
            assert part.stop - part.start <= max(1, entries // 22_400)


def test_an_error_in_any_piece_reaches_the_caller_and_the_blas_is_as_before():
    dlcore.set_num_threads(2)

    def work(part):
        if part.start:
            raise ZeroDivisionError("in the second piece")

    with pytest.raises(ZeroDivisionError, match="second piece"):
        in_blocks(work, np.zeros((1000, 1000)), worth=1)
    assert [library.get_num_threads() for library in blocks._blas()] == [2] * len(blocks._blas())


def test_after_an_error_nobody_goes_on():
    dlcore.set_num_threads(2)
    done = []

    def work(part):
        time.sleep(0.005 if part.start else 0.1)
        if not part.start:
            raise ZeroDivisionError
        done.append(part)

    with pytest.raises(ZeroDivisionError):
        in_blocks(work, np.zeros((1000, 1000)), entries=1000, worth=1)
    assert len(done) < 500


def test_where_no_thread_can_be_started_the_work_is_done_all_the_same(monkeypatch):
    dlcore.set_num_threads(2)

    def refuse(*_, **__):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(blocks.ThreadPoolExecutor, "submit", refuse)
    assert len(in_blocks(lambda part: part, np.zeros((1000, 1000)), worth=1)) > 1


def test_nobody_waits_for_a_thread_that_does_not_come():
    dlcore.set_num_threads(2)
    inner = lambda _: in_blocks(lambda part: part, np.zeros((1000, 1000)), worth=1)
    assert len(in_blocks(inner, np.zeros((1000, 1000)), worth=1)) > 1  # a piece cut in pieces
    busy = threading.Event()
    blocked = blocks._start(lambda: busy.wait(20))
    try:
        assert len(inner(None)) > 1 and not blocked.done()
    finally:
        busy.set()
    assert blocked.result(10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_makes_its_own_threads():
    code = (
        "import os, numpy as np, dlcore\n"
        "from dlcore.backend.blocks import in_blocks\n"
        "dlcore.set_num_threads(2)\n"
        "work = lambda: sum(in_blocks(lambda p: p.stop - p.start, np.zeros((999, 999)), worth=1))\n"
        "work()\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(0 if work() == 999 else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "0", done.stderr


def test_threads_are_asked_for_in_the_usual_way():
    code = "import dlcore; print(dlcore.get_num_threads())"
    run = lambda **env: subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert run(OMP_NUM_THREADS="3") == "3"
    assert int(run(OMP_NUM_THREADS="")) >= 1
    with pytest.raises(ValueError, match="at least 1"):
        dlcore.set_num_threads(0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_freed_memory_is_kept_for_the_next_array():
    assert keep_freed_memory()
    code = (
        "import resource, numpy as np{}\n"
        "def run():\n"
        "    for _ in range(5): [np.ones(1 << 20, np.float32) for _ in range(8)]\n"
        "run(); before = resource.getrusage(0).ru_minflt; run()\n"
        "print(resource.getrusage(0).ru_minflt - before)"
    )
    faults = [
        int(
            subprocess.run(
                [sys.executable, "-c", code.format(more)], capture_output=True, text=True
            ).stdout
        )
        for more in (", dlcore", "")
    ]
    assert faults[0] < 100 <= faults[1] or faults[0] == faults[1] == 0
