"""Explorer of lesson 06: four optimizers race downhill on a surface; rate, momentum and start can be moved."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Stage
from dlcore.plot import COLORS, MARKERS
from dlcore.scratch.optimizers import AdamW, momentum_step, rmsprop_step

STEPS = 150
EDGE = 4.0  # the surfaces are shown on [-4, 4]^2
LOST = 1e3  # who is farther away has left for good
FLOOR = 1e-6  # of the loss curves
RACERS = ("SGD", "momentum", "RMSprop", "Adam")
_X = np.linspace(-2, 2, 21)
_T = 1.5 * np.tanh(2 * _X)


class Surface(NamedTuple):
    """``loss`` and ``gradient`` of points (..., 2), the lowest loss, and a start that shows something."""

    loss: Callable[[np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray], np.ndarray]
    lowest: float
    start: tuple[float, float]
    rate: float


def _bowl(a: float, b: float) -> tuple[Callable, Callable]:
    curvature = np.array([a, b])
    return lambda p: (curvature * p**2).sum(-1) / 2, lambda p: curvature * p


def _saddle(p: np.ndarray) -> np.ndarray:
    x, y = np.moveaxis(p, -1, 0)
    return x**2 / 2 - y**2 / 2 + y**4 / 16


def _saddle_gradient(p: np.ndarray) -> np.ndarray:
    x, y = np.moveaxis(p, -1, 0)
    return np.stack([x, y**3 / 4 - y], -1)


def _rosenbrock(p: np.ndarray) -> np.ndarray:
    u, v = p[..., 0] / 2, (p[..., 1] + 3) / 2
    return (1 - u) ** 2 + 10 * (v - u**2) ** 2


def _rosenbrock_gradient(p: np.ndarray) -> np.ndarray:
    u, v = p[..., 0] / 2, (p[..., 1] + 3) / 2
    return np.stack([u - 1 - 20 * u * (v - u**2), 10 * (v - u**2)], -1)


def _network(p: np.ndarray) -> np.ndarray:
    """The squared error of y = w2 tanh(w1 x) on 21 points."""
    h = np.tanh(p[..., :1] * _X)
    return ((p[..., 1:] * h - _T) ** 2).mean(-1)


def _network_gradient(p: np.ndarray) -> np.ndarray:
    h = np.tanh(p[..., :1] * _X)
    g = 2 * (p[..., 1:] * h - _T) / len(_X)
    return np.stack([(g * p[..., 1:] * (1 - h**2) * _X).sum(-1), (g * h).sum(-1)], -1)


SURFACES = {
    "bowl": Surface(*_bowl(1, 1), 0.0, (3.0, 2.0), 0.1),
    "ravine": Surface(*_bowl(0.5, 20), 0.0, (-3.5, 1.0), 0.05),
    "saddle": Surface(_saddle, _saddle_gradient, -1.0, (3.0, 0.2), 0.1),
    "Rosenbrock's valley": Surface(_rosenbrock, _rosenbrock_gradient, 0.0, (-3.0, 2.0), 0.03),
    "a network of two weights": Surface(_network, _network_gradient, 0.0, (-1.0, 3.0), 0.1),
}


@lru_cache(maxsize=8)  # while only the step moves, the race is the same
def state(surface: str, start: tuple[float, float], rate: float, momentum: float) -> np.ndarray:
    """The ways (4, STEPS + 1, 2) of SGD, momentum, RMSprop and Adam; NaN from where one is lost."""
    gradient = SURFACES[surface].gradient
    x = np.tile(np.array(start, dtype=float), (4, 1))
    way, v, s, adam = [x], np.zeros(2), np.zeros(2), AdamW(rate, weight_decay=0.0)
    for _ in range(STEPS):
        g = gradient(x)
        plain = x[0] - rate * g[0]
        rolled, v = momentum_step(x[1], v, g[1], rate, momentum)
        scaled, s = rmsprop_step(x[2], s, g[2], rate, 0.9)
        x = np.stack([plain, rolled, scaled, *adam.step([x[3]], [g[3]])])
        x[~(np.abs(x).max(1) < LOST)] = np.nan
        way.append(x)
    return np.stack(way, 1)


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        slider = FloatSlider
        self.surface = widgets.Dropdown(
            options=list(SURFACES), value="ravine", description="surface"
        )
        self.start = [
            slider(0, min=-EDGE, max=EDGE, step=0.1, description=f"start {name}") for name in "xy"
        ]
        self.rate = widgets.FloatLogSlider(0.05, min=-3, max=0.5, step=0.02, description="rate η")
        self.momentum = slider(0.9, min=0, max=0.98, step=0.02, description="momentum")
        self.step = widgets.IntSlider(60, min=0, max=STEPS, description="step")
        self.play = widgets.Play(value=60, min=0, max=STEPS, interval=50)
        self.link = widgets.link((self.play, "value"), (self.step, "value"))
        self.said = widgets.HTML()
        self._draw_figure()
        self._change_surface()
        self.surface.observe(lambda _: self._change_surface(), "value")
        for control in (*self.start, self.rate, self.momentum, self.step):
            control.observe(lambda _: self.show(), "value")
        self.stage.on_drag(self.left, self._start_at)

    def _start_at(self, x: float, y: float) -> None:
        self.start[0].value, self.start[1].value = x, y

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.4, 4.0), dpi=100, layout="constrained")
        self.left, right = figure.subplots(1, 2, width_ratios=[1, 1])
        looks = list(zip(RACERS, COLORS, ("-", "--", "-.", ":"), MARKERS, strict=False))
        self.curves = [right.plot([], [], dash, color=c, lw=2)[0] for _, c, dash, _ in looks]
        right.set(xlabel="step", ylabel="loss above the lowest", xlim=(0, STEPS), yscale="log")
        right.set_ylim(FLOOR, 1e3)
        right.set_title("the loss", fontsize=10)
        for (name, color, dash, marker), curve in zip(looks, self.curves, strict=True):
            curve.set_label(name)
            right.plot([], [], dash, color=color, marker=marker, label=name)
        handles = right.get_lines()[len(looks) :]
        right.legend(handles=handles, loc="lower left", fontsize=8)
        self.looks = looks
        self.stage = Stage(
            figure,
            [],
            "Left, a loss surface from above with the ways of four optimizers from one start. Right, the "
            "loss of each against the step. The text gives their losses.",
        )

    def _change_surface(self) -> None:
        """Draw the contours anew; the racers begin where this surface shows something."""
        surface = SURFACES[str(self.surface.value)]
        ax = self.left
        ax.clear()
        axis = np.linspace(-EDGE, EDGE, 90)
        height = surface.loss(np.stack(np.meshgrid(axis, axis), -1)) - surface.lowest
        levels = np.quantile(height, np.linspace(0, 1, 14)[1:-1] ** 1.5)
        ax.contour(axis, axis, height, levels=np.unique(levels), colors="0.8", linewidths=1)
        ax.set(xlabel="x", ylabel="y", xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE))
        ax.set_title(str(self.surface.value), fontsize=10)
        self.ways, self.heads = [], []
        for _, color, dash, marker in self.looks:
            self.ways += ax.plot([], [], dash, color=color, lw=1.5)
            self.heads += ax.plot([], [], marker, color=color, ms=8, mec="white")
        self.stage.moving = [*self.ways, *self.heads, *self.curves]
        for artist in self.stage.moving:
            artist.set_animated(True)
        self.stage.renew()
        self._start_at(*surface.start)
        self.rate.value = surface.rate
        self.show()

    @when_free
    def show(self) -> None:
        name = str(self.surface.value)
        surface = SURFACES[name]
        start = (self.start[0].value, self.start[1].value)
        ways = state(name, start, self.rate.value, self.momentum.value)
        now = self.step.value
        above = np.maximum(surface.loss(ways) - surface.lowest, FLOOR)
        for k, way in enumerate(ways):
            self.ways[k].set_data(*way[: now + 1].T)
            self.heads[k].set_data(*way[now : now + 1].T)
            self.curves[k].set_data(np.arange(now + 1), above[k, : now + 1])
        self.stage.update()
        words = [
            f"{racer}: {'left the picture for good' if np.isnan(loss) else f'{loss:.2g}'}"
            for racer, loss in zip(RACERS, above[:, now], strict=True)
        ]
        self.said.value = f"after {now} steps, loss above the lowest:<br>" + "<br>".join(words)


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    return v.stage.below(
        widgets.VBox([v.surface, *v.start]),
        widgets.VBox([v.rate, v.momentum, v.step, v.play]),
        v.said,
    )
