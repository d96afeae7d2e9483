"""What a submission shows is opened in the instructor's browser: nothing in it may run, load or reach out."""

from __future__ import annotations

import html as entities
import re

from hypothesis import example, given
from hypothesis import strategies as st

from autograder.grade import clean

COMMANDS = (
    "href",
    "url",
    "require",
    "style",
    "cssId",
    "class",
    "unicode",
    "HTML",
    "data",
    "csname",
)
pieces = st.sampled_from(
    ["<script>", "</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:x'>", "</a>", "<svg onload=x>",
     "<math>", "<style>", "</style>", "<wbr>", "<b></b>", "<!-- -->", "$", "\\(", "&#92;", "&lt;", "\\", "<iframe src=x>",
     "<form action=x>", "<details open ontoggle=x>", "data:text/html,x", "\x1b[31m", "\x1b]8;;x\x07", "\x9b1m", "<p>",
     "<base href=//x>", "<meta http-equiv=refresh>", "<a href=' &#9;javascript:x'>", "<img src='http://x/y.png'>"]
    + [f"\\{c}" for c in COMMANDS] + [f"\\{c[:2]}<wbr>{c[2:]}" for c in COMMANDS] + [f"&#92;{c}{{javascript:x}}" for c in COMMANDS]
    + [f"\\{c}1" for c in COMMANDS] + [f"\\{c}_" for c in COMMANDS]
)  # fmt: skip
RUNS = re.compile(r"<(script|iframe|object|embed|form|meta|link|base|svg|style|wbr)\b|<[^>]*\son\w+\s*=", re.I)  # fmt: skip


def harmless(page: str) -> None:
    assert not RUNS.search(page), page
    for value in re.findall(r"""(?:href|src)\s*=\s*["']?([^"'>\s]*)""", page, re.I):
        value = re.sub(r"[\x00-\x20]", "", entities.unescape(value)).lower()
        assert not value.startswith(("javascript", "vbscript", "data:text")), page
    assert not re.search(r"<img[^>]*src=.?https?:", page)
    seen = entities.unescape(re.sub(r"<!--.*?-->|</?wbr>", "", page))
    assert not re.search(rf"\\({'|'.join(COMMANDS)})(?![A-Za-z])", seen), page


@given(st.lists(pieces | st.text(max_size=5), max_size=12).map("".join))
@example("$\\href{javascript:alert(1)}{x}$")
@example("$\\hr<wbr>ef{javascript:alert(1)}{x}$")
def test_html(source):
    harmless(clean.html(source))
    outputs = [{"output_type": "display_data", "data": {"text/html": source, "text/plain": source}}]
    [shown] = clean.clean_outputs(outputs)
    harmless(shown["data"].get("text/html", ""))
    assert not re.search(r"\x1b[^\[]|\x9b", shown["data"]["text/plain"])


@given(st.lists(pieces | st.text(max_size=5), max_size=12).map("".join))
def test_what_a_card_repeats_reaches_into_no_page(source):
    page = f"<p>{entities.escape(source)}</p>"
    [shown] = clean.clean_texts([{"output_type": "display_data", "data": {"text/html": page}}])
    harmless(shown["data"]["text/html"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | pieces,
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["output_type", "data", "name", "text", "ename", "evalue", "traceback", "text/html", "image/png",
                 "image/svg+xml", "text/latex", "metadata", "application/javascript"]
            )
            | st.text(max_size=3),
            inner | st.sampled_from(["stream", "error", "display_data", "execute_result"]),
            max_size=5,
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_outputs_of_any_form_become_outputs_of_nbformat(found):
    import nbformat

    outputs = clean.clean_outputs(found)
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.from_dict(o) for o in outputs])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    for output in outputs:
        for kind, value in output.get("data", {}).items():
            assert kind in (
                "text/plain",
                "text/html",
                "image/png",
                "image/jpeg",
                "image/gif",
                "image/webp",
            )
            if kind == "text/html":
                harmless(value)
