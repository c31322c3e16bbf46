"""Fits on two devices beside fits on one: `python -m tests.helpers.mirrored_fit`.

A process of its own, because devices are set before TensorFlow starts. It prints "ok" at its end.
"""

import contextlib
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from forecaster.training.settings import Training
from tests.helpers.arrays import walks
from tests.helpers.fits import assert_same_weights, dense_core, make_task, train, update, with_run


class Cut(keras.callbacks.Callback):
    """Ends a fit by an error after its first epoch."""

    def on_epoch_end(self, epoch, logs=None):
        raise InterruptedError


def main():
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2

    values = walks(2)
    values[0, 50:70] = np.nan
    training = Training(epochs=2, batch_size=6, learning_rate=0.01)
    alone = make_task(values, training=training)
    shared = with_run(alone, strategy=strategy)
    model, forward, history = train(alone)
    mirrored, mirrored_forward, mirrored_history = train(shared)

    # Sums over devices are rounded in another order.
    assert np.allclose(mirrored_history.loss, history.loss, rtol=1e-4)
    assert np.allclose(mirrored_history.validation_score, history.validation_score, rtol=1e-4)
    past = {"past_values": np.random.default_rng(0).normal(size=(5, 8, 1)).astype(np.float32)}
    assert np.allclose(mirrored_forward(past), forward(past), rtol=1e-3, atol=1e-3)

    # A fit that was cut off goes on; each device has random numbers of its own for dropout.
    dropped = make_task(values, network=dense_core(0.3), training=training, strategy=strategy)
    expected, _, expected_history = train(dropped)
    with tempfile.TemporaryDirectory() as folder:
        dropped = with_run(dropped, resume_dir=Path(folder))
        with contextlib.suppress(InterruptedError):
            train(with_run(dropped, callbacks=[Cut()]))
        again, _, again_history = train(dropped)
    assert_same_weights(again, expected)
    assert again_history == expected_history

    for fitted in (model, mirrored):
        update(alone, fitted, 100)
    assert np.allclose(mirrored_forward(past), forward(past), rtol=1e-3, atol=1e-3)
    print("ok")


if __name__ == "__main__":
    main()
