"""Time two libraries alike: in turn, after a warm-up, by a GPU's own clock where there is one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

WARM_UP = 3  # calls that do not count: of a GPU the first one compiles
Clock = Callable[[Callable[[], Any]], float]


def clock(library: Any, gpu: bool) -> Clock:
    """Milliseconds of one call: by events on the GPU of ``library`` (PyTorch or CuPy), or else by the computer's clock."""

    def by_time(act: Callable[[], Any]) -> float:
        start = time.perf_counter()
        act()
        return 1000 * (time.perf_counter() - start)

    def by_events(act: Callable[[], Any]) -> float:
        timed = {"enable_timing": True} if hasattr(library, "autograd") else {}
        first, last = (library.cuda.Event(**timed) for _ in range(2))
        first.record()
        act()
        last.record()
        last.synchronize()
        if timed:
            return float(first.elapsed_time(last))
        return float(library.cuda.get_elapsed_time(first, last))

    return by_events if gpu else by_time


def medians_ms(
    acts: Sequence[Callable[[], Any]], clocks: Sequence[Clock], repeat: int
) -> list[float]:
    """The median of so many calls of each, in turn, or of those that two seconds have room for."""
    pairs = list(zip(acts, clocks, strict=True))
    start = time.perf_counter()
    for count in range(WARM_UP):
        if (
            not count or time.perf_counter() - start < 0.5
        ):  # threads that wait for each other can be slow
            for act in acts:
                act()
    times: list[list[float]] = []
    start = time.perf_counter()
    while len(times) < repeat and time.perf_counter() - start < 2:
        times.append([measure(act) for act, measure in pairs])
    return [statistics.median(column) for column in zip(*times, strict=True)]


@contextmanager
def exact_float32(torch: Any) -> Iterator[None]:
    """No TF32: on newer GPUs PyTorch would else multiply float32 with 10 bits of precision, and look faster."""
    places = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [place.allow_tf32 for place in places]
    for place in places:
        place.allow_tf32 = False
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.allow_tf32 = value
