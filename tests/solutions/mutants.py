"""Small mistakes made in a right answer, one at a time.

Each mutant is the answer's source with one place changed: a sign, an operand, an axis, a constant,
a line. A check that gives one of them full points does not look closely enough, unless the mutant
computes the same (DeMillo, Lipton and Sayward, 1978, Hints on test data selection).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """``what`` was done, as "before -> after" of the smallest piece that shows it."""

    what: str
    source: str


_SWAPPED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_TURNED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
_NAMES = {
    "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum", "sum": "mean", "mean": "sum", "argmax": "argmin",
    "argmin": "argmax", "exp": "expm1", "log": "log1p", "log1p": "log", "tanh": "sinh", "zeros": "ones", "ones": "zeros", "std": "var", "var": "std",
    "sqrt": "square", "abs": "negative", "append": "extend", "cumsum": "cumprod", "sin": "cos", "cos": "sin",
}  # fmt: skip


def mutants(source: str) -> list[Mutant]:
    """Every mutant of an answer, each once; what a cell gives, outside the marks, stays."""
    tree = ast.parse(source)
    lines = source.splitlines()
    begun = [i for i, line in enumerate(lines, 1) if "### BEGIN SOLUTION" in line] or [0]
    ended = [i for i, line in enumerate(lines, 1) if "### END SOLUTION" in line] or [len(lines) + 1]
    ours = {i for a, b in zip(begun, ended, strict=True) for i in range(a, b)}
    method = {
        child: f"{function.name}: "
        for kind in ast.walk(tree) if isinstance(kind, ast.ClassDef)
        for function in kind.body if isinstance(function, ast.FunctionDef)
        for child in ast.walk(function)
    }  # fmt: skip
    found: dict[str, Mutant] = {}
    places = [(parent, name, i) for parent in ast.walk(tree) for name, i in _fields(parent)]
    for parent, name, i in places:
        node = _get(parent, name, i)
        if getattr(node, "lineno", getattr(parent, "lineno", 0)) not in ours:
            continue
        for other in _changes(node, parent, name):
            _set(parent, name, i, other)
            text = ast.unparse(ast.fix_missing_locations(tree))
            _set(parent, name, i, node)
            before = ast.unparse(node) if isinstance(node, ast.AST) else str(node)
            after = ast.unparse(other)
            if text not in found and text != ast.unparse(tree):
                found[text] = Mutant(f"{method.get(node, '')}{before} -> {after}", text)
    for body in [
        b for n in ast.walk(tree) for b in (getattr(n, "body", None),) if isinstance(b, list)
    ]:
        for i, statement in enumerate(body):
            if not isinstance(
                statement,
                ast.Expr | ast.Assign | ast.AugAssign | ast.If | ast.For | ast.Continue | ast.Break,
            ):
                continue
            if statement.lineno not in ours:
                continue
            body[i] = ast.Pass()
            text = ast.unparse(ast.fix_missing_locations(tree))
            body[i] = statement
            first = ast.unparse(statement).splitlines()[0]
            found.setdefault(text, Mutant(f"{method.get(statement, '')}{first} -> nothing", text))
    return list(found.values())


def _fields(node: ast.AST) -> Iterator[tuple[str, int | None]]:
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_comment", "ctx"}:
            continue
        if isinstance(value, list):
            yield from ((name, i) for i, item in enumerate(value) if isinstance(item, ast.AST))
        elif isinstance(value, ast.AST):
            yield name, None


def _get(parent: ast.AST, name: str, i: int | None) -> ast.AST:
    value = getattr(parent, name)
    return value if i is None else value[i]


def _set(parent: ast.AST, name: str, i: int | None, node: ast.AST | None) -> None:
    if i is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[i] = node


def _changes(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    def but(**changed: object) -> ast.AST:
        other = copy.copy(node)
        for key, value in changed.items():
            setattr(other, key, value)
        return other

    if isinstance(parent, ast.Expr) and isinstance(node, ast.Constant):
        return  # a docstring
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            if type(op) in _SWAPPED:
                yield but(op=_SWAPPED[type(op)]())
            if isinstance(op, ast.Sub | ast.Div | ast.MatMult | ast.Pow | ast.FloorDiv | ast.Mod):
                yield but(left=right, right=left)
            yield left
            yield right
        case ast.AugAssign(target=target, op=op, value=value):
            if type(op) in _SWAPPED:
                yield but(op=_SWAPPED[type(op)]())
            yield ast.Assign([target], value)
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield operand
        case ast.Compare(ops=[op]):
            if type(op) in _SWAPPED:
                yield but(ops=[_SWAPPED[type(op)]()])
            if type(op) in _TURNED:
                yield but(ops=[_TURNED[type(op)]()])
        case ast.BoolOp(op=op, values=[first, *rest]):
            yield but(op=_SWAPPED[type(op)]())
            yield first
            yield rest[-1]
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield from (ast.Constant(v) for v in {value + 1, value - 1, -value} - {value})
        case ast.Constant(value=float() as value):
            yield from (ast.Constant(v) for v in {value * 1.5 + 0.1, -value} - {value})
        case ast.Attribute(value=inner, attr="T"):
            yield inner
        case ast.Attribute(attr=attr) if attr in _NAMES:
            yield but(attr=_NAMES[attr])
        case ast.Name(id=name_) if (
            name_ in _NAMES and isinstance(parent, ast.Call) and name == "func"
        ):
            yield but(id=_NAMES[name_])
        case ast.Call(func=function, args=args, keywords=keywords):
            for i in range(len(keywords)):
                yield but(keywords=keywords[:i] + keywords[i + 1 :])
            if len(args) == 2:
                yield but(args=args[::-1])
            if len(args) == 1 and not keywords:
                yield args[0]  # the call left out
            if isinstance(function, ast.Attribute) and not args:
                yield function.value
        case ast.IfExp(body=body, orelse=orelse):
            yield but(body=orelse, orelse=body)
            yield body
            yield orelse
        case ast.Tuple(elts=[first, second, *rest], ctx=ast.Load()):
            yield but(elts=[second, first, *rest])
        case ast.Subscript(value=inner, ctx=ast.Load()):
            yield inner
        case ast.Slice(lower=lower, upper=upper, step=step) if lower or upper or step:
            yield ast.Slice()
