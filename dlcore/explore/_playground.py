"""Explorer of lesson 07: a small network learns to tell two classes of points apart, while one watches."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from dlcore import activations as act
from dlcore import data
from dlcore.explore._flat import FlatAdamW
from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Pixels, Stage
from dlcore.explore._tints import tinted
from dlcore.plot import COLORS, MARKERS
from dlcore.scratch.losses import cross_entropy, cross_entropy_gradient
from dlcore.scratch.training import batches, he_init

EPOCHS = 400
AT_ONCE = 10  # epochs from one picture to the next, on the way to a later one
EACH = 100  # points of a class
BATCH = 40
EDGE = 2.0  # the plane is shown on [-2, 2]^2
GRID, ZOOM = 100, 3  # places along an edge of the plane, pixels of a place
TILE, GAP = 36, 8  # pixels of a unit's picture


class Bend(NamedTuple):
    """An activation, and its backward pass from the gradient and the *output*."""

    f: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray, np.ndarray], np.ndarray]


BENDS = {
    "ReLU": Bend(act.relu_forward, lambda g, y: g * (y > 0)),
    "tanh": Bend(act.tanh_forward, act.tanh_backward),
    "sigmoid": Bend(act.sigmoid_forward, act.sigmoid_backward),
    "none": Bend(lambda z: z, lambda g, y: g),
}


def _rings(n: int, rng: np.random.Generator, spread: float) -> data.Dataset:
    angle, radius = 2 * np.pi * rng.random(2 * n), np.repeat([0.4, 1.3], n)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    x += spread * rng.standard_normal(x.shape)
    return data.Dataset(x, np.repeat([0, 1], n), ("x1", "x2"), ("inner", "outer"))


def _moved(points: data.Dataset, shift: tuple[float, float], scale: float) -> data.Dataset:
    return points._replace(x=(points.x - shift) * scale)


# every set fills the plane that is shown, and ``noise`` of 1 makes each of them hard
POINTS: dict[str, Callable[[float, np.random.Generator], data.Dataset]] = {
    "clouds": lambda noise, rng: data.blobs(EACH, rng, 2.0, 0.3 + noise),
    "xor": lambda noise, rng: data.xor(EACH // 2, rng, 0.2 + 0.6 * noise),
    "rings": lambda noise, rng: _rings(EACH, rng, 0.1 + 0.5 * noise),
    "moons": lambda noise, rng: _moved(data.moons(EACH, rng, 0.05 + 0.5 * noise), (0.5, 0.25), 1.1),
    "spirals": lambda noise, rng: _moved(
        data.spirals(EACH, rng, turns=1.75, spread=0.02 + 0.2 * noise), (0, 0), 1.6
    ),
}


class Settings(NamedTuple):
    """Everything that a run depends on."""

    points: str = "moons"
    noise: float = 0.2
    layers: int = 2
    units: int = 4
    activation: str = "tanh"
    rate: float = 0.02
    decay: float = 0.001
    seed: int = 0


class State(NamedTuple):
    """What there is to see after an epoch.

    ``plane`` (GRID, GRID) is the probability of class 1, its first row below; ``maps`` has for each layer the
    outputs (units, GRID, GRID); ``losses`` and ``right`` are those on the training points and on new ones,
    (2, epochs + 1) each.
    """

    plane: np.ndarray
    maps: list[np.ndarray]
    losses: np.ndarray
    right: np.ndarray


_AXIS = (np.arange(GRID) + 0.5) / GRID * 2 * EDGE - EDGE
_PLANE = np.stack(np.meshgrid(_AXIS, _AXIS), -1).reshape(-1, 2)


class Run:
    """A training that remembers each epoch, and goes on from the last one when more are asked for."""

    def __init__(self, settings: Settings) -> None:
        self.bend, seed = BENDS[settings.activation], settings.seed
        sizes = [2, *[settings.units] * settings.layers, 2]
        self.rng = np.random.default_rng([seed, 1])
        self.adam = FlatAdamW(settings.rate, weight_decay=settings.decay)
        drawn = np.random.default_rng([seed, 2])
        self.known, self.new = (POINTS[settings.points](settings.noise, drawn) for _ in range(2))
        self.networks = [he_init(sizes, [seed, 3])]
        self.losses: list[list[float]] = []
        self.right: list[list[float]] = []
        self._measure()

    def outputs(self, x: np.ndarray, params: list[np.ndarray]) -> list[np.ndarray]:
        """x (N, 2), the outputs of each layer (N, units), and the scores (N, 2)."""
        found = [x]
        for i in range(0, len(params), 2):
            z = found[-1] @ params[i].T + params[i + 1]
            found.append(self.bend.f(z) if i + 2 < len(params) else z)
        return found

    def until(self, epoch: int) -> None:
        """Train on, if it has not come so far."""
        while len(self.networks) <= epoch:
            params = self.networks[-1]
            for rows in batches(2 * EACH, BATCH, self.rng):
                grads = self._gradients(params, self.known.x[rows], self.known.y[rows])
                params = self.adam.step(params, grads)
            self.networks.append(params)
            self._measure()

    def _gradients(
        self, params: list[np.ndarray], x: np.ndarray, t: np.ndarray
    ) -> list[np.ndarray]:
        outputs = self.outputs(x, params)
        g, found = cross_entropy_gradient(outputs[-1], t), []
        for i in range(len(params) - 2, -1, -2):
            found += [g.sum(0), g.T @ outputs[i // 2]]
            if i:
                g = self.bend.back(g @ params[i], outputs[i // 2])
        return found[::-1]

    def _measure(self) -> None:
        scores = [
            self.outputs(points.x, self.networks[-1])[-1] for points in (self.known, self.new)
        ]
        pairs = list(zip(scores, (self.known.y, self.new.y), strict=True))
        self.losses.append([float(cross_entropy(s, t)) for s, t in pairs])
        self.right.append([float((s.argmax(1) == t).mean()) for s, t in pairs])


_run = lru_cache(maxsize=4)(Run)


def state(settings: Settings, epoch: int) -> State:
    """The network of these settings after ``epoch`` epochs. The same settings give the same network."""
    run = _run(settings)
    run.until(epoch)
    _, *hidden, scores = run.outputs(_PLANE, run.networks[epoch])
    return State(
        plane=act.sigmoid_forward(scores[:, 1] - scores[:, 0]).reshape(GRID, GRID),
        maps=[h.T.reshape(-1, GRID, GRID) for h in hidden],
        losses=np.array(run.losses[: epoch + 1]).T,
        right=np.array(run.right[: epoch + 1]).T,
    )


WIDTH, HEIGHT = 940, 400
SIDE = GRID * ZOOM
_LEFT, _TOP = 62, 40  # of the plane
_MIDDLE = _LEFT + SIDE + 34  # where the units begin


def tiles(maps: list[np.ndarray]) -> np.ndarray:
    """A small picture for each unit, a column for each layer, on white: pixels (8 steps, 3 steps, 3)."""
    step = TILE + GAP
    picture = np.full((8 * step, 3 * step, 3), 255, np.uint8)
    thin = (np.arange(TILE) * GRID) // TILE
    for x, units in zip(range(0, 3 * step, step), maps, strict=False):
        for y, unit in zip(range(0, 8 * step, step), units, strict=False):
            small = unit[np.ix_(thin, thin)]
            small = 0.5 + small / (2 * max(np.abs(small).max(), 1e-9))
            picture[y : y + TILE, x : x + TILE] = tinted(small)
    return picture


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        first = Settings()
        slider, whole, choice = FloatSlider, widgets.IntSlider, widgets.Dropdown
        many = widgets.FloatLogSlider
        self.controls: dict[str, Any] = {
            "points": choice(options=list(POINTS), value=first.points, description="points"),
            "noise": slider(first.noise, min=0, max=1, step=0.05, description="noise"),
            "layers": whole(first.layers, min=0, max=3, description="layers"),
            "units": whole(first.units, min=1, max=8, description="units"),
            "activation": choice(
                options=list(BENDS), value=first.activation, description="activation"
            ),
            "rate": many(first.rate, min=-4, max=0, step=0.1, description="rate η"),
            "decay": many(first.decay, min=-4, max=1, step=0.1, description="decay"),
            "seed": whole(first.seed, min=0, max=20, description="seed"),
        }
        self.epoch = whole(20, min=0, max=EPOCHS, description="epoch")
        self.play = widgets.Play(value=20, min=0, max=EPOCHS, interval=60)
        self.link = widgets.link((self.play, "value"), (self.epoch, "value"))
        self.step = widgets.Button(description="one epoch more")
        self.afresh = widgets.Button(description="start afresh")
        self.said = widgets.HTML()
        self._draw_figure()
        for control in (*self.controls.values(), self.epoch):
            control.observe(lambda _: self.show(), "value")
        self.step.on_click(lambda _: self._go(min(self.epoch.value + 1, EPOCHS)))
        self.afresh.on_click(lambda _: self._go(0))
        self.show()

    def _go(self, epoch: int) -> None:
        self.epoch.value = epoch

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        box = lambda x, y, w, h: (x / WIDTH, 1 - (y + h) / HEIGHT, w / WIDTH, h / HEIGHT)
        plane = figure.add_axes(box(_LEFT, _TOP, SIDE, SIDE))
        plane.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), xlabel="x1", ylabel="x2")
        plane.set_title("circles: class 0, squares: class 1", fontsize=10)
        plane.patch.set_alpha(0)
        self.points = [
            plane.plot([], [], MARKERS[k], color=COLORS[k], mec="white", ms=5)[0] for k in (0, 1)
        ]
        heading: dict[str, Any] = {"fontsize": 10, "va": "bottom"}
        figure.text(_MIDDLE / WIDTH, 1 - (_TOP - 6) / HEIGHT, "the units, by layers", **heading)
        curves = figure.add_axes(box(_MIDDLE + 3 * (TILE + GAP) + 60, _TOP, 320, SIDE))
        looks = (("training points", "-"), ("new points", "--"))
        self.curves = [
            curves.plot([], [], dash, color=COLORS[k], lw=2, label=name)[0]
            for k, (name, dash) in enumerate(looks)
        ]
        curves.set(xlabel="epoch", ylabel="cross-entropy", xlim=(0, EPOCHS), yscale="log")
        curves.set_ylim(1e-3, 3)
        curves.set_title("the loss", fontsize=10)
        curves.legend(loc="lower left", fontsize=8)
        self.plane = Pixels(np.zeros((SIDE, SIDE, 3), np.uint8), _TOP, _LEFT)
        self.tiles = Pixels(np.zeros((0, 0, 3), np.uint8), _TOP, _MIDDLE)
        self.stage = Stage(
            figure,
            [self.plane, self.tiles, *self.points, *self.curves],
            "Left, points of two classes on a plane, tinted by what the network takes each place for. Middle, a "
            "small picture of every unit. Right, the loss against the epoch. The text gives the numbers.",
        )

    @when_free
    def show(self) -> bool:
        """The picture of the epoch that is asked for, or of one on the way there."""
        for name in ("units", "activation"):
            self.controls[name].disabled = not self.controls["layers"].value
        now = Settings(**{name: control.value for name, control in self.controls.items()})
        reached = len(_run(now).networks) - 1
        epoch = min(self.epoch.value, reached + AT_ONCE)
        seen = state(now, epoch)
        known = _run(now).known
        for k, line in enumerate(self.points):
            line.set_data(*known.x[known.y == k].T)
        self.plane.pixels = tinted(seen.plane, ZOOM)
        self.tiles.pixels = tiles(seen.maps)
        for curve, losses in zip(self.curves, seen.losses, strict=True):
            curve.set_data(np.arange(epoch + 1), np.maximum(losses, 1e-3))
        self.stage.update()
        loss, right = seen.losses[:, -1], seen.right[:, -1]
        self.said.value = (
            f"after {epoch} epochs<br>training points: loss {loss[0]:.3f}, {right[0]:.0%} right<br>"
            f"new points: loss {loss[1]:.3f}, {right[1]:.0%} right"
        )
        return epoch < self.epoch.value


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    c = v.controls
    return v.stage.below(
        widgets.VBox([c["points"], c["noise"], c["seed"], v.epoch]),
        widgets.VBox([c["layers"], c["units"], c["activation"], v.play]),
        widgets.VBox([c["rate"], c["decay"], widgets.HBox([v.step, v.afresh]), v.said]),
    )
