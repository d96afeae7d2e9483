"""Layers, under PyTorch's names. Lesson 05 fills this room; ``functional`` is here already."""

from dlcore import functional

__all__ = ["functional"]
