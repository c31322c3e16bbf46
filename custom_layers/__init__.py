"""Recurrent Keras layers that Keras does not have; they run on every backend of Keras."""

from custom_layers.lstm_family import (
    CoupledLSTM,
    CoupledLSTMCell,
    PeepholeLSTM,
    PeepholeLSTMCell,
)

# The layers by the names that networks, searches and the command line know. A new one is a line.
RECURRENT_LAYERS = {
    "peephole_lstm": PeepholeLSTM,
    "coupled_lstm": CoupledLSTM,
}

__all__ = [
    "RECURRENT_LAYERS",
    "CoupledLSTM",
    "CoupledLSTMCell",
    "PeepholeLSTM",
    "PeepholeLSTMCell",
]
