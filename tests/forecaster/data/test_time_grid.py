"""Steps of time, judged by `pandas.date_range` and `pandas.period_range` over a longer stretch."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.alignment import align_rows as place
from forecaster.data.frame_checks import FrameWarning, Rows
from forecaster.data.time_grid import as_freq, freq_name, season_length
from tests.helpers.tables import read

FIXED = ["s", "min", "15min", "h", "2h", "90min", "500ms"]
LOCAL = ["D", "3D", "W-SUN", "W-WED", "2W-FRI"]
CALENDAR = ["B", "MS", "ME", "2MS", "QS", "QE", "QE-JAN", "YS", "YE", "YS-APR"]
ZONES = [None, "UTC", "Europe/Berlin"]
# A few days before the clocks change in Berlin, on the 31st of March and the 27th of October.
STARTS = ["2024-03-28", "2024-10-24"]


def align_rows(times, freq=None):
    """Grid and places of the rows of one series."""
    alignment = place(Rows(times), freq)
    return alignment.grid, alignment.positions


def plain(times):
    """The same times without the freq that pandas attached to them."""
    return pd.DatetimeIndex(times, freq=None)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("freq", FIXED + LOCAL + CALENDAR)
def test_finds_the_step_and_goes_on_with_it(freq, zone, start):
    everything = pd.date_range(start, periods=50, freq=freq, tz=zone)
    grid, positions = align_rows(plain(everything[:40]))
    assert positions is None
    future = grid.times(40, 10)
    pd.testing.assert_index_equal(plain(future), plain(everything[40:]))
    assert future.freq is not None
    np.testing.assert_array_equal(grid.positions(plain(everything)), np.arange(50))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FIXED + LOCAL + CALENDAR), st.sampled_from(ZONES), st.data())
def test_any_order_and_a_few_gaps_make_no_difference(freq, zone, data):
    everything = pd.date_range("2023-10-24", periods=60, freq=freq, tz=zone)
    # With three of the inner rows gone, most neighbours are still one step apart.
    dropped = data.draw(st.sets(st.integers(1, 58), max_size=3))
    kept = data.draw(st.permutations(sorted(set(range(60)) - dropped)))
    grid, positions = align_rows(plain(everything[kept]))
    pd.testing.assert_index_equal(plain(grid.times(0, 60)), plain(everything))
    np.testing.assert_array_equal(np.arange(60) if positions is None else positions, kept)


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


def test_daily_data_keep_their_hour_and_hourly_data_do_not():
    days = pd.date_range("2024-03-28 08:00", periods=3, freq="D", tz="Europe/Berlin")
    assert set(align_rows(plain(days))[0].times(0, 300).hour) == {8}
    spans = pd.date_range("2024-03-28 08:00", periods=5, freq="24h", tz="Europe/Berlin")
    grid, _ = align_rows(plain(spans))
    assert (grid.freq, grid.times(0, 5).hour.tolist()) == (pd.offsets.Hour(24), [8, 8, 8, 9, 9])


def test_hours_that_the_clocks_skip_or_repeat():
    # Midnight of 2018-11-04 does not exist in São Paulo; 02:30 of 2024-10-27 comes twice in Berlin.
    days = pd.date_range("2018-11-01", periods=6).tz_localize(
        "America/Sao_Paulo", nonexistent="shift_forward"
    )
    grid, positions = align_rows(days[:3])
    assert positions is None
    assert grid.times(0, 6).equals(days)
    assert grid.times(0, 6).freq is None
    np.testing.assert_array_equal(align_rows(days[[3, 0, 1, 5, 4, 2]])[1], [3, 0, 1, 5, 4, 2])
    months = pd.date_range("2024-01-31 02:30", periods=5, freq="ME").tz_localize(
        "Europe/Berlin", nonexistent="shift_forward"
    )
    grid, positions = align_rows(months[[0, 1, 2, 4]], "ME")
    np.testing.assert_array_equal(positions, [0, 1, 2, 4])
    assert plain(grid.times(0, 5)).equals(plain(months))
    second_pass = pd.date_range("2024-10-25 02:30", periods=4).tz_localize(
        "Europe/Berlin", ambiguous=np.zeros(4, bool)
    )
    np.testing.assert_array_equal(align_rows(second_pass[::-1], "D")[1], [3, 2, 1, 0])


def test_far_positions_take_no_longer():
    grid, _ = align_rows(pd.date_range("2000-01-01", periods=5, freq="s"))
    assert grid.times(3_000_000_000, 1)[0] == pd.Timestamp("2000") + pd.Timedelta(seconds=3 * 10**9)
    grid, _ = align_rows(pd.date_range("2000-01-31", periods=5, freq="ME"))
    assert grid.times(2400, 1)[0] == pd.Timestamp("2200-01-31")


@pytest.mark.parametrize(
    ("times", "freq"),
    [
        (["2024-01-01", "2024-02-01", "2024-03-01", "2024-05-01", "2024-06-01"], "MS"),
        (["2024-01-31", "2024-02-29", "2024-03-31", "2024-05-31", "2024-06-30"], "ME"),
        (["2024-07-01", "2024-08-01", "2024-09-01"], "MS"),  # 31 days apart, twice
        (["2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10", "2024-01-12"], "B"),
        (["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"], "D"),
        (["2024-01-07", "2024-01-14", "2024-01-28", "2024-02-04"], "W-SUN"),
        (["2020-12-31", "2021-12-31", "2023-12-31", "2024-12-31"], "YE-DEC"),
        (["2024-01-01 09:00", "2024-01-01 10:00", "2024-01-01 11:00", "2024-01-02 09:00"], "h"),
    ],
)
def test_step_that_a_person_would_name(times, freq):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FrameWarning)
        table = read(pd.Series(np.arange(float(len(times))), index=pd.to_datetime(times)))
    assert table.freq.freqstr == freq


def test_freq_of_the_index_is_taken_and_checked_cheaply():
    two = pd.date_range("2024-01-31", periods=2, freq="ME")
    assert align_rows(two)[0].freq == pd.offsets.MonthEnd()
    backwards = pd.date_range("2024-01-31", periods=4, freq="ME")[::-1]
    grid, positions = align_rows(backwards)
    assert grid.freq == pd.offsets.MonthEnd()
    np.testing.assert_array_equal(positions, [3, 2, 1, 0])


def test_no_times_are_times():
    for freq in ("h", "D", "MS"):
        grid, _ = align_rows(pd.date_range("2024-01-01", periods=3, freq=freq, tz="UTC"))
        assert grid.times(3, 0).equals(pd.DatetimeIndex([], tz="UTC", dtype=grid.starts.dtype))


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


@pytest.mark.parametrize("freq", ["M", "ME", pd.offsets.MonthEnd()])
def test_periods_take_either_name_of_their_freq(freq):
    months = pd.period_range("2024-01", periods=3, freq="M")
    assert align_rows(months, freq)[1] is None


@pytest.mark.parametrize("freq", FIXED + LOCAL + CALENDAR)
def test_name_of_a_freq_makes_it_again(freq):
    offset = as_freq(freq, DAYS)
    assert as_freq(freq_name(offset), DAYS) == offset


@pytest.mark.parametrize(
    ("freq", "season"),
    {
        **{"100ms": 10, "s": 60, "10s": 6, "min": 1440, "15min": 96, "h": 24, "2h": 12, "5h": 1},
        **{"D": 7, "2D": 1, "B": 5, "W-SUN": 52, "2W-MON": 26, "MS": 12, "ME": 12, "2ME": 6},
        **{"BME": 12, "QS": 4, "QE-JAN": 4, "YS": 1, "YE": 1},
    }.items(),
)
def test_season_length(freq, season):
    assert season_length(as_freq(freq, DAYS)) == season


def test_season_length_of_integers_and_periods():
    assert season_length(1) == 1
    assert season_length(pd.PeriodIndex(["2024-01"], freq="M").freq) == 12
    assert season_length(pd.PeriodIndex(["2024Q1"], freq="Q-DEC").freq) == 4
