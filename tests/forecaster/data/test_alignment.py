"""Positions of rows on their grids, and rows that lie on none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.alignment import Alignment
from forecaster.data.alignment import align_rows as place
from forecaster.data.frame_checks import Rows
from tests.helpers.grids import align_rows, plain
from tests.helpers.tables import days, ramp, read


@pytest.mark.parametrize("freq", ["M", "Q", "Y", "D", "h", "W-SUN", "2M"])
def test_periods(freq):
    everything = pd.period_range("2024-01", periods=30, freq=freq)
    grid, positions = align_rows(everything[[5, 0, 1, 2, 3, 4]])
    np.testing.assert_array_equal(positions, [5, 0, 1, 2, 3, 4])
    pd.testing.assert_index_equal(grid.times(20, 10), everything[20:])


def test_integers():
    grid, positions = align_rows(pd.Index([30, 10, 20]), 5)
    np.testing.assert_array_equal(positions, [4, 0, 2])
    assert grid.times(5, 3).tolist() == [35, 40, 45]
    assert grid.times(10**12, 1).tolist() == [10 + 5 * 10**12]


def test_given_freq_may_be_finer_than_data_and_than_the_unit_of_the_index():
    hours = pd.date_range("2024-01-01", periods=3, freq="h", unit="s")
    np.testing.assert_array_equal(align_rows(hours, "30min")[1], [0, 2, 4])
    grid, positions = align_rows(hours[:2], "500ms")
    np.testing.assert_array_equal(positions, [0, 7200])
    assert grid.times(1, 1)[0] == pd.Timestamp("2024-01-01 00:00:00.5")


DAYS = pd.date_range("2024-01-01", periods=4)
ODD = pd.DatetimeIndex([*DAYS, "2024-01-05 00:07", "2024-01-06"])
TWICE = pd.DatetimeIndex([*DAYS, "2024-01-02", "2024-01-02"])


@pytest.mark.parametrize(
    ("times", "freq", "message"),
    [
        (DAYS, "M?", r"`freq` must be a step that pandas has an alias for. Received: freq='M\?'"),
        (DAYS, 1, r"pandas has an alias for. Received: freq=1\. Give e.g. 'min'"),
        (DAYS, "-1D", "pandas has an alias for. Received: freq='-1D'"),
        (DAYS, pd.DateOffset(months=1), "pandas has an alias for. Received: freq=<DateOffset"),
        (DAYS, "W-SUN", "every time lies on. Received: freq='W-SUN', counted from 2023-12-31"),
        (ODD, None, r"freq='D' \(most times share it\).* off the grid: 2024-01-05 00:07:00. Corr"),
        (ODD, "D", "freq='D', counted from 2024-01-01.* off the grid: 2024-01-05 00:07:00. Corr"),
        (
            TWICE,
            None,
            r"once. Received: 2 duplicated rows, at 2024-01-02 00:00:00\. Join",
        ),
        (DAYS[[0, 0, 0]], "D", "every time once. Received: 2 duplicated rows"),
        (DAYS[:2][::-1], "D", None),
        (plain(DAYS[:2]), None, "fewer than three times. Received: freq=None, 2 times: 2024-01-01"),
        (plain(DAYS[[0, 1, 3]]), None, "`freq` must be given where most of the steps"),
        (
            pd.RangeIndex(3),
            None,
            "positive int for integer times. Received: freq=None. Give `freq=1`",
        ),
        (pd.RangeIndex(3), "D", "positive int for integer times. Received: freq='D'"),
        (pd.RangeIndex(3), 0, "positive int for integer times. Received: freq=0"),
        (pd.RangeIndex(3), True, "positive int for integer times. Received: freq=True"),
        (pd.Index([1, 3, 4]), 2, "freq=2, counted from 1; off the grid: 4. Correct"),
        (
            DAYS.to_period("M")[[0, 0]],
            None,
            "every time once. Received: 1 duplicated rows, at 2024-01",
        ),
        (
            DAYS.to_period(),
            "M",
            "the one of the periods in the index. Received: freq='M', periods of",
        ),
    ],
)
def test_times_that_are_no_grid(times, freq, message):
    if message is None:
        align_rows(times, freq)
    else:
        with pytest.raises(ValueError, match=message):
            align_rows(times, freq)


def test_both_passes_of_a_local_hour_are_one_day():
    times = pd.DatetimeIndex(["2024-10-26 02:30", "2024-10-27 02:30", "2024-10-27 02:30"])
    times = times.tz_localize("Europe/Berlin", ambiguous=np.array([True, True, False]))
    with pytest.raises(ValueError, match=r"every time once\. Received: 1 duplicated rows"):
        align_rows(times, "D")


def test_one_time_centuries_away_asks_for_no_huge_array():
    times = pd.DatetimeIndex(["1900-01-01", *pd.date_range("2024-01-01", periods=50, freq="s")])
    with pytest.raises(
        ValueError, match=r"fair part of its grid\. Received: 51 rows from 1900-01-01"
    ):
        align_rows(times)


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(9)), st.integers(1, 9), st.integers(0, 3))
def test_rows_are_spread_to_their_positions(order, count, behind):
    taken = np.array(order[:count])
    offsets = np.array([0, taken.max() + 1 + behind])
    alignment = Alignment(None, offsets, taken)
    values = np.array([taken, -10.0 * taken])  # each names its own position
    spread = alignment.spread(values, fill=0.5)
    expected = [[n if n in taken else 0.5 for n in range(offsets[-1])]]
    expected += [[-10 * n if n in taken else 0.5 for n in range(offsets[-1])]]
    np.testing.assert_array_equal(spread, expected)
    assert alignment.missing().tolist() == [n for n in range(offsets[-1]) if n not in taken]


def test_rows_in_order_are_neither_copied_nor_missing():
    alignment = Alignment(None, np.array([0, 4]), None)
    values = np.arange(4.0)[None]
    assert alignment.spread(values) is values
    assert alignment.missing().tolist() == []


def test_every_id_has_a_grid_from_its_own_first_row_on():
    times = pd.DatetimeIndex(["2024-01-03", "2024-01-09", "2024-01-01", "2024-01-07", "2024-01-02"])
    codes, ids = np.array([1, 0, 1, 0, 1]), pd.Index(["x", "y"])
    alignment = place(Rows(times, codes, ids), "D")
    assert alignment.grid.starts.tolist() == [
        pd.Timestamp("2024-01-07"),
        pd.Timestamp("2024-01-01"),
    ]
    assert alignment.offsets.tolist() == [0, 3, 6]
    assert alignment.positions.tolist() == [5, 2, 3, 0, 4]
    assert alignment.missing().tolist() == [1]


def test_local_times_that_come_twice_when_the_clocks_are_put_back():
    aware = pd.date_range("2024-10-26", periods=60, freq="h", tz="Europe/Berlin")
    frame = ramp(aware.tz_localize(None))
    with pytest.raises(ValueError, match=r"2024-10-27 02:00:00 \(if the clocks were put .*'infer'"):
        read(frame)
    assert read(frame.tz_localize("Europe/Berlin", ambiguous="infer")).num_rows == 60
    with pytest.raises(ValueError, match=r"2024-01-02 00:00:00\. Join them"):
        read(ramp(days(3).repeat([1, 2, 1])))
