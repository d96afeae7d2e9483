"""Explorer of lesson 02: an activation, its slope, and a deep stack of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from dlcore import activations as act
from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Stage
from dlcore.plot import COLORS

WIDTH, INPUTS, DEEPEST = 64, 64, 40
FLAT = 0.05  # a slope below this carries almost nothing back


class Bend(NamedTuple):
    """An activation and its slope, both from arrays to arrays."""

    f: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


def _from_output(forward: Callable, backward: Callable) -> Bend:
    return Bend(forward, lambda x: backward(np.ones_like(x), forward(x)))


def _from_input(forward: Callable, backward: Callable) -> Bend:
    return Bend(forward, lambda x: backward(np.ones_like(x), x))


BENDS = {
    "sigmoid": _from_output(act.sigmoid_forward, act.sigmoid_backward),
    "tanh": _from_output(act.tanh_forward, act.tanh_backward),
    "ReLU": _from_input(act.relu_forward, act.relu_backward),
    "leaky ReLU": _from_input(
        lambda x: act.leaky_relu_forward(x, 0.1), lambda g, x: act.leaky_relu_backward(g, x, 0.1)
    ),
    "GELU": _from_input(act.gelu_forward, act.gelu_backward),
    "none": Bend(lambda x: x, np.ones_like),
}


class State(NamedTuple):
    """The tangent at one point, and four numbers for each layer of a stack.

    ``forward`` and ``backward`` are the spreads of the signal and of its gradient; ``flat`` is
    the share of slopes below FLAT, ``dead`` the share of units that are flat for every input.
    """

    y: float
    slope: float
    forward: np.ndarray
    backward: np.ndarray
    flat: np.ndarray
    dead: np.ndarray


_RNG = np.random.default_rng(0)
_X = _RNG.standard_normal((INPUTS, WIDTH))
_G = _RNG.standard_normal((INPUTS, WIDTH))
_W = _RNG.standard_normal((DEEPEST, WIDTH, WIDTH)) / np.sqrt(WIDTH)


def state(name: str, at: float, depth: int, gain: float, bias: float) -> State:
    """The activation ``name`` at the point ``at``, and a stack of ``depth`` layers of it.

    The weights have standard deviation gain / sqrt(width); every unit has the same ``bias``.
    """
    bend = BENDS[name]
    point = np.array([at])
    h, slopes, forward = _X, [], []
    for w in _W[:depth]:
        z = h @ (gain * w).T + bias
        h = bend.f(z)
        slopes.append(bend.slope(z))
        forward.append(h.std())
    g, backward = _G, []
    for w, slope in zip(_W[:depth][::-1], slopes[::-1], strict=True):
        g = g * slope
        backward.append(g.std())
        g = g @ (gain * w)
    small = [np.abs(slope) < FLAT for slope in slopes]
    return State(
        y=float(bend.f(point)[0]),
        slope=float(bend.slope(point)[0]),
        forward=np.array(forward),
        backward=np.array(backward[::-1]),
        flat=np.array([s.mean() for s in small]),
        dead=np.array([s.all(axis=0).mean() for s in small]),
    )


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        self.name = widgets.Dropdown(options=list(BENDS), value="sigmoid", description="activation")
        self.at = FloatSlider(1.0, min=-6, max=6, step=0.1, description="x")
        self.depth = widgets.IntSlider(12, min=1, max=DEEPEST, description="layers")
        self.gain = FloatSlider(1.0, min=0.1, max=3, step=0.05, description="gain")
        self.bias = FloatSlider(0.0, min=-3, max=3, step=0.1, description="bias")
        self.said = widgets.HTML()
        self._draw_figure()
        for control in (self.at, self.depth, self.gain, self.bias):
            control.observe(lambda _: self.show(), "value")
        self.name.observe(lambda _: self._change_function(), "value")
        self.stage.on_drag(self.curve_axes, lambda x, y: setattr(self.at, "value", x))
        self._change_function()

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.4, 3.5), dpi=100, layout="constrained")
        curve, stack, share = figure.subplots(1, 3, width_ratios=[1.1, 1.1, 0.9])
        self.x = np.linspace(-6, 6, 241)
        self.f = curve.plot([], [], color=COLORS[0], lw=2, label="f(x)")[0]
        self.df = curve.plot([], [], color=COLORS[1], lw=2, ls="--", label="slope f'(x)")[0]
        self.tangent = curve.plot([], [], color="black", lw=1.2)[0]
        self.dot = curve.plot([], [], "o", color="black", ms=6)[0]
        self.shade = curve.fill_between(self.x, -2, 4, where=[False] * 241, color="0.9")
        self.curve_axes = curve
        curve.set(xlabel="x", ylabel="f(x), f'(x)", xlim=(-6, 6), ylim=(-1.5, 2.5))
        curve.set_title(f"gray: slope below {FLAT}", fontsize=10)
        curve.legend(loc="upper left", fontsize=8)
        self.forward = stack.plot([], [], "o-", ms=3, color=COLORS[0], label="signal, forward")[0]
        self.backward = stack.plot(
            [], [], "s--", ms=3, color=COLORS[1], label="gradient, backward"
        )[0]
        stack.set(xlabel="layer", ylabel="standard deviation", yscale="log")
        stack.set(xlim=(0, DEEPEST + 1), ylim=(1e-8, 1e8))
        stack.set_title("a deep stack", fontsize=10)
        stack.axhline(1, color="0.6", lw=1, ls=":")
        stack.legend(loc="upper left", fontsize=8)
        self.flat = share.plot([], [], "o-", ms=3, color=COLORS[0], label="flat slopes")[0]
        self.dead = share.plot([], [], "s--", ms=3, color=COLORS[1], label="dead units")[0]
        share.set(xlabel="layer", ylabel="share (%)", xlim=(0, DEEPEST + 1), ylim=(-4, 104))
        share.set_title("who still learns", fontsize=10)
        share.legend(loc="upper left", fontsize=8)
        moving = [self.tangent, self.dot, self.forward, self.backward, self.flat, self.dead]
        self.stage = Stage(
            figure,
            moving,
            "Left, an activation, its slope and a tangent. Middle, spread of signal and gradient in "
            "each layer. Right, share of flat slopes and dead units. The text gives the numbers.",
        )

    def _change_function(self) -> None:
        bend = BENDS[str(self.name.value)]
        self.f.set_data(self.x, bend.f(self.x))
        slope = bend.slope(self.x)
        self.df.set_data(self.x, slope)
        self.shade.remove()
        self.shade = self.curve_axes.fill_between(
            self.x, -2, 4, where=list(np.abs(slope) < FLAT), color="0.9", zorder=0
        )
        self.stage.renew()
        self.show()

    @when_free
    def show(self) -> None:
        at = self.at.value
        now = state(str(self.name.value), at, self.depth.value, self.gain.value, self.bias.value)
        reach = np.array([-1.2, 1.2])
        self.tangent.set_data(at + reach, now.y + now.slope * reach)
        self.dot.set_data([at], [now.y])
        layers = np.arange(1, len(now.forward) + 1)
        self.forward.set_data(layers, np.clip(now.forward, 1e-8, 1e8))
        self.backward.set_data(layers, np.clip(now.backward, 1e-8, 1e8))
        self.flat.set_data(layers, 100 * now.flat)
        self.dead.set_data(layers, 100 * now.dead)
        self.stage.update()
        self.said.value = (
            f"f({at:.1f}) = {now.y:.3f}, slope {now.slope:.3f}<br>"
            f"signal after layer {layers[-1]}: {now.forward[-1]:.2g}<br>"
            f"gradient at layer 1: {now.backward[0]:.2g}<br>"
            f"dead units in layer {layers[-1]}: {now.dead[-1]:.0%}"
        )


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    one = widgets.VBox([v.name, v.at])
    stack = widgets.VBox([v.depth, v.gain, v.bias])
    return v.stage.below(one, stack, v.said)
