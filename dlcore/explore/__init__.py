"""Widgets to play with an idea: ``explore.neuron()``, ``explore.activations()``.

Each explorer is a pure function ``state(parameters) -> arrays``, which can be tested without
a browser, and a view that draws the arrays and reads the controls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlcore.errors import extra

if TYPE_CHECKING:
    from ipywidgets import Widget


def neuron() -> Widget:
    """One neuron and a plane of points: move its weights, its bias, its line."""
    with extra("course"):
        from dlcore.explore._neuron import view

    return view()


def activations() -> Widget:
    """An activation, its slope, and what a deep stack of it does to a signal."""
    with extra("course"):
        from dlcore.explore._activations import view

    return view()


def losses() -> Widget:
    """Five losses and their slopes: of a number, of a yes or no, of three classes."""
    with extra("course"):
        from dlcore.explore._losses import view

    return view()


def graph() -> Widget:
    """A formula as a computational graph: the forward and the backward pass, node by node."""
    with extra("course"):
        from dlcore.explore._graph import view

    return view()


def shapes() -> Widget:
    """Two shapes: how they broadcast or multiply, and what comes back to each entry."""
    with extra("course"):
        from dlcore.explore._shapes import view

    return view()


def optimizers() -> Widget:
    """Four optimizers race down a surface: move the learning rate, the momentum, the start."""
    with extra("course"):
        from dlcore.explore._optimizers import view

    return view()


def playground() -> Widget:
    """A small network learns to tell points apart: choose data, layers, activation, rate, and watch."""
    with extra("course"):
        from dlcore.explore._playground import view

    return view()


def fitting() -> Widget:
    """A curve through noisy points: too few weights, enough, or far too many; drag a point."""
    with extra("course"):
        from dlcore.explore._fitting import view

    return view()


def convolution() -> Widget:
    """A window slides over a picture: edit the kernel, draw, change stride, padding and dilation."""
    with extra("course"):
        from dlcore.explore._convolution import view

    return view()


def unrolled() -> Widget:
    """A small recurrent network reads a text: what it has in mind, and how far back it can learn."""
    with extra("course"):
        from dlcore.explore._unrolled import view

    return view()


def gates() -> Widget:
    """A memory and its gates: hold them yourself, or watch an LSTM that has learned to."""
    with extra("course"):
        from dlcore.explore._gates import view

    return view()


def attention() -> Widget:
    """Attention weights in a sentence: queries and keys in a plane, heads, masks, temperature."""
    with extra("course"):
        from dlcore.explore._attention import view

    return view()


def latent() -> Widget:
    """Digits in two numbers: click into the plane of codes, draw, and see where the drawing lands."""
    with extra("course"):
        from dlcore.explore._latent import view

    return view()


def walk() -> Widget:
    """A plane full of digits that a VAE has made up: walk about in it, draw from a cloud, ask for a kind."""
    with extra("course"):
        from dlcore.explore._walk import view

    return view()


def duel() -> Widget:
    """A GAN on points in a plane: generator against discriminator, losses, momentum, mode collapse."""
    with extra("course"):
        from dlcore.explore._duel import view

    return view()


def app() -> Widget:
    """All of them on one page, as ``make explore`` shows it."""
    with extra("course"):
        from dlcore.explore._app import view

    return view(EXPLORERS)


EXPLORERS = {
    "neuron": neuron,
    "activations": activations,
    "losses": losses,
    "graph": graph,
    "shapes": shapes,
    "optimizers": optimizers,
    "playground": playground,
    "fitting": fitting,
    "convolution": convolution,
    "unrolled": unrolled,
    "gates": gates,
    "attention": attention,
    "latent": latent,
    "walk": walk,
    "duel": duel,
}
