"""Compare with PyTorch. The only folder of the library that imports torch, and only when one of these is called.

timing    two libraries timed alike
compare   a function: values, gradients, time
training  gradients on the way, an optimizer's path, a whole training
modules   modules from one library to the other, with their weights
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
