"""Explorer of lesson 13: the gates of a memory, held by hand, and those of a small LSTM that has learned to hold them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from dlcore.activations import sigmoid_forward as sigmoid
from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Pixels, Stage, words
from dlcore.plot import COLORS
from dlcore.scratch.lstm_gru import cell_state_update, forget_bias, lstm, lstm_backward
from dlcore.scratch.optimizers import AdamW

NEWS = np.array([1.0, -2, 5, 3, -1, 4, -3, 6, 2, -4, 1, 3])  # what comes along, by hand
UNITS, MOST = 8, 24  # units of the trained network, letters of a text
WIDTH, HEIGHT = 960, 430
LEFT, COLUMN, ROW, TOP = 100, 35, 24, 34  # pixels: where the gates begin, and how large one is
BARS, HIGH = 140, 120  # where the bars of c begin, and how high they are; those of h below them
GATES = ("input i", "forget f", "output o")
NEGATIVE, POSITIVE, FRAME = (np.array(to_rgb(COLORS[k])) for k in (0, 1, 2))


class State(NamedTuple):
    """gates (3, T) in the order i f o; cell state c and hidden state h after each time step (T,)."""

    gates: np.ndarray
    c: np.ndarray
    h: np.ndarray


def by_hand(gates: np.ndarray) -> State:
    """A cell state of 0, NEWS, and these gates (3, T)."""
    i, f, o = gates
    c = cell_state_update(np.zeros(()), f, i, NEWS)[1:]
    return State(gates, c, o * np.tanh(c))


def _symbols(text: str) -> np.ndarray:
    """(T, 1, 3): whether a letter is "(", ")", or another."""
    kinds = ["()".find(letter) for letter in text]
    return np.eye(3)[kinds][:, None]  # find says -1 for another, which is the last row


def inside(text: str) -> np.ndarray:
    """(T,): 1 from a "(" on until a ")" comes."""
    now, found = 0, []
    for letter in text:
        now = {"(": 1, ")": 0}.get(letter, now)
        found.append(now)
    return np.array(found)


@cache
def trained() -> tuple[np.ndarray, ...]:
    """Weights of an LSTM that says after each letter whether it is between brackets: two seconds of training."""
    rng = np.random.default_rng(4)
    b = np.zeros(4 * UNITS)
    b[UNITS : 2 * UNITS] = forget_bias(20)
    params = [rng.uniform(-1, 1, (4 * UNITS, 3)), 0.2 * rng.standard_normal((4 * UNITS, UNITS))]
    params += [b, 0.3 * rng.standard_normal((1, UNITS)), np.zeros(1)]
    adam, nothing = AdamW(0.03), np.zeros((32, UNITS))
    for _ in range(250):
        texts = ["".join(rng.choice(["(", ")", "a"], MOST, p=[0.1, 0.1, 0.8])) for _ in range(32)]
        x = np.concatenate([_symbols(text) for text in texts], axis=1)
        y = np.stack([inside(text) for text in texts], axis=1)
        w_ih, w_hh, _, w, c = params
        hs, cs, gates = lstm(x, nothing, nothing, *params[:3])
        slope = (sigmoid(hs[1:] @ w.T + c) - y[..., None]) / y.size
        *_, dw_ih, dw_hh, db = lstm_backward(slope @ w, x, hs, cs, gates, w_ih, w_hh)
        dw = np.tensordot(slope, hs[1:], axes=([0, 1], [0, 1]))
        params = adam.step(params, [dw_ih, dw_hh, db, dw, slope.sum(axis=(0, 1))])
    return tuple(params)


def read(text: str) -> tuple[list[State], np.ndarray]:
    """What each unit of the trained network does while it reads, and how sure it is to be between brackets (T,)."""
    *weights, w, b = trained()
    nothing = np.zeros((1, UNITS))
    hs, cs, gates = lstm(_symbols(text), nothing, nothing, *weights)
    i, f, _, o = (part[:, 0].T for part in np.split(gates, 4, axis=2))
    units = [State(np.stack([i[k], f[k], o[k]]), cs[1:, 0, k], hs[1:, 0, k]) for k in range(UNITS)]
    return units, sigmoid(hs[1:, 0] @ w[0] + b)


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        self.who = widgets.ToggleButtons(options=["by hand", "trained"], description="gates")
        self.who.style.button_width = "90px"
        self.time = widgets.IntSlider(3, min=1, max=len(NEWS), description="time")
        self.sliders = [
            FloatSlider(value, min=0, max=1, step=0.05, description=name)
            for name, value in zip(GATES, (0, 1, 1), strict=True)
        ]
        self.text = widgets.Text("a cat (a small one) sat", description="text")
        self.unit = widgets.IntSlider(0, min=0, max=UNITS - 1, description="unit")
        self.text.disabled = self.unit.disabled = True
        self.said = widgets.HTML()
        self.said.layout.width = "400px"
        self.held = np.repeat([[0.0], [1.0], [1.0]], len(NEWS), axis=1)  # by hand
        self._draw_figure()
        self._write_letters()
        self.show()
        self.who.observe(lambda _: self._take_who(), "value")
        self.text.observe(lambda _: self._take_text(), "value")
        self.time.observe(lambda _: self._take_time(), "value")
        self.unit.observe(lambda _: self.show(), "value")
        for slider in self.sliders:
            slider.observe(lambda _: self._take_gate(), "value")

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        wide = COLUMN * MOST + 1
        self.heat = Pixels(np.full((3 * ROW, wide, 3), 255, np.uint8), TOP, LEFT)
        self.bars = [
            Pixels(np.full((HIGH + 1, wide, 3), 255, np.uint8), top, LEFT)
            for top in (BARS, BARS + HIGH + 30)
        ]

        for k, name in enumerate(GATES):
            words(figure, LEFT - 8, TOP + ROW * (k + 0.5), name, ha="right")
        words(figure, LEFT - 8, BARS + HIGH / 2, "kept, c", ha="right")
        words(figure, LEFT - 8, BARS + HIGH * 1.5 + 30, "shown, h", ha="right")
        self.scale = [
            words(figure, LEFT + 2, bars.top + 7, size=8) for bars in self.bars
        ]  # what the upper edge stands for
        self.letters = [
            words(figure, LEFT + COLUMN * (t + 0.5), 20, size=11, ha="center") for t in range(MOST)
        ]
        self.stage = Stage(
            figure,
            [self.heat, *self.bars, *self.scale],
            "One column for each time. Above, three rows of gates: black is open, white is closed. Below them bars for what is "
            "kept and what is shown, up for positive and down for negative. The text gives the numbers.",
        )
        self.stage.on_drag_anywhere(self._drag)

    @property
    def own(self) -> bool:
        return self.who.value == "by hand"

    def _write_letters(self) -> None:
        """They change seldom, so they belong to what stands still."""
        shown = [f"{n:g}".replace("-", "−") for n in NEWS] if self.own else list(self.text.value)
        for letter, sign in zip(self.letters, [*shown, *[""] * MOST], strict=False):
            letter.set_text(sign.replace(" ", "␣"))
        self.stage.renew()

    def _take_who(self) -> None:
        self.text.disabled = self.unit.disabled = self.own
        for slider in self.sliders:
            slider.disabled = not self.own
        self._take_text()

    def _take_text(self) -> None:
        if len(self.text.value) > MOST:
            self.text.value = self.text.value[:MOST]  # comes back here
            return
        self._write_letters()
        many = len(NEWS) if self.own else max(len(self.text.value), 1)
        self.time.max = many  # which may move it
        self._take_time()

    def _take_time(self) -> None:
        """The sliders show the gates of this time."""
        if self.own:
            held = self.held[:, self.time.value - 1]
            with self.stage.setting():
                for slider, value in zip(self.sliders, held, strict=True):
                    slider.value = value
        self.show()

    def _take_gate(self) -> None:
        if not self.stage.is_setting:
            self.held[:, self.time.value - 1] = [slider.value for slider in self.sliders]
            self.show()

    def _drag(self, x: float, y: float) -> None:
        """The pointer chooses a time."""
        t = int((x - LEFT) // COLUMN) + 1
        if 1 <= t <= self.time.max:
            self.time.value = t

    @when_free
    def show(self) -> None:
        t = self.time.value - 1
        if self.own:
            now = by_hand(self.held)
            first = f"time {t + 1}: the news is <b>{NEWS[t]:g}</b>"
            last = f"at the end <b>{now.c[-1]:.2f}</b> is kept, and {now.h[-1]:.2f} is shown"
        elif self.text.value:
            units, sure = read(self.text.value)
            now = units[self.unit.value]
            first = f"after {self.text.value[t]!r} the network says: between brackets, <b>{sure[t]:.0%}</b>"
            last = f"unit {self.unit.value}: i {now.gates[0, t]:.2f}, f {now.gates[1, t]:.2f}, o {now.gates[2, t]:.2f}"
        else:
            now = State(np.zeros((3, 0)), np.zeros(0), np.zeros(0))
            first, last = "Type a text.", ""
        self._paint(now, t)
        self.stage.update()
        kept = f"kept: {now.c[t]:.2f}, shown: {now.h[t]:.2f}" if now.c.size else ""
        self.said.value = "<br>".join([first, kept, last]).replace("-", "−")

    def _paint(self, now: State, at: int) -> None:
        heat, wide = self.heat.pixels, COLUMN * now.c.size
        heat[:] = 255
        gray = 255 * (1 - now.gates[..., None] * np.ones(3))
        heat[:, :wide] = np.repeat(np.repeat(gray, ROW, axis=0), COLUMN, axis=1)
        heat[::ROW, :wide] = heat[-1, :wide] = heat[:, 0:wide:COLUMN] = 215
        for bars, values, note in zip(self.bars, (now.c, now.h), self.scale, strict=True):
            pixels, middle = bars.pixels, HIGH // 2
            pixels[:] = 255
            most = max(1.0, np.abs(values).max(initial=0)) if bars is self.bars[0] else 1.0
            note.set_text(f"{most:.3g}")
            for t, value in enumerate(values):
                end = middle - round(middle * value / most)
                low, high = sorted((middle, end))
                columns = slice(COLUMN * t + 6, COLUMN * t + COLUMN - 6)
                pixels[low : high + 1, columns] = 255 * (NEGATIVE if value < 0 else POSITIVE)
            pixels[middle, :wide] = 120
        if now.c.size:
            for picture in (self.heat, *self.bars):
                for edge in (COLUMN * at, COLUMN * at + COLUMN - 2):
                    picture.pixels[:, edge : edge + 3] = 255 * FRAME


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    return v.stage.below(
        widgets.VBox([v.who, v.time, *v.sliders]), widgets.VBox([v.text, v.unit]), v.said
    )
