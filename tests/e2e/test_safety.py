"""What a hostile student wrote, opened by the instructor in a real browser: nothing of it runs."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from autograder.grade import schedule
from autograder.report import class_report, feedback
from tests.autograder import mini
from tests.autograder.conftest import needs
from tests.conftest import ROOT
from tests.e2e.lab import Browser, Server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    needs("bubblewrap"),
    pytest.mark.xdist_group("class"),
]

STEAL = "window.stolen = 1; document.title = 'stolen'"
OUTPUTS = f"""
from IPython.display import HTML, Javascript, Latex, Markdown, SVG, display
display(HTML("<script>{STEAL}</script><img src=x onerror='{STEAL.split(";")[0]}'><svg onload='{STEAL.split(";")[0]}'></svg>"))
display(HTML("<iframe srcdoc='<script>parent.window.stolen = 1</script>'></iframe><a id=link href='javascript:window.stolen=1'>x</a>"))
display(Javascript({STEAL!r}))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" onload="window.stolen=1"><script>window.stolen = 1</script></svg>'))
display(Markdown("<script>{STEAL}</script>"))
display({{"text/html": "<b>fine</b>", "image/svg+xml": "<svg onload='window.stolen=1'/>"}}, raw=True)
print("<script>window.stolen = 1</script>")
1 / 0
"""
TEXT = f"<script>{STEAL}</script> <img src=x onerror='window.stolen=1'> <details ontoggle='window.stolen=1' open>x</details> [x](javascript:window.stolen=1)"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = mini.make(tmp_path_factory.mktemp("safety") / "class")
    nb = mini.answered(mini.released(room), mini.ANSWERS)
    nb.cells.insert(1, new_code_cell(OUTPUTS, id="out"))
    nb.cells.insert(1, new_markdown_cell(TEXT, id="text"))
    raw = new_raw_cell("<script>window.stolen = 1</script>", id="raw")
    raw.metadata["raw_mimetype"] = "text/html"
    nb.cells.insert(1, raw)
    nb.cells.insert(
        1, new_markdown_cell("$\\href{javascript:window.stolen=1}{x} < y$ and `a < b`", id="tex")
    )
    nb.cells[-1].source = TEXT  # a written answer, which the instructor has to read
    mini.hand_in(room, "mallory", nb)
    assert not schedule.run(room, jobs=1).failed
    graded = nbformat.read(room.notebook("autograded", "mallory", mini.SLUG), as_version=4)
    assert "raw" not in {cell.cell_type for cell in graded.cells}  # they go into pages as they are
    feedback.run(room)
    class_report.run(room)
    return room


def test_the_formgrader_and_our_pages_run_nothing(room, chromium, tmp_path):
    with room.gradebook() as book:
        notebook = book.find_submission_notebook(mini.SLUG, mini.SLUG, "mallory").id
    server = Server(room.root, tmp_path / "home")
    browser = Browser(chromium, Path(os.environ.get("DLCOURSE_ARTIFACTS", ROOT / "artifacts")))
    page = browser.page
    try:
        page.goto(f"{server.url}/formgrader/submissions/{notebook}/")
        page.get_by_text("ZeroDivisionError").first.wait_for()
        page.wait_for_timeout(1500)  # for whatever would load late
        browser.shoot("formgrader-hostile")
        assert page.evaluate("window.stolen") is None and page.title() != "stolen"
        assert page.locator("iframe").count() == 0
        assert page.locator("[onerror], [onload], [ontoggle], a[href^='javascript']").count() == 0
        assert (
            page.locator("img[src^='data:image/svg']").count() >= 1
        )  # pictures are still pictures
        for path in (
            room.root / "feedback" / "mallory" / mini.SLUG / f"{mini.SLUG}.html",
            room.root / "reports" / "integrity.html",
        ):
            page.goto(path.as_uri())
            page.wait_for_timeout(300)
            assert page.evaluate("window.stolen") is None and page.title() != "stolen"
        assert "browser would run" in page.content()
    finally:
        browser.stop()
        server.stop()
