"""All explorers on one page: choose one, and it is built when it is first shown."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets


def view(explorers: Mapping[str, Callable[[], Any]]) -> widgets.Widget:
    """Buttons for the explorers, and below them the one that is chosen."""
    choice = widgets.ToggleButtons(options=list(explorers), description="explore")
    choice.style.button_width = "auto"
    about = widgets.HTML()
    place = widgets.VBox()
    built: dict[str, widgets.DOMWidget] = {}

    def show(_: object = None) -> None:
        name = choice.value
        if name not in built:
            built[name] = explorers[name]()
            built[name].add_class(f"dlcourse-{name}")
        about.value = f"<h2>{name.capitalize()}</h2><p>{inspect.getdoc(explorers[name])}</p>"
        place.children = (built[name],)

    choice.observe(show, "value")
    show()
    return widgets.VBox([choice, about, place])
