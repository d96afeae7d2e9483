"""Explorer of lesson 12: what a small recurrent network has in mind after each letter, and what comes back to it."""

from __future__ import annotations

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Pixels, Stage, words
from dlcore.plot import COLORS
from dlcore.scratch.rnn import gradient_norms, rnn_forward

UNITS, MOST = 12, 24  # units of the network, letters of a text
WIDTH, HEIGHT = 940, 420
LEFT, TOP = 64, 46  # pixels: where the states begin
COLUMN, ROW = 35, 13  # how large one number is
BARS, DECADE = 232, 20  # where the bars begin, and how high a factor of ten is
HIGHEST, LOWEST = 2, -6  # powers of ten that the bars can show
NEGATIVE, POSITIVE, FRAME, DARK = (np.array(to_rgb(COLORS[k])) for k in (0, 1, 2, 4))


class State(NamedTuple):
    """states (T + 1, H), the first before any letter; arrives (at + 1,): the gradient's norm at each of them, 1 at the
    last; moved (T + 1,): how far each state would be from what it is if the first letter were another."""

    states: np.ndarray
    arrives: np.ndarray
    moved: np.ndarray


def state(
    text: str,
    radius: float = 0.9,
    strength: float = 1.0,
    at: int | None = None,
    orthogonal: bool = False,
    seed: int = 3,
) -> State:
    """A network with recurrent weights of this spectral radius reads the text; the gradient starts at state ``at``."""
    rng = np.random.default_rng(seed)
    mixing, letters = rng.standard_normal((UNITS, UNITS)), rng.standard_normal((64, UNITS))
    g = rng.standard_normal((1, UNITS))
    if orthogonal:
        mixing = np.linalg.qr(mixing)[0]
    w_hh = mixing * radius / np.abs(np.linalg.eigvals(mixing)).max()

    def read(codes: list[int]) -> np.ndarray:
        x = strength * letters[codes][:, None] / np.sqrt(UNITS)
        return rnn_forward(x, np.zeros((1, UNITS)), np.eye(UNITS), w_hh, np.zeros(UNITS))

    codes = [ord(letter) % 64 for letter in text]
    states = read(codes)
    end = len(text) if at is None else at
    norms = gradient_norms(g / np.linalg.norm(g), states[: end + 1], w_hh)
    other = read([(code + 1) % 64 for code in codes[:1]] + codes[1:])
    moved = np.linalg.norm(other - states, axis=(1, 2))
    return State(states[:, 0], norms[::-1], moved)


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        self.text = widgets.Text("the three cats sat", description="text")
        self.kind = widgets.ToggleButtons(options=["random", "orthogonal"], description="weights")
        self.kind.style.button_width = "100px"
        self.radius = FloatSlider(0.9, min=0, max=2, step=0.05, description="recurrent")
        self.strength = FloatSlider(1.0, min=0, max=5, step=0.1, description="input")
        self.at = widgets.IntSlider(18, min=0, max=18, description="back from")
        self.seed = widgets.IntSlider(3, min=0, max=9, description="network")
        self.said = widgets.HTML()
        self.said.layout.width = "430px"
        self._draw_figure()
        self._write_letters()
        self.show()
        self.text.observe(lambda _: self._take_text(), "value")
        for control in (self.kind, self.radius, self.strength, self.at, self.seed):
            control.observe(lambda _: self.show(), "value")

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        wide = COLUMN * (MOST + 1) + 1
        self.heat = Pixels(np.full((ROW * UNITS, wide, 3), 255, np.uint8), TOP, LEFT)
        bars = DECADE * (HIGHEST - LOWEST) + 1
        self.bars = Pixels(np.full((bars, wide, 3), 255, np.uint8), BARS, LEFT)

        words(figure, LEFT, 14, "its state after each letter, one row a unit", 11)
        words(figure, LEFT, BARS - 14, "how much of the gradient arrives there", 11)
        for power in range(LOWEST, HIGHEST + 1, 2):
            words(figure, LEFT - 8, BARS + self._high(power), f"$10^{{{power}}}$", 9, "right")
        self.letters = [
            words(figure, LEFT + COLUMN * (t + 0.5), 34, size=11, ha="center")
            for t in range(MOST + 1)
        ]
        self.stage = Stage(
            figure,
            [self.heat, self.bars],
            "Above, one column for each letter of the text: the states of twelve units, blue for negative and orange for "
            "positive. Below, a bar for each letter: how much of the gradient arrives there. The text gives the numbers.",
        )
        self.stage.on_drag_anywhere(self._drag)

    @staticmethod
    def _high(power: float) -> int:
        """How many pixels below the top of the bars 10 to this power is."""
        return round(DECADE * (HIGHEST - np.clip(power, LOWEST, HIGHEST)))

    def _take_text(self) -> None:
        """Another text; the gradient starts at its end."""
        if len(self.text.value) > MOST:
            self.text.value = self.text.value[:MOST]  # comes back here
            return
        self._write_letters()
        with self.at.hold_trait_notifications():
            self.at.max = self.at.value = len(self.text.value)
        self.show()

    def _write_letters(self) -> None:
        """They change seldom, so they belong to what stands still."""
        signs = ["start", *self.text.value.replace(" ", "␣"), *[""] * MOST]
        for letter, sign in zip(self.letters, signs, strict=False):
            letter.set_text(sign)
        self.stage.renew()

    def _drag(self, x: float, y: float) -> None:
        """The pointer chooses the state from which the gradient starts."""
        t = int((x - LEFT) // COLUMN)
        if 0 <= t <= self.at.max:
            self.at.value = t

    @when_free
    def show(self) -> None:
        text, at = self.text.value, min(self.at.value, len(self.text.value))
        orthogonal = self.kind.value == "orthogonal"
        radius, strength = self.radius.value, self.strength.value
        now = state(text, radius, strength, at, orthogonal, self.seed.value)
        self._paint(now, at)
        self.stage.update()
        self.said.value = "<br>".join(_in_words(now, text, at, radius))

    def _paint(self, now: State, at: int) -> None:
        heat, bars = self.heat.pixels, self.bars.pixels
        heat[:], bars[:] = 255, 255
        values = now.states.T[..., None]
        tints = 255 * (1 - np.abs(values) * (1 - np.where(values < 0, NEGATIVE, POSITIVE)))
        wide = COLUMN * len(now.states)
        heat[:, :wide] = np.repeat(np.repeat(tints, ROW, axis=0), COLUMN, axis=1)
        heat[:, :wide:COLUMN] = 255
        bars[::DECADE, :wide] = 225
        with np.errstate(divide="ignore"):
            ends = [self._high(power) for power in np.log10(now.arrives)]
        for t, end in enumerate(ends):
            bars[end:, COLUMN * t + 6 : COLUMN * t + COLUMN - 6] = 255 * DARK
        bars[self._high(0), :wide] = 0
        for pixels in (heat, bars):
            for edge in (COLUMN * at, COLUMN * at + COLUMN - 2):
                pixels[:, edge : edge + 3] = 255 * FRAME


def _in_words(now: State, text: str, at: int, radius: float) -> list[str]:
    if not text:
        return ["Type a text."]
    steps = max(at - 1, 0)
    return [
        f"gradient from <b>{'start' if at == 0 else repr(text[at - 1])}</b> back to the first letter, {steps} steps: "
        f"<b>{now.arrives[min(1, at)]:.2g}</b> of it arrives",
        f"radius to the power of {steps}: {radius**steps:.2g}",
        f"with another first letter, its own state moves by {now.moved[1]:.2g}, and the last one by <b>{now.moved[-1]:.2g}</b>",
    ]


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    return v.stage.below(
        widgets.VBox([v.text, v.kind, v.radius, v.strength, v.at, v.seed]),
        v.said,
    )
