"""A matplotlib figure that moves at the speed of a hand.

Redrawing a whole figure takes 50 to 100 ms, most of it for axes and labels that have not
changed. The stage draws those once, keeps the pixels, and from then on draws only the
artists that move on top of them (matplotlib calls this blitting). A text takes a millisecond,
so the pixels of those that have been drawn before are kept as well.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from traitlets import Bool, Bytes, Float, List, Unicode

from dlcore.explore._written import Written


class Picture(anywidget.AnyWidget):
    """A picture with a text for those who cannot see it, and the place on it that is dragged.

    ``value`` is a JPEG; ``at`` = [x, y] the place of the pointer, from [0, 0], upper left, to [1, 1].
    """

    _esm = (Path(__file__).parent / "picture.js").read_text(encoding="utf-8")
    value = Bytes(b"").tag(sync=True)
    at = List(Float()).tag(sync=True)
    busy = Bool(False).tag(sync=True)  # another picture is to follow by itself
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


def words(
    figure: Figure, x: float, y: float, text: str = "", size: float = 10, ha: str = "left"
) -> Text:
    """A text on the figure, at x, y in pixels from its upper left corner."""
    width, height = figure.get_size_inches() * figure.dpi
    place = x / width, 1 - y / height
    return figure.text(*place, text, fontsize=size, ha=ha, va="center_baseline")


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
        self.is_setting = False  # controls are being set by the explorer, not by a hand
        self._still: Any = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.next: asyncio.TimerHandle | None = None  # picture that is to come

    @contextmanager
    def setting(self) -> Iterator[None]:
        """The explorer itself sets controls meanwhile, and no picture is drawn for each of them."""
        before, self.is_setting = self.is_setting, True
        try:
            yield
        finally:
            self.is_setting = before

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
