"""Runs every layer on Keras's other backends, in a process where importing TensorFlow fails.

The argument is a file with inputs, weights and the outputs that follow from them.
"""

import sys

sys.modules["tensorflow"] = None

import keras  # noqa: E402, after TensorFlow is blocked
import numpy as np  # noqa: E402

from custom_layers import RECURRENT_LAYERS  # noqa: E402


def main(path):
    with np.load(path) as file:
        arrays = dict(file)
    x = arrays["x"].astype("float32")
    for name in sorted(RECURRENT_LAYERS):
        expected = arrays[f"{name}/outputs"]
        layer = RECURRENT_LAYERS[name](expected.shape[-1], return_sequences=True)
        layer.build(x.shape)
        layer.set_weights([arrays[key] for key in sorted(arrays) if f"{name}/weights" in key])
        outputs = keras.ops.convert_to_numpy(layer(x))
        assert np.abs(outputs - expected).max() <= 1e-5 * np.abs(expected).max()

        again = RECURRENT_LAYERS[name](3, dropout=0.1, recurrent_dropout=0.1, seed=1)
        model = keras.Sequential([layer, again, keras.layers.Dense(1)])
        model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
        losses = model.fit(x, x[:, -1, :1], epochs=20, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        print(name)


if __name__ == "__main__":
    main(sys.argv[1])
