"""Keras's callbacks do in a fit what they do elsewhere, and its refit leaves their files alone."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from keras.callbacks import (
    BackupAndRestore,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TensorBoard,
    TerminateOnNaN,
)

from forecaster.training.callbacks import checked_callbacks
from forecaster.training.optimizer import AveragedAdam
from forecaster.training.settings import Training
from tests.helpers.arrays import walks
from tests.helpers.fits import assert_same_weights, make_task, train

# Keras reads learning rates, and saves variables, by a call of NumPy that TensorFlow does not know
# yet.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LONG = {"batch_size": 8, "learning_rate": 0.02}


class Watch(keras.callbacks.Callback):
    """What a callback sees at the end of each epoch, and of each run."""

    def __init__(self):
        super().__init__()
        self.logs, self.weights, self.rates, self.last = [], [], [], []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        self.weights.append(self.model.get_weights())
        self.rates.append(float(self.model.optimizer.learning_rate))

    def on_train_end(self, logs=None):
        self.last.append(self.model.get_weights())


def fitted(*callbacks, refit=False, resume_dir=None, **how):
    """Model and history of a fit with these callbacks."""
    training = Training(**{"epochs": 4, "refit": refit} | LONG | how)
    task = make_task(walks(2), training=training, callbacks=callbacks, resume_dir=resume_dir)
    model, _, history = train(task)
    return model, history


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("callbacks")


@pytest.fixture(scope="module")
def watched(folder):
    """A fit and its refit under most of Keras's callbacks."""
    watch, stop = Watch(), EarlyStopping(patience=9, restore_best_weights=True)
    rates = LearningRateScheduler(lambda epoch, rate: 0.02 * 0.5**epoch)
    model, history = fitted(
        stop,
        watch,
        rates,
        CSVLogger(str(folder / "log.csv")),
        ModelCheckpoint(str(folder / "best.keras"), save_best_only=True),
        ModelCheckpoint(str(folder / "{epoch}.weights.h5"), save_weights_only=True),
        TensorBoard(str(folder / "board"), write_graph=False),
        TerminateOnNaN(),
        refit=True,
    )
    return model, history, watch, stop


def test_logs_have_the_validation_score_as_val_loss(watched, folder):
    _, history, watch, _ = watched
    assert [log["val_loss"] for log in watch.logs[:4]] == history.validation_score
    assert [log["loss"] for log in watch.logs[:4]] == history.loss
    assert all(set(log) == {"loss"} for log in watch.logs[4:])  # of the refit
    table = pd.read_csv(folder / "log.csv")
    assert table["epoch"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(table["val_loss"], history.validation_score)
    assert {path.name for path in (folder / "board").iterdir()} == {"train", "validation"}
    assert len(list((folder / "board" / "train").iterdir())) == 1  # one run


def test_callbacks_keep_the_weights_that_were_scored(watched, folder):
    _, history, watch, stop = watched
    best = history.best_epoch
    assert_same_weights(stop.best_weights, watch.weights[best - 1])
    assert_same_weights(watch.last[0], watch.weights[best - 1])
    again = keras.models.load_model(folder / "best.keras")
    assert_same_weights(again, watch.weights[best - 1])
    assert isinstance(again.optimizer, AveragedAdam)
    for epoch in range(4):
        again.load_weights(folder / f"{epoch + 1}.weights.h5")
        assert_same_weights(again, watch.weights[epoch])
    alone, other = fitted(epochs=4)  # what the weights are does not depend on who looks at them
    assert other.loss[0] == history.loss[0]
    assert other.validation_score[0] == history.validation_score[0]
    assert alone.optimizer.learning_rate == np.float32(0.02)


def test_the_refit_repeats_the_learning_rates_and_calls_who_can_see_it(watched):
    model, history, watch, _ = watched
    rates = [np.float32(0.02 * 0.5**epoch) for epoch in range(4)]
    assert history.learning_rate == rates
    assert watch.rates == rates + rates[: history.best_epoch]
    assert len(watch.last) == 2
    assert_same_weights(model, watch.last[1])


def test_a_plateau_lowers_the_rate_of_the_next_epoch():
    plateau = ReduceLROnPlateau(
        factor=0.5, patience=1, min_delta=100
    )  # nothing is that much better
    _, history = fitted(plateau)
    assert history.learning_rate == [np.float32(0.02 * 0.5**k) for k in (0, 0, 1, 2)]


class Stop(keras.callbacks.Callback):
    """Ends a fit within an epoch, and says at the end of each that it goes on."""

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = self.model.optimizer.iterations > 32

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self.model.stop_training = False


def test_a_callback_ends_the_fit_and_the_best_weights_are_kept():
    watch = Watch()
    model, history = fitted(Stop(), watch, EarlyStopping("loss", restore_best_weights=True))
    assert len(history.loss) == 2
    assert_same_weights(model, watch.weights[history.best_epoch - 1])
    assert_same_weights(watch.last[0], model)
    _, history = fitted(Stop(), epochs=1)  # the fit's own end is not undone
    assert len(history.loss) == 1


def test_weights_that_a_callback_sets_are_trained_further():
    def to_zero(epoch, logs):
        model = watch.model
        model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])

    watch = Watch()
    fitted(watch, LambdaCallback(on_epoch_end=to_zero), epochs=1)
    begins = []
    look = LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begins.append(watch.model.get_weights())
    )
    fitted(watch, LambdaCallback(on_epoch_end=to_zero), look, epochs=2)
    assert all((weight == 0).all() for weight in begins[1])
    begins.clear()
    fitted(watch, look, epochs=2)
    assert any((a != b).any() for a, b in zip(begins[1], watch.weights[-2], strict=True))


def test_a_callback_may_ask_for_the_refit_or_against_it(tmp_path):
    log, quiet = CSVLogger(str(tmp_path / "log.csv"), append=True), Watch()
    log.sees_refit, quiet.sees_refit = True, False
    _, history = fitted(log, quiet, refit=True, epochs=2)
    assert len(quiet.logs) == 2
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + 2 + history.best_epoch


class Cut(Exception):
    """What a fit is cut off by."""


def cut(epoch, logs):
    if epoch == 2:
        raise Cut


def test_a_backup_is_restored(tmp_path):
    """Of the epochs before it nothing is known but their number."""
    backup = BackupAndRestore(str(tmp_path), delete_checkpoint=False)
    with pytest.raises(Cut):
        fitted(backup, LambdaCallback(on_epoch_end=cut))
    metadata = json.loads((tmp_path / "training_metadata.json").read_text())
    watch = Watch()
    model, history = fitted(backup, watch)
    assert metadata["epoch"] == 4 - len(watch.logs) > 0
    assert len(history.loss) == len(history.validation_score) == len(history.learning_rate) == 4
    assert np.isnan(history.loss[: metadata["epoch"]]).all()
    assert history.best_epoch > metadata["epoch"]
    assert_same_weights(model, watch.weights[history.best_epoch - 1 - metadata["epoch"]])


def test_files_of_a_fit_that_ended_stay_when_it_is_resumed(tmp_path):
    log = tmp_path / "log.csv"
    for _ in range(2):
        fitted(CSVLogger(str(log)), epochs=2, resume_dir=tmp_path)
        assert len(log.read_text().splitlines()) == 3


def test_what_is_taken_for_callbacks():
    one, other = Watch(), TerminateOnNaN()
    assert checked_callbacks(None) == checked_callbacks(()) == []
    assert checked_callbacks(one) == [one]
    assert checked_callbacks((one, other)) == checked_callbacks(iter([one, other])) == [one, other]
    for wrong, message in (
        (EarlyStopping, "not their classes. Received: the class EarlyStopping. Write EarlyStop"),
        ([one, EarlyStopping], "Received: the class EarlyStopping"),
        (print, "wrap a function by keras.callbacks.LambdaCallback"),
        ([print], "Received: .*print.*, of type builtin"),
        ("EarlyStopping", "Received: 'EarlyStopping', of type str"),
        ({"stop": one}, "of type dict"),
        ([[one]], "of type list"),
        ([None], "of type NoneType"),
        (keras.callbacks.CallbackList([one]), "of type CallbackList"),
        (3, "of type int"),
    ):
        with pytest.raises(TypeError, match=f"^`callbacks` must be .*{message}"):
            checked_callbacks(wrong)
