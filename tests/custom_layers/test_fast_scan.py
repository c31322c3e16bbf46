"""The scan over blocks on TensorFlow against a loop in NumPy and finite differences."""

import numpy as np
import pytest

from tests.helpers.backends import BACKEND, value_and_gradients
from tests.helpers.reference_cells import assert_close, slope

if BACKEND != "tensorflow":
    pytest.skip("the scan over blocks is TensorFlow's", allow_module_level=True)

import keras
import tensorflow as tf

from custom_layers.fast_scan import BLOCK, scan_in_blocks


def coefficients(x, valid, kernel):
    """a = tanh(x K) and b = x K; a = 1 and b = 0 where the mask hides a step."""
    z = x @ kernel
    if valid is None:
        return tf.tanh(z), z
    return tf.where(valid, tf.tanh(z), 1.0), tf.where(valid, z, 0.0)


def expected(x, kernel, initial, mask=None):
    h, hidden = initial, []
    for t in range(len(x)):
        z = x[t] @ kernel
        after = np.tanh(z) * h + z
        h = after if mask is None else np.where(mask[t], after, h)
        hidden.append(h)
    return np.stack(hidden)


@pytest.mark.parametrize("time", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("masked", [False, True])
def test_states_and_gradients(time, masked):
    rng = np.random.default_rng(time)
    shapes = ((time, 2, 3), (3, 4), (2, 4))
    x, kernel, initial = arrays = [rng.normal(size=shape) / 2 for shape in shapes]
    mask = rng.uniform(size=(time, 2, 1)) < 0.7 if masked else None
    pull = rng.normal(size=(time, 2, 4))

    def states(x, kernel, initial):
        return scan_in_blocks(coefficients, x, mask, [kernel], initial)

    assert_close(states(*map(tf.constant, arrays)), expected(*arrays, mask), 1e-12)
    total, gradients = value_and_gradients(
        lambda *tensors: tf.reduce_sum(states(*tensors) * pull), keras.layers.Layer(), arrays
    )
    assert_close(total, (expected(x, kernel, initial, mask) * pull).sum(), 1e-12)
    slopes = [slope(lambda: (expected(*arrays, mask) * pull).sum(), array) for array in arrays]
    assert_close(gradients, slopes, 1e-7)
