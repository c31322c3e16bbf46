"""Layouts of a Forecaster's frames: the answer has the one that came in, and its numbers."""

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from tests.helpers.comparisons import assert_unchanged
from tests.helpers.tiny import HORIZON, ROWS, days, tiny, waves, with_random_weights

# The same numbers under other names and times, and the times that must come next.


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


def test_what_is_left_at_none_is_found():
    model = with_random_weights(waves(), input_length=None, season_length=None)
    assert (model.input_length_, model.season_length_) == (14, 7)  # no more than a third of 60
    hours = with_times(HOURS[:ROWS])
    model = with_random_weights(hours, input_length=None, season_length=None)
    assert model.season_length_ == 24
