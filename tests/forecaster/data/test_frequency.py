"""The step of times, where nobody names it: `pandas.date_range` is the reference."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.frame_checks import FrameWarning, Rows
from forecaster.data.frequency import first_steps, infer_freq, own_freq
from tests.helpers.grids import CALENDAR, FIXED, LOCAL, ZONES, align_rows, plain
from tests.helpers.tables import days, quietly, ramp, read

# A few days before the clocks change in Berlin, on the 31st of March and the 27th of October.
STARTS = ["2024-03-28", "2024-10-24"]


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


def test_the_step_is_that_of_most_neighbours_in_the_longest_series():
    hours = ramp(pd.date_range("2024-01-01", periods=30, freq="h"), ["sold"])
    short = ramp(pd.DatetimeIndex(["2024-01-01", "2024-01-03"]), ["sold"])
    frame = pd.concat({"long": hours.drop(hours.index[[3, 7]]), "short": short})
    assert quietly(frame).freq.freqstr == "h"
    pairs = pd.concat({i: ramp(days(2), ["sold"]) for i in range(5)})
    assert read(pairs).freq.freqstr == "D"


def test_the_step_of_an_index():
    assert own_freq(pd.date_range("2024-01-01", periods=3, freq="MS")).freqstr == "MS"
    assert own_freq(pd.date_range("2024-01-31", periods=3, freq="-1D")) == pd.offsets.Day()
    quarters = pd.period_range("2024-01", periods=3, freq="Q")
    assert own_freq(quarters) == pd.offsets.QuarterEnd(startingMonth=12)
    assert own_freq(pd.DatetimeIndex(["2024-01-01", "2024-01-02"])) is None
    with pytest.raises(ValueError, match=r"`freq` must be a positive int for integer times"):
        own_freq(pd.RangeIndex(3))


@pytest.mark.parametrize(
    ("times", "steps"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-03"], ["D", "24h"]),
        (["2024-01-07", "2024-01-21", "2024-02-04"], ["2W-SUN", "336h"]),
        (["2024-01-01 00:00", "2024-01-01 00:15", "2024-01-01 00:30"], ["15min"]),
        (["2024-01-01", "2024-02-01", "2024-03-01"], []),  # a month may be of any length
        (["2024-01-02", "2024-01-01", "2024-01-03"], []),
        (["2024-01-01", "2024-01-02"], []),
    ],
)
def test_steps_that_the_first_two_times_suggest(times, steps):
    assert [step.freqstr for step in first_steps(pd.DatetimeIndex(times))] == steps


def test_more_than_half_of_the_steps_decide():
    start, hour = pd.Timestamp("2024-01-01"), pd.Timedelta("1h")
    hours = np.cumsum([0, 1, 1, 1, 2, 5])
    assert infer_freq(Rows(pd.DatetimeIndex(start + hours * hour))).freqstr == "h"
    for gaps in ([0, 1, 1, 2, 2], [0, 1, 1, 2, 5], [0, 1]):
        with pytest.raises(ValueError, match=r"`freq` must be given where most of the steps"):
            infer_freq(Rows(pd.DatetimeIndex(start + np.cumsum(gaps) * hour)))


def test_times_that_come_twice_are_no_step():
    times = pd.DatetimeIndex(["2024-01-01"] * 9 + ["2024-01-02", "2024-01-03"])
    assert infer_freq(Rows(times)).freqstr == "D"


@pytest.mark.parametrize(
    ("first", "last", "weekdays", "freq"),
    [(9, 16, 5, "bh"), (8, 15, 5, "h"), (10, 17, 5, "h"), (9, 16, 7, "h"), (9, 15, 5, "h")],
)
def test_hours_of_business_are_those_that_pandas_means(first, last, weekdays, freq):
    hours = pd.date_range("2024-01-01", periods=600, freq="h", tz="Europe/Berlin")
    hours = hours[(hours.hour >= first) & (hours.hour <= last) & (hours.day_of_week < weekdays)]
    table = quietly(ramp(hours))
    assert table.freq.freqstr == freq
    assert hours.isin(table.times(0, 0, table.num_rows)).all()
