"""Compare with PyTorch."""

from dlcore.crosscheck.compare import *  # noqa: F403
