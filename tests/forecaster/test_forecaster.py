"""The public face of a Forecaster: scikit-learn's contract, and what a fit leaves as it is."""

import copy
import inspect
import logging
import pickle
import random
from importlib import import_module

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import forecaster
from forecaster import Forecaster, Quantiles, RecurrentNetwork, Training
from tests.helpers.panels import hashed_fits
from tests.helpers.tiny import HORIZON, LENGTH, days, tiny, waves

LEVELS = [0.1, 0.5, 0.9]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("forecaster.data.frame_checks", "FrameWarning"),
        ("forecaster.evaluation.plots", "plot_forecast"),
        # Packages from which these were imported before their names were exported.
        ("forecaster.network", "RecurrentNetwork"),
        ("forecaster.training", "Training"),
        ("forecaster.search", "ForecasterSearch"),
    ],
)
def test_a_public_name_is_one_object_by_every_path(module, name):
    assert name in forecaster.__all__
    exported, deep = getattr(forecaster, name), getattr(import_module(module), name)
    assert exported is deep
    assert exported.__name__ == name


def test_the_constructor_only_stores():
    given = {name: object() for name in inspect.signature(Forecaster).parameters}
    model = Forecaster(**given)
    assert model.get_params(deep=False) == given
    assert vars(model) == given


def test_scikit_learns_contract():
    model = Forecaster(3, network="gru", output=Quantiles(LEVELS), target=["b"])
    again = clone(model)
    assert again is not model
    assert repr(again) == repr(model)
    assert again.get_params(deep=False) == model.get_params(deep=False)
    assert model.get_params()["network__cell"] == "gru"
    assert model.set_params(network__units=5, training__learning_rate=0.5, horizon=2) is model
    assert model.network == RecurrentNetwork("gru", units=5)
    assert (model.training, model.horizon) == (Training(learning_rate=0.5), 2)
    with pytest.raises(ValueError, match="network__cells='gru'"):
        model.set_params(network__cells="gru")
    # A wrong value is refused by `fit`, and can be mended.
    assert Forecaster(3, network="lsmt").set_params(network="lstm").network == "lstm"


def test_a_clone_of_a_fitted_forecaster_is_not_fitted(fitted):
    again = clone(fitted())
    assert again.get_params(deep=False) == fitted().get_params(deep=False)
    for call in (again.predict, lambda: again.update(waves()), lambda: again.save("anywhere")):
        with pytest.raises(NotFittedError, match="This Forecaster instance is not fitted yet"):
            call()


def test_copies_and_pickles_answer_alike(fitted):
    model = fitted(output=Quantiles(LEVELS))
    copied = copy.deepcopy(model)
    copied.model_.set_weights([0 * weight for weight in copied.model_.get_weights()])
    assert not copied.predict().equals(model.predict())
    # A function of a test module cannot be unpickled elsewhere, but here it can.
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.predict(quantiles=LEVELS), model.predict(quantiles=LEVELS))
    assert again.train_end_ == model.train_end_


def test_the_model_is_what_its_attributes_say(fitted):
    model = fitted()
    assert (model.train_end_, model.freq_.freqstr) == (days()[-1], "D")
    assert (model.input_length_, model.season_length_) == (LENGTH, 7)
    assert len(model.history_.loss) == len(model.history_.validation_score) == 2
    assert model.model_.output_shape == (None, HORIZON, 1, 1)


def test_numbers_of_numpy_are_numbers(tmp_path, fitted):
    model = tiny(
        horizon=np.int64(HORIZON),
        input_length=np.int32(LENGTH),
        seed=np.int64(0),
        training=Training(epochs=np.int64(2), batch_size=np.int64(8), refit=False),
    )
    model.fit(waves(), verbose=0, resume_dir=tmp_path / "resume").save(tmp_path / "artifact")
    forecast = Forecaster.load(tmp_path / "artifact").predict()
    assert np.array_equal(forecast, fitted().predict())


def test_another_seed_gives_other_weights(fitted):
    assert not np.isclose(fitted(seed=1).predict(), fitted().predict()).any()


def test_no_source_of_chance_and_no_logger_of_the_process_is_touched(tmp_path):
    def state():
        generators = random.getstate(), np.random.get_state()[1].tolist()
        loggers = logging.root.level, list(logging.root.handlers), logging.root.filters[:]
        return *generators, *loggers, keras.backend.floatx()

    before = state()
    network = RecurrentNetwork("simple_rnn", units=2, dropout=0.1)
    model = tiny(network=network, training=Training(epochs=1, refit=False)).fit(waves(), verbose=0)
    model.backtest(waves(days(20, "2024-03-01")), cutoffs=2)
    model.save(tmp_path / "artifact")
    Forecaster.load(tmp_path / "artifact").predict()
    assert state() == before


def test_a_second_fit_starts_from_fresh_weights(fitted):
    other = waves() ** 2
    model = copy.deepcopy(fitted()).fit(other, verbose=0)
    assert np.array_equal(model.predict(), tiny().fit(other, verbose=0).predict())


class Stop(keras.callbacks.Callback):
    """Breaks off a fit after its first epoch."""

    def on_epoch_end(self, epoch, logs=None):
        raise RuntimeError("stopped")


def test_a_fit_that_fails_leaves_the_earlier_one(fitted):
    model = copy.deepcopy(fitted())
    before = model.predict()
    with pytest.raises(ValueError, match="every time once"):
        model.fit(pd.concat([waves()] * 2), verbose=0)
    with pytest.raises(RuntimeError, match="stopped"):
        model.fit(2 * waves(days(40)), callbacks=[Stop()], verbose=0)
    pd.testing.assert_frame_equal(model.predict(), before, check_exact=True)
    assert (model.train_end_, len(model.history_.loss)) == (days()[-1], 2)


def test_progress_is_shown_and_can_be_silenced(fitted, capsys):
    silenced = copy.deepcopy(fitted()).fit(waves(), verbose=0)
    assert capsys.readouterr().out == ""
    assert np.array_equal(silenced.fit(waves()).predict(), fitted().predict())
    shown = capsys.readouterr().out
    assert "2 series of 60 rows, freq='D', season_length=7, input_length=7" in shown
    assert shown.count("epoch ") == 2
    assert "\nloss and validation: MAE / the seasonal naive's MAE in training\n" in shown


# The old name of an argument


def test_a_window_of_a_backtest_is_its_train_length_under_an_old_name():
    how = {"refit": True, "cutoffs": 1}
    with hashed_fits():  # whose forecasts depend on every row that a fit is shown
        expected = tiny().backtest(waves(), train_length=13, **how)
        with pytest.warns(DeprecationWarning, match="`window` is now called `train_length`") as own:
            found = tiny().backtest(waves(), window=13, **how)
        expanding = tiny().backtest(waves(), **how)
    pd.testing.assert_frame_equal(found.forecasts, expected.forecasts, check_exact=True)
    assert not np.isclose(found.prediction, expanding.prediction).any()
    assert [warning.filename for warning in own] == [__file__]  # it names the caller's line
    with (
        pytest.warns(DeprecationWarning),
        pytest.raises(TypeError, match="`train_length` must be given once"),
    ):
        tiny().backtest(waves(), window=13, train_length=13, **how)
