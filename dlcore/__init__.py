"""Deep learning from scratch, in NumPy: what the course writes, and what the course uses.

Four rooms:

    scratch        what learners write: plain functions on arrays, one file a lesson
    this folder    the library: Tensor, layers (nn), optimizers, training, for models of any size
    data           data sets that need no download, text, series, splits, batches
    backend        how NumPy is made fast, and nothing of deep learning

The library, each file with the lesson that earns it:

    dtypes         what may stand for a tensor, and in which dtype              lesson 05
    tensor         Tensor, and the tape that remembers how it was computed      lesson 05
    operands       the arrays that an operation computes with                   lesson 05
    ops            arithmetic, matmul, linear, with their derivatives           lesson 05
    reductions     sum, mean, variance, extremes                                lesson 05
    shaping        reshape, transpose, concatenate, split, pad, index           lesson 05
    operators      a tensor as a number, rows, a mask, an array                 lesson 05
    activations    ReLU, sigmoid, GELU, softmax ...: forward and backward       lesson 05
    comparison     what losses share: input, target, mean                       lesson 05
    losses         squared error, cross-entropy from logits, divergences        lesson 05
    gradcheck      numerical gradients against the backward pass                lesson 05
    rng            the random generator that everything shares                  lesson 06
    init           weight initialization: Xavier, He, orthogonal                lesson 06
    clipping       gradient clipping                                            lesson 06
    optim          SGD, RMSprop, Adagrad, Adam, AdamW                           lesson 06
    schedule       learning-rate schedules                                      lesson 06
    checkpoint     save and resume, in a format that runs no code               lesson 07
    train          the training loop                                            lesson 07
    normalization  batch, layer, group and RMS normalization                    lesson 08
    dropout        dropout                                                      lesson 08
    conv           convolution and its transpose                                lesson 09
    pooling        max and average pooling                                      lesson 09
    embedding      a learned vector for each token                              lesson 12
    recurrent      RNN, LSTM and GRU: a step, and whole sequences               lesson 13
    positions      where in a sequence a token stands                           lesson 14
    attention      scaled dot-product attention, heads, KV cache                lesson 14
    generative     autoencoder, VAE, GAN: losses and training steps             lesson 19

Around them: ``functional`` gathers every function under PyTorch's names, ``nn`` holds the
layers as modules, ``crosscheck`` compares with PyTorch, ``plot`` draws, ``explore`` holds the
explorers, ``errors`` the errors that teach. Beyond the tensor itself, names load on first use.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import dlcore.backend.blas  # noqa: F401  before NumPy
from dlcore import (  # noqa: F401  they give Tensor its methods
    activations,
    operators,
    ops,
    reductions,
    shaping,
)
from dlcore.backend.memory import keep_freed_memory

# at once, because the function ``tensor`` must win over the file of that name
from dlcore.tensor import Tensor as Tensor
from dlcore.tensor import tensor as tensor

keep_freed_memory()

_NAMES = {
    "tensor": "no_grad",
    "activations": "relu sigmoid tanh softmax log_softmax logsumexp",
    "ops": "abs clip div exp log matmul maximum minimum mul neg pow sqrt sub add where",
    "reductions": "amax amin argmax max mean min sum var",
    "shaping": "cat chunk concat expand flatten flip permute reshape split squeeze stack"
    " swapaxes transpose unsqueeze",
    "recurrent": "rnn_relu rnn_tanh rnn_relu_cell rnn_tanh_cell gru gru_cell lstm lstm_cell",
    "rng": "manual_seed",
    "backend.blocks": "get_num_threads set_num_threads",
}
_HOME = {name: file for file, names in _NAMES.items() for name in names.split()}
_MODULES = sorted(module.name for module in pkgutil.iter_modules(__path__))

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"dlcore.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"dlcore.{name}")
    else:
        raise AttributeError(f"module 'dlcore' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
