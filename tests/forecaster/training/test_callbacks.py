"""What happens between epochs: fits that are cut off go on as if they had not been."""

import signal
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.settings import Training
from forecaster.utils.files import read_arrays
from tests.helpers.arrays import CHECKOUT, walks
from tests.helpers.fits import Recorder, assert_same_weights, dense_core, make_task, train, with_run
from tests.helpers.killed_fit import digest, killed_task, never_killed


class Cut(Exception):
    """What a fit is cut off by."""


class CutOff(keras.callbacks.Callback):
    """Raises after so many epochs, counted over both runs."""

    def __init__(self, epochs):
        super().__init__()
        self.left = epochs

    def on_epoch_end(self, epoch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Cut


@pytest.mark.slow
@pytest.mark.parametrize("cuts", [(1, 2), (6, 1)])
def test_a_fit_that_was_cut_off_goes_on(cuts, tmp_path):
    """Every number of `cuts` is the epochs that one more attempt lived for."""
    model, history, recorder = never_killed()
    for epochs in cuts:
        with pytest.raises(Cut):
            train(killed_task(tmp_path, [CutOff(epochs)]))
    seen = Recorder()
    again, _, other = train(killed_task(tmp_path, [seen]))
    assert_same_weights(again, model)
    assert other == history
    for one, another in zip(recorder.weights[sum(cuts) :], seen.weights, strict=True):
        assert_same_weights(another, one)


@pytest.mark.slow
def test_the_best_weights_survive_a_cut(tmp_path):
    _, history, recorder = never_killed()
    task = killed_task(tmp_path)
    task = replace(task, training=replace(task.training, refit=False))
    with pytest.raises(Cut):
        train(with_run(task, callbacks=[CutOff(5)]))
    model, _, _ = train(task)
    assert history.best_epoch == 3
    assert_same_weights(model, recorder.weights[2])


@pytest.mark.slow
def test_a_fit_that_ended_is_there_at_once(tmp_path):
    model, history, _ = never_killed()
    train(killed_task(tmp_path))
    before = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(before) == {"validated.npz", "refitted.npz"}
    seen = Recorder()
    again, forward, other = train(killed_task(tmp_path, [seen]))
    assert seen.weights == []
    assert_same_weights(again, model)
    assert other == history
    assert np.isfinite(forward({"past_values": tf.ones((1, 8, 1))})).all()


class StopAt(keras.callbacks.Callback):
    """A user's own early stopping."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = self.model.stop_training or epoch == 1


@pytest.mark.slow
def test_a_fit_that_the_user_ended_ends_there_again(tmp_path):
    training = Training(epochs=9, batch_size=8, learning_rate=0.02)
    task = make_task(walks(2), training=training, callbacks=[StopAt()])
    model, _, history = train(task)
    assert len(history.loss) == 2
    task = with_run(task, resume_dir=tmp_path)
    with pytest.raises(Cut):
        train(with_run(task, callbacks=[StopAt(), CutOff(3)]))
    again, _, other = train(task)
    assert other == history
    assert_same_weights(again, model)


def test_a_state_holds_what_it_needs_and_says_when_it_is_damaged(tmp_path):
    training = Training(epochs=2, batch_size=8)
    task = make_task(walks(), network=dense_core(0.3), training=training, resume_dir=tmp_path)
    with pytest.raises(Cut):
        train(with_run(task, callbacks=[CutOff(1)]))
    path, weights = tmp_path / "validated.npz", 16 * 8 + 8 + 8 * 3 + 3
    arrays, note = read_arrays(path)
    assert len(note["history"]["loss"]) == 1
    # Weights and the best ones, Adam's two moments and averages, its step and rate, the dropout's.
    assert sum(array.size for array in arrays.values()) == 5 * weights + 2 + 2
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"The file '.*validated.npz' is damaged"):
        train(task)


def test_the_state_of_another_network_is_refused(tmp_path):
    """Not all networks differ by their names: the code of a function may have been edited."""
    with pytest.raises(Cut):
        train(make_task(walks(), resume_dir=tmp_path, callbacks=[CutOff(1)]))
    task = make_task(walks(), network=RecurrentNetwork(units=2), resume_dir=tmp_path)
    with pytest.raises(ValueError, match=r"`resume_dir` must hold the state of this network"):
        train(task)


def start(*arguments):
    command = [sys.executable, "-m", "tests.helpers.killed_fit", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=CHECKOUT, **pipes)


@pytest.mark.slow
def test_a_killed_process_goes_on_in_another(tmp_path):
    """Another process gives the same bits, from the beginning and from where one was killed."""
    model, _, _ = never_killed()
    with start(tmp_path / "whole", 0) as whole, start(tmp_path / "killed", 7) as killed:
        printed, errors = whole.communicate(timeout=300)
        killed.communicate(timeout=300)
    assert printed.strip() == digest(model), errors
    assert killed.returncode == -signal.SIGKILL
    seen = Recorder()
    again, _, _ = train(killed_task(tmp_path / "killed", [seen]))
    assert len(seen.logs) == 2  # what was left of the refit
    assert_same_weights(again, model)
