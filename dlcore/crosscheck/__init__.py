"""Compare with PyTorch: the only folder of the library that imports it, and only when something is called.

    timing    two libraries timed alike
    compare   a function: values, gradients, time
    training  gradients on the way, an optimizer's path, a whole training
    modules   modules from one library to the other, with their weights

Nothing here fails for want of PyTorch, but for the modules.
"""

from dlcore.crosscheck.compare import Report, Row, crosscheck
from dlcore.crosscheck.modules import from_torch, to_torch
from dlcore.crosscheck.training import (
    Training,
    torch_gradients,
    torch_training,
    torch_trajectory,
)

__all__ = [
    "Report",
    "Row",
    "Training",
    "crosscheck",
    "from_torch",
    "to_torch",
    "torch_gradients",
    "torch_training",
    "torch_trajectory",
]
