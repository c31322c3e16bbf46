"""The fit loop: hand calculations, changed futures, and fits that are cut off judge."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from forecaster.epochs import open_resume_dir
from forecaster.files import read_arrays
from forecaster.judge import series_scales
from forecaster.output import Point, Quantiles
from forecaster.training import OutputError, Training, train
from forecaster.windows import Cutoffs, forecast_at, training_batches

from .fits import (
    NAN,
    assert_same_weights,
    dense_core,
    make_task,
    same_weights,
    walks,
)
from .killed_fit import digest, killed_task

CHECKOUT = Path(__file__).resolve().parents[2]


class Recorder(keras.callbacks.Callback):
    """What a user's callback sees: weights, logs and gradient steps after each epoch."""

    def __init__(self):
        super().__init__()
        self.weights, self.logs, self.steps, self.runs = [], [], [], 0

    def on_train_begin(self, logs=None):
        self.runs += 1

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())
        self.logs.append(dict(logs))
        self.steps.append(int(self.model.optimizer.iterations))


@pytest.fixture(scope="module")
def fitted():
    """The fit of `killed_task`, never cut off: model, history, and what a callback saw of it."""
    recorder = Recorder()
    model, _, history = train(killed_task(callbacks=[recorder]))
    return model, history, recorder


def frozen(**how):
    """One epoch that changes no weight, and the loss that Keras says it had."""
    training = Training(epochs=1, learning_rate=1e-30, refit=False, **how.pop("training", {}))
    recorder = Recorder()
    task = make_task(training=training, callbacks=[recorder], **how)
    model, forward, history = train(task)
    for one, other in zip(model.get_weights(), task.new_model()[0].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-25)
    return task, forward, history, recorder


@pytest.mark.parametrize(
    ("output", "loss"), [(Point(), "mae"), (Point(), "mse"), (Quantiles([0.2, 0.9]), "auto")]
)
def test_the_loss_is_that_of_a_hand_calculation(output, loss):
    """70 rows train: cutoffs 4 to 67 of two series, each once in 32 batches of four."""
    values, horizon, train_rows = walks(2, 80), 3, 70
    values[1] *= 1000
    task, forward, history, recorder = frozen(
        values=values,
        output=output,
        training={"batch_size": 4, "loss": loss, "validation": 10},
    )
    assert recorder.steps == [32]
    cutoffs = np.arange(4, 68)
    forecast = forecast_at(forward, task.source, task.spec, cutoffs)
    errors = []
    for s, series in enumerate(values):
        scale = np.mean(np.abs(series[4:train_rows] - series[: train_rows - 4]))
        for c, h in np.ndindex(len(cutoffs), horizon):
            e = (series[cutoffs[c] + h] - forecast[c, s, h]) / scale
            if output.levels:
                levels = np.array(output.levels)
                errors.append(np.mean(np.maximum(levels * e, (levels - 1) * e)))
            else:
                errors.append(abs(e[0]) ** (2 if loss == "mse" else 1))
    assert history.loss == [pytest.approx(np.mean(errors), rel=1e-4)]


def test_missing_targets_have_no_part_in_the_gradient():
    values = walks(2, 40)
    values[0, 20:30] = values[1, :9] = NAN
    task = make_task(values, joint=True, network=dense_core())
    model, _ = task.new_model()
    loss, weights = OutputError(Point(), "mse"), np.array([[2.0, 0.5]], np.float32)
    cutoffs = Cutoffs.between(1, np.array([37]))  # the first pasts see nothing of the second series
    (inputs, target, weight) = next(
        iter(training_batches(task.source, cutoffs, task.spec, 37, weights))
    )
    counts = weight.numpy() > 0
    assert 0 < counts.mean() < 1

    def gradients(error):
        with tf.GradientTape() as tape:
            value = error(model(inputs, training=True)[..., 0])
        return tape.gradient(value, [variable.value for variable in model.trainable_variables])

    def by_hand(forecast):  # of the values that are there alone
        squares = tf.square(tf.boolean_mask(target, counts) - tf.boolean_mask(forecast, counts))
        return tf.reduce_mean(squares * np.broadcast_to(weights, counts.shape)[counts])

    found = gradients(lambda forecast: loss(target, forecast[..., None], weight))
    for one, other in zip(found, gradients(by_hand), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    other_target = tf.where(counts, target, 1e6)
    again = gradients(lambda forecast: loss(other_target, forecast[..., None], weight))
    assert_same_weights([g.numpy() for g in again], [g.numpy() for g in found])


@pytest.mark.parametrize(
    ("windows", "batch_size", "steps"),
    [(1, 1, 32), (32, 1, 32), (33, 1, 34), (65, 1, 66), (300, 1, 256), (64, 2, 32), (9, 50, 32)],
)
def test_an_epoch_visits_every_window_and_no_more(windows, batch_size, steps):
    """Keras itself would run 64 steps when asked for 33."""
    recorder = Recorder()
    training = Training(epochs=1, batch_size=batch_size, validation=3, refit=False)
    train(make_task(walks(1, windows + 9), training=training, callbacks=[recorder]))
    assert recorder.steps == [steps]


def test_nothing_after_the_training_rows_has_a_part_in_the_weights():
    recorders = []
    for future in (walks(2, 120)[:, 96:], np.full((2, 24), 1e6), 1e3 * walks(2, 24, seed=9)):
        values = walks(2, 120)
        values[:, 96:] = future
        values[0, 100:103] = NAN
        recorders.append(Recorder())
        training = Training(epochs=3, patience=3, batch_size=8, refit=False)
        train(make_task(values, training=training, callbacks=[recorders[-1]]))
    for other in recorders[1:]:
        for one, another in zip(recorders[0].weights, other.weights, strict=True):
            assert_same_weights(another, one)
        assert [log["loss"] for log in other.logs] == [log["loss"] for log in recorders[0].logs]
        scores = [[log["validation_score"] for log in r.logs] for r in (recorders[0], other)]
        assert scores[0] != scores[1]


def test_the_last_training_row_has_a_part_in_the_weights():
    values = walks(1, 120)
    training = Training(epochs=1, refit=False)
    before, _, _ = train(make_task(values, training=training))
    values[:, 95] += 1
    assert not same_weights(before, train(make_task(values, training=training))[0])


def test_the_best_epoch_is_restored_when_patience_ends(fitted):
    _, history, recorder = fitted
    task = killed_task()
    for patience in (1, 6):
        training = replace(task.training, patience=patience, refit=False)
        model, _, stopped = train(replace(task, training=training))
        best = stopped.best_epoch
        assert stopped.validation_score[best - 1] == min(stopped.validation_score)
        assert len(stopped.loss) == min(best + patience, 6)
        assert best < len(stopped.loss)
        assert stopped.validation_score == history.validation_score[: len(stopped.loss)]
        assert_same_weights(model, recorder.weights[best - 1])


def test_the_refit_is_a_fit_from_scratch_on_all_rows(fitted):
    """Keras alone, with the optimizer, the stream and the epochs that the refit should have had."""
    model, history, recorder = fitted
    task = killed_task()
    expected, _ = task.new_model()
    expected.compile(keras.optimizers.Adam(0.02), OutputError(Point(), "mae"), jit_compile=True)
    scale = series_scales(task.table.values, 120, 4).astype(np.float32)
    cutoffs = Cutoffs.between(4, np.array([117, 117]))  # 228 windows: 57 steps, or 2 times 29
    batches = training_batches(task.source, cutoffs, task.spec, 4, (1 / scale)[:, None])
    expected.fit(batches, epochs=history.best_epoch, steps_per_epoch=58, shuffle=False, verbose=0)
    assert 1 < history.best_epoch < 6
    assert_same_weights(model, expected)
    assert recorder.runs == 2
    assert len(recorder.weights) == 6 + history.best_epoch


def test_callbacks_see_the_scores(fitted):
    _, history, recorder = fitted
    validated, refitted = recorder.logs[:6], recorder.logs[6:]
    assert [log["validation_score"] for log in validated] == history.validation_score
    assert {log["naive_score"] for log in validated} == {history.naive_score}
    assert all(set(log) == {"loss"} for log in refitted)


def test_progress_is_reported(fitted):
    lines, (_, history, _) = [], fitted
    train(replace(killed_task(), report=lines.append))
    assert len(lines) == 6 + 1 + history.best_epoch
    score = f"{history.validation_score[0]:.4f}"
    assert lines[0].startswith(
        f"epoch   1/6  loss {history.loss[0]:.4f}  validation {score}  (seas"
    )
    assert lines[6] == f"refit on all 120 rows for {history.best_epoch} epochs"


def test_the_same_seed_gives_the_same_bits(fitted):
    model, history, _ = fitted
    again, _, other = train(killed_task())
    assert_same_weights(again, model)
    assert other == history
    task = killed_task()
    spec = replace(task.spec, seed=6)
    # The same initial weights, but another order of windows.
    shuffled = replace(task, spec=spec, training=replace(task.training, epochs=1))
    same = replace(task, training=replace(task.training, epochs=1))
    assert not same_weights(train(shuffled)[0], train(same)[0])


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


@pytest.mark.parametrize("cuts", [(1, 1), (5,), (6, 1), (8,)])
def test_a_fit_that_was_cut_off_goes_on(fitted, cuts, tmp_path):
    """Every number of `cuts` is the epochs that one more attempt lived for."""
    model, history, recorder = fitted
    for epochs in cuts:
        with pytest.raises(Cut):
            train(killed_task(tmp_path, [CutOff(epochs)]))
    seen = Recorder()
    again, _, other = train(killed_task(tmp_path, [seen]))
    assert_same_weights(again, model)
    assert other == history
    for one, another in zip(recorder.weights[sum(cuts) :], seen.weights, strict=True):
        assert_same_weights(another, one)


def test_a_fit_that_ended_is_there_at_once(fitted, tmp_path):
    model, history, _ = fitted
    train(killed_task(tmp_path))
    before = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(before) == {"validated.npz", "refitted.npz"}
    seen = Recorder()
    again, forward, other = train(killed_task(tmp_path, [seen]))
    assert seen.weights == []
    assert_same_weights(again, model)
    assert other == history
    assert np.isfinite(forward(np.ones((1, 8, 1), np.float32))).all()


class StopAt(keras.callbacks.Callback):
    """A user's own early stopping."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = self.model.stop_training or epoch == 1


def test_a_fit_that_the_user_ended_ends_there_again(tmp_path):
    training = Training(epochs=9, batch_size=8, learning_rate=0.02)
    task = make_task(walks(2), training=training, callbacks=[StopAt()])
    model, _, history = train(task)
    assert len(history.loss) == 2
    task = replace(task, resume_dir=tmp_path)
    with pytest.raises(Cut):
        train(replace(task, callbacks=[StopAt(), CutOff(3)]))
    again, _, other = train(task)
    assert other == history
    assert_same_weights(again, model)


def test_a_damaged_state_is_named(tmp_path):
    with pytest.raises(Cut):
        train(killed_task(tmp_path, [CutOff(1)]))
    path = tmp_path / "validated.npz"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"The file '.*validated.npz' is damaged"):
        train(killed_task(tmp_path))


def test_the_state_holds_no_more_than_it_needs(tmp_path):
    """Weights, the state of dropout, Adam's two moments, step and rate, and the best weights."""
    with pytest.raises(Cut):
        train(killed_task(tmp_path, [CutOff(1)]))
    arrays, note = read_arrays(tmp_path / "validated.npz")
    sizes = sum(array.size for array in arrays.values())
    weights = 16 * 8 + 8 + 8 * 3 + 3
    assert sizes == 4 * weights + 2 + 2
    assert len(note["history"]["loss"]) == 1


def test_another_fit_in_the_folder_is_refused(tmp_path):
    identity = {"horizon": 3, "training": {"epochs": 2}, "data": "abc"}
    folder = tmp_path / "deep" / "folder"
    assert open_resume_dir(folder, identity) == folder
    assert open_resume_dir(folder, dict(identity)) == folder
    message = r"`resume_dir` must be empty or hold this fit. Received: .* differs in horizon, data."
    with pytest.raises(ValueError, match=message):
        open_resume_dir(folder, identity | {"horizon": 4, "data": "abd"})
    with pytest.raises(ValueError, match=r"differs in seed. Choose another folder."):
        open_resume_dir(folder, identity | {"seed": 0})
    for content in (b"", b"{", b"3", b"\xff\xfe", b'["a"]'):
        (folder / "fit.json").write_bytes(content)
        with pytest.raises(ValueError, match=r"whose file .fit.json. is damaged. Delete"):
            open_resume_dir(folder, identity)


def run_killed_fit(*arguments):
    command = [sys.executable, "-m", "tests.forecaster.killed_fit", *map(str, arguments)]
    return subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=300
    )


def test_a_killed_process_goes_on_in_another(fitted, tmp_path):
    """Another process gives the same bits, from the beginning and from where one was killed."""
    model, _, _ = fitted
    killed = run_killed_fit(tmp_path / "killed", 3)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again, _, _ = train(killed_task(tmp_path / "killed"))
    assert_same_weights(again, model)
    other = run_killed_fit(tmp_path / "whole", 0)
    assert other.stdout.strip() == digest(model), other.stderr
