"""Explorer of lesson 18: what a decoder makes of every point of its latent plane, near a point, and of a class."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from dlcore import data
from dlcore.activations import sigmoid_forward as sigmoid
from dlcore.activations import softmax_forward as softmax
from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Pixels, Stage, words
from dlcore.plot import COLORS
from dlcore.scratch.autoencoders import autoencoder_loss, layer_outputs
from dlcore.scratch.optimizers import AdamW, cosine_schedule
from dlcore.scratch.regularization import loss_and_gradients
from dlcore.scratch.training import batches, group_split, he_init
from dlcore.scratch.vae import vae_loss

KINDS = ("autoencoder", "VAE", "VAE told the digit")
BETAS = (0.0625, 0.25, 1.0, 4.0)
SIDE, REACH = 8, 2.6  # pixels of a picture; the plane goes from -REACH to REACH
MANY, CELL = 13, 4  # pictures along one side of the plane, and pixels for each of theirs
WHOLE = MANY * SIDE * CELL
LEFT, TOP, RIGHT = 45, 25, 505  # where the plane begins, and what stands beside it
WIDTH, HEIGHT = 940, 470
DRAWN = 8  # pictures from the cloud


class Model(NamedTuple):
    """``params`` as for autoencoder_loss or vae_loss; a place in the plane, times ``spread``, plus ``middle``, is a code."""

    kind: str
    params: list[np.ndarray]
    middle: np.ndarray
    spread: np.ndarray


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The known pictures (N, 64), from 0 to 1, and what they are."""
    all_of_them = data.digits()
    x = all_of_them.x.reshape(-1, SIDE * SIDE).astype(float)
    known, _ = group_split(np.arange(len(x)), 0.3, rng=0)
    return x[known] / x.max(), all_of_them.y[known]


def _trained(params, loss_of, epochs: int, rng: np.random.Generator) -> list[np.ndarray]:
    adam, (x, _) = AdamW(0.003), digits()
    for epoch in range(epochs):
        adam.lr = 0.003 * cosine_schedule(epoch, epochs)
        for rows in batches(len(x), 64, rng):
            params = adam.step(params, loss_of(params, rows))
    return params


@cache
def trained(kind: str, beta: float = 1.0) -> Model:
    """The model, with a code of two numbers, from 1,258 digits: about a second of training."""
    (x, y), rng = digits(), np.random.default_rng(2)
    if kind == "autoencoder":
        params = _trained(
            he_init([64, 128, 64, 2, 64, 128, 64], rng),
            lambda params, rows: autoencoder_loss(params, x[rows], x[rows])[1],
            60,
            rng,
        )
        codes = layer_outputs(params, x)[3]
        return Model(kind, params, codes.mean(axis=0), codes.std(axis=0))
    told = np.eye(10) if kind == KINDS[2] else np.zeros((10, 0))
    seen = 64 + told.shape[1]
    encoder = he_init([seen, 128, 4], rng)
    decoder = he_init([2 + told.shape[1], 128, 64], rng)
    params = _trained(
        [*encoder, *decoder],
        lambda params, rows: vae_loss(
            params, x[rows], rng.standard_normal((len(rows), 2)), beta, told[y[rows]]
        )[2],
        120,
        rng,
    )
    return Model(kind, params, np.zeros(2), np.ones(2))


@cache
def judge() -> list[np.ndarray]:
    """A classifier that has learned from the same digits."""
    (x, y), rng = digits(), np.random.default_rng(0)
    return _trained(
        he_init([64, 64, 10], rng),
        lambda params, rows: loss_and_gradients(params, x[rows], y[rows])[1],
        30,
        rng,
    )


def said(model: Model, places: np.ndarray, digit: int) -> np.ndarray:
    """The pictures (N, 64), from 0 to 1, that places in the plane (N, 2) stand for."""
    h = places * model.spread + model.middle
    if model.kind == KINDS[2]:
        h = np.concatenate([h, np.tile(np.eye(10)[digit], (len(h), 1))], axis=1)
    back = model.params[len(model.params) // 2 :]
    for w, b in zip(back[:-2:2], back[1:-2:2], strict=True):
        h = np.maximum(h @ w.T + b, 0)
    a = h @ back[-2].T + back[-1]
    return np.clip(a, 0, 1) if model.kind == "autoencoder" else sigmoid(a)


def chances(pictures: np.ndarray) -> np.ndarray:
    """What the classifier says to pictures (N, 64): (N, 10)."""
    w1, b1, w2, b2 = judge()
    return softmax(np.maximum(pictures @ w1.T + b1, 0) @ w2.T + b2)


def everywhere() -> np.ndarray:
    """The middles of all pictures of the plane, row by row from above: (MANY * MANY, 2)."""
    steps = (np.arange(MANY) + 0.5) * 2 * REACH / MANY - REACH
    x, y = np.meshgrid(steps, steps[::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1)


@lru_cache(maxsize=64)
def whole_plane(kind: str, beta: float, digit: int) -> tuple[np.ndarray, np.ndarray]:
    """The plane as gray pixels, and what the classifier says to each of its pictures (MANY * MANY, 10)."""
    pictures = said(trained(kind, beta), everywhere(), digit)
    return tiled(pictures, MANY, CELL), chances(pictures)


def cloud(place: np.ndarray, width: float, draw: int) -> np.ndarray:
    """Places drawn about a place (2,): (DRAWN, 2)."""
    return place + width * np.random.default_rng(draw).standard_normal((DRAWN, 2))


def tiled(pictures: np.ndarray, columns: int, cell: int) -> np.ndarray:
    """Pictures (N, 64) side by side as gray pixels (H, W, 3)."""
    rows = len(pictures) // columns
    sheet = pictures.reshape(rows, columns, SIDE, SIDE).transpose(0, 2, 1, 3)
    gray = 255 * (1 - sheet.reshape(rows * SIDE, columns * SIDE))
    large = np.kron(gray, np.ones((cell, cell))).astype(np.uint8)
    large[:: SIDE * cell] = large[:, :: SIDE * cell] = 170
    return np.repeat(large[..., None], 3, axis=2)


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        number = FloatSlider
        self.kind = widgets.Dropdown(options=KINDS, value=KINDS[2], description="decoder of")
        self.beta = widgets.Dropdown(options=BETAS, value=0.25, description="beta")
        self.digit = widgets.IntSlider(3, min=0, max=9, description="digit")
        self.x, self.y = (
            number(value, min=-REACH, max=REACH, step=0.05, description=name)
            for value, name in ((0.5, "first"), (-0.5, "second"))
        )
        self.width = number(0.5, min=0, max=2, step=0.05, description="cloud")
        self.draw = widgets.IntSlider(0, min=0, max=50, description="draw")
        self.told = widgets.HTML()
        self.told.layout.width = "520px"
        self._draw_figure()
        for control in (self.kind, self.beta):
            control.observe(lambda _: self._take_model(), "value")
        for control in (self.digit, self.x, self.y, self.width, self.draw):
            control.observe(lambda _: self.show(), "value")
        self._take_model()

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        side = WHOLE / WIDTH, WHOLE / HEIGHT
        self.plane = figure.add_axes((LEFT / WIDTH, 1 - (TOP + WHOLE) / HEIGHT, *side))
        self.plane.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH))
        self.plane.tick_params(labelsize=8)
        self.grid = Pixels(np.full((WHOLE, WHOLE, 3), 255, np.uint8), TOP, LEFT)
        self.large = Pixels(np.full((160, 160, 3), 255, np.uint8), 45, RIGHT)
        self.few = Pixels(np.full((176, 352, 3), 255, np.uint8), 265, RIGHT)
        words(figure, LEFT, 12, "what is said, everywhere in the plane of the code")
        words(figure, RIGHT, 30, "what the place says")
        words(figure, RIGHT + 200, 30, "what a classifier sees in it")
        words(figure, RIGHT, 250, "eight draws from a cloud about the place")
        bars = figure.add_axes(((RIGHT + 215) / WIDTH, 1 - 200 / HEIGHT, 205 / WIDTH, 155 / HEIGHT))
        bars.set(xlim=(-0.6, 9.6), ylim=(0, 1), xticks=range(10), yticks=[0, 0.5, 1])
        bars.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
        bars.tick_params(labelsize=8)
        self.bars = bars.bar(range(10), np.zeros(10), color=COLORS[0]).patches
        (self.place,) = self.plane.plot([], [], "o", ms=24, mfc="none", mew=3, color=COLORS[1])
        (self.drawn,) = self.plane.plot([], [], ".", ms=9, color=COLORS[1], mec="white", mew=0.5)
        self.stage = Stage(
            figure,
            [self.grid, self.large, self.few, self.drawn, self.place, *self.bars],
            "Left, the plane of the code, filled with the pictures that its places say, and a circle at the chosen place with eight "
            "dots about it. Right, the picture of that place, a bar for each digit that a classifier may see in it, and the "
            "pictures of the eight dots.",
        )
        self.stage.on_drag(self.plane, self._drag)

    def _take_model(self) -> None:
        kind = str(self.kind.value)
        self.digit.disabled, self.beta.disabled = kind != KINDS[2], kind == KINDS[0]
        self.beta_used = 1.0 if kind == KINDS[0] else float(self.beta.value)
        self.model = trained(kind, self.beta_used)
        self.show()

    def _drag(self, x: float, y: float) -> None:
        self.x.value, self.y.value = x, y

    @when_free
    def show(self) -> None:
        place, digit = np.array([self.x.value, self.y.value]), self.digit.value
        near = cloud(place, self.width.value, self.draw.value)
        pictures = said(self.model, np.concatenate([place[None], near]), digit)
        known_digit = digit if self.model.kind == KINDS[2] else 0
        self.grid.pixels, all_seen = whole_plane(self.model.kind, self.beta_used, known_digit)
        self.large.pixels, self.few.pixels = tiled(pictures[:1], 1, 20), tiled(pictures[1:], 4, 11)
        seen = chances(pictures[:1])[0]
        for bar, chance in zip(self.bars, seen, strict=True):
            bar.set_height(chance)
        self.place.set_data([place[0]], [place[1]])
        self.drawn.set_data(*near.T)
        self.stage.update()
        sure = all_seen.max(axis=1) > 0.95
        best = int(seen.argmax())
        kinds = len(set(all_seen[sure].argmax(axis=1).tolist()))
        self.told.value = (
            f"the classifier sees a <b>{best}</b> here, with {seen[best]:.0%}<br>it is at least 95 % sure at "
            f"<b>{sure.mean():.0%}</b> of all places in the plane; kinds seen there: <b>{kinds}</b>"
        )


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    return v.stage.below(
        widgets.VBox([v.kind, v.beta, v.digit]),
        widgets.VBox([v.x, v.y, v.width, v.draw]),
        v.told,
    )
