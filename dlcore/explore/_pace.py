"""When an explorer draws: after the kernel has answered, and once for all that has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from threadpoolctl import ThreadpoolController

from dlcore.explore._stage import Stage

PAUSE = 0.001  # seconds that a kernel has, before it draws, to say that it heard
REST = 0.04  # seconds that the hand has, before a picture follows by itself


def can_wait() -> bool:
    """Whether something can come later by itself: there is a kernel that goes on."""
    try:
        return bool(asyncio.get_running_loop())
    except RuntimeError:
        return False


def when_free(show: Callable[[Any], bool | None]) -> Callable[[Any], None]:
    """Let a kernel answer the hand first and draw then, once for all that has changed meanwhile.

    So the next change travels while this one is drawn. The first picture comes at once, and so does each where nothing
    can come later. What the explorer itself sets asks for no picture; if ``show`` returns True, another is to follow.

    Matrices are multiplied in one thread: they are small, and a second thread of OpenBLAS would take the browser's core
    and wait on it.
    """

    @wraps(show)
    def ask(view: Any) -> None:
        stage: Stage = view.stage

        def draw() -> None:
            stage.next = None
            more: bool | None = True
            while more:
                one_message, one_thread = (
                    stage.image.hold_sync(),
                    _libraries().limit(limits=1, user_api="blas"),
                )
                with stage.setting(), one_message, one_thread:
                    more = show(view)
                    stage.image.busy = bool(more)
                if more and can_wait():
                    return later(REST)

        def later(pause: float) -> None:
            loop = asyncio.get_running_loop()
            if stage.next and (stage.loop != loop or stage.next.when() > loop.time() + pause):
                stage.next.cancel()  # a page that is opened again brings another loop
                stage.next = None
            stage.loop, stage.next = loop, stage.next or loop.call_later(pause, draw)
            stage.image.busy = True

        if not stage.is_setting:
            later(PAUSE) if stage.image.value and can_wait() else draw()

    return ask


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
