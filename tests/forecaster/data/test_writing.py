"""Forecasts of wide frames, in the layout of the frame; every value names its own row."""

import datetime

import numpy as np
import pandas as pd
import pytest

from forecaster.data.writing import forecast_frame, with_keys
from tests.helpers.tables import (
    FREQS,
    HORIZON,
    LAYOUTS,
    check_table,
    days,
    laid_out,
    ramp,
    read,
    shops_with_roles,
)

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


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keys_of_rows_of_the_horizon(layout):
    frame = laid_out(shops_with_roles()[["shop", "when", "sold"]], layout)
    table = read(frame, **LAYOUTS[layout])
    found = with_keys(pd.DataFrame({"x": range(4)}), table, 2)
    expected = pd.DataFrame(
        {
            "shop": ["a", "a", "b", "b"],  # a begins a day after b, and ends on the same day
            "when": pd.to_datetime(["2024-03-02", "2024-03-03"] * 2).as_unit(table.starts.unit),
            "x": range(4),
        }
    )
    pd.testing.assert_frame_equal(found, laid_out(expected, layout), check_dtype=False)
