"""Models saved on one backend load on another, with the same outputs to 1e-5."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from custom_layers import RECURRENT_LAYERS
from tests.helpers.backends import BACKEND
from tests.helpers.reference_cells import FEATURES, TIME, UNITS, as_array, assert_close, inputs


def every_layer():
    """A model with one output for each registered layer, by its name, all weights random."""
    sequences, outputs = keras.Input((TIME, FEATURES)), {}
    for seed, (name, layer_class) in enumerate(RECURRENT_LAYERS.items()):
        options = {"dropout": 0.1} if "dropout" in layer_class(UNITS).get_config() else {}
        layer = layer_class(UNITS, return_sequences=True, name=name, **options)
        outputs[name] = layer(sequences)
        rng = np.random.default_rng(seed)
        layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    return keras.Model(sequences, outputs)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_saved_model_goes_to_another_backend_and_back(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    if backend == BACKEND:
        pytest.skip(f"{backend} is the backend here")
    x, model = inputs(batch=16).astype("float32"), every_layer()
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "inputs.npy", x)
    np.savez(tmp_path / "outputs.npz", **{name: as_array(y) for name, y in model(x).items()})

    script = Path(__file__).parents[1] / "helpers" / "without_tensorflow.py"
    environment = os.environ | {"KERAS_BACKEND": backend}
    command = [sys.executable, script, tmp_path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [backend, *sorted(RECURRENT_LAYERS)]

    found = keras.saving.load_model(tmp_path / "trained.keras")(x)
    with np.load(tmp_path / "trained.npz") as expected:
        assert set(expected) == set(found)
        for name, values in expected.items():
            assert_close(found[name], values, 1e-5)
