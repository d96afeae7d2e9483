"""When an explorer draws."""

from __future__ import annotations

import asyncio

import pytest
from matplotlib.figure import Figure
from threadpoolctl import threadpool_info, threadpool_limits

from dlcore.explore import _fitting, _pace
from dlcore.explore._pace import when_free
from dlcore.explore._stage import Stage


class View:
    """It counts what it draws, and asks while it draws, as a control does that it sets."""

    def __init__(self, more: int = 0) -> None:
        self.stage = Stage(Figure(), [], "a picture of nothing")
        self.drawn, self.more, self.threads = 0, more, 0

    @when_free
    def show(self) -> bool:
        (self.threads,) = {x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"}
        self.drawn += 1
        with self.stage.setting():
            self.show()
        self.show()
        self.stage.update()
        return self.drawn <= self.more


def test_an_explorer_multiplies_in_one_thread_and_leaves_the_learner_theirs():
    with threadpool_limits(2, "blas"):
        view = View()
        view.show()
        assert view.threads == 1
        assert {x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"} == {2}


def test_the_first_picture_comes_at_once_and_then_one_for_all_that_has_changed():
    async def hand() -> list[int]:
        view, seen = View(), []
        view.show()
        seen.append(view.drawn)
        for _ in range(3):
            view.show()
        seen.append(view.drawn)
        await asyncio.sleep(0.1)
        return [*seen, view.drawn]

    assert asyncio.run(hand()) == [1, 1, 2]


def test_a_picture_that_follows_by_itself_waits_for_nobody_and_nobody_for_it(monkeypatch):
    async def hand(touches: int) -> int:
        view = View(more=2)
        view.show()
        for _ in range(touches):
            view.show()
        await asyncio.sleep(0.2)
        return view.drawn

    monkeypatch.setattr(_pace, "REST", 0.01)
    assert asyncio.run(hand(0)) == 3
    monkeypatch.setattr(_pace, "REST", 60)
    assert asyncio.run(hand(0)) == 1
    assert asyncio.run(hand(1)) == 2


def test_a_picture_says_that_another_follows_until_the_last_has_come(monkeypatch):
    async def hand() -> list[object]:
        view = View(more=2)
        said: list[object] = [view.stage.image.busy]
        view.stage.image.observe(lambda change: said.append(change["new"]), "busy")
        view.show()
        said.append("drawn once")
        await asyncio.sleep(0.2)
        said.append(f"drawn {view.drawn} times")
        view.show()
        await asyncio.sleep(0.1)
        return said

    monkeypatch.setattr(_pace, "REST", 0.01)
    assert asyncio.run(hand()) == [
        *(False, True, "drawn once", False, "drawn 3 times"),  # by itself, to the end
        *(True, False),  # from the hand's touch until its picture
    ]


@pytest.mark.parametrize("more", [0, 3])
def test_without_a_kernel_everything_comes_at_once(more):
    view = View(more)
    view.show()
    assert view.drawn == more + 1


def test_a_picture_that_never_came_holds_up_no_other():
    """The page was closed, and its loop with it."""
    view = _fitting._View()

    async def hand(weights: int, wait: float) -> None:
        view.weights.value = weights
        await asyncio.sleep(wait)

    before = view.stage.image.value
    asyncio.run(hand(4, 0))
    assert view.stage.image.value == before
    asyncio.run(hand(5, 0.1))
    assert view.stage.image.value != before
