"""Recurrent layers and cells as modules; the mathematics is in ``dlcore.recurrent``."""

from __future__ import annotations

import math
from typing import Any

from dlcore import recurrent
from dlcore.backend.arrays import zeros_like
from dlcore.dtypes import size
from dlcore.init import Rng
from dlcore.nn.linear import weights
from dlcore.nn.module import Module, Parameter
from dlcore.operands import as_tensor, float_tensor
from dlcore.rng import generator
from dlcore.tensor import Tensor


def _zeros(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    return Tensor(zeros_like(like.data, shape=shape))


class _Recurrent(Module):
    """Weights of all layers and directions, under PyTorch's names: weight_ih_l0, ..._reverse."""

    gates = 1
    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: Rng = None,
    ) -> None:
        op = type(self).__name__
        self.input_size = input_size = size(op, "input_size", input_size)
        self.hidden_size = hidden_size = size(op, "hidden_size", hidden_size, 1)
        self.num_layers = num_layers = size(op, "num_layers", num_layers, 1)
        self.bias, self.batch_first = bias, batch_first
        self.dropout, self.bidirectional = dropout, bidirectional
        rng, bound = generator(rng), 1 / math.sqrt(max(1, hidden_size))
        directions, rows = (2 if bidirectional else 1), self.gates * hidden_size
        for layer in range(num_layers):
            wide = input_size if layer == 0 else directions * hidden_size
            for suffix in (f"_l{layer}", f"_l{layer}_reverse")[:directions]:
                setattr(self, "weight_ih" + suffix, weights((rows, wide), rng, bound))
                setattr(self, "weight_hh" + suffix, weights((rows, hidden_size), rng, bound))
                if bias:
                    setattr(self, "bias_ih" + suffix, weights((rows,), rng, bound))
                    setattr(self, "bias_hh" + suffix, weights((rows,), rng, bound))

    def run(self, sequence: Any, input: Any, hx: Any, lengths: Any, **options: Any) -> Any:
        """Apply one of the functions of ``dlcore.recurrent`` to all layers."""
        params = [v for v in vars(self).values() if isinstance(v, Parameter)]
        input = float_tensor(type(self).__name__, input, params[0].data)
        if hx is None and input.ndim == 3:
            runs = self.num_layers * (2 if self.bidirectional else 1)
            shape = (runs, input.shape[0 if self.batch_first else 1], self.hidden_size)
            hx = _zeros(input, shape) if self.states == 1 else (_zeros(input, shape),) * 2
        return sequence(
            input,
            () if hx is None else hx,
            params,
            self.bias,
            self.num_layers,
            self.dropout,
            self.training,
            self.bidirectional,
            self.batch_first,
            lengths=lengths,
            **options,
        )


class RNN(_Recurrent):
    """Elman's network.  Shapes: (T, N, input_size) -> (T, N, H), last state (layers, N, H)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: Rng = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f'RNN: nonlinearity is {nonlinearity!r}; choose "tanh" or "relu"')
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng
        )

    def forward(
        self, input: Any, hx: Tensor | None = None, lengths: Any = None
    ) -> tuple[Tensor, Tensor]:
        return self.run(recurrent.rnn_tanh, input, hx, lengths, nonlinearity=self.nonlinearity)


class GRU(_Recurrent):
    """Gated recurrent units.  Shapes: (T, N, input_size) -> (T, N, H), last state (layers, N, H)."""

    gates = 3

    def forward(
        self, input: Any, hx: Tensor | None = None, lengths: Any = None
    ) -> tuple[Tensor, Tensor]:
        return self.run(recurrent.gru, input, hx, lengths)


class LSTM(_Recurrent):
    """Long short-term memory.  Shapes: (T, N, input_size) -> (T, N, H), (h, c) each (layers, N, H)."""

    gates = 4
    states = 2

    def forward(
        self, input: Any, hx: tuple[Tensor, Tensor] | None = None, lengths: Any = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        out, h, c = self.run(recurrent.lstm, input, hx, lengths)
        return out, (h, c)


class _Cell(Module):
    gates = 1
    states = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, rng: Rng = None
    ) -> None:
        op = type(self).__name__
        self.input_size = input_size = size(op, "input_size", input_size)
        self.hidden_size = hidden_size = size(op, "hidden_size", hidden_size, 1)
        self.bias = bias
        rng, bound = generator(rng), 1 / math.sqrt(max(1, hidden_size))
        rows = self.gates * hidden_size
        self.weight_ih = weights((rows, input_size), rng, bound)
        self.weight_hh = weights((rows, hidden_size), rng, bound)
        self.bias_ih = weights((rows,), rng, bound) if bias else None
        self.bias_hh = weights((rows,), rng, bound) if bias else None

    def step(self, cell: Any, input: Any, hx: Any) -> Any:
        """Apply one of the step functions."""
        input = as_tensor(type(self).__name__, input)
        if hx is None:
            zeros = self.zeros(input)
            hx = (zeros, zeros) if self.states == 2 else zeros
        return cell(input, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def zeros(self, input: Any) -> Tensor:
        """The state before anything was read."""
        return _zeros(self.weight_ih, (len(input), self.hidden_size))


class RNNCell(_Cell):
    """One step of an RNN.  Shapes: (N, input_size), (N, hidden_size) -> (N, hidden_size)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        rng: Rng = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, rng)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> Tensor:
        cells = {"tanh": recurrent.rnn_tanh_cell, "relu": recurrent.rnn_relu_cell}
        return self.step(cells[self.nonlinearity], input, hx)


class GRUCell(_Cell):
    """One step of a GRU.  Shapes: (N, input_size), (N, hidden_size) -> (N, hidden_size)."""

    gates = 3

    def forward(self, input: Any, hx: Tensor | None = None) -> Tensor:
        return self.step(recurrent.gru_cell, input, hx)


class LSTMCell(_Cell):
    """One step of an LSTM.  Shapes: (N, input_size), two (N, hidden_size) -> two (N, hidden_size)."""

    gates = 4
    states = 2

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        return self.step(recurrent.lstm_cell, input, hx)
