"""Plots of the course: few, labeled, in colors that colour-blind people can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlcore.errors import extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# blue, orange, green, pink, gray (Wong, Points of view: color blindness, Nature Methods 2011)
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666")
MARKERS = "os^D"


def axes(width: float = 5.0, height: float = 3.4, columns: int = 1) -> Axes:
    """One empty plot, or an array of ``columns`` of them."""
    with extra("course"):
        import matplotlib.pyplot as plt

    _, ax = plt.subplots(1, columns, figsize=(width * columns, height), layout="constrained")
    return ax


def show(alt: str) -> None:
    """Show the current picture with a text that says what it shows, for those who cannot see it."""
    import base64
    import html
    import io

    with extra("course"):
        import matplotlib.pyplot as plt
        from IPython.display import display

    buffer = io.BytesIO()
    plt.gcf().savefig(buffer, format="png", dpi=100)
    plt.close()
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    image = f'<img alt="{html.escape(alt)}" src="{source}">'
    display({"text/html": image, "text/plain": f"[picture: {alt}]"}, raw=True)


def points(ax: Axes, x: np.ndarray, y: np.ndarray, names: Sequence[str] = ("0", "1")) -> None:
    """Points x (N, 2), a marker and a color for each class of y (N,)."""
    for k, name in enumerate(names):
        chosen = x[y == k]
        ax.plot(
            chosen[:, 0], chosen[:, 1], MARKERS[k], color=COLORS[k], mec="white", ms=7, label=name
        )
    ax.legend()


def regions(ax: Axes, predict: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> None:
    """Shade where ``predict`` ((N, 2) -> (N,) of 0 and 1) says 1, on the square [low, high]^2."""
    axis = np.linspace(low, high, 160)
    plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    answer = np.asarray(predict(plane)).reshape(160, 160)
    ax.contourf(axis, axis, answer, levels=[-0.5, 0.5, 1.5], colors=COLORS[:2], alpha=0.18)
    ax.set(xlim=(low, high), ylim=(low, high))


def curves(
    ax: Axes, x: np.ndarray, functions: dict[str, Callable[[np.ndarray], np.ndarray]]
) -> None:
    """Several functions of x in one plot, told apart by color and by dash."""
    for k, (name, f) in enumerate(functions.items()):
        ax.plot(x, f(x), color=COLORS[k % 5], ls=["-", "--", "-.", ":"][k % 4], lw=2, label=name)
    ax.legend()
