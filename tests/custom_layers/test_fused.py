"""The weights that all gates of a cell share, and how biases start."""

import keras
import numpy as np
import pytest

from custom_layers import (
    JANET,
    LSTM1997,
    MGU,
    CoupledLSTM,
    FullGateLSTM,
    LayerNormLSTM,
    LinearOutputLSTM,
    NoForgetGateLSTM,
    NoInputGateLSTM,
    NoOutputGateLSTM,
    NoPeepholeLSTM,
    PeepholeLSTM,
)
from tests.helpers.gated_formulas import by_class
from tests.helpers.reference_cells import as_array


@pytest.mark.parametrize(
    ("tested", "biases"),
    [
        (PeepholeLSTM, [0.5, 1.0, 0.5, 0.5]),
        (CoupledLSTM, [-1.0, 0.5, 0.5]),
        (LSTM1997, [0.5, 0.5, 0.5]),
        (NoInputGateLSTM, [1.0, 0.5, 0.5]),
        (NoForgetGateLSTM, [0.5, 0.5, 0.5]),
        (NoOutputGateLSTM, [0.5, 1.0, 0.5]),
        (FullGateLSTM, [0.5, 1.0, 0.5, 0.5]),
        (JANET, [1.0, 0.5]),
        (MGU, [-1.0, 0.5]),
    ],
)
def test_untrained_layer_remembers(tested, biases):
    layer = tested(2, bias_initializer=keras.initializers.Constant(0.5))
    layer.build((None, None, 3))
    np.testing.assert_array_equal(as_array(layer.cell.bias), np.repeat(biases, 2))
    plain = tested(2, bias_initializer="zeros", unit_forget_bias=False)
    plain.build((None, None, 3))
    np.testing.assert_array_equal(as_array(plain.cell.bias), np.zeros(2 * len(biases)))


def bias_blocks(layer):
    layer.build((None, None, 1))
    blocks = layer.cell.gates.blocks
    return dict(zip(blocks, np.split(as_array(layer.cell.bias), len(blocks)), strict=True))


@by_class([PeepholeLSTM, NoPeepholeLSTM, LinearOutputLSTM, FullGateLSTM, LayerNormLSTM])
def test_chrono_initialization(tested):
    """b_f = log(u), u uniform in [1, lag - 1], and b_i = -b_f; seeded."""
    found = bias_blocks(tested(500, chrono_lag=100, seed=1))
    lags = np.exp(found["forget"])
    assert 0.999 < lags.min() < 3
    assert 97 < lags.max() < 99.001
    assert abs(lags.mean() - 50) < 4
    np.testing.assert_array_equal(found["input"], -found["forget"])
    np.testing.assert_array_equal(found["candidate"], np.zeros(500))
    again = bias_blocks(tested(500, chrono_lag=100, seed=1))
    np.testing.assert_array_equal(again["forget"], found["forget"])
    other = bias_blocks(tested(500, chrono_lag=100, seed=2))
    assert np.abs(other["forget"] - found["forget"]).max() > 0.1


@pytest.mark.parametrize(
    ("tested", "gate", "sign"),
    [
        (CoupledLSTM, "input", -1),
        (MGU, "input", -1),
        (JANET, "forget", 1),
        (NoInputGateLSTM, "forget", 1),
    ],
)
def test_chrono_initialization_of_one_gate(tested, gate, sign):
    found = bias_blocks(tested(200, chrono_lag=20, seed=1, bias_initializer="ones"))
    lags = np.exp(sign * found.pop(gate))
    assert 0.999 < lags.min() < 2
    assert 18 < lags.max() < 19.001
    for others in found.values():
        np.testing.assert_array_equal(others, np.ones(200))


def test_bad_chrono_lags():
    for lag in (2, 0, -5, 10.0, True, "100"):
        with pytest.raises(ValueError, match=r"`chrono_lag` must be an int above 2. Received: chr"):
            PeepholeLSTM(4, chrono_lag=lag)
    for tested in (LSTM1997, NoForgetGateLSTM):
        with pytest.raises(ValueError, match=r"`chrono_lag` must be None for .* chrono_lag=10\."):
            tested(4, chrono_lag=10)


def test_seeded_bias_initializer_gives_every_unit_another_value():
    layer = CoupledLSTM(3, bias_initializer=keras.initializers.RandomNormal(seed=0))
    layer.build((None, None, 1))
    values = as_array(layer.cell.bias)
    assert len(np.unique(values[3:])) == 6
