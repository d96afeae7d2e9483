"""Explorer of lesson 14: who looks at whom in a sentence, and the queries and keys, in a plane, that say so."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Pixels, Stage, words
from dlcore.plot import COLORS
from dlcore.scratch.attention import attention, attention_backward, attention_mask, rotary_embedding
from dlcore.scratch.optimizers import AdamW

MOST = 12  # words, padding included
PAD = "[pad]"
WIDTH, HEIGHT = 960, 440
LEFT, TOP, CELL = 96, 92, 27  # pixels: where the weights begin, and how large one is
REACH = 7.0  # the plane goes from -REACH to REACH
FRAME = np.array(to_rgb(COLORS[2]))
HEADS = ("what is meant", "the word before")
MASKS = ("none", "causal", "padding", "both")
ANGLE, FAR = 0.9, 4.0  # by how much a place turns, how far from the middle

BEINGS, THINGS = (
    ["cat", "dog", "horse", "child", "queen", "baker"],
    ["sofa", "car", "tree", "soup", "house", "lamp"],
)
OF_BEINGS, OF_THINGS = ["hungry", "tired", "angry", "proud"], ["broken", "wooden", "cheap", "new"]
VERBS = ["saw", "sold", "left", "liked"]
KNOWN = [*BEINGS, *THINGS, *OF_BEINGS, *OF_THINGS, *VERBS, "the", "a", "and", "it", "was", "is"]


class State(NamedTuple):
    """queries, keys (T, 2), weights (T, T): a row for each word that looks."""

    queries: np.ndarray
    keys: np.ndarray
    weights: np.ndarray


@cache
def trained() -> tuple[np.ndarray, np.ndarray]:
    """A query and a key (words, 2) for each known word, and for all others, learned from sentences with two nouns.

    "the cat saw the sofa and it was broken": the last word is to look at the noun that can be so, and "it" at what is
    meant, which it cannot know.
    """
    rng = np.random.default_rng(2)
    tables = [0.3 * rng.standard_normal((len(KNOWN), 2)) for _ in range(2)]
    adam, places = AdamW(0.1, weight_decay=0.02), np.eye(9)
    number = {word: i for i, word in enumerate(KNOWN)}
    for _ in range(150):
        tokens, meant = np.empty((48, 9), int), np.empty(48, int)
        for n in range(48):
            nouns = [rng.choice(BEINGS), rng.choice(THINGS)]
            of_a_thing = rng.random() < 0.5
            what = rng.choice(OF_THINGS if of_a_thing else OF_BEINGS)
            first = int(rng.random() < 0.5)
            one, other = nouns[first], nouns[1 - first]
            sentence = [rng.choice(["the", "a"]), one, rng.choice(VERBS), "the", other, "and", "it"]
            tokens[n] = [number[word] for word in [*sentence, rng.choice(["was", "is"]), what]]
            meant[n] = 1 if of_a_thing == (one in THINGS) else 4
        ask = tokens[:, [6, 8]]
        q, k = tables[0][ask], tables[1][tokens]
        v = np.broadcast_to(places, (48, 9, 9))
        _, weights = attention(q, k, v)
        g = np.zeros(weights.shape)
        rows = np.arange(48)
        for place in (0, 1):  # of the surprise at where they look
            g[rows, place, meant] = -1 / (96 * weights[rows, place, meant])
        dq, dk, _ = attention_backward(g, q, k, v, weights)
        slopes = [np.zeros_like(table) for table in tables]
        np.add.at(slopes[0], ask, dq)
        np.add.at(slopes[1], tokens, dk)
        tables = adam.step(tables, slopes)
    nothing = np.zeros((1, 2))
    return np.concatenate([tables[0], nothing]), np.concatenate([tables[1], nothing])


def arrows(sentence: list[str], head: str) -> tuple[np.ndarray, np.ndarray]:
    """The query and the key of each word (T, 2)."""
    if head == HEADS[0]:
        lower = [word.lower().strip(".,;!?") for word in sentence]
        known = [KNOWN.index(word) if word in KNOWN else len(KNOWN) for word in lower]
        queries, keys = trained()
        return queries[known], keys[known]
    east, places = np.tile([FAR, 0.0], (len(sentence), 1)), ANGLE * np.arange(len(sentence))
    keys = rotary_embedding(east, places)
    keys[[word == PAD for word in sentence]] = 0  # padding has no place
    return rotary_embedding(east, places - ANGLE), keys


def state(
    sentence: list[str],
    head: str = HEADS[0],
    temperature: float = 1.0,
    mask: str = "none",
    pads: int = 0,
    own: tuple[int, float, float] | None = None,
) -> State:
    """Who looks at whom. ``own`` is the number of a word and the query that it gets in the place of its own."""
    queries, keys = arrows([*sentence, *[PAD] * pads], head)
    if own is not None:
        queries[own[0]] = own[1:]
    size = len(keys)
    real = size - pads if mask in ("padding", "both") else size
    may = attention_mask([real], size, mask in ("causal", "both"))[0]
    _, weights = attention(queries / temperature, keys, np.eye(size), may)
    return State(queries, keys, weights)


def side_by_side(shown: list[str], keys: np.ndarray) -> list[tuple[np.ndarray, list[str]]]:
    """Words whose keys lie so close that their names would cover each other, each word once, and where."""
    groups: list[tuple[np.ndarray, list[str]]] = []
    for word, key in zip(shown, keys, strict=True):
        near = [there for middle, there in groups if np.abs(middle - key).max() < 0.8]
        if not near:
            groups.append((key, [word]))
        elif word not in near[0]:
            near[0].append(word)
    return groups


class _View:
    """The controls and the picture, kept in step."""

    def __init__(self) -> None:
        self.text = widgets.Text("the cat saw the sofa and it was broken", description="sentence")
        self.text.layout.width = "430px"
        self.head = widgets.ToggleButtons(options=HEADS, description="head")
        self.head.style.button_width = "150px"
        self.head.layout.width = "430px"
        self.mask = widgets.Dropdown(options=MASKS, description="mask")
        self.at = widgets.IntSlider(9, min=1, max=9, description="word")
        self.temperature = FloatSlider(1.0, min=0.1, max=5, step=0.1, description="temperature")
        self.x, self.y = (
            FloatSlider(0, min=-REACH, max=REACH, step=0.1, description=name)
            for name in ("query, x", "query, y")
        )
        self.pads = widgets.IntSlider(0, min=0, max=MOST - 9, description="padding")
        self.said = widgets.HTML()
        self.said.layout.width = "700px"
        self.temperature.style.description_width = "90px"
        self.query: tuple[float, float] | None = None  # in the place of the word's own
        self._draw_figure()
        self._take_text()
        self.text.observe(lambda _: self._take_text(), "value")
        self.pads.observe(lambda _: self._take_text(), "value")
        for control in (self.head, self.at):
            control.observe(lambda _: self._take_word(), "value")
        for control in (self.x, self.y):
            control.observe(lambda _: self._take_query(self.x.value, self.y.value), "value")
        for control in (self.mask, self.temperature):
            control.observe(lambda _: self.show(), "value")

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        side = MOST * CELL + 1
        self.heat = Pixels(np.full((side, side, 3), 255, np.uint8), TOP, LEFT)
        words(figure, LEFT, 14, "who is looked at", size=9)
        self.rows, self.columns = [], []
        for k in range(MOST):
            middle = CELL * (k + 0.5)
            self.rows.append(words(figure, LEFT - 8, TOP + middle, ha="right"))
            column = words(figure, LEFT + middle, TOP - 8)
            column.set(rotation=50, va="bottom", rotation_mode="anchor")
            self.columns.append(column)
        box = (480 / WIDTH, 40 / HEIGHT, 460 / WIDTH, 380 / HEIGHT)
        self.plane = figure.add_axes(box, xlim=(-REACH, REACH), ylim=(-5.8, 5.8))
        self.plane.set_title("keys (words), and the query (arrow)", fontsize=10)
        self.plane.axhline(0, color="0.85", lw=0.8, zorder=0)
        self.plane.axvline(0, color="0.85", lw=0.8, zorder=0)
        self.plane.tick_params(labelsize=8)
        self.dots = self.plane.scatter([], [], color=COLORS[0], alpha=0.6, zorder=2)
        (self.arrow,) = self.plane.plot([], [], color=COLORS[1], lw=2.5, zorder=3)
        (self.tip,) = self.plane.plot([], [], "o", color=COLORS[1], ms=9, zorder=3)
        self.names = [self.plane.text(0, 0, "", va="center", zorder=4) for _ in range(MOST)]
        self.stage = Stage(
            figure,
            [self.heat, self.dots, self.arrow, self.tip, *self.names],
            "Left, a square of weights: a row for each word that looks, a column for each that is looked at, dark where much. "
            "Right, a plane with a dot for each word's key, large where the chosen word looks, and an arrow for its query.",
        )
        self.stage.on_drag(self.plane, self._take_query)
        self.stage.on_hover(self._hover)

    @property
    def sentence(self) -> list[str]:
        return self.text.value.split()

    def _take_text(self) -> None:
        """They change seldom, so they belong to what stands still."""
        if len(self.sentence) > MOST:
            self.text.value = " ".join(self.sentence[:MOST])  # comes back here
            return
        many = max(len(self.sentence), 1)
        last = self.at.value == self.at.max  # whoever watches the last word goes on doing so
        with self.stage.setting():
            self.at.max = many
            self.at.value = many if last else self.at.value
            self.pads.max = MOST - many
        shown = [*self.sentence, *[PAD] * self.pads.value]
        for row, column, word in zip(self.rows, self.columns, [*shown, *[""] * MOST], strict=False):
            row.set_text(word[:10])
            column.set_text(word[:10])
        self.stage.renew()
        self._take_word()

    def _take_word(self) -> None:
        """It begins with the query that it has."""
        self.query = None
        self.show()

    def _take_query(self, x: float, y: float) -> None:
        """The hand gives the word another one."""
        if not self.stage.is_setting:
            self.query = x, y
            self.show()

    def _hover(self, x: float, y: float) -> None:
        """The row under the pointer is the word that looks."""
        row = int((y - TOP) // CELL) + 1
        if LEFT <= x < LEFT + CELL * MOST and 1 <= row <= len(self.sentence):
            self.at.value = row

    @when_free
    def show(self) -> None:
        at = self.at.value - 1
        if not self.sentence:
            self.heat.pixels[:] = 255
            for artist in (self.arrow, self.tip):
                artist.set_data([], [])
            self.dots.set_offsets(np.zeros((0, 2)))
            for name in self.names:
                name.set_text("")
            self.said.value = "Type a sentence."
            self.stage.update()
            return
        own = self.query and (at, *self.query)
        chosen = self.head.value, self.temperature.value, self.mask.value, self.pads.value
        now = state(self.sentence, *chosen, own)
        shown = [*self.sentence, *[PAD] * self.pads.value]
        self._paint(now, shown, at)
        self.stage.update()
        self.x.value, self.y.value = now.queries[at]
        most = np.argsort(-now.weights[at], kind="stable")[:4]
        parts = [f"<b>{escape(shown[j])}</b> {now.weights[at, j]:.0%}" for j in most]
        self.said.value = f"<b>{escape(shown[at])}</b> looks at " + ", ".join(parts)

    def _paint(self, now: State, shown: list[str], at: int) -> None:
        pixels, wide = self.heat.pixels, CELL * len(shown)
        pixels[:] = 255
        gray = 255 - 215 * now.weights[..., None] * np.ones(3)
        pixels[:wide, :wide] = np.repeat(np.repeat(gray, CELL, axis=0), CELL, axis=1)
        pixels[: wide + 1 : CELL, : wide + 1] = pixels[: wide + 1, : wide + 1 : CELL] = 225
        for edge in (CELL * at, CELL * at + CELL - 2):
            pixels[edge : edge + 3, :wide] = 255 * FRAME
        self.dots.set_offsets(now.keys)
        self.dots.set_sizes(12 + 500 * now.weights[at])
        tip = now.queries[at]
        self.arrow.set_data([0, tip[0]], [0, tip[1]])
        self.tip.set_data([tip[0]], [tip[1]])
        together = side_by_side(shown, now.keys)
        for name in self.names:
            name.set_text("")
        for name, (key, there) in zip(self.names, together, strict=False):
            name.set_text("\n".join(", ".join(there[i : i + 3]) for i in range(0, len(there), 3)))
            name.set_position((key[0] + 0.3, key[1]))


def view() -> widgets.Widget:
    """The explorer, ready to be shown at the end of a cell."""
    v = _View()
    return v.stage.below(
        widgets.VBox([v.text, v.head, v.mask]),
        widgets.VBox([v.at, v.x, v.y]),
        widgets.VBox([v.temperature, v.pads]),
        v.said,
    )
