"""Explorer of lesson 19: a generator and a discriminator take turns, on points in a plane."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from dlcore.activations import sigmoid_forward as sigmoid
from dlcore.explore._flat import FlatAdamW
from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Pixels, Stage
from dlcore.explore._tints import tinted
from dlcore.plot import COLORS
from dlcore.scratch.gan import (
    discriminator_gradients,
    gan_step,
    generator_gradients,
    mlp_outputs,
    mode_coverage,
)
from dlcore.scratch.training import he_init

ROUNDS, TURNS = 200, 10  # rounds at most, and turns of each in one round
BATCH, UNITS, CODE = 96, 24, 2
SHOWN = 400  # points that are drawn
GRID, ZOOM, EDGE = 100, 4, 3.0
CLIP, NEAR = 0.3, 0.3  # of the judge's weights, and what counts as near a center
KINDS = ("non-saturating", "minimax", "wasserstein")


def _ring(many: int) -> np.ndarray:
    angles = 2 * np.pi * np.arange(many) / many
    return 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)


CENTERS = {
    "ring of eight": _ring(8),
    "ring of three": _ring(3),
    "one in the corner": np.array([[1.5, 1.5]]),
    "grid of nine": np.stack(np.meshgrid([-2.0, 0, 2], [-2.0, 0, 2]), -1).reshape(-1, 2),
}


class Settings(NamedTuple):
    """Everything that a training depends on."""

    points: str = "ring of eight"
    kind: str = "non-saturating"
    forger: int = 1  # turns of the forger in a row
    judge: int = 1  # and of the judge
    rate: float = 0.001
    momentum: float = 0.5
    seed: int = 0


class State(NamedTuple):
    """What there is to see after a round.

    ``made`` (SHOWN, 2); ``field`` (GRID, GRID), how much the judge takes each place for real, from 0 to 1, the first row
    below; ``near`` (rounds + 1,) the shares of points near a center, ``hit`` (rounds + 1,) how many centers are hit.
    """

    made: np.ndarray
    field: np.ndarray
    near: np.ndarray
    hit: np.ndarray


_AXIS = (np.arange(GRID) + 0.5) / GRID * 2 * EDGE - EDGE
_PLANE = np.stack(np.meshgrid(_AXIS, _AXIS), -1).reshape(-1, 2)


class Run:
    """A training that remembers each round, and goes on from the last one when more are asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.rng = settings, np.random.default_rng([settings.seed, 1])
        self.centers = CENTERS[settings.points]
        forger = he_init([CODE, UNITS, UNITS, 2], [settings.seed, 2])
        judge = he_init([2, UNITS, UNITS, 1], [settings.seed, 3])
        self.clip = CLIP if settings.kind == "wasserstein" else None
        if self.clip:
            judge = [np.clip(p, -self.clip, self.clip) for p in judge]
        adam: dict[str, Any] = {"betas": (settings.momentum, 0.99), "weight_decay": 0.0}
        self.of_forger = FlatAdamW(settings.rate, **adam)
        self.of_judge = FlatAdamW(settings.rate, **adam)
        self.codes = np.random.default_rng(0).standard_normal((SHOWN, CODE))
        self.networks = [(forger, judge)]
        self.measured: list[tuple[float, int]] = []
        self._measure()

    def real(self, many: int) -> np.ndarray:
        """So many real points, (N, 2)."""
        chosen = self.centers[self.rng.integers(0, len(self.centers), many)]
        return chosen + 0.1 * self.rng.standard_normal((many, 2))

    def until(self, round_: int) -> None:
        """Play on, if they have not come so far."""
        kind, noise = self.settings.kind, self.rng.standard_normal
        while len(self.networks) <= round_:
            forger, judge = self.networks[-1]
            for _ in range(TURNS):
                for _ in range(self.settings.judge - 1):
                    _, grads = discriminator_gradients(
                        judge, forger, self.real(BATCH), noise((BATCH, CODE)), kind
                    )
                    judge = self.of_judge.step(judge, grads)
                    if self.clip:
                        judge = [np.clip(p, -self.clip, self.clip) for p in judge]
                steps = self.of_forger.step, self.of_judge.step
                z = noise((2, BATCH, CODE))
                forger, judge = gan_step(
                    forger, judge, self.real(BATCH), z, *steps, kind, self.clip
                )
                for _ in range(self.settings.forger - 1):
                    _, grads = generator_gradients(forger, judge, noise((BATCH, CODE)), kind)
                    forger = self.of_forger.step(forger, grads)
            self.networks.append((forger, judge))
            self._measure()

    def made(self, round_: int) -> np.ndarray:
        return mlp_outputs(self.networks[round_][0], self.codes)[-1]

    def _measure(self) -> None:
        near, hit = mode_coverage(self.made(-1), self.centers, NEAR)
        self.measured.append((float(near), hit))


_run = lru_cache(maxsize=4)(Run)


def state(settings: Settings, round_: int) -> State:
    """The training with these settings after so many rounds. The same settings give the same training."""
    run = _run(settings)
    run.until(round_)
    scores = mlp_outputs(run.networks[round_][1], _PLANE)[-1].reshape(GRID, GRID)
    if settings.kind == "wasserstein":  # scores have no zero of their own there
        scores = 4 * (scores - scores.mean()) / (scores.std() + 1e-9)
    near, hit = np.array(run.measured[: round_ + 1]).T
    return State(run.made(round_), sigmoid(scores), near, hit)


WIDTH, HEIGHT = 940, 470
SIDE, LEFT, TOP = GRID * ZOOM, 50, 35


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        first = Settings()
        whole, choice = widgets.IntSlider, widgets.Dropdown
        self.controls: dict[str, Any] = {
            "points": choice(options=list(CENTERS), value=first.points, description="real points"),
            "kind": choice(options=KINDS, value=first.kind, description="loss"),
            "forger": whole(first.forger, min=1, max=10, description="forger ×"),
            "judge": whole(first.judge, min=1, max=10, description="judge ×"),
            "rate": widgets.FloatLogSlider(first.rate, min=-4, max=-2, step=0.1, description="rate η"),
            "momentum": FloatSlider(first.momentum, min=0, max=0.95, step=0.05, description="momentum"),
            "seed": whole(first.seed, min=0, max=20, description="seed"),
        }  # fmt: skip
        self.round = whole(10, min=0, max=ROUNDS, description="round")
        self.play = widgets.Play(value=10, min=0, max=ROUNDS, interval=60)
        self.link = widgets.link((self.play, "value"), (self.round, "value"))
        self.step = widgets.Button(description="one round more")
        self.afresh = widgets.Button(description="start afresh")
        self.said = widgets.HTML()
        self._draw_figure()
        for control in (*self.controls.values(), self.round):
            control.observe(lambda _: self.show(), "value")
        self.step.on_click(lambda _: self._go(min(self.round.value + 1, ROUNDS)))
        self.afresh.on_click(lambda _: self._go(0))
        self.show()

    def _go(self, round_: int) -> None:
        self.round.value = round_

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        box = lambda x, y, w, h: (x / WIDTH, 1 - (y + h) / HEIGHT, w / WIDTH, h / HEIGHT)
        plane = figure.add_axes(box(LEFT, TOP, SIDE, SIDE))
        plane.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE))
        plane.set_title("rings: real; dots: made; orange: taken for real", fontsize=10)
        plane.patch.set_alpha(0)
        (self.real,) = plane.plot([], [], "o", ms=29, mfc="none", mec="black", mew=1.5)
        (self.dots,) = plane.plot([], [], ".", ms=5, color="black", mec="white", mew=0.4)
        curves = [figure.add_axes(box(545, y, 370, 160)) for y in (TOP, TOP + 220)]
        curves[0].set(xlim=(0, ROUNDS), ylim=(0, 1), ylabel="share near a center")
        curves[1].set(
            xlim=(0, ROUNDS), ylim=(0, 9.5), xlabel="round", ylabel="centers that are hit"
        )
        self.curves = [ax.plot([], [], color=COLORS[0], lw=2)[0] for ax in curves]
        self.field = Pixels(np.zeros((SIDE, SIDE, 3), np.uint8), TOP, LEFT)
        self.stage = Stage(
            figure,
            [self.field, self.real, self.dots, *self.curves],
            "Left, the plane: rings where real points are, dots that the forger has made, and the judge's opinion of each place as "
            "a tint. Right, how many dots are near a real center and how many centers are hit, round by round.",
        )

    @when_free
    def show(self) -> bool:
        """The picture of the round that is asked for, or of the next on the way there."""
        now = Settings(**{name: control.value for name, control in self.controls.items()})
        reached = len(_run(now).networks) - 1
        round_ = min(self.round.value, reached + 1)
        seen = state(now, round_)
        self.field.pixels = tinted(seen.field, ZOOM)
        self.real.set_data(*CENTERS[now.points].T)
        self.dots.set_data(*np.clip(seen.made, -EDGE, EDGE).T)
        for curve, values in zip(self.curves, (seen.near, seen.hit), strict=True):
            curve.set_data(np.arange(round_ + 1), values)
        self.stage.update()
        self.said.value = (
            f"after {round_} round{'s' * (round_ != 1)} of {TURNS} turns each<br><b>{seen.near[-1]:.0%}</b> of what is made is near a real center<br>"
            f"<b>{seen.hit[-1]:.0f}</b> of {len(CENTERS[now.points])} centers are hit"
        )
        return round_ < self.round.value


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    c = v.controls
    return v.stage.below(
        widgets.VBox([c["points"], c["kind"], c["seed"], v.round]),
        widgets.VBox([c["forger"], c["judge"], c["momentum"], v.play]),
        widgets.VBox([c["rate"], widgets.HBox([v.step, v.afresh]), v.said]),
    )
