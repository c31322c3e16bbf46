"""The public face: fit, predict, update, and what stays as it is meanwhile."""

import copy
import inspect
import logging
import os
import pickle
import random
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import forecaster.engine
from forecaster import Forecaster, Quantiles, RecurrentNetwork, Training
from forecaster.data.frame_checks import FrameWarning
from tests.helpers.tiny import (
    HORIZON,
    LENGTH,
    ROWS,
    days,
    equation,
    tiny,
    waves,
    with_random_weights,
)

LEVELS = [0.1, 0.5, 0.9]


def assert_close(actual, expected, tolerance=1e-5):
    """By the largest error over the largest value."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


def assert_unchanged(frame, before):
    if isinstance(frame, pd.Series):
        pd.testing.assert_series_equal(frame, before, check_freq=True, check_exact=True)
    else:
        pd.testing.assert_frame_equal(frame, before, check_freq=True, check_exact=True)


# Layouts: the same numbers under other names and times, and the times that must come next.


def with_times(times):
    return waves().set_axis(times)


MONTHS = pd.date_range("2019-01-01", periods=ROWS + HORIZON, freq="MS", name="month")
HOURS = pd.date_range("2024-03-30", periods=ROWS + HORIZON, freq="h", tz="Europe/Berlin")
PERIODS = pd.period_range("2019-01", periods=ROWS + HORIZON, freq="M", name="month")
NUMBERS = pd.RangeIndex(5, 5 + 2 * (ROWS + HORIZON), 2, name="number")
COLUMN = with_times(MONTHS[:ROWS]).reset_index()[["a", "month", "b"]]
LAYOUTS = {  # name -> the frame, parameters, the index of its forecast
    "days": (waves(), {}, days(ROWS + HORIZON)[ROWS:]),
    "months": (with_times(MONTHS[:ROWS]), {}, MONTHS[ROWS:]),
    "hours in a time zone": (with_times(HOURS[:ROWS]), {}, HOURS[ROWS:]),
    "periods": (with_times(PERIODS[:ROWS]), {}, PERIODS[ROWS:]),
    "integers": (with_times(NUMBERS[:ROWS]), {"freq": 2}, NUMBERS[ROWS:]),
    "a column of times": (COLUMN, {"time_column": "month"}, pd.RangeIndex(HORIZON)),
    "rows in any order": (waves().sample(frac=1, random_state=0), {}, days(ROWS + HORIZON)[ROWS:]),
    "labels of two levels": (
        waves().set_axis(pd.MultiIndex.from_tuples([("x", 1), ("x", 2)], names=["k", "n"]), axis=1),
        {},
        days(ROWS + HORIZON)[ROWS:],
    ),
    "integers as labels": (waves().set_axis([7, 3], axis=1), {}, days(ROWS + HORIZON)[ROWS:]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_forecasts_come_back_in_the_layout_that_came_in(name, tmp_path):
    frame, parameters, future = LAYOUTS[name]
    before = frame.copy(deep=True)
    model = with_random_weights(frame, **parameters)
    forecast = model.predict()
    pd.testing.assert_frame_equal(model.predict(frame), forecast)
    model.save(tmp_path / "artifact")
    pd.testing.assert_frame_equal(Forecaster.load(tmp_path / "artifact").predict(), forecast)
    assert_unchanged(frame, before)
    columns = frame.columns
    if "time_column" in parameters:
        assert forecast.pop("month").tolist() == MONTHS[ROWS:].tolist()
        columns = pd.Index(["a", "b"])
    pd.testing.assert_index_equal(forecast.index, future, exact="equiv")
    pd.testing.assert_index_equal(forecast.columns, columns)
    # The times are no input of the network, so the numbers are the same, bit for bit.
    assert np.array_equal(forecast, with_random_weights(waves()).predict())


@pytest.mark.parametrize("name", ["hours in a time zone", "a column of times", "rows in any order"])
def test_a_fit_sees_the_same_numbers_in_every_layout(name, fitted):
    frame, parameters, _ = LAYOUTS[name]
    before = frame.copy(deep=True)
    forecast = tiny(**parameters).fit(frame, verbose=0).predict()
    assert np.array_equal(forecast.drop(columns="month", errors="ignore"), fitted().predict())
    assert_unchanged(frame, before)


def test_a_series_is_a_frame_of_one_column():
    series = waves()["a"]
    before = series.copy(deep=True)
    model = with_random_weights(series)
    pd.testing.assert_frame_equal(model.predict(series), model.predict())
    pd.testing.assert_frame_equal(model.predict(), with_random_weights(waves()[["a"]]).predict())
    assert_unchanged(series, before)


@pytest.mark.parametrize("dtype", ["float32", "Float64", "Int64", "int16"])
def test_columns_of_any_numeric_dtype(dtype, fitted):
    frame = waves().round().astype(dtype)
    assert np.array_equal(fitted().predict(frame), fitted().predict(frame.astype("float64")))


def test_missing_values_of_a_nullable_column(fitted):
    frame = waves().round()
    frame.iloc[-3, 0] = np.nan
    assert np.array_equal(fitted().predict(frame.astype("Int64")), fitted().predict(frame))


# What is answered


def test_the_answer_is_the_equation(fitted):
    for label, column in waves().items():
        expected = equation(fitted(), column.to_numpy()[-LENGTH:])
        assert_close(fitted().predict()[label], expected)


def test_the_model_is_what_its_attributes_say(fitted):
    model = fitted()
    assert (model.train_end_, model.freq_.freqstr) == (days()[-1], "D")
    assert (model.input_length_, model.season_length_) == (LENGTH, 7)
    assert len(model.history_.loss) == len(model.history_.validation_score) == 2
    assert model.model_.output_shape == (None, HORIZON, 1, 1)


def test_what_is_left_at_none_is_found():
    model = with_random_weights(waves(), input_length=None, season_length=None)
    assert (model.input_length_, model.season_length_) == (14, 7)  # no more than a third of 60
    hours = with_times(HOURS[:ROWS])
    model = with_random_weights(hours, input_length=None, season_length=None)
    assert model.season_length_ == 24


VALUES = st.floats(-100, 100).map(lambda value: round(value, 1)) | st.just(np.nan)


@given(hnp.arrays(float, st.integers(1, 20), elements=VALUES))
@settings(max_examples=40, deadline=None)
def test_any_history_is_answered_by_the_equation(fitted, values):
    values[0] = 1.0  # a frame without any value is refused
    with np.errstate(all="ignore"):
        window = values[-LENGTH:]
        history = pd.DataFrame({"x": values}, index=days(len(values)))
        if np.isnan(window).all():
            with pytest.warns(FrameWarning, match=r"forecasts of x are NaN.* newest 7 rows"):
                assert fitted().predict(history).isna().all(axis=None)
        else:
            expected = equation(fitted(), window)
            error = np.abs(fitted().predict(history)["x"] - expected).max()
            assert error <= 1e-5 * max(1, np.abs(expected).max(), np.nanmax(np.abs(window)))


def test_only_the_newest_window_is_read(fitted):
    history = waves()
    history.iloc[:-LENGTH] = -7.0
    assert np.array_equal(fitted().predict(history), fitted().predict())


def test_a_history_of_one_row(fitted):
    history = waves().iloc[[-1]]
    forecast = fitted().predict(history)
    assert np.array_equal(forecast, np.repeat(history.to_numpy(np.float32), HORIZON, axis=0))


@pytest.mark.parametrize("parameters", [{}, {"network": "gru", "output": Quantiles(LEVELS)}])
def test_a_series_never_seen_has_a_scale_of_its_own(parameters):
    model = with_random_weights(waves(), **parameters)
    other = 1000 * waves().rename(columns=str.upper) + 50_000
    assert_close(model.predict(other), 1000 * model.predict() + 50_000)


def test_a_column_does_not_depend_on_the_others(fitted):
    model, alone, other = fitted(), waves()[["a"]], waves().assign(b=np.nan)
    assert_close(model.predict(alone), model.predict()[["a"]])
    with pytest.warns(FrameWarning, match=r"forecasts of b are NaN"):
        assert np.array_equal(model.predict(other)["a"], model.predict()["a"])
    swapped = model.predict(waves()[["b", "a"]])
    pd.testing.assert_frame_equal(swapped[["a", "b"]], model.predict(), check_exact=True)


def test_joint_channels_see_each_other(fitted):
    model = fitted(channels="joint")
    assert model.predict().columns.tolist() == ["a", "b"]
    frame = waves()
    frame.iloc[-3, 1] += 5
    assert not np.isclose(model.predict(frame)["a"], model.predict()["a"]).any()
    # By name, not by place; what is not needed may be there.
    shuffled = waves()[["b", "a"]].assign(c=1.0)
    assert np.array_equal(model.predict(shuffled), model.predict())
    with pytest.raises(
        ValueError, match=r"unknown b\. The columns are a\.\sThe fit was on a, b in"
    ):
        model.predict(waves()[["a"]])


@pytest.mark.parametrize(("target", "labels"), [("b", ["b"]), (["b", "a"], ["b", "a"])])
def test_only_the_target_is_read(target, labels):
    frame = waves().assign(c=-1.0, d="text")
    model = with_random_weights(frame, target=target)
    assert model.predict().columns.tolist() == labels
    assert np.array_equal(model.predict(frame), model.predict())


def test_quantiles(fitted):
    model = fitted(output=Quantiles([0.9, 0.1]))
    point, forecast = model.predict(), model.predict(quantiles=LEVELS)
    assert forecast.columns.tolist() == [(label, level) for label in "ab" for level in LEVELS]
    for label in "ab":
        assert (forecast[label].diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
        assert np.array_equal(forecast[label][0.5], point[label])
    pd.testing.assert_frame_equal(
        model.predict(quantiles=np.array([0.9, 0.1])),
        forecast[[(label, level) for label in "ab" for level in (0.9, 0.1)]],
    )
    pd.testing.assert_frame_equal(
        model.predict(waves(), quantiles=0.1), forecast[[("a", 0.1), ("b", 0.1)]]
    )


# Series that say little


@pytest.mark.parametrize("normalization", ["last", "standard"])
def test_a_constant_series_is_forecast_as_it_is(normalization):
    frame = waves().assign(b=0.1, c=-12345.678)
    model = tiny(normalization=normalization)
    with pytest.warns(FrameWarning, match=r"one value only.*: b, c\.$"):
        model.fit(frame, verbose=0)
    forecast = model.predict()
    assert (forecast[["b", "c"]] == np.float32([0.1, -12345.678])).all(axis=None)
    assert not forecast.isna().any(axis=None)


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_a_series_without_a_value(channels):
    model = tiny(channels=channels)
    with pytest.warns(FrameWarning, match=r"no value at all.*: b\.$"):
        model.fit(waves().assign(b=np.nan), verbose=0)
    assert np.isfinite(model.history_.loss).all()
    with pytest.warns(FrameWarning, match=r"forecasts of b are NaN, because their newest 7 rows"):
        forecast = model.predict()
    assert forecast["b"].isna().all()
    assert forecast["a"].notna().all()


def test_gaps_longer_than_a_window():
    frame = waves()
    frame.iloc[15:40, 1] = np.nan
    model = tiny().fit(frame, verbose=0)
    assert np.isfinite(model.history_.loss).all()
    assert model.predict().notna().all(axis=None)


def test_missing_rows_are_missing_values(fitted):
    frame = waves()
    frame.iloc[[-3, -5]] = np.nan
    with pytest.warns(FrameWarning, match="has gaps: 2 of 60 timestamps"):
        forecast = fitted().predict(frame.dropna())
    assert np.array_equal(forecast, fitted().predict(frame))


# What a forecaster leaves alone


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


# update


NEW = waves(days(ROWS + 5))


def test_an_update_goes_on_from_the_weights_at_hand(fitted):
    model, before = copy.deepcopy(fitted()), NEW.copy(deep=True)
    assert model.update(NEW) is model
    assert_unchanged(NEW, before)
    assert model.train_end_ == NEW.index[-1]
    old, new = fitted().model_.get_weights()[0], model.model_.get_weights()[0]
    assert not np.array_equal(old, new)
    assert np.abs(old - new).max() < 0.1
    forecast = model.predict()
    assert forecast.index[0] == NEW.index[-1] + pd.Timedelta(days=1)
    assert np.array_equal(forecast, model.predict(NEW))


def test_the_new_rows_alone_are_the_same_update(fitted, tmp_path):
    fitted().save(tmp_path / "artifact")
    models = [
        copy.deepcopy(fitted()),
        copy.deepcopy(fitted()),
        Forecaster.load(tmp_path / "artifact"),
    ]
    new = NEW.iloc[ROWS:]
    frames = [new, NEW.iloc[ROWS - LENGTH :][["b", "a"]].assign(c=1.0), new]
    forecasts = [model.update(frame).predict() for model, frame in zip(models, frames, strict=True)]
    for forecast in forecasts[1:]:
        pd.testing.assert_frame_equal(forecast, forecasts[0], check_exact=True)
    # All rows are the same too, but for the units of errors, which they tell more closely.
    assert_close(copy.deepcopy(fitted()).update(NEW).predict(), forecasts[0], 1e-3)


def test_known_rows_are_replaced_by_an_update(fitted):
    model, frame = copy.deepcopy(fitted()), NEW.copy()
    frame.iloc[ROWS - 1] *= 2
    model.update(frame.iloc[ROWS - 1 :])
    assert np.array_equal(model.predict(), model.predict(frame))


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (waves(), ValueError, r"rows after 2024-02-29 .*Received: a frame that ends at 2024-02-29"),
        (NEW[["a"]], ValueError, r"(?s)unknown b\..*\sThe fit was on a, b in steps of 'D'"),
        (NEW.tz_localize("UTC"), TypeError, r"of the kind of the data, .*: datetime64.*2024-02-29"),
        (
            NEW.reset_index(drop=True),
            ValueError,
            r"(?s)integer times.*\sThe fit was on a, b in steps",
        ),
        ([1, 2], TypeError, "must be a pandas DataFrame"),
    ],
)
def test_updates_that_are_refused(frame, error, message, fitted):
    with pytest.raises(error, match=message):
        fitted().update(frame)


def test_a_future_that_nothing_is_made_of_is_refused(fitted):
    with pytest.raises(ValueError, match=r"`future` must be None .* without future covariates"):
        fitted().predict(future=NEW)


def test_an_update_that_fails_leaves_the_weights(fitted, monkeypatch):
    def half(model, *args, **kwargs):
        model.set_weights([weight + 1 for weight in model.get_weights()])
        raise KeyboardInterrupt

    model = copy.deepcopy(fitted())
    monkeypatch.setattr(type(model.model_), "fit", half)
    with pytest.raises(KeyboardInterrupt):
        model.update(NEW)
    assert np.array_equal(model.predict(), fitted().predict())
    assert model.train_end_ == days()[-1]


def test_an_update_without_kept_history_needs_more_than_a_horizon(fitted, tmp_path):
    fitted().save(tmp_path / "artifact", keep_history=False)
    model = Forecaster.load(tmp_path / "artifact")
    with pytest.raises(ValueError, match=r"at least 4 rows: history, then a horizon.* Received: 2"):
        model.update(NEW.iloc[-2:])
    assert model.update(NEW.iloc[-4:]).predict().index[0] == days(ROWS + 6)[-1]


# Bad input: said in the caller's words, and before any training


@pytest.fixture
def no_training(monkeypatch):
    """Whoever begins to train fails the test."""
    for name in ("train", "train_further"):
        monkeypatch.setattr(forecaster.engine, name, lambda *_: pytest.fail("it trained"))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"horizon": 0}, ValueError, "`horizon` must be at least 1. Received: horizon=0"),
        ({"horizon": 2.0}, TypeError, "`horizon` must be an integer. Received: horizon=2.0"),
        ({"horizon": True}, TypeError, "`horizon` must be an integer. Received: horizon=True"),
        ({"horizon": "12"}, TypeError, "`horizon` must be an integer. Received: horizon='12'"),
        ({"input_length": 0}, ValueError, "`input_length` must be at least 1"),
        ({"input_length": 7.5}, TypeError, "`input_length` must be an integer"),
        ({"season_length": 0}, ValueError, "`season_length` must be at least 1"),
        ({"channels": "both"}, ValueError, "`channels` must be one of 'independent', 'joint'"),
        ({"normalization": "z"}, ValueError, "`normalization` must be one of 'standard', 'last'"),
        ({"network": "lsmt"}, ValueError, r"'lstm', 'gru', 'peephole_lstm'.* cell='lsmt'"),
        ({"network": 5}, TypeError, r"`network` must be a cell's name.*network=5.* simple_rnn, ls"),
        ({"output": "mean"}, ValueError, r"`output` must be \"point\" or Quantiles.*output='mean'"),
        ({"output": [0.1]}, ValueError, r"`output` must be .* output=\[0.1\]"),
        ({"training": 5}, TypeError, r"`training` must be a Training. Received: training=5"),
        ({"training": Training(loss="pinball")}, ValueError, r"`loss` must be one of mae, mse for"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"seed": 2**32}, ValueError, r"`seed` must be below 2\*\*32"),
        ({"seed": None}, TypeError, "`seed` must be an integer. Received: seed=None"),
        (
            {"target": "c"},
            ValueError,
            r"`target` must name columns of `frame`. Received: unknown c",
        ),
        ({"time_column": "t"}, ValueError, "`time_column` must name columns of `frame`"),
        ({"freq": "month"}, ValueError, "`freq` must be a step that pandas has an alias for"),
    ],
)
@pytest.mark.parametrize("call", [Forecaster.fit, Forecaster.backtest], ids=["fit", "backtest"])
def test_parameters_that_are_refused(parameters, error, message, call, no_training):
    with pytest.raises(error, match=message):
        call(tiny(**parameters), waves())


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Training(epochs=0), ValueError, "`epochs` must be at least 1"),
        (lambda: Training(epochs=2.5), TypeError, "`epochs` must be an integer"),
        (lambda: Training(learning_rate=0), ValueError, "`learning_rate` must be finite and above"),
        (lambda: Training(learning_rate="fast"), TypeError, "`learning_rate` must be a number"),
        (lambda: Training(batch_size=0), ValueError, "`batch_size` must be at least 1"),
        (lambda: Training(validation=1.5), ValueError, "`validation` must be a fraction between"),
        (lambda: RecurrentNetwork("lsmt"), ValueError, "`cell` must be one of 'simple_rnn'"),
        (lambda: RecurrentNetwork(units=0), ValueError, "`units` must be at least 1"),
        (lambda: Quantiles([0.1, 1.0]), ValueError, "`levels` must be probabilities between"),
    ],
)
def test_specs_that_are_refused(build, error, message):
    with pytest.raises(error, match=message):
        build()


TWICE = pd.concat([waves(), waves().iloc[[3]]])
UNEVEN = waves().set_axis(days()[0] + pd.to_timedelta(np.arange(ROWS) ** 3, "s"))


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        ([[1.0, 2.0]], TypeError, "`frame` must be a pandas DataFrame or .* Received: list"),
        (waves().iloc[:0], ValueError, r"must have rows and columns. Received: shape \(0, 2\)"),
        (waves().astype(str), TypeError, "must name numeric columns"),
        (
            TWICE,
            ValueError,
            "must have every time once. Received: 1 duplicated rows, at 2024-01-04",
        ),
        (UNEVEN, ValueError, "`freq` must be given where most of the steps between times differ"),
        (waves().replace(waves().iloc[3, 1], np.inf), ValueError, "finite.* inf in column 'b' at"),
        (waves().set_axis(["x"] * ROWS), TypeError, "datetimes, periods or integers as times"),
        (waves().set_axis([None, *days()[1:]]), ValueError, "a time in every row.* at rows 0"),
        (waves() * np.nan, ValueError, "at least one number. Received: only missing values"),
        (waves(days(12)), ValueError, r"at least 13 rows: a season .*Received: 12 rows"),
    ],
)
def test_frames_that_are_refused(frame, error, message, monkeypatch):
    monkeypatch.setattr("forecaster.training.loop._fit", lambda *_: pytest.fail("it trained"))
    with pytest.raises(error, match=message):
        tiny().fit(frame, verbose=0)


def test_the_fewest_rows_are_enough():
    assert tiny().fit(waves(days(13)), verbose=0).predict().notna().all(axis=None)


@pytest.mark.parametrize(
    ("output", "quantiles", "message"),
    [
        (
            "point",
            LEVELS,
            r"must be None for a point.*Received: quantiles=\[0.1.*Fit with `output`",
        ),
        ("point", 0.5, r"must be None for a point forecaster. Received: quantiles=0.5"),
        (Quantiles(LEVELS), [0.2], r"among the levels of `output`, \[0.1, 0.5, 0.9\].*=\[0.2\]"),
        (Quantiles(LEVELS), [], r"among the levels of `output`"),
        (Quantiles(LEVELS), "0.1", r"among the levels of `output`.* quantiles='0.1'"),
    ],
)
def test_quantiles_that_are_refused(output, quantiles, message, fitted):
    with pytest.raises(ValueError, match=message):
        fitted(output=output).predict(quantiles=quantiles)


def test_histories_that_are_refused(fitted):
    with pytest.raises(
        ValueError, match=r"(?s)off the grid.*\sThe fit was on a, b in steps of 'D'\.$"
    ):
        fitted().predict(waves(pd.date_range("2024-01-01", periods=5, freq="h")))
    with pytest.raises(
        TypeError, match=r"(?s)must be a pandas.*\sThe fit was on a, b in steps of 'D'"
    ):
        fitted().predict(5)


def test_parameters_changed_since_the_fit_ask_for_another_one(fitted):
    model = copy.deepcopy(fitted()).set_params(horizon=5, training__epochs=1, seed=3)
    for call in (model.predict, lambda: model.update(NEW), lambda: model.save("anywhere")):
        with pytest.raises(ValueError, match=r"`horizon` must be what `fit` saw\. .* horizon=5"):
            call()
    # How and from which seed the weights came is past.
    assert np.array_equal(model.set_params(horizon=HORIZON).predict(), fitted().predict())


def test_another_backend_is_refused(monkeypatch, no_training):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    model, refusal = tiny(), r"on its TensorFlow backend.* Received: 'jax'\. Set KERAS_BACKEND=tens"
    calls = [lambda: model.fit(waves()), lambda: model.backtest(waves())]
    for call in [*calls, lambda: Forecaster.load("anywhere")]:
        with pytest.raises(RuntimeError, match=refusal):
            call()


@pytest.mark.slow
def test_a_backend_that_is_not_there_is_refused():
    code = "from forecaster import Forecaster; Forecaster.load('anywhere')"
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("RuntimeError: Keras must run on its TensorFlow backend")
    assert "Set KERAS_BACKEND=tensorflow and start again." in last


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
