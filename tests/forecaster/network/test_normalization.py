"""Location and scale of each window, against NumPy."""

import json

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.network.normalization import NORMALIZATIONS, InstanceNormalization
from tests.helpers.arrays import NAN
from tests.helpers.normalization import normalized


@pytest.mark.parametrize("method", NORMALIZATIONS)
@given(
    arrays(np.float32, (3, 7, 2), elements=st.integers(-1000, 1000).map(float)),
    arrays(bool, (3, 7, 2)),
)
@settings(deadline=None)
def test_normalization_is_numpy(method, values, missing):
    values = np.where(missing, np.float32(NAN), values)
    values[0, :, 0] = 7.0  # without variation
    past, observed, location, scale = InstanceNormalization(method)(values)
    assert past.shape == observed.shape == values.shape
    assert location.shape == scale.shape == (3, 1, 2)
    assert scale[0, 0, 0] == 1
    for b, s in np.ndindex(3, 2):
        expected = normalized(values[b, :, s], method)
        found = past[b, :, s], observed[b, :, s], location[b, 0, s], scale[b, 0, s]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * 1000)
        np.testing.assert_allclose(past[b, :, s], expected[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", NORMALIZATIONS)
def test_in_training_a_window_without_values_is_finite(method):
    values = np.stack([np.full((4, 1), NAN), [[1.0], [NAN], [3.0], [4.0]]]).astype(np.float32)
    layer = InstanceNormalization(method)
    training = layer(values, training=True)
    assert all(np.isfinite(part).all() for part in training)
    for one, other in zip(training, layer(values), strict=True):
        np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_array_equal(layer(values)[2][0], NAN)


def test_a_small_variation_at_a_high_level_is_seen():
    small = np.random.default_rng(0).integers(-4, 5, (5, 50, 1)).astype(np.float32)
    past = InstanceNormalization("last")(small)[0]
    high = InstanceNormalization("last")(small + np.float32(2**20))
    np.testing.assert_array_equal(high[0], past)  # 2**20 + small is exact in float32


def test_the_layer_comes_back_from_its_config():
    layer = InstanceNormalization("last", name="n")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is InstanceNormalization
    assert again.get_config() == layer.get_config()
