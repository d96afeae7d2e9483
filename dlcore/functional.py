"""Every function of the library under PyTorch's names: ``import dlcore.functional as F``."""

from dlcore.activations import gelu, leaky_relu, relu, sigmoid, softmax, tanh
from dlcore.ops import linear

__all__ = ["gelu", "leaky_relu", "linear", "relu", "sigmoid", "softmax", "tanh"]
