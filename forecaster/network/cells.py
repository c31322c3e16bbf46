"""Registry of the recurrent layers by name, for networks, searches and the command line."""

from __future__ import annotations

import keras

from custom_layers import RECURRENT_LAYERS

CELLS: dict[str, type[keras.layers.RNN]] = {
    "simple_rnn": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    **RECURRENT_LAYERS,
}
# The randomly initialized weights of a cell, where they are not kernel and recurrent kernel.
RANDOM_WEIGHTS: dict[str, tuple[str, ...]] = {
    "full_gate_lstm": ("kernel", "recurrent", "gate"),
    "projected_lstm": ("kernel", "recurrent", "projection"),
    "min_lstm": ("kernel",),
    "min_gru": ("kernel",),
}
