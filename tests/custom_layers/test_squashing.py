"""The squashing functions of 1997 against their formulas in NumPy."""

import keras
import numpy as np
import pytest

from custom_layers.squashing import squash_candidate, squash_output
from tests.helpers.backends import value_and_gradients
from tests.helpers.reference_cells import assert_close

X = np.linspace(-8.0, 8.0, 33)


@pytest.mark.parametrize(
    ("function", "width", "least"), [(squash_candidate, 4.0, -2.0), (squash_output, 2.0, -1.0)]
)
def test_values_and_slopes(function, width, least):
    share = 1 / (1 + np.exp(-X))
    assert_close(function(keras.ops.convert_to_tensor(X)), width * share + least, 1e-12)
    layer = keras.layers.Layer()
    _, (slopes,) = value_and_gradients(lambda x: keras.ops.sum(function(x)), layer, [X])
    assert_close(slopes, width * share * (1 - share), 1e-12)


@pytest.mark.parametrize("function", [squash_candidate, squash_output])
def test_a_config_names_the_function(function):
    config = keras.activations.serialize(function)
    assert keras.activations.deserialize(config) is function
