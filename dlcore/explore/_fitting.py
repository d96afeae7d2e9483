"""Explorer of lesson 08: a curve through noisy points, with too few weights, enough, or far too many."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Stage
from dlcore.plot import COLORS
from dlcore.scratch.regularization import ridge

MOST = 60  # weights
NEW = 200  # points for the error on new ones
KINDS = ("polynomials", "waves")
LEAST, LARGEST = 1e-3, 1e3  # of the errors that are shown


class Settings(NamedTuple):
    """Everything that a fit depends on; ``moved`` are pairs (number of a point, its height)."""

    kind: str = KINDS[0]
    points: int = 15
    noise: float = 0.2
    weights: int = 8
    l2: float = 1e-9
    seed: int = 1
    moved: tuple[tuple[int, float], ...] = ()


class State(NamedTuple):
    """The points x and y (points,), the curve (len(AXIS),), and the mean squared errors.

    ``errors`` (2, MOST) are those on the points and on new ones, for 1 to MOST weights; NaN where too large to tell.
    """

    x: np.ndarray
    y: np.ndarray
    curve: np.ndarray
    errors: np.ndarray


AXIS = np.linspace(-1, 1, 241)


def truth(x: np.ndarray) -> np.ndarray:
    """What the points are noisy measurements of."""
    return np.sin(np.pi * x) + 0.3 * np.cos(3 * np.pi * x)


def features(kind: str, x: np.ndarray) -> np.ndarray:
    """Shapes: x (N,) -> (N, MOST); the first few columns are a smaller model.

    Legendre's polynomials, or cosines, from slow to quick. The quick ones are small, so that the shortest vector of
    weights is a smooth curve.
    """
    k = np.arange(MOST)
    if kind == KINDS[0]:
        return np.polynomial.legendre.legvander(x, MOST - 1) / np.sqrt(1 + k)
    return np.cos(np.pi / 2 * (x[:, None] + 1) * k) / (1 + k)


@lru_cache(maxsize=4)  # while only the number of weights moves, all else is the same
def _errors(settings: Settings) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(settings.seed)
    places, new = np.arange(settings.points) + rng.random(settings.points), rng.uniform(-1, 1, NEW)
    x = (
        2 * places / settings.points - 1
    )  # spread over the whole, each at random in a piece of its own
    y = truth(x) + settings.noise * rng.standard_normal(len(x))
    y_new = truth(new) + settings.noise * rng.standard_normal(NEW)
    for number, height in settings.moved:
        y[number] = height
    rows, unseen = features(settings.kind, x), features(settings.kind, new)
    fits, errors = [], np.empty((2, MOST))
    for k in range(1, MOST + 1):
        w = ridge(rows[:, :k], y, settings.l2)
        fits.append(w)
        errors[:, k - 1] = (
            np.mean((rows[:, :k] @ w - y) ** 2),
            np.mean((unseen[:, :k] @ w - y_new) ** 2),
        )
    curves = features(settings.kind, AXIS)
    return x, y, np.stack([curves[:, : len(w)] @ w for w in fits]), errors


def state(settings: Settings) -> State:
    """The curve of ``settings.weights`` weights, and the errors for every number of them."""
    x, y, curves, errors = _errors(settings._replace(weights=0))
    return State(x, y, curves[settings.weights - 1], errors)


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        first = Settings()
        whole, slider = widgets.IntSlider, FloatSlider
        self.kind = widgets.Dropdown(options=KINDS, value=first.kind, description="made of")
        self.weights = whole(first.weights, min=1, max=MOST, description="weights")
        self.points = whole(first.points, min=5, max=40, description="points")
        self.noise = slider(first.noise, min=0, max=1, step=0.05, description="noise")
        self.l2 = widgets.FloatLogSlider(
            first.l2, min=-9, max=2, step=0.2, description="penalty λ", readout_format=".1g"
        )
        self.seed = whole(first.seed, min=0, max=20, description="seed")
        self.said = widgets.HTML()
        self.moved: dict[int, float] = {}
        self._draw_figure()
        for control in (self.points, self.noise, self.seed):
            control.observe(lambda _: self.moved.clear(), "value")
        for control in (self.kind, self.weights, self.points, self.noise, self.l2, self.seed):
            control.observe(lambda _: self.show(), "value")
        self.stage.on_drag(self.left, self._drag)
        self.show()

    def _drag(self, x: float, y: float) -> None:
        """The nearest point goes to the height of the pointer."""
        self.moved[int(np.abs(self.now.x - x).argmin())] = round(y, 2)
        self.show()

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.4, 3.8), dpi=100, layout="constrained")
        self.left, right = figure.subplots(1, 2)
        self.left.plot(AXIS, truth(AXIS), color="0.6", lw=1.5, ls=":", label="what is true")
        self.fit = self.left.plot([], [], color=COLORS[1], lw=2, label="the fit")[0]
        self.dots = self.left.plot([], [], "o", color=COLORS[0], mec="white", ms=7, label="points")[
            0
        ]
        self.left.set(xlabel="x", ylabel="y", xlim=(-1.02, 1.02), ylim=(-2.5, 2.5))
        self.left.set_title("points can be dragged up and down", fontsize=10)
        self.left.legend(loc="upper left", fontsize=8)
        looks = (("on the points", "-"), ("on new ones", "--"))
        self.errors = [
            right.plot([], [], dash, color=COLORS[k], lw=2, label=name)[0]
            for k, (name, dash) in enumerate(looks)
        ]
        self.here = right.plot([], [], color="0.4", lw=1)[0]
        self.limit = right.plot([], [], color="0.7", lw=1, ls=":", label="as many as points")[0]
        right.set(xlabel="weights", ylabel="mean squared error", xlim=(0, MOST), yscale="log")
        right.set_ylim(LEAST, LARGEST)
        right.set_title("the errors", fontsize=10)
        right.legend(loc="upper right", fontsize=8)
        self.stage = Stage(
            figure,
            [self.fit, self.dots, *self.errors, self.here, self.limit],
            "Left, noisy points, the true curve and the one that is fitted. Right, the errors on the points and on "
            "new ones against the number of weights. The text gives both.",
        )

    @when_free
    def show(self) -> None:
        moved = tuple(sorted(self.moved.items()))
        settings = Settings(
            str(self.kind.value),
            self.points.value,
            self.noise.value,
            self.weights.value,
            self.l2.value,
            self.seed.value,
            moved,
        )
        self.now = now = state(settings)
        k = settings.weights
        self.dots.set_data(now.x, now.y)
        self.fit.set_data(AXIS, np.clip(now.curve, -9, 9))
        for line, errors in zip(self.errors, now.errors, strict=True):
            line.set_data(np.arange(1, MOST + 1), np.clip(errors, LEAST, LARGEST))
        self.here.set_data([k, k], [LEAST, LARGEST])
        self.limit.set_data([settings.points] * 2, [LEAST, LARGEST])
        self.stage.update()
        known, new = now.errors[:, k - 1]
        best = int(now.errors[1].argmin()) + 1
        self.said.value = (
            f"{settings.points} points, {k} weights<br>error on the points: {known:.3f}<br>"
            f"error on new ones: {new:.3g}<br>smallest with {best} weights: {now.errors[1].min():.3f}"
        )


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    return v.stage.below(
        widgets.VBox([v.weights, v.l2, v.kind]),
        widgets.VBox([v.points, v.noise, v.seed]),
        v.said,
    )
