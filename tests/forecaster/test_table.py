"""Frames in and out: ramps, so that every value names its own row."""

import datetime
import json
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.table import FrameWarning, SeriesTable, forecast_frame, read_frame

FREQS = ["s", "min", "15min", "h", "D", "B", "W-SUN", "W-WED", "MS", "ME", "QS", "QE", "YS", "YE"]
FREQS += ["2h", "3D"]
ROWS, HORIZON = 40, 7


def ramp(times, columns=("a", "b")):
    """Column k holds the row number plus 1000 k."""
    values = np.arange(len(times))[:, None] + 1000.0 * np.arange(len(columns))
    return pd.DataFrame(values, index=times, columns=columns)


def days(rows=ROWS, **options):
    return pd.date_range("2024-01-01", periods=rows, freq="D", **options)


def check_table(frame, **options):
    """What holds for every frame; returns its table."""
    before = frame.copy(deep=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FrameWarning)
        table = read_frame(frame, **options)
    if isinstance(frame, pd.Series):
        pd.testing.assert_series_equal(frame, before, check_freq=True)
    else:
        pd.testing.assert_frame_equal(frame, before, check_freq=True)
    assert table.values.dtype == np.float64
    assert table.values.shape == (table.num_targets, table.num_rows)
    assert not table.values.flags.writeable
    assert table.offsets.tolist() == [0, table.num_rows]
    assert (table.num_ids, len(table.starts)) == (1, 1)
    assert table.position_of(table.starts[0]) == 0
    assert table.position_of(table.end) == table.num_rows - 1
    beyond = table.times(0, table.num_rows + 5, 1)[0]
    assert table.position_of(beyond) == table.num_rows + 5
    # The way through JSON ends in the same table.
    again = SeriesTable.from_layout(json.loads(json.dumps(table.layout())), table.values)
    for name in ("freq", "time_name", "time_column"):
        assert getattr(again, name) == getattr(table, name)
    assert again.starts.equals(table.starts)
    assert (again.starts.dtype, again.starts.name) == (table.starts.dtype, table.starts.name)
    assert list(again.targets) == list(table.targets)
    assert list(map(type, again.targets)) == list(map(type, table.targets))
    assert again.targets.names == table.targets.names
    assert again.offsets.tolist() == table.offsets.tolist()
    # The forecast of a ramp is the ramp, laid out as the frame was.
    prediction = np.arange(table.num_targets * HORIZON).reshape(table.num_targets, HORIZON)
    forecast = forecast_frame(table, prediction)
    pd.testing.assert_frame_equal(
        forecast_frame(again, prediction), forecast, check_freq=True, check_column_type=False
    )
    return table


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("freq", FREQS)
def test_forecast_continues_the_frame(freq, zone):
    # The horizon of the daily and of the hourly frame holds the change of the clocks in March.
    start = "2024-03-30" if freq == "h" else "2024-02-25"
    times = pd.date_range(start, periods=ROWS + HORIZON, freq=freq, tz=zone, name="when")
    longer = ramp(times)
    table = check_table(longer.iloc[:ROWS])
    np.testing.assert_array_equal(table.values, longer.iloc[:ROWS].to_numpy().T)
    forecast = forecast_frame(table, longer.iloc[ROWS:].to_numpy().T)
    pd.testing.assert_frame_equal(forecast, longer.iloc[ROWS:], check_freq=True)


def test_forecast_of_periods_and_integers():
    for times, freq in (
        (pd.period_range("2024-01", periods=9, freq="M", name="month"), None),
        (pd.RangeIndex(4, 22, 2, name="step"), 2),
    ):
        longer = ramp(times)
        table = check_table(longer.iloc[:5], freq=freq)
        pd.testing.assert_frame_equal(
            forecast_frame(table, longer.iloc[5:].to_numpy().T), longer.iloc[5:]
        )
    assert table.position_of(np.int32(6)) == 1
    unsigned = ramp(pd.Index(np.arange(250, 255), dtype="uint8"))
    assert forecast_frame(read_frame(unsigned, freq=1), np.zeros((2, 2))).index.tolist() == [
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
    forecast = forecast_frame(table, longer[["a", "b"]].iloc[5:].to_numpy().T)
    assert forecast.columns.tolist() == ["when", "a", "b"]
    assert isinstance(forecast.index, pd.RangeIndex)
    expected = pd.DatetimeIndex(made) if kind in ("text", "date") else pd.Index(made)
    assert (forecast["when"].to_numpy() == expected[5:].to_numpy()).all()
    assert forecast["b"].tolist() == [1005, 1006, 1007]


def test_series():
    assert check_table(ramp(days())["b"]).targets.tolist() == ["b"]
    table = check_table(pd.Series(range(4), index=days(4)))
    assert forecast_frame(table, [[1, 2]]).columns.tolist() == ["value"]


def test_quantiles_become_the_last_level_of_the_columns():
    prediction = np.arange(12).reshape(2, 3, 2)  # (S, H, Q)
    frame = ramp(days()).rename_axis(columns="shop")
    forecast = forecast_frame(read_frame(frame), prediction, levels=[0.1, 0.9])
    assert forecast.columns.names == ["shop", "quantile"]
    assert forecast[("b", 0.9)].tolist() == prediction[1, :, 1].tolist()
    tall = ramp(days(), pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", "l"]))
    forecast = forecast_frame(read_frame(tall), prediction, levels=[0.1, 0.9])
    assert forecast.columns.names == ["k", "l", "quantile"]
    assert forecast[("y", 2, 0.1)].tolist() == prediction[1, :, 0].tolist()
    column = frame.rename_axis("when").reset_index()
    forecast = forecast_frame(read_frame(column, time_column="when"), prediction, levels=[0.1, 0.9])
    assert forecast.columns[0] == ("when", "")


@pytest.mark.parametrize("shape", [(3, 4), (2,), (2, 4, 1)])
def test_prediction_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"`prediction` must have the shape \(targets, horizon\)"):
        forecast_frame(read_frame(ramp(days())), np.zeros(shape))
    with pytest.raises(ValueError, match=r"`prediction` must have .* horizon, levels\)"):
        forecast_frame(read_frame(ramp(days())), np.zeros(shape), levels=[0.1, 0.9])


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
    with pytest.warns(FrameWarning, match=f"`frame` lacks {len(dropped)} of {ROWS} rows") as caught:
        table = read_frame(frame.drop(frame.index[dropped]), freq=freq)
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
        table = read_frame(frame[["a", "b"]].assign(c="x"))
    assert table.targets.tolist() == ["a", "b"]


def test_big_regular_frame_is_not_copied():
    values = np.arange(40.0).reshape(20, 2)
    frame = pd.DataFrame(values, index=days(20), copy=False)
    table = read_frame(frame)
    assert np.shares_memory(table.values, values)
    assert np.shares_memory(table.until(5).values, values)
    assert not np.shares_memory(table.tail(5).values, values)
    assert np.shares_memory(read_frame(frame, target=1).values, values)


def test_reading_a_big_regular_frame_takes_no_memory_of_its_size():
    values = np.arange(2.0 * 10**6).reshape(-1, 2)
    seconds = pd.date_range("2024", periods=len(values), freq="s")
    frame = pd.DataFrame(values, index=pd.DatetimeIndex(seconds, freq=None))
    tracemalloc.start()
    read_frame(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < values.nbytes / 4


def test_until_and_tail():
    table = read_frame(ramp(days()))
    first, last = table.until(10), table.tail(3)
    np.testing.assert_array_equal(first.values, table.values[:, :10])
    assert first.end == pd.Timestamp("2024-01-10")
    np.testing.assert_array_equal(last.values, table.values[:, -3:])
    assert (last.end, last.starts[0], last.num_rows) == (table.end, days()[-3], 3)
    assert table.tail(1000).num_rows == table.until(1000).num_rows == ROWS
    assert first.offsets.tolist() == [0, 10]


def test_ids_with_times_of_their_own():
    values = np.array([[0.0, 1, 2, 10, 11]])
    starts = pd.DatetimeIndex(["2024-01-01", "2024-03-01"])
    table = SeriesTable(values, np.array([0, 3, 5]), starts, pd.offsets.Day(), pd.Index(["a"]))
    assert (table.num_ids, table.end) == (2, pd.Timestamp("2024-03-02"))
    assert table.position_of("2024-03-04", id_position=1) == 3
    last = table.tail(2)
    np.testing.assert_array_equal(last.values, [[1, 2, 10, 11]])
    assert last.offsets.tolist() == [0, 2, 4]
    assert last.starts.tolist() == [pd.Timestamp("2024-01-02"), pd.Timestamp("2024-03-01")]
    np.testing.assert_array_equal(table.until(1).values, [[0, 10]])
    again = SeriesTable.from_layout(json.loads(json.dumps(table.layout())), values)
    assert again.starts.equals(starts)


def test_position_of_takes_what_a_user_writes():
    table = read_frame(ramp(days(tz="Europe/Berlin")))
    for time in ("2024-04-03", datetime.datetime(2024, 4, 3), "2024-04-02T22:00Z"):
        assert table.position_of(time) == 93
    months = read_frame(ramp(pd.period_range("2024-01", periods=3, freq="M")))
    assert months.position_of("2024-05") == 4


@pytest.mark.parametrize("time", ["2024-01-01 06:00", "2023-12-31", "soon", None, 3, pd.NaT])
def test_position_of_a_time_off_the_grid(time):
    message = r"`time` must be on the grid of the data. Received: time=.* steps of 'D'"
    with pytest.raises(ValueError, match=message):
        read_frame(ramp(days())).position_of(time)


@pytest.mark.parametrize("time", [None, pd.NaT, "2023-12", "soon"])
def test_position_of_a_period_off_the_grid(time):
    months = read_frame(ramp(pd.period_range("2024-01", periods=3, freq="M")))
    with pytest.raises(ValueError, match="`time` must be on the grid"):
        months.position_of(time)


@pytest.mark.parametrize("time", ["3", 2.5, -1, None, 10**30])
def test_position_of_an_integer_off_the_grid(time):
    with pytest.raises(ValueError, match="starts at 0 and goes on in steps of 1"):
        read_frame(ramp(range(5)), freq=1).position_of(time)


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "UTC+02:00"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_layout_keeps_unit_and_zone(unit, zone):
    starts = check_table(ramp(days(unit=unit, tz=zone))).starts
    assert starts.dtype == days(unit=unit, tz=zone).dtype


def test_layout_is_readable():
    months = pd.date_range("1949-01-01", periods=3, freq="MS", name="month", unit="us")
    assert read_frame(ramp(months)).layout() == {
        "kind": "datetime",
        "freq": "MS",
        "unit": "us",
        "tz": None,
        "starts": ["1949-01-01T00:00:00"],
        "offsets": [0, 3],
        "targets": ["a", "b"],
        "target_names": [None],
        "time_name": "month",
        "time_column": False,
    }


@pytest.mark.parametrize(
    "columns",
    [
        [3, 1],
        pd.RangeIndex(2, name="k"),
        [1.5, "x"],
        [("a", 1), "b"],
        pd.Index([("a", 1), ("b", 2)], tupleize_cols=False),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]),
        pd.Index(["a", "b"], name=("n", 1)),
    ],
)
def test_layout_keeps_labels(columns):
    table = check_table(ramp(days(), columns))
    again = SeriesTable.from_layout(json.loads(json.dumps(table.layout())), table.values)
    assert again.targets.nlevels == table.targets.nlevels


@pytest.mark.parametrize("label", [pd.Timestamp("2024"), (1, pd.Timestamp("2024")), np.inf])
def test_layout_refuses_labels_that_json_cannot_hold(label):
    table = read_frame(ramp(days(), pd.Index([label, "b"], tupleize_cols=False)))
    with pytest.raises(TypeError, match=r"Labels must be texts, .* `frame.rename\(columns=str\)`"):
        table.layout()


def test_layout_refuses_a_time_zone_without_a_name():
    class Somewhere(datetime.tzinfo):
        def utcoffset(self, _time):
            return datetime.timedelta(hours=1)

        dst = utcoffset

        def __str__(self):
            return "somewhere"

    table = read_frame(ramp(days(tz=Somewhere())))
    with pytest.raises(ValueError, match=r"time zone of `frame` must have a name.*: somewhere"):
        table.layout()
