"""Cutting tables, and which time lies on which row."""

import dataclasses
import datetime
import json
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from forecaster.data.covariates import Covariates
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_json import table_from_json, table_to_json
from tests.helpers.tables import days, ramp, read, shops

ROWS = 40


def test_until_and_tail():
    table = read(ramp(days()))
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
    table = SeriesTable(
        values,
        np.array([0, 3, 5]),
        starts,
        pd.offsets.Day(),
        pd.Index(["a"]),
        *map(Covariates.none, (5, 5, 2)),
    )
    assert (table.num_ids, table.end) == (2, pd.Timestamp("2024-03-02"))
    assert table.position_of("2024-03-04", id_position=1) == 3
    last = table.tail(2)
    np.testing.assert_array_equal(last.values, [[1, 2, 10, 11]])
    assert last.offsets.tolist() == [0, 2, 4]
    assert last.starts.tolist() == [pd.Timestamp("2024-01-02"), pd.Timestamp("2024-03-01")]
    np.testing.assert_array_equal(table.until(1).values, [[0, 10]])
    again = table_from_json(json.loads(json.dumps(table_to_json(table))), values)
    assert again.starts.equals(starts)


def test_position_of_takes_what_a_user_writes():
    table = read(ramp(days(tz="Europe/Berlin")))
    for time in ("2024-04-03", datetime.datetime(2024, 4, 3), "2024-04-02T22:00Z"):
        assert table.position_of(time) == 93
    months = read(ramp(pd.period_range("2024-01", periods=3, freq="M")))
    assert months.position_of("2024-05") == 4


def test_position_of_a_time_with_a_zone():
    aware = pd.Timestamp("2024-01-02", tz="Europe/Berlin")
    for times in (days(), pd.period_range("2024-01", periods=3, freq="M")):
        for time in (aware, str(aware), "2024-01-01T23:00Z"):
            with pytest.raises(
                TypeError, match=r"`time` must have no time zone.*tz_localize\(None"
            ):
                read(ramp(times)).position_of(time)
    assert read(ramp(days(tz="Europe/Berlin"))).position_of(aware.tz_convert("UTC")) == 1


def test_position_of_a_local_time_that_comes_twice_or_never():
    hours = pd.date_range("2024-10-26", periods=60, freq="h", tz="Europe/Berlin")
    table = read(ramp(hours))
    with pytest.raises(ValueError, match=r"must name one moment.*'2024-10-27 02:00:00\+02:00'"):
        table.position_of("2024-10-27 02:00")
    assert table.position_of("2024-10-27 02:00+02:00") == 26
    assert table.position_of("2024-10-27 02:00+01:00") == 27
    spring = read(ramp(hours - pd.Timedelta(days=210)))
    with pytest.raises(ValueError, match=r"must name one moment. Received: time='2024-03-31 02:"):
        spring.position_of("2024-03-31 02:00")
    # Days are counted on the calendar, where such a time has its place.
    assert read(ramp(days(tz="Europe/Berlin") + pd.Timedelta("2h"))).position_of("2024-03-31 02:00")


def test_position_of_a_local_time_is_that_of_the_zone_of_the_frame():
    hours = pd.date_range("2024-01-01", periods=20, freq="h", tz="Europe/Berlin")
    table = read(ramp(hours))
    layout = dataclasses.replace(table.layout, zone=ZoneInfo("America/New_York"))
    table = dataclasses.replace(table, layout=layout)
    assert table.position_of("2023-12-31 20:00") == 2
    assert table.position_of(hours[3]) == 3


@pytest.mark.parametrize(
    "time", ["2024-01-01 06:00", "2023-12-31", "soon", None, 3, 1e18, pd.NaT, "9" * 30, days]
)
def test_position_of_a_time_off_the_grid(time):
    message = r"`time` must be on the grid of the data. Received: time=.* steps of 'D'"
    with pytest.raises(ValueError, match=message):
        read(ramp(days())).position_of(time)


@pytest.mark.parametrize("time", [None, pd.NaT, "2023-12", "soon"])
def test_position_of_a_period_off_the_grid(time):
    months = read(ramp(pd.period_range("2024-01", periods=3, freq="M")))
    with pytest.raises(ValueError, match="`time` must be on the grid"):
        months.position_of(time)


@pytest.mark.parametrize("time", ["3", 2.5, -1, None, 10**30])
def test_position_of_an_integer_off_the_grid(time):
    with pytest.raises(ValueError, match="starts at 0 and goes on in steps of 1"):
        read(ramp(range(5)), freq=1).position_of(time)


def test_cut_of_many_ids():
    table = shops()
    assert table.lengths.tolist() == [3, 5, 8]
    assert table.ends.tolist() == [table.times(i, n - 1, 1)[0] for i, n in enumerate([3, 5, 8])]
    first = table.until(np.array([0, 2, 100]))
    assert first.values[0].tolist() == [0, 1, *range(2000, 2008)]
    assert (first.lengths.tolist(), first.starts.tolist()) == ([0, 2, 8], table.starts.tolist())
    assert first.ends[0] == table.starts[0] - pd.Timedelta(days=1)
    last = table.tail(np.array([1, 2, 3]))
    assert last.values[0].tolist() == [1002, 3, 4, 2005, 2006, 2007]
    assert last.starts.tolist() == [table.ends[0], table.times(1, 3, 1)[0], table.times(2, 5, 1)[0]]
    assert last.ids.equals(table.ids)


def test_rows_until():
    table = shops()  # a from the 26th to the 28th, b from the 25th to the 29th, c from the 27th on
    assert table.rows_until(pd.Timestamp("2024-02-26")).tolist() == [1, 2, 0]
    assert table.rows_until(pd.Timestamp("2024-02-26 23:59")).tolist() == [1, 2, 0]
    assert table.rows_until(pd.Timestamp("2000")).tolist() == [0, 0, 0]
    assert table.rows_until(pd.Timestamp("2100")).tolist() == [3, 5, 8]
    assert table.rows_until(pd.NaT).tolist() == [0, 0, 0]
    own = pd.Index([pd.Timestamp("2024-02-27"), pd.NaT, pd.Timestamp("2024-02-28")])
    assert table.rows_until(own).tolist() == [2, 0, 2]
    with pytest.raises(TypeError, match=r"kind of the data, datetime64.*Received: int64"):
        table.rows_until(3)
    with pytest.raises(TypeError, match=r"kind of the data.*datetime64\[.*, UTC\], e.g. 2024"):
        table.rows_until(pd.Timestamp("2024", tz="UTC"))


def test_rows_until_in_other_zones_periods_and_integers():
    berlin = read(ramp(days(tz="Europe/Berlin")))
    assert berlin.rows_until(pd.Timestamp("2024-01-01 22:59", tz="UTC")).tolist() == [1]
    assert berlin.rows_until(pd.Timestamp("2024-01-01 23:00", tz="UTC")).tolist() == [2]
    months = read(ramp(pd.period_range("2024-01", periods=9, freq="M")))
    assert months.rows_until(pd.Period("2024-03", "M")).tolist() == [3]
    numbers = read(ramp(pd.RangeIndex(4, 24, 2)), freq=2)
    assert numbers.rows_until(7).tolist() == [2]
    assert numbers.rows_until(pd.Index([None])).tolist() == [0]
