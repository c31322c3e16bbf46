"""LayerNormLSTM against its formula in NumPy."""

import keras
import numpy as np
import pytest

from custom_layers import LayerNormLSTM, LayerNormLSTMCell
from tests.helpers.gated_formulas import (
    PEEPHOLE,
    by_letter,
    letters_of,
    peephole,
    stepping,
    tanh,
)


def layer_norm():
    def weights(rng, units, features):
        sizes = {"kernel_gain": 4, "recurrent_gain": 4, "cell_gain": 1, "cell_offset": 1}
        more = {name: rng.normal(size=size * units) for name, size in sizes.items()}
        return PEEPHOLE["weights"](rng, units, features) | more

    def normal(v):
        return (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + 0.01)

    def values(w, x, states):
        h, c = states
        z = w.kernel_gain * normal(x @ w.kernel)
        z = z + w.recurrent_gain * normal(h @ w.recurrent_kernel) + w.bias
        after = peephole(by_letter("ifgo", z), letters_of("ifo", w), h, c)
        shown = tanh(w.cell_gain * normal(after["cell"]) + w.cell_offset)
        return after | {"hidden": after["output"] * shown}

    return stepping(weights, values) | {"arguments": {"epsilon": 0.01}}


def test_layer(check_layer):
    check_layer(LayerNormLSTM, **layer_norm())


def test_cell(check_cell):
    check_cell(LayerNormLSTMCell, **layer_norm())


def test_layer_norm_learns_from_sequences_that_begin_with_nothing():
    """Short histories are padded with zeros: gradients through them must not overflow."""
    sequences = np.zeros((8, 100, 3), "float32")
    sequences[:, 80:] = np.random.default_rng(0).normal(size=(8, 20, 3))
    layer = LayerNormLSTM(
        6,
        kernel_initializer=keras.initializers.GlorotUniform(seed=1),
        recurrent_initializer=keras.initializers.Orthogonal(seed=2),
    )
    model = keras.Sequential([layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.build(sequences.shape)
    before = model.get_weights()
    loss = model.train_on_batch(sequences, np.ones((8, 1), "float32"))
    assert np.isfinite(loss)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.abs(new - old).max() < 1


def test_bad_epsilon():
    for epsilon in (0.0, -1, float("nan"), "1", None):
        with pytest.raises(ValueError, match=r"`epsilon` must be a float above 0. Received: eps"):
            LayerNormLSTM(4, epsilon=epsilon)
