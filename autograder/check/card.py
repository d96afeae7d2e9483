"""The card that a check shows: what passed, what did not, and what to think about next.

``summarize`` turns a verdict into plain data (the payload); ``to_html`` and ``to_text``
render that data. The payload also travels in the notebook's output, under ``MIME``, so that
feedback pages and reports are made from the same facts.
"""

from __future__ import annotations

import html
import inspect
import re
from typing import Any

import numpy as np

from autograder.check.limits import Lost
from autograder.check.verdict import Kind, Outcome, PartResult, Verdict
from autograder.exercises.exercise import Case, Exercise, call

MIME = "application/vnd.dlcourse.check.v1+json"

# blue and orange: told apart by colour-blind people, and legible on light and dark themes
_RIGHT, _WRONG = "#1f77b4", "#d95f02"


def summarize(verdict: Verdict, *, library: str, seed: int | None, grading: bool) -> dict[str, Any]:
    """The verdict as JSON-ready data. When grading, drawn inputs are described, not shown."""
    exercise = verdict.exercise
    payload: dict[str, Any] = {
        "exercise": exercise.name,
        "points": verdict.points,
        "max_points": exercise.points,
        "oracle": library,
        "seed": seed,
        "parts": [_part(result) for result in verdict.parts],
        "misconceptions": [m.name for m in verdict.misconceptions],
    }
    if result := verdict.first_failure:
        payload["failure"] = _failure(verdict, result, grading)
    warnings = [
        outcome.warning
        for result in verdict.parts
        for case, outcome in zip(result.cases, result.outcomes, strict=True)
        if outcome.warning and not (grading and case.hidden)
    ]
    if warnings and not verdict.first_failure:
        payload["note"] = f"All right. NumPy warned on the way, which costs nothing: {warnings[0]}."
    return _capped(payload)


LONGEST = 10_000  # characters of one text: names and messages may come from the student


def _capped(found: Any) -> Any:
    """The same data; texts that nobody would read to their end are cut off."""
    if isinstance(found, dict):
        return {key: _capped(value) for key, value in found.items()}
    if isinstance(found, list):
        return [_capped(value) for value in found]
    if isinstance(found, str) and len(found) > LONGEST:
        return f"{found[:LONGEST]} ... ({len(found):,} characters)"
    return found


def share_of(payload: dict[str, Any], worth: float) -> dict[str, Any]:
    """The payload where its instructor has given the exercise ``worth`` points."""
    full = payload["max_points"]

    def scaled(found: dict[str, Any]) -> dict[str, Any]:
        now = {key: found[key] / full * worth for key in ("points", "max_points")}
        return found | now

    if not full or full == worth:
        return payload
    return scaled(payload) | {"parts": [scaled(part) for part in payload["parts"]]}


def _part(result: PartResult) -> dict[str, Any]:
    failure = result.failure
    return {
        "name": result.part.name,
        "points": result.points,
        "max_points": result.part.points,
        "kind": str(failure[2].kind if failure else Kind.RIGHT),
    }


def _failure(verdict: Verdict, result: PartResult, grading: bool) -> dict[str, Any]:
    assert result.failure is not None
    case, expected, outcome = result.failure
    misconception = result.misconception
    failure: dict[str, Any] = {
        "part": result.part.name,
        "kind": str(outcome.kind),
        "message": outcome.message,
        "hint": misconception.hint if misconception else "",
    }
    if outcome.kind in {Kind.NOT_WRITTEN, Kind.FORBIDDEN, Kind.NOT_RUN}:
        return failure
    hide = grading and case.hidden
    failure["input"] = [
        [name, describe(value) if hide else show(value)]
        for name, value in arguments(verdict.exercise, case).items()
    ]
    if hide:
        given = list(arguments(verdict.exercise, case).values())
        failure["message"] = _without_values(outcome, {0, 1} | _sizes(given) | _sizes(expected))
        return failure
    names = verdict.exercise.returns
    if not verdict.exercise.secret:
        failure["expected"] = _show_result(expected, names)
    elif outcome.kind is Kind.WRONG_VALUE:
        failure["message"] = "That is not it."
    if outcome.kind not in {Kind.RAISED, Kind.TOO_SLOW}:
        failure["got"] = _show_result(outcome.got, names)
    return failure


def _without_values(outcome: Outcome, sizes: set[int]) -> str:
    """What may be said of a case that is not shown. An exception's text, the name of a class, the sizes of
    a result can each be made to hold the numbers of the input."""
    match outcome.kind:
        case Kind.WRONG_VALUE:
            return "The result is wrong for an input drawn at random when grading."
        case Kind.RAISED if outcome.got != Lost.__name__:
            _, *where = outcome.message.split("\n")
            return "\n".join([str(outcome.got), *where])
        case Kind.WRONG_TYPE if not _TYPES.search(outcome.message):
            return "Your result is of another type than the one asked for."
        case Kind.WRONG_SHAPE if not _shape(outcome.got) <= sizes:
            return "Your result has another shape than the one asked for."
        case Kind.WRONG_DTYPE if not _DTYPES.search(outcome.message):
            return "Your result has another dtype than the one asked for."
    return outcome.message


# what may be named: types that everybody knows, up to nine results
_TYPES = re.compile(
    r"returned [0-9] values|(is|returned) (None|an? (bool|int|float|complex|str|list|tuple|dict|set|function|"
    r"ndarray|Tensor|generator|range|bytes|matrix|map|zip|filter|method|type))[;.]"
)
_DTYPES = re.compile(r"dtype (float|int|uint|complex|bool|object)[0-9]*[;,. ]|contains None;")


def _shape(got: Any) -> set[int]:
    return set(got.shape) if isinstance(got, np.ndarray) and got.ndim <= 4 else {-1}


def _sizes(values: Any) -> set[int]:
    """The sizes of all arrays in the case: they are said anyway."""
    if isinstance(values, np.ndarray):
        return set(values.shape)
    if isinstance(values, list | tuple):
        return {len(values)}.union(*map(_sizes, values))
    return set()


def arguments(exercise: Exercise, case: Case) -> dict[str, Any]:
    """The arguments of a case by name: those of the driver, or of the twin if it is called plainly."""
    if exercise.driver is call:
        return dict(
            inspect.signature(exercise.right_answer).bind(*case.args, **case.kwargs).arguments
        )
    bound = inspect.signature(exercise.driver).bind(None, *case.args, **case.kwargs).arguments
    return dict(list(bound.items())[1:])


def show(value: Any) -> str:
    """A value as its learner should see it: shortened, with shape and dtype."""
    if callable(value):
        return str(getattr(value, "__name__", "a function"))
    if isinstance(value, list | tuple) and value and isinstance(value[0], np.ndarray):
        return f"{len(value)} arrays: " + ", ".join(map(describe, value[:3]))
    try:
        text = _show_array(value) if isinstance(value, np.ndarray) and value.ndim else _show(value)
    except Exception:  # a class of the learner's own, or lists in lists in lists
        return f"{describe(value)}, which cannot be shown"
    return text if len(text) <= 200 or isinstance(value, np.ndarray) else text[:197] + "..."


def _show(value: Any) -> str:
    value = value.item() if isinstance(value, np.ndarray) else value
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _show_array(value: Any) -> str:
    if value.dtype.kind == "f":
        value = value + 0.0  # so that no -0. puzzles anyone
    text = np.array2string(
        value,
        precision=4,
        suppress_small=False,
        threshold=24,
        edgeitems=2 if value.ndim < 3 else 1,  # corners of a block, or it fills the screen
        separator=", ",
    )
    text = re.sub(r"\n\s*\n", "\n", text)  # NumPy puts empty lines between blocks
    return f"{text}   {describe(value)}"


def describe(value: Any) -> str:
    """Shape and dtype, without the numbers."""
    if isinstance(value, np.ndarray):
        return f"shape {value.shape}, {value.dtype}"
    if isinstance(value, list | tuple) and value and isinstance(value[0], np.ndarray):
        return f"{len(value)} arrays: " + ", ".join(map(describe, value[:3]))
    return "a number" if isinstance(value, int | float | np.generic) else type(value).__name__


def _show_result(value: Any, names: Any) -> str:
    if isinstance(value, tuple) and len(value) == len(names):
        return "\n".join(f"{name} = {show(item)}" for name, item in zip(names, value, strict=True))
    return show(value)


def number(value: float) -> str:
    """2 for 2.0, 1.5 for 1.5."""
    return f"{value:g}"


def heading(payload: dict[str, Any]) -> str:
    return f"{number(payload['points'])} of {number(payload['max_points'])} points"


def rows(failure: dict[str, Any]) -> list[tuple[str, str]]:
    """The labeled lines that tell a failure: inputs, expected, got."""
    lines = [(name, text) for name, text in failure.get("input", [])]
    lines += [(key, failure[key]) for key in ("expected", "got") if key in failure]
    return lines


def to_text(payload: dict[str, Any]) -> str:
    """The card for a terminal."""
    if problem := payload.get("problem"):
        return f"check: {problem}"
    lines = [f"{payload['exercise']}: {heading(payload)}"]
    for part in payload["parts"]:
        passed = part["kind"] == Kind.RIGHT
        mark, fault = ("ok ", "") if passed else ("NO ", f": {part['kind']}")
        worth = f"({number(part['points'])}/{number(part['max_points'])})"
        lines.append(f"  {mark} {part['name']} {worth}{fault}")
    if failure := payload.get("failure"):
        lines.append(_indent(failure["message"], "  "))
        width = max((len(name) for name, _ in rows(failure)), default=0)
        for name, text in rows(failure):
            lines.append(_indent(text, " " * (width + 6), f"    {name:<{width}}  "))
        if failure["hint"]:
            lines.append(f"  Hint: {failure['hint']}")
    if note := payload.get("note"):
        lines.append(f"  {note}")
    return "\n".join(lines)


def _indent(text: str, rest: str, first: str | None = None) -> str:
    head, *tail = text.split("\n")
    return "\n".join([(rest if first is None else first) + head, *(rest + line for line in tail)])


def to_html(payload: dict[str, Any]) -> str:
    """The card for a notebook or a page; every text in it is escaped."""
    if problem := payload.get("problem"):
        return _box(_WRONG, f"<b>{html.escape(problem)}</b>")
    body = [
        f"<b>{html.escape(payload['exercise'])}</b> &nbsp; {heading(payload)}",
        parts_html(payload["parts"]),
    ]
    if failure := payload.get("failure"):
        body.append(failure_html(failure))
    if note := payload.get("note"):
        body.append(f'<p style="margin:.4em 0">{html.escape(note)}</p>')
    done = payload["points"] == payload["max_points"]
    return _box(_RIGHT if done else _WRONG, "".join(body))


def parts_html(parts: list[dict[str, Any]]) -> str:
    """The parts of a check, each with a mark, its points and what was wrong."""
    body = ['<ul style="list-style:none;margin:.4em 0;padding:0">']
    for part in parts:
        passed = part["kind"] == Kind.RIGHT
        mark, color, fault = (
            ("\u2713", _RIGHT, "")
            if passed
            else ("\u2717", _WRONG, f": <b>{html.escape(part['kind'])}</b>")
        )
        said = "passed" if passed else "failed"
        worth = f"{number(part['points'])}/{number(part['max_points'])}"
        body.append(
            f'<li><span role="img" aria-label="{said}" style="color:{color};font-weight:bold">'
            f"{mark}</span> {html.escape(part['name'])} ({worth}){fault}</li>"
        )
    return "".join([*body, "</ul>"])


def failure_html(failure: dict[str, Any]) -> str:
    """The first failing case and its hint."""
    message, *where = failure["message"].split("\n")
    body = [f'<p style="margin:.4em 0">{html.escape(message)}']
    body += [f"<br><code>{html.escape(line.strip())}</code>" for line in where]
    body.append("</p>")
    if lines := rows(failure):
        body.append('<table style="margin:.4em 0;border-collapse:collapse;text-align:left">')
        for name, text in lines:
            body.append(
                '<tr><th scope="row" style="text-align:left;vertical-align:top;'
                f'padding:.1em 1em .1em 0;font-weight:600">{html.escape(name)}</th>'
                '<td style="text-align:left;padding:.1em 0"><pre style="margin:0;background:none;'
                f'white-space:pre-wrap">{html.escape(text)}</pre></td></tr>'
            )
        body.append("</table>")
    if failure["hint"]:
        body.append(f'<p style="margin:.4em 0"><b>Hint.</b> {html.escape(failure["hint"])}</p>')
    return "".join(body)


def _box(color: str, body: str) -> str:
    return (
        f'<div class="dlcourse-check" style="border-left:4px solid {color};'
        'padding:.3em .8em;margin:.3em 0;max-width:60em">' + body + "</div>"
    )
