"""Weights of cells: made with their arguments, restored from configs, started by remembering."""

import keras
import numpy as np
import pytest

from custom_layers.weights import (
    add_weight,
    initial_bias,
    log_lags,
    store_weight_arguments,
    weight_config,
)
from tests.helpers.reference_cells import as_array


def cell_with(**arguments):
    """A layer with arguments of `recurrent_kernel`, as a cell has them."""
    cell = keras.layers.Layer()
    cell.recurrent_initializer = keras.initializers.Constant(3.0)
    cell.recurrent_regularizer = keras.regularizers.L2(0.5)
    cell.recurrent_constraint = keras.constraints.MaxNorm(2)
    for name, value in arguments.items():
        setattr(cell, name, value)
    return cell


def test_a_weight_has_the_arguments_of_its_name():
    cell = cell_with()
    weight = add_weight(cell, "recurrent_kernel", (2, 3))
    np.testing.assert_array_equal(as_array(weight), np.full((2, 3), 3.0))
    assert weight.name == "recurrent_kernel"
    assert weight.regularizer is cell.recurrent_regularizer
    assert weight.constraint is cell.recurrent_constraint
    other = add_weight(cell, "recurrent_kernel", (4,), initializer="ones")
    np.testing.assert_array_equal(as_array(other), np.ones(4))


def test_arguments_are_stored_and_come_back_from_the_config():
    first, second = keras.layers.Layer(), keras.layers.Layer()
    store_weight_arguments(first, "gate", keras.initializers.Constant(3.0), "l1", "non_neg")
    config = weight_config(first, "gate")
    assert set(config) == {"gate_initializer", "gate_regularizer", "gate_constraint"}
    store_weight_arguments(second, "gate", *config.values())
    assert second.gate_initializer.value == 3.0
    assert isinstance(second.gate_regularizer, keras.regularizers.L1)
    assert isinstance(second.gate_constraint, keras.constraints.NonNeg)
    assert weight_config(second, "gate") == config


@pytest.mark.parametrize("unit_forget_bias", [True, False])
def test_initial_bias_by_block(unit_forget_bias):
    cell = cell_with(
        units=2,
        seed=1,
        chrono_lag=None,
        unit_forget_bias=unit_forget_bias,
        bias_initializer=keras.initializers.Constant(0.5),
    )
    arguments = ((6,), "float32", ("input", "forget", "candidate"), {"input": -1.0, "forget": 1.0})
    found = as_array(initial_bias(cell, *arguments, {"forget": 1.0}))
    forget = 1.0 if unit_forget_bias else 0.5
    np.testing.assert_array_equal(found, [0.5, 0.5, forget, forget, 0.5, 0.5])

    cell.chrono_lag = 50  # it comes before `unit_forget_bias`
    found = as_array(initial_bias(cell, *arguments, {"forget": 1.0}))
    np.testing.assert_array_equal(found[:2], -found[2:4])
    np.testing.assert_array_equal(found[2:4], as_array(log_lags(2, 50, 1, "float32")))
    np.testing.assert_array_equal(found[4:], [0.5, 0.5])


def test_lags_are_uniform():
    lags = np.exp(as_array(log_lags(2000, 100, 3, "float32")))
    assert 0.999 < lags.min() < 2
    assert 98 < lags.max() < 99.001
    quarters, _ = np.histogram(lags, bins=[1, 25.5, 50, 74.5, 99.001])
    assert abs(quarters - 500).max() < 80  # four standard deviations
