"""One battery over every lesson: its arc, its language, what it may use, and that it runs."""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize

import nbformat
import pytest
from nbclient import NotebookClient

import dlcore
from autograder import demo
from autograder.author import build
from autograder.check.card import MIME
from autograder.exercises import catalog
from autograder.exercises.allowed import contents
from autograder.grade import run
from dlcore import scratch
from tests.conftest import ROOT, assignment, drawn, one

every_lesson = pytest.mark.parametrize("lesson", catalog.lessons(), ids=lambda x: x.slug)
several_lessons = pytest.mark.parametrize(
    "lesson", drawn(catalog.lessons(), 6), ids=lambda x: x.slug
)

# what every lesson may use, besides what earlier lessons have built
ALWAYS = {"data", "plot", "explore", "crosscheck", "scratch", "backend.device"}


def markdown(lesson) -> list[str]:
    return [c.source for c in build.source_notebook(lesson).cells if c.cell_type == "markdown"]


def execute(nb):
    """Run all cells; errors stay in the outputs. The seconds are each cell's and the kernel's, on a busy machine too."""
    NotebookClient(nb, timeout=300, allow_errors=True, kernel_name="python3").execute()
    return nb


@every_lesson
def test_arc(lesson):
    nb, texts = build.source_notebook(lesson), markdown(lesson)
    whole = "\n".join(texts)
    first = texts[0]
    assert re.match(rf"# {lesson.number} · ", first)
    assert 3 <= len(re.findall(r"^- ", first, re.M)) <= 5  # objectives
    assert "minutes" in first and "**" in first
    early = [c.source for c in nb.cells[:4] if c.cell_type == "code"]
    assert any("explore." in source for source in early), "an explorer within the first screen"
    assert whole.count("Predict, then look") >= 2
    assert whole.count("With numbers") >= 3
    headings = re.findall(r"^#+ (.*)$", whole, re.M)
    for wanted in (
        "question first",
        "Explore",
        "Cross-check",
        "Reflect",
        "What you built",
        "References",
    ):
        assert any(wanted in h for h in headings), wanted
    explore = next(t for t in texts if re.search(r"^## \d+\. Explore", t, re.M))
    assert len(re.findall(r"^\d\. ", explore.split("Explore", 1)[1], re.M)) >= 3
    references = whole.split("## References")[1]
    assert 3 <= len(re.findall(r"^- ", references, re.M)) <= 6
    tasks = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("task")]
    assert 1 <= len(tasks) <= 2 and all("BEGIN MARK SCHEME" in t.source for t in tasks)


def minutes(lesson) -> float:
    """How long somebody careful takes, by an estimate that is on the slow side.

    180 words a minute (of other prose adults read 240: Brysbaert 2019), 3 seconds a line of code that is given,
    4 minutes for an exercise and 30 seconds more for each line of its answer, 4 for a written question,
    2 for a challenge. Waiting hints are not counted.
    """
    nb, spent = build.source_notebook(lesson), 0.0
    spent += 4 * len(lesson.exercises)
    for cell in nb.cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown":
            text = re.sub(r"(?s)<details>.*?</details>|=== BEGIN MARK.*", "", cell.source)
            words = re.findall(r"[\w'’-]+", re.sub(r"\$[^$]*\$|<[^>]+>", " x ", text))
            spent += len(words) / 180 + 4 * bool(about.get("task"))
            if re.search(r"^## \d+\. Explore", text, re.M):
                spent += 2 * len(re.findall(r"^\d\. ", text, re.M))
        elif not about.get("grade"):
            given, *answers = re.split(r"### BEGIN SOLUTION|### END SOLUTION", cell.source)
            for k, part in enumerate((given, *answers)):
                lines = [line for line in part.splitlines() if line.strip()]
                spent += len(lines) * (0.5 if k % 2 else 0.05)
    return spent


@every_lesson
def test_somebody_careful_is_done_in_the_stated_time(lesson):
    stated = int(re.search(r"\*\*Time:\*\* about (\d+) minutes", markdown(lesson)[0])[1])
    assert 60 <= stated <= 120
    assert minutes(lesson) <= stated, f"{minutes(lesson):.0f} minutes"


@every_lesson
def test_every_exercise_has_signature_docstring_and_staged_hints(lesson):
    nb = build.source_notebook(lesson)
    cells = {cell.id: i for i, cell in enumerate(nb.cells)}
    for exercise in lesson.exercises:
        place = cells[f"{exercise.function}-answer"]
        answer = ast.parse(nb.cells[place].source).body[0]  # a function or a class
        doc = ast.get_docstring(answer)
        assert doc and "->" in doc, exercise.name
        assert 2 <= nb.cells[place - 1].source.count("<details>") <= 3, exercise.name
        assert cells[exercise.function] == place + 1


@every_lesson
def test_language(lesson):
    for text in markdown(lesson):
        prose = re.sub(r"`[^`]*`|<code>.*?</code>|https?://\S+", "", text)
        assert not re.search("[\U0001f300-\U0001faff]", text), "no emoji"
        assert not re.search(r"\b(simply|obviously|easy|easily|trivial)\b", prose), text


@every_lesson
def test_uses_only_what_earlier_lessons_have_built(lesson):
    source = lesson.source.read_text()
    built = {name for name, number in contents(dlcore).items() if number < lesson.number}
    written = {name for name, number in contents(scratch).items() if number < lesson.number}
    if lesson.name == "training":
        written.add("debugging")  # scripts with a wrong line each, to be read there
    used, by_hand = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dlcore":
            _, *parts = node.module.split(".")
            names = [[*parts, alias.name] for alias in node.names]
            by_hand |= {name[1] for name in names if name[0] == "scratch"}
            used |= {".".join(name[:2]) if name[0] == "backend" else name[0] for name in names}
        elif isinstance(node, ast.Import):
            used |= {a.name for a in node.names if a.name.split(".")[0] in {"dlcore", "torch"}}
    assert used <= built | ALWAYS
    assert by_hand <= written


@every_lesson
def test_an_import_of_what_was_written_says_in_which_lesson(lesson):
    lines = re.findall(
        r"^from dlcore\.scratch\.(\w+) import [^#\n]*(.*)$", lesson.source.read_text(), re.M
    )
    for name, comment in lines:
        assert comment == f"# lesson {contents(scratch)[name]}", (name, comment)


def tokens(source: str) -> list[str]:
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    try:
        found = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError):
        return source.split()
    return [t.string for t in found if t.type not in skipped and t.string]


def bodies(source: str, name: str) -> list[list[str]]:
    """The tokens of a function's body without its docstring; of a class, its methods'."""
    (found,) = [n for n in ast.parse(source).body if getattr(n, "name", "") == name]
    result = []
    for node in ast.walk(found):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__":
            body = node.body[1:] if ast.get_docstring(node) else node.body
            result.append(tokens("\n".join(ast.unparse(part) for part in body)))
    return result


@every_lesson
def test_no_answer_leaks(lesson):
    """No run of 12 tokens of a solution, or of a twin, stands in what students open."""
    released = nbformat.reads(build.release_text(lesson), as_version=4)
    text = " " + " ".join(" ".join(tokens(cell.source)) for cell in released.cells) + " "
    answers = [
        tokens(ast.unparse(ast.parse(textwrap.dedent(region))))
        for cell in build.source_notebook(lesson).cells
        for region in re.findall("### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.S)
    ]
    for exercise in lesson.exercises:
        module, _, name = exercise.twin.rpartition(".")
        path = ROOT / (module.replace(".", "/") + ".py")
        answers += bodies(path.read_text(), name)
    assert answers
    for answer in answers:
        for i in range(len(answer) - 11):
            run = " " + " ".join(answer[i : i + 12]) + " "
            assert run not in text, run
    assert "BEGIN SOLUTION" not in text and "MARK SCHEME" not in text


@every_lesson
def test_grading_need_not_run_what_only_shows(lesson):
    """No cell outside ``with when_written`` uses what such blocks set; else grading would run them all."""
    a = assignment(lesson)
    blocks = [c for c in a.code if re.search("^with when_written", c.source, re.M)]
    assert len(blocks) > 3
    # and what only shows a package that is not there when grading
    assert {*a.shorter} == {c.source for c in blocks} | {*a.without_packages}
    withheld = re.compile(rf"\b(import|from) ({'|'.join(a.withheld)})\b")
    assert {c.source for c in a.code if withheld.search(c.source)} <= {*a.without_packages}
    assert not any(map(withheld.search, a.without_packages.values()))
    answered = demo.answered(lesson, {e.function: demo._REFERENCE for e in lesson.exercises})
    assert not run._needs(answered, a)


@pytest.mark.slow
@several_lessons
def test_with_the_solutions_it_runs_in_silence(lesson):
    nb = execute(build.source_notebook(lesson))
    printed = outputs_as_text(nb)
    assert measured(lesson)
    for claim in measured(lesson):
        assert claim in printed, claim
    elsewhere = " | ".join(c for other in catalog.lessons() for c in measured(other))
    for share in shares(lesson):
        assert re.search(rf"(?<![\d.]){share} ?%", printed + elsewhere), f"{share} %: who says so?"
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", (cell.id, output)
            assert output.get("name") != "stderr", (cell.id, output.get("text"))
            data = output.get("data", {})
            assert "image/png" not in data, f"{cell.id}: end the cell with plot.show(...)"
            for alt in re.findall('<img alt="([^"]*)"', data.get("text/html", "")):
                assert len(alt) > 40, cell.id
            if MIME in data:
                payload = data[MIME]
                assert payload["points"] == payload["max_points"], payload


@pytest.mark.daily(2)
@pytest.mark.slow
@pytest.mark.parametrize(
    "lesson",
    one([x for x in catalog.lessons() if "\nlonger = False" in x.source.read_text()]),
    ids=lambda x: x.slug,
)
def test_what_takes_longer_gives_what_is_said_of_it(lesson):
    """Cells that wait until the learner sets ``longer`` to True."""
    nb = build.source_notebook(lesson)
    for cell in nb.cells:
        cell.source = cell.source.replace("longer = False", "longer = True")
    NotebookClient(nb, timeout=300, kernel_name="python3").execute()
    printed = outputs_as_text(nb)
    claims = measured(lesson, "longer")
    assert claims and all(claim in printed for claim in claims), printed


def outputs_as_text(nb) -> str:
    found = []
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            found.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(found)


def measured(lesson, word: str = "measured") -> list[str]:
    """What the prose says was measured: ``<!-- measured: this | that -->``, as the cells print it."""
    claims = re.findall(rf"<!-- {word}: (.*?) -->", "\n".join(markdown(lesson)))
    return [part for claim in claims for part in claim.split(" | ")]


def shares(lesson) -> set[str]:
    """Every percentage of the prose that is exact enough to have been measured."""
    prose = re.sub("<!--.*?-->", "", "\n".join(markdown(lesson)), flags=re.S)
    return set(re.findall(r"(?<![\d.])(\d+\.\d+)(?: |&nbsp;)?%", prose))


@pytest.mark.slow
@several_lessons
def test_as_released_it_runs_to_the_end_and_scores_nothing(lesson):
    nb = execute(nbformat.reads(build.release_text(lesson), as_version=4))
    checks = 0
    waiting = ""
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", (cell.id, output)
            data = output.get("data", {})
            if MIME in data:
                checks += 1
                assert data[MIME]["points"] == 0
                assert data[MIME]["failure"]["kind"] == "not written yet"
            waiting += data.get("text/plain", "") if output.output_type == "display_data" else ""
    assert checks == len(lesson.exercises)
    assert "This cell waits for" in waiting


@every_lesson
def test_files_that_the_text_sends_to_are_there(lesson):
    for text in markdown(lesson):
        for path in re.findall(r"`((?:dlcore|autograder|solutions)/[\w/.]*)`", text):
            assert (ROOT / path).exists(), path
