"""Explorer of lesson 05: two shapes, how they broadcast or multiply, and what comes back to each entry."""

from __future__ import annotations

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from dlcore.explore._pace import when_free
from dlcore.explore._stage import Pixels, Stage
from dlcore.plot import COLORS
from dlcore.scratch.tensors import unbroadcast

OPERATIONS = ("A + B", "A @ B")
MOST = 4  # entries along an axis
CELL = 22  # pixels
WIDTH, HEIGHT = 940, 250
PLACES = {"A": (20, 34), "B": (20, 160), "result": (490, 97)}  # of the upper left corners
TINTS = {"A": to_rgb(COLORS[0]), "B": to_rgb(COLORS[1])}


class State(NamedTuple):
    """What one entry has to do with the others.

    ``shape`` is that of the result, or None with a ``problem``. ``lit`` (shape) are the entries of the
    result that the entry goes into, ``weights`` (the other array's shape) those it is multiplied with
    on the way, ``summed`` the axes of g that each array's gradient is summed over.
    """

    shape: tuple[int, ...] | None
    problem: str
    lit: np.ndarray
    weights: np.ndarray
    summed: dict[str, tuple[int, ...]]


def state(operation: str, a: tuple[int, ...], b: tuple[int, ...], who: str, entry: int) -> State:
    """The result of two shapes, and the way of entry number ``entry`` of ``who``, "A" or "B"."""
    matrix = operation == "A @ B"
    combine = np.matmul if matrix else np.add
    none = State(None, "", np.zeros(0), np.zeros(0), {})
    if matrix and min(len(a), len(b)) < 2:
        return none._replace(problem="a product of matrices needs two axes or more on both sides")
    if matrix and a[-1] != b[-2]:
        return none._replace(
            problem=f"the last axis of A has {a[-1]}, the second to last of B {b[-2]}: they must be equal"
        )
    try:
        shape = combine(np.zeros(a), np.zeros(b)).shape
    except ValueError:
        free = 2 if matrix else 0
        pairs = zip(a[::-1][free:], b[::-1][free:], strict=False)
        m, n = next((m, n) for m, n in pairs if m != n and 1 not in (m, n))
        return none._replace(problem=f"{m} and {n} differ, and neither is 1")
    here = np.zeros(a if who == "A" else b)
    here.flat[entry] = 1.0
    other = b if who == "A" else a
    if not matrix:
        lit = np.broadcast_to(here, shape) != 0
        return State(
            shape, "", lit, np.zeros(other, bool), {"A": _summed(a, shape), "B": _summed(b, shape)}
        )
    turned = here.swapaxes(-1, -2)
    if who == "A":
        lit, weights = here @ np.ones(b), turned @ np.ones(shape)
    else:
        lit, weights = np.ones(a) @ here, np.ones(shape) @ turned
    weights = unbroadcast(weights, other) != 0
    batch = {name: _summed(s[:-2], shape[:-2]) for name, s in (("A", a), ("B", b))}
    return State(shape, "", lit != 0, weights, batch)


def _summed(shape: tuple[int, ...], result: tuple[int, ...]) -> tuple[int, ...]:
    missing = len(result) - len(shape)
    stretched = (i for i, n in enumerate(shape, missing) if n == 1 and result[i] != 1)
    return (*range(missing), *stretched)


def _blocks(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """How many blocks, and the rows and columns of each."""
    rows, columns = (1, 1, *shape)[-2:]
    return int(np.prod(shape)) // (rows * columns), rows, columns


def _draw(pixels: np.ndarray, name: str, tint: str, shape: tuple[int, ...], strong, middle=None):
    """An array as blocks of cells: its last two axes are a block, blocks stand side by side."""
    _, rows, columns = _blocks(shape)
    strong = np.reshape(strong, (-1, rows, columns))
    middle = np.zeros_like(strong) if middle is None else np.reshape(middle, strong.shape)
    color = np.array(TINTS[tint])
    left, top = PLACES[name]
    for k, i, j in np.ndindex(strong.shape):
        share = 1.0 if strong[k, i, j] else 0.55 if middle[k, i, j] else 0.18
        x, y = left + CELL * (k * (columns + 1) + j), top + CELL * i
        pixels[y + 1 : y + CELL - 1, x + 1 : x + CELL - 1] = 255 * (1 - share * (1 - color))


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        self.operation = widgets.ToggleButtons(options=OPERATIONS, description="operation")
        self.operation.style.button_width = "70px"
        self.who = widgets.ToggleButtons(options=["A", "B"], value="B", description="point at")
        self.who.style.button_width = "40px"
        self.entry = widgets.IntSlider(0, min=0, max=23, description="its entry")
        self.axes = {
            name: widgets.IntSlider(n, min=0, max=3, description=f"axes of {name}")
            for name, n in (("A", 3), ("B", 2))
        }
        self.sizes = {
            name: [
                widgets.IntSlider(n, min=1, max=MOST, description=what)
                for n, what in zip(
                    start, ("third to last", "2nd to last", "last axis"), strict=True
                )
            ]
            for name, start in (("A", (2, 3, 4)), ("B", (1, 3, 1)))
        }
        self.said = widgets.HTML()
        self.said.layout.width = "330px"
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        self.picture = Pixels(np.full((HEIGHT, WIDTH, 3), 255, np.uint8))
        self.titles = {
            name: figure.text(x / WIDTH, 1 - (y - 6) / HEIGHT, "", fontsize=11, va="bottom")
            for name, (x, y) in PLACES.items()
        }
        self.stage = Stage(
            figure,
            [self.picture, *self.titles.values()],
            "Two arrays as blocks of cells, and their result. The entry pointed at is dark, and so are the "
            "entries of the result that it goes into. The text gives shapes, copies and sums.",
        )
        self.stage.on_drag_anywhere(self._point_at)
        for control in (self.operation, self.who, self.entry, *self.axes.values()):
            control.observe(lambda _: self.show(), "value")
        for size in (*self.sizes["A"], *self.sizes["B"]):
            size.observe(lambda _: self.show(), "value")
        self.show()

    def _point_at(self, x: float, y: float) -> None:
        """Somebody points at a cell of A or B."""
        for name in "AB":
            blocks, rows, columns = _blocks(shape := self._shape(name))
            left, top = PLACES[name]
            column, i = int((x - left) // CELL), int((y - top) // CELL)
            k, j = divmod(column, columns + 1)
            if x >= left and 0 <= i < rows and k < blocks and j < columns:
                self.who.value = name
                self.entry.max = int(np.prod(shape)) - 1
                self.entry.value = (k * rows + i) * columns + j

    def _shape(self, name: str) -> tuple[int, ...]:
        count = self.axes[name].value
        for k, size in enumerate(self.sizes[name]):
            size.disabled = k < 3 - count
        return tuple(size.value for size in self.sizes[name][3 - count :])

    @when_free
    def show(self) -> None:
        a, b, who = self._shape("A"), self._shape("B"), self.who.value
        shape = {"A": a, "B": b}[who]
        self.entry.max = int(np.prod(shape)) - 1
        found = state(self.operation.value, a, b, who, self.entry.value)
        pixels = self.picture.pixels
        pixels[:] = 255
        for name, its in (("A", a), ("B", b)):
            strong = np.zeros(its, bool)
            if name == who:
                strong.flat[self.entry.value] = True
            weights = found.weights if name != who and found.shape is not None else None
            _draw(pixels, name, name, its, strong, weights)
            self.titles[name].set_text(f"{name}   {_text(its)}")
        if found.shape is None:
            self.titles["result"].set_text(f"{self.operation.value}: these shapes do not fit")
        else:
            _draw(pixels, "result", who, found.shape, found.lit)
            self.titles["result"].set_text(f"{self.operation.value}   {_text(found.shape)}")
        self.stage.update()
        self.said.value = self._words(found, a, b)

    def _words(self, found: State, a: tuple[int, ...], b: tuple[int, ...]) -> str:
        who, entry = self.who.value, self.entry.value
        if found.shape is None:
            table = _aligned({"A": a, "B": b})
            return f"{table}These shapes do not fit: {found.problem}."
        table = _aligned({"A": a, "B": b, "result": found.shape})
        place = ", ".join(map(str, np.unravel_index(entry, a if who == "A" else b)))
        count = int(found.lit.sum())
        weighed = ", each weighed with an entry of the other array" if found.weights.any() else ""
        back = (
            f"<b>{who}[{place}]</b> goes into {count} of {found.lit.size} entries of the result; its gradient is "
            f"the sum of {count} gradient{'s' if count > 1 else ''}{weighed}."
        )
        sums = [
            f"gradient of {name}: {_product(self.operation.value, name)}"
            + (f", summed over axes {_axes(axes)}" if axes else ", nothing to sum")
            for name, axes in found.summed.items()
        ]
        return f"{table}{back}<br>" + "<br>".join(sums)


def _text(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else str(shape)


def _aligned(shapes: dict[str, tuple[int, ...]]) -> str:
    """The shapes as a table, lined up from the right as NumPy does it."""
    width = max(map(len, shapes.values()))
    cell = '<td style="text-align: right; padding: 0 8px">{}</td>'
    rows = [
        f"<tr><th>{name}</th>{cell.format('') * (width - len(shape))}{''.join(map(cell.format, shape))}</tr>"
        for name, shape in shapes.items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _axes(axes: tuple[int, ...]) -> str:
    return " and ".join(map(str, axes))


def _product(operation: str, name: str) -> str:
    return "g" if operation == "A + B" else {"A": "g @ B.T", "B": "A.T @ g"}[name]


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    return v.stage.below(
        widgets.VBox([v.axes["A"], *v.sizes["A"]]),
        widgets.VBox([v.axes["B"], *v.sizes["B"]]),
        widgets.VBox([v.operation, v.who, v.entry, v.said]),
    )
