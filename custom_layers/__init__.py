"""Recurrent Keras layers that Keras does not have, on each of Keras's backends.

They calculate in the dtype of Keras's operations: float64 is exact on TensorFlow, while on JAX and
torch Keras rounds to float32 on the way.
"""

from custom_layers.attention import Attention
from custom_layers.full_gate_lstm import FullGateLSTM, FullGateLSTMCell
from custom_layers.grid_lstm import GridLSTM
from custom_layers.janet import JANET, JANETCell
from custom_layers.layer_norm_lstm import LayerNormLSTM, LayerNormLSTMCell
from custom_layers.lstm_ablations import (
    LinearCandidateLSTM,
    LinearCandidateLSTMCell,
    LinearOutputLSTM,
    LinearOutputLSTMCell,
    NoForgetGateLSTM,
    NoForgetGateLSTMCell,
    NoInputGateLSTM,
    NoInputGateLSTMCell,
    NoOutputGateLSTM,
    NoOutputGateLSTMCell,
    NoPeepholeLSTM,
    NoPeepholeLSTMCell,
)
from custom_layers.lstm_family import (
    LSTM1997,
    CoupledLSTM,
    CoupledLSTMCell,
    LSTM1997Cell,
    PeepholeLSTM,
    PeepholeLSTMCell,
)
from custom_layers.mgu import MGU, MGUCell
from custom_layers.min_rnn import MinGRU, MinGRUCell, MinLSTM, MinLSTMCell
from custom_layers.projected_lstm import ProjectedLSTM, ProjectedLSTMCell
from custom_layers.slstm import SLSTM, SLSTMCell

# The layers by the names that networks, searches and the command line know. A new one is a line.
RECURRENT_LAYERS = {
    "peephole_lstm": PeepholeLSTM,
    "coupled_lstm": CoupledLSTM,
    "lstm_1997": LSTM1997,
    "no_input_gate_lstm": NoInputGateLSTM,
    "no_forget_gate_lstm": NoForgetGateLSTM,
    "no_output_gate_lstm": NoOutputGateLSTM,
    "linear_candidate_lstm": LinearCandidateLSTM,
    "linear_output_lstm": LinearOutputLSTM,
    "full_gate_lstm": FullGateLSTM,
    "janet": JANET,
    "mgu": MGU,
    "layer_norm_lstm": LayerNormLSTM,
    "projected_lstm": ProjectedLSTM,
    "slstm": SLSTM,
    "min_lstm": MinLSTM,
    "min_gru": MinGRU,
}

__all__ = [
    "JANET",
    "LSTM1997",
    "MGU",
    "RECURRENT_LAYERS",
    "SLSTM",
    "Attention",
    "CoupledLSTM",
    "CoupledLSTMCell",
    "FullGateLSTM",
    "FullGateLSTMCell",
    "GridLSTM",
    "JANETCell",
    "LSTM1997Cell",
    "LayerNormLSTM",
    "LayerNormLSTMCell",
    "LinearCandidateLSTM",
    "LinearCandidateLSTMCell",
    "LinearOutputLSTM",
    "LinearOutputLSTMCell",
    "MGUCell",
    "MinGRU",
    "MinGRUCell",
    "MinLSTM",
    "MinLSTMCell",
    "NoForgetGateLSTM",
    "NoForgetGateLSTMCell",
    "NoInputGateLSTM",
    "NoInputGateLSTMCell",
    "NoOutputGateLSTM",
    "NoOutputGateLSTMCell",
    "NoPeepholeLSTM",
    "NoPeepholeLSTMCell",
    "PeepholeLSTM",
    "PeepholeLSTMCell",
    "ProjectedLSTM",
    "ProjectedLSTMCell",
    "SLSTMCell",
]
