"""The registry of recurrent layers: its names, and the weights that need a seed."""

from typing import get_args

import keras
import pytest

from custom_layers import RECURRENT_LAYERS
from forecaster.network.cells import CELLS, RANDOM_WEIGHTS
from forecaster.network.recurrent import Cell


def test_the_literal_names_exactly_the_cells():
    """It is written by hand in recurrent.py, which must not load Keras."""
    assert get_args(Cell) == tuple(CELLS)


def test_the_cells_are_those_of_keras_and_ours():
    for name, layer in (("simple_rnn", "SimpleRNN"), ("lstm", "LSTM"), ("gru", "GRU")):
        assert CELLS[name] is getattr(keras.layers, layer)
    assert {name: CELLS[name] for name in RECURRENT_LAYERS} == RECURRENT_LAYERS
    assert len(CELLS) == 3 + len(RECURRENT_LAYERS)


@pytest.mark.parametrize("cell", CELLS)
def test_the_weights_that_start_at_random_are_named(cell):
    """Those whose initializer, where no argument gives one, is not a constant."""
    config = CELLS[cell](3).get_config()
    initializers = {
        name.removesuffix("_initializer"): initializer["class_name"]
        for name, initializer in config.items()
        if name.endswith("_initializer")
    }
    at_random = {name for name, kind in initializers.items() if kind not in ("Zeros", "Ones")}
    assert at_random == set(RANDOM_WEIGHTS.get(cell, ("kernel", "recurrent")))


def test_only_cells_have_random_weights():
    assert RANDOM_WEIGHTS.keys() <= CELLS.keys()
