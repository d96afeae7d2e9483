"""Explorer of lesson 03: five losses and their slopes, for a number, a yes or no, and three classes."""

from __future__ import annotations

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from dlcore.activations import sigmoid_backward, sigmoid_forward, softmax_forward
from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Stage
from dlcore.plot import COLORS
from dlcore.scratch import losses

CLASSES = "ABC"


class Bend(NamedTuple):
    """A loss and its slope."""

    loss: np.ndarray
    slope: np.ndarray


def regression(x: np.ndarray, target: float, delta: float) -> dict[str, Bend]:
    """Predictions x (n,) of one number: three losses of each."""
    d = x - target
    pull = np.clip(d, -delta, delta)
    return {
        "squared": Bend(d * d, 2 * d),
        "absolute": Bend(np.abs(d), np.sign(d)),
        "Huber": Bend(pull * (d - pull / 2), pull),
    }


def binary(x: np.ndarray, yes: bool) -> dict[str, Bend]:
    """Scores x (n,) of one question: the cross-entropy, and the squared error of the probability."""
    s, t = sigmoid_forward(x), float(yes)
    surprise = np.logaddexp(0, x) - t * x
    return {
        "cross-entropy": Bend(surprise, s - t),
        "squared": Bend((s - t) ** 2, sigmoid_backward(2 * (s - t), s)),
    }


class Choice(NamedTuple):
    """Shares p (3,), the cross-entropy, and its gradient (3,)."""

    p: np.ndarray
    loss: float
    gradient: np.ndarray


def choice(scores: np.ndarray, right: int) -> Choice:
    """Three scores (3,), of which number ``right`` should win."""
    x, t = scores[None], np.array([right])
    gradient = losses.cross_entropy_gradient(x, t)[0]
    return Choice(softmax_forward(x, 1)[0], float(losses.cross_entropy(x, t)), gradient)


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        slider = FloatSlider
        self.x = slider(2.0, min=-4, max=4, step=0.1, description="prediction")
        self.target = slider(0.0, min=-4, max=4, step=0.1, description="target")
        self.delta = slider(1.0, min=0.1, max=3, step=0.1, description="Huber δ")
        self.score = slider(-2.0, min=-8, max=8, step=0.2, description="score")
        self.answer = widgets.ToggleButtons(options=["yes", "no"], description="answer")
        self.answer.style.button_width = "60px"
        self.scores = [
            slider(v, min=-6, max=6, step=0.2, description=f"score {name}")
            for name, v in zip(CLASSES, (1.0, 2.0, 3.0), strict=True)
        ]
        self.right = widgets.ToggleButtons(options=list(CLASSES), description="right class")
        self.right.style.button_width = "40px"
        self.said = [widgets.HTML() for _ in range(3)]
        self.plane = np.linspace(-4, 4, 161)
        self.line = np.linspace(-8, 8, 161)
        self._draw_figure()
        everything = (self.x, self.target, self.delta, self.score, self.answer, self.right)
        for control in (*everything, *self.scores):
            control.observe(lambda _: self.show(), "value")
        self.stage.on_drag(self.left, lambda x, y: setattr(self.x, "value", x))
        self.stage.on_drag(self.middle, lambda x, y: setattr(self.score, "value", x))
        self.show()

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.4, 3.5), dpi=100, layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=[1.1, 1.1, 0.9])
        self.left, self.middle = left, middle
        styles = list(zip(COLORS, ("-", "--", "-."), "os^", strict=False))

        def lines(ax, names):
            curves, dots, tangents = {}, {}, {}
            for name, (color, dash, marker) in zip(names, styles, strict=False):
                curves[name] = ax.plot([], [], dash, color=color, lw=2, label=name)[0]
                dots[name] = ax.plot([], [], marker, color=color, ms=7, mec="white")[0]
                tangents[name] = ax.plot([], [], color=color, lw=1)[0]
            return curves, dots, tangents

        self.regression = lines(left, ("squared", "absolute", "Huber"))
        self.at_target = left.plot([], [], color="0.6", lw=1, ls=":")[0]
        left.set(xlabel="prediction", ylabel="loss", xlim=(-4, 4), ylim=(-0.3, 6))
        left.set_title("a number", fontsize=10)
        left.legend(handles=list(self.regression[0].values()), loc="upper center", fontsize=8)
        self.binary = lines(middle, ("cross-entropy", "squared"))
        middle.set(xlabel="score", ylabel="loss", xlim=(-8, 8), ylim=(-0.3, 8))
        middle.set_title("yes or no", fontsize=10)
        middle.legend(handles=list(self.binary[0].values()), loc="upper center", fontsize=8)
        places = np.arange(3)
        self.shares = right.bar(places - 0.2, 0, 0.36, color=COLORS[0], label="share p")
        self.slopes = right.bar(
            places + 0.2, 0, 0.36, color=COLORS[1], hatch="//", label="slope of the loss"
        )
        right.axhline(0, color="0.6", lw=1)
        right.set(xlabel="class", xticks=places, xticklabels=CLASSES, ylim=(-1.1, 1.6))
        right.set_title("one of three", fontsize=10)
        right.legend(loc="upper left", fontsize=8)
        moving = [a for group in (*self.regression, *self.binary) for a in group.values()]
        moving += [self.at_target, *self.shares, *self.slopes]
        self.stage = Stage(
            figure,
            moving,
            "Left, squared, absolute and Huber loss of a prediction. Middle, cross-entropy and squared "
            "error of a score. Right, shares of three classes and slopes. The text gives the numbers.",
        )

    def _place(self, group, x: np.ndarray, curves: dict[str, Bend], at: float, here) -> None:
        reach = np.array([-1.0, 1.0]) * (x[-1] - x[0]) / 10
        for name, bend in curves.items():
            curve, dot, tangent = (part[name] for part in group)
            loss, slope = here[name].loss[0], here[name].slope[0]
            curve.set_data(x, bend.loss)
            dot.set_data([at], [loss])
            tangent.set_data(at + reach, loss + slope * reach)

    @when_free
    def show(self) -> None:
        x, target, delta = self.x.value, self.target.value, self.delta.value
        here = regression(np.array([x]), target, delta)
        curves = regression(self.plane, target, delta)
        self._place(self.regression, self.plane, curves, x, here)
        self.at_target.set_data([target, target], [-1, 7])
        self.said[0].value = "<br>".join(
            f"{name}: loss {b.loss[0]:.2f}, slope {b.slope[0]:.2f}" for name, b in here.items()
        )
        score, yes = self.score.value, self.answer.value == "yes"
        here = binary(np.array([score]), yes)
        self._place(self.binary, self.line, binary(self.line, yes), score, here)
        probability = sigmoid_forward(np.array([score]))[0]
        self.said[1].value = f"probability of yes: {probability:.4f}<br>" + "<br>".join(
            f"{name}: loss {b.loss[0]:.3f}, slope {b.slope[0]:.4f}" for name, b in here.items()
        )
        found = choice(np.array([s.value for s in self.scores]), int(self.right.index or 0))
        for k in range(3):
            self.shares[k].set_height(found.p[k])
            self.slopes[k].set_height(found.gradient[k])
        shares = " ".join(f"{p:.3f}" for p in found.p)
        slopes = " ".join(f"{g:+.3f}" for g in found.gradient)
        self.said[2].value = f"p: {shares}<br>slope: {slopes}<br>cross-entropy: {found.loss:.3f}"
        self.stage.update()


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    return v.stage.below(
        widgets.VBox([v.x, v.target, v.delta, v.said[0]]),
        widgets.VBox([v.score, v.answer, v.said[1]]),
        widgets.VBox([*v.scores, v.right, v.said[2]]),
    )
