"""Deep learning from scratch, in NumPy, in the order in which the course teaches it.

    neuron         one unit, by hand: weighted sum, layer, perceptron           lesson 01
    activations    ReLU, sigmoid, GELU, softmax ...: kernels and tape nodes     lesson 02
    objective      whole losses of plain arrays, and their gradients            lesson 03
    losses         squared error, cross-entropy from raw scores, divergences    lesson 03
    value          Value: one number that remembers how it was made             lesson 04
    vjp            the way back of arrays by hand, the smallest Tensor          lesson 05
    tensor         Tensor and the tape that remembers how it was made           lesson 05
    ops            arithmetic, matmul, linear, with their derivatives           lesson 05
    reductions     sum, mean, variance, extremes                                lesson 05
    shaping        reshape, transpose, join, cut, pad, index                    lesson 05
    gradcheck      measured slopes against backward                             lesson 05
    descent        one step of each optimizer, by hand                          lesson 06
    rng            where chance comes from                                      lesson 06
    init           where weights start                                          lesson 06
    optim          SGD, RMSprop, Adagrad, Adam, AdamW                           lesson 06
    schedule       learning rates that change                                   lesson 06
    workflow       split, standardize, batches, first weights, a loop, by hand  lesson 07
    data           data sets that need no download                              lesson 07
    loader         splits without leaks, batches                                lesson 07
    checkpoint     save and go on, in a format that runs no code                lesson 07
    train          the training loop                                            lesson 07
    regularization penalties, dropout, batch norm, early stopping, by hand      lesson 08
    normalization  batch, layer, group and RMS norm                             lesson 08
    dropout        a random part of the network at a time                       lesson 08
    windows        sliding windows, convolution, pooling, a LeNet, by hand      lesson 09
    sliding        how a window slides over an image, and what it sees          lesson 09
    winograd       3 x 3 convolution with fewer multiplications                 lesson 09
    conv           convolution and its transpose                                lesson 09
    pooling        the largest or the average of each patch                     lesson 09
    text           number words, dates, names, prose; vocabulary                lesson 12
    embedding      a learnt vector for each token                               lesson 12
    series         sunspots, and the vibration of a machine                     lesson 12
    unrolled       an RNN unrolled, forward, backward, clipped, cut, by hand    lesson 12
    recurrent      RNN: a step, and whole sequences                             lesson 12
    gates          an LSTM and a GRU, a conveyor with gates, by hand            lesson 13
    gated          LSTM and GRU                                                 lesson 13
    lookup         attention by hand: masks, heads, turning, what sees what     lesson 14
    attention      scaled dot product, heads, positions, KV cache               lesson 14
    bottleneck     PCA, autoencoders, larger pictures, ROC, anomalies, by hand  lesson 17
    generative     autoencoder, VAE, GAN: losses and training steps             lesson 17
    variational    a VAE by hand: KL, the bound, draws, arcs, likelihood        lesson 18
    adversarial    a GAN by hand: two losses, turns, who is hit, who is copied   lesson 19

Around the lessons: ``functional`` gathers every function under PyTorch's names, ``nn`` holds the
layers as modules, ``crosscheck`` compares with PyTorch, ``device`` goes to a GPU, ``plot`` draws,
``explore`` holds the widgets, ``sabotaged`` scripts that do not work. Beyond the tensor itself,
names load on first use.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import dlcore.kernels  # noqa: F401  before NumPy
from dlcore import activations, ops, reductions, shaping  # noqa: F401  they give Tensor its methods
from dlcore.memory import keep_freed_memory

# at once, because the function ``tensor`` must win over the file of that name
from dlcore.tensor import Tensor as Tensor
from dlcore.tensor import tensor as tensor

keep_freed_memory()

_NAMES = {
    "tensor": "no_grad",
    "activations": "relu sigmoid tanh softmax log_softmax logsumexp",
    "neuron": "Perceptron",
    "value": "Value",
    "ops": "abs clip div exp log matmul maximum minimum mul neg pow sqrt sub add where",
    "reductions": "amax amin argmax max mean min sum var",
    "shaping": "cat chunk concat expand flatten flip permute reshape split squeeze stack"
    " swapaxes transpose unsqueeze",
    "recurrent": "rnn_relu rnn_tanh rnn_relu_cell rnn_tanh_cell",
    "gated": "gru gru_cell lstm lstm_cell",
    "rng": "manual_seed",
    "pieces": "get_num_threads set_num_threads",
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
