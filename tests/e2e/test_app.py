"""`make explore`: all explorers on one page, without notebooks, from the keyboard alone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.request

import pytest

from dlcore.explore import EXPLORERS, _attention
from tests.conftest import ROOT
from tests.e2e.lab import Browser, free_port
from tests.e2e.test_browser import SHOTS

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture
def page(chromium, tmp_path):
    """The page that the Makefile's own command serves."""
    recipe = re.search(r"^explore:.*\n\t(.*)", (ROOT / "Makefile").read_text(), re.M)[1]
    names = dict(re.findall(r"^(\w+) \??:?= *(.*)$", (ROOT / "Makefile").read_text(), re.M))
    command = re.sub(r"\$\((\w+)\)", lambda m: names[m[1]], recipe)
    port = free_port()
    log = (tmp_path / "voila.log").open("wb")
    server = subprocess.Popen(
        [*command.split(), "--no-browser", f"--port={port}"],
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=os.environ | {"HOME": str(tmp_path)},
        start_new_session=True,
    )
    browser = Browser(chromium, SHOTS)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/voila/static/", timeout=2)
            except urllib.error.HTTPError:
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "voila.log").read_text()
                time.sleep(0.1)
        browser.page.goto(f"http://127.0.0.1:{port}/")
        yield browser.page
    finally:
        browser.stop()
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)
        log.close()


def test_every_explorer_is_on_the_page_and_moves_from_the_keyboard(page):
    page.wait_for_selector(".dlcourse-explorer canvas")
    for name in EXPLORERS:
        button = page.get_by_role("button", name=name, exact=True)
        button.focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=name.capitalize()).wait_for()
        page.locator(f".dlcourse-{name} .noUi-handle").first.wait_for()
        assert page.locator(".dlcourse-explorer").count() == 1
        picture = page.locator(".dlcourse-explorer canvas")
        handle = page.locator(".dlcourse-explorer .noUi-handle").first
        handle.focus()
        now, least = (float(handle.get_attribute(f"aria-value{x}")) for x in ("now", "min"))
        keys = ("ArrowLeft", "ArrowRight")
        for key in keys if now > least else keys[::-1]:
            _new_picture(page, lambda key=key: page.keyboard.press(key))
        assert picture.count() == 1
    page.screenshot(path=SHOTS / "app.png")


def _new_picture(page, act) -> None:
    picture = page.locator(".dlcourse-explorer canvas[data-shown]")
    before = picture.evaluate("canvas => canvas.toDataURL()")
    act()
    page.wait_for_function(
        "before => document.querySelector('.dlcourse-explorer canvas').toDataURL() !== before",
        arg=before,
    )
    page.wait_for_timeout(500)


def test_a_picture_is_dragged_and_an_animation_runs_until_it_is_paused(page):
    page.wait_for_selector(".dlcourse-explorer canvas")
    page.get_by_role("button", name="optimizers", exact=True).click()
    page.locator(".dlcourse-optimizers canvas").wait_for()
    page.wait_for_timeout(500)
    box = page.locator(".dlcourse-explorer canvas").bounding_box()
    handles = page.locator(".dlcourse-explorer .noUi-handle")
    starts = [float(handles.nth(k).get_attribute("aria-valuenow")) for k in range(2)]

    def drag():
        x, y = box["x"] + 0.2 * box["width"], box["y"] + 0.7 * box["height"]
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 40, y - 40)
        page.mouse.up()

    _new_picture(page, drag)
    found = [float(handles.nth(k).get_attribute("aria-valuenow")) for k in range(2)]
    assert found[0] != starts[0] and found[1] != starts[1]

    play, pause = page.locator(".widget-play button").all()[:2]
    _new_picture(page, play.click)
    _new_picture(page, lambda: None)  # it goes on by itself
    pause.click()
    page.wait_for_timeout(500)
    still = page.locator(".dlcourse-explorer canvas").get_attribute("data-shown")
    page.wait_for_timeout(1000)
    assert page.locator(".dlcourse-explorer canvas").get_attribute("data-shown") == still


def test_a_gan_of_other_settings_plays_on_by_itself(page):
    page.wait_for_selector(".dlcourse-explorer canvas")
    page.get_by_role("button", name="gan", exact=True).click()
    page.get_by_text("after 10 rounds").wait_for()
    page.locator(".dlcourse-explorer .noUi-handle").first.focus()
    page.evaluate("""() => {
        window.said = [];
        const box = document.querySelector('.dlcourse-explorer');
        const look = () => window.said.push(Number(box.textContent.match(/after (\\d+) round/)[1]));
        new MutationObserver(look).observe(box, {subtree: true, childList: true, characterData: true});
    }""")
    page.keyboard.press("ArrowRight")  # another seed
    page.wait_for_function("() => window.said.includes(1) && window.said.at(-1) === 10")
    rounds = page.evaluate("window.said")
    assert len(set(rounds[rounds.index(1) :])) > 5, "pictures in between"


def test_the_pointer_chooses_a_row_without_being_pressed(page):
    page.wait_for_selector(".dlcourse-explorer canvas")
    page.get_by_role("button", name="attention", exact=True).click()
    page.locator(".dlcourse-attention canvas").wait_for()
    page.wait_for_timeout(500)
    box = page.locator(".dlcourse-explorer canvas").bounding_box()
    word = page.locator(".dlcourse-explorer .noUi-handle").first
    assert float(word.get_attribute("aria-valuenow")) == 9
    across, down = _attention.LEFT + 40, _attention.TOP + 1.5 * _attention.CELL  # the second row
    scale = box["width"] / _attention.WIDTH
    _new_picture(page, lambda: page.mouse.move(box["x"] + scale * across, box["y"] + scale * down))
    assert float(word.get_attribute("aria-valuenow")) == 2


def test_a_slider_that_follows_says_nothing(page):
    """Else what a browser makes of one value comes back after the next was set, as if a hand had moved it."""
    said = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: said.append(frame)))
    page.reload()
    page.wait_for_selector(".dlcourse-explorer canvas")
    page.get_by_role("button", name="attention", exact=True).click()
    page.locator(".dlcourse-attention canvas").wait_for()
    page.wait_for_timeout(500)
    page.locator(".dlcourse-explorer .noUi-handle").first.focus()
    said.clear()
    for _ in range(3):  # another word, and so another query
        _new_picture(page, lambda: page.keyboard.press("ArrowLeft"))
        page.wait_for_timeout(200)
    changes = [
        frame
        for frame in said
        if b"comm_msg" in (frame.encode() if isinstance(frame, str) else frame)
    ]
    assert len(changes) == 3
