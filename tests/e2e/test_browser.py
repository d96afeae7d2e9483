"""What a student does, in a real browser: run, get it wrong, read the hint, get it right, play."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import dlcore
from autograder.author import build
from autograder.check.judge import judge
from autograder.exercises import catalog
from tests.conftest import ROOT, drawn, some
from tests.e2e.lab import Browser, Notebook, Server, copy_course

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

LESSONS = catalog.lessons()
SHOTS = Path(os.environ.get("DLCOURSE_ARTIFACTS", ROOT / "artifacts"))


@pytest.fixture(scope="module")
def server(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    server = Server(copy_course(ROOT / "course", folder / "course"), folder / "home")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser(chromium):
    browser = Browser(chromium, SHOTS)
    yield browser
    browser.stop()


def solution(lesson, exercise) -> str:
    cells = {c.id: c.source for c in build.source_notebook(lesson).cells}
    return cells[f"{exercise.function}-answer"]


@pytest.mark.parametrize("lesson", some(LESSONS), ids=lambda x: x.slug)
def test_a_student_works_through_a_lesson(server, browser, lesson):
    notebook = Notebook(server, browser, f"{lesson.slug}/{lesson.slug}.ipynb")
    notebook.run_all()
    assert notebook.errors() == []
    browser.shoot(f"{lesson.slug}-opened")

    exercise = lesson.exercises[0]
    misconception = exercise.misconceptions[0]
    wrong = catalog.misconception_source(exercise, misconception.wrong)
    notebook.type_into(f"{exercise.function}-answer", wrong)
    shown = notebook.run_cell(exercise.function)
    assert misconception.hint in shown
    earned = judge(exercise, misconception.wrong, dlcore, np.random.default_rng(0)).points
    assert earned < exercise.points and f"{earned:g} of {exercise.points:g} points" in shown
    browser.shoot(f"{lesson.slug}-hint")

    for exercise in lesson.exercises:
        notebook.type_into(f"{exercise.function}-answer", solution(lesson, exercise))
        shown = notebook.run_cell(exercise.function)
        assert f"{exercise.points:g} of {exercise.points:g} points" in shown, shown
    browser.shoot(f"{lesson.slug}-right")
    notebook.run_all()
    assert notebook.errors() == []
    notebook.save()
    press_validate(notebook, browser, lesson)


def press_validate(notebook, browser, lesson):
    """nbgrader's own button, which runs the saved notebook afresh."""
    notebook.page.get_by_role("button", name="Validate").click()
    dialog = notebook.page.locator(".jp-Dialog")
    dialog.wait_for(timeout=180_000)
    text = dialog.inner_text()
    browser.shoot(f"{lesson.slug}-validate")
    dialog.get_by_role("button").last.click()
    assert "Success" in text, text


# some explorers play on by themselves to where the hand has sent them
AT_REST = """(canvas) => {
    const {dataset} = canvas;
    if (dataset.seen !== dataset.shown || canvas.ariaBusy !== "false") {
        dataset.seen = dataset.shown;
        dataset.since = performance.now();
    }
    return performance.now() - dataset.since > 1000;
}"""


@pytest.mark.parametrize("lesson", drawn(LESSONS, 6), ids=lambda x: x.slug)
def test_sliders_move_the_picture_from_the_keyboard(server, browser, lesson):
    notebook = Notebook(server, browser, f"{lesson.slug}/{lesson.slug}.ipynb")
    notebook.run_to("explore.")
    explorer = notebook.page.locator(".dlcourse-explorer").first
    explorer.scroll_into_view_if_needed()
    picture = explorer.get_by_role("img")
    assert len(picture.get_attribute("aria-label") or "") > 40  # what a screen reader says
    explorer.locator(".noUi-handle").first.focus()
    selected = notebook.active()
    for control in explorer.locator("button, select, [disabled] .noUi-handle").all():
        chosen = control.evaluate("c => c.selectedIndex")  # of a menu
        control.focus()
        for key in ("ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowRight"):
            notebook.page.keyboard.press(key)
        if chosen is not None:
            control.select_option(index=chosen)
    assert notebook.active() == selected  # no heading was folded, nothing else selected
    handles = explorer.locator(".noUi-handle")
    assert handles.count() >= 4
    moved = 0
    for i in range(handles.count()):
        notebook.wait_until_idle()
        notebook.page.wait_for_function(AT_REST, arg=picture.element_handle())
        now, least, most = (
            handles.nth(i).get_attribute(f"aria-value{what}") for what in ("now", "min", "max")
        )
        fixed = handles.nth(i).evaluate("h => h.closest('.noUi-target').hasAttribute('disabled')")
        if fixed or least == most:  # an axis that is not there, the only entry of an array
            continue
        moved += 1
        before = picture.evaluate("canvas => canvas.toDataURL()")
        value = handles.nth(i).get_attribute("aria-valuetext")
        handles.nth(i).focus()
        to_and_fro = ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowLeft")
        for key in to_and_fro[:2] if now == least else to_and_fro:
            notebook.page.keyboard.press(key)
        notebook.page.wait_for_function(
            "([canvas, before]) => canvas.width > 300 && canvas.toDataURL() !== before",
            arg=[picture.element_handle(), before],
        )
        assert handles.nth(i).get_attribute("aria-valuetext") != value
    assert moved >= 2
    assert notebook.page.locator(".dlcourse-explorer canvas").count() == 1  # no growing output
    browser.shoot(f"{lesson.slug}-explorer")
