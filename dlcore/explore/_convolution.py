"""Explorer of lesson 09: a window slides over a picture; what it sees, times a kernel, is one number of the map."""

from __future__ import annotations

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from dlcore.conv import conv2d
from dlcore.explore._pace import when_free
from dlcore.explore._stage import Pixels, Stage, words
from dlcore.plot import COLORS
from dlcore.scratch.convolution import receptive_field
from dlcore.tensor import tensor

SIDE, K = 8, 3  # pixels of a picture, weights of a kernel, along an axis
CELL = 24  # pixels of the screen
WIDTH, HEIGHT = 940, 340
LEFT, MIDDLE, RIGHT, TOP = 10, 345, 640, 34  # where picture, products and map begin
WIDE, HIGH = 88, 52  # of a product
NEGATIVE, POSITIVE, FRAME = (np.array(to_rgb(COLORS[k])) for k in (0, 1, 2))
OWN = "your own"

KERNELS = {
    "edges, left to right": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "edges, top to bottom": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "outline": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "blur": ((1 / 9,) * 3,) * 3,
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "as it is": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
}


def _pictures() -> dict[str, np.ndarray]:
    from dlcore import data

    square, stripes, dot = np.zeros((3, SIDE, SIDE))
    square[2:6, 2:6], stripes[:, ::2], dot[3, 3] = 1, 1, 1
    three = data.digits().x[3].reshape(SIDE, SIDE)
    return {"a three": three, "square": square, "stripes": stripes, "dot": dot}


class State(NamedTuple):
    """The ``padded`` picture, the map y, and one window: its cells (K, K, 2) in the padded picture and its products."""

    padded: np.ndarray
    y: np.ndarray
    cells: np.ndarray
    products: np.ndarray


def state(
    picture: np.ndarray,
    kernel: np.ndarray,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    place: tuple[int, int] = (0, 0),
) -> State:
    """Shapes: picture (H, W), kernel (K, K) -> y (H', W'); the window that makes y[place]."""
    padded = np.pad(picture, padding)
    x, w = tensor(picture[None, None]), tensor(kernel[None, None])
    y = conv2d(x, w, stride=stride, padding=padding, dilation=dilation).data[0, 0]
    steps = np.stack(np.meshgrid(*2 * [np.arange(K)], indexing="ij"), axis=-1)
    cells = np.array(place) * stride + steps * dilation
    return State(padded, y, cells, padded[cells[..., 0], cells[..., 1]] * kernel)


def places(n: int, stride: int, padding: int, dilation: int) -> int:
    """In how many places a window fits along n pixels."""
    return receptive_field(n, [(dilation * (K - 1) + 1, stride, padding)])[0]


def _tint(values: np.ndarray) -> np.ndarray:
    """Shapes: (H, W) -> colors (H, W, 3): white is 0, the largest number is strongest."""
    strong = (np.abs(values) / max(np.abs(values).max(), 1e-9))[..., None]
    color = np.where(values[..., None] < 0, NEGATIVE, POSITIVE)
    return 255 * (1 - strong * (1 - color))


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        self.pictures = _pictures()
        slider = widgets.IntSlider
        self.picture = widgets.Dropdown(options=[*self.pictures, "empty"], description="picture")
        self.pointer = widgets.ToggleButtons(
            options=["window", "ink", "eraser"], description="drag the"
        )
        self.pointer.style.button_width = "76px"
        self.kernel = widgets.Dropdown(options=[*KERNELS, OWN], description="kernel")
        self.weights = [
            widgets.FloatText(step=0.5, description=f"weight {a},{b}") for a, b in np.ndindex(K, K)
        ]
        for box in self.weights:
            box.layout.width = "64px"
            box.style.description_width = "0px"
        self.stride = slider(1, min=1, max=3, description="stride")
        self.padding = slider(0, min=0, max=2, description="padding")
        self.dilation = slider(1, min=1, max=3, description="dilation")
        self.row = slider(1, min=0, max=SIDE - K, description="row")
        self.column = slider(2, min=0, max=SIDE - K, description="column")
        self.said = widgets.HTML()
        self.said.layout.width = "350px"
        self._draw_figure()
        self._take_picture()
        self._take_kernel()
        self.picture.observe(lambda _: self._take_picture(), "value")
        self.kernel.observe(lambda _: self._take_kernel(), "value")
        for box in self.weights:
            box.observe(lambda _: self._take_weights(), "value")
        for control in (
            self.pointer,
            self.stride,
            self.padding,
            self.dilation,
            self.row,
            self.column,
        ):
            control.observe(lambda _: self.show(), "value")

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        self.pixels = Pixels(np.full((HEIGHT, WIDTH, 3), 255, np.uint8))

        self.titles = [words(figure, x, 18, size=11) for x in (LEFT, MIDDLE, RIGHT)]
        self.products = [
            words(figure, MIDDLE + 8 + WIDE * b, TOP + HIGH * a + HIGH / 2, size=9.5)
            for a, b in np.ndindex(K, K)
        ]
        self.sum = words(figure, MIDDLE, TOP + K * HIGH + 26, size=13)
        self.stage = Stage(
            figure,
            [self.pixels, *self.titles, *self.products, self.sum],
            "Left a picture of 8 by 8 pixels with the window on it, in the middle the nine pixels that it sees times "
            "the nine weights, right the map with the number that they add up to. The text gives the sum.",
        )
        self.stage.on_drag_anywhere(self._drag)

    def _take_picture(self) -> None:
        """The picture that was chosen, in a copy that can be drawn on."""
        chosen = self.pictures.get(str(self.picture.value), np.zeros((SIDE, SIDE)))
        self.ink = chosen.copy()
        self.show()

    def _take_kernel(self) -> None:
        if self.kernel.value in KERNELS:
            known = np.ravel(KERNELS[self.kernel.value])
            with self.stage.setting():
                for box, weight in zip(self.weights, known, strict=True):
                    box.value = round(float(weight), 3)
        self.show()

    def _take_weights(self) -> None:
        if not self.stage.is_setting:
            self.kernel.value = OWN
            self.show()

    def _matrix(self) -> np.ndarray:
        if self.kernel.value in KERNELS:
            return np.array(KERNELS[self.kernel.value], dtype=float)
        return np.reshape([box.value for box in self.weights], (K, K))

    def _drag(self, x: float, y: float) -> None:
        """The pointer moves the window, over the picture or over the map; or it draws."""
        i, padding = int((y - TOP) // CELL), self.padding.value
        j, k = int((x - LEFT) // CELL), int((x - RIGHT) // CELL)
        if self.pointer.value != "window":
            i, j = i - padding, j - padding
            if 0 <= i < SIDE and 0 <= j < SIDE:
                self.ink[i, j] = float(self.pointer.value == "ink")
                self.show()
            return
        side = SIDE + 2 * padding
        if 0 <= i < side and 0 <= j < side:  # the middle of the window follows
            middle, stride = self.dilation.value * (K // 2), self.stride.value
            self._go((i - middle) // stride, (j - middle) // stride)
        elif 0 <= i < self.now.y.shape[0] and 0 <= k < self.now.y.shape[1]:
            self._go(i, k)

    def _go(self, row: int, column: int) -> None:
        for slider, value in ((self.row, row), (self.column, column)):
            slider.value = min(max(value, 0), slider.max)

    @when_free
    def show(self) -> None:
        stride, padding, dilation = self.stride.value, self.padding.value, self.dilation.value
        many = places(SIDE, stride, padding, dilation)
        self.row.max = self.column.max = many - 1
        place = self.row.value, self.column.value
        kernel = self._matrix()
        self.now = now = state(self.ink, kernel, stride, padding, dilation, place)
        self._paint(now, padding, place)
        self._write(now, kernel)
        self.stage.update()
        wide = dilation * (K - 1) + 1
        reach = (
            f"{wide} pixels wide" if dilation == 1 else f"{wide} pixels wide, sees 9 of {wide**2}"
        )
        self.said.value = (
            f"window: {reach}<br>places along an axis: ({SIDE} + 2 · {padding} − {wide}) // {stride} + 1 = {many}"
            f"<br>the map has {many} × {many} numbers, from {_short(now.y.min(), '.2f')} to {_short(now.y.max(), '.2f')}"
            f"<br>at row {place[0]}, column {place[1]}: <b>{_short(now.y[place], '.2f')}</b>"
        )

    def _paint(self, now: State, padding: int, place: tuple[int, int]) -> None:
        pixels = self.pixels.pixels
        pixels[:] = 255
        gray = 255 * (1 - now.padded[..., None] * np.ones(3))
        edge = np.ones(now.padded.shape, bool)
        edge[padding : padding + SIDE, padding : padding + SIDE] = False
        gray[edge] = (232, 240, 232)  # zeros that were added
        for left, colors in ((LEFT, gray), (RIGHT, _tint(now.y))):
            big = np.kron(colors, np.ones((CELL, CELL, 1)))
            big[::CELL], big[:, ::CELL] = 215, 215
            pixels[TOP : TOP + len(big), left : left + big.shape[1]] = big
        for i, j in now.cells.reshape(-1, 2):
            _frame(pixels, TOP + CELL * i, LEFT + CELL * j, CELL, CELL)
        _frame(pixels, TOP + CELL * place[0], RIGHT + CELL * place[1], CELL, CELL)
        tints = _tint(now.products)
        for (a, b), _ in np.ndenumerate(now.products):
            top, left = TOP + HIGH * a, MIDDLE + WIDE * b
            pixels[top : top + HIGH, left : left + WIDE] = 255 - (255 - tints[a, b]) * 0.35
            _frame(pixels, top, left, HIGH, WIDE, 1)

    def _write(self, now: State, kernel: np.ndarray) -> None:
        verb = {"window": "drag the window", "ink": "drag to draw", "eraser": "drag to erase"}
        self.titles[0].set_text(f"the picture ({verb[self.pointer.value]})")
        self.titles[1].set_text("pixel × weight")
        self.titles[2].set_text("the map")
        seen = now.padded[now.cells[..., 0], now.cells[..., 1]]
        for text, pixel, weight in zip(self.products, seen.flat, kernel.flat, strict=True):
            text.set_text(f"{pixel:.2f} × {_short(weight)}")
        self.sum.set_text(f"added up: {_short(now.products.sum(), '.2f')}")


def _short(number: float, how: str = ".2g") -> str:
    return f"{number:{how}}".replace("-", "−")


def _frame(pixels: np.ndarray, top: int, left: int, high: int, wide: int, thick: int = 2) -> None:
    box = pixels[top : top + high + 1, left : left + wide + 1]
    box[:thick] = box[-thick:] = box[:, :thick] = box[:, -thick:] = 255 * FRAME


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    grid = [widgets.HBox(v.weights[K * a : K * a + K]) for a in range(K)]
    return v.stage.below(
        widgets.VBox([v.picture, v.pointer, v.kernel, *grid]),
        widgets.VBox([v.row, v.column, v.stride, v.padding, v.dilation]),
        v.said,
    )
