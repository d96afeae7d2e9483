"""Explorer of lesson 04: a formula as a graph, computed forwards and differentiated backwards, step by step."""

from __future__ import annotations

import ast
import math
from html import escape
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.text import Text

from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Stage
from dlcore.plot import COLORS
from dlcore.scratch.backprop import Value

FORMULAS = (
    "(a * b + c) * a",
    "tanh(a * b)",
    "a * a + b",
    "relu(a * b + c) * 2",
    "(a - b) ** 2 / c",
    "exp(a) / (exp(a) + exp(b))",
)
NAMES = "abc"
BENDS = (0.06, 0.2)  # of the arrows, by turns
FREE = 36  # pixels between an arrow's ends and the middle of their boxes
MOST = 16  # nodes that fit into the picture


class State(NamedTuple):
    """The graph at one step: n nodes in an order in which they can be computed, m arrows.

    ``known`` are the nodes computed by now, ``reached`` those that a gradient has come to,
    ``passed`` the arrows that it has travelled; ``grads`` hold what has arrived so far.
    """

    labels: list[str]
    places: np.ndarray  # (n, 2)
    arrows: np.ndarray  # (m, 2): from, to
    slopes: np.ndarray  # (m,)
    data: np.ndarray  # (n,)
    grads: np.ndarray  # (n,)
    known: np.ndarray  # (n,)
    reached: np.ndarray  # (n,)
    passed: np.ndarray  # (m,)
    steps: int  # how many there are
    now: str  # what this step did


def parse(formula: str, leaves: dict[str, float]) -> Value:
    """The formula as a Value. Raises ValueError, in words for its author."""
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError("this is not a formula that Python can read") from None
    values = {name: Value(x, label=name) for name, x in leaves.items()}
    try:
        result = _build(tree, values)
    except (OverflowError, ZeroDivisionError):
        raise ValueError("this has no finite value for these numbers") from None
    count = len(result.history())
    if count > MOST:
        raise ValueError(f"{count} nodes are too many for the picture; {MOST} fit")
    if not result.parents:
        raise ValueError("a single number has no graph: combine it with something")
    return result


def _build(node: ast.AST, values: dict[str, Value]) -> Value:
    match node:
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Constant(value=int() | float() as number):
            return Value(number, label=f"{number:g}")
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            x = _build(inner, values)
            return Value(-x.data, (x,), (-1.0,), "-")
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() | float() as power)):
            return _build(left, values) ** power
        case ast.BinOp(left=left, op=op, right=right):
            x, y = _build(left, values), _build(right, values)
            match op:
                case ast.Add():
                    return x + y
                case ast.Sub():
                    return Value(x.data - y.data, (x, y), (1.0, -1.0), "-")
                case ast.Mult():
                    return x * y
                case ast.Div():
                    return x / y
        case ast.Call(
            func=ast.Name(id="exp" | "tanh" | "relu" | "log" | "sigmoid" as name), args=[inner]
        ):
            return getattr(_build(inner, values), name)()
    raise ValueError(
        "use a, b, c, numbers, + - * /, ** with a number, exp, log, tanh, sigmoid, relu"
    )


def state(formula: str, leaves: dict[str, float], step: int) -> State:
    """The graph of ``formula`` after ``step`` steps: first each result, then the gradient, arrow by arrow."""
    result = parse(formula, leaves)
    order = result.history()
    index = {id(node): i for i, node in enumerate(order)}
    arrows = [(index[id(p)], i) for i, node in enumerate(order) for p in node.parents]
    slopes = np.array([s for node in order for s in node.slopes])
    labels = [node.op or node.label for node in order]
    computed = [i for i, node in enumerate(order) if node.parents]
    back = [k for i in reversed(range(len(order))) for k, (_, to) in enumerate(arrows) if to == i]
    steps = len(computed) + 1 + len(back)
    step = max(0, min(step, steps))

    known = np.array([not node.parents for node in order])
    known[computed[:step]] = True
    grads, reached = np.zeros(len(order)), np.zeros(len(order), dtype=bool)
    passed = np.zeros(len(arrows), dtype=bool)
    now = "the leaves are given"
    if 0 < step <= len(computed):
        node = order[computed[step - 1]]
        now = f"forward: {_words(node)} = {node.data:.4g}"
    if step > len(computed):
        grads[-1], reached[-1] = 1.0, True
        now = "backward: the result changes 1 for 1 with itself"
        for k in back[: step - len(computed) - 1]:
            start, end = arrows[k]
            grads[start] += grads[end] * slopes[k]
            reached[start] = passed[k] = True
            now = (
                f"backward: {labels[start]} receives {grads[end]:.4g} × {slopes[k]:.4g} = "
                f"{grads[end] * slopes[k]:.4g}, and has {grads[start]:.4g} by now"
            )
    return State(labels, _places(order, index), np.array(arrows), slopes,
                 np.array([node.data for node in order]), grads, known, reached, passed, steps, now)  # fmt: skip


def _words(node: Value) -> str:
    inputs = [f"{p.data:.4g}" for p in node.parents]
    return f" {node.op} ".join(inputs) if len(inputs) == 2 else f"{node.op} of {inputs[0]}"


def _places(order: list[Value], index: dict[int, int]) -> np.ndarray:
    """Columns by the longest way from a leaf; in a column, near the parents."""
    column = np.zeros(len(order), dtype=int)
    for i, node in enumerate(order):
        column[i] = max((column[index[id(p)]] + 1 for p in node.parents), default=0)
    for i in reversed(range(len(order))):  # a leaf stands one column before its first use
        used = [column[j] for j, node in enumerate(order) for p in node.parents if p is order[i]]
        column[i] = min(used) - 1 if used and not order[i].parents else column[i]
    height = np.zeros(len(order))
    for c in range(column.max() + 1):
        here = np.flatnonzero(column == c)
        near = [np.mean([height[index[id(p)]] for p in order[i].parents] or [-i]) for i in here]
        here = here[np.argsort(near, kind="stable")]
        height[here] = np.arange(len(here)) - (len(here) - 1) / 2
    return np.column_stack([column, height]).astype(float)


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        self.choice = widgets.Dropdown(options=FORMULAS, description="formula")
        self.formula = widgets.Text(FORMULAS[0], description="or type", continuous_update=False)
        self.leaves = [
            FloatSlider(x, min=-4, max=4, step=0.1, description=name)
            for name, x in zip(NAMES, (2.0, -3.0, 3.0), strict=True)
        ]
        self.step = widgets.IntSlider(3, min=0, max=10, description="step")
        self.back = widgets.Button(description="step back")
        self.on = widgets.Button(description="step on")
        self.said = widgets.HTML()
        self.figure = Figure(figsize=(9.4, 3.4), dpi=100, layout="constrained")
        self.axes = self.figure.subplots()
        self.stage = Stage(
            self.figure,
            [],
            "A formula as a graph: boxes for the numbers, arrows from each to those made of it, with "
            "their local slopes. Blue, values; orange, slopes of the result. The text tells each step.",
        )
        self.choice.observe(lambda _: setattr(self.formula, "value", self.choice.value), "value")
        self.formula.observe(lambda _: self._change_formula(), "value")
        for control in (*self.leaves, self.step):
            control.observe(lambda _: self.show(), "value")
        self.back.on_click(lambda _: setattr(self.step, "value", self.step.value - 1))
        self.on.on_click(lambda _: setattr(self.step, "value", self.step.value + 1))
        self._change_formula()

    def _state(self) -> State | None:
        leaves = {leaf.description: leaf.value for leaf in self.leaves}
        try:
            return state(self.formula.value, leaves, self.step.value)
        except ValueError as error:
            self.said.value = f"<b>{escape(self.formula.value)}</b>: {error}"
            return None

    def _change_formula(self) -> None:
        now = self._state()
        if now is None:
            return
        self.formula_drawn = self.formula.value
        self.axes.clear()
        self.axes.axis("off")
        left, top = now.places.min(0), now.places.max(0)
        self.axes.set(xlim=(left[0] - 0.5, top[0] + 0.6), ylim=(left[1] - 0.7, top[1] + 0.8))
        self.stage.canvas.draw()  # the layout settles; curves are bent in pixels
        ends = [now.places[[start, end]] for start, end in now.arrows]
        curves = [self._curve(pair, BENDS[i % 2]) for i, pair in enumerate(ends)]
        self.lines = [self.axes.plot(*curve.T, lw=1.6)[0] for curve in curves]
        self.heads = [
            self.axes.add_patch(Polygon(self._head(curve[-2:]), closed=True)) for curve in curves
        ]
        beside = [curve[len(curve) // 4] for curve in curves]

        def texts(places, up: float, va: str, **more) -> list[Text]:
            return [self.axes.text(x, y + up, "", ha="center", va=va, **more) for x, y in places]

        box = {"boxstyle": "round,pad=0.45", "fc": "white", "ec": "0.4"}
        self.boxes = texts(now.places, 0, "center", fontsize=12, fontweight="bold", bbox=box)
        self.above = texts(now.places, 0.2, "bottom", fontsize=10, color=COLORS[0])
        self.below = texts(now.places, -0.2, "top", fontsize=10, color=COLORS[1])
        self.beside = texts(beside, -0.03, "top", fontsize=9, color="0.35")
        self.stage.moving = [
            *self.lines,
            *self.heads,
            *self.boxes,
            *self.above,
            *self.below,
            *self.beside,
        ]
        for artist in self.stage.moving:
            artist.set_animated(True)
        self.step.max = now.steps
        self.stage.renew()
        self.show()

    def _curve(self, ends: np.ndarray, bend: float) -> np.ndarray:
        """Points (n, 2) of a bent arrow from box to box, both of which it leaves free."""
        pixels = self.axes.transData.transform(ends)
        (x0, y0), (x1, y1) = pixels
        control = pixels.mean(0) + bend * np.array([y1 - y0, x0 - x1])
        t = np.linspace(0, 1, 60)[:, None]
        curve = (1 - t) ** 2 * pixels[0] + 2 * t * (1 - t) * control + t**2 * pixels[1]
        far = np.linalg.norm(curve[:, None] - pixels, axis=2).min(1) > FREE
        return self.axes.transData.inverted().transform(curve[far])

    def _head(self, tip: np.ndarray) -> np.ndarray:
        """The corners (3, 2) of an arrow's head at the last of two points."""
        before, end = self.axes.transData.transform(tip)
        along = 10 * (end - before) / np.linalg.norm(end - before)
        across = 0.4 * np.array([-along[1], along[0]])
        return self.axes.transData.inverted().transform(
            [end, end - along + across, end - along - across]
        )

    @when_free
    def show(self) -> None:
        now = self._state()
        if now is None or self.formula_drawn != self.formula.value:
            return
        for k, line in enumerate(self.lines):
            line.set_color(color := COLORS[1] if now.passed[k] else "0.7")
            self.heads[k].set_color(color)
            shown = now.known[now.arrows[k][1]]
            self.beside[k].set_text(f"× {now.slopes[k]:.3g}" if shown else "")
        for i, label in enumerate(now.labels):
            self.boxes[i].set_text(label)
            self.boxes[i].set_alpha(1.0 if now.known[i] else 0.35)
            self.above[i].set_text(f"{now.data[i]:.3g}" if now.known[i] else "")
            self.below[i].set_text(f"slope {now.grads[i]:.3g}" if now.reached[i] else "")
        self.stage.update()
        leaves = {
            label: g for label, g in zip(now.labels, now.grads, strict=True) if label in NAMES
        }
        done = ", ".join(f"{name}: {grad:.4g}" for name, grad in sorted(leaves.items()))
        result = f"{now.data[-1]:.4g}" if now.known[-1] and math.isfinite(now.data[-1]) else "?"
        self.said.value = (
            f"step {self.step.value} of {now.steps}: {now.now}<br>"
            f"{escape(self.formula.value)} = {result}<br>slopes of the leaves so far: {done}"
        )


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    what = widgets.VBox([v.choice, v.formula, v.step, widgets.HBox([v.back, v.on])])
    return v.stage.below(what, widgets.VBox(v.leaves), v.said)
