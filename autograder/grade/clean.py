"""Make what a student's process showed safe to look at, and valid as a notebook's output.

The outputs come from a process that the student controls, and are opened in the instructor's browser,
by the formgrader among others. HTML is sanitized by nh3 (ammonia); scripts, remote pictures and
control sequences are taken out; what is not of a known kind is dropped.
"""

from __future__ import annotations

import base64
import binascii
import re
from html import escape
from typing import Any

import nh3
from jinja2 import pass_context
from nbformat import NotebookNode

# colors ("\x1b[0;31m") stay: Jupyter shows them; every other control sequence goes
_CONTROL = re.compile(
    r"\x1b\[[0-9;]*m"
    r"|(\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[P^_X][^\x1b]*(?:\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b.?|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\x80-\x9f])"
)
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
# MathJax reads over <wbr> in a command
_TAGS = (nh3.ALLOWED_TAGS | {"img", "details", "summary"}) - {"wbr"}
# commands of TeX that reach into the page
_TEX = re.compile(
    r"\\(href|url|require|style|cssId|class|unicode|mmlToken|HTML|data|csname|includegraphics)(?![A-Za-z])"
)
_ATTRIBUTES = {
    "*": {"title", "align", "colspan", "rowspan", "scope", "class"},
    "img": {"src", "alt", "width", "height"},
}


def text(value: Any, most: int = 300_000) -> str:
    """Text without control sequences other than colors."""
    if isinstance(value, list):
        value = "".join(x for x in value if isinstance(x, str))
    if not isinstance(value, str):
        return ""
    value = value[:most].encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(lambda m: "" if m[1] else m[0], value)


def html(value: str) -> str:
    """HTML that runs nothing and loads nothing: pictures must be in the page itself."""
    value = value[:2_000_000]
    if not _shallow(value):
        return f"<pre>{escape(value[:100_000])}</pre>"
    page = nh3.clean(
        value,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "data"},
        attribute_filter=_only_embedded,
        link_rel="noopener noreferrer nofollow",
    )
    return harmless_math(page)


MOST_TAGS, DEEPEST = 30_000, 60
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})")
_CLOSED_BY_THE_NEXT = {"li", "td", "th", "tr", "dt", "dd", "br", "img", "hr", "input", "col", "thead", "tbody", "tfoot", "option"}  # fmt: skip


def _shallow(value: str) -> bool:
    """Whether a page can be cleaned in time: a parser of HTML takes long for tags within tags within tags."""
    depth = 0
    for count, tag in enumerate(_TAG.finditer(value)):
        if tag[2].lower() not in _CLOSED_BY_THE_NEXT:
            depth = max(0, depth - 1) if tag[1] else depth + 1
        if count > MOST_TAGS or depth > DEEPEST:
            return False
    return True


def harmless_math(page: str) -> str:
    """A page whose formulas cannot reach into it: MathJax reads them in outputs, too."""
    return _TEX.sub(r"\\text{\1}", page)


@pass_context
def markdown(context: Any, source: str) -> str:
    """A text cell as HTML, in the place of nbconvert's filter ``markdown2html``."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    cell = context.get("cell", {})
    renderer = IPythonRenderer(
        escape=False, attachments=cell.get("attachments", {}), exclude_anchor_links=True
    )
    return html(MarkdownWithMath(renderer=renderer).render(source))


def fence_raw_cells(nb: NotebookNode) -> None:
    """Raw cells go into a page as they are; as a block of code they are only looked at."""
    for cell in nb.cells:
        if cell.cell_type == "raw":
            fence = "`" * (max((len(m) for m in re.findall("`+", cell.source)), default=2) + 1)
            cell.cell_type = "markdown"
            cell.source = (
                f"{max(fence, '```', key=len)}\n{cell.source}\n{max(fence, '```', key=len)}"
            )


def _only_embedded(tag: str, attribute: str, value: str) -> str | None:
    if tag == "img" and attribute == "src":
        return (
            value if re.match(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,", value) else None
        )
    if attribute == "href" and value.strip().lower().startswith("data:"):
        return None
    return value


def clean_outputs(found: Any) -> list[dict[str, Any]]:
    """Outputs in nbformat's words, whatever ``found`` is."""
    outputs = []
    for output in found[:2000] if isinstance(found, list) else ():
        if isinstance(output, dict) and (clean := _clean(output)) is not None:
            outputs.append(clean)
    return outputs


def clean_texts(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Our own test's outputs, which may repeat a student's words: pages stay, texts are cleaned."""
    for output in outputs:
        if "data" in output:
            data = output["data"]
            data |= {k: text(v) for k, v in data.items() if k == "text/plain"}
            data |= {k: harmless_math(v) for k, v in data.items() if k == "text/html"}
        else:
            output |= _clean(output) or {}
    return outputs


def _clean(output: dict[str, Any]) -> dict[str, Any] | None:
    match output.get("output_type"):
        case "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            return {"output_type": "stream", "name": name, "text": text(output.get("text"))}
        case "error":
            trace = output.get("traceback")
            return {
                "output_type": "error",
                "ename": text(output.get("ename"), 200),
                "evalue": text(output.get("evalue"), 10_000),
                "traceback": [text(x, 10_000) for x in (trace if isinstance(trace, list) else [])][
                    :100
                ],
            }
        case "display_data" | "execute_result" as kind:
            data = output.get("data")
            bundle = _bundle(data) if isinstance(data, dict) else {}
            if not bundle:
                return None
            shown: dict[str, Any] = {"output_type": kind, "data": bundle, "metadata": {}}
            if kind == "execute_result":
                shown["execution_count"] = None
            return shown
    return None


def _bundle(data: dict[str, Any]) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for kind, value in data.items():
        if kind == "text/plain":
            clean[kind] = text(value)
        elif kind in _PICTURES and isinstance(value, str) and _is_base64(value):
            clean[kind] = value
        elif kind == "text/html":
            clean[kind] = html(text(value, 2_000_000))
        elif kind == "image/svg+xml" and isinstance(value, str):
            # as a picture its scripts do not run and its links load nothing
            embedded = base64.b64encode(value.encode("utf-8", "replace")).decode()
            clean.setdefault("text/html", f'<img src="data:image/svg+xml;base64,{embedded}">')
        elif kind == "text/latex":
            clean.setdefault("text/plain", text(value))
    return clean


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value[:400].rstrip()[: len(value[:400].rstrip()) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return False
    return re.fullmatch(r"[A-Za-z0-9+/=\s]*", value) is not None
