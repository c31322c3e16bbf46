"""Steps of time, with `pandas.date_range` over a longer stretch as the reference."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.time_grid import as_freq, freq_name, season_length
from tests.helpers.grids import CALENDAR, FIXED, LOCAL, align_rows, plain


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


def test_no_times_are_times():
    for freq in ("h", "D", "MS"):
        grid, _ = align_rows(pd.date_range("2024-01-01", periods=3, freq=freq, tz="UTC"))
        assert grid.times(3, 0).equals(pd.DatetimeIndex([], tz="UTC", dtype=grid.starts.dtype))


DAYS = pd.date_range("2024-01-01", periods=4)


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
        **{"bh": 8, "cbh": 8, "2bh": 4, "3bh": 1, "C": 5, "W-WED": 52, "4W": 13},
        **{"24h": 7, "1440min": 7, "48h": 1, "168h": 52, "7D": 52, "14D": 26, "12h": 2},
        **{"SMS": 24, "SME": 24, "QS-FEB": 4, "BQS-FEB": 4, "REQ-N-DEC-MON-1": 4},
        **{"WOM-2TUE": 12, "CBMS": 12, "BMS": 12, "6MS": 2, "12MS": 1},
        **{"BYS": 1, "YS-JUL": 1, "2YS": 1, "RE-N-DEC-MON": 1, "5B": 1, "45min": 32, "7min": 1},
        **{"ms": 1000, "us": 10**6, "90s": 960, "30min": 48},
    }.items(),
)
def test_season_length(freq, season):
    assert season_length(as_freq(freq, DAYS)) == season


@pytest.mark.parametrize(
    ("start", "end", "step", "season"),
    [
        ("08:00", "18:00", 1, 10),
        ("08:00", "18:00", 2, 5),
        ("17:00", "09:00", 1, 16),
        (["08:00", "13:00"], ["12:00", "17:00"], 1, 8),
        ("09:00", "16:30", 1, 1),  # seven hours and a half
    ],
)
def test_season_length_of_hours_of_business(start, end, step, season):
    assert season_length(pd.offsets.BusinessHour(step, start=start, end=end)) == season
    assert season_length(pd.offsets.CustomBusinessHour(step, start=start, end=end)) == season


def test_season_length_of_integers_and_periods():
    assert season_length(1) == 1
    assert season_length(pd.offsets.LastWeekOfMonth(weekday=0)) == 12
    assert season_length(pd.PeriodIndex(["2024-01"], freq="M").freq) == 12
    assert season_length(pd.PeriodIndex(["2024Q1"], freq="Q-DEC").freq) == 4
