"""Wide frames in and out: ramps, so that every value names its own row."""

import datetime
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.frame_checks import FrameWarning
from forecaster.data.writing import forecast_frame
from tests.helpers.tables import FREQS, HORIZON, check_table, days, ramp, read

ROWS = 40


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("freq", FREQS)
def test_forecast_continues_the_frame(freq, zone):
    # The horizon of the daily and of the hourly frame holds the change of the clocks in March.
    start = "2024-03-30" if freq == "h" else "2024-02-25"
    times = pd.date_range(start, periods=ROWS + HORIZON, freq=freq, tz=zone, name="when")
    longer = ramp(times)
    table = check_table(longer.iloc[:ROWS])
    np.testing.assert_array_equal(table.values, longer.iloc[:ROWS].to_numpy().T)
    forecast = forecast_frame(table, longer.iloc[ROWS:].to_numpy().T[None])
    pd.testing.assert_frame_equal(forecast, longer.iloc[ROWS:], check_freq=True)


def test_forecast_of_periods_and_integers():
    for times, freq in (
        (pd.period_range("2024-01", periods=9, freq="M", name="month"), None),
        (pd.RangeIndex(4, 22, 2, name="step"), 2),
    ):
        longer = ramp(times)
        table = check_table(longer.iloc[:5], freq=freq)
        pd.testing.assert_frame_equal(
            forecast_frame(table, longer.iloc[5:].to_numpy().T[None]), longer.iloc[5:]
        )
    assert table.position_of(np.int32(6)) == 1
    unsigned = ramp(pd.Index(np.arange(250, 255), dtype="uint8"))
    assert forecast_frame(read(unsigned, freq=1), np.zeros((1, 2, 2))).index.tolist() == [
        255,
        256,
    ]


@pytest.mark.parametrize("kind", ["datetime", "text", "date", "local", "period", "integer"])
def test_time_column_comes_back_first(kind):
    times = days(8)
    made = {
        "datetime": lambda: times,
        "text": lambda: times.strftime("%Y-%m-%d"),
        "date": lambda: [datetime.date(2024, 1, day) for day in range(1, 9)],
        "local": lambda: times.tz_localize("Europe/Berlin"),
        "period": lambda: times.to_period("D"),
        "integer": lambda: np.arange(8),
    }[kind]()
    longer = ramp(range(8)).assign(when=made)[["a", "when", "b"]]
    table = check_table(longer.iloc[:5], time_column="when", freq=1 if kind == "integer" else None)
    np.testing.assert_array_equal(table.values[0], np.arange(5))
    forecast = forecast_frame(table, longer[["a", "b"]].iloc[5:].to_numpy().T[None])
    assert forecast.columns.tolist() == ["when", "a", "b"]
    assert isinstance(forecast.index, pd.RangeIndex)
    expected = pd.DatetimeIndex(made) if kind in ("text", "date") else pd.Index(made)
    assert (forecast["when"].to_numpy() == expected[5:].to_numpy()).all()
    assert forecast["b"].tolist() == [1005, 1006, 1007]


def test_series():
    assert check_table(ramp(days())["b"]).targets.tolist() == ["b"]
    table = check_table(pd.Series(range(4), index=days(4)))
    assert forecast_frame(table, [[[1, 2]]]).columns.tolist() == ["value"]


def test_quantiles_become_the_last_level_of_the_columns():
    prediction = np.arange(12).reshape(1, 2, 3, 2)  # (I, S, H, Q)
    frame = ramp(days()).rename_axis(columns="shop")
    forecast = forecast_frame(read(frame), prediction, levels=[0.1, 0.9])
    assert forecast.columns.names == ["shop", "quantile"]
    assert forecast[("b", 0.9)].tolist() == prediction[0, 1, :, 1].tolist()
    tall = ramp(days(), pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", "l"]))
    forecast = forecast_frame(read(tall), prediction, levels=[0.1, 0.9])
    assert forecast.columns.names == ["k", "l", "quantile"]
    assert forecast[("y", 2, 0.1)].tolist() == prediction[0, 1, :, 0].tolist()
    column = frame.rename_axis("when").reset_index()
    forecast = forecast_frame(read(column, time_column="when"), prediction, levels=[0.1, 0.9])
    assert forecast.columns[0] == ("when", "")


@pytest.mark.parametrize("shape", [(1, 3, 4), (2, 2, 4), (2, 4), (1, 2, 4, 1)])
def test_prediction_of_another_shape(shape):
    with pytest.raises(
        ValueError, match=r"`prediction` must have the shape \(ids, targets, horizon\)"
    ):
        forecast_frame(read(ramp(days())), np.zeros(shape))
    with pytest.raises(ValueError, match=r"`prediction` must have .* horizon, levels\)"):
        forecast_frame(read(ramp(days())), np.zeros(shape), levels=[0.1, 0.9])


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FREQS), st.permutations(range(ROWS)))
def test_order_of_rows_makes_no_difference(freq, order):
    frame = ramp(pd.date_range("2024-02-25", periods=ROWS, freq=freq))
    table = check_table(frame.iloc[order])
    np.testing.assert_array_equal(table.values, frame.to_numpy().T)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FREQS), st.sets(st.integers(1, ROWS - 2), min_size=1))
def test_rows_that_are_missing_are_nan_and_counted(freq, dropped):
    dropped = sorted(dropped)
    frame = ramp(pd.date_range("2024-02-25", periods=ROWS, freq=freq))
    with pytest.warns(
        FrameWarning, match=f"`frame` has gaps: {len(dropped)} of {ROWS} timestamps"
    ) as caught:
        table = read(frame.drop(frame.index[dropped]), freq=freq)
    assert len(caught) == 1
    frame.iloc[dropped] = np.nan
    np.testing.assert_array_equal(table.values, frame.to_numpy().T)


def test_kinds_of_numbers():
    frame = pd.DataFrame(
        {
            "int": [1, 2, 3],
            "bool": [True, False, True],
            "float32": np.float32([1, np.nan, 3]),
            "Int64": pd.array([1, None, 3], dtype="Int64"),
            "Float64": pd.array([1, None, 3], dtype="Float64"),
            "boolean": pd.array([True, None, False], dtype="boolean"),
        },
        index=days(3),
    )
    one, gap = [1, 2, 3], [1, np.nan, 3]
    np.testing.assert_array_equal(
        check_table(frame).values, [one, [1, 0, 1], gap, gap, gap, [1, np.nan, 0]]
    )


def test_targets():
    frame = ramp(days(), ["a", "b", ("c", 1), 4])
    assert check_table(frame, target="b").values[0, 0] == 1000
    assert check_table(frame, target=("c", 1)).values[0, 0] == 2000
    assert check_table(frame, target=[4, "a"]).values[:, 0].tolist() == [3000, 0]
    assert check_table(frame, target=[4, "a"]).targets.tolist() == [4, "a"]
    with pytest.warns(FrameWarning, match="not numeric and are left out: 'when', 'c'|'c' \\("):
        table = read(frame[["a", "b"]].assign(c="x"))
    assert table.targets.tolist() == ["a", "b"]


def test_big_regular_frame_is_not_copied():
    values = np.arange(40.0).reshape(20, 2)
    frame = pd.DataFrame(values, index=days(20), copy=False)
    table = read(frame)
    assert np.shares_memory(table.values, values)
    assert np.shares_memory(table.until(5).values, values)
    assert not np.shares_memory(table.tail(5).values, values)
    assert np.shares_memory(read(frame, target=1).values, values)


def test_reading_a_big_regular_frame_takes_no_memory_of_its_size():
    values = np.arange(2.0 * 10**6).reshape(-1, 2)
    seconds = pd.date_range("2024", periods=len(values), freq="s")
    frame = pd.DataFrame(values, index=pd.DatetimeIndex(seconds, freq=None))
    tracemalloc.start()
    read(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < values.nbytes / 4
