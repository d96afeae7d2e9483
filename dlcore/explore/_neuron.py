"""Explorer of lesson 01: one neuron, its weights, its bias, and the line it draws."""

from __future__ import annotations

import math
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from dlcore import data
from dlcore.activations import sigmoid_forward
from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Stage
from dlcore.plot import COLORS
from dlcore.scratch.neurons import perceptron_step, predict

EXTENT = 3.0
_RNG = 7

DATASETS = {
    "two clouds": lambda: data.blobs(20, np.random.default_rng(_RNG), distance=3.4, spread=0.55),
    "overlapping clouds": lambda: data.blobs(20, np.random.default_rng(_RNG), distance=2.0),
    "XOR": lambda: data.xor(10, np.random.default_rng(_RNG)),
}


class State(NamedTuple):
    """What the picture shows: the output on a grid (G, G), the sums and answers of N points."""

    output: np.ndarray
    z: np.ndarray
    p: np.ndarray
    mistakes: int


def state(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, b: float, smooth: bool = False, grid: int = 80
) -> State:
    """Run one neuron with weights w (2,) and bias b on points x (N, 2) and on the plane."""
    axis = np.linspace(-EXTENT, EXTENT, grid)
    plane = axis[None, :] * w[0] + axis[:, None] * w[1] + b
    output = sigmoid_forward(plane) if smooth else (plane > 0).astype(float)
    z = x @ w + b
    p = predict(x, w, b)
    return State(output, z, p, int((p != y).sum()))


def line_of(w: np.ndarray, b: float) -> tuple[float, float]:
    """Direction of w in degrees, and how far the line w x + b = 0 lies from the origin along it."""
    norm = math.hypot(w[0], w[1])
    if norm == 0:
        return 0.0, 0.0
    return math.degrees(math.atan2(w[1], w[0])), -b / norm


def weights_of(angle: float, distance: float, steepness: float) -> tuple[np.ndarray, float]:
    """The weights of length ``steepness`` and the bias that draw such a line."""
    turn = math.radians(angle)
    return steepness * np.array([math.cos(turn), math.sin(turn)]), -steepness * distance


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        def slider(name: str, low: float, high: float, step: float, value: float):
            return FloatSlider(
                value, min=low, max=high, step=step, description=name, readout_format=".2f"
            )

        self.dataset = widgets.Dropdown(options=list(DATASETS), description="data")
        self.smooth = widgets.ToggleButtons(options=["step", "sigmoid"], description="output")
        self.smooth.style.button_width = "86px"
        self.w1 = slider("w1", -5, 5, 0.05, 1.0)
        self.w2 = slider("w2", -5, 5, 0.05, -0.5)
        self.b = slider("b", -5, 5, 0.05, 0.5)
        self.angle = slider("line: angle", -180, 180, 1, 0)
        self.distance = slider("line: offset", -EXTENT, EXTENT, 0.05, 0)
        self.learn = widgets.Button(
            description="one epoch of learning",
            tooltip="Go once through the points with the perceptron rule",
            layout=widgets.Layout(width="auto", margin="2px 2px 2px 90px"),
        )
        self.said = widgets.HTML()
        self.weights, self.bias = np.array([1.0, -0.5]), 0.5
        self._load()
        self._draw_figure()
        for control in (self.w1, self.w2, self.b, self.angle, self.distance):
            control.observe(self._moved, "value")
        self.dataset.observe(lambda _: self._change_data(), "value")
        self.smooth.observe(lambda _: self.show(), "value")
        self.learn.on_click(lambda _: self._learn())
        self._show_points()
        self.stage.on_drag(self.plane, self._through)
        self._become(self.weights, self.bias)

    def _through(self, x: float, y: float) -> None:
        """Somebody dragged the line: it keeps its angle and goes through this point."""
        self._become(self.weights, -float(self.weights @ (x, y)))

    def _load(self) -> None:
        self.points = DATASETS[str(self.dataset.value)]()

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(7.2, 3.5), dpi=100, layout="constrained")
        plane, sums = figure.subplots(1, 2, width_ratios=[1.15, 1])
        self.plane = plane
        two = LinearSegmentedColormap.from_list("two", [COLORS[0], "white", COLORS[1]])
        self.picture = plane.imshow(
            np.zeros((80, 80)),
            origin="lower",
            extent=(-EXTENT, EXTENT, -EXTENT, EXTENT),
            cmap=two,
            vmin=-1,
            vmax=2,
            interpolation="nearest",
        )
        (self.line,) = plane.plot([], [], color="black", lw=2, zorder=3)
        (self.arrow,) = plane.plot([], [], color="black", lw=1, marker="o", ms=3, zorder=3)
        marks = [("o", COLORS[0]), ("s", COLORS[1])]
        self.clouds = [
            plane.plot([], [], m, color=c, mec="white", ms=7, zorder=4, label=f"class {i}")[0]
            for i, (m, c) in enumerate(marks)
        ]
        (self.wrong,) = plane.plot([], [], "o", mfc="none", mec="black", ms=13, mew=1.6, zorder=5)
        plane.set(xlabel="x1", ylabel="x2", xlim=(-EXTENT, EXTENT), ylim=(-EXTENT, EXTENT))
        plane.set_title("the plane; a ring marks a mistake", fontsize=10)
        self.curve = sums.plot([], [], color="black", lw=1.5)[0]
        self.on_curve = [
            sums.plot([], [], m, color=c, mec="white", ms=7, alpha=0.9)[0] for m, c in marks
        ]
        sums.axvline(0, color="0.6", lw=1, ls=":")
        sums.set(xlabel="weighted sum z = w1 x1 + w2 x2 + b", ylabel="output", xlim=(-8, 8))
        sums.set(ylim=(-0.15, 1.15), yticks=[0, 0.5, 1])
        sums.set_title("what the neuron makes of each point", fontsize=10)
        moving = [self.picture, self.line, self.arrow, *self.clouds, self.wrong]
        self.stage = Stage(
            figure,
            [*moving, self.curve, *self.on_curve],
            "Left, points of two classes and the neuron's decision line. "
            "Right, each point's weighted sum and the output. The text below says how many are right.",
        )

    def _show_points(self) -> None:
        for i, cloud in enumerate(self.clouds):
            cloud.set_data(*self.points.x[self.points.y == i].T)

    def _change_data(self) -> None:
        self._load()
        self._show_points()
        self.show()

    def _moved(self, change: dict) -> None:
        """Somebody moved a slider: the neuron changes, and the other sliders follow."""
        control = change["owner"]
        if self.stage.is_setting:
            return
        if control in (self.angle, self.distance):
            steepness = max(math.hypot(*self.weights), 0.1)
            w, b = weights_of(self.angle.value, self.distance.value, steepness)
        else:
            w, b = self.weights.copy(), self.bias
            if control is self.b:
                b = control.value
            else:
                w[0 if control is self.w1 else 1] = control.value
        self._become(w, b, moved=control)

    def _become(self, w: np.ndarray, b: float, moved: FloatSlider | None = None) -> None:
        """Take these weights, show them on every slider but the one that was moved, and draw."""
        self.weights, self.bias = w, b
        angle, distance = line_of(w, b)
        line = (
            {}
            if moved in (self.angle, self.distance)
            else {self.angle: angle, self.distance: distance}
        )
        with self.stage.setting():
            for control, value in {self.w1: w[0], self.w2: w[1], self.b: b, **line}.items():
                if control is not moved:
                    control.value = value
        self.show()

    def _learn(self) -> None:
        w, b = self.weights, self.bias
        for xi, yi in zip(self.points.x, self.points.y, strict=True):
            w, b = perceptron_step(xi, int(yi), w, b, lr=0.1)
        self._become(w, b)

    @when_free
    def show(self) -> None:
        x, y = self.points.x, self.points.y
        smooth = self.smooth.value == "sigmoid"
        now = state(x, y, self.weights, self.bias, smooth)
        self.picture.set_data(now.output)
        angle, distance = line_of(self.weights, self.bias)
        turn = math.radians(angle)
        foot = distance * np.array([math.cos(turn), math.sin(turn)])
        along = np.array([-math.sin(turn), math.cos(turn)])
        ends = np.stack([foot - 9 * along, foot + 9 * along])
        tip = foot + 0.6 * np.array([math.cos(turn), math.sin(turn)])
        there = math.hypot(*self.weights) > 0
        self.line.set_data(*(ends.T if there else np.empty((2, 0))))
        self.arrow.set_data(*(np.stack([foot, tip]).T if there else np.empty((2, 0))))
        self.wrong.set_data(*x[now.p != y].T)
        z = np.linspace(-8, 8, 201)
        self.curve.set_data(z, sigmoid_forward(z) if smooth else (z > 0).astype(float))
        out = sigmoid_forward(now.z) if smooth else now.p
        for i, dots in enumerate(self.on_curve):
            # a little apart, so that two classes at the same height can both be seen
            dots.set_data(np.clip(now.z[y == i], -8, 8), out[y == i] + (0.04 if i else -0.04))
        self.stage.update()
        self.said.value = (
            f"z = {self.weights[0]:+.2f} x1 {self.weights[1]:+.2f} x2 {self.bias:+.2f} "
            f"<br><b>{len(y) - now.mistakes} of {len(y)} points right</b>"
        )


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    controls = widgets.VBox(
        [v.dataset, v.smooth, v.w1, v.w2, v.b, v.angle, v.distance, v.learn, v.said]
    )
    controls.layout.width = "325px"
    box = widgets.HBox([controls, v.stage.image])
    box.layout.flex_flow = "row wrap"
    box.add_class("dlcourse-explorer")
    return box
