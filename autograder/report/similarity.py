"""Near-identical answers, found by the shape of the code.

Names, numbers, texts, comments and layout do not count: an answer becomes the sequence of its
syntax tree's nodes, and the sequence a set of fingerprints (winnowing; Schleimer, Wilkerson and Aiken,
"Winnowing: local algorithms for document fingerprinting", SIGMOD 2003, section 3). What stands in the
release, in the solution or in many submissions is everybody's. Short right answers look alike, so
a pair needs a good deal in common before it is shown.
"""

from __future__ import annotations

import ast
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from autograder.grade.assignment import parse

GRAM = 16  # nodes in a fingerprint
WINDOW = 6  # one of so many neighboring ones is kept
SHARED = 8  # fingerprints that a pair must share
ALIKE = 0.7  # and as a share of the smaller one's
COMMON = 0.05  # what more than this share of the class has is everybody's

Prints = dict[int, int]  # fingerprint -> line


@dataclass(frozen=True)
class Pair:
    """Two submissions with the same shape of code, and the lines where it shows."""

    first: str
    second: str
    alike: float
    shared: int
    first_lines: str
    second_lines: str


def shape(source: str) -> list[tuple[str, int]]:
    """The kinds of the nodes of a piece of code, in order, with their lines."""
    found: list[tuple[str, int]] = []

    def visit(node: ast.AST, line: int) -> None:
        line = getattr(node, "lineno", line)
        if isinstance(node, ast.expr_context | ast.Load):
            return
        word = type(node).__name__
        if isinstance(node, ast.Constant):
            word = type(node.value).__name__
        elif isinstance(node, ast.Attribute):
            word = f".{node.attr}"  # methods are part of the idea
        found.append((word, line))
        body = list(ast.iter_child_nodes(node))
        for child in body:
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue  # a docstring
            visit(child, line)

    try:
        for statement in parse(source).body:
            visit(statement, 1)
    except RecursionError:
        return []
    return found


def fingerprints(source: str) -> Prints:
    """A few hashes that stand for a piece of code, with the lines they come from."""
    words = shape(source)
    grams = [
        (zlib.crc32(" ".join(w for w, _ in words[i : i + GRAM]).encode()), words[i][1])
        for i in range(len(words) - GRAM + 1)
    ]
    kept: Prints = {}
    for i in range(max(1, len(grams) - WINDOW + 1)):
        window = grams[i : i + WINDOW]
        if window:
            code, line = min(window)
            kept.setdefault(code, line)
    return kept


def pairs(
    submissions: Mapping[str, Mapping[str, str]], everybodys: Iterable[str] = ()
) -> Iterator[Pair]:
    """Pairs among ``{student: {cell: source}}``; code in ``everybodys`` does not count."""
    known = {code for source in everybodys for code in fingerprints(source)}
    prints: dict[str, dict[int, tuple[str, int]]] = {}
    count: Counter[int] = Counter()
    for student, cells in submissions.items():
        mine: dict[int, tuple[str, int]] = {}
        for cell, source in cells.items():
            for code, line in fingerprints(source).items():
                if code not in known:
                    mine.setdefault(code, (cell, line))
        prints[student] = mine
        count.update(mine.keys())
    most = max(3, COMMON * len(submissions))
    holders: dict[int, list[str]] = defaultdict(list)
    for student, mine in prints.items():
        for code in list(mine):
            if count[code] > most:
                del mine[code]
            else:
                holders[code].append(student)
    together: Counter[tuple[str, str]] = Counter()
    for students in holders.values():
        together.update(combinations(sorted(students), 2))
    for (a, b), shared in together.most_common():
        alike = shared / min(len(prints[a]), len(prints[b]))
        if shared < SHARED:
            return
        if alike >= ALIKE:
            codes = prints[a].keys() & prints[b].keys()
            yield Pair(a, b, alike, shared, _lines(prints[a], codes), _lines(prints[b], codes))


def _lines(prints: Mapping[int, tuple[str, int]], codes: Iterable[int]) -> str:
    """``layer-answer lines 2-9`` for each cell that takes part."""
    places: dict[str, list[int]] = defaultdict(list)
    for code in codes:
        cell, line = prints[code]
        places[cell].append(line)
    return "; ".join(f"{cell} lines {min(x)}-{max(x)}" for cell, x in sorted(places.items()))
