"""A fit in a process of its own, killed after an epoch: `python -m tests.helpers.killed_fit`.

Arguments are the folder that the fit is resumed from and the epoch, which counts over both runs,
the validated one and the refit; 0 lets the fit end, and the digest of its weights is printed.
"""

import functools
import hashlib
import os
import signal
import sys
from pathlib import Path

import keras

from forecaster.training.settings import Training
from tests.helpers.arrays import walks
from tests.helpers.fits import Recorder, dense_core, make_task, train


def killed_task(resume_dir=None, callbacks=()):
    """Six epochs of 46 steps with dropout, then a refit for the best number of them."""
    return make_task(
        walks(2),
        network=dense_core(dropout=0.3),
        training=Training(epochs=6, batch_size=4, learning_rate=0.02, patience=6),
        seed=9,
        resume_dir=resume_dir,
        callbacks=callbacks,
    )


@functools.cache
def never_killed():
    """The fit of `killed_task`: model, history, and what a callback saw of it."""
    recorder = Recorder()
    model, _, history = train(killed_task(callbacks=[recorder]))
    return model, history, recorder


class Kill(keras.callbacks.Callback):
    """Kills the process after so many epochs."""

    def __init__(self, epoch):
        super().__init__()
        self.left = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def digest(model):
    """Of all weights, bit for bit."""
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()


if __name__ == "__main__":
    folder, epoch = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir()
    model, _, _ = train(killed_task(folder, [Kill(epoch)]))
    print(digest(model))
