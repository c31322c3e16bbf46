"""Several gradient steps in a graph: those of Keras, bit for bit, and traced without a warning."""

import keras
import numpy as np
import tensorflow as tf

from forecaster.training.execution import compile_execution
from tests.helpers.arrays import walks
from tests.helpers.fits import assert_same_weights, make_task, train, update


def compiled():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, "tanh"), keras.layers.Dense(1)]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    model.compile(keras.optimizers.Adam(0.1), "mse", jit_compile=True, steps_per_execution=4)
    return model


def batches():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 3)).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices((x, x[:, :1] ** 2)).batch(5).repeat()


def test_the_steps_are_those_of_keras():
    fitted, losses = [], []
    for is_own in (False, True):
        model = compiled()
        if is_own:
            model.train_function = compile_execution(model, 4)
        history = model.fit(batches(), steps_per_epoch=12, epochs=2, verbose=0, shuffle=False)
        assert model.optimizer.iterations == 24
        fitted.append(model)
        losses.append(history.history["loss"])
    assert_same_weights(*fitted)
    assert losses[0] == losses[1]


def test_tensorflow_sees_no_retracing(caplog):
    """Of short fits in a row, updates among them, which are each traced, but once."""
    model, _, _ = train(make_task(walks()))
    for _ in range(5):
        update(make_task(walks()), model, 60)
    assert "retracing" not in caplog.text
