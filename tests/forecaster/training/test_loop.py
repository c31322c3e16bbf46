"""The fit loop: against hand calculations, changed futures and Keras alone."""

import math
import random
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.random import seed_generator

from forecaster.inputs.batches import TrainingCut, forecast_at, training_batches
from forecaster.inputs.windows import Cutoffs, WindowSource
from forecaster.network.heads import Point, Quantiles
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training import loop
from forecaster.training.loop import Part
from forecaster.training.losses import OutputError
from forecaster.training.optimizer import AveragedAdam
from forecaster.training.settings import Training
from forecaster.training.validation import series_scales
from tests.helpers.arrays import CHECKOUT, NAN, walks
from tests.helpers.fits import (
    Recorder,
    assert_same_weights,
    dense_core,
    make_task,
    new_model,
    same_weights,
    train,
    with_run,
)
from tests.helpers.killed_fit import killed_task, never_killed


def frozen(**how):
    """One epoch that changes no weight, and the loss that Keras says it had."""
    training = Training(epochs=1, learning_rate=1e-30, refit=False, **how.pop("training", {}))
    recorder = Recorder()
    task = make_task(training=training, callbacks=[recorder], **how)
    model, forward, history = train(task)
    for one, other in zip(model.get_weights(), new_model(task).get_weights(), strict=True):
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
    forecast = forecast_at(forward, WindowSource(task.table), task.spec, np.zeros(64, int), cutoffs)
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


def test_equal_series_count_the_same_whatever_their_lengths():
    """Two ids of 30 and 90 rows, 24 and 84 windows: by default the sums are as 24 to 84."""
    values, sums = np.append(walks(rows=30), walks(rows=90, seed=1)), {}
    for equal in (False, True):
        how = Training(batch_size=108, equal_series=equal)
        task = make_task(values, lengths=[30, 90], training=how, normalization="none")
        part = Part.of(task, task.table.lengths)
        cutoffs = part.cutoffs(task.first_cutoff, task.spec.horizon)
        assert cutoffs.counts.tolist() == [24, 84]
        _, target, weight = next(iter(loop._batches(task, part, cutoffs)))
        of_first = np.isin(target, values[:30].astype(np.float32))[..., 0].all(axis=1)
        assert of_first.sum() == 24
        scale = series_scales(task.table, task.table.lengths, 4)[0]
        counted = weight * np.where(of_first, *scale)[:, None, None]  # a value's own unit taken off
        sums[equal] = [counted[of_first].numpy().sum(), counted[~of_first].numpy().sum()]
    assert sums[False] == [pytest.approx(24 * 3), pytest.approx(84 * 3)]
    assert sums[True] == [pytest.approx(108 / 2 * 3), pytest.approx(108 / 2 * 3)]


def test_missing_targets_have_no_part_in_the_gradient():
    values = walks(2, 40)
    values[0, 20:30] = values[1, :9] = NAN
    task = make_task(values, joint=True, network=dense_core())
    model = new_model(task)
    loss, weights = OutputError(Point(), "mse"), np.array([[2.0, 0.5]], np.float32)
    cutoffs = Cutoffs.between(1, np.array([37]))  # the first pasts see nothing of the second series
    (inputs, target, weight) = next(
        iter(
            training_batches(
                TrainingCut(WindowSource(task.table, joint=True), cutoffs, task.spec, weights), 37
            )
        )
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


@pytest.mark.slow
def test_the_best_epoch_is_restored_when_patience_ends():
    _, history, recorder = never_killed()
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


@pytest.mark.slow
def test_the_refit_is_a_fit_from_scratch_on_all_rows():
    """Keras alone, with the optimizer, the stream and the epochs that the refit should have had."""
    model, history, recorder = never_killed()
    task = killed_task()
    expected = new_model(task)
    expected.compile(AveragedAdam(0.02), OutputError(Point(), "mae"), jit_compile=True)
    scale = series_scales(task.table, np.array([120]), 4)[:, 0]
    cutoffs = Cutoffs.between(4, np.array([117, 117]))  # 228 windows: 57 steps, or 2 times 29
    source = WindowSource(task.table, spreads=task.table.values.std(axis=1, keepdims=True))
    cut = TrainingCut(source, cutoffs, task.spec, (1 / scale)[:, None])
    batches = training_batches(cut, 4)
    expected.fit(batches, epochs=history.best_epoch, steps_per_epoch=58, shuffle=False, verbose=0)
    assert 1 < history.best_epoch < 6
    assert_same_weights(model, expected)
    assert recorder.runs == 2
    assert len(recorder.weights) == 6 + history.best_epoch


def test_callbacks_see_the_scores():
    _, history, recorder = never_killed()
    validated, refitted = recorder.logs[:6], recorder.logs[6:]
    assert [log["validation_score"] for log in validated] == history.validation_score
    assert {log["naive_score"] for log in validated} == {history.naive_score}
    assert all(set(log) == {"loss"} for log in refitted)


def test_the_same_seed_gives_the_same_bits():
    model, history, _ = never_killed()
    lines = []
    again, _, other = train(with_run(killed_task(), report=lines.append))
    assert_same_weights(again, model)
    assert other == history
    assert len(lines) == 6 + 1 + history.best_epoch
    loss, score = f"{history.loss[0]:.4f}", f"{history.validation_score[0]:.4f}"
    assert lines[0].startswith(f"epoch   1/6  loss {loss}  validation {score}  (seasonal naive ")
    assert lines[6] == f"refit on all 120 rows for {history.best_epoch} epochs"


def test_another_seed_is_another_order_of_windows():
    """The network keeps its weights here: only the order is left to differ."""
    task = make_task(walks(2), training=Training(epochs=1, batch_size=8, refit=False))
    other = replace(task, spec=replace(task.spec, seed=1))
    assert not same_weights(train(task)[0], train(other)[0])


def test_no_global_random_source_has_a_part(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a global random source was asked or seeded")

    for module, names in (
        (random, ("randint", "random", "seed", "getrandbits")),
        (np.random, ("seed", "normal", "permutation")),
        (tf.random, ("set_seed", "uniform", "normal")),
        (keras.utils, ("set_random_seed",)),
        (seed_generator, ("make_default_seed", "global_seed_generator")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, refuse)
    before = np.random.get_state()
    train(make_task(walks(), network=dense_core(0.3)))
    after = np.random.get_state()
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


class RaiseRate(keras.callbacks.Callback):
    """From its second run on the fit takes steps that no network survives."""

    def __init__(self):
        super().__init__()
        self.runs = 0

    def on_train_begin(self, logs=None):
        self.runs += 1
        if self.runs == 2:
            self.model.optimizer.learning_rate = 1e30


@pytest.mark.slow
def test_a_fit_that_diverges_says_so():
    message = r"The fit diverged: its loss or its .* Received: learning_rate={}. Try a smaller one."
    for network, loss in ((None, "mse"), (None, "mae"), (RecurrentNetwork(units=2), "mae")):
        seen, training = Recorder(), Training(epochs=3, learning_rate=1e30, loss=loss)
        task = make_task(walks(), network=network, training=training, callbacks=[seen])
        with pytest.raises(ValueError, match=message.format(r"1e\+30")):
            train(task)
        is_nan = np.isnan(seen.logs[0]["loss"])  # of "mae" some CPUs make NaN, some a large number
        assert is_nan or loss == "mae"
        assert len(seen.logs) == (1 if is_nan else 3)  # weights that are NaN stay NaN
    task = make_task(walks(), training=Training(epochs=1, loss="mse"), callbacks=[RaiseRate()])
    with pytest.raises(ValueError, match=message.format("0.001")):
        train(task)


def not_for_xla(supports_jit):
    """A network with a layer that calls Python."""

    def call_python(x):
        return tf.ensure_shape(tf.py_function(lambda x: x, [x], x.dtype), x.shape)

    def network(spec):
        core = dense_core()(spec)
        layer = keras.layers.Lambda(call_python, output_shape=core.output_shape[1:])
        layer.supports_jit = supports_jit
        return keras.Model(core.input, layer(core.output))

    return network


def test_a_network_that_xla_cannot_compile():
    training = Training(epochs=1, batch_size=1, refit=False)  # more than one execution
    task = make_task(walks(), network=not_for_xla(True), training=training)
    with pytest.raises(ValueError, match=r"`network` must be made of operations that XLA compiles"):
        train(task)
    # What the error advises is the way out.
    model, _, history = train(make_task(walks(), network=not_for_xla(False), training=training))
    assert not model.jit_compile
    assert math.isfinite(history.loss[0])


@pytest.mark.slow
def test_two_devices_share_the_work():
    script = CHECKOUT / "tests" / "helpers" / "mirrored_fit.py"
    command = [sys.executable, "-m", f"tests.helpers.{script.stem}"]
    run = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.stdout.splitlines()[-1:] == ["ok"], run.stderr


def test_an_epoch_may_visit_a_part_of_the_windows():
    recorder = Recorder()
    part = Training(epochs=2, batch_size=2, windows_per_epoch=80, refit=False)
    train(make_task(walks(2), training=part, callbacks=[recorder]))
    assert recorder.steps == [40, 80]
    assert part.epoch_steps(10**9) == 40
    assert part.epoch_steps(10) == 32  # the fewest
    assert Training(batch_size=2).epoch_steps(10**9) == 256  # the most
    with pytest.raises(ValueError, match="`windows_per_epoch` must be at least 1"):
        Training(windows_per_epoch=0)


def test_a_known_number_of_epochs_needs_no_held_out_rows():
    """It is what the refit does, whose number of epochs the newest rows found."""
    refitted, _, history = train(make_task(walks(), training=Training(epochs=3)))
    task = make_task(walks(), training=Training(epochs=3))
    trained = loop.train(task, history.best_epoch)
    alone = trained.history
    assert_same_weights(trained.model, refitted)
    assert len(alone.loss) == history.best_epoch
    assert alone.validation_score == []
