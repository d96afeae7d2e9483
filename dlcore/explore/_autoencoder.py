"""Explorer of lesson 17: the plane of latent codes; what a code is decoded to, and the code of a drawing."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from dlcore import data
from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Pixels, Stage, words
from dlcore.plot import COLORS
from dlcore.scratch.autoencoders import autoencoder_loss, layer_outputs, pca, project
from dlcore.scratch.optimizers import AdamW, cosine_schedule
from dlcore.scratch.training import batches, group_split, he_init

KINDS = ("autoencoder", "PCA")
SIDE, CELL = 8, 20  # pixels of a picture, and how large one is drawn
WIDTH, HEIGHT = 940, 430
SAID, DRAWN, ABOVE, BELOW = 480, 720, 40, 245  # where the pictures begin, in pixels
REACH = 1.3  # the plane goes from -REACH to REACH


class Model(NamedTuple):
    """``params`` of an autoencoder, or PCA's mean and directions; codes as they are, less ``middle``, over ``spread``,
    are places in the plane; ``places`` (N, 2) and ``kinds`` (N,) of the known digits; ``usual``, their mean error."""

    kind: str
    params: list[np.ndarray]
    middle: np.ndarray
    spread: np.ndarray
    places: np.ndarray
    kinds: np.ndarray
    usual: float


@cache
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Known pictures (N, 64) from 0 to 1 and what they are, and new ones."""
    all_of_them = data.digits()
    x = all_of_them.x.reshape(-1, SIDE * SIDE).astype(float)
    x /= x.max()
    known, new = group_split(np.arange(len(x)), 0.3, rng=0)
    return x[known], all_of_them.y[known], x[new], all_of_them.y[new]


@cache
def trained(kind: str) -> Model:
    """The model, from 1,258 digits: half a second of training."""
    x, kinds, *_ = digits()
    if kind == "PCA":
        params = list(pca(x, 2))
    else:
        rng = np.random.default_rng(1)
        params, adam = he_init([64, 128, 64, 2, 64, 128, 64], rng), AdamW(0.003)
        for epoch in range(60):
            adam.lr = 0.003 * cosine_schedule(epoch, 60)
            for rows in batches(len(x), 64, rng):
                params = adam.step(params, autoencoder_loss(params, x[rows], x[rows])[1])
    codes = _encoded(kind, params, x)
    low, high = np.quantile(codes, [0.01, 0.99], axis=0)
    model = Model(kind, params, (low + high) / 2, (high - low) / 2, codes, kinds, 0.0)
    places = encode(model, x)
    usual = np.mean((decode(model, places) - x) ** 2)
    return model._replace(places=places, usual=float(usual))


def _encoded(kind: str, params: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    if kind == "PCA":
        return project(x, *params)[0]
    return layer_outputs(params, x)[len(params) // 4]


def encode(model: Model, x: np.ndarray) -> np.ndarray:
    """Where pictures (N, 64) land in the plane (N, 2)."""
    return (_encoded(model.kind, model.params, x) - model.middle) / model.spread


def decode(model: Model, places: np.ndarray) -> np.ndarray:
    """The pictures (N, 64) that places in the plane (N, 2) stand for."""
    codes = places * model.spread + model.middle
    if model.kind == "PCA":
        mean, directions = model.params
        return codes @ directions + mean
    outputs, layers = codes, len(model.params) // 2
    for n in range(layers // 2, layers):
        outputs = outputs @ model.params[2 * n].T + model.params[2 * n + 1]
        if n < layers - 1:
            outputs = np.maximum(outputs, 0)
    return outputs


def nearest(model: Model, place: np.ndarray) -> int:
    """What most of the seven nearest known digits are."""
    seven = np.argsort(np.sum((model.places - place) ** 2, axis=1))[:7]
    return int(np.bincount(model.kinds[seven]).argmax())


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        self.kind = widgets.ToggleButtons(options=KINDS, description="code by")
        self.kind.style.button_width = "110px"
        number = FloatSlider
        self.x, self.y = (
            number(value, min=-REACH, max=REACH, step=0.02, description=name)
            for value, name in ((0.0, "first"), (0.0, "second"))
        )
        self.digit = widgets.IntSlider(0, min=0, max=99, description="new digit")
        self.ink = number(1.0, min=0, max=1, step=0.1, description="ink")
        self.clear = widgets.Button(description="empty sheet")
        self.said = widgets.HTML()
        self.said.layout.width = "520px"
        self._draw_figure()
        self._take_kind()
        self.kind.observe(lambda _: self._take_kind(), "value")
        self.digit.observe(lambda _: self._take_digit(), "value")
        self.clear.on_click(lambda _: self._empty())
        for control in (self.x, self.y, self.ink):
            control.observe(lambda _: self.show(), "value")

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        self.plane = figure.add_axes((50 / WIDTH, 30 / HEIGHT, 390 / WIDTH, 385 / HEIGHT))
        self.plane.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH))
        self.plane.tick_params(labelsize=8)
        self.texts = [
            self.plane.text(0, 0, "", fontsize=7, ha="center", va="center", clip_on=True)
            for _ in range(400)
        ]
        blank = np.full((SIDE * CELL + 1, SIDE * CELL + 1, 3), 255, np.uint8)
        corners = (SAID, ABOVE), (DRAWN, ABOVE), (DRAWN, BELOW)
        self.sheets = [Pixels(blank.copy(), top, left) for left, top in corners]
        self.pen = Pixels(np.full((15, 15, 3), 255, np.uint8), 14, DRAWN + SIDE * CELL - 14)
        words(figure, SAID, 22, "what the place says")
        words(figure, DRAWN, 22, "your sheet, and ink")
        words(figure, DRAWN, 227, "what is said of your sheet")
        (self.place,) = self.plane.plot([], [], "o", ms=14, mfc="none", mew=3, color="black")
        (self.landed,) = self.plane.plot([], [], "X", ms=13, color=COLORS[1], mec="white")
        self.stage = Stage(
            figure,
            [*self.sheets, self.pen, self.place, self.landed],
            "Left, the plane of all codes, with known digits in it, a circle at the chosen place and a cross where the sheet has "
            "landed. Beside it three pictures: what the place says, the sheet, and what is said of the sheet.",
        )
        self.stage.on_drag_anywhere(self._drag)

    def _take_kind(self) -> None:
        """The digits in the plane change seldom, so they belong to what stands still."""
        self.model = trained(str(self.kind.value))
        for text, place, kind in zip(self.texts, self.model.places, self.model.kinds, strict=False):
            text.set(x=place[0], y=place[1], text=str(kind), color=COLORS[kind % len(COLORS)])
        self.stage.renew()
        self._take_digit()

    def _take_digit(self) -> None:
        self.sheet = digits()[2][self.digit.value].copy()
        self.show()

    def _empty(self) -> None:
        self.sheet = np.zeros(SIDE * SIDE)
        self.show()

    def _drag(self, x: float, y: float) -> None:
        """The pointer chooses a place in the plane, or draws on the sheet."""
        column, row = int((x - DRAWN) // CELL), int((y - ABOVE) // CELL)
        if 0 <= column < SIDE and 0 <= row < SIDE:
            self.sheet[SIDE * row + column] = self.ink.value
            self.show()
            return
        there = self.plane.transData.inverted().transform((x, HEIGHT - y))
        if np.abs(there).max() <= REACH:
            self.x.value, self.y.value = there

    @when_free
    def show(self) -> None:
        place = np.array([self.x.value, self.y.value])
        landed = encode(self.model, self.sheet[None])
        said = decode(self.model, np.stack([place, landed[0]]))
        for sheet, picture in zip(self.sheets, (said[0], self.sheet, said[1]), strict=True):
            gray = 255 * (1 - np.clip(picture, 0, 1).reshape(SIDE, SIDE))
            sheet.pixels[:-1, :-1] = np.kron(gray, np.ones((CELL, CELL)))[..., None]
            sheet.pixels[::CELL] = sheet.pixels[:, ::CELL] = 205
        self.pen.pixels[:] = 205
        self.pen.pixels[1:-1, 1:-1] = round(255 * (1 - self.ink.value))
        self.place.set_data([place[0]], [place[1]])
        self.landed.set_data(*np.clip(landed.T, -REACH, REACH))
        self.stage.update()
        error = np.mean((said[1] - self.sheet) ** 2)
        self.said.value = (
            f"around the circle there are mostly <b>{nearest(self.model, place)}</b>s, around the cross "
            f"<b>{nearest(self.model, landed[0])}</b>s<br>the sheet lands at ({landed[0, 0]:.2f}, {landed[0, 1]:.2f}) "
            f"and is said with an error of <b>{error:.3f}</b> (known digits: {self.model.usual:.3f} in the mean)"
        ).replace("-", "−")


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    return v.stage.below(
        widgets.VBox([v.kind, v.x, v.y]), widgets.VBox([v.digit, v.ink, v.clear]), v.said
    )
