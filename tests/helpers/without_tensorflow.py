"""Load, train and save every layer on another backend, where importing TensorFlow fails.

The argument is a folder with the model of `test_backends.py` and its outputs.
"""

import sys
from pathlib import Path

sys.modules["tensorflow"] = None

import keras  # noqa: E402, after TensorFlow is blocked
import numpy as np  # noqa: E402

from custom_layers import RECURRENT_LAYERS  # noqa: E402


def main(folder):
    x = np.load(folder / "inputs.npy")
    expected = np.load(folder / "outputs.npz")
    model = keras.saving.load_model(folder / "model.keras")
    assert set(expected) == set(RECURRENT_LAYERS)
    _compare(model(x), expected)

    y = {name: x[:, -1:, :1] * np.ones_like(values) for name, values in expected.items()}
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=dict.fromkeys(y, "mse"))
    history = model.fit(x, y, epochs=15, shuffle=False, verbose=0).history
    for name in RECURRENT_LAYERS:
        assert history[f"{name}_loss"][-1] < history[f"{name}_loss"][0], name

    model.save(folder / "trained.keras")
    outputs = {name: keras.ops.convert_to_numpy(values) for name, values in model(x).items()}
    np.savez(folder / "trained.npz", **outputs)
    print(keras.backend.backend(), *sorted(outputs))


def _compare(found, expected):
    for name, values in expected.items():
        error = np.abs(keras.ops.convert_to_numpy(found[name]) - values).max()
        assert error <= 1e-5 * np.abs(values).max(), name


if __name__ == "__main__":
    main(Path(sys.argv[1]))
