"""Every explorer, without a browser: each control changes the picture, and a kernel draws when it is free."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import ipywidgets as widgets
import pytest

from dlcore import explore
from dlcore.explore import (
    _gan,
    _playground,
)
from dlcore.explore._stage import Picture, Stage


def controls(root: widgets.Widget) -> list[widgets.Widget]:
    found, stack = [], [root]
    while stack:
        widget = stack.pop()
        stack += getattr(widget, "children", ())
        found.append(widget)
    return found


@pytest.mark.parametrize("name", explore.EXPLORERS)
def test_every_control_changes_the_picture_and_the_image_stays_the_same_widget(name):
    root = explore.EXPLORERS[name]()
    everything = controls(root)
    (image,) = [w for w in everything if isinstance(w, Picture)]
    assert len(image.tooltip) > 40
    seen = 0
    for control in everything:
        before = image.value
        if getattr(control, "disabled", False):  # and it says so to its user
            continue
        if isinstance(control, widgets.FloatSlider | widgets.IntSlider):
            up = control.value + 5 * control.step <= control.max
            down = control.value - 5 * control.step >= control.min
            far = max(control.min, control.max, key=lambda end: abs(end - control.value))
            control.value = control.value + (5 if up else -5) * control.step if up or down else far
        elif isinstance(control, widgets.FloatText):
            control.value += control.step
        elif isinstance(control, widgets.FloatLogSlider):
            control.value *= 2
        elif getattr(control, "description", "") == "text":  # any text will do, unlike a formula
            control.value += "s"
        elif isinstance(control, widgets.Dropdown | widgets.ToggleButtons):
            control.index = (control.index + 1) % len(control.options)
        elif isinstance(control, widgets.Button):
            control.click()
        else:
            continue
        seen += 1
        assert image.value != before, control.description
        assert image.value[:3] == b"\xff\xd8\xff"  # JPEG
    assert seen >= 5


@pytest.mark.parametrize("name", explore.EXPLORERS)
def test_a_kernel_answers_first_and_draws_once_for_all_that_has_changed(name, monkeypatch):
    pictures = []
    draw = Stage.update

    def drawn(stage: Stage) -> None:
        draw(stage)
        pictures.append(stage.image.value)

    monkeypatch.setattr(Stage, "update", drawn)

    def opened() -> tuple[Picture, Callable[[], None]]:
        everything = controls(explore.EXPLORERS[name]())
        (image,) = [w for w in everything if isinstance(w, Picture)]
        slider = next(
            w
            for w in everything
            if isinstance(w, widgets.FloatSlider | widgets.IntSlider) and not w.disabled
        )
        start = slider.value
        far = max(slider.min, slider.max, key=lambda end: abs(end - start))

        def drag() -> None:
            for k in (1, 2, 3):
                slider.value = type(start)(start + (far - start) * k / 3)

        return image, drag

    async def in_a_kernel() -> list[bytes]:
        _, drag = opened()
        assert len(pictures) == 1  # the first is there at once
        await settled()
        pictures[:-1] = []
        drag()
        assert len(pictures) == 1
        await settled()
        return [*pictures]

    async def settled() -> None:
        seen = -1
        while seen != len(pictures):
            seen = len(pictures)
            await asyncio.sleep(0.2)

    first, *others = asyncio.run(in_a_kernel())
    assert len(others) == 1 or name in ("gan", "playground")  # which go on
    image, drag = opened()
    assert image.value == first
    drag()
    assert image.value == others[-1]


@pytest.mark.parametrize("name", explore.EXPLORERS)
def test_an_animation_shows_fifteen_pictures_a_second(name):
    for play in (c for c in controls(getattr(explore, name)()) if isinstance(c, widgets.Play)):
        assert play.interval <= 1000 / 15


@pytest.mark.parametrize("name", explore.EXPLORERS)
def test_the_same_controls_give_the_same_picture(name):
    pictures = [
        next(w for w in controls(explore.EXPLORERS[name]()) if isinstance(w, Picture)).value
        for _ in range(2)
    ]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("name", "place", "control"),
    [
        ("neuron", (0.3, 0.3), "b"),
        ("activations", (0.2, 0.5), "x"),
        ("losses", (0.1, 0.5), "prediction"),
        ("losses", (0.5, 0.5), "score"),
        ("shapes", (0.03, 0.78), "its entry"),
        ("optimizers", (0.3, 0.3), "start y"),
        ("convolution", (0.1, 0.55), "row"),
        ("convolution", (0.8, 0.2), "column"),
        ("unrolled", (0.3, 0.3), "back from"),
        ("gates", (0.3, 0.3), "time"),
        ("attention", (0.6, 0.3), "query, x"),
        ("autoencoder", (0.3, 0.3), "second"),
        ("vae", (0.3, 0.3), "second"),
    ],
)
def test_the_picture_can_be_dragged(name, place, control):
    root = explore.EXPLORERS[name]()
    (image,) = [w for w in controls(root) if isinstance(w, Picture)]
    (slider,) = [w for w in controls(root) if getattr(w, "description", "") == control]
    before = slider.value, image.value
    image.at = list(place)
    assert slider.value != before[0] and image.value != before[1]
    image.at = [0.999, 0.999]  # beside everything: nothing happens
    assert slider.value != before[0]


@pytest.mark.parametrize(
    ("module", "place", "at_once"),
    [(_gan, "round", 1), (_playground, "epoch", _playground.AT_ONCE)],
)
def test_in_a_kernel_a_run_goes_on_by_itself_and_can_be_led_elsewhere(module, place, at_once):
    view, goal, seen = module._View(), 10 * at_once, []
    place = getattr(view, place)

    def look(change: dict) -> None:
        seen.append(int(re.match(r"after (\d+) (round|epoch)", change["new"])[1]))

    view.said.observe(look, "value")

    async def until(done: Callable[[], bool]) -> None:
        for _ in range(1000):
            if done():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it never came there")

    async def hand() -> None:
        view.controls["seed"].value = 9  # never trained: it is seen from its first steps on
        place.value = goal
        await until(lambda: len(seen) >= 4)
        view.controls["seed"].value = 10  # it is still to go as far
        await until(lambda: seen[-1] == goal)
        place.value = 3  # a look back stays where it is
        await asyncio.sleep(0.1)
        assert seen[-1] == 3 and not view.stage.next
        view.afresh.click()
        await until(lambda: seen[-1] == 0)
        view.step.click()
        await until(lambda: seen[-1] == 1)

    asyncio.run(hand())
    again = seen.index(at_once, 1)
    steps = range(at_once, goal + 1, at_once)
    assert seen == [*steps[:again], *steps, 3, 0, 1] and 4 <= again <= 10
    view.controls["seed"].value = 11  # without a kernel, all of it comes at once
    place.value = goal
    assert seen[-1] == goal
