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
    """A recurrent network reads a text: its hidden state, and how far back the gradient reaches."""
    with extra("course"):
        from dlcore.explore._unrolled import view

    return view()


def gates() -> Widget:
    """The gates of an LSTM cell: set them yourself, or watch those of a trained LSTM."""
    with extra("course"):
        from dlcore.explore._gates import view

    return view()


def attention() -> Widget:
    """Attention weights in a sentence: queries and keys in a plane, heads, masks, temperature."""
    with extra("course"):
        from dlcore.explore._attention import view

    return view()


def autoencoder() -> Widget:
    """An autoencoder with two latent numbers: click into the plane of codes, or draw a digit and see its code."""
    with extra("course"):
        from dlcore.explore._autoencoder import view

    return view()


def vae() -> Widget:
    """The latent plane of a VAE: decode any point of it, sample from the prior, ask for a class."""
    with extra("course"):
        from dlcore.explore._vae import view

    return view()


def gan() -> Widget:
    """A GAN on points in a plane: generator against discriminator, losses, momentum, mode collapse."""
    with extra("course"):
        from dlcore.explore._gan import view

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
    "autoencoder": autoencoder,
    "vae": vae,
    "gan": gan,
}
