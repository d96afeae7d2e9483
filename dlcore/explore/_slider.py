"""A slider that a browser and a kernel agree about."""

from __future__ import annotations

from math import floor
from typing import Any

import ipywidgets as widgets
from traitlets import validate


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
