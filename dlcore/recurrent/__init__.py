"""Recurrent layers: one small network applied at every time step, carrying a hidden state along.

    rnn      Elman's network, with tanh or ReLU
    lstm     long short-term memory
    gru      gated recurrent units
    gates    how LSTM and GRU arrange their gates
    layers   several layers, both directions, sequences of different lengths

Each family is a step (what happens at one time step) and a whole sequence (the loop, and
backpropagation through time). Three tricks make the sequence fast: the inputs of *all* time steps are
multiplied by their weights in one product before the loop starts, the gradients of the weights
are one product after it has ended, and in the backward pass the local derivatives, which the
forward pass has fixed, are computed for many time steps at once. Only what depends on the neighboring state stays inside.

Legend: x (T, N, D), h (N, H), w_ih (G H, D), w_hh (G H, H), b (G H,) with G = 1 (rnn), 3 (gru:
r z n), 4 (lstm: i f g o, PyTorch's order); a are pre-activations. States are stacked as (T + 1, N, H), the initial
one first. ``valid`` (T, N, 1) is None or 0 where a sequence is over: there the state stands still.
"""

from dlcore.recurrent.gru import gru as gru
from dlcore.recurrent.gru import gru_cell as gru_cell
from dlcore.recurrent.lstm import lstm as lstm
from dlcore.recurrent.lstm import lstm_cell as lstm_cell
from dlcore.recurrent.rnn import rnn_relu as rnn_relu
from dlcore.recurrent.rnn import rnn_relu_cell as rnn_relu_cell
from dlcore.recurrent.rnn import rnn_tanh as rnn_tanh
from dlcore.recurrent.rnn import rnn_tanh_cell as rnn_tanh_cell
