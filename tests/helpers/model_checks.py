"""Checks of a layer as part of a model: trained, saved and exported."""

import tempfile
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np

from tests.helpers.backends import compile_options, compiling
from tests.helpers.reference_cells import (
    FEATURES,
    TIME,
    UNITS,
    as_array,
    assert_close,
    inputs,
)


def check_training(reference):
    """Check that eager and compiled training take the same steps, drop the same values and learn.

    XLA draws other random numbers than TensorFlow: training with it is a test of its own. Both take
    long to compile, so that one reference passes them for all, whose gradients are checked above.
    """
    eager = trained(reference, dropout=0.3, run_eagerly=True)
    for options in compile_options()[:1] or [{"run_eagerly": True}]:
        assert_close(trained(reference, dropout=0.3, **options), eager, 1e-5)


def trained(reference, dropout=0.0, **options):
    """Return the outputs of a model after some training steps; check that the loss has fallen.

    Weights are not compared: one that changes nothing, such as the bias of SLSTM's input gate, has
    a gradient of rounding errors, of which Adam makes steps of full length.
    """
    x = inputs(13, 32).astype("float32")
    layer = reference.loaded(reference.random_weights(14), dtype="float32", dropout=dropout, seed=1)
    dense = keras.layers.Dense(FEATURES, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((TIME, FEATURES)), layer, dense])
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse", **options)
    fit = {"batch_size": 32, "epochs": 5, "shuffle": False, "verbose": 0}
    with nullcontext() if options.get("run_eagerly") else compiling():
        losses = model.fit(x, x.sum(axis=1), **fit).history["loss"]
    assert losses[-1] < losses[0]
    return as_array(model(x))


def check_saved_file(reference):
    """Check that loading a .keras file needs no `custom_objects`."""
    weights, x = reference.random_weights(17), inputs()
    layer = reference.loaded(weights, return_sequences=True, dropout=0.2, dtype="float32")
    both = keras.layers.Bidirectional(
        reference.tested(3, return_sequences=True, **reference.arguments)
    )
    cells = keras.layers.RNN([layer.cell_class(units, **reference.arguments) for units in (3, 2)])
    model = keras.Sequential([keras.Input((None, FEATURES)), layer, both, cells])
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        again = keras.saving.load_model(f"{folder}/model.keras")
    np.testing.assert_array_equal(as_array(again(x)), as_array(model(x)))
    assert_close(again.layers[0](x), reference.run(weights, x)[0], 1e-5)


def check_export(reference):
    """Check that a SavedModel takes any batch size and length, and runs where XLA is missing."""
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    weights = reference.random_weights(18)
    rates = {"dropout": 0.2, "recurrent_dropout": 0.2}
    config = reference.tested(UNITS, **reference.arguments).get_config()
    rates = {name: rate for name, rate in rates.items() if name in config}
    layer = reference.loaded(weights, dtype="float32", **rates)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    model.compile(loss="mse", jit_compile=True)
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        saved = tf.saved_model.load(folder)
        graph = SavedModel.FromString(Path(folder, "saved_model.pb").read_bytes())
    functions = graph.meta_graphs[0].graph_def.library.function
    assert functions
    assert not any(function.attr["_XlaMustCompile"].b for function in functions)
    for batch, time in ((1, 7), (4, 3)):
        x = inputs(19, batch, time)
        expected = reference.run(weights, x)[0][:, -1]
        assert_close(saved.serve(tf.constant(x, "float32")), expected, 1e-5)
