"""A matplotlib figure that moves at the speed of a hand.

Redrawing a whole figure takes 50 to 100 ms, most of it for axes and labels that have not
changed. The stage draws those once, keeps the pixels, and from then on draws only the
artists that move on top of them (matplotlib calls this blitting). A text takes a millisecond,
so the pixels of those that have been drawn before are kept as well.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from functools import cache, wraps
from math import floor
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import ipywidgets as widgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from PIL import Image
from threadpoolctl import ThreadpoolController
from traitlets import Bool, Bytes, Float, List, Unicode, validate


class Picture(anywidget.AnyWidget):
    """A picture with a text for those who cannot see it, and the place on it that is dragged.

    ``value`` is a JPEG; ``at`` = [x, y] the place of the pointer, from [0, 0], upper left, to [1, 1].
    """

    _esm = (Path(__file__).parent / "picture.js").read_text(encoding="utf-8")
    value = Bytes(b"").tag(sync=True)
    at = List(Float()).tag(sync=True)
    answers = Bool(False).tag(sync=True)  # to being dragged
    over = List(Float()).tag(sync=True)  # the same for a pointer that only points
    follows = Bool(False).tag(sync=True)  # such a pointer
    description = Unicode("").tag(sync=True)  # ipywidgets wants one where there is a tooltip


class Pixels(Artist):
    """Pixels (H, W, 3) of 8 bits, put on the figure as they are, from ``top`` and ``left``."""

    def __init__(self, pixels: np.ndarray, top: int = 0, left: int = 0) -> None:
        super().__init__()
        self.pixels, self.top, self.left = pixels, top, left

    def draw(self, renderer: Any) -> None:
        height, width = self.pixels.shape[:2]
        whole = np.asarray(renderer.buffer_rgba())
        whole[self.top : self.top + height, self.left : self.left + width, :3] = self.pixels


class FloatSlider(widgets.FloatSlider):
    """A slider whose values are those that a browser makes of them.

    It counts steps in percent: of 0.3 it makes 0.2999999999999998 and says so, as if a hand had moved it, maybe after the
    next value was set.
    """

    @validate("value")
    def _validate_value(self, proposal: dict[str, Any]) -> float:
        value, reach = proposal["value"], self.max - self.min
        if not self.min < value < self.max:
            return min(max(value, self.min), self.max)
        step = self.step * 100 / reach
        percent = floor((value - self.min) * 100 / reach / step + 0.5) * step
        return self.max if percent >= 100 else percent * reach / 100 + self.min


def words(
    figure: Figure, x: float, y: float, text: str = "", size: float = 10, ha: str = "left"
) -> Text:
    """A text on the figure, at x, y in pixels from its upper left corner."""
    width, height = figure.get_size_inches() * figure.dpi
    place = x / width, 1 - y / height
    return figure.text(*place, text, fontsize=size, ha=ha, va="center_baseline")


PAUSE = 0.001  # seconds that a kernel has, before it draws, to say that it heard
REST = 0.04  # seconds that the hand has, before a picture follows by itself


def can_wait() -> bool:
    """Whether something can come later by itself: there is a kernel that goes on."""
    try:
        return bool(asyncio.get_running_loop())
    except RuntimeError:
        return False


def when_free(show: Callable[[Any], bool | None]) -> Callable[[Any], None]:
    """Let a kernel answer the hand first and draw then, once for all that has changed meanwhile.

    So the next change travels while this one is drawn. The first picture comes at once, and so does each where nothing
    can come later. What ``show`` itself sets does not lead back to it; if it returns True, another picture is to follow.

    Matrices are multiplied in one thread: they are small, and a second thread of OpenBLAS would take the browser's core
    and wait on it.
    """

    @wraps(show)
    def ask(view: Any) -> None:
        stage: Stage = view.stage

        def draw() -> None:
            stage.is_drawing, stage.has_shown, stage.next = True, True, None
            try:
                with _libraries().limit(limits=1, user_api="blas"):
                    more = show(view)
            finally:
                stage.is_drawing = False
            if more and can_wait():
                later(REST)

        def later(pause: float) -> None:
            loop = asyncio.get_running_loop()
            if stage.next and (stage.loop != loop or stage.next.when() > loop.time() + pause):
                stage.next.cancel()  # a page that is opened again brings another loop
                stage.next = None
            stage.loop, stage.next = loop, stage.next or loop.call_later(pause, draw)

        if not stage.is_drawing:
            later(PAUSE) if stage.has_shown and can_wait() else draw()

    return ask


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


class Look(NamedTuple):
    """A text as pixels: its ``ink`` and the ``share`` of what is below it (of 255), ``right`` and ``down`` from its place."""

    ink: np.ndarray
    share: np.ndarray
    right: int
    down: int


class Written:
    """Texts that are drawn once for every look that they have, and from then on put back as pixels."""

    MOST = 2000  # looks that are kept

    def __init__(self, width: int, height: int, dpi: float) -> None:
        self.scratch = RendererAgg(width, height, dpi)
        self.looks: dict[tuple[Any, ...], Look] = {}

    def draw(self, text: Text, renderer: Any) -> None:
        if not text.get_text():
            return
        whole = np.asarray(renderer.buffer_rgba())
        x, y = text.get_transform().transform(text.get_unitless_position())
        x, y = round(x), round(len(whole) - y)
        box = text.get_bbox_patch()
        key = (
            *(text.get_text(), text.get_fontsize(), text.get_fontweight(), text.get_rotation()),
            *(text.get_horizontalalignment(), text.get_verticalalignment()),
            *(text.get_alpha(), to_rgba(text.get_color())),
            box and (box.get_facecolor(), box.get_edgecolor(), box.get_linewidth()),
        )
        if key not in self.looks:
            if len(self.looks) >= self.MOST:
                self.looks.clear()
            self.looks[key] = self._look(text, x, y)
        ink, share, right, down = self.looks[key]
        top, left, height, width = y + down, x + right, *ink.shape[:2]
        if top < 0 or left < 0 or top + height > len(whole) or left + width > whole.shape[1]:
            text.draw(renderer)  # it hangs over the edge
            return
        place = whole[top : top + height, left : left + width, :3]
        place[:] = ink + (place * share + 127) // 255

    def _look(self, text: Text, x: int, y: int) -> Look:
        """Drawn in the middle, where nothing is cut off."""
        height, width = np.asarray(self.scratch.buffer_rgba()).shape[:2]
        old = text.get_transform()
        right, down = width // 2 - x, height // 2 - y
        text.set_transform(old + Affine2D().translate(right, -down))
        self.scratch.clear()
        text.draw(self.scratch)
        text.set_transform(old)
        pixels = np.asarray(self.scratch.buffer_rgba())
        rows, columns = (np.flatnonzero(pixels[..., 3].any(axis=k)) for k in (1, 0))
        rows, columns = (a if len(a) else np.array([0]) for a in (rows, columns))
        inked = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint16)
        share = inked[..., 3:]
        ink = (inked[..., :3] * share + 127) // 255
        return Look(ink, 255 - share, int(columns[0]) - x - right, int(rows[0]) - y - down)


class Stage:
    """``figure`` in an image widget; ``moving`` are the artists that change with the controls."""

    def __init__(self, figure: Figure, moving: Sequence[Artist], description: str) -> None:
        self.figure = figure
        self.canvas = FigureCanvasAgg(figure)
        self.written = Written(*self.canvas.get_width_height(), figure.dpi)
        self.moving = list(moving)
        for artist in self.moving:
            artist.set_animated(True)
        self.image = Picture(tooltip=description)
        self.image.layout.max_width = "100%"
        self.image.layout.align_self = "flex-start"  # a stretched picture is a blurred one
        self.is_drawing, self.has_shown = False, False
        self._still: Any = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.next: asyncio.TimerHandle | None = None  # picture that is to come

    def on_drag(self, axes: Axes, act: Callable[[float, float], object]) -> None:
        """Call ``act(x, y)``, in the coordinates of ``axes``, when the pointer is dragged over it."""

        def dragged(change: dict[str, Any]) -> None:
            width, height = self.canvas.get_width_height()
            place = change["new"][0] * width, (1 - change["new"][1]) * height
            if axes.bbox.contains(*place):
                x, y = axes.transData.inverted().transform(place)
                act(float(x), float(y))

        self.image.answers = True
        self.image.observe(dragged, "at")

    def on_drag_anywhere(self, act: Callable[[float, float], object]) -> None:
        """Call ``act(x, y)``, in pixels from the upper left corner, when the pointer is dragged."""
        width, height = self.canvas.get_width_height()
        whole = self.figure.add_axes((0, 0, 1, 1), frameon=False, xlim=(0, width), ylim=(height, 0))
        whole.set_axis_off()
        self.on_drag(whole, act)

    def on_hover(self, act: Callable[[float, float], object]) -> None:
        """Call ``act(x, y)``, in pixels from the upper left corner, where the pointer moves over the picture."""
        width, height = self.canvas.get_width_height()
        self.image.follows = True
        self.image.observe(lambda at: act(at["new"][0] * width, at["new"][1] * height), "over")

    def renew(self) -> None:
        """Let the next update draw everything: after a change to something that does not usually move."""
        self._still = None

    def update(self) -> None:
        """Draw the moving artists over the still picture and show the result."""
        if self._still is None:
            self.canvas.draw()
            self._still = self.canvas.copy_from_bbox(self.figure.bbox)
        self.canvas.restore_region(self._still)
        renderer = self.canvas.get_renderer()
        for artist in sorted(self.moving, key=lambda a: a.get_zorder()):
            if isinstance(artist, Text) and not (artist.axes and artist.get_clip_on()):
                self.written.draw(artist, renderer)
            else:
                artist.draw(renderer)
        size = self.canvas.get_width_height()
        pixels = Image.frombuffer("RGBA", size, self.canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
        # in a fifth of the time of a PNG, which tries five filters for every row
        jpeg = io.BytesIO()
        pixels.convert("RGB").save(jpeg, "jpeg", quality=95, subsampling=0)
        self.image.value = jpeg.getvalue()

    def below(self, *columns: widgets.Widget) -> widgets.Widget:
        """The explorer: its controls, column by column, and the picture below them."""
        controls = widgets.HBox(columns)
        controls.layout.flex_flow = "row wrap"
        box = widgets.VBox([controls, self.image])
        box.add_class("dlcourse-explorer")
        return box
