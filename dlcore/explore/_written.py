"""Texts kept as pixels: to draw one takes a millisecond, and a picture has up to fifty."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.text import Text
from matplotlib.transforms import Affine2D


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
        """Drawn in the middle, where nothing is cut off, on black and on white: all else lies between."""
        pixels = np.asarray(self.scratch.buffer_rgba())
        height, width = pixels.shape[:2]
        old = text.get_transform()
        right, down = width // 2 - x, height // 2 - y
        text.set_transform(old + Affine2D().translate(right, -down))
        drawn = []
        for ground in (0, 255):
            pixels[:] = ground, ground, ground, 255
            text.draw(self.scratch)
            drawn.append(pixels[..., :3].astype(np.uint16))
        text.set_transform(old)
        black, white = drawn
        share = white - black
        rows, columns = (np.flatnonzero((share < 255).any(axis=(k, 2))) for k in (1, 0))
        rows, columns = (a if len(a) else np.array([0]) for a in (rows, columns))
        inked = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        left, top = int(columns[0]) - x - right, int(rows[0]) - y - down
        return Look(black[inked], share[inked], left, top)
